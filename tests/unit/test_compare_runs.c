/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Comparison of whole run directories: pairs of sets without any difference, sets with a change put in, and directories
 * that somebody damaged.
 */
#include "made_shares.h"

#include <unistd.h>

#include "cmd/gather.h"
#include "judge/compare.h"

#define PAIRS 20
#define RUNS  5
/* Relative standard deviations from run to run and from row to row; the rows of the kept run of cpu-shares have 0.016. */
#define RUN_NOISE 0.005
#define ROW_NOISE 0.02

static char scratch[] = "/tmp/limitlab-compare-XXXXXX";

static int setup(void **state)
{
	(void)state;
	return mkdtemp(scratch) ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	return fsio_remove_tree(scratch, NULL);
}

static char *make_set(const char *name, size_t runs, const struct made_shares *like)
{
	char *set = xasprintf("%s/%s", scratch, name);
	struct made_shares shares = *like;

	for (size_t i = 0; i < runs; i++) {
		AUTO(free_ptr) char *run = xasprintf("%s/run-%02zu", set, i);
		shares.seed = like->seed + i;
		made_shares_write(run, &shares);
	}
	return set;
}

static void compare_sets(
	char *a, char *b, size_t use, struct comparison *comparison, struct gathered *gathered)
{
	char *const arguments[] = {a, b};
	const struct compare_options options = {.floor = COMPARE_FLOOR_DEFAULT, .seed = COMPARE_SEED_DEFAULT};
	const struct compare_run *runs[2][64];
	size_t counts[2] = {0};
	struct err err = ERR_INIT;

	if (gather(arguments, 2, NULL, gathered, &err))
		fail_msg("%s", err.text);
	for (size_t i = 0; i < gathered->count; i++) {
		size_t g = gathered->runs[i].argument;
		if (counts[g] < use)
			runs[g][counts[g]++] = &gathered->runs[i].run;
	}
	const struct compare_group groups[] = {{"a", runs[0], counts[0]}, {"b", runs[1], counts[1]}};
	if (compare_groups(groups, 2, &options, comparison, &err))
		fail_msg("%s", err.text);
}

static const struct compare_row *find_row(const struct comparison *comparison, const char *key)
{
	const struct compare_part *part = &comparison->pairs[0].parts[0];

	for (size_t i = 0; i < part->count; i++)
		if (!strcmp(part->rows[i].about->key, key))
			return &part->rows[i];
	fail_msg("there is no row '%s'", key);
	return NULL;
}

/* What a failing test needs to say. */
static void print_rows(const struct comparison *comparison, size_t pair)
{
	const struct compare_part *part = &comparison->pairs[0].parts[0];

	for (size_t i = 0; i < part->count; i++) {
		const struct compare_row *row = &part->rows[i];
		if (row->verdict == COMPARE_CHANGED ||
			(row->verdict == COMPARE_UNDECIDED && row->about->kind != COMPARE_METRIC))
			print_message("# pair %zu: %s %s: %.3f and %.3f, %+.1f %% [%.1f, %.1f], p %.4f\n",
				pair, row->about->key, compare_verdict_name(row->verdict), row->median[0],
				row->median[1], 100 * row->change, 100 * row->low, 100 * row->high,
				row->p_corrected);
	}
}

/* A against A at the defaults: twenty pairs of sets, no alarm. */
static void test_no_false_alarm(void **state)
{
	size_t alarms = 0, undecided = 0;

	(void)state;
	for (size_t pair = 0; pair < PAIRS; pair++) {
		AUTO(gathered) struct gathered gathered = {0};
		AUTO(comparison) struct comparison comparison = {0};
		struct made_shares like = {.run_noise = RUN_NOISE, .row_noise = ROW_NOISE};
		AUTO(free_ptr) char *first = xasprintf("a-%zu", pair);
		AUTO(free_ptr) char *second = xasprintf("b-%zu", pair);
		like.seed = 1000 * pair + 1;
		AUTO(free_ptr) char *a = make_set(first, RUNS, &like);
		like.seed += 500;
		AUTO(free_ptr) char *b = make_set(second, RUNS, &like);
		compare_sets(a, b, RUNS, &comparison, &gathered);
		alarms += comparison.verdict == COMPARE_CHANGED;
		undecided += comparison.verdict == COMPARE_UNDECIDED;
		if (comparison.verdict != COMPARE_SAME)
			print_rows(&comparison, pair);
	}
	print_message("# %d pairs of %d against %d runs: %zu alarms, %zu undecided\n", PAIRS, RUNS, RUNS,
		alarms, undecided);
	assert_int_equal(alarms, 0);
	/* Else the comparison would be silent because it sees nothing. */
	assert_true(undecided <= PAIRS / 4);
}

/* A change of 10 % in what red gets after the event: found by five against five in every pair, and where it is. */
static void test_finds_ten_percent(void **state)
{
	size_t found[RUNS + 1] = {0};

	(void)state;
	for (size_t pair = 0; pair < PAIRS; pair++) {
		struct made_shares like = {.run_noise = RUN_NOISE, .row_noise = ROW_NOISE};
		AUTO(free_ptr) char *name = xasprintf("a-%zu", pair), *changed = xasprintf("c-%zu", pair);
		AUTO(free_ptr) char *a = xasprintf("%s/%s", scratch, name);
		like.seed = 1000 * pair + 700;
		like.red_times = 1.1;
		AUTO(free_ptr) char *c = make_set(changed, RUNS, &like);
		for (size_t use = 4; use <= RUNS; use++) {
			AUTO(gathered) struct gathered gathered = {0};
			AUTO(comparison) struct comparison comparison = {0};
			compare_sets(a, c, use, &comparison, &gathered);
			const struct compare_row *row = find_row(&comparison, "red after");
			found[use] +=
				row->verdict == COMPARE_CHANGED && comparison_exit_code(&comparison) == 1;
			assert_true(row->change > 0.07 && row->change < 0.13);
			assert_true(find_row(&comparison, "red before")->verdict != COMPARE_CHANGED);
			assert_true(find_row(&comparison, "red settles")->verdict != COMPARE_CHANGED);
			if (use == RUNS)
				assert_true(find_row(&comparison, "red cpu_share_pct 4-8 s")->verdict ==
					    COMPARE_CHANGED);
		}
	}
	print_message(
		"# a change of 10 %%: found in %zu of %d pairs by 4 against 4 runs, in %zu by 5 against 5\n",
		found[4], PAIRS, found[5]);
	assert_int_equal(found[5], PAIRS);
}

/* The numbers are those that one gets by hand: the mean of the rows of series.csv in the window, end included. */
static void test_metric_by_hand(void **state)
{
	AUTO(free_ptr) char *set = make_set("hand", 1, &(struct made_shares){.seed = 5, .row_noise = 0.1});
	AUTO(gathered) struct gathered gathered = {0};
	AUTO(free_ptr) char *path = xasprintf("%s/run-00/" RUNDIR_SAMPLES, set);
	struct table samples;
	double before[2] = {NAN, NAN}, sum = 0;
	size_t count = 0;

	(void)state;
	assert_int_equal(gather((char *const[]){set}, 1, NULL, &gathered, NULL), 0);
	assert_int_equal(table_read_csv(&samples, path, NULL), 0);
	for (size_t row = 0; row < samples.row_count; row++) {
		if (strcmp(samples.tenants[samples.tenant[row]], "red") != 0)
			continue;
		double used = samples.cells[row * samples.column_count + 1];
		if (samples.t_s[row] > 5 && samples.t_s[row] <= 8) {
			sum += 100 * (used - before[0]) / 1e9 / (samples.t_s[row] - before[1]);
			count++;
		}
		before[0] = used;
		before[1] = samples.t_s[row];
	}
	table_release(&samples);
	const struct compare_run *run = &gathered.runs[0].run;
	for (size_t i = 0; i < run->count; i++) {
		if (strcmp(run->values[i].key, "red cpu_share_pct 5-8 s") != 0)
			continue;
		print_message("# %.9f, by hand %.9f of %zu rows\n", run->values[i].value, sum / (double)count,
			count);
		assert_true(fabs(run->values[i].value - sum / (double)count) < 1e-9);
		return;
	}
	fail_msg("there is no such row");
}

/* ---- damage -------------------------------------------------------------------------------------------------------- */

static void replace(char **text, const char *from, const char *to)
{
	char *at = strstr(*text, from);

	if (!at)
		fail_msg("there is no '%s' to replace", from);
	char *result = xasprintf("%.*s%s%s", (int)(at - *text), *text, to, at + strlen(from));
	free(*text);
	*text = result;
}

struct damage {
	const char *name;
	const char *file;
	const char *from, *to; /* first occurrence; from NULL: `keep` bytes are kept */
	double keep;           /* part of the file */
	bool remove;
	const char *error;    /* part of the message, after the run's path; NULL: no error */
	const char *excluded; /* part of why it does not count */
};

static const struct damage damages[] = {
	{.name = "no manifest",
		.file = RUNDIR_MANIFEST,
		.remove = true,
		.error = "' is a run without its manifest.json"},
	{.name = "another format version",
		.file = RUNDIR_MANIFEST,
		.from = "\"format_version\": 1",
		.to = "\"format_version\": 2",
		.error = "/manifest.json: format_version is 2, this limitlab reads 1"},
	{.name = "half a manifest", .file = RUNDIR_MANIFEST, .keep = 0.5, .error = "/manifest.json:"},
	{.name = "an empty manifest", .file = RUNDIR_MANIFEST, .keep = 0, .error = "/manifest.json:1:1: "},
	{.name = "a state that nobody knows",
		.file = RUNDIR_MANIFEST,
		.from = "\"complete\"",
		.to = "\"done\"",
		.error = "/manifest.json: state is 'done'"},
	{.name = "NaN in the manifest",
		.file = RUNDIR_MANIFEST,
		.from = "\"sample_interval_s\": 0.2",
		.to = "\"sample_interval_s\": NaN",
		.error = "/manifest.json:"},
	{.name = "a run that is still going on",
		.file = RUNDIR_MANIFEST,
		.from = "\"complete\"",
		.to = "\"running\"",
		.excluded = "it is still running, or was killed"},
	{.name = "a broken run",
		.file = RUNDIR_MANIFEST,
		.from = "\"complete\"",
		.to = "\"broken\"",
		.excluded = "it is broken"},
	{.name = "a workload that did not work",
		.file = RUNDIR_MANIFEST,
		.from = "\"worked\": true",
		.to = "\"worked\": false",
		.excluded = "did no work"},
	{.name = "samples cut off in a row",
		.file = RUNDIR_SAMPLES,
		.keep = 0.503,
		.error = "/samples.csv:7"},
	{.name = "samples cut off to nothing",
		.file = RUNDIR_SAMPLES,
		.keep = 0,
		.error = "/samples.csv:1: an empty file"},
	{.name = "NaN in the samples",
		.file = RUNDIR_SAMPLES,
		.from = "\n0.000100,red,",
		.to = "\n0.000100,red,nan",
		.error = "/samples.csv:18: cpu_usage_ns is 'nan"},
	{.name = "words in the samples",
		.file = RUNDIR_SAMPLES,
		.from = "\n0.000100,red,",
		.to = "\n0.000100,red,a lot ",
		.error = "/samples.csv:18: cpu_usage_ns is 'a lot "},
	{.name = "time runs backwards",
		.file = RUNDIR_SAMPLES,
		.from = "\n0.200100,blue",
		.to = "\n0.000099,blue",
		.error = "/samples.csv:20: time runs backwards, from 0.000100 to 0.000099"},
	{.name = "a field too many",
		.file = RUNDIR_SAMPLES,
		.from = "\n0.000100,red,",
		.to = "\n0.000100,red,1,",
		.error = "/samples.csv:18: 10 fields where the header has 9"},
	{.name = "a header that is none",
		.file = RUNDIR_SAMPLES,
		.from = "t_s,tenant",
		.to = "time,tenant",
		.error = "/samples.csv:1: the header must begin with 't_s,tenant'"},
	{.name = "no samples and no series",
		.file = RUNDIR_SAMPLES,
		.remove = true,
		.error = "has neither samples.csv nor series.csv"},
	{.name = "an event in words",
		.file = RUNDIR_EVENTS,
		.from = "4.000000,",
		.to = "four,",
		.error = "/events.csv:4: "},
	{.name = "no log of events", .file = RUNDIR_EVENTS, .remove = true, .error = "/events.csv"},
	{.name = "no scenario", .file = RUNDIR_SCENARIO, .remove = true, .error = "/scenario.yaml"},
	{.name = "a window without a length",
		.file = RUNDIR_SCENARIO,
		.from = "[5s, 8s]",
		.to = "[5s, 5s]",
		.error = "/scenario.yaml:13:"},
	{.name = "a scenario with another tolerance is another one",
		.file = RUNDIR_SCENARIO,
		.from = "within: 9%",
		.to = "within: 8%",
		.error = " are not runs of the same scenario"},
	{.name = "no damage", .file = RUNDIR_SCENARIO, .from = "made up", .to = "made up"},
};

static void damage_file(const char *run, const struct damage *damage)
{
	AUTO(free_ptr) char *path = rundir_path(run, damage->file);
	AUTO(buf) struct buf text = BUF_INIT;

	if (damage->remove) {
		assert_int_equal(unlink(path), 0);
		return;
	}
	assert_int_equal(fsio_read_file(path, 1 << 24, &text, NULL), 0);
	size_t length = (size_t)(damage->keep * (double)text.length);
	if (damage->from) {
		replace(&text.data, damage->from, damage->to);
		length = strlen(text.data);
	}
	assert_int_equal(fsio_write_atomic(path, text.data, length, NULL), 0);
}

static void test_damage(void **state)
{
	const struct compare_options options = {.floor = COMPARE_FLOOR_DEFAULT, .seed = COMPARE_SEED_DEFAULT};
	bool right = true;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(damages); i++) {
		const struct damage *damage = &damages[i];
		AUTO(gathered) struct gathered gathered = {0};
		AUTO(comparison) struct comparison comparison = {0};
		AUTO(free_ptr) char *name = xasprintf("damage-%zu", i);
		AUTO(free_ptr)
		char *set = make_set(name, 4, &(struct made_shares){.seed = 9, .row_noise = 0.01});
		AUTO(free_ptr) char *run = xasprintf("%s/run-01", set);
		struct err err = ERR_INIT;

		damage_file(run, damage);
		int result = gather((char *const[]){set}, 1, NULL, &gathered, &err);
		if (!result) {
			const struct compare_run *runs[] = {&gathered.runs[0].run, &gathered.runs[1].run,
				&gathered.runs[2].run, &gathered.runs[3].run};
			const struct compare_group groups[] = {{"a", runs, 2}, {"b", runs + 2, 2}};
			result = compare_groups(groups, 2, &options, &comparison, &err);
		}
		const char *excluded = result ? NULL : gathered.runs[1].run.excluded;
		bool good = damage->error ? result && strstr(err.text, damage->error) &&
						    strstr(err.text, run) && err_exit_code(&err) != 0
					  : !result && !damage->excluded == !excluded &&
						    (!excluded || strstr(excluded, damage->excluded));
		print_message("# %s%s: %s\n", good ? "" : "WRONG: ", damage->name,
			result     ? err.text
			: excluded ? excluded
				   : "taken");
		right = right && good;
	}
	assert_true(right);
}

/* Rows that are gone leave no half of a mean behind. */
static void test_cut_at_a_row(void **state)
{
	AUTO(free_ptr) char *set = make_set("cut", 1, &(struct made_shares){.seed = 3, .row_noise = 0.01});
	AUTO(free_ptr) char *path = xasprintf("%s/run-00/" RUNDIR_SAMPLES, set);
	AUTO(gathered) struct gathered gathered = {0};
	AUTO(buf) struct buf text = BUF_INIT;
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(fsio_read_file(path, 1 << 24, &text, NULL), 0);
	char *at = strstr(text.data, "\n6.000100,blue");
	assert_non_null(at);
	assert_int_equal(fsio_write_atomic(path, text.data, (size_t)(at + 1 - text.data), NULL), 0);
	if (gather((char *const[]){set}, 1, NULL, &gathered, &err))
		fail_msg("%s", err.text);
	const struct compare_run *run = &gathered.runs[0].run;
	size_t known = 0, missing = 0;
	for (size_t i = 0; i < run->count; i++) {
		bool late = run->values[i].to_s > 6;
		if (run->values[i].kind != COMPARE_METRIC && !strcmp(run->values[i].metric, "settles"))
			continue;
		if (late != (bool)isnan(run->values[i].value))
			fail_msg("%s is %g", run->values[i].key, run->values[i].value);
		known += !late;
		missing += late;
	}
	assert_true(known > 5 && missing > 5);
}

static void test_gather_refuses(void **state)
{
	AUTO(free_ptr) char *set = make_set("refuse", 2, &(struct made_shares){.seed = 3});
	AUTO(free_ptr)
	char *run = xasprintf("%s/run-00", set), *file = xasprintf("%s/run-00/manifest.json", set);
	AUTO(free_ptr)
	char *empty = xasprintf("%s/empty", scratch), *nowhere = xasprintf("%s/nowhere", scratch);
	AUTO(free_ptr) char *link = xasprintf("%s/link", scratch);
	const struct {
		char *arguments[2];
		const char *field, *error;
	} cases[] = {
		{{set, run}, NULL, "run-00' is there twice: a run counts once"},
		{{set, link}, NULL, "is there twice (also as '"},
		{{file, NULL}, NULL, "is a file, not the directory of a run"},
		{{empty, NULL}, NULL, "there is no run in '"},
		{{nowhere, NULL}, NULL, "there is no '"},
		{{set, NULL}, "boot_s", "runs cannot be grouped by 'boot_s'; fields are scenario_name, "},
	};

	(void)state;
	assert_int_equal(fsio_make_dirs(empty, NULL), 0);
	assert_int_equal(symlink(run, link), 0);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(gathered) struct gathered gathered = {0};
		struct err err = ERR_INIT;
		assert_int_equal(gather(cases[i].arguments, cases[i].arguments[1] ? 2 : 1, cases[i].field,
					 &gathered, &err),
			-1);
		print_message("# %s\n", err.text);
		assert_int_equal(err.domain, ERR_INPUT);
		assert_non_null(strstr(err.text, cases[i].error));
	}
	AUTO(gathered) struct gathered gathered = {0};
	assert_int_equal(gather(&set, 1, "kernel", &gathered, NULL), 0);
	assert_string_equal(gathered.runs[1].field, "6.1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_false_alarm),
		cmocka_unit_test(test_finds_ten_percent),
		cmocka_unit_test(test_metric_by_hand),
		cmocka_unit_test(test_damage),
		cmocka_unit_test(test_cut_at_a_row),
		cmocka_unit_test(test_gather_refuses),
	};

	return cmocka_run_group_tests_name("compare_runs", tests, setup, teardown);
}
