/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cmd/doctor_probes.h"

#include "base/auto.h"
#include "labhost/labhost.h"

void doctor_probe_lab_host(struct doctor_finding *finding)
{
	AUTO(free_ptr) char *dir = labhost_dir();
	const struct labhost_place place = {.dir = dir};
	struct err err = ERR_INIT;

	if (labhost_host_check(&place, 0, ACCEL_KVM, &err) == 0)
		doctor_found(
			finding, DOCTOR_OK, "memory and disk for an outer VM of %d MiB", LABHOST_MEMORY_MIB);
	else
		doctor_found_err(finding, &err);
}
