/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Several runs in one go: which comes next, what came out, and a file that says so after every run, from which an interrupted
 * batch can be resumed.  It starts nothing itself.
 *
 * A batch has rounds.  Every round has each scenario once, in an order of its own that follows from the batch's seed, so that
 * a drift of the machine (heat, neighbours) does not look like a difference between scenarios.  A single round keeps the given
 * order.
 *
 * With places (`limitlab kernels`: lab hosts with a kernel and a cgroup mode each) every scenario stands in `scenarios` once
 * per place, and a round has all of one place together, because they share one boot; places and, within each, scenarios are in
 * an order that follows from the seed, also in a single round.
 *
 * The file OUT/batch-TIME.json, rewritten as a whole after every run: format, seed, rounds, tenants_boot, until_decided, done,
 * scenarios[{path, name, source}], runs[{scenario, round, outcome, exit_code, run, seconds, findings[{name, verdict,
 * measured}]}].  `scenario` is an index; `run` is null when there is no run directory.  With places also places[{kernel,
 * release, cgroup}], attempts, append, boots[], and of a scenario its place and, if it cannot be run there, why it is skipped.
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

/* How often the tenants boot: for every run, or once in a round or in the whole batch for all runs that share them (run/keep.h). */
enum batch_tenants { BATCH_TENANTS_RUN, BATCH_TENANTS_ROUND, BATCH_TENANTS_BATCH, BATCH_TENANTS_COUNT };
const char *batch_tenants_name(enum batch_tenants how_often);
/* -1: no such word. */
int batch_tenants_find(const char *word, enum batch_tenants *ret_how_often);

struct batch_finding {
	char *name;
	enum verdict verdict;
	double measured; /* NAN: nothing */
	char *text;      /* the same with its unit; NULL: nothing */
	char *reason;    /* why it did not pass; NULL: it did */
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
	char *trouble; /* why it broke; NULL: it did not, or nobody said */
};

/* A host on which scenarios are run. */
struct batch_place {
	char *kernel;  /* as it was asked for */
	char *release; /* uname -r */
	char *cgroup;  /* "v1", "v2", "hybrid" */
};

/* One boot of a lab host, for one round of one place. */
struct batch_boot {
	size_t place;
	unsigned round;
	bool died;
	long scenario; /* died: at which one; -1: before the first began */
	char *how;     /* "done", "panic", "hang", ... */
	char *text;    /* one line about its end */
	char *console; /* path of the console's log */
	double up_s;   /* until the first run could begin; 0: it never came up */
	double seconds;
};

struct batch_scenario {
	char *path, *name;
	size_t place;
	char *skipped;                      /* why it is not run there; NULL: it is */
	char *source;                       /* the file's text when the batch began */
	size_t counts[BATCH_OUTCOME_COUNT]; /* runs so far */
	enum decision decision;             /* by sequential_decide(); only with until_decided */
};

struct batch {
	char *path; /* of its file; NULL: it has none */
	uint64_t seed;
	unsigned rounds;
	enum batch_tenants tenants_boot;
	bool until_decided; /* a scenario whose question is decided is not run again */
	bool done;
	struct batch_scenario *scenarios;
	size_t scenario_count;
	struct batch_run *runs;
	size_t run_count, run_capacity;
	/* Only with places. */
	struct batch_place *places;
	size_t place_count;
	unsigned attempts; /* boots for one run that end with it, before that is its result */
	char *append;      /* to the kernels' command line; NULL: nothing */
	struct batch_boot *boots;
	size_t boot_count, boot_capacity;
};

struct batch_options {
	const char *out_dir; /* NULL: no file */
	unsigned rounds;     /* at least 1 */
	bool until_decided;
	uint64_t seed; /* 0: one is drawn */
	/* Of the three arrays everything is copied. */
	const struct batch_place *places;
	size_t place_count;
	const char *const *skipped; /* [place * scenarios + scenario]; NULL: nothing is */
	unsigned attempts;
	const char *append;
	enum batch_tenants tenants_boot;
};

/* A new batch of these scenarios; writes its file, if it has one. */
int batch_new(struct scenario *const *scenarios, size_t count, const struct batch_options *options,
	struct batch **ret_batch, struct err *err);
/* One that was interrupted.  ERR_INPUT: no batch file, damaged, or of another format. */
int batch_open(const char *path, struct batch **ret_batch, struct err *err);
/* The same from memory; path is for messages, and where it is written to. */
int batch_parse(const char *path, const char *text, size_t length, struct batch **ret_batch, struct err *err);
/* The scenario must still be what it was.  ERR_INPUT: it has changed since the batch began. */
int batch_check_scenario(
	const struct batch *batch, size_t index, const struct scenario *scenario, struct err *err);
void batch_free(struct batch *batch);

/* Whether this run is still to be made. */
bool batch_is_open(const struct batch *batch, size_t scenario, unsigned round);
/* What is to be run next; false: nothing, the batch is over. */
bool batch_next(const struct batch *batch, size_t *ret_scenario, unsigned *ret_round);
/*
 * Records a run and writes the file; run_dir is copied.  judgement: NULL when the run broke.  After the last one the file
 * says that the batch is done.  One that a signal ended (128 and more) is kept in memory only: a resume runs it again.
 */
int batch_record(struct batch *batch, size_t scenario, unsigned round, const char *run_dir, int exit_code,
	double seconds, const struct judgement *judgement, const char *trouble, struct err *err);

/* With places: all that is left of the place and round of batch_next(), in order; room for scenario_count.  0: over. */
size_t batch_next_group(const struct batch *batch, size_t *ret_scenarios, unsigned *ret_round);
/* Records a boot and writes the file; texts are copied. */
int batch_record_boot(struct batch *batch, const struct batch_boot *boot, struct err *err);
/* How many boots have died of this run. */
size_t batch_deaths(const struct batch *batch, size_t scenario, unsigned round);
/*
 * How long the rest takes: each run as long as the same scenario took so far, at best in the same place, else expected_s[i];
 * each boot as long as boots took so far.
 */
double batch_seconds_left(const struct batch *batch, const double *expected_s);
/* "6.1.0-49-cloud-amd64 v2"; the caller frees. */
char *batch_place_name(const struct batch_place *place);

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
	const char *low_text, *high_text;   /* with unit; NULL: not known */
};
/* In file order; the caller frees the array, the names are the batch's. */
size_t batch_pools(const struct batch *batch, size_t scenario, struct batch_pool **ret_pools);

static inline void auto_batch(struct batch **batch)
{
	batch_free(*batch);
}

#endif
