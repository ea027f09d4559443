/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/auto.h"
#include "base/buf.h"
#include "vm/internal.h"

/* RFC 4648, section 10, and bytes that are no text. */
static void test_base64(void **state)
{
	static const struct {
		const char *data;
		size_t length;
		const char *wanted;
	} cases[] = {
		{"", 0, ""},
		{"f", 1, "Zg=="},
		{"fo", 2, "Zm8="},
		{"foo", 3, "Zm9v"},
		{"foob", 4, "Zm9vYg=="},
		{"fooba", 5, "Zm9vYmE="},
		{"foobar", 6, "Zm9vYmFy"},
		{"\0\xff\xfe", 3, "AP/+"},
		{"\xfb\xf0", 2, "+/A="},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(free_ptr) char *text = vm_base64(cases[i].data, cases[i].length);
		assert_string_equal(text, cases[i].wanted);
	}
}

static void test_request(void **state)
{
	static const char *const plain[] = {"/bin/true", NULL};
	static const char *const awkward[] = {
		"/bin/echo", "a \"b\"", "back\\slash", "line\nbreak", "", "\xc3\xbc", NULL};
	static const char *const broken[] = {"/bin/echo", "ok", "\xff", NULL};
	struct err err = ERR_INIT;
	AUTO(free_ptr) char *first = NULL;
	AUTO(free_ptr) char *second = NULL;

	(void)state;
	assert_int_equal(vm_agent_exec_request(plain, NULL, &first, &err), 0);
	assert_string_equal(first,
		"{\"execute\":\"guest-exec\",\"arguments\":{\"path\":\"/bin/true\",\"arg\":[],\"capture-output\":false}}");
	assert_int_equal(vm_agent_exec_request(awkward, "job\n", &second, &err), 0);
	assert_string_equal(second,
		"{\"execute\":\"guest-exec\",\"arguments\":{\"path\":\"/bin/echo\",\"arg\":[\"a \\\"b\\\"\","
		"\"back\\\\slash\",\"line\\nbreak\",\"\",\"\xc3\xbc\"],\"capture-output\":false,\"input-data\":\"am9iCg==\"}}");

	char *none = NULL;
	assert_int_equal(vm_agent_exec_request(broken, NULL, &none, &err), -1);
	assert_int_equal(err.domain, ERR_INPUT);
	assert_string_equal(err.text, "argument 2 of '/bin/echo' is not valid UTF-8");
	assert_null(none);

	struct err large_err = ERR_INIT;
	AUTO(free_ptr) char *large = xcalloc(1024 * 1024, 1);
	memset(large, 'x', 1024 * 1024 - 1);
	assert_int_equal(vm_agent_exec_request(plain, large, &none, &large_err), -1);
	assert_int_equal(large_err.domain, ERR_INPUT);
}

static void test_reply(void **state)
{
	static const struct {
		const char *json;
		int64_t pid; /* 0: refused */
	} cases[] = {
		{"{\"return\":{\"pid\":215}}", 215},
		{"{\"return\":{\"pid\":\"215\"}}", 0},
		{"{\"return\":{\"pid\":0}}", 0},
		{"{\"return\":{\"pid\":-1}}", 0},
		{"{\"return\":{}}", 0},
		{"{\"return\":[]}", 0},
		{"{\"error\":{\"class\":\"GenericError\",\"desc\":\"x\"}}", 0},
		{"[]", 0},
		{"{", 0},
		{"", 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct err err = ERR_INIT;
		int64_t pid = 0;
		int result = vm_agent_exec_reply(cases[i].json, &pid, &err);

		if (pid != cases[i].pid || (result == 0) != (cases[i].pid != 0))
			fail_msg("%s: got %d, pid %lld", cases[i].json, result, (long long)pid);
		assert_int_equal(err.domain, cases[i].pid ? ERR_NONE : ERR_AGENT);
	}
}

static void test_console(void **state)
{
	static const struct {
		const char *console, *wanted;
	} cases[] = {
		{"", ""},
		{"\n\r\n  \n", ""},
		{"one\ntwo\n", "two"},
		{"one\r\ntwo words\r\n\r\n", "two words"},
		{"no newline", "no newline"},
		{"\033[2J\033[1;31mred\033[0m\n\033[0m\n", "red"},
		{"a\tb\n \n", "a b"},
		{"cut \t \033[", "cut"},
		{"[1.6] Kernel panic - not syncing: VFS: no root\n[1.7] CPU: 0\n[1.8] ---[ end Kernel panic - not syncing ]---\n",
			"Kernel panic - not syncing: VFS: no root"},
		{"Kernel panic - not syncing: cut", "Kernel panic - not syncing: cut"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char line[64];
		vm_console_last_line(cases[i].console, strlen(cases[i].console), line, sizeof(line));
		assert_string_equal(line, cases[i].wanted);
	}
	char small[4];
	vm_console_last_line("abcdef\n", 7, small, sizeof(small));
	assert_string_equal(small, "abc");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_base64),
		cmocka_unit_test(test_request),
		cmocka_unit_test(test_reply),
		cmocka_unit_test(test_console),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
