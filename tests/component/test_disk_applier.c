/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Disk limits read from fake trees of control groups and devices, and what is refused before libvirt is asked (there is none here).
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>
#include <cmocka.h>

#include "applier/applier.h"
#include "applier/disk.h"
#include "applier/disk_internal.h"
#include "applier/ops.h"
#include "applier/scope.h"
#include "base/auto.h"
#include "base/buf.h"
#include "base/fsio.h"

#define V1_GROUP "/sys/fs/cgroup/blkio/machine/qemu-1-red"
#define V2_SCOPE "/sys/fs/cgroup/machine.slice/machine-qemu-1-red.scope"
#define PID      4242

DEFINE_AUTO(target, struct target *, target_close);

static char root[] = "/tmp/ll-diskap-XXXXXX";

static void put(const char *path, const char *text)
{
	AUTO(free_ptr) char *full = xasprintf("%s%s", root, path);
	AUTO(free_ptr) char *dir = fsio_dirname(full);
	struct err err = ERR_INIT;

	if (fsio_make_dirs(dir, &err) || fsio_write_atomic(full, text, strlen(text), &err))
		fail_msg("%s", err.text);
}

static void gone(const char *path)
{
	AUTO(free_ptr) char *full = xasprintf("%s%s", root, path);

	assert_int_equal(unlink(full), 0);
}

static struct target *open_target(bool v2)
{
	struct target *target = NULL;
	struct err err = ERR_INIT;

	assert_int_equal(fsio_remove_tree(root, NULL), 0);
	put("/proc/4242/cgroup", v2 ? "0::/machine.slice/machine-qemu-1-red.scope/libvirt/emulator\n"
				    : "7:blkio:/machine/qemu-1-red\n");
	put("/proc/self/mountinfo", v2 ? "30 1 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n"
				       : "30 1 0:26 / /sys/fs/cgroup/blkio rw - cgroup cgroup rw,blkio\n");
	if (v2) {
		put(V2_SCOPE "/cgroup.controllers", "cpu io memory\n");
		put(V2_SCOPE "/io.bfq.weight", "default 136\n");
		put(V2_SCOPE "/libvirt/io.max", "8:0 rbps=max wbps=max riops=max wiops=max\n"
						"7:64 rbps=10485760 wbps=max riops=500 wiops=max\n");
	} else {
		put(V1_GROUP "/blkio.bfq.weight", "500\n");
		put(V1_GROUP "/blkio.throttle.read_bps_device", "8:0 1\n7:64 10485760\n");
		put(V1_GROUP "/blkio.throttle.write_bps_device", "");
		put(V1_GROUP "/blkio.throttle.read_iops_device", "7:6 1\n17:64 2\n");
		put(V1_GROUP "/blkio.throttle.write_iops_device", "7:64 77\n");
	}
	put("/sys/dev/block/7:64/queue/scheduler", "none mq-deadline [bfq]\n");
	put("/sys/dev/block/7:64/dev", "7:64\n");
	put("/sys/dev/block/259:3/partition", "1\n");
	if (target_open_with(root, "red", PID, applier_table, &target, &err))
		fail_msg("%s", err.text);
	return target;
}

static void bind_to(struct target *target, bool ignores_weights)
{
	struct err err = ERR_INIT;
	const struct disk_binding binding = {"/dev/loop64", makedev(7, 64), "vdb", ignores_weights, root};

	if (target_bind_disk(target, &binding, &err))
		fail_msg("%s", err.text);
}

static void check(struct target *target, enum limit_id limit, uint64_t expected, const char *path)
{
	AUTO(free_ptr) char *full = xasprintf("%s%s", root, path);
	struct err err = ERR_INIT;
	const char *where;
	uint64_t got;

	if (limit_get(target, limit, &got, &where, &err))
		fail_msg("%s", err.text);
	assert_int_equal(got, expected);
	assert_string_equal(where, full);
}

static void test_v1(void **state)
{
	AUTO(target) struct target *target = open_target(false);
	struct err err = ERR_INIT;

	(void)state;
	check(target, LIMIT_DISK_WEIGHT, 500, V1_GROUP "/blkio.bfq.weight");
	assert_int_equal(limit_probe(target, LIMIT_DISK_READ_BYTES, &err), -1);
	assert_int_equal(err.domain, ERR_HOST);
	assert_non_null(strstr(err.text, "bound to no disk"));
	bind_to(target, false);
	check(target, LIMIT_DISK_READ_BYTES, 10485760, V1_GROUP "/blkio.throttle.read_bps_device");
	check(target, LIMIT_DISK_WRITE_BYTES, LIMIT_UNLIMITED, V1_GROUP "/blkio.throttle.write_bps_device");
	/* Other devices whose numbers look alike. */
	check(target, LIMIT_DISK_READ_IOPS, LIMIT_UNLIMITED, V1_GROUP "/blkio.throttle.read_iops_device");
	check(target, LIMIT_DISK_WRITE_IOPS, 77, V1_GROUP "/blkio.throttle.write_iops_device");
	/* Kernels before 5.0, and those without BFQ in a group. */
	gone(V1_GROUP "/blkio.bfq.weight");
	put(V1_GROUP "/blkio.weight", "300\n");
	check(target, LIMIT_DISK_WEIGHT, 300, V1_GROUP "/blkio.weight");
	gone(V1_GROUP "/blkio.weight");
	err_clear(&err);
	assert_int_equal(limit_probe(target, LIMIT_DISK_WEIGHT, &err), -1);
	assert_int_equal(err.domain, ERR_HOST);
	assert_non_null(strstr(err.remedy, "CONFIG_BFQ_GROUP_IOSCHED"));
	gone(V1_GROUP "/blkio.throttle.read_bps_device");
	err_clear(&err);
	assert_int_equal(limit_probe(target, LIMIT_DISK_READ_BYTES, &err), -1);
	assert_non_null(strstr(err.text, "CONFIG_BLK_DEV_THROTTLING"));
}

static void test_v2(void **state)
{
	AUTO(target) struct target *target = open_target(true);

	(void)state;
	bind_to(target, false);
	check(target, LIMIT_DISK_WEIGHT, 136, V2_SCOPE "/io.bfq.weight");
	check(target, LIMIT_DISK_READ_BYTES, 10485760, V2_SCOPE "/libvirt/io.max");
	check(target, LIMIT_DISK_WRITE_BYTES, LIMIT_UNLIMITED, V2_SCOPE "/libvirt/io.max");
	check(target, LIMIT_DISK_READ_IOPS, 500, V2_SCOPE "/libvirt/io.max");
	check(target, LIMIT_DISK_WRITE_IOPS, LIMIT_UNLIMITED, V2_SCOPE "/libvirt/io.max");
	gone(V2_SCOPE "/io.bfq.weight");
	put(V2_SCOPE "/io.weight", "default 250\n8:0 100\n");
	check(target, LIMIT_DISK_WEIGHT, 250, V2_SCOPE "/io.weight");
}

static uint64_t number_in(const char *path)
{
	AUTO(free_ptr) char *full = xasprintf("%s%s", root, path);
	struct err err = ERR_INIT;
	uint64_t value;

	if (fsio_read_u64(AT_FDCWD, full, &value, &err))
		fail_msg("%s", err.text);
	return value;
}

/* systemd makes 136 of 500, in either mode. */
static void test_compressed_weight(void **state)
{
	(void)state;
	for (int v2 = 0; v2 <= 1; v2++) {
		const char *path = v2 ? V2_SCOPE "/io.bfq.weight" : V1_GROUP "/blkio.bfq.weight";
		AUTO(target) struct target *target = open_target(v2);
		struct err err = ERR_INIT;
		put(path, "136\n");
		if (disk_weight_settle(target, 500, &err))
			fail_msg("%s", err.text);
		assert_int_equal(number_in(path), 500);
		assert_non_null(strstr(target_note(target), "systemd made 136 of it"));
	}
}

/* A weight that is set through systemd undoes what was written to the scope without it.  A fake file is not cut off. */
static void test_scope(void **state)
{
	static const struct {
		const char *name;
		enum cgroup_controller controller; /* of the weight that is set */
		uint64_t weight, low;              /* afterwards */
	} cases[] = {
		{"cpu.shares", CGROUP_CPU, 500, 4194304},
		{"disk.weight", CGROUP_BLKIO, 136, 4194304},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(target) struct target *target = open_target(true);
		struct err err = ERR_INIT;
		struct scope_kept kept;
		print_message("  %s\n", cases[i].name);
		put(V2_SCOPE "/io.bfq.weight", "default 500\n8:0 100\n");
		put(V2_SCOPE "/memory.low", "4194304\n");
		put(V2_SCOPE "/libvirt/memory.low", "4194304\n");
		scope_keep(target, cases[i].controller, &kept);
		put(V2_SCOPE "/io.bfq.weight", "136\n");
		put(V2_SCOPE "/memory.low", "0000000\n");
		if (scope_put_back(target, &kept, &err))
			fail_msg("%s", err.text);
		assert_int_equal(number_in(V2_SCOPE "/io.bfq.weight"), cases[i].weight);
		assert_int_equal(number_in(V2_SCOPE "/memory.low"), cases[i].low);
		assert_non_null(strstr(target_note(target), "systemd took memory.low back"));
		/* What stayed as it was is no news. */
		target->note[0] = '\0';
		scope_keep(target, cases[i].controller, &kept);
		assert_int_equal(scope_put_back(target, &kept, &err), 0);
		assert_string_equal(target_note(target), "");
	}
	/* Without systemd nobody else writes there. */
	AUTO(target) struct target *target = open_target(false);
	struct scope_kept kept;
	scope_keep(target, CGROUP_CPU, &kept);
	for (size_t i = 0; i < SCOPE_FILES; i++)
		assert_string_equal(kept.values[i], "");
}

static void test_broken_weights(void **state)
{
	static const char *const broken[] = {"", "\n", "heavy\n", "default\n", "100x\n"};
	AUTO(target) struct target *target = open_target(false);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(broken); i++) {
		struct err err = ERR_INIT;
		uint64_t got;
		put(V1_GROUP "/blkio.bfq.weight", broken[i]);
		assert_int_equal(limit_get(target, LIMIT_DISK_WEIGHT, &got, NULL, &err), -1);
		assert_non_null(strstr(err.text, "blkio.bfq.weight"));
	}
}

/* Who honours a weight: asked before libvirt is. */
static void test_honoured(void **state)
{
	static const struct {
		const char *name, *scheduler, *plain, *iocost;
		bool v2, ignores, honoured;
	} cases[] = {
		{"bfq", "none [bfq]\n", NULL, NULL, false, false, true},
		{"none", "[none] bfq\n", NULL, NULL, false, false, false},
		{"mq-deadline on v2", "none [mq-deadline]\n", NULL, NULL, true, false, false},
		{"none on purpose", "[none] bfq\n", NULL, NULL, false, true, true},
		{"io.cost", "[none]\n", "default 100\n", "8:0 enable=0\n7:64 enable=1 ctrl=auto\n", true,
			false, true},
		{"io.cost is off", "[none]\n", "default 100\n", "7:64 enable=0 ctrl=auto\n", true, false,
			false},
		{"io.cost of another device", "[none]\n", "default 100\n", "17:64 enable=0\n", true, false,
			false},
		{"no io.cost", "[none]\n", "default 100\n", NULL, true, false, false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(target) struct target *target = open_target(cases[i].v2);
		struct err err = ERR_INIT;
		put("/sys/dev/block/7:64/queue/scheduler", cases[i].scheduler);
		if (cases[i].plain) {
			gone(V2_SCOPE "/io.bfq.weight");
			put(V2_SCOPE "/io.weight", cases[i].plain);
		}
		if (cases[i].iocost)
			put("/sys/fs/cgroup/io.cost.qos", cases[i].iocost);
		bind_to(target, cases[i].ignores);
		assert_int_equal(limit_set(target, LIMIT_DISK_WEIGHT, 200, NULL, &err), -1);
		/* Past that check it fails for want of a domain. */
		bool past = err.domain == ERR_RUN && strstr(err.text, "without its libvirt domain");
		if (past != cases[i].honoured ||
			(!past && (err.domain != ERR_HOST || !strstr(err.remedy, "echo bfq"))))
			fail_msg("%s: %s; %s", cases[i].name, err.text, err.remedy);
		assert_int_equal(target_note(target)[0] != '\0', cases[i].ignores);
	}
}

static void test_binding(void **state)
{
	const struct {
		dev_t number;
		const char *text;
	} cases[] = {
		{makedev(259, 3), "is a partition"},
		{makedev(7, 99), "is not a block device of this host"},
	};
	AUTO(target) struct target *target = open_target(false);

	(void)state;
	bind_to(target, false);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct err err = ERR_INIT;
		const struct disk_binding binding = {"/dev/x", cases[i].number, "vdb", false, root};
		assert_int_equal(target_bind_disk(target, &binding, &err), -1);
		assert_int_equal(err.domain, ERR_INPUT);
		assert_non_null(strstr(err.text, cases[i].text));
	}
	/* The earlier binding stays. */
	check(target, LIMIT_DISK_WRITE_IOPS, 77, V1_GROUP "/blkio.throttle.write_iops_device");
}

static void test_texts(void **state)
{
	static const char io_max[] =
		"7:6 rbps=1 wbps=2 riops=3 wiops=4\n7:64 rbps=5 wbps=max riops=7 wiops=8\n";

	(void)state;
	assert_int_equal(disk_find_v2(io_max, 7, 6, "rbps"), 1);
	assert_int_equal(disk_find_v2(io_max, 7, 64, "rbps"), 5);
	assert_int_equal(disk_find_v2(io_max, 7, 64, "wbps"), LIMIT_UNLIMITED);
	assert_int_equal(disk_find_v2(io_max, 7, 64, "wiops"), 8);
	assert_int_equal(disk_find_v2(io_max, 7, 64, "iops"), LIMIT_UNLIMITED);
	assert_int_equal(disk_find_v2(io_max, 8, 0, "rbps"), LIMIT_UNLIMITED);
	assert_int_equal(disk_find_v2("", 7, 64, "rbps"), LIMIT_UNLIMITED);
	assert_int_equal(disk_find_v1("7:64 5\n", 7, 64), 5);
	assert_int_equal(disk_find_v1("7:64", 7, 64), LIMIT_UNLIMITED);
	AUTO(free_ptr) char *bfq = disk_active_scheduler("mq-deadline kyber [bfq] none");
	AUTO(free_ptr) char *none = disk_active_scheduler("none");
	assert_string_equal(bfq, "bfq");
	assert_string_equal(none, "none");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_v1),
		cmocka_unit_test(test_v2),
		cmocka_unit_test(test_compressed_weight),
		cmocka_unit_test(test_scope),
		cmocka_unit_test(test_broken_weights),
		cmocka_unit_test(test_honoured),
		cmocka_unit_test(test_binding),
		cmocka_unit_test(test_texts),
	};

	if (!mkdtemp(root))
		return 1;
	int result = cmocka_run_group_tests_name("disk_applier", tests, NULL, NULL);
	(void)fsio_remove_tree(root, NULL);
	return result;
}
