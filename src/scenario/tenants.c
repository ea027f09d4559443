/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/cpulist.h"
#include "scenario/reader.h"
#include "scenario/text.h"

#define EXAMPLE        "{name: red, workload: cpu-matrix}"
#define VCPUS_MAX      64
#define MEMORY_DEFAULT (UINT64_C(192) << 20)
#define MEMORY_MIN     (UINT64_C(64) << 20)
#define MEMORY_MAX     (UINT64_C(64) << 30)
#define NAME_BYTES     32
/* "ll-" and this are what fits IFNAMSIZ (16, with the NUL). */
#define INTERFACE_BYTES 12
/* cgroup v2 takes cpu.weight from 1 to 10000, and libvirt writes the shares there as they are. */
#define V2_WEIGHT_MAX          10000
#define DEMAND_MAX_BYTES_PER_S (UINT64_C(1) << 40)

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
	enum resource resource = limit_resource(spec);

	/* A limit of CPU or memory can be set on any VM; one of a link or a scarce disk needs that. */
	if (resource == RESOURCE_CPU || resource == RESOURCE_MEMORY || is_scarce(reader->scenario, resource))
		return 0;
	return doc_error(reader->doc, mark, err,
		"%s needs a %s, and this scenario has none; declare it as in %s", spec->name,
		resource == RESOURCE_NET ? "shared link" : "scarce disk", scarce_example(resource));
}

int check_whole_bytes(
	const struct reader *reader, struct mark mark, const char *what, uint64_t bits_per_s, struct err *err)
{
	if (bits_per_s % 8 == 0)
		return 0;
	AUTO(free_ptr) char *near = units_format(bits_per_s / 8 * 8, QUANTITY_BITS_PER_S);
	return doc_error(reader->doc, mark, err,
		"%s of %" PRIu64 " bit/s is no whole number of bytes, which the kernel counts; take %s", what,
		bits_per_s, near);
}

int read_setting(const struct reader *reader, enum limit_id limit, const struct yaml_node_s *node,
	struct limit_setting **settings, size_t *count, struct err *err)
{
	const struct limit_spec *spec = limit_spec(limit);
	const char *cgroup = reader->scenario->when.cgroup;
	const char *text;
	uint64_t value;

	if (check_resource(reader, spec, doc_mark(node), err) < 0 ||
		doc_word(reader->doc, node, spec->name, &text, err) < 0)
		return -1;
	if (limit_parse_value(spec, text, &value, err) < 0)
		return doc_error_wrap(reader->doc, doc_mark(node), err);
	if (spec->quantity == QUANTITY_BITS_PER_S &&
		check_whole_bytes(reader, doc_mark(node), spec->name, value, err) < 0)
		return -1;
	if (limit == LIMIT_CPU_SHARES && value > V2_WEIGHT_MAX && (!cgroup || strcmp(cgroup, "v1") != 0))
		return doc_error(reader->doc, doc_mark(node), err,
			"cpu.shares %s does not fit cgroup v2, where it becomes a weight of at most %d; take less, or add "
			"when: {cgroup: v1}",
			text, V2_WEIGHT_MAX);
	if (limit == LIMIT_MEMORY_PROTECT && (!cgroup || strcmp(cgroup, "v2") != 0))
		return doc_error(reader->doc, doc_mark(node), err,
			"memory.protect is memory.low, which only cgroup v2 has; take memory.soft, or add when: {cgroup: v2}");
	/* At most LIMIT_COUNT: every key stands once in a mapping. */
	if (!*settings)
		*settings = xcalloc(LIMIT_COUNT, sizeof(**settings));
	(*settings)[(*count)++] =
		(struct limit_setting){.limit = limit, .value = value, .mark = doc_mark(node)};
	return 0;
}

/* With a link, the name becomes that of the VM's interface, beside those that the link has of its own (fixture/link.h). */
static int check_interface(
	const struct reader *reader, const struct yaml_node_s *node, const char *name, struct err *err)
{
	static const char *const taken[] = {"bridge", "uplink", "far"};
	size_t length = strlen(name);

	if (length > INTERFACE_BYTES)
		return doc_error(reader->doc, doc_mark(node), err,
			"'%s' is too long for a tenant with a network: its interface is called ll-NAME, which may have 15 "
			"characters; take a name of at most %d, as in red",
			name, INTERFACE_BYTES);
	/* The kernel takes more, but not all of it, and tools that print tables of interfaces expect no more. */
	if (strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") != length)
		return doc_error(reader->doc, doc_mark(node), err,
			"'%s' cannot be a part of an interface's name, which a tenant with a network has; use letters, "
			"digits, '-', '_' and '.', as in red",
			name);
	for (size_t i = 0; i < ARRAY_SIZE(taken); i++) {
		if (strcmp(name, taken[i]) == 0)
			return doc_error(reader->doc, doc_mark(node), err,
				"the link has an interface ll-%s of its own; name the tenant otherwise, as in red",
				name);
	}
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
	if (reader->scenario->link.declared && check_interface(reader, node, text, err) < 0)
		return -1;
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
	if (workload_resolve(reader, tenant, doc_mark(node), err) < 0)
		return -1;
	if ((tenant->loads == RESOURCE_NET || tenant->loads == RESOURCE_DISK) &&
		!is_scarce(reader->scenario, tenant->loads))
		return doc_error(reader->doc, doc_mark(node), err,
			"'%.80s' needs a %s, and this scenario has none; declare it as in %s", text,
			tenant->loads == RESOURCE_NET ? "link to send through" : "disk to read and write",
			scarce_example(tenant->loads));
	tenant->demand = tenant->loads == RESOURCE_CPU || tenant->loads == RESOURCE_MEMORY
				 ? (double)tenant->vcpus
				 : (double)INFINITY;
	return 0;
}

/* "50%": of one CPU; "1.5": CPUs. */
static int read_cpu_demand(const struct reader *reader, const struct yaml_node_s *node,
	struct tenant_spec *tenant, struct err *err)
{
	const char *text;

	if (doc_word(reader->doc, node, "a demand", &text, err) < 0)
		return -1;
	if (text_decimal(text, &tenant->demand) < 0)
		return doc_error(reader->doc, doc_mark(node), err,
			"'%.40s' is no demand; write the number of CPUs it wants, as in 1.5, or a part of one, as in 50%%",
			text);
	if (tenant->demand <= 0 || tenant->demand > tenant->vcpus)
		return doc_error(reader->doc, doc_mark(node), err,
			"a demand of %g CPUs does not fit %u vcpus; it must be above 0 and at most that",
			tenant->demand, tenant->vcpus);
	return 0;
}

static int read_demand(void *context, const struct doc_key *key, const struct yaml_node_s *node, void *object,
	struct err *err)
{
	struct reader *reader = context;
	struct tenant_spec *tenant = object;
	uint64_t value = 0;

	(void)key;
	if (!tenant->workload)
		return doc_error(reader->doc, doc_mark(node), err,
			"a demand without a workload; add one, as in workload: cpu-matrix, or leave out demand");
	switch (tenant->loads) {
	case RESOURCE_NET:
		if (doc_quantity(reader->doc, node, QUANTITY_BITS_PER_S, 1, limit_spec(LIMIT_NET_CEIL)->max,
			    "a demand", &value, err) < 0)
			return -1;
		break;
	case RESOURCE_DISK:
		if (doc_quantity(reader->doc, node, QUANTITY_BYTES_PER_S, 1, DEMAND_MAX_BYTES_PER_S,
			    "a demand", &value, err) < 0)
			return -1;
		break;
	case RESOURCE_MEMORY:
		return doc_error(reader->doc, doc_mark(node), err,
			"a workload of memory has no rate that it demands; leave out demand, its job file says how much it "
			"takes");
	default:
		return read_cpu_demand(reader, node, tenant, err);
	}
	tenant->demand = (double)value;
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
	}
	return check_disk(reader, err);
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
