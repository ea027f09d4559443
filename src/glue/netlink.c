/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "glue/netlink.h"

#include <netlink/errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

int err_netlink_at(struct err *err, const char *origin, int code, const char *format, ...)
{
	char context[512];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(context, sizeof(context), format, args);
	va_end(args);
	bool rights = abs(code) == NLE_PERM || abs(code) == NLE_NOACCESS;
	(void)err_set_at(err, origin, rights ? ERR_HOST : ERR_NETLINK, abs(code), "%s: %s", context,
		rights ? "no right to change the network" : nl_geterror(code));
	return rights ? err_remedy(err, "run as root, or with CAP_NET_ADMIN in this network namespace") : -1;
}

int glue_netlink_open(struct nl_sock **ret_socket, struct err *err)
{
	AUTO(nl_socket) struct nl_sock *socket = nl_socket_alloc();

	if (!socket)
		return err_set(err, ERR_NETLINK, NLE_NOMEM, "cannot make a netlink socket");
	int code = nl_connect(socket, NETLINK_ROUTE);
	if (code < 0)
		return err_netlink(err, code, "cannot connect to rtnetlink");
	*ret_socket = STEAL(socket);
	return 0;
}
