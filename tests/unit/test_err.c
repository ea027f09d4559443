/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/err.h"

static void first_failure_wins(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(err_input(&err, "the first: %d", 1), -1);
	assert_int_equal(err_host(&err, "the second"), -1);
	assert_int_equal(err_sys(&err, ENOENT, "the third"), -1);
	assert_int_equal(err.domain, ERR_INPUT);
	assert_string_equal(err.text, "the first: 1");
	err_clear(&err);
	assert_false(err_is_set(&err));
	assert_int_equal(err_host(&err, "after clear"), -1);
	assert_string_equal(err.text, "after clear");
}

static void system_errors_have_a_reason(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	(void)err_sys(&err, ENOENT, "cannot open '%s'", "/x");
	assert_string_equal(err.text, "cannot open '/x': No such file or directory");
	assert_int_equal(err.domain, ERR_SYS);
	assert_int_equal(err.code, ENOENT);
	assert_non_null(strstr(err.origin, "test_err.c:"));
}

static void wrapping_goes_outward(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(err_wrap(&err, "nothing to wrap"), -1);
	assert_false(err_is_set(&err));
	(void)err_run(&err, "inner");
	(void)err_wrap(&err, "middle %d", 2);
	(void)err_wrap(&err, "outer");
	assert_string_equal(err.text, "outer: middle 2: inner");
}

static void first_remedy_wins(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	(void)err_host(&err, "x");
	(void)err_remedy(&err, "do %s", "this");
	(void)err_remedy(&err, "do that");
	assert_string_equal(err.remedy, "do this");
}

static void null_is_allowed(void **state)
{
	(void)state;
	assert_int_equal(err_input(NULL, "x"), -1);
	assert_int_equal(err_sys(NULL, EIO, "x"), -1);
	assert_int_equal(err_wrap(NULL, "x"), -1);
	assert_int_equal(err_remedy(NULL, "x"), -1);
	assert_false(err_is_set(NULL));
	err_clear(NULL);
}

static void long_texts_are_cut(void **state)
{
	struct err err = ERR_INIT;
	char text[5000];

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	(void)err_sys(&err, EIO, "%s", text);
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
	(void)err_wrap(&err, "outer");
	assert_int_equal(strncmp(err.text, "outer: xxx", 10), 0);
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
	(void)err_wrap(&err, "%s", text);
	(void)err_remedy(&err, "%s", text);
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
	assert_int_equal(strlen(err.remedy), sizeof(err.remedy) - 1);
}

static const struct {
	enum err_domain domain;
	int code, exit_code;
} exit_cases[] = {
	{ERR_NONE, 0, 0},
	{ERR_INPUT, 0, 2},
	{ERR_HOST, 0, 4},
	{ERR_SYS, ENOSPC, 5},
	{ERR_LIBVIRT, 1, 5},
	{ERR_NETLINK, 1, 5},
	{ERR_AGENT, 0, 5},
	{ERR_READBACK, 0, 5},
	{ERR_RUN, 0, 5},
	{ERR_INTERRUPTED, SIGINT, 130},
	{ERR_INTERRUPTED, SIGTERM, 143},
};

static void exit_codes(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(exit_cases); i++) {
		struct err err = {.domain = exit_cases[i].domain, .code = exit_cases[i].code};
		print_message("# domain %d, code %d\n", (int)err.domain, err.code);
		assert_int_equal(err_exit_code(&err), exit_cases[i].exit_code);
	}
}

static void a_bug_aborts(void **state)
{
	int status = 0;

	(void)state;
	pid_t pid = fork();
	if (pid == 0) {
		/* Neither cmocka's handler nor a core file: only the signal counts. */
		(void)signal(SIGABRT, SIG_DFL);
		(void)close(STDERR_FILENO);
		BUG("on purpose");
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGABRT);
}

static void test_worse_exit(void **state)
{
	static const struct {
		int a, b, worse;
	} cases[] = {
		{0, 0, 0}, {0, 3, 3}, {3, 1, 1}, {1, 4, 4}, {5, 4, 5}, {1, 2, 2}, {2, 4, 4}, {5, 130, 130}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(err_worse_exit_code(cases[i].a, cases[i].b), cases[i].worse);
		assert_int_equal(err_worse_exit_code(cases[i].b, cases[i].a), cases[i].worse);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_worse_exit),
		cmocka_unit_test(first_failure_wins),
		cmocka_unit_test(system_errors_have_a_reason),
		cmocka_unit_test(wrapping_goes_outward),
		cmocka_unit_test(first_remedy_wins),
		cmocka_unit_test(null_is_allowed),
		cmocka_unit_test(long_texts_are_cut),
		cmocka_unit_test(exit_codes),
		cmocka_unit_test(a_bug_aborts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
