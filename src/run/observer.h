/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who watches a run: the run itself never prints, it calls these.  Each hook may be NULL; the observer too.  All calls
 * come from one thread, the one that runs the timeline; a hook must return within microseconds (no waiting on a terminal
 * that does not drain: cmd/progress.h writes without blocking).
 */
#ifndef LIMITLAB_RUN_OBSERVER_H
#define LIMITLAB_RUN_OBSERVER_H

#include <stddef.h>

/* What the tenants get right now, about once per second of the timeline. */
struct run_tick {
	double t_s, duration_s;
	const char *series; /* the column of series.csv that it is like: "vcpu_pct", "net_class_mbit_per_s" */
	const char *unit;   /* "%", "Mbit/s", "MiB" or "MiB/s" */
	double full;        /* what there is of it for one tenant at most; 0: not known */
	const char *const *names;
	const double *values; /* mean since the last call; NAN where unknown */
	size_t count;
};

struct run_observer {
	/* A new phase begins: "check", "fixtures", "boot", "timeline", "undo", "judge", "figure"; detail may be "". */
	void (*phase)(void *context, const char *name, const char *detail);
	void (*tick)(void *context, const struct run_tick *tick);
	/* An event of the timeline has been carried out. */
	void (*event)(void *context, double t_s, const char *text);
	/* Something that the user should know and that does not end the run. */
	void (*warn)(void *context, const char *text);
	void *context;
};

static inline void run_observe_phase(
	const struct run_observer *observer, const char *name, const char *detail)
{
	if (observer && observer->phase)
		observer->phase(observer->context, name, detail);
}

static inline void run_observe_tick(const struct run_observer *observer, const struct run_tick *tick)
{
	if (observer && observer->tick)
		observer->tick(observer->context, tick);
}

static inline void run_observe_event(const struct run_observer *observer, double t_s, const char *text)
{
	if (observer && observer->event)
		observer->event(observer->context, t_s, text);
}

static inline void run_observe_warn(const struct run_observer *observer, const char *text)
{
	if (observer && observer->warn)
		observer->warn(observer->context, text);
}

#endif
