/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the host and the guest runner say to each other over the stream port (org.limitlab.stream.0).  The runner is a
 * small static program in the guest, started by the guest agent before the timeline:
 *
 *	runner [--repeat] [--memory] [--thin-fio] [--port NAME|PATH|fd:N] [--job PATH] -- ARGV...
 *
 * with the job file on stdin, stored as /run/limitlab/job.  --thin-fio: fio's status documents are thinned out (fio_thin.h).
 *
 * Host to guest, one byte each:  'g' start the workload,  's' stop it,  'q' stop it and leave.
 * Guest to host, lines that start with '@':
 *	@ready			the job is stored and the runner waits for a byte
 *	@start N		the workload was started for the Nth time (fork done, before exec)
 *	@round N		with --repeat: its Nth round since the start begins
 *	@exit STATUS MS		a round ended by itself: exit code (128+signal) after MS milliseconds of guest time
 *	@failed TEXT		the workload could not be executed, or ended with a status other than 0; it is not repeated
 *	@guest available_kib N	with --memory: MemAvailable of the guest, at every start and then every second
 *	@stopped		the workload's process group is gone after an 's'
 *	@dropped N		N lines were lost: the host did not read, and the bounded queue was full
 * Everything else is the workload's own output (stdout and stderr), line by line; a line of it that starts with '@' gets
 * a space in front, one longer than 4096 bytes is split.  An 's' while nothing runs is answered by "@stopped" too.
 */
#ifndef LIMITLAB_GUEST_RUNNER_H
#define LIMITLAB_GUEST_RUNNER_H

#define RUNNER_PATH        "/usr/lib/limitlab/runner"
#define RUNNER_JOB_PATH    "/run/limitlab/job"
#define RUNNER_STREAM_PORT "org.limitlab.stream.0"
#define RUNNER_BYTE_START  'g'
#define RUNNER_BYTE_STOP   's'
#define RUNNER_BYTE_QUIT   'q'

#endif
