/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The memory limits over fake trees: which file holds what on v1 and v2, what is missing where, what the kernel's own numbers mean,
 * how long a refused limit is tried, and how protection is passed down the hierarchy.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "applier/applier.h"
#include "applier/memory.h"
#include "applier/ops.h"
#include "base/auto.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/fsio.h"

#define GROUP "/machine/qemu-1-red.libvirt-qemu"
#define V1    "/sys/fs/cgroup/memory"
#define V2    "/sys/fs/cgroup"
#define SCOPE V2 "/machine.slice/machine-qemu-1-red.scope"

DEFINE_AUTO(target, struct target *, target_close);

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
	struct err err = ERR_INIT;
	AUTO(free_ptr) char *full = xasprintf("%s%s", root, path);
	AUTO(free_ptr) char *folder = fsio_dirname(full);

	if (fsio_make_dirs(folder, &err) || fsio_write_atomic(full, text, strlen(text), &err))
		fail_msg("%s", err.text);
}

static void make_v1(void)
{
	put("/proc/4321/cgroup", "1:memory:" GROUP "\n");
	put("/proc/self/mountinfo", "32 31 0:32 / " V1 " rw - cgroup cgroup rw,memory\n");
	put(V1 GROUP "/memory.soft_limit_in_bytes", "9223372036854771712\n");
	put(V1 GROUP "/memory.limit_in_bytes", "536870912\n");
	put(V1 GROUP "/memory.memsw.limit_in_bytes", "1073741824\n");
}

static void make_v2(void)
{
	put("/proc/4321/cgroup", "0::/machine.slice/machine-qemu-1-red.scope/libvirt/emulator\n");
	put("/proc/self/mountinfo", "32 31 0:32 / " V2 " rw - cgroup2 cgroup2 rw\n");
	put(SCOPE "/cgroup.controllers", "cpu memory\n");
	put(SCOPE "/libvirt/memory.high", "max\n");
	put(SCOPE "/libvirt/memory.max", "536870912\n");
	put(SCOPE "/libvirt/memory.swap.max", "0\n");
	put(SCOPE "/libvirt/memory.low", "0\n");
	put(SCOPE "/memory.low", "0\n");
	put(V2 "/machine.slice/memory.low", "0\n");
}

static struct target *open_target(void)
{
	struct err err = ERR_INIT;
	struct target *target;

	if (target_open_with(root, "red", 4321, applier_table, &target, &err))
		fail_msg("%s", err.text);
	return target;
}

static void check_get(struct target *target, enum limit_id limit, uint64_t expected, const char *path)
{
	struct err err = ERR_INIT;
	uint64_t got;
	const char *where;
	AUTO(free_ptr) char *full = xasprintf("%s%s", root, path);

	if (limit_get(target, limit, &got, &where, &err))
		fail_msg("%s", err.text);
	assert_int_equal(got, expected);
	assert_string_equal(where, full);
}

static void assert_has(const struct err *err, const char *word)
{
	if (!strstr(err->text, word) && !strstr(err->remedy, word))
		fail_msg("'%s' is neither in '%s' nor in '%s'", word, err->text, err->remedy);
}

static void refused(struct target *target, enum limit_id limit, uint64_t value, const char *const says[2])
{
	struct err err = ERR_INIT;

	assert_int_equal(limit_set(target, limit, value, NULL, &err), -1);
	assert_int_equal(err.domain, ERR_HOST);
	for (size_t i = 0; i < 2; i++)
		assert_has(&err, says[i]);
	err_clear(&err);
	assert_int_equal(limit_probe(target, limit, &err), -1);
	assert_int_equal(err.domain, ERR_HOST);
}

static void test_v1(void **state)
{
	AUTO(target) struct target *target = NULL;

	(void)state;
	make_v1();
	target = open_target();
	check_get(target, LIMIT_MEMORY_SOFT, LIMIT_UNLIMITED, V1 GROUP "/memory.soft_limit_in_bytes");
	check_get(target, LIMIT_MEMORY_HARD, 536870912, V1 GROUP "/memory.limit_in_bytes");
	check_get(target, LIMIT_MEMORY_SWAP, 1073741824, V1 GROUP "/memory.memsw.limit_in_bytes");
	refused(target, LIMIT_MEMORY_PROTECT, 4096, (const char *const[]){"no protection", "memory.soft"});
	/* A kernel that does not account swap. */
	AUTO(free_ptr) char *path = xasprintf("%s" V1 GROUP "/memory.memsw.limit_in_bytes", root);
	assert_int_equal(unlink(path), 0);
	refused(target, LIMIT_MEMORY_SWAP, UINT64_C(1) << 30,
		(const char *const[]){"memory.memsw.limit_in_bytes", "swapaccount=1"});
}

static void test_v2(void **state)
{
	AUTO(target) struct target *target = NULL;

	(void)state;
	make_v2();
	target = open_target();
	check_get(target, LIMIT_MEMORY_SOFT, LIMIT_UNLIMITED, SCOPE "/libvirt/memory.high");
	check_get(target, LIMIT_MEMORY_HARD, 536870912, SCOPE "/libvirt/memory.max");
	check_get(target, LIMIT_MEMORY_SWAP, 0, SCOPE "/libvirt/memory.swap.max");
	check_get(target, LIMIT_MEMORY_PROTECT, 0, SCOPE "/libvirt/memory.low");
}

static uint64_t low(const char *group)
{
	AUTO(free_ptr) char *path = xasprintf("%s%s/memory.low", root, group);
	uint64_t value;

	assert_int_equal(fsio_read_u64(AT_FDCWD, path, &value, NULL), 0);
	return value;
}

#define SLICE  V2 "/machine.slice"
#define OTHERS SLICE "/machine-qemu-2-blue.scope"

/* A fake file is not cut off by a shorter write, so all values here have as many digits. */
static void test_protect(void **state)
{
	AUTO(target) struct target *target = NULL;
	struct err err = ERR_INIT;
	uint64_t got;

	(void)state;
	make_v2();
	put(SLICE "/memory.low", "0000000\n");
	put(SCOPE "/memory.low", "0000000\n");
	put(SCOPE "/libvirt/memory.low", "0000000\n");
	put(OTHERS "/memory.low", "2097152\n");
	target = open_target();
	if (limit_set(target, LIMIT_MEMORY_PROTECT, 4194304 + 100, &got, &err))
		fail_msg("%s", err.text);
	/* The fake file keeps what a kernel would round. */
	assert_int_equal(got, 4194304 + 100);
}

static void test_protect_hierarchy(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	make_v2();
	put(SLICE "/memory.low", "0000000\n");
	put(SCOPE "/memory.low", "0000000\n");
	put(SCOPE "/libvirt/memory.low", "0000000\n");
	put(OTHERS "/memory.low", "2097152\n");
	AUTO(free_ptr) char *group = xasprintf("%s" SCOPE "/libvirt", root);
	assert_int_equal(memory_protect_write(group, 4194304, NULL, &err), 0);
	assert_int_equal(low(SCOPE "/libvirt"), 4194304);
	assert_int_equal(low(SCOPE), 4194304);
	/* The other machine keeps what it asked for. */
	assert_int_equal(low(SLICE), 4194304 + 2097152);
	assert_int_equal(low(OTHERS), 2097152);
	assert_int_equal(memory_protect_write(group, 1048576, NULL, &err), 0);
	assert_int_equal(low(SCOPE), 1048576);
	assert_int_equal(low(SLICE), 1048576 + 2097152);
	/* More than the sum: somebody's own wish, which stays. */
	put(SLICE "/memory.low", "9999999\n");
	assert_int_equal(memory_protect_write(group, 2097152, NULL, &err), 0);
	assert_int_equal(low(SCOPE), 2097152);
	assert_int_equal(low(SLICE), 9999999);
	assert_int_equal(memory_protect_write(group, 1048576, NULL, &err), 0);
	assert_int_equal(low(SLICE), 9999999);
	/* Less than the sum: raised. */
	put(SLICE "/memory.low", "1000000\n");
	assert_int_equal(memory_protect_write(group, 2097152, NULL, &err), 0);
	assert_int_equal(low(SLICE), 2097152 + 2097152);
}

struct changes {
	unsigned count;
	char paths[4][PATH_MAX];
	uint64_t before[4], after[4];
	bool refuses;
};

static int note_change(void *context, const char *path, uint64_t before, uint64_t after, struct err *err)
{
	struct changes *changes = context;

	if (changes->refuses)
		return err_run(err, "no journal");
	assert_true(changes->count < ARRAY_SIZE(changes->paths));
	(void)snprintf(changes->paths[changes->count], PATH_MAX, "%s", path + strlen(root));
	changes->before[changes->count] = before;
	changes->after[changes->count++] = after;
	return 0;
}

/* Who has to undo it is told of every group above before it changes. */
static void test_protect_hook(void **state)
{
	AUTO(target) struct target *target = NULL;
	struct changes changes = {0};
	struct limit_hook hook = {.changing = note_change, .context = &changes};
	struct err err = ERR_INIT;

	(void)state;
	make_v2();
	put(SLICE "/memory.low", "0000000\n");
	put(SCOPE "/memory.low", "0000000\n");
	put(SCOPE "/libvirt/memory.low", "0000000\n");
	put(OTHERS "/memory.low", "2097152\n");
	target = open_target();
	target_set_hook(target, &hook);
	if (limit_set(target, LIMIT_MEMORY_PROTECT, 4194304, NULL, &err))
		fail_msg("%s", err.text);
	assert_int_equal(changes.count, 2);
	assert_string_equal(changes.paths[0], SCOPE "/memory.low");
	assert_int_equal(changes.before[0], 0);
	assert_int_equal(changes.after[0], 4194304);
	assert_string_equal(changes.paths[1], SLICE "/memory.low");
	assert_int_equal(changes.before[1], 0);
	assert_int_equal(changes.after[1], 4194304 + 2097152);
	changes.refuses = true;
	assert_int_equal(limit_set(target, LIMIT_MEMORY_PROTECT, 1048576, NULL, &err), -1);
	assert_has(&err, "no journal");
	assert_int_equal(low(SCOPE), 4194304);
}

#define WRITERS 4
#define ROUNDS  200

struct writer {
	size_t index;
	char *group;
	pthread_barrier_t *together;
	unsigned wrong; /* rounds after which the group above held something else than the sum */
	int result;
};

/* Up and down; as many digits here too. */
static uint64_t wish(size_t index, uint64_t turn)
{
	return 1000000 + 4096 * ((turn * 7 + index * 13) % 100);
}

static void *write_many(void *context)
{
	struct writer *writer = context;

	for (uint64_t turn = 0; turn < ROUNDS; turn++) {
		uint64_t sum = 0;
		(void)pthread_barrier_wait(writer->together);
		writer->result |= memory_protect_write(writer->group, wish(writer->index, turn), NULL, NULL);
		(void)pthread_barrier_wait(writer->together);
		for (size_t i = 0; i < WRITERS; i++)
			sum += wish(i, turn);
		writer->wrong += low(SLICE) != sum;
	}
	return NULL;
}

/* Targets with a thread each share the group above: it gets the sum of what they ask for. */
static void test_protect_together(void **state)
{
	struct writer writers[WRITERS] = {0};
	pthread_t threads[WRITERS];
	pthread_barrier_t together;

	(void)state;
	put(SLICE "/memory.low", "0000000\n");
	assert_int_equal(pthread_barrier_init(&together, NULL, WRITERS), 0);
	for (size_t i = 0; i < WRITERS; i++) {
		AUTO(free_ptr) char *name = xasprintf(SLICE "/machine-%zu", i);
		AUTO(free_ptr) char *file = xasprintf("%s/memory.low", name);
		put(file, "0000000\n");
		writers[i].group = xasprintf("%s%s", root, name);
		writers[i].index = i;
		writers[i].together = &together;
	}
	for (size_t i = 0; i < WRITERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, write_many, &writers[i]), 0);
	for (size_t i = 0; i < WRITERS; i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
		assert_int_equal(writers[i].result, 0);
		assert_int_equal(writers[i].wrong, 0);
		free(writers[i].group);
	}
	(void)pthread_barrier_destroy(&together);
}

static void test_pages(void **state)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);

	(void)state;
	assert_int_equal(memory_round_to_pages(0), 0);
	assert_int_equal(memory_round_to_pages(page - 1), 0);
	assert_int_equal(memory_round_to_pages(3 * page + 1), 3 * page);
	assert_true(memory_round_to_pages(LIMIT_UNLIMITED) == LIMIT_UNLIMITED);
}

/* A kernel whose soft limit takes a value and keeps none: said so, with the remedy. */
static int inert_set(struct target *target, const struct applier_ops *ops, uint64_t value, struct err *err)
{
	(void)target;
	(void)ops;
	(void)value;
	(void)err;
	return 0;
}

static void test_inert(void **state)
{
	struct err err = ERR_INIT;
	struct applier_ops inert = applier_memory_soft;
	const struct applier_ops *table[LIMIT_COUNT];
	struct target *target;
	uint64_t got = 0;

	(void)state;
	make_v1();
	memcpy(table, applier_table, sizeof(table));
	inert.set = inert_set;
	table[LIMIT_MEMORY_SOFT] = &inert;
	assert_int_equal(target_open_with(root, "red", 4321, table, &target, &err), 0);
	assert_int_equal(limit_set(target, LIMIT_MEMORY_SOFT, 314572800, &got, &err), -1);
	assert_int_equal(err.domain, ERR_READBACK);
	assert_true(got == LIMIT_UNLIMITED);
	assert_has(&err, "inert");
	assert_has(&err, "asked 300MiB");
	assert_has(&err, "memory.soft_limit_in_bytes holds max");
	assert_has(&err, "memory.protect");
	err_clear(&err);
	/* Another difference has no such cause. */
	put(V1 GROUP "/memory.soft_limit_in_bytes", "4096\n");
	assert_int_equal(limit_set(target, LIMIT_MEMORY_SOFT, 314572800, &got, &err), -1);
	assert_null(strstr(err.text, "inert"));
	target_close(target);
}

struct tries {
	unsigned count, works_at;
	int error;
};

static int try_once(void *context, struct err *err)
{
	struct tries *tries = context;

	return ++tries->count == tries->works_at ? 0 : err_sys(err, tries->error, "attempt %u", tries->count);
}

static void test_patience(void **state)
{
	static const struct {
		const char *name;
		struct tries tries;
		uint64_t patience_ms;
		int result;
		unsigned attempts; /* 0: some */
	} cases[] = {
		{"at once", {.works_at = 1, .error = EBUSY}, 10000, 0, 1},
		{"at the third attempt", {.works_at = 3, .error = EBUSY}, 10000, 0, 3},
		{"another error", {.error = EINVAL}, 10000, -1, 1},
		{"never", {.error = EBUSY}, 200, -1, 0},
		{"no patience", {.error = EBUSY}, 0, -1, 1},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct tries tries = cases[i].tries;
		struct err err = ERR_INIT;
		unsigned attempts = 0;
		print_message("  %s\n", cases[i].name);
		uint64_t begin_ns = clock_now_ns();
		int result = memory_try_until(try_once, &tries, cases[i].patience_ms, &attempts, &err);
		uint64_t took_ms = (clock_now_ns() - begin_ns) / NS_PER_MS;
		assert_int_equal(result, cases[i].result);
		assert_int_equal(attempts, tries.count);
		if (cases[i].attempts)
			assert_int_equal(attempts, cases[i].attempts);
		else
			assert_true(attempts > 1 && took_ms >= 200 && took_ms < 2000);
		assert_int_equal(err_is_set(&err), result != 0);
		if (result)
			assert_int_equal(err.code, tries.error);
	}
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, make_root, remove_root)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_v1),
		CASE(test_v2),
		CASE(test_protect),
		CASE(test_protect_hierarchy),
		CASE(test_protect_hook),
		CASE(test_protect_together),
		cmocka_unit_test(test_pages),
		CASE(test_inert),
		cmocka_unit_test(test_patience),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
