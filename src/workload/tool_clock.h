/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Inside the module: from a tool's own clock to the run's.  A tool reports in the guest when its interval ended; the line
 * is stamped when it arrives here, never too early but at times late (a starved guest, a full queue).  So the interval is
 * placed by the tool's clock, shifted by the smallest delay seen up to now.  That shift may grow by a thousandth of the
 * time that passes, which is more than two clocks drift apart.
 */
#ifndef LIMITLAB_WORKLOAD_TOOL_CLOCK_H
#define LIMITLAB_WORKLOAD_TOOL_CLOCK_H

#include <stdbool.h>

/* Zeroed: before the first interval, which begins at the tool's 0. */
struct tool_clock {
	bool known;
	double shift_s; /* the run's clock minus the tool's */
	double end_s;   /* of the last interval, on the tool's clock */
	double to_s;    /* the same on the run's */
};

/*
 * The interval between the last end and this one, on the run's clock; both ends of successive intervals are in order.
 * False when the tool's clock has not moved: the line repeats what was told.
 */
bool tool_clock_interval(
	struct tool_clock *clock, double arrival_s, double end_s, double *ret_from_s, double *ret_to_s);

#endif
