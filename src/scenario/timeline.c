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
	bool has_kind;
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

static int read_set(
	const struct reader *reader, const struct yaml_node_s *node, struct entry *entry, struct err *err)
{
	struct doc_key keys[1 + LIMIT_COUNT] = {{"tenant", true, read_event_tenant, 0}};
	const char *example = "set: {tenant: red, cpu.shares: 4096}";

	for (int i = 0; i < LIMIT_COUNT; i++)
		keys[1 + i] =
			(struct doc_key){limit_spec((enum limit_id)i)->name, false, read_event_setting, i};
	if (doc_mapping(reader->doc, node, "set", example, keys, ARRAY_SIZE(keys), (void *)(uintptr_t)reader,
		    entry, err) < 0)
		return -1;
	if (entry->event.setting_count == 0)
		return doc_error(
			reader->doc, doc_mark(node), err, "set names no limit; write it as in %s", example);
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

	(void)key;
	if (doc_word(reader->doc, node, "the name of an event", &text, err) < 0)
		return -1;
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

/* What the walk over the timeline knows. */
struct walk {
	uint32_t running, ever;
	uint64_t started_ns[SCENARIO_MAX_TENANTS];
	uint64_t last_stop_ns;
	bool touched[SCENARIO_MAX_TENANTS][LIMIT_COUNT];
	uint64_t touched_ns[SCENARIO_MAX_TENANTS][LIMIT_COUNT];
};

static int check_start(
	const struct reader *reader, struct walk *walk, struct event_spec *event, struct err *err)
{
	const struct scenario *scenario = reader->scenario;
	AUTO(free_ptr) char *at = text_seconds(event->at_ns, "");

	/* "all" are those to whom it can apply. */
	if (event->tenants == all_tenants(scenario) && loaded_tenants(scenario))
		event->tenants = loaded_tenants(scenario);
	for (unsigned i = 0; i < scenario->tenant_count; i++) {
		if (!(event->tenants & UINT32_C(1) << i))
			continue;
		const char *name = scenario->tenants[i].name;
		if (!scenario->tenants[i].workload)
			return doc_error(reader->doc, event->mark, err,
				"tenant '%s' has no workload to start; add one, as in workload: cpu-matrix",
				name);
		if (walk->running & UINT32_C(1) << i)
			return doc_error(reader->doc, event->mark, err,
				"tenant '%s' runs already at %s; stop it before, or remove this start", name,
				at);
		walk->started_ns[i] = event->at_ns;
	}
	walk->running |= event->tenants;
	walk->ever |= event->tenants;
	return 0;
}

static int check_stop(
	const struct reader *reader, struct walk *walk, struct event_spec *event, struct err *err)
{
	const struct scenario *scenario = reader->scenario;
	AUTO(free_ptr) char *at = text_seconds(event->at_ns, "");

	if (event->tenants == all_tenants(scenario) && walk->running)
		event->tenants = walk->running;
	for (unsigned i = 0; i < scenario->tenant_count; i++) {
		if (!(event->tenants & UINT32_C(1) << i))
			continue;
		const char *name = scenario->tenants[i].name;
		if (!(walk->running & UINT32_C(1) << i))
			return doc_error(reader->doc, event->mark, err,
				"tenant '%s' does not run at %s; start it before, or remove this stop", name,
				at);
		if (walk->started_ns[i] == event->at_ns)
			return doc_error(reader->doc, event->mark, err,
				"tenant '%s' starts and stops at %s; leave some time between", name, at);
	}
	walk->running &= ~event->tenants;
	walk->last_stop_ns = event->at_ns;
	return 0;
}

static bool touches(const struct event_spec *event, enum limit_id limit)
{
	if (event->kind == EVENT_RESET)
		return event->limit == limit || event->limit == LIMIT_COUNT;
	for (size_t i = 0; i < event->setting_count; i++) {
		if (event->settings[i].limit == limit)
			return true;
	}
	return false;
}

static int check_change(
	const struct reader *reader, struct walk *walk, const struct event_spec *event, struct err *err)
{
	for (unsigned i = 0; i < reader->scenario->tenant_count; i++) {
		for (int limit = 0; limit < LIMIT_COUNT; limit++) {
			if (!(event->tenants & UINT32_C(1) << i) || !touches(event, (enum limit_id)limit))
				continue;
			if (walk->touched[i][limit] && walk->touched_ns[i][limit] == event->at_ns) {
				AUTO(free_ptr) char *at = text_seconds(event->at_ns, "");
				return doc_error(reader->doc, event->mark, err,
					"%s of tenant '%s' is changed twice at %s; keep one, or give them different times",
					limit_spec((enum limit_id)limit)->name,
					reader->scenario->tenants[i].name, at);
			}
			walk->touched[i][limit] = true;
			walk->touched_ns[i][limit] = event->at_ns;
		}
	}
	return 0;
}

static bool starts_later(const struct scenario *scenario, size_t from)
{
	for (size_t i = from; i < scenario->event_count; i++) {
		if (scenario->events[i].kind == EVENT_START)
			return true;
	}
	return false;
}

static int check_end(const struct reader *reader, const struct walk *walk, struct mark mark, struct err *err)
{
	const struct scenario *scenario = reader->scenario;

	if (!walk->ever)
		return doc_error(reader->doc, mark, err,
			"nothing is ever started; add an event, as in {at: 0s, start: all}");
	for (unsigned i = 0; i < scenario->tenant_count; i++) {
		const struct tenant_spec *tenant = &scenario->tenants[i];
		if (walk->running & UINT32_C(1) << i)
			return doc_error(reader->doc, mark, err,
				"tenant '%s' is never stopped; end the timeline with a stop, as in {at: 60s, stop: all}",
				tenant->name);
		if (tenant->workload && !(walk->ever & UINT32_C(1) << i))
			return doc_error(reader->doc, tenant->mark, err,
				"tenant '%s' has a workload that no event starts; add it to a start, or remove its workload",
				tenant->name);
	}
	return 0;
}

static int check_timeline(const struct reader *reader, struct mark mark, struct err *err)
{
	struct scenario *scenario = reader->scenario;
	struct walk walk = {0};

	for (size_t i = 0; i < scenario->event_count; i++) {
		struct event_spec *event = &scenario->events[i];
		int result;
		if (walk.ever && !walk.running && event->at_ns > walk.last_stop_ns &&
			!starts_later(scenario, i)) {
			AUTO(free_ptr) char *at = text_seconds(event->at_ns, "");
			AUTO(free_ptr) char *end = text_seconds(walk.last_stop_ns, "");
			return doc_error(reader->doc, event->mark, err,
				"an event at %s, after the end: everything has stopped at %s; move it before that, or stop later",
				at, end);
		}
		if (event->kind == EVENT_START)
			result = check_start(reader, &walk, event, err);
		else if (event->kind == EVENT_STOP)
			result = check_stop(reader, &walk, event, err);
		else
			result = check_change(reader, &walk, event, err);
		if (result < 0)
			return -1;
		scenario->duration_ns = event->at_ns;
	}
	return check_end(reader, &walk, mark, err);
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
		struct entry entry = {.event.mark = doc_mark(item)};
		int result = doc_mapping(reader->doc, item, "an event", EXAMPLE, event_keys,
			ARRAY_SIZE(event_keys), reader, &entry, err);
		if (result == 0 && !entry.has_kind)
			result = doc_error(reader->doc, doc_mark(item), err,
				"this event does nothing; add one of start, stop, set, reset, as in %s",
				EXAMPLE);
		insert(scenario, &entry.event);
		if (result < 0)
			return -1;
	}
	return check_timeline(reader, doc_mark(node), err);
}
