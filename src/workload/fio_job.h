/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Inside the module: what a fio job file (fio(1), "Job file format") may say.  Which disk it works on, how long, and how it
 * reports is limitlab's: one or several jobs side by side on the tenant's part of the scarce disk, O_DIRECT, endless.
 *
 * A job with ioengine=mmap loads the guest's memory instead: it reads and writes a file that lives there (tmpfs), mapped.
 */
#ifndef LIMITLAB_WORKLOAD_FIO_JOB_H
#define LIMITLAB_WORKLOAD_FIO_JOB_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

/* 0: not known yet. */
struct fio_bounds {
	uint64_t disk_bytes;   /* which no job may leave */
	uint64_t memory_bytes; /* of the guest, in which jobs of the memory must fit */
};

/* What its jobs load: the guest's memory, or directions of its disk. */
struct fio_use {
	bool in_memory, reads, writes;
};

/* ERR_INPUT, "FILE:LINE: ...". */
int fio_job_check(const char *path, const char *text, const struct fio_bounds *bounds,
	struct fio_use *ret_use, struct err *err);

#endif
