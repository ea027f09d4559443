/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Inside htb*.c: what a handle is made of.
 */
#ifndef LIMITLAB_APPLIER_HTB_INTERNAL_H
#define LIMITLAB_APPLIER_HTB_INTERNAL_H

#include "applier/htb.h"

struct nl_sock;

struct htb {
	struct nl_sock *socket;
	char *device;
	int ifindex;
};

/* As htb_root_add(); for tests, with a kind that no kernel has. */
int htb_root_add_kind(
	struct htb *htb, const char *kind, uint32_t handle, uint32_t default_minor, struct err *err);

#endif
