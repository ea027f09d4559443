/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A folder of figures from many runs, with a page that shows them.
 */
#ifndef LIMITLAB_CMD_PAGE_H
#define LIMITLAB_CMD_PAGE_H

#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"

struct results;

struct page {
	const char *folder;
	unsigned formats; /* plot/plot.h */
	struct buf body;
	char **names; /* of the figures that are there: a second run of a scenario gets the number 2 */
	size_t count, capacity;
};

/* Copies figure.svg, ... of a run that has been drawn to NAME.svg, ... in the folder, which is made when it is missing. */
int page_add(struct page *page, const struct results *results, struct err *err);
/* Writes index.html. */
int page_write(const struct page *page, struct err *err);
void page_release(struct page *page);

static inline void auto_page(struct page *page)
{
	page_release(page);
}

#endif
