/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cmd/progress.h"

#include <errno.h>
#include <langinfo.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "cmd/progress_private.h"

/* A pipe or terminal that polls as writable takes this much without blocking (pipe(7), PIPE_BUF). */
#define CHUNK_BYTES 2048
/* What waits for a terminal that does not drain; more is dropped. */
#define PENDING_MAX_BYTES (256 * 1024)

/* write(2) without SIGPIPE: a reader that went away does not end a run. */
static ssize_t write_quietly(int fd, const void *data, size_t length)
{
	const struct timespec at_once = {0};
	sigset_t pipe_signal, before;

	(void)sigemptyset(&pipe_signal);
	(void)sigaddset(&pipe_signal, SIGPIPE);
	(void)pthread_sigmask(SIG_BLOCK, &pipe_signal, &before);
	ssize_t written = write(fd, data, length);
	int saved = errno;
	if (written < 0 && saved == EPIPE && !sigismember(&before, SIGPIPE))
		(void)sigtimedwait(&pipe_signal, NULL, &at_once);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	errno = saved;
	return written;
}

static void write_pending(struct progress *progress, bool wait)
{
	if (progress->fd < 0) {
		(void)fwrite(progress->pending.data ? progress->pending.data : "", 1,
			progress->pending.length, progress->stream);
		(void)fflush(progress->stream);
		buf_reset(&progress->pending);
		return;
	}
	while (progress->pending.length) {
		struct pollfd poller = {.fd = progress->fd, .events = POLLOUT};
		int ready = poll(&poller, 1, wait ? -1 : 0);
		if (ready < 0 && errno == EINTR)
			continue;
		if (ready <= 0)
			break;
		size_t length =
			progress->pending.length < CHUNK_BYTES ? progress->pending.length : CHUNK_BYTES;
		ssize_t written = write_quietly(progress->fd, progress->pending.data, length);
		if (written < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (written <= 0) { /* nobody reads: a run does not end for that */
			buf_reset(&progress->pending);
			break;
		}
		buf_consume(&progress->pending, (size_t)written);
	}
	if (progress->pending.length > PENDING_MAX_BYTES)
		buf_consume(&progress->pending, progress->pending.length - PENDING_MAX_BYTES);
}

enum progress_mode progress_choose(bool json, bool quiet, FILE *stream)
{
	const char *terminal = getenv("TERM");

	if (json)
		return PROGRESS_JSON;
	if (quiet)
		return PROGRESS_QUIET;
	if (isatty(fileno(stream)) && terminal && terminal[0] && strcmp(terminal, "dumb") != 0)
		return PROGRESS_TERMINAL;
	return PROGRESS_LINES;
}

static void observe_phase(void *context, const char *name, const char *detail)
{
	progress_phase(context, name, detail);
}

static void observe_tick(void *context, const struct run_tick *tick)
{
	progress_total(context, tick->duration_s);
	progress_tick(context, tick);
}

static void observe_event(void *context, double t_s, const char *text)
{
	progress_event(context, t_s, text);
}

static void observe_warn(void *context, const char *text)
{
	progress_warn(context, text);
}

struct progress *progress_new(enum progress_mode mode, FILE *stream)
{
	struct progress *progress = xcalloc(1, sizeof(*progress));
	const char *no_colour = getenv("NO_COLOR");

	switch (mode) {
	case PROGRESS_TERMINAL:
		progress->ops = &progress_terminal;
		break;
	case PROGRESS_LINES:
		progress->ops = &progress_lines;
		break;
	case PROGRESS_JSON:
		progress->ops = &progress_json;
		break;
	case PROGRESS_QUIET:
		break;
	}
	progress->stream = stream;
	progress->fd = fileno(stream);
	progress->look.colour = !(no_colour && no_colour[0]);
	progress->look.unicode = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
	progress->look.now_ns = clock_now_ns;
	progress->look.utc = clock_utc_iso;
	progress->observer = (struct run_observer){
		.phase = observe_phase,
		.tick = observe_tick,
		.event = observe_event,
		.warn = observe_warn,
		.context = progress,
	};
	(void)fflush(stream);
	return progress;
}

void progress_set_look(struct progress *progress, const struct progress_look *look)
{
	if (!progress)
		return;
	progress->look = *look;
	if (!look->now_ns)
		progress->look.now_ns = clock_now_ns;
	if (!look->utc)
		progress->look.utc = clock_utc_iso;
}

const struct run_observer *progress_observer(struct progress *progress)
{
	return progress ? &progress->observer : NULL;
}

double progress_phase_seconds(const struct progress *progress)
{
	return (double)(progress->look.now_ns() - progress->phase_start_ns) / (double)NS_PER_S;
}

static void drop_values(struct progress *progress)
{
	for (size_t i = 0; i < progress->value_count; i++)
		free(progress->values[i].name);
	progress->value_count = 0;
}

void progress_free(struct progress *progress)
{
	if (!progress)
		return;
	write_pending(progress, true);
	drop_values(progress);
	free(progress->values);
	free(progress->series);
	free(progress->unit);
	free(progress->live_columns);
	free(progress->phase);
	free(progress->detail);
	buf_release(&progress->pending);
	free(progress);
}

static bool silent(const struct progress *progress)
{
	return !progress || !progress->ops;
}

static void end_phase(struct progress *progress)
{
	if (!progress->phase)
		return;
	progress->ops->phase_end(progress);
	drop_values(progress);
	free(progress->phase);
	free(progress->detail);
	progress->phase = NULL;
	progress->detail = NULL;
}

void progress_phase(struct progress *progress, const char *name, const char *detail)
{
	if (silent(progress))
		return;
	end_phase(progress);
	progress->phase = xstrdup(name);
	progress->detail = xstrdup(detail);
	progress->phase_start_ns = progress->look.now_ns();
	progress->ticked = false;
	progress->ops->phase_begin(progress);
	write_pending(progress, false);
}

void progress_total(struct progress *progress, double duration_s)
{
	if (progress)
		progress->duration_s = duration_s;
}

static void set_word(char **slot, const char *word)
{
	if (*slot && !strcmp(*slot, word))
		return;
	free(*slot);
	*slot = xstrdup(word);
}

void progress_tick(struct progress *progress, const struct run_tick *tick)
{
	if (silent(progress))
		return;
	drop_values(progress);
	for (size_t i = 0; i < tick->count; i++) {
		progress->values =
			xgrow(progress->values, i, &progress->value_capacity, sizeof(*progress->values));
		progress->values[i].name = xstrdup(tick->names[i]);
		progress->values[i].value = tick->values[i];
		progress->value_count = i + 1;
	}
	set_word(&progress->series, tick->series);
	set_word(&progress->unit, tick->unit);
	progress->full = tick->full;
	progress->t_s = tick->t_s;
	/* A terminal that has not taken the last picture does not need this one. */
	if (progress->ops != &progress_terminal || !progress->pending.length)
		progress->ops->tick(progress);
	progress->ticked = true;
	write_pending(progress, false);
}

void progress_event(struct progress *progress, double t_s, const char *text)
{
	if (silent(progress))
		return;
	progress->ops->event(progress, t_s, text);
	write_pending(progress, false);
}

static void say(struct progress *progress, const char *kind, const char *text)
{
	if (silent(progress))
		return;
	progress->ops->say(progress, kind, text);
	write_pending(progress, false);
}

void progress_note(struct progress *progress, const char *text)
{
	say(progress, "note", text);
}

void progress_warn(struct progress *progress, const char *text)
{
	say(progress, "warning", text);
}

void progress_done(struct progress *progress, const struct progress_outcome *outcome)
{
	if (silent(progress))
		return;
	end_phase(progress);
	progress->ops->done(progress, outcome);
	write_pending(progress, true);
}
