/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "guest/fio_thin.h"

#include <stdio.h>
#include <string.h>

enum direction { OTHER_DIRECTION, READ, WRITE };
static const char *const directions[] = {"", "read", "write"};

enum latency { OTHER_LATENCY, COMPLETION, TOTAL };
enum value { RUNTIME, IO_BYTES, TOTAL_IOS, CLAT_MEAN, CLAT_N, LAT_MEAN, LAT_N, VALUES };

static void emit(struct fio_thin *thin, const char *text)
{
	thin->emit(thin->context, text, strlen(text));
	thin->lines++;
}

static void flush_bins(struct fio_thin *thin)
{
	if (thin->bins_length)
		emit(thin, thin->bins);
	thin->bins_length = 0;
}

static void add_bin(struct fio_thin *thin, const char *key, const char *count)
{
	char bin[64];
	int length = snprintf(bin, sizeof(bin), " %s:%s", key, count);

	if (length < 0 || (size_t)length >= sizeof(bin))
		return;
	if (thin->bins_length + (size_t)length >= sizeof(thin->bins))
		flush_bins(thin);
	if (!thin->bins_length)
		thin->bins_length = (size_t)snprintf(
			thin->bins, sizeof(thin->bins), "fio %s-bins", directions[thin->direction]);
	memcpy(thin->bins + thin->bins_length, bin, (size_t)length + 1);
	thin->bins_length += (size_t)length;
}

/* The direction's own line; its bins follow, because fio tells them before the last of these values. */
static void end_direction(struct fio_thin *thin)
{
	char text[320];

	if (thin->direction != OTHER_DIRECTION && strcmp(thin->values[TOTAL_IOS], "0") != 0) {
		(void)snprintf(text, sizeof(text), "fio %s %s %s %s %s %s %s %s", directions[thin->direction],
			thin->values[RUNTIME], thin->values[IO_BYTES], thin->values[TOTAL_IOS],
			thin->values[CLAT_MEAN], thin->values[CLAT_N], thin->values[LAT_MEAN],
			thin->values[LAT_N]);
		emit(thin, text);
	}
	thin->direction = OTHER_DIRECTION;
}

static void begin_direction(struct fio_thin *thin, const char *key)
{
	end_direction(thin);
	thin->direction = strcmp(key, "read") == 0    ? READ
			  : strcmp(key, "write") == 0 ? WRITE
						      : OTHER_DIRECTION;
	for (size_t i = 0; i < VALUES; i++)
		(void)snprintf(thin->values[i], sizeof(thin->values[i]), "0");
}

static void set_value(struct fio_thin *thin, enum value value, const char *text)
{
	(void)snprintf(thin->values[value], sizeof(thin->values[value]), "%s", text);
}

/* A key at this depth, with its value; an object's value is "{". */
static void take(struct fio_thin *thin, size_t depth, const char *key, const char *value)
{
	bool opens = strcmp(value, "{") == 0;

	if (depth == 3 && opens) {
		begin_direction(thin, key);
	} else if (thin->direction == OTHER_DIRECTION) {
		return;
	} else if (depth == 4 && opens) {
		thin->latency = strcmp(key, "clat_ns") == 0  ? COMPLETION
				: strcmp(key, "lat_ns") == 0 ? TOTAL
							     : OTHER_LATENCY;
	} else if (depth == 4) {
		if (strcmp(key, "runtime") == 0)
			set_value(thin, RUNTIME, value);
		else if (strcmp(key, "io_bytes") == 0)
			set_value(thin, IO_BYTES, value);
		else if (strcmp(key, "total_ios") == 0)
			set_value(thin, TOTAL_IOS, value);
	} else if (depth == 5 && thin->latency != OTHER_LATENCY) {
		bool total = thin->latency == TOTAL;
		thin->in_bins = opens && !total && strcmp(key, "bins") == 0;
		if (strcmp(key, "mean") == 0)
			set_value(thin, total ? LAT_MEAN : CLAT_MEAN, value);
		else if (strcmp(key, "N") == 0)
			set_value(thin, total ? LAT_N : CLAT_N, value);
	} else if (depth == 6 && thin->in_bins) {
		add_bin(thin, key, value);
	}
}

static void end_document(struct fio_thin *thin)
{
	char text[32];

	end_direction(thin);
	(void)snprintf(text, sizeof(text), "fio end %u", thin->lines - 1);
	emit(thin, text);
	fio_thin_reset(thin);
}

void fio_thin_reset(struct fio_thin *thin)
{
	*thin = (struct fio_thin){.emit = thin->emit, .context = thin->context};
}

bool fio_thin_line(struct fio_thin *thin, const char *text, size_t length)
{
	char line[256], *key, *value;
	size_t spaces = 0;

	if (length == 1 && *text == '{') {
		fio_thin_reset(thin);
		thin->inside = true;
		emit(thin, "fio begin");
		return true;
	}
	if (!thin->inside)
		return false;
	if (length == 1 && *text == '}') {
		end_document(thin);
		return true;
	}
	while (spaces < length && text[spaces] == ' ')
		spaces++;
	/* Not of the document: what fio has to say on its standard error. */
	if (!spaces && length && *text != '}' && *text != ']')
		return false;
	if (length - spaces >= sizeof(line))
		return true;
	memcpy(line, text + spaces, length - spaces);
	line[length - spaces] = '\0';
	if (*line == '}') {
		if (spaces == 10)
			flush_bins(thin);
		thin->in_bins = thin->in_bins && spaces > 10;
		return true;
	}
	/* "key" : value, */
	if (*line != '"' || !(value = strchr(line + 1, '"')))
		return true;
	key = line + 1;
	*value++ = '\0';
	value += strspn(value, " :");
	value[strcspn(value, ",")] = '\0';
	take(thin, spaces / 2, key, value);
	return true;
}
