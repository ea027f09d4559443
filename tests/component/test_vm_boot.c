/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Boots real VMs through the embedded libvirt driver.  Needs root, QEMU and an image (LIMITLAB_TEST_IMAGE: a folder with
 * root/root.squashfs and one kernel folder holding vmlinuz and initrd; default: the state directory's).  The whole program moves into PID,
 * network and mount namespaces of its own first, so that nothing is left behind whatever happens.
 */
#include <errno.h>
#include <glob.h>
#include <pthread.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/cpulist.h"
#include "base/fsio.h"
#include "config.h"
#include "vm/vm.h"

#define MAX_VMS       3
#define BOOT_LIMIT_NS (90 * NS_PER_S)

static char directory[] = "/tmp/ll-vm-XXXXXX";
static const char *cache_directory;
static char *kernel_path, *initrd_path, *root_path;
static const char *connect_uri;
static struct vm_host *host;
static char skip_reason[512];

static void must(int result, const struct err *err)
{
	if (result < 0)
		fail_msg("%s (%s)", err->text, err->origin);
}

static void need_image(void)
{
	if (!skip_reason[0])
		return;
	if (getenv("LIMITLAB_MUST_WORK"))
		fail_msg("%s", skip_reason);
	print_message("skipped: %s\n", skip_reason);
	skip();
}

struct boot {
	struct vm_spec spec;
	struct vm *vm;
	uint64_t started_ns, ready_ns;
	struct err err;
	int result;
};

static char *saved_path(const struct boot *boot)
{
	return xasprintf("%s/%s.saved", directory, boot->spec.name);
}

/* Saves and ends it. */
static void *save_thread(void *data)
{
	struct boot *boot = data;
	AUTO(free_ptr) char *path = saved_path(boot);

	boot->result = vm_save(boot->vm, path, &boot->err);
	vm_destroy(boot->vm);
	boot->vm = NULL;
	return NULL;
}

static void *wake_thread(void *data)
{
	struct boot *boot = data;
	AUTO(free_ptr) char *path = saved_path(boot);

	boot->result = vm_wake(host, &boot->spec, path, &boot->vm, &boot->err);
	boot->started_ns = clock_now_ns();
	if (boot->result == 0)
		boot->result = vm_wait_ready(boot->vm, clock_now_ns() + BOOT_LIMIT_NS, &boot->err);
	boot->ready_ns = clock_now_ns();
	return NULL;
}

static void *destroy_boot_thread(void *data)
{
	struct boot *boot = data;

	vm_destroy(boot->vm);
	boot->vm = NULL;
	return NULL;
}

static void *boot_thread(void *data)
{
	struct boot *boot = data;

	boot->result = vm_start(host, &boot->spec, &boot->vm, &boot->err);
	boot->started_ns = clock_now_ns();
	if (boot->result == 0)
		boot->result = vm_wait_ready(boot->vm, clock_now_ns() + BOOT_LIMIT_NS, &boot->err);
	boot->ready_ns = clock_now_ns();
	return NULL;
}

static void fill_spec(struct vm_spec *spec, const char *name)
{
	*spec = (struct vm_spec){
		.name = name,
		.vcpus = 1,
		.memory_bytes = 192 * 1024 * 1024,
		.kernel_path = kernel_path,
		.initrd_path = initrd_path,
		.root_path = root_path,
		.cmdline_extra = getenv("LIMITLAB_TEST_CMDLINE"),
		.console_path = xasprintf("%s/%s.console", directory, name),
		.stream_path = xasprintf("%s/%s.stream", directory, name),
	};
	struct err err = ERR_INIT;
	must(cpulist_allowed(&spec->vcpu_cpus, &err), &err);
	spec->emulator_cpus = spec->vcpu_cpus;
}

static void boot_all(struct boot *boots, const char *const *names, size_t count)
{
	pthread_t threads[MAX_VMS];
	uint64_t begin_ns = clock_now_ns();

	for (size_t i = 0; i < count; i++) {
		boots[i] = (struct boot){.err = ERR_INIT};
		fill_spec(&boots[i].spec, names[i]);
		assert_int_equal(pthread_create(&threads[i], NULL, boot_thread, &boots[i]), 0);
	}
	for (size_t i = 0; i < count; i++)
		(void)pthread_join(threads[i], NULL);
	for (size_t i = 0; i < count; i++) {
		must(boots[i].result, &boots[i].err);
		print_message("%s: started after %.3f s, ready after %.3f s\n", names[i],
			(double)(boots[i].started_ns - begin_ns) / 1e9,
			(double)(boots[i].ready_ns - begin_ns) / 1e9);
	}
}

static void *destroy_thread(void *vm)
{
	vm_destroy(vm);
	return NULL;
}

static void destroy_all(struct boot *boots, size_t count)
{
	pthread_t threads[MAX_VMS];
	uint64_t begin_ns = clock_now_ns();

	for (size_t i = 0; i < count; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, destroy_thread, boots[i].vm), 0);
	for (size_t i = 0; i < count; i++)
		(void)pthread_join(threads[i], NULL);
	print_message("%zu destroyed in %.3f s\n", count, (double)(clock_now_ns() - begin_ns) / 1e9);
	for (size_t i = 0; i < count; i++) {
		free((char *)boots[i].spec.console_path);
		free((char *)boots[i].spec.stream_path);
	}
}

/* Reads the stream until the text was seen. */
static void expect_stream(int fd, const char *text)
{
	char got[4096] = "";
	size_t used = 0;
	uint64_t deadline_ns = clock_now_ns() + 20 * NS_PER_S;

	while (!strstr(got, text)) {
		struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
		if (clock_now_ns() > deadline_ns)
			fail_msg("the stream said '%s', not '%s'", got, text);
		(void)poll(&poll_fd, 1, 200);
		ssize_t count = read(fd, got + used, sizeof(got) - 1 - used);
		if (count > 0)
			used += (size_t)count;
		got[used] = '\0';
	}
}

static void tell(struct boot *boot, const char *command, const char *answer)
{
	AUTO(free_ptr) char *script = xasprintf("{ %s; } >/dev/virtio-ports/org.limitlab.stream.0", command);
	const char *const argv[] = {"/bin/sh", "-c", script, NULL};
	struct err err = ERR_INIT;
	AUTO(close_fd) int fd = -1;

	must(vm_open_stream(boot->vm, &fd, &err), &err);
	must(vm_exec(boot->vm, argv, NULL, &(int64_t){0}, &err), &err);
	expect_stream(fd, answer);
}

static void test_three_boot_and_work(void **state)
{
	static const char *const names[] = {"blue", "gr&en <1>", "red"};
	struct boot boots[MAX_VMS];
	struct err err = ERR_INIT;

	(void)state;
	need_image();
	boot_all(boots, names, MAX_VMS);
	for (size_t i = 0; i < MAX_VMS; i++) {
		pid_t pid;
		must(vm_pid(boots[i].vm, &pid, &err), &err);
		assert_int_equal(kill(pid, 0), 0);
		AUTO(close_fd) int fd = -1;
		must(vm_open_stream(boots[i].vm, &fd, &err), &err);
		int64_t guest_pid = 0;
		/* Input, arguments with blanks and quotes, and the stream, in one go. */
		const char *const argv[] = {"/bin/sh", "-c",
			"{ cat; echo \"[$1]\"; } >/dev/virtio-ports/org.limitlab.stream.0", "sh",
			"a \"b\" 'c'", NULL};
		must(vm_exec(boots[i].vm, argv, "line one\nline two\n", &guest_pid, &err), &err);
		assert_true(guest_pid > 0);
		expect_stream(fd, "line one\nline two\n[a \"b\" 'c']");
	}
	/* A lost interrupt may not stop a tenant's network for good (src/guest/init). */
	tell(&boots[0], "cat /sys/module/virtio_net/parameters/napi_tx", "N");
	destroy_all(boots, MAX_VMS);
}

static void all_at_once(struct boot *boots, size_t count, void *(*work)(void *), const char *what)
{
	pthread_t threads[MAX_VMS];
	uint64_t begin_ns = clock_now_ns();

	for (size_t i = 0; i < count; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, work, &boots[i]), 0);
	for (size_t i = 0; i < count; i++)
		(void)pthread_join(threads[i], NULL);
	for (size_t i = 0; i < count; i++)
		must(boots[i].result, &boots[i].err);
	print_message("%zu %s in %.3f s\n", count, what, (double)(clock_now_ns() - begin_ns) / 1e9);
}

/* Each time they wake to what they were when they were saved: nothing of what was done in between is left. */
static void test_three_wake_twice(void **state)
{
	static const char *const names[] = {"blue", "gr&en <1>", "red"};
	struct boot boots[MAX_VMS];

	(void)state;
	need_image();
	for (size_t i = 0; i < MAX_VMS; i++) {
		boots[i] = (struct boot){.err = ERR_INIT};
		fill_spec(&boots[i].spec, names[i]);
		boots[i].spec.fixed_uuid = true;
	}
	all_at_once(boots, MAX_VMS, boot_thread, "booted");
	for (size_t i = 0; i < MAX_VMS; i++)
		tell(&boots[i], "echo before >/run/mark; echo done", "done");
	all_at_once(boots, MAX_VMS, save_thread, "saved");
	for (int round = 0; round < 2; round++) {
		all_at_once(boots, MAX_VMS, wake_thread, "awake");
		for (size_t i = 0; i < MAX_VMS; i++)
			tell(&boots[i], "cat /run/mark; echo after >/run/mark; echo done", "before\ndone");
		/* What it said when it booted is still there. */
		for (size_t i = 0; i < MAX_VMS; i++) {
			AUTO(buf) struct buf console = BUF_INIT;
			struct err err = ERR_INIT;
			must(fsio_read_file(boots[i].spec.console_path, 1U << 20, &console, &err), &err);
			assert_non_null(strstr(console.data ? console.data : "", "userspace is ready"));
		}
		all_at_once(boots, MAX_VMS, destroy_boot_thread, "destroyed");
	}
	for (size_t i = 0; i < MAX_VMS; i++) {
		AUTO(free_ptr) char *path = saved_path(&boots[i]);
		assert_int_equal(unlink(path), 0);
		free((char *)boots[i].spec.console_path);
		free((char *)boots[i].spec.stream_path);
	}
}

/* Another shape than the saved one is refused by libvirt, not booted or run into the ground. */
static void test_wakes_only_the_same(void **state)
{
	struct boot boot = {.err = ERR_INIT};
	struct err err = ERR_INIT;

	(void)state;
	need_image();
	fill_spec(&boot.spec, "other");
	boot.spec.fixed_uuid = true;
	all_at_once(&boot, 1, boot_thread, "booted");
	all_at_once(&boot, 1, save_thread, "saved");
	AUTO(free_ptr) char *path = saved_path(&boot);
	boot.spec.memory_bytes *= 2;
	assert_int_equal(vm_wake(host, &boot.spec, path, &boot.vm, &err), -1);
	print_message("%s\n", err.text);
	assert_non_null(strstr(err.text, "cannot wake the VM of tenant 'other'"));
	assert_non_null(strstr(err.text, "memory"));
	assert_int_equal(unlink(path), 0);
	free((char *)boot.spec.console_path);
	free((char *)boot.spec.stream_path);
}

/* The affinity of the thread whose name starts with "CPU 0/", and the cpuset of the vcpu0 group. */
static void vcpu_affinity(pid_t pid, cpu_set_t *ret_set, char **ret_cgroup_cpus)
{
	AUTO(free_ptr) char *pattern = xasprintf("/proc/%d/task/*", (int)pid);
	glob_t tasks;

	*ret_cgroup_cpus = NULL;
	assert_int_equal(glob(pattern, 0, NULL, &tasks), 0);
	bool found = false;
	for (size_t i = 0; i < tasks.gl_pathc; i++) {
		AUTO(free_ptr) char *comm_path = xasprintf("%s/comm", tasks.gl_pathv[i]);
		AUTO(free_ptr) char *cgroup_path = xasprintf("%s/cgroup", tasks.gl_pathv[i]);
		AUTO(buf) struct buf cgroups = BUF_INIT;
		char comm[64];
		struct err err = ERR_INIT;
		must(fsio_read_small(-100, comm_path, comm, sizeof(comm), &err), &err);
		if (strncmp(comm, "CPU 0/", 6) != 0)
			continue;
		found = true;
		pid_t tid = (pid_t)atoi(strrchr(tasks.gl_pathv[i], '/') + 1);
		assert_int_equal(sched_getaffinity(tid, sizeof(*ret_set), ret_set), 0);
		must(fsio_read_file(cgroup_path, 65536, &cgroups, &err), &err);
		char *line = strstr(cgroups.data, ":cpuset:");
		if (!line)
			break;
		line += strlen(":cpuset:");
		line[strcspn(line, "\n")] = '\0';
		AUTO(free_ptr) char *file = xasprintf("/sys/fs/cgroup/cpuset%s/cpuset.cpus", line);
		char text[256];
		if (fsio_exists(file)) {
			must(fsio_read_small(-100, file, text, sizeof(text), &err), &err);
			*ret_cgroup_cpus = xstrdup(text);
		}
		break;
	}
	globfree(&tasks);
	assert_true(found);
}

static void test_pin_follows(void **state)
{
	static const char *const names[] = {"pin"};
	struct boot boots[1];
	struct err err = ERR_INIT;
	cpu_set_t one, seen;

	(void)state;
	need_image();
	boot_all(boots, names, 1);
	pid_t pid;
	must(vm_pid(boots[0].vm, &pid, &err), &err);
	int last = 0;
	for (unsigned cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, &boots[0].spec.vcpu_cpus))
			last = (int)cpu;
	CPU_ZERO(&one);
	CPU_SET((unsigned)last, &one);
	uint64_t begin_ns = clock_now_ns();
	must(vm_pin(boots[0].vm, &one, &err), &err);
	/* Its main thread follows only when it is told to. */
	assert_int_equal(sched_getaffinity(pid, sizeof(seen), &seen), 0);
	assert_true(CPU_EQUAL(&seen, &boots[0].spec.emulator_cpus));
	must(vm_pin_emulator(boots[0].vm, &one, &err), &err);
	assert_int_equal(sched_getaffinity(pid, sizeof(seen), &seen), 0);
	assert_true(CPU_EQUAL(&seen, &one));
	print_message("pinned in %.4f s\n", (double)(clock_now_ns() - begin_ns) / 1e9);
	AUTO(free_ptr) char *cgroup_cpus = NULL;
	vcpu_affinity(pid, &seen, &cgroup_cpus);
	assert_true(CPU_EQUAL(&seen, &one));
	if (cgroup_cpus) {
		AUTO(free_ptr) char *wanted = cpulist_format(&one);
		assert_string_equal(cgroup_cpus, wanted);
	} else {
		print_message("no cpuset group of its own here: only the affinity was checked\n");
	}
	destroy_all(boots, 1);
}

static void test_agent_errors_have_reasons(void **state)
{
	static const char *const names[] = {"agent"};
	struct boot boots[1];
	struct err err = ERR_INIT;
	int64_t pid;

	(void)state;
	need_image();
	boot_all(boots, names, 1);
	const char *const argv[] = {"/no/such/program", NULL};
	assert_int_equal(vm_exec(boots[0].vm, argv, NULL, &pid, &err), -1);
	print_message("%s\n", err.text);
	assert_int_equal(err.domain, ERR_AGENT);
	assert_non_null(strstr(err.text, "/no/such/program"));
	assert_non_null(strstr(err.text, "No such file"));
	destroy_all(boots, 1);
}

/* A QEMU that is killed while the guest boots ends the wait at once, and one that is stopped does not hold up the end. */
static void test_death_while_waiting(void **state)
{
	struct boot boot = {.err = ERR_INIT};
	struct err err = ERR_INIT;
	pid_t pid;

	(void)state;
	need_image();
	fill_spec(&boot.spec, "dies");
	must(vm_start(host, &boot.spec, &boot.vm, &err), &err);
	must(vm_pid(boot.vm, &pid, &err), &err);
	struct vm *vm = boot.vm;
	uint64_t begin_ns = clock_now_ns();
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(vm_wait_ready(vm, clock_now_ns() + 30 * NS_PER_S, &err), -1);
	double seconds = (double)(clock_now_ns() - begin_ns) / 1e9;
	print_message("after %.3f s: %s\n", seconds, err.text);
	assert_int_equal(err.domain, ERR_AGENT);
	assert_non_null(strstr(err.text, "ended while"));
	assert_true(seconds < 2.0);
	assert_false(vm_is_running(vm));
	destroy_all(&boot, 1);
}

static void test_panic_tells_console(void **state)
{
	struct boot boot = {.err = ERR_INIT};
	struct err err = ERR_INIT;

	(void)state;
	need_image();
	fill_spec(&boot.spec, "no-disk");
	boot.spec.cmdline_extra = "rdinit=/no/init root=/dev/no-such-disk";
	must(vm_start(host, &boot.spec, &boot.vm, &err), &err);
	assert_int_equal(vm_wait_ready(boot.vm, clock_now_ns() + BOOT_LIMIT_NS, &err), -1);
	print_message("%s\n", err.text);
	assert_non_null(strstr(err.text, "ended while"));
	assert_non_null(strstr(err.text, "Kernel panic"));
	destroy_all(&boot, 1);
}

static void test_deadline_passes(void **state)
{
	struct boot boot = {.err = ERR_INIT};
	struct err err = ERR_INIT;

	(void)state;
	need_image();
	fill_spec(&boot.spec, "slow");
	must(vm_start(host, &boot.spec, &boot.vm, &err), &err);
	uint64_t begin_ns = clock_now_ns();
	assert_int_equal(vm_wait_ready(boot.vm, begin_ns + 100 * NS_PER_MS, &err), -1);
	assert_true(clock_now_ns() - begin_ns < 2 * NS_PER_S);
	assert_non_null(strstr(err.text, "not ready in time"));
	err_clear(&err);

	/* A stopped QEMU answers no SIGTERM. */
	pid_t pid;
	must(vm_pid(boot.vm, &pid, &err), &err);
	assert_int_equal(kill(pid, SIGSTOP), 0);
	begin_ns = clock_now_ns();
	destroy_all(&boot, 1);
	assert_true(clock_now_ns() - begin_ns < 2 * NS_PER_S);
	assert_int_equal(kill(pid, 0), -1);
}

static int open_host(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	if (skip_reason[0])
		return 0;
	AUTO(free_ptr)
	char *uri = connect_uri ? xstrdup(connect_uri) : xasprintf("qemu:///embed?root=%s/e", directory);
	uint64_t begin_ns = clock_now_ns();
	if (vm_host_open(uri, &host, &err) < 0) {
		print_error("%s\n", err.text);
		return -1;
	}
	print_message("connected in %.3f s: libvirt %s, QEMU %s\n", (double)(clock_now_ns() - begin_ns) / 1e9,
		vm_host_libvirt_version(host), vm_host_qemu_version(host));
	return 0;
}

static int close_host(void **state)
{
	(void)state;
	vm_host_close(host);
	host = NULL;
	return 0;
}

static char *first_match(const char *pattern)
{
	glob_t found;
	char *path = NULL;

	if (glob(pattern, 0, NULL, &found) == 0)
		path = xstrdup(found.gl_pathv[0]);
	globfree(&found);
	return path;
}

static bool find_image(void)
{
	const char *image = getenv("LIMITLAB_TEST_IMAGE");
	AUTO(free_ptr) char *base = xstrdup(image ? image : LIMITLAB_STATEDIR "/image");
	AUTO(free_ptr) char *kernels = xasprintf("%s/kernel-*/vmlinuz", base);
	AUTO(free_ptr) char *initrds = xasprintf("%s/kernel-*/initrd", base);

	kernel_path = first_match(kernels);
	initrd_path = first_match(initrds);
	root_path = xasprintf("%s/root/root.squashfs", base);
	if (geteuid() != 0)
		(void)snprintf(skip_reason, sizeof(skip_reason), "not root");
	else if (!kernel_path || !initrd_path || !fsio_exists(root_path))
		(void)snprintf(skip_reason, sizeof(skip_reason), "no guest image in %s", base);
	return !skip_reason[0];
}

static int run_all(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_three_boot_and_work),
		cmocka_unit_test(test_three_wake_twice),
		cmocka_unit_test(test_wakes_only_the_same),
		cmocka_unit_test(test_pin_follows),
		cmocka_unit_test(test_agent_errors_have_reasons),
		cmocka_unit_test(test_death_while_waiting),
		cmocka_unit_test(test_panic_tells_console),
		cmocka_unit_test(test_deadline_passes),
	};
	return cmocka_run_group_tests(tests, open_host, close_host);
}

/* PID 1 of the namespace: the tests run in its child, and it reaps the QEMUs, which are nobody's children. */
static int init_process(void)
{
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
		mount("proc", "/proc", "proc", 0, NULL) < 0)
		return 99;
	if (cache_directory) {
		AUTO(free_ptr) char *mount_point = xasprintf("%s/e/cache", directory);
		if (fsio_make_dirs(mount_point, NULL) < 0 || fsio_make_dirs(cache_directory, NULL) < 0 ||
			mount(cache_directory, mount_point, NULL, MS_BIND, NULL) < 0)
			return 98;
	}
	(void)fflush(NULL);
	pid_t child = fork();
	if (child == 0)
		_exit(run_all());
	for (;;) {
		int status;
		pid_t pid = wait(&status);
		if (pid == child)
			return WIFEXITED(status) ? WEXITSTATUS(status) : 97;
		if (pid < 0 && errno != EINTR)
			return 96;
	}
}

int main(void)
{
	int status = -1;

	connect_uri = getenv("LIMITLAB_TEST_CONNECT");
	/* Optional: where libvirt's knowledge of QEMU is kept between runs of this test; probing takes seconds. */
	cache_directory = getenv("LIMITLAB_TEST_CACHE");
	if (!find_image())
		return run_all();
	if (!mkdtemp(directory))
		return 1;
	if (unshare(CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWNS) < 0) {
		perror("unshare");
		return 1;
	}
	(void)fflush(NULL);
	pid_t child = fork();
	if (child == 0)
		_exit(init_process());
	(void)waitpid(child, &status, 0);
	/* The mount namespace is ours too: a bound cache must not be removed with the folder. */
	AUTO(free_ptr) char *mount_point = xasprintf("%s/e/cache", directory);
	(void)umount2(mount_point, MNT_DETACH);
	(void)fsio_remove_tree(directory, NULL);
	/* Not by way of the leak sanitizer: it starts a process, and our new ones would live in a namespace that is dead. */
	_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
}
