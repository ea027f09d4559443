/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the kernel does when the whole machine is short of memory: /proc/vmstat (proc(5); mm/vmstat.c) and the stall
 * times of /proc/pressure/memory (accounting/psi.rst).
 *
 * pgscan_kswapd, pgscan_direct and pgscan_khugepaged count global reclaim alone: what a group's own hard limit makes the
 * kernel scan is in pgscan_anon and pgscan_file too, but not here (mm/vmscan.c: cgroup_reclaim()).  The v1 soft limit is
 * paid in such group reclaim; kswapd goes on to a global round behind it, but where the soft limit gives enough, 150 MiB went out and
 * in again each second while these counted 15 pages.  That the machine was short then, and no group's hard limit at work, is what
 * pageoutrun (kswapd's rounds) and allocstall_* (allocations that had to reclaim first) say.
 */
#include "sample/source.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/zoneinfo.h"

/* 4 KiB in 6.18; kernels with every option have some more lines. */
#define VMSTAT_SIZE (32U * 1024)
/* 5 KiB with two CPUs, and 100 bytes more per CPU and zone. */
#define ZONEINFO_SIZE (64U * 1024)

struct reclaim {
	int vmstat_fd, zoneinfo_fd, pressure_fd;
};

static void *reclaim_open(const struct sample_place *place)
{
	AUTO(free_ptr) char *proc = xasprintf("%s/proc", place->root);
	struct reclaim *state = xcalloc(1, sizeof(*state));

	state->vmstat_fd = counter_open(proc, "vmstat");
	state->zoneinfo_fd = counter_open(proc, "zoneinfo");
	state->pressure_fd = counter_open(proc, "pressure/memory");
	return state;
}

/* A kernel that does not know one of them counts the others. */
static double sum(const char *text, const char *const *keys, size_t count)
{
	uint64_t total = 0, value;
	bool any = false;

	for (size_t i = 0; i < count; i++) {
		if (!counter_find(text, keys[i], &value))
			continue;
		total += value;
		any = true;
	}
	return any ? (double)total : (double)NAN;
}

static double pcp_bytes(int fd)
{
	char text[ZONEINFO_SIZE];

	if (!counter_read(fd, text, sizeof(text)) || strlen(text) == sizeof(text) - 1)
		return (double)NAN;
	return (double)zoneinfo_pcp_bytes(text);
}

static void reclaim_read(void *data, double *cells)
{
	static const char *const scan[] = {"pgscan_kswapd", "pgscan_direct", "pgscan_khugepaged"};
	static const char *const steal[] = {"pgsteal_kswapd", "pgsteal_direct", "pgsteal_khugepaged"};
	static const char *const runs[] = {"pageoutrun", "allocstall_dma", "allocstall_dma32",
		"allocstall_normal", "allocstall_movable", "allocstall_device"};
	const struct reclaim *state = data;
	char text[VMSTAT_SIZE];

	if (counter_read(state->vmstat_fd, text, sizeof(text))) {
		/* All of them stand behind this one: the lines before it need not be looked through fourteen times. */
		const char *events = strstr(text, "\npswpin ");
		events = events ? events + 1 : text;
		cells[SAMPLE_VM_PSWPIN] = counter_cell(events, "pswpin");
		cells[SAMPLE_VM_PSWPOUT] = counter_cell(events, "pswpout");
		cells[SAMPLE_VM_PGSCAN] = sum(events, scan, ARRAY_SIZE(scan));
		cells[SAMPLE_VM_PGSTEAL] = sum(events, steal, ARRAY_SIZE(steal));
		cells[SAMPLE_VM_PGSCAN_ANON] = counter_cell(events, "pgscan_anon");
		cells[SAMPLE_VM_RECLAIM_RUNS] = sum(events, runs, ARRAY_SIZE(runs));
		cells[SAMPLE_VM_OOM_KILLS] = counter_cell(events, "oom_kill");
	}
	cells[SAMPLE_MEM_PCP_BYTES] = pcp_bytes(state->zoneinfo_fd);
	counter_read_pressure(state->pressure_fd, cells);
}

static void reclaim_close(void *data)
{
	struct reclaim *state = data;

	if (!state)
		return;
	auto_close_fd(&state->vmstat_fd);
	auto_close_fd(&state->zoneinfo_fd);
	auto_close_fd(&state->pressure_fd);
	free(state);
}

const struct source_ops source_reclaim = {
	.name = "reclaim",
	.host = true,
	.open = reclaim_open,
	.read = reclaim_read,
	.close = reclaim_close,
};
