/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "applier/htb_internal.h"

#include <linux/pkt_sched.h>
#include <net/if.h>
#include <netlink/errno.h>
#include <netlink/route/qdisc/fifo.h>
#include <netlink/route/qdisc/htb.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "glue/netlink.h"

#define FRAME_BYTES  1514
#define BURST_MAX    (UINT32_C(256) << 20)
#define NOTHING_HERE "this kernel has no HTB (net/sched/sch_htb)"

DEFINE_AUTO(htb, struct htb *, htb_close);

int htb_open(const char *device, struct htb **ret_htb, struct err *err)
{
	AUTO(htb) struct htb *htb = xcalloc(1, sizeof(*htb));

	if (strlen(device) >= IFNAMSIZ)
		return err_input(err, "'%s' is too long for an interface: at most %d characters", device,
			IFNAMSIZ - 1);
	/* Asked over netlink: the kernel looks in the namespace of this socket, as for all that follows. */
	if (glue_netlink_open(&htb->socket, err))
		return -1;
	AUTO(rtnl_link) struct rtnl_link *link = NULL;
	int code = rtnl_link_get_kernel(htb->socket, 0, device, &link);
	if (code == -NLE_OBJ_NOTFOUND || code == -NLE_NODEV)
		return err_input(err, "there is no interface '%s'", device);
	if (code < 0)
		return err_netlink(err, code, "cannot look up the interface '%s'", device);
	htb->ifindex = rtnl_link_get_ifindex(link);
	htb->device = xstrdup(device);
	*ret_htb = STEAL(htb);
	return 0;
}

void htb_close(struct htb *htb)
{
	if (!htb)
		return;
	auto_nl_socket(&htb->socket);
	free(htb->device);
	free(htb);
}

const char *htb_device(const struct htb *htb)
{
	return htb->device;
}

int htb_ifindex(const struct htb *htb)
{
	return htb->ifindex;
}

uint32_t htb_burst_bytes(uint64_t rate_bytes_per_s)
{
	uint64_t burst = rate_bytes_per_s / 100 + UINT64_C(2) * FRAME_BYTES;

	return burst > BURST_MAX ? BURST_MAX : (uint32_t)burst;
}

int htb_root_add_kind(
	struct htb *htb, const char *kind, uint32_t handle, uint32_t default_minor, struct err *err)
{
	AUTO(rtnl_qdisc) struct rtnl_qdisc *qdisc = rtnl_qdisc_alloc();

	if (!qdisc)
		return err_set(err, ERR_NETLINK, NLE_NOMEM, "cannot make a qdisc object");
	rtnl_tc_set_ifindex(TC_CAST(qdisc), htb->ifindex);
	rtnl_tc_set_parent(TC_CAST(qdisc), TC_H_ROOT);
	rtnl_tc_set_handle(TC_CAST(qdisc), handle);
	int code = rtnl_tc_set_kind(TC_CAST(qdisc), kind);
	if (code < 0)
		return err_netlink(err, code, "libnl does not know HTB");
	if (!strcmp(kind, "htb"))
		(void)rtnl_htb_set_defcls(qdisc, default_minor);
	code = rtnl_qdisc_add(htb->socket, qdisc, NLM_F_CREATE | NLM_F_EXCL);
	/* ENOENT: "Specified qdisc kind is unknown". */
	if (code == -NLE_OBJ_NOTFOUND || code == -NLE_OPNOTSUPP) {
		(void)err_host(err, NOTHING_HERE);
		return err_remedy(err, "use a kernel with CONFIG_NET_SCH_HTB; as a module: modprobe sch_htb");
	}
	if (code == -NLE_EXIST)
		return err_input(
			err, "'%s' has a root qdisc already, and it is not ours to replace", htb->device);
	return code < 0 ? err_netlink(err, code, "cannot put HTB on '%s'", htb->device) : 0;
}

int htb_root_add(struct htb *htb, uint32_t handle, uint32_t default_minor, struct err *err)
{
	return htb_root_add_kind(htb, "htb", handle, default_minor, err);
}

int htb_root_delete(struct htb *htb, uint32_t handle, struct err *err)
{
	AUTO(rtnl_qdisc) struct rtnl_qdisc *qdisc = rtnl_qdisc_alloc();

	if (!qdisc)
		return err_set(err, ERR_NETLINK, NLE_NOMEM, "cannot make a qdisc object");
	rtnl_tc_set_ifindex(TC_CAST(qdisc), htb->ifindex);
	rtnl_tc_set_parent(TC_CAST(qdisc), TC_H_ROOT);
	rtnl_tc_set_handle(TC_CAST(qdisc), handle);
	int code = rtnl_qdisc_delete(htb->socket, qdisc);
	return code < 0 ? err_netlink(err, code, "cannot remove HTB from '%s'", htb->device) : 0;
}

static int put_class(struct htb *htb, const struct htb_class *wanted, int flags, struct err *err)
{
	AUTO(rtnl_class) struct rtnl_class *class = rtnl_class_alloc();

	if (!class)
		return err_set(err, ERR_NETLINK, NLE_NOMEM, "cannot make a class object");
	rtnl_tc_set_ifindex(TC_CAST(class), htb->ifindex);
	rtnl_tc_set_parent(TC_CAST(class), wanted->parent);
	rtnl_tc_set_handle(TC_CAST(class), wanted->id);
	int code = rtnl_tc_set_kind(TC_CAST(class), "htb");
	if (code < 0)
		return err_netlink(err, code, "libnl does not know HTB");
	(void)rtnl_htb_set_rate64(class, wanted->rate_bytes_per_s);
	(void)rtnl_htb_set_ceil64(class, wanted->ceil_bytes_per_s);
	(void)rtnl_htb_set_rbuffer(class, htb_burst_bytes(wanted->rate_bytes_per_s));
	(void)rtnl_htb_set_cbuffer(class, htb_burst_bytes(wanted->ceil_bytes_per_s));
	(void)rtnl_htb_set_prio(class, wanted->prio);
	(void)rtnl_htb_set_quantum(class, wanted->quantum_bytes);
	code = rtnl_class_add(htb->socket, class, flags);
	if (code == -NLE_EXIST)
		return err_input(err, "the class %x:%x exists on '%s' already", wanted->id >> 16,
			wanted->id & 0xffff, htb->device);
	return code < 0 ? err_netlink(err, code, "cannot %s the class %x:%x on '%s'",
				  flags & NLM_F_CREATE ? "make" : "change", wanted->id >> 16,
				  wanted->id & 0xffff, htb->device)
			: 0;
}

int htb_class_add(struct htb *htb, const struct htb_class *wanted, struct err *err)
{
	return put_class(htb, wanted, NLM_F_CREATE | NLM_F_EXCL, err);
}

int htb_class_change(struct htb *htb, const struct htb_class *wanted, struct err *err)
{
	return put_class(htb, wanted, 0, err);
}

int htb_class_delete(struct htb *htb, uint32_t id, struct err *err)
{
	AUTO(rtnl_class) struct rtnl_class *class = rtnl_class_alloc();

	if (!class)
		return err_set(err, ERR_NETLINK, NLE_NOMEM, "cannot make a class object");
	rtnl_tc_set_ifindex(TC_CAST(class), htb->ifindex);
	rtnl_tc_set_handle(TC_CAST(class), id);
	int code = rtnl_class_delete(htb->socket, class);
	return code < 0 ? err_netlink(err, code, "cannot remove the class %x:%x from '%s'", id >> 16,
				  id & 0xffff, htb->device)
			: 0;
}

int htb_leaf_replace(
	struct htb *htb, uint32_t class_id, uint32_t handle, uint64_t limit_bytes, struct err *err)
{
	AUTO(rtnl_qdisc) struct rtnl_qdisc *qdisc = rtnl_qdisc_alloc();

	if (!qdisc)
		return err_set(err, ERR_NETLINK, NLE_NOMEM, "cannot make a qdisc object");
	rtnl_tc_set_ifindex(TC_CAST(qdisc), htb->ifindex);
	rtnl_tc_set_parent(TC_CAST(qdisc), class_id);
	rtnl_tc_set_handle(TC_CAST(qdisc), handle);
	int code = rtnl_tc_set_kind(TC_CAST(qdisc), "bfifo");
	if (code < 0)
		return err_netlink(err, code, "libnl does not know bfifo");
	(void)rtnl_qdisc_fifo_set_limit(qdisc, limit_bytes > INT32_MAX ? INT32_MAX : (int)limit_bytes);
	code = rtnl_qdisc_add(htb->socket, qdisc, NLM_F_CREATE | NLM_F_REPLACE);
	return code < 0 ? err_netlink(err, code, "cannot give the class %x:%x on '%s' a queue",
				  class_id >> 16, class_id & 0xffff, htb->device)
			: 0;
}
