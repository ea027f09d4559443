/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Memory of the whole VM.  v1: memory.usage_in_bytes and the hierarchical (total_) values of memory.stat (cgroup-v1/
 * memory.rst).  v2: memory.current, memory.swap.current, memory.pressure and memory.stat (cgroup-v2.rst).
 */
#include "sample/source.h"

#include "base/auto.h"
#include "base/buf.h"

/* memory.stat of a machine with many NUMA nodes stays below 8 KiB. */
#define STAT_SIZE 8192

struct memory {
	bool v2;
	int usage_fd, stat_fd;
	int swap_fd, pressure_fd; /* v2 only */
};

static void *memory_open(const struct sample_place *place)
{
	if (!place->cgroup || !place->cgroup->at[CGROUP_MEMORY].present)
		return NULL;
	const char *path = place->cgroup->at[CGROUP_MEMORY].path;
	struct memory *state = xcalloc(1, sizeof(*state));

	state->v2 = place->cgroup->at[CGROUP_MEMORY].v2;
	state->usage_fd = counter_open(path, state->v2 ? "memory.current" : "memory.usage_in_bytes");
	state->stat_fd = counter_open(path, "memory.stat");
	state->swap_fd = state->v2 ? counter_open(path, "memory.swap.current") : -1;
	state->pressure_fd = state->v2 ? counter_open(path, "memory.pressure") : -1;
	return state;
}

static void memory_read(void *data, double *cells)
{
	const struct memory *state = data;
	char text[STAT_SIZE];
	uint64_t value;

	if (counter_read_u64(state->usage_fd, &value))
		cells[SAMPLE_MEM_USAGE_BYTES] = (double)value;
	if (counter_read_u64(state->swap_fd, &value))
		cells[SAMPLE_MEM_SWAP_BYTES] = (double)value;
	counter_read_pressure(state->pressure_fd, cells);
	if (!counter_read(state->stat_fd, text, sizeof(text)))
		return;
	cells[SAMPLE_MEM_ANON_BYTES] = counter_cell(text, state->v2 ? "anon" : "total_rss");
	cells[SAMPLE_MEM_MAJOR_FAULTS] = counter_cell(text, state->v2 ? "pgmajfault" : "total_pgmajfault");
	if (!state->v2)
		cells[SAMPLE_MEM_SWAP_BYTES] = counter_cell(text, "total_swap");
}

static void memory_close(void *data)
{
	struct memory *state = data;

	if (!state)
		return;
	auto_close_fd(&state->usage_fd);
	auto_close_fd(&state->stat_fd);
	auto_close_fd(&state->swap_fd);
	auto_close_fd(&state->pressure_fd);
	free(state);
}

const struct source_ops source_memory = {
	.name = "memory",
	.open = memory_open,
	.read = memory_read,
	.close = memory_close,
};
