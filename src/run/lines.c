/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "run/lines.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/fsio.h"

#define LINE_MAX_BYTES 8192

static void add_line(struct lines *lines, uint64_t at_ns, const char *text, size_t length)
{
	while (length && (text[length - 1] == '\r' || text[length - 1] == '\n'))
		length--;
	lines->items = xgrow(lines->items, lines->count, &lines->capacity, sizeof(*lines->items));
	lines->items[lines->count++] = (struct line){.at_ns = at_ns, .text = xstrndup(text, length)};
}

void lines_take(struct lines *lines, uint64_t at_ns, const char *data, size_t length)
{
	struct buf *partial = &lines->partial;
	size_t begin = 0;

	buf_add(partial, data, length);
	for (size_t i = 0; i < partial->length; i++) {
		if (partial->data[i] != '\n' && i - begin < LINE_MAX_BYTES)
			continue;
		add_line(lines, at_ns, partial->data + begin, i - begin + 1);
		begin = i + 1;
	}
	if (begin)
		buf_consume(partial, begin);
}

int lines_write(const struct lines *lines, uint64_t zero_ns, const char *path, struct err *err)
{
	struct outfile out;

	if (outfile_open(&out, path, err))
		return -1;
	for (size_t i = 0; i < lines->count; i++)
		(void)fprintf(out.stream, "%.6f\t%s\n",
			((double)lines->items[i].at_ns - (double)zero_ns) / 1e9, lines->items[i].text);
	return outfile_commit(&out, err);
}

void lines_release(struct lines *lines)
{
	for (size_t i = 0; i < lines->count; i++)
		free(lines->items[i].text);
	free(lines->items);
	buf_release(&lines->partial);
	*lines = (struct lines){.partial = BUF_INIT};
}
