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
#include "base/fsio.h"
#include "guest/parts.h"

#define CHUNK_BYTES (1 << 20)

struct tree_file {
	char *path; /* with the tree's letter */
	dev_t device;
	ino_t inode;
	uint64_t sent_bytes;
	struct timespec changed;
	bool seen;
};

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
static struct tree_file *find_moved(struct tree *tree, const struct stat *status)
{
	for (size_t i = 0; i < tree->count; i++) {
		const struct tree_file *file = &tree->files[i];
		struct stat now;
		if (file->inode != status->st_ino || file->device != status->st_dev)
			continue;
		AUTO(free_ptr) char *path = xasprintf("%s/%s", tree->folder, file->path + 1);
		if (lstat(path, &now) || now.st_ino != file->inode || now.st_dev != file->device)
			return &tree->files[i];
	}
	return NULL;
}

/* From `offset` up to `end`, of a file that may grow or go meanwhile.  Returns how far it came. */
static uint64_t send_part(
	struct buf *out, int fd, const char *path, bool is_new, uint64_t offset, uint64_t end)
{
	AUTO(free_ptr) char *chunk = xcalloc(1, CHUNK_BYTES);

	while (offset < end || is_new) {
		size_t wanted = end - offset < CHUNK_BYTES ? (size_t)(end - offset) : CHUNK_BYTES;
		ssize_t count = pread(fd, chunk, wanted, (off_t)offset);
		if (count < 0 || (count == 0 && !is_new))
			break;
		if (is_new)
			frame_add(out, FRAME_PUT, path, NULL, 0, chunk, (size_t)count);
		else
			frame_add(out, FRAME_APPEND, path, &offset, sizeof(offset), chunk, (size_t)count);
		is_new = false;
		offset += (uint64_t)count;
	}
	return offset;
}

static void look_at_file(struct tree *tree, struct buf *out, const char *path, const char *full)
{
	AUTO(close_fd) int fd = open(full, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat status;

	if (fd < 0 || fstat(fd, &status) || !S_ISREG(status.st_mode))
		return;
	uint64_t size = (uint64_t)status.st_size;
	struct tree_file *file = find_path(tree, path);
	if (!file || file->inode != status.st_ino || file->device != status.st_dev) {
		struct tree_file *moved = find_moved(tree, &status);
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
	bool other = file->inode != status.st_ino || file->device != status.st_dev ||
		     size < file->sent_bytes ||
		     (size == file->sent_bytes && (status.st_mtim.tv_sec != file->changed.tv_sec ||
							  status.st_mtim.tv_nsec != file->changed.tv_nsec));
	file->seen = true;
	file->inode = status.st_ino;
	file->device = status.st_dev;
	file->changed = status.st_mtim;
	if (is_new || other)
		file->sent_bytes = send_part(out, fd, path, true, 0, size);
	else
		file->sent_bytes = send_part(out, fd, path, false, file->sent_bytes, size);
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
		struct stat status;
		if (lstat(full_below, &status))
			continue;
		if (S_ISDIR(status.st_mode))
			look_into(tree, out, below, full_below);
		else
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

void tree_check(const struct tree *tree, struct buf *out)
{
	for (size_t i = 0; i < tree->count; i++) {
		AUTO(free_ptr) char *path = xasprintf("%s/%s", tree->folder, tree->files[i].path + 1);
		AUTO(buf) struct buf data = BUF_INIT;
		if (fsio_read_file(path, SIZE_MAX, &data, NULL))
			continue;
		const uint64_t numbers[] = {data.length,
			parts_hash_add(PARTS_HASH_EMPTY, data.length ? data.data : "", data.length)};
		frame_add(out, FRAME_CHECK, tree->files[i].path, numbers, sizeof(numbers), NULL, 0);
	}
}
