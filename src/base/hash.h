/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A hash that is the same everywhere and for ever. */
#ifndef LIMITLAB_BASE_HASH_H
#define LIMITLAB_BASE_HASH_H

#include <stdint.h>

/* FNV-1a, 64 bits (draft-eastlake-fnv). */
static inline uint64_t hash_text(const char *text)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	for (const unsigned char *p = (const unsigned char *)text; *p; p++)
		hash = (hash ^ *p) * UINT64_C(0x100000001b3);
	return hash;
}

#endif
