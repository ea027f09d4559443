/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "vm/vm.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/auto.h"
#include "vm/internal.h"

int vm_open_stream(struct vm *vm, int *ret_fd, struct err *err)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	size_t length = strlen(vm->stream_path);

	if (length >= sizeof(address.sun_path))
		return err_input(err,
			"stream socket '%s' of tenant '%s' is %zu bytes long, a socket path has at most %zu",
			vm->stream_path, vm->name, length, sizeof(address.sun_path) - 1);
	memcpy(address.sun_path, vm->stream_path, length + 1);
	AUTO(close_fd) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_sys(err, errno, "cannot make a socket for the stream of tenant '%s'", vm->name);
	/* QEMU listens before its vCPUs run, so this never waits; only then may reads return EAGAIN. */
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0) {
		int saved = errno;
		if (!vm_is_running(vm))
			return vm_err_died(vm, "its stream port was opened", err);
		return err_sys(err, saved, "cannot connect to the stream port '%s' of tenant '%s'",
			vm->stream_path, vm->name);
	}
	if (fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
		return err_sys(err, errno, "cannot make the stream of tenant '%s' non-blocking", vm->name);
	*ret_fd = STEAL_FD(fd);
	return 0;
}
