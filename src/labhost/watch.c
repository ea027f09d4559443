/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A lab host while it lives: what it tells, and how it ends. */
#include "labhost/watch.h"

#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/clock.h"
#include "base/spawn.h"

enum { TICK_MS = 200, INTERRUPT_GRACE_S = 20, CONSOLE_TAIL_BYTES = 1 << 20 };

double labwatch_seconds(const struct watch *self)
{
	return (double)(clock_now_ns() - self->start_ns) / 1e9;
}

void labwatch_stage(const struct labhost_config *config, const char *format, ...)
{
	char text[512];
	va_list args;

	if (!config->stage)
		return;
	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	config->stage(text, config->context);
}

/* Hands out whole lines; what is left of one at the end. */
static void hand_out(struct watch *self, struct buf *line, bool from_stderr, bool all)
{
	char *end;

	while (line->length && ((end = memchr(line->data, '\n', line->length)) || all)) {
		size_t length = end ? (size_t)(end - line->data) : line->length;
		AUTO(free_ptr) char *text = xstrndup(line->data, length);
		if (self->config->line)
			self->config->line(text, from_stderr, self->config->context);
		buf_consume(line, end ? length + 1 : length);
	}
}

static int take_frame(struct watch *self, const struct frame *frame, struct err *err)
{
	switch (frame->kind) {
	case FRAME_BEAT:
		return 0;
	case FRAME_STAGE:
		labwatch_stage(self->config, "%.*s", (int)frame->length, frame->data);
		return 0;
	case FRAME_STARTED:
		self->end.up_s = labwatch_seconds(self);
		labwatch_stage(self->config, "lab host: up after %.1f s", self->end.up_s);
		return 0;
	case FRAME_OUT:
		buf_add(&self->out_line, frame->data, frame->length);
		hand_out(self, &self->out_line, false, false);
		return 0;
	case FRAME_ERR:
		buf_add(&self->err_line, frame->data, frame->length);
		hand_out(self, &self->err_line, true, false);
		return 0;
	case FRAME_EXIT: {
		AUTO(free_ptr) char *text = xstrndup(frame->data, frame->length);
		self->exited = true;
		self->status = atoi(text);
		return 0;
	}
	default:
		return mirror_apply(&self->mirror, frame, err);
	}
}

int labwatch_take_frames(struct watch *self, struct err *err)
{
	char chunk[64 * 1024];
	struct frame frame;
	size_t size;

	for (;;) {
		ssize_t count = recv(self->port_fd, chunk, sizeof(chunk), MSG_DONTWAIT);
		if (count <= 0)
			return 0;
		self->sign_ns = clock_now_ns();
		buf_add(&self->in, chunk, (size_t)count);
		for (;;) {
			int found = frame_take(&self->in, &frame, &size, err);
			if (found < 0)
				return -1;
			if (!found)
				break;
			if (take_frame(self, &frame, err))
				return -1;
			if (frame.kind != FRAME_BEAT)
				self->word_ns = self->sign_ns;
			buf_consume(&self->in, size);
		}
	}
}

static void take_signals(struct watch *self)
{
	const char order = AGENT_INTERRUPT;
	struct signalfd_siginfo info;

	while (read(self->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		/* The second Ctrl-C means it. */
		bool again = self->signal_number != 0;
		self->signal_number = (int)info.ssi_signo;
		if (again || self->end.up_s == 0) {
			self->patience_ns = clock_now_ns();
			continue;
		}
		labwatch_stage(self->config, "interrupted: saving what there is (again: at once)");
		self->patience_ns = clock_now_ns() + INTERRUPT_GRACE_S * NS_PER_S;
		(void)!send(self->port_fd, &order, 1, MSG_DONTWAIT | MSG_NOSIGNAL);
	}
}

/* The console's new text is a sign of life; what it says may be the end.  Returns the reason, or NULL; the caller frees. */
static char *look_at_console(struct watch *self)
{
	struct stat status;
	AUTO(buf) struct buf text = BUF_INIT;

	if (fstat(self->console_fd, &status) || (uint64_t)status.st_size == self->console_bytes)
		return NULL;
	self->sign_ns = clock_now_ns();
	self->console_bytes = (uint64_t)status.st_size;
	uint64_t from =
		self->console_bytes > CONSOLE_TAIL_BYTES ? self->console_bytes - CONSOLE_TAIL_BYTES : 0;
	AUTO(free_ptr) char *data = xcalloc(1, CONSOLE_TAIL_BYTES + 1);
	ssize_t count = pread(self->console_fd, data, CONSOLE_TAIL_BYTES, (off_t)from);
	for (ssize_t i = 0; i < count; i++)
		if (data[i])
			buf_add(&text, &data[i], 1);
	return text.data ? console_panic(text.data) : NULL;
}

/* The last line of a file; "" when it has none.  The caller frees. */
static char *last_line_of(int fd)
{
	char text[4096];
	struct stat status;
	off_t room = (off_t)sizeof(text) - 1;
	off_t from = fstat(fd, &status) == 0 && status.st_size > room ? status.st_size - room : 0;
	ssize_t count = pread(fd, text, (size_t)room, from);

	text[count > 0 ? count : 0] = '\0';
	for (size_t length = strlen(text); length && (text[length - 1] == '\n' || text[length - 1] == '\r');)
		text[--length] = '\0';
	const char *line = strrchr(text, '\n');
	return xstrdup(line ? line + 1 : text);
}

__attribute__((format(printf, 3, 4))) static void end_as(
	struct watch *self, enum labhost_how how, const char *format, ...)
{
	va_list args;

	self->end.how = how;
	va_start(args, format);
	(void)vsnprintf(self->end.text, sizeof(self->end.text), format, args);
	va_end(args);
}

/* Whether it is over; says how in self->end. */
static bool is_over(struct watch *self)
{
	const struct labhost_config *config = self->config;
	unsigned silence_s = config->silence_s ? config->silence_s : LABHOST_SILENCE_S;
	char how[128];

	if (self->exited) {
		self->end.status = self->status;
		end_as(self, LABHOST_DONE, "limitlab ended with status %d in the lab host", self->status);
		return true;
	}
	enum spawn_end ended = spawn_look(self->qemu, how, sizeof(how));
	AUTO(free_ptr) char *panic = look_at_console(self);
	uint64_t now_ns = clock_now_ns();
	if (panic) {
		/* Its last words may not be all written yet. */
		clock_sleep_until_ns(now_ns + (ended == SPAWN_RUNS ? NS_PER_S / 2 : 0));
		end_as(self, LABHOST_PANIC, "%s", panic);
	} else if (ended != SPAWN_RUNS) {
		AUTO(free_ptr) char *said = last_line_of(self->said_fd);
		AUTO(free_ptr) char *last = last_line_of(self->console_fd);
		end_as(self, LABHOST_DIED, "QEMU %s%s%s", how, *said || *last ? ": " : "",
			*said ? said : last);
	} else if (now_ns - self->sign_ns > silence_s * NS_PER_S) {
		end_as(self, LABHOST_HANG, "no sign of life for %u s", silence_s);
	} else if (config->still_s && now_ns - self->word_ns > config->still_s * NS_PER_S) {
		end_as(self, LABHOST_HANG, "it lives, but what runs in it said and wrote nothing for %u s",
			config->still_s);
	} else if (config->deadline_s && now_ns - self->start_ns > config->deadline_s * NS_PER_S) {
		end_as(self, LABHOST_DEADLINE, "not done after %u s", config->deadline_s);
	} else {
		return false;
	}
	return true;
}

int labwatch_over(struct watch *self, struct err *err)
{
	for (;;) {
		struct pollfd fds[] = {
			{.fd = self->port_fd, .events = POLLIN},
			{.fd = self->signal_fd, .events = POLLIN},
		};
		(void)poll(fds, ARRAY_SIZE(fds), TICK_MS);
		/* A closed port is not news: QEMU's end will be. */
		if (fds[0].revents & POLLHUP && !(fds[0].revents & POLLIN))
			clock_sleep_until_ns(clock_now_ns() + 50 * NS_PER_MS);
		if (fds[1].revents)
			take_signals(self);
		struct err broken = ERR_INIT;
		if (labwatch_take_frames(self, &broken)) {
			/* The results' place on this host is broken, or the lab host's kernel is. */
			if (broken.domain == ERR_SYS) {
				*err = broken;
				return -1;
			}
			end_as(self, LABHOST_DIED, "%s", broken.text);
			break;
		}
		if (self->signal_number && (self->exited || clock_now_ns() >= self->patience_ns))
			return err_set(err, ERR_INTERRUPTED, self->signal_number, "interrupted by SIG%s",
				sigabbrev_np(self->signal_number));
		if (is_over(self))
			break;
	}
	return 0;
}

void labwatch_finish(struct watch *self)
{
	(void)labwatch_take_frames(self, NULL);
	hand_out(self, &self->out_line, false, true);
	hand_out(self, &self->err_line, true, true);
	self->end.total_s = labwatch_seconds(self);
}

void labwatch_release(struct watch *self)
{
	mirror_release(&self->mirror);
	buf_release(&self->in);
	buf_release(&self->out_line);
	buf_release(&self->err_line);
}
