/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Before anything is started: what this host must have for this scenario, and the run directory.
 */
#ifndef LIMITLAB_RUN_PREPARE_H
#define LIMITLAB_RUN_PREPARE_H

#include "base/err.h"
#include "run/inner.h"
#include "run/run.h"

/* ERR_HOST for everybody but root. */
int prepare_root(const struct scenario *scenario, struct err *err);
/* cgroup mode and controllers, CPUs, what the fixture needs.  ERR_HOST with a remedy.  Fills the CPU sets of the plan. */
int prepare_host(const struct scenario *scenario, const struct run_options *options, struct run_plan *plan,
	struct err *err);
/* Pure.  ERR_HOST where what the scenario says under `when` does not hold; mode: cgroup_host_mode(). */
int prepare_check_when(
	const struct scenario *scenario, const char *mode, const char *release, struct err *err);
/*
 * Makes OUT/NAME/TIME (a second run within one second gets "-2"), owned by the user behind sudo, with scenario.yaml and a
 * manifest that says "running".
 */
int prepare_rundir(const struct scenario *scenario, const struct run_options *options,
	const struct run_plan *plan, char **ret_run_dir, struct err *err);
/*
 * Gives back the room that prepare_rundir() put aside: on a disk that is full by now, the manifest can still say how the
 * run ended.
 */
void prepare_free_reserve(const char *run_dir);
/* Gives every file of the run directory to the user behind sudo (SUDO_UID, SUDO_GID); nothing without sudo. */
void prepare_give_away(const char *run_dir);

#endif
