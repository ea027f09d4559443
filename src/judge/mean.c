/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "judge/resolution.h"

#include <math.h>
#include <stdlib.h>

#include "base/auto.h"
#include "base/buf.h"
#include "series/stats.h"

/* 2.3 - 0.3 is a little less than 2. */
size_t judge_block_count(double from_s, double to_s)
{
	return to_s > from_s ? (size_t)(to_s - from_s + 1e-6) : 0;
}

double judge_half_interval(const struct metric *metric, double capacity, double from_s, double to_s)
{
	size_t blocks = judge_block_count(from_s, to_s);

	if (blocks < 2)
		return (double)NAN;
	AUTO(free_ptr) double *means = xcalloc(blocks, sizeof(*means));
	double length = (to_s - from_s) / (double)blocks;
	for (size_t i = 0; i < blocks; i++)
		means[i] = counter_growth(&metric->total, from_s + (double)i * length,
				   from_s + (double)(i + 1) * length) /
			   metric->divisor / (capacity * length);
	return stats_half_interval_95(means, blocks);
}

/* Of a quotient of two means, linearised at it: the means of the seconds vary together. */
static double ratio_half_interval(
	const struct metric *over, const struct metric *under, double ratio, double from_s, double to_s)
{
	size_t blocks = judge_block_count(from_s, to_s);
	double mean = metric_mean(under, 1, from_s, to_s);

	if (blocks < 2)
		return (double)NAN;
	AUTO(free_ptr) double *off = xcalloc(blocks, sizeof(*off));
	double length = (to_s - from_s) / (double)blocks;
	for (size_t i = 0; i < blocks; i++) {
		double at = from_s + (double)i * length;
		off[i] = (metric_mean(over, 1, at, at + length) -
				 ratio * metric_mean(under, 1, at, at + length)) /
			 mean;
	}
	return stats_half_interval_95(off, blocks);
}

/* A fraction of what?  Where no capacity is declared (requests, a real disk), of what all tenants got. */
static double share_capacity(
	const struct judge_context *context, enum measure measure, double from_s, double to_s)
{
	double capacity = judge_capacity(context, measure), all = 0;

	if (!isnan(capacity) || measure_spec(measure)->resource != RESOURCE_DISK)
		return capacity;
	for (size_t i = 0; i < context->input->scenario->tenant_count; i++)
		all += metric_mean(&context->metric[measure][i], 1, from_s, to_s);
	return all;
}

/* What the model says, in the unit of the kind; NAN: nothing. */
static double modelled(
	const struct judge_context *context, const struct expect_spec *expect, double from_s, double to_s)
{
	/* A quotient is the same at every layer of the link, near enough. */
	enum measure measure = expect->kind == EXPECT_RATIO && expect->measure == MEASURE_NET_PAYLOAD
				       ? MEASURE_NET_CLASS
				       : expect->measure;
	double share = judge_model_share(context, measure, expect->tenant, from_s, to_s);

	if (expect->kind == EXPECT_RATIO)
		return share / judge_model_share(context, measure, expect->other, from_s, to_s);
	return expect->kind == EXPECT_LEVEL ? share * judge_capacity(context, measure) : share;
}

struct mean {
	char *subject; /* "'red' got" */
	char *object;  /* behind the number: " of the capacity", " times what 'blue' got"; "" */
	double half;   /* of the 95 % interval */
};

static void auto_mean(struct mean *mean)
{
	free(mean->subject);
	free(mean->object);
}

static void set_expected(
	const struct judge_context *context, double from_s, double to_s, struct finding *finding)
{
	const struct expect_spec *expect = finding->expect;

	if (judge_is_bounded(expect)) {
		finding->expected = isnan(expect->at_least) ? expect->at_most : expect->at_least;
		return;
	}
	finding->expected = expect->is_model ? modelled(context, expect, from_s, to_s) : expect->value;
	finding->tolerance = expect->kind == EXPECT_SHARE || expect->within_absolute
				     ? expect->within
				     : expect->within * fabs(finding->expected);
}

/* false: a window without samples, or nobody to divide by; the finding says so. */
static bool measure(const struct judge_context *context, double *from_s, double *to_s, struct mean *mean,
	struct finding *finding)
{
	const struct expect_spec *expect = finding->expect;
	const struct tenant_spec *tenants = context->input->scenario->tenants;
	const struct metric *metric = &context->metric[expect->measure][expect->tenant];
	const char *name = tenants[expect->tenant].name;

	if (!window_covered(context, &metric->total, metric->what, from_s, to_s, finding))
		return false;
	finding->samples = counter_first(&metric->total, *to_s) - counter_first(&metric->total, *from_s) + 1;
	if (expect->kind == EXPECT_RATIO) {
		const struct metric *other = &context->metric[expect->measure][expect->other];
		if (!window_covered(context, &other->total, other->what, from_s, to_s, finding))
			return false;
		double under = metric_mean(other, 1, *from_s, *to_s);
		if (!(under > 0))
			return finding_set(finding, VERDICT_INCONCLUSIVE,
				"'%s' got nothing at all, and nothing can be divided by it",
				tenants[expect->other].name);
		finding->measured = metric_mean(metric, 1, *from_s, *to_s) / under;
		mean->half = ratio_half_interval(metric, other, finding->measured, *from_s, *to_s);
		mean->object = xasprintf(" times what '%s' got", tenants[expect->other].name);
	} else {
		double capacity = expect->kind == EXPECT_SHARE
					  ? share_capacity(context, expect->measure, *from_s, *to_s)
					  : 1;
		if (!(capacity > 0))
			return finding_set(finding, VERDICT_INCONCLUSIVE,
				"there is no capacity of which '%s' could have a share", name);
		finding->measured = metric_mean(metric, capacity, *from_s, *to_s);
		mean->half = judge_half_interval(metric, capacity, *from_s, *to_s);
		mean->object = xstrdup(expect->kind != EXPECT_SHARE           ? ""
				       : expect->measure == MEASURE_DISK_IOPS ? " of all requests"
									      : " of the capacity");
	}
	mean->subject = xasprintf("'%s' %s", name, expect->resource == RESOURCE_MEMORY ? "had" : "got");
	finding->interval_low = finding->measured - mean->half;
	finding->interval_high = finding->measured + mean->half;
	return true;
}

char *judge_interval_text(const struct expect_spec *expect, double half)
{
	if (isnan(half))
		return xstrdup("");
	AUTO(free_ptr)
	char *text = expect->kind == EXPECT_SHARE ? xasprintf("%.2f", 100 * half)
						  : judge_tolerance_text(expect, half);
	return xasprintf(" (+- %s, 95 %% interval from means of one second)", text);
}

static char *bounds_text(const struct expect_spec *expect)
{
	AUTO(free_ptr) char *low = judge_value_text(expect, expect->at_least);
	AUTO(free_ptr) char *high = judge_value_text(expect, expect->at_most);

	if (isnan(expect->at_most))
		return xasprintf("at least %s", low);
	return isnan(expect->at_least) ? xasprintf("at most %s", high) : xasprintf("%s to %s", low, high);
}

/* How far inside (positive) or outside of the bounds. */
static double margin(const struct expect_spec *expect, double measured)
{
	double low = isnan(expect->at_least) ? (double)INFINITY : measured - expect->at_least;
	double high = isnan(expect->at_most) ? (double)INFINITY : expect->at_most - measured;

	return fmin(low, high);
}

/* Too little of a rate that nobody asked for is within any bound. */
static bool is_vacuous(const struct judge_context *context, double from_s, double to_s,
	const struct mean *mean, struct finding *finding)
{
	const struct expect_spec *expect = finding->expect;
	const struct model_step *step = evidence_main_step(context, from_s, to_s);

	if (expect->need != NEED_NOTHING || expect->kind != EXPECT_LEVEL || !isnan(expect->at_least) ||
		expect->measure == MEASURE_DISK_P99 || (step && !step->active[expect->tenant]))
		return false;
	AUTO(free_ptr) char *unwanted = evidence_unwanted(context, finding, from_s, to_s);
	if (!unwanted)
		return false;
	AUTO(free_ptr) char *measured = judge_value_text(expect, finding->measured);
	(void)finding_set(finding, VERDICT_INCONCLUSIVE,
		"%s %s%s, but that it got no more says nothing about a limit: %s", mean->subject, measured,
		mean->object, unwanted);
	return true;
}

static void judge_bounds(const struct judge_context *context, double from_s, double to_s,
	const struct mean *mean, struct finding *finding)
{
	const struct expect_spec *expect = finding->expect;
	AUTO(free_ptr) char *bounds = bounds_text(expect);
	AUTO(free_ptr) char *measured = judge_value_text(expect, finding->measured);
	AUTO(free_ptr) char *interval = judge_interval_text(expect, mean->half);
	double inside = margin(expect, finding->measured);

	if (inside >= 0 && mean->half > inside) {
		(void)finding_set(finding, VERDICT_INCONCLUSIVE,
			"%s %s%s%s; that is too uncertain to be told from the bound, which is %s",
			mean->subject, measured, interval, mean->object, bounds);
		return;
	}
	double off = finding->measured < expect->at_least ? -1 : 1;
	if (inside >= 0 ? is_vacuous(context, from_s, to_s, mean, finding)
			: !evidence_holds_throughout(context, from_s, to_s, THROUGHOUT_S, off, finding))
		return;
	(void)finding_set(finding, inside >= 0 ? VERDICT_PASS : VERDICT_FAIL, "%s %s%s%s; %s is expected",
		mean->subject, measured, interval, mean->object, bounds);
}

static void judge_value(const struct judge_context *context, double from_s, double to_s,
	const struct mean *mean, struct finding *finding)
{
	const struct expect_spec *expect = finding->expect;
	double off = finding->measured - finding->expected;
	bool inside = fabs(off) <= finding->tolerance;
	AUTO(free_ptr) char *measured = judge_value_text(expect, finding->measured);
	AUTO(free_ptr) char *expected = judge_value_text(expect, finding->expected);
	AUTO(free_ptr) char *tolerance = judge_tolerance_text(expect, finding->tolerance);

	/* What is derived is of the window's resolution alone, so beside it chance has its say. */
	bool by_chance = expect->within_model && fabs(off) - mean->half <= finding->tolerance;
	if (inside ? mean->half > finding->tolerance : by_chance) {
		AUTO(free_ptr)
		char *half = expect->kind == EXPECT_SHARE ? xasprintf("%.2f", 100 * mean->half)
							  : judge_tolerance_text(expect, mean->half);
		(void)finding_set(finding, VERDICT_INCONCLUSIVE,
			"the %s of '%s' varies too much from second to second to be told to %s: %s "
			"+- %s (95 %% interval from means of one second)",
			expect_kind_name(expect->kind),
			context->input->scenario->tenants[expect->tenant].name, tolerance, measured, half);
		return;
	}
	if (!inside && !evidence_holds_throughout(context, from_s, to_s, THROUGHOUT_S, off, finding))
		return;
	AUTO(free_ptr) char *interval = judge_interval_text(expect, mean->half);
	AUTO(free_ptr)
	char *points = judge_tolerance_text(expect, fabs(off));
	AUTO(free_ptr) char *by = xasprintf("%s%s", off < 0 ? "-" : "+", points);
	AUTO(free_ptr)
	char *allowed = expect->kind == EXPECT_SHARE ? xasprintf("%.2f", 100 * finding->tolerance)
						     : xstrdup(tolerance);
	(void)finding_set(finding, inside ? VERDICT_PASS : VERDICT_FAIL,
		expect->kind == EXPECT_SHARE || expect->is_model
			? "%s %s%s%s, %s is %s; off by %s, %s allowed"
			: "%s %s%s%s, %s %s; off by %s, %s allowed",
		mean->subject, measured, interval, mean->object,
		!expect->is_model              ? "expected"
		: expect->kind == EXPECT_SHARE ? "the model's share"
					       : "the model's value",
		expected, by, allowed);
}

void judge_mean(const struct judge_context *context, struct finding *finding)
{
	const struct expect_spec *expect = finding->expect;
	double from_s = (double)expect->from_ns / 1e9, to_s = (double)expect->to_ns / 1e9;
	AUTO(mean) struct mean mean = {0};

	set_expected(context, from_s, to_s, finding);
	if (!isfinite(finding->expected)) {
		(void)finding_set(finding, VERDICT_INCONCLUSIVE,
			"the model says nothing about %.6g s to %.6g s", from_s, to_s);
		return;
	}
	if (!measure(context, &from_s, &to_s, &mean, finding))
		return;
	if (expect->within_model)
		resolution_of_mean(context, from_s, to_s, finding);
	if (!evidence_holds(context, from_s, to_s, finding))
		return;
	if (judge_is_bounded(expect))
		judge_bounds(context, from_s, to_s, &mean, finding);
	else
		judge_value(context, from_s, to_s, &mean, finding);
}
