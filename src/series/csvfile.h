/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Strict CSV (RFC 4180, through libcsv), row by row, and numbers in it.  Lines end in LF or CRLF; the last one too.
 */
#ifndef LIMITLAB_SERIES_CSVFILE_H
#define LIMITLAB_SERIES_CSVFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/err.h"

#define CSVFILE_MAX_BYTES  (512u * 1024 * 1024)
#define CSVFILE_MAX_FIELDS 256

struct csv_row {
	const char *path;
	size_t line;   /* of the row's first line, from 1 */
	char **fields; /* borrowed, NUL terminated */
	size_t count;
};

/* Called for every row, the header included (row->line == 1).  A return of -1 ends the reading. */
typedef int csv_row_fn(void *user, const struct csv_row *row, struct err *err);

/* Errors are ERR_INPUT and start with "PATH:LINE: ": bad quoting, a blank line, a NUL byte, a file cut off in a row. */
int csvfile_parse(
	const char *path, const char *text, size_t length, csv_row_fn *row_fn, void *user, struct err *err);
int csvfile_read(const char *path, csv_row_fn *row_fn, void *user, struct err *err);

/* Quoted only where RFC 4180 asks for it. */
void csvfile_put_text(FILE *stream, const char *text);
/* Integers without an exponent, other numbers with six significant digits or more, NAN as nothing. */
void csvfile_put_number(FILE *stream, double value);
/* A finite decimal number; "" is NAN.  false: anything else ("nan", "inf", "0x1", " 1"). */
bool csvfile_number(const char *text, double *ret_value);
bool csvfile_u64(const char *text, uint64_t *ret_value);

#endif
