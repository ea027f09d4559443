/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "run/keep.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/fsio.h"
#include "base/hash.h"
#include "fixture/disk.h"
#include "run/state.h"

#define FOLDER "kept"
/* Beside a guest's memory, of which only what is not zero is written: its devices, and room that stays free. */
#define SPARE_BYTES (UINT64_C(256) << 20)
/* 10.77.0.10 and on. */
#define MAX_SEATS 200

struct keep {
	struct scenario *const *scenarios;
	size_t count;
	char *dir; /* NULL: not made yet */
	int lock_fd;
};

struct keep *keep_new(struct scenario *const *scenarios, size_t count)
{
	struct keep *keep = xcalloc(1, sizeof(*keep));

	*keep = (struct keep){.scenarios = scenarios, .count = count, .lock_fd = -1};
	return keep;
}

void keep_forget(struct keep *keep)
{
	if (!keep || !keep->dir)
		return;
	/* What cannot be removed now is swept away by the next run. */
	(void)fsio_remove_tree(keep->dir, NULL);
	(void)close(keep->lock_fd);
	free(keep->dir);
	keep->dir = NULL;
	keep->lock_fd = -1;
}

void keep_free(struct keep *keep)
{
	keep_forget(keep);
	free(keep);
}

/* The size of the partition that a made disk gives to each tenant; 0: it has none, or a real one. */
static uint64_t own_disk_bytes(const struct scenario *scenario)
{
	if (!scenario->disk.declared || scenario->disk.device)
		return 0;
	return disk_partition_bytes(scenario->disk.size_bytes, (unsigned)scenario->tenant_count);
}

static bool is_like(const struct tenant_spec *a, const struct tenant_spec *b)
{
	return !strcmp(a->name, b->name) && a->vcpus == b->vcpus && a->memory_bytes == b->memory_bytes;
}

static bool may_share(const struct scenario *scenario)
{
	return !scenario->memory.declared;
}

/* The tenant of another scenario that is like this one; NULL: none. */
static const struct tenant_spec *find_like(const struct scenario *scenario, const struct tenant_spec *tenant)
{
	for (size_t i = 0; may_share(scenario) && i < scenario->tenant_count; i++)
		if (is_like(&scenario->tenants[i], tenant))
			return &scenario->tenants[i];
	return NULL;
}

/* Names are numbered in the order in which the batch's files mention them. */
static unsigned seat_of(const struct keep *keep, const char *name)
{
	const char *names[MAX_SEATS];
	unsigned count = 0;

	for (size_t i = 0; i < keep->count; i++)
		for (size_t k = 0; k < keep->scenarios[i]->tenant_count; k++) {
			const char *other = keep->scenarios[i]->tenants[k].name;
			unsigned seat = 0;
			while (seat < count && strcmp(names[seat], other) != 0)
				seat++;
			if (!strcmp(other, name) || seat == MAX_SEATS)
				return seat;
			if (seat == count)
				names[count++] = other;
		}
	return MAX_SEATS;
}

struct keep_tenant keep_tenant(const struct keep *keep, const struct scenario *scenario, size_t index)
{
	const struct tenant_spec *tenant = &scenario->tenants[index];
	struct keep_tenant result = {
		.seat = seat_of(keep, tenant->name),
		.nic = scenario->link.declared,
		.disk_bytes = own_disk_bytes(scenario),
	};

	for (size_t i = 0; i < keep->count; i++) {
		const struct scenario *other = keep->scenarios[i];
		if (!find_like(other, tenant))
			continue;
		result.nic = result.nic || other->link.declared;
		if (!result.disk_bytes && !scenario->disk.declared)
			result.disk_bytes = own_disk_bytes(other);
	}
	return result;
}

bool keep_shares(const struct keep *keep, const struct scenario *a, const struct scenario *b)
{
	for (size_t i = 0; may_share(a) && i < a->tenant_count; i++) {
		const struct tenant_spec *other = find_like(b, &a->tenants[i]);
		if (!other)
			continue;
		struct keep_tenant ours = keep_tenant(keep, a, i);
		struct keep_tenant theirs = keep_tenant(keep, b, (size_t)(other - b->tenants));
		if (ours.seat < MAX_SEATS && ours.disk_bytes == theirs.disk_bytes)
			return true;
	}
	return false;
}

static int make_dir(struct keep *keep, struct err *err)
{
	AUTO(free_ptr) char *parent = state_path(FOLDER);
	AUTO(free_ptr) char *dir = xasprintf("%s/XXXXXX", parent);

	if (keep->dir)
		return 0;
	if (fsio_make_dirs(parent, err))
		return -1;
	if (!mkdtemp(dir))
		return err_sys(err, errno, "cannot make a folder in '%s'", parent);
	AUTO(close_fd) int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB))
		return err_sys(err, errno, "cannot lock the folder '%s'", dir);
	keep->lock_fd = STEAL_FD(fd);
	keep->dir = STEAL(dir);
	return 0;
}

static bool has_room(const char *dir, const struct scenario *scenario, char **ret_note)
{
	uint64_t need = SPARE_BYTES;
	struct statvfs room;

	for (size_t i = 0; i < scenario->tenant_count; i++)
		need += scenario->tenants[i].memory_bytes;
	if (statvfs(dir, &room))
		return false;
	uint64_t there = (uint64_t)room.f_bavail * room.f_frsize;
	if (there >= need)
		return true;
	*ret_note = xasprintf("every run boots its tenants: '%s' has room for %" PRIu64
			      " MiB, and their state may take %" PRIu64 " MiB",
		dir, there >> 20, need >> 20);
	return false;
}

/* What the host has of the states in its page cache would be given back just when memory is made scarce. */
static void drop_cached(const char *dir)
{
	AUTO(close_dir) DIR *folder = opendir(dir);

	for (const struct dirent *entry; folder && (entry = readdir(folder));) {
		AUTO(close_fd)
		int fd = openat(dirfd(folder), entry->d_name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
		/* Only what is written can be dropped. */
		if (fd >= 0 && !fdatasync(fd))
			(void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	}
}

int keep_prepare(struct keep *keep, const struct scenario *scenario, bool save, struct keep_plan *ret_plan,
	char **ret_note, struct err *err)
{
	bool shares = keep && may_share(scenario);

	*ret_note = NULL;
	*ret_plan = (struct keep_plan){0};
	for (size_t i = 0; shares && i < scenario->tenant_count; i++) {
		ret_plan->tenants[i] = keep_tenant(keep, scenario, i);
		shares = ret_plan->tenants[i].seat < MAX_SEATS;
	}
	if (!shares) {
		if (keep && keep->dir && scenario->memory.declared)
			drop_cached(keep->dir);
		for (size_t i = 0; i < scenario->tenant_count; i++)
			ret_plan->tenants[i] = (struct keep_tenant){.seat = (unsigned)i};
		return 0;
	}
	if (!save && !keep->dir)
		return 0;
	if (make_dir(keep, err))
		return -1;
	ret_plan->dir = keep->dir;
	ret_plan->save = save && has_room(keep->dir, scenario, ret_note);
	return 0;
}

char *keep_path(const char *dir, const struct vm_spec *spec, uint64_t disk_bytes, const struct image *image)
{
	struct vm_spec shape = *spec;
	struct vm_nic nic;
	AUTO(free_ptr) char *xml = NULL;

	/* What may be another in the next run. */
	CPU_ZERO(&shape.vcpu_cpus);
	CPU_ZERO(&shape.emulator_cpus);
	shape.console_path = shape.stream_path = "/";
	shape.disk_path = shape.disk_path ? "/" : NULL;
	shape.disk_is_file = false;
	if (shape.nic) {
		nic = *shape.nic;
		nic.bridge = NULL;
		shape.nic = &nic;
	}
	/* A spec that makes no XML is refused when its VM is started, with the reason. */
	if (vm_spec_to_xml(&shape, &xml, NULL))
		return NULL;
	AUTO(free_ptr)
	char *text = xasprintf("%s%" PRIu64 " %s %s %" PRIu64, xml, disk_bytes, image->built_utc,
		image->kernel_built_utc, image->initrd_bytes);
	return xasprintf("%s/%s-%016" PRIx64, dir, spec->name, hash_text(text));
}

int keep_blank(const char *dir, const char *name, uint64_t bytes, char **ret_path, struct err *err)
{
	AUTO(free_ptr) char *path = xasprintf("%s/%s.blank", dir, name);
	AUTO(close_fd) int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0 || ftruncate(fd, (off_t)bytes))
		return err_sys(err, errno, "cannot make '%s'", path);
	*ret_path = STEAL(path);
	return 0;
}

char *keep_run_name(const char *run_dir)
{
	AUTO(free_ptr) char *parent = fsio_dirname(run_dir);

	return xasprintf("%s/%s", fsio_basename(parent), fsio_basename(run_dir));
}

int keep_write_boot(const char *path, const char *run_dir, struct err *err)
{
	AUTO(free_ptr) char *file = xasprintf("%s.boot", path);
	AUTO(free_ptr) char *name = keep_run_name(run_dir);

	return fsio_write_atomic(file, name, strlen(name), err);
}

char *keep_read_boot(const char *path)
{
	AUTO(free_ptr) char *file = xasprintf("%s.boot", path);
	char name[4096];

	return fsio_read_small(AT_FDCWD, file, name, sizeof(name), NULL) ? NULL : xstrdup(name);
}

int keep_sweep(void (*report)(void *context, const char *text), void *context, size_t *count, struct err *err)
{
	AUTO(free_ptr) char *parent = state_path(FOLDER);
	int result = 0;

	AUTO(close_dir) DIR *folder = opendir(parent);
	if (!folder)
		return errno == ENOENT ? 0 : err_sys(err, errno, "cannot open the folder '%s'", parent);
	for (const struct dirent *entry; (entry = readdir(folder));) {
		if (entry->d_name[0] == '.')
			continue;
		AUTO(free_ptr) char *path = xasprintf("%s/%s", parent, entry->d_name);
		AUTO(close_fd) int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		/* A batch that lives holds it. */
		if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB))
			continue;
		(*count)++;
		if (report) {
			AUTO(free_ptr) char *text = xasprintf("states of tenants: %s", path);
			report(context, text);
		}
		if (fsio_remove_tree(path, err))
			result = -1;
	}
	return result;
}
