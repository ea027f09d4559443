/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/fsio.h"
#include "series/csvfile.h"
#include "series/stats.h"
#include "series/table.h"

static void auto_table(struct table *table)
{
	table_release(table);
}

static int setup(void **state)
{
	char template[] = "/tmp/limitlab-table-XXXXXX";

	if (!mkdtemp(template))
		return -1;
	*state = xstrdup(template);
	return 0;
}

static int teardown(void **state)
{
	int result = fsio_remove_tree(*state, NULL);

	free(*state);
	return result;
}

static void test_round_trip(void **state)
{
	static const char *const columns[] = {"a_ns", "b,b", "c"};
	static const char expected[] = "t_s,tenant,a_ns,\"b,b\",c\n"
				       "-0.200000,red,9007199254740992,,0.333333\n"
				       "-0.200000,\"say \"\"hi\"\", you\",0,-5,1e-09\n"
				       "0.000001,host,18014398509481984,1234567.25,\n";
	AUTO(table) struct table table = {0}, again = {0};
	AUTO(buf) struct buf text = BUF_INIT, second = BUF_INIT;
	AUTO(free_ptr) char *path = xasprintf("%s/samples.csv", (char *)*state);
	AUTO(free_ptr) char *tmp = xasprintf("%s.tmp", path);
	struct err err = ERR_INIT;

	table_init(&table, columns, 3);
	double *cells = table_add_row(&table, -0.2, "red");
	assert_true(isnan(cells[0]) && isnan(cells[2]));
	cells[0] = 0x1p53;
	cells[2] = 1. / 3;
	cells = table_add_row(&table, -0.2, "say \"hi\", you");
	cells[0] = -0.0;
	cells[1] = -5;
	cells[2] = 1e-9;
	cells = table_add_row(&table, 0.000001, "host");
	cells[0] = 0x1p54;
	cells[1] = 1234567.25;
	if (table_write_csv(&table, path, &err) || fsio_read_file(path, 4096, &text, &err))
		fail_msg("%s", err.text);
	assert_string_equal(text.data, expected);
	assert_false(fsio_exists(tmp));

	if (table_read_csv(&again, path, &err))
		fail_msg("%s", err.text);
	assert_int_equal(again.row_count, 3);
	assert_int_equal(again.tenant_count, 3);
	assert_true(isnan(again.cells[1]) && again.cells[0] == 0x1p53);
	assert_int_equal(table_column(&again, "b,b"), 1);
	assert_int_equal(table_column(&again, "t_s"), -1);
	assert_int_equal(table_tenant(&again, "host"), 2);
	assert_int_equal(table_tenant(&again, "blue"), -1);
	if (table_write_csv(&again, path, &err) || fsio_read_file(path, 4096, &second, &err))
		fail_msg("%s", err.text);
	assert_string_equal(second.data, expected);
}

static void test_extract(void **state)
{
	static const char *const columns[] = {"x"};
	AUTO(table) struct table table = {0};
	AUTO(free_ptr) double *t_s = NULL;
	AUTO(free_ptr) double *values = NULL;

	(void)state;
	table_init(&table, columns, 1);
	for (int i = 0; i < 200; i++) {
		table_add_row(&table, i, "red")[0] = i % 2 ? (double)NAN : i;
		table_add_row(&table, i, "blue")[0] = -1;
	}
	assert_int_equal(table_extract(&table, 0, 0, &t_s, &values), 100);
	assert_true(t_s[99] == 198 && values[99] == 198);
	free(t_s);
	free(values);
	assert_int_equal(table_extract(&table, -1, 0, &t_s, &values), 0);
}

static void test_bad_files(void **state)
{
	static const struct {
		const char *name, *text, *error;
	} cases[] = {
		{"empty file", "", "f.csv:1: an empty file"},
		{"wrong header", "time,tenant\n", "f.csv:1: the header must begin with 't_s,tenant'"},
		{"header cut off", "t_s,tenant,a", "f.csv:1: the file ends in the middle of a row"},
		{"two columns of one name", "t_s,tenant,a,a\n", "f.csv:1: two columns are named 'a'"},
		{"column without a name", "t_s,tenant,\n", "f.csv:1: column 3 has no name"},
		{"no number", "t_s,tenant,a\n1,red,2\n2,red,x\n", "f.csv:3: a is 'x', not a number"},
		{"nan", "t_s,tenant,a\n1,red,nan\n", "f.csv:2: a is 'nan'"},
		{"inf", "t_s,tenant,a\n1,red,inf\n", "f.csv:2: a is 'inf'"},
		{"beyond a double", "t_s,tenant,a\n1,red,1e999\n", "f.csv:2: a is '1e999'"},
		{"hexadecimal", "t_s,tenant,a\n1,red,0x10\n", "f.csv:2: a is '0x10'"},
		{"blank before a number", "t_s,tenant,a\n1,red, 1\n", "f.csv:2: a is ' 1'"},
		{"only a sign", "t_s,tenant,a\n1,red,-\n", "f.csv:2: a is '-'"},
		{"time is missing", "t_s,tenant,a\n,red,1\n", "f.csv:2: t_s is ''"},
		{"tenant is missing", "t_s,tenant,a\n1,,1\n", "f.csv:2: the tenant has no name"},
		{"time runs backwards", "t_s,tenant,a\n1,red,1\n0.5,red,1\n", "f.csv:3: time runs backwards"},
		{"too few fields", "t_s,tenant,a\n1,red\n", "f.csv:2: 2 fields where the header has 3"},
		{"too many fields", "t_s,tenant,a\n1,red,1,2\n", "f.csv:2: 4 fields"},
		{"cut off in a row", "t_s,tenant,a\n1,red,1\n2,red,1",
			"f.csv:3: the file ends in the middle of a row"},
		{"cut off inside quotes", "t_s,tenant,a\n1,\"red", "f.csv:2: the file ends inside quotes"},
		{"a stray quote", "t_s,tenant,a\n1,re\"d,1\n", "f.csv:2: a quote in the wrong place"},
		{"an empty line", "t_s,tenant,a\n\n1,red,1\n", "f.csv:2: an empty line"},
		{"line numbers go on after a quoted newline", "t_s,tenant,a\n1,\"r\ned\",1\n2,red,x\n",
			"f.csv:4: a is 'x'"},
		{"a lone carriage return", "t_s,tenant,a\n1,red,1\r2,red,2\n", "f.csv:2: 5 fields"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(table) struct table table = {0};
		struct err err = ERR_INIT;
		if (!table_parse_csv(&table, "f.csv", cases[i].text, strlen(cases[i].text), &err))
			fail_msg("%s: taken", cases[i].name);
		if (err.domain != ERR_INPUT || strncmp(err.text, cases[i].error, strlen(cases[i].error)))
			fail_msg("%s: '%s', wanted '%s'", cases[i].name, err.text, cases[i].error);
	}
}

static void test_binary(void **state)
{
	static const char text[] = "t_s,tenant,a\n1,r\0d,1\n";
	AUTO(table) struct table table = {0};
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(table_parse_csv(&table, "f.csv", text, sizeof(text) - 1, &err), -1);
	assert_string_equal(err.text, "f.csv:2: a NUL byte; this is no CSV text");
}

static void test_good_files(void **state)
{
	static const char crlf[] = "t_s,tenant,a\r\n1,red,1\r\n2,\"a,b\",\r\n";
	AUTO(table) struct table table = {0}, none = {0};
	struct err err = ERR_INIT;

	(void)state;
	if (table_parse_csv(&table, "f.csv", crlf, strlen(crlf), &err))
		fail_msg("%s", err.text);
	assert_int_equal(table.row_count, 2);
	assert_string_equal(table.tenants[1], "a,b");
	assert_true(isnan(table.cells[1]));
	if (table_parse_csv(&none, "f.csv", "t_s,tenant\n1,x\n", 15, &err))
		fail_msg("%s", err.text);
	assert_int_equal(none.row_count, 1);
}

/* Bit by bit what strtod(3) reads, whichever way a number is written. */
static void test_numbers(void **state)
{
	static const char *const good[] = {"0", "-0", "0.1", "-0.1", ".5", "5.", "-.5", "1e3", "+7",
		"123456789012345", "1234567890123456789", "0.00000000000001", "0.000000000000000000001",
		"9007199254740993", "2.2250738585072014e-308", "179769313486231570000",
		"1.7976931348623157e308", "00012.500"};
	static const char *const bad[] = {".", "-", "-.", "1.2.3", "1-2", "--1", " 1", "1 ", "0x10", "nan",
		"inf", "1e", "1e999", "+", "e5", "1,5"};
	uint64_t noise = 1;
	double value;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		double wanted = strtod(good[i], NULL);
		if (!csvfile_number(good[i], &value) || memcmp(&value, &wanted, sizeof(value)) != 0)
			fail_msg("'%s' is read as %.17g", good[i], value);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		if (csvfile_number(bad[i], &value))
			fail_msg("'%s' is read as %.17g", bad[i], value);
	for (size_t i = 0; i < 200000; i++) {
		char text[32];
		noise = noise * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
		uint64_t digits = (noise >> 20) % (UINT64_C(1) << (1 + noise % 50));
		(void)snprintf(text, sizeof(text), "%s%.*f", noise & 8 ? "-" : "", (int)(noise >> 60),
			(double)digits / pow(10, (double)(noise >> 60)));
		double wanted = strtod(text, NULL);
		if (!csvfile_number(text, &value) || memcmp(&value, &wanted, sizeof(value)) != 0)
			fail_msg("'%s' is read as %.17g, not %.17g", text, value, wanted);
	}
}

static void test_stats(void **state)
{
	static const double values[] = {2, 4, 4, 4, 5, 5, 7, 9};

	(void)state;
	assert_true(stats_mean(values, 8) == 5);
	assert_true(fabs(stats_standard_deviation(values, 8) - 2.138089935) < 1e-8);
	/* t(0.975, 7) = 2.364624 */
	assert_true(fabs(stats_half_interval_95(values, 8) - 2.364624252 * 2.138089935 / sqrt(8)) < 1e-6);
	assert_true(stats_quantile(values, 8, 0.5) == 4.5 && stats_quantile(values, 8, 1) == 9);
	assert_true(isnan(stats_mean(values, 0)) && isnan(stats_half_interval_95(values, 1)));
	assert_true(isnan(stats_quantile(values, 0, 0.5)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_round_trip, setup, teardown),
		cmocka_unit_test(test_extract),
		cmocka_unit_test(test_bad_files),
		cmocka_unit_test(test_binary),
		cmocka_unit_test(test_good_files),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_stats),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
