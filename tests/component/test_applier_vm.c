/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The applier and the sampler against one real QEMU of the embedded libvirt driver.  The VM has neither kernel nor disk:
 * its firmware looks for something to boot, which is enough for its control groups.  Needs root, QEMU and a cpu
 * controller.  All of it lives in PID, network and mount namespaces that end with the test.
 */
#include <errno.h>
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
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "applier/applier.h"
#include "applier/disk.h"
#include "applier/ops.h"
#include "base/auto.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/fsio.h"
#include "fixture/disk.h"
#include "glue/libvirt.h"
#include "sample/sampler.h"
#include "sample/source.h"
#include "vm/vm.h"

#define NAME "limitlab-test,applier"

DEFINE_AUTO(target, struct target *, target_close);
DEFINE_AUTO(sampler, struct sampler *, sampler_free);

static const char domain_format[] =
	"<domain type='qemu'><name>" NAME "</name><memory unit='MiB'>32</memory><vcpu>2</vcpu>"
	"<os><type arch='x86_64' machine='q35'>hvm</type></os><features><acpi/></features>"
	"<devices><disk type='block' device='disk'><driver name='qemu' type='raw' cache='none'/>"
	"<source dev='%s'/><target dev='vdb' bus='virtio'/></disk>"
	"<controller type='usb' model='none'/><memballoon model='none'/></devices></domain>";

static char directory[] = "/tmp/ll-ap-XXXXXX";
static struct vm_host *host;
static virConnectPtr connection;
static virDomainPtr domain;
static struct disk_fixture *disk;

static void bind_disk(struct target *target, bool ignores_weights)
{
	const struct disk_binding binding = {
		.device = disk_fixture_path(disk),
		.number = disk_fixture_number(disk),
		.guest_target = "vdb",
		.ignores_weights = ignores_weights,
	};
	struct err err = ERR_INIT;

	if (target_bind_disk(target, &binding, &err))
		fail_msg("%s", err.text);
}

static void must(int result, const struct err *err)
{
	if (result < 0)
		fail_msg("%s (%s)", err->text, err->origin);
}

static void check_set(struct target *target, enum limit_id limit, uint64_t value)
{
	struct err err = ERR_INIT;
	uint64_t got = 0, again = 0;
	const char *where = NULL;

	uint64_t begin_ns = clock_now_ns();
	must(limit_set(target, limit, value, &got, &err), &err);
	uint64_t took_ns = clock_now_ns() - begin_ns;
	assert_int_equal(got, value);
	must(limit_get(target, limit, &again, &where, &err), &err);
	assert_int_equal(again, value);
	AUTO(free_ptr) char *text = limit_format_value(limit_spec(limit), value);
	print_message(
		"  %s %s in %.2f ms, %s\n", limit_spec(limit)->name, text, (double)took_ns / 1e6, where);
	/* libvirt agrees with the kernel. */
	uint64_t told;
	if (!applier_table[limit]->told)
		return;
	must(applier_table[limit]->told(target, applier_table[limit], &told, &err), &err);
	assert_int_equal(told, value);
}

static void test_every_limit(void **state)
{
	static const struct {
		enum limit_id limit;
		uint64_t values[4];
		size_t count;
	} cases[] = {
		{LIMIT_CPU_SHARES, {2, 4096, 10000, 1000}, 4},
		{LIMIT_CPU_PERIOD, {50000, 1000000, 1000, 200000}, 4},
		{LIMIT_CPU_QUOTA, {50000, 1000, LIMIT_UNLIMITED, 300000}, 4},
		{LIMIT_CPU_PERIOD, {100000}, 1},
		/* The VM uses some tens of MiB: limits above that, so that none has to be reached first. */
		{LIMIT_MEMORY_SOFT, {1 << 20, 300 << 20, LIMIT_UNLIMITED}, 3},
		{LIMIT_MEMORY_HARD, {UINT64_C(1) << 30, 512 << 20}, 2},
		{LIMIT_MEMORY_SWAP, {UINT64_C(2) << 30, 600 << 20, LIMIT_UNLIMITED}, 3},
		{LIMIT_MEMORY_HARD, {LIMIT_UNLIMITED}, 1},
		{LIMIT_MEMORY_PROTECT, {100 << 20, LIMIT_UNLIMITED, 0}, 3},
		{LIMIT_DISK_WEIGHT, {1, 1000, 500, 100}, 4},
		{LIMIT_DISK_READ_BYTES, {10 << 20, 4096, LIMIT_UNLIMITED}, 3},
		{LIMIT_DISK_WRITE_BYTES, {UINT64_C(5000000000), LIMIT_UNLIMITED, 1 << 20}, 3},
		{LIMIT_DISK_READ_IOPS, {1, 1000000000, 500}, 3},
		{LIMIT_DISK_WRITE_IOPS, {500, LIMIT_UNLIMITED}, 2},
		{LIMIT_DISK_QEMU_READ_BYTES, {10 << 20, UINT64_C(1000000000000000), 4096}, 3},
		{LIMIT_DISK_QEMU_WRITE_BYTES, {1 << 20, LIMIT_UNLIMITED}, 2},
		{LIMIT_DISK_QEMU_READ_IOPS, {1, 1000000000, LIMIT_UNLIMITED}, 3},
		{LIMIT_DISK_QEMU_WRITE_IOPS, {500}, 1},
	};
	struct err err = ERR_INIT;
	struct limit_snapshot before, after;
	AUTO(target) struct target *target = NULL;
	unsigned seen = 0;

	(void)state;
	must(target_open(domain, 0, &target, &err), &err);
	assert_string_equal(target_name(target), NAME);
	bind_disk(target, false);
	must(limit_snapshot_take(target, &before, &err), &err);
	bool v2 = target_cgroup(target)->at[CGROUP_MEMORY].v2;
	unsigned in_cgroups = 0;
	for (enum limit_id i = 0; i < LIMIT_COUNT; i++) {
		if (!strcmp(limit_spec(i)->resource, "net")) {
			/* This VM is bound to no link. */
			assert_false(before.known[i]);
			continue;
		}
		in_cgroups |= 1U << i;
		if (i == LIMIT_MEMORY_PROTECT && !v2) {
			assert_false(before.known[i]);
			continue;
		}
		must(limit_probe(target, i, &err), &err);
		assert_true(before.known[i]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		seen |= 1U << cases[i].limit;
		if (cases[i].limit == LIMIT_MEMORY_PROTECT && !v2)
			continue;
		for (size_t k = 0; k < cases[i].count; k++)
			check_set(target, cases[i].limit, cases[i].values[k]);
	}
	/* A limit that nobody tried here is a hole in this test. */
	assert_int_equal(seen, in_cgroups);
	must(limit_snapshot_restore(target, &before, &err), &err);
	must(limit_snapshot_take(target, &after, &err), &err);
	assert_memory_equal(&before, &after, sizeof(before));
}

static void test_shares_outside_v2(void **state)
{
	struct err err = ERR_INIT;
	AUTO(target) struct target *target = NULL;

	(void)state;
	must(target_open(domain, 0, &target, &err), &err);
	if (!target_cgroup(target)->at[CGROUP_CPU].v2) {
		check_set(target, LIMIT_CPU_SHARES, 262144);
		return;
	}
	assert_int_equal(limit_set(target, LIMIT_CPU_SHARES, 262144, NULL, &err), -1);
	assert_int_equal(err.domain, ERR_INPUT);
}

/* The kernel refuses on v1: the quota of a vCPU may not be above that of the whole VM. */
static void test_refused_quota(void **state)
{
	struct err err = ERR_INIT;
	AUTO(target) struct target *target = NULL;
	AUTO(vir_params) struct vir_params list = {0};
	uint64_t got = 0;

	(void)state;
	must(target_open(domain, 0, &target, &err), &err);
	if (target_cgroup(target)->at[CGROUP_CPU].v2)
		return;
	assert_int_equal(
		virTypedParamsAddLLong(&list.items, &list.count, &list.capacity, "vcpu_quota", 50000), 0);
	assert_int_equal(
		virDomainSetSchedulerParametersFlags(domain, list.items, list.count, VIR_DOMAIN_AFFECT_LIVE),
		0);
	assert_int_equal(limit_set(target, LIMIT_CPU_QUOTA, 20000, &got, &err), -1);
	print_message("  %s\n  remedy: %s\n", err.text, err.remedy);
	assert_int_equal(err.domain, ERR_LIBVIRT);
	assert_true(err.remedy[0] != '\0');
	err_clear(&err);
	must(limit_get(target, LIMIT_CPU_QUOTA, &got, NULL, &err), &err);
	assert_true(got == LIMIT_UNLIMITED);
	list.items[0].value.l = -1;
	assert_int_equal(
		virDomainSetSchedulerParametersFlags(domain, list.items, list.count, VIR_DOMAIN_AFFECT_LIVE),
		0);
}

/* Without swap a VM's memory cannot leave its group: v1 refuses again and again, and the applier says how far it came. */
static void test_refused_hard_limit(void **state)
{
	struct err err = ERR_INIT;
	AUTO(target) struct target *target = NULL;
	AUTO(buf) struct buf swaps = BUF_INIT;
	uint64_t got = 0;

	(void)state;
	must(target_open(domain, 0, &target, &err), &err);
	must(fsio_read_file("/proc/swaps", 65536, &swaps, &err), &err);
	if (target_cgroup(target)->at[CGROUP_MEMORY].v2 || strchr(swaps.data, '\n')[1]) {
		print_message("  only on v1 without swap\n");
		return;
	}
	uint64_t begin_ns = clock_now_ns();
	assert_int_equal(limit_set(target, LIMIT_MEMORY_HARD, 4 << 20, &got, &err), -1);
	print_message("  %s\n  remedy: %s\n  note: %s\n", err.text, err.remedy, target_note(target));
	assert_true(clock_now_ns() - begin_ns < 15 * NS_PER_S);
	assert_int_equal(err.code, EBUSY);
	assert_non_null(strstr(err.text, "attempts in 10"));
	assert_non_null(strstr(err.text, "memory.limit_in_bytes"));
	assert_non_null(strstr(target_note(target), "MiB used then"));
	assert_non_null(strstr(err.remedy, "swap"));
	err_clear(&err);
	must(limit_get(target, LIMIT_MEMORY_HARD, &got, NULL, &err), &err);
	assert_true(got == LIMIT_UNLIMITED);
	/* memory.swap is never below memory.hard. */
	must(limit_set(target, LIMIT_MEMORY_HARD, 512 << 20, NULL, &err), &err);
	assert_int_equal(limit_set(target, LIMIT_MEMORY_SWAP, 256 << 20, NULL, &err), -1);
	print_message("  %s\n  remedy: %s\n", err.text, err.remedy);
	assert_non_null(strstr(err.remedy, "lower memory.hard first"));
	err_clear(&err);
	must(limit_set(target, LIMIT_MEMORY_HARD, LIMIT_UNLIMITED, NULL, &err), &err);
}

/* One of QEMU's limits leaves the others alone, and so does one of the kernel's. */
static void test_disk_limits_apart(void **state)
{
	static const struct {
		enum limit_id limit;
		uint64_t value;
	} all[] = {
		{LIMIT_DISK_READ_BYTES, 1 << 20},
		{LIMIT_DISK_WRITE_BYTES, 2 << 20},
		{LIMIT_DISK_READ_IOPS, 300},
		{LIMIT_DISK_WRITE_IOPS, 400},
		{LIMIT_DISK_QEMU_READ_BYTES, 5 << 20},
		{LIMIT_DISK_QEMU_WRITE_BYTES, 6 << 20},
		{LIMIT_DISK_QEMU_READ_IOPS, 700},
		{LIMIT_DISK_QEMU_WRITE_IOPS, 800},
	};
	struct err err = ERR_INIT;
	AUTO(target) struct target *target = NULL;

	(void)state;
	must(target_open(domain, 0, &target, &err), &err);
	/* Without a binding nobody knows which device is meant. */
	assert_int_equal(limit_set(target, LIMIT_DISK_READ_BYTES, 1 << 20, NULL, &err), -1);
	assert_int_equal(err.domain, ERR_HOST);
	err_clear(&err);
	bind_disk(target, false);
	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		must(limit_set(target, all[i].limit, all[i].value, NULL, &err), &err);
	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		uint64_t got;
		must(limit_get(target, all[i].limit, &got, NULL, &err), &err);
		assert_int_equal(got, all[i].value);
		must(limit_set(target, all[i].limit, LIMIT_UNLIMITED, NULL, &err), &err);
	}
}

/* A weight that the device's scheduler ignores: refused before anything is changed, or said to be without effect. */
static void test_weight_that_does_nothing(void **state)
{
	struct err err = ERR_INIT;
	AUTO(target) struct target *target = NULL;
	AUTO(free_ptr) char *path = xasprintf("/sys/block/%s/queue/scheduler", disk_fixture_block(disk));
	uint64_t before, after;

	(void)state;
	must(target_open(domain, 0, &target, &err), &err);
	bind_disk(target, false);
	must(limit_get(target, LIMIT_DISK_WEIGHT, &before, NULL, &err), &err);
	must(fsio_write_small(-1, path, "mq-deadline", &err), &err);
	assert_int_equal(limit_set(target, LIMIT_DISK_WEIGHT, before + 11, NULL, &err), -1);
	print_message("  %s; %s\n", err.text, err.remedy);
	assert_int_equal(err.domain, ERR_HOST);
	assert_non_null(strstr(err.text, "'mq-deadline', which ignores weights"));
	assert_non_null(strstr(err.remedy, "echo bfq >/sys/"));
	err_clear(&err);
	must(limit_get(target, LIMIT_DISK_WEIGHT, &after, NULL, &err), &err);
	assert_int_equal(after, before);
	bind_disk(target, true);
	must(limit_set(target, LIMIT_DISK_WEIGHT, before + 11, &after, &err), &err);
	assert_int_equal(after, before + 11);
	assert_non_null(strstr(target_note(target), "no effect"));
	must(fsio_write_small(-1, path, "bfq", &err), &err);
	must(limit_set(target, LIMIT_DISK_WEIGHT, before, &after, &err), &err);
	assert_string_equal(target_note(target), "");
}

static void test_wrong_process(void **state)
{
	struct err err = ERR_INIT;
	struct target *target = NULL;

	(void)state;
	assert_int_equal(target_open(domain, getpid(), &target, &err), -1);
	assert_int_equal(err.domain, ERR_RUN);
	assert_null(target);
}

static void test_sample(void **state)
{
	struct err err = ERR_INIT;
	AUTO(target) struct target *target = NULL;
	AUTO(sampler) struct sampler *sampler = NULL;
	struct table table;
	size_t column_count;

	(void)state;
	must(target_open(domain, 0, &target, &err), &err);
	struct sampler_tenant tenant = {
		.name = "red", .pid = target_pid(target), .cgroup = target_cgroup(target)};
	must(sampler_new(&(struct sampler_options){.root = "", .tenants = &tenant, .tenant_count = 1},
		     &sampler, &err),
		&err);
	const char *const *columns = sampler_columns(&column_count);
	table_init(&table, columns, column_count);
	sampler_tick(sampler, clock_now_ns(), &table);
	sampler_tick(sampler, clock_now_ns(), &table);
	assert_int_equal(table.row_count, 4);
	const double *cells = table.cells;
	for (size_t i = 0; i < column_count; i++)
		if (!isnan(cells[i]))
			print_message("  %s %.0f\n", columns[i], cells[i]);
	assert_true(cells[SAMPLE_CPU_USAGE_NS] > 0);
	assert_true(cells[SAMPLE_VCPU_USAGE_NS] > 0);
	/* The whole VM's time holds the vCPUs' (read a moment later, so allow for what a moment can add). */
	assert_true(cells[SAMPLE_CPU_USAGE_NS] + 50e6 > cells[SAMPLE_VCPU_USAGE_NS]);
	assert_true(cells[SAMPLE_RUN_DELAY_NS] >= 0);
	if (target_cgroup(target)->at[CGROUP_MEMORY].present)
		assert_true(cells[SAMPLE_MEM_ANON_BYTES] > 0);
	assert_true(cells[SAMPLE_CPU_PERIODS] >= 0);
	uint64_t begin_ns = clock_now_ns();
	for (unsigned i = 0; i < 100; i++)
		sampler_tick(sampler, begin_ns, &table);
	print_message("  one tick, one tenant: %.1f us\n", (double)(clock_now_ns() - begin_ns) / 1e5);
	table_release(&table);
}

static int start_vm(void **state)
{
	struct err err = ERR_INIT;
	AUTO(free_ptr) char *uri = xasprintf("qemu:///embed?root=%s/e", directory);

	static const struct disk_options disk_options = {
		.size_bytes = 8 << 20,
		.rate_bytes_per_s = 50 << 20,
		.scheduler = "bfq",
		.partitions = 1,
	};
	uint64_t bytes;

	(void)state;
	unsigned disk_number = disk_loop_free_number();
	if (disk_fixture_new(&disk_options, directory, disk_number, &disk, &err)) {
		print_error("%s\n", err.text);
		return -1;
	}
	AUTO(free_ptr) char *domain_xml = xasprintf(domain_format, disk_fixture_partition(disk, 0, &bytes));
	if (vm_host_open(uri, &host, &err) < 0) {
		print_error("%s\n", err.text);
		return -1;
	}
	connection = virConnectOpen(uri);
	domain = connection ? virDomainCreateXML(connection, domain_xml, 0) : NULL;
	if (!domain) {
		print_error("%s\n", virGetLastErrorMessage());
		return -1;
	}
	return 0;
}

static int stop_vm(void **state)
{
	struct err err = ERR_INIT;
	struct target *target = NULL;
	AUTO(free_ptr) char *path = NULL;

	(void)state;
	if (domain && !target_open(domain, 0, &target, &err)) {
		path = target_cgroup(target)->at[CGROUP_CPU].present
			       ? xstrdup(target_cgroup(target)->at[CGROUP_CPU].path)
			       : NULL;
		target_close(target);
	}
	int failed = domain && virDomainDestroy(domain) < 0;
	if (domain)
		(void)virDomainFree(domain);
	if (connection)
		(void)virConnectClose(connection);
	vm_host_close(host);
	if (disk_fixture_remove(disk, &err)) {
		print_error("%s\n", err.text);
		failed = 1;
	}
	/* libvirt removes the groups; what it forgets stays on the host. */
	return failed || (path && fsio_exists(path)) ? -1 : 0;
}

static int run_all(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_limit),
		cmocka_unit_test(test_shares_outside_v2),
		cmocka_unit_test(test_refused_quota),
		cmocka_unit_test(test_refused_hard_limit),
		cmocka_unit_test(test_disk_limits_apart),
		cmocka_unit_test(test_weight_that_does_nothing),
		cmocka_unit_test(test_wrong_process),
		cmocka_unit_test(test_sample),
	};

	return cmocka_run_group_tests(tests, start_vm, stop_vm);
}

/* PID 1 of the namespace: the tests run in its child, and it reaps the QEMUs, which are nobody's children. */
static int init_process(void)
{
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
		mount("proc", "/proc", "proc", 0, NULL) < 0)
		return 99;
	/* libvirt's knowledge of QEMU may be kept between runs of this test: probing takes seconds. */
	const char *cache = getenv("LIMITLAB_TEST_CACHE");
	AUTO(free_ptr) char *point = xasprintf("%s/e/cache", directory);
	if (cache && (fsio_make_dirs(point, NULL) || fsio_make_dirs(cache, NULL) ||
			     mount(cache, point, NULL, MS_BIND, NULL) < 0))
		return 98;
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

static int skip_all(const char *reason)
{
	if (getenv("LIMITLAB_MUST_WORK")) {
		printf("1..1\nnot ok 1 - %s\n", reason);
		return 1;
	}
	printf("1..0 # SKIP %s\n", reason);
	return 0;
}

int main(void)
{
	int status = -1;

	if (geteuid() != 0)
		return skip_all("not root");
	if (access("/usr/bin/qemu-system-x86_64", X_OK))
		return skip_all("no qemu-system-x86_64");
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
	/* We share the mount namespace: the kept cache is not to be removed with the rest. */
	AUTO(free_ptr) char *point = xasprintf("%s/e/cache", directory);
	(void)umount2(point, MNT_DETACH);
	if (fsio_remove_tree(directory, NULL))
		return 1;
	/* Not by way of the leak sanitizer: it starts a process, and our new ones would live in a namespace that is dead. */
	_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
}
