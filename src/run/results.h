/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A finished run, from its directory: what `run` (at its end), `judge` and `plot` share.  Needs no root.
 */
#ifndef LIMITLAB_RUN_RESULTS_H
#define LIMITLAB_RUN_RESULTS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "judge/judge.h"
#include "judge/model.h"
#include "scenario/scenario.h"
#include "series/rundir.h"
#include "series/table.h"

struct results {
	char *run;
	struct scenario *scenario;
	struct manifest manifest;
	struct event_log events;
	struct table samples; /* empty when samples.csv is not there */
	struct table series;
	bool derived; /* series is made from samples and streams; false: read from series.csv */
	struct model model;
	bool has_model; /* the timeline was carried out as asked, so that a model exists */
	struct judgement judgement;
	bool judged;
	const char *scenario_dir; /* plot.h; borrowed; NULL when the run is not our own */
};

struct results_options {
	bool write; /* series.csv (when derived), verdict.json and junit.xml in the run directory */
};

/*
 * Reads manifest.json, scenario.yaml, events.csv and samples.csv, and derives the series from the samples and the
 * tenants' streams; where raw data are not there any more (a kept run may be thinned out), series.csv is read.
 * ERR_INPUT: no run directory, or a file in it that is damaged.
 */
int results_load(const char *run, struct results *ret_results, struct err *err);
void results_release(struct results *results);
/* What the judge is asked about them; valid as long as they are. */
struct judge_input results_input(const struct results *results);
/*
 * Judges, and writes what the options say.  A run that is about to be complete sets results->manifest.state first:
 * nothing else than a complete run can pass.
 */
int results_finish(struct results *results, const struct results_options *options, struct err *err);

/* Gives back the memory of samples and series, which nothing needs after judging and drawing. */
void results_thin(struct results *results);

struct results_figure {
	const char *
		beside; /* another run for the same figure; NULL: as the scenario's key `beside` says (run/beside.h) */
	unsigned formats; /* plot/plot.h; 0: SVG and PNG */
};
/* Draws the figure into the run directory; with the verdict when it has been judged. */
int results_draw_as(const struct results *results, const struct results_figure *figure, struct err *err);
/* The same with nothing asked for: figure.svg and figure.png. */
int results_draw(const struct results *results, struct err *err);

static inline void auto_results(struct results *results)
{
	results_release(results);
}

#endif
