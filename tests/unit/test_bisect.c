/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Bisection of a list: which is tested next, and what it comes to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/auto.h"
#include "base/buf.h"
#include "kernels/bisect.h"

#define LIST_MAX 64

/* What each really is: g, b, s (cannot be told). */
static const struct {
	const char *name, *list;
	size_t good, bad;
	enum bisect_kind kind;
	size_t last_good, first_bad; /* of what it comes to */
	size_t tests;                /* at most */
} cases[] = {
	{"two neighbours", "gb", 0, 1, BISECT_FOUND, 0, 1, 2},
	{"three, the middle is good", "ggb", 0, 2, BISECT_FOUND, 1, 2, 3},
	{"three, the middle is bad", "gbb", 0, 2, BISECT_FOUND, 0, 1, 3},
	{"nine", "ggggggbbb", 0, 8, BISECT_FOUND, 5, 6, 5},
	{"a part of a list", "bbggggbbgg", 2, 7, BISECT_FOUND, 5, 6, 5},
	{"mended, not broken: the bad end is the older one", "bbbbggg", 6, 0, BISECT_FOUND, 4, 3, 5},
	{"one in the middle cannot be told", "gggsbbb", 0, 6, BISECT_RANGE, 2, 4, 6},
	{"what cannot be told is not at the border", "gsgggbb", 0, 6, BISECT_FOUND, 4, 5, 6},
	{"nothing between can be told", "gsssb", 0, 4, BISECT_RANGE, 0, 4, 5},
	{"good is bad", "bggb", 0, 3, BISECT_NOT_GOOD, 0, 3, 1},
	{"bad is good", "gggg", 0, 3, BISECT_NOT_BAD, 0, 3, 2},
	{"good cannot be told", "sggb", 0, 3, BISECT_END_OPEN, 0, 3, 1},
	{"bad cannot be told", "gggs", 0, 3, BISECT_END_OPEN, 0, 3, 2},
	/* Not monotonous: a border all the same. */
	{"good again in between", "gbgbb", 0, 4, BISECT_FOUND, 2, 3, 5},
	{"sixty-four", "gggggggggggggggggggggggggggggggggggggggggggggggggggggggbbbbbbbbb", 0, 63,
		BISECT_FOUND, 54, 55, 8},
};

static enum bisect_state told(char what)
{
	return what == 'g' ? BISECT_GOOD : what == 'b' ? BISECT_BAD : BISECT_SKIPPED;
}

static void test_cases(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		enum bisect_state states[LIST_MAX] = {BISECT_UNTESTED};
		struct bisect_answer answer;
		size_t tests = 0, before = SIZE_MAX, skipped = 0;
		while ((answer = bisect_next(states, cases[i].good, cases[i].bad)).kind == BISECT_TEST) {
			assert_true(states[answer.test] == BISECT_UNTESTED);
			/* What is promised is kept, but for what is skipped. */
			assert_true(answer.steps >= 1 && answer.steps < before + skipped);
			before = answer.steps;
			states[answer.test] = told(cases[i].list[answer.test]);
			skipped = states[answer.test] == BISECT_SKIPPED ? LIST_MAX : 0;
			before = skipped ? LIST_MAX : before;
			tests++;
		}
		if (answer.kind != cases[i].kind || tests > cases[i].tests)
			fail_msg("%s: %d after %zu tests", cases[i].name, (int)answer.kind, tests);
		if ((answer.kind == BISECT_FOUND || answer.kind == BISECT_RANGE) &&
			(answer.good != cases[i].last_good || answer.bad != cases[i].first_bad))
			fail_msg("%s: %zu and %zu", cases[i].name, answer.good, answer.bad);
	}
}

/* Every border in every length: found, and never with more tests than the logarithm and the two ends. */
static void test_every_border(void **state)
{
	(void)state;
	for (size_t length = 2; length <= LIST_MAX; length++) {
		size_t most = 2;
		for (size_t left = length - 2; left; left /= 2)
			most++;
		for (size_t border = 1; border < length; border++) {
			enum bisect_state states[LIST_MAX] = {BISECT_UNTESTED};
			struct bisect_answer answer;
			size_t tests = 0;
			while ((answer = bisect_next(states, 0, length - 1)).kind == BISECT_TEST) {
				states[answer.test] = answer.test < border ? BISECT_GOOD : BISECT_BAD;
				tests++;
			}
			if (answer.kind != BISECT_FOUND || answer.bad != border ||
				answer.good != border - 1 || tests > most)
				fail_msg("%zu, border %zu: %zu after %zu of %zu tests", length, border,
					answer.bad, tests, most);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_every_border),
	};

	return cmocka_run_group_tests_name("bisect", tests, NULL, NULL);
}
