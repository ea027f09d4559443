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

static void test_table_of_kinds(void **state)
{
	static const char wanted[] =
		"  verdict       expectation          expected      measured  tolerance\n"
		"  pass          level           100.00 Mbit/s  98.00 Mbit/s  +-5.00 Mbit/s\n"
		"  pass          bound          > 20.00 Mbit/s  98.00 Mbit/s\n"
		"  pass          bounds             > 10.00 ms      20.00 ms  < 40.00 ms\n"
		"  pass          ratio                   5.000         5.100  +-0.500\n"
		"  pass          starves             > 3.000 s       4.000 s  below 2.00 %\n"
		"  pass          never starves       < 1.000 s       0.200 s  below 2.00 %\n"
		"  pass          conserves         50.00 MiB/s   50.50 MiB/s  +-1.50 MiB/s\n"
		"  pass          unchanged           300.0 MiB     301.0 MiB  +-9.0 MiB\n"
		"  pass          settles             < 5.000 s       2.000 s  +-20.0 MiB\n"
		"  inconclusive  unknown                     -             -  +-5.00 %\n"
		"      because\n";
	static char names[][16] = {"level", "bound", "bounds", "ratio", "starves", "never starves",
		"conserves", "unchanged", "settles", "unknown"};
	static char reason[] = "because";
	const double mib = 1048576, none = (double)NAN;
	const struct {
		enum expect_kind kind;
		enum measure measure;
		double value, at_least, at_most;
		double expected, measured, tolerance;
	} rows[] = {
		{EXPECT_LEVEL, MEASURE_NET_CLASS, 1e8, none, none, 1e8, 98e6, 5e6},
		{EXPECT_LEVEL, MEASURE_NET_CLASS, none, 2e7, none, 2e7, 98e6, none},
		{EXPECT_LEVEL, MEASURE_DISK_P99, none, 0.01, 0.04, 0.01, 0.02, none},
		{EXPECT_RATIO, MEASURE_DISK_BANDWIDTH, 5, none, none, 5, 5.1, 0.5},
		{EXPECT_STARVES, MEASURE_NET_CLASS, none, none, none, 3, 4, none},
		{EXPECT_NEVER_STARVES, MEASURE_NET_CLASS, none, none, none, 1, 0.2, none},
		{EXPECT_CONSERVES, MEASURE_DISK_BANDWIDTH, none, none, none, 50 * mib, 50.5 * mib, 1.5 * mib},
		{EXPECT_UNCHANGED, MEASURE_MEM_USAGE, none, none, none, 300 * mib, 301 * mib, 9 * mib},
		{EXPECT_SETTLES, MEASURE_MEM_USAGE, 300 * mib, none, none, 5, 2, 20 * mib},
		{EXPECT_LEVEL, MEASURE_NET_CLASS, 1e8, none, none, none, none, none},
	};
	struct expect_spec expects[ARRAY_SIZE(rows)];
	struct finding findings[ARRAY_SIZE(rows)];
	const struct judgement judgement = {.findings = findings, .count = ARRAY_SIZE(rows)};
	AUTO(buf) struct buf text = BUF_INIT;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		bool unknown = isnan(rows[i].expected);
		expects[i] = (struct expect_spec){
			.kind = rows[i].kind,
			.measure = rows[i].measure,
			.resource = measure_spec(rows[i].measure)->resource,
			.name = names[i],
			.value = rows[i].value,
			.at_least = rows[i].at_least,
			.at_most = rows[i].at_most,
			.within = 0.05,
			.below = 0.02,
		};
		findings[i] = (struct finding){
			.expect = &expects[i],
			.verdict = unknown ? VERDICT_INCONCLUSIVE : VERDICT_PASS,
			.expected = rows[i].expected,
			.measured = rows[i].measured,
			.tolerance = rows[i].tolerance,
			.reason = reason,
		};
	}
	findings_table(&judgement, &text);
	if (strcmp(text.data, wanted))
		fail_msg("\n%s", text.data);
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
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_table_of_kinds),
		cmocka_unit_test(test_no_run_directory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
