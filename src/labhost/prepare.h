/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a lab host is started with: checked before anything long starts. */
#ifndef LIMITLAB_LABHOST_PREPARE_H
#define LIMITLAB_LABHOST_PREPARE_H

#include "labhost/labhost.h"

struct labhost_parts {
	char *root, *tenants; /* paths of disks */
	char *learned;        /* folder with what is known; need not be there */
	char *learning;       /* where this lab host's news are gathered */
	struct accel accel;
	int payload_fd, scratch_fd; /* unlinked files */
};

int labhost_parts_make(const struct labhost_config *config, const struct labhost_job *job,
	struct labhost_parts *ret_parts, struct err *err);
void labhost_parts_release(struct labhost_parts *parts);

#endif
