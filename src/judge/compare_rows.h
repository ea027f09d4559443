/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The rows of one scenario in the making.  For compare.c alone.
 */
#ifndef LIMITLAB_JUDGE_COMPARE_ROWS_H
#define LIMITLAB_JUDGE_COMPARE_ROWS_H

#include <stddef.h>

#include "judge/compare.h"

/* One row while it is made: a value of every run of the part, the first group's before the other one's. */
struct draft {
	const struct compare_value *about;
	double *values;
	size_t listed[2]; /* runs of either group that have this row, be it without a value */
	double level;     /* median of what all runs have, so that it knows nothing of groups */
};

struct drafts {
	struct draft *items;
	size_t count, capacity;
};

/*
 * Every row of these runs, of which the first `first` are the first group; but for expectations that all of them meet: whether
 * everything passes says nothing.  Returns how many expectations were left out because they are not applicable in one of the
 * groups (`when:`).
 */
size_t drafts_collect(
	struct drafts *drafts, const struct compare_run *const *runs, size_t count, size_t first);
void drafts_release(struct drafts *drafts);
/* What a change of this row is relative to at least, > 0. */
double drafts_least(const struct drafts *drafts, const struct compare_value *about);

/* All but p and the verdict; runs: of each group. */
void compare_row_fill(struct compare_row *row, const struct drafts *drafts, const struct draft *draft,
	const size_t runs[2], double floor);
/* The verdict, from p and the rest. */
void compare_row_decide(struct compare_row *row, double level);

#endif
