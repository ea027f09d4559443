/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The bandwidth that HTB should give: own rates, then priority, then quantum, under the ceil. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/auto.h"
#include "judge/model_htb.h"

#define MAX 4
#define INF ((double)INFINITY)

/* clang-format off */
static const struct {
	const char *name;
	double parent, link;
	struct htb_claim claims[MAX]; /* rate, ceil, demand, quantum, prio */
	size_t count;
	double share[MAX]; /* the first NAN: no answer */
} cases[] = {
	/* Measured (FACTS of the design): 95 each, and 270/10/10 after a change of priority, of 300. */
	{"equal", 300, INF, {{10, 300, INF, 1, 3}, {10, 300, INF, 1, 3}, {10, 300, INF, 1, 3}}, 3, {100, 100, 100}},
	{"one first", 300, INF, {{10, 300, INF, 1, 0}, {10, 300, INF, 1, 3}, {10, 300, INF, 1, 3}}, 3, {280, 10, 10}},
	{"one last", 300, INF, {{10, 300, INF, 1, 5}, {10, 300, INF, 1, 3}, {10, 300, INF, 1, 3}}, 3, {10, 145, 145}},
	{"three steps", 300, INF, {{10, 100, INF, 1, 0}, {10, 150, INF, 1, 1}, {10, 300, INF, 1, 2}}, 3, {100, 150, 50}},
	{"starved", 300, INF, {{0, 300, INF, 1, 0}, {0, 300, INF, 1, 1}}, 2, {300, 0}},
	{"the best wants little", 300, INF, {{10, 300, 40, 1, 0}, {10, 300, INF, 1, 3}, {10, 300, INF, 1, 3}}, 3, {40, 130, 130}},
	{"an idle one", 300, INF, {{100, 300, 0, 1, 0}, {100, 300, INF, 1, 3}}, 2, {0, 300}},
	{"one alone under its ceil", 300, INF, {{10, 50, INF, 1, 0}}, 1, {50}},
	{"nobody wants", 300, INF, {{10, 300, 0, 1, 0}, {10, 300, 0, 1, 1}}, 2, {0, 0}},
	{"demand below the rate", 300, INF, {{100, 300, 30, 1, 3}, {100, 300, INF, 1, 3}}, 2, {30, 270}},
	/* Figure 2: the rates use up the link. */
	{"rates hold", 80, INF, {{15, 80, INF, 1, 0}, {26, 80, INF, 1, 3}, {39, 80, INF, 1, 5}}, 3, {15, 26, 39}},
	{"one of them idle, equal quanta", 80, INF, {{15, 80, INF, 1, 3}, {26, 80, INF, 1, 3}, {39, 80, 0, 1, 3}}, 3, {34.5, 45.5, 0}},
	{"one of them idle, quanta by rate", 82, INF, {{15, 82, INF, 15, 3}, {26, 82, INF, 26, 3}, {39, 82, 0, 39, 3}}, 3, {30, 52, 0}},
	{"quanta split the excess only", 300, INF, {{100, 300, INF, 3, 3}, {100, 300, INF, 1, 3}}, 2, {175, 125}},
	{"a ceil hands on", 300, INF, {{10, 50, INF, 1, 3}, {10, 300, INF, 1, 3}, {10, 300, INF, 1, 3}}, 3, {50, 125, 125}},
	{"a ceil hands on by quantum", 310, INF, {{10, 50, INF, 9, 3}, {10, 310, INF, 3, 3}, {10, 310, INF, 1, 3}}, 3, {50, 190, 70}},
	{"a ceil at the rate", 300, INF, {{100, 100, INF, 1, 0}, {10, 300, INF, 1, 3}}, 2, {100, 200}},
	/* Own rates need nobody's permission. */
	{"rates above the parent's", 100, INF, {{60, 100, INF, 1, 0}, {60, 100, INF, 1, 3}, {60, 100, INF, 1, 3}}, 3, {60, 60, 60}},
	{"rates at the parent's", 100, INF, {{50, 100, INF, 1, 0}, {50, 100, INF, 1, 3}}, 2, {50, 50}},
	/* The wire is the bottleneck: HTB decides nothing. */
	{"slower wire", 300, 100, {{10, 300, INF, 1, 0}, {10, 300, INF, 1, 3}}, 2, {(double)NAN}},
	{"slower wire, not needed", 300, 100, {{10, 300, 40, 1, 0}, {10, 300, 60, 1, 3}}, 2, {40, 60}},
	{"wire as fast", 300, 300, {{10, 300, INF, 1, 3}, {10, 300, INF, 1, 3}, {10, 300, INF, 1, 3}}, 3, {100, 100, 100}},
	{"nobody", 300, INF, {{0, 0, 0, 1, 0}}, 0, {0}},
};
/* clang-format on */

static void shares_are_as_htb_gives_them(void **state)
{
	unsigned failures = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		double share[MAX] = {-7, -7, -7, -7};
		bool none = isnan(cases[i].share[0]);
		int result =
			model_htb(cases[i].parent, cases[i].link, cases[i].claims, cases[i].count, share);
		if (result != (none ? -1 : 0)) {
			failures++;
			print_error("%s: result %d\n", cases[i].name, result);
		}
		for (size_t k = 0; k < cases[i].count; k++) {
			double expected = none ? -7 : cases[i].share[k];
			if (fabs(share[k] - expected) < 1e-9)
				continue;
			failures++;
			print_error("%s: %zu gets %g, not %g\n", cases[i].name, k, share[k], expected);
		}
	}
	assert_int_equal(failures, 0);
}

/* Whatever the claims: no ceil and no demand is exceeded, own rates hold, nothing is left while somebody wants more. */
static void rules_hold_for_any_claims(void **state)
{
	uint32_t seed = 1;

	(void)state;
	for (int round = 0; round < 2000; round++) {
		struct htb_claim claims[MAX];
		double share[MAX], sum = 0, own = 0;
		bool hungry = false;
		for (size_t i = 0; i < MAX; i++) {
			unsigned r[5];
			for (size_t k = 0; k < ARRAY_SIZE(r); k++) {
				seed = seed * 1664525 + 1013904223;
				r[k] = seed >> 16;
			}
			claims[i].rate = r[0] % 50;
			claims[i].ceil = claims[i].rate + r[1] % 100;
			claims[i].demand = r[2] % 3 ? r[2] % 150 : INF;
			claims[i].quantum = 1 + r[3] % 9;
			claims[i].prio = r[4] % 4;
		}
		assert_int_equal(model_htb(100, INF, claims, MAX, share), 0);
		for (size_t i = 0; i < MAX; i++) {
			double want = fmin(claims[i].demand, claims[i].ceil);
			assert_true(share[i] <= want + 1e-9);
			assert_true(share[i] >= fmin(want, claims[i].rate) - 1e-9);
			sum += share[i];
			own += fmin(want, claims[i].rate);
			hungry = hungry || share[i] < want - 1e-9;
			for (size_t k = 0; k < MAX; k++)
				/* A worse one borrows only when the better one has all it wants. */
				if (claims[k].prio > claims[i].prio && share[i] < want - 1e-9)
					assert_true(share[k] <= claims[k].rate + 1e-9);
		}
		assert_true(sum <= fmax(100, own) + 1e-9);
		assert_true(!hungry || sum >= 100 - 1e-9);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shares_are_as_htb_gives_them),
		cmocka_unit_test(rules_hold_for_any_claims),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
