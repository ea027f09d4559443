/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "applier/net_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/buf.h"

#define BITS        8
#define QUANTUM_MIN 1514
#define QUANTUM_MAX 10000000

uint32_t net_quantum_bytes(uint64_t rate_bits_per_s)
{
	uint64_t quantum = rate_bits_per_s / BITS / 20;

	if (quantum < QUANTUM_MIN)
		return QUANTUM_MIN;
	return quantum > QUANTUM_MAX ? QUANTUM_MAX : (uint32_t)quantum;
}

uint64_t net_default_rate(uint64_t ceil_bits_per_s)
{
	uint64_t hundredth = ceil_bits_per_s / 100 / BITS * BITS, least = limit_spec(LIMIT_NET_RATE)->min;

	return hundredth < least ? least : hundredth;
}

bool net_guarantees(const struct htb_class *class, const struct htb_filter_list *filters)
{
	bool spare = class->id & NET_SPARE;

	for (size_t i = 0; i < filters->count; i++) {
		if (filters->items[i].class_id == class->id)
			return true;
		spare = spare || filters->items[i].class_id == (class->id ^ NET_SPARE);
	}
	return !spare || class->backlog_packets;
}

int net_look(struct target *target, struct net_state *ret_state, struct err *err)
{
	struct target_link *link = target->link;
	struct net_state state = {0};
	bool bound = false;

	if (!link) {
		(void)err_host(err, "'%s' is bound to no link", target->name);
		return err_remedy(err, "a scenario declares one as scarce: {link: {rate: 300Mbit/s}}");
	}
	if (htb_filter_dump(link->htb, link->root, &link->filters, err) ||
		htb_class_dump(link->htb, &link->classes, err))
		return -1;
	for (size_t i = 0; i < link->filters.count && !bound; i++) {
		state.filter = link->filters.items[i];
		bound = !memcmp(state.filter.mac, link->mac, sizeof(link->mac));
	}
	for (size_t i = 0; i < link->classes.count; i++) {
		const struct htb_class *class = &link->classes.items[i];
		if (class->id == link->parent)
			state.parent_bytes_per_s = class->rate_bytes_per_s;
		else if (bound && class->id == state.filter.class_id)
			state.live = *class;
		else if (bound && class->id == (state.filter.class_id ^ NET_SPARE))
			state.spare = *class;
		else if (class->parent == link->parent && net_guarantees(class, &link->filters))
			state.others_bytes_per_s += class->rate_bytes_per_s;
	}
	if (!state.live.id) {
		(void)err_host(err, "the class of '%s' on '%s' is gone", target->name, htb_device(link->htb));
		return err_remedy(err,
			"somebody else changed the traffic control of '%s'; start the run anew",
			htb_device(link->htb));
	}
	*ret_state = state;
	return 0;
}

/* The spare class follows the live one, so that the next change of priority finds it right. */
static int change_both(struct target_link *link, const struct net_state *state,
	const struct htb_class *wanted, struct err *err)
{
	struct htb_class spare = *wanted;

	if (htb_class_change(link->htb, wanted, err))
		return -1;
	if (!state->spare.id)
		return 0;
	spare.id = state->spare.id;
	spare.prio = state->spare.prio;
	return htb_class_change(link->htb, &spare, err);
}

/* Bits to the kernel's bytes: here and nowhere else. */
static int rate_in_bytes(const char *name, uint64_t bits, uint64_t *ret_bytes, struct err *err)
{
	if (bits % BITS)
		return err_input(err,
			"%s %" PRIu64
			" bit/s is no whole number of bytes per second: the kernel counts bytes",
			name, bits);
	*ret_bytes = bits / BITS;
	return 0;
}

static int check_order(uint64_t rate_bytes, uint64_t ceil_bytes, struct err *err)
{
	if (rate_bytes <= ceil_bytes)
		return 0;
	AUTO(free_ptr) char *rate = units_format(rate_bytes * BITS, QUANTITY_BITS_PER_S);
	AUTO(free_ptr) char *ceil = units_format(ceil_bytes * BITS, QUANTITY_BITS_PER_S);
	return err_input(err, "net.rate %s would be above net.ceil %s; set the other one first", rate, ceil);
}

static int priority_set(struct target *target, const struct applier_ops *ops, uint64_t value, struct err *err)
{
	struct net_state state;

	(void)ops;
	if (net_look(target, &state, err))
		return -1;
	uint64_t dropped = target->link->dropped;
	int result = net_set_priority(target, &state, (uint32_t)value, err);
	if (target->link->dropped > dropped)
		(void)snprintf(target->note, sizeof(target->note), "%" PRIu64 " queued frames dropped",
			target->link->dropped - dropped);
	return result;
}

static int rate_set(struct target *target, const struct applier_ops *ops, uint64_t value, struct err *err)
{
	struct net_state state;

	(void)ops;
	if (net_look(target, &state, err))
		return -1;
	struct htb_class wanted = state.live;
	if (rate_in_bytes("net.rate", value, &wanted.rate_bytes_per_s, err) ||
		check_order(wanted.rate_bytes_per_s, wanted.ceil_bytes_per_s, err))
		return -1;
	/* A quantum that was chosen by hand stays. */
	if (wanted.quantum_bytes == net_quantum_bytes(state.live.rate_bytes_per_s * BITS))
		wanted.quantum_bytes = net_quantum_bytes(value);
	return change_both(target->link, &state, &wanted, err);
}

static int ceil_set(struct target *target, const struct applier_ops *ops, uint64_t value, struct err *err)
{
	struct net_state state;

	(void)ops;
	if (net_look(target, &state, err))
		return -1;
	struct htb_class wanted = state.live;
	if (rate_in_bytes("net.ceil", value, &wanted.ceil_bytes_per_s, err) ||
		check_order(wanted.rate_bytes_per_s, wanted.ceil_bytes_per_s, err))
		return -1;
	return change_both(target->link, &state, &wanted, err);
}

static int quantum_set(struct target *target, const struct applier_ops *ops, uint64_t value, struct err *err)
{
	struct net_state state;

	(void)ops;
	if (net_look(target, &state, err))
		return -1;
	struct htb_class wanted = state.live;
	wanted.quantum_bytes = (uint32_t)value;
	return change_both(target->link, &state, &wanted, err);
}

/* Of the live class, and where it stands: "class 1:11 on ll-up, prio". */
static int net_get(struct target *target, const struct applier_ops *ops, uint64_t *ret_value, struct err *err)
{
	const char *what = ops->row;
	struct net_state state;

	if (net_look(target, &state, err))
		return -1;
	(void)snprintf(target->where, sizeof(target->where), "class %x:%x on %s, %s", state.live.id >> 16,
		state.live.id & 0xffff, htb_device(target->link->htb), what);
	switch (ops->limit) {
	case LIMIT_NET_PRIORITY:
		*ret_value = state.live.prio;
		return 0;
	case LIMIT_NET_RATE:
		*ret_value = state.live.rate_bytes_per_s * BITS;
		return 0;
	case LIMIT_NET_CEIL:
		*ret_value = state.live.ceil_bytes_per_s * BITS;
		return 0;
	case LIMIT_NET_QUANTUM:
		*ret_value = state.live.quantum_bytes;
		return 0;
	default:
		BUG("limit %d is none of a class", (int)ops->limit);
	}
}

static int net_probe(struct target *target, const struct applier_ops *ops, struct err *err)
{
	struct net_state state;

	(void)ops;
	return net_look(target, &state, err);
}

#define NET_OPS(word, id, tc_word)                                                                           \
	const struct applier_ops applier_net_##word = {                                                      \
		.limit = id,                                                                                 \
		.controller = CGROUP_CONTROLLER_COUNT,                                                       \
		.row = tc_word,                                                                              \
		.set = word##_set,                                                                           \
		.get = net_get,                                                                              \
		.probe = net_probe,                                                                          \
	}

NET_OPS(priority, LIMIT_NET_PRIORITY, "prio");
NET_OPS(rate, LIMIT_NET_RATE, "rate");
NET_OPS(ceil, LIMIT_NET_CEIL, "ceil");
NET_OPS(quantum, LIMIT_NET_QUANTUM, "quantum");
