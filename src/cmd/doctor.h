/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What this host has and lacks.  A check is one row in a table: a probe that changes nothing, what it is needed for,
 * and the exact remedy.
 */
#ifndef LIMITLAB_CMD_DOCTOR_H
#define LIMITLAB_CMD_DOCTOR_H

#include "base/err.h"

enum doctor_state {
	DOCTOR_OK,
	DOCTOR_NOTE,    /* good enough, or only needed by some scenarios */
	DOCTOR_MISSING, /* no run without it: exit code 4 */
};

struct doctor_finding {
	enum doctor_state state;
	char detail[512]; /* what was found */
	char remedy[512]; /* "": nothing to do, or the row's remedy */
};

struct doctor_check {
	const char *name;
	const char *meaning; /* what it is needed for */
	void (*probe)(struct doctor_finding *finding);
	/* Debian and Fedora packages that mend it; NULL: see remedy. */
	const char *deb, *rpm;
	const char *remedy; /* shown when the probe names none and there is no package; may be NULL */
};

/* Ends with a row whose name is NULL. */
extern const struct doctor_check doctor_checks[];

/* Runs one check and fills in the remedy. */
void doctor_run(const struct doctor_check *check, struct doctor_finding *ret_finding);
const char *doctor_state_name(enum doctor_state state);

#endif
