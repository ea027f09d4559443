/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Free pages on the lists of the CPUs ("pcp"): NR_FREE_PAGES, so MemFree and MemAvailable of /proc/meminfo, leaves them out, and since
 * Linux 6.7 they may grow to an eighth of a zone (mm/page_alloc.c: nr_pcp_high()).  Whoever is short of memory gets them first.
 */
#ifndef LIMITLAB_BASE_ZONEINFO_H
#define LIMITLAB_BASE_ZONEINFO_H

#include <stdint.h>

/* Bytes, from the text of /proc/zoneinfo; 0 where it knows none. */
uint64_t zoneinfo_pcp_bytes(const char *text);

#endif
