/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Scenario files: what bad ones are told, with line and column, and what good ones become. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/clock.h"
#include "scenario/text.h"
#include "scenario_cases.h"

/* Lines 1-3, 4-6, 7-10; the next part begins with line 11. */
#define HEAD    "name: x\ntitle: t\nscarce: {cpu: {cpus: [0]}}\n"
#define SHARES  "limits: {cpu.shares: 1024}"
#define TENANTS "tenants:\n- {name: blue, workload: w, " SHARES "}\n- {name: red, workload: w, " SHARES "}\n"
#define TIMELINE                                                                                             \
	"timeline:\n- {at: 0s, start: all}\n- {at: 10s, set: {tenant: red, cpu.shares: 4096}}\n- {at: 20s, stop: all}\n"
/* One line each: part of line 4, 7 or 11. */
#define TENANT(more)                                                                                         \
	HEAD "tenants: [{name: red, workload: w" more                                                        \
	     "}]\ntimeline: [{at: 0, start: red}, {at: 9s, stop: red}]\n"
#define EVENTS(more)  HEAD TENANTS "timeline: [" more "]\n"
#define EXPECT(more)  HEAD TENANTS TIMELINE "expect: [{" more "}]\n"
#define IN_TIME(more) HEAD TENANTS "timeline:\n- {at: 0s, start: all}\n- " more "\n- {at: 20s, stop: all}\n"

/* One row per line, however long. */
/* clang-format off */
static const struct bad_case bad[] = {
	/* The file. */
	{"empty", "", "1:1", "there is nothing in this file; a scenario begins with"},
	{"only a comment", "# x\n\n", "1:1", "there is nothing in this file"},
	{"only null", "---\n", "2:1", "must be a mapping of keys, not a plain value"},
	{"a list", "- x\n", "1:1", "a scenario must be a mapping of keys, not a list"},
	{"a word", "hello", "1:1", "a scenario must be a mapping of keys, not a plain value"},
	{"invalid UTF-8", "name: x\ntitle: a\xff", "2:9", "byte 0xff is no UTF-8"},
	{"overlong UTF-8", "name: \xc0\xaf", "1:7", "byte 0xc0 is no UTF-8"},
	{"cut off UTF-8", "name: \xe2\x82", "1:7", "byte 0xe2 is no UTF-8"},
	{"control character", "name: x\x01", "1:8", "U+0001"},
	{"terminal escape", "na\x1bme: x", "1:3", "U+001B"},
	{"escape in quotes", "\"a\\e[31m\": x", "1:1", "unknown key 'a?[31m'"},
	{"NUL in quotes", "name: \"x\\0y\"", "1:7", "NUL character"},
	{"unclosed bracket", "name: [x\n", "2:1", "this is not YAML"},
	{"tab as indentation", "name:\n\tx: y\n", "2:1", "this is not YAML"},
	{"two documents", "name: x\n---\nname: y\n", "2:1", "a second document starts here; a scenario file holds one"},
	{"unknown alias", "name: *x\n", "1:7", "undefined alias"},
	{"deep lists", "name: [[[[[[[[[[[[[[[[[[x]]]]]]]]]]]]]]]]]]", "1:22", "nested more than 16 levels deep"},
	{"deep blocks", "- - - - - - - - - - - - - - - - - - x", "1:33", "nested more than 16 levels deep"},
	{"recursive root", "&a\nname: x\ntitle: t\ntenants: *a\ntimeline: *a\n", "1:1", "tenants must be a list"},
	{"recursive list", "name: x\ntitle: t\ntenants: &a [*a]\ntimeline: []\n", "3:10", "a tenant must be a mapping"},
	{"recursive tenant", "name: x\ntitle: t\ntenants: [&a {name: *a}]\ntimeline: []\n", "3:11", "a tenant's name is expected"},
	{"mapping as key", "{a: b}: c\n", "1:1", "the name of a key is expected"},

	/* The root. */
	{"unknown key", HEAD "tenents: []\n", "4:1", "unknown key 'tenents' in a scenario; did you mean 'tenants'?"},
	{"swapped letters", "nmae: x\n", "1:1", "did you mean 'name'?"},
	{"quite unknown key", "colour: x\n", "1:1", "unknown key 'colour' in a scenario; it takes name, title, about"},
	{"merge key", HEAD "<<: {a: b}\n", "4:1", "unknown key '<<'"},
	{"key given twice", "name: x\ntitle: t\nname: y\n", "3:1", "'name' is given twice in a scenario"},
	{"no name", "title: t\n", "1:1", "'name' is missing in a scenario; write it as in name: cpu-shares"},
	{"no title", "name: x\n", "1:1", "'title' is missing"},
	{"empty name", "name:\ntitle: t\n", "1:6", "the value is missing; the name of a scenario is expected here"},
	{"path as name", "name: ../x\ntitle: t\n", "1:7", "'../x' is not the name of a scenario; use at most 64 of a-z"},
	{"list as title", "name: x\ntitle: [t]\n", "2:8", "this is a list; a title is expected here"},
	{"two lines of title", "name: x\ntitle: \"a\\nb\"\n", "2:8", "a line end or control character in a title"},
	{"path as figure", "name: x\ntitle: t\nfigure: a/b\n", "3:9", "is not the name of a figure"},
	{"sample without unit", "name: x\ntitle: t\nsample: 200\n", "3:9", "the unit is missing; write it as in \"20s\""},
	{"sample too fast", "name: x\ntitle: t\nsample: 1ms\n", "3:9", "'1ms' is out of range for the sampling interval; it goes from 10ms to 10s"},
	{"unknown cgroup mode", "name: x\ntitle: t\nwhen: {cgroup: v3}\n", "3:16", "'v3' is not a cgroup version; it is one of v1, v2"},
	{"when without mode", "name: x\ntitle: t\nwhen: {}\n", "3:7", "when says nothing; name a cgroup version"},
	{"no range of kernels", "name: x\ntitle: t\nwhen: {kernel: new}\n", "3:16", "'new' is no range of kernels; write it as in kernel: \">= 6.1, < 6.12\""},
	{"half a range", "name: x\ntitle: t\nwhen: {kernel: '>= 6.1,'}\n", "3:16", "'' is no range of kernels"},
	{"wrong operator", "name: x\ntitle: t\nwhen: {kernel: '~ 6.1'}\n", "3:16", "'~ 6.1' is no range"},
	{"a whole release", "name: x\ntitle: t\nwhen: {kernel: 6.1.0-49-amd64}\n", "3:16", "'6.1.0-49-amd64' is no range"},
	{"huge version", "name: x\ntitle: t\nwhen: {kernel: '99999999999999999999'}\n", "3:16", "is no range"},
	{"empty range", "name: x\ntitle: t\nwhen: {kernel: '>= 6.12, < 6.1'}\n", "3:16", "no kernel is in the range '>= 6.12, < 6.1'; write"},
	{"unknown resource", "name: x\ntitle: t\nscarce: {cpus: {cpus: [0]}}\n", "3:10", "did you mean 'cpu'?"},
	{"no CPU", "name: x\ntitle: t\nscarce: {cpu: {cpus: []}}\n", "3:22", "this list of CPUs is empty; write it as in cpus: [0]"},
	{"word as CPU", "name: x\ntitle: t\nscarce: {cpu: {cpus: [a]}}\n", "3:23", "'a' is no CPU; they have numbers from 0 to 1023"},
	{"CPU too large", "name: x\ntitle: t\nscarce: {cpu: {cpus: [0, 1024]}}\n", "3:26", "'1024' is no CPU"},
	{"emulators of another weight", "name: x\ntitle: t\nscarce: {cpu: {cpus: [0], emulators: heavy}}\n", "3:38", "light"},
	{"negative CPU", "name: x\ntitle: t\nscarce: {cpu: {cpus: [-1]}}\n", "3:23", "'-1' is no CPU"},
	{"no tenants", "name: x\ntitle: t\ntimeline: []\n", "1:1", "'tenants' is missing"},

	/* Tenants. */
	{"tenants as mapping", HEAD "tenants: {red: x}\n", "4:10", "tenants must be a list, not a mapping of keys"},
	{"empty tenants", HEAD "tenants: []\ntimeline: []\n", "4:10", "there is no tenant"},
	{"tenant without name", HEAD "tenants: [{vcpus: 1}]\ntimeline: []\n", "4:11", "'name' is missing in a tenant"},
	{"duplicate tenant", HEAD "tenants:\n- {name: a}\n- {name: a}\ntimeline: []\n", "6:10", "a second tenant named 'a', the first is in line 5"},
	{"tenant named host", HEAD "tenants: [{name: host}]\ntimeline: []\n", "4:18", "'host' has a meaning of its own"},
	{"tenant named all", HEAD "tenants: [{name: all}]\ntimeline: []\n", "4:18", "'all' has a meaning of its own"},
	{"tenant with slash", HEAD "tenants: [{name: a/b}]\ntimeline: []\n", "4:18", "'a/b' is no name for a tenant"},
	{"tenant with dot", HEAD "tenants: [{name: .a}]\ntimeline: []\n", "4:18", "'.a' is no name for a tenant"},
	{"long tenant", HEAD "tenants: [{name: a23456789012345678901234567890123}]\ntimeline: []\n", "4:18", "33 bytes; 32 are the most"},
	{"unknown key of a tenant", TENANT(", vcpu: 1"), "4:36", "unknown key 'vcpu' in a tenant; did you mean 'vcpus'?"},
	{"no vcpus", TENANT(", vcpus: 0"), "4:43", "'0' is out of range for vcpus; it goes from 1 to 64"},
	{"half a vcpu", TENANT(", vcpus: 0.5"), "4:43", "'0.5' is not a whole number"},
	{"list of vcpus", TENANT(", vcpus: [1]"), "4:43", "this is a list; vcpus is expected here"},
	{"memory without unit", TENANT(", memory: 192"), "4:44", "the unit is missing; write it as in \"192MiB\""},
	{"memory in seconds", TENANT(", memory: 192s"), "4:44", "unknown unit"},
	{"too little memory", TENANT(", memory: 1MiB"), "4:44", "it goes from 64MiB to 64GiB"},
	{"demand too high", TENANT(", demand: 150%"), "4:44", "a demand of 1.5 CPUs does not fit 1 vcpus"},
	{"no demand", TENANT(", demand: 0"), "4:44", "must be above 0"},
	{"word as demand", TENANT(", demand: much"), "4:44", "'much' is no demand; write the number of CPUs"},
	{"demand of an idle tenant", HEAD "tenants: [{name: a, demand: 1}]\ntimeline: []\n", "4:29", "a demand without a workload"},
	{"unknown limit", TENANT(", limits: {cpu.share: 4}"), "4:45", "unknown key 'cpu.share' in limits; did you mean 'cpu.shares'?"},
	{"limit of a link", TENANT(", limits: {net.rate: 4Mbit/s}"), "4:55", "net.rate needs a shared link, and this scenario has none; declare it as in scarce: {link: {rate: 300Mbit/s}}"},
	{"limit twice", TENANT(", limits: {cpu.shares: 4, cpu.shares: 5}"), "4:60", "'cpu.shares' is given twice in limits"},
	{"limit out of range", TENANT(", limits: {cpu.shares: 1}"), "4:57", "cpu.shares '1' is out of range; it takes 2 to 262144"},
	{"limit without unit", TENANT(", limits: {cpu.quota: 50}"), "4:56", "bad value for cpu.quota: '50' is not a time: the unit is missing"},
	{"weight beyond v2", TENANT(", limits: {cpu.shares: 10001}"), "4:57", "does not fit cgroup v2, where it becomes a weight of at most 10000"},
	{"some without shares", HEAD "tenants:\n- {name: a, workload: w, " SHARES "}\n- {name: b, workload: w}\n" "timeline: [{at: 0, start: all}, {at: 9s, stop: all}]\n", "6:3", "tenant 'b' has no cpu.shares to begin with"},

	/* The timeline. */
	{"empty timeline", EVENTS(""), "7:11", "nothing is ever started; add an event, as in {at: 0s, start: all}"},
	{"timeline as word", HEAD TENANTS "timeline: x\n", "7:11", "timeline must be a list"},
	{"event without time", EVENTS("{start: all}"), "7:12", "'at' is missing in an event"},
	{"event that does nothing", EVENTS("{at: 0s}"), "7:12", "this event does nothing; add one of start, stop, set, reset, scarce, plenty"},
	{"event that does two things", EVENTS("{at: 0s, start: all, stop: all}"), "7:39", "'start' and 'stop' in one event"},
	{"time without unit", EVENTS("{at: 20, start: all}"), "7:17", "the unit is missing"},
	{"negative time", EVENTS("{at: -1s, start: all}"), "7:17", "'-1s' is not a time"},
	{"time beyond a day", EVENTS("{at: 25h, start: all}"), "7:17", "it goes from 0s to 24h"},
	{"unknown tenant", EVENTS("{at: 0s, start: rad}"), "7:28", "there is no tenant 'rad'; did you mean 'red'?"},
	{"quite unknown tenant", EVENTS("{at: 0s, start: [red, white]}"), "7:34", "there is no tenant 'white'; the tenants are blue, red"},
	{"tenant twice in a list", EVENTS("{at: 0s, start: [red, red]}"), "7:34", "tenant 'red' stands twice in this list"},
	{"empty list of tenants", EVENTS("{at: 0s, start: []}"), "7:28", "this list of tenants is empty"},
	{"start of a running tenant", IN_TIME("{at: 5s, start: red}"), "9:3", "tenant 'red' runs already at 5s"},
	{"stop of a stopped tenant", EVENTS("{at: 0s, start: blue}, {at: 1s, stop: red}"), "7:35", "tenant 'red' does not run at 1s"},
	{"stop at the start", EVENTS("{at: 0s, start: all}, {at: 0s, stop: all}"), "7:34", "tenant 'blue' starts and stops at 0s"},
	{"never stopped", EVENTS("{at: 0s, start: all}, {at: 9s, stop: red}"), "7:11", "tenant 'blue' is never stopped"},
	{"never started", EVENTS("{at: 0s, start: red}, {at: 9s, stop: red}"), "5:3", "tenant 'blue' has a workload that no event starts"},
	{"after the end", EVENTS("{at: 0, start: all}, {at: 9s, stop: all}, {at: 10s, reset: {tenant: red, limit: all}}"), "7:54", "an event at 10s, after the end: everything has stopped at 9s"},
	{"start of an idle tenant", HEAD "tenants: [{name: a}, {name: b, workload: w}]\ntimeline: [{at: 0s, start: a}]\n", "5:12", "tenant 'a' has no workload to start"},
	{"set without tenant", IN_TIME("{at: 5s, set: {cpu.shares: 4}}"), "9:17", "'tenant' is missing in set"},
	{"set without limit", IN_TIME("{at: 5s, set: {tenant: red}}"), "9:17", "set names no limit"},
	{"set of an unknown limit", IN_TIME("{at: 5s, set: {tenant: red, cpu.qouta: 5ms}}"), "9:31", "unknown key 'cpu.qouta' in set; did you mean 'cpu.quota'?"},
	{"set out of range", IN_TIME("{at: 5s, set: {tenant: red, cpu.period: 2s}}"), "9:43", "cpu.period '2s' is out of range; it takes 1ms to 1s"},
	{"set of a word", IN_TIME("{at: 5s, set: red}"), "9:17", "set must be a mapping of keys"},
	{"reset of an unknown limit", IN_TIME("{at: 5s, reset: {tenant: red, limit: cpu}}"), "9:40", "'cpu' is not a limit; it is one of cpu.shares, cpu.quota, cpu.period, net.priority, "},
	{"reset of a limit of a link", IN_TIME("{at: 5s, reset: {tenant: red, limit: net.rate}}"), "9:40", "net.rate needs a shared link"},
	{"twice at once", IN_TIME("{at: 5s, set: {tenant: red, cpu.shares: 4}}\n- {at: 5s, reset: {tenant: all, limit: all}}"), "10:3", "cpu.shares of tenant 'red' is changed twice at 5s"},
	{"two events of one name", IN_TIME("{at: 5s, set: {tenant: red, cpu.shares: 4}, name: x}\n- {at: 6s, reset: {tenant: all, limit: all}, name: x}"), "10:52", "a second event named 'x', the first is in line 9"},

	/* Expectations. */
	{"no kind", EXPECT("tenant: red"), "11:10", "this expectation has no kind; add share, settles, level, ratio"},
	{"two kinds", EXPECT("share: cpu, settles: cpu, tenant: red"), "11:32", "'share' and 'settles' in one expectation"},
	{"share of disk", EXPECT("share: disk, tenant: red"), "11:18", "the capacity that 'share: disk' refers to is not declared; add scarce: {disk: {size: 1GiB, rate: 50MiB/s}}"},
	{"no tenant", EXPECT("share: cpu, window: [1s, 2s], is: model"), "11:10", "'tenant' is missing in 'share'"},
	{"unknown tenant of a share", EXPECT("share: cpu, tenant: blu"), "11:31", "did you mean 'blue'?"},
	{"no window", EXPECT("share: cpu, tenant: red, is: model"), "11:10", "'window' is missing in 'share'"},
	{"no value", EXPECT("share: cpu, tenant: red, window: [1s, 2s]"), "11:10", "'is' is missing in 'share'"},
	{"inverted window", EXPECT("share: cpu, tenant: red, window: [9s, 2s], is: model"), "11:44", "this window ends before it begins; turn it round: [2s, 9s]"},
	{"empty window", EXPECT("share: cpu, tenant: red, window: [2s, 2s], is: model"), "11:44", "this window is empty"},
	{"window outside", EXPECT("share: cpu, tenant: red, window: [2s, 20.1s], is: model"), "11:44", "reaches outside the run, which is over at 20s"},
	{"window of three", EXPECT("share: cpu, tenant: red, window: [1s, 2s, 3s], is: model"), "11:44", "a window has two times, not 3"},
	{"window without unit", EXPECT("share: cpu, tenant: red, window: [1, 2s], is: model"), "11:45", "the unit is missing"},
	{"share above one", EXPECT("share: cpu, tenant: red, window: [1s, 2s], is: 101%"), "11:58", "it goes from 0% to 100%"},
	{"share of a word", EXPECT("share: cpu, tenant: red, window: [1s, 2s], is: modell"), "11:58", "'modell' is no share; write is: model, or a percentage"},
	{"share without unit", EXPECT("share: cpu, tenant: red, window: [1s, 2s], is: 0.5"), "11:58", "'0.5' is not a percentage"},
	{"no tolerance", EXPECT("share: cpu, tenant: red, window: [1s, 2s], is: model, within: 0%"), "11:73", "out of range for a tolerance"},
	{"tolerance in seconds", EXPECT("share: cpu, tenant: red, window: [1s, 2s], is: model, within: 1s"), "11:73", "is not a percentage"},
	{"band of a share", EXPECT("share: cpu, tenant: red, window: [1s, 2s], is: model, band: 1%"), "11:71", "'band' does not belong to 'share'"},
	{"window of settles", EXPECT("settles: cpu, tenant: red, window: [1s, 2s]"), "11:46", "'window' does not belong to 'settles'"},
	{"settles without event", EXPECT("settles: cpu, tenant: red, within: 1s"), "11:10", "'after' is missing in 'settles'"},
	{"settles without time", EXPECT("settles: cpu, tenant: red, after: 10s"), "11:10", "'within' is missing in 'settles'"},
	{"settles after no event", EXPECT("settles: cpu, tenant: red, after: 11s, within: 1s"), "11:45", "there is no event at '11s' to settle after"},
	{"settles after the end", EXPECT("settles: cpu, tenant: red, after: 20s, within: 1s"), "11:45", "nothing can settle after '20s'"},
	{"settles too slowly", EXPECT("settles: cpu, tenant: red, after: 10s, within: 10s"), "11:10", "the next change comes at 20s"},
	{"settles within percent", EXPECT("settles: cpu, tenant: red, after: 10s, within: 2%"), "11:58", "'2%' is not a time"},
	{"unknown need", EXPECT("share: cpu, tenant: red, window: [1s, 2s], is: model, needs: luck"), "11:72", "it is one of contention, plenty, nothing"},
	{"same name", EXPECT("share: cpu, tenant: red, window: [1s, 2s], is: 5%}, {share: cpu, tenant: red, window: [1s, 2s], is: model"), "11:63", "a second expectation named 'share cpu red 1s-2s', the first is in line 11"},
	{"share of nothing scarce", "name: x\ntitle: t\n" TENANTS TIMELINE "expect: [{share: cpu, tenant: red}]\n", "10:18", "add scarce: {cpu: {cpus: [0]}}"},
	{"tenant elsewhere", HEAD "tenants: [{name: red, workload: w, cpus: [0, 1]}]\ntimeline: [{at: 0, start: red}, {at: 9s, stop: red}]\n"
		"expect: [{share: cpu, tenant: red, window: [1s, 2s], is: 5%}]\n", "6:31", "tenant 'red' may run on CPUs that are not scarce"},
};
/* clang-format on */

static void bad_files_are_told_where_and_what(void **state)
{
	(void)state;
	check_bad(bad, ARRAY_SIZE(bad));
}

static void nul_bytes_are_told(void **state)
{
	static const char text[] = "name: x\ntitle: \0\n";
	struct err err = ERR_INIT;
	struct scenario *scenario = NULL;

	(void)state;
	assert_int_equal(scenario_parse("t.yaml", text, sizeof(text) - 1, &options, &scenario, &err), -1);
	assert_non_null(strstr(err.text, "t.yaml:2:8: character U+0000"));
}

/* Shapes that make libyaml slow or large: each must end within a second. */
static void hostile_files_end_soon(void **state)
{
	static const struct {
		const char *name, *begin, *repeat, *what;
	} cases[] = {
		{"brackets", "", "[", "nested more than"},
		{"braces", "", "{a: ", "nested more than"},
		{"blocks", "", "- ", "nested more than"},
		{"mappings as keys", "", "? ", "nested more than"},
		{"anchors", "- x\n", "- &a x\n", ""},
		{"aliases", "tenants: &a [x]\nname: [", "*a,", ""},
		{"keys", "", "name: x\n", "given twice"},
		{"values", "- ", "\n- ", ""},
		{"one word", "", "xxxxxxxx", ""},
		{"spaces", "", " ", "nothing in this file"},
		{"newlines", "", "\n", "nothing in this file"},
		{"documents", "", "---\n", "second document"},
		{"quotes", "", "\"", ""},
		{"tags", "", "!", ""},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(buf) struct buf text = BUF_INIT;
		struct err err = ERR_INIT;
		struct scenario *scenario = NULL;
		buf_adds(&text, cases[i].begin);
		while (text.length + strlen(cases[i].repeat) <= SCENARIO_MAX_BYTES)
			buf_adds(&text, cases[i].repeat);
		uint64_t begin_ns = clock_now_ns();
		assert_int_equal(
			scenario_parse("t.yaml", text.data, text.length, &options, &scenario, &err), -1);
		double took_s = (double)(clock_now_ns() - begin_ns) / 1e9;
		if (strncmp(err.text, "t.yaml:", 7) != 0 || !strstr(err.text, cases[i].what) || took_s > 1)
			fail_msg("%s: '%s' after %.3f s", cases[i].name, err.text, took_s);
	}
}

/* Distinct anchors are compared with each other by libyaml. */
static void many_anchors_end_soon(void **state)
{
	AUTO(buf) struct buf text = BUF_INIT;
	struct err err = ERR_INIT;
	struct scenario *scenario = NULL;

	(void)state;
	for (unsigned i = 0; text.length < SCENARIO_MAX_BYTES - 16; i++)
		buf_addf(&text, "- &%x x\n", i);
	uint64_t begin_ns = clock_now_ns();
	assert_int_equal(scenario_parse("t.yaml", text.data, text.length, &options, &scenario, &err), -1);
	assert_true(clock_now_ns() - begin_ns < UINT64_C(3000000000));
}

static const char good_text[] =
	"timeline: [{at: 4s, stop: all}, {at: 1s, start: [red]}, {at: 1s, start: blue, name: go},\n"
	"  {at: 2s, set: {tenant: all, cpu.shares: 10, cpu.quota: max}}]\n"
	"expect: [{settles: cpu, tenant: red, after: go, within: 0.5s},\n"
	"  {share: cpu, tenant: blue, window: [1s, 4s], is: 0.5%, needs: plenty, within: 12.5%, name: n}]\n"
	"tenants: [{workload: w, name: red, limits: &l {cpu.shares: 1024}},\n"
	"  {name: blue, workload: w, vcpus: 2, demand: 1.5, limits: *l}, {name: idle, limits: *l}]\n"
	"scarce: {cpu: {cpus: [0-1, 3]}}\nname: x\ntitle: \"t: 1\"\n";

static void a_good_file_is_read(void **state)
{
	struct scenario *s = read_good(good_text);

	(void)state;
	assert_string_equal(s->name, "x");
	assert_string_equal(s->title, "t: 1");
	assert_null(s->about);
	assert_string_equal(s->source, good_text);
	assert_int_equal(s->sample_ns, 200000000);
	assert_true(s->has_scarce_cpu && CPU_COUNT(&s->scarce_cpus) == 3 && CPU_ISSET(3, &s->scarce_cpus));
	assert_int_equal(s->tenant_count, 3);
	assert_int_equal(scenario_tenant(s, "blue"), 1);
	assert_int_equal(scenario_tenant(s, "green"), -1);
	assert_true(CPU_EQUAL(&s->tenants[0].cpus, &s->scarce_cpus));
	assert_int_equal(s->tenants[0].memory_bytes, 192 << 20);
	assert_true(s->tenants[0].demand == 1 && s->tenants[1].demand == 1.5 && s->tenants[2].demand == 0);
	assert_true(s->tenants[1].limit_count == 1 && s->tenants[1].limits[0].value == 1024);
	assert_null(s->tenants[2].workload);
	assert_null(s->tenants[2].workload_path);
	assert_string_equal(s->tenants[1].workload_path, "w");
	/* Sorted by time; "all" narrowed to those whom it can concern. */
	static const uint32_t masks[] = {1, 2, 7, 3};
	static const char *const labels[] = {
		"start red", "go", "all cpu.shares 10, cpu.quota max", "stop all"};
	assert_int_equal(s->event_count, 4);
	for (size_t i = 0; i < 4; i++) {
		AUTO(free_ptr) char *label = scenario_event_label(s, &s->events[i]);
		assert_string_equal(label, labels[i]);
		assert_int_equal(s->events[i].tenants, masks[i]);
	}
	assert_int_equal(s->events[2].settings[1].value, LIMIT_UNLIMITED);
	assert_int_equal(s->duration_ns, 4000000000);
	assert_int_equal(s->expect_count, 2);
	const struct expect_spec *settles = &s->expects[0], *share = &s->expects[1];
	assert_string_equal(settles->name, "settles cpu red after 1s");
	assert_true(settles->is_model && settles->within == 0.05 && settles->need == NEED_CONTENTION);
	assert_int_equal(settles->after_ns, 1000000000);
	assert_int_equal(settles->from_ns, 1000000000);
	assert_int_equal(settles->to_ns, 2000000000);
	assert_int_equal(settles->within_ns, 500000000);
	assert_string_equal(share->name, "n");
	assert_true(!share->is_model && share->value == 0.005 && share->within == 0.125 &&
		    share->need == NEED_PLENTY);
	assert_int_equal(share->mark.line, 4);
	assert_int_equal(share->mark.column, 3);
	scenario_free(s);
	scenario_free(NULL);
}

/* A settling time after a change of hard limits alone needs no contention. */
static void hard_limits_need_nothing(void **state)
{
	static const char hard[] = IN_TIME(
		"{at: 10s, set: {tenant: red, cpu.quota: 9ms}}") "expect: [{settles: cpu, tenant: red, after: 10s, within: 1s}]\n";
	struct scenario *s = read_good(hard);

	(void)state;
	assert_int_equal(s->expects[0].need, NEED_NOTHING);
	scenario_free(s);
}

static void distances_count_swaps_as_one(void **state)
{
	static const struct {
		const char *a, *b;
		unsigned distance;
	} cases[] = {{"", "", 0}, {"a", "", 1}, {"", "ab", 2}, {"name", "nmae", 1}, {"share", "shares", 1},
		{"kitten", "sitting", 3}, {"cpu.qouta", "cpu.quota", 1}, {"abc", "abc", 0}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		unsigned distance = text_distance(cases[i].a, cases[i].b);
		if (distance != cases[i].distance)
			fail_msg(
				"'%s' '%s': %u, not %u", cases[i].a, cases[i].b, distance, cases[i].distance);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bad_files_are_told_where_and_what),
		cmocka_unit_test(nul_bytes_are_told),
		cmocka_unit_test(hostile_files_end_soon),
		cmocka_unit_test(many_anchors_end_soon),
		cmocka_unit_test(a_good_file_is_read),
		cmocka_unit_test(hard_limits_need_nothing),
		cmocka_unit_test(distances_count_swaps_as_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
