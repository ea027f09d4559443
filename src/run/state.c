/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "run/state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/fsio.h"
#include "base/paths.h"

/*
 * A run that was killed holds the lock until the kernel has taken apart whatever inherited it; where memory is scarce and the disk
 * slow, processes wait there for their pages before they can end.  That its supervisor is dead is known from the second lock; what
 * has been killed, and still looks alive, gets a moment.
 */
#define DYING_MS  60000ULL
#define KILLED_MS 2000ULL

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

/* A POSIX record lock is its process's own, where children inherit that of flock(2): is a supervisor alive? */
static bool has_supervisor(int fd)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

	return fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

static int refuse(const char *path, bool alive, struct err *err)
{
	if (alive) {
		err_host(err, "another limitlab run is going on (it holds '%s')", path);
		return err_remedy(err, "wait until it ends: two runs at once would measure each other");
	}
	err_host(err, "a run was killed, and %llu s later processes of it still hold '%s'", DYING_MS / 1000,
		path);
	return err_remedy(
		err, "fuser -v %s names them; what waits for a disk (state D) cannot be killed", path);
}

int state_lock(int *ret_fd, struct err *err)
{
	AUTO(free_ptr) char *path = state_path("lock");
	AUTO(close_fd) int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	struct flock own = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

	if (fd < 0)
		return err_sys(err, errno, "cannot open the lock '%s'", path);
	uint64_t begin_ns = clock_now_ns();
	while (flock(fd, LOCK_EX | LOCK_NB)) {
		if (errno != EWOULDBLOCK)
			return err_sys(err, errno, "cannot take the lock '%s'", path);
		bool alive = has_supervisor(fd);
		if (clock_now_ns() - begin_ns >= (alive ? KILLED_MS : DYING_MS) * NS_PER_MS)
			return refuse(path, alive, err);
		clock_sleep_until_ns(clock_now_ns() + 20 * NS_PER_MS);
	}
	if (fcntl(fd, F_SETLK, &own))
		return err_sys(err, errno, "cannot take the lock '%s'", path);
	*ret_fd = STEAL_FD(fd);
	return 0;
}
