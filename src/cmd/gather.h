/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Runs as arguments: finds the run directories, reads and judges them on all CPUs, and keeps of each only the numbers
 * that are compared, so that no more runs are in memory at once than there are CPUs.
 */
#ifndef LIMITLAB_CMD_GATHER_H
#define LIMITLAB_CMD_GATHER_H

#include <stddef.h>

#include "base/err.h"
#include "judge/compare.h"

struct gathered_run {
	char *path;
	size_t argument; /* which one it came from */
	char *field;     /* of its manifest, when one was asked for */
	struct compare_run run;
};

struct gathered {
	struct gathered_run *runs; /* in the order of the arguments; within one, by name */
	size_t count, capacity;
};

/*
 * arguments: run directories, or directories of runs (RESULTS, RESULTS/SCENARIO).  field: of the manifest; NULL: none.
 * ERR_INPUT: no run there, one that is there twice, no such field, or a file of a run that is damaged.
 */
int gather(char *const *arguments, size_t count, const char *field, struct gathered *ret_gathered,
	struct err *err);
void gathered_release(struct gathered *gathered);

static inline void auto_gathered(struct gathered *gathered)
{
	gathered_release(gathered);
}

#endif
