/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "scenario/scenario.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/fsio.h"
#include "scenario/reader.h"

#define NAME_BYTES        64
#define SAMPLE_DEFAULT_NS UINT64_C(200000000)
#define SAMPLE_MIN_NS     UINT64_C(10000000)
#define SAMPLE_MAX_NS     UINT64_C(10000000000)

uint32_t all_tenants(const struct scenario *scenario)
{
	return (uint32_t)((UINT64_C(1) << scenario->tenant_count) - 1);
}

uint32_t loaded_tenants(const struct scenario *scenario)
{
	uint32_t tenants = 0;

	for (unsigned i = 0; i < scenario->tenant_count; i++) {
		if (scenario->tenants[i].workload)
			tenants |= UINT32_C(1) << i;
	}
	return tenants;
}

int scenario_tenant(const struct scenario *scenario, const char *name)
{
	for (size_t i = 0; i < scenario->tenant_count; i++) {
		if (strcmp(scenario->tenants[i].name, name) == 0)
			return (int)i;
	}
	return -1;
}

const struct limit_setting *scenario_setting(
	const struct limit_setting *settings, size_t count, enum limit_id limit)
{
	for (size_t i = 0; i < count; i++) {
		if (settings[i].limit == limit)
			return &settings[i];
	}
	return NULL;
}

/* Names that become parts of paths: [a-z0-9-]+. */
static int read_slug(const struct reader *reader, const struct yaml_node_s *node, const char *what,
	char **ret_slug, struct err *err)
{
	const char *text;

	if (doc_word(reader->doc, node, what, &text, err) < 0)
		return -1;
	size_t length = strlen(text);
	if (length > NAME_BYTES || text[0] == '-' ||
		strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-") != length)
		return doc_error(reader->doc, doc_mark(node), err,
			"'%.*s' is not %s; use at most %d of a-z, 0-9 and '-', as in cpu-shares", NAME_BYTES,
			text, what, NAME_BYTES);
	*ret_slug = xstrdup(text);
	return 0;
}

static int read_name(void *context, const struct doc_key *key, const struct yaml_node_s *node, void *object,
	struct err *err)
{
	struct scenario *scenario = object;

	(void)key;
	return read_slug(context, node, "the name of a scenario", &scenario->name, err);
}

static int read_figure(void *context, const struct doc_key *key, const struct yaml_node_s *node, void *object,
	struct err *err)
{
	struct scenario *scenario = object;

	(void)key;
	scenario->figure_mark = doc_mark(node);
	return read_slug(context, node, "the name of a figure", &scenario->figure, err);
}

static int read_beside(void *context, const struct doc_key *key, const struct yaml_node_s *node, void *object,
	struct err *err)
{
	struct reader *reader = context;
	struct scenario *scenario = object;

	(void)key;
	if (read_slug(reader, node, "the name of a scenario", &scenario->beside, err) < 0)
		return -1;
	/* The name stands before it in the table below. */
	if (strcmp(scenario->beside, scenario->name) == 0)
		return doc_error(reader->doc, doc_mark(node), err,
			"a figure cannot show '%s' beside itself; name another scenario, or leave out beside",
			scenario->name);
	return 0;
}

static int read_title(void *context, const struct doc_key *key, const struct yaml_node_s *node, void *object,
	struct err *err)
{
	struct reader *reader = context;
	struct scenario *scenario = object;
	const char *text;

	(void)key;
	if (doc_word(reader->doc, node, "a title", &text, err) < 0)
		return -1;
	scenario->title = xstrdup(text);
	return 0;
}

static int read_about(void *context, const struct doc_key *key, const struct yaml_node_s *node, void *object,
	struct err *err)
{
	struct reader *reader = context;
	struct scenario *scenario = object;
	const char *text;

	(void)key;
	if (doc_text(reader->doc, node, "a text", &text, err) < 0)
		return -1;
	scenario->about = xstrdup(text);
	return 0;
}

static int read_sample(void *context, const struct doc_key *key, const struct yaml_node_s *node, void *object,
	struct err *err)
{
	struct reader *reader = context;
	struct scenario *scenario = object;

	(void)key;
	return doc_quantity(reader->doc, node, QUANTITY_DURATION_NS, SAMPLE_MIN_NS, SAMPLE_MAX_NS,
		"the sampling interval", &scenario->sample_ns, err);
}

static int read_hosts(void *context, const struct doc_key *key, const struct yaml_node_s *node, void *object,
	struct err *err)
{
	struct scenario *scenario = object;

	(void)key;
	return read_when(context, node, &scenario->when, err);
}

/* In the order in which they need each other. */
static const struct doc_key scenario_keys[] = {
	{"name", true, read_name, 0},
	{"title", true, read_title, 0},
	{"about", false, read_about, 0},
	{"figure", false, read_figure, 0},
	{"beside", false, read_beside, 0},
	{"sample", false, read_sample, 0},
	{"when", false, read_hosts, 0},
	{"scarce", false, read_scarce, 0},
	{"tenants", true, read_tenants, 0},
	{"timeline", true, read_timeline, 0},
	{"expect", false, read_expect, 0},
};

static const char *default_figure(const struct scenario *scenario)
{
	static const char *const figures[RESOURCE_COUNT] = {
		[RESOURCE_CPU] = "cpu-shares",
		[RESOURCE_NET] = "net-rates",
		[RESOURCE_MEMORY] = "memory",
		[RESOURCE_DISK] = "disk",
	};
	enum resource resource = scenario_scarce(scenario);

	return figures[resource < RESOURCE_COUNT ? resource : RESOURCE_CPU];
}

static int too_large(const char *path, struct err *err)
{
	return err_input(err,
		"%s:1:1: more than %d bytes; a scenario is a text of a few kilobytes, is this one?", path,
		SCENARIO_MAX_BYTES);
}

int scenario_parse(const char *path, const char *text, size_t length, const struct scenario_options *options,
	struct scenario **ret_scenario, struct err *err)
{
	struct doc *doc = NULL;

	if (length > SCENARIO_MAX_BYTES)
		return too_large(path, err);
	if (doc_new(path, text, length, &doc, err) < 0)
		return -1;
	struct scenario *scenario = xcalloc(1, sizeof(*scenario));
	struct reader reader = {.doc = doc, .options = options, .scenario = scenario};
	scenario->path = xstrdup(path);
	scenario->source = xstrndup(text, length);
	scenario->source_length = length;
	scenario->sample_ns = SAMPLE_DEFAULT_NS;
	int result = doc_mapping(doc, doc_root(doc), "a scenario", "name: cpu-shares", scenario_keys,
		ARRAY_SIZE(scenario_keys), &reader, scenario, err);
	if (result == 0)
		result = check_initial(&reader, err);
	doc_free(doc);
	if (result < 0) {
		scenario_free(scenario);
		return -1;
	}
	if (!scenario->figure)
		scenario->figure = xstrdup(default_figure(scenario));
	*ret_scenario = scenario;
	return 0;
}

int scenario_load(const char *path, const struct scenario_options *options, struct scenario **ret_scenario,
	struct err *err)
{
	struct err cause = ERR_INIT;
	AUTO(buf) struct buf text = BUF_INIT;
	struct stat st;

	if (stat(path, &st) < 0)
		return err_input(err,
			"cannot read the scenario '%s': %s; `limitlab list` shows those that there are", path,
			strerror(errno));
	if (S_ISDIR(st.st_mode))
		return err_input(
			err, "'%s' is a folder; name a scenario file, as in scenarios/cpu-shares.yaml", path);
	if (st.st_size > SCENARIO_MAX_BYTES)
		return too_large(path, err);
	if (fsio_read_file(path, SCENARIO_MAX_BYTES, &text, &cause) < 0) {
		if (cause.domain == ERR_INPUT)
			return too_large(path, err);
		return err_input(err, "cannot read the scenario: %s", cause.text);
	}
	return scenario_parse(path, text.data, text.length, options, ret_scenario, err);
}

void scenario_free(struct scenario *scenario)
{
	if (!scenario)
		return;
	for (size_t i = 0; i < scenario->tenant_count; i++) {
		free(scenario->tenants[i].name);
		free(scenario->tenants[i].workload);
		free(scenario->tenants[i].workload_path);
		free(scenario->tenants[i].limits);
	}
	for (size_t i = 0; i < scenario->event_count; i++) {
		free(scenario->events[i].name);
		free(scenario->events[i].settings);
	}
	for (size_t i = 0; i < scenario->expect_count; i++) {
		free(scenario->expects[i].name);
		when_release(&scenario->expects[i].when);
		free(scenario->expects[i].from_said);
		free(scenario->expects[i].to_said);
		free(scenario->expects[i].after_said);
		free(scenario->expects[i].derivation);
	}
	free(scenario->tenants);
	free(scenario->events);
	free(scenario->expects);
	free(scenario->path);
	free(scenario->name);
	free(scenario->title);
	free(scenario->about);
	free(scenario->figure);
	free(scenario->beside);
	free(scenario->disk.device);
	when_release(&scenario->when);
	free(scenario->source);
	free(scenario);
}
