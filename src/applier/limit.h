/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The catalogue of limits.  A limit is one adjustable knob of one VM.  A soft limit acts only while its resource is
 * scarce, a hard limit always acts.  Names are scenario keys, command arguments and CSV values alike.
 *
 * Ranges: cpu.shares 2..262144 and cpu.period 1000..1000000 us, cpu.quota 1000..17592186044415 us are libvirt's and the
 * kernel's own (virsh(1) schedinfo; kernel/sched/core.c MIN_SHARES, MAX_SHARES; Documentation/scheduler/sched-bwc).
 * net.priority is HTB's prio (0 is served first), net.rate its guaranteed rate, net.ceil its hard limit, both in bits of
 * link layer per second; the kernel counts bytes, so they are multiples of 8 (tc-htb(8)).  net.quantum: applier/net.h.
 * memory.* are bytes, which the kernel rounds down to pages.  memory.soft is memory.soft_limit_in_bytes on v1, which acts only
 * while the whole host is short of memory, and memory.high on v2, which throttles always: no soft limit.  What acts only when
 * memory is scarce on v2 is memory.protect (memory.low), which v1 does not have.  memory.swap is memory and swap together on v1,
 * swap alone on v2 (cgroup-v1/memory.rst, cgroup-v2.rst).
 * On cgroup v2, cpu.shares goes unchanged into cpu.weight, whose range is 1..10000 (Documentation/admin-guide/cgroup-v2).
 * disk.weight is BFQ's, 1..1000 (block/bfq-iosched.rst); its default is 100.  disk.*_bytes_per_s and *_iops: applier/disk.h.
 */
#ifndef LIMITLAB_APPLIER_LIMIT_H
#define LIMITLAB_APPLIER_LIMIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/units.h"

enum limit_id {
	LIMIT_CPU_SHARES,
	LIMIT_CPU_QUOTA,
	LIMIT_CPU_PERIOD,
	LIMIT_NET_PRIORITY,
	LIMIT_NET_RATE,
	LIMIT_NET_CEIL,
	LIMIT_NET_QUANTUM,
	LIMIT_MEMORY_SOFT,
	LIMIT_MEMORY_HARD,
	LIMIT_MEMORY_SWAP,
	LIMIT_MEMORY_PROTECT,
	LIMIT_DISK_WEIGHT,
	LIMIT_DISK_READ_BYTES,
	LIMIT_DISK_WRITE_BYTES,
	LIMIT_DISK_READ_IOPS,
	LIMIT_DISK_WRITE_IOPS,
	LIMIT_DISK_QEMU_READ_BYTES,
	LIMIT_DISK_QEMU_WRITE_BYTES,
	LIMIT_DISK_QEMU_READ_IOPS,
	LIMIT_DISK_QEMU_WRITE_IOPS,
	LIMIT_COUNT, /* how many there are; also "no limit" and "all limits" where a function says so */
};

/* The value that means "no limit": written "max". Valid where the spec has may_be_unlimited. */
#define LIMIT_UNLIMITED UINT64_MAX

struct limit_spec {
	enum limit_id id;
	const char *name;       /* "cpu.shares" */
	const char *unit;       /* "", "us": suffix of the CSV column and of messages */
	enum quantity quantity; /* how users write the value */
	uint64_t min, max;      /* in the unit of `quantity` */
	bool may_be_unlimited;  /* "max" is a value */
	bool soft;              /* acts only when the resource is scarce */
	const char *resource;   /* "cpu": what it limits */
	const char *summary;    /* one line for help and doctor */
	const char *example;    /* a right value as users write it */
};

/* Never NULL for an id below LIMIT_COUNT. */
const struct limit_spec *limit_spec(enum limit_id id);
/* NULL: there is no limit of this name. */
const struct limit_spec *limit_find(const char *name);
/* Parses and range-checks a value written by a user; errors (ERR_INPUT) name the limit, its range and an example. */
int limit_parse_value(const struct limit_spec *spec, const char *text, uint64_t *ret_value, struct err *err);
/* "4096", "50ms", "max": what limit_parse_value() reads.  The caller frees. */
char *limit_format_value(const struct limit_spec *spec, uint64_t value);

/*
 * Told before a setting changes that is none of the VM's groups own, and may outlive the VM: memory.low of the groups above them.
 * An error ends limit_set().
 */
struct limit_hook {
	int (*changing)(void *context, const char *path, uint64_t before, uint64_t after, struct err *err);
	void *context;
};

#endif
