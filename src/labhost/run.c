/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One lab host from power-on to its end. */
#include "labhost/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/clock.h"
#include "base/fsio.h"
#include "base/spawn.h"
#include "guest/image.h"
#include "guest/parts.h"
#include "labhost/prepare.h"

enum { TICK_MS = 200, INTERRUPT_GRACE_S = 20, CONSOLE_TAIL_BYTES = 1 << 20 };

struct watch {
	const struct labhost_config *config;
	pid_t qemu;
	int port_fd, signal_fd, console_fd, said_fd;
	struct buf in, out_line, err_line;
	struct mirror mirror;
	uint64_t start_ns, sign_ns; /* power-on; the last sign of life */
	uint64_t console_bytes;
	int signal_number;    /* the user's; 0: none */
	uint64_t patience_ns; /* when it ends after a signal */
	bool exited;
	int status;
	struct labhost_end end;
};

static double since(const struct watch *self)
{
	return (double)(clock_now_ns() - self->start_ns) / 1e9;
}

__attribute__((format(printf, 2, 3))) static void stage(
	const struct labhost_config *config, const char *format, ...)
{
	char text[512];
	va_list args;

	if (!config->stage)
		return;
	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	config->stage(text, config->context);
}

/* Hands out whole lines; all of it at the end. */
static void hand_out(struct watch *self, struct buf *line, bool from_stderr, bool all)
{
	char *end;

	while (line->length && ((end = memchr(line->data, '\n', line->length)) || all)) {
		size_t length = end ? (size_t)(end - line->data) : line->length;
		AUTO(free_ptr) char *text = xstrndup(line->data, length);
		if (self->config->line)
			self->config->line(text, from_stderr, self->config->context);
		buf_consume(line, end ? length + 1 : length);
	}
}

static int take_frame(struct watch *self, const struct frame *frame, struct err *err)
{
	switch (frame->kind) {
	case FRAME_BEAT:
		return 0;
	case FRAME_STAGE:
		stage(self->config, "%.*s", (int)frame->length, frame->data);
		return 0;
	case FRAME_STARTED:
		self->end.up_s = since(self);
		stage(self->config, "lab host: up after %.1f s", self->end.up_s);
		return 0;
	case FRAME_OUT:
		buf_add(&self->out_line, frame->data, frame->length);
		hand_out(self, &self->out_line, false, false);
		return 0;
	case FRAME_ERR:
		buf_add(&self->err_line, frame->data, frame->length);
		hand_out(self, &self->err_line, true, false);
		return 0;
	case FRAME_EXIT: {
		AUTO(free_ptr) char *text = xstrndup(frame->data, frame->length);
		self->exited = true;
		self->status = atoi(text);
		return 0;
	}
	default:
		return mirror_apply(&self->mirror, frame, err);
	}
}

static int take_frames(struct watch *self, struct err *err)
{
	char chunk[64 * 1024];
	struct frame frame;
	size_t size;

	for (;;) {
		ssize_t count = recv(self->port_fd, chunk, sizeof(chunk), MSG_DONTWAIT);
		if (count <= 0)
			return 0;
		self->sign_ns = clock_now_ns();
		buf_add(&self->in, chunk, (size_t)count);
		for (;;) {
			int found = frame_take(&self->in, &frame, &size, err);
			if (found < 0)
				return -1;
			if (!found)
				break;
			if (take_frame(self, &frame, err))
				return -1;
			buf_consume(&self->in, size);
		}
	}
}

static void take_signals(struct watch *self)
{
	const char order = AGENT_INTERRUPT;
	struct signalfd_siginfo info;

	while (read(self->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		/* The second Ctrl-C means it. */
		bool again = self->signal_number != 0;
		self->signal_number = (int)info.ssi_signo;
		if (again || self->end.up_s == 0) {
			self->patience_ns = clock_now_ns();
			continue;
		}
		stage(self->config, "interrupted: saving what there is (again: at once)");
		self->patience_ns = clock_now_ns() + INTERRUPT_GRACE_S * NS_PER_S;
		(void)!send(self->port_fd, &order, 1, MSG_DONTWAIT | MSG_NOSIGNAL);
	}
}

/* The console's new text is a sign of life; what it says may be the end.  Returns the reason, or NULL; the caller frees. */
static char *look_at_console(struct watch *self)
{
	struct stat status;
	AUTO(buf) struct buf text = BUF_INIT;

	if (fstat(self->console_fd, &status) || (uint64_t)status.st_size == self->console_bytes)
		return NULL;
	self->sign_ns = clock_now_ns();
	self->console_bytes = (uint64_t)status.st_size;
	uint64_t from =
		self->console_bytes > CONSOLE_TAIL_BYTES ? self->console_bytes - CONSOLE_TAIL_BYTES : 0;
	AUTO(free_ptr) char *data = xcalloc(1, CONSOLE_TAIL_BYTES + 1);
	ssize_t count = pread(self->console_fd, data, CONSOLE_TAIL_BYTES, (off_t)from);
	for (ssize_t i = 0; i < count; i++)
		if (data[i])
			buf_add(&text, &data[i], 1);
	return text.data ? console_panic(text.data) : NULL;
}

/* The last line of a file; "" when it has none.  The caller frees. */
static char *last_line_of(int fd)
{
	char text[4096];
	ssize_t count = pread(fd, text, sizeof(text) - 1, 0);

	text[count > 0 ? count : 0] = '\0';
	for (size_t length = strlen(text); length && (text[length - 1] == '\n' || text[length - 1] == '\r');)
		text[--length] = '\0';
	const char *line = strrchr(text, '\n');
	return xstrdup(line ? line + 1 : text);
}

__attribute__((format(printf, 3, 4))) static void end_as(
	struct watch *self, enum labhost_how how, const char *format, ...)
{
	va_list args;

	self->end.how = how;
	va_start(args, format);
	(void)vsnprintf(self->end.text, sizeof(self->end.text), format, args);
	va_end(args);
}

/* Whether it is over; says how in self->end. */
static bool is_over(struct watch *self)
{
	const struct labhost_config *config = self->config;
	unsigned silence_s = config->silence_s ? config->silence_s : LABHOST_SILENCE_S;
	char how[128];

	if (self->exited) {
		self->end.status = self->status;
		end_as(self, LABHOST_DONE, "limitlab ended with status %d in the lab host", self->status);
		return true;
	}
	enum spawn_end ended = spawn_look(self->qemu, how, sizeof(how));
	AUTO(free_ptr) char *panic = look_at_console(self);
	uint64_t now_ns = clock_now_ns();
	if (panic) {
		/* Its last words may not be all written yet. */
		clock_sleep_until_ns(now_ns + (ended == SPAWN_RUNS ? NS_PER_S / 2 : 0));
		end_as(self, LABHOST_PANIC, "%s", panic);
	} else if (ended != SPAWN_RUNS) {
		AUTO(free_ptr) char *said = last_line_of(self->said_fd);
		AUTO(free_ptr) char *last = last_line_of(self->console_fd);
		end_as(self, LABHOST_DIED, "QEMU %s%s%s", how, *said || *last ? ": " : "",
			*said ? said : last);
	} else if (now_ns - self->sign_ns > silence_s * NS_PER_S) {
		end_as(self, LABHOST_HANG, "no sign of life for %u s", silence_s);
	} else if (config->deadline_s && now_ns - self->start_ns > config->deadline_s * NS_PER_S) {
		end_as(self, LABHOST_DEADLINE, "not done after %u s", config->deadline_s);
	} else {
		return false;
	}
	return true;
}

static int watch_over(struct watch *self, struct err *err)
{
	for (;;) {
		struct pollfd fds[] = {
			{.fd = self->port_fd, .events = POLLIN},
			{.fd = self->signal_fd, .events = POLLIN},
		};
		(void)poll(fds, ARRAY_SIZE(fds), TICK_MS);
		/* A closed port is not news: QEMU's end will be. */
		if (fds[0].revents & POLLHUP && !(fds[0].revents & POLLIN))
			clock_sleep_until_ns(clock_now_ns() + 50 * NS_PER_MS);
		if (fds[1].revents)
			take_signals(self);
		struct err broken = ERR_INIT;
		if (take_frames(self, &broken)) {
			/* The results' place on this host is broken, or the lab host's kernel is. */
			if (broken.domain == ERR_SYS) {
				*err = broken;
				return -1;
			}
			end_as(self, LABHOST_DIED, "%s", broken.text);
			break;
		}
		if (self->signal_number && (self->exited || clock_now_ns() >= self->patience_ns))
			return err_set(err, ERR_INTERRUPTED, self->signal_number, "interrupted by SIG%s",
				sigabbrev_np(self->signal_number));
		if (is_over(self))
			break;
	}
	return 0;
}

/* ---- starting it ---- */

struct signals {
	sigset_t before;
	int fd;
};

static int signals_take(struct signals *signals, struct err *err)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	if (sigprocmask(SIG_BLOCK, &set, &signals->before))
		return err_sys(err, errno, "cannot block signals");
	signals->fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return signals->fd < 0 ? err_sys(err, errno, "cannot read signals") : 0;
}

static void signals_give_back(struct signals *signals)
{
	(void)close(signals->fd);
	(void)sigprocmask(SIG_SETMASK, &signals->before, NULL);
}

/* QEMU gets these by their numbers; nobody else is started meanwhile. */
static void inherit(const int *fds, size_t count, bool yes)
{
	for (size_t i = 0; i < count; i++)
		(void)fcntl(fds[i], F_SETFD, yes ? 0 : FD_CLOEXEC);
}

static int start(struct watch *self, const struct labhost_parts *parts, int inner_port, struct err *err)
{
	const struct labhost_config *config = self->config;
	AUTO(free_ptr) char *payload = xasprintf("/proc/self/fd/%d", parts->payload_fd);
	AUTO(free_ptr) char *scratch = xasprintf("/proc/self/fd/%d", parts->scratch_fd);
	const int passed[] = {inner_port, parts->payload_fd, parts->scratch_fd};
	const struct machine machine = {
		.kernel = config->kernel->vmlinuz,
		.initrd = config->kernel->initrd,
		.root = parts->root,
		.modules = config->kernel->modules,
		.tenants = parts->tenants,
		.payload = payload,
		.scratch = scratch,
		.port_fd = inner_port,
		.console = config->console,
		.kvm = parts->accel.kvm,
		.cgroup = config->cgroup,
		.append = config->append,
		.memory_mib = config->memory_mib ? config->memory_mib : LABHOST_MEMORY_MIB,
		.cpus = config->cpus ? config->cpus : LABHOST_CPUS,
	};
	char **argv = machine_argv(&machine);

	inherit(passed, ARRAY_SIZE(passed), true);
	int result = spawn_start((const char *const *)argv,
		&(struct spawn_options){.output_fd = self->said_fd}, &self->qemu, err);
	inherit(passed, ARRAY_SIZE(passed), false);
	machine_free_argv(argv);
	return result;
}

static int run_watched(struct watch *self, const struct labhost_parts *parts, struct err *err)
{
	const struct labhost_config *config = self->config;
	AUTO(free_ptr) char *parent = fsio_dirname(config->console);
	int ports[2];

	if (fsio_make_dirs(parent, err) || fsio_make_dirs(config->results, err))
		return -1;
	AUTO(close_fd) int console = open(config->console, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	AUTO(close_fd) int said = memfd_create("limitlab-qemu", MFD_CLOEXEC);
	if (console < 0 || said < 0)
		return err_sys(err, errno, "cannot open '%s'", config->console);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ports))
		return err_sys(err, errno, "cannot make a socket pair");
	AUTO(close_fd) int port = ports[0];
	AUTO(close_fd) int inner_port = ports[1];
	self->console_fd = console;
	self->said_fd = said;
	self->port_fd = port;
	self->start_ns = self->sign_ns = clock_now_ns();
	stage(config, "lab host: kernel %s, cgroup %s, %s", config->kernel->release,
		labhost_cgroup_name(config->cgroup),
		parts->accel.kvm ? "KVM" : "TCG (slow: no nested KVM here)");
	if (start(self, parts, inner_port, err))
		return -1;
	(void)close(STEAL_FD(inner_port));
	int result = watch_over(self, err);
	/* What was on its way. */
	(void)take_frames(self, NULL);
	spawn_stop(self->qemu, 0);
	(void)take_frames(self, NULL);
	hand_out(self, &self->out_line, false, true);
	hand_out(self, &self->err_line, true, true);
	self->end.total_s = since(self);
	return result;
}

/* What was learned belongs to its key only when it is whole and the inner limitlab did its work. */
static void keep_learned(const struct labhost_parts *parts, const struct labhost_end *end)
{
	static const int worked[] = {0, 1, 3};
	AUTO(free_ptr) char *cache = xasprintf("%s/embed/cache", parts->learning);

	for (size_t i = 0; i < ARRAY_SIZE(worked); i++)
		if (end->how == LABHOST_DONE && end->status == worked[i] && fsio_exists(cache) &&
			!fsio_remove_tree(parts->learned, NULL))
			(void)rename(parts->learning, parts->learned);
	(void)fsio_remove_tree(parts->learning, NULL);
}

int labhost_run(const struct labhost_config *config, const struct labhost_job *job,
	struct labhost_end *ret_end, struct err *err)
{
	struct labhost_parts parts = {.payload_fd = -1, .scratch_fd = -1};
	struct watch watch = {.config = config};
	struct signals signals;

	if (config->results[0] != '/')
		BUG("'%s' is not absolute", config->results);
	AUTO(free_ptr) char *lock_path = xasprintf("%s/running", config->place->dir);
	AUTO(close_fd) int lock = open(lock_path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (lock < 0)
		return err_sys(err, errno, "cannot open '%s'", lock_path);
	if (flock(lock, LOCK_EX | LOCK_NB)) {
		(void)err_host(err, "another lab host runs (it holds '%s')", lock_path);
		return err_remedy(err, "wait until it ends: two at once would measure each other");
	}
	if (labhost_parts_make(config, job, &parts, err)) {
		labhost_parts_release(&parts);
		return -1;
	}
	watch.mirror = (struct mirror){.results = config->results, .learned = parts.learning};
	watch.end.kvm = parts.accel.kvm;
	(void)snprintf(watch.end.accel_reason, sizeof(watch.end.accel_reason), "%s", parts.accel.reason);
	int result = signals_take(&signals, err);
	if (!result) {
		watch.signal_fd = signals.fd;
		result = run_watched(&watch, &parts, err);
		signals_give_back(&signals);
	}
	keep_learned(&parts, &watch.end);
	if (result || watch.end.how != LABHOST_DONE) {
		AUTO(free_ptr)
		char *why = result ? xstrdup(err->text)
				   : xasprintf("the lab host ended (%s): %s", labhost_how_name(watch.end.how),
					     watch.end.text);
		mirror_close_runs(&watch.mirror, why);
	}
	for (size_t i = 0; i < watch.mirror.manifest_count && config->ran; i++) {
		AUTO(free_ptr) char *run_dir = fsio_dirname(watch.mirror.manifests[i]);
		config->ran(run_dir, config->context);
	}
	mirror_release(&watch.mirror);
	labhost_parts_release(&parts);
	buf_release(&watch.in);
	buf_release(&watch.out_line);
	buf_release(&watch.err_line);
	if (!result)
		*ret_end = watch.end;
	return result;
}

const char *labhost_how_name(enum labhost_how how)
{
	static const char *const names[] = {
		[LABHOST_DONE] = "done",
		[LABHOST_PANIC] = "panic",
		[LABHOST_HANG] = "hang",
		[LABHOST_DEADLINE] = "deadline",
		[LABHOST_DIED] = "died",
	};

	return names[how];
}
