/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Images are folders of parts.  A part is made in a work folder beside and renamed into place when it is whole, by one builder at a
 * time; its manifest.json holds the hash of what it was made from.
 */
#ifndef LIMITLAB_GUEST_PARTS_H
#define LIMITLAB_GUEST_PARTS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

struct json_t;

struct parts_program {
	const char *program, *package;
};

/* ERR_HOST with the packages to install; what: "building the guest image". */
int parts_check_programs(
	const struct parts_program *programs, size_t count, const char *what, struct err *err);
int parts_check_space(const char *dir, uint64_t bytes, const char *what, struct err *err);
/*
 * Makes `dir`, waits for other builders there (says so), removes what builders that were killed have left, and makes a work folder
 * on the same file system.  The caller removes it, frees its name, and closes the lock.
 */
int parts_begin(const char *dir, void (*progress)(const char *line, void *context), void *context,
	int *ret_lock_fd, char **ret_work, struct err *err);
/* Puts a finished part under its name; what was there before takes its place in the work folder. */
int parts_put(const char *dir, const char *made, const char *part, struct err *err);
int parts_write_manifest(const char *folder, struct json_t *manifest, struct err *err);
int parts_copy_file(const char *from, const char *to, mode_t mode, struct err *err);

/* FNV-1a, 64 bits, of data with its length: finds changes, does not keep out an attacker.  Begins with PARTS_HASH_EMPTY. */
#define PARTS_HASH_EMPTY UINT64_C(14695981039346656037)
uint64_t parts_hash_add(uint64_t hash, const void *data, size_t length);
/* Of texts that end with NULL; the caller frees. */
char *parts_hash(const char *const *texts);

#endif
