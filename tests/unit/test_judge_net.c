/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Made-up runs on a shared link: HTB as its rules say, and then one fault at a time.
 */
#include "made_run.h"

#define LINK 300e6

static const char priority_yaml[] =
	"name: priority\n"
	"title: priority\n"
	"scarce: {link: {rate: 300Mbit/s}}\n"
	"tenants:\n"
	"  - {name: blue, workload: w.iperf3, limits: {net.rate: 10Mbit/s}}\n"
	"  - {name: green, workload: w.iperf3, limits: {net.rate: 10Mbit/s}}\n"
	"  - {name: red, workload: w.iperf3, limits: {net.rate: 10Mbit/s}}\n"
	"timeline:\n"
	"  - {at: 0s, start: all}\n"
	"  - {at: 10s, set: {tenant: red, net.priority: 1}}\n"
	"  - {at: 20s, reset: {tenant: red, limit: net.priority}}\n"
	"  - {at: 30s, stop: all}\n"
	"expect:\n"
	"  - {share: net, tenant: red, window: [2s, 10s], is: model, within: 2%, name: A}\n"
	"  - {level: net, tenant: red, window: [12s, 20s], is: 280Mbit/s, within: 5%, name: B}\n"
	"  - {level: net, tenant: blue, window: [12s, 20s], at most: 15Mbit/s, name: C}\n"
	"  - {ratio: net, tenants: [red, blue], window: [2s, 10s], is: 1, within: 10%, name: D}\n"
	"  - {starves: net, tenant: blue, window: [12s, 20s], below: 5%, for: 3s, name: E}\n"
	"  - {never starves: net, tenant: green, window: [22s, 30s], below: 20%, longest: 1s, name: F}\n"
	"  - {conserves: net, window: [2s, 28s], within: 3%, every: 5s, name: G}\n"
	"  - {settles: net, tenant: red, after: 10s, within: 1s, name: H}\n"
	"  - {level: net, measure: payload, tenant: green, window: [22s, 30s], is: 95Mbit/s, within: 5%, name: I}\n"
	"  - {level: net, tenant: green, window: [22s, 30s], is: model, within: 3%, name: J}\n";

/* The kernel's plain change of a priority, beside a limit that acts. */
static const char raw_yaml[] =
	"name: raw\n"
	"title: raw\n"
	"scarce: {link: {rate: 300Mbit/s, apply: raw}}\n"
	"tenants:\n"
	"  - {name: blue, workload: w.iperf3, limits: {net.rate: 10Mbit/s}}\n"
	"  - {name: green, workload: w.iperf3, limits: {net.rate: 10Mbit/s}}\n"
	"  - {name: red, workload: w.iperf3, limits: {net.rate: 10Mbit/s}}\n"
	"timeline:\n"
	"  - {at: 0s, start: all}\n"
	"  - {at: 10s, set: {tenant: red, net.priority: 1}}\n"
	"  - {at: 20s, set: {tenant: red, net.ceil: 50Mbit/s}}\n"
	"  - {at: 30s, stop: all}\n"
	"expect:\n"
	"  - {unchanged: net, tenant: red, after: 10s, window: [11s, 20s], within: 5%, control: acts, name: A}\n"
	"  - {level: net, tenant: red, window: [21s, 30s], is: 50Mbit/s, within: 5%, name: acts}\n"
	"  - {share: net, tenant: red, window: [11s, 20s], is: model, within: 2%, name: B}\n";

/* As much as there is, and nothing is scarce. */
static const char plenty_yaml[] =
	"name: plenty\n"
	"title: plenty\n"
	"scarce: {link: {rate: 300Mbit/s}}\n"
	"tenants:\n"
	"  - {name: blue, workload: w.iperf3, demand: 60Mbit/s}\n"
	"  - {name: red, workload: w.iperf3, limits: {net.ceil: 100Mbit/s}}\n"
	"timeline:\n"
	"  - {at: 0s, start: all}\n"
	"  - {at: 10s, stop: all}\n"
	"expect:\n"
	"  - {level: net, tenant: blue, window: [2s, 10s], is: model, within: 5%, needs: plenty, name: A}\n"
	"  - {level: net, tenant: red, window: [2s, 10s], is: 100Mbit/s, within: 5%, needs: nothing, name: B}\n"
	"  - {level: net, tenant: blue, window: [2s, 10s], is: 60Mbit/s, within: 5%, needs: contention, name: C}\n";

static const char bound_yaml[] =
	"name: bound\n"
	"title: bound\n"
	"scarce: {link: {rate: 300Mbit/s}}\n"
	"tenants:\n"
	"  - {name: blue, workload: w.iperf3}\n"
	"  - {name: red, workload: w.iperf3, limits: {net.ceil: 100Mbit/s}}\n"
	"timeline:\n"
	"  - {at: 0s, start: all}\n"
	"  - {at: 10s, stop: all}\n"
	"expect:\n"
	"  - {level: net, tenant: red, window: [2s, 10s], at most: 105Mbit/s, name: A}\n";

/* Rates that add up to more than the link. */
static const char over_yaml[] =
	"name: over\n"
	"title: over\n"
	"scarce: {link: {rate: 300Mbit/s}}\n"
	"tenants:\n"
	"  - {name: blue, workload: w.iperf3, limits: {net.rate: 200Mbit/s}}\n"
	"  - {name: red, workload: w.iperf3, limits: {net.rate: 200Mbit/s}}\n"
	"timeline:\n"
	"  - {at: 0s, start: all}\n"
	"  - {at: 10s, stop: all}\n"
	"expect:\n"
	"  - {conserves: net, window: [2s, 10s], within: 3%, every: 5s, name: A}\n"
	"  - {level: net, tenant: blue, window: [2s, 10s], is: model, within: 3%, name: B}\n";

/* First a plain change that does nothing, then the same in the way that works. */
static const char twice_yaml[] =
	"name: twice\n"
	"title: twice\n"
	"scarce: {link: {rate: 300Mbit/s}}\n"
	"tenants:\n"
	"  - {name: blue, workload: w.iperf3, limits: {net.rate: 10Mbit/s}}\n"
	"  - {name: green, workload: w.iperf3, limits: {net.rate: 10Mbit/s}}\n"
	"  - {name: red, workload: w.iperf3, limits: {net.rate: 10Mbit/s}}\n"
	"timeline:\n"
	"  - {at: 0s, start: all}\n"
	"  - {at: 10s, set: {tenant: red, net.priority: 1, net.apply: raw}}\n"
	"  - {at: 20s, set: {tenant: red, net.priority: 1, net.apply: reliable}}\n"
	"  - {at: 30s, stop: all}\n"
	"expect:\n"
	"  - {unchanged: net, tenant: red, after: 10s, window: [11s, 20s], within: 5%, control: B, name: A}\n"
	"  - {settles: net, tenant: red, after: 20s, within: 1s, name: B}\n"
	"  - {settles: net, tenant: blue, after: 20s, within: 1s, name: C}\n";

/* A load that takes its time to begin, and one that dies. */
static const char start_yaml[] =
	"name: start\n"
	"title: start\n"
	"scarce: {link: {rate: 300Mbit/s}}\n"
	"tenants:\n"
	"  - {name: blue, workload: w.iperf3}\n"
	"  - {name: green, workload: w.iperf3, may die: true}\n"
	"  - {name: red, workload: w.iperf3}\n"
	"timeline:\n"
	"  - {at: 0s, start: all}\n"
	"  - {at: 12s, stop: all}\n"
	"expect:\n"
	"  - {settles: net, tenant: red, after: 0s, within: 2s, name: A}\n"
	"  - {share: net, tenant: red, window: [7s, 12s], is: model, within: 3%, name: B}\n"
	"  - {share: net, tenant: green, window: [7s, 12s], is: model, within: 3%, name: C}\n"
	"  - {conserves: net, window: [4s, 12s], within: 3%, every: 2s, name: D}\n";

struct net_case {
	const char *name, *yaml, *verdicts, *reason;
	struct made_faults log;
	bool ignores_changes; /* of everything but net.ceil */
	bool ignores_ceil;
	bool swapped; /* blue gets what red should, and the other way round */
	double red_times;
	double delay_s;                            /* changes take effect so much later */
	double fed;                                /* so much of the rate is used; 0: all */
	double zero_from_s, zero_to_s;             /* green gets nothing; the others share it */
	double excess_from_s, excess_to_s, excess; /* the link lets so much more through */
	double empty_s;                            /* green has nothing queued in the sample at this time */
	bool never_queued, no_backlog_column;
	double drop_from_s, drop_to_s; /* no rows */
	double burst_bytes;            /* every second reading is ahead by this much */
	bool payload_half;             /* iperf3 sees half of what HTB lets through */
	double dies_s;                 /* green's death, which the log knows */
	double host_idle;              /* part of the host's CPUs; 0: 0.4 */
	double ramp_s;                 /* after the start the senders need so long to fill the link */
};

static const struct net_case cases[] = {
	{.name = "faithful", .yaml = priority_yaml, .verdicts = "pppppppppp"},
	{.name = "faithful, in bursts of GSO packets",
		.yaml = priority_yaml,
		.verdicts = "pppppppppp",
		.burst_bytes = 65536},
	{.name = "faithful, 0.4 s late", .yaml = priority_yaml, .verdicts = "pppppppppp", .delay_s = 0.4},
	{.name = "reliable: read back after 0.6 s",
		.yaml = priority_yaml,
		.verdicts = "pppppppppp",
		.delay_s = 0.6,
		.log = {.late_s = 0.6}},
	{.name = "carried out 4 s late: no value can be expected of a window in which the limit changes",
		.yaml = priority_yaml,
		.verdicts = "piipiipfii",
		.delay_s = 4,
		.log = {.late_s = 4},
		.reason =
			"net.priority of 'red' was due at 10 s and in force only at 14.002 s, inside the window"},
	{.name = "priority ignored",
		.yaml = priority_yaml,
		.verdicts = "pffpfppfpp",
		.ignores_changes = true,
		.reason = "'red' got 100.00 Mbit/s"},
	{.name = "tenants swapped",
		.yaml = priority_yaml,
		.verdicts = "pffpfppfpp",
		.swapped = true,
		.reason = "'red' got 10.00 Mbit/s"},
	{.name = "red gets a fifth too much",
		.yaml = priority_yaml,
		.verdicts = "ffpfpppfff",
		.red_times = 1.2,
		.reason = "off by +6.67 points"},
	{.name = "late reaction",
		.yaml = priority_yaml,
		.verdicts = "pffppppfff",
		.delay_s = 3,
		.reason = "off by"},
	{.name = "green starves for 2 s",
		.yaml = priority_yaml,
		.verdicts = "pppppfppff",
		.zero_from_s = 24,
		.zero_to_s = 26,
		.reason = "for 2"},
	{.name = "green gets nothing for 0.6 s",
		.yaml = priority_yaml,
		.verdicts = "ppppppppff",
		.zero_from_s = 24,
		.zero_to_s = 24.6},
	{.name = "no contention: the link is not full",
		.yaml = priority_yaml,
		.verdicts = "iiiiiiiiii",
		.fed = 0.8,
		.reason = "carried 80.0 % of its rate"},
	{.name = "a little less than the rate",
		.yaml = priority_yaml,
		.verdicts = "pppppppppp",
		.fed = 0.985},
	{.name = "nothing queued, ever",
		.yaml = priority_yaml,
		.verdicts = "iiiiiiiiii",
		.never_queued = true,
		.reason = "had nothing queued in"},
	{.name = "nothing queued in one sample",
		.yaml = priority_yaml,
		.verdicts = "pppppiipii",
		.empty_s = 25,
		.reason = "nothing queued in 1 of 41 samples"},
	{.name = "queues not sampled",
		.yaml = priority_yaml,
		.verdicts = "iiiiiiiiii",
		.no_backlog_column = true,
		.reason = "0 samples of net_class_backlog_bytes of 'blue'"},
	{.name = "samples missing in a window",
		.yaml = priority_yaml,
		.verdicts = "piipipiipp",
		.drop_from_s = 14,
		.drop_to_s = 15},
	{.name = "never read back",
		.yaml = priority_yaml,
		.verdicts = "iiiiiiiiii",
		.log = {.not_read_back = true},
		.reason = "never read back"},
	{.name = "the kernel holds another value",
		.yaml = priority_yaml,
		.verdicts = "iiiiiiiiii",
		.log = {.other_value = true},
		.reason = "the kernel holds 2"},
	{.name = "a set that failed",
		.yaml = priority_yaml,
		.verdicts = "iiiiiiiiii",
		.log = {.failed = true},
		.reason = "busy"},
	{.name = "the link lets too much through for 5 s",
		.yaml = priority_yaml,
		.verdicts = "ppppppfppp",
		.excess_from_s = 13.4,
		.excess_to_s = 18.4,
		.excess = 0.04,
		.reason = "off by +4.00 %"},
	{.name = "iperf3 sees half of it",
		.yaml = priority_yaml,
		.verdicts = "ppppppppfp",
		.payload_half = true,
		.reason = "as iperf3 reports it"},
	{.name = "right on a host that is busy",
		.yaml = priority_yaml,
		.verdicts = "pppppppppp",
		.host_idle = 0.02},
	{.name = "wrong on a host that is busy",
		.yaml = priority_yaml,
		.verdicts = "piipippipp",
		.ignores_changes = true,
		.host_idle = 0.02,
		.reason = "the host's CPUs were idle for only"},
	{.name = "raw: nothing changes but the ceil",
		.yaml = raw_yaml,
		.verdicts = "ppf",
		.ignores_changes = true,
		.reason = "the model's share is 93.33 %"},
	{.name = "raw: it does take effect",
		.yaml = raw_yaml,
		.verdicts = "fpp",
		.reason = "'red' had 100.01 Mbit/s before the event and 280.00 Mbit/s after it"},
	{.name = "raw: the control fails",
		.yaml = raw_yaml,
		.verdicts = "iff",
		.ignores_changes = true,
		.ignores_ceil = true,
		.reason = "the positive control 'acts' did not pass (fail)"},
	{.name = "raw: nobody wanted more",
		.yaml = raw_yaml,
		.verdicts = "ipi",
		.ignores_changes = true,
		.never_queued = true},
	{.name = "raw: not read back",
		.yaml = raw_yaml,
		.verdicts = "iii",
		.ignores_changes = true,
		.log = {.not_read_back = true},
		.reason = "never read back"},
	{.name = "raw, then reliable", .yaml = twice_yaml, .verdicts = "ppp", .ignores_changes = true},
	{.name = "raw takes effect, and reliable has nothing left to do",
		.yaml = twice_yaml,
		.verdicts = "iii",
		.reason = "the positive control 'B' did not pass (inconclusive)"},
	{.name = "raw, then reliable, and neither does anything",
		.yaml = twice_yaml,
		.verdicts = "iff",
		.ignores_changes = true,
		.ignores_ceil = true},
	{.name = "plenty", .yaml = plenty_yaml, .verdicts = "ppi", .reason = "no contention"},
	{.name = "plenty: blue gets less than it wants",
		.yaml = plenty_yaml,
		.verdicts = "fpi",
		.fed = 0.9,
		.reason = "'blue' got 54.00 Mbit/s"},
	{.name = "a ceil that does not hold",
		.yaml = plenty_yaml,
		.verdicts = "pfi",
		.red_times = 1.3,
		.reason = "'red' got 130.00 Mbit/s"},
	{.name = "too little under the ceil, and nothing queued",
		.yaml = plenty_yaml,
		.verdicts = "pii",
		.red_times = 0.8,
		.never_queued = true,
		.reason = "'red' may have wanted no more: it had nothing queued"},
	{.name = "a bound that holds", .yaml = bound_yaml, .verdicts = "p"},
	{.name = "a bound of which nobody asked",
		.yaml = bound_yaml,
		.verdicts = "i",
		.red_times = 0.2,
		.never_queued = true,
		.reason = "says nothing about a limit: it had nothing queued"},
	{.name = "a load that begins slowly", .yaml = start_yaml, .verdicts = "pppp", .ramp_s = 1.2},
	{.name = "a load that begins too slowly: the link, not the limit, is why",
		.yaml = start_yaml,
		.verdicts = "ippp",
		.ramp_s = 3.6,
		.reason = "carried"},
	{.name = "a tenant that may die does",
		.yaml = start_yaml,
		.verdicts = "ppip",
		.dies_s = 5,
		.reason = "no sample of net_class_bytes of 'green'"},
	{.name = "more guaranteed than there is",
		.yaml = over_yaml,
		.verdicts = "fp",
		.reason = "off by +33.33 %"},
};

enum { BYTES, BACKLOG, BUSY, IDLE };
static const char *const columns[] = {
	"net_class_bytes", "net_class_backlog_bytes", "host_busy_ns", "host_idle_ns"};
static const char *const series_columns[] = {"payload_rx_mbit_per_s"};

/* Bits per second that a tenant gets at a time. */
static double rate_at(
	const struct net_case *c, const struct model *model, unsigned tenant, double t_s, double duration_s)
{
	static const unsigned other[] = {2, 1, 0};
	double then = t_s - c->delay_s, now = 0;

	if (t_s < 0 || t_s >= duration_s)
		return 0;
	if (then < 0.01)
		then = 0.01;
	for (size_t i = 0; i < model->step_count; i++) {
		const struct model_step *step = &model->steps[i];
		if (then < step->from_s || then >= step->to_s)
			continue;
		now = step->share[c->swapped ? other[tenant] : tenant];
		if (c->ignores_changes && (c->ignores_ceil || then < 20))
			now = model->steps[0].share[tenant];
	}
	return now * LINK;
}

static bool is_between(double t_s, double from_s, double to_s)
{
	return t_s >= from_s && t_s < to_s;
}

static void fill_rates(const struct net_case *c, const struct made_run *run, const struct model *model,
	double t_s, double *rates)
{
	const struct scenario *scenario = run->scenario;
	unsigned count = (unsigned)scenario->tenant_count, last = count - 1;
	double before = 0;

	for (unsigned i = 0; i < count; i++)
		rates[i] = rate_at(c, model, i, t_s, made_duration_s(run));
	if (c->red_times > 0) {
		before = rates[last];
		rates[last] = fmin(rates[last] * c->red_times, LINK);
		for (unsigned i = 0; count > 2 && i < last; i++)
			rates[i] -= (rates[last] - before) / last;
	}
	if (is_between(t_s, c->zero_from_s, c->zero_to_s)) {
		rates[0] += rates[1] / 2;
		rates[2] += rates[1] / 2;
		rates[1] = 0;
	}
	double times = c->fed > 0 ? c->fed : 1;
	if (is_between(t_s, c->excess_from_s, c->excess_to_s))
		times += c->excess;
	if (t_s < c->ramp_s)
		times *= t_s / c->ramp_s;
	/* A hard limit holds whatever else is wrong. */
	for (unsigned i = 0; i < count; i++)
		if (count > 2 || i == 0)
			rates[i] = fmax(rates[i] * times, 0);
}

static bool is_queued(const struct net_case *c, const struct scenario *scenario, unsigned tenant, double t_s)
{
	return t_s >= 0 && !c->never_queued && isinf(scenario->tenants[tenant].demand) &&
	       !(tenant == 1 && c->empty_s > 0 && fabs(t_s - c->empty_s) < 0.01);
}

static void add_rows(const struct net_case *c, struct made_run *run, double t_s, long sample,
	const double *bytes, const double *grown)
{
	const struct scenario *scenario = run->scenario;
	double ahead = sample % 2 ? c->burst_bytes : 0, all = 0;

	for (unsigned i = 0; i < scenario->tenant_count; i++) {
		const char *name = scenario->tenants[i].name;
		all += bytes[i];
		if (i == 1 && c->dies_s > 0 && t_s > c->dies_s)
			continue;
		double *cells = table_add_row(&run->samples, t_s, name);
		cells[BYTES] = floor(bytes[i] + (i % 2 ? ahead : 0));
		if (!c->no_backlog_column)
			cells[BACKLOG] = is_queued(c, scenario, i, t_s) ? 200000 : 0;
		cells = table_add_row(&run->series, t_s, name);
		cells[0] = grown[i] * 8 / MADE_INTERVAL_S / 1e6 * (c->payload_half ? 0.475 : 0.95);
	}
	double *cells = table_add_row(&run->samples, t_s, "host");
	double idle = c->host_idle > 0 ? c->host_idle : 0.4, since_s = t_s + 10;
	cells[BYTES] = floor(all);
	cells[BUSY] = floor(since_s * 2 * (1 - idle) * 100) * 1e7;
	cells[IDLE] = floor(since_s * 2 * idle * 100) * 1e7;
}

static void make_samples(const struct net_case *c, struct made_run *run)
{
	const struct scenario *scenario = run->scenario;
	double bytes[SCENARIO_MAX_TENANTS] = {1e6, 2e6, 3e6}, before[SCENARIO_MAX_TENANTS] = {1e6, 2e6, 3e6};
	long per_sample = lround(MADE_INTERVAL_S / MADE_STEP_S);
	struct model model = {0};

	if (c->dies_s > 0)
		made_death(&run->events, "green", c->dies_s);
	assert_int_equal(model_make(scenario, c->dies_s > 0 ? &run->events : NULL, &model, NULL), 0);
	table_init(&run->samples, columns, ARRAY_SIZE(columns));
	table_init(&run->series, series_columns, 1);
	for (long step = -2 * per_sample; (double)step * MADE_STEP_S <= made_duration_s(run) + 0.3; step++) {
		double t_s = (double)step * MADE_STEP_S, rates[SCENARIO_MAX_TENANTS] = {0};
		double grown[SCENARIO_MAX_TENANTS];
		if (step % per_sample == 0) {
			for (unsigned i = 0; i < scenario->tenant_count; i++) {
				grown[i] = bytes[i] - before[i];
				before[i] = bytes[i];
			}
			if (!is_between(t_s, c->drop_from_s, c->drop_to_s))
				add_rows(c, run, t_s, step / per_sample, bytes, grown);
		}
		fill_rates(c, run, &model, t_s, rates);
		for (unsigned i = 0; i < scenario->tenant_count; i++)
			bytes[i] += rates[i] / 8 * MADE_STEP_S;
	}
	model_release(&model);
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
