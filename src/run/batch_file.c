/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "run/batch_file.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/fsio.h"
#include "glue/json.h"

#define FILE_MAX_BYTES (64 * 1024 * 1024)
#define ROUNDS_MAX     100000

/* For "o*" of json_pack(): NULL leaves the member out. */
static json_t *text_or_nothing(const char *text)
{
	return text ? json_text(text) : NULL;
}

/* NULL when it is not there. */
static char *copy_text(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text ? xstrdup(text) : NULL;
}

static json_t *pack_run(const struct batch_run *run)
{
	json_t *findings = json_array();

	for (size_t i = 0; i < run->finding_count; i++)
		(void)json_array_append_new(findings,
			json_pack("{s:o, s:s, s:o, s:o*, s:o*}", "name", json_text(run->findings[i].name),
				"verdict", verdict_name(run->findings[i].verdict), "measured",
				json_number_or_null(run->findings[i].measured), "text",
				text_or_nothing(run->findings[i].text), "reason",
				text_or_nothing(run->findings[i].reason)));
	return json_pack("{s:I, s:I, s:s, s:i, s:o, s:o, s:o, s:o*}", "scenario", (json_int_t)run->scenario,
		"round", (json_int_t)run->round, "outcome", batch_outcome_name(run->outcome), "exit_code",
		run->exit_code, "run", run->run_dir ? json_text(run->run_dir) : json_null(), "seconds",
		json_number_or_null(run->seconds), "findings", findings, "trouble",
		text_or_nothing(run->trouble));
}

int batch_file_write(const struct batch *batch, struct err *err)
{
	json_t *scenarios = json_array(), *runs = json_array();

	for (size_t i = 0; i < batch->scenario_count; i++)
		(void)json_array_append_new(scenarios,
			json_pack("{s:o, s:o, s:o, s:I, s:o*}", "path", json_text(batch->scenarios[i].path),
				"name", json_text(batch->scenarios[i].name), "source",
				json_text(batch->scenarios[i].source), "place",
				(json_int_t)batch->scenarios[i].place, "skipped",
				batch->scenarios[i].skipped ? json_text(batch->scenarios[i].skipped) : NULL));
	for (size_t i = 0; i < batch->run_count; i++)
		(void)json_array_append_new(runs, pack_run(&batch->runs[i]));
	AUTO(json)
	json_t *file = json_pack("{s:i, s:I, s:I, s:s, s:b, s:b, s:o, s:o}", "format", BATCH_FORMAT, "seed",
		(json_int_t)batch->seed, "rounds", (json_int_t)batch->rounds, "tenants_boot",
		batch_tenants_name(batch->tenants_boot), "until_decided", batch->until_decided, "done",
		batch->done, "scenarios", scenarios, "runs", runs);
	if (!file)
		BUG("out of memory");
	if (batch->place_count)
		batch_places_pack(batch, file);
	return json_write(file, batch->path, err);
}

/* What a member must be; the text for the error. */
static int damaged(const struct batch *batch, const char *what, struct err *err)
{
	return err_input(err, "'%s' is no batch that could be resumed: %s", batch->path, what);
}

static int read_scenarios(struct batch *batch, const json_t *list, struct err *err)
{
	size_t count = json_array_size(list);

	if (!count)
		return damaged(batch, "it lists no scenarios", err);
	batch->scenarios = xcalloc(count, sizeof(*batch->scenarios));
	for (size_t i = 0; i < count; i++) {
		const json_t *item = json_array_get(list, i);
		const char *path = json_string_value(json_object_get(item, "path"));
		const char *name = json_string_value(json_object_get(item, "name"));
		const char *source = json_string_value(json_object_get(item, "source"));
		if (!path || !name || !source)
			return damaged(batch, "a scenario lacks path, name or source", err);
		const char *skipped = json_string_value(json_object_get(item, "skipped"));
		const json_t *place = json_object_get(item, "place");
		/* The file of an older limitlab has no places. */
		if (place && (!json_is_integer(place) || json_integer_value(place) < 0 ||
				     (json_integer_value(place) > 0 &&
					     (size_t)json_integer_value(place) >= batch->place_count)))
			return damaged(batch, "a scenario has a place that there is not", err);
		batch->scenarios[batch->scenario_count++] = (struct batch_scenario){
			.path = xstrdup(path),
			.name = xstrdup(name),
			.source = xstrdup(source),
			.place = (size_t)json_integer_value(place),
			.skipped = skipped ? xstrdup(skipped) : NULL,
		};
	}
	return 0;
}

/* Index of the word, or -1. */
static int word_index(const char *word, const char *(*name)(int index), int count)
{
	for (int i = 0; word && i < count; i++)
		if (!strcmp(word, name(i)))
			return i;
	return -1;
}

static const char *outcome_at(int index)
{
	return batch_outcome_name((enum batch_outcome)index);
}

static const char *verdict_at(int index)
{
	return verdict_name((enum verdict)index);
}

static int read_findings(struct batch *batch, struct batch_run *run, const json_t *list, struct err *err)
{
	run->findings = xcalloc(json_array_size(list) + 1, sizeof(*run->findings));
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *item = json_array_get(list, i), *measured = json_object_get(item, "measured");
		const char *name = json_string_value(json_object_get(item, "name"));
		int verdict = word_index(
			json_string_value(json_object_get(item, "verdict")), verdict_at, VERDICT_COUNT);
		if (!name || verdict < 0 || (!json_is_number(measured) && !json_is_null(measured)))
			return damaged(batch, "a finding lacks name, verdict or measured", err);
		run->findings[run->finding_count++] = (struct batch_finding){
			.name = xstrdup(name),
			.verdict = (enum verdict)verdict,
			.measured = json_is_number(measured) ? json_number_value(measured) : (double)NAN,
			.text = copy_text(item, "text"),
			.reason = copy_text(item, "reason"),
		};
	}
	return 0;
}

static int read_run(struct batch *batch, const json_t *item, struct err *err)
{
	const json_t *scenario = json_object_get(item, "scenario"), *round = json_object_get(item, "round");
	const json_t *code = json_object_get(item, "exit_code"), *seconds = json_object_get(item, "seconds");
	const char *run_dir = json_string_value(json_object_get(item, "run"));
	const char *trouble = json_string_value(json_object_get(item, "trouble"));
	int outcome = word_index(
		json_string_value(json_object_get(item, "outcome")), outcome_at, BATCH_OUTCOME_COUNT);

	if (!json_is_integer(scenario) || json_integer_value(scenario) < 0 ||
		(size_t)json_integer_value(scenario) >= batch->scenario_count || !json_is_integer(round) ||
		json_integer_value(round) < 0 || json_integer_value(round) >= batch->rounds || outcome < 0 ||
		!json_is_integer(code) || json_integer_value(code) < 0 || json_integer_value(code) > 255)
		return damaged(batch, "a run lacks scenario, round, outcome or exit_code", err);
	batch->runs = xgrow(batch->runs, batch->run_count, &batch->run_capacity, sizeof(*batch->runs));
	struct batch_run *run = &batch->runs[batch->run_count++];
	*run = (struct batch_run){
		.scenario = (size_t)json_integer_value(scenario),
		.round = (unsigned)json_integer_value(round),
		.outcome = (enum batch_outcome)outcome,
		.exit_code = (int)json_integer_value(code),
		.run_dir = run_dir ? xstrdup(run_dir) : NULL,
		.seconds = json_is_number(seconds) ? json_number_value(seconds) : (double)NAN,
		.trouble = trouble ? xstrdup(trouble) : NULL,
	};
	if (read_findings(batch, run, json_object_get(item, "findings"), err))
		return -1;
	batch_count(batch, run);
	return 0;
}

static const char *tenants_boot_at(int index)
{
	return batch_tenants_name((enum batch_tenants)index);
}

/* Files of batches that knew no such thing: every run booted. */
static int read_tenants_boot(struct batch *batch, const json_t *word, struct err *err)
{
	int boot = word ? word_index(json_string_value(word), tenants_boot_at, BATCH_TENANTS_COUNT)
			: BATCH_TENANTS_RUN;

	if (boot < 0)
		return damaged(batch, "its tenants_boot is not run, round or batch", err);
	batch->tenants_boot = (enum batch_tenants)boot;
	return 0;
}

static int read_file(struct batch *batch, const json_t *file, struct err *err)
{
	const json_t *format = json_object_get(file, "format"), *seed = json_object_get(file, "seed");
	const json_t *rounds = json_object_get(file, "rounds"), *runs = json_object_get(file, "runs");

	if (!json_is_integer(format) || json_integer_value(format) != BATCH_FORMAT)
		return damaged(batch, "its format is not the one that this limitlab writes", err);
	if (!json_is_integer(seed) || json_integer_value(seed) < 0 || !json_is_integer(rounds) ||
		json_integer_value(rounds) < 1 || json_integer_value(rounds) > ROUNDS_MAX ||
		!json_is_array(runs))
		return damaged(batch, "it lacks seed, rounds or runs", err);
	batch->seed = (uint64_t)json_integer_value(seed);
	batch->rounds = (unsigned)json_integer_value(rounds);
	batch->until_decided = json_is_true(json_object_get(file, "until_decided"));
	batch->done = json_is_true(json_object_get(file, "done"));
	struct err why = ERR_INIT;
	if (batch_places_read(batch, file, &why))
		return damaged(batch, why.text, err);
	if (read_tenants_boot(batch, json_object_get(file, "tenants_boot"), err) ||
		read_scenarios(batch, json_object_get(file, "scenarios"), err))
		return -1;
	if (batch->place_count && batch->scenario_count % batch->place_count)
		return damaged(batch, "not every place has every scenario", err);
	for (size_t i = 0; i < batch->boot_count; i++)
		if (batch->boots[i].scenario >= (long)batch->scenario_count)
			return damaged(batch, "a boot died at a scenario that there is not", err);
	for (size_t i = 0; i < json_array_size(runs); i++)
		if (read_run(batch, json_array_get(runs, i), err))
			return -1;
	return 0;
}

int batch_parse(const char *path, const char *text, size_t length, struct batch **ret_batch, struct err *err)
{
	AUTO(batch) struct batch *batch = xcalloc(1, sizeof(*batch));
	AUTO(json) json_t *file = NULL;

	batch->path = xstrdup(path);
	if (json_parse(path, text, length, &file, err) || read_file(batch, file, err))
		return -1;
	*ret_batch = STEAL(batch);
	return 0;
}

int batch_open(const char *path, struct batch **ret_batch, struct err *err)
{
	AUTO(buf) struct buf text = BUF_INIT;

	if (!fsio_exists(path))
		return err_input(err,
			"there is no batch '%s'; limitlab run and kernels name it in their last line", path);
	if (fsio_read_file(path, FILE_MAX_BYTES, &text, err))
		return -1;
	return batch_parse(path, text.data ? text.data : "", text.length, ret_batch, err);
}
