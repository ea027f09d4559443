/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Expectations x series -> verdicts.  Pure: works from what was read from a run directory, writes nothing.
 */
#ifndef LIMITLAB_JUDGE_JUDGE_H
#define LIMITLAB_JUDGE_JUDGE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "scenario/scenario.h"
#include "series/rundir.h"
#include "series/table.h"

/* Not applicable: only of a finding, whose `when` leaves out the host of the run. */
enum verdict { VERDICT_PASS, VERDICT_FAIL, VERDICT_INCONCLUSIVE, VERDICT_NOT_APPLICABLE, VERDICT_COUNT };
const char *verdict_name(enum verdict verdict);

/*
 * Numbers are in judge_unit(): share: fraction of the capacity (of requests: of what all tenants got); settles: s, longest
 * and measured settling time; starves, never starves: s, asked and longest measured stretch; ratio: a quotient; level,
 * conserves, unchanged: the measure's unit.  What a kind does not have is NAN.
 */
struct finding {
	const struct expect_spec *expect;
	enum verdict verdict;
	double expected, measured;
	/* Half-width of what passes, same unit.  settles: of the band, as a fraction of the capacity, or, where it settles
	 * to a value, in the measure's unit.  NAN with bounds instead of a value. */
	double tolerance;
	/*
	 * 95 % interval of `measured`: of means from those of one second.  Of times it is what the samples leave open: settles, between this
	 * sample and the one before; a stretch may be longer by an interval at each end.
	 */
	double interval_low, interval_high;
	size_t samples; /* used */
	/* settles.  From the event's begin; NAN also when it never came to that. */
	double dead_time_s, settling_time_s, time_50_s, time_90_s;
	double overshoot; /* beyond the new level, as a fraction of the change */
	double residue;   /* what it ends with, less the new level: in the unit of the tolerance */
	/* starves, never starves: the longest stretch; conserves: the piece that is furthest off. */
	double at_from_s, at_to_s;
	double lowest; /* never starves: least in any interval between two samples, fraction of the capacity */
	char *reason;  /* one sentence, always there */
	char *derivation; /* "within: model": the tolerance, or the time, with its terms in words; NULL: it was said */
};

struct judgement {
	/*
	 * Fail wins over inconclusive, inconclusive over pass; without expectations: pass.  What is not applicable does not
	 * count; when nothing else is there, the run is inconclusive.
	 */
	enum verdict verdict;
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

/*
 * Judges every expectation.  ERR_INPUT: the scenario asks for a model that does not apply to it.
 */
int judge_run(const struct judge_input *input, struct judgement *ret_judgement, struct err *err);
void judgement_release(struct judgement *judgement);
/* 0, 1 or 3 (the table of exit codes). */
int judgement_exit_code(const struct judgement *judgement);
/* "fraction of the capacity", "s", "bit/s": the unit of a finding's numbers. */
const char *judge_unit(const struct expect_spec *expect);
/* settles: to a value in the measure's unit, not to the model's share. */
bool judge_settles_to_level(const struct expect_spec *expect);
/* level, ratio: by "at least" and "at most", not by a value or the model. */
bool judge_is_bounded(const struct expect_spec *expect);
/* What is measured is a time: settles, starves, never starves. */
bool judge_is_time(const struct expect_spec *expect);
/* Seconds between two samples: as the manifest says, else as the scenario does. */
double judge_interval_s(const struct judge_input *input);
/* "33.33 %", "1.000 s", "95.10 Mbit/s"; "-" for NAN.  The caller frees. */
char *judge_value_text(const struct expect_spec *expect, double value);
/* "2.00 points", "4.75 Mbit/s".  The caller frees. */
char *judge_tolerance_text(const struct expect_spec *expect, double value);
/* A value of the measure itself, whatever the kind.  The caller frees. */
char *judge_level_text(enum measure measure, double value);
int judgement_write_json(const struct judgement *judgement, const struct scenario *scenario, const char *path,
	struct err *err);
/* The same as one line of JSON, with the run directory in it.  The caller frees. */
char *judgement_json_line(
	const struct judgement *judgement, const struct scenario *scenario, const char *run);
/* JUnit XML through libxml2: one testsuite per scenario, one testcase per expectation; inconclusive is <error>, not applicable <skipped>. */
struct junit_suite {
	const struct scenario *scenario;
	const char *label;                 /* what the suite is called; NULL: as the scenario */
	const struct judgement *judgement; /* NULL: the run broke, see trouble */
	const char *trouble;
	double seconds;
	const char *run;         /* path of the run directory; NULL: there is none */
	const char *started_utc; /* as in the manifest; NULL: not known */
};
int junit_write(const struct junit_suite *suites, size_t count, const char *path, struct err *err);

#endif
