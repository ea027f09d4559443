/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What runs of one kind say of themselves, for the terminal and for machines.  Pure.
 */
#ifndef LIMITLAB_CMD_COMPARE_SELF_H
#define LIMITLAB_CMD_COMPARE_SELF_H

#include "base/buf.h"
#include "judge/compare_self.h"

/* "0 of 3 comparisons of disjoint runs, ...": one line. */
void compare_self_rate(size_t trials, size_t alarms, size_t size, struct buf *text);
void compare_self_table(const struct compare_self *self, struct buf *text);
/* One line.  The caller frees. */
char *compare_self_json(const struct compare_self *self);

#endif
