/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "kernels/cell_labhost.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/fsio.h"
#include "labhost/labhost.h"
#include "run/prepare.h"

static struct labhost_place place_of(const struct cell_labhost_options *options, const char *dir)
{
	return (struct labhost_place){.dir = dir, .progress = options->progress, .context = options->context};
}

static int prepare(void *context, struct err *err)
{
	AUTO(free_ptr) char *dir = labhost_dir();
	const struct labhost_place place = place_of(context, dir);

	return labhost_prepare(&place, err);
}

static enum accel_wish own_accel(void)
{
	const char *wish = getenv("LIMITLAB_LABHOST_ACCEL");

	if (wish && strcmp(wish, "tcg") == 0)
		return ACCEL_TCG;
	return wish && strcmp(wish, "kvm") == 0 ? ACCEL_KVM : ACCEL_AUTO;
}

static int look(void *context, const struct scenario *const *scenarios, size_t count, struct err *err)
{
	AUTO(free_ptr) char *dir = labhost_dir();
	const struct labhost_place place = place_of(context, dir);

	if (labhost_need_root("kernels ...", err))
		return -1;
	return labhost_host_check(&place, labhost_memory_of(scenarios, count), own_accel(), err);
}

static int find(void *context, const char *wish, struct cell_kernel *ret_kernel, struct err *err)
{
	AUTO(free_ptr) char *dir = labhost_dir();
	const struct labhost_place place = place_of(context, dir);
	struct labhost_kernel *kernel = xcalloc(1, sizeof(*kernel));

	if (labhost_kernel_find(&place, wish, kernel, err)) {
		free(kernel);
		return -1;
	}
	*ret_kernel = (struct cell_kernel){
		.wish = xstrdup(wish ? wish : ""),
		.release = xstrdup(kernel->release),
		.origin = xstrdup(kernel->origin),
		.version = kernel->version ? xstrdup(kernel->version) : NULL,
		.own = kernel,
	};
	return 0;
}

static void release(void *context, struct cell_kernel *kernel)
{
	(void)context;
	if (kernel->own)
		labhost_kernel_release(kernel->own);
	free(kernel->own);
	free(kernel->wish);
	free(kernel->release);
	free(kernel->origin);
	free(kernel->version);
}

static int check(void *context, const struct cell_kernel *kernel, const char *cgroup,
	const struct scenario *scenario, struct err *err)
{
	enum labhost_cgroup mode;

	(void)context;
	if (labhost_cgroup_parse(cgroup, &mode, err))
		return -1;
	return labhost_kernel_check(kernel->own, mode, labhost_needs_of(scenario), err);
}

static int list(void *context, char ***ret_lines, size_t *ret_count, struct err *err)
{
	AUTO(free_ptr) char *dir = labhost_dir();
	const struct labhost_place place = place_of(context, dir);

	return labhost_kernel_list(&place, ret_lines, ret_count, err);
}

struct relay {
	const struct cell *cell;
};

static void on_line(const char *line, bool from_stderr, void *context)
{
	const struct relay *relay = context;

	relay->cell->line(relay->cell->context, line, from_stderr);
}

static void on_stage(const char *text, void *context)
{
	const struct relay *relay = context;

	relay->cell->stage(relay->cell->context, text);
}

/* Run directories are the user's, behind sudo too. */
static void on_ran(const char *run_dir, void *context)
{
	AUTO(free_ptr) char *parent = fsio_dirname(run_dir);

	(void)context;
	prepare_give_away(parent);
}

static void auto_files(char ***files)
{
	for (size_t i = 0; *files && (*files)[i]; i++)
		free((*files)[i]);
	free(*files);
}

static int run(void *context, const struct cell *cell, struct cell_end *ret_end, struct err *err)
{
	const struct cell_labhost_options *options = context;
	AUTO(free_ptr) char *dir = labhost_dir();
	const struct labhost_place place = place_of(options, dir);
	AUTO(files) char **files = labhost_files_of(cell->scenarios, cell->scenario_count);
	/* Workloads and scripts may be named from here. */
	AUTO(free_ptr) char *cwd = realpath(".", NULL);
	struct relay relay = {cell};
	struct labhost_config config = {
		.place = &place,
		.kernel = cell->kernel->own,
		.append = cell->append,
		.memory_mib = labhost_memory_of(cell->scenarios, cell->scenario_count),
		.accel = own_accel(),
		.deadline_s = cell->deadline_s,
		.still_s = LABHOST_STILL_S,
		.results = cell->results,
		.inner_out = LABHOST_OUT,
		.console = cell->console,
		.line = on_line,
		.stage = on_stage,
		.ran = on_ran,
		.context = &relay,
	};
	const struct labhost_job job = {.argv = cell->argv, .files = (const char *const *)files, .cwd = cwd};
	struct labhost_end end = {0};

	if (labhost_cgroup_parse(cell->cgroup, &config.cgroup, err) || labhost_run(&config, &job, &end, err))
		return -1;
	*ret_end = (struct cell_end){
		.how = labhost_how_name(end.how),
		.died = end.how != LABHOST_DONE,
		.status = end.status,
		.up_s = end.up_s,
		.total_s = end.total_s,
	};
	(void)snprintf(ret_end->text, sizeof(ret_end->text), "%s", end.text);
	return 0;
}

const struct cell_ops cell_labhost = {
	.inner_out = LABHOST_OUT,
	.look = look,
	.find = find,
	.check = check,
	.prepare = prepare,
	.run = run,
	.release = release,
	.list = list,
};
