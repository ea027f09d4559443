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

/* One counter of one tenant over time: only the rows where it was read. */
struct counter {
	double *t_s;
	double *value;
	size_t count;
};

void counter_load(struct counter *counter, const struct table *table, const char *tenant, const char *column);
void counter_release(struct counter *counter);
/* Linear between samples; before the first and after the last the nearest one. */
double counter_at(const struct counter *counter, double t_s);
double counter_growth(const struct counter *counter, double from_s, double to_s);
/* Index of the first sample at or after t_s; count: none. */
size_t counter_first(const struct counter *counter, double t_s);

struct judge_context {
	const struct judge_input *input;
	struct model model;
	double cpu_count; /* scarce CPUs: the capacity, in seconds of CPU per second */
	double interval_s;
	struct counter vcpu[SCENARIO_MAX_TENANTS];
	struct counter run_delay[SCENARIO_MAX_TENANTS];
	struct counter busy, idle, steal;
};

/* All return true when the window serves; else they make the finding inconclusive and say why, with the numbers. */

/*
 * The samples of one counter are there: dense enough, near enough to both ends, never falling.  The ends are moved to
 * the first or last sample where the window sticks out by less than 1.5 sample intervals.
 */
bool window_covered(const struct judge_context *context, const struct counter *counter, const char *what,
	double *from_s, double *to_s, struct finding *finding);
/* What the expectation needs of its window (judge.h, enum need). */
bool evidence_holds(const struct judge_context *context, double from_s, double to_s, struct finding *finding);
/*
 * The same in every two seconds of it: a few bad seconds are little in a long window and enough to make it fail.  What
 * fails must have been undisturbed throughout.
 */
bool evidence_holds_throughout(
	const struct judge_context *context, double from_s, double to_s, struct finding *finding);
/* NEED_NOTHING: NULL, or how stolen or foreign time on the scarce CPUs could explain a share that is too small. */
char *evidence_disturbance(const struct judge_context *context, double from_s, double to_s);

void judge_share(const struct judge_context *context, struct finding *finding);
void judge_settles(const struct judge_context *context, struct finding *finding);

/* Replaces the verdict and the reason.  Returns false, so that `return finding_set(...)` ends a check. */
bool finding_set(struct finding *finding, enum verdict verdict, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
