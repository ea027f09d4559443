/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The run directory: names of its files, its manifest and its log of events.  Everything after the timeline (derive,
 * judge, plot) works from these files alone.
 */
#ifndef LIMITLAB_SERIES_RUNDIR_H
#define LIMITLAB_SERIES_RUNDIR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "applier/limit.h"
#include "base/err.h"

#define RUNDIR_FORMAT_VERSION 1
/* In the environment of a limitlab whose host may be gone before a run's end: what is recorded goes to its files at once. */
#define RUNDIR_SPILL_VARIABLE "LIMITLAB_SPILL"

#define RUNDIR_MANIFEST "manifest.json"
#define RUNDIR_SCENARIO "scenario.yaml"
#define RUNDIR_SAMPLES  "samples.csv"
#define RUNDIR_SERIES   "series.csv"
#define RUNDIR_EVENTS   "events.csv"
#define RUNDIR_VERDICT  "verdict.json"
#define RUNDIR_JUNIT    "junit.xml"
#define RUNDIR_SVG      "figure.svg"
#define RUNDIR_PNG      "figure.png"
#define RUNDIR_PDF      "figure.pdf" /* only where it was asked for */
#define RUNDIR_LOG      "log"
#define RUNDIR_RESERVE                                                                                       \
	".reserve" /* room for the manifest's last words on a full disk; gone when the run has ended */
/* log/TENANT.console: the serial console.  log/TENANT.stream: the workload's output, "SECONDS<TAB>LINE", stamped on
 * arrival with t_s; lines that start with '@' are the guest runner's own (see guest/runner.h).  log/TENANT.server:
 * the same of the workload's other end on the host, if it has one (workload.h).  log/TENANT.qemu and log/libvirt.log: what QEMU and the embedded driver said. */

/* The caller frees. */
char *rundir_path(const char *run, const char *file);

enum run_state {
	RUN_RUNNING,  /* also what a killed run leaves behind */
	RUN_COMPLETE, /* the only state that judge and plot accept without a warning */
	RUN_BROKEN,
	RUN_INTERRUPTED,
};
const char *run_state_name(enum run_state state);

struct manifest_tenant {
	char *name;
	char *workload;          /* file name */
	char *work_unit;         /* "bogo-ops" */
	char *work_source;       /* where its work rate comes from, in words */
	double ready_s;          /* from power-on, or waking, to the agent's first answer */
	bool woken;              /* it went on from a state that was kept after a boot (run/keep.h) */
	char *boot;              /* the run in which it booted: "SCENARIO/TIME" */
	double start_latency_ms; /* from the start event to the runner's "@start" line; NAN: not seen */
	bool worked;             /* did work: at least one interval above 0 */
	char *trouble;           /* "" or what its workload did wrong */
};

struct manifest {
	int format_version;
	enum run_state state;
	char *reason; /* why it is broken or interrupted; "" */
	char *scenario_name;
	char *started_utc;
	char *limitlab_version;
	char *libvirt_version;
	char *qemu_version;
	char *host_kernel;  /* uname -r */
	char *guest_kernel; /* release of the tenants' kernel */
	char *cgroup_mode;  /* v1, v2, hybrid */
	char *acceleration; /* "kvm" or "tcg" */
	char *acceleration_reason;
	char *cpu_model;
	char *connection; /* the libvirt URI */
	unsigned cpu_count;
	char *scarce_cpus;  /* cpulist of the CPU fixture; "" when there is none */
	char *harness_cpus; /* where limitlab and the emulators were pinned */
	double duration_s;  /* of the timeline as run */
	double sample_interval_s;
	double boot_s; /* until all tenants were ready */
	double start_skew_ms; /* largest difference between two tenants' first "@start" lines after the first start event */
	uint64_t ticks, ticks_late,
		ticks_missed; /* late: read more than a tenth of the interval after its time */
	double tick_lateness_p99_ms;
	double event_lateness_p99_ms;
	double tick_cost_us;     /* mean CPU time of one tick */
	double overhead_cpu_pct; /* limitlab's own CPU during the timeline, percent of one core */
	double overhead_rss_mib;
	struct manifest_tenant *tenants;
	size_t tenant_count;
};

void manifest_init(struct manifest *manifest);
void manifest_release(struct manifest *manifest);
int manifest_read(struct manifest *ret_manifest, const char *path, struct err *err);
/* The same from memory; path is for messages. */
int manifest_parse(
	struct manifest *ret_manifest, const char *path, const char *text, size_t length, struct err *err);
int manifest_write(const struct manifest *manifest, const char *path, struct err *err);
/*
 * What runs may be grouped by: the text of a member ("host_kernel", "cpu_count"), also by its short name ("kernel",
 * "cgroup", "accel", "version", "libvirt", "qemu", "cpu").  NULL: there is none of this name.  The caller frees.
 */
char *manifest_field(const struct manifest *manifest, const char *name);
/* The names that manifest_field() takes, with ", " between them.  The caller frees. */
char *manifest_field_names(void);

/*
 * events.csv: one row per timeline event and tenant and limit:
 *	asked_s,start_s,end_s,event,tenant,limit,asked,read_back,name,error,note
 * event is start, stop, set, reset, scarce, plenty, add (of the tenant "host") or died.  Files without the last column are read too.  Values are plain numbers in the limit's own unit, "max" for unlimited.
 */
struct event_record {
	double asked_s;        /* on the declared timeline */
	double start_s, end_s; /* when the applier began and had read back */
	char *event;
	char *tenant;
	enum limit_id limit; /* LIMIT_COUNT: none (start, stop) */
	uint64_t asked, read_back;
	bool has_read_back;
	char *name;  /* label of the event; "" */
	char *error; /* "" */
	char *note;  /* what else the applier said: "9 queued frames dropped"; "" */
};

struct event_log {
	struct event_record *records;
	size_t count, capacity;
};

void event_log_release(struct event_log *log);
/* Returns the new, zeroed record (strings must be filled by the caller, with heap copies). */
struct event_record *event_log_add(struct event_log *log);
int event_log_read_csv(struct event_log *ret_log, const char *path, struct err *err);
int event_log_parse_csv(
	struct event_log *ret_log, const char *path, const char *text, size_t length, struct err *err);
int event_log_write_csv(const struct event_log *log, const char *path, struct err *err);
/* Its parts, for who writes while records are added: the header, and the records from this one on. */
void event_log_put_header(FILE *stream);
void event_log_put_records(const struct event_log *log, size_t from, FILE *stream);

#endif
