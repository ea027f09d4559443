/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "judge/judge.h"

#include <math.h>

#include "glue/json.h"

static void put(json_t *object, const char *name, json_t *value)
{
	if (json_object_set_new(object, name, value))
		BUG("cannot store '%s'", name);
}

static json_t *finding_json(const struct finding *finding, const struct scenario *scenario)
{
	const struct expect_spec *expect = finding->expect;
	json_t *json = json_object();
	json_t *interval = json_null();

	put(json, "name", json_text(expect->name));
	put(json, "verdict", json_text(verdict_name(finding->verdict)));
	put(json, "kind", json_text(expect_kind_name(expect->kind)));
	put(json, "resource", json_text(resource_name(expect->resource)));
	put(json, "tenant", json_text(scenario->tenants[expect->tenant].name));
	put(json, "from_s", json_real((double)expect->from_ns / 1e9));
	put(json, "to_s", json_real((double)expect->to_ns / 1e9));
	put(json, "needs", json_text(need_name(expect->need)));
	put(json, "unit", json_text(expect->kind == EXPECT_SETTLES ? "s" : "fraction of the capacity"));
	put(json, "expected_from",
		json_text(expect->is_model || expect->kind == EXPECT_SETTLES ? "model" : "value"));
	put(json, "expected", json_number_or_null(finding->expected));
	put(json, "measured", json_number_or_null(finding->measured));
	put(json, "tolerance", json_number_or_null(finding->tolerance));
	if (isfinite(finding->interval_low) && isfinite(finding->interval_high))
		interval = json_pack("[f, f]", finding->interval_low, finding->interval_high);
	put(json, "interval_95", interval);
	put(json, "samples", json_integer((json_int_t)finding->samples));
	if (expect->kind == EXPECT_SETTLES) {
		put(json, "after_s", json_real((double)expect->after_ns / 1e9));
		put(json, "dead_time_s", json_number_or_null(finding->dead_time_s));
		put(json, "settling_time_s", json_number_or_null(finding->settling_time_s));
		put(json, "overshoot", json_number_or_null(finding->overshoot));
	}
	put(json, "line", json_integer(expect->mark.line));
	put(json, "reason", json_text(finding->reason));
	return json;
}

static json_t *judgement_json(const struct judgement *judgement, const struct scenario *scenario)
{
	json_t *json = json_object();
	json_t *expectations = json_array();

	put(json, "format_version", json_integer(RUNDIR_FORMAT_VERSION));
	put(json, "scenario", json_text(scenario->name));
	put(json, "verdict", json_text(verdict_name(judgement->verdict)));
	for (size_t i = 0; i < judgement->count; i++)
		(void)json_array_append_new(expectations, finding_json(&judgement->findings[i], scenario));
	put(json, "expectations", expectations);
	return json;
}

int judgement_write_json(
	const struct judgement *judgement, const struct scenario *scenario, const char *path, struct err *err)
{
	AUTO(json) json_t *json = judgement_json(judgement, scenario);

	return json_write(json, path, err);
}

char *judgement_json_line(const struct judgement *judgement, const struct scenario *scenario, const char *run)
{
	AUTO(json) json_t *json = judgement_json(judgement, scenario);

	put(json, "run", json_text(run));
	char *line = json_dumps(json, JSON_COMPACT | JSON_REAL_PRECISION(15));
	if (!line)
		BUG("a verdict that is no JSON");
	return line;
}
