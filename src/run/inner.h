/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What happens inside the sandbox: boot, barrier, timeline, record.  Shared by the files of this directory alone.
 */
#ifndef LIMITLAB_RUN_INNER_H
#define LIMITLAB_RUN_INNER_H

#include <sched.h>
#include <stdbool.h>
#include <stdint.h>

#include "applier/applier.h"
#include "base/buf.h"
#include "base/err.h"
#include "guest/image.h"
#include "run/journal.h"
#include "run/keep.h"
#include "run/lines.h"
#include "run/loop.h"
#include "scenario/scenario.h"
#include "series/rundir.h"
#include "series/table.h"
#include "vm/accel.h"
#include "vm/vm.h"
#include "workload/workload.h"

/* What the supervisor decided before it forked. */
struct run_plan {
	const struct scenario *scenario;
	const char *run_dir;
	const char *uri;
	bool embed;
	enum accel_wish accel;
	const struct image *image;
	cpu_set_t harness_cpus; /* limitlab and the emulators */
	cpu_set_t allowed_cpus;
	struct journal *journal;
	unsigned disk_loop; /* number of the scarce disk's loop device */
	struct keep_plan keep;
	int wire_fd;
	/* For tests. */
	const char *sample_root; /* what the sampler takes for "/"; NULL: that */
	double stop_patience_s;  /* how long a guest may take to acknowledge its stop; 0: the usual time */
};

struct run_fixture;

/* One tenant while it lives. */
struct member {
	struct inner *inner;
	const struct tenant_spec *spec;
	struct worker *worker;
	struct job job;     /* boot and barrier; events have their own */
	struct job end_job; /* its destroy: the one before may be under way still */
	struct vm *vm;
	struct target *target;
	const struct workload_ops *ops; /* NULL: it idles */
	char *job_text;
	char *console_path, *stream_path;
	double ready_s;
	bool woken; /* from a state that an earlier run kept, or this one */
	char *boot; /* of which run; NULL: this one's */
	bool gone;  /* its stream ended: QEMU died */
	bool dead;  /* that was noticed and allowed (tenant_spec.may_die) */
	int stream_fd;
	struct watch watch;
	struct lines lines; /* of its stream, as they came */
	struct workload_stream stream;
	uint64_t initial[LIMIT_COUNT]; /* at the barrier: what reset goes back to */
	bool initial_known[LIMIT_COUNT];
	uint64_t start_ns; /* when its first start byte was written; 0: never */
};

struct inner {
	const struct run_plan *plan;
	struct loop *loop;
	struct vm_host *host;
	struct accel accel;
	struct member members[SCENARIO_MAX_TENANTS];
	size_t member_count;
	uint64_t zero_ns; /* start of the timeline; before it is known: start of the boot */
	struct event_log log;
	struct table samples;
	struct manifest manifest;
	const struct run_fixture *fixture; /* NULL: nothing is scarce */
	void *fixture_state;
	struct worker *fixture_worker; /* where hold() runs */
	char fixture_note[160];        /* what the last hold() has to say, for events.csv; "" */
};

static inline double inner_seconds(const struct inner *inner, uint64_t at_ns)
{
	return ((double)at_ns - (double)inner->zero_ns) / 1e9;
}

/* boot.c: libvirt, acceleration, all VMs together, agents, runners; then pins and initial limits. */
int inner_boot(struct inner *inner, struct err *err);
int inner_barrier(struct inner *inner, struct err *err);
void inner_shutdown(struct inner *inner);

/* stream.c: a member's stream port. */
int member_watch(struct member *member, struct err *err);
/* Sends one of RUNNER_BYTE_*; never blocks. */
int member_command(struct member *member, char byte, struct err *err);

/* engine.c: the timeline. */
int inner_timeline(struct inner *inner, struct err *err);

/* events.c: what the timeline asks for, carried out and recorded. */
struct events;
/* The first event that could not be carried out, or an err that is not set.  Owned by the events. */
const struct err *events_failure(const struct events *events);
struct events *events_new(struct inner *inner);
void events_free(struct events *events);
/* Begins to carry an event out; never blocks. */
void events_post(struct events *events, const struct event_spec *event);
/* A tenant that may die did: it is in the log, and no event is for it any more. */
void events_note_death(struct events *events, struct member *member);
/* Start lateness of all events so far, ms; the events'. */
const double *events_lateness_ms(const struct events *events, size_t *ret_count);
/*
 * Sets limits one after the other.  What fails is tried again after the others, as long as that helps: a guaranteed rate above
 * the ceil that comes next, a hard limit above the one for memory and swap.
 */
struct limit_step {
	enum limit_id limit;
	uint64_t value, read_back;
	bool has_read_back;
	int result;
	uint64_t start_ns, end_ns;
	struct err err;
};
/* Returns -1 with the first failure that is left. */
int member_set_limits(struct member *member, struct limit_step *steps, size_t count, struct err *err);

/* record.c: samples.csv, events.csv, logs and the measured part of the manifest. */
int inner_write(struct inner *inner, struct err *err);
/* What libvirt and QEMU had to say, into log/; their own files go with the sandbox. */
void inner_keep_logs(const struct inner *inner);

/* inner.c: the whole of it; the exit status of the sandbox.  context is the struct run_plan. */
int inner_main(void *context);

#endif
