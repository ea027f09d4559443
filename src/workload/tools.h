/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Inside the module: one ops struct per load generator.
 */
#ifndef LIMITLAB_WORKLOAD_TOOLS_H
#define LIMITLAB_WORKLOAD_TOOLS_H

#include "workload/workload.h"

/* For how long a line "@guest" of the runner stands, which comes every second. */
#define WORK_GUEST_S 1.5

extern const struct workload_ops workload_stress_ng;
extern const struct workload_ops workload_iperf3;
extern const struct workload_ops workload_fio;

#endif
