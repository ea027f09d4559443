/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Inside the applier: what systemd undoes.  Under systemd a VM's group is a scope, and weights are set there through systemd.  Each
 * time it writes everything that it knows of the scope, not only what was asked for (systemd, src/core/cgroup.c:
 * cgroup_context_apply), and so undoes what was written there without it: BFQ's weight on its own scale, and memory.low.
 */
#ifndef LIMITLAB_APPLIER_SCOPE_H
#define LIMITLAB_APPLIER_SCOPE_H

#include "applier/ops.h"

#define SCOPE_FILES 2

struct scope_kept {
	char values[SCOPE_FILES][32]; /* "": no such file, or none that systemd writes */
};

/* Before a weight of that controller is set: the values of all others. */
void scope_keep(const struct target *target, enum cgroup_controller controller, struct scope_kept *ret_kept);
/* Afterwards: writes those again that changed, and says so in target_note(). */
int scope_put_back(struct target *target, const struct scope_kept *kept, struct err *err);

#endif
