/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A comparison -> its figure, drawn by gnuplot from plots/compare.gp, which users may edit: above, what each tenant got over
 * time in both groups (median of the runs, and a band in which half of them are); below, the change of every
 * expectation and of the metrics that changed, with its interval, beside the floor.
 */
#ifndef LIMITLAB_PLOT_COMPARE_H
#define LIMITLAB_PLOT_COMPARE_H

#include "base/buf.h"
#include "base/err.h"
#include "judge/compare.h"

struct plot_compare_input {
	const struct compare_pair *pair;
	const struct compare_part *part;    /* of the pair */
	const struct compare_group *groups; /* all of them, indexed by pair->group_index */
	const char *plots_dir;              /* where compare.gp is, when it is not in ./plots */
	const char *path;                   /* FILE.svg, FILE.png or FILE.pdf */
};

/* Pure: what gnuplot reads before the script. */
void plot_compare_preamble(const struct plot_compare_input *input, struct buf *text);
/* ERR_INPUT: another ending, no script.  ERR_HOST: no gnuplot. */
int plot_compare_draw(const struct plot_compare_input *input, struct err *err);

#endif
