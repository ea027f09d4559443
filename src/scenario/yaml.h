/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A YAML text as a tree of nodes with positions, and mappings read through tables of keys.  libyaml does the parsing
 * (https://pyyaml.org/wiki/LibYAML); its types stay in yaml.c.
 *
 * Aliases make shared and even recursive nodes.  That is harmless here, because the readers follow the schema and not
 * the tree: their depth is that of the schema, and every list is bounded by YAML_MAX_ITEMS.
 *
 * All errors are ERR_INPUT and start with "FILE:LINE:COLUMN: ".  What they quote of the file is short and printable.
 */
#ifndef LIMITLAB_SCENARIO_YAML_H
#define LIMITLAB_SCENARIO_YAML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/units.h"
#include "scenario/scenario.h"

#define YAML_MAX_DEPTH 16
#define YAML_MAX_ITEMS 1000 /* in one list */
#define YAML_MAX_NODES 50000
#define YAML_MAX_TEXT  4096 /* bytes of one value */
#define YAML_MAX_WORD  255

struct yaml;
struct yaml_node_s; /* libyaml's yaml_node_t; owned by the struct yaml */

/* `path` is copied; it is only for messages.  The text must hold exactly one document that is not empty. */
int yaml_new(const char *path, const char *text, size_t length, struct yaml **ret_yaml, struct err *err);
void yaml_free(struct yaml *yaml);
const struct yaml_node_s *yaml_root(const struct yaml *yaml);

struct mark yaml_mark(const struct yaml_node_s *node);
/* Fills err with "FILE:LINE:COLUMN: " and the message; returns -1. */
int yaml_error(const struct yaml *yaml, struct mark mark, struct err *err, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
/* Puts the position in front of an error that has none yet; returns -1. */
int yaml_error_wrap(const struct yaml *yaml, struct mark mark, struct err *err);
/* A short printable copy for messages; the caller frees. */
char *yaml_quote(const char *text);

bool yaml_is_scalar(const struct yaml_node_s *node);
bool yaml_is_mapping(const struct yaml_node_s *node);
bool yaml_is_list(const struct yaml_node_s *node);

/*
 * Plain values; the texts are the node's own memory.  what: "a name", "a time", for messages.  yaml_text() takes several
 * lines, yaml_word() one line of at most YAML_MAX_WORD bytes without control characters.
 */
int yaml_text(const struct yaml *yaml, const struct yaml_node_s *node, const char *what,
	const char **ret_text, struct err *err);
int yaml_word(const struct yaml *yaml, const struct yaml_node_s *node, const char *what,
	const char **ret_text, struct err *err);
int yaml_quantity(const struct yaml *yaml, const struct yaml_node_s *node, enum quantity quantity,
	uint64_t min, uint64_t max, const char *what, uint64_t *ret_value, struct err *err);
int yaml_choice(const struct yaml *yaml, const struct yaml_node_s *node, const char *what,
	const char *const *choices, size_t count, size_t *ret_index, struct err *err);

/* Lists. */
int yaml_list(const struct yaml *yaml, const struct yaml_node_s *node, const char *what, const char *example,
	size_t *ret_count, struct err *err);
const struct yaml_node_s *yaml_item(const struct yaml *yaml, const struct yaml_node_s *node, size_t index);

struct yaml_key;
typedef int yaml_read(void *context, const struct yaml_key *key, const struct yaml_node_s *node, void *object,
	struct err *err);

/* One key that a mapping may hold. */
struct yaml_key {
	const char *name;
	bool required;
	yaml_read *read;
	int id; /* for the reader's own use */
};

/*
 * Reads a mapping: first every key of it is checked (text, known, given once), then the readers run in the order of the
 * table, whatever the order in the file.  what: "a tenant", "the timeline", for messages; example: a right one.
 */
int yaml_mapping(const struct yaml *yaml, const struct yaml_node_s *node, const char *what,
	const char *example, const struct yaml_key *keys, size_t key_count, void *context, void *object,
	struct err *err);

/* "A, B, C" for messages; the caller frees. */
char *yaml_join(const char *const *words, size_t count);
/* The candidate that `word` was probably meant to be; NULL: none is near.  By edit distance. */
const char *yaml_nearest(const char *word, const char *const *candidates, size_t count);

#endif
