/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The sampler: raw counters of every tenant and of the host, read from kernel files that are kept open.  A source is
 * one const ops struct in one file and one line in an array.  One tick costs microseconds, not a call to QEMU.
 *
 * Columns of samples.csv (t_s and tenant first; a value that does not exist here is missing):
 *	tenant rows: cpu_usage_ns vcpu_usage_ns emulator_usage_ns run_delay_ns cpu_periods cpu_throttled
 *		cpu_throttled_ns mem_usage_bytes mem_anon_bytes mem_swap_bytes mem_major_faults
 *		blk_read_bytes blk_write_bytes blk_read_ios blk_write_ios tap_rx_bytes tap_tx_bytes
 *	"host" row: set_busy_ns set_idle_ns set_steal_ns (sum over the scarce CPUs, /proc/stat, so in steps of 10 ms),
 *		host_busy_ns host_idle_ns host_steal_ns (all CPUs), mem_available_bytes mem_free_bytes swap_free_bytes,
 *		mem_pcp_bytes (free pages on the lists of the CPUs, /proc/zoneinfo: in neither of the two; missing where that
 *		file is longer than 64 KiB),
 *		vm_pgscan vm_pgsteal (pages that global reclaim looked at and took; not what a group's hard limit makes the
 *		kernel do), vm_pgscan_anon (anonymous ones that any reclaim looked at; Linux 5.8 and later), vm_reclaim_runs (how
 *		often global reclaim began: kswapd's rounds and stalled allocations), vm_pswpin vm_pswpout (pages), vm_oom_kills
 *	both, where the kernel has PSI (tenants: v2): psi_mem_some_us psi_mem_full_us, time stalled for memory
 *	both, with a link: net_class_bytes net_class_packets net_class_drops net_class_overlimits net_class_backlog_bytes net_lends
 *		net_borrows: a tenant's own classes on the uplink, and on the "host" row the class that all share
 *	with a scarce disk, tenants: blk_queue_ns, and blk_* are those of its partition alone; "host" row: disk_dev_read_bytes
 *		disk_dev_write_bytes disk_dev_inflight, of the whole device (block/stat.rst)
 * blk_*_ios count requests before the scheduler merges them.  blk_queue_ns is the number of requests in flight added up over
 * time, from one look per tick.
 * Network bytes are those of the link layer; net_class_packets are fewer than there were, because the kernel counts none for a
 * GSO frame that comes from a guest (bstats_update() adds gso_segs, which is 0 there).  tap_rx_bytes is what the VM sent, tap_tx_bytes what was sent to it.
 * vcpu_usage_ns and run_delay_ns are summed over the vCPU threads (the threads of the vcpuN groups):
 * /proc/PID/task/TID/schedstat, fields 1 and 2 (Documentation/scheduler/sched-stats).  cpu_usage_ns is the whole VM's:
 * cpuacct.usage, or cpu.stat usage_usec; where QEMU has no group of its own there, the CPU clock of its process
 * (clock_getcpuclockid(3)).  emulator_usage_ns is the difference of the two.
 */
#ifndef LIMITLAB_SAMPLE_SAMPLER_H
#define LIMITLAB_SAMPLE_SAMPLER_H

#include <sched.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "applier/cgroup.h"
#include "base/err.h"
#include "series/table.h"

struct sampler;

struct sampler_tenant {
	const char *name;
	pid_t pid;                      /* QEMU */
	const struct cgroup_vm *cgroup; /* NULL: no groups, threads only */
	/* Only with a link: its first class on the uplink (its second is counted with it), and its tap; 0 and NULL: none. */
	uint32_t net_class;
	const char *net_tap;
	/* Only with a scarce disk: its partition's name below /sys/class/block; NULL: the group's own counters, over all devices. */
	const char *disk_block;
};

struct sampler_link {
	const char *uplink;    /* in the caller's network namespace */
	uint32_t shared_class; /* the class that all tenants share */
};

struct sampler_options {
	const char *root; /* "" in real life, a folder with proc/ and sys/ in tests */
	const struct sampler_tenant *tenants;
	size_t tenant_count;
	const cpu_set_t *scarce_cpus;    /* may be NULL */
	const struct sampler_link *link; /* NULL: none */
	const char *disk_block;          /* the whole device's name; NULL: none */
};

/*
 * The vCPU threads are found here, so the guests must have started.  Nothing of the options is kept.
 * ERR_HOST: not one counter of a tenant can be read.
 */
int sampler_new(const struct sampler_options *options, struct sampler **ret_sampler, struct err *err);
void sampler_free(struct sampler *sampler);
/* Names of the columns of samples.csv. */
const char *const *sampler_columns(size_t *ret_count);
/*
 * One tick: adds one row per tenant and one for "host" to the table; t_s of each row is taken at its read, relative to
 * zero_ns (CLOCK_MONOTONIC).  A counter that cannot be read any more (the VM died) is missing; that is no error.
 */
void sampler_tick(struct sampler *sampler, uint64_t zero_ns, struct table *table);

#endif
