/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * On a terminal: what is over scrolls by; below it stand a bar for the time and one bar per tenant, which are erased
 * and drawn again (ECMA-48: CUU, ED, SGR).  No line is ever as wide as the terminal, so that none wraps.
 */
#include "cmd/progress_private.h"

#include <math.h>
#include <string.h>
#include <sys/ioctl.h>

#include "base/auto.h"
#include "cmd/text.h"

#define NAME_MAX_COLUMNS 16
#define PHASE_COLUMNS    12 /* "acceleration" */
#define BAR_MAX_COLUMNS  40
#define BAR_MIN_COLUMNS  4

#define RESET  "\033[0m"
#define BOLD   "\033[1m"
#define DIM    "\033[2m"
#define RED    "\033[31m"
#define GREEN  "\033[32m"
#define YELLOW "\033[33m"
#define BLUE   "\033[34m"

/* A tenant that is named after a colour gets it; the others take turns. */
static const struct {
	const char *name, *code;
} colours[] = {
	{"blue", BLUE},
	{"green", GREEN},
	{"red", RED},
	{"magenta", "\033[35m"},
	{"cyan", "\033[36m"},
	{"yellow", YELLOW},
};

static const char *colour_of(const char *name, size_t index)
{
	for (size_t i = 0; i < ARRAY_SIZE(colours); i++)
		if (strcmp(colours[i].name, name) == 0)
			return colours[i].code;
	return colours[index % ARRAY_SIZE(colours)].code;
}

static void style(struct progress *progress, const char *code)
{
	if (progress->look.colour)
		buf_adds(&progress->pending, code);
}

static void measure(const struct progress *progress, size_t *ret_width, size_t *ret_height)
{
	struct winsize size = {0};

	*ret_width = progress->look.width;
	*ret_height = progress->look.height;
	if (*ret_width && *ret_height)
		return;
	if (progress->fd < 0 || ioctl(progress->fd, TIOCGWINSZ, &size) || !size.ws_col || !size.ws_row)
		size = (struct winsize){.ws_col = 80, .ws_row = 24};
	if (!*ret_width)
		*ret_width = size.ws_col;
	if (!*ret_height)
		*ret_height = size.ws_row;
}

/* A window that was made narrower has broken wide lines into several rows (nearly every terminal does; xterm cuts). */
static void erase(struct progress *progress)
{
	size_t width, height, rows = 0;

	if (!progress->live_lines)
		return;
	measure(progress, &width, &height);
	for (size_t i = 0; i < progress->live_lines; i++)
		rows += progress->live_columns[i] ? (progress->live_columns[i] + width - 1) / width : 1;
	buf_addf(&progress->pending, "\r\033[%zuA\033[J", rows);
	progress->live_lines = 0;
}

/* Columns of the last line of what waits, without its colours. */
static size_t last_line_columns(const struct buf *pending)
{
	AUTO(buf) struct buf plain = BUF_INIT;
	const char *line = memrchr(pending->data, '\n', pending->length);

	for (const char *at = line ? line + 1 : pending->data; *at;) {
		if (*at == '\033') {
			at += strcspn(at, "mAJ");
			at += *at != '\0';
		} else {
			if (*at != '\r')
				buf_add(&plain, at, 1);
			at++;
		}
	}
	return text_width(plain.data ? plain.data : "");
}

/* Eighths of a column where the terminal has the characters. */
static void bar(struct progress *progress, double part, size_t columns)
{
	static const char *const eighths[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
	double filled = isnan(part) ? 0 : fmin(fmax(part, 0), 1) * (double)columns;
	size_t used = (size_t)filled;

	if (progress->look.unicode) {
		for (size_t i = 0; i < used; i++)
			buf_adds(&progress->pending, "█");
		size_t rest = (size_t)((filled - (double)used) * 8);
		if (rest && used < columns) {
			buf_adds(&progress->pending, eighths[rest]);
			used++;
		}
	} else {
		used = (size_t)(filled + 0.5);
		for (size_t i = 0; i < used; i++)
			buf_adds(&progress->pending, "#");
	}
	style(progress, RESET);
	style(progress, DIM);
	for (; used < columns; used++)
		buf_adds(&progress->pending, progress->look.unicode ? "·" : ".");
	style(progress, RESET);
}

static void end_live_line(struct progress *progress)
{
	progress->live_columns = xgrow(progress->live_columns, progress->live_lines, &progress->live_capacity,
		sizeof(*progress->live_columns));
	progress->live_columns[progress->live_lines++] = last_line_columns(&progress->pending);
	buf_adds(&progress->pending, "\n");
}

static size_t bar_columns(size_t width, size_t others)
{
	if (width <= others + BAR_MIN_COLUMNS)
		return 0;
	return width - others < BAR_MAX_COLUMNS ? width - others : BAR_MAX_COLUMNS;
}

static void draw_time(struct progress *progress, size_t width, size_t name_columns)
{
	AUTO(free_ptr) char *text = xasprintf("%5.0f / %.0f s", progress->t_s, progress->duration_s);
	size_t columns = bar_columns(width, 2 + name_columns + 1 + strlen(text) + 1);

	buf_adds(&progress->pending, "  ");
	style(progress, BOLD);
	text_pad(&progress->pending, "time", name_columns);
	style(progress, RESET);
	buf_adds(&progress->pending, " ");
	bar(progress, progress->duration_s > 0 ? progress->t_s / progress->duration_s : NAN, columns);
	(void)text_add(&progress->pending, text, width - 2 - name_columns - 1 - columns - 1);
	end_live_line(progress);
}

static void draw_tenant(
	struct progress *progress, size_t index, size_t width, size_t name_columns, double full)
{
	const struct progress_value *value = &progress->values[index];
	/* As wide as " 100.0 %" and more for a VM with many CPUs. */
	AUTO(free_ptr)
	char *text = isnan(value->value) ? xasprintf("      - %*s", (int)strlen(progress->unit), "")
					 : xasprintf(" %6.1f %s", value->value, progress->unit);
	size_t columns = bar_columns(width, 2 + name_columns + 1 + strlen(text) + 1);

	buf_adds(&progress->pending, "  ");
	style(progress, colour_of(value->name, index));
	text_pad(&progress->pending, value->name, name_columns);
	buf_adds(&progress->pending, " ");
	bar(progress, value->value / full, columns);
	buf_adds(&progress->pending, text);
	end_live_line(progress);
}

static void draw(struct progress *progress)
{
	size_t width, height, name_columns = 4;
	double full = progress->full > 0 ? progress->full : 100;

	erase(progress);
	if (!progress->phase)
		return;
	measure(progress, &width, &height);
	if (width < 24 || height < 4) /* no room for pictures */
		return;
	if (!progress->ticked && !progress->value_count) {
		style(progress, BOLD);
		buf_adds(&progress->pending, "  ");
		text_pad(&progress->pending, progress->phase, PHASE_COLUMNS);
		style(progress, RESET);
		buf_adds(&progress->pending, " ");
		(void)text_add(&progress->pending, progress->detail, width - PHASE_COLUMNS - 4);
		end_live_line(progress);
		return;
	}
	for (size_t i = 0; i < progress->value_count; i++) {
		size_t columns = text_width(progress->values[i].name);
		if (columns > name_columns)
			name_columns = columns;
		/* Several CPUs, or less known than there is: the bars grow by whole multiples. */
		if (progress->values[i].value > full * 1.05)
			full *= ceil(progress->values[i].value / full - 0.05);
	}
	if (name_columns > NAME_MAX_COLUMNS)
		name_columns = NAME_MAX_COLUMNS;
	if (name_columns > width - 16)
		name_columns = width - 16;
	draw_time(progress, width, name_columns);
	size_t room = height - 3; /* the time, the cursor's line and one to spare */
	size_t shown = progress->value_count > room ? room - 1 : progress->value_count;
	for (size_t i = 0; i < shown; i++)
		draw_tenant(progress, i, width, name_columns, full);
	if (shown < progress->value_count) {
		buf_addf(&progress->pending, "  and %zu more", progress->value_count - shown);
		end_live_line(progress);
	}
}

/* A line that stays: "  boot         3 tenants                        8.2 s" */
static void phase_end(struct progress *progress)
{
	size_t width, height;

	erase(progress);
	measure(progress, &width, &height);
	AUTO(free_ptr) char *seconds = xasprintf("%6.1f s", progress_phase_seconds(progress));
	size_t room = (width < 80 ? width : 80) - 1;
	buf_adds(&progress->pending, "  ");
	text_pad(&progress->pending, progress->phase, PHASE_COLUMNS);
	buf_adds(&progress->pending, " ");
	if (room > PHASE_COLUMNS + 4 + strlen(seconds))
		text_pad(&progress->pending, progress->detail, room - PHASE_COLUMNS - 3 - strlen(seconds));
	style(progress, DIM);
	buf_adds(&progress->pending, seconds);
	style(progress, RESET);
	buf_adds(&progress->pending, "\n");
}

static void event(struct progress *progress, double t_s, const char *text)
{
	erase(progress);
	style(progress, DIM);
	buf_addf(&progress->pending, "  %7.1f s  ", t_s);
	style(progress, RESET);
	(void)text_add(&progress->pending, text, TEXT_ALL);
	buf_adds(&progress->pending, "\n");
	draw(progress);
}

static void say(struct progress *progress, const char *kind, const char *text)
{
	erase(progress);
	style(progress, strcmp(kind, "warning") == 0 ? YELLOW : DIM);
	buf_addf(&progress->pending, "  %s: ", kind);
	style(progress, RESET);
	(void)text_add(&progress->pending, text, TEXT_ALL);
	buf_adds(&progress->pending, "\n");
	draw(progress);
}

static void done(struct progress *progress, const struct progress_outcome *outcome)
{
	erase(progress);
	style(progress, BOLD);
	if (strcmp(outcome->verdict, "pass") == 0)
		style(progress, GREEN);
	else if (strcmp(outcome->verdict, "inconclusive") == 0)
		style(progress, YELLOW);
	else
		style(progress, RED);
	text_pad(&progress->pending, outcome->verdict, text_width(outcome->verdict));
	style(progress, RESET);
	if (outcome->detail[0]) {
		buf_adds(&progress->pending, "  ");
		(void)text_add(&progress->pending, outcome->detail, TEXT_ALL);
	}
	buf_adds(&progress->pending, "\n");
}

const struct progress_ops progress_terminal = {
	.phase_begin = draw,
	.phase_end = phase_end,
	.tick = draw,
	.event = event,
	.say = say,
	.done = done,
};
