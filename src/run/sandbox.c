/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "run/sandbox.h"

#include <errno.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/fsio.h"

#define SANDBOX_BROKEN 125 /* exit status when the sandbox itself could not be made */

/*
 * libvirt registers every VM with systemd-machined, by PID, over the system bus; a PID of a private PID namespace means
 * another process there ("Process 11 is a kernel thread, refusing").  Without the bus libvirt makes the control groups
 * itself, at /machine of each hierarchy.  Hidden twice: DBUS_SYSTEM_BUS_ADDRESS may point anywhere.
 */
#define SYSTEM_BUS_FOLDER "/run/dbus"
#define NO_SYSTEM_BUS     "unix:path=/nonexistent"

static int mount_tmpfs(const char *path, struct err *err)
{
	if (mount("limitlab", path, "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755"))
		return err_sys(err, errno, "cannot mount a tmpfs on '%s'", path);
	return 0;
}

static int loopback_up(struct err *err)
{
	struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};

	AUTO(close_fd) int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &request))
		return err_sys(err, errno, "cannot bring up 'lo' in the private network namespace");
	return 0;
}

static int furnish(const struct sandbox_options *options, struct err *err)
{
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		return err_sys(err, errno, "cannot make the mounts private");
	if (mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL))
		return err_sys(err, errno, "cannot mount '/proc' of the private PID namespace");
	if (fsio_exists(SYSTEM_BUS_FOLDER) && mount_tmpfs(SYSTEM_BUS_FOLDER, err))
		return -1;
	if (setenv("DBUS_SYSTEM_BUS_ADDRESS", NO_SYSTEM_BUS, 1))
		return err_sys(err, errno, "cannot hide the system bus");
	if (options->embed_root) {
		static const char *const own[] = {"run", "lib", "log"};
		for (size_t i = 0; i < ARRAY_SIZE(own); i++) {
			AUTO(free_ptr) char *path = xasprintf("%s/%s", options->embed_root, own[i]);
			if (mount_tmpfs(path, err))
				return -1;
		}
	}
	return loopback_up(err);
}

/* PID 1: reaps whatever is orphaned, passes SIGTERM on to the run, ends with the run's status. */
static int be_init(pid_t run)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	for (;;) {
		int signal_number = sigwaitinfo(&set, NULL);
		if (signal_number == SIGTERM || signal_number == SIGINT)
			(void)kill(run, SIGTERM);
		for (;;) {
			int status;
			pid_t pid = waitpid(-1, &status, WNOHANG);
			if (pid <= 0)
				break;
			if (pid == run)
				return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
		}
	}
}

struct start {
	const struct sandbox_options *options;
	int (*run)(void *context);
	void *context;
	int alive_fd; /* reads end of file when the supervisor is gone */
};

static _Noreturn void child(const struct start *start)
{
	struct err err = ERR_INIT;
	char byte;

	/* A process group of its own: Ctrl-C in the terminal must reach only the supervisor. */
	(void)setpgid(0, 0);
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)prctl(PR_SET_NAME, "limitlab-init");
	/* The supervisor may have died before the prctl(): getppid() is 0 across PID namespaces and cannot tell. */
	if (recv(start->alive_fd, &byte, 1, MSG_DONTWAIT) == 0)
		_exit(SANDBOX_BROKEN);
	if (start->options->private_namespaces && furnish(start->options, &err)) {
		(void)fprintf(stderr, "limitlab: %s\n", err.text);
		_exit(SANDBOX_BROKEN);
	}
	pid_t init = getpid();
	pid_t run = fork();
	if (run < 0)
		_exit(SANDBOX_BROKEN);
	if (!run) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != init)
			_exit(SANDBOX_BROKEN);
		(void)prctl(PR_SET_NAME, "limitlab-run");
		_exit(start->run(start->context));
	}
	_exit(be_init(run));
}

int sandbox_start(const struct sandbox_options *options, int (*run)(void *context), void *context,
	struct sandbox *ret_sandbox, struct err *err)
{
	int alive[2];

	/* The supervisor's end stays open, and is never used, until the supervisor is gone. */
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, alive))
		return err_sys(err, errno, "cannot make a socket pair");
	struct start start = {.options = options, .run = run, .context = context, .alive_fd = alive[1]};
	unsigned long flags = SIGCHLD;
	if (options->private_namespaces)
		flags |= CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWNS;
	(void)fflush(NULL);
	/* clone(2) with no stack is fork(2) with flags; we have one thread. */
	pid_t pid = (pid_t)syscall(SYS_clone, flags, NULL, NULL, NULL, NULL);
	if (pid < 0) {
		err_sys(err, errno, "cannot make private PID, network and mount namespaces");
		(void)close(alive[0]);
		(void)close(alive[1]);
		return err_remedy(err, "run as root, on a kernel with CONFIG_PID_NS and CONFIG_NET_NS");
	}
	if (!pid) {
		(void)close(alive[0]);
		child(&start);
	}
	(void)close(alive[1]);
	*ret_sandbox = (struct sandbox){.pid = pid, .alive_fd = alive[0]};
	return 0;
}
