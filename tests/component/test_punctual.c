/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The threads of a timeline go before ordinary ones, and what they start does not.  Needs root. */
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "run/loop.h"

static bool is_preferred(void)
{
	return sched_getscheduler(0) == (SCHED_RR | SCHED_RESET_ON_FORK) ||
	       getpriority(PRIO_PROCESS, 0) == -15;
}

static int child_is_preferred(void)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0)
		_exit(is_preferred() ? 1 : 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WEXITSTATUS(status);
}

static void test_before_others(void **state)
{
	(void)state;
	if (geteuid() != 0) {
		if (getenv("LIMITLAB_MUST_WORK"))
			fail_msg("not root");
		print_message("skipped: not root\n");
		skip();
	}
	assert_false(is_preferred());
	loop_thread_punctual(true);
	assert_true(is_preferred());
	assert_int_equal(child_is_preferred(), 0);
	loop_thread_punctual(false);
	assert_int_equal(sched_getscheduler(0) & ~SCHED_RESET_ON_FORK, SCHED_OTHER);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {cmocka_unit_test(test_before_others)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
