/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The figure of a finished run, drawn by a child process while the next one of a batch boots.
 */
#ifndef LIMITLAB_RUN_DRAWING_H
#define LIMITLAB_RUN_DRAWING_H

#include <sys/types.h>

#include "run/results.h"

struct drawing {
	pid_t pid;     /* 0: none is under way */
	int reason_fd; /* why it could not be drawn */
};

/* Begins; the results may be released afterwards.  The caller has one thread.  scenario_dir: plot.h. */
void drawing_begin(struct drawing *drawing, const struct results *results, const char *scenario_dir);
/* Waits for its end.  NULL, or why there is no figure; the caller frees.  NULL when none is under way. */
char *drawing_end(struct drawing *drawing);

#endif
