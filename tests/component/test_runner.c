/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The real guest runner on a socket pair instead of a virtio port.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/fsio.h"
#include "base/paths.h"
#include "config.h"

enum { PATIENCE_MS = 5000 };

struct session {
	char folder[32];
	char *job;
	int fd;
	pid_t pid;
	struct buf text; /* everything that was read */
	size_t seen;     /* how far expect() has come */
};

/* program: run with -c SCRIPT FOLDER. */
static void open_session_with(
	struct session *session, const char *option, const char *program, const char *script)
{
	AUTO(free_ptr) char *runner = paths_libexec("runner");
	int pair[2], input[2];

	*session = (struct session){.folder = "/tmp/limitlab-test-XXXXXX"};
	assert_non_null(mkdtemp(session->folder));
	session->job = xasprintf("%s/run/job", session->folder);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	assert_int_equal(pipe(input), 0);
	assert_int_equal(write(input[1], "the job\n", 8), 8);
	session->pid = fork();
	if (session->pid == 0) {
		AUTO(free_ptr) char *port = xasprintf("fd:%d", pair[1]);
		const char *const with[] = {runner, "--port", port, "--job", session->job, option, "--",
			program, "-c", script, session->folder, NULL};
		const char *const without[] = {runner, "--port", port, "--job", session->job, "--", program,
			"-c", script, session->folder, NULL};
		/* A failing test must leave nothing behind. */
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		(void)fcntl(pair[1], F_SETFD, 0);
		(void)dup2(input[0], 0);
		(void)close(input[0]);
		(void)close(input[1]);
		(void)close(pair[0]);
		(void)execv(runner, (char *const *)(uintptr_t)(option ? with : without));
		_exit(127);
	}
	(void)close(input[0]);
	(void)close(input[1]);
	(void)close(pair[1]);
	session->fd = pair[0];
}

static void open_session_of(struct session *session, bool repeat, const char *program, const char *script)
{
	open_session_with(session, repeat ? "--repeat" : NULL, program, script);
}

static void open_session(struct session *session, bool repeat, const char *script)
{
	open_session_of(session, repeat, "sh", script);
}

/* Reads until the text shows up behind what was expected last; returns where it begins. */
static const char *expect(struct session *session, const char *text)
{
	uint64_t deadline_ns = clock_now_ns() + PATIENCE_MS * NS_PER_MS;
	char chunk[4096];

	for (;;) {
		const char *at = session->text.data ? strstr(session->text.data + session->seen, text) : NULL;
		if (at) {
			session->seen = (size_t)(at - session->text.data) + strlen(text);
			return at;
		}
		uint64_t now_ns = clock_now_ns();
		struct pollfd poll_fd = {.fd = session->fd, .events = POLLIN};
		ssize_t count = 0;
		if (now_ns < deadline_ns &&
			poll(&poll_fd, 1, (int)((deadline_ns - now_ns) / NS_PER_MS) + 1) > 0)
			count = read(session->fd, chunk, sizeof(chunk));
		if (count <= 0) {
			fail_msg("waited for '%s', got '%s'", text,
				session->text.data ? session->text.data : "");
			return NULL;
		}
		buf_add(&session->text, chunk, (size_t)count);
	}
}

static void send_byte(struct session *session, char byte)
{
	assert_int_equal(write(session->fd, &byte, 1), 1);
}

/* The runner must leave by itself after a 'q'. */
static void close_session(struct session *session)
{
	int status;

	send_byte(session, 'q');
	expect(session, "@stopped\n");
	assert_int_equal(waitpid(session->pid, &status, 0), session->pid);
	assert_int_equal(status, 0);
	(void)close(session->fd);
	assert_int_equal(fsio_remove_tree(session->folder, NULL), 0);
	buf_release(&session->text);
	free(session->job);
}

static void job_is_stored_and_waits(void **state)
{
	struct session session;
	AUTO(buf) struct buf job = BUF_INIT;

	(void)state;
	open_session(&session, false, "echo begun; sleep 100");
	expect(&session, "@ready\n");
	assert_int_equal(fsio_read_file(session.job, 100, &job, NULL), 0);
	assert_string_equal(job.data, "the job\n");
	/* Nothing has started before the byte. */
	struct pollfd poll_fd = {.fd = session.fd, .events = POLLIN};
	assert_int_equal(poll(&poll_fd, 1, 100), 0);
	send_byte(&session, 'g');
	expect(&session, "@start 1\n");
	expect(&session, "begun\n");
	close_session(&session);
}

static void output_of_a_round_comes_before_its_end(void **state)
{
	struct session session;

	(void)state;
	open_session(&session, false, "echo out; echo @odd >&2; printf 'no newline'");
	expect(&session, "@ready\n");
	send_byte(&session, 'g');
	expect(&session, "@start 1\nout\n @odd\nno newline\n@exit 0 ");
	/* It can be started again. */
	send_byte(&session, 'g');
	expect(&session, "@start 2\nout\n");
	expect(&session, "@exit 0 ");
	close_session(&session);
}

static void rounds_are_repeated_until_stopped(void **state)
{
	struct session session;

	(void)state;
	open_session(&session, true, "echo work; sleep 0.03");
	expect(&session, "@ready\n");
	send_byte(&session, 'g');
	expect(&session, "@start 1\n@round 1\nwork\n@exit 0 ");
	expect(&session, "@round 2\nwork\n@exit 0 ");
	expect(&session, "@round 3\n");
	send_byte(&session, 's');
	expect(&session, "@stopped\n");
	send_byte(&session, 'g');
	expect(&session, "@start 2\n@round 1\nwork\n");
	close_session(&session);
}

static void failure_ends_the_repeating(void **state)
{
	struct session session;

	(void)state;
	open_session(&session, true, "echo why >&2; exit 3");
	expect(&session, "@ready\n");
	send_byte(&session, 'g');
	expect(&session, "@round 1\nwhy\n@exit 3 ");
	expect(&session, "@failed the workload ended with status 3\n");
	struct pollfd poll_fd = {.fd = session.fd, .events = POLLIN};
	assert_int_equal(poll(&poll_fd, 1, 100), 0);
	close_session(&session);
}

static void death_by_signal_is_told(void **state)
{
	struct session session;

	(void)state;
	open_session(&session, true, "kill -KILL $$");
	expect(&session, "@ready\n");
	send_byte(&session, 'g');
	expect(&session, "@exit 137 ");
	expect(&session, "@failed the workload ended with status 137\n");
	close_session(&session);
}

/* Ignores SIGTERM, and has a child in a session of its own, as fio's jobs are. */
static void stop_ends_the_stubborn(void **state)
{
	struct session session;

	(void)state;
	open_session(&session, false,
		"trap '' TERM; setsid sh -c 'trap \"\" TERM; echo \"child $$\"; while :; do sleep 1; done' & "
		"while :; do sleep 1; done");
	expect(&session, "@ready\n");
	send_byte(&session, 'g');
	expect(&session, "child ");
	size_t number = session.seen;
	expect(&session, "\n");
	pid_t child = (pid_t)atol(session.text.data + number);
	assert_int_equal(kill(child, 0), 0);
	uint64_t start_ns = clock_now_ns();
	send_byte(&session, 's');
	expect(&session, "@stopped\n");
	uint64_t took_ms = (clock_now_ns() - start_ns) / NS_PER_MS;
	print_message("stopped after %llu ms\n", (unsigned long long)took_ms);
	assert_in_range(took_ms, 450, 2000);
	assert_int_equal(kill(child, 0), -1);
	assert_int_equal(errno, ESRCH);
	close_session(&session);
}

static void polite_ones_stop_at_once(void **state)
{
	struct session session;

	(void)state;
	open_session(&session, true, "exec sleep 100");
	expect(&session, "@ready\n");
	send_byte(&session, 'g');
	expect(&session, "@round 1\n");
	uint64_t start_ns = clock_now_ns();
	send_byte(&session, 's');
	expect(&session, "@stopped\n");
	assert_in_range((clock_now_ns() - start_ns) / NS_PER_MS, 0, 400);
	close_session(&session);
}

/* The workload goes on although nobody reads; the oldest lines are lost, and how many is told. */
static void unread_output_blocks_nobody(void **state)
{
	struct session session;

	(void)state;
	open_session(&session, false,
		"i=0; while [ $i -lt 40000 ]; do echo \"line $i of a long list of lines\"; i=$((i+1)); done; "
		": >\"$0/finished\"; exec sleep 100");
	AUTO(free_ptr) char *finished = xasprintf("%s/finished", session.folder);
	expect(&session, "@ready\n");
	send_byte(&session, 'g');
	uint64_t deadline_ns = clock_now_ns() + 4 * PATIENCE_MS * NS_PER_MS;
	while (!fsio_exists(finished) && clock_now_ns() < deadline_ns)
		clock_sleep_until_ns(clock_now_ns() + 10 * NS_PER_MS);
	assert_true(fsio_exists(finished));
	expect(&session, "@start 1\n");
	expect(&session, "line 0 of");
	expect(&session, "\n@dropped ");
	unsigned long dropped = strtoul(session.text.data + session.seen, NULL, 10);
	print_message("dropped %lu lines\n", dropped);
	assert_in_range(dropped, 1000, 40000);
	assert_null(strstr(session.text.data, "line 39999 of"));
	/* The newest line was kept. */
	expect(&session, "line 39999 of");
	close_session(&session);
}

/* One that writes without end, and a host that reads nothing: the stop must come through. */
static void stop_ends_a_flood(void **state)
{
	struct session session;

	(void)state;
	open_session(&session, false, "exec yes a rather long line of output");
	expect(&session, "@ready\n");
	send_byte(&session, 'g');
	clock_sleep_until_ns(clock_now_ns() + 300 * NS_PER_MS);
	send_byte(&session, 's');
	expect(&session, "@start 1\n");
	expect(&session, "\n@dropped ");
	size_t number = session.seen;
	expect(&session, "@stopped\n");
	assert_true(strtoul(session.text.data + number, NULL, 10) > 0);
	/* Only what fits the socket and the queue came. */
	assert_in_range(session.text.length, 1000, 4 << 20);
	close_session(&session);
}

static void long_lines_are_split(void **state)
{
	struct session session;

	(void)state;
	open_session(&session, false, "head -c 5000 /dev/zero | tr '\\0' x; echo");
	expect(&session, "@ready\n");
	send_byte(&session, 'g');
	const char *at = expect(&session, "@start 1\n");
	size_t begin = (size_t)(at - session.text.data) + strlen("@start 1\n");
	expect(&session, "@exit 0 ");
	assert_int_equal(strspn(session.text.data + begin, "x"), 4096);
	assert_int_equal(strspn(session.text.data + begin + 4097, "x"), 904);
	close_session(&session);
}

static void missing_program_is_told(void **state)
{
	struct session session;

	(void)state;
	open_session_of(&session, true, "/nowhere/tool", "");
	expect(&session, "@ready\n");
	send_byte(&session, 'g');
	expect(&session, "@failed cannot execute '/nowhere/tool': No such file or directory\n");
	close_session(&session);
}

/* What fio has to say beside its documents, and one that is cut off, come as they are or not at all. */
static void status_of_fio_is_thinned_out(void **state)
{
	struct session session;
	AUTO(free_ptr)
	char *script = xasprintf("echo words; cat %1$s/tests/data/fio-status.json; echo 'fio: words'; "
				 "head -20 %1$s/tests/data/fio-status.json; echo 'fio: in between'",
		LIMITLAB_SOURCE_DIR);
	AUTO(free_ptr) char *path = xasprintf("%s/tests/data/fio-status.thin", LIMITLAB_SOURCE_DIR);
	AUTO(buf) struct buf thin = BUF_INIT;

	(void)state;
	assert_int_equal(fsio_read_file(path, 1 << 20, &thin, NULL), 0);
	open_session_with(&session, "--thin-fio", "sh", script);
	expect(&session, "@ready\n");
	send_byte(&session, 'g');
	expect(&session, "@start 1\nwords\n");
	expect(&session, thin.data);
	expect(&session, "fio: words\nfio begin\nfio: in between\n@exit 0 ");
	/* A document that was cut off does not spoil the next one. */
	send_byte(&session, 'g');
	expect(&session, "@start 2\nwords\n");
	expect(&session, thin.data);
	close_session(&session);
}

static void memory_of_the_guest_is_told(void **state)
{
	struct session session;

	(void)state;
	open_session_with(&session, "--memory", "sh", "echo begun; exec sleep 100");
	expect(&session, "@ready\n");
	send_byte(&session, 'g');
	expect(&session, "@guest available_kib ");
	assert_true(strtoul(session.text.data + session.seen, NULL, 10) > 1000);
	expect(&session, "@start 1\nbegun\n");
	uint64_t start_ns = clock_now_ns();
	expect(&session, "@guest available_kib ");
	expect(&session, "@guest available_kib ");
	assert_in_range((clock_now_ns() - start_ns) / NS_PER_MS, 1500, 4000);
	send_byte(&session, 's');
	expect(&session, "@stopped\n");
	/* Not told while nothing runs, but for one that was due. */
	expect(&session, "@guest available_kib ");
	expect(&session, "\n");
	struct pollfd poll_fd = {.fd = session.fd, .events = POLLIN};
	assert_int_equal(poll(&poll_fd, 1, 1500), 0);
	close_session(&session);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(job_is_stored_and_waits),
		cmocka_unit_test(output_of_a_round_comes_before_its_end),
		cmocka_unit_test(rounds_are_repeated_until_stopped),
		cmocka_unit_test(failure_ends_the_repeating),
		cmocka_unit_test(death_by_signal_is_told),
		cmocka_unit_test(stop_ends_the_stubborn),
		cmocka_unit_test(polite_ones_stop_at_once),
		cmocka_unit_test(unread_output_blocks_nobody),
		cmocka_unit_test(stop_ends_a_flood),
		cmocka_unit_test(long_lines_are_split),
		cmocka_unit_test(missing_program_is_told),
		cmocka_unit_test(status_of_fio_is_thinned_out),
		cmocka_unit_test(memory_of_the_guest_is_told),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
