/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What published tests would say of a run: the arithmetic of their tolerances (tests/unit/test_faults.c has the sources), applied to the
 * means of every window of which a share, a ratio or a level is expected.  They look at nothing else.
 */
#ifndef LIMITLAB_TESTS_COMPONENT_PUBLISHED_RULES_H
#define LIMITLAB_TESTS_COMPONENT_PUBLISHED_RULES_H

#include <math.h>
#include <stdlib.h>

#include "judge/internal.h"
#include "run/results.h"

enum rule { RULE_KERNEL, RULE_TP_QEMU, RULE_LTP, RULES };
static const char *const rule_names[RULES] = {"the kernel's selftests", "tp-qemu", "LTP"};

static inline bool rule_passes(
	enum rule rule, const struct expect_spec *expect, double measured, double expected)
{
	double off = fabs(measured - expected);

	switch (rule) {
	case RULE_KERNEL: /* values_close(): of the sum, 35 % for weights and 10 % for hard limits */
		return off <= (expect->kind == EXPECT_LEVEL ? 0.10 : 0.35) * (measured + expected);
	case RULE_TP_QEMU:
		return off <= 0.14 * fmax(measured, expected);
	default:
		return off <= (expect->kind == EXPECT_SHARE ? 0.02 : 0.02 * expected);
	}
}

/* What was measured, whether or not the judge would have it; NAN: nothing. */
static inline double rule_measured(
	const struct judge_input *input, const struct expect_spec *expect, double from_s, double to_s)
{
	struct metric over = {0}, under = {0};
	double capacity = 1, mean = (double)NAN;

	if (expect->kind == EXPECT_SHARE && expect->resource == RESOURCE_CPU)
		capacity = CPU_COUNT(&input->scenario->scarce_cpus);
	else if (expect->kind == EXPECT_SHARE)
		capacity = expect->resource == RESOURCE_NET ? (double)input->scenario->link.rate_bits_per_s
							    : (double)input->scenario->disk.rate_bytes_per_s;
	metric_load(&over, input, expect->measure, expect->tenant);
	metric_load(&under, input, expect->measure, expect->other);
	if (over.total.count > 1)
		mean = metric_mean(&over, capacity, from_s, to_s);
	if (expect->kind == EXPECT_RATIO && under.total.count > 1)
		mean /= metric_mean(&under, 1, from_s, to_s);
	metric_release(&over);
	metric_release(&under);
	return mean;
}

static inline double rule_expected(
	const struct results *results, const struct expect_spec *expect, double from_s, double to_s)
{
	const struct model *model = &results->model;

	if (!expect->is_model)
		return expect->value;
	double share = model_mean(model, expect->tenant, from_s, to_s);
	if (expect->kind == EXPECT_RATIO)
		return share / model_mean(model, expect->other, from_s, to_s);
	return expect->kind == EXPECT_LEVEL ? share * model->capacity : share;
}

/* Bit i: rule i finds nothing wrong with this run. */
static inline unsigned rules_that_pass(const struct results *results)
{
	const struct judge_input input = results_input(results);
	unsigned passing = (1u << RULES) - 1;

	for (size_t i = 0; i < results->scenario->expect_count; i++) {
		const struct expect_spec *expect = &results->scenario->expects[i];
		double from_s = (double)expect->from_ns / 1e9, to_s = (double)expect->to_ns / 1e9;
		if (expect->kind != EXPECT_SHARE && expect->kind != EXPECT_RATIO &&
			expect->kind != EXPECT_LEVEL)
			continue;
		double expected = rule_expected(results, expect, from_s, to_s);
		double measured = rule_measured(&input, expect, from_s, to_s);
		/* Bounds, and nothing at all, are not what they are made for. */
		if (!isfinite(expected) || !isfinite(measured) || !(expected > 0))
			continue;
		for (int rule = 0; rule < RULES; rule++)
			if (!rule_passes((enum rule)rule, expect, measured, expected))
				passing &= ~(1u << rule);
	}
	return passing;
}

#endif
