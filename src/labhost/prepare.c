/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "labhost/prepare.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/fsio.h"
#include "base/privilege.h"
#include "base/spawn.h"
#include "guest/parts.h"
#include "labhost/internal.h"

/* The scratch disk takes what is written to it, no more; QEMU stops a machine whose disk cannot grow. */
#define SCRATCH_BYTES (UINT64_C(8) << 30)
#define SCRATCH_LEAST (UINT64_C(3) << 30)
#define HOST_KEEPS    (UINT64_C(1) << 30)
#define MEMORY_BESIDE 512 /* MiB: QEMU itself, with the code that TCG translates, and some room */

static int check_memory(unsigned memory_mib, struct err *err)
{
	AUTO(buf) struct buf text = BUF_INIT;

	if (fsio_read_file("/proc/meminfo", 64 << 10, &text, err))
		return -1;
	const char *at = text.data ? strstr(text.data, "MemAvailable:") : NULL;
	if (!at)
		return 0;
	unsigned long available_mib = strtoul(at + strlen("MemAvailable:"), NULL, 10) / 1024;
	if (available_mib >= memory_mib + MEMORY_BESIDE)
		return 0;
	(void)err_host(err,
		"a lab host of %u MiB needs %u MiB of this host's memory, and %lu MiB are available",
		memory_mib, memory_mib + MEMORY_BESIDE, available_mib);
	return err_remedy(err, "end other programs, or add memory");
}

/* As large as the file system here allows. */
static int scratch_bytes(const char *dir, uint64_t *ret_bytes, struct err *err)
{
	struct statvfs status;

	if (statvfs(dir, &status))
		return err_sys(err, errno, "cannot ask for the free space of '%s'", dir);
	uint64_t free_bytes = (uint64_t)status.f_bavail * status.f_frsize - HOST_KEEPS;
	*ret_bytes = free_bytes < SCRATCH_BYTES ? free_bytes & ~UINT64_C(0xfffff) : SCRATCH_BYTES;
	return 0;
}

/* An ext4 file system in a file without a name, which is gone when nobody has it open. */
static int make_scratch(const char *dir, int *ret_fd, struct err *err)
{
	AUTO(close_fd) int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	uint64_t bytes;

	if (fd < 0)
		return err_sys(err, errno, "cannot make a file in '%s'", dir);
	if (scratch_bytes(dir, &bytes, err))
		return -1;
	if (ftruncate(fd, (off_t)bytes))
		return err_sys(err, errno, "cannot make a file of %llu MiB in '%s'",
			(unsigned long long)(bytes >> 20), dir);
	AUTO(free_ptr) char *path = xasprintf("/proc/%d/fd/%d", (int)getpid(), fd);
	const char *const mkfs[] = {
		"mkfs.ext4", "-q", "-F", "-O", "^has_journal", "-E", "nodiscard", path, NULL};
	if (spawn_check(mkfs, NULL, err)) {
		if (err->domain == ERR_HOST)
			(void)err_remedy(err, "apt install e2fsprogs");
		return -1;
	}
	*ret_fd = STEAL_FD(fd);
	return 0;
}

static int check_nested(enum accel_wish wish, struct err *err)
{
	static const char *const modules[] = {"kvm_intel", "kvm_amd"};

	for (size_t i = 0; wish == ACCEL_KVM && i < ARRAY_SIZE(modules); i++) {
		AUTO(free_ptr) char *path = xasprintf("/sys/module/%s/parameters/nested", modules[i]);
		char text[8];
		if (!fsio_exists(path) || fsio_read_small(AT_FDCWD, path, text, sizeof(text), NULL) ||
			strcmp(text, "0") == 0 || strcmp(text, "N") == 0) {
			if (!fsio_exists(path))
				continue;
			(void)err_host(err, "nested virtualisation is refused here: '%s' is %s", path, text);
			return err_remedy(err, "modprobe -r %s; modprobe %s nested=1, or --accel tcg (slow)",
				modules[i], modules[i]);
		}
	}
	return 0;
}

/* One text of a manifest, whole: what else would tell that a part is another? */
static int add_manifest(struct buf *text, const char *folder, struct err *err)
{
	AUTO(free_ptr) char *path = xasprintf("%s/manifest.json", folder);

	return fsio_read_file(path, 1 << 20, text, err);
}

/* What is learned holds for one kernel, root, tenants' image and kind of machine. */
static int learned_key(
	const struct labhost_config *config, const struct accel *accel, char **ret_key, struct err *err)
{
	AUTO(free_ptr) char *root = xasprintf("%s/root", config->place->dir);
	AUTO(free_ptr) char *tenants = xasprintf("%s/tenants", config->place->dir);
	AUTO(buf) struct buf text = BUF_INIT;

	if (add_manifest(&text, root, err) || add_manifest(&text, tenants, err))
		return -1;
	*ret_key = parts_hash((const char *const[]){text.data, config->kernel->origin,
		accel->kvm ? "kvm" : "tcg", config->append ? config->append : "", NULL});
	return 0;
}

int labhost_need_root(const char *command, struct err *err)
{
	return need_root("a lab host", "the tenants' image and its own are root's", command, err);
}

int labhost_host_check(
	const struct labhost_place *place, unsigned memory_mib, enum accel_wish accel, struct err *err)
{
	static const struct parts_program needed[] = {
		{"qemu-system-x86_64", "qemu-system-x86"}, {"mkfs.ext4", "e2fsprogs"}};
	AUTO(free_ptr) char *there = fsio_existing(place->dir);

	return parts_check_programs(needed, ARRAY_SIZE(needed), "a lab host", err) ||
			       check_memory(memory_mib ? memory_mib : LABHOST_MEMORY_MIB, err) ||
			       check_nested(accel, err) ||
			       parts_check_space(there, SCRATCH_LEAST + HOST_KEEPS, "a lab host", err)
		       ? -1
		       : 0;
}

int labhost_parts_make(const struct labhost_config *config, const struct labhost_job *job,
	struct labhost_parts *ret_parts, struct err *err)
{
	const struct labhost_place *place = config->place;
	struct labhost_parts *parts = ret_parts;
	AUTO(free_ptr) char *key = NULL;

	if (labhost_host_check(place, config->memory_mib, config->accel, err))
		return -1;
	parts->root = xasprintf("%s/root/root.squashfs", place->dir);
	parts->tenants = xasprintf("%s/tenants/tenants.squashfs", place->dir);
	if (!fsio_exists(parts->root) || !fsio_exists(parts->tenants))
		return err_host(err, "there is no lab host's image in '%s'", place->dir);
	/* The first time it takes a while: a /dev/kvm that does not boot is given half a minute. */
	if (accel_decide(config->accel, config->kernel->folder, config->kernel->vmlinuz,
		    config->kernel->initrd, &parts->accel, err) ||
		learned_key(config, &parts->accel, &key, err) ||
		make_scratch(place->dir, &parts->scratch_fd, err))
		return -1;
	parts->learned = xasprintf("%s/learned-%s", config->kernel->folder, key);
	parts->learning = xasprintf("%s/learning", config->kernel->folder);
	if (fsio_remove_tree(parts->learning, err))
		return -1;
	return payload_make(&(struct payload_options){.job = job,
				    .results = config->inner_out ? config->inner_out : config->results,
				    .learned = parts->learned},
		&parts->payload_fd, err);
}

void labhost_parts_release(struct labhost_parts *parts)
{
	free(parts->root);
	free(parts->tenants);
	free(parts->learned);
	free(parts->learning);
	if (parts->payload_fd >= 0)
		(void)close(parts->payload_fd);
	if (parts->scratch_fd >= 0)
		(void)close(parts->scratch_fd);
	*parts = (struct labhost_parts){.payload_fd = -1, .scratch_fd = -1};
}
