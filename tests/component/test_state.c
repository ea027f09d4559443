/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The lock of the state directory: a run that goes on is refused, one that was killed is waited for while the kernel takes it apart.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/auto.h"
#include "base/clock.h"
#include "base/fsio.h"
#include "run/state.h"

/* Longer than a living supervisor is given, shorter than a dead one's processes. */
#define DYING_MS 2500

static char state_dir[] = "/tmp/limitlab-test-state-XXXXXX";

static void sleep_ms(unsigned int ms)
{
	clock_sleep_until_ns(clock_now_ns() + ms * NS_PER_MS);
}

/* A supervisor that holds the lock, with a child that inherited it and ends DYING_MS after `go` is closed. */
static pid_t start_supervisor(int *ret_go)
{
	int ready[2], go[2];
	struct err err = ERR_INIT;
	char byte;

	assert_int_equal(pipe(ready), 0);
	assert_int_equal(pipe(go), 0);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		int lock;
		(void)close(go[1]);
		if (state_lock(&lock, &err))
			_exit(1);
		if (fork() == 0) {
			while (read(go[0], &byte, 1) > 0)
				;
			sleep_ms(DYING_MS);
			_exit(0);
		}
		(void)!write(ready[1], "x", 1);
		(void)pause();
		_exit(0);
	}
	(void)close(ready[1]);
	(void)close(go[0]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	(void)close(ready[0]);
	*ret_go = go[1];
	return pid;
}

static int try_lock(struct err *err)
{
	int fd;
	int result = state_lock(&fd, err);

	if (result == 0)
		(void)close(fd);
	return result;
}

static void test_not_held(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(try_lock(&err), 0);
	assert_int_equal(try_lock(&err), 0);
}

static void test_alive_then_killed(void **state)
{
	struct err err = ERR_INIT;
	int go;

	(void)state;
	pid_t pid = start_supervisor(&go);
	assert_int_equal(try_lock(&err), -1);
	assert_int_equal(err.domain, ERR_HOST);
	assert_non_null(strstr(err.text, "another limitlab run is going on"));

	(void)kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	(void)close(go);
	uint64_t begin_ns = clock_now_ns();
	err = (struct err)ERR_INIT;
	if (try_lock(&err))
		fail_msg("%s", err.text);
	assert_true(clock_now_ns() - begin_ns >= (DYING_MS - 500) * NS_PER_MS);
}

static int make_state(void **state)
{
	(void)state;
	return mkdtemp(state_dir) ? setenv("LIMITLAB_STATE_DIR", state_dir, 1) : -1;
}

static int remove_state(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	return fsio_remove_tree(state_dir, &err);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_not_held),
		cmocka_unit_test(test_alive_then_killed),
	};

	return cmocka_run_group_tests(tests, make_state, remove_state);
}
