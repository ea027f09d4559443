/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "labhost/internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
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
#include "base/spawn.h"
#include "guest/archive.h"
#include "guest/image.h"
#include "guest/initrd.h"
#include "guest/parts.h"

#define RECIPE      "labhost kernel 1"
#define PART        "kernel-"
#define MODULES     "virtio_pci virtio_blk squashfs overlay"
#define SPACE_BYTES (UINT64_C(1) << 30)

enum { HEAD_BYTES = 64 << 10 };

DEFINE_AUTO(json, json_t *, json_decref);

/* What a kernel is made of, and where it is made. */
struct making {
	const struct labhost_place *place;
	const struct wish *wish;
	char *work;
	char *tree;            /* with lib/modules/RELEASE, ours */
	char *release;         /* what lib/modules has */
	char *image, *config;  /* config: NULL */
	char *origin, *source; /* source: what tells whether a file has changed; NULL: from the archive */
	char *package, *version;
	bool is_default;
};

static void making_release(struct making *making)
{
	free(making->work);
	free(making->tree);
	free(making->release);
	free(making->image);
	free(making->config);
	free(making->origin);
	free(making->source);
	free(making->package);
	free(making->version);
}

__attribute__((format(printf, 2, 3))) static void progress(
	const struct labhost_place *place, const char *format, ...)
{
	char line[512];
	va_list args;

	if (!place->progress)
		return;
	va_start(args, format);
	(void)vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	place->progress(line, place->context);
}

char *labhost_dir(void)
{
	return xasprintf("%s/labhost", paths_state_dir());
}

void labhost_kernel_release(struct labhost_kernel *kernel)
{
	free(kernel->release);
	free(kernel->folder);
	free(kernel->vmlinuz);
	free(kernel->modules);
	free(kernel->initrd);
	free(kernel->config);
	free(kernel->origin);
	*kernel = (struct labhost_kernel){0};
}

/* ---- kernels that are kept ---- */

/* What stands in front of the modules and changes with limitlab. */
static const char *const front[] = {"init", "start", "labhost.service"};

static int front_hash(struct initrd_file *ret_files, char **ret_hash, struct err *err)
{
	AUTO(buf) struct buf text = BUF_INIT;

	for (size_t i = 0; i < ARRAY_SIZE(front); i++) {
		AUTO(free_ptr) char *name = xasprintf("labhost-%s", front[i]);
		AUTO(free_ptr) char *path = paths_libexec(name);
		if (fsio_read_file(path, 1 << 20, &text, err))
			return -1;
		ret_files[i] = (struct initrd_file){front[i], STEAL(path)};
	}
	*ret_hash = parts_hash((const char *const[]){text.data ? text.data : "", NULL});
	return 0;
}

static const char *text_of(const json_t *manifest, const char *key)
{
	return json_string_value(json_object_get(manifest, key));
}

static bool equal(const char *a, const char *b)
{
	return a && b && strcmp(a, b) == 0;
}

/* Whether a kept kernel is the one that is wished for. */
static bool fits(const json_t *manifest, const struct wish *wish, const char *source)
{
	const char *package = text_of(manifest, "package"), *version = text_of(manifest, "version");

	if (!equal(text_of(manifest, "recipe"), RECIPE))
		return false;
	if (wish->kind != WISH_ARCHIVE)
		return equal(text_of(manifest, "source"), source);
	if (!package || !version)
		return false;
	if (!wish->text)
		return json_is_true(json_object_get(manifest, "default"));
	AUTO(free_ptr) char *line = xasprintf("%s %s\n", package, version);
	AUTO(free_ptr) char *chosen = wish_choose(line, wish->text);
	return chosen != NULL;
}

/* The folder of the newest kept kernel that fits; NULL: none. */
static char *find_kept(const char *dir, const struct wish *wish, const char *source)
{
	size_t count;
	char **releases = image_releases(dir, &count), *found = NULL;

	for (size_t i = count; i-- > 0 && !found;) {
		AUTO(free_ptr) char *folder = xasprintf("%s/" PART "%s", dir, releases[i]);
		AUTO(free_ptr) char *path = xasprintf("%s/manifest.json", folder);
		AUTO(json) json_t *manifest = json_load_file(path, 0, NULL);
		if (manifest && fits(manifest, wish, source))
			found = STEAL(folder);
	}
	image_free_releases(releases, count);
	return found;
}

/* Puts the present front before a kept kernel's modules, if it is another. */
static int refresh(const char *folder, struct err *err)
{
	AUTO(free_ptr) char *path = xasprintf("%s/manifest.json", folder);
	AUTO(free_ptr) char *base = xasprintf("%s/base.cpio.zst", folder);
	AUTO(free_ptr) char *initrd = xasprintf("%s/initrd", folder);
	AUTO(json) json_t *manifest = json_load_file(path, 0, NULL);
	struct initrd_file files[ARRAY_SIZE(front)] = {0};
	AUTO(free_ptr) char *hash = NULL;

	if (!manifest)
		return err_run(err, "cannot read '%s'", path);
	int result = front_hash(files, &hash, err);
	if (!result && (!equal(text_of(manifest, "front_hash"), hash) || !fsio_exists(initrd))) {
		result = initrd_join(files, ARRAY_SIZE(files), base, initrd, err);
		(void)json_object_set_new(manifest, "front_hash", json_string(hash));
		if (!result)
			result = parts_write_manifest(folder, manifest, err);
	}
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		free((char *)(uintptr_t)files[i].path);
	return result;
}

static int open_kept(const char *folder, struct labhost_kernel *ret_kernel, struct err *err)
{
	AUTO(free_ptr) char *path = xasprintf("%s/manifest.json", folder);
	AUTO(free_ptr) char *config = xasprintf("%s/config", folder);

	if (refresh(folder, err))
		return -1;
	AUTO(json) json_t *manifest = json_load_file(path, 0, NULL);
	const char *release = text_of(manifest, "release"), *origin = text_of(manifest, "origin");
	if (!release || !origin)
		return err_run(err, "'%s' says nothing of its kernel", path);
	*ret_kernel = (struct labhost_kernel){
		.release = xstrdup(release),
		.folder = xstrdup(folder),
		.vmlinuz = xasprintf("%s/vmlinuz", folder),
		.modules = xasprintf("%s/modules.squashfs", folder),
		.initrd = xasprintf("%s/initrd", folder),
		.config = fsio_exists(config) ? STEAL(config) : NULL,
		.origin = xstrdup(origin),
	};
	return 0;
}

/* ---- where kernels come from ---- */

/* The one folder in lib/modules; NULL: none, or several. */
static char *only_release(const char *modules)
{
	AUTO(close_dir) DIR *stream = opendir(modules);
	const struct dirent *entry;
	char *found = NULL;

	while (stream && (entry = readdir(stream))) {
		if (entry->d_name[0] == '.')
			continue;
		if (found) {
			free(found);
			return NULL;
		}
		found = xstrdup(entry->d_name);
	}
	return found;
}

static int release_of_image(const char *path, char **ret_release, struct err *err)
{
	AUTO(close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
	AUTO(free_ptr) char *head = xcalloc(1, HEAD_BYTES);

	if (fd < 0)
		return err_input(err, "cannot read the kernel image '%s': %s", path, strerror(errno));
	ssize_t length = read(fd, head, HEAD_BYTES);
	char *release = length > 0 ? wish_release_of_image(head, (size_t)length) : NULL;
	if (!release) {
		(void)err_input(err, "'%s' is no bootable kernel image for x86 (bzImage)", path);
		return err_remedy(
			err, "arch/x86/boot/bzImage of a kernel's build, or a distribution's vmlinuz");
	}
	*ret_release = release;
	return 0;
}

/* Several names, the first that is there; NULL: none.  The caller frees. */
static char *first_of(char *const *paths, size_t count)
{
	char *found = NULL;

	for (size_t i = 0; i < count; i++) {
		if (!found && fsio_exists(paths[i]))
			found = paths[i];
		else
			free(paths[i]);
	}
	return found;
}

/* An unpacked package: boot/vmlinuz-RELEASE, boot/config-RELEASE, lib/modules/RELEASE or usr/lib/modules/RELEASE. */
static int take_tree(struct making *making, struct err *err)
{
	AUTO(free_ptr) char *lib = xasprintf("%s/lib", making->tree);
	AUTO(free_ptr) char *modules = xasprintf("%s/lib/modules", making->tree);

	/* Later suites have the modules in /usr/lib; depmod and modprobe look in /lib. */
	if (!fsio_exists(lib) && symlink("usr/lib", lib))
		return err_sys(err, errno, "cannot make the link '%s'", lib);
	making->release = only_release(modules);
	if (!making->release)
		return err_input(err, "%s holds no modules, or those of several kernels", making->origin);
	char *images[] = {
		xasprintf("%s/boot/vmlinuz-%s", making->tree, making->release),
		xasprintf("%s/boot/vmlinuz", making->tree),
		xasprintf("%s/vmlinuz", modules),
	};
	char *configs[] = {xasprintf("%s/boot/config-%s", making->tree, making->release)};
	making->image = first_of(images, ARRAY_SIZE(images));
	making->config = first_of(configs, ARRAY_SIZE(configs));
	if (!making->image)
		return err_input(
			err, "%s holds no kernel image (boot/vmlinuz-%s)", making->origin, making->release);
	return 0;
}

static int from_archive(struct making *making, struct err *err)
{
	struct archive archive = {0};
	AUTO(free_ptr) char *list = NULL;

	progress(making->place, "kernel: reading the package lists");
	int result = archive_open(making->work, &archive, err) || archive_update(&archive, err) ||
				     archive_find_kernel(
					     &archive, NULL, &making->package, &making->is_default, err)
			     ? -1
			     : 0;
	if (!result && making->wish->text) {
		result = archive_kernels(&archive, &list, err);
		char *chosen = result ? NULL : wish_choose(list, making->wish->text);
		if (!result && !chosen) {
			result = err_input(
				err, "Debian %s has no kernel '%s'", archive.suite, making->wish->text);
			(void)err_remedy(err,
				"a version as 6.1, the name or version of a package that 'apt-cache search linux-image-' "
				"lists, a .deb, or BZIMAGE:MODULES");
		} else if (!result) {
			making->is_default = strcmp(chosen, making->package) == 0;
			free(making->package);
			making->package = chosen;
		}
	}
	if (!result) {
		progress(making->place, "kernel: fetching %s", making->package);
		result = archive_unpack(&archive, making->package, making->tree, &making->version, err);
	}
	archive_release(&archive);
	if (result)
		return -1;
	making->origin = xasprintf("Debian package %s %s", making->package, making->version);
	return take_tree(making, err);
}

static int from_deb(struct making *making, struct err *err)
{
	const char *const unpack[] = {"dpkg-deb", "-x", making->wish->text, making->tree, NULL};

	making->origin = xstrdup(making->wish->text);
	progress(making->place, "kernel: unpacking %s", making->wish->text);
	if (spawn_check(unpack, NULL, err)) {
		(void)err_wrap(err, "'%s' is no Debian package", making->wish->text);
		return -1;
	}
	return take_tree(making, err);
}

/* A copy of the modules, because depmod(8) writes there and because a build goes on. */
static int copy_modules(struct making *making, const char *modules, struct err *err)
{
	char *folders[] = {
		xasprintf("%s/lib/modules/%s", modules, making->release),
		xasprintf("%s/usr/lib/modules/%s", modules, making->release),
		xasprintf("%s/%s", modules, making->release),
		strcmp(fsio_basename(modules), making->release) == 0 ? xstrdup(modules)
								     : xstrdup("/nonexistent"),
	};
	AUTO(free_ptr) char *from = first_of(folders, ARRAY_SIZE(folders));
	AUTO(free_ptr) char *to = xasprintf("%s/lib/modules/%s", making->tree, making->release);
	AUTO(free_ptr) char *parent = fsio_dirname(to);

	if (!from) {
		(void)err_input(err, "there are no modules of kernel %s in '%s'", making->release, modules);
		return err_remedy(err,
			"make modules_install INSTALL_MOD_PATH=DIR INSTALL_MOD_STRIP=1, then BZIMAGE:DIR");
	}
	/* What modules_install leaves points to the build. */
	const char *const copy[] = {"cp", "-a", from, to, NULL};
	AUTO(free_ptr) char *build = xasprintf("%s/build", to);
	AUTO(free_ptr) char *source = xasprintf("%s/source", to);
	if (fsio_make_dirs(parent, err) || spawn_check(copy, NULL, err))
		return -1;
	AUTO(free_ptr) char *beside = fsio_dirname(making->image);
	char *configs[] = {
		xasprintf("%s/config-%s", beside, making->release),
		xasprintf("%s/../../../.config", beside),
		xasprintf("%s/.config", build),
		xasprintf("%s/config", to),
		xasprintf("%s/config", beside),
	};
	making->config = first_of(configs, ARRAY_SIZE(configs));
	if (making->config) {
		/* The link goes. */
		AUTO(free_ptr) char *there = realpath(making->config, NULL);
		free(making->config);
		making->config = STEAL(there);
	}
	(void)unlink(build);
	(void)unlink(source);
	return 0;
}

static int from_files(struct making *making, struct err *err)
{
	making->image = xstrdup(making->wish->text);
	making->origin = xstrdup(making->image);
	return release_of_image(making->image, &making->release, err) ||
			       copy_modules(making, making->wish->modules, err)
		       ? -1
		       : 0;
}

static int from_folder(struct making *making, struct err *err)
{
	const char *folder = making->wish->text;
	char *images[] = {
		xasprintf("%s/bzImage", folder),
		xasprintf("%s/vmlinuz", folder),
		xasprintf("%s/boot/vmlinuz", folder),
		xasprintf("%s/arch/x86/boot/bzImage", folder),
	};

	making->origin = xstrdup(folder);
	making->image = first_of(images, ARRAY_SIZE(images));
	if (!making->image)
		return err_input(err, "the folder '%s' has no vmlinuz and no bzImage", folder);
	return release_of_image(making->image, &making->release, err) || copy_modules(making, folder, err)
		       ? -1
		       : 0;
}

/* ---- making one ---- */

/* modules.list: what is a module, and what could be one and is built in (labhost_kernel_check()). */
static int list_modules(const char *modules, const char *part, struct err *err)
{
	static const char *const names[] = {"modules.dep", "modules.builtin"};
	AUTO(free_ptr) char *list = xasprintf("%s/modules.list", part);
	AUTO(buf) struct buf text = BUF_INIT;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		AUTO(free_ptr) char *path = xasprintf("%s/%s", modules, names[i]);
		if (fsio_exists(path) && fsio_read_file(path, 64 << 20, &text, err))
			return -1;
	}
	return fsio_write_atomic(list, text.data ? text.data : "", text.length, err);
}

static int pack(struct making *making, const char *part, struct err *err)
{
	AUTO(free_ptr) char *busybox = xasprintf("%s/root/busybox", paths_image_dir());
	AUTO(free_ptr) char *base = xasprintf("%s/base.cpio.zst", part);
	AUTO(free_ptr) char *vmlinuz = xasprintf("%s/vmlinuz", part);
	AUTO(free_ptr) char *config = xasprintf("%s/config", part);
	AUTO(free_ptr) char *squashfs = xasprintf("%s/modules.squashfs", part);
	AUTO(free_ptr) char *layer = xasprintf("%s/layer", making->work);
	AUTO(free_ptr) char *below = xasprintf("%s/usr/lib/modules", layer);
	AUTO(free_ptr) char *from = xasprintf("%s/lib/modules/%s", making->tree, making->release);
	AUTO(free_ptr) char *to = xasprintf("%s/%s", below, making->release);
	const char *const mksquashfs[] = {
		"mksquashfs", layer, squashfs, "-comp", "lz4", "-noappend", "-no-progress", "-quiet", NULL};

	if (!fsio_exists(busybox)) {
		(void)err_host(err, "there is no guest image in '%s'", paths_image_dir());
		return err_remedy(err, "limitlab image build");
	}
	progress(making->place, "kernel: packing %s", making->release);
	if (parts_copy_file(making->image, vmlinuz, 0644, err) ||
		(making->config && parts_copy_file(making->config, config, 0644, err)) ||
		initrd_build_base(busybox, making->tree, making->release, MODULES, making->work, base, err) ||
		fsio_make_dirs(below, err))
		return -1;
	if (list_modules(from, part, err))
		return -1;
	if (rename(from, to))
		return err_sys(err, errno, "cannot rename '%s' to '%s'", from, to);
	return spawn_check(mksquashfs, NULL, err);
}

static int make(struct making *making, char **ret_folder, struct err *err)
{
	static int (*const sources[])(struct making * making, struct err * err) = {
		[WISH_ARCHIVE] = from_archive,
		[WISH_DEB] = from_deb,
		[WISH_FILES] = from_files,
		[WISH_FOLDER] = from_folder,
	};
	AUTO(free_ptr) char *part = xasprintf("%s/part", making->work);
	AUTO(json) json_t *manifest = json_object();
	uint64_t start_ns = clock_now_ns();

	making->tree = xasprintf("%s/tree", making->work);
	if (fsio_make_dirs(making->tree, err) || fsio_make_dirs(part, err) ||
		sources[making->wish->kind](making, err) || pack(making, part, err))
		return -1;
	const struct {
		const char *key, *value;
	} texts[] = {
		{"recipe", RECIPE},
		{"release", making->release},
		{"origin", making->origin},
		{"source", making->source},
		{"package", making->package},
		{"version", making->version},
	};
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		if (texts[i].value)
			(void)json_object_set_new(manifest, texts[i].key, json_string(texts[i].value));
	(void)json_object_set_new(manifest, "default", json_boolean(making->is_default));
	/* Kernels of different files may have the same release. */
	AUTO(free_ptr)
	char *path_hash = parts_hash((const char *const[]){
		making->origin, making->wish->modules ? making->wish->modules : "", NULL});
	AUTO(free_ptr)
	char *name = making->package ? xasprintf(PART "%s", making->release)
				     : xasprintf(PART "file-%s", path_hash);
	if (parts_write_manifest(part, manifest, err) || parts_put(making->place->dir, part, name, err))
		return -1;
	progress(making->place, "kernel: %s done in %.1f s", making->release,
		(double)(clock_now_ns() - start_ns) / 1e9);
	*ret_folder = xasprintf("%s/%s", making->place->dir, name);
	return 0;
}

static const struct parts_program needed[] = {
	{"mksquashfs", "squashfs-tools"},
	{"zstd", "zstd"},
	{"xz", "xz-utils"},
	{"depmod", "kmod"},
	{"modprobe", "kmod"},
	{"dpkg-deb", "dpkg"},
	{"apt-get", "apt"},
};

static int make_locked(const struct labhost_place *place, const struct wish *wish, char *source,
	char **ret_folder, struct err *err)
{
	struct making making = {.place = place, .wish = wish, .source = source ? xstrdup(source) : NULL};
	AUTO(close_fd) int lock_fd = -1;

	if (geteuid() != 0) {
		making_release(&making);
		(void)err_host(err, "preparing a lab host's kernel needs root");
		return err_remedy(err, "sudo limitlab ...");
	}
	int result = parts_check_programs(needed, ARRAY_SIZE(needed), "preparing a lab host's kernel", err) ||
				     parts_begin(place->dir, place->progress, place->context, &lock_fd,
					     &making.work, err)
			     ? -1
			     : 0;
	if (!result)
		result = parts_check_space(place->dir, SPACE_BYTES, "preparing a lab host's kernel", err) ||
					 make(&making, ret_folder, err)
				 ? -1
				 : 0;
	if (making.work && fsio_remove_tree(making.work, result ? NULL : err))
		result = -1;
	making_release(&making);
	return result;
}

/* What tells that a file is no longer the one that was taken; NULL for the archive's kernels.  The caller frees. */
static char *source_of(const struct wish *wish)
{
	AUTO(buf) struct buf text = BUF_INIT;
	const char *const paths[] = {wish->text, wish->modules};
	struct stat status;

	if (wish->kind == WISH_ARCHIVE)
		return NULL;
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		static const char *const below[] = {"", "/bzImage", "/vmlinuz", "/arch/x86/boot/bzImage"};
		for (size_t j = 0; paths[i] && j < ARRAY_SIZE(below); j++) {
			AUTO(free_ptr) char *path = xasprintf("%s%s", paths[i], below[j]);
			if (stat(path, &status) == 0)
				buf_addf(&text, "%s%s %lld bytes of %lld.%09ld", text.length ? ", " : "",
					path, (long long)status.st_size, (long long)status.st_mtim.tv_sec,
					status.st_mtim.tv_nsec);
		}
	}
	return buf_steal(&text);
}

static void auto_wish(struct wish *wish)
{
	wish_release(wish);
}

int labhost_kernel_find(const struct labhost_place *place, const char *text,
	struct labhost_kernel *ret_kernel, struct err *err)
{
	AUTO(wish) struct wish wish = {0};

	if (wish_parse(text, &wish, err))
		return -1;
	AUTO(free_ptr) char *source = source_of(&wish);
	AUTO(free_ptr) char *folder = find_kept(place->dir, &wish, source);
	if (!folder && make_locked(place, &wish, source, &folder, err))
		return -1;
	return open_kept(folder, ret_kernel, err);
}

static int compare_packages(const void *a, const void *b)
{
	return strverscmp(*(const char *const *)a, *(const char *const *)b);
}

int labhost_kernel_list(
	const struct labhost_place *place, char ***ret_packages, size_t *ret_count, struct err *err)
{
	AUTO(close_fd) int lock_fd = -1;
	AUTO(free_ptr) char *work = NULL;
	AUTO(free_ptr) char *list = NULL;
	struct archive archive = {0};
	size_t count = 0, capacity = 0;
	char **packages = NULL;

	if (parts_begin(place->dir, place->progress, place->context, &lock_fd, &work, err))
		return -1;
	progress(place, "kernels: reading the package lists");
	int result = archive_open(work, &archive, err) || archive_update(&archive, err) ||
				     archive_kernels(&archive, &list, err)
			     ? -1
			     : 0;
	archive_release(&archive);
	if (fsio_remove_tree(work, result ? NULL : err) || result)
		return -1;
	for (char *rest = list, *line; (line = strsep(&rest, "\n"));) {
		line[strcspn(line, " ")] = '\0';
		const char *end = strstr(line, "-cloud-" ARCHIVE_ARCH);
		if (!end || strcmp(end, "-cloud-" ARCHIVE_ARCH) != 0)
			continue;
		packages = xgrow(packages, count, &capacity, sizeof(*packages));
		packages[count++] = xstrdup(line);
	}
	if (count)
		qsort(packages, count, sizeof(*packages), compare_packages);
	packages = xgrow(packages, count, &capacity, sizeof(*packages));
	packages[count] = NULL;
	*ret_packages = packages;
	*ret_count = count;
	return 0;
}
