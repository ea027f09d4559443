/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the files of the judge share.  Not for other modules.
 */
#ifndef LIMITLAB_JUDGE_INTERNAL_H
#define LIMITLAB_JUDGE_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>

#include "judge/judge.h"
#include "judge/model.h"

/* One column of one tenant over time: only the rows where it was read. */
struct counter {
	double *t_s;
	double *value;
	size_t count;
	bool is_level; /* may fall */
};

void counter_load(struct counter *counter, const struct table *table, const char *tenant, const char *column);
/* The sum of two columns, where both were read. */
void counter_load_sum(struct counter *counter, const struct table *table, const char *tenant,
	const char *first, const char *second);
/*
 * The integral over time, per second.  ends: a value holds since the one before it, but not for longer than longest_s, and before that
 * it is 0; else straight between the two.
 */
void counter_integrate(const struct counter *values, bool ends, double longest_s, struct counter *ret_total);
void counter_release(struct counter *counter);
/* Linear between samples; before the first and after the last the nearest one. */
double counter_at(const struct counter *counter, double t_s);
double counter_growth(const struct counter *counter, double from_s, double to_s);
/* Index of the first sample at or after t_s; count: none. */
size_t counter_first(const struct counter *counter, double t_s);

/* What one tenant got of one measure: a counter, or the integral of what was read as a level or a rate. */
struct metric {
	char *what; /* "net_class_bytes of 'red'": for messages */
	struct counter total;
	double divisor; /* from the total's growth to the measure's unit times seconds */
	bool is_level;
	struct counter level; /* is_level: the values as read */
};

void metric_load(
	struct metric *metric, const struct judge_input *input, enum measure measure, unsigned tenant);
void metric_release(struct metric *metric);
/* Mean over a window, in the measure's unit; as a part of `capacity` units, or with 1 as it is. */
double metric_mean(const struct metric *metric, double capacity, double from_s, double to_s);
/* is_level: the value at one time. */
double metric_at(const struct metric *metric, double t_s);

struct judge_context {
	const struct judge_input *input;
	struct model model;
	double interval_s;
	double death_s[SCENARIO_MAX_TENANTS]; /* INFINITY: alive */
	struct metric metric[MEASURE_COUNT]
			    [SCENARIO_MAX_TENANTS]; /* only of resources that are expected of */
	/* cpu */
	double cpu_count; /* scarce CPUs */
	struct counter run_delay[SCENARIO_MAX_TENANTS], throttled[SCENARIO_MAX_TENANTS];
	struct counter busy, idle, steal; /* of the scarce CPUs */
	/* net */
	struct counter backlog[SCENARIO_MAX_TENANTS];
	struct counter shared; /* bytes of the class that all share */
	/* disk */
	struct counter queue[SCENARIO_MAX_TENANTS]; /* integral of the requests in flight, seconds */
	struct counter
		asked[SCENARIO_MAX_TENANTS]; /* the same as the tenant's tool tells: throttled ones, too */
	/* The deepest of each that was seen, see evidence_disk_load(). */
	double queue_most[SCENARIO_MAX_TENANTS], asked_most[SCENARIO_MAX_TENANTS];
	/* The whole host; stalled: time in which every task that was not idle waited for memory, microseconds. */
	struct counter host_busy, host_idle, host_steal, stalled;
	/* memory, whole host */
	struct counter scanned, scanned_anon, reclaim_runs, reclaimed, swapped_out, killed, available,
		free_of_cpus, swap_free;
	/* The findings so far, by index; `unchanged` looks its control up. */
	const struct finding *findings;
};

/* input, model and findings are the caller's to fill. */
void context_load(struct judge_context *context);
void context_release(struct judge_context *context);

static inline void auto_context(struct judge_context *context)
{
	context_release(context);
}

/* false: CPU time of a tenant that runs on none of the scarce CPUs, which is nothing of theirs. */
bool judge_counts(const struct judge_context *context, enum measure measure, size_t tenant);
/* The capacity that a fraction of this measure refers to, in its unit; NAN: there is none. */
double judge_capacity(const struct judge_context *context, enum measure measure);
/*
 * The model's mean for a tenant as a fraction of that capacity; NAN: no model says.  The model of bytes stands for requests
 * too (equal ones), as a fraction of what all tenants get; of the link it knows the link layer only.
 */
double judge_model_share(const struct judge_context *context, enum measure measure, unsigned tenant,
	double from_s, double to_s);

/* All return true when the window serves; else they make the finding inconclusive and say why, with the numbers. */

/*
 * The samples of one counter are there: dense enough, near enough to both ends, never falling.  The ends are moved to
 * the first or last sample where the window sticks out by less than 1.5 sample intervals.
 */
bool window_covered(const struct judge_context *context, const struct counter *counter, const char *what,
	double *from_s, double *to_s, struct finding *finding);
/* The same for what a tenant got; one that died inside or before the window only while it lived, and got nothing since. */
bool metric_covered(const struct judge_context *context, enum measure measure, unsigned tenant,
	double *from_s, double *to_s, struct finding *finding);
/* What the expectation needs of its window (judge.h, enum need). */
bool evidence_holds(const struct judge_context *context, double from_s, double to_s, struct finding *finding);
/*
 * The same in every piece of it: a few bad seconds are little in a long window and enough to make it fail.  What fails must have
 * been undisturbed throughout, in pieces of THROUGHOUT_S, or as long as what was looked at.
 */
#define THROUGHOUT_S 2.0
/*
 * off: what was measured less what was expected, of which the sign counts; 0: nobody else could explain it.  Without contention
 * too little is explained by what evidence_disturbance() finds, and of the link and the disk by a host without an idle CPU.
 */
bool evidence_holds_throughout(const struct judge_context *context, double from_s, double to_s,
	double piece_s, double off, struct finding *finding);
/* NULL, or what else could explain that the tenant got too little. */
char *evidence_disturbance(
	const struct judge_context *context, const struct finding *finding, double from_s, double to_s);
/* NULL, or why the tenant could not have got more, whatever its limits: it asked for less. */
char *evidence_unwanted(
	const struct judge_context *context, const struct finding *finding, double from_s, double to_s);

/* What one resource has to show (evidence_*.c). */
struct evidence_ops {
	bool (*contention)(
		const struct judge_context *context, double from_s, double to_s, struct finding *finding);
	bool (*plenty)(
		const struct judge_context *context, double from_s, double to_s, struct finding *finding);
	/*
	 * NULL, or what must hold beside contention where something fails: what only gets worse by a disturbance is right in
	 * spite of one when it is right.
	 */
	bool (*calm)(
		const struct judge_context *context, double from_s, double to_s, struct finding *finding);
	/* NULL: nothing is known that could.  What somebody else took, and that the tenant asked for less than it could. */
	char *(*disturbance)(const struct judge_context *context, double from_s, double to_s);
	char *(*unwanted)(const struct judge_context *context, unsigned tenant, double from_s, double to_s);
	double tells_s; /* of shorter stretches these two say little */
};
/* When the tenant's queue and asked are there. */
void evidence_disk_load(struct judge_context *context, unsigned tenant);
extern const struct evidence_ops evidence_cpu, evidence_net, evidence_memory, evidence_disk;

/* The step of the model that makes up most of a window; NULL: none overlaps. */
const struct model_step *evidence_main_step(const struct judge_context *context, double from_s, double to_s);
/* By the model it wants more than it gets; where no model says what it gets: it works without a declared end. */
bool evidence_is_unserved(const struct model_step *step, size_t tenant);

/* The host's CPUs had something to spare, so that they are not what was scarce. */
bool evidence_host_idles(const struct judge_context *context, const char *scarce, double from_s, double to_s,
	struct finding *finding);

/* share, level, ratio */
void judge_mean(const struct judge_context *context, struct finding *finding);
void judge_settles(const struct judge_context *context, struct finding *finding);
/* starves, never starves */
void judge_starves(const struct judge_context *context, struct finding *finding);
void judge_conserves(const struct judge_context *context, struct finding *finding);
/* After all others: it needs the finding of its control. */
void judge_unchanged(const struct judge_context *context, struct finding *finding);

/* So many blocks of about one second a window is made of: long against the milliseconds of schedulers and the bursts of packets. */
size_t judge_block_count(double from_s, double to_s);
/* Half the width of the 95 % interval of the mean, from means of about one second; NAN: too short a window. */
double judge_half_interval(const struct metric *metric, double capacity, double from_s, double to_s);

/* " (+- 0.40, 95 % interval from means of one second)"; "" for NAN.  The caller frees. */
char *judge_interval_text(const struct expect_spec *expect, double half);

/* When the event of settles or unchanged really began and when all of it was confirmed; false: it is not in the log. */
bool judge_event_times(const struct judge_context *context, const struct expect_spec *expect,
	double *ret_start_s, double *ret_end_s);

/* Replaces the verdict and the reason.  Returns false, so that `return finding_set(...)` ends a check. */
bool finding_set(struct finding *finding, enum verdict verdict, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
