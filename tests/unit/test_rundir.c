/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/fsio.h"
#include "series/rundir.h"

static int setup(void **state)
{
	char template[] = "/tmp/limitlab-rundir-XXXXXX";

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

static void test_paths(void **state)
{
	static const struct {
		const char *run, *path;
	} cases[] = {{"a/b", "a/b/manifest.json"}, {"a/b//", "a/b/manifest.json"}, {"/", "/manifest.json"}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(free_ptr) char *path = rundir_path(cases[i].run, RUNDIR_MANIFEST);
		assert_string_equal(path, cases[i].path);
	}
}

static void replace(char **slot, const char *text)
{
	free(*slot);
	*slot = xstrdup(text);
}

static void test_manifest_round_trip(void **state)
{
	AUTO(free_ptr) char *path = xasprintf("%s/manifest.json", (char *)*state);
	AUTO(buf) struct buf first = BUF_INIT, second = BUF_INIT;
	struct manifest manifest, again;
	struct err err = ERR_INIT;

	manifest_init(&manifest);
	manifest.state = RUN_INTERRUPTED;
	replace(&manifest.reason, "a \"reason\"\nwith \xff no UTF-8");
	replace(&manifest.scenario_name, "cpu-shares");
	manifest.cpu_count = 2;
	manifest.duration_s = 80.25;
	manifest.ticks = UINT64_C(9007199254740993);
	manifest.start_skew_ms = (double)NAN;
	manifest.tenant_count = 1;
	manifest.tenants = xcalloc(1, sizeof(*manifest.tenants));
	manifest.tenants[0] = (struct manifest_tenant){.name = xstrdup("r\"d"),
		.workload = xstrdup("cpu.stress"),
		.ready_s = 1.5,
		.start_latency_ms = (double)NAN,
		.worked = true};
	if (manifest_write(&manifest, path, &err) || manifest_read(&again, path, &err))
		fail_msg("%s", err.text);
	assert_int_equal(again.state, RUN_INTERRUPTED);
	assert_string_equal(again.reason, "a \"reason\"\nwith ? no UTF-8");
	assert_true(again.ticks == UINT64_C(9007199254740993) && again.cpu_count == 2);
	assert_true(again.duration_s == 80.25 && isnan(again.start_skew_ms) && isnan(again.boot_s));
	assert_int_equal(again.tenant_count, 1);
	assert_string_equal(again.tenants[0].name, "r\"d");
	assert_string_equal(again.tenants[0].trouble, "");
	assert_true(again.tenants[0].worked && isnan(again.tenants[0].start_latency_ms));
	if (fsio_read_file(path, 65536, &first, &err) || manifest_write(&again, path, &err) ||
		fsio_read_file(path, 65536, &second, &err))
		fail_msg("%s", err.text);
	assert_string_equal(first.data, second.data);
	manifest_release(&manifest);
	manifest_release(&manifest);
	manifest_release(&again);
}

static void test_manifest_errors(void **state)
{
	static const struct {
		const char *name, *text, *error; /* NULL: taken */
	} cases[] = {
		{"smallest", "{\"format_version\": 1, \"state\": \"complete\"}", NULL},
		{"unknown members", "{\"format_version\": 1, \"state\": \"complete\", \"x\": [1, {}]}", NULL},
		{"null number", "{\"format_version\": 1, \"state\": \"complete\", \"boot_s\": null}", NULL},
		{"empty", "", "m.json:1:"},
		{"truncated", "{\"format_version\": 1,\n\"state\": \"comp", "m.json:2:"},
		{"duplicate", "{\"format_version\": 1, \"format_version\": 1}", "m.json:1:"},
		{"an array", "[]", "m.json: not a JSON object"},
		{"no version", "{}", "m.json: no 'format_version'"},
		{"other version", "{\"format_version\": 7}",
			"m.json: format_version is 7, this limitlab reads 1"},
		{"no state", "{\"format_version\": 1}", "m.json: no 'state'"},
		{"unknown state", "{\"format_version\": 1, \"state\": \"done\"}", "m.json: state is 'done'"},
		{"text for a number", "{\"format_version\": 1, \"state\": \"complete\", \"boot_s\": \"1\"}",
			"m.json: 'boot_s' is not a number or null"},
		{"negative count", "{\"format_version\": 1, \"state\": \"complete\", \"ticks\": -1}",
			"m.json: 'ticks' is not a whole number"},
		{"NUL in a text",
			"{\"format_version\": 1, \"state\": \"complete\", \"reason\": \"a\\u0000b\"}",
			"m.json:1:"},
		{"tenants no array", "{\"format_version\": 1, \"state\": \"complete\", \"tenants\": {}}",
			"m.json: 'tenants' is not an array"},
		{"tenant no object", "{\"format_version\": 1, \"state\": \"complete\", \"tenants\": [1]}",
			"m.json: tenant 1 is not an object"},
		{"second tenant wrong",
			"{\"format_version\": 1, \"state\": \"complete\", \"tenants\": [{\"name\": \"a\"}, {\"worked\": 1}]}",
			"m.json: 'worked' is not true or false"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct manifest manifest = {0};
		struct err err = ERR_INIT;
		int result = manifest_parse(&manifest, "m.json", cases[i].text, strlen(cases[i].text), &err);
		if (!cases[i].error && result)
			fail_msg("%s: %s", cases[i].name, err.text);
		if (cases[i].error && (!result || strncmp(err.text, cases[i].error, strlen(cases[i].error))))
			fail_msg("%s: '%s', wanted '%s'", cases[i].name, err.text, cases[i].error);
		manifest_release(&manifest);
	}
}

static void test_events(void **state)
{
	static const char expected[] =
		"asked_s,start_s,end_s,event,tenant,limit,asked,read_back,name,error,note\n"
		"0.000000,0.000100,0.001000,start,red,,,,,,\n"
		"20.000000,20.000200,20.001300,set,red,cpu.quota,max,max,\"a, \"\"b\"\"\",,\"2 tries, 1 s\"\n"
		"30.000000,,,set,red,cpu.shares,18,,,no such process,\n";
	AUTO(free_ptr) char *path = xasprintf("%s/events.csv", (char *)*state);
	AUTO(buf) struct buf text = BUF_INIT;
	struct event_log log = {0};
	struct err err = ERR_INIT;

	if (event_log_parse_csv(&log, "e.csv", expected, strlen(expected), &err))
		fail_msg("%s", err.text);
	assert_int_equal(log.count, 3);
	assert_int_equal(log.records[0].limit, LIMIT_COUNT);
	assert_true(log.records[1].asked == LIMIT_UNLIMITED && log.records[1].has_read_back);
	assert_string_equal(log.records[1].name, "a, \"b\"");
	assert_true(isnan(log.records[2].start_s) && !log.records[2].has_read_back);
	if (event_log_write_csv(&log, path, &err) || fsio_read_file(path, 65536, &text, &err))
		fail_msg("%s", err.text);
	assert_string_equal(text.data, expected);
	event_log_release(&log);
}

#define HEADER "asked_s,start_s,end_s,event,tenant,limit,asked,read_back,name,error\n"

static void test_event_errors(void **state)
{
	static const struct {
		const char *text, *error;
	} cases[] = {
		{"asked_s,start_s\n", "e.csv:1: 2 columns, 11 wanted"},
		{HEADER "1,1,1,set,red,cpu.shares,1,1,,,a note\n",
			"e.csv:2: 11 fields where the header has 10"},
		{"asked,start_s,end_s,event,tenant,limit,asked,read_back,name,error\n",
			"e.csv:1: column 1 is 'asked'"},
		{HEADER "1,1\n", "e.csv:2: 2 fields"},
		{HEADER "x,1,1,set,red,,,,,\n", "e.csv:2: asked_s is 'x'"},
		{HEADER ",1,1,set,red,,,,,\n", "e.csv:2: asked_s is ''"},
		{HEADER "1,1,1,jump,red,,,,,\n", "e.csv:2: event is 'jump'"},
		{HEADER "1,1,1,set,red,cpu.magic,1,1,,\n", "e.csv:2: there is no limit 'cpu.magic'"},
		{HEADER "1,1,1,set,red,cpu.shares,-1,1,,\n", "e.csv:2: asked is '-1'"},
		{HEADER "1,1,1,set,red,cpu.shares,1,99999999999999999999,,\n", "e.csv:2: read_back is '9999"},
		{HEADER "1,1,1,set,red,cpu.shares,1,1,,", "e.csv:2: the file ends in the middle of a row"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct event_log log = {0};
		struct err err = ERR_INIT;
		if (!event_log_parse_csv(&log, "e.csv", cases[i].text, strlen(cases[i].text), &err))
			fail_msg("taken: %s", cases[i].text);
		if (strncmp(err.text, cases[i].error, strlen(cases[i].error)))
			fail_msg("'%s', wanted '%s'", err.text, cases[i].error);
		event_log_release(&log);
	}
}

/* What the first version of the program wrote. */
static void test_events_without_notes(void **state)
{
	static const char text[] = HEADER "1,1,1,plenty,host,,,,,\n";
	struct event_log log = {0};
	struct err err = ERR_INIT;

	(void)state;
	if (event_log_parse_csv(&log, "e.csv", text, strlen(text), &err))
		fail_msg("%s", err.text);
	assert_int_equal(log.count, 1);
	assert_string_equal(log.records[0].note, "");
	event_log_release(&log);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_paths),
		cmocka_unit_test_setup_teardown(test_manifest_round_trip, setup, teardown),
		cmocka_unit_test(test_manifest_errors),
		cmocka_unit_test_setup_teardown(test_events, setup, teardown),
		cmocka_unit_test(test_event_errors),
		cmocka_unit_test(test_events_without_notes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
