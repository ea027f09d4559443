/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A growing byte string that is always NUL terminated.  Running out of memory is a BUG(): limitlab's texts are small.
 */
#ifndef LIMITLAB_BASE_BUF_H
#define LIMITLAB_BASE_BUF_H

#include <stddef.h>

struct buf {
	char *data; /* NULL while empty and never used; else NUL terminated */
	size_t length;
	size_t capacity;
};

/* clang-format off */
#define BUF_INIT {0}
/* clang-format on */

void buf_release(struct buf *buf);
void buf_add(struct buf *buf, const void *data, size_t length);
void buf_adds(struct buf *buf, const char *text);
void buf_addf(struct buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Drops the first `length` bytes. */
void buf_consume(struct buf *buf, size_t length);
void buf_reset(struct buf *buf);
/* The text (never NULL); the buffer is empty afterwards and the caller frees. */
char *buf_steal(struct buf *buf);

static inline void auto_buf(struct buf *buf)
{
	buf_release(buf);
}

/* strdup, strndup and asprintf that do not return NULL. */
char *xstrdup(const char *text);
char *xstrndup(const char *text, size_t length);
char *xasprintf(const char *format, ...) __attribute__((format(printf, 1, 2)));
void *xcalloc(size_t count, size_t size);
/* Grows an array for one more element; returns the array.  *capacity is in elements. */
void *xgrow(void *array, size_t count, size_t *capacity, size_t element_size);

#endif
