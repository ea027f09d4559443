/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A scenario with everything it names, checked before anything boots.
 */
#ifndef LIMITLAB_CMD_LOAD_H
#define LIMITLAB_CMD_LOAD_H

#include "base/err.h"
#include "scenario/scenario.h"

/* scenario_load(), then the text of each workload file and the figure's script.  ERR_INPUT. */
int load_scenario(const char *path, struct scenario **ret_scenario, struct err *err);

#endif
