/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What `limitlab run` does, for other commands that need runs. */
#ifndef LIMITLAB_CMD_RUN_H
#define LIMITLAB_CMD_RUN_H

#include <stddef.h>

struct options;

struct run_dirs {
	char **items; /* in the order of time */
	size_t count;
};

/*
 * Runs the scenarios of these options, with all that is printed meanwhile, and returns the exit code.  ret_dirs: NULL, or filled with the
 * run directories that there are, also of runs that broke.
 */
int run_all(const struct options *options, struct run_dirs *ret_dirs);
void run_dirs_release(struct run_dirs *dirs);

static inline void auto_run_dirs(struct run_dirs *dirs)
{
	run_dirs_release(dirs);
}

#endif
