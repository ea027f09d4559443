/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "guest/image.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include <jansson.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/fsio.h"
#include "base/spawn.h"
#include "guest/archive.h"
#include "guest/image_parts.h"

#define WORK_PREFIX       "build-"
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

/* Everything that a build runs, and the Debian package it comes in. */
static int check_programs(struct err *err)
{
	static const struct {
		const char *program, *package;
	} needed[] = {
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
	AUTO(buf) struct buf programs = BUF_INIT;
	AUTO(buf) struct buf packages = BUF_INIT;

	for (size_t i = 0; i < ARRAY_SIZE(needed); i++) {
		AUTO(free_ptr) char *path = spawn_find(needed[i].program);
		if (path)
			continue;
		buf_addf(&programs, "%s%s", programs.length ? ", " : "", needed[i].program);
		if (!packages.data || !strstr(packages.data, needed[i].package))
			buf_addf(&packages, " %s", needed[i].package);
	}
	if (!programs.length)
		return 0;
	(void)err_host(err, "building the guest image needs %s", programs.data);
	return err_remedy(err, "apt install%s", packages.data);
}

static int check_space(const char *dir, struct err *err)
{
	struct statvfs status;

	if (statvfs(dir, &status))
		return err_sys(err, errno, "cannot ask for the free space of '%s'", dir);
	uint64_t free_bytes = (uint64_t)status.f_bavail * status.f_frsize;
	if (free_bytes >= NEEDED_FREE_BYTES)
		return 0;
	(void)err_host(err, "building the guest image needs 1 GiB in '%s', which has %llu MiB free", dir,
		(unsigned long long)(free_bytes >> 20));
	return err_remedy(err, "free some space there");
}

/* One builder at a time; the lock goes with the descriptor. */
static int lock(const struct build *build, int *ret_fd, struct err *err)
{
	AUTO(free_ptr) char *path = xasprintf("%s/lock", build->dir);
	AUTO(close_fd) int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0)
		return err_sys(err, errno, "cannot open '%s'", path);
	if (flock(fd, LOCK_EX | LOCK_NB)) {
		if (errno != EWOULDBLOCK)
			return err_sys(err, errno, "cannot lock '%s'", path);
		progress(build, "another build is going on in %s: waiting for it", build->dir);
		if (flock(fd, LOCK_EX))
			return err_sys(err, errno, "cannot lock '%s'", path);
	}
	*ret_fd = STEAL_FD(fd);
	return 0;
}

/* What builds that were killed have left; called with the lock held. */
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

/* Puts a finished part under its name; what was there before goes away with the work folder. */
static int put_in_place(const struct build *build, const char *made, const char *part, struct err *err)
{
	AUTO(free_ptr) char *target = xasprintf("%s/%s", build->dir, part);
	unsigned flags = fsio_exists(target) ? RENAME_EXCHANGE : 0;

	if (renameat2(AT_FDCWD, made, AT_FDCWD, target, flags))
		return err_sys(err, errno, "cannot rename '%s' to '%s'", made, target);
	return 0;
}

static int write_manifest(const char *folder, json_t *manifest, struct err *err)
{
	AUTO(free_ptr) char *path = xasprintf("%s/manifest.json", folder);
	AUTO(free_ptr) char *text = json_dumps(manifest, JSON_INDENT(2));

	if (!text)
		BUG("a manifest cannot be written as JSON");
	return fsio_write_atomic(path, text, strlen(text), err);
}

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

static int copy_file(const char *from, const char *to, mode_t mode, struct err *err)
{
	AUTO(buf) struct buf data = BUF_INIT;

	if (fsio_read_file(from, 256 << 20, &data, err) || fsio_write_atomic(to, data.data, data.length, err))
		return -1;
	if (chmod(to, mode))
		return err_sys(err, errno, "cannot set the mode of '%s'", to);
	return 0;
}

static int make_tree(const struct build *build, const char *tree, struct err *err)
{
	AUTO(free_ptr) char *options = xasprintf("--aptopt=%s", build->archive.apt_options);
	/* In namespaces of its own, so that whatever ends it also ends its children and undoes its mounts. */
	const char *const argv[] = {"unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc",
		"mmdebstrap", "--mode=root", "--variant=essential", "--architectures=" ARCHIVE_ARCH,
		"--include=" IMAGE_ROOT_PACKAGES, "--dpkgopt=path-exclude=/usr/share/doc/*",
		"--dpkgopt=path-exclude=/usr/share/man/*", "--dpkgopt=path-exclude=/usr/share/info/*",
		"--dpkgopt=path-exclude=/usr/share/locale/*", "--aptopt=Acquire::Languages \"none\"", options,
		build->archive.suite, tree, build->archive.sources, NULL};
	const char *const env[] = {"LC_ALL=C.UTF-8", "DEBIAN_FRONTEND=noninteractive", NULL};
	AUTO(buf) struct buf output = BUF_INIT;
	int result = spawn_check(
		argv, &(struct spawn_options){.env = env, .output = &output, .timeout_ms = 1800000}, err);

	if (result && output.data) {
		/* Its last line seldom says why: keep all of it. */
		AUTO(free_ptr) char *log = xasprintf("%s/mmdebstrap.log", build->dir);
		if (!fsio_write_atomic(log, output.data, output.length, NULL))
			(void)err_remedy(err, "see '%s'", log);
	}
	return result;
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
	if (make_tree(build, tree, err))
		return err_wrap(err, "cannot install the guest's root");
	/* etc/apt holds the host's proxy, with its password if it has one. */
	const char *const mksquashfs[] = {"mksquashfs", tree, squashfs, "-comp", "zstd", "-noappend",
		"-no-progress", "-quiet", "-e", "etc/apt", "var/lib/apt", "var/cache", "var/log", "boot",
		NULL};
	progress(build, "root: packing");
	if (spawn_check(mksquashfs, &(struct spawn_options){.timeout_ms = 600000}, err) ||
		copy_file(busybox_from, busybox, 0755, err))
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
	if (write_manifest(part, manifest, err) || put_in_place(build, part, "root", err))
		return -1;
	progress(build, "root: done in %.1f s", (double)(clock_now_ns() - start_ns) / 1e9);
	return 0;
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
	if (copy_file(vmlinuz_from, vmlinuz, 0644, err) ||
		initrd_build_base(busybox, tree, release, build->work, base, err) ||
		initrd_join(build->options->init_path, build->options->runner_path, base, initrd, err))
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
	if (write_manifest(part, manifest, err) || put_in_place(build, part, name, err))
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
	if (initrd_join(build->options->init_path, build->options->runner_path, base, initrd, err))
		return -1;
	(void)json_object_set_new(manifest, "front_hash", json_string(front_hash));
	return write_manifest(folder, manifest, err);
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
	if (geteuid() != 0) {
		(void)err_host(err, "building the guest image needs root");
		return err_remedy(err, "sudo limitlab image build");
	}
	AUTO(free_ptr) char *work = xasprintf("%s/" WORK_PREFIX "%d", options->dir, (int)getpid());
	build.work = work;
	if (check_programs(err) || fsio_make_dirs(options->dir, err) || lock(&build, &lock_fd, err) ||
		remove_leftovers(options->dir, err) || check_space(options->dir, err) ||
		fsio_make_dirs(work, err))
		return -1;
	int result = build_parts(&build, err);
	archive_release(&build.archive);
	if (fsio_remove_tree(work, result ? NULL : err))
		result = -1;
	return result ? result : image_open(options, ret_image, err);
}
