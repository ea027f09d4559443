/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Sets of CPUs, spelled as the kernel spells them: "0-2,5" (cpuset(7), "List format").
 */
#ifndef LIMITLAB_BASE_CPULIST_H
#define LIMITLAB_BASE_CPULIST_H

#include <sched.h>
#include <stdbool.h>

#include "base/err.h"

int cpulist_parse(const char *text, cpu_set_t *ret_set, struct err *err);
/* The caller frees; "" for the empty set. */
char *cpulist_format(const cpu_set_t *set);
/* The CPUs that this process may run on (sched_getaffinity(2)). */
int cpulist_allowed(cpu_set_t *ret_set, struct err *err);

#endif
