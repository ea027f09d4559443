/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <fcntl.h>
#include <linux/magic.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/fsio.h"
#include "run/keep.h"
#include "scenario_cases.h"

#define MIB (UINT64_C(1) << 20)

#define HEAD(name, scarce) "name: " name "\ntitle: t\nscarce: {" scarce "}\ntenants:\n"
#define BLUE               "  - {name: blue, memory: 192MiB, workload: w.stress}\n"
#define GREEN              "  - {name: green, memory: 192MiB, workload: w.stress}\n"
#define RED                "  - {name: red, memory: 192MiB, workload: w.stress}\n"
#define TAIL               "timeline:\n  - {at: 0s, start: all}\n  - {at: 9s, stop: all}\nexpect: []\n"
#define CPU                "cpu: {cpus: [0]}"
#define LINK               "link: {rate: 20Mbit/s}"
#define DISK               "disk: {size: 256MiB, rate: 20MiB/s}"

enum { S_CPU, S_DISK, S_LINK, S_MEMORY, S_LARGE, S_SMALL_DISK, S_OTHERS, S_DEVICE, S_COUNT };

static const char *const texts[S_COUNT] = {
	[S_CPU] = HEAD("cpu", CPU) RED BLUE TAIL,
	[S_DISK] = HEAD("disk", DISK) BLUE GREEN RED TAIL,
	[S_LINK] = HEAD("link", LINK) BLUE GREEN RED TAIL,
	[S_MEMORY] = HEAD("memory", "memory: {free: 300MiB, swap: 1GiB}") BLUE GREEN RED TAIL,
	[S_LARGE] = HEAD("large", LINK) "  - {name: red, memory: 384MiB, workload: w.stress}\n" TAIL,
	[S_SMALL_DISK] = HEAD("small", "disk: {size: 128MiB, rate: 20MiB/s}") BLUE GREEN RED TAIL,
	[S_OTHERS] = HEAD("others", CPU) "  - {name: white, memory: 192MiB, workload: w.stress}\n" TAIL,
	[S_DEVICE] = HEAD("device", "disk: {device: /dev/sdz}") BLUE GREEN RED TAIL,
};

static struct scenario *all[S_COUNT];

static int read_all(void **state)
{
	(void)state;
	for (int i = 0; i < S_COUNT; i++)
		all[i] = read_good(texts[i]);
	return 0;
}

static int free_all(void **state)
{
	(void)state;
	for (int i = 0; i < S_COUNT; i++)
		scenario_free(all[i]);
	return 0;
}

static void auto_keep(struct keep **keep)
{
	keep_free(*keep);
}

static void test_who_shares(void **state)
{
	static const struct {
		int a, b;
		bool shares;
	} cases[] = {
		{S_CPU, S_CPU, true},
		{S_CPU, S_DISK, true},
		{S_CPU, S_LINK, true},
		{S_DISK, S_LINK, true},
		/* A VM that woke has less of its memory touched. */
		{S_CPU, S_MEMORY, false},
		{S_MEMORY, S_CPU, false},
		{S_MEMORY, S_MEMORY, false},
		{S_LINK, S_LARGE, false},
		{S_DISK, S_SMALL_DISK, false},
		{S_DISK, S_DEVICE, false},
		/* Its disk has no size before it is there, so it is none of the others'. */
		{S_DEVICE, S_DEVICE, true},
		{S_CPU, S_OTHERS, false},
	};
	AUTO(keep) struct keep *keep = keep_new(all, S_COUNT);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (keep_shares(keep, all[cases[i].a], all[cases[i].b]) != cases[i].shares)
			fail_msg("%s and %s: wanted %d", all[cases[i].a]->name, all[cases[i].b]->name,
				cases[i].shares);
}

/* Whatever is scarce, tenants that are alike have the same devices and the same address. */
static void test_devices(void **state)
{
	static const struct {
		const char *name;
		int scenarios[3], count, of;
		size_t index;
		struct keep_tenant wanted;
	} cases[] = {
		{"alone", {S_CPU}, 1, S_CPU, 0, {0, false, 0}},
		{"a card", {S_CPU, S_LINK}, 2, S_CPU, 1, {1, true, 0}},
		{"a disk", {S_CPU, S_DISK}, 2, S_CPU, 1, {1, false, 85 * MIB}},
		{"both", {S_CPU, S_DISK, S_LINK}, 3, S_CPU, 0, {0, true, 85 * MIB}},
		{"the same in the others", {S_CPU, S_DISK, S_LINK}, 3, S_DISK, 2, {0, true, 85 * MIB}},
		{"the same in all others", {S_CPU, S_DISK, S_LINK}, 3, S_LINK, 2, {0, true, 85 * MIB}},
		{"another name", {S_CPU, S_DISK, S_LINK}, 3, S_LINK, 1, {2, true, 85 * MIB}},
		{"the first of two disks", {S_CPU, S_DISK, S_SMALL_DISK}, 3, S_CPU, 0, {0, false, 85 * MIB}},
		{"its own disk", {S_CPU, S_DISK, S_SMALL_DISK}, 3, S_SMALL_DISK, 2, {0, false, 42 * MIB}},
		{"no disk beside a real one", {S_DISK, S_DEVICE}, 2, S_DEVICE, 0, {0, false, 0}},
		{"nothing of a larger one's", {S_LARGE, S_CPU}, 2, S_CPU, 0, {0, false, 0}},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct scenario *some[3];
		for (int k = 0; k < cases[i].count; k++)
			some[k] = all[cases[i].scenarios[k]];
		AUTO(keep) struct keep *keep = keep_new(some, (size_t)cases[i].count);
		struct keep_tenant got = keep_tenant(keep, all[cases[i].of], cases[i].index);
		if (got.seat != cases[i].wanted.seat || got.nic != cases[i].wanted.nic ||
			got.disk_bytes != cases[i].wanted.disk_bytes)
			fail_msg("%s: seat %u, card %d, disk %llu MiB", cases[i].name, got.seat, got.nic,
				(unsigned long long)(got.disk_bytes / MIB));
	}
}

static struct vm_spec spec_of(const char *console)
{
	struct vm_spec spec = {
		.name = "red",
		.vcpus = 1,
		.memory_bytes = 192 * MIB,
		.kernel_path = "/image/vmlinuz",
		.initrd_path = "/image/initrd",
		.root_path = "/image/root",
		.console_path = console,
		.stream_path = "/run/s",
		.fixed_uuid = true,
	};

	CPU_ZERO(&spec.vcpu_cpus);
	CPU_ZERO(&spec.emulator_cpus);
	return spec;
}

/* What a file's name depends on: the VM's shape and its image, not where it runs and writes. */
static void test_path(void **state)
{
	static char built[] = "2026-11-23T00:00:00Z", rebuilt[] = "2026-11-24T00:00:00Z";
	struct image image = {.built_utc = built, .kernel_built_utc = built, .initrd_bytes = 5};
	struct image other_image = {.built_utc = rebuilt, .kernel_built_utc = built, .initrd_bytes = 5};
	struct vm_nic nic = {.bridge = "ll-bridge", .tap = "ll-red", .mac = {1}};
	struct vm_nic loose = {.tap = "ll-red", .mac = {1}}, other_mac = {.tap = "ll-red", .mac = {2}};
	struct vm_spec spec = spec_of("/a"), other = spec_of("/b");

	(void)state;
	spec.nic = &nic;
	spec.disk_path = "/dev/loop64p1";
	other.nic = &loose;
	other.disk_path = "/kept/red.blank";
	other.disk_is_file = true;
	CPU_SET(1, &other.vcpu_cpus);
	AUTO(free_ptr) char *first = keep_path("/k", &spec, 5, &image);
	AUTO(free_ptr) char *same = keep_path("/k", &other, 5, &image);
	AUTO(free_ptr) char *size = keep_path("/k", &other, 6, &image);
	AUTO(free_ptr) char *built_anew = keep_path("/k", &other, 5, &other_image);
	other.nic = &other_mac;
	AUTO(free_ptr) char *mac = keep_path("/k", &other, 5, &image);
	other.nic = &loose;
	other.memory_bytes *= 2;
	AUTO(free_ptr) char *memory = keep_path("/k", &other, 5, &image);
	assert_string_equal(first, same);
	assert_int_equal(strncmp(first, "/k/red-", 7), 0);
	assert_string_not_equal(first, size);
	assert_string_not_equal(first, built_anew);
	assert_string_not_equal(first, mac);
	assert_string_not_equal(first, memory);
}

static size_t entries(const char *folder)
{
	size_t count = 0;

	AUTO(close_dir) DIR *dir = opendir(folder);
	for (const struct dirent *entry; dir && (entry = readdir(dir));)
		count += entry->d_name[0] != '.';
	return count;
}

static void count_report(void *context, const char *text)
{
	assert_non_null(strstr(text, "/kept/"));
	(*(size_t *)context)++;
}

/* Pages of the file that the host has in memory. */
static size_t cached_pages(const char *path, size_t bytes)
{
	unsigned char resident[256] = {0};
	size_t count = 0;

	AUTO(close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
	void *map = mmap(NULL, bytes, PROT_READ, MAP_SHARED, fd, 0);
	assert_ptr_not_equal(map, MAP_FAILED);
	assert_int_equal(mincore(map, bytes, resident), 0);
	for (size_t i = 0; i < bytes / 4096; i++)
		count += resident[i] & 1;
	(void)munmap(map, bytes);
	return count;
}

/* Before memory is made scarce, the page cache gives the states up. */
static void test_not_cached_where_memory_is_scarce(void **state)
{
	enum { BYTES = 64 * 4096 };
	static const char text[BYTES] = "x";
	char dir[] = "/tmp/limitlab-keep-XXXXXX";
	struct err err = ERR_INIT;
	struct keep_plan plan;
	struct statfs system;
	char *note = NULL;

	(void)state;
	assert_non_null(mkdtemp(dir));
	assert_int_equal(setenv("LIMITLAB_STATE_DIR", dir, 1), 0);
	AUTO(keep) struct keep *keep = keep_new(all, S_COUNT);
	assert_int_equal(keep_prepare(keep, all[S_CPU], true, &plan, &note, &err), 0);
	AUTO(free_ptr) char *file = xasprintf("%s/red-0.state", plan.dir);
	assert_int_equal(fsio_write_atomic(file, text, BYTES, &err), 0);
	assert_int_equal(cached_pages(file, BYTES), 64);
	assert_int_equal(keep_prepare(keep, all[S_MEMORY], false, &plan, &note, &err), 0);
	assert_int_equal(statfs(dir, &system), 0);
	if (system.f_type == TMPFS_MAGIC)
		print_message("/tmp is a tmpfs, whose files are nowhere but in memory\n");
	else
		assert_int_equal(cached_pages(file, BYTES), 0);
	keep_forget(keep);
	assert_int_equal(fsio_remove_tree(dir, &err), 0);
}

/* What a batch that lives keeps stays; what a dead one left goes. */
static void test_folders(void **state)
{
	char dir[] = "/tmp/limitlab-keep-XXXXXX";
	struct err err = ERR_INIT;
	struct keep_plan plan;
	char *note = NULL;
	size_t swept = 0, told = 0;

	(void)state;
	assert_non_null(mkdtemp(dir));
	assert_int_equal(setenv("LIMITLAB_STATE_DIR", dir, 1), 0);
	AUTO(free_ptr) char *kept = xasprintf("%s/kept", dir);
	AUTO(free_ptr) char *dead = xasprintf("%s/kept/abcdef", dir);
	AUTO(free_ptr) char *dead_file = xasprintf("%s/red-0.state", dead);
	AUTO(keep) struct keep *keep = keep_new(all, S_COUNT);
	/* Nothing to wake from, and nobody who would: nothing is made. */
	assert_int_equal(keep_prepare(keep, all[S_CPU], false, &plan, &note, &err), 0);
	assert_null(plan.dir);
	assert_int_equal(keep_prepare(keep, all[S_MEMORY], true, &plan, &note, &err), 0);
	assert_null(plan.dir);
	assert_int_equal(entries(kept), 0);
	assert_int_equal(keep_prepare(keep, all[S_CPU], true, &plan, &note, &err), 0);
	assert_non_null(plan.dir);
	assert_true(plan.save);
	assert_null(note);
	AUTO(free_ptr) char *ours = xstrdup(plan.dir);
	assert_int_equal(keep_prepare(keep, all[S_DISK], false, &plan, &note, &err), 0);
	assert_string_equal(plan.dir, ours);
	assert_false(plan.save);
	assert_int_equal(keep_write_boot(plan.dir, "results/cpu/2026", &err), 0);
	AUTO(free_ptr) char *boot = keep_read_boot(plan.dir);
	assert_string_equal(boot, "cpu/2026");

	assert_int_equal(fsio_make_dirs(dead, &err), 0);
	assert_int_equal(fsio_write_atomic(dead_file, "x", 1, &err), 0);
	assert_int_equal(keep_sweep(count_report, &told, &swept, &err), 0);
	assert_int_equal(swept, 1);
	assert_int_equal(told, 1);
	assert_false(fsio_exists(dead));
	assert_true(fsio_exists(ours));
	keep_forget(keep);
	assert_false(fsio_exists(ours));
	assert_int_equal(fsio_remove_tree(dir, &err), 0);
}

/* Without a batch the address follows from the place in the file. */
static void test_single_run(void **state)
{
	struct err err = ERR_INIT;
	struct keep_plan plan;
	char *note = NULL;

	(void)state;
	assert_int_equal(keep_prepare(NULL, all[S_LINK], false, &plan, &note, &err), 0);
	assert_null(plan.dir);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(plan.tenants[i].seat, i);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_who_shares),
		cmocka_unit_test(test_devices),
		cmocka_unit_test(test_path),
		cmocka_unit_test(test_not_cached_where_memory_is_scarce),
		cmocka_unit_test(test_folders),
		cmocka_unit_test(test_single_run),
	};

	return cmocka_run_group_tests(tests, read_all, free_all);
}
