/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Scenario files: links, memory and disks, and what the timeline does with them. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "scenario_cases.h"

/* One line: what follows is in line 2. */
#define SCARCE(more) "{name: x, title: t, scarce: {\n" more "}}\n"
#define LINK         "name: x\ntitle: t\nscarce: {link: {rate: 300Mbit/s}}\n"
#define MEMORY       "name: x\ntitle: t\nscarce: {memory: {free: 600MiB}}\n"
#define DISK         "name: x\ntitle: t\nscarce: {disk: {size: 1GiB, rate: 50MiB/s}}\n"
#define CPU          "name: x\ntitle: t\nscarce: {cpu: {cpus: [0]}}\n"
/* Lines 4 and 5: tenants, and a timeline that runs to 60 s with more events in line 6. */
#define NAMED(name) "tenants: [{name: " name ", workload: w}]\n"
#define RED(more)   "tenants: [{name: red, workload: w" more "}, {name: blue, workload: w}]\n"
#define TIMES(more) "timeline: [{at: 0, start: all}, {at: 1min, stop: all},\n" more "]\n"
#define LINK_SET(more)                                                                                       \
	LINK RED(", limits: {net.rate: 10Mbit/s, net.ceil: 30Mbit/s}")                                       \
		TIMES("{at: 5s, set: {tenant: red, " more "}}")

/* One row per line, however long. */
/* clang-format off */
static const struct bad_case bad[] = {
	/* What is scarce. */
	{"two resources", SCARCE("cpu: {cpus: [0]}, link: {rate: 1Gbit/s}"), "2:25", "'link' beside 'cpu'; a scenario makes one resource scarce"},
	{"three resources", SCARCE("disk: {size: 1GiB, rate: 1MiB/s}, memory: {free: 1GiB}, link: {rate: 1Gbit/s}"), "2:43", "'memory' beside 'link'"},
	{"unknown resource", SCARCE("net: {rate: 1Gbit/s}"), "2:1", "unknown key 'net' in scarce; it takes cpu, link, memory, disk"},
	{"resource as word", SCARCE("link: 1Gbit/s"), "2:7", "the scarce link must be a mapping of keys, not a plain value; write it as in link: {rate: 300Mbit/s}"},

	{"link without rate", SCARCE("link: {}"), "2:7", "'rate' is missing in the scarce link"},
	{"link of rate 0", SCARCE("link: {rate: 0Mbit/s}"), "2:14", "'0Mbit/s' is out of range for the rate of a link; it goes from 8kbit/s to 100Tbit/s"},
	{"link beyond 64 bit", SCARCE("link: {rate: 99999999999999999999bit/s}"), "2:14", "is not a rate in bits"},
	{"link beyond the range", SCARCE("link: {rate: 101Tbit/s}"), "2:14", "out of range"},
	{"link in bytes", SCARCE("link: {rate: 300MiB/s}"), "2:14", "unknown unit; write it as in \"300Mbit/s\""},
	{"link without unit", SCARCE("link: {rate: 300}"), "2:14", "the unit is missing"},
	{"link of half a byte", SCARCE("link: {rate: 1000004bit/s}"), "2:14", "is no whole number of bytes, which the kernel counts; take 1Mbit/s"},
	{"negative link", SCARCE("link: {rate: -1Mbit/s}"), "2:14", "is not a rate in bits"},
	{"unknown way", SCARCE("link: {rate: 1Gbit/s, apply: rough}"), "2:30", "'rough' is not a way to change a priority; it is one of reliable, raw, leaf, switch"},
	{"unknown key of a link", SCARCE("link: {rates: 1Gbit/s}"), "2:8", "did you mean 'rate'?"},

	{"memory without free and swap", SCARCE("memory: {swap: 0B}"), "2:9", "'free' is missing in the scarce memory, or 'swap'"},
	{"no memory free", SCARCE("memory: {free: 0B}"), "2:16", "out of range for the memory that is left free; it goes from 256MiB"},
	{"memory beyond 64 bit", SCARCE("memory: {free: 99999999999TiB}"), "2:16", "too large"},
	{"memory of an unknown unit", SCARCE("memory: {free: 600M}"), "2:16", "unknown unit; write it as in \"192MiB\""},
	{"free in percent", SCARCE("memory: {free: 10%}"), "2:16", "unknown unit"},
	{"a swap file of a page", SCARCE("memory: {free: 1GiB, swap: 4KiB}"), "2:28", "take more, or 0B for none"},
	{"swap beyond any disk", SCARCE("memory: {free: 1GiB, swap: 1000TiB}"), "2:28", "out of range for swap"},

	{"cache that fits", SCARCE("memory: {free: 1GiB, cache: 1GiB}"), "2:29", "fits into the memory that is left free, and presses nobody; take a larger 'cache' than 'free'"},
	{"cache without free", SCARCE("memory: {swap: 1GiB, cache: 1GiB}"), "2:29", "'free' does not say how much"},
	{"thp that is neither", SCARCE("memory: {free: 1GiB, thp: madvise}"), "2:27", "is not a value of 'thp'"},
	{"cache of nothing", SCARCE("memory: {free: 1GiB, cache: 0B}"), "2:29", "out of range for the file that fills the page cache; it goes from 1MiB"},
	{"swap to add that is not declared", MEMORY RED("") TIMES("{at: 5s, add: swap}"), "6:15", "how much swap is to be added is not said"},
	{"swap added twice", "name: x\ntitle: t\nscarce: {memory: {free: 600MiB, swap: 1GiB}}\n" RED("") TIMES("{at: 5s, add: swap}, {at: 6s, add: swap}"), "6:36", "swap is added by an earlier entry already"},
	{"memory added", MEMORY RED("") TIMES("{at: 5s, add: memory}"), "6:15", "'memory' is not something that can be added; it is one of swap"},

	{"disk without size", SCARCE("disk: {rate: 1MiB/s}"), "2:7", "'size' is missing in the scarce disk"},
	{"disk without rate", SCARCE("disk: {size: 1GiB}"), "2:7", "'rate' is missing in the scarce disk"},
	{"disk of nothing", SCARCE("disk: {}"), "2:7", "'size' is missing in the scarce disk"},
	{"disk of a byte", SCARCE("disk: {size: 1B, rate: 1MiB/s}"), "2:14", "out of range for the size of a disk; it goes from 64MiB"},
	{"disk beyond 64 bit", SCARCE("disk: {size: 99999999TiB, rate: 1MiB/s}"), "2:14", "too large"},
	{"disk at rate 0", SCARCE("disk: {size: 1GiB, rate: 0MiB/s}"), "2:26", "out of range for the rate of a disk"},
	{"disk at a rate in bits", SCARCE("disk: {size: 1GiB, rate: 50Mbit/s}"), "2:26", "is not a rate in bytes: unknown unit"},
	{"slow disk", SCARCE("disk: {size: 1GiB, rate: 1MiB/s, latency: 11s}"), "2:43", "out of range for the added latency; it goes from 0s to 10s"},
	{"unknown scheduler", SCARCE("disk: {size: 1GiB, rate: 1MiB/s, scheduler: cfq}"), "2:45", "'cfq' is not a scheduler; it is one of bfq, none, mq-deadline"},
	{"low_latency as number", SCARCE("disk: {size: 1GiB, rate: 1MiB/s, low_latency: 1}"), "2:47", "it is one of false, true"},
	{"low_latency without bfq", SCARCE("disk: {size: 1GiB, rate: 1MiB/s, low_latency: true, scheduler: none}"), "2:47", "is a heuristic of bfq, and the scheduler is none"},
	{"size of a device", SCARCE("disk: {device: /dev/sdx, size: 1GiB}"), "2:16", "a real device has its own size and speed; leave out size, or device"},
	{"rate of a device", SCARCE("disk: {device: /dev/sdx, rate: 1MiB/s}"), "2:16", "leave out rate, or device"},
	{"latency of a device", SCARCE("disk: {device: /dev/sdx, latency: 1ms}"), "2:16", "leave out latency, or device"},
	{"device elsewhere", SCARCE("disk: {device: /etc/passwd}"), "2:16", "'/etc/passwd' is no path of a device"},
	{"device by way of a parent", SCARCE("disk: {device: /dev/../etc/passwd}"), "2:16", "is no path of a device"},
	{"folder as device", SCARCE("disk: {device: /dev/}"), "2:16", "is no path of a device"},
	{"disk too small for all", "name: x\ntitle: t\nscarce: {disk: {size: 64MiB, rate: 1MiB/s}}\ntenants: [{name: a}, {name: b}, {name: c}, {name: d}, {name: e}]\n"
		"timeline: []\n", "3:23", "a disk of 64MiB is too small for 5 tenants, each gets an equal part; take size: 80MiB or more"},

	/* Tenants. */
	{"name longer than an interface's", LINK NAMED("thirteenchars") TIMES(""), "4:18", "'thirteenchars' is too long for a tenant with a network"},
	{"name that is no interface's", LINK NAMED("a b") TIMES(""), "4:18", "'a b' cannot be a part of an interface's name"},
	{"name with a colon", LINK NAMED("a:b") TIMES(""), "4:18", "cannot be a part of an interface's name"},
	{"name with a percent sign", LINK NAMED("a%d") TIMES(""), "4:18", "cannot be a part of an interface's name"},
	{"name beyond ASCII", LINK NAMED("grün") TIMES(""), "4:18", "cannot be a part of an interface's name"},
	{"name of the bridge", LINK NAMED("bridge") TIMES(""), "4:18", "the link has an interface ll-bridge of its own"},
	{"name of the uplink", LINK NAMED("uplink") TIMES(""), "4:18", "the link has an interface ll-uplink of its own"},
	{"iperf3 without a link", CPU "tenants: [{name: a, workload: w.iperf3}]\ntimeline: []\n", "4:31", "'w.iperf3' needs a link to send through, and this scenario has none; declare it as in scarce: {link: {rate: 300Mbit/s}}"},
	{"iperf3 on a disk", DISK "tenants: [{name: a, workload: w.iperf3}]\ntimeline: []\n", "4:31", "needs a link to send through"},
	{"fio without a disk", LINK "tenants: [{name: a, workload: w.fio}]\ntimeline: []\n", "4:31", "'w.fio' needs a disk to read and write"},
	{"CPUs that iperf3 demands", LINK RED(", demand: 1.5") TIMES(""), "4:44", "the unit is missing; write it as in \"300Mbit/s\"; a demand goes from 1bit/s to 100Tbit/s"},
	{"no demand of a link", LINK RED(", demand: 0Mbit/s") TIMES(""), "4:44", "out of range for a demand"},
	{"demand of a disk in bits", DISK RED(", demand: 5Mbit/s") TIMES(""), "4:44", "is not a rate in bytes"},
	{"demand of memory", MEMORY RED(", demand: 50%") TIMES(""), "4:44", "a workload of memory has no rate that it demands"},
	{"demand of CPUs beside a link", LINK "tenants: [{name: a, workload: w.stress, demand: 2}]\ntimeline: []\n", "4:49", "a demand of 2 CPUs does not fit 1 vcpus"},
	{"may die as a number", LINK RED(", may die: 1") TIMES(""), "4:45", "it is one of false, true"},

	/* Limits of a link. */
	{"limit of a link without one", DISK RED(", limits: {net.ceil: 1Mbit/s}") TIMES(""), "4:55", "net.ceil needs a shared link, and this scenario has none"},
	{"rate 0", LINK RED(", limits: {net.rate: 0bit/s}") TIMES(""), "4:55", "net.rate '0bit/s' is out of range; it takes 8kbit/s to 100Tbit/s"},
	{"rate beyond 64 bit", LINK RED(", limits: {net.rate: 20000000000000000000bit/s}") TIMES(""), "4:55", "bad value for net.rate"},
	{"rate of half a byte", LINK RED(", limits: {net.rate: 10001bit/s}") TIMES(""), "4:55", "net.rate of 10001 bit/s is no whole number of bytes, which the kernel counts; take 10kbit/s"},
	{"prio 8", LINK RED(", limits: {net.priority: 8}") TIMES(""), "4:59", "net.priority '8' is out of range; it takes 0 to 7"},
	{"prio -1", LINK RED(", limits: {net.priority: -1}") TIMES(""), "4:59", "bad value for net.priority"},
	{"rate above ceil", LINK RED(", limits: {net.rate: 30Mbit/s, net.ceil: 20Mbit/s}") TIMES(""), "4:11", "tenant 'red' would be guaranteed a net.rate of 30Mbit/s above its net.ceil of 20Mbit/s; raise net.ceil"},
	{"rate above the link", LINK RED(", limits: {net.rate: 301Mbit/s}") TIMES(""), "4:11", "net.rate of 301Mbit/s above its net.ceil of 300Mbit/s"},
	{"rate set above ceil", LINK_SET("net.rate: 31Mbit/s"), "6:1", "net.rate of 31Mbit/s above its net.ceil of 30Mbit/s"},
	{"ceil set below rate", LINK_SET("net.ceil: 9Mbit/s"), "6:1", "net.rate of 10Mbit/s above its net.ceil of 9Mbit/s"},
	{"both set the wrong way round", LINK_SET("net.rate: 5Mbit/s, net.ceil: 4Mbit/s"), "6:1", "net.rate of 5Mbit/s above its net.ceil of 4Mbit/s"},
	{"ceil below another's default rate", LINK_SET("net.ceil: 20Mbit/s}}, {at: 6s, set: {tenant: blue, net.ceil: 2Mbit/s"), "6:51", "tenant 'blue' would be guaranteed a net.rate of 3Mbit/s above its net.ceil of 2Mbit/s"},
	{"reset below what remains", LINK_SET("net.ceil: 90Mbit/s, net.rate: 80Mbit/s}}, {at: 6s, reset: {tenant: red, limit: net.ceil"), "6:71", "net.rate of 80Mbit/s above its net.ceil of 30Mbit/s"},
	{"way without a priority", LINK_SET("net.rate: 9Mbit/s, net.apply: raw"), "6:59", "net.apply is how a net.priority changes, and none does here"},
	{"way without anything", LINK_SET("net.apply: raw"), "6:15", "set names no limit"},
	{"unknown way of one change", LINK_SET("net.priority: 0, net.apply: row"), "6:57", "'row' is not a way to change a priority"},
	{"way without a link", CPU RED("") TIMES("{at: 5s, set: {tenant: red, net.apply: raw}}"), "6:40", "this scenario has no link; leave it out, or declare one"},
	{"way as initial limit", LINK RED(", limits: {net.apply: raw}") TIMES(""), "4:45", "unknown key 'net.apply' in limits"},

	/* Limits of memory and disks. */
	{"a byte of memory", MEMORY RED(", limits: {memory.soft: 1B}") TIMES(""), "4:58", "memory.soft '1B' is out of range; it takes 1MiB to"},
	{"memory of an unknown unit", LINK RED(", limits: {memory.hard: 300MO}") TIMES(""), "4:58", "unknown unit"},
	{"negative memory", MEMORY RED(", limits: {memory.hard: -1MiB}") TIMES(""), "4:58", "bad value for memory.hard"},
	{"memory beyond 64 bit", MEMORY RED(", limits: {memory.hard: 99999999999TiB}") TIMES(""), "4:58", "too large"},
	{"protection on v1", MEMORY RED(", limits: {memory.protect: 300MiB}") TIMES(""), "4:61", "memory.protect is memory.low, which only cgroup v2 has; take memory.soft, or add when: {cgroup: v2}"},
	{"weight 0", DISK RED(", limits: {disk.weight: 0}") TIMES(""), "4:58", "disk.weight '0' is out of range; it takes 1 to 1000"},
	{"weight 1001", DISK RED(", limits: {disk.weight: 1001}") TIMES(""), "4:58", "disk.weight '1001' is out of range"},
	{"weight without a disk", CPU RED(", limits: {disk.weight: 100}") TIMES(""), "4:58", "disk.weight needs a scarce disk, and this scenario has none; declare it as in scarce: {disk: {size: 1GiB, rate: 50MiB/s}}"},
	{"throttle without a disk", MEMORY RED("") TIMES("{at: 5s, set: {tenant: red, disk.qemu_read_iops: 5}}"), "6:50", "disk.qemu_read_iops needs a scarce disk"},
	{"throttle of 0", DISK RED(", limits: {disk.read_bytes_per_s: 0B/s}") TIMES(""), "4:68", "out of range"},
	{"some without weights", DISK RED(", limits: {disk.weight: 100}") TIMES(""), "4:65", "tenant 'blue' has no disk.weight to begin with, and the kernel's default differs (100 with bfq, 500 with the kernel's former CFQ) while others compete; add limits: {disk.weight: 100}"},
	{"weights that change", DISK RED("") TIMES("{at: 5s, set: {tenant: blue, disk.weight: 500}}"), "4:11", "tenant 'red' has no disk.weight to begin with"},

	/* Scarcity on the timeline. */
	{"scarce of nothing", LINK RED("") TIMES("{at: 5s, scarce: memory}"), "6:18", "how scarce memory is to be is not said; add scarce: {memory: {free: 600MiB, swap: 2GiB}} at the top"},
	{"scarce with swap alone", "name: x\ntitle: t\nscarce: {memory: {swap: 1GiB}}\n" RED("") TIMES("{at: 5s, scarce: memory}"), "6:18", "takes no memory from the host, it only adds swap"},
	{"scarce link on the timeline", LINK RED("") TIMES("{at: 5s, scarce: net}"), "6:18", "'scarce: net' as an event; only memory becomes scarce"},
	{"scarce tenants", MEMORY RED("") TIMES("{at: 5s, scarce: red}"), "6:18", "'red' is not a resource; it is one of cpu, net, memory, disk"},
	{"scarce and more", MEMORY RED("") TIMES("{at: 5s, scarce: memory, plenty: memory}"), "6:34", "'scarce' and 'plenty' in one event"},
	{"plenty at first", MEMORY RED("") TIMES("{at: 5s, plenty: memory}"), "6:1", "memory is not scarce at 5s; begin it before"},
	{"scarce twice", MEMORY RED("") TIMES("{at: 5s, scarce: memory}, {at: 9s, scarce: memory}"), "6:27", "memory is scarce at 9s already, since 5s; end it before"},
	{"plenty twice", MEMORY RED("") TIMES("{at: 5s, scarce: memory}, {at: 9s, plenty: memory}, {at: 10s, plenty: memory}"), "6:53", "memory is not scarce at 10s"},
	{"scarce and plenty at once", MEMORY RED("") TIMES("{at: 5s, scarce: memory}, {at: 5s, plenty: memory}"), "6:27", "memory becomes scarce and plenty at 5s, both"},
	{"scarce after the end", MEMORY RED("") TIMES("{at: 61s, scarce: memory}"), "6:1", "an event at 61s, after the end"},

	/* Beside. */
	{"beside itself", "name: x\ntitle: t\nbeside: x\n", "3:9", "a figure cannot show 'x' beside itself; name another scenario"},
	{"beside a path", "name: x\ntitle: t\nbeside: ../y\n", "3:9", "'../y' is not the name of a scenario"},
};
/* clang-format on */

static void bad_files_are_told_where_and_what(void **state)
{
	(void)state;
	check_bad(bad, ARRAY_SIZE(bad));
}

static void a_link_is_read(void **state)
{
	struct scenario *s = read_good(
		"name: x\ntitle: t\nbeside: y-2\nscarce: {link: {rate: 300Mbit/s, apply: raw}}\n"
		"tenants: [{name: red, workload: w.iperf3, limits: {net.rate: 10Mbit/s, net.ceil: 2Gbit/s}},\n"
		"  {name: blue-2.x_y9z, workload: w, demand: 30Mbit/s}, {name: c, workload: w.stress, demand: 50%}]\n"
		"timeline: [{at: 0, start: all}, {at: 9s, stop: all},\n"
		"  {at: 1s, set: {tenant: red, net.priority: 0, net.apply: leaf}},\n"
		"  {at: 2s, set: {tenant: red, net.rate: 3Gbit/s, net.ceil: 4Gbit/s}},\n"
		"  {at: 3s, set: {tenant: red, net.rate: 2Mbit/s, net.ceil: 5Mbit/s}},\n"
		"  {at: 4s, reset: {tenant: red, limit: all}}, {at: 5s, set: {tenant: blue-2.x_y9z, net.priority: 7}}]\n");

	(void)state;
	assert_int_equal(scenario_scarce(s), RESOURCE_NET);
	assert_true(s->link.declared && !s->has_scarce_cpu && !s->memory.declared && !s->disk.declared);
	assert_int_equal(s->link.rate_bits_per_s, 300000000);
	assert_int_equal(s->link.apply, NET_APPLY_RAW);
	assert_string_equal(s->figure, "net-rates");
	assert_string_equal(s->beside, "y-2");
	assert_int_equal(s->tenants[0].loads, RESOURCE_NET);
	assert_true(
		isinf(s->tenants[0].demand) && s->tenants[1].demand == 30e6 && s->tenants[2].demand == 0.5);
	assert_int_equal(s->tenants[1].loads, RESOURCE_NET);
	assert_int_equal(s->tenants[2].loads, RESOURCE_CPU);
	/* How a priority changes: said here, or as the link says. */
	assert_int_equal(s->events[1].apply, NET_APPLY_LEAF);
	assert_int_equal(s->events[5].apply, NET_APPLY_COUNT);
	AUTO(free_ptr) char *label = scenario_event_label(s, &s->events[1]);
	assert_string_equal(label, "red net.priority 0 (leaf)");
	/* No rate above a ceil in between: up with the ceil first, down with the rate first. */
	assert_int_equal(s->events[2].settings[0].limit, LIMIT_NET_CEIL);
	assert_int_equal(s->events[2].settings[1].limit, LIMIT_NET_RATE);
	assert_int_equal(s->events[2].settings[1].value, 3000000000);
	assert_int_equal(s->events[3].settings[0].limit, LIMIT_NET_RATE);
	assert_int_equal(s->events[3].settings[1].limit, LIMIT_NET_CEIL);
	scenario_free(s);
}

static void memory_is_read(void **state)
{
	static const char text[] = MEMORY RED(", limits: {cpu.quota: max}") TIMES(
		"{at: 5s, scarce: memory, name: now}, {at: 9s, plenty: memory}, {at: 59s, scarce: memory}");
	struct scenario *s = read_good(text);
	struct scenario *always = read_good(
		"name: x\ntitle: t\nscarce: {memory: {free: 256MiB, swap: 2GiB}}\n" RED("") TIMES(""));

	(void)state;
	assert_int_equal(scenario_scarce(s), RESOURCE_MEMORY);
	assert_int_equal(s->memory.free_bytes, 600 << 20);
	assert_int_equal(s->memory.swap_bytes, 0);
	assert_false(s->memory.from_start);
	assert_string_equal(s->figure, "memory");
	assert_int_equal(s->tenants[0].loads, RESOURCE_MEMORY);
	static const enum event_kind kinds[] = {
		EVENT_START, EVENT_SCARCE, EVENT_PLENTY, EVENT_SCARCE, EVENT_STOP};
	static const char *const labels[] = {
		"start all", "now", "plenty memory", "scarce memory", "stop all"};
	assert_int_equal(s->event_count, 5);
	for (size_t i = 0; i < 5; i++) {
		AUTO(free_ptr) char *label = scenario_event_label(s, &s->events[i]);
		assert_string_equal(label, labels[i]);
		assert_int_equal(s->events[i].kind, kinds[i]);
		if (i > 0 && i < 4) {
			assert_int_equal(s->events[i].resource, RESOURCE_MEMORY);
			assert_int_equal(s->events[i].tenants, 0);
		}
	}
	assert_true(always->memory.from_start && always->memory.swap_bytes == UINT64_C(2) << 30);
	assert_null(always->beside);
	/* Swap alone makes nothing scarce. */
	struct scenario *swap = read_good("name: x\ntitle: t\nscarce: {memory: {swap: 2GiB}}\n" RED("") TIMES(
		"") "expect: [{level: memory, tenant: red, window: [1s, 9s], at most: 1GiB}]\n");
	assert_int_equal(scenario_scarce(swap), RESOURCE_MEMORY);
	assert_false(swap->memory.from_start);
	assert_int_equal(swap->memory.free_bytes, 0);
	assert_int_equal(swap->expects[0].need, NEED_NOTHING);
	scenario_free(swap);
	scenario_free(always);
	scenario_free(s);
}

static void disks_are_read(void **state)
{
	struct scenario *made = read_good(
		"name: x\ntitle: t\nscarce: {disk: {low_latency: true, latency: 2ms, rate: 50MiB/s, size: 1GiB}}\n" RED(
			", demand: 5MiB/s") TIMES(""));
	struct scenario *real = read_good(
		"name: x\ntitle: t\nscarce: {disk: {device: /dev/disk/by-id/x, scheduler: mq-deadline, low_latency: "
		"false}}\n" RED("") TIMES(""));

	(void)state;
	assert_int_equal(scenario_scarce(made), RESOURCE_DISK);
	assert_int_equal(made->disk.size_bytes, 1 << 30);
	assert_int_equal(made->disk.rate_bytes_per_s, 50 << 20);
	assert_int_equal(made->disk.latency_ns, 2000000);
	assert_int_equal(made->disk.scheduler, DISK_SCHEDULER_BFQ);
	assert_true(made->disk.low_latency);
	assert_null(made->disk.device);
	assert_string_equal(made->figure, "disk");
	assert_int_equal(made->tenants[0].loads, RESOURCE_DISK);
	assert_true(made->tenants[0].demand == 5 << 20 && isinf(made->tenants[1].demand));
	assert_string_equal(real->disk.device, "/dev/disk/by-id/x");
	assert_int_equal(real->disk.scheduler, DISK_SCHEDULER_MQ_DEADLINE);
	assert_true(
		!real->disk.low_latency && real->disk.size_bytes == 0 && real->disk.rate_bytes_per_s == 0);
	scenario_free(real);
	scenario_free(made);
}

/* Every limit of the catalogue can be set in a scenario that has its resource, whatever rows it has. */
static void every_limit_can_be_set(void **state)
{
	static const struct {
		const char *resource, *head;
	} heads[] = {{"cpu", CPU}, {"net", LINK}, {"memory", MEMORY}, {"disk", DISK}};

	(void)state;
	for (int i = 0; i < LIMIT_COUNT; i++) {
		const struct limit_spec *spec = limit_spec((enum limit_id)i);
		const char *head = NULL;
		for (size_t h = 0; h < ARRAY_SIZE(heads); h++)
			head = strcmp(heads[h].resource, spec->resource) ? head : heads[h].head;
		assert_non_null(head);
		const char *when = i == LIMIT_MEMORY_PROTECT ? "when: {cgroup: v2}\n" : "";
		AUTO(free_ptr)
		char *text = xasprintf("%s%stenants: [{name: a, workload: w, limits: {%s: %s}}]\n"
				       "timeline: [{at: 0, start: a}, {at: 1s, set: {tenant: a, %s: %s}},\n"
				       "  {at: 2s, reset: {tenant: a, limit: %s}}, {at: 9s, stop: a}]\n",
			head, when, spec->name, spec->example, spec->name, spec->example, spec->name);
		struct scenario *s = read_good(text);
		assert_int_equal(s->tenants[0].limits[0].limit, i);
		assert_int_equal(s->events[1].settings[0].limit, i);
		assert_int_equal(s->events[2].limit, i);
		scenario_free(s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bad_files_are_told_where_and_what),
		cmocka_unit_test(a_link_is_read),
		cmocka_unit_test(memory_is_read),
		cmocka_unit_test(disks_are_read),
		cmocka_unit_test(every_limit_can_be_set),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
