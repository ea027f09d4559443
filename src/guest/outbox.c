/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "guest/outbox.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	OUTBOX_MAX_BYTES = 256 << 10, /* what the host has not read yet; beyond it the oldest lines go */
};

struct outbox_line {
	TAILQ_ENTRY(outbox_line) next;
	size_t length;
	char text[];
};

void outbox_init(struct outbox *box, int fd)
{
	*box = (struct outbox){.fd = fd};
	TAILQ_INIT(&box->queue);
}

bool outbox_is_empty(const struct outbox *box)
{
	return TAILQ_EMPTY(&box->queue);
}

/* Makes room by dropping the oldest line of output; a line half written stays, and '@' lines go last. */
static void drop_oldest(struct outbox *box)
{
	struct outbox_line *line, *victim = NULL;

	TAILQ_FOREACH (line, &box->queue, next) {
		/* cppcheck-suppress uninitvar; outbox_add() fills a line before it stands in the queue */
		if (line == TAILQ_FIRST(&box->queue) && box->written)
			continue;
		if (!victim || line->text[0] != '@')
			victim = line;
		if (line->text[0] != '@')
			break;
	}
	if (!victim)
		return;
	TAILQ_REMOVE(&box->queue, victim, next);
	box->queued_bytes -= victim->length;
	box->dropped++;
	free(victim);
}

void outbox_add(struct outbox *box, const char *prefix, const char *text, size_t length)
{
	size_t prefix_length = strlen(prefix);
	struct outbox_line *line = malloc(sizeof(*line) + prefix_length + length + 1);

	if (!line) {
		box->dropped++;
		return;
	}
	memcpy(line->text, prefix, prefix_length);
	memcpy(line->text + prefix_length, text, length);
	line->length = prefix_length + length + 1;
	line->text[line->length - 1] = '\n';
	while (box->queued_bytes + line->length > OUTBOX_MAX_BYTES && box->queued_bytes) {
		size_t before = box->queued_bytes;
		drop_oldest(box);
		if (box->queued_bytes == before)
			break;
	}
	TAILQ_INSERT_TAIL(&box->queue, line, next);
	box->queued_bytes += line->length;
}

/* The oldest lines went, so the gap is at the head of the queue; the count is told there. */
static void tell_dropped(struct outbox *box)
{
	static const char word[] = "@dropped ";
	struct outbox_line *line = TAILQ_FIRST(&box->queue);
	char text[64];

	/* One such line, however long the host does not read. */
	if (line && strncmp(line->text, word, strlen(word)) == 0) {
		box->dropped += strtoul(line->text + strlen(word), NULL, 10);
		TAILQ_REMOVE(&box->queue, line, next);
		box->queued_bytes -= line->length;
		free(line);
	}
	size_t length = (size_t)snprintf(text, sizeof(text), "%s%lu\n", word, box->dropped);
	line = malloc(sizeof(*line) + length);
	if (!line)
		return;
	memcpy(line->text, text, length);
	line->length = length;
	TAILQ_INSERT_HEAD(&box->queue, line, next);
	box->queued_bytes += length;
	box->dropped = 0;
}

/* Drops what has been written from the front of the queue. */
static void take_written(struct outbox *box, size_t count)
{
	struct outbox_line *line;

	box->written += count;
	while ((line = TAILQ_FIRST(&box->queue)) && box->written >= line->length) {
		box->written -= line->length;
		TAILQ_REMOVE(&box->queue, line, next);
		box->queued_bytes -= line->length;
		free(line);
	}
}

/* As many lines as fit one write: every write to a virtio port leaves the guest. */
static size_t fill_chunk(const struct outbox *box, char *chunk, size_t size)
{
	const struct outbox_line *line;
	size_t length = 0, skip = box->written;

	TAILQ_FOREACH (line, &box->queue, next) {
		/* cppcheck-suppress uninitvar; outbox_add() fills a line before it stands in the queue */
		size_t part = line->length - skip;
		if (part > size - length)
			part = size - length;
		memcpy(chunk + length, line->text + skip, part);
		length += part;
		skip = 0;
		if (length == size)
			break;
	}
	return length;
}

void outbox_flush(struct outbox *box)
{
	char chunk[8 << 10];

	for (;;) {
		if (box->dropped && !box->written)
			tell_dropped(box);
		size_t length = fill_chunk(box, chunk, sizeof(chunk));
		if (!length)
			return;
		ssize_t count = write(box->fd, chunk, length);
		if (count < 0 && errno == EINTR)
			continue;
		if (count <= 0)
			return;
		take_written(box, (size_t)count);
	}
}
