/* SPDX-License-Identifier: GPL-3.0-or-later */
/* In the lab host: what has changed in a folder since the last look, as frames. */
#include "labhost/internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/clock.h"
#include "base/fsio.h"
#include "guest/parts.h"

#define CHUNK_BYTES (1 << 20)

/* A file keeps it under another name.  The number of one that is gone is soon another's, but that was born later. */
struct identity {
	uint64_t device, inode, born_ns;
};

struct tree_file {
	char *path; /* with the tree's letter */
	struct identity identity;
	uint64_t sent_bytes, sent_hash;
	uint64_t changed_ns;
	bool seen;
};

/* What was sent is hashed as it goes: FNV-1a, as parts_hash_add(), but of parts. */
static uint64_t hash_on(uint64_t hash, const void *data, size_t length)
{
	const unsigned char *bytes = data;

	for (size_t i = 0; i < length; i++)
		hash = (hash ^ bytes[i]) * UINT64_C(1099511628211);
	return hash;
}

/* fd: of the file, or AT_FDCWD with its path. */
static bool identify(int fd, const char *path, struct identity *ret_identity, struct statx *ret_status)
{
	if (statx(fd, path, path[0] ? AT_SYMLINK_NOFOLLOW : AT_EMPTY_PATH, STATX_BASIC_STATS | STATX_BTIME,
		    ret_status) < 0)
		return false;
	*ret_identity = (struct identity){
		.device = (uint64_t)ret_status->stx_dev_major << 32 | ret_status->stx_dev_minor,
		.inode = ret_status->stx_ino,
		.born_ns = (uint64_t)ret_status->stx_btime.tv_sec * NS_PER_S + ret_status->stx_btime.tv_nsec,
	};
	return true;
}

static bool is_same(const struct identity *a, const struct identity *b)
{
	return a->device == b->device && a->inode == b->inode && a->born_ns == b->born_ns;
}

void tree_release(struct tree *tree)
{
	for (size_t i = 0; i < tree->count; i++)
		free(tree->files[i].path);
	free(tree->files);
	*tree = (struct tree){0};
}

static struct tree_file *find_path(struct tree *tree, const char *path)
{
	for (size_t i = 0; i < tree->count; i++)
		if (strcmp(tree->files[i].path, path) == 0)
			return &tree->files[i];
	return NULL;
}

/* A file that was sent under a name that it does not have any more; NULL: none. */
static struct tree_file *find_moved(struct tree *tree, const struct identity *identity)
{
	for (size_t i = 0; i < tree->count; i++) {
		struct identity now;
		struct statx status;
		if (!is_same(&tree->files[i].identity, identity))
			continue;
		AUTO(free_ptr) char *path = xasprintf("%s/%s", tree->folder, tree->files[i].path + 1);
		if (!identify(AT_FDCWD, path, &now, &status) || !is_same(&now, identity))
			return &tree->files[i];
	}
	return NULL;
}

/* What there is beyond what was sent, up to `size`; all of it when the file is another.  It may grow or go meanwhile. */
static void send(struct tree_file *file, struct buf *out, int fd, bool anew, uint64_t size)
{
	AUTO(free_ptr) char *chunk = xcalloc(1, CHUNK_BYTES);

	if (anew) {
		file->sent_bytes = 0;
		file->sent_hash = PARTS_HASH_EMPTY;
	}
	while (file->sent_bytes < size || anew) {
		uint64_t offset = file->sent_bytes;
		size_t wanted = size - offset < CHUNK_BYTES ? (size_t)(size - offset) : CHUNK_BYTES;
		ssize_t count = pread(fd, chunk, wanted, (off_t)offset);
		if (count < 0 || (count == 0 && !anew))
			break;
		if (anew)
			frame_add(out, FRAME_PUT, file->path, NULL, 0, chunk, (size_t)count);
		else
			frame_add(
				out, FRAME_APPEND, file->path, &offset, sizeof(offset), chunk, (size_t)count);
		anew = false;
		file->sent_hash = hash_on(file->sent_hash, chunk, (size_t)count);
		file->sent_bytes += (uint64_t)count;
	}
}

static uint64_t changed_at(const struct statx *status)
{
	return (uint64_t)status->stx_mtime.tv_sec * NS_PER_S + status->stx_mtime.tv_nsec;
}

/* Most files are what they were; this costs one call each, of which there are many a second on a slow machine. */
static bool is_unchanged(
	struct tree *tree, const char *path, const struct identity *identity, const struct statx *status)
{
	struct tree_file *file = find_path(tree, path);

	if (!file || !is_same(&file->identity, identity) || file->sent_bytes != status->stx_size ||
		file->changed_ns != changed_at(status))
		return false;
	file->seen = true;
	return true;
}

static void look_at_file(struct tree *tree, struct buf *out, const char *path, const char *full)
{
	AUTO(close_fd) int fd = open(full, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct identity identity;
	struct statx status;

	if (fd < 0 || !identify(fd, "", &identity, &status) || !S_ISREG(status.stx_mode))
		return;
	uint64_t size = status.stx_size, changed_ns = changed_at(&status);
	struct tree_file *file = find_path(tree, path);
	if (!file || !is_same(&file->identity, &identity)) {
		struct tree_file *moved = find_moved(tree, &identity);
		if (moved) {
			AUTO(free_ptr) char *to = xstrdup(path);
			frame_add(out, FRAME_MOVE, moved->path, NULL, 0, to, strlen(to) + 1);
			if (file && file != moved) {
				/* It took that one's place; the order of the list does not matter. */
				free(file->path);
				*file = *moved;
				*moved = tree->files[--tree->count];
				if (file == &tree->files[tree->count])
					file = moved;
			} else {
				file = moved;
			}
			free(file->path);
			file->path = STEAL(to);
		}
	}
	bool is_new = !file;
	if (is_new) {
		tree->files = xgrow(tree->files, tree->count, &tree->capacity, sizeof(*tree->files));
		file = &tree->files[tree->count++];
		*file = (struct tree_file){.path = xstrdup(path)};
	}
	bool other = !is_same(&file->identity, &identity) || size < file->sent_bytes ||
		     (size == file->sent_bytes && changed_ns != file->changed_ns);
	file->seen = true;
	file->identity = identity;
	file->changed_ns = changed_ns;
	send(file, out, fd, is_new || other, size);
}

static void look_into(struct tree *tree, struct buf *out, const char *path, const char *full)
{
	AUTO(close_dir) DIR *dir = opendir(full);
	const struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		/* Hidden files are nobody's results. */
		if (entry->d_name[0] == '.')
			continue;
		const char *between = path[1] ? "/" : "";
		AUTO(free_ptr) char *below = xasprintf("%s%s%s", path, between, entry->d_name);
		AUTO(free_ptr) char *full_below = xasprintf("%s/%s", full, entry->d_name);
		struct identity identity;
		struct statx status;
		if (!identify(AT_FDCWD, full_below, &identity, &status))
			continue;
		if (S_ISDIR(status.stx_mode))
			look_into(tree, out, below, full_below);
		else if (!is_unchanged(tree, below, &identity, &status))
			look_at_file(tree, out, below, full_below);
	}
}

void tree_look(struct tree *tree, struct buf *out)
{
	const char top[] = {tree->letter, '\0'};

	for (size_t i = 0; i < tree->count; i++)
		tree->files[i].seen = false;
	look_into(tree, out, top, tree->folder);
	for (size_t i = tree->count; i-- > 0;) {
		if (tree->files[i].seen)
			continue;
		frame_add(out, FRAME_GONE, tree->files[i].path, NULL, 0, NULL, 0);
		free(tree->files[i].path);
		tree->files[i] = tree->files[--tree->count];
	}
}

void tree_check(struct tree *tree, struct buf *out)
{
	for (size_t i = 0; i < tree->count; i++) {
		struct tree_file *file = &tree->files[i];
		AUTO(free_ptr) char *path = xasprintf("%s/%s", tree->folder, file->path + 1);
		AUTO(close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
		AUTO(buf) struct buf data = BUF_INIT;
		if (fd < 0 || fsio_read_file(path, SIZE_MAX, &data, NULL))
			continue;
		/* One that did not only grow. */
		if (data.length != file->sent_bytes ||
			hash_on(PARTS_HASH_EMPTY, data.data, data.length) != file->sent_hash)
			send(file, out, fd, true, data.length);
		const uint64_t numbers[] = {
			data.length, parts_hash_add(PARTS_HASH_EMPTY, data.data, data.length)};
		frame_add(out, FRAME_CHECK, file->path, numbers, sizeof(numbers), NULL, 0);
	}
}
