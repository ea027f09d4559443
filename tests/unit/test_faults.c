/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The same faults on all four resources, found by the judge and by the rules that others publish.  What must hold: no run
 * without a fault is failed or left open, and none with a fault passes.  What the others' rules miss is written down here, so that
 * it is seen when it changes (VERBOSE=1 prints the table).
 *
 * The rules, as published (only their arithmetic is taken; they look at totals over the time after the change):
 *	kernel	tools/testing/selftests/cgroup: values_close(a, b, err) is |a - b| <= err % of (a + b).  test_cpu.c: of weights that
 *		grow, the difference of two usages must be close to the smallest usage times what the weights differ by, err 35; equal ones
 *		close to each other, err 15; a quota close to what is expected, err 10; test_memcontrol.c: memory under a limit, err 10.
 *	tp-qemu	qemu/tests/cgroup.py, cpu_share: usages divided by their weights; (largest - smallest) / largest at most
 *		0.10 + 0.02 per VM (14 % for two), after 2 s to settle.  Its quota test: 5 %.
 *	LTP	testcases/kernel/controllers: 1 to 2 points of what is expected; taken with 2.
 */
#include "made_host.h"

/* Three tenants of equal weight, until the last one gets twice that: 1/3 each, then 1/4, 1/4, 1/2. */
#define SOFT(scarce, workload, resource, before, change, more)                                               \
	"name: made\ntitle: made up\n"                                                                       \
	"scarce: {" scarce "}\n"                                                                             \
	"tenants:\n"                                                                                         \
	"  - {name: blue, workload: " workload ", limits: {" before "}}\n"                                   \
	"  - {name: green, workload: " workload ", limits: {" before "}}\n"                                  \
	"  - {name: red, workload: " workload ", limits: {" before "}}\n"                                    \
	"timeline:\n"                                                                                        \
	"  - {at: 0s, start: all}\n"                                                                         \
	"  - {at: 8s, set: {tenant: red, " change "}}\n"                                                     \
	"  - {at: 18s, stop: all}\n"                                                                         \
	"expect:\n"                                                                                          \
	"  - {share: " resource ", tenant: red, window: [2s, 8s], is: model, within: 2%}\n"                  \
	"  - {share: " resource ", tenant: red, window: [10s, 18s], is: model, within: 2%}\n"                \
	"  - {share: " resource ", tenant: blue, window: [10s, 18s], is: model, within: 2%}\n"               \
	"  - {settles: " resource ", tenant: red, after: 8s, within: 1s}\n"                                  \
	"  - {never starves: " resource                                                                      \
	", tenant: red, window: [9s, 18s], below: 10%, longest: 600ms}\n" more

/* One that is capped to a fifth, beside one that takes the rest. */
#define HARD(scarce, workload, resource, change)                                                             \
	"name: made\ntitle: made up\n"                                                                       \
	"scarce: {" scarce "}\n"                                                                             \
	"tenants:\n"                                                                                         \
	"  - {name: blue, workload: " workload "}\n"                                                         \
	"  - {name: red, workload: " workload "}\n"                                                          \
	"timeline:\n"                                                                                        \
	"  - {at: 0s, start: all}\n"                                                                         \
	"  - {at: 8s, set: {tenant: red, " change "}}\n"                                                     \
	"  - {at: 18s, stop: all}\n"                                                                         \
	"expect:\n"                                                                                          \
	"  - {share: " resource ", tenant: red, window: [10s, 18s], is: 20%, within: 2%, needs: nothing}\n"  \
	"  - {settles: " resource ", tenant: red, after: 8s, within: 1s, needs: nothing}\n"                  \
	"  - {never starves: " resource                                                                      \
	", tenant: red, window: [9s, 18s], below: 5%, longest: 600ms, needs: nothing}\n"

#define MEMORY(limit, event, needs)                                                                          \
	"name: made\ntitle: made up\n"                                                                       \
	"scarce: {memory: {free: 600MiB, swap: 2GiB}}\n"                                                     \
	"tenants:\n"                                                                                         \
	"  - {name: blue, workload: w.stress, memory: 640MiB}\n"                                             \
	"  - {name: red, workload: w.stress, memory: 640MiB" limit "}\n"                                     \
	"timeline:\n"                                                                                        \
	"  - {at: 0s, start: all}\n"                                                                         \
	"  - {at: 8s, " event "}\n"                                                                          \
	"  - {at: 18s, stop: all}\n"                                                                         \
	"expect:\n"                                                                                          \
	"  - {level: memory, tenant: red, window: [10s, 18s], is: 300MiB, within: 5%" needs "}\n"            \
	"  - {settles: memory, tenant: red, after: 8s, to: 300MiB, band: 15MiB, within: 1s" needs "}\n"

enum kind { SOFT_CPU, SOFT_NET, SOFT_DISK, SOFT_MEMORY, HARD_CPU, HARD_NET, HARD_DISK, HARD_MEMORY, KINDS };
#define SOFT_RATES (1u << SOFT_CPU | 1u << SOFT_NET | 1u << SOFT_DISK)
#define HARD_RATES (1u << HARD_CPU | 1u << HARD_NET | 1u << HARD_DISK)
#define MEMORIES   (1u << SOFT_MEMORY | 1u << HARD_MEMORY)
#define EVERY      (SOFT_RATES | HARD_RATES | MEMORIES)

static const struct {
	const char *name, *yaml;
	bool hard;
} kinds[KINDS] = {
	[SOFT_CPU] = {"cpu.shares",
		SOFT("cpu: {cpus: [0]}", "w.stress", "cpu", "cpu.shares: 1024", "cpu.shares: 2048", "")},
	[SOFT_NET] = {"net.quantum",
		SOFT("link: {rate: 300Mbit/s}", "w.iperf3", "net", "net.rate: 1Mbit/s, net.quantum: 100kB",
			"net.quantum: 200kB", "")},
	[SOFT_DISK] = {"disk.weight", SOFT("disk: {size: 1GiB, rate: 50MiB/s}", "w.fio", "disk",
					      "disk.weight: 100", "disk.weight: 200", "")},
	[SOFT_MEMORY] = {"memory.soft", MEMORY(", limits: {memory.soft: 300MiB}", "scarce: memory", "")},
	[HARD_CPU] = {"cpu.quota", HARD("cpu: {cpus: [0]}", "w.stress", "cpu", "cpu.quota: 20ms"), true},
	[HARD_NET] = {"net.ceil", HARD("link: {rate: 300Mbit/s}", "w.iperf3", "net", "net.ceil: 60Mbit/s"),
		true},
	[HARD_DISK] = {"disk.read_bytes_per_s",
		HARD("disk: {size: 1GiB, rate: 50MiB/s}", "w.fio", "disk", "disk.read_bytes_per_s: 10MiB/s"),
		true},
	[HARD_MEMORY] = {"memory.hard",
		MEMORY("", "set: {tenant: red, memory.hard: 300MiB}", ", needs: nothing"), true},
};

/* ---- what others would say: from totals, as their tests see them ---- */

#define SETTLE_S 2.0
enum rule { RULE_KERNEL, RULE_TP_QEMU, RULE_LTP, RULES };
static const char *const rule_names[RULES] = {"kernel", "tp-qemu", "LTP"};

static bool values_close(double a, double b, double err)
{
	return fabs(a - b) <= (a + b) / 100 * err;
}

struct totals {
	double got
		[SCENARIO_MAX_TENANTS]; /* from 2 s after the change to the end, as fractions of the capacity */
	double should[SCENARIO_MAX_TENANTS]; /* memory: MiB at the end */
	unsigned count;
	bool hard, memory;
};

static double cell_at(const struct made_run *run, const char *tenant, enum host_column column, double t_s)
{
	double value = 0;

	for (size_t row = 0; row < run->samples.row_count && run->samples.t_s[row] <= t_s + 1e-6; row++)
		if (!strcmp(run->samples.tenants[run->samples.tenant[row]], tenant))
			value = run->samples.cells[row * HOST_COLUMN_COUNT + column];
	return value;
}

static void total_up(const struct made_run *run, bool hard, struct totals *totals)
{
	const struct scenario *scenario = run->scenario;
	double from_s = 8 + SETTLE_S, to_s = made_duration_s(run);
	struct model model = {0};

	*totals = (struct totals){
		.count = (unsigned)scenario->tenant_count, .hard = hard, .memory = scenario->memory.declared};
	assert_int_equal(model_make(scenario, NULL, &model, NULL), 0);
	for (unsigned i = 0; i < totals->count; i++) {
		const char *name = scenario->tenants[i].name;
		bool net = scenario->link.declared, disk = scenario->disk.declared;
		enum host_column column = net ? HOST_NET_BYTES : disk ? HOST_READ : HOST_VCPU;
		double capacity = net || disk ? host_capacity(scenario) : 1e9;
		totals->got[i] = (cell_at(run, name, column, to_s) - cell_at(run, name, column, from_s)) /
				 capacity / (to_s - from_s);
		totals->should[i] = model_mean(&model, i, from_s, to_s);
		if (!totals->memory)
			continue;
		totals->got[i] = cell_at(run, name, HOST_USAGE, to_s) / HOST_MIB;
		totals->should[i] = 300;
	}
	model_release(&model);
}

static bool kernel_passes(const struct totals *t)
{
	unsigned last = t->count - 1;

	if (t->hard || t->memory)
		return values_close(t->got[last], t->should[last], 10);
	double more = t->should[last] / t->should[0] - 1;
	return t->got[last] > t->got[0] && values_close(t->got[last] - t->got[0], more * t->got[0], 35) &&
	       values_close(t->got[1], t->got[0], 15);
}

static bool tp_qemu_passes(const struct totals *t)
{
	unsigned last = t->count - 1;
	double low = HUGE_VAL, high = 0;

	if (t->hard || t->memory)
		return fabs(t->got[last] - t->should[last]) <= 0.05 * t->should[last];
	for (unsigned i = 0; i < t->count; i++) {
		low = fmin(low, t->got[i] / t->should[i]);
		high = fmax(high, t->got[i] / t->should[i]);
	}
	return (high - low) / high <= fmin(0.10 + 0.02 * t->count, 0.25);
}

static bool ltp_passes(const struct totals *t)
{
	unsigned last = t->count - 1;

	/* Points of a CPU; of memory there are none, so two per cent. */
	if (t->memory)
		return fabs(t->got[last] - t->should[last]) <= 0.02 * t->should[last];
	for (unsigned i = t->hard ? last : 0; i < t->count; i++)
		if (fabs(t->got[i] - t->should[i]) > 0.02)
			return false;
	return true;
}

static bool rule_passes(enum rule rule, const struct totals *totals)
{
	return rule == RULE_KERNEL    ? kernel_passes(totals)
	       : rule == RULE_TP_QEMU ? tp_qemu_passes(totals)
				      : ltp_passes(totals);
}

/* ---- the faults ---- */

struct fault {
	const char *name;
	unsigned kinds; /* those that can have it */
	struct made_host host;
	struct made_faults log;
	char verdict; /* of the run: f, i, or ? for either */
	const char
		*missed; /* the others' rules that pass it, whatever the resource: kernel, tp-qemu (q), LTP */
	bool dead;
	unsigned late; /* ticks, of 150 */
	const char *trouble;
};

static const struct fault faults[] = {
	{.name = "the limit has no effect",
		.kinds = EVERY,
		.host = {.ignored = true},
		.verdict = 'f',
		.missed = ""},
	{.name = "60 % of the effect",
		.kinds = SOFT_RATES,
		.host = {.effect = 0.6},
		.verdict = 'f',
		.missed = "k"},
	{.name = "85 % of the effect",
		.kinds = SOFT_RATES,
		.host = {.effect = 0.85},
		.verdict = 'f',
		.missed = "kq"},
	{.name = "somebody's share is doubled",
		.kinds = SOFT_RATES,
		.host = {.first_times = 2},
		.verdict = 'f',
		.missed = ""},
	{.name = "somebody gets a sixth too much",
		.kinds = SOFT_RATES,
		.host = {.first_times = 7 / 6.},
		.verdict = 'f',
		.missed = "k"},
	{.name = "the limit is exceeded by 18 %",
		.kinds = HARD_RATES,
		.host = {.last_times = 1.18},
		.verdict = 'f',
		.missed = "k"},
	{.name = "nothing and double in turn: starvation that no mean shows",
		.kinds = SOFT_RATES | HARD_RATES,
		.host = {.swing_from_s = 10, .swing_to_s = 18},
		.verdict = '?',
		.missed = "kql"},
	{.name = "one second and a half late",
		.kinds = EVERY,
		.host = {.delay_s = 1.5},
		.verdict = 'f',
		.missed = "kql"},
	{.name = "a vacuous load: nobody wants more than it gets",
		.kinds = SOFT_RATES | 1u << SOFT_MEMORY,
		.host = {.fed = 0.93},
		.verdict = 'i',
		.missed = "kq"},
	{.name = "foreign load on the CPU",
		.kinds = 1u << SOFT_CPU,
		.host = {.foreign = 0.04},
		.verdict = 'i',
		.missed = "kq"},
	{.name = "a guest that is held up, and its part given to nobody",
		.kinds = 1u << SOFT_CPU,
		.host = {.held_up = 0.1},
		.verdict = 'i',
		.missed = "kql"},
	/* Seen in a real run: QEMU's own threads had to wait, and a good run was failed for it. */
	{.name = "a guest that stands still for 120 ms, half a second before the end",
		.kinds = 1u << SOFT_CPU,
		.host = {.stall_at_s = 17.3, .stall_s = 0.12},
		.verdict = 'i',
		.missed = "kql"},
	{.name = "a guest that stands still for 120 ms across two seconds",
		.kinds = 1u << SOFT_CPU,
		.host = {.stall_at_s = 11.94, .stall_s = 0.12},
		.verdict = 'i',
		.missed = "kql"},
	{.name = "the host's CPUs are full",
		.kinds = 1u << SOFT_DISK,
		.host = {.host_idle = 0.04},
		.verdict = 'i',
		.missed = "kql"},
	{.name = "the OOM killer struck",
		.kinds = 1u << SOFT_MEMORY,
		.host = {.killed_at_s = 12},
		.verdict = 'i',
		.missed = "kql"},
	{.name = "samples missing for two seconds",
		.kinds = EVERY,
		.host = {.drop_from_s = 13, .drop_to_s = 15},
		.verdict = 'i',
		.missed = "kql"},
	{.name = "the kernel holds another value",
		.kinds = EVERY & ~(1u << SOFT_MEMORY),
		.log = {.other_value = true},
		.verdict = 'i',
		.missed = "kql"},
	{.name = "never read back",
		.kinds = EVERY & ~(1u << SOFT_MEMORY),
		.log = {.not_read_back = true},
		.verdict = 'i',
		.missed = "kql"},
	{.name = "memory stays a tenth above the limit",
		.kinds = MEMORIES,
		.host = {.end_mib = 331},
		.verdict = 'f',
		.missed = "k"},
	{.name = "memory stays a third above the limit: the limit is off",
		.kinds = MEMORIES,
		.host = {.end_mib = 400},
		.verdict = 'f',
		.missed = ""},
	{.name = "too little for a workload that asks for less than its limit",
		.kinds = 1u << HARD_DISK,
		.host = {.last_times = 0.85, .shallow = 0.5},
		.verdict = 'i',
		.missed = "k"},
	{.name = "the hypervisor below takes 4 % of the CPUs",
		.kinds = SOFT_RATES | 1u << SOFT_MEMORY,
		.host = {.stolen = 0.04},
		.verdict = 'i',
		.missed = "kql"},
	{.name = "the host is short of memory meanwhile",
		.kinds = SOFT_RATES,
		.host = {.stalled = 0.05},
		.verdict = 'i',
		.missed = "kql"},
	/* What asks for no evidence is not failed for what others did; what they cannot have done is. */
	{.name = "too little of a quota beside foreign load",
		.kinds = 1u << HARD_CPU,
		.host = {.foreign = 0.28},
		.verdict = 'i',
		.missed = ""},
	{.name = "too little of a quota, by a guest that is held up",
		.kinds = 1u << HARD_CPU,
		.host = {.last_times = 0.6, .held_up = 0.3},
		.verdict = 'i',
		.missed = ""},
	{.name = "a capped guest that stands still for two seconds",
		.kinds = 1u << HARD_CPU,
		.host = {.stall_at_s = 12, .stall_s = 2},
		.verdict = 'i',
		.missed = ""},
	{.name = "too little of a hard limit, and the hypervisor below takes 4 % of the CPUs",
		.kinds = HARD_RATES,
		.host = {.last_times = 0.6, .stolen = 0.04},
		.verdict = 'i',
		.missed = ""},
	{.name = "too little of a hard limit while the host is short of memory",
		.kinds = HARD_RATES,
		.host = {.last_times = 0.6, .stalled = 0.05},
		.verdict = 'i',
		.missed = ""},
	{.name = "too little of a hard limit while the host's CPUs are full",
		.kinds = 1u << HARD_NET | 1u << HARD_DISK,
		.host = {.last_times = 0.6, .host_idle = 0.04},
		.verdict = 'i',
		.missed = ""},
	{.name = "too little of a hard limit, and nobody's doing",
		.kinds = HARD_RATES,
		.host = {.last_times = 0.6},
		.verdict = 'f',
		.missed = ""},
	{.name = "too much of a hard limit beside what takes, and gives nothing",
		.kinds = HARD_RATES,
		.host = {.last_times = 1.5, .foreign = 0.1, .shallow = 0.5, .host_idle = 0.04},
		.verdict = 'f',
		.missed = ""},
	{.name = "one tick of ten late", .kinds = EVERY, .late = 15, .verdict = 'i', .missed = "kql"},
	{.name = "a workload in trouble",
		.kinds = EVERY,
		.trouble = "it ended by itself",
		.verdict = 'i',
		.missed = "kql"},
	{.name = "a workload that did no work",
		.kinds = EVERY,
		.dead = true,
		.verdict = 'i',
		.missed = "kql"},
};

static void make(enum kind kind, const struct made_host *wanted, const struct made_faults *log, bool dead,
	struct made_run *run)
{
	struct made_host host = *wanted;

	host.full_mib = 700;
	host.end_mib = wanted->end_mib > 0 ? wanted->end_mib : 300;
	host.swap_mib = 2048;
	made_begin(run, kinds[kind].name, kinds[kind].yaml, log);
	run->manifest.tenants[0].worked = !dead;
	made_host_samples(&host, run);
}

static char worst(const struct made_run *run, bool print)
{
	AUTO(judgement) struct judgement judgement = {0};

	made_judge("run", run, &judgement);
	for (size_t i = 0; print && i < judgement.count; i++)
		print_message("    %s: %s\n", verdict_name(judgement.findings[i].verdict),
			judgement.findings[i].reason);
	return verdict_name(judgement.verdict)[0];
}

/* Which of the rules let it pass: "kql". */
static void let_pass(const struct made_run *run, bool hard, char *ret_rules)
{
	struct totals totals;

	total_up(run, hard, &totals);
	for (int rule = 0; rule < RULES; rule++)
		if (rule_passes((enum rule)rule, &totals))
			*ret_rules++ = "kql"[rule];
	*ret_rules = 0;
}

static bool is_caught(const struct fault *fault, enum kind kind, unsigned *missed)
{
	AUTO(made_run) struct made_run run = {0};
	char rules[RULES + 1];
	bool right = true;

	make(kind, &fault->host, &fault->log, fault->dead, &run);
	run.manifest.ticks_late = fault->late;
	if (fault->trouble) {
		free(run.manifest.tenants[1].trouble);
		run.manifest.tenants[1].trouble = xstrdup(fault->trouble);
	}
	char verdict = worst(&run, false);
	let_pass(&run, kinds[kind].hard, rules);
	right = verdict != 'p' && (fault->verdict == '?' || verdict == fault->verdict);
	for (const char *rule = fault->missed; *rule; rule++)
		right = right && strchr(rules, *rule);
	for (int rule = 0; rule < RULES; rule++)
		missed[rule] += strchr(rules, "kql"[rule]) != NULL;
	if (!right || getenv("VERBOSE"))
		print_message(
			"  %-60s %-22s %c  missed by: %s\n", fault->name, kinds[kind].name, verdict, rules);
	if (!right)
		(void)worst(&run, true);
	return right;
}

/* Whatever the kind and the resource: expected, measured, its interval, the samples that were used, and why. */
static void test_complete(void **state)
{
	static const char more[] =
		"  - {ratio: RES, tenants: [red, blue], window: [10s, 18s], is: model}\n"
		"  - {level: RES, tenant: red, window: [10s, 18s], is: model}\n"
		"  - {starves: RES, tenant: blue, window: [10s, 18s], below: 40%, for: 1s}\n"
		"  - {conserves: RES, window: [10s, 18s], every: 5s}\n"
		"  - {unchanged: RES, tenant: blue, after: 8s, window: [9s, 18s], within: 40%, control: c}\n"
		"  - {share: RES, tenant: red, window: [11s, 18s], is: model, within: 2%, name: c}\n";
	static const char *const words[] = {"cpu", "net", "disk"};

	(void)state;
	for (int kind = 0; kind < KINDS; kind++) {
		AUTO(made_run) struct made_run run = {0};
		AUTO(judgement) struct judgement judgement = {0};
		AUTO(buf) struct buf yaml = BUF_INIT;
		const struct made_host host = {
			.full_mib = 700, .end_mib = 300, .swap_mib = 2048, .noise = 0.1};
		buf_adds(&yaml, kinds[kind].yaml);
		for (const char *at = more; 1u << kind & SOFT_RATES && *at;) {
			bool here = !strncmp(at, "RES", 3);
			buf_add(&yaml, here ? words[kind] : at, here ? strlen(words[kind]) : 1);
			at += here ? 3 : 1;
		}
		made_begin(&run, kinds[kind].name, yaml.data, &(struct made_faults){0});
		made_host_samples(&host, &run);
		made_judge(kinds[kind].name, &run, &judgement);
		for (size_t i = 0; i < judgement.count; i++) {
			const struct finding *finding = &judgement.findings[i];
			if (finding->verdict == VERDICT_PASS && isfinite(finding->expected) &&
				isfinite(finding->measured) && isfinite(finding->interval_low) &&
				finding->interval_low <= finding->measured &&
				finding->measured <= finding->interval_high && finding->samples >= 20 &&
				*finding->reason)
				continue;
			fail_msg("%s: %s: %s %g %g [%g, %g] %zu %s", kinds[kind].name, finding->expect->name,
				verdict_name(finding->verdict), finding->expected, finding->measured,
				finding->interval_low, finding->interval_high, finding->samples,
				finding->reason);
		}
	}
}

static void test_faults(void **state)
{
	unsigned missed[RULES] = {0}, all = 0, wrong = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(faults); i++) {
		for (int kind = 0; kind < KINDS; kind++) {
			if (!(faults[i].kinds & 1u << kind))
				continue;
			all++;
			wrong += !is_caught(&faults[i], (enum kind)kind, missed);
		}
	}
	print_message("  of %u runs with a fault the judge passes none;", all);
	for (int rule = 0; rule < RULES; rule++) {
		print_message(" the rule of %s passes %u%s", rule_names[rule], missed[rule],
			rule + 1 < RULES ? "," : "\n");
		/* Half of the corpus is what totals cannot show. */
		assert_true(missed[rule] > all / 2);
	}
	assert_int_equal(wrong, 0);
}

/* Noise, host by host: what is right passes, all of it. */
static void test_faultless(void **state)
{
	unsigned wrong = 0;

	(void)state;
	for (int kind = 0; kind < KINDS; kind++) {
		for (unsigned seed = 0; seed < 25; seed++) {
			AUTO(made_run) struct made_run run = {0};
			const struct made_host host = {
				.noise = seed ? 0.3 : 0, .seed = seed, .delay_s = seed % 5 * 0.1};
			const struct made_faults log = {.late_s = seed % 3 * 0.05};
			char rules[RULES + 1];
			make((enum kind)kind, &host, &log, false, &run);
			let_pass(&run, kinds[kind].hard, rules);
			char verdict = worst(&run, false);
			/* The others' rules are applied as they are meant: they pass what is right, too. */
			if (verdict == 'p' && !strcmp(rules, "kql"))
				continue;
			wrong++;
			print_message(
				"%s, seed %u: %c, passed by: %s\n", kinds[kind].name, seed, verdict, rules);
			(void)worst(&run, true);
		}
	}
	assert_int_equal(wrong, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_faultless),
		cmocka_unit_test(test_faults),
		cmocka_unit_test(test_complete),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
