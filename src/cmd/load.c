/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cmd/load.h"

#include <math.h>
#include <stdlib.h>

#include "base/auto.h"
#include "base/paths.h"
#include "plot/plot.h"
#include "workload/workload.h"

DEFINE_AUTO(scenario, struct scenario *, scenario_free);

/* What a job leaves unsaid, the model would take for as much as there is. */
static int check_demand(const struct scenario *scenario, const struct tenant_spec *tenant,
	const char *job_text, struct err *err)
{
	bool is_default = isinf(tenant->demand) ||
			  (tenant->loads == RESOURCE_CPU && tenant->demand >= (double)tenant->vcpus);
	AUTO(free_ptr) char *limit = workload_self_limit(tenant->workload_path, job_text);

	if (!limit || !is_default || tenant->loads == RESOURCE_MEMORY)
		return 0;
	return err_input(err,
		"%s:%u:%u: the workload of tenant '%s' limits itself ('%s' in %s), so the scenario must say what it "
		"wants; add demand: %s",
		scenario->path, tenant->mark.line, tenant->mark.column, tenant->name, limit,
		tenant->workload_path,
		tenant->loads == RESOURCE_NET    ? "30Mbit/s"
		: tenant->loads == RESOURCE_DISK ? "5MiB/s"
						 : "50%");
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
	for (size_t i = 0; i < scenario->tenant_count; i++) {
		const struct tenant_spec *tenant = &scenario->tenants[i];
		const struct workload_ops *ops;
		AUTO(free_ptr) char *text = NULL;

		if (!tenant->workload_path)
			continue;
		if (workload_load(tenant->workload_path, &ops, &text, err) ||
			check_place(scenario, tenant, ops, text, err))
			return err_wrap(err, "%s:%u: tenant '%s'", path, tenant->mark.line, tenant->name);
		if (check_demand(scenario, tenant, text, err))
			return -1;
	}
	if (plot_check(scenario, plots, err))
		return -1;
	*ret_scenario = STEAL(scenario);
	return 0;
}
