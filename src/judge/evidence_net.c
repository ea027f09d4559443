/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "judge/internal.h"

#include <inttypes.h>
#include <math.h>

#include "base/auto.h"
#include "base/buf.h"

/* Of the link's rate.  HTB keeps it within 1 to 2 %; a sender that is held up elsewhere leaves more. */
#define CARRIED_MIN_CONTENTION 0.95
#define CARRIED_MAX_PLENTY     0.90
/* Part of the samples: a burst may stand in the queue at the very moment of a reading. */
#define QUEUED_MAX_PLENTY 0.10
/* Sample intervals that a tenant has after a change to fill its queue, where a window spans the change. */
#define GRACE 2

struct queued {
	size_t samples, empty;
	double first_empty_s;
};

/* The samples of a queue in a window, and how many of them found nothing in it. */
static void look(const struct counter *backlog, double from_s, double to_s, struct queued *queued)
{
	for (size_t i = counter_first(backlog, from_s); i < backlog->count && backlog->t_s[i] <= to_s; i++) {
		queued->samples++;
		if (backlog->value[i] > 0)
			continue;
		if (!queued->empty++)
			queued->first_empty_s = backlog->t_s[i];
	}
}

static bool backlog_covered(const struct judge_context *context, unsigned tenant, double from_s, double to_s,
	struct finding *finding)
{
	AUTO(free_ptr)
	char *what =
		xasprintf("net_class_backlog_bytes of '%s'", context->input->scenario->tenants[tenant].name);

	return window_covered(context, &context->backlog[tenant], what, &from_s, &to_s, finding);
}

static double carried(const struct judge_context *context, double from_s, double to_s)
{
	return 8 * counter_growth(&context->shared, from_s, to_s) / (to_s - from_s) / context->model.capacity;
}

/*
 * HTB borrows for a class only while that class has something queued: whoever wants more than it gets has a queue at any time.
 * An empty one says that the sender was held up by something else (its guest, TCP, its CPU) and left its part to the others.
 */
static bool everybody_queued(
	const struct judge_context *context, double from_s, double to_s, struct finding *finding)
{
	const struct scenario *scenario = context->input->scenario;
	bool any = false;

	for (size_t i = 0; i < context->model.step_count; i++) {
		const struct model_step *step = &context->model.steps[i];
		double from = fmax(from_s, step->from_s), to = fmin(to_s, step->to_s);
		if (step->from_s > from_s)
			from += GRACE * context->interval_s;
		if (to - from < context->interval_s && to_s - from_s > context->interval_s)
			continue;
		for (unsigned t = 0; t < scenario->tenant_count; t++) {
			struct queued queued = {0};
			if (!evidence_is_unserved(step, t))
				continue;
			any = true;
			if (!backlog_covered(context, t, from, to, finding))
				return false;
			look(&context->backlog[t], from, to, &queued);
			if (queued.empty)
				return finding_set(finding, VERDICT_INCONCLUSIVE,
					"no contention: '%s' should want more than it gets, but had nothing queued in %zu of %zu "
					"samples (first at %.1f s); it must have something in every one",
					scenario->tenants[t].name, queued.empty, queued.samples,
					queued.first_empty_s);
		}
	}
	if (!any)
		return finding_set(finding, VERDICT_INCONCLUSIVE,
			"no contention: by the scenario's limits and demands nobody wants more of the link than it gets");
	return true;
}

static bool net_contention(
	const struct judge_context *context, double from_s, double to_s, struct finding *finding)
{
	double from = from_s, to = to_s;

	if (!window_covered(
		    context, &context->shared, "net_class_bytes of the shared link", &from, &to, finding))
		return false;
	double part = carried(context, from, to);
	if (part < CARRIED_MIN_CONTENTION)
		return finding_set(finding, VERDICT_INCONCLUSIVE,
			"no contention: the shared link carried %.1f %% of its rate; at least 95 %% is needed",
			100 * part);
	return everybody_queued(context, from_s, to_s, finding);
}

static bool net_plenty(
	const struct judge_context *context, double from_s, double to_s, struct finding *finding)
{
	const struct scenario *scenario = context->input->scenario;
	const struct model_step *step = evidence_main_step(context, from_s, to_s);
	double from = from_s, to = to_s;

	if (!window_covered(
		    context, &context->shared, "net_class_bytes of the shared link", &from, &to, finding))
		return false;
	double part = carried(context, from, to);
	if (part > CARRIED_MAX_PLENTY)
		return finding_set(finding, VERDICT_INCONCLUSIVE,
			"no plenty: the shared link carried %.1f %% of its rate; at most 90 %% may be",
			100 * part);
	for (unsigned t = 0; t < scenario->tenant_count; t++) {
		struct queued queued = {0};
		/* Its own hard limit holds it, not the link. */
		if (!step || step->wanted[t] < fmin(scenario->tenants[t].demand / context->model.capacity, 1))
			continue;
		if (!backlog_covered(context, t, from_s, to_s, finding))
			return false;
		look(&context->backlog[t], from_s, to_s, &queued);
		size_t full = queued.samples - queued.empty;
		if ((double)full > QUEUED_MAX_PLENTY * (double)queued.samples)
			return finding_set(finding, VERDICT_INCONCLUSIVE,
				"no plenty: '%s' had something queued in %zu of %zu samples; a tenth may be",
				scenario->tenants[t].name, full, queued.samples);
	}
	return true;
}

/* A sender that had nothing to send is no proof against a limit. */
static char *net_unwanted(const struct judge_context *context, unsigned tenant, double from_s, double to_s)
{
	struct queued queued = {0};

	look(&context->backlog[tenant], from_s, to_s, &queued);
	if (queued.samples && !queued.empty)
		return NULL;
	return queued.samples ? xasprintf("it had nothing queued in %zu of %zu samples", queued.empty,
					queued.samples)
			      : xstrdup("whether it had anything queued is not known");
}

static bool net_calm(const struct judge_context *context, double from_s, double to_s, struct finding *finding)
{
	return evidence_host_idles(context, "link", from_s, to_s, finding);
}

const struct evidence_ops evidence_net = {
	.contention = net_contention,
	.plenty = net_plenty,
	.calm = net_calm,
	.unwanted = net_unwanted,
};
