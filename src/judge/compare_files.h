/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A comparison as text for other programs: JSON, CSV, Markdown.  Pure but for the writing of files.
 */
#ifndef LIMITLAB_JUDGE_COMPARE_FILES_H
#define LIMITLAB_JUDGE_COMPARE_FILES_H

#include "base/buf.h"
#include "base/err.h"
#include "judge/compare.h"

/* Everything there is to know: the method, all groups with their runs, all rows with the values of each run.  The caller frees. */
char *compare_json(
	const struct comparison *comparison, const struct compare_group *groups, size_t group_count);
/* One line per row: scenario, groups, kind, name, tenant, metric, window, unit, medians, change, interval, p, verdict. */
int compare_write_csv(const struct comparison *comparison, const char *path, struct err *err);
/* Tables with the expectations and what changed of the metrics, to be pasted into a report. */
void compare_markdown(const struct comparison *comparison, const struct compare_group *groups,
	size_t group_count, struct buf *text);
/* "changed: 2 expectations and 3 metrics", "no change of 5 % or more", "undecided: ...": one line.  The caller frees. */
char *compare_summary(const struct comparison *comparison);
/* How p came about: the levels, the permutations, the floor.  One line.  The caller frees. */
char *compare_method(const struct comparison *comparison);

#endif
