/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "run/batch.h"

#include <errno.h>
#include <gsl/gsl_randist.h>
#include <gsl/gsl_rng.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/fsio.h"
#include "glue/json.h"
#include "run/batch_file.h"
#include "series/stats.h"

DEFINE_AUTO(rng, gsl_rng *, gsl_rng_free);

const char *batch_outcome_name(enum batch_outcome outcome)
{
	static const char *const names[] = {
		[BATCH_PASS] = "pass",
		[BATCH_FAIL] = "fail",
		[BATCH_INCONCLUSIVE] = "inconclusive",
		[BATCH_BROKEN] = "broken",
	};

	return names[outcome];
}

static const char *const tenants_names[] = {
	[BATCH_TENANTS_RUN] = "run",
	[BATCH_TENANTS_ROUND] = "round",
	[BATCH_TENANTS_BATCH] = "batch",
};

const char *batch_tenants_name(enum batch_tenants how_often)
{
	return tenants_names[how_often];
}

int batch_tenants_find(const char *word, enum batch_tenants *ret_how_often)
{
	for (int i = 0; i < BATCH_TENANTS_COUNT; i++)
		if (!strcmp(word, tenants_names[i])) {
			*ret_how_often = (enum batch_tenants)i;
			return 0;
		}
	return -1;
}

void batch_free(struct batch *batch)
{
	if (!batch)
		return;
	for (size_t i = 0; i < batch->scenario_count; i++) {
		free(batch->scenarios[i].path);
		free(batch->scenarios[i].name);
		free(batch->scenarios[i].source);
		free(batch->scenarios[i].skipped);
	}
	for (size_t i = 0; i < batch->run_count; i++) {
		for (size_t k = 0; k < batch->runs[i].finding_count; k++) {
			free(batch->runs[i].findings[k].name);
			free(batch->runs[i].findings[k].text);
			free(batch->runs[i].findings[k].reason);
		}
		free(batch->runs[i].findings);
		free(batch->runs[i].run_dir);
		free(batch->runs[i].trouble);
	}
	batch_places_free(batch);
	free(batch->scenarios);
	free(batch->runs);
	free(batch->path);
	free(batch);
}

/* JSON's integers end at 2^53 for most readers. */
static uint64_t draw_seed(void)
{
	uint32_t seed = 0;

	if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
		BUG("getrandom: %d", errno);
	return seed ? seed : 1;
}

int batch_new(struct scenario *const *scenarios, size_t count, const struct batch_options *options,
	struct batch **ret_batch, struct err *err)
{
	AUTO(batch) struct batch *batch = xcalloc(1, sizeof(*batch));
	const char *word = options->place_count ? "kernels" : "batch";
	size_t places = options->place_count ? options->place_count : 1;
	char now[32];

	clock_utc_compact(now, sizeof(now));
	if (options->out_dir)
		batch->path = xasprintf("%s/%s-%s.json", options->out_dir, word, now);
	for (unsigned i = 2; batch->path && fsio_exists(batch->path); i++) {
		free(batch->path);
		batch->path = xasprintf("%s/%s-%s-%u.json", options->out_dir, word, now, i);
	}
	batch->seed = options->seed ? options->seed : draw_seed();
	batch->rounds = options->rounds;
	batch->tenants_boot = options->tenants_boot;
	batch->until_decided = options->until_decided;
	batch->scenarios = xcalloc(count * places, sizeof(*batch->scenarios));
	batch->scenario_count = count * places;
	for (size_t i = 0; i < batch->scenario_count; i++) {
		const struct scenario *scenario = scenarios[i % count];
		batch->scenarios[i] = (struct batch_scenario){
			.path = xstrdup(scenario->path),
			.name = xstrdup(scenario->name),
			.source = xstrndup(scenario->source, scenario->source_length),
			.place = i / count,
		};
		if (options->skipped && options->skipped[i])
			batch->scenarios[i].skipped = xstrdup(options->skipped[i]);
	}
	batch_places_copy(batch, options);
	if (batch->path && (fsio_make_dirs(options->out_dir, err) || batch_file_write(batch, err)))
		return -1;
	*ret_batch = STEAL(batch);
	return 0;
}

int batch_check_scenario(
	const struct batch *batch, size_t index, const struct scenario *scenario, struct err *err)
{
	const struct batch_scenario *then = &batch->scenarios[index];

	if (strlen(then->source) == scenario->source_length &&
		!memcmp(then->source, scenario->source, scenario->source_length))
		return 0;
	(void)err_input(err, "'%s' has changed since '%s' began; its runs could not be pooled", then->path,
		batch->path);
	return err_remedy(err, "put the old text back, or begin a new batch");
}

bool batch_is_open(const struct batch *batch, size_t scenario, unsigned round)
{
	if (batch->scenarios[scenario].decision != DECISION_OPEN || batch->scenarios[scenario].skipped)
		return false;
	for (size_t i = 0; i < batch->run_count; i++)
		if (batch->runs[i].scenario == scenario && batch->runs[i].round == round)
			return false;
	return true;
}

/* The order of one round follows from the seed and the round alone, so that it is the same after a resume. */
static void order_of(const struct batch *batch, unsigned round, size_t *order)
{
	for (size_t i = 0; i < batch->scenario_count; i++)
		order[i] = i;
	if (batch->rounds == 1 && !batch->place_count)
		return;
	AUTO(rng) gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
	gsl_rng_set(rng, (unsigned long)(batch->seed + round));
	if (!batch->place_count) {
		gsl_ran_shuffle(rng, order, batch->scenario_count, sizeof(*order));
		return;
	}
	size_t each = batch->scenario_count / batch->place_count;
	for (size_t place = 0; place < batch->place_count; place++)
		gsl_ran_shuffle(rng, order + place * each, each, sizeof(*order));
	/* Whole places, each in its own order. */
	gsl_ran_shuffle(rng, order, batch->place_count, each * sizeof(*order));
}

bool batch_next(const struct batch *batch, size_t *ret_scenario, unsigned *ret_round)
{
	AUTO(free_ptr) size_t *order = xcalloc(batch->scenario_count, sizeof(*order));

	for (unsigned round = 0; round < batch->rounds; round++) {
		order_of(batch, round, order);
		for (size_t i = 0; i < batch->scenario_count; i++) {
			if (!batch_is_open(batch, order[i], round))
				continue;
			*ret_scenario = order[i];
			*ret_round = round;
			return true;
		}
	}
	return false;
}

size_t batch_next_group(const struct batch *batch, size_t *ret_scenarios, unsigned *ret_round)
{
	AUTO(free_ptr) size_t *order = xcalloc(batch->scenario_count, sizeof(*order));
	size_t first, count = 0;

	if (!batch_next(batch, &first, ret_round))
		return 0;
	order_of(batch, *ret_round, order);
	for (size_t i = 0; i < batch->scenario_count; i++)
		if (batch->scenarios[order[i]].place == batch->scenarios[first].place &&
			batch_is_open(batch, order[i], *ret_round))
			ret_scenarios[count++] = order[i];
	return count;
}

void batch_count(struct batch *batch, const struct batch_run *run)
{
	struct batch_scenario *scenario = &batch->scenarios[run->scenario];

	scenario->counts[run->outcome]++;
	if (batch->until_decided)
		scenario->decision =
			sequential_decide(scenario->counts[BATCH_PASS], scenario->counts[BATCH_FAIL]);
}

int batch_record(struct batch *batch, size_t scenario, unsigned round, const char *run_dir, int exit_code,
	double seconds, const struct judgement *judgement, const char *trouble, struct err *err)
{
	static const enum batch_outcome outcomes[] = {
		[VERDICT_PASS] = BATCH_PASS,
		[VERDICT_FAIL] = BATCH_FAIL,
		[VERDICT_INCONCLUSIVE] = BATCH_INCONCLUSIVE,
	};
	struct batch_run run = {
		.scenario = scenario,
		.round = round,
		.outcome = judgement ? outcomes[judgement->verdict] : BATCH_BROKEN,
		.exit_code = exit_code,
		.run_dir = run_dir ? xstrdup(run_dir) : NULL,
		.seconds = seconds,
		.finding_count = judgement ? judgement->count : 0,
		.trouble = trouble ? xstrdup(trouble) : NULL,
	};
	size_t next;

	run.findings = xcalloc(run.finding_count + 1, sizeof(*run.findings));
	for (size_t i = 0; i < run.finding_count; i++) {
		const struct finding *finding = &judgement->findings[i];
		run.findings[i] = (struct batch_finding){
			.name = xstrdup(finding->expect->name),
			.verdict = finding->verdict,
			.measured = finding->measured,
		};
		if (!isnan(finding->measured))
			run.findings[i].text = judge_value_text(finding->expect, finding->measured);
		if (finding->verdict != VERDICT_PASS && finding->reason)
			run.findings[i].reason = xstrdup(finding->reason);
	}
	batch->runs = xgrow(batch->runs, batch->run_count, &batch->run_capacity, sizeof(*batch->runs));
	batch->runs[batch->run_count++] = run;
	if (exit_code >= 128)
		return 0;
	batch_count(batch, &run);
	batch->done = !batch_next(batch, &next, &round);
	return batch->path ? batch_file_write(batch, err) : 0;
}

int batch_exit_code(const struct batch *batch)
{
	int code = 0;

	for (size_t i = 0; i < batch->run_count; i++) {
		bool judged = batch->runs[i].outcome != BATCH_BROKEN;
		/* A single failing run is what the rule allows for. */
		if (!batch->until_decided || !judged)
			code = err_worse_exit_code(code, batch->runs[i].exit_code);
	}
	for (size_t i = 0; i < batch->scenario_count && batch->until_decided; i++)
		if (batch->scenarios[i].decision != DECISION_HOLDS && !batch->scenarios[i].skipped)
			code = err_worse_exit_code(
				code, batch->scenarios[i].decision == DECISION_BROKEN ? 1 : 3);
	return code;
}

size_t batch_pools(const struct batch *batch, size_t scenario, struct batch_pool **ret_pools)
{
	AUTO(free_ptr) double *values = xcalloc(batch->run_count + 1, sizeof(*values));
	const struct batch_run *first = NULL;

	for (size_t i = 0; i < batch->run_count && !first; i++)
		if (batch->runs[i].scenario == scenario && batch->runs[i].finding_count)
			first = &batch->runs[i];
	size_t count = first ? first->finding_count : 0;
	struct batch_pool *pools = xcalloc(count + 1, sizeof(*pools));
	for (size_t k = 0; k < count; k++) {
		struct batch_pool *pool = &pools[k];
		size_t measured = 0;
		*pool = (struct batch_pool){
			.name = first->findings[k].name, .low = INFINITY, .high = -INFINITY};
		for (size_t i = 0; i < batch->run_count; i++) {
			const struct batch_run *run = &batch->runs[i];
			/* The same text of the scenario, so the same expectations in the same order. */
			if (run->scenario != scenario || run->finding_count != count)
				continue;
			pool->counts[run->findings[k].verdict]++;
			double value = run->findings[k].measured;
			if (isnan(value))
				continue;
			values[measured++] = value;
			if (value < pool->low)
				pool->low_text = run->findings[k].text;
			if (value > pool->high)
				pool->high_text = run->findings[k].text;
			pool->low = fmin(pool->low, value);
			pool->high = fmax(pool->high, value);
		}
		pool->median = stats_median(values, measured);
		if (!measured)
			pool->low = pool->high = (double)NAN;
	}
	*ret_pools = pools;
	return count;
}
