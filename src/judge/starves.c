/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "judge/internal.h"

#include <math.h>

#include "base/auto.h"
#include "base/buf.h"

/*
 * A stretch is made of whole intervals between two samples, in each of which the tenant got less than the mark.  The true one
 * is longer by less than an interval at each end.
 */
static void find_stretch(const struct judge_context *context, const struct metric *metric, double from_s,
	double to_s, struct finding *finding)
{
	const struct expect_spec *expect = finding->expect;
	const struct counter *total = &metric->total;
	double capacity = judge_capacity(context, expect->measure), begin_s = (double)NAN;

	finding->measured = 0;
	finding->lowest = HUGE_VAL;
	for (size_t i = counter_first(total, from_s); i + 1 < total->count && total->t_s[i + 1] <= to_s;
		i++) {
		double part = metric_mean(metric, capacity, total->t_s[i], total->t_s[i + 1]);
		finding->samples++;
		finding->lowest = fmin(finding->lowest, part);
		if (!(part < expect->below)) {
			begin_s = (double)NAN;
			continue;
		}
		if (isnan(begin_s))
			begin_s = total->t_s[i];
		if (total->t_s[i + 1] - begin_s > finding->measured) {
			finding->measured = total->t_s[i + 1] - begin_s;
			finding->at_from_s = begin_s;
			finding->at_to_s = total->t_s[i + 1];
		}
	}
}

void judge_starves(const struct judge_context *context, struct finding *finding)
{
	const struct expect_spec *expect = finding->expect;
	const struct metric *metric = &context->metric[expect->measure][expect->tenant];
	const char *name = context->input->scenario->tenants[expect->tenant].name;
	double from_s = (double)expect->from_ns / 1e9, to_s = (double)expect->to_ns / 1e9;
	bool never = expect->kind == EXPECT_NEVER_STARVES;

	finding->expected = (double)expect->longest_ns / 1e9;
	if (isnan(judge_capacity(context, expect->measure))) {
		(void)finding_set(finding, VERDICT_INCONCLUSIVE,
			"there is no capacity of which '%s' could get less than %.2f %%", name,
			100 * expect->below);
		return;
	}
	/* What is as short as two intervals may be one that was only just touched by the bad time. */
	if (finding->expected < 2 * context->interval_s) {
		(void)finding_set(finding, VERDICT_INCONCLUSIVE,
			"samples every %.3g s do not tell stretches of %.3g s; sample more often",
			context->interval_s, finding->expected);
		return;
	}
	if (!window_covered(context, &metric->total, metric->what, &from_s, &to_s, finding))
		return;
	find_stretch(context, metric, from_s, to_s, finding);
	finding->interval_low = finding->measured;
	finding->interval_high =
		finding->measured > 0 ? finding->measured + 2 * context->interval_s : context->interval_s;
	if (!evidence_holds(context, from_s, to_s, finding))
		return;
	bool passes = never ? finding->measured <= finding->expected : finding->measured >= finding->expected;
	AUTO(free_ptr)
	char *excuse = finding->measured >= finding->expected
			       ? evidence_disturbance(context, finding, finding->at_from_s, finding->at_to_s)
			       : NULL;
	if (excuse) {
		(void)finding_set(finding, VERDICT_INCONCLUSIVE,
			"'%s' got less than %.2f %% of the capacity from %.1f s to %.1f s, but %s", name,
			100 * expect->below, finding->at_from_s, finding->at_to_s, excuse);
		return;
	}
	if (!passes && (!evidence_holds_throughout(context, from_s, to_s, THROUGHOUT_S, 0, finding) ||
			       (never && !evidence_holds_throughout(context, finding->at_from_s,
						 finding->at_to_s, THROUGHOUT_S, -1, finding))))
		return;
	if (!(finding->measured > 0)) {
		(void)finding_set(finding, passes ? VERDICT_PASS : VERDICT_FAIL,
			"'%s' never got less than %.2f %% of the capacity (%.2f %% at least, sampled every %.3g s); %s %.3g s",
			name, 100 * expect->below, 100 * finding->lowest, context->interval_s,
			never ? "it may for at most" : "it should for at least", finding->expected);
		return;
	}
	double got = metric_mean(
		metric, judge_capacity(context, expect->measure), finding->at_from_s, finding->at_to_s);
	(void)finding_set(finding, passes ? VERDICT_PASS : VERDICT_FAIL,
		"'%s' got less than %.2f %% of the capacity for %.3g s, from %.1f s to %.1f s (%.2f %% in them, sampled every "
		"%.3g s); %s %.3g s",
		name, 100 * expect->below, finding->measured, finding->at_from_s, finding->at_to_s, 100 * got,
		context->interval_s, never ? "it may for at most" : "it should for at least",
		finding->expected);
}
