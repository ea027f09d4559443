/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "series/rundir.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/fsio.h"
#include "series/csvfile.h"

enum field {
	ASKED_S,
	START_S,
	END_S,
	EVENT,
	TENANT,
	LIMIT,
	ASKED,
	READ_BACK,
	NAME,
	ERROR,
	NOTE,
	FIELD_COUNT
};

/* Files of the first format end with ERROR. */
#define FIELD_COUNT_MIN (ERROR + 1)

static const char *const header[FIELD_COUNT] = {
	"asked_s",
	"start_s",
	"end_s",
	"event",
	"tenant",
	"limit",
	"asked",
	"read_back",
	"name",
	"error",
	"note",
};

void event_log_release(struct event_log *log)
{
	for (size_t i = 0; i < log->count; i++) {
		free(log->records[i].event);
		free(log->records[i].tenant);
		free(log->records[i].name);
		free(log->records[i].error);
		free(log->records[i].note);
	}
	free(log->records);
	*log = (struct event_log){0};
}

struct event_record *event_log_add(struct event_log *log)
{
	log->records = xgrow(log->records, log->count, &log->capacity, sizeof(*log->records));
	struct event_record *record = &log->records[log->count++];
	*record = (struct event_record){.limit = LIMIT_COUNT};
	return record;
}

static bool read_value(const char *text, uint64_t *ret_value)
{
	if (!strcmp(text, "max")) {
		*ret_value = LIMIT_UNLIMITED;
		return true;
	}
	return csvfile_u64(text, ret_value);
}

/* What a file is read into. */
struct reading {
	struct event_log log;
	size_t columns;
};

static int read_header(struct reading *reading, const struct csv_row *row, struct err *err)
{
	if (row->count < FIELD_COUNT_MIN || row->count > FIELD_COUNT)
		return err_input(
			err, "%s:%zu: %zu columns, %d wanted", row->path, row->line, row->count, FIELD_COUNT);
	for (size_t i = 0; i < row->count; i++)
		if (strcmp(row->fields[i], header[i]))
			return err_input(err, "%s:%zu: column %zu is '%s', not '%s'", row->path, row->line,
				i + 1, row->fields[i], header[i]);
	reading->columns = row->count;
	return 0;
}

static bool is_event(const char *text)
{
	static const char *const known[] = {
		"start", "stop", "set", "reset", "scarce", "plenty", "add", "died"};

	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (!strcmp(text, known[i]))
			return true;
	return false;
}

static int read_row(void *user, const struct csv_row *row, struct err *err)
{
	struct reading *reading = user;
	struct event_record record = {.limit = LIMIT_COUNT};
	double *const times[] = {&record.asked_s, &record.start_s, &record.end_s};
	char **fields = row->fields;

	if (row->line == 1)
		return read_header(reading, row, err);
	if (row->count != reading->columns)
		return err_input(err, "%s:%zu: %zu fields where the header has %zu", row->path, row->line,
			row->count, reading->columns);
	for (int i = ASKED_S; i <= END_S; i++)
		if (!csvfile_number(fields[i], times[i]) || (i == ASKED_S && isnan(record.asked_s)))
			return err_input(err, "%s:%zu: %s is '%s', not a number of seconds", row->path,
				row->line, header[i], fields[i]);
	if (!is_event(fields[EVENT]))
		return err_input(err,
			"%s:%zu: event is '%s'; known are start, stop, set, reset, scarce, plenty, add and died",
			row->path, row->line, fields[EVENT]);
	if (*fields[LIMIT]) {
		const struct limit_spec *spec = limit_find(fields[LIMIT]);
		if (!spec)
			return err_input(
				err, "%s:%zu: there is no limit '%s'", row->path, row->line, fields[LIMIT]);
		record.limit = spec->id;
	}
	if (*fields[ASKED] && !read_value(fields[ASKED], &record.asked))
		return err_input(err, "%s:%zu: asked is '%s', not a whole number or 'max'", row->path,
			row->line, fields[ASKED]);
	if (*fields[READ_BACK] && !read_value(fields[READ_BACK], &record.read_back))
		return err_input(err, "%s:%zu: read_back is '%s', not a whole number or 'max'", row->path,
			row->line, fields[READ_BACK]);
	record.has_read_back = *fields[READ_BACK];
	record.event = xstrdup(fields[EVENT]);
	record.tenant = xstrdup(fields[TENANT]);
	record.name = xstrdup(fields[NAME]);
	record.error = xstrdup(fields[ERROR]);
	record.note = xstrdup(reading->columns > NOTE ? fields[NOTE] : "");
	*event_log_add(&reading->log) = record;
	return 0;
}

int event_log_parse_csv(
	struct event_log *ret_log, const char *path, const char *text, size_t length, struct err *err)
{
	struct reading reading = {0};

	if (csvfile_parse(path, text, length, read_row, &reading, err)) {
		event_log_release(&reading.log);
		return -1;
	}
	*ret_log = reading.log;
	return 0;
}

int event_log_read_csv(struct event_log *ret_log, const char *path, struct err *err)
{
	AUTO(buf) struct buf text = BUF_INIT;

	if (fsio_read_file(path, CSVFILE_MAX_BYTES, &text, err))
		return -1;
	return event_log_parse_csv(ret_log, path, text.data ? text.data : "", text.length, err);
}

static void put_time(FILE *stream, double t_s)
{
	if (!isnan(t_s))
		(void)fprintf(stream, "%.6f", t_s);
	(void)fputc(',', stream);
}

static void put_value(FILE *stream, bool present, uint64_t value)
{
	if (present && value == LIMIT_UNLIMITED)
		(void)fputs("max", stream);
	else if (present)
		(void)fprintf(stream, "%" PRIu64, value);
	(void)fputc(',', stream);
}

static void put_text(FILE *stream, const char *text, char end)
{
	csvfile_put_text(stream, text ? text : "");
	(void)fputc(end, stream);
}

void event_log_put_header(FILE *stream)
{
	for (int i = 0; i < FIELD_COUNT; i++)
		(void)fprintf(stream, "%s%c", header[i], i + 1 < FIELD_COUNT ? ',' : '\n');
}

void event_log_put_records(const struct event_log *log, size_t from, FILE *stream)
{
	for (size_t i = from; i < log->count; i++) {
		const struct event_record *record = &log->records[i];
		bool has_limit = record->limit < LIMIT_COUNT;
		put_time(stream, record->asked_s);
		put_time(stream, record->start_s);
		put_time(stream, record->end_s);
		put_text(stream, record->event, ',');
		put_text(stream, record->tenant, ',');
		put_text(stream, has_limit ? limit_spec(record->limit)->name : "", ',');
		put_value(stream, has_limit, record->asked);
		put_value(stream, has_limit && record->has_read_back, record->read_back);
		put_text(stream, record->name, ',');
		put_text(stream, record->error, ',');
		put_text(stream, record->note, '\n');
	}
}

int event_log_write_csv(const struct event_log *log, const char *path, struct err *err)
{
	struct outfile out = {0};

	if (outfile_open(&out, path, err))
		return -1;
	event_log_put_header(out.stream);
	event_log_put_records(log, 0, out.stream);
	int result = outfile_commit(&out, err);
	outfile_abort(&out);
	return result;
}
