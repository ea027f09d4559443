/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "judge/compare_self.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <gsl/gsl_cdf.h>
#include <gsl/gsl_randist.h>
#include <gsl/gsl_rng.h>

#include "base/auto.h"
#include "base/buf.h"
#include "series/stats.h"

DEFINE_AUTO(rng, gsl_rng *, gsl_rng_free);

#define ALARMS_MAX 0.05

/* Sizes of a change that are tried, as parts. */
static const double sizes[] = {
	0.01, 0.02, 0.03, 0.04, 0.05, 0.06, 0.08, 0.1, 0.125, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.75, 1};

static int by_time(const void *a, const void *b)
{
	const struct compare_run *const *left = a, *const *right = b;
	int order = strcmp((*left)->started_utc, (*right)->started_utc);

	return order ? order : strcmp((*left)->path, (*right)->path);
}

static int split(const struct compare_run *const *runs, size_t size, const struct compare_options *options,
	struct comparison *ret_comparison, struct err *err)
{
	const struct compare_group groups[] = {{"A", runs, size}, {"B", runs + size, size}};

	return compare_groups(groups, 2, options, ret_comparison, err);
}

static int count_alarm(const struct compare_run *const *runs, size_t size,
	const struct compare_options *options, size_t *splits, size_t *alarms, struct err *err)
{
	AUTO(comparison) struct comparison comparison = {0};

	if (split(runs, size, options, &comparison, err))
		return -1;
	*splits += 1;
	*alarms += comparison.verdict == COMPARE_CHANGED;
	return 0;
}

static size_t count_expectations(const struct compare_run *run)
{
	size_t count = 0;

	while (count < run->count && run->values[count].kind != COMPARE_METRIC)
		count++;
	return count;
}

/* The runs with their expectations alone, those of the second half changed by `part`. */
struct changed {
	struct compare_run *runs;
	const struct compare_run **pointers;
	size_t count;
};

static void auto_changed(struct changed *changed)
{
	for (size_t i = 0; i < changed->count; i++)
		free(changed->runs[i].values);
	free(changed->runs);
	free(changed->pointers);
}

static void change(const struct compare_run *const *runs, size_t count, double part, struct changed *changed)
{
	changed->runs = xcalloc(count, sizeof(*changed->runs));
	changed->pointers = xcalloc(count, sizeof(*changed->pointers));
	changed->count = count;
	for (size_t i = 0; i < count; i++) {
		struct compare_run *run = &changed->runs[i];
		*run = *runs[i];
		run->count = count_expectations(run);
		run->values = xcalloc(run->count + 1, sizeof(*run->values));
		memcpy(run->values, runs[i]->values, run->count * sizeof(*run->values));
		for (size_t j = 0; i >= count / 2 && j < run->count; j++)
			if (run->values[j].kind == COMPARE_EXPECTATION)
				run->values[j].value *= 1 + part;
		changed->pointers[i] = run;
	}
}

static struct compare_self_row *find_row(struct compare_self *self, const char *key)
{
	for (size_t i = 0; i < self->count; i++)
		if (!strcmp(self->rows[i].about->key, key))
			return &self->rows[i];
	return NULL;
}

/* How often a change of this size in each expectation is seen; counts per row of self. */
static int count_found(struct compare_self *self, const struct compare_run *const *runs, double part,
	const struct compare_options *options, size_t *found, struct err *err)
{
	AUTO(changed) struct changed changed = {0};
	AUTO(comparison) struct comparison comparison = {0};

	change(runs, 2 * self->group_size, part, &changed);
	if (split(changed.pointers, self->group_size, options, &comparison, err))
		return -1;
	const struct compare_part *only = &comparison.pairs[0].parts[0];
	for (size_t i = 0; i < only->count; i++) {
		struct compare_self_row *row = only->rows[i].about->kind == COMPARE_EXPECTATION
						       ? find_row(self, only->rows[i].about->key)
						       : NULL;
		if (row && only->rows[i].verdict == COMPARE_CHANGED && only->rows[i].change > 0)
			found[row - self->rows]++;
	}
	return 0;
}

static const struct compare_value *find_value(
	const struct compare_run *run, const struct compare_value *about)
{
	for (size_t i = 0; i < run->count; i++)
		if (run->values[i].kind == about->kind && !strcmp(run->values[i].key, about->key))
			return &run->values[i];
	return NULL;
}

static void describe(struct compare_self *self, const struct compare_run *const *runs, size_t count)
{
	size_t expectations = count ? count_expectations(runs[0]) : 0;

	self->rows = xcalloc(expectations + 1, sizeof(*self->rows));
	for (size_t i = 0; i < expectations; i++) {
		const struct compare_value *about = &runs[0]->values[i];
		AUTO(free_ptr) double *values = xcalloc(count, sizeof(*values));
		size_t n = 0;
		if (about->kind != COMPARE_EXPECTATION)
			continue;
		for (size_t j = 0; j < count; j++) {
			const struct compare_value *same = find_value(runs[j], about);
			if (same && !isnan(same->value))
				values[n++] = same->value;
		}
		struct compare_self_row *row = &self->rows[self->count++];
		*row = (struct compare_self_row){.about = about, .count = n, .detectable = (double)NAN};
		row->median = stats_median(values, n);
		row->scatter = stats_standard_deviation(values, n) / fmax(fabs(row->median), 1e-12);
	}
}

static int shuffle_and_count(struct compare_self *self, const struct compare_run **runs, size_t count,
	const struct compare_options *options, struct err *err)
{
	AUTO(rng) gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
	size_t *found = xcalloc(ARRAY_SIZE(sizes) * (self->count + 1), sizeof(*found));
	int result = 0;

	gsl_rng_set(rng, (unsigned long)options->seed);
	for (size_t i = 0; i < COMPARE_SELF_SHUFFLES && !result; i++) {
		gsl_ran_shuffle(rng, runs, count, sizeof(*runs));
		result = count_alarm(
			runs, self->group_size, options, &self->shuffled, &self->shuffled_alarms, err);
		/* A fifth of the shuffles is enough for the power, which is said in coarse steps. */
		for (size_t size = 0; i % 5 == 0 && size < ARRAY_SIZE(sizes) && !result; size++)
			result = count_found(
				self, runs, sizes[size], options, found + size * (self->count + 1), err);
	}
	for (size_t row = 0; row < self->count; row++)
		for (size_t size = ARRAY_SIZE(sizes); size-- > 0;) {
			double times = (double)found[size * (self->count + 1) + row];
			if (times < COMPARE_SELF_POWER * COMPARE_SELF_SHUFFLES / 5)
				break;
			self->rows[row].detectable = sizes[size];
		}
	free(found);
	return result;
}

/* A and B in turn, so that a slow drift is in both. */
static int disjoint(struct compare_self *self, const struct compare_run *const *runs, size_t size,
	const struct compare_options *options, struct err *err)
{
	AUTO(free_ptr) const struct compare_run **halves = xcalloc(2 * size, sizeof(*halves));

	self->disjoint_size = size;
	for (size_t first = 0; first + 2 * size <= self->runs; first += 2 * size) {
		for (size_t i = 0; i < 2 * size; i++)
			halves[i / 2 + (i % 2 ? size : 0)] = runs[first + i];
		if (count_alarm(halves, size, options, &self->disjoint, &self->disjoint_alarms, err))
			return -1;
	}
	return 0;
}

double compare_self_rate_below(size_t alarms, size_t trials)
{
	if (alarms >= trials)
		return 1;
	return gsl_cdf_beta_Pinv(0.95, (double)alarms + 1, (double)(trials - alarms));
}

size_t compare_self_least_runs(void)
{
	return 2 * stats_group_size_for_p(COMPARE_LEVEL_EXPECTATIONS);
}

int compare_self(const struct compare_run *const *runs, size_t count, const struct compare_options *options,
	struct compare_self *ret_self, struct err *err)
{
	struct compare_self self = {.scenario = count ? runs[0]->scenario : ""};
	AUTO(free_ptr) const struct compare_run **usable = xcalloc(count + 1, sizeof(*usable));

	for (size_t i = 0; i < count; i++) {
		if (runs[i]->excluded)
			self.excluded++;
		else
			usable[self.runs++] = runs[i];
	}
	if (self.runs)
		qsort(usable, self.runs, sizeof(*usable), by_time);
	describe(&self, usable, self.runs);
	double level =
		self.count ? COMPARE_LEVEL_EXPECTATIONS : COMPARE_LEVEL_EXPECTATIONS + COMPARE_LEVEL_METRICS;
	size_t least = stats_group_size_for_p(level);
	self.group_size = self.runs / 2;
	if (self.group_size < least) {
		self.runs_needed = 2 * least;
		*ret_self = self;
		return 0;
	}
	int result = disjoint(&self, usable, least, options, err);
	for (size_t size = least; size <= self.group_size && !result; size++)
		for (size_t first = 0; first + 2 * size <= self.runs && !result; first++)
			result = count_alarm(
				usable + first, size, options, &self.in_time, &self.in_time_alarms, err);
	if (!result)
		result = shuffle_and_count(&self, usable, self.runs, options, err);
	if (result) {
		compare_self_release(&self);
		return -1;
	}
	*ret_self = self;
	return 0;
}

void compare_self_release(struct compare_self *self)
{
	free(self->rows);
	*self = (struct compare_self){0};
}

int compare_self_exit_code(const struct compare_self *self)
{
	if (self->runs_needed)
		return 3;
	return (double)(self->in_time_alarms + self->shuffled_alarms) >
	       ALARMS_MAX * (double)(self->in_time + self->shuffled);
}
