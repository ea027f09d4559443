/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Inside src/scenario only: the parts of a plan, each in lines of its own. */
#ifndef LIMITLAB_SCENARIO_PLAN_PARTS_H
#define LIMITLAB_SCENARIO_PLAN_PARTS_H

#include "base/buf.h"
#include "scenario/scenario.h"

void plan_add_seconds(struct buf *out, uint64_t ns);
/* as_said: beside the times, how they were said relative to events. */
void plan_add_expectations(struct buf *out, const struct scenario *scenario, bool as_said);

#endif
