/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a timeline changes and when: tenants that start and stop, limits that get other values.  Pure.
 */
#ifndef LIMITLAB_JUDGE_CHANGES_H
#define LIMITLAB_JUDGE_CHANGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "scenario/scenario.h"
#include "series/rundir.h"

struct change {
	double t_s;
	size_t order; /* keeps the sort stable */
	unsigned tenant;
	enum { CHANGE_START, CHANGE_STOP, CHANGE_VALUE } kind;
	enum limit_id limit;
	uint64_t value;
};

struct changes {
	struct change *items; /* by time */
	size_t count, capacity;
};

/*
 * With a log: from the times at which limits were read back, and only values that were confirmed; without (NULL): from the
 * declared timeline.  ERR_RUN: a value that was asked for was not confirmed, or the log lacks an event of the timeline.
 */
int changes_load(const struct scenario *scenario, const struct event_log *log, struct changes *ret_changes,
	struct err *err);
void changes_release(struct changes *changes);

/*
 * What a limit is before anything on the timeline changes it: what the scenario says of the tenant, else the default of the
 * kernel (cpu: 1024 shares, no quota; disk: a weight of 100, bfq's) or of the link's classes (applier/net.h).
 */
uint64_t changes_initial(const struct scenario *scenario, unsigned tenant, enum limit_id limit);
/* What it is at a time, by the values that were read back up to then. */
uint64_t changes_value(const struct scenario *scenario, const struct event_log *log, unsigned tenant,
	enum limit_id limit, double t_s);
/* The record is of an event that the timeline has at this time. */
bool changes_is_at(const struct event_record *record, uint64_t at_ns);
/* Scarcity that begins or ends: of the host, not of a tenant. */
bool changes_is_of_host(const struct event_record *record);
/* When the tenant died in a run that may go on without it; INFINITY: it did not. */
double changes_death_s(const struct scenario *scenario, const struct event_log *log, unsigned tenant);

static inline void auto_changes(struct changes *changes)
{
	changes_release(changes);
}

#endif
