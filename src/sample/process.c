/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * CPU time of the whole QEMU process with all its threads, those that ended too, where no control group counts it: the
 * process's CPU clock (clock_getcpuclockid(3)).  It is exact, and cheaper than a file.
 */
#include "sample/source.h"

#include <math.h>
#include <stdlib.h>
#include <time.h>

#include "base/auto.h"
#include "base/buf.h"

struct process {
	clockid_t clock;
};

static void *process_open(const struct sample_place *place)
{
	clockid_t clock;

	/* A test's tree names processes that are not there, or somebody else's. */
	if (*place->root || clock_getcpuclockid(place->pid, &clock))
		return NULL;
	struct process *state = xcalloc(1, sizeof(*state));
	state->clock = clock;
	return state;
}

static void process_read(void *data, double *cells)
{
	const struct process *state = data;
	struct timespec used;

	if (isnan(cells[SAMPLE_CPU_USAGE_NS]) && !clock_gettime(state->clock, &used))
		cells[SAMPLE_CPU_USAGE_NS] = (double)used.tv_sec * 1e9 + (double)used.tv_nsec;
}

static void process_close(void *data)
{
	free(data);
}

const struct source_ops source_process = {
	.name = "process",
	.open = process_open,
	.read = process_read,
	.close = process_close,
};
