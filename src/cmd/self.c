/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cmd/self.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/auto.h"
#include "base/buf.h"
#include "cmd/compare_self.h"
#include "cmd/gather.h"
#include "cmd/options.h"
#include "cmd/run.h"
#include "judge/compare_self.h"

/* What is said of all scenarios together. */
struct totals {
	size_t scenarios, runs, size, trials, alarms;
};

static void show(const struct options *options, const struct compare_self *result)
{
	AUTO(buf) struct buf text = BUF_INIT;

	if (options->json) {
		AUTO(free_ptr) char *line = compare_self_json(result);
		(void)puts(line);
	} else if (!options->quiet) {
		compare_self_table(result, &text);
		(void)fputs(text.data, stdout);
	}
}

static void show_totals(const struct options *options, const struct totals *totals)
{
	AUTO(buf) struct buf text = BUF_INIT;

	if (totals->scenarios < 2 || !totals->trials || options->json || options->quiet)
		return;
	buf_addf(&text, "all %zu scenarios: %zu runs, %zu pairs\n", totals->scenarios, totals->runs,
		totals->runs / 2);
	compare_self_rate(totals->trials, totals->alarms, totals->size, &text);
	(void)fputs(text.data, stdout);
}

/* One scenario after the other: what is true of one machine's network need not be of its CPUs. */
static int judge_all(const struct options *options, char *const *paths, size_t path_count,
	const struct compare_options *how, struct err *err)
{
	AUTO(gathered) struct gathered gathered = {0};
	struct totals totals = {0};
	int code = 0;

	if (gather(paths, path_count, NULL, &gathered, err))
		return -1;
	AUTO(free_ptr) const struct compare_run **runs = xcalloc(gathered.count, sizeof(*runs));
	AUTO(free_ptr) bool *done = xcalloc(gathered.count, sizeof(*done));
	for (size_t i = 0; i < gathered.count; i++) {
		struct compare_self result;
		size_t count = 0;
		for (size_t j = i; j < gathered.count; j++) {
			if (done[j] ||
				strcmp(gathered.runs[j].run.scenario, gathered.runs[i].run.scenario) != 0)
				continue;
			done[j] = true;
			runs[count++] = &gathered.runs[j].run;
		}
		if (!count)
			continue;
		if (compare_self(runs, count, how, &result, err))
			return -1;
		show(options, &result);
		totals.scenarios++;
		totals.runs += result.runs;
		totals.trials += result.disjoint;
		totals.alarms += result.disjoint_alarms;
		totals.size = result.disjoint_size > totals.size ? result.disjoint_size : totals.size;
		code = err_worse_exit_code(code, compare_self_exit_code(&result));
		compare_self_release(&result);
	}
	show_totals(options, &totals);
	return code;
}

/* Files are scenarios, directories runs. */
static int count_files(const struct options *options, int *ret_count, struct err *err)
{
	struct stat status;
	int files = 0;

	for (int i = 0; i < options->arg_count; i++)
		files += stat(options->args[i], &status) == 0 && S_ISREG(status.st_mode);
	if (files && files < options->arg_count)
		return err_input(err,
			"--self takes scenarios, which it runs, or runs that there are, but not both at once");
	*ret_count = files;
	return 0;
}

int compare_self_runs(const struct options *options, const struct compare_options *how, struct err *err)
{
	AUTO(run_dirs) struct run_dirs dirs = {0};
	const unsigned least = (unsigned)compare_self_least_runs();
	int files;

	if (count_files(options, &files, err))
		return -1;
	if (!files && options->repeat > 1)
		return err_input(err, "--repeat makes runs of scenarios, and '%s' is no scenario file",
			options->args[0]);
	if (!files)
		return judge_all(options, options->args, (size_t)options->arg_count, how, err);
	if (options->repeat < least) {
		(void)err_input(err, "'%s' is a scenario; to compare it with itself takes at least %u runs",
			options->args[0], least);
		return err_remedy(err, "limitlab compare --self --repeat %u %s", least + 2, options->args[0]);
	}
	int code = run_all(options, &dirs);
	if (code >= 128 || !dirs.count)
		return code;
	/* Whether an expectation passes is not the question here; that a run broke is. */
	int broke = code == 0 || code == 1 || code == 3 ? 0 : code;
	int result = judge_all(options, dirs.items, dirs.count, how, err);
	return result < 0 ? -1 : err_worse_exit_code(broke, result);
}
