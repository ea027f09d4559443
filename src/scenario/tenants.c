/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/cpulist.h"
#include "scenario/reader.h"

#define EXAMPLE        "{name: red, workload: cpu-matrix}"
#define VCPUS_MAX      64
#define MEMORY_DEFAULT (UINT64_C(192) << 20)
#define MEMORY_MIN     (UINT64_C(64) << 20)
#define MEMORY_MAX     (UINT64_C(64) << 30)
#define NAME_BYTES     32
/* cgroup v2 takes cpu.weight from 1 to 10000, and libvirt writes the shares there as they are. */
#define V2_WEIGHT_MAX 10000

int read_cpus(
	const struct reader *reader, const struct yaml_node_s *node, cpu_set_t *ret_cpus, struct err *err)
{
	size_t count = 1;
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	if (!doc_is_scalar(node) && doc_list(reader->doc, node, "cpus", "cpus: [0]", &count, err) < 0)
		return -1;
	for (size_t i = 0; i < count; i++) {
		const struct yaml_node_s *item = doc_is_scalar(node) ? node : doc_item(reader->doc, node, i);
		const char *text;
		cpu_set_t some;
		if (doc_word(reader->doc, item, "the number of a CPU", &text, err) < 0)
			return -1;
		if (cpulist_parse(text, &some, NULL) < 0)
			return doc_error(reader->doc, doc_mark(item), err,
				"'%.40s' is no CPU; they have numbers from 0 to %d, write them as in cpus: [0, 2-3]",
				text, CPU_SETSIZE - 1);
		CPU_OR(&cpus, &cpus, &some);
	}
	if (CPU_COUNT(&cpus) == 0)
		return doc_error(reader->doc, doc_mark(node), err,
			"this list of CPUs is empty; write it as in cpus: [0]");
	*ret_cpus = cpus;
	return 0;
}

int check_resource(
	const struct reader *reader, const struct limit_spec *spec, struct mark mark, struct err *err)
{
	if (strcmp(spec->resource, "net") != 0)
		return 0;
	return doc_error(reader->doc, mark, err,
		"%s limits a class of a shared link, and no scenario can declare a link yet; take a cpu limit",
		spec->name);
}

int read_setting(const struct reader *reader, enum limit_id limit, const struct yaml_node_s *node,
	struct limit_setting **settings, size_t *count, struct err *err)
{
	const struct limit_spec *spec = limit_spec(limit);
	const char *cgroup = reader->scenario->when_cgroup;
	const char *text;
	uint64_t value;

	if (check_resource(reader, spec, doc_mark(node), err) < 0 ||
		doc_word(reader->doc, node, spec->name, &text, err) < 0)
		return -1;
	if (limit_parse_value(spec, text, &value, err) < 0)
		return doc_error_wrap(reader->doc, doc_mark(node), err);
	if (limit == LIMIT_CPU_SHARES && value > V2_WEIGHT_MAX && (!cgroup || strcmp(cgroup, "v1") != 0))
		return doc_error(reader->doc, doc_mark(node), err,
			"cpu.shares %s does not fit cgroup v2, where it becomes a weight of at most %d; take less, or add "
			"when: {cgroup: v1}",
			text, V2_WEIGHT_MAX);
	/* At most LIMIT_COUNT: every key stands once in a mapping. */
	if (!*settings)
		*settings = xcalloc(LIMIT_COUNT, sizeof(**settings));
	(*settings)[(*count)++] =
		(struct limit_setting){.limit = limit, .value = value, .mark = doc_mark(node)};
	return 0;
}

static int read_name(void *context, const struct doc_key *key, const struct yaml_node_s *node, void *object,
	struct err *err)
{
	struct reader *reader = context;
	struct tenant_spec *tenant = object;
	const char *text;

	(void)key;
	if (doc_word(reader->doc, node, "a tenant's name", &text, err) < 0)
		return -1;
	size_t length = strlen(text);
	if (length > NAME_BYTES)
		return doc_error(reader->doc, doc_mark(node), err,
			"a tenant's name of %zu bytes; %d are the most, as in red", length, NAME_BYTES);
	if (strpbrk(text, "/,") || text[0] == '.' || text[0] == ' ' || text[length - 1] == ' ')
		return doc_error(reader->doc, doc_mark(node), err,
			"'%s' is no name for a tenant; leave out '/', ',', a dot at the start and outer spaces, as in red",
			text);
	if (strcmp(text, "host") == 0 || strcmp(text, "all") == 0)
		return doc_error(reader->doc, doc_mark(node), err,
			"'%s' has a meaning of its own; name the tenant otherwise, as in red", text);
	int other = scenario_tenant(reader->scenario, text);
	if (other >= 0)
		return doc_error(reader->doc, doc_mark(node), err,
			"a second tenant named '%s', the first is in line %u; every tenant needs a name of its own",
			text, reader->scenario->tenants[other].mark.line);
	tenant->name = xstrdup(text);
	return 0;
}

static int read_vcpus(void *context, const struct doc_key *key, const struct yaml_node_s *node, void *object,
	struct err *err)
{
	struct reader *reader = context;
	struct tenant_spec *tenant = object;
	uint64_t value;

	(void)key;
	if (doc_quantity(reader->doc, node, QUANTITY_COUNT, 1, VCPUS_MAX, "vcpus", &value, err) < 0)
		return -1;
	tenant->vcpus = (unsigned)value;
	return 0;
}

static int read_memory(void *context, const struct doc_key *key, const struct yaml_node_s *node, void *object,
	struct err *err)
{
	struct reader *reader = context;
	struct tenant_spec *tenant = object;

	(void)key;
	return doc_quantity(reader->doc, node, QUANTITY_BYTES, MEMORY_MIN, MEMORY_MAX, "memory",
		&tenant->memory_bytes, err);
}

static int read_tenant_cpus(void *context, const struct doc_key *key, const struct yaml_node_s *node,
	void *object, struct err *err)
{
	struct tenant_spec *tenant = object;

	(void)key;
	return read_cpus(context, node, &tenant->cpus, err);
}

static int read_workload(void *context, const struct doc_key *key, const struct yaml_node_s *node,
	void *object, struct err *err)
{
	struct reader *reader = context;
	struct tenant_spec *tenant = object;
	const char *text;

	(void)key;
	if (doc_word(reader->doc, node, "the name of a workload", &text, err) < 0)
		return -1;
	tenant->workload = xstrdup(text);
	return workload_resolve(reader, tenant, doc_mark(node), err);
}

/* "50%": of one CPU; "1.5": CPUs. */
static int read_demand(void *context, const struct doc_key *key, const struct yaml_node_s *node, void *object,
	struct err *err)
{
	struct reader *reader = context;
	struct tenant_spec *tenant = object;
	const char *text;
	uint64_t ppm;

	(void)key;
	if (doc_word(reader->doc, node, "a demand", &text, err) < 0)
		return -1;
	/* One CPU is 100 %: the parser of percentages reads both exactly. */
	AUTO(free_ptr) char *percent = strchr(text, '%') ? xstrdup(text) : xasprintf("%s%%", text);
	if (units_parse(percent, QUANTITY_PARTS_PER_MILLION, &ppm, NULL) < 0)
		return doc_error(reader->doc, doc_mark(node), err,
			"'%.40s' is no demand; write the number of CPUs it wants, as in 1.5, or a part of one, as in 50%%",
			text);
	tenant->demand = (double)ppm / (strchr(text, '%') ? 1e6 : 1e4);
	if (!tenant->workload)
		return doc_error(reader->doc, doc_mark(node), err,
			"a demand without a workload; add one, as in workload: cpu-matrix, or leave out demand");
	if (tenant->demand <= 0 || tenant->demand > tenant->vcpus)
		return doc_error(reader->doc, doc_mark(node), err,
			"a demand of %g CPUs does not fit %u vcpus; it must be above 0 and at most that",
			tenant->demand, tenant->vcpus);
	return 0;
}

static int read_may_die(void *context, const struct doc_key *key, const struct yaml_node_s *node,
	void *object, struct err *err)
{
	struct reader *reader = context;
	struct tenant_spec *tenant = object;

	(void)key;
	return doc_bool(reader->doc, node, "a value of 'may die'", &tenant->may_die, err);
}

static int read_limit(void *context, const struct doc_key *key, const struct yaml_node_s *node, void *object,
	struct err *err)
{
	struct tenant_spec *tenant = object;

	return read_setting(
		context, (enum limit_id)key->id, node, &tenant->limits, &tenant->limit_count, err);
}

static int read_limits(void *context, const struct doc_key *key, const struct yaml_node_s *node, void *object,
	struct err *err)
{
	struct reader *reader = context;
	struct doc_key keys[LIMIT_COUNT];

	(void)key;
	for (int i = 0; i < LIMIT_COUNT; i++)
		keys[i] = (struct doc_key){limit_spec((enum limit_id)i)->name, false, read_limit, i};
	return doc_mapping(reader->doc, node, "limits", "limits: {cpu.shares: 1024}", keys, LIMIT_COUNT,
		reader, object, err);
}

/* vcpus and workload stand before demand, which needs them. */
static const struct doc_key tenant_keys[] = {
	{"name", true, read_name, 0},
	{"vcpus", false, read_vcpus, 0},
	{"memory", false, read_memory, 0},
	{"cpus", false, read_tenant_cpus, 0},
	{"workload", false, read_workload, 0},
	{"demand", false, read_demand, 0},
	{"limits", false, read_limits, 0},
	{"may die", false, read_may_die, 0},
};

int read_tenants(void *context, const struct doc_key *key, const struct yaml_node_s *node, void *object,
	struct err *err)
{
	struct reader *reader = context;
	struct scenario *scenario = object;
	size_t count;

	(void)key;
	if (doc_list(reader->doc, node, "tenants", "tenants: [" EXAMPLE "]", &count, err) < 0)
		return -1;
	if (count == 0)
		return doc_error(reader->doc, doc_mark(node), err,
			"there is no tenant; write at least one, as in tenants: [" EXAMPLE "]");
	if (count > SCENARIO_MAX_TENANTS)
		return doc_error(reader->doc, doc_mark(doc_item(reader->doc, node, SCENARIO_MAX_TENANTS)),
			err, "%zu tenants are too many; %d are the most", count, SCENARIO_MAX_TENANTS);
	scenario->tenants = xcalloc(count, sizeof(*scenario->tenants));
	for (size_t i = 0; i < count; i++) {
		const struct yaml_node_s *item = doc_item(reader->doc, node, i);
		struct tenant_spec *tenant = &scenario->tenants[i];
		tenant->mark = doc_mark(item);
		tenant->vcpus = 1;
		tenant->memory_bytes = MEMORY_DEFAULT;
		tenant->cpus = scenario->scarce_cpus;
		int result = doc_mapping(reader->doc, item, "a tenant", EXAMPLE, tenant_keys,
			ARRAY_SIZE(tenant_keys), reader, tenant, err);
		/* Counted also when it failed, so that scenario_free() sees what it holds. */
		scenario->tenant_count = i + 1;
		if (result < 0)
			return -1;
		if (tenant->workload && tenant->demand <= 0)
			tenant->demand = tenant->vcpus;
	}
	return 0;
}

int read_tenant_name(
	const struct reader *reader, const struct yaml_node_s *node, unsigned *ret_tenant, struct err *err)
{
	const struct scenario *scenario = reader->scenario;
	const char *names[SCENARIO_MAX_TENANTS];
	const char *text;

	if (doc_word(reader->doc, node, "a tenant's name", &text, err) < 0)
		return -1;
	int tenant = scenario_tenant(scenario, text);
	if (tenant >= 0) {
		*ret_tenant = (unsigned)tenant;
		return 0;
	}
	for (size_t i = 0; i < scenario->tenant_count; i++)
		names[i] = scenario->tenants[i].name;
	const char *nearest = doc_nearest(text, names, scenario->tenant_count);
	AUTO(free_ptr) char *quoted = doc_quote(text);
	AUTO(free_ptr) char *list = doc_join(names, scenario->tenant_count);
	if (nearest)
		return doc_error(reader->doc, doc_mark(node), err,
			"there is no tenant '%s'; did you mean '%s'?", quoted, nearest);
	return doc_error(reader->doc, doc_mark(node), err, "there is no tenant '%s'; the tenants are %s",
		quoted, list);
}
