/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The catalogue of limits: complete, findable, and its values read, checked and written back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "applier/limit.h"
#include "base/auto.h"

static void every_limit_is_complete_and_found(void **state)
{
	(void)state;
	for (int i = 0; i < LIMIT_COUNT; i++) {
		const struct limit_spec *spec = limit_spec((enum limit_id)i);
		uint64_t value = 0;
		struct err err = ERR_INIT;
		assert_int_equal((int)spec->id, i);
		assert_ptr_equal(limit_find(spec->name), spec);
		assert_non_null(spec->unit);
		assert_non_null(spec->summary);
		assert_true(strlen(spec->summary) > 0);
		assert_true(spec->min < spec->max);
		/* Its name begins with its resource. */
		assert_memory_equal(spec->name, spec->resource, strlen(spec->resource));
		assert_int_equal(limit_parse_value(spec, spec->example, &value, &err), 0);
		AUTO(free_ptr) char *back = limit_format_value(spec, value);
		assert_string_equal(back, spec->example);
	}
	assert_null(limit_find("cpu.share"));
	assert_null(limit_find(""));
}

static const struct {
	const char *name, *limit, *text;
	uint64_t value;
	const char *back;
} good[] = {
	{"shares", "cpu.shares", "1024", 1024, "1024"},
	{"least shares", "cpu.shares", "2", 2, "2"},
	{"most shares", "cpu.shares", "262144", 262144, "262144"},
	{"quota", "cpu.quota", "50ms", 50000, "50ms"},
	{"quota in seconds", "cpu.quota", "1.5s", 1500000, "1500ms"},
	{"quota with a space", "cpu.quota", "1500 us", 1500, "1500us"},
	{"no quota", "cpu.quota", "max", LIMIT_UNLIMITED, "max"},
	{"most quota", "cpu.quota", "17592186044415us", 17592186044415, "17592186044415us"},
	{"period", "cpu.period", "100ms", 100000, "100ms"},
	{"best priority", "net.priority", "0", 0, "0"},
	{"worst priority", "net.priority", "7", 7, "7"},
	{"rate", "net.rate", "300Mbit/s", 300000000, "300Mbit/s"},
	{"least rate", "net.rate", "8kbit/s", 8000, "8kbit/s"},
	{"most ceil", "net.ceil", "100Tbit/s", 100000000000000, "100Tbit/s"},
	{"quantum", "net.quantum", "1514B", 1514, "1514B"},
	{"soft limit", "memory.soft", "300MiB", 314572800, "300MiB"},
	{"least soft limit", "memory.soft", "1MiB", 1048576, "1MiB"},
	{"no soft limit", "memory.soft", "max", LIMIT_UNLIMITED, "max"},
	{"hard limit of decimal size", "memory.hard", "300MB", 300000000, "300MB"},
	{"most memory", "memory.hard", "1024TiB", 1125899906842624, "1024TiB"},
	{"least weight", "disk.weight", "1", 1, "1"},
	{"most weight", "disk.weight", "1000", 1000, "1000"},
	{"disk throttle", "disk.read_bytes_per_s", "10MiB/s", 10485760, "10MiB/s"},
	{"no disk throttle", "disk.write_iops", "max", LIMIT_UNLIMITED, "max"},
	{"QEMU's throttle", "disk.qemu_read_iops", "500", 500, "500"},
	{"no swap", "memory.swap", "0B", 0, "0B"},
	{"no protection", "memory.protect", "0B", 0, "0B"},
};

static void good_values_are_read_and_written(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		const struct limit_spec *spec = limit_find(good[i].limit);
		struct err err = ERR_INIT;
		uint64_t value = 0;
		if (limit_parse_value(spec, good[i].text, &value, &err) < 0)
			fail_msg("%s: %s", good[i].name, err.text);
		AUTO(free_ptr) char *back = limit_format_value(spec, value);
		if (value != good[i].value || strcmp(back, good[i].back) != 0)
			fail_msg("%s: %ju '%s', not %ju '%s'", good[i].name, (uintmax_t)value, back,
				(uintmax_t)good[i].value, good[i].back);
	}
}

static const struct {
	const char *name, *limit, *text, *what;
} bad[] = {
	{"too few shares", "cpu.shares", "1",
		"cpu.shares '1' is out of range; it takes 2 to 262144, for example 1024"},
	{"too many shares", "cpu.shares", "262145", "it takes 2 to 262144"},
	{"negative shares", "cpu.shares", "-1", "bad value for cpu.shares"},
	{"shares with a unit", "cpu.shares", "1024ms", "bad value for cpu.shares"},
	{"shares without limit", "cpu.shares", "max", "bad value for cpu.shares"},
	{"shares beyond 64 bits", "cpu.shares", "99999999999999999999", "bad value for cpu.shares"},
	{"empty", "cpu.shares", "", "bad value for cpu.shares"},
	{"quota without unit", "cpu.quota", "50000", "the unit is missing"},
	{"too small a quota", "cpu.quota", "999us", "it takes 1ms to 17592186044415us, or max for no limit"},
	{"quota in bytes", "cpu.quota", "50MiB", "unknown unit"},
	{"too long a period", "cpu.period", "2s", "it takes 1ms to 1s, for example 100ms"},
	{"period without limit", "cpu.period", "max", "bad value for cpu.period"},
	{"priority 8", "net.priority", "8",
		"net.priority '8' is out of range; it takes 0 to 7, for example 1"},
	{"negative priority", "net.priority", "-1", "bad value for net.priority"},
	{"rate 0", "net.rate", "0bit/s", "it takes 8kbit/s to 100Tbit/s"},
	{"rate beyond 64 bits", "net.rate", "99999999999Tbit/s", "too large"},
	{"rate in bytes", "net.rate", "10MB/s", "unknown unit"},
	{"rate without unit", "net.ceil", "1000000", "the unit is missing"},
	{"no ceil", "net.ceil", "max", "bad value for net.ceil"},
	{"quantum 0", "net.quantum", "0B", "it takes 1kB to 100MB"},
	{"too small a soft limit", "memory.soft", "1023KiB",
		"memory.soft '1023KiB' is out of range; it takes 1MiB to 1024TiB, or max for no limit, for example 300MiB"},
	{"no weight", "disk.weight", "0",
		"disk.weight '0' is out of range; it takes 1 to 1000, for example 500"},
	{"too much weight", "disk.weight", "1001", "it takes 1 to 1000"},
	{"weight without limit", "disk.weight", "max", "bad value for disk.weight"},
	{"throttle in bits", "disk.read_bytes_per_s", "10Mbit/s", "bad value for disk.read_bytes_per_s"},
	{"throttle below a page", "disk.qemu_write_bytes_per_s", "4095B/s",
		"or max for no limit, for example 10MiB/s"},
	{"too small a hard limit", "memory.hard", "0B", "it takes 1MiB to 1024TiB"},
	{"memory without a unit", "memory.soft", "300", "the unit is missing"},
	{"memory of an unknown unit", "memory.hard", "300MiBB", "unknown unit"},
	{"finer than a microsecond", "cpu.period", "1.0005ms", "finer than its smallest unit"},
};

static void bad_values_say_what_is_right(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct err err = ERR_INIT;
		uint64_t value = 7;
		int result = limit_parse_value(limit_find(bad[i].limit), bad[i].text, &value, &err);
		if (result != -1 || value != 7 || err.domain != ERR_INPUT || !strstr(err.text, bad[i].what))
			fail_msg("%s: result %d, value %ju, '%s' lacks '%s'", bad[i].name, result,
				(uintmax_t)value, err.text, bad[i].what);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_limit_is_complete_and_found),
		cmocka_unit_test(good_values_are_read_and_written),
		cmocka_unit_test(bad_values_say_what_is_right),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
