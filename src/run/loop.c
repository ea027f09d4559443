/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "run/loop.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/clock.h"

struct job_queue {
	pthread_mutex_t mutex;
	pthread_cond_t filled;
	struct job *first, **tail;
};

struct loop {
	int epoll_fd, timer_fd, signal_fd, done_fd;
	struct watch timer, signals, done;
	int signal_number;
	unsigned pending;
	struct job_queue finished;
};

struct worker {
	struct loop *loop;
	pthread_t thread;
	struct job_queue queue;
	bool stop;
};

static void queue_init(struct job_queue *queue)
{
	(void)pthread_mutex_init(&queue->mutex, NULL);
	(void)pthread_cond_init(&queue->filled, NULL);
	queue->first = NULL;
	queue->tail = &queue->first;
}

static void queue_push(struct job_queue *queue, struct job *job)
{
	job->next = NULL;
	(void)pthread_mutex_lock(&queue->mutex);
	*queue->tail = job;
	queue->tail = &job->next;
	(void)pthread_cond_signal(&queue->filled);
	(void)pthread_mutex_unlock(&queue->mutex);
}

/* The whole queue as a list, oldest first. */
static struct job *queue_take(struct job_queue *queue)
{
	(void)pthread_mutex_lock(&queue->mutex);
	struct job *list = queue->first;
	queue->first = NULL;
	queue->tail = &queue->first;
	(void)pthread_mutex_unlock(&queue->mutex);
	return list;
}

static void drain(int fd)
{
	uint64_t count;

	(void)!read(fd, &count, sizeof(count));
}

static void on_timer(struct watch *watch)
{
	drain(watch->fd);
}

static void on_signal(struct watch *watch)
{
	struct loop *loop = watch->context;
	struct signalfd_siginfo info;

	if (read(watch->fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
		loop->signal_number = (int)info.ssi_signo;
}

static void on_done(struct watch *watch)
{
	struct loop *loop = watch->context;

	drain(watch->fd);
	for (struct job *job = queue_take(&loop->finished), *next; job; job = next) {
		next = job->next;
		loop->pending--;
		job->finished(job);
	}
}

int loop_new(struct loop **ret_loop, struct err *err)
{
	sigset_t set;

	struct loop *loop = xcalloc(1, sizeof(*loop));
	queue_init(&loop->finished);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	loop->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	loop->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	loop->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	loop->timer = (struct watch){loop->timer_fd, on_timer, loop};
	loop->signals = (struct watch){loop->signal_fd, on_signal, loop};
	loop->done = (struct watch){loop->done_fd, on_done, loop};
	if (loop->epoll_fd < 0 || loop->timer_fd < 0 || loop->signal_fd < 0 || loop->done_fd < 0) {
		err_sys(err, errno, "cannot make the event loop");
		loop_free(loop);
		return -1;
	}
	if (loop_add(loop, &loop->timer, err) || loop_add(loop, &loop->signals, err) ||
		loop_add(loop, &loop->done, err)) {
		loop_free(loop);
		return -1;
	}
	*ret_loop = loop;
	return 0;
}

void loop_free(struct loop *loop)
{
	if (!loop)
		return;
	auto_close_fd(&loop->epoll_fd);
	auto_close_fd(&loop->timer_fd);
	auto_close_fd(&loop->signal_fd);
	auto_close_fd(&loop->done_fd);
	free(loop);
}

int loop_add(struct loop *loop, struct watch *watch, struct err *err)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = watch};

	if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, watch->fd, &event))
		return err_sys(err, errno, "cannot watch descriptor %d", watch->fd);
	return 0;
}

void loop_remove(struct loop *loop, struct watch *watch)
{
	(void)epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, watch->fd, NULL);
}

static void arm(struct loop *loop, uint64_t deadline_ns)
{
	struct itimerspec when = {0};

	if (deadline_ns != UINT64_MAX) {
		when.it_value.tv_sec = (time_t)(deadline_ns / NS_PER_S);
		when.it_value.tv_nsec = (long)(deadline_ns % NS_PER_S);
	}
	(void)timerfd_settime(loop->timer_fd, TFD_TIMER_ABSTIME, &when, NULL);
}

int loop_run(struct loop *loop, const bool *done, uint64_t deadline_ns, struct err *err)
{
	struct epoll_event events[32];

	arm(loop, deadline_ns);
	for (;;) {
		if (loop->signal_number)
			return err_set(err, ERR_INTERRUPTED, loop->signal_number, "interrupted by SIG%s",
				sigabbrev_np(loop->signal_number));
		if (done && *done)
			return 0;
		if (clock_now_ns() >= deadline_ns)
			return 1;
		int count = epoll_wait(loop->epoll_fd, events, (int)ARRAY_SIZE(events), -1);
		if (count < 0 && errno != EINTR)
			return err_sys(err, errno, "cannot wait for events");
		for (int i = 0; i < count; i++) {
			struct watch *watch = events[i].data.ptr;
			watch->ready(watch);
		}
	}
}

void loop_forget_signal(struct loop *loop)
{
	loop->signal_number = 0;
}

unsigned loop_pending(const struct loop *loop)
{
	return loop->pending;
}

int loop_run_jobs(struct loop *loop, uint64_t deadline_ns, struct err *err)
{
	while (loop->pending) {
		/* Rounds of one descriptor's worth: pending is checked after each. */
		struct epoll_event event;
		if (loop->signal_number)
			return err_set(err, ERR_INTERRUPTED, loop->signal_number, "interrupted by SIG%s",
				sigabbrev_np(loop->signal_number));
		if (clock_now_ns() >= deadline_ns)
			return 1;
		arm(loop, deadline_ns);
		if (epoll_wait(loop->epoll_fd, &event, 1, -1) == 1)
			((struct watch *)event.data.ptr)->ready(event.data.ptr);
	}
	return 0;
}

void loop_thread_punctual(bool on)
{
	struct sched_param priority = {.sched_priority = on ? 1 : 0};

	/* RESET_ON_FORK: with CONFIG_RT_GROUP_SCHED a real-time child could not even enter a VM's control group. */
	if (sched_setscheduler(0, (on ? SCHED_RR : SCHED_OTHER) | SCHED_RESET_ON_FORK, &priority) && on)
		(void)setpriority(PRIO_PROCESS, (id_t)gettid(), -15);
}

static void *work(void *argument)
{
	struct worker *worker = argument;
	struct job_queue *queue = &worker->queue;
	uint64_t one = 1;

	for (;;) {
		(void)pthread_mutex_lock(&queue->mutex);
		while (!queue->first && !worker->stop)
			(void)pthread_cond_wait(&queue->filled, &queue->mutex);
		struct job *job = queue->first;
		if (job) {
			queue->first = job->next;
			if (!queue->first)
				queue->tail = &queue->first;
		}
		(void)pthread_mutex_unlock(&queue->mutex);
		if (!job)
			return NULL;
		job->result = job->work(job, &job->err);
		queue_push(&worker->loop->finished, job);
		(void)!write(worker->loop->done_fd, &one, sizeof(one));
	}
}

int worker_new(struct loop *loop, const char *name, struct worker **ret_worker, struct err *err)
{
	struct worker *worker = xcalloc(1, sizeof(*worker));
	char thread_name[16];

	worker->loop = loop;
	queue_init(&worker->queue);
	int why = pthread_create(&worker->thread, NULL, work, worker);
	if (why) {
		free(worker);
		return err_sys(err, why, "cannot start a thread");
	}
	(void)strncpy(thread_name, name, sizeof(thread_name) - 1);
	thread_name[sizeof(thread_name) - 1] = '\0';
	(void)pthread_setname_np(worker->thread, thread_name);
	*ret_worker = worker;
	return 0;
}

void worker_post(struct worker *worker, struct job *job)
{
	worker->loop->pending++;
	err_clear(&job->err);
	queue_push(&worker->queue, job);
}

void worker_free(struct worker *worker)
{
	if (!worker)
		return;
	(void)pthread_mutex_lock(&worker->queue.mutex);
	worker->stop = true;
	(void)pthread_cond_signal(&worker->queue.filled);
	(void)pthread_mutex_unlock(&worker->queue.mutex);
	(void)pthread_join(worker->thread, NULL);
	free(worker);
}
