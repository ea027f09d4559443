/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Made-up runs on a slow disk: bfq as it should be, and then one fault at a time.
 */
#include "made_run.h"

#define MIB   1048576.0
#define RATE  (50 * MIB)
#define DEPTH 16

static const char weight_yaml[] =
	"name: weight\n"
	"title: weight\n"
	"scarce: {disk: {size: 1GiB, rate: 50MiB/s}}\n"
	"tenants:\n"
	"  - {name: blue, workload: w.fio, limits: {disk.weight: 100}}\n"
	"  - {name: red, workload: w.fio, limits: {disk.weight: 100}}\n"
	"timeline:\n"
	"  - {at: 0s, start: all}\n"
	"  - {at: 10s, set: {tenant: red, disk.weight: 500}}\n"
	"  - {at: 20s, stop: all}\n"
	"expect:\n"
	"  - {ratio: disk, tenants: [red, blue], window: [2s, 10s], is: model, within: 10%, name: A}\n"
	"  - {ratio: disk, tenants: [red, blue], window: [12s, 20s], is: 5, within: 10%, name: B}\n"
	"  - {share: disk, tenant: red, window: [12s, 20s], is: model, within: 3%, name: C}\n"
	"  - {settles: disk, tenant: red, after: 10s, within: 1s, name: D}\n"
	"  - {conserves: disk, window: [2s, 20s], within: 3%, every: 5s, name: E}\n"
	"  - {ratio: disk, measure: iops, tenants: [red, blue], window: [12s, 20s], is: model, within: 10%, name: F}\n"
	"  - {level: disk, measure: p99, tenant: red, window: [12s, 20s], at most: 40ms, name: G}\n";

/* Without a scheduler that honours weights. */
static const char noop_yaml[] =
	"name: noop\n"
	"title: noop\n"
	"scarce: {disk: {size: 1GiB, rate: 50MiB/s, scheduler: none}}\n"
	"tenants:\n"
	"  - {name: blue, workload: w.fio, limits: {disk.weight: 100}}\n"
	"  - {name: red, workload: w.fio, limits: {disk.weight: 100}}\n"
	"timeline:\n"
	"  - {at: 0s, start: all}\n"
	"  - {at: 10s, set: {tenant: red, disk.weight: 500}}\n"
	"  - {at: 20s, set: {tenant: red, disk.read_bytes_per_s: 10MiB/s}}\n"
	"  - {at: 30s, stop: all}\n"
	"expect:\n"
	"  - {unchanged: disk, tenant: red, after: 10s, window: [11s, 20s], within: 5%, control: throttled, name: A}\n"
	"  - {level: disk, tenant: red, window: [21s, 30s], is: 10MiB/s, within: 5%, name: throttled}\n"
	"  - {share: disk, tenant: red, window: [11s, 20s], is: model, within: 3%, name: B}\n"
	"  - {share: disk, tenant: red, window: [11s, 20s], is: 50%, within: 3%, name: C}\n"
	"  - {conserves: disk, window: [2s, 30s], within: 3%, every: 5s, name: D}\n";

/* Of latencies no evidence is asked. */
static const char latency_yaml[] =
	"name: latency\n"
	"title: latency\n"
	"scarce: {disk: {size: 1GiB, rate: 50MiB/s}}\n"
	"tenants:\n"
	"  - {name: blue, workload: w.fio}\n"
	"  - {name: red, workload: w.fio}\n"
	"timeline:\n"
	"  - {at: 0s, start: all}\n"
	"  - {at: 20s, stop: all}\n"
	"expect:\n"
	"  - {level: disk, measure: p99, tenant: red, window: [2s, 10s], at most: 40ms, needs: nothing, name: A}\n"
	"  - {level: disk, measure: p99, tenant: red, window: [12s, 20s], at least: 15ms, needs: nothing, name: B}\n"
	"  - {level: disk, tenant: red, window: [12s, 20s], at most: 45MiB/s, needs: nothing, name: C}\n";

static const char conserves_yaml[] =
	"name: conserves\n"
	"title: conserves\n"
	"scarce: {disk: {size: 1GiB, rate: 50MiB/s}}\n"
	"tenants:\n"
	"  - {name: blue, workload: w.fio}\n"
	"  - {name: red, workload: w.fio}\n"
	"timeline:\n"
	"  - {at: 0s, start: all}\n"
	"  - {at: 20s, stop: all}\n"
	"expect:\n"
	"  - {conserves: disk, window: [2s, 20s], within: 3%, every: 5s, name: A}\n";

struct disk_case {
	const char *name, *yaml, *verdicts, *reason;
	struct made_faults log;
	bool ignores_weight, ignores_throttle;
	double red_times;
	double delay_s;
	double fed;          /* so much of the rate is used; 0: all */
	double shallow;      /* red's queue is only so deep from 12 s on; 0: full */
	double shallow_to_s; /* until then; 0: to the end */
	bool no_queue;       /* no column says how deep queues are */
	bool queue_of_fio;   /* only the tool says */
	bool asks;           /* the tool says that there are more under way than are seen in the queue */
	double host_idle;    /* part of the host's CPUs; 0: 0.4 */
	double late_p99_ms;  /* of red; 0: 20 */
	double drop_from_s, drop_to_s;
	double swing;             /* part of the rate, up and down from second to second */
	double mute_s, mute_to_s; /* red's tool says nothing */
};

static const struct disk_case cases[] = {
	{.name = "faithful", .yaml = weight_yaml, .verdicts = "ppppppp"},
	{.name = "faithful, queues as fio tells",
		.yaml = weight_yaml,
		.verdicts = "ppppppp",
		.queue_of_fio = true},
	{.name = "weights ignored",
		.yaml = weight_yaml,
		.verdicts = "pfffpfp",
		.ignores_weight = true,
		.reason = "'red' got 1.000"},
	{.name = "late reaction", .yaml = weight_yaml, .verdicts = "pfffpfp", .delay_s = 4},
	{.name = "red gets a tenth too much",
		.yaml = weight_yaml,
		.verdicts = "ffffpfp",
		.red_times = 1.1,
		.reason =
			"'red' got 1.222 (+- 0.000, 95 % interval from means of one second) times what 'blue' got, the model's value is 1.000"},
	{.name = "the guests are too slow for the disk",
		.yaml = weight_yaml,
		.verdicts = "iiiiiii",
		.fed = 0.8,
		.reason = "the disk moved 80.0 % of its rate"},
	{.name = "the host's CPUs are what is scarce",
		.yaml = weight_yaml,
		.verdicts = "iiiiiii",
		.host_idle = 0.06,
		.reason = "idle for only 6.0 %"},
	{.name = "red does not want as much as it might",
		.yaml = weight_yaml,
		.verdicts = "piiiiii",
		.shallow = 8.5,
		.reason =
			"'red' should want more than it gets, but had 8.5 requests in its queue where it can have 16.0"},
	/* Seen on Linux 6.1, whose BFQ lets a group have only its part of the requests. */
	{.name = "red's requests wait before the queue",
		.yaml = weight_yaml,
		.verdicts = "ppppppp",
		.shallow = 2,
		.asks = true},
	{.name = "weights ignored, and red's requests wait before the queue",
		.yaml = weight_yaml,
		.verdicts = "piiipip",
		.ignores_weight = true,
		.shallow = 2,
		.asks = true,
		.reason = "had 2.0 requests in its queue where it can have 16.0"},
	{.name = "red's queue is half empty for a second",
		.yaml = weight_yaml,
		.verdicts = "ppppppp",
		.shallow = 9,
		.shallow_to_s = 13},
	{.name = "red's queue runs empty for a second",
		.yaml = weight_yaml,
		.verdicts = "piiiiii",
		.shallow = 3,
		.shallow_to_s = 13,
		.reason = "had 3.0 requests in its queue from 12.0 s to 13.0 s where it can have 16.0"},
	{.name = "queues a little shallower than they could be",
		.yaml = weight_yaml,
		.verdicts = "ppppppp",
		.shallow = 14},
	{.name = "queues not known",
		.yaml = weight_yaml,
		.verdicts = "iiiiiii",
		.no_queue = true,
		.reason = "0 samples of the queue of 'blue'"},
	{.name = "samples missing",
		.yaml = weight_yaml,
		.verdicts = "piiiiii",
		.drop_from_s = 14,
		.drop_to_s = 15.5},
	{.name = "red waits too long",
		.yaml = weight_yaml,
		.verdicts = "ppppppf",
		.late_p99_ms = 55,
		.reason = "'red' got 55.00 ms"},
	{.name = "latencies", .yaml = latency_yaml, .verdicts = "ppp"},
	{.name = "too slow",
		.yaml = latency_yaml,
		.verdicts = "fpp",
		.late_p99_ms = 55,
		.reason = "55.00 ms"},
	{.name = "too slow while the host's CPUs are full",
		.yaml = latency_yaml,
		.verdicts = "ipp",
		.late_p99_ms = 55,
		.host_idle = 0.04,
		.reason = "idle for only 4.0 %"},
	{.name = "too fast", .yaml = latency_yaml, .verdicts = "pfp", .late_p99_ms = 5, .reason = "5.00 ms"},
	{.name = "too fast, and a load that asks for half",
		.yaml = latency_yaml,
		.verdicts = "pii",
		.late_p99_ms = 5,
		.shallow = 8,
		.queue_of_fio = true,
		.reason = "'red' may have wanted no more: its workload had 8.0 requests under way"},
	{.name = "little for a load whose tool is silent",
		.yaml = latency_yaml,
		.verdicts = "ppi",
		.queue_of_fio = true,
		.mute_s = 13,
		.mute_to_s = 19,
		.reason = "its workload had"},
	{.name = "a sum that is right", .yaml = conserves_yaml, .verdicts = "p", .swing = 0.005},
	{.name = "a sum that is right on average alone",
		.yaml = conserves_yaml,
		.verdicts = "i",
		.swing = 0.1,
		.reason =
			"what all tenants together got varies too much from second to second to be told to 1.50 MiB/s"},
	{.name = "the kernel holds another weight",
		.yaml = weight_yaml,
		.verdicts = "iiiiiii",
		.log = {.other_value = true},
		.reason = "the kernel holds 501"},
	{.name = "no scheduler: the weight does nothing",
		.yaml = noop_yaml,
		.verdicts = "ppipp",
		.ignores_weight = true,
		.reason = "the model says nothing"},
	{.name = "no scheduler, but the weight acts", .yaml = noop_yaml, .verdicts = "fpifp"},
	{.name = "no scheduler, and the throttle does nothing either",
		.yaml = noop_yaml,
		.verdicts = "ifipp",
		.ignores_weight = true,
		.ignores_throttle = true,
		.reason = "the positive control 'throttled' did not pass"},
};

enum { READ, WRITE, READ_IOS, WRITE_IOS, QUEUE_NS, BUSY, IDLE };
static const char *const columns[] = {"blk_read_bytes", "blk_write_bytes", "blk_read_ios", "blk_write_ios",
	"blk_queue_ns", "host_busy_ns", "host_idle_ns"};
enum { P99, DEPTH_SEEN };
static const char *const series_columns[] = {"disk_p99_ms", "disk_queue_depth"};

/* Red's part; blue has the rest. */
static double red_part(const struct disk_case *c, double t_s)
{
	double part = t_s >= 10 + c->delay_s && !c->ignores_weight ? 5 / 6. : 0.5;

	if (c->yaml == noop_yaml && t_s >= 20 && !c->ignores_throttle)
		return 10. / 50;
	return fmin(part * (c->red_times > 0 ? c->red_times : 1), 1);
}

static double depth_at(const struct disk_case *c, unsigned tenant, double t_s)
{
	bool now = t_s >= 12 && (!(c->shallow_to_s > 0) || t_s < c->shallow_to_s);

	/* What a throttle holds back is in no queue of the disk's. */
	if (tenant == 1 && c->yaml == noop_yaml && t_s >= 20 && !c->ignores_throttle)
		return 0;
	return tenant == 1 && c->shallow > 0 && now ? c->shallow : DEPTH;
}

/* What a tool says of DEPTH requests, from the few that end in a second. */
static double depth_told(double t_s)
{
	return DEPTH + ((long)floor(t_s) % 2 ? 8 : -9);
}

static void add_rows(
	const struct disk_case *c, struct made_run *run, double t_s, const double *bytes, const double *queue)
{
	static const char *const names[] = {"blue", "red"};
	double idle = c->host_idle > 0 ? c->host_idle : 0.4, since_s = t_s + 10;

	for (unsigned i = 0; i < 2; i++) {
		double *cells = table_add_row(&run->samples, t_s, names[i]);
		cells[READ] = floor(bytes[i] * 0.75);
		cells[WRITE] = floor(bytes[i]) - cells[READ];
		cells[READ_IOS] = floor(bytes[i] / 65536);
		cells[WRITE_IOS] = 7;
		if (!c->no_queue && !c->queue_of_fio)
			cells[QUEUE_NS] = floor(queue[i] * 1e9);
		cells = table_add_row(&run->series, t_s, names[i]);
		cells[P99] = i && c->late_p99_ms > 0 ? c->late_p99_ms : 20;
		bool mute = i && t_s > c->mute_s && t_s < c->mute_to_s;
		if ((c->queue_of_fio || c->asks) && !mute)
			cells[DEPTH_SEEN] = c->asks ? depth_told(t_s) : depth_at(c, i, t_s);
	}
	double *cells = table_add_row(&run->samples, t_s, "host");
	cells[BUSY] = floor(since_s * 2 * (1 - idle) * 100) * 1e7;
	cells[IDLE] = floor(since_s * 2 * idle * 100) * 1e7;
}

static void make_samples(const struct disk_case *c, struct made_run *run)
{
	double bytes[2] = {0}, queue[2] = {0}, rate = RATE * (c->fed > 0 ? c->fed : 1);
	long per_sample = lround(MADE_INTERVAL_S / MADE_STEP_S);

	table_init(&run->samples, columns, ARRAY_SIZE(columns));
	table_init(&run->series, series_columns, ARRAY_SIZE(series_columns));
	for (long step = -2 * per_sample; (double)step * MADE_STEP_S <= made_duration_s(run) + 0.3; step++) {
		double t_s = (double)step * MADE_STEP_S, part = red_part(c, t_s);
		if (step % per_sample == 0 && !(t_s >= c->drop_from_s && t_s < c->drop_to_s))
			add_rows(c, run, t_s, bytes, queue);
		if (t_s < 0 || t_s >= made_duration_s(run))
			continue;
		double now = rate * (1 + (fmod(t_s, 2) < 1 ? c->swing : -c->swing));
		bytes[0] += (1 - part) * now * MADE_STEP_S;
		bytes[1] += part * now * MADE_STEP_S;
		for (unsigned i = 0; i < 2; i++)
			queue[i] += depth_at(c, i, t_s) * MADE_STEP_S;
	}
}

static void test_runs(void **state)
{
	size_t wrong = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(made_run) struct made_run run = {0};
		made_begin(&run, cases[i].name, cases[i].yaml, &cases[i].log);
		make_samples(&cases[i], &run);
		wrong += !made_check(cases[i].name, &run, cases[i].verdicts, cases[i].reason);
	}
	assert_int_equal(wrong, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_runs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
