/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/cpulist.h"

static const struct {
	const char *name, *text;
	const char *formatted; /* NULL: refused */
	int count;
} cases[] = {
	{"nothing", "", "", 0},
	{"one", "0", "0", 1},
	{"a range", "0-2", "0-2", 3},
	{"a range of one", "3-3", "3", 1},
	{"a list", "0-2,5", "0-2,5", 4},
	{"unsorted", "5,0-2", "0-2,5", 4},
	{"neighbours join", "0,1,2", "0-2", 3},
	{"overlap", "0-3,2-5", "0-5", 6},
	{"the last", "1023", "1023", 1},
	{"all", "0-1023", "0-1023", 1024},
	{"leading zero", "007", "7", 1},
	{"too large", "1024", NULL, 0},
	{"far too large", "99999999999999999999", NULL, 0},
	{"range too large", "0-1024", NULL, 0},
	{"negative", "-1", NULL, 0},
	{"backwards", "2-0", NULL, 0},
	{"half a range", "2-", NULL, 0},
	{"comma at the end", "2,", NULL, 0},
	{"comma at the start", ",2", NULL, 0},
	{"two commas", "1,,2", NULL, 0},
	{"a blank", "1, 2", NULL, 0},
	{"a word", "all", NULL, 0},
	{"a sign", "+1", NULL, 0},
	{"hexadecimal", "0x1", NULL, 0},
	{"a stride", "0-8:2", NULL, 0},
};

static void lists_are_parsed(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct err err = ERR_INIT;
		cpu_set_t set;

		int result = cpulist_parse(cases[i].text, &set, &err);
		print_message("# %s: '%s' %s\n", cases[i].name, cases[i].text, err.text);
		assert_int_equal(result, cases[i].formatted ? 0 : -1);
		if (!cases[i].formatted) {
			assert_int_equal(err.domain, ERR_INPUT);
			assert_non_null(strstr(err.text, cases[i].text));
			continue;
		}
		AUTO(free_ptr) char *formatted = cpulist_format(&set);
		assert_string_equal(formatted, cases[i].formatted);
		assert_int_equal(CPU_COUNT(&set), cases[i].count);
	}
}

static void a_refused_list_changes_nothing(void **state)
{
	cpu_set_t set;

	(void)state;
	CPU_ZERO(&set);
	CPU_SET(7, &set);
	assert_int_equal(cpulist_parse("1,2,x", &set, NULL), -1);
	assert_int_equal(CPU_COUNT(&set), 1);
	assert_true(CPU_ISSET(7, &set));
}

static void allowed_cpus(void **state)
{
	struct err err = ERR_INIT;
	cpu_set_t set;

	(void)state;
	assert_int_equal(cpulist_allowed(&set, &err), 0);
	assert_true(CPU_COUNT(&set) >= 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists_are_parsed),
		cmocka_unit_test(a_refused_list_changes_nothing),
		cmocka_unit_test(allowed_cpus),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
