/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the kernel holds: dumps of classes, qdiscs and filters, read attribute by attribute (linux/pkt_sched.h,
 * linux/gen_stats.h, linux/pkt_cls.h).  libnl-route 3.7 has no accessor for lends and borrows, and reads rates above 32
 * bits only into its own objects; one pass over the raw messages is also cheap enough for every tick.
 */
#include "applier/htb_internal.h"

#include <linux/gen_stats.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <stdlib.h>
#include <string.h>

#include "applier/u32_mac.h"
#include "base/buf.h"
#include "glue/netlink.h"

/* Copies what is there; the rest of an older, shorter struct stays zero. */
static bool take(struct nlattr *attribute, void *ret_value, size_t size)
{
	if (!attribute)
		return false;
	size_t length = (size_t)nla_len(attribute);
	memcpy(ret_value, nla_data(attribute), length < size ? length : size);
	return true;
}

static int dump(struct htb *htb, int type, uint32_t parent, uint32_t info, nl_recvmsg_msg_cb_t on_message,
	void *context, struct err *err)
{
	struct tcmsg header = {
		.tcm_family = AF_UNSPEC,
		.tcm_ifindex = htb->ifindex,
		.tcm_parent = parent,
		.tcm_info = info,
	};
	struct nl_cb *callbacks = nl_cb_alloc(NL_CB_DEFAULT);

	if (!callbacks)
		return err_set(err, ERR_NETLINK, 0, "cannot make netlink callbacks");
	(void)nl_cb_set(callbacks, NL_CB_VALID, NL_CB_CUSTOM, on_message, context);
	int code = nl_send_simple(htb->socket, type, NLM_F_DUMP, &header, sizeof(header));
	if (code >= 0)
		code = nl_recvmsgs(htb->socket, callbacks);
	nl_cb_put(callbacks);
	return code < 0 ? err_netlink(err, code, "cannot list traffic control of '%s'", htb->device) : 0;
}

/* The traffic control header and attributes of a message; false: not of this kind. */
static bool open_message(struct nl_msg *message, const char *kind, struct tcmsg *ret_header,
	struct nlattr *attributes[TCA_MAX + 1])
{
	struct nlmsghdr *header = nlmsg_hdr(message);

	if (!nlmsg_valid_hdr(header, sizeof(*ret_header)))
		return false;
	memcpy(ret_header, nlmsg_data(header), sizeof(*ret_header));
	if (nlmsg_parse(header, sizeof(*ret_header), attributes, TCA_MAX, NULL) < 0)
		return false;
	return attributes[TCA_KIND] && !nla_strcmp(attributes[TCA_KIND], kind);
}

static void read_counters(struct nlattr *attributes[TCA_MAX + 1], struct htb_class *class)
{
	struct nlattr *stats[TCA_STATS_MAX + 1];
	struct gnet_stats_basic basic = {0};
	struct gnet_stats_queue queue = {0};
	struct tc_htb_xstats extra = {0};

	if (!attributes[TCA_STATS2] ||
		nla_parse_nested(stats, TCA_STATS_MAX, attributes[TCA_STATS2], NULL) < 0)
		return;
	(void)take(stats[TCA_STATS_BASIC], &basic, sizeof(basic));
	(void)take(stats[TCA_STATS_QUEUE], &queue, sizeof(queue));
	if (!take(stats[TCA_STATS_APP], &extra, sizeof(extra)))
		(void)take(attributes[TCA_XSTATS], &extra, sizeof(extra));
	class->sent_bytes = basic.bytes;
	class->sent_packets = basic.packets;
	(void)take(stats[TCA_STATS_PKT64], &class->sent_packets, sizeof(class->sent_packets));
	class->drops = queue.drops;
	class->overlimits = queue.overlimits;
	class->backlog_bytes = queue.backlog;
	class->backlog_packets = queue.qlen;
	class->lends = extra.lends;
	class->borrows = extra.borrows;
}

static int on_class(struct nl_msg *message, void *context)
{
	struct htb_class_list *list = context;
	struct nlattr *attributes[TCA_MAX + 1], *options[TCA_HTB_MAX + 1];
	struct tcmsg header;
	struct tc_htb_opt parameters = {0};

	if (!open_message(message, "htb", &header, attributes) || !attributes[TCA_OPTIONS] ||
		nla_parse_nested(options, TCA_HTB_MAX, attributes[TCA_OPTIONS], NULL) < 0 ||
		!take(options[TCA_HTB_PARMS], &parameters, sizeof(parameters)))
		return NL_OK;
	list->items = xgrow(list->items, list->count, &list->capacity, sizeof(*list->items));
	struct htb_class *class = &list->items[list->count++];
	*class = (struct htb_class){
		.id = header.tcm_handle,
		.parent = header.tcm_parent,
		.rate_bytes_per_s = parameters.rate.rate,
		.ceil_bytes_per_s = parameters.ceil.rate,
		.prio = parameters.prio,
		.quantum_bytes = parameters.quantum,
		.level = parameters.level,
		.leaf = header.tcm_info,
	};
	/* Present only where 32 bits do not hold it. */
	(void)take(options[TCA_HTB_RATE64], &class->rate_bytes_per_s, sizeof(class->rate_bytes_per_s));
	(void)take(options[TCA_HTB_CEIL64], &class->ceil_bytes_per_s, sizeof(class->ceil_bytes_per_s));
	read_counters(attributes, class);
	return NL_OK;
}

int htb_class_dump(struct htb *htb, struct htb_class_list *ret_list, struct err *err)
{
	ret_list->count = 0;
	return dump(htb, RTM_GETTCLASS, 0, 0, on_class, ret_list, err);
}

void htb_class_list_release(struct htb_class_list *list)
{
	free(list->items);
	*list = (struct htb_class_list){0};
}

const struct htb_class *htb_class_find(const struct htb_class_list *list, uint32_t id)
{
	for (size_t i = 0; i < list->count; i++)
		if (list->items[i].id == id)
			return &list->items[i];
	return NULL;
}

struct root_search {
	int ifindex;
	uint32_t handle;
};

static int on_qdisc(struct nl_msg *message, void *context)
{
	struct root_search *search = context;
	struct nlattr *attributes[TCA_MAX + 1];
	struct tcmsg header;

	/* The kernel lists the qdiscs of all devices. */
	if (open_message(message, "htb", &header, attributes) && header.tcm_ifindex == search->ifindex &&
		header.tcm_parent == TC_H_ROOT)
		search->handle = header.tcm_handle;
	return NL_OK;
}

int htb_root_find(struct htb *htb, uint32_t *ret_handle, struct err *err)
{
	struct root_search search = {.ifindex = htb->ifindex};

	if (dump(htb, RTM_GETQDISC, 0, 0, on_qdisc, &search, err))
		return -1;
	*ret_handle = search.handle;
	return 0;
}

static int on_filter(struct nl_msg *message, void *context)
{
	struct htb_filter_list *list = context;
	struct nlattr *attributes[TCA_MAX + 1], *options[TCA_U32_MAX + 1];
	struct htb_filter filter = {0};
	struct tcmsg header;

	if (!open_message(message, "u32", &header, attributes) ||
		TC_H_MAJ(header.tcm_info) >> 16 != HTB_FILTER_PREF || !attributes[TCA_OPTIONS] ||
		nla_parse_nested(options, TCA_U32_MAX, attributes[TCA_OPTIONS], NULL) < 0 ||
		!take(options[TCA_U32_CLASSID], &filter.class_id, sizeof(filter.class_id)) ||
		!options[TCA_U32_SEL] ||
		!u32_mac_read(
			nla_data(options[TCA_U32_SEL]), (size_t)nla_len(options[TCA_U32_SEL]), filter.mac))
		return NL_OK;
	filter.handle = header.tcm_handle;
	filter.node = TC_U32_NODE(header.tcm_handle);
	list->items = xgrow(list->items, list->count, &list->capacity, sizeof(*list->items));
	list->items[list->count++] = filter;
	return NL_OK;
}

int htb_filter_dump(struct htb *htb, uint32_t root, struct htb_filter_list *ret_list, struct err *err)
{
	ret_list->count = 0;
	return dump(htb, RTM_GETTFILTER, root, UINT32_C(0), on_filter, ret_list, err);
}

void htb_filter_list_release(struct htb_filter_list *list)
{
	free(list->items);
	*list = (struct htb_filter_list){0};
}
