/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/units.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/auto.h"
#include "base/buf.h"

struct unit {
	const char *name;
	uint64_t factor;
};

/* Largest first: the first unit that divides a value without rest is the one it is written in. */
static const struct unit byte_units[] = {
	{"TiB", UINT64_C(1) << 40},
	{"GiB", UINT64_C(1) << 30},
	{"MiB", UINT64_C(1) << 20},
	{"KiB", UINT64_C(1) << 10},
	{"TB", UINT64_C(1000000000000)},
	{"GB", 1000000000},
	{"MB", 1000000},
	{"kB", 1000},
	{"B", 1},
	{NULL, 0},
};
static const struct unit bit_rate_units[] = {
	{"Tbit/s", UINT64_C(1000000000000)},
	{"Gbit/s", 1000000000},
	{"Mbit/s", 1000000},
	{"kbit/s", 1000},
	{"bit/s", 1},
	{NULL, 0},
};
static const struct unit byte_rate_units[] = {
	{"TiB/s", UINT64_C(1) << 40},
	{"GiB/s", UINT64_C(1) << 30},
	{"MiB/s", UINT64_C(1) << 20},
	{"KiB/s", UINT64_C(1) << 10},
	{"GB/s", 1000000000},
	{"MB/s", 1000000},
	{"kB/s", 1000},
	{"B/s", 1},
	{NULL, 0},
};
static const struct unit ns_units[] = {
	{"h", UINT64_C(3600000000000)},
	{"min", UINT64_C(60000000000)},
	{"s", 1000000000},
	{"ms", 1000000},
	{"us", 1000},
	{"ns", 1},
	{NULL, 0},
};
static const struct unit us_units[] = {
	{"h", UINT64_C(3600000000)},
	{"min", 60000000},
	{"s", 1000000},
	{"ms", 1000},
	{"us", 1},
	{NULL, 0},
};
static const struct unit ppm_units[] = {{"%", 10000}, {NULL, 0}};
static const struct unit no_units[] = {{NULL, 0}};

static const struct quantity_spec {
	const struct unit *units;
	const char *example;
	const char *noun;
} quantities[] = {
	[QUANTITY_COUNT] = {no_units, "4096", "a whole number"},
	[QUANTITY_BYTES] = {byte_units, "192MiB", "a size"},
	[QUANTITY_BITS_PER_S] = {bit_rate_units, "300Mbit/s", "a rate in bits"},
	[QUANTITY_BYTES_PER_S] = {byte_rate_units, "50MiB/s", "a rate in bytes"},
	[QUANTITY_DURATION_NS] = {ns_units, "20s", "a time"},
	[QUANTITY_DURATION_US] = {us_units, "50ms", "a time"},
	[QUANTITY_PARTS_PER_MILLION] = {ppm_units, "66.7%", "a percentage"},
};

const char *units_example(enum quantity quantity)
{
	return quantities[quantity].example;
}

static int bad(const char *text, enum quantity quantity, const char *why, struct err *err)
{
	const struct quantity_spec *spec = &quantities[quantity];

	return err_input(
		err, "'%s' is not %s%s; write it as in \"%s\"", text, spec->noun, why, spec->example);
}

/*
 * Decimal digits, at most one point: *ret_whole and the digits after the point as *ret_fraction / *ret_scale.  No
 * floating point, so that every value that can be written is read exactly.
 */
static const char *parse_decimal(
	const char *at, uint64_t *ret_whole, uint64_t *ret_fraction, uint64_t *ret_scale)
{
	uint64_t whole = 0, fraction = 0, scale = 1;

	if (!isdigit((unsigned char)*at))
		return NULL;
	for (; isdigit((unsigned char)*at); at++) {
		if (__builtin_mul_overflow(whole, 10, &whole) ||
			__builtin_add_overflow(whole, (uint64_t)(*at - '0'), &whole))
			return NULL;
	}
	if (*at == '.') {
		at++;
		if (!isdigit((unsigned char)*at))
			return NULL;
		for (; isdigit((unsigned char)*at); at++) {
			if (scale >= UINT64_C(1000000000000))
				return NULL;
			fraction = fraction * 10 + (uint64_t)(*at - '0');
			scale *= 10;
		}
	}
	*ret_whole = whole;
	*ret_fraction = fraction;
	*ret_scale = scale;
	return at;
}

int units_parse(const char *text, enum quantity quantity, uint64_t *ret_value, struct err *err)
{
	uint64_t whole, fraction, scale, factor = 0, value;
	const struct unit *units = quantities[quantity].units;

	const char *unit = parse_decimal(text, &whole, &fraction, &scale);
	if (!unit)
		return bad(text, quantity, "", err);
	while (*unit == ' ')
		unit++;
	if (!units->name && !*unit)
		factor = 1;
	else if (!*unit && quantity == QUANTITY_DURATION_NS && !whole && !fraction)
		factor = 1;
	for (; units->name && !factor; units++)
		if (!strcmp(units->name, unit))
			factor = units->factor;
	if (!factor)
		return bad(text, quantity, *unit ? ": unknown unit" : ": the unit is missing", err);
	/* 128 bits: the fraction has up to twelve digits, the factor up to 2^40. */
	__extension__ unsigned __int128 part = (unsigned __int128)fraction * factor;
	if (part % scale)
		return bad(text, quantity, ": finer than its smallest unit", err);
	if (__builtin_mul_overflow(whole, factor, &value) ||
		__builtin_add_overflow(value, (uint64_t)(part / scale), &value))
		return bad(text, quantity, ": too large", err);
	*ret_value = value;
	return 0;
}

char *units_format(uint64_t value, enum quantity quantity)
{
	const struct unit *unit = quantities[quantity].units;

	if (quantity == QUANTITY_PARTS_PER_MILLION) {
		AUTO(free_ptr)
		char *text = xasprintf("%llu.%04llu", (unsigned long long)(value / 10000),
			(unsigned long long)(value % 10000));
		size_t length = strlen(text);
		while (text[length - 1] == '0')
			length--;
		if (text[length - 1] == '.')
			length--;
		return xasprintf("%.*s%%", (int)length, text);
	}
	if (!unit->name)
		return xasprintf("%llu", (unsigned long long)value);
	/* Nothing is best said in the largest unit's place as 0 of the base unit that people use. */
	if (!value)
		return xasprintf("0%s", quantity == QUANTITY_DURATION_NS || quantity == QUANTITY_DURATION_US
						? "s"
						: (quantity == QUANTITY_BYTES                ? "B"
							  : quantity == QUANTITY_BYTES_PER_S ? "B/s"
											     : "bit/s"));
	while (value % unit->factor)
		unit++;
	return xasprintf("%llu%s", (unsigned long long)(value / unit->factor), unit->name);
}

char *units_format_decimal(uint64_t value, enum quantity quantity)
{
	const struct unit *unit = quantities[quantity].units;

	if (quantity == QUANTITY_PARTS_PER_MILLION)
		return units_format(value, quantity);
	for (; unit->name; unit++) {
		__extension__ unsigned __int128 thousandths = (unsigned __int128)value * 1000;
		if (value < unit->factor || thousandths % unit->factor)
			continue;
		unsigned fraction = (unsigned)(thousandths / unit->factor % 1000);
		AUTO(free_ptr)
		char *digits = xasprintf("%llu.%03u", (unsigned long long)(value / unit->factor), fraction);
		size_t length = strlen(digits);
		while (digits[length - 1] == '0')
			length--;
		if (digits[length - 1] == '.')
			length--;
		return xasprintf("%.*s%s", (int)length, digits, unit->name);
	}
	return units_format(value, quantity);
}
