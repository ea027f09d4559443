/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Several runs in one go: which comes next, what came out, and a file that says so after every run, from which an interrupted
 * batch can be resumed.  It starts nothing itself.
 *
 * A batch has rounds.  Every round has each scenario once, in an order of its own that follows from the batch's seed, so that
 * a drift of the machine (heat, neighbours) does not look like a difference between scenarios.  A single round keeps the given
 * order.
 *
 * The file OUT/batch-TIME.json, rewritten as a whole after every run: format, seed, rounds, until_decided, done,
 * scenarios[{path, name, source}], runs[{scenario, round, outcome, exit_code, run, seconds, findings[{name, verdict,
 * measured}]}].  `scenario` is an index; `run` is null when there is no run directory.
 */
#ifndef LIMITLAB_RUN_BATCH_H
#define LIMITLAB_RUN_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "judge/judge.h"
#include "judge/sequential.h"
#include "scenario/scenario.h"

#define BATCH_FORMAT 1

enum batch_outcome { BATCH_PASS, BATCH_FAIL, BATCH_INCONCLUSIVE, BATCH_BROKEN, BATCH_OUTCOME_COUNT };
const char *batch_outcome_name(enum batch_outcome outcome);

struct batch_finding {
	char *name;
	enum verdict verdict;
	double measured; /* NAN: nothing */
};

struct batch_run {
	size_t scenario;
	unsigned round;
	enum batch_outcome outcome;
	int exit_code;
	char *run_dir; /* NULL: none */
	double seconds;
	struct batch_finding *findings;
	size_t finding_count;
};

struct batch_scenario {
	char *path, *name;
	char *source;                       /* the file's text when the batch began */
	size_t counts[BATCH_OUTCOME_COUNT]; /* runs so far */
	enum decision decision;             /* by sequential_decide(); only with until_decided */
};

struct batch {
	char *path; /* of its file; NULL: it has none */
	uint64_t seed;
	unsigned rounds;
	bool until_decided; /* a scenario whose question is decided is not run again */
	bool done;
	struct batch_scenario *scenarios;
	size_t scenario_count;
	struct batch_run *runs;
	size_t run_count, run_capacity;
};

struct batch_options {
	const char *out_dir; /* NULL: no file */
	unsigned rounds;     /* at least 1 */
	bool until_decided;
	uint64_t seed; /* 0: one is drawn */
};

/* A new batch of these scenarios; writes its file, if it has one. */
int batch_new(struct scenario *const *scenarios, size_t count, const struct batch_options *options,
	struct batch **ret_batch, struct err *err);
/* One that was interrupted.  ERR_INPUT: no batch file, damaged, or of another format. */
int batch_open(const char *path, struct batch **ret_batch, struct err *err);
/* The scenario must still be what it was.  ERR_INPUT: it has changed since the batch began. */
int batch_check_scenario(
	const struct batch *batch, size_t index, const struct scenario *scenario, struct err *err);
void batch_free(struct batch *batch);

/* What is to be run next; false: nothing, the batch is over. */
bool batch_next(const struct batch *batch, size_t *ret_scenario, unsigned *ret_round);
/*
 * Records a run and writes the file; run_dir is copied.  judgement: NULL when the run broke.  After the last one the file
 * says that the batch is done.  One that a signal ended (128 and more) is kept in memory only: a resume runs it again.
 */
int batch_record(struct batch *batch, size_t scenario, unsigned round, const char *run_dir, int exit_code,
	double seconds, const struct judgement *judgement, struct err *err);

/*
 * 0, 1, 3 or what broke: the worst of the runs' exit codes (5, 4, 2, 1, 3, 0), but where the question was to be decided, the
 * answer: 1 when a scenario is broken, 3 when one is not decided.
 */
int batch_exit_code(const struct batch *batch);

/* One expectation over all runs of a scenario. */
struct batch_pool {
	const char *name;
	size_t counts[BATCH_OUTCOME_COUNT]; /* by verdict: the fourth is not applicable */
	double median, low, high;           /* of what was measured; NAN: nothing */
};
/* In file order; the caller frees the array, the names are the batch's. */
size_t batch_pools(const struct batch *batch, size_t scenario, struct batch_pool **ret_pools);

static inline void auto_batch(struct batch **batch)
{
	batch_free(*batch);
}

#endif
