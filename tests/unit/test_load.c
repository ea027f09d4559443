/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is refused of a scenario once its job files are known. */
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
#include "cmd/load.h"

static char folder[] = "/tmp/limitlab-load-XXXXXX";

static void put(const char *name, const char *text)
{
	AUTO(free_ptr) char *path = xasprintf("%s/%s", folder, name);
	struct err err = ERR_INIT;

	if (fsio_write_atomic(path, text, strlen(text), &err))
		fail_msg("%s", err.text);
}

/* message: a part of it; NULL: the scenario is good.  Its path comes first, and what would be right. */
static void check(const char *name, const char *yaml, const char *message)
{
	AUTO(free_ptr) char *path = xasprintf("%s/case.yaml", folder);
	struct scenario *scenario = NULL;
	struct err err = ERR_INIT;

	put("case.yaml", yaml);
	int result = load_scenario(path, &scenario, &err);
	if (!message && result)
		fail_msg("%s: %s", name, err.text);
	AUTO(free_ptr) char *start = xasprintf("%s:%s", path, message ? message : "");
	if (message && (!result || err.domain != ERR_INPUT || strncmp(err.text, start, strlen(start)) != 0))
		fail_msg("%s: '%s' does not begin with '%s'", name, result ? err.text : "good", start);
	scenario_free(scenario);
}

#define DISK(tenants, timeline, expect)                                                                      \
	"name: x\ntitle: t\nscarce: {disk: {size: 1GiB, rate: 50MiB/s}}\n"                                   \
	"tenants: [" tenants "]\ntimeline: [" timeline "]\nexpect:\n  - {" expect "}\n"
#define BOTH    "{name: a, workload: r}, {name: b, workload: w}"
#define ALWAYS  "{at: 0, start: all}, {at: 9s, stop: all}"
#define SHARE   "share: disk, tenant: a, window: [2s, 8s], is: model, within: 5%"
#define AT_ONCE "7:5: tenant 'a' reads while tenant 'b' writes, "

static void one_direction_at_a_time(void **state)
{
	static const struct {
		const char *name, *yaml, *message;
	} cases[] = {
		{"readers", DISK("{name: a, workload: r}, {name: b, workload: r}", ALWAYS, SHARE), NULL},
		{"writers", DISK("{name: a, workload: w}, {name: b, workload: w}", ALWAYS, SHARE), NULL},
		{"share", DISK(BOTH, ALWAYS, SHARE), AT_ONCE},
		{"ratio",
			DISK(BOTH, ALWAYS,
				"ratio: disk, tenants: [a, b], window: [2s, 8s], is: 1, within: 5%"),
			AT_ONCE},
		{"conserves", DISK(BOTH, ALWAYS, "conserves: disk, window: [2s, 8s], within: 5%"), AT_ONCE},
		{"level of the model",
			DISK(BOTH, ALWAYS, "level: disk, tenant: a, window: [2s, 8s], is: model, within: 5%"),
			AT_ONCE},
		{"a level of its own",
			DISK(BOTH, ALWAYS, "level: disk, tenant: a, window: [2s, 8s], at least: 20MiB/s"),
			NULL},
		{"a ratio of latencies",
			DISK(BOTH, ALWAYS,
				"ratio: disk, measure: p99, tenants: [a, b], window: [2s, 8s], at least: 1"),
			NULL},
		{"one job of both", DISK("{name: a, workload: m}", ALWAYS, SHARE),
			"7:5: tenant 'a' reads while tenant 'a' writes, "},
		{"two jobs", DISK("{name: a, workload: two}", ALWAYS, SHARE),
			"7:5: tenant 'a' reads while tenant 'a' writes, "},
		{"one after the other",
			DISK(BOTH,
				"{at: 0, start: a}, {at: 4s, start: b}, {at: 4s, stop: a}, {at: 9s, stop: b}",
				"conserves: disk, window: [2s, 8s], within: 5%"),
			NULL},
		{"together later",
			DISK(BOTH, "{at: 0, start: a}, {at: 8s, start: b}, {at: 9s, stop: all}", SHARE),
			NULL},
		{"together at the window's end",
			DISK(BOTH, "{at: 0, start: a}, {at: 7s, start: b}, {at: 9s, stop: all}", SHARE),
			AT_ONCE},
		{"a real device",
			"name: x\ntitle: t\nscarce: {disk: {device: /dev/x}}\ntenants: [" BOTH
			"]\ntimeline: [" ALWAYS
			"]\nexpect: [{ratio: disk, tenants: [a, b], window: [2s, 8s], is: 1, within: 5%}]\n",
			NULL},
	};

	(void)state;
	put("r.fio", "[job]\nioengine=libaio\n");
	put("w.fio", "[global]\nrw=randwrite\n[job]\nioengine=libaio\n");
	put("m.fio", "[job]\nrw=randrw\n");
	put("two.fio", "[global]\nrw=write\n[one]\n[two]\nrw=randread:8\n");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		check(cases[i].name, cases[i].yaml, cases[i].message);
}

static void line_and_column_are_told(void **state)
{
	(void)state;
	put("r.fio", "[job]\nioengine=libaio\n");
	put("large.stress", "vm 1\nvm-bytes 8G\n");
	check("a figure",
		"name: x\ntitle: t\nfigure: nosuch\nscarce: {disk: {size: 1GiB, rate: 50MiB/s}}\n"
		"tenants: [{name: a, workload: r}]\ntimeline: [" ALWAYS "]\n",
		"3:9: figure: there is no plot script 'nosuch.gp' ");
	check("a job",
		"name: x\ntitle: t\nscarce: {memory: {free: 1GiB}}\ntenants: [{name: a, workload: large}]\n"
		"timeline: [{at: 0, start: all}, {at: 9s, stop: all}]\n",
		"4:11: tenant 'a': ");
}

static void memory_jobs_need_scarce_memory(void **state)
{
	static const char memory[] =
		"name: x\ntitle: t\nscarce: {memory: {free: 1GiB}}\ntenants: [{name: a, workload: mmap}]\n"
		"timeline: [" ALWAYS "]\n";

	(void)state;
	put("mmap.fio", "[job]\nioengine=mmap\nrw=randwrite\nsize=16m\n");
	check("scarce memory", memory, NULL);
	check("scarce disk", DISK("{name: a, workload: mmap}", ALWAYS, SHARE),
		"4:11: the workload of tenant 'a' loads its guest's memory (ioengine=mmap in ");
}

#define CPU(tenant, scarce)                                                                                  \
	"name: x\ntitle: t\nscarce: {" scarce "}\ntenants: [{name: a, workload: two, " tenant "}]\n"         \
	"timeline: [" ALWAYS "]\n"

static void fewer_stressors_than_vcpus_are_told(void **state)
{
	(void)state;
	put("two.stress", "cpu 1\nmatrix 1\nmatrix-size 64\n");
	check("as many", CPU("vcpus: 2", "cpu: {cpus: [0]}"), NULL);
	check("fewer", CPU("vcpus: 3", "cpu: {cpus: [0]}"),
		"4:11: the workload of tenant 'a' starts 2 stressors (");
	check("fewer, and said", CPU("vcpus: 3, demand: 2", "cpu: {cpus: [0]}"), NULL);
	check("nobody asks", CPU("vcpus: 3", "link: {rate: 1Gbit/s}"), NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_direction_at_a_time),
		cmocka_unit_test(memory_jobs_need_scarce_memory),
		cmocka_unit_test(fewer_stressors_than_vcpus_are_told),
		cmocka_unit_test(line_and_column_are_told),
	};

	if (!mkdtemp(folder))
		return 1;
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	return fsio_remove_tree(folder, NULL) || failed;
}
