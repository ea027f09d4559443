/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the hidden command `limitlab lab-agent` does, in a lab host: runs the inner limitlab as /run/labhost/job.json says,
 * passes on what it prints and what appears among its results, twice a second, on a virtio-serial port.
 */
#ifndef LIMITLAB_LABHOST_AGENT_H
#define LIMITLAB_LABHOST_AGENT_H

#include "base/err.h"

/* Does not return once the inner limitlab has run: the host ends the machine. */
int labhost_agent(struct err *err);

#endif
