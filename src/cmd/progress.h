/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the user sees while a run goes on.  On a terminal: finished phases and events scroll by, a few lines below them
 * are redrawn (colours unless NO_COLOR is set).  Elsewhere: plain lines with UTC times.  For machines: one JSON object
 * per line, "type" first.  The same calls for all; a slow or stopped terminal never blocks the caller: redraws are
 * dropped and lines wait until it drains (progress_done() waits for them).
 *
 * One thread at a time may use a progress.  Every function takes NULL, which shows nothing.
 */
#ifndef LIMITLAB_CMD_PROGRESS_H
#define LIMITLAB_CMD_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "run/observer.h"

enum progress_mode { PROGRESS_TERMINAL, PROGRESS_LINES, PROGRESS_JSON, PROGRESS_QUIET };

struct progress;

/* --json, --quiet, else what the stream is. */
enum progress_mode progress_choose(bool json, bool quiet, FILE *stream);

/* The stream is borrowed; nothing else may write to it in between. */
struct progress *progress_new(enum progress_mode mode, FILE *stream);
void progress_free(struct progress *progress);

/* "boot", "3 tenants"; ends the phase before. */
void progress_phase(struct progress *progress, const char *name, const char *detail);
/* How long the timeline is. */
void progress_total(struct progress *progress, double duration_s);
/* What the tenants get. */
void progress_tick(struct progress *progress, const struct run_tick *tick);
void progress_event(struct progress *progress, double t_s, const char *text);
void progress_note(struct progress *progress, const char *text);
void progress_warn(struct progress *progress, const char *text);
/* How it ended. */
struct progress_outcome {
	const char *verdict;   /* "pass", "fail", "inconclusive", "broken", "interrupted" or "not run" */
	const char *detail;    /* one line for people; may be "" */
	const char *run;       /* the run's directory; NULL: there is none */
	const char *judgement; /* what judgement_json_line() wrote; NULL: not judged */
	int exit_code;
};
/* In JSON the line of type "result", always the last: verdict, detail, run (or null), findings.  Only free may follow. */
void progress_done(struct progress *progress, const struct progress_outcome *outcome);

/* An observer that feeds this progress; it lives as long as the progress. */
const struct run_observer *progress_observer(struct progress *progress);

/* For tests and demonstrations: what is otherwise found out.  Set right after progress_new(). */
struct progress_look {
	size_t width, height; /* of the terminal; 0: ask */
	bool colour, unicode;
	uint64_t (*now_ns)(void);                 /* NULL: clock_now_ns() */
	void (*utc)(char *ret_text, size_t size); /* NULL: clock_utc_iso() */
};
void progress_set_look(struct progress *progress, const struct progress_look *look);

#endif
