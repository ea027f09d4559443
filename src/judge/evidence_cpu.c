/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "judge/internal.h"

#include <math.h>

#include "base/auto.h"
#include "base/buf.h"
#include "judge/changes.h"

#define IDLE_MAX_CONTENTION 0.02
#define IDLE_MIN_PLENTY     0.10
#define STEAL_MAX           0.01
#define FOREIGN_MAX         0.02
#define WAITED_MIN          0.05
#define WANTED_MIN          0.95
#define DISAGREE_MAX        0.05
/* /proc/stat counts in jiffies of USER_HZ, 10 ms, per CPU: a difference of two readings is off by up to one each. */
#define STAT_ERROR_S 0.02

static const struct metric *vcpu(const struct judge_context *context, size_t tenant)
{
	return &context->metric[MEASURE_CPU_TIME][tenant];
}

static double capacity_s(const struct judge_context *context, double from_s, double to_s)
{
	return context->cpu_count * (to_s - from_s);
}

static double stat_error(const struct judge_context *context)
{
	return context->cpu_count * STAT_ERROR_S;
}

/*
 * Seconds of the scarce CPUs that went to something other than the tenants' vCPUs, told in two ways.  Busy time is
 * counted by sampling at each timer tick on most kernels, which a load with a period (a quota) can fool; idle time is
 * exact where the tick stops while idle (proc(5); kernel/sched/cputime.c, get_cpu_idle_time_us).  Load from others shows in both.
 */
static void foreign_s(
	const struct judge_context *context, double from_s, double to_s, double *ret_low, double *ret_high)
{
	const struct scenario *scenario = context->input->scenario;
	double busy = counter_growth(&context->busy, from_s, to_s) / 1e9, vcpus = 0;
	double not_idle = capacity_s(context, from_s, to_s) -
			  counter_growth(&context->idle, from_s, to_s) / 1e9 -
			  counter_growth(&context->steal, from_s, to_s) / 1e9;

	for (size_t i = 0; i < scenario->tenant_count; i++) {
		if (judge_counts(context, MEASURE_CPU_TIME, i))
			vcpus += counter_growth(&vcpu(context, i)->total, from_s, to_s) / 1e9;
	}
	*ret_low = fmin(busy, not_idle) - vcpus;
	*ret_high = fmax(busy, not_idle) - vcpus;
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
	double low = 0, high = 0;

	foreign_s(context, from_s, to_s, &low, &high);
	if (steal > bound(context, from_s, to_s, STEAL_MAX))
		return xasprintf(
			"the hypervisor below stole %.1f %% of the scarce CPUs; 1 %% may be", 100 * steal);
	if (low / capacity > bound(context, from_s, to_s, FOREIGN_MAX))
		return xasprintf(
			"%.1f %% of the scarce CPUs went to something other than the tenants' vCPUs; 2 %% may",
			100 * low / capacity);
	if (-high / capacity > bound(context, from_s, to_s, DISAGREE_MAX))
		return xasprintf(
			"the tenants' vCPUs are said to have used %.1f %% of the scarce CPUs more than those were "
			"busy; 5 %% is what the accounting may be off",
			-100 * high / capacity);
	return NULL;
}

static char *cpu_disturbance(const struct judge_context *context, double from_s, double to_s)
{
	if (context->steal.count < 2 || context->busy.count < 2)
		return NULL;
	return disturbance(context, from_s, to_s);
}

static bool undisturbed(
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
	for (unsigned i = 0; i < scenario->tenant_count; i++) {
		double from = from_s, to = to_s;
		if (judge_counts(context, MEASURE_CPU_TIME, i) &&
			!metric_covered(context, MEASURE_CPU_TIME, i, &from, &to, finding))
			return false;
	}
	AUTO(free_ptr) char *disturbed = disturbance(context, from_s, to_s);
	if (disturbed)
		return finding_set(finding, VERDICT_INCONCLUSIVE, "%s", disturbed);
	return true;
}

static double waited(const struct judge_context *context, size_t tenant, double from_s, double to_s)
{
	return counter_growth(&context->run_delay[tenant], from_s, to_s) / 1e9 / (to_s - from_s);
}

/*
 * Of a limit nothing is said by a vCPU that neither ran nor waited.  The kernel counts a wait when it is over, and that for the next
 * period of a quota among them; one that does not is asked how long it throttled.
 */
static char *cpu_unwanted(const struct judge_context *context, unsigned tenant, double from_s, double to_s)
{
	const struct judge_input *input = context->input;
	const struct tenant_spec *spec = &input->scenario->tenants[tenant];
	double demand = fmin(spec->demand, spec->vcpus), length_s = to_s - from_s, lag_s = 0;

	if (context->run_delay[tenant].count < 2 || vcpu(context, tenant)->total.count < 2)
		return NULL;
	if (changes_value(input->scenario, input->events, tenant, LIMIT_CPU_QUOTA, to_s) != LIMIT_UNLIMITED)
		lag_s = (double)changes_value(
				input->scenario, input->events, tenant, LIMIT_CPU_PERIOD, to_s) /
			1e6;
	double ran = counter_growth(&vcpu(context, tenant)->total, from_s, to_s) / 1e9;
	double idled = waited(context, tenant, from_s, to_s) * length_s;
	if (context->throttled[tenant].count > 1)
		idled = fmax(idled, counter_growth(&context->throttled[tenant], from_s, to_s) / 1e9);
	double part = (ran + idled + lag_s) / (demand * length_s);
	return part < WANTED_MIN ? xasprintf("it ran or waited for a CPU for only %.1f %% of what it should "
					     "want; at least 95 %% is needed",
					   100 * part)
				 : NULL;
}

/* A tenant that got all it could use did not wait; then another one, whose share is below its wish, must have. */
static bool others_waited(const struct judge_context *context, const struct model_step *step, unsigned tenant,
	double from_s, double to_s, struct finding *finding)
{
	for (size_t i = 0; i < context->input->scenario->tenant_count; i++)
		if (i != tenant && evidence_is_unserved(step, i) &&
			waited(context, i, from_s, to_s) >= WAITED_MIN)
			return true;
	return finding_set(finding, VERDICT_INCONCLUSIVE,
		"no contention: '%s' got all it could use, and no other tenant waited for a CPU for 5 %% of the window",
		context->input->scenario->tenants[tenant].name);
}

/*
 * A vCPU that wants a CPU either runs or waits for one: its run time and run delay make up the whole window (0.996 and
 * more, measured).  One whose guest is held up by something else, as by QEMU's own threads on a CPU that is busy, does
 * neither (0.5 to 0.9), and what it leaves goes to the others.
 */
static bool everybody_wanted(const struct judge_context *context, const struct model_step *step,
	double from_s, double to_s, struct finding *finding)
{
	const struct scenario *scenario = context->input->scenario;

	for (size_t i = 0; i < scenario->tenant_count; i++) {
		AUTO(free_ptr) char *what = xasprintf("run_delay_ns of '%s'", scenario->tenants[i].name);
		double from = from_s, to = to_s;

		if (!evidence_is_unserved(step, i))
			continue;
		if (!window_covered(context, &context->run_delay[i], what, &from, &to, finding))
			return false;
		double ran = counter_growth(&vcpu(context, i)->total, from, to) / 1e9 / (to - from);
		double part = (ran + waited(context, i, from, to)) / (step->wanted[i] * context->cpu_count);
		if (part < WANTED_MIN)
			return finding_set(finding, VERDICT_INCONCLUSIVE,
				"no contention: '%s' ran or waited for a CPU for only %.1f %% of what it should want; at least "
				"95 %% is needed (are the CPUs of QEMU's own threads busy, or does its workload wait?)",
				scenario->tenants[i].name, 100 * part);
	}
	return true;
}

/* One tenant's part of it: it waited, or those who were to wait did. */
static bool tenant_wanted(const struct judge_context *context, const struct model_step *step, unsigned tenant,
	double from_s, double to_s, struct finding *finding)
{
	const char *name = context->input->scenario->tenants[tenant].name;
	double got = counter_growth(&vcpu(context, tenant)->total, from_s, to_s) / 1e9 /
		     capacity_s(context, from_s, to_s);

	if (!evidence_is_unserved(step, tenant))
		return true;
	if (got > step->wanted[tenant] - WAITED_MIN)
		return others_waited(context, step, tenant, from_s, to_s, finding);
	AUTO(free_ptr) char *what = xasprintf("run_delay_ns of '%s'", name);
	double from = from_s, to = to_s;
	if (!window_covered(context, &context->run_delay[tenant], what, &from, &to, finding))
		return false;
	double part = waited(context, tenant, from, to);
	if (part < WAITED_MIN)
		return finding_set(finding, VERDICT_INCONCLUSIVE,
			"no contention: '%s' should want more than its share, but waited for a CPU for only %.1f %% of "
			"the window; at least 5 %% is needed",
			name, 100 * part);
	return true;
}

static double idle_part(const struct judge_context *context, double from_s, double to_s)
{
	return counter_growth(&context->idle, from_s, to_s) / 1e9 / capacity_s(context, from_s, to_s);
}

static bool cpu_contention(
	const struct judge_context *context, double from_s, double to_s, struct finding *finding)
{
	const struct expect_spec *expect = finding->expect;

	if (!undisturbed(context, from_s, to_s, finding))
		return false;
	const struct model_step *step = evidence_main_step(context, from_s, to_s);
	double idle = idle_part(context, from_s, to_s);
	if (idle > bound(context, from_s, to_s, IDLE_MAX_CONTENTION))
		return finding_set(finding, VERDICT_INCONCLUSIVE,
			"no contention: the scarce CPUs were idle for %.1f %% of their time; 2 %% may be",
			100 * idle);
	if (!step)
		return true;
	if (expect->kind != EXPECT_CONSERVES &&
		!tenant_wanted(context, step, expect->tenant, from_s, to_s, finding))
		return false;
	if (expect->kind == EXPECT_RATIO &&
		!tenant_wanted(context, step, expect->other, from_s, to_s, finding))
		return false;
	return everybody_wanted(context, step, from_s, to_s, finding);
}

static bool cpu_plenty(
	const struct judge_context *context, double from_s, double to_s, struct finding *finding)
{
	if (!undisturbed(context, from_s, to_s, finding))
		return false;
	double idle = idle_part(context, from_s, to_s);
	if (idle < IDLE_MIN_PLENTY)
		return finding_set(finding, VERDICT_INCONCLUSIVE,
			"no plenty: the scarce CPUs were idle for %.1f %% of their time; at least 10 %% is needed",
			100 * idle);
	return true;
}

const struct evidence_ops evidence_cpu = {
	.contention = cpu_contention,
	.plenty = cpu_plenty,
	.disturbance = cpu_disturbance,
	.unwanted = cpu_unwanted,
	.tells_s = THROUGHOUT_S,
};
