/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Disk limits of a VM.
 *
 * disk.weight is libvirt's blkio weight of the whole VM: blkio.bfq.weight on v1, io.bfq.weight on v2 (1..1000), io.weight
 * where the kernel's io.cost decides (block/bfq-iosched.rst, cgroup-v2.rst).  The files are there whenever BFQ is built in and
 * take any value; only a device whose scheduler is bfq (or one with io.cost) honours it.  So for a bound VM the device is
 * asked first, and a weight that nothing would honour is ERR_HOST.  Under systemd libvirt sets IOWeight (v1: BlockIOWeight), from which
 * systemd makes BFQ's weight on a compressed scale (100, 500, 1000 become 100, 136, 181); the file is then written again with
 * the weight that was asked for.
 *
 * disk.read_bytes_per_s and the other three of its kind are enforced by the host's kernel on one whole device
 * (blkio.throttle.*, io.max): they need a binding.  disk.qemu_read_bytes_per_s and its kind are enforced by the VM's own
 * QEMU before a request reaches the host's kernel: one disk of the VM, no control group.
 */
#ifndef LIMITLAB_APPLIER_DISK_H
#define LIMITLAB_APPLIER_DISK_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"

struct target;

struct disk_binding {
	const char *device;       /* node of the whole device, not of a partition: throttles are per device */
	dev_t number;             /* of it */
	const char *guest_target; /* the VM's disk on it, as the domain calls it: "vdb" */
	/* The device is meant to ignore weights (an experiment): setting one then works, and target_note() says so. */
	bool ignores_weights;
	const char *root; /* of sys/ for tests; NULL: "" */
};

/*
 * Tells which device the VM's disk limits are about; replaces an earlier binding.  ERR_INPUT: not a whole block device.  What is set
 * stays in force when the target is closed.
 */
int target_bind_disk(struct target *target, const struct disk_binding *binding, struct err *err);

/*
 * Pure: the one of /sys/block/X/queue/scheduler that is in force: "none [bfq] mq-deadline" -> "bfq"; a text without brackets
 * names the only one.  The caller frees.
 */
char *disk_active_scheduler(const char *text);

#endif
