/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Expectations x series -> verdicts.  Pure: works from what was read from a run directory, writes nothing.
 */
#ifndef LIMITLAB_JUDGE_JUDGE_H
#define LIMITLAB_JUDGE_JUDGE_H

#include <stddef.h>

#include "base/err.h"
#include "scenario/scenario.h"
#include "series/rundir.h"
#include "series/table.h"

enum verdict { VERDICT_PASS, VERDICT_FAIL, VERDICT_INCONCLUSIVE };
const char *verdict_name(enum verdict verdict);

struct finding {
	const struct expect_spec *expect;
	enum verdict verdict;
	double expected,
		measured; /* share: fraction of the capacity; settles: longest and measured settling time, s */
	double tolerance;                   /* fraction of the capacity; settles: half-width of the band */
	double interval_low, interval_high; /* 95 % interval of `measured`, NAN when it has none */
	size_t samples;
	double dead_time_s, settling_time_s; /* settles only; NAN otherwise, and when it never settled */
	double overshoot; /* settles only: beyond the new level, as a fraction of the change */
	char *reason;     /* one sentence, always there */
};

struct judgement {
	enum verdict
		verdict; /* fail wins over inconclusive, inconclusive over pass; without expectations: pass */
	struct finding *findings; /* one per expectation, in file order */
	size_t count;
};

struct judge_input {
	const struct scenario *scenario;
	const struct manifest *manifest;
	const struct event_log *events;
	const struct table *samples;
	const struct table *series;
};

int judge_run(const struct judge_input *input, struct judgement *ret_judgement, struct err *err);
void judgement_release(struct judgement *judgement);
/* 0, 1 or 3 (the table of exit codes). */
int judgement_exit_code(const struct judgement *judgement);
int judgement_write_json(const struct judgement *judgement, const struct scenario *scenario, const char *path,
	struct err *err);
/* The same as one line of JSON, with the run directory in it.  The caller frees. */
char *judgement_json_line(
	const struct judgement *judgement, const struct scenario *scenario, const char *run);
/* JUnit XML through libxml2: one testsuite per scenario, one testcase per expectation; inconclusive is <error>. */
struct junit_suite {
	const struct scenario *scenario;
	const struct judgement *judgement; /* NULL: the run broke, see trouble */
	const char *trouble;
	double seconds;
	const char *run; /* path of the run directory */
};
int junit_write(const struct junit_suite *suites, size_t count, const char *path, struct err *err);

#endif
