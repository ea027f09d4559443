/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>

#include "base/privilege.h"
#include "cmd/command.h"
#include "cmd/commands.h"
#include "cmd/options.h"
#include "run/run.h"

static void report(void *context, const char *text)
{
	const struct options *options = context;

	if (!options->quiet)
		(void)printf("undone: %s\n", text);
}

int cmd_clean(int argc, char **argv)
{
	struct options options;
	struct err err = ERR_INIT;
	size_t journals;

	if (options_parse(argc, argv, &options, &err))
		return command_fail(&err);
	if (need_root("limitlab clean", "it undoes what runs changed on this host", "clean", &err) ||
		run_clean(report, &options, &journals, &err))
		return command_fail(&err);
	/* A run has two journals, and the next run would have replayed them: there is never more than one dead run. */
	if (!options.quiet)
		(void)puts(journals ? "a dead run was cleaned up" : "nothing to clean up");
	return 0;
}
