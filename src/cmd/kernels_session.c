/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cmd/kernels_session.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/fsio.h"
#include "cmd/load.h"
#include "run/prepare.h"
#include "run/state.h"
#include "scenario/plan.h"

/* A nested run: what it takes longer to boot and to judge than one on the host itself. */
#define NESTED_S 40.0

int session_load(struct kernels_session *session, char *const *paths, size_t count, struct err *err)
{
	session->scenarios = xcalloc(count + 1, sizeof(*session->scenarios));
	for (size_t i = 0; i < count; i++) {
		if (load_scenario(paths[i], &session->scenarios[i], err))
			return -1;
		session->scenario_count++;
		for (size_t k = 0; k < i; k++)
			if (!strcmp(session->scenarios[k]->name, session->scenarios[i]->name))
				return err_input(err, "'%s' and '%s' are both scenario '%s'; name it once",
					paths[k], paths[i], session->scenarios[i]->name);
		if (session->scenarios[i]->disk.device) {
			(void)err_input(err, "'%s' needs the disk %s, and a lab host has no such disk",
				paths[i], session->scenarios[i]->disk.device);
			return err_remedy(err,
				"take a scenario whose disk is made: scarce: {disk: {size: 1GiB, "
				"rate: 50MiB/s}}");
		}
	}
	return 0;
}

int session_look(const struct kernels_session *session, struct err *err)
{
	return session->ops->look(session->ops_context, (const struct scenario *const *)session->scenarios,
		session->scenario_count, err);
}

int session_prepare(struct kernels_session *session, const char *out, struct err *err)
{
	if (session->ops->prepare(session->ops_context, err))
		return -1;
	session->made_out = !fsio_exists(out);
	if (fsio_make_dirs(out, err))
		return -1;
	session->out = realpath(out, NULL);
	if (!session->out)
		return err_sys(err, errno, "cannot find '%s'", out);
	return state_prepare(err) || state_lock(&session->lock, err) ? -1 : 0;
}

void session_give_away(const struct kernels_session *session)
{
	const struct batch *batch = session->batch;
	AUTO(free_ptr) char *report = xstrndup(batch->path, strlen(batch->path) - strlen(".json"));

	if (session->made_out)
		prepare_give_away(session->out);
	for (size_t p = 0; p < batch->place_count; p++) {
		AUTO(free_ptr) char *folder = drive_folder(session->out, &batch->places[p]);
		if (fsio_exists(folder))
			prepare_give_away(folder);
	}
	prepare_give_away(batch->path);
	if (fsio_exists(report))
		prepare_give_away(report);
}

int session_modes_parse(const char *list, char separator, struct session_modes *ret_modes, struct err *err)
{
	static const char *const known[] = {"v1", "v2", "hybrid"};
	const char separators[] = {separator, '\0'};
	AUTO(free_ptr) char *copy = xstrdup(list ? list : "v2");
	char *rest = copy;

	*ret_modes = (struct session_modes){0};
	for (char *word; (word = strsep(&rest, separators));) {
		size_t i = 0;
		while (i < ARRAY_SIZE(known) && strcmp(known[i], word) != 0)
			i++;
		if (i == ARRAY_SIZE(known))
			return err_input(
				err, "--cgroup takes v1, v2, hybrid or several, as in v1,v2; not '%s'", word);
		for (size_t k = 0; k < ret_modes->count; k++)
			if (ret_modes->words[k] == known[i])
				return err_input(err, "--cgroup has %s twice", word);
		ret_modes->words[ret_modes->count++] = known[i];
	}
	return 0;
}

/* Paths may have an '@' of their own: only what follows the last one and is modes counts.  The caller frees. */
static char *split_modes(const char *wish, struct session_modes *modes)
{
	const char *at = wish ? strrchr(wish, '@') : NULL;
	struct session_modes own;

	if (!at || session_modes_parse(at + 1, '+', &own, NULL))
		return wish ? xstrdup(wish) : NULL;
	*modes = own;
	return xstrndup(wish, (size_t)(at - wish));
}

int session_find(struct kernels_session *session, const char *const *wishes, size_t count,
	const struct session_modes *modes, struct err *err)
{
	session->kernels = xcalloc(count + 1, sizeof(*session->kernels));
	session->modes = xcalloc(count + 1, sizeof(*session->modes));
	for (size_t i = 0; i < count; i++) {
		struct cell_kernel *kernel = &session->kernels[i];
		session->modes[i] = *modes;
		AUTO(free_ptr) char *wish = split_modes(wishes[i], &session->modes[i]);
		if (session->ops->find(session->ops_context, wish, kernel, err))
			return -1;
		session->kernel_count++;
		for (size_t k = 0; k < i; k++) {
			if (strcmp(session->kernels[k].release, kernel->release) != 0)
				continue;
			/* Their runs could not be told apart. */
			return err_input(err, "the kernels '%s' and '%s' are both %s; name it once",
				session->kernels[k].wish, kernel->wish, kernel->release);
		}
	}
	return 0;
}

char **session_words(const struct option_list *list, size_t *ret_count)
{
	char **words = NULL;
	size_t count = 0, capacity = 0;

	for (size_t i = 0; i < list->count; i++) {
		AUTO(free_ptr) char *copy = xstrdup(list->words[i]);
		char *rest = copy;
		for (char *word; (word = strsep(&rest, ","));) {
			words = xgrow(words, count, &capacity, sizeof(*words));
			words[count++] = xstrdup(word);
		}
	}
	*ret_count = count;
	return words;
}

void session_places(struct kernels_session *session)
{
	size_t most = session->kernel_count * ARRAY_SIZE(session->modes->words);

	session->places = xcalloc(most + 1, sizeof(*session->places));
	session->place_kernels = xcalloc(most + 1, sizeof(*session->place_kernels));
	for (size_t k = 0; k < session->kernel_count; k++)
		for (size_t m = 0; m < session->modes[k].count; m++) {
			session->place_kernels[session->place_count] = &session->kernels[k];
			session->places[session->place_count++] =
				(struct batch_place){session->kernels[k].wish, session->kernels[k].release,
					(char *)session->modes[k].words[m]};
		}
	session->expected_s =
		xcalloc(session->place_count * session->scenario_count + 1, sizeof(*session->expected_s));
	for (size_t i = 0; i < session->place_count * session->scenario_count; i++)
		session->expected_s[i] =
			(double)plan_duration_ns(session->scenarios[i % session->scenario_count]) / 1e9 +
			NESTED_S;
}

static int refuse(const struct kernels_session *session, size_t place, const struct scenario *scenario,
	const struct err *why, struct err *err)
{
	(void)err_host(err, "scenario '%s' cannot be run on %s with cgroup %s: %s", scenario->name,
		session->places[place].release, session->places[place].cgroup, why->text);
	if (why->remedy[0])
		return err_remedy(err, "%s", why->remedy);
	return err_remedy(err, "leave that combination out (--kernel, --cgroup), or say so in the scenario, "
			       "and it is skipped: when: {cgroup: v1, kernel: \"< 6.12\"}");
}

int session_check(struct kernels_session *session, char ***ret_skipped, char **ret_lacks, struct err *err)
{
	size_t scenarios = session->scenario_count, open = 0;
	char **skipped = xcalloc(session->place_count * scenarios + 1, sizeof(*skipped));

	*ret_skipped = skipped;
	for (size_t i = 0; i < session->place_count * scenarios; i++) {
		const struct batch_place *place = &session->places[i / scenarios];
		const struct scenario *scenario = session->scenarios[i % scenarios];
		struct err why = ERR_INIT;
		skipped[i] = drive_why_skipped(scenario, place->cgroup, place->release);
		if (skipped[i])
			continue;
		open++;
		if (!session->ops->check(session->ops_context, session->place_kernels[i / scenarios],
			    place->cgroup, scenario, &why))
			continue;
		if (ret_lacks && why.domain == ERR_HOST) {
			free(ret_lacks[i / scenarios]);
			ret_lacks[i / scenarios] = xstrdup(why.text);
			continue;
		}
		return refuse(session, i / scenarios, scenario, &why, err);
	}
	if (open)
		return 0;
	return err_input(err, "there is nothing to run: '%s' on %s with cgroup %s: %s",
		session->scenarios[0]->name, session->places[0].release, session->places[0].cgroup,
		skipped[0]);
}

/* ---- resuming ---------------------------------------------------------------------------------------------------- */

static int is_batch(const struct dirent *entry)
{
	size_t length = strlen(entry->d_name);

	return !strncmp(entry->d_name, "kernels-", 8) && length > 13 &&
	       !strcmp(entry->d_name + length - 5, ".json");
}

char *session_resume_path(const char *path, struct err *err)
{
	struct dirent **entries = NULL;
	struct stat status;
	char *found = NULL;

	if (stat(path, &status) || !S_ISDIR(status.st_mode))
		return xstrdup(path);
	int count = scandir(path, &entries, is_batch, alphasort);
	/* The newest first: its name is its time. */
	for (int i = count - 1; i >= 0; i--) {
		AUTO(free_ptr) char *file = xasprintf("%s/%s", path, entries[i]->d_name);
		struct batch *batch = NULL;
		if (!found && !batch_open(file, &batch, NULL) && !batch->done && !batch->until_decided)
			found = STEAL(file);
		batch_free(batch);
		free(entries[i]);
	}
	free(entries);
	if (!found)
		(void)err_input(err, "there is no unfinished batch kernels-TIME.json in '%s'", path);
	return found;
}

/* ---- lab hosts --------------------------------------------------------------------------------------------------- */

static void say(const char *line, void *context)
{
	(void)context;
	(void)fprintf(stderr, "%s\n", line);
}

const struct cell_ops *session_lab_hosts(
	const struct options *options, struct cell_labhost_options *ret_context)
{
	*ret_context = (struct cell_labhost_options){.progress = options->quiet ? NULL : say};
	return &cell_labhost;
}

struct drive session_drive(const struct kernels_session *session, const struct drive_observer *observer)
{
	return (struct drive){
		.batch = session->batch,
		.scenarios = session->scenarios,
		.scenario_count = session->scenario_count,
		.kernels = session->place_kernels,
		.ops = session->ops,
		.ops_context = session->ops_context,
		.out_dir = session->out,
		.accel = session->options->accel,
		.observer = observer,
	};
}

void session_release(struct kernels_session *session)
{
	for (size_t i = 0; i < session->scenario_count; i++)
		scenario_free(session->scenarios[i]);
	for (size_t i = 0; i < session->kernel_count; i++)
		session->ops->release(session->ops_context, &session->kernels[i]);
	free(session->scenarios);
	free(session->kernels);
	free(session->modes);
	free(session->places);
	free(session->place_kernels);
	free(session->expected_s);
	free(session->out);
	batch_free(session->batch);
	if (session->lock > 0)
		(void)close(session->lock);
}
