/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "guest/parts.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include <jansson.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/fsio.h"
#include "base/spawn.h"

#define WORK_PREFIX "build-"

int parts_check_programs(
	const struct parts_program *programs, size_t count, const char *what, struct err *err)
{
	AUTO(buf) struct buf names = BUF_INIT;
	AUTO(buf) struct buf packages = BUF_INIT;

	for (size_t i = 0; i < count; i++) {
		AUTO(free_ptr) char *path = spawn_find(programs[i].program);
		if (path)
			continue;
		buf_addf(&names, "%s%s", names.length ? ", " : "", programs[i].program);
		if (!packages.data || !strstr(packages.data, programs[i].package))
			buf_addf(&packages, " %s", programs[i].package);
	}
	if (!names.length)
		return 0;
	(void)err_host(err, "%s needs %s", what, names.data);
	return err_remedy(err, "apt install%s", packages.data);
}

int parts_check_space(const char *dir, uint64_t bytes, const char *what, struct err *err)
{
	struct statvfs status;

	if (statvfs(dir, &status))
		return err_sys(err, errno, "cannot ask for the free space of '%s'", dir);
	uint64_t free_bytes = (uint64_t)status.f_bavail * status.f_frsize;
	if (free_bytes >= bytes)
		return 0;
	(void)err_host(err, "%s needs %" PRIu64 " MiB in '%s', which has %" PRIu64 " MiB free", what,
		bytes >> 20, dir, free_bytes >> 20);
	return err_remedy(err, "free some space there");
}

/* One builder at a time; the lock goes with the descriptor. */
static int lock(const char *dir, void (*progress)(const char *line, void *context), void *context,
	int *ret_fd, struct err *err)
{
	AUTO(free_ptr) char *path = xasprintf("%s/lock", dir);
	AUTO(close_fd) int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0)
		return err_sys(err, errno, "cannot open '%s'", path);
	if (flock(fd, LOCK_EX | LOCK_NB)) {
		if (errno != EWOULDBLOCK)
			return err_sys(err, errno, "cannot lock '%s'", path);
		AUTO(free_ptr)
		char *line = xasprintf("another build is going on in %s: waiting for it", dir);
		if (progress)
			progress(line, context);
		if (flock(fd, LOCK_EX))
			return err_sys(err, errno, "cannot lock '%s'", path);
	}
	*ret_fd = STEAL_FD(fd);
	return 0;
}

static int remove_leftovers(const char *dir, struct err *err)
{
	AUTO(close_dir) DIR *stream = opendir(dir);
	struct dirent *entry;

	while (stream && (entry = readdir(stream))) {
		if (strncmp(entry->d_name, WORK_PREFIX, strlen(WORK_PREFIX)) != 0)
			continue;
		AUTO(free_ptr) char *path = xasprintf("%s/%s", dir, entry->d_name);
		if (fsio_remove_tree(path, err))
			return -1;
	}
	return 0;
}

int parts_begin(const char *dir, void (*progress)(const char *line, void *context), void *context,
	int *ret_lock_fd, char **ret_work, struct err *err)
{
	AUTO(close_fd) int fd = -1;
	AUTO(free_ptr) char *work = xasprintf("%s/" WORK_PREFIX "%d", dir, (int)getpid());

	if (fsio_make_dirs(dir, err) || lock(dir, progress, context, &fd, err) ||
		remove_leftovers(dir, err) || fsio_make_dirs(work, err))
		return -1;
	*ret_lock_fd = STEAL_FD(fd);
	*ret_work = STEAL(work);
	return 0;
}

int parts_put(const char *dir, const char *made, const char *part, struct err *err)
{
	AUTO(free_ptr) char *target = xasprintf("%s/%s", dir, part);
	unsigned flags = fsio_exists(target) ? RENAME_EXCHANGE : 0;

	if (renameat2(AT_FDCWD, made, AT_FDCWD, target, flags))
		return err_sys(err, errno, "cannot rename '%s' to '%s'", made, target);
	return 0;
}

int parts_write_manifest(const char *folder, struct json_t *manifest, struct err *err)
{
	AUTO(free_ptr) char *path = xasprintf("%s/manifest.json", folder);
	AUTO(free_ptr) char *text = json_dumps(manifest, JSON_INDENT(2));

	if (!text)
		BUG("a manifest cannot be written as JSON");
	return fsio_write_atomic(path, text, strlen(text), err);
}

int parts_copy_file(const char *from, const char *to, mode_t mode, struct err *err)
{
	AUTO(buf) struct buf data = BUF_INIT;

	if (fsio_read_file(from, 256 << 20, &data, err) || fsio_write_atomic(to, data.data, data.length, err))
		return -1;
	if (chmod(to, mode))
		return err_sys(err, errno, "cannot set the mode of '%s'", to);
	return 0;
}

/* The length goes in first, so that texts cannot run into each other. */
uint64_t parts_hash_add(uint64_t hash, const void *data, size_t length)
{
	const unsigned char *parts[] = {(const unsigned char *)&length, data};
	const size_t lengths[] = {sizeof(length), length};

	for (size_t part = 0; part < ARRAY_SIZE(parts); part++)
		for (size_t i = 0; i < lengths[part]; i++)
			hash = (hash ^ parts[part][i]) * UINT64_C(1099511628211);
	return hash;
}

char *parts_hash(const char *const *texts)
{
	uint64_t hash = PARTS_HASH_EMPTY;

	for (; *texts; texts++)
		hash = parts_hash_add(hash, *texts, strlen(*texts));
	return xasprintf("%016" PRIx64, hash);
}
