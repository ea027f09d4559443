/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/clock.h"
#include "guest/runner.h"
#include "run/inner.h"

#define STREAM_LINE_MAX 8192

static void take_line(struct member *member, uint64_t at_ns, const char *text, size_t length)
{
	while (length && (text[length - 1] == '\r' || text[length - 1] == '\n'))
		length--;
	member->lines =
		xgrow(member->lines, member->line_count, &member->line_capacity, sizeof(*member->lines));
	struct stream_line *line = &member->lines[member->line_count++];
	line->at_ns = at_ns;
	line->text = xstrndup(text, length);
	if (member->ops)
		workload_stream_line(&member->stream, inner_seconds(member->inner, at_ns), line->text);
}

static void take_lines(struct member *member, uint64_t at_ns)
{
	struct buf *partial = &member->partial;
	size_t begin = 0;

	for (size_t i = 0; i < partial->length; i++) {
		if (partial->data[i] != '\n' && i - begin < STREAM_LINE_MAX)
			continue;
		take_line(member, at_ns, partial->data + begin, i - begin + 1);
		begin = i + 1;
	}
	if (begin)
		buf_consume(partial, begin);
}

static void on_stream(struct watch *watch)
{
	struct member *member = watch->context;
	char chunk[16 * 1024];

	/* One time for the whole chunk: what stands in the socket together arrived together. */
	uint64_t at_ns = clock_now_ns();
	ssize_t count = read(watch->fd, chunk, sizeof(chunk));
	if (count > 0) {
		buf_add(&member->partial, chunk, (size_t)count);
		take_lines(member, at_ns);
		return;
	}
	if (count < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	member->gone = true;
	loop_remove(member->inner->loop, watch);
}

int member_watch(struct member *member, struct err *err)
{
	member->watch = (struct watch){member->stream_fd, on_stream, member};
	return loop_add(member->inner->loop, &member->watch, err);
}

int member_command(struct member *member, char byte, struct err *err)
{
	ssize_t count;

	/* The port is a socket: write(2) to that of a dead QEMU would end us with SIGPIPE. */
	do {
		count = send(member->stream_fd, &byte, 1, MSG_NOSIGNAL);
	} while (count < 0 && errno == EINTR);
	if (count != 1)
		return err_sys(err, errno, "cannot tell tenant '%s' to %s", member->spec->name,
			byte == RUNNER_BYTE_START ? "start" : "stop");
	return 0;
}
