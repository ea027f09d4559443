/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The kinds of undo: each works twice, works when there is nothing to undo, and leaves alone what is not ours.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/fsio.h"
#include "base/spawn.h"
#include "fixture/link.h"
#include "fixture/memory.h"
#include "fixture/netns.h"
#include "fixture/disk.h"
#include "run/journal.h"
#include "run/undo.h"
#include "series/rundir.h"

static char state_dir[] = "/tmp/limitlab-test-undo-XXXXXX";

static char *in_state(const char *name)
{
	return xasprintf("%s/%s", state_dir, name);
}

static int undo(const char *kind, const char *argument, const char *argument2, struct err *err)
{
	return undo_find(kind)->undo(argument, argument2, err);
}

static void undo_works(const char *kind, const char *argument, const char *argument2)
{
	struct err err = ERR_INIT;

	if (undo(kind, argument, argument2, &err))
		fail_msg("%s %s: %s", kind, argument, err.text);
}

static void assert_has(const struct err *err, const char *word)
{
	if (!strstr(err->text, word))
		fail_msg("'%s' is not in '%s'", word, err->text);
}

static void test_table(void **state)
{
	static const char *const names[] = {UNDO_RUN, UNDO_CGROUPS, UNDO_CGROUP_PARENT,
		UNDO_CGROUP_CONTROLLERS, UNDO_DOMAIN, UNDO_TREE, UNDO_HUGEPAGES, UNDO_MEMORY_LOW, UNDO_SWAP,
		UNDO_LINK, UNDO_DISK_LOOP, UNDO_DISK_DIR, UNDO_DISK_DEVICE};

	(void)state;
	assert_int_equal(undo_kind_count, ARRAY_SIZE(names));
	for (size_t i = 0; i < undo_kind_count; i++) {
		assert_string_equal(undo_kinds[i].name, names[i]);
		assert_true(undo_kinds[i].summary[0]);
		assert_non_null(undo_kinds[i].undo);
		assert_ptr_equal(undo_find(undo_kinds[i].name), &undo_kinds[i]);
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(undo_kinds[i].name, undo_kinds[k].name);
	}
	assert_null(undo_find("teleport"));
	assert_null(undo_find(""));
}

static void test_group_names(void **state)
{
	static const struct {
		const char *name;
		bool ours;
	} cases[] = {
		{"qemu-embed-ed7d2219-1-limitlab-blue.libvirt-qemu", true},
		{"qemu-1-limitlab-blue.libvirt-qemu", true},
		{"qemu-4711-limitlab-x", true},
		{"machine-qemu\\x2d1\\x2dlimitlab\\x2dblue.scope", true},
		{"machine-qemu\\x2dembed\\x2ded7d2219\\x2d12\\x2dlimitlab\\x2dred.scope", true},
		{"machine-qemu-1-limitlab-blue.scope", true},
		/* Somebody else's, however much they look like ours. */
		{"qemu-1-web.libvirt-qemu", false},
		{"qemu-1-my-limitlab-web.libvirt-qemu", false},
		{"machine-qemu\\x2d1\\x2dmy\\x2dlimitlab\\x2dweb.scope", false},
		{"qemu-1-limitlab.libvirt-qemu", false},
		{"qemu-1-limitlabs-x.libvirt-qemu", false},
		{"qemu-embed-ed7d2219-1-web-limitlab-blue.libvirt-qemu", false},
		{"qemu-embed-1-limitlab-blue.libvirt-qemu", false},
		{"qemu-embed--1-limitlab-blue.libvirt-qemu", false},
		{"qemu-limitlab-blue.libvirt-qemu", false},
		{"qemu--limitlab-blue", false},
		{"lxc-1-limitlab-blue.libvirt-lxc", false},
		{"machine-lxc\\x2d1\\x2dlimitlab\\x2dblue.scope", false},
		{"limitlab-blue", false},
		{"limitlab-", false},
		{"-limitlab-", false},
		{"machine", false},
		{"machine-", false},
		{"machine-qemu", false},
		{"qemu-", false},
		{"\\x2d", false},
		{"\\x2", false},
		{"", false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (undo_is_our_group(cases[i].name, "limitlab-") != cases[i].ours)
			fail_msg("'%s' is taken for %s", cases[i].name, cases[i].ours ? "foreign" : "ours");
}

/* A folder stands for a hierarchy: groups that hold no process are empty folders. */
static void test_remove_groups(void **state)
{
	static const char *const ours[] = {
		"machine/qemu-embed-ab12-1-limitlab-blue.libvirt-qemu/vcpu0",
		"machine/qemu-embed-ab12-1-limitlab-blue.libvirt-qemu/emulator",
		"machine/qemu-2-limitlab-red.libvirt-qemu",
		"machine.slice/machine-qemu\\x2d1\\x2dlimitlab\\x2dred.scope/libvirt/vcpu0",
		"a/b/c/d/qemu-1-limitlab-deep",
	};
	static const char *const foreign[] = {
		"machine/qemu-1-web.libvirt-qemu/vcpu0",
		"machine/qemu-3-my-limitlab-web.libvirt-qemu/emulator",
		"machine.slice/machine-qemu\\x2d9\\x2dlimitlabs.scope",
		"user.slice",
		"a/b/c/d/e/f/g/h/qemu-1-limitlab-too-deep-to-be-ours",
	};
	struct err err = ERR_INIT;
	AUTO(free_ptr) char *mount = in_state("hierarchy");

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(ours); i++) {
		AUTO(free_ptr) char *path = xasprintf("%s/%s", mount, ours[i]);
		assert_int_equal(fsio_make_dirs(path, NULL), 0);
	}
	for (size_t i = 0; i < ARRAY_SIZE(foreign); i++) {
		AUTO(free_ptr) char *path = xasprintf("%s/%s", mount, foreign[i]);
		assert_int_equal(fsio_make_dirs(path, NULL), 0);
	}
	/* Twice. */
	for (int i = 0; i < 2; i++)
		if (undo_remove_groups(mount, "limitlab-", &err))
			fail_msg("%s", err.text);
	for (size_t i = 0; i < ARRAY_SIZE(ours); i++) {
		AUTO(free_ptr) char *path = xasprintf("%s/%s", mount, ours[i]);
		if (fsio_exists(path))
			fail_msg("'%s' is still there", ours[i]);
		AUTO(free_ptr) char *parent = fsio_dirname(path);
		if (strstr(fsio_basename(parent), "limitlab") && fsio_exists(parent))
			fail_msg("'%s' is still there", parent);
	}
	for (size_t i = 0; i < ARRAY_SIZE(foreign); i++) {
		AUTO(free_ptr) char *path = xasprintf("%s/%s", mount, foreign[i]);
		if (!fsio_exists(path))
			fail_msg("'%s' is gone", foreign[i]);
	}
	/* What cannot be removed is named, and the rest goes. */
	AUTO(free_ptr) char *full = xasprintf("%s/machine/qemu-1-limitlab-a/file", mount);
	AUTO(free_ptr) char *full_dir = fsio_dirname(full);
	AUTO(free_ptr) char *next = xasprintf("%s/machine/qemu-2-limitlab-b", mount);
	assert_int_equal(fsio_make_dirs(full_dir, NULL), 0);
	assert_int_equal(fsio_make_dirs(next, NULL), 0);
	assert_int_equal(fsio_write_atomic(full, "", 0, NULL), 0);
	assert_int_equal(undo_remove_groups(mount, "limitlab-", &err), -1);
	assert_has(&err, full_dir);
	assert_false(fsio_exists(next));
	assert_int_equal(fsio_remove_tree(mount, NULL), 0);
}

/* A real group of the kernel's, with a process that goes away a little later. */
static void test_real_group(void **state)
{
	static const char *const mounts[] = {"/sys/fs/cgroup/pids", "/sys/fs/cgroup/freezer",
		"/sys/fs/cgroup/cpu", "/sys/fs/cgroup/unified", "/sys/fs/cgroup"};
	AUTO(free_ptr) char *top = NULL;
	const char *mount = NULL;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(mounts) && !mount; i++) {
		AUTO(free_ptr) char *procs = xasprintf("%s/cgroup.procs", mounts[i]);
		mount = fsio_exists(procs) ? mounts[i] : NULL;
	}
	top = xasprintf("%s/limitlab-test-%d", mount ? mount : "", (int)getpid());
	if (!mount || mkdir(top, 0755)) {
		print_message("skipped: no control group can be made here (%s)\n", strerror(errno));
		skip();
	}
	AUTO(free_ptr) char *group = xasprintf("%s/qemu-1-limitlab-blue/vcpu0", top);
	AUTO(free_ptr) char *procs = xasprintf("%s/cgroup.procs", group);
	AUTO(free_ptr) char *foreign = xasprintf("%s/qemu-1-web", top);
	assert_int_equal(fsio_make_dirs(group, NULL), 0);
	assert_int_equal(fsio_make_dirs(foreign, NULL), 0);
	pid_t pid = fork();
	if (!pid) {
		AUTO(free_ptr) char *self = xasprintf("%d", (int)getpid());
		int failed = fsio_write_small(AT_FDCWD, procs, self, NULL);
		clock_sleep_until_ns(clock_now_ns() + 300 * NS_PER_MS);
		_exit(failed ? 1 : 0);
	}
	clock_sleep_until_ns(clock_now_ns() + 100 * NS_PER_MS);
	struct err err = ERR_INIT;
	uint64_t begin_ns = clock_now_ns();
	int result = undo_remove_groups(top, "limitlab-", &err);
	uint64_t took_ms = (clock_now_ns() - begin_ns) / NS_PER_MS;
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	bool gone = !fsio_exists(group), kept = fsio_exists(foreign);
	(void)rmdir(group);
	*strrchr(group, '/') = '\0';
	(void)rmdir(group);
	(void)rmdir(foreign);
	assert_int_equal(rmdir(top), 0);
	if (result)
		fail_msg("%s", err.text);
	assert_int_equal(status, 0);
	assert_true(gone);
	assert_true(kept);
	/* It waited for the process to end, not for its patience to. */
	if (took_ms < 50 || took_ms > 2000)
		fail_msg("%llu ms", (unsigned long long)took_ms);
}

static void test_parent(void **state)
{
	struct err err = ERR_INIT;
	AUTO(free_ptr) char *path = in_state("machine");
	AUTO(free_ptr) char *theirs = in_state("machine/qemu-1-web");

	(void)state;
	assert_int_equal(fsio_make_dirs(theirs, NULL), 0);
	/* Somebody lives there: it stays, and that is no failure. */
	undo_works(UNDO_CGROUP_PARENT, path, NULL);
	assert_true(fsio_exists(theirs));
	assert_int_equal(rmdir(theirs), 0);
	undo_works(UNDO_CGROUP_PARENT, path, NULL);
	assert_false(fsio_exists(path));
	undo_works(UNDO_CGROUP_PARENT, path, NULL);
	assert_int_equal(fsio_write_atomic(path, "", 0, NULL), 0);
	assert_int_equal(undo(UNDO_CGROUP_PARENT, path, NULL, &err), -1);
	assert_has(&err, path);
	assert_int_equal(unlink(path), 0);
}

static void test_controllers(void **state)
{
	struct err err = ERR_INIT;
	AUTO(free_ptr) char *path = in_state("cgroup.subtree_control");
	char text[64] = "";

	(void)state;
	undo_works(UNDO_CGROUP_CONTROLLERS, path, "-cpu -io");
	assert_false(fsio_exists(path));
	/* A word a write: the kernel takes all of a write or nothing, and one of them may be busy. */
	assert_int_equal(mkfifo(path, 0600), 0);
	AUTO(close_fd) int fifo = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	undo_works(UNDO_CGROUP_CONTROLLERS, path, "-cpu -io");
	assert_int_equal(read(fifo, text, sizeof(text) - 1), strlen("-cpu-io"));
	assert_string_equal(text, "-cpu-io");
	undo_works(UNDO_CGROUP_CONTROLLERS, path, NULL);
	assert_int_equal(undo(UNDO_CGROUP_CONTROLLERS, "/dev/full", "-cpu", &err), -1);
	assert_int_equal(err.code, ENOSPC);
	assert_int_equal(unlink(path), 0);
}

static void test_tree(void **state)
{
	static const char *const refused[] = {
		"/etc",
		"/",
		"",
		"relative",
		"%s",
		"%s/",
		"%s/..",
		"%s/../etc",
		"%s/a/../..",
		"%s/a/../../etc",
		"%s/.",
		"%s/a/./b",
		"%sx/a",
		"%s/a/..",
	};
	AUTO(free_ptr) char *marker = in_state("a/kept");
	AUTO(free_ptr) char *folder = in_state("a");

	(void)state;
	assert_int_equal(fsio_make_dirs(marker, NULL), 0);
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		struct err err = ERR_INIT;
		AUTO(buf) struct buf path = BUF_INIT;
		const char *rest = refused[i];
		if (!strncmp(rest, "%s", 2)) {
			buf_adds(&path, state_dir);
			rest += 2;
		}
		buf_adds(&path, rest);
		if (undo(UNDO_TREE, path.data, NULL, &err) != -1)
			fail_msg("'%s' was removed", path.data);
		assert_has(&err, "is not below");
		assert_true(fsio_exists(marker));
	}
	/* Names that only look like dots. */
	AUTO(free_ptr) char *hidden = in_state("a/.hidden");
	AUTO(free_ptr) char *dots = in_state("a/..b");
	assert_int_equal(fsio_make_dirs(hidden, NULL), 0);
	assert_int_equal(fsio_make_dirs(dots, NULL), 0);
	undo_works(UNDO_TREE, hidden, NULL);
	undo_works(UNDO_TREE, dots, NULL);
	assert_false(fsio_exists(hidden) || fsio_exists(dots));
	undo_works(UNDO_TREE, folder, NULL);
	assert_false(fsio_exists(folder));
	undo_works(UNDO_TREE, folder, NULL);
}

static void write_manifest(const char *run, enum run_state run_state)
{
	struct manifest manifest;
	struct err err = ERR_INIT;
	AUTO(free_ptr) char *path = rundir_path(run, RUNDIR_MANIFEST);

	manifest_init(&manifest);
	manifest.state = run_state;
	if (manifest_write(&manifest, path, &err))
		fail_msg("%s", err.text);
	manifest_release(&manifest);
}

static enum run_state read_state(const char *run)
{
	struct manifest manifest;
	AUTO(free_ptr) char *path = rundir_path(run, RUNDIR_MANIFEST);

	assert_int_equal(manifest_read(&manifest, path, NULL), 0);
	enum run_state run_state = manifest.state;
	assert_true(run_state != RUN_BROKEN || manifest.reason[0]);
	manifest_release(&manifest);
	return run_state;
}

/* Only a run that never came to an end is called broken. */
static void test_run(void **state)
{
	static const struct {
		enum run_state before, after;
	} cases[] = {
		{RUN_RUNNING, RUN_BROKEN},
		{RUN_COMPLETE, RUN_COMPLETE},
		{RUN_INTERRUPTED, RUN_INTERRUPTED},
	};
	struct err err = ERR_INIT;
	AUTO(free_ptr) char *run = in_state("run");
	AUTO(free_ptr) char *manifest = rundir_path(run, RUNDIR_MANIFEST);

	(void)state;
	undo_works(UNDO_RUN, run, NULL);
	assert_int_equal(fsio_make_dirs(run, NULL), 0);
	undo_works(UNDO_RUN, run, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		write_manifest(run, cases[i].before);
		undo_works(UNDO_RUN, run, NULL);
		undo_works(UNDO_RUN, run, NULL);
		assert_int_equal(read_state(run), cases[i].after);
	}
	assert_int_equal(fsio_write_atomic(manifest, "{", 1, NULL), 0);
	assert_int_equal(undo(UNDO_RUN, run, NULL, &err), -1);
	assert_has(&err, manifest);
	assert_int_equal(fsio_remove_tree(run, NULL), 0);
}

static void test_domain_of_others(void **state)
{
	static const char *const names[] = {"web", "my-limitlab-web", "limitlab", "", NULL};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct err err = ERR_INIT;
		/* Refused before any connection is made. */
		assert_int_equal(undo(UNDO_DOMAIN, "test:///default", names[i], &err), -1);
		assert_has(&err, "is no domain of limitlab");
	}
	/* One of ours that is not there: done. */
	undo_works(UNDO_DOMAIN, "test:///default", "limitlab-blue");
}

/* On the real hierarchies nothing of ours is there: nothing happens, and what a run would leave can be pushed. */
/* In a network namespace of its own.  Somebody else's bridge has a name like ours. */
static int make_and_undo(void *context, struct err *err)
{
	static const char *const tenants[] = {"red"};
	static const struct link_options options = {
		.rate_bits_per_s = 1000000, .tenants = tenants, .tenant_count = 1, .taps = LINK_TAPS_NONE};
	static const char *const add[] = {"ip", "link", "add", "ll-theirs", "type", "bridge", NULL};
	static const char *const list[] = {"ip", "-br", "link", NULL};
	struct link_fixture *fixture = NULL;
	struct spawn_options into = {.output = context};

	if (spawn_check(add, NULL, err) || link_fixture_new(&options, &fixture, err))
		return -1;
	link_fixture_free(fixture);
	return undo(UNDO_LINK, LINK_BRIDGE, NULL, err) || undo(UNDO_LINK, LINK_BRIDGE, NULL, err) ||
			       spawn_check(list, &into, err)
		       ? -1
		       : 0;
}

static void test_link(void **state)
{
	AUTO(buf) struct buf left = BUF_INIT;
	struct err err = ERR_INIT;
	int fd;

	(void)state;
	if (geteuid() != 0 || netns_new(&fd, &err)) {
		if (getenv("LIMITLAB_MUST_WORK"))
			fail_msg("a network namespace is needed, which root may make: %s", err.text);
		print_message("skipped: no right to make a network namespace\n");
		skip();
	}
	if (netns_run(fd, make_and_undo, &left, &err))
		fail_msg("%s", err.text);
	(void)close(fd);
	assert_non_null(strstr(left.data, "ll-theirs"));
	assert_null(strstr(left.data, LINK_BRIDGE));
	assert_null(strstr(left.data, LINK_UPLINK));
}

#define HUGE "/sys/kernel/mm/hugepages/hugepages-2048kB/nr_overcommit_hugepages"

/* Only while the value is the one that we set, and never another file. */
static void test_hugepages(void **state)
{
	static const struct {
		const char *path, *values;
	} refused[] = {
		{"/proc/sys/vm/nr_overcommit_hugepages", "0 5"},
		{"/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages", "0 5"},
		{"/sys/kernel/mm/hugepages/hugepages-2048kB/../../../../../etc/nr_overcommit_hugepages",
			"0 5"},
		{HUGE, "0"},
		{HUGE, "zero five"},
		{HUGE, NULL},
	};
	uint64_t before;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		struct err err = ERR_INIT;
		assert_int_equal(undo(UNDO_HUGEPAGES, refused[i].path, refused[i].values, &err), -1);
		assert_has(&err, "is no setting of huge pages");
	}
	if (geteuid() != 0 || fsio_read_u64(AT_FDCWD, HUGE, &before, NULL)) {
		if (getenv("LIMITLAB_MUST_WORK"))
			fail_msg("no '%s'", HUGE);
		print_message("skipped: not root, or no huge pages of 2 MiB\n");
		skip();
	}
	AUTO(free_ptr) char *ours = xasprintf("%ju", (uintmax_t)before + 7);
	AUTO(free_ptr) char *theirs = xasprintf("%ju", (uintmax_t)before + 3);
	AUTO(free_ptr) char *old = xasprintf("%ju", (uintmax_t)before);
	AUTO(free_ptr) char *values = xasprintf("%s %s", old, ours);
	uint64_t now;
	assert_int_equal(fsio_write_small(AT_FDCWD, HUGE, theirs, NULL), 0);
	undo_works(UNDO_HUGEPAGES, HUGE, values);
	assert_int_equal(fsio_read_u64(AT_FDCWD, HUGE, &now, NULL), 0);
	assert_int_equal(fsio_write_small(AT_FDCWD, HUGE, ours, NULL), 0);
	assert_int_equal(now, before + 3);
	for (int twice = 0; twice < 2; twice++) {
		undo_works(UNDO_HUGEPAGES, HUGE, values);
		assert_int_equal(fsio_read_u64(AT_FDCWD, HUGE, &now, NULL), 0);
		assert_int_equal(now, before);
	}
}

/* Changes one upon the other go back one by one, as far as the value is ours. */
static void test_memory_low(void **state)
{
	static const struct {
		const char *path, *values;
	} refused[] = {
		{"/sys/fs/cgroup/machine.slice/memory.max", "0 5"},
		{"/sys/fs/cgroup/../../../etc/memory.low", "0 5"},
		{"memory.low", "0 5"},
		{"/sys/fs/cgroup/machine.slice/memory.low", "0"},
		{"/sys/fs/cgroup/machine.slice/memory.low", NULL},
	};
	static const struct {
		const char *now;
		uint64_t expected;
	} cases[] = {{"6291456\n", 1048576}, {"4194304\n", 1048576}, {"9999999\n", 9999999}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		struct err err = ERR_INIT;
		assert_int_equal(undo(UNDO_MEMORY_LOW, refused[i].path, refused[i].values, &err), -1);
		assert_has(&err, "is no protection of a control group");
	}
	AUTO(free_ptr) char *path = in_state("memory.low");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint64_t now;
		assert_int_equal(fsio_write_atomic(path, cases[i].now, strlen(cases[i].now), NULL), 0);
		for (int twice = 0; twice < 2; twice++) {
			undo_works(UNDO_MEMORY_LOW, path, "4194304 6291456");
			undo_works(UNDO_MEMORY_LOW, path, "1048576 4194304");
		}
		assert_int_equal(fsio_read_u64(AT_FDCWD, path, &now, NULL), 0);
		assert_int_equal(now, cases[i].expected);
	}
	assert_int_equal(unlink(path), 0);
	undo_works(UNDO_MEMORY_LOW, path, "4194304 6291456");
}

static void test_swap(void **state)
{
	struct err err = ERR_INIT;
	AUTO(free_ptr) char *path = in_state(MEMORY_SWAP_NAME);
	AUTO(free_ptr) char *below = in_state("a/" MEMORY_SWAP_NAME);

	(void)state;
	assert_int_equal(undo(UNDO_SWAP, "/swapfile", NULL, &err), -1);
	assert_has(&err, "'/swapfile' is not ");
	err_clear(&err);
	assert_int_equal(undo(UNDO_SWAP, below, NULL, &err), -1);
	err_clear(&err);
	/* Never made, made but not turned on, and on. */
	undo_works(UNDO_SWAP, path, NULL);
	assert_int_equal(fsio_write_atomic(path, "x", 1, NULL), 0);
	undo_works(UNDO_SWAP, path, NULL);
	assert_false(fsio_exists(path));
	if (geteuid() != 0 || memory_swap_make(path, 16 << 20, &err)) {
		if (getenv("LIMITLAB_MUST_WORK"))
			fail_msg("no swap file below '%s': %s", state_dir, err.text);
		print_message("skipped: no swap file below '%s': %s\n", state_dir, err.text);
		skip();
	}
	for (int twice = 0; twice < 2; twice++) {
		undo_works(UNDO_SWAP, path, NULL);
		assert_false(fsio_exists(path));
	}
	AUTO(buf) struct buf swaps = BUF_INIT;
	assert_int_equal(fsio_read_file("/proc/swaps", 65536, &swaps, NULL), 0);
	assert_null(strstr(swaps.data, state_dir));
}

static void test_push(void **state)
{
	struct err err = ERR_INIT;
	struct journal *journal = NULL;
	AUTO(buf) struct buf text = BUF_INIT;
	AUTO(free_ptr) char *folder = in_state("journal");
	AUTO(free_ptr) char *file = in_state("journal/test.jsonl");
	AUTO(free_ptr) char *systemd = in_state("journal/systemd.jsonl");

	(void)state;
	assert_int_equal(fsio_make_dirs(folder, NULL), 0);
	assert_int_equal(journal_create(folder, "test", &journal, &err), 0);
	if (undo_push_cgroups(journal, false, &err))
		fail_msg("%s", err.text);
	journal_close(journal);
	assert_int_equal(fsio_read_file(file, 1 << 20, &text, &err), 0);
	/* Pushed last, so that it is undone first: a parent is empty only then. */
	const char *groups = strstr(text.data, "[\"cgroups\",\"limitlab-\"]\n");
	assert_non_null(groups);
	assert_string_equal(strchr(groups, '\n'), "\n");
	/* Those are systemd's when systemd makes the groups; and machine.slice always is. */
	assert_null(strstr(text.data, "machine.slice"));
	assert_int_equal(journal_create(folder, "systemd", &journal, &err), 0);
	assert_int_equal(undo_push_cgroups(journal, true, &err), 0);
	journal_close(journal);
	buf_reset(&text);
	assert_int_equal(fsio_read_file(systemd, 1 << 20, &text, &err), 0);
	assert_string_equal(text.data, "[\"cgroups\",\"limitlab-\"]\n");
	undo_works(UNDO_CGROUPS, "limitlab-test-there-is-no-such-domain-", NULL);
}

static void test_disk(void **state)
{
	struct err err = ERR_INIT;
	char boot[64];

	(void)state;
	AUTO(close_fd) int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
	unsigned number = disk_loop_free_number();
	if (control < 0 || ioctl(control, LOOP_CTL_ADD, number) < 0) {
		print_message("skipped: no loop device can be made here (%s)\n", strerror(errno));
		skip();
	}
	AUTO(free_ptr) char *text = xasprintf("%u", number);
	AUTO(free_ptr) char *sys = xasprintf("/sys/block/loop%u", number);
	AUTO(free_ptr) char *device = xasprintf("/dev/loop%u", number);
	assert_int_equal(
		fsio_read_small(AT_FDCWD, "/proc/sys/kernel/random/boot_id", boot, sizeof(boot), NULL), 0);
	/* An entry of another boot is about another device. */
	undo_works(UNDO_DISK_LOOP, text, "00000000-0000-0000-0000-000000000000");
	assert_true(fsio_exists(sys));
	/* A disk's scheduler, in the way of a real one. */
	AUTO(free_ptr) char *was = NULL;
	AUTO(free_ptr) char *now = NULL;
	if (disk_device_state(device, &was, &err))
		fail_msg("%s", err.text);
	AUTO(free_ptr) char *entry = xasprintf("%s %s", boot, was);
	AUTO(free_ptr) char *foreign = xasprintf("0000 %s", was);
	AUTO(free_ptr) char *scheduler = xasprintf("%s/queue/scheduler", sys);
	assert_int_equal(
		fsio_write_small(AT_FDCWD, scheduler, strcmp(was, "none") ? "none" : "mq-deadline", NULL), 0);
	undo_works(UNDO_DISK_DEVICE, device, foreign);
	assert_int_equal(disk_device_state(device, &now, NULL), 0);
	assert_string_not_equal(now, was);
	undo_works(UNDO_DISK_DEVICE, device, entry);
	undo_works(UNDO_DISK_DEVICE, device, entry);
	free(STEAL(now));
	assert_int_equal(disk_device_state(device, &now, NULL), 0);
	assert_string_equal(now, was);
	undo_works(UNDO_DISK_DEVICE, "/dev/limitlab-gone", entry);
	undo_works(UNDO_DISK_LOOP, text, boot);
	assert_false(fsio_exists(sys));
	undo_works(UNDO_DISK_LOOP, text, boot);
	assert_int_equal(undo(UNDO_DISK_LOOP, "x", boot, &err), -1);
	assert_has(&err, "'x'");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_disk),
		cmocka_unit_test(test_group_names),
		cmocka_unit_test(test_remove_groups),
		cmocka_unit_test(test_real_group),
		cmocka_unit_test(test_parent),
		cmocka_unit_test(test_controllers),
		cmocka_unit_test(test_tree),
		cmocka_unit_test(test_run),
		cmocka_unit_test(test_domain_of_others),
		cmocka_unit_test(test_hugepages),
		cmocka_unit_test(test_memory_low),
		cmocka_unit_test(test_swap),
		cmocka_unit_test(test_link),
		cmocka_unit_test(test_push),
	};

	/* paths_state_dir() asks once. */
	if (!mkdtemp(state_dir) || setenv("LIMITLAB_STATE_DIR", state_dir, 1))
		return 1;
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	return fsio_remove_tree(state_dir, NULL) || failed;
}
