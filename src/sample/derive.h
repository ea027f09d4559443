/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From raw counters to series: rates between successive samples, work rates from the tenants' streams.
 *
 * Columns of series.csv: vcpu_pct cpu_pct emulator_pct (percent of one CPU) cpu_share_pct (vCPU time, percent of the
 * capacity of the scarce CPUs; missing without a CPU fixture) run_delay_pct throttled_pct mem_mib mem_anon_mib
 * mem_swap_mib major_faults_per_s disk_read_mib_per_s disk_write_mib_per_s net_rx_mbit_per_s net_tx_mbit_per_s work_per_s;
 * "host" rows: set_busy_pct set_steal_pct (percent of the capacity of the scarce CPUs) set_foreign_pct (busy time there
 * that is no tenant's vCPU) host_busy_pct host_steal_pct mem_available_mib (with the free pages on the lists of the CPUs) mem_free_mib swap_free_mib
 * reclaim_scan_mib_per_s reclaim_mib_per_s (global reclaim) swap_in_mib_per_s swap_out_mib_per_s; both: mem_stall_some_pct
 * mem_stall_full_pct (PSI; a tenant's on v2) net_class_mbit_per_s (link layer, what HTB
 * let through: of the tenant, or of the class that all share) net_backlog_bytes net_drops_per_s.  net_tx is what the VM sent.
 * Then what the tools report (struct work_value of src/workload): payload_mbit_per_s retransmits_per_s (iperf3's sender,
 * in the guest) payload_rx_mbit_per_s payload_lost_per_s payload_jitter_ms (its receiver, on the far end of the link);
 * disk_iops disk_lat_ms (mean completion latency) disk_p50_ms disk_p99_ms disk_queue_depth (mean number of requests under
 * way) as fio saw them in the guest; of jobs in the guest's memory mem_p50_us mem_p99_us (time that fio took to copy a
 * block there) guest_available_mib (MemAvailable in the guest).
 *
 * A rate belongs to the interval that ends at its row's t_s and begins at the tenant's row before; a tenant's first row
 * has levels only.  Missing stays missing, and a counter that ran backwards gives a missing rate.  set_foreign_pct
 * compares 10 ms steps with nanoseconds: single values scatter and may be negative, only its mean over a second or
 * more says something.  Host rows stand behind the tenants' rows of their tick.
 */
#ifndef LIMITLAB_SAMPLE_DERIVE_H
#define LIMITLAB_SAMPLE_DERIVE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "series/table.h"
#include "workload/workload.h"

struct derive_stream {
	const char *tenant;
	const struct workload_stream *stream;
	bool is_server; /* the other end of the tenant's workload: no work of the tenant's own */
};

/*
 * scarce_cpu_count: 0 without a CPU fixture.  elsewhere: names, the last one NULL, of tenants that run on none of the scarce CPUs; NULL:
 * all do.
 */
void derive_series(const struct table *samples, unsigned scarce_cpu_count, const char *const *elsewhere,
	const struct derive_stream *streams, size_t stream_count, struct table *ret_series);

#endif
