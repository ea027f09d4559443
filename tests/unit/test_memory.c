/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <inttypes.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/fsio.h"
#include "fixture/memory.h"

#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)

static char root[64];

static int make_root(void **state)
{
	(void)state;
	(void)snprintf(root, sizeof(root), "/tmp/limitlab-test-memory-XXXXXX");
	return mkdtemp(root) ? 0 : -1;
}

static int remove_root(void **state)
{
	(void)state;
	return fsio_remove_tree(root, NULL);
}

static void put(const char *path, const char *text)
{
	AUTO(free_ptr) char *full = xasprintf("%s%s", root, path);
	AUTO(free_ptr) char *folder = fsio_dirname(full);

	assert_int_equal(fsio_make_dirs(folder, NULL), 0);
	assert_int_equal(fsio_write_atomic(full, text, strlen(text), NULL), 0);
}

#define MEMINFO                                                                                              \
	"MemTotal:       16000000 kB\nMemFree:         1000000 kB\nMemAvailable:    8000000 kB\n"            \
	"SwapCached:            5 kB\nSwapTotal:       2097148 kB\nSwapFree:        2000000 kB\n"

static void put_huge(const char *kib, const char *nr)
{
	static const char *const files[] = {"nr_hugepages", "free_hugepages", "resv_hugepages",
		"surplus_hugepages", "nr_overcommit_hugepages"};

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		AUTO(free_ptr)
		char *path = xasprintf("/sys/kernel/mm/hugepages/hugepages-%skB/%s", kib, files[i]);
		put(path, nr);
	}
}

static void test_read(void **state)
{
	struct memory_host host;
	struct err err = ERR_INIT;

	(void)state;
	put("/proc/meminfo", MEMINFO);
	put("/proc/swaps", "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"
			   "/dev/zram0                              partition\t2097148\t\t97148\t\t100\n"
			   "/swapfile                               file\t\t1024\t\t0\t\t-2\n");
	put_huge("1048576", "9\n");
	put_huge("2048", "3\n");
	if (memory_host_read(root, &host, &err))
		fail_msg("%s", err.text);
	assert_int_equal(host.total_bytes, UINT64_C(16000000) * 1024);
	assert_int_equal(host.free_bytes, UINT64_C(1000000) * 1024);
	assert_int_equal(host.available_bytes, UINT64_C(8000000) * 1024);
	assert_int_equal(host.swap_total_bytes, UINT64_C(2097148) * 1024);
	assert_int_equal(host.swap_free_bytes, UINT64_C(2000000) * 1024);
	assert_string_equal(host.swap_names, "/dev/zram0, /swapfile");
	assert_int_equal(host.swap_first_priority, 100);
	assert_int_equal(host.huge.page_bytes, 2 * MIB);
	assert_int_equal(host.huge.total, 3);
	assert_int_equal(host.huge.overcommit, 3);
	assert_string_equal(host.huge.folder, "/sys/kernel/mm/hugepages/hugepages-2048kB");
}

/* A kernel without huge pages and without swap. */
static void test_read_plain(void **state)
{
	struct memory_host host;
	struct err err = ERR_INIT;

	(void)state;
	put("/proc/meminfo", MEMINFO);
	if (memory_host_read(root, &host, &err))
		fail_msg("%s", err.text);
	assert_int_equal(host.huge.page_bytes, 0);
	assert_int_equal(host.swap_first_priority, INT_MIN);
	assert_string_equal(host.swap_names, "");
	put("/proc/meminfo", "MemTotal: 5 kB\n");
	assert_int_equal(memory_host_read(root, &host, &err), -1);
	assert_non_null(strstr(err.text, "MemFree:"));
}

static void test_swap_used(void **state)
{
	struct err err = ERR_INIT;
	uint64_t used = 0;

	(void)state;
	put("/proc/swaps", "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"
			   "/var/lib/limitlab.swap2                 file\t\t1024\t\t9\t\t-2\n"
			   "/var/a\\040b/limitlab.swap               file\t\t1024\t\t77\t\t32767\n");
	assert_int_equal(memory_swap_used(root, "/var/a b/limitlab.swap", &used, &err), 0);
	assert_int_equal(used, 77 * 1024);
	assert_int_equal(memory_swap_used(root, "/var/lib/limitlab.swap", &used, &err), -1);
	assert_int_equal(err.domain, ERR_RUN);
	/* A state directory that is a link: the kernel names where it leads. */
	AUTO(free_ptr) char *there = xasprintf("%s/there", root);
	AUTO(free_ptr) char *link = xasprintf("%s/link", root);
	AUTO(free_ptr) char *file = xasprintf("%s/limitlab.swap", there);
	AUTO(free_ptr) char *by_link = xasprintf("%s//limitlab.swap", link);
	AUTO(free_ptr) char *line = xasprintf("Filename\n%s file\t\t1024\t\t5\t\t32767\n", file);
	put("/proc/swaps", line);
	put("/there/limitlab.swap", "");
	assert_int_equal(symlink("there", link), 0);
	assert_int_equal(memory_swap_used(root, by_link, &used, &err), 0);
	assert_int_equal(used, 5 * 1024);
}

#define PLAIN                                                                                                \
	{                                                                                                    \
		.total_bytes = 16 * GIB, .available_bytes = 12 * GIB, .swap_first_priority = INT_MIN,        \
		.huge = {                                                                                    \
			.page_bytes = 2 * MIB                                                                \
		}                                                                                            \
	}

static void test_check(void **state)
{
	const struct memory_host plain = PLAIN, none = {.total_bytes = 16 * GIB,
							.available_bytes = 12 * GIB,
							.swap_first_priority = INT_MIN};
	struct memory_host small = PLAIN, pool = PLAIN, used = PLAIN, reserved = PLAIN, zram = PLAIN,
			   top = PLAIN;
	static const struct memory_wish usual = {.free_bytes = 600 * MIB,
		.swap_bytes = 2 * GIB,
		.guests_bytes = 3 * 768 * MIB,
		.guest_count = 3};
	static const struct memory_wish no_swap = {
		.free_bytes = 600 * MIB, .guests_bytes = 576 * MIB, .guest_count = 3};

	static const struct memory_wish later = {.free_bytes = 600 * MIB,
		.swap_bytes = GIB,
		.swap_later = true,
		.guests_bytes = 601 * MIB,
		.guest_count = 2};
	struct memory_wish pressed = later, crowded;

	(void)state;
	pressed.cache_bytes = GIB;
	crowded = pressed;
	crowded.free_bytes = 575 * MIB;
	small.available_bytes = 3 * GIB;
	pool.huge.total = pool.huge.free = 512;
	used.huge.total = 512;
	used.huge.free = 500;
	reserved.huge.total = reserved.huge.free = 512;
	reserved.huge.reserved = 3;
	zram.swap_total_bytes = 4 * GIB;
	zram.swap_first_priority = 100;
	(void)snprintf(zram.swap_names, sizeof(zram.swap_names), "/dev/zram0");
	top = zram;
	top.swap_first_priority = MEMORY_SWAP_PRIORITY;
	const struct {
		const char *name;
		const struct memory_host *host;
		struct memory_wish wish;
		enum err_domain domain; /* ERR_NONE: fine */
		const char *says[3];
	} cases[] = {
		{"a plain host", &plain, usual, ERR_NONE, {0}},
		{"a kernel without huge pages: locked memory", &none, usual, ERR_NONE, {0}},
		{"an idle pool of huge pages", &pool, usual, ERR_NONE, {0}},
		{"beside zram", &zram, usual, ERR_NONE, {0}},
		{"no swap at all", &plain, no_swap, ERR_NONE, {0}},
		{"swap alone, whatever the host has", &small,
			{.swap_bytes = GIB, .guests_bytes = 9 * GIB, .guest_count = 9}, ERR_NONE, {0}},
		{"huge pages in use", &used, usual, ERR_HOST, {"12 are in use", "of 512 of 2048 KiB"}},
		{"huge pages reserved", &reserved, usual, ERR_HOST, {"3 reserved"}},
		{"too little memory", &small, usual, ERR_HOST,
			{"3072 MiB of memory available", "2784 MiB", "600 MiB"}},
		{"no swap wanted, zram there", &zram, no_swap, ERR_HOST, {"4096 MiB of swap (/dev/zram0)"}},
		{"swap of the highest priority", &top, usual, ERR_HOST, {"32767"}},
		{"no swap until later, zram there", &zram, later, ERR_HOST,
			{"4096 MiB of swap (/dev/zram0)", "turn the host's off"}},
		{"no swap until later", &plain, later, ERR_INPUT,
			{"grow by 601 MiB", "0 MiB of swap", "OOM killer"}},
		{"no swap until later, and a file that is read", &plain, pressed, ERR_NONE, {0}},
		{"that leaves too little for two QEMUs", &plain, crowded, ERR_INPUT,
			{"2 QEMUs may still want 320 MiB",
				"of the 575 MiB that are left free 256 MiB are the host's own",
				"free: 576MiB"}},
		{"below the floor", &plain, {.free_bytes = 255 * MIB, .swap_bytes = GIB}, ERR_INPUT,
			{"at least 256 MiB", "not 255 MiB"}},
		{"tenants that cannot be swapped", &plain,
			{.free_bytes = 600 * MIB, .guests_bytes = 601 * MIB, .guest_count = 1}, ERR_INPUT,
			{"grow by 601 MiB", "only 600 MiB of memory and 0 MiB of swap", "OOM killer"}},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct err err = ERR_INIT;
		print_message("  %s\n", cases[i].name);
		int result = memory_check(cases[i].host, &cases[i].wish, &err);
		if (err.domain != cases[i].domain || (result == 0) != (cases[i].domain == ERR_NONE))
			fail_msg("domain %d, not %d: %s", err.domain, cases[i].domain, err.text);
		for (size_t k = 0; k < ARRAY_SIZE(cases[i].says) && cases[i].says[k]; k++)
			if (!strstr(err.text, cases[i].says[k]) && !strstr(err.remedy, cases[i].says[k]))
				fail_msg("'%s' does not say '%s'", err.text, cases[i].says[k]);
		if (result)
			assert_true(err.remedy[0] || err.domain == ERR_INPUT);
	}
}

/* Without swap: who may still grow into what is the host's own does not begin. */
static void test_grown(void **state)
{
	struct memory_wish wish = {
		.free_bytes = 600 * MIB, .cache_bytes = GIB, .guests_bytes = 768 * MIB, .guest_count = 2};
	const struct {
		uint64_t used_bytes;
		const char *says; /* NULL: fine */
	} cases[] = {
		{744 * MIB, NULL}, /* 344 MiB to go, and 344 MiB beside the floor */
		{743 * MIB, "use 743 MiB and may still grow by 345 MiB"},
		{2000 * MIB, NULL},
		{0, "may still grow by 1088 MiB"},
	};

	(void)state;
	assert_true(memory_wants_grown(&wish));
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct err err = ERR_INIT;
		int result = memory_check_grown(&wish, cases[i].used_bytes, &err);
		assert_int_equal(result, cases[i].says ? -1 : 0);
		if (!cases[i].says)
			continue;
		assert_int_equal(err.domain, ERR_RUN);
		assert_non_null(strstr(err.text, cases[i].says));
		assert_true(err.remedy[0]);
	}
	wish.swap_bytes = GIB;
	assert_false(memory_wants_grown(&wish));
	wish.swap_later = true;
	assert_true(memory_wants_grown(&wish));
	wish.cache_bytes = 0;
	assert_false(memory_wants_grown(&wish));
}

/* What the tenants took while we took is not taken twice. */
static void test_piece(void **state)
{
	static const struct {
		uint64_t available, wanted, idle, most, page, piece;
	} cases[] = {
		{8 * GIB, 600 * MIB, 0, GIB, 2 * MIB, GIB},
		{800 * MIB, 600 * MIB, 0, GIB, 2 * MIB, 200 * MIB},
		{603 * MIB, 600 * MIB, 0, GIB, 2 * MIB, 2 * MIB},
		{601 * MIB, 600 * MIB, 0, GIB, 2 * MIB, 0},
		{601 * MIB, 600 * MIB, 0, GIB, 4096, MIB},
		{600 * MIB, 600 * MIB, 0, GIB, 4096, 0},
		{66 * MIB, 600 * MIB, 0, GIB, 4096, 0},
		{66 * MIB, 600 * MIB, 64 * MIB, GIB, 2 * MIB, 64 * MIB},
		{8 * GIB, 600 * MIB, 0, 33 * MIB, 2 * MIB, 32 * MIB},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct memory_host host = {.available_bytes = cases[i].available};
		assert_int_equal(
			memory_piece(&host, cases[i].wanted, cases[i].idle, cases[i].most, cases[i].page),
			cases[i].piece);
	}
}

#define ZONE(name, free, high, protection)                                                                   \
	"Node 0, zone " name "\n  per-node stats\n      nr_inactive_anon 7\n  pages free     " free          \
	"\n        boost    0\n        min      1\n        low      2\n        high     " high               \
	"\n        spanned  99\n        protection: (" protection ")\n      nr_free_pages 1\n"

/*
 * 512 pages are a huge page; blocks of order 9 and 10 count.  As measured: with DMA32's protection and Normal's watermark left out,
 * the last 110 MiB were taken by reclaim, 300 MiB of the tenants went to swap.
 */
static void test_ready(void **state)
{
	static const char buddyinfo[] =
		"Node 0, zone      DMA      0      0      0      0      0      0      0      0      0      1      3 \n"
		"Node 0, zone    DMA32      1      1      5      2      5      4      4      4      4      4    750 \n"
		"Node 0, zone   Normal     68    453    360    202    272     56     23      7     46      0   100 \n";
	const struct {
		const char *name, *zoneinfo;
		uint64_t ready;
	} cases[] = {
		/* 3 MiB above 14 kept ones; 770064 - 3660 - 21071; 102400 + some - 25557 - 64 MiB all in all. */
		{"as much as the zones can spare",
			ZONE("     DMA", "3840", "16", "0, 2984, 24056, 24056")
				ZONE("   DMA32", "770064", "3660", "0, 0, 21071, 21071")
					ZONE("  Normal", "110000", "25557", "0, 0, 0, 0"),
			(770064 - 3660 - 21071 + 110000 - 25557) * UINT64_C(4096) - 64 * MIB},
		{"as much as there is in blocks",
			ZONE("     DMA", "3840", "16", "0, 24056") ZONE("   DMA32", "900000", "3660",
				"0, 21071") ZONE("  Normal", "900000", "25557", "0, 0"),
			(4 * 512 + 750 * 1024 + 100 * 1024) * UINT64_C(4096) - 64 * MIB},
		{"all below their watermarks",
			ZONE("     DMA", "10", "16", "0") ZONE("   DMA32", "20000", "3660", "0, 21071")
				ZONE("  Normal", "25557", "25557", "0"),
			0},
	};

	(void)state;
	assert_int_equal(memory_ready(root, 2 * MIB), 0);
	put("/proc/buddyinfo", buddyinfo);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		put("/proc/zoneinfo", cases[i].zoneinfo);
		uint64_t ready = memory_ready(root, 2 * MIB);
		if (ready != cases[i].ready)
			fail_msg("%s: %" PRIu64 ", not %" PRIu64, cases[i].name, ready, cases[i].ready);
	}
}

static void test_process(void **state)
{
	struct err err = ERR_INIT;
	uint64_t bytes = 0;

	(void)state;
	put("/proc/77/status",
		"Name:\tqemu\nVmRSS:\t  500 kB\nRssAnon:\t  300 kB\nRssFile:\t  190 kB\nRssShmem:\t  10 kB\n");
	if (memory_of_process(root, 77, &bytes, &err))
		fail_msg("%s", err.text);
	assert_int_equal(bytes, 310 * 1024);
	assert_int_equal(memory_of_process(root, 78, &bytes, &err), -1);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, make_root, remove_root)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_read),
		CASE(test_read_plain),
		CASE(test_swap_used),
		cmocka_unit_test(test_check),
		cmocka_unit_test(test_grown),
		cmocka_unit_test(test_piece),
		CASE(test_process),
		CASE(test_ready),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
