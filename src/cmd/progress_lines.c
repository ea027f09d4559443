/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Plain lines with UTC times, for log files. */
#include "cmd/progress_private.h"

#include <math.h>

#include "cmd/text.h"

/* A tick is shown when this part of the timeline has passed since the last one shown, at least so many seconds. */
#define TICK_PART  0.1
#define TICK_MIN_S 5.0

static void stamp(struct progress *progress)
{
	char utc[32];

	progress->look.utc(utc, sizeof(utc));
	buf_addf(&progress->pending, "%s ", utc);
}

static void add(struct progress *progress, const char *text)
{
	(void)text_add(&progress->pending, text, TEXT_ALL);
}

static void phase_begin(struct progress *progress)
{
	stamp(progress);
	add(progress, progress->phase);
	if (progress->detail[0]) {
		buf_adds(&progress->pending, ": ");
		add(progress, progress->detail);
	}
	buf_adds(&progress->pending, "\n");
}

static void phase_end(struct progress *progress)
{
	(void)progress;
}

static void tick(struct progress *progress)
{
	double step = fmax(TICK_MIN_S, progress->duration_s * TICK_PART);

	if (progress->ticked && progress->t_s < progress->last_line_s + step)
		return;
	progress->last_line_s = progress->t_s;
	stamp(progress);
	buf_addf(&progress->pending, "t=%.0f s of %.0f s:", progress->t_s, progress->duration_s);
	for (size_t i = 0; i < progress->value_count; i++) {
		buf_adds(&progress->pending, i ? ", " : " ");
		add(progress, progress->values[i].name);
		if (isnan(progress->values[i].value))
			buf_adds(&progress->pending, " -");
		else
			buf_addf(&progress->pending, " %.1f %s", progress->values[i].value, progress->unit);
	}
	buf_adds(&progress->pending, "\n");
}

static void event(struct progress *progress, double t_s, const char *text)
{
	stamp(progress);
	buf_addf(&progress->pending, "event at %.3f s: ", t_s);
	add(progress, text);
	buf_adds(&progress->pending, "\n");
}

static void say(struct progress *progress, const char *kind, const char *text)
{
	stamp(progress);
	buf_addf(&progress->pending, "%s: ", kind);
	add(progress, text);
	buf_adds(&progress->pending, "\n");
}

static void done(struct progress *progress, const struct progress_outcome *outcome)
{
	stamp(progress);
	buf_addf(&progress->pending, "result: %s%s", outcome->verdict, outcome->detail[0] ? ": " : "");
	add(progress, outcome->detail);
	buf_adds(&progress->pending, "\n");
}

const struct progress_ops progress_lines = {
	.phase_begin = phase_begin,
	.phase_end = phase_end,
	.tick = tick,
	.event = event,
	.say = say,
	.done = done,
};
