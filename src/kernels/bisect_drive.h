/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Bisection of kernels: a batch of one scenario, until_decided, with one place per kernel; its decisions are the states of
 * kernels/bisect.h.
 */
#ifndef LIMITLAB_KERNELS_BISECT_DRIVE_H
#define LIMITLAB_KERNELS_BISECT_DRIVE_H

#include "kernels/bisect.h"
#include "kernels/drive.h"

struct bisect_observer {
	/* steps: tests left at most, with this one; without. */
	void (*testing)(void *context, size_t kernel, size_t steps);
	void (*tested)(void *context, size_t kernel, size_t steps);
	void *context;
};

/* lacks: per place, why it cannot be tested, or NULL.  -1: nothing more can be done. */
int bisect_drive(struct drive *drive, char *const *lacks, size_t good, size_t bad,
	const struct bisect_observer *observer, struct bisect_answer *ret_answer, struct err *err);
enum bisect_state bisect_state_of(const struct batch *batch, char *const *lacks, size_t kernel);
/* "5 passed, 0 failed, 0 inconclusive", or why it is skipped.  The caller frees. */
char *bisect_why(const struct batch *batch, char *const *lacks, size_t kernel);

#endif
