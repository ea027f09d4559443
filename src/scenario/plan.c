/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "scenario/plan.h"

#include <math.h>
#include <string.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/cpulist.h"
#include "base/units.h"
#include "scenario/plan_parts.h"
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

void plan_add_seconds(struct buf *text, uint64_t ns)
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

static unsigned loaded_by(const struct scenario *scenario, enum resource resource)
{
	unsigned count = 0;

	for (size_t i = 0; i < scenario->tenant_count; i++)
		count += scenario->tenants[i].workload && scenario->tenants[i].loads == resource;
	return count;
}

static void add_cpus(struct buf *out, const struct scenario *scenario)
{
	double demand = 0;
	cpu_set_t shared;

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

static void add_link(struct buf *out, const struct scenario *scenario)
{
	AUTO(free_ptr) char *rate = units_format(scenario->link.rate_bits_per_s, QUANTITY_BITS_PER_S);
	unsigned count = loaded_by(scenario, RESOURCE_NET);

	buf_addf(out, "  link  %s of link layer for %u tenant%s; priorities change by '%s'\n", rate, count,
		count == 1 ? " that sends" : "s that send", net_apply_name(scenario->link.apply));
}

static void add_thp(struct buf *out, const struct scenario *scenario)
{
	if (scenario->memory.no_thp)
		buf_adds(out, "  the tenants get no transparent huge pages\n");
}

static void add_memory(struct buf *out, const struct scenario *scenario)
{
	AUTO(free_ptr) char *left = units_format(scenario->memory.free_bytes, QUANTITY_BYTES);
	AUTO(free_ptr) char *swap = units_format(scenario->memory.swap_bytes, QUANTITY_BYTES);
	bool holds = scenario->memory.from_start, begun = false;

	if (!scenario->memory.free_bytes) {
		buf_addf(out, "  memory  nothing is taken from the host, %s of swap are added\n", swap);
		add_thp(out, scenario);
		return;
	}
	buf_addf(out, "  memory  %s are left free on the whole host, ", left);
	if (scenario->memory.swap_later)
		buf_addf(out, "%s of swap are added later", swap);
	else if (scenario->memory.swap_bytes)
		buf_addf(out, "%s of swap are added", swap);
	else
		buf_adds(out, "no swap is added");
	buf_adds(out, holds ? "; from the start" : ";");
	for (size_t i = 0; i < scenario->event_count; i++) {
		const struct event_spec *event = &scenario->events[i];
		if (event->kind != EVENT_SCARCE && event->kind != EVENT_PLENTY)
			continue;
		holds = event->kind == EVENT_SCARCE;
		buf_adds(out, holds ? (begun ? " and from " : " from ") : " to ");
		begun = true;
		plan_add_seconds(out, event->at_ns);
	}
	buf_addf(out, "%s\n", holds && begun ? " on" : "");
	if (scenario->memory.cache_bytes) {
		AUTO(free_ptr) char *cache = units_format(scenario->memory.cache_bytes, QUANTITY_BYTES);
		buf_addf(out,
			"  a file of %s is read over and over meanwhile, so that the kernel has to take memory back\n",
			cache);
	}
	add_thp(out, scenario);
	buf_adds(out, "  " PLAN_HOST_SCARCITY "\n");
}

static void add_disk(struct buf *out, const struct scenario *scenario)
{
	const struct scarce_disk *disk = &scenario->disk;
	AUTO(free_ptr) char *size = units_format(disk->size_bytes, QUANTITY_BYTES);
	AUTO(free_ptr) char *rate = units_format(disk->rate_bytes_per_s, QUANTITY_BYTES_PER_S);

	if (disk->device)
		buf_addf(out, "  disk  the device %s", disk->device);
	else
		buf_addf(out, "  disk  %s at %s", size, rate);
	AUTO(free_ptr) char *latency = units_format(disk->latency_ns, QUANTITY_DURATION_NS);
	if (disk->latency_ns)
		buf_addf(out, ", every request delayed by %s", latency);
	buf_addf(out, ", scheduler %s%s; ", disk_scheduler_name(disk->scheduler),
		disk->scheduler != DISK_SCHEDULER_BFQ ? ", which ignores weights"
		: disk->low_latency                   ? " with low_latency"
						      : "");
	if (scenario->tenant_count == 1)
		buf_adds(out, "all of it is the tenant's\n");
	else
		buf_addf(out, "each of %zu tenants has an equal part\n", scenario->tenant_count);
	if (disk->device)
		buf_addf(out, "  " PLAN_DEVICE "\n", disk->device, disk->device);
}

static void add_fixtures(struct buf *out, const struct scenario *scenario)
{
	buf_adds(out, "\nscarce\n");
	switch (scenario_scarce(scenario)) {
	case RESOURCE_CPU:
		add_cpus(out, scenario);
		break;
	case RESOURCE_NET:
		add_link(out, scenario);
		break;
	case RESOURCE_MEMORY:
		add_memory(out, scenario);
		break;
	case RESOURCE_DISK:
		add_disk(out, scenario);
		break;
	default:
		buf_adds(out, "  nothing\n");
	}
}

static void add_demand(struct buf *out, const struct tenant_spec *tenant)
{
	bool is_rate = tenant->loads == RESOURCE_NET || tenant->loads == RESOURCE_DISK;

	buf_addf(out, ", %s wants ", tenant->workload);
	if (tenant->loads == RESOURCE_CPU) {
		buf_addf(out, "%g CPU%s", tenant->demand, tenant->demand == 1 ? "" : "s");
	} else if (is_rate && isfinite(tenant->demand)) {
		AUTO(free_ptr)
		char *rate = units_format((uint64_t)tenant->demand,
			tenant->loads == RESOURCE_NET ? QUANTITY_BITS_PER_S : QUANTITY_BYTES_PER_S);
		buf_addf(out, "%s of the %s", rate, tenant->loads == RESOURCE_NET ? "link" : "disk");
	} else {
		buf_adds(out, tenant->loads == RESOURCE_NET    ? "all of the link that it can get"
			      : tenant->loads == RESOURCE_DISK ? "all of the disk that it can get"
							       : "memory");
	}
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
			add_demand(out, tenant);
		else
			buf_adds(out, ", idle");
		if (tenant->may_die)
			buf_adds(out, ", may die");
		for (size_t l = 0; l < tenant->limit_count; l++) {
			const struct limit_spec *spec = limit_spec(tenant->limits[l].limit);
			AUTO(free_ptr) char *value = limit_format_value(spec, tenant->limits[l].value);
			buf_addf(out, ", %s %s", spec->name, value);
		}
		buf_adds(out, "\n");
	}
}

/* What the event does, also where it has a name. */
static char *describe(const struct scenario *scenario, const struct event_spec *event, bool with_name)
{
	const char *name = with_name ? event->name : NULL;
	struct event_spec unnamed = *event;

	unnamed.name = NULL;
	AUTO(free_ptr) char *label = scenario_event_label(scenario, &unnamed);
	return xasprintf("%s%s%s%s%s", event->kind == EVENT_SET ? "set " : "", label, name ? " (" : "",
		name ? name : "", name ? ")" : "");
}

static void add_timeline(struct buf *out, const struct scenario *scenario, bool with_names)
{
	buf_addf(out, "\ntimeline (%zu events)\n", scenario->event_count);
	for (size_t i = 0; i < scenario->event_count; i++) {
		const struct event_spec *event = &scenario->events[i];
		AUTO(free_ptr) char *at = text_seconds(event->at_ns, " ");
		AUTO(free_ptr) char *what = describe(scenario, event, with_names);
		buf_addf(out, "  %8s  %s\n", at, what);
	}
}

static void add_words(struct buf *out, const struct scenario *scenario)
{
	buf_addf(out, "%s: %s\n", scenario->name, scenario->title);
	if (scenario->about) {
		/* Lines of the text as they are, without the newline that YAML's block styles keep. */
		size_t length = strlen(scenario->about);
		while (length && scenario->about[length - 1] == '\n')
			length--;
		buf_addf(out, "%.*s\n", (int)length, scenario->about);
	}
	if (scenario->beside)
		buf_addf(out, "drawn beside the newest run of %s\n", scenario->beside);
}

static char *format(const struct scenario *scenario, bool essence)
{
	struct buf out = BUF_INIT;

	if (!essence)
		add_words(&out, scenario);
	if (when_is_given(&scenario->when)) {
		AUTO(free_ptr) char *hosts = when_text(&scenario->when);
		buf_addf(&out, "needs %s\n", hosts);
	}
	add_fixtures(&out, scenario);
	add_tenants(&out, scenario);
	add_timeline(&out, scenario, !essence);
	plan_add_expectations(&out, scenario, !essence);
	buf_adds(&out, "\nsampled every ");
	plan_add_seconds(&out, scenario->sample_ns);
	buf_adds(&out, "; takes about ");
	plan_add_seconds(&out, plan_duration_ns(scenario));
	buf_adds(&out, ": ");
	plan_add_seconds(&out, plan_boot_estimate_ns(scenario));
	buf_adds(&out, " to boot and clean up, ");
	plan_add_seconds(&out, scenario->duration_ns);
	buf_adds(&out, " of timeline\n");
	return buf_steal(&out);
}

char *plan_format(const struct scenario *scenario)
{
	return format(scenario, false);
}

char *plan_essence(const struct scenario *scenario)
{
	return format(scenario, true);
}
