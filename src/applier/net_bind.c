/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "applier/net_internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/units.h"

#define BITS 8

DEFINE_AUTO(target_link, struct target_link *, target_link_free);
DEFINE_AUTO(htb, struct htb *, htb_close);

void target_link_free(struct target_link *link)
{
	if (!link)
		return;
	htb_class_list_release(&link->classes);
	htb_filter_list_release(&link->filters);
	htb_close(link->htb);
	free(link);
}

uint64_t target_link_dropped(const struct target *target)
{
	return target->link ? target->link->dropped : 0;
}

void target_set_net_apply(struct target *target, enum net_apply apply)
{
	if (target->link)
		target->link->apply = apply;
}

static int check_value(enum limit_id id, uint64_t value, struct err *err)
{
	const struct limit_spec *spec = limit_spec(id);

	if (value >= spec->min && value <= spec->max &&
		(spec->quantity != QUANTITY_BITS_PER_S || value % BITS == 0))
		return 0;
	AUTO(free_ptr) char *text = limit_format_value(spec, value);
	AUTO(free_ptr) char *min = limit_format_value(spec, spec->min);
	AUTO(free_ptr) char *max = limit_format_value(spec, spec->max);
	return err_input(err, "%s takes %s to %s%s, not %s", spec->name, min, max,
		spec->quantity == QUANTITY_BITS_PER_S ? " in whole bytes" : "", text);
}

/* The class that the binding asks for, with the defaults filled in. */
static int wanted_class(const struct link_binding *binding, uint32_t root, const struct htb_class *parent,
	struct htb_class *ret_class, struct err *err)
{
	uint64_t ceil = binding->ceil_bits_per_s ? binding->ceil_bits_per_s : parent->ceil_bytes_per_s * BITS;
	uint64_t rate = binding->rate_bits_per_s ? binding->rate_bits_per_s : net_default_rate(ceil);
	uint64_t quantum = binding->quantum_bytes ? binding->quantum_bytes : net_quantum_bytes(rate);

	if (check_value(LIMIT_NET_RATE, rate, err) || check_value(LIMIT_NET_CEIL, ceil, err) ||
		check_value(LIMIT_NET_QUANTUM, quantum, err) ||
		check_value(LIMIT_NET_PRIORITY, binding->priority, err))
		return -1;
	if (rate > ceil) {
		AUTO(free_ptr) char *rate_text = units_format(rate, QUANTITY_BITS_PER_S);
		AUTO(free_ptr) char *ceil_text = units_format(ceil, QUANTITY_BITS_PER_S);
		return err_input(err, "net.rate %s is above net.ceil %s", rate_text, ceil_text);
	}
	*ret_class = (struct htb_class){
		.id = root | binding->minor,
		.parent = binding->parent,
		.rate_bytes_per_s = rate / BITS,
		.ceil_bytes_per_s = ceil / BITS,
		.prio = binding->priority,
		.quantum_bytes = (uint32_t)quantum,
	};
	return 0;
}

static int make_class(struct target_link *link, const struct htb_class *wanted, struct err *err)
{
	struct htb_filter filter = {.node = link->minor, .class_id = wanted->id};
	uint32_t handle = (UINT32_C(0x4000) | link->minor) << 16;

	memcpy(filter.mac, link->mac, sizeof(filter.mac));
	if (htb_class_add(link->htb, wanted, err))
		return -1;
	/* Traffic moves from the default class to this one with the last step, when everything is in place. */
	if (!htb_leaf_replace(link->htb, wanted->id, handle, link->queue_bytes, err) &&
		!htb_filter_put(link->htb, link->root, &filter, err))
		return 0;
	(void)htb_class_delete(link->htb, wanted->id, NULL);
	return -1;
}

/* 1: these classes are the target's already; 0: there are none; -1: somebody else's. */
static int adopt(struct target_link *link, struct err *err)
{
	uint32_t id = link->root | link->minor;

	for (size_t i = 0; i < link->filters.count; i++) {
		const struct htb_filter *filter = &link->filters.items[i];
		bool same_mac = !memcmp(filter->mac, link->mac, sizeof(link->mac));
		bool same_class = (filter->class_id & ~NET_SPARE) == id;
		if (same_mac && same_class)
			return 1;
		if (same_mac)
			return err_input(err, "this MAC is bound to the class %x:%x on '%s' already",
				filter->class_id >> 16, filter->class_id & 0xffff, htb_device(link->htb));
	}
	if (htb_class_find(&link->classes, id) || htb_class_find(&link->classes, id | NET_SPARE))
		return err_input(err, "the class %x:%x exists on '%s' already, for somebody else", id >> 16,
			id & 0xffff, htb_device(link->htb));
	return 0;
}

int target_bind_link(struct target *target, const struct link_binding *binding, struct err *err)
{
	AUTO(target_link) struct target_link *link = xcalloc(1, sizeof(*link));
	struct htb_class wanted;

	if (target->link)
		return err_input(err, "'%s' is bound to a link already", target->name);
	if (!binding->minor || binding->minor > NET_MINOR_MAX)
		return err_input(
			err, "a VM's class number is 1 to %d, not %u", NET_MINOR_MAX, binding->minor);
	link->parent = binding->parent;
	link->minor = binding->minor;
	link->apply = binding->apply;
	link->queue_bytes = binding->queue_bytes ? binding->queue_bytes : NET_QUEUE_BYTES;
	memcpy(link->mac, binding->mac, sizeof(link->mac));
	if (htb_open(binding->device, &link->htb, err) || htb_root_find(link->htb, &link->root, err))
		return err_wrap(err, "cannot bind '%s' to a link", target->name);
	if (!link->root || link->root != (binding->parent & 0xffff0000))
		return err_input(err, "cannot bind '%s' to a link: '%s' has no HTB %x: at its root",
			target->name, binding->device, binding->parent >> 16);
	if (htb_filter_dump(link->htb, link->root, &link->filters, err) ||
		htb_class_dump(link->htb, &link->classes, err))
		return -1;
	const struct htb_class *parent = htb_class_find(&link->classes, binding->parent);
	if (!parent)
		return err_input(err, "cannot bind '%s' to a link: '%s' has no class %x:%x", target->name,
			binding->device, binding->parent >> 16, binding->parent & 0xffff);
	if (wanted_class(binding, link->root, parent, &wanted, err))
		return err_wrap(err, "cannot bind '%s' to a link", target->name);
	int adopted = adopt(link, err);
	if (adopted < 0 || (!adopted && make_class(link, &wanted, err)))
		return err_wrap(err, "cannot bind '%s' to a link", target->name);
	target->link = STEAL(link);
	return 0;
}

/* Removes one VM's filter and classes; goes on past errors, keeps the first. */
static int remove_vm(struct htb *htb, uint32_t root, const struct htb_filter *filter,
	const struct htb_class_list *classes, struct err *err)
{
	uint32_t id = filter->class_id & ~NET_SPARE;
	int result = htb_filter_delete(htb, root, filter, err);

	if (htb_class_find(classes, id) && htb_class_delete(htb, id, err))
		result = -1;
	if (htb_class_find(classes, id | NET_SPARE) && htb_class_delete(htb, id | NET_SPARE, err))
		result = -1;
	return result;
}

int target_reset_link(struct target *target, struct err *err)
{
	struct target_link *link = target->link;
	struct net_state state;

	if (!link)
		return 0;
	if (net_look(target, &state, err) ||
		remove_vm(link->htb, link->root, &state.filter, &link->classes, err))
		return err_wrap(err, "cannot reset the link of '%s'", target->name);
	target->link = NULL;
	target_link_free(link);
	return 0;
}

int net_reset_device(const char *device, size_t *ret_vms, struct err *err)
{
	AUTO(htb) struct htb *htb = NULL;
	AUTO(htb_class_list) struct htb_class_list classes = {0};
	AUTO(htb_filter_list) struct htb_filter_list filters = {0};
	uint32_t root = 0;
	int result = 0;

	if (htb_open(device, &htb, err) || htb_root_find(htb, &root, err))
		return -1;
	if (root && (htb_filter_dump(htb, root, &filters, err) || htb_class_dump(htb, &classes, err)))
		return -1;
	for (size_t i = 0; i < filters.count; i++)
		if (remove_vm(htb, root, &filters.items[i], &classes, err))
			result = -1;
	if (!result && ret_vms)
		*ret_vms = filters.count;
	return result;
}
