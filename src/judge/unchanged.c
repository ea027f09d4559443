/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "judge/resolution.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/auto.h"
#include "base/buf.h"
#include "judge/changes.h"

/* So long before a change is before it, whatever rounding did to its time. */
#define BEFORE_S 1e-5

/*
 * That nothing changes proves something only where something could have: a limit got another value, the kernel holds it, and in
 * the same run another expectation shows limits at work.
 */

/* Something happened there: a limit with another value that was read back, or scarcity that began or ended, or swap that was added. */
static bool something_changed(const struct judge_context *context, struct finding *finding)
{
	const struct scenario *scenario = context->input->scenario;
	const struct event_log *log = context->input->events;
	double asked_s = (double)finding->expect->after_ns / 1e9;
	bool any_limit = false;

	for (size_t i = 0; i < log->count; i++) {
		const struct event_record *record = &log->records[i];
		int tenant = scenario_tenant(scenario, record->tenant);
		if (!changes_is_at(record, finding->expect->after_ns))
			continue;
		if (changes_is_of_host(record))
			return true;
		if (record->limit >= LIMIT_COUNT || tenant < 0)
			continue;
		any_limit = true;
		/* That what was read back is what was asked for has been seen to for the whole run. */
		if (record->has_read_back &&
			record->read_back != changes_value(scenario, log, (unsigned)tenant, record->limit,
						     record->asked_s - BEFORE_S))
			return true;
	}
	if (any_limit)
		return finding_set(finding, VERDICT_INCONCLUSIVE,
			"the event at %.6g s set what was set already, so nothing could have changed",
			asked_s);
	return finding_set(finding, VERDICT_INCONCLUSIVE,
		"the event at %.6g s changed no limit, so that nothing changed says nothing", asked_s);
}

static bool control_passed(const struct judge_context *context, struct finding *finding)
{
	const struct scenario *scenario = context->input->scenario;
	const struct expect_spec *expect = finding->expect;
	int index = expect->control;

	/* A soft limit that does nothing while there is enough: whether it acts at all shows when memory gets scarce. */
	if (index < 0 && expect->resource == RESOURCE_MEMORY && expect->need == NEED_PLENTY)
		return true;
	if (index < 0 || (size_t)index >= scenario->expect_count)
		return finding_set(finding, VERDICT_INCONCLUSIVE,
			"no positive control: name an expectation of this scenario that passes only if limits act (control:)");
	const struct finding *control = &context->findings[index];
	if (control->expect->kind == EXPECT_UNCHANGED)
		return finding_set(finding, VERDICT_INCONCLUSIVE,
			"no positive control: '%s' expects that nothing changes, too", control->expect->name);
	if (control->verdict != VERDICT_PASS)
		return finding_set(finding, VERDICT_INCONCLUSIVE,
			"the positive control '%s' did not pass (%s), so that nothing changed says nothing about the limit",
			control->expect->name, verdict_name(control->verdict));
	return true;
}

void judge_unchanged(const struct judge_context *context, struct finding *finding)
{
	const struct expect_spec *expect = finding->expect;
	const struct metric *metric = &context->metric[expect->measure][expect->tenant];
	const char *name = context->input->scenario->tenants[expect->tenant].name;
	double start_s = 0, end_s = 0, before_s = (double)expect->before_ns / 1e9;
	double from_s = (double)expect->from_ns / 1e9, to_s = (double)expect->to_ns / 1e9;

	/* The event may be the begin of scarcity itself. */
	bool both = expect->resource != RESOURCE_MEMORY || expect->need != NEED_CONTENTION;

	if (!judge_event_times(context, expect, &start_s, &end_s)) {
		(void)finding_set(finding, VERDICT_INCONCLUSIVE, "the log has no event at %.6g s",
			(double)expect->after_ns / 1e9);
		return;
	}
	from_s = fmax(from_s, end_s);
	if (!window_covered(context, &metric->total, metric->what, &before_s, &start_s, finding) ||
		!window_covered(context, &metric->total, metric->what, &from_s, &to_s, finding))
		return;
	finding->expected = metric_mean(metric, 1, before_s, start_s);
	finding->measured = metric_mean(metric, 1, from_s, to_s);
	finding->tolerance =
		expect->within_absolute ? expect->within : expect->within * fabs(finding->expected);
	finding->samples = counter_first(&metric->total, to_s) - counter_first(&metric->total, from_s) + 1;
	if (expect->within_model)
		resolution_of_change(context, before_s, start_s, from_s, to_s, finding);
	double half_before = judge_half_interval(metric, 1, before_s, start_s);
	double half_after = judge_half_interval(metric, 1, from_s, to_s),
	       half = hypot(half_before, half_after);
	finding->interval_low = finding->measured - half_after;
	finding->interval_high = finding->measured + half_after;
	if (!something_changed(context, finding) ||
		(both && !evidence_holds(context, before_s, start_s, finding)) ||
		!evidence_holds(context, from_s, to_s, finding) || !control_passed(context, finding))
		return;
	double off = finding->measured - finding->expected;
	bool inside = fabs(off) <= finding->tolerance;
	AUTO(free_ptr) char *before = judge_value_text(expect, finding->expected);
	AUTO(free_ptr) char *after = judge_value_text(expect, finding->measured);
	AUTO(free_ptr) char *allowed = judge_tolerance_text(expect, finding->tolerance);
	AUTO(free_ptr) char *by = judge_tolerance_text(expect, fabs(off));
	AUTO(free_ptr) char *unsteady = judge_tolerance_text(expect, half_before);
	AUTO(free_ptr) char *interval = judge_interval_text(expect, half);
	AUTO(free_ptr) char *uncertain = judge_tolerance_text(expect, half);
	if (!inside && half_before > finding->tolerance) {
		(void)finding_set(finding, VERDICT_INCONCLUSIVE,
			"what '%s' got was not steady before the event (%s +- %s, 95 %% interval from means of one second), so "
			"that it was different afterwards says nothing; take a shorter before:",
			name, before, unsteady);
		return;
	}
	bool by_chance = expect->within_model && fabs(off) - half <= finding->tolerance;
	if (inside ? half > finding->tolerance : by_chance) {
		(void)finding_set(finding, VERDICT_INCONCLUSIVE,
			"what '%s' gets varies too much from second to second to be told to %s: %s before, %s after, the "
			"difference is uncertain by %s (95 %% intervals from means of one second)",
			name, allowed, before, after, uncertain);
		return;
	}
	if (!inside && ((both && !evidence_holds_throughout(
					 context, before_s, start_s, THROUGHOUT_S, -off, finding)) ||
			       !evidence_holds_throughout(context, from_s, to_s, THROUGHOUT_S, off, finding)))
		return;
	(void)finding_set(finding, inside ? VERDICT_PASS : VERDICT_FAIL,
		"'%s' had %s before the event and %s after it; changed by %s%s%s, %s allowed (the new value was read back%s%s%s)",
		name, before, after, off < 0 ? "-" : "+", by, interval, allowed,
		expect->control < 0 ? "" : ", the control '",
		expect->control < 0 ? "" : context->findings[expect->control].expect->name,
		expect->control < 0 ? "" : "' passed");
}
