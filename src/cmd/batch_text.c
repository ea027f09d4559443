/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cmd/batch_text.h"

#include <stdbool.h>
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

/* "broken", or that it never began. */
static const char *outcome_word(const struct batch_run *run)
{
	return run->outcome == BATCH_BROKEN && !run->run_dir ? "not run" : batch_outcome_name(run->outcome);
}

/* What did not pass, each with its reason; the same reason is given once. */
static void add_reasons(struct buf *text, const struct batch_run *run, const char *indent)
{
	const char *last = "";

	if (run->trouble)
		buf_addf(text, "%s%s\n", indent, run->trouble);
	for (size_t i = 0; i < run->finding_count; i++) {
		const struct batch_finding *finding = &run->findings[i];
		const char *reason = finding->reason ? finding->reason : "";
		if (finding->verdict == VERDICT_PASS || finding->verdict == VERDICT_NOT_APPLICABLE)
			continue;
		bool again = *reason && !strcmp(reason, last);
		buf_addf(text, "%s%s: %s%s%s\n", indent, finding->name, verdict_name(finding->verdict),
			*reason ? again ? ", for the same reason" : ": " : "", again ? "" : reason);
		last = reason;
	}
}

/* One run of each: a row says all. */
static void add_runs(struct buf *text, const struct batch *batch, int width)
{
	buf_addf(text, "\n  %-*s  %-12s  %6s  %s\n", width, "scenario", "verdict", "time", "run");
	for (size_t i = 0; i < batch->run_count; i++) {
		const struct batch_run *run = &batch->runs[i];
		buf_addf(text, "  %-*s  %-12s  %4.0f s  %s\n", width, batch->scenarios[run->scenario].name,
			outcome_word(run), run->seconds, run->run_dir ? run->run_dir : "-");
		add_reasons(text, run, "      ");
	}
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
		if (pool->low_text && pool->high_text)
			buf_addf(text, "; measured %s to %s", pool->low_text, pool->high_text);
		buf_adds(text, "\n");
	}
}

/* The last run of a scenario that did not pass, to begin with. */
static void add_last(struct buf *text, const struct batch *batch, size_t scenario)
{
	const struct batch_run *last = NULL;

	for (size_t i = 0; i < batch->run_count; i++)
		if (batch->runs[i].scenario == scenario && batch->runs[i].outcome != BATCH_PASS)
			last = &batch->runs[i];
	if (!last)
		return;
	buf_addf(text, "      round %u, %s: %s\n", last->round + 1, outcome_word(last),
		last->run_dir ? last->run_dir : "no run directory");
	add_reasons(text, last, "          ");
}

static void add_scenarios(struct buf *text, const struct batch *batch, int width)
{
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
		add_last(text, batch, i);
	}
}

void batch_table(const struct batch *batch, struct buf *text)
{
	size_t counts[BATCH_OUTCOME_COUNT] = {0};
	int width = (int)strlen("scenario");
	double seconds = 0;

	for (size_t i = 0; i < batch->scenario_count; i++)
		if ((int)strlen(batch->scenarios[i].name) > width)
			width = (int)strlen(batch->scenarios[i].name);
	for (size_t i = 0; i < batch->run_count; i++) {
		seconds += batch->runs[i].seconds;
		counts[batch->runs[i].outcome]++;
	}
	if (batch->rounds == 1)
		add_runs(text, batch, width);
	else
		add_scenarios(text, batch, width);
	buf_addf(text, "  %zu run%s in %.0f s", batch->run_count, batch->run_count == 1 ? "" : "s", seconds);
	const char *before = ": ";
	for (int i = 0; i < BATCH_OUTCOME_COUNT; i++)
		if (counts[i]) {
			buf_addf(text, "%s%zu %s", before, counts[i],
				batch_outcome_name((enum batch_outcome)i));
			before = ", ";
		}
	if (batch->rounds > 1)
		buf_addf(text, "; order from seed %llu", (unsigned long long)batch->seed);
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

static json_t *runs_json(const struct batch *batch, size_t scenario)
{
	json_t *list = json_array();

	for (size_t i = 0; i < batch->run_count; i++) {
		const struct batch_run *run = &batch->runs[i];
		if (run->scenario == scenario)
			(void)json_array_append_new(list,
				json_pack("{s:s, s:i, s:o, s:o}", "outcome", outcome_word(run), "exit_code",
					run->exit_code, "seconds", json_number_or_null(run->seconds), "run",
					run->run_dir ? json_text(run->run_dir) : json_null()));
	}
	return list;
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
		json_t *object = json_pack("{s:o, s:o, s:o, s:o}", "name", json_text(scenario->name), "runs",
			counts_json(scenario->counts, "broken"), "made", runs_json(batch, i), "expectations",
			expectations);
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
