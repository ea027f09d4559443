/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Scenarios and workloads as files: where they are looked for, what is no scenario file, and the shipped ones. */
#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/fsio.h"
#include "config.h"
#include "scenario/scenario.h"

static const struct scenario_options options = {.need_workloads = false};

static char *make_folder(void)
{
	char *folder = xstrdup("/tmp/limitlab-test-XXXXXX");

	assert_non_null(mkdtemp(folder));
	return folder;
}

static void put(const char *folder, const char *file)
{
	struct err err = ERR_INIT;
	AUTO(free_ptr) char *path = xasprintf("%s/%s", folder, file);
	AUTO(free_ptr) char *parent = fsio_dirname(path);

	assert_int_equal(fsio_make_dirs(parent, &err), 0);
	assert_int_equal(fsio_write_atomic(path, "x\n", 2, &err), 0);
}

/* One file more per case, each in a place that is looked at before the last one. */
static void workloads_are_found_in_order(void **state)
{
	static const struct {
		const char *file, *workload, *scarce;
		enum resource loads;
	} cases[] = {
		{"data/workloads/w.iperf3", "w", "link: {rate: 1Gbit/s}", RESOURCE_NET},
		{"data/workloads/w.fio", "w", "disk: {size: 1GiB, rate: 1MiB/s}", RESOURCE_DISK},
		{"workloads/w.stress", "w", "cpu: {cpus: [0]}", RESOURCE_CPU},
		{"scenarios/w.stress", "w", "memory: {free: 1GiB}", RESOURCE_MEMORY},
		{"scenarios/w.stress", "w.stress", "link: {rate: 1Gbit/s}", RESOURCE_CPU},
		{"data/workloads/v.2.stress", "v.2", "disk: {size: 1GiB, rate: 1MiB/s}", RESOURCE_CPU},
		{"up.fio", "../up.fio", "disk: {device: /dev/x}", RESOURCE_DISK},
	};
	AUTO(free_ptr) char *folder = make_folder();
	AUTO(free_ptr) char *data_dir = xasprintf("%s/data", folder);
	AUTO(free_ptr) char *file = xasprintf("%s/scenarios/s.yaml", folder);
	const struct scenario_options strict = {.data_dir = data_dir, .need_workloads = true};

	(void)state;
	put(folder, "scenarios/s.yaml");
	put(folder, "workloads/none");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct err err = ERR_INIT;
		struct scenario *s = NULL;
		AUTO(free_ptr) char *expected = xasprintf("%s/%s", folder, cases[i].file);
		AUTO(free_ptr)
		char *text = xasprintf("name: x\ntitle: t\ntenants: [{name: a, workload: %s}]\nscarce: {%s}\n"
				       "timeline: [{at: 0, start: a}, {at: 9s, stop: a}]\n",
			cases[i].workload, cases[i].scarce);
		put(folder, cases[i].file);
		if (scenario_parse(file, text, strlen(text), &strict, &s, &err) < 0)
			fail_msg("%s: %s", cases[i].file, err.text);
		AUTO(free_ptr) char *found = realpath(s->tenants[0].workload_path, NULL);
		assert_string_equal(found, expected);
		assert_int_equal(s->tenants[0].loads, cases[i].loads);
		scenario_free(s);
	}
	struct err err = ERR_INIT;
	struct scenario *s = NULL;
	static const char text[] = "name: x\ntitle: t\ntenants: [{name: a, workload: none}]\ntimeline: []\n";
	assert_int_equal(scenario_parse(file, text, strlen(text), &strict, &s, &err), -1);
	AUTO(free_ptr)
	char *expected = xasprintf("%s:3:31: there is no workload 'none'; it must be a file in one of these "
				   "folders, ending in .stress, .fio or .iperf3: %s/scenarios, "
				   "%s/scenarios/../workloads, workloads, %s/workloads",
		file, folder, folder, data_dir);
	assert_string_equal(err.text, expected);
	assert_int_equal(fsio_remove_tree(folder, NULL), 0);
}

/* A kept run's are not looked for: neither in vain nor, by another file of that name, with a wrong answer. */
static void what_ran_is_taken(void **state)
{
	static const char text[] =
		"name: x\ntitle: t\nscarce: {link: {rate: 1Gbit/s}}\n"
		"tenants: [{name: a, workload: burn, demand: \"50%\"}, {name: b, workload: other}]\n"
		"timeline: [{at: 0, start: all}, {at: 9s, stop: all}]\n";
	static const struct scenario_workload ran[] = {{"b", "other.stress"}, {"a", "burn.stress"}};
	AUTO(free_ptr) char *folder = make_folder();
	AUTO(free_ptr) char *file = xasprintf("%s/scenario.yaml", folder);
	const struct scenario_options kept = {.workloads = ran, .workload_count = ARRAY_SIZE(ran)};
	struct err err = ERR_INIT;
	struct scenario *s = NULL;

	(void)state;
	put(folder, "burn.iperf3");
	if (scenario_parse(file, text, strlen(text), &kept, &s, &err) < 0)
		fail_msg("%s", err.text);
	assert_string_equal(s->tenants[0].workload_path, "burn.stress");
	assert_int_equal(s->tenants[0].loads, RESOURCE_CPU);
	assert_true(s->tenants[0].demand == 0.5);
	assert_int_equal(s->tenants[1].loads, RESOURCE_CPU);
	assert_true(s->tenants[1].demand == 1);
	scenario_free(s);
	assert_int_equal(fsio_remove_tree(folder, NULL), 0);
}

static void files_that_are_none_are_told(void **state)
{
	AUTO(free_ptr) char *folder = make_folder();
	AUTO(free_ptr) char *large = xasprintf("%s/large.yaml", folder);
	AUTO(free_ptr) char *missing = xasprintf("%s/missing.yaml", folder);
	AUTO(free_ptr) char *data = xcalloc(10, 1 << 20);
	const struct {
		const char *path, *what;
	} cases[] = {
		{missing, "No such file"},
		{folder, "is a folder; name a scenario file"},
		{large, "large.yaml:1:1: more than 131072 bytes; "},
	};

	(void)state;
	assert_int_equal(fsio_write_atomic(large, data, 10 << 20, NULL), 0);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct err err = ERR_INIT;
		struct scenario *s = NULL;
		assert_int_equal(scenario_load(cases[i].path, &options, &s, &err), -1);
		if (err.domain != ERR_INPUT || !strstr(err.text, cases[i].what))
			fail_msg("'%s' lacks '%s'", err.text, cases[i].what);
	}
	assert_int_equal(fsio_remove_tree(folder, NULL), 0);
}

/* The shipped scenarios, with their workloads. */
static void shipped_scenarios_are_good(void **state)
{
	static const char *const folders[] = {"scenarios", "scenarios/smoke", "scenarios/smoke-slow"};
	const struct scenario_options strict = {.data_dir = LIMITLAB_SOURCE_DIR, .need_workloads = true};
	size_t count = 0;

	(void)state;
	for (size_t f = 0; f < ARRAY_SIZE(folders); f++) {
		AUTO(free_ptr) char *pattern = xasprintf("%s/%s/*.yaml", LIMITLAB_SOURCE_DIR, folders[f]);
		glob_t found = {0};
		assert_int_equal(glob(pattern, 0, NULL, &found), 0);
		for (size_t i = 0; i < found.gl_pathc; i++, count++) {
			struct err err = ERR_INIT;
			struct scenario *s = NULL;
			if (scenario_load(found.gl_pathv[i], &strict, &s, &err) < 0)
				fail_msg("%s", err.text);
			assert_true(s->duration_ns <= UINT64_C(150000000000));
			assert_true(s->expect_count > 0);
			scenario_free(s);
		}
		globfree(&found);
	}
	assert_true(count >= 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(workloads_are_found_in_order),
		cmocka_unit_test(what_ran_is_taken),
		cmocka_unit_test(files_that_are_none_are_told),
		cmocka_unit_test(shipped_scenarios_are_good),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
