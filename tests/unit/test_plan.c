/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The plan that `limitlab check` prints, against golden files; LIMITLAB_REGENERATE=1 writes them anew. */
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
#include "scenario/plan.h"

/* What the shipped scenarios do not have: an idle tenant, several CPUs, a cgroup mode, names beyond ASCII. */
static const char rich[] =
	"name: rich\n"
	"title: Everything a plan can show\n"
	"about: |\n  Two lines\n  of text.\n"
	"sample: 50ms\n"
	"when: {cgroup: v1}\n"
	"scarce: {cpu: {cpus: [0, 2-3]}}\n"
	"tenants:\n"
	"- {name: grün, vcpus: 2, memory: 1GiB, workload: w, demand: 150%, limits: {cpu.shares: 20000}}\n"
	"- {name: a <b> & c, cpus: 5, limits: {cpu.shares: 2}}\n"
	"timeline:\n"
	"- {at: 250ms, start: all, name: off they go}\n"
	"- {at: 10s, reset: {tenant: all, limit: all}}\n"
	"- {at: 5.5s, set: {tenant: [grün], cpu.shares: 1024, cpu.quota: max}}\n"
	"- {at: 20s, stop: grün}\n"
	"expect:\n"
	"- {share: cpu, tenant: grün, window: [1.25s, 5s], is: 12.5%}\n";
static const char bare[] = "{name: bare, title: t, tenants: [{name: a, workload: w}],\n"
			   " timeline: [{at: 0, start: a}, {at: 1min, stop: a}]}\n";

static const char net[] =
	"name: net\ntitle: A link, and every kind of expectation\nscarce: {link: {rate: 300Mbit/s, apply: raw}}\n"
	"beside: net-other\n"
	"tenants:\n"
	"- {name: red, workload: tcp.iperf3, limits: {net.priority: 3, net.rate: 10Mbit/s}}\n"
	"- {name: blue, workload: udp.iperf3, demand: 30Mbit/s, may die: true}\n"
	"- {name: green, workload: w.stress}\n"
	"timeline:\n"
	"- {at: 0s, start: all}\n"
	"- {at: 10s, set: {tenant: red, net.priority: 0, net.apply: leaf}, name: red up}\n"
	"- {at: 20s, set: {tenant: red, net.rate: 100Mbit/s, net.ceil: 200Mbit/s}}\n"
	"- {at: 40s, stop: all}\n"
	"expect:\n"
	"- {share: net, tenant: red, window: [2s, 8s], is: model}\n"
	"- {share: net, measure: payload, tenant: red, window: [2s, 8s], is: 12.5%, within: 1.5%}\n"
	"- {settles: net, tenant: red, after: red up, within: 1s}\n"
	"- {level: net, tenant: red, window: [2s, 8s], is: 270.5Mbit/s}\n"
	"- {level: net, tenant: blue, window: [2s, 8s], is: model, within: 2Mbit/s, name: c}\n"
	"- {level: net, measure: payload, tenant: red, window: [2s, 8s], at most: 270Mbit/s, at least: 1Mbit/s}\n"
	"- {ratio: net, tenants: [red, blue], window: [2s, 8s], is: 2.5}\n"
	"- {ratio: net, tenants: [blue, red], window: [2s, 8s], is: model, within: 0.1}\n"
	"- {starves: net, tenant: blue, window: [12s, 18s], below: 2%, for: 1s}\n"
	"- {never starves: net, tenant: blue, window: [2s, 8s], below: 2%, longest: 200ms}\n"
	"- {conserves: net, window: [2s, 38s]}\n"
	"- {conserves: net, window: [2s, 38s], within: 1Mbit/s, every: 5s, name: in pieces}\n"
	"- {unchanged: net, tenant: red, after: red up, window: [11s, 20s], before: 5s, control: c}\n";
static const char memory[] =
	"name: memory\ntitle: Memory that is scarce at times\nscarce: {memory: {free: 600MiB, swap: 2GiB}}\n"
	"tenants:\n"
	"- {name: red, memory: 1GiB, workload: w.stress}\n"
	"- {name: blue, memory: 1GiB}\n"
	"timeline:\n"
	"- {at: 0s, start: all}\n"
	"- {at: 20s, scarce: memory, name: now}\n"
	"- {at: 40s, plenty: memory}\n"
	"- {at: 60s, scarce: memory}\n"
	"- {at: 80s, stop: all}\n"
	"expect:\n"
	"- {level: memory, tenant: red, window: [2s, 8s], is: 270MiB, within: 5MiB}\n"
	"- {level: memory, measure: swap, tenant: red, window: [22s, 28s], at most: 0B}\n"
	"- {settles: memory, tenant: red, after: now, to: 300MiB, band: 20MiB, within: 5s}\n"
	"- {settles: memory, tenant: red, after: 40s, to: 100MiB, within: 5s, needs: nothing}\n"
	"- {unchanged: memory, tenant: blue, after: 40s, window: [41s, 60s]}\n";
static const char cache[] =
	"name: cache\ntitle: Swap that comes later\nscarce: {memory: {free: 600MiB, cache: 2GiB, swap: 1GiB}}\n"
	"tenants: [{name: red, workload: w.stress}]\n"
	"timeline:\n"
	"- {at: 0s, start: all}\n"
	"- {at: 10s, scarce: memory}\n"
	"- {at: 20s, add: swap}\n"
	"- {at: 30s, stop: all}\n"
	"expect:\n"
	"- {settles: memory, tenant: red, after: 20s, to: 300MiB, band: 20MiB, within: 5s, name: c}\n"
	"- {unchanged: memory, measure: anon, tenant: red, after: 10s, window: [11s, 20s], control: c}\n";
static const char disk[] =
	"name: disk\ntitle: A disk of declared speed\n"
	"scarce: {disk: {size: 1GiB, rate: 50MiB/s, latency: 2ms, low_latency: true}}\n"
	"tenants:\n"
	"- {name: red, workload: w.fio}\n"
	"- {name: blue, workload: w.fio, demand: 10MiB/s}\n"
	"timeline: [{at: 0s, start: all}, {at: 20s, stop: all}]\n"
	"expect:\n"
	"- {share: disk, measure: iops, tenant: red, window: [2s, 8s], is: model}\n"
	"- {level: disk, measure: iops, tenant: red, window: [2s, 8s], is: 200, within: 20}\n"
	"- {level: disk, measure: p99, tenant: red, window: [2s, 8s], at most: 20.5ms}\n"
	"- {level: disk, tenant: red, window: [2s, 8s], is: 12.5MiB/s, within: 512KiB/s}\n";
static const char device[] =
	"{name: device, title: A real disk, scarce: {disk: {device: /dev/sdx, scheduler: none}},\n"
	" tenants: [{name: red, workload: w.fio}], timeline: [{at: 0s, start: red}, {at: 20s, stop: red}]}\n";

static const struct {
	const char *name, *file, *text;
} cases[] = {
	{"plan-cpu-shares", "scenarios/cpu-shares.yaml", NULL},
	{"plan-cpu-quota", "scenarios/cpu-quota.yaml", NULL},
	{"plan-cpu-idle-share", "scenarios/cpu-idle-share.yaml", NULL},
	{"plan-smoke-cpu", "scenarios/smoke/cpu.yaml", NULL},
	{"plan-rich", NULL, rich},
	{"plan-bare", NULL, bare},
	{"plan-net", NULL, net},
	{"plan-memory", NULL, memory},
	{"plan-memory-cache", NULL, cache},
	{"plan-disk", NULL, disk},
	{"plan-device", NULL, device},
};

static void plans_are_as_kept(void **state)
{
	const struct scenario_options options = {.need_workloads = false};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct err err = ERR_INIT;
		struct scenario *scenario = NULL;
		AUTO(buf) struct buf kept = BUF_INIT;
		AUTO(free_ptr)
		char *golden = xasprintf("%s/tests/golden/%s.txt", LIMITLAB_SOURCE_DIR, cases[i].name);
		AUTO(free_ptr)
		char *file = xasprintf("%s/%s", LIMITLAB_SOURCE_DIR, cases[i].file ? cases[i].file : "");
		int result = cases[i].text ? scenario_parse("t.yaml", cases[i].text, strlen(cases[i].text),
						     &options, &scenario, &err)
					   : scenario_load(file, &options, &scenario, &err);
		if (result < 0)
			fail_msg("%s: %s", cases[i].name, err.text);
		AUTO(free_ptr) char *plan = plan_format(scenario);
		scenario_free(scenario);
		if (getenv("LIMITLAB_REGENERATE"))
			assert_int_equal(fsio_write_atomic(golden, plan, strlen(plan), &err), 0);
		if (fsio_read_file(golden, SCENARIO_MAX_BYTES, &kept, &err) < 0)
			fail_msg("%s: %s", cases[i].name, err.text);
		assert_string_equal(plan, kept.data);
	}
}

/* Words change no run, numbers do. */
static void essence_has_no_words(void **state)
{
#define ESSENCE(title, name, window, shares)                                                                 \
	"name: x\ntitle: " title "\nscarce: {cpu: {cpus: [0]}}\n"                                            \
	"tenants: [{name: red, workload: w, limits: {cpu.shares: 1024}}]\n"                                  \
	"timeline: [{at: 0s, start: all}, {at: 6s, set: {tenant: red, cpu.shares: " shares "}" name          \
	"}, {at: 14s, stop: all}]\n"                                                                         \
	"expect: [{share: cpu, tenant: red, window: " window ", is: model}]\n"
	static const struct {
		const char *text;
		bool same;
	} others[] = {
		{ESSENCE("u\nabout: much to say", ", name: gains", "[gains + 2s, 14s]", "4096"), true},
		{ESSENCE("t", "", "[8s, 14s]", "4095"), false},
		{ESSENCE("t", "", "[9s, 14s]", "4096"), false},
	};
	const struct scenario_options options = {.need_workloads = false};
	const char *text = ESSENCE("t", "", "[8s, 14s]", "4096");
	struct scenario *scenario = NULL;

	(void)state;
	assert_int_equal(scenario_parse("t.yaml", text, strlen(text), &options, &scenario, NULL), 0);
	AUTO(free_ptr) char *plan = plan_essence(scenario);
	scenario_free(scenario);
	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		assert_int_equal(scenario_parse("t.yaml", others[i].text, strlen(others[i].text), &options,
					 &scenario, NULL),
			0);
		AUTO(free_ptr) char *other = plan_essence(scenario);
		scenario_free(scenario);
		if (!strcmp(plan, other) != others[i].same)
			fail_msg("%zu: %s\n%s", i, plan, other);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plans_are_as_kept),
		cmocka_unit_test(essence_has_no_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
