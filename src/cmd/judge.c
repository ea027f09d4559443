/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cmd/commands.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/buf.h"
#include "cmd/command.h"
#include "cmd/findings.h"
#include "cmd/options.h"
#include "run/results.h"

/* The findings point into the scenario, so everything stays until JUnit is written. */
struct batch {
	struct results *results;
	struct junit_suite *suites;
	size_t count;
};

static void auto_batch(struct batch *batch)
{
	for (size_t i = 0; i < batch->count; i++)
		results_release(&batch->results[i]);
	free(batch->results);
	free(batch->suites);
}

static int judge_directory(
	const char *run, const struct options *options, struct batch *batch, struct err *err)
{
	AUTO(results) struct results results = {0};
	const struct results_options finish = {.write = access(run, W_OK) == 0};

	if (results_load(run, &results, err) || results_finish(&results, &finish, err))
		return -1;
	if (options->json) {
		AUTO(free_ptr) char *line = judgement_json_line(&results.judgement, results.scenario, run);
		(void)puts(line);
	} else if (!options->quiet) {
		AUTO(buf) struct buf text = BUF_INIT;
		buf_addf(&text, "%s: %s: %s\n", run, results.scenario->name,
			verdict_name(results.judgement.verdict));
		findings_table(&results.judgement, &text);
		(void)fputs(text.data, stdout);
	}
	if (!finish.write && !options->quiet)
		(void)fprintf(
			stderr, "limitlab: '%s' may not be written to; its verdict was left as it is\n", run);
	batch->results[batch->count] = results;
	results = (struct results){0};
	struct results *kept = &batch->results[batch->count];
	batch->suites[batch->count++] = (struct junit_suite){
		.scenario = kept->scenario,
		.judgement = &kept->judgement,
		.seconds = kept->manifest.duration_s,
		.run = kept->run,
		.started_utc = kept->manifest.started_utc,
	};
	return judgement_exit_code(&kept->judgement);
}

int cmd_judge(int argc, char **argv)
{
	AUTO(batch) struct batch batch = {0};
	struct err err = ERR_INIT;
	struct options options;
	int code = 0;

	if (options_parse(argc, argv, &options, &err))
		return command_fail(&err);
	batch.results = xcalloc((size_t)options.arg_count, sizeof(*batch.results));
	batch.suites = xcalloc((size_t)options.arg_count, sizeof(*batch.suites));
	for (int i = 0; i < options.arg_count; i++) {
		int result = judge_directory(options.args[i], &options, &batch, &err);
		if (result < 0) {
			result = command_fail(&err);
			err_clear(&err);
		}
		code = err_worse_exit_code(code, result);
	}
	if (options.junit && junit_write(batch.suites, batch.count, options.junit, &err))
		return command_fail(&err);
	return code;
}
