/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/auto.h"
#include "base/buf.h"
#include "sample/derive.h"
#include "sample/sampler.h"

#define MISSING ((double)NAN)

static void make_samples(struct table *ret_table)
{
	size_t count;
	const char *const *columns = sampler_columns(&count);

	table_init(ret_table, columns, count);
}

struct cell {
	const char *column;
	double value;
};

static void add_row(
	struct table *table, double t_s, const char *tenant, const struct cell *cells, size_t count)
{
	double *row = table_add_row(table, t_s, tenant);

	for (size_t i = 0; i < count; i++) {
		int column = table_column(table, cells[i].column);
		if (column < 0)
			fail_msg("samples have no column %s", cells[i].column);
		row[column] = cells[i].value;
	}
}

#define ROW(table, t_s, tenant, ...)                                                                         \
	do {                                                                                                 \
		const struct cell cells_[] = {__VA_ARGS__};                                                  \
		add_row(table, t_s, tenant, cells_, ARRAY_SIZE(cells_));                                     \
	} while (0)

static void check(const struct table *series, size_t row, const char *name, double expected)
{
	int column = table_column(series, name);

	if (column < 0)
		fail_msg("the series have no column %s", name);
	double got = series->cells[row * series->column_count + (size_t)column];
	bool same = isnan(expected) ? isnan(got) : fabs(got - expected) < 1e-9;
	if (!same)
		fail_msg("%s of row %zu is %.12g, not %.12g", name, row, got, expected);
}

static void test_rates(void **state)
{
	struct table samples, series;

	(void)state;
	make_samples(&samples);
	ROW(&samples, -0.5, "red", {"cpu_usage_ns", 1e9}, {"vcpu_usage_ns", 4e8}, {"run_delay_ns", 0},
		{"cpu_throttled_ns", 5}, {"mem_usage_bytes", 1048576}, {"blk_read_bytes", 0},
		{"tap_rx_bytes", 0}, {"net_class_bytes", 0}, {"net_class_backlog_bytes", 7});
	ROW(&samples, 0.5, "red", {"cpu_usage_ns", 1.9e9}, {"vcpu_usage_ns", 1.2e9}, {"run_delay_ns", 2e8},
		{"cpu_throttled_ns", 1e8 + 5}, {"mem_usage_bytes", 2097152}, {"mem_swap_bytes", 0},
		{"blk_read_bytes", 3145728}, {"tap_rx_bytes", 125000}, {"net_class_bytes", 250000},
		{"net_class_backlog_bytes", 0}, {"net_class_drops", 5});
	derive_series(&samples, 2, NULL, NULL, 0, &series);
	assert_int_equal(series.row_count, 2);
	/* The first row has levels only. */
	check(&series, 0, "vcpu_pct", MISSING);
	check(&series, 0, "emulator_pct", MISSING);
	check(&series, 0, "mem_mib", 1);
	check(&series, 0, "mem_swap_mib", MISSING);
	check(&series, 1, "vcpu_pct", 80);
	check(&series, 1, "cpu_pct", 90);
	check(&series, 1, "emulator_pct", 10);
	check(&series, 1, "cpu_share_pct", 40);
	check(&series, 1, "run_delay_pct", 20);
	check(&series, 1, "throttled_pct", 10);
	check(&series, 1, "mem_mib", 2);
	check(&series, 1, "mem_swap_mib", 0);
	check(&series, 1, "disk_read_mib_per_s", 3);
	check(&series, 1, "disk_write_mib_per_s", MISSING);
	/* Seen from the VM: what its tap received. */
	check(&series, 1, "net_tx_mbit_per_s", 1);
	check(&series, 0, "net_class_mbit_per_s", MISSING);
	check(&series, 0, "net_backlog_bytes", 7);
	check(&series, 1, "net_class_mbit_per_s", 2);
	check(&series, 1, "net_backlog_bytes", 0);
	check(&series, 1, "net_drops_per_s", MISSING);
	check(&series, 1, "net_rx_mbit_per_s", MISSING);
	check(&series, 1, "work_per_s", MISSING);
	check(&series, 1, "set_busy_pct", MISSING);
	table_release(&series);
	table_release(&samples);
}

static void test_missing(void **state)
{
	static const struct {
		const char *name;
		double before, after, t_s, expected;
	} cases[] = {
		{"grew", 1e9, 2e9, 1, 100},
		{"stood still: 0, not missing", 1e9, 1e9, 1, 0},
		{"ran backwards", 2e9, 1e9, 1, MISSING},
		{"missing before", MISSING, 1e9, 1, MISSING},
		{"missing after", 1e9, MISSING, 1, MISSING},
		{"no time between", 1e9, 2e9, 0, MISSING},
		{"time ran backwards", 1e9, 2e9, -1, MISSING},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct table samples, series;
		print_message("  %s\n", cases[i].name);
		make_samples(&samples);
		ROW(&samples, 0, "red", {"vcpu_usage_ns", cases[i].before}, {"cpu_usage_ns", 0});
		ROW(&samples, cases[i].t_s, "red", {"vcpu_usage_ns", cases[i].after}, {"cpu_usage_ns", 3e9});
		derive_series(&samples, 1, NULL, NULL, 0, &series);
		check(&series, 1, "vcpu_pct", cases[i].expected);
		check(&series, 1, "cpu_share_pct", cases[i].expected);
		if (isnan(cases[i].expected))
			check(&series, 1, "emulator_pct", MISSING);
		table_release(&series);
		table_release(&samples);
	}
}

/* A gap is a gap: no rate over it, and none right behind it. */
static void test_gap(void **state)
{
	struct table samples, series;

	(void)state;
	make_samples(&samples);
	ROW(&samples, 0, "red", {"vcpu_usage_ns", 0});
	ROW(&samples, 1, "red", {"mem_usage_bytes", 0});
	ROW(&samples, 2, "red", {"vcpu_usage_ns", 2e9});
	ROW(&samples, 3, "red", {"vcpu_usage_ns", 3e9});
	derive_series(&samples, 0, NULL, NULL, 0, &series);
	check(&series, 1, "vcpu_pct", MISSING);
	check(&series, 2, "vcpu_pct", MISSING);
	check(&series, 3, "vcpu_pct", 100);
	/* No CPU fixture: no capacity to have a share of. */
	check(&series, 3, "cpu_share_pct", MISSING);
	table_release(&series);
	table_release(&samples);
}

/* The emulator's time is a difference of two counters, which are read one after the other. */
static void test_emulator_never_negative(void **state)
{
	struct table samples, series;

	(void)state;
	make_samples(&samples);
	ROW(&samples, 0, "red", {"vcpu_usage_ns", 0}, {"cpu_usage_ns", 10});
	ROW(&samples, 1, "red", {"vcpu_usage_ns", 1e9}, {"cpu_usage_ns", 0.999e9});
	derive_series(&samples, 1, NULL, NULL, 0, &series);
	check(&series, 1, "emulator_pct", 0);
	table_release(&series);
	table_release(&samples);
}

static void add_tick(
	struct table *samples, double t_s, double red_ns, double blue_ns, double busy_ns, double idle_ns)
{
	ROW(samples, t_s, "red", {"vcpu_usage_ns", red_ns});
	ROW(samples, t_s + 1e-5, "blue", {"vcpu_usage_ns", blue_ns});
	ROW(samples, t_s + 2e-5, "host", {"set_busy_ns", busy_ns}, {"set_idle_ns", idle_ns},
		{"set_steal_ns", 0}, {"host_busy_ns", busy_ns}, {"host_idle_ns", idle_ns + busy_ns},
		{"host_steal_ns", 0}, {"mem_available_bytes", 3145728});
}

static void test_host(void **state)
{
	struct table samples, series;

	(void)state;
	make_samples(&samples);
	add_tick(&samples, 0, 0, 0, 0, 0);
	/* Two CPUs: 2 s of capacity, 1.5 s busy, of which the tenants' vCPUs had 1.3 s. */
	add_tick(&samples, 1, 1.0e9, 0.3e9, 1.5e9, 0.5e9);
	add_tick(&samples, 2, 2.0e9, MISSING, 3.0e9, 1.0e9);
	derive_series(&samples, 2, NULL, NULL, 0, &series);
	check(&series, 2, "set_foreign_pct", MISSING);
	check(&series, 2, "set_busy_pct", MISSING);
	check(&series, 2, "mem_available_mib", 3);
	check(&series, 5, "set_busy_pct", 75);
	check(&series, 5, "set_steal_pct", 0);
	check(&series, 5, "set_foreign_pct", 10);
	check(&series, 5, "host_busy_pct", 100.0 * 1.5 / 3.5);
	check(&series, 5, "vcpu_pct", MISSING);
	/* A tenant that is not known leaves unknown what is foreign. */
	check(&series, 8, "set_busy_pct", 75);
	check(&series, 8, "set_foreign_pct", MISSING);
	table_release(&series);
	/* What blue has elsewhere is none of the 1.5 s. */
	derive_series(&samples, 2, (const char *const[]){"blue", NULL}, NULL, 0, &series);
	check(&series, 5, "set_foreign_pct", 25);
	check(&series, 8, "set_foreign_pct", 25);
	table_release(&series);
	table_release(&samples);
}

static void test_memory(void **state)
{
	struct table samples, series;

	(void)state;
	make_samples(&samples);
	ROW(&samples, 0, "red", {"mem_major_faults", 10}, {"psi_mem_some_us", 0});
	ROW(&samples, 0, "host", {"vm_pgscan", 0}, {"vm_pgsteal", 5}, {"vm_pswpin", 0}, {"vm_pswpout", 0},
		{"psi_mem_some_us", 0}, {"psi_mem_full_us", 0}, {"mem_free_bytes", 1048576});
	ROW(&samples, 2, "red", {"mem_major_faults", 30}, {"psi_mem_some_us", 500000});
	ROW(&samples, 2, "host", {"vm_pgscan", 1024}, {"vm_pgsteal", 5}, {"vm_pswpin", 512},
		{"vm_pswpout", 256}, {"psi_mem_some_us", 1000000}, {"mem_free_bytes", 2097152},
		{"swap_free_bytes", 0});
	derive_series(&samples, 0, NULL, NULL, 0, &series);
	check(&series, 1, "mem_free_mib", 1);
	check(&series, 1, "swap_free_mib", MISSING);
	check(&series, 1, "reclaim_scan_mib_per_s", MISSING);
	check(&series, 2, "major_faults_per_s", 10);
	check(&series, 2, "mem_stall_some_pct", 25);
	check(&series, 2, "mem_stall_full_pct", MISSING);
	check(&series, 3, "mem_free_mib", 2);
	check(&series, 3, "swap_free_mib", 0);
	check(&series, 3, "reclaim_scan_mib_per_s", 2);
	check(&series, 3, "reclaim_mib_per_s", 0);
	check(&series, 3, "swap_in_mib_per_s", 1);
	check(&series, 3, "swap_out_mib_per_s", 0.5);
	check(&series, 3, "mem_stall_some_pct", 50);
	table_release(&series);
	table_release(&samples);
}

static void test_work(void **state)
{
	struct work_interval intervals[] = {
		{.from_s = 0, .to_s = 1, .work = 100}, {.from_s = 1, .to_s = 2, .work = 300}};
	struct workload_stream stream = {.intervals = intervals, .interval_count = ARRAY_SIZE(intervals)};
	const struct derive_stream streams[] = {{.tenant = "red", .stream = &stream}};
	struct table samples, series;

	(void)state;
	make_samples(&samples);
	for (double t_s = 0; t_s < 3.9; t_s += 1) {
		ROW(&samples, t_s, "red", {"vcpu_usage_ns", 0});
		ROW(&samples, t_s, "blue", {"vcpu_usage_ns", 0});
	}
	derive_series(&samples, 1, NULL, streams, ARRAY_SIZE(streams), &series);
	check(&series, 0, "work_per_s", MISSING);
	check(&series, 2, "work_per_s", 100);
	check(&series, 3, "work_per_s", MISSING);
	check(&series, 4, "work_per_s", 300);
	check(&series, 6, "work_per_s", MISSING);
	table_release(&series);
	table_release(&samples);
}

/* What the tools report: of the tenant's own one work and values, of its server values alone. */
static void test_tool_values(void **state)
{
	const struct workload_ops *iperf3 = workload_find("x.iperf3");
	struct work_interval sent[] = {
		{.from_s = 0, .to_s = 1, .work = 5e6, .values = {5e6, 7}},
		{.from_s = 1, .to_s = 2, .work = 6e6, .values = {6e6, MISSING}},
	};
	struct work_interval received[] = {{.from_s = 0, .to_s = 2, .work = 8e6, .values = {8e6, 3, 0.5}}};
	struct workload_stream client = {.ops = iperf3, .intervals = sent, .interval_count = 2};
	struct workload_stream server = {.ops = iperf3->server, .intervals = received, .interval_count = 1};
	const struct derive_stream streams[] = {{.tenant = "red", .stream = &client},
		{.tenant = "red", .stream = &server, .is_server = true}};
	struct table samples, series;

	(void)state;
	make_samples(&samples);
	for (double t_s = 0; t_s < 2.9; t_s += 1) {
		ROW(&samples, t_s, "red", {"vcpu_usage_ns", 0});
		ROW(&samples, t_s, "blue", {"vcpu_usage_ns", 0});
	}
	derive_series(&samples, 1, NULL, streams, ARRAY_SIZE(streams), &series);
	check(&series, 0, "payload_mbit_per_s", MISSING);
	check(&series, 2, "work_per_s", 5e6);
	check(&series, 2, "payload_mbit_per_s", 5);
	check(&series, 2, "retransmits_per_s", 7);
	check(&series, 2, "payload_rx_mbit_per_s", 4);
	check(&series, 2, "payload_lost_per_s", 1.5);
	check(&series, 2, "payload_jitter_ms", 0.5);
	check(&series, 4, "payload_mbit_per_s", 6);
	check(&series, 4, "retransmits_per_s", MISSING);
	check(&series, 4, "payload_rx_mbit_per_s", 4);
	check(&series, 3, "payload_rx_mbit_per_s", MISSING);
	table_release(&series);
	table_release(&samples);
}

/* Hours of a run: what the tool said is found without a look at all of it, row by row. */
static void test_long_run(void **state)
{
	enum { ROWS = 40000 };
	struct work_interval *said = xcalloc(ROWS, sizeof(*said));
	struct workload_stream stream = {
		.ops = workload_find("a.iperf3"), .interval_count = ROWS, .longest_s = 1};
	const struct derive_stream streams[] = {{.tenant = "red", .stream = &stream}};
	struct table samples, series;
	clock_t begin = clock();

	(void)state;
	make_samples(&samples);
	for (size_t i = 0; i < ROWS; i++) {
		said[i] =
			(struct work_interval){.from_s = (double)i, .to_s = (double)i + 1, .work = (double)i};
		ROW(&samples, (double)i, "red", {"vcpu_usage_ns", 0});
	}
	/* One comes late. */
	struct work_interval early = said[20];
	memmove(&said[20], &said[21], 3 * sizeof(*said));
	said[23] = early;
	stream.intervals = said;
	derive_series(&samples, 1, NULL, streams, 1, &series);
	for (size_t i = 1; i < ROWS; i++)
		if (i < 50 || i % 1000 == 0)
			check(&series, i, "work_per_s", (double)i - 1);
	double took_s = (double)(clock() - begin) / CLOCKS_PER_SEC;
	print_message("# %.2f s\n", took_s);
	assert_true(took_s < 2);
	free(said);
	table_release(&series);
	table_release(&samples);
}

static void test_empty(void **state)
{
	struct table samples, series;

	(void)state;
	make_samples(&samples);
	derive_series(&samples, 1, NULL, NULL, 0, &series);
	assert_int_equal(series.row_count, 0);
	assert_true(table_column(&series, "cpu_share_pct") >= 0);
	table_release(&series);
	table_release(&samples);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rates),
		cmocka_unit_test(test_missing),
		cmocka_unit_test(test_gap),
		cmocka_unit_test(test_emulator_never_negative),
		cmocka_unit_test(test_host),
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_work),
		cmocka_unit_test(test_tool_values),
		cmocka_unit_test(test_long_run),
		cmocka_unit_test(test_empty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
