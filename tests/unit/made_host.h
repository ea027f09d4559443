/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Made-up samples of any resource: a host that does what the model of the scenario says (memory: what its limits say), and one
 * fault at a time.  All columns that the judge looks at are there.
 */
#ifndef LIMITLAB_TESTS_UNIT_MADE_HOST_H
#define LIMITLAB_TESTS_UNIT_MADE_HOST_H

#include "made_run.h"

#define HOST_MIB   1048576.0
#define HOST_DEPTH 16

/* The last tenant is the one whose limits change. */
struct made_host {
	bool ignored;       /* changes have no effect */
	double effect;      /* part of the change that takes effect; 0: all of it */
	double first_times; /* the first tenant's share times this, the others have the rest; 0: as it should be */
	double last_times; /* what the last gets after the first change, if any, times this, and nobody else notices */
	double delay_s;                  /* changes take effect so much later */
	double swing_from_s, swing_to_s; /* the last gets nothing and then double, second by second */
	double fed;                      /* part of the capacity that is used, and nobody queues; 0: all */
	double foreign;                  /* part of the scarce CPUs that others take */
	double emulator;                 /* QEMU's own threads, part of a CPU */
	double held_up;                  /* the last neither runs nor waits for this part of the time */
	double empty_at_s;               /* the last has nothing queued in this sample */
	double drop_from_s, drop_to_s;
	double noise; /* of one interval's share, relative; seconds of it: much less */
	uint64_t seed;
	double stall_at_s, stall_s; /* the last neither runs nor waits, and the others take its part */
	double stolen;              /* part of the host's CPUs that the hypervisor below takes */
	double stalled;             /* part of the time in which all tasks wait for memory */
	double shallow; /* part of its requests that the last keeps under way after the first change; 0: all */
	double host_idle; /* part of the host's CPUs; 0: 0.4 */
	double killed_at_s;
	double swap_mib; /* free swap of the host; 0: none */
	double payload;  /* of the link layer's bytes; 0: 0.95 */
	bool swap_fills;
	/* Memory: what the last tenant has before and after, MiB. */
	double full_mib, end_mib;
};

enum host_column {
	HOST_CPU,
	HOST_VCPU,
	HOST_DELAY,
	HOST_SET_BUSY,
	HOST_SET_IDLE,
	HOST_SET_STEAL,
	HOST_BUSY,
	HOST_IDLE,
	HOST_STEAL,
	HOST_STALLED,
	HOST_NET_BYTES,
	HOST_NET_BACKLOG,
	HOST_READ,
	HOST_WRITE,
	HOST_READ_IOS,
	HOST_WRITE_IOS,
	HOST_QUEUE,
	HOST_USAGE,
	HOST_SWAPPED,
	HOST_SCAN,
	HOST_RECLAIMED,
	HOST_OUT,
	HOST_KILLS,
	HOST_AVAILABLE,
	HOST_SWAP_FREE,
	HOST_COLUMN_COUNT
};
static const char *const host_columns[HOST_COLUMN_COUNT] = {"cpu_usage_ns", "vcpu_usage_ns", "run_delay_ns",
	"set_busy_ns", "set_idle_ns", "set_steal_ns", "host_busy_ns", "host_idle_ns", "host_steal_ns",
	"psi_mem_full_us", "net_class_bytes", "net_class_backlog_bytes", "blk_read_bytes", "blk_write_bytes",
	"blk_read_ios", "blk_write_ios", "blk_queue_ns", "mem_usage_bytes", "mem_swap_bytes", "vm_pgscan",
	"vm_pgsteal", "vm_pswpout", "vm_oom_kills", "mem_available_bytes", "swap_free_bytes"};
static const char *const host_series[] = {"payload_rx_mbit_per_s", "disk_queue_depth"};

/* -1..1 */
static inline double host_noise(uint64_t *state)
{
	*state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (double)(*state >> 11) * 0x1p-52 - 1;
}

static inline double host_capacity(const struct scenario *scenario)
{
	switch (scenario_scarce(scenario)) {
	case RESOURCE_NET:
		return (double)scenario->link.rate_bits_per_s / 8;
	case RESOURCE_DISK:
		return (double)scenario->disk.rate_bytes_per_s;
	default:
		return 1;
	}
}

static inline double host_first_change_s(const struct scenario *scenario)
{
	for (size_t i = 0; i < scenario->event_count; i++)
		if (scenario->events[i].kind == EVENT_SET || scenario->events[i].kind == EVENT_SCARCE)
			return (double)scenario->events[i].at_ns / 1e9;
	return HUGE_VAL;
}

static inline const double *host_shares(const struct model *model, double t_s)
{
	for (size_t i = 0; i < model->step_count; i++)
		if (t_s >= model->steps[i].from_s && t_s < model->steps[i].to_s)
			return model->steps[i].share;
	return NULL;
}

/* Fractions of the capacity at a time; false: nobody works. */
static inline bool host_parts(const struct made_host *host, const struct scenario *scenario,
	const struct model *model, double t_s, double *parts)
{
	double change_s = host_first_change_s(scenario);
	const double *shares = host_shares(model, t_s), *then, *before;
	unsigned count = (unsigned)scenario->tenant_count, last = count - 1;

	if (!shares)
		return false;
	then = host_shares(model, fmax(t_s - host->delay_s, 0.01));
	before = host_shares(model, 0.01);
	for (unsigned i = 0; i < count; i++) {
		parts[i] = host->ignored ? before[i] : then[i];
		if (host->effect > 0 && t_s >= change_s)
			parts[i] = before[i] + host->effect * (then[i] - before[i]);
	}
	if (host->first_times > 0 && t_s >= change_s) {
		double rest = 1 - parts[0], first = fmin(parts[0] * host->first_times, 1);
		for (unsigned i = 1; i < count; i++)
			parts[i] *= (1 - first) / rest;
		parts[0] = first;
	}
	if (host->last_times > 0 && (t_s >= change_s || isinf(change_s)))
		parts[last] *= host->last_times;
	if (t_s >= host->swing_from_s && t_s < host->swing_to_s) {
		double now = fmod(t_s - host->swing_from_s, 2) < 1 ? 0 : fmin(2 * parts[last], 1);
		for (unsigned i = 0; i < last; i++)
			parts[i] *= (1 - now) / (1 - parts[last]);
		parts[last] = now;
	}
	for (unsigned i = 0; i < count; i++)
		parts[i] *= (host->fed > 0 ? host->fed : 1) * (1 - host->foreign);
	return true;
}

/* What the last tenant has, MiB. */
static inline double host_level(const struct made_host *host, const struct scenario *scenario, double t_s)
{
	double since_s = t_s - host_first_change_s(scenario) - host->delay_s - 0.01;

	return since_s > 0 && !host->ignored
		       ? host->end_mib + (host->full_mib - host->end_mib) * exp(-since_s / 0.1)
		       : host->full_mib;
}

struct host_state {
	double got[SCENARIO_MAX_TENANTS], waited[SCENARIO_MAX_TENANTS], queued[SCENARIO_MAX_TENANTS];
	double before[SCENARIO_MAX_TENANTS];
	double busy, pages;
	bool works;
};

static inline void host_tenant_row(const struct made_host *host, struct made_run *run,
	const struct host_state *state, unsigned i, double t_s)
{
	const struct scenario *scenario = run->scenario;
	const char *name = scenario->tenants[i].name;
	double *cells = table_add_row(&run->samples, t_s, name);
	double capacity = host_capacity(scenario), bytes = state->got[i] * capacity;
	bool queues = state->works && !(host->fed > 0) && !(scenario->tenants[i].demand < 1);

	cells[HOST_VCPU] = rint(1e9 * state->got[i]);
	cells[HOST_CPU] = rint(1e9 * (state->got[i] + host->emulator * (t_s + 1)));
	cells[HOST_DELAY] = rint(1e9 * state->waited[i]);
	cells[HOST_NET_BYTES] = floor(bytes);
	cells[HOST_NET_BACKLOG] = queues ? 200000 : 0;
	if (i + 1 == scenario->tenant_count && host->empty_at_s > 0 && fabs(t_s - host->empty_at_s) < 0.01)
		cells[HOST_NET_BACKLOG] = 0;
	cells[HOST_READ] = floor(bytes);
	cells[HOST_WRITE] = 0;
	cells[HOST_READ_IOS] = floor(bytes / 65536);
	cells[HOST_WRITE_IOS] = 0;
	cells[HOST_QUEUE] = floor(1e9 * state->queued[i]);
	cells[HOST_USAGE] =
		floor(HOST_MIB *
			(i + 1 == scenario->tenant_count ? host_level(host, scenario, t_s) : host->full_mib));
	cells[HOST_SWAPPED] = fmax(floor(HOST_MIB * host->full_mib) - cells[HOST_USAGE], 0);
	cells = table_add_row(&run->series, t_s, name);
	cells[0] = (state->got[i] - state->before[i]) * capacity * 8 / MADE_INTERVAL_S / 1e6 *
		   (host->payload > 0 ? host->payload : 0.95);
	bool shallow =
		i + 1 == scenario->tenant_count && t_s >= host_first_change_s(scenario) && host->shallow > 0;
	cells[1] = state->works ? HOST_DEPTH * (shallow ? host->shallow : 1) : 0;
}

static inline void host_rows(
	const struct made_host *host, struct made_run *run, struct host_state *state, double t_s)
{
	const struct scenario *scenario = run->scenario;
	double idle = host->host_idle > 0 ? host->host_idle : 0.4, since_s = t_s + 10, all = 0;
	bool scarce = state->pages > 1000;

	for (unsigned i = 0; i < scenario->tenant_count; i++) {
		host_tenant_row(host, run, state, i, t_s);
		all += state->got[i];
		state->before[i] = state->got[i];
	}
	double *cells = table_add_row(&run->samples, t_s, "host");
	cells[HOST_NET_BYTES] = floor(all * host_capacity(scenario));
	cells[HOST_SET_BUSY] = rint(100 * state->busy) * 1e7;
	cells[HOST_SET_IDLE] = rint(100 * (t_s + 1 - state->busy)) * 1e7;
	cells[HOST_SET_STEAL] = floor(since_s * host->stolen * 100) * 1e7;
	cells[HOST_BUSY] = floor(since_s * 2 * (1 - idle) * 100) * 1e7;
	cells[HOST_IDLE] = floor(since_s * 2 * idle * 100) * 1e7;
	cells[HOST_STEAL] = floor(since_s * 2 * host->stolen * 100) * 1e7;
	cells[HOST_STALLED] = floor(since_s * host->stalled * 1e6);
	cells[HOST_SCAN] = state->pages;
	cells[HOST_RECLAIMED] = state->pages / 2;
	cells[HOST_OUT] = state->pages / 4;
	cells[HOST_KILLS] = host->killed_at_s > 0 && t_s > host->killed_at_s;
	/* What is taken from the last tenant is there for others: here it stays free. */
	cells[HOST_AVAILABLE] =
		((scarce ? 600 : 8000) + host->full_mib - host_level(host, scenario, t_s)) * HOST_MIB;
	cells[HOST_SWAP_FREE] = host->swap_fills && scarce ? HOST_MIB : host->swap_mib * HOST_MIB;
}

/* One step of time. */
static inline void host_advance(const struct made_host *host, const struct scenario *scenario,
	const struct model *model, double t_s, uint64_t *seed, struct host_state *state)
{
	double parts[SCENARIO_MAX_TENANTS] = {0}, sum = 0;
	unsigned count = (unsigned)scenario->tenant_count, last = count - 1;

	state->works = host_parts(host, scenario, model, t_s, parts);
	for (unsigned i = 0; state->works && i < count; i++) {
		/* What one gets more another one gets less. */
		double off = host->noise * host_noise(seed) * fmin(parts[i], parts[(i + 1) % count]);
		parts[i] += off;
		parts[(i + 1) % count] -= off;
	}
	bool stalls = t_s >= host->stall_at_s && t_s < host->stall_at_s + host->stall_s;
	for (unsigned i = 0; stalls && state->works && i < last; i++)
		parts[i] /= 1 - parts[last];
	if (stalls)
		parts[last] = 0;
	for (unsigned i = 0; i < count; i++) {
		double wants = scenario->tenants[i].demand < 1 ? parts[i] : 1;
		state->got[i] += parts[i] * MADE_STEP_S;
		if (!(host->fed > 0) && !(stalls && i == last))
			state->waited[i] += fmax(wants - parts[i] - (i == last ? host->held_up : 0), 0) *
					    MADE_STEP_S * state->works;
		state->queued[i] += state->works * (host->fed > 0 ? 1 : HOST_DEPTH) * MADE_STEP_S;
		sum += parts[i];
	}
	state->busy += fmin(sum + host->foreign * state->works, 1) * MADE_STEP_S;
	if (scenario->memory.declared && t_s >= host_first_change_s(scenario) && !(host->fed > 0))
		state->pages += 10;
}

static inline void made_host_samples(const struct made_host *host, struct made_run *run)
{
	const struct scenario *scenario = run->scenario;
	uint64_t seed = host->seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
	long per_sample = lround(MADE_INTERVAL_S / MADE_STEP_S);
	struct host_state state = {.pages = 1000, .busy = 0};
	struct model model = {0};

	assert_int_equal(model_make(scenario, NULL, &model, NULL), 0);
	table_init(&run->samples, host_columns, HOST_COLUMN_COUNT);
	table_init(&run->series, host_series, ARRAY_SIZE(host_series));
	for (long step = -5 * per_sample; (double)step * MADE_STEP_S <= made_duration_s(run) + 0.3; step++) {
		double t_s = (double)step * MADE_STEP_S;
		if (step % per_sample == 0 && !(t_s >= host->drop_from_s && t_s < host->drop_to_s))
			host_rows(host, run, &state, t_s);
		host_advance(host, scenario, &model, t_s, &seed, &state);
	}
	model_release(&model);
}

#endif
