/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Inside the applier: pieces of the memory limits that are tested by themselves.
 */
#ifndef LIMITLAB_APPLIER_MEMORY_H
#define LIMITLAB_APPLIER_MEMORY_H

#include <stdint.h>

#include "base/err.h"

struct limit_hook;

/* Pure: what the kernel makes of a limit.  LIMIT_UNLIMITED stays. */
uint64_t memory_round_to_pages(uint64_t bytes);

/* Writes a limit into a file of v2: a number, or "max" for LIMIT_UNLIMITED. */
int memory_write(const char *path, uint64_t bytes, struct err *err);

/*
 * Tries until it works, fails with anything but ERR_SYS and EBUSY, or the time is over; at least once.  ret_attempts is filled
 * in any case.
 */
int memory_try_until(int (*attempt)(void *context, struct err *err), void *context, uint64_t patience_ms,
	unsigned *ret_attempts, struct err *err);

/*
 * Writes memory.low of a group, and makes the groups above it pass it on: a group is protected by no more than what each
 * group above it protects (cgroup-v2.rst, "memory.low").  Each of those gets at least the sum of what its children ask for; it is
 * lowered again only where it held exactly that sum before, so that a value of somebody else stays.  Any thread.
 * hook (may be NULL) is told before each of those changes.
 */
int memory_protect_write(const char *group, uint64_t bytes, const struct limit_hook *hook, struct err *err);

#endif
