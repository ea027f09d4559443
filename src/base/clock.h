/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One clock for everything that is recorded: CLOCK_MONOTONIC in nanoseconds.  Wall time is for names and manifests.
 */
#ifndef LIMITLAB_BASE_CLOCK_H
#define LIMITLAB_BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>

#define NS_PER_S  UINT64_C(1000000000)
#define NS_PER_MS UINT64_C(1000000)
#define NS_PER_US UINT64_C(1000)

/* Nanoseconds of CLOCK_MONOTONIC. */
uint64_t clock_now_ns(void);
/* Sleeps to an absolute time of CLOCK_MONOTONIC; a time in the past returns at once.  Goes on after signals. */
void clock_sleep_until_ns(uint64_t deadline_ns);
/* "2026-11-23T00:05:12Z"; size must be at least 21. */
void clock_utc_iso(char *ret_text, size_t size);
/* "20261123T000512Z", fit for a file name; size must be at least 17. */
void clock_utc_compact(char *ret_text, size_t size);
/* CPU time of this process with all its threads (CLOCK_PROCESS_CPUTIME_ID), in nanoseconds. */
uint64_t clock_process_cpu_ns(void);

#endif
