/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cmd/load.h"

#include <math.h>
#include <stdlib.h>
#include <strings.h>

#include "base/auto.h"
#include "base/paths.h"
#include "plot/plot.h"
#include "workload/workload.h"

DEFINE_AUTO(scenario, struct scenario *, scenario_free);

/* A stressor keeps one CPU busy, and by default a tenant wants as many CPUs as it has. */
static int check_stressors(const struct scenario *scenario, const struct tenant_spec *tenant,
	const char *job_text, struct err *err)
{
	unsigned count = workload_stressors(tenant->workload_path, job_text);

	if (!scenario->has_scarce_cpu || tenant->loads != RESOURCE_CPU || !count || count >= tenant->vcpus ||
		tenant->demand < (double)tenant->vcpus)
		return 0;
	return err_input(err,
		"%s:%u:%u: the workload of tenant '%s' starts %u stressor%s (%s) for %u vcpus, so the scenario must say "
		"what it wants; add demand: %u, or more stressors",
		scenario->path, tenant->mark.line, tenant->mark.column, tenant->name, count,
		count == 1 ? "" : "s", tenant->workload_path, tenant->vcpus, count);
}

/* What a job leaves unsaid, the model would take for as much as there is. */
static int check_demand(const struct scenario *scenario, const struct tenant_spec *tenant,
	const char *job_text, struct err *err)
{
	bool is_default = isinf(tenant->demand) ||
			  (tenant->loads == RESOURCE_CPU && tenant->demand >= (double)tenant->vcpus);
	AUTO(free_ptr) char *limit = workload_self_limit(tenant->workload_path, job_text);

	if (!limit || !is_default || tenant->loads == RESOURCE_MEMORY)
		return check_stressors(scenario, tenant, job_text, err);
	return err_input(err,
		"%s:%u:%u: the workload of tenant '%s' limits itself ('%s' in %s), so the scenario must say what it "
		"wants; add demand: %s",
		scenario->path, tenant->mark.line, tenant->mark.column, tenant->name, limit,
		tenant->workload_path,
		tenant->loads == RESOURCE_NET    ? "30Mbit/s"
		: tenant->loads == RESOURCE_DISK ? "5MiB/s"
						 : "50%");
}

/* Who reads and who writes the scarce disk, a bit per tenant. */
struct directions {
	uint32_t reads, writes;
};

static int add_directions(struct directions *directions, const struct scenario *scenario, size_t i,
	const struct workload_ops *ops, const char *job_text, struct err *err)
{
	const struct tenant_spec *tenant = &scenario->tenants[i];
	bool reads = false, writes = false;

	if (!ops->directions || tenant->loads != RESOURCE_DISK)
		return 0;
	ops->directions(tenant->workload_path, job_text, &reads, &writes);
	directions->reads |= (uint32_t)reads << i;
	directions->writes |= (uint32_t)writes << i;
	if (reads || writes)
		return 0;
	return err_input(err,
		"%s:%u:%u: the workload of tenant '%s' loads its guest's memory (ioengine=mmap in %s) and leaves alone the "
		"disk, which is what is scarce; take ioengine=libaio, or a scenario with scarce memory",
		scenario->path, tenant->mark.line, tenant->mark.column, tenant->name, tenant->workload_path);
}

/* The tenants that are loaded at the same time somewhere in the window, and use both directions; 0: there is no such time. */
static uint32_t both_directions(const struct scenario *scenario, const struct directions *directions,
	uint64_t from_ns, uint64_t to_ns)
{
	uint32_t loaded = 0;

	for (size_t i = 0; i < scenario->event_count; i++) {
		const struct event_spec *event = &scenario->events[i];
		uint64_t until_ns = i + 1 < scenario->event_count ? event[1].at_ns : event->at_ns;
		if (event->kind == EVENT_START)
			loaded |= event->tenants;
		else if (event->kind == EVENT_STOP)
			loaded &= ~event->tenants;
		if (until_ns == event->at_ns || until_ns <= from_ns || event->at_ns >= to_ns)
			continue;
		if (loaded & directions->reads && loaded & directions->writes)
			return loaded;
	}
	return 0;
}

/* Whether the verdict depends on how much there is to share. */
static bool needs_capacity(const struct expect_spec *expect)
{
	return expect->measure == MEASURE_DISK_BANDWIDTH &&
	       (expect->is_model || expect->kind == EXPECT_SHARE || expect->kind == EXPECT_RATIO ||
		       expect->kind == EXPECT_CONSERVES || expect->kind == EXPECT_SETTLES);
}

/* A made disk has its rate for reads and once more for writes (fixture/disk.h); the model knows one capacity. */
static int check_directions(
	const struct scenario *scenario, const struct directions *directions, struct err *err)
{
	for (size_t i = 0; i < scenario->expect_count && !scenario->disk.device; i++) {
		const struct expect_spec *expect = &scenario->expects[i];
		uint32_t loaded = 0;
		if (needs_capacity(expect))
			loaded = both_directions(scenario, directions, expect->from_ns, expect->to_ns);
		if (!loaded)
			continue;
		int reader = ffs((int)(loaded & directions->reads)) - 1;
		int writer = ffs((int)(loaded & directions->writes)) - 1;
		return err_input(err,
			"%s:%u:%u: tenant '%s' reads while tenant '%s' writes, and a made disk has its rate for each "
			"direction: there are two capacities, not the one that '%s: disk' is judged by; let all "
			"workloads use one direction in this window, or write bounds of each tenant, as in {level: "
			"disk, tenant: %s, window: [2s, 8s], at least: 10MiB/s}",
			scenario->path, expect->mark.line, expect->mark.column,
			scenario->tenants[reader].name, scenario->tenants[writer].name,
			expect_kind_name(expect->kind), scenario->tenants[reader].name);
	}
	return 0;
}

/*
 * What a job needs of the place where it runs, before anything boots.  How large a partition really is, its fixture says
 * (a MiB less): the run checks again.
 */
static int check_place(const struct scenario *scenario, const struct tenant_spec *tenant,
	const struct workload_ops *ops, const char *job_text, struct err *err)
{
	const struct workload_place place = {
		.job_path = tenant->workload_path,
		.job_name = tenant->workload_path,
		.server_address = scenario->link.declared ? "0.0.0.0" : NULL,
		.disk = scenario->disk.declared ? "/dev/vdb" : NULL,
		.disk_bytes = scenario->disk.size_bytes / scenario->tenant_count,
		.memory_bytes = tenant->memory_bytes,
	};
	char **argv = NULL;
	bool repeat;

	if (ops->command(&place, job_text, &argv, &repeat, err))
		return -1;
	for (size_t i = 0; argv[i]; i++)
		free(argv[i]);
	free(argv);
	return 0;
}

int load_scenario(const char *path, struct scenario **ret_scenario, struct err *err)
{
	const struct scenario_options options = {.data_dir = paths_data_dir(), .need_workloads = true};
	AUTO(scenario) struct scenario *scenario = NULL;
	AUTO(free_ptr) char *plots = paths_data("plots");

	if (scenario_load(path, &options, &scenario, err))
		return -1;
	struct directions directions = {0};
	for (size_t i = 0; i < scenario->tenant_count; i++) {
		const struct tenant_spec *tenant = &scenario->tenants[i];
		const struct workload_ops *ops;
		AUTO(free_ptr) char *text = NULL;

		if (!tenant->workload_path)
			continue;
		if (workload_load(tenant->workload_path, &ops, &text, err) ||
			check_place(scenario, tenant, ops, text, err))
			return err_wrap(err, "%s:%u:%u: tenant '%s'", path, tenant->mark.line,
				tenant->mark.column, tenant->name);
		if (check_demand(scenario, tenant, text, err) ||
			add_directions(&directions, scenario, i, ops, text, err))
			return -1;
	}
	if (check_directions(scenario, &directions, err) || plot_check(scenario, plots, err))
		return -1;
	*ret_scenario = STEAL(scenario);
	return 0;
}
