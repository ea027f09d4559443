/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "judge/compare.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/buf.h"
#include "judge/compare_rows.h"
#include "series/permute.h"
#include "series/stats.h"

/* permute.h, soft: the part of the smallest change of interest. */
#define SOFT_PART 0.05

enum { FAMILY_EXPECTATIONS, FAMILY_METRICS, FAMILY_COUNT };

const char *compare_kind_name(enum compare_kind kind)
{
	static const char *const names[] = {
		[COMPARE_EXPECTATION] = "expectation",
		[COMPARE_PASSED] = "passed",
		[COMPARE_METRIC] = "metric",
	};

	return names[kind];
}

const char *compare_verdict_name(enum compare_verdict verdict)
{
	static const char *const names[] = {
		[COMPARE_SAME] = "same",
		[COMPARE_CHANGED] = "changed",
		[COMPARE_UNDECIDED] = "undecided",
	};

	return names[verdict];
}

char *compare_value_text(const char *unit, double value)
{
	if (isnan(value))
		return xstrdup("-");
	if (!strcmp(unit, "%"))
		return xasprintf("%.2f %%", value);
	if (!strcmp(unit, "s"))
		return xasprintf("%.3f s", value);
	if (!strcmp(unit, "of the runs"))
		return xasprintf("%.0f %%", 100 * value);
	return xasprintf("%.4g%s%s", value, *unit ? " " : "", unit);
}

static size_t family_of(const struct compare_value *about)
{
	return about->kind == COMPARE_METRIC ? FAMILY_METRICS : FAMILY_EXPECTATIONS;
}

/* All parts of a pair, so that a family is one whatever the number of scenarios. */
struct tests {
	struct permute_block *blocks;
	double **soft, **p, **corrected, **values;
	size_t count;
};

static void auto_tests(struct tests *tests)
{
	for (size_t i = 0; i < tests->count; i++) {
		free(tests->soft[i]);
		free(tests->p[i]);
		free(tests->corrected[i]);
		free(tests->values[i]);
	}
	free(tests->blocks);
	free(tests->soft);
	free(tests->p);
	free(tests->corrected);
	free(tests->values);
}

static void add_block(
	struct tests *tests, const struct compare_part *part, const struct drafts *drafts, size_t family)
{
	size_t runs = part->runs[0] + part->runs[1], i = tests->count++, rows = 0;
	struct permute_block *block = &tests->blocks[i];

	tests->values[i] = xcalloc(part->count * runs + 1, sizeof(double));
	tests->soft[i] = xcalloc(part->count + 1, sizeof(double));
	tests->p[i] = xcalloc(part->count + 1, sizeof(double));
	tests->corrected[i] = xcalloc(part->count + 1, sizeof(double));
	for (size_t row = 0; row < part->count; row++) {
		const struct draft *draft = &drafts->items[row];
		if (family_of(draft->about) != family)
			continue;
		memcpy(tests->values[i] + rows * runs, draft->values, runs * sizeof(double));
		double base = fmax(draft->level, drafts_least(drafts, draft->about));
		tests->soft[i][rows++] =
			SOFT_PART * fmax(part->rows[row].floor * base, draft->about->resolution);
	}
	*block = (struct permute_block){.values = tests->values[i],
		.soft = tests->soft[i],
		.rows = rows,
		.runs = runs,
		.first = part->runs[0],
		.ret_p = tests->p[i],
		.ret_p_adjusted = tests->corrected[i]};
}

static void test_family(struct compare_pair *pair, const struct drafts *drafts, size_t family, uint64_t seed)
{
	AUTO(tests)
	struct tests tests = {
		.blocks = xcalloc(pair->count, sizeof(*tests.blocks)),
		.soft = xcalloc(pair->count, sizeof(*tests.soft)),
		.p = xcalloc(pair->count, sizeof(*tests.p)),
		.corrected = xcalloc(pair->count, sizeof(*tests.corrected)),
		.values = xcalloc(pair->count, sizeof(*tests.values)),
	};
	struct permute_report report;

	for (size_t i = 0; i < pair->count; i++)
		add_block(&tests, &pair->parts[i], &drafts[i], family);
	permute_test(tests.blocks, tests.count, seed, &report);
	pair->family[family].exact = report.exact;
	pair->family[family].permutations = report.permutations;
	for (size_t i = 0; i < pair->count; i++) {
		size_t tested = 0;
		for (size_t row = 0; row < pair->parts[i].count; row++) {
			if (family_of(pair->parts[i].rows[row].about) != family)
				continue;
			pair->parts[i].rows[row].p = tests.p[i][tested];
			pair->parts[i].rows[row].p_corrected = tests.corrected[i][tested++];
		}
	}
}

static bool has_expectations(const struct compare_pair *pair)
{
	for (size_t i = 0; i < pair->count; i++)
		for (size_t row = 0; row < pair->parts[i].count; row++)
			if (pair->parts[i].rows[row].about->kind != COMPARE_METRIC)
				return true;
	return false;
}

static void make_part(
	struct compare_part *part, const struct compare_group *groups[2], struct drafts *drafts, double floor)
{
	AUTO(free_ptr)
	const struct compare_run **runs = xcalloc(groups[0]->count + groups[1]->count + 1, sizeof(*runs));
	size_t count = 0;

	for (size_t g = 0; g < 2; g++) {
		for (size_t i = 0; i < groups[g]->count; i++) {
			const struct compare_run *run = groups[g]->runs[i];
			if (strcmp(run->scenario, part->scenario) != 0)
				continue;
			if (run->excluded) {
				part->excluded[g]++;
				continue;
			}
			runs[count++] = run;
			part->runs[g]++;
		}
	}
	part->smallest_p = stats_smallest_p(part->runs[0], part->runs[1]);
	part->one_sided = drafts_collect(drafts, runs, count, part->runs[0]);
	part->rows = xcalloc(drafts->count + 1, sizeof(*part->rows));
	part->count = drafts->count;
	for (size_t i = 0; i < drafts->count; i++)
		compare_row_fill(&part->rows[i], drafts, &drafts->items[i], part->runs, floor);
}

static void add_parts(struct compare_pair *pair, const struct compare_group *groups[2])
{
	pair->parts = xcalloc(groups[0]->count + 1, sizeof(*pair->parts));
	for (size_t i = 0; i < groups[0]->count; i++) {
		const char *scenario = groups[0]->runs[i]->scenario;
		bool known = false;
		for (size_t j = 0; j < pair->count; j++)
			known = known || !strcmp(pair->parts[j].scenario, scenario);
		bool shared = false;
		for (size_t j = 0; j < groups[1]->count; j++)
			shared = shared || !strcmp(groups[1]->runs[j]->scenario, scenario);
		if (!known && shared)
			pair->parts[pair->count++].scenario = scenario;
	}
}

static void make_pair(struct compare_pair *pair, const struct compare_group *groups[2],
	const struct compare_options *options, size_t pairs)
{
	static const double levels[] = {
		[FAMILY_EXPECTATIONS] = COMPARE_LEVEL_EXPECTATIONS, [FAMILY_METRICS] = COMPARE_LEVEL_METRICS};

	add_parts(pair, groups);
	struct drafts *drafts = xcalloc(pair->count, sizeof(*drafts));
	for (size_t i = 0; i < pair->count; i++)
		make_part(&pair->parts[i], groups, &drafts[i], options->floor);
	for (size_t family = 0; family < FAMILY_COUNT && pair->count; family++) {
		/* Where nothing is expected, the metrics are all there is. */
		bool alone = family == FAMILY_METRICS && !has_expectations(pair);
		pair->family[family].level =
			(levels[family] + (alone ? levels[FAMILY_EXPECTATIONS] : 0)) / (double)pairs;
		test_family(pair, drafts, family, options->seed);
	}
	for (size_t i = 0; i < pair->count; i++) {
		struct compare_part *part = &pair->parts[i];
		part->too_few = part->smallest_p > pair->family[has_expectations(pair) ? 0 : 1].level;
		for (size_t row = 0; row < part->count; row++)
			compare_row_decide(
				&part->rows[row], pair->family[family_of(part->rows[row].about)].level);
		drafts_release(&drafts[i]);
	}
	free(drafts);
}

static void at_least(size_t *needed, size_t more)
{
	if (*needed < more)
		*needed = more;
}

/* Expectations decide; metrics are there to raise an alarm, and many of them will always be too noisy for a word. */
static void conclude(struct comparison *comparison)
{
	bool changed = false, undecided = false, hopeless = false;
	size_t for_p = 0, for_noise = 0;

	for (size_t i = 0; i < comparison->count; i++) {
		const struct compare_pair *pair = &comparison->pairs[i];
		bool expects = has_expectations(pair);
		for (size_t j = 0; j < pair->count; j++) {
			const struct compare_part *part = &pair->parts[j];
			if (part->too_few)
				at_least(&for_p, stats_group_size_for_p(pair->family[expects ? 0 : 1].level));
			for (size_t row = 0; row < part->count; row++) {
				changed = changed || part->rows[row].verdict == COMPARE_CHANGED;
				if (part->rows[row].verdict != COMPARE_UNDECIDED ||
					(expects && part->rows[row].about->kind == COMPARE_METRIC))
					continue;
				undecided = true;
				hopeless = hopeless || !part->rows[row].needed;
				at_least(&for_noise, part->rows[row].needed);
			}
		}
	}
	undecided = undecided || for_p;
	comparison->verdict = changed ? COMPARE_CHANGED : undecided ? COMPARE_UNDECIDED : COMPARE_SAME;
	/* How noisy they are is little known while there are too few. */
	if (comparison->verdict == COMPARE_UNDECIDED)
		comparison->needed = for_p ? for_p : hopeless ? 0 : for_noise;
}

/* The first line that differs; the caller frees both. */
static void first_difference(const char *a, const char *b, char **ret_a, char **ret_b)
{
	while (*a && *b) {
		size_t left = strcspn(a, "\n"), right = strcspn(b, "\n");
		if (left != right || memcmp(a, b, left) != 0)
			break;
		a += left + (a[left] == '\n');
		b += right + (b[right] == '\n');
	}
	a += strspn(a, " ");
	b += strspn(b, " ");
	*ret_a = *a ? xstrndup(a, strcspn(a, "\n")) : xstrdup("nothing more");
	*ret_b = *b ? xstrndup(b, strcspn(b, "\n")) : xstrdup("nothing more");
}

/* differs: NULL, or where to keep the first difference, which is an error otherwise. */
static int check_alike(
	const struct compare_run *a, const struct compare_run *b, char **differs, struct err *err)
{
	AUTO(free_ptr) char *left = NULL, *right = NULL;

	if (!strcmp(a->path, b->path)) {
		(void)err_input(err, "'%s' is there twice: a run counts once", a->path);
		return err_remedy(err, "name every run once, in one of the groups");
	}
	if (strcmp(a->scenario, b->scenario) != 0 || !strcmp(a->plan, b->plan))
		return 0;
	first_difference(a->plan, b->plan, &left, &right);
	if (differs) {
		if (!*differs)
			*differs = xasprintf("the plan of '%s' says '%s', that of '%s' '%s'", a->path, left,
				b->path, right);
		return 0;
	}
	(void)err_input(err,
		"'%s' and '%s' are not runs of the same scenario, though both are named '%s': the plan of the first says "
		"'%s', that of the second '%s'",
		a->path, b->path, a->scenario, left, right);
	return err_remedy(err,
		"compare runs of one scenario (to run an old one again: limitlab run RUN/scenario.yaml), or say that they "
		"differ on purpose: --unlike");
}

static int check_scenarios(
	const struct compare_group *with, const struct compare_group *without, struct err *err)
{
	for (size_t i = 0; i < with->count; i++) {
		bool found = false;
		for (size_t j = 0; j < without->count; j++)
			found = found || !strcmp(with->runs[i]->scenario, without->runs[j]->scenario);
		if (!found)
			return err_input(err,
				"group '%s' has no run of scenario '%s' (as '%s' of group '%s' is): unlike scenarios cannot be "
				"compared",
				without->name, with->runs[i]->scenario, with->runs[i]->path, with->name);
	}
	return 0;
}

static int check(const struct compare_group *groups, size_t count, const struct compare_options *options,
	char **differs, struct err *err)
{
	for (size_t g = 0; g < count; g++)
		for (size_t i = 0; i < groups[g].count; i++)
			for (size_t h = 0; h <= g; h++)
				for (size_t j = 0; j < (h == g ? i : groups[h].count); j++)
					if (check_alike(groups[h].runs[j], groups[g].runs[i], differs, err))
						return -1;
	for (size_t g = 1; g < count && !options->partial; g++)
		if (check_scenarios(&groups[0], &groups[g], err) ||
			check_scenarios(&groups[g], &groups[0], err))
			return -1;
	return 0;
}

int compare_groups(const struct compare_group *groups, size_t count, const struct compare_options *options,
	struct comparison *ret_comparison, struct err *err)
{
	struct comparison comparison = {.options = *options};

	if (count < 2)
		return err_input(err, "there is only one group of runs%s%s%s; a comparison needs two",
			count ? ": '" : "", count ? groups[0].name : "", count ? "'" : "");
	if (check(groups, count, options, options->unlike ? &comparison.differs : NULL, err)) {
		free(comparison.differs);
		return -1;
	}
	comparison.pairs = xcalloc(count - 1, sizeof(*comparison.pairs));
	comparison.count = count - 1;
	for (size_t i = 0; i + 1 < count; i++) {
		const struct compare_group *two[] = {&groups[0], &groups[i + 1]};
		comparison.pairs[i].group[0] = groups[0].name;
		comparison.pairs[i].group[1] = groups[i + 1].name;
		comparison.pairs[i].group_index[1] = i + 1;
		make_pair(&comparison.pairs[i], two, options, count - 1);
	}
	conclude(&comparison);
	*ret_comparison = comparison;
	return 0;
}

void comparison_release(struct comparison *comparison)
{
	for (size_t i = 0; i < comparison->count; i++) {
		struct compare_pair *pair = &comparison->pairs[i];
		for (size_t j = 0; j < pair->count; j++) {
			for (size_t row = 0; row < pair->parts[j].count; row++) {
				free(pair->parts[j].rows[row].values[0]);
				free(pair->parts[j].rows[row].values[1]);
			}
			free(pair->parts[j].rows);
		}
		free(pair->parts);
	}
	free(comparison->pairs);
	free(comparison->differs);
	*comparison = (struct comparison){0};
}

int comparison_exit_code(const struct comparison *comparison)
{
	static const int codes[] = {[COMPARE_SAME] = 0, [COMPARE_CHANGED] = 1, [COMPARE_UNDECIDED] = 3};

	return codes[comparison->verdict];
}
