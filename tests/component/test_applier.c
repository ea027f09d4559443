/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The applier with a fake backend (a second implementation of its ops) and with the real one reading fake trees.
 */
#include <errno.h>
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
#include "applier/ops.h"
#include "base/auto.h"
#include "base/buf.h"
#include "base/fsio.h"

#define PID   4321
#define GROUP "/machine/qemu-1-red.libvirt-qemu"

DEFINE_AUTO(target, struct target *, target_close);

/* What the fake host holds, per limit, and how it misbehaves. */
static struct fake {
	uint64_t value, told;
	int set_errno;       /* set fails with this */
	uint64_t sticks;     /* not 0: the file keeps this value whatever is set */
	enum limit_id bound; /* not 0: a value above this limit's is refused */
	bool unreadable;     /* get fails */
	bool missing;        /* probe says that the host lacks it */
	bool has_told;
	unsigned sets;
} fakes[LIMIT_COUNT];

static int fake_set(struct target *target, const struct applier_ops *ops, uint64_t value, struct err *err)
{
	struct fake *fake = &fakes[ops->limit];

	(void)target;
	fake->sets++;
	if (fake->set_errno)
		return err_sys(err, fake->set_errno, "fake write");
	if (fake->bound && value > fakes[fake->bound].value)
		return err_input(err, "fake bound");
	fake->told = value;
	fake->value = fake->sticks ? fake->sticks : value;
	return 0;
}

static int fake_get(
	struct target *target, const struct applier_ops *ops, uint64_t *ret_value, struct err *err)
{
	const char *path = target_where(target, "/fake", limit_spec(ops->limit)->name);

	if (fakes[ops->limit].unreadable)
		return err_sys(err, EIO, "cannot read '%s'", path);
	*ret_value = fakes[ops->limit].value;
	return 0;
}

static int fake_probe(struct target *target, const struct applier_ops *ops, struct err *err)
{
	(void)target;
	return fakes[ops->limit].missing ? err_host(err, "fake host lacks %s", limit_spec(ops->limit)->name)
					 : 0;
}

static int fake_told(
	struct target *target, const struct applier_ops *ops, uint64_t *ret_value, struct err *err)
{
	(void)target;
	if (!fakes[ops->limit].has_told)
		return err_run(err, "fake libvirt does not tell");
	*ret_value = fakes[ops->limit].told;
	return 0;
}

static struct applier_ops fake_ops[LIMIT_COUNT];
static const struct applier_ops *fake_table[LIMIT_COUNT];

static int fill_table(void **state)
{
	(void)state;
	for (unsigned i = 0; i < LIMIT_COUNT; i++) {
		fake_ops[i] = (struct applier_ops){
			.limit = (enum limit_id)i,
			.controller = CGROUP_CPU,
			.set = fake_set,
			.get = fake_get,
			.probe = fake_probe,
			.told = fake_told,
		};
		fake_table[i] = &fake_ops[i];
	}
	return 0;
}

struct fixture {
	char *root;
	struct target *target;
};

static void put(const char *root, const char *path, const char *text)
{
	struct err err = ERR_INIT;
	AUTO(free_ptr) char *full = xasprintf("%s%s", root, path);
	AUTO(free_ptr) char *directory = fsio_dirname(full);

	if (fsio_make_dirs(directory, &err) || fsio_write_atomic(full, text, strlen(text), &err))
		fail_msg("%s", err.text);
}

#define V1 "/sys/fs/cgroup/cpu"
#define V2 "/sys/fs/cgroup"

static void make_v1(const char *root)
{
	put(root, "/proc/4321/cgroup", "1:cpu:" GROUP "/emulator\n");
	put(root, "/proc/self/mountinfo", "32 31 0:32 / " V1 " rw - cgroup cgroup rw,cpu\n");
	put(root, V1 GROUP "/emulator/cpu.shares", "1024\n");
	put(root, V1 GROUP "/cpu.shares", "2048\n");
	put(root, V1 GROUP "/cpu.cfs_quota_us", "-1\n");
	put(root, V1 GROUP "/cpu.cfs_period_us", "100000\n");
}

static void make_v2(const char *root)
{
	put(root, "/proc/4321/cgroup", "0::/machine.slice/machine-qemu-1-red.scope/libvirt/emulator\n");
	put(root, "/proc/self/mountinfo", "32 31 0:32 / " V2 " rw - cgroup2 cgroup2 rw\n");
	put(root, V2 "/machine.slice/machine-qemu-1-red.scope/cgroup.controllers", "cpu\n");
	put(root, V2 "/machine.slice/machine-qemu-1-red.scope/cpu.weight", "100\n");
	put(root, V2 "/machine.slice/machine-qemu-1-red.scope/cpu.max", "max 100000\n");
	put(root, V2 "/machine.slice/machine-qemu-1-red.scope/libvirt/cpu.max", "30000 50000\n");
	put(root, V2 "/machine.slice/machine-qemu-1-red.scope/libvirt/emulator/cpu.max", "max 100000\n");
}

static struct fixture open_fixture(void (*make)(const char *root), const struct applier_ops *const *table)
{
	struct err err = ERR_INIT;
	char template[] = "/tmp/limitlab-test-applier-XXXXXX";
	struct fixture fixture = {0};

	assert_non_null(mkdtemp(template));
	fixture.root = xstrdup(template);
	make(fixture.root);
	memset(fakes, 0, sizeof(fakes));
	fakes[LIMIT_CPU_SHARES].value = 1024;
	fakes[LIMIT_CPU_QUOTA].value = LIMIT_UNLIMITED;
	fakes[LIMIT_CPU_PERIOD].value = 100000;
	if (target_open_with(fixture.root, "red", PID, table, &fixture.target, &err))
		fail_msg("%s", err.text);
	return fixture;
}

static void close_fixture(struct fixture *fixture)
{
	target_close(fixture->target);
	assert_int_equal(fsio_remove_tree(fixture->root, NULL), 0);
	free(fixture->root);
}

static void assert_has(const struct err *err, const char *word)
{
	if (!strstr(err->text, word))
		fail_msg("'%s' is not in '%s'", word, err->text);
}

/* Every limit of the catalogue has a whole row, in its place. */
static void test_table(void **state)
{
	(void)state;
	for (enum limit_id i = 0; i < LIMIT_COUNT; i++) {
		const struct applier_ops *ops = applier_table[i];
		assert_non_null(ops);
		assert_int_equal(ops->limit, i);
		assert_int_equal(limit_spec(i)->id, i);
		assert_true(ops->controller <= CGROUP_CONTROLLER_COUNT);
		assert_non_null(ops->set);
		assert_non_null(ops->get);
		for (enum limit_id k = 0; k < i; k++)
			assert_ptr_not_equal(applier_table[k], ops);
	}
}

static void test_set_reads_back(void **state)
{
	struct err err = ERR_INIT;
	struct fixture fixture = open_fixture(make_v1, fake_table);
	uint64_t got = 0;
	const char *where = NULL;

	(void)state;
	assert_int_equal(limit_set(fixture.target, LIMIT_CPU_SHARES, 4096, &got, &err), 0);
	assert_int_equal(got, 4096);
	assert_int_equal(limit_set(fixture.target, LIMIT_CPU_QUOTA, LIMIT_UNLIMITED, NULL, &err), 0);
	assert_int_equal(limit_get(fixture.target, LIMIT_CPU_SHARES, &got, &where, &err), 0);
	assert_int_equal(got, 4096);
	assert_string_equal(where, "/fake/cpu.shares");
	close_fixture(&fixture);
}

static void test_mismatch(void **state)
{
	struct err err = ERR_INIT;
	struct fixture fixture = open_fixture(make_v1, fake_table);
	uint64_t got = 0;

	(void)state;
	fakes[LIMIT_CPU_SHARES].sticks = 1024;
	fakes[LIMIT_CPU_SHARES].has_told = true;
	assert_int_equal(limit_set(fixture.target, LIMIT_CPU_SHARES, 4096, &got, &err), -1);
	assert_int_equal(err.domain, ERR_READBACK);
	assert_int_equal(got, 1024);
	/* The whole chain: asked, libvirt, file, its value. */
	assert_has(&err, "asked 4096");
	assert_has(&err, "says 4096");
	assert_has(&err, "/fake/cpu.shares holds 1024");
	assert_has(&err, "'red'");
	close_fixture(&fixture);
}

static void test_set_fails(void **state)
{
	struct err err = ERR_INIT;
	struct fixture fixture = open_fixture(make_v1, fake_table);
	uint64_t got = 77;

	(void)state;
	fakes[LIMIT_CPU_QUOTA].set_errno = EBUSY;
	assert_int_equal(limit_set(fixture.target, LIMIT_CPU_QUOTA, 50000, &got, &err), -1);
	assert_int_equal(err.domain, ERR_SYS);
	assert_int_equal(err.code, EBUSY);
	assert_has(&err, "cannot set cpu.quota of 'red' to 50ms");
	assert_int_equal(got, 77);
	close_fixture(&fixture);
}

static void test_unreadable_after_set(void **state)
{
	struct err err = ERR_INIT;
	struct fixture fixture = open_fixture(make_v1, fake_table);
	uint64_t got = 77;

	(void)state;
	fakes[LIMIT_CPU_PERIOD].unreadable = true;
	assert_int_equal(limit_set(fixture.target, LIMIT_CPU_PERIOD, 50000, &got, &err), -1);
	assert_int_equal(err.domain, ERR_SYS);
	assert_has(&err, "/fake/cpu.period");
	assert_int_equal(got, 77);
	close_fixture(&fixture);
}

static void test_range(void **state)
{
	static const struct {
		const char *name;
		enum limit_id limit;
		uint64_t value;
	} cases[] = {
		{"shares below", LIMIT_CPU_SHARES, 1},
		{"shares above", LIMIT_CPU_SHARES, 262145},
		{"shares have no max", LIMIT_CPU_SHARES, LIMIT_UNLIMITED},
		{"quota below", LIMIT_CPU_QUOTA, 999},
		{"quota above", LIMIT_CPU_QUOTA, UINT64_C(17592186044416)},
		{"period zero", LIMIT_CPU_PERIOD, 0},
		{"period above", LIMIT_CPU_PERIOD, 1000001},
	};
	struct fixture fixture = open_fixture(make_v1, fake_table);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct err err = ERR_INIT;
		print_message("  %s\n", cases[i].name);
		assert_int_equal(limit_set(fixture.target, cases[i].limit, cases[i].value, NULL, &err), -1);
		assert_int_equal(err.domain, ERR_INPUT);
		assert_has(&err, limit_spec(cases[i].limit)->name);
		assert_int_equal(fakes[cases[i].limit].sets, 0);
	}
	close_fixture(&fixture);
}

static void test_restore_goes_on(void **state)
{
	struct err err = ERR_INIT;
	struct fixture fixture = open_fixture(make_v1, fake_table);
	struct limit_snapshot snapshot;

	(void)state;
	assert_int_equal(limit_snapshot_take(fixture.target, &snapshot, &err), 0);
	for (enum limit_id i = 0; i < LIMIT_COUNT; i++)
		assert_true(snapshot.known[i]);
	assert_int_equal(limit_set(fixture.target, LIMIT_CPU_SHARES, 4096, NULL, &err), 0);
	assert_int_equal(limit_set(fixture.target, LIMIT_CPU_QUOTA, 50000, NULL, &err), 0);
	fakes[LIMIT_CPU_SHARES].set_errno = EBUSY;
	fakes[LIMIT_CPU_QUOTA].sets = 0;
	assert_int_equal(limit_snapshot_restore(fixture.target, &snapshot, &err), -1);
	/* The first error is reported, what comes behind it is restored, and what did not change is left alone. */
	assert_int_equal(err.code, EBUSY);
	assert_has(&err, "cpu.shares");
	assert_int_equal(fakes[LIMIT_CPU_QUOTA].value, LIMIT_UNLIMITED);
	assert_int_equal(fakes[LIMIT_CPU_QUOTA].sets, 1);
	assert_int_equal(fakes[LIMIT_CPU_PERIOD].sets, 0);

	err_clear(&err);
	fakes[LIMIT_CPU_SHARES].set_errno = 0;
	assert_int_equal(limit_snapshot_restore(fixture.target, &snapshot, &err), 0);
	assert_int_equal(fakes[LIMIT_CPU_SHARES].value, 1024);
	close_fixture(&fixture);
}

/* One limit bounds another: whatever their order, both come back. */
static void test_restore_of_bounded_limits(void **state)
{
	struct err err = ERR_INIT;
	struct fixture fixture = open_fixture(make_v1, fake_table);
	struct limit_snapshot snapshot;

	(void)state;
	fakes[LIMIT_NET_RATE].value = 300000000;
	fakes[LIMIT_NET_CEIL].value = 300000000;
	assert_int_equal(limit_snapshot_take(fixture.target, &snapshot, &err), 0);
	fakes[LIMIT_NET_RATE].value = 8000;
	fakes[LIMIT_NET_CEIL].value = 10000000;
	fakes[LIMIT_NET_RATE].bound = LIMIT_NET_CEIL;
	if (limit_snapshot_restore(fixture.target, &snapshot, &err))
		fail_msg("%s", err.text);
	assert_int_equal(fakes[LIMIT_NET_RATE].value, 300000000);
	assert_int_equal(fakes[LIMIT_NET_CEIL].value, 300000000);
	close_fixture(&fixture);
}

static void test_snapshot_of_a_poor_host(void **state)
{
	struct err err = ERR_INIT;
	struct fixture fixture = open_fixture(make_v1, fake_table);
	struct limit_snapshot snapshot;

	(void)state;
	fakes[LIMIT_CPU_PERIOD].missing = true;
	assert_int_equal(limit_snapshot_take(fixture.target, &snapshot, &err), 0);
	assert_true(snapshot.known[LIMIT_CPU_SHARES]);
	assert_false(snapshot.known[LIMIT_CPU_PERIOD]);
	/* Unreadable is another thing than absent. */
	fakes[LIMIT_CPU_SHARES].unreadable = true;
	assert_int_equal(limit_snapshot_take(fixture.target, &snapshot, &err), -1);
	assert_int_equal(err.domain, ERR_SYS);
	close_fixture(&fixture);
}

static void make_bare(const char *root)
{
	put(root, "/proc/4321/cgroup", "1:cpu:/\n0::/\n");
	put(root, "/proc/self/mountinfo", "32 31 0:32 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n");
	put(root, "/sys/fs/cgroup/cpu/cpu.shares", "1024\n");
}

static void test_no_controller(void **state)
{
	struct fixture fixture = open_fixture(make_bare, applier_table);
	uint64_t got;

	(void)state;
	for (enum limit_id i = 0; i < LIMIT_COUNT; i++) {
		struct err err[3] = {ERR_INIT, ERR_INIT, ERR_INIT};
		assert_int_equal(limit_probe(fixture.target, i, &err[0]), -1);
		assert_int_equal(limit_get(fixture.target, i, &got, NULL, &err[1]), -1);
		assert_int_equal(limit_set(fixture.target, i, limit_spec(i)->min, NULL, &err[2]), -1);
		for (size_t k = 0; k < ARRAY_SIZE(err); k++) {
			assert_int_equal(err[k].domain, ERR_HOST);
			assert_true(err[k].remedy[0] != '\0');
		}
	}
	close_fixture(&fixture);
}

static void check_get(struct fixture *fixture, enum limit_id limit, uint64_t expected, const char *path)
{
	struct err err = ERR_INIT;
	uint64_t got;
	const char *where;
	AUTO(free_ptr) char *full = xasprintf("%s%s", fixture->root, path);

	if (limit_get(fixture->target, limit, &got, &where, &err))
		fail_msg("%s", err.text);
	assert_int_equal(got, expected);
	assert_string_equal(where, full);
}

static void test_real_files_v1(void **state)
{
	struct err err = ERR_INIT;
	struct fixture fixture = open_fixture(make_v1, applier_table);

	(void)state;
	check_get(&fixture, LIMIT_CPU_SHARES, 2048, V1 GROUP "/cpu.shares");
	check_get(&fixture, LIMIT_CPU_QUOTA, LIMIT_UNLIMITED, V1 GROUP "/cpu.cfs_quota_us");
	check_get(&fixture, LIMIT_CPU_PERIOD, 100000, V1 GROUP "/cpu.cfs_period_us");
	for (enum limit_id i = 0; i < LIMIT_COUNT; i++)
		if (applier_table[i]->controller == CGROUP_CPU)
			assert_int_equal(limit_probe(fixture.target, i, &err), 0);
	/* Bound to no link. */
	assert_int_equal(limit_probe(fixture.target, LIMIT_NET_RATE, &err), -1);
	assert_int_equal(err.domain, ERR_HOST);
	err_clear(&err);
	/* A kernel without bandwidth control. */
	AUTO(free_ptr) char *path = xasprintf("%s%s", fixture.root, V1 GROUP "/cpu.cfs_quota_us");
	assert_int_equal(unlink(path), 0);
	assert_int_equal(limit_probe(fixture.target, LIMIT_CPU_QUOTA, &err), -1);
	assert_int_equal(err.domain, ERR_HOST);
	assert_has(&err, "CONFIG_CFS_BANDWIDTH");
	close_fixture(&fixture);
}

static void test_real_files_v2(void **state)
{
	static const char *const broken[] = {
		"", "max", "abc 100000", "10x 100000", "99999999999999999999999 1"};
	struct fixture fixture = open_fixture(make_v2, applier_table);
	uint64_t got;

	(void)state;
	check_get(&fixture, LIMIT_CPU_SHARES, 100, V2 "/machine.slice/machine-qemu-1-red.scope/cpu.weight");
	check_get(&fixture, LIMIT_CPU_QUOTA, 30000,
		V2 "/machine.slice/machine-qemu-1-red.scope/libvirt/cpu.max");
	check_get(&fixture, LIMIT_CPU_PERIOD, 50000,
		V2 "/machine.slice/machine-qemu-1-red.scope/libvirt/cpu.max");
	put(fixture.root, V2 "/machine.slice/machine-qemu-1-red.scope/libvirt/cpu.max", "max 100000\n");
	check_get(&fixture, LIMIT_CPU_QUOTA, LIMIT_UNLIMITED,
		V2 "/machine.slice/machine-qemu-1-red.scope/libvirt/cpu.max");
	for (size_t i = 0; i < ARRAY_SIZE(broken); i++) {
		struct err err = ERR_INIT;
		put(fixture.root, V2 "/machine.slice/machine-qemu-1-red.scope/libvirt/cpu.max", broken[i]);
		assert_int_equal(limit_get(fixture.target, LIMIT_CPU_QUOTA, &got, NULL, &err), -1);
		assert_has(&err, "cpu.max");
	}
	close_fixture(&fixture);
}

/* What v2 does not take is refused before libvirt is asked (there is none here), and the mode is named. */
static void test_weight_range_v2(void **state)
{
	struct err err = ERR_INIT;
	struct fixture fixture = open_fixture(make_v2, applier_table);

	(void)state;
	assert_int_equal(limit_set(fixture.target, LIMIT_CPU_SHARES, 10001, NULL, &err), -1);
	assert_int_equal(err.domain, ERR_INPUT);
	assert_has(&err, "cgroup v2");
	assert_has(&err, "10000");
	assert_true(err.remedy[0] != '\0');
	err_clear(&err);
	assert_int_equal(limit_set(fixture.target, LIMIT_CPU_SHARES, 10000, NULL, &err), -1);
	assert_int_equal(err.domain, ERR_RUN);
	close_fixture(&fixture);
}

/* target_open() with no domain takes the process as it is. */
static void test_open_without_domain(void **state)
{
	struct err err = ERR_INIT;
	AUTO(target) struct target *target = NULL;

	(void)state;
	if (target_open(NULL, getpid(), &target, &err))
		fail_msg("%s", err.text);
	assert_int_equal(target_pid(target), getpid());
	assert_null(target_domain(target));
	assert_non_null(target_cgroup(target));
	assert_non_null(strstr(target_name(target), "process"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_set_reads_back),
		cmocka_unit_test(test_mismatch),
		cmocka_unit_test(test_set_fails),
		cmocka_unit_test(test_unreadable_after_set),
		cmocka_unit_test(test_range),
		cmocka_unit_test(test_restore_goes_on),
		cmocka_unit_test(test_restore_of_bounded_limits),
		cmocka_unit_test(test_snapshot_of_a_poor_host),
		cmocka_unit_test(test_no_controller),
		cmocka_unit_test(test_real_files_v1),
		cmocka_unit_test(test_real_files_v2),
		cmocka_unit_test(test_weight_range_v2),
		cmocka_unit_test(test_open_without_domain),
	};

	return cmocka_run_group_tests(tests, fill_table, NULL);
}
