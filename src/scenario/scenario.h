/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A scenario file, read and checked.  No libvirt here, so that it fuzzes alone.  Every error is ERR_INPUT and starts
 * with "FILE:LINE:COLUMN: ", says what is wrong and what would be right.
 *
 * The reader walks libyaml's document tree with tables of our own, because libyaml keeps the position of every node:
 * also a semantic error (a window outside the run) can name its line and column, which libcyaml cannot.
 */
#ifndef LIMITLAB_SCENARIO_SCENARIO_H
#define LIMITLAB_SCENARIO_SCENARIO_H

#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "applier/limit.h"
#include "base/err.h"

/* libyaml takes time with the square of the number of anchors; at this size that is still far below a second. */
#define SCENARIO_MAX_BYTES   (128 * 1024)
#define SCENARIO_MAX_TENANTS 16

struct mark {
	unsigned line, column; /* from 1; 0: not from a file */
};

struct limit_setting {
	enum limit_id limit;
	uint64_t value; /* in the limit's unit */
	struct mark mark;
};

struct tenant_spec {
	char *name; /* 1..32 bytes of printable UTF-8 without '/', ',' and a leading '.'; not "host", not "all" */
	unsigned vcpus;        /* default 1 */
	uint64_t memory_bytes; /* default 192MiB */
	cpu_set_t
		cpus; /* where its vCPUs may run; default: the scarce CPUs, else all but CPU pinning of the harness */
	char *workload; /* as written: "cpu-matrix", "cpu-matrix.stress" or a path; NULL: the tenant idles */
	char *workload_path;          /* the file found; NULL when workload is */
	double demand;                /* CPUs that it wants while its workload runs; default: vcpus */
	struct limit_setting *limits; /* set before the barrier */
	size_t limit_count;
	struct mark mark;
};

enum event_kind { EVENT_START, EVENT_STOP, EVENT_SET, EVENT_RESET, EVENT_KIND_COUNT };
const char *event_kind_name(enum event_kind kind);

struct event_spec {
	enum event_kind kind;
	uint64_t at_ns;
	uint32_t tenants;               /* bit i: tenant i */
	char *name;                     /* label, shown in figures; NULL: made from the event */
	struct limit_setting *settings; /* EVENT_SET */
	size_t setting_count;
	enum limit_id limit; /* EVENT_RESET: which one; LIMIT_COUNT: all */
	struct mark mark;
};

enum resource { RESOURCE_CPU, RESOURCE_COUNT };
const char *resource_name(enum resource resource);

enum expect_kind {
	EXPECT_SHARE,   /* the tenant's mean part of the fixture's capacity in a window */
	EXPECT_SETTLES, /* how fast the share follows an event: dead time, settling time, overshoot */
	EXPECT_KIND_COUNT
};
const char *expect_kind_name(enum expect_kind kind);

/* What a window must prove before its expectation can pass or fail. */
enum need { NEED_CONTENTION, NEED_PLENTY, NEED_NOTHING };
const char *need_name(enum need need);

struct expect_spec {
	enum expect_kind kind;
	enum resource resource;
	char *name;      /* given or made: "share cpu red 2s-20s"; unique */
	unsigned tenant; /* index */
	uint64_t from_ns,
		to_ns; /* window; for settles: from the event to the next change (made by the reader) */
	bool is_model; /* against the weighted max-min share; else against `value` */
	double value;  /* fraction of the capacity, 0..1 */
	double within; /* share: tolerance, absolute, fraction of the capacity.  settles: half-width of the band */
	uint64_t within_ns; /* settles: the longest settling time that passes */
	uint64_t after_ns;  /* settles: time of the event */
	enum need need;
	struct mark mark;
};

struct scenario {
	char *path;
	char *name; /* [a-z0-9-]+ */
	char *title;
	char *about;        /* what is seen and why; NULL: not given */
	char *figure;       /* plots/FIGURE.gp; default: the generic one of the resource */
	char *when_cgroup;  /* "v1" or "v2": needs this mode; NULL: any */
	uint64_t sample_ns; /* default 200 ms; 10 ms .. 10 s */
	bool has_scarce_cpu;
	cpu_set_t scarce_cpus;
	bool emulators_default; /* leave the weight of libvirt's emulator sub-groups as it is (fixture/cpu.h says why not) */
	struct tenant_spec *tenants;
	size_t tenant_count;
	struct event_spec *events; /* sorted by time, file order within one time */
	size_t event_count;
	struct expect_spec *expects;
	size_t expect_count;
	uint64_t duration_ns; /* time of the last event; at least one stop must end every start */
	char *source;         /* the file's text, copied into the run directory */
	size_t source_length;
};

struct scenario_options {
	/* Where workloads are looked for after the scenario's own folder, ../workloads beside it and ./workloads. */
	const char *data_dir;
	/* false: a workload file that is not there is no error (judging a kept run on another machine). */
	bool need_workloads;
};

int scenario_load(const char *path, const struct scenario_options *options, struct scenario **ret_scenario,
	struct err *err);
int scenario_parse(const char *path, const char *text, size_t length, const struct scenario_options *options,
	struct scenario **ret_scenario, struct err *err);
void scenario_free(struct scenario *scenario);
/* -1: none of this name. */
int scenario_tenant(const struct scenario *scenario, const char *name);
/* "red cpu.shares 4096", "reset red cpu.shares", "start all": the label of an event.  The caller frees. */
char *scenario_event_label(const struct scenario *scenario, const struct event_spec *event);

#endif
