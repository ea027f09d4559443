/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <string.h>

#include "base/auto.h"
#include "base/buf.h"
#include "scenario/expect.h"
#include "scenario/text.h"

#define BEFORE_DEFAULT_NS UINT64_C(10000000000)

/* Parts: of the capacity for share and settles, of what is expected for the others. */
static const double tolerances[EXPECT_KIND_COUNT] = {
	[EXPECT_SHARE] = 0.02,
	[EXPECT_SETTLES] = 0.05,
	[EXPECT_LEVEL] = 0.05,
	[EXPECT_RATIO] = 0.1,
	[EXPECT_CONSERVES] = 0.03,
	[EXPECT_UNCHANGED] = 0.03,
};

enum scarcity scarcity_within(const struct scenario *scenario, uint64_t from_ns, uint64_t to_ns)
{
	bool holds = scenario->memory.declared && scenario->memory.from_start;
	bool some = false, all = true;
	uint64_t since_ns = 0;

	for (size_t i = 0; i <= scenario->event_count; i++) {
		const struct event_spec *event = i < scenario->event_count ? &scenario->events[i] : NULL;
		bool is_last = !event;
		if (event && event->kind != EVENT_SCARCE && event->kind != EVENT_PLENTY)
			continue;
		uint64_t until_ns = is_last ? UINT64_MAX : event->at_ns;
		if (since_ns < to_ns && until_ns > from_ns) {
			some = some || holds;
			all = all && holds;
		}
		since_ns = until_ns;
		holds = event && event->kind == EVENT_SCARCE;
	}
	return all ? SCARCITY_ALL : some ? SCARCITY_SOME : SCARCITY_NONE;
}

/* 1: only hard limits of the resource, 0: also a soft one, -1: none of the resource. */
static int all_hard(const struct limit_setting *settings, size_t count, enum resource resource)
{
	int result = -1;

	for (size_t i = 0; i < count; i++) {
		const struct limit_spec *spec = limit_spec(settings[i].limit);
		if (limit_resource(spec) != resource)
			continue;
		if (spec->soft)
			return 0;
		result = 1;
	}
	return result;
}

/* Whether what holds for the tenant since the last change before this time are hard limits only. */
static bool is_hard_at(const struct scenario *scenario, const struct expect_spec *expect, uint64_t at_ns)
{
	const struct tenant_spec *tenant = &scenario->tenants[expect->tenant];
	int hard = all_hard(tenant->limits, tenant->limit_count, expect->resource);

	for (size_t i = 0; i < scenario->event_count && scenario->events[i].at_ns <= at_ns; i++) {
		const struct event_spec *event = &scenario->events[i];
		int change = -1;
		if (event->kind == EVENT_SCARCE || event->kind == EVENT_PLENTY)
			change = 0;
		else if (!(event->tenants & UINT32_C(1) << expect->tenant))
			continue;
		else if (event->kind == EVENT_SET)
			change = all_hard(event->settings, event->setting_count, expect->resource);
		else if (event->kind == EVENT_RESET && event->limit == LIMIT_COUNT)
			change = 0;
		else if (event->kind == EVENT_RESET &&
			 limit_resource(limit_spec(event->limit)) == expect->resource)
			change = !limit_spec(event->limit)->soft;
		if (change >= 0)
			hard = change;
	}
	return hard == 1;
}

static enum need default_need(const struct scenario *scenario, const struct expect_entry *entry)
{
	const struct expect_spec *expect = &entry->expect;
	bool is_level = expect->kind == EXPECT_LEVEL || expect->kind == EXPECT_UNCHANGED;
	uint64_t at_ns = expect->kind == EXPECT_UNCHANGED ? expect->after_ns : expect->from_ns;

	if (expect->kind == EXPECT_SETTLES && entry->hard_only)
		return NEED_NOTHING;
	if (expect->resource == RESOURCE_MEMORY) {
		enum scarcity scarcity = scarcity_within(scenario, expect->from_ns, expect->to_ns);
		if (!scenario->memory.free_bytes || is_hard_at(scenario, expect, at_ns))
			return NEED_NOTHING;
		return scarcity == SCARCITY_ALL    ? NEED_CONTENTION
		       : scarcity == SCARCITY_NONE ? NEED_PLENTY
						   : NEED_NOTHING;
	}
	if (is_level && !expect->is_model && is_hard_at(scenario, expect, at_ns))
		return NEED_NOTHING;
	return NEED_CONTENTION;
}

static char *make_name(const struct scenario *scenario, const struct expect_spec *expect)
{
	const char *kind = expect_kind_name(expect->kind);
	const struct measure_spec *measure = measure_spec(expect->measure);
	bool is_first = !expect->measure || measure_spec(expect->measure - 1)->resource != measure->resource;
	AUTO(free_ptr)
	char *what = xasprintf("%s%s%s", resource_name(expect->resource), is_first ? "" : " ",
		is_first ? "" : measure->name);
	const char *tenant = scenario->tenants[expect->tenant].name;
	AUTO(free_ptr) char *from = text_seconds(expect->from_ns, "");
	AUTO(free_ptr) char *to = text_seconds(expect->to_ns, "");
	AUTO(free_ptr) char *after = text_seconds(expect->after_ns, "");

	switch (expect->kind) {
	case EXPECT_SETTLES:
	case EXPECT_UNCHANGED:
		return xasprintf("%s %s %s after %s", kind, what, tenant, after);
	case EXPECT_RATIO:
		return xasprintf("%s %s %s over %s %s-%s", kind, what, tenant,
			scenario->tenants[expect->other].name, from, to);
	case EXPECT_CONSERVES:
		return xasprintf("%s %s %s-%s", kind, what, from, to);
	default:
		return xasprintf("%s %s %s %s-%s", kind, what, tenant, from, to);
	}
}

/* From the event to where anybody's claim changes next. */
static int finish_settles(const struct reader *reader, struct expect_entry *entry, struct err *err)
{
	struct expect_spec *expect = &entry->expect;
	const struct scenario *scenario = reader->scenario;

	if (expect->within_model)
		settling_derive(scenario, expect);
	expect->from_ns = expect->after_ns;
	expect->to_ns = scenario->duration_ns;
	for (size_t i = scenario->event_count; i-- > 0;) {
		if (scenario->events[i].at_ns > expect->after_ns)
			expect->to_ns = scenario->events[i].at_ns;
	}
	AUTO(free_ptr) char *next = text_seconds(expect->to_ns, "");
	if (expect->within_ns >= expect->to_ns - expect->after_ns)
		return doc_error(reader->doc, expect->mark, err,
			"the next change comes at %s, before the settling time is over; take a shorter within, or "
			"move that event",
			next);
	if (expect->resource != RESOURCE_MEMORY) {
		expect->is_model = true;
		return 0;
	}
	if (!(entry->given & KEY_BIT(KEY_TO)))
		return doc_error(reader->doc, expect->mark, err,
			"'to' is missing in 'settles: memory', because there is no model of memory; write it as in {settles: "
			"memory, tenant: red, after: 20s, to: 300MiB, band: 20MiB, within: 5s}");
	/* A band is a distance, so that the judge need not know of what it was a part. */
	if (!expect->within_absolute) {
		expect->within =
			(entry->given & KEY_BIT(KEY_BAND) ? expect->within : tolerances[EXPECT_SETTLES]) *
			expect->value;
		expect->within_absolute = true;
	}
	if (expect->within <= 0)
		return doc_error(reader->doc, expect->mark, err,
			"a part of 0 is 0, and nothing settles in a band of 0; write a distance, as in band: 20MiB");
	return 0;
}

/* level and ratio: a value or bounds. */
static int finish_value(const struct reader *reader, struct expect_entry *entry, struct err *err)
{
	const struct expect_spec *expect = &entry->expect;
	const char *kind = expect_kind_name(expect->kind);
	bool has_is = entry->given & KEY_BIT(KEY_IS), has_within = entry->given & KEY_BIT(KEY_WITHIN);
	bool is_absolute = has_within && expect->within_absolute;
	bool has_least = entry->given & KEY_BIT(KEY_AT_LEAST), has_most = entry->given & KEY_BIT(KEY_AT_MOST);

	if (!has_is && !has_least && !has_most)
		return doc_error(reader->doc, expect->mark, err,
			"'is' is missing in '%s', or a bound, at least or at most; write it as in %s", kind,
			expect_kind_spec(expect->kind)->example);
	if (has_is && (has_least || has_most))
		return doc_error(reader->doc, expect->mark, err,
			"'is' and '%s' in one expectation; keep one of them, or write two expectations",
			has_least ? "at least" : "at most");
	if (!has_is && has_within)
		return doc_error(reader->doc, expect->mark, err,
			"a bound has no tolerance; put it into the bound and leave out within");
	if (has_least && has_most && expect->at_least > expect->at_most)
		return doc_error(reader->doc, expect->mark, err,
			"nothing is at least this and at most that; let at least be the smaller one");
	if (has_is && !expect->is_model && expect->value <= 0 && !is_absolute)
		return doc_error(reader->doc, expect->mark, err,
			"a part of 0 is 0, and nothing that is measured is exactly that; write within as a distance, or at "
			"most instead of is");
	return 0;
}

static int finish_unchanged(const struct reader *reader, struct expect_entry *entry, struct err *err)
{
	struct expect_spec *expect = &entry->expect;
	const struct scenario *scenario = reader->scenario;
	uint64_t after_ns = expect->after_ns;
	AUTO(free_ptr) char *after = text_seconds(after_ns, "");

	if (expect->from_ns < after_ns)
		return doc_error(reader->doc, expect->mark, err,
			"the window begins before the event at %s; what was before is compared by itself, so begin the "
			"window after that",
			after);
	if (!(entry->given & KEY_BIT(KEY_BEFORE))) {
		uint64_t previous_ns = after_ns;
		for (size_t i = 0; i < scenario->event_count && scenario->events[i].at_ns < after_ns; i++)
			previous_ns = scenario->events[i].at_ns;
		entry->before_ns = after_ns - previous_ns;
		if (entry->before_ns > BEFORE_DEFAULT_NS)
			entry->before_ns = BEFORE_DEFAULT_NS;
	}
	if (entry->before_ns == 0)
		return doc_error(reader->doc, expect->mark, err,
			"nothing happens before the event at %s that it could be compared with; name a later event",
			after);
	if (entry->before_ns > after_ns)
		return doc_error(reader->doc, expect->mark, err,
			"'before' reaches outside the run, which begins %s before that event; take less",
			after);
	expect->before_ns = after_ns - entry->before_ns;
	return 0;
}

/* An expectation that nothing changes also passes where nothing works. */
static int check_control(const struct reader *reader, const struct expect_entry *entry, struct err *err)
{
	const struct expect_spec *expect = &entry->expect;

	if (expect->kind != EXPECT_UNCHANGED || entry->control ||
		(expect->resource == RESOURCE_MEMORY && expect->need == NEED_PLENTY))
		return 0;
	return doc_error(reader->doc, expect->mark, err,
		"'control' is missing in 'unchanged', which would also pass if no limit could be set at all; name an "
		"expectation that passes only if they act, as in control: red reacts");
}

/* Shorter than an interval of samples is nothing that could be seen, longer than the window nothing that fits. */
static int check_lengths(const struct reader *reader, const struct expect_spec *expect, struct err *err)
{
	static const char *const keys[EXPECT_KIND_COUNT] = {
		[EXPECT_STARVES] = "for", [EXPECT_NEVER_STARVES] = "longest", [EXPECT_CONSERVES] = "every"};
	uint64_t length_ns = expect->kind == EXPECT_CONSERVES ? expect->every_ns : expect->longest_ns;

	if (!keys[expect->kind] || !length_ns)
		return 0;
	AUTO(free_ptr) char *sample = text_seconds(reader->scenario->sample_ns, "");
	AUTO(free_ptr) char *window = text_seconds(expect->to_ns - expect->from_ns, "");
	if (length_ns < reader->scenario->sample_ns)
		return doc_error(reader->doc, expect->mark, err,
			"'%s' is shorter than the interval of %s between samples; take more, or a shorter sample:",
			keys[expect->kind], sample);
	if (length_ns > expect->to_ns - expect->from_ns)
		return doc_error(reader->doc, expect->mark, err,
			"'%s' is longer than the window of %s; take less, or a longer window",
			keys[expect->kind], window);
	/* The first and the last sample may lie almost an interval inside of the window. */
	uint64_t lost_ns = 2 * reader->scenario->sample_ns, length = expect->to_ns - expect->from_ns;
	uint64_t most_ns = length > lost_ns ? length - lost_ns : 0;
	AUTO(free_ptr) char *most = text_seconds(most_ns, "");
	if (expect->kind != EXPECT_CONSERVES && length_ns > most_ns)
		return doc_error(reader->doc, expect->mark, err,
			"'%s' is more than a window of %s can show: only whole intervals of %s between samples count; take %s "
			"at most, or a longer window",
			keys[expect->kind], window, sample, most);
	return 0;
}

int finish_expect(const struct reader *reader, struct expect_entry *entry, struct err *err)
{
	struct expect_spec *expect = &entry->expect;
	const struct scenario *scenario = reader->scenario;
	int result = 0;

	if (expect->kind == EXPECT_SETTLES)
		result = finish_settles(reader, entry, err);
	else if (expect->kind == EXPECT_LEVEL || expect->kind == EXPECT_RATIO)
		result = finish_value(reader, entry, err);
	else if (expect->kind == EXPECT_UNCHANGED)
		result = finish_unchanged(reader, entry, err);
	if (result < 0 || check_lengths(reader, expect, err) < 0)
		return -1;
	if (expect->within <= 0 && (!expect->within_model || expect->kind == EXPECT_SETTLES))
		expect->within = tolerances[expect->kind];
	if (!(entry->given & KEY_BIT(KEY_NEEDS)))
		expect->need = default_need(scenario, entry);
	if (check_control(reader, entry, err) < 0)
		return -1;
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
