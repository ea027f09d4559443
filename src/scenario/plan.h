/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The plan of a scenario as text: what `limitlab check` prints.  Pure.
 */
#ifndef LIMITLAB_SCENARIO_PLAN_H
#define LIMITLAB_SCENARIO_PLAN_H

#include <stdint.h>

#include "scenario/scenario.h"

/*
 * About how long the tenants boot and the run takes to clean up, before and after the timeline.  From three tenants that
 * booted together under TCG in 8.2 s on two cores; KVM is faster, a busy host slower.
 */
uint64_t plan_boot_estimate_ns(const struct scenario *scenario);
/* What the whole run will take: boot estimate and timeline. */
uint64_t plan_duration_ns(const struct scenario *scenario);

/* What is said of a scenario that makes memory scarce, wherever it is listed. */
#define PLAN_HOST_SCARCITY "makes the whole host short of memory; runs only with --allow-host-scarcity"
/* The same for one whose disk is a real device. */
#define PLAN_DEVICE "overwrites the device %s; runs only with --use-device %s"

/* Tenants, fixtures, events, expectations, duration.  The caller frees. */
char *plan_format(const struct scenario *scenario);
/*
 * The same without what changes no run: title and explanation, names of events, and whether times are said by them.  Two
 * scenarios of which it is the same can be compared.  The caller frees.
 */
char *plan_essence(const struct scenario *scenario);

#endif
