/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "applier/mounts.h"

#include <fcntl.h>
#include <stdint.h>
#include <string.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/fsio.h"

#define MOUNTINFO_LIMIT_BYTES (16U * 1024 * 1024)

/* mountinfo writes space, tab, newline and backslash as "\040": undone in place. */
static void unescape(char *text)
{
	char *to = text;

	for (const char *from = text; *from;) {
		if (from[0] == '\\' && from[1] >= '0' && from[1] <= '3' && from[2] >= '0' && from[2] <= '7' &&
			from[3] >= '0' && from[3] <= '7') {
			*to++ = (char)((from[1] - '0') * 64 + (from[2] - '0') * 8 + (from[3] - '0'));
			from += 4;
		} else {
			*to++ = *from++;
		}
	}
	*to = '\0';
}

/* ID PARENT MAJ:MIN ROOT POINT OPTIONS [TAG...] - TYPE SOURCE SUPER_OPTIONS */
static void take_line(struct cgroup_mounts *mounts, char *line)
{
	char *fields[6] = {NULL};
	char *tail[3] = {NULL};
	char *rest = NULL;
	char *separator = strstr(line, " - ");

	if (!separator)
		return;
	*separator = '\0';
	char *field = strtok_r(line, " ", &rest);
	for (size_t i = 0; i < ARRAY_SIZE(fields) && field; i++, field = strtok_r(NULL, " ", &rest))
		fields[i] = field;
	field = strtok_r(separator + 3, " ", &rest);
	for (size_t i = 0; i < ARRAY_SIZE(tail) && field; i++, field = strtok_r(NULL, " ", &rest))
		tail[i] = field;
	if (!fields[4] || !tail[2] || strncmp(tail[0], "cgroup", 6) != 0)
		return;
	bool v2 = !strcmp(tail[0], "cgroup2");
	if (!v2 && strcmp(tail[0], "cgroup") != 0)
		return;
	unescape(fields[3]);
	unescape(fields[4]);
	mounts->items = xgrow(mounts->items, mounts->count, &mounts->capacity, sizeof(*mounts->items));
	mounts->items[mounts->count++] = (struct cgroup_mount){
		.v2 = v2,
		.root = xstrdup(fields[3]),
		.point = xstrdup(fields[4]),
		.options = xstrdup(tail[2]),
	};
}

int cgroup_mounts_read(const char *root, struct cgroup_mounts *ret_mounts, struct err *err)
{
	struct cgroup_mounts mounts = {0};
	AUTO(buf) struct buf text = BUF_INIT;
	AUTO(free_ptr) char *path = xasprintf("%s/proc/self/mountinfo", root);
	char *rest = NULL;

	if (fsio_read_file(path, MOUNTINFO_LIMIT_BYTES, &text, err))
		return -1;
	for (char *line = strtok_r(text.data, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
		take_line(&mounts, line);
	*ret_mounts = mounts;
	return 0;
}

void cgroup_mounts_release(struct cgroup_mounts *mounts)
{
	if (!mounts)
		return;
	for (size_t i = 0; i < mounts->count; i++) {
		free(mounts->items[i].root);
		free(mounts->items[i].point);
		free(mounts->items[i].options);
	}
	free(mounts->items);
	*mounts = (struct cgroup_mounts){0};
}

bool cgroup_list_has(const char *list, const char *separators, const char *word)
{
	size_t length = strlen(word);

	for (const char *at = list; *at;) {
		size_t span = strcspn(at, separators);
		if (span == length && !strncmp(at, word, length))
			return true;
		at += span;
		at += strspn(at, separators);
	}
	return false;
}

/* Skips the leading "/.."s; what remains is "" or "/a/b". */
static size_t count_ups(const char **path)
{
	size_t ups = 0;

	for (; !strncmp(*path, "/..", 3) && ((*path)[3] == '/' || (*path)[3] == '\0'); *path += 3)
		ups++;
	if (!strcmp(*path, "/"))
		(*path)++;
	return ups;
}

char *cgroup_below_mount(const char *mount_root, const char *group)
{
	size_t mount_ups = count_ups(&mount_root);
	size_t group_ups = count_ups(&group);
	size_t length = strlen(mount_root);

	/*
	 * A mount rooted further up than the group shows it too, but below directories whose names nobody tells us:
	 * those between the mount's root and our namespace's.
	 */
	if (mount_ups != group_ups)
		return NULL;
	if (strncmp(group, mount_root, length) != 0 || (group[length] != '/' && group[length] != '\0'))
		return NULL;
	return xstrdup(group + length);
}

bool cgroup_mounts_offer(const struct cgroup_mounts *mounts, enum cgroup_controller controller)
{
	for (size_t i = 0; i < mounts->count; i++) {
		const struct cgroup_mount *mount = &mounts->items[i];
		const char *name = cgroup_controller_name(controller, mount->v2);

		if (!mount->v2 && cgroup_list_has(mount->options, ",", name))
			return true;
		if (!mount->v2)
			continue;
		/* On v2 the accounting of CPU time needs no controller. */
		if (controller == CGROUP_CPUACCT)
			return true;
		char list[512];
		AUTO(free_ptr) char *path = xasprintf("%s/cgroup.controllers", mount->point);
		if (fsio_read_small(AT_FDCWD, path, list, sizeof(list), NULL) == 0 &&
			cgroup_list_has(list, " ", name))
			return true;
	}
	return false;
}
