/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The runner's lines on their way to the host.  The host may not read for a while, or never: adding a line never waits,
 * and when the queue is full the oldest lines of output go ("@dropped N" stands where they were).  Part of the guest's
 * runner, which is linked statically and alone.
 */
#ifndef LIMITLAB_GUEST_OUTBOX_H
#define LIMITLAB_GUEST_OUTBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/queue.h>

struct outbox {
	int fd; /* non-blocking, borrowed */
	TAILQ_HEAD(outbox_lines, outbox_line) queue;
	size_t queued_bytes, written; /* written: of the first line */
	unsigned long dropped;        /* and not told yet */
};

void outbox_init(struct outbox *box, int fd);
/* Adds prefix, text and a newline.  prefix: "" or " ", which keeps a workload's '@' apart from ours. */
void outbox_add(struct outbox *box, const char *prefix, const char *text, size_t length);
/* Writes as much as the host takes now. */
void outbox_flush(struct outbox *box);
bool outbox_is_empty(const struct outbox *box);

#endif
