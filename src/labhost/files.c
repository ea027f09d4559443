/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "labhost/labhost.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/fsio.h"
#include "scenario/scenario.h"

struct list {
	char **paths;
	size_t count, capacity;
};

/* What is not there is not needed: scenarios have been checked. */
static void add(struct list *list, const char *path)
{
	char *absolute = path ? realpath(path, NULL) : NULL;

	if (!absolute)
		return;
	list->paths = xgrow(list->paths, list->count, &list->capacity, sizeof(*list->paths));
	list->paths[list->count++] = absolute;
}

static void add_plots(struct list *list, const char *folder)
{
	AUTO(close_dir) DIR *dir = opendir(folder);
	const struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		AUTO(free_ptr) char *path = xasprintf("%s/%s", folder, entry->d_name);
		if (strlen(entry->d_name) > 3 &&
			strcmp(entry->d_name + strlen(entry->d_name) - 3, ".gp") == 0)
			add(list, path);
	}
}

char **labhost_files_of(const struct scenario *const *scenarios, size_t count)
{
	struct list list = {0};

	for (size_t i = 0; i < count; i++) {
		add(&list, scenarios[i]->path);
		for (size_t j = 0; j < scenarios[i]->tenant_count; j++)
			add(&list, scenarios[i]->tenants[j].workload_path);
		/* Where figures look for their scripts (src/plot/draw.c). */
		AUTO(free_ptr) char *folder = fsio_dirname(scenarios[i]->path);
		AUTO(free_ptr) char *beside = xasprintf("%s/../plots", folder);
		add_plots(&list, folder);
		add_plots(&list, beside);
	}
	add_plots(&list, "plots");
	list.paths = xgrow(list.paths, list.count, &list.capacity, sizeof(*list.paths));
	list.paths[list.count] = NULL;
	return list.paths;
}

/* systemd, limitlab and what must stay free; of each tenant what its QEMU has beside the guest's memory. */
enum { SYSTEM_MIB = 1024, QEMU_MIB = 96 };

unsigned labhost_memory_of(const struct scenario *const *scenarios, size_t count)
{
	uint64_t most_mib = LABHOST_MEMORY_MIB;

	for (size_t i = 0; i < count; i++) {
		uint64_t mib = SYSTEM_MIB + (scenarios[i]->memory.cache_bytes >> 20);
		for (size_t j = 0; j < scenarios[i]->tenant_count; j++)
			mib += (scenarios[i]->tenants[j].memory_bytes >> 20) + QEMU_MIB;
		if (mib > most_mib)
			most_mib = mib;
	}
	return (unsigned)(most_mib + 255) & ~255U;
}
