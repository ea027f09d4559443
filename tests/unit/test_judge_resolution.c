/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * "within: model": what a window resolves, by hand, and that a fault beyond it fails.  Windows of 8 s with 41 samples.
 */
#include "made_host.h"

#define HEAD(scarce, workload, limits)                                                                       \
	"name: made\ntitle: made up\nscarce: {" scarce "}\n"                                                 \
	"tenants:\n"                                                                                         \
	"  - {name: blue, workload: " workload ", limits: {" limits "}}\n"                                   \
	"  - {name: green, workload: " workload ", limits: {" limits "}}\n"                                  \
	"  - {name: red, workload: " workload ", limits: {" limits "}}\n"
#define TAIL(change, expect)                                                                                 \
	"timeline:\n  - {at: 0s, start: all}\n  - {at: 8s, set: {tenant: red, " change "}, name: up}\n"      \
	"  - {at: 18s, stop: all}\nexpect:\n  - {" expect "}\n"
#define CPU(expect) HEAD("cpu: {cpus: [0]}", "w.stress", "cpu.shares: 1024") TAIL("cpu.shares: 2048", expect)
#define NET(expect)                                                                                          \
	HEAD("link: {rate: 300Mbit/s}", "w.iperf3", "net.rate: 1Mbit/s, net.quantum: 100kB")                 \
	TAIL("net.quantum: 200kB", expect)
#define DISK(expect)                                                                                         \
	HEAD("disk: {size: 1GiB, rate: 50MiB/s}", "w.fio", "disk.weight: 100")                               \
	TAIL("disk.weight: 200", expect)
#define AFTER "window: [up + 2s, up + 10s]"

#define QUOTA                                                                                                \
	"name: made\ntitle: made up\nscarce: {cpu: {cpus: [0]}}\n"                                           \
	"tenants:\n  - {name: blue, workload: w.stress}\n"                                                   \
	"  - {name: red, workload: w.stress, limits: {cpu.quota: 25ms}}\n"                                   \
	"timeline:\n  - {at: 0s, start: all}\n  - {at: 18s, stop: all}\n"                                    \
	"expect:\n  - {share: cpu, tenant: red, window: [2s, 10s], is: 25%, within: model}\n"

static const struct row {
	const char *name, *yaml;
	struct made_host host;
	enum verdict verdict;
	double tolerance; /* as computed by hand, in the finding's unit */
	const char *words;
} rows[] = {
	/* 2 ends x 3 vCPUs x 10 ms / 8 s = 0.75 points. */
	{"cpu", CPU("share: cpu, tenant: red, " AFTER ", is: model, within: model"), {0}, VERDICT_PASS,
		0.0075,
		"derived from 41 samples: 0.75 points for a turn of 3 vCPUs per CPU, a tick of 10 ms each, at "
		"both ends of 8 s, 0.00 points for its part of the 0.00 % that all tenants together got"},
	{"cpu, a point too much for blue",
		CPU("share: cpu, tenant: blue, " AFTER ", is: model, within: model"), {.first_times = 1.04},
		VERDICT_FAIL, 0.0075, "derived from 41 samples"},
	{"cpu, half a point is what one window cannot tell",
		CPU("share: cpu, tenant: blue, " AFTER ", is: model, within: model"), {.first_times = 1.02},
		VERDICT_PASS, 0.0075, NULL},
	/* Of foreign time 1.5 % is nobody's fault: half of it was red's. */
	{"cpu, others took some", CPU("share: cpu, tenant: red, " AFTER ", is: model, within: model"),
		{.foreign = 0.015}, VERDICT_PASS, 0.015,
		"0.75 points for its part of the 1.50 % that all tenants together got less than the model gives"},
	/* A value, too. */
	{"cpu, a value", CPU("share: cpu, tenant: red, " AFTER ", is: 50%, within: model"), {.effect = 0.85},
		VERDICT_FAIL, 0.0075, NULL},
	/* 2 x 10 ms x 2 vCPUs / 8 s + 2 x 25 ms / 8 s. */
	{"quota", QUOTA, {0}, VERDICT_PASS, 0.005 + 0.00625,
		"0.62 points for one quota of 'red', 25 ms, at both ends"},
	/* 2 x (200 kB + 64 KiB) x 8 / 8 s / 300 Mbit/s. */
	{"net", NET("share: net, tenant: red, " AFTER ", is: model, within: model"), {0}, VERDICT_PASS,
		2 * 265536.0 / 300e6, "a turn of HTB (266 kB: a quantum and a GSO frame of 64 KiB)"},
	{"net, half a point", NET("share: net, tenant: red, " AFTER ", is: model, within: model"),
		{.effect = 0.97}, VERDICT_FAIL, 2 * 265536.0 / 300e6, NULL},
	{"net, a level", NET("level: net, tenant: red, " AFTER ", is: model, within: model"), {0},
		VERDICT_PASS, 2 * 265536.0, "0.53 Mbit/s for a turn of HTB"},
	/* A twentieth of a second: of 1 Mbit/s 6.25 kB, of 100 Mbit/s 625 kB. */
	{"net, a quantum that follows the rate",
		HEAD("link: {rate: 300Mbit/s}", "w.iperf3", "net.rate: 1Mbit/s") TAIL("net.rate: 100Mbit/s",
			"share: net, tenant: red, " AFTER ", is: model, within: model"),
		{0}, VERDICT_PASS, 2 * 690536.0 / 300e6, "a turn of HTB (691 kB"},
	/* 2 x 3 x 10 ms / 8 s. */
	{"disk", DISK("share: disk, tenant: red, " AFTER ", is: model, within: model"), {0}, VERDICT_PASS,
		0.0075,
		"0.75 points for a round of 3 budgets of 10 ms of the disk's rate at both ends of 8 s"},
	{"disk, the weight ignored", DISK("share: disk, tenant: red, " AFTER ", is: model, within: model"),
		{.ignored = true}, VERDICT_FAIL, 0.0075, NULL},
	/* 0.75 points of 50 and of 25 are 1.5 and 3 %: 4.5 % of 2. */
	{"disk, a ratio", DISK("ratio: disk, tenants: [red, blue], " AFTER ", is: model, within: model"), {0},
		VERDICT_PASS, 0.09, ": 4.50 % of the ratio"},
	{"disk, a ratio that is off",
		DISK("ratio: disk, tenants: [red, blue], " AFTER ", is: model, within: model"),
		{.effect = 0.85}, VERDICT_FAIL, 2 * (0.0075 / 0.475 + 0.0075 / 0.2625), NULL},
};

static bool near(double a, double b)
{
	return fabs(a - b) <= 0.002 * fabs(b);
}

static void test_tolerances(void **state)
{
	unsigned wrong = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO(made_run) struct made_run run = {0};
		AUTO(judgement) struct judgement judgement = {0};
		made_begin(&run, rows[i].name, rows[i].yaml, &(struct made_faults){0});
		made_host_samples(&rows[i].host, &run);
		made_judge(rows[i].name, &run, &judgement);
		const struct finding *finding = &judgement.findings[0];
		if (finding->verdict == rows[i].verdict && near(finding->tolerance, rows[i].tolerance) &&
			finding->derivation && strstr(finding->reason, finding->derivation) &&
			(!rows[i].words || strstr(finding->derivation, rows[i].words)))
			continue;
		wrong++;
		print_message("%s: %s, tolerance %g, not %g; %s\n", rows[i].name,
			verdict_name(finding->verdict), finding->tolerance, rows[i].tolerance,
			finding->reason);
	}
	assert_int_equal(wrong, 0);
}

/* That which is said is said so. */
static void test_said(void **state)
{
	AUTO(made_run) struct made_run run = {0};
	AUTO(judgement) struct judgement judgement = {0};

	(void)state;
	made_begin(&run, "said", CPU("share: cpu, tenant: red, " AFTER ", is: model, within: 2%"),
		&(struct made_faults){0});
	made_host_samples(&(struct made_host){0}, &run);
	made_judge("said", &run, &judgement);
	assert_null(judgement.findings[0].derivation);
	assert_true(judgement.findings[0].tolerance == 0.02);
}

static void test_settles(void **state)
{
	static const struct {
		const char *yaml;
		struct made_host host;
		double expected_s;
		enum verdict verdict;
		const char *words;
	} cases[] = {
		{CPU("settles: cpu, tenant: red, after: up, within: model"), {0}, 0.43, VERDICT_PASS,
			"derived: 0.4 s for two samples, 0.03 s for a turn of all vCPUs, a tick of 10 ms each"},
		{CPU("settles: cpu, tenant: red, after: up, within: model"), {.delay_s = 0.7}, 0.43,
			VERDICT_FAIL, "derived"},
		{NET("settles: net, tenant: red, after: up, within: model"), {0}, 0.4 + 0.03125, VERDICT_PASS,
			"0.0312 s for a full queue that drains at the link's rate"},
		{DISK("settles: disk, tenant: red, after: up, within: model"), {0}, 0.43, VERDICT_PASS,
			"0.03 s for a round of BFQ's budgets"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(made_run) struct made_run run = {0};
		AUTO(judgement) struct judgement judgement = {0};
		made_begin(&run, "settles", cases[i].yaml, &(struct made_faults){0});
		made_host_samples(&cases[i].host, &run);
		made_judge("settles", &run, &judgement);
		const struct finding *finding = &judgement.findings[0];
		if (finding->verdict != cases[i].verdict || !near(finding->expected, cases[i].expected_s) ||
			!strstr(finding->derivation, cases[i].words))
			fail_msg("%zu: %s, %g s; %s", i, verdict_name(finding->verdict), finding->expected,
				finding->reason);
	}
}

/* Noise, host by host: what is right never fails, and 85 % of a change never passes. */
static void test_noise(void **state)
{
#define BOTH(of)                                                                                             \
	of("share: ALL, tenant: red, " AFTER ", is: model, within: model}\n"                                 \
	   "  - {level: ALL, tenant: blue, " AFTER ", is: model, within: model}\n"                           \
	   "  - {ratio: ALL, tenants: [red, blue], " AFTER ", is: model, within: model")
	static const char *const yamls[] = {BOTH(CPU), BOTH(NET), BOTH(DISK)};
	static const char *const words[] = {"cpu", "net", "disk"};
	unsigned open = 0, all = 0, failed = 0;

	(void)state;
	for (size_t kind = 0; kind < ARRAY_SIZE(yamls); kind++) {
		AUTO(buf) struct buf yaml = BUF_INIT;
		for (const char *at = yamls[kind]; *at;) {
			bool here = !strncmp(at, "ALL", 3);
			buf_add(&yaml, here ? words[kind] : at, here ? strlen(words[kind]) : 1);
			at += here ? 3 : 1;
		}
		for (unsigned seed = 0; seed < 50; seed++) {
			AUTO(made_run) struct made_run run = {0};
			AUTO(judgement) struct judgement judgement = {0};
			bool faulty = seed >= 25;
			const struct made_host host = {
				.noise = 0.2, .seed = seed, .effect = faulty ? 0.85 : 0};
			made_begin(&run, words[kind], yaml.data, &(struct made_faults){0});
			made_host_samples(&host, &run);
			made_judge(words[kind], &run, &judgement);
			for (size_t i = 0; i < judgement.count; i++) {
				const struct finding *finding = &judgement.findings[i];
				open += !faulty && finding->verdict == VERDICT_INCONCLUSIVE;
				all += !faulty;
				failed += faulty && finding->verdict == VERDICT_FAIL;
				if (finding->verdict == (faulty ? VERDICT_PASS : VERDICT_FAIL))
					fail_msg("%s, seed %u: %s", words[kind], seed, finding->reason);
			}
		}
	}
	print_message("  of what is right %u of %u are left open, of what is not %u of %u fail\n", open, all,
		failed, all);
	assert_true(open <= all / 2);
	assert_true(failed >= all * 3 / 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tolerances),
		cmocka_unit_test(test_said),
		cmocka_unit_test(test_settles),
		cmocka_unit_test(test_noise),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
