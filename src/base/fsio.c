/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/fsio.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"

int fsio_read_file(const char *path, size_t limit_bytes, struct buf *ret_buf, struct err *err)
{
	char chunk[64 * 1024];
	size_t total = 0;

	AUTO(close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(err, errno, "cannot open '%s'", path);
	for (;;) {
		ssize_t count = read(fd, chunk, sizeof(chunk));
		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0)
			return err_sys(err, errno, "cannot read '%s'", path);
		if (!count)
			break;
		total += (size_t)count;
		if (total > limit_bytes)
			return err_input(err, "'%s' is larger than the %zu bytes that limitlab reads", path,
				limit_bytes);
		buf_add(ret_buf, chunk, (size_t)count);
	}
	if (!ret_buf->data)
		buf_adds(ret_buf, "");
	return 0;
}

int fsio_read_small(int dir_fd, const char *path, char *ret_text, size_t size, struct err *err)
{
	AUTO(close_fd) int fd = openat(dir_fd, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(err, errno, "cannot open '%s'", path);
	ssize_t count = read(fd, ret_text, size - 1);
	if (count < 0)
		return err_sys(err, errno, "cannot read '%s'", path);
	while (count > 0 && ret_text[count - 1] == '\n')
		count--;
	ret_text[count] = '\0';
	return 0;
}

int fsio_read_u64(int dir_fd, const char *path, uint64_t *ret_value, struct err *err)
{
	char text[64];
	char *end;

	if (fsio_read_small(dir_fd, path, text, sizeof(text), err))
		return -1;
	if (!strcmp(text, "max") || !strcmp(text, "-1")) {
		*ret_value = UINT64_MAX;
		return 0;
	}
	errno = 0;
	unsigned long long value = strtoull(text, &end, 10);
	if (errno || end == text || *end || !isdigit((unsigned char)*text))
		return err_run(err, "'%s' holds '%s', which is no number", path, text);
	*ret_value = value;
	return 0;
}

int fsio_write_small(int dir_fd, const char *path, const char *text, struct err *err)
{
	AUTO(close_fd) int fd = openat(dir_fd, path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(err, errno, "cannot open '%s' for writing", path);
	if (write(fd, text, strlen(text)) < 0)
		return err_sys(err, errno, "cannot write '%s' to '%s'", text, path);
	return 0;
}

int fsio_make_dirs(const char *path, struct err *err)
{
	AUTO(free_ptr) char *partial = xstrdup(path);

	if (!*path)
		return err_sys(err, ENOENT, "cannot make the folder ''");
	for (char *at = partial + 1;; at++) {
		if (*at && *at != '/')
			continue;
		char was = *at;
		*at = '\0';
		if (mkdir(partial, 0755) && errno != EEXIST)
			return err_sys(err, errno, "cannot make the folder '%s'", partial);
		*at = was;
		if (!was)
			break;
	}
	struct stat info;
	if (stat(path, &info))
		return err_sys(err, errno, "cannot make the folder '%s'", path);
	if (!S_ISDIR(info.st_mode))
		return err_sys(err, ENOTDIR, "cannot make the folder '%s'", path);
	return 0;
}

int fsio_remove_tree(const char *path, struct err *err)
{
	char *roots[] = {(char *)(uintptr_t)path, NULL};
	int result = 0;

	if (!fsio_exists(path))
		return 0;
	FTS *tree = fts_open(roots, FTS_PHYSICAL | FTS_XDEV | FTS_NOCHDIR, NULL);
	if (!tree)
		return err_sys(err, errno, "cannot walk '%s'", path);
	for (FTSENT *entry; (entry = fts_read(tree)) != NULL;) {
		if (entry->fts_info == FTS_D)
			continue;
		int (*remove_one)(const char *) = entry->fts_info == FTS_DP ? rmdir : unlink;
		if (remove_one(entry->fts_accpath) && errno != ENOENT)
			result = err_sys(err, errno, "cannot remove '%s'", entry->fts_path);
	}
	(void)fts_close(tree);
	return result;
}

bool fsio_exists(const char *path)
{
	struct stat info;

	return lstat(path, &info) == 0;
}

char *fsio_dirname(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (!slash)
		return xstrdup(".");
	if (slash == path)
		return xstrdup("/");
	return xstrndup(path, (size_t)(slash - path));
}

char *fsio_existing(const char *path)
{
	char *found = xstrdup(path);

	while (!fsio_exists(found) && strcmp(found, "/") != 0 && strcmp(found, ".") != 0) {
		char *parent = fsio_dirname(found);
		free(found);
		found = parent;
	}
	return found;
}

const char *fsio_basename(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* Where the stream's bytes go.  stdio forgets why a write failed long before the end; this remembers. */
struct outfile_sink {
	int fd;
	int why; /* errno of the first failure; 0: none */
};

static ssize_t sink_write(void *cookie, const char *data, size_t length)
{
	struct outfile_sink *sink = cookie;
	size_t done = 0;

	while (done < length) {
		ssize_t count = write(sink->fd, data + done, length - done);
		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0) {
			sink->why = sink->why ? sink->why : errno;
			return 0; /* fopencookie(3): an error */
		}
		done += (size_t)count;
	}
	return (ssize_t)length;
}

int outfile_open(struct outfile *out, const char *path, struct err *err)
{
	AUTO(free_ptr) char *tmp_path = xasprintf("%s.tmp", path);
	AUTO(free_ptr) struct outfile_sink *sink = xcalloc(1, sizeof(*sink));

	*out = (struct outfile){0};
	AUTO(close_fd) int fd = open(tmp_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (fd < 0)
		return err_sys(err, errno, "cannot write '%s'", tmp_path);
	out->stream = fopencookie(sink, "w", (cookie_io_functions_t){.write = sink_write});
	if (!out->stream)
		BUG("out of memory");
	sink->fd = STEAL_FD(fd);
	out->sink = STEAL(sink);
	out->tmp_path = STEAL(tmp_path);
	out->path = xstrdup(path);
	return 0;
}

/* The stream, the descriptor, the names: everything but PATH.tmp itself.  Returns the errno of the first failure, or 0. */
static int finish(struct outfile *out, bool sync)
{
	struct outfile_sink *sink = out->sink;

	bool bad = ferror(out->stream) != 0;
	if ((fclose(out->stream) || bad) && !sink->why)
		sink->why = EIO;
	/* A full disk shows at the latest here: in the flush above, the fsync or the close. */
	if (sync && fsync(sink->fd) && !sink->why)
		sink->why = errno;
	if (close(sink->fd) && !sink->why)
		sink->why = errno;
	int why = sink->why;
	free(sink);
	out->sink = NULL;
	out->stream = NULL;
	return why;
}

static void forget(struct outfile *out)
{
	free(out->path);
	free(out->tmp_path);
	*out = (struct outfile){0};
}

int outfile_commit(struct outfile *out, struct err *err)
{
	int why = finish(out, true);

	if (why)
		err_sys(err, why, "cannot write '%s'", out->tmp_path);
	if (!why && rename(out->tmp_path, out->path)) {
		why = errno;
		err_sys(err, why, "cannot rename '%s' to '%s'", out->tmp_path, out->path);
	}
	if (why) {
		outfile_abort(out);
		return -1;
	}
	forget(out);
	return 0;
}

void outfile_abort(struct outfile *out)
{
	if (out->sink)
		(void)finish(out, false);
	if (out->tmp_path)
		(void)unlink(out->tmp_path);
	forget(out);
}

int fsio_write_atomic(const char *path, const void *data, size_t length, struct err *err)
{
	struct outfile out;

	if (outfile_open(&out, path, err))
		return -1;
	/* A short write leaves the stream's error flag set; the commit sees it. */
	(void)fwrite(data, 1, length, out.stream);
	return outfile_commit(&out, err);
}
