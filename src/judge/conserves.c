/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "judge/internal.h"

#include <math.h>

#include "base/auto.h"
#include "base/buf.h"
#include "series/stats.h"

/* What all tenants got together. */
static double sum(const struct judge_context *context, enum measure measure, double from_s, double to_s)
{
	double sum = 0;

	for (size_t i = 0; i < context->input->scenario->tenant_count; i++)
		if (judge_counts(context, measure, i))
			sum += metric_mean(&context->metric[measure][i], 1, from_s, to_s);
	return sum;
}

static bool covered(
	const struct judge_context *context, double *from_s, double *to_s, struct finding *finding)
{
	for (unsigned i = 0; i < context->input->scenario->tenant_count; i++)
		if (judge_counts(context, finding->expect->measure, i) &&
			!metric_covered(context, finding->expect->measure, i, from_s, to_s, finding))
			return false;
	return true;
}

/* What it should add up to; NAN: nothing is known. */
static double whole(
	const struct judge_context *context, const struct expect_spec *expect, double from_s, double to_s)
{
	double capacity = judge_capacity(context, expect->measure), shares = 0;

	if (!expect->is_model)
		return capacity;
	for (unsigned i = 0; i < context->input->scenario->tenant_count; i++)
		shares += judge_model_share(context, expect->measure, i, from_s, to_s);
	return shares * capacity;
}

/*
 * The pieces begin at every sample, so that no excess hides by lying across the border of two of them; the one that is furthest
 * off decides.
 */
static size_t find_worst(const struct judge_context *context, double from_s, double to_s, double length_s,
	struct finding *finding)
{
	const struct expect_spec *expect = finding->expect;
	const struct counter *clock = &context->metric[expect->measure][0].total;
	size_t pieces = 0;

	/* One that died early has the fewest. */
	for (size_t i = 1; i < context->input->scenario->tenant_count; i++)
		if (context->metric[expect->measure][i].total.count > clock->count)
			clock = &context->metric[expect->measure][i].total;
	for (size_t i = counter_first(clock, from_s); i < clock->count; i++) {
		double at_s = pieces ? clock->t_s[i] : from_s;
		double end_s = at_s + length_s;
		if (end_s > to_s + 1e-6)
			break;
		double now = sum(context, expect->measure, at_s, end_s);
		pieces++;
		if (fabs(now - finding->expected) <= fabs(finding->measured - finding->expected))
			continue;
		finding->measured = now;
		finding->at_from_s = at_s;
		finding->at_to_s = end_s;
	}
	finding->samples = counter_first(clock, to_s) - counter_first(clock, from_s) + 1;
	return pieces;
}

/* From the sums of about one second each, as for a mean (mean.c); NAN: too short a piece. */
static double half_interval(const struct judge_context *context, const struct finding *finding)
{
	double from_s = finding->at_from_s, length_s = finding->at_to_s - from_s;
	size_t blocks = judge_block_count(from_s, finding->at_to_s);

	if (blocks < 2)
		return (double)NAN;
	AUTO(free_ptr) double *sums = xcalloc(blocks, sizeof(*sums));
	for (size_t i = 0; i < blocks; i++)
		sums[i] =
			sum(context, finding->expect->measure, from_s + (double)i * length_s / (double)blocks,
				from_s + (double)(i + 1) * length_s / (double)blocks);
	return stats_half_interval_95(sums, blocks);
}

void judge_conserves(const struct judge_context *context, struct finding *finding)
{
	const struct expect_spec *expect = finding->expect;
	double from_s = (double)expect->from_ns / 1e9, to_s = (double)expect->to_ns / 1e9;

	finding->expected = whole(context, expect, from_s, to_s);
	if (!isfinite(finding->expected)) {
		(void)finding_set(finding, VERDICT_INCONCLUSIVE,
			"nothing is declared that the %s of all tenants should add up to",
			resource_name(expect->resource));
		return;
	}
	finding->tolerance = expect->within_absolute ? expect->within : expect->within * finding->expected;
	if (!covered(context, &from_s, &to_s, finding))
		return;
	double length_s = expect->every_ns ? (double)expect->every_ns / 1e9 : to_s - from_s;
	/* The ends may have moved by less than 1.5 samples. */
	length_s = fmin(length_s, to_s - from_s);
	if (length_s < 2 * context->interval_s) {
		(void)finding_set(finding, VERDICT_INCONCLUSIVE,
			"samples every %.3g s say nothing about pieces of %.3g s", context->interval_s,
			length_s);
		return;
	}
	finding->measured = finding->expected;
	size_t pieces = find_worst(context, from_s, to_s, length_s, finding);
	if (isnan(finding->at_from_s)) {
		/* Exactly right everywhere. */
		finding->at_from_s = from_s;
		finding->at_to_s = from_s + length_s;
	}
	double half = half_interval(context, finding);
	finding->interval_low = finding->measured - half;
	finding->interval_high = finding->measured + half;
	if (!evidence_holds(context, from_s, to_s, finding))
		return;
	double off = finding->measured - finding->expected;
	bool inside = fabs(off) <= finding->tolerance;
	if (!inside && !evidence_holds_throughout(context, from_s, to_s, THROUGHOUT_S, off, finding))
		return;
	if (inside && half > finding->tolerance) {
		AUTO(free_ptr) char *tolerance = judge_tolerance_text(expect, finding->tolerance);
		AUTO(free_ptr) char *unsteady = judge_tolerance_text(expect, half);
		AUTO(free_ptr) char *sum_text = judge_value_text(expect, finding->measured);
		(void)finding_set(finding, VERDICT_INCONCLUSIVE,
			"what all tenants together got varies too much from second to second to be told to %s: %s +- %s from "
			"%.1f s to %.1f s (95 %% interval from means of one second)",
			tolerance, sum_text, unsteady, finding->at_from_s, finding->at_to_s);
		return;
	}
	AUTO(free_ptr) char *measured = judge_value_text(expect, finding->measured);
	AUTO(free_ptr) char *expected = judge_value_text(expect, finding->expected);
	AUTO(free_ptr) char *allowed = judge_tolerance_text(expect, finding->tolerance);
	AUTO(free_ptr) char *interval = judge_interval_text(expect, half);
	(void)finding_set(finding, inside ? VERDICT_PASS : VERDICT_FAIL,
		"all tenants together got %s%s from %.1f s to %.1f s, the worst of %zu piece%s of %.3g s; %s is %s, off by "
		"%+.2f %%, %s allowed",
		measured, interval, finding->at_from_s, finding->at_to_s, pieces, pieces == 1 ? "" : "s",
		length_s, expect->is_model ? "the model's sum" : "the capacity", expected,
		100 * off / finding->expected, allowed);
}
