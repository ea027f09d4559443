/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a figure is put together from: quoted text, colours, and labels that keep out of each other's way.  All pure.
 * Lengths are pixels of a canvas PLOT_WIDTH_PX wide (PLOT_WIDE_PX with two sides); a drawing may scale it.
 */
#ifndef LIMITLAB_PLOT_PARTS_H
#define LIMITLAB_PLOT_PARTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define PLOT_WIDTH_PX   840
#define PLOT_WIDE_PX    1220 /* with two sides */
#define PLOT_LEFT_PX    80   /* of the panels' left border */
#define PLOT_MARGIN_PX  20   /* at the right */
#define PLOT_BETWEEN_PX 40   /* two sides */
#define PLOT_FONT_PX    14.0 /* ticks, legend */
#define PLOT_LABEL_PX   13.0 /* events */
#define PLOT_LEVELS_MAX 4

/*
 * A gnuplot string expression: in single quotes, where neither backslash, backtick, @ nor $ mean anything.  Control characters
 * become spaces, bytes that are not UTF-8 question marks, and characters that our font lacks U+FFFD.
 */
void plot_quote(struct buf *out, const char *text);
/* The same for text that is compared, not drawn: no character is replaced.  It has no control characters. */
void plot_quote_raw(struct buf *out, const char *text);

/* Upper estimate of the width in DejaVu Sans of this size. */
double plot_text_px(const char *text, double font_px);
/* Cuts at a character and ends with an ellipsis so that it fits; "" when not even that does.  The caller frees. */
char *plot_shorten(const char *text, double font_px, double width_px);

/* 0xRRGGBB for each name: its own colour when it names one, else the next of a cycle safe for the colour-blind. */
void plot_colors(const char *const *names, size_t count, uint32_t *ret_colors);
/* part 0: color; part 1: other. */
uint32_t plot_mix(uint32_t color, uint32_t other, double part);

/*
 * Labels stand above the panel, each beside the vertical line of its event, which ends at the label.  A label is on
 * one of PLOT_LEVELS_MAX levels (0: nearest the panel), to the right of its line or to the left, so that no label
 * touches another one or any line.
 */
struct plot_label {
	double x_px;     /* the line; ascending, between left and right */
	double width_px; /* of the text, without the gap to its line */
	bool to_left;
	unsigned level;
};

#define PLOT_LABEL_GAP_PX 4.0 /* between a line and its label, and between neighbours */

/* False: they do not fit on PLOT_LEVELS_MAX levels; shorten them. */
bool plot_place_labels(struct plot_label *labels, size_t count, double left_px, double right_px);

#endif
