/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "workload/tool_clock.h"

#include <math.h>

#define DRIFT 1e-3

bool tool_clock_interval(
	struct tool_clock *clock, double arrival_s, double end_s, double *ret_from_s, double *ret_to_s)
{
	double length_s = end_s - clock->end_s, shift_s = arrival_s - end_s;

	if (!(length_s > 0))
		return false;
	if (clock->known)
		shift_s = fmin(shift_s, clock->shift_s + length_s * DRIFT);
	double to_s = end_s + shift_s, from_s = to_s - length_s;
	if (clock->known) {
		/* The first lines came late, and by more than this interval's length: it overlaps theirs. */
		to_s = fmax(to_s, clock->to_s);
		from_s = to_s > clock->to_s ? clock->to_s : to_s - length_s;
	}
	*clock = (struct tool_clock){.known = true, .shift_s = shift_s, .end_s = end_s, .to_s = to_s};
	*ret_from_s = from_s;
	*ret_to_s = to_s;
	return true;
}
