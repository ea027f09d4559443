/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A YAML text as a tree of nodes with positions, and mappings read through tables of keys.  libyaml does the parsing
 * (https://pyyaml.org/wiki/LibYAML); its types stay in doc.c, and its names (yaml_free!) are not ours to use.
 *
 * Aliases make shared and even recursive nodes.  That is harmless here, because the readers follow the schema and not
 * the tree: their depth is that of the schema, and every list is bounded by DOC_MAX_ITEMS.
 *
 * All errors are ERR_INPUT and start with "FILE:LINE:COLUMN: ".  What they quote of the file is short and printable.
 */
#ifndef LIMITLAB_SCENARIO_DOC_H
#define LIMITLAB_SCENARIO_DOC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/units.h"
#include "scenario/scenario.h"

#define DOC_MAX_DEPTH 16
#define DOC_MAX_ITEMS 1000 /* in one list */
#define DOC_MAX_NODES 50000
#define DOC_MAX_TEXT  4096 /* bytes of one value */
#define DOC_MAX_WORD  255

struct doc;
struct yaml_node_s; /* libyaml's yaml_node_t; owned by the struct doc */

/* `path` is copied; it is only for messages.  The text must hold exactly one document that is not empty. */
int doc_new(const char *path, const char *text, size_t length, struct doc **ret_doc, struct err *err);
void doc_free(struct doc *doc);
const struct yaml_node_s *doc_root(const struct doc *doc);

struct mark doc_mark(const struct yaml_node_s *node);
/* Fills err with "FILE:LINE:COLUMN: " and the message; returns -1. */
int doc_error_text(const struct doc *doc, struct mark mark, struct err *err, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
#define doc_error(doc, mark, err, ...) err_failed(doc_error_text(doc, mark, err, __VA_ARGS__))
/* Puts the position in front of an error that has none yet; returns -1. */
int doc_error_wrap(const struct doc *doc, struct mark mark, struct err *err);
/* A short printable copy for messages; the caller frees. */
char *doc_quote(const char *text);

bool doc_is_scalar(const struct yaml_node_s *node);
bool doc_is_mapping(const struct yaml_node_s *node);
bool doc_is_list(const struct yaml_node_s *node);

/*
 * Plain values; the texts are the node's own memory.  what: "a name", "a time", for messages.  doc_text() takes several
 * lines, doc_word() one line of at most DOC_MAX_WORD bytes without control characters.
 */
int doc_text(const struct doc *doc, const struct yaml_node_s *node, const char *what, const char **ret_text,
	struct err *err);
int doc_word(const struct doc *doc, const struct yaml_node_s *node, const char *what, const char **ret_text,
	struct err *err);
int doc_quantity(const struct doc *doc, const struct yaml_node_s *node, enum quantity quantity, uint64_t min,
	uint64_t max, const char *what, uint64_t *ret_value, struct err *err);
int doc_choice(const struct doc *doc, const struct yaml_node_s *node, const char *what,
	const char *const *choices, size_t count, size_t *ret_index, struct err *err);

/* Lists. */
int doc_list(const struct doc *doc, const struct yaml_node_s *node, const char *what, const char *example,
	size_t *ret_count, struct err *err);
const struct yaml_node_s *doc_item(const struct doc *doc, const struct yaml_node_s *node, size_t index);

/* "true" or "false"; what: "'may die'", for messages. */
int doc_bool(const struct doc *doc, const struct yaml_node_s *node, const char *what, bool *ret_value,
	struct err *err);

struct doc_key;
typedef int doc_read(void *context, const struct doc_key *key, const struct yaml_node_s *node, void *object,
	struct err *err);

/* One key that a mapping may hold. */
struct doc_key {
	const char *name;
	bool required;
	doc_read *read;
	int id; /* for the reader's own use */
};

/*
 * Reads a mapping: first every key of it is checked (text, known, given once), then the readers run in the order of the
 * table, whatever the order in the file.  what: "a tenant", "the timeline", for messages; example: a right one.
 */
int doc_mapping(const struct doc *doc, const struct yaml_node_s *node, const char *what, const char *example,
	const struct doc_key *keys, size_t key_count, void *context, void *object, struct err *err);

/* "A, B, C" for messages; the caller frees. */
char *doc_join(const char *const *words, size_t count);
/* The candidate that `word` was probably meant to be; NULL: none is near.  By edit distance. */
const char *doc_nearest(const char *word, const char *const *candidates, size_t count);

#endif
