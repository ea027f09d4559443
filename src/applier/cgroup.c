/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "applier/cgroup.h"

#include <ctype.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "applier/mounts.h"
#include "base/auto.h"
#include "base/buf.h"
#include "base/fsio.h"

#define CGROUP_FILE_LIMIT_BYTES (64U * 1024)

static const struct {
	const char *v1, *v2;
} controller_names[CGROUP_CONTROLLER_COUNT] = {
	[CGROUP_CPU] = {"cpu", "cpu"},
	[CGROUP_CPUACCT] = {"cpuacct", "cpu"},
	[CGROUP_CPUSET] = {"cpuset", "cpuset"},
	[CGROUP_MEMORY] = {"memory", "memory"},
	[CGROUP_BLKIO] = {"blkio", "io"},
};

const char *cgroup_controller_name(enum cgroup_controller controller, bool v2)
{
	return v2 ? controller_names[controller].v2 : controller_names[controller].v1;
}

/* "vcpu3": the word and nothing but digits behind it. */
static bool is_numbered(const char *name, const char *word)
{
	size_t length = strlen(word);

	if (strncmp(name, word, length) != 0 || !name[length])
		return false;
	for (name += length; *name; name++)
		if (!isdigit((unsigned char)*name))
			return false;
	return true;
}

static bool is_thread_group(const char *name)
{
	return !strcmp(name, "emulator") || is_numbered(name, "vcpu") || is_numbered(name, "iothread");
}

static bool ends_with(const char *text, const char *tail)
{
	size_t length = strlen(text);
	size_t tail_length = strlen(tail);

	return length >= tail_length && !strcmp(text + length - tail_length, tail);
}

/* Cuts a group down to where libvirt sets its limits, and tells how much of it is the VM's own group. */
static size_t strip_to_vm(char *group)
{
	char *slash = strrchr(group, '/');

	if (slash && is_thread_group(slash + 1)) {
		*slash = '\0';
		slash = strrchr(group, '/');
	}
	size_t length = strlen(group);
	if (slash && !strcmp(slash + 1, "libvirt")) {
		*slash = '\0';
		bool below_scope = ends_with(group, ".scope");
		*slash = '/';
		if (below_scope)
			length = (size_t)(slash - group);
	}
	return length;
}

static bool is_directory(const char *path)
{
	struct stat info;

	return !stat(path, &info) && S_ISDIR(info.st_mode);
}

static bool v2_has_controller(const char *directory, const char *controller)
{
	char text[256];
	AUTO(free_ptr) char *path = xasprintf("%s/cgroup.controllers", directory);

	if (fsio_read_small(AT_FDCWD, path, text, sizeof(text), NULL))
		return false;
	return cgroup_list_has(text, " \n", controller);
}

/*
 * Every group but the root counts its CPU time in cpu.stat, with no controller enabled.  libvirt takes it from there on
 * a mixed hierarchy, and then makes no group under v1's cpuacct.
 */
static bool v2_has(const char *directory, enum cgroup_controller controller)
{
	if (controller != CGROUP_CPUACCT)
		return v2_has_controller(directory, controller_names[controller].v2);
	AUTO(free_ptr) char *path = xasprintf("%s/cpu.stat", directory);
	return fsio_exists(path);
}

/* The first mount of the hierarchy that shows this group.  NULL: none does. */
static char *find_directory(const char *root, const struct cgroup_mounts *mounts, bool v2,
	const char *v1_controller, const char *group)
{
	for (size_t i = 0; i < mounts->count; i++) {
		const struct cgroup_mount *mount = &mounts->items[i];
		if (mount->v2 != v2 || (!v2 && !cgroup_list_has(mount->options, ",", v1_controller)))
			continue;
		AUTO(free_ptr) char *below = cgroup_below_mount(mount->root, group);
		if (!below)
			continue;
		AUTO(free_ptr) char *path = xasprintf("%s%s%s", root, mount->point, below);
		/* A mount point may be hidden below a later mount. */
		if (is_directory(path))
			return STEAL(path);
	}
	return NULL;
}

/* Whether a group of /proc/PID/cgroup is the hierarchy's root as far as we see: no group of a VM. */
static bool is_root_group(const char *group)
{
	while (!strncmp(group, "/..", 3))
		group += 3;
	return !strcmp(group, "") || !strcmp(group, "/");
}

static void take_group(const char *root, const struct cgroup_mounts *mounts, bool v2,
	enum cgroup_controller controller, const char *group, struct cgroup_vm *vm)
{
	const char *name = cgroup_controller_name(controller, v2);

	if (vm->at[controller].present || is_root_group(group))
		return;
	AUTO(free_ptr) char *inner_group = xstrdup(group);
	size_t length = strip_to_vm(inner_group);
	AUTO(free_ptr) char *vm_group = xstrndup(inner_group, length);
	AUTO(free_ptr) char *path = find_directory(root, mounts, v2, name, vm_group);
	AUTO(free_ptr) char *inner_path = find_directory(root, mounts, v2, name, inner_group);
	if (!path || !inner_path || (v2 && !v2_has(path, controller)))
		return;
	vm->at[controller].present = true;
	vm->at[controller].v2 = v2;
	vm->at[controller].path = STEAL(path);
	vm->at[controller].inner_path = STEAL(inner_path);
}

/* One line "ID:CONTROLLERS:GROUP" of /proc/PID/cgroup; "0::GROUP" is v2. */
static void take_line(
	const char *root, const struct cgroup_mounts *mounts, bool want_v2, char *line, struct cgroup_vm *vm)
{
	char *controllers = strchr(line, ':');
	char *group = controllers ? strchr(controllers + 1, ':') : NULL;

	if (!group)
		return;
	*group++ = '\0';
	controllers++;
	bool v2 = !*controllers;
	if (v2 != want_v2)
		return;
	for (enum cgroup_controller i = 0; i < CGROUP_CONTROLLER_COUNT; i++)
		if (v2 || cgroup_list_has(controllers, ",", controller_names[i].v1))
			take_group(root, mounts, v2, i, group, vm);
}

int cgroup_vm_find(const char *root, pid_t pid, struct cgroup_vm *ret_vm, struct err *err)
{
	AUTO(cgroup_mounts) struct cgroup_mounts mounts = {0};
	AUTO(buf) struct buf text = BUF_INIT;
	AUTO(free_ptr) char *path = xasprintf("%s/proc/%d/cgroup", root, (int)pid);
	struct cgroup_vm vm = {0};

	if (fsio_read_file(path, CGROUP_FILE_LIMIT_BYTES, &text, err))
		return err_wrap(err, "cannot find the control groups of process %d", (int)pid);
	if (cgroup_mounts_read(root, &mounts, err))
		return -1;
	/* v1 first: a controller is on one hierarchy only, and v2's line names none. */
	for (int want_v2 = 0; want_v2 <= 1; want_v2++) {
		AUTO(free_ptr) char *copy = xstrdup(text.data);
		char *rest = NULL;
		for (char *line = strtok_r(copy, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
			take_line(root, &mounts, want_v2, line, &vm);
	}
	*ret_vm = vm;
	return 0;
}

void cgroup_vm_release(struct cgroup_vm *vm)
{
	if (!vm)
		return;
	for (size_t i = 0; i < CGROUP_CONTROLLER_COUNT; i++) {
		free(vm->at[i].path);
		free(vm->at[i].inner_path);
	}
	*vm = (struct cgroup_vm){0};
}

int cgroup_host_mode(const char *root, const char **ret_mode, struct err *err)
{
	AUTO(cgroup_mounts) struct cgroup_mounts mounts = {0};
	bool v1 = false, v2_mounted = false, v2 = false;

	if (cgroup_mounts_read(root, &mounts, err))
		return -1;
	for (size_t i = 0; i < mounts.count; i++) {
		const struct cgroup_mount *mount = &mounts.items[i];
		AUTO(free_ptr) char *point = xasprintf("%s%s", root, mount->point);
		v2_mounted = v2_mounted || mount->v2;
		for (enum cgroup_controller c = 0; c < CGROUP_CONTROLLER_COUNT; c++) {
			if (mount->v2)
				v2 = v2 || v2_has_controller(point, controller_names[c].v2);
			else
				v1 = v1 || cgroup_list_has(mount->options, ",", controller_names[c].v1);
		}
	}
	if (!v1 && !v2_mounted) {
		(void)err_host(err, "no control groups are mounted on this host");
		return err_remedy(err, "mount them: mount -t cgroup2 none /sys/fs/cgroup");
	}
	*ret_mode = v1 && v2 ? "hybrid" : v1 ? "v1" : "v2";
	return 0;
}
