/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/buf.h"

static void grows_and_stays_terminated(void **state)
{
	AUTO(buf) struct buf buf = BUF_INIT;

	(void)state;
	for (int i = 0; i < 10000; i++) {
		buf_addf(&buf, "%d,", i % 10);
		assert_int_equal(buf.data[buf.length], '\0');
	}
	assert_int_equal(buf.length, 20000);
	assert_int_equal(strncmp(buf.data + 19990, "5,6,7,8,9,", 10), 0);
}

static void holds_zero_bytes(void **state)
{
	AUTO(buf) struct buf buf = BUF_INIT;

	(void)state;
	buf_add(&buf, "a\0b", 3);
	buf_add(&buf, NULL, 0);
	assert_int_equal(buf.length, 3);
	assert_memory_equal(buf.data, "a\0b", 4);
}

static void consume_and_reset(void **state)
{
	AUTO(buf) struct buf buf = BUF_INIT;

	(void)state;
	buf_consume(&buf, 0);
	buf_adds(&buf, "hello world");
	buf_consume(&buf, 6);
	assert_string_equal(buf.data, "world");
	buf_consume(&buf, 5);
	assert_string_equal(buf.data, "");
	buf_adds(&buf, "again");
	buf_reset(&buf);
	assert_int_equal(buf.length, 0);
	assert_string_equal(buf.data, "");
}

static void steal_is_never_null(void **state)
{
	struct buf buf = BUF_INIT;

	(void)state;
	AUTO(free_ptr) char *nothing = buf_steal(&buf);
	assert_string_equal(nothing, "");
	buf_adds(&buf, "x");
	AUTO(free_ptr) char *text = buf_steal(&buf);
	assert_string_equal(text, "x");
	assert_null(buf.data);
	assert_int_equal(buf.length, 0);
}

static void long_formats(void **state)
{
	AUTO(buf) struct buf buf = BUF_INIT;

	(void)state;
	buf_addf(&buf, "%5000d|", 1);
	assert_int_equal(buf.length, 5001);
	assert_int_equal(buf.data[5000], '|');
}

static void xgrow_zeroes_what_is_new(void **state)
{
	AUTO(free_ptr) uint32_t *array = NULL;
	size_t capacity = 0;

	(void)state;
	for (size_t i = 0; i < 1000; i++) {
		array = xgrow(array, i, &capacity, sizeof(*array));
		assert_true(capacity > i);
		assert_int_equal(array[i], 0);
		array[i] = (uint32_t)i + 1;
	}
	for (size_t i = 0; i < 1000; i++)
		assert_int_equal(array[i], i + 1);
}

static void copies(void **state)
{
	(void)state;
	AUTO(free_ptr) char *whole = xstrdup("limit");
	AUTO(free_ptr) char *part = xstrndup("limitlab", 5);
	AUTO(free_ptr) char *made = xasprintf("%s%d", "limit", 5);
	AUTO(free_ptr) char *none = xcalloc(0, 8);
	assert_string_equal(whole, "limit");
	assert_string_equal(part, "limit");
	assert_string_equal(made, "limit5");
	assert_non_null(none);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(grows_and_stays_terminated),
		cmocka_unit_test(holds_zero_bytes),
		cmocka_unit_test(consume_and_reset),
		cmocka_unit_test(steal_is_never_null),
		cmocka_unit_test(long_formats),
		cmocka_unit_test(xgrow_zeroes_what_is_new),
		cmocka_unit_test(copies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
