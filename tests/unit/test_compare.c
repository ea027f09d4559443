/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Comparison of numbers made up by hand, row by row: what is changed, the same, undecided, refused. */
#include "made_run.h"

#include "cmd/compare_table.h"
#include "cmd/options.h"
#include "cmd/text.h"
#include "judge/compare.h"
#include "judge/compare_files.h"
#include "judge/compare_self.h"

#define RUNS_MAX 40

#define NONE ((double)NAN)

struct row_case {
	const char *name;
	double a[RUNS_MAX], b[RUNS_MAX];
	size_t runs[2];
	enum compare_verdict verdict;
	int exit_code;
	double change; /* within 1 % of itself, or 0.001 */
	double least, resolution;
	const char *unit; /* NULL: "%" */
	enum compare_kind kind;
	size_t needed; /* 0: whatever */
};

static const struct row_case row_cases[] = {
	{.name = "a tenth more",
		.a = {50, 50.1, 49.9, 50.2, 49.8},
		.b = {55, 55.1, 54.9, 55.2, 54.8},
		.runs = {5, 5},
		.verdict = COMPARE_CHANGED,
		.exit_code = 1,
		.change = 0.1},
	{.name = "four against four are enough for an expectation",
		.a = {50, 50.1, 49.9, 50.2},
		.b = {55, 55.1, 54.9, 55.2},
		.runs = {4, 4},
		.verdict = COMPARE_CHANGED,
		.exit_code = 1,
		.change = 0.1},
	{.name = "four against four are too few for a metric alone at its own level, not when it is all there is",
		.a = {50, 50.1, 49.9, 50.2},
		.b = {55, 55.1, 54.9, 55.2},
		.runs = {4, 4},
		.kind = COMPARE_METRIC,
		.verdict = COMPARE_CHANGED,
		.exit_code = 1,
		.change = 0.1},
	{.name = "three against three can decide nothing",
		.a = {50, 50.1, 49.9},
		.b = {75, 75.1, 74.9},
		.runs = {3, 3},
		.verdict = COMPARE_UNDECIDED,
		.exit_code = 3,
		.change = 0.5,
		.needed = 4},
	{.name = "one against one",
		.a = {50},
		.b = {50},
		.runs = {1, 1},
		.verdict = COMPARE_UNDECIDED,
		.exit_code = 3,
		.needed = 4},
	{.name = "clear, but below the floor",
		.a = {50, 50.01, 49.99, 50.02, 49.98},
		.b = {51, 51.01, 50.99, 51.02, 50.98},
		.runs = {5, 5},
		.verdict = COMPARE_SAME,
		.change = 0.02},
	{.name = "exactly alike",
		.a = {50, 50, 50, 50},
		.b = {50, 50, 50, 50},
		.runs = {4, 4},
		.verdict = COMPARE_SAME},
	{.name = "all zero", .a = {0, 0, 0, 0}, .b = {0, 0, 0, 0}, .runs = {4, 4}, .verdict = COMPARE_SAME},
	{.name = "noise as large as the change",
		.a = {40, 50, 60, 45, 55},
		.b = {44, 54, 66, 49, 60},
		.runs = {5, 5},
		.verdict = COMPARE_UNDECIDED,
		.exit_code = 3,
		.change = 0.08},
	{.name = "one run far off is no change",
		.a = {50, 50.1, 49.9, 50.2, 49.8},
		.b = {50, 50.1, 49.9, 50.2, 90},
		.runs = {5, 5},
		.verdict = COMPARE_UNDECIDED,
		.exit_code = 3,
		.change = 0.002},
	{.name = "twice nearly nothing is no change",
		.a = {0.1, 0.11, 0.09, 0.1, 0.1},
		.b = {0.2, 0.21, 0.19, 0.2, 0.2},
		.runs = {5, 5},
		.least = 10,
		.verdict = COMPARE_SAME,
		.change = 0.01},
	{.name = "a sample interval later is as good as the same",
		.a = {0.2, 0.2, 0.2, 0.2, 0.2},
		.b = {0.4, 0.4, 0.4, 0.4, 0.4},
		.runs = {5, 5},
		.unit = "s",
		.resolution = 0.2,
		.verdict = COMPARE_SAME,
		.change = 1},
	{.name = "two sample intervals later is a change",
		.a = {0.2, 0.2, 0.2, 0.2, 0.2},
		.b = {0.6, 0.6, 0.6, 0.6, 0.6},
		.runs = {5, 5},
		.unit = "s",
		.resolution = 0.2,
		.verdict = COMPARE_CHANGED,
		.exit_code = 1,
		.change = 2},
	{.name = "values that are missing do not count",
		.a = {50, 50.1, 49.9, 50.2, NONE},
		.b = {55, 55.1, NONE, 55.2, 54.8},
		.runs = {5, 5},
		.verdict = COMPARE_CHANGED,
		.exit_code = 1,
		.change = 0.1},
	{.name = "a group without any value is no silent pass",
		.a = {50, 50.1, 49.9, 50.2, 50},
		.b = {NONE, NONE, NONE, NONE, NONE},
		.runs = {5, 5},
		.verdict = COMPARE_UNDECIDED,
		.exit_code = 3,
		.change = NONE},
	{.name = "all met it, none does now",
		.a = {1, 1, 1, 1, 1},
		.b = {0, 0, 0, 0, 0},
		.runs = {5, 5},
		.kind = COMPARE_PASSED,
		.unit = "of the runs",
		.least = 1,
		.verdict = COMPARE_CHANGED,
		.exit_code = 1,
		.change = -1},
	{.name = "one did not meet it",
		.a = {1, 1, 1, 1, 1},
		.b = {1, 1, 1, 1, 0},
		.runs = {5, 5},
		.kind = COMPARE_PASSED,
		.unit = "of the runs",
		.least = 1,
		.verdict = COMPARE_UNDECIDED,
		.exit_code = 3,
		.change = -0.2},
	{.name = "negative values",
		.a = {-50, -50.1, -49.9, -50.2, -49.8},
		.b = {-55, -55.1, -54.9, -55.2, -54.8},
		.runs = {5, 5},
		.verdict = COMPARE_CHANGED,
		.exit_code = 1,
		.change = -0.1},
	{.name = "uneven groups",
		.a = {50, 50.1, 49.9, 50.2, 49.8, 50, 50.1},
		.b = {55, 55.1, 54.9},
		.runs = {7, 3},
		.verdict = COMPARE_CHANGED,
		.exit_code = 1,
		.change = 0.1},
};

/* One row; the strings are static. */
struct made_group {
	struct compare_run runs[RUNS_MAX];
	struct compare_value values[RUNS_MAX];
	const struct compare_run *pointers[RUNS_MAX];
	char paths[RUNS_MAX][24];
};

static struct compare_group make_group(struct made_group *group, const struct row_case *c, size_t g)
{
	for (size_t i = 0; i < c->runs[g]; i++) {
		(void)snprintf(group->paths[i], sizeof(group->paths[i]), "%c/%zu", "ab"[g], i);
		group->values[i] = (struct compare_value){.key = (char *)(uintptr_t) "the row",
			.kind = c->kind,
			.tenant = (char *)(uintptr_t) "red",
			.metric = (char *)(uintptr_t) "share",
			.to_s = 1,
			.unit = c->unit ? c->unit : "%",
			.least = c->least,
			.resolution = c->resolution,
			.value = g ? c->b[i] : c->a[i]};
		group->runs[i] = (struct compare_run){.path = group->paths[i],
			.scenario = (char *)(uintptr_t) "made",
			.plan = (char *)(uintptr_t) "a plan\n",
			.started_utc = group->paths[i],
			.values = &group->values[i],
			.count = 1};
		group->pointers[i] = &group->runs[i];
	}
	return (struct compare_group){
		.name = g ? "new" : "old", .runs = group->pointers, .count = c->runs[g]};
}

static const struct compare_options defaults = {.floor = COMPARE_FLOOR_DEFAULT, .seed = COMPARE_SEED_DEFAULT};

static void test_rows(void **state)
{
	bool right = true;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(row_cases); i++) {
		const struct row_case *c = &row_cases[i];
		struct made_group a, b;
		struct compare_group groups[] = {make_group(&a, c, 0), make_group(&b, c, 1)};
		struct comparison comparison;
		struct err err = ERR_INIT;

		if (compare_groups(groups, 2, &defaults, &comparison, &err))
			fail_msg("%s: %s", c->name, err.text);
		const struct compare_part *part = &comparison.pairs[0].parts[0];
		assert_int_equal(part->count, 1);
		const struct compare_row *row = &part->rows[0];
		bool change = isnan(c->change)
				      ? isnan(row->change)
				      : fabs(row->change - c->change) <= fmax(0.001, 0.01 * fabs(c->change));
		if (row->verdict != c->verdict || comparison_exit_code(&comparison) != c->exit_code ||
			!change || (c->needed && comparison.needed != c->needed)) {
			print_message("%s: %s, exit code %d, change %.4f [%.4f, %.4f], p %.4f, needed %zu\n",
				c->name, compare_verdict_name(row->verdict),
				comparison_exit_code(&comparison), row->change, row->low, row->high,
				row->p_corrected, comparison.needed);
			right = false;
		}
		comparison_release(&comparison);
	}
	assert_true(right);
}

/* The number that is said to be enough is enough: as many runs with the same noise decide. */
static void test_needed_is_enough(void **state)
{
	struct row_case c = {.a = {49, 51, 50, 48, 52}, .b = {50, 52, 51, 49, 53}, .runs = {5, 5}};
	struct made_group a, b;
	struct compare_group groups[] = {make_group(&a, &c, 0), make_group(&b, &c, 1)};
	struct comparison comparison;

	(void)state;
	assert_int_equal(compare_groups(groups, 2, &defaults, &comparison, NULL), 0);
	size_t needed = comparison.needed;
	assert_int_equal(comparison_exit_code(&comparison), 3);
	comparison_release(&comparison);
	print_message("# %zu needed\n", needed);
	assert_true(needed > 5 && needed <= RUNS_MAX);
	for (size_t i = 5; i < needed; i++) {
		c.a[i] = c.a[i % 5];
		c.b[i] = c.b[i % 5];
	}
	c.runs[0] = c.runs[1] = needed;
	groups[0] = make_group(&a, &c, 0);
	groups[1] = make_group(&b, &c, 1);
	assert_int_equal(compare_groups(groups, 2, &defaults, &comparison, NULL), 0);
	assert_int_equal(comparison_exit_code(&comparison), 0);
	comparison_release(&comparison);
}

static void test_refused(void **state)
{
	const struct row_case c = {.a = {1, 2}, .b = {1, 2}, .runs = {2, 2}};
	static const struct {
		const char *name, *scenario, *plan, *path, *error;
	} cases[] = {
		{"another scenario", "other", NULL, NULL, "group 'old' has no run of scenario 'other'"},
		{"another plan", NULL, "a plan\nwith more\n", NULL,
			"'nothing more', that of the second 'with more'"},
		{"the same run twice", NULL, NULL, "a/1", "'a/1' is there twice"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct made_group a, b;
		struct compare_group groups[] = {make_group(&a, &c, 0), make_group(&b, &c, 1)};
		struct comparison comparison;
		struct err err = ERR_INIT;

		if (cases[i].scenario)
			b.runs[0].scenario = (char *)(uintptr_t)cases[i].scenario;
		if (cases[i].plan)
			b.runs[1].plan = (char *)(uintptr_t)cases[i].plan;
		if (cases[i].path)
			b.runs[1].path = (char *)(uintptr_t)cases[i].path;
		assert_int_equal(compare_groups(groups, 2, &defaults, &comparison, &err), -1);
		print_message("# %s: %s\n", cases[i].name, err.text);
		assert_int_equal(err.domain, ERR_INPUT);
		assert_non_null(strstr(err.text, cases[i].error));
	}
}

/* Runs that do not count are counted, and too few that do are no silent pass. */
static void test_excluded(void **state)
{
	const struct row_case c = {
		.a = {50, 50.1, 49.9, 50.2, 49.8}, .b = {55, 55.1, 54.9, 55.2, 54.8}, .runs = {5, 5}};
	struct made_group a, b;
	struct compare_group groups[] = {make_group(&a, &c, 0), make_group(&b, &c, 1)};
	struct comparison comparison;
	AUTO(buf) struct buf text = BUF_INIT;

	(void)state;
	b.runs[0].excluded = b.runs[3].excluded = (char *)(uintptr_t) "it is broken: no power";
	assert_int_equal(compare_groups(groups, 2, &defaults, &comparison, NULL), 0);
	assert_int_equal(comparison.pairs[0].parts[0].runs[1], 3);
	assert_int_equal(comparison.pairs[0].parts[0].excluded[1], 2);
	compare_table(&comparison, groups, 2, 80, false, &text);
	assert_non_null(strstr(text.data, "excluded: b/3: it is broken: no power"));
	comparison_release(&comparison);
	for (size_t i = 0; i < 5; i++)
		b.runs[i].excluded = (char *)(uintptr_t) "it is broken";
	assert_int_equal(compare_groups(groups, 2, &defaults, &comparison, NULL), 0);
	assert_int_equal(comparison_exit_code(&comparison), 3);
	comparison_release(&comparison);
}

/* No line is wider than the terminal, whatever the names are, and there are no colours but where they are wanted. */
static void test_table_fits(void **state)
{
	static const char *const names[] = {"short",
		"a name that is as long as names of expectations may become",
		"0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"
		"0123456789012345678901234567890123456789"};
	static const size_t widths[] = {20, 80, 100, 120, 200};
	const struct row_case c = {
		.a = {5e8, 1e-3, 1e12, 1, 7}, .b = {55e8, -2, 99999, 0, 8e-9}, .runs = {5, 5}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names) * ARRAY_SIZE(widths) * 2; i++) {
		size_t width = widths[i / 2 % ARRAY_SIZE(widths)];
		struct made_group a, b;
		struct compare_group groups[] = {make_group(&a, &c, 0), make_group(&b, &c, 1)};
		struct comparison comparison;
		AUTO(buf) struct buf text = BUF_INIT;

		for (size_t run = 0; run < 5; run++)
			a.values[run].key = b.values[run].key =
				(char *)(uintptr_t)names[i / 2 / ARRAY_SIZE(widths)];
		assert_int_equal(compare_groups(groups, 2, &defaults, &comparison, NULL), 0);
		compare_table(&comparison, groups, 2, width, i % 2, &text);
		assert_true((strchr(text.data, '\033') != NULL) == (i % 2 == 1));
		for (const char *at = text.data; i % 2 == 0 && *at; at += strcspn(at, "\n") + 1)
			if (strcspn(at, "\n") > (width < 80 ? 80 : width))
				fail_msg("%zu columns for %zu: %.*s", strcspn(at, "\n"), width,
					(int)strcspn(at, "\n"), at);
		comparison_release(&comparison);
	}
}

static void test_markdown_escapes(void **state)
{
	const struct row_case c = {.a = {1, 2}, .b = {1, 2}, .runs = {2, 2}};
	struct made_group a, b;
	struct compare_group groups[] = {make_group(&a, &c, 0), make_group(&b, &c, 1)};
	struct comparison comparison;
	AUTO(buf) struct buf text = BUF_INIT;

	(void)state;
	for (size_t run = 0; run < 2; run++)
		a.values[run].key = b.values[run].key = (char *)(uintptr_t) "a|b*c\nd";
	assert_int_equal(compare_groups(groups, 2, &defaults, &comparison, NULL), 0);
	compare_markdown(&comparison, groups, 2, &text);
	assert_non_null(strstr(text.data, "| a\\|b\\*c d | 1.50 % |"));
	comparison_release(&comparison);
}

static void test_two_dashes(void **state)
{
	static const struct {
		const char *words[8];
		int first, count;
	} cases[] = {
		{{"compare", "a", "b", "--", "c"}, 2, 3},
		{{"compare", "--json", "a", "--", "b", "c"}, 1, 3},
		{{"compare", "a", "--json", "b", "--", "c"}, 2, 3},
		{{"compare", "a", "b", "--"}, 2, 2},
		{{"compare", "--", "a", "b"}, 0, 2},
		{{"compare", "a", "b"}, -1, 2},
		{{"compare", "a", "--", "--json", "--"}, 1, 3},
		{{"compare", "--csv", "--", "a", "b"}, -1, 2},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char *words[8];
		struct options options;
		struct err err = ERR_INIT;
		int count = 0;

		while (cases[i].words[count]) {
			words[count] = (char *)(uintptr_t)cases[i].words[count];
			count++;
		}
		words[count] = NULL;
		if (options_parse(count, words, &options, &err))
			fail_msg("case %zu: %s", i, err.text);
		print_message("# case %zu: %d of %d\n", i, options.first_count, options.arg_count);
		assert_int_equal(options.first_count, cases[i].first);
		assert_int_equal(options.arg_count, cases[i].count);
	}
}

static void test_self_needs_runs(void **state)
{
	const struct row_case c = {.a = {50, 50.1, 49.9, 50.2, 49.8, 50.3, 49.7, 50}, .runs = {8, 0}};
	struct made_group a;
	struct compare_self self;

	(void)state;
	(void)make_group(&a, &c, 0);
	assert_int_equal(compare_self(a.pointers, 7, &defaults, &self, NULL), 0);
	assert_int_equal(self.runs_needed, 8);
	assert_int_equal(compare_self_exit_code(&self), 3);
	compare_self_release(&self);
	assert_int_equal(compare_self(a.pointers, 8, &defaults, &self, NULL), 0);
	assert_int_equal(self.runs_needed, 0);
	assert_int_equal(self.in_time, 1);
	assert_int_equal(self.disjoint, 1);
	assert_int_equal(self.disjoint_size, 4);
	assert_int_equal(self.shuffled, COMPARE_SELF_SHUFFLES);
	assert_int_equal(compare_self_exit_code(&self), 0);
	print_message("# smallest change %.3f\n", self.rows[0].detectable);
	assert_true(self.rows[0].detectable > 0.05 && self.rows[0].detectable <= 0.1);
	compare_self_release(&self);
}

/* Where an expectation is not applicable another one stands in its place. */
static void test_self_by_key(void **state)
{
	const struct row_case c = {.a = {50, 50.1, 49.9, 50.2, 49.8, 50.3, 49.7, 50}, .runs = {8, 0}};
	struct compare_value values[8][2];
	struct made_group a;
	struct compare_self self;

	(void)state;
	(void)make_group(&a, &c, 0);
	for (size_t i = 0; i < 8; i++) {
		size_t at = i % 2;
		values[i][at] = values[i][!at] = a.values[i];
		values[i][!at].key = (char *)(uintptr_t) "the other row";
		values[i][!at].value *= 10;
		a.runs[i].values = values[i];
		a.runs[i].count = 2;
	}
	assert_int_equal(compare_self(a.pointers, 8, &defaults, &self, NULL), 0);
	assert_int_equal(self.count, 2);
	assert_true(self.rows[0].scatter < 0.01 && self.rows[1].scatter < 0.01);
	compare_self_release(&self);
}

/* Runs that get steadily more: halves in order of time differ, which is what the machine does to a comparison. */
static void test_self_sees_drift(void **state)
{
	const struct row_case c = {.a = {50, 55, 60, 65, 70, 75, 80, 85, 90, 95, 100, 105}, .runs = {12, 0}};
	struct made_group a;
	struct compare_self self;

	(void)state;
	(void)make_group(&a, &c, 0);
	for (size_t i = 0; i < 12; i++)
		(void)snprintf(a.paths[i], sizeof(a.paths[i]), "%02zu", i);
	assert_int_equal(compare_self(a.pointers, 12, &defaults, &self, NULL), 0);
	print_message("# in time %zu of %zu, at random %zu of %zu\n", self.in_time_alarms, self.in_time,
		self.shuffled_alarms, self.shuffled);
	assert_int_equal(self.in_time_alarms, self.in_time);
	assert_true(self.shuffled_alarms <= 10);
	assert_int_equal(compare_self_exit_code(&self), 1);
	/* In turn both halves drift alike. */
	assert_int_equal(self.disjoint, 1);
	assert_int_equal(self.disjoint_alarms, 0);
	compare_self_release(&self);
}

/* Clopper and Pearson: 1 - 0.05^(1/n) without any alarm (the "rule of three"), more with one. */
static void test_rate_of_alarms(void **state)
{
	static const struct {
		size_t alarms, trials;
		double below;
	} rows[] = {{0, 0, 1}, {0, 1, 0.95}, {0, 5, 0.4507}, {0, 59, 0.0495}, {1, 20, 0.2161}, {2, 2, 1}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		double below = compare_self_rate_below(rows[i].alarms, rows[i].trials);
		if (fabs(below - rows[i].below) > 1e-4)
			fail_msg("%zu of %zu: %g, not %g", rows[i].alarms, rows[i].trials, below,
				rows[i].below);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_rate_of_alarms),
		cmocka_unit_test(test_needed_is_enough),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_excluded),
		cmocka_unit_test(test_table_fits),
		cmocka_unit_test(test_markdown_escapes),
		cmocka_unit_test(test_two_dashes),
		cmocka_unit_test(test_self_needs_runs),
		cmocka_unit_test(test_self_by_key),
		cmocka_unit_test(test_self_sees_drift),
	};

	return cmocka_run_group_tests_name("compare", tests, NULL, NULL);
}
