/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "judge/internal.h"

#include <math.h>
#include <stdlib.h>

#include "base/auto.h"
#include "base/buf.h"

/*
 * The share is smoothed over a sliding window of `smooth_s`, so that no single sample decides.  The share has settled
 * at a sample's time when every window that begins there or later lies in the band around the new level; its dead time
 * ends with the first window that, up to there, has left the band around the old level towards the new.  Both are
 * known to one sample interval.
 */
struct response {
	double event_s, until_s; /* when the change began; when the next one comes */
	double before, after;    /* expected levels */
	double smooth_s;
};

/* When the event really began and when the kernel had confirmed all of it. */
static bool event_times(const struct judge_context *context, const struct expect_spec *expect,
	double *ret_start_s, double *ret_end_s)
{
	const struct event_log *log = context->input->events;
	double asked_s = (double)expect->after_ns / 1e9, start_s = HUGE_VAL, end_s = -HUGE_VAL;

	for (size_t i = 0; i < log->count; i++) {
		const struct event_record *record = &log->records[i];
		if (fabs(record->asked_s - asked_s) > 1e-5)
			continue;
		start_s = fmin(start_s, isnan(record->start_s) ? record->asked_s : record->start_s);
		end_s = fmax(end_s, isnan(record->end_s) ? record->asked_s : record->end_s);
	}
	*ret_start_s = start_s;
	*ret_end_s = end_s;
	return end_s >= start_s;
}

static double level_before(const struct model *model, unsigned tenant, double t_s)
{
	double level = 0; /* before the timeline nobody works */

	for (size_t i = 0; i < model->step_count; i++)
		if (model->steps[i].to_s <= t_s + 1e-9 ||
			(model->steps[i].from_s < t_s && model->steps[i].to_s > t_s))
			level = model->steps[i].share[tenant];
	return level;
}

static double smooth(
	const struct judge_context *context, const struct counter *counter, double from_s, double to_s)
{
	return counter_growth(counter, from_s, to_s) / 1e9 / (context->cpu_count * (to_s - from_s));
}

/* The share that it really had just before the event; a share that is at its new level already proves no reaction. */
static double was_at(const struct judge_context *context, const struct counter *counter, unsigned tenant,
	const struct response *response)
{
	double from_s = response->event_s - response->smooth_s;

	for (size_t i = 0; i < context->model.step_count; i++) {
		const struct model_step *step = &context->model.steps[i];
		/* The last real step; two limits set one after the other make one of milliseconds. */
		if (step->from_s < response->event_s - 2 * context->interval_s &&
			step->share[tenant] == response->before)
			from_s = fmax(from_s, step->from_s);
	}
	return smooth(context, counter, from_s, response->event_s);
}

static void measure(const struct judge_context *context, const struct counter *counter,
	const struct response *response, double band, struct finding *finding)
{
	double direction = response->after > response->before ? 1 : -1;
	double settled_s = (double)NAN, dead_s = (double)NAN, overshoot = 0;

	for (size_t i = counter_first(counter, response->event_s); i < counter->count; i++) {
		double t_s = counter->t_s[i];
		if (t_s > response->until_s)
			break;
		/* Up to here: has it left the old level? */
		double past = smooth(context, counter, t_s - response->smooth_s, t_s);
		if (isnan(dead_s) && (past - response->before) * direction > band)
			dead_s = t_s;
		if (t_s + response->smooth_s > response->until_s)
			continue;
		/* From here on: is it at the new one? */
		double share = smooth(context, counter, t_s, t_s + response->smooth_s);
		finding->samples++;
		overshoot = fmax(overshoot, (share - response->after) * direction);
		if (fabs(share - response->after) > band)
			settled_s = (double)NAN;
		else if (isnan(settled_s))
			settled_s = t_s;
	}
	finding->settling_time_s = settled_s - response->event_s;
	finding->dead_time_s = fmin(dead_s, settled_s) - response->event_s;
	finding->overshoot = overshoot / fabs(response->after - response->before);
}

void judge_settles(const struct judge_context *context, struct finding *finding)
{
	const struct expect_spec *expect = finding->expect;
	const struct counter *counter = &context->vcpu[expect->tenant];
	const char *name = context->input->scenario->tenants[expect->tenant].name;
	AUTO(free_ptr) char *what = xasprintf("vcpu_usage_ns of '%s'", name);
	double limit_s = (double)expect->within_ns / 1e9, confirmed_s = 0;
	struct response response = {.until_s = (double)expect->to_ns / 1e9};

	finding->expected = limit_s;
	finding->tolerance = expect->within;
	if (!event_times(context, expect, &response.event_s, &confirmed_s)) {
		(void)finding_set(finding, VERDICT_INCONCLUSIVE, "the log has no event at %.6g s",
			(double)expect->after_ns / 1e9);
		return;
	}
	response.before = level_before(&context->model, expect->tenant, response.event_s);
	response.after = model_mean(&context->model, expect->tenant, confirmed_s, response.until_s);
	response.smooth_s = fmax(fmin(fmax(limit_s, 0.4), 1), 2 * context->interval_s);
	if (!(fabs(response.after - response.before) > expect->within)) {
		(void)finding_set(finding, VERDICT_INCONCLUSIVE,
			"nothing to settle: the expected share of '%s' is %.2f %% before the event and %.2f %% after it, "
			"which the band of %.2f points does not tell apart",
			name, 100 * response.before, 100 * response.after, 100 * expect->within);
		return;
	}
	if (response.until_s - response.event_s < limit_s + response.smooth_s) {
		(void)finding_set(finding, VERDICT_INCONCLUSIVE,
			"the next change comes %.3g s after the event; %.3g s to settle and a window of %.3g s do not fit",
			response.until_s - response.event_s, limit_s, response.smooth_s);
		return;
	}
	double from_s = response.event_s;
	if (!window_covered(context, counter, what, &from_s, &response.until_s, finding))
		return;
	double was = was_at(context, counter, expect->tenant, &response);
	double moved = (was - response.before) / (response.after - response.before);
	if (!(moved < 0.5)) {
		(void)finding_set(finding, VERDICT_INCONCLUSIVE,
			"nothing that could settle: '%s' had %.2f %% just before the event, nearer to the %.2f %% after it "
			"than to the %.2f %% that it should have had",
			name, 100 * was, 100 * response.after, 100 * response.before);
		return;
	}
	measure(context, counter, &response, expect->within, finding);
	finding->measured = finding->settling_time_s;
	/* The time of the change itself belongs to nobody; the evidence is taken from what comes after it. */
	if (!evidence_holds(context, confirmed_s, response.until_s, finding))
		return;
	if (!(finding->settling_time_s <= limit_s) &&
		!evidence_holds_throughout(context, confirmed_s, response.until_s, finding))
		return;
	if (isnan(finding->settling_time_s)) {
		(void)finding_set(finding, VERDICT_FAIL,
			"the share of '%s' did not come to stay within %.2f points of %.2f %% in the %.3g s after the event "
			"(means over %.3g s)",
			name, 100 * expect->within, 100 * response.after, response.until_s - response.event_s,
			response.smooth_s);
		return;
	}
	(void)finding_set(finding, finding->settling_time_s <= limit_s ? VERDICT_PASS : VERDICT_FAIL,
		"'%s' settled to %.2f %% +- %.2f points within %.3f s, %.3g s allowed; dead time %.3f s, overshoot "
		"%.1f %% of the change (means over %.3g s, sampled every %.3g s)",
		name, 100 * response.after, 100 * expect->within, finding->settling_time_s, limit_s,
		finding->dead_time_s, 100 * finding->overshoot, response.smooth_s, context->interval_s);
}
