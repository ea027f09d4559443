/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The sampler over fake trees, and over the real /proc of this process.
 */
#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/cpulist.h"
#include "base/fsio.h"
#include "sample/sampler.h"
#include "sample/source.h"

DEFINE_AUTO(sampler, struct sampler *, sampler_free);

#define GROUP "/machine/vm.libvirt-qemu"

static char root[64];

static int make_root(void **state)
{
	(void)state;
	(void)snprintf(root, sizeof(root), "/tmp/limitlab-test-sampler-XXXXXX");
	return mkdtemp(root) ? 0 : -1;
}

static int remove_root(void **state)
{
	(void)state;
	return fsio_remove_tree(root, NULL);
}

/* Written in place: the sampler keeps the file open. */
static void put(const char *path, const char *text)
{
	struct err err = ERR_INIT;
	AUTO(free_ptr) char *full = xasprintf("%s%s", root, path);
	AUTO(free_ptr) char *directory = fsio_dirname(full);

	if (fsio_make_dirs(directory, &err))
		fail_msg("%s", err.text);
	AUTO(close_file) FILE *file = fopen(full, "w");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
}

static void make_proc(const char *cgroup)
{
	put("/proc/77/cgroup", cgroup);
	put("/proc/stat", "cpu  100 10 50 1000 20 5 5 30 7 0\n"
			  "cpu0 60 10 30 400 10 5 5 20 7 0\n"
			  "cpu1 40 0 20 600 10 0 0 10 0 0\nintr 12345\n");
	put("/proc/meminfo", "MemTotal:       24000000 kB\nMemFree: 1 kB\nMemAvailable:    2048 kB\n"
			     "SwapTotal: 9 kB\nSwapFree: 8 kB\n");
	put("/proc/vmstat",
		"nr_free_pages 5\npswpin 11\npswpout 12\nallocstall_normal 70\nallocstall_movable 7\npgsteal_kswapd 20\npgsteal_direct 1\n"
		"pgscan_kswapd 100\npgscan_direct 10\npgscan_khugepaged 1\npgscan_proactive 5000\n"
		"pgscan_direct_throttle 7000\npgscan_anon 9000\noom_kill 3\npageoutrun 400\n");
	put("/proc/zoneinfo",
		"Node 0, zone   Normal\n  pages free     5884\n  pagesets\n    cpu: 0\n              count:    7\n"
		"              high:     14\n    cpu: 1\n              count:    3\n  vm stats threshold: 36\n");
	put("/proc/pressure/memory", "some avg10=0.00 avg60=0.00 avg300=0.00 total=1234\n"
				     "full avg10=0.00 avg60=0.00 avg300=0.00 total=34\n");
	put("/proc/77/task/77/comm", "qemu-system-x86\n");
	put("/proc/77/task/77/schedstat", "999 999 9\n");
	put("/proc/77/task/81/comm", "CPU 0/TCG\n");
	put("/proc/77/task/81/schedstat", "1000 30 7\n");
	put("/proc/77/task/82/comm", "CPU 1/TCG\n");
	put("/proc/77/task/82/schedstat", "500 4 7\n");
	put("/proc/77/task/83/comm", "CPU thief\n");
	put("/proc/77/task/83/schedstat", "9 9 9\n");
}

static void make_v1(void)
{
	make_proc("1:cpu:" GROUP "/emulator\n2:cpuacct:" GROUP "/emulator\n3:memory:" GROUP "\n4:blkio:" GROUP
		  "\n");
	put("/proc/self/mountinfo", "1 0 0:1 / /c/cpu rw - cgroup cgroup rw,cpu\n"
				    "2 0 0:2 / /c/cpuacct rw - cgroup cgroup rw,cpuacct\n"
				    "3 0 0:3 / /c/memory rw - cgroup cgroup rw,memory\n"
				    "4 0 0:4 / /c/blkio rw - cgroup cgroup rw,blkio\n");
	put("/c/cpuacct" GROUP "/emulator/tasks", "77\n");
	put("/c/cpuacct" GROUP "/cpuacct.usage", "9007199254740991\n");
	put("/c/cpu" GROUP "/cpu.stat", "nr_periods 10\nnr_throttled 3\nthrottled_time 123456\n");
	put("/c/cpu" GROUP "/emulator/tasks", "77\n");
	put("/c/cpu" GROUP "/vcpu0/tasks", "81\n");
	put("/c/memory" GROUP "/memory.usage_in_bytes", "4096\n");
	put("/c/memory" GROUP "/memory.stat",
		"cache 1\nrss 2\nswap 3\npgmajfault 4\ntotal_cache 5\ntotal_rss 6\ntotal_swap 7\ntotal_pgmajfault 8\n");
	put("/c/blkio" GROUP "/blkio.throttle.io_service_bytes",
		"8:0 Read 100\n8:0 Write 200\n8:0 Sync 300\n8:0 Total 300\n7:0 Read 1000\n7:0 Write 5\nTotal 1305\n");
	put("/c/blkio" GROUP "/blkio.throttle.io_serviced", "Total 0\n");
}

static void make_v2(void)
{
	make_proc("0::/vm.scope/libvirt/emulator\n");
	put("/proc/self/mountinfo", "1 0 0:1 / /c rw - cgroup2 cgroup2 rw\n");
	put("/c/vm.scope/cgroup.controllers", "cpu memory io\n");
	put("/c/vm.scope/cpu.stat",
		"usage_usec 5000\nuser_usec 1\nnr_periods 0\nnr_throttled 0\nthrottled_usec 0\n");
	put("/c/vm.scope/libvirt/cpu.stat",
		"usage_usec 4000\nnr_periods 20\nnr_throttled 2\nthrottled_usec 7\n");
	put("/c/vm.scope/libvirt/emulator/cgroup.threads", "77\n");
	put("/c/vm.scope/libvirt/vcpu0/cgroup.threads", "81\n");
	put("/c/vm.scope/libvirt/vcpu1/cgroup.threads", "82\n");
	put("/c/vm.scope/memory.current", "8192\n");
	put("/c/vm.scope/memory.swap.current", "0\n");
	put("/c/vm.scope/memory.pressure", "some avg10=0.00 avg60=0.00 avg300=0.00 total=5\n");
	put("/c/vm.scope/memory.stat", "anon 4096\nfile 5\nanon_thp 9\npgmajfault 11\n");
	put("/c/vm.scope/io.stat", "8:0 rbytes=10 wbytes=20 rios=1 wios=2 dbytes=0 dios=0\n"
				   "7:0 rbytes=30 wbytes=40 rios=3 wios=4 dbytes=0 dios=0\n");
}

struct expected_cell {
	enum sample_column column;
	double value; /* NAN: missing */
};

#define MISSING ((double)NAN)

static void check_cells(const double *cells, const struct expected_cell *expected, size_t count)
{
	size_t column_count;
	const char *const *columns = sampler_columns(&column_count);

	for (size_t i = 0; i < count; i++) {
		double got = cells[expected[i].column];
		bool same = isnan(expected[i].value) ? isnan(got)
						     : !(got < expected[i].value || got > expected[i].value);
		if (!same || (isnan(got) && !isnan(expected[i].value)))
			fail_msg("%s is %.0f, not %.0f", columns[expected[i].column], got, expected[i].value);
	}
}

static void tick(const cpu_set_t *set, struct sampler **ret_sampler, struct table *ret_table)
{
	struct err err = ERR_INIT;
	struct cgroup_vm cgroup;
	size_t column_count;
	const char *const *columns = sampler_columns(&column_count);

	if (cgroup_vm_find(root, 77, &cgroup, &err))
		fail_msg("%s", err.text);
	struct sampler_tenant tenant = {.name = "red", .pid = 77, .cgroup = &cgroup};
	if (sampler_new(
		    &(struct sampler_options){
			    .root = root, .tenants = &tenant, .tenant_count = 1, .scarce_cpus = set},
		    ret_sampler, &err))
		fail_msg("%s", err.text);
	/* Only borrowed while it opens. */
	cgroup_vm_release(&cgroup);
	table_init(ret_table, columns, column_count);
	sampler_tick(*ret_sampler, clock_now_ns() + 5 * NS_PER_S, ret_table);
	assert_int_equal(ret_table->row_count, 2);
	assert_string_equal(ret_table->tenants[0], "red");
	assert_string_equal(ret_table->tenants[1], "host");
	/* Before the start of the timeline. */
	assert_true(ret_table->t_s[0] < -4.9 && ret_table->t_s[0] > -5.1);
	assert_true(ret_table->t_s[1] >= ret_table->t_s[0]);
}

static void test_v1(void **state)
{
	static const struct expected_cell expected[] = {
		{SAMPLE_CPU_USAGE_NS, 9007199254740991.0},
		{SAMPLE_VCPU_USAGE_NS,
			1000}, /* one vcpu group: what else is named "CPU 1/TCG" does not count */
		{SAMPLE_EMULATOR_USAGE_NS, 9007199254739991.0}, {SAMPLE_RUN_DELAY_NS, 30},
		{SAMPLE_CPU_PERIODS, 10}, {SAMPLE_CPU_THROTTLED, 3}, {SAMPLE_CPU_THROTTLED_NS, 123456},
		{SAMPLE_MEM_USAGE_BYTES, 4096}, {SAMPLE_MEM_ANON_BYTES, 6}, {SAMPLE_MEM_SWAP_BYTES, 7},
		{SAMPLE_MEM_MAJOR_FAULTS, 8}, {SAMPLE_BLK_READ_BYTES, 1100}, {SAMPLE_BLK_WRITE_BYTES, 205},
		{SAMPLE_BLK_READ_IOS, 0}, {SAMPLE_BLK_WRITE_IOS, 0}, {SAMPLE_TAP_RX_BYTES, MISSING},
		{SAMPLE_SET_BUSY_NS, MISSING}, {SAMPLE_HOST_BUSY_NS, MISSING},
		{SAMPLE_MEM_AVAILABLE_BYTES, MISSING}, {SAMPLE_VM_PGSCAN, MISSING},
		{SAMPLE_PSI_MEM_SOME_US, MISSING}, /* v1 has none of a group */
	};
	AUTO(sampler) struct sampler *sampler = NULL;
	struct table table;

	(void)state;
	make_v1();
	tick(NULL, &sampler, &table);
	check_cells(table.cells, expected, ARRAY_SIZE(expected));
	table_release(&table);
}

static void test_v2(void **state)
{
	static const struct expected_cell expected[] = {
		{SAMPLE_CPU_USAGE_NS, 5e6},
		{SAMPLE_VCPU_USAGE_NS, 1500},
		{SAMPLE_RUN_DELAY_NS, 34},
		{SAMPLE_CPU_PERIODS, 20}, /* the quota is on the libvirt sub-group */
		{SAMPLE_CPU_THROTTLED, 2},
		{SAMPLE_CPU_THROTTLED_NS, 7000},
		{SAMPLE_MEM_USAGE_BYTES, 8192},
		{SAMPLE_MEM_ANON_BYTES, 4096},
		{SAMPLE_MEM_SWAP_BYTES, 0},
		{SAMPLE_MEM_MAJOR_FAULTS, 11},
		{SAMPLE_PSI_MEM_SOME_US, 5},
		{SAMPLE_PSI_MEM_FULL_US, MISSING},
		{SAMPLE_BLK_READ_BYTES, 40},
		{SAMPLE_BLK_WRITE_BYTES, 60},
		{SAMPLE_BLK_READ_IOS, 4},
		{SAMPLE_BLK_WRITE_IOS, 6},
	};
	AUTO(sampler) struct sampler *sampler = NULL;
	struct table table;

	(void)state;
	make_v2();
	tick(NULL, &sampler, &table);
	check_cells(table.cells, expected, ARRAY_SIZE(expected));
	table_release(&table);
}

static void test_host(void **state)
{
	double ns = 1e9 / (double)sysconf(_SC_CLK_TCK);
	const struct expected_cell expected[] = {
		{SAMPLE_SET_BUSY_NS, 60 * ns},
		{SAMPLE_SET_IDLE_NS, 610 * ns},
		{SAMPLE_SET_STEAL_NS, 10 * ns},
		{SAMPLE_HOST_BUSY_NS, 170 * ns},
		{SAMPLE_HOST_IDLE_NS, 1020 * ns},
		{SAMPLE_HOST_STEAL_NS, 30 * ns},
		{SAMPLE_MEM_AVAILABLE_BYTES, 2048 * 1024},
		{SAMPLE_MEM_FREE_BYTES, 1024},
		{SAMPLE_MEM_PCP_BYTES, 10 * 4096},
		{SAMPLE_SWAP_FREE_BYTES, 8192},
		{SAMPLE_VM_PGSCAN, 111}, /* global reclaim alone */
		{SAMPLE_VM_PGSTEAL, 21},
		{SAMPLE_VM_PGSCAN_ANON, 9000},
		{SAMPLE_VM_RECLAIM_RUNS, 477},
		{SAMPLE_VM_PSWPIN, 11},
		{SAMPLE_VM_PSWPOUT, 12},
		{SAMPLE_VM_OOM_KILLS, 3},
		{SAMPLE_PSI_MEM_SOME_US, 1234},
		{SAMPLE_PSI_MEM_FULL_US, 34},
		{SAMPLE_CPU_USAGE_NS, MISSING},
	};
	const struct expected_cell offline[] = {
		{SAMPLE_SET_BUSY_NS, MISSING}, {SAMPLE_HOST_BUSY_NS, 170 * ns}};
	cpu_set_t set;

	(void)state;
	make_v1();
	for (int with_absent_cpu = 0; with_absent_cpu <= 1; with_absent_cpu++) {
		AUTO(sampler) struct sampler *sampler = NULL;
		struct table table;
		CPU_ZERO(&set);
		CPU_SET(1, &set);
		if (with_absent_cpu)
			CPU_SET(7, &set);
		tick(&set, &sampler, &table);
		const double *cells = table.cells + table.column_count;
		check_cells(cells, with_absent_cpu ? offline : expected,
			with_absent_cpu ? ARRAY_SIZE(offline) : ARRAY_SIZE(expected));
		table_release(&table);
	}
}

/* A kernel without some of the counters, or without PSI. */
static void test_sparse_vmstat(void **state)
{
	static const struct expected_cell expected[] = {
		{SAMPLE_VM_PGSCAN, 7},
		{SAMPLE_VM_PGSTEAL, MISSING},
		{SAMPLE_VM_PSWPIN, MISSING},
		{SAMPLE_VM_OOM_KILLS, MISSING},
		{SAMPLE_PSI_MEM_SOME_US, MISSING},
	};
	AUTO(sampler) struct sampler *sampler = NULL;
	struct table table;

	(void)state;
	make_v1();
	put("/proc/vmstat", "pgscan_direct 7\n");
	put("/proc/pressure/memory", "");
	tick(NULL, &sampler, &table);
	check_cells(table.cells + table.column_count, expected, ARRAY_SIZE(expected));
	table_release(&table);
}

/* Files stay open: new contents are seen, and what turns to garbage is missing, not 0. */
static void test_later_ticks(void **state)
{
	static const struct expected_cell second[] = {
		{SAMPLE_CPU_USAGE_NS, 42},
		{SAMPLE_VCPU_USAGE_NS, MISSING},
		{SAMPLE_EMULATOR_USAGE_NS, MISSING},
		{SAMPLE_CPU_PERIODS, MISSING},
		{SAMPLE_CPU_THROTTLED, 4},
		{SAMPLE_MEM_USAGE_BYTES, MISSING},
		{SAMPLE_MEM_ANON_BYTES, MISSING},
	};
	AUTO(sampler) struct sampler *sampler = NULL;
	struct table table;

	(void)state;
	make_v1();
	tick(NULL, &sampler, &table);
	put("/c/cpuacct" GROUP "/cpuacct.usage", "42\n");
	put("/c/cpu" GROUP "/cpu.stat", "nr_throttled 4\n");
	put("/proc/77/task/81/schedstat", "");
	put("/c/memory" GROUP "/memory.usage_in_bytes", "\n");
	put("/c/memory" GROUP "/memory.stat", "total_rss\n");
	sampler_tick(sampler, clock_now_ns(), &table);
	assert_int_equal(table.row_count, 4);
	check_cells(table.cells + 2 * table.column_count, second, ARRAY_SIZE(second));
	table_release(&table);
}

/* Without groups the threads are known by their names. */
static void test_thread_names(void **state)
{
	static const struct expected_cell expected[] = {
		{SAMPLE_VCPU_USAGE_NS, 1500}, {SAMPLE_RUN_DELAY_NS, 34}, {SAMPLE_CPU_USAGE_NS, MISSING}};
	AUTO(sampler) struct sampler *sampler = NULL;
	struct table table;

	(void)state;
	make_proc("1:cpu:/\n");
	put("/proc/self/mountinfo", "1 0 0:1 / /c/cpu rw - cgroup cgroup rw,cpu\n");
	tick(NULL, &sampler, &table);
	check_cells(table.cells, expected, ARRAY_SIZE(expected));
	table_release(&table);
}

static void test_nothing_to_read(void **state)
{
	struct err err = ERR_INIT;
	struct sampler *sampler = NULL;
	struct sampler_tenant tenant = {.name = "ghost", .pid = 78};

	(void)state;
	assert_int_equal(
		sampler_new(&(struct sampler_options){.root = root, .tenants = &tenant, .tenant_count = 1},
			&sampler, &err),
		-1);
	assert_int_equal(err.domain, ERR_HOST);
	assert_non_null(strstr(err.text, "ghost"));
	assert_null(sampler);
}

static void *spin(void *data)
{
	(void)pthread_setname_np(pthread_self(), "CPU 0/TCG");
	for (volatile bool *stop = data; !*stop;)
		;
	return NULL;
}

/* A thread of this process named like a vCPU: its time comes out of the real /proc. */
static void test_real_proc(void **state)
{
	struct err err = ERR_INIT;
	struct sampler_tenant tenant = {.name = "self", .pid = getpid()};
	size_t column_count;
	const char *const *columns = sampler_columns(&column_count);
	AUTO(sampler) struct sampler *sampler = NULL;
	struct table table;
	volatile bool stop = false;
	pthread_t thread;
	cpu_set_t set;

	(void)state;
	if (access("/proc/self/schedstat", R_OK)) {
		print_message("skipped: the kernel has no schedstat\n");
		skip();
	}
	assert_int_equal(cpulist_allowed(&set, &err), 0);
	assert_int_equal(pthread_create(&thread, NULL, spin, (void *)(uintptr_t)&stop), 0);
	clock_sleep_until_ns(clock_now_ns() + 20 * NS_PER_MS);
	if (sampler_new(
		    &(struct sampler_options){
			    .root = "", .tenants = &tenant, .tenant_count = 1, .scarce_cpus = &set},
		    &sampler, &err))
		fail_msg("%s", err.text);
	table_init(&table, columns, column_count);
	uint64_t zero_ns = clock_now_ns();
	sampler_tick(sampler, zero_ns, &table);
	clock_sleep_until_ns(zero_ns + 300 * NS_PER_MS);
	sampler_tick(sampler, zero_ns, &table);
	stop = true;
	(void)pthread_join(thread, NULL);
	const double *first = table.cells;
	const double *second = table.cells + 2 * table.column_count;
	double grown = second[SAMPLE_VCPU_USAGE_NS] + second[SAMPLE_RUN_DELAY_NS] -
		       first[SAMPLE_VCPU_USAGE_NS] - first[SAMPLE_RUN_DELAY_NS];
	print_message("  ran or waited %.1f of 300 ms\n", grown / 1e6);
	/* A spinning thread runs or waits all the time. */
	assert_true(grown > 240e6 && grown < 330e6);
	/* The whole process has used what the thread has, and a little more. */
	double whole = second[SAMPLE_CPU_USAGE_NS] - first[SAMPLE_CPU_USAGE_NS];
	double thread_ns = second[SAMPLE_VCPU_USAGE_NS] - first[SAMPLE_VCPU_USAGE_NS];
	print_message("  used %.1f ms, the thread %.1f ms\n", whole / 1e6, thread_ns / 1e6);
	assert_true(whole > thread_ns - 20e6 && whole < 330e6);
	const double *host = table.cells + 3 * table.column_count;
	assert_true(host[SAMPLE_SET_BUSY_NS] > 0);
	assert_true(host[SAMPLE_HOST_BUSY_NS] >= host[SAMPLE_SET_BUSY_NS]);
	assert_true(host[SAMPLE_MEM_AVAILABLE_BYTES] > 0);
	/* The process is over there, the thread is not any more: missing. */
	sampler_tick(sampler, zero_ns, &table);
	assert_true(isnan(table.cells[4 * table.column_count + SAMPLE_VCPU_USAGE_NS]));
	table_release(&table);
}

static void *burn(void *data)
{
	struct timespec used = {0};

	(void)data;
	while (used.tv_nsec < 100000000 && !used.tv_sec)
		(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
	return NULL;
}

/* No group counts this process: its own clock does, with the time of a thread that is over; a dead process has none. */
static void test_process_clock(void **state)
{
	struct err err = ERR_INIT;
	size_t column_count;
	const char *const *columns = sampler_columns(&column_count);
	AUTO(sampler) struct sampler *sampler = NULL;
	struct table table;
	int fds[2];
	char byte;

	(void)state;
	assert_int_equal(pipe(fds), 0);
	pid_t pid = fork();
	if (!pid) {
		pthread_t thread;
		if (pthread_create(&thread, NULL, burn, NULL) || pthread_join(thread, NULL))
			_exit(1);
		(void)!write(fds[1], "x", 1);
		for (;;)
			(void)pause();
	}
	assert_int_equal(read(fds[0], &byte, 1), 1);
	struct sampler_tenant tenant = {.name = "child", .pid = pid};
	if (sampler_new(&(struct sampler_options){.root = "", .tenants = &tenant, .tenant_count = 1},
		    &sampler, &err))
		fail_msg("%s", err.text);
	table_init(&table, columns, column_count);
	sampler_tick(sampler, clock_now_ns(), &table);
	double usage_ns = table.cells[SAMPLE_CPU_USAGE_NS];
	print_message("  %.3f ms\n", usage_ns / 1e6);
	assert_true(usage_ns >= 100e6 && usage_ns < 1e9);
	/* Without its vCPUs nobody can say what is the emulator's. */
	assert_true(isnan(table.cells[SAMPLE_EMULATOR_USAGE_NS]));
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	sampler_tick(sampler, clock_now_ns(), &table);
	assert_true(isnan(table.cells[2 * table.column_count + SAMPLE_CPU_USAGE_NS]));
	table_release(&table);
	assert_int_equal(close(fds[0]), 0);
	assert_int_equal(close(fds[1]), 0);
}

static void put_stat(const char *block, const char *text)
{
	AUTO(free_ptr) char *path = xasprintf("/sys/class/block/%s/stat", block);

	put(path, text);
}

/* A scarce disk: the tenant's own partition, whatever its group counts, and the whole device. */
static void test_disk(void **state)
{
	static const struct expected_cell tenant_cells[] = {{SAMPLE_BLK_READ_BYTES, 3 * 512},
		{SAMPLE_BLK_WRITE_BYTES, 7 * 512}, {SAMPLE_BLK_READ_IOS, 3}, {SAMPLE_BLK_WRITE_IOS, 11},
		{SAMPLE_BLK_QUEUE_NS, 0}, {SAMPLE_DISK_DEV_READ_BYTES, MISSING}};
	static const struct expected_cell host_cells[] = {{SAMPLE_DISK_DEV_READ_BYTES, 300 * 512.0},
		{SAMPLE_DISK_DEV_WRITE_BYTES, 700 * 512.0}, {SAMPLE_DISK_DEV_INFLIGHT, 24},
		{SAMPLE_BLK_READ_BYTES, MISSING}, {SAMPLE_BLK_QUEUE_NS, MISSING}};
	struct err err = ERR_INIT;
	struct cgroup_vm cgroup;
	size_t column_count;
	const char *const *columns = sampler_columns(&column_count);
	AUTO(sampler) struct sampler *sampler = NULL;
	struct table table;

	(void)state;
	make_v1();
	put_stat("loop64", "1 0 300 0 5 0 700 0 0 1 2 0 0 0 0 0 0\n");
	put_stat("loop64/loop64p1", "9 9 9 9 9 9 9 9 16 9 9\n");
	put_stat("loop64/loop64p2", "9 9 9 9 9 9 9 9 8 9 9\n");
	put_stat("loop64p1", "1 2 3 4 5 6 7 8 16 10 11 12 13 14 15 16 17\n");
	if (cgroup_vm_find(root, 77, &cgroup, &err))
		fail_msg("%s", err.text);
	struct sampler_tenant tenant = {
		.name = "red", .pid = 77, .cgroup = &cgroup, .disk_block = "loop64p1"};
	if (sampler_new(
		    &(struct sampler_options){
			    .root = root, .tenants = &tenant, .tenant_count = 1, .disk_block = "loop64"},
		    &sampler, &err))
		fail_msg("%s", err.text);
	cgroup_vm_release(&cgroup);
	table_init(&table, columns, column_count);
	uint64_t begin_ns = clock_now_ns();
	sampler_tick(sampler, begin_ns, &table);
	check_cells(table.cells, tenant_cells, ARRAY_SIZE(tenant_cells));
	check_cells(table.cells + table.column_count, host_cells, ARRAY_SIZE(host_cells));
	/* Sixteen requests in flight for 50 ms, then none, and then no device any more. */
	clock_sleep_until_ns(begin_ns + 50 * NS_PER_MS);
	sampler_tick(sampler, begin_ns, &table);
	double span_s = table.t_s[2] - table.t_s[0];
	double queue_s = table.cells[2 * table.column_count + SAMPLE_BLK_QUEUE_NS] / 1e9;
	assert_true(queue_s > 16 * span_s * 0.75 && queue_s < 16 * span_s * 1.25);
	put_stat("loop64p1", "2 2 5 4 5 6 7 8 0 10 11\n");
	put_stat("loop64", "\n");
	clock_sleep_until_ns(begin_ns + 100 * NS_PER_MS);
	sampler_tick(sampler, begin_ns, &table);
	span_s = table.t_s[4] - table.t_s[2];
	double more_s = table.cells[4 * table.column_count + SAMPLE_BLK_QUEUE_NS] / 1e9 - queue_s;
	assert_true(more_s > 8 * span_s * 0.75 && more_s < 8 * span_s * 1.25);
	assert_true(isnan(table.cells[5 * table.column_count + SAMPLE_DISK_DEV_READ_BYTES]));
	table_release(&table);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, make_root, remove_root)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_v1),
		CASE(test_v2),
		CASE(test_host),
		CASE(test_disk),
		CASE(test_sparse_vmstat),
		CASE(test_later_ticks),
		CASE(test_thread_names),
		CASE(test_nothing_to_read),
		CASE(test_real_proc),
		CASE(test_process_clock),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
