/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Files: whole reads, atomic writes, directories.  Every error names the path.
 */
#ifndef LIMITLAB_BASE_FSIO_H
#define LIMITLAB_BASE_FSIO_H

#include <dirent.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/err.h"

DEFINE_AUTO(close_dir, DIR *, closedir);

/* Reads a whole file; more than `limit_bytes` is ERR_INPUT.  ret_buf is appended to. */
int fsio_read_file(const char *path, size_t limit_bytes, struct buf *ret_buf, struct err *err);
/* Reads a small kernel file (one read(2) from offset 0) into text, strips the trailing newline. */
int fsio_read_small(int dir_fd, const char *path, char *ret_text, size_t size, struct err *err);
/* Reads a file that holds one unsigned number ("max" is UINT64_MAX, "-1" too). */
int fsio_read_u64(int dir_fd, const char *path, uint64_t *ret_value, struct err *err);
/* Writes text to a kernel file with one write(2). */
int fsio_write_small(int dir_fd, const char *path, const char *text, struct err *err);

/* mkdir -p; mode 0755. */
int fsio_make_dirs(const char *path, struct err *err);
/* rm -r on one file system; a missing path is no error; goes on past errors and reports the first. */
int fsio_remove_tree(const char *path, struct err *err);
bool fsio_exists(const char *path);
/* "a/b" -> "a", "a" -> ".": the caller frees. */
char *fsio_dirname(const char *path);
/* The path itself where it exists, else its nearest parent that does.  The caller frees. */
char *fsio_existing(const char *path);
/* "a/b.yaml" -> "b.yaml"; points into path. */
const char *fsio_basename(const char *path);

/*
 * A file that appears under its name only when it is whole: written as PATH.tmp, flushed, checked, renamed.
 *	struct outfile out;  outfile_open(&out, path, err);  fprintf(out.stream, ...);  outfile_commit(&out, err);
 * outfile_abort() (also after a failed commit) removes PATH.tmp; it takes a zeroed struct.
 */
struct outfile_sink;

struct outfile {
	FILE *stream; /* has no fileno(3) */
	struct outfile_sink *sink;
	char *path;
	char *tmp_path;
};

int outfile_open(struct outfile *out, const char *path, struct err *err);
int outfile_commit(struct outfile *out, struct err *err);
void outfile_abort(struct outfile *out);
/* All of it in one call. */
int fsio_write_atomic(const char *path, const void *data, size_t length, struct err *err);

#endif
