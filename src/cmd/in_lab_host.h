/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * `limitlab run --in-lab-host`: the same command again, in an outer VM.
 */
#ifndef LIMITLAB_CMD_IN_LAB_HOST_H
#define LIMITLAB_CMD_IN_LAB_HOST_H

#include "cmd/options.h"

/* Returns the exit code. */
int run_in_lab_host(const struct options *options);

#endif
