/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "judge/judge.h"

#include <math.h>

#include "base/auto.h"
#include "glue/json.h"

static const char *expected_from(const struct expect_spec *expect)
{
	switch (expect->kind) {
	case EXPECT_UNCHANGED:
		return "before";
	case EXPECT_CONSERVES:
		return expect->is_model ? "model" : "capacity";
	case EXPECT_LEVEL:
	case EXPECT_RATIO:
		return expect->is_model ? "model" : judge_is_bounded(expect) ? "bound" : "value";
	default:
		return expect->is_model ? "model" : "value";
	}
}

static void put_number(json_t *object, const char *name, double value)
{
	json_put(object, name, json_number_or_null(value));
}

/* Times that the scenario says relative to an event. */
static void put_said(json_t *object, const char *name, const char *said)
{
	if (said)
		json_put(object, name, json_text(said));
}

/* What only some kinds have. */
static void put_of_kind(json_t *json, const struct finding *finding)
{
	const struct expect_spec *expect = finding->expect;

	switch (expect->kind) {
	case EXPECT_SETTLES:
		put_number(json, "after_s", (double)expect->after_ns / 1e9);
		put_number(json, "dead_time_s", finding->dead_time_s);
		put_number(json, "time_50_s", finding->time_50_s);
		put_number(json, "time_90_s", finding->time_90_s);
		put_number(json, "settling_time_s", finding->settling_time_s);
		put_number(json, "overshoot", finding->overshoot);
		put_number(json, "residue", finding->residue);
		json_put(json, "level_unit",
			json_text(judge_settles_to_level(expect) ? measure_spec(expect->measure)->unit
								 : "fraction of the capacity"));
		return;
	case EXPECT_LEVEL:
	case EXPECT_RATIO:
		put_number(json, "at_least", expect->at_least);
		put_number(json, "at_most", expect->at_most);
		return;
	case EXPECT_STARVES:
	case EXPECT_NEVER_STARVES:
		put_number(json, "below", expect->below);
		put_number(json, "stretch_from_s", finding->at_from_s);
		put_number(json, "stretch_to_s", finding->at_to_s);
		put_number(json, "lowest", finding->lowest);
		return;
	case EXPECT_CONSERVES:
		put_number(json, "every_s", (double)expect->every_ns / 1e9);
		put_number(json, "piece_from_s", finding->at_from_s);
		put_number(json, "piece_to_s", finding->at_to_s);
		return;
	case EXPECT_UNCHANGED:
		put_number(json, "after_s", (double)expect->after_ns / 1e9);
		put_number(json, "before_from_s", (double)expect->before_ns / 1e9);
		return;
	default:
		return;
	}
}

static json_t *finding_json(const struct finding *finding, const struct scenario *scenario)
{
	const struct expect_spec *expect = finding->expect;
	const struct measure_spec *measure = measure_spec(expect->measure);
	json_t *json = json_object();
	json_t *interval = json_null();

	json_put(json, "name", json_text(expect->name));
	json_put(json, "verdict", json_text(verdict_name(finding->verdict)));
	json_put(json, "kind", json_text(expect_kind_name(expect->kind)));
	json_put(json, "resource", json_text(resource_name(expect->resource)));
	json_put(json, "measure", json_text(measure->name));
	json_put(json, "layer", json_text(measure->summary));
	json_put(json, "tenant",
		expect->kind == EXPECT_CONSERVES ? json_null()
						 : json_text(scenario->tenants[expect->tenant].name));
	if (expect->kind == EXPECT_RATIO)
		json_put(json, "over", json_text(scenario->tenants[expect->other].name));
	json_put(json, "from_s", json_real((double)expect->from_ns / 1e9));
	json_put(json, "to_s", json_real((double)expect->to_ns / 1e9));
	put_said(json, "from_said", expect->from_said);
	put_said(json, "to_said", expect->to_said);
	put_said(json, "after_said", expect->after_said);
	json_put(json, "needs", json_text(need_name(expect->need)));
	json_put(json, "unit", json_text(judge_unit(expect)));
	json_put(json, "expected_from", json_text(expected_from(expect)));
	json_put(json, "expected", json_number_or_null(finding->expected));
	json_put(json, "measured", json_number_or_null(finding->measured));
	json_put(json, "tolerance", json_number_or_null(finding->tolerance));
	json_put(json, "tolerance_from", json_text(finding->derivation ? "model" : "scenario"));
	if (finding->derivation)
		json_put(json, "derivation", json_text(finding->derivation));
	if (isfinite(finding->interval_low) && isfinite(finding->interval_high))
		interval = json_pack("[f, f]", finding->interval_low, finding->interval_high);
	json_put(json, "interval_95", interval);
	json_put(json, "samples", json_integer((json_int_t)finding->samples));
	put_of_kind(json, finding);
	if (when_is_given(&expect->when)) {
		AUTO(free_ptr) char *hosts = when_text(&expect->when);
		json_put(json, "when", json_text(hosts));
	}
	json_put(json, "line", json_integer(expect->mark.line));
	json_put(json, "reason", json_text(finding->reason));
	return json;
}

static json_t *judgement_json(const struct judgement *judgement, const struct scenario *scenario)
{
	json_t *json = json_object();
	json_t *expectations = json_array();

	json_put(json, "format_version", json_integer(RUNDIR_FORMAT_VERSION));
	json_put(json, "scenario", json_text(scenario->name));
	json_put(json, "verdict", json_text(verdict_name(judgement->verdict)));
	for (size_t i = 0; i < judgement->count; i++)
		(void)json_array_append_new(expectations, finding_json(&judgement->findings[i], scenario));
	json_put(json, "expectations", expectations);
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

	json_put(json, "run", json_text(run));
	return json_line(json);
}
