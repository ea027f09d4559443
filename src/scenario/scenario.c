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

static const char *const event_kinds[] = {
	[EVENT_START] = "start",
	[EVENT_STOP] = "stop",
	[EVENT_SET] = "set",
	[EVENT_RESET] = "reset",
	[EVENT_SCARCE] = "scarce",
	[EVENT_PLENTY] = "plenty",
};
static const char *const resources[] = {
	[RESOURCE_CPU] = "cpu",
	[RESOURCE_NET] = "net",
	[RESOURCE_MEMORY] = "memory",
	[RESOURCE_DISK] = "disk",
};
static const char *const expect_kinds[] = {
	[EXPECT_SHARE] = "share",
	[EXPECT_SETTLES] = "settles",
	[EXPECT_LEVEL] = "level",
	[EXPECT_RATIO] = "ratio",
	[EXPECT_STARVES] = "starves",
	[EXPECT_NEVER_STARVES] = "never starves",
	[EXPECT_CONSERVES] = "conserves",
	[EXPECT_UNCHANGED] = "unchanged",
};
static const char *const schedulers[] = {
	[DISK_SCHEDULER_BFQ] = "bfq",
	[DISK_SCHEDULER_NONE] = "none",
	[DISK_SCHEDULER_MQ_DEADLINE] = "mq-deadline",
};
static const struct measure_spec measures[] = {
	[MEASURE_CPU_TIME] = {"time", RESOURCE_CPU, QUANTITY_COUNT, 1, "CPU", "vCPU time"},
	[MEASURE_NET_CLASS] = {"class", RESOURCE_NET, QUANTITY_BITS_PER_S, 1, "bit/s",
		"bytes of the HTB class (link layer)"},
	[MEASURE_NET_PAYLOAD] = {"payload", RESOURCE_NET, QUANTITY_BITS_PER_S, 1, "bit/s",
		"payload, as iperf3 reports it"},
	[MEASURE_MEM_USAGE] = {"usage", RESOURCE_MEMORY, QUANTITY_BYTES, 1, "B", "memory charged to the VM"},
	[MEASURE_MEM_ANON] = {"anon", RESOURCE_MEMORY, QUANTITY_BYTES, 1, "B", "anonymous memory of the VM"},
	[MEASURE_MEM_SWAP] = {"swap", RESOURCE_MEMORY, QUANTITY_BYTES, 1, "B",
		"memory of the VM swapped out"},
	[MEASURE_DISK_BANDWIDTH] = {"bandwidth", RESOURCE_DISK, QUANTITY_BYTES_PER_S, 1, "B/s",
		"bytes read and written by the VM"},
	[MEASURE_DISK_IOPS] = {"iops", RESOURCE_DISK, QUANTITY_COUNT, 1, "1/s", "requests of the VM"},
	[MEASURE_DISK_P99] = {"p99", RESOURCE_DISK, QUANTITY_DURATION_NS, 1e-9, "s",
		"99th percentile of the completion latency, as fio reports it"},
};
static const char *const needs[] = {
	[NEED_CONTENTION] = "contention", [NEED_PLENTY] = "plenty", [NEED_NOTHING] = "nothing"};

_Static_assert(ARRAY_SIZE(event_kinds) == EVENT_KIND_COUNT, "one name per kind of event");
_Static_assert(ARRAY_SIZE(resources) == RESOURCE_COUNT, "one name per resource");
_Static_assert(ARRAY_SIZE(expect_kinds) == EXPECT_KIND_COUNT, "one name per kind of expectation");
_Static_assert(ARRAY_SIZE(schedulers) == DISK_SCHEDULER_COUNT, "one name per scheduler");
_Static_assert(ARRAY_SIZE(measures) == MEASURE_COUNT, "one row per measure");

const char *event_kind_name(enum event_kind kind)
{
	return event_kinds[kind];
}

const char *resource_name(enum resource resource)
{
	return resources[resource];
}

const char *expect_kind_name(enum expect_kind kind)
{
	return expect_kinds[kind];
}

const char *disk_scheduler_name(enum disk_scheduler scheduler)
{
	return schedulers[scheduler];
}

const struct measure_spec *measure_spec(enum measure measure)
{
	return &measures[measure];
}

const char *need_name(enum need need)
{
	return needs[need];
}

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
	return read_slug(context, node, "the name of a figure", &scenario->figure, err);
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

static int read_cgroup(void *context, const struct doc_key *key, const struct yaml_node_s *node, void *object,
	struct err *err)
{
	static const char *const modes[] = {"v1", "v2"};
	struct reader *reader = context;
	struct scenario *scenario = object;
	size_t index;

	(void)key;
	if (doc_choice(reader->doc, node, "a cgroup version", modes, ARRAY_SIZE(modes), &index, err) < 0)
		return -1;
	scenario->when_cgroup = xstrdup(modes[index]);
	return 0;
}

static int read_when(void *context, const struct doc_key *key, const struct yaml_node_s *node, void *object,
	struct err *err)
{
	static const struct doc_key keys[] = {{"cgroup", true, read_cgroup, 0}};
	struct reader *reader = context;

	(void)key;
	return doc_mapping(
		reader->doc, node, "when", "when: {cgroup: v1}", keys, ARRAY_SIZE(keys), reader, object, err);
}

static int read_scarce_cpus(void *context, const struct doc_key *key, const struct yaml_node_s *node,
	void *object, struct err *err)
{
	struct scenario *scenario = object;

	(void)key;
	if (read_cpus(context, node, &scenario->scarce_cpus, err) < 0)
		return -1;
	scenario->has_scarce_cpu = true;
	return 0;
}

static int read_emulators(void *context, const struct doc_key *key, const struct yaml_node_s *node,
	void *object, struct err *err)
{
	static const char *const weights[] = {"light", "default"};
	struct scenario *scenario = object;
	struct reader *reader = context;
	size_t index;

	(void)key;
	if (doc_choice(reader->doc, node, "a weight for QEMU's own threads", weights, ARRAY_SIZE(weights),
		    &index, err) < 0)
		return -1;
	scenario->emulators_default = index == 1;
	return 0;
}

static int read_scarce_cpu(void *context, const struct doc_key *key, const struct yaml_node_s *node,
	void *object, struct err *err)
{
	static const struct doc_key keys[] = {
		{"cpus", true, read_scarce_cpus, 0},
		{"emulators", false, read_emulators, 0},
	};
	struct reader *reader = context;

	(void)key;
	return doc_mapping(reader->doc, node, "the scarce CPUs", "cpu: {cpus: [0]}", keys, ARRAY_SIZE(keys),
		reader, object, err);
}

static int read_scarce(void *context, const struct doc_key *key, const struct yaml_node_s *node, void *object,
	struct err *err)
{
	static const struct doc_key keys[] = {{"cpu", false, read_scarce_cpu, 0}};
	struct reader *reader = context;

	(void)key;
	return doc_mapping(reader->doc, node, "scarce", "scarce: {cpu: {cpus: [0]}}", keys, ARRAY_SIZE(keys),
		reader, object, err);
}

/* In the order in which they need each other. */
static const struct doc_key scenario_keys[] = {
	{"name", true, read_name, 0},
	{"title", true, read_title, 0},
	{"about", false, read_about, 0},
	{"figure", false, read_figure, 0},
	{"sample", false, read_sample, 0},
	{"when", false, read_when, 0},
	{"scarce", false, read_scarce, 0},
	{"tenants", true, read_tenants, 0},
	{"timeline", true, read_timeline, 0},
	{"expect", false, read_expect, 0},
};

static bool event_names(const struct event_spec *event, enum limit_id limit)
{
	if (event->kind == EVENT_RESET)
		return event->limit == limit;
	for (size_t i = 0; i < event->setting_count; i++) {
		if (event->settings[i].limit == limit)
			return true;
	}
	return false;
}

static bool tenant_declares(const struct tenant_spec *tenant, enum limit_id limit)
{
	for (size_t i = 0; i < tenant->limit_count; i++) {
		if (tenant->limits[i].limit == limit)
			return true;
	}
	return false;
}

/* cgroup v1 begins with 1024 shares, v2 with a weight of 100: where shares matter, nobody may rely on them. */
static int check_initial_shares(const struct reader *reader, struct err *err)
{
	const struct scenario *scenario = reader->scenario;
	bool matters = false;

	for (size_t i = 0; i < scenario->event_count; i++)
		matters = matters || event_names(&scenario->events[i], LIMIT_CPU_SHARES);
	for (size_t i = 0; i < scenario->tenant_count; i++)
		matters = matters || tenant_declares(&scenario->tenants[i], LIMIT_CPU_SHARES);
	for (size_t i = 0; i < scenario->tenant_count && matters && scenario->tenant_count > 1; i++) {
		const struct tenant_spec *tenant = &scenario->tenants[i];
		if (!tenant_declares(tenant, LIMIT_CPU_SHARES))
			return doc_error(reader->doc, tenant->mark, err,
				"tenant '%s' has no cpu.shares to begin with, and the kernel's default differs (1024 on cgroup "
				"v1, 100 on v2) while others compete; add limits: {cpu.shares: 1024}",
				tenant->name);
	}
	return 0;
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
		result = check_initial_shares(&reader, err);
	doc_free(doc);
	if (result < 0) {
		scenario_free(scenario);
		return -1;
	}
	if (!scenario->figure)
		scenario->figure = xstrdup("cpu-shares");
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
	for (size_t i = 0; i < scenario->expect_count; i++)
		free(scenario->expects[i].name);
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
	free(scenario->when_cgroup);
	free(scenario->source);
	free(scenario);
}

static void add_tenants(struct buf *label, const struct scenario *scenario, const struct event_spec *event)
{
	const char *separator = "";

	if (scenario->tenant_count > 1 &&
		(event->tenants == all_tenants(scenario) ||
			(event->kind <= EVENT_STOP && event->tenants == loaded_tenants(scenario)))) {
		buf_adds(label, "all");
		return;
	}
	for (unsigned i = 0; i < scenario->tenant_count; i++) {
		if (!(event->tenants & UINT32_C(1) << i))
			continue;
		buf_addf(label, "%s%s", separator, scenario->tenants[i].name);
		separator = ", ";
	}
}

char *scenario_event_label(const struct scenario *scenario, const struct event_spec *event)
{
	struct buf label = BUF_INIT;

	if (event->name)
		return xstrdup(event->name);
	if (event->kind != EVENT_SET)
		buf_addf(&label, "%s ", event_kind_name(event->kind));
	add_tenants(&label, scenario, event);
	for (size_t i = 0; i < event->setting_count; i++) {
		const struct limit_spec *spec = limit_spec(event->settings[i].limit);
		AUTO(free_ptr) char *value = limit_format_value(spec, event->settings[i].value);
		buf_addf(&label, "%s %s %s", i ? "," : "", spec->name, value);
	}
	if (event->kind == EVENT_RESET)
		buf_addf(&label, " %s",
			event->limit < LIMIT_COUNT ? limit_spec(event->limit)->name : "limits");
	return buf_steal(&label);
}
