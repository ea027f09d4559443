/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>

#include "applier/limit.h"
#include "applier/memory.h"
#include "base/auto.h"
#include "base/buf.h"
#include "base/fsio.h"

/* Different targets have different threads, and the same groups above them. */
static pthread_mutex_t above_mutex = PTHREAD_MUTEX_INITIALIZER;

static char *low_of(const char *group)
{
	return xasprintf("%s/memory.low", group);
}

static int read_low(const char *group, uint64_t *ret_bytes, struct err *err)
{
	AUTO(free_ptr) char *path = low_of(group);

	return fsio_read_u64(AT_FDCWD, path, ret_bytes, err);
}

static int write_low(const char *group, uint64_t bytes, struct err *err)
{
	AUTO(free_ptr) char *path = low_of(group);

	return memory_write(path, bytes, err);
}

/* What the groups directly below this one ask for; threaded groups have no such file. */
static int sum_below(const char *group, uint64_t *ret_bytes, struct err *err)
{
	AUTO(close_dir) DIR *folder = opendir(group);
	uint64_t sum = 0;

	if (!folder)
		return err_sys(err, errno, "cannot open '%s'", group);
	for (const struct dirent *entry; (entry = readdir(folder)) != NULL;) {
		uint64_t bytes;
		if (entry->d_name[0] == '.')
			continue;
		AUTO(free_ptr) char *below = xasprintf("%s/%s", group, entry->d_name);
		AUTO(free_ptr) char *path = low_of(below);
		if (!fsio_exists(path) || read_low(below, &bytes, NULL))
			continue;
		sum = bytes > UINT64_MAX - sum ? UINT64_MAX : sum + bytes;
	}
	*ret_bytes = sum;
	return 0;
}

static int climb(const char *group, uint64_t bytes, const struct limit_hook *hook, struct err *err)
{
	AUTO(free_ptr) char *above = fsio_dirname(group);
	AUTO(free_ptr) char *path = low_of(above);
	uint64_t before, after, now;

	/* The root of the hierarchy has no such file. */
	if (!fsio_exists(path))
		return write_low(group, bytes, err);
	if (sum_below(above, &before, err) || read_low(above, &now, err) || write_low(group, bytes, err) ||
		sum_below(above, &after, err))
		return -1;
	if (now == after || (now != before && now > after))
		return 0;
	if (hook && hook->changing && hook->changing(hook->context, path, now, after, err))
		return -1;
	return climb(above, after, hook, err);
}

int memory_protect_write(const char *group, uint64_t bytes, const struct limit_hook *hook, struct err *err)
{
	(void)pthread_mutex_lock(&above_mutex);
	int result = climb(group, bytes, hook, err);
	(void)pthread_mutex_unlock(&above_mutex);
	return result;
}
