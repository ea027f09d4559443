/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Kept runs of real VMs (results/reference/, or $LIMITLAB_REFERENCE): judged and drawn again they say what they said, and
 * a copy whose records were tampered with never passes.
 */
#include <dirent.h>
#include <jansson.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/auto.h"
#include "base/fsio.h"
#include "base/spawn.h"
#include "published_rules.h"
#include "run/results.h"

DEFINE_AUTO(dir, DIR *, closedir);
DEFINE_AUTO(json, json_t *, json_decref);

#define FILE_MAX_BYTES (64U << 20)

static char scratch[] = "/tmp/limitlab-test-reference-XXXXXX";
static char *runs[64];
static size_t run_count;

#define NEED_RUNS()                                                                                          \
	do {                                                                                                 \
		if (!run_count) {                                                                            \
			print_message("skipped: there is no kept run\n");                                    \
			skip();                                                                              \
		}                                                                                            \
	} while (0)

/* A run directory is REFERENCE/SCENARIO or REFERENCE/SCENARIO/TIME. */
static void find_runs(const char *path, int depth)
{
	AUTO(free_ptr) char *manifest = rundir_path(path, RUNDIR_MANIFEST);
	AUTO(dir) DIR *folder = opendir(path);

	if (fsio_exists(manifest)) {
		if (run_count < ARRAY_SIZE(runs))
			runs[run_count++] = xstrdup(path);
		return;
	}
	for (const struct dirent *entry; folder && depth && (entry = readdir(folder));) {
		AUTO(free_ptr) char *below = xasprintf("%s/%s", path, entry->d_name);
		if (entry->d_name[0] != '.')
			find_runs(below, depth - 1);
	}
}

/* A copy that may be damaged; the caller removes it and frees. */
static char *copy_run(const char *run)
{
	char *copy = xasprintf("%s/copy", scratch);
	struct err err = ERR_INIT;

	assert_int_equal(fsio_remove_tree(copy, NULL), 0);
	if (spawn_check((const char *const[]){"cp", "-r", "--", run, copy, NULL}, NULL, &err))
		fail_msg("%s", err.text);
	return copy;
}

static void load(const char *run, struct results *ret_results)
{
	struct err err = ERR_INIT;

	if (results_load(run, ret_results, &err))
		fail_msg("%s: %s", run, err.text);
}

static void judge(struct results *results, bool write)
{
	struct err err = ERR_INIT;

	if (results_finish(results, &(struct results_options){.write = write}, &err))
		fail_msg("%s: %s", results->run, err.text);
}

static json_t *read_verdict(const char *run)
{
	AUTO(free_ptr) char *path = rundir_path(run, RUNDIR_VERDICT);
	json_error_t why;
	json_t *json = json_load_file(path, 0, &why);

	if (!json)
		fail_msg("%s: %s", path, why.text);
	return json;
}

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

/* Same verdicts for the same expectations, same measurements to a millionth. */
static void compare_verdicts(const char *run, const json_t *kept, const json_t *again)
{
	const json_t *before = json_object_get(kept, "expectations"),
		     *after = json_object_get(again, "expectations");

	assert_string_equal(text_of(again, "verdict"), text_of(kept, "verdict"));
	assert_int_equal(json_array_size(after), json_array_size(before));
	for (size_t i = 0; i < json_array_size(before); i++) {
		const json_t *one = json_array_get(before, i), *other = json_array_get(after, i);
		double was = json_number_value(json_object_get(one, "measured"));
		double is = json_number_value(json_object_get(other, "measured"));
		assert_string_equal(text_of(other, "name"), text_of(one, "name"));
		assert_string_equal(text_of(other, "verdict"), text_of(one, "verdict"));
		if (fabs(is - was) > 1e-6)
			fail_msg("%s: '%s' was %.9f and is %.9f", run, text_of(one, "name"), was, is);
	}
}

static void test_same_verdict(void **state)
{
	(void)state;
	NEED_RUNS();
	for (size_t i = 0; i < run_count; i++) {
		AUTO(free_ptr) char *copy = copy_run(runs[i]);
		AUTO(json) json_t *kept = read_verdict(copy);
		AUTO(results) struct results results = {0};
		print_message("  %s: %s\n", runs[i], text_of(kept, "verdict"));
		assert_string_equal(text_of(kept, "verdict"), "pass");
		load(copy, &results);
		assert_true(results.scenario->expect_count > 0);
		judge(&results, true);
		AUTO(json) json_t *again = read_verdict(copy);
		compare_verdicts(runs[i], kept, again);
		/* What was just derived and written is what is read next time. */
		AUTO(results) struct results second = {0};
		load(copy, &second);
		judge(&second, false);
		assert_int_equal(second.judgement.verdict, VERDICT_PASS);
	}
}

static void test_same_figure(void **state)
{
	(void)state;
	NEED_RUNS();
	for (size_t i = 0; i < run_count; i++) {
		static const char *const files[] = {RUNDIR_SVG, RUNDIR_PNG};
		struct err err = ERR_INIT;
		AUTO(free_ptr) char *copy = copy_run(runs[i]);
		AUTO(results) struct results results = {0};
		for (size_t k = 0; k < ARRAY_SIZE(files); k++) {
			AUTO(free_ptr) char *path = rundir_path(copy, files[k]);
			(void)unlink(path);
		}
		load(copy, &results);
		judge(&results, true);
		if (results_draw(&results, &err))
			fail_msg("%s: %s", runs[i], err.text);
		for (size_t k = 0; k < ARRAY_SIZE(files); k++) {
			AUTO(free_ptr) char *path = rundir_path(copy, files[k]);
			struct stat info;
			assert_int_equal(stat(path, &info), 0);
			assert_true(info.st_size > 5000);
		}
	}
}

/* ---- tampering ---- */

static double *cell(const struct table *table, size_t row, const char *column)
{
	int index = table_column(table, column);

	if (index < 0)
		fail_msg("samples.csv has no column '%s'", column);
	return &table->cells[row * table->column_count + (size_t)index];
}

static bool is_row_of(const struct table *table, size_t row, const char *tenant)
{
	return !strcmp(table->tenants[table->tenant[row]], tenant);
}

/* How much a tenant's counter grew over the whole run. */
static double growth(const struct table *table, const char *tenant, const char *column)
{
	double first = NAN, last = NAN;

	for (size_t row = 0; row < table->row_count; row++) {
		double value = *cell(table, row, column);
		if (!is_row_of(table, row, tenant) || isnan(value))
			continue;
		first = isnan(first) ? value : first;
		last = value;
	}
	return last - first;
}

/* ---- what the tenants compete for ---- */

static enum resource resource_of(const struct results *results)
{
	enum resource scarce = scenario_scarce(results->scenario);

	return scarce == RESOURCE_COUNT ? results->scenario->expects[0].resource : scarce;
}

static bool is_of(const struct results *results, enum resource resource)
{
	return resource_of(results) == resource;
}

/* What says how much of it a tenant got; up to two columns. */
static const char *const *got_columns(const struct results *results)
{
	static const char *const columns[RESOURCE_COUNT][3] = {
		[RESOURCE_CPU] = {"vcpu_usage_ns", NULL},
		[RESOURCE_NET] = {"net_class_bytes", NULL},
		[RESOURCE_DISK] = {"blk_read_bytes", "blk_write_bytes", NULL},
		[RESOURCE_MEMORY] = {"mem_usage_bytes", NULL},
	};

	return columns[resource_of(results)];
}

/* Of memory the sum of what it had at every tick. */
static double amount(const struct results *results, const char *tenant)
{
	const struct table *samples = &results->samples;
	double sum = 0;

	for (const char *const *column = got_columns(results); *column; column++)
		if (!is_of(results, RESOURCE_MEMORY))
			sum += growth(samples, tenant, *column);
	for (size_t row = 0; is_of(results, RESOURCE_MEMORY) && row < samples->row_count; row++) {
		double value = *cell(samples, row, "mem_usage_bytes");
		if (is_row_of(samples, row, tenant) && !isnan(value))
			sum += value;
	}
	return sum;
}

static const char *extreme_tenant(const struct results *results, bool largest)
{
	const char *found = NULL;
	double best = 0;

	for (size_t i = 0; i < results->scenario->tenant_count; i++) {
		double used = amount(results, results->scenario->tenants[i].name);
		if (found && (largest ? used <= best : used >= best))
			continue;
		best = used;
		found = results->scenario->tenants[i].name;
	}
	return found;
}

static void scale(const struct table *table, const char *tenant, const char *column, double factor)
{
	double first = NAN;

	for (size_t row = 0; row < table->row_count; row++) {
		double *value = cell(table, row, column);
		if (!is_row_of(table, row, tenant) || isnan(*value))
			continue;
		first = isnan(first) ? *value : first;
		*value = floor(first + factor * (*value - first));
	}
}

static bool needs_contention(const struct results *results)
{
	for (size_t i = 0; i < results->scenario->expect_count; i++)
		if (results->scenario->expects[i].need == NEED_CONTENTION)
			return true;
	return false;
}

/* A level is what it is, a counter is what it grew by. */
static void scale_got(struct results *results, const char *tenant, double factor)
{
	for (const char *const *column = got_columns(results); *column; column++) {
		if (!is_of(results, RESOURCE_MEMORY))
			scale(&results->samples, tenant, *column, factor);
		for (size_t row = 0; is_of(results, RESOURCE_MEMORY) && row < results->samples.row_count;
			row++)
			if (is_row_of(&results->samples, row, tenant))
				*cell(&results->samples, row, *column) *= factor;
	}
}

/* One tenant got a fifth more than the records of the others leave room for. */
static bool scale_share(struct results *results)
{
	scale_got(results, extreme_tenant(results, true), 1.2);
	return true;
}

/* One tenant got less, and the other counters know nothing of it. */
static bool shrink_share(struct results *results)
{
	scale_got(results, extreme_tenant(results, true), 0.8);
	return true;
}

/* Nobody used all of it: a fifth of what could be had was left. */
static bool leave_some(struct results *results)
{
	if (!is_of(results, RESOURCE_NET) && !is_of(results, RESOURCE_DISK))
		return false;
	for (size_t i = 0; i < results->scenario->tenant_count; i++)
		scale_got(results, results->scenario->tenants[i].name, 0.8);
	scale_got(results, "host", 0.8);
	return needs_contention(results);
}

/* Weights, priorities and limits do nothing: everybody gets the same. */
/* Whether the scenario says anything about how unequal the tenants are; one about latencies need not. */
static bool expects_inequality(const struct scenario *scenario)
{
	for (size_t i = 0; i < scenario->expect_count; i++) {
		const struct expect_spec *expect = &scenario->expects[i];
		if (expect->kind == EXPECT_SHARE || expect->kind == EXPECT_SETTLES ||
			expect->kind == EXPECT_STARVES ||
			(expect->kind == EXPECT_LEVEL && expect->measure != MEASURE_DISK_P99))
			return true;
	}
	return false;
}

static bool equal_shares(struct results *results)
{
	struct table *samples = &results->samples;
	size_t count = results->scenario->tenant_count;
	double first[2][SCENARIO_MAX_TENANTS], off = 0;

	if (is_of(results, RESOURCE_MEMORY) || count < 2 || !expects_inequality(results->scenario))
		return false;
	for (size_t k = 0; k < 2; k++)
		for (size_t i = 0; i < SCENARIO_MAX_TENANTS; i++)
			first[k][i] = NAN;
	/* Rows of one tick stand together, tenants in file order. */
	for (size_t row = 0; row + count <= samples->row_count; row++) {
		if (!is_row_of(samples, row, results->scenario->tenants[0].name))
			continue;
		const char *const *columns = got_columns(results);
		for (size_t k = 0; columns[k]; k++) {
			double sum = 0;
			for (size_t i = 0; i < count; i++) {
				double value = *cell(samples, row + i, columns[k]);
				first[k][i] = isnan(first[k][i]) ? value : first[k][i];
				sum += value - first[k][i];
			}
			for (size_t i = 0; i < count; i++) {
				double *value = cell(samples, row + i, columns[k]);
				double even = floor(first[k][i] + sum / (double)count);
				off = fmax(off, sum > 0 ? fabs(*value - even) / sum : 0);
				*value = even;
			}
		}
	}
	return off > 0.1;
}

/* The limit takes nothing away: every tenant keeps the most that it ever had. */
static bool keep_memory(struct results *results)
{
	struct table *samples = &results->samples;
	double most[SCENARIO_MAX_TENANTS] = {0};

	for (size_t row = 0; is_of(results, RESOURCE_MEMORY) && row < samples->row_count; row++) {
		int tenant = scenario_tenant(results->scenario, samples->tenants[samples->tenant[row]]);
		double *value = cell(samples, row, "mem_usage_bytes");
		if (tenant < 0 || isnan(*value))
			continue;
		most[tenant] = fmax(most[tenant], *value);
		*value = most[tenant];
	}
	return is_of(results, RESOURCE_MEMORY);
}

/* The host had no CPU left, so it may be what was scarce. */
static bool full_host(struct results *results)
{
	for (size_t row = 0; row < results->samples.row_count && is_of(results, RESOURCE_DISK); row++) {
		if (!is_row_of(&results->samples, row, "host"))
			continue;
		double *idle = cell(&results->samples, row, "host_idle_ns");
		*cell(&results->samples, row, "host_busy_ns") += *idle;
		*idle = 0;
	}
	return is_of(results, RESOURCE_DISK) && needs_contention(results);
}

/* The OOM killer struck before the end. */
static bool oom(struct results *results)
{
	for (size_t row = 0; row < results->samples.row_count && is_of(results, RESOURCE_MEMORY); row++)
		if (is_row_of(&results->samples, row, "host") && results->samples.t_s[row] > 0)
			*cell(&results->samples, row, "vm_oom_kills") += floor(results->samples.t_s[row] / 4);
	return is_of(results, RESOURCE_MEMORY) && needs_contention(results);
}

/* A third of what the favoured tenant got went to the least favoured: consistent records of a wrong outcome. */
static bool move_share(struct results *results)
{
	const char *from = extreme_tenant(results, true), *to = extreme_tenant(results, false);
	struct table *samples = &results->samples;
	double first = NAN, moved = 0, to_first = NAN;

	if (!strcmp(from, to) || !is_of(results, RESOURCE_CPU))
		return false;
	for (size_t row = 0; row < samples->row_count; row++) {
		double *value = cell(samples, row, "vcpu_usage_ns");
		if (is_row_of(samples, row, "host") || isnan(*value))
			continue;
		if (is_row_of(samples, row, from)) {
			first = isnan(first) ? *value : first;
			moved = floor((*value - first) / 3);
			*value -= moved;
			*cell(samples, row, "run_delay_ns") += moved; /* and it waited instead */
		} else if (is_row_of(samples, row, to)) {
			to_first = isnan(to_first) ? *value : to_first;
			*value += moved;
			/* From far above 0: no counter is ever negative. */
			*cell(samples, row, "run_delay_ns") += 1e12 - moved;
		}
	}
	return true;
}

/* The rows of the middle half of the first window are gone. */
static bool drop_samples(struct results *results)
{
	const struct expect_spec *expect = &results->scenario->expects[0];
	double from_s = (double)expect->from_ns / 1e9, to_s = (double)expect->to_ns / 1e9;
	double quarter_s = (to_s - from_s) / 4;
	struct table kept, *all = &results->samples;

	table_init(&kept, (const char *const *)(uintptr_t)all->columns, all->column_count);
	for (size_t row = 0; row < all->row_count; row++) {
		if (all->t_s[row] > from_s + quarter_s && all->t_s[row] < to_s - quarter_s)
			continue;
		double *cells = table_add_row(&kept, all->t_s[row], all->tenants[all->tenant[row]]);
		memcpy(cells, &all->cells[row * all->column_count], all->column_count * sizeof(*cells));
	}
	assert_true(kept.row_count < all->row_count);
	table_release(all);
	*all = kept;
	return true;
}

/* The values were not read in that time: rows without numbers. */
static bool blank_samples(struct results *results)
{
	const struct expect_spec *expect = &results->scenario->expects[0];

	for (size_t row = 0; row < results->samples.row_count; row++)
		if (results->samples.t_s[row] > (double)expect->from_ns / 1e9 &&
			results->samples.t_s[row] < (double)expect->to_ns / 1e9)
			*cell(&results->samples, row, got_columns(results)[0]) = NAN;
	return true;
}

/* Nobody had to wait for it: no run delay, no queue, no reclaim. */
static bool no_waiting(struct results *results)
{
	static const char *const columns[RESOURCE_COUNT] = {
		[RESOURCE_CPU] = "run_delay_ns",
		[RESOURCE_NET] = "net_class_backlog_bytes",
		[RESOURCE_DISK] = "blk_queue_ns",
		[RESOURCE_MEMORY] = "vm_pgscan",
	};
	/* Of memory there is a second sign; in runs from before it was sampled there is none. */
	bool again = table_column(&results->samples, "vm_reclaim_runs") >= 0;

	for (size_t row = 0; row < results->samples.row_count; row++) {
		double *value = cell(&results->samples, row, columns[resource_of(results)]);
		if (!isnan(*value))
			*value = 0;
		if (again && !isnan(*cell(&results->samples, row, "vm_reclaim_runs")))
			*cell(&results->samples, row, "vm_reclaim_runs") = 0;
	}
	return needs_contention(results);
}

/* The scarce CPUs stood still for a quarter of the time. */
static bool idle_cpus(struct results *results)
{
	double busy_ns = growth(&results->samples, "host", "set_busy_ns"), first_s = results->samples.t_s[0];
	double span_s = results->samples.t_s[results->samples.row_count - 1] - first_s;

	if (!is_of(results, RESOURCE_CPU))
		return false;
	for (size_t row = 0; row < results->samples.row_count; row++)
		if (is_row_of(&results->samples, row, "host"))
			*cell(&results->samples, row, "set_idle_ns") +=
				floor(busy_ns / 4 * (results->samples.t_s[row] - first_s) / span_s);
	return needs_contention(results);
}

/* The hypervisor below us took a fifth. */
static bool stolen_time(struct results *results)
{
	double busy_ns = growth(&results->samples, "host", "set_busy_ns"), first_s = results->samples.t_s[0];
	double span_s = results->samples.t_s[results->samples.row_count - 1] - first_s;

	if (!is_of(results, RESOURCE_CPU))
		return false;
	for (size_t row = 0; row < results->samples.row_count; row++)
		if (is_row_of(&results->samples, row, "host"))
			*cell(&results->samples, row, "set_steal_ns") +=
				floor(busy_ns / 4 * (results->samples.t_s[row] - first_s) / span_s);
	return needs_contention(results);
}

/* Calls change() for every limit that was set; false: there is none. */
static bool each_limit(struct results *results, void (*change)(struct event_record *record))
{
	bool any = false;

	for (size_t i = 0; i < results->events.count; i++) {
		struct event_record *record = &results->events.records[i];
		if (record->limit == LIMIT_COUNT)
			continue;
		change(record);
		any = true;
	}
	return any;
}

static void forget_read_back(struct event_record *record)
{
	record->has_read_back = false;
}

static void wrong_read_back(struct event_record *record)
{
	record->read_back = record->asked + 1;
}

static void other_value(struct event_record *record)
{
	record->asked = record->read_back = record->asked + 1;
}

static void late_event(struct event_record *record)
{
	record->start_s += 5;
	record->end_s += 5;
}

static void failed_event(struct event_record *record)
{
	free(record->error);
	record->error = xstrdup("cannot set it");
}

static bool no_read_back(struct results *results)
{
	return each_limit(results, forget_read_back);
}

static bool another_read_back(struct results *results)
{
	return each_limit(results, wrong_read_back);
}

static bool another_value(struct results *results)
{
	return each_limit(results, other_value);
}

static bool events_late(struct results *results)
{
	return each_limit(results, late_event);
}

static bool events_failed(struct results *results)
{
	return each_limit(results, failed_event);
}

static bool no_events(struct results *results)
{
	event_log_release(&results->events);
	return true;
}

static bool state_broken(struct results *results)
{
	results->manifest.state = RUN_BROKEN;
	return true;
}

static bool state_interrupted(struct results *results)
{
	results->manifest.state = RUN_INTERRUPTED;
	return true;
}

static bool state_running(struct results *results)
{
	results->manifest.state = RUN_RUNNING;
	return true;
}

static bool trouble(struct results *results)
{
	struct manifest_tenant *tenant = &results->manifest.tenants[results->manifest.tenant_count - 1];

	free(tenant->trouble);
	tenant->trouble = xstrdup("stress-ng: exited with status 2");
	return true;
}

/* Nothing for two seconds, then all of it at once: the mean stays. */
static bool swing_share(struct results *results)
{
	const char *who = extreme_tenant(results, true);
	struct table *samples = &results->samples;
	const char *const *columns = got_columns(results);
	bool any = false;

	for (const char *const *column = columns; *column; column++) {
		double held = NAN, end_s = NAN;
		for (size_t row = 0; row < samples->row_count; row++) {
			double *value = cell(samples, row, *column);
			if (!is_row_of(samples, row, who) || isnan(*value) || samples->t_s[row] < 2)
				continue;
			if (isnan(end_s) || samples->t_s[row] >= end_s) {
				end_s = samples->t_s[row] + 2;
				held = *value;
			}
			any = any || *value != held;
			*value = held;
		}
	}
	return any;
}

static bool no_work(struct results *results)
{
	struct manifest_tenant *tenant = &results->manifest.tenants[0];

	tenant->worked = false;
	return *tenant->workload;
}

#define SHARED (1u << RESOURCE_CPU | 1u << RESOURCE_NET | 1u << RESOURCE_DISK)

static const struct mutation {
	const char *name;
	bool (*apply)(struct results *results); /* false: this run has nothing of that kind */
	bool must_fail;                         /* not inconclusive: consistent records of a wrong outcome */
	unsigned only;                          /* bits of the resources that alone can have it; 0: any can */
} mutations[] = {
	/* Of memory nobody has a share: what a soft limit takes is what is missing. */
	{"one tenant's share times 1.2", scale_share, false, SHARED},
	{"one tenant's share times 0.8", shrink_share, false, SHARED},
	{"a third of one share moved to another", move_share, true, 1u << RESOURCE_CPU},
	{"nothing, then all at once, in turn", swing_share, false, SHARED},
	{"samples removed in a window", drop_samples, false, 0},
	{"samples without values in a window", blank_samples, false, 0},
	{"everybody gets the same", equal_shares, false, 0},
	{"memory is never taken away", keep_memory, false, 1u << RESOURCE_MEMORY},
	{"a fifth of it is left over", leave_some, false, 1u << RESOURCE_NET | 1u << RESOURCE_DISK},
	{"nobody waits", no_waiting, false, 0},
	{"no idle CPU on the host", full_host, false, 1u << RESOURCE_DISK},
	{"the OOM killer", oom, false, 1u << RESOURCE_MEMORY},
	{"idle CPUs", idle_cpus, false, 1u << RESOURCE_CPU},
	{"stolen time", stolen_time, false, 1u << RESOURCE_CPU},
	{"no read-back", no_read_back, false, 0},
	{"another read-back", another_read_back, false, 0},
	{"another value", another_value, false, 0},
	/* A soft limit on memory that comes later, but before memory is scarce, changes nothing. */
	{"events five seconds late", events_late, false, SHARED},
	{"events that failed", events_failed, false, 0},
	{"no events", no_events, false, 0},
	{"state broken", state_broken, false, 0},
	{"state interrupted", state_interrupted, false, 0},
	{"state running", state_running, false, 0},
	{"a workload with trouble", trouble, false, 0},
	{"a workload that did no work", no_work, false, 0},
};

static void write_back(const struct results *results)
{
	struct err err = ERR_INIT;
	AUTO(free_ptr) char *samples = rundir_path(results->run, RUNDIR_SAMPLES);
	AUTO(free_ptr) char *series = rundir_path(results->run, RUNDIR_SERIES);
	AUTO(free_ptr) char *events = rundir_path(results->run, RUNDIR_EVENTS);
	AUTO(free_ptr) char *manifest = rundir_path(results->run, RUNDIR_MANIFEST);

	if (table_write_csv(&results->samples, samples, &err) ||
		event_log_write_csv(&results->events, events, &err) ||
		manifest_write(&results->manifest, manifest, &err))
		fail_msg("%s", err.text);
	/* What was derived from the samples before must not save them. */
	(void)unlink(series);
}

/* 0: not applicable; 1: it did not pass; -1: it did. */
static int mutate(const char *run, const struct mutation *mutation, unsigned *kept, unsigned *missed)
{
	AUTO(free_ptr) char *copy = copy_run(run);
	AUTO(results) struct results results = {0}, again = {0};

	load(copy, &results);
	*kept |= 1u << resource_of(&results);
	if (!results.samples.row_count)
		fail_msg("%s has no " RUNDIR_SAMPLES, run);
	if ((mutation->only && !(mutation->only & 1u << resource_of(&results))) || !mutation->apply(&results))
		return 0;
	write_back(&results);
	load(copy, &again);
	judge(&again, false);
	unsigned passing = rules_that_pass(&again);
	for (int rule = 0; rule < RULES; rule++)
		missed[rule] += passing >> rule & 1;
	if (again.judgement.verdict == VERDICT_PASS ||
		(mutation->must_fail && again.judgement.verdict != VERDICT_FAIL)) {
		print_message("  %s, %s: %s\n", run, mutation->name, verdict_name(again.judgement.verdict));
		for (size_t i = 0; i < again.judgement.count; i++)
			print_message("    %s: %s: %s\n", again.judgement.findings[i].expect->name,
				verdict_name(again.judgement.findings[i].verdict),
				again.judgement.findings[i].reason);
		return -1;
	}
	return 1;
}

#ifdef __SANITIZE_ADDRESS__
#define SANITIZED true
#else
#define SANITIZED false
#endif

/* Runs are named after what is scarce: "net-shares", "smoke-net". */
static bool is_first_of_resource(size_t index)
{
	static const char *const words[] = {"cpu", "net", "memory", "disk"};

	for (size_t k = 0; k < ARRAY_SIZE(words); k++)
		for (size_t i = 0; i < run_count; i++)
			if (strstr(runs[i], words[k])) {
				if (i == index)
					return true;
				break;
			}
	return false;
}

static void test_mutations(void **state)
{
	unsigned applied[ARRAY_SIZE(mutations)] = {0}, wrong = 0, kept = 0, missed[RULES] = {0}, all = 0;

	(void)state;
	NEED_RUNS();
	for (size_t i = 0; i < run_count; i++) {
		/* The sanitizers make it five times as slow, and what they look for is in one run of each resource. */
		if (SANITIZED && !is_first_of_resource(i))
			continue;
		for (size_t k = 0; k < ARRAY_SIZE(mutations); k++) {
			int result = mutate(runs[i], &mutations[k], &kept, missed);
			applied[k] += result != 0;
			all += result != 0;
			wrong += result < 0;
		}
	}
	for (size_t k = 0; k < ARRAY_SIZE(mutations); k++)
		if (!applied[k] && (!mutations[k].only || (mutations[k].only & kept)))
			fail_msg("'%s' was not tried on any run", mutations[k].name);
	print_message("  of %u tampered copies the judge passes none;", all);
	for (int rule = 0; rule < RULES; rule++) {
		print_message(" the rule of %s passes %u%s", rule_names[rule], missed[rule],
			rule + 1 < RULES ? "," : "\n");
		/* They see no records of what spoils a run, and their tolerances are wide. */
		assert_true(missed[rule] > 0);
	}
	assert_int_equal(wrong, 0);
}

/* Read and written without a change it still passes: what fails above fails because of the change. */
static void test_unchanged(void **state)
{
	(void)state;
	NEED_RUNS();
	for (size_t i = 0; i < run_count; i++) {
		AUTO(free_ptr) char *copy = copy_run(runs[i]);
		AUTO(results) struct results results = {0}, again = {0};
		load(copy, &results);
		write_back(&results);
		load(copy, &again);
		judge(&again, false);
		assert_int_equal(again.judgement.verdict, VERDICT_PASS);
		/* As they are meant. */
		assert_true(rules_that_pass(&again) & 1u << RULE_KERNEL);
	}
}

/* Cut off in the middle, or gone: a message, never a verdict. */
static void test_damaged(void **state)
{
	static const char *const files[] = {RUNDIR_MANIFEST, RUNDIR_SCENARIO, RUNDIR_EVENTS, RUNDIR_SAMPLES};

	(void)state;
	NEED_RUNS();
	for (size_t k = 0; k < ARRAY_SIZE(files); k++) {
		AUTO(free_ptr) char *copy = copy_run(runs[0]);
		AUTO(free_ptr) char *path = rundir_path(copy, files[k]);
		AUTO(buf) struct buf text = BUF_INIT;
		struct err err = ERR_INIT;
		struct results results = {0};
		assert_int_equal(fsio_read_file(path, FILE_MAX_BYTES, &text, NULL), 0);
		assert_int_equal(truncate(path, (off_t)(text.length * 2 / 3 + 1)), 0);
		if (results_load(copy, &results, &err) == 0) {
			/* Only the scenario may still be one, with fewer expectations; it is not called complete then. */
			fail_msg("%s was cut off and still read", files[k]);
		}
		assert_non_null(strstr(err.text, files[k]));
	}
}

/* Cut off between two rows, or edited by hand: file and line. */
static void test_edited(void **state)
{
	static const struct {
		const char *name, *script, *message;
	} edits[] = {
		{"cut off between two rows", "40q", RUNDIR_SAMPLES ":40: the file ends at "},
		{"a negative counter", "30s/^\\([^,]*,[^,]*\\),/\\1,-/",
			RUNDIR_SAMPLES ":30: cpu_usage_ns is -"},
		{"time that runs backwards", "30s/^[^,]*/-30/", RUNDIR_SAMPLES ":30: time runs backwards"},
		{"nan", "30s/^\\([^,]*,[^,]*\\),[0-9]*/\\1,nan/",
			RUNDIR_SAMPLES ":30: cpu_usage_ns is 'nan', not a number"},
		{"one field more", "30s/,/,,/", RUNDIR_SAMPLES ":30: "},
	};

	(void)state;
	NEED_RUNS();
	for (size_t i = 0; i < ARRAY_SIZE(edits); i++) {
		AUTO(free_ptr) char *copy = copy_run(runs[0]);
		AUTO(free_ptr) char *path = rundir_path(copy, RUNDIR_SAMPLES);
		struct err err = ERR_INIT;
		struct results results = {0};
		if (spawn_check((const char *const[]){"sed", "-i", edits[i].script, path, NULL}, NULL, &err))
			fail_msg("%s", err.text);
		if (results_load(copy, &results, &err) == 0)
			fail_msg("%s: read", edits[i].name);
		if (!strstr(err.text, edits[i].message))
			fail_msg("%s: %s", edits[i].name, err.text);
	}
}

/* Beside the run directory's copy of the scenario there is none of the user's own workloads: the manifest says what it was. */
static void test_own_workload(void **state)
{
	AUTO(free_ptr) char *run = NULL;
	struct err err = ERR_INIT;

	(void)state;
	NEED_RUNS();
	for (size_t i = 0; i < run_count && !run; i++)
		if (strstr(runs[i], "/smoke-net"))
			run = copy_run(runs[i]);
	if (!run)
		skip();
	AUTO(free_ptr) char *scenario = rundir_path(run, RUNDIR_SCENARIO);
	AUTO(free_ptr) char *manifest = rundir_path(run, RUNDIR_MANIFEST);
	if (spawn_check((const char *const[]){"sed", "-i",
				"/name: green/s/workload: [^,]*/workload: burn, demand: \"50%\"/", scenario,
				NULL},
		    NULL, &err) ||
		spawn_check((const char *const[]){"sed", "-i",
				    "/\"name\": \"green\"/,/\"workload\"/s/net-tcp.iperf3/burn.stress/",
				    manifest, NULL},
			NULL, &err))
		fail_msg("%s", err.text);
	AUTO(results) struct results results = {0};
	load(run, &results);
	assert_string_equal(results.scenario->tenants[1].workload, "burn");
	assert_int_equal(results.scenario->tenants[1].loads, RESOURCE_CPU);
	assert_true(results.scenario->tenants[1].demand == 0.5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same_verdict),
		cmocka_unit_test(test_same_figure),
		cmocka_unit_test(test_unchanged),
		cmocka_unit_test(test_mutations),
		cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_edited),
		cmocka_unit_test(test_own_workload),
	};
	const char *root = getenv("LIMITLAB_ROOT"), *given = getenv("LIMITLAB_REFERENCE");

	AUTO(free_ptr) char *usual = xasprintf("%s/results/reference", root ? root : ".");
	find_runs(given ? given : usual, 2);
	if (!mkdtemp(scratch))
		return 1;
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	for (size_t i = 0; i < run_count; i++)
		free(runs[i]);
	return fsio_remove_tree(scratch, NULL) || failed;
}
