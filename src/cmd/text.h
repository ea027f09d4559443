/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Text on a terminal: columns, not bytes.  Uses the locale's character type (setlocale(LC_CTYPE)); what is no valid
 * character there, and every control character, is shown as '?', so that no name can send escape sequences.
 */
#ifndef LIMITLAB_CMD_TEXT_H
#define LIMITLAB_CMD_TEXT_H

#include <stddef.h>

#include "base/buf.h"

/* Columns that the text takes when it is added with text_add(). */
size_t text_width(const char *text);
/* Appends at most `columns` columns of the text; a cut text ends with "~".  Returns the columns used. */
size_t text_add(struct buf *buf, const char *text, size_t columns);
/* The same, then spaces up to exactly `columns`. */
void text_pad(struct buf *buf, const char *text, size_t columns);

/* Columns of the terminal that stdout is; 120 where it is none, does not say, or has fewer than `least`. */
size_t text_screen_width(size_t least);

#define TEXT_ALL ((size_t)-1)

#endif
