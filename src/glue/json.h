/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * jansson: cleanup, and numbers and texts that JSON cannot hold.
 */
#ifndef LIMITLAB_GLUE_JSON_H
#define LIMITLAB_GLUE_JSON_H

#include <jansson.h>

#include "base/auto.h"
#include "base/err.h"

DEFINE_AUTO(json, json_t *, json_decref);

/* NAN and infinities become null. */
json_t *json_number_or_null(double value);
/* Bytes that are no UTF-8 become '?': a guest may print anything.  NULL is "". */
json_t *json_text(const char *text);
/* Takes the value over; for objects of our own making, where a failure is our mistake. */
void json_put(json_t *object, const char *name, json_t *value);
/* In one line, without a newline at the end.  The caller frees. */
char *json_line(const json_t *json);
/* Parses text; errors are ERR_INPUT, "PATH:LINE:COLUMN: ...". */
int json_parse(const char *path, const char *text, size_t length, json_t **ret_json, struct err *err);
/* Writes it indented, with a newline at the end, atomically. */
int json_write(const json_t *json, const char *path, struct err *err);

#endif
