/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "run/results.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/fsio.h"
#include "base/paths.h"
#include "plot/plot.h"
#include "run/beside.h"
#include "sample/derive.h"
#include "workload/workload.h"

#define ENDS_EARLY 5 /* sample intervals: so many may be missed at the end of a run that is complete */

/* A tenant's own stream and that of its server. */
struct streams {
	struct workload_stream stream[2 * SCENARIO_MAX_TENANTS];
	struct derive_stream derive[2 * SCENARIO_MAX_TENANTS];
	size_t count;
	bool all; /* no tenant's stream is missing */
};

static void auto_streams(struct streams *streams)
{
	for (size_t i = 0; i < streams->count; i++)
		workload_stream_release(&streams->stream[i]);
}

static int read_stream(const struct results *results, struct streams *streams, const char *tenant,
	const struct workload_ops *ops, bool is_server, struct err *err)
{
	AUTO(free_ptr)
	char *file = xasprintf(RUNDIR_LOG "/%s.%s", tenant, is_server ? "server" : "stream");
	AUTO(free_ptr) char *path = rundir_path(results->run, file);

	if (!ops || !fsio_exists(path)) {
		streams->all = false;
		return 0;
	}
	struct workload_stream *stream = &streams->stream[streams->count];
	workload_stream_init(stream, ops);
	streams->derive[streams->count++] =
		(struct derive_stream){.tenant = tenant, .stream = stream, .is_server = is_server};
	return workload_stream_read(stream, path, err);
}

static int read_streams(const struct results *results, struct streams *streams, struct err *err)
{
	streams->all = true;
	for (size_t i = 0; i < results->manifest.tenant_count && i < SCENARIO_MAX_TENANTS; i++) {
		const struct manifest_tenant *tenant = &results->manifest.tenants[i];
		if (!*tenant->workload)
			continue;
		const struct workload_ops *ops = workload_find(tenant->workload);
		if (read_stream(results, streams, tenant->name, ops, false, err))
			return -1;
		if (ops && ops->server && read_stream(results, streams, tenant->name, ops->server, true, err))
			return -1;
	}
	return 0;
}

/* What no sampler writes: a file that was cut off between two rows, or edited. */
static int check_samples(const struct results *results, const char *path, struct err *err)
{
	const struct table *samples = &results->samples;
	const struct manifest *manifest = &results->manifest;
	double last_s = samples->row_count ? samples->t_s[samples->row_count - 1] : 0;

	for (size_t row = 0; row < samples->row_count; row++)
		for (size_t i = 0; i < samples->column_count; i++)
			if (samples->cells[row * samples->column_count + i] < 0)
				return err_input(err,
					"%s:%zu: %s is %.15g, and nothing that is sampled is ever negative",
					path, row + 2, samples->columns[i],
					samples->cells[row * samples->column_count + i]);
	if (manifest->state == RUN_COMPLETE && manifest->sample_interval_s > 0 &&
		last_s < manifest->duration_s - ENDS_EARLY * manifest->sample_interval_s)
		return err_input(err,
			"%s:%zu: the file ends at %.3f s, but the run went on to %.3f s and was complete: rows are missing",
			path, samples->row_count + 1, last_s, manifest->duration_s);
	return 0;
}

static int load_series(struct results *results, struct err *err)
{
	AUTO(free_ptr) char *samples = rundir_path(results->run, RUNDIR_SAMPLES);
	AUTO(free_ptr) char *series = rundir_path(results->run, RUNDIR_SERIES);
	AUTO(streams) struct streams streams = {0};
	bool has_samples = fsio_exists(samples);

	if (has_samples &&
		(table_read_csv(&results->samples, samples, err) || check_samples(results, samples, err)))
		return -1;
	if (has_samples && read_streams(results, &streams, err))
		return -1;
	if (fsio_exists(series) && (!has_samples || !streams.all))
		return table_read_csv(&results->series, series, err);
	if (!has_samples)
		return err_input(err, "'%s' has neither " RUNDIR_SAMPLES " nor " RUNDIR_SERIES, results->run);
	unsigned scarce =
		results->scenario->has_scarce_cpu ? (unsigned)CPU_COUNT(&results->scenario->scarce_cpus) : 0;
	const char *elsewhere[SCENARIO_MAX_TENANTS + 1] = {NULL};
	for (size_t i = 0, count = 0; i < results->scenario->tenant_count; i++)
		if (!scenario_is_on_scarce(results->scenario, i))
			elsewhere[count++] = results->scenario->tenants[i].name;
	derive_series(&results->samples, scarce, elsewhere, streams.derive, streams.count, &results->series);
	results->derived = true;
	return 0;
}

/*
 * The user's own workloads stand beside the scenario that was run, not beside its copy in the run directory: the manifest
 * says which files they were.
 */
static int load_scenario(struct results *results, struct err *err)
{
	const struct manifest *manifest = &results->manifest;
	AUTO(free_ptr) char *path = rundir_path(results->run, RUNDIR_SCENARIO);
	struct scenario_workload workloads[SCENARIO_MAX_TENANTS];
	struct scenario_options options = {.data_dir = paths_data_dir(), .workloads = workloads};

	for (size_t i = 0; i < manifest->tenant_count && options.workload_count < ARRAY_SIZE(workloads); i++)
		if (*manifest->tenants[i].workload)
			workloads[options.workload_count++] = (struct scenario_workload){
				manifest->tenants[i].name, manifest->tenants[i].workload};
	return scenario_load(path, &options, &results->scenario, err);
}

static int load(struct results *results, struct err *err)
{
	AUTO(free_ptr) char *manifest = rundir_path(results->run, RUNDIR_MANIFEST);
	AUTO(free_ptr) char *events = rundir_path(results->run, RUNDIR_EVENTS);

	if (!fsio_exists(manifest)) {
		(void)err_input(err, "'%s' is not a run directory: there is no " RUNDIR_MANIFEST " in it",
			results->run);
		return err_remedy(
			err, "a run directory is RESULTS/SCENARIO/TIME; limitlab run prints it last");
	}
	if (manifest_read(&results->manifest, manifest, err) || load_scenario(results, err) ||
		event_log_read_csv(&results->events, events, err) || load_series(results, err))
		return -1;
	/* Why there is no model is told by the judge, as the reason of each finding. */
	results->has_model = !model_make(results->scenario, &results->events, &results->model, NULL) &&
			     results->model.says_shares;
	return 0;
}

int results_load(const char *run, struct results *ret_results, struct err *err)
{
	struct results results = {.run = xstrdup(run)};

	if (load(&results, err)) {
		results_release(&results);
		return -1;
	}
	*ret_results = results;
	return 0;
}

void results_release(struct results *results)
{
	judgement_release(&results->judgement);
	model_release(&results->model);
	table_release(&results->series);
	table_release(&results->samples);
	event_log_release(&results->events);
	manifest_release(&results->manifest);
	scenario_free(results->scenario);
	free(results->run);
	*results = (struct results){0};
}

void results_thin(struct results *results)
{
	table_release(&results->series);
	table_release(&results->samples);
	event_log_release(&results->events);
}

static int write_files(const struct results *results, struct err *err)
{
	AUTO(free_ptr) char *series = rundir_path(results->run, RUNDIR_SERIES);
	AUTO(free_ptr) char *verdict = rundir_path(results->run, RUNDIR_VERDICT);
	AUTO(free_ptr) char *junit = rundir_path(results->run, RUNDIR_JUNIT);
	const struct junit_suite suite = {
		.scenario = results->scenario,
		.judgement = &results->judgement,
		.seconds = results->manifest.duration_s,
		.run = results->run,
		.started_utc = results->manifest.started_utc,
	};

	if (results->derived && table_write_csv(&results->series, series, err))
		return -1;
	if (judgement_write_json(&results->judgement, results->scenario, verdict, err))
		return -1;
	return junit_write(&suite, 1, junit, err);
}

struct judge_input results_input(const struct results *results)
{
	return (struct judge_input){
		.scenario = results->scenario,
		.manifest = &results->manifest,
		.events = &results->events,
		.samples = &results->samples,
		.series = &results->series,
	};
}

int results_finish(struct results *results, const struct results_options *options, struct err *err)
{
	const struct judge_input input = results_input(results);

	judgement_release(&results->judgement);
	results->judged = false;
	if (judge_run(&input, &results->judgement, err))
		return -1;
	results->judged = true;
	return options->write ? write_files(results, err) : 0;
}

static struct plot_input plot_input(const struct results *results)
{
	return (struct plot_input){
		.run = results->run,
		.scenario_dir = results->scenario_dir,
		.scenario = results->scenario,
		.manifest = &results->manifest,
		.events = &results->events,
		.model = results->has_model ? &results->model : NULL,
		.judgement = results->judged ? &results->judgement : NULL,
		.series = &results->series,
	};
}

/* With its verdict, if it can be judged. */
static int load_other(const char *run, struct results *ret_results, struct err *err)
{
	const struct results_options finish = {.write = false};
	AUTO(free_ptr) char *absolute = realpath(run, NULL);

	if (!absolute)
		return err_input(err, "there is no run '%s': %s", run, strerror(errno));
	if (results_load(absolute, ret_results, err))
		return -1;
	(void)results_finish(ret_results, &finish, NULL);
	return 0;
}

/* The run that the scenario wants beside this one; ret_note says why there is none. */
static bool find_other(const struct results *results, struct results *ret_other, char **ret_note)
{
	const char *name = results->scenario->beside;
	struct err why = ERR_INIT;

	if (!name)
		return false;
	AUTO(free_ptr) char *run = beside_find(results->run, name);
	if (!run) {
		*ret_note = xasprintf(
			"'%s' belongs beside this run; there is no complete run of it in these results",
			name);
		return false;
	}
	if (load_other(run, ret_other, &why) == 0)
		return true;
	*ret_note = xasprintf("'%s' belongs beside this run: %s", name, why.text);
	return false;
}

int results_draw_as(const struct results *results, const struct results_figure *figure, struct err *err)
{
	AUTO(free_ptr) char *plots = paths_data("plots");
	AUTO(free_ptr) char *note = NULL;
	AUTO(results) struct results other = {0};
	bool has_other = figure->beside != NULL;

	if (figure->beside && load_other(figure->beside, &other, err))
		return -1;
	if (!figure->beside)
		has_other = find_other(results, &other, &note);
	struct plot_input plot = plot_input(results);
	const struct plot_input beside = has_other ? plot_input(&other) : (struct plot_input){0};
	plot.plots_dir = plots;
	plot.formats = figure->formats;
	plot.note = note;
	if (has_other) {
		plot.beside = &beside;
		/* Whichever of the two is drawn, its figure is the same. */
		plot.is_second = !figure->beside && strcmp(results->scenario->name, other.scenario->name) > 0;
	}
	return plot_draw(&plot, err);
}

int results_draw(const struct results *results, struct err *err)
{
	const struct results_figure figure = {0};
	return results_draw_as(results, &figure, err);
}
