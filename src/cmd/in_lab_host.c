/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cmd/in_lab_host.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <jansson.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/fsio.h"
#include "cmd/command.h"
#include "cmd/commands.h"
#include "cmd/load.h"
#include "glue/json.h"
#include "labhost/labhost.h"
#include "run/prepare.h"
#include "run/state.h"

/* Where KVM is emulated one lab host in five dies: that is no finding about its kernel. */
#define EMULATED_TRIES 3
/* For the start of a lab host, and for each run beside its timeline. */
#define PATIENCE_S 300

struct lab {
	const struct options *options;
	struct labhost_place place;
	struct labhost_kernel kernel;
	enum labhost_cgroup cgroup;
	struct scenario **scenarios;
	size_t scenario_count;
	char *dir, *out, *cwd, *console, *junit; /* absolute */
	bool made_out;
	unsigned memory_mib;
	const char *program; /* NULL: limitlab */
	char *settings[3];   /* NULL terminated */
	const char **argv;   /* of the inner limitlab */
	size_t argc, argv_capacity;
	char **owned; /* words of argv that are ours */
	size_t owned_count, owned_capacity;
	char **files;
};

static void auto_lab(struct lab *lab)
{
	for (size_t i = 0; i < lab->scenario_count; i++)
		scenario_free(lab->scenarios[i]);
	for (size_t i = 0; i < lab->owned_count; i++)
		free(lab->owned[i]);
	for (size_t i = 0; lab->files && lab->files[i]; i++)
		free(lab->files[i]);
	labhost_kernel_release(&lab->kernel);
	free(lab->scenarios);
	free(lab->owned);
	free(lab->files);
	free(lab->argv);
	free(lab->dir);
	free(lab->out);
	free(lab->cwd);
	free(lab->console);
	free(lab->junit);
	for (size_t i = 0; i < ARRAY_SIZE(lab->settings); i++)
		free(lab->settings[i]);
}

static void add(struct lab *lab, const char *word)
{
	lab->argv = xgrow(lab->argv, lab->argc, &lab->argv_capacity, sizeof(*lab->argv));
	lab->argv[lab->argc] = word;
	if (word)
		lab->argc++;
}

/* Takes the word over. */
static void add_owned(struct lab *lab, char *word)
{
	lab->owned = xgrow(lab->owned, lab->owned_count, &lab->owned_capacity, sizeof(*lab->owned));
	lab->owned[lab->owned_count++] = word;
	add(lab, word);
}

static void add_number(struct lab *lab, const char *option, unsigned number, unsigned unsaid)
{
	if (number != unsaid)
		add_owned(lab, xasprintf("--%s=%u", option, number));
}

/* What the user said, but for what is said to the lab host itself.  Memory is scarce there only. */
static int make_argv(struct lab *lab, struct err *err)
{
	const struct options *options = lab->options;

	add(lab, "run");
	add(lab, "--allow-host-scarcity");
	add_owned(lab, xasprintf("--out=%s", lab->out));
	add_owned(lab, xasprintf("--accel=%s", options->accel));
	if (options->connect)
		add_owned(lab, xasprintf("--connect=%s", options->connect));
	add_number(lab, "repeat", options->repeat, 1);
	add_number(lab, "until-decided", options->until_decided, 0);
	add_number(lab, "seed", options->seed, 0);
	if (options->boot)
		add_owned(lab, xasprintf("--boot=%s", options->boot));
	if (options->junit)
		add_owned(lab, xasprintf("--junit=%s", lab->junit));
	if (options->bisect_codes)
		add(lab, "--bisect-codes");
	if (options->json)
		add(lab, "--json");
	if (options->quiet)
		add(lab, "--quiet");
	for (int i = 0; i < options->arg_count; i++) {
		char *path = realpath(options->args[i], NULL);
		if (!path)
			return err_sys(err, errno, "cannot read '%s'", options->args[i]);
		add_owned(lab, path);
	}
	add(lab, NULL);
	return 0;
}

static void say(const struct lab *lab, const char *type, const char *text)
{
	if (lab->options->quiet)
		return;
	if (lab->options->json) {
		AUTO(json) json_t *line = json_pack("{s:s, s:o}", "type", type, "text", json_text(text));
		AUTO(free_ptr) char *dumped = json_line(line);
		(void)puts(dumped);
	} else {
		(void)printf("%s\n", text);
	}
	(void)fflush(stdout);
}

static void on_note(const char *text, void *context)
{
	say(context, "note", text);
}

static void on_line(const char *line, bool from_stderr, void *context)
{
	FILE *stream = from_stderr ? stderr : stdout;

	(void)context;
	(void)fprintf(stream, "%s\n", line);
	(void)fflush(stream);
}

/* Run directories are the user's, behind sudo too. */
static void on_ran(const char *run_dir, void *context)
{
	AUTO(free_ptr) char *parent = fsio_dirname(run_dir);

	(void)context;
	prepare_give_away(parent);
}

static int refuse(const struct options *options, struct err *err)
{
	if (!options->arg_count) {
		(void)err_input(err, "'run' needs SCENARIO...");
		return err_remedy(err, "limitlab run --help");
	}
	if (options->resume)
		return err_input(
			err, "--resume goes on with a batch of this host: it excludes --in-lab-host");
	if (options->use_device)
		return err_input(
			err, "a lab host has no devices of this host: --use-device excludes --in-lab-host");
	if (options->kernel.count > 1)
		return err_input(err, "a lab host has one kernel, not %zu", options->kernel.count);
	return 0;
}

static int find_places(struct lab *lab, struct err *err)
{
	char now[32];

	lab->cwd = realpath(".", NULL);
	lab->made_out = !fsio_exists(lab->options->out);
	if (fsio_make_dirs(lab->options->out, err))
		return -1;
	lab->out = realpath(lab->options->out, NULL);
	if (!lab->cwd || !lab->out)
		return err_sys(err, errno, "cannot find '%s'", lab->options->out);
	clock_utc_compact(now, sizeof(now));
	lab->console = xasprintf("%s/lab-host-%s.console", lab->out, now);
	lab->junit = xasprintf("%s/lab-host-%s.junit.xml", lab->out, now);
	return 0;
}

static enum accel_wish own_accel(void)
{
	const char *wish = getenv("LIMITLAB_LABHOST_ACCEL");

	if (wish && strcmp(wish, "tcg") == 0)
		return ACCEL_TCG;
	return wish && strcmp(wish, "kvm") == 0 ? ACCEL_KVM : ACCEL_AUTO;
}

/* What can be refused is refused before anything long begins. */
static int prepare_lab(struct lab *lab, unsigned needs, struct err *err)
{
	const char *wish = option_last(&lab->options->kernel);

	lab->memory_mib =
		labhost_memory_of((const struct scenario *const *)lab->scenarios, lab->scenario_count);
	return labhost_host_check(&lab->place, lab->memory_mib, own_accel(), err) ||
			       labhost_kernel_find(&lab->place, wish, &lab->kernel, err) ||
			       labhost_kernel_check(&lab->kernel, lab->cgroup, needs, err) ||
			       labhost_prepare(&lab->place, err) || state_prepare(err)
		       ? -1
		       : 0;
}

static int prepare_run(struct lab *lab, struct err *err)
{
	const struct options *options = lab->options;
	unsigned needs = 0;

	if (refuse(options, err) ||
		(options->cgroup && labhost_cgroup_parse(options->cgroup, &lab->cgroup, err)))
		return -1;
	lab->scenarios = xcalloc((size_t)options->arg_count + 1, sizeof(*lab->scenarios));
	for (int i = 0; i < options->arg_count; i++) {
		if (load_scenario(options->args[i], &lab->scenarios[i], err))
			return -1;
		lab->scenario_count++;
		needs |= labhost_needs_of(lab->scenarios[i]);
	}
	lab->files = labhost_files_of((const struct scenario *const *)lab->scenarios, lab->scenario_count);
	return labhost_need_root("run --in-lab-host ...", err) || prepare_lab(lab, needs, err) ||
			       find_places(lab, err) || make_argv(lab, err)
		       ? -1
		       : 0;
}

/* A program instead of limitlab, with the files among its arguments. */
static int prepare_exec(struct lab *lab, struct err *err)
{
	const struct options *options = lab->options;
	size_t count = 0, capacity = 0;

	if ((options->cgroup && labhost_cgroup_parse(options->cgroup, &lab->cgroup, err)) ||
		labhost_need_root("lab-exec ...", err) || prepare_lab(lab, 0, err) || find_places(lab, err))
		return -1;
	for (int i = 0; i < options->arg_count; i++) {
		char *path = strchr(options->args[i], '/') ? realpath(options->args[i], NULL) : NULL;
		lab->files = xgrow(lab->files, count, &capacity, sizeof(*lab->files));
		if (path)
			lab->files[count++] = path;
		if (i > 0)
			add(lab, path ? path : options->args[i]);
	}
	lab->files = xgrow(lab->files, count, &capacity, sizeof(*lab->files));
	lab->files[count] = NULL;
	add(lab, NULL);
	lab->program = count && strchr(options->args[0], '/') ? lab->files[0] : options->args[0];
	AUTO(free_ptr) char *limitlab = realpath("/proc/self/exe", NULL);
	lab->settings[0] = xasprintf("LABHOST_RESULTS=%s", lab->out);
	lab->settings[1] = xasprintf("LIMITLAB=%s", limitlab ? limitlab : "limitlab");
	return 0;
}

/* The inner limitlab writes it among its results; it belongs elsewhere. */
static int place_junit(const struct lab *lab, struct err *err)
{
	AUTO(buf) struct buf text = BUF_INIT;

	if (!lab->options->junit || !fsio_exists(lab->junit))
		return 0;
	if (fsio_read_file(lab->junit, 64 << 20, &text, err) ||
		fsio_write_atomic(lab->options->junit, text.data ? text.data : "", text.length, err))
		return -1;
	(void)unlink(lab->junit);
	return 0;
}

/* Far beyond what it should take: for what hangs in a lab host that lives. */
static unsigned deadline_s(const struct lab *lab)
{
	const struct options *options = lab->options;
	unsigned rounds = options->until_decided ? options->until_decided : options->repeat;
	uint64_t each_ns = 0;

	for (size_t i = 0; i < lab->scenario_count; i++)
		each_ns += lab->scenarios[i]->duration_ns + PATIENCE_S * NS_PER_S;
	return lab->scenario_count ? (unsigned)(PATIENCE_S + each_ns / NS_PER_S * rounds) : 0;
}

static int run_tries(struct lab *lab, struct labhost_end *ret_end, struct err *err)
{
	const struct labhost_job job = {.argv = lab->argv,
		.program = lab->program,
		.environment = (const char *const *)lab->settings,
		.files = (const char *const *)lab->files,
		.cwd = lab->cwd};
	const struct labhost_config config = {
		.place = &lab->place,
		.kernel = &lab->kernel,
		.cgroup = lab->cgroup,
		.memory_mib = lab->memory_mib,
		.accel = own_accel(),
		.deadline_s = deadline_s(lab),
		.still_s = lab->scenario_count ? LABHOST_STILL_S : 0,
		.append = getenv("LIMITLAB_LABHOST_APPEND"),
		.results = lab->out,
		.console = lab->console,
		.line = on_line,
		.stage = on_note,
		.ran = on_ran,
		.context = lab,
	};

	for (unsigned try = 1;; try++) {
		if (labhost_run(&config, &job, ret_end, err))
			return -1;
		if (ret_end->how == LABHOST_DONE || ret_end->kvm || lab->program || try == EMULATED_TRIES)
			return 0;
		AUTO(free_ptr)
		char *text = xasprintf("lab host: %s (%s); KVM is emulated, so once more", ret_end->text,
			labhost_how_name(ret_end->how));
		say(lab, "warning", text);
	}
}

static int is_ours(const struct dirent *entry)
{
	return !strncmp(entry->d_name, "batch-", strlen("batch-")) ||
	       !strncmp(entry->d_name, "lab-host-", strlen("lab-host-"));
}

/* Run directories have been given away one by one; beside them lie the batch and the console. */
static void give_away(const struct lab *lab)
{
	struct dirent **entries = NULL;
	int count = lab->made_out ? 0 : scandir(lab->out, &entries, is_ours, NULL);

	if (lab->made_out)
		prepare_give_away(lab->out);
	for (int i = 0; i < count; i++) {
		AUTO(free_ptr) char *path = xasprintf("%s/%s", lab->out, entries[i]->d_name);
		prepare_give_away(path);
		free(entries[i]);
	}
	free(entries);
}

static int run_lab(const struct options *options, bool exec)
{
	AUTO(lab) struct lab lab = {.options = options, .dir = labhost_dir()};
	struct labhost_end end;
	struct err err = ERR_INIT;
	int lock = -1;

	lab.place = (struct labhost_place){.dir = lab.dir, .progress = on_note, .context = &lab};
	if ((exec ? prepare_exec : prepare_run)(&lab, &err) || state_lock(&lock, &err))
		return command_fail(&err);
	AUTO(close_fd) int held = lock;
	int result = run_tries(&lab, &end, &err);
	give_away(&lab);
	if (!result && end.how != LABHOST_DONE)
		result = err_run(&err, "the lab host ended (%s): %s; its console is '%s'",
			labhost_how_name(end.how), end.text, lab.console);
	if (result || place_junit(&lab, &err))
		return command_fail(&err);
	return end.status;
}

int run_in_lab_host(const struct options *options)
{
	return run_lab(options, false);
}

int cmd_lab_exec(int argc, char **argv)
{
	struct options options;
	struct err err = ERR_INIT;

	if (options_parse(argc, argv, &options, &err))
		return command_fail(&err);
	return run_lab(&options, true);
}
