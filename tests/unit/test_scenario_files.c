/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Scenarios and workloads as files: where they are looked for, what is no scenario file, and the shipped ones. */
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
		const char *file, *workload;
	} cases[] = {
		{"data/workloads/w.iperf3", "w"},
		{"data/workloads/w.fio", "w"},
		{"workloads/w.stress", "w"},
		{"scenarios/w.stress", "w"},
		{"scenarios/w.stress", "w.stress"},
		{"data/workloads/v.2.stress", "v.2"},
		{"up.fio", "../up.fio"},
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
		char *text = xasprintf("name: x\ntitle: t\ntenants: [{name: a, workload: %s}]\n"
				       "timeline: [{at: 0, start: a}, {at: 9s, stop: a}]\n",
			cases[i].workload);
		put(folder, cases[i].file);
		if (scenario_parse(file, text, strlen(text), &strict, &s, &err) < 0)
			fail_msg("%s: %s", cases[i].file, err.text);
		AUTO(free_ptr) char *found = realpath(s->tenants[0].workload_path, NULL);
		assert_string_equal(found, expected);
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
	static const char *const files[] = {"cpu-shares", "cpu-quota", "cpu-idle-share", "smoke/cpu"};
	const struct scenario_options strict = {.data_dir = LIMITLAB_SOURCE_DIR, .need_workloads = true};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		struct err err = ERR_INIT;
		struct scenario *s = NULL;
		AUTO(free_ptr) char *path = xasprintf("%s/scenarios/%s.yaml", LIMITLAB_SOURCE_DIR, files[i]);
		if (scenario_load(path, &strict, &s, &err) < 0)
			fail_msg("%s", err.text);
		assert_true(s->duration_ns <= UINT64_C(80000000000));
		assert_true(s->expect_count > 0);
		scenario_free(s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(workloads_are_found_in_order),
		cmocka_unit_test(files_that_are_none_are_told),
		cmocka_unit_test(shipped_scenarios_are_good),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
