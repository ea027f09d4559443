/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/clock.h"
#include "guest/runner.h"
#include "run/inner.h"

static void take_lines(struct member *member, uint64_t at_ns, const char *data, size_t length)
{
	size_t before = member->lines.count;

	lines_take(&member->lines, at_ns, data, length);
	for (size_t i = before; member->ops && i < member->lines.count; i++)
		workload_stream_line(
			&member->stream, inner_seconds(member->inner, at_ns), member->lines.items[i].text);
}

static void on_stream(struct watch *watch)
{
	struct member *member = watch->context;
	char chunk[16 * 1024];

	/* One time for the whole chunk: what stands in the socket together arrived together. */
	uint64_t at_ns = clock_now_ns();
	ssize_t count = read(watch->fd, chunk, sizeof(chunk));
	if (count > 0) {
		take_lines(member, at_ns, chunk, (size_t)count);
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
