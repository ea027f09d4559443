/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "plot/parts.h"

static double low(const struct plot_label *label)
{
	return label->to_left ? label->x_px - label->width_px - 2 * PLOT_LABEL_GAP_PX : label->x_px;
}

static double high(const struct plot_label *label)
{
	return label->to_left ? label->x_px : label->x_px + label->width_px + 2 * PLOT_LABEL_GAP_PX;
}

/* Would the line of `other` run through this label, were it not below it? */
static bool covers(const struct plot_label *label, const struct plot_label *other)
{
	return low(label) <= other->x_px && other->x_px <= high(label);
}

/* On one level, would the two touch? */
static bool meets(const struct plot_label *a, const struct plot_label *b)
{
	return low(a) < high(b) && low(b) < high(a);
}

/* Must a stand above b?  A label without text needs no room. */
static bool above(const struct plot_label *a, const struct plot_label *b, bool a_is_first)
{
	if (a->width_px <= 0 || b == a)
		return false;
	if (covers(a, b))
		return true;
	/* Texts that meet while no line is in the way: any order will do. */
	return a_is_first && b->width_px > 0 && !covers(b, a) && meets(a, b);
}

/* Labels whose text would leave the canvas hang to the left of their line, and so do those that would fight with one. */
static void choose_sides(struct plot_label *labels, size_t count, double left_px, double right_px)
{
	for (size_t i = count; i-- > 0;) {
		struct plot_label *label = &labels[i];
		label->to_left = false;
		bool must = high(label) > right_px;
		for (size_t j = i + 1; j < count && !must; j++)
			must = labels[j].to_left && covers(label, &labels[j]) && covers(&labels[j], label);
		if (!must)
			continue;
		label->to_left = true;
		if (low(label) < left_px)
			label->to_left = false;
	}
}

/* Each on the lowest level that it can have. */
static bool stack(struct plot_label *labels, size_t count, double left_px, double right_px)
{
	for (size_t i = 0; i < count; i++) {
		labels[i].level = 0;
		if (labels[i].width_px > 0 && (high(&labels[i]) > right_px || low(&labels[i]) < left_px))
			return false;
	}
	for (bool moved = true; moved;) {
		moved = false;
		for (size_t i = 0; i < count; i++) {
			for (size_t j = 0; j < count; j++) {
				if (!above(&labels[i], &labels[j], i < j) ||
					labels[i].level > labels[j].level)
					continue;
				labels[i].level = labels[j].level + 1;
				if (labels[i].level >= PLOT_LEVELS_MAX)
					return false;
				moved = true;
			}
		}
	}
	return true;
}

/*
 * A crowd of events whose labels would need a level each goes on half as many when its first ones hang to the left.  The shortest such
 * row of labels is taken.
 */
bool plot_place_labels(struct plot_label *labels, size_t count, double left_px, double right_px)
{
	choose_sides(labels, count, left_px, right_px);
	if (stack(labels, count, left_px, right_px))
		return true;
	for (size_t length = 1; length <= count; length++) {
		for (size_t first = 0; first + length <= count; first++) {
			choose_sides(labels, count, left_px, right_px);
			for (size_t i = first; i < first + length; i++)
				labels[i].to_left = true;
			if (stack(labels, count, left_px, right_px))
				return true;
		}
	}
	return false;
}
