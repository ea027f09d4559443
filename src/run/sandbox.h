/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The run's private PID, network and mount namespaces (namespaces(7)).  Whatever happens to the run, the kernel then
 * removes its QEMU processes, taps, bridges, qdiscs and mounts: nothing of that needs a journal.
 *
 *	supervisor (the host's namespaces)
 *	`- init: PID 1 of the new PID namespace; reaps, passes SIGTERM on, ends with the run
 *	   `- run: everything else; QEMU processes daemonised by libvirt become children of init
 *
 * When the supervisor dies, PR_SET_PDEATHSIG kills init; when init ends, for any reason, the kernel kills everything in
 * its PID namespace (pid_namespaces(7)).
 */
#ifndef LIMITLAB_RUN_SANDBOX_H
#define LIMITLAB_RUN_SANDBOX_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"

struct sandbox_options {
	/*
	 * True: private namespaces.  False (a daemon keeps the domains, and they live in its namespaces): only
	 * the processes, in the host's namespaces.
	 */
	bool private_namespaces;
	/*
	 * The embedded driver's root: its run/, lib/ and log/ become a tmpfs of this run alone, because pid files of a
	 * dead run would make the driver signal innocent processes that have these pids now.  NULL: none.
	 */
	const char *embed_root;
};

struct sandbox {
	pid_t pid;    /* init's, in the caller's namespace */
	int alive_fd; /* open as long as the caller lives: how init notices that it is orphaned */
};

/*
 * Forks.  run() executes in the sandbox with SIGTERM and SIGINT blocked (read them with signalfd(2)); its return value
 * is the exit status.  The caller must have no other threads, and has SIGCHLD, SIGTERM and SIGINT blocked.
 * The caller waits for ->pid and closes ->alive_fd then.
 */
int sandbox_start(const struct sandbox_options *options, int (*run)(void *context), void *context,
	struct sandbox *ret_sandbox, struct err *err);

#endif
