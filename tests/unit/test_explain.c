/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Made-up runs with one thing wrong in each: the likely cause must be the right one.  And what is said of two of them, in full
 * (tests/golden/explain-*.txt; LIMITLAB_REGENERATE=1 writes them anew).
 */
#include "made_host.h"

#include "base/fsio.h"
#include "config.h"
#include "judge/explain.h"

#define CPU_HEAD                                                                                             \
	"name: made\ntitle: made up\n"                                                                       \
	"tenants:\n"                                                                                         \
	"  - {name: blue, workload: w.stress, limits: {cpu.shares: 1024}}\n"                                 \
	"  - {name: red, workload: w.stress, limits: {cpu.shares: 1024}}\n"                                  \
	"timeline:\n"                                                                                        \
	"  - {at: 0s, start: all}\n"                                                                         \
	"  - {at: 8s, set: {tenant: red, cpu.shares: 3072}}\n"                                               \
	"  - {at: 16s, stop: all}\n"                                                                         \
	"expect:\n"                                                                                          \
	"  - {share: cpu, tenant: red, window: [10s, 16s], is: model, within: 2%}\n"
static const char shares_yaml[] = CPU_HEAD "scarce: {cpu: {cpus: [0]}}\n";
static const char default_yaml[] = CPU_HEAD "scarce: {cpu: {cpus: [0], emulators: default}}\n";
static const char before_yaml[] =
	CPU_HEAD "  - {share: cpu, tenant: red, window: [2s, 8s], is: model, within: 2%}\n"
		 "scarce: {cpu: {cpus: [0]}}\n";
static const char settles_yaml[] = CPU_HEAD "  - {settles: cpu, tenant: red, after: 8s, within: 100ms}\n"
					    "scarce: {cpu: {cpus: [0]}}\n";

static const char quota_yaml[] =
	"name: made\ntitle: made up\n"
	"scarce: {cpu: {cpus: [0]}}\n"
	"tenants:\n"
	"  - {name: red, workload: w.stress, limits: {cpu.quota: 50ms}}\n"
	"timeline:\n"
	"  - {at: 0s, start: all}\n"
	"  - {at: 16s, stop: all}\n"
	"expect:\n"
	"  - {share: cpu, tenant: red, window: [2s, 16s], is: 50%, within: 1%, needs: nothing}\n";

#define NET(link, blue, red, expect)                                                                         \
	"name: made\ntitle: made up\n"                                                                       \
	"scarce: {link: {rate: 300Mbit/s" link "}}\n"                                                        \
	"tenants:\n"                                                                                         \
	"  - {name: blue, workload: w.iperf3, limits: {" blue "}}\n"                                         \
	"  - {name: red, workload: w.iperf3, limits: {" red "}}\n"                                           \
	"timeline:\n"                                                                                        \
	"  - {at: 0s, start: all}\n"                                                                         \
	"  - {at: 8s, set: {tenant: red, net.priority: 1}}\n"                                                \
	"  - {at: 16s, stop: all}\n"                                                                         \
	"expect:\n"                                                                                          \
	"  - {" expect "}\n"
static const char raw_yaml[] = NET(", apply: raw", "net.rate: 10Mbit/s", "net.rate: 10Mbit/s",
	"share: net, tenant: red, window: [10s, 16s], is: model, within: 2%");
static const char over_yaml[] = NET("", "net.rate: 200Mbit/s", "net.rate: 200Mbit/s",
	"share: net, tenant: red, window: [10s, 16s], is: 50%, within: 2%");
static const char quantum_yaml[] =
	NET("", "net.rate: 20Mbit/s, net.quantum: 200kB", "net.rate: 60Mbit/s, net.quantum: 200kB",
		"ratio: net, tenants: [red, blue], window: [2s, 8s], is: 3, within: 5%");
static const char payload_yaml[] = NET("", "net.rate: 10Mbit/s", "net.rate: 10Mbit/s",
	"level: net, measure: payload, tenant: red, window: [2s, 8s], is: 150Mbit/s, within: 2%");
static const char level_yaml[] = NET("", "net.rate: 10Mbit/s", "net.rate: 10Mbit/s",
	"level: net, tenant: red, window: [10s, 16s], is: 290Mbit/s, within: 2%");
static const char net_yaml[] = NET("", "net.rate: 10Mbit/s", "net.rate: 10Mbit/s",
	"share: net, tenant: red, window: [10s, 16s], is: model, within: 2%");

#define DISK(disk)                                                                                           \
	"name: made\ntitle: made up\n"                                                                       \
	"scarce: {disk: {size: 1GiB, rate: 50MiB/s" disk "}}\n"                                              \
	"tenants:\n"                                                                                         \
	"  - {name: blue, workload: w.fio, limits: {disk.weight: 100}}\n"                                    \
	"  - {name: red, workload: w.fio, limits: {disk.weight: 100}}\n"                                     \
	"timeline:\n"                                                                                        \
	"  - {at: 0s, start: all}\n"                                                                         \
	"  - {at: 8s, set: {tenant: red, disk.weight: 500}}\n"                                               \
	"  - {at: 16s, stop: all}\n"                                                                         \
	"expect:\n"                                                                                          \
	"  - {ratio: disk, tenants: [red, blue], window: [10s, 16s], is: 5, within: 10%}\n"
static const char bfq_yaml[] = DISK("");
static const char low_latency_yaml[] = DISK(", low_latency: true");

static const char throttle_yaml[] =
	"name: made\ntitle: made up\n"
	"scarce: {disk: {size: 1GiB, rate: 50MiB/s}}\n"
	"tenants:\n"
	"  - {name: blue, workload: w.fio}\n"
	"  - {name: red, workload: w.fio}\n"
	"timeline:\n"
	"  - {at: 0s, start: all}\n"
	"  - {at: 8s, set: {tenant: red, disk.read_bytes_per_s: 10MiB/s}}\n"
	"  - {at: 16s, stop: all}\n"
	"expect:\n"
	"  - {level: disk, tenant: red, window: [10s, 16s], is: 10MiB/s, within: 5%}\n";

#define MEMORY(limits, swap, event, expect)                                                                  \
	"name: made\ntitle: made up\n"                                                                       \
	"scarce: {memory: {free: 600MiB" swap "}}\n"                                                         \
	"tenants:\n"                                                                                         \
	"  - {name: blue, workload: w.stress, memory: 640MiB}\n"                                             \
	"  - {name: red, workload: w.stress, memory: 640MiB, limits: {" limits "}}\n"                        \
	"timeline:\n"                                                                                        \
	"  - {at: 0s, start: all}\n"                                                                         \
	"  - {at: 8s, " event "}\n"                                                                          \
	"  - {at: 16s, stop: all}\n"                                                                         \
	"expect:\n"                                                                                          \
	"  - {" expect "}\n"
#define SOFT "memory.soft: 300MiB"
#define LOW  "level: memory, tenant: red, window: [12s, 16s], at most: 340MiB"
static const char soft_yaml[] = MEMORY(SOFT, ", swap: 2GiB", "scarce: memory", LOW);
static const char no_swap_yaml[] = MEMORY(SOFT, "", "scarce: memory", LOW);
static const char above_yaml[] = MEMORY(SOFT ", memory.hard: 300MiB", ", swap: 2GiB", "scarce: memory", LOW);
static const char hard_yaml[] = MEMORY("memory.soft: 1GiB", ", swap: 2GiB",
	"set: {tenant: red, memory.hard: 300MiB}", LOW ", needs: nothing");
static const char high_yaml[] =
	MEMORY("memory.soft: 1GiB", ", swap: 2GiB", "set: {tenant: red, memory.hard: 1GiB}",
		"level: memory, tenant: red, window: [12s, 16s], at least: 600MiB, needs: nothing");
static const char inert_yaml[] =
	MEMORY("memory.hard: 1GiB", ", swap: 2GiB", "set: {tenant: red, memory.soft: 300MiB}", LOW);
static const char soft_settles_yaml[] = MEMORY(SOFT, ", swap: 2GiB", "scarce: memory",
	"settles: memory, tenant: red, after: 8s, to: 300MiB, band: 20MiB, within: 1s");

struct explain_case {
	const char *name, *yaml;
	struct made_host host;
	struct made_faults log;
	const char *first; /* id of the likeliest cause; "": none fits */
	const char *also;  /* one that stands somewhere behind it; NULL: whatever */
	const char *clue;  /* part of the clue of the first */
	const char *check; /* part of a command */
	/* The manifest and the log. */
	bool unfinished, dead, busy, inert, v2, tcg;
	const char *trouble;
	uint64_t late;
};

static const struct explain_case cases[] = {
	{.name = "weights ignored",
		.yaml = shares_yaml,
		.host = {.ignored = true},
		.first = "shares-ignored",
		.clue = "'blue' used 50.0 % of a CPU with 1024 shares, 'red' used 50.0 % of a CPU with 3072"},
	{.name = "emulators with their own weight",
		.yaml = default_yaml,
		.host = {.first_times = 0.8},
		.first = "emulators-default",
		.also = "shares-ignored",
		.clue = "emulators: default"},
	{.name = "a host short of memory",
		.yaml = shares_yaml,
		.host = {.stalled = 0.1},
		.first = "host-short",
		.check = "cat /proc/pressure/memory"},
	{.name = "a hypervisor that takes from all CPUs",
		.yaml = net_yaml,
		.host = {.stolen = 0.05},
		.first = "steal"},
	{.name = "a disk that nobody asks enough of",
		.yaml = throttle_yaml,
		.host = {.last_times = 0.8, .shallow = 0.5},
		.first = "disk-lazy"},
	{.name = "a guest that stands still",
		.yaml = shares_yaml,
		.host = {.held_up = 0.1},
		.first = "stalled-guest",
		.also = "guest-waits",
		.clue = "they run on CPU 1"},
	{.name = "foreign load",
		.yaml = shares_yaml,
		.host = {.foreign = 0.1},
		.first = "foreign-load",
		.check = "ps -eLo psr"},
	{.name = "a vacuous load", .yaml = shares_yaml, .host = {.fed = 0.8}, .first = "cpu-idle"},
	{.name = "samples missing",
		.yaml = shares_yaml,
		.host = {.drop_from_s = 12, .drop_to_s = 14},
		.first = "samples-missing",
		.check = "grep -F ,red, /runs/made/1/samples.csv"},
	{.name = "a limit that takes long to set",
		.yaml = settles_yaml,
		.host = {.delay_s = 2},
		.log = {.late_s = 0.4},
		.first = "slow-change",
		.clue = "begun at 8.000 s and read back at 8.402 s"},
	{.name = "a swinging share",
		.yaml = before_yaml,
		.host = {.swing_from_s = 2, .swing_to_s = 8},
		.first = "too-variable"},
	{.name = "a quota and QEMU's own threads",
		.yaml = quota_yaml,
		.host = {.last_times = 0.95, .emulator = 0.03},
		.first = "quota-emulator",
		.clue = "its vCPUs used 47.5 %, and with QEMU's own threads the VM used 50.5 %"},
	{.name = "late ticks", .yaml = shares_yaml, .late = 20, .first = "ticks-late"},
	{.name = "a broken run",
		.yaml = shares_yaml,
		.unfinished = true,
		.first = "unfinished",
		.clue = "'broken': QEMU went away"},
	{.name = "a dead workload", .yaml = shares_yaml, .dead = true, .first = "no-work"},
	{.name = "a workload in trouble",
		.yaml = shares_yaml,
		.trouble = "exit status 2",
		.first = "trouble",
		.clue = "said: exit status 2",
		.check = "tail -n 40 /runs/made/1/log/blue.stream"},
	{.name = "another value", .yaml = shares_yaml, .log = {.other_value = true}, .first = "other-value"},
	{.name = "never read back",
		.yaml = shares_yaml,
		.log = {.not_read_back = true},
		.first = "no-read-back"},
	{.name = "a raw priority",
		.yaml = raw_yaml,
		.host = {.ignored = true},
		.first = "htb-raw",
		.clue = "net.priority of 'red' became 1 at 8 s by 'apply: raw', and 0 of 41 samples"},
	{.name = "a raw priority, and a queue that was empty for a moment",
		.yaml = raw_yaml,
		.host = {.ignored = true, .empty_at_s = 9},
		.first = "htb-raw-emptied",
		.clue = "1 of 41 samples"},
	{.name = "more guaranteed than there is",
		.yaml = over_yaml,
		.first = "htb-rates-exceed",
		.clue = "400 Mbit/s are guaranteed on a link of 300"},
	{.name = "equal quanta",
		.yaml = quantum_yaml,
		.first = "htb-quantum",
		.clue = "20 and 60 Mbit/s, and their quanta are 200000 and 200000 bytes, the kernel's maximum"},
	{.name = "payload",
		.yaml = payload_yaml,
		.first = "net-payload",
		.clue = "95.0 % of what is expected"},
	{.name = "nothing queued",
		.yaml = net_yaml,
		.host = {.fed = 0.98},
		.first = "net-not-queued",
		.clue = "the host's CPUs were idle for 40.0 % of the window",
		.check = "log/blue.stream"},
	{.name = "a change that comes late",
		.yaml = level_yaml,
		.host = {.delay_s = 4},
		.log = {.late_s = 4},
		.first = "late-change",
		.check = "grep -F lateness"},
	{.name = "a link that is not full", .yaml = net_yaml, .host = {.fed = 0.8}, .first = "net-not-full"},
	{.name = "a full host",
		.yaml = bfq_yaml,
		.host = {.host_idle = 0.05},
		.first = "host-full",
		.check = "grep -F acceleration"},
	{.name = "low_latency", .yaml = low_latency_yaml, .host = {.effect = 0.7}, .first = "low-latency"},
	{.name = "weights of bfq followed badly",
		.yaml = bfq_yaml,
		.host = {.effect = 0.7},
		.first = "weight-weak"},
	{.name = "guests too slow for the disk",
		.yaml = bfq_yaml,
		.host = {.fed = 0.8},
		.first = "disk-too-slow-guests"},
	{.name = "soft limit, no swap",
		.yaml = no_swap_yaml,
		.host = {.full_mib = 700, .end_mib = 700},
		.first = "no-swap",
		.also = "soft-weak"},
	{.name = "what is in swap stays there",
		.yaml = high_yaml,
		.host = {.full_mib = 700, .end_mib = 500, .swap_mib = 2048},
		.first = "in-swap",
		.clue = "200 MiB of 'red' were in swap at 16 s"},
	{.name = "soft limit, swap full",
		.yaml = soft_yaml,
		.host = {.full_mib = 700, .end_mib = 500, .swap_mib = 2048, .swap_fills = true},
		.first = "swap-full",
		.clue = "2048 MiB of swap were free at most, 1.0 MiB at least"},
	{.name = "soft limit above the hard one",
		.yaml = above_yaml,
		.host = {.full_mib = 700, .end_mib = 700, .swap_mib = 2048},
		.first = "soft-above-hard"},
	{.name = "soft limit on v2",
		.yaml = soft_yaml,
		.host = {.full_mib = 700, .end_mib = 700, .swap_mib = 2048},
		.v2 = true,
		.first = "memory-high"},
	{.name = "soft limit, nothing scarce",
		.yaml = soft_yaml,
		.host = {.full_mib = 700, .end_mib = 700, .swap_mib = 2048, .fed = 1},
		.first = "memory-vacuous"},
	{.name = "soft limit, too slow",
		.yaml = soft_settles_yaml,
		.host = {.full_mib = 700, .end_mib = 300, .swap_mib = 2048, .delay_s = 2},
		.first = "soft-slow",
		.also = "soft-weak"},
	{.name = "soft limit, little effect",
		.yaml = soft_yaml,
		.host = {.full_mib = 700, .end_mib = 600, .swap_mib = 2048},
		.first = "soft-weak",
		.check = "cat /sys/kernel/mm/lru_gen/enabled"},
	{.name = "the memory of TCG",
		.yaml = soft_yaml,
		.host = {.full_mib = 700, .end_mib = 690, .swap_mib = 2048},
		.tcg = true,
		.first = "tcg-memory",
		.clue = "a guest of 640 MiB and its group had 690 MiB"},
	{.name = "the OOM killer",
		.yaml = soft_yaml,
		.host = {.full_mib = 700, .end_mib = 600, .swap_mib = 2048, .killed_at_s = 13},
		.first = "oom"},
	{.name = "a hard limit that is refused",
		.yaml = hard_yaml,
		.host = {.full_mib = 700, .end_mib = 700, .swap_mib = 2048},
		.busy = true,
		.first = "hard-busy",
		.check = "swapon --show"},
	{.name = "a soft limit that is inert",
		.yaml = inert_yaml,
		.host = {.full_mib = 700, .end_mib = 700, .swap_mib = 2048},
		.inert = true,
		.first = "soft-inert",
		.clue = "set to 300MiB at 8 s and read back as max"},
	{.name = "all is well", .yaml = shares_yaml},
};

static void say(char **slot, const char *text)
{
	free(*slot);
	*slot = xstrdup(text);
}

/* What the case says of manifest and log. */
static void doctor(const struct explain_case *c, struct made_run *run)
{
	struct manifest *manifest = &run->manifest;

	say(&manifest->harness_cpus, "1");
	manifest->ticks_late = c->late;
	say(&manifest->cgroup_mode, c->v2 ? "v2" : "v1");
	say(&manifest->acceleration, c->tcg ? "tcg" : "kvm");
	manifest->tenants[0].worked = !c->dead;
	if (c->unfinished) {
		manifest->state = RUN_BROKEN;
		say(&manifest->reason, "QEMU went away");
	}
	if (c->trouble)
		say(&manifest->tenants[0].trouble, c->trouble);
	for (size_t i = 0; i < run->events.count; i++) {
		struct event_record *record = &run->events.records[i];
		if (record->limit == LIMIT_COUNT)
			continue;
		if (c->inert)
			record->read_back = LIMIT_UNLIMITED;
		if (!c->busy)
			continue;
		record->has_read_back = false;
		free(record->error);
		record->error =
			xstrdup("libvirt could not write memory.limit_in_bytes: Device or resource busy");
	}
}

static void make(const struct explain_case *c, struct made_run *run)
{
	made_begin(run, c->name, c->yaml, &c->log);
	doctor(c, run);
	made_host_samples(&c->host, run);
}

static bool has_check(const struct explanation *item, const char *part)
{
	for (size_t i = 0; i < item->check_count; i++)
		if (strstr(item->checks[i], part))
			return true;
	return false;
}

static bool is_right(const struct explain_case *c, const struct explain *explain)
{
	const struct explanation *item = &explain->items[explain->count ? explain->count - 1 : 0];
	bool also = !c->also;

	if (!c->first)
		return explain->count == 0;
	if (!explain->count || !item->cause_count)
		return false;
	for (size_t i = 1; i < item->cause_count; i++)
		also = also || !strcmp(item->causes[i].hint->id, c->also);
	return also && !strcmp(item->causes[0].hint->id, c->first) &&
	       (!c->clue || strstr(item->causes[0].clue, c->clue)) &&
	       (!c->check || has_check(item, c->check));
}

static void test_causes(void **state)
{
	size_t wrong = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(made_run) struct made_run run = {0};
		AUTO(judgement) struct judgement judgement = {0};
		AUTO(explain) struct explain explain = {0};
		AUTO(buf) struct buf text = BUF_INIT;
		make(&cases[i], &run);
		made_judge(cases[i].name, &run, &judgement);
		const struct judge_input input = made_input(&run);
		explain_make(&input, &judgement, "/runs/made/1", false, &explain);
		if (is_right(&cases[i], &explain))
			continue;
		wrong++;
		print_message("%s: wanted %s\n", cases[i].name, cases[i].first ? cases[i].first : "nothing");
		for (size_t k = 0; k < judgement.count; k++)
			print_message("  %s: %s\n", verdict_name(judgement.findings[k].verdict),
				judgement.findings[k].reason);
		for (size_t k = 0; k < explain.count; k++)
			for (size_t n = 0; n < explain.items[k].cause_count; n++)
				print_message("    %s: %s\n", explain.items[k].causes[n].hint->id,
					explain.items[k].causes[n].clue);
	}
	assert_int_equal(wrong, 0);
}

/* A row without a symptom would fit everything; one without a source is an opinion. */
static void test_table(void **state)
{
	(void)state;
	for (const struct hint *hint = hint_table; hint->id; hint++) {
		if ((!hint->says[0] && !hint->seen) || !hint->symptom || !hint->cause || !hint->remedy ||
			!hint->source || !hint->checks[0])
			fail_msg("'%s' lacks something", hint->id);
		for (const struct hint *other = hint_table; other < hint; other++)
			assert_string_not_equal(other->id, hint->id);
		/* Sentences are put together from them. */
		assert_int_not_equal(hint->cause[strlen(hint->cause) - 1], '.');
		assert_int_not_equal(hint->remedy[strlen(hint->remedy) - 1], '.');
	}
}

static void compare_golden(const char *name, const char *text)
{
	AUTO(free_ptr) char *path = xasprintf("%s/tests/golden/%s", LIMITLAB_SOURCE_DIR, name);
	AUTO(buf) struct buf kept = BUF_INIT;
	struct err err = ERR_INIT;

	if (getenv("LIMITLAB_REGENERATE"))
		assert_int_equal(fsio_write_atomic(path, text, strlen(text), &err), 0);
	if (fsio_read_file(path, 65536, &kept, &err) < 0)
		fail_msg("%s", err.text);
	assert_string_equal(text, kept.data);
}

static void explain_case_text(const struct explain_case *c, bool all, bool json, struct buf *text)
{
	AUTO(made_run) struct made_run run = {0};
	AUTO(judgement) struct judgement judgement = {0};
	AUTO(explain) struct explain explain = {0};

	make(c, &run);
	made_judge(c->name, &run, &judgement);
	const struct judge_input input = made_input(&run);
	explain_make(&input, &judgement, "/runs/it's made/1", all, &explain);
	if (json) {
		AUTO(free_ptr)
		char *line = explain_json_line(&explain, &input, &judgement, "/runs/it's made/1");
		buf_adds(text, line);
		buf_adds(text, "\n");
	} else {
		explain_text(&explain, &input, &judgement, "/runs/it's made/1", text);
	}
}

static const struct explain_case *find_case(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (!strcmp(cases[i].name, name))
			return &cases[i];
	fail_msg("there is no case '%s'", name);
	return NULL;
}

static void test_texts(void **state)
{
	static const struct {
		const char *name, *golden;
		bool all, json;
	} texts[] = {
		{"a limit that takes long to set", "explain-settles.txt", true, false},
		{"a workload in trouble", "explain-trouble.txt", false, false},
		{"a raw priority", "explain-raw.txt", false, false},
		{"a raw priority", "explain-raw.json", false, true},
		{"all is well", "explain-well.txt", true, false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		AUTO(buf) struct buf text = BUF_INIT;
		explain_case_text(find_case(texts[i].name), texts[i].all, texts[i].json, &text);
		compare_golden(texts[i].golden, text.data);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_causes),
		cmocka_unit_test(test_texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
