/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "judge/internal.h"

#include <math.h>

#include "base/auto.h"
#include "base/buf.h"

#define THROUGHOUT_S 2.0 /* evidence_holds_throughout(): the length of its pieces */
/* Of the capacity: a smaller difference between wish and share is none. */
#define UNSERVED_MIN 0.01

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

char *evidence_disturbance(
	const struct judge_context *context, const struct finding *finding, double from_s, double to_s)
{
	const struct evidence_ops *ops = resources[finding->expect->resource];

	return ops->disturbance ? ops->disturbance(context, finding->expect->tenant, from_s, to_s) : NULL;
}

bool evidence_holds(const struct judge_context *context, double from_s, double to_s, struct finding *finding)
{
	const struct evidence_ops *ops = resources[finding->expect->resource];

	switch (finding->expect->need) {
	case NEED_CONTENTION:
		return ops->contention(context, from_s, to_s, finding);
	case NEED_PLENTY:
		return ops->plenty(context, from_s, to_s, finding);
	case NEED_NOTHING:
		break;
	}
	return true;
}

bool evidence_holds_throughout(
	const struct judge_context *context, double from_s, double to_s, struct finding *finding)
{
	/* A rest shorter than a piece stays with its neighbour: /proc/stat counts in steps of 10 ms. */
	int pieces = (int)fmax(1, floor((to_s - from_s) / THROUGHOUT_S));

	/* Reclaim comes in bursts: between them memory is just as scarce. */
	if (finding->expect->resource == RESOURCE_MEMORY && finding->expect->need == NEED_CONTENTION)
		return evidence_holds(context, from_s, to_s, finding);
	for (int i = 0; i < pieces; i++) {
		double at_s = from_s + i * THROUGHOUT_S;
		double end_s = i + 1 == pieces ? to_s : at_s + THROUGHOUT_S;
		if (evidence_holds(context, at_s, end_s, finding))
			continue;
		AUTO(free_ptr) char *reason = STEAL(finding->reason);
		return finding_set(
			finding, VERDICT_INCONCLUSIVE, "from %.1f s to %.1f s: %s", at_s, end_s, reason);
	}
	return true;
}
