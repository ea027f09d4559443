/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the run tells its supervisor, over a SOCK_SEQPACKET pair: one struct per message.  Both ends are the same
 * program, forked, so plain structs do.  Progress is sent without blocking and dropped when the pipe is full: a
 * terminal that does not drain must never stall the timeline.  The final result is sent blocking.
 */
#ifndef LIMITLAB_RUN_WIRE_H
#define LIMITLAB_RUN_WIRE_H

#include <stdint.h>

#include "base/err.h"
#include "run/observer.h"
#include "scenario/scenario.h"

enum wire_kind { WIRE_PHASE, WIRE_TICK, WIRE_EVENT, WIRE_WARN, WIRE_RESULT };

struct wire_message {
	enum wire_kind kind;
	double t_s, duration_s, full;
	uint32_t count;
	double values[SCENARIO_MAX_TENANTS];
	char name[64];
	char text[512];
	struct err err; /* WIRE_RESULT: why the run broke; ERR_NONE: it did not */
};

int wire_pair(int *ret_supervisor_fd, int *ret_run_fd, struct err *err);

void wire_phase(int fd, const char *name, const char *detail);
/* The names do not travel. */
void wire_tick(int fd, const struct run_tick *tick);
void wire_event(int fd, double t_s, const char *text);
void wire_warn(int fd, const char *format, ...) __attribute__((format(printf, 2, 3)));
void wire_result(int fd, const struct err *err);

/* 1: a message; 0: the other end is gone; -1: nothing now. */
int wire_receive(int fd, struct wire_message *ret_message);
/* Calls the observer's hook for a progress message. */
void wire_dispatch(
	const struct wire_message *message, const char *const *names, const struct run_observer *observer);

#endif
