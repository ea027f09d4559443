/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * "within: model": a tolerance that is derived, not said.  What the kernel promises is of the long run; in a window of n samples it
 * is off by what one turn more or less makes at either end, and by what was missing of the capacity for everybody.  Pure.
 *
 * Terms, each with its words and its number in the finding's derivation; they add up:
 *	cpu	a turn of the vCPUs that share a CPU, each for a tick of the kernel of at most 10 ms (CONFIG_HZ >= 100;
 *		kernel/sched/fair.c preempts at ticks), at both ends; of each tenant under a quota one quota at both ends, for the window
 *		may begin just before or after it is used up (Documentation/scheduler/sched-bwc.rst), and what QEMU's own
 *		threads took of it, which the vCPUs' time does not have and the others get.
 *	net	a turn of HTB at both ends: a quantum and one GSO frame of 64 KiB (net/sched/sch_htb.c, htb_dequeue_tree()).
 *	disk	a round of BFQ at both ends: of each tenant a budget of 10 ms of the disk's rate (fixture/disk.h); under a throttle
 *		one slice of 100 ms of it at both ends (block/blk-throttle.c, DFL_THROTL_SLICE).
 *	memory	pages that each CPU may have charged ahead (mm/memcontrol.c, MEMCG_CHARGE_BATCH, 64), and one huge page of 2 MiB.
 *	cpu, net, disk	where the model divides all of the capacity: the tenant's part of what all tenants together got less or more; the
 *		evidence lets that be 5 % at most, and so does this.
 */
#ifndef LIMITLAB_JUDGE_RESOLUTION_H
#define LIMITLAB_JUDGE_RESOLUTION_H

#include "judge/internal.h"

/* share, level, ratio; expected and measured are there.  Sets tolerance and derivation. */
void resolution_of_mean(
	const struct judge_context *context, double from_s, double to_s, struct finding *finding);
/* unchanged: of two windows. */
void resolution_of_change(const struct judge_context *context, double before_s, double start_s, double from_s,
	double to_s, struct finding *finding);

#endif
