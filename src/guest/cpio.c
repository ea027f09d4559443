/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "guest/cpio.h"

#include <string.h>
#include <sys/stat.h>

static void put(struct cpio *cpio, const void *data, size_t length)
{
	(void)fwrite(data, 1, length, cpio->stream);
	cpio->length += length;
}

static void pad(struct cpio *cpio, size_t multiple)
{
	static const char zeros[512];
	size_t over = cpio->length % multiple;

	if (over)
		put(cpio, zeros, multiple - over);
}

static void add(struct cpio *cpio, const char *name, mode_t mode, const void *data, size_t length)
{
	unsigned links = S_ISDIR(mode) ? 2 : 1;
	char header[6 + 13 * 8 + 1];

	/* magic ino mode uid gid nlink mtime filesize devmajor devminor rdevmajor rdevminor namesize check */
	(void)snprintf(header, sizeof(header), "070701%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X",
		++cpio->inode, (unsigned)mode, 0U, 0U, links, 0U, (unsigned)length, 0U, 0U, 0U, 0U,
		(unsigned)strlen(name) + 1, 0U);
	put(cpio, header, strlen(header));
	put(cpio, name, strlen(name) + 1);
	pad(cpio, 4);
	if (length)
		put(cpio, data, length);
	pad(cpio, 4);
}

void cpio_add_dir(struct cpio *cpio, const char *name, mode_t mode)
{
	add(cpio, name, S_IFDIR | mode, "", 0);
}

void cpio_add_file(struct cpio *cpio, const char *name, mode_t mode, const void *data, size_t length)
{
	add(cpio, name, S_IFREG | mode, data, length);
}

void cpio_finish(struct cpio *cpio)
{
	add(cpio, "TRAILER!!!", 0, "", 0);
	pad(cpio, 512);
}
