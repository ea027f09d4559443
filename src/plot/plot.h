/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A run directory -> its figure, drawn by gnuplot from plots/FIGURE.gp, which users may edit.  The program writes only
 * the data blocks and settings that the script needs (events, expected shares, subtitle, colours) and gnuplot loads them first.
 *
 * FIGURE.gp and common.gp are each looked for in the run directory, beside the scenario, in ../plots beside it, in
 * ./plots and in plots_dir.
 */
#ifndef LIMITLAB_PLOT_PLOT_H
#define LIMITLAB_PLOT_PLOT_H

#include "base/err.h"
#include "judge/judge.h"
#include "judge/model.h"

struct plot_input {
	const char *
		run; /* run directory; series.csv must be there; figure.svg and figure.png are written there */
	const char *plots_dir;    /* where common.gp is */
	const char *scenario_dir; /* where the scenario came from; NULL: not known any more */
	const struct scenario *scenario;
	const struct manifest *manifest;
	const struct event_log *events;
	const struct model *model;         /* expected shares; NULL: no lines */
	const struct judgement *judgement; /* NULL: no verdict in the figure */
};

/* Before a run: can its figure be drawn?  ERR_INPUT: its script is in none of these folders. */
int plot_check(const struct scenario *scenario, const char *plots_dir, struct err *err);
/* Pure: the preamble that gnuplot reads before the script.  The caller frees. */
int plot_preamble(const struct plot_input *input, char **ret_text, struct err *err);
/* Runs gnuplot; ERR_HOST when there is none. */
int plot_draw(const struct plot_input *input, struct err *err);

#endif
