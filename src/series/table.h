/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A table of samples: one row per tick and tenant, as in samples.csv and series.csv.  The first two columns are always
 * t_s (seconds since the start of the timeline; negative before it) and tenant ("host" for the machine itself); the
 * others are numbers.  A missing value is NAN in memory and an empty field in the file, never 0.  Counters are exact up
 * to 2^53.  Rows are in order of time; rows of one tick stand together.
 */
#ifndef LIMITLAB_SERIES_TABLE_H
#define LIMITLAB_SERIES_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/err.h"

struct table {
	char **columns; /* without t_s and tenant */
	size_t column_count;
	char **tenants; /* the distinct names, in order of first appearance */
	size_t tenant_count;
	double *t_s;      /* per row */
	uint32_t *tenant; /* per row, index into tenants */
	double *cells;    /* row_count * column_count, row by row */
	size_t row_count;
	size_t row_capacity;
};

void table_init(struct table *table, const char *const *columns, size_t column_count);
void table_release(struct table *table);
/* Adds a row whose cells are all NAN and returns them. */
double *table_add_row(struct table *table, double t_s, const char *tenant);
/* -1: no such column / tenant. */
int table_column(const struct table *table, const char *name);
int table_tenant(const struct table *table, const char *name);
/*
 * One tenant's column as arrays over the rows where the value is present; returns the count.  The caller frees both.
 */
size_t table_extract(
	const struct table *table, int tenant, int column, double **ret_t_s, double **ret_values);

/* CSV (RFC 4180, libcsv).  Errors name file and line: wrong header, not a number, "nan", "inf", time running backwards,
 * a row with too few or too many fields, a file cut off in the middle of a row. */
int table_read_csv(struct table *ret_table, const char *path, struct err *err);
/* The same from memory; path is for messages. */
int table_parse_csv(
	struct table *ret_table, const char *path, const char *text, size_t length, struct err *err);
int table_write_csv(const struct table *table, const char *path, struct err *err);
/* Its parts, for who writes while rows are added: the header, and the rows from this one on. */
void table_put_header(const struct table *table, FILE *stream);
void table_put_rows(const struct table *table, size_t from, FILE *stream);

#endif
