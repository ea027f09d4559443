/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "run/state.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/fsio.h"
#include "base/paths.h"

/* A run that was killed a moment ago holds the lock until the kernel has taken it apart: with its VMs, on a busy host, that takes
 * longer than it takes to start `limitlab clean`. */
#define DYING_MS 2000

char *state_path(const char *name)
{
	return xasprintf("%s/%s", paths_state_dir(), name);
}

int state_prepare(struct err *err)
{
	static const char *const folders[] = {
		"journal", "embed/run", "embed/lib", "embed/cache", "embed/etc", "embed/log"};

	for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
		AUTO(free_ptr) char *path = state_path(folders[i]);
		if (fsio_make_dirs(path, err))
			return -1;
	}
	return 0;
}

int state_lock(int *ret_fd, struct err *err)
{
	AUTO(free_ptr) char *path = state_path("lock");
	AUTO(close_fd) int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);

	if (fd < 0)
		return err_sys(err, errno, "cannot open the lock '%s'", path);
	uint64_t deadline_ns = clock_now_ns() + DYING_MS * NS_PER_MS;
	while (flock(fd, LOCK_EX | LOCK_NB)) {
		if (errno != EWOULDBLOCK)
			return err_sys(err, errno, "cannot take the lock '%s'", path);
		if (clock_now_ns() < deadline_ns) {
			clock_sleep_until_ns(clock_now_ns() + 20 * NS_PER_MS);
			continue;
		}
		err_host(err, "another limitlab run is going on (it holds '%s')", path);
		return err_remedy(err, "wait until it ends: two runs at once would measure each other");
	}
	*ret_fd = STEAL_FD(fd);
	return 0;
}
