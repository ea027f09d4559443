/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/fsio.h"
#include "base/paths.h"
#include "cmd/command.h"
#include "cmd/commands.h"
#include "cmd/load.h"
#include "cmd/options.h"
#include "cmd/text.h"
#include "glue/json.h"
#include "scenario/plan.h"
#include "scenario/scenario.h"

DEFINE_AUTO(scenario, struct scenario *, scenario_free);

#define NAME_MIN_COLUMNS 16

static int is_scenario(const struct dirent *entry)
{
	const char *dot = strrchr(entry->d_name, '.');

	return entry->d_name[0] != '.' && dot && strcmp(dot, ".yaml") == 0;
}

struct listing {
	struct listed {
		char *path;
		struct scenario *scenario; /* NULL: it is wrong, see trouble */
		char *trouble;
	} * items;
	size_t count, capacity;
};

static void auto_listing(struct listing *listing)
{
	for (size_t i = 0; i < listing->count; i++) {
		free(listing->items[i].path);
		free(listing->items[i].trouble);
		scenario_free(listing->items[i].scenario);
	}
	free(listing->items);
}

static void add_folder(struct listing *listing, const char *folder)
{
	struct dirent **entries = NULL;
	int count = scandir(folder, &entries, is_scenario, alphasort);

	for (int i = 0; i < count; i++) {
		struct err err = ERR_INIT;

		listing->items =
			xgrow(listing->items, listing->count, &listing->capacity, sizeof(*listing->items));
		struct listed *item = &listing->items[listing->count++];
		*item = (struct listed){.path = xasprintf("%s/%s", folder, entries[i]->d_name)};
		if (load_scenario(item->path, &item->scenario, &err))
			item->trouble = xstrdup(err.text);
		free(entries[i]);
	}
	free(entries);
}

static void print_json(const struct listing *listing)
{
	AUTO(json) json_t *list = json_array();

	for (size_t i = 0; i < listing->count; i++) {
		const struct listed *item = &listing->items[i];
		const struct scenario *scenario = item->scenario;

		AUTO(free_ptr) char *hosts = scenario ? when_text(&scenario->when) : NULL;
		if (scenario)
			(void)json_array_append_new(
				list, json_pack("{s:o, s:o, s:o, s:b, s:o*, s:o*, s:f, s:f}", "name",
					      json_text(scenario->name), "path", json_text(item->path),
					      "title", json_text(scenario->title), "host_scarcity",
					      scenario->memory.free_bytes > 0, "device",
					      scenario->disk.device ? json_text(scenario->disk.device) : NULL,
					      "when", *hosts ? json_text(hosts) : NULL, "timeline_s",
					      (double)scenario->duration_ns / 1e9, "expected_s",
					      (double)plan_duration_ns(scenario) / 1e9));
		else
			(void)json_array_append_new(
				list, json_pack("{s:o, s:o}", "path", json_text(item->path), "error",
					      json_text(item->trouble)));
	}
	AUTO(free_ptr) char *text = json_dumps(list, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
	printf("%s\n", text);
}

static void print_table(const struct listing *listing)
{
	AUTO(buf) struct buf text = BUF_INIT;
	size_t columns = NAME_MIN_COLUMNS;

	for (size_t i = 0; i < listing->count; i++) {
		const struct scenario *scenario = listing->items[i].scenario;
		if (scenario && text_width(scenario->name) > columns)
			columns = text_width(scenario->name);
	}
	text_pad(&text, "SCENARIO", columns);
	buf_adds(&text, "     TIME  WHAT IT SHOWS\n");
	for (size_t i = 0; i < listing->count; i++) {
		const struct scenario *scenario = listing->items[i].scenario;

		if (!scenario)
			continue;
		text_pad(&text, scenario->name, columns);
		buf_addf(&text, "  %5.0f s  ", (double)plan_duration_ns(scenario) / 1e9);
		(void)text_add(&text, scenario->title, TEXT_ALL);
		buf_adds(&text, "\n");
		if (when_is_given(&scenario->when)) {
			AUTO(free_ptr) char *hosts = when_text(&scenario->when);
			text_pad(&text, "", columns + 11);
			buf_addf(&text, "only with %s\n", hosts);
		}
		if (scenario->memory.free_bytes) {
			text_pad(&text, "", columns + 11);
			buf_adds(&text, PLAN_HOST_SCARCITY "\n");
		}
		if (scenario->disk.device) {
			text_pad(&text, "", columns + 11);
			buf_addf(&text, PLAN_DEVICE "\n", scenario->disk.device, scenario->disk.device);
		}
	}
	(void)fwrite(text.data, 1, text.length, stdout);
}

int cmd_list(int argc, char **argv)
{
	AUTO(listing) struct listing listing = {0};
	struct err err = ERR_INIT;
	struct options options;
	int code = 0;

	if (options_parse(argc, argv, &options, &err))
		return command_fail(&err);
	AUTO(free_ptr) char *shipped = paths_data("scenarios");
	AUTO(free_ptr) char *shipped_real = realpath(shipped, NULL);
	AUTO(free_ptr) char *own_real = realpath("scenarios", NULL);
	add_folder(&listing, shipped);
	/* In the source tree they are the same. */
	if (own_real && (!shipped_real || strcmp(own_real, shipped_real) != 0))
		add_folder(&listing, "scenarios");
	if (!listing.count) {
		(void)err_host(&err, "there are no scenarios in '%s' and './scenarios'", shipped);
		(void)err_remedy(
			&err, "install limitlab whole (make install), or run it in a folder with scenarios/");
		return command_fail(&err);
	}
	if (options.json)
		print_json(&listing);
	else
		print_table(&listing);
	for (size_t i = 0; i < listing.count; i++) {
		if (!listing.items[i].trouble)
			continue;
		code = 2;
		if (!options.json)
			(void)fprintf(stderr, "limitlab: %s\n", listing.items[i].trouble);
	}
	return code;
}
