/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/auto.h"
#include "base/buf.h"
#include "judge/model.h"

#define NONE HUGE_VAL

struct share_case {
	const char *name;
	double capacity;
	size_t count;
	struct model_claim claims[4];
	double share[4];
};

static const struct share_case share_cases[] = {
	{"nobody", 1, 0, {{0, 0, 0}}, {0}},
	{"alone", 1, 1, {{1024, 1, NONE}}, {1}},
	{"alone and modest", 1, 1, {{1024, 0.25, NONE}}, {0.25}},
	{"equal", 1, 3, {{1, 1, NONE}, {1, 1, NONE}, {1, 1, NONE}}, {1 / 3., 1 / 3., 1 / 3.}},
	{"weighted", 1, 3, {{1024, 1, NONE}, {1024, 1, NONE}, {4096, 1, NONE}}, {1 / 6., 1 / 6., 4 / 6.}},
	{"weighted, all times eight", 1, 3, {{8192, 1, NONE}, {8192, 1, NONE}, {32768, 1, NONE}},
		{1 / 6., 1 / 6., 4 / 6.}},
	{"one idles", 1, 3, {{1024, 1, NONE}, {1024, 0, NONE}, {4096, 1, NONE}}, {0.2, 0, 0.8}},
	{"all idle", 1, 2, {{1, 0, NONE}, {1, 0, NONE}}, {0, 0}},
	{"one wants less than its part", 1, 3, {{1, 0.1, NONE}, {1, 1, NONE}, {1, 1, NONE}},
		{0.1, 0.45, 0.45}},
	{"one is capped", 1, 2, {{4096, 1, 0.5}, {1024, 1, NONE}}, {0.5, 0.5}},
	{"a cap above its part", 1, 2, {{1, 1, 0.9}, {1, 1, NONE}}, {0.5, 0.5}},
	{"all capped, capacity left", 1, 2, {{1, 1, 0.2}, {1, 1, 0.3}}, {0.2, 0.3}},
	{"leftovers in two rounds", 1, 3, {{1, 0.1, NONE}, {1, 0.4, NONE}, {1, 1, NONE}}, {0.1, 0.4, 0.5}},
	{"leftovers change who is satisfied", 12, 4,
		{{1, 2, NONE}, {1, 3.2, NONE}, {2, 10, NONE}, {1, 10, NONE}}, {2, 2.5, 5, 2.5}},
	{"two cores", 2, 3, {{1, 1, NONE}, {1, 1, NONE}, {4, 1, NONE}}, {0.5, 0.5, 1}},
	{"demand is exactly there", 1, 2, {{1, 0.5, NONE}, {1, 0.5, NONE}}, {0.5, 0.5}},
};

static void test_max_min(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(share_cases); i++) {
		const struct share_case *c = &share_cases[i];
		double share[4] = {0}, sum = 0, wanted = 0;
		model_max_min(c->capacity, c->claims, c->count, share);
		for (size_t j = 0; j < c->count; j++) {
			if (fabs(share[j] - c->share[j]) > 1e-12)
				fail_msg("%s: tenant %zu gets %g, wanted %g", c->name, j, share[j],
					c->share[j]);
			sum += share[j];
			wanted += fmin(c->claims[j].demand, c->claims[j].cap);
		}
		if (fabs(sum - fmin(c->capacity, wanted)) > 1e-12)
			fail_msg("%s: the sum is %g, not min(capacity, demand) %g", c->name, sum,
				fmin(c->capacity, wanted));
	}
}

static uint32_t random_state = 12345;

static double random_number(double low, double high)
{
	random_state = random_state * 1664525 + 1013904223;
	return low + (high - low) * (double)(random_state >> 8) / (1 << 24);
}

/* Against what defines the weighted max-min share, not against a second implementation. */
static void test_max_min_properties(void **state)
{
	(void)state;
	for (int round = 0; round < 2000; round++) {
		struct model_claim claims[6], scaled[6];
		double share[6], again[6], sum = 0, wanted = 0, level = 0;
		double capacity = random_number(0.5, 4);
		for (size_t i = 0; i < 6; i++) {
			claims[i].weight = random_number(2, 5000);
			claims[i].demand = random_number(-0.3, 2);
			if (claims[i].demand < 0)
				claims[i].demand = 0;
			claims[i].cap = round % 2 ? NONE : random_number(0.05, 2);
			scaled[i] = claims[i];
			scaled[i].weight *= 7.5;
		}
		model_max_min(capacity, claims, 6, share);
		model_max_min(capacity, scaled, 6, again);
		for (size_t i = 0; i < 6; i++) {
			double most = fmin(claims[i].demand, claims[i].cap);
			assert_true(share[i] >= 0 && share[i] <= most + 1e-9);
			assert_true(fabs(share[i] - again[i]) < 1e-9);
			sum += share[i];
			wanted += most;
			if (share[i] < most - 1e-9)
				level = fmax(level, share[i] / claims[i].weight);
		}
		assert_true(fabs(sum - fmin(capacity, wanted)) < 1e-9);
		/* Whoever is not satisfied has the highest level of all. */
		for (size_t i = 0; i < 6; i++) {
			if (level > 0)
				assert_true(share[i] / claims[i].weight <= level + 1e-9);
			if (share[i] < fmin(claims[i].demand, claims[i].cap) - 1e-9)
				assert_true(fabs(share[i] / claims[i].weight - level) < 1e-9);
		}
	}
}

static const char timeline[] = "name: steps\n"
			       "title: steps\n"
			       "scarce: {cpu: {cpus: [0]}}\n"
			       "tenants:\n"
			       "  - {name: blue, workload: w.stress, limits: {cpu.shares: 1024}}\n"
			       "  - {name: red, workload: w.stress, limits: {cpu.shares: 1024}}\n"
			       "timeline:\n"
			       "  - {at: 0s, start: all}\n"
			       "  - {at: 2s, set: {tenant: red, cpu.shares: 3072}}\n"
			       "  - {at: 4s, reset: {tenant: red, limit: cpu.shares}}\n"
			       "  - {at: 6s, set: {tenant: blue, cpu.quota: 20ms, cpu.period: 100ms}}\n"
			       "  - {at: 8s, stop: red}\n"
			       "  - {at: 10s, stop: blue}\n"
			       "expect: []\n";

static void auto_scenario(struct scenario **scenario)
{
	scenario_free(*scenario);
}

static void auto_model(struct model *model)
{
	model_release(model);
}

static void auto_log(struct event_log *log)
{
	event_log_release(log);
}

static struct scenario *parse(void)
{
	const struct scenario_options options = {.need_workloads = false};
	struct scenario *scenario = NULL;
	struct err err = ERR_INIT;

	if (scenario_parse("steps.yaml", timeline, strlen(timeline), &options, &scenario, &err))
		fail_msg("%s", err.text);
	return scenario;
}

static void test_declared_steps(void **state)
{
	static const struct {
		double t_s, blue, red;
	} cases[] = {{1, 0.5, 0.5}, {3, 0.25, 0.75}, {5, 0.5, 0.5}, {7, 0.2, 0.8}, {9, 0.2, 0}};
	AUTO(scenario) struct scenario *scenario = parse();
	AUTO(model) struct model model = {0};
	struct err err = ERR_INIT;

	(void)state;
	if (model_make(scenario, NULL, &model, &err))
		fail_msg("%s", err.text);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		double blue = model_mean(&model, 0, cases[i].t_s - 0.5, cases[i].t_s + 0.5);
		double red = model_mean(&model, 1, cases[i].t_s - 0.5, cases[i].t_s + 0.5);
		if (fabs(blue - cases[i].blue) > 1e-9 || fabs(red - cases[i].red) > 1e-9)
			fail_msg("at %g s: %g and %g, wanted %g and %g", cases[i].t_s, blue, red,
				cases[i].blue, cases[i].red);
	}
	assert_true(fabs(model_mean(&model, 1, 1, 3) - 0.625) < 1e-9);
	assert_true(isnan(model_mean(&model, 1, 20, 30)));
	assert_true(model.steps[0].from_s == 0);
	for (size_t i = 1; i < model.step_count; i++)
		assert_true(model.steps[i].from_s == model.steps[i - 1].to_s);
	assert_true(fabs(model.steps[model.step_count - 1].to_s - 10) < 1e-9);
}

static void record(struct event_log *log, double at_s, const char *event, const char *tenant,
	enum limit_id limit, uint64_t value)
{
	struct event_record *record = event_log_add(log);

	*record = (struct event_record){
		.asked_s = at_s,
		.start_s = at_s + 0.001,
		.end_s = at_s + 0.010,
		.event = xstrdup(event),
		.tenant = xstrdup(tenant),
		.limit = limit,
		.asked = value,
		.read_back = value,
		.has_read_back = limit < LIMIT_COUNT,
		.name = xstrdup(""),
		.error = xstrdup(""),
	};
}

static void full_log(struct event_log *log)
{
	record(log, 0, "start", "blue", LIMIT_COUNT, 0);
	record(log, 0, "start", "red", LIMIT_COUNT, 0);
	record(log, 2, "set", "red", LIMIT_CPU_SHARES, 3072);
	record(log, 4, "reset", "red", LIMIT_CPU_SHARES, 1024);
	record(log, 6, "set", "blue", LIMIT_CPU_QUOTA, 20000);
	record(log, 6, "set", "blue", LIMIT_CPU_PERIOD, 100000);
	record(log, 8, "stop", "red", LIMIT_COUNT, 0);
	record(log, 10, "stop", "blue", LIMIT_COUNT, 0);
}

static void test_logged_steps(void **state)
{
	AUTO(scenario) struct scenario *scenario = parse();
	AUTO(model) struct model model = {0};
	AUTO(log) struct event_log log = {0};
	struct err err = ERR_INIT;

	(void)state;
	full_log(&log);
	log.records[2].end_s = 2.5; /* the kernel had it late */
	if (model_make(scenario, &log, &model, &err))
		fail_msg("%s", err.text);
	assert_true(fabs(model_mean(&model, 1, 2.1, 2.5) - 0.5) < 1e-9);
	assert_true(fabs(model_mean(&model, 1, 2.5, 4) - 0.75) < 1e-9);
	assert_true(fabs(model_mean(&model, 0, 6.02, 8) - 0.2) < 1e-9);
}

static void test_log_errors(void **state)
{
	static const struct {
		const char *name, *text;
		size_t record;
		enum { NOT_READ, OTHER_VALUE, FAILED, GONE, OTHER_ASKED, STRANGER } fault;
	} cases[] = {
		{"never read back", "never read back", 2, NOT_READ},
		{"the kernel holds another value", "the kernel holds 99", 2, OTHER_VALUE},
		{"the event failed", "no such device", 4, FAILED},
		{"an event is not in the log", "lacks set red", 2, GONE},
		{"a start is not in the log", "lacks start blue", 0, GONE},
		{"a reset is not in the log", "lacks reset red", 3, GONE},
		{"another value was asked for", "the scenario says 3072", 2, OTHER_ASKED},
		{"an unknown tenant", "'nobody'", 2, STRANGER},
	};
	AUTO(scenario) struct scenario *scenario = parse();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(log) struct event_log log = {0};
		AUTO(model) struct model model = {0};
		struct err err = ERR_INIT;
		full_log(&log);
		struct event_record *bad = &log.records[cases[i].record];
		switch (cases[i].fault) {
		case NOT_READ:
			bad->has_read_back = false;
			break;
		case OTHER_VALUE:
			bad->read_back = 99;
			break;
		case FAILED:
			free(bad->error);
			bad->error = xstrdup("no such device");
			break;
		case GONE:
			bad->asked_s += 0.5;
			break;
		case OTHER_ASKED:
			bad->asked = bad->read_back = 5000;
			break;
		case STRANGER:
			record(&log, 3, "stop", "nobody", LIMIT_COUNT, 0);
			break;
		}
		if (!model_make(scenario, &log, &model, &err))
			fail_msg("%s: not noticed", cases[i].name);
		if (err.domain != ERR_RUN || !strstr(err.text, cases[i].text))
			fail_msg("%s: domain %d, '%s'", cases[i].name, err.domain, err.text);
	}
}

static void test_not_applicable(void **state)
{
	AUTO(scenario) struct scenario *scenario = parse();
	AUTO(model) struct model model = {0};
	struct err err = ERR_INIT;

	(void)state;
	CPU_SET(1, &scenario->tenants[1].cpus);
	assert_int_equal(model_make(scenario, NULL, &model, &err), -1);
	assert_int_equal(err.domain, ERR_INPUT);
	assert_non_null(strstr(err.text, "'red' may also run outside"));
	/* A tenant that lives elsewhere takes nothing from the set. */
	CPU_ZERO(&scenario->tenants[1].cpus);
	CPU_SET(1, &scenario->tenants[1].cpus);
	assert_int_equal(model_make(scenario, NULL, &model, NULL), 0);
	assert_true(fabs(model_mean(&model, 0, 0, 6) - 1) < 1e-9);
	assert_true(fabs(model_mean(&model, 1, 0, 6)) < 1e-9);
	scenario->has_scarce_cpu = false;
	err_clear(&err);
	model_release(&model);
	/* With nothing scarce there are steps, and no shares. */
	assert_int_equal(model_make(scenario, NULL, &model, &err), 0);
	assert_false(model.says_shares);
	assert_true(model.step_count && model.steps[0].active[0]);
	assert_true(isnan(model_mean(&model, 0, 0, 6)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_max_min),
		cmocka_unit_test(test_max_min_properties),
		cmocka_unit_test(test_declared_steps),
		cmocka_unit_test(test_logged_steps),
		cmocka_unit_test(test_log_errors),
		cmocka_unit_test(test_not_applicable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
