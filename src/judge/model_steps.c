/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "judge/model.h"

#include <math.h>
#include <stdlib.h>

#include "applier/net.h"
#include "base/auto.h"
#include "base/buf.h"
#include "judge/changes.h"
#include "judge/model_htb.h"

/* What holds at one time. */
struct state {
	bool active[SCENARIO_MAX_TENANTS];
	uint64_t value[SCENARIO_MAX_TENANTS][LIMIT_COUNT];
	double places[SCENARIO_MAX_TENANTS]; /* scarce CPUs that it may use; 0: it lives elsewhere */
};

static void fill_cpu(
	const struct scenario *scenario, const struct state *state, double capacity, struct model_step *step)
{
	struct model_claim claims[SCENARIO_MAX_TENANTS] = {0};

	for (size_t i = 0; i < scenario->tenant_count; i++) {
		const struct tenant_spec *tenant = &scenario->tenants[i];
		const uint64_t *value = state->value[i];
		double cap = value[LIMIT_CPU_QUOTA] == LIMIT_UNLIMITED || !value[LIMIT_CPU_PERIOD]
				     ? HUGE_VAL
				     : (double)value[LIMIT_CPU_QUOTA] / (double)value[LIMIT_CPU_PERIOD];
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

static double demand(
	const struct scenario *scenario, const struct model_step *step, size_t tenant, enum resource resource)
{
	const struct tenant_spec *spec = &scenario->tenants[tenant];

	return step->active[tenant] && spec->loads == resource ? spec->demand : 0;
}

static void fill_net(
	const struct scenario *scenario, const struct state *state, double capacity, struct model_step *step)
{
	struct htb_claim claims[SCENARIO_MAX_TENANTS] = {0};

	for (size_t i = 0; i < scenario->tenant_count; i++) {
		const uint64_t *value = state->value[i];
		claims[i] = (struct htb_claim){
			.rate = (double)value[LIMIT_NET_RATE],
			.ceil = (double)value[LIMIT_NET_CEIL],
			.demand = demand(scenario, step, i, RESOURCE_NET),
			.quantum = (double)value[LIMIT_NET_QUANTUM],
			.prio = (unsigned)value[LIMIT_NET_PRIORITY],
		};
		step->weight[i] = claims[i].quantum;
		step->wanted[i] = fmin(fmin(claims[i].demand, claims[i].ceil), capacity) / capacity;
	}
	/* The link is the class that all share, so there is no slower wire behind it. */
	if (model_htb(capacity, (double)INFINITY, claims, scenario->tenant_count, step->share))
		BUG("a link without end is too slow");
	for (size_t i = 0; i < scenario->tenant_count; i++)
		step->share[i] /= capacity;
}

/* A throttle of bytes caps the tenant; how many bytes one of requests lets through is not known here. */
static double disk_cap(const uint64_t *value)
{
	static const enum limit_id bytes[] = {LIMIT_DISK_READ_BYTES, LIMIT_DISK_WRITE_BYTES,
		LIMIT_DISK_QEMU_READ_BYTES, LIMIT_DISK_QEMU_WRITE_BYTES};
	static const enum limit_id requests[] = {LIMIT_DISK_READ_IOPS, LIMIT_DISK_WRITE_IOPS,
		LIMIT_DISK_QEMU_READ_IOPS, LIMIT_DISK_QEMU_WRITE_IOPS};
	double cap = (double)INFINITY;

	for (size_t i = 0; i < ARRAY_SIZE(requests); i++)
		if (value[requests[i]] != LIMIT_UNLIMITED)
			return (double)NAN;
	for (size_t i = 0; i < ARRAY_SIZE(bytes); i++)
		if (value[bytes[i]] != LIMIT_UNLIMITED)
			cap = fmin(cap, (double)value[bytes[i]]);
	return cap;
}

/*
 * How fast a real disk is nobody declared (capacity NAN): then weights still divide it, as long as nobody's claim is a
 * number of bytes.
 */
static void fill_disk(
	const struct scenario *scenario, const struct state *state, double capacity, struct model_step *step)
{
	struct model_claim claims[SCENARIO_MAX_TENANTS] = {0};
	bool known = scenario->disk.scheduler == DISK_SCHEDULER_BFQ;
	double whole = isnan(capacity) ? 1 : capacity;

	for (size_t i = 0; i < scenario->tenant_count; i++) {
		double cap = disk_cap(state->value[i]), wish = demand(scenario, step, i, RESOURCE_DISK);
		step->weight[i] = (double)state->value[i][LIMIT_DISK_WEIGHT];
		claims[i] = (struct model_claim){.weight = step->weight[i], .demand = wish, .cap = cap};
		known = known && !isnan(cap);
		if (isnan(capacity))
			known = known && isinf(cap) && (wish <= 0 || isinf(wish));
		step->wanted[i] = isnan(cap) ? (double)NAN : fmin(fmin(wish, cap), whole) / whole;
	}
	if (known)
		model_max_min(whole, claims, scenario->tenant_count, step->share);
	for (size_t i = 0; i < scenario->tenant_count; i++)
		step->share[i] = known ? step->share[i] / whole : (double)NAN;
}

static void fill_nothing(
	const struct scenario *scenario, const struct state *state, double capacity, struct model_step *step)
{
	(void)state;
	(void)capacity;
	for (size_t i = 0; i < scenario->tenant_count; i++)
		step->share[i] = step->wanted[i] = (double)NAN;
}

/* What is scarce, and how much of it there is. */
static void find_capacity(const struct scenario *scenario, struct model *model)
{
	model->resource = RESOURCE_COUNT;
	model->capacity = (double)NAN;
	if (scenario->has_scarce_cpu && CPU_COUNT(&scenario->scarce_cpus)) {
		model->resource = RESOURCE_CPU;
		model->capacity = CPU_COUNT(&scenario->scarce_cpus);
	} else if (scenario->link.declared) {
		model->resource = RESOURCE_NET;
		model->capacity = (double)scenario->link.rate_bits_per_s;
	} else if (scenario->disk.declared) {
		model->resource = RESOURCE_DISK;
		if (scenario->disk.rate_bytes_per_s)
			model->capacity = (double)scenario->disk.rate_bytes_per_s;
	} else if (scenario->memory.declared) {
		model->resource = RESOURCE_MEMORY;
	}
	model->says_shares = model->capacity > 0 || model->resource == RESOURCE_DISK;
}

static int place_tenants(const struct scenario *scenario, struct state *state, struct err *err)
{
	for (unsigned i = 0; i < scenario->tenant_count; i++) {
		const struct tenant_spec *tenant = &scenario->tenants[i];
		cpu_set_t both;
		CPU_AND(&both, &tenant->cpus, &scenario->scarce_cpus);
		int inside = CPU_COUNT(&both);
		if (scenario->has_scarce_cpu && inside && inside != CPU_COUNT(&tenant->cpus))
			return err_input(err,
				"tenant '%s' may also run outside the scarce CPUs; no model says what it gets",
				tenant->name);
		state->places[i] = inside;
		for (int limit = 0; limit < LIMIT_COUNT; limit++)
			state->value[i][limit] = changes_initial(scenario, i, (enum limit_id)limit);
	}
	return 0;
}

static void make_change(struct state *state, const struct change *change)
{
	uint64_t *value = state->value[change->tenant];

	if (change->kind != CHANGE_VALUE) {
		state->active[change->tenant] = change->kind == CHANGE_START;
		return;
	}
	/* As the applier does it: the quantum follows the rate unless it was chosen by hand. */
	if (change->limit == LIMIT_NET_RATE &&
		value[LIMIT_NET_QUANTUM] == net_quantum_bytes(value[LIMIT_NET_RATE]))
		value[LIMIT_NET_QUANTUM] = net_quantum_bytes(change->value);
	value[change->limit] = change->value;
}

static void add_step(const struct scenario *scenario, const struct state *state, double from_s, double to_s,
	struct model *model)
{
	void (*fill)(const struct scenario *scenario, const struct state *state, double capacity,
		struct model_step *step) = fill_nothing;
	struct model_step *step = &model->steps[model->step_count++];

	step->from_s = from_s;
	step->to_s = to_s;
	for (size_t i = 0; i < scenario->tenant_count; i++)
		step->active[i] = state->active[i] && scenario->tenants[i].workload;
	if (model->says_shares)
		fill = model->resource == RESOURCE_CPU   ? fill_cpu
		       : model->resource == RESOURCE_NET ? fill_net
							 : fill_disk;
	fill(scenario, state, model->capacity, step);
}

int model_make(const struct scenario *scenario, const struct event_log *log, struct model *ret_model,
	struct err *err)
{
	AUTO(changes) struct changes changes = {0};
	struct state state = {0};
	struct model model = {0};
	double end_s = (double)scenario->duration_ns / 1e9, from_s = 0;

	if (place_tenants(scenario, &state, err) || changes_load(scenario, log, &changes, err))
		return -1;
	find_capacity(scenario, &model);
	model.steps = xcalloc(changes.count + 1, sizeof(*model.steps));
	for (size_t i = 0; i <= changes.count; i++) {
		bool last = i == changes.count;
		double to_s = last ? fmax(end_s, from_s) : changes.items[i].t_s;
		if (to_s > from_s) {
			add_step(scenario, &state, from_s, to_s, &model);
			from_s = to_s;
		}
		if (!last)
			make_change(&state, &changes.items[i]);
	}
	*ret_model = model;
	return 0;
}
