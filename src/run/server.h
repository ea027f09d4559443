/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The other end of a tenant's workload: one process on our side of what is scarce, in a network namespace of its own.  It is
 * ours from start to stop: it dies with the thread that started it, what it prints is kept line by line, its end is noticed.
 */
#ifndef LIMITLAB_RUN_SERVER_H
#define LIMITLAB_RUN_SERVER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "run/loop.h"

struct server;

/* name: for messages.  Call it in the loop's thread; the loop then reads what the server prints. */
int server_start(struct loop *loop, const char *name, const char *const *argv, int netns_fd,
	struct server **ret_server, struct err *err);
/* It has printed a line that begins so; "": any. */
bool server_has_said(const struct server *server, const char *beginning);
/* ERR_RUN: it ended by itself; how, and its last line.  Never blocks. */
int server_check(const struct server *server, struct err *err);
/* What it printed, with seconds since zero_ns. */
int server_write_log(const struct server *server, uint64_t zero_ns, const char *path, struct err *err);
/* Ends it, within half a second, and frees.  Takes NULL. */
void server_stop(struct server *server);

#endif
