/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The words of a scenario, and what an event is called. */
#include <string.h>

#include "base/auto.h"
#include "base/buf.h"
#include "scenario/reader.h"

static const char *const event_kinds[] = {
	[EVENT_START] = "start",
	[EVENT_STOP] = "stop",
	[EVENT_SET] = "set",
	[EVENT_RESET] = "reset",
	[EVENT_SCARCE] = "scarce",
	[EVENT_PLENTY] = "plenty",
	[EVENT_ADD] = "add",
};
static const char *const resources[] = {
	[RESOURCE_CPU] = "cpu",
	[RESOURCE_NET] = "net",
	[RESOURCE_MEMORY] = "memory",
	[RESOURCE_DISK] = "disk",
};
static const char *const expect_kinds[] = {
	[EXPECT_SHARE] = "share",
	[EXPECT_SETTLES] = "settles",
	[EXPECT_LEVEL] = "level",
	[EXPECT_RATIO] = "ratio",
	[EXPECT_STARVES] = "starves",
	[EXPECT_NEVER_STARVES] = "never starves",
	[EXPECT_CONSERVES] = "conserves",
	[EXPECT_UNCHANGED] = "unchanged",
};
static const char *const schedulers[] = {
	[DISK_SCHEDULER_BFQ] = "bfq",
	[DISK_SCHEDULER_NONE] = "none",
	[DISK_SCHEDULER_MQ_DEADLINE] = "mq-deadline",
};
static const struct measure_spec measures[] = {
	[MEASURE_CPU_TIME] = {"time", RESOURCE_CPU, QUANTITY_COUNT, 1, "CPU", "vCPU time"},
	[MEASURE_NET_CLASS] = {"class", RESOURCE_NET, QUANTITY_BITS_PER_S, 1, "bit/s",
		"bytes of the HTB class (link layer)"},
	[MEASURE_NET_PAYLOAD] = {"payload", RESOURCE_NET, QUANTITY_BITS_PER_S, 1, "bit/s",
		"payload, as iperf3 reports it"},
	[MEASURE_MEM_USAGE] = {"usage", RESOURCE_MEMORY, QUANTITY_BYTES, 1, "B", "memory charged to the VM"},
	[MEASURE_MEM_ANON] = {"anon", RESOURCE_MEMORY, QUANTITY_BYTES, 1, "B", "anonymous memory of the VM"},
	[MEASURE_MEM_SWAP] = {"swap", RESOURCE_MEMORY, QUANTITY_BYTES, 1, "B",
		"memory of the VM swapped out"},
	[MEASURE_DISK_BANDWIDTH] = {"bandwidth", RESOURCE_DISK, QUANTITY_BYTES_PER_S, 1, "B/s",
		"bytes read and written by the VM"},
	[MEASURE_DISK_IOPS] = {"iops", RESOURCE_DISK, QUANTITY_COUNT, 1, "1/s", "requests of the VM"},
	[MEASURE_DISK_P99] = {"p99", RESOURCE_DISK, QUANTITY_DURATION_NS, 1e-9, "s",
		"99th percentile of the completion latency, as fio reports it"},
};
static const char *const needs[] = {
	[NEED_CONTENTION] = "contention", [NEED_PLENTY] = "plenty", [NEED_NOTHING] = "nothing"};

_Static_assert(ARRAY_SIZE(event_kinds) == EVENT_KIND_COUNT, "one name per kind of event");
_Static_assert(ARRAY_SIZE(resources) == RESOURCE_COUNT, "one name per resource");
_Static_assert(ARRAY_SIZE(expect_kinds) == EXPECT_KIND_COUNT, "one name per kind of expectation");
_Static_assert(ARRAY_SIZE(schedulers) == DISK_SCHEDULER_COUNT, "one name per scheduler");
_Static_assert(ARRAY_SIZE(measures) == MEASURE_COUNT, "one row per measure");

const char *event_kind_name(enum event_kind kind)
{
	return event_kinds[kind];
}

const char *resource_name(enum resource resource)
{
	return resources[resource];
}

const char *expect_kind_name(enum expect_kind kind)
{
	return expect_kinds[kind];
}

const char *disk_scheduler_name(enum disk_scheduler scheduler)
{
	return schedulers[scheduler];
}

const struct measure_spec *measure_spec(enum measure measure)
{
	return &measures[measure];
}

const char *need_name(enum need need)
{
	return needs[need];
}

enum resource limit_resource(const struct limit_spec *spec)
{
	for (int i = 0; i < RESOURCE_COUNT; i++) {
		if (strcmp(resources[i], spec->resource) == 0)
			return (enum resource)i;
	}
	BUG("limit %s is of an unknown resource", spec->name);
}

static void add_tenants(struct buf *label, const struct scenario *scenario, const struct event_spec *event)
{
	const char *separator = "";

	if (scenario->tenant_count > 1 &&
		(event->tenants == all_tenants(scenario) ||
			(event->kind <= EVENT_STOP && event->tenants == loaded_tenants(scenario)))) {
		buf_adds(label, "all");
		return;
	}
	for (unsigned i = 0; i < scenario->tenant_count; i++) {
		if (!(event->tenants & UINT32_C(1) << i))
			continue;
		buf_addf(label, "%s%s", separator, scenario->tenants[i].name);
		separator = ", ";
	}
}

char *scenario_event_label(const struct scenario *scenario, const struct event_spec *event)
{
	struct buf label = BUF_INIT;

	if (event->name)
		return xstrdup(event->name);
	if (event->kind == EVENT_SCARCE || event->kind == EVENT_PLENTY)
		return xasprintf("%s %s", event_kind_name(event->kind), resource_name(event->resource));
	if (event->kind == EVENT_ADD)
		return xstrdup("add swap");
	if (event->kind != EVENT_SET)
		buf_addf(&label, "%s ", event_kind_name(event->kind));
	add_tenants(&label, scenario, event);
	for (size_t i = 0; i < event->setting_count; i++) {
		const struct limit_spec *spec = limit_spec(event->settings[i].limit);
		AUTO(free_ptr) char *value = limit_format_value(spec, event->settings[i].value);
		buf_addf(&label, "%s %s %s", i ? "," : "", spec->name, value);
	}
	if (event->kind == EVENT_SET && event->apply < NET_APPLY_COUNT)
		buf_addf(&label, " (%s)", net_apply_name(event->apply));
	if (event->kind == EVENT_RESET)
		buf_addf(&label, " %s",
			event->limit < LIMIT_COUNT ? limit_spec(event->limit)->name : "limits");
	return buf_steal(&label);
}
