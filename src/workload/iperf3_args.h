/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Inside the module: an iperf3 job file, which is the arguments of iperf3's client as on its command line ("-u -b 50M"),
 * in one line or several, with '#' comments.  Where the client connects to, how long it runs and how it reports is
 * limitlab's.
 */
#ifndef LIMITLAB_WORKLOAD_IPERF3_ARGS_H
#define LIMITLAB_WORKLOAD_IPERF3_ARGS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

#define IPERF3_ARGS_MAX 32
/* A line every 200 ms, as often as samples are taken by default. */
#define IPERF3_INTERVAL "0.2"

struct iperf3_args {
	char *words[IPERF3_ARGS_MAX];
	size_t count;
	const char *interval; /* of its report, seconds: one of the words, or the default */
	bool has_interval;
	bool has_connect_timeout;
};

/* ERR_INPUT, "FILE:LINE: ...". */
int iperf3_args_read(struct iperf3_args *ret_args, const char *path, const char *text, struct err *err);
void iperf3_args_release(struct iperf3_args *args);

static inline void auto_iperf3_args(struct iperf3_args *args)
{
	iperf3_args_release(args);
}

#endif
