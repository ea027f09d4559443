/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>

#include "base/auto.h"
#include "cmd/command.h"
#include "cmd/commands.h"
#include "cmd/load.h"
#include "cmd/options.h"
#include "glue/json.h"
#include "scenario/plan.h"
#include "scenario/scenario.h"

DEFINE_AUTO(scenario, struct scenario *, scenario_free);

static json_t *to_json(const struct scenario *scenario)
{
	AUTO(free_ptr) char *plan = plan_format(scenario);
	AUTO(free_ptr) char *hosts = when_text(&scenario->when);

	return json_pack("{s:o, s:b, s:o, s:o, s:o*, s:b, s:i, s:i, s:i, s:f, s:f, s:o}", "scenario",
		json_text(scenario->path), "valid", 1, "name", json_text(scenario->name), "title",
		json_text(scenario->title), "when", *hosts ? json_text(hosts) : NULL, "host_scarcity",
		scenario->memory.free_bytes > 0, "tenants", (int)scenario->tenant_count, "events",
		(int)scenario->event_count, "expectations", (int)scenario->expect_count, "timeline_s",
		(double)scenario->duration_ns / 1e9, "expected_s", (double)plan_duration_ns(scenario) / 1e9,
		"plan", json_text(plan));
}

int cmd_check(int argc, char **argv)
{
	AUTO(json) json_t *list = json_array();
	struct options options;
	struct err err = ERR_INIT;
	int code = 0;

	if (options_parse(argc, argv, &options, &err))
		return command_fail(&err);
	/* All of them are looked at: one wrong scenario does not hide the next. */
	for (int i = 0; i < options.arg_count; i++) {
		AUTO(scenario) struct scenario *scenario = NULL;

		err_clear(&err);
		if (load_scenario(options.args[i], &scenario, &err)) {
			int failure = options.json ? err_exit_code(&err) : command_fail(&err);
			code = failure > code ? failure : code;
			if (options.json)
				(void)json_array_append_new(
					list, json_pack("{s:o, s:b, s:o, s:o}", "scenario",
						      json_text(options.args[i]), "valid", 0, "error",
						      json_text(err.text), "remedy", json_text(err.remedy)));
			continue;
		}
		if (options.json) {
			(void)json_array_append_new(list, to_json(scenario));
		} else if (!options.quiet) {
			AUTO(free_ptr) char *plan = plan_format(scenario);
			printf("%s%s", i ? "\n" : "", plan);
		}
	}
	if (options.json) {
		AUTO(free_ptr) char *text = json_dumps(list, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
		printf("%s\n", text);
	}
	return code;
}
