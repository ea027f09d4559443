/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a scenario says on a host in the other cgroup mode. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/auto.h"
#include "base/buf.h"
#include "run/prepare.h"
#include "scenario/scenario.h"

static void other_mode(void **state)
{
	static const struct {
		const char *name, *when, *limits, *event, *mode, *says[3]; /* says: none: it runs there */
	} cases[] = {
		{"any mode", "", "", "", "v2", {0}},
		{"its own", "when: {cgroup: v1}\n", "", "", "v1", {0}},
		{"controllers on v1 beside v2", "when: {cgroup: v1}\n", "", "", "hybrid", {0}},
		{"v1 on v2", "when: {cgroup: v1}\n", "", "", "v2",
			{"scenario 'x' needs cgroup v1 and this host runs cgroup v2 on 6.12.5",
				"unified_cgroup_hierarchy=0"}},
		{"v2 on v1", "when: {cgroup: v2}\n", "", "", "v1",
			{"needs cgroup v2 and this host runs cgroup v1", "unified_cgroup_hierarchy=1"}},
		{"a soft limit from the start", "when: {cgroup: v1}\n", ", limits: {memory.soft: 1GiB}", "",
			"v2",
			{"where memory.soft is memory.high: that throttles always", "6.1", "memory.protect"}},
		{"a soft limit that is set later", "when: {cgroup: v1}\n", "",
			", {at: 1s, set: {tenant: red, memory.soft: 1GiB}}", "v2",
			{"so it is no soft limit", "unified_cgroup_hierarchy=0",
				"--in-lab-host --kernel 6.1 --cgroup v1 t.yaml"}},
		{"another limit of memory", "when: {cgroup: v1}\n", ", limits: {memory.hard: 1GiB}", "", "v2",
			{"this host runs cgroup v2", "or run it on another host"}},
	};
	const struct scenario_options options = {.need_workloads = false};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(free_ptr)
		char *text = xasprintf("name: x\ntitle: t\n%stenants: [{name: red, workload: w%s}]\n"
				       "timeline: [{at: 0s, start: red}%s, {at: 2s, stop: red}]\n",
			cases[i].when, cases[i].limits, cases[i].event);
		struct scenario *scenario = NULL;
		struct err err = ERR_INIT;
		if (scenario_parse("t.yaml", text, strlen(text), &options, &scenario, &err))
			fail_msg("%s: %s", cases[i].name, err.text);
		int result = prepare_check_when(scenario, cases[i].mode, "6.12.5", &err);
		scenario_free(scenario);
		if (result != (cases[i].says[0] ? -1 : 0))
			fail_msg("%s: %d, %s", cases[i].name, result, err.text);
		assert_int_equal(err.domain, cases[i].says[0] ? ERR_HOST : ERR_NONE);
		for (size_t k = 0; k < ARRAY_SIZE(cases[i].says) && cases[i].says[k]; k++)
			if (!strstr(err.text, cases[i].says[k]) && !strstr(err.remedy, cases[i].says[k]))
				fail_msg("%s: neither '%s' nor '%s' says '%s'", cases[i].name, err.text,
					err.remedy, cases[i].says[k]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(other_mode)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
