/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What HTB gives to whom (tc-htb(8); Devera, "HTB Linux queuing discipline manual - user guide", sections 2-5; net/sched/
 * sch_htb.c).  Pure.  All leaves stand below one parent that has its own rate and nobody to borrow from:
 *	1. A leaf sends what it wants up to its own rate, whatever the parent has left (so rates that add up to more than the
 *	   parent's exceed it).
 *	2. What is left of the parent's rate goes to the best (lowest) priority first; a worse one borrows nothing while a better
 *	   one wants more.
 *	3. Inside one priority it is split by quantum among those that want more, max-min.
 *	4. Nobody exceeds its ceil.
 * Rates and demands are of one layer and one unit (bits of link layer per second).  The demand is declared by the scenario;
 * nothing here is taken from what was measured.
 */
#ifndef LIMITLAB_JUDGE_MODEL_HTB_H
#define LIMITLAB_JUDGE_MODEL_HTB_H

#include <stddef.h>

struct htb_claim {
	double rate;    /* guaranteed */
	double ceil;    /* at least the rate; INFINITY: none */
	double demand;  /* INFINITY: as much as it gets; 0: nothing */
	double quantum; /* > 0; only the ratios inside one priority matter */
	unsigned prio;  /* 0 is the best */
};

/*
 * ret_share: count values.  Their sum is at most the greater of parent_rate and the sum of min(rate, demand).
 * link_rate: what the wire under HTB carries; INFINITY where HTB itself is the bottleneck.  Where the wire is slower than what the
 * rules above give, HTB never runs out of tokens and its packets are lost behind it: the model does not say who loses; the
 * result is -1 and nothing is written.
 */
int model_htb(double parent_rate, double link_rate, const struct htb_claim *claims, size_t count,
	double *ret_share);

#endif
