/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "applier/htb_internal.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <netlink/errno.h>
#include <netlink/route/cls/u32.h>
#include <string.h>

#include "applier/u32_mac.h"
#include "glue/netlink.h"

void u32_mac_keys(const uint8_t mac[6], struct u32_mac_key ret_keys[U32_MAC_KEYS])
{
	ret_keys[0] = (struct u32_mac_key){.mask = htonl(UINT32_MAX), .offset = -8};
	ret_keys[1] = (struct u32_mac_key){.mask = htonl(UINT32_C(0xffff0000)), .offset = -4};
	memcpy(&ret_keys[0].value, mac, 4);
	memcpy(&ret_keys[1].value, mac + 4, 2);
}

bool u32_mac_read(const void *selector, size_t length, uint8_t ret_mac[6])
{
	struct tc_u32_sel head;
	struct tc_u32_key keys[U32_MAC_KEYS];

	if (length < sizeof(head) + sizeof(keys))
		return false;
	memcpy(&head, selector, sizeof(head));
	memcpy(keys, (const char *)selector + sizeof(head), sizeof(keys));
	if (head.nkeys != U32_MAC_KEYS || keys[0].off != -8 || keys[1].off != -4 ||
		keys[0].mask != htonl(UINT32_MAX) || keys[1].mask != htonl(UINT32_C(0xffff0000)))
		return false;
	memcpy(ret_mac, &keys[0].val, 4);
	memcpy(ret_mac + 4, &keys[1].val, 2);
	return true;
}

/* A filter object of ours; NULL: out of memory. */
static struct rtnl_cls *make_filter(const struct htb *htb, uint32_t root)
{
	AUTO(rtnl_cls) struct rtnl_cls *filter = rtnl_cls_alloc();

	if (!filter)
		return NULL;
	rtnl_tc_set_ifindex(TC_CAST(filter), htb->ifindex);
	rtnl_tc_set_parent(TC_CAST(filter), root);
	rtnl_cls_set_prio(filter, HTB_FILTER_PREF);
	rtnl_cls_set_protocol(filter, ETH_P_ALL);
	return rtnl_tc_set_kind(TC_CAST(filter), "u32") < 0 ? NULL : STEAL(filter);
}

int htb_filter_put(struct htb *htb, uint32_t root, const struct htb_filter *wanted, struct err *err)
{
	AUTO(rtnl_cls) struct rtnl_cls *filter = make_filter(htb, root);
	struct u32_mac_key keys[U32_MAC_KEYS];
	int code = 0;

	if (!filter)
		return err_set(err, ERR_NETLINK, NLE_NOMEM, "cannot make a filter object");
	/* A node without a table: the kernel puts it into the first one of this preference. */
	rtnl_tc_set_handle(TC_CAST(filter), wanted->handle ? wanted->handle : wanted->node);
	if (rtnl_u32_set_classid(filter, wanted->class_id) < 0 || rtnl_u32_set_cls_terminal(filter) < 0)
		return err_set(err, ERR_NETLINK, NLE_NOMEM, "cannot fill a filter object");
	u32_mac_keys(wanted->mac, keys);
	for (size_t i = 0; i < U32_MAC_KEYS && code >= 0; i++)
		code = rtnl_u32_add_key(filter, keys[i].value, keys[i].mask, keys[i].offset, 0);
	if (code >= 0)
		code = rtnl_cls_add(htb->socket, filter, NLM_F_CREATE | (wanted->handle ? 0 : NLM_F_EXCL));
	if (code == -NLE_OBJ_NOTFOUND || code == -NLE_OPNOTSUPP) {
		(void)err_host(err, "this kernel has no u32 classifier (net/sched/cls_u32)");
		return err_remedy(err, "use a kernel with CONFIG_NET_CLS_U32; as a module: modprobe cls_u32");
	}
	return code < 0
		       ? err_netlink(err, code, "cannot point the filter %u on '%s' at the class %x:%x",
				 wanted->node, htb->device, wanted->class_id >> 16, wanted->class_id & 0xffff)
		       : 0;
}

int htb_filter_delete(struct htb *htb, uint32_t root, const struct htb_filter *wanted, struct err *err)
{
	AUTO(rtnl_cls) struct rtnl_cls *filter = make_filter(htb, root);

	if (!filter)
		return err_set(err, ERR_NETLINK, NLE_NOMEM, "cannot make a filter object");
	rtnl_tc_set_handle(TC_CAST(filter), wanted->handle);
	int code = rtnl_cls_delete(htb->socket, filter, 0);
	return code < 0 ? err_netlink(err, code, "cannot remove the filter %u from '%s'", wanted->node,
				  htb->device)
			: 0;
}
