/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "judge/compare.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/buf.h"
#include "scenario/plan.h"

#define MIB          (1024. * 1024)
#define ROWS_MISSING 0.1 /* part of a window's rows; more, and it has no value */

/*
 * Units of columns, by the end of their name; the first that fits.  `least` is what a change is relative to at least: a
 * trickle that doubles is no change of what a tenant gets.  One part in ten of a CPU, a megabit, ...
 */
static const struct unit {
	const char *suffix, *unit;
	double least;
} units[] = {
	{"work_per_s", "1/s", 0},
	{"_mbit_per_s", "Mbit/s", 1},
	{"_mib_per_s", "MiB/s", 1},
	{"iops", "1/s", 10},
	{"_per_s", "1/s", 10},
	{"_pct", "%", 10},
	{"_mib", "MiB", 16},
	{"_bytes", "B", 10000},
	{"_ms", "ms", 1},
	{"", "", 0},
};

/* What a figure shows of a tenant: the first that has values, of the resource that is scarce. */
static const char *const curve_columns[RESOURCE_COUNT][3] = {
	[RESOURCE_CPU] = {"cpu_share_pct", "vcpu_pct"},
	[RESOURCE_NET] = {"net_class_mbit_per_s", "payload_mbit_per_s", "net_tx_mbit_per_s"},
	[RESOURCE_MEMORY] = {"mem_mib"},
	[RESOURCE_DISK] = {"disk_read_mib_per_s", "disk_write_mib_per_s"},
};

static const struct unit *unit_of(const char *column)
{
	size_t length = strlen(column);

	for (const struct unit *unit = units;; unit++) {
		size_t suffix = strlen(unit->suffix);
		if (suffix <= length && !strcmp(column + length - suffix, unit->suffix))
			return unit;
	}
}

/* Sums of every column, per tenant, between each two neighbouring cuts. */
struct pieces {
	double *cuts; /* s, ascending */
	size_t cut_count;
	size_t columns;
	double *sum;
	uint32_t *count;
	uint32_t *rows; /* per tenant and piece */
};

static void auto_pieces(struct pieces *pieces)
{
	free(pieces->cuts);
	free(pieces->sum);
	free(pieces->count);
	free(pieces->rows);
}

struct window {
	double from_s, to_s;
};

struct windows {
	struct window *items;
	size_t count, capacity;
};

static void auto_windows(struct windows *windows)
{
	free(windows->items);
}

static void add_window(struct windows *windows, double from_s, double to_s)
{
	if (!(to_s > from_s))
		return;
	for (size_t i = 0; i < windows->count; i++)
		if (windows->items[i].from_s == from_s && windows->items[i].to_s == to_s)
			return;
	windows->items = xgrow(windows->items, windows->count, &windows->capacity, sizeof(*windows->items));
	windows->items[windows->count++] = (struct window){from_s, to_s};
}

static void find_windows(const struct scenario *scenario, struct windows *windows)
{
	for (size_t i = 0; i + 1 < scenario->event_count; i++)
		add_window(windows, (double)scenario->events[i].at_ns / 1e9,
			(double)scenario->events[i + 1].at_ns / 1e9);
	for (size_t i = 0; i < scenario->expect_count; i++)
		if (scenario->expects[i].kind != EXPECT_SETTLES)
			add_window(windows, (double)scenario->expects[i].from_ns / 1e9,
				(double)scenario->expects[i].to_ns / 1e9);
}

static int by_value(const void *a, const void *b)
{
	double left = *(const double *)a, right = *(const double *)b;

	return (left > right) - (left < right);
}

static void find_cuts(const struct windows *windows, struct pieces *pieces)
{
	size_t count = 0;

	pieces->cuts = xcalloc(2 * windows->count + 1, sizeof(*pieces->cuts));
	for (size_t i = 0; i < windows->count; i++) {
		pieces->cuts[count++] = windows->items[i].from_s;
		pieces->cuts[count++] = windows->items[i].to_s;
	}
	qsort(pieces->cuts, count, sizeof(*pieces->cuts), by_value);
	for (size_t i = 0; i < count; i++)
		if (!pieces->cut_count || pieces->cuts[pieces->cut_count - 1] < pieces->cuts[i])
			pieces->cuts[pieces->cut_count++] = pieces->cuts[i];
}

/* A rate belongs to the interval that ends at its row, so a piece has the rows after its begin, its end included. */
static void add_up(const struct table *series, struct pieces *pieces)
{
	size_t cells = series->tenant_count * pieces->cut_count, piece = 0;

	pieces->columns = series->column_count;
	pieces->sum = xcalloc(cells * series->column_count + 1, sizeof(*pieces->sum));
	pieces->count = xcalloc(cells * series->column_count + 1, sizeof(*pieces->count));
	pieces->rows = xcalloc(cells + 1, sizeof(*pieces->rows));
	for (size_t row = 0; row < series->row_count; row++) {
		while (piece < pieces->cut_count && pieces->cuts[piece] < series->t_s[row])
			piece++;
		if (!piece)
			continue;
		if (piece == pieces->cut_count)
			break;
		size_t cell = series->tenant[row] * pieces->cut_count + piece;
		const double *values = series->cells + row * series->column_count;
		double *sum = pieces->sum + cell * series->column_count;
		uint32_t *count = pieces->count + cell * series->column_count;
		pieces->rows[cell]++;
		for (size_t column = 0; column < series->column_count; column++) {
			bool there = !isnan(values[column]);
			sum[column] += there ? values[column] : 0;
			count[column] += there;
		}
	}
}

/* The mean of one column in a window; NAN: no values, or too many rows are missing. */
static double window_mean(const struct pieces *pieces, size_t tenant, size_t column,
	const struct window *window, double interval_s)
{
	double sum = 0, count = 0, rows = 0, expected = floor((window->to_s - window->from_s) / interval_s);

	for (size_t piece = 1; piece < pieces->cut_count; piece++) {
		size_t cell = tenant * pieces->cut_count + piece;
		if (pieces->cuts[piece] <= window->from_s || pieces->cuts[piece] > window->to_s)
			continue;
		sum += pieces->sum[cell * pieces->columns + column];
		count += pieces->count[cell * pieces->columns + column];
		rows += pieces->rows[cell];
	}
	if (count < 1 || rows < (1 - ROWS_MISSING) * expected - 1)
		return (double)NAN;
	return sum / count;
}

static struct compare_value *add_value(struct compare_run *run)
{
	run->values = xgrow(run->values, run->count, &run->capacity, sizeof(*run->values));
	struct compare_value *value = &run->values[run->count++];
	*value = (struct compare_value){0};
	return value;
}

static bool has_values(const struct table *series, const struct pieces *pieces, size_t tenant, size_t column)
{
	for (size_t piece = 1; piece < pieces->cut_count; piece++)
		if (pieces->count[(tenant * pieces->cut_count + piece) * series->column_count + column])
			return true;
	return false;
}

static void add_metrics(struct compare_run *run, const struct judge_input *input, double interval_s)
{
	const struct table *series = input->series;
	AUTO(windows) struct windows windows = {0};
	AUTO(pieces) struct pieces pieces = {0};
	bool has_share = table_column(series, "cpu_share_pct") >= 0;

	find_windows(input->scenario, &windows);
	find_cuts(&windows, &pieces);
	add_up(series, &pieces);
	for (size_t i = 0; i < run->tenant_count; i++) {
		int tenant = table_tenant(series, run->tenants[i]);
		for (size_t column = 0; tenant >= 0 && column < series->column_count; column++) {
			const char *name = series->columns[column];
			const struct unit *unit = unit_of(name);
			/* The same number in another unit says nothing new. */
			if (!has_values(series, &pieces, (size_t)tenant, column) ||
				(has_share && !strcmp(name, "vcpu_pct")))
				continue;
			for (size_t w = 0; w < windows.count; w++) {
				const struct window *window = &windows.items[w];
				struct compare_value *value = add_value(run);
				value->key = xasprintf("%s %s %.6g-%.6g s", run->tenants[i], name,
					window->from_s, window->to_s);
				value->kind = COMPARE_METRIC;
				value->tenant = xstrdup(run->tenants[i]);
				value->metric = xstrdup(name);
				value->from_s = window->from_s;
				value->to_s = window->to_s;
				value->unit = unit->unit;
				value->least = unit->least;
				value->value =
					window_mean(&pieces, (size_t)tenant, column, window, interval_s);
			}
		}
	}
}

/* The unit that people read: the judge's own one, its factor, and what a change is relative to at least. */
static void expectation_unit(
	const struct expect_spec *expect, struct compare_value *value, double *ret_factor)
{
	static const struct {
		const char *judge, *unit;
		double factor, least;
	} known[] = {
		{"fraction of the capacity", "%", 100, 10},
		{"fraction of all requests", "%", 100, 10},
		{"bit/s", "Mbit/s", 1e-6, 1},
		{"B", "MiB", 1 / MIB, 16},
		{"B/s", "MiB/s", 1 / MIB, 1},
		{"s", "s", 1, 0},
		{"1/s", "1/s", 1, 10},
		{"CPU", "CPU", 1, 0.1},
		{"ratio", "", 1, 0},
	};
	const char *unit = judge_unit(expect);

	*ret_factor = 1;
	value->unit = "";
	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		if (strcmp(known[i].judge, unit) != 0)
			continue;
		value->unit = known[i].unit;
		value->least = known[i].least;
		*ret_factor = known[i].factor;
		return;
	}
}

static void add_expectation(struct compare_run *run, const struct scenario *scenario,
	const struct finding *finding, double interval_s)
{
	const struct expect_spec *expect = finding->expect;
	const bool known = finding->verdict != VERDICT_INCONCLUSIVE;
	const char *tenant = expect->kind == EXPECT_CONSERVES ? "" : scenario->tenants[expect->tenant].name;
	double factor;

	for (enum compare_kind kind = COMPARE_EXPECTATION; kind <= COMPARE_PASSED; kind++) {
		struct compare_value *value = add_value(run);
		value->kind = kind;
		value->key = kind == COMPARE_PASSED ? xasprintf("passed: %s", expect->name)
						    : xstrdup(expect->name);
		value->tenant = xstrdup(tenant);
		value->metric = xstrdup(expect_kind_name(expect->kind));
		value->from_s = (double)expect->from_ns / 1e9;
		value->to_s = (double)expect->to_ns / 1e9;
		if (kind == COMPARE_PASSED) {
			value->unit = "of the runs";
			value->least = 1;
			value->value = known ? finding->verdict == VERDICT_PASS : (double)NAN;
			continue;
		}
		expectation_unit(expect, value, &factor);
		/* A time comes from the times of samples. */
		value->resolution = judge_is_time(expect) ? interval_s : 0;
		value->value =
			known && isfinite(finding->measured) ? finding->measured * factor : (double)NAN;
	}
}

static void add_curves(struct compare_run *run, const struct judge_input *input)
{
	const struct scenario *scenario = input->scenario;
	const struct table *series = input->series;
	enum resource resource = RESOURCE_CPU;
	int column = -1;

	if (scenario->link.declared)
		resource = RESOURCE_NET;
	else if (scenario->memory.declared)
		resource = RESOURCE_MEMORY;
	else if (scenario->disk.declared)
		resource = RESOURCE_DISK;
	run->curves = xcalloc(run->tenant_count * COMPARE_CURVE_POINTS + 1, sizeof(*run->curves));
	AUTO(free_ptr) double *count = xcalloc(run->tenant_count * COMPARE_CURVE_POINTS + 1, sizeof(*count));
	bool found = false;
	for (size_t i = 0; !found && i < ARRAY_SIZE(curve_columns[0]) && curve_columns[resource][i]; i++) {
		column = table_column(series, curve_columns[resource][i]);
		for (size_t row = 0; column >= 0 && !found && row < series->row_count; row++)
			found = !isnan(series->cells[row * series->column_count + (size_t)column]);
	}
	run->curve_metric = xstrdup(found ? series->columns[column] : "");
	for (size_t row = 0; found && row < series->row_count; row++) {
		double place = series->t_s[row] / run->duration_s * COMPARE_CURVE_POINTS;
		double value = series->cells[row * series->column_count + (size_t)column];
		int tenant = scenario_tenant(scenario, series->tenants[series->tenant[row]]);
		if (tenant < 0 || isnan(value) || !(place > 0) || place >= COMPARE_CURVE_POINTS)
			continue;
		size_t point = (size_t)tenant * COMPARE_CURVE_POINTS + (size_t)place;
		run->curves[point] += value;
		count[point]++;
	}
	for (size_t i = 0; i < run->tenant_count * COMPARE_CURVE_POINTS; i++)
		run->curves[i] = count[i] > 0 ? run->curves[i] / count[i] : (double)NAN;
}

static char *why_excluded(const struct judge_input *input, const struct judgement *judgement)
{
	const struct manifest *manifest = input->manifest;
	size_t judged = 0;

	if (manifest->state == RUN_RUNNING)
		return xstrdup("it is still running, or was killed");
	if (manifest->state != RUN_COMPLETE)
		return xasprintf("it is %s%s%s", run_state_name(manifest->state),
			*manifest->reason ? ": " : "", manifest->reason);
	for (size_t i = 0; i < judgement->count; i++)
		judged += judgement->findings[i].verdict <= VERDICT_FAIL;
	if (judgement->count && !judged)
		return xasprintf("it is inconclusive: %s", judgement->findings[0].reason);
	if (!judgement->count && judgement->verdict == VERDICT_INCONCLUSIVE)
		return xstrdup("it is inconclusive");
	return NULL;
}

void compare_run_init(struct compare_run *ret_run, const char *path, const struct judge_input *input,
	const struct judgement *judgement)
{
	const struct scenario *scenario = input->scenario;
	double interval_s = judge_interval_s(input);
	struct compare_run run = {
		.path = xstrdup(path),
		.scenario = xstrdup(scenario->name),
		.plan = plan_essence(scenario),
		.started_utc = xstrdup(input->manifest->started_utc),
		.duration_s = (double)scenario->duration_ns / 1e9,
		.excluded = why_excluded(input, judgement),
		.tenant_count = scenario->tenant_count,
		.tenants = xcalloc(scenario->tenant_count, sizeof(*run.tenants)),
		.rows = input->samples->row_count + input->series->row_count,
	};

	for (size_t i = 0; i < scenario->tenant_count; i++)
		run.tenants[i] = xstrdup(scenario->tenants[i].name);
	if (!run.excluded) {
		for (size_t i = 0; i < judgement->count; i++)
			if (judgement->findings[i].verdict != VERDICT_NOT_APPLICABLE)
				add_expectation(&run, scenario, &judgement->findings[i], interval_s);
		add_metrics(&run, input, interval_s);
	}
	add_curves(&run, input);
	*ret_run = run;
}

void compare_run_release(struct compare_run *run)
{
	for (size_t i = 0; i < run->count; i++) {
		free(run->values[i].key);
		free(run->values[i].tenant);
		free(run->values[i].metric);
	}
	for (size_t i = 0; i < run->tenant_count; i++)
		free(run->tenants[i]);
	free(run->values);
	free(run->tenants);
	free(run->path);
	free(run->scenario);
	free(run->plan);
	free(run->started_utc);
	free(run->excluded);
	free(run->curve_metric);
	free(run->curves);
	*run = (struct compare_run){0};
}
