/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Writes a cpio archive in the "newc" format that the kernel unpacks as initramfs
 * (Documentation/driver-api/early-userspace/buffer-format.rst).  Owner is always root, the time always 0: the same
 * files give the same bytes.  Write errors show in ferror()/fflush() of the stream.
 */
#ifndef LIMITLAB_GUEST_CPIO_H
#define LIMITLAB_GUEST_CPIO_H

#include <stddef.h>
#include <stdio.h>
#include <sys/types.h>

struct cpio {
	FILE *stream;   /* need not be seekable */
	size_t length;  /* written so far; the stream starts with the archive */
	unsigned inode; /* of the last entry */
};

/* name: without a leading slash.  mode: permission bits. */
void cpio_add_dir(struct cpio *cpio, const char *name, mode_t mode);
void cpio_add_file(struct cpio *cpio, const char *name, mode_t mode, const void *data, size_t length);
/* Ends the archive; its length is a multiple of 512, so that another one may follow. */
void cpio_finish(struct cpio *cpio);

#endif
