/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The table of hints: symptom, cause, remedy, source.  A symptom is matched on what the finding says and on the scenario, the
 * manifest, the log of events and the samples.
 */
#ifndef LIMITLAB_JUDGE_HINTS_H
#define LIMITLAB_JUDGE_HINTS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "judge/judge.h"

#define HINT_SAYS_MAX   4
#define HINT_CHECKS_MAX 3

struct clues {
	const struct judge_input *input;
	const struct finding *finding; /* one that did not pass */
	double from_s, to_s;           /* its window; with settles from the event on */
	unsigned subject; /* the tenant that the commands are about; a match may choose another one */
};

struct hint {
	const char *id; /* "htb-raw": for programs */
	/* The symptom.  What is given must all hold; at least one of the two. */
	const char *says
		[HINT_SAYS_MAX]; /* parts of the finding's reason, any of them; first NULL: whatever it is */
	bool (*seen)(struct clues *clues,
		struct buf *clue); /* NULL: what it says is enough; adds the numbers to the clue */
	bool alone;                /* what it says spoils the whole run: no other hint counts */
	const char *symptom;       /* in one line */
	const char *cause, *remedy;
	const char *
		source; /* kernel document, source file, man page, or what we measured and where it is told */
	/* With {run}, {scenario} (the run's copy) and {tenant}. */
	const char *checks[HINT_CHECKS_MAX];
};

/* The most particular first; ends with a row whose id is NULL. */
extern const struct hint hint_table[];

bool hint_matches(const struct hint *hint, struct clues *clues, struct buf *clue);
/* The value that a limit had at a time, by the log; before anything was set, as the scenario says. */
uint64_t clues_value(const struct judge_input *input, unsigned tenant, enum limit_id limit, double t_s);

#endif
