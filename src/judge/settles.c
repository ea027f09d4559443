/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "judge/internal.h"

#include <math.h>
#include <stdlib.h>

#include "base/auto.h"
#include "base/buf.h"
#include "judge/changes.h"

/*
 * What the tenant gets is smoothed over a sliding window of `smooth_s`, so that no single sample decides.  It has settled
 * at a sample's time when every window that begins there or later lies in the band around the new level; its dead time
 * ends with the first window that, up to there, has left the band around the old level towards the new.  Both are
 * known to one sample interval.  50 and 90 % of the way are told from single samples.
 *
 * Levels are parts of the capacity where the model says them, and in the measure's unit where the scenario does: then the old
 * level is what the tenant really had just before the event.
 */
struct response {
	double event_s, until_s; /* when the change began; when the next one comes */
	double before, after;    /* expected levels */
	double band;             /* half its width */
	double smooth_s;
	double capacity; /* 1 where levels are in the measure's unit */
	bool was;        /* the old level is what the tenant had */
	double limit_s;  /* the time that it has */
	bool too_much;   /* it was above the band when it should have settled */
};

bool judge_event_times(const struct judge_context *context, const struct expect_spec *expect,
	double *ret_start_s, double *ret_end_s)
{
	const struct event_log *log = context->input->events;
	double start_s = HUGE_VAL, end_s = -HUGE_VAL;

	for (size_t i = 0; i < log->count; i++) {
		const struct event_record *record = &log->records[i];
		if (!changes_is_at(record, expect->after_ns))
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

static double smooth(const struct metric *metric, const struct response *response, double from_s, double to_s)
{
	return metric_mean(metric, response->capacity, from_s, to_s);
}

/* The share that it really had just before the event; a share that is at its new level already proves no reaction. */
static double was_at(const struct judge_context *context, const struct metric *metric, unsigned tenant,
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
	return smooth(metric, response, from_s, response->event_s);
}

/* What it has at a sample: a level as it was read, a rate as it was since the sample before. */
static double sample_at(const struct metric *metric, const struct response *response, size_t sample)
{
	const double *t_s = metric->total.t_s;

	if (metric->is_level)
		return metric->level.value[sample] / metric->divisor / response->capacity;
	return sample ? smooth(metric, response, t_s[sample - 1], t_s[sample]) : (double)NAN;
}

static void find_way(const struct metric *metric, const struct response *response, struct finding *finding)
{
	const struct counter *total = &metric->total;

	for (size_t i = counter_first(total, response->event_s); i < total->count; i++) {
		double t_s = total->t_s[i];
		if (t_s > response->until_s)
			break;
		double way = (sample_at(metric, response, i) - response->before) /
			     (response->after - response->before);
		if (isnan(finding->time_50_s) && way >= 0.5)
			finding->time_50_s = t_s - response->event_s;
		if (isnan(finding->time_90_s) && way >= 0.9)
			finding->time_90_s = t_s - response->event_s;
	}
}

static void measure(const struct judge_context *context, const struct metric *metric,
	struct response *response, struct finding *finding)
{
	const struct counter *counter = &metric->total;
	double late_s = response->event_s + response->limit_s - 1.5 * context->interval_s;
	double direction = response->after > response->before ? 1 : -1;
	double settled_s = (double)NAN, dead_s = (double)NAN, overshoot = 0;

	for (size_t i = counter_first(counter, response->event_s); i < counter->count; i++) {
		double t_s = counter->t_s[i];
		if (t_s > response->until_s)
			break;
		/* Up to here: has it left the old level?  A level needs no smoothing, which would only delay it. */
		double past = metric->is_level ? sample_at(metric, response, i)
					       : smooth(metric, response, t_s - response->smooth_s, t_s);
		if (isnan(dead_s) && (past - response->before) * direction > response->band)
			dead_s = t_s;
		if (t_s + response->smooth_s > response->until_s)
			continue;
		/* From here on: is it at the new one? */
		double level = smooth(metric, response, t_s, t_s + response->smooth_s);
		finding->samples++;
		overshoot = fmax(overshoot, (level - response->after) * direction);
		bool outside = fabs(level - response->after) > response->band;
		response->too_much |= outside && t_s > late_s && level > response->after;
		if (outside)
			settled_s = (double)NAN;
		else if (isnan(settled_s))
			settled_s = t_s;
	}
	find_way(metric, response, finding);
	finding->settling_time_s = settled_s - response->event_s;
	finding->dead_time_s = fmin(dead_s, settled_s) - response->event_s;
	finding->overshoot = overshoot / fabs(response->after - response->before);
	finding->residue =
		smooth(metric, response, response->until_s - response->smooth_s, response->until_s) -
		response->after;
	finding->measured = finding->settling_time_s;
	/* It came between this sample and the one before. */
	finding->interval_high = finding->settling_time_s;
	finding->interval_low = fmax(finding->settling_time_s - context->interval_s, 0);
}

static bool is_raw(const struct scenario *scenario, const struct event_spec *event)
{
	enum net_apply apply = event->apply == NET_APPLY_COUNT ? scenario->link.apply : event->apply;

	return apply == NET_APPLY_RAW;
}

static bool sets_priority(const struct event_spec *event)
{
	return scenario_setting(event->settings, event->setting_count, LIMIT_NET_PRIORITY);
}

/*
 * The event sets a priority that a plain kernel call set before (applier/net.h), which the kernel ignored while there was
 * something queued.  The model has it since then, the tenants have not: their old level is what they had.
 */
static bool ends_raw(const struct scenario *scenario, const struct expect_spec *expect)
{
	uint32_t raw = 0;

	for (size_t i = 0; i < scenario->event_count; i++) {
		const struct event_spec *event = &scenario->events[i];
		if (!sets_priority(event))
			continue;
		if (event->at_ns == expect->after_ns && !is_raw(scenario, event) && (event->tenants & raw))
			return true;
		raw = is_raw(scenario, event) ? raw | event->tenants : raw & ~event->tenants;
	}
	return false;
}

/* Levels and the band, as far as the scenario and the model say them. */
static void set_levels(const struct judge_context *context, double confirmed_s, struct response *response,
	struct finding *finding)
{
	const struct expect_spec *expect = finding->expect;
	double capacity = judge_capacity(context, expect->measure);

	if (judge_settles_to_level(expect)) {
		response->capacity = 1;
		response->was = true;
		response->after = expect->value;
		response->band =
			expect->within_absolute
				? expect->within
				: expect->within * (isnan(capacity) ? fabs(expect->value) : capacity);
		finding->tolerance = response->band;
		return;
	}
	response->capacity = capacity;
	response->was = ends_raw(context->input->scenario, expect);
	response->band = expect->within_absolute ? expect->within / capacity : expect->within;
	finding->tolerance = response->band;
	response->before = expect->resource == context->model.resource && !isnan(capacity)
				   ? level_before(&context->model, expect->tenant, response->event_s)
				   : (double)NAN;
	response->after =
		judge_model_share(context, expect->measure, expect->tenant, confirmed_s, response->until_s);
}

static char *level_text(const struct expect_spec *expect, double level)
{
	return judge_settles_to_level(expect) ? judge_level_text(expect->measure, level)
					      : xasprintf("%.2f %%", 100 * level);
}

static bool tells_apart(const struct response *response, const char *name, struct finding *finding)
{
	const struct expect_spec *expect = finding->expect;
	AUTO(free_ptr) char *before = level_text(expect, response->before);
	AUTO(free_ptr) char *after = level_text(expect, response->after);
	AUTO(free_ptr) char *band = judge_tolerance_text(expect, response->band);

	if (fabs(response->after - response->before) > response->band)
		return true;
	return finding_set(finding, VERDICT_INCONCLUSIVE,
		response->was
			? "nothing to settle: '%s' had %s before the event and should have %s after it, which the band of "
			  "%s does not tell apart"
			: "nothing to settle: the expected share of '%s' is %s before the event and %s after it, which the "
			  "band of %s does not tell apart",
		name, before, after, band);
}

/* The samples, and whether the tenant was where it should settle from. */
static bool begins_right(const struct judge_context *context, const struct metric *metric,
	struct response *response, struct finding *finding)
{
	const struct expect_spec *expect = finding->expect;
	const char *name = context->input->scenario->tenants[expect->tenant].name;
	double from_s = response->event_s;

	if (!window_covered(context, &metric->total, metric->what, &from_s, &response->until_s, finding))
		return false;
	if (response->was) {
		response->before = metric->is_level
					   ? metric_at(metric, response->event_s)
					   : smooth(metric, response, response->event_s - response->smooth_s,
						     response->event_s);
		return tells_apart(response, name, finding);
	}
	double was = was_at(context, metric, expect->tenant, response);
	double moved = (was - response->before) / (response->after - response->before);
	if (!(moved < 0.5))
		return finding_set(finding, VERDICT_INCONCLUSIVE,
			"nothing that could settle: '%s' had %.2f %% just before the event, nearer to the %.2f %% after it "
			"than to the %.2f %% that it should have had",
			name, 100 * was, 100 * response->after, 100 * response->before);
	return true;
}

static void tell(
	const struct judge_context *context, const struct response *response, struct finding *finding)
{
	const struct expect_spec *expect = finding->expect;
	const char *name = context->input->scenario->tenants[expect->tenant].name;
	double limit_s = finding->expected;
	bool level = judge_settles_to_level(expect);
	AUTO(free_ptr) char *after = level_text(expect, response->after);
	AUTO(free_ptr) char *band = judge_tolerance_text(expect, response->band);
	AUTO(free_ptr) char *residue = level_text(expect, finding->residue);

	if (isnan(finding->settling_time_s)) {
		(void)finding_set(finding, VERDICT_FAIL,
			"the %s of '%s' did not come to stay within %s of %s in the %.3g s after the event "
			"(means over %.3g s)%s%s",
			level ? "level" : "share", name, band, after, response->until_s - response->event_s,
			response->smooth_s, level ? "; it ends away from it by " : "", level ? residue : "");
		return;
	}
	(void)finding_set(finding, finding->settling_time_s <= limit_s ? VERDICT_PASS : VERDICT_FAIL,
		"'%s' settled to %s +- %s within %.3f s, %.3g s allowed; dead time %.3f s, overshoot "
		"%.1f %% of the change (means over %.3g s, sampled every %.3g s)",
		name, after, band, finding->settling_time_s, limit_s, finding->dead_time_s,
		100 * finding->overshoot, response->smooth_s, context->interval_s);
}

/*
 * The time of the change itself belongs to nobody, and until the tenant has what it should, a load that is just beginning may
 * leave something over; where it settled in time, what counts is that this is what it gets while all want more.  Reclaim on the
 * other hand is what makes it settle, and begins with the event.
 */
static double evidence_from(
	const struct response *response, double confirmed_s, const struct finding *finding)
{
	double settled_s = response->event_s + finding->settling_time_s;

	if (finding->expect->resource == RESOURCE_MEMORY)
		return response->event_s;
	return finding->settling_time_s <= finding->expected ? fmax(confirmed_s, settled_s) : confirmed_s;
}

void judge_settles(const struct judge_context *context, struct finding *finding)
{
	const struct expect_spec *expect = finding->expect;
	const struct metric *metric = &context->metric[expect->measure][expect->tenant];
	const char *name = context->input->scenario->tenants[expect->tenant].name;
	double limit_s = (double)expect->within_ns / 1e9, confirmed_s = 0;
	struct response response = {.until_s = (double)expect->to_ns / 1e9, .limit_s = limit_s};

	finding->expected = limit_s;
	finding->derivation = expect->derivation ? xstrdup(expect->derivation) : NULL;
	finding->tolerance = expect->within;
	if (!judge_event_times(context, expect, &response.event_s, &confirmed_s)) {
		(void)finding_set(finding, VERDICT_INCONCLUSIVE, "the log has no event at %.6g s",
			(double)expect->after_ns / 1e9);
		return;
	}
	/* A death changes what the others are due. */
	for (size_t i = 0; i < context->input->scenario->tenant_count; i++)
		if (context->death_s[i] > response.event_s)
			response.until_s = fmin(response.until_s, context->death_s[i]);
	set_levels(context, confirmed_s, &response, finding);
	response.smooth_s = fmax(fmin(fmax(limit_s, 0.4), 1), 2 * context->interval_s);
	if (isnan(response.before) || isnan(response.after)) {
		(void)finding_set(finding, VERDICT_INCONCLUSIVE,
			"the model says nothing about %.6g s to %.6g s", response.event_s, response.until_s);
		return;
	}
	if (!response.was && !tells_apart(&response, name, finding))
		return;
	if (response.until_s - response.event_s < limit_s + response.smooth_s) {
		(void)finding_set(finding, VERDICT_INCONCLUSIVE,
			"the next change comes %.3g s after the event; %.3g s to settle and a window of %.3g s do not fit",
			response.until_s - response.event_s, limit_s, response.smooth_s);
		return;
	}
	if (!begins_right(context, metric, &response, finding))
		return;
	measure(context, metric, &response, finding);
	bool passes = finding->settling_time_s <= limit_s;
	if (!evidence_holds(
		    context, evidence_from(&response, confirmed_s, finding), response.until_s, finding))
		return;
	/* A mean over smooth_s that is off must not be so for a stall of a tenth of that. */
	if (!passes && !evidence_holds_throughout(context, confirmed_s, response.until_s, response.smooth_s,
			       response.too_much ? 1 : -1, finding))
		return;
	tell(context, &response, finding);
}
