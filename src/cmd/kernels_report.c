/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cmd/kernels_report.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/paths.h"
#include "plot/kernels.h"
#include "series/stats.h"

static const char *keep(struct report *report, char *text)
{
	report->notes =
		xgrow(report->notes, report->note_count, &report->note_capacity, sizeof(*report->notes));
	report->notes[report->note_count++] = text;
	return text;
}

void report_release(struct report *report)
{
	comparison_release(&report->comparison);
	for (size_t i = 0; i < report->note_count; i++)
		free(report->notes[i]);
	for (size_t i = 0; i < report->count; i++)
		free(report->rows[i].cells);
	for (size_t p = 0; report->batch && p < report->batch->place_count; p++) {
		free(report->names[p]);
		free((void *)report->groups[p].runs);
	}
	free(report->notes);
	free(report->rows);
	free(report->names);
	free(report->groups);
	gathered_release(&report->gathered);
	*report = (struct report){0};
}

/* ---- runs and groups --------------------------------------------------------------------------------------------- */

static int read_runs(struct report *report, struct err *err)
{
	const struct batch *batch = report->batch;
	AUTO(free_ptr) char **paths = xcalloc(batch->run_count + 1, sizeof(*paths));
	AUTO(free_ptr) size_t *places = xcalloc(batch->run_count + 1, sizeof(*places));
	size_t count = 0;

	for (size_t i = 0; i < batch->run_count; i++) {
		if (batch->runs[i].outcome == BATCH_BROKEN || !batch->runs[i].run_dir)
			continue;
		places[count] = batch->scenarios[batch->runs[i].scenario].place;
		paths[count++] = batch->runs[i].run_dir;
	}
	if (count && gather(paths, count, NULL, &report->gathered, err))
		return -1;
	for (size_t p = 0; p < batch->place_count; p++) {
		const struct compare_run **runs = xcalloc(report->gathered.count + 1, sizeof(*runs));
		report->names[p] = batch_place_name(&batch->places[p]);
		report->groups[p] = (struct compare_group){.name = report->names[p], .runs = runs};
		for (size_t i = 0; i < report->gathered.count; i++)
			if (places[report->gathered.runs[i].argument] == p)
				runs[report->groups[p].count++] = &report->gathered.runs[i].run;
	}
	return 0;
}

static size_t scenarios_of(const struct compare_group *group)
{
	size_t count = 0;

	for (size_t i = 0; i < group->count; i++) {
		bool known = false;
		for (size_t j = 0; j < i; j++)
			known = known || !strcmp(group->runs[j]->scenario, group->runs[i]->scenario);
		count += !known;
	}
	return count;
}

/* The first place against every other one that has runs. */
static int compare(struct report *report, double floor, struct err *err)
{
	const struct batch *batch = report->batch;
	AUTO(free_ptr) struct compare_group *groups = xcalloc(batch->place_count, sizeof(*groups));
	const struct compare_options options = {
		.floor = floor, .seed = COMPARE_SEED_DEFAULT, .partial = true};
	size_t count = 1;

	for (size_t p = 1; p < batch->place_count; p++)
		if (scenarios_of(&report->groups[p]) > scenarios_of(&report->groups[report->reference]))
			report->reference = p;
	groups[0] = report->groups[report->reference];
	for (size_t p = 0; p < batch->place_count; p++)
		if (p != report->reference && report->groups[p].count)
			groups[count++] = report->groups[p];
	if (count < 2 || !groups[0].count)
		return 0;
	if (compare_groups(groups, count, &options, &report->comparison, err))
		return -1;
	report->has_comparison = true;
	return 0;
}

/* ---- rows -------------------------------------------------------------------------------------------------------- */

static const struct compare_row *find_row(
	const struct report *report, size_t place, const char *scenario, const char *expectation)
{
	for (size_t i = 0; i < report->comparison.count; i++) {
		const struct compare_pair *pair = &report->comparison.pairs[i];
		if (strcmp(pair->group[1], report->names[place]) != 0)
			continue;
		for (size_t j = 0; j < pair->count; j++)
			for (size_t k = 0; k < pair->parts[j].count; k++) {
				const struct compare_row *row = &pair->parts[j].rows[k];
				if (!strcmp(pair->parts[j].scenario, scenario) &&
					row->about->kind == COMPARE_EXPECTATION &&
					!strcmp(row->about->key, expectation))
					return row;
			}
	}
	return NULL;
}

static void measure(struct report *report, struct report_cell *cell, size_t place, const char *scenario,
	const char *expectation)
{
	const struct compare_group *group = &report->groups[place];
	AUTO(free_ptr) double *values = xcalloc(group->count + 1, sizeof(*values));
	size_t count = 0;

	for (size_t i = 0; i < group->count; i++) {
		const struct compare_run *run = group->runs[i];
		for (size_t k = 0; k < run->count && !strcmp(run->scenario, scenario); k++) {
			const struct compare_value *value = &run->values[k];
			if (value->kind != COMPARE_EXPECTATION || strcmp(value->key, expectation) != 0)
				continue;
			cell->unit = value->unit;
			if (!isnan(value->value))
				values[count++] = value->value;
		}
	}
	cell->measured = stats_median(values, count);
	cell->row = find_row(report, place, scenario, expectation);
}

static struct report_row *add_row(struct report *report, size_t scenario, const char *expectation)
{
	report->rows = xgrow(report->rows, report->count, &report->capacity, sizeof(*report->rows));
	struct report_row *row = &report->rows[report->count++];
	*row = (struct report_row){.scenario = scenario,
		.expectation = expectation,
		.cells = xcalloc(report->batch->place_count, sizeof(*row->cells))};
	for (size_t p = 0; p < report->batch->place_count; p++)
		row->cells[p] = (struct report_cell){.measured = (double)NAN, .unit = ""};
	return row;
}

static void add_scenario(struct report *report, size_t scenario, size_t scenario_count)
{
	static const enum verdict verdicts[] = {[BATCH_PASS] = VERDICT_PASS,
		[BATCH_FAIL] = VERDICT_FAIL,
		[BATCH_INCONCLUSIVE] = VERDICT_INCONCLUSIVE};
	const struct batch *batch = report->batch;
	struct report_row *row = add_row(report, scenario, NULL);

	for (size_t p = 0; p < batch->place_count; p++)
		row->cells[p].note = batch->scenarios[p * scenario_count + scenario].skipped;
	for (size_t i = 0; i < batch->run_count; i++) {
		const struct batch_run *run = &batch->runs[i];
		if (run->scenario % scenario_count != scenario)
			continue;
		struct report_cell *cell = &row->cells[run->scenario / scenario_count];
		if (run->outcome != BATCH_BROKEN) {
			cell->counts[verdicts[run->outcome]]++;
			continue;
		}
		cell->broken++;
		cell->note = run->trouble;
	}
}

/* Of several reasons the first that it failed for, else the first. */
static void add_finding(struct report_cell *cell, const struct batch_finding *finding)
{
	bool first_failure = finding->verdict == VERDICT_FAIL && !cell->counts[VERDICT_FAIL];

	if (finding->reason && (first_failure || !cell->note))
		cell->note = finding->reason;
	cell->counts[finding->verdict]++;
}

static void add_expectation(struct report *report, size_t scenario, size_t scenario_count,
	const struct scenario *about, const struct expect_spec *expect)
{
	const struct batch *batch = report->batch;
	struct report_row *row = add_row(report, scenario, expect->name);

	for (size_t i = 0; i < batch->run_count; i++) {
		const struct batch_run *run = &batch->runs[i];
		if (run->scenario % scenario_count != scenario)
			continue;
		for (size_t k = 0; k < run->finding_count; k++)
			if (!strcmp(run->findings[k].name, expect->name))
				add_finding(&row->cells[run->scenario / scenario_count], &run->findings[k]);
	}
	for (size_t p = 0; p < batch->place_count; p++) {
		measure(report, &row->cells[p], p, about->name, expect->name);
		char *reason;
		if (when_ask(&expect->when, batch->places[p].cgroup, batch->places[p].release, &reason) ==
			WHEN_NOT)
			row->cells[p].note = keep(report, reason);
		else
			free(reason);
	}
}

int report_make(const struct batch *batch, struct scenario *const *scenarios, size_t scenario_count,
	double floor, struct report *ret_report, struct err *err)
{
	AUTO(report)
	struct report report = {.batch = batch,
		.names = xcalloc(batch->place_count, sizeof(*report.names)),
		.groups = xcalloc(batch->place_count, sizeof(*report.groups))};

	if (read_runs(&report, err) || compare(&report, floor, err))
		return -1;
	for (size_t i = 0; i < scenario_count; i++) {
		add_scenario(&report, i, scenario_count);
		for (size_t k = 0; k < scenarios[i]->expect_count; k++)
			add_expectation(&report, i, scenario_count, scenarios[i], &scenarios[i]->expects[k]);
	}
	*ret_report = report;
	report = (struct report){0};
	return 0;
}

int report_exit_code(const struct report *report)
{
	bool changed = report->has_comparison && report->comparison.verdict == COMPARE_CHANGED;

	return err_worse_exit_code(batch_exit_code(report->batch), changed ? 1 : 0);
}

char *report_verdict(const struct report_cell *cell)
{
	size_t judged = cell->counts[VERDICT_PASS] + cell->counts[VERDICT_FAIL] +
			cell->counts[VERDICT_INCONCLUSIVE],
	       all = judged + cell->broken;
	enum verdict verdict = cell->counts[VERDICT_FAIL]           ? VERDICT_FAIL
			       : cell->counts[VERDICT_INCONCLUSIVE] ? VERDICT_INCONCLUSIVE
								    : VERDICT_PASS;

	if (cell->counts[VERDICT_NOT_APPLICABLE] && !all)
		return xstrdup(verdict_name(VERDICT_NOT_APPLICABLE));
	if (!all)
		return xstrdup(cell->note ? "skipped" : "-");
	if (cell->broken && verdict == VERDICT_PASS)
		return xasprintf("broken %zu/%zu", cell->broken, all);
	return xasprintf("%s %zu/%zu", verdict_name(verdict), cell->counts[verdict], all);
}

/* ---- the figure -------------------------------------------------------------------------------------------------- */

/* "50.1 | - | 49.9 %": the unit once, at the end. */
static char *words_of(const struct report *report, const struct report_row *row)
{
	AUTO(buf) struct buf words = BUF_INIT;
	AUTO(free_ptr) char *unit = xstrdup("");

	for (size_t p = 0; p < report->batch->place_count; p++) {
		const struct report_cell *cell = &row->cells[p];
		AUTO(free_ptr)
		char *value = cell->counts[VERDICT_NOT_APPLICABLE]
				      ? xstrdup("n/a")
				      : compare_value_text(cell->unit, cell->measured);
		size_t number = strcspn(value, " ");
		if (value[number]) {
			free(unit);
			unit = xstrdup(value + number);
		}
		buf_addf(&words, "%s%.*s", p ? "  |  " : "", (int)number, value);
	}
	buf_adds(&words, unit);
	return buf_steal(&words);
}

int report_draw(const struct report *report, struct scenario *const *scenarios, size_t scenario_count,
	const char *folder, struct err *err)
{
	static const char *const endings[] = {"svg", "png"};
	size_t places = report->batch->place_count;
	AUTO(free_ptr) char *plots = paths_data("plots");
	int result = 0;

	for (size_t i = 0; i < scenario_count && !result; i++) {
		AUTO(free_ptr) struct plot_kernels_place *shown = xcalloc(places, sizeof(*shown));
		AUTO(free_ptr) struct plot_kernels_row *rows = xcalloc(report->count, sizeof(*rows));
		AUTO(free_ptr)
		struct plot_kernels_mark *marks = xcalloc(report->count * places, sizeof(*marks));
		size_t count = 0;
		for (size_t k = 0; k < report->count; k++) {
			const struct report_row *row = &report->rows[k];
			if (row->scenario != i)
				continue;
			for (size_t p = 0; p < places && !row->expectation; p++) {
				AUTO(free_ptr) char *verdict = report_verdict(&row->cells[p]);
				const struct batch_place *place = &report->batch->places[p];
				shown[p] = (struct plot_kernels_place){.name = report->names[p],
					.kernel = place->release,
					.verdict = xasprintf("cgroup %s, %s", place->cgroup, verdict),
					.group = report->groups[p]};
			}
			if (!row->expectation)
				continue;
			for (size_t p = 0; p < places; p++) {
				const struct compare_row *about = row->cells[p].row;
				bool is_zero = p == report->reference && !isnan(row->cells[p].measured);
				double zero = is_zero ? 0 : (double)NAN;
				marks[k * places + p] = about ? (struct plot_kernels_mark){about->change,
									about->low, about->high}
							      : (struct plot_kernels_mark){zero, zero, zero};
			}
			rows[count++] = (struct plot_kernels_row){
				row->expectation, words_of(report, row), &marks[k * places]};
		}
		for (size_t e = 0; e < ARRAY_SIZE(endings) && !result; e++) {
			AUTO(free_ptr)
			char *path = xasprintf("%s/%s.%s", folder, scenarios[i]->name, endings[e]);
			const struct plot_kernels_input input = {.scenario = scenarios[i]->name,
				.title = scenarios[i]->title,
				.places = shown,
				.place_count = places,
				.reference = report->reference,
				.rows = rows,
				.row_count = count,
				.plots_dir = plots,
				.path = path};
			result = plot_kernels_draw(&input, err);
		}
		for (size_t p = 0; p < places; p++)
			free((char *)shown[p].verdict);
		for (size_t k = 0; k < count; k++)
			free((char *)rows[k].words);
	}
	return result;
}
