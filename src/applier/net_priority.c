/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "applier/net_internal.h"

#include <string.h>

#include "base/auto.h"
#include "base/clock.h"

#define POLL_NS    (2 * NS_PER_MS)
#define CLEAR_NS   (100 * NS_PER_MS)
#define DRAIN_NS   (500 * NS_PER_MS)
#define LEAF_OTHER UINT32_C(0x10000000) /* flips between the two handles of a class's queue */

static const char *const names[NET_APPLY_COUNT] = {"reliable", "raw", "leaf", "switch"};

const char *net_apply_name(enum net_apply apply)
{
	return names[apply];
}

enum net_apply net_apply_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (!strcmp(names[i], name))
			return (enum net_apply)i;
	return NET_APPLY_COUNT;
}

static int replace_queue(struct target_link *link, const struct htb_class *class, struct err *err)
{
	if (htb_leaf_replace(link->htb, class->id, class->leaf ^ LEAF_OTHER, link->queue_bytes, err))
		return -1;
	/* The kernel does not say what a purge dropped; this is what was queued just before. */
	link->dropped += class->backlog_packets;
	return 0;
}

static int set_leaf(struct target_link *link, const struct net_state *state, const struct htb_class *wanted,
	struct err *err)
{
	if (htb_class_change(link->htb, wanted, err))
		return -1;
	return replace_queue(link, &state->live, err);
}

/* Makes the spare class what `wanted` says, with an empty queue. */
static int prepare_spare(struct target_link *link, const struct net_state *state,
	const struct htb_class *wanted, struct err *err)
{
	if (state->spare.id) {
		/* What an earlier change left there would now overtake. */
		if (state->spare.backlog_packets && replace_queue(link, &state->spare, err))
			return -1;
		return htb_class_change(link->htb, wanted, err);
	}
	if (htb_class_add(link->htb, wanted, err))
		return -1;
	uint32_t handle = (UINT32_C(0x6000) | link->minor) << 16;
	if (!htb_leaf_replace(link->htb, wanted->id, handle, link->queue_bytes, err))
		return 0;
	(void)htb_class_delete(link->htb, wanted->id, NULL);
	return -1;
}

/* Waits until the class sends by its own rate, or is empty. */
static int wait_for_class(struct target_link *link, const struct htb_class *before, bool until_empty,
	uint64_t limit_ns, struct err *err)
{
	uint64_t start_ns = clock_now_ns();

	for (uint64_t now_ns = start_ns; now_ns - start_ns < limit_ns; now_ns = clock_now_ns()) {
		if (htb_class_dump(link->htb, &link->classes, err))
			return -1;
		const struct htb_class *class = htb_class_find(&link->classes, before->id);
		if (!class || !class->backlog_packets)
			return 0;
		if (!until_empty && class->lends - before->lends >= 2)
			return 0;
		clock_sleep_until_ns(now_ns + POLL_NS);
	}
	return 0;
}

static int switch_filter(
	struct target_link *link, const struct net_state *state, uint32_t id, struct err *err)
{
	struct htb_filter filter = state->filter;

	filter.class_id = id;
	return htb_filter_put(link->htb, link->root, &filter, err);
}

static int set_switch(
	struct target_link *link, const struct net_state *state, struct htb_class wanted, struct err *err)
{
	wanted.id = state->live.id ^ NET_SPARE;
	return prepare_spare(link, state, &wanted, err) || switch_filter(link, state, wanted.id, err) ? -1
												      : 0;
}

/* Raises the old class's own rate by what nobody is guaranteed, and waits until it sends by it. */
static int hurry(struct target_link *link, const struct net_state *state, struct err *err)
{
	struct htb_class old = state->live;
	/* The new class has the same rate from the start, beside the old one. */
	uint64_t guaranteed = state->others_bytes_per_s + 2 * old.rate_bytes_per_s;

	if (state->parent_bytes_per_s <= guaranteed || !old.backlog_packets)
		return 0;
	old.rate_bytes_per_s += state->parent_bytes_per_s - guaranteed;
	if (old.rate_bytes_per_s > old.ceil_bytes_per_s)
		old.rate_bytes_per_s = old.ceil_bytes_per_s;
	if (htb_class_change(link->htb, &old, err))
		return -1;
	/* Until the debts of its old rate are paid, it would still only borrow. */
	return wait_for_class(link, &state->live, false, CLEAR_NS, err);
}

/* A class that is empty now, with its prio in place, is filed under it with its next frame: nothing more to do. */
static int change_idle(struct target_link *link, const struct net_state *state,
	const struct htb_class *wanted, bool *ret_done, struct err *err)
{
	struct htb_class spare = *wanted;

	if (htb_class_change(link->htb, wanted, err) || htb_class_dump(link->htb, &link->classes, err))
		return -1;
	const struct htb_class *now = htb_class_find(&link->classes, wanted->id);
	*ret_done = now && !now->backlog_packets;
	spare.id = state->spare.id;
	return *ret_done && spare.id ? htb_class_change(link->htb, &spare, err) : 0;
}

static int set_reliable(
	struct target_link *link, const struct net_state *state, struct htb_class wanted, struct err *err)
{
	uint32_t old_id = wanted.id;
	bool done;

	if (change_idle(link, state, &wanted, &done, err))
		return -1;
	if (done)
		return 0;
	wanted.id ^= NET_SPARE;
	if (prepare_spare(link, state, &wanted, err) || hurry(link, state, err) ||
		switch_filter(link, state, wanted.id, err)) {
		(void)htb_class_change(link->htb, &state->live, NULL);
		return -1;
	}
	int result = wait_for_class(link, &state->live, true, DRAIN_NS, err);
	/* It keeps what it could not send, and goes on at its own rate. */
	wanted.id = old_id;
	return htb_class_change(link->htb, &wanted, err) ? -1 : result;
}

int net_set_priority(struct target *target, const struct net_state *state, uint32_t priority, struct err *err)
{
	struct target_link *link = target->link;
	struct htb_class wanted = state->live;

	/* The same number may still be waiting for its class to run empty, if it was set raw or by tc: "reliable" makes sure. */
	if (wanted.prio == priority && link->apply != NET_APPLY_RELIABLE)
		return 0;
	wanted.prio = priority;
	switch (link->apply) {
	case NET_APPLY_RAW:
		return htb_class_change(link->htb, &wanted, err);
	case NET_APPLY_LEAF:
		return set_leaf(link, state, &wanted, err);
	case NET_APPLY_SWITCH:
		return set_switch(link, state, wanted, err);
	case NET_APPLY_RELIABLE:
	case NET_APPLY_COUNT:
		break;
	}
	return set_reliable(link, state, wanted, err);
}
