/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Block IO of the whole VM, summed over the devices.  v1: blkio.throttle.io_service_bytes and io_serviced, lines
 * "8:0 Read 4096" (cgroup-v1/blkio-controller.rst).  v2: io.stat, lines "8:0 rbytes=1 wbytes=2 rios=3 wios=4"
 * (cgroup-v2.rst).
 */
#include "sample/source.h"

#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/buf.h"

#define BLKIO_SIZE 8192

struct blkio {
	bool v2;
	int bytes_fd; /* v2: io.stat */
	int ios_fd;   /* v1 only */
};

/* The recursive file counts sub-groups too; kernels before 5.2 do not have it. */
static int open_v1(const char *path, const char *file)
{
	AUTO(free_ptr) char *recursive = xasprintf("%s_recursive", file);
	int fd = counter_open(path, recursive);

	return fd >= 0 ? fd : counter_open(path, file);
}

static void *blkio_open(const struct sample_place *place)
{
	if (!place->cgroup || !place->cgroup->at[CGROUP_BLKIO].present)
		return NULL;
	const char *path = place->cgroup->at[CGROUP_BLKIO].path;
	struct blkio *state = xcalloc(1, sizeof(*state));

	state->v2 = place->cgroup->at[CGROUP_BLKIO].v2;
	state->bytes_fd =
		state->v2 ? counter_open(path, "io.stat") : open_v1(path, "blkio.throttle.io_service_bytes");
	state->ios_fd = state->v2 ? -1 : open_v1(path, "blkio.throttle.io_serviced");
	return state;
}

/* Sums the numbers behind every occurrence of a word; no occurrence is 0: the group did no such IO yet. */
static double sum_behind(const char *text, const char *word)
{
	size_t length = strlen(word);
	uint64_t sum = 0;

	for (const char *at = text; (at = strstr(at, word));) {
		at += length;
		sum += strtoull(at, NULL, 10);
	}
	return (double)sum;
}

static void blkio_read(void *data, double *cells)
{
	const struct blkio *state = data;
	char text[BLKIO_SIZE];

	if (counter_read(state->bytes_fd, text, sizeof(text))) {
		cells[SAMPLE_BLK_READ_BYTES] = sum_behind(text, state->v2 ? " rbytes=" : " Read ");
		cells[SAMPLE_BLK_WRITE_BYTES] = sum_behind(text, state->v2 ? " wbytes=" : " Write ");
		if (state->v2) {
			cells[SAMPLE_BLK_READ_IOS] = sum_behind(text, " rios=");
			cells[SAMPLE_BLK_WRITE_IOS] = sum_behind(text, " wios=");
		}
	}
	if (counter_read(state->ios_fd, text, sizeof(text))) {
		cells[SAMPLE_BLK_READ_IOS] = sum_behind(text, " Read ");
		cells[SAMPLE_BLK_WRITE_IOS] = sum_behind(text, " Write ");
	}
}

static void blkio_close(void *data)
{
	struct blkio *state = data;

	if (!state)
		return;
	auto_close_fd(&state->bytes_fd);
	auto_close_fd(&state->ios_fd);
	free(state);
}

const struct source_ops source_blkio = {
	.name = "blkio",
	.open = blkio_open,
	.read = blkio_read,
	.close = blkio_close,
};
