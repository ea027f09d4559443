/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * libvirt keeps what it learned about QEMU, also when limitlab is pinned to another CPU the next time.  Needs root, QEMU and
 * two CPUs; the first opening probes QEMU for some seconds.  Each opening is a child in private namespaces.
 */
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <glob.h>

#include <cmocka.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/cpulist.h"
#include "base/fsio.h"
#include "base/spawn.h"
#include "run/sandbox.h"
#include "vm/vm.h"

static char directory[] = "/tmp/ll-cache-XXXXXX";

static void skip_because(const char *reason)
{
	if (getenv("LIMITLAB_MUST_WORK"))
		fail_msg("%s", reason);
	print_message("skipped: %s\n", reason);
	skip();
}

struct opening {
	const char *uri;
	cpu_set_t cpus;
};

/* Every thread of ours, libvirt's included, runs where we ran before. */
static int wrong_threads(const cpu_set_t *cpus)
{
	glob_t tasks = {0};
	int wrong = 0;

	if (glob("/proc/self/task/*", 0, NULL, &tasks))
		return 1;
	for (size_t i = 0; i < tasks.gl_pathc; i++) {
		cpu_set_t set;
		pid_t tid = (pid_t)strtol(fsio_basename(tasks.gl_pathv[i]), NULL, 10);
		if (sched_getaffinity(tid, sizeof(set), &set) == 0 && !CPU_EQUAL(&set, cpus))
			wrong++;
	}
	globfree(&tasks);
	return wrong;
}

static int open_host(void *data)
{
	const struct opening *opening = data;
	struct vm_host *host = NULL;
	struct err err = ERR_INIT;

	if (sched_setaffinity(0, sizeof(opening->cpus), &opening->cpus) ||
		vm_host_open(opening->uri, &host, &err)) {
		(void)fprintf(stderr, "# %s\n", err.text);
		return 1;
	}
	int wrong = wrong_threads(&opening->cpus);
	vm_host_close(host);
	return wrong ? 2 : 0;
}

/* When libvirt wrote what it knows, in ns. */
static int64_t open_on(const char *uri, size_t cpu)
{
	struct opening opening = {.uri = uri};
	AUTO(free_ptr) char *root = xasprintf("%s/e", directory);
	AUTO(free_ptr) char *pattern = xasprintf("%s/cache/qemu/capabilities/*.xml", root);
	struct sandbox_options options = {.private_namespaces = true, .embed_root = root};
	struct sandbox sandbox;
	struct err err = ERR_INIT;
	struct stat status;
	glob_t found = {0};
	int exit_status;

	CPU_SET(cpu, &opening.cpus);
	uint64_t begin_ns = clock_now_ns();
	if (sandbox_start(&options, open_host, &opening, &sandbox, &err))
		fail_msg("%s", err.text);
	assert_int_equal(waitpid(sandbox.pid, &exit_status, 0), sandbox.pid);
	(void)close(sandbox.alive_fd);
	print_message("on CPU %zu: %.2f s\n", cpu, (double)(clock_now_ns() - begin_ns) / 1e9);
	assert_int_equal(exit_status, 0);
	assert_int_equal(glob(pattern, 0, NULL, &found), 0);
	assert_int_equal(stat(found.gl_pathv[0], &status), 0);
	globfree(&found);
	return status.st_mtim.tv_sec * INT64_C(1000000000) + status.st_mtim.tv_nsec;
}

static void test_other_cpu(void **state)
{
	cpu_set_t allowed;
	size_t first = CPU_SETSIZE, last = 0;
	struct err err = ERR_INIT;

	(void)state;
	if (geteuid() != 0)
		skip_because("not root");
	assert_int_equal(cpulist_allowed(&allowed, &err), 0);
	for (size_t cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (!CPU_ISSET(cpu, &allowed))
			continue;
		first = first == CPU_SETSIZE ? cpu : first;
		last = cpu;
	}
	if (first == last)
		skip_because("only one CPU");
	AUTO(free_ptr) char *qemu = spawn_find("qemu-system-x86_64");
	if (!qemu)
		skip_because("no QEMU");
	assert_non_null(mkdtemp(directory));
	static const char *const folders[] = {"run", "lib", "cache", "etc", "log"};
	for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
		AUTO(free_ptr) char *folder = xasprintf("%s/e/%s", directory, folders[i]);
		assert_int_equal(fsio_make_dirs(folder, &err), 0);
	}
	AUTO(free_ptr) char *uri = xasprintf("qemu:///embed?root=%s/e", directory);
	int64_t written = open_on(uri, first);
	assert_int_equal(open_on(uri, last), written);
	assert_int_equal(open_on(uri, first), written);
}

static int remove_directory(void **state)
{
	const char *const argv[] = {"rm", "-rf", directory, NULL};

	(void)state;
	(void)spawn_check(argv, &(struct spawn_options){0}, NULL);
	return 0;
}

int main(void)
{
	static const struct CMUnitTest tests[] = {cmocka_unit_test(test_other_cpu)};
	sigset_t set;

	/* What sandbox_start() asks for. */
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	return cmocka_run_group_tests(tests, NULL, remove_directory);
}
