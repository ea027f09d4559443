/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where the kernel keeps a VM's limits: the control groups of its QEMU process, found through /proc/PID/cgroup and
 * /proc/self/mountinfo (cgroups(7)), never by guessing a name.  Works on v1, v2 and mixed hierarchies.
 *
 * libvirt puts vCPU threads into `vcpuN` and the rest of QEMU into `emulator` below the VM's own group; the VM's group
 * is the parent of those.  Under systemd the VM's group is a scope that belongs to systemd, and libvirt works in a
 * `libvirt` sub-group of it: weights (cpu.shares, cpu.weight, bfq) are set on the scope through systemd, all other
 * limits (cpu.max, memory, throttling) in the sub-group (libvirt, src/util/vircgroup.c: virCgroupGetNested).
 */
#ifndef LIMITLAB_APPLIER_CGROUP_H
#define LIMITLAB_APPLIER_CGROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"

enum cgroup_controller {
	CGROUP_CPU,
	CGROUP_CPUACCT, /* v2: cpu.stat, which every group has */
	CGROUP_CPUSET,
	CGROUP_MEMORY,
	CGROUP_BLKIO, /* v2: io */
	CGROUP_CONTROLLER_COUNT,
};

struct cgroup_vm {
	struct {
		bool present;
		bool v2;    /* this controller is on the unified hierarchy */
		char *path; /* absolute directory of the VM's own group, where the weights of the whole VM are */
		char *inner_path; /* where its other limits are: path/libvirt under systemd, else the same text as path */
	} at[CGROUP_CONTROLLER_COUNT];
};

/*
 * root is "" in real life; tests pass a directory that holds proc/ and sys/ trees.  pid is QEMU's main process.
 * A controller that is not mounted, or in which QEMU is in
 * the root group (no group of its own), has present == false; that is no error here.
 */
int cgroup_vm_find(const char *root, pid_t pid, struct cgroup_vm *ret_vm, struct err *err);
void cgroup_vm_release(struct cgroup_vm *vm);
const char *cgroup_controller_name(enum cgroup_controller controller, bool v2);

/*
 * "v1", "v2" or "hybrid" (both hierarchies have controllers; an empty v2 hierarchy beside v1 controllers counts as v1),
 * for this host.  ERR_HOST: no control groups are mounted.
 */
int cgroup_host_mode(const char *root, const char **ret_mode, struct err *err);

#endif
