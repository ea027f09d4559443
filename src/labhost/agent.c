/* SPDX-License-Identifier: GPL-3.0-or-later */
/* In the lab host: runs the inner limitlab and tells the host what it prints and writes. */
#include "labhost/agent.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <jansson.h>

#include "base/auto.h"
#include "base/clock.h"
#include "base/fsio.h"
#include "base/paths.h"
#include "base/spawn.h"
#include "labhost/internal.h"
#include "series/rundir.h"

#define PORT_PATH "/dev/virtio-ports/" AGENT_PORT
#define JOB_PATH  "/run/labhost/job.json"

enum { LOOK_MS = 500, BEAT_MS = 1000, PORT_PATIENCE_S = 30 };

DEFINE_AUTO(json, json_t *, json_decref);

struct agent {
	int port_fd, out_fd, err_fd;
	pid_t child;
	bool interrupted;
	struct tree results;
	struct buf pending;
};

static int write_all(int fd, const char *data, size_t length)
{
	while (length) {
		ssize_t count = write(fd, data, length);
		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0 && errno == EAGAIN) {
			struct pollfd poller = {.fd = fd, .events = POLLOUT};
			(void)poll(&poller, 1, -1);
			continue;
		}
		if (count <= 0)
			return -1;
		data += count;
		length -= (size_t)count;
	}
	return 0;
}

static void flush(struct agent *agent)
{
	if (agent->pending.length && write_all(agent->port_fd, agent->pending.data, agent->pending.length))
		(void)fprintf(stderr, "labhost: cannot write to the port: %s\n", strerror(errno));
	buf_reset(&agent->pending);
}

/* Seconds since power-on. */
static void add_time(struct agent *agent, enum frame_kind kind)
{
	char text[64];

	if (fsio_read_small(AT_FDCWD, "/proc/uptime", text, sizeof(text), NULL))
		text[0] = '\0';
	text[strcspn(text, " ")] = '\0';
	frame_add(&agent->pending, kind, NULL, NULL, 0, text, strlen(text));
}

static int open_port(struct err *err)
{
	uint64_t deadline_ns = clock_now_ns() + PORT_PATIENCE_S * NS_PER_S;

	for (;;) {
		int fd = open(PORT_PATH, O_RDWR | O_CLOEXEC | O_NONBLOCK);
		if (fd >= 0)
			return fd;
		if (clock_now_ns() > deadline_ns)
			return err_sys(err, errno, "cannot open '" PORT_PATH "'");
		clock_sleep_until_ns(clock_now_ns() + 20 * NS_PER_MS);
	}
}

/*
 * KVM was proven in an earlier lab host with the same kernel, root and machine: the proof holds in this one, whose boot it does not
 * name.
 */
static void adopt_proof(void)
{
	AUTO(free_ptr) char *path = xasprintf("%s/accel.json", paths_state_dir());
	AUTO(buf) struct buf text = BUF_INIT;
	char boot_id[64];

	if (!fsio_exists(path) || fsio_read_file(path, 1 << 20, &text, NULL) || !text.data ||
		fsio_read_small(AT_FDCWD, "/proc/sys/kernel/random/boot_id", boot_id, sizeof(boot_id), NULL))
		return;
	char *at = strstr(text.data, "boot ");
	if (!at || strlen(at + 5) < strlen(boot_id))
		return;
	memcpy(at + 5, boot_id, strlen(boot_id));
	(void)fsio_write_atomic(path, text.data, text.length, NULL);
}

static const char **texts_of(const json_t *array, const char *first)
{
	const char **texts = xcalloc(json_array_size(array) + 2, sizeof(*texts));
	size_t count = 0;

	if (first)
		texts[count++] = first;
	for (size_t i = 0; i < json_array_size(array); i++)
		texts[count++] = json_string_value(json_array_get(array, i));
	return texts;
}

static int start(struct agent *agent, const json_t *job, const char *program, struct err *err)
{
	AUTO(free_ptr) const char **argv = texts_of(json_object_get(job, "argv"), program);
	AUTO(free_ptr) const char **environment = texts_of(json_object_get(job, "environment"), NULL);
	const char *cwd = json_string_value(json_object_get(job, "cwd"));
	int out[2], errors[2];

	if (pipe2(out, O_CLOEXEC) || pipe2(errors, O_CLOEXEC))
		return err_sys(err, errno, "cannot make a pipe");
	pid_t child = fork();
	if (child < 0)
		return err_sys(err, errno, "cannot fork");
	if (!child) {
		(void)setpgid(0, 0);
		(void)dup2(out[1], 1);
		(void)dup2(errors[1], 2);
		/* The kernel under test may end at any time: what is recorded goes out at once (src/run/spill.h). */
		(void)setenv(RUNDIR_SPILL_VARIABLE, "1", 1);
		for (size_t i = 0; environment[i]; i++)
			(void)putenv((char *)(uintptr_t)environment[i]);
		if (cwd && chdir(cwd) == 0)
			(void)execv(program, (char **)(uintptr_t)argv);
		(void)fprintf(stderr, "labhost: cannot execute '%s' in '%s': %s\n", program, cwd ? cwd : "",
			strerror(errno));
		_exit(127);
	}
	(void)close(out[1]);
	(void)close(errors[1]);
	agent->out_fd = out[0];
	agent->err_fd = errors[0];
	agent->child = child;
	return 0;
}

/* Away from the first CPUs, which scenarios make scarce. */
static void keep_aside(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET((size_t)(sysconf(_SC_NPROCESSORS_ONLN) - 1), &set);
	(void)sched_setaffinity(0, sizeof(set), &set);
}

/* Passes on what can be read; closes what has ended. */
static void pass_on(struct agent *agent, int *fd, enum frame_kind kind)
{
	char chunk[16 * 1024];
	ssize_t count = read(*fd, chunk, sizeof(chunk));

	if (count > 0)
		frame_add(&agent->pending, kind, NULL, NULL, 0, chunk, (size_t)count);
	if (count == 0 || (count < 0 && errno != EINTR && errno != EAGAIN)) {
		(void)close(*fd);
		*fd = -1;
	}
}

static void take_orders(struct agent *agent)
{
	char orders[16];
	ssize_t count = read(agent->port_fd, orders, sizeof(orders));

	for (ssize_t i = 0; i < count; i++)
		if (orders[i] == AGENT_INTERRUPT) {
			(void)kill(-agent->child, agent->interrupted ? SIGKILL : SIGINT);
			agent->interrupted = true;
		}
}

/* Until the inner limitlab has ended and nothing more can come from it.  Returns its exit code. */
static int watch_over(struct agent *agent)
{
	uint64_t look_ns = clock_now_ns(), beat_ns = look_ns;
	bool ended = false;
	int status = 0;

	while (!ended || agent->out_fd >= 0 || agent->err_fd >= 0) {
		struct pollfd fds[] = {
			{.fd = agent->out_fd, .events = POLLIN},
			{.fd = agent->err_fd, .events = POLLIN},
			{.fd = agent->port_fd, .events = POLLIN},
		};
		uint64_t now_ns = clock_now_ns();
		int wait_ms = now_ns < look_ns ? (int)((look_ns - now_ns) / NS_PER_MS) + 1 : 0;
		(void)poll(fds, ARRAY_SIZE(fds), wait_ms);
		if (fds[0].revents)
			pass_on(agent, &agent->out_fd, FRAME_OUT);
		if (fds[1].revents)
			pass_on(agent, &agent->err_fd, FRAME_ERR);
		if (fds[2].revents & POLLIN)
			take_orders(agent);
		if (!ended && waitpid(agent->child, &status, WNOHANG) == agent->child)
			ended = true;
		now_ns = clock_now_ns();
		if (now_ns >= look_ns) {
			tree_look(&agent->results, &agent->pending);
			look_ns = now_ns + LOOK_MS * NS_PER_MS;
		}
		if (now_ns >= beat_ns) {
			add_time(agent, FRAME_BEAT);
			beat_ns = now_ns + BEAT_MS * NS_PER_MS;
		}
		flush(agent);
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* What the next lab host need not find out again. */
static void tell_learned(struct agent *agent)
{
	static const char *const names[] = {"embed/cache", "accel.json"};
	AUTO(free_ptr) char *learned = xasprintf("%s/learned", paths_state_dir());

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		AUTO(free_ptr) char *from = xasprintf("%s/%s", paths_state_dir(), names[i]);
		AUTO(free_ptr) char *to = xasprintf("%s/%s", learned, names[i]);
		AUTO(free_ptr) char *parent = fsio_dirname(to);
		if (fsio_exists(from) && !fsio_make_dirs(parent, NULL))
			(void)rename(from, to);
	}
	struct tree tree = {.folder = learned, .letter = TREE_LEARNED};
	tree_look(&tree, &agent->pending);
	tree_check(&tree, &agent->pending);
	flush(agent);
	tree_release(&tree);
}

/* "limitlab.journal" on the kernel's command line: where the start's time goes, and what everybody said. */
static void add_journal(const char *results)
{
	static const char *const argv[] = {"sh", "-c",
		"systemd-analyze; systemd-analyze --no-pager critical-chain multi-user.target; systemd-analyze --no-pager blame;"
		" journalctl -b --no-pager",
		NULL};
	AUTO(free_ptr) char *path = xasprintf("%s/lab-host.journal", results);
	AUTO(buf) struct buf text = BUF_INIT;
	int status;

	if (!fsio_read_file("/proc/cmdline", 64 << 10, &text, NULL) && text.data &&
		strstr(text.data, "limitlab.journal")) {
		buf_reset(&text);
		if (!spawn_run(argv, &(struct spawn_options){.output = &text, .timeout_ms = 60000}, &status,
			    NULL))
			(void)fsio_write_atomic(path, text.data ? text.data : "", text.length, NULL);
	}
}

static int serve(struct agent *agent, struct err *err)
{
	AUTO(json) json_t *job = json_load_file(JOB_PATH, 0, NULL);
	const char *program = json_string_value(json_object_get(job, "program"));
	const char *results = json_string_value(json_object_get(job, "results"));
	char code[16];

	if (!program || !results)
		return err_run(err, "'" JOB_PATH "' says nothing");
	agent->results = (struct tree){.folder = results, .letter = TREE_RESULTS};
	/* What came along and lies below the results is no result. */
	AUTO(buf) struct buf nobody = BUF_INIT;
	tree_look(&agent->results, &nobody);
	adopt_proof();
	/* The folder that the user is in holds nothing that is needed, perhaps. */
	const char *cwd = json_string_value(json_object_get(job, "cwd"));
	if ((cwd && fsio_make_dirs(cwd, err)) || start(agent, job, program, err))
		return -1;
	keep_aside();
	add_time(agent, FRAME_STARTED);
	int status = watch_over(agent);
	add_journal(results);
	tree_look(&agent->results, &agent->pending);
	tree_check(&agent->results, &agent->pending);
	flush(agent);
	tell_learned(agent);
	(void)snprintf(code, sizeof(code), "%d", status);
	frame_add(&agent->pending, FRAME_EXIT, NULL, NULL, 0, code, strlen(code));
	flush(agent);
	return 0;
}

int labhost_agent(struct err *err)
{
	struct agent agent = {.out_fd = -1, .err_fd = -1};

	/* A test in there may kill whatever is called limitlab. */
	(void)prctl(PR_SET_NAME, "labhost-agent");
	agent.port_fd = open_port(err);
	if (agent.port_fd < 0)
		return -1;
	int result = serve(&agent, err);
	if (result) {
		frame_add(&agent.pending, FRAME_STAGE, NULL, NULL, 0, err->text, strlen(err->text));
		flush(&agent);
	}
	tree_release(&agent.results);
	buf_release(&agent.pending);
	/* The host ends this machine when it has read all; there is nothing to save in it. */
	if (!result)
		for (;;)
			(void)pause();
	(void)close(agent.port_fd);
	return result;
}
