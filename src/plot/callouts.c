/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "plot/figure.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "plot/parts.h"

#define TIMES_PX 12.5

struct callout {
	const char *key;
	double from_s, to_s;
	int tenant; /* -1: the one that gets the least */
};

static double mean(const struct plot_side *side, const char *column, unsigned t, double from_s, double to_s)
{
	const struct table *series = side->input->series;
	int c = series ? table_column(series, column) : -1;
	int tenant = series ? table_tenant(series, side->scenario->tenants[t].name) : -1;
	double sum = 0;
	size_t count = 0;

	for (size_t row = 0; c >= 0 && tenant >= 0 && row < series->row_count; row++) {
		double value = series->cells[row * series->column_count + (size_t)c];
		if (series->tenant[row] != (uint32_t)tenant || series->t_s[row] < from_s ||
			series->t_s[row] > to_s || isnan(value))
			continue;
		sum += value;
		count++;
	}
	return count ? sum / (double)count : (double)NAN;
}

static int by_value(const void *a, const void *b)
{
	double left = *(const double *)a, right = *(const double *)b;
	return (left > right) - (left < right);
}

/* The middle of the widest gap between the lines, from 0 to top. */
static double free_level(const double *means, size_t count, double top)
{
	double sorted[SCENARIO_MAX_TENANTS + 2] = {0};
	size_t n = 1;

	for (size_t i = 0; i < count; i++) {
		if (isfinite(means[i]))
			sorted[n++] = fmin(means[i], top);
	}
	sorted[n++] = top;
	qsort(sorted, n, sizeof(*sorted), by_value);
	size_t best = 0;
	for (size_t i = 0; i + 1 < n; i++) {
		if (sorted[i + 1] - sorted[i] > (sorted[best + 1] - sorted[best]) * 1.001)
			best = i;
	}
	return (sorted[best] + sorted[best + 1]) / 2;
}

static void add_callout(
	struct buf *out, const struct plot_figure *figure, size_t s, const struct callout *callout)
{
	const struct plot_side *side = &figure->sides[s];
	size_t count = side->scenario->tenant_count;
	double means[SCENARIO_MAX_TENANTS] = {0}, top = side->capacity;
	int tenant = callout->tenant;

	for (unsigned t = 0; t < count; t++) {
		means[t] = mean(side, plot_main_column(figure, side), t, callout->from_s, callout->to_s);
		if (isfinite(means[t]))
			top = fmax(top, means[t]);
		if (callout->tenant < 0 && isfinite(means[t]) && (tenant < 0 || means[t] < means[tenant]))
			tenant = (int)t;
	}
	if (tenant < 0 || !isfinite(means[tenant]) || top <= 0)
		return;
	double text = free_level(means, count, top);
	buf_addf(out, "%zu %s ", s + 1, callout->key);
	plot_number(out, callout->from_s);
	buf_adds(out, " ");
	plot_number(out, callout->to_s);
	buf_adds(out, " ");
	plot_number(out, means[tenant]);
	buf_adds(out, " ");
	plot_number(out, text);
	buf_addf(out, " %u\n", side->first + (unsigned)tenant);
}

static const char *key_of(const struct expect_spec *expect, enum resource resource)
{
	if (expect->resource != resource)
		return NULL;
	if (expect->kind == EXPECT_STARVES)
		return "starvation";
	return expect->kind == EXPECT_UNCHANGED ? "unreliable" : NULL;
}

/* What the judge denies is not called out. */
static bool denied(const struct plot_input *input, size_t expect)
{
	const struct judgement *judgement = input->judgement;
	return judgement && expect < judgement->count &&
	       (judgement->findings[expect].verdict == VERDICT_FAIL ||
		       judgement->findings[expect].verdict == VERDICT_NOT_APPLICABLE);
}

static bool find_expected(const struct plot_figure *figure, const struct plot_side *side, const char *key,
	struct callout *ret_callout)
{
	for (size_t i = 0; i < side->scenario->expect_count; i++) {
		const struct expect_spec *expect = &side->scenario->expects[i];
		const char *own = key_of(expect, figure->resource);
		if (!own || strcmp(own, key) != 0 || denied(side->input, i))
			continue;
		*ret_callout = (struct callout){.key = key,
			.from_s = plot_seconds(expect->from_ns),
			.to_s = plot_seconds(expect->to_ns),
			.tenant = (int)expect->tenant};
		return true;
	}
	return false;
}

/* From the event that has this name to the next one. */
static bool find_event(const struct plot_side *side, const char *key, struct callout *ret_callout)
{
	const struct scenario *scenario = side->scenario;

	for (size_t i = 0; i < scenario->event_count; i++) {
		const struct event_spec *event = &scenario->events[i];
		if (!event->name || strcmp(event->name, key) != 0 ||
			!plot_event_happened(event, side->input->events))
			continue;
		uint64_t to_ns = scenario->duration_ns;
		for (size_t j = i + 1; j < scenario->event_count; j++) {
			if (scenario->events[j].at_ns > event->at_ns && scenario->events[j].at_ns < to_ns)
				to_ns = scenario->events[j].at_ns;
		}
		*ret_callout = (struct callout){.key = key,
			.from_s = plot_seconds(event->at_ns),
			.to_s = plot_seconds(to_ns),
			.tenant = strcmp(key, "unreliable") == 0 && event->tenants
					  ? __builtin_ctz(event->tenants)
					  : -1};
		return true;
	}
	return false;
}

void plot_add_callouts(struct buf *out, const struct plot_figure *figure)
{
	static const char *const keys[] = {"starvation", "unreliable"};

	buf_adds(out,
		"# what may be called out: side, what, from, to, level of the line, level free for text, line\n$callouts << EOD\n");
	for (size_t s = 0; s < figure->side_count; s++) {
		for (size_t k = 0; k < ARRAY_SIZE(keys); k++) {
			struct callout callout;
			if (find_expected(figure, &figure->sides[s], keys[k], &callout) ||
				find_event(&figure->sides[s], keys[k], &callout))
				add_callout(out, figure, s, &callout);
		}
	}
	buf_adds(out, "EOD\n");
}

/* ---- times of adaption ------------------------------------------------------------------------------------------- */

/* The line's value at the sample nearest to t_s; NAN: there is none. */
static double level_at(const struct plot_side *side, const char *column, unsigned t, double t_s)
{
	const struct table *series = side->input->series;
	int c = series ? table_column(series, column) : -1;
	int tenant = series ? table_tenant(series, side->scenario->tenants[t].name) : -1;
	double level = (double)NAN, nearest = HUGE_VAL;

	for (size_t row = 0; c >= 0 && tenant >= 0 && row < series->row_count; row++) {
		double value = series->cells[row * series->column_count + (size_t)c];
		double distance = fabs(series->t_s[row] - t_s);
		if (series->tenant[row] != (uint32_t)tenant || isnan(value) || distance >= nearest)
			continue;
		nearest = distance;
		level = value;
	}
	return level;
}

/* false: it never came to that, or nothing is known of the line. */
static bool add_point(
	struct buf *out, const struct plot_side *side, const struct expect_spec *expect, double after_s)
{
	double factor, at_s = plot_seconds(expect->after_ns) + after_s;
	const char *column = plot_column(side, expect->measure, &factor);
	double level = isfinite(after_s) ? level_at(side, column, expect->tenant, at_s) : (double)NAN;

	if (!isfinite(level))
		return false;
	buf_addf(out, "%u ", side->first + expect->tenant);
	plot_number(out, at_s);
	buf_adds(out, " ");
	plot_number(out, level);
	buf_addf(out, " %s\n", column);
	return true;
}

/* In words, in rows of their own above the curves: each to the right of its event, or to the left at the border. */
struct times {
	struct buf points, arrays, rows;
	size_t count;
	unsigned row_count;
	double free_px[SCENARIO_MAX_TENANTS * 4]; /* per row: where it is free from */
};

static void auto_times(struct times *times)
{
	buf_release(&times->points);
	buf_release(&times->arrays);
	buf_release(&times->rows);
}

/* Up to the line of the next event, or to the border. */
static double room_after(const struct plot_figure *figure, const struct plot_side *side, uint64_t at_ns)
{
	uint64_t next_ns = side->scenario->duration_ns;

	for (size_t i = 0; i < side->scenario->event_count; i++) {
		uint64_t event_ns = side->scenario->events[i].at_ns;
		if (event_ns > at_ns && event_ns < next_ns)
			next_ns = event_ns;
	}
	return (side->right_px - side->left_px) * (plot_seconds(next_ns) - plot_seconds(at_ns)) /
	       figure->end_s;
}

/* Both times where there is room before the next event, else the longer one. */
static char *times_text(
	const struct plot_side *side, const struct finding *finding, bool has_90, double room_px)
{
	const char *name = side->scenario->tenants[finding->expect->tenant].name;
	double t50 = finding->time_50_s, t90 = finding->time_90_s;

	if (!has_90)
		return xasprintf("%s: 50 %% in %.*f s", name, t50 < 9.95, t50);
	AUTO(free_ptr)
	char *both =
		xasprintf("%s: 50 %% in %.*f s, 90 %% in %.*f s", name, t50 < 9.95, t50, t90 < 9.95, t90);
	if (plot_text_px(both, TIMES_PX) + 2 * PLOT_LABEL_GAP_PX <= room_px)
		return STEAL(both);
	return xasprintf("%s: 90 %% in %.*f s", name, t90 < 9.95, t90);
}

static void add_text_of(struct times *times, const struct plot_figure *figure, size_t s,
	const struct finding *finding, bool has_90)
{
	const struct plot_side *side = &figure->sides[s];
	const struct expect_spec *expect = finding->expect;
	double factor;
	AUTO(free_ptr)
	char *full = times_text(side, finding, has_90, room_after(figure, side, expect->after_ns));
	AUTO(free_ptr) char *text = plot_shorten(full, TIMES_PX, (side->right_px - side->left_px) / 2);
	double width_px = plot_text_px(text, TIMES_PX) + 2 * PLOT_LABEL_GAP_PX;
	double x_px = side->left_px +
		      (side->right_px - side->left_px) * plot_seconds(expect->after_ns) / figure->end_s;
	bool to_left = x_px + width_px > side->right_px + PLOT_MARGIN_PX;
	double from_px = to_left ? x_px - width_px : x_px;
	unsigned row = 0;

	while (row < times->row_count && times->free_px[row] > from_px)
		row++;
	if (row == ARRAY_SIZE(times->free_px))
		return;
	if (row == times->row_count)
		times->row_count++;
	times->free_px[row] = from_px + width_px - 2 * PLOT_LABEL_GAP_PX;
	plot_element(&times->arrays, "ll_times_text", ++times->count, text);
	buf_addf(&times->rows, "%u ", side->first + expect->tenant);
	plot_number(&times->rows, plot_seconds(expect->after_ns));
	buf_addf(&times->rows, " %zu %u %d %s\n", times->count, row, to_left,
		plot_column(side, expect->measure, &factor));
}

void plot_add_points(struct buf *out, const struct plot_figure *figure)
{
	AUTO(times) struct times times = {0};

	for (size_t s = 0; s < figure->side_count; s++) {
		const struct judgement *judgement = figure->sides[s].input->judgement;
		for (size_t i = 0; judgement && i < judgement->count; i++) {
			const struct finding *finding = &judgement->findings[i];
			if (!finding->expect || finding->expect->kind != EXPECT_SETTLES ||
				!add_point(&times.points, &figure->sides[s], finding->expect,
					finding->time_50_s))
				continue;
			bool has_90 = add_point(
				&times.points, &figure->sides[s], finding->expect, finding->time_90_s);
			add_text_of(&times, figure, s, finding, has_90);
		}
	}
	buf_adds(out,
		"# when a change had come half the way, and 90 % of it: line, time, level, column\n$points << EOD\n");
	buf_adds(out, times.points.data ? times.points.data : "");
	buf_addf(
		out, "EOD\nll_times_rows = %u\narray ll_times_text[%zu]\n", times.row_count, times.count + 1);
	buf_adds(out, times.arrays.data ? times.arrays.data : "");
	buf_adds(out,
		"# the same in words: line, time of the event, number, row, to the left of the event, column\n$times << EOD\n");
	buf_adds(out, times.rows.data ? times.rows.data : "");
	buf_adds(out, "EOD\n");
}
