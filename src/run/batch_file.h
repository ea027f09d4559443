/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Between batch.c and batch_file.c: the file of a batch. */
#ifndef LIMITLAB_RUN_BATCH_FILE_H
#define LIMITLAB_RUN_BATCH_FILE_H

#include "run/batch.h"

int batch_file_write(const struct batch *batch, struct err *err);
/* batch_places.c: what only a batch with places has. */
struct json_t;
void batch_places_copy(struct batch *batch, const struct batch_options *options);
void batch_places_free(struct batch *batch);
void batch_places_pack(const struct batch *batch, struct json_t *file);
/* ERR_INPUT, without the file's name. */
int batch_places_read(struct batch *batch, const struct json_t *file, struct err *err);
/* Adds a run to its scenario's counts, and decides. */
void batch_count(struct batch *batch, const struct batch_run *run);

#endif
