/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Human units, converted once, at the edge.  A number, then a unit without a space or with one: "192MiB", "300Mbit/s",
 * "20s", "66.7%".  Binary prefixes (KiB, MiB, GiB, TiB) are powers of 1024, decimal ones (kB, MB, GB, kbit, Mbit,
 * Gbit) powers of 1000, as in IEC 80000-13.  A bare number is accepted only where the quantity has no unit.
 */
#ifndef LIMITLAB_BASE_UNITS_H
#define LIMITLAB_BASE_UNITS_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum quantity {
	QUANTITY_COUNT,             /* "4096": no unit */
	QUANTITY_BYTES,             /* "192MiB" -> bytes */
	QUANTITY_BITS_PER_S,        /* "300Mbit/s" -> bits per second */
	QUANTITY_BYTES_PER_S,       /* "50MiB/s" -> bytes per second */
	QUANTITY_DURATION_NS,       /* "20s", "200ms", "50us", "1min" -> nanoseconds; a bare 0 is accepted */
	QUANTITY_DURATION_US,       /* the same, in microseconds (cpu.period, cpu.quota) */
	QUANTITY_PARTS_PER_MILLION, /* "66.7%" -> 667000 */
};

/* Errors are ERR_INPUT and say what a right value looks like. */
int units_parse(const char *text, enum quantity quantity, uint64_t *ret_value, struct err *err);
/* The shortest exact human form ("192MiB", "300Mbit/s", "20s", "66.7%", "4096"); units_parse() gives it back. */
char *units_format(uint64_t value, enum quantity quantity);
/* The same, but with up to three decimals where that takes a larger unit: "12.5MiB/s", not "12800KiB/s". */
char *units_format_decimal(uint64_t value, enum quantity quantity);
/* An example of a right value, for messages: "192MiB". */
const char *units_example(enum quantity quantity);

#endif
