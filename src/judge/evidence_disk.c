/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "judge/internal.h"

#include <math.h>

#include "base/auto.h"
#include "base/buf.h"

/* Of the disk's declared rate. */
#define CARRIED_MIN_CONTENTION 0.95
#define CARRIED_MAX_PLENTY     0.90
/*
 * Of the deepest queue that the tenant had in any second of the run, which is how many requests its workload keeps: over the
 * window, and in every second.  Full queues were 0.92 to 0.99 deep in seconds without other load and 0.6 with some; a queue of
 * half the depth is still one from which the scheduler can always take.
 */
#define DEPTH_MIN        0.80
#define DEPTH_MIN_SECOND 0.50
#define DEPTH_MIN_SEEN   1.0 /* requests */
#define SECOND           1.0
/*
 * A tool's depth is rate times latency of what was completed (Little's law, which holds over the long run): of 16 requests under way all
 * the time 7 to 24 were told in single seconds at 10 requests/s.
 */
#define LITTLE_S 5.0

static const char *name_of(const struct judge_context *context, size_t tenant)
{
	return context->input->scenario->tenants[tenant].name;
}

/* Bytes per second of all tenants together; false: not known everywhere. */
static bool moved(const struct judge_context *context, double from_s, double to_s, double *ret_sum,
	struct finding *finding)
{
	double sum = 0;

	for (unsigned i = 0; i < context->input->scenario->tenant_count; i++) {
		double from = from_s, to = to_s;
		if (!metric_covered(context, MEASURE_DISK_BANDWIDTH, i, &from, &to, finding))
			return false;
		sum += metric_mean(&context->metric[MEASURE_DISK_BANDWIDTH][i], 1, from, to);
	}
	*ret_sum = sum;
	return true;
}

static double depth(const struct counter *queue, double from_s, double to_s)
{
	return counter_growth(queue, from_s, to_s) / (to_s - from_s);
}

/* Requests in flight, mean over that stretch of this length in which they were most. */
static double deepest(const struct judge_context *context, const struct counter *queue, double stretch_s)
{
	double most = 0;

	for (size_t i = 0; i < queue->count; i++) {
		double to_s = queue->t_s[i] + fmax(stretch_s, 2 * context->interval_s);
		if (to_s <= queue->t_s[queue->count - 1])
			most = fmax(most, depth(queue, queue->t_s[i], to_s));
	}
	return most;
}

void evidence_disk_load(struct judge_context *context, unsigned tenant)
{
	context->queue_most[tenant] = deepest(context, &context->queue[tenant], SECOND);
	context->asked_most[tenant] = deepest(context, &context->asked[tenant], LITTLE_S);
}

/* How deep a queue was over the window, or in the stretch of it in which it was too shallow; most: as deepest(). */
struct look {
	bool deep, part;
	double mean, most, from_s, to_s;
};

static struct look look_at(const struct judge_context *context, const struct counter *queue, double most,
	double stretch_s, double from_s, double to_s)
{
	struct look look = {.most = most, .from_s = from_s, .to_s = to_s};
	double length = fmax(stretch_s, 2 * context->interval_s);

	if (!(look.most > 0))
		return look;
	look.mean = depth(queue, from_s, to_s);
	if (!(look.mean >= DEPTH_MIN * look.most))
		return look;
	for (double at = from_s; at + length <= to_s + 1e-6; at += length) {
		double now = depth(queue, at, at + length);
		if (now < DEPTH_MIN_SECOND * look.most)
			return (struct look){.part = true,
				.mean = now,
				.most = look.most,
				.from_s = at,
				.to_s = at + length};
	}
	look.deep = true;
	return look;
}

static bool is_deep(const struct judge_context *context, size_t tenant, double from_s, double to_s,
	struct finding *finding)
{
	struct look look =
		look_at(context, &context->queue[tenant], context->queue_most[tenant], SECOND, from_s, to_s);

	if (look.deep)
		return true;
	if (look.part)
		return finding_set(finding, VERDICT_INCONCLUSIVE,
			"no contention: '%s' should want more than it gets, but had %.1f requests in its queue from "
			"%.1f s to %.1f s where it can have %.1f; at least half of them is needed in every second",
			name_of(context, tenant), look.mean, look.from_s, look.to_s, look.most);
	return finding_set(finding, VERDICT_INCONCLUSIVE,
		"no contention: '%s' should want more than it gets, but had %.1f requests in its queue where it can "
		"have %.1f; at least 80 %% of them is needed",
		name_of(context, tenant), look.mean, look.most);
}

/*
 * Linux 6.1's BFQ gives a group no more than its part of the disk's requests (bfq_limit_depth()): the others wait before the queue, and
 * a tenant that always has 16 under way is seen with 2 in it, of a weight of 1 in 7.  Its own tool tells, where the scheduler still had
 * one to take from it.
 */
static bool asks(const struct judge_context *context, size_t tenant, double from_s, double to_s)
{
	const struct counter *asked = &context->asked[tenant], *queue = &context->queue[tenant];

	return asked->count >= 2 && queue->count >= 2 && depth(queue, from_s, to_s) >= DEPTH_MIN_SEEN &&
	       look_at(context, asked, context->asked_most[tenant], LITTLE_S, from_s, to_s).deep;
}

/*
 * A workload that keeps n requests in flight and waits for the disk alone has n of them there all the time; one that is held
 * up elsewhere (its guest's CPU, QEMU's threads) has fewer.  in_queue: that its tool says so is not enough.
 */
static bool everybody_queued(const struct judge_context *context, double from_s, double to_s, bool in_queue,
	struct finding *finding)
{
	bool any = false;

	for (size_t s = 0; s < context->model.step_count; s++) {
		const struct model_step *step = &context->model.steps[s];
		double begin_s = fmax(from_s, step->from_s), end_s = fmin(to_s, step->to_s);
		/* After a change inside the window a queue has a moment to fill. */
		if (step->from_s > from_s)
			begin_s += SECOND;
		if (end_s - begin_s < SECOND / 2)
			continue;
		for (size_t i = 0; i < context->input->scenario->tenant_count; i++) {
			AUTO(free_ptr) char *what = xasprintf("the queue of '%s'", name_of(context, i));
			double from = begin_s, to = end_s;
			if (!evidence_is_unserved(step, i))
				continue;
			any = true;
			if (!in_queue && asks(context, i, from, to))
				continue;
			if (!window_covered(context, &context->queue[i], what, &from, &to, finding) ||
				!is_deep(context, i, from, to, finding))
				return false;
		}
	}
	if (!any)
		return finding_set(finding, VERDICT_INCONCLUSIVE,
			"no contention: by the scenario's limits and demands nobody wants more of the disk than it gets");
	return true;
}

static bool disk_contention(
	const struct judge_context *context, double from_s, double to_s, struct finding *finding)
{
	double sum = 0, capacity = context->model.capacity;

	if (!moved(context, from_s, to_s, &sum, finding) ||
		!evidence_host_idles(context, "disk", from_s, to_s, finding))
		return false;
	/* How fast a real disk is nobody declared. */
	if (isfinite(capacity) && sum < CARRIED_MIN_CONTENTION * capacity)
		return finding_set(finding, VERDICT_INCONCLUSIVE,
			"no contention: the disk moved %.1f %% of its rate; at least 95 %% is needed",
			100 * sum / capacity);
	return everybody_queued(context, from_s, to_s, false, finding);
}

/* What held a tenant up between its tool and the queue takes from it; what is right in spite of that is right. */
static bool disk_calm(
	const struct judge_context *context, double from_s, double to_s, struct finding *finding)
{
	return everybody_queued(context, from_s, to_s, true, finding);
}

static bool disk_plenty(
	const struct judge_context *context, double from_s, double to_s, struct finding *finding)
{
	double sum = 0, capacity = context->model.capacity;

	if (!isfinite(capacity))
		return finding_set(finding, VERDICT_INCONCLUSIVE,
			"how much the disk has to spare is not known: no rate is declared");
	if (!moved(context, from_s, to_s, &sum, finding))
		return false;
	if (sum > CARRIED_MAX_PLENTY * capacity)
		return finding_set(finding, VERDICT_INCONCLUSIVE,
			"no plenty: the disk moved %.1f %% of its rate; at most 90 %% may be",
			100 * sum / capacity);
	return true;
}

/* A workload that asks for nothing is no proof against a limit. */
static char *disk_unwanted(const struct judge_context *context, unsigned tenant, double from_s, double to_s)
{
	const struct counter *asked = &context->asked[tenant];
	double most = context->asked_most[tenant], mean = asked->count < 2 ? 0 : depth(asked, from_s, to_s);
	double least = to_s - from_s < LITTLE_S - 1e-6 ? DEPTH_MIN_SECOND : DEPTH_MIN;

	/* Not every tool tells. */
	if (!(most > 0) || mean >= least * most)
		return NULL;
	return xasprintf(
		"its workload had %.1f requests under way where it can have %.1f; at least %.0f %% is needed",
		mean, most, 100 * least);
}

const struct evidence_ops evidence_disk = {.contention = disk_contention,
	.plenty = disk_plenty,
	.calm = disk_calm,
	.unwanted = disk_unwanted,
	.tells_s = LITTLE_S};
