/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Comparison of runs: what is different between two groups of them, by how much, and is it more than noise?  Pure.
 *
 * Runs are the replicates: each run gives one number per row, and those numbers are what is compared.  A row is an
 * expectation (what was measured in its window, by judging the run anew), or a metric of a tenant in a window (its mean
 * over the rows of the series there).  Windows are those of the expectations and the steps of the timeline from one
 * event to the next.
 *
 * Per row: the median of each group; the change, which is the Hodges-Lehmann estimate of the shift, with its 95 %
 * interval, relative to the first group's median (series/stats.h); p from permuting whole runs, corrected for all rows of a family
 * (series/permute.h).  Expectations and metrics are a family each: a false alarm among the expectations may happen once in 25
 * comparisons, one among the metrics once in 100, so one of either kind once in 20.  With more than two groups, each of
 * the comparisons with the first one gets its part of that.
 *
 * A row has changed when its corrected p is below the family's level and its whole interval lies beyond the floor; it is
 * the same when its whole interval lies within the floor; else it is undecided.  So where there is no difference, an alarm
 * is much rarer still than the levels say.
 */
#ifndef LIMITLAB_JUDGE_COMPARE_H
#define LIMITLAB_JUDGE_COMPARE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "judge/judge.h"

/* A change is none of interest below this part of what there was. */
#define COMPARE_FLOOR_DEFAULT      0.05
#define COMPARE_LEVEL_EXPECTATIONS 0.04
#define COMPARE_LEVEL_METRICS      0.01
#define COMPARE_SEED_DEFAULT       1

enum compare_kind {
	COMPARE_EXPECTATION, /* what was measured for it */
	COMPARE_PASSED,      /* the part of the runs that meet it; only where not all do */
	COMPARE_METRIC,
};
const char *compare_kind_name(enum compare_kind kind);

/* One number of one run. */
struct compare_value {
	char *key; /* unique in its run: the expectation's name, or "red work_per_s 20-40 s" */
	enum compare_kind kind;
	char *tenant; /* "" when it is no single one's */
	char *metric; /* column of series.csv; expectations: their kind */
	double from_s, to_s;
	const char *unit;  /* static: "%", "Mbit/s", "MiB", "s" */
	double value;      /* NAN: this run has none */
	double least;      /* changes are relative to this at least, in `unit` */
	double resolution; /* a smaller difference cannot be told from none */
};

/* What one tenant's main metric did over time: means over equal pieces of the timeline.  For figures. */
#define COMPARE_CURVE_POINTS 200

struct compare_run {
	char *path;
	char *scenario;
	char *plan; /* what must be the same for runs to be comparable: tenants, timeline, expectations */
	char *started_utc;
	double duration_s; /* of the timeline as declared */
	char *excluded;    /* why it does not count; NULL: it does */
	struct compare_value *values;
	size_t count, capacity;
	char **tenants; /* of the scenario */
	size_t tenant_count;
	char *curve_metric; /* "cpu_share_pct"; "" when the run has none of those that a figure may show */
	double *curves;     /* COMPARE_CURVE_POINTS per tenant; NAN: nothing there */
	size_t rows;        /* of samples and series, for the record */
};

/*
 * The numbers of a run that has been judged.  A run that is not complete, or none of whose expectations could be judged,
 * is excluded; an expectation that could not be judged gives no value; nor does a window in which more than a tenth of
 * the samples are missing.
 */
void compare_run_init(struct compare_run *ret_run, const char *path, const struct judge_input *input,
	const struct judgement *judgement);
void compare_run_release(struct compare_run *run);

enum compare_verdict { COMPARE_SAME, COMPARE_CHANGED, COMPARE_UNDECIDED };
const char *compare_verdict_name(enum compare_verdict verdict);

/* Index 0 is the first group, 1 the other one. */
struct compare_row {
	const struct compare_value *about; /* key, kind, unit, ...: of some run */
	double *values[2];                 /* present ones, ascending */
	size_t count[2], missing[2];
	double median[2];
	double base;  /* what the change is relative to, in the unit */
	double floor; /* of this row: the asked one, or more where the resolution does not allow it */
	double change, low, high; /* parts of base; low and high NAN: too few runs */
	double p, p_corrected;    /* NAN: not tested */
	enum compare_verdict verdict;
	size_t needed; /* undecided: about so many runs in each group would decide; 0: more than 1000 */
};

/* The rows of one scenario. */
struct compare_part {
	const char *scenario;
	size_t runs[2], excluded[2];
	size_t one_sided;  /* expectations that are applicable in one group only, and left out */
	double smallest_p; /* that so many runs can reach */
	bool too_few;      /* to find a change of an expectation (of a metric, where none is expected) */
	struct compare_row *rows;
	size_t count;
};

/* One group against the first. */
struct compare_pair {
	const char *group[2];
	size_t group_index[2];
	struct compare_part *parts;
	size_t count;
	struct {
		bool exact;
		size_t permutations;
		double level;
	} family[2]; /* expectations, metrics */
};

struct compare_options {
	double floor;
	uint64_t seed;
	bool partial; /* a scenario that a group lacks is not compared with it, instead of refused */
	bool unlike;  /* also runs whose plans differ (a limit, say): rows are matched by name */
};

struct comparison {
	struct compare_options options;
	struct compare_pair *pairs;
	size_t count;
	enum compare_verdict verdict; /* changed: some row; undecided: too few runs, or some expectation */
	/* Undecided: too few runs: so many in each group are the least; else about so many would decide; 0: more than 1000. */
	size_t needed;
	char *differs; /* unlike: in what the plans differ first; NULL: they are alike */
};

struct compare_group {
	const char *name;
	const struct compare_run *const *runs; /* borrowed, and pointed into by the comparison */
	size_t count;
};

/* ERR_INPUT: runs that are not alike (without options->unlike), a run that is there twice, a scenario that only one group has. */
int compare_groups(const struct compare_group *groups, size_t count, const struct compare_options *options,
	struct comparison *ret_comparison, struct err *err);
void comparison_release(struct comparison *comparison);
/* 0, 1 or 3. */
int comparison_exit_code(const struct comparison *comparison);

/* "33.33 %", "0.412 s"; "-" for NAN.  The caller frees. */
char *compare_value_text(const char *unit, double value);

static inline void auto_comparison(struct comparison *comparison)
{
	comparison_release(comparison);
}

#endif
