/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The comparison on recorded runs of real VMs: tests/data/recorded.csv has every number that `compare` takes from runs of the smoke set,
 * "A" as shipped and "V" with one limit changed by a tenth, recorded in turn (2026-11-23, two emulated CPUs, other
 * programs compiling at idle priority).  No false alarm at the default settings, a tenth is found: put in, and real.
 *
 *	LIMITLAB_RECORD="DIR_A DIR_V" test_recorded	makes the file anew from directories of runs
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/auto.h"
#include "base/buf.h"
#include "cmd/gather.h"
#include "config.h"
#include "judge/compare.h"
#include "judge/compare_self.h"
#include "series/csvfile.h"
#include "series/stats.h"

#define FILE_NAME     LIMITLAB_SOURCE_DIR "/tests/data/recorded.csv"
#define SETS          2
#define RUNS_MAX      16 /* of a set */
#define SCENARIOS_MAX 8
#define FIXED_COLUMNS 10
#define PAIRS_WANTED  20
#define QUIET         0.015

/* Runs of one scenario; values belong to the runs. */
struct recorded {
	char *scenario;
	struct compare_run runs[SETS][RUNS_MAX];
	size_t capacity[SETS][RUNS_MAX];
};

static struct recorded all[SCENARIOS_MAX];
static size_t scenario_count, run_count[SETS];

/* ---- the file ---- */

static void put_key(FILE *file, const struct compare_run *run, const struct compare_value *value)
{
	const char *const texts[] = {run->scenario, compare_kind_name(value->kind), value->key, value->tenant,
		value->metric, value->unit};
	const double numbers[] = {value->from_s, value->to_s, value->least, value->resolution};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		csvfile_put_text(file, texts[i]);
		(void)fputc(',', file);
	}
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		(void)fprintf(file, "%s%.6g", i ? "," : "", numbers[i]);
}

static const struct compare_value *find_value(const struct compare_run *run, const char *key)
{
	for (size_t i = 0; i < run->count; i++)
		if (!strcmp(run->values[i].key, key))
			return &run->values[i];
	return NULL;
}

/* The values of one key in all runs of its scenario, in the order of time. */
static void put_values(FILE *file, const struct gathered *sets, const char *scenario, const char *key)
{
	for (int set = 0; set < SETS; set++) {
		size_t n = 0;
		for (size_t i = 0; i < sets[set].count; i++) {
			const struct compare_run *run = &sets[set].runs[i].run;
			if (strcmp(run->scenario, scenario) != 0 || run->excluded)
				continue;
			const struct compare_value *value = find_value(run, key);
			(void)fputc(',', file);
			if (value && !isnan(value->value))
				(void)fprintf(file, "%.6g", value->value);
			n++;
		}
		for (; n < run_count[set]; n++)
			(void)fputc(',', file);
	}
}

static void record(const char *folders)
{
	AUTO(free_ptr) char *copy = xstrdup(folders);
	struct gathered sets[SETS] = {{0}, {0}};
	struct err err = ERR_INIT;
	FILE *file = fopen(FILE_NAME, "w");

	assert_non_null(file);
	for (int set = 0; set < SETS; set++) {
		char *folder = strtok(set ? NULL : copy, " ");
		assert_non_null(folder);
		if (gather(&folder, 1, NULL, &sets[set], &err))
			fail_msg("%s", err.text);
		size_t most = 0;
		for (size_t i = 0; i < sets[set].count; i++) {
			size_t n = 0;
			for (size_t j = 0; j < sets[set].count; j++)
				n += !strcmp(sets[set].runs[j].run.scenario,
					     sets[set].runs[i].run.scenario) &&
				     !sets[set].runs[j].run.excluded;
			most = n > most ? n : most;
			if (sets[set].runs[i].run.excluded)
				print_message("  left out: %s: %s\n", sets[set].runs[i].path,
					sets[set].runs[i].run.excluded);
		}
		run_count[set] = most;
	}
	(void)fputs("scenario,kind,key,tenant,metric,unit,from_s,to_s,least,resolution", file);
	for (int set = 0; set < SETS; set++)
		for (size_t i = 0; i < run_count[set]; i++)
			(void)fprintf(file, ",%c%02zu", "AV"[set], i + 1);
	(void)fputc('\n', file);
	for (size_t i = 0; i < sets[0].count; i++) {
		const struct compare_run *run = &sets[0].runs[i].run;
		bool first = !run->excluded;
		for (size_t j = 0; j < i; j++)
			first = first && (sets[0].runs[j].run.excluded ||
						 strcmp(sets[0].runs[j].run.scenario, run->scenario) != 0);
		for (size_t k = 0; first && k < run->count; k++) {
			put_key(file, run, &run->values[k]);
			put_values(file, sets, run->scenario, run->values[k].key);
			(void)fputc('\n', file);
		}
	}
	assert_int_equal(fclose(file), 0);
	gathered_release(&sets[0]);
	gathered_release(&sets[1]);
}

static void add_value(
	struct recorded *recorded, int set, size_t index, const struct compare_value *about, double value)
{
	struct compare_run *run = &recorded->runs[set][index];

	run->values = xgrow(run->values, run->count, &recorded->capacity[set][index], sizeof(*run->values));
	run->values[run->count] = *about;
	run->values[run->count].key = xstrdup(about->key);
	run->values[run->count].tenant = xstrdup(about->tenant);
	run->values[run->count].metric = xstrdup(about->metric);
	run->values[run->count++].value = value;
}

static struct recorded *find_scenario(const char *name)
{
	for (size_t i = 0; i < scenario_count; i++)
		if (!strcmp(all[i].scenario, name))
			return &all[i];
	struct recorded *recorded = &all[scenario_count++];
	assert_true(scenario_count <= SCENARIOS_MAX);
	recorded->scenario = xstrdup(name);
	for (int set = 0; set < SETS; set++)
		for (size_t i = 0; i < run_count[set]; i++)
			recorded->runs[set][i] =
				(struct compare_run){.path = xasprintf("%s/%c%02zu", name, "AV"[set], i + 1),
					.scenario = xstrdup(name),
					.plan = xstrdup(""),
					/* In the order of time. */
					.started_utc = xasprintf("%02zu", i + 1),
					.curve_metric = xstrdup("")};
	return recorded;
}

/* Units are static texts elsewhere. */
static const char *keep_unit(const char *text)
{
	static const char *const units[] = {
		"%", "Mbit/s", "MiB/s", "MiB", "1/s", "s", "ms", "B", "CPU", "of the runs", ""};

	for (size_t i = 0; i < ARRAY_SIZE(units); i++)
		if (!strcmp(units[i], text))
			return units[i];
	fail_msg("unit '%s'", text);
	return NULL;
}

static int read_row(void *user, const struct csv_row *row, struct err *err)
{
	double numbers[4], value;

	(void)user;
	(void)err;
	if (row->line == 1) {
		for (size_t i = FIXED_COLUMNS; i < row->count; i++)
			run_count[row->fields[i][0] == 'V']++;
		assert_true(run_count[0] <= RUNS_MAX && run_count[1] <= RUNS_MAX);
		return 0;
	}
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		assert_true(csvfile_number(row->fields[6 + i], &numbers[i]));
	struct compare_value about = {.key = row->fields[2],
		.kind = !strcmp(row->fields[1], "metric")   ? COMPARE_METRIC
			: !strcmp(row->fields[1], "passed") ? COMPARE_PASSED
							    : COMPARE_EXPECTATION,
		.tenant = row->fields[3],
		.metric = row->fields[4],
		.unit = keep_unit(row->fields[5]),
		.from_s = numbers[0],
		.to_s = numbers[1],
		.least = numbers[2],
		.resolution = numbers[3]};
	struct recorded *recorded = find_scenario(row->fields[0]);
	for (size_t i = FIXED_COLUMNS; i < row->count; i++) {
		bool variant = i - FIXED_COLUMNS >= run_count[0];
		assert_true(csvfile_number(row->fields[i], &value));
		add_value(recorded, variant, i - FIXED_COLUMNS - (variant ? run_count[0] : 0), &about, value);
	}
	return 0;
}

/* Runs of a scenario that was recorded less often have no value at all. */
static size_t usable(const struct recorded *recorded, int set, const struct compare_run **ret_runs)
{
	size_t count = 0;

	for (size_t i = 0; i < run_count[set]; i++) {
		bool any = false;
		for (size_t k = 0; k < recorded->runs[set][i].count && !any; k++)
			any = !isnan(recorded->runs[set][i].values[k].value);
		if (any)
			ret_runs[count++] = &recorded->runs[set][i];
	}
	return count;
}

/* ---- what it says ---- */

static const struct compare_options defaults = {.floor = COMPARE_FLOOR_DEFAULT, .seed = COMPARE_SEED_DEFAULT};

static void compare(const struct compare_run *const *a, size_t a_count, const struct compare_run *const *b,
	size_t b_count, struct comparison *ret_comparison)
{
	const struct compare_group groups[] = {{"A", a, a_count}, {"B", b, b_count}};
	struct err err = ERR_INIT;

	if (compare_groups(groups, 2, &defaults, ret_comparison, &err))
		fail_msg("%s", err.text);
}

static void print_changed(const struct comparison *comparison)
{
	const struct compare_part *part = &comparison->pairs[0].parts[0];

	for (size_t i = 0; i < part->count; i++)
		if (part->rows[i].verdict == COMPARE_CHANGED)
			print_message("    %s: %.4g to %.4g %s, %+.1f %% (%.1f .. %.1f), p %.4f\n",
				part->rows[i].about->key, part->rows[i].median[0], part->rows[i].median[1],
				part->rows[i].about->unit, 100 * part->rows[i].change,
				100 * part->rows[i].low, 100 * part->rows[i].high, part->rows[i].p_corrected);
}

/* A against A: every disjoint comparison, every split in the order of time, and most at random. */
static void test_no_false_alarm(void **state)
{
	size_t pairs = 0, trials = 0, alarms = 0;

	(void)state;
	assert_int_equal(scenario_count, 4);
	for (size_t i = 0; i < scenario_count; i++) {
		const struct compare_run *runs[RUNS_MAX];
		struct compare_self self;
		struct err err = ERR_INIT;
		size_t count = usable(&all[i], 0, runs);
		if (compare_self(runs, count, &defaults, &self, &err))
			fail_msg("%s", err.text);
		print_message(
			"  %s: %zu runs; alarms: %zu of %zu disjoint, %zu of %zu in time, %zu of %zu shuffled\n",
			all[i].scenario, count, self.disjoint_alarms, self.disjoint, self.in_time_alarms,
			self.in_time, self.shuffled_alarms, self.shuffled);
		assert_true(self.disjoint > 0);
		assert_int_equal(self.disjoint_alarms, 0);
		assert_int_equal(compare_self_exit_code(&self), 0);
		pairs += count / 2;
		trials += self.disjoint;
		alarms += self.disjoint_alarms;
		compare_self_release(&self);
	}
	print_message(
		"  %zu pairs of runs; %zu of %zu disjoint comparisons raise an alarm, the rate is below %.0f %%\n",
		pairs, alarms, trials, 100 * compare_self_rate_below(alarms, trials));
	assert_true(pairs >= PAIRS_WANTED);
}

static size_t present(const struct compare_run *const *runs, size_t count, size_t row)
{
	size_t n = 0;

	for (size_t i = 0; i < count; i++)
		n += isnan(runs[i]->values[row].value) ? 0 : 1;
	return n;
}

/* From run to run, as a part of the median. */
static double scatter(const struct compare_run *const *runs, size_t count, size_t row)
{
	double values[RUNS_MAX];
	size_t n = 0;

	for (size_t i = 0; i < count; i++)
		if (!isnan(runs[i]->values[row].value))
			values[n++] = runs[i]->values[row].value;
	return stats_standard_deviation(values, n) / fmax(fabs(stats_median(values, n)), 1e-12);
}

/*
 * The runs in turn, one expectation of the second half a tenth larger: found wherever runs scatter by no more than QUIET, and where they
 * do more it is never said to be the same.
 */
static void test_a_tenth_put_in(void **state)
{
	size_t tried = 0, found = 0, quiet = 0;

	(void)state;
	for (size_t i = 0; i < scenario_count; i++) {
		const struct compare_run *runs[RUNS_MAX], *halves[SETS][RUNS_MAX];
		size_t count = usable(&all[i], 0, runs), half = count / 2;
		if (count < compare_self_least_runs())
			continue;
		for (size_t k = 0; k < 2 * half; k++)
			halves[k % 2][k / 2] = runs[k];
		for (size_t row = 0; row < runs[0]->count; row++) {
			const struct compare_value *about = &runs[0]->values[row];
			AUTO(comparison) struct comparison comparison = {0};
			/* A tenth of a settling time is less than a sample tells; a stretch that is not there has no tenth. */
			if (about->kind != COMPARE_EXPECTATION || !strcmp(about->unit, "s"))
				continue;
			/* Where it was inconclusive in some runs, too few may be left. */
			if (present(halves[0], half, row) < compare_self_least_runs() / 2 ||
				present(halves[1], half, row) < compare_self_least_runs() / 2)
				continue;
			for (size_t k = 0; k < half; k++)
				halves[1][k]->values[row].value *= 1.1;
			compare(halves[0], half, halves[1], half, &comparison);
			for (size_t k = 0; k < half; k++)
				halves[1][k]->values[row].value /= 1.1;
			const struct compare_part *part = &comparison.pairs[0].parts[0];
			bool seen = false, same = false;
			for (size_t k = 0; k < part->count; k++) {
				if (strcmp(part->rows[k].about->key, about->key) != 0)
					continue;
				seen = part->rows[k].verdict == COMPARE_CHANGED;
				same = part->rows[k].verdict == COMPARE_SAME;
			}
			double scattered = scatter(runs, count, row);
			tried++;
			found += seen;
			quiet += scattered <= QUIET;
			if (same || (!seen && scattered <= QUIET))
				fail_msg("not found: %s, %s, which scatters by %.2f %%", all[i].scenario,
					about->key, 100 * scattered);
			if (!seen)
				print_message("  left open: %s, %s, which scatters by %.2f %%\n",
					all[i].scenario, about->key, 100 * scattered);
			else if (comparison.verdict != COMPARE_CHANGED ||
				 comparison_exit_code(&comparison) != 1)
				fail_msg("%s: found, and the verdict is %s", about->key,
					compare_verdict_name(comparison.verdict));
		}
	}
	print_message(
		"  %zu of %zu changes of a tenth were found, %zu of them in what scatters by no more than %.1f %%\n",
		found, tried, quiet, 100 * QUIET);
	assert_true(quiet >= tried / 2);
}

/* What a tenth of a limit really does. */
static void test_a_tenth_for_real(void **state)
{
	static const struct {
		const char *scenario, *key;
		double change, within;
	} expected[] = {
		/* cpu.shares 4096 -> 4506: blue's 1/5 is 1024/5530 now. */
		{"smoke-cpu", "share cpu blue 8s-14s", 0.1852 / 0.2 - 1, 0.02},
		/* net.rate 2 -> 1.8 Mbit/s of a tenant that has nothing but that. */
		{"smoke-net", "share net blue 9s-14s", -0.1, 0.03},
		/* disk.weight 500 -> 550: 5 to 5.5. */
		{"smoke-disk", "ratio disk red over blue 14s-22s", 0.1, 0.03},
		/* memory.hard 250 -> 225 MiB. */
		{"smoke-memory", "blue mem_mib 8-11 s", -0.1, 0.01},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
		const struct compare_run *a[RUNS_MAX], *b[RUNS_MAX];
		AUTO(comparison) struct comparison comparison = {0};
		struct recorded *recorded = find_scenario(expected[i].scenario);
		size_t a_count = usable(recorded, 0, a), b_count = usable(recorded, 1, b);
		print_message("  %s: %zu against %zu\n", recorded->scenario, a_count, b_count);
		compare(a, a_count, b, b_count, &comparison);
		print_changed(&comparison);
		assert_int_equal(comparison.verdict, COMPARE_CHANGED);
		const struct compare_part *part = &comparison.pairs[0].parts[0];
		bool found = false;
		for (size_t k = 0; k < part->count; k++) {
			const struct compare_row *row = &part->rows[k];
			if (strcmp(row->about->key, expected[i].key) != 0)
				continue;
			found = row->verdict == COMPARE_CHANGED &&
				fabs(row->change - expected[i].change) <= expected[i].within;
			if (!found)
				fail_msg("%s: %s, %+.3f, not %+.3f", expected[i].key,
					compare_verdict_name(row->verdict), row->change, expected[i].change);
		}
		assert_true(found);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_false_alarm),
		cmocka_unit_test(test_a_tenth_put_in),
		cmocka_unit_test(test_a_tenth_for_real),
	};
	const char *folders = getenv("LIMITLAB_RECORD");
	struct err err = ERR_INIT;

	if (folders)
		record(folders);
	run_count[0] = run_count[1] = 0;
	if (csvfile_read(FILE_NAME, read_row, NULL, &err)) {
		print_error("%s\n", err.text);
		return 1;
	}
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	for (size_t i = 0; i < scenario_count; i++) {
		for (int set = 0; set < SETS; set++)
			for (size_t k = 0; k < run_count[set]; k++)
				compare_run_release(&all[i].runs[set][k]);
		free(all[i].scenario);
	}
	return failed;
}
