/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/signals.h"

#include <errno.h>
#include <sys/signalfd.h>
#include <unistd.h>

int signals_take(struct signals *signals, int also, struct err *err)
{
	sigset_t set;

	sigemptyset(&set);
	if (also)
		sigaddset(&set, also);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	if (sigprocmask(SIG_BLOCK, &set, &signals->before))
		return err_sys(err, errno, "cannot block signals");
	signals->fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return signals->fd < 0 ? err_sys(err, errno, "cannot read signals") : 0;
}

int signals_pending(const struct signals *signals)
{
	struct signalfd_siginfo info;

	return read(signals->fd, &info, sizeof(info)) == (ssize_t)sizeof(info) ? (int)info.ssi_signo : 0;
}

void signals_give_back(struct signals *signals)
{
	(void)close(signals->fd);
	(void)sigprocmask(SIG_SETMASK, &signals->before, NULL);
}
