/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libnl's types as owning locals, and its errors as ours.
 */
#ifndef LIMITLAB_GLUE_NETLINK_H
#define LIMITLAB_GLUE_NETLINK_H

#include <netlink/netlink.h>
#include <netlink/route/addr.h>
#include <netlink/route/class.h>
#include <netlink/route/classifier.h>
#include <netlink/route/link.h>
#include <netlink/route/link/veth.h>
#include <netlink/route/qdisc.h>

#include "base/auto.h"
#include "base/err.h"

/*	AUTO(nl_socket) struct nl_sock *socket = NULL;  if (glue_netlink_open(&socket, err)) ... */
DEFINE_AUTO(nl_socket, struct nl_sock *, nl_socket_free);
DEFINE_AUTO(nl_message, struct nl_msg *, nlmsg_free);
DEFINE_AUTO(nl_address, struct nl_addr *, nl_addr_put);
DEFINE_AUTO(rtnl_link, struct rtnl_link *, rtnl_link_put);
DEFINE_AUTO(rtnl_veth, struct rtnl_link *, rtnl_link_veth_release);
DEFINE_AUTO(rtnl_addr, struct rtnl_addr *, rtnl_addr_put);
DEFINE_AUTO(rtnl_qdisc, struct rtnl_qdisc *, rtnl_qdisc_put);
DEFINE_AUTO(rtnl_class, struct rtnl_class *, rtnl_class_put);
DEFINE_AUTO(rtnl_cls, struct rtnl_cls *, rtnl_cls_put);

/* A connected rtnetlink socket in the caller's network namespace; it stays in that one. */
int glue_netlink_open(struct nl_sock **ret_socket, struct err *err);

/*
 * Returns -1.  code is what libnl returned (-NLE_*).  Domain ERR_NETLINK, code the positive NLE_*; a lack of rights is ERR_HOST
 * with its remedy.
 */
int err_netlink_at(struct err *err, const char *origin, int code, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
#define err_netlink(err, code, ...) err_failed(err_netlink_at(err, ERR_HERE, code, __VA_ARGS__))

#endif
