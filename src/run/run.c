/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "run/run.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/clock.h"
#include "base/fsio.h"
#include "base/signals.h"
#include "base/paths.h"
#include "run/fixture.h"
#include "run/inner.h"
#include "run/journal.h"
#include "run/keep.h"
#include "run/prepare.h"
#include "run/sandbox.h"
#include "run/state.h"
#include "run/undo.h"
#include "run/wire.h"

/* After a SIGTERM the run saves what it has; then it is killed. */
#define INTERRUPT_GRACE_S 15
/* The kernel takes apart what was killed: gigabytes of memory, huge pages, namespaces. */
#define DYING_S 10

static void auto_journal(struct journal **journal)
{
	journal_close(*journal);
}

struct supervision {
	const struct scenario *scenario;
	const struct run_observer *observer;
	struct sandbox sandbox;
	int wire_fd, signal_fd;
	int signal_number;    /* the user's; 0: none */
	uint64_t deadline_ns; /* when patience ends after a signal */
	bool has_result;
	struct err result;
};

static void take_messages(struct supervision *self)
{
	const char *names[SCENARIO_MAX_TENANTS] = {0};
	struct wire_message message;

	for (size_t i = 0; i < self->scenario->tenant_count; i++)
		names[i] = self->scenario->tenants[i].name;
	while (wire_receive(self->wire_fd, &message) == 1) {
		wire_dispatch(&message, names, self->observer);
		if (message.kind == WIRE_RESULT) {
			self->has_result = true;
			self->result = message.err;
		}
	}
}

static void take_signals(struct supervision *self)
{
	struct signalfd_siginfo info;

	while (read(self->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		if (info.ssi_signo == SIGCHLD)
			continue;
		/* The second Ctrl-C means it. */
		(void)kill(self->sandbox.pid, self->signal_number ? SIGKILL : SIGTERM);
		if (!self->signal_number) {
			run_observe_warn(
				self->observer, "interrupted: saving what there is (again: at once)");
			self->deadline_ns = clock_now_ns() + INTERRUPT_GRACE_S * NS_PER_S;
		}
		self->signal_number = (int)info.ssi_signo;
	}
}

/* Until the sandbox has ended.  Returns its wait(2) status. */
static int watch_over(struct supervision *self)
{
	struct pollfd fds[] = {
		{.fd = self->wire_fd, .events = POLLIN},
		{.fd = self->signal_fd, .events = POLLIN},
	};
	int status = 0;

	for (;;) {
		int ready = poll(fds, ARRAY_SIZE(fds), self->signal_number ? 200 : -1);
		if (ready < 0 && errno != EINTR)
			BUG("poll: %d", errno);
		if (fds[0].revents)
			take_messages(self);
		/* The run closed its end: only its last words and its end are still to come. */
		if (fds[0].revents & POLLHUP)
			fds[0].fd = -1;
		if (fds[1].revents)
			take_signals(self);
		if (self->deadline_ns && clock_now_ns() > self->deadline_ns)
			(void)kill(self->sandbox.pid, SIGKILL);
		if (waitpid(self->sandbox.pid, &status, WNOHANG) == self->sandbox.pid)
			break;
	}
	take_messages(self);
	return status;
}

static int sandbox_verdict(const struct supervision *self, int status, struct err *err)
{
	if (self->signal_number)
		return err_set(err, ERR_INTERRUPTED, self->signal_number, "interrupted by SIG%s",
			sigabbrev_np(self->signal_number));
	if (self->has_result && err_is_set(&self->result)) {
		*err = self->result;
		return -1;
	}
	if (WIFSIGNALED(status))
		return err_run(err, "the run was killed by signal %d (%s)", WTERMSIG(status),
			strsignal(WTERMSIG(status)));
	if (!self->has_result || WEXITSTATUS(status) != 0)
		return err_run(err, "the run ended with status %d and said nothing", WEXITSTATUS(status));
	return 0;
}

static int go(
	struct run_plan *plan, const struct run_options *options, const char *embed_root, struct err *err)
{
	struct supervision self = {.scenario = plan->scenario, .observer = options->observer};
	struct signals signals;
	int run_fd;

	if (signals_take(&signals, SIGCHLD, err))
		return -1;
	if (wire_pair(&self.wire_fd, &run_fd, err)) {
		signals_give_back(&signals);
		return -1;
	}
	plan->wire_fd = run_fd;
	self.signal_fd = signals.fd;
	struct sandbox_options sandbox = {.private_namespaces = plan->embed, .embed_root = embed_root};
	int result = sandbox_start(&sandbox, inner_main, plan, &self.sandbox, err);
	(void)close(run_fd);
	if (result == 0) {
		result = sandbox_verdict(&self, watch_over(&self), err);
		(void)close(self.sandbox.alive_fd);
	}
	(void)close(self.wire_fd);
	signals_give_back(&signals);
	return result;
}

/* Sets the manifest's last word. */
static int close_manifest(const char *run_dir, enum run_state state, const char *reason, struct err *err)
{
	struct manifest manifest = {0};

	AUTO(free_ptr) char *path = rundir_path(run_dir, RUNDIR_MANIFEST);
	prepare_free_reserve(run_dir);
	int result = manifest_read(&manifest, path, err);
	if (result == 0) {
		manifest.state = state;
		free(manifest.reason);
		manifest.reason = xstrdup(reason);
		result = manifest_write(&manifest, path, err);
	}
	manifest_release(&manifest);
	return result;
}

/* The run's own failure is the one to report; a failure on the way out is added to the reason. */
static int finish_broken(const char *run_dir, const struct err *why)
{
	struct err ignored = ERR_INIT;

	(void)close_manifest(
		run_dir, why->domain == ERR_INTERRUPTED ? RUN_INTERRUPTED : RUN_BROKEN, why->text, &ignored);
	return -1;
}

/* A figure can be drawn again; a verdict without one is still a verdict. */
static void draw(const struct scenario *scenario, const struct run_options *options, struct results *results)
{
	struct err why = ERR_INIT;

	run_observe_phase(options->observer, "figure", "");
	AUTO(free_ptr) char *folder = fsio_dirname(scenario->path);
	results->scenario_dir = folder;
	if (results_draw(results, &why))
		run_observe_warn(options->observer, why.text);
	results->scenario_dir = NULL;
}

/* Everything after the timeline, from the run's files alone; the manifest says "complete" last. */
static int finish_complete(const struct scenario *scenario, const struct run_options *options,
	const char *run_dir, struct run_result *result, struct err *err)
{
	run_observe_phase(options->observer, "judge", "");
	if (results_load(run_dir, &result->results, err))
		return -1;
	result->judged = true;
	result->results.manifest.state = RUN_COMPLETE;
	if (results_finish(&result->results, &(struct results_options){.write = true}, err))
		return -1;
	if (!options->undrawn)
		draw(scenario, options, &result->results);
	return close_manifest(run_dir, RUN_COMPLETE, "", err);
}

/* Undoes what is global.  A failure here is the run's only if nothing else failed before. */
static int undo_global(
	struct journal *journal, const struct run_options *options, int failed, struct err *err)
{
	struct err why = ERR_INIT;

	run_observe_phase(options->observer, "undo", "");
	if (!journal_undo(journal, &why))
		return failed;
	(void)err_remedy(&why, "limitlab clean");
	if (failed)
		run_observe_warn(options->observer, why.text);
	else
		*err = why;
	return -1;
}

/*
 * Two journals: one for what is global, undone as soon as the sandbox is gone; and one that marks the run directory as
 * broken if we are killed before the manifest says how it ended.
 */
static int run_locked(const struct scenario *scenario, const struct run_options *options,
	struct run_plan *plan, struct run_result *result, struct err *err)
{
	AUTO(free_ptr) char *embed_root = state_path("embed");
	AUTO(free_ptr) char *journals = state_path("journal");

	AUTO(free_ptr) char *note = NULL;
	if (keep_prepare(options->keep, scenario, options->save, &plan->keep, &note, err) ||
		prepare_rundir(scenario, options, plan, &result->run_dir, err))
		return -1;
	if (note)
		run_observe_warn(options->observer, note);
	plan->run_dir = result->run_dir;
	AUTO(free_ptr) char *parent = fsio_dirname(result->run_dir);
	AUTO(free_ptr) char *id = xasprintf("%s-%s", fsio_basename(parent), fsio_basename(result->run_dir));
	struct err ignored = ERR_INIT;
	AUTO(free_ptr) char *mark_id = xasprintf("%s-mark", id);
	AUTO(journal) struct journal *mark = NULL;
	AUTO(journal) struct journal *journal = NULL;
	if (journal_create(journals, mark_id, &mark, err) ||
		journal_push(mark, UNDO_RUN, result->run_dir, NULL, err) ||
		journal_create(journals, id, &journal, err)) {
		(void)finish_broken(result->run_dir, err);
		if (mark)
			(void)journal_undo(mark, &ignored);
		return -1;
	}
	plan->journal = journal;
	bool systemd = !plan->embed && fsio_exists("/run/systemd/system");
	const struct run_fixture *fixture = run_fixture_of(scenario);
	int failed = undo_push_cgroups(journal, systemd, err) ||
		     (fixture && fixture->journal && fixture->journal(plan, journal, err)) ||
		     go(plan, options, plan->embed ? embed_root : NULL, err);
	/* From here on nothing of the run is alive. */
	failed = undo_global(journal, options, failed, err);
	if (!failed)
		failed = finish_complete(scenario, options, result->run_dir, result, err);
	if (failed)
		(void)finish_broken(result->run_dir, err);
	prepare_give_away(result->run_dir);
	(void)journal_undo(mark, &ignored);
	return failed ? -1 : 0;
}

/* Whoever interrupts while things are undone, judged and drawn does not stop that, but what would come next. */
static int run_uninterrupted(const struct scenario *scenario, const struct run_options *options,
	struct run_plan *plan, struct run_result *result, struct err *err)
{
	struct signals signals;

	if (signals_take(&signals, 0, err))
		return -1;
	int failed = run_locked(scenario, options, plan, result, err);
	result->signal_number = signals_pending(&signals);
	signals_give_back(&signals);
	return failed;
}

/* ret_patience_ns: how long what was killed may still hold something. */
static int undo_dead(uint64_t *ret_patience_ns, struct err *err)
{
	AUTO(free_ptr) char *journals = state_path("journal");
	size_t count;

	if (journal_replay_all(journals, NULL, NULL, &count, err) || keep_sweep(NULL, NULL, &count, err))
		return err_remedy(err, "limitlab clean");
	*ret_patience_ns = count ? DYING_S * NS_PER_S : 0;
	return 0;
}

static int look_at_host(const struct scenario *scenario, const struct run_options *options,
	struct run_plan *plan, uint64_t patience_ns, struct err *err)
{
	uint64_t deadline_ns = clock_now_ns() + patience_ns;

	for (;;) {
		struct err why = ERR_INIT;
		if (!prepare_host(scenario, options, plan, &why))
			return 0;
		if (why.domain != ERR_HOST || clock_now_ns() >= deadline_ns) {
			*err = why;
			return -1;
		}
		clock_sleep_until_ns(clock_now_ns() + 100 * NS_PER_MS);
	}
}

int run_scenario(const struct scenario *scenario, const struct run_options *options,
	struct run_result *ret_result, struct err *err)
{
	struct run_plan plan = {.scenario = scenario, .accel = options->accel, .wire_fd = -1};
	AUTO(free_ptr) char *embed_root = state_path("embed");
	AUTO(free_ptr) char *embed_uri = xasprintf("qemu:///embed?root=%s", embed_root);
	struct image image = {0};
	uint64_t patience_ns;

	*ret_result = (struct run_result){0};
	plan.uri = options->uri ? options->uri : embed_uri;
	plan.embed = !options->uri;
	run_observe_phase(options->observer, "check", "");
	int lock = -1;
	if (vm_uri_check(plan.uri, err) || prepare_root(scenario, err) || state_prepare(err) ||
		state_lock(&lock, err))
		return -1;
	AUTO(close_fd) int held = lock;
	/* What a killed run left would be taken for the host's own, and measured with this one. */
	if (undo_dead(&patience_ns, err) || look_at_host(scenario, options, &plan, patience_ns, err) ||
		vm_uri_probe(plan.uri, err))
		return -1;
	AUTO(free_ptr) char *runner = paths_libexec("runner");
	AUTO(free_ptr) char *init = paths_libexec("init");
	struct image_options image_options = {
		.dir = paths_image_dir(),
		.kernel = options->kernel,
		.runner_path = runner,
		.init_path = init,
	};
	if (image_open(&image_options, &image, err))
		return -1;
	plan.image = &image;
	int result = run_uninterrupted(scenario, options, &plan, ret_result, err);
	image_release(&image);
	return result;
}

void run_result_release(struct run_result *result)
{
	free(result->run_dir);
	if (result->judged)
		results_release(&result->results);
	*result = (struct run_result){0};
}

int run_clean(
	void (*report)(void *context, const char *text), void *context, size_t *ret_journals, struct err *err)
{
	AUTO(free_ptr) char *journals = state_path("journal");
	int lock;

	*ret_journals = 0;
	if (!fsio_exists(journals))
		return 0;
	if (state_lock(&lock, err))
		return -1;
	AUTO(close_fd) int held = lock;
	int result = journal_replay_all(journals, report, context, ret_journals, err);
	return keep_sweep(report, context, ret_journals, result ? NULL : err) ? -1 : result;
}
