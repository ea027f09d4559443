/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the user sees while lab hosts work: the inner limitlab's own progress, as if it ran here.  With --json: an object per line,
 * "boot" when a lab host begins, its "stage"s, what the inner limitlab says of its phases and events, "run" for every run that was
 * recorded, "lab host" when one is over.
 */
#ifndef LIMITLAB_CMD_KERNELS_WATCH_H
#define LIMITLAB_CMD_KERNELS_WATCH_H

#include "cmd/progress.h"
#include "kernels/drive.h"

struct kernels_watch {
	enum progress_mode mode;
	const struct batch *batch;
	const double *expected_s; /* per scenario of the batch, for the time left; NULL: it is not said */
	struct progress *progress;
	struct drive_observer observer;
};

/* batch and expected_s are borrowed; the observer lives as long as the watch. */
void kernels_watch_init(struct kernels_watch *watch, enum progress_mode mode, const struct batch *batch,
	const double *expected_s);
void kernels_watch_release(struct kernels_watch *watch);
/* "about 21 min", "about 40 s".  The caller frees. */
char *kernels_watch_duration_text(double seconds);

#endif
