/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "run/live.h"

#include <math.h>

#include "base/auto.h"
#include "run/fixture.h"
#include "run/wire.h"

#define PERIOD_S 1.0

struct live_measure {
	const char *series, *unit;
	const char *columns[2]; /* of the samples, added up */
	double scale;
	bool is_level; /* shown as it is; else what it grew by per second */
	double (*full)(const struct scenario *scenario);
};

static double full_cpu(const struct scenario *scenario)
{
	(void)scenario;
	return 100;
}

static double full_net(const struct scenario *scenario)
{
	return (double)scenario->link.rate_bits_per_s / 1e6;
}

/* Of the largest tenant, with what QEMU needs for itself. */
static double full_memory(const struct scenario *scenario)
{
	uint64_t most = 0;

	for (size_t i = 0; i < scenario->tenant_count; i++)
		if (scenario->tenants[i].memory_bytes > most)
			most = scenario->tenants[i].memory_bytes;
	return (double)most / 1048576 + 100;
}

static double full_disk(const struct scenario *scenario)
{
	return (double)scenario->disk.rate_bytes_per_s / 1048576;
}

static const struct live_measure measures[RESOURCE_COUNT] = {
	[RESOURCE_CPU] = {"vcpu_pct", "%", {"vcpu_usage_ns"}, 100 / 1e9, false, full_cpu},
	[RESOURCE_NET] = {"net_class_mbit_per_s", "Mbit/s", {"net_class_bytes"}, 8 / 1e6, false, full_net},
	[RESOURCE_MEMORY] = {"mem_mib", "MiB", {"mem_usage_bytes"}, 1 / 1048576.0, true, full_memory},
	[RESOURCE_DISK] = {"disk_mib_per_s", "MiB/s", {"blk_read_bytes", "blk_write_bytes"}, 1 / 1048576.0,
		false, full_disk},
};

void live_init(struct live *live, const struct inner *inner)
{
	live->measure = &measures[inner->fixture ? inner->fixture->resource : RESOURCE_CPU];
	live->t_s = -INFINITY;
}

static double total_of(const struct table *samples, const struct live_measure *measure, size_t row)
{
	double total = 0;

	for (size_t i = 0; i < ARRAY_SIZE(measure->columns) && measure->columns[i]; i++) {
		int column = table_column(samples, measure->columns[i]);
		if (column < 0)
			return (double)NAN;
		total += samples->cells[row * samples->column_count + (size_t)column];
	}
	return total * measure->scale;
}

void live_show(struct live *live, struct inner *inner)
{
	const struct table *samples = &inner->samples;
	const struct scenario *scenario = inner->plan->scenario;
	double values[SCENARIO_MAX_TENANTS];
	size_t rows = inner->member_count + 1;

	if (samples->row_count < rows)
		return;
	size_t first_row = samples->row_count - rows;
	double t_s = samples->t_s[first_row];
	if (t_s - live->t_s < PERIOD_S - 1e-3)
		return;
	for (size_t i = 0; i < inner->member_count; i++) {
		double total = total_of(samples, live->measure, first_row + i);
		values[i] = live->measure->is_level ? total : (total - live->total[i]) / (t_s - live->t_s);
		live->total[i] = total;
	}
	bool first = isinf(live->t_s);
	live->t_s = t_s;
	if (!first)
		wire_tick(inner->plan->wire_fd, &(const struct run_tick){
							.t_s = t_s,
							.duration_s = (double)scenario->duration_ns / 1e9,
							.series = live->measure->series,
							.unit = live->measure->unit,
							.full = live->measure->full(scenario),
							.values = values,
							.count = inner->member_count,
						});
}
