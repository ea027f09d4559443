/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "kernels/bisect.h"

#include <stdbool.h>

#include "base/err.h"

const char *bisect_state_name(enum bisect_state state)
{
	switch (state) {
	case BISECT_UNTESTED:
		return "untested";
	case BISECT_GOOD:
		return "good";
	case BISECT_BAD:
		return "bad";
	case BISECT_SKIPPED:
		return "skipped";
	}
	BUG("bisect state %d", (int)state);
}

/* Tests that halving takes until nothing is left of so many. */
static size_t halvings(size_t left)
{
	size_t steps = 0;

	for (; left; left /= 2)
		steps++;
	return steps;
}

struct bisect_answer bisect_next(const enum bisect_state *states, size_t good, size_t bad)
{
	struct bisect_answer answer = {.good = good, .bad = bad};
	size_t length = good < bad ? bad - good : good - bad;
	/* From the good end to the bad one: place k is index good + k, or good - k. */
	const bool forward = good < bad;
	size_t low = 0, high = length, left = 0, best = 0;

	for (int end = 0; end < 2; end++) {
		size_t index = end ? bad : good;
		answer.test = index;
		if (states[index] == BISECT_UNTESTED) {
			answer.kind = BISECT_TEST;
			answer.steps = (end ? 1 : 2) + halvings(length ? length - 1 : 0);
			return answer;
		}
		answer.kind = states[index] == BISECT_SKIPPED ? BISECT_END_OPEN
			      : end                           ? BISECT_NOT_BAD
							      : BISECT_NOT_GOOD;
		if (states[index] != (end ? BISECT_BAD : BISECT_GOOD))
			return answer;
	}
	for (size_t k = 1; k < high; k++) {
		enum bisect_state state = states[forward ? good + k : good - k];
		if (state == BISECT_GOOD)
			low = k;
		else if (state == BISECT_BAD)
			high = k;
	}
	for (size_t k = low + 1; k < high; k++) {
		if (states[forward ? good + k : good - k] != BISECT_UNTESTED)
			continue;
		size_t middle = low + (high - low) / 2;
		size_t from = k < middle ? middle - k : k - middle;
		size_t from_best = best < middle ? middle - best : best - middle;
		if (!left++ || from < from_best)
			best = k;
	}
	answer.good = forward ? good + low : good - low;
	answer.bad = forward ? good + high : good - high;
	answer.test = forward ? good + best : good - best;
	answer.steps = halvings(left);
	answer.kind = left ? BISECT_TEST : high == low + 1 ? BISECT_FOUND : BISECT_RANGE;
	return answer;
}
