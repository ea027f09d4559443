/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "judge/model.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/clock.h"

/* The kernel's own defaults: a v1 group has 1024 shares (v2's 100 is the same for all, and weights are relative). */
static const uint64_t limit_defaults[LIMIT_COUNT] = {
	[LIMIT_CPU_SHARES] = 1024,
	[LIMIT_CPU_QUOTA] = LIMIT_UNLIMITED,
	[LIMIT_CPU_PERIOD] = 100000,
};

/* asked_s in events.csv has six decimals. */
#define SAME_TIME_S 1e-5

struct change {
	double t_s;
	size_t order; /* keeps the sort stable */
	unsigned tenant;
	enum { CHANGE_START, CHANGE_STOP, CHANGE_VALUE } kind;
	enum limit_id limit;
	uint64_t value;
};

struct changes {
	struct change *items;
	size_t count, capacity;
};

static void auto_changes(struct changes *changes)
{
	free(changes->items);
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

static uint64_t initial_value(const struct tenant_spec *tenant, enum limit_id limit)
{
	for (size_t i = 0; i < tenant->limit_count; i++)
		if (tenant->limits[i].limit == limit)
			return tenant->limits[i].value;
	return limit_defaults[limit];
}

static void declared_changes(const struct scenario *scenario, struct changes *changes)
{
	for (size_t i = 0; i < scenario->event_count; i++) {
		const struct event_spec *event = &scenario->events[i];
		for (unsigned tenant = 0; tenant < scenario->tenant_count; tenant++) {
			struct change change = {.t_s = (double)event->at_ns / 1e9, .tenant = tenant};
			if (!(event->tenants & (UINT32_C(1) << tenant)))
				continue;
			if (event->kind == EVENT_START || event->kind == EVENT_STOP) {
				change.kind = event->kind == EVENT_START ? CHANGE_START : CHANGE_STOP;
				add_change(changes, change);
				continue;
			}
			change.kind = CHANGE_VALUE;
			if (event->kind == EVENT_SET) {
				for (size_t j = 0; j < event->setting_count; j++) {
					change.limit = event->settings[j].limit;
					change.value = event->settings[j].value;
					add_change(changes, change);
				}
				continue;
			}
			for (int limit = 0; limit < LIMIT_COUNT; limit++) {
				if (event->limit != LIMIT_COUNT && event->limit != (enum limit_id)limit)
					continue;
				change.limit = (enum limit_id)limit;
				change.value = initial_value(&scenario->tenants[tenant], change.limit);
				add_change(changes, change);
			}
		}
	}
}

static const struct event_record *find_record(const struct scenario *scenario, const struct event_log *log,
	const struct event_spec *event, unsigned tenant, enum limit_id limit)
{
	for (size_t i = 0; i < log->count; i++) {
		const struct event_record *record = &log->records[i];
		if (fabs(record->asked_s - (double)event->at_ns / 1e9) <= SAME_TIME_S &&
			!strcmp(record->event, event_kind_name(event->kind)) &&
			!strcmp(record->tenant, scenario->tenants[tenant].name) && record->limit == limit)
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
		for (unsigned tenant = 0; tenant < scenario->tenant_count; tenant++) {
			if (!(event->tenants & (UINT32_C(1) << tenant)))
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

		if (!strcmp(record->event, "scarce") || !strcmp(record->event, "plenty"))
			continue;
		if (tenant < 0)
			return err_run(err,
				"the log of events names tenant '%s', which the scenario does not have",
				record->tenant);
		if (record->error && *record->error)
			return err_run(err, "%s '%s' at %g s failed: %s", record->event, record->tenant,
				record->asked_s, record->error);
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

struct state {
	bool active[SCENARIO_MAX_TENANTS];
	uint64_t value[SCENARIO_MAX_TENANTS][LIMIT_COUNT];
	double places[SCENARIO_MAX_TENANTS]; /* scarce CPUs that it may use; 0: it lives elsewhere */
};

static void fill_step(
	const struct scenario *scenario, const struct state *state, double capacity, struct model_step *step)
{
	struct model_claim claims[SCENARIO_MAX_TENANTS] = {0};

	for (size_t i = 0; i < scenario->tenant_count; i++) {
		const struct tenant_spec *tenant = &scenario->tenants[i];
		const uint64_t *value = state->value[i];
		double cap = value[LIMIT_CPU_QUOTA] == LIMIT_UNLIMITED || !value[LIMIT_CPU_PERIOD]
				     ? HUGE_VAL
				     : (double)value[LIMIT_CPU_QUOTA] / (double)value[LIMIT_CPU_PERIOD];
		step->active[i] = state->active[i] && tenant->workload;
		step->weight[i] = (double)value[LIMIT_CPU_SHARES];
		claims[i].weight = step->weight[i];
		claims[i].cap = fmin(cap, fmin(state->places[i], tenant->vcpus));
		claims[i].demand = step->active[i] && state->places[i] > 0 ? tenant->demand : 0;
		step->wanted[i] = fmin(fmin(claims[i].demand, claims[i].cap), capacity) / capacity;
	}
	model_max_min(capacity, claims, scenario->tenant_count, step->share);
	for (size_t i = 0; i < scenario->tenant_count; i++)
		step->share[i] /= capacity;
}

static int place_tenants(const struct scenario *scenario, struct state *state, struct err *err)
{
	for (size_t i = 0; i < scenario->tenant_count; i++) {
		const struct tenant_spec *tenant = &scenario->tenants[i];
		cpu_set_t both;
		CPU_AND(&both, &tenant->cpus, &scenario->scarce_cpus);
		int inside = CPU_COUNT(&both);
		if (inside && inside != CPU_COUNT(&tenant->cpus))
			return err_input(err,
				"tenant '%s' may also run outside the scarce CPUs; no model says what it gets",
				tenant->name);
		state->places[i] = inside;
		for (int limit = 0; limit < LIMIT_COUNT; limit++)
			state->value[i][limit] = initial_value(tenant, (enum limit_id)limit);
	}
	return 0;
}

int model_cpu(const struct scenario *scenario, const struct event_log *log, struct model *ret_model,
	struct err *err)
{
	AUTO(changes) struct changes changes = {0};
	struct state state = {0};
	double end_s = (double)scenario->duration_ns / 1e9;

	if (!scenario->has_scarce_cpu || !CPU_COUNT(&scenario->scarce_cpus))
		return err_input(err, "scenario '%s' makes no CPUs scarce; there is no share to expect",
			scenario->name);
	if (place_tenants(scenario, &state, err))
		return -1;
	if (!log)
		declared_changes(scenario, &changes);
	else if (logged_changes(scenario, log, &changes, err))
		return -1;
	if (changes.count)
		qsort(changes.items, changes.count, sizeof(*changes.items), by_time);

	struct model model = {.steps = xcalloc(changes.count + 1, sizeof(*model.steps))};
	double from_s = 0;
	for (size_t i = 0; i <= changes.count; i++) {
		bool last = i == changes.count;
		double to_s = last ? fmax(end_s, from_s) : changes.items[i].t_s;
		if (to_s > from_s) {
			struct model_step *step = &model.steps[model.step_count++];
			step->from_s = from_s;
			step->to_s = to_s;
			fill_step(scenario, &state, CPU_COUNT(&scenario->scarce_cpus), step);
			from_s = to_s;
		}
		if (last)
			break;
		const struct change *change = &changes.items[i];
		if (change->kind == CHANGE_VALUE)
			state.value[change->tenant][change->limit] = change->value;
		else
			state.active[change->tenant] = change->kind == CHANGE_START;
	}
	*ret_model = model;
	return 0;
}
