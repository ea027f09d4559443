/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "judge/compare_rows.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/buf.h"
#include "series/stats.h"

/* A row's level is at least this part of the highest of its metric in the scenario: one that is nearly idle there. */
#define PEAK_PART 0.1

void drafts_release(struct drafts *drafts)
{
	for (size_t i = 0; i < drafts->count; i++)
		free(drafts->items[i].values);
	free(drafts->items);
}

static struct draft *find_draft(
	struct drafts *drafts, const struct compare_value *value, size_t guess, size_t runs)
{
	/* Runs of one scenario list the same things in the same order. */
	for (size_t i = 0; i <= drafts->count; i++) {
		size_t at = i ? i - 1 : guess;
		if (at < drafts->count && drafts->items[at].about->kind == value->kind &&
			!strcmp(drafts->items[at].about->key, value->key))
			return &drafts->items[at];
	}
	drafts->items = xgrow(drafts->items, drafts->count, &drafts->capacity, sizeof(*drafts->items));
	struct draft *draft = &drafts->items[drafts->count++];
	*draft = (struct draft){.about = value, .values = xcalloc(runs, sizeof(*draft->values))};
	for (size_t i = 0; i < runs; i++)
		draft->values[i] = (double)NAN;
	return draft;
}

/* The values that are there, ascending; the caller frees. */
static double *present(const double *values, size_t count, size_t *ret_count)
{
	double *found = xcalloc(count + 1, sizeof(*found));
	size_t n = 0;

	for (size_t i = 0; i < count; i++) {
		if (isnan(values[i]))
			continue;
		size_t at = n++;
		for (; at > 0 && found[at - 1] > values[i]; at--)
			found[at] = found[at - 1];
		found[at] = values[i];
	}
	*ret_count = n;
	return found;
}

static bool is_idle(const struct draft *draft, size_t runs)
{
	for (size_t i = 0; i < runs; i++)
		if (draft->values[i] < 1)
			return false;
	return draft->about->kind == COMPARE_PASSED;
}

static bool is_one_sided(const struct draft *draft, size_t first, size_t count)
{
	return draft->about->kind != COMPARE_METRIC && first && first < count &&
	       (!draft->listed[0] || !draft->listed[1]);
}

size_t drafts_collect(
	struct drafts *drafts, const struct compare_run *const *runs, size_t count, size_t first)
{
	size_t one_sided = 0;

	for (size_t run = 0; run < count; run++)
		for (size_t i = 0; i < runs[run]->count; i++) {
			const struct compare_value *value = &runs[run]->values[i];
			struct draft *draft = find_draft(drafts, value, i, count);
			draft->values[run] = value->value;
			draft->listed[run >= first]++;
		}
	size_t kept = 0;
	for (size_t i = 0; i < drafts->count; i++) {
		bool left_out = is_one_sided(&drafts->items[i], first, count);
		one_sided += left_out && drafts->items[i].about->kind == COMPARE_EXPECTATION;
		if (left_out || is_idle(&drafts->items[i], count)) {
			free(drafts->items[i].values);
			continue;
		}
		drafts->items[kept++] = drafts->items[i];
	}
	drafts->count = kept;
	for (size_t i = 0; i < kept; i++) {
		size_t n;
		AUTO(free_ptr) double *values = present(drafts->items[i].values, count, &n);
		drafts->items[i].level = n ? fabs(stats_median(values, n)) : 0;
	}
	return one_sided;
}

double drafts_least(const struct drafts *drafts, const struct compare_value *about)
{
	double peak = 0;

	for (size_t i = 0; i < drafts->count; i++) {
		const struct compare_value *other = drafts->items[i].about;
		if (other->kind == about->kind && !strcmp(other->metric, about->metric) &&
			!strcmp(other->unit, about->unit))
			peak = fmax(peak, drafts->items[i].level);
	}
	double least = fmax(about->least, PEAK_PART * peak);
	/* Zero everywhere: any number serves, as nothing differs. */
	return least > 0 ? least : 1;
}

void compare_row_fill(struct compare_row *row, const struct drafts *drafts, const struct draft *draft,
	const size_t runs[2], double floor)
{
	*row = (struct compare_row){.about = draft->about, .p = (double)NAN, .p_corrected = (double)NAN};
	for (size_t g = 0; g < 2; g++) {
		row->values[g] = present(draft->values + (g ? runs[0] : 0), runs[g], &row->count[g]);
		row->missing[g] = runs[g] - row->count[g];
		row->median[g] = stats_median(row->values[g], row->count[g]);
	}
	double least = drafts_least(drafts, draft->about);
	row->base = isnan(row->median[0]) ? least : fmax(fabs(row->median[0]), least);
	row->floor = fmax(floor, draft->about->resolution / row->base);
	struct stats_shift shift;
	stats_shift_95(row->values[0], row->count[0], row->values[1], row->count[1], &shift);
	if (draft->about->kind == COMPARE_PASSED) {
		/* Of ones and zeros the median says little. */
		row->median[0] = stats_mean(row->values[0], row->count[0]);
		row->median[1] = stats_mean(row->values[1], row->count[1]);
		shift = (struct stats_shift){row->median[1] - row->median[0], (double)NAN, (double)NAN};
	}
	row->change = shift.estimate / row->base;
	row->low = shift.low / row->base;
	row->high = shift.high / row->base;
}

/* About the standard deviation of one run, without what lies between the groups; of a change's base. */
static double scatter(const struct compare_row *row)
{
	double squares = 0, freedom = 0;

	for (size_t g = 0; g < 2; g++) {
		if (row->count[g] < 2)
			continue;
		double deviation = stats_standard_deviation(row->values[g], row->count[g]);
		squares += deviation * deviation * (double)(row->count[g] - 1);
		freedom += (double)(row->count[g] - 1);
	}
	return freedom > 0 ? sqrt(squares / freedom) / row->base : (double)NAN;
}

void compare_row_decide(struct compare_row *row, double level)
{
	size_t enough = stats_group_size_for_p(level);
	double away = fabs(fabs(row->change) - row->floor), noise = scatter(row);

	row->verdict = COMPARE_UNDECIDED;
	/* Of ones and zeros there is no interval. */
	bool beyond = row->about->kind == COMPARE_PASSED ? fabs(row->change) > row->floor
							 : row->low > row->floor || row->high < -row->floor;
	if (row->p_corrected <= level && beyond) {
		row->verdict = COMPARE_CHANGED;
		return;
	}
	if (row->about->kind == COMPARE_PASSED
			? row->change == 0 && row->count[0] >= enough && row->count[1] >= enough
			: row->low >= -row->floor && row->high <= row->floor) {
		row->verdict = COMPARE_SAME;
		return;
	}
	if (isnan(noise)) {
		row->needed = enough;
		return;
	}
	if (row->about->kind == COMPARE_PASSED)
		away = fabs(row->change);
	size_t needed = stats_group_size_for_distance(noise, away);
	row->needed = needed && needed < enough ? enough : needed;
	/* It takes more than there are, or it would have been decided. */
	size_t most = row->count[0] > row->count[1] ? row->count[0] : row->count[1];
	if (needed && row->needed <= most)
		row->needed = most + 1;
}
