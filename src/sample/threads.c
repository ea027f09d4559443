/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The vCPU threads' own time and run delay: /proc/PID/task/TID/schedstat, "RUN_NS DELAY_NS SLICES" (scheduler/
 * sched-stats.rst).  Which threads they are: those of the vcpuN groups; without such groups, those that QEMU named
 * "CPU 0/KVM" or "CPU 0/TCG".
 */
#include "sample/source.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/fsio.h"

struct threads {
	int *fds;
	size_t count, capacity;
};

static void add_thread(struct threads *state, const struct sample_place *place, const char *tid)
{
	AUTO(free_ptr) char *directory = xasprintf("%s/proc/%d/task/%s", place->root, (int)place->pid, tid);
	int fd = counter_open(directory, "schedstat");

	if (fd < 0)
		return;
	state->fds = xgrow(state->fds, state->count, &state->capacity, sizeof(*state->fds));
	state->fds[state->count++] = fd;
}

static void add_from_group(struct threads *state, const struct sample_place *place, const char *path)
{
	AUTO(buf) struct buf text = BUF_INIT;
	char *rest = NULL;

	if (fsio_read_file(path, 64U * 1024, &text, NULL))
		return;
	for (char *tid = strtok_r(text.data, "\n", &rest); tid; tid = strtok_r(NULL, "\n", &rest))
		add_thread(state, place, tid);
}

static void add_from_groups(struct threads *state, const struct sample_place *place)
{
	static const enum cgroup_controller order[] = {CGROUP_CPU, CGROUP_CPUACCT, CGROUP_CPUSET};

	for (size_t i = 0; place->cgroup && i < ARRAY_SIZE(order) && !state->count; i++) {
		if (!place->cgroup->at[order[i]].present)
			continue;
		const char *inner = place->cgroup->at[order[i]].inner_path;
		const char *file = place->cgroup->at[order[i]].v2 ? "cgroup.threads" : "tasks";
		AUTO(close_dir) DIR *groups = opendir(inner);
		for (const struct dirent *entry; groups && (entry = readdir(groups));) {
			if (strncmp(entry->d_name, "vcpu", 4) != 0 ||
				!isdigit((unsigned char)entry->d_name[4]))
				continue;
			AUTO(free_ptr) char *path = xasprintf("%s/%s/%s", inner, entry->d_name, file);
			add_from_group(state, place, path);
		}
	}
}

/* "CPU 0/KVM" */
static bool is_vcpu_name(const char *name)
{
	char *end;

	if (strncmp(name, "CPU ", 4) != 0 || !isdigit((unsigned char)name[4]))
		return false;
	(void)strtoul(name + 4, &end, 10);
	return !strcmp(end, "/KVM") || !strcmp(end, "/TCG");
}

static void add_by_name(struct threads *state, const struct sample_place *place)
{
	AUTO(free_ptr) char *directory = xasprintf("%s/proc/%d/task", place->root, (int)place->pid);
	AUTO(close_dir) DIR *tasks = opendir(directory);

	for (const struct dirent *entry; tasks && (entry = readdir(tasks));) {
		char name[64];
		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		AUTO(free_ptr) char *path = xasprintf("%s/%s/comm", directory, entry->d_name);
		if (!fsio_read_small(AT_FDCWD, path, name, sizeof(name), NULL) && is_vcpu_name(name))
			add_thread(state, place, entry->d_name);
	}
}

static void threads_close(void *data)
{
	struct threads *state = data;

	if (!state)
		return;
	for (size_t i = 0; i < state->count; i++)
		auto_close_fd(&state->fds[i]);
	free(state->fds);
	free(state);
}

static void *threads_open(const struct sample_place *place)
{
	struct threads *state = xcalloc(1, sizeof(*state));

	add_from_groups(state, place);
	if (!state->count)
		add_by_name(state, place);
	if (state->count)
		return state;
	threads_close(state);
	return NULL;
}

static void threads_read(void *data, double *cells)
{
	const struct threads *state = data;
	uint64_t run_ns = 0, delay_ns = 0;

	for (size_t i = 0; i < state->count; i++) {
		char text[96];
		uint64_t run, delay;
		/* A sum without one of its parts is no sum. */
		if (!counter_read(state->fds[i], text, sizeof(text)) ||
			sscanf(text, "%" SCNu64 " %" SCNu64, &run, &delay) != 2)
			return;
		run_ns += run;
		delay_ns += delay;
	}
	cells[SAMPLE_VCPU_USAGE_NS] = (double)run_ns;
	cells[SAMPLE_RUN_DELAY_NS] = (double)delay_ns;
}

const struct source_ops source_threads = {
	.name = "threads",
	.open = threads_open,
	.read = threads_read,
	.close = threads_close,
};
