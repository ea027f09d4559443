/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Inside src/plot only: figures of many runs, drawn by one script each that sets cmp_width and cmp_height when cmp_pass is 1 and
 * draws when it is 2.
 */
#ifndef LIMITLAB_PLOT_SCRIPT_H
#define LIMITLAB_PLOT_SCRIPT_H

#include "base/buf.h"
#include "base/err.h"
#include "judge/compare.h"

/* $NAME: time, lower quartile, median, upper quartile of one tenant over a group's runs; nothing where no run has a value. */
void plot_add_curve(struct buf *text, const char *name, const struct compare_group *group,
	const char *scenario, size_t tenant);
/* ./plots/NAME, else plots_dir/NAME.  ERR_INPUT: another ending than .svg, .png, .pdf, no script.  ERR_HOST: no gnuplot. */
int plot_script_draw(
	const char *name, const char *plots_dir, const char *preamble, const char *path, struct err *err);

#endif
