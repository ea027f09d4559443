/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The cgroup hierarchies of this host as /proc/self/mountinfo lists them (proc(5), cgroups(7)).
 */
#ifndef LIMITLAB_APPLIER_MOUNTS_H
#define LIMITLAB_APPLIER_MOUNTS_H

#include <stdbool.h>
#include <stddef.h>

#include "applier/cgroup.h"
#include "base/err.h"

struct cgroup_mount {
	bool v2;
	char *root; /* which group of the hierarchy is mounted here; "/../.." where it lies above our cgroup namespace */
	char *point;   /* mount point, without the test root */
	char *options; /* super options, v1: "rw,cpu,cpuacct" */
};

struct cgroup_mounts {
	struct cgroup_mount *items;
	size_t count, capacity;
};

int cgroup_mounts_read(const char *root, struct cgroup_mounts *ret_mounts, struct err *err);
void cgroup_mounts_release(struct cgroup_mounts *mounts);

/* Whether some hierarchy offers a controller: v1 by its mount options, v2 by cgroup.controllers. */
bool cgroup_mounts_offer(const struct cgroup_mounts *mounts, enum cgroup_controller controller);

/* Whether a comma-separated list has this word.  separators may hold a second separator. */
bool cgroup_list_has(const char *list, const char *separators, const char *word);

/*
 * Pure: where the group `group` (as in /proc/PID/cgroup) is below a mount whose root is `mount_root`: "" or "/a/b",
 * newly allocated; NULL when this mount does not show it.  Both are relative to our cgroup namespace and may begin with
 * "/.." (cgroup_namespaces(7)).
 */
char *cgroup_below_mount(const char *mount_root, const char *group);

static inline void auto_cgroup_mounts(struct cgroup_mounts *mounts)
{
	cgroup_mounts_release(mounts);
}

#endif
