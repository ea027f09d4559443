/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/clock.h"

/* What the child needs, made before fork(): after it only async-signal-safe calls are allowed. */
struct plan {
	const char *path;
	const char *const *argv;
	const char *const *env; /* the whole environment */
	const char *cwd;
	int stdin_fd, stdout_fd, report_fd, netns_fd;
	pid_t parent;
};

static _Noreturn void child(const struct plan *plan)
{
	sigset_t none;
	int why;

	(void)setpgid(0, 0);
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* The parent died before the line above: nobody would end us. */
	if (getppid() != plan->parent)
		_exit(127);
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	(void)signal(SIGPIPE, SIG_DFL);
	(void)signal(SIGINT, SIG_DFL);
	(void)signal(SIGTERM, SIG_DFL);
	if ((plan->netns_fd <= 0 || setns(plan->netns_fd, CLONE_NEWNET) == 0) &&
		dup2(plan->stdin_fd, 0) >= 0 && dup2(plan->stdout_fd, 1) >= 0 &&
		dup2(plan->stdout_fd, 2) >= 0 && (!plan->cwd || chdir(plan->cwd) == 0))
		(void)execve(plan->path, (char *const *)(uintptr_t)plan->argv,
			(char *const *)(uintptr_t)plan->env);
	why = errno;
	(void)!write(plan->report_fd, &why, sizeof(why));
	_exit(127);
}

/* Whether the entry "NAME=value" is replaced by one of the extra ones. */
static bool is_replaced(const char *entry, const char *const *extra)
{
	for (; extra && *extra; extra++) {
		size_t length = strcspn(*extra, "=");
		if (!strncmp(entry, *extra, length) && entry[length] == '=')
			return true;
	}
	return false;
}

/* One entry per name: of two, getenv(3) takes the first and dash the last. */
static const char **whole_environment(const char *const *extra)
{
	size_t count = 0, used = 0;

	while (environ[count])
		count++;
	for (size_t i = 0; extra && extra[i]; i++)
		count++;
	const char **all = xcalloc(count + 1, sizeof(*all));
	for (size_t i = 0; extra && extra[i]; i++)
		all[used++] = extra[i];
	for (size_t i = 0; environ[i]; i++)
		if (!is_replaced(environ[i], extra))
			all[used++] = environ[i];
	return all;
}

static int start(const char *const *argv, const struct spawn_options *options, int stdin_fd, int stdout_fd,
	pid_t *ret_pid, struct err *err)
{
	int report[2], why = 0;

	AUTO(free_ptr) char *path = strchr(argv[0], '/') ? xstrdup(argv[0]) : spawn_find(argv[0]);
	if (!path)
		return err_host(err, "the program '%s' is not installed", argv[0]);
	AUTO(close_fd) int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null_fd < 0)
		return err_sys(err, errno, "cannot open '/dev/null'");
	if (pipe2(report, O_CLOEXEC))
		return err_sys(err, errno, "cannot make a pipe");
	AUTO(close_fd) int report_read = report[0];
	AUTO(close_fd) int report_write = report[1];
	AUTO(free_ptr) const char **env = whole_environment(options->env);
	struct plan plan = {
		.path = path,
		.argv = argv,
		.env = env,
		.cwd = options->cwd,
		.stdin_fd = stdin_fd >= 0 ? stdin_fd : null_fd,
		.stdout_fd = stdout_fd >= 0 ? stdout_fd : null_fd,
		.report_fd = report_write,
		.netns_fd = options->netns_fd,
		.parent = getpid(),
	};
	pid_t pid = fork();
	if (pid < 0)
		return err_sys(err, errno, "cannot start '%s'", path);
	if (!pid)
		child(&plan);
	(void)setpgid(pid, pid);
	(void)close(report_write);
	report_write = -1;
	ssize_t count;
	do {
		count = read(report_read, &why, sizeof(why));
	} while (count < 0 && errno == EINTR);
	if (count == (ssize_t)sizeof(why)) {
		(void)waitpid(pid, NULL, 0);
		return err_sys(err, why, "cannot execute '%s'", path);
	}
	*ret_pid = pid;
	return 0;
}

/* Writes what the child takes now; closes its stdin when that was all, or when it does not read any more. */
static void feed(int *in_fd, const char **input, size_t *left)
{
	ssize_t count = write(*in_fd, *input, *left);

	if (count > 0) {
		*input += count;
		*left -= (size_t)count;
	}
	if (*left && (count >= 0 || errno == EAGAIN || errno == EINTR))
		return;
	(void)close(*in_fd);
	*in_fd = -1;
}

/* false: there is no more. */
static bool gather(int out_fd, struct buf *output)
{
	char chunk[16 * 1024];
	ssize_t count = read(out_fd, chunk, sizeof(chunk));

	if (count > 0)
		buf_add(output, chunk, (size_t)count);
	return count > 0 || (count < 0 && errno == EINTR);
}

/* Feeds input and gathers output until both are at their end; -1: the deadline (0: none) passed before. */
static int pump(int *in_fd, const char *input, int out_fd, struct buf *output, uint64_t deadline_ns)
{
	size_t left = input ? strlen(input) : 0;

	while (out_fd >= 0 || *in_fd >= 0) {
		/* poll(2) ignores negative descriptors. */
		struct pollfd fds[] = {
			{.fd = out_fd, .events = POLLIN},
			{.fd = *in_fd, .events = POLLOUT},
		};
		int wait_ms = -1;
		if (deadline_ns) {
			uint64_t now = clock_now_ns();
			if (now >= deadline_ns)
				return -1;
			wait_ms = (int)((deadline_ns - now) / NS_PER_MS) + 1;
		}
		int ready = poll(fds, ARRAY_SIZE(fds), wait_ms);
		if (ready < 0 && errno != EINTR)
			return 0;
		if (ready <= 0)
			continue;
		if (fds[1].revents)
			feed(in_fd, &input, &left);
		if (fds[0].revents && !gather(out_fd, output))
			out_fd = -1;
	}
	return 0;
}

/* A child that stops reading must not end us; blocked in this thread only, whatever other threads do. */
static void sigpipe_block(sigset_t *ret_before)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGPIPE);
	(void)pthread_sigmask(SIG_BLOCK, &set, ret_before);
}

static void sigpipe_unblock(const sigset_t *before)
{
	const struct timespec now = {0};
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGPIPE);
	if (sigismember(before, SIGPIPE) != 1)
		while (sigtimedwait(&set, NULL, &now) == SIGPIPE)
			;
	(void)pthread_sigmask(SIG_SETMASK, before, NULL);
}

/* 0: it has ended; 1: not by the deadline (0: none); -1: nobody can say (SIGCHLD is ignored, so that it left no status). */
static int wait_for(pid_t pid, uint64_t deadline_ns, int *ret_status)
{
	for (;;) {
		pid_t got = waitpid(pid, ret_status, deadline_ns ? WNOHANG : 0);
		if (got == pid)
			return 0;
		if (got < 0 && errno != EINTR)
			return -1;
		if (deadline_ns && clock_now_ns() >= deadline_ns)
			return 1;
		if (deadline_ns)
			clock_sleep_until_ns(clock_now_ns() + 5 * NS_PER_MS);
	}
}

int spawn_run(const char *const *argv, const struct spawn_options *options, int *ret_status, struct err *err)
{
	struct spawn_options defaults = {0};
	int in_pipe[2] = {-1, -1}, out_pipe[2] = {-1, -1}, status = 0;
	pid_t pid;

	if (!options)
		options = &defaults;
	if (options->input && pipe2(in_pipe, O_CLOEXEC))
		return err_sys(err, errno, "cannot make a pipe");
	AUTO(close_fd) int in_read = in_pipe[0];
	AUTO(close_fd) int in_write = in_pipe[1];
	if (options->output && pipe2(out_pipe, O_CLOEXEC))
		return err_sys(err, errno, "cannot make a pipe");
	AUTO(close_fd) int out_read = out_pipe[0];
	AUTO(close_fd) int out_write = out_pipe[1];
	int out_fd = options->output ? out_write : options->output_fd > 0 ? options->output_fd : -1;
	uint64_t deadline_ns = options->timeout_ms ? clock_now_ns() + options->timeout_ms * NS_PER_MS : 0;

	if (start(argv, options, in_read, out_fd, &pid, err))
		return -1;
	if (in_read >= 0)
		(void)close(STEAL_FD(in_read));
	if (out_write >= 0)
		(void)close(STEAL_FD(out_write));
	if (in_write >= 0)
		(void)fcntl(in_write, F_SETFL, O_NONBLOCK);
	sigset_t before;
	sigpipe_block(&before);
	bool late = pump(&in_write, options->input, out_read, options->output, deadline_ns) != 0;
	sigpipe_unblock(&before);
	int ended = late ? 1 : wait_for(pid, deadline_ns, &status);
	if (ended < 0)
		return err_run(err, "how '%s' ended is not known: SIGCHLD is ignored", argv[0]);
	if (ended) {
		(void)kill(-pid, SIGKILL);
		(void)waitpid(pid, NULL, 0);
		return err_run(err, "'%s' did not end within %.1f s and was killed", argv[0],
			(double)options->timeout_ms / 1000.0);
	}
	*ret_status = status;
	return 0;
}

/* The last line that is not empty; NULL when there is none. */
static char *last_line(const struct buf *output)
{
	size_t end = output->length;

	while (end && (output->data[end - 1] == '\n' || output->data[end - 1] == ' '))
		end--;
	size_t begin = end;
	while (begin && output->data[begin - 1] != '\n')
		begin--;
	return end > begin ? xstrndup(output->data + begin, end - begin) : NULL;
}

int spawn_check(const char *const *argv, const struct spawn_options *options, struct err *err)
{
	AUTO(buf) struct buf own = BUF_INIT;
	struct spawn_options with = options ? *options : (struct spawn_options){0};
	int status;

	if (!with.output && with.output_fd <= 0)
		with.output = &own;
	if (spawn_run(argv, &with, &status, err))
		return -1;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	AUTO(free_ptr) char *line = with.output ? last_line(with.output) : NULL;
	if (WIFSIGNALED(status))
		return err_run(err, "'%s' was ended by signal %d (%s)%s%s", argv[0], WTERMSIG(status),
			strsignal(WTERMSIG(status)), line ? ": " : "", line ? line : "");
	return err_run(err, "'%s' ended with status %d%s%s", argv[0], WEXITSTATUS(status), line ? ": " : "",
		line ? line : "");
}

int spawn_start(const char *const *argv, const struct spawn_options *options, pid_t *ret_pid, struct err *err)
{
	struct spawn_options defaults = {0};

	if (!options)
		options = &defaults;
	return start(argv, options, -1, options->output_fd > 0 ? options->output_fd : -1, ret_pid, err);
}

enum spawn_end spawn_look(pid_t pid, char *ret_how, size_t size)
{
	siginfo_t info = {0};

	if (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) < 0 || !info.si_pid)
		return SPAWN_RUNS;
	if (info.si_code == CLD_EXITED) {
		(void)snprintf(ret_how, size, "ended with status %d", info.si_status);
		return SPAWN_EXITED;
	}
	(void)snprintf(
		ret_how, size, "was ended by signal %d (%s)", info.si_status, strsignal(info.si_status));
	return SPAWN_SIGNALLED;
}

void spawn_stop(pid_t pid, uint64_t grace_ms)
{
	uint64_t deadline_ns = clock_now_ns() + grace_ms * NS_PER_MS;

	if (pid <= 0)
		return;
	(void)kill(-pid, SIGTERM);
	for (;;) {
		siginfo_t info = {0};
		/* Not reaped yet, so that its number stays its own while the rest of its group is ended. */
		if (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) < 0 || info.si_pid == pid)
			break;
		if (clock_now_ns() >= deadline_ns)
			break;
		clock_sleep_until_ns(clock_now_ns() + 5 * NS_PER_MS);
	}
	(void)kill(-pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

char *spawn_find(const char *name)
{
	const char *path = getenv("PATH");
	AUTO(free_ptr) char *all = xasprintf("%s:/usr/sbin:/sbin", path ? path : "/usr/bin:/bin");
	char *rest = all;

	for (char *dir; (dir = strsep(&rest, ":")) != NULL;) {
		AUTO(free_ptr) char *candidate = xasprintf("%s/%s", *dir ? dir : ".", name);
		struct stat info;
		if (stat(candidate, &info) == 0 && S_ISREG(info.st_mode) && access(candidate, X_OK) == 0)
			return STEAL(candidate);
	}
	return NULL;
}
