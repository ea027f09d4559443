/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "plot/figure.h"

#include <string.h>

#include "base/auto.h"
#include "base/clock.h"
#include "plot/parts.h"

#define MIB  (1024.0 * 1024.0)
#define MBIT 1e6

double plot_seconds(uint64_t ns)
{
	return (double)ns / (double)NS_PER_S;
}

void plot_number(struct buf *out, double value)
{
	buf_addf(out, "%.6g", value == 0 ? 0.0 : value);
}

void plot_text(struct buf *out, const char *name, const char *text)
{
	buf_addf(out, "%s = ", name);
	plot_quote(out, text);
	buf_adds(out, "\n");
}

void plot_element(struct buf *out, const char *name, size_t index, const char *text)
{
	buf_addf(out, "%s[%zu] = ", name, index);
	plot_quote(out, text);
	buf_adds(out, "\n");
}

/* What is scarce; else what the first expectation looks at; else what the first limit is about. */
enum resource plot_resource(const struct scenario *scenario)
{
	if (scenario_scarce(scenario) < RESOURCE_COUNT)
		return scenario_scarce(scenario);
	if (scenario->expect_count)
		return scenario->expects[0].resource;
	for (size_t i = 0; i < scenario->event_count; i++) {
		if (scenario->events[i].setting_count)
			return limit_resource(limit_spec(scenario->events[i].settings[0].limit));
	}
	return RESOURCE_CPU;
}

double plot_capacity(const struct scenario *scenario, enum resource resource)
{
	switch (resource) {
	case RESOURCE_CPU:
		return scenario->has_scarce_cpu ? 100 : 0;
	case RESOURCE_NET:
		return (double)scenario->link.rate_bits_per_s / MBIT;
	case RESOURCE_DISK:
		return (double)scenario->disk.rate_bytes_per_s / MIB;
	default:
		return 0;
	}
}

const char *plot_column(const struct plot_side *side, enum measure measure, double *ret_factor)
{
	static const struct {
		const char *column;
		double factor;
	} columns[MEASURE_COUNT] = {
		[MEASURE_NET_CLASS] = {"net_class_mbit_per_s", 1 / MBIT},
		[MEASURE_NET_PAYLOAD] = {"payload_mbit_per_s", 1 / MBIT},
		[MEASURE_MEM_USAGE] = {"mem_mib", 1 / MIB},
		[MEASURE_MEM_ANON] = {"mem_anon_mib", 1 / MIB},
		[MEASURE_MEM_SWAP] = {"mem_swap_mib", 1 / MIB},
		[MEASURE_DISK_BANDWIDTH] = {"disk_read_mib_per_s", 1 / MIB}, /* the first of two */
		[MEASURE_DISK_IOPS] = {"disk_iops", 1},
		[MEASURE_DISK_P99] = {"disk_p99_ms", 1000},
	};
	const struct scenario *scenario = side->scenario;

	if (measure == MEASURE_CPU_TIME) {
		*ret_factor = scenario->has_scarce_cpu ? 100.0 / CPU_COUNT(&scenario->scarce_cpus) : 100;
		return scenario->has_scarce_cpu ? "cpu_share_pct" : "vcpu_pct";
	}
	*ret_factor = columns[measure].factor;
	return columns[measure].column;
}

const char *plot_axis_label(const char *column)
{
	static const struct {
		const char *column, *label;
	} labels[] = {
		{"cpu_share_pct", "share of the scarce CPUs [%]"},
		{"vcpu_pct", "CPU time [% of one CPU]"},
		{"net_class_mbit_per_s", "rate on the link layer [Mbit/s]"},
		{"payload_mbit_per_s", "payload [Mbit/s]"},
		{"net_tx_mbit_per_s", "sent [Mbit/s]"},
		{"mem_mib", "memory of the VM [MiB]"},
		{"disk_read_mib_per_s", "read [MiB/s]"},
		{"disk_write_mib_per_s", "written [MiB/s]"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(labels); i++)
		if (!strcmp(labels[i].column, column))
			return labels[i].label;
	return column;
}

const char *plot_main_column(const struct plot_figure *figure, const struct plot_side *side)
{
	static const enum measure measures[RESOURCE_COUNT] = {[RESOURCE_CPU] = MEASURE_CPU_TIME,
		[RESOURCE_NET] = MEASURE_NET_CLASS,
		[RESOURCE_MEMORY] = MEASURE_MEM_USAGE,
		[RESOURCE_DISK] = MEASURE_DISK_BANDWIDTH};
	double factor;

	return plot_column(side, measures[figure->resource], &factor);
}

double plot_limit_factor(enum limit_id limit)
{
	switch (limit_spec(limit)->quantity) {
	case QUANTITY_BYTES:
	case QUANTITY_BYTES_PER_S:
		return 1 / MIB;
	case QUANTITY_BITS_PER_S:
		return 1 / MBIT;
	default:
		return 1;
	}
}
