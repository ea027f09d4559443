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

#endif
