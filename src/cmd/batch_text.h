/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a batch came to, for people and for machines.  Pure.
 */
#ifndef LIMITLAB_CMD_BATCH_TEXT_H
#define LIMITLAB_CMD_BATCH_TEXT_H

#include "base/buf.h"
#include "run/batch.h"

/* One line per scenario, below it each expectation whose runs did not all pass; last the path of the batch's file. */
void batch_table(const struct batch *batch, struct buf *text);
/* One JSON object of type "batch" in one line. */
void batch_json_line(const struct batch *batch, struct buf *text);

#endif
