/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sample/derive.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/err.h"

#define BYTES_PER_MIB     (1024.0 * 1024.0)
#define MIB_PER_PAGE      (4096.0 / BYTES_PER_MIB) /* of x86, where limitlab's tenants run */
#define NS_PER_SECOND     1e9
#define MISSING           ((double)NAN)
#define PERCENT_OF_NS(dt) (100.0 / (NS_PER_SECOND * (dt)))

enum derived {
	VCPU_PCT,
	CPU_PCT,
	EMULATOR_PCT,
	CPU_SHARE_PCT,
	RUN_DELAY_PCT,
	THROTTLED_PCT,
	MEM_MIB,
	MEM_ANON_MIB,
	MEM_SWAP_MIB,
	DISK_READ,
	DISK_WRITE,
	NET_RX,
	NET_TX,
	WORK_PER_S,
	SET_BUSY_PCT,
	SET_STEAL_PCT,
	SET_FOREIGN_PCT,
	HOST_BUSY_PCT,
	HOST_STEAL_PCT,
	MEM_AVAILABLE_MIB,
	MEM_FREE_MIB,
	SWAP_FREE_MIB,
	VM_SCAN,
	VM_STEAL,
	SWAP_IN,
	SWAP_OUT,
	MAJOR_FAULTS,
	STALL_SOME_PCT,
	STALL_FULL_PCT,
	NET_CLASS,
	NET_BACKLOG,
	NET_DROPS,
	DERIVED_COUNT,
};

static const char *const derived_names[] = {
	[VCPU_PCT] = "vcpu_pct",
	[CPU_PCT] = "cpu_pct",
	[EMULATOR_PCT] = "emulator_pct",
	[CPU_SHARE_PCT] = "cpu_share_pct",
	[RUN_DELAY_PCT] = "run_delay_pct",
	[THROTTLED_PCT] = "throttled_pct",
	[MEM_MIB] = "mem_mib",
	[MEM_ANON_MIB] = "mem_anon_mib",
	[MEM_SWAP_MIB] = "mem_swap_mib",
	[DISK_READ] = "disk_read_mib_per_s",
	[DISK_WRITE] = "disk_write_mib_per_s",
	[NET_RX] = "net_rx_mbit_per_s",
	[NET_TX] = "net_tx_mbit_per_s",
	[WORK_PER_S] = "work_per_s",
	[SET_BUSY_PCT] = "set_busy_pct",
	[SET_STEAL_PCT] = "set_steal_pct",
	[SET_FOREIGN_PCT] = "set_foreign_pct",
	[HOST_BUSY_PCT] = "host_busy_pct",
	[HOST_STEAL_PCT] = "host_steal_pct",
	[MEM_AVAILABLE_MIB] = "mem_available_mib",
	[MEM_FREE_MIB] = "mem_free_mib",
	[SWAP_FREE_MIB] = "swap_free_mib",
	[VM_SCAN] = "reclaim_scan_mib_per_s",
	[VM_STEAL] = "reclaim_mib_per_s",
	[SWAP_IN] = "swap_in_mib_per_s",
	[SWAP_OUT] = "swap_out_mib_per_s",
	[MAJOR_FAULTS] = "major_faults_per_s",
	[STALL_SOME_PCT] = "mem_stall_some_pct",
	[STALL_FULL_PCT] = "mem_stall_full_pct",
	[NET_CLASS] = "net_class_mbit_per_s",
	[NET_BACKLOG] = "net_backlog_bytes",
	[NET_DROPS] = "net_drops_per_s",
};
_Static_assert(ARRAY_SIZE(derived_names) == DERIVED_COUNT, "every series has a name");

/*
 * Where the columns are that this file names: looked up once per name, not once per row.  A name is a literal, so its
 * address stands for it; the same name at two addresses is looked up twice.
 */
struct columns {
	const char *names[128];
	int at[128];
};

/* Two successive rows of one tenant. */
struct step {
	const struct table *samples;
	struct columns *columns;
	const double *before; /* NULL: the first row */
	const double *after;
	double dt_s;
};

static int column_of(const struct step *step, const char *name)
{
	struct columns *columns = step->columns;
	size_t slot = ((uintptr_t)name * UINT64_C(0x9e3779b97f4a7c15)) >> 57;

	for (size_t i = 0; i < ARRAY_SIZE(columns->names);
		i++, slot = (slot + 1) % ARRAY_SIZE(columns->names)) {
		if (columns->names[slot] == name)
			return columns->at[slot];
		if (columns->names[slot])
			continue;
		columns->names[slot] = name;
		return columns->at[slot] = table_column(step->samples, name);
	}
	BUG("more than %zu columns are named", ARRAY_SIZE(columns->names));
}

static double level(const struct step *step, const char *name)
{
	int column = column_of(step, name);

	return column < 0 ? MISSING : step->after[column];
}

/* How much a counter grew; one that ran backwards was reset in between, and says nothing. */
static double growth(const struct step *step, const char *name)
{
	int column = column_of(step, name);

	if (column < 0 || !step->before || !(step->dt_s > 0))
		return MISSING;
	double difference = step->after[column] - step->before[column];
	return difference < 0 ? MISSING : difference;
}

/* Percent of one CPU. */
static double cpu_percent(const struct step *step, const char *name)
{
	return growth(step, name) * PERCENT_OF_NS(step->dt_s);
}

static double rate(const struct step *step, const char *name, double per_unit)
{
	return growth(step, name) * per_unit / step->dt_s;
}

/* A tenant's own classes, or on the host's row the one that all share. */
static void derive_class(const struct step *step, double *cells)
{
	cells[NET_CLASS] = rate(step, "net_class_bytes", 8 / 1e6);
	cells[NET_BACKLOG] = level(step, "net_class_backlog_bytes");
	cells[NET_DROPS] = rate(step, "net_class_drops", 1);
}

/* Part of the time in which somebody, or everybody, waited for memory. */
static void derive_stalls(const struct step *step, double *cells)
{
	cells[STALL_SOME_PCT] = rate(step, "psi_mem_some_us", 100 / 1e6);
	cells[STALL_FULL_PCT] = rate(step, "psi_mem_full_us", 100 / 1e6);
}

static void derive_tenant(const struct step *step, unsigned scarce_cpu_count, double *cells)
{
	cells[VCPU_PCT] = cpu_percent(step, "vcpu_usage_ns");
	cells[CPU_PCT] = cpu_percent(step, "cpu_usage_ns");
	/* The two counters are read microseconds apart: their difference is not a counter and may step back a little. */
	double emulator = cells[CPU_PCT] - cells[VCPU_PCT];
	cells[EMULATOR_PCT] = emulator < 0 ? 0 : emulator;
	if (scarce_cpu_count)
		cells[CPU_SHARE_PCT] = cells[VCPU_PCT] / scarce_cpu_count;
	cells[RUN_DELAY_PCT] = cpu_percent(step, "run_delay_ns");
	cells[THROTTLED_PCT] = cpu_percent(step, "cpu_throttled_ns");
	cells[MEM_MIB] = level(step, "mem_usage_bytes") / BYTES_PER_MIB;
	cells[MEM_ANON_MIB] = level(step, "mem_anon_bytes") / BYTES_PER_MIB;
	cells[MEM_SWAP_MIB] = level(step, "mem_swap_bytes") / BYTES_PER_MIB;
	cells[DISK_READ] = rate(step, "blk_read_bytes", 1 / BYTES_PER_MIB);
	cells[DISK_WRITE] = rate(step, "blk_write_bytes", 1 / BYTES_PER_MIB);
	/* The tap receives what the VM transmits. */
	cells[NET_RX] = rate(step, "tap_tx_bytes", 8 / 1e6);
	cells[NET_TX] = rate(step, "tap_rx_bytes", 8 / 1e6);
	cells[MAJOR_FAULTS] = rate(step, "mem_major_faults", 1);
	derive_stalls(step, cells);
	derive_class(step, cells);
}

/*
 * Percent of what the CPUs could have done by their own clock: /proc/stat moves in steps of 10 ms, and busy, idle and
 * steal move together.
 */
static void derive_busy(
	const struct step *step, const char *const names[3], double *ret_busy, double *ret_steal)
{
	double busy = growth(step, names[0]);
	double idle = growth(step, names[1]);
	double steal = growth(step, names[2]);
	double all = busy + idle + steal;

	if (!(all > 0))
		return;
	*ret_busy = 100 * busy / all;
	*ret_steal = 100 * steal / all;
}

static void derive_host_memory(const struct step *step, double *cells)
{
	double on_lists = level(step, "mem_pcp_bytes"); /* older runs do not tell */

	cells[MEM_AVAILABLE_MIB] =
		(level(step, "mem_available_bytes") + (isnan(on_lists) ? 0 : on_lists)) / BYTES_PER_MIB;
	cells[MEM_FREE_MIB] = level(step, "mem_free_bytes") / BYTES_PER_MIB;
	cells[SWAP_FREE_MIB] = level(step, "swap_free_bytes") / BYTES_PER_MIB;
	cells[VM_SCAN] = rate(step, "vm_pgscan", MIB_PER_PAGE);
	cells[VM_STEAL] = rate(step, "vm_pgsteal", MIB_PER_PAGE);
	cells[SWAP_IN] = rate(step, "vm_pswpin", MIB_PER_PAGE);
	cells[SWAP_OUT] = rate(step, "vm_pswpout", MIB_PER_PAGE);
	derive_stalls(step, cells);
}

/* vcpu_ns: growth of the vCPU time of all tenants there in the same tick. */
static void derive_host(const struct step *step, unsigned scarce_cpu_count, double vcpu_ns, double *cells)
{
	static const char *const set[] = {"set_busy_ns", "set_idle_ns", "set_steal_ns"};
	static const char *const host[] = {"host_busy_ns", "host_idle_ns", "host_steal_ns"};

	derive_class(step, cells);
	derive_busy(step, set, &cells[SET_BUSY_PCT], &cells[SET_STEAL_PCT]);
	derive_busy(step, host, &cells[HOST_BUSY_PCT], &cells[HOST_STEAL_PCT]);
	if (scarce_cpu_count && step->dt_s > 0)
		cells[SET_FOREIGN_PCT] =
			cells[SET_BUSY_PCT] - vcpu_ns * PERCENT_OF_NS(step->dt_s) / scarce_cpu_count;
	derive_host_memory(step, cells);
}

/* The columns of an ops struct and of its other end, those that are not there yet. */
static void add_columns(const char **names, size_t *count, size_t limit, const struct workload_ops *ops)
{
	for (; ops; ops = ops->server) {
		for (size_t i = 0; i < ops->value_count; i++) {
			size_t k = 0;
			while (k < *count && strcmp(names[k], ops->values[i].column) != 0)
				k++;
			if (k < *count)
				continue;
			if (*count == limit)
				BUG("more than %zu columns", limit);
			names[(*count)++] = ops->values[i].column;
		}
	}
}

static void init_series(struct table *series)
{
	const char *names[DERIVED_COUNT + 8 * WORK_VALUES_MAX];
	size_t count = DERIVED_COUNT;

	memcpy(names, derived_names, sizeof(derived_names));
	for (size_t i = 0; workload_all[i]; i++)
		add_columns(names, &count, ARRAY_SIZE(names), workload_all[i]);
	table_init(series, names, count);
}

/* What a tenant's tools said about the time between two of its rows. */
static void derive_streams(const struct derive_stream *streams, size_t count, const char *tenant,
	double from_s, double to_s, const struct table *series, double *cells)
{
	for (size_t i = 0; i < count; i++) {
		const struct workload_stream *stream = streams[i].stream;
		if (strcmp(streams[i].tenant, tenant) != 0)
			continue;
		if (!streams[i].is_server)
			cells[WORK_PER_S] = workload_stream_rate(stream, from_s, to_s);
		for (size_t k = 0; stream->ops && k < stream->ops->value_count; k++) {
			double *cell = &cells[table_column(series, stream->ops->values[k].column)];
			/* What the host has counted is not overruled. */
			if (isnan(*cell))
				*cell = workload_stream_value(stream, k, from_s, to_s);
		}
	}
}

static bool is_elsewhere(const char *const *elsewhere, const char *tenant)
{
	while (elsewhere && *elsewhere && strcmp(*elsewhere, tenant) != 0)
		elsewhere++;
	return elsewhere && *elsewhere;
}

void derive_series(const struct table *samples, unsigned scarce_cpu_count, const char *const *elsewhere,
	const struct derive_stream *streams, size_t stream_count, struct table *ret_series)
{
	/* The row before, per tenant; SIZE_MAX: none. */
	AUTO(free_ptr) size_t *last = xcalloc(samples->tenant_count, sizeof(*last));
	struct columns columns = {0};
	double vcpu_ns = 0;

	if (samples->row_count && !samples->cells)
		BUG("a table of %zu rows without cells", samples->row_count);
	for (size_t i = 0; i < samples->tenant_count; i++)
		last[i] = SIZE_MAX;
	init_series(ret_series);
	for (size_t row = 0; row < samples->row_count; row++) {
		size_t tenant = samples->tenant[row];
		const char *name = samples->tenants[tenant];
		bool first = last[tenant] == SIZE_MAX;
		struct step step = {
			.samples = samples,
			.columns = &columns,
			.before = first ? NULL : samples->cells + last[tenant] * samples->column_count,
			.after = samples->cells + row * samples->column_count,
			.dt_s = first ? 0 : samples->t_s[row] - samples->t_s[last[tenant]],
		};
		double *cells = table_add_row(ret_series, samples->t_s[row], name);
		if (!strcmp(name, "host")) {
			derive_host(&step, scarce_cpu_count, vcpu_ns, cells);
			vcpu_ns = 0;
		} else {
			derive_tenant(&step, scarce_cpu_count, cells);
			if (!is_elsewhere(elsewhere, name))
				vcpu_ns += growth(&step, "vcpu_usage_ns");
			if (!first)
				derive_streams(streams, stream_count, name, samples->t_s[last[tenant]],
					samples->t_s[row], ret_series, cells);
		}
		last[tenant] = row;
	}
}
