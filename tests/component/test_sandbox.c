/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The sandbox on the real kernel (root): what is private, what ends what.  The inside reports through a pipe; that its end
 * is reached proves that every process that was born inside is dead.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/auto.h"
#include "base/clock.h"
#include "base/fsio.h"
#include "run/sandbox.h"

DEFINE_AUTO(dir, DIR *, closedir);

static char embed_root[] = "/tmp/limitlab-test-sandbox-XXXXXX";
static const char *cannot; /* why no sandbox can be made here; NULL: it can */

#define NEED_SANDBOX()                                                                                       \
	do {                                                                                                 \
		if (cannot) {                                                                                \
			print_message("skipped: %s\n", cannot);                                              \
			skip();                                                                              \
		}                                                                                            \
	} while (0)

/* What the inside does, and where it reports. */
struct inside {
	int fd;
	int (*act)(struct inside *inside);
	int exit_code;
};

static int run_inside(void *context)
{
	struct inside *inside = context;

	return inside->act(inside);
}

static void tell(const struct inside *inside, const char *text)
{
	(void)!write(inside->fd, text, strlen(text));
}

static void tellf(const struct inside *inside, const char *key, const char *value)
{
	AUTO(free_ptr) char *text = xasprintf("%s=%s\n", key, value);

	tell(inside, text);
}

/* The outside's view of a sandbox at work. */
struct outside {
	struct sandbox sandbox;
	struct inside inside;
	int fd;
	struct buf told;
};

static void start(
	struct outside *outside, int (*act)(struct inside *), bool private_namespaces, int exit_code)
{
	struct sandbox_options options = {
		.private_namespaces = private_namespaces,
		.embed_root = private_namespaces ? embed_root : NULL,
	};
	struct err err = ERR_INIT;
	int fds[2];

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	*outside = (struct outside){.inside = {fds[1], act, exit_code}, .fd = fds[0]};
	if (sandbox_start(&options, run_inside, &outside->inside, &outside->sandbox, &err))
		fail_msg("%s", err.text);
	assert_int_equal(close(fds[1]), 0);
}

/* Reads until the text has come (NULL: to the end); false: it has not within 5 s. */
static bool hear_until(int fd, struct buf *told, const char *text)
{
	uint64_t deadline_ns = clock_now_ns() + 5 * NS_PER_S;
	char chunk[4096];

	for (;;) {
		struct pollfd pollfd = {.fd = fd, .events = POLLIN};
		if (text && told->data && strstr(told->data, text))
			return true;
		if (clock_now_ns() >= deadline_ns)
			return false;
		if (poll(&pollfd, 1, 100) <= 0)
			continue;
		ssize_t count = read(fd, chunk, sizeof(chunk));
		if (count == 0)
			return !text;
		if (count > 0)
			buf_add(told, chunk, (size_t)count);
	}
}

/* Everything inside is dead when the pipe ends.  Returns init's wait(2) status. */
static int finish(struct outside *outside)
{
	int status = -1;

	if (!hear_until(outside->fd, &outside->told, NULL)) {
		(void)kill(outside->sandbox.pid, SIGKILL);
		fail_msg("something inside still lives; it said: %s",
			outside->told.data ? outside->told.data : "");
	}
	assert_int_equal(waitpid(outside->sandbox.pid, &status, 0), outside->sandbox.pid);
	assert_int_equal(close(outside->sandbox.alive_fd), 0);
	assert_int_equal(close(outside->fd), 0);
	return status;
}

static void assert_told(const struct buf *told, const char *text)
{
	if (!strstr(told->data ? told->data : "", text))
		fail_msg("'%s' is not in: %s", text, told->data ? told->data : "");
}

static void assert_not_told(const struct buf *told, const char *text)
{
	if (strstr(told->data ? told->data : "", text))
		fail_msg("'%s' is in: %s", text, told->data);
}

/* ---- exit status ---- */

static int act_exit(struct inside *inside)
{
	if (inside->exit_code < 0)
		(void)raise(-inside->exit_code);
	return inside->exit_code;
}

static void test_exit_status(void **state)
{
	static const struct {
		int exit_code, status; /* exit_code < 0: that signal */
	} cases[] = {{0, 0}, {1, 1}, {77, 77}, {-SIGKILL, 128 + SIGKILL}, {-SIGUSR1, 128 + SIGUSR1}};

	(void)state;
	NEED_SANDBOX();
	for (int private_namespaces = 0; private_namespaces <= 1; private_namespaces++) {
		for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
			struct outside outside;
			start(&outside, act_exit, private_namespaces, cases[i].exit_code);
			int status = finish(&outside);
			assert_true(WIFEXITED(status));
			assert_int_equal(WEXITSTATUS(status), cases[i].status);
		}
	}
}

/* ---- what is private ---- */

static char *namespace_of(const char *kind)
{
	char text[128] = "";
	AUTO(free_ptr) char *path = xasprintf("/proc/self/ns/%s", kind);

	(void)!readlink(path, text, sizeof(text) - 1);
	return xstrdup(text);
}

static const char *const kinds[] = {"pid", "net", "mnt"};

static void tell_folder(const struct inside *inside, const char *key, const char *path)
{
	AUTO(dir) DIR *folder = opendir(path);

	if (!folder)
		tellf(inside, key, "(cannot be opened)");
	for (const struct dirent *entry; folder && (entry = readdir(folder));)
		if (entry->d_name[0] != '.')
			tellf(inside, key, entry->d_name);
}

static void tell_processes(const struct inside *inside)
{
	AUTO(dir) DIR *folder = opendir("/proc");

	for (const struct dirent *entry; folder && (entry = readdir(folder));)
		if (isdigit((unsigned char)entry->d_name[0]))
			tellf(inside, "process", entry->d_name);
}

static void tell_network(const struct inside *inside)
{
	struct ifreq request = {.ifr_name = "lo"};
	struct if_nameindex *all = if_nameindex();
	AUTO(close_fd) int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	for (size_t i = 0; all && all[i].if_index; i++)
		tellf(inside, "interface", all[i].if_name);
	if_freenameindex(all);
	tellf(inside, "lo",
		!ioctl(fd, SIOCGIFFLAGS, &request) && ((unsigned short)request.ifr_flags & IFF_UP) ? "up"
												   : "down");
}

static int act_look_around(struct inside *inside)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		AUTO(free_ptr) char *name = namespace_of(kinds[i]);
		tellf(inside, kinds[i], name);
	}
	return 0;
}

static int act_look(struct inside *inside)
{
	AUTO(free_ptr) char *cache = xasprintf("%s/cache/made-inside", embed_root);
	AUTO(free_ptr) char *lib = xasprintf("%s/lib/made-inside", embed_root);
	AUTO(free_ptr) char *run = xasprintf("%s/run", embed_root);
	AUTO(free_ptr) char *pid = xasprintf("%d", (int)getpid());
	const char *bus = getenv("DBUS_SYSTEM_BUS_ADDRESS");

	(void)act_look_around(inside);
	tellf(inside, "getpid", pid);
	tell_processes(inside);
	tell_network(inside);
	tellf(inside, "bus", bus ? bus : "");
	tell_folder(inside, "dbus", "/run/dbus");
	tell_folder(inside, "run", run);
	if (fsio_write_atomic(cache, "x", 1, NULL) || fsio_write_atomic(lib, "x", 1, NULL))
		tell(inside, "cannot write\n");
	if (mount("limitlab", embed_root, "tmpfs", 0, NULL))
		tell(inside, "cannot mount\n");
	return 0;
}

static void test_private(void **state)
{
	struct outside outside;
	AUTO(buf) struct buf mounts = BUF_INIT;
	AUTO(free_ptr) char *marker = xasprintf("%s/run/pid-file-of-a-dead-run", embed_root);
	AUTO(free_ptr) char *cache = xasprintf("%s/cache/made-inside", embed_root);
	AUTO(free_ptr) char *lib = xasprintf("%s/lib/made-inside", embed_root);

	(void)state;
	NEED_SANDBOX();
	assert_int_equal(fsio_write_atomic(marker, "4711", 4, NULL), 0);
	start(&outside, act_look, true, 0);
	assert_int_equal(finish(&outside), 0);
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		AUTO(free_ptr) char *name = namespace_of(kinds[i]);
		AUTO(free_ptr) char *line = xasprintf("%s=%s\n", kinds[i], name);
		AUTO(free_ptr) char *begin = xasprintf("%s=%s:[", kinds[i], kinds[i]);
		assert_told(&outside.told, begin);
		assert_not_told(&outside.told, line);
	}
	/* init and the run, and nobody of the host's. */
	assert_told(&outside.told, "getpid=2\n");
	assert_told(&outside.told, "process=1\nprocess=2\n");
	const char *first = strstr(outside.told.data, "process=");
	assert_null(strstr(strstr(first, "process=2\n") + 1, "process="));
	assert_told(&outside.told, "interface=lo\nlo=up\n");
	assert_int_equal(strncmp(strstr(outside.told.data, "interface="), "interface=lo\nlo=up\n", 19), 0);
	assert_told(&outside.told, "bus=unix:path=/nonexistent\n");
	if (fsio_exists("/run/dbus"))
		assert_not_told(&outside.told, "dbus=");
	/* A dead run's pid files are not seen, and stay where they were. */
	assert_not_told(&outside.told, "run=");
	assert_true(fsio_exists(marker));
	/* The cache is shared, lib is not, and no mount comes out. */
	assert_not_told(&outside.told, "cannot");
	assert_true(fsio_exists(cache));
	assert_false(fsio_exists(lib));
	assert_int_equal(fsio_read_file("/proc/self/mounts", 1 << 20, &mounts, NULL), 0);
	assert_null(strstr(mounts.data, embed_root));
	assert_null(getenv("DBUS_SYSTEM_BUS_ADDRESS"));
	buf_release(&outside.told);
}

/* With a daemon the run stays in the host's namespaces. */
static void test_not_private(void **state)
{
	struct outside outside;

	(void)state;
	NEED_SANDBOX();
	start(&outside, act_look_around, false, 0);
	assert_int_equal(finish(&outside), 0);
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		AUTO(free_ptr) char *name = namespace_of(kinds[i]);
		AUTO(free_ptr) char *line = xasprintf("%s=%s\n", kinds[i], name);
		assert_told(&outside.told, line);
	}
	buf_release(&outside.told);
}

/* The inside fails to be made: the status says so, and so does a message. */
static void test_broken(void **state)
{
	struct outside outside;
	AUTO(free_ptr) char *lib = xasprintf("%s/lib", embed_root);
	AUTO(free_ptr) char *aside = xasprintf("%s/aside", embed_root);

	(void)state;
	NEED_SANDBOX();
	assert_int_equal(rename(lib, aside), 0);
	start(&outside, act_exit, true, 0);
	int status = finish(&outside);
	assert_int_equal(rename(aside, lib), 0);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 125);
}

/* ---- what ends what ---- */

/* Makes a process as QEMU is made: forked twice, a session of its own, deaf to every signal that can be ignored. */
static void make_daemon(struct inside *inside)
{
	if (fork() == 0) {
		if (fork() != 0)
			_exit(0);
		(void)setsid();
		for (int number = 1; number < NSIG; number++)
			(void)signal(number, SIG_IGN);
		tell(inside, "daemon\n");
		for (;;)
			(void)pause();
	}
}

static int stay(void)
{
	while (pause() < 0)
		;
	return 0;
}

static int act_daemon_and_stay(struct inside *inside)
{
	make_daemon(inside);
	return stay();
}

static int act_daemon_and_end(struct inside *inside)
{
	make_daemon(inside);
	/* Not before it is there. */
	clock_sleep_until_ns(clock_now_ns() + 200 * NS_PER_MS);
	return inside->exit_code;
}

static void test_init_killed(void **state)
{
	struct outside outside;

	(void)state;
	NEED_SANDBOX();
	start(&outside, act_daemon_and_stay, true, 0);
	assert_true(hear_until(outside.fd, &outside.told, "daemon\n"));
	assert_int_equal(kill(outside.sandbox.pid, SIGKILL), 0);
	int status = finish(&outside);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGKILL);
	buf_release(&outside.told);
}

static void test_run_ends(void **state)
{
	struct outside outside;

	(void)state;
	NEED_SANDBOX();
	start(&outside, act_daemon_and_end, true, 5);
	int status = finish(&outside);
	assert_told(&outside.told, "daemon\n");
	assert_int_equal(WEXITSTATUS(status), 5);
	buf_release(&outside.told);
}

/* A supervisor in a process of its own.  Returns its pid; *ret_fd is the inside's report. */
static pid_t start_supervised(int (*act)(struct inside *), bool private_namespaces, int *ret_fd)
{
	int fds[2];

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	pid_t supervisor = fork();
	if (!supervisor) {
		struct inside inside = {fds[1], act, 0};
		struct sandbox_options options = {
			.private_namespaces = private_namespaces,
			.embed_root = private_namespaces ? embed_root : NULL,
		};
		struct sandbox sandbox;
		(void)setpgid(0, 0);
		(void)close(fds[0]);
		if (sandbox_start(&options, run_inside, &inside, &sandbox, NULL))
			_exit(1);
		(void)close(fds[1]);
		(void)waitpid(sandbox.pid, NULL, 0);
		_exit(0);
	}
	(void)setpgid(supervisor, supervisor);
	assert_int_equal(close(fds[1]), 0);
	*ret_fd = fds[0];
	return supervisor;
}

static void test_supervisor_killed(void **state)
{
	(void)state;
	NEED_SANDBOX();
	AUTO(buf) struct buf told = BUF_INIT;
	int fd;
	pid_t supervisor = start_supervised(act_daemon_and_stay, true, &fd);
	assert_true(hear_until(fd, &told, "daemon\n"));
	assert_int_equal(kill(supervisor, SIGKILL), 0);
	assert_int_equal(waitpid(supervisor, NULL, 0), supervisor);
	assert_true(hear_until(fd, &told, NULL));
	assert_int_equal(close(fd), 0);
}

static int act_stay(struct inside *inside)
{
	tell(inside, "here\n");
	return stay();
}

/* Without namespaces the run itself dies with its supervisor, too. */
static void test_supervisor_killed_not_private(void **state)
{
	(void)state;
	NEED_SANDBOX();
	AUTO(buf) struct buf told = BUF_INIT;
	int fd;
	pid_t supervisor = start_supervised(act_stay, false, &fd);
	assert_true(hear_until(fd, &told, "here\n"));
	assert_int_equal(kill(supervisor, SIGKILL), 0);
	assert_int_equal(waitpid(supervisor, NULL, 0), supervisor);
	assert_true(hear_until(fd, &told, NULL));
	assert_int_equal(close(fd), 0);
}

/* ---- signals ---- */

/* Says which signal came within half a second; SIGTERM ends it with 42. */
static int act_listen(struct inside *inside)
{
	const struct timespec half_a_second = {.tv_nsec = 500000000};
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	tell(inside, "listening\n");
	int number = sigtimedwait(&set, NULL, &half_a_second);
	tell(inside, number == SIGTERM ? "TERM\n" : number == SIGINT ? "INT\n" : "silence\n");
	return number == SIGTERM ? 42 : 0;
}

static void test_sigterm(void **state)
{
	(void)state;
	NEED_SANDBOX();
	for (int private_namespaces = 0; private_namespaces <= 1; private_namespaces++) {
		struct outside outside;
		start(&outside, act_listen, private_namespaces, 0);
		assert_true(hear_until(outside.fd, &outside.told, "listening\n"));
		assert_int_equal(kill(outside.sandbox.pid, SIGTERM), 0);
		int status = finish(&outside);
		assert_told(&outside.told, "\nTERM\n");
		assert_int_equal(WEXITSTATUS(status), 42);
		buf_release(&outside.told);
	}
}

/* Ctrl-C goes to the terminal's foreground group: the supervisor's, and nobody's inside. */
static void test_ctrl_c(void **state)
{
	(void)state;
	NEED_SANDBOX();
	for (int private_namespaces = 0; private_namespaces <= 1; private_namespaces++) {
		AUTO(buf) struct buf told = BUF_INIT;
		int fd, status;
		pid_t supervisor = start_supervised(act_listen, private_namespaces, &fd);
		assert_true(hear_until(fd, &told, "listening\n"));
		assert_int_equal(kill(-supervisor, SIGINT), 0);
		assert_true(hear_until(fd, &told, NULL));
		assert_told(&told, "silence\n");
		assert_int_equal(waitpid(supervisor, &status, 0), supervisor);
		assert_int_equal(close(fd), 0);
	}
}

/* ---- init's work ---- */

static int act_orphans(struct inside *inside)
{
	for (int i = 0; i < 20; i++) {
		pid_t child = fork();
		if (!child) {
			if (fork() == 0)
				_exit(i);
			_exit(0);
		}
		(void)waitpid(child, NULL, 0);
	}
	clock_sleep_until_ns(clock_now_ns() + 200 * NS_PER_MS);
	tell_processes(inside);
	tell(inside, "end\n");
	return 0;
}

static void test_orphans_are_reaped(void **state)
{
	struct outside outside;

	(void)state;
	NEED_SANDBOX();
	start(&outside, act_orphans, true, 0);
	assert_int_equal(finish(&outside), 0);
	assert_string_equal(outside.told.data, "process=1\nprocess=2\nend\n");
	buf_release(&outside.told);
}

static int make_root(void)
{
	static const char *const folders[] = {"run", "lib", "log", "cache", "etc"};

	if (!mkdtemp(embed_root))
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
		AUTO(free_ptr) char *path = xasprintf("%s/%s", embed_root, folders[i]);
		if (fsio_make_dirs(path, NULL))
			return -1;
	}
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_exit_status),
		cmocka_unit_test(test_private),
		cmocka_unit_test(test_not_private),
		cmocka_unit_test(test_broken),
		cmocka_unit_test(test_init_killed),
		cmocka_unit_test(test_run_ends),
		cmocka_unit_test(test_supervisor_killed),
		cmocka_unit_test(test_supervisor_killed_not_private),
		cmocka_unit_test(test_sigterm),
		cmocka_unit_test(test_ctrl_c),
		cmocka_unit_test(test_orphans_are_reaped),
	};
	sigset_t set;

	/* As sandbox_start() wants it. */
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	if (sigprocmask(SIG_BLOCK, &set, NULL) || unsetenv("DBUS_SYSTEM_BUS_ADDRESS") || make_root())
		return 1;
	if (geteuid() != 0)
		cannot = "namespaces need root";
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	return fsio_remove_tree(embed_root, NULL) || failed;
}
