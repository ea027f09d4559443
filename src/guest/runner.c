/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The guest's end of the stream port: see runner.h.  One process, one poll loop, no thread.  Linked statically and
 * alone, so nothing of src/base is used here.
 */
#include "guest/runner.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "guest/fio_thin.h"
#include "guest/outbox.h"
#include "guest/setup.h"

enum {
	PIPE_BYTES = 64 << 10,
	LINE_MAX_BYTES = 4096, /* longer output lines are split */
	GRACE_MS = 500,        /* between SIGTERM and SIGKILL */
	LEAVE_MS = 1000,       /* how long the last lines may wait for the host before we leave */
	ABSENT_MS = 50,        /* how often we look whether the host has connected */
	ROUND_MIN_MS = 20,     /* a workload that ends at once must not become a fork bomb */
	MEMORY_MS = 1000,      /* how often the guest's memory is told */
};

enum state { IDLE, RUNNING, STOPPING };

struct runner {
	char *const *argv;
	bool repeat, thin_fio, tell_memory;
	int port_fd, signal_fd, output_fd; /* output_fd: the workload's stdout and stderr; -1: none */

	struct outbox outbox;
	bool host_absent;

	char partial[LINE_MAX_BYTES];
	size_t partial_length;
	struct fio_thin thin;

	enum state state;
	pid_t pid; /* the workload's main process, and its group */
	unsigned starts, rounds;
	uint64_t round_start_ms, next_round_ms, kill_ms, leave_ms, memory_ms; /* 0: not set */
	bool leaving, killed;
};

static uint64_t now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

__attribute__((format(printf, 2, 3))) static void say(struct runner *runner, const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	int length = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (length < 0)
		return;
	outbox_add(
		&runner->outbox, "", text, (size_t)length < sizeof(text) ? (size_t)length : sizeof(text) - 1);
	outbox_flush(&runner->outbox);
}

static void end_line(struct runner *runner)
{
	if (!runner->thin_fio || !fio_thin_line(&runner->thin, runner->partial, runner->partial_length))
		outbox_add(&runner->outbox, runner->partial_length && runner->partial[0] == '@' ? " " : "",
			runner->partial, runner->partial_length);
	runner->partial_length = 0;
}

static void add_thin(void *context, const char *text, size_t length)
{
	struct runner *runner = context;

	outbox_add(&runner->outbox, "", text, length);
}

/* What the guest thinks that it could still give away (proc(5)). */
static void say_memory(struct runner *runner)
{
	char text[256], *line;
	int fd = open("/proc/meminfo", O_RDONLY | O_CLOEXEC);
	ssize_t length = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (fd >= 0)
		(void)close(fd);
	if (length < 0)
		return;
	text[length] = '\0';
	if ((line = strstr(text, "MemAvailable:")))
		say(runner, "@guest available_kib %ld", atol(line + strlen("MemAvailable:")));
}

/*
 * Forwards what the workload wrote; returns false at the end of the pipe.  At most a full pipe (64 KiB, pipe(7)) per
 * call, so that a workload that never stops writing cannot keep us from everything else.
 */
static bool read_output(struct runner *runner)
{
	char chunk[4096];

	for (int left = PIPE_BYTES / (int)sizeof(chunk); left > 0; left--) {
		ssize_t count = read(runner->output_fd, chunk, sizeof(chunk));
		if (count <= 0)
			return count < 0;
		for (ssize_t i = 0; i < count; i++) {
			if (chunk[i] == '\n') {
				end_line(runner);
				continue;
			}
			if (runner->partial_length == sizeof(runner->partial))
				end_line(runner);
			runner->partial[runner->partial_length++] = chunk[i] ? chunk[i] : '?';
		}
	}
	return true;
}

static void close_output(struct runner *runner)
{
	if (runner->output_fd < 0)
		return;
	(void)read_output(runner);
	if (runner->partial_length)
		end_line(runner);
	(void)close(runner->output_fd);
	runner->output_fd = -1;
	fio_thin_reset(&runner->thin);
}

static _Noreturn void child(const struct runner *runner, int output_fd, int report_fd)
{
	sigset_t none;

	(void)setpgid(0, 0);
	(void)setpriority(PRIO_PROCESS, 0, 0);
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	(void)signal(SIGPIPE, SIG_DFL);
	int null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (null_fd >= 0 && dup2(null_fd, 0) == 0 && dup2(output_fd, 1) == 1 && dup2(output_fd, 2) == 2)
		(void)execvp(runner->argv[0], runner->argv);
	int why = errno;
	(void)!write(report_fd, &why, sizeof(why));
	_exit(127);
}

static void begin_round(struct runner *runner)
{
	int output[2], report[2], why = 0;

	if (pipe2(output, O_CLOEXEC | O_NONBLOCK) || pipe2(report, O_CLOEXEC)) {
		say(runner, "@failed cannot make a pipe: %s", strerror(errno));
		runner->state = IDLE;
		return;
	}
	/* The workload's end must block as usual. */
	(void)fcntl(output[1], F_SETFL, 0);
	pid_t pid = fork();
	if (pid == 0)
		child(runner, output[1], report[1]);
	(void)close(output[1]);
	(void)close(report[1]);
	runner->output_fd = output[0];
	runner->rounds++;
	runner->round_start_ms = now_ms();
	runner->next_round_ms = 0;
	runner->pid = pid;
	if (pid > 0)
		(void)setpgid(pid, pid);
	if (runner->rounds == 1)
		say(runner, "@start %u", ++runner->starts);
	if (runner->repeat)
		say(runner, "@round %u", runner->rounds);
	if (pid < 0 || read(report[0], &why, sizeof(why)) == (ssize_t)sizeof(why)) {
		say(runner, "@failed cannot execute '%s': %s", runner->argv[0],
			strerror(pid < 0 ? errno : why));
		if (pid > 0)
			(void)waitpid(pid, NULL, 0);
		close_output(runner);
		runner->state = IDLE;
	} else {
		runner->state = RUNNING;
	}
	(void)close(report[0]);
}

static void start(struct runner *runner)
{
	if (runner->state != IDLE || runner->leaving)
		return;
	runner->rounds = 0;
	if (runner->tell_memory) {
		say_memory(runner);
		runner->memory_ms = now_ms() + MEMORY_MS;
	}
	begin_round(runner);
}

/* We are the subreaper: whatever the workload left behind is our direct child now, whatever its group. */
static void signal_all(const struct runner *runner, int signal_number)
{
	char path[64];
	long pid;

	(void)kill(-runner->pid, signal_number);
	(void)snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
	FILE *children = fopen(path, "re");
	if (!children)
		return;
	while (fscanf(children, "%ld", &pid) == 1)
		(void)kill((pid_t)pid, signal_number);
	(void)fclose(children);
}

static void stopped(struct runner *runner)
{
	close_output(runner);
	runner->state = IDLE;
	runner->kill_ms = 0;
	say(runner, "@stopped");
}

static void stop(struct runner *runner)
{
	runner->next_round_ms = 0;
	if (runner->state == STOPPING)
		return;
	if (runner->state == IDLE) {
		say(runner, "@stopped");
		return;
	}
	runner->state = STOPPING;
	runner->killed = false;
	runner->kill_ms = now_ms() + GRACE_MS;
	signal_all(runner, SIGTERM);
	/* A stopped workload (SIGSTOP) would not see it. */
	signal_all(runner, SIGCONT);
}

static void leave(struct runner *runner)
{
	runner->leaving = true;
	stop(runner);
}

static void round_ended(struct runner *runner, int status)
{
	uint64_t now = now_ms();
	int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);

	/* Nothing of this round may run on into the next. */
	signal_all(runner, SIGKILL);
	close_output(runner);
	say(runner, "@exit %d %llu", code, (unsigned long long)(now - runner->round_start_ms));
	runner->state = IDLE;
	if (code)
		say(runner, "@failed the workload ended with status %d", code);
	else if (runner->repeat && now < runner->round_start_ms + ROUND_MIN_MS)
		runner->next_round_ms = runner->round_start_ms + ROUND_MIN_MS;
	else if (runner->repeat)
		begin_round(runner);
}

static void reap(struct runner *runner)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		if (pid == runner->pid && runner->state == RUNNING)
			round_ended(runner, status);
	if (pid < 0 && errno == ECHILD && runner->state == STOPPING)
		stopped(runner);
	else if (runner->state == STOPPING && runner->killed)
		signal_all(runner, SIGKILL);
}

static void read_port(struct runner *runner)
{
	char bytes[64];
	ssize_t count = read(runner->port_fd, bytes, sizeof(bytes));

	runner->host_absent = count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR);
	for (ssize_t i = 0; i < count; i++) {
		if (bytes[i] == RUNNER_BYTE_START)
			start(runner);
		else if (bytes[i] == RUNNER_BYTE_STOP)
			stop(runner);
		else if (bytes[i] == RUNNER_BYTE_QUIT)
			leave(runner);
	}
}

static void run_timers(struct runner *runner)
{
	uint64_t now = now_ms();

	if (runner->next_round_ms && now >= runner->next_round_ms) {
		runner->next_round_ms = 0;
		begin_round(runner);
	}
	if (runner->kill_ms && now >= runner->kill_ms) {
		runner->killed = true;
		signal_all(runner, SIGKILL);
		/* Again soon: a process may have been forked just now. */
		runner->kill_ms = now + 50;
	}
	if (runner->memory_ms && now >= runner->memory_ms) {
		say_memory(runner);
		/* Never twice at once, after a guest that had no time. */
		runner->memory_ms = runner->state == RUNNING ? now + MEMORY_MS : 0;
	}
	if (runner->leaving && runner->state == IDLE && !runner->leave_ms)
		runner->leave_ms = now + LEAVE_MS;
}

static int wait_ms(const struct runner *runner)
{
	const uint64_t deadlines[] = {runner->next_round_ms, runner->kill_ms, runner->leave_ms,
		runner->memory_ms, runner->host_absent ? now_ms() + ABSENT_MS : 0};
	uint64_t first = UINT64_MAX, now = now_ms();

	for (size_t i = 0; i < sizeof(deadlines) / sizeof(deadlines[0]); i++)
		if (deadlines[i] && deadlines[i] < first)
			first = deadlines[i];
	return first == UINT64_MAX ? -1 : first <= now ? 0 : (int)(first - now);
}

static void loop(struct runner *runner)
{
	for (;;) {
		run_timers(runner);
		if (runner->leave_ms && (outbox_is_empty(&runner->outbox) || now_ms() >= runner->leave_ms))
			return;
		/* A port without a host end reports POLLHUP all the time (virtio_console): look at intervals. */
		struct pollfd fds[] = {
			{.fd = runner->signal_fd, .events = POLLIN},
			{.fd = runner->output_fd, .events = POLLIN},
			{.fd = runner->host_absent ? -1 : runner->port_fd,
				.events = (short)(POLLIN | (outbox_is_empty(&runner->outbox) ? 0 : POLLOUT))},
		};
		if (poll(fds, 3, wait_ms(runner)) < 0 && errno != EINTR)
			return;
		if (fds[0].revents) {
			struct signalfd_siginfo info;
			while (read(runner->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
				if (info.ssi_signo == SIGTERM)
					leave(runner);
			reap(runner);
		}
		/* reap() may have closed it. */
		if (runner->output_fd >= 0 && fds[1].revents && !read_output(runner))
			close_output(runner);
		if (fds[2].revents || runner->host_absent)
			read_port(runner);
		outbox_flush(&runner->outbox);
	}
}

int main(int argc, char **argv)
{
	const char *port = RUNNER_STREAM_PORT, *job = RUNNER_JOB_PATH;
	struct runner runner = {.output_fd = -1};
	sigset_t signals;
	int i;

	for (i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
		if (strcmp(argv[i], "--repeat") == 0)
			runner.repeat = true;
		else if (strcmp(argv[i], "--thin-fio") == 0)
			runner.thin_fio = true;
		else if (strcmp(argv[i], "--memory") == 0)
			runner.tell_memory = true;
		else if (strcmp(argv[i], "--port") == 0 && i + 1 < argc)
			port = argv[++i];
		else if (strcmp(argv[i], "--job") == 0 && i + 1 < argc)
			job = argv[++i];
		else
			break;
	}
	if (i + 1 >= argc || strcmp(argv[i], "--") != 0) {
		(void)fprintf(stderr,
			"usage: %s [--repeat] [--memory] [--thin-fio] [--port NAME|PATH|fd:N] [--job PATH] "
			"-- ARGV...\n",
			argv[0]);
		return 2;
	}
	runner.argv = argv + i + 1;
	runner.thin = (struct fio_thin){.emit = add_thin, .context = &runner};
	if (setup_store_job(job)) {
		(void)fprintf(stderr, "cannot store the job in '%s': %s\n", job, strerror(errno));
		return 1;
	}
	runner.port_fd = setup_open_port(port);
	outbox_init(&runner.outbox, runner.port_fd);
	if (runner.port_fd < 0) {
		(void)fprintf(stderr, "cannot open the port '%s': %s\n", port, strerror(errno));
		return 1;
	}
	/* So that a stop is punctual in a guest full of work; without the right to do so we go on. */
	(void)setpriority(PRIO_PROCESS, 0, -10);
	(void)prctl(PR_SET_CHILD_SUBREAPER, 1);
	(void)signal(SIGPIPE, SIG_IGN);
	sigemptyset(&signals);
	sigaddset(&signals, SIGCHLD);
	sigaddset(&signals, SIGTERM);
	(void)sigprocmask(SIG_BLOCK, &signals, NULL);
	runner.signal_fd = signalfd(-1, &signals, SFD_NONBLOCK | SFD_CLOEXEC);
	if (runner.signal_fd < 0)
		return 1;
	say(&runner, "@ready");
	loop(&runner);
	return 0;
}
