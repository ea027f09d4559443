/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The machine itself: /proc/stat, "cpuN user nice system idle iowait irq softirq steal guest guest_nice" in USER_HZ
 * (proc(5); guest time is part of user time), and /proc/meminfo.
 */
#include "sample/source.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/clock.h"

/* The cpu lines come first; 110 bytes each, so this is enough for CPU_SETSIZE of them. */
#define STAT_SIZE (128U * 1024)

struct host {
	int stat_fd, meminfo_fd;
	bool has_set;
	cpu_set_t set;
	uint64_t ns_per_jiffy;
	char text[STAT_SIZE];
};

struct cpu_times {
	uint64_t busy, idle, steal; /* jiffies */
};

static void *host_open(const struct sample_place *place)
{
	struct host *state = xcalloc(1, sizeof(*state));
	AUTO(free_ptr) char *proc = xasprintf("%s/proc", place->root);
	long hz = sysconf(_SC_CLK_TCK);

	state->stat_fd = counter_open(proc, "stat");
	state->meminfo_fd = counter_open(proc, "meminfo");
	state->ns_per_jiffy = NS_PER_S / (uint64_t)(hz > 0 ? hz : 100);
	if (place->scarce_cpus && CPU_COUNT(place->scarce_cpus) > 0) {
		state->has_set = true;
		state->set = *place->scarce_cpus;
	}
	return state;
}

static bool parse_times(const char *at, struct cpu_times *ret_times)
{
	uint64_t field[8];

	for (size_t i = 0; i < ARRAY_SIZE(field); i++) {
		char *end;
		field[i] = strtoull(at, &end, 10);
		if (end == at)
			return false;
		at = end;
	}
	ret_times->busy = field[0] + field[1] + field[2] + field[5] + field[6];
	ret_times->idle = field[3] + field[4];
	ret_times->steal = field[7];
	return true;
}

static void fill(const struct host *state, const struct cpu_times *times, double *busy_cell)
{
	/* busy, idle, steal stand together in enum sample_column. */
	busy_cell[0] = (double)(times->busy * state->ns_per_jiffy);
	busy_cell[1] = (double)(times->idle * state->ns_per_jiffy);
	busy_cell[2] = (double)(times->steal * state->ns_per_jiffy);
}

static void read_stat(struct host *state, double *cells)
{
	struct cpu_times sum = {0};
	int found = 0;

	if (!counter_read(state->stat_fd, state->text, sizeof(state->text)))
		return;
	for (const char *line = state->text; line && !strncmp(line, "cpu", 3);) {
		struct cpu_times times;
		char *end;
		bool whole = line[3] == ' ';
		unsigned long cpu = whole ? 0 : strtoul(line + 3, &end, 10);
		if (parse_times(whole ? line + 3 : end, &times)) {
			if (whole) {
				fill(state, &times, cells + SAMPLE_HOST_BUSY_NS);
			} else if (state->has_set && cpu < CPU_SETSIZE && CPU_ISSET(cpu, &state->set)) {
				sum.busy += times.busy;
				sum.idle += times.idle;
				sum.steal += times.steal;
				found++;
			}
		}
		line = strchr(line, '\n');
		line = line ? line + 1 : NULL;
	}
	/* A CPU of the set that went offline would make its counters jump. */
	if (state->has_set && found == CPU_COUNT(&state->set))
		fill(state, &sum, cells + SAMPLE_SET_BUSY_NS);
}

static void read_meminfo(const char *text, double *cells)
{
	cells[SAMPLE_MEM_AVAILABLE_BYTES] = counter_cell(text, "MemAvailable:") * 1024;
	cells[SAMPLE_MEM_FREE_BYTES] = counter_cell(text, "MemFree:") * 1024;
	cells[SAMPLE_SWAP_FREE_BYTES] = counter_cell(text, "SwapFree:") * 1024;
}

static void host_read(void *data, double *cells)
{
	struct host *state = data;

	read_stat(state, cells);
	if (counter_read(state->meminfo_fd, state->text, sizeof(state->text)))
		read_meminfo(state->text, cells);
}

static void host_close(void *data)
{
	struct host *state = data;

	if (!state)
		return;
	auto_close_fd(&state->stat_fd);
	auto_close_fd(&state->meminfo_fd);
	free(state);
}

const struct source_ops source_host = {
	.name = "host",
	.host = true,
	.open = host_open,
	.read = host_read,
	.close = host_close,
};
