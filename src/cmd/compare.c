/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cmd/commands.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/fsio.h"
#include "base/paths.h"
#include "base/units.h"
#include "cmd/command.h"
#include "cmd/compare_table.h"
#include "cmd/gather.h"
#include "cmd/options.h"
#include "cmd/self.h"
#include "cmd/text.h"
#include "judge/compare_files.h"
#include "plot/compare.h"

struct groups {
	struct compare_group *items;
	const struct compare_run ***runs; /* what the items' runs point to */
	char **names;
	size_t count;
};

static void auto_groups(struct groups *groups)
{
	for (size_t i = 0; i < groups->count; i++) {
		free(groups->runs[i]);
		free(groups->names[i]);
	}
	free(groups->items);
	free(groups->runs);
	free(groups->names);
}

static void add_to_group(struct groups *groups, size_t group, const struct compare_run *run)
{
	groups->runs[group][groups->items[group].count++] = run;
}

static size_t new_group(struct groups *groups, const char *name, size_t room)
{
	size_t group = groups->count++;

	groups->names[group] = xstrdup(name);
	groups->runs[group] = xcalloc(room, sizeof(**groups->runs));
	groups->items[group].name = groups->names[group];
	groups->items[group].runs = groups->runs[group];
	return group;
}

static void group_by_field(const struct gathered *gathered, struct groups *groups)
{
	for (size_t i = 0; i < gathered->count; i++) {
		size_t group = 0;
		const char *name = *gathered->runs[i].field ? gathered->runs[i].field : "(not known)";
		while (group < groups->count && strcmp(groups->names[group], name) != 0)
			group++;
		if (group == groups->count)
			group = new_group(groups, name, gathered->count);
		add_to_group(groups, group, &gathered->runs[i].run);
	}
}

/* A group that is one argument is called by its last name. */
static char *group_name(char *const *arguments, size_t count, const char *otherwise)
{
	if (count != 1)
		return xstrdup(otherwise);
	AUTO(free_ptr) char *path = xstrdup(arguments[0]);
	for (size_t length = strlen(path); length > 1 && path[length - 1] == '/'; length--)
		path[length - 1] = '\0';
	return xstrdup(fsio_basename(path));
}

static void group_by_place(
	const struct gathered *gathered, const struct options *options, size_t first, struct groups *groups)
{
	size_t count = (size_t)options->arg_count;
	AUTO(free_ptr) char *a = group_name(options->args, first, "the first set");
	AUTO(free_ptr) char *b = group_name(options->args + first, count - first, "the second set");

	if (!strcmp(a, b)) {
		free(a);
		free(b);
		a = xstrdup(options->args[0]);
		b = xstrdup(options->args[first]);
	}
	(void)new_group(groups, a, gathered->count);
	(void)new_group(groups, b, gathered->count);
	for (size_t i = 0; i < gathered->count; i++)
		add_to_group(groups, gathered->runs[i].argument >= first, &gathered->runs[i].run);
}

static int parse_floor(const char *text, double *ret_floor, struct err *err)
{
	uint64_t parts;

	if (units_parse(text, QUANTITY_PARTS_PER_MILLION, &parts, err))
		return err_wrap(err, "--floor");
	if (!parts || parts > 1000000)
		return err_input(err, "--floor takes more than 0%% and up to 100%%, not '%s'", text);
	*ret_floor = (double)parts / 1e6;
	return 0;
}

/* How many of the arguments are the first set. */
static int find_first(const struct options *options, size_t *ret_first, struct err *err)
{
	int first = options->first_count;

	if (first < 0 && options->arg_count == 2)
		first = 1;
	if (first < 0)
		(void)err_input(
			err, "which runs are to be compared with which? there is no '--' between them");
	else if (!first || first == options->arg_count)
		(void)err_input(err, "there are no runs %s the '--'", first ? "after" : "before");
	else {
		*ret_first = (size_t)first;
		return 0;
	}
	return err_remedy(err, "limitlab compare RUN... -- RUN..., or limitlab compare --by FIELD RUN...");
}

/* "out/x.svg" -> "out/x-SCENARIO.svg", "out/x-SCENARIO-GROUP.svg": as far as there is more than one of it. */
static char *figure_path(
	const char *path, const struct comparison *comparison, const struct compare_pair *pair, size_t part)
{
	const char *dot = strrchr(path, '.');
	AUTO(buf) struct buf name = BUF_INIT;

	if (!dot || strchr(dot, '/'))
		return xstrdup(path);
	buf_add(&name, path, (size_t)(dot - path));
	if (pair->count > 1)
		buf_addf(&name, "-%s", pair->parts[part].scenario);
	if (comparison->count > 1) {
		buf_adds(&name, "-");
		for (const char *at = pair->group[1]; *at; at++)
			buf_add(&name, strchr("/ ", *at) ? "_" : at, 1);
	}
	buf_adds(&name, dot);
	return buf_steal(&name);
}

static int draw(const struct comparison *comparison, const struct groups *groups,
	const struct options *options, struct err *err)
{
	AUTO(free_ptr) char *plots = paths_data("plots");

	for (size_t i = 0; i < comparison->count; i++) {
		const struct compare_pair *pair = &comparison->pairs[i];
		for (size_t part = 0; part < pair->count; part++) {
			AUTO(free_ptr) char *path = figure_path(options->figure, comparison, pair, part);
			const struct plot_compare_input input = {.pair = pair,
				.part = &pair->parts[part],
				.groups = groups->items,
				.plots_dir = plots,
				.path = path};
			if (plot_compare_draw(&input, err))
				return -1;
		}
	}
	return 0;
}

static int write_files(const struct comparison *comparison, const struct groups *groups,
	const struct options *options, struct err *err)
{
	if (options->csv && compare_write_csv(comparison, options->csv, err))
		return -1;
	if (options->markdown) {
		AUTO(buf) struct buf text = BUF_INIT;
		compare_markdown(comparison, groups->items, groups->count, &text);
		if (fsio_write_atomic(options->markdown, text.data, text.length, err))
			return -1;
	}
	return options->figure ? draw(comparison, groups, options, err) : 0;
}

static void print(
	const struct comparison *comparison, const struct groups *groups, const struct options *options)
{
	if (options->json) {
		AUTO(free_ptr) char *text = compare_json(comparison, groups->items, groups->count);
		(void)puts(text);
	} else if (!options->quiet) {
		AUTO(buf) struct buf text = BUF_INIT;
		const char *no_colour = getenv("NO_COLOR");
		bool colour = isatty(STDOUT_FILENO) && !(no_colour && no_colour[0]);
		compare_table(comparison, groups->items, groups->count, text_screen_width(1), colour, &text);
		(void)fputs(text.data, stdout);
	}
}

static int self(const struct options *options, struct err *err)
{
	struct compare_options how = {.seed = COMPARE_SEED_DEFAULT};

	if (options->by || options->unlike || options->first_count >= 0 || options->csv ||
		options->markdown || options->figure)
		return err_input(
			err, "--self takes runs, or scenarios with --repeat, and makes the groups itself");
	return parse_floor(options->floor, &how.floor, err) ? -1 : compare_self_runs(options, &how, err);
}

static int compare(const struct options *options, struct err *err)
{
	AUTO(gathered) struct gathered gathered = {0};
	AUTO(groups) struct groups groups = {0};
	AUTO(comparison) struct comparison comparison = {0};
	if (options->repeat > 1)
		return err_input(err, "--repeat makes runs of scenarios; it goes with --self");
	struct compare_options how = {.seed = COMPARE_SEED_DEFAULT, .unlike = options->unlike};
	size_t first = 0;

	if (options->by && options->first_count >= 0)
		return err_input(err, "--by FIELD makes the groups; a '--' between runs does not go with it");
	if (parse_floor(options->floor, &how.floor, err) ||
		(!options->by && find_first(options, &first, err)) ||
		gather(options->args, (size_t)options->arg_count, options->by, &gathered, err))
		return -1;
	groups.items = xcalloc(gathered.count + 2, sizeof(*groups.items));
	groups.runs = xcalloc(gathered.count + 2, sizeof(*groups.runs));
	groups.names = xcalloc(gathered.count + 2, sizeof(*groups.names));
	if (options->by)
		group_by_field(&gathered, &groups);
	else
		group_by_place(&gathered, options, first, &groups);
	if (options->by && groups.count == 1)
		return err_input(err, "all runs have the same %s, '%s'; there is nothing to compare",
			options->by, groups.names[0]);
	if (compare_groups(groups.items, groups.count, &how, &comparison, err) ||
		write_files(&comparison, &groups, options, err))
		return -1;
	print(&comparison, &groups, options);
	return comparison_exit_code(&comparison);
}

int cmd_compare(int argc, char **argv)
{
	struct err err = ERR_INIT;
	struct options options;

	if (options_parse(argc, argv, &options, &err))
		return command_fail(&err);
	int code = options.self ? self(&options, &err) : compare(&options, &err);
	return code < 0 ? command_fail(&err) : code;
}
