/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "judge/symptoms.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/auto.h"
#include "base/buf.h"
#include "judge/internal.h"

/* rate / r2q of 10, in bytes per second, reaches the kernel's maximum of 200000 bytes here (net/sched/sch_htb.c). */
#define QUANTUM_MAX 200000
#define GSO_BYTES   65536
/* A payload is 94 to 96 % of the link layer's bytes; less is something else. */
#define PAYLOAD_MIN 0.92

static bool is_failed(const struct clues *clues, enum resource resource)
{
	return clues->finding->expect->resource == resource && clues->finding->verdict == VERDICT_FAIL;
}

bool symptom_emulators_default(struct clues *clues, struct buf *clue)
{
	if (!is_failed(clues, RESOURCE_CPU) || !clues->input->scenario->emulators_default)
		return false;
	buf_adds(clue, "the scenario says 'emulators: default'");
	return true;
}

/* Part of all the host's CPUs in the window; NAN: not sampled. */
static double host_idle(const struct clues *clues)
{
	struct counter busy = {0}, idle = {0};

	counter_load(&busy, clues->input->samples, "host", "host_busy_ns");
	counter_load(&idle, clues->input->samples, "host", "host_idle_ns");
	double rest = counter_growth(&idle, clues->from_s, clues->to_s);
	double all = rest + counter_growth(&busy, clues->from_s, clues->to_s);
	counter_release(&busy);
	counter_release(&idle);
	return rest / all;
}

/* The tenant that a reason names first: often another one than that of the expectation. */
static void choose_named(struct clues *clues)
{
	const struct scenario *scenario = clues->input->scenario;
	const char *first = NULL;

	for (unsigned i = 0; i < scenario->tenant_count; i++) {
		AUTO(free_ptr) char *quoted = xasprintf("'%s'", scenario->tenants[i].name);
		const char *at = strstr(clues->finding->reason, quoted);
		if (!at || (first && at > first))
			continue;
		first = at;
		clues->subject = i;
	}
}

bool symptom_held_up(struct clues *clues, struct buf *clue)
{
	double idle = host_idle(clues);

	choose_named(clues);
	if (!isnan(idle))
		buf_addf(clue, "the host's CPUs were idle for %.1f %% of the window", 100 * idle);
	return true;
}

bool symptom_emulators_light(struct clues *clues, struct buf *clue)
{
	const struct manifest *manifest = clues->input->manifest;
	double idle = host_idle(clues);

	if (clues->input->scenario->emulators_default)
		return false;
	choose_named(clues);
	buf_addf(clue, "QEMU's own threads have the minimum weight; they run on CPU %s",
		manifest->harness_cpus && *manifest->harness_cpus ? manifest->harness_cpus
								  : "(not recorded)");
	if (!isnan(idle))
		buf_addf(clue, ", and all CPUs of the host together were idle for %.1f %% of the window",
			100 * idle);
	return true;
}

/* Seconds per second that a tenant's counter of nanoseconds grew by in the window; NAN: not known. */
static double used(const struct clues *clues, unsigned tenant, const char *column)
{
	struct counter counter = {0};
	double part = (double)NAN;

	counter_load(&counter, clues->input->samples, clues->input->scenario->tenants[tenant].name, column);
	if (counter.count > 1)
		part = counter_growth(&counter, clues->from_s, clues->to_s) / 1e9 /
		       (clues->to_s - clues->from_s);
	counter_release(&counter);
	return part;
}

bool symptom_quota_emulator(struct clues *clues, struct buf *clue)
{
	const struct finding *finding = clues->finding;
	unsigned tenant = finding->expect->tenant;
	uint64_t quota = clues_value(clues->input, tenant, LIMIT_CPU_QUOTA, clues->to_s);
	uint64_t period = clues_value(clues->input, tenant, LIMIT_CPU_PERIOD, clues->to_s);

	if (!is_failed(clues, RESOURCE_CPU) || quota == LIMIT_UNLIMITED || !period ||
		!(finding->measured < finding->expected))
		return false;
	double vcpus = used(clues, tenant, "vcpu_usage_ns"), all = used(clues, tenant, "cpu_usage_ns");
	if (!(all > vcpus) || vcpus > (double)quota / (double)period)
		return false;
	buf_addf(clue,
		"the quota of '%s' is %.1f %% of a CPU; its vCPUs used %.1f %%, and with QEMU's own threads the VM used %.1f %%",
		clues->input->scenario->tenants[tenant].name, 100 * (double)quota / (double)period,
		100 * vcpus, 100 * all);
	return true;
}

bool symptom_several_cpus(struct clues *clues, struct buf *clue)
{
	int cpus = CPU_COUNT(&clues->input->scenario->scarce_cpus);

	if (!is_failed(clues, RESOURCE_CPU) || cpus < 2)
		return false;
	buf_addf(clue, "%d CPUs are scarce", cpus);
	return true;
}

bool symptom_shares_ignored(struct clues *clues, struct buf *clue)
{
	const struct scenario *scenario = clues->input->scenario;
	unsigned tenant = clues->finding->expect->tenant;
	double at_s = clues->to_s - 1e-3;
	uint64_t own = clues_value(clues->input, tenant, LIMIT_CPU_SHARES, at_s);
	bool differs = false;

	/* What came late came. */
	if (!is_failed(clues, RESOURCE_CPU) || !isnan(clues->finding->settling_time_s))
		return false;
	for (unsigned i = 0; i < scenario->tenant_count; i++)
		differs = differs || clues_value(clues->input, i, LIMIT_CPU_SHARES, at_s) != own;
	if (!differs)
		return false;
	buf_adds(clue, "in the window ");
	for (unsigned i = 0; i < scenario->tenant_count; i++)
		buf_addf(clue, "%s'%s' used %.1f %% of a CPU with %" PRIu64 " shares", i ? ", " : "",
			scenario->tenants[i].name, 100 * used(clues, i, "vcpu_usage_ns"),
			clues_value(clues->input, i, LIMIT_CPU_SHARES, at_s));
	return true;
}

static bool sets_priority(const struct event_spec *event)
{
	if (event->kind == EVENT_RESET)
		return event->limit == LIMIT_NET_PRIORITY;
	return scenario_setting(event->settings, event->setting_count, LIMIT_NET_PRIORITY);
}

/* How many samples found a tenant's queue empty since a time, of how many. */
static void count_empty(
	const struct clues *clues, unsigned tenant, double from_s, size_t *ret_empty, size_t *ret_all)
{
	struct counter backlog = {0};

	counter_load(&backlog, clues->input->samples, clues->input->scenario->tenants[tenant].name,
		"net_class_backlog_bytes");
	*ret_empty = *ret_all = 0;
	for (size_t i = counter_first(&backlog, from_s); i < backlog.count && backlog.t_s[i] <= clues->to_s;
		i++) {
		*ret_all += 1;
		*ret_empty += backlog.value[i] <= 0;
	}
	counter_release(&backlog);
}

/* The last change of somebody's priority before the window's end was made the plain way. */
static bool changed_raw(struct clues *clues, bool emptied, struct buf *clue)
{
	const struct scenario *scenario = clues->input->scenario;
	const struct event_spec *raw[SCENARIO_MAX_TENANTS] = {NULL};

	if (!is_failed(clues, RESOURCE_NET))
		return false;
	for (size_t i = 0; i < scenario->event_count; i++) {
		const struct event_spec *event = &scenario->events[i];
		enum net_apply apply = event->apply == NET_APPLY_COUNT ? scenario->link.apply : event->apply;
		if (!sets_priority(event) || (double)event->at_ns / 1e9 >= clues->to_s)
			continue;
		for (unsigned t = 0; t < scenario->tenant_count; t++)
			if (event->tenants & (UINT32_C(1) << t))
				raw[t] = apply == NET_APPLY_RAW ? event : NULL;
	}
	for (unsigned t = 0; t < scenario->tenant_count; t++) {
		size_t empty = 0, all = 0;
		if (!raw[t])
			continue;
		double at_s = (double)raw[t]->at_ns / 1e9;
		count_empty(clues, t, at_s, &empty, &all);
		if ((empty > 0) != emptied)
			continue;
		buf_addf(clue,
			"net.priority of '%s' became %" PRIu64
			" at %.6g s by 'apply: raw', and %zu of %zu samples of its "
			"queue since then found it empty",
			scenario->tenants[t].name,
			clues_value(clues->input, t, LIMIT_NET_PRIORITY, clues->to_s), at_s, empty, all);
		clues->subject = t;
		return true;
	}
	return false;
}

bool symptom_raw_priority(struct clues *clues, struct buf *clue)
{
	return changed_raw(clues, false, clue);
}

bool symptom_raw_emptied(struct clues *clues, struct buf *clue)
{
	return changed_raw(clues, true, clue);
}

/* Two of one priority with the same quantum, although they are guaranteed different rates. */
bool symptom_equal_quanta(struct clues *clues, struct buf *clue)
{
	const struct scenario *scenario = clues->input->scenario;
	double at_s = clues->to_s - 1e-3;

	if (!is_failed(clues, RESOURCE_NET))
		return false;
	for (unsigned i = 0; i < scenario->tenant_count; i++) {
		for (unsigned j = 0; j < i; j++) {
			uint64_t quantum[] = {clues_value(clues->input, j, LIMIT_NET_QUANTUM, at_s),
				clues_value(clues->input, i, LIMIT_NET_QUANTUM, at_s)};
			uint64_t rate[] = {clues_value(clues->input, j, LIMIT_NET_RATE, at_s),
				clues_value(clues->input, i, LIMIT_NET_RATE, at_s)};
			bool small = quantum[0] < GSO_BYTES && quantum[1] < GSO_BYTES;
			if (rate[0] == rate[1] || (quantum[0] != quantum[1] && !small) ||
				clues_value(clues->input, i, LIMIT_NET_PRIORITY, at_s) !=
					clues_value(clues->input, j, LIMIT_NET_PRIORITY, at_s))
				continue;
			buf_addf(clue,
				"'%s' and '%s' are guaranteed %.6g and %.6g Mbit/s, and their quanta are %" PRIu64
				" and %" PRIu64 " bytes%s",
				scenario->tenants[j].name, scenario->tenants[i].name, (double)rate[0] / 1e6,
				(double)rate[1] / 1e6, quantum[0], quantum[1],
				quantum[0] == QUANTUM_MAX ? ", the kernel's maximum"
				: small                   ? ", both smaller than a GSO packet of 64 KiB"
							  : "");
			return true;
		}
	}
	return false;
}

bool symptom_rates_exceed(struct clues *clues, struct buf *clue)
{
	const struct scenario *scenario = clues->input->scenario;
	double sum = 0, link = (double)scenario->link.rate_bits_per_s;

	if (!is_failed(clues, RESOURCE_NET) || !scenario->link.declared)
		return false;
	for (unsigned i = 0; i < scenario->tenant_count; i++)
		sum += (double)clues_value(clues->input, i, LIMIT_NET_RATE, clues->to_s - 1e-3);
	if (sum <= link)
		return false;
	buf_addf(clue, "%.6g Mbit/s are guaranteed on a link of %.6g Mbit/s", sum / 1e6, link / 1e6);
	return true;
}

bool symptom_payload(struct clues *clues, struct buf *clue)
{
	const struct finding *finding = clues->finding;
	double part = finding->measured / finding->expected;

	if (!is_failed(clues, RESOURCE_NET) || finding->expect->measure != MEASURE_NET_PAYLOAD ||
		!(part < 1) || part < PAYLOAD_MIN)
		return false;
	buf_addf(clue, "what was measured is %.1f %% of what is expected", 100 * part);
	return true;
}
