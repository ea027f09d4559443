/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "run/server.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/spawn.h"
#include "run/lines.h"

#define STOP_GRACE_MS 500

struct server {
	struct loop *loop;
	char *name;
	pid_t pid;
	struct watch watch; /* fd -1: its output has ended */
	struct lines lines;
};

static void on_output(struct watch *watch)
{
	struct server *server = watch->context;
	char chunk[16 * 1024];

	uint64_t at_ns = clock_now_ns();
	ssize_t count = read(watch->fd, chunk, sizeof(chunk));
	if (count > 0) {
		lines_take(&server->lines, at_ns, chunk, (size_t)count);
		return;
	}
	if (count < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	loop_remove(server->loop, watch);
	(void)close(watch->fd);
	watch->fd = -1;
}

int server_start(struct loop *loop, const char *name, const char *const *argv, int netns_fd,
	struct server **ret_server, struct err *err)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC))
		return err_sys(err, errno, "cannot make a pipe");
	AUTO(close_fd) int output = ends[0];
	AUTO(close_fd) int input = ends[1];
	/* Only our end: the server may wait for us to read. */
	(void)fcntl(output, F_SETFL, O_NONBLOCK);
	struct spawn_options options = {.output_fd = input, .netns_fd = netns_fd};
	pid_t pid;
	if (spawn_start(argv, &options, &pid, err))
		return err_wrap(err, "%s", name);
	struct server *server = xcalloc(1, sizeof(*server));
	*server = (struct server){.loop = loop, .name = xstrdup(name), .pid = pid};
	server->watch = (struct watch){STEAL_FD(output), on_output, server};
	if (loop_add(loop, &server->watch, err)) {
		server_stop(server);
		return -1;
	}
	*ret_server = server;
	return 0;
}

bool server_has_said(const struct server *server, const char *beginning)
{
	for (size_t i = 0; i < server->lines.count; i++)
		if (!strncmp(server->lines.items[i].text, beginning, strlen(beginning)))
			return true;
	return false;
}

int server_check(const struct server *server, struct err *err)
{
	const struct lines *lines = &server->lines;
	char how[64];
	enum spawn_end end = spawn_look(server->pid, how, sizeof(how));
	/* One that was killed had no last words to say. */
	const char *said = end == SPAWN_EXITED && lines->count ? lines->items[lines->count - 1].text : "";

	if (end == SPAWN_RUNS)
		return 0;
	return err_run(err, "%s %s%s%s", server->name, how, *said ? ": " : "", said);
}

int server_write_log(const struct server *server, uint64_t zero_ns, const char *path, struct err *err)
{
	return lines_write(&server->lines, zero_ns, path, err);
}

void server_stop(struct server *server)
{
	if (!server)
		return;
	if (server->watch.fd >= 0) {
		loop_remove(server->loop, &server->watch);
		(void)close(server->watch.fd);
	}
	spawn_stop(server->pid, STOP_GRACE_MS);
	lines_release(&server->lines);
	free(server->name);
	free(server);
}
