/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where kernels come from, and what is made of them. */
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
#include "base/privilege.h"
#include "base/spawn.h"
#include "guest/archive.h"
#include "guest/image.h"
#include "guest/initrd.h"
#include "guest/parts.h"

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
	char *kept; /* the folder of one that is there already: nothing is to be made; NULL: none */
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
	free(making->kept);
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

	labhost_say(making->place, "kernel: reading the package lists");
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
	making->kept = result ? NULL : kernel_kept(making->place->dir, making->package);
	if (!result && !making->kept) {
		labhost_say(making->place, "kernel: fetching %s", making->package);
		result = archive_unpack(&archive, making->package, making->tree, &making->version, err);
	}
	archive_release(&archive);
	if (result || making->kept)
		return result ? -1 : 0;
	making->origin = xasprintf("Debian package %s %s", making->package, making->version);
	return take_tree(making, err);
}

static int from_deb(struct making *making, struct err *err)
{
	const char *const unpack[] = {"dpkg-deb", "-x", making->wish->text, making->tree, NULL};

	making->origin = xstrdup(making->wish->text);
	labhost_say(making->place, "kernel: unpacking %s", making->wish->text);
	if (spawn_check(unpack, NULL, err)) {
		(void)err_wrap(err, "'%s' is no Debian package", making->wish->text);
		return -1;
	}
	return take_tree(making, err);
}

/* In the tree that the kernel was built in; elsewhere "../../../.config" is somebody's folder. */
static char *config_of_build(const char *image)
{
	static const char below[] = "/arch/x86/boot/bzImage";
	size_t length = strlen(image), below_length = strlen(below);

	return length > below_length && strcmp(image + length - below_length, below) == 0
		       ? xasprintf("%.*s/.config", (int)(length - below_length), image)
		       : xstrdup("/nonexistent");
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
		config_of_build(making->image),
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
	labhost_say(making->place, "kernel: packing %s", making->release);
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
		sources[making->wish->kind](making, err))
		return -1;
	if (making->kept) {
		*ret_folder = xstrdup(making->kept);
		return kernel_remember(making->kept, making->wish->text, making->is_default, err);
	}
	if (pack(making, part, err))
		return -1;
	const struct {
		const char *key, *value;
	} texts[] = {
		{"recipe", KERNEL_RECIPE},
		{"release", making->release},
		{"origin", making->origin},
		{"source", making->source},
		{"package", making->package},
		{"version", making->version},
	};
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		if (texts[i].value)
			(void)json_object_set_new(manifest, texts[i].key, json_string(texts[i].value));
	/* Kernels of different files may have the same release. */
	AUTO(free_ptr)
	char *path_hash = parts_hash((const char *const[]){
		making->origin, making->wish->modules ? making->wish->modules : "", NULL});
	AUTO(free_ptr)
	char *name = making->package ? xasprintf(KERNEL_PART "%s", making->release)
				     : xasprintf(KERNEL_PART "file-%s", path_hash);
	if (parts_write_manifest(part, manifest, err) ||
		(making->package && kernel_remember(part, making->wish->text, making->is_default, err)) ||
		parts_put(making->place->dir, part, name, err))
		return -1;
	labhost_say(making->place, "kernel: %s done in %.1f s", making->release,
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

int kernel_make(const struct labhost_place *place, const struct wish *wish, const char *source,
	char **ret_folder, struct err *err)
{
	struct making making = {.place = place, .wish = wish, .source = source ? xstrdup(source) : NULL};
	AUTO(close_fd) int lock_fd = -1;

	if (need_root("preparing a lab host's kernel", NULL, "...", err)) {
		making_release(&making);
		return -1;
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

int labhost_kernel_list(
	const struct labhost_place *place, char ***ret_lines, size_t *ret_count, struct err *err)
{
	AUTO(close_fd) int lock_fd = -1;
	AUTO(free_ptr) char *work = NULL;
	AUTO(free_ptr) char *list = NULL;
	struct archive archive = {0};

	if (parts_begin(place->dir, place->progress, place->context, &lock_fd, &work, err))
		return -1;
	labhost_say(place, "kernels: reading the package lists");
	int result = archive_open(work, &archive, err) || archive_update(&archive, err) ||
				     archive_kernels(&archive, &list, err)
			     ? -1
			     : 0;
	archive_release(&archive);
	if (fsio_remove_tree(work, result ? NULL : err) || result)
		return -1;
	*ret_lines = wish_each(list, ret_count);
	return 0;
}
