/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cmd/commands.h"

#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "base/auto.h"
#include "base/paths.h"
#include "cmd/command.h"
#include "cmd/options.h"
#include "guest/image.h"

DEFINE_AUTO(json, json_t *, json_decref);

static void print_progress(const char *line, void *context)
{
	(void)context;
	(void)fprintf(stderr, "%s\n", line);
}

static void print_table(const struct image *image)
{
	size_t count;
	char **releases = image_releases(image->dir, &count);

	(void)printf("%-18s %s, %.1f MB, Debian %s, built %s\n", "root", image->root_path,
		(double)image->root_bytes / 1e6, image->suite, image->built_utc);
	(void)printf("%-18s %s, %s %s, built %s\n", "kernel", image->kernel_path, image->kernel_package,
		image->kernel_version, image->kernel_built_utc);
	(void)printf("%-18s %s, %.1f MB\n", "initrd", image->initrd_path, (double)image->initrd_bytes / 1e6);
	for (size_t i = 0; i < count; i++)
		(void)printf("%-18s %s%s\n", i ? "" : "kernels", releases[i],
			strcmp(releases[i], image->kernel_release) == 0 ? " (this one)" : "");
	for (size_t i = 0; i < image->package_count; i++)
		(void)printf("%-18s %s\n", image->packages[i].name, image->packages[i].version);
	for (size_t i = 0; i < image->build_tool_count; i++)
		(void)printf("%-18s %s\n", i ? "" : "built with", image->build_tools[i].version);
	image_free_releases(releases, count);
}

static json_t *packages_json(const struct image_package *packages, size_t count)
{
	json_t *object = json_object();

	for (size_t i = 0; i < count; i++)
		(void)json_object_set_new(object, packages[i].name, json_string(packages[i].version));
	return object;
}

static void print_json(const struct image *image)
{
	AUTO(json)
	json_t *object = json_pack("{s:s, s:I, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:o, s:o}", "root",
		image->root_path, "root_bytes", (json_int_t)image->root_bytes, "suite", image->suite,
		"built_utc", image->built_utc, "kernel", image->kernel_path, "kernel_package",
		image->kernel_package, "kernel_version", image->kernel_version, "kernel_built_utc",
		image->kernel_built_utc, "initrd", image->initrd_path, "initrd_bytes",
		(json_int_t)image->initrd_bytes, "packages",
		packages_json(image->packages, image->package_count), "build_tools",
		packages_json(image->build_tools, image->build_tool_count));
	AUTO(free_ptr) char *text = object ? json_dumps(object, 0) : NULL;

	if (!text)
		BUG("the image cannot be written as JSON");
	(void)puts(text);
}

int cmd_image(int argc, char **argv)
{
	struct options options;
	struct image image;
	struct err err = ERR_INIT;

	if (options_parse(argc, argv, &options, &err))
		return command_fail(&err);
	AUTO(free_ptr) char *runner = paths_libexec("runner");
	AUTO(free_ptr) char *init = paths_libexec("init");
	bool build = strcmp(options.args[0], "build") == 0;
	const struct image_options wanted = {
		.dir = paths_image_dir(),
		.kernel = option_last(&options.kernel),
		.runner_path = runner,
		.init_path = init,
		.force = options.force,
		.progress = options.quiet || options.json ? NULL : print_progress,
	};
	if (!build && options.force) {
		(void)err_input(&err, "'image info' changes nothing, so it takes no --force");
		return command_fail(&err);
	}
	if (build ? image_build(&wanted, &image, &err) : image_open(&wanted, &image, &err))
		return command_fail(&err);
	if (options.json)
		print_json(&image);
	else if (!build || !options.quiet)
		print_table(&image);
	image_release(&image);
	return 0;
}
