/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/buf.h"
#include "cmd/command.h"
#include "cmd/commands.h"
#include "cmd/findings.h"
#include "cmd/load.h"
#include "cmd/options.h"
#include "cmd/progress.h"
#include "run/run.h"

struct batch {
	const struct options *options;
	struct run_options run;
	struct scenario **scenarios;
	size_t scenario_count;
	struct run_result *results;
	char **troubles; /* per result: NULL, or why it broke */
	size_t result_count;
	int code;
};

static enum accel_wish accel_wish(const char *word)
{
	if (!strcmp(word, "kvm"))
		return ACCEL_KVM;
	return strcmp(word, "tcg") ? ACCEL_AUTO : ACCEL_TCG;
}

static bool allowed_by_environment(void)
{
	const char *value = getenv("LIMITLAB_ALLOW_HOST_SCARCITY");

	return value && !strcmp(value, "1");
}

/* One execution of one scenario.  Returns false when the batch must end. */
static bool run_one(struct batch *batch, const struct scenario *scenario)
{
	struct run_result *result = &batch->results[batch->result_count];
	enum progress_mode mode = progress_choose(batch->options->json, batch->options->quiet, stdout);
	struct err err = ERR_INIT;

	struct progress *progress = progress_new(mode, stdout);
	progress_total(progress, (double)scenario->duration_ns / 1e9);
	batch->run.observer = progress_observer(progress);
	int failed = run_scenario(scenario, &batch->run, result, &err);
	int code = failed ? err_exit_code(&err) : judgement_exit_code(&result->results.judgement);
	const char *verdict = "broken";
	if (!failed)
		verdict = verdict_name(result->results.judgement.verdict);
	else if (err.domain == ERR_INTERRUPTED)
		verdict = "interrupted";
	else if (!result->run_dir) /* nothing was begun, so nothing broke */
		verdict = "not run";
	AUTO(free_ptr)
	char *judgement =
		failed ? NULL : judgement_json_line(&result->results.judgement, scenario, result->run_dir);
	const struct progress_outcome outcome = {
		.verdict = verdict,
		.detail = failed && mode == PROGRESS_JSON ? err.text
			  : failed                        ? ""
			  : scenario->title               ? scenario->title
							  : scenario->name,
		.run = result->run_dir,
		.judgement = judgement,
	};
	progress_done(progress, &outcome);
	progress_free(progress);
	if (!failed && mode != PROGRESS_JSON && mode != PROGRESS_QUIET) {
		AUTO(buf) struct buf table = BUF_INIT;
		findings_table(&result->results.judgement, &table);
		(void)fputs(table.data, stdout);
	}
	if (failed) {
		(void)command_fail(&err);
		batch->troubles[batch->result_count] = xstrdup(err.text);
	}
	/* The path comes last, so that a script can take the last line. */
	if (result->run_dir && mode != PROGRESS_JSON) {
		(void)printf("%s\n", result->run_dir);
		(void)fflush(stdout);
	}
	batch->result_count++;
	batch->code = findings_worse_exit(batch->code, code);
	return code < 128;
}

static int write_junit(const struct batch *batch, struct err *err)
{
	struct junit_suite *suites = xcalloc(batch->result_count, sizeof(*suites));

	for (size_t i = 0; i < batch->result_count; i++) {
		const struct run_result *result = &batch->results[i];
		suites[i] = (struct junit_suite){
			.scenario = batch->scenarios[i / batch->options->repeat],
			.judgement = result->judged ? &result->results.judgement : NULL,
			.trouble = batch->troubles[i],
			.seconds = result->judged ? result->results.manifest.duration_s : 0.0,
			.run = result->run_dir,
		};
	}
	int result = junit_write(suites, batch->result_count, batch->options->junit, err);
	free(suites);
	return result;
}

static int load_all(struct batch *batch, struct err *err)
{
	/* Every file is checked before the first one boots. */
	for (int i = 0; i < batch->options->arg_count; i++) {
		if (load_scenario(batch->options->args[i], &batch->scenarios[i], err))
			return -1;
		batch->scenario_count++;
	}
	return 0;
}

static void batch_release(struct batch *batch)
{
	for (size_t i = 0; i < batch->result_count; i++) {
		run_result_release(&batch->results[i]);
		free(batch->troubles[i]);
	}
	for (size_t i = 0; i < batch->scenario_count; i++)
		scenario_free(batch->scenarios[i]);
	free(batch->results);
	free(batch->troubles);
	free(batch->scenarios);
}

int cmd_run(int argc, char **argv)
{
	struct options options;
	struct err err = ERR_INIT;

	if (options_parse(argc, argv, &options, &err))
		return command_fail(&err);
	size_t count = (size_t)options.arg_count;
	struct batch batch = {
		.options = &options,
		.run =
			{
				.out_dir = options.out,
				.uri = options.connect,
				.accel = accel_wish(options.accel),
				.kernel = options.kernel,
				.allow_host_scarcity =
					options.allow_host_scarcity || allowed_by_environment(),
			},
		.scenarios = xcalloc(count, sizeof(*batch.scenarios)),
		.results = xcalloc(count * options.repeat, sizeof(*batch.results)),
		.troubles = xcalloc(count * options.repeat, sizeof(*batch.troubles)),
	};
	int code;
	if (load_all(&batch, &err)) {
		code = command_fail(&err);
		batch_release(&batch);
		return code;
	}
	bool go_on = true;
	for (size_t i = 0; i < count && go_on; i++)
		for (unsigned round = 0; round < options.repeat && go_on; round++)
			go_on = run_one(&batch, batch.scenarios[i]);
	code = batch.code;
	if (options.junit && write_junit(&batch, &err))
		code = command_fail(&err);
	batch_release(&batch);
	return code;
}
