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

DEFINE_AUTO(json, json_t *, json_decref);

void labhost_say(const struct labhost_place *place, const char *format, ...)
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
	free(kernel->version);
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

	if (!equal(text_of(manifest, "recipe"), KERNEL_RECIPE))
		return false;
	if (wish->kind != WISH_ARCHIVE)
		return equal(text_of(manifest, "source"), source);
	if (!package || !version)
		return false;
	if (!wish->text)
		return json_is_true(json_object_get(manifest, "default"));
	if (wish_is_exact(package, version, wish->text))
		return true;
	/* What is kept need not be the newest that matches: the archive has to have said so. */
	const json_t *wishes = json_object_get(manifest, "wishes");
	for (size_t i = 0; i < json_array_size(wishes); i++)
		if (equal(json_string_value(json_array_get(wishes, i)), wish->text))
			return true;
	return false;
}

char *kernel_find_kept(const char *dir, const struct wish *wish, const char *source)
{
	size_t count;
	char **releases = image_releases(dir, &count), *found = NULL;

	for (size_t i = count; i-- > 0 && !found;) {
		AUTO(free_ptr) char *folder = xasprintf("%s/" KERNEL_PART "%s", dir, releases[i]);
		AUTO(free_ptr) char *path = xasprintf("%s/manifest.json", folder);
		AUTO(json) json_t *manifest = json_load_file(path, 0, NULL);
		if (manifest && fits(manifest, wish, source))
			found = STEAL(folder);
	}
	image_free_releases(releases, count);
	return found;
}

char *kernel_kept(const char *dir, const char *package)
{
	AUTO(free_ptr)
	char *folder = xasprintf("%s/" KERNEL_PART "%s", dir, package + strlen("linux-image-"));
	AUTO(free_ptr) char *path = xasprintf("%s/manifest.json", folder);
	AUTO(json) json_t *manifest = json_load_file(path, 0, NULL);

	return equal(text_of(manifest, "recipe"), KERNEL_RECIPE) &&
			       equal(text_of(manifest, "package"), package)
		       ? STEAL(folder)
		       : NULL;
}

int kernel_remember(const char *folder, const char *wish, bool is_default, struct err *err)
{
	AUTO(free_ptr) char *path = xasprintf("%s/manifest.json", folder);
	AUTO(json) json_t *manifest = json_load_file(path, 0, NULL);
	json_t *wishes = json_object_get(manifest, "wishes");

	if (!manifest)
		return err_run(err, "cannot read '%s'", path);
	(void)json_object_set_new(manifest, "default", json_boolean(is_default));
	if (!wishes) {
		wishes = json_array();
		(void)json_object_set_new(manifest, "wishes", wishes);
	}
	if (wish)
		(void)json_array_append_new(wishes, json_string(wish));
	return parts_write_manifest(folder, manifest, err);
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
		.version = text_of(manifest, "package") && text_of(manifest, "version")
				   ? xstrdup(text_of(manifest, "version"))
				   : NULL,
	};
	return 0;
}

static void add_stamp(struct buf *text, const char *path)
{
	struct stat status;

	if (stat(path, &status) == 0)
		buf_addf(text, "%s%s %lld bytes of %lld.%09ld", text->length ? ", " : "", path,
			(long long)status.st_size, (long long)status.st_mtim.tv_sec, status.st_mtim.tv_nsec);
}

/* What `make modules_install` writes last, below each folder of FOLDER. */
static void add_modules(struct buf *text, const char *folder)
{
	static const char *const written[] = {"", "/modules.order", "/modules.dep"};
	struct dirent **entries = NULL;
	int count = scandir(folder, &entries, NULL, alphasort);

	for (int i = 0; i < count; i++) {
		for (size_t j = 0; j < ARRAY_SIZE(written) && entries[i]->d_name[0] != '.'; j++) {
			AUTO(free_ptr)
			char *path = xasprintf("%s/%s%s", folder, entries[i]->d_name, written[j]);
			add_stamp(text, path);
		}
		free(entries[i]);
	}
	free(entries);
}

char *kernel_source(const struct wish *wish)
{
	static const char *const images[] = {
		"", "/bzImage", "/vmlinuz", "/boot/vmlinuz", "/arch/x86/boot/bzImage"};
	static const char *const modules[] = {"/lib/modules", "/usr/lib/modules"};
	const char *const paths[] = {wish->text, wish->modules};
	AUTO(buf) struct buf text = BUF_INIT;

	if (wish->kind == WISH_ARCHIVE)
		return NULL;
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		for (size_t j = 0; paths[i] && j < ARRAY_SIZE(images); j++) {
			AUTO(free_ptr) char *path = xasprintf("%s%s", paths[i], images[j]);
			add_stamp(&text, path);
		}
		for (size_t j = 0; paths[i] && j < ARRAY_SIZE(modules); j++) {
			AUTO(free_ptr) char *folder = xasprintf("%s%s", paths[i], modules[j]);
			add_modules(&text, folder);
		}
	}
	/* MODULES/RELEASE, or that itself. */
	if (wish->modules) {
		AUTO(free_ptr) char *order = xasprintf("%s/modules.order", wish->modules);
		AUTO(free_ptr) char *dep = xasprintf("%s/modules.dep", wish->modules);
		add_stamp(&text, order);
		add_stamp(&text, dep);
		add_modules(&text, wish->modules);
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
	AUTO(free_ptr) char *source = kernel_source(&wish);
	AUTO(free_ptr) char *folder = kernel_find_kept(place->dir, &wish, source);
	if (!folder && kernel_make(place, &wish, source, &folder, err))
		return -1;
	return open_kept(folder, ret_kernel, err);
}
