/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a batch with places came to: scenario x kernel x cgroup mode, and each place's change against the first.
 */
#ifndef LIMITLAB_CMD_KERNELS_REPORT_H
#define LIMITLAB_CMD_KERNELS_REPORT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "cmd/gather.h"
#include "judge/compare.h"
#include "run/batch.h"

/* One expectation, or one scenario as a whole, in one place. */
struct report_cell {
	size_t counts[VERDICT_COUNT]; /* runs, by verdict of the expectation (of the run) */
	size_t broken;                /* runs as a whole only */
	const char *
		note; /* why it was skipped, broke, did not pass, or is not applicable; NULL: nothing to say */
	double measured; /* median, in `unit`; NAN: nothing */
	const char *unit;
	const struct compare_row *row; /* against the reference; NULL: not compared */
};

struct report_row {
	size_t scenario;           /* index in the first place */
	const char *expectation;   /* NULL: the scenario as a whole */
	struct report_cell *cells; /* one per place */
};

struct report {
	const struct batch *batch;
	char **names; /* of places */
	size_t reference;
	struct report_row *rows; /* of each scenario: the whole first */
	size_t count, capacity;
	char **notes; /* owned texts of cells */
	size_t note_count, note_capacity;
	struct gathered gathered;
	struct compare_group *groups; /* per place */
	bool has_comparison;
	struct comparison comparison;
};

/* scenarios: of one place, as struct drive has them.  Reads all runs again. */
int report_make(const struct batch *batch, struct scenario *const *scenarios, size_t scenario_count,
	double floor, struct report *ret_report, struct err *err);
void report_release(struct report *report);
/* The worst of the runs; 1 where the comparison found a change.  That it is undecided does not count. */
int report_exit_code(const struct report *report);

/* "pass 3/3", "fail 1/3", "not applicable", "skipped", "-".  The caller frees. */
char *report_verdict(const struct report_cell *cell);

/* Tables.  width: columns of the terminal. */
void report_table(const struct report *report, size_t width, struct buf *text);
void report_markdown(const struct report *report, struct buf *text);
int report_write_csv(const struct report *report, const char *path, struct err *err);
/* One object of type "kernels"; the caller frees. */
char *report_json(const struct report *report);
/* FOLDER/SCENARIO.svg and .png. */
int report_draw(const struct report *report, struct scenario *const *scenarios, size_t scenario_count,
	const char *folder, struct err *err);

static inline void auto_report(struct report *report)
{
	report_release(report);
}

#endif
