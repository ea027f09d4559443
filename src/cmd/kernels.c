/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/fsio.h"
#include "base/units.h"
#include "cmd/command.h"
#include "cmd/commands.h"
#include "cmd/kernels_report.h"
#include "cmd/kernels_session.h"
#include "cmd/kernels_watch.h"
#include "cmd/text.h"
#include "run/results.h"

struct texts {
	char **items;
	size_t count;
};

static void auto_texts(struct texts *texts)
{
	for (size_t i = 0; texts->items && i < texts->count; i++)
		free(texts->items[i]);
	free(texts->items);
}

static int begin(struct kernels_session *session, struct err *err)
{
	const struct options *options = session->options;
	AUTO(texts) struct texts wishes = {0};
	AUTO(texts) struct texts skipped = {0};
	static char *const suite[] = {NULL};
	struct session_modes modes;

	if (!options->arg_count) {
		(void)err_input(err, "'kernels' needs SCENARIO...");
		return err_remedy(err, "limitlab kernels --help");
	}
	wishes.items = session_words(&options->kernel, &wishes.count);
	if (session_modes_parse(options->cgroup, ',', &modes, err) ||
		session_load(session, options->args, (size_t)options->arg_count, err) ||
		session_look(session, err) ||
		session_find(session, (const char *const *)(wishes.count ? wishes.items : suite),
			wishes.count ? wishes.count : 1, &modes, err))
		return -1;
	session_places(session);
	skipped.count = session->place_count * session->scenario_count;
	if (session_check(session, &skipped.items, NULL, err) || session_prepare(session, options->out, err))
		return -1;
	const struct batch_options batch = {
		.out_dir = session->out,
		.rounds = options->repeat,
		.seed = options->seed,
		.places = session->places,
		.place_count = session->place_count,
		.skipped = (const char *const *)skipped.items,
		.attempts = options->attempts ? options->attempts : SESSION_ATTEMPTS,
		.append = options->append,
	};
	return batch_new(session->scenarios, session->scenario_count, &batch, &session->batch, err);
}

static int check_kernels(const struct kernels_session *session, struct err *err)
{
	const struct batch *batch = session->batch;

	for (size_t p = 0; p < batch->place_count; p++)
		if (strcmp(session->places[p].release, batch->places[p].release) != 0) {
			(void)err_input(err,
				"'%s' was %s when '%s' began and is %s now; their runs could not be compared",
				batch->places[p].kernel, batch->places[p].release, batch->path,
				session->places[p].release);
			return err_remedy(err, "begin a new batch, or name the kernel as it was: --kernel %s",
				batch->places[p].release);
		}
	return 0;
}

/* The archive's kernels by the release that they had, because a newer one may have come meanwhile. */
static const char *wish_of(const struct batch_place *place)
{
	const char *wish = place->kernel, *dot = strrchr(wish, '.');

	return strchr(wish, '/') || (dot && !strcmp(dot, ".deb")) || !strcmp(wish, ".") || !strcmp(wish, "..")
		       ? wish
		       : place->release;
}

/* As the batch began: its places in their order. */
static int resume(struct kernels_session *session, struct err *err)
{
	const struct options *options = session->options;
	AUTO(free_ptr) char *path = NULL;

	if (options->arg_count || options->repeat > 1 || options->seed || options->kernel.count ||
		options->cgroup || options->attempts || options->append)
		return err_input(err,
			"--resume goes on as the batch began: no scenarios, --kernel, --cgroup, --repeat, --seed, --attempts or --append");
	path = session_resume_path(options->resume, err);
	if (!path || batch_open(path, &session->batch, err))
		return -1;
	struct batch *batch = session->batch;
	if (!batch->place_count) {
		(void)err_input(err, "'%s' is a batch of 'run', not of 'kernels'", path);
		return err_remedy(err, "limitlab run --resume %s", path);
	}
	if (batch->until_decided)
		return err_input(err, "'%s' is of a bisection, which cannot be resumed", path);
	size_t each = batch->scenario_count / batch->place_count;
	AUTO(free_ptr) char **paths = xcalloc(each, sizeof(*paths));
	AUTO(free_ptr) const char **wishes = xcalloc(batch->place_count, sizeof(*wishes));
	const struct session_modes none = {0};
	size_t kernels = 0;
	for (size_t i = 0; i < each; i++)
		paths[i] = batch->scenarios[i].path;
	for (size_t p = 0; p < batch->place_count; p++)
		if (!p || strcmp(batch->places[p].release, batch->places[p - 1].release) != 0)
			wishes[kernels++] = wish_of(&batch->places[p]);
	if (session_load(session, paths, each, err))
		return -1;
	for (size_t i = 0; i < each; i++)
		if (batch_check_scenario(batch, i, session->scenarios[i], err))
			return -1;
	AUTO(free_ptr) char *out = fsio_dirname(path);
	if (session_look(session, err) || session_find(session, wishes, kernels, &none, err))
		return -1;
	/* Kernel by kernel, as they stand there. */
	for (size_t p = 0, k = 0; p < batch->place_count; p++) {
		k += p && strcmp(batch->places[p].release, batch->places[p - 1].release) != 0;
		struct session_modes *modes = &session->modes[k];
		if (modes->count == ARRAY_SIZE(modes->words))
			return err_input(err,
				"'%s' is no batch that could be resumed: too many modes of a kernel", path);
		modes->words[modes->count++] = batch->places[p].cgroup;
	}
	session_places(session);
	return check_kernels(session, err) || session_prepare(session, out, err) ? -1 : 0;
}

static int write_text(const char *path, const struct buf *text, struct err *err)
{
	return fsio_write_atomic(path, text->data, text->length, err);
}

/* OUT/kernels-TIME/: the table and the figures; the same where the user wants them. */
static int write_report(const struct kernels_session *session, const struct report *report, struct err *err)
{
	AUTO(free_ptr)
	char *folder = xstrndup(session->batch->path, strlen(session->batch->path) - strlen(".json"));
	AUTO(free_ptr) char *markdown = xasprintf("%s/table.md", folder);
	AUTO(free_ptr) char *csv = xasprintf("%s/table.csv", folder);
	AUTO(free_ptr) char *json = xasprintf("%s/table.json", folder);
	AUTO(free_ptr) char *line = report_json(report);
	AUTO(buf) struct buf table = BUF_INIT, object = BUF_INIT;

	report_markdown(report, &table);
	buf_addf(&object, "%s\n", line);
	if (fsio_make_dirs(folder, err) || write_text(markdown, &table, err) ||
		report_write_csv(report, csv, err) || write_text(json, &object, err))
		return -1;
	if (session->options->markdown && write_text(session->options->markdown, &table, err))
		return -1;
	if (session->options->csv && report_write_csv(report, session->options->csv, err))
		return -1;
	/* A figure can be drawn again; a table without one is still a table. */
	struct err why = ERR_INIT;
	if (report_draw(report, session->scenarios, session->scenario_count, folder, &why))
		(void)fprintf(stderr, "limitlab: warning: cannot draw a figure: %s\n", why.text);
	return 0;
}

static int write_junit(const struct kernels_session *session, struct err *err)
{
	const struct batch *batch = session->batch;
	static const struct results_options look = {.write = false};
	struct results *results = xcalloc(batch->run_count + 1, sizeof(*results));
	char **labels = xcalloc(batch->run_count + 1, sizeof(*labels));
	AUTO(free_ptr) struct junit_suite *suites = xcalloc(batch->run_count + 1, sizeof(*suites));
	int failed = 0;

	for (size_t i = 0; i < batch->run_count && !failed; i++) {
		const struct batch_run *run = &batch->runs[i];
		const struct batch_scenario *about = &batch->scenarios[run->scenario];
		AUTO(free_ptr) char *place = batch_place_name(&batch->places[about->place]);
		labels[i] = xasprintf("%s on %s", about->name, place);
		suites[i] = (struct junit_suite){
			.scenario = session->scenarios[run->scenario % session->scenario_count],
			.label = labels[i],
			.trouble = run->trouble,
			.seconds = run->seconds,
			.run = run->run_dir,
		};
		if (run->outcome == BATCH_BROKEN)
			continue;
		failed = results_load(run->run_dir, &results[i], err) ||
			 results_finish(&results[i], &look, err);
		results_thin(&results[i]);
		suites[i].judgement = &results[i].judgement;
	}
	if (!failed)
		failed = junit_write(suites, batch->run_count, session->options->junit, err);
	for (size_t i = 0; i < batch->run_count; i++) {
		results_release(&results[i]);
		free(labels[i]);
	}
	free(results);
	free(labels);
	return failed ? -1 : 0;
}

static int conclude(const struct kernels_session *session, double floor, struct err *err)
{
	AUTO(report) struct report report = {0};
	const struct options *options = session->options;
	AUTO(buf) struct buf text = BUF_INIT;

	if (report_make(session->batch, session->scenarios, session->scenario_count, floor, &report, err))
		return -1;
	int failed = write_report(session, &report, err);
	if (options->json) {
		AUTO(free_ptr) char *line = report_json(&report);
		(void)puts(line);
	} else if (!options->quiet) {
		report_table(&report, text_screen_width(80), &text);
		(void)fputs(text.data, stdout);
		(void)printf("%s\n", session->batch->path);
	}
	if (failed || (options->junit && write_junit(session, err)))
		return -1;
	return report_exit_code(&report);
}

static void announce(const struct kernels_session *session)
{
	const struct batch *batch = session->batch;
	AUTO(free_ptr)
	char *left = kernels_watch_duration_text(batch_seconds_left(batch, session->expected_s));
	size_t skipped = 0;

	for (size_t i = 0; i < batch->scenario_count; i++) {
		const struct batch_place *place = &batch->places[batch->scenarios[i].place];
		if (!batch->scenarios[i].skipped)
			continue;
		skipped++;
		(void)printf("skipped: %s on %s with cgroup %s: %s\n", batch->scenarios[i].name,
			place->release, place->cgroup, batch->scenarios[i].skipped);
	}
	(void)printf("%zu scenario%s, %zu kernel%s, %zu lab host%s, %u round%s: %zu runs; %s\n",
		session->scenario_count, session->scenario_count == 1 ? "" : "s", session->kernel_count,
		session->kernel_count == 1 ? "" : "s", batch->place_count, batch->place_count == 1 ? "" : "s",
		batch->rounds, batch->rounds == 1 ? "" : "s",
		(batch->scenario_count - skipped) * batch->rounds, left);
	for (size_t k = 0; k < session->kernel_count; k++)
		(void)printf("  %s: %s\n", session->kernels[k].release, session->kernels[k].origin);
	(void)fflush(stdout);
}

static int kernels(struct kernels_session *session, struct err *err)
{
	const struct options *options = session->options;
	enum progress_mode mode = progress_choose(options->json, options->quiet, stdout);
	struct kernels_watch watch;
	uint64_t floor;

	if (units_parse(options->floor, QUANTITY_PARTS_PER_MILLION, &floor, err))
		return err_wrap(err, "--floor");
	if (options->resume ? resume(session, err) : begin(session, err))
		return -1;
	kernels_watch_init(&watch, mode, session->batch, session->expected_s);
	struct drive drive = session_drive(session, &watch.observer);
	if (mode != PROGRESS_JSON && mode != PROGRESS_QUIET)
		announce(session);
	struct err ended = ERR_INIT;
	int failed = drive_batch(&drive, &ended);
	kernels_watch_release(&watch);
	/* What there is, is shown, also of a batch that could not go on. */
	int code =
		session->batch->run_count ? conclude(session, (double)floor / 1e6, failed ? NULL : err) : 0;
	session_give_away(session);
	if (!failed)
		return code;
	*err = ended;
	if (!ended.remedy[0])
		(void)err_remedy(err, "limitlab kernels --resume %s", session->batch->path);
	return -1;
}

int cmd_kernels(int argc, char **argv)
{
	AUTO(kernels_session) struct kernels_session session = {0};
	struct cell_labhost_options lab_hosts;
	struct options options;
	struct err err = ERR_INIT;

	if (options_parse(argc, argv, &options, &err))
		return command_fail(&err);
	session.options = &options;
	session.ops = session_lab_hosts(&options, &lab_hosts);
	session.ops_context = &lab_hosts;
	int code = kernels(&session, &err);
	return code < 0 ? command_fail(&err) : code;
}
