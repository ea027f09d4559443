/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The kinds of entries in the undo journal.  Each undo must work twice, and when the change it undoes never happened.
 */
#ifndef LIMITLAB_RUN_UNDO_H
#define LIMITLAB_RUN_UNDO_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct undo_kind {
	const char *name;
	const char *summary; /* what is undone, for messages: "control groups of the tenants" */
	/* argument2 is NULL when the entry has none. */
	int (*undo)(const char *argument, const char *argument2, struct err *err);
};

/* "run" RUNDIR: a manifest that still says "running" becomes "broken". */
#define UNDO_RUN "run"
/* "cgroups" PREFIX: removes the (empty) control groups of our domains, below every hierarchy. */
#define UNDO_CGROUPS "cgroups"
/* "cgroup-parent" PATH: a group that was not there before us, removed when it is empty. */
#define UNDO_CGROUP_PARENT "cgroup-parent"
/* "cgroup-controllers" PATH/cgroup.subtree_control "cpu io": controllers that libvirt will enable (v2), disabled again. */
#define UNDO_CGROUP_CONTROLLERS "cgroup-controllers"
/* "domain" URI NAME: a domain that a daemon keeps. */
#define UNDO_DOMAIN "domain"
/* "tree" PATH: a folder of ours below the state directory. */
#define UNDO_TREE "tree"
/* "disk-loop" NUMBER BOOT: a loop device that the disk fixture added; after a reboot there is nothing to do. */
#define UNDO_DISK_LOOP "disk-loop"
/* "disk-dir" PATH: the folder in which the disk fixture mounted its file, below the state directory. */
#define UNDO_DISK_DIR "disk-dir"
/* "disk-device" DEVICE "BOOT STATE": a real disk's scheduler (fixture/disk.h), and the partitions that were added to it. */
#define UNDO_DISK_DEVICE "disk-device"

/* "hugepages" PATH "BEFORE AFTER": vm.nr_overcommit_hugepages of one size of huge pages. */
#define UNDO_HUGEPAGES "hugepages"
/* "memory-low" PATH "BEFORE AFTER": memory.low of a group above those of a tenant. */
#define UNDO_MEMORY_LOW "memory-low"
/* "swap" PATH: our swap file, STATE/limitlab.swap. */
#define UNDO_SWAP "swap"
/* "link" BRIDGE: interfaces of the shared link in the host's own network namespace. */
#define UNDO_LINK "link"

const struct undo_kind *undo_find(const char *name);
extern const struct undo_kind undo_kinds[];
extern const size_t undo_kind_count;

/*
 * Whether libvirt made this group for a domain whose name begins with the prefix: "qemu-1-limitlab-blue.libvirt-qemu",
 * "qemu-embed-HASH-1-limitlab-blue.libvirt-qemu", under systemd "machine-qemu\x2d1\x2dlimitlab\x2dblue.scope" (libvirt,
 * src/hypervisor/domain_driver.c: virDomainDriverGenerateMachineName).
 */
bool undo_is_our_group(const char *name, const char *prefix);
/* Removes such groups, and those in them, below one hierarchy. */
int undo_remove_groups(const char *mount, const char *prefix, struct err *err);

/*
 * Pushes what a run of VMs will leave in the control group hierarchies.  by_systemd: a daemon has systemd make the groups;
 * then the groups around them, and their controllers, are systemd's own business.
 */
struct journal;
/* undo_disk.c: the three kinds, and their pushes. */
int undo_disk_loop(const char *number, const char *boot, struct err *err);
int undo_disk_dir(const char *path, const char *unused, struct err *err);
int undo_disk_device(const char *device, const char *boot_and_state, struct err *err);
/* For a made disk in the folder `dir`. */
int undo_push_disk_made(struct journal *journal, const char *dir, unsigned number, struct err *err);
int undo_push_disk_device(struct journal *journal, const char *device, struct err *err);
int undo_push_cgroups(struct journal *journal, bool by_systemd, struct err *err);

#endif
