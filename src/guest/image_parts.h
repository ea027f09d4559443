/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Inside the guest image builder: what image.c (reading), image_build.c (building) and initrd.c share.
 */
#ifndef LIMITLAB_GUEST_IMAGE_PARTS_H
#define LIMITLAB_GUEST_IMAGE_PARTS_H

#include <stddef.h>

#include "base/err.h"
#include "guest/image.h"

#define IMAGE_ROOT_PACKAGES "stress-ng,fio,iperf3,qemu-guest-agent,busybox-static,iproute2"
/* What the initrd loads, with what they depend on; one that is built into the kernel is left out. */
#define IMAGE_MODULES "virtio_pci virtio_blk virtio_net virtio_console squashfs overlay"
/* Raise it when the way in which a part is made changes. */
#define IMAGE_ROOT_RECIPE   "root 1"
#define IMAGE_KERNEL_RECIPE "kernel 2"
#define IMAGE_FRONT_RECIPE  "front 2"

/* Hashes of the inputs, as text; the caller frees.  They find changes, they do not keep out an attacker. */
char *image_root_hash(const char *suite);
char *image_base_hash(const char *suite);
/* Of init and runner; fails when one cannot be read. */
int image_front_hash(const struct image_options *options, char **ret_hash, struct err *err);

/* The release of the newest kernel in `dir` that satisfies the wish and has this base hash; NULL: none.  Caller frees. */
char *image_find_kernel(const char *dir, const char *wish, const char *base_hash);
/* One text value of a part's manifest; NULL: no (readable) manifest, or no such value.  The caller frees. */
char *image_manifest_value(const char *dir, const char *part, const char *key);

#endif
