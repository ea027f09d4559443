/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/zoneinfo.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

uint64_t zoneinfo_pcp_bytes(const char *text)
{
	/* "              count:    1087" of every CPU in every zone. */
	static const char key[] = " count:";
	uint64_t pages = 0;

	for (const char *at = text; (at = strstr(at, key)) != NULL;) {
		at += strlen(key);
		pages += strtoull(at, NULL, 10);
	}
	return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}
