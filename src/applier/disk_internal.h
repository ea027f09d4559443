/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Inside disk*.c: a target's binding.
 */
#ifndef LIMITLAB_APPLIER_DISK_INTERNAL_H
#define LIMITLAB_APPLIER_DISK_INTERNAL_H

#include <stdint.h>

#include "applier/disk.h"
#include "applier/ops.h"

struct target_disk {
	char *device, *guest_target, *root;
	unsigned major, minor;
	bool ignores_weights;
};

/* ERR_HOST: this VM is bound to no disk. */
int disk_need_binding(const struct target *target, struct err *err);

/* After libvirt took the weight: what systemd made of it is written again as it was asked for. */
int disk_weight_settle(struct target *target, uint64_t value, struct err *err);

struct vir_params;
/* All blkio parameters of a VM as libvirt believes them, strings too; the caller's to release (glue/libvirt.h). */
int disk_ask_libvirt(struct target *target, struct vir_params *ret_list, struct err *err);

/* Pure: the value of "MAJOR:MINOR VALUE" in the text of a blkio.throttle file; no such line: LIMIT_UNLIMITED. */
uint64_t disk_find_v1(const char *text, unsigned major, unsigned minor);
/* Pure: the value behind "key=" in the line of a device in the text of io.max. */
uint64_t disk_find_v2(const char *text, unsigned major, unsigned minor, const char *key);

#endif
