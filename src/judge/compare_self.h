/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Runs of one kind against each other: how often does the comparison see a change where there is none, and how large
 * must a change be to be found on this machine?
 *
 * The runs are divided in two again and again: as they followed each other (every stretch of 2 n runs, the first n
 * against the next n, as somebody compares who runs the old and then the new), and shuffled.  Shuffled halves of the same
 * runs raise an alarm less often than the levels of compare.h say; those in order of time do so more often when
 * the machine drifts or is disturbed now and then.  They overlap, so their number is no number of independent trials.
 *
 * Independent are those of disjoint runs: every stretch of as many runs as a comparison takes at least, in the order of time, A and B
 * in turn, each run in one of them only.  Of their alarms a bound of the rate can be told (Clopper and Pearson, 95 %).
 */
#ifndef LIMITLAB_JUDGE_COMPARE_SELF_H
#define LIMITLAB_JUDGE_COMPARE_SELF_H

#include "judge/compare.h"

#define COMPARE_SELF_SHUFFLES 100
#define COMPARE_SELF_POWER    0.8 /* a change is found when so many of the shuffled halves show it */

struct compare_self_row {
	const struct compare_value *about; /* an expectation */
	size_t count;
	double median;
	double scatter;    /* standard deviation from run to run, as a part of the median */
	double detectable; /* smallest change that is found, as a part; NAN: not even a doubling */
};

struct compare_self {
	const char *scenario;
	size_t runs, excluded;
	size_t group_size;    /* of the shuffled halves: half of the runs */
	size_t disjoint_size; /* runs in each half of one */
	size_t disjoint, disjoint_alarms;
	size_t in_time, in_time_alarms, shuffled, shuffled_alarms; /* 0 splits: too few runs */
	size_t runs_needed; /* at least so many for a split that can decide; 0: there are enough */
	struct compare_self_row *rows;
	size_t count;
};

/* Fewer can decide nothing about expectations. */
size_t compare_self_least_runs(void);
/* runs: all of one scenario, in any order.  ERR_INPUT: runs that are not alike. */
int compare_self(const struct compare_run *const *runs, size_t count, const struct compare_options *options,
	struct compare_self *ret_self, struct err *err);
/* The highest rate of alarms that so many of so many independent trials leave possible, with 95 % of confidence. */
double compare_self_rate_below(size_t alarms, size_t trials);
void compare_self_release(struct compare_self *self);
/* 0; 1: more alarms than one in 20 splits; 3: too few runs. */
int compare_self_exit_code(const struct compare_self *self);

#endif
