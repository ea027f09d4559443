/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a scarce resource does in the life of a run: one const struct per resource in one file (with_cpu.c, with_link.c, ...),
 * one line in the array.  At most one resource is scarce in a scenario, so a run has at most one of these.
 */
#ifndef LIMITLAB_RUN_FIXTURE_H
#define LIMITLAB_RUN_FIXTURE_H

#include <stdbool.h>

#include "base/err.h"
#include "run/inner.h"
#include "run/run.h"
#include "sample/sampler.h"

struct run_fixture {
	/* Mandatory. */
	enum resource resource;
	bool (*declared)(const struct scenario *scenario);

	/*
	 * Optional, in the order in which a run comes to them.  In the supervisor, which is the caller's own process: it may hold no
	 * threads and no libvirt.
	 */
	/* Can this host have it?  ERR_HOST with the numbers and a remedy; nothing is changed.  May fill the plan. */
	int (*check)(const struct scenario *scenario, const struct run_options *options,
		struct run_plan *plan, struct err *err);
	/* Pushes the undo of everything global that make() and hold() will do. */
	int (*journal)(const struct run_plan *plan, struct journal *journal, struct err *err);

	/* In the sandbox; without a note: in the loop's thread.  inner->fixture_state is the fixture's own. */
	/* Before libvirt is opened. */
	int (*make)(struct inner *inner, struct err *err);
	/* In the member's worker, before its VM starts: what the domain and its workload's command get.  Texts that it puts there
	 * live as long as the run. */
	int (*shape)(
		struct member *member, struct vm_spec *spec, struct workload_place *place, struct err *err);
	/* In the member's worker, at the barrier: the vCPUs are pinned, the initial limits are not set yet. */
	int (*attach)(struct member *member, struct err *err);
	/* At the barrier, after all members and before their initial limits: what is shared by them. */
	int (*start)(struct inner *inner, struct err *err);
	/* What the sampler shall look at; tenants has inner->member_count elements, filled with name, pid and group. */
	void (*sample)(struct inner *inner, struct sampler_options *options, struct sampler_tenant *tenants);
	/* In a worker of the fixture's own: the events scarce (on) and plenty. */
	int (*hold)(struct inner *inner, bool on, struct err *err);
	/* Likewise: the event add. */
	int (*add)(struct inner *inner, struct err *err);
	/* About ten times a second while the timeline runs: is it still what it should be?  Must not block. */
	int (*watch)(struct inner *inner, struct err *err);
	/* After the timeline: what it measured itself, for the manifest and log/. */
	int (*record)(struct inner *inner, struct err *err);
	/* At the end, when no VM of ours runs any more.  Also after a make() that failed half-way. */
	void (*unmake)(struct inner *inner);
};

extern const struct run_fixture run_fixture_cpu;
extern const struct run_fixture run_fixture_link;
extern const struct run_fixture run_fixture_memory;
extern const struct run_fixture run_fixture_disk;

/* The one that the scenario declares; NULL: nothing is scarce. */
const struct run_fixture *run_fixture_of(const struct scenario *scenario);

#endif
