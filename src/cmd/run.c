/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/fsio.h"
#include "cmd/batch_text.h"
#include "cmd/command.h"
#include "cmd/commands.h"
#include "cmd/findings.h"
#include "cmd/in_lab_host.h"
#include "cmd/load.h"
#include "cmd/options.h"
#include "cmd/progress.h"
#include "cmd/run.h"
#include "run/batch.h"
#include "run/drawing.h"
#include "run/keep.h"
#include "run/prepare.h"
#include "run/run.h"
#include "vm/accel.h"

/* Everything of one call. */
struct session {
	const struct options *options;
	struct run_options run;
	struct scenario **scenarios;
	size_t scenario_count;
	struct batch *batch;
	/* As long as the batch's runs; those of an earlier call that was resumed are empty until they are read again. */
	struct run_result *results;
	char **troubles; /* per run: NULL, or why it broke */
	size_t result_capacity, trouble_capacity;
	struct keep *keep; /* NULL: every run boots its tenants */
	unsigned round;    /* of the last run */
	int signal_code; /* nothing more is begun: the exit code of a shell whose command a signal ended; 0: none came */
	struct drawing drawing;
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

/* Whether a later run wakes from what this one boots. */
static bool has_use(const struct session *session, size_t index, unsigned round)
{
	const struct batch *batch = session->batch;
	unsigned last = batch->tenants_boot == BATCH_TENANTS_BATCH ? batch->rounds - 1 : round;

	for (unsigned later = round; later <= last; later++)
		for (size_t i = 0; i < session->scenario_count; i++)
			if ((i != index || later != round) && batch_is_open(batch, i, later) &&
				keep_shares(session->keep, session->scenarios[index], session->scenarios[i]))
				return true;
	return false;
}

static void choose_boot(struct session *session, size_t index, unsigned round)
{
	if (session->batch->tenants_boot == BATCH_TENANTS_ROUND && round != session->round)
		keep_forget(session->keep);
	session->round = round;
	session->run.keep = session->keep;
	session->run.save = session->keep && has_use(session, index, round);
}

static void end_drawing(struct session *session)
{
	AUTO(free_ptr) char *reason = drawing_end(&session->drawing);

	if (reason)
		(void)fprintf(stderr, "limitlab: %s\n", reason);
}

/* Beside the next run of a batch; alone, it is drawn by then. */
static void draw(struct session *session, const struct scenario *scenario, const struct results *results)
{
	AUTO(free_ptr) char *folder = fsio_dirname(scenario->path);

	if (!session->run.undrawn)
		return;
	end_drawing(session);
	drawing_begin(&session->drawing, results, folder);
}

/* One execution of one scenario.  Returns false when the batch must end. */
static void run_one(struct session *session, size_t index, unsigned round)
{
	const struct scenario *scenario = session->scenarios[index];
	size_t number = session->batch->run_count;
	enum progress_mode mode = progress_choose(session->options->json, session->options->quiet, stdout);
	struct err err = ERR_INIT;
	uint64_t begin_ns = clock_now_ns();

	session->results =
		xgrow(session->results, number, &session->result_capacity, sizeof(*session->results));
	session->troubles =
		xgrow(session->troubles, number, &session->trouble_capacity, sizeof(*session->troubles));
	struct run_result *result = &session->results[number];
	session->troubles[number] = NULL;
	struct progress *progress = progress_new(mode, stdout);
	progress_total(progress, (double)scenario->duration_ns / 1e9);
	session->run.observer = progress_observer(progress);
	choose_boot(session, index, round);
	int failed = run_scenario(scenario, &session->run, result, &err);
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
		.exit_code = code,
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
		session->troubles[number] = xstrdup(err.text);
	} else {
		draw(session, scenario, &result->results);
		results_thin(&result->results);
	}
	/* The path comes last, so that a script can take the last line. */
	if (result->run_dir && mode != PROGRESS_JSON) {
		(void)printf("%s\n", result->run_dir);
		(void)fflush(stdout);
	}
	struct err file_err = ERR_INIT;
	if (batch_record(session->batch, index, round, result->run_dir, code,
		    (double)(clock_now_ns() - begin_ns) / 1e9, failed ? NULL : &result->results.judgement,
		    failed ? err.text : NULL, &file_err))
		(void)command_fail(&file_err);
	session->signal_code = code >= 128 ? code : result->signal_number ? 128 + result->signal_number : 0;
}

/* Of an earlier call: what JUnit needs is in its files. */
static void read_again(struct run_result *result, const struct batch_run *run, char **trouble)
{
	const struct results_options look = {.write = false};
	struct err err = ERR_INIT;

	result->run_dir = run->run_dir ? xstrdup(run->run_dir) : NULL;
	if (run->outcome == BATCH_BROKEN) {
		*trouble = xstrdup(run->trouble ? run->trouble : "the run broke");
		return;
	}
	if (results_load(run->run_dir, &result->results, &err)) {
		*trouble = xstrdup(err.text);
		return;
	}
	result->judged = true;
	if (results_finish(&result->results, &look, &err))
		*trouble = xstrdup(err.text);
	results_thin(&result->results);
}

static int write_junit(struct session *session, size_t earlier, struct err *err)
{
	size_t count = session->batch->run_count;
	AUTO(free_ptr) struct junit_suite *suites = xcalloc(count + 1, sizeof(*suites));

	for (size_t i = 0; i < count; i++) {
		struct run_result *result = &session->results[i];
		if (i < earlier)
			read_again(result, &session->batch->runs[i], &session->troubles[i]);
		suites[i] = (struct junit_suite){
			.scenario = session->scenarios[session->batch->runs[i].scenario],
			.judgement =
				result->judged && !session->troubles[i] ? &result->results.judgement : NULL,
			.trouble = session->troubles[i],
			.seconds = session->batch->runs[i].seconds,
			.run = result->run_dir,
			.started_utc = result->judged ? result->results.manifest.started_utc : NULL,
		};
	}
	return junit_write(suites, count, session->options->junit, err);
}

/* Every file is checked before the first one boots. */
static int load_all(struct session *session, char *const *paths, size_t count, struct err *err)
{
	session->scenarios = xcalloc(count + 1, sizeof(*session->scenarios));
	for (size_t i = 0; i < count; i++) {
		if (load_scenario(paths[i], &session->scenarios[i], err))
			return -1;
		session->scenario_count++;
	}
	return 0;
}

static int begin(struct session *session, struct err *err)
{
	const struct options *options = session->options;
	struct batch_options batch = {
		.rounds = options->until_decided ? options->until_decided : options->repeat,
		.until_decided = options->until_decided > 0,
		.seed = options->seed,
		/* Where KVM is emulated, tenants that wake are hardly faster there than ones that boot, and slower afterwards. */
		.tenants_boot = accel_host_is_emulated() ? BATCH_TENANTS_RUN : BATCH_TENANTS_ROUND,
	};

	if (!options->arg_count) {
		(void)err_input(err, "'run' needs SCENARIO...");
		return err_remedy(err, "limitlab run --help");
	}
	if (options->until_decided && options->repeat > 1)
		return err_input(err,
			"--repeat and --until-decided exclude each other; the latter takes the most runs");
	if (options->until_decided && options->until_decided < sequential_least_passes()) {
		size_t least = sequential_least_passes();
		return err_input(err,
			"--until-decided %u can never decide that a limit holds: that takes %zu runs or more",
			options->until_decided, least);
	}
	if (options->boot && batch_tenants_find(options->boot, &batch.tenants_boot))
		BUG("boot '%s'", options->boot);
	if (load_all(session, options->args, (size_t)options->arg_count, err))
		return -1;
	/* One run is no batch: it has its own directory, and nothing else. */
	if (session->scenario_count > 1 || batch.rounds > 1)
		batch.out_dir = options->out;
	bool makes_out = batch.out_dir && !fsio_exists(batch.out_dir);
	if (batch_new(session->scenarios, session->scenario_count, &batch, &session->batch, err))
		return -1;
	if (makes_out)
		prepare_give_away(options->out);
	return 0;
}

static int resume(struct session *session, struct err *err)
{
	const struct options *options = session->options;

	if (options->arg_count || options->repeat > 1 || options->until_decided || options->seed ||
		options->boot)
		return err_input(err,
			"--resume goes on as the batch began: no scenarios, --repeat, --until-decided, --seed or --boot");
	if (batch_open(options->resume, &session->batch, err))
		return -1;
	if (session->batch->place_count) {
		(void)err_input(err, "'%s' is a batch of 'kernels', not of 'run'", options->resume);
		return err_remedy(err, "limitlab kernels --resume %s", options->resume);
	}
	AUTO(free_ptr) char **paths = xcalloc(session->batch->scenario_count, sizeof(*paths));
	for (size_t i = 0; i < session->batch->scenario_count; i++)
		paths[i] = session->batch->scenarios[i].path;
	if (load_all(session, paths, session->batch->scenario_count, err))
		return -1;
	for (size_t i = 0; i < session->scenario_count; i++)
		if (batch_check_scenario(session->batch, i, session->scenarios[i], err))
			return -1;
	for (size_t i = 0; i < session->batch->run_count; i++) {
		session->results =
			xgrow(session->results, i, &session->result_capacity, sizeof(*session->results));
		session->troubles =
			xgrow(session->troubles, i, &session->trouble_capacity, sizeof(*session->troubles));
		session->results[i] = (struct run_result){0};
		session->troubles[i] = NULL;
	}
	return 0;
}

static void auto_session(struct session *session)
{
	for (size_t i = 0; session->results && i < session->batch->run_count; i++) {
		run_result_release(&session->results[i]);
		free(session->troubles[i]);
	}
	for (size_t i = 0; i < session->scenario_count; i++)
		scenario_free(session->scenarios[i]);
	end_drawing(session);
	keep_free(session->keep);
	batch_free(session->batch);
	free(session->results);
	free(session->troubles);
	free(session->scenarios);
}

static void show_summary(const struct session *session)
{
	AUTO(buf) struct buf text = BUF_INIT;

	if (!session->batch->path || session->options->quiet)
		return;
	if (session->options->json)
		batch_json_line(session->batch, &text);
	else
		batch_table(session->batch, &text);
	(void)fputs(text.data, stdout);
}

/* Run directories have been given away one by one. */
static void give_away(const struct session *session)
{
	if (session->batch->path)
		prepare_give_away(session->batch->path);
	if (session->options->junit && fsio_exists(session->options->junit))
		prepare_give_away(session->options->junit);
}

static void list_dirs(const struct batch *batch, struct run_dirs *dirs)
{
	dirs->items = xcalloc(batch->run_count + 1, sizeof(*dirs->items));
	for (size_t i = 0; i < batch->run_count; i++)
		if (batch->runs[i].run_dir)
			dirs->items[dirs->count++] = xstrdup(batch->runs[i].run_dir);
}

void run_dirs_release(struct run_dirs *dirs)
{
	for (size_t i = 0; i < dirs->count; i++)
		free(dirs->items[i]);
	free(dirs->items);
	*dirs = (struct run_dirs){0};
}

int run_all(const struct options *options, struct run_dirs *ret_dirs)
{
	AUTO(session) struct session session = {.options = options};
	struct err err = ERR_INIT;
	size_t index;
	unsigned round;

	if (options->resume ? resume(&session, &err) : begin(&session, &err))
		return command_fail(&err);
	AUTO(free_ptr) char *out = options->resume ? fsio_dirname(options->resume) : xstrdup(options->out);
	session.run = (struct run_options){
		.out_dir = out,
		.uri = options->connect,
		.accel = accel_wish(options->accel),
		.kernel = option_last(&options->kernel),
		.use_device = options->use_device,
		.allow_host_scarcity = options->allow_host_scarcity || allowed_by_environment(),
	};
	session.run.undrawn = session.batch->path != NULL;
	/* A daemon's tenants are its own: they boot. */
	if (session.batch->path && session.batch->tenants_boot != BATCH_TENANTS_RUN && !options->connect)
		session.keep = keep_new(session.scenarios, session.scenario_count);
	size_t earlier = session.batch->run_count;
	while (!session.signal_code && batch_next(session.batch, &index, &round))
		run_one(&session, index, round);
	end_drawing(&session);
	int code = err_worse_exit_code(batch_exit_code(session.batch), session.signal_code);
	show_summary(&session);
	if (options->junit && write_junit(&session, earlier, &err))
		code = command_fail(&err);
	give_away(&session);
	if (ret_dirs)
		list_dirs(session.batch, ret_dirs);
	return code;
}

int cmd_run(int argc, char **argv)
{
	struct options options;
	struct err err = ERR_INIT;

	if (options_parse(argc, argv, &options, &err))
		return command_fail(&err);
	if (options.in_lab_host)
		return run_in_lab_host(&options);
	if (options.cgroup) {
		(void)err_input(&err, "--cgroup is for --in-lab-host");
		return command_fail(&err);
	}
	return run_all(&options, NULL);
}
