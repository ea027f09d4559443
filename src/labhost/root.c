/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The disks of a lab host that do not depend on its kernel. */
#include "labhost/internal.h"

#include <errno.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <jansson.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/fsio.h"
#include "base/paths.h"
#include "base/privilege.h"
#include "base/spawn.h"
#include "guest/archive.h"
#include "guest/image.h"
#include "guest/parts.h"

#define RECIPE      "labhost root 1"
#define SPACE_BYTES (UINT64_C(2) << 30)

/*
 * systemd with machined and AppArmor as on most hosts; libvirt with its daemon, and the driver without; QEMU; what a scarce disk, a
 * scarce link and figures need.
 */
#define PACKAGES                                                                                             \
	"systemd-sysv,systemd-container,dbus,apparmor,udev,kmod,iproute2,procps,util-linux,busybox-static,"  \
	"libvirt-daemon-system,libvirt-daemon-system-systemd,libvirt-daemon,libvirt-clients,"                \
	"qemu-system-x86,nbdkit,libnbd-bin,iperf3,gnuplot-nox,fonts-dejavu-core"

DEFINE_AUTO(json, json_t *, json_decref);

static void auto_archive(struct archive *archive)
{
	archive_release(archive);
}

struct paths {
	char **paths;
	size_t count, capacity;
};

static void auto_paths(struct paths *self)
{
	for (size_t i = 0; i < self->count; i++)
		free(self->paths[i]);
	free(self->paths);
}

static int add_library(struct dl_phdr_info *info, size_t size, void *context)
{
	struct paths *libraries = context;

	(void)size;
	if (info->dlpi_name && info->dlpi_name[0] == '/') {
		libraries->paths = xgrow(
			libraries->paths, libraries->count, &libraries->capacity, sizeof(*libraries->paths));
		libraries->paths[libraries->count++] = xstrdup(info->dlpi_name);
	}
	return 0;
}

/*
 * The packages of the libraries that this program is linked with, ",a,b"; the caller frees.  dpkg-query looks a path up, and compares a
 * pattern with every file there is (forty of them took five seconds).
 */
static int library_packages(char **ret_packages, struct err *err)
{
	AUTO(paths) struct paths libraries = {0};
	AUTO(buf) struct buf output = BUF_INIT;
	int status;

	(void)dl_iterate_phdr(add_library, &libraries);
	char **argv = xcalloc(2 * libraries.count + 3, sizeof(*argv));
	argv[0] = xstrdup("dpkg-query");
	argv[1] = xstrdup("--search");
	for (size_t i = 0; i < libraries.count; i++)
		libraries_spell(libraries.paths[i], argv + 2 + 2 * i);
	/* One of two spellings is unknown to it, so that its status says nothing. */
	int result = spawn_run(
		(const char *const *)argv, &(struct spawn_options){.output = &output}, &status, err);
	for (size_t i = 0; argv[i]; i++)
		free(argv[i]);
	free(argv);
	if (result)
		return -1;
	*ret_packages =
		libraries_packages(libraries.paths, libraries.count, output.data ? output.data : "", err);
	return *ret_packages ? 0 : -1;
}

/* Whether this program finds its libraries in the new root. */
static int check_program(const char *tree, struct err *err)
{
	AUTO(free_ptr) char *copy = xasprintf("%s/tmp/limitlab", tree);
	const char *const argv[] = {"chroot", tree, "ldd", "/tmp/limitlab", NULL};
	AUTO(buf) struct buf output = BUF_INIT;

	if (parts_copy_file("/proc/self/exe", copy, 0755, err) ||
		spawn_check(argv, &(struct spawn_options){.output = &output}, err))
		return -1;
	(void)unlink(copy);
	const char *lacks = output.data ? strstr(output.data, "not found") : NULL;
	if (!lacks)
		return 0;
	while (lacks > output.data && lacks[-1] != '\n')
		lacks--;
	(void)err_host(err, "this limitlab does not run on the lab host's Debian: %.*s",
		(int)strcspn(lacks, "\n"), lacks);
	return err_remedy(err, "build it on Debian 12 or later");
}

static int write_text(const char *tree, const char *name, const char *text, struct err *err)
{
	AUTO(free_ptr) char *path = xasprintf("%s/%s", tree, name);

	(void)unlink(path);
	return fsio_write_atomic(path, text, strlen(text), err);
}

static int make_root(const struct labhost_place *place, const char *packages, const char *hash,
	const char *work, struct err *err)
{
	AUTO(free_ptr) char *tree = xasprintf("%s/tree", work);
	AUTO(free_ptr) char *part = xasprintf("%s/root", work);
	AUTO(free_ptr) char *squashfs = xasprintf("%s/root.squashfs", part);
	AUTO(free_ptr) char *log = xasprintf("%s/mmdebstrap.log", place->dir);
	AUTO(json) json_t *manifest = NULL;
	AUTO(archive) struct archive archive = {0};
	uint64_t start_ns = clock_now_ns();

	if (archive_open(work, &archive, err) || fsio_make_dirs(part, err))
		return -1;
	AUTO(free_ptr)
	char *line =
		xasprintf("lab host: installing Debian %s with systemd, libvirt and QEMU (about a minute)",
			archive.suite);
	if (place->progress)
		place->progress(line, place->context);
	if (archive_install(&archive, packages, tree, log, err) || check_program(tree, err) ||
		write_text(tree, "etc/hostname", "labhost\n", err) || write_text(tree, "etc/fstab", "", err))
		return err_wrap(err, "cannot make the lab host's root");
	/* etc/apt holds the host's proxy, with its password if it has one. */
	const char *const mksquashfs[] = {"mksquashfs", tree, squashfs, "-comp", "lz4", "-noappend",
		"-no-progress", "-quiet", "-no-xattrs", "-e", "etc/apt", "var/lib/apt", "var/cache/apt",
		"var/log/apt", "boot", "usr/share/mime", NULL};
	if (place->progress)
		place->progress("lab host: packing", place->context);
	if (spawn_check(mksquashfs, &(struct spawn_options){.timeout_ms = 600000}, err))
		return -1;
	manifest = json_pack("{s:s, s:s, s:s}", "hash", hash, "suite", archive.suite, "packages", packages);
	if (parts_write_manifest(part, manifest, err) || parts_put(place->dir, part, "root", err))
		return -1;
	AUTO(free_ptr)
	char *done = xasprintf("lab host: root done in %.1f s", (double)(clock_now_ns() - start_ns) / 1e9);
	if (place->progress)
		place->progress(done, place->context);
	return 0;
}

/* Of everything that the guest image says about itself. */
static int tenants_hash(char **ret_hash, struct err *err)
{
	size_t count;
	char **releases = image_releases(paths_image_dir(), &count);
	AUTO(free_ptr) char *root = xasprintf("%s/root/manifest.json", paths_image_dir());
	AUTO(buf) struct buf text = BUF_INIT;
	int result = fsio_exists(root) ? fsio_read_file(root, 16 << 20, &text, err) : 1;

	for (size_t i = 0; i < count && !result; i++) {
		AUTO(free_ptr)
		char *path = xasprintf("%s/kernel-%s/manifest.json", paths_image_dir(), releases[i]);
		buf_addf(&text, "\n%s\n", releases[i]);
		result = fsio_read_file(path, 16 << 20, &text, err);
	}
	image_free_releases(releases, count);
	if (result > 0 || (!result && !count)) {
		(void)err_host(err, "there is no guest image in '%s'", paths_image_dir());
		return err_remedy(err, "limitlab image build");
	}
	if (result)
		return -1;
	*ret_hash = parts_hash((const char *const[]){text.data, NULL});
	return 0;
}

static int make_tenants(
	const struct labhost_place *place, const char *hash, const char *work, struct err *err)
{
	AUTO(free_ptr) char *part = xasprintf("%s/tenants", work);
	AUTO(free_ptr) char *squashfs = xasprintf("%s/tenants.squashfs", part);
	/* The same times and names: limitlab inside knows an image by them. */
	const char *const mksquashfs[] = {"mksquashfs", paths_image_dir(), squashfs, "-comp", "lz4", "-noI",
		"-noD", "-noF", "-noX", "-noappend", "-no-progress", "-quiet", "-wildcards", "-e", "lock",
		"build-*", "kernel-*/base.cpio.zst", NULL};
	AUTO(json) json_t *manifest = json_pack("{s:s}", "hash", hash);

	return fsio_make_dirs(part, err) || spawn_check(mksquashfs, NULL, err) ||
			       parts_write_manifest(part, manifest, err) ||
			       parts_put(place->dir, part, "tenants", err)
		       ? -1
		       : 0;
}

static bool is_made(const struct labhost_place *place, const char *part, const char *hash)
{
	AUTO(free_ptr) char *path = xasprintf("%s/%s/manifest.json", place->dir, part);
	AUTO(free_ptr) char *squashfs = xasprintf("%s/%s/%s.squashfs", place->dir, part, part);
	AUTO(json) json_t *manifest = json_load_file(path, 0, NULL);
	const char *kept = json_string_value(json_object_get(manifest, "hash"));

	return kept && strcmp(kept, hash) == 0 && fsio_exists(squashfs);
}

static const struct parts_program needed[] = {
	{"mmdebstrap", "mmdebstrap"},
	{"mksquashfs", "squashfs-tools"},
	{"dpkg-query", "dpkg"},
	{"unshare", "util-linux"},
	{"chroot", "coreutils"},
};

int labhost_prepare(const struct labhost_place *place, struct err *err)
{
	AUTO(free_ptr) char *suite = archive_suite();
	AUTO(free_ptr) char *libraries = NULL;
	AUTO(free_ptr) char *tenants = NULL;

	if (parts_check_programs(needed, ARRAY_SIZE(needed), "a lab host", err) ||
		library_packages(&libraries, err) || tenants_hash(&tenants, err))
		return -1;
	AUTO(free_ptr) char *packages = xasprintf("%s%s", PACKAGES, libraries);
	AUTO(free_ptr) char *hash = parts_hash((const char *const[]){RECIPE, suite, packages, NULL});
	if (is_made(place, "root", hash) && is_made(place, "tenants", tenants))
		return 0;
	if (need_root("making a lab host", NULL, "...", err))
		return -1;
	AUTO(close_fd) int lock_fd = -1;
	AUTO(free_ptr) char *work = NULL;
	if (parts_begin(place->dir, place->progress, place->context, &lock_fd, &work, err))
		return -1;
	/* Another one may have made them while we waited. */
	int result = parts_check_space(place->dir, SPACE_BYTES, "a lab host", err);
	if (!result && !is_made(place, "root", hash))
		result = make_root(place, packages, hash, work, err);
	if (!result && !is_made(place, "tenants", tenants))
		result = make_tenants(place, tenants, work, err);
	if (fsio_remove_tree(work, result ? NULL : err))
		result = -1;
	return result;
}
