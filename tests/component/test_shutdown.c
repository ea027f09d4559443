/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The end of a run while a worker is still at work: it is waited for, a signal or not, and what it uses is not taken from it.
 */
#include <math.h>
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/auto.h"
#include "base/clock.h"
#include "run/fixture.h"
#include "run/inner.h"

#define MIB (UINT64_C(1) << 20)

static uint64_t in_ms(uint64_t ms)
{
	return clock_now_ns() + ms * NS_PER_MS;
}

static void must(int result, const struct err *err)
{
	if (result)
		fail_msg("%s", err->text);
}

static void finished_quietly(struct job *job)
{
	(void)job;
}

/* ---- scarce memory ---- */

static sem_t unmade;

static int work_hold(struct job *job, struct err *err)
{
	while (sem_wait(&unmade))
		;
	return run_fixture_memory.hold(job->context, false, err);
}

static void test_memory(void **state)
{
	static struct inner inner;
	const struct scenario scenario = {.memory = {.declared = true, .free_bytes = 512 * MIB}};
	const struct run_plan plan = {.scenario = &scenario, .wire_fd = -1};
	struct job job = {.work = work_hold, .finished = finished_quietly, .context = &inner};
	struct err err = ERR_INIT;

	(void)state;
	inner = (struct inner){.plan = &plan, .fixture = &run_fixture_memory};
	assert_int_equal(sem_init(&unmade, 0, 0), 0);
	must(loop_new(&inner.loop, &err), &err);
	must(worker_new(inner.loop, "fixture", &inner.fixture_worker, &err), &err);
	must(run_fixture_memory.make(&inner, &err), &err);
	worker_post(inner.fixture_worker, &job);
	run_fixture_memory.unmake(&inner);
	assert_int_equal(sem_post(&unmade), 0);
	must(loop_run_jobs(inner.loop, in_ms(10000), &err), &err);
	assert_int_equal(job.result, -1);
	assert_non_null(strstr(job.err.text, "is gone"));
	/* Nobody is at work any more. */
	run_fixture_memory.unmake(&inner);
	assert_null(inner.fixture_state);
	worker_free(inner.fixture_worker);
	loop_free(inner.loop);
	(void)sem_destroy(&unmade);
}

/* ---- a signal ---- */

static int work_slowly(struct job *job, struct err *err)
{
	(void)job;
	(void)err;
	clock_sleep_until_ns(in_ms(500));
	return 0;
}

static unsigned pending_at_unmake;

static void unmake(struct inner *inner)
{
	pending_at_unmake = loop_pending(inner->loop);
}

static void test_signal(void **state)
{
	static const struct run_fixture fixture = {.unmake = unmake};
	static const struct {
		const char *name;
		double boot_s;
		int again; /* a second signal; 0: none */
		unsigned pending;
	} cases[] = {
		{"in the timeline", 1, 0, 0},
		{"twice", 1, SIGINT, 1},
		{"while booting", NAN, 0, 1},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		static struct inner inner;
		struct job job = {.work = work_slowly, .finished = finished_quietly};
		struct err err = ERR_INIT;
		print_message("  %s\n", cases[i].name);
		inner = (struct inner){.fixture = &fixture, .manifest.boot_s = cases[i].boot_s};
		must(loop_new(&inner.loop, &err), &err);
		must(worker_new(inner.loop, "worker", &inner.fixture_worker, &err), &err);
		worker_post(inner.fixture_worker, &job);
		assert_int_equal(kill(getpid(), SIGTERM), 0);
		assert_int_equal(loop_run_jobs(inner.loop, in_ms(5000), &err), -1);
		assert_int_equal(err.domain, ERR_INTERRUPTED);
		if (cases[i].again)
			assert_int_equal(kill(getpid(), cases[i].again), 0);
		inner_shutdown(&inner);
		assert_int_equal(pending_at_unmake, cases[i].pending);
		worker_free(inner.fixture_worker);
		loop_free(inner.loop);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_signal),
	};
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	if (sigprocmask(SIG_BLOCK, &set, NULL))
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
