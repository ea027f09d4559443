/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "judge/internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/buf.h"

/* Where each measure comes from. */
static const struct source {
	enum {
		SOURCE_COUNTER, /* samples.csv, one that only grows; the sum of both columns where there are two */
		SOURCE_LEVEL, /* samples.csv, a value that stands until the next */
		SOURCE_SERIES, /* series.csv, what held since the row before; the first of the columns that has values */
	} kind;
	const char *columns[2];
	double divisor; /* of the column, to the measure's unit */
} sources[] = {
	[MEASURE_CPU_TIME] = {SOURCE_COUNTER, {"vcpu_usage_ns"}, 1e9},
	[MEASURE_NET_CLASS] = {SOURCE_COUNTER, {"net_class_bytes"}, 1. / 8},
	[MEASURE_NET_PAYLOAD] = {SOURCE_SERIES, {"payload_rx_mbit_per_s", "payload_mbit_per_s"}, 1e-6},
	[MEASURE_MEM_USAGE] = {SOURCE_LEVEL, {"mem_usage_bytes"}, 1},
	[MEASURE_MEM_ANON] = {SOURCE_LEVEL, {"mem_anon_bytes"}, 1},
	[MEASURE_MEM_SWAP] = {SOURCE_LEVEL, {"mem_swap_bytes"}, 1},
	[MEASURE_DISK_BANDWIDTH] = {SOURCE_COUNTER, {"blk_read_bytes", "blk_write_bytes"}, 1},
	[MEASURE_DISK_IOPS] = {SOURCE_COUNTER, {"blk_read_ios", "blk_write_ios"}, 1},
	[MEASURE_DISK_P99] = {SOURCE_SERIES, {"disk_p99_ms"}, 1e3},
};
_Static_assert(ARRAY_SIZE(sources) == MEASURE_COUNT, "every measure has a source");

void counter_load_sum(struct counter *counter, const struct table *table, const char *tenant,
	const char *first, const char *second)
{
	int who = table_tenant(table, tenant),
	    columns[] = {table_column(table, first), table_column(table, second)};
	size_t count = 0;

	*counter = (struct counter){0};
	if (who < 0 || columns[0] < 0 || columns[1] < 0)
		return;
	counter->t_s = xcalloc(table->row_count + 1, sizeof(*counter->t_s));
	counter->value = xcalloc(table->row_count + 1, sizeof(*counter->value));
	for (size_t row = 0; row < table->row_count; row++) {
		const double *cells = table->cells + row * table->column_count;
		double sum = cells[columns[0]] + cells[columns[1]];
		if (table->tenant[row] != (uint32_t)who || isnan(sum))
			continue;
		counter->t_s[count] = table->t_s[row];
		counter->value[count++] = sum;
	}
	counter->count = count;
}

void counter_integrate(const struct counter *values, bool ends, double longest_s, struct counter *ret_total)
{
	struct counter total = {
		.t_s = xcalloc(values->count + 1, sizeof(*total.t_s)),
		.value = xcalloc(values->count + 1, sizeof(*total.value)),
		.count = values->count,
	};

	for (size_t i = 0; i < values->count; i++) {
		total.t_s[i] = values->t_s[i];
		if (!i)
			continue;
		double height = ends ? values->value[i] : (values->value[i - 1] + values->value[i]) / 2;
		total.value[i] =
			total.value[i - 1] + height * fmin(values->t_s[i] - values->t_s[i - 1], longest_s);
	}
	*ret_total = total;
}

void metric_load(
	struct metric *metric, const struct judge_input *input, enum measure measure, unsigned tenant)
{
	const struct source *source = &sources[measure];
	const char *name = input->scenario->tenants[tenant].name, *column = source->columns[0];

	metric->divisor = source->divisor;
	switch (source->kind) {
	case SOURCE_COUNTER:
		if (source->columns[1])
			counter_load_sum(&metric->total, input->samples, name, column, source->columns[1]);
		else
			counter_load(&metric->total, input->samples, name, column);
		break;
	case SOURCE_LEVEL:
		metric->is_level = true;
		counter_load(&metric->level, input->samples, name, column);
		metric->level.is_level = true;
		counter_integrate(&metric->level, false, (double)INFINITY, &metric->total);
		break;
	case SOURCE_SERIES:
		metric->is_level = true;
		counter_load(&metric->level, input->series, name, column);
		if (!metric->level.count && source->columns[1]) {
			counter_release(&metric->level);
			column = source->columns[1];
			counter_load(&metric->level, input->series, name, column);
		}
		metric->level.is_level = true;
		counter_integrate(&metric->level, true, (double)INFINITY, &metric->total);
		break;
	}
	metric->what = source->kind == SOURCE_COUNTER && source->columns[1]
			       ? xasprintf("%s and %s of '%s'", column, source->columns[1], name)
			       : xasprintf("%s of '%s'", column, name);
}

void metric_release(struct metric *metric)
{
	free(metric->what);
	counter_release(&metric->total);
	counter_release(&metric->level);
	*metric = (struct metric){0};
}

double metric_mean(const struct metric *metric, double capacity, double from_s, double to_s)
{
	return counter_growth(&metric->total, from_s, to_s) / metric->divisor / (capacity * (to_s - from_s));
}

double metric_at(const struct metric *metric, double t_s)
{
	return counter_at(&metric->level, t_s) / metric->divisor;
}
