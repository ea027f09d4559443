/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>
#include <sys/stat.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/fsio.h"
#include "scenario/reader.h"

static const struct {
	const char *suffix;
	enum resource loads;
} tools[] = {
	{".stress", RESOURCE_CPU},
	{".fio", RESOURCE_DISK},
	{".iperf3", RESOURCE_NET},
};

/* Index into tools[]; ARRAY_SIZE(tools): none. */
static size_t tool_of(const char *name)
{
	size_t length = strlen(name);
	size_t i = 0;

	for (; i < ARRAY_SIZE(tools); i++) {
		size_t size = strlen(tools[i].suffix);
		if (length > size && strcmp(name + length - size, tools[i].suffix) == 0)
			break;
	}
	return i;
}

static bool has_suffix(const char *name)
{
	return tool_of(name) < ARRAY_SIZE(tools);
}

/* stress-ng loads CPUs and memory alike, fio disks and memory.  A file that is not there and has no suffix: it wants what is scarce. */
static enum resource what_it_loads(const struct scenario *scenario, const char *path)
{
	size_t tool = tool_of(path);
	enum resource scarce = scenario_scarce(scenario);

	if (tool == ARRAY_SIZE(tools))
		return scarce < RESOURCE_COUNT ? scarce : RESOURCE_CPU;
	if (tools[tool].loads != RESOURCE_NET && scarce == RESOURCE_MEMORY)
		return RESOURCE_MEMORY;
	return tools[tool].loads;
}

static bool is_file(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

/* The file in this folder, or NULL. */
static char *look_in(const char *folder, const char *name)
{
	bool complete = has_suffix(name);

	for (size_t i = 0; i < (complete ? 1 : ARRAY_SIZE(tools)); i++) {
		AUTO(free_ptr)
		char *path = xasprintf(
			"%s%s%s%s", folder, folder[0] ? "/" : "", name, complete ? "" : tools[i].suffix);
		if (is_file(path))
			return STEAL(path);
	}
	return NULL;
}

/* What a kept run says that it was; NULL: not known. */
static const char *what_ran(const struct scenario_options *options, const char *tenant)
{
	for (size_t i = 0; options && i < options->workload_count; i++)
		if (strcmp(options->workloads[i].tenant, tenant) == 0)
			return options->workloads[i].file;
	return NULL;
}

int workload_resolve(
	const struct reader *reader, struct tenant_spec *tenant, struct mark mark, struct err *err)
{
	const char *ran = what_ran(reader->options, tenant->name);
	const char *data_dir = reader->options ? reader->options->data_dir : NULL;
	AUTO(free_ptr) char *beside = fsio_dirname(reader->scenario->path);
	AUTO(free_ptr) char *sibling = xasprintf("%s/../workloads", beside);
	AUTO(free_ptr) char *installed = data_dir ? xasprintf("%s/workloads", data_dir) : NULL;
	const char *relative[] = {beside, sibling, "workloads", installed};
	const char *absolute[] = {""};
	bool is_absolute = tenant->workload[0] == '/';
	const char **folders = is_absolute ? absolute : relative;
	size_t count = is_absolute ? 1 : ARRAY_SIZE(relative);
	AUTO(buf) struct buf places = BUF_INIT;

	for (size_t i = 0; !ran && i < count && folders[i]; i++) {
		tenant->workload_path = look_in(folders[i], tenant->workload);
		if (tenant->workload_path) {
			tenant->loads = what_it_loads(reader->scenario, tenant->workload_path);
			return 0;
		}
		buf_addf(&places, "%s%s", i ? ", " : "", folders[i]);
	}
	if (ran || (reader->options && !reader->options->need_workloads)) {
		tenant->workload_path = xstrdup(ran ? ran : tenant->workload);
		tenant->loads = what_it_loads(reader->scenario, tenant->workload_path);
		return 0;
	}
	const char *kinds = has_suffix(tenant->workload) ? "" : ", ending in .stress, .fio or .iperf3";
	if (is_absolute)
		return doc_error(reader->doc, mark, err,
			"there is no workload '%s'; write the path of a file%s", tenant->workload, kinds);
	return doc_error(reader->doc, mark, err,
		"there is no workload '%s'; it must be a file in one of these folders%s: %s",
		tenant->workload, kinds, places.data);
}
