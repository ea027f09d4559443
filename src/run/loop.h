/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One epoll loop, and a thread per tenant for what may block (libvirt, the guest agent).  The loop itself never waits
 * for anything but time and descriptors.
 */
#ifndef LIMITLAB_RUN_LOOP_H
#define LIMITLAB_RUN_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct loop;

/* A descriptor that is watched for input; the caller keeps the struct alive until loop_remove(). */
struct watch {
	int fd;
	void (*ready)(struct watch *watch);
	void *context;
};

/* Watches SIGTERM and SIGINT (blocked by the caller) too. */
int loop_new(struct loop **ret_loop, struct err *err);
void loop_free(struct loop *loop);
int loop_add(struct loop *loop, struct watch *watch, struct err *err);
void loop_remove(struct loop *loop, struct watch *watch);
/*
 * Handles what is ready until *done becomes true (checked after each round; NULL: never) or the deadline passes.
 * Returns 0 for done, 1 for the deadline (CLOCK_MONOTONIC, absolute, UINT64_MAX: none), -1 with ERR_INTERRUPTED when a signal came.
 */
int loop_run(struct loop *loop, const bool *done, uint64_t deadline_ns, struct err *err);
/* The signal that came was heeded: what follows is interrupted by the next one. */
void loop_forget_signal(struct loop *loop);

/* A piece of blocking work.  work() runs in the worker's thread, finished() afterwards in the loop's. */
struct job {
	int (*work)(struct job *job, struct err *err);
	void (*finished)(struct job *job);
	void *context;
	int result;
	struct err err;
	struct job *next; /* the queue's */
};

/*
 * The calling thread goes before the ordinary ones on its CPU (SCHED_RR; where that is refused, a better nice value), or no
 * longer.  For threads that mostly sleep.  Its children are ordinary in any case.
 */
void loop_thread_punctual(bool on);

struct worker;
int worker_new(struct loop *loop, const char *name, struct worker **ret_worker, struct err *err);
/* Jobs of one worker run one after the other, in order.  The caller keeps the job alive until finished(). */
void worker_post(struct worker *worker, struct job *job);
/* Jobs that were posted and are not finished yet, over all workers of the loop. */
unsigned loop_pending(const struct loop *loop);
/* Runs the loop until no job is pending. */
int loop_run_jobs(struct loop *loop, uint64_t deadline_ns, struct err *err);
/* Waits for the job at hand; a worker that hangs in libvirt would hang us: the run ends with _exit() instead of this. */
void worker_free(struct worker *worker);

#endif
