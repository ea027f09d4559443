/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which of an ordered list is the first bad one, as git bisect finds it: first the two ends are what they are said to be, then
 * always the middle of what is left; what cannot be told is skipped.  Pure.
 */
#ifndef LIMITLAB_KERNELS_BISECT_H
#define LIMITLAB_KERNELS_BISECT_H

#include <stddef.h>

enum bisect_state { BISECT_UNTESTED, BISECT_GOOD, BISECT_BAD, BISECT_SKIPPED };
const char *bisect_state_name(enum bisect_state state);

enum bisect_kind {
	BISECT_TEST,     /* answer.test is next */
	BISECT_FOUND,    /* answer.bad is the first bad one, answer.good stands right before it */
	BISECT_RANGE,    /* all between answer.good and answer.bad were skipped: one of them, or answer.bad */
	BISECT_NOT_GOOD, /* the end that should be good is bad */
	BISECT_NOT_BAD,  /* the end that should be bad is good */
	BISECT_END_OPEN, /* of answer.test, one of the ends, it cannot be told */
};

struct bisect_answer {
	enum bisect_kind kind;
	size_t test, good, bad;
	size_t steps; /* BISECT_TEST: at most so many tests are left, this one included, but for skipped ones */
};

/* good and bad: indices of the ends, in either order; what lies outside of them does not count. */
struct bisect_answer bisect_next(const enum bisect_state *states, size_t good, size_t bad);

#endif
