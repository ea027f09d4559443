/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/auto.h"
#include "cmd/findings.h"
#include "run/results.h"

static void test_worse_exit(void **state)
{
	static const struct {
		int a, b, worse;
	} cases[] = {
		{0, 0, 0}, {0, 3, 3}, {3, 1, 1}, {1, 4, 4}, {5, 4, 5}, {1, 2, 2}, {2, 4, 4}, {5, 130, 130}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(findings_worse_exit(cases[i].a, cases[i].b), cases[i].worse);
		assert_int_equal(findings_worse_exit(cases[i].b, cases[i].a), cases[i].worse);
	}
}

static void test_table(void **state)
{
	static const char wanted[] =
		"  verdict       expectation   expected   measured  tolerance\n"
		"  pass          \xc3\xa4              33.33 %    33.10 %  +-2.00 points\n"
		"  inconclusive  longer name  < 1.000 s          -  +-5.00 points\n"
		"      because\n";
	static char name[] = "\xc3\xa4", longer[] = "longer name", reason[] = "because";
	struct expect_spec share = {.kind = EXPECT_SHARE, .name = name, .within = 0.02};
	struct expect_spec settles = {
		.kind = EXPECT_SETTLES, .name = longer, .is_model = true, .within = 0.05};
	struct finding findings[] = {
		{.expect = &share, .expected = 1 / 3., .measured = 0.331, .tolerance = 0.02},
		{.expect = &settles,
			.verdict = VERDICT_INCONCLUSIVE,
			.expected = 1,
			.measured = (double)NAN,
			.tolerance = (double)NAN,
			.reason = reason},
	};
	const struct judgement judgement = {.findings = findings, .count = 2}, none = {0};
	AUTO(buf) struct buf text = BUF_INIT;

	(void)state;
	findings_table(&judgement, &text);
	assert_string_equal(text.data, wanted);

	/* One reason for several in a row is told once. */
	static const char once[] = "  verdict       expectation   expected   measured  tolerance\n"
				   "  inconclusive  \xc3\xa4                    -          -  +-2.00 points\n"
				   "      because\n"
				   "  inconclusive  longer name          -          -  +-5.00 points\n"
				   "      for the same reason\n";
	for (size_t i = 0; i < 2; i++) {
		findings[i].verdict = VERDICT_INCONCLUSIVE;
		findings[i].expected = findings[i].measured = findings[i].tolerance = (double)NAN;
		findings[i].reason = reason;
	}
	buf_reset(&text);
	findings_table(&judgement, &text);
	assert_string_equal(text.data, once);
	buf_reset(&text);
	findings_table(&none, &text);
	assert_string_equal(text.data, "  no expectations\n");
}

static void test_no_run_directory(void **state)
{
	struct results results = {0};
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(results_load("/proc/self/no-run", &results, &err), -1);
	assert_int_equal(err.domain, ERR_INPUT);
	assert_non_null(strstr(err.text, "is not a run directory"));
	assert_non_null(strstr(err.remedy, "RESULTS/SCENARIO/TIME"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_worse_exit),
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_no_run_directory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
