/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cmd/compare_self.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "cmd/text.h"
#include "glue/json.h"

#define NAME_MAX_COLUMNS 40

static char *part_text(double part)
{
	return isnan(part) ? xstrdup("-") : xasprintf("%.3g %%", 100 * part);
}

static void add_splits(const char *how, size_t splits, size_t alarms, struct buf *text)
{
	buf_addf(text, "  %zu of %zu splits %s show a change (%.1f %%)\n", alarms, splits, how,
		splits ? 100 * (double)alarms / (double)splits : 0.);
}

void compare_self_rate(size_t trials, size_t alarms, size_t size, struct buf *text)
{
	buf_addf(text,
		"  %zu of %zu comparison%s of disjoint runs, %zu against %zu in turn, raise%s an alarm: the rate is below %.0f %% "
		"(95 %% confidence)\n",
		alarms, trials, trials == 1 ? "" : "s", size, size, alarms == 1 ? "s" : "",
		100 * compare_self_rate_below(alarms, trials));
}

void compare_self_table(const struct compare_self *self, struct buf *text)
{
	size_t columns = strlen("expectation");

	(void)text_add(text, self->scenario, TEXT_ALL);
	buf_addf(text, " against itself: %zu runs, %zu excluded\n", self->runs, self->excluded);
	for (size_t i = 0; i < self->count; i++) {
		size_t width = text_width(self->rows[i].about->key);
		columns = width > columns ? width : columns;
	}
	columns = columns < NAME_MAX_COLUMNS ? columns : NAME_MAX_COLUMNS;
	if (!self->runs_needed) {
		compare_self_rate(self->disjoint, self->disjoint_alarms, self->disjoint_size, text);
		add_splits("in the order of time", self->in_time, self->in_time_alarms, text);
		add_splits("at random", self->shuffled, self->shuffled_alarms, text);
	}
	buf_addf(text, "  %-*s  %11s  %12s%s\n", (int)columns, "expectation", "median", "run to run",
		self->runs_needed ? "" : "  smallest change found");
	for (size_t i = 0; i < self->count; i++) {
		const struct compare_self_row *row = &self->rows[i];
		AUTO(free_ptr) char *median = compare_value_text(row->about->unit, row->median);
		AUTO(free_ptr) char *scatter = part_text(row->scatter);
		AUTO(free_ptr)
		char *found =
			isnan(row->detectable) ? xstrdup("more than 100 %") : part_text(row->detectable);
		buf_adds(text, "  ");
		text_pad(text, row->about->key, columns);
		buf_addf(text, "  %11s  %12s%s%s\n", median, scatter, self->runs_needed ? "" : "  ",
			self->runs_needed ? "" : found);
	}
	if (self->runs_needed)
		buf_addf(text,
			"undecided: two halves of %zu runs can decide nothing; it takes at least %zu runs\n",
			self->runs, self->runs_needed);
	else
		buf_addf(text,
			"(run to run: standard deviation; smallest change: seen in four of five splits into %zu against %zu runs)\n",
			self->group_size, self->group_size);
}

char *compare_self_json(const struct compare_self *self)
{
	AUTO(json)
	json_t *json = json_pack("{s:I, s:I, s:I, s:{s:I, s:I}, s:{s:I, s:I}}", "runs",
		(json_int_t)self->runs, "excluded", (json_int_t)self->excluded, "runs_in_each_half",
		(json_int_t)self->group_size, "splits_in_time", "count", (json_int_t)self->in_time, "alarms",
		(json_int_t)self->in_time_alarms, "splits_at_random", "count", (json_int_t)self->shuffled,
		"alarms", (json_int_t)self->shuffled_alarms);
	json_t *rows = json_array();

	if (!json)
		BUG("cannot build the numbers of '%s'", self->scenario);
	json_put(json, "scenario", json_text(self->scenario));
	json_put(json, "disjoint",
		json_pack("{s:I, s:I, s:I, s:f}", "count", (json_int_t)self->disjoint, "alarms",
			(json_int_t)self->disjoint_alarms, "runs_in_each_half",
			(json_int_t)self->disjoint_size, "rate_below_95",
			compare_self_rate_below(self->disjoint_alarms, self->disjoint)));
	json_put(json, "runs_needed",
		self->runs_needed ? json_integer((json_int_t)self->runs_needed) : json_null());
	for (size_t i = 0; i < self->count; i++) {
		const struct compare_self_row *row = &self->rows[i];
		json_t *item = json_object();
		json_put(item, "name", json_text(row->about->key));
		json_put(item, "unit", json_text(row->about->unit));
		json_put(item, "values", json_integer((json_int_t)row->count));
		json_put(item, "median", json_number_or_null(row->median));
		json_put(item, "scatter", json_number_or_null(row->scatter));
		json_put(item, "smallest_change", json_number_or_null(row->detectable));
		if (json_array_append_new(rows, item))
			BUG("cannot add a row");
	}
	json_put(json, "expectations", rows);
	char *text = json_dumps(json, JSON_COMPACT | JSON_REAL_PRECISION(10));
	if (!text)
		BUG("numbers that are no JSON");
	return text;
}
