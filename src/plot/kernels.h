/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One scenario on several kernels -> its figure, drawn by gnuplot from plots/kernels.gp, which users may edit: above, side by
 * side, what each tenant got over time on each of them; below, what was measured for every expectation, as its change against
 * the first one with its interval.
 */
#ifndef LIMITLAB_PLOT_KERNELS_H
#define LIMITLAB_PLOT_KERNELS_H

#include "base/buf.h"
#include "base/err.h"
#include "judge/compare.h"

struct plot_kernels_place {
	const char *name;           /* "6.1.0-49-cloud-amd64 v2": where there is one line for it */
	const char *kernel;         /* "6.1.0-49-cloud-amd64": above its panel */
	const char *verdict;        /* "cgroup v2, pass 3/3": below that */
	struct compare_group group; /* its runs; of other scenarios, too */
};

/* One expectation in one place. */
struct plot_kernels_mark {
	double change, low, high; /* parts of the reference's; NAN: none */
};

struct plot_kernels_row {
	const char *name;
	const char *words;                     /* what was measured, place by place */
	const struct plot_kernels_mark *marks; /* one per place */
};

struct plot_kernels_input {
	const char *scenario, *title;
	const struct plot_kernels_place *places;
	size_t place_count, reference;
	const struct plot_kernels_row *rows;
	size_t row_count;
	const char *plots_dir; /* where kernels.gp is, when it is not in ./plots */
	const char *path;      /* FILE.svg, FILE.png or FILE.pdf */
};

/* Pure: what gnuplot reads before the script. */
void plot_kernels_preamble(const struct plot_kernels_input *input, struct buf *text);
/* ERR_INPUT: another ending, no script.  ERR_HOST: no gnuplot. */
int plot_kernels_draw(const struct plot_kernels_input *input, struct err *err);

#endif
