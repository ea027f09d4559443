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

static const struct {
	const char *name, *file, *text;
} cases[] = {
	{"plan-cpu-shares", "scenarios/cpu-shares.yaml", NULL},
	{"plan-cpu-quota", "scenarios/cpu-quota.yaml", NULL},
	{"plan-cpu-idle-share", "scenarios/cpu-idle-share.yaml", NULL},
	{"plan-smoke-cpu", "scenarios/smoke/cpu.yaml", NULL},
	{"plan-rich", NULL, rich},
	{"plan-bare", NULL, bare},
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plans_are_as_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
