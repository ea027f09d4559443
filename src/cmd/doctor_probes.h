/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Probes of the doctor that have a file of their own.
 */
#ifndef LIMITLAB_CMD_DOCTOR_PROBES_H
#define LIMITLAB_CMD_DOCTOR_PROBES_H

#include "cmd/doctor.h"

/* What a probe has found. */
__attribute__((format(printf, 3, 4))) void doctor_found(
	struct doctor_finding *finding, enum doctor_state state, const char *format, ...);
/* The same from an error, with its remedy: only some scenarios need it. */
void doctor_found_err(struct doctor_finding *finding, const struct err *err);

/* doctor_memory.c: which limits of memory mean what on this host, and whether memory can be made scarce. */
void doctor_probe_memory_limits(struct doctor_finding *finding);
void doctor_probe_scarcity(struct doctor_finding *finding);
/* doctor_lab_host.c: whether this host can carry an outer VM. */
void doctor_probe_lab_host(struct doctor_finding *finding);

#endif
