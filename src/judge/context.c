/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "judge/internal.h"

#include <math.h>

#include "base/auto.h"
#include "base/buf.h"
#include "judge/changes.h"

void context_release(struct judge_context *context)
{
	struct counter *const singles[] = {&context->busy, &context->idle, &context->steal, &context->shared,
		&context->host_busy, &context->host_idle, &context->host_steal, &context->stalled,
		&context->scanned, &context->scanned_anon, &context->reclaim_runs, &context->reclaimed,
		&context->swapped_out, &context->killed, &context->available, &context->free_of_cpus,
		&context->swap_free};

	for (size_t i = 0; i < SCENARIO_MAX_TENANTS; i++) {
		for (size_t m = 0; m < MEASURE_COUNT; m++)
			metric_release(&context->metric[m][i]);
		counter_release(&context->run_delay[i]);
		counter_release(&context->throttled[i]);
		counter_release(&context->backlog[i]);
		counter_release(&context->queue[i]);
		counter_release(&context->asked[i]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(singles); i++)
		counter_release(singles[i]);
	model_release(&context->model);
}

static void load_asked(struct counter *asked, const struct judge_input *input, const char *tenant)
{
	struct counter depth = {0};

	counter_load(&depth, input->series, tenant, "disk_queue_depth");
	/* Where the tool says nothing it has nothing under way: between two rounds, or stopped. */
	counter_integrate(&depth, true, 1.5 * judge_interval_s(input), asked);
	counter_release(&depth);
}

/* Requests in flight: by the host's own clock of the tenant's partition, else as the tenant's tool tells. */
static void load_queue(struct counter *queue, const struct judge_input *input, const char *tenant)
{
	counter_load(queue, input->samples, tenant, "blk_queue_ns");
	for (size_t i = 0; i < queue->count; i++)
		queue->value[i] /= 1e9;
	if (queue->count)
		return;
	counter_release(queue);
	load_asked(queue, input, tenant);
}

static void load_tenant(struct judge_context *context, unsigned tenant, const bool *of)
{
	const struct judge_input *input = context->input;
	const char *name = input->scenario->tenants[tenant].name;

	for (int measure = 0; measure < MEASURE_COUNT; measure++)
		if (of[measure_spec((enum measure)measure)->resource])
			metric_load(&context->metric[measure][tenant], input, (enum measure)measure, tenant);
	if (of[RESOURCE_CPU]) {
		counter_load(&context->run_delay[tenant], input->samples, name, "run_delay_ns");
		counter_load(&context->throttled[tenant], input->samples, name, "cpu_throttled_ns");
	}
	if (of[RESOURCE_NET])
		counter_load(&context->backlog[tenant], input->samples, name, "net_class_backlog_bytes");
	context->backlog[tenant].is_level = true;
	if (of[RESOURCE_DISK]) {
		load_queue(&context->queue[tenant], input, name);
		load_asked(&context->asked[tenant], input, name);
		evidence_disk_load(context, tenant);
	}
}

void context_load(struct judge_context *context)
{
	const struct judge_input *input = context->input;
	const struct scenario *scenario = input->scenario;
	const struct {
		enum resource resource;
		struct counter *counter;
		const char *column;
	} singles[] = {
		{RESOURCE_CPU, &context->busy, "set_busy_ns"},
		{RESOURCE_CPU, &context->idle, "set_idle_ns"},
		{RESOURCE_CPU, &context->steal, "set_steal_ns"},
		{RESOURCE_NET, &context->shared, "net_class_bytes"},
		{RESOURCE_MEMORY, &context->scanned, "vm_pgscan"},
		{RESOURCE_MEMORY, &context->scanned_anon, "vm_pgscan_anon"},
		{RESOURCE_MEMORY, &context->reclaim_runs, "vm_reclaim_runs"},
		{RESOURCE_MEMORY, &context->reclaimed, "vm_pgsteal"},
		{RESOURCE_MEMORY, &context->swapped_out, "vm_pswpout"},
		{RESOURCE_MEMORY, &context->killed, "vm_oom_kills"},
		{RESOURCE_MEMORY, &context->available, "mem_available_bytes"},
		{RESOURCE_MEMORY, &context->free_of_cpus, "mem_pcp_bytes"},
		{RESOURCE_MEMORY, &context->swap_free, "swap_free_bytes"},
	};
	bool of[RESOURCE_COUNT] = {false};

	context->cpu_count = CPU_COUNT(&scenario->scarce_cpus);
	context->interval_s = judge_interval_s(input);
	for (size_t i = 0; i < scenario->expect_count; i++)
		of[scenario->expects[i].resource] = true;
	for (unsigned i = 0; i < scenario->tenant_count; i++) {
		context->death_s[i] = changes_death_s(scenario, input->events, i);
		load_tenant(context, i, of);
	}
	for (size_t i = 0; i < ARRAY_SIZE(singles); i++)
		if (of[singles[i].resource])
			counter_load(singles[i].counter, input->samples, "host", singles[i].column);
	context->available.is_level = context->free_of_cpus.is_level = context->swap_free.is_level = true;
	counter_load(&context->host_busy, input->samples, "host", "host_busy_ns");
	counter_load(&context->host_idle, input->samples, "host", "host_idle_ns");
	counter_load(&context->host_steal, input->samples, "host", "host_steal_ns");
	counter_load(&context->stalled, input->samples, "host", "psi_mem_full_us");
}

bool judge_counts(const struct judge_context *context, enum measure measure, size_t tenant)
{
	const struct scenario *scenario = context->input->scenario;

	return measure != MEASURE_CPU_TIME || scenario_is_on_scarce(scenario, tenant);
}

double judge_capacity(const struct judge_context *context, enum measure measure)
{
	const struct scenario *scenario = context->input->scenario;

	switch (measure) {
	case MEASURE_CPU_TIME:
		return context->cpu_count;
	case MEASURE_NET_CLASS:
	case MEASURE_NET_PAYLOAD:
		return scenario->link.declared ? (double)scenario->link.rate_bits_per_s : (double)NAN;
	case MEASURE_DISK_BANDWIDTH:
		return scenario->disk.rate_bytes_per_s ? (double)scenario->disk.rate_bytes_per_s
						       : (double)NAN;
	default:
		return (double)NAN;
	}
}

double judge_model_share(const struct judge_context *context, enum measure measure, unsigned tenant,
	double from_s, double to_s)
{
	const struct model *model = &context->model;
	double all = 0;

	if (model->resource != measure_spec(measure)->resource)
		return (double)NAN;
	if (measure == MEASURE_CPU_TIME || measure == MEASURE_NET_CLASS || measure == MEASURE_DISK_BANDWIDTH)
		return model_mean(model, tenant, from_s, to_s);
	if (measure != MEASURE_DISK_IOPS)
		return (double)NAN;
	for (unsigned i = 0; i < context->input->scenario->tenant_count; i++)
		all += model_mean(model, i, from_s, to_s);
	return model_mean(model, tenant, from_s, to_s) / all;
}
