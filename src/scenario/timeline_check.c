/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A walk over the sorted timeline: does it make sense from beginning to end? */
#include <string.h>

#include "base/auto.h"
#include "base/buf.h"
#include "scenario/reader.h"
#include "scenario/text.h"

/* What the walk over the timeline knows. */
struct walk {
	uint32_t running, ever;
	uint64_t started_ns[SCENARIO_MAX_TENANTS];
	uint64_t last_stop_ns;
	bool touched[SCENARIO_MAX_TENANTS][LIMIT_COUNT];
	uint64_t touched_ns[SCENARIO_MAX_TENANTS][LIMIT_COUNT];
	const struct event_spec *scarcity; /* the last that began or ended it */
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
	return scenario_setting(event->settings, event->setting_count, limit);
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

static int check_scarcity(
	const struct reader *reader, struct walk *walk, const struct event_spec *event, struct err *err)
{
	const struct event_spec *last = walk->scarcity;
	bool holds = last && last->kind == EVENT_SCARCE;
	AUTO(free_ptr) char *at = text_seconds(event->at_ns, "");

	if (last && last->at_ns == event->at_ns)
		return doc_error(reader->doc, event->mark, err,
			"memory becomes scarce and plenty at %s, both; leave some time between", at);
	if (event->kind == EVENT_SCARCE && holds) {
		AUTO(free_ptr) char *since = text_seconds(last->at_ns, "");
		return doc_error(reader->doc, event->mark, err,
			"memory is scarce at %s already, since %s; end it before, as in plenty: memory, or remove this",
			at, since);
	}
	if (event->kind == EVENT_PLENTY && !holds)
		return doc_error(reader->doc, event->mark, err,
			"memory is not scarce at %s; begin it before, as in {at: 0s, scarce: memory}, or remove this",
			at);
	walk->scarcity = event;
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

int check_timeline(const struct reader *reader, struct mark mark, struct err *err)
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
		switch (event->kind) {
		case EVENT_START:
			result = check_start(reader, &walk, event, err);
			break;
		case EVENT_STOP:
			result = check_stop(reader, &walk, event, err);
			break;
		case EVENT_SCARCE:
		case EVENT_PLENTY:
			result = check_scarcity(reader, &walk, event, err);
			break;
		case EVENT_ADD:
			result = 0;
			break;
		default:
			result = check_change(reader, &walk, event, err);
		}
		if (result < 0)
			return -1;
		scenario->duration_ns = event->at_ns;
	}
	return check_end(reader, &walk, mark, err);
}
