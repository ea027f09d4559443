/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "kernels/drive.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/fsio.h"
#include "glue/json.h"
#include "judge/sequential.h"
#include "run/results.h"
#include "scenario/plan.h"

/* Of one boot: power-on, the proof of KVM, libvirt's first look at QEMU; and of each run, nested and perhaps emulated twice. */
#define DEADLINE_BOOT_S 300
#define DEADLINE_RUN_S  240
#define DEADLINE_TIMES  4
/* Kept of what the inner limitlab says on standard error. */
#define COMPLAINT_BYTES 600

/* What the inner limitlab said of one run. */
struct result {
	char *run_dir; /* there; NULL: none */
	char *verdict, *detail;
	int exit_code;
	double seconds;
};

struct boot {
	struct drive *drive;
	const struct drive_run *runs;
	size_t count;
	struct result *results;
	size_t result_count;
	struct buf complaint; /* last lines on standard error */
	uint64_t last_ns;     /* begin of the run that is going on */
	bool has_begun;
};

static void boot_release(struct boot *boot)
{
	for (size_t i = 0; i < boot->result_count; i++) {
		free(boot->results[i].run_dir);
		free(boot->results[i].verdict);
		free(boot->results[i].detail);
	}
	free(boot->results);
	buf_release(&boot->complaint);
}

static void auto_boot(struct boot *boot)
{
	boot_release(boot);
}

char *drive_why_skipped(const struct scenario *scenario, const char *cgroup, const char *release)
{
	char *reason;

	if (when_ask(&scenario->when, cgroup, release, &reason) == WHEN_NOT)
		return reason;
	free(reason);
	for (size_t i = 0; i < scenario->expect_count; i++) {
		enum when_answer answer = when_ask(&scenario->expects[i].when, cgroup, release, &reason);
		free(reason);
		if (answer != WHEN_NOT)
			return NULL;
	}
	return scenario->expect_count ? xstrdup("none of its expectations is applicable there (when:)")
				      : NULL;
}

char *drive_folder(const char *out_dir, const struct batch_place *place)
{
	char *folder = xasprintf("%s/%s-%s", out_dir, place->release, place->cgroup);

	for (char *at = folder + strlen(out_dir) + 1; *at; at++)
		if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.+-_~", *at))
			*at = '_';
	return folder;
}

/* ---- what the inner limitlab says -------------------------------------------------------------------------------- */

static void take_result(struct boot *boot, const json_t *line)
{
	const char *run = json_string_value(json_object_get(line, "run"));
	const char *verdict = json_string_value(json_object_get(line, "verdict"));
	const char *detail = json_string_value(json_object_get(line, "detail"));
	uint64_t now_ns = clock_now_ns();

	if (boot->result_count == boot->count)
		return;
	boot->results[boot->result_count++] = (struct result){
		.run_dir = run ? xstrdup(run) : NULL,
		.verdict = xstrdup(verdict ? verdict : ""),
		.detail = xstrdup(detail ? detail : ""),
		.exit_code = (int)json_integer_value(json_object_get(line, "exit_code")),
		.seconds = (double)(now_ns - boot->last_ns) / 1e9,
	};
	boot->last_ns = now_ns;
}

static void on_line(void *context, const char *text, bool from_stderr)
{
	struct boot *boot = context;
	const struct drive_observer *observer = boot->drive->observer;

	/* The times of runs count from the first word, not from power-on. */
	if (!boot->has_begun)
		boot->last_ns = clock_now_ns();
	boot->has_begun = true;
	if (from_stderr) {
		buf_addf(&boot->complaint, "%s%s", boot->complaint.length ? "; " : "",
			text + strspn(text, " "));
		if (boot->complaint.length > COMPLAINT_BYTES)
			buf_consume(&boot->complaint, boot->complaint.length - COMPLAINT_BYTES);
	} else {
		AUTO(json) json_t *line = json_loads(text, 0, NULL);
		const char *type = json_string_value(json_object_get(line, "type"));
		if (type && !strcmp(type, "result"))
			take_result(boot, line);
	}
	if (observer && observer->line)
		observer->line(observer->context, text, from_stderr);
}

static void on_stage(void *context, const char *text)
{
	struct boot *boot = context;
	const struct drive_observer *observer = boot->drive->observer;

	if (observer && observer->stage)
		observer->stage(observer->context, text);
}

/* ---- recording --------------------------------------------------------------------------------------------------- */

static int record(struct drive *drive, const struct drive_run *run, const char *run_dir, int exit_code,
	double seconds, const struct judgement *judgement, const char *trouble, struct err *err)
{
	size_t index = drive->batch->run_count;

	if (batch_record(drive->batch, run->scenario, run->round, run_dir, exit_code, seconds, judgement,
		    trouble, err))
		return -1;
	if (drive->observer && drive->observer->recorded)
		drive->observer->recorded(drive->observer->context, index);
	return 0;
}

/* Judged anew from the files that came out: what did not come out does not count. */
static int record_result(struct boot *boot, size_t index, const char *folder, struct err *err)
{
	static const struct results_options look = {.write = false};
	struct drive *drive = boot->drive;
	const struct result *result = &boot->results[index];
	const struct drive_run *run = &boot->runs[index];
	AUTO(results) struct results results = {0};
	struct err why = ERR_INIT;

	if (!strcmp(result->verdict, "interrupted"))
		return 0;
	AUTO(free_ptr) char *run_dir = NULL;
	size_t length = strlen(drive->ops->inner_out);
	if (result->run_dir && !strncmp(result->run_dir, drive->ops->inner_out, length))
		run_dir = xasprintf("%s%s", folder, result->run_dir + length);
	if (!run_dir || !strcmp(result->verdict, "broken") || !strcmp(result->verdict, "not run"))
		return record(drive, run, run_dir, result->exit_code ? result->exit_code : 5, result->seconds,
			NULL, *result->detail ? result->detail : "the run left no directory", err);
	if (results_load(run_dir, &results, &why) || results_finish(&results, &look, &why))
		return record(drive, run, run_dir, 5, result->seconds, NULL, why.text, err);
	return record(drive, run, run_dir, judgement_exit_code(&results.judgement), result->seconds,
		&results.judgement, NULL, err);
}

/* The lab host is gone; runs[at] was next.  All of the rest are to blame when nothing ever began. */
static int record_death(struct boot *boot, const struct cell_end *end, const char *console, struct err *err)
{
	struct batch *batch = boot->drive->batch;
	size_t at = boot->result_count, last = boot->has_begun ? at + 1 : boot->count;

	for (; at < last && at < boot->count; at++) {
		const struct drive_run *run = &boot->runs[at];
		size_t deaths = batch_deaths(batch, run->scenario, run->round);
		if (deaths < batch->attempts)
			continue;
		AUTO(free_ptr)
		char *trouble = xasprintf("the lab host died in %zu of %u attempts (%s): %s; console: %s",
			deaths, batch->attempts, end->how, end->text, console);
		if (record(boot->drive, run, NULL, 5, end->total_s, NULL, trouble, err))
			return -1;
	}
	return 0;
}

/* It ended by itself and said nothing of some runs. */
static int record_unsaid(struct boot *boot, const struct cell_end *end, struct err *err)
{
	AUTO(free_ptr)
	char *trouble =
		xasprintf("limitlab in the lab host ended with code %d and no result%s%s", end->status,
			boot->complaint.length ? ": " : "", boot->complaint.data ? boot->complaint.data : "");
	/* From 128 on a signal ended it there, and nobody interrupted us here. */
	int code = end->status > 0 && end->status < 128 ? end->status : 5;

	for (size_t i = boot->result_count; i < boot->count; i++)
		if (record(boot->drive, &boot->runs[i], NULL, code, 0, NULL, trouble, err))
			return -1;
	return 0;
}

static int record_boot(struct boot *boot, const struct cell_end *end, const char *console, struct err *err)
{
	struct drive *drive = boot->drive;
	bool all = boot->result_count == boot->count;
	const struct batch_boot made = {
		.place = drive->batch->scenarios[boot->runs[0].scenario].place,
		.round = boot->runs[all ? 0 : boot->result_count].round,
		/* After its last run a death takes nothing away. */
		.died = end->died && !all,
		.scenario = boot->has_begun && !all ? (long)boot->runs[boot->result_count].scenario : -1,
		.how = (char *)end->how,
		.text = (char *)end->text,
		.console = (char *)console,
		.up_s = end->up_s,
		.seconds = end->total_s,
	};
	size_t index = drive->batch->boot_count;

	if (batch_record_boot(drive->batch, &made, err))
		return -1;
	if (drive->observer && drive->observer->booted)
		drive->observer->booted(drive->observer->context, index);
	return 0;
}

/* ---- one boot ---------------------------------------------------------------------------------------------------- */

static const char **make_argv(
	const struct boot *boot, bool until_decided, const char *rounds, char *const *paths)
{
	const char **argv = xcalloc(boot->count + 13, sizeof(*argv));
	size_t n = 0;

	argv[n++] = "run";
	argv[n++] = "--json";
	/* A lab host's memory is its own. */
	argv[n++] = "--allow-host-scarcity";
	argv[n++] = "--out";
	argv[n++] = boot->drive->ops->inner_out;
	if (boot->drive->accel) {
		argv[n++] = "--accel";
		argv[n++] = boot->drive->accel;
	}
	if (until_decided) {
		/* So few can decide nothing by themselves, but with those that were before. */
		argv[n++] = boot->count < sequential_least_passes() ? "--repeat" : "--until-decided";
		argv[n++] = rounds;
	}
	argv[n++] = "--";
	for (size_t i = 0; i < (until_decided ? 1 : boot->count); i++)
		argv[n++] = paths[i];
	return argv;
}

static void free_paths(char **paths)
{
	for (size_t i = 0; paths && paths[i]; i++)
		free(paths[i]);
	free(paths);
}

static inline void auto_paths(char ***paths)
{
	free_paths(*paths);
}

static char *console_path(const char *folder)
{
	char now[32];

	clock_utc_compact(now, sizeof(now));
	char *path = xasprintf("%s/lab-%s.console", folder, now);
	for (unsigned i = 2; fsio_exists(path); i++) {
		free(path);
		path = xasprintf("%s/lab-%s-%u.console", folder, now, i);
	}
	return path;
}

int drive_boot(
	struct drive *drive, const struct drive_run *runs, size_t count, bool until_decided, struct err *err)
{
	size_t place = drive->batch->scenarios[runs[0].scenario].place;
	AUTO(boot)
	struct boot boot = {.drive = drive,
		.runs = runs,
		.count = count,
		.results = xcalloc(count, sizeof(*boot.results)),
		.last_ns = clock_now_ns()};
	AUTO(free_ptr) char *folder = drive_folder(drive->out_dir, &drive->batch->places[place]);
	AUTO(free_ptr) char *rounds = xasprintf("%zu", count);
	AUTO(free_ptr) const struct scenario **scenarios = xcalloc(count, sizeof(*scenarios));
	AUTO(paths) char **paths = xcalloc(count + 1, sizeof(*paths));
	unsigned deadline_s = DEADLINE_BOOT_S;

	if (fsio_make_dirs(folder, err))
		return -1;
	AUTO(free_ptr) char *console = console_path(folder);
	for (size_t i = 0; i < count; i++) {
		scenarios[i] = drive->scenarios[runs[i].scenario % drive->scenario_count];
		paths[i] = realpath(scenarios[i]->path, NULL);
		if (!paths[i])
			return err_input(err, "the scenario '%s' is not there any more", scenarios[i]->path);
		deadline_s += DEADLINE_RUN_S +
			      DEADLINE_TIMES * (unsigned)(plan_duration_ns(scenarios[i]) / NS_PER_S);
	}
	AUTO(free_ptr) const char **argv = make_argv(&boot, until_decided, rounds, paths);
	const struct cell cell = {
		.kernel = drive->kernels[place],
		.cgroup = drive->batch->places[place].cgroup,
		.append = drive->batch->append,
		.argv = argv,
		.scenarios = scenarios,
		.scenario_count = until_decided ? 1 : count,
		.results = folder,
		.console = console,
		.deadline_s = deadline_s,
		.line = on_line,
		.stage = on_stage,
		.context = &boot,
	};
	if (drive->observer && drive->observer->boot)
		drive->observer->boot(drive->observer->context, place, runs, count);
	struct cell_end end = {0};
	int failed = drive->ops->run(drive->ops_context, &cell, &end, err);
	/* What came out before an interruption counts, too. */
	for (size_t i = 0; i < boot.result_count; i++)
		if (record_result(&boot, i, folder, failed ? NULL : err))
			return -1;
	if (failed)
		return -1;
	if (record_boot(&boot, &end, console, err))
		return -1;
	if (end.died)
		return record_death(&boot, &end, console, err);
	return until_decided && boot.result_count ? 0 : record_unsaid(&boot, &end, err);
}

int drive_batch(struct drive *drive, struct err *err)
{
	AUTO(free_ptr) size_t *items = xcalloc(drive->batch->scenario_count, sizeof(*items));
	AUTO(free_ptr) struct drive_run *runs = xcalloc(drive->batch->scenario_count, sizeof(*runs));
	unsigned round;
	size_t count;

	while ((count = batch_next_group(drive->batch, items, &round))) {
		for (size_t i = 0; i < count; i++)
			runs[i] = (struct drive_run){items[i], round};
		if (drive_boot(drive, runs, count, false, err))
			return -1;
	}
	return 0;
}
