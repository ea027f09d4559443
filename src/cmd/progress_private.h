/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Shared by progress.c and the three ways to show a progress. */
#ifndef LIMITLAB_CMD_PROGRESS_PRIVATE_H
#define LIMITLAB_CMD_PROGRESS_PRIVATE_H

#include "base/buf.h"
#include "cmd/progress.h"

struct progress_ops {
	/* Mandatory.  Each appends to progress->pending. */
	void (*phase_begin)(struct progress *progress);
	void (*phase_end)(struct progress *progress);
	void (*tick)(struct progress *progress);
	void (*event)(struct progress *progress, double t_s, const char *text);
	/* kind: "note" or "warning" */
	void (*say)(struct progress *progress, const char *kind, const char *text);
	void (*done)(struct progress *progress, const struct progress_outcome *outcome);
};

extern const struct progress_ops progress_terminal;
extern const struct progress_ops progress_lines;
extern const struct progress_ops progress_json;

struct progress_value {
	char *name;
	double value;
};

struct progress {
	const struct progress_ops *ops; /* NULL: quiet */
	FILE *stream;
	int fd; /* -1: a stream without one (tests) */
	struct progress_look look;
	struct run_observer observer;
	struct buf pending;   /* not written yet */
	size_t *live_columns; /* terminal: the redrawn lines that are there now, how wide each is */
	size_t live_lines, live_capacity;
	char *phase, *detail; /* NULL: no phase yet */
	uint64_t phase_start_ns;
	double t_s, duration_s; /* duration 0: not known yet */
	double last_line_s;     /* lines: t_s of the last tick that was shown */
	bool ticked;
	char *series, *unit; /* of the values (observer.h); NULL: none yet */
	double full;         /* of a tenant; 0: not known */
	struct progress_value *values;
	size_t value_count, value_capacity;
};

/* Seconds since the phase began. */
double progress_phase_seconds(const struct progress *progress);

#endif
