/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "judge/resolution.h"

#include <math.h>
#include <stdlib.h>

#include "base/auto.h"
#include "base/buf.h"
#include "judge/changes.h"

#define KERNEL_TICK_S    0.01
#define GSO_FRAME_BYTES  65536.0
#define BFQ_BUDGET_S     0.01
#define THROTTLE_SLICE_S 0.1
#define CHARGED_AHEAD    (64 * 4096.0) /* per CPU */
#define HUGE_PAGE        (2 * 1048576.0)
#define MISSING_MAX      0.05
#define DIVIDED_MIN      0.99 /* of the capacity */

/* What adds up, in the measure's unit, and in words. */
struct terms {
	double sum;
	struct buf words;
	enum measure measure;
	double capacity; /* tolerances of shares are told in points of it; NAN: in the measure's unit */
};

static void auto_terms(struct terms *terms)
{
	buf_release(&terms->words);
}

static char *amount(const struct terms *terms, double value)
{
	return isnan(terms->capacity) ? judge_level_text(terms->measure, value)
				      : xasprintf("%.2f points", 100 * value / terms->capacity);
}

static void add(struct terms *terms, double value, const char *why)
{
	AUTO(free_ptr) char *text = amount(terms, value);

	terms->sum += value;
	buf_addf(&terms->words, "%s%s for %s", terms->words.length ? ", " : "", text, why);
}

/* ---- a turn at both ends, in the measure's unit ---- */

static uint64_t value_at(
	const struct judge_context *context, unsigned tenant, enum limit_id limit, double from_s, double to_s)
{
	return changes_value(
		context->input->scenario, context->input->events, tenant, limit, (from_s + to_s) / 2);
}

/* What one that is under a quota leaves over or takes more goes to the others: its terms are everybody's. */
static void add_quota(
	const struct judge_context *context, unsigned tenant, double from_s, double to_s, struct terms *terms)
{
	const char *name = context->input->scenario->tenants[tenant].name;
	uint64_t quota_us = value_at(context, tenant, LIMIT_CPU_QUOTA, from_s, to_s);
	struct counter own = {0};

	if (quota_us == LIMIT_UNLIMITED)
		return;
	AUTO(free_ptr)
	char *quota = xasprintf("one quota of '%s', %.3g ms, at both ends", name, (double)quota_us / 1e3);
	add(terms, 2 * (double)quota_us / 1e6 / (to_s - from_s), quota);
	counter_load(&own, context->input->samples, name, "emulator_usage_ns");
	if (own.count > 1)
		add(terms, counter_growth(&own, from_s, to_s) / 1e9 / (to_s - from_s),
			"QEMU's own threads, which that quota pays");
	counter_release(&own);
}

static void add_cpu(
	const struct judge_context *context, unsigned tenant, double from_s, double to_s, struct terms *terms)
{
	const struct scenario *scenario = context->input->scenario;
	double length_s = to_s - from_s, vcpus = 0;

	for (unsigned i = 0; i < scenario->tenant_count; i++)
		if (judge_counts(context, MEASURE_CPU_TIME, i))
			vcpus += scenario->tenants[i].vcpus;
	double each = fmax(vcpus / context->cpu_count, 1);
	AUTO(free_ptr)
	char *why = xasprintf("a turn of %.3g vCPU%s per CPU, a tick of 10 ms each, at both ends of %.3g s",
		each, each > 1 ? "s" : "", length_s);
	add(terms, 2 * each * KERNEL_TICK_S * scenario->tenants[tenant].vcpus / length_s, why);
	for (unsigned i = 0; i < scenario->tenant_count; i++)
		if (judge_counts(context, MEASURE_CPU_TIME, i))
			add_quota(context, i, from_s, to_s, terms);
}

static void add_net(
	const struct judge_context *context, unsigned tenant, double from_s, double to_s, struct terms *terms)
{
	double bytes = GSO_FRAME_BYTES + (double)value_at(context, tenant, LIMIT_NET_QUANTUM, from_s, to_s);
	AUTO(free_ptr)
	char *why = xasprintf(
		"a turn of HTB (%.0f kB: a quantum and a GSO frame of 64 KiB) at both ends of %.3g s",
		bytes / 1e3, to_s - from_s);

	add(terms, 2 * 8 * bytes / (to_s - from_s), why);
}

static void add_disk(
	const struct judge_context *context, unsigned tenant, double from_s, double to_s, struct terms *terms)
{
	static const enum limit_id throttles[] = {LIMIT_DISK_READ_BYTES, LIMIT_DISK_WRITE_BYTES};
	const struct scenario *scenario = context->input->scenario;
	double length_s = to_s - from_s;
	AUTO(free_ptr)
	char *why = xasprintf("a round of %zu budgets of 10 ms of the disk's rate at both ends of %.3g s",
		scenario->tenant_count, length_s);

	add(terms,
		2 * (double)scenario->tenant_count * BFQ_BUDGET_S * (double)scenario->disk.rate_bytes_per_s /
			length_s,
		why);
	for (size_t i = 0; i < ARRAY_SIZE(throttles); i++) {
		uint64_t rate = value_at(context, tenant, throttles[i], from_s, to_s);
		if (rate != LIMIT_UNLIMITED)
			add(terms, 2 * THROTTLE_SLICE_S * (double)rate / length_s,
				"a throttle's slice of 100 ms at both ends");
	}
}

static void add_memory(const struct judge_context *context, struct terms *terms)
{
	unsigned cpus = context->input->manifest->cpu_count;
	AUTO(free_ptr)
	char *why = xasprintf("64 pages that each of %u CPU%s may have charged ahead", cpus ? cpus : 1,
		cpus > 1 ? "s" : "");

	add(terms, CHARGED_AHEAD * (cpus ? cpus : 1), why);
	add(terms, HUGE_PAGE, "one huge page");
}

static void add_turns(
	const struct judge_context *context, unsigned tenant, double from_s, double to_s, struct terms *terms)
{
	switch (measure_spec(terms->measure)->resource) {
	case RESOURCE_CPU:
		add_cpu(context, tenant, from_s, to_s, terms);
		return;
	case RESOURCE_NET:
		add_net(context, tenant, from_s, to_s, terms);
		return;
	case RESOURCE_DISK:
		add_disk(context, tenant, from_s, to_s, terms);
		return;
	case RESOURCE_MEMORY:
	case RESOURCE_COUNT:
		break;
	}
	add_memory(context, terms);
}

/* ---- what was missing for everybody ---- */

/* As a part of what the model gives to all; NAN: no model says, or it leaves something over, so that nobody lacks anything. */
static double missing(const struct judge_context *context, enum measure measure, double from_s, double to_s)
{
	const struct scenario *scenario = context->input->scenario;
	double capacity = judge_capacity(context, measure), should = 0, got = 0;

	if (isnan(capacity))
		return (double)NAN;
	for (unsigned i = 0; i < scenario->tenant_count; i++) {
		if (!judge_counts(context, measure, i))
			continue;
		should += judge_model_share(context, measure, i, from_s, to_s);
		got += metric_mean(&context->metric[measure][i], capacity, from_s, to_s);
	}
	return should >= DIVIDED_MIN ? (got - should) / should : (double)NAN;
}

/* `level`: what the tenant should have, in the measure's unit. */
static void add_missing(
	const struct judge_context *context, double level, double from_s, double to_s, struct terms *terms)
{
	double part = missing(context, terms->measure, from_s, to_s);

	if (!isfinite(part))
		return;
	AUTO(free_ptr)
	char *why = xasprintf(
		"its part of the %.2f %% that all tenants together got %s than the model gives%s",
		100 * fabs(part), part < 0 ? "less" : "more", fabs(part) > MISSING_MAX ? " (5 % count)" : "");
	add(terms, fmin(fabs(part), MISSING_MAX) * fabs(level), why);
}

/* ---- a finding ---- */

static void conclude(const struct terms *terms, double tolerance, struct finding *finding)
{
	finding->tolerance = tolerance;
	free(finding->derivation);
	finding->derivation = xasprintf("derived from %zu samples: %s", finding->samples, terms->words.data);
}

static struct terms new_terms(const struct judge_context *context, const struct expect_spec *expect)
{
	bool share = expect->kind == EXPECT_SHARE || expect->kind == EXPECT_RATIO;

	return (struct terms){.measure = expect->measure,
		.capacity = share ? judge_capacity(context, expect->measure) : (double)NAN};
}

void resolution_of_mean(
	const struct judge_context *context, double from_s, double to_s, struct finding *finding)
{
	const struct expect_spec *expect = finding->expect;
	AUTO(terms) struct terms terms = new_terms(context, expect);
	double capacity = judge_capacity(context, expect->measure);
	double unit = expect->kind == EXPECT_SHARE ? capacity : 1;

	if (expect->kind != EXPECT_RATIO) {
		add_turns(context, expect->tenant, from_s, to_s, &terms);
		add_missing(context, finding->expected * unit, from_s, to_s, &terms);
		conclude(&terms, terms.sum / unit, finding);
		return;
	}
	/* The parts by which both are off add up; what is missing for all is missing for both alike. */
	AUTO(terms) struct terms under = new_terms(context, expect);
	double over_level = metric_mean(&context->metric[expect->measure][expect->tenant], 1, from_s, to_s);
	double under_level = metric_mean(&context->metric[expect->measure][expect->other], 1, from_s, to_s);
	add_turns(context, expect->tenant, from_s, to_s, &terms);
	add_turns(context, expect->other, from_s, to_s, &under);
	double part = terms.sum / over_level + under.sum / under_level;
	AUTO(free_ptr) char *over_text = judge_level_text(expect->measure, over_level);
	AUTO(free_ptr) char *under_text = judge_level_text(expect->measure, under_level);
	buf_addf(&terms.words, " on %s, and %s on %s: %.2f %% of the ratio", over_text, under.words.data,
		under_text, 100 * part);
	conclude(&terms, part * fabs(finding->expected), finding);
}

void resolution_of_change(const struct judge_context *context, double before_s, double start_s, double from_s,
	double to_s, struct finding *finding)
{
	const struct expect_spec *expect = finding->expect;
	AUTO(terms) struct terms terms = new_terms(context, expect);

	add_turns(context, expect->tenant, before_s, start_s, &terms);
	buf_adds(&terms.words, " before, and after it ");
	AUTO(terms) struct terms after = new_terms(context, expect);
	add_turns(context, expect->tenant, from_s, to_s, &after);
	buf_adds(&terms.words, after.words.data);
	conclude(&terms, terms.sum + after.sum, finding);
}
