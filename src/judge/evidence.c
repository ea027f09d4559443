/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "judge/internal.h"

#include <math.h>

#include "base/auto.h"
#include "base/buf.h"

#define IDLE_MAX_CONTENTION 0.02
#define IDLE_MIN_PLENTY     0.10
#define STEAL_MAX           0.01
#define FOREIGN_MAX         0.02
#define WAITED_MIN          0.05
/* /proc/stat counts in jiffies of USER_HZ, 10 ms, per CPU: a difference of two readings is off by up to one each. */
#define STAT_ERROR_S 0.02

static double capacity_s(const struct judge_context *context, double from_s, double to_s)
{
	return context->cpu_count * (to_s - from_s);
}

static double stat_error(const struct judge_context *context)
{
	return context->cpu_count * STAT_ERROR_S;
}

/* Seconds of the scarce CPUs that were busy with something other than the tenants' vCPUs; NAN: not known. */
static double foreign_s(const struct judge_context *context, double from_s, double to_s)
{
	const struct scenario *scenario = context->input->scenario;
	double foreign = counter_growth(&context->busy, from_s, to_s) / 1e9;

	for (size_t i = 0; i < scenario->tenant_count; i++) {
		cpu_set_t both;
		CPU_AND(&both, &scenario->tenants[i].cpus, &scenario->scarce_cpus);
		if (CPU_COUNT(&both))
			foreign -= counter_growth(&context->vcpu[i], from_s, to_s) / 1e9;
	}
	return foreign;
}

/* The largest part of the capacity that a figure from /proc/stat may have, its resolution allowed for. */
static double bound(const struct judge_context *context, double from_s, double to_s, double limit)
{
	return limit + stat_error(context) / capacity_s(context, from_s, to_s);
}

static char *disturbance(const struct judge_context *context, double from_s, double to_s)
{
	double capacity = capacity_s(context, from_s, to_s);
	double steal = counter_growth(&context->steal, from_s, to_s) / 1e9 / capacity;
	double foreign = foreign_s(context, from_s, to_s) / capacity;

	if (steal > bound(context, from_s, to_s, STEAL_MAX))
		return xasprintf(
			"the hypervisor below stole %.1f %% of the scarce CPUs; 1 %% may be", 100 * steal);
	if (foreign > bound(context, from_s, to_s, FOREIGN_MAX))
		return xasprintf(
			"%.1f %% of the scarce CPUs went to something other than the tenants' vCPUs; 2 %% may",
			100 * foreign);
	return NULL;
}

char *evidence_disturbance(const struct judge_context *context, double from_s, double to_s)
{
	if (context->steal.count < 2 || context->busy.count < 2)
		return NULL;
	return disturbance(context, from_s, to_s);
}

static bool host_covered(
	const struct judge_context *context, double from_s, double to_s, struct finding *finding)
{
	static const char *const names[] = {"set_busy_ns", "set_idle_ns", "set_steal_ns"};
	const struct counter *const counters[] = {&context->busy, &context->idle, &context->steal};
	const struct scenario *scenario = context->input->scenario;

	for (size_t i = 0; i < 3; i++) {
		double from = from_s, to = to_s;
		if (!window_covered(context, counters[i], names[i], &from, &to, finding))
			return false;
	}
	/* Foreign time is known only when every tenant's own is. */
	for (size_t i = 0; i < scenario->tenant_count; i++) {
		double from = from_s, to = to_s;
		AUTO(free_ptr) char *what = xasprintf("vcpu_usage_ns of '%s'", scenario->tenants[i].name);
		if (!window_covered(context, &context->vcpu[i], what, &from, &to, finding))
			return false;
	}
	return true;
}

/* The most that the tenant wanted beyond its share in any step of the window. */
static double unserved(const struct judge_context *context, unsigned tenant, double from_s, double to_s)
{
	double most = 0;

	for (size_t i = 0; i < context->model.step_count; i++) {
		const struct model_step *step = &context->model.steps[i];
		if (fmin(to_s, step->to_s) - fmax(from_s, step->from_s) > 0.5 * (to_s - from_s))
			most = fmax(most, step->wanted[tenant] - step->share[tenant]);
	}
	return most;
}

static bool contention_holds(
	const struct judge_context *context, double from_s, double to_s, struct finding *finding)
{
	unsigned tenant = finding->expect->tenant;
	const char *name = context->input->scenario->tenants[tenant].name;
	double idle = counter_growth(&context->idle, from_s, to_s) / 1e9 / capacity_s(context, from_s, to_s);

	if (idle > bound(context, from_s, to_s, IDLE_MAX_CONTENTION))
		return finding_set(finding, VERDICT_INCONCLUSIVE,
			"no contention: the scarce CPUs were idle for %.1f %% of their time; 2 %% may be",
			100 * idle);
	if (unserved(context, tenant, from_s, to_s) < 0.01)
		return true;
	AUTO(free_ptr) char *what = xasprintf("run_delay_ns of '%s'", name);
	double from = from_s, to = to_s;
	if (!window_covered(context, &context->run_delay[tenant], what, &from, &to, finding))
		return false;
	double waited = counter_growth(&context->run_delay[tenant], from, to) / 1e9 / (to - from);
	if (waited < WAITED_MIN)
		return finding_set(finding, VERDICT_INCONCLUSIVE,
			"no contention: '%s' should want more than its share, but waited for a CPU for only %.1f %% of "
			"the window; at least 5 %% is needed",
			name, 100 * waited);
	return true;
}

bool evidence_holds(const struct judge_context *context, double from_s, double to_s, struct finding *finding)
{
	enum need need = finding->expect->need;

	if (need == NEED_NOTHING)
		return true;
	if (!host_covered(context, from_s, to_s, finding))
		return false;
	AUTO(free_ptr) char *disturbed = disturbance(context, from_s, to_s);
	if (disturbed)
		return finding_set(finding, VERDICT_INCONCLUSIVE, "%s", disturbed);
	if (need == NEED_CONTENTION)
		return contention_holds(context, from_s, to_s, finding);
	double idle = counter_growth(&context->idle, from_s, to_s) / 1e9 / capacity_s(context, from_s, to_s);
	if (idle < IDLE_MIN_PLENTY)
		return finding_set(finding, VERDICT_INCONCLUSIVE,
			"no plenty: the scarce CPUs were idle for %.1f %% of their time; at least 10 %% is needed",
			100 * idle);
	return true;
}
