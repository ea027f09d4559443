/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What has been recorded so far, on disk while the timeline goes on: for hosts that may be gone before its end, as a lab host whose
 * kernel is under test.  Elsewhere nothing is written before the end, since a write may wait for the disk.
 */
#ifndef LIMITLAB_RUN_SPILL_H
#define LIMITLAB_RUN_SPILL_H

#include <stdint.h>
#include <stdio.h>

#include "series/rundir.h"
#include "series/table.h"

struct spill {
	FILE *samples, *events; /* NULL: nothing is spilled */
	size_t rows, records;   /* written so far */
	uint64_t due_ns;
};

/* Only with RUNDIR_SPILL_VARIABLE.  Files that cannot be made are no error: all of it is written at the end anyway. */
void spill_open(struct spill *spill, const char *run_dir, const struct table *samples);
/* Once a second: what has come since, whole lines. */
void spill_more(
	struct spill *spill, const struct table *samples, const struct event_log *log, uint64_t now_ns);
void spill_close(struct spill *spill);

#endif
