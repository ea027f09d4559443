/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "glue/json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/fsio.h"

json_t *json_number_or_null(double value)
{
	return isfinite(value) ? json_real(value) : json_null();
}

json_t *json_text(const char *text)
{
	json_t *json = json_string(text ? text : "");

	if (json)
		return json;
	AUTO(free_ptr) char *copy = xstrdup(text);
	for (char *p = copy; *p; p++)
		if ((unsigned char)*p >= 0x80)
			*p = '?';
	return json_string(copy);
}

void json_put(json_t *object, const char *name, json_t *value)
{
	if (json_object_set_new(object, name, value))
		BUG("cannot store '%s'", name);
}

char *json_line(const json_t *json)
{
	char *line = json_dumps(json, JSON_COMPACT | JSON_REAL_PRECISION(15));

	if (!line)
		BUG("a JSON value that cannot be written");
	return line;
}

int json_parse(const char *path, const char *text, size_t length, json_t **ret_json, struct err *err)
{
	json_error_t error = {0};
	json_t *json = json_loadb(text, length, JSON_REJECT_DUPLICATES, &error);

	if (!json)
		return err_input(err, "%s:%d:%d: %s", path, error.line > 0 ? error.line : 1,
			error.column > 0 ? error.column : 1, error.text);
	*ret_json = json;
	return 0;
}

int json_write(const json_t *json, const char *path, struct err *err)
{
	AUTO(free_ptr) char *text = json_dumps(json, JSON_INDENT(2) | JSON_REAL_PRECISION(15));
	AUTO(buf) struct buf out = BUF_INIT;

	if (!text)
		BUG("a JSON value that cannot be written");
	buf_adds(&out, text);
	buf_adds(&out, "\n");
	return fsio_write_atomic(path, out.data, out.length, err);
}
