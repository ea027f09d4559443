/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A lab host while it lives; for run.c alone. */
#ifndef LIMITLAB_LABHOST_WATCH_H
#define LIMITLAB_LABHOST_WATCH_H

#include <sys/types.h>

#include "labhost/internal.h"

struct watch {
	const struct labhost_config *config;
	pid_t qemu;
	int port_fd, signal_fd, console_fd, said_fd;
	struct buf in, out_line, err_line;
	struct mirror mirror;
	uint64_t start_ns, sign_ns,
		word_ns; /* power-on; the last sign of life; the last that was more than that */
	uint64_t console_bytes;
	int signal_number;    /* the user's; 0: none */
	uint64_t patience_ns; /* when it ends after a signal */
	bool exited;
	int status;
	struct labhost_end end;
};

/* Since power-on. */
double labwatch_seconds(const struct watch *self);
void labwatch_stage(const struct labhost_config *config, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* All that has arrived at the port. */
int labwatch_take_frames(struct watch *self, struct err *err);
/* Until it is over: self->end says how.  -1: interrupted, or the results cannot be written here. */
int labwatch_over(struct watch *self, struct err *err);
/* What was on its way when it ended. */
void labwatch_finish(struct watch *self);
void labwatch_release(struct watch *self);

#endif
