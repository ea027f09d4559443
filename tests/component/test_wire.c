/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/clock.h"
#include "run/wire.h"

struct pair {
	int supervisor, run;
};

static int make_pair(void **state)
{
	static struct pair pair;

	*state = &pair;
	return wire_pair(&pair.supervisor, &pair.run, NULL);
}

static int close_pair(void **state)
{
	struct pair *pair = *state;

	(void)close(pair->supervisor);
	if (pair->run >= 0)
		(void)close(pair->run);
	return 0;
}

static void on_phase(void *context, const char *name, const char *detail)
{
	buf_addf(context, "phase %s (%s)\n", name, detail);
}

static void on_tick(void *context, const struct run_tick *tick)
{
	buf_addf(context, "tick %.3f of %.3f, %s, %.0f %s:", tick->t_s, tick->duration_s, tick->series,
		tick->full, tick->unit);
	for (size_t i = 0; i < tick->count; i++)
		buf_addf(context, " %s %.1f", tick->names[i], tick->values[i]);
	buf_adds(context, "\n");
}

static void on_event(void *context, double t_s, const char *text)
{
	buf_addf(context, "event %.3f %s\n", t_s, text);
}

static void on_warn(void *context, const char *text)
{
	buf_addf(context, "warn %s\n", text);
}

static void test_progress(void **state)
{
	static const char *const names[] = {"blue", "red"};
	const struct pair *pair = *state;
	AUTO(buf) struct buf seen = BUF_INIT;
	const struct run_observer observer = {on_phase, on_tick, on_event, on_warn, &seen};
	struct wire_message message;

	assert_int_equal(wire_receive(pair->supervisor, &message), -1);
	wire_phase(pair->run, "boot", "3 tenants");
	wire_tick(pair->run, &(const struct run_tick){
				     .t_s = 1.5,
				     .duration_s = 60,
				     .series = "mem_mib",
				     .unit = "MiB",
				     .full = 192,
				     .values = (const double[]){33.25, 66.75},
				     .count = 2,
			     });
	wire_event(pair->run, 20.001, "red cpu.shares 4096");
	wire_warn(pair->run, "%d of %s", 7, "nine");
	while (wire_receive(pair->supervisor, &message) == 1) {
		wire_dispatch(&message, names, &observer);
		/* Nobody watches, or watches only some of it. */
		wire_dispatch(&message, names, NULL);
		wire_dispatch(&message, names, &(struct run_observer){0});
	}
	assert_string_equal(seen.data, "phase boot (3 tenants)\n"
				       "tick 1.500 of 60.000, mem_mib, 192 MiB: blue 33.2 red 66.8\n"
				       "event 20.001 red cpu.shares 4096\n"
				       "warn 7 of nine\n");
}

/* Texts that are too long are cut off, never run over. */
static void test_long_texts(void **state)
{
	const struct pair *pair = *state;
	struct wire_message message;
	char text[4096];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	wire_phase(pair->run, text, text);
	wire_event(pair->run, 0, text);
	wire_warn(pair->run, "%s", text);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(wire_receive(pair->supervisor, &message), 1);
		assert_int_equal(strlen(message.text), sizeof(message.text) - 1);
		assert_true(strlen(message.name) == (i ? 0 : sizeof(message.name) - 1));
	}
}

/*
 * Nobody reads: progress is dropped, at once.  The result comes all the same, as soon as there is room; nothing that was
 * sent before it is damaged.
 */
static void test_full_pipe(void **state)
{
	enum { MESSAGES = 5000 };
	struct pair *pair = *state;
	struct wire_message message = {0};
	uint64_t worst_ns = 0;

	for (int i = 0; i < MESSAGES; i++) {
		uint64_t begin_ns = clock_now_ns();
		wire_event(pair->run, i, "an event");
		uint64_t took_ns = clock_now_ns() - begin_ns;
		worst_ns = took_ns > worst_ns ? took_ns : worst_ns;
	}
	print_message("  the slowest of %d took %.3f ms\n", MESSAGES, (double)worst_ns / 1e6);
	assert_true(worst_ns < 500 * NS_PER_MS);
	pid_t run = fork();
	if (!run) {
		struct err err = ERR_INIT;
		(void)err_set(&err, ERR_READBACK, 3, "asked %d", 4096);
		(void)err_remedy(&err, "look");
		wire_result(pair->run, &err);
		_exit(0);
	}
	(void)close(pair->run);
	pair->run = -1;
	/* It waits for room. */
	clock_sleep_until_ns(clock_now_ns() + 100 * NS_PER_MS);
	assert_int_equal(waitpid(run, NULL, WNOHANG), 0);
	int events = 0, result = 0;
	uint64_t deadline_ns = clock_now_ns() + 5 * NS_PER_S;
	while ((result = wire_receive(pair->supervisor, &message)) != 0 && clock_now_ns() < deadline_ns) {
		if (result < 0)
			continue;
		if (message.kind == WIRE_RESULT)
			break;
		assert_int_equal(message.kind, WIRE_EVENT);
		assert_int_equal((int)message.t_s, events);
		events++;
	}
	print_message("  %d of them were kept\n", events);
	assert_true(events > 10 && events < MESSAGES);
	assert_int_equal(message.kind, WIRE_RESULT);
	assert_int_equal(message.err.domain, ERR_READBACK);
	assert_int_equal(message.err.code, 3);
	assert_string_equal(message.err.text, "asked 4096");
	assert_string_equal(message.err.remedy, "look");
	int status;
	assert_int_equal(waitpid(run, &status, 0), run);
	assert_int_equal(status, 0);
	assert_int_equal(wire_receive(pair->supervisor, &message), 0);
}

/* A supervisor that is gone: no SIGPIPE, no waiting. */
static void test_nobody_listens(void **state)
{
	struct pair *pair = *state;
	int fd = pair->run;
	struct err err = ERR_INIT;

	assert_int_equal(close(pair->supervisor), 0);
	wire_phase(fd, "boot", "");
	wire_tick(fd, &(const struct run_tick){
			      .series = "", .unit = "", .values = (const double[]){NAN}, .count = 1});
	wire_warn(fd, "x");
	wire_result(fd, &err);
	assert_int_equal(wire_pair(&pair->supervisor, &pair->run, NULL), 0);
	assert_int_equal(close(fd), 0);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, make_pair, close_pair)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_progress),
		CASE(test_long_texts),
		CASE(test_full_pipe),
		CASE(test_nobody_listens),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
