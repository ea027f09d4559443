/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * CPU time and throttling of the whole VM.  v1: cpuacct.usage (ns) and cpu.stat (throttled_time in ns; scheduler/
 * sched-bwc.rst).  v2: cpu.stat (all in microseconds; cgroup-v2.rst).  The quota is on the inner group, so throttling is
 * counted there.
 */
#include "sample/source.h"

#include <string.h>

#include "base/auto.h"
#include "base/buf.h"

struct cgroup_cpu {
	int usage_fd;    /* v1: cpuacct.usage; v2: cpu.stat of the VM's group */
	int throttle_fd; /* cpu.stat of the inner group; v2: -1 where that is the same file */
	bool usage_v2, throttle_v2;
};

static void *cgroup_cpu_open(const struct sample_place *place)
{
	struct cgroup_cpu *state = xcalloc(1, sizeof(*state));

	*state = (struct cgroup_cpu){.usage_fd = -1, .throttle_fd = -1};
	if (place->cgroup && place->cgroup->at[CGROUP_CPUACCT].present) {
		state->usage_v2 = place->cgroup->at[CGROUP_CPUACCT].v2;
		state->usage_fd = counter_open(place->cgroup->at[CGROUP_CPUACCT].path,
			state->usage_v2 ? "cpu.stat" : "cpuacct.usage");
	}
	if (place->cgroup && place->cgroup->at[CGROUP_CPU].present) {
		state->throttle_v2 = place->cgroup->at[CGROUP_CPU].v2;
		const char *inner = place->cgroup->at[CGROUP_CPU].inner_path;
		bool same = state->usage_v2 && !strcmp(inner, place->cgroup->at[CGROUP_CPUACCT].path);
		if (!same)
			state->throttle_fd = counter_open(inner, "cpu.stat");
	}
	if (state->usage_fd >= 0 || state->throttle_fd >= 0)
		return state;
	free(state);
	return NULL;
}

static void read_throttling(const char *text, bool v2, double *cells)
{
	cells[SAMPLE_CPU_PERIODS] = counter_cell(text, "nr_periods");
	cells[SAMPLE_CPU_THROTTLED] = counter_cell(text, "nr_throttled");
	cells[SAMPLE_CPU_THROTTLED_NS] =
		v2 ? counter_cell(text, "throttled_usec") * 1000 : counter_cell(text, "throttled_time");
}

static void cgroup_cpu_read(void *data, double *cells)
{
	const struct cgroup_cpu *state = data;
	char text[1024];
	uint64_t usage_ns;

	if (state->usage_v2 && counter_read(state->usage_fd, text, sizeof(text))) {
		cells[SAMPLE_CPU_USAGE_NS] = counter_cell(text, "usage_usec") * 1000;
		if (state->throttle_fd < 0)
			read_throttling(text, true, cells);
	} else if (!state->usage_v2 && counter_read_u64(state->usage_fd, &usage_ns)) {
		cells[SAMPLE_CPU_USAGE_NS] = (double)usage_ns;
	}
	if (counter_read(state->throttle_fd, text, sizeof(text)))
		read_throttling(text, state->throttle_v2, cells);
}

static void cgroup_cpu_close(void *data)
{
	struct cgroup_cpu *state = data;

	if (!state)
		return;
	auto_close_fd(&state->usage_fd);
	auto_close_fd(&state->throttle_fd);
	free(state);
}

const struct source_ops source_cgroup_cpu = {
	.name = "cgroup_cpu",
	.open = cgroup_cpu_open,
	.read = cgroup_cpu_read,
	.close = cgroup_cpu_close,
};
