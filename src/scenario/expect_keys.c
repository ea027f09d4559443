/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "scenario/expect.h"

#include <string.h>

#include "base/auto.h"
#include "base/buf.h"
#include "scenario/text.h"

bool measures_capacity(enum measure measure)
{
	return measure == MEASURE_CPU_TIME || measure == MEASURE_NET_CLASS ||
	       measure == MEASURE_NET_PAYLOAD || measure == MEASURE_DISK_BANDWIDTH;
}

int read_expect_kind(void *context, const struct doc_key *key, const struct yaml_node_s *node, void *object,
	struct err *err)
{
	struct reader *reader = context;
	struct expect_entry *entry = object;
	struct expect_spec *expect = &entry->expect;
	const char *names[RESOURCE_COUNT];
	size_t index;

	if (entry->has_kind)
		return doc_error(reader->doc, doc_mark(node), err,
			"'%s' and '%s' in one expectation; write two", expect_kind_name(expect->kind),
			key->name);
	for (int i = 0; i < RESOURCE_COUNT; i++)
		names[i] = resource_name((enum resource)i);
	if (doc_choice(reader->doc, node, "a resource", names, ARRAY_SIZE(names), &index, err) < 0)
		return -1;
	entry->has_kind = true;
	expect->kind = (enum expect_kind)key->id;
	expect->resource = (enum resource)index;
	while (measure_spec(expect->measure)->resource != expect->resource)
		expect->measure++;
	if (expect->resource == RESOURCE_MEMORY) {
		/* A value is reached there, not a part of a capacity. */
		if (!expect_kind_spec(expect->kind)->of_capacity || expect->kind == EXPECT_SETTLES)
			return 0;
		return doc_error(reader->doc, doc_mark(node), err,
			"'%s' is of parts of a capacity, and memory has none that is divided; take level, settles or "
			"unchanged",
			key->name);
	}
	if (!is_scarce(reader->scenario, expect->resource))
		return doc_error(reader->doc, doc_mark(node), err,
			"the capacity that '%s: %s' refers to is not declared; add %s", key->name,
			names[index], scarce_example(expect->resource));
	return 0;
}

/* The measure has been given: is it one that this kind can be of? */
static int check_measure(const struct reader *reader, const struct yaml_node_s *node,
	const struct expect_spec *expect, struct err *err)
{
	const struct measure_spec *spec = measure_spec(expect->measure);
	const char *kind = expect_kind_name(expect->kind);

	if (!expect_kind_spec(expect->kind)->of_capacity || expect->resource == RESOURCE_MEMORY)
		return 0;
	/* A share of requests is one of all that were made. */
	if (expect->kind == EXPECT_SHARE && expect->measure == MEASURE_DISK_IOPS)
		return 0;
	if (!measures_capacity(expect->measure))
		return doc_error(reader->doc, doc_mark(node), err,
			"'%s' is of parts of the capacity, which is not counted in '%s'; take level or ratio, or leave out "
			"measure",
			kind, spec->name);
	if (expect->measure == MEASURE_NET_PAYLOAD && expect->kind == EXPECT_CONSERVES)
		return doc_error(reader->doc, doc_mark(node), err,
			"payload never adds up to the rate of the link, which counts headers too; leave out measure");
	if (expect->measure == MEASURE_NET_PAYLOAD && expect->kind == EXPECT_SETTLES)
		return doc_error(reader->doc, doc_mark(node), err,
			"'settles' is at what the model says, which counts bytes of the link layer, and payload is less; "
			"leave out measure");
	return 0;
}

int read_expect_measure(void *context, const struct doc_key *key, const struct yaml_node_s *node,
	void *object, struct err *err)
{
	struct reader *reader = context;
	struct expect_entry *entry = object;
	struct expect_spec *expect = &entry->expect;
	const char *names[MEASURE_COUNT];
	size_t count = 0, index;

	if (take_key(reader, key, node, entry, err) < 0)
		return -1;
	/* Those of one resource stand together, and the first of them is set. */
	for (int i = 0; i < MEASURE_COUNT; i++) {
		if (measure_spec((enum measure)i)->resource == expect->resource)
			names[count++] = measure_spec((enum measure)i)->name;
	}
	AUTO(free_ptr) char *what = xasprintf("a measure of %s", resource_name(expect->resource));
	if (doc_choice(reader->doc, node, what, names, count, &index, err) < 0)
		return -1;
	expect->measure = (enum measure)((size_t)expect->measure + index);
	return check_measure(reader, node, expect, err);
}

static int check_tenant_cpus(
	const struct reader *reader, const struct yaml_node_s *node, unsigned index, struct err *err)
{
	const struct tenant_spec *tenant = &reader->scenario->tenants[index];
	cpu_set_t inside;

	CPU_AND(&inside, &tenant->cpus, &reader->scenario->scarce_cpus);
	if (CPU_EQUAL(&inside, &tenant->cpus))
		return 0;
	return doc_error(reader->doc, doc_mark(node), err,
		"tenant '%s' may run on CPUs that are not scarce, so it has no share of them; remove its cpus:",
		tenant->name);
}

static int read_one_tenant(struct reader *reader, const struct yaml_node_s *node,
	const struct expect_spec *expect, unsigned *ret_tenant, struct err *err)
{
	if (read_tenant_name(reader, node, ret_tenant, err) < 0)
		return -1;
	return expect->resource == RESOURCE_CPU ? check_tenant_cpus(reader, node, *ret_tenant, err) : 0;
}

int read_expect_tenant(void *context, const struct doc_key *key, const struct yaml_node_s *node, void *object,
	struct err *err)
{
	struct reader *reader = context;
	struct expect_entry *entry = object;

	if (take_key(reader, key, node, entry, err) < 0)
		return -1;
	return read_one_tenant(reader, node, &entry->expect, &entry->expect.tenant, err);
}

int read_expect_tenants(void *context, const struct doc_key *key, const struct yaml_node_s *node,
	void *object, struct err *err)
{
	struct reader *reader = context;
	struct expect_entry *entry = object;
	struct expect_spec *expect = &entry->expect;
	size_t count;

	if (take_key(reader, key, node, entry, err) < 0 ||
		doc_list(reader->doc, node, "tenants", "tenants: [red, blue]", &count, err) < 0)
		return -1;
	if (count != 2)
		return doc_error(reader->doc, doc_mark(node), err,
			"a ratio has two tenants, not %zu; the first over the second, as in tenants: [red, blue]",
			count);
	if (read_one_tenant(reader, doc_item(reader->doc, node, 0), expect, &expect->tenant, err) < 0 ||
		read_one_tenant(reader, doc_item(reader->doc, node, 1), expect, &expect->other, err) < 0)
		return -1;
	if (expect->tenant == expect->other)
		return doc_error(reader->doc, doc_mark(node), err,
			"the ratio of tenant '%s' to itself is always 1; name two, as in tenants: [red, blue]",
			reader->scenario->tenants[expect->tenant].name);
	return 0;
}

int read_expect_window(void *context, const struct doc_key *key, const struct yaml_node_s *node, void *object,
	struct err *err)
{
	struct reader *reader = context;
	struct expect_entry *entry = object;
	struct expect_spec *expect = &entry->expect;
	uint64_t times[2];
	size_t count;

	if (take_key(reader, key, node, entry, err) < 0 ||
		doc_list(reader->doc, node, "window", "window: [2s, 20s]", &count, err) < 0)
		return -1;
	if (count != 2)
		return doc_error(reader->doc, doc_mark(node), err,
			"a window has two times, not %zu; write it as in window: [2s, 20s]", count);
	if (read_moment(reader, doc_item(reader->doc, node, 0), "a window", &times[0], &expect->from_said,
		    err) < 0 ||
		read_moment(reader, doc_item(reader->doc, node, 1), "a window", &times[1], &expect->to_said,
			err) < 0)
		return -1;
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
	expect->from_ns = times[0];
	expect->to_ns = times[1];
	return 0;
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

/* The time of an event, or its name. */
int read_expect_after(void *context, const struct doc_key *key, const struct yaml_node_s *node, void *object,
	struct err *err)
{
	struct reader *reader = context;
	const struct scenario *scenario = reader->scenario;
	struct expect_entry *entry = object;
	struct expect_spec *expect = &entry->expect;
	const char *verb = expect->kind == EXPECT_SETTLES ? "settle" : "be seen";
	const char *text;
	bool found = false;

	if (take_key(reader, key, node, entry, err) < 0 ||
		doc_word(reader->doc, node, "the time or name of an event", &text, err) < 0 ||
		read_moment(reader, node, "the time of an event", &expect->after_ns, &expect->after_said,
			err) < 0)
		return -1;
	entry->hard_only = true;
	for (size_t i = 0; i < scenario->event_count; i++) {
		const struct event_spec *event = &scenario->events[i];
		if (event->at_ns != expect->after_ns)
			continue;
		found = true;
		entry->hard_only = entry->hard_only && is_hard_only(event);
	}
	if (!found)
		return doc_error(reader->doc, doc_mark(node), err,
			"there is no event at '%s' to %s after; write the time or the name of an event, as in 20s",
			text, verb);
	if (expect->after_ns >= scenario->duration_ns)
		return doc_error(reader->doc, doc_mark(node), err,
			"nothing can %s after '%s', the end of the run; name an earlier event", verb, text);
	return 0;
}

int read_expect_control(void *context, const struct doc_key *key, const struct yaml_node_s *node,
	void *object, struct err *err)
{
	struct reader *reader = context;
	struct expect_entry *entry = object;

	if (take_key(reader, key, node, entry, err) < 0)
		return -1;
	entry->control_mark = doc_mark(node);
	return doc_word(reader->doc, node, "the name of another expectation", &entry->control, err);
}

int read_expect_needs(void *context, const struct doc_key *key, const struct yaml_node_s *node, void *object,
	struct err *err)
{
	static const enum need needs[] = {NEED_CONTENTION, NEED_PLENTY, NEED_NOTHING};
	struct reader *reader = context;
	struct expect_entry *entry = object;
	const char *names[ARRAY_SIZE(needs)];
	size_t index;

	if (take_key(reader, key, node, entry, err) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(needs); i++)
		names[i] = need_name(needs[i]);
	if (doc_choice(reader->doc, node, "something a window can need", names, ARRAY_SIZE(names), &index,
		    err) < 0)
		return -1;
	entry->expect.need = needs[index];
	return 0;
}

int read_expect_name(void *context, const struct doc_key *key, const struct yaml_node_s *node, void *object,
	struct err *err)
{
	struct reader *reader = context;
	struct expect_entry *entry = object;
	const char *text;

	if (take_key(reader, key, node, entry, err) < 0 ||
		doc_word(reader->doc, node, "the name of an expectation", &text, err) < 0)
		return -1;
	entry->expect.name = xstrdup(text);
	return 0;
}

int read_expect_when(void *context, const struct doc_key *key, const struct yaml_node_s *node, void *object,
	struct err *err)
{
	struct reader *reader = context;
	struct expect_entry *entry = object;
	struct when *when = &entry->expect.when;

	if (take_key(reader, key, node, entry, err) < 0 || read_when(reader, node, when, err) < 0)
		return -1;
	if (!when_exclude(when, &reader->scenario->when))
		return 0;
	AUTO(free_ptr) char *own = when_text(when);
	AUTO(free_ptr) char *hosts = when_text(&reader->scenario->when);
	return doc_error(reader->doc, doc_mark(node), err,
		"this expectation is of %s and the scenario runs with %s only; remove one of the two when:",
		own, hosts);
}
