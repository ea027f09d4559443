/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Shifts, permutations and the sizes of groups, against tables and against families without any difference. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/auto.h"
#include "base/buf.h"
#include "series/permute.h"
#include "series/stats.h"

static bool near(double a, double b)
{
	return fabs(a - b) <= 1e-9 * fmax(1, fabs(b));
}

#define assert_near(a, b)                                                                                    \
	do {                                                                                                 \
		double left_ = (a), right_ = (b);                                                            \
		if (!near(left_, right_))                                                                    \
			fail_msg("%s is %.12g, not %.12g", #a, left_, right_);                               \
	} while (0)

/* The same numbers each time, about normal: the sum of twelve uniform ones. */
static uint64_t state_of_noise = 1;

static double noise(void)
{
	double sum = -6;

	for (int i = 0; i < 12; i++) {
		state_of_noise =
			state_of_noise * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
		sum += (double)(state_of_noise >> 11) * 0x1p-53;
	}
	return sum;
}

/* Critical values of the Mann-Whitney statistic, two-sided 5 %: as printed in every collection of tables. */
static void test_shift_intervals(void **state)
{
	static const struct {
		size_t m, n, critical;
	} cases[] = {{4, 4, 0}, {4, 5, 1}, {5, 5, 2}, {6, 6, 5}, {8, 8, 13}, {10, 10, 23}, {5, 20, 20},
		{12, 15, 49}, {19, 20, 119}, {20, 20, 127}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		size_t m = cases[i].m, n = cases[i].n;
		double first[20], second[20], differences[400];
		struct stats_shift shift;

		print_message("# %zu against %zu\n", m, n);
		/* No two differences are equal, and in the order of i, j they ascend. */
		for (size_t k = 0; k < m; k++)
			first[k] = -(double)k * 100;
		for (size_t k = 0; k < n; k++)
			second[k] = (double)k;
		for (size_t k = 0; k < m * n; k++)
			differences[k] = (double)(k / n) * 100 + (double)(k % n);
		stats_shift_95(first, m, second, n, &shift);
		assert_near(shift.low, differences[cases[i].critical]);
		assert_near(shift.high, differences[m * n - 1 - cases[i].critical]);
		assert_near(shift.estimate, stats_median(differences, m * n));
	}
}

static void test_too_few_for_an_interval(void **state)
{
	static const size_t cases[][2] = {{1, 1}, {2, 2}, {3, 3}, {3, 4}, {2, 7}};
	const double first[] = {1, 2, 3, 4, 5, 6, 7}, second[] = {2, 3, 4, 5, 6, 7, 8};
	struct stats_shift shift;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		stats_shift_95(first, cases[i][0], second, cases[i][1], &shift);
		print_message("# %zu against %zu\n", cases[i][0], cases[i][1]);
		assert_true(!isnan(shift.estimate));
		assert_true(isnan(shift.low) && isnan(shift.high));
	}
	stats_shift_95(first, 0, second, 3, &shift);
	assert_true(isnan(shift.estimate));
}

static void test_smallest_p(void **state)
{
	static const struct {
		size_t m, n;
		double p;
	} cases[] = {{0, 5, 1}, {1, 1, 1}, {1, 5, 1 / 6.}, {3, 3, 0.1}, {3, 4, 1 / 35.}, {4, 4, 2 / 70.},
		{5, 5, 2 / 252.}, {10, 10, 2 / 184756.}};
	static const struct {
		double p;
		size_t size;
	} sizes[] = {{1, 1}, {0.1, 3}, {0.05, 4}, {0.04, 4}, {0.01, 5}, {0.002, 7}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		print_message("# %zu against %zu\n", cases[i].m, cases[i].n);
		assert_near(stats_smallest_p(cases[i].m, cases[i].n), cases[i].p);
	}
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++)
		assert_int_equal(stats_group_size_for_p(sizes[i].p), sizes[i].size);
}

/* As tables of the power of the t test have it: 17 for one standard deviation, 64 for half of one. */
static void test_group_size_for_distance(void **state)
{
	(void)state;
	assert_int_equal(stats_group_size_for_distance(1, 1), 17);
	assert_int_equal(stats_group_size_for_distance(2, 2), 17);
	assert_int_equal(stats_group_size_for_distance(1, 0.5), 64);
	assert_int_equal(stats_group_size_for_distance(0, 0.01), 2);
	assert_int_equal(stats_group_size_for_distance(1, 0.001), 0);
}

struct outcome {
	double p[512], adjusted[512];
	struct permute_report report;
};

static void run_block(const double *values, size_t rows, size_t runs, size_t first, double soft,
	uint64_t seed, struct outcome *outcome)
{
	AUTO(free_ptr) double *softs = xcalloc(rows, sizeof(*softs));
	const struct permute_block block = {.values = values,
		.soft = softs,
		.rows = rows,
		.runs = runs,
		.first = first,
		.ret_p = outcome->p,
		.ret_p_adjusted = outcome->adjusted};

	for (size_t i = 0; i < rows; i++)
		softs[i] = soft;
	permute_test(&block, 1, seed, &outcome->report);
}

static void test_permutations_of_one_row(void **state)
{
	static const struct {
		const char *name;
		double values[8];
		size_t runs, first;
		double p;
	} cases[] = {
		{"apart", {1, 2, 3, 4, 11, 12, 13, 14}, 8, 4, 2 / 70.},
		{"alike", {1, 2, 1, 2, 1, 2, 1, 2}, 8, 4, 1},
		{"all equal", {5, 5, 5, 5, 5, 5}, 6, 3, 1},
		{"three against three", {1, 2, 3, 7, 8, 9}, 6, 3, 0.1},
		{"two against three", {1, 2, 7, 8, 9}, 5, 2, 0.1},
		{"a missing value", {1, 2, 3, 4, 11, 12, 13, (double)NAN}, 8, 4, 2 / 70.},
		{"a group without values", {1, 2, 3, (double)NAN, (double)NAN, (double)NAN}, 6, 3,
			(double)NAN},
		{"one against one", {1, 2}, 2, 1, (double)NAN},
		{"an empty group", {1, 2, 3}, 3, 0, (double)NAN},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct outcome outcome;

		print_message("# %s\n", cases[i].name);
		run_block(cases[i].values, 1, cases[i].runs, cases[i].first, 1e-3, 1, &outcome);
		assert_true(outcome.report.exact);
		if (isnan(cases[i].p)) {
			assert_true(isnan(outcome.p[0]) && isnan(outcome.adjusted[0]));
			continue;
		}
		/* With a value missing, one division in 70 is lost to its mirror image. */
		assert_true(fabs(outcome.p[0] - cases[i].p) < 0.015);
		assert_near(outcome.adjusted[0], outcome.p[0]);
	}
}

/* With Holm or Bonferroni the smallest p of 400 rows, five against five, would be 400 * 2 / 252. */
static void test_many_rows_keep_the_smallest_p(void **state)
{
	enum { rows = 400, runs = 10 };
	AUTO(free_ptr) double *values = xcalloc((size_t)rows * runs, sizeof(*values));
	struct outcome outcome;

	(void)state;
	state_of_noise = 7;
	for (size_t i = 0; i < (size_t)rows * runs; i++)
		values[i] = 1 + 0.001 * noise();
	for (size_t run = 5; run < runs; run++)
		values[37 * runs + run] *= 1.1;
	run_block(values, rows, runs, 5, 0.0025, 1, &outcome);
	assert_int_equal(outcome.report.permutations, 252);
	assert_near(outcome.adjusted[37], 2 / 252.);
	for (size_t row = 0; row < rows; row++)
		if (row != 37 && outcome.adjusted[row] <= 0.05)
			fail_msg("row %zu: adjusted p %.4f", row, outcome.adjusted[row]);
}

/* In families without any difference, at most one in twenty may have a row with an adjusted p of 0.05 or less. */
static void test_family_error_rate(void **state)
{
	enum { families = 400, rows = 30, runs = 10 };
	unsigned alarms = 0, single = 0;

	(void)state;
	state_of_noise = 99;
	for (unsigned family = 0; family < families; family++) {
		double values[rows * runs];
		struct outcome outcome;
		double least = 1, least_adjusted = 1;

		/* Half of the rows hang together, as the shares of tenants do. */
		for (size_t run = 0; run < runs; run++) {
			double common = noise();
			for (size_t row = 0; row < rows; row++)
				values[row * runs + run] = row % 2 ? noise() : common + 0.1 * noise();
		}
		run_block(values, rows, runs, 5, 1e-6, 1, &outcome);
		for (size_t row = 0; row < rows; row++) {
			least = fmin(least, outcome.p[row]);
			least_adjusted = fmin(least_adjusted, outcome.adjusted[row]);
			assert_true(outcome.adjusted[row] >= outcome.p[row]);
		}
		alarms += least_adjusted <= 0.05;
		single += least <= 0.05;
	}
	print_message("# of %d families without a difference %u raise an alarm, %u without the correction\n",
		families, alarms, single);
	/* 20 are expected; 20 + 3 standard deviations. */
	assert_true(alarms <= 33);
	assert_true(alarms >= 5);
	assert_true(single > 100);
}

/* Random permutations give what all of them give, and the same each time. */
static void test_random_agree_with_exact(void **state)
{
	enum { rows = 5, runs = 12 };
	double values[rows * runs], twice[2 * rows * runs];
	double p[2][rows], adjusted[2][rows], soft[rows];
	struct permute_block blocks[2];
	struct permute_report report, again;
	struct outcome exact;

	(void)state;
	state_of_noise = 3;
	for (size_t i = 0; i < (size_t)rows * runs; i++)
		values[i] = noise() + (i % runs >= 6 ? 0.4 * (double)(i / runs) : 0);
	run_block(values, rows, runs, 6, 1e-3, 1, &exact);
	assert_true(exact.report.exact);
	assert_int_equal(exact.report.permutations, 924);
	for (size_t i = 0; i < rows; i++)
		soft[i] = 1e-3;
	/* A second block without values makes it two blocks, so that it is drawn at random, and changes nothing else. */
	for (size_t i = 0; i < ARRAY_SIZE(twice); i++)
		twice[i] = (double)NAN;
	for (size_t i = 0; i < 2; i++)
		blocks[i] = (struct permute_block){.values = i ? twice : values,
			.soft = soft,
			.rows = rows,
			.runs = runs,
			.first = 6,
			.ret_p = p[i],
			.ret_p_adjusted = adjusted[i]};
	permute_test(blocks, 2, 42, &report);
	assert_false(report.exact);
	assert_int_equal(report.permutations, PERMUTE_RANDOM + 1);
	for (size_t i = 0; i < rows; i++) {
		double p0 = exact.p[i], a0 = exact.adjusted[i];
		print_message("# p %.4f, exactly %.4f; adjusted %.4f, exactly %.4f\n", p[0][i], p0,
			adjusted[0][i], a0);
		assert_true(fabs(p[0][i] - p0) < 4 * sqrt(p0 * (1 - p0) / PERMUTE_RANDOM) + 2e-4);
		assert_true(fabs(adjusted[0][i] - a0) < 4 * sqrt(a0 * (1 - a0) / PERMUTE_RANDOM) + 2e-4);
		assert_true(isnan(p[1][i]));
	}
	double first = adjusted[0][0];
	permute_test(blocks, 2, 42, &again);
	assert_true(first == adjusted[0][0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shift_intervals),
		cmocka_unit_test(test_too_few_for_an_interval),
		cmocka_unit_test(test_smallest_p),
		cmocka_unit_test(test_group_size_for_distance),
		cmocka_unit_test(test_permutations_of_one_row),
		cmocka_unit_test(test_many_rows_keep_the_smallest_p),
		cmocka_unit_test(test_family_error_rate),
		cmocka_unit_test(test_random_agree_with_exact),
	};

	return cmocka_run_group_tests_name("stats", tests, NULL, NULL);
}
