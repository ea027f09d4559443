/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "scenario/text.h"

#include <inttypes.h>
#include <string.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/units.h"

#define QUOTE_BYTES 60
#define NS_PER_S    UINT64_C(1000000000)

size_t text_next(const char *text, size_t length, uint32_t *ret_code)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	const unsigned char *at = (const unsigned char *)text;
	size_t size = at[0] < 0x80
			      ? 1
			      : (at[0] >> 5 == 6 ? 2 : (at[0] >> 4 == 14 ? 3 : (at[0] >> 3 == 30 ? 4 : 0)));

	if (size == 0 || size > length)
		return 0;
	uint32_t code = size == 1 ? at[0] : at[0] & (0x7fu >> size);
	for (size_t i = 1; i < size; i++) {
		if (at[i] >> 6 != 2)
			return 0;
		code = code << 6 | (at[i] & 0x3fu);
	}
	if (code < least[size] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
		return 0;
	*ret_code = code;
	return size;
}

bool text_is_printable(uint32_t code)
{
	return code >= 0x20 && !(code >= 0x7f && code <= 0x9f) && code != 0x2028 && code != 0x2029 &&
	       code != 0xfffe && code != 0xffff;
}

int text_check(const char *path, const char *text, size_t length, struct err *err)
{
	unsigned line = 1, column = 1;

	for (size_t at = 0; at < length;) {
		uint32_t code = 0;
		size_t size = text_next(text + at, length - at, &code);
		if (size == 0)
			return err_input(err,
				"%s:%u:%u: byte 0x%02x is no UTF-8; a scenario is a text file, save it as UTF-8",
				path, line, column, (unsigned char)text[at]);
		bool end_of_line = code == '\n' || code == '\r';
		if (!end_of_line && code != '\t' && !text_is_printable(code))
			return err_input(err,
				"%s:%u:%u: character U+%04X does not belong in a text; a scenario is a text file, "
				"not a binary one",
				path, line, column, (unsigned)code);
		at += size;
		if (code == '\n') {
			line++;
			column = 1;
		} else if (code != '\r') {
			column++;
		}
	}
	return 0;
}

char *text_quote(const char *text, size_t length)
{
	struct buf quoted = BUF_INIT;
	size_t at = 0;

	while (at < length && at < QUOTE_BYTES) {
		uint32_t code = 0;
		size_t size = text_next(text + at, length - at, &code);
		if (size == 0 || !text_is_printable(code))
			buf_adds(&quoted, "?");
		else
			buf_add(&quoted, text + at, size);
		at += size ? size : 1;
	}
	if (at < length)
		buf_adds(&quoted, "...");
	return buf_steal(&quoted);
}

char *text_seconds(uint64_t ns, const char *between)
{
	struct buf text = BUF_INIT;

	buf_addf(&text, "%" PRIu64 ".%09" PRIu64, ns / NS_PER_S, ns % NS_PER_S);
	size_t length = text.length;
	while (text.data[length - 1] == '0')
		length--;
	if (text.data[length - 1] == '.')
		length--;
	AUTO(free_ptr) char *digits = buf_steal(&text);
	return xasprintf("%.*s%ss", (int)length, digits, between);
}

int text_decimal(const char *text, double *ret_value)
{
	bool is_percent = strchr(text, '%') != NULL;
	uint64_t ppm;

	/* One is 100 %: the parser of percentages reads both exactly. */
	AUTO(free_ptr) char *percent = is_percent ? xstrdup(text) : xasprintf("%s%%", text);
	if (units_parse(percent, QUANTITY_PARTS_PER_MILLION, &ppm, NULL) < 0)
		return -1;
	*ret_value = (double)ppm / (is_percent ? 1e6 : 1e4);
	return 0;
}

unsigned text_distance(const char *a, const char *b)
{
	unsigned row[3][TEXT_WORD_MAX + 1];
	size_t a_length = strlen(a), b_length = strlen(b);

	if (a_length > TEXT_WORD_MAX || b_length > TEXT_WORD_MAX)
		return TEXT_WORD_MAX;
	for (size_t j = 0; j <= b_length; j++)
		row[0][j] = (unsigned)j;
	for (size_t i = 1; i <= a_length; i++) {
		unsigned *now = row[i % 3];
		const unsigned *above = row[(i - 1) % 3], *above2 = row[(i + 1) % 3];
		now[0] = (unsigned)i;
		for (size_t j = 1; j <= b_length; j++) {
			unsigned best = above[j - 1] + (a[i - 1] != b[j - 1]);
			if (above[j] + 1 < best)
				best = above[j] + 1;
			if (now[j - 1] + 1 < best)
				best = now[j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
				above2[j - 2] + 1 < best)
				best = above2[j - 2] + 1;
			now[j] = best;
		}
	}
	return row[a_length % 3][b_length];
}
