/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "judge/internal.h"

#include <math.h>
#include <stdlib.h>

#include "base/auto.h"
#include "base/buf.h"
#include "series/stats.h"

/* 95 % interval of the mean from blocks of about one second: long against the scheduler's periods of milliseconds. */
static double half_interval(
	const struct judge_context *context, const struct counter *counter, double from_s, double to_s)
{
	size_t blocks = (size_t)(to_s - from_s);

	if (blocks < 2)
		return (double)NAN;
	AUTO(free_ptr) double *means = xcalloc(blocks, sizeof(*means));
	double length = (to_s - from_s) / (double)blocks;
	for (size_t i = 0; i < blocks; i++)
		means[i] = counter_growth(
				   counter, from_s + (double)i * length, from_s + (double)(i + 1) * length) /
			   1e9 / (context->cpu_count * length);
	return stats_half_interval_95(means, blocks);
}

void judge_share(const struct judge_context *context, struct finding *finding)
{
	const struct expect_spec *expect = finding->expect;
	const struct counter *counter = &context->vcpu[expect->tenant];
	const char *name = context->input->scenario->tenants[expect->tenant].name;
	AUTO(free_ptr) char *what = xasprintf("vcpu_usage_ns of '%s'", name);
	double from_s = (double)expect->from_ns / 1e9, to_s = (double)expect->to_ns / 1e9;

	finding->tolerance = expect->within;
	finding->expected =
		expect->is_model ? model_mean(&context->model, expect->tenant, from_s, to_s) : expect->value;
	if (isnan(finding->expected)) {
		(void)finding_set(finding, VERDICT_INCONCLUSIVE,
			"the model says nothing about %.6g s to %.6g s", from_s, to_s);
		return;
	}
	if (!window_covered(context, counter, what, &from_s, &to_s, finding))
		return;
	finding->samples = counter_first(counter, to_s) - counter_first(counter, from_s) + 1;
	finding->measured =
		counter_growth(counter, from_s, to_s) / 1e9 / (context->cpu_count * (to_s - from_s));
	double half = half_interval(context, counter, from_s, to_s);
	finding->interval_low = finding->measured - half;
	finding->interval_high = finding->measured + half;
	if (!evidence_holds(context, from_s, to_s, finding))
		return;

	double off = finding->measured - finding->expected;
	bool inside = fabs(off) <= expect->within;
	/* Time that others took cannot make a share larger, and what is right in spite of it is right. */
	if (!inside && off < 0 && expect->need == NEED_NOTHING) {
		AUTO(free_ptr) char *disturbed = evidence_disturbance(context, from_s, to_s);
		if (disturbed) {
			(void)finding_set(finding, VERDICT_INCONCLUSIVE,
				"'%s' got %.2f %% of the capacity where %.2f %% "
				"was expected, but %s",
				name, 100 * finding->measured, 100 * finding->expected, disturbed);
			return;
		}
	}
	if (inside && half > expect->within) {
		(void)finding_set(finding, VERDICT_INCONCLUSIVE,
			"the share of '%s' varies too much from second to second to be told to %.2f points: %.2f %% "
			"+- %.2f (95 %% interval from means of one second)",
			name, 100 * expect->within, 100 * finding->measured, 100 * half);
		return;
	}
	if (!inside && !evidence_holds_throughout(context, from_s, to_s, finding))
		return;
	AUTO(free_ptr)
	char *interval =
		isnan(half) ? xstrdup("")
			    : xasprintf(" (+- %.2f, 95 %% interval from means of one second)", 100 * half);
	(void)finding_set(finding, inside ? VERDICT_PASS : VERDICT_FAIL,
		"'%s' got %.2f %%%s of the capacity, %s is %.2f %%; off by %+.2f points, %.2f allowed", name,
		100 * finding->measured, interval, expect->is_model ? "the model's share" : "expected",
		100 * finding->expected, 100 * off, 100 * expect->within);
}
