/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "run/wire.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

int wire_pair(int *ret_supervisor_fd, int *ret_run_fd, struct err *err)
{
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds))
		return err_sys(err, errno, "cannot make a socket pair");
	*ret_supervisor_fd = fds[0];
	*ret_run_fd = fds[1];
	return 0;
}

static void send_message(int fd, const struct wire_message *message, int flags)
{
	while (send(fd, message, sizeof(*message), flags | MSG_NOSIGNAL) < 0 && errno == EINTR)
		;
}

static void set_text(struct wire_message *message, const char *name, const char *text)
{
	(void)snprintf(message->name, sizeof(message->name), "%s", name);
	(void)snprintf(message->text, sizeof(message->text), "%s", text);
}

void wire_phase(int fd, const char *name, const char *detail)
{
	struct wire_message message = {.kind = WIRE_PHASE};

	set_text(&message, name, detail);
	send_message(fd, &message, MSG_DONTWAIT);
}

void wire_tick(int fd, const struct run_tick *tick)
{
	struct wire_message message = {
		.kind = WIRE_TICK,
		.t_s = tick->t_s,
		.duration_s = tick->duration_s,
		.full = tick->full,
		.count = (uint32_t)tick->count,
	};

	if (tick->count > SCENARIO_MAX_TENANTS)
		BUG("%zu tenants", tick->count);
	set_text(&message, tick->series, tick->unit);
	memcpy(message.values, tick->values, tick->count * sizeof(*tick->values));
	send_message(fd, &message, MSG_DONTWAIT);
}

void wire_event(int fd, double t_s, const char *text)
{
	struct wire_message message = {.kind = WIRE_EVENT, .t_s = t_s};

	set_text(&message, "", text);
	send_message(fd, &message, MSG_DONTWAIT);
}

void wire_warn(int fd, const char *format, ...)
{
	struct wire_message message = {.kind = WIRE_WARN};
	va_list args;

	va_start(args, format);
	(void)vsnprintf(message.text, sizeof(message.text), format, args);
	va_end(args);
	send_message(fd, &message, MSG_DONTWAIT);
}

void wire_result(int fd, const struct err *err)
{
	struct wire_message message = {.kind = WIRE_RESULT, .err = *err};

	send_message(fd, &message, 0);
}

int wire_receive(int fd, struct wire_message *ret_message)
{
	ssize_t count;

	do {
		count = recv(fd, ret_message, sizeof(*ret_message), MSG_DONTWAIT);
	} while (count < 0 && errno == EINTR);
	if (count == (ssize_t)sizeof(*ret_message))
		return 1;
	return count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK) ? -1 : 0;
}

void wire_dispatch(
	const struct wire_message *message, const char *const *names, const struct run_observer *observer)
{
	switch (message->kind) {
	case WIRE_PHASE:
		run_observe_phase(observer, message->name, message->text);
		break;
	case WIRE_TICK:
		run_observe_tick(observer, &(const struct run_tick){
						   .t_s = message->t_s,
						   .duration_s = message->duration_s,
						   .series = message->name,
						   .unit = message->text,
						   .full = message->full,
						   .names = names,
						   .values = message->values,
						   .count = message->count,
					   });
		break;
	case WIRE_EVENT:
		run_observe_event(observer, message->t_s, message->text);
		break;
	case WIRE_WARN:
		run_observe_warn(observer, message->text);
		break;
	case WIRE_RESULT:
		break;
	}
}
