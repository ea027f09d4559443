/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "judge/changes.h"

#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "applier/net.h"
#include "base/auto.h"
#include "base/buf.h"

/* The kernel's own defaults: a v1 group has 1024 shares (v2's 100 is the same for all, and weights are relative). */
#define DEFAULT_SHARES 1024
#define DEFAULT_PERIOD 100000
#define DEFAULT_WEIGHT 100

/* asked_s in events.csv has six decimals. */
#define SAME_TIME_S 1e-5

bool changes_is_at(const struct event_record *record, uint64_t at_ns)
{
	return fabs(record->asked_s - (double)at_ns / 1e9) <= SAME_TIME_S;
}

void changes_release(struct changes *changes)
{
	free(changes->items);
	*changes = (struct changes){0};
}

static void add_change(struct changes *changes, struct change change)
{
	changes->items = xgrow(changes->items, changes->count, &changes->capacity, sizeof(*changes->items));
	change.order = changes->count;
	changes->items[changes->count++] = change;
}

static int by_time(const void *a, const void *b)
{
	const struct change *left = a, *right = b;

	if (left->t_s != right->t_s)
		return left->t_s < right->t_s ? -1 : 1;
	return left->order < right->order ? -1 : left->order > right->order;
}

uint64_t changes_initial(const struct scenario *scenario, unsigned tenant, enum limit_id limit)
{
	const struct tenant_spec *spec = &scenario->tenants[tenant];

	const struct limit_setting *said = scenario_setting(spec->limits, spec->limit_count, limit);

	if (said)
		return said->value;
	switch (limit) {
	case LIMIT_CPU_SHARES:
		return DEFAULT_SHARES;
	case LIMIT_CPU_PERIOD:
		return DEFAULT_PERIOD;
	case LIMIT_NET_PRIORITY:
		return NET_PRIORITY_UNSAID;
	case LIMIT_NET_RATE:
		return net_default_rate(changes_initial(scenario, tenant, LIMIT_NET_CEIL));
	case LIMIT_NET_CEIL:
		return scenario->link.rate_bits_per_s;
	case LIMIT_NET_QUANTUM:
		return net_quantum_bytes(changes_initial(scenario, tenant, LIMIT_NET_RATE));
	case LIMIT_DISK_WEIGHT:
		return DEFAULT_WEIGHT;
	default:
		return LIMIT_UNLIMITED;
	}
}

uint64_t changes_value(const struct scenario *scenario, const struct event_log *log, unsigned tenant,
	enum limit_id limit, double t_s)
{
	uint64_t value = changes_initial(scenario, tenant, limit), rate = 0;

	if (limit == LIMIT_NET_QUANTUM)
		rate = changes_initial(scenario, tenant, LIMIT_NET_RATE);
	for (size_t i = 0; i < log->count; i++) {
		const struct event_record *record = &log->records[i];
		if (!record->has_read_back || record->asked_s > t_s ||
			strcmp(record->tenant, scenario->tenants[tenant].name) != 0)
			continue;
		if (record->limit == limit)
			value = record->read_back;
		if (limit != LIMIT_NET_QUANTUM || record->limit != LIMIT_NET_RATE)
			continue;
		/* As the applier does it: the quantum follows the rate unless it was chosen by hand. */
		if (value == net_quantum_bytes(rate))
			value = net_quantum_bytes(record->read_back);
		rate = record->read_back;
	}
	return value;
}

/* Of one event, for one tenant. */
static void declare(const struct scenario *scenario, const struct event_spec *event, unsigned tenant,
	struct changes *changes)
{
	struct change change = {.t_s = (double)event->at_ns / 1e9, .tenant = tenant, .kind = CHANGE_VALUE};

	switch (event->kind) {
	case EVENT_START:
	case EVENT_STOP:
		change.kind = event->kind == EVENT_START ? CHANGE_START : CHANGE_STOP;
		add_change(changes, change);
		return;
	case EVENT_SET:
		for (size_t i = 0; i < event->setting_count; i++) {
			change.limit = event->settings[i].limit;
			change.value = event->settings[i].value;
			add_change(changes, change);
		}
		return;
	case EVENT_RESET:
		for (int limit = 0; limit < LIMIT_COUNT; limit++) {
			if (event->limit != LIMIT_COUNT && event->limit != (enum limit_id)limit)
				continue;
			change.limit = (enum limit_id)limit;
			change.value = changes_initial(scenario, tenant, change.limit);
			add_change(changes, change);
		}
		return;
	default: /* scarcity begins and ends for the host, not for a tenant */
		return;
	}
}

static void declared_changes(const struct scenario *scenario, struct changes *changes)
{
	for (size_t i = 0; i < scenario->event_count; i++)
		for (unsigned tenant = 0; tenant < scenario->tenant_count; tenant++)
			if (scenario->events[i].tenants & (UINT32_C(1) << tenant))
				declare(scenario, &scenario->events[i], tenant, changes);
}

static bool is_of_host(const char *event)
{
	return !strcmp(event, event_kind_name(EVENT_SCARCE)) ||
	       !strcmp(event, event_kind_name(EVENT_PLENTY)) || !strcmp(event, event_kind_name(EVENT_ADD));
}

bool changes_is_of_host(const struct event_record *record)
{
	return is_of_host(record->event);
}

double changes_death_s(const struct scenario *scenario, const struct event_log *log, unsigned tenant)
{
	for (size_t i = 0; log && i < log->count; i++)
		if (!strcmp(log->records[i].event, "died") &&
			!strcmp(log->records[i].tenant, scenario->tenants[tenant].name))
			return log->records[i].asked_s;
	return (double)INFINITY;
}

static const struct event_record *find_record(const struct scenario *scenario, const struct event_log *log,
	const struct event_spec *event, unsigned tenant, enum limit_id limit)
{
	for (size_t i = 0; i < log->count; i++) {
		const struct event_record *record = &log->records[i];
		if (changes_is_at(record, event->at_ns) &&
			!strcmp(record->event, event_kind_name(event->kind)) &&
			(is_of_host(record->event) ||
				(!strcmp(record->tenant, scenario->tenants[tenant].name) &&
					record->limit == limit)))
			return record;
	}
	return NULL;
}

static int missing(const struct scenario *scenario, const struct event_spec *event, unsigned tenant,
	enum limit_id limit, struct err *err)
{
	return err_run(err, "the log of events lacks %s %s%s at %g s", event_kind_name(event->kind),
		scenario->tenants[tenant].name, limit < LIMIT_COUNT ? limit_spec(limit)->name : "",
		(double)event->at_ns / 1e9);
}

/* Everything that the scenario asked for must be in the log, with the value that the scenario names. */
static int check_complete(const struct scenario *scenario, const struct event_log *log, struct err *err)
{
	for (size_t i = 0; i < scenario->event_count; i++) {
		const struct event_spec *event = &scenario->events[i];
		const char *kind = event_kind_name(event->kind);
		if (is_of_host(kind) && !find_record(scenario, log, event, 0, LIMIT_COUNT))
			return err_run(
				err, "the log of events lacks %s at %g s", kind, (double)event->at_ns / 1e9);
		for (unsigned tenant = 0; tenant < scenario->tenant_count && !is_of_host(kind); tenant++) {
			/* One that died has nothing to set any more. */
			if (!(event->tenants & (UINT32_C(1) << tenant)) ||
				changes_death_s(scenario, log, tenant) <= (double)event->at_ns / 1e9)
				continue;
			/* What a reset of everything has to undo is known to the run only. */
			if (event->kind == EVENT_RESET && event->limit == LIMIT_COUNT)
				continue;
			if (event->kind != EVENT_SET) {
				enum limit_id limit = event->kind == EVENT_RESET ? event->limit : LIMIT_COUNT;
				if (!find_record(scenario, log, event, tenant, limit))
					return missing(scenario, event, tenant, limit, err);
				continue;
			}
			for (size_t j = 0; j < event->setting_count; j++) {
				const struct limit_setting *setting = &event->settings[j];
				const struct event_record *record =
					find_record(scenario, log, event, tenant, setting->limit);
				if (!record)
					return missing(scenario, event, tenant, setting->limit, err);
				if (record->asked != setting->value)
					return err_run(err,
						"at %g s %s of '%s' was set to %" PRIu64
						", the scenario says %" PRIu64,
						record->asked_s, limit_spec(setting->limit)->name,
						record->tenant, record->asked, setting->value);
			}
		}
	}
	return 0;
}

static int logged_changes(const struct scenario *scenario, const struct event_log *log,
	struct changes *changes, struct err *err)
{
	if (check_complete(scenario, log, err))
		return -1;
	for (size_t i = 0; i < log->count; i++) {
		const struct event_record *record = &log->records[i];
		int tenant = scenario_tenant(scenario, record->tenant);
		struct change change = {
			.t_s = record->asked_s, .limit = record->limit, .value = record->asked};

		if (tenant < 0 && !is_of_host(record->event))
			return err_run(err,
				"the log of events names tenant '%s', which the scenario does not have",
				record->tenant);
		if (record->error && *record->error)
			return err_run(err, "%s '%s' at %g s failed: %s", record->event, record->tenant,
				record->asked_s, record->error);
		if (is_of_host(record->event))
			continue;
		change.tenant = (unsigned)tenant;
		if (!isnan(record->end_s))
			change.t_s = record->end_s;
		if (!strcmp(record->event, "start") || !strcmp(record->event, "stop") ||
			!strcmp(record->event, "died")) {
			change.kind = !strcmp(record->event, "start") ? CHANGE_START : CHANGE_STOP;
			add_change(changes, change);
			continue;
		}
		if (record->limit >= LIMIT_COUNT)
			return err_run(err, "%s of '%s' at %g s names no limit", record->event,
				record->tenant, record->asked_s);
		const char *name = limit_spec(record->limit)->name;
		if (!record->has_read_back)
			return err_run(err, "%s of '%s' was set at %g s and never read back", name,
				record->tenant, record->asked_s);
		if (record->read_back != record->asked) {
			AUTO(free_ptr)
			char *asked = limit_format_value(limit_spec(record->limit), record->asked);
			AUTO(free_ptr)
			char *read = limit_format_value(limit_spec(record->limit), record->read_back);
			return err_run(err, "%s of '%s' was set to %s at %g s, but the kernel holds %s", name,
				record->tenant, asked, record->asked_s, read);
		}
		change.kind = CHANGE_VALUE;
		add_change(changes, change);
	}
	return 0;
}

int changes_load(const struct scenario *scenario, const struct event_log *log, struct changes *ret_changes,
	struct err *err)
{
	AUTO(changes) struct changes changes = {0};

	if (!log)
		declared_changes(scenario, &changes);
	else if (logged_changes(scenario, log, &changes, err))
		return -1;
	if (changes.count)
		qsort(changes.items, changes.count, sizeof(*changes.items), by_time);
	*ret_changes = changes;
	changes = (struct changes){0};
	return 0;
}
