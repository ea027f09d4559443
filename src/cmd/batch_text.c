/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cmd/batch_text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "glue/json.h"

static const char *decision_word(enum decision decision)
{
	switch (decision) {
	case DECISION_HOLDS:
		return "holds";
	case DECISION_BROKEN:
		return "broken";
	case DECISION_OPEN:
		break;
	}
	return "undecided";
}

static void add_counts(struct buf *text, const size_t *counts)
{
	for (int i = 0; i < BATCH_OUTCOME_COUNT; i++)
		buf_addf(text, "  %*zu", (int)strlen(batch_outcome_name((enum batch_outcome)i)), counts[i]);
}

static void add_pools(struct buf *text, const struct batch *batch, size_t scenario)
{
	AUTO(free_ptr) struct batch_pool *pools = NULL;
	size_t count = batch_pools(batch, scenario, &pools);

	for (size_t i = 0; i < count; i++) {
		const struct batch_pool *pool = &pools[i];
		size_t runs = pool->counts[BATCH_PASS] + pool->counts[BATCH_FAIL] +
			      pool->counts[BATCH_INCONCLUSIVE];
		if (pool->counts[BATCH_PASS] == runs)
			continue;
		buf_addf(text, "      %s: %zu of %zu runs passed, %zu failed", pool->name,
			pool->counts[BATCH_PASS], runs, pool->counts[BATCH_FAIL]);
		if (!isnan(pool->median))
			buf_addf(text, "; measured %.6g (%.6g to %.6g)", pool->median, pool->low, pool->high);
		buf_adds(text, "\n");
	}
}

void batch_table(const struct batch *batch, struct buf *text)
{
	int width = (int)strlen("scenario");
	double seconds = 0;

	for (size_t i = 0; i < batch->scenario_count; i++)
		if ((int)strlen(batch->scenarios[i].name) > width)
			width = (int)strlen(batch->scenarios[i].name);
	for (size_t i = 0; i < batch->run_count; i++)
		seconds += batch->runs[i].seconds;
	buf_addf(text, "\n  %-*s", width, "scenario");
	for (int i = 0; i < BATCH_OUTCOME_COUNT; i++)
		buf_addf(text, "  %s", batch_outcome_name((enum batch_outcome)i));
	buf_addf(text, "%s\n", batch->until_decided ? "  decided" : "");
	for (size_t i = 0; i < batch->scenario_count; i++) {
		const struct batch_scenario *scenario = &batch->scenarios[i];
		buf_addf(text, "  %-*s", width, scenario->name);
		add_counts(text, scenario->counts);
		buf_addf(text, "%s%s\n", batch->until_decided ? "  " : "",
			batch->until_decided ? decision_word(scenario->decision) : "");
		add_pools(text, batch, i);
	}
	buf_addf(text, "  %zu run%s in %.0f s", batch->run_count, batch->run_count == 1 ? "" : "s", seconds);
	if (batch->rounds > 1)
		buf_addf(text, ", order from seed %llu", (unsigned long long)batch->seed);
	if (!batch->done)
		buf_addf(text, "; not over: limitlab run --resume %s", batch->path);
	buf_addf(text, "\n%s\n", batch->path);
}

static json_t *counts_json(const size_t *counts, const char *fourth)
{
	json_t *object = json_object();

	for (int i = 0; i < BATCH_OUTCOME_COUNT; i++)
		(void)json_object_set_new(object,
			i == BATCH_BROKEN ? fourth : batch_outcome_name((enum batch_outcome)i),
			json_integer((json_int_t)counts[i]));
	return object;
}

void batch_json_line(const struct batch *batch, struct buf *text)
{
	json_t *scenarios = json_array();

	for (size_t i = 0; i < batch->scenario_count; i++) {
		const struct batch_scenario *scenario = &batch->scenarios[i];
		AUTO(free_ptr) struct batch_pool *pools = NULL;
		size_t count = batch_pools(batch, i, &pools);
		json_t *expectations = json_array();
		for (size_t k = 0; k < count; k++)
			(void)json_array_append_new(expectations,
				json_pack("{s:o, s:o, s:o, s:o, s:o}", "name", json_text(pools[k].name),
					"runs", counts_json(pools[k].counts, "not applicable"), "median",
					json_number_or_null(pools[k].median), "low",
					json_number_or_null(pools[k].low), "high",
					json_number_or_null(pools[k].high)));
		json_t *object = json_pack("{s:o, s:o, s:o}", "name", json_text(scenario->name), "runs",
			counts_json(scenario->counts, "broken"), "expectations", expectations);
		if (batch->until_decided)
			(void)json_object_set_new(
				object, "decision", json_string(decision_word(scenario->decision)));
		(void)json_array_append_new(scenarios, object);
	}
	AUTO(json)
	json_t *line = json_pack("{s:s, s:o, s:I, s:b, s:i, s:o}", "type", "batch", "file",
		json_text(batch->path), "seed", (json_int_t)batch->seed, "done", batch->done, "exit_code",
		batch_exit_code(batch), "scenarios", scenarios);
	AUTO(free_ptr) char *dumped = line ? json_dumps(line, JSON_COMPACT) : NULL;
	if (!dumped)
		BUG("out of memory");
	buf_addf(text, "%s\n", dumped);
}
