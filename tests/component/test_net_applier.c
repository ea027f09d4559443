/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The network limits on the real kernel, in a network namespace of this test's own: set, read back, checked by tc as an
 * independent reader, and removed without a trace.
 */
#include <inttypes.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "applier/applier.h"
#include "applier/htb.h"
#include "applier/htb_internal.h"
#include "applier/net.h"
#include "applier/ops.h"
#include "base/auto.h"
#include "base/buf.h"
#include "base/spawn.h"
#include "fixture/link.h"

/* A row of a table of bad bindings says only how it differs from a good one. */
#pragma GCC diagnostic ignored "-Woverride-init"

#define MBIT UINT64_C(1000000)

DEFINE_AUTO(target, struct target *, target_close);
DEFINE_AUTO(link_fixture, struct link_fixture *, link_fixture_free);
DEFINE_AUTO(htb, struct htb *, htb_close);

static void must(int result, const struct err *err)
{
	if (result)
		fail_msg("%s", err->text);
}

static void assert_has(const struct err *err, const char *word)
{
	if (!strstr(err->text, word))
		fail_msg("'%s' is not in '%s'", word, err->text);
}

/* What tc prints.  The caller frees. */
static char *tc(const char *kind)
{
	const char *argv[] = {"tc", "-d", kind, "show", "dev", LINK_UPLINK, NULL};
	struct buf output = BUF_INIT;
	struct spawn_options options = {.output = &output};
	struct err err = ERR_INIT;

	must(spawn_check(argv, &options, &err), &err);
	return buf_steal(&output);
}

/* Everything about the uplink, but for what traffic changes. */
static char *picture(void)
{
	AUTO(free_ptr) char *qdiscs = tc("qdisc");
	AUTO(free_ptr) char *classes = tc("class");
	AUTO(free_ptr) char *filters = tc("filter");
	char *counted = strstr(qdiscs, "direct_packets_stat");

	if (counted)
		memset(counted, ' ', strcspn(counted, "\n"));
	return xasprintf("%s%s%s", qdiscs, classes, filters);
}

/* "10Mbit" of tc: decimal prefixes. */
static uint64_t tc_rate(const char *text)
{
	char *unit;
	uint64_t value = strtoull(text, &unit, 10);

	return *unit == 'K'   ? value * 1000
	       : *unit == 'M' ? value * MBIT
	       : *unit == 'G' ? value * 1000 * MBIT
	       : *unit == 'T' ? value * MBIT * MBIT
			      : value;
}

struct seen {
	unsigned prio, quantum;
	uint64_t rate, ceil;
};

/* As tc sees a class. */
static struct seen see(const char *id)
{
	AUTO(free_ptr) char *text = tc("class");
	AUTO(free_ptr) char *start = xasprintf("class htb %s parent", id);
	char rate[32], ceil[32];
	struct seen seen;
	const char *line = strstr(text, start);

	if (!line)
		fail_msg("tc shows no class %s in:\n%s", id, text);
	const char *prio = strstr(line, "prio");
	assert_non_null(prio);
	assert_int_equal(
		sscanf(prio, "prio %u quantum %u rate %31s ceil %31s", &seen.prio, &seen.quantum, rate, ceil),
		4);
	seen.rate = tc_rate(rate);
	seen.ceil = tc_rate(ceil);
	return seen;
}

static struct link_fixture *make_link(uint64_t rate)
{
	struct link_options options = {.rate_bits_per_s = rate};
	struct link_fixture *fixture = NULL;
	struct err err = ERR_INIT;

	must(link_fixture_new(&options, &fixture, &err), &err);
	return fixture;
}

static struct target *open_target(void)
{
	struct target *target = NULL;
	struct err err = ERR_INIT;

	must(target_open(NULL, getpid(), &target, &err), &err);
	return target;
}

static const struct link_binding binding = {
	.device = LINK_UPLINK,
	.parent = LINK_PARENT,
	.minor = 0x11,
	.mac = {0x52, 0x54, 0, 0, 0, 1},
	.rate_bits_per_s = 10 * MBIT,
	.ceil_bits_per_s = 300 * MBIT,
	.priority = 3,
};

static void undo(void)
{
	struct err err = ERR_INIT;

	must(link_fixture_undo(NULL, &err), &err);
}

/* Every limit, set, read back, and seen by tc. */
static void test_every_limit(void **state)
{
	static const struct {
		enum limit_id limit;
		uint64_t values[5];
		size_t count;
	} cases[] = {
		{LIMIT_NET_PRIORITY, {0, 7, 5, 0, 3}, 5},
		{LIMIT_NET_QUANTUM, {1000, 60000, 100000000, 123457}, 4},
		{LIMIT_NET_CEIL, {100 * MBIT, 90000 * MBIT, UINT64_C(100000000000000), 20 * MBIT}, 4},
		/* The last ones are above 32 bits of bytes per second. */
		{LIMIT_NET_RATE, {8000, 20 * MBIT, 1 * MBIT}, 3},
		{LIMIT_NET_CEIL, {UINT64_C(100000000000000)}, 1},
		{LIMIT_NET_RATE, {90000 * MBIT, UINT64_C(100000000000000), 12 * MBIT}, 3},
	};
	AUTO(link_fixture) struct link_fixture *fixture = make_link(300 * MBIT);
	AUTO(target) struct target *target = open_target();
	struct err err = ERR_INIT;
	uint64_t expected[LIMIT_COUNT];
	unsigned seen_limits = 0;

	(void)state;
	must(target_bind_link(target, &binding, &err), &err);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		seen_limits |= 1U << cases[i].limit;
		for (size_t k = 0; k < cases[i].count; k++) {
			uint64_t got = 1;
			const char *where;
			must(limit_set(target, cases[i].limit, cases[i].values[k], &got, &err), &err);
			assert_int_equal(got, cases[i].values[k]);
			for (enum limit_id id = LIMIT_NET_PRIORITY; id <= LIMIT_NET_QUANTUM; id++)
				must(limit_get(target, id, &expected[id], &where, &err), &err);
			assert_int_equal(expected[cases[i].limit], cases[i].values[k]);
			char id[16];
			assert_int_equal(sscanf(where, "class %15s on " LINK_UPLINK ", quantum", id), 1);
			struct seen seen = see(id);
			assert_int_equal(seen.prio, expected[LIMIT_NET_PRIORITY]);
			assert_int_equal(seen.quantum, expected[LIMIT_NET_QUANTUM]);
			assert_int_equal(seen.rate, expected[LIMIT_NET_RATE]);
			assert_int_equal(seen.ceil, expected[LIMIT_NET_CEIL]);
		}
	}
	assert_int_equal(seen_limits, 0xfU << LIMIT_NET_PRIORITY);
	undo();
}

/* The quantum follows the rate until somebody chooses one. */
static void test_quantum_follows(void **state)
{
	AUTO(link_fixture) struct link_fixture *fixture = make_link(300 * MBIT);
	AUTO(target) struct target *target = open_target();
	struct err err = ERR_INIT;
	uint64_t quantum;

	(void)state;
	must(target_bind_link(target, &binding, &err), &err);
	must(limit_set(target, LIMIT_NET_RATE, 40 * MBIT, NULL, &err), &err);
	must(limit_get(target, LIMIT_NET_QUANTUM, &quantum, NULL, &err), &err);
	assert_int_equal(quantum, net_quantum_bytes(40 * MBIT));
	must(limit_set(target, LIMIT_NET_QUANTUM, 60000, NULL, &err), &err);
	must(limit_set(target, LIMIT_NET_RATE, 20 * MBIT, NULL, &err), &err);
	must(limit_get(target, LIMIT_NET_QUANTUM, &quantum, NULL, &err), &err);
	assert_int_equal(quantum, 60000);
	undo();
}

/* Each way of changing a priority ends with the new one, the same rates and one filter. */
static void test_ways_of_changing_priority(void **state)
{
	(void)state;
	for (enum net_apply apply = 0; apply < NET_APPLY_COUNT; apply++) {
		AUTO(link_fixture) struct link_fixture *fixture = make_link(300 * MBIT);
		AUTO(target) struct target *target = open_target();
		struct link_binding one = binding;
		struct err err = ERR_INIT;
		uint64_t rate, ceil;

		assert_int_equal(net_apply_find(net_apply_name(apply)), apply);
		one.apply = apply;
		must(target_bind_link(target, &one, &err), &err);
		/* An even number of changes and an odd one: either class is the live one at the end. */
		for (unsigned i = 0; i < 5; i++) {
			uint64_t got;
			must(limit_set(target, LIMIT_NET_PRIORITY, i % 2 ? 6 : 0, &got, &err), &err);
			must(limit_get(target, LIMIT_NET_RATE, &rate, NULL, &err), &err);
			must(limit_get(target, LIMIT_NET_CEIL, &ceil, NULL, &err), &err);
			assert_int_equal(got, i % 2 ? 6 : 0);
			assert_int_equal(rate, 10 * MBIT);
			assert_int_equal(ceil, 300 * MBIT);
		}
		assert_int_equal(target_link_dropped(target), 0);
		AUTO(free_ptr) char *filters = tc("filter");
		const char *first = strstr(filters, "flowid");
		assert_non_null(first);
		assert_null(strstr(first + 1, "flowid"));
		undo();
	}
	assert_int_equal(net_apply_find("gently"), NET_APPLY_COUNT);
}

/* Reset brings back what was there, for one VM and for all, whoever bound them. */
static void test_reset(void **state)
{
	AUTO(link_fixture) struct link_fixture *fixture = make_link(300 * MBIT);
	AUTO(target) struct target *red = open_target();
	AUTO(target) struct target *blue = open_target();
	AUTO(free_ptr) char *before = picture();
	struct link_binding other = binding;
	struct err err = ERR_INIT;
	size_t count = 9;

	(void)state;
	other.minor = 0x12;
	other.mac[5] = 2;
	must(target_bind_link(red, &binding, &err), &err);
	AUTO(free_ptr) char *with_red = picture();
	must(target_bind_link(blue, &other, &err), &err);
	/* So that there are two classes to remove. */
	target_set_net_apply(blue, NET_APPLY_SWITCH);
	target_set_net_apply(red, NET_APPLY_SWITCH);
	must(limit_set(blue, LIMIT_NET_PRIORITY, 0, NULL, &err), &err);
	assert_int_equal(see("1:8012").prio, 0);
	must(target_reset_link(blue, &err), &err);
	AUTO(free_ptr) char *without_blue = picture();
	assert_string_equal(without_blue, with_red);
	/* Unbound now: no limits, and a second reset finds nothing to do. */
	uint64_t value;
	assert_int_equal(limit_get(blue, LIMIT_NET_RATE, &value, NULL, &err), -1);
	assert_int_equal(err.domain, ERR_HOST);
	err_clear(&err);
	must(target_reset_link(blue, &err), &err);
	must(target_bind_link(blue, &other, &err), &err);
	must(limit_set(red, LIMIT_NET_PRIORITY, 1, NULL, &err), &err);
	must(net_reset_device(LINK_UPLINK, &count, &err), &err);
	assert_int_equal(count, 2);
	AUTO(free_ptr) char *after = picture();
	assert_string_equal(after, before);
	/* The class is gone behind the target's back. */
	assert_int_equal(limit_set(red, LIMIT_NET_PRIORITY, 1, NULL, &err), -1);
	assert_int_equal(err.domain, ERR_HOST);
	assert_has(&err, "is gone");
	undo();
}

/* Another process finds what the first one made. */
static void test_takes_over(void **state)
{
	AUTO(link_fixture) struct link_fixture *fixture = make_link(300 * MBIT);
	AUTO(target) struct target *first = open_target();
	AUTO(target) struct target *second = open_target();
	struct link_binding other = binding;
	struct err err = ERR_INIT;
	uint64_t value;

	(void)state;
	must(target_bind_link(first, &binding, &err), &err);
	target_set_net_apply(first, NET_APPLY_SWITCH);
	must(limit_set(first, LIMIT_NET_PRIORITY, 1, NULL, &err), &err);
	other.rate_bits_per_s = 99 * MBIT;
	must(target_bind_link(second, &other, &err), &err);
	must(limit_get(second, LIMIT_NET_PRIORITY, &value, NULL, &err), &err);
	assert_int_equal(value, 1);
	must(limit_get(second, LIMIT_NET_RATE, &value, NULL, &err), &err);
	assert_int_equal(value, 10 * MBIT);
	undo();
}

/* Each wrong binding is refused with the reason, and changes nothing. */
static void test_bad_bindings(void **state)
{
	static const struct {
		const char *name;
		struct link_binding binding;
		enum err_domain domain;
		const char *what;
	} cases[] = {
#define WITH(...)                                                                                            \
	{.device = LINK_UPLINK, .parent = LINK_PARENT, .minor = 0x20, .mac = {2, 0, 0, 0, 0, 9}, __VA_ARGS__}
		{"no such device", {.device = "ll-none", .parent = LINK_PARENT, .minor = 1}, ERR_INPUT,
			"there is no interface 'll-none'"},
		{"long device", {.device = "a-name-of-16-chr", .parent = LINK_PARENT, .minor = 1}, ERR_INPUT,
			"too long for an interface"},
		{"no HTB", {.device = "lo", .parent = LINK_PARENT, .minor = 1}, ERR_INPUT,
			"no HTB 1: at its root"},
		{"other root", WITH(.parent = 0x00020001), ERR_INPUT, "no HTB 2: at its root"},
		{"no such parent", WITH(.parent = 0x00010077), ERR_INPUT, "no class 1:77"},
		{"minor 0", WITH(.minor = 0), ERR_INPUT, "1 to 4095, not 0"},
		{"minor too large", WITH(.minor = 0x1000), ERR_INPUT, "1 to 4095, not 4096"},
		{"rate too small", WITH(.rate_bits_per_s = 7992), ERR_INPUT,
			"net.rate takes 8kbit/s to 100Tbit/s"},
		{"rate too large", WITH(.rate_bits_per_s = UINT64_MAX - 7), ERR_INPUT, "net.rate takes"},
		{"rate not in bytes", WITH(.rate_bits_per_s = 10 * MBIT + 1), ERR_INPUT,
			"in whole bytes, not 10000001bit/s"},
		{"rate above ceil", WITH(.rate_bits_per_s = 20 * MBIT, .ceil_bits_per_s = 10 * MBIT),
			ERR_INPUT, "net.rate 20Mbit/s is above net.ceil 10Mbit/s"},
		{"priority 8", WITH(.priority = 8), ERR_INPUT, "net.priority takes 0 to 7, not 8"},
		{"quantum", WITH(.quantum_bytes = 999), ERR_INPUT, "net.quantum takes"},
		{"class of somebody else", WITH(.minor = 0x33), ERR_INPUT,
			"class 1:33 exists on 'll-uplink' already"},
		{"second class of one MAC", WITH(.mac = {0x52, 0x54, 0, 0, 0, 1}), ERR_INPUT,
			"bound to the class 1:11"},
		{"class of another MAC", WITH(.minor = 0x11), ERR_INPUT, "class 1:11 exists"},
	};
	AUTO(link_fixture) struct link_fixture *fixture = make_link(300 * MBIT);
	AUTO(target) struct target *red = open_target();
	AUTO(htb) struct htb *htb = NULL;
	struct err first = ERR_INIT;
	unsigned failures = 0;

	(void)state;
	struct htb_class foreign = {.id = 0x00010033,
		.parent = LINK_PARENT,
		.rate_bytes_per_s = 1000000,
		.ceil_bytes_per_s = 1000000,
		.quantum_bytes = 2000};
	must(htb_open(LINK_UPLINK, &htb, &first), &first);
	must(htb_class_add(htb, &foreign, &first), &first);
	must(target_bind_link(red, &binding, &first), &first);
	AUTO(free_ptr) char *before = picture();
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(target) struct target *target = open_target();
		struct err err = ERR_INIT;
		int result = target_bind_link(target, &cases[i].binding, &err);
		AUTO(free_ptr) char *after = picture();
		if (result == -1 && err.domain == cases[i].domain && strstr(err.text, cases[i].what) &&
			!strcmp(before, after))
			continue;
		failures++;
		print_error("%s: %d '%s' is not '%s'%s\n", cases[i].name, result, err.text, cases[i].what,
			strcmp(before, after) ? ", and it changed something" : "");
	}
	assert_int_equal(failures, 0);
	undo();
}

static void test_bad_values(void **state)
{
	static const struct {
		const char *name;
		enum limit_id limit;
		uint64_t value;
		const char *what;
	} cases[] = {
		{"rate 0", LIMIT_NET_RATE, 0, "takes 8kbit/s to 100Tbit/s"},
		{"rate beyond", LIMIT_NET_RATE, UINT64_MAX, "takes 8kbit/s to 100Tbit/s"},
		{"rate above ceil", LIMIT_NET_RATE, 301 * MBIT,
			"net.rate 301Mbit/s would be above net.ceil 300Mbit/s"},
		{"rate in bits", LIMIT_NET_RATE, 9 * MBIT + 4, "no whole number of bytes"},
		{"ceil 0", LIMIT_NET_CEIL, 0, "takes 8kbit/s"},
		{"ceil below rate", LIMIT_NET_CEIL, 9 * MBIT,
			"net.rate 10Mbit/s would be above net.ceil 9Mbit/s"},
		{"priority 8", LIMIT_NET_PRIORITY, 8, "takes 0 to 7"},
		{"quantum 0", LIMIT_NET_QUANTUM, 0, "takes 1kB to 100MB"},
	};
	AUTO(link_fixture) struct link_fixture *fixture = make_link(300 * MBIT);
	AUTO(target) struct target *target = open_target();
	struct err first = ERR_INIT;
	unsigned failures = 0;

	(void)state;
	must(target_bind_link(target, &binding, &first), &first);
	AUTO(free_ptr) char *before = picture();
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct err err = ERR_INIT;
		int result = limit_set(target, cases[i].limit, cases[i].value, NULL, &err);
		AUTO(free_ptr) char *after = picture();
		if (result == -1 && err.domain == ERR_INPUT && strstr(err.text, cases[i].what) &&
			!strcmp(before, after))
			continue;
		failures++;
		print_error("%s: %d '%s' is not '%s'\n", cases[i].name, result, err.text, cases[i].what);
	}
	assert_int_equal(failures, 0);
	undo();
}

/* What a device cannot have, told apart: no such kind in the kernel, and a root that is taken. */
static void test_bad_roots(void **state)
{
	AUTO(link_fixture) struct link_fixture *fixture = make_link(300 * MBIT);
	AUTO(htb) struct htb *lo = NULL;
	AUTO(htb) struct htb *uplink = NULL;
	struct err err[3] = {ERR_INIT, ERR_INIT, ERR_INIT};
	uint32_t root = 7;

	(void)state;
	must(htb_open("lo", &lo, &err[2]), &err[2]);
	must(htb_open(LINK_UPLINK, &uplink, &err[2]), &err[2]);
	assert_int_equal(htb_root_add_kind(lo, "nosuchkind", LINK_ROOT, 1, &err[0]), -1);
	assert_int_equal(err[0].domain, ERR_HOST);
	assert_has(&err[0], "this kernel has no HTB");
	assert_true(err[0].remedy[0] != '\0');
	must(htb_root_find(lo, &root, &err[2]), &err[2]);
	assert_int_equal(root, 0);
	AUTO(free_ptr) char *before = picture();
	assert_int_equal(htb_root_add(uplink, 0x00020000, 1, &err[1]), -1);
	assert_int_equal(err[1].domain, ERR_INPUT);
	assert_has(&err[1], "has a root qdisc already");
	AUTO(free_ptr) char *after = picture();
	assert_string_equal(after, before);
	undo();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_limit),
		cmocka_unit_test(test_quantum_follows),
		cmocka_unit_test(test_ways_of_changing_priority),
		cmocka_unit_test(test_reset),
		cmocka_unit_test(test_takes_over),
		cmocka_unit_test(test_bad_bindings),
		cmocka_unit_test(test_bad_values),
		cmocka_unit_test(test_bad_roots),
	};

	if (unshare(CLONE_NEWNET)) {
		bool must_work = getenv("LIMITLAB_MUST_WORK") != NULL;
		printf(must_work ? "1..1\nnot ok 1 - cannot make a network namespace\n"
				 : "1..0 # SKIP cannot make a network namespace\n");
		return must_work;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
