/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "judge/internal.h"

#include <math.h>

#include "base/auto.h"
#include "base/buf.h"

/*
 * Of the host's CPUs: with 6 % idle the guests, not the disk, were what was scarce (200 MiB/s under TCG); with none at all
 * senders stalled for a moment between two samples and left their part of the link to others (300 Mbit/s).
 */
#define IDLE_MIN 0.10
/* Of the capacity: a smaller difference between wish and share is none. */
#define UNSERVED_MIN 0.01

/*
 * Of the host's CPUs together, and of the time.  On a quiet machine the hypervisor below stole 0.25 % at most in any two seconds (one jiffy), and all
 * tasks waited for memory for 0.03 %.  Of a kernel's PSI for CPUs nothing is asked: it counts what the tenants themselves wait, and what
 * runs at idle priority, which disturbs nobody (Documentation/accounting/psi.rst).
 */
#define STEAL_MAX   0.01
#define STALLED_MAX 0.01
/* /proc/stat counts in jiffies of USER_HZ: a difference of two readings is off by up to one each. */
#define STAT_ERROR_S 0.02

static const struct evidence_ops *const resources[RESOURCE_COUNT] = {
	[RESOURCE_CPU] = &evidence_cpu,
	[RESOURCE_NET] = &evidence_net,
	[RESOURCE_MEMORY] = &evidence_memory,
	[RESOURCE_DISK] = &evidence_disk,
};

const struct model_step *evidence_main_step(const struct judge_context *context, double from_s, double to_s)
{
	const struct model_step *longest = NULL;
	double most = 0;

	for (size_t i = 0; i < context->model.step_count; i++) {
		const struct model_step *step = &context->model.steps[i];
		double overlap = fmin(to_s, step->to_s) - fmax(from_s, step->from_s);
		if (overlap > most) {
			most = overlap;
			longest = step;
		}
	}
	return longest;
}

bool evidence_is_unserved(const struct model_step *step, size_t tenant)
{
	if (isnan(step->share[tenant]))
		return step->active[tenant] && !(step->wanted[tenant] < 1);
	return step->wanted[tenant] - step->share[tenant] > UNSERVED_MIN;
}

bool evidence_host_idles(const struct judge_context *context, const char *scarce, double from_s, double to_s,
	struct finding *finding)
{
	double from = from_s, to = to_s;

	if (!window_covered(context, &context->host_busy, "host_busy_ns", &from, &to, finding) ||
		!window_covered(context, &context->host_idle, "host_idle_ns", &from, &to, finding))
		return false;
	double busy = counter_growth(&context->host_busy, from, to);
	double idle = counter_growth(&context->host_idle, from, to);
	if (!(idle >= IDLE_MIN * (idle + busy)))
		return finding_set(finding, VERDICT_INCONCLUSIVE,
			"no contention for the %s alone: the host's CPUs were idle for only %.1f %% of their time, so they "
			"may be what was scarce; at least 10 %% is needed",
			scarce, 100 * idle / (idle + busy));
	return true;
}

char *evidence_unwanted(
	const struct judge_context *context, const struct finding *finding, double from_s, double to_s)
{
	const struct evidence_ops *ops = resources[finding->expect->resource];

	return ops->unwanted ? ops->unwanted(context, finding->expect->tenant, from_s, to_s) : NULL;
}

char *evidence_disturbance(
	const struct judge_context *context, const struct finding *finding, double from_s, double to_s)
{
	const struct evidence_ops *ops = resources[finding->expect->resource];
	char *disturbed = ops->disturbance ? ops->disturbance(context, from_s, to_s) : NULL;

	return disturbed ? disturbed : evidence_unwanted(context, finding, from_s, to_s);
}

/*
 * What others take makes less of what the tenant gets, a latency larger, and memory slower to come and go; a quotient has a
 * tenant on each side.
 */
static bool is_explicable(const struct expect_spec *expect, double off)
{
	bool any_side = expect->resource == RESOURCE_MEMORY || expect->kind == EXPECT_RATIO ||
			expect->measure == MEASURE_DISK_P99;

	return any_side ? off != 0 : off < 0;
}

/* Whether less is got, or a latency is shorter, when this tenant asks for less. */
static bool must_want(
	const struct expect_spec *expect, const struct model_step *step, unsigned tenant, double off)
{
	if (expect->measure == MEASURE_DISK_P99)
		return off < 0 && step && evidence_is_unserved(step, tenant);
	/* Plenty of a link is that nobody had anything queued. */
	if (expect->resource == RESOURCE_NET && expect->need == NEED_PLENTY)
		return false;
	if (expect->kind == EXPECT_CONSERVES)
		return step && evidence_is_unserved(step, tenant);
	return tenant == expect->tenant || (expect->kind == EXPECT_RATIO && tenant == expect->other);
}

/* Nothing that the expectation needs rules out that somebody else did it: so it is asked. */
static bool is_unexplained(
	const struct judge_context *context, double from_s, double to_s, double off, struct finding *finding)
{
	const struct expect_spec *expect = finding->expect;
	const struct scenario *scenario = context->input->scenario;
	const struct evidence_ops *ops = resources[expect->resource];
	const struct model_step *step = evidence_main_step(context, from_s, to_s);
	AUTO(free_ptr) char *disturbed = ops->disturbance ? ops->disturbance(context, from_s, to_s) : NULL;

	if (disturbed)
		return finding_set(finding, VERDICT_INCONCLUSIVE, "%s", disturbed);
	for (unsigned i = 0; ops->unwanted && i < scenario->tenant_count; i++) {
		if (!must_want(expect, step, i, off))
			continue;
		AUTO(free_ptr) char *unwanted = ops->unwanted(context, i, from_s, to_s);
		if (unwanted)
			return finding_set(finding, VERDICT_INCONCLUSIVE, "'%s' may have wanted no more: %s",
				scenario->tenants[i].name, unwanted);
	}
	return true;
}

/*
 * NULL, or what else the host was busy with.  Counters that this host does not have say nothing.  Waiting for memory is what a scarcity of
 * memory is about.
 */
static char *host_disturbance(
	const struct judge_context *context, enum resource resource, double from_s, double to_s)
{
	double length_s = to_s - from_s, cpus = context->input->manifest->cpu_count;

	if (resource != RESOURCE_MEMORY && context->stalled.count > 1) {
		double stalled = counter_growth(&context->stalled, from_s, to_s) / 1e6 / length_s;
		if (stalled > STALLED_MAX)
			return xasprintf(
				"the host was short of memory: for %.1f %% of the time everything waited for it; 1 %% may be",
				100 * stalled);
	}
	/* Of the scarce CPUs alone evidence_cpu.c asks. */
	if (resource != RESOURCE_CPU && context->host_steal.count > 1 && cpus > 0) {
		double steal = counter_growth(&context->host_steal, from_s, to_s) / 1e9 / (cpus * length_s);
		if (steal > STEAL_MAX + STAT_ERROR_S / length_s)
			return xasprintf("the hypervisor below stole %.1f %% of the host's CPUs; 1 %% may be",
				100 * steal);
	}
	return NULL;
}

static bool is_host_calm(
	const struct judge_context *context, double from_s, double to_s, struct finding *finding)
{
	AUTO(free_ptr)
	char *disturbed = host_disturbance(context, finding->expect->resource, from_s, to_s);

	return !disturbed || finding_set(finding, VERDICT_INCONCLUSIVE, "%s", disturbed);
}

bool evidence_holds(const struct judge_context *context, double from_s, double to_s, struct finding *finding)
{
	const struct evidence_ops *ops = resources[finding->expect->resource];

	switch (finding->expect->need) {
	case NEED_CONTENTION:
		return is_host_calm(context, from_s, to_s, finding) &&
		       ops->contention(context, from_s, to_s, finding);
	case NEED_PLENTY:
		return is_host_calm(context, from_s, to_s, finding) &&
		       ops->plenty(context, from_s, to_s, finding);
	case NEED_NOTHING:
		break;
	}
	return true;
}

/* One piece of a window in which something is about to fail. */
static bool is_calm(
	const struct judge_context *context, double from_s, double to_s, double off, struct finding *finding)
{
	const struct expect_spec *expect = finding->expect;
	const struct evidence_ops *ops = resources[expect->resource];

	if (!is_host_calm(context, from_s, to_s, finding) || !evidence_holds(context, from_s, to_s, finding))
		return false;
	if (expect->need == NEED_CONTENTION)
		return !ops->calm || ops->calm(context, from_s, to_s, finding);
	if (!is_explicable(expect, off) ||
		!(expect->resource == RESOURCE_NET || expect->resource == RESOURCE_DISK))
		return true;
	return evidence_host_idles(
		context, expect->resource == RESOURCE_NET ? "link" : "disk", from_s, to_s, finding);
}

/* Overlapping by half, so that no disturbance hides by lying across the border of two. */
static bool in_every_piece(
	bool (*holds)(const struct judge_context *, double, double, double, struct finding *),
	const struct judge_context *context, double from_s, double to_s, double piece_s, double off,
	struct finding *finding)
{
	double length_s = fmin(piece_s, to_s - from_s);
	int steps = (int)ceil(2 * (to_s - from_s - length_s) / length_s - 1e-6);

	for (int i = 0; i <= steps; i++) {
		double at_s = fmin(from_s + i * length_s / 2, to_s - length_s), end_s = at_s + length_s;
		if (holds(context, at_s, end_s, off, finding))
			continue;
		AUTO(free_ptr) char *reason = STEAL(finding->reason);
		return finding_set(
			finding, VERDICT_INCONCLUSIVE, "from %.1f s to %.1f s: %s", at_s, end_s, reason);
	}
	return true;
}

bool evidence_holds_throughout(const struct judge_context *context, double from_s, double to_s,
	double piece_s, double off, struct finding *finding)
{
	const struct expect_spec *expect = finding->expect;
	double least_s = resources[expect->resource]->tells_s;

	/* Reclaim comes in bursts: between them memory is just as scarce. */
	if (expect->resource == RESOURCE_MEMORY && expect->need == NEED_CONTENTION)
		return is_calm(context, from_s, to_s, off, finding);
	if (!in_every_piece(is_calm, context, from_s, to_s, piece_s, off, finding))
		return false;
	return expect->need == NEED_CONTENTION || !is_explicable(expect, off) ||
	       in_every_piece(is_unexplained, context, from_s, to_s, fmax(piece_s, least_s), off, finding);
}
