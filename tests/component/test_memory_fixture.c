/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The memory fixture on the real host, in small: half a GiB is taken and given back, a swap file of 32 MiB comes and goes.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/fsio.h"
#include "fixture/memory.h"
#include "fixture/memory_child.h"
#include "fixture/memory_holder.h"
#include "fixture/memory_reader.h"

#define MIB         (UINT64_C(1) << 20)
#define TAKEN_BYTES (512 * MIB)

DEFINE_AUTO(memory_holder, struct memory_holder *, memory_holder_free);

static void need(bool there, const char *what)
{
	if (there)
		return;
	if (getenv("LIMITLAB_MUST_WORK"))
		fail_msg("%s", what);
	print_message("skipped: %s\n", what);
	skip();
}

static struct memory_host look(void)
{
	struct memory_host host;
	struct err err = ERR_INIT;

	if (memory_host_read("", &host, &err))
		fail_msg("%s", err.text);
	return host;
}

/* Others may use the machine: what is held is compared with what was to be taken, not with what they leave. */
static struct memory_host needs_host(void)
{
	struct memory_host host = look();

	need(geteuid() == 0, "not root");
	need(host.available_bytes > MEMORY_FLOOR_BYTES + 2 * TAKEN_BYTES, "too little memory");
	return host;
}

static void needs_huge(const struct memory_host *host)
{
	need(host->huge.page_bytes > 0, "the kernel has no huge pages");
	need(host->huge.total == 0, "somebody else uses huge pages");
}

static uint64_t reserved_bytes(void)
{
	struct memory_host host = look();

	return host.huge.reserved * host.huge.page_bytes;
}

/* Until the kernel has given back what a dead process held. */
static bool comes_back(uint64_t within_ms)
{
	uint64_t deadline_ns = clock_now_ns() + within_ms * NS_PER_MS;

	while (look().huge.total)
		if (clock_now_ns() > deadline_ns)
			return false;
	/* The counters come first, the pages a moment later. */
	clock_sleep_until_ns(clock_now_ns() + 200 * NS_PER_MS);
	return true;
}

static int changes;
static char changed_path[128];
static uint64_t changed_before, changed_after;

static int changing(void *context, const char *path, uint64_t before, uint64_t after, struct err *err)
{
	(void)context;
	(void)err;
	changes++;
	(void)snprintf(changed_path, sizeof(changed_path), "%s", path);
	changed_before = before;
	changed_after = after;
	return 0;
}

static void test_huge(void **state)
{
	struct memory_host before = needs_host();
	struct memory_hold hold = {.free_bytes = before.available_bytes - TAKEN_BYTES, .changing = changing};
	struct memory_held held;
	struct err err = ERR_INIT;
	AUTO(memory_holder) struct memory_holder *holder = NULL;

	(void)state;
	needs_huge(&before);
	if (memory_holder_new(&holder, &err))
		fail_msg("%s", err.text);
	for (int round = 0; round < 3; round++) {
		changes = 0;
		uint64_t begin_ns = clock_now_ns();
		if (memory_holder_take(holder, &hold, &held, &err))
			fail_msg("%s", err.text);
		uint64_t took_ns = clock_now_ns() - begin_ns;
		struct memory_host during = look();
		assert_int_equal(held.huge_bytes, during.huge.reserved * during.huge.page_bytes);
		/* Free pages on the lists of the CPUs make no huge page: a few MiB may have to be locked. */
		assert_true(held.locked_bytes <= 16 * MIB);
		assert_int_equal(during.huge.overcommit, before.huge.overcommit);
		assert_int_equal(changes, 1);
		assert_int_equal(changed_before, before.huge.overcommit);
		assert_true(changed_after > before.huge.overcommit);
		begin_ns = clock_now_ns();
		if (memory_holder_give(holder, &err))
			fail_msg("%s", err.text);
		print_message("  %" PRIu64 " MiB of 512 taken in %.1f ms, left %" PRId64
			      " MiB more than wanted, given back in %.1f ms\n",
			held.huge_bytes / MIB, (double)took_ns / 1e6,
			(int64_t)(held.available_bytes - hold.free_bytes) / (int64_t)MIB,
			(double)(clock_now_ns() - begin_ns) / 1e6);
		assert_int_equal(reserved_bytes(), 0);
		assert_int_equal(look().huge.total, 0);
	}
}

static struct holder_reply ask(
	const struct memory_child *child, enum holder_verb verb, uint64_t bytes, uint64_t page_bytes)
{
	struct holder_request request = {.verb = verb, .bytes = bytes, .page_bytes = page_bytes};
	struct holder_reply reply = {.error = -1};

	assert_int_equal(send(child->socket, &request, sizeof(request), 0), sizeof(request));
	assert_int_equal(recv(child->socket, &reply, sizeof(reply), 0), sizeof(reply));
	return reply;
}

/* A huge page cannot be cut: what is given back is whole ones, and what the holder says is what the kernel says. */
static void test_odd_amounts(void **state)
{
	struct memory_host before = needs_host();
	uint64_t page = before.huge.page_bytes, small = (uint64_t)sysconf(_SC_PAGESIZE);
	struct err err = ERR_INIT;
	struct memory_child child;

	(void)state;
	needs_huge(&before);
	need(page <= 2 * MIB, "huge pages larger than 2 MiB");
	if (memory_child_start(&child, "test-hold", -1, holder_serve, NULL, &err))
		fail_msg("%s", err.text);
	AUTO(free_ptr) char *path = xasprintf("%s/nr_overcommit_hugepages", before.huge.folder);
	AUTO(free_ptr) char *text = xasprintf("%" PRIu64, before.huge.overcommit);
	AUTO(free_ptr) char *more = xasprintf("%" PRIu64, before.huge.overcommit + 8);
	int allowed = fsio_write_small(AT_FDCWD, path, more, &err);
	struct holder_reply took = ask(&child, HOLDER_HUGE, 8 * page, page);
	if (!allowed)
		(void)fsio_write_small(AT_FDCWD, path, text, NULL);
	uint64_t taken = reserved_bytes();
	struct holder_reply locked = ask(&child, HOLDER_LOCK, 4 * small, small);
	struct holder_reply first = ask(&child, HOLDER_DROP, small + 1, 0);
	struct holder_reply rest = ask(&child, HOLDER_DROP, page, 0);
	struct holder_reply odd = ask(&child, HOLDER_DROP, page + small, 0);
	uint64_t left = reserved_bytes();
	struct holder_reply gave = ask(&child, HOLDER_GIVE, 0, 0);
	uint64_t end = reserved_bytes();
	memory_child_end(&child);
	assert_int_equal(allowed, 0);
	assert_int_equal(took.error, 0);
	assert_int_equal(taken, 8 * page);
	assert_int_equal(locked.error, 0);
	assert_int_equal(first.error, 0);
	assert_false(first.huge);
	assert_int_equal(first.bytes, 2 * small);
	assert_false(rest.huge);
	assert_int_equal(rest.bytes, 2 * small);
	assert_int_equal(odd.error, 0);
	assert_true(odd.huge);
	assert_int_equal(odd.bytes, 2 * page);
	assert_int_equal(left, 6 * page);
	assert_int_equal(gave.error, 0);
	assert_int_equal(end, 0);
}

static void test_killed_holder(void **state)
{
	struct memory_host before = needs_host();
	struct memory_hold hold = {.free_bytes = before.available_bytes - TAKEN_BYTES};
	struct memory_held held;
	struct err err = ERR_INIT;
	AUTO(memory_holder) struct memory_holder *holder = NULL;
	char score[16];

	(void)state;
	needs_huge(&before);
	if (memory_holder_new(&holder, &err) || memory_holder_take(holder, &hold, &held, &err))
		fail_msg("%s", err.text);
	AUTO(free_ptr) char *path = xasprintf("/proc/%d/oom_score_adj", memory_holder_pid(holder));
	assert_int_equal(fsio_read_small(AT_FDCWD, path, score, sizeof(score), &err), 0);
	assert_string_equal(score, "1000");
	assert_true(reserved_bytes() > 0);
	assert_int_equal(kill(memory_holder_pid(holder), SIGKILL), 0);
	assert_true(comes_back(2000));
	/* That is noticed at the next word with it. */
	assert_int_equal(memory_holder_give(holder, &err), -1);
	assert_int_equal(err.domain, ERR_RUN);
	assert_non_null(strstr(err.text, "is gone"));
}

/* A process that took memory and is killed: nothing of it stays, and the setting can be restored from what was announced. */
static void test_killed_owner(void **state)
{
	struct memory_host before = needs_host();
	int fds[2];
	char byte;

	(void)state;
	needs_huge(&before);
	assert_int_equal(pipe(fds), 0);
	pid_t pid = fork();
	if (!pid) {
		struct memory_hold hold = {.free_bytes = before.available_bytes - TAKEN_BYTES};
		struct memory_holder *holder;
		struct memory_held held;
		if (memory_holder_new(&holder, NULL) || memory_holder_take(holder, &hold, &held, NULL))
			_exit(1);
		(void)!write(fds[1], "x", 1);
		for (;;)
			(void)pause();
	}
	(void)close(fds[1]);
	assert_int_equal(read(fds[0], &byte, 1), 1);
	assert_true(reserved_bytes() > 0);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_true(comes_back(2000));
	assert_int_equal(look().huge.total, 0);
	(void)close(fds[0]);
}

static void test_locked(void **state)
{
	struct memory_host before = needs_host();
	struct memory_hold hold = {.free_bytes = before.available_bytes - TAKEN_BYTES,
		.locked_only = true,
		.changing = changing};
	struct memory_held held;
	struct err err = ERR_INIT;
	AUTO(memory_holder) struct memory_holder *holder = NULL;

	(void)state;
	changes = 0;
	if (memory_holder_new(&holder, &err) || memory_holder_take(holder, &hold, &held, &err))
		fail_msg("%s", err.text);
	assert_int_equal(held.huge_bytes, 0);
	assert_int_equal(changes, 0);
	print_message("  %" PRIu64 " MiB of 512 locked\n", held.locked_bytes / MIB);
	/* Builds beside us take and free some hundred MiB. */
	assert_true(held.locked_bytes > 128 * MIB && held.locked_bytes < 1024 * MIB);
	if (memory_holder_give(holder, &err))
		fail_msg("%s", err.text);
}

static void test_refused(void **state)
{
	struct memory_host host = needs_host();
	struct memory_hold too_little = {.free_bytes = MEMORY_FLOOR_BYTES - 1};
	struct memory_hold too_much = {.free_bytes = host.total_bytes};
	struct memory_held held;
	struct err err = ERR_INIT;
	AUTO(memory_holder) struct memory_holder *holder = NULL;

	(void)state;
	if (memory_holder_new(&holder, &err))
		fail_msg("%s", err.text);
	assert_int_equal(memory_holder_take(holder, &too_little, &held, &err), -1);
	assert_non_null(strstr(err.text, "below the floor of 256 MiB"));
	err_clear(&err);
	assert_int_equal(memory_holder_take(holder, &too_much, &held, &err), -1);
	assert_int_equal(err.domain, ERR_HOST);
	assert_non_null(strstr(err.text, "were to be left"));
	assert_int_equal(look().huge.overcommit, host.huge.overcommit);
}

static int refuse(void *context, const char *path, uint64_t before, uint64_t after, struct err *err)
{
	(void)context;
	(void)path;
	(void)before;
	(void)after;
	return err_run(err, "no journal");
}

/* Without a journal entry nothing global changes. */
static void test_journal_first(void **state)
{
	struct memory_host before = needs_host();
	struct memory_hold hold = {.free_bytes = before.available_bytes - TAKEN_BYTES, .changing = refuse};
	struct memory_held held;
	struct err err = ERR_INIT;
	AUTO(memory_holder) struct memory_holder *holder = NULL;

	(void)state;
	needs_huge(&before);
	if (memory_holder_new(&holder, &err))
		fail_msg("%s", err.text);
	assert_int_equal(memory_holder_take(holder, &hold, &held, &err), -1);
	assert_string_equal(err.text, "no journal");
	assert_int_equal(look().huge.overcommit, before.huge.overcommit);
	assert_int_equal(reserved_bytes(), 0);
}

/* Only a value that is still ours is taken back. */
static void test_restore(void **state)
{
	char folder[] = "/tmp/limitlab-test-memory-XXXXXX";
	struct err err = ERR_INIT;
	uint64_t value;

	(void)state;
	assert_non_null(mkdtemp(folder));
	AUTO(free_ptr) char *path = xasprintf("%s/nr", folder);
	assert_int_equal(memory_huge_restore(path, 1, 2, &err), 0);
	for (int ours = 0; ours <= 1; ours++) {
		assert_int_equal(fsio_write_atomic(path, ours ? "2\n" : "7\n", 2, &err), 0);
		assert_int_equal(memory_huge_restore(path, 1, 2, &err), 0);
		assert_int_equal(fsio_read_u64(AT_FDCWD, path, &value, &err), 0);
		assert_int_equal(value, ours ? 1 : 7);
	}
	assert_int_equal(fsio_remove_tree(folder, &err), 0);
}

static uint64_t cached_bytes(void)
{
	AUTO(buf) struct buf text = BUF_INIT;
	struct err err = ERR_INIT;

	if (fsio_read_file("/proc/meminfo", 64 * 1024, &text, &err))
		fail_msg("%s", err.text);
	const char *line = strstr(text.data, "\nCached:");
	assert_non_null(line);
	return strtoull(line + strlen("\nCached:"), NULL, 10) * 1024;
}

static bool cache_comes_to(uint64_t least, uint64_t most, uint64_t within_ms)
{
	uint64_t deadline_ns = clock_now_ns() + within_ms * NS_PER_MS;

	while (clock_now_ns() < deadline_ns) {
		uint64_t cached = cached_bytes();
		if (cached >= least && cached <= most)
			return true;
		clock_sleep_until_ns(clock_now_ns() + 20 * NS_PER_MS);
	}
	return false;
}

/* Page cache comes with the reading, at about the rate it says, and goes when that stops or the process is killed. */
static void test_reader(void **state)
{
	char folder[] = "/var/tmp/limitlab-test-XXXXXX";
	struct err err = ERR_INIT;

	(void)state;
	assert_non_null(mkdtemp(folder));
	AUTO(free_ptr) char *path = xasprintf("%s/cache", folder);
	struct memory_reader *reader = NULL;
	if (memory_reader_check(path, &err)) {
		(void)rmdir(folder);
		need(err.domain != ERR_HOST, err.text);
		fail_msg("%s", err.text);
	}
	if (memory_reader_new(path, 256 * MIB, &reader, &err))
		fail_msg("%s", err.text);
	/* Its file has no name. */
	assert_int_equal(rmdir(folder), 0);
	for (int round = 0; round < 3; round++) {
		uint64_t before = cached_bytes(), begin_ns = clock_now_ns();
		if (memory_reader_run(reader, true, &err))
			fail_msg("%s", err.text);
		assert_true(cache_comes_to(before + 192 * MIB, UINT64_MAX, 5000));
		uint64_t took_ms = (clock_now_ns() - begin_ns) / NS_PER_MS;
		print_message("  192 MiB read in %" PRIu64 " ms\n", took_ms);
		assert_true(took_ms >= 192 * 1000 / 220);
		if (round == 2) {
			assert_int_equal(kill(memory_reader_pid(reader), SIGKILL), 0);
			clock_sleep_until_ns(clock_now_ns() + 50 * NS_PER_MS);
			assert_int_equal(memory_reader_run(reader, false, &err), -1);
			assert_non_null(strstr(err.text, "is gone"));
		} else if (memory_reader_run(reader, false, &err)) {
			fail_msg("%s", err.text);
		}
		assert_true(cache_comes_to(0, before + 64 * MIB, 2000));
	}
	memory_reader_free(reader);
	err_clear(&err);
	assert_int_equal(memory_reader_check("/dev/shm/x/cache", &err), -1);
	assert_non_null(strstr(err.text, "'/dev/shm' is on a file system that is memory itself"));
}

static void test_swap(void **state)
{
	char folder[] = "/var/tmp/limitlab test-XXXXXX"; /* /proc/swaps writes the blank in octal */
	struct err err = ERR_INIT;
	uint64_t used, none = look().swap_total_bytes;

	(void)state;
	need(geteuid() == 0, "not root");
	assert_non_null(mkdtemp(folder));
	AUTO(free_ptr) char *path = xasprintf("%s/" MEMORY_SWAP_NAME, folder);
	AUTO(free_ptr) char *other = xasprintf("%s/other", folder);
	assert_int_equal(memory_swap_used("", path, &used, &err), -1);
	err_clear(&err);
	/* A second one takes the place of what a dead run left. */
	for (int round = 0; round < 2; round++) {
		if (memory_swap_make(path, 32 * MIB, &err)) {
			(void)rmdir(folder);
			need(err.domain != ERR_HOST, err.text);
			fail_msg("%s", err.text);
		}
		struct memory_host host = look();
		assert_int_equal(host.swap_total_bytes, none + 32 * MIB - 4096);
		assert_int_equal(host.swap_first_priority, MEMORY_SWAP_PRIORITY);
		assert_int_equal(memory_swap_used("", path, &used, &err), 0);
		assert_int_equal(used, 0);
	}
	for (int twice = 0; twice < 2; twice++)
		assert_int_equal(memory_swap_remove(path, &err), 0);
	assert_int_equal(look().swap_total_bytes, none);
	assert_false(fsio_exists(path));
	assert_int_equal(memory_swap_remove(other, &err), -1);
	assert_non_null(strstr(err.text, "is no swap file of limitlab"));
	assert_int_equal(rmdir(folder), 0);
}

static void test_swap_refused(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(
		memory_swap_check("/var/tmp/not/there/yet/" MEMORY_SWAP_NAME, UINT64_C(1) << 60, &err), -1);
	assert_int_equal(err.domain, ERR_HOST);
	assert_non_null(strstr(err.text, "does not fit into '/var/tmp'"));
	err_clear(&err);
	assert_int_equal(memory_swap_check("/dev/shm/" MEMORY_SWAP_NAME, 32 * MIB, &err), -1);
	assert_int_equal(err.domain, ERR_HOST);
	assert_non_null(strstr(err.text, "tmpfs"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_huge),
		cmocka_unit_test(test_odd_amounts),
		cmocka_unit_test(test_killed_holder),
		cmocka_unit_test(test_killed_owner),
		cmocka_unit_test(test_locked),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_journal_first),
		cmocka_unit_test(test_restore),
		cmocka_unit_test(test_reader),
		cmocka_unit_test(test_swap),
		cmocka_unit_test(test_swap_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
