/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Runs made up by a generator: a faithful scheduler, and then one fault at a time.  The judge must pass the first and
 * catch every one of the others.
 */
#include "made_run.h"

static const char shares_yaml[] =
	"name: shares\n"
	"title: shares\n"
	"scarce: {cpu: {cpus: [0]}}\n"
	"tenants:\n"
	"  - {name: blue, workload: w.stress, limits: {cpu.shares: 1024}}\n"
	"  - {name: green, workload: w.stress, limits: {cpu.shares: 1024}}\n"
	"  - {name: red, workload: w.stress, limits: {cpu.shares: 1024}}\n"
	"timeline:\n"
	"  - {at: 0s, start: all}\n"
	"  - {at: 8s, set: {tenant: red, cpu.shares: 4096}}\n"
	"  - {at: 16s, reset: {tenant: red, limit: cpu.shares}}\n"
	"  - {at: 24s, stop: all}\n"
	"expect:\n"
	"  - {share: cpu, tenant: red, window: [1s, 8s], is: model, within: 2%, name: A}\n"
	"  - {share: cpu, tenant: red, window: [9s, 16s], is: 66.7%, within: 2%, name: B}\n"
	"  - {share: cpu, tenant: blue, window: [9s, 16s], is: model, within: 2%, name: C}\n"
	"  - {settles: cpu, tenant: red, after: 8s, within: 1s, band: 5%, name: D}\n"
	"  - {settles: cpu, tenant: blue, after: 16s, within: 1s, band: 5%, name: E}\n";

static const char quota_yaml[] =
	"name: quota\n"
	"title: quota\n"
	"scarce: {cpu: {cpus: [0]}}\n"
	"tenants:\n"
	"  - {name: red, workload: w.stress, limits: {cpu.shares: 1024, cpu.quota: 50ms, cpu.period: 100ms}}\n"
	"timeline:\n"
	"  - {at: 0s, start: all}\n"
	"  - {at: 8s, set: {tenant: red, cpu.quota: 25ms}}\n"
	"  - {at: 16s, stop: all}\n"
	"expect:\n"
	"  - {share: cpu, tenant: red, window: [1s, 8s], is: model, within: 2%, needs: plenty, name: A}\n"
	"  - {share: cpu, tenant: red, window: [9s, 16s], is: 25%, within: 2%, needs: nothing, name: B}\n"
	"  - {settles: cpu, tenant: red, after: 8s, within: 1s, band: 5%, needs: nothing, name: C}\n";

static const char nothing_yaml[] =
	"name: nothing\n"
	"title: nothing to settle\n"
	"scarce: {cpu: {cpus: [0]}}\n"
	"tenants:\n"
	"  - {name: blue, workload: w.stress, limits: {cpu.shares: 1024}}\n"
	"  - {name: red, workload: w.stress, limits: {cpu.shares: 1024}}\n"
	"timeline:\n"
	"  - {at: 0s, start: all}\n"
	"  - {at: 8s, set: {tenant: [blue, red], cpu.shares: 2048}}\n"
	"  - {at: 16s, stop: all}\n"
	"expect:\n"
	"  - {share: cpu, tenant: red, window: [9s, 16s], is: model, within: 2%, name: A}\n"
	"  - {settles: cpu, tenant: red, after: 8s, within: 1s, band: 5%, name: B}\n";

/* Green has a CPU to itself that is not scarce. */
static const char elsewhere_yaml[] =
	"name: elsewhere\n"
	"title: elsewhere\n"
	"scarce: {cpu: {cpus: [0]}}\n"
	"tenants:\n"
	"  - {name: blue, workload: w.stress}\n"
	"  - {name: green, workload: w.stress, cpus: [1]}\n"
	"  - {name: red, workload: w.stress}\n"
	"timeline:\n"
	"  - {at: 0s, start: all}\n"
	"  - {at: 16s, stop: all}\n"
	"expect:\n"
	"  - {conserves: cpu, window: [1s, 16s], within: 3%, every: 5s, name: A}\n"
	"  - {share: cpu, tenant: red, window: [1s, 16s], is: model, within: model, name: B}\n";

/* A neighbour's quota is none of red's business. */
static const char neighbour_yaml[] =
	"name: neighbour\n"
	"title: neighbour\n"
	"scarce: {cpu: {cpus: [0]}}\n"
	"tenants:\n"
	"  - {name: blue, workload: w.stress, limits: {cpu.quota: 25ms, cpu.period: 100ms}}\n"
	"  - {name: red, workload: w.stress, limits: {cpu.quota: 25ms, cpu.period: 100ms}}\n"
	"timeline:\n"
	"  - {at: 0s, start: all}\n"
	"  - {at: 8s, set: {tenant: blue, cpu.quota: 50ms}}\n"
	"  - {at: 16s, stop: all}\n"
	"expect:\n"
	"  - {share: cpu, tenant: blue, window: [9s, 16s], is: 50%, within: 20%, needs: nothing, name: A}\n"
	"  - {unchanged: cpu, tenant: red, after: 8s, window: [9s, 16s], within: 5%, needs: nothing, control: A, name: B}\n";

/* The other kinds, of CPU time. */
static const char kinds_yaml[] =
	"name: kinds\n"
	"title: kinds\n"
	"scarce: {cpu: {cpus: [0]}}\n"
	"tenants:\n"
	"  - {name: blue, workload: w.stress, limits: {cpu.shares: 1024}}\n"
	"  - {name: green, workload: w.stress, limits: {cpu.shares: 1024}}\n"
	"  - {name: red, workload: w.stress, limits: {cpu.shares: 1024}}\n"
	"timeline:\n"
	"  - {at: 0s, start: all}\n"
	"  - {at: 8s, set: {tenant: red, cpu.shares: 4096}}\n"
	"  - {at: 16s, reset: {tenant: red, limit: cpu.shares}}\n"
	"  - {at: 20s, set: {tenant: all, cpu.shares: 2048}}\n"
	"  - {at: 24s, stop: all}\n"
	"expect:\n"
	"  - {ratio: cpu, tenants: [red, blue], window: [9s, 16s], is: model, within: 10%, name: A}\n"
	"  - {level: cpu, tenant: red, window: [9s, 16s], is: model, within: 5%, name: B}\n"
	"  - {conserves: cpu, window: [1s, 24s], within: 3%, every: 5s, name: C}\n"
	"  - {starves: cpu, tenant: blue, window: [9s, 16s], below: 20%, for: 3s, name: D}\n"
	"  - {never starves: cpu, tenant: red, window: [1s, 8s], below: 25%, longest: 1s, name: E}\n"
	"  - {unchanged: cpu, tenant: red, after: 20s, window: [21s, 24s], before: 3s, within: 5%, control: A, name: F}\n";

struct run_case {
	const char *name;
	const char *yaml;
	const char *verdicts; /* per expectation: p, f or i */
	const char *reason;   /* part of the reason of the first one that did not pass */

	/* What the made-up host does wrong. */
	bool ignores_weights, ignores_quota;
	double red_times;                    /* red's share times this; 0: as it should be */
	double delay_s;                      /* changes take effect so much later */
	double slow_s;                       /* time constant with which changes take effect; 0: at once */
	double wasted;                       /* part of the capacity that nobody uses */
	double wasted_from_s, wasted_to_s;   /* only then; 0 and 0: always */
	double stall_from_s, stall_to_s;     /* red gets nothing, and the others share it */
	double foreign, steal;               /* part of the capacity that others take */
	double foreign_from_s, foreign_to_s; /* only then; 0 and 0: always */
	bool nobody_waits;                   /* run_delay_ns does not grow */
	double held_up; /* part of the time in which red neither runs nor waits; the others take its share */
	double noise;   /* every second sample's reading is off by so many seconds of CPU */
	double wobble;  /* red's share swings by this much from second to second */
	double spike_at_s; /* one interval in which red gets everything */
	/* What the record lacks. */
	double drop_from_s, drop_to_s; /* no rows at all */
	double end_s;                  /* samples end here; 0: at the end */
	bool drop_red, drop_run_delay, drop_host, counter_reset;
	double reset_at_s; /* of the counters of all but red; 0: at 12 s */
	/* What the manifest and the log say. */
	bool dead, not_read_back, other_value, no_events;
	const char *trouble;
	enum run_state state; /* 0 is RUN_RUNNING: see `unfinished` */
	bool unfinished;
	uint64_t late, missed;
	const char *scarce;
};

static const struct run_case run_cases[] = {
	{.name = "faithful", .yaml = shares_yaml, .verdicts = "ppppp"},
	{.name = "faithful, noisy readings", .yaml = shares_yaml, .verdicts = "ppppp", .noise = 0.004},
	{.name = "faithful, foreign load below the bound",
		.yaml = shares_yaml,
		.verdicts = "ppppp",
		.foreign = 0.01},
	{.name = "faithful, one interval in which red gets all",
		.yaml = shares_yaml,
		.verdicts = "ppppp",
		.spike_at_s = 3,
		.noise = 0.002},
	{.name = "reaction after 0.5 s", .yaml = shares_yaml, .verdicts = "ppppp", .delay_s = 0.5},
	{.name = "weights ignored",
		.yaml = shares_yaml,
		.verdicts = "pfffi",
		.ignores_weights = true,
		.reason = "'red' got 33.33 %"},
	{.name = "red gets a tenth too much",
		.yaml = shares_yaml,
		.verdicts = "ffffp",
		.red_times = 1.1,
		.reason = "off by +3.33 points"},
	{.name = "red's share doubled",
		.yaml = shares_yaml,
		.verdicts = "fffif",
		.red_times = 2,
		.reason = "'red' got"},
	{.name = "late reaction", .yaml = shares_yaml, .verdicts = "pffff", .delay_s = 3},
	{.name = "late reaction, share windows barely",
		.yaml = shares_yaml,
		.verdicts = "pppff",
		.delay_s = 1.15,
		.reason = "1 s allowed"},
	{.name = "sluggish", .yaml = shares_yaml, .verdicts = "pppfp", .slow_s = 0.8},
	{.name = "no contention: idle CPU",
		.yaml = shares_yaml,
		.verdicts = "iiiii",
		.wasted = 0.2,
		.reason = "idle for 20"},
	{.name = "no contention: nobody waits",
		.yaml = shares_yaml,
		.verdicts = "iiiii",
		.nobody_waits = true,
		.reason = "waited for a CPU for only 0.0 %"},
	{.name = "foreign load",
		.yaml = shares_yaml,
		.verdicts = "iiiii",
		.foreign = 0.1,
		.reason = "something other than the tenants' vCPUs"},
	{.name = "too much, and a burst of foreign load: short in the window, long enough to explain it",
		.yaml = shares_yaml,
		.verdicts = "ifffp",
		.red_times = 1.1,
		.foreign = 0.5,
		.foreign_from_s = 3,
		.foreign_to_s = 3.2,
		.reason = "from 2.0 s to 4.0 s: "},
	{.name = "steal", .yaml = shares_yaml, .verdicts = "iiiii", .steal = 0.05, .reason = "stole 5.0 %"},
	{.name = "samples missing in a window",
		.yaml = shares_yaml,
		.verdicts = "ipppp",
		.drop_from_s = 3,
		.drop_to_s = 4,
		.reason = "are missing between"},
	{.name = "samples missing at a window's end",
		.yaml = shares_yaml,
		.verdicts = "ipppp",
		.drop_from_s = 0.3,
		.drop_to_s = 1.5,
		.reason = "no sample of vcpu_usage_ns of 'red' within 0.3 s"},
	{.name = "samples end early",
		.yaml = shares_yaml,
		.verdicts = "ppppi",
		.end_s = 20,
		.reason = "the nearest is"},
	{.name = "red was never sampled",
		.yaml = shares_yaml,
		.verdicts = "iiiii",
		.drop_red = true,
		.reason = "0 samples of vcpu_usage_ns of 'red'"},
	{.name = "red's guest is held up, the core stays busy",
		.yaml = shares_yaml,
		.verdicts = "iiiii",
		.held_up = 0.15,
		.reason = "'red' ran or waited for a CPU for only 85"},
	{.name = "held up so little that it does not matter",
		.yaml = shares_yaml,
		.verdicts = "ppppp",
		.held_up = 0.02},
	{.name = "no run delay recorded",
		.yaml = shares_yaml,
		.verdicts = "iiiii",
		.drop_run_delay = true,
		.reason = "run_delay_ns"},
	{.name = "no host rows",
		.yaml = shares_yaml,
		.verdicts = "iiiii",
		.drop_host = true,
		.reason = "set_busy_ns"},
	{.name = "a counter fell",
		.yaml = shares_yaml,
		.verdicts = "piiii",
		.counter_reset = true,
		.reason = "fell"},
	{.name = "a counter fell between the last two samples of a window",
		.yaml = shares_yaml,
		.verdicts = "piiii",
		.counter_reset = true,
		.reset_at_s = 16,
		.reason = "blue' fell"},
	{.name = "shares swing around the right mean",
		.yaml = shares_yaml,
		.verdicts = "iiiff",
		.wobble = 0.1,
		.reason = "varies too much"},
	{.name = "a dead workload",
		.yaml = shares_yaml,
		.verdicts = "iiiii",
		.dead = true,
		.reason = "the workload of 'green' did no work"},
	{.name = "a workload in trouble",
		.yaml = shares_yaml,
		.verdicts = "iiiii",
		.trouble = "exit status 2",
		.reason = "exit status 2"},
	{.name = "never read back",
		.yaml = shares_yaml,
		.verdicts = "iiiii",
		.not_read_back = true,
		.reason = "never read back"},
	{.name = "another value read back",
		.yaml = shares_yaml,
		.verdicts = "iiiii",
		.other_value = true,
		.reason = "the kernel holds 1024"},
	{.name = "no events",
		.yaml = shares_yaml,
		.verdicts = "iiiii",
		.no_events = true,
		.reason = "lacks start"},
	{.name = "broken run",
		.yaml = shares_yaml,
		.verdicts = "iiiii",
		.unfinished = true,
		.state = RUN_BROKEN,
		.reason = "the run is broken"},
	{.name = "killed run",
		.yaml = shares_yaml,
		.verdicts = "iiiii",
		.unfinished = true,
		.state = RUN_RUNNING,
		.reason = "the run still goes on, or was killed"},
	{.name = "late ticks", .yaml = shares_yaml, .verdicts = "iiiii", .late = 10, .reason = "were late"},
	{.name = "missed ticks",
		.yaml = shares_yaml,
		.verdicts = "iiiii",
		.missed = 12,
		.reason = "12 missed"},
	{.name = "a few late ticks", .yaml = shares_yaml, .verdicts = "ppppp", .late = 3, .missed = 2},
	{.name = "other CPUs than the scenario's",
		.yaml = shares_yaml,
		.verdicts = "iiiii",
		.scarce = "1",
		.reason = "the CPUs 1"},
	{.name = "quota kept", .yaml = quota_yaml, .verdicts = "ppp"},
	{.name = "quota off",
		.yaml = quota_yaml,
		.verdicts = "iff",
		.ignores_quota = true,
		.reason = "no plenty"},
	{.name = "quota exceeded",
		.yaml = quota_yaml,
		.verdicts = "fff",
		.red_times = 1.3,
		.reason = "off by +15"},
	{.name = "quota kept under foreign load",
		.yaml = quota_yaml,
		.verdicts = "ipp",
		.foreign = 0.2,
		.reason = "something other"},
	{.name = "quota missed under foreign load",
		.yaml = quota_yaml,
		.verdicts = "iii",
		.foreign = 0.2,
		.red_times = 0.7,
		.reason = "something other"},
	{.name = "quota missed with no excuse",
		.yaml = quota_yaml,
		.verdicts = "ffi",
		.red_times = 0.7,
		.reason = "off by -15"},
	{.name = "one that runs elsewhere", .yaml = elsewhere_yaml, .verdicts = "pp"},
	{.name = "one that runs elsewhere is no reason for others to get more",
		.yaml = elsewhere_yaml,
		.verdicts = "pf",
		.red_times = 1.2,
		.reason = "a turn of 2 vCPUs per CPU"},
	{.name = "a neighbour's quota changes nothing", .yaml = neighbour_yaml, .verdicts = "pp"},
	{.name = "a neighbour's quota, and a stall without a reason",
		.yaml = neighbour_yaml,
		.verdicts = "pf",
		.stall_from_s = 11.01,
		.stall_to_s = 13.01,
		.reason = "had 0.250 CPUs before the event"},
	{.name = "a neighbour's quota, and a stall under foreign load",
		.yaml = neighbour_yaml,
		.verdicts = "pi",
		.stall_from_s = 11.01,
		.stall_to_s = 13.01,
		.foreign = 0.3,
		.foreign_from_s = 11,
		.foreign_to_s = 13,
		.reason = "went to something other than the tenants' vCPUs"},
	{.name = "all kinds", .yaml = kinds_yaml, .verdicts = "pppppp", .noise = 0.002},
	{.name = "all kinds, weights ignored",
		.yaml = kinds_yaml,
		.verdicts = "ffpfpi",
		.ignores_weights = true,
		.reason = "'red' got 1.000"},
	{.name = "all kinds, red gets a fifth too much",
		.yaml = kinds_yaml,
		.verdicts = "ffpppi",
		.red_times = 1.2,
		.reason = "times what 'blue' got"},
	{.name = "all kinds, one long stall of red",
		.yaml = kinds_yaml,
		.verdicts = "ppppfp",
		.stall_from_s = 3.01,
		.stall_to_s = 5.01,
		.reason = "for 2 s, from 3.0 s to 5.0 s"},
	{.name = "all kinds, idle CPU",
		.yaml = kinds_yaml,
		.verdicts = "iiiiii",
		.wasted = 0.2,
		.reason = "idle for 20"},
	{.name = "all kinds, idle CPU for a second",
		.yaml = kinds_yaml,
		.verdicts = "iiiipi",
		.wasted = 0.4,
		.wasted_from_s = 14,
		.wasted_to_s = 15},
	{.name = "all kinds, a reset in the middle",
		.yaml = kinds_yaml,
		.verdicts = "iiiipi",
		.counter_reset = true,
		.reason = "fell"},
	{.name = "nothing to settle", .yaml = nothing_yaml, .verdicts = "pi", .reason = "nothing to settle"},
};

static const char *const columns[] = {
	"vcpu_usage_ns",
	"run_delay_ns",
	"set_busy_ns",
	"set_idle_ns",
	"set_steal_ns",
};
enum { VCPU, DELAY, BUSY, IDLE, STEAL };

static double true_share(const struct run_case *c, const struct model *model, unsigned tenant, double t_s)
{
	double share = 0;

	t_s -= t_s > c->delay_s ? c->delay_s : 0;
	for (size_t i = 0; i < model->step_count; i++)
		if (t_s >= model->steps[i].from_s && t_s < model->steps[i].to_s) {
			share = model->steps[i].share[tenant];
			if (c->ignores_weights)
				share = model->steps[0].share[tenant];
			if (c->ignores_quota)
				share = 1;
		}
	return share;
}

static void make_samples(const struct run_case *c, struct made_run *run)
{
	const struct scenario *scenario = run->scenario;
	double vcpu[SCENARIO_MAX_TENANTS] = {0}, delay[SCENARIO_MAX_TENANTS] = {0},
	       now[SCENARIO_MAX_TENANTS] = {0};
	double busy = 5, idle = 7, steal = 0, last = 0;
	double end_s = c->end_s > 0 ? c->end_s : (double)scenario->duration_ns / 1e9 + 0.3;
	struct model model = {0};

	assert_int_equal(model_make(scenario, NULL, &model, NULL), 0);
	table_init(&run->samples, columns, ARRAY_SIZE(columns));
	long per_sample = lround(MADE_INTERVAL_S / MADE_STEP_S);
	for (long step = -per_sample * 2; (double)step * MADE_STEP_S <= end_s; step++) {
		double t_s = (double)step * MADE_STEP_S, used = 0;
		if (step % per_sample == 0) {
			double t = t_s + 0.003;
			bool dropped = t > c->drop_from_s && t < c->drop_to_s;
			double off = (step / per_sample) % 2 ? c->noise : 0;
			for (unsigned i = 0; i < scenario->tenant_count && !dropped; i++) {
				const char *name = scenario->tenants[i].name;
				bool red = !strcmp(name, "red");
				if (red && c->drop_red)
					continue;
				double *cells = table_add_row(&run->samples, t + 1e-5 * i, name);
				/* The row is read at t, the counters are those of t_s + 3 ms. */
				cells[VCPU] = floor((vcpu[i] + now[i] * 0.003 + off) * 1e9);
				if (c->counter_reset && !red && t > fmax(c->reset_at_s, 12) && t < 20)
					cells[VCPU] /= 2;
				if (!c->drop_run_delay)
					cells[DELAY] = floor(delay[i] * 1e9);
			}
			double *cells = dropped || c->drop_host
						? NULL
						: table_add_row(&run->samples, t + 1e-4, "host");
			if (cells) {
				cells[BUSY] = floor(busy * 100) * 1e7;
				cells[IDLE] = floor(idle * 100) * 1e7;
				cells[STEAL] = floor(steal * 100) * 1e7;
			}
			last = t;
		}
		double foreign = c->foreign_to_s > 0 && (t_s < c->foreign_from_s || t_s >= c->foreign_to_s)
					 ? 0
					 : c->foreign;
		for (unsigned i = 0; i < scenario->tenant_count; i++) {
			bool red = !strcmp(scenario->tenants[i].name, "red");
			if (!scenario_is_on_scarce(scenario, i)) {
				vcpu[i] += MADE_STEP_S;
				continue;
			}
			double share = t_s < 0 ? 0 : true_share(c, &model, i, t_s);
			if (red && c->red_times > 0)
				share = fmin(1, share * c->red_times);
			else if (c->red_times > 0 && scenario->tenant_count > 1)
				share = (1 - fmin(1, c->red_times * true_share(c, &model, 2, t_s))) /
					(c->yaml == elsewhere_yaml ? 1 : 2);
			if (c->held_up > 0 && scenario->tenant_count > 1)
				share = red ? share * (1 - c->held_up)
					    : share + c->held_up * true_share(c, &model, 2, t_s) / 2;
			if (c->wobble > 0 && red)
				share += c->wobble * (fmod(t_s, 2) < 1 ? 1 : -1);
			else if (c->wobble > 0)
				share -= c->wobble * (fmod(t_s, 2) < 1 ? 1 : -1) / 2;
			if (red && c->spike_at_s > 0 && fabs(t_s - c->spike_at_s) < 0.04)
				share = 1;
			if (t_s < 0 || t_s >= (double)scenario->duration_ns / 1e9)
				share = 0;
			if (t_s >= c->stall_from_s && t_s < c->stall_to_s)
				share = red ? 0 : 0.5;
			if (!(c->wasted_to_s > 0) || (t_s >= c->wasted_from_s && t_s < c->wasted_to_s))
				share *= 1 - c->wasted;
			if (scenario->tenant_count > 1)
				share *= 1 - foreign - c->steal;
			/* A first-order lag, from the first event on. */
			now[i] += (share - now[i]) * (c->slow_s > 0 && t_s > 1 ? MADE_STEP_S / c->slow_s : 1);
			vcpu[i] += now[i] * MADE_STEP_S;
			if (!c->nobody_waits && t_s >= 0)
				delay[i] += (1 - now[i] - (red ? c->held_up : 0)) * MADE_STEP_S;
			used += now[i];
		}
		busy += (used + foreign) * MADE_STEP_S;
		steal += c->steal * MADE_STEP_S;
		idle += fmax(0, 1 - used - foreign - c->steal) * MADE_STEP_S;
	}
	assert_true(last > 1);
	model_release(&model);
}

static void replace(char **slot, const char *text)
{
	free(*slot);
	*slot = xstrdup(text);
}

static void say_manifest(const struct run_case *c, struct manifest *manifest)
{
	if (c->unfinished)
		manifest->state = c->state;
	manifest->ticks = 120;
	manifest->ticks_late = c->late;
	manifest->ticks_missed = c->missed;
	replace(&manifest->scarce_cpus, c->scarce ? c->scarce : "0");
	for (size_t i = 0; i < manifest->tenant_count; i++)
		manifest->tenants[i].worked = !(c->dead && i == 1);
	if (c->trouble)
		replace(&manifest->tenants[0].trouble, c->trouble);
}

static void make_run(const struct run_case *c, struct made_run *run)
{
	const struct made_faults faults = {.not_read_back = c->not_read_back};

	made_begin(run, c->name, c->yaml, &faults);
	for (size_t i = 0; i < run->events.count && c->other_value; i++)
		run->events.records[i].read_back = 1024;
	if (c->no_events)
		event_log_release(&run->events);
	say_manifest(c, &run->manifest);
	make_samples(c, run);
}

static void test_runs(void **state)
{
	size_t wrong = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(run_cases); i++) {
		AUTO(made_run) struct made_run run = {0};
		make_run(&run_cases[i], &run);
		wrong += !made_check(run_cases[i].name, &run, run_cases[i].verdicts, run_cases[i].reason);
	}
	assert_int_equal(wrong, 0);
}

/* The figures, not only the verdict. */
static void test_measures(void **state)
{
	static const struct run_case late = {.name = "late", .yaml = shares_yaml, .delay_s = 0.5};
	static const struct run_case quick = {.name = "quick", .yaml = shares_yaml, .noise = 0.003};

	(void)state;
	for (int i = 0; i < 2; i++) {
		AUTO(made_run) struct made_run run = {0};
		AUTO(judgement) struct judgement judgement = {0};
		make_run(i ? &quick : &late, &run);
		made_judge(i ? quick.name : late.name, &run, &judgement);
		const struct finding *share = &judgement.findings[1], *settles = &judgement.findings[3];
		assert_true(fabs(share->measured - 2 / 3.) < 0.002);
		assert_true(fabs(share->expected - 0.667) < 1e-9 && share->tolerance == 0.02);
		assert_true(
			share->interval_low <= share->measured && share->measured <= share->interval_high);
		assert_true(share->samples >= 34 && share->samples <= 37);
		assert_true(isnan(share->settling_time_s));
		double wanted = i ? 0 : 0.5;
		if (fabs(settles->settling_time_s - wanted) > 0.25 ||
			fabs(settles->dead_time_s - wanted) > 0.25)
			fail_msg("settled after %g s, dead for %g s, wanted about %g",
				settles->settling_time_s, settles->dead_time_s, wanted);
		assert_true(settles->overshoot >= 0 && settles->overshoot < 0.05);
	}
}

static void test_model_not_applicable(void **state)
{
	static const struct run_case plain = {.name = "plain", .yaml = shares_yaml};
	AUTO(made_run) struct made_run run = {0};
	AUTO(judgement) struct judgement judgement = {0};
	struct err err = ERR_INIT;

	(void)state;
	make_run(&plain, &run);
	CPU_SET(1, &run.scenario->tenants[0].cpus);
	const struct judge_input input = made_input(&run);
	assert_int_equal(judge_run(&input, &judgement, &err), -1);
	assert_int_equal(err.domain, ERR_INPUT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_runs),
		cmocka_unit_test(test_measures),
		cmocka_unit_test(test_model_not_applicable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
