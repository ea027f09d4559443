/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Between batch.c and batch_file.c: the file of a batch. */
#ifndef LIMITLAB_RUN_BATCH_FILE_H
#define LIMITLAB_RUN_BATCH_FILE_H

#include "run/batch.h"

int batch_file_write(const struct batch *batch, struct err *err);
/* Adds a run to its scenario's counts, and decides. */
void batch_count(struct batch *batch, const struct batch_run *run);

#endif
