/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Times of expectations: "20s", or relative to an event by its name: "red gains", "red gains + 2s", "red gains - 500ms". */
#include <string.h>

#include "base/auto.h"
#include "base/buf.h"
#include "scenario/expect.h"
#include "scenario/text.h"

/* What stands behind the event's name; NULL: the text does not begin with this event. */
static const char *behind(const char *text, const char *name)
{
	size_t length = strlen(name);

	if (strncmp(text, name, length) != 0)
		return NULL;
	const char *rest = text + length + strspn(text + length, " ");
	return !*rest || *rest == '+' || *rest == '-' ? rest : NULL;
}

/* The longest name that fits, so that "a - b" is not read as "a" with an offset. */
static const struct event_spec *find_event(
	const struct scenario *scenario, const char *text, const char **ret_rest)
{
	const struct event_spec *found = NULL;

	for (size_t i = 0; i < scenario->event_count; i++) {
		const struct event_spec *event = &scenario->events[i];
		const char *rest = event->name ? behind(text, event->name) : NULL;
		if (!rest || (found && strlen(event->name) <= strlen(found->name)))
			continue;
		found = event;
		*ret_rest = rest;
	}
	return found;
}

static int unknown_event(
	const struct reader *reader, const struct yaml_node_s *node, const char *text, struct err *err)
{
	const struct scenario *scenario = reader->scenario;
	AUTO(free_ptr) const char **names = xcalloc(scenario->event_count + 1, sizeof(*names));
	size_t count = 0, length = strlen(text);

	for (size_t i = 0; i < scenario->event_count; i++)
		if (scenario->events[i].name)
			names[count++] = scenario->events[i].name;
	/* Without its offset, if it has one. */
	const char *sign = strrchr(text, '+');
	if (!sign)
		sign = strrchr(text, '-');
	if (sign && sign > text)
		length = (size_t)(sign - text);
	while (length > 1 && text[length - 1] == ' ')
		length--;
	AUTO(free_ptr) char *word = xasprintf("%.*s", (int)length, text);
	AUTO(free_ptr) char *quoted = doc_quote(word);
	const char *nearest = doc_nearest(word, names, count);
	if (nearest)
		return doc_error(reader->doc, doc_mark(node), err,
			"there is no event named '%s'; did you mean '%s'?", quoted, nearest);
	return doc_error(reader->doc, doc_mark(node), err,
		"there is no event named '%s'; write a time, as in 20s, or give an event this name, as in name: red gains",
		quoted);
}

static int add_offset(const struct reader *reader, const struct yaml_node_s *node,
	const struct event_spec *event, const char *rest, uint64_t *ret_ns, struct err *err)
{
	struct err cause = ERR_INIT;
	uint64_t offset_ns;

	if (units_parse(rest + 1 + strspn(rest + 1, " "), QUANTITY_DURATION_NS, &offset_ns, &cause) < 0)
		return doc_error(reader->doc, doc_mark(node), err, "behind '%s %c': %s", event->name, *rest,
			cause.text);
	if (offset_ns > TIMELINE_MAX_NS)
		return doc_error(reader->doc, doc_mark(node), err,
			"behind '%s %c': no run is longer than a day; take less", event->name, *rest);
	AUTO(free_ptr) char *at = text_seconds(event->at_ns, "");
	if (*rest == '-' && offset_ns > event->at_ns)
		return doc_error(reader->doc, doc_mark(node), err,
			"this is before the run begins: '%s' is at %s; take less off", event->name, at);
	*ret_ns = *rest == '-' ? event->at_ns - offset_ns : event->at_ns + offset_ns;
	return 0;
}

int read_moment(const struct reader *reader, const struct yaml_node_s *node, const char *what,
	uint64_t *ret_ns, char **ret_said, struct err *err)
{
	const char *text, *rest;

	if (doc_word(reader->doc, node, what, &text, err) < 0)
		return -1;
	const struct event_spec *event = find_event(reader->scenario, text, &rest);
	/* What begins like a time is one; only names are told apart from names. */
	if (!event && text[0] >= '0' && text[0] <= '9')
		return doc_quantity(
			reader->doc, node, QUANTITY_DURATION_NS, 0, TIMELINE_MAX_NS, what, ret_ns, err);
	if (!event)
		return unknown_event(reader, node, text, err);
	if (!*rest)
		*ret_ns = event->at_ns;
	else if (add_offset(reader, node, event, rest, ret_ns, err) < 0)
		return -1;
	*ret_said = *rest ? xasprintf("%s %c %s", event->name, *rest, rest + 1 + strspn(rest + 1, " "))
			  : xstrdup(event->name);
	return 0;
}
