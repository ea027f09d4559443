/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the files that write the preamble share.  Not for other modules.
 *
 * A figure has one side, or two beside each other with the same axes; each is a run.  The tenants of all sides are numbered
 * through from 1 and are the lines of the figure: side s has the lines first[s]..last[s].  Values are written in the units of
 * series.csv's columns.
 */
#ifndef LIMITLAB_PLOT_FIGURE_H
#define LIMITLAB_PLOT_FIGURE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "plot/plot.h"

#define PLOT_MAX_SIDES 2
#define PLOT_MAX_LINES (PLOT_MAX_SIDES * SCENARIO_MAX_TENANTS)

struct plot_side {
	const struct plot_input *input;
	const struct scenario *scenario;
	double left_px, right_px; /* of the panels */
	unsigned first, last;     /* lines, from 1 */
	double capacity; /* of what the tenants share, in the unit of the main column; 0: none is declared */
};

struct plot_figure {
	struct plot_side sides[PLOT_MAX_SIDES];
	size_t side_count;
	enum resource resource;
	double width_px;
	double end_s; /* of the longest side */
};

/* marks.c: $events and its arrays; true when a record says that the event took place, or nothing is on record. */
void plot_add_events(struct buf *out, const struct plot_figure *figure);
bool plot_event_happened(const struct event_spec *event, const struct event_log *log);

/* lines.c: tenants' keys and colours, and the texts of the legend. */
int plot_add_lines(struct buf *out, const struct plot_figure *figure, struct err *err);
void plot_add_legend(struct buf *out, const struct plot_figure *figure, bool has_expected);

/* expected.c: $expected and $bands; true when the model says something.  $limits, $spans. */
bool plot_add_expected(struct buf *out, const struct plot_figure *figure);
void plot_add_limits(struct buf *out, const struct plot_figure *figure);
void plot_add_spans(struct buf *out, const struct plot_figure *figure);
/* Is there a limit of this kind that any tenant ever had; is anything ever scarce for a while? */
bool plot_has_limit(const struct plot_figure *figure, enum limit_id limit);
bool plot_has_span(const struct plot_figure *figure);

/* callouts.c: $callouts; $points, from what "settles" found. */
void plot_add_callouts(struct buf *out, const struct plot_figure *figure);
void plot_add_points(struct buf *out, const struct plot_figure *figure);

/* units.c: what an axis says of a column of series.csv, "memory of the VM [MiB]"; of one without words its name. */
const char *plot_axis_label(const char *column);
/* The column of series.csv that holds a measure, and the factor from the measure's unit to the column's. */
const char *plot_column(const struct plot_side *side, enum measure measure, double *ret_factor);
/* Of the resource that the figure is about: the model speaks of this one. */
const char *plot_main_column(const struct plot_figure *figure, const struct plot_side *side);
/* The factor from a limit's unit to that of the columns beside which it is drawn. */
double plot_limit_factor(enum limit_id limit);
enum resource plot_resource(const struct scenario *scenario);
double plot_capacity(const struct scenario *scenario, enum resource resource);

double plot_seconds(uint64_t ns);
/* Six significant digits; never -0, which would make golden files differ between machines. */
void plot_number(struct buf *out, double value);
/* NAME = 'TEXT' */
void plot_text(struct buf *out, const char *name, const char *text);
/* NAME[INDEX] = 'TEXT' */
void plot_element(struct buf *out, const char *name, size_t index, const char *text);

#endif
