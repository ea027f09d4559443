/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "applier/scope.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/fsio.h"

static const struct {
	enum cgroup_controller controller;
	const char *v1, *v2; /* NULL: that mode has none */
} files[SCOPE_FILES] = {
	{CGROUP_BLKIO, "blkio.bfq.weight", "io.bfq.weight"},
	{CGROUP_MEMORY, NULL, "memory.low"},
};

/* NULL: there is no scope, or no such file.  The caller frees. */
static char *path_of(const struct target *target, size_t i)
{
	enum cgroup_controller controller = files[i].controller;
	const char *scope = target->cgroup.at[controller].path;
	const char *name = target->cgroup.at[controller].v2 ? files[i].v2 : files[i].v1;

	if (!target->cgroup.at[controller].present || !name ||
		!strcmp(scope, target->cgroup.at[controller].inner_path))
		return NULL;
	AUTO(free_ptr) char *path = xasprintf("%s/%s", scope, name);
	return fsio_exists(path) ? STEAL(path) : NULL;
}

/* "136" of "default 136", and of "136" too; lines of devices may follow. */
static int read_value(const char *path, char ret_value[32], struct err *err)
{
	char text[1024];

	if (fsio_read_small(AT_FDCWD, path, text, sizeof(text), err))
		return -1;
	if (sscanf(text, "default %31s", ret_value) != 1 && sscanf(text, "%31s", ret_value) != 1)
		return err_run(err, "'%s' holds '%s', not a value", path, text);
	return 0;
}

void scope_keep(const struct target *target, enum cgroup_controller controller, struct scope_kept *ret_kept)
{
	*ret_kept = (struct scope_kept){0};
	for (size_t i = 0; i < SCOPE_FILES; i++) {
		AUTO(free_ptr) char *path = files[i].controller == controller ? NULL : path_of(target, i);
		if (path && read_value(path, ret_kept->values[i], NULL))
			ret_kept->values[i][0] = '\0';
	}
}

int scope_put_back(struct target *target, const struct scope_kept *kept, struct err *err)
{
	for (size_t i = 0; i < SCOPE_FILES; i++) {
		AUTO(free_ptr) char *path = kept->values[i][0] ? path_of(target, i) : NULL;
		char now[32];
		if (!path)
			continue;
		if (read_value(path, now, err))
			return -1;
		if (!strcmp(now, kept->values[i]))
			continue;
		if (fsio_write_small(AT_FDCWD, path, kept->values[i], err))
			return err_wrap(err, "systemd made '%s' of '%s'", now, kept->values[i]);
		size_t length = strlen(target->note);
		(void)snprintf(target->note + length, sizeof(target->note) - length,
			"%ssystemd took %s back; it was written again", length ? "; " : "",
			fsio_basename(path));
	}
	return 0;
}
