/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A verdict in words: what was expected and by which rule, what was seen, what the likely cause is, what to look at next.
 * Pure: works from what was read from a run directory and from the judgement of it, writes nothing.
 */
#ifndef LIMITLAB_JUDGE_EXPLAIN_H
#define LIMITLAB_JUDGE_EXPLAIN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "judge/hints.h"
#include "judge/judge.h"

#define EXPLAIN_HINTS_MAX  3
#define EXPLAIN_CHECKS_MAX 6

/* A row of the table that fits, and what in this run points to it; "" where the finding's reason says it already. */
struct explain_cause {
	const struct hint *hint;
	char *clue;
};

struct explanation {
	const struct finding *finding;
	char *expected; /* a sentence each, without the full stop */
	char *rule;
	char *seen;
	struct explain_cause causes[EXPLAIN_HINTS_MAX]; /* the likeliest first; none for what passed */
	size_t cause_count;
	char *checks[EXPLAIN_CHECKS_MAX]; /* commands as they stand, for a shell */
	size_t check_count;
};

struct explain {
	struct explanation *items; /* in file order */
	size_t count;
};

/*
 * all: those that passed, too.  run: the run directory, as it shall stand in commands.  Input and judgement must outlive the
 * result.
 */
void explain_make(const struct judge_input *input, const struct judgement *judgement, const char *run,
	bool all, struct explain *ret_explain);
void explain_release(struct explain *explain);

static inline void auto_explain(struct explain *explain)
{
	explain_release(explain);
}

/* For people, in lines of at most 80 columns but for commands. */
void explain_text(const struct explain *explain, const struct judge_input *input,
	const struct judgement *judgement, const char *run, struct buf *text);
/* One line of JSON.  The caller frees. */
char *explain_json_line(const struct explain *explain, const struct judge_input *input,
	const struct judgement *judgement, const char *run);

#endif
