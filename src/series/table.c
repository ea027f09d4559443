/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "series/table.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/fsio.h"
#include "series/csvfile.h"

void table_init(struct table *table, const char *const *columns, size_t column_count)
{
	*table = (struct table){.column_count = column_count};
	table->columns = xcalloc(column_count, sizeof(*table->columns));
	for (size_t i = 0; i < column_count; i++)
		table->columns[i] = xstrdup(columns[i]);
}

void table_release(struct table *table)
{
	for (size_t i = 0; i < table->column_count; i++)
		free(table->columns[i]);
	for (size_t i = 0; i < table->tenant_count; i++)
		free(table->tenants[i]);
	free(table->columns);
	free(table->tenants);
	free(table->t_s);
	free(table->tenant);
	free(table->cells);
	*table = (struct table){0};
}

static void *resize(void *array, size_t count, size_t size)
{
	void *bigger = reallocarray(array, count ? count : 1, size);

	if (!bigger)
		BUG("out of memory for %zu times %zu bytes", count, size);
	return bigger;
}

double *table_add_row(struct table *table, double t_s, const char *tenant)
{
	if (table->row_count == table->row_capacity) {
		size_t capacity = table->row_capacity ? table->row_capacity * 2 : 64;
		table->t_s = resize(table->t_s, capacity, sizeof(*table->t_s));
		table->tenant = resize(table->tenant, capacity, sizeof(*table->tenant));
		/* One row at least, so that a table without columns also has an address to give. */
		table->cells = resize(table->cells,
			capacity * (table->column_count ? table->column_count : 1), sizeof(*table->cells));
		table->row_capacity = capacity;
	}
	int index = table_tenant(table, tenant);
	if (index < 0) {
		table->tenants = resize(table->tenants, table->tenant_count + 1, sizeof(*table->tenants));
		table->tenants[table->tenant_count] = xstrdup(tenant);
		index = (int)table->tenant_count++;
	}
	size_t row = table->row_count++;
	table->t_s[row] = t_s;
	table->tenant[row] = (uint32_t)index;
	double *cells = table->cells + row * table->column_count;
	for (size_t i = 0; i < table->column_count; i++)
		cells[i] = (double)NAN;
	return cells;
}

int table_column(const struct table *table, const char *name)
{
	for (size_t i = 0; i < table->column_count; i++)
		if (!strcmp(table->columns[i], name))
			return (int)i;
	return -1;
}

int table_tenant(const struct table *table, const char *name)
{
	for (size_t i = 0; i < table->tenant_count; i++)
		if (!strcmp(table->tenants[i], name))
			return (int)i;
	return -1;
}

size_t table_extract(const struct table *table, int tenant, int column, double **ret_t_s, double **ret_values)
{
	double *t_s = xcalloc(table->row_count, sizeof(*t_s));
	double *values = xcalloc(table->row_count, sizeof(*values));
	size_t count = 0;

	if (tenant >= 0 && column >= 0) {
		for (size_t row = 0; row < table->row_count; row++) {
			double value = table->cells[row * table->column_count + (size_t)column];
			if (table->tenant[row] != (uint32_t)tenant || isnan(value))
				continue;
			t_s[count] = table->t_s[row];
			values[count++] = value;
		}
	}
	*ret_t_s = t_s;
	*ret_values = values;
	return count;
}

static int read_header(struct table *table, const struct csv_row *row, struct err *err)
{
	if (row->count < 2 || strcmp(row->fields[0], "t_s") || strcmp(row->fields[1], "tenant"))
		return err_input(
			err, "%s:%zu: the header must begin with 't_s,tenant'", row->path, row->line);
	for (size_t i = 0; i < row->count; i++) {
		if (!*row->fields[i])
			return err_input(err, "%s:%zu: column %zu has no name", row->path, row->line, i + 1);
		for (size_t j = 0; j < i; j++)
			if (!strcmp(row->fields[i], row->fields[j]))
				return err_input(err, "%s:%zu: two columns are named '%s'", row->path,
					row->line, row->fields[i]);
	}
	table_init(table, (const char *const *)row->fields + 2, row->count - 2);
	return 0;
}

static int read_row(void *user, const struct csv_row *row, struct err *err)
{
	struct table *table = user;
	double t_s = (double)NAN;

	if (row->line == 1)
		return read_header(table, row, err);
	if (row->count != table->column_count + 2)
		return err_input(err, "%s:%zu: %zu fields where the header has %zu", row->path, row->line,
			row->count, table->column_count + 2);
	if (!csvfile_number(row->fields[0], &t_s) || isnan(t_s))
		return err_input(err, "%s:%zu: t_s is '%s', not a number of seconds", row->path, row->line,
			row->fields[0]);
	if (!*row->fields[1])
		return err_input(err, "%s:%zu: the tenant has no name", row->path, row->line);
	if (table->row_count && t_s < table->t_s[table->row_count - 1])
		return err_input(err, "%s:%zu: time runs backwards, from %.6f to %.6f", row->path, row->line,
			table->t_s[table->row_count - 1], t_s);
	double *cells = table_add_row(table, t_s, row->fields[1]);
	for (size_t i = 0; i < table->column_count; i++)
		if (!csvfile_number(row->fields[i + 2], &cells[i]))
			return err_input(err,
				"%s:%zu: %s is '%s', not a number (a missing value is an empty field)",
				row->path, row->line, table->columns[i], row->fields[i + 2]);
	return 0;
}

int table_parse_csv(
	struct table *ret_table, const char *path, const char *text, size_t length, struct err *err)
{
	struct table table = {0};

	if (csvfile_parse(path, text, length, read_row, &table, err)) {
		table_release(&table);
		return -1;
	}
	*ret_table = table;
	return 0;
}

int table_read_csv(struct table *ret_table, const char *path, struct err *err)
{
	AUTO(buf) struct buf text = BUF_INIT;

	if (fsio_read_file(path, CSVFILE_MAX_BYTES, &text, err))
		return -1;
	return table_parse_csv(ret_table, path, text.data ? text.data : "", text.length, err);
}

void table_put_header(const struct table *table, FILE *stream)
{
	(void)fputs("t_s,tenant", stream);
	for (size_t i = 0; i < table->column_count; i++) {
		(void)fputc(',', stream);
		csvfile_put_text(stream, table->columns[i]);
	}
	(void)fputc('\n', stream);
}

void table_put_rows(const struct table *table, size_t from, FILE *stream)
{
	for (size_t row = from; row < table->row_count; row++) {
		(void)fprintf(stream, "%.6f,", table->t_s[row]);
		csvfile_put_text(stream, table->tenants[table->tenant[row]]);
		for (size_t i = 0; i < table->column_count; i++) {
			(void)fputc(',', stream);
			csvfile_put_number(stream, table->cells[row * table->column_count + i]);
		}
		(void)fputc('\n', stream);
	}
}

int table_write_csv(const struct table *table, const char *path, struct err *err)
{
	struct outfile out = {0};

	if (outfile_open(&out, path, err))
		return -1;
	table_put_header(table, out.stream);
	table_put_rows(table, 0, out.stream);
	/* outfile_commit() sees a failed write in ferror(). */
	int result = outfile_commit(&out, err);
	outfile_abort(&out);
	return result;
}
