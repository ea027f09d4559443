/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "guest/initrd.h"

#include <errno.h>
#include <string.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/fsio.h"
#include "base/spawn.h"
#include "guest/cpio.h"

enum { FILE_LIMIT_BYTES = 64 << 20 };

/* How the distribution compresses modules, and what turns them back; busybox' insmod takes plain ones. */
static const struct {
	const char *suffix;
	const char *program;
} unpackers[] = {{".xz", "xz"}, {".zst", "zstd"}, {".gz", "gzip"}};

static int add_file(struct cpio *cpio, const char *name, mode_t mode, const char *path, struct err *err)
{
	AUTO(buf) struct buf data = BUF_INIT;

	if (fsio_read_file(path, FILE_LIMIT_BYTES, &data, err))
		return -1;
	cpio_add_file(cpio, name, mode, data.data, data.length);
	return 0;
}

/* Adds one module under its plain name, and the name to the load order. */
static int add_module(struct cpio *cpio, const char *path, struct buf *order, struct err *err)
{
	AUTO(free_ptr) char *name = xstrdup(fsio_basename(path));
	AUTO(buf) struct buf data = BUF_INIT;

	for (size_t i = 0; i < ARRAY_SIZE(unpackers); i++) {
		char *at = strstr(name, unpackers[i].suffix);
		if (!at || at[strlen(unpackers[i].suffix)])
			continue;
		*at = '\0';
		const char *const argv[] = {unpackers[i].program, "-dc", path, NULL};
		if (spawn_check(argv, &(struct spawn_options){.output = &data}, err))
			return err_wrap(err, "cannot unpack the module '%s'", path);
	}
	if (!data.length && fsio_read_file(path, FILE_LIMIT_BYTES, &data, err))
		return -1;
	AUTO(free_ptr) char *target = xasprintf("modules/%s", name);
	cpio_add_file(cpio, target, 0644, data.data, data.length);
	buf_addf(order, "%s\n", name);
	return 0;
}

/* "insmod /PATH/x.ko ": the path, cut off there; NULL: nothing to load, or ret_is_known is false. */
static char *module_of(char *line, bool *ret_is_known)
{
	/* Warnings come along; a failure is told by the exit status. */
	static const char *const idle[] = {"builtin ", "modprobe: ", "libkmod: "};

	*ret_is_known = true;
	if (strncmp(line, "insmod ", 7) == 0) {
		line[7 + strcspn(line + 7, " ")] = '\0';
		return line + 7;
	}
	for (size_t i = 0; i < ARRAY_SIZE(idle); i++)
		if (strncmp(line, idle[i], strlen(idle[i])) == 0)
			return NULL;
	*ret_is_known = !*line;
	return NULL;
}

/* Every module that is needed, in load order, each once. */
static int add_modules(
	struct cpio *cpio, const char *modules_root, const char *release, const char *wanted, struct err *err)
{
	const char *const depmod[] = {"depmod", "-b", modules_root, release, NULL};
	AUTO(free_ptr) char *names = xstrdup(wanted);
	AUTO(buf) struct buf order = BUF_INIT;
	AUTO(buf) struct buf seen = BUF_INIT;
	char *rest = names, *name;

	if (spawn_check(depmod, &(struct spawn_options){0}, err))
		return -1;
	while ((name = strsep(&rest, " "))) {
		/* -d does not leave out the host's own modprobe.d, whose "install squashfs /bin/false" is not meant for guests. */
		const char *const modprobe[] = {"modprobe", "-C", "/dev/null", "-d", modules_root, "-S",
			release, "--show-depends", name, NULL};
		const char *const env[] = {"MODPROBE_OPTIONS=", NULL};
		AUTO(buf) struct buf output = BUF_INIT;
		if (spawn_check(modprobe, &(struct spawn_options){.env = env, .output = &output}, err))
			return err_wrap(err, "kernel %s has no module '%s'", release, name);
		char *lines = output.data, *line;
		while ((line = strsep(&lines, "\n"))) {
			bool is_known;
			char *path = module_of(line, &is_known);
			if (!is_known)
				return err_host(err,
					"modprobe --show-depends of the module '%s' of kernel %s says '%s', which is neither "
					"insmod nor builtin",
					name, release, line);
			if (!path)
				continue;
			AUTO(free_ptr) char *entry = xasprintf("%s\n", path);
			if (seen.data && strstr(seen.data, entry))
				continue;
			buf_adds(&seen, entry);
			if (add_module(cpio, path, &order, err))
				return -1;
		}
	}
	cpio_add_file(cpio, "modules/order", 0644, order.data, order.length);
	return 0;
}

int initrd_build_base(const char *busybox_path, const char *modules_root, const char *release,
	const char *modules, const char *work_dir, const char *base_path, struct err *err)
{
	AUTO(free_ptr) char *plain_path = xasprintf("%s/base.cpio", work_dir);
	struct outfile out = {0};

	if (outfile_open(&out, plain_path, err))
		return -1;
	struct cpio cpio = {.stream = out.stream};
	cpio_add_dir(&cpio, "bin", 0755);
	cpio_add_dir(&cpio, "modules", 0755);
	if (add_file(&cpio, "bin/busybox", 0755, busybox_path, err) ||
		add_modules(&cpio, modules_root, release, modules, err)) {
		outfile_abort(&out);
		return -1;
	}
	cpio_finish(&cpio);
	if (outfile_commit(&out, err)) {
		outfile_abort(&out);
		return -1;
	}
	const char *const zstd[] = {"zstd", "-q", "-19", "-f", plain_path, "-o", base_path, NULL};
	return spawn_check(zstd, &(struct spawn_options){0}, err);
}

int initrd_join(const struct initrd_file *files, size_t count, const char *base_path, const char *initrd_path,
	struct err *err)
{
	AUTO(buf) struct buf base = BUF_INIT;
	struct outfile out = {0};
	int result = 0;

	if (fsio_read_file(base_path, FILE_LIMIT_BYTES, &base, err) || outfile_open(&out, initrd_path, err))
		return -1;
	/* The kernel unpacks archives one after the other; a plain one in front of a compressed one is its usual case. */
	struct cpio cpio = {.stream = out.stream};
	for (size_t i = 0; i < count && !result; i++)
		result = add_file(&cpio, files[i].name, 0755, files[i].path, err);
	cpio_finish(&cpio);
	(void)fwrite(base.data, 1, base.length, out.stream);
	if (result || outfile_commit(&out, err)) {
		outfile_abort(&out);
		return -1;
	}
	return 0;
}
