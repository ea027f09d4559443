/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <ctype.h>
#include <string.h>

#include "base/auto.h"
#include "base/buf.h"
#include "scenario/reader.h"
#include "scenario/text.h"

#define EXAMPLE_SHARE   "{share: cpu, tenant: red, window: [2s, 20s], is: model, within: 2%}"
#define EXAMPLE_SETTLES "{settles: cpu, tenant: red, after: 20s, within: 1s}"

#define PPM 1000000

/* One expectation while it is read. */
struct entry {
	struct expect_spec expect;
	bool has_kind, has_window, has_is, has_within, has_after, has_band, has_need;
	bool hard_only; /* settles: the event changes only hard limits */
};

static const char *example(const struct entry *entry)
{
	return entry->expect.kind == EXPECT_SETTLES ? EXAMPLE_SETTLES : EXAMPLE_SHARE;
}

/* This key is for expectations of one kind only. */
static int need_kind(const struct reader *reader, const struct doc_key *key, const struct yaml_node_s *node,
	const struct entry *entry, enum expect_kind kind, struct err *err)
{
	if (!entry->has_kind || entry->expect.kind == kind)
		return 0;
	return doc_error(reader->doc, doc_mark(node), err, "'%s' does not belong to '%s'; write it as in %s",
		key->name, expect_kind_name(entry->expect.kind), example(entry));
}

static int read_kind(void *context, const struct doc_key *key, const struct yaml_node_s *node, void *object,
	struct err *err)
{
	struct reader *reader = context;
	struct entry *entry = object;
	const char *names[1]; /* RESOURCE_CPU */
	size_t index;

	if (entry->has_kind)
		return doc_error(reader->doc, doc_mark(node), err,
			"'%s' and '%s' in one expectation; write two", expect_kind_name(entry->expect.kind),
			key->name);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		names[i] = resource_name((enum resource)i);
	if (doc_choice(reader->doc, node, "a resource", names, ARRAY_SIZE(names), &index, err) < 0)
		return -1;
	if (index == RESOURCE_CPU && !reader->scenario->has_scarce_cpu)
		return doc_error(reader->doc, doc_mark(node), err,
			"the capacity that '%s: cpu' refers to is not declared; add scarce: {cpu: {cpus: [0]}}",
			key->name);
	entry->has_kind = true;
	entry->expect.kind = (enum expect_kind)key->id;
	entry->expect.resource = (enum resource)index;
	return 0;
}

static int read_tenant(void *context, const struct doc_key *key, const struct yaml_node_s *node, void *object,
	struct err *err)
{
	struct reader *reader = context;
	const struct scenario *scenario = reader->scenario;
	struct entry *entry = object;
	cpu_set_t inside;

	(void)key;
	if (read_tenant_name(reader, node, &entry->expect.tenant, err) < 0)
		return -1;
	const struct tenant_spec *tenant = &scenario->tenants[entry->expect.tenant];
	CPU_AND(&inside, &tenant->cpus, &scenario->scarce_cpus);
	if (entry->has_kind && !CPU_EQUAL(&inside, &tenant->cpus))
		return doc_error(reader->doc, doc_mark(node), err,
			"tenant '%s' may run on CPUs that are not scarce, so it has no share of them; remove its cpus:",
			tenant->name);
	return 0;
}

static int read_window(void *context, const struct doc_key *key, const struct yaml_node_s *node, void *object,
	struct err *err)
{
	struct reader *reader = context;
	struct entry *entry = object;
	uint64_t times[2];
	size_t count;

	if (need_kind(reader, key, node, entry, EXPECT_SHARE, err) < 0 ||
		doc_list(reader->doc, node, "window", "window: [2s, 20s]", &count, err) < 0)
		return -1;
	if (count != 2)
		return doc_error(reader->doc, doc_mark(node), err,
			"a window has two times, not %zu; write it as in window: [2s, 20s]", count);
	for (size_t i = 0; i < 2; i++) {
		const struct yaml_node_s *item = doc_item(reader->doc, node, i);
		if (doc_quantity(reader->doc, item, QUANTITY_DURATION_NS, 0, TIMELINE_MAX_NS, "a window",
			    &times[i], err) < 0)
			return -1;
	}
	uint64_t end_ns = reader->scenario->duration_ns;
	AUTO(free_ptr) char *from = text_seconds(times[0], "");
	AUTO(free_ptr) char *to = text_seconds(times[1], "");
	AUTO(free_ptr) char *end = text_seconds(end_ns, "");
	if (times[0] > times[1])
		return doc_error(reader->doc, doc_mark(node), err,
			"this window ends before it begins; turn it round: [%s, %s]", to, from);
	if (times[0] == times[1])
		return doc_error(reader->doc, doc_mark(node), err,
			"this window is empty: it begins and ends at %s; let it end later", from);
	if (times[1] > end_ns)
		return doc_error(reader->doc, doc_mark(node), err,
			"this window reaches outside the run, which is over at %s; end it there or stop later",
			end);
	entry->has_window = true;
	entry->expect.from_ns = times[0];
	entry->expect.to_ns = times[1];
	return 0;
}

static int read_fraction(const struct reader *reader, const struct yaml_node_s *node, uint64_t min_ppm,
	const char *what, double *ret_value, struct err *err)
{
	uint64_t ppm;

	if (doc_quantity(reader->doc, node, QUANTITY_PARTS_PER_MILLION, min_ppm, PPM, what, &ppm, err) < 0)
		return -1;
	*ret_value = (double)ppm / PPM;
	return 0;
}

static int read_is(void *context, const struct doc_key *key, const struct yaml_node_s *node, void *object,
	struct err *err)
{
	struct reader *reader = context;
	struct entry *entry = object;
	const char *text;

	if (need_kind(reader, key, node, entry, EXPECT_SHARE, err) < 0 ||
		doc_word(reader->doc, node, "model, or a percentage", &text, err) < 0)
		return -1;
	entry->has_is = true;
	entry->expect.is_model = strcmp(text, "model") == 0;
	if (entry->expect.is_model)
		return 0;
	if (!isdigit((unsigned char)text[0]))
		return doc_error(reader->doc, doc_mark(node), err,
			"'%.40s' is no share; write is: model, or a percentage, as in is: 66.7%%", text);
	return read_fraction(reader, node, 0, "a share", &entry->expect.value, err);
}

static int read_within(void *context, const struct doc_key *key, const struct yaml_node_s *node, void *object,
	struct err *err)
{
	struct reader *reader = context;
	struct entry *entry = object;

	(void)key;
	entry->has_within = true;
	if (entry->expect.kind == EXPECT_SETTLES)
		return doc_quantity(reader->doc, node, QUANTITY_DURATION_NS, 1, TIMELINE_MAX_NS,
			"the longest settling time", &entry->expect.within_ns, err);
	return read_fraction(reader, node, 1, "a tolerance", &entry->expect.within, err);
}

static int read_band(void *context, const struct doc_key *key, const struct yaml_node_s *node, void *object,
	struct err *err)
{
	struct reader *reader = context;
	struct entry *entry = object;

	if (need_kind(reader, key, node, entry, EXPECT_SETTLES, err) < 0)
		return -1;
	entry->has_band = true;
	return read_fraction(reader, node, 1, "a band", &entry->expect.within, err);
}

static bool is_hard_only(const struct event_spec *event)
{
	if (event->kind == EVENT_RESET)
		return event->limit < LIMIT_COUNT && !limit_spec(event->limit)->soft;
	for (size_t i = 0; i < event->setting_count; i++) {
		if (limit_spec(event->settings[i].limit)->soft)
			return false;
	}
	return event->kind == EVENT_SET;
}

/* The time of an event, or its name.  The window ends where anybody's claim changes next. */
static int read_after(void *context, const struct doc_key *key, const struct yaml_node_s *node, void *object,
	struct err *err)
{
	struct reader *reader = context;
	const struct scenario *scenario = reader->scenario;
	struct entry *entry = object;
	const char *text;
	bool found = false;

	if (need_kind(reader, key, node, entry, EXPECT_SETTLES, err) < 0 ||
		doc_word(reader->doc, node, "the time or name of an event", &text, err) < 0)
		return -1;
	for (size_t i = 0; i < scenario->event_count && !found; i++) {
		const struct event_spec *event = &scenario->events[i];
		found = event->name && strcmp(event->name, text) == 0;
		entry->expect.after_ns = event->at_ns;
	}
	if (!found && doc_quantity(reader->doc, node, QUANTITY_DURATION_NS, 0, TIMELINE_MAX_NS,
			      "the time of an event", &entry->expect.after_ns, err) < 0)
		return -1;
	uint64_t after_ns = entry->expect.after_ns;
	entry->hard_only = true;
	entry->expect.from_ns = after_ns;
	entry->expect.to_ns = scenario->duration_ns;
	found = false;
	for (size_t i = scenario->event_count; i-- > 0;) {
		const struct event_spec *event = &scenario->events[i];
		if (event->at_ns > after_ns)
			entry->expect.to_ns = event->at_ns;
		if (event->at_ns != after_ns)
			continue;
		found = true;
		entry->hard_only = entry->hard_only && is_hard_only(event);
	}
	if (!found)
		return doc_error(reader->doc, doc_mark(node), err,
			"there is no event at '%s' to settle after; write the time or the name of an event, as in 20s",
			text);
	if (after_ns >= scenario->duration_ns)
		return doc_error(reader->doc, doc_mark(node), err,
			"nothing can settle after '%s', the end of the run; name an earlier event", text);
	entry->has_after = true;
	return 0;
}

static int read_needs(void *context, const struct doc_key *key, const struct yaml_node_s *node, void *object,
	struct err *err)
{
	static const enum need needs[] = {NEED_CONTENTION, NEED_PLENTY, NEED_NOTHING};
	struct reader *reader = context;
	struct entry *entry = object;
	const char *names[ARRAY_SIZE(needs)];
	size_t index;

	(void)key;
	for (size_t i = 0; i < ARRAY_SIZE(needs); i++)
		names[i] = need_name(needs[i]);
	if (doc_choice(reader->doc, node, "something a window can need", names, ARRAY_SIZE(names), &index,
		    err) < 0)
		return -1;
	entry->has_need = true;
	entry->expect.need = needs[index];
	return 0;
}

static int read_name(void *context, const struct doc_key *key, const struct yaml_node_s *node, void *object,
	struct err *err)
{
	struct reader *reader = context;
	struct entry *entry = object;
	const char *text;

	(void)key;
	if (doc_word(reader->doc, node, "the name of an expectation", &text, err) < 0)
		return -1;
	entry->expect.name = xstrdup(text);
	return 0;
}

/* The kind first: the meaning of the others depends on it. */
static const struct doc_key expect_keys[] = {
	{"share", false, read_kind, EXPECT_SHARE},
	{"settles", false, read_kind, EXPECT_SETTLES},
	{"tenant", true, read_tenant, 0},
	{"window", false, read_window, 0},
	{"is", false, read_is, 0},
	{"after", false, read_after, 0},
	{"within", false, read_within, 0},
	{"band", false, read_band, 0},
	{"needs", false, read_needs, 0},
	{"name", false, read_name, 0},
};

static char *make_name(const struct scenario *scenario, const struct expect_spec *expect)
{
	const char *kind = expect_kind_name(expect->kind);
	const char *resource = resource_name(expect->resource);
	const char *tenant = scenario->tenants[expect->tenant].name;
	AUTO(free_ptr) char *from = text_seconds(expect->from_ns, "");
	AUTO(free_ptr) char *to = text_seconds(expect->to_ns, "");

	if (expect->kind == EXPECT_SETTLES)
		return xasprintf("%s %s %s after %s", kind, resource, tenant, from);
	return xasprintf("%s %s %s %s-%s", kind, resource, tenant, from, to);
}

static int finish(const struct reader *reader, struct entry *entry, struct err *err)
{
	struct expect_spec *expect = &entry->expect;
	const struct scenario *scenario = reader->scenario;
	const char *missing = NULL;

	if (!entry->has_kind)
		return doc_error(reader->doc, expect->mark, err,
			"this expectation has no kind; add share or settles, as in %s", EXAMPLE_SHARE);
	if (expect->kind == EXPECT_SETTLES)
		missing = !entry->has_after ? "after" : (!entry->has_within ? "within" : NULL);
	else
		missing = !entry->has_window ? "window" : (!entry->has_is ? "is" : NULL);
	if (missing)
		return doc_error(reader->doc, expect->mark, err, "'%s' is missing in '%s'; write it as in %s",
			missing, expect_kind_name(expect->kind), example(entry));
	if (expect->kind == EXPECT_SETTLES) {
		expect->is_model = true;
		if (!entry->has_band)
			expect->within = 0.05;
		AUTO(free_ptr) char *next = text_seconds(expect->to_ns, "");
		if (expect->within_ns >= expect->to_ns - expect->after_ns)
			return doc_error(reader->doc, expect->mark, err,
				"the next change comes at %s, before the settling time is over; take a shorter within, or "
				"move that event",
				next);
	} else if (!entry->has_within) {
		expect->within = 0.02;
	}
	if (!entry->has_need)
		expect->need =
			expect->kind == EXPECT_SETTLES && entry->hard_only ? NEED_NOTHING : NEED_CONTENTION;
	if (!expect->name)
		expect->name = make_name(scenario, expect);
	for (size_t i = 0; i < scenario->expect_count; i++) {
		if (strcmp(scenario->expects[i].name, expect->name) == 0)
			return doc_error(reader->doc, expect->mark, err,
				"a second expectation named '%.80s', the first is in line %u; give one of them another name:",
				expect->name, scenario->expects[i].mark.line);
	}
	return 0;
}

int read_expect(void *context, const struct doc_key *key, const struct yaml_node_s *node, void *object,
	struct err *err)
{
	struct reader *reader = context;
	struct scenario *scenario = object;
	size_t count;

	(void)key;
	if (doc_list(reader->doc, node, "expect", "expect: [" EXAMPLE_SHARE "]", &count, err) < 0)
		return -1;
	scenario->expects = xcalloc(count ? count : 1, sizeof(*scenario->expects));
	for (size_t i = 0; i < count; i++) {
		const struct yaml_node_s *item = doc_item(reader->doc, node, i);
		struct entry entry = {.expect.mark = doc_mark(item)};
		int result = doc_mapping(reader->doc, item, "an expectation", EXAMPLE_SHARE, expect_keys,
			ARRAY_SIZE(expect_keys), reader, &entry, err);
		if (result == 0)
			result = finish(reader, &entry, err);
		scenario->expects[scenario->expect_count++] = entry.expect;
		if (result < 0)
			return -1;
	}
	return 0;
}
