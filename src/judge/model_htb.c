/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "judge/model_htb.h"

#include <math.h>
#include <stdbool.h>

#include "base/auto.h"
#include "base/buf.h"
#include "judge/model.h"

static double wanted(const struct htb_claim *claim)
{
	return fmin(claim->demand, claim->ceil);
}

/* The best priority worse than `after` (-1: any) among those that want more than they have; -1: nobody. */
static long next_prio(const struct htb_claim *claims, size_t count, const double *share, long after)
{
	long best = -1;

	for (size_t i = 0; i < count; i++) {
		long prio = (long)claims[i].prio;
		if (prio > after && wanted(&claims[i]) > share[i] && (best < 0 || prio < best))
			best = prio;
	}
	return best;
}

int model_htb(
	double parent_rate, double link_rate, const struct htb_claim *claims, size_t count, double *ret_share)
{
	AUTO(free_ptr) double *share = xcalloc(count + 1, sizeof(*share));
	AUTO(free_ptr) double *extra = xcalloc(count + 1, sizeof(*extra));
	AUTO(free_ptr) struct model_claim *borrowers = xcalloc(count + 1, sizeof(*borrowers));
	double left = parent_rate, sum = 0;

	for (size_t i = 0; i < count; i++) {
		share[i] = fmin(wanted(&claims[i]), claims[i].rate);
		left -= share[i];
	}
	for (long prio = next_prio(claims, count, share, -1); prio >= 0 && left > 0;
		prio = next_prio(claims, count, share, prio)) {
		for (size_t i = 0; i < count; i++) {
			bool borrows = (long)claims[i].prio == prio;
			borrowers[i] = (struct model_claim){
				.weight = claims[i].quantum,
				.demand = borrows ? wanted(&claims[i]) - share[i] : 0,
				.cap = (double)INFINITY,
			};
		}
		model_max_min(left, borrowers, count, extra);
		for (size_t i = 0; i < count; i++) {
			share[i] += extra[i];
			left -= extra[i];
		}
	}
	for (size_t i = 0; i < count; i++)
		sum += share[i];
	/* One part in a million: sums of fractions. */
	if (sum > link_rate * (1 + 1e-6))
		return -1;
	for (size_t i = 0; i < count; i++)
		ret_share[i] = share[i];
	return 0;
}
