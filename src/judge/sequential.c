/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "judge/sequential.h"

#include <math.h>

enum decision sequential_decide(size_t passes, size_t fails)
{
	double fail_step = log(SEQUENTIAL_BROKEN_FAILS / SEQUENTIAL_HOLDS_FAILS);
	double pass_step = log((1 - SEQUENTIAL_BROKEN_FAILS) / (1 - SEQUENTIAL_HOLDS_FAILS));
	double bound = log((1 - SEQUENTIAL_ERROR) / SEQUENTIAL_ERROR);
	double ratio = (double)fails * fail_step + (double)passes * pass_step;

	if (ratio >= bound)
		return DECISION_BROKEN;
	return ratio <= -bound ? DECISION_HOLDS : DECISION_OPEN;
}

size_t sequential_least_passes(void)
{
	size_t passes = 1;

	while (sequential_decide(passes, 0) == DECISION_OPEN)
		passes++;
	return passes;
}
