/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the lab host writes, written again on this host. */
#include "labhost/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/fsio.h"
#include "guest/parts.h"
#include "series/rundir.h"

void mirror_release(struct mirror *mirror)
{
	for (size_t i = 0; i < mirror->manifest_count; i++)
		free(mirror->manifests[i]);
	free(mirror->manifests);
	*mirror = (struct mirror){0};
}

static char *place_of(const struct mirror *mirror, char tree, const char *path)
{
	return xasprintf("%s/%s", tree == TREE_RESULTS ? mirror->results : mirror->learned, path);
}

static int make_parent(const char *path, struct err *err)
{
	AUTO(free_ptr) char *parent = fsio_dirname(path);

	return fsio_make_dirs(parent, err);
}

static int append(const char *path, const struct frame *frame, struct err *err)
{
	AUTO(close_fd) int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0)
		return err_sys(err, errno, "cannot open '%s'", path);
	for (size_t done = 0; done < frame->length;) {
		ssize_t count =
			pwrite(fd, frame->data + done, frame->length - done, (off_t)(frame->offset + done));
		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0)
			return err_sys(err, errno, "cannot write to '%s'", path);
		done += (size_t)count;
	}
	return 0;
}

static int check(const char *path, const struct frame *frame, struct err *err)
{
	AUTO(buf) struct buf data = BUF_INIT;

	if (fsio_read_file(path, SIZE_MAX, &data, err))
		return -1;
	if (data.length == frame->offset &&
		parts_hash_add(PARTS_HASH_EMPTY, data.length ? data.data : "", data.length) == frame->hash)
		return 0;
	return err_run(err, "'%s' is not as it was in the lab host (%zu bytes here, %llu there)", path,
		data.length, (unsigned long long)frame->offset);
}

/* Runs are known by their manifests. */
static void note(struct mirror *mirror, char tree, const char *path)
{
	if (tree != TREE_RESULTS || strcmp(fsio_basename(path), RUNDIR_MANIFEST) != 0)
		return;
	char *manifest = place_of(mirror, tree, path);
	for (size_t i = 0; i < mirror->manifest_count; i++)
		if (strcmp(mirror->manifests[i], manifest) == 0) {
			free(manifest);
			return;
		}
	mirror->manifests = xgrow(mirror->manifests, mirror->manifest_count, &mirror->manifest_capacity,
		sizeof(*mirror->manifests));
	mirror->manifests[mirror->manifest_count++] = manifest;
}

int mirror_apply(struct mirror *mirror, const struct frame *frame, struct err *err)
{
	AUTO(free_ptr) char *path = place_of(mirror, frame->tree, frame->path);

	switch (frame->kind) {
	case FRAME_PUT:
		note(mirror, frame->tree, frame->path);
		return make_parent(path, err) || fsio_write_atomic(path, frame->data, frame->length, err) ? -1
													  : 0;
	case FRAME_APPEND:
		return append(path, frame, err);
	case FRAME_MOVE: {
		AUTO(free_ptr) char *to = place_of(mirror, frame->tree, frame->new_path);
		note(mirror, frame->tree, frame->new_path);
		if (make_parent(to, err))
			return -1;
		return rename(path, to) ? err_sys(err, errno, "cannot rename '%s' to '%s'", path, to) : 0;
	}
	case FRAME_GONE:
		return unlink(path) && errno != ENOENT ? err_sys(err, errno, "cannot remove '%s'", path) : 0;
	case FRAME_CHECK:
		return check(path, frame, err);
	default:
		BUG("frame '%c' is no file's", frame->kind);
	}
}

void mirror_close_runs(struct mirror *mirror, const char *why)
{
	for (size_t i = 0; i < mirror->manifest_count; i++) {
		struct manifest manifest = {0};
		struct err ignored = ERR_INIT;
		const char *path = mirror->manifests[i];

		if (manifest_read(&manifest, path, &ignored) == 0 && manifest.state == RUN_RUNNING) {
			manifest.state = RUN_BROKEN;
			free(manifest.reason);
			manifest.reason = xstrdup(why);
			(void)manifest_write(&manifest, path, &ignored);
		}
		manifest_release(&manifest);
	}
}
