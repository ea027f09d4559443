/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "labhost/internal.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <jansson.h>

#include "base/auto.h"
#include "base/fsio.h"
#include "base/paths.h"
#include "guest/cpio.h"

DEFINE_AUTO(json, json_t *, json_decref);

enum { FILE_LIMIT_BYTES = 256 << 20 };

struct payload {
	struct cpio cpio;
	struct buf names; /* "\n/PATH\n" of each that is in it */
};

/* to: absolute, where it will be in the lab host; each once. */
static int add_file(struct payload *payload, const char *from, const char *to, struct err *err)
{
	AUTO(free_ptr) char *entry = xasprintf("\n%s\n", to);
	AUTO(buf) struct buf data = BUF_INIT;
	struct stat status;

	if (payload->names.data && strstr(payload->names.data, entry))
		return 0;
	if (stat(from, &status))
		return err_sys(err, errno, "cannot read '%s'", from);
	if (fsio_read_file(from, FILE_LIMIT_BYTES, &data, err))
		return -1;
	buf_adds(&payload->names, entry);
	cpio_add_file(
		&payload->cpio, to + 1, status.st_mode & 0777, data.length ? data.data : "", data.length);
	return 0;
}

/* A folder with all that is in it; a missing one is an empty one. */
static int add_folder(struct payload *payload, const char *from, const char *to, struct err *err)
{
	AUTO(close_dir) DIR *dir = opendir(from);
	const struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		AUTO(free_ptr) char *below_from = xasprintf("%s/%s", from, entry->d_name);
		AUTO(free_ptr) char *below_to = xasprintf("%s/%s", to, entry->d_name);
		struct stat status;
		if (entry->d_name[0] == '.' || stat(below_from, &status))
			continue;
		if (S_ISDIR(status.st_mode)) {
			if (add_folder(payload, below_from, below_to, err))
				return -1;
		} else if (S_ISREG(status.st_mode) && add_file(payload, below_from, below_to, err)) {
			return -1;
		}
	}
	return 0;
}

/* limitlab itself, where it will look for its parts. */
static int add_limitlab(struct payload *payload, const char *program, struct err *err)
{
	static const char *const parts[] = {"runner", "init"};
	static const char *const data[] = {"scenarios", "workloads", "plots"};

	if (add_file(payload, "/proc/self/exe", program, err))
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		AUTO(free_ptr) char *path = paths_libexec(parts[i]);
		if (add_file(payload, path, path, err))
			return -1;
	}
	for (size_t i = 0; i < ARRAY_SIZE(data); i++) {
		AUTO(free_ptr) char *path = paths_data(data[i]);
		if (add_folder(payload, path, path, err))
			return -1;
	}
	return 0;
}

static json_t *array_of(const char *const *texts)
{
	json_t *array = json_array();

	for (; texts && *texts; texts++)
		(void)json_array_append_new(array, json_string(*texts));
	return array;
}

static void add_text(struct payload *payload, const char *name, const char *text)
{
	cpio_add_file(&payload->cpio, name, 0644, text, strlen(text));
}

/* A word of the shell. */
static void quote(struct buf *text, const char *name, const char *value)
{
	buf_addf(text, "%s='", name);
	for (; *value; value++)
		buf_adds(text, *value == '\'' ? "'\\''" : (const char[]){*value, '\0'});
	buf_adds(text, "'\n");
}

static int add_job(
	struct payload *payload, const struct payload_options *options, const char *program, struct err *err)
{
	static const char *const kept[] = {"LIMITLAB_STATE_DIR", "LIMITLAB_IMAGE_DIR"};
	const struct labhost_job *job = options->job;
	AUTO(json) json_t *environment = array_of(job->environment);
	AUTO(buf) struct buf shell = BUF_INIT;

	/* First, because the shell reads it before the rest is unpacked. */
	quote(&shell, "program", program);
	quote(&shell, "state_dir", paths_state_dir());
	quote(&shell, "image_dir", paths_image_dir());
	quote(&shell, "results", options->results);
	for (size_t i = 0; i < ARRAY_SIZE(kept); i++) {
		const char *value = getenv(kept[i]);
		if (!value)
			continue;
		AUTO(free_ptr) char *name = xasprintf("export %s", kept[i]);
		quote(&shell, name, value);
	}
	add_text(payload, "run/labhost/environment", shell.data);
	AUTO(json)
	json_t *description = json_pack("{s:s, s:s, s:s, s:o, s:O}", "program",
		job->program ? job->program : program, "results", options->results, "cwd",
		job->cwd ? job->cwd : "/", "argv", array_of(job->argv), "environment", environment);
	AUTO(free_ptr) char *text = description ? json_dumps(description, JSON_INDENT(1)) : NULL;
	if (!text)
		return err_input(err, "an argument for the inner limitlab is no UTF-8");
	add_text(payload, "run/labhost/job.json", text);
	return 0;
}

static int fill(struct payload *payload, const struct payload_options *options, struct err *err)
{
	char program[PATH_MAX];
	ssize_t length = readlink("/proc/self/exe", program, sizeof(program) - 1);

	if (length < 0)
		return err_sys(err, errno, "cannot find this program");
	program[length] = '\0';
	/* A new one has been built meanwhile: this one still is what runs here, and will run there. */
	char *deleted = strstr(program, " (deleted)");
	if (deleted)
		*deleted = '\0';
	if (add_job(payload, options, program, err) || add_limitlab(payload, program, err))
		return -1;
	for (const char *const *file = options->job->files; file && *file; file++) {
		if ((*file)[0] != '/')
			BUG("'%s' is not absolute", *file);
		if (add_file(payload, *file, *file, err))
			return -1;
	}
	return options->learned && fsio_exists(options->learned)
		       ? add_folder(payload, options->learned, paths_state_dir(), err)
		       : 0;
}

int payload_make(const struct payload_options *options, int *ret_fd, struct err *err)
{
	AUTO(close_fd) int fd = memfd_create("limitlab-payload", MFD_CLOEXEC);
	AUTO(close_file) FILE *stream = fd >= 0 ? fdopen(dup(fd), "we") : NULL;

	if (!stream)
		return err_sys(err, errno, "cannot make a file in memory");
	struct payload payload = {.cpio = {.stream = stream}};
	int result = fill(&payload, options, err);
	cpio_finish(&payload.cpio);
	buf_release(&payload.names);
	if (!result && (fflush(stream) || ferror(stream)))
		result = err_sys(err, errno, "cannot write a file in memory");
	if (!result)
		*ret_fd = STEAL_FD(fd);
	return result;
}
