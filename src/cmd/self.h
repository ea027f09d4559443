/* SPDX-License-Identifier: GPL-3.0-or-later */
/* limitlab compare --self: of runs that there are, or of scenarios, which it runs itself. */
#ifndef LIMITLAB_CMD_SELF_H
#define LIMITLAB_CMD_SELF_H

#include "base/err.h"
#include "judge/compare.h"

struct options;

/* The exit code; -1: err says why. */
int compare_self_runs(const struct options *options, const struct compare_options *how, struct err *err);

#endif
