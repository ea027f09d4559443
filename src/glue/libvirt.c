/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "glue/libvirt.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int err_libvirt_at(struct err *err, const char *origin, const char *format, ...)
{
	/* The first thing: whatever comes after may call libvirt again. */
	const virError *last = virGetLastError();
	int code = last ? last->code : VIR_ERR_OK;
	char message[768];
	char context[256];
	va_list args;

	(void)snprintf(message, sizeof(message), "%s",
		last && last->message ? last->message : "libvirt gave no reason");
	/* Some of its messages end with a newline, taken from a program's output. */
	message[strcspn(message, "\n")] = '\0';
	va_start(args, format);
	(void)vsnprintf(context, sizeof(context), format, args);
	va_end(args);
	return err_set_at(err, origin, ERR_LIBVIRT, code, "%s: %s", context, message);
}

static void swallow_error(void *data, virErrorPtr error)
{
	(void)data;
	(void)error;
}

void glue_libvirt_quiet(void)
{
	/* Level 4: errors only, and to nowhere a user looks; the text reaches us through err_libvirt(). */
	(void)setenv("LIBVIRT_LOG_OUTPUTS", "4:file:/dev/null", 0);
	virSetErrorFunc(NULL, swallow_error);
}
