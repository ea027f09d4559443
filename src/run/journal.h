/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The undo journal.  Before anything global is changed, how to undo it is appended to a file and synced; undoing runs
 * backwards, goes on past errors, reports the first, and removes the file when nothing is left to do.  The supervisor
 * replays it when the run is gone; `limitlab clean` when both are.
 *
 * One line per entry, a JSON array: ["kind", "argument", ...].  A last line that was cut off (power loss) was never
 * acted upon, because the change comes after the sync: it is ignored.
 */
#ifndef LIMITLAB_RUN_JOURNAL_H
#define LIMITLAB_RUN_JOURNAL_H

#include <stddef.h>

#include "base/err.h"

struct journal;

/* A new journal STATE/journal/ID.jsonl. */
int journal_create(const char *dir, const char *id, struct journal **ret_journal, struct err *err);
void journal_close(struct journal *journal);
/* argument2 may be NULL.  Unknown kinds are a BUG(): run/undo.h has the table. */
int journal_push(struct journal *journal, const char *kind, const char *argument, const char *argument2,
	struct err *err);
/* Undoes everything, newest first; the file is gone afterwards when all of it worked. */
int journal_undo(struct journal *journal, struct err *err);

/* Replays all journals in a folder (the lock must be held).  report is called once per entry undone, or failed. */
int journal_replay_all(const char *dir, void (*report)(void *context, const char *text), void *context,
	size_t *ret_journals, struct err *err);

#endif
