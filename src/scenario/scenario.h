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
#include "applier/net.h"
#include "base/err.h"
#include "base/units.h"
#include "scenario/when.h"

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

enum resource { RESOURCE_CPU, RESOURCE_NET, RESOURCE_MEMORY, RESOURCE_DISK, RESOURCE_COUNT };
const char *resource_name(enum resource resource);
/* What a limit limits. */
enum resource limit_resource(const struct limit_spec *spec);

struct tenant_spec {
	char *name; /* 1..32 bytes of printable UTF-8 without '/', ',' and a leading '.'; not "host", not "all" */
	unsigned vcpus;        /* default 1 */
	uint64_t memory_bytes; /* default 192MiB */
	cpu_set_t
		cpus; /* where its vCPUs may run; default: the scarce CPUs, else all but CPU pinning of the harness */
	char *workload; /* as written: "cpu-matrix", "cpu-matrix.stress" or a path; NULL: the tenant idles */
	char *workload_path; /* the file found; NULL when workload is */
	enum resource
		loads; /* what its workload wants, by the suffix of the file (and, for .stress, what is scarce) */
	/*
	 * How much of it while the workload runs: CPUs (default: vcpus), bits or bytes per second (default: INFINITY, as much
	 * as there is); memory: of no meaning.
	 */
	double demand;
	bool may_die;                 /* the run goes on without it; else it ends as broken */
	struct limit_setting *limits; /* set before the barrier */
	size_t limit_count;
	struct mark mark;
};

enum event_kind {
	EVENT_START,
	EVENT_STOP,
	EVENT_SET,
	EVENT_RESET,
	EVENT_SCARCE, /* "scarce: memory": the fixture begins to hold (no tenants) */
	EVENT_PLENTY, /* "plenty: memory": it lets go */
	EVENT_ADD,    /* "add: swap": the swap file of the scenario is turned on (no tenants) */
	EVENT_KIND_COUNT
};
const char *event_kind_name(enum event_kind kind);

struct event_spec {
	enum event_kind kind;
	uint64_t at_ns;
	uint32_t tenants;               /* bit i: tenant i */
	char *name;                     /* label, shown in figures; NULL: made from the event */
	struct limit_setting *settings; /* EVENT_SET */
	size_t setting_count;
	enum net_apply
		apply; /* EVENT_SET, "net.apply": how a priority changes; NET_APPLY_COUNT: as the link says */
	enum limit_id limit;    /* EVENT_RESET: which one; LIMIT_COUNT: all */
	enum resource resource; /* EVENT_SCARCE, EVENT_PLENTY, EVENT_ADD */
	struct mark mark;
};

enum expect_kind {
	EXPECT_SHARE,   /* the tenant's mean part of the fixture's capacity in a window */
	EXPECT_SETTLES, /* how fast the measure follows an event: dead time, settling time, overshoot */
	EXPECT_LEVEL,   /* the tenant's mean in the measure's own unit: a value, or a bound */
	EXPECT_RATIO,   /* one tenant's mean over another's */
	EXPECT_STARVES, /* for at least longest_ns in one stretch it gets less than `below` of the capacity */
	EXPECT_NEVER_STARVES, /* no stretch in which it gets less than `below` is longer than longest_ns */
	EXPECT_CONSERVES,     /* what all tenants get adds up to the capacity, in every piece of every_ns */
	EXPECT_UNCHANGED, /* the mean is what it was before the event, although the new value was read back */
	EXPECT_KIND_COUNT
};
const char *expect_kind_name(enum expect_kind kind);

/* What of a tenant is looked at.  The first of each resource is the default. */
enum measure {
	MEASURE_CPU_TIME,       /* seconds of vCPU time per second */
	MEASURE_NET_CLASS,      /* bits per second of link layer that the tenant's HTB classes let through */
	MEASURE_NET_PAYLOAD,    /* bits per second that iperf3 reports */
	MEASURE_MEM_USAGE,      /* bytes charged to the VM's group */
	MEASURE_MEM_ANON,       /* bytes of it that are anonymous memory (rss on v1) */
	MEASURE_MEM_SWAP,       /* bytes of it swapped out */
	MEASURE_DISK_BANDWIDTH, /* bytes per second, read and written */
	MEASURE_DISK_IOPS,      /* requests per second */
	MEASURE_DISK_P99, /* completion latency that 99 % of the requests stay below, seconds, as fio reports it */
	MEASURE_COUNT
};
struct measure_spec {
	const char *name; /* "class": the value of the key `measure` */
	enum resource resource;
	enum quantity quantity; /* how users write a level of it */
	double per_unit;        /* that quantity's base unit in ours: 1, or 1e-9 for durations */
	const char *unit;       /* of ours, for messages and files: "bit/s", "B", "B/s", "1/s", "s", "CPU" */
	const char *summary;    /* "HTB class bytes (link layer)": said with every verdict */
};
const struct measure_spec *measure_spec(enum measure measure);

/* What a window must prove before its expectation can pass or fail. */
enum need { NEED_CONTENTION, NEED_PLENTY, NEED_NOTHING };
const char *need_name(enum need need);

struct expect_spec {
	enum expect_kind kind;
	enum resource resource;
	enum measure measure;
	char *name;      /* given or made: "share cpu red 2s-20s"; unique */
	unsigned tenant; /* index; of no meaning for conserves */
	unsigned other;  /* ratio: tenant over other ("tenants: [red, blue]") */
	uint64_t from_ns,
		to_ns; /* window; for settles: from the event to the next change (made by the reader) */
	/* How these times and that of the event were written, relative to an event: "red gains + 2s"; NULL: as a time. */
	char *from_said, *to_said, *after_said;
	bool is_model; /* against the model of the resource; else against `value`, or the bounds */
	double value; /* share: fraction of the capacity, 0..1; level: the measure's unit; ratio: a quotient; NAN: none */
	double at_least, at_most; /* level and ratio, instead of a value; NAN: no such bound */
	/*
	 * Tolerance.  share: fraction of the capacity, absolute.  settles: half-width of the band, fraction of the capacity.
	 * level, ratio, conserves, unchanged: a fraction of what is expected, or, with within_absolute, the measure's unit.
	 */
	double within;
	bool within_absolute;
	bool within_model; /* the judge derives the tolerance (judge/resolution.h); settles: within_ns was derived */
	uint64_t within_ns;  /* settles: the longest settling time that passes */
	char *derivation;    /* settles, within_model: that time with its terms in words; NULL: it was said */
	uint64_t after_ns;   /* settles, unchanged: time of the event */
	double below;        /* starves, never starves: fraction of the capacity */
	uint64_t longest_ns; /* starves: at least; never starves: at most */
	uint64_t
		every_ns; /* conserves: length of the pieces, each of which is judged; 0: the window as a whole */
	uint64_t before_ns; /* unchanged: the window before the event begins here and ends with it */
	int control; /* unchanged: index of an expectation (any place in the file) that passes only if limits act; -1: none */
	enum need need;
	struct when when; /* the hosts of which it holds; on others it is not applicable */
	struct mark mark;
};

/* The fixtures (src/fixture).  At most one resource is scarce. */
struct scarce_link {
	bool declared;
	uint64_t rate_bits_per_s; /* of the link layer, of what all tenants share */
	enum net_apply apply;     /* how priorities change, where an event does not say */
};

struct scarce_memory {
	bool declared;
	uint64_t
		free_bytes; /* MemAvailable that is left while it holds; 0: nothing is taken, there is swap alone */
	uint64_t swap_bytes;  /* of a swap file of ours; 0: none is added */
	uint64_t cache_bytes; /* of a file that is read over and over while it holds; 0: none is */
	bool from_start;      /* no event begins it: it holds from the barrier on */
	bool swap_later;      /* an event adds the swap: until then there is none */
	bool no_thp;          /* the tenants get no transparent huge pages; else as the host gives them */
};

enum disk_scheduler {
	DISK_SCHEDULER_BFQ,
	DISK_SCHEDULER_NONE,
	DISK_SCHEDULER_MQ_DEADLINE,
	DISK_SCHEDULER_COUNT
};
const char *disk_scheduler_name(enum disk_scheduler scheduler); /* as in /sys/block/X/queue/scheduler */

struct scarce_disk {
	bool declared;
	uint64_t size_bytes; /* of the whole disk; every tenant gets an equal partition */
	uint64_t rate_bytes_per_s;
	uint64_t latency_ns; /* added to every request; 0: none */
	enum disk_scheduler scheduler;
	bool low_latency; /* BFQ's heuristic, off by default */
	char *device;     /* a real disposable device instead (size and rate 0); NULL: a made one */
};

struct scenario {
	char *path;
	char *name; /* [a-z0-9-]+ */
	char *title;
	char *about;  /* what is seen and why; NULL: not given */
	char *figure; /* plots/FIGURE.gp; default: the generic one of the resource */
	struct mark figure_mark;
	char *beside; /* name of another scenario whose newest run is drawn in the same figure; NULL: none */
	struct when when;   /* the hosts on which it can run */
	uint64_t sample_ns; /* default 200 ms; 10 ms .. 10 s */
	bool has_scarce_cpu;
	cpu_set_t scarce_cpus;
	struct scarce_link link;
	struct scarce_memory memory;
	struct scarce_disk disk;
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

/* The file that a tenant's workload was in a run: "burn.stress". */
struct scenario_workload {
	const char *tenant, *file;
};

struct scenario_options {
	/* Where workloads are looked for after the scenario's own folder, ../workloads beside it and ./workloads. */
	const char *data_dir;
	/* false: a workload file that is not there is no error (judging a kept run on another machine). */
	bool need_workloads;
	/* A kept run's, whose manifest says what ran: they are not looked for.  NULL: none are known. */
	const struct scenario_workload *workloads;
	size_t workload_count;
};

int scenario_load(const char *path, const struct scenario_options *options, struct scenario **ret_scenario,
	struct err *err);
int scenario_parse(const char *path, const char *text, size_t length, const struct scenario_options *options,
	struct scenario **ret_scenario, struct err *err);
void scenario_free(struct scenario *scenario);
/* What is scarce; RESOURCE_COUNT: nothing. */
enum resource scenario_scarce(const struct scenario *scenario);
/* Some of its CPUs are scarce ones; false also where no CPU is scarce. */
bool scenario_is_on_scarce(const struct scenario *scenario, size_t tenant);
/* Which of these settings is one of this limit; NULL: none is. */
const struct limit_setting *scenario_setting(
	const struct limit_setting *settings, size_t count, enum limit_id limit);
/* -1: none of this name. */
int scenario_tenant(const struct scenario *scenario, const char *name);
/* "red cpu.shares 4096", "reset red cpu.shares", "start all": the label of an event.  The caller frees. */
char *scenario_event_label(const struct scenario *scenario, const struct event_spec *event);

#endif
