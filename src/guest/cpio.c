/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "guest/cpio.h"

#include <string.h>
#include <sys/stat.h>

static void pad(struct cpio *cpio, size_t multiple)
{
	static const char zeros[512];
	long at = ftell(cpio->stream);
	size_t over = at < 0 ? 0 : (size_t)at % multiple;

	if (over)
		(void)fwrite(zeros, 1, multiple - over, cpio->stream);
}

static void add(struct cpio *cpio, const char *name, mode_t mode, const void *data, size_t length)
{
	unsigned links = S_ISDIR(mode) ? 2 : 1;

	/* magic ino mode uid gid nlink mtime filesize devmajor devminor rdevmajor rdevminor namesize check */
	(void)fprintf(cpio->stream, "070701%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X",
		++cpio->inode, (unsigned)mode, 0U, 0U, links, 0U, (unsigned)length, 0U, 0U, 0U, 0U,
		(unsigned)strlen(name) + 1, 0U);
	(void)fwrite(name, 1, strlen(name) + 1, cpio->stream);
	pad(cpio, 4);
	if (length)
		(void)fwrite(data, 1, length, cpio->stream);
	pad(cpio, 4);
}

void cpio_add_dir(struct cpio *cpio, const char *name, mode_t mode)
{
	add(cpio, name, S_IFDIR | mode, NULL, 0);
}

void cpio_add_file(struct cpio *cpio, const char *name, mode_t mode, const void *data, size_t length)
{
	add(cpio, name, S_IFREG | mode, data, length);
}

void cpio_finish(struct cpio *cpio)
{
	add(cpio, "TRAILER!!!", 0, NULL, 0);
	pad(cpio, 512);
}
