/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "scenario/plan.h"

#include <string.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/cpulist.h"
#include "base/units.h"
#include "scenario/text.h"

#define NS_PER_S 1000000000

uint64_t plan_boot_estimate_ns(const struct scenario *scenario)
{
	/* 8.2 s for three; about half of it does not depend on how many there are. */
	return (UINT64_C(4) + UINT64_C(2) * scenario->tenant_count) * NS_PER_S;
}

uint64_t plan_duration_ns(const struct scenario *scenario)
{
	return plan_boot_estimate_ns(scenario) + scenario->duration_ns;
}

static void add_seconds(struct buf *text, uint64_t ns)
{
	AUTO(free_ptr) char *time = text_seconds(ns, " ");

	buf_adds(text, time);
}

/* Width in characters, so that names beyond ASCII line up. */
static int width(const char *text)
{
	int count = 0;

	for (; *text; text++)
		count += ((unsigned char)*text & 0xc0) != 0x80;
	return count;
}

static void add_padded(struct buf *out, const char *text, int columns)
{
	int missing = columns - width(text);

	buf_addf(out, "%s%*s", text, missing > 0 ? missing : 0, "");
}

static int name_columns(const struct scenario *scenario)
{
	int columns = 0;

	for (size_t i = 0; i < scenario->tenant_count; i++) {
		if (width(scenario->tenants[i].name) > columns)
			columns = width(scenario->tenants[i].name);
	}
	return columns;
}

static void add_fixtures(struct buf *out, const struct scenario *scenario)
{
	double demand = 0;
	cpu_set_t shared;

	buf_adds(out, "\nscarce\n");
	if (!scenario->has_scarce_cpu) {
		buf_adds(out, "  nothing\n");
		return;
	}
	for (size_t i = 0; i < scenario->tenant_count; i++) {
		CPU_AND(&shared, &scenario->tenants[i].cpus, &scenario->scarce_cpus);
		if (CPU_COUNT(&shared) > 0)
			demand += scenario->tenants[i].demand;
	}
	AUTO(free_ptr) char *cpus = cpulist_format(&scenario->scarce_cpus);
	int count = CPU_COUNT(&scenario->scarce_cpus);
	buf_addf(out, "  cpu  CPU%s %s: %d for tenants that want %g together%s\n", count == 1 ? "" : "s",
		cpus, count, demand,
		scenario->emulators_default ? "; emulators keep their default weight" : "");
}

static void add_tenants(struct buf *out, const struct scenario *scenario)
{
	int columns = name_columns(scenario);

	buf_addf(out, "\ntenants (%zu)\n", scenario->tenant_count);
	for (size_t i = 0; i < scenario->tenant_count; i++) {
		const struct tenant_spec *tenant = &scenario->tenants[i];
		AUTO(free_ptr) char *memory = units_format(tenant->memory_bytes, QUANTITY_BYTES);
		AUTO(free_ptr) char *cpus = cpulist_format(&tenant->cpus);
		buf_adds(out, "  ");
		add_padded(out, tenant->name, columns);
		buf_addf(out, "  %u vCPU%s on %s%s, %s", tenant->vcpus, tenant->vcpus == 1 ? "" : "s",
			cpus[0] ? "CPU " : "any CPU", cpus, memory);
		if (tenant->workload)
			buf_addf(out, ", %s wants %g CPU%s", tenant->workload, tenant->demand,
				tenant->demand == 1 ? "" : "s");
		else
			buf_adds(out, ", idle");
		for (size_t l = 0; l < tenant->limit_count; l++) {
			const struct limit_spec *spec = limit_spec(tenant->limits[l].limit);
			AUTO(free_ptr) char *value = limit_format_value(spec, tenant->limits[l].value);
			buf_addf(out, ", %s %s", spec->name, value);
		}
		buf_adds(out, "\n");
	}
}

/* What the event does, also where it has a name. */
static char *describe(const struct scenario *scenario, const struct event_spec *event)
{
	struct event_spec unnamed = *event;

	unnamed.name = NULL;
	AUTO(free_ptr) char *label = scenario_event_label(scenario, &unnamed);
	if (event->kind == EVENT_SET)
		return event->name ? xasprintf("set %s (%s)", label, event->name)
				   : xasprintf("set %s", label);
	return event->name ? xasprintf("%s (%s)", label, event->name) : STEAL(label);
}

static void add_timeline(struct buf *out, const struct scenario *scenario)
{
	buf_addf(out, "\ntimeline (%zu events)\n", scenario->event_count);
	for (size_t i = 0; i < scenario->event_count; i++) {
		const struct event_spec *event = &scenario->events[i];
		AUTO(free_ptr) char *at = text_seconds(event->at_ns, " ");
		AUTO(free_ptr) char *what = describe(scenario, event);
		buf_addf(out, "  %8s  %s\n", at, what);
	}
}

static void add_expectations(struct buf *out, const struct scenario *scenario)
{
	buf_addf(out, "\nexpectations (%zu)\n", scenario->expect_count);
	for (size_t i = 0; i < scenario->expect_count; i++) {
		const struct expect_spec *expect = &scenario->expects[i];
		const char *resource = resource_name(expect->resource);
		buf_addf(out, "  %s: ", expect->name);
		if (expect->kind == EXPECT_SETTLES) {
			buf_addf(out, "%s of %s reaches the model's share +- ", resource,
				scenario->tenants[expect->tenant].name);
			buf_addf(out, "%.10g points within ", expect->within * 100);
			add_seconds(out, expect->within_ns);
			buf_adds(out, " of ");
			add_seconds(out, expect->after_ns);
		} else {
			buf_addf(out, "%s of %s is ", resource, scenario->tenants[expect->tenant].name);
			if (expect->is_model)
				buf_adds(out, "the model's share");
			else
				buf_addf(out, "%.10g %%", expect->value * 100);
			buf_adds(out, " +- ");
			buf_addf(out, "%.10g points from ", expect->within * 100);
			add_seconds(out, expect->from_ns);
			buf_adds(out, " to ");
			add_seconds(out, expect->to_ns);
		}
		buf_addf(out, "; needs %s\n", need_name(expect->need));
	}
}

char *plan_format(const struct scenario *scenario)
{
	struct buf out = BUF_INIT;

	buf_addf(&out, "%s: %s\n", scenario->name, scenario->title);
	if (scenario->about) {
		/* Lines of the text as they are, without the newline that YAML's block styles keep. */
		size_t length = strlen(scenario->about);
		while (length && scenario->about[length - 1] == '\n')
			length--;
		buf_addf(&out, "%.*s\n", (int)length, scenario->about);
	}
	if (scenario->when_cgroup)
		buf_addf(&out, "needs cgroup %s\n", scenario->when_cgroup);
	add_fixtures(&out, scenario);
	add_tenants(&out, scenario);
	add_timeline(&out, scenario);
	add_expectations(&out, scenario);
	buf_adds(&out, "\nsampled every ");
	add_seconds(&out, scenario->sample_ns);
	buf_adds(&out, "; takes about ");
	add_seconds(&out, plan_duration_ns(scenario));
	buf_adds(&out, ": ");
	add_seconds(&out, plan_boot_estimate_ns(scenario));
	buf_adds(&out, " to boot and clean up, ");
	add_seconds(&out, scenario->duration_ns);
	buf_adds(&out, " of timeline\n");
	return buf_steal(&out);
}
