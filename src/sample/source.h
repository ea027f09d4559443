/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Inside the sampler: a source reads some counters of one tenant, or of the host, into a row's cells.  One const struct
 * in one file, one line in the array of sampler.c.
 */
#ifndef LIMITLAB_SAMPLE_SOURCE_H
#define LIMITLAB_SAMPLE_SOURCE_H

#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "applier/cgroup.h"

struct net_view;

/* The columns of samples.csv, in order; names in sampler.c. */
enum sample_column {
	SAMPLE_CPU_USAGE_NS,
	SAMPLE_VCPU_USAGE_NS,
	SAMPLE_EMULATOR_USAGE_NS,
	SAMPLE_RUN_DELAY_NS,
	SAMPLE_CPU_PERIODS,
	SAMPLE_CPU_THROTTLED,
	SAMPLE_CPU_THROTTLED_NS,
	SAMPLE_MEM_USAGE_BYTES,
	SAMPLE_MEM_ANON_BYTES,
	SAMPLE_MEM_SWAP_BYTES,
	SAMPLE_MEM_MAJOR_FAULTS,
	SAMPLE_BLK_READ_BYTES,
	SAMPLE_BLK_WRITE_BYTES,
	SAMPLE_BLK_READ_IOS,
	SAMPLE_BLK_WRITE_IOS,
	SAMPLE_TAP_RX_BYTES, /* what the VM sent */
	SAMPLE_TAP_TX_BYTES,
	SAMPLE_SET_BUSY_NS,
	SAMPLE_SET_IDLE_NS,
	SAMPLE_SET_STEAL_NS,
	SAMPLE_HOST_BUSY_NS,
	SAMPLE_HOST_IDLE_NS,
	SAMPLE_HOST_STEAL_NS,
	SAMPLE_MEM_AVAILABLE_BYTES,
	SAMPLE_MEM_FREE_BYTES,
	SAMPLE_MEM_PCP_BYTES,
	SAMPLE_SWAP_FREE_BYTES,
	SAMPLE_VM_PGSCAN,
	SAMPLE_VM_PGSTEAL,
	SAMPLE_VM_PGSCAN_ANON,
	SAMPLE_VM_RECLAIM_RUNS,
	SAMPLE_VM_PSWPIN,
	SAMPLE_VM_PSWPOUT,
	SAMPLE_VM_OOM_KILLS,
	SAMPLE_PSI_MEM_SOME_US, /* host, and tenants on v2 */
	SAMPLE_PSI_MEM_FULL_US,
	SAMPLE_NET_CLASS_BYTES,
	SAMPLE_NET_CLASS_PACKETS,
	SAMPLE_NET_CLASS_DROPS,
	SAMPLE_NET_CLASS_OVERLIMITS,
	SAMPLE_NET_CLASS_BACKLOG_BYTES,
	SAMPLE_NET_LENDS,
	SAMPLE_NET_BORROWS,
	SAMPLE_BLK_QUEUE_NS,
	SAMPLE_DISK_DEV_READ_BYTES,
	SAMPLE_DISK_DEV_WRITE_BYTES,
	SAMPLE_DISK_DEV_INFLIGHT,
	SAMPLE_COLUMN_COUNT,
};

/* Where to look.  Only read while a source is opened. */
struct sample_place {
	const char *root;
	pid_t pid;                      /* tenants only */
	const struct cgroup_vm *cgroup; /* tenants only; may be NULL */
	const cpu_set_t *scarce_cpus;   /* host only; may be NULL */
	const struct net_view *net;     /* NULL: no link is sampled; outlives the source */
	uint32_t net_class;             /* tenants only; 0: none */
	const char *net_tap;            /* tenants only; may be NULL */
	const char *disk_block;         /* a tenant's partition, the host's device; NULL: none */
};

struct source_ops {
	/* Mandatory. */
	const char *name;
	bool host; /* fills the "host" row; else a tenant's */
	/* NULL: nothing of it exists here, and its columns stay missing. */
	void *(*open)(const struct sample_place *place);
	/* Cells come in missing (NAN); what cannot be read is left so. */
	void (*read)(void *state, double *cells);
	void (*close)(void *state);
};

extern const struct source_ops source_cgroup_cpu, source_process, source_threads, source_memory, source_blkio,
	source_host, source_reclaim, source_net, source_net_host, source_disk, source_disk_host;

/* A kernel file that is kept open: the descriptor, or -1. */
int counter_open(const char *directory, const char *file);
/* Reads it from its beginning; false: cannot be read (any more).  text is NUL terminated; a longer file is cut off. */
bool counter_read(int fd, char *ret_text, size_t size);
bool counter_read_u64(int fd, uint64_t *ret_value);
/* Finds the line "KEY VALUE" in the text of such a file. */
bool counter_find(const char *text, const char *key, uint64_t *ret_value);
/* As counter_find(), straight into a cell; NAN when it is not there. */
double counter_cell(const char *text, const char *key);
/* The stall times of a PSI file (accounting/psi.rst) into their two cells. */
void counter_read_pressure(int fd, double *cells);

#endif
