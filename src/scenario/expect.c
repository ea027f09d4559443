/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "scenario/expect.h"

#include <math.h>
#include <string.h>

#include "base/auto.h"
#include "base/buf.h"

#define COMMON  (KEY_BIT(KEY_MEASURE) | KEY_BIT(KEY_NEEDS) | KEY_BIT(KEY_NAME) | KEY_BIT(KEY_WHEN))
#define BOUNDS  (KEY_BIT(KEY_AT_LEAST) | KEY_BIT(KEY_AT_MOST))
#define STARVES (KEY_BIT(KEY_TENANT) | KEY_BIT(KEY_WINDOW) | KEY_BIT(KEY_BELOW))

static const struct expect_kind_spec kinds[] = {
	[EXPECT_SHARE] = {EXAMPLE_SHARE, KEY_BIT(KEY_TENANT) | KEY_BIT(KEY_WINDOW) | KEY_BIT(KEY_IS),
		KEY_BIT(KEY_WITHIN), true},
	[EXPECT_SETTLES] = {"{settles: cpu, tenant: red, after: 20s, within: 1s}",
		KEY_BIT(KEY_TENANT) | KEY_BIT(KEY_AFTER) | KEY_BIT(KEY_WITHIN),
		KEY_BIT(KEY_TO) | KEY_BIT(KEY_BAND), true},
	[EXPECT_LEVEL] = {"{level: net, tenant: red, window: [2s, 8s], is: 270Mbit/s, within: 5%}",
		KEY_BIT(KEY_TENANT) | KEY_BIT(KEY_WINDOW), KEY_BIT(KEY_IS) | KEY_BIT(KEY_WITHIN) | BOUNDS,
		false},
	[EXPECT_RATIO] = {"{ratio: disk, tenants: [red, blue], window: [2s, 20s], is: 5, within: 10%}",
		KEY_BIT(KEY_TENANTS) | KEY_BIT(KEY_WINDOW), KEY_BIT(KEY_IS) | KEY_BIT(KEY_WITHIN) | BOUNDS,
		false},
	[EXPECT_STARVES] = {"{starves: net, tenant: blue, window: [20s, 40s], below: 2%, for: 1s}",
		STARVES | KEY_BIT(KEY_FOR), 0, true},
	[EXPECT_NEVER_STARVES] =
		{"{never starves: net, tenant: blue, window: [20s, 40s], below: 2%, longest: 1s}",
			STARVES | KEY_BIT(KEY_LONGEST), 0, true},
	[EXPECT_CONSERVES] = {"{conserves: net, window: [2s, 60s], within: 3%, every: 5s}",
		KEY_BIT(KEY_WINDOW), KEY_BIT(KEY_WITHIN) | KEY_BIT(KEY_EVERY), true},
	[EXPECT_UNCHANGED] =
		{"{unchanged: net, tenant: red, after: 20s, window: [21s, 40s], within: 3%, control: NAME}",
			KEY_BIT(KEY_TENANT) | KEY_BIT(KEY_AFTER) | KEY_BIT(KEY_WINDOW),
			KEY_BIT(KEY_BEFORE) | KEY_BIT(KEY_WITHIN) | KEY_BIT(KEY_CONTROL), false},
};
_Static_assert(ARRAY_SIZE(kinds) == EXPECT_KIND_COUNT, "one row per kind of expectation");

/* The kind first, then what is measured: the meaning of the others depends on them. */
static const struct doc_key expect_keys[] = {
	{"share", false, read_expect_kind, EXPECT_SHARE},
	{"settles", false, read_expect_kind, EXPECT_SETTLES},
	{"level", false, read_expect_kind, EXPECT_LEVEL},
	{"ratio", false, read_expect_kind, EXPECT_RATIO},
	{"starves", false, read_expect_kind, EXPECT_STARVES},
	{"never starves", false, read_expect_kind, EXPECT_NEVER_STARVES},
	{"conserves", false, read_expect_kind, EXPECT_CONSERVES},
	{"unchanged", false, read_expect_kind, EXPECT_UNCHANGED},
	{"measure", false, read_expect_measure, KEY_MEASURE},
	{"tenant", false, read_expect_tenant, KEY_TENANT},
	{"tenants", false, read_expect_tenants, KEY_TENANTS},
	{"window", false, read_expect_window, KEY_WINDOW},
	{"after", false, read_expect_after, KEY_AFTER},
	{"before", false, read_expect_duration, KEY_BEFORE},
	{"is", false, read_expect_is, KEY_IS},
	{"at least", false, read_expect_bound, KEY_AT_LEAST},
	{"at most", false, read_expect_bound, KEY_AT_MOST},
	{"to", false, read_expect_to, KEY_TO},
	{"within", false, read_expect_within, KEY_WITHIN},
	{"band", false, read_expect_band, KEY_BAND},
	{"below", false, read_expect_below, KEY_BELOW},
	{"for", false, read_expect_duration, KEY_FOR},
	{"longest", false, read_expect_duration, KEY_LONGEST},
	{"every", false, read_expect_duration, KEY_EVERY},
	{"control", false, read_expect_control, KEY_CONTROL},
	{"needs", false, read_expect_needs, KEY_NEEDS},
	{"name", false, read_expect_name, KEY_NAME},
	{"when", false, read_expect_when, KEY_WHEN},
};
_Static_assert(ARRAY_SIZE(expect_keys) == EXPECT_KIND_COUNT + (int)KEY_COUNT, "every kind and every key");
_Static_assert(KEY_COUNT <= 32, "one bit per key");

const struct expect_kind_spec *expect_kind_spec(enum expect_kind kind)
{
	return &kinds[kind];
}

static bool takes(enum expect_kind kind, enum expect_key key)
{
	return ((kinds[kind].takes | kinds[kind].requires | COMMON) & KEY_BIT(key)) != 0;
}

/* Its place in the table is its kind, or behind all kinds in the order of the enum. */
static const char *key_name(enum expect_key key)
{
	return expect_keys[EXPECT_KIND_COUNT + (int)key].name;
}

/* Before any key is read: it must belong to the kind. */
int take_key(const struct reader *reader, const struct doc_key *key, const struct yaml_node_s *node,
	struct expect_entry *entry, struct err *err)
{
	const struct expect_spec *expect = &entry->expect;

	if (!entry->has_kind)
		return doc_error(reader->doc, expect->mark, err,
			"this expectation has no kind; add share, settles, level, ratio, starves, never starves, conserves "
			"or unchanged, as in %s",
			EXAMPLE_SHARE);
	entry->given |= KEY_BIT(key->id);
	if (takes(expect->kind, (enum expect_key)key->id))
		return 0;
	return doc_error(reader->doc, doc_mark(node), err, "'%s' does not belong to '%s'; write it as in %s",
		key->name, expect_kind_name(expect->kind), kinds[expect->kind].example);
}

static int check_required(const struct reader *reader, const struct expect_entry *entry, struct err *err)
{
	const struct expect_kind_spec *kind = &kinds[entry->expect.kind];
	uint32_t missing = kind->requires & ~entry->given;

	for (int key = 0; key < KEY_COUNT; key++) {
		if (missing & KEY_BIT(key))
			return doc_error(reader->doc, entry->expect.mark, err,
				"'%s' is missing in '%s'; write it as in %s", key_name((enum expect_key)key),
				expect_kind_name(entry->expect.kind), kind->example);
	}
	return 0;
}

static int read_one(
	struct reader *reader, const struct yaml_node_s *node, struct expect_entry *entry, struct err *err)
{
	struct doc_key none = {.name = "", .id = KEY_NAME};

	if (doc_mapping(reader->doc, node, "an expectation", EXAMPLE_SHARE, expect_keys,
		    ARRAY_SIZE(expect_keys), reader, entry, err) < 0)
		return -1;
	if (!entry->has_kind)
		return take_key(reader, &none, node, entry, err);
	if (check_required(reader, entry, err) < 0)
		return -1;
	return finish_expect(reader, entry, err);
}

/* "control: NAME" -> index, now that all names are known. */
static int resolve_control(const struct reader *reader, const struct expect_entry *entry,
	struct expect_spec *expect, struct err *err)
{
	const struct scenario *scenario = reader->scenario;
	AUTO(free_ptr) const char **names = xcalloc(scenario->expect_count, sizeof(*names));

	if (!entry->control)
		return 0;
	for (size_t i = 0; i < scenario->expect_count; i++) {
		const struct expect_spec *other = &scenario->expects[i];
		names[i] = other->name;
		if (strcmp(other->name, entry->control) != 0)
			continue;
		if (other == expect)
			return doc_error(reader->doc, entry->control_mark, err,
				"an expectation cannot be its own control; name one that passes only if limits act");
		if (other->kind == EXPECT_UNCHANGED || other->kind == EXPECT_CONSERVES)
			return doc_error(reader->doc, entry->control_mark, err,
				"'%.80s' is of kind '%s', which also passes where no limit acts; name one of another kind",
				other->name, expect_kind_name(other->kind));
		/* Where it is not applicable, this one could prove nothing. */
		if (!when_implies(&expect->when, &other->when)) {
			AUTO(free_ptr) char *hosts = when_text(&other->when);
			return doc_error(reader->doc, entry->control_mark, err,
				"'%.80s' is only of %s, where this expectation is of more hosts; give it the same when:",
				other->name, hosts);
		}
		expect->control = (int)i;
		return 0;
	}
	const char *nearest = doc_nearest(entry->control, names, scenario->expect_count);
	AUTO(free_ptr) char *quoted = doc_quote(entry->control);
	if (nearest)
		return doc_error(reader->doc, entry->control_mark, err,
			"there is no expectation '%s'; did you mean '%.80s'?", quoted, nearest);
	return doc_error(reader->doc, entry->control_mark, err,
		"there is no expectation '%s'; give one of them this name, as in name: red reacts", quoted);
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
	AUTO(free_ptr) struct expect_entry *entries = xcalloc(count ? count : 1, sizeof(*entries));
	for (size_t i = 0; i < count; i++) {
		const struct yaml_node_s *item = doc_item(reader->doc, node, i);
		entries[i].expect = (struct expect_spec){
			.value = (double)NAN,
			.at_least = (double)NAN,
			.at_most = (double)NAN,
			.control = -1,
			.mark = doc_mark(item),
		};
		int result = read_one(reader, item, &entries[i], err);
		scenario->expects[scenario->expect_count++] = entries[i].expect;
		if (result < 0)
			return -1;
	}
	for (size_t i = 0; i < count; i++) {
		if (resolve_control(reader, &entries[i], &scenario->expects[i], err) < 0)
			return -1;
	}
	return 0;
}
