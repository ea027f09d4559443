/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Findings as a table for the terminal.
 */
#ifndef LIMITLAB_CMD_FINDINGS_H
#define LIMITLAB_CMD_FINDINGS_H

#include "base/buf.h"
#include "judge/judge.h"

/* Pure: one line per expectation, the reason below each that did not pass. */
void findings_table(const struct judgement *judgement, struct buf *text);

#endif
