/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/units.h"

#define MIB (UINT64_C(1) << 20)
#define TIB (UINT64_C(1) << 40)

static void test_parse(void **state)
{
	static const struct {
		const char *text;
		enum quantity quantity;
		uint64_t value;
	} cases[] = {
		{"4096", QUANTITY_COUNT, 4096},
		{"0", QUANTITY_COUNT, 0},
		{"0004", QUANTITY_COUNT, 4},
		{"18446744073709551615", QUANTITY_COUNT, UINT64_MAX},
		{"192MiB", QUANTITY_BYTES, 192 * MIB},
		{"192 MiB", QUANTITY_BYTES, 192 * MIB},
		{"1.5GiB", QUANTITY_BYTES, 1536 * MIB},
		{"0.5KiB", QUANTITY_BYTES, 512},
		{"1TiB", QUANTITY_BYTES, TIB},
		{"0B", QUANTITY_BYTES, 0},
		/* Decimal and binary prefixes stay apart. */
		{"1kB", QUANTITY_BYTES, 1000},
		{"1KiB", QUANTITY_BYTES, 1024},
		{"1MB", QUANTITY_BYTES, 1000000},
		{"300Mbit/s", QUANTITY_BITS_PER_S, 300000000},
		{"1.25Gbit/s", QUANTITY_BITS_PER_S, 1250000000},
		{"50MiB/s", QUANTITY_BYTES_PER_S, 50 * MIB},
		{"50MB/s", QUANTITY_BYTES_PER_S, 50000000},
		{"20s", QUANTITY_DURATION_NS, UINT64_C(20000000000)},
		{"0.25s", QUANTITY_DURATION_NS, 250000000},
		{"0", QUANTITY_DURATION_NS, 0},
		{"1.5min", QUANTITY_DURATION_NS, UINT64_C(90000000000)},
		{"7ns", QUANTITY_DURATION_NS, 7},
		{"50ms", QUANTITY_DURATION_US, 50000},
		{"0.001ms", QUANTITY_DURATION_US, 1},
		{"66.7%", QUANTITY_PARTS_PER_MILLION, 667000},
		{"100 %", QUANTITY_PARTS_PER_MILLION, 1000000},
		{"0.0001%", QUANTITY_PARTS_PER_MILLION, 1},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct err err = ERR_INIT;
		uint64_t value = 77;
		if (units_parse(cases[i].text, cases[i].quantity, &value, &err))
			fail_msg("'%s': %s", cases[i].text, err.text);
		if (value != cases[i].value)
			fail_msg("'%s' is %" PRIu64 ", not %" PRIu64, cases[i].text, value, cases[i].value);
	}
}

static void test_refuse(void **state)
{
	static const struct {
		const char *what, *text;
		enum quantity quantity;
		const char *says;
	} cases[] = {
		{"empty", "", QUANTITY_BYTES, "is not a size"},
		{"no number", "MiB", QUANTITY_BYTES, "is not a size"},
		{"negative", "-1MiB", QUANTITY_BYTES, "is not a size"},
		{"signed", "+1MiB", QUANTITY_BYTES, "is not a size"},
		{"blank in front", " 1MiB", QUANTITY_BYTES, "is not a size"},
		{"hexadecimal", "0x10", QUANTITY_COUNT, "unknown unit"},
		{"exponent", "1e3", QUANTITY_COUNT, "unknown unit"},
		{"comma", "1,5MiB", QUANTITY_BYTES, "unknown unit"},
		{"two points", "1.5.5MiB", QUANTITY_BYTES, "unknown unit"},
		{"point at the end", "1.MiB", QUANTITY_BYTES, "is not a size"},
		{"point at the start", ".5MiB", QUANTITY_BYTES, "is not a size"},
		{"no unit", "192", QUANTITY_BYTES, "unit is missing"},
		{"no unit, time", "20", QUANTITY_DURATION_NS, "unit is missing"},
		{"no unit, percent", "66.7", QUANTITY_PARTS_PER_MILLION, "unit is missing"},
		{"unit where there is none", "4096MiB", QUANTITY_COUNT, "unknown unit"},
		{"ambiguous prefix", "192M", QUANTITY_BYTES, "unknown unit"},
		{"wrong case", "192mib", QUANTITY_BYTES, "unknown unit"},
		{"wrong case, bits", "300mbit/s", QUANTITY_BITS_PER_S, "unknown unit"},
		{"bits are not bytes", "300Mbit/s", QUANTITY_BYTES_PER_S, "unknown unit"},
		{"a size is no rate", "50MiB", QUANTITY_BYTES_PER_S, "unknown unit"},
		{"more behind it", "20s x", QUANTITY_DURATION_NS, "unknown unit"},
		{"too fine", "0.5B", QUANTITY_BYTES, "finer than"},
		{"too fine, us", "1ns", QUANTITY_DURATION_US, "unknown unit"},
		{"too fine, percent", "0.00001%", QUANTITY_PARTS_PER_MILLION, "finer than"},
		{"fraction of a count", "1.5", QUANTITY_COUNT, "finer than"},
		{"digits overflow", "18446744073709551616", QUANTITY_COUNT, "is not a whole number"},
		{"digits overflow by 10", "99999999999999999999", QUANTITY_COUNT, "is not a whole number"},
		{"factor overflows", "16777216TiB", QUANTITY_BYTES, "too large"},
		{"hours overflow", "5124096h", QUANTITY_DURATION_NS, "too large"},
		{"fraction overflows", "18446744073709551.616kB", QUANTITY_BYTES, "too large"},
		{"very many digits", "0.00000000000000000001TiB", QUANTITY_BYTES, "is not a size"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct err err = ERR_INIT;
		uint64_t value = 77;
		if (!units_parse(cases[i].text, cases[i].quantity, &value, &err))
			fail_msg("%s: '%s' was taken for %" PRIu64, cases[i].what, cases[i].text, value);
		assert_int_equal(value, 77);
		assert_int_equal(err.domain, ERR_INPUT);
		if (!strstr(err.text, cases[i].says))
			fail_msg("%s: '%s' is not in '%s'", cases[i].what, cases[i].says, err.text);
		/* What would be right is always part of it. */
		if (!strstr(err.text, units_example(cases[i].quantity)))
			fail_msg("%s: no example in '%s'", cases[i].what, err.text);
	}
}

static void test_format(void **state)
{
	static const struct {
		uint64_t value;
		enum quantity quantity;
		const char *text;
	} cases[] = {
		{4096, QUANTITY_COUNT, "4096"},
		{0, QUANTITY_COUNT, "0"},
		{192 * MIB, QUANTITY_BYTES, "192MiB"},
		{1536 * MIB, QUANTITY_BYTES, "1536MiB"},
		{1500000, QUANTITY_BYTES, "1500kB"},
		{1, QUANTITY_BYTES, "1B"},
		{0, QUANTITY_BYTES, "0B"},
		{300000000, QUANTITY_BITS_PER_S, "300Mbit/s"},
		{0, QUANTITY_BITS_PER_S, "0bit/s"},
		{50 * MIB, QUANTITY_BYTES_PER_S, "50MiB/s"},
		{UINT64_C(20000000000), QUANTITY_DURATION_NS, "20s"},
		{UINT64_C(90000000000), QUANTITY_DURATION_NS, "90s"},
		{0, QUANTITY_DURATION_NS, "0s"},
		{50000, QUANTITY_DURATION_US, "50ms"},
		{667000, QUANTITY_PARTS_PER_MILLION, "66.7%"},
		{1000000, QUANTITY_PARTS_PER_MILLION, "100%"},
		{0, QUANTITY_PARTS_PER_MILLION, "0%"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(free_ptr) char *text = units_format(cases[i].value, cases[i].quantity);
		assert_string_equal(text, cases[i].text);
	}
}

/* What is written is read back exactly: small values, powers, their neighbours, the largest. */
static void test_round_trip(void **state)
{
	unsigned count = 0;

	(void)state;
	for (enum quantity quantity = QUANTITY_COUNT; quantity <= QUANTITY_PARTS_PER_MILLION; quantity++) {
		for (unsigned base = 2; base <= 10; base += 8) {
			uint64_t power = 1;
			do {
				for (int off = -1; off <= 1; off++) {
					uint64_t value = power + (uint64_t)(int64_t)off, back = 0;
					struct err err = ERR_INIT;
					AUTO(free_ptr) char *text = units_format(value, quantity);
					if (units_parse(text, quantity, &back, &err))
						fail_msg("'%s' of %" PRIu64 ": %s", text, value, err.text);
					if (back != value)
						fail_msg(
							"%" PRIu64 " -> '%s' -> %" PRIu64, value, text, back);
					AUTO(free_ptr)
					char *decimal = units_format_decimal(value, quantity);
					if (units_parse(decimal, quantity, &back, &err) || back != value)
						fail_msg("%" PRIu64 " -> '%s' -> %" PRIu64 " %s", value,
							decimal, back, err.text);
					count++;
				}
			} while (!__builtin_mul_overflow(power, base, &power));
		}
		uint64_t back = 0;
		AUTO(free_ptr) char *text = units_format(UINT64_MAX, quantity);
		assert_int_equal(units_parse(text, quantity, &back, NULL), 0);
		assert_true(back == UINT64_MAX);
	}
	assert_int_equal(count, 7 * 3 * (64 + 20));
}

static void test_decimal(void **state)
{
	static const struct {
		uint64_t value;
		enum quantity quantity;
		const char *text;
	} cases[] = {
		{4096, QUANTITY_COUNT, "4096"},
		{0, QUANTITY_BYTES, "0B"},
		{13107200, QUANTITY_BYTES_PER_S, "12.5MiB/s"},
		{UINT64_C(300) << 20, QUANTITY_BYTES, "300MiB"},
		{1500000, QUANTITY_BYTES, "1.5MB"},
		{270500000, QUANTITY_BITS_PER_S, "270.5Mbit/s"},
		{1234567, QUANTITY_BITS_PER_S, "1234.567kbit/s"},
		{20500000, QUANTITY_DURATION_NS, "20.5ms"},
		{90000000000, QUANTITY_DURATION_NS, "1.5min"},
		{667000, QUANTITY_PARTS_PER_MILLION, "66.7%"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(free_ptr) char *text = units_format_decimal(cases[i].value, cases[i].quantity);
		assert_string_equal(text, cases[i].text);
	}
}

/* The example in the messages is a right value. */
static void test_examples(void **state)
{
	(void)state;
	for (enum quantity quantity = QUANTITY_COUNT; quantity <= QUANTITY_PARTS_PER_MILLION; quantity++) {
		uint64_t value;
		assert_int_equal(units_parse(units_example(quantity), quantity, &value, NULL), 0);
		AUTO(free_ptr) char *text = units_format(value, quantity);
		assert_string_equal(text, units_example(quantity));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_refuse),
		cmocka_unit_test(test_format),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_decimal),
		cmocka_unit_test(test_examples),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
