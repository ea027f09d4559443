/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The signals that end a program, SIGTERM, SIGINT and SIGHUP, blocked so that signalfd(2) reads them; undone afterwards.
 */
#ifndef LIMITLAB_BASE_SIGNALS_H
#define LIMITLAB_BASE_SIGNALS_H

#include <signal.h>

#include "base/err.h"

struct signals {
	sigset_t before;
	int fd; /* to read them from; does not block */
};

/* also: one more signal; 0: none. */
int signals_take(struct signals *signals, int also, struct err *err);
/* One that has come and that nobody has read; 0: none. */
int signals_pending(const struct signals *signals);
void signals_give_back(struct signals *signals);

#endif
