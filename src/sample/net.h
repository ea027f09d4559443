/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Inside the sampler: one look at the network per tick, from which the sources of all tenants take their cells.
 */
#ifndef LIMITLAB_SAMPLE_NET_H
#define LIMITLAB_SAMPLE_NET_H

#include <stdint.h>

#include "base/err.h"

struct net_view;

int net_view_new(const char *uplink, uint32_t shared_class, struct net_view **ret_view, struct err *err);
void net_view_free(struct net_view *view);
/* What cannot be read is missing until the next time. */
void net_view_refresh(struct net_view *view);

#endif
