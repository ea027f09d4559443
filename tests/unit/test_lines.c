/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/auto.h"
#include "base/fsio.h"
#include "run/lines.h"

#define KEEP_MAX 4

static void test_cut(void **state)
{
	static const struct {
		const char *name;
		const char *pieces[4]; /* the n-th comes at n seconds */
		const char *wanted;    /* "TIME:LINE " each */
	} cases[] = {
		{"nothing", {""}, ""},
		{"two at once", {"a\nb\n"}, "1:a 1:b "},
		{"an empty line", {"\na\n"}, "1: 1:a "},
		{"one in two pieces has the time of its end", {"ab", "c\n"}, "2:abc "},
		{"the rest stays", {"a\nb", "c", "\nd"}, "1:a 3:bc "},
		{"carriage returns", {"a\r\n\r\nb\r", "\n"}, "1:a 1: 2:b "},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct lines lines = {.partial = BUF_INIT};
		AUTO(buf) struct buf got = BUF_INIT;
		for (unsigned at = 0; at < KEEP_MAX && cases[i].pieces[at]; at++)
			lines_take(&lines, at + 1, cases[i].pieces[at], strlen(cases[i].pieces[at]));
		for (size_t k = 0; k < lines.count; k++)
			buf_addf(&got, "%d:%s ", (int)lines.items[k].at_ns, lines.items[k].text);
		if (strcmp(got.data ? got.data : "", cases[i].wanted) != 0)
			fail_msg("%s: got '%s', wanted '%s'", cases[i].name, got.data, cases[i].wanted);
		lines_release(&lines);
		assert_int_equal(lines.count, 0);
	}
}

static void test_endless_line(void **state)
{
	struct lines lines = {.partial = BUF_INIT};
	char chunk[1000];

	(void)state;
	memset(chunk, 'x', sizeof(chunk));
	for (int i = 0; i < 20; i++)
		lines_take(&lines, 1, chunk, sizeof(chunk));
	assert_int_equal(lines.count, 2);
	for (size_t i = 0; i < lines.count; i++)
		assert_int_equal(strlen(lines.items[i].text), 8193);
	lines_release(&lines);
}

static void test_write(void **state)
{
	char path[] = "/tmp/limitlab-test-lines-XXXXXX";
	struct lines lines = {.partial = BUF_INIT};
	AUTO(buf) struct buf text = BUF_INIT;
	struct err err = ERR_INIT;

	(void)state;
	AUTO(close_fd) int fd = mkstemp(path);
	lines_take(&lines, 1500000000, "before\n", 7);
	lines_take(&lines, 2000001000, "after\ncut", 9);
	if (lines_write(&lines, 2000000000, path, &err) || fsio_read_file(path, 1000, &text, &err))
		fail_msg("%s", err.text);
	(void)unlink(path);
	assert_string_equal(text.data, "-0.500000\tbefore\n0.000001\tafter\n");
	assert_int_equal(lines_write(&lines, 0, "/no/such/folder/file", &err), -1);
	lines_release(&lines);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_endless_line),
		cmocka_unit_test(test_write),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
