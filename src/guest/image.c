/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "guest/image.h"

#include <dirent.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include <jansson.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/fsio.h"
#include "guest/archive.h"
#include "guest/image_parts.h"
#include "guest/parts.h"

#define KERNEL_PART "kernel-"

DEFINE_AUTO(json, json_t *, json_decref);

char *image_root_hash(const char *suite)
{
	return parts_hash((const char *const[]){IMAGE_ROOT_RECIPE, IMAGE_ROOT_PACKAGES, suite, NULL});
}

char *image_base_hash(const char *suite)
{
	return parts_hash((const char *const[]){IMAGE_KERNEL_RECIPE, IMAGE_MODULES, suite, NULL});
}

int image_front_hash(const struct image_options *options, char **ret_hash, struct err *err)
{
	const char *const paths[] = {options->init_path, options->runner_path};
	uint64_t hash = PARTS_HASH_EMPTY;

	hash = parts_hash_add(hash, IMAGE_FRONT_RECIPE, strlen(IMAGE_FRONT_RECIPE));
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		AUTO(buf) struct buf data = BUF_INIT;
		if (fsio_read_file(paths[i], 64 << 20, &data, err))
			return -1;
		hash = parts_hash_add(hash, data.data, data.length);
	}
	*ret_hash = xasprintf("%016" PRIx64, hash);
	return 0;
}

static json_t *load_manifest(const char *dir, const char *part)
{
	AUTO(free_ptr) char *path = xasprintf("%s/%s/manifest.json", dir, part);

	return json_load_file(path, 0, NULL);
}

static char *text_of(const json_t *manifest, const char *key)
{
	const char *text = json_string_value(json_object_get(manifest, key));

	return text ? xstrdup(text) : NULL;
}

char *image_manifest_value(const char *dir, const char *part, const char *key)
{
	AUTO(json) json_t *manifest = load_manifest(dir, part);

	return text_of(manifest, key);
}

static int compare_releases(const void *a, const void *b)
{
	return strverscmp(*(const char *const *)a, *(const char *const *)b);
}

char **image_releases(const char *dir, size_t *ret_count)
{
	AUTO(close_dir) DIR *stream = opendir(dir);
	size_t count = 0, capacity = 0;
	char **releases = NULL;
	struct dirent *entry;

	while (stream && (entry = readdir(stream))) {
		if (strncmp(entry->d_name, KERNEL_PART, strlen(KERNEL_PART)) != 0)
			continue;
		releases = xgrow(releases, count, &capacity, sizeof(*releases));
		releases[count++] = xstrdup(entry->d_name + strlen(KERNEL_PART));
	}
	if (count)
		qsort(releases, count, sizeof(*releases), compare_releases);
	*ret_count = count;
	return releases;
}

void image_free_releases(char **releases, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(releases[i]);
	free(releases);
}

char *image_find_kernel(const char *dir, const char *wish, const char *base_hash)
{
	size_t count;
	char **releases = image_releases(dir, &count);
	char *found = NULL;

	for (size_t i = count; i-- > 0 && !found;) {
		AUTO(free_ptr) char *part = xasprintf(KERNEL_PART "%s", releases[i]);
		AUTO(json) json_t *manifest = load_manifest(dir, part);
		const char *hash = json_string_value(json_object_get(manifest, "base_hash"));
		const char *package = json_string_value(json_object_get(manifest, "package"));
		if (!hash || !package || strcmp(hash, base_hash) != 0)
			continue;
		if (wish ? archive_kernel_matches(package, wish)
			 : json_is_true(json_object_get(manifest, "default")))
			found = xstrdup(releases[i]);
	}
	image_free_releases(releases, count);
	return found;
}

static struct image_package *packages_of(const json_t *manifest, const char *key, size_t *ret_count)
{
	json_t *object = json_object_get(manifest, key);
	size_t count = 0, capacity = 0;
	struct image_package *packages = NULL;
	const char *name;
	json_t *version;

	json_object_foreach(object, name, version)
	{
		packages = xgrow(packages, count, &capacity, sizeof(*packages));
		packages[count].name = xstrdup(name);
		packages[count++].version =
			xstrdup(json_is_string(version) ? json_string_value(version) : "");
	}
	*ret_count = count;
	return packages;
}

static uint64_t file_bytes(const char *path)
{
	struct stat status;

	return stat(path, &status) ? 0 : (uint64_t)status.st_size;
}

static int missing(struct err *err, const struct image_options *options, const char *what)
{
	(void)err_host(err, "%s in '%s'", what, options->dir);
	if (options->kernel)
		return err_remedy(err, "limitlab image build --kernel %s", options->kernel);
	return err_remedy(err, "limitlab image build");
}

static bool same(const char *a, const char *b)
{
	return a && b && strcmp(a, b) == 0;
}

int image_open(const struct image_options *options, struct image *ret_image, struct err *err)
{
	AUTO(json) json_t *root = load_manifest(options->dir, "root");
	/* Its own suite: an image from elsewhere, or from before the host's upgrade, serves as long as it is whole. */
	const char *suite = json_string_value(json_object_get(root, "suite"));
	AUTO(free_ptr) char *root_hash = image_root_hash(suite ? suite : "");
	AUTO(free_ptr) char *base_hash = image_base_hash(suite ? suite : "");
	AUTO(free_ptr) char *front_hash = NULL;

	if (image_front_hash(options, &front_hash, err))
		return -1;
	if (!root)
		return missing(err, options, "there is no guest image");
	if (!same(json_string_value(json_object_get(root, "hash")), root_hash))
		return missing(err, options, "the guest image's root is out of date");

	AUTO(free_ptr) char *release = image_find_kernel(options->dir, options->kernel, base_hash);
	if (!release) {
		AUTO(free_ptr)
		char *what = xasprintf(
			"there is no %s guest kernel", options->kernel ? options->kernel : "default");
		return missing(err, options, what);
	}
	AUTO(free_ptr) char *part = xasprintf(KERNEL_PART "%s", release);
	AUTO(json) json_t *kernel = load_manifest(options->dir, part);
	if (!same(json_string_value(json_object_get(kernel, "front_hash")), front_hash))
		return missing(err, options, "the guest's init or runner is out of date");

	struct image image = {
		.dir = xstrdup(options->dir),
		.kernel_path = xasprintf("%s/%s/vmlinuz", options->dir, part),
		.initrd_path = xasprintf("%s/%s/initrd", options->dir, part),
		.root_path = xasprintf("%s/root/root.squashfs", options->dir),
		.kernel_release = STEAL(release),
		.kernel_package = text_of(kernel, "package"),
		.kernel_version = text_of(kernel, "version"),
		.suite = text_of(root, "suite"),
		.built_utc = text_of(root, "built_utc"),
		.kernel_built_utc = text_of(kernel, "built_utc"),
	};
	image.packages = packages_of(root, "tools", &image.package_count);
	image.build_tools = packages_of(root, "build_tools", &image.build_tool_count);
	image.root_bytes = file_bytes(image.root_path);
	image.initrd_bytes = file_bytes(image.initrd_path);
	if (!image.root_bytes || !image.initrd_bytes || !file_bytes(image.kernel_path)) {
		image_release(&image);
		return missing(err, options, "the guest image has lost a file");
	}
	*ret_image = image;
	return 0;
}

static void free_packages(struct image_package *packages, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		free(packages[i].name);
		free(packages[i].version);
	}
	free(packages);
}

void image_release(struct image *image)
{
	free(image->dir);
	free(image->kernel_path);
	free(image->initrd_path);
	free(image->root_path);
	free(image->kernel_release);
	free(image->kernel_package);
	free(image->kernel_version);
	free(image->suite);
	free(image->built_utc);
	free(image->kernel_built_utc);
	free_packages(image->packages, image->package_count);
	free_packages(image->build_tools, image->build_tool_count);
	*image = (struct image){0};
}
