/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What runs of one kind say of themselves, for the terminal and for machines.  Pure.
 */
#ifndef LIMITLAB_CMD_COMPARE_SELF_H
#define LIMITLAB_CMD_COMPARE_SELF_H

#include "base/buf.h"
#include "judge/compare_self.h"

void compare_self_table(const struct compare_self *self, struct buf *text);
/* One line.  The caller frees. */
char *compare_self_json(const struct compare_self *self);

#endif
