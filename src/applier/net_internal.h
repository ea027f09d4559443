/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Inside net*.c: a target's binding, and what the kernel holds for it at one moment.
 */
#ifndef LIMITLAB_APPLIER_NET_INTERNAL_H
#define LIMITLAB_APPLIER_NET_INTERNAL_H

#include "applier/htb.h"
#include "applier/net.h"
#include "applier/ops.h"

struct target_link {
	struct htb *htb;
	uint32_t root, parent, minor;
	uint8_t mac[HTB_MAC_LENGTH];
	enum net_apply apply;
	uint64_t queue_bytes;
	uint64_t dropped;
	/* The memory of dumps. */
	struct htb_class_list classes;
	struct htb_filter_list filters;
};

struct net_state {
	struct htb_filter filter;
	struct htb_class live;
	struct htb_class spare; /* id 0: not made yet */
	uint64_t parent_bytes_per_s;
	uint64_t others_bytes_per_s; /* guaranteed to the parent's other leaves */
};

/*
 * Pure: whether somebody gets the rate of this class.  Of a VM's two classes that is the one that its filter points to, and the
 * other one while it still sends what it holds.
 */
bool net_guarantees(const struct htb_class *class, const struct htb_filter_list *filters);
/* ERR_HOST: not bound, or the class is gone. */
int net_look(struct target *target, struct net_state *ret_state, struct err *err);
int net_set_priority(
	struct target *target, const struct net_state *state, uint32_t priority, struct err *err);

#endif
