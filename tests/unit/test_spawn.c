/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/auto.h"
#include "base/clock.h"
#include "base/fsio.h"
#include "base/spawn.h"

#define SH(script) ((const char *const[]){"sh", "-c", script, NULL})

static void assert_has(const struct err *err, const char *word)
{
	if (!strstr(err->text, word))
		fail_msg("'%s' is not in '%s'", word, err->text);
}

/* Waits until a process is gone, or only a zombie; false: it still lives after 2 s. */
static bool is_gone(pid_t pid)
{
	uint64_t deadline_ns = clock_now_ns() + 2 * NS_PER_S;

	while (clock_now_ns() < deadline_ns) {
		char text[512], path[64];
		(void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
		if (fsio_read_small(AT_FDCWD, path, text, sizeof(text), NULL))
			return true;
		const char *state = strrchr(text, ')');
		if (state && state[2] == 'Z')
			return true;
		clock_sleep_until_ns(clock_now_ns() + 5 * NS_PER_MS);
	}
	return false;
}

static void test_output_and_status(void **state)
{
	static const struct {
		const char *script, *output;
		int exit_code, signal_number;
	} cases[] = {
		{"echo out; echo err >&2", "out\nerr\n", 0, 0}, {"exit 7", "", 7, 0},
		{"kill -KILL $$", "", 0, SIGKILL}, {"kill -TERM $$", "", 0, SIGTERM},
		{"printf x; kill -SEGV $$", "x", 0, SIGSEGV},
		{"cat; echo end", "end\n", 0, 0}, /* stdin is /dev/null */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(buf) struct buf output = BUF_INIT;
		struct spawn_options options = {.output = &output, .timeout_ms = 10000};
		struct err err = ERR_INIT;
		int status = -1;
		if (spawn_run(SH(cases[i].script), &options, &status, &err))
			fail_msg("%s: %s", cases[i].script, err.text);
		assert_string_equal(output.data ? output.data : "", cases[i].output);
		if (cases[i].signal_number) {
			assert_true(WIFSIGNALED(status));
			assert_int_equal(WTERMSIG(status), cases[i].signal_number);
		} else {
			assert_true(WIFEXITED(status));
			assert_int_equal(WEXITSTATUS(status), cases[i].exit_code);
		}
	}
}

/* More than two pipes full, both ways at once. */
static void test_large_input(void **state)
{
	enum { SIZE = 1 << 20 };
	AUTO(buf) struct buf output = BUF_INIT;
	AUTO(free_ptr) char *input = xcalloc(1, SIZE + 1);
	struct spawn_options options = {.input = input, .output = &output, .timeout_ms = 20000};
	struct err err = ERR_INIT;
	int status;

	(void)state;
	memset(input, 'x', SIZE);
	if (spawn_run((const char *const[]){"cat", NULL}, &options, &status, &err))
		fail_msg("%s", err.text);
	assert_int_equal(status, 0);
	assert_int_equal(output.length, SIZE);
	assert_string_equal(output.data, input);
	/* A child that does not read: no SIGPIPE for us, its own status. */
	buf_reset(&output);
	if (spawn_run(SH("echo early; exit 3"), &options, &status, &err))
		fail_msg("%s", err.text);
	assert_int_equal(WEXITSTATUS(status), 3);
	assert_string_equal(output.data, "early\n");
	/* One that closes its output first and reads then. */
	buf_reset(&output);
	if (spawn_run(SH("exec >/dev/null 2>&1; test $(wc -c) = 1048576"), &options, &status, &err))
		fail_msg("%s", err.text);
	assert_int_equal(status, 0);
	/* The empty input ends at once. */
	options.input = "";
	if (spawn_run((const char *const[]){"cat", NULL}, &options, &status, &err))
		fail_msg("%s", err.text);
	assert_int_equal(status, 0);
}

/* SIGPIPE keeps its meaning for the rest of the program. */
static void test_sigpipe_stays(void **state)
{
	struct spawn_options options = {.input = "never read"};
	struct sigaction action;
	sigset_t blocked;
	int status;

	(void)state;
	assert_int_equal(spawn_run((const char *const[]){"true", NULL}, &options, &status, NULL), 0);
	assert_int_equal(sigaction(SIGPIPE, NULL, &action), 0);
	assert_true(action.sa_handler == SIG_DFL);
	assert_int_equal(pthread_sigmask(SIG_SETMASK, NULL, &blocked), 0);
	assert_int_equal(sigismember(&blocked, SIGPIPE), 0);
	/* None is left to strike later, either. */
	assert_int_equal(sigpending(&blocked), 0);
	assert_int_equal(sigismember(&blocked, SIGPIPE), 0);
}

/* The deadline holds whatever the child does, and takes its whole group. */
static void test_timeout(void **state)
{
	enum { SIZE = 1 << 20 };
	AUTO(free_ptr) char *input = xcalloc(1, SIZE + 1);
	static const struct {
		const char *name, *script;
		bool output, input;
	} cases[] = {
		{"silent", "echo $$ >%s; exec sleep 60", false, false},
		{"output open", "echo $$ >%s; exec sleep 60", true, false},
		{"does not read, no output", "echo $$ >%s; exec sleep 60", false, true},
		{"does not read", "echo $$ >%s; exec sleep 60", true, true},
		{"output closed", "echo $$ >%s; exec sleep 60 >/dev/null 2>&1", true, false},
		{"grandchild", "sleep 60 & echo $! >%s; wait", true, false},
		{"only the grandchild is left", "sleep 60 & echo $! >%s", true, false},
		{"does not want to", "trap '' TERM INT HUP; echo $$ >%s; while :; do sleep 1; done", false,
			false},
	};

	(void)state;
	memset(input, 'x', SIZE);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(buf) struct buf output = BUF_INIT;
		char path[] = "/tmp/limitlab-test-spawn-XXXXXX";
		AUTO(close_fd) int fd = mkstemp(path);
		struct err err = ERR_INIT;
		uint64_t pid = 0;
		int status;
		struct spawn_options options = {
			.input = cases[i].input ? input : NULL,
			.output = cases[i].output ? &output : NULL,
			.timeout_ms = 300,
		};
		AUTO(buf) struct buf script = BUF_INIT;
		const char *hole = strstr(cases[i].script, "%s");
		buf_add(&script, cases[i].script, (size_t)(hole - cases[i].script));
		buf_addf(&script, "%s%s", path, hole + 2);
		uint64_t begin_ns = clock_now_ns();
		if (spawn_run(SH(script.data), &options, &status, &err) != -1)
			fail_msg("%s: no error", cases[i].name);
		uint64_t took_ms = (clock_now_ns() - begin_ns) / NS_PER_MS;
		if (took_ms < 300 || took_ms > 5000)
			fail_msg("%s: %llu ms", cases[i].name, (unsigned long long)took_ms);
		assert_int_equal(err.domain, ERR_RUN);
		assert_has(&err, "0.3 s");
		assert_int_equal(fsio_read_u64(AT_FDCWD, path, &pid, NULL), 0);
		if (!is_gone((pid_t)pid))
			fail_msg("%s: process %d still lives", cases[i].name, (int)pid);
		assert_int_equal(unlink(path), 0);
	}
}

static void test_cannot_start(void **state)
{
	char path[] = "/tmp/limitlab-test-spawn-XXXXXX";
	AUTO(close_fd) int fd = mkstemp(path);
	struct err err = ERR_INIT;
	int status = 77;

	(void)state;
	assert_int_equal(
		spawn_run((const char *const[]){"limitlab-no-such-program", NULL}, NULL, &status, &err), -1);
	assert_int_equal(err.domain, ERR_HOST);
	assert_has(&err, "limitlab-no-such-program");
	err_clear(&err);
	assert_int_equal(spawn_run((const char *const[]){path, NULL}, NULL, &status, &err), -1);
	assert_int_equal(err.domain, ERR_SYS);
	assert_int_equal(err.code, EACCES);
	assert_has(&err, path);
	err_clear(&err);
	assert_int_equal(spawn_run((const char *const[]){"/nonexistent/x", NULL}, NULL, &status, &err), -1);
	assert_int_equal(err.code, ENOENT);
	err_clear(&err);
	struct spawn_options options = {.cwd = "/nonexistent"};
	assert_int_equal(spawn_run((const char *const[]){"true", NULL}, &options, &status, &err), -1);
	assert_int_equal(err.code, ENOENT);
	assert_int_equal(status, 77);
	assert_int_equal(unlink(path), 0);
}

static void test_check(void **state)
{
	static const struct {
		const char *script, *says;
	} cases[] = {
		{"echo first; echo last; echo; exit 3", "'sh' ended with status 3: last"},
		{"exit 4", "'sh' ended with status 4"},
		{"echo dying; kill -KILL $$", "ended by signal 9 (Killed): dying"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct err err = ERR_INIT;
		assert_int_equal(spawn_check(SH(cases[i].script), NULL, &err), -1);
		assert_int_equal(err.domain, ERR_RUN);
		assert_has(&err, cases[i].says);
	}
	assert_int_equal(spawn_check(SH("exit 0"), NULL, NULL), 0);
}

/* Ours replaces what was there, for programs that read the first entry and for those that read the last. */
static void test_environment(void **state)
{
	static const char *const env[] = {"LIMITLAB_TEST_A=ours", "LIMITLAB_TEST_NEW=new", NULL};
	AUTO(buf) struct buf output = BUF_INIT;
	struct spawn_options options = {.output = &output, .env = env, .cwd = "/"};

	(void)state;
	assert_int_equal(setenv("LIMITLAB_TEST_A", "theirs", 1), 0);
	assert_int_equal(setenv("LIMITLAB_TEST_AB", "kept", 1), 0);
	const char *const script = "echo $LIMITLAB_TEST_A $LIMITLAB_TEST_NEW $LIMITLAB_TEST_AB $(pwd)";
	struct err err = ERR_INIT;
	if (spawn_check(SH(script), &options, &err))
		fail_msg("%s: %s", err.text, output.data);
	assert_string_equal(output.data, "ours new kept /\n");
	/* A shell has one of each name; env(1) shows what was really passed. */
	buf_reset(&output);
	assert_int_equal(spawn_check((const char *const[]){"env", NULL}, &options, NULL), 0);
	const char *found = strstr(output.data, "LIMITLAB_TEST_A=");
	assert_non_null(found);
	assert_null(strstr(found + 1, "LIMITLAB_TEST_A="));
	assert_string_equal(getenv("LIMITLAB_TEST_A"), "theirs");
	assert_int_equal(unsetenv("LIMITLAB_TEST_A"), 0);
	assert_int_equal(unsetenv("LIMITLAB_TEST_AB"), 0);
}

/* Nothing of ours leaks into the child: signals are as usual, its group is its own, no descriptor of ours. */
static void test_clean_child(void **state)
{
	AUTO(buf) struct buf output = BUF_INIT;
	struct spawn_options options = {.output = &output, .input = "x"};
	sigset_t all, before;

	(void)state;
	char path[] = "/tmp/limitlab-test-spawn-XXXXXX";
	AUTO(close_fd) int ours = mkostemp(path, O_CLOEXEC);
	assert_true(ours > 2);
	sigfillset(&all);
	assert_int_equal(pthread_sigmask(SIG_BLOCK, &all, &before), 0);
	int result = spawn_check(SH("ps -o pgid= -p $$ | tr -d ' '; echo $$; grep SigBlk /proc/self/status; "
				    "ls -l /proc/$$/fd | grep -c limitlab-test-spawn"),
		&options, NULL);
	assert_int_equal(pthread_sigmask(SIG_SETMASK, &before, NULL), 0);
	assert_int_equal(unlink(path), 0);
	/* grep finds none, and says so. */
	assert_int_equal(result, -1);
	int group, pid, fds;
	unsigned long blocked;
	assert_int_equal(sscanf(output.data, "%d %d SigBlk: %lx %d", &group, &pid, &blocked, &fds), 4);
	assert_int_equal(group, pid);
	assert_int_equal(blocked, 0);
	assert_int_equal(fds, 0);
}

/* An inherited "ignore SIGCHLD" leaves no status: that must not look like success. */
static void test_sigchld_ignored(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	(void)signal(SIGCHLD, SIG_IGN);
	int result = spawn_check(SH("exit 9"), NULL, &err);
	(void)signal(SIGCHLD, SIG_DFL);
	assert_int_equal(result, -1);
	assert_has(&err, "SIGCHLD");
}

static pid_t pid_from(int fd)
{
	char text[32] = "";

	assert_true(read(fd, text, sizeof(text) - 1) > 0);
	return (pid_t)atoi(text);
}

static void test_start_stop(void **state)
{
	static const struct {
		const char *name, *script;
	} cases[] = {
		{"willing", "sleep 60 & echo $!; wait"},
		{"deaf", "trap '' TERM; sleep 60 & echo $!; while :; do wait; done"},
		{"leaves a deaf one behind",
			"(trap '' TERM; echo $(sh -c 'echo $PPID'); while :; do sleep 1; done) & wait"},
		{"ended before", "echo $$"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int fds[2];
		pid_t pid;
		assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
		AUTO(close_fd) int from = fds[0];
		struct spawn_options options = {.output_fd = fds[1]};
		assert_int_equal(spawn_start(SH(cases[i].script), &options, &pid, NULL), 0);
		assert_int_equal(close(fds[1]), 0);
		pid_t inner = pid_from(from);
		uint64_t begin_ns = clock_now_ns();
		spawn_stop(pid, 200);
		assert_true(clock_now_ns() - begin_ns < 3 * NS_PER_S);
		if (!is_gone(inner))
			fail_msg("%s: process %d still lives", cases[i].name, (int)inner);
		/* Reaped. */
		assert_int_equal(waitpid(pid, NULL, WNOHANG), -1);
		assert_int_equal(errno, ECHILD);
	}
	spawn_stop(0, 0);
	spawn_stop(-1, 0);
}

/* A child dies with the program that started it. */
static void test_dies_with_us(void **state)
{
	int fds[2];

	(void)state;
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	AUTO(close_fd) int from = fds[0];
	pid_t parent = fork();
	if (!parent) {
		struct spawn_options options = {.output_fd = fds[1]};
		pid_t pid;
		_exit(spawn_start(SH("echo $$; exec sleep 60"), &options, &pid, NULL) ? 1 : (pause(), 0));
	}
	assert_int_equal(close(fds[1]), 0);
	pid_t child = pid_from(from);
	assert_int_equal(kill(parent, SIGKILL), 0);
	assert_int_equal(waitpid(parent, NULL, 0), parent);
	assert_true(is_gone(child));
}

static void test_find(void **state)
{
	char folder[] = "/tmp/limitlab-test-spawn-XXXXXX";

	(void)state;
	AUTO(free_ptr) char *sh = spawn_find("sh");
	assert_non_null(sh);
	assert_int_equal(sh[0], '/');
	assert_null(spawn_find("limitlab-no-such-program"));
	/* A folder and a file that is not executable are no programs; the next in PATH is taken. */
	assert_non_null(mkdtemp(folder));
	AUTO(free_ptr) char *first = xasprintf("%s/1", folder);
	AUTO(free_ptr) char *second = xasprintf("%s/2", folder);
	AUTO(free_ptr) char *tool_dir = xasprintf("%s/1/limitlab-tool", folder);
	AUTO(free_ptr) char *tool = xasprintf("%s/2/limitlab-tool", folder);
	assert_int_equal(fsio_make_dirs(tool_dir, NULL), 0);
	assert_int_equal(fsio_make_dirs(second, NULL), 0);
	assert_int_equal(fsio_write_atomic(tool, "", 0, NULL), 0);
	AUTO(free_ptr) char *before = xstrdup(getenv("PATH"));
	AUTO(free_ptr) char *path = xasprintf("%s:%s", first, second);
	assert_int_equal(setenv("PATH", path, 1), 0);
	AUTO(free_ptr) char *none = spawn_find("limitlab-tool");
	assert_null(none);
	assert_int_equal(chmod(tool, 0755), 0);
	AUTO(free_ptr) char *found = spawn_find("limitlab-tool");
	assert_int_equal(setenv("PATH", before, 1), 0);
	assert_non_null(found);
	assert_string_equal(found, tool);
	assert_int_equal(fsio_remove_tree(folder, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_output_and_status),
		cmocka_unit_test(test_large_input),
		cmocka_unit_test(test_sigpipe_stays),
		cmocka_unit_test(test_timeout),
		cmocka_unit_test(test_cannot_start),
		cmocka_unit_test(test_check),
		cmocka_unit_test(test_environment),
		cmocka_unit_test(test_clean_child),
		cmocka_unit_test(test_sigchld_ignored),
		cmocka_unit_test(test_start_stop),
		cmocka_unit_test(test_dies_with_us),
		cmocka_unit_test(test_find),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
