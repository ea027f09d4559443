/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The other end of a workload, played by shells in a network namespace: it speaks, it ends, it is ended.
 */
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/fsio.h"
#include "fixture/netns.h"
#include "run/server.h"

static struct loop *loop;
static int far_fd = -1;

static void must(int result, const struct err *err)
{
	if (result)
		fail_msg("%s", err->text);
}

static struct server *start(const char *script)
{
	const char *const argv[] = {"sh", "-c", script, NULL};
	struct server *server = NULL;
	struct err err = ERR_INIT;

	must(server_start(loop, "the test's server", argv, far_fd, &server, &err), &err);
	return server;
}

static void turn(unsigned ms)
{
	struct err err = ERR_INIT;

	assert_int_equal(loop_run(loop, NULL, clock_now_ns() + ms * NS_PER_MS, &err), 1);
}

/* Up to 5 s. */
static bool says(const struct server *server, const char *line)
{
	for (int tries = 0; tries < 500 && !server_has_said(server, line); tries++)
		turn(10);
	return server_has_said(server, line);
}

/* Up to 5 s until it has ended; *err says how. */
static bool ends(const struct server *server, struct err *err)
{
	for (int tries = 0; tries < 500; tries++) {
		if (server_check(server, err))
			return true;
		turn(10);
	}
	return false;
}

static void test_speaks(void **state)
{
	char path[] = "/tmp/limitlab-test-server-XXXXXX";
	AUTO(close_fd) int fd = mkstemp(path);
	AUTO(buf) struct buf text = BUF_INIT;
	struct err err = ERR_INIT;

	(void)state;
	uint64_t begin_ns = clock_now_ns();
	struct server *server =
		start("echo first; sleep 0.2; echo listening on 5201; echo problem >&2; sleep 1000");
	assert_false(server_has_said(server, ""));
	assert_true(says(server, "first"));
	assert_false(server_has_said(server, "listening"));
	assert_true(says(server, "listening"));
	assert_true(says(server, "problem"));
	assert_false(server_has_said(server, "on 5201"));
	must(server_check(server, &err), &err);
	must(server_write_log(server, begin_ns, path, &err), &err);
	must(fsio_read_file(path, 1000, &text, &err), &err);
	(void)unlink(path);
	double first_s = strtod(text.data, NULL);
	assert_true(first_s >= 0.0 && first_s < 5.0);
	const char *second = strchr(text.data, '\n') + 1;
	assert_true(strtod(second, NULL) >= first_s + 0.19);
	assert_non_null(strstr(second, "\tlistening on 5201\n"));
	server_stop(server);
	turn(10);
}

static void test_ends_by_itself(void **state)
{
	static const struct {
		const char *script, *wanted;
	} cases[] = {
		{"echo one; echo address in use; exit 3",
			"the test's server ended with status 3: address in use"},
		{"exit 0", "the test's server ended with status 0"},
		{"kill -KILL $$", "the test's server was ended by signal 9 (Killed)"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct err err = ERR_INIT;
		struct server *server = start(cases[i].script);
		assert_true(ends(server, &err));
		/* Its last words may come after its end is seen. */
		turn(50);
		err_clear(&err);
		assert_int_equal(server_check(server, &err), -1);
		assert_int_equal(err.domain, ERR_RUN);
		assert_string_equal(err.text, cases[i].wanted);
		/* Asked again, it says the same; stopping it is still in order. */
		assert_int_equal(server_check(server, NULL), -1);
		server_stop(server);
	}
}

/* One that does not listen to SIGTERM is ended within half a second. */
static void test_stubborn(void **state)
{
	(void)state;
	struct server *server = start("trap '' TERM; echo $$; while :; do sleep 0.1; done");
	assert_true(says(server, ""));
	uint64_t begin_ns = clock_now_ns();
	server_stop(server);
	assert_true(clock_now_ns() - begin_ns < 3 * NS_PER_S);
	server_stop(NULL);
}

/* It is in the far namespace, with the loop's rights and no real-time priority. */
static void test_where(void **state)
{
	struct stat_id {
		unsigned long long inode;
	} here = {0}, there = {0};
	char text[64];

	(void)state;
	ssize_t length = readlink("/proc/self/ns/net", text, sizeof(text) - 1);
	assert_true(length > 0);
	text[length] = '\0';
	assert_int_equal(sscanf(text, "net:[%llu]", &here.inode), 1);
	loop_thread_punctual(true);
	struct server *server = start("readlink /proc/self/ns/net; chrt -p $$; sleep 1000");
	loop_thread_punctual(false);
	assert_true(says(server, "net:["));
	assert_true(says(server, "pid "));
	char path[] = "/tmp/limitlab-test-server-XXXXXX";
	AUTO(close_fd) int fd = mkstemp(path);
	AUTO(buf) struct buf log = BUF_INIT;
	struct err err = ERR_INIT;
	must(server_write_log(server, 0, path, &err), &err);
	must(fsio_read_file(path, 1000, &log, &err), &err);
	(void)unlink(path);
	assert_int_equal(sscanf(strstr(log.data, "net:["), "net:[%llu]", &there.inode), 1);
	assert_true(there.inode != here.inode);
	assert_non_null(strstr(log.data, "SCHED_OTHER"));
	server_stop(server);
}

static void test_no_program(void **state)
{
	static const char *const argv[] = {"limitlab-no-such-program", NULL};
	struct server *server = NULL;
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(server_start(loop, "the test's server", argv, far_fd, &server, &err), -1);
	assert_null(server);
	assert_int_equal(err.domain, ERR_HOST);
	assert_string_equal(
		err.text, "the test's server: the program 'limitlab-no-such-program' is not installed");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_speaks),
		cmocka_unit_test(test_ends_by_itself),
		cmocka_unit_test(test_stubborn),
		cmocka_unit_test(test_where),
		cmocka_unit_test(test_no_program),
	};
	struct err err = ERR_INIT;

	if (netns_new(&far_fd, &err)) {
		bool must_work = getenv("LIMITLAB_MUST_WORK") != NULL;
		printf(must_work ? "1..1\nnot ok 1 - %s\n" : "1..0 # SKIP %s\n", err.text);
		return must_work;
	}
	if (loop_new(&loop, &err)) {
		printf("1..1\nnot ok 1 - %s\n", err.text);
		return 1;
	}
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	loop_free(loop);
	(void)close(far_fd);
	return failed;
}
