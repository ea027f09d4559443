/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A scarce disk, from the kernel's own statistics of the device and of every tenant's partition (block/stat.rst): exact, whatever
 * scheduler and control group hierarchy; a group's counters would hold other devices too, and since 6.10 those of v1 stand
 * still while nothing is throttled.
 */
#include "sample/source.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/clock.h"

#define SECTOR_BYTES 512 /* of these statistics, whatever the device's own are */

#define PART_COUNT 16 /* partitions that are looked at */

struct disk {
	int fd;
	int part_fds[PART_COUNT]; /* of the whole device; -1: no more */
	uint64_t last_ns;
	double last_inflight, queue_ns;
};

/* The fields of the file that are used here. */
struct disk_stat {
	unsigned long long read_ios, read_merges, read_sectors, write_ios, write_merges, write_sectors,
		inflight;
};

static bool read_stat(int fd, struct disk_stat *ret_stat)
{
	struct disk_stat stat;
	char text[512];

	if (!counter_read(fd, text, sizeof(text)) ||
		sscanf(text, "%llu %llu %llu %*u %llu %llu %llu %*u %llu", &stat.read_ios, &stat.read_merges,
			&stat.read_sectors, &stat.write_ios, &stat.write_merges, &stat.write_sectors,
			&stat.inflight) != 7)
		return false;
	*ret_stat = stat;
	return true;
}

static void *disk_open(const struct sample_place *place)
{
	if (!place->disk_block)
		return NULL;
	AUTO(free_ptr) char *directory = xasprintf("%s/sys/class/block/%s", place->root, place->disk_block);
	struct disk *state = xcalloc(1, sizeof(*state));

	state->fd = counter_open(directory, "stat");
	return state;
}

static void disk_read(void *data, double *cells)
{
	struct disk *state = data;
	struct disk_stat stat;

	if (!read_stat(state->fd, &stat))
		return;
	uint64_t now_ns = clock_now_ns();
	double inflight = (double)stat.inflight;
	if (state->last_ns)
		state->queue_ns += (inflight + state->last_inflight) / 2 * (double)(now_ns - state->last_ns);
	state->last_ns = now_ns;
	state->last_inflight = inflight;
	cells[SAMPLE_BLK_READ_BYTES] = (double)(stat.read_sectors * SECTOR_BYTES);
	cells[SAMPLE_BLK_WRITE_BYTES] = (double)(stat.write_sectors * SECTOR_BYTES);
	cells[SAMPLE_BLK_READ_IOS] = (double)(stat.read_ios + stat.read_merges);
	cells[SAMPLE_BLK_WRITE_IOS] = (double)(stat.write_ios + stat.write_merges);
	cells[SAMPLE_BLK_QUEUE_NS] = state->queue_ns;
}

/* A whole device, with its partitions. */
static void *disk_host_open(const struct sample_place *place)
{
	struct disk *state = disk_open(place);
	glob_t found = {0};

	if (!state)
		return NULL;
	AUTO(free_ptr)
	char *pattern =
		xasprintf("%s/sys/class/block/%s/%s*", place->root, place->disk_block, place->disk_block);
	size_t count = 0;
	if (!glob(pattern, 0, NULL, &found))
		for (; count < found.gl_pathc && count < PART_COUNT; count++)
			state->part_fds[count] = counter_open(found.gl_pathv[count], "stat");
	globfree(&found);
	for (; count < PART_COUNT; count++)
		state->part_fds[count] = -1;
	return state;
}

/* Kernels differ in whether a request to a partition is in flight on the whole device too (6.1: yes, 6.18: no). */
static double inflight_of(const struct disk *state, double whole)
{
	struct disk_stat stat;
	double sum = 0;

	for (size_t i = 0; i < PART_COUNT; i++)
		if (read_stat(state->part_fds[i], &stat))
			sum += (double)stat.inflight;
	return whole > sum ? whole : sum;
}

static void disk_host_read(void *data, double *cells)
{
	const struct disk *state = data;
	struct disk_stat stat;

	if (!read_stat(state->fd, &stat))
		return;
	cells[SAMPLE_DISK_DEV_READ_BYTES] = (double)(stat.read_sectors * SECTOR_BYTES);
	cells[SAMPLE_DISK_DEV_WRITE_BYTES] = (double)(stat.write_sectors * SECTOR_BYTES);
	cells[SAMPLE_DISK_DEV_INFLIGHT] = inflight_of(state, (double)stat.inflight);
}

static void disk_close(void *data)
{
	struct disk *state = data;

	if (!state)
		return;
	auto_close_fd(&state->fd);
	free(state);
}

static void disk_host_close(void *data)
{
	struct disk *state = data;

	for (size_t i = 0; state && i < PART_COUNT; i++)
		auto_close_fd(&state->part_fds[i]);
	disk_close(data);
}

const struct source_ops source_disk = {
	.name = "disk",
	.open = disk_open,
	.read = disk_read,
	.close = disk_close,
};

const struct source_ops source_disk_host = {
	.name = "disk-host",
	.host = true,
	.open = disk_host_open,
	.read = disk_host_read,
	.close = disk_host_close,
};
