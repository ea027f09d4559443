/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A run directory -> its figure, drawn by gnuplot from plots/FIGURE.gp, which users may edit.  The program writes only
 * the data blocks and settings that the script needs (events, expected values, limits, subtitle, colours); gnuplot loads them
 * first, then common.gp, then the script once per format.
 *
 * Scripts are each looked for in the run directory, beside the scenario, in ../plots beside it, in ./plots and in plots_dir.
 */
#ifndef LIMITLAB_PLOT_PLOT_H
#define LIMITLAB_PLOT_PLOT_H

#include <stdbool.h>

#include "base/err.h"
#include "judge/judge.h"
#include "judge/model.h"

enum plot_format { PLOT_SVG, PLOT_PNG, PLOT_PDF, PLOT_FORMAT_COUNT };
#define PLOT_DEFAULT_FORMATS (1u << PLOT_SVG | 1u << PLOT_PNG)

struct plot_input {
	const char *
		run; /* run directory; series.csv must be there; figure.svg, figure.png, ... are written there */
	const char *plots_dir;    /* where common.gp is */
	const char *scenario_dir; /* where the scenario came from; NULL: not known any more */
	const struct scenario *scenario;
	const struct manifest *manifest;
	const struct event_log *events;
	const struct model *model;         /* expected shares; NULL: no lines */
	const struct judgement *judgement; /* NULL: no verdict in the figure */
	const struct table *series;        /* only to place callouts beside the lines; NULL: no callouts */
	const struct plot_input *beside;   /* another run, drawn in the same figure; NULL: none */
	bool is_second;                    /* the other run stands on the left */
	const char *note;                  /* small print below the figure; NULL: none */
	unsigned formats;                  /* bits 1 << enum plot_format; 0: PLOT_DEFAULT_FORMATS */
};

const char *plot_format_name(enum plot_format format); /* "svg": also the suffix of the file, "figure.svg" */
/* Before a run: can its figure be drawn?  ERR_INPUT: its script is in none of these folders. */
int plot_check(const struct scenario *scenario, const char *plots_dir, struct err *err);
/* Pure: the preamble that gnuplot reads before the script.  The caller frees. */
int plot_preamble(const struct plot_input *input, char **ret_text, struct err *err);
/* Runs gnuplot; ERR_HOST when there is none. */
int plot_draw(const struct plot_input *input, struct err *err);

#endif
