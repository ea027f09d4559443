/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The lines that somebody prints, each with the time at which it came: a tenant's stream, a server at the far end of the link.
 */
#ifndef LIMITLAB_RUN_LINES_H
#define LIMITLAB_RUN_LINES_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

struct line {
	uint64_t at_ns; /* CLOCK_MONOTONIC */
	char *text;     /* without its end */
};

struct lines {
	struct buf partial; /* a line that has not ended yet */
	struct line *items;
	size_t count, capacity;
};

/* Cuts what came at one time into lines and keeps them.  One of more than 8 KiB becomes two. */
void lines_take(struct lines *lines, uint64_t at_ns, const char *data, size_t length);
/* "SECONDS<TAB>LINE" each, seconds since zero_ns. */
int lines_write(const struct lines *lines, uint64_t zero_ns, const char *path, struct err *err);
void lines_release(struct lines *lines);

#endif
