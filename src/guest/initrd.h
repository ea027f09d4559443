/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Initrds in two halves: one with busybox and the modules of a kernel, compressed and kept; in front of it a small plain one with what
 * changes with limitlab.
 */
#ifndef LIMITLAB_GUEST_INITRD_H
#define LIMITLAB_GUEST_INITRD_H

#include <stddef.h>

#include "base/err.h"

/*
 * Packs busybox and those of `modules` (names, blanks between) that are not built in, with what they depend on, of `release` found
 * below modules_root (lib/modules/RELEASE) into the zstd compressed cpio archive base_path.  modules/order in it has the order in
 * which to load them.  work_dir is for what is made on the way.
 */
int initrd_build_base(const char *busybox_path, const char *modules_root, const char *release,
	const char *modules, const char *work_dir, const char *base_path, struct err *err);

struct initrd_file {
	const char *name; /* in the archive; executable */
	const char *path;
};

/* initrd_path = cpio of these files, then base_path; atomic. */
int initrd_join(const struct initrd_file *files, size_t count, const char *base_path, const char *initrd_path,
	struct err *err);

#endif
