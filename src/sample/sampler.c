/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sample/sampler.h"

#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/clock.h"
#include "sample/net.h"
#include "sample/source.h"

static const char *const column_names[] = {
	[SAMPLE_CPU_USAGE_NS] = "cpu_usage_ns",
	[SAMPLE_VCPU_USAGE_NS] = "vcpu_usage_ns",
	[SAMPLE_EMULATOR_USAGE_NS] = "emulator_usage_ns",
	[SAMPLE_RUN_DELAY_NS] = "run_delay_ns",
	[SAMPLE_CPU_PERIODS] = "cpu_periods",
	[SAMPLE_CPU_THROTTLED] = "cpu_throttled",
	[SAMPLE_CPU_THROTTLED_NS] = "cpu_throttled_ns",
	[SAMPLE_MEM_USAGE_BYTES] = "mem_usage_bytes",
	[SAMPLE_MEM_ANON_BYTES] = "mem_anon_bytes",
	[SAMPLE_MEM_SWAP_BYTES] = "mem_swap_bytes",
	[SAMPLE_MEM_MAJOR_FAULTS] = "mem_major_faults",
	[SAMPLE_BLK_READ_BYTES] = "blk_read_bytes",
	[SAMPLE_BLK_WRITE_BYTES] = "blk_write_bytes",
	[SAMPLE_BLK_READ_IOS] = "blk_read_ios",
	[SAMPLE_BLK_WRITE_IOS] = "blk_write_ios",
	[SAMPLE_TAP_RX_BYTES] = "tap_rx_bytes",
	[SAMPLE_TAP_TX_BYTES] = "tap_tx_bytes",
	[SAMPLE_SET_BUSY_NS] = "set_busy_ns",
	[SAMPLE_SET_IDLE_NS] = "set_idle_ns",
	[SAMPLE_SET_STEAL_NS] = "set_steal_ns",
	[SAMPLE_HOST_BUSY_NS] = "host_busy_ns",
	[SAMPLE_HOST_IDLE_NS] = "host_idle_ns",
	[SAMPLE_HOST_STEAL_NS] = "host_steal_ns",
	[SAMPLE_MEM_AVAILABLE_BYTES] = "mem_available_bytes",
	[SAMPLE_MEM_FREE_BYTES] = "mem_free_bytes",
	[SAMPLE_MEM_PCP_BYTES] = "mem_pcp_bytes",
	[SAMPLE_SWAP_FREE_BYTES] = "swap_free_bytes",
	[SAMPLE_VM_PGSCAN] = "vm_pgscan",
	[SAMPLE_VM_PGSTEAL] = "vm_pgsteal",
	[SAMPLE_VM_PGSCAN_ANON] = "vm_pgscan_anon",
	[SAMPLE_VM_RECLAIM_RUNS] = "vm_reclaim_runs",
	[SAMPLE_VM_PSWPIN] = "vm_pswpin",
	[SAMPLE_VM_PSWPOUT] = "vm_pswpout",
	[SAMPLE_VM_OOM_KILLS] = "vm_oom_kills",
	[SAMPLE_PSI_MEM_SOME_US] = "psi_mem_some_us",
	[SAMPLE_PSI_MEM_FULL_US] = "psi_mem_full_us",
	[SAMPLE_NET_CLASS_BYTES] = "net_class_bytes",
	[SAMPLE_NET_CLASS_PACKETS] = "net_class_packets",
	[SAMPLE_NET_CLASS_DROPS] = "net_class_drops",
	[SAMPLE_NET_CLASS_OVERLIMITS] = "net_class_overlimits",
	[SAMPLE_NET_CLASS_BACKLOG_BYTES] = "net_class_backlog_bytes",
	[SAMPLE_NET_LENDS] = "net_lends",
	[SAMPLE_NET_BORROWS] = "net_borrows",
	[SAMPLE_BLK_QUEUE_NS] = "blk_queue_ns",
	[SAMPLE_DISK_DEV_READ_BYTES] = "disk_dev_read_bytes",
	[SAMPLE_DISK_DEV_WRITE_BYTES] = "disk_dev_write_bytes",
	[SAMPLE_DISK_DEV_INFLIGHT] = "disk_dev_inflight",
};
_Static_assert(ARRAY_SIZE(column_names) == SAMPLE_COLUMN_COUNT, "every column has a name");

/* CPU first: a row's time is taken right before it.  The process comes in where the groups know nothing. */
static const struct source_ops *const sources[] = {
	&source_cgroup_cpu,
	&source_process,
	&source_threads,
	&source_memory,
	&source_blkio,
	&source_disk,
	&source_net,
	&source_net_host,
	&source_host,
	&source_disk_host,
	&source_reclaim,
};

struct row {
	char *name;
	void *states[ARRAY_SIZE(sources)];
};

struct sampler {
	struct row *rows; /* the tenants, then the host */
	size_t row_count;
	struct net_view *net; /* NULL: no link */
};

DEFINE_AUTO(sampler, struct sampler *, sampler_free);

const char *const *sampler_columns(size_t *ret_count)
{
	*ret_count = SAMPLE_COLUMN_COUNT;
	return column_names;
}

static bool open_row(struct row *row, const char *name, bool host, const struct sample_place *place)
{
	bool any = false;

	row->name = xstrdup(name);
	for (size_t i = 0; i < ARRAY_SIZE(sources); i++) {
		if (sources[i]->host == host)
			row->states[i] = sources[i]->open(place);
		any = any || row->states[i];
	}
	return any;
}

int sampler_new(const struct sampler_options *options, struct sampler **ret_sampler, struct err *err)
{
	AUTO(sampler) struct sampler *sampler = xcalloc(1, sizeof(*sampler));
	const struct sampler_tenant *tenants = options->tenants;
	const struct sampler_link *link = options->link;

	if (link && net_view_new(link->uplink, link->shared_class, &sampler->net, err))
		return err_wrap(err, "cannot sample the shared link");
	sampler->rows = xcalloc(options->tenant_count + 1, sizeof(*sampler->rows));
	for (size_t i = 0; i < options->tenant_count; i++) {
		struct sample_place place = {
			.root = options->root,
			.pid = tenants[i].pid,
			.cgroup = tenants[i].cgroup,
			.net = sampler->net,
			.net_class = tenants[i].net_class,
			.net_tap = tenants[i].net_tap,
			.disk_block = tenants[i].disk_block,
		};
		if (!open_row(&sampler->rows[sampler->row_count++], tenants[i].name, false, &place)) {
			(void)err_host(err, "no counter of tenant '%s' (process %d) can be read",
				tenants[i].name, (int)tenants[i].pid);
			return err_remedy(
				err, "mount the cgroup controllers cpu, cpuacct, memory and blkio, or v2");
		}
	}
	struct sample_place host = {
		.root = options->root,
		.scarce_cpus = options->scarce_cpus,
		.net = sampler->net,
		.disk_block = options->disk_block,
	};
	(void)open_row(&sampler->rows[sampler->row_count++], "host", true, &host);
	*ret_sampler = STEAL(sampler);
	return 0;
}

void sampler_free(struct sampler *sampler)
{
	if (!sampler)
		return;
	for (size_t i = 0; i < sampler->row_count; i++) {
		for (size_t k = 0; k < ARRAY_SIZE(sources); k++)
			sources[k]->close(sampler->rows[i].states[k]);
		free(sampler->rows[i].name);
	}
	free(sampler->rows);
	net_view_free(sampler->net);
	free(sampler);
}

void sampler_tick(struct sampler *sampler, uint64_t zero_ns, struct table *table)
{
	if (sampler->net)
		net_view_refresh(sampler->net);
	for (size_t i = 0; i < sampler->row_count; i++) {
		struct row *row = &sampler->rows[i];
		/* The start of the timeline may still lie ahead: signed. */
		double t_s = (double)(int64_t)(clock_now_ns() - zero_ns) / (double)NS_PER_S;
		double *cells = table_add_row(table, t_s, row->name);
		for (size_t k = 0; k < ARRAY_SIZE(sources); k++)
			if (row->states[k])
				sources[k]->read(row->states[k], cells);
		cells[SAMPLE_EMULATOR_USAGE_NS] = cells[SAMPLE_CPU_USAGE_NS] - cells[SAMPLE_VCPU_USAGE_NS];
	}
}
