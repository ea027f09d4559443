/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The link fixture, in a network namespace of this test's own: what it makes, what it refuses, and that it goes without a trace
 * and leaves others alone.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <cmocka.h>

#include "applier/htb.h"
#include "base/auto.h"
#include "base/buf.h"
#include "base/spawn.h"
#include "fixture/link.h"
#include "fixture/netns.h"

#define MBIT UINT64_C(1000000)

DEFINE_AUTO(link_fixture, struct link_fixture *, link_fixture_free);
DEFINE_AUTO(htb, struct htb *, htb_close);

static void must(int result, const struct err *err)
{
	if (result)
		fail_msg("%s", err->text);
}

/* What a program prints; words are separated by single spaces.  The caller frees. */
static char *output_of(const char *words)
{
	AUTO(free_ptr) char *line = xstrdup(words);
	const char *argv[16] = {NULL};
	struct buf output = BUF_INIT;
	struct spawn_options options = {.output = &output};
	struct err err = ERR_INIT;
	char *rest = NULL;
	size_t count = 0;

	for (char *word = strtok_r(line, " ", &rest); word; word = strtok_r(NULL, " ", &rest))
		argv[count++] = word;
	must(spawn_check(argv, &options, &err), &err);
	return buf_steal(&output);
}

static void run(const char *words)
{
	AUTO(free_ptr) char *text = output_of(words);
}

/* All interfaces and qdiscs. */
static char *picture(void)
{
	AUTO(free_ptr) char *links = output_of("ip -d link");
	AUTO(free_ptr) char *qdiscs = output_of("tc qdisc show");

	return xasprintf("%s%s", links, qdiscs);
}

static const char *const names[] = {"red", "blue"};
static const struct link_options ordinary = {
	.rate_bits_per_s = 300 * MBIT,
	.tenants = names,
	.tenant_count = ARRAY_SIZE(names),
	.taps = LINK_TAPS_HELD,
};

static void expect(const char *text, const char *word)
{
	if (!text || !strstr(text, word))
		fail_msg("'%s' is not in:\n%s", word, text ? text : "");
}

static int look_around(void *context, struct err *err)
{
	char **ret_text = context;

	(void)err;
	*ret_text = output_of("ip -4 addr show up");
	return 0;
}

static void test_made_and_undone(void **state)
{
	AUTO(free_ptr) char *before = picture();
	AUTO(free_ptr) char *far = NULL;
	struct err err = ERR_INIT;
	size_t count = 0;

	(void)state;
	{
		AUTO(link_fixture) struct link_fixture *fixture = NULL;
		AUTO(htb) struct htb *htb = NULL;
		AUTO(htb_class_list) struct htb_class_list classes = {0};
		must(link_fixture_new(&ordinary, &fixture, &err), &err);
		AUTO(free_ptr) char *ports = output_of("ip link show master " LINK_BRIDGE " up");
		expect(ports, "ll-red:");
		expect(ports, "ll-blue:");
		expect(ports, LINK_UPLINK "@");
		assert_true(link_fixture_tap_fd(fixture, 0) >= 0 && link_fixture_tap_fd(fixture, 1) >= 0);
		assert_int_equal(link_fixture_tap_fd(fixture, 2), -1);
		must(netns_run(link_fixture_far(fixture), look_around, &far, &err), &err);
		expect(far, "inet " LINK_FAR_ADDRESS "/24");
		expect(far, "LOOPBACK,UP");
		/* tc as an independent reader. */
		AUTO(free_ptr) char *qdisc = output_of("tc qdisc show dev " LINK_UPLINK);
		expect(qdisc, "qdisc htb 1: root");
		expect(qdisc, "default 0x1fff");
		AUTO(free_ptr) char *class = output_of("tc class show dev " LINK_UPLINK);
		expect(class, "class htb 1:1 root rate 300Mbit ceil 300Mbit");
		expect(class, "class htb 1:1fff parent 1:1 prio 7 rate 3Mbit ceil 300Mbit");
		/* And our own. */
		must(htb_open(LINK_UPLINK, &htb, &err), &err);
		must(htb_class_dump(htb, &classes, &err), &err);
		assert_int_equal(classes.count, 2);
		const struct htb_class *root = htb_class_find(&classes, LINK_PARENT);
		assert_non_null(root);
		assert_int_equal(root->rate_bytes_per_s, 300 * MBIT / 8);
		assert_int_equal(root->parent, HTB_ROOT);
	}
	must(link_fixture_undo(&count, &err), &err);
	/* The taps went with their descriptors, the uplink perhaps with the far namespace. */
	assert_true(count >= 1 && count <= 2);
	AUTO(free_ptr) char *after = picture();
	assert_string_equal(after, before);
}

/* A process of the far end: started from here, at home there, and the caller stays where it is. */
static void test_process_in_far(void **state)
{
	static const char *const argv[] = {"ip", "-4", "-o", "addr", NULL};
	AUTO(link_fixture) struct link_fixture *fixture = NULL;
	AUTO(buf) struct buf there = BUF_INIT;
	struct err err = ERR_INIT;

	(void)state;
	must(link_fixture_new(&ordinary, &fixture, &err), &err);
	struct spawn_options options = {.output = &there, .netns_fd = link_fixture_far(fixture)};
	must(spawn_check(argv, &options, &err), &err);
	expect(there.data, LINK_FAR_ADDRESS "/24");
	AUTO(free_ptr) char *here = output_of("ip -4 -o addr");
	assert_null(strstr(here, LINK_FAR_ADDRESS));
	/* What is no namespace is an error, and nothing runs. */
	AUTO(close_fd) int no_namespace = open("/dev/null", O_RDONLY | O_CLOEXEC);
	options.netns_fd = no_namespace;
	assert_int_equal(spawn_check(argv, &options, &err), -1);
	assert_int_equal(err.domain, ERR_SYS);
	err_clear(&err);
	must(link_fixture_undo(NULL, &err), &err);
}

/* A persistent tap waits for QEMU, which opens it by its name. */
static void test_persistent_taps(void **state)
{
	struct link_options options = ordinary;
	AUTO(link_fixture) struct link_fixture *fixture = NULL;
	AUTO(free_ptr) char *before = picture();
	struct ifreq request = {
		.ifr_name = "ll-red", .ifr_flags = (short)(IFF_TAP | IFF_NO_PI | IFF_VNET_HDR)};
	struct err err = ERR_INIT;
	size_t count;

	(void)state;
	options.taps = LINK_TAPS_PERSISTENT;
	must(link_fixture_new(&options, &fixture, &err), &err);
	assert_int_equal(link_fixture_tap_fd(fixture, 0), -1);
	{
		AUTO(close_fd) int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
		assert_true(fd >= 0);
		assert_int_equal(ioctl(fd, TUNSETIFF, &request), 0);
		AUTO(free_ptr) char *link = output_of("ip link show master " LINK_BRIDGE);
		expect(link, "ll-red: <BROADCAST,MULTICAST,UP,LOWER_UP>");
	}
	must(link_fixture_undo(&count, &err), &err);
	assert_int_equal(count, 4);
	AUTO(free_ptr) char *after = picture();
	assert_string_equal(after, before);
}

/* Other people's bridges, qdiscs and interfaces, some with names like ours, stay. */
static void test_others_untouched(void **state)
{
	AUTO(link_fixture) struct link_fixture *fixture = NULL;
	struct err err = ERR_INIT;
	size_t count;

	(void)state;
	run("ip link add br0 type bridge");
	run("ip link add ll-mine type veth peer name other");
	run("ip link set other alias limitlab");
	run("tc qdisc add dev other root tbf rate 1mbit burst 10k latency 10ms");
	AUTO(free_ptr) char *before = picture();
	must(link_fixture_new(&ordinary, &fixture, &err), &err);
	must(link_fixture_undo(&count, &err), &err);
	AUTO(free_ptr) char *after = picture();
	assert_string_equal(after, before);
	run("ip link delete br0");
	run("ip link delete other");
}

static void test_bad_options(void **state)
{
	static const char *const longest[] = {"twelve-chars"}, *const too_long[] = {"thirteen-char"},
				 *const slash[] = {"a/b"}, *const empty[] = {""};
	static const struct {
		const char *name;
		struct link_options options;
		const char *what;
	} cases[] = {
		{"rate 0", {.rate_bits_per_s = 0},
			"the rate of a link is 8kbit/s to 100Tbit/s in whole bytes, not 0bit/s"},
		{"rate beyond", {.rate_bits_per_s = UINT64_MAX - 7}, "the rate of a link is"},
		{"rate in bits", {.rate_bits_per_s = MBIT + 1}, "not 1000001bit/s"},
		{"default above", {.rate_bits_per_s = MBIT, .default_rate_bits_per_s = 2 * MBIT},
			"cannot have 2Mbit/s of a link of 1Mbit/s"},
		{"long name", {.rate_bits_per_s = MBIT, .tenants = too_long, .tenant_count = 1},
			"'thirteen-char' is too long"},
		{"slash", {.rate_bits_per_s = MBIT, .tenants = slash, .tenant_count = 1},
			"'a/b' cannot be a part"},
		{"no name", {.rate_bits_per_s = MBIT, .tenants = empty, .tenant_count = 1},
			"'' cannot be a part"},
	};
	AUTO(free_ptr) char *before = picture();
	struct link_options good = {
		.rate_bits_per_s = MBIT, .tenants = longest, .tenant_count = 1, .taps = LINK_TAPS_HELD};
	AUTO(link_fixture) struct link_fixture *fixture = NULL;
	struct err first = ERR_INIT;
	unsigned failures = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct err err = ERR_INIT;
		int result = link_fixture_new(&cases[i].options, &fixture, &err);
		AUTO(free_ptr) char *after = picture();
		if (result == -1 && !fixture && err.domain == ERR_INPUT && strstr(err.text, cases[i].what) &&
			!strcmp(before, after))
			continue;
		failures++;
		print_error("%s: %d '%s' is not '%s'\n", cases[i].name, result, err.text, cases[i].what);
	}
	assert_int_equal(failures, 0);
	must(link_fixture_new(&good, &fixture, &first), &first);
	must(link_fixture_undo(NULL, &first), &first);
}

/* A name that is taken: refused, told whose it is, nothing made. */
static void test_names_taken(void **state)
{
	static const char *const taken[] = {LINK_BRIDGE, LINK_UPLINK, "ll-red", "ll-blue"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(taken); i++) {
		for (int ours = 0; ours <= 1; ours++) {
			AUTO(free_ptr) char *add = xasprintf("ip link add %s type bridge", taken[i]);
			AUTO(free_ptr) char *alias = xasprintf("ip link set %s alias limitlab", taken[i]);
			AUTO(free_ptr) char *drop = xasprintf("ip link delete %s", taken[i]);
			struct link_fixture *fixture = NULL;
			struct err err = ERR_INIT;
			run(add);
			if (ours)
				run(alias);
			AUTO(free_ptr) char *before = picture();
			assert_int_equal(link_fixture_new(&ordinary, &fixture, &err), -1);
			AUTO(free_ptr) char *after = picture();
			assert_int_equal(err.domain, ERR_HOST);
			expect(err.text, taken[i]);
			expect(err.text, ours ? "left by an earlier run" : "it is not limitlab's");
			assert_true(err.remedy[0] != '\0');
			assert_string_equal(after, before);
			/* The check alone says the same, also for taps that somebody else will make. */
			struct link_options theirs = ordinary;
			theirs.taps = LINK_TAPS_NONE;
			struct err why = ERR_INIT;
			assert_int_equal(link_fixture_check(&theirs, false, &why), -1);
			expect(err.text, why.text);
			assert_int_equal(link_fixture_check(&theirs, true, NULL), ours ? 0 : -1);
			run(drop);
		}
	}
}

static void test_probe(void **state)
{
	AUTO(free_ptr) char *before = picture();
	struct err err = ERR_INIT;

	(void)state;
	must(link_fixture_probe(&err), &err);
	AUTO(free_ptr) char *after = picture();
	assert_string_equal(after, before);
}

/* Without rights: said so, with the remedy. */
static void test_no_right(void **state)
{
	AUTO(free_ptr) char *before = picture();
	struct link_fixture *fixture = NULL;
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(seteuid(65534), 0);
	int result = link_fixture_new(&ordinary, &fixture, &err);
	assert_int_equal(seteuid(0), 0);
	AUTO(free_ptr) char *after = picture();
	assert_int_equal(result, -1);
	assert_string_equal(after, before);
	assert_int_equal(err.domain, ERR_HOST);
	assert_true(err.remedy[0] != '\0');
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_made_and_undone),
		cmocka_unit_test(test_process_in_far),
		cmocka_unit_test(test_persistent_taps),
		cmocka_unit_test(test_others_untouched),
		cmocka_unit_test(test_bad_options),
		cmocka_unit_test(test_names_taken),
		cmocka_unit_test(test_probe),
		cmocka_unit_test(test_no_right),
	};

	if (unshare(CLONE_NEWNET)) {
		bool must_work = getenv("LIMITLAB_MUST_WORK") != NULL;
		printf(must_work ? "1..1\nnot ok 1 - cannot make a network namespace\n"
				 : "1..0 # SKIP cannot make a network namespace\n");
		return must_work;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
