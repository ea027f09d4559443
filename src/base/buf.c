/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

static void reserve(struct buf *buf, size_t more)
{
	size_t wanted = buf->length + more + 1;

	if (wanted <= buf->capacity)
		return;
	size_t capacity = buf->capacity ? buf->capacity : 64;
	while (capacity < wanted)
		capacity *= 2;
	char *data = realloc(buf->data, capacity);
	if (!data)
		BUG("out of memory for %zu bytes", capacity);
	buf->data = data;
	buf->capacity = capacity;
}

void buf_release(struct buf *buf)
{
	free(buf->data);
	*buf = (struct buf)BUF_INIT;
}

void buf_add(struct buf *buf, const void *data, size_t length)
{
	reserve(buf, length);
	if (length)
		memcpy(buf->data + buf->length, data, length);
	buf->length += length;
	buf->data[buf->length] = '\0';
}

void buf_adds(struct buf *buf, const char *text)
{
	buf_add(buf, text, strlen(text));
}

void buf_addf(struct buf *buf, const char *format, ...)
{
	va_list args, again;

	va_start(args, format);
	va_copy(again, args);
	int length = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (length < 0)
		BUG("bad format '%s'", format);
	reserve(buf, (size_t)length);
	(void)vsnprintf(buf->data + buf->length, (size_t)length + 1, format, again);
	va_end(again);
	buf->length += (size_t)length;
}

void buf_consume(struct buf *buf, size_t length)
{
	if (length > buf->length)
		BUG("consuming %zu of %zu bytes", length, buf->length);
	if (!length)
		return;
	buf->length -= length;
	memmove(buf->data, buf->data + length, buf->length + 1);
}

void buf_reset(struct buf *buf)
{
	buf->length = 0;
	if (buf->data)
		buf->data[0] = '\0';
}

char *buf_steal(struct buf *buf)
{
	char *text = buf->data ? buf->data : xstrdup("");

	*buf = (struct buf)BUF_INIT;
	return text;
}

char *xstrdup(const char *text)
{
	char *copy = strdup(text);

	if (!copy)
		BUG("out of memory");
	return copy;
}

char *xstrndup(const char *text, size_t length)
{
	char *copy = strndup(text, length);

	if (!copy)
		BUG("out of memory");
	return copy;
}

char *xasprintf(const char *format, ...)
{
	char *text = NULL;
	va_list args;

	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		BUG("out of memory");
	va_end(args);
	return text;
}

void *xcalloc(size_t count, size_t size)
{
	void *memory = calloc(count ? count : 1, size ? size : 1);

	if (!memory)
		BUG("out of memory for %zu times %zu bytes", count, size);
	return memory;
}

void *xgrow(void *array, size_t count, size_t *capacity, size_t element_size)
{
	if (count < *capacity)
		return array;
	size_t wanted = *capacity ? *capacity * 2 : 8;
	void *bigger = reallocarray(array, wanted, element_size);
	if (!bigger)
		BUG("out of memory for %zu times %zu bytes", wanted, element_size);
	memset((char *)bigger + *capacity * element_size, 0, (wanted - *capacity) * element_size);
	*capacity = wanted;
	return bigger;
}
