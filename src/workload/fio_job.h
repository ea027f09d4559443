/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Inside the module: what a fio job file (fio(1), "Job file format") may say.  Which disk it works on, how long, and how it
 * reports is limitlab's: one or several jobs side by side on the tenant's part of the scarce disk, O_DIRECT, endless.
 */
#ifndef LIMITLAB_WORKLOAD_FIO_JOB_H
#define LIMITLAB_WORKLOAD_FIO_JOB_H

#include <stdint.h>

#include "base/err.h"

/* disk_bytes: size of the disk, which no job may leave; 0: not known yet.  ERR_INPUT, "FILE:LINE: ...". */
int fio_job_check(const char *path, const char *text, uint64_t disk_bytes, struct err *err);

#endif
