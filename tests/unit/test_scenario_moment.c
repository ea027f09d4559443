/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Scenario files: windows and events of expectations that are said relative to events, by name. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "scenario_cases.h"

#define S UINT64_C(1000000000)

/* The expectations are in line 9 and begin there in column 10, the braces included. */
#define FLOW(more)                                                                                           \
	"name: x\ntitle: t\nscarce: {link: {rate: 300Mbit/s}}\n"                                             \
	"tenants: [{name: red, workload: w}, {name: blue, workload: w}]\n"                                   \
	"timeline: [{at: 0, start: all, name: go},\n"                                                        \
	"  {at: 20s, set: {tenant: red, net.priority: 0}, name: red gains},\n"                               \
	"  {at: 30s, set: {tenant: red, net.priority: 1}, name: red gains - not much},\n"                    \
	"  {at: 40s, reset: {tenant: red, limit: all}}, {at: 1min, stop: all, name: over}]\n"                \
	"expect: [{" more "}]\n"
#define WINDOW(from, to) FLOW("level: net, tenant: red, window: [" from ", " to "], is: model")
#define AFTER(when)      FLOW("settles: net, tenant: red, after: " when ", within: 1s")

/* One row per line, however long. */
/* clang-format off */
static const struct bad_case bad[] = {
	{"unknown event", WINDOW("blue gains", "38s"), "9:45", "there is no event named 'blue gains'; write a time, as in 20s, or give an event this name"},
	{"event of nearly this name", WINDOW("red gians + 2s", "38s"), "9:45", "there is no event named 'red gians'; did you mean 'red gains'?"},
	{"second time", WINDOW("red gains + 2s", "overr - 1s"), "9:61", "there is no event named 'overr'; did you mean 'over'?"},
	{"a name with something behind", WINDOW("red gains2s", "38s"), "9:45", "there is no event named 'red gains2s'"},
	{"offset without unit", WINDOW("red gains + 2", "38s"), "9:45", "the unit is missing"},
	{"offset that is how it is written", WINDOW("red gains + 2", "38s"), "9:45", "behind 'red gains +': '"},
	{"no offset behind the sign", WINDOW("red gains +", "38s"), "9:45", "behind 'red gains +': '"},
	{"two offsets", WINDOW("red gains + 2s + 1s", "38s"), "9:45", "behind 'red gains +': '2s + 1s' is not a time"},
	{"offset of another unit", WINDOW("red gains - 2MiB", "38s"), "9:45", "behind 'red gains -': '2MiB' is not a time"},
	{"before the run", WINDOW("red gains - 21s", "38s"), "9:45", "this is before the run begins: 'red gains' is at 20s; take less off"},
	{"longer than a day", WINDOW("go", "red gains + 2000000s"), "9:49", "no run is longer than a day"},
	{"longer than can be counted", WINDOW("go", "red gains + 99999999999999999999s"), "9:49", "is not a time"},
	{"turned round", WINDOW("red gains + 5s", "red gains + 2s"), "9:44", "this window ends before it begins; turn it round: [22s, 25s]"},
	{"empty", WINDOW("red gains", "20s"), "9:44", "this window is empty: it begins and ends at 20s"},
	{"outside", WINDOW("red gains", "over + 1ms"), "9:44", "this window reaches outside the run, which is over at 60s"},
	{"a time that is none", WINDOW("2x", "38s"), "9:45", "unknown unit"},
	{"after no event", AFTER("red gians"), "9:45", "did you mean 'red gains'?"},
	{"after something that is no event", AFTER("red gains + 1s"), "9:45", "there is no event at 'red gains + 1s' to settle after"},
	{"after the end", AFTER("over"), "9:45", "nothing can settle after 'over', the end of the run"},
	{"an event like a time", "name: x\ntitle: t\ntenants: [{name: red, workload: w}]\ntimeline: [{at: 0, start: all, name: 20s}, {at: 1min, stop: all}]\n", "4:38", "an event named '20s' would be taken for a time"},
};
/* clang-format on */

static void bad_moments_are_told_where_and_what(void **state)
{
	(void)state;
	check_bad(bad, ARRAY_SIZE(bad));
}

static void moments_are_read(void **state)
{
	static const struct {
		const char *from, *to;
		uint64_t from_ns, to_ns;
		const char *from_said, *to_said;
	} rows[] = {
		{"red gains", "over", 20 * S, 60 * S, "red gains", "over"},
		{"red gains + 2s", "over - 500ms", 22 * S, 59 * S + S / 2, "red gains + 2s", "over - 500ms"},
		{"red gains+2s", "38s", 22 * S, 38 * S, "red gains + 2s", NULL},
		{"  red gains  -  2s ", "38s", 18 * S, 38 * S, "red gains - 2s", NULL},
		/* The longest name that fits. */
		{"red gains - not much", "38s", 30 * S, 38 * S, "red gains - not much", NULL},
		{"red gains - not much - 1s", "red gains - not much + 1s", 29 * S, 31 * S,
			"red gains - not much - 1s", "red gains - not much + 1s"},
		{"0", "go + 1min", 0, 60 * S, NULL, "go + 1min"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO(free_ptr) char *head = xstrdup(FLOW(""));
		char *end = strstr(head, "expect: ");
		assert_non_null(end);
		*end = '\0';
		AUTO(free_ptr)
		char *whole =
			xasprintf("%sexpect: [{level: net, tenant: red, is: model, window: [%s, %s]}]\n",
				head, rows[i].from, rows[i].to);
		struct scenario *s = read_good(whole);
		const struct expect_spec *e = &s->expects[0];
		assert_int_equal(e->from_ns, rows[i].from_ns);
		assert_int_equal(e->to_ns, rows[i].to_ns);
		assert_true(!e->from_said == !rows[i].from_said && !e->to_said == !rows[i].to_said);
		if (e->from_said)
			assert_string_equal(e->from_said, rows[i].from_said);
		if (e->to_said)
			assert_string_equal(e->to_said, rows[i].to_said);
		scenario_free(s);
	}
}

/* What is said of an event by its name is the same as by its time. */
static void every_kind_takes_them(void **state)
{
	static const char named[] = FLOW(
		"share: net, tenant: red, window: [red gains, over], is: model}, "
		"{level: net, tenant: red, window: [red gains + 1s, over], is: model}, "
		"{ratio: net, tenants: [red, blue], window: [red gains + 1s, over], is: model}, "
		"{starves: net, tenant: blue, window: [red gains, over], below: 2%, for: 1s}, "
		"{never starves: net, tenant: red, window: [red gains, over], below: 2%, longest: 1s}, "
		"{conserves: net, window: [go + 2s, over]}, "
		"{settles: net, tenant: red, after: red gains, within: 1s}, "
		"{unchanged: net, tenant: blue, after: red gains, window: [red gains + 1s, over - 1s], control: c}, "
		"{level: net, tenant: blue, window: [red gains + 2s, over], is: model, name: c");
	struct scenario *s = read_good(named);

	(void)state;
	assert_int_equal(s->expect_count, 9);
	assert_string_equal(s->expects[0].name, "share net red 20s-60s");
	assert_int_equal(s->expects[5].from_ns, 2 * S);
	assert_int_equal(s->expects[6].after_ns, 20 * S);
	assert_string_equal(s->expects[6].after_said, "red gains");
	assert_int_equal(s->expects[7].to_ns, 59 * S);
	scenario_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bad_moments_are_told_where_and_what),
		cmocka_unit_test(moments_are_read),
		cmocka_unit_test(every_kind_takes_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
