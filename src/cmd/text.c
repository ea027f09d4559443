/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cmd/text.h"

#include <stdbool.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

/* One character: its bytes (at least 1) and its columns; bad ones are one byte and one column. */
static size_t next(const char *at, size_t left, int *ret_columns, bool *ret_good)
{
	wchar_t wide;
	mbstate_t state = {0};
	size_t bytes = mbrtowc(&wide, at, left, &state);

	*ret_good = bytes != (size_t)-1 && bytes != (size_t)-2 && bytes != 0;
	int columns = *ret_good ? wcwidth(wide) : -1;
	if (columns < 0) {
		*ret_columns = 1;
		if (*ret_good) { /* a control character */
			*ret_good = false;
			return bytes;
		}
		return 1;
	}
	*ret_columns = columns;
	return bytes;
}

size_t text_width(const char *text)
{
	size_t left = strlen(text), width = 0;

	while (left) {
		int columns;
		bool good;
		size_t bytes = next(text, left, &columns, &good);
		text += bytes;
		left -= bytes;
		width += (size_t)columns;
	}
	return width;
}

size_t text_add(struct buf *buf, const char *text, size_t columns)
{
	size_t left = strlen(text), used = 0;
	bool cut = text_width(text) > columns;
	size_t room = cut && columns ? columns - 1 : columns;

	while (left) {
		int width;
		bool good;
		size_t bytes = next(text, left, &width, &good);
		if (used + (size_t)width > room)
			break;
		if (good)
			buf_add(buf, text, bytes);
		else
			buf_adds(buf, "?");
		text += bytes;
		left -= bytes;
		used += (size_t)width;
	}
	if (cut && columns) {
		buf_adds(buf, "~");
		used++;
	}
	return used;
}

void text_pad(struct buf *buf, const char *text, size_t columns)
{
	for (size_t used = text_add(buf, text, columns); used < columns; used++)
		buf_adds(buf, " ");
}

size_t text_screen_width(size_t least)
{
	struct winsize size = {0};

	if (!isatty(STDOUT_FILENO) || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) || size.ws_col < least)
		return 120;
	return size.ws_col;
}
