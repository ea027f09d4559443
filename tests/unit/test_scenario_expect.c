/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Scenario files: every kind of expectation, its keys, defaults and contradictions. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "scenario_cases.h"

/* Lines 1-7; the expectations are in line 8 and begin there in column 10, the braces included. */
#define HEAD(scarce)                                                                                         \
	"name: x\ntitle: t\nscarce: {" scarce                                                                \
	"}\ntenants: [{name: red, workload: w}, {name: blue, workload: w}]\n"
#define LINK                                                                                                               \
	HEAD("link: {rate: 300Mbit/s}")                                                                                    \
	"timeline: [{at: 0, start: all}, {at: 1min, stop: all},\n"                                                         \
	"  {at: 5s, set: {tenant: red, net.ceil: 200Mbit/s}}, {at: 20s, set: {tenant: red, net.priority: 0}, name: up},\n" \
	"  {at: 40s, reset: {tenant: red, limit: all}}]\n"
#define MEMORY                                                                                               \
	HEAD("memory: {free: 1GiB}")                                                                         \
	"timeline: [{at: 0, start: all}, {at: 1min, stop: all},\n"                                           \
	"  {at: 10s, set: {tenant: red, cpu.quota: max}}, {at: 20s, scarce: memory},\n  {at: 40s, plenty: memory}]\n"
#define NET(more) LINK "expect: [{" more "}]\n"
#define MEM(more) MEMORY "expect: [{" more "}]\n"
/* Without a third event. */
#define BLK(more)                                                                                            \
	HEAD("disk: {size: 1GiB, rate: 50MiB/s}")                                                            \
	"timeline: [{at: 0, start: all},\n\n {at: 1min, stop: all}]\n"                                       \
	"expect: [{" more "}]\n"
#define W "window: [22s, 38s]"

/* One row per line, however long. */
/* clang-format off */
static const struct bad_case bad[] = {
	/* Which kind of which resource. */
	{"no keys", NET(""), "8:10", "this expectation has no kind; add share, settles, level, ratio, starves, never starves, conserves or unchanged"},
	{"unknown kind", NET("starve: net"), "8:11", "unknown key 'starve' in an expectation; did you mean 'starves'?"},
	{"kind with an underscore", NET("never_starves: net"), "8:11", "did you mean 'never starves'?"},
	{"two kinds", NET("level: net, ratio: net"), "8:30", "'level' and 'ratio' in one expectation"},
	{"unknown resource", NET("level: link"), "8:18", "'link' is not a resource; it is one of cpu, net, memory, disk"},
	{"a resource that is not scarce", NET("level: disk"), "8:18", "the capacity that 'level: disk' refers to is not declared; add scarce: {disk:"},
	{"CPU that is not scarce", MEM("level: cpu"), "8:18", "the capacity that 'level: cpu' refers to is not declared"},
	{"share of memory", MEM("share: memory, tenant: red"), "8:18", "'share' is of parts of a capacity, and memory has none that is divided; take level"},
	{"memory that starves", MEM("starves: memory, tenant: red"), "8:20", "'starves' is of parts of a capacity"},
	{"memory that is conserved", MEM("conserves: memory"), "8:22", "'conserves' is of parts of a capacity"},

	/* Hosts. */
	{"when of nothing", NET("level: net, tenant: red, " W ", is: model, when: {}"), "8:73", "when says nothing; name a cgroup version or a range of kernels"},
	{"when of a word", NET("level: net, tenant: red, " W ", is: model, when: v1"), "8:73", "when must be a mapping"},
	{"unknown key of when", NET("level: net, tenant: red, " W ", is: model, when: {cgruop: v1}"), "8:74", "did you mean 'cgroup'?"},
	{"unknown mode of when", NET("level: net, tenant: red, " W ", is: model, when: {cgroup: 2}"), "8:82", "'2' is not a cgroup version"},
	{"when that the scenario excludes", "when: {cgroup: v1}\n" NET("level: net, tenant: red, " W ", is: model, when: {cgroup: v2}"), "9:73", "this expectation is of cgroup v2 and the scenario runs with cgroup v1 only; remove"},
	{"control that is not of every host", NET("level: net, tenant: red, " W ", is: model, name: a, when: {cgroup: v1}},{unchanged: net, tenant: red, after: 20s, window: [21s, 30s], control: a"), "8:167", "'a' is only of cgroup v1, where this expectation is of more hosts; give it the same when:"},

	/* Measures. */
	{"unknown measure", NET("level: net, measure: clas, tenant: red"), "8:32", "'clas' is not a measure of net; it is one of class, payload"},
	{"measure of another resource", NET("level: net, measure: iops, tenant: red"), "8:32", "it is one of class, payload"},
	{"measure of memory", MEM("level: memory, measure: rss, tenant: red"), "8:35", "it is one of usage, anon, swap"},
	{"share of a latency", BLK("share: disk, measure: p99, tenant: red"), "8:33", "'share' is of parts of the capacity, which is not counted in 'p99'"},
	{"starving of requests", BLK("starves: disk, measure: iops, tenant: red"), "8:35", "which is not counted in 'iops'; take level or ratio"},
	{"conserved payload", NET("conserves: net, measure: payload"), "8:36", "payload never adds up to the rate of the link"},
	{"settling of payload", NET("settles: net, measure: payload"), "8:34", "payload is less; leave out measure"},

	/* Who. */
	{"level without tenant", NET("level: net, " W ", is: model"), "8:10", "'tenant' is missing in 'level'; write it as in {level: net, tenant: red"},
	{"conserves of a tenant", NET("conserves: net, tenant: red"), "8:35", "'tenant' does not belong to 'conserves'"},
	{"ratio of one", NET("ratio: net, tenant: red"), "8:31", "'tenant' does not belong to 'ratio'; write it as in {ratio: disk, tenants: [red, blue]"},
	{"ratio of a list of one", NET("ratio: net, tenants: [red]"), "8:32", "a ratio has two tenants, not 1; the first over the second"},
	{"ratio of three", NET("ratio: net, tenants: [red, blue, red]"), "8:32", "not 3"},
	{"ratio of a word", NET("ratio: net, tenants: red"), "8:32", "tenants must be a list"},
	{"ratio to itself", NET("ratio: net, tenants: [red, red]"), "8:32", "the ratio of tenant 'red' to itself is always 1"},
	{"ratio to nobody", NET("ratio: net, tenants: [red, bleu]"), "8:38", "did you mean 'blue'?"},

	/* Levels. */
	{"level of nothing", NET("level: net, tenant: red, " W), "8:10", "'is' is missing in 'level', or a bound, at least or at most"},
	{"level in percent", NET("level: net, tenant: red, " W ", is: 50%"), "8:60", "'50%' is not a rate in bits"},
	{"level in bytes", NET("level: net, tenant: red, " W ", is: 50MiB/s"), "8:60", "unknown unit"},
	{"level without unit", MEM("level: memory, tenant: red, " W ", is: 300"), "8:63", "the unit is missing; write it as in \"192MiB\""},
	{"level of a word", NET("level: net, tenant: red, " W ", is: much"), "8:60", "'much' is no level; write is: model, or a value with its unit"},
	{"level beyond 64 bit", NET("level: net, tenant: red, " W ", is: 99999999999999Tbit/s"), "8:60", "too large"},
	{"model of memory", MEM("level: memory, tenant: red, " W ", is: model"), "8:63", "there is no model of memory charged to the VM; write a value, as in is: 192MiB"},
	{"model of latency", BLK("level: disk, measure: p99, tenant: red, " W ", is: model"), "8:75", "there is no model of 99th percentile of the completion latency, as fio reports it; write a value, as in is: 20ms"},
	{"model of requests", BLK("level: disk, measure: iops, tenant: red, " W ", is: model"), "8:76", "there is no model of requests of the VM"},
	{"model of payload", NET("level: net, measure: payload, tenant: red, " W ", is: model"), "8:78", "the model counts bytes of the link layer, and payload is less"},
	{"value and bound", NET("level: net, tenant: red, " W ", is: model, at most: 1Mbit/s"), "8:10", "'is' and 'at most' in one expectation; keep one"},
	{"bound with a tolerance", NET("level: net, tenant: red, " W ", at most: 1Mbit/s, within: 5%"), "8:10", "a bound has no tolerance; put it into the bound"},
	{"conserves what is derived", NET("conserves: net, " W ", within: model"), "8:55", "'conserves' judges the fixture, and no model says how exactly that keeps its rate; write a percentage"},
	{"payload told as exactly as derived", NET("level: net, measure: payload, tenant: red, " W ", is: 3Mbit/s, within: model"), "8:95", "how exactly payload, as iperf3 reports it can be told is not known; write a percentage"},
	{"latency told as exactly as derived", BLK("level: disk, measure: p99, tenant: red, " W ", is: 3ms, within: model"), "8:88", "can be told is not known; write a percentage"},
	{"memory that settles as derived", MEM("settles: memory, tenant: red, after: 20s, to: 1GiB, within: model"), "8:71", "no model says how fast memory is reclaimed; write a time, as in within: 5s"},
	{"a real disk", HEAD("disk: {device: /dev/sdx}") "timeline: [{at: 0, start: all},\n\n {at: 1min, stop: all}]\nexpect: [{share: disk, tenant: red, " W ", is: 50%, within: model}]\n", "8:74", "the rate of a real disk is not known"},
	{"crossed bounds", NET("level: net, tenant: red, " W ", at least: 2Mbit/s, at most: 1Mbit/s"), "8:10", "nothing is at least this and at most that"},
	{"at least nothing", MEM("level: memory, tenant: red, " W ", at least: 0B"), "8:69", "it is always at least 0"},
	{"a part of zero", MEM("level: memory, measure: swap, tenant: red, " W ", is: 0B"), "8:10", "a part of 0 is 0"},
	{"tolerance of zero", MEM("level: memory, tenant: red, " W ", is: 3MiB, within: 0B"), "8:77", "a tolerance of 0: nothing that is measured is ever exact"},
	{"tolerance of another unit", MEM("level: memory, tenant: red, " W ", is: 3MiB, within: 1s"), "8:77", "'1s' is not a size"},
	{"tolerance above all", NET("level: net, tenant: red, " W ", is: model, within: 101%"), "8:75", "'101%' is out of range for a tolerance; it goes from 0.0001% to 100%"},
	{"bound of a share", NET("share: net, tenant: red, " W ", at most: 5%"), "8:65", "'at most' does not belong to 'share'"},

	/* Ratios. */
	{"ratio in percent", NET("ratio: net, tenants: [red, blue], " W ", is: 50%"), "8:69", "'50%' is not a ratio; write a number, as in 2.5"},
	{"ratio in words", NET("ratio: net, tenants: [red, blue], " W ", is: five"), "8:69", "'five' is no ratio; write is: model, or a number, as in is: 5"},
	{"ratio as 5:1", NET("ratio: net, tenants: [red, blue], " W ", is: \"5:1\""), "8:69", "'5:1' is not a ratio; write a number"},
	{"ratio of zero", NET("ratio: net, tenants: [red, blue], " W ", is: 0"), "8:10", "a part of 0 is 0"},
	{"model of a ratio of latencies", BLK("ratio: disk, measure: p99, tenants: [red, blue], " W ", is: model"), "8:84", "there is no model of 99th percentile of the completion latency, as fio reports it; write a value, as in is: 2.5"},
	{"model of a ratio of memory", MEM("ratio: memory, tenants: [red, blue], " W ", is: model"), "8:72", "there is no model of"},

	/* Settling. */
	{"settles to a rate", NET("settles: net, tenant: red, after: up, to: 1Mbit/s, within: 1s"), "8:53", "net settles at what the model says; leave out to"},
	{"settles nowhere", MEM("settles: memory, tenant: red, after: 20s, within: 1s"), "8:10", "'to' is missing in 'settles: memory', because there is no model of memory"},
	{"settles in a part of nothing", MEM("settles: memory, measure: swap, tenant: red, after: 20s, to: 0B, within: 1s"), "8:10", "nothing settles in a band of 0; write a distance"},
	{"settles over the next change", MEM("settles: memory, tenant: red, after: 20s, to: 1GiB, within: 20s"), "8:10", "the next change comes at 40s"},
	{"a band in a rate", NET("settles: net, tenant: red, after: up, band: 5Mbit/s, within: 1s"), "8:55", "'5Mbit/s' is not a percentage"},
	{"a band of a rate for memory", MEM("settles: memory, tenant: red, after: 20s, to: 1GiB, band: 5Mbit/s, within: 1s"), "8:69", "is not a size"},

	/* Starving. */
	{"starves without for", NET("starves: net, tenant: red, " W ", below: 2%"), "8:10", "'for' is missing in 'starves'"},
	{"starves without below", NET("starves: net, tenant: red, " W ", for: 1s"), "8:10", "'below' is missing in 'starves'"},
	{"starves with longest", NET("starves: net, tenant: red, " W ", below: 2%, longest: 1s"), "8:78", "'longest' does not belong to 'starves'"},
	{"never starves with for", NET("never starves: net, tenant: red, " W ", below: 2%, for: 1s"), "8:80", "'for' does not belong to 'never starves'"},
	{"never starves without longest", NET("never starves: net, tenant: red, " W ", below: 2%"), "8:10", "'longest' is missing in 'never starves'"},
	{"below nothing", NET("starves: net, tenant: red, " W ", below: 0%, for: 1s"), "8:65", "out of range for a part of the capacity"},
	{"below a rate", NET("starves: net, tenant: red, " W ", below: 2Mbit/s, for: 1s"), "8:65", "'2Mbit/s' is not a percentage"},
	{"shorter than a sample", NET("starves: net, tenant: red, " W ", below: 2%, for: 100ms"), "8:10", "'for' is shorter than the interval of 0.2s between samples"},
	{"as long as the window", NET("starves: net, tenant: red, " W ", below: 2%, for: 16s"), "8:10", "'for' is more than a window of 16s can show: only whole intervals of 0.2s between samples count"},
	{"almost as long as the window", NET("never starves: net, tenant: red, " W ", below: 2%, longest: 15.7s"), "8:10", "'longest' is more than a window of 16s can show: only whole intervals of 0.2s between samples count"},
	{"longer than the window", NET("never starves: net, tenant: red, " W ", below: 2%, longest: 17s"), "8:10", "'longest' is longer than the window of 16s"},

	/* Conserving. */
	{"conserves the model", NET("conserves: net, " W ", is: model"), "8:51", "'is' does not belong to 'conserves'"},
	{"in pieces of nothing", NET("conserves: net, " W ", every: 0s"), "8:54", "out of range for every"},
	{"in pieces beyond the window", NET("conserves: net, " W ", every: 20s"), "8:10", "'every' is longer than the window of 16s"},

	/* Not changing. */
	{"unchanged without a control", NET("unchanged: net, tenant: red, after: up, " W), "8:10", "'control' is missing in 'unchanged', which would also pass if no limit could be set at all"},
	{"unchanged memory without a control", MEM("unchanged: memory, tenant: red, after: 20s, " W), "8:10", "'control' is missing"},
	{"unchanged before the event", NET("unchanged: net, tenant: red, after: up, window: [19s, 30s], control: c"), "8:10", "the window begins before the event at 20s"},
	{"unchanged after nothing", NET("unchanged: net, tenant: red, after: 21s, " W ", control: c"), "8:47", "there is no event at '21s' to be seen after"},
	{"unchanged after the end", NET("unchanged: net, tenant: red, after: 60s, " W ", control: c"), "8:47", "nothing can be seen after '60s', the end of the run"},
	{"unchanged after the beginning", NET("unchanged: net, tenant: red, after: 0s, " W ", control: c"), "8:10", "nothing happens before the event at 0s that it could be compared with"},
	{"before the beginning", NET("unchanged: net, tenant: red, after: up, before: 21s, " W ", control: c"), "8:10", "'before' reaches outside the run, which begins 20s before that event"},
	{"before of a level", NET("level: net, tenant: red, before: 2s, " W ", is: model"), "8:44", "'before' does not belong to 'level'"},
	{"unknown control", NET("unchanged: net, tenant: red, after: up, " W ", control: c"), "8:80", "there is no expectation 'c'; give one of them this name"},
	{"control of nearly this name", NET("unchanged: net, tenant: red, after: up, " W ", control: reacs}, {level: net, tenant: red, " W ", is: model, name: reacts"), "8:80", "there is no expectation 'reacs'; did you mean 'reacts'?"},
	{"its own control", NET("unchanged: net, tenant: red, after: up, " W ", name: me, control: me"), "8:90", "an expectation cannot be its own control"},
	{"an unchanged control", NET("unchanged: net, tenant: red, after: up, " W ", control: b}, {unchanged: net, tenant: blue, after: up, " W ", name: b, control: c}, {level: net, tenant: red, " W ", is: model, name: c"), "8:80", "'b' is of kind 'unchanged', which also passes where no limit acts"},
	{"a conserving control", NET("unchanged: net, tenant: red, after: up, " W ", control: b}, {conserves: net, " W ", name: b"), "8:80", "'b' is of kind 'conserves'"},
	{"empty control", NET("unchanged: net, tenant: red, after: up, " W ", control: \"\""), "8:80", "the value is missing"},
};
/* clang-format on */

static void bad_expectations_are_told_where_and_what(void **state)
{
	(void)state;
	check_bad(bad, ARRAY_SIZE(bad));
}

static const char net_text[] =
	LINK "expect:\n"
	     "- {share: net, tenant: red, " W ", is: model}\n"
	     "- {level: net, tenant: red, " W ", is: 270Mbit/s, within: 2Mbit/s}\n"
	     "- {level: net, measure: payload, tenant: blue, " W ", at least: 1Mbit/s, at most: 2Mbit/s}\n"
	     "- {ratio: net, tenants: [blue, red], " W ", is: 2.5, within: 0.5}\n"
	     "- {starves: net, tenant: blue, " W ", below: 2%, for: 200ms}\n"
	     "- {never starves: net, tenant: blue, " W ", below: 0.5%, longest: 15s}\n"
	     "- {conserves: net, " W ", every: 5s}\n"
	     "- {unchanged: net, tenant: red, after: up, " W ", control: c}\n"
	     "- {unchanged: net, tenant: red, after: 20s, " W
	     ", before: 2s, within: 1Mbit/s, control: c, name: n}\n"
	     "- {settles: net, tenant: red, after: up, within: 1s, band: 3%}\n"
	     "- {level: net, tenant: blue, " W ", is: model, name: c}\n"
	     "- {level: net, tenant: red, window: [6s, 19s], is: 200Mbit/s}\n"
	     "- {level: net, tenant: red, window: [5s, 19s], is: model}\n"
	     "- {settles: net, tenant: red, after: 5s, within: 1s}\n"
	     "- {unchanged: net, tenant: red, after: 5s, window: [6s, 19s], control: c}\n"
	     "- {level: net, tenant: blue, window: [6s, 19s], is: 100Mbit/s}\n";

#define S UINT64_C(1000000000)

static void every_kind_is_read(void **state)
{
	struct scenario *s = read_good(net_text);
	const struct expect_spec *e = s->expects;

	(void)state;
	assert_int_equal(s->expect_count, 16);
	assert_string_equal(e[0].name, "share net red 22s-38s");
	assert_true(e[0].is_model && e[0].within == 0.02 && !e[0].within_absolute &&
		    e[0].measure == MEASURE_NET_CLASS);
	assert_true(isnan(e[0].at_least) && isnan(e[0].at_most) && e[0].control == -1);
	assert_true(!e[1].is_model && e[1].value == 270e6 && e[1].within == 2e6 && e[1].within_absolute);
	assert_string_equal(e[2].name, "level net payload blue 22s-38s");
	assert_true(isnan(e[2].value) && e[2].at_least == 1e6 && e[2].at_most == 2e6);
	assert_true(e[2].measure == MEASURE_NET_PAYLOAD && e[2].tenant == 1);
	assert_string_equal(e[3].name, "ratio net blue over red 22s-38s");
	assert_true(e[3].tenant == 1 && e[3].other == 0 && e[3].value == 2.5 && e[3].within == 0.5 &&
		    e[3].within_absolute);
	assert_string_equal(e[4].name, "starves net blue 22s-38s");
	assert_true(e[4].below == 0.02 && e[4].longest_ns == 200000000);
	assert_string_equal(e[5].name, "never starves net blue 22s-38s");
	assert_true(e[5].below == 0.005 && e[5].longest_ns == 15 * S);
	assert_string_equal(e[6].name, "conserves net 22s-38s");
	assert_true(e[6].every_ns == 5 * S && e[6].within == 0.03 && !e[6].within_absolute);
	assert_string_equal(e[7].name, "unchanged net red after 20s");
	/* From the event before, but no more than 10 s. */
	assert_true(e[7].after_ns == 20 * S && e[7].before_ns == 10 * S && e[7].within == 0.03 &&
		    e[7].control == 10);
	assert_true(e[7].from_ns == 22 * S && e[7].to_ns == 38 * S);
	assert_true(
		e[8].before_ns == 18 * S && e[8].within == 1e6 && e[8].within_absolute && e[8].control == 10);
	assert_true(e[9].is_model && e[9].within == 0.03 && e[9].within_ns == S && e[9].to_ns == 40 * S);
	assert_true(e[10].is_model && e[10].within == 0.05 && !e[10].within_absolute);
	assert_true(e[14].before_ns == 0);
	/* A hard limit alone needs nothing, unless the model says what it leads to; whom it does not concern needs contention. */
	for (size_t i = 0; i < s->expect_count; i++) {
		bool nothing = i == 11 || i == 13 || i == 14;
		assert_int_equal(e[i].need, nothing ? NEED_NOTHING : NEED_CONTENTION);
		assert_int_equal(e[i].mark.line, i + 9);
		assert_int_equal(e[i].resource, RESOURCE_NET);
	}
	scenario_free(s);
}

static const char memory_text[] = MEMORY
	"expect:\n"
	"- {level: memory, tenant: red, window: [2s, 20s], at most: 1GiB}\n"
	"- {level: memory, tenant: red, window: [20s, 40s], is: 300MiB, within: 10%}\n"
	"- {level: memory, measure: anon, tenant: red, window: [15s, 25s], is: 300MiB, within: 10MiB}\n"
	"- {level: memory, measure: swap, tenant: red, window: [40s, 60s], at most: 0B}\n"
	"- {settles: memory, tenant: red, after: 20s, to: 300MiB, band: 20MiB, within: 5s}\n"
	"- {settles: memory, tenant: red, after: 40s, to: 300MiB, within: 5s}\n"
	"- {unchanged: memory, tenant: red, after: 10s, window: [11s, 20s]}\n"
	"- {unchanged: memory, tenant: red, after: 20s, window: [21s, 40s], within: 5MiB, control: level memory red 20s-40s}\n"
	"- {ratio: memory, tenants: [red, blue], window: [2s, 60s], at least: 1.5}\n";

static void expectations_of_memory_are_read(void **state)
{
	static const enum need needs[] = {NEED_PLENTY, NEED_CONTENTION, NEED_NOTHING, NEED_PLENTY,
		NEED_CONTENTION, NEED_PLENTY, NEED_PLENTY, NEED_CONTENTION, NEED_NOTHING};
	struct scenario *s = read_good(memory_text);
	const struct expect_spec *e = s->expects;

	(void)state;
	assert_int_equal(s->expect_count, ARRAY_SIZE(needs));
	for (size_t i = 0; i < ARRAY_SIZE(needs); i++)
		assert_int_equal(e[i].need, needs[i]);
	assert_true(e[0].measure == MEASURE_MEM_USAGE && e[0].at_most == 1 << 30);
	assert_true(e[1].value == 300 << 20 && e[1].within == 0.1 && !e[1].within_absolute);
	assert_true(e[2].measure == MEASURE_MEM_ANON && e[2].within == 10 << 20 && e[2].within_absolute);
	assert_true(e[3].measure == MEASURE_MEM_SWAP && e[3].at_most == 0);
	assert_true(
		!e[4].is_model && e[4].value == 300 << 20 && e[4].within == 20 << 20 && e[4].within_absolute);
	/* 5 % of where it settles. */
	assert_true(e[5].within_absolute && e[5].within == 15 << 20);
	assert_true(e[6].control == -1 && e[6].before_ns == 0);
	assert_true(e[7].control == 1 && e[7].before_ns == 10 * S && e[7].within == 5 << 20);
	scenario_free(s);
}

/* Since the last change that concerns the tenant: a hard limit acts always, a soft one or scarcity has to be proven. */
static void needs_follow_the_last_change(void **state)
{
	static const char text[] = HEAD(
		"memory: {free: 1GiB}") "timeline: [{at: 0, start: all}, {at: 60s, stop: all}, {at: 10s, set: {tenant: red, memory.hard: 1GiB}},\n"
					"  {at: 20s, scarce: memory}, {at: 30s, set: {tenant: all, memory.hard: 256MiB}},\n"
					"  {at: 40s, set: {tenant: blue, memory.hard: 512MiB, memory.soft: 128MiB}}]\n"
					"expect:\n"
					"- {level: memory, tenant: red, window: [2s, 10s], at most: 2GiB}\n"
					"- {level: memory, tenant: red, window: [10s, 20s], at most: 1GiB}\n"
					"- {level: memory, tenant: red, window: [20s, 30s], at most: 1GiB}\n"
					"- {level: memory, tenant: red, window: [31s, 60s], at most: 257MiB}\n"
					"- {level: memory, tenant: blue, window: [31s, 40s], at most: 257MiB}\n"
					"- {level: memory, tenant: blue, window: [41s, 60s], at most: 513MiB}\n"
					"- {settles: memory, tenant: red, after: 30s, to: 256MiB, within: 1s}\n"
					"- {settles: memory, tenant: blue, after: 40s, to: 512MiB, within: 1s}\n"
					"- {level: memory, tenant: blue, window: [42s, 60s], at most: 513MiB, needs: nothing}\n";
	static const enum need needs[] = {NEED_PLENTY, NEED_NOTHING, NEED_CONTENTION, NEED_NOTHING,
		NEED_NOTHING, NEED_CONTENTION, NEED_NOTHING, NEED_CONTENTION, NEED_NOTHING};
	struct scenario *s = read_good(text);

	(void)state;
	assert_int_equal(s->expect_count, ARRAY_SIZE(needs));
	for (size_t i = 0; i < ARRAY_SIZE(needs); i++)
		assert_int_equal(s->expects[i].need, needs[i]);
	scenario_free(s);
}

static void expectations_of_disks_are_read(void **state)
{
	struct scenario *s =
		read_good(BLK("share: disk, measure: iops, tenant: red, " W ", is: model}, "
			      "{ratio: disk, measure: iops, tenants: [red, blue], " W ", is: model}, "
			      "{level: disk, measure: iops, tenant: red, " W ", is: 200, within: 10}, "
			      "{level: disk, measure: p99, tenant: red, " W ", at most: 20ms}, "
			      "{level: disk, tenant: red, " W ", is: 12.5MiB/s, within: 512KiB/s"));
	const struct expect_spec *e = s->expects;

	(void)state;
	assert_true(e[0].is_model && e[0].measure == MEASURE_DISK_IOPS);
	assert_true(e[1].is_model && e[1].measure == MEASURE_DISK_IOPS && e[1].within == 0.1);
	assert_true(e[2].value == 200 && e[2].within == 10 && e[2].within_absolute);
	/* Seconds, whatever the user wrote. */
	assert_true(fabs(e[3].at_most - 0.02) < 1e-12);
	assert_true(e[4].value == 12.5 * (1 << 20) && e[4].within == 512 * 1024 &&
		    e[4].measure == MEASURE_DISK_BANDWIDTH);
	scenario_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bad_expectations_are_told_where_and_what),
		cmocka_unit_test(every_kind_is_read),
		cmocka_unit_test(expectations_of_memory_are_read),
		cmocka_unit_test(needs_follow_the_last_change),
		cmocka_unit_test(expectations_of_disks_are_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
