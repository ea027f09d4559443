/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A comparison on the terminal.
 */
#ifndef LIMITLAB_CMD_COMPARE_TABLE_H
#define LIMITLAB_CMD_COMPARE_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "judge/compare.h"

/*
 * Pure.  All expectations, and what changed of the metrics; width: columns of the terminal, 80 at least.  A name that
 * does not fit into its column has a line of its own.
 */
void compare_table(const struct comparison *comparison, const struct compare_group *groups,
	size_t group_count, size_t width, bool colour, struct buf *text);

#endif
