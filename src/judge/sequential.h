/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * When to stop repeating a scenario: Wald's sequential probability ratio test on the number of runs that failed (A. Wald,
 * Sequential Tests of Statistical Hypotheses, 1945).  Looking at the results after every run and stopping when they please
 * would raise the error rate; this rule keeps it.  Pure.  Inconclusive and broken runs say nothing and are not counted.
 */
#ifndef LIMITLAB_JUDGE_SEQUENTIAL_H
#define LIMITLAB_JUDGE_SEQUENTIAL_H

#include <stddef.h>

/* What is told apart: a limit that holds, but whose run fails now and then, and one that is broken. */
#define SEQUENTIAL_HOLDS_FAILS  0.05 /* part of the runs that fail while it holds */
#define SEQUENTIAL_BROKEN_FAILS 0.5  /* ... while it is broken, at least */
#define SEQUENTIAL_ERROR        0.05 /* how often either answer may be wrong */

enum decision { DECISION_OPEN, DECISION_HOLDS, DECISION_BROKEN };

enum decision sequential_decide(size_t passes, size_t fails);
/* How many runs it takes when all of them pass: the least that --until-decided can do with. */
size_t sequential_least_passes(void);

#endif
