/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A member's VM: booted, or woken from the state that an earlier run of the batch kept (run/keep.h).  In the member's worker.
 */
#ifndef LIMITLAB_RUN_WAKE_H
#define LIMITLAB_RUN_WAKE_H

#include "run/inner.h"

/* A tenant's network card.  The texts live as long as the run. */
struct wake_card {
	char *tap, *cmdline;
	struct vm_nic nic;
};
/*
 * Gives the domain a card: tap "ll-NAME", address 10.77.0.(10+seat), MAC 52:54:00:6c:6c:(10+seat).  bridge: NULL: on none.
 * ERR_INPUT: the tenant's name makes no name of an interface.
 */
int wake_add_card(const struct member *member, const char *bridge, struct wake_card *ret_card,
	struct vm_spec *spec, struct err *err);

/* The VM runs and its agent answers.  disk_bytes: of the second disk that the spec has; 0: it has none. */
int wake_start(struct member *member, struct vm_spec *spec, uint64_t disk_bytes, struct err *err);

#endif
