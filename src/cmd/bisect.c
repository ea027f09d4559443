/* SPDX-License-Identifier: GPL-3.0-or-later */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/buf.h"
#include "cmd/command.h"
#include "cmd/commands.h"
#include "cmd/kernels_session.h"
#include "cmd/kernels_watch.h"
#include "glue/json.h"
#include "judge/sequential.h"
#include "kernels/bisect_drive.h"
#include "kernels/names.h"

#define ROUNDS_DEFAULT 12

struct bisection {
	struct kernels_session session;
	char **lacks; /* per kernel; NULL: it can be tested */
	char **skipped;
	size_t good, bad;
	bool quiet, json;
};

static void auto_bisection(struct bisection *self)
{
	for (size_t i = 0; i < self->session.place_count; i++) {
		if (self->lacks)
			free(self->lacks[i]);
		if (self->skipped)
			free(self->skipped[i]);
	}
	free(self->lacks);
	free(self->skipped);
	session_release(&self->session);
}

static void on_tested(void *context, size_t kernel, size_t steps)
{
	const struct bisection *self = context;
	const struct batch *batch = self->session.batch;
	const struct batch_place *place = &batch->places[kernel];
	enum bisect_state state = bisect_state_of(batch, self->lacks, kernel);
	AUTO(free_ptr) char *words = bisect_why(batch, self->lacks, kernel);

	if (self->json) {
		AUTO(json)
		json_t *line = json_pack("{s:s, s:o, s:s, s:o, s:I}", "type", "step", "kernel",
			json_text(place->release), "state", bisect_state_name(state), "why", json_text(words),
			"steps_left", (json_int_t)steps);
		AUTO(free_ptr) char *text = json_line(line);
		(void)puts(text);
	} else if (!self->quiet) {
		(void)printf("%s: %s (%s)\n", place->release, bisect_state_name(state), words);
	}
	(void)fflush(stdout);
}

static int answer(const struct bisection *self, const struct bisect_answer *found, struct err *err)
{
	const struct kernels_session *session = &self->session;
	const char *good = session->places[found->good].release, *bad = session->places[found->bad].release;
	AUTO(buf) struct buf skipped = BUF_INIT;

	if (found->kind == BISECT_NOT_GOOD || found->kind == BISECT_NOT_BAD ||
		found->kind == BISECT_END_OPEN) {
		bool is_good = found->test == self->good;
		AUTO(free_ptr) char *words = bisect_why(session->batch, self->lacks, found->test);
		(void)err_input(err, "%s was said to be %s and %s: %s", session->places[found->test].release,
			is_good ? "good" : "bad",
			found->kind == BISECT_END_OPEN   ? "cannot be told"
			: found->kind == BISECT_NOT_GOOD ? "is bad"
							 : "is good",
			words);
		return err_remedy(err,
			"name other ends (--good, --bad); limitlab explain tells of the runs in %s",
			session->out);
	}
	size_t from = found->good < found->bad ? found->good : found->bad;
	size_t to = found->good < found->bad ? found->bad : found->good;
	for (size_t i = from + 1; i < to; i++)
		buf_addf(&skipped, "%s%s", skipped.length ? ", " : "", session->places[i].release);
	if (self->json) {
		AUTO(json)
		json_t *line = json_pack("{s:s, s:b, s:o, s:o, s:o, s:o}", "type", "bisect", "found",
			found->kind == BISECT_FOUND, "good", json_text(good), "bad", json_text(bad),
			"skipped", json_text(skipped.data), "file", json_text(session->batch->path));
		AUTO(free_ptr) char *text = json_line(line);
		(void)puts(text);
	} else {
		(void)printf("\nlast good: %s (%s)\nfirst bad: %s (%s)\n", good,
			session->kernels[found->good].origin, bad, session->kernels[found->bad].origin);
		if (skipped.length)
			(void)printf("one of these may be the first bad one; they could not be told: %s\n",
				skipped.data);
		(void)printf("%s\n", session->batch->path);
	}
	return found->kind == BISECT_FOUND ? 0 : 3;
}

static void on_testing(void *context, size_t kernel, size_t steps)
{
	const struct bisection *self = context;

	if (self->json || self->quiet)
		return;
	(void)printf("\ntesting %s%s; %zu step%s left at most\n", self->session.places[kernel].release,
		kernel == self->good  ? ", said to be good"
		: kernel == self->bad ? ", said to be bad"
				      : "",
		steps, steps == 1 ? "" : "s");
}

static int bisect(struct bisection *self, struct err *err)
{
	struct kernels_session *session = &self->session;
	struct bisect_answer found;
	struct kernels_watch watch;

	kernels_watch_init(&watch, progress_choose(self->json, self->quiet, stdout), session->batch, NULL);
	struct drive drive = session_drive(session, &watch.observer);
	const struct bisect_observer observer = {on_testing, on_tested, self};
	int failed = bisect_drive(&drive, self->lacks, self->good, self->bad, &observer, &found, err);
	kernels_watch_release(&watch);
	session_give_away(session);
	return failed ? -1 : answer(self, &found, err);
}

static int find_ends(const struct kernel_name *names, size_t count, const struct options *options,
	size_t *ret_good, size_t *ret_bad, struct err *err)
{
	return kernel_name_find(names, count, "--good", options->good, ret_good, err) ||
			       kernel_name_find(names, count, "--bad", options->bad, ret_bad, err)
		       ? -1
		       : 0;
}

/* Of "PACKAGE VERSION" the packages from one end to the other; the rest need not be fetched. */
static int take_between(const struct options *options, char **lines, size_t *count, struct err *err)
{
	AUTO(free_ptr) struct kernel_name *names = xcalloc(*count + 1, sizeof(*names));
	size_t good, bad;

	for (size_t i = 0; i < *count; i++) {
		char *space = strchr(lines[i], ' ');
		names[i] = (struct kernel_name){lines[i], lines[i] + strlen("linux-image-"), NULL};
		if (space) {
			*space = '\0';
			names[i].version = space + 1;
		}
	}
	if (find_ends(names, *count, options, &good, &bad, err))
		return -1;
	size_t from = good < bad ? good : bad, to = good < bad ? bad : good;
	for (size_t i = 0; i < *count; i++)
		if (i < from || i > to)
			free(lines[i]);
	*count = to - from + 1;
	memmove(lines, lines + from, *count * sizeof(*lines));
	return 0;
}

static int list_kernels(struct bisection *self, const struct session_modes *modes, struct err *err)
{
	struct kernels_session *session = &self->session;
	const struct options *options = session->options;
	char **words = NULL;
	size_t count = 0;
	int failed;

	if (options->kernels.count) {
		words = session_words(&options->kernels, &count);
		failed = 0;
	} else {
		failed = session->ops->list(session->ops_context, &words, &count, err) ||
			 take_between(options, words, &count, err);
	}
	failed = failed || session_find(session, (const char *const *)words, count, modes, err);
	for (size_t i = 0; i < count; i++)
		free(words[i]);
	free(words);
	if (failed)
		return -1;
	AUTO(free_ptr) struct kernel_name *names = xcalloc(session->kernel_count, sizeof(*names));
	for (size_t i = 0; i < session->kernel_count; i++) {
		const struct cell_kernel *kernel = &session->kernels[i];
		names[i] = (struct kernel_name){kernel->wish, kernel->release, kernel->version};
		if (session->modes[i].count != 1)
			return err_input(err, "'bisect' takes one cgroup mode of a kernel, and '%s' has %zu",
				kernel->wish, session->modes[i].count);
	}
	return find_ends(names, session->kernel_count, options, &self->good, &self->bad, err);
}

static int prepare(struct bisection *self, struct err *err)
{
	struct kernels_session *session = &self->session;
	const struct options *options = session->options;
	struct session_modes modes;

	if (!options->good || !options->bad) {
		(void)err_input(err, "'bisect' needs --good KERNEL and --bad KERNEL");
		return err_remedy(err, "limitlab bisect --help");
	}
	unsigned rounds = options->until_decided ? options->until_decided : ROUNDS_DEFAULT;
	if (rounds < sequential_least_passes())
		return err_input(err,
			"--until-decided %u can never decide that a limit holds: that takes %zu runs or more",
			rounds, sequential_least_passes());
	if (session_modes_parse(options->cgroup, ',', &modes, err))
		return -1;
	if (modes.count != 1)
		return err_input(err, "'bisect' takes one cgroup mode, not '%s'", options->cgroup);
	if (session_load(session, options->args, (size_t)options->arg_count, err) ||
		session_look(session, err) || list_kernels(self, &modes, err))
		return -1;
	if (self->good == self->bad)
		return err_input(err, "--good and --bad are both %s", session->kernels[self->good].release);
	session_places(session);
	self->lacks = xcalloc(session->place_count, sizeof(*self->lacks));
	if (session_check(session, &self->skipped, self->lacks, err) ||
		session_prepare(session, options->out, err))
		return -1;
	const struct batch_options batch = {
		.out_dir = session->out,
		.rounds = rounds,
		.until_decided = true,
		.places = session->places,
		.place_count = session->place_count,
		.skipped = (const char *const *)self->skipped,
		.attempts = options->attempts ? options->attempts : SESSION_ATTEMPTS,
		.append = options->append,
	};
	return batch_new(session->scenarios, session->scenario_count, &batch, &session->batch, err);
}

int cmd_bisect(int argc, char **argv)
{
	AUTO(bisection) struct bisection self = {0};
	struct cell_labhost_options lab_hosts;
	struct options options;
	struct err err = ERR_INIT;

	if (options_parse(argc, argv, &options, &err))
		return command_fail(&err);
	self.session.options = &options;
	self.session.ops = session_lab_hosts(&options, &lab_hosts);
	self.session.ops_context = &lab_hosts;
	self.json = options.json;
	self.quiet = options.quiet;
	int code = prepare(&self, &err);
	if (!code)
		code = bisect(&self, &err);
	return code < 0 ? command_fail(&err) : code;
}
