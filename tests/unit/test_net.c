/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The pure parts of the network limits: quantum and burst of a rate, and the classifier that matches a MAC. */
#include <arpa/inet.h>
#include <linux/pkt_cls.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "applier/htb.h"
#include "applier/net.h"
#include "applier/net_internal.h"
#include "applier/u32_mac.h"
#include "base/auto.h"

#define MBIT UINT64_C(1000000)

static void quanta_follow_rates(void **state)
{
	static const struct {
		const char *name;
		uint64_t rate_bits_per_s;
		uint32_t quantum_bytes;
	} cases[] = {
		{"nothing", 0, 1514},
		{"least rate", 8000, 1514},
		{"still one frame", 242239, 1514},
		{"10 Mbit/s", 10 * MBIT, 62500},
		{"15 Mbit/s", 15 * MBIT, 93750},
		{"39 Mbit/s", 39 * MBIT, 243750},
		{"1 Gbit/s", 1000 * MBIT, 6250000},
		{"100 Tbit/s", 100 * MBIT * MBIT, 10000000},
		{"any", UINT64_MAX, 10000000},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint32_t got = net_quantum_bytes(cases[i].rate_bits_per_s);
		if (got != cases[i].quantum_bytes)
			fail_msg("%s: %u, not %u", cases[i].name, got, cases[i].quantum_bytes);
	}
}

static void bursts_cover_a_late_timer(void **state)
{
	static const struct {
		const char *name;
		uint64_t rate_bytes_per_s;
		uint32_t burst_bytes;
	} cases[] = {
		{"nothing", 0, 3028},
		{"10 Mbit/s", 10 * MBIT / 8, 3028 + 12500},
		{"300 Mbit/s", 300 * MBIT / 8, 3028 + 375000},
		{"beyond 32 bits", UINT64_C(1) << 40, UINT32_C(256) << 20},
		{"any", UINT64_MAX, UINT32_C(256) << 20},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint32_t got = htb_burst_bytes(cases[i].rate_bytes_per_s);
		if (got != cases[i].burst_bytes)
			fail_msg("%s: %u, not %u", cases[i].name, got, cases[i].burst_bytes);
	}
}

/* As the kernel sends it: the selector, then its keys. */
struct selector {
	struct tc_u32_sel head;
	struct tc_u32_key keys[3];
};

static const uint8_t mac[6] = {0x52, 0x54, 0x00, 0xab, 0xcd, 0xef};

static void make_selector(struct selector *ret_selector)
{
	struct u32_mac_key keys[U32_MAC_KEYS];

	u32_mac_keys(mac, keys);
	memset(ret_selector, 0, sizeof(*ret_selector));
	ret_selector->head.nkeys = U32_MAC_KEYS;
	for (size_t i = 0; i < U32_MAC_KEYS; i++)
		ret_selector->keys[i] = (struct tc_u32_key){
			.val = keys[i].value, .mask = keys[i].mask, .off = keys[i].offset};
}

/* The keys, laid over a frame, match its source address and nothing else. */
static void keys_match_the_source_address(void **state)
{
	uint8_t frame[64];
	struct u32_mac_key keys[U32_MAC_KEYS];

	(void)state;
	u32_mac_keys(mac, keys);
	for (int changed = -1; changed < 14; changed++) {
		bool matches = true;
		memset(frame, 0x77, sizeof(frame));
		memcpy(frame + 6, mac, 6);
		if (changed >= 0)
			frame[changed] ^= 1;
		for (size_t i = 0; i < U32_MAC_KEYS; i++) {
			uint32_t word;
			memcpy(&word, frame + 14 + keys[i].offset, sizeof(word));
			matches = matches && !((word ^ keys[i].value) & keys[i].mask);
		}
		if (matches != (changed < 6 || changed > 11))
			fail_msg("byte %d changed: %s", changed, matches ? "matches" : "does not match");
	}
}

static void other_selectors_are_not_ours(void **state)
{
	struct selector selector;
	size_t length = offsetof(struct selector, keys) + U32_MAC_KEYS * sizeof(struct tc_u32_key);
	uint8_t got[6] = {0};

	(void)state;
	make_selector(&selector);
	assert_true(u32_mac_read(&selector, length, got));
	assert_memory_equal(got, mac, sizeof(mac));
	assert_false(u32_mac_read(&selector, length - 1, got));
	assert_false(u32_mac_read(&selector, 0, got));
	for (int change = 0; change < 5; change++) {
		make_selector(&selector);
		selector.head.nkeys = change == 0 ? 3 : U32_MAC_KEYS;
		selector.keys[0].off += change == 1;
		selector.keys[1].off += change == 2;
		selector.keys[0].mask = change == 3 ? htonl(0xffffff00) : selector.keys[0].mask;
		selector.keys[1].mask = change == 4 ? htonl(0xffffffff) : selector.keys[1].mask;
		if (u32_mac_read(&selector, sizeof(selector), got))
			fail_msg("change %d was taken for ours", change);
	}
}

/* After a change of priority the filter points to the other class of the two. */
static void only_live_classes_guarantee(void **state)
{
	struct htb_filter one[] = {{.class_id = 0x00010011}, {.class_id = 0x00018012}};
	const struct htb_filter_list filters = {.items = one, .count = ARRAY_SIZE(one)};
	static const struct {
		const char *name;
		struct htb_class class;
		bool expected;
	} cases[] = {
		{"live, as made", {.id = 0x00010011}, true},
		{"its spare one", {.id = 0x00018011}, false},
		{"its spare one drains", {.id = 0x00018011, .backlog_packets = 1}, true},
		{"live, after a change", {.id = 0x00018012}, true},
		{"the one before", {.id = 0x00010012}, false},
		{"the one before drains", {.id = 0x00010012, .backlog_packets = 1}, true},
		{"a class of no VM", {.id = 0x00010002}, true},
		{"a spare one that nobody has", {.id = 0x00018013}, false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (net_guarantees(&cases[i].class, &filters) != cases[i].expected)
			fail_msg("%s", cases[i].name);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(quanta_follow_rates),
		cmocka_unit_test(bursts_cover_a_late_timer),
		cmocka_unit_test(keys_match_the_source_address),
		cmocka_unit_test(other_selectors_are_not_ours),
		cmocka_unit_test(only_live_classes_guarantee),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
