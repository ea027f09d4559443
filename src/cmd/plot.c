/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cmd/commands.h"

#include <stdio.h>

#include "base/auto.h"
#include "base/fsio.h"
#include "cmd/command.h"
#include "cmd/findings.h"
#include "cmd/options.h"
#include "run/results.h"

static int plot_directory(const char *run, const struct options *options, struct err *err)
{
	AUTO(results) struct results results = {0};
	const struct results_options finish = {.write = false};

	if (results_load(run, &results, err))
		return -1;
	AUTO(free_ptr) char *series = rundir_path(run, RUNDIR_SERIES);
	if (!fsio_exists(series) && table_write_csv(&results.series, series, err))
		return -1;
	if (results_finish(&results, &finish, err) || results_draw(&results, err))
		return -1;
	if (options->quiet)
		return 0;
	AUTO(free_ptr) char *svg = rundir_path(run, RUNDIR_SVG);
	AUTO(free_ptr) char *png = rundir_path(run, RUNDIR_PNG);
	(void)printf("%s\n%s\n", svg, png);
	return 0;
}

int cmd_plot(int argc, char **argv)
{
	struct err err = ERR_INIT;
	struct options options;
	int code = 0;

	if (options_parse(argc, argv, &options, &err))
		return command_fail(&err);
	for (int i = 0; i < options.arg_count; i++) {
		if (plot_directory(options.args[i], &options, &err) == 0)
			continue;
		code = findings_worse_exit(code, command_fail(&err));
		err_clear(&err);
	}
	return code;
}
