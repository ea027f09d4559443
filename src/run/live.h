/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the user sees of the tenants while the timeline runs, from the samples of the last second.
 */
#ifndef LIMITLAB_RUN_LIVE_H
#define LIMITLAB_RUN_LIVE_H

#include "run/inner.h"

struct live_measure;

struct live {
	const struct live_measure *measure;
	double t_s; /* of the last time that something was shown */
	double total[SCENARIO_MAX_TENANTS];
};

void live_init(struct live *live, const struct inner *inner);
/* After a tick: once a second of the samples' time it sends what the tenants had since the last time. */
void live_show(struct live *live, struct inner *inner);

#endif
