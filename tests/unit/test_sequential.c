/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/auto.h"
#include "judge/sequential.h"

static void test_decisions(void **state)
{
	static const struct {
		const char *name;
		size_t passes, fails;
		enum decision decision;
	} cases[] = {
		{"nothing yet", 0, 0, DECISION_OPEN},
		{"one pass proves nothing", 1, 0, DECISION_OPEN},
		{"four passes", 4, 0, DECISION_OPEN},
		{"five passes", 5, 0, DECISION_HOLDS},
		{"one fail proves nothing", 0, 1, DECISION_OPEN},
		{"two fails", 0, 2, DECISION_BROKEN},
		{"a fail is made up for by passes", 8, 1, DECISION_OPEN},
		{"nine passes and a fail", 9, 1, DECISION_HOLDS},
		{"half and half", 2, 2, DECISION_BROKEN},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		print_message("# %s\n", cases[i].name);
		assert_int_equal(sequential_decide(cases[i].passes, cases[i].fails), cases[i].decision);
	}
	assert_int_equal(sequential_least_passes(), 5);
}

#define RUNS_MAX 60

/* The probability that the rule ends with each answer, over all orders of passes and fails; exact. */
static void outcomes(double fail_rate, double *ret_holds, double *ret_broken, double *ret_runs)
{
	static double reach[RUNS_MAX + 2][RUNS_MAX + 2];

	*ret_holds = *ret_broken = *ret_runs = 0;
	for (size_t i = 0; i < RUNS_MAX + 2; i++)
		for (size_t j = 0; j < RUNS_MAX + 2; j++)
			reach[i][j] = 0;
	reach[0][0] = 1;
	for (size_t runs = 0; runs <= RUNS_MAX; runs++)
		for (size_t fails = 0; fails <= runs; fails++) {
			size_t passes = runs - fails;
			double here = reach[passes][fails];
			enum decision decision = sequential_decide(passes, fails);
			if (decision == DECISION_OPEN) {
				reach[passes + 1][fails] += here * (1 - fail_rate);
				reach[passes][fails + 1] += here * fail_rate;
				continue;
			}
			*(decision == DECISION_HOLDS ? ret_holds : ret_broken) += here;
			*ret_runs += here * (double)runs;
		}
}

static void test_error_rates(void **state)
{
	double holds, broken, runs;

	(void)state;
	outcomes(SEQUENTIAL_HOLDS_FAILS, &holds, &broken, &runs);
	print_message("# holds: %.4f right, %.4f wrong, %.1f runs\n", holds, broken, runs);
	/* Wald's bound, with the overshoot: error / (1 - error). */
	assert_true(broken <= SEQUENTIAL_ERROR / (1 - SEQUENTIAL_ERROR));
	assert_true(holds > 0.9);
	outcomes(SEQUENTIAL_BROKEN_FAILS, &holds, &broken, &runs);
	print_message("# broken: %.4f right, %.4f wrong, %.1f runs\n", broken, holds, runs);
	assert_true(holds <= SEQUENTIAL_ERROR / (1 - SEQUENTIAL_ERROR));
	assert_true(broken > 0.9);
	outcomes(0, &holds, &broken, &runs);
	assert_true(holds > 0.999 && broken == 0 && runs < 5.5);
	outcomes(1, &holds, &broken, &runs);
	assert_true(broken > 0.999 && holds == 0 && runs < 2.5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_decisions),
		cmocka_unit_test(test_error_rates),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
