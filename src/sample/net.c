/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Network: HTB class counters and tap counters, all tenants in two dumps per tick (RTM_GETTCLASS of the uplink, RTM_GETSTATS of all
 * links), since a dump costs about as much as the reading of one.  A tenant's class counters are the sum of its two classes
 * (applier/net.h).  The kernel has drops, overlimits, lends and borrows in 32 bits.
 */
#include "sample/net.h"

#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <stdlib.h>
#include <string.h>

#include "applier/htb.h"
#include "applier/net.h"
#include "base/auto.h"
#include "base/buf.h"
#include "glue/netlink.h"
#include "sample/source.h"

struct tap_counters {
	uint32_t index;
	uint64_t rx_bytes, tx_bytes;
};

struct net_view {
	struct htb *htb;
	struct nl_sock *socket;
	struct nl_cb *callbacks;
	uint32_t shared_class;
	struct htb_class_list classes; /* count 0: could not be read */
	struct tap_counters *taps;
	size_t tap_count, tap_capacity;
};

struct net_place {
	const struct net_view *view;
	uint32_t class_id, tap_index;
};

DEFINE_AUTO(net_view, struct net_view *, net_view_free);

static int on_stats(struct nl_msg *message, void *context)
{
	struct net_view *view = context;
	struct nlmsghdr *header = nlmsg_hdr(message);
	struct nlattr *attributes[IFLA_STATS_MAX + 1];
	struct if_stats_msg stats;
	struct rtnl_link_stats64 counters = {0};

	if (!nlmsg_valid_hdr(header, sizeof(stats)) ||
		nlmsg_parse(header, sizeof(stats), attributes, IFLA_STATS_MAX, NULL) < 0 ||
		!attributes[IFLA_STATS_LINK_64])
		return NL_OK;
	memcpy(&stats, nlmsg_data(header), sizeof(stats));
	size_t length = (size_t)nla_len(attributes[IFLA_STATS_LINK_64]);
	memcpy(&counters, nla_data(attributes[IFLA_STATS_LINK_64]),
		length < sizeof(counters) ? length : sizeof(counters));
	view->taps = xgrow(view->taps, view->tap_count, &view->tap_capacity, sizeof(*view->taps));
	view->taps[view->tap_count++] = (struct tap_counters){
		.index = stats.ifindex,
		.rx_bytes = counters.rx_bytes,
		.tx_bytes = counters.tx_bytes,
	};
	return NL_OK;
}

int net_view_new(const char *uplink, uint32_t shared_class, struct net_view **ret_view, struct err *err)
{
	AUTO(net_view) struct net_view *view = xcalloc(1, sizeof(*view));

	view->shared_class = shared_class;
	if (htb_open(uplink, &view->htb, err) || glue_netlink_open(&view->socket, err))
		return -1;
	view->callbacks = nl_cb_alloc(NL_CB_DEFAULT);
	if (!view->callbacks)
		return err_set(err, ERR_NETLINK, 0, "cannot make netlink callbacks");
	(void)nl_cb_set(view->callbacks, NL_CB_VALID, NL_CB_CUSTOM, on_stats, view);
	*ret_view = STEAL(view);
	return 0;
}

void net_view_free(struct net_view *view)
{
	if (!view)
		return;
	htb_close(view->htb);
	htb_class_list_release(&view->classes);
	if (view->callbacks)
		nl_cb_put(view->callbacks);
	auto_nl_socket(&view->socket);
	free(view->taps);
	free(view);
}

void net_view_refresh(struct net_view *view)
{
	struct if_stats_msg request = {.filter_mask = IFLA_STATS_FILTER_BIT(IFLA_STATS_LINK_64)};

	if (htb_class_dump(view->htb, &view->classes, NULL))
		view->classes.count = 0;
	view->tap_count = 0;
	if (nl_send_simple(view->socket, RTM_GETSTATS, NLM_F_DUMP, &request, sizeof(request)) < 0 ||
		nl_recvmsgs(view->socket, view->callbacks) < 0)
		view->tap_count = 0;
}

static void *open_place(const struct net_view *view, uint32_t class_id, const char *tap)
{
	struct net_place *self = xcalloc(1, sizeof(*self));

	*self = (struct net_place){
		.view = view, .class_id = class_id, .tap_index = tap ? if_nametoindex(tap) : 0};
	return self;
}

static void *tenant_open(const struct sample_place *place)
{
	return place->net && place->net_class ? open_place(place->net, place->net_class, place->net_tap)
					      : NULL;
}

static void *host_open(const struct sample_place *place)
{
	return place->net ? open_place(place->net, place->net->shared_class, NULL) : NULL;
}

static void add(double *cell, uint64_t value, bool first)
{
	*cell = first ? (double)value : *cell + (double)value;
}

static void net_read(void *data, double *cells)
{
	const struct net_place *self = data;
	const struct net_view *view = self->view;
	bool first = true;

	for (size_t i = 0; i < view->classes.count; i++) {
		const struct htb_class *class = &view->classes.items[i];
		if ((class->id & ~NET_SPARE) != self->class_id)
			continue;
		add(&cells[SAMPLE_NET_CLASS_BYTES], class->sent_bytes, first);
		add(&cells[SAMPLE_NET_CLASS_PACKETS], class->sent_packets, first);
		add(&cells[SAMPLE_NET_CLASS_DROPS], class->drops, first);
		add(&cells[SAMPLE_NET_CLASS_OVERLIMITS], class->overlimits, first);
		add(&cells[SAMPLE_NET_CLASS_BACKLOG_BYTES], class->backlog_bytes, first);
		add(&cells[SAMPLE_NET_LENDS], class->lends, first);
		add(&cells[SAMPLE_NET_BORROWS], class->borrows, first);
		first = false;
	}
	for (size_t i = 0; self->tap_index && i < view->tap_count; i++) {
		if (view->taps[i].index != self->tap_index)
			continue;
		cells[SAMPLE_TAP_RX_BYTES] = (double)view->taps[i].rx_bytes;
		cells[SAMPLE_TAP_TX_BYTES] = (double)view->taps[i].tx_bytes;
	}
}

static void net_close(void *data)
{
	free(data);
}

const struct source_ops source_net = {
	.name = "net",
	.open = tenant_open,
	.read = net_read,
	.close = net_close,
};

const struct source_ops source_net_host = {
	.name = "net-host",
	.host = true,
	.open = host_open,
	.read = net_read,
	.close = net_close,
};
