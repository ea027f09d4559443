/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "series/csvfile.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <csv.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/fsio.h"

struct reader {
	const char *path;
	csv_row_fn *row_fn;
	void *user;
	struct err *err;
	bool failed;
	size_t line;     /* of the row that is being read */
	size_t newlines; /* inside its quoted fields */
	size_t offsets[CSVFILE_MAX_FIELDS];
	size_t count;
	struct buf text; /* the row's fields, each with its NUL */
};

static int no_space(unsigned char c)
{
	(void)c;
	return 0;
}

static int is_newline(unsigned char c)
{
	return c == '\n';
}

static void on_field(void *data, size_t length, void *user)
{
	struct reader *reader = user;

	if (reader->failed)
		return;
	if (reader->count == CSVFILE_MAX_FIELDS) {
		reader->failed = true;
		(void)err_input(reader->err, "%s:%zu: more than %d fields", reader->path, reader->line,
			CSVFILE_MAX_FIELDS);
		return;
	}
	if (length && memchr(data, '\0', length)) {
		reader->failed = true;
		(void)err_input(
			reader->err, "%s:%zu: a NUL byte; this is no CSV text", reader->path, reader->line);
		return;
	}
	for (const char *at = data, *end = at + length; length && (at = memchr(at, '\n', (size_t)(end - at)));
		at++)
		reader->newlines++;
	reader->offsets[reader->count++] = reader->text.length;
	buf_add(&reader->text, data, length);
	buf_add(&reader->text, "", 1);
}

static void on_row(int terminator, void *user)
{
	struct reader *reader = user;
	char *fields[CSVFILE_MAX_FIELDS];

	if (reader->failed)
		return;
	if (terminator != '\n' || !reader->count) {
		reader->failed = true;
		if (!reader->count)
			(void)err_input(reader->err, "%s:%zu: an empty line", reader->path, reader->line);
		else
			(void)err_input(reader->err, "%s:%zu: the file ends in the middle of a row",
				reader->path, reader->line + reader->newlines);
		return;
	}
	for (size_t i = 0; i < reader->count; i++)
		fields[i] = reader->text.data + reader->offsets[i];
	struct csv_row row = {
		.path = reader->path, .line = reader->line, .fields = fields, .count = reader->count};
	if (reader->row_fn(reader->user, &row, reader->err))
		reader->failed = true;
	reader->line += 1 + reader->newlines;
	reader->newlines = 0;
	reader->count = 0;
	buf_reset(&reader->text);
}

/* libcsv takes a lone CR for the end of a row, which would make line numbers lie; so CRLF becomes LF before it. */
static void add_without_cr(struct buf *buf, const char *text, size_t length)
{
	const char *end = text + length;

	while (text < end) {
		const char *cr = memchr(text, '\r', (size_t)(end - text));
		if (!cr)
			cr = end;
		buf_add(buf, text, (size_t)(cr - text));
		if (cr < end && (cr + 1 == end || cr[1] != '\n'))
			buf_add(buf, cr, 1);
		text = cr < end ? cr + 1 : end;
	}
}

static void auto_csv_parser(struct csv_parser *parser)
{
	csv_free(parser);
}

int csvfile_parse(
	const char *path, const char *text, size_t length, csv_row_fn *row_fn, void *user, struct err *err)
{
	AUTO(buf) struct buf clean = BUF_INIT;
	AUTO(csv_parser) struct csv_parser parser = {0};
	struct reader reader = {.path = path, .row_fn = row_fn, .user = user, .err = err, .line = 1};

	if (csv_init(&parser, CSV_STRICT | CSV_STRICT_FINI | CSV_REPALL_NL))
		BUG("csv_init failed");
	csv_set_space_func(&parser, no_space);
	csv_set_term_func(&parser, is_newline);
	if (length && memchr(text, '\r', length)) {
		add_without_cr(&clean, text, length);
		text = clean.data;
		length = clean.length;
	}
	/* In pieces, so that a bad row ends the work early. */
	size_t done = 0;
	while (done < length && !reader.failed) {
		size_t piece = length - done < 65536 ? length - done : 65536;
		if (csv_parse(&parser, text + done, piece, on_field, on_row, &reader) != piece) {
			if (csv_error(&parser) == CSV_ENOMEM || csv_error(&parser) == CSV_ETOOBIG)
				BUG("out of memory for a CSV field");
			if (!reader.failed)
				(void)err_input(err, "%s:%zu: a quote in the wrong place", path, reader.line);
			reader.failed = true;
		}
		done += piece;
	}
	if (!reader.failed && csv_fini(&parser, on_field, on_row, &reader)) {
		(void)err_input(err, "%s:%zu: the file ends inside quotes", path, reader.line);
		reader.failed = true;
	}
	buf_release(&reader.text);
	if (reader.failed)
		return -1;
	if (reader.line == 1)
		return err_input(err, "%s:1: an empty file, not even a header", path);
	return 0;
}

int csvfile_read(const char *path, csv_row_fn *row_fn, void *user, struct err *err)
{
	AUTO(buf) struct buf text = BUF_INIT;

	if (fsio_read_file(path, CSVFILE_MAX_BYTES, &text, err))
		return -1;
	return csvfile_parse(path, text.data ? text.data : "", text.length, row_fn, user, err);
}

void csvfile_put_text(FILE *stream, const char *text)
{
	if (!strpbrk(text, ",\"\r\n")) {
		(void)fputs(text, stream);
		return;
	}
	(void)csv_fwrite(stream, text, strlen(text));
}

void csvfile_put_number(FILE *stream, double value)
{
	if (isnan(value))
		return;
	if (value == rint(value) && fabs(value) <= 0x1p63)
		(void)fprintf(stream, "%.0f", value == 0 ? 0.0 : value);
	else
		(void)fprintf(stream, "%.*g", fabs(value) < 1e6 ? 6 : 15, value);
}

/*
 * What nearly all fields are: up to 15 digits, perhaps with a point.  Both the digits and the power of ten are exact, so
 * one division rounds as strtod(3) does (Clinger, How to read floating point numbers accurately, 1990).
 */
static bool plain_number(const char *text, double *ret_value)
{
	static const double powers[] = {
		1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
	const bool minus = *text == '-';
	uint64_t digits = 0;
	size_t count = 0, behind = 0;
	bool point = false;

	for (text += minus; *text; text++) {
		if (*text == '.' && !point) {
			point = true;
			continue;
		}
		if (*text < '0' || *text > '9' || count == 15)
			return false;
		digits = 10 * digits + (uint64_t)(*text - '0');
		count++;
		behind += point;
	}
	if (!count)
		return false;
	double value = (double)digits / powers[behind];
	*ret_value = minus ? -value : value;
	return true;
}

bool csvfile_number(const char *text, double *ret_value)
{
	char *end = NULL;

	if (!*text) {
		*ret_value = (double)NAN;
		return true;
	}
	if (plain_number(text, ret_value))
		return true;
	/* strtod(3) also reads blanks, "nan", "inf" and hexadecimal numbers. */
	if (text[strspn(text, "0123456789+-.eE")])
		return false;
	double value = strtod(text, &end);
	if (*end || end == text || !isfinite(value))
		return false;
	*ret_value = value;
	return true;
}

bool csvfile_u64(const char *text, uint64_t *ret_value)
{
	char *end = NULL;

	if (!*text || text[strspn(text, "0123456789")])
		return false;
	errno = 0;
	uintmax_t value = strtoumax(text, &end, 10);
	if (errno || *end || value > UINT64_MAX)
		return false;
	*ret_value = value;
	return true;
}
