/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "plot/figure.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "plot/parts.h"

struct mark_text {
	double at_s;
	char *text;
};

struct mark_list {
	struct mark_text *items;
	size_t count, capacity;
};

static void auto_marks(struct mark_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->items[i].text);
	free(list->items);
}

/* "red cpu.shares 4096" in a figure about the CPU says "red shares 4096". */
static char *event_text(
	const struct plot_figure *figure, const struct plot_side *side, const struct event_spec *event)
{
	if (event->name)
		return xstrdup(event->name);
	if (event->kind == EVENT_SCARCE || event->kind == EVENT_PLENTY)
		return xasprintf("%s %s", resource_name(event->resource),
			event->kind == EVENT_SCARCE ? "gets scarce" : "is plentiful");
	if (event->kind == EVENT_ADD)
		return xstrdup("swap is added");
	char *label = scenario_event_label(side->scenario, event);
	AUTO(free_ptr) char *prefix = xasprintf(" %s.", resource_name(figure->resource));
	size_t length = strlen(prefix);
	for (char *at; (at = strstr(label, prefix));)
		memmove(at + 1, at + length, strlen(at + length) + 1);
	return label;
}

/* A run that was cut short has no record of what it did not reach. */
bool plot_event_happened(const struct event_spec *event, const struct event_log *log)
{
	if (!log || log->count == 0)
		return true;
	for (size_t i = 0; i < log->count; i++) {
		if (fabs(log->records[i].asked_s - plot_seconds(event->at_ns)) < 1e-3)
			return true;
	}
	return false;
}

/* One mark per moment. */
static void collect_marks(
	const struct plot_figure *figure, const struct plot_side *side, struct mark_list *ret_list)
{
	for (size_t i = 0; i < side->scenario->event_count; i++) {
		const struct event_spec *event = &side->scenario->events[i];
		if (!plot_event_happened(event, side->input->events))
			continue;
		AUTO(free_ptr) char *text = event_text(figure, side, event);
		double at_s = plot_seconds(event->at_ns);
		struct mark_text *last = ret_list->count ? &ret_list->items[ret_list->count - 1] : NULL;
		if (last && fabs(last->at_s - at_s) < 1e-6) {
			char *both = xasprintf("%s; %s", last->text, text);
			free(last->text);
			last->text = both;
			continue;
		}
		ret_list->items = xgrow(
			ret_list->items, ret_list->count, &ret_list->capacity, sizeof(*ret_list->items));
		ret_list->items[ret_list->count++] = (struct mark_text){.at_s = at_s, .text = STEAL(text)};
	}
}

/* How far the label may reach: up to `lines` of its neighbours' lines, or of those before it when there are fewer. */
static double room_px(
	const struct plot_side *side, const struct plot_label *labels, size_t count, size_t i, size_t lines)
{
	double right = i + lines < count ? labels[i + lines].x_px : side->right_px;
	double left = i >= lines ? labels[i - lines].x_px : side->left_px;
	double room = right - labels[i].x_px;
	if (i + 1 == count)
		room = labels[i].x_px - left;
	return room - 3 * PLOT_LABEL_GAP_PX;
}

/* Shortens the labels step by step until they can be placed: all alike at first, then where they are crowded. */
static unsigned place_marks(const struct plot_figure *figure, const struct plot_side *side,
	const struct mark_list *marks, struct plot_label *labels, char **texts)
{
	static const struct {
		double widest_px;
		size_t lines; /* 0: across any number */
	} steps[] = {{420, 0}, {300, 0}, {220, 0}, {220, 4}, {220, 3}, {220, 2}, {160, 2}, {110, 0}, {160, 1},
		{60, 0}, {0, 0}};
	size_t count = marks->count;
	unsigned levels = 0;

	for (size_t i = 0; i < count; i++)
		labels[i].x_px = side->left_px +
				 (side->right_px - side->left_px) * marks->items[i].at_s / figure->end_s;
	for (size_t step = 0; step < ARRAY_SIZE(steps); step++) {
		for (size_t i = 0; i < count; i++) {
			double widest = steps[step].widest_px;
			if (steps[step].lines)
				widest = fmin(widest, room_px(side, labels, count, i, steps[step].lines));
			free(texts[i]);
			texts[i] = plot_shorten(marks->items[i].text, PLOT_LABEL_PX, widest);
			labels[i].width_px = plot_text_px(texts[i], PLOT_LABEL_PX);
		}
		if (plot_place_labels(labels, count, side->left_px, side->right_px + 12))
			break;
	}
	for (size_t i = 0; i < count; i++) {
		if (labels[i].width_px > 0 && labels[i].level + 1 > levels)
			levels = labels[i].level + 1;
	}
	return levels;
}

struct events_text {
	struct buf arrays, rows, first, last;
	size_t count;
	unsigned levels;
};

static void auto_events(struct events_text *text)
{
	buf_release(&text->arrays);
	buf_release(&text->rows);
	buf_release(&text->first);
	buf_release(&text->last);
}

static void add_side(struct events_text *text, const struct plot_figure *figure, size_t s)
{
	const struct plot_side *side = &figure->sides[s];
	AUTO(marks) struct mark_list marks = {0};

	collect_marks(figure, side, &marks);
	AUTO(free_ptr) struct plot_label *labels = xcalloc(marks.count + 1, sizeof(*labels));
	AUTO(free_ptr) char **texts = xcalloc(marks.count + 1, sizeof(*texts));
	unsigned levels = place_marks(figure, side, &marks, labels, texts);
	if (levels > text->levels)
		text->levels = levels;
	buf_addf(&text->first, "ll_event_first[%zu] = %zu\n", s + 1, text->count + 1);
	for (size_t i = 0; i < marks.count; i++) {
		size_t n = ++text->count;
		buf_addf(&text->arrays, "ll_event_s[%zu] = ", n);
		plot_number(&text->arrays, marks.items[i].at_s);
		buf_adds(&text->arrays, "; ");
		plot_element(&text->arrays, "ll_event_text", n, texts[i]);
		plot_number(&text->rows, marks.items[i].at_s);
		buf_addf(&text->rows, " %zu %u %d %zu\n", n, labels[i].level, labels[i].to_left, s + 1);
		free(texts[i]);
	}
	buf_addf(&text->last, "ll_event_last[%zu] = %zu\n", s + 1, text->count);
}

void plot_add_events(struct buf *out, const struct plot_figure *figure)
{
	AUTO(events) struct events_text text = {0};

	for (size_t s = 0; s < figure->side_count; s++)
		add_side(&text, figure, s);
	buf_addf(out,
		"ll_events = %zu\nll_event_levels = %u\narray ll_event_s[%zu]\narray ll_event_text[%zu]\n",
		text.count, text.levels, text.count + 1, text.count + 1);
	buf_adds(out, text.arrays.data ? text.arrays.data : "");
	buf_addf(out, "array ll_event_first[%zu]\narray ll_event_last[%zu]\n%s%s", figure->side_count,
		figure->side_count, text.first.data, text.last.data);
	buf_adds(out,
		"# time, number, level above the panel, label to the left of its line, side\n$events << EOD\n");
	buf_adds(out, text.rows.data ? text.rows.data : "");
	buf_adds(out, "EOD\n");
}
