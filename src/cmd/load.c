/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cmd/load.h"

#include "base/auto.h"
#include "base/paths.h"
#include "plot/plot.h"
#include "workload/workload.h"

DEFINE_AUTO(scenario, struct scenario *, scenario_free);

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

		if (tenant->workload_path && workload_load(tenant->workload_path, &ops, &text, err))
			return err_wrap(err, "%s:%u: tenant '%s'", path, tenant->mark.line, tenant->name);
	}
	if (plot_check(scenario, plots, err))
		return -1;
	*ret_scenario = STEAL(scenario);
	return 0;
}
