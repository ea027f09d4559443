/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "guest/setup.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int setup_store_job(const char *path)
{
	char chunk[4096], folder[256];
	ssize_t count;

	(void)snprintf(folder, sizeof(folder), "%s", path);
	char *slash = strrchr(folder, '/');
	if (slash && slash != folder) {
		*slash = '\0';
		(void)mkdir(folder, 0755);
	}
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0)
		return -1;
	while ((count = read(0, chunk, sizeof(chunk))) > 0)
		if (write(fd, chunk, (size_t)count) != count)
			return -1;
	return close(fd) || count < 0 ? -1 : 0;
}

int setup_open_port(const char *port)
{
	char path[256];

	if (strncmp(port, "fd:", 3) == 0) {
		int fd = atoi(port + 3);
		(void)fcntl(fd, F_SETFD, FD_CLOEXEC);
		return fcntl(fd, F_SETFL, O_NONBLOCK) ? -1 : fd;
	}
	(void)snprintf(path, sizeof(path), "%s%s", strchr(port, '/') ? "" : "/dev/virtio-ports/", port);
	return open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
}
