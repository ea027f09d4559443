/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "workload/workload.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/fsio.h"

enum { STREAM_LIMIT_BYTES = 256 << 20 };

/* A workload that ran at least this long must have reported something. */
static const double SILENCE_S = 10;
/* One whose work is not measured, but shows in what it has taken, needs this long for it. */
static const double TAKING_S = 5;
/* By how much an interval may end before the one that was told before it. */
static const double LATE_S = 5;
/* Rounds are one second long (stress_ng.c): one that ends sooner than this had nothing to do. */
#define SHORTEST_ROUND_S 0.5
/* So many starved rounds in a row are no bad luck any more. */
#define EMPTY_ROUNDS 5

void workload_stream_init(struct workload_stream *stream, const struct workload_ops *ops)
{
	*stream = (struct workload_stream){.ops = ops, .parser = ops->parser_new()};
}

void workload_stream_release(struct workload_stream *stream)
{
	if (stream->parser)
		stream->ops->parser_free(stream->parser);
	free(stream->start_times_s);
	free(stream->stop_times_s);
	free(stream->trouble);
	free(stream->last_line);
	free(stream->intervals);
	*stream = (struct workload_stream){0};
}

/* The first trouble wins: later ones follow from it. */
__attribute__((format(printf, 2, 3))) static void trouble(
	struct workload_stream *stream, const char *format, ...)
{
	va_list args;

	if (stream->trouble)
		return;
	va_start(args, format);
	if (vasprintf(&stream->trouble, format, args) < 0)
		BUG("out of memory");
	va_end(args);
}

/* ": LINE", or nothing when the workload has not said a word. */
static char *last_words(const struct workload_stream *stream)
{
	return stream->last_line ? xasprintf(" (its last line: %s)", stream->last_line) : xstrdup("");
}

static void add_interval(struct workload_stream *stream, const struct work_interval *interval)
{
	stream->intervals = xgrow(stream->intervals, stream->interval_count, &stream->interval_capacity,
		sizeof(*stream->intervals));
	stream->intervals[stream->interval_count++] = *interval;
	stream->longest_s = fmax(stream->longest_s, interval->to_s - interval->from_s);
}

/* Does the line start with this word of the runner's?  Returns what follows it. */
static const char *after(const char *line, const char *word)
{
	size_t length = strlen(word);

	if (strncmp(line, word, length) != 0 || (line[length] && line[length] != ' '))
		return NULL;
	return line[length] ? line + length + 1 : line + length;
}

static void on_start(struct workload_stream *stream, double t_s)
{
	stream->started = true;
	stream->stopped = false;
	stream->round_worked = false;
	stream->repeats = false;
	stream->start_worked = false;
	stream->start_intervals = stream->interval_count;
	stream->start_times_s = xgrow(stream->start_times_s, stream->starts, &stream->start_capacity,
		sizeof(*stream->start_times_s));
	stream->start_times_s[stream->starts++] = t_s;
}

/*
 * A round without work.  One that was over at once had found nothing to do.  One that took its time was starved, and
 * stress-ng leaves a stressor that completed no operation out of its report: that is a rate of 0, and no trouble unless
 * it goes on.
 */
static void on_empty_round(struct workload_stream *stream, double t_s, double lasted_s, const char *words)
{
	if (lasted_s < SHORTEST_ROUND_S) {
		trouble(stream, "%s ended a round after %.0f ms and had done no work%s", stream->ops->name,
			lasted_s * 1000.0, words);
		return;
	}
	struct work_interval nothing = {.from_s = t_s - lasted_s, .to_s = t_s};
	for (size_t i = 0; i < WORK_VALUES_MAX; i++)
		nothing.values[i] = (double)NAN;
	add_interval(stream, &nothing);
	if (++stream->empty_rounds >= EMPTY_ROUNDS)
		trouble(stream, "%s did no work in %u rounds in a row%s", stream->ops->name,
			stream->empty_rounds, words);
}

static void on_exit_line(struct workload_stream *stream, double t_s, const char *rest)
{
	AUTO(free_ptr) char *words = last_words(stream);
	char *lasted_ms;

	/* Another status is followed by "@failed". */
	if (strtol(rest, &lasted_ms, 10) != 0)
		return;
	if (!stream->repeats)
		trouble(stream, "%s ended by itself before it was stopped%s", stream->ops->name, words);
	else if (!stream->round_worked)
		on_empty_round(stream, t_s, strtod(lasted_ms, NULL) / 1000.0, words);
}

static void on_stopped(struct workload_stream *stream, double t_s)
{
	stream->stop_times_s = xgrow(
		stream->stop_times_s, stream->stops, &stream->stop_capacity, sizeof(*stream->stop_times_s));
	stream->stop_times_s[stream->stops++] = t_s;
	stream->stopped = true;
	if (!stream->starts || stream->start_worked)
		return;
	double lasted_s = t_s - stream->start_times_s[stream->starts - 1];
	bool reported = stream->interval_count > stream->start_intervals;
	bool measured = reported && !isnan(stream->intervals[stream->interval_count - 1].work);
	if (measured)
		trouble(stream, "%s ran and did no work", stream->ops->name);
	else if (reported && lasted_s >= TAKING_S)
		trouble(stream, "%s ran for %.0f s and took nothing", stream->ops->name, lasted_s);
	else if (!reported && lasted_s >= SILENCE_S)
		trouble(stream, "%s ran for %.0f s and reported no work", stream->ops->name, lasted_s);
}

static void on_runner_line(struct workload_stream *stream, double t_s, const char *line)
{
	const char *rest;

	if (after(line, "@ready")) {
		stream->ready = true;
	} else if (after(line, "@start")) {
		on_start(stream, t_s);
	} else if (after(line, "@round")) {
		stream->repeats = true;
		stream->round_worked = false;
	} else if ((rest = after(line, "@exit"))) {
		on_exit_line(stream, t_s, rest);
	} else if ((rest = after(line, "@failed"))) {
		AUTO(free_ptr) char *words = last_words(stream);
		stream->failed = true;
		trouble(stream, "%s: %s%s", stream->ops->name, rest, words);
	} else if (after(line, "@stopped")) {
		on_stopped(stream, t_s);
	} else if ((rest = after(line, "@dropped"))) {
		stream->dropped += strtoul(rest, NULL, 10);
	}
}

void workload_stream_line(struct workload_stream *stream, double t_s, const char *line)
{
	struct work_interval interval;

	for (size_t i = 0; i < WORK_VALUES_MAX; i++)
		interval.values[i] = (double)NAN;
	if (stream->ops->ready_line &&
		strncmp(line, stream->ops->ready_line, strlen(stream->ops->ready_line)) == 0)
		stream->ready = true;
	if (stream->ops->parser_line(stream->parser, t_s, line, &interval)) {
		add_interval(stream, &interval);
		stream->round_worked = true;
		stream->empty_rounds = 0;
		stream->start_worked = stream->start_worked || interval.work > 0;
	}
	if (*line == '@') {
		on_runner_line(stream, t_s, line);
	} else if (line[strspn(line, " ")] && !(stream->ops->is_report && stream->ops->is_report(line))) {
		free(stream->last_line);
		stream->last_line = xstrdup(line);
	}
	if (stream->starts && stream->ops->parser_worked && stream->ops->parser_worked(stream->parser))
		stream->start_worked = true;
	stream->worked = stream->worked || stream->start_worked;
}

int workload_stream_read(struct workload_stream *stream, const char *path, struct err *err)
{
	AUTO(buf) struct buf text = BUF_INIT;

	if (fsio_read_file(path, STREAM_LIMIT_BYTES, &text, err))
		return -1;
	char *rest = text.data, *line;
	for (int number = 1; (line = strsep(&rest, "\n")); number++) {
		/* What follows the last newline is nothing, or a line that was cut off. */
		if (!rest)
			break;
		char *end;
		double t_s = strtod(line, &end);
		if (end == line || *end != '\t' || !isfinite(t_s))
			return err_input(err, "%s:%d: not a line 'SECONDS<tab>TEXT'", path, number);
		workload_stream_line(stream, t_s, end + 1);
	}
	return 0;
}

/* Those from here on begin after that time: all intervals but those that come late end in order. */
static size_t first_beyond(const struct workload_stream *stream, double t_s)
{
	double bound_s = t_s + stream->longest_s + LATE_S;
	size_t low = 0, high = stream->interval_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (stream->intervals[middle].to_s > bound_s)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

/* value: one of the ops' values; WORK_VALUES_MAX: the work itself. */
static double mean_rate(
	const struct workload_stream *stream, size_t value, enum work_kind kind, double from_s, double to_s)
{
	double sum = 0, covered_s = 0;

	/* Newest first: a live caller asks about the last moments.  They end in order, but for what came late. */
	for (size_t i = first_beyond(stream, to_s); i-- > 0;) {
		const struct work_interval *interval = &stream->intervals[i];
		if (interval->to_s <= from_s - LATE_S)
			break;
		double amount = value == WORK_VALUES_MAX ? interval->work : interval->values[value];
		double overlap_s = fmin(to_s, interval->to_s) - fmax(from_s, interval->from_s);
		if (overlap_s <= 0 || isnan(amount))
			continue;
		double length_s = kind == WORK_PER_SECOND ? interval->to_s - interval->from_s : 1;
		sum += amount * overlap_s / length_s;
		covered_s += overlap_s;
	}
	return covered_s > 0 ? sum / covered_s : (double)NAN;
}

double workload_stream_rate(const struct workload_stream *stream, double from_s, double to_s)
{
	return mean_rate(stream, WORK_VALUES_MAX, WORK_PER_SECOND, from_s, to_s);
}

double workload_stream_value(const struct workload_stream *stream, size_t value, double from_s, double to_s)
{
	const struct work_value *spec = &stream->ops->values[value];

	return mean_rate(stream, value, spec->kind, from_s, to_s) * spec->scale;
}
