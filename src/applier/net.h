/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Network limits of a VM: one HTB class on the device through which its frames leave, bound to the VM by the source MAC of
 * its frames (u32), whatever its addresses.  The device has HTB at its root, with a class that the VMs share and a default
 * class for everybody else (tc-htb(8), net/sched/sch_htb.c); neither is ever touched here.
 *
 * A VM has two class ids, major:MINOR and major:8000+MINOR (hexadecimal).  The second is made by the first change of priority
 * under load; from then on one of the two is live (the filter points at it) and the other is spare and empty, with the same
 * values.  What the VM sent is the sum of both; neither is removed while the VM is bound, so the sum never jumps.
 */
#ifndef LIMITLAB_APPLIER_NET_H
#define LIMITLAB_APPLIER_NET_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct target;

/*
 * How a change of priority is made.  The kernel files a class under its prio when it gets its first packet, and forgets it when it
 * runs empty (sch_htb.c, htb_activate(), htb_deactivate()); a prio that is changed in between waits for that moment, which
 * never comes while the VM has something to send.  A queue cannot be moved to another class: grafting one that exists purges
 * it, and kernels since the end of 2024 refuse it ("Cannot move an existing qdisc to a different parent").
 *
 * raw       The class is changed, as "tc class change" does.
 * leaf      The class is changed and its queue replaced: what was queued is dropped, so it runs empty at once.
 * switch    The spare class gets the new prio and the filter is pointed at it; the old one drains at its guaranteed rate, and
 *           whatever it still holds is overtaken.
 * reliable  The class is changed, which is enough if it is empty.  Else as switch, but first the old class's own rate is raised
 *           by what the link guarantees to nobody (up to its ceil), and once it sends by that the filter is switched: it drains
 *           before anybody borrows, and the new class with nothing but its own rate has little chance to overtake.  Then
 *           both get the asked values.  What is guaranteed to all never adds up to more than the link by this.  Takes at
 *           most 0.6 s; what is not drained then goes on at the guaranteed rate.
 *
 * Measured on 6.18, three backlogged senders, everybody at prio 3 and then one at 0 or 5, one CPU, in private namespaces.
 * TCP, four streams each with GSO, queues of 1 MiB; retransmits are those of the changed sender in the 0.6 s around the change (of
 * those at 80 Mbit/s most have nothing to do with it: see raw).  UDP: two changes (3 to 0 to 5) at 60 Mbit/s, guaranteed 2 each, queues of 512 KiB
 * (363 datagrams); "steps back" are datagrams with a lower number than the one that came before.
 *
 *              300 Mbit/s, 10 each    300 Mbit/s, 10 each    80 Mbit/s, 15+26+39     60 Mbit/s, UDP
 *              3 to 0, TCP            3 to 5, TCP            3 to 0, TCP
 *              after  lost  retrans   after  lost  retrans   after   lost  retrans   after  lost  steps back
 *    raw       never     0     0      never     0     0      never      0   139      never     0     0
 *    leaf      0.1 ms    9   139      0.2 ms    8   103      0.1 ms    28   251      0.2 ms  708     0
 *    switch    0.4 ms    0    50      0.1 ms    0    24      0.2 ms     0   497      0.2 ms   58   308
 *    reliable   23 ms    0     0       13 ms    0     0      404 ms     0    35       79 ms    0    29
 *
 * "lost" counts queued frames, a GSO frame of up to 64 KiB as one.  Where the guaranteed rates use up the link (the third
 * column) there is nothing to drain with, and a change of priority changes no rate either.
 */
enum net_apply {
	NET_APPLY_RELIABLE,
	NET_APPLY_RAW,
	NET_APPLY_LEAF,
	NET_APPLY_SWITCH,
	NET_APPLY_COUNT,
};

#define NET_MINOR_MAX       0xfff
#define NET_SPARE           0x8000U        /* added to a VM's minor: its second class */
#define NET_QUEUE_BYTES     (1024U * 1024) /* of one VM; at 300 Mbit/s 28 ms */
#define NET_PRIORITY_UNSAID 4 /* half-way, so that a VM can be put before the others and behind them */

struct link_binding {
	const char *device; /* in the caller's network namespace */
	uint32_t parent;    /* the class that the VMs share: 0x00010001 for 1:1 */
	uint32_t minor;     /* 1..NET_MINOR_MAX, of the VM's class; unique per device */
	uint8_t mac[6];     /* of the VM's frames */
	enum net_apply apply;
	/* The class as it is made, bits of link layer per second.  0: ceil is the parent's, rate net_default_rate(). */
	uint64_t rate_bits_per_s, ceil_bits_per_s;
	uint64_t quantum_bytes; /* 0: from the rate, see net_quantum_bytes() */
	uint64_t queue_bytes;   /* 0: NET_QUEUE_BYTES */
	uint32_t priority;      /* 0..7 */
};

/*
 * Binds a target to a link: makes its class, queue and filter, or takes over those that are there (same minor, same MAC).  After
 * this the net.* limits work on it; before, they are ERR_HOST.  Nothing is changed when it fails.
 * ERR_INPUT: no such device or parent class, a value out of range, a class of that id that is bound to no such MAC.
 * ERR_HOST: no right, no HTB or u32 in the kernel.
 */
int target_bind_link(struct target *target, const struct link_binding *binding, struct err *err);
/* Removes the target's filter, classes and queues, back to the default class, and unbinds it.  No-op when not bound. */
int target_reset_link(struct target *target, struct err *err);
/* The same for every VM on a device, whoever bound it; root qdisc, shared and default class stay. */
int net_reset_device(const char *device, size_t *ret_vms, struct err *err);
/* Frames that this target's changes of priority had to drop so far. */
uint64_t target_link_dropped(const struct target *target);
/* How a later change of priority is made. */
void target_set_net_apply(struct target *target, enum net_apply apply);

/* "reliable", "raw", "leaf", "switch". */
const char *net_apply_name(enum net_apply apply);
/* NET_APPLY_COUNT: no such word. */
enum net_apply net_apply_find(const char *name);

/*
 * Pure: the quantum (bytes served per turn among classes of one priority) that belongs to a rate.  The kernel's own default is
 * rate/10 per second within 1000..200000, so above 16 Mbit/s all are equal and spare bandwidth is split equally.  Ours is 50 ms
 * of the rate within 1514..10000000: proportional from 0.25 Mbit/s to 1.6 Gbit/s, larger than a GSO packet (64 KiB) from
 * 10.5 Mbit/s on, and a full round of guaranteed rates that fit the link takes 50 ms.
 */
uint32_t net_quantum_bytes(uint64_t rate_bits_per_s);
/* Pure: the guaranteed rate of a class for which none is said: a hundredth of its ceil, in whole bytes. */
uint64_t net_default_rate(uint64_t ceil_bits_per_s);

#endif
