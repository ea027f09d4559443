/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The disk fixture without VMs: what it makes, its speed as fio sees it, what it refuses, and that it goes without a trace, also
 * when its makers are killed while requests are under way.
 */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
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
#include <sys/syscall.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/fsio.h"
#include "base/spawn.h"
#include "fixture/disk.h"
#include "fixture/disk_internal.h"

#define MIB (UINT64_C(1024) * 1024)

static char directory[] = "/tmp/ll-disk-XXXXXX";

static const struct disk_options ordinary = {
	.size_bytes = 128 * MIB,
	.rate_bytes_per_s = 50 * MIB,
	.scheduler = "bfq",
	.partitions = 3,
};

static void must(int result, const struct err *err)
{
	if (result)
		fail_msg("%s (%s)", err->text, err->origin);
}

/* What a program prints; the caller frees.  The words are the argument vector, NULL terminated. */
static char *output_of(const char *const *argv)
{
	struct buf output = BUF_INIT;
	struct spawn_options options = {.output = &output, .timeout_ms = 60000};
	struct err err = ERR_INIT;

	must(spawn_check(argv, &options, &err), &err);
	return buf_steal(&output);
}

static char *shell(const char *line)
{
	return output_of((const char *const[]){"sh", "-c", line, NULL});
}

/* Our loop devices, the others' schedulers and partitions, mounts, and the helpers that run. */
static char *picture(void)
{
	AUTO(free_ptr)
	char *line = xasprintf(
		"cd /sys/block; ls -d loop6[4-9]*; for b in loop[0-9]; do echo $b $(cat $b/queue/scheduler) "
		"$(ls -d $b/${b}p*); done 2>/dev/null; grep %s /proc/self/mounts; "
		"pgrep -f '^nbd(kit|fuse) .*%s'; true",
		directory, directory);

	return shell(line);
}

static char *attribute(const struct disk_fixture *fixture, const char *name)
{
	AUTO(free_ptr) char *path = xasprintf("/sys/block/%s/%s", disk_fixture_block(fixture), name);
	char text[256];
	struct err err = ERR_INIT;

	must(fsio_read_small(AT_FDCWD, path, text, sizeof(text), &err), &err);
	return xstrdup(text);
}

static void test_made_and_removed(void **state)
{
	struct err err = ERR_INIT;
	struct disk_fixture *fixture = NULL;
	unsigned number = disk_loop_free_number();
	char written[4096], got[4096];

	(void)state;
	AUTO(free_ptr) char *before = picture();
	must(disk_check(&ordinary, &err), &err);
	uint64_t begin_ns = clock_now_ns();
	must(disk_fixture_new(&ordinary, directory, number, &fixture, &err), &err);
	uint64_t made_ns = clock_now_ns();
	AUTO(free_ptr) char *scheduler = attribute(fixture, "queue/scheduler");
	AUTO(free_ptr) char *low_latency = attribute(fixture, "queue/iosched/low_latency");
	AUTO(free_ptr) char *budget = attribute(fixture, "queue/iosched/max_budget");
	AUTO(free_ptr) char *size = attribute(fixture, "size");
	AUTO(free_ptr) char *dio = attribute(fixture, "loop/dio");
	assert_non_null(strstr(scheduler, "[bfq]"));
	assert_string_equal(low_latency, "0");
	assert_string_equal(budget, "1024"); /* 10 ms of 50 MiB/s, in sectors */
	assert_string_equal(size, "262144");
	assert_string_equal(dio, "1");
	must(disk_fixture_alive(fixture, &err), &err);
	/* Each tenant has a part of its own: what one writes no other sees. */
	for (unsigned i = 0; i < ordinary.partitions; i++) {
		uint64_t bytes;
		const char *node = disk_fixture_partition(fixture, i, &bytes);
		assert_int_equal(bytes, 42 * MIB);
		AUTO(close_fd) int fd = open(node, O_RDWR | O_CLOEXEC);
		assert_true(fd >= 0);
		assert_int_equal(lseek(fd, 0, SEEK_END), bytes);
		memset(written, (int)(i + 1), sizeof(written));
		assert_int_equal(pwrite(fd, written, sizeof(written), 0), sizeof(written));
		assert_int_equal(pwrite(fd, written, sizeof(written), (off_t)(bytes - sizeof(written))),
			sizeof(written));
		assert_int_equal(fsync(fd), 0);
		/* Nothing beyond its end. */
		assert_int_equal(pwrite(fd, written, sizeof(written), (off_t)bytes), -1);
	}
	for (unsigned i = 0; i < ordinary.partitions; i++) {
		uint64_t bytes;
		AUTO(close_fd)
		int fd = open(disk_fixture_partition(fixture, i, &bytes), O_RDONLY | O_CLOEXEC);
		assert_int_equal(pread(fd, got, sizeof(got), 0), sizeof(got));
		assert_int_equal(got[7], i + 1);
		assert_int_equal(pread(fd, got, sizeof(got), (off_t)(bytes - sizeof(got))), sizeof(got));
		assert_int_equal(got[4095], i + 1);
	}
	uint64_t remove_ns = clock_now_ns();
	must(disk_fixture_remove(fixture, &err), &err);
	print_message("  made in %.0f ms, removed in %.0f ms\n", (double)(made_ns - begin_ns) / 1e6,
		(double)(clock_now_ns() - remove_ns) / 1e6);
	AUTO(free_ptr) char *after = picture();
	assert_string_equal(after, before);
}

struct fio_result {
	double read_mib_per_s, write_mib_per_s, read_mean_ms, write_mean_ms;
};

/* fio's terse output, version 3: fields 7 and 48 are KiB/s, 40 and 81 the mean latency in microseconds (fio(1)). */
static struct fio_result fio(const char *device, const char *how)
{
	AUTO(free_ptr)
	char *line =
		xasprintf("fio --name=a --filename=%s --direct=1 --ioengine=libaio --time_based --minimal %s",
			device, how);
	AUTO(free_ptr) char *text = shell(line);
	double field[128] = {0};
	size_t count = 0;
	char *rest = text;

	for (char *word; count + 1 < ARRAY_SIZE(field) && (word = strsep(&rest, ";")) != NULL;)
		field[++count] = strtod(word, NULL);
	assert_true(count > 81);
	return (struct fio_result){field[7] / 1024, field[48] / 1024, field[40] / 1e3, field[81] / 1e3};
}

static void test_rate(void **state)
{
	static const struct {
		const char *name, *how;
		uint64_t rate_mib;
		double queued_mib_per_s; /* what is under way when fio begins or ends to count, over its time */
	} cases[] = {
		{"random reads", "--rw=randread --bs=64k --iodepth=16 --ramp_time=1 --runtime=3", 50,
			1.0 / 3},
		{"random writes", "--rw=randwrite --bs=64k --iodepth=16 --ramp_time=1 --runtime=3", 50,
			1.0 / 3},
		{"large requests", "--rw=read --bs=1M --iodepth=4 --ramp_time=1 --runtime=4", 20, 4.0 / 4},
		{"from the first second on", "--rw=randread --bs=64k --iodepth=16 --runtime=3", 20, 1.0 / 3},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct err err = ERR_INIT;
		struct disk_options options = ordinary;
		options.rate_bytes_per_s = cases[i].rate_mib * MIB;
		AUTO(disk_fixture) struct disk_fixture *fixture = NULL;
		must(disk_fixture_new(&options, directory, disk_loop_free_number(), &fixture, &err), &err);
		struct fio_result got = fio(disk_fixture_path(fixture), cases[i].how);
		double sum = got.read_mib_per_s + got.write_mib_per_s;
		print_message("  %s: %.2f of %ju MiB/s\n", cases[i].name, sum, (uintmax_t)cases[i].rate_mib);
		double within = 0.03 * (double)cases[i].rate_mib + cases[i].queued_mib_per_s;
		if (fabs(sum - (double)cases[i].rate_mib) > within)
			fail_msg("%s: %.2f MiB/s is not within %.2f of %ju", cases[i].name, sum, within,
				(uintmax_t)cases[i].rate_mib);
	}
}

static void test_latency(void **state)
{
	struct err err = ERR_INIT;
	struct disk_options options = ordinary;
	uint64_t bytes;

	(void)state;
	options.latency_ns = 10 * NS_PER_MS;
	AUTO(disk_fixture) struct disk_fixture *fixture = NULL;
	must(disk_fixture_new(&options, directory, disk_loop_free_number(), &fixture, &err), &err);
	struct fio_result got = fio(
		disk_fixture_partition(fixture, 1, &bytes), "--rw=randrw --bs=4k --iodepth=1 --runtime=2");
	print_message(
		"  10 ms added: reads take %.2f ms, writes %.2f ms\n", got.read_mean_ms, got.write_mean_ms);
	assert_true(got.read_mean_ms > 10 && got.read_mean_ms < 15);
	assert_true(got.write_mean_ms > 10 && got.write_mean_ms < 15);
}

static void test_schedulers(void **state)
{
	static const struct {
		const char *scheduler;
		bool low_latency;
	} cases[] = {{"none", false}, {"mq-deadline", false}, {"bfq", true}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct err err = ERR_INIT;
		struct disk_options options = ordinary;
		options.scheduler = cases[i].scheduler;
		options.low_latency = cases[i].low_latency;
		AUTO(disk_fixture) struct disk_fixture *fixture = NULL;
		must(disk_fixture_new(&options, directory, disk_loop_free_number(), &fixture, &err), &err);
		AUTO(free_ptr) char *now = NULL;
		must(disk_scheduler_of(disk_fixture_block(fixture), &now, &err), &err);
		assert_string_equal(now, cases[i].scheduler);
		if (cases[i].low_latency) {
			AUTO(free_ptr) char *low_latency = attribute(fixture, "queue/iosched/low_latency");
			assert_string_equal(low_latency, "1");
		}
		/* Somebody else's hand is noticed. */
		AUTO(free_ptr)
		char *path = xasprintf("/sys/block/%s/queue/scheduler", disk_fixture_block(fixture));
		must(disk_fixture_alive(fixture, &err), &err);
		must(fsio_write_small(AT_FDCWD, path, strcmp(now, "none") ? "none" : "mq-deadline", &err),
			&err);
		assert_int_equal(disk_fixture_alive(fixture, &err), -1);
		assert_non_null(strstr(err.text, "changed the scheduler"));
	}
}

/* The process that runs a program of this name as our child. */
static pid_t child_called(const char *name)
{
	AUTO(free_ptr) char *line = xasprintf("pgrep -P %d -x %s || true", (int)getpid(), name);
	AUTO(free_ptr) char *text = shell(line);

	return (pid_t)atoi(text);
}

/* Requests are under way when a helper dies: they fail, nobody hangs, the death is named, and all of it can be removed. */
static void test_helper_dies(void **state)
{
	static const char *const helpers[] = {"nbdkit", "nbdfuse"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(helpers); i++) {
		struct err err = ERR_INIT;
		struct disk_fixture *fixture = NULL;
		AUTO(free_ptr) char *before = picture();
		must(disk_fixture_new(&ordinary, directory, disk_loop_free_number(), &fixture, &err), &err);
		const char *const argv[] = {"fio", "--name=a", "--filename", disk_fixture_path(fixture),
			"--direct=1", "--ioengine=libaio", "--time_based", "--runtime=20", "--rw=randrw",
			"--bs=64k", "--iodepth=32", NULL};
		pid_t load;
		must(spawn_start(argv, NULL, &load, &err), &err);
		clock_sleep_until_ns(clock_now_ns() + 700 * NS_PER_MS);
		must(disk_fixture_alive(fixture, &err), &err);
		assert_int_equal(kill(child_called(helpers[i]), SIGKILL), 0);
		uint64_t killed_ns = clock_now_ns();
		while (disk_fixture_alive(fixture, &err) == 0) {
			assert_true(clock_now_ns() < killed_ns + 2 * NS_PER_S);
			clock_sleep_until_ns(clock_now_ns() + NS_PER_MS);
		}
		print_message("  after %.0f ms: %s\n", (double)(clock_now_ns() - killed_ns) / 1e6, err.text);
		assert_int_equal(err.domain, ERR_RUN);
		assert_non_null(strstr(err.text, helpers[i]));
		assert_non_null(strstr(err.text, "signal 9"));
		err_clear(&err);
		/* fio ends by itself, because its requests fail. */
		uint64_t deadline_ns = clock_now_ns() + 5 * NS_PER_S;
		siginfo_t info = {0};
		while (!info.si_pid && clock_now_ns() < deadline_ns) {
			assert_int_equal(waitid(P_PID, (id_t)load, &info, WEXITED | WNOHANG | WNOWAIT), 0);
			clock_sleep_until_ns(clock_now_ns() + 20 * NS_PER_MS);
		}
		assert_int_equal(info.si_pid, load);
		spawn_stop(load, 0);
		must(disk_fixture_remove(fixture, &err), &err);
		AUTO(free_ptr) char *after = picture();
		assert_string_equal(after, before);
	}
}

/* ---- killed as a run is killed ---- */

static _Noreturn void maker(unsigned number, int report_fd)
{
	struct err err = ERR_INIT;
	struct disk_fixture *fixture = NULL;
	uint64_t bytes;

	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) || mount("proc", "/proc", "proc", 0, NULL))
		_exit(1);
	if (disk_fixture_new(&ordinary, directory, number, &fixture, &err)) {
		(void)fprintf(stderr, "%s\n", err.text);
		_exit(1);
	}
	for (unsigned i = 0; i < ordinary.partitions; i++) {
		const char *const argv[] = {"fio", "--name=a", "--filename",
			disk_fixture_partition(fixture, i, &bytes), "--direct=1", "--ioengine=libaio",
			"--time_based", "--runtime=60", "--rw=randrw", "--bs=64k", "--iodepth=32", NULL};
		pid_t load;
		if (spawn_start(argv, NULL, &load, &err))
			_exit(1);
	}
	(void)!write(report_fd, "x", 1);
	for (;;)
		(void)pause();
}

static void test_killed(void **state)
{
	enum { ROUNDS = 8 };
	double worst_s = 0;

	(void)state;
	AUTO(free_ptr) char *before = picture();
	for (unsigned round = 0; round < ROUNDS; round++) {
		struct err err = ERR_INIT;
		unsigned number = disk_loop_free_number();
		int report[2], status;
		char byte;
		assert_int_equal(pipe2(report, O_CLOEXEC), 0);
		(void)fflush(NULL);
		pid_t pid = (pid_t)syscall(
			SYS_clone, SIGCHLD | CLONE_NEWPID | CLONE_NEWNS, NULL, NULL, NULL, NULL);
		assert_true(pid >= 0);
		if (!pid)
			maker(number, report[1]);
		(void)close(report[1]);
		assert_int_equal(read(report[0], &byte, 1), 1);
		(void)close(report[0]);
		/* At different moments of fio's start and work. */
		clock_sleep_until_ns(clock_now_ns() + (uint64_t)round * 83 * NS_PER_MS);
		assert_int_equal(kill(pid, SIGKILL), 0);
		uint64_t killed_ns = clock_now_ns();
		/* A process that hangs in the kernel would keep its PID namespace, and this wait, alive. */
		while (waitpid(pid, &status, WNOHANG) == 0) {
			assert_true(clock_now_ns() < killed_ns + 10 * NS_PER_S);
			clock_sleep_until_ns(clock_now_ns() + NS_PER_MS);
		}
		must(disk_loop_remove(number, &err), &err);
		must(disk_loop_remove(number, &err), &err); /* again: nothing to do */
		double took_s = (double)(clock_now_ns() - killed_ns) / 1e9;
		worst_s = took_s > worst_s ? took_s : worst_s;
		AUTO(free_ptr) char *after = picture();
		assert_string_equal(after, before);
	}
	print_message("  killed %u times; all of it gone after at most %.3f s\n", (unsigned)ROUNDS, worst_s);
	AUTO(free_ptr) char *line = xasprintf("rm -rf %s/*", directory);
	AUTO(free_ptr) char *unused = shell(line);
}

static void test_foreign_loop_stays(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	AUTO(free_ptr)
	char *make =
		xasprintf("truncate -s 8M %s/foreign; losetup -f --show %s/foreign", directory, directory);
	AUTO(free_ptr) char *device = shell(make);
	unsigned number = 0;
	assert_int_equal(sscanf(device, "/dev/loop%u", &number), 1);
	assert_int_equal(disk_loop_remove(number, &err), -1);
	assert_int_equal(err.domain, ERR_HOST);
	assert_non_null(strstr(err.text, "/foreign"));
	AUTO(free_ptr)
	char *line = xasprintf(
		"losetup /dev/loop%u && losetup -d /dev/loop%u; rm %s/foreign", number, number, directory);
	AUTO(free_ptr) char *unused = shell(line);
}

/* For a daemon: udev would take the mode of a node in /dev back. */
static void test_own_nodes(void **state)
{
	struct disk_options options = ordinary;
	struct disk_fixture *fixture = NULL;
	struct err err = ERR_INIT;
	char *paths[3];

	(void)state;
	assert_int_equal(options.partitions, ARRAY_SIZE(paths));
	options.own_nodes = true;
	must(disk_fixture_new(&options, directory, disk_loop_free_number(), &fixture, &err), &err);
	for (unsigned i = 0; i < options.partitions; i++) {
		uint64_t bytes;
		struct stat info;
		paths[i] = xstrdup(disk_fixture_partition(fixture, i, &bytes));
		assert_int_equal(strncmp(paths[i], directory, strlen(directory)), 0);
		assert_int_equal(stat(paths[i], &info), 0);
		assert_true(S_ISBLK(info.st_mode));
		AUTO(close_fd) int fd = open(paths[i], O_RDONLY | O_CLOEXEC);
		assert_true(fd >= 0);
	}
	must(disk_fixture_remove(fixture, &err), &err);
	for (unsigned i = 0; i < options.partitions; i++) {
		assert_false(fsio_exists(paths[i]));
		free(paths[i]);
	}
}

/* What sysfs tells of a device, in a fake tree. */
static void test_troubles(void **state)
{
	static const struct {
		const char *path, *text; /* NULL: none */
	} cases[] = {
		{"queue/scheduler", NULL},
		{"dm/name", "device-mapper volume"},
		{"partition", "it is a partition"},
		{"holders/dm-0/dev", "holds it"},
		{"sdx1/partition", "it has partitions"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(free_ptr) char *root = xasprintf("%s/fake", directory);
		AUTO(free_ptr) char *path = xasprintf("%s/sys/class/block/sdx/%s", root, cases[i].path);
		AUTO(free_ptr) char *folder = fsio_dirname(path);
		struct err err = ERR_INIT;
		must(fsio_make_dirs(folder, &err), &err);
		must(fsio_write_atomic(path, "x\n", 2, &err), &err);
		const char *why = disk_device_trouble(root, "sdx");
		must(fsio_remove_tree(root, &err), &err);
		if (!cases[i].text != !why || (why && !strstr(why, cases[i].text)))
			fail_msg("%s: %s", cases[i].path, why ? why : "nothing");
	}
}

static void test_refusals(void **state)
{
	struct disk_options small = ordinary, huge = ordinary, odd = ordinary, still = ordinary,
			    fine = ordinary;
	small.size_bytes = 3 * MIB;
	huge.size_bytes = UINT64_C(1) << 50;
	odd.scheduler = "cfq";
	still.rate_bytes_per_s = 0;
	fine.latency_ns = 1500000;
	const struct {
		const struct disk_options *options;
		enum err_domain domain;
		const char *text;
	} cases[] = {
		{&small, ERR_INPUT, "too small for 3 tenants"},
		{&huge, ERR_HOST, "this host has"},
		{&odd, ERR_HOST, "no IO scheduler 'cfq'"},
		{&still, ERR_INPUT, "rate"},
		{&fine, ERR_INPUT, "whole milliseconds"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct err err = ERR_INIT;
		assert_int_equal(disk_check(cases[i].options, &err), -1);
		print_message("  %s\n", err.text);
		assert_int_equal(err.domain, cases[i].domain);
		assert_non_null(strstr(err.text, cases[i].text));
		assert_true(err.domain == ERR_INPUT || err.remedy[0]);
	}
	struct err err = ERR_INIT;
	AUTO(free_ptr) char *path = xstrdup(getenv("PATH"));
	(void)setenv("PATH", "/nonexistent", 1);
	assert_int_equal(disk_check(&ordinary, &err), -1);
	(void)setenv("PATH", path, 1);
	assert_non_null(strstr(err.text, "'nbdkit', which is not installed"));
	assert_int_equal(err.domain, ERR_HOST);
}

/* A loop device with an ordinary file stands for a disk that somebody has. */
static void test_real_device(void **state)
{
	struct err err = ERR_INIT;
	struct disk_options options = {.scheduler = "bfq", .partitions = 2};
	struct disk_fixture *fixture = NULL;
	uint64_t bytes;

	(void)state;
	AUTO(free_ptr)
	char *make = xasprintf("truncate -s 64M %s/file; mkdir %s/at; losetup -f --show %s/file", directory,
		directory, directory);
	AUTO(free_ptr) char *device = shell(make);
	device[strcspn(device, "\n")] = '\0';
	AUTO(free_ptr) char *before = picture();
	options.device = device;
	must(disk_check(&options, &err), &err);
	must(disk_fixture_new(&options, directory, 0, &fixture, &err), &err);
	assert_string_equal(disk_fixture_path(fixture), device);
	AUTO(free_ptr) char *scheduler = attribute(fixture, "queue/scheduler");
	assert_non_null(strstr(scheduler, "[bfq]"));
	AUTO(close_fd) int fd = open(disk_fixture_partition(fixture, 1, &bytes), O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(bytes, 31 * MIB);
	(void)close(STEAL_FD(fd));
	must(disk_fixture_remove(fixture, &err), &err);
	AUTO(free_ptr) char *after = picture();
	assert_string_equal(after, before);

	/* Killed in between: its state is put back from the journal's words. */
	AUTO(free_ptr) char *was = NULL;
	must(disk_device_state(device, &was, &err), &err);
	must(disk_fixture_new(&options, directory, 0, &fixture, &err), &err);
	must(disk_device_restore(device, was, &err), &err);
	must(disk_device_restore(device, was, &err), &err);
	AUTO(free_ptr) char *restored = picture();
	assert_string_equal(restored, before);
	must(disk_fixture_remove(fixture, &err), &err);

	/* A VM that was killed a moment ago still has its partition open. */
	must(disk_fixture_new(&options, directory, 0, &fixture, &err), &err);
	pid_t holder = fork();
	if (!holder) {
		int held = open(disk_fixture_partition(fixture, 1, &bytes), O_RDWR);
		clock_sleep_until_ns(clock_now_ns() + 700 * NS_PER_MS);
		_exit(held < 0);
	}
	clock_sleep_until_ns(clock_now_ns() + 100 * NS_PER_MS);
	must(disk_device_restore(device, was, &err), &err);
	int status;
	assert_int_equal(waitpid(holder, &status, 0), holder);
	assert_int_equal(status, 0);
	must(disk_fixture_remove(fixture, &err), &err);
	AUTO(free_ptr) char *released = picture();
	assert_string_equal(released, before);

	/* In use in any way: refused. */
	static const struct {
		const char *name, *begin, *end, *text;
	} cases[] = {
		{"mounted", "mkfs.ext4 -q %s && mount %s ", "umount %s", "it is mounted at "},
		{"swap", "mkswap %s && swapon %s; true ", "swapoff %s", "it is swap"},
		{"partitions", "addpart %s 1 2048 4096; true %s ", "delpart %s 1", "it has partitions"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(buf) struct buf begin = BUF_INIT;
		for (const char *at = cases[i].begin; *at; at++) {
			if (at[0] == '%' && at[1] == 's') {
				buf_adds(&begin, device);
				at++;
			} else {
				buf_add(&begin, at, 1);
			}
		}
		buf_addf(&begin, "%s/at", directory);
		AUTO(free_ptr) char *first = shell(begin.data);
		struct err why = ERR_INIT;
		int result = disk_check(&options, &why);
		AUTO(buf) struct buf end = BUF_INIT;
		size_t length = strcspn(cases[i].end, "%");
		buf_add(&end, cases[i].end, length);
		buf_adds(&end, device);
		buf_adds(&end, cases[i].end + length + 2);
		AUTO(free_ptr) char *last = shell(end.data);
		print_message("  %s: %s\n", cases[i].name, why.text);
		assert_int_equal(result, -1);
		assert_int_equal(why.domain, ERR_HOST);
		assert_non_null(strstr(why.text, cases[i].text));
	}
	AUTO(free_ptr)
	char *line = xasprintf("losetup -d %s; rm -r %s/file %s/at", device, directory, directory);
	AUTO(free_ptr) char *unused = shell(line);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_made_and_removed),
		cmocka_unit_test(test_rate),
		cmocka_unit_test(test_latency),
		cmocka_unit_test(test_schedulers),
		cmocka_unit_test(test_helper_dies),
		cmocka_unit_test(test_killed),
		cmocka_unit_test(test_foreign_loop_stays),
		cmocka_unit_test(test_own_nodes),
		cmocka_unit_test(test_troubles),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_real_device),
	};

	if (geteuid() != 0) {
		const char *must_work = getenv("LIMITLAB_MUST_WORK");
		(void)printf("1..0 # SKIP needs root\n");
		return must_work && *must_work == '1' ? 1 : 0;
	}
	if (!mkdtemp(directory))
		return 1;
	int result = cmocka_run_group_tests_name("disk_fixture", tests, NULL, NULL);
	(void)rmdir(directory);
	return result;
}
