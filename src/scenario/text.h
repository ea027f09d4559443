/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Raw text: is it readable at all, how to show a piece of it, how far two words are apart.  Pure.
 */
#ifndef LIMITLAB_SCENARIO_TEXT_H
#define LIMITLAB_SCENARIO_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define TEXT_WORD_MAX 63 /* longer words are near to nothing */

/*
 * The next character of UTF-8 (RFC 3629: no overlong forms, no surrogates); returns its length, 0 when these bytes are
 * no UTF-8.  length > 0.
 */
size_t text_next(const char *text, size_t length, uint32_t *ret_code);
/* Control characters (C0, DEL, C1) are not; nor are the ones that YAML does not allow. */
bool text_is_printable(uint32_t code);
/* ERR_INPUT, "FILE:LINE:COLUMN: ...", unless it is UTF-8 without control characters except tab and line ends. */
int text_check(const char *path, const char *text, size_t length, struct err *err);
/* A copy for messages: at most 60 bytes, '?' for what is not printable.  The caller frees. */
char *text_quote(const char *text, size_t length);
/* A time for people, in seconds with as many decimals as it takes: "60s", or "0.25 s" with " " between.  The caller frees. */
char *text_seconds(uint64_t ns, const char *between);
/* "1.5" -> 1.5, "50%" -> 0.5, as far as millionths go; -1: neither. */
int text_decimal(const char *text, double *ret_value);
/* Edit distance with swapped neighbours counted as one (optimal string alignment); bytes, not characters. */
unsigned text_distance(const char *a, const char *b);

#endif
