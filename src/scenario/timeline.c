/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "base/auto.h"
#include "base/buf.h"
#include "scenario/reader.h"
#include "scenario/text.h"

#define EXAMPLE "{at: 20s, set: {tenant: red, cpu.shares: 4096}}"

/* One entry while it is read. */
struct entry {
	struct event_spec event;
	bool has_kind, has_apply;
	struct mark apply_mark;
};

static int read_at(void *context, const struct doc_key *key, const struct yaml_node_s *node, void *object,
	struct err *err)
{
	struct reader *reader = context;
	struct entry *entry = object;

	(void)key;
	return doc_quantity(reader->doc, node, QUANTITY_DURATION_NS, 0, TIMELINE_MAX_NS,
		"the time of an event", &entry->event.at_ns, err);
}

/* all, NAME or [NAME, NAME]. */
static int read_who(
	const struct reader *reader, const struct yaml_node_s *node, uint32_t *ret_tenants, struct err *err)
{
	const char *text;
	size_t count = 1;
	uint32_t tenants = 0;

	if (doc_is_scalar(node)) {
		if (doc_word(reader->doc, node, "a tenant's name, or all", &text, err) < 0)
			return -1;
		if (strcmp(text, "all") == 0) {
			*ret_tenants = all_tenants(reader->scenario);
			return 0;
		}
	} else if (doc_list(reader->doc, node, "the tenants", "all, red or [red, blue]", &count, err) < 0) {
		return -1;
	}
	for (size_t i = 0; i < count; i++) {
		const struct yaml_node_s *item = doc_is_scalar(node) ? node : doc_item(reader->doc, node, i);
		unsigned tenant;
		if (read_tenant_name(reader, item, &tenant, err) < 0)
			return -1;
		if (tenants & UINT32_C(1) << tenant)
			return doc_error(reader->doc, doc_mark(item), err,
				"tenant '%s' stands twice in this list; remove one",
				reader->scenario->tenants[tenant].name);
		tenants |= UINT32_C(1) << tenant;
	}
	if (!tenants)
		return doc_error(reader->doc, doc_mark(node), err,
			"this list of tenants is empty; write all, red or [red, blue]");
	*ret_tenants = tenants;
	return 0;
}

static int read_event_tenant(void *context, const struct doc_key *key, const struct yaml_node_s *node,
	void *object, struct err *err)
{
	struct entry *entry = object;

	(void)key;
	return read_who(context, node, &entry->event.tenants, err);
}

static int read_event_setting(void *context, const struct doc_key *key, const struct yaml_node_s *node,
	void *object, struct err *err)
{
	struct entry *entry = object;

	return read_setting(context, (enum limit_id)key->id, node, &entry->event.settings,
		&entry->event.setting_count, err);
}

static int read_apply(void *context, const struct doc_key *key, const struct yaml_node_s *node, void *object,
	struct err *err)
{
	struct reader *reader = context;
	struct entry *entry = object;

	entry->has_apply = true;
	entry->apply_mark = doc_mark(node);
	if (!reader->scenario->link.declared)
		return doc_error(reader->doc, doc_mark(node), err,
			"%s is how a net.priority changes, and this scenario has no link; leave it out, or declare one as "
			"in %s",
			key->name, scarce_example(RESOURCE_NET));
	return read_net_apply(reader, node, &entry->event.apply, err);
}

static int read_set(
	const struct reader *reader, const struct yaml_node_s *node, struct entry *entry, struct err *err)
{
	struct doc_key keys[1 + LIMIT_COUNT + 1] = {{"tenant", true, read_event_tenant, 0}};
	const char *example = "set: {tenant: red, cpu.shares: 4096}";

	for (int i = 0; i < LIMIT_COUNT; i++)
		keys[1 + i] =
			(struct doc_key){limit_spec((enum limit_id)i)->name, false, read_event_setting, i};
	keys[1 + LIMIT_COUNT] = (struct doc_key){"net.apply", false, read_apply, 0};
	if (doc_mapping(reader->doc, node, "set", example, keys, ARRAY_SIZE(keys), (void *)(uintptr_t)reader,
		    entry, err) < 0)
		return -1;
	if (entry->event.setting_count == 0)
		return doc_error(
			reader->doc, doc_mark(node), err, "set names no limit; write it as in %s", example);
	if (entry->has_apply &&
		!scenario_setting(entry->event.settings, entry->event.setting_count, LIMIT_NET_PRIORITY))
		return doc_error(reader->doc, entry->apply_mark, err,
			"net.apply is how a net.priority changes, and none does here; write it as in "
			"set: {tenant: red, net.priority: 0, net.apply: raw}");
	return 0;
}

static int read_reset_limit(void *context, const struct doc_key *key, const struct yaml_node_s *node,
	void *object, struct err *err)
{
	struct reader *reader = context;
	struct entry *entry = object;
	const char *names[LIMIT_COUNT + 1];
	size_t index;

	(void)key;
	for (int i = 0; i < LIMIT_COUNT; i++)
		names[i] = limit_spec((enum limit_id)i)->name;
	names[LIMIT_COUNT] = "all";
	if (doc_choice(reader->doc, node, "a limit", names, ARRAY_SIZE(names), &index, err) < 0)
		return -1;
	entry->event.limit = (enum limit_id)index;
	if (index == LIMIT_COUNT)
		return 0;
	return check_resource(reader, limit_spec(entry->event.limit), doc_mark(node), err);
}

static int read_reset(
	const struct reader *reader, const struct yaml_node_s *node, struct entry *entry, struct err *err)
{
	static const struct doc_key keys[] = {
		{"tenant", true, read_event_tenant, 0},
		{"limit", true, read_reset_limit, 0},
	};

	return doc_mapping(reader->doc, node, "reset", "reset: {tenant: red, limit: cpu.shares}", keys,
		ARRAY_SIZE(keys), (void *)(uintptr_t)reader, entry, err);
}

/* "scarce: memory".  Only the scarcity of memory can come and go: the others are of the machine as it is built. */
static int read_scarcity(
	const struct reader *reader, const struct yaml_node_s *node, struct entry *entry, struct err *err)
{
	const char *names[RESOURCE_COUNT];
	const char *word = event_kind_name(entry->event.kind);
	size_t index;

	for (int i = 0; i < RESOURCE_COUNT; i++)
		names[i] = resource_name((enum resource)i);
	if (doc_choice(reader->doc, node, "a resource", names, ARRAY_SIZE(names), &index, err) < 0)
		return -1;
	if (index != RESOURCE_MEMORY)
		return doc_error(reader->doc, doc_mark(node), err,
			"'%s: %s' as an event; only memory becomes scarce and plenty during a run, the others are scarce "
			"from the start",
			word, names[index]);
	if (!is_scarce(reader->scenario, RESOURCE_MEMORY))
		return doc_error(reader->doc, doc_mark(node), err,
			"how scarce memory is to be is not said; add %s at the top",
			scarce_example(RESOURCE_MEMORY));
	if (!reader->scenario->memory.free_bytes)
		return doc_error(reader->doc, doc_mark(node), err,
			"the scenario takes no memory from the host, it only adds swap; say how much is left with free, as in %s",
			scarce_example(RESOURCE_MEMORY));
	entry->event.resource = RESOURCE_MEMORY;
	reader->scenario->memory.from_start = false;
	return 0;
}

/* "add: swap".  How much, the section `scarce` says. */
static int read_add(
	const struct reader *reader, const struct yaml_node_s *node, struct entry *entry, struct err *err)
{
	static const char *const names[] = {"swap"};
	struct scarce_memory *memory = &reader->scenario->memory;
	size_t index;

	if (doc_choice(reader->doc, node, "something that can be added", names, ARRAY_SIZE(names), &index,
		    err) < 0)
		return -1;
	if (!memory->swap_bytes)
		return doc_error(reader->doc, doc_mark(node), err,
			"how much swap is to be added is not said; add it at the top, as in %s",
			scarce_example(RESOURCE_MEMORY));
	if (memory->swap_later)
		return doc_error(reader->doc, doc_mark(node), err,
			"swap is added by an earlier entry already; remove one of them");
	entry->event.resource = RESOURCE_MEMORY;
	memory->swap_later = true;
	return 0;
}

static int read_kind(void *context, const struct doc_key *key, const struct yaml_node_s *node, void *object,
	struct err *err)
{
	struct reader *reader = context;
	struct entry *entry = object;

	if (entry->has_kind)
		return doc_error(reader->doc, doc_mark(node), err,
			"'%s' and '%s' in one event; write two events with the same time",
			event_kind_name(entry->event.kind), key->name);
	entry->has_kind = true;
	entry->event.kind = (enum event_kind)key->id;
	switch (entry->event.kind) {
	case EVENT_SET:
		return read_set(reader, node, entry, err);
	case EVENT_RESET:
		return read_reset(reader, node, entry, err);
	case EVENT_SCARCE:
	case EVENT_PLENTY:
		return read_scarcity(reader, node, entry, err);
	case EVENT_ADD:
		return read_add(reader, node, entry, err);
	default:
		return read_who(reader, node, &entry->event.tenants, err);
	}
}

static int read_event_name(void *context, const struct doc_key *key, const struct yaml_node_s *node,
	void *object, struct err *err)
{
	struct reader *reader = context;
	struct entry *entry = object;
	const char *text;
	uint64_t time_ns;

	(void)key;
	if (doc_word(reader->doc, node, "the name of an event", &text, err) < 0)
		return -1;
	if (units_parse(text, QUANTITY_DURATION_NS, &time_ns, NULL) == 0)
		return doc_error(reader->doc, doc_mark(node), err,
			"an event named '%s' would be taken for a time in windows and in after:; write words, as in name: red gains",
			text);
	for (size_t i = 0; i < reader->scenario->event_count; i++) {
		const struct event_spec *other = &reader->scenario->events[i];
		if (other->name && strcmp(other->name, text) == 0)
			return doc_error(reader->doc, doc_mark(node), err,
				"a second event named '%s', the first is in line %u; give it a name of its own",
				text, other->mark.line);
	}
	entry->event.name = xstrdup(text);
	return 0;
}

static const struct doc_key event_keys[] = {
	{"at", true, read_at, 0},
	{"start", false, read_kind, EVENT_START},
	{"stop", false, read_kind, EVENT_STOP},
	{"set", false, read_kind, EVENT_SET},
	{"reset", false, read_kind, EVENT_RESET},
	{"scarce", false, read_kind, EVENT_SCARCE},
	{"plenty", false, read_kind, EVENT_PLENTY},
	{"add", false, read_kind, EVENT_ADD},
	{"name", false, read_event_name, 0},
};

/* Behind all that are not later: the order of the file is kept within one time. */
static void insert(struct scenario *scenario, const struct event_spec *event)
{
	size_t at = scenario->event_count;

	while (at > 0 && scenario->events[at - 1].at_ns > event->at_ns)
		at--;
	memmove(&scenario->events[at + 1], &scenario->events[at],
		(scenario->event_count - at) * sizeof(scenario->events[0]));
	scenario->events[at] = *event;
	scenario->event_count++;
}

int read_timeline(void *context, const struct doc_key *key, const struct yaml_node_s *node, void *object,
	struct err *err)
{
	struct reader *reader = context;
	struct scenario *scenario = object;
	size_t count;

	(void)key;
	if (doc_list(reader->doc, node, "timeline", "timeline: [{at: 0s, start: all}, {at: 60s, stop: all}]",
		    &count, err) < 0)
		return -1;
	scenario->events = xcalloc(count ? count : 1, sizeof(*scenario->events));
	for (size_t i = 0; i < count; i++) {
		const struct yaml_node_s *item = doc_item(reader->doc, node, i);
		struct entry entry = {.event = {.apply = NET_APPLY_COUNT, .mark = doc_mark(item)}};
		int result = doc_mapping(reader->doc, item, "an event", EXAMPLE, event_keys,
			ARRAY_SIZE(event_keys), reader, &entry, err);
		if (result == 0 && !entry.has_kind)
			result = doc_error(reader->doc, doc_mark(item), err,
				"this event does nothing; add one of start, stop, set, reset, scarce, plenty, add, as in %s",
				EXAMPLE);
		insert(scenario, &entry.event);
		if (result < 0)
			return -1;
	}
	if (check_timeline(reader, doc_mark(node), err) < 0)
		return -1;
	return check_net_rates(reader, err);
}
