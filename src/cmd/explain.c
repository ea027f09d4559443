/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cmd/commands.h"

#include <stdio.h>

#include "base/auto.h"
#include "base/buf.h"
#include "cmd/command.h"
#include "cmd/options.h"
#include "judge/explain.h"
#include "run/results.h"

static int explain_directory(const char *run, const struct options *options, bool first, struct err *err)
{
	AUTO(results) struct results results = {0};
	AUTO(explain) struct explain explain = {0};
	AUTO(buf) struct buf text = BUF_INIT;
	const struct results_options finish = {.write = false};

	if (results_load(run, &results, err) || results_finish(&results, &finish, err))
		return -1;
	const struct judge_input input = results_input(&results);
	explain_make(&input, &results.judgement, run, options->all, &explain);
	if (options->json) {
		AUTO(free_ptr) char *line = explain_json_line(&explain, &input, &results.judgement, run);
		(void)puts(line);
		return 0;
	}
	explain_text(&explain, &input, &results.judgement, run, &text);
	(void)printf("%s%s", first ? "" : "\n\n", text.data);
	return 0;
}

int cmd_explain(int argc, char **argv)
{
	struct err err = ERR_INIT;
	struct options options;
	int code = 0;

	if (options_parse(argc, argv, &options, &err))
		return command_fail(&err);
	for (int i = 0; i < options.arg_count; i++) {
		if (explain_directory(options.args[i], &options, i == 0, &err) == 0)
			continue;
		code = err_worse_exit_code(code, command_fail(&err));
		err_clear(&err);
	}
	return code;
}
