/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Of which hosts something holds: `when: {cgroup: v1, kernel: ">= 6.1, < 6.12"}`, of a scenario or of one expectation.
 * Pure, but for the reader in when.c.
 *
 * A kernel is its release as uname -r says it, of which the leading numbers count.  A comparison looks at as many of them as
 * it has itself: "6.1" and "<= 6.1" hold for 6.1.0-49-cloud-amd64, "> 6.1" does not.  Distributions' releases need not name the
 * stable update (Debian's say 6.1.0 for all of them).  Hybrid hosts keep the controllers on v1, so they count as v1.
 */
#ifndef LIMITLAB_SCENARIO_WHEN_H
#define LIMITLAB_SCENARIO_WHEN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct when {
	const char *cgroup;                 /* "v1" or "v2", static; NULL: any */
	char *kernel;                       /* as written; NULL: any */
	uint64_t kernel_from, kernel_below; /* of kernel_number() */
};

enum when_answer { WHEN_HOLDS, WHEN_NOT, WHEN_UNKNOWN };

void when_release(struct when *when);
bool when_is_given(const struct when *when);
/* "cgroup v1", "cgroup v1 and kernels >= 6.12".  The caller frees. */
char *when_text(const struct when *when);
/*
 * Whether a host is one of them: mode as cgroup_host_mode() says it, release as uname -r.  Else ret_reason, which the caller
 * frees: "it holds for cgroup v1 only, and this host has v2".
 */
enum when_answer when_ask(const struct when *when, const char *mode, const char *release, char **ret_reason);
/* No host can be one of both. */
bool when_exclude(const struct when *a, const struct when *b);
/* Every host that is one of `narrow` is one of `wide`. */
bool when_implies(const struct when *narrow, const struct when *wide);

/* ">= 6.1, < 6.12" into when->kernel; the text is copied.  ERR_INPUT, without a position. */
int when_parse_kernel(struct when *when, const char *text, struct err *err);
/* The first three numbers of "6.1.0-49-cloud-amd64", so that they compare; false: it begins with none. */
bool kernel_number(const char *release, uint64_t *ret_number);

static inline void auto_when(struct when *when)
{
	when_release(when);
}

#endif
