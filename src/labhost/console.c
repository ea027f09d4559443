/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "labhost/internal.h"

#include <string.h>

#include "base/auto.h"

/* How a dying kernel begins (kernel/panic.c, arch/x86/kernel/dumpstack.c, kernel/sched/core.c); the first line found tells most. */
static const char *const deaths[] = {
	"BUG: kernel NULL pointer",
	"BUG: unable to handle",
	"kernel BUG at ",
	"general protection fault",
	"invalid opcode: ",
	"stack segment: ",
	"double fault: ",
	"Oops: ",
	"corrupted stack end detected",
};
#define PANIC "Kernel panic - not syncing"

/* The line around `at`, without "[   12.345678] " and without control characters.  The caller frees. */
static char *line_around(const char *text, const char *at)
{
	AUTO(buf) struct buf line = BUF_INIT;

	while (at > text && at[-1] != '\n')
		at--;
	if (at[0] == '[' && at[strspn(at, "[ .0123456789")] == ']')
		at += strcspn(at, "]") + 1;
	for (at += strspn(at, " "); *at && *at != '\n'; at++)
		if ((unsigned char)*at >= ' ')
			buf_add(&line, at, 1);
	return buf_steal(&line);
}

char *console_panic(const char *text)
{
	const char *panic = strstr(text, PANIC);
	const char *first = NULL;

	/* A user's process may fault ("traps: x general protection fault"); only what ends in a panic, or is an oops, is a death. */
	for (size_t i = 0; i < ARRAY_SIZE(deaths); i++) {
		const char *at = strstr(text, deaths[i]);
		bool alone = strncmp(deaths[i], "BUG:", 4) == 0 ||
			     strncmp(deaths[i], "kernel BUG", 10) == 0 || strncmp(deaths[i], "Oops", 4) == 0;
		if (at && (alone || panic) && (!first || at < first))
			first = at;
	}
	if (!panic)
		return first ? line_around(text, first) : NULL;
	AUTO(free_ptr) char *why = line_around(text, panic);
	if (!first || first > panic)
		return STEAL(why);
	AUTO(free_ptr) char *before = line_around(text, first);
	/* "Kernel panic - not syncing: corrupted stack end detected ..." says it already. */
	return strcmp(before, why) == 0 ? STEAL(why) : xasprintf("%s; %s", before, why);
}
