/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One scenario from start to finish, supervised: lock -> what a dead run left -> checks -> run directory and journal -> sandbox (boot, barrier,
 * timeline) -> undo -> derive, judge, figure -> manifest complete.
 */
#ifndef LIMITLAB_RUN_RUN_H
#define LIMITLAB_RUN_RUN_H

#include <stdbool.h>

#include "base/err.h"
#include "judge/judge.h"
#include "run/observer.h"
#include "run/results.h"
#include "scenario/scenario.h"
#include "vm/accel.h"

struct keep;

struct run_options {
	const char *out_dir; /* results are made in out_dir/SCENARIO/TIME/ */
	const char *uri;     /* NULL: the embedded driver under the state directory */
	enum accel_wish accel;
	const char *kernel;                  /* the tenants'; NULL: the image's default */
	const struct run_observer *observer; /* may be NULL */
	const char *use_device;              /* the real device that a scenario may overwrite; NULL: none */
	bool allow_host_scarcity;            /* scenarios that make the whole host short of memory may run */
	struct keep *keep;                   /* tenants wake from what is kept there; NULL: they boot */
	bool save;                           /* keep those that boot, too: a later run has use for them */
	bool undrawn;                        /* the caller draws the figure (run/drawing.h) */
};

struct run_result {
	char *run_dir; /* NULL: it did not come that far */
	bool judged;
	struct results results; /* when judged */
	int signal_number; /* came when the timeline was over: this run is whole, no other should begin; 0: none */
};

/*
 * Errors: ERR_INPUT and ERR_HOST before anything was changed; ERR_INTERRUPTED, or anything else, when the run broke: then
 * everything has been undone as far as possible, and run_dir (when there is one) says so in its manifest.
 */
int run_scenario(const struct scenario *scenario, const struct run_options *options,
	struct run_result *ret_result, struct err *err);
void run_result_release(struct run_result *result);

/* What `limitlab clean` does: replays the journals of dead runs, and removes what dead batches kept; ret_journals counts both.
 * report is called per thing undone. */
int run_clean(void (*report)(void *context, const char *text), void *context, size_t *ret_journals,
	struct err *err);

#endif
