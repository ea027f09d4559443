/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <pthread.h>
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
#include "run/loop.h"

/* This machine may be busy: only what is far too late is an error. */
#define SLACK_MS 250

static int make_loop(void **state)
{
	struct err err = ERR_INIT;

	return loop_new((struct loop **)state, &err);
}

static int free_loop(void **state)
{
	loop_free(*state);
	return 0;
}

static uint64_t in_ms(uint64_t ms)
{
	return clock_now_ns() + ms * NS_PER_MS;
}

static void test_deadlines(void **state)
{
	struct loop *loop = *state;
	double late_ms[50], worst_ms = 0;
	bool done = true;

	/* Never early, and not late by a poll interval. */
	for (size_t i = 0; i < ARRAY_SIZE(late_ms); i++) {
		uint64_t deadline_ns = clock_now_ns() + 3 * NS_PER_MS + i * 7001;
		assert_int_equal(loop_run(loop, NULL, deadline_ns, NULL), 1);
		uint64_t now_ns = clock_now_ns();
		assert_true(now_ns >= deadline_ns);
		late_ms[i] = (double)(now_ns - deadline_ns) / 1e6;
		worst_ms = late_ms[i] > worst_ms ? late_ms[i] : worst_ms;
	}
	size_t near = 0;
	for (size_t i = 0; i < ARRAY_SIZE(late_ms); i++)
		near += late_ms[i] < 1.0;
	print_message("  worst %.3f ms, %zu of %zu within 1 ms\n", worst_ms, near, ARRAY_SIZE(late_ms));
	assert_true(near > ARRAY_SIZE(late_ms) / 2);
	assert_true(worst_ms < SLACK_MS);
	/* In the past: at once.  Done already: at once, whatever the deadline. */
	assert_int_equal(loop_run(loop, NULL, 1, NULL), 1);
	assert_int_equal(loop_run(loop, NULL, 0, NULL), 1);
	assert_int_equal(loop_run(loop, &done, UINT64_MAX, NULL), 0);
	/* An earlier deadline does not shorten a later one. */
	uint64_t deadline_ns = in_ms(30);
	assert_int_equal(loop_run(loop, NULL, in_ms(2), NULL), 1);
	assert_int_equal(loop_run(loop, NULL, deadline_ns, NULL), 1);
	assert_true(clock_now_ns() >= deadline_ns);
}

struct reader {
	struct loop *loop;
	char text[64];
	size_t length;
	bool done, ended;
};

static void on_input(struct watch *watch)
{
	struct reader *reader = watch->context;
	ssize_t count =
		read(watch->fd, reader->text + reader->length, sizeof(reader->text) - reader->length - 1);

	if (count > 0)
		reader->length += (size_t)count;
	if (count == 0) {
		reader->ended = true;
		loop_remove(reader->loop, watch);
	}
	reader->done = true;
}

static void test_descriptors(void **state)
{
	struct loop *loop = *state;
	struct reader reader = {.loop = loop};
	struct err err = ERR_INIT;
	int fds[2];

	assert_int_equal(pipe(fds), 0);
	struct watch watch = {fds[0], on_input, &reader};
	assert_int_equal(loop_add(loop, &watch, &err), 0);
	assert_int_equal(loop_add(loop, &watch, &err), -1);
	assert_int_equal(loop_run(loop, &reader.done, in_ms(5), NULL), 1);
	assert_int_equal(write(fds[1], "ping", 4), 4);
	assert_int_equal(loop_run(loop, &reader.done, in_ms(5000), NULL), 0);
	assert_string_equal(reader.text, "ping");
	/* The end of a stream is input too; removed, it does not spin. */
	reader.done = false;
	assert_int_equal(close(fds[1]), 0);
	assert_int_equal(loop_run(loop, &reader.done, in_ms(5000), NULL), 0);
	assert_true(reader.ended);
	reader.done = false;
	uint64_t cpu_ns = clock_process_cpu_ns();
	assert_int_equal(loop_run(loop, &reader.done, in_ms(100), NULL), 1);
	assert_true(clock_process_cpu_ns() - cpu_ns < 50 * NS_PER_MS);
	assert_int_equal(close(fds[0]), 0);
}

/* What the worker threads did, in order. */
static struct {
	pthread_mutex_t mutex;
	int order[64];
	size_t count;
	int running, most;
} trace = {.mutex = PTHREAD_MUTEX_INITIALIZER};

struct task {
	struct job job;
	int number, sleep_ms;
	pthread_t worked, finished;
	bool done;
};

static int work_task(struct job *job, struct err *err)
{
	struct task *task = job->context;

	(void)pthread_mutex_lock(&trace.mutex);
	trace.order[trace.count++] = task->number;
	trace.running++;
	trace.most = trace.running > trace.most ? trace.running : trace.most;
	(void)pthread_mutex_unlock(&trace.mutex);
	task->worked = pthread_self();
	clock_sleep_until_ns(in_ms((uint64_t)task->sleep_ms));
	(void)pthread_mutex_lock(&trace.mutex);
	trace.running--;
	(void)pthread_mutex_unlock(&trace.mutex);
	return task->number < 0 ? err_run(err, "task %d", task->number) : 0;
}

static void finished_task(struct job *job)
{
	struct task *task = job->context;

	task->finished = pthread_self();
	task->done = true;
}

static void post(struct worker *worker, struct task *task, int number, int sleep_ms)
{
	*task = (struct task){.number = number, .sleep_ms = sleep_ms};
	task->job = (struct job){.work = work_task, .finished = finished_task, .context = task};
	worker_post(worker, &task->job);
}

static void test_jobs(void **state)
{
	enum { EACH = 10 };
	struct loop *loop = *state;
	struct worker *workers[2];
	struct task tasks[2 * EACH];
	struct err err = ERR_INIT;

	trace.count = 0;
	trace.most = 0;
	assert_int_equal(loop_pending(loop), 0);
	assert_int_equal(loop_run_jobs(loop, in_ms(1000), NULL), 0);
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(
			worker_new(loop, "a name that is too long for a thread", &workers[i], &err), 0);
	for (int i = 0; i < EACH; i++) {
		post(workers[0], &tasks[i], i + 1, 10);
		post(workers[1], &tasks[EACH + i], 100 + i, 10);
	}
	assert_int_equal(loop_pending(loop), 2 * EACH);
	uint64_t begin_ns = clock_now_ns();
	assert_int_equal(loop_run_jobs(loop, in_ms(10000), NULL), 0);
	uint64_t took_ms = (clock_now_ns() - begin_ns) / NS_PER_MS;
	assert_int_equal(loop_pending(loop), 0);
	/* Each worker's own in order, one at a time; the two side by side. */
	int last[2] = {0, 0};
	for (size_t i = 0; i < trace.count; i++) {
		int which = trace.order[i] >= 100;
		assert_true(trace.order[i] > last[which]);
		last[which] = trace.order[i];
	}
	assert_int_equal(trace.count, 2 * EACH);
	assert_int_equal(trace.most, 2);
	print_message("  2 x %d jobs of 10 ms took %llu ms\n", EACH, (unsigned long long)took_ms);
	assert_true(took_ms >= 10 * EACH && took_ms < 20 * EACH + SLACK_MS);
	for (size_t i = 0; i < ARRAY_SIZE(tasks); i++) {
		assert_true(tasks[i].done);
		assert_true(pthread_equal(tasks[i].finished, pthread_self()));
		assert_false(pthread_equal(tasks[i].worked, pthread_self()));
	}
	for (size_t i = 0; i < 2; i++)
		worker_free(workers[i]);
	worker_free(NULL);
}

/* A job that takes long delays nobody; its error comes with it; a job can be posted again. */
static void test_slow_job(void **state)
{
	struct loop *loop = *state;
	struct worker *worker;
	struct task slow, next;
	struct err err = ERR_INIT;

	trace.count = 0;
	assert_int_equal(worker_new(loop, "slow", &worker, &err), 0);
	post(worker, &slow, -7, 300);
	post(worker, &next, 2, 0);
	for (int i = 0; i < 10; i++) {
		uint64_t deadline_ns = in_ms(10);
		assert_int_equal(loop_run(loop, NULL, deadline_ns, NULL), 1);
		assert_true(clock_now_ns() - deadline_ns < SLACK_MS * NS_PER_MS);
	}
	assert_int_equal(loop_run_jobs(loop, in_ms(1), NULL), 1);
	assert_int_equal(loop_pending(loop), 2);
	assert_int_equal(loop_run_jobs(loop, in_ms(5000), NULL), 0);
	assert_int_equal(slow.job.result, -1);
	assert_string_equal(slow.job.err.text, "task -7");
	assert_int_equal(next.job.result, 0);
	assert_false(err_is_set(&next.job.err));
	slow.number = 7;
	slow.sleep_ms = 0;
	worker_post(worker, &slow.job);
	assert_int_equal(loop_run_jobs(loop, in_ms(5000), NULL), 0);
	assert_int_equal(slow.job.result, 0);
	assert_false(err_is_set(&slow.job.err));
	worker_free(worker);
}

/* finished() may post the next job: a chain ends before loop_run_jobs() does. */
struct chain {
	struct job job;
	struct worker *worker;
	int left;
};

static int work_chain(struct job *job, struct err *err)
{
	(void)job;
	(void)err;
	return 0;
}

static void finished_chain(struct job *job)
{
	struct chain *chain = job->context;

	if (--chain->left)
		worker_post(chain->worker, &chain->job);
}

static void test_chain(void **state)
{
	struct loop *loop = *state;
	struct chain chain = {.left = 1000};

	chain.job = (struct job){.work = work_chain, .finished = finished_chain, .context = &chain};
	assert_int_equal(worker_new(loop, "chain", &chain.worker, NULL), 0);
	worker_post(chain.worker, &chain.job);
	assert_int_equal(loop_run_jobs(loop, in_ms(20000), NULL), 0);
	assert_int_equal(chain.left, 0);
	worker_free(chain.worker);
}

static void test_signals(void **state)
{
	static const int numbers[] = {SIGTERM, SIGINT};
	struct worker *worker;
	struct task slow;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		struct loop *loop = NULL;
		struct err err = ERR_INIT;
		assert_int_equal(loop_new(&loop, NULL), 0);
		assert_int_equal(kill(getpid(), numbers[i]), 0);
		uint64_t begin_ns = clock_now_ns();
		assert_int_equal(loop_run(loop, NULL, in_ms(5000), &err), -1);
		assert_true(clock_now_ns() - begin_ns < 2000 * NS_PER_MS);
		assert_int_equal(err.domain, ERR_INTERRUPTED);
		assert_int_equal(err.code, numbers[i]);
		assert_int_equal(err_exit_code(&err), 128 + numbers[i]);
		/* It stays interrupted: nothing that follows goes on by mistake. */
		err_clear(&err);
		assert_int_equal(loop_run(loop, NULL, in_ms(5000), &err), -1);
		assert_int_equal(err.code, numbers[i]);
		loop_free(loop);
	}
	/* Also while jobs are waited for. */
	struct loop *loop = NULL;
	struct err err = ERR_INIT;
	assert_int_equal(loop_new(&loop, NULL), 0);
	assert_int_equal(worker_new(loop, "slow", &worker, NULL), 0);
	post(worker, &slow, 1, 400);
	assert_int_equal(kill(getpid(), SIGTERM), 0);
	assert_int_equal(loop_run_jobs(loop, in_ms(5000), &err), -1);
	assert_int_equal(err.domain, ERR_INTERRUPTED);
	assert_int_equal(loop_pending(loop), 1);
	worker_free(worker);
	loop_free(loop);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, make_loop, free_loop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_deadlines),
		CASE(test_descriptors),
		CASE(test_jobs),
		CASE(test_slow_job),
		CASE(test_chain),
		cmocka_unit_test(test_signals),
	};
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	if (sigprocmask(SIG_BLOCK, &set, NULL))
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
