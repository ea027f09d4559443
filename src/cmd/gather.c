/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cmd/gather.h"

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/fsio.h"
#include "run/results.h"

#define DEPTH_MAX   2 /* RESULTS/SCENARIO/TIME */
#define THREADS_MAX 16

struct names {
	char **items;
	size_t count, capacity;
};

static void auto_names(struct names *names)
{
	for (size_t i = 0; i < names->count; i++)
		free(names->items[i]);
	free(names->items);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int list(const char *path, struct names *names, struct err *err)
{
	AUTO(close_dir) DIR *folder = opendir(path);

	if (!folder && errno == ENOENT)
		return err_input(err, "there is no '%s'", path);
	if (!folder && errno == ENOTDIR) {
		(void)err_input(err, "'%s' is a file, not the directory of a run", path);
		return err_remedy(
			err, "if it is a scenario, make runs of it first: limitlab run --repeat 10 %s", path);
	}
	if (!folder)
		return err_sys(err, errno, "cannot list '%s'", path);
	for (const struct dirent *entry; (entry = readdir(folder));) {
		if (entry->d_name[0] == '.')
			continue;
		names->items = xgrow(names->items, names->count, &names->capacity, sizeof(*names->items));
		names->items[names->count++] = xstrdup(entry->d_name);
	}
	if (names->count)
		qsort(names->items, names->count, sizeof(*names->items), by_name);
	return 0;
}

static bool has_file(const char *run, const char *name)
{
	AUTO(free_ptr) char *path = rundir_path(run, name);

	return fsio_exists(path);
}

static void add(struct gathered *gathered, const char *path, size_t argument)
{
	gathered->runs = xgrow(gathered->runs, gathered->count, &gathered->capacity, sizeof(*gathered->runs));
	gathered->runs[gathered->count++] =
		(struct gathered_run){.path = xstrdup(path), .argument = argument};
}

static int find(struct gathered *gathered, const char *path, size_t argument, int depth, struct err *err)
{
	AUTO(names) struct names names = {0};
	struct stat status;

	if (has_file(path, RUNDIR_MANIFEST)) {
		add(gathered, path, argument);
		return 0;
	}
	if (has_file(path, RUNDIR_SCENARIO) || has_file(path, RUNDIR_SAMPLES) ||
		has_file(path, RUNDIR_EVENTS)) {
		(void)err_input(err, "'%s' is a run without its " RUNDIR_MANIFEST, path);
		return err_remedy(err, "nobody knows what became of it: remove it, or leave it out");
	}
	if (list(path, &names, err))
		return -1;
	for (size_t i = 0; depth > 0 && i < names.count; i++) {
		AUTO(free_ptr) char *below = rundir_path(path, names.items[i]);
		if (stat(below, &status) || !S_ISDIR(status.st_mode))
			continue;
		if (find(gathered, below, argument, depth - 1, err))
			return -1;
	}
	return 0;
}

/* The same directory under two names would be two runs without any noise between them. */
static int check_twice(const struct gathered *gathered, struct err *err)
{
	struct names real = {0};
	int result = 0;

	for (size_t i = 0; i < gathered->count && !result; i++) {
		char *path = realpath(gathered->runs[i].path, NULL);
		for (size_t j = 0; path && j < real.count; j++) {
			if (strcmp(real.items[j], path) != 0)
				continue;
			result = err_input(err, "'%s' is there twice%s%s%s: a run counts once",
				gathered->runs[i].path,
				strcmp(gathered->runs[j].path, gathered->runs[i].path) != 0 ? " (also as '"
											    : "",
				strcmp(gathered->runs[j].path, gathered->runs[i].path) != 0
					? gathered->runs[j].path
					: "",
				strcmp(gathered->runs[j].path, gathered->runs[i].path) != 0 ? "')" : "");
			break;
		}
		real.items = xgrow(real.items, real.count, &real.capacity, sizeof(*real.items));
		real.items[real.count++] = path ? path : xstrdup("");
	}
	auto_names(&real);
	return result;
}

struct work {
	struct gathered *gathered;
	const char *field;
	struct err *errs; /* one per run */
	atomic_size_t next;
	atomic_bool failed;
};

static int digest(struct gathered_run *item, const char *field, struct err *err)
{
	AUTO(results) struct results results = {0};
	const struct results_options options = {.write = false};

	if (results_load(item->path, &results, err) || results_finish(&results, &options, err))
		return -1;
	if (field) {
		item->field = manifest_field(&results.manifest, field);
		if (!item->field) {
			AUTO(free_ptr) char *names = manifest_field_names();
			return err_input(err, "runs cannot be grouped by '%s'; fields are %s", field, names);
		}
	}
	const struct judge_input input = results_input(&results);
	compare_run_init(&item->run, item->path, &input, &results.judgement);
	return 0;
}

static void *worker(void *user)
{
	struct work *work = user;

	while (!atomic_load(&work->failed)) {
		size_t i = atomic_fetch_add(&work->next, 1);
		if (i >= work->gathered->count)
			break;
		if (digest(&work->gathered->runs[i], work->field, &work->errs[i]))
			atomic_store(&work->failed, true);
	}
	return NULL;
}

static int read_all(struct gathered *gathered, const char *field, struct err *err)
{
	AUTO(free_ptr) struct err *errs = xcalloc(gathered->count, sizeof(*errs));
	struct work work = {.gathered = gathered, .field = field, .errs = errs};
	pthread_t threads[THREADS_MAX];
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	size_t wanted = cpus > 1 ? (size_t)cpus - 1 : 0, started = 0;

	wanted = wanted < THREADS_MAX ? wanted : THREADS_MAX;
	while (started < wanted && started + 1 < gathered->count &&
		!pthread_create(&threads[started], NULL, worker, &work))
		started++;
	(void)worker(&work);
	for (size_t i = 0; i < started; i++)
		(void)pthread_join(threads[i], NULL);
	for (size_t i = 0; i < gathered->count; i++) {
		if (!err_is_set(&errs[i]))
			continue;
		*err = errs[i];
		return -1;
	}
	return 0;
}

int gather(char *const *arguments, size_t count, const char *field, struct gathered *ret_gathered,
	struct err *err)
{
	AUTO(gathered) struct gathered gathered = {0};

	for (size_t i = 0; i < count; i++) {
		size_t before = gathered.count;
		if (find(&gathered, arguments[i], i, DEPTH_MAX, err))
			return -1;
		if (gathered.count > before)
			continue;
		(void)err_input(err, "there is no run in '%s': no " RUNDIR_MANIFEST, arguments[i]);
		return err_remedy(
			err, "a run directory is RESULTS/SCENARIO/TIME; limitlab run prints it last");
	}
	if (check_twice(&gathered, err) || read_all(&gathered, field, err))
		return -1;
	*ret_gathered = gathered;
	gathered = (struct gathered){0};
	return 0;
}

void gathered_release(struct gathered *gathered)
{
	for (size_t i = 0; i < gathered->count; i++) {
		free(gathered->runs[i].path);
		free(gathered->runs[i].field);
		compare_run_release(&gathered->runs[i].run);
	}
	free(gathered->runs);
	*gathered = (struct gathered){0};
}
