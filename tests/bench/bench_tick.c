/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What one tick of the sampler costs for three tenants.  The tenants are three processes of our own, each with a thread
 * named like a vCPU, read through the existing root groups of this host: as many files as three VMs have, no group made.
 *
 *	bench_tick [TICKS]	prints "tick_wall_us X" and "tick_cpu_us X", means over TICKS (default 1000)
 */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "applier/mounts.h"
#include "base/auto.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/cpulist.h"
#include "base/fsio.h"
#include "sample/sampler.h"

#define TENANTS 3
#define ROUND   100 /* ticks into one table */

DEFINE_AUTO(sampler, struct sampler *, sampler_free);

/* Each controller's mount point stands for a VM's group. */
static int root_groups(struct cgroup_vm *ret_vm, struct err *err)
{
	AUTO(cgroup_mounts) struct cgroup_mounts mounts = {0};
	struct cgroup_vm vm = {0};

	if (cgroup_mounts_read("", &mounts, err))
		return -1;
	for (size_t i = 0; i < mounts.count; i++) {
		const struct cgroup_mount *mount = &mounts.items[i];
		for (enum cgroup_controller c = 0; c < CGROUP_CONTROLLER_COUNT; c++) {
			const char *name = cgroup_controller_name(c, false);
			if (vm.at[c].present || (!mount->v2 && !cgroup_list_has(mount->options, ",", name)))
				continue;
			vm.at[c].present = true;
			vm.at[c].v2 = mount->v2;
			vm.at[c].path = xstrdup(mount->point);
			vm.at[c].inner_path = xstrdup(mount->point);
		}
	}
	*ret_vm = vm;
	return 0;
}

static void *wait_forever(void *data)
{
	(void)pthread_setname_np(pthread_self(), "CPU 0/TCG");
	(void)!write(*(int *)data, "", 1);
	for (;;)
		(void)pause();
	return NULL;
}

/* Returns when the child's thread has its name. */
static pid_t start_child(void)
{
	int fds[2];
	char byte;
	pthread_t thread;

	if (pipe2(fds, O_CLOEXEC))
		return -1;
	pid_t pid = fork();
	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		(void)pthread_create(&thread, NULL, wait_forever, &fds[1]);
		(void)pthread_join(thread, NULL);
		_exit(0);
	}
	(void)close(fds[1]);
	ssize_t count = read(fds[0], &byte, 1);
	(void)close(fds[0]);
	return count == 1 ? pid : -1;
}

static int measure(const pid_t *pids, unsigned long ticks, struct err *err)
{
	struct cgroup_vm vm;
	struct sampler_tenant tenants[TENANTS];
	static const char *const names[TENANTS] = {"blue", "green", "red"};
	AUTO(sampler) struct sampler *sampler = NULL;
	size_t column_count;
	const char *const *columns = sampler_columns(&column_count);
	cpu_set_t set;
	uint64_t wall_ns = 0, cpu_ns = 0;

	if (root_groups(&vm, err))
		return -1;
	for (size_t i = 0; i < TENANTS; i++)
		tenants[i] = (struct sampler_tenant){.name = names[i], .pid = pids[i], .cgroup = &vm};
	int failed = cpulist_allowed(&set, err) || sampler_new("", tenants, TENANTS, &set, &sampler, err);
	cgroup_vm_release(&vm);
	if (failed)
		return -1;
	for (unsigned long done = 0; done < ticks; done += ROUND) {
		struct table table;
		table_init(&table, columns, column_count);
		uint64_t wall_begin_ns = clock_now_ns(), cpu_begin_ns = clock_process_cpu_ns();
		for (unsigned i = 0; i < ROUND; i++)
			sampler_tick(sampler, wall_begin_ns, &table);
		wall_ns += clock_now_ns() - wall_begin_ns;
		cpu_ns += clock_process_cpu_ns() - cpu_begin_ns;
		table_release(&table);
	}
	unsigned long rounded = (ticks + ROUND - 1) / ROUND * ROUND;
	printf("tick_wall_us %.2f\ntick_cpu_us %.2f\n", (double)wall_ns / 1e3 / (double)rounded,
		(double)cpu_ns / 1e3 / (double)rounded);
	return 0;
}

int main(int argc, char **argv)
{
	struct err err = ERR_INIT;
	pid_t pids[TENANTS];
	unsigned long ticks = argc > 1 ? strtoul(argv[1], NULL, 10) : 1000;
	int result = 0;

	for (size_t i = 0; i < TENANTS; i++) {
		pids[i] = start_child();
		if (pids[i] < 0)
			result = -1;
	}
	if (result || !ticks)
		(void)fprintf(stderr, "usage: bench_tick [TICKS]\n");
	else if ((result = measure(pids, ticks, &err)))
		(void)fprintf(stderr, "%s\n", err.text);
	for (size_t i = 0; i < TENANTS; i++) {
		if (pids[i] <= 0)
			continue;
		(void)kill(pids[i], SIGKILL);
		(void)waitpid(pids[i], NULL, 0);
	}
	return result || !ticks ? 1 : 0;
}
