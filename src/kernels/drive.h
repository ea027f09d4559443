/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Drives a batch with places (run/batch.h) through lab hosts: one boot runs what is left of one place in one round, its results
 * are judged from their files and recorded.  A lab host that dies takes the run with it at which it died: that one is begun
 * again in another boot, as often as the batch allows, and is recorded as broken, with the reason, when that does not help.  What
 * had ended before, and what had not begun, is not affected.
 *
 *	OUT/KERNEL-MODE/SCENARIO/TIME/	run directories
 *	OUT/KERNEL-MODE/lab-TIME.console	what the lab host's kernel said
 */
#ifndef LIMITLAB_KERNELS_DRIVE_H
#define LIMITLAB_KERNELS_DRIVE_H

#include "base/err.h"
#include "kernels/cell.h"
#include "run/batch.h"

struct drive_run {
	size_t scenario; /* of the batch */
	unsigned round;
};

/* All optional. */
struct drive_observer {
	void (*boot)(void *context, size_t place, const struct drive_run *runs, size_t count);
	void (*stage)(void *context, const char *text);
	void (*line)(void *context, const char *line, bool from_stderr);
	/* batch->runs[run] is new; batch->boots[boot] is new. */
	void (*recorded)(void *context, size_t run);
	void (*booted)(void *context, size_t boot);
	void *context;
};

struct drive {
	struct batch *batch;
	struct scenario *const *scenarios; /* of one place: batch->scenarios[i] is scenarios[i % count] */
	size_t scenario_count;
	const struct cell_kernel *const *kernels; /* per place */
	const struct cell_ops *ops;
	void *ops_context;
	const char *out_dir; /* absolute */
	const char *accel;   /* of the tenants, for the inner limitlab: "auto"; NULL: not said */
	const struct drive_observer *observer; /* may be NULL */
};

/*
 * One boot for these runs of one place.  until_decided: they are rounds of one scenario, which the lab host itself ends when
 * they have decided (so not all of them need to be there).  -1: nothing more can be done, what has ended is recorded.
 */
int drive_boot(
	struct drive *drive, const struct drive_run *runs, size_t count, bool until_decided, struct err *err);
/* Boots until the batch is over. */
int drive_batch(struct drive *drive, struct err *err);

/* What can be said before anything boots: a reason to skip this scenario there; NULL: none.  The caller frees. */
char *drive_why_skipped(const struct scenario *scenario, const char *cgroup, const char *release);
/* "OUT/6.1.0-49-cloud-amd64-v2"; the caller frees. */
char *drive_folder(const char *out_dir, const struct batch_place *place);

#endif
