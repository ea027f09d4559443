/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The model over a timeline, for what is not a CPU; and what the log of events may lack or add.
 */
#include "made_run.h"

static const char net_yaml[] = "name: net\n"
			       "title: net\n"
			       "scarce: {link: {rate: 100Mbit/s}}\n"
			       "tenants:\n"
			       "  - {name: a, workload: w.iperf3, limits: {net.rate: 20Mbit/s}}\n"
			       "  - {name: b, workload: w.iperf3, limits: {net.rate: 40Mbit/s}}\n"
			       "  - {name: c, workload: w.iperf3, demand: 30Mbit/s}\n"
			       "timeline:\n"
			       "  - {at: 0s, start: [a, b]}\n"
			       "  - {at: 1s, start: c}\n"
			       "  - {at: 2s, set: {tenant: a, net.priority: 3}}\n"
			       "  - {at: 3s, set: {tenant: a, net.ceil: 50Mbit/s}}\n"
			       "  - {at: 4s, reset: {tenant: a, limit: all}}\n"
			       "  - {at: 5s, set: {tenant: b, net.rate: 20Mbit/s}}\n"
			       "  - {at: 6s, set: {tenant: a, net.quantum: 375kB}}\n"
			       "  - {at: 7s, set: {tenant: a, net.rate: 40Mbit/s}}\n"
			       "  - {at: 8s, stop: [a, b]}\n"
			       "  - {at: 9s, stop: c}\n"
			       "expect: []\n";

/* More is guaranteed than the link has. */
static const char over_yaml[] = "name: over\n"
				"title: over\n"
				"scarce: {link: {rate: 100Mbit/s}}\n"
				"tenants:\n"
				"  - {name: a, workload: w.iperf3, limits: {net.rate: 80Mbit/s}}\n"
				"  - {name: b, workload: w.iperf3, limits: {net.rate: 60Mbit/s}}\n"
				"  - {name: c, workload: w.iperf3, limits: {net.rate: 1Mbit/s}}\n"
				"timeline:\n"
				"  - {at: 0s, start: all}\n"
				"  - {at: 9s, stop: all}\n"
				"expect: []\n";

static const char disk_yaml[] =
	"name: disk\n"
	"title: disk\n"
	"scarce: {disk: {size: 1GiB, rate: 50MiB/s}}\n"
	"tenants:\n"
	"  - {name: a, workload: w.fio, limits: {disk.weight: 100}}\n"
	"  - {name: b, workload: w.fio, limits: {disk.weight: 200}}\n"
	"  - {name: c, workload: w.fio, demand: 5MiB/s, limits: {disk.weight: 1000}}\n"
	"timeline:\n"
	"  - {at: 0s, start: all}\n"
	"  - {at: 2s, set: {tenant: b, disk.read_bytes_per_s: 10MiB/s}}\n"
	"  - {at: 4s, set: {tenant: b, disk.read_iops: 100}}\n"
	"  - {at: 6s, reset: {tenant: b, limit: all}}\n"
	"  - {at: 8s, stop: all}\n"
	"expect: []\n";

/* Nothing there honours a weight. */
static const char none_yaml[] = "name: none\n"
				"title: none\n"
				"scarce: {disk: {size: 1GiB, rate: 50MiB/s, scheduler: none}}\n"
				"tenants:\n"
				"  - {name: a, workload: w.fio, limits: {disk.weight: 100}}\n"
				"  - {name: b, workload: w.fio, limits: {disk.weight: 200}}\n"
				"timeline:\n"
				"  - {at: 0s, start: all}\n"
				"  - {at: 8s, stop: all}\n"
				"expect: []\n";

#define NOT_SAID ((double)NAN)

static const struct {
	const char *name, *yaml;
	double t_s;
	double share[3]; /* of the capacity */
} cases[] = {
	/* 20 and 40 of their own; the other 40 by quantum, which follows the rate: 1:2. */
	{"two, by the quanta of their rates", net_yaml, 0.5, {0.2 + 0.4 / 3, 0.4 + 0.8 / 3, 0}},
	/* A rate that nobody said is a hundredth of the link, and so is its quantum: 20:40:1 of what is left. */
	{"a third with a small demand", net_yaml, 1.5,
		{0.2 + 0.39 * 20 / 61, 0.4 + 0.39 * 40 / 61, 0.01 + 0.39 / 61}},
	{"priority", net_yaml, 2.5, {0.59, 0.4, 0.01}},
	{"a ceil caps the best", net_yaml, 3.5, {0.5, 0.4 + 0.09 * 40 / 41, 0.01 + 0.09 / 41}},
	{"all reset", net_yaml, 4.5, {0.2 + 0.39 * 20 / 61, 0.4 + 0.39 * 40 / 61, 0.01 + 0.39 / 61}},
	{"a rate that falls takes its quantum along", net_yaml, 5.5,
		{0.2 + 0.59 * 20 / 41, 0.2 + 0.59 * 20 / 41, 0.01 + 0.59 / 41}},
	{"a quantum by hand", net_yaml, 6.5, {0.2 + 0.59 * 60 / 81, 0.2 + 0.59 * 20 / 81, 0.01 + 0.59 / 81}},
	{"which stays when the rate changes", net_yaml, 7.5,
		{0.4 + 0.39 * 60 / 81, 0.2 + 0.39 * 20 / 81, 0.01 + 0.39 / 81}},
	{"alone with its demand", net_yaml, 8.5, {0, 0, 0.3}},
	{"weights, and one that wants little", disk_yaml, 1, {0.3, 0.6, 0.1}},
	{"a throttle caps", disk_yaml, 3, {0.7, 0.2, 0.1}},
	{"a throttle of requests: nobody knows", disk_yaml, 5, {NOT_SAID, NOT_SAID, NOT_SAID}},
	{"all reset", disk_yaml, 7, {0.3, 0.6, 0.1}},
	{"no scheduler: nobody knows", none_yaml, 1, {NOT_SAID, NOT_SAID}},
	{"more guaranteed than there is", over_yaml, 5, {0.8, 0.6, 0.01}},
};

static void auto_model(struct model *model)
{
	model_release(model);
}

static void test_shares(void **state)
{
	size_t wrong = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		static const struct made_faults none;
		AUTO(made_run) struct made_run run = {0};
		AUTO(model) struct model declared = {0}, logged = {0};
		struct err err = ERR_INIT;
		made_begin(&run, cases[i].name, cases[i].yaml, &none);
		if (model_make(run.scenario, NULL, &declared, &err) ||
			model_make(run.scenario, &run.events, &logged, &err))
			fail_msg("%s: %s", cases[i].name, err.text);
		for (unsigned t = 0; t < run.scenario->tenant_count; t++) {
			double wanted = cases[i].share[t];
			const double got[] = {
				model_mean(&declared, t, cases[i].t_s, cases[i].t_s + 0.01),
				model_mean(&logged, t, cases[i].t_s, cases[i].t_s + 0.01),
			};
			for (size_t j = 0; j < 2; j++) {
				if (isnan(wanted) ? isnan(got[j]) : fabs(got[j] - wanted) < 1e-4)
					continue;
				print_message("%s: '%s' gets %g by the %s, wanted %g\n", cases[i].name,
					run.scenario->tenants[t].name, got[j], j ? "log" : "timeline",
					wanted);
				wrong++;
			}
		}
	}
	assert_int_equal(wrong, 0);
}

static const char memory_yaml[] = "name: memory\n"
				  "title: memory\n"
				  "scarce: {memory: {free: 600MiB, swap: 2GiB}}\n"
				  "tenants:\n"
				  "  - {name: a, workload: w.stress, may die: true}\n"
				  "  - {name: b, workload: w.stress}\n"
				  "timeline:\n"
				  "  - {at: 0s, start: all}\n"
				  "  - {at: 4s, scarce: memory}\n"
				  "  - {at: 8s, stop: all}\n"
				  "expect: []\n";

static void drop_record(struct event_log *log, const char *event, const char *tenant)
{
	for (size_t i = 0; i < log->count; i++)
		if (!strcmp(log->records[i].event, event) && !strcmp(log->records[i].tenant, tenant))
			log->records[i].asked_s += 0.5;
}

/* A real disk has no declared rate; weights divide it nevertheless. */
static void test_real_disk(void **state)
{
	static const struct made_faults none;
	AUTO(made_run) struct made_run run = {0};
	AUTO(model) struct model model = {0};

	(void)state;
	made_begin(&run, "real disk", disk_yaml, &none);
	run.scenario->disk.rate_bytes_per_s = 0;
	run.scenario->tenants[2].demand = (double)INFINITY;
	assert_int_equal(model_make(run.scenario, NULL, &model, NULL), 0);
	assert_true(isnan(model.capacity));
	assert_true(fabs(model_mean(&model, 1, 0, 2) - 2. / 13) < 1e-9);
	/* A throttle is a number of bytes, of a whole that nobody knows. */
	assert_true(isnan(model_mean(&model, 1, 2, 4)));
}

static void test_log(void **state)
{
	static const struct {
		const char *name;
		double dies_s;
		bool no_scarce, scarce_failed, no_stop;
		const char *error;
	} logs[] = {
		{.name = "all there"},
		{.name = "scarcity never began", .no_scarce = true, .error = "lacks scarce at 4 s"},
		{.name = "scarcity failed",
			.scarce_failed = true,
			.error = "scarce 'host' at 4 s failed: no"},
		{.name = "a stop is missing", .no_stop = true, .error = "lacks stop a at 8 s"},
		{.name = "the stop of one that died is missing", .no_stop = true, .dies_s = 6},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(logs); i++) {
		static const struct made_faults none;
		AUTO(made_run) struct made_run run = {0};
		AUTO(model) struct model model = {0};
		struct err err = ERR_INIT;
		made_begin(&run, logs[i].name, memory_yaml, &none);
		if (logs[i].no_scarce)
			drop_record(&run.events, "scarce", "host");
		if (logs[i].no_stop)
			drop_record(&run.events, "stop", "a");
		for (size_t j = 0; logs[i].scarce_failed && j < run.events.count; j++)
			if (!strcmp(run.events.records[j].event, "scarce")) {
				free(run.events.records[j].error);
				run.events.records[j].error = xstrdup("no");
			}
		if (logs[i].dies_s > 0)
			made_death(&run.events, "a", logs[i].dies_s);
		int result = model_make(run.scenario, &run.events, &model, &err);
		if ((result != 0) != (logs[i].error != NULL) || (result && !strstr(err.text, logs[i].error)))
			fail_msg("%s: %d, '%s'", logs[i].name, result, err.text);
		if (logs[i].dies_s > 0) {
			assert_true(isinf(changes_death_s(run.scenario, &run.events, 1)));
			assert_true(changes_death_s(run.scenario, &run.events, 0) == logs[i].dies_s);
			assert_false(model.steps[model.step_count - 1].active[0]);
			assert_true(model.steps[model.step_count - 1].active[1]);
		}
		if (!result)
			assert_false(model.says_shares);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shares),
		cmocka_unit_test(test_real_disk),
		cmocka_unit_test(test_log),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
