/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "run/beside.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/fsio.h"
#include "series/rundir.h"

struct newest {
	const char *scenario;
	const char *self; /* is not beside itself */
	char *path;
	char *started_utc;
};

static void auto_newest(struct newest *newest)
{
	free(newest->path);
	free(newest->started_utc);
}

static void auto_manifest(struct manifest *manifest)
{
	manifest_release(manifest);
}

/* Two runs of one second differ in their names only. */
static bool is_newer(const struct newest *newest, const char *started_utc, const char *path)
{
	int order = newest->path ? strcmp(started_utc, newest->started_utc) : 1;
	return order > 0 || (order == 0 && strcmp(path, newest->path) > 0);
}

/* What is damaged or still going on is passed over. */
static void consider(struct newest *newest, const char *run)
{
	AUTO(free_ptr) char *path = realpath(run, NULL);
	AUTO(free_ptr) char *file = path ? rundir_path(path, RUNDIR_MANIFEST) : NULL;
	AUTO(manifest) struct manifest manifest = {0};

	if (!path || strcmp(path, newest->self) == 0 || !fsio_exists(file))
		return;
	if (manifest_read(&manifest, file, NULL) || manifest.state != RUN_COMPLETE || !manifest.started_utc ||
		!manifest.scenario_name || strcmp(manifest.scenario_name, newest->scenario) != 0 ||
		!is_newer(newest, manifest.started_utc, path))
		return;
	free(newest->path);
	free(newest->started_utc);
	newest->path = STEAL(path);
	newest->started_utc = xstrdup(manifest.started_utc);
}

static int is_name(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static void consider_all(struct newest *newest, const char *folder)
{
	struct dirent **entries = NULL;
	int count = scandir(folder, &entries, is_name, alphasort);

	for (int i = 0; i < count; i++) {
		AUTO(free_ptr) char *run = xasprintf("%s/%s", folder, entries[i]->d_name);
		consider(newest, run);
		free(entries[i]);
	}
	free(entries);
}

char *beside_find(const char *run, const char *scenario)
{
	AUTO(free_ptr) char *self = realpath(run, NULL);

	if (!self)
		return NULL;
	AUTO(newest) struct newest newest = {.scenario = scenario, .self = self};
	AUTO(free_ptr) char *times = xasprintf("%s/../../%s", self, scenario);
	AUTO(free_ptr) char *kept = xasprintf("%s/../%s", self, scenario);
	consider_all(&newest, times);
	consider(&newest, kept);
	return STEAL(newest.path);
}
