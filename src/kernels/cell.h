/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The seam between the commands that compare host kernels and what boots them: a table of operations.  cell_labhost is the
 * real one (src/labhost); tests have one that follows a script.
 */
#ifndef LIMITLAB_KERNELS_CELL_H
#define LIMITLAB_KERNELS_CELL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "scenario/scenario.h"

struct cell_kernel {
	char *wish;    /* as the user called it */
	char *release; /* uname -r */
	char *origin;  /* the package or the path that it came from */
	char *version; /* of the package; NULL: of none */
	void *own;     /* of the implementation */
};

/* One boot of a lab host: what runs in it, and where that goes. */
struct cell {
	const struct cell_kernel *kernel;
	const char *cgroup; /* "v1", "v2", "hybrid" */
	const char *append; /* to its command line; NULL: nothing */
	/* Of the inner limitlab: "run", "--json", "--out", ops->inner_out, ...; NULL terminated. */
	const char *const *argv;
	const struct scenario *const *scenarios; /* whose files it needs */
	size_t scenario_count;
	const char *
		results; /* absolute; what the inner limitlab writes below ops->inner_out appears here meanwhile */
	const char *console; /* the console's log, kept */
	unsigned deadline_s;
	/* A line that the inner limitlab printed. */
	void (*line)(void *context, const char *line, bool from_stderr);
	/* What the lab host itself is doing. */
	void (*stage)(void *context, const char *text);
	void *context;
};

struct cell_end {
	const char *how; /* static: "done", or how it died: "panic", "hang", "deadline", "died" */
	bool died;
	int status;     /* not died: exit code of the inner limitlab */
	char text[512]; /* one line about it */
	double up_s;    /* from power-on to the inner limitlab's start; 0: it did not come so far */
	double total_s;
};

struct cell_ops {
	const char *inner_out;
	/* What this machine lacks for a lab host that runs these: memory, disk, programs.  Quick, and the first. */
	int (*look)(void *context, const struct scenario *const *scenarios, size_t count, struct err *err);
	int (*find)(void *context, const char *wish, struct cell_kernel *ret_kernel, struct err *err);
	/* ERR_HOST: this kernel cannot do that, with everything that is missing. */
	int (*check)(void *context, const struct cell_kernel *kernel, const char *cgroup,
		const struct scenario *scenario, struct err *err);
	/* Makes what all lab hosts share.  Slow the first time, quick afterwards. */
	int (*prepare)(void *context, struct err *err);
	/*
	 * 0: ret_end says how it ended.  -1: no lab host was started, or ERR_INTERRUPTED.
	 */
	int (*run)(void *context, const struct cell *cell, struct cell_end *ret_end, struct err *err);
	void (*release)(void *context, struct cell_kernel *kernel);
	/* Optional: all kernels that could be had, "PACKAGE VERSION", oldest first; the caller frees each and the array. */
	int (*list)(void *context, char ***ret_lines, size_t *ret_count, struct err *err);
};

#endif
