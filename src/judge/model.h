/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a resource should give to whom.  All pure.
 *
 * The weighted max-min share: u_i = min(demand_i, C * w_i / sum of w), leftovers redistributed among those that want
 * more, until nothing is left or nobody wants (Bertsekas and Gallager, Data Networks, 6.5.2; the kernel's CFS and EEVDF
 * approximate it for cpu.shares).  Demand comes from the scenario, capacity from the fixture, weights and caps from the
 * requested values confirmed by read-back; never from measured usage, or the model would fit anything.
 */
#ifndef LIMITLAB_JUDGE_MODEL_H
#define LIMITLAB_JUDGE_MODEL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "scenario/scenario.h"
#include "series/rundir.h"

struct model_claim {
	double weight; /* > 0 */
	double demand; /* in the unit of the capacity; 0: wants nothing */
	double cap;    /* hard limit in the same unit; INFINITY: none */
};

/* ret_share: count values, in the unit of capacity.  Their sum is at most capacity. */
void model_max_min(double capacity, const struct model_claim *claims, size_t count, double *ret_share);

/* What should hold from one change to the next. */
struct model_step {
	double from_s, to_s;
	double share[SCENARIO_MAX_TENANTS];  /* fraction of the capacity, per tenant; NAN: no model says */
	double weight[SCENARIO_MAX_TENANTS]; /* cpu.shares, net.quantum, disk.weight */
	double wanted
		[SCENARIO_MAX_TENANTS]; /* what it could use if it were alone: demand under its cap; same fraction */
	bool active[SCENARIO_MAX_TENANTS];
};

struct model {
	struct model_step *steps; /* consecutive, from 0 to the end of the timeline */
	size_t step_count;
	enum resource resource; /* the scarce one; RESOURCE_COUNT: none is */
	double capacity; /* scarce CPUs, bits of link layer per second, bytes per second; NAN: not declared */
	bool says_shares; /* false: every share is NAN (memory, nothing scarce) */
};

/*
 * The expected shares of what is scarce over the whole timeline.  With a log of events: from the times at which limits were
 * read back and only values that were confirmed; without (NULL): from the declared timeline, as `check` shows it.
 *	cpu	weighted max-min of cpu.shares.  A quota holds for the whole VM, the emulator's time included, so the cap is an upper
 *		bound of the vCPUs' time.
 *	net	model_htb.h, the link being the class that all share.  This is what HTB should give by its rule; a priority that the
 *		plain kernel call changes under load ("raw", applier/net.h) does not take effect, so a share that is judged against
 *		the model afterwards fails.
 *	disk	weighted max-min of disk.weight under bfq; under another scheduler nothing is known.  A throttle caps the tenant, which
 *		is taken to read or to write, not both; with a throttle of requests nothing is known.
 *	memory	none.
 * ERR_RUN: a value that was asked for was not confirmed, or the log lacks an event of the timeline.
 * ERR_INPUT: the model does not apply: a tenant's CPUs are partly inside and partly outside of the scarce ones.
 */
int model_make(const struct scenario *scenario, const struct event_log *log, struct model *ret_model,
	struct err *err);
void model_release(struct model *model);
/* Time-weighted mean share of a tenant over a window. */
double model_mean(const struct model *model, unsigned tenant, double from_s, double to_s);

#endif
