/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "guest/image.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>

#include <jansson.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/fsio.h"
#include "base/privilege.h"
#include "base/spawn.h"
#include "guest/archive.h"
#include "guest/image_parts.h"
#include "guest/initrd.h"
#include "guest/parts.h"

#define NEEDED_FREE_BYTES (UINT64_C(1) << 30)

DEFINE_AUTO(json, json_t *, json_decref);

/* The build in hand. */
struct build {
	const struct image_options *options;
	const char *dir;
	char *work; /* DIR/build-PID: on the same file system, so that parts can be renamed into place */
	struct archive archive;
};

__attribute__((format(printf, 2, 3))) static void progress(const struct build *build, const char *format, ...)
{
	char line[256];
	va_list args;

	if (!build->options->progress)
		return;
	va_start(args, format);
	(void)vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	build->options->progress(line, build->options->context);
}

/* Everything that a build runs. */
static const struct parts_program needed[] = {
	{"mmdebstrap", "mmdebstrap"},
	{"mksquashfs", "squashfs-tools"},
	{"zstd", "zstd"},
	{"xz", "xz-utils"},
	{"depmod", "kmod"},
	{"modprobe", "kmod"},
	{"dpkg-deb", "dpkg"},
	{"dpkg-query", "dpkg"},
	{"apt-get", "apt"},
	{"unshare", "util-linux"},
};

/* The private apt is set up and its lists are fetched once, and only when a part needs them. */
static int need_archive(struct build *build, struct err *err)
{
	if (!build->archive.suite && archive_open(build->work, &build->archive, err))
		return -1;
	return 0;
}

/* The first line that a program prints about itself, as a JSON text. */
static json_t *version_line(const char *program, const char *option)
{
	const char *const argv[] = {program, option, NULL};
	AUTO(buf) struct buf output = BUF_INIT;
	int status;

	if (spawn_run(argv, &(struct spawn_options){.output = &output, .timeout_ms = 10000}, &status, NULL) ||
		!output.data)
		return json_string("");
	output.data[strcspn(output.data, "\n")] = '\0';
	return json_string(output.data);
}

/* "NAME VERSION" lines of dpkg-query: all into one object, those of our list into the other. */
static int list_packages(const char *root, json_t *all, json_t *tools, struct err *err)
{
	AUTO(free_ptr) char *admin = xasprintf("--admindir=%s/var/lib/dpkg", root);
	const char *const argv[] = {"dpkg-query", admin, "-W", "-f", "${Package} ${Version}\n", NULL};
	AUTO(buf) struct buf output = BUF_INIT;

	if (spawn_check(argv, &(struct spawn_options){.output = &output}, err))
		return -1;
	char *rest = output.data, *line;
	while ((line = strsep(&rest, "\n"))) {
		char *version = strchr(line, ' ');
		if (!version)
			continue;
		*version++ = '\0';
		(void)json_object_set_new(all, line, json_string(version));
		AUTO(free_ptr) char *key = xasprintf(",%s,", line);
		if (strstr("," IMAGE_ROOT_PACKAGES ",", key))
			(void)json_object_set_new(tools, line, json_string(version));
	}
	if (json_object_size(tools))
		return 0;
	return err_run(err, "mmdebstrap installed none of %s", IMAGE_ROOT_PACKAGES);
}

static int build_root(struct build *build, const char *hash, struct err *err)
{
	AUTO(free_ptr) char *tree = xasprintf("%s/tree", build->work);
	AUTO(free_ptr) char *part = xasprintf("%s/root", build->work);
	AUTO(free_ptr) char *squashfs = xasprintf("%s/root.squashfs", part);
	AUTO(free_ptr) char *busybox_from = xasprintf("%s/bin/busybox", tree);
	AUTO(free_ptr) char *busybox = xasprintf("%s/busybox", part);
	uint64_t start_ns = clock_now_ns();
	char now[32];

	if (need_archive(build, err) || fsio_make_dirs(part, err))
		return -1;
	progress(build, "root: installing %s of Debian %s (half a minute or more)", IMAGE_ROOT_PACKAGES,
		build->archive.suite);
	AUTO(free_ptr) char *log = xasprintf("%s/mmdebstrap.log", build->dir);
	if (archive_install(&build->archive, IMAGE_ROOT_PACKAGES, tree, log, err))
		return err_wrap(err, "cannot install the guest's root");
	/* etc/apt holds the host's proxy, with its password if it has one. */
	const char *const mksquashfs[] = {"mksquashfs", tree, squashfs, "-comp", "zstd", "-noappend",
		"-no-progress", "-quiet", "-e", "etc/apt", "var/lib/apt", "var/cache", "var/log", "boot",
		NULL};
	progress(build, "root: packing");
	if (spawn_check(mksquashfs, &(struct spawn_options){.timeout_ms = 600000}, err) ||
		parts_copy_file(busybox_from, busybox, 0755, err))
		return -1;

	AUTO(json) json_t *manifest = json_object();
	json_t *tools = json_object(), *packages = json_object(), *build_tools = json_object();
	clock_utc_iso(now, sizeof(now));
	(void)json_object_set_new(manifest, "format", json_integer(1));
	(void)json_object_set_new(manifest, "hash", json_string(hash));
	(void)json_object_set_new(manifest, "suite", json_string(build->archive.suite));
	(void)json_object_set_new(manifest, "built_utc", json_string(now));
	(void)json_object_set_new(manifest, "tools", tools);
	(void)json_object_set_new(manifest, "build_tools", build_tools);
	(void)json_object_set_new(manifest, "packages", packages);
	(void)json_object_set_new(build_tools, "mmdebstrap", version_line("mmdebstrap", "--version"));
	(void)json_object_set_new(build_tools, "mksquashfs", version_line("mksquashfs", "-version"));
	(void)json_object_set_new(build_tools, "zstd", version_line("zstd", "--version"));
	if (list_packages(tree, packages, tools, err))
		return -1;
	(void)json_object_set_new(
		manifest, "build_s", json_integer((json_int_t)((clock_now_ns() - start_ns) / NS_PER_S)));
	if (parts_write_manifest(part, manifest, err) || parts_put(build->dir, part, "root", err))
		return -1;
	progress(build, "root: done in %.1f s", (double)(clock_now_ns() - start_ns) / 1e9);
	return 0;
}

static int join(const struct image_options *options, const char *base, const char *initrd, struct err *err)
{
	const struct initrd_file files[] = {{"init", options->init_path}, {"runner", options->runner_path}};

	return initrd_join(files, ARRAY_SIZE(files), base, initrd, err);
}

static int build_kernel(struct build *build, const char *base_hash, const char *front_hash,
	char **ret_release, struct err *err)
{
	AUTO(free_ptr) char *tree = xasprintf("%s/kernel-tree", build->work);
	AUTO(free_ptr) char *part = xasprintf("%s/kernel", build->work);
	AUTO(free_ptr) char *base = xasprintf("%s/base.cpio.zst", part);
	AUTO(free_ptr) char *initrd = xasprintf("%s/initrd", part);
	AUTO(free_ptr) char *vmlinuz = xasprintf("%s/vmlinuz", part);
	AUTO(free_ptr) char *busybox = xasprintf("%s/root/busybox", build->dir);
	AUTO(free_ptr) char *package = NULL;
	AUTO(free_ptr) char *version = NULL;
	uint64_t start_ns = clock_now_ns();
	bool is_default;
	char now[32];

	if (need_archive(build, err) || fsio_make_dirs(part, err))
		return -1;
	progress(build, "kernel: reading the package lists of Debian %s", build->archive.suite);
	if (archive_update(&build->archive, err) ||
		archive_find_kernel(&build->archive, build->options->kernel, &package, &is_default, err))
		return -1;
	progress(build, "kernel: fetching %s", package);
	if (archive_unpack(&build->archive, package, tree, &version, err))
		return -1;

	AUTO(free_ptr) char *release = xstrdup(package + strlen("linux-image-"));
	AUTO(free_ptr) char *vmlinuz_from = xasprintf("%s/boot/vmlinuz-%s", tree, release);
	AUTO(free_ptr) char *lib = xasprintf("%s/lib", tree);
	/* Later suites have the modules in /usr/lib; depmod and modprobe look in /lib. */
	if (!fsio_exists(lib) && symlink("usr/lib", lib))
		return err_sys(err, errno, "cannot make the link '%s'", lib);
	progress(build, "kernel: packing the initrd");
	if (parts_copy_file(vmlinuz_from, vmlinuz, 0644, err) ||
		initrd_build_base(busybox, tree, release, IMAGE_MODULES, build->work, base, err) ||
		join(build->options, base, initrd, err))
		return -1;

	AUTO(json) json_t *manifest = json_object();
	AUTO(free_ptr) char *name = xasprintf("kernel-%s", release);
	clock_utc_iso(now, sizeof(now));
	(void)json_object_set_new(manifest, "format", json_integer(1));
	(void)json_object_set_new(manifest, "base_hash", json_string(base_hash));
	(void)json_object_set_new(manifest, "front_hash", json_string(front_hash));
	(void)json_object_set_new(manifest, "suite", json_string(build->archive.suite));
	(void)json_object_set_new(manifest, "package", json_string(package));
	(void)json_object_set_new(manifest, "version", json_string(version));
	(void)json_object_set_new(manifest, "release", json_string(release));
	(void)json_object_set_new(manifest, "default", json_boolean(is_default));
	(void)json_object_set_new(manifest, "built_utc", json_string(now));
	if (parts_write_manifest(part, manifest, err) || parts_put(build->dir, part, name, err))
		return -1;
	progress(build, "kernel: %s done in %.1f s", release, (double)(clock_now_ns() - start_ns) / 1e9);
	*ret_release = STEAL(release);
	return 0;
}

/* A new init or runner in front of the modules that are there. */
static int refresh_initrd(
	const struct build *build, const char *release, const char *front_hash, struct err *err)
{
	AUTO(free_ptr) char *folder = xasprintf("%s/kernel-%s", build->dir, release);
	AUTO(free_ptr) char *manifest_path = xasprintf("%s/manifest.json", folder);
	AUTO(free_ptr) char *base = xasprintf("%s/base.cpio.zst", folder);
	AUTO(free_ptr) char *initrd = xasprintf("%s/initrd", folder);
	AUTO(json) json_t *manifest = json_load_file(manifest_path, 0, NULL);
	const char *kept = json_string_value(json_object_get(manifest, "front_hash"));

	if (!manifest)
		return err_run(err, "cannot read '%s'", manifest_path);
	if (kept && strcmp(kept, front_hash) == 0 && fsio_exists(initrd))
		return 0;
	progress(build, "kernel: %s gets the new init and runner", release);
	if (join(build->options, base, initrd, err))
		return -1;
	(void)json_object_set_new(manifest, "front_hash", json_string(front_hash));
	return parts_write_manifest(folder, manifest, err);
}

static int build_parts(struct build *build, struct err *err)
{
	AUTO(free_ptr) char *suite = archive_suite();
	AUTO(free_ptr) char *root_hash = image_root_hash(suite);
	AUTO(free_ptr) char *base_hash = image_base_hash(suite);
	AUTO(free_ptr) char *kept_root_hash = image_manifest_value(build->dir, "root", "hash");
	AUTO(free_ptr) char *squashfs = xasprintf("%s/root/root.squashfs", build->dir);
	AUTO(free_ptr) char *front_hash = NULL;
	AUTO(free_ptr) char *release = NULL;

	if (image_front_hash(build->options, &front_hash, err))
		return -1;
	if ((build->options->force || !kept_root_hash || strcmp(kept_root_hash, root_hash) != 0 ||
		    !fsio_exists(squashfs)) &&
		build_root(build, root_hash, err))
		return -1;
	if (!build->options->force)
		release = image_find_kernel(build->dir, build->options->kernel, base_hash);
	if (release) {
		AUTO(free_ptr) char *vmlinuz = xasprintf("%s/kernel-%s/vmlinuz", build->dir, release);
		AUTO(free_ptr) char *base = xasprintf("%s/kernel-%s/base.cpio.zst", build->dir, release);
		if (fsio_exists(vmlinuz) && fsio_exists(base))
			return refresh_initrd(build, release, front_hash, err);
		free(STEAL(release));
	}
	return build_kernel(build, base_hash, front_hash, &release, err);
}

int image_build(const struct image_options *options, struct image *ret_image, struct err *err)
{
	struct build build = {.options = options, .dir = options->dir};
	AUTO(close_fd) int lock_fd = -1;

	if (!options->force && !image_open(options, ret_image, NULL)) {
		AUTO(free_ptr) char *suite = archive_suite();
		if (strcmp(ret_image->suite, suite) == 0)
			return 0;
		image_release(ret_image);
	}
	if (need_root("building the guest image", NULL, "image build", err))
		return -1;
	AUTO(free_ptr) char *work = NULL;
	if (parts_check_programs(needed, ARRAY_SIZE(needed), "building the guest image", err) ||
		parts_begin(options->dir, options->progress, options->context, &lock_fd, &work, err) ||
		parts_check_space(options->dir, NEEDED_FREE_BYTES, "building the guest image", err))
		return -1;
	build.work = work;
	int result = build_parts(&build, err);
	archive_release(&build.archive);
	if (fsio_remove_tree(work, result ? NULL : err))
		result = -1;
	return result ? result : image_open(options, ret_image, err);
}
