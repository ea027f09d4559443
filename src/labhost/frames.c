/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "labhost/internal.h"

#include <string.h>

#define HEAD_BYTES (1 + sizeof(uint32_t))

void frame_add(struct buf *buf, enum frame_kind kind, const char *path, const void *middle,
	size_t middle_length, const void *data, size_t length)
{
	size_t path_length = path ? strlen(path) + 1 : 0;
	uint32_t rest = (uint32_t)(path_length + middle_length + length);
	char letter = (char)kind;

	if (path_length + middle_length + length > FRAME_MAX_BYTES)
		BUG("a frame of %zu bytes", path_length + middle_length + length);
	buf_add(buf, &letter, 1);
	buf_add(buf, &rest, sizeof(rest));
	if (path)
		buf_add(buf, path, path_length);
	if (middle_length)
		buf_add(buf, middle, middle_length);
	if (length)
		buf_add(buf, data, length);
}

/* Relative, in a tree that we know, with no way out of it. */
static bool is_safe(const char *path, size_t length)
{
	if (length < 2 || (path[0] != TREE_RESULTS && path[0] != TREE_LEARNED))
		return false;
	for (const char *part = path + 1, *end = path + length; part < end;) {
		const char *slash = memchr(part, '/', (size_t)(end - part));
		size_t size = (size_t)((slash ? slash : end) - part);
		if (!size || (size == 1 && part[0] == '.') || (size == 2 && part[0] == '.' && part[1] == '.'))
			return false;
		part += size + 1;
	}
	return path[length - 1] != '/';
}

/* A path and its NUL, off the front of what is left. */
static const char *take_path(struct frame *frame)
{
	const char *path = frame->data;
	const char *end = memchr(path, '\0', frame->length);

	if (!end || !is_safe(path, (size_t)(end - path)))
		return NULL;
	frame->length -= (size_t)(end - path) + 1;
	frame->data = end + 1;
	return path;
}

static bool take_number(struct frame *frame, uint64_t *ret_number)
{
	if (frame->length < sizeof(*ret_number))
		return false;
	memcpy(ret_number, frame->data, sizeof(*ret_number));
	frame->data += sizeof(*ret_number);
	frame->length -= sizeof(*ret_number);
	return true;
}

static bool understand(struct frame *frame)
{
	const char *path = NULL;

	switch (frame->kind) {
	case FRAME_BEAT:
	case FRAME_STAGE:
	case FRAME_STARTED:
	case FRAME_OUT:
	case FRAME_ERR:
	case FRAME_EXIT:
		return true;
	case FRAME_PUT:
	case FRAME_APPEND:
	case FRAME_MOVE:
	case FRAME_GONE:
	case FRAME_CHECK:
		path = take_path(frame);
		if (!path)
			return false;
		frame->tree = path[0];
		frame->path = path + 1;
		break;
	default:
		return false;
	}
	if (frame->kind == FRAME_APPEND)
		return take_number(frame, &frame->offset);
	if (frame->kind == FRAME_CHECK)
		return take_number(frame, &frame->offset) && take_number(frame, &frame->hash);
	if (frame->kind == FRAME_MOVE) {
		const char *to = take_path(frame);
		if (!to || to[0] != frame->tree)
			return false;
		frame->new_path = to + 1;
	}
	return true;
}

int frame_take(const struct buf *buf, struct frame *ret_frame, size_t *ret_size, struct err *err)
{
	uint32_t rest;

	if (buf->length < HEAD_BYTES)
		return 0;
	memcpy(&rest, buf->data + 1, sizeof(rest));
	if (rest > FRAME_MAX_BYTES)
		return err_run(err, "the lab host sent a frame of %u bytes", rest);
	if (buf->length < HEAD_BYTES + rest)
		return 0;
	struct frame frame = {
		.kind = (enum frame_kind)(unsigned char)buf->data[0],
		.data = buf->data + HEAD_BYTES,
		.length = rest,
	};
	if (!understand(&frame))
		return err_run(err, "the lab host sent something that is no frame (kind %d, %u bytes)",
			(int)frame.kind, rest);
	*ret_frame = frame;
	*ret_size = HEAD_BYTES + rest;
	return 1;
}
