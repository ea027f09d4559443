/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * HTB on one device, through rtnetlink: what the kernel holds, and single steps that change it (tc-htb(8),
 * net/sched/sch_htb.c).  Class ids are 32 bits, major:minor, as the kernel has them (1:11 is 0x00010011).
 *
 * Rates here are the kernel's own: bytes of link layer per second, 64 bits (TCA_HTB_RATE64, TCA_HTB_CEIL64).  The kernel
 * keeps each twice, so a rate at or above 2^32 bytes/s is read from the 64-bit attribute.
 */
#ifndef LIMITLAB_APPLIER_HTB_H
#define LIMITLAB_APPLIER_HTB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define HTB_MAC_LENGTH 6
#define HTB_PRIO_MAX   7 /* TC_HTB_NUMPRIO - 1; the kernel silently takes 7 for anything above */
/* The preference ("prio" of tc filter) of all filters made here, by which they are told from other people's. */
#define HTB_FILTER_PREF 7777
#define HTB_ROOT        UINT32_MAX /* TC_H_ROOT: as a parent */

struct htb; /* one device and a netlink socket of its own */

struct htb_class {
	uint32_t id, parent; /* parent: HTB_ROOT directly below the qdisc */
	uint64_t rate_bytes_per_s, ceil_bytes_per_s;
	uint32_t prio, quantum_bytes;
	uint32_t level; /* 0: a leaf */
	uint32_t leaf;  /* handle of a leaf's queue; 0: the kernel's own pfifo */
	/* Counters.  Bytes are those of the link layer; a GSO packet counts as its segments in packets, as one in the queue. */
	uint64_t sent_bytes, sent_packets;
	uint32_t drops, overlimits;
	uint32_t backlog_bytes, backlog_packets;
	uint32_t lends;   /* packets it sent, or lent for, by its own rate */
	uint32_t borrows; /* packets it sent by an ancestor's rate */
};

struct htb_class_list {
	struct htb_class *items;
	size_t count, capacity;
};

/* device is looked up in the caller's network namespace, in which the handle stays.  ERR_INPUT: there is none. */
int htb_open(const char *device, struct htb **ret_htb, struct err *err);
void htb_close(struct htb *htb);
const char *htb_device(const struct htb *htb);
int htb_ifindex(const struct htb *htb);

/* The root qdisc's handle (0x00010000 for "1:"); 0: the device has no HTB at its root. */
int htb_root_find(struct htb *htb, uint32_t *ret_handle, struct err *err);
/*
 * Makes the root qdisc; what no filter binds goes to the class `default_minor`.  ERR_HOST: this kernel has no HTB.
 * ERR_INPUT: somebody else's root qdisc is there.
 */
int htb_root_add(struct htb *htb, uint32_t handle, uint32_t default_minor, struct err *err);
int htb_root_delete(struct htb *htb, uint32_t handle, struct err *err);

/* All classes, in one dump; ret_list is emptied first and keeps its memory from call to call. */
int htb_class_dump(struct htb *htb, struct htb_class_list *ret_list, struct err *err);
void htb_class_list_release(struct htb_class_list *list);
const struct htb_class *htb_class_find(const struct htb_class_list *list, uint32_t id);
/* Makes the class, or changes it: only id, parent, rate, ceil, prio and quantum matter. */
int htb_class_add(struct htb *htb, const struct htb_class *wanted, struct err *err);
int htb_class_change(struct htb *htb, const struct htb_class *wanted, struct err *err);
int htb_class_delete(struct htb *htb, uint32_t id, struct err *err);

/*
 * Gives a leaf class a queue of limit_bytes, dropping whatever its old one holds (the kernel purges it).  handle: of the
 * new queue, MAJOR << 16; another than the present one's, else the kernel keeps the old queue and only changes its limit.
 */
int htb_leaf_replace(
	struct htb *htb, uint32_t class_id, uint32_t handle, uint64_t limit_bytes, struct err *err);

/* One of our filters: frames with this source MAC go to this class. */
struct htb_filter {
	uint32_t node;   /* 1..0xfff, its number below HTB_FILTER_PREF */
	uint32_t handle; /* the kernel's, from a dump; 0: there is no such filter yet */
	uint32_t class_id;
	uint8_t mac[HTB_MAC_LENGTH];
};

struct htb_filter_list {
	struct htb_filter *items;
	size_t count, capacity;
};

int htb_filter_dump(struct htb *htb, uint32_t root, struct htb_filter_list *ret_list, struct err *err);
void htb_filter_list_release(struct htb_filter_list *list);
/* handle 0: makes it.  Else points it at another class, in one atomic step: each frame finds the old class or the new. */
int htb_filter_put(struct htb *htb, uint32_t root, const struct htb_filter *filter, struct err *err);
int htb_filter_delete(struct htb *htb, uint32_t root, const struct htb_filter *filter, struct err *err);

static inline void auto_htb_class_list(struct htb_class_list *list)
{
	htb_class_list_release(list);
}

static inline void auto_htb_filter_list(struct htb_filter_list *list)
{
	htb_filter_list_release(list);
}

/*
 * Pure: burst of a rate, in bytes.  HTB's bucket must hold what the rate earns while nobody looks: a late timer loses the
 * rest.  tc-tbf(8) asks for rate/HZ; 10 ms (HZ=100, the slowest in use) also covers a busy softirq.  Two full Ethernet frames
 * on top; a GSO packet needs no more, since the kernel lets the bucket go negative by one packet.
 */
uint32_t htb_burst_bytes(uint64_t rate_bytes_per_s);

#endif
