/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/err.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

__attribute__((format(printf, 6, 0))) static int set_v(struct err *err, const char *origin,
	enum err_domain domain, int code, const char *tail, const char *format, va_list args)
{
	if (!err || err->domain != ERR_NONE)
		return -1;
	err->domain = domain;
	err->code = code;
	err->origin = origin;
	err->remedy[0] = '\0';
	int used = vsnprintf(err->text, sizeof(err->text), format, args);
	if (tail && used >= 0 && (size_t)used < sizeof(err->text))
		(void)snprintf(err->text + used, sizeof(err->text) - (size_t)used, ": %s", tail);
	return -1;
}

int err_set_at(struct err *err, const char *origin, enum err_domain domain, int code, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)set_v(err, origin, domain, code, NULL, format, args);
	va_end(args);
	return -1;
}

int err_sys_at(struct err *err, const char *origin, int errno_value, const char *format, ...)
{
	char reason[128];
	va_list args;

	/* The GNU strerror_r: thread safe, returns the text. */
	const char *text = strerror_r(errno_value, reason, sizeof(reason));
	va_start(args, format);
	(void)set_v(err, origin, ERR_SYS, errno_value, text, format, args);
	va_end(args);
	return -1;
}

int err_wrap_text(struct err *err, const char *format, ...)
{
	char old[sizeof(err->text)];
	va_list args;

	if (!err || err->domain == ERR_NONE)
		return -1;
	memcpy(old, err->text, sizeof(old));
	va_start(args, format);
	int used = vsnprintf(err->text, sizeof(err->text), format, args);
	va_end(args);
	if (used >= 0 && (size_t)used < sizeof(err->text))
		(void)snprintf(err->text + used, sizeof(err->text) - (size_t)used, ": %.*s",
			(int)(sizeof(err->text) - (size_t)used), old);
	return -1;
}

int err_remedy_text(struct err *err, const char *format, ...)
{
	va_list args;

	if (!err || err->remedy[0])
		return -1;
	va_start(args, format);
	(void)vsnprintf(err->remedy, sizeof(err->remedy), format, args);
	va_end(args);
	return -1;
}

bool err_is_set(const struct err *err)
{
	return err && err->domain != ERR_NONE;
}

void err_clear(struct err *err)
{
	if (!err)
		return;
	err->domain = ERR_NONE;
	err->code = 0;
	err->origin = NULL;
	err->text[0] = '\0';
	err->remedy[0] = '\0';
}

int err_worse_exit_code(int a, int b)
{
	static const int order[] = {5, 4, 2, 1, 3, 0};

	if (a > 5 || b > 5)
		return a > b ? a : b;
	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++)
		if (a == order[i] || b == order[i])
			return order[i];
	return a;
}

int err_exit_code(const struct err *err)
{
	switch (err->domain) {
	case ERR_NONE:
		return 0;
	case ERR_INPUT:
		return 2;
	case ERR_HOST:
		return 4;
	case ERR_INTERRUPTED:
		return 128 + err->code;
	case ERR_SYS:
	case ERR_LIBVIRT:
	case ERR_NETLINK:
	case ERR_AGENT:
	case ERR_READBACK:
	case ERR_RUN:
		break;
	}
	return 5;
}

void err_bug(const char *origin, const char *format, ...)
{
	va_list args;

	(void)fprintf(stderr, "BUG at %s: ", origin);
	va_start(args, format);
	(void)vfprintf(stderr, format, args);
	va_end(args);
	(void)fputc('\n', stderr);
	abort();
}
