/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Child processes from an argument vector (never a shell string), each in a process group of its own so that Ctrl-C
 * in the terminal reaches only us, with PR_SET_PDEATHSIG so that it dies with us.  That signal comes when the THREAD that
 * started the child ends (prctl(2)): whoever calls spawn_start() from a thread keeps that thread until spawn_stop().
 */
#ifndef LIMITLAB_BASE_SPAWN_H
#define LIMITLAB_BASE_SPAWN_H

#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"

struct spawn_options {
	const char *input; /* written to the child's stdin; NULL: /dev/null */
	const char *cwd;   /* NULL: ours */
	const char *const *
		env; /* extra "NAME=value" entries, NULL terminated, instead of ours of that name; NULL: none */
	struct buf *output; /* stdout and stderr are appended; NULL: see output_fd */
	int output_fd; /* when output is NULL and this is > 0: stdout and stderr go here; else /dev/null */
	int netns_fd; /* when > 0: the child runs in this network namespace (setns(2)), the caller stays where it is */
	uint64_t timeout_ms; /* 0: none; on expiry the group is killed and the call fails */
};

/*
 * Runs argv to its end, and until nobody holds its output open any more.  ret_status is the wait(2) status.  A child that
 * could not be executed is an error: ERR_HOST when there is no such program, else ERR_SYS.
 */
int spawn_run(const char *const *argv, const struct spawn_options *options, int *ret_status, struct err *err);
/* As spawn_run, and a status other than exit 0 is an error whose text ends with the last line of output. */
int spawn_check(const char *const *argv, const struct spawn_options *options, struct err *err);
/* Starts argv in the background; the caller waits.  options->timeout_ms and ->output are not used. */
int spawn_start(
	const char *const *argv, const struct spawn_options *options, pid_t *ret_pid, struct err *err);
enum spawn_end { SPAWN_RUNS, SPAWN_EXITED, SPAWN_SIGNALLED };
/*
 * Whether a child that spawn_start() made has ended.  It is not reaped: its number stays its own until spawn_stop().
 * ret_how: "ended with status 3" or "was ended by signal 9 (Killed)"; written only when it has.
 */
enum spawn_end spawn_look(pid_t pid, char *ret_how, size_t size);
/* Ends a child that spawn_start() made, and what is left of its group: SIGTERM, up to grace_ms, SIGKILL; reaps it. */
void spawn_stop(pid_t pid, uint64_t grace_ms);
/* The absolute path of a program found in PATH, /usr/sbin and /sbin included; NULL: not there.  The caller frees. */
char *spawn_find(const char *name);

#endif
