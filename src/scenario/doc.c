/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "scenario/doc.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <yaml.h>

#include "base/auto.h"
#include "base/buf.h"
#include "scenario/text.h"

struct doc {
	char *path;
	yaml_document_t document;
	bool loaded;
};

static struct mark mark_of(yaml_mark_t mark)
{
	return (struct mark){.line = (unsigned)mark.line + 1, .column = (unsigned)mark.column + 1};
}

struct mark doc_mark(const struct yaml_node_s *node)
{
	return mark_of(node->start_mark);
}

int doc_error_text(const struct doc *doc, struct mark mark, struct err *err, const char *format, ...)
{
	char text[sizeof(err->text)];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	return err_input(err, "%s:%u:%u: %s", doc->path, mark.line, mark.column, text);
}

int doc_error_wrap(const struct doc *doc, struct mark mark, struct err *err)
{
	return err_wrap(err, "%s:%u:%u", doc->path, mark.line, mark.column);
}

char *doc_quote(const char *text)
{
	return text_quote(text, strlen(text));
}

/* libyaml's words, in its parser's order of usefulness. */
static int syntax_error(const struct doc *doc, const yaml_parser_t *parser, struct err *err)
{
	if (parser->error == YAML_MEMORY_ERROR)
		return err_run(err, "no memory for '%s'", doc->path);
	struct mark mark = mark_of(parser->problem_mark);
	return doc_error(doc, mark, err,
		"this is not YAML: %s%s%s; check indentation, quotes and brackets here",
		parser->problem ? parser->problem : "unknown problem", parser->context ? " " : "",
		parser->context ? parser->context : "");
}

static int check_event(const struct doc *doc, const yaml_event_t *event, unsigned *depth, unsigned *nodes,
	unsigned *documents, struct err *err)
{
	struct mark mark = mark_of(event->start_mark);

	switch (event->type) {
	case YAML_DOCUMENT_START_EVENT:
		if (++*documents > 1)
			return doc_error(doc, mark, err,
				"a second document starts here; a scenario file holds one, remove '---' and what follows");
		return 0;
	case YAML_SEQUENCE_START_EVENT:
	case YAML_MAPPING_START_EVENT:
		if (++*depth > DOC_MAX_DEPTH)
			return doc_error(doc, mark, err,
				"nested more than %d levels deep; a scenario needs no more than five",
				DOC_MAX_DEPTH);
		break;
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		--*depth;
		return 0;
	case YAML_SCALAR_EVENT:
	case YAML_ALIAS_EVENT:
		break;
	default:
		return 0;
	}
	if (++*nodes > DOC_MAX_NODES)
		return doc_error(doc, mark, err,
			"more than %d values in one file; a scenario needs a few hundred", DOC_MAX_NODES);
	return 0;
}

static void parser_start(yaml_parser_t *parser, const char *text, size_t length)
{
	if (!yaml_parser_initialize(parser))
		BUG("no memory for a YAML parser");
	yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(parser, (const unsigned char *)text, length);
}

/*
 * A first pass over the events.  libyaml's scanner and loader take time that grows with the square of the nesting, so
 * the depth must be known before the loader sees the text.
 */
static int check_shape(const struct doc *doc, const char *text, size_t length, struct err *err)
{
	unsigned depth = 0, nodes = 0, documents = 0;
	bool end = false;
	int result = 0;
	yaml_parser_t parser;

	parser_start(&parser, text, length);
	while (!end && !result) {
		yaml_event_t event;
		if (!yaml_parser_parse(&parser, &event)) {
			result = syntax_error(doc, &parser, err);
			break;
		}
		end = event.type == YAML_STREAM_END_EVENT;
		result = check_event(doc, &event, &depth, &nodes, &documents, err);
		yaml_event_delete(&event);
	}
	yaml_parser_delete(&parser);
	if (!result && documents == 0)
		return doc_error(doc, (struct mark){1, 1}, err,
			"there is nothing in this file; a scenario begins with name: and title:");
	return result;
}

int doc_new(const char *path, const char *text, size_t length, struct doc **ret_doc, struct err *err)
{
	struct doc *doc = xcalloc(1, sizeof(*doc));
	yaml_parser_t parser;

	doc->path = xstrdup(path);
	if (text_check(path, text, length, err) < 0 || check_shape(doc, text, length, err) < 0) {
		doc_free(doc);
		return -1;
	}
	parser_start(&parser, text, length);
	doc->loaded = yaml_parser_load(&parser, &doc->document) != 0;
	int result = doc->loaded ? 0 : syntax_error(doc, &parser, err);
	yaml_parser_delete(&parser);
	if (!result && !doc_root(doc))
		result = doc_error(doc, (struct mark){1, 1}, err, "this file holds no values");
	if (result < 0) {
		doc_free(doc);
		return -1;
	}
	*ret_doc = doc;
	return 0;
}

void doc_free(struct doc *doc)
{
	if (!doc)
		return;
	if (doc->loaded)
		yaml_document_delete(&doc->document);
	free(doc->path);
	free(doc);
}

/* The document is not changed; libyaml only lacks the const. */
static yaml_document_t *document_of(const struct doc *doc)
{
	return &((struct doc *)(uintptr_t)doc)->document;
}

const struct yaml_node_s *doc_root(const struct doc *doc)
{
	return yaml_document_get_root_node(document_of(doc));
}

bool doc_is_scalar(const struct yaml_node_s *node)
{
	return node->type == YAML_SCALAR_NODE;
}

bool doc_is_mapping(const struct yaml_node_s *node)
{
	return node->type == YAML_MAPPING_NODE;
}

bool doc_is_list(const struct yaml_node_s *node)
{
	return node->type == YAML_SEQUENCE_NODE;
}

static const char *type_name(const struct yaml_node_s *node)
{
	return doc_is_scalar(node) ? "a plain value" : (doc_is_list(node) ? "a list" : "a mapping of keys");
}

int doc_text(const struct doc *doc, const struct yaml_node_s *node, const char *what, const char **ret_text,
	struct err *err)
{
	if (!doc_is_scalar(node))
		return doc_error(
			doc, doc_mark(node), err, "this is %s; %s is expected here", type_name(node), what);
	const char *text = (const char *)node->data.scalar.value;
	size_t length = node->data.scalar.length;
	if (strlen(text) != length)
		return doc_error(doc, doc_mark(node), err, "a NUL character (\"\\0\") in a value; remove it");
	if (length > DOC_MAX_TEXT)
		return doc_error(doc, doc_mark(node), err, "a value of %zu bytes; %d are the most", length,
			DOC_MAX_TEXT);
	if (length == 0)
		return doc_error(doc, doc_mark(node), err, "the value is missing; %s is expected here", what);
	*ret_text = text;
	return 0;
}

int doc_word(const struct doc *doc, const struct yaml_node_s *node, const char *what, const char **ret_text,
	struct err *err)
{
	const char *text;

	if (doc_text(doc, node, what, &text, err) < 0)
		return -1;
	size_t length = strlen(text);
	if (length > DOC_MAX_WORD)
		return doc_error(doc, doc_mark(node), err, "%zu bytes are too long for %s; %d are the most",
			length, what, DOC_MAX_WORD);
	for (size_t at = 0; at < length;) {
		uint32_t code = 0;
		/* libyaml has made sure that it is UTF-8. */
		size_t size = text_next(text + at, length - at, &code);
		if (size == 0 || !text_is_printable(code))
			return doc_error(doc, doc_mark(node), err,
				"a line end or control character in %s; write it in one line of plain text",
				what);
		at += size;
	}
	*ret_text = text;
	return 0;
}

int doc_quantity(const struct doc *doc, const struct yaml_node_s *node, enum quantity quantity, uint64_t min,
	uint64_t max, const char *what, uint64_t *ret_value, struct err *err)
{
	struct err cause = ERR_INIT;
	const char *text;
	uint64_t value;

	if (doc_word(doc, node, what, &text, err) < 0)
		return -1;
	AUTO(free_ptr) char *least = units_format(min, quantity);
	AUTO(free_ptr) char *most = units_format(max, quantity);
	if (units_parse(text, quantity, &value, &cause) < 0)
		return doc_error(
			doc, doc_mark(node), err, "%s; %s goes from %s to %s", cause.text, what, least, most);
	if (value < min || value > max)
		return doc_error(doc, doc_mark(node), err,
			"'%s' is out of range for %s; it goes from %s to %s", text, what, least, most);
	*ret_value = value;
	return 0;
}

int doc_choice(const struct doc *doc, const struct yaml_node_s *node, const char *what,
	const char *const *choices, size_t count, size_t *ret_index, struct err *err)
{
	const char *text;

	if (doc_word(doc, node, what, &text, err) < 0)
		return -1;
	for (size_t i = 0; i < count; i++) {
		if (strcmp(text, choices[i]) == 0) {
			*ret_index = i;
			return 0;
		}
	}
	AUTO(free_ptr) char *list = doc_join(choices, count);
	AUTO(free_ptr) char *quoted = doc_quote(text);
	return doc_error(doc, doc_mark(node), err, "'%s' is not %s; it is one of %s", quoted, what, list);
}

int doc_bool(const struct doc *doc, const struct yaml_node_s *node, const char *what, bool *ret_value,
	struct err *err)
{
	static const char *const words[] = {"false", "true"};
	size_t index;

	if (doc_choice(doc, node, what, words, ARRAY_SIZE(words), &index, err) < 0)
		return -1;
	*ret_value = index == 1;
	return 0;
}

int doc_list(const struct doc *doc, const struct yaml_node_s *node, const char *what, const char *example,
	size_t *ret_count, struct err *err)
{
	if (!doc_is_list(node))
		return doc_error(doc, doc_mark(node), err, "%s must be a list, not %s; write it as in %s",
			what, type_name(node), example);
	size_t count = (size_t)(node->data.sequence.items.top - node->data.sequence.items.start);
	if (count > DOC_MAX_ITEMS)
		return doc_error(doc, doc_mark(node), err, "%s has %zu entries; %d are the most", what, count,
			DOC_MAX_ITEMS);
	*ret_count = count;
	return 0;
}

const struct yaml_node_s *doc_item(const struct doc *doc, const struct yaml_node_s *node, size_t index)
{
	return yaml_document_get_node(document_of(doc), node->data.sequence.items.start[index]);
}

static int unknown_key(const struct doc *doc, const struct yaml_node_s *node, const char *what,
	const struct doc_key *keys, size_t key_count, struct err *err)
{
	AUTO(free_ptr) const char **names = xcalloc(key_count, sizeof(*names));

	for (size_t i = 0; i < key_count; i++)
		names[i] = keys[i].name;
	const char *word = (const char *)node->data.scalar.value;
	const char *nearest = doc_nearest(word, names, key_count);
	AUTO(free_ptr) char *list = doc_join(names, key_count);
	AUTO(free_ptr) char *quoted = doc_quote(word);
	if (nearest)
		return doc_error(doc, doc_mark(node), err, "unknown key '%s' in %s; did you mean '%s'?",
			quoted, what, nearest);
	return doc_error(doc, doc_mark(node), err, "unknown key '%s' in %s; it takes %s", quoted, what, list);
}

/* Puts the value of every key of the mapping into values[], by the key's place in the table. */
static int sort_keys(const struct doc *doc, const struct yaml_node_s *node, const char *what,
	const struct doc_key *keys, size_t key_count, const struct yaml_node_s **values, struct err *err)
{
	const yaml_node_pair_t *pair = node->data.mapping.pairs.start;

	for (; pair < node->data.mapping.pairs.top; pair++) {
		const yaml_node_t *key_node = yaml_document_get_node(document_of(doc), pair->key);
		const char *word = NULL;
		size_t i = 0;
		if (doc_text(doc, key_node, "the name of a key", &word, err) < 0)
			return -1;
		while (i < key_count && strcmp(keys[i].name, word) != 0)
			i++;
		if (i == key_count)
			return unknown_key(doc, key_node, what, keys, key_count, err);
		if (values[i])
			return doc_error(doc, doc_mark(key_node), err,
				"'%s' is given twice in %s; remove one of the two", keys[i].name, what);
		values[i] = yaml_document_get_node(document_of(doc), pair->value);
	}
	return 0;
}

int doc_mapping(const struct doc *doc, const struct yaml_node_s *node, const char *what, const char *example,
	const struct doc_key *keys, size_t key_count, void *context, void *object, struct err *err)
{
	if (!doc_is_mapping(node))
		return doc_error(doc, doc_mark(node), err,
			"%s must be a mapping of keys, not %s; write it as in %s", what, type_name(node),
			example);
	AUTO(free_ptr) const struct yaml_node_s **values = xcalloc(key_count, sizeof(*values));
	if (sort_keys(doc, node, what, keys, key_count, values, err) < 0)
		return -1;
	for (size_t i = 0; i < key_count; i++) {
		if (!values[i] && keys[i].required)
			return doc_error(doc, doc_mark(node), err, "'%s' is missing in %s; write it as in %s",
				keys[i].name, what, example);
		if (values[i] && keys[i].read(context, &keys[i], values[i], object, err) < 0)
			return -1;
	}
	return 0;
}

char *doc_join(const char *const *words, size_t count)
{
	struct buf list = BUF_INIT;

	for (size_t i = 0; i < count; i++)
		buf_addf(&list, "%s%s", i ? ", " : "", words[i]);
	return buf_steal(&list);
}

const char *doc_nearest(const char *word, const char *const *candidates, size_t count)
{
	const char *nearest = NULL;
	unsigned best = 3;

	for (size_t i = 0; i < count; i++) {
		unsigned distance = text_distance(word, candidates[i]);
		/* A short word has many neighbours: a third of it may differ. */
		if (distance < best && distance * 3 <= strlen(candidates[i])) {
			best = distance;
			nearest = candidates[i];
		}
	}
	return nearest;
}
