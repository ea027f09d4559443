/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is made scarce: the section `scarce` and its four resources. */
#include <string.h>

#include "base/auto.h"
#include "base/buf.h"
#include "scenario/reader.h"

#define EXAMPLE_CPU    "cpu: {cpus: [0]}"
#define EXAMPLE_LINK   "link: {rate: 300Mbit/s}"
#define EXAMPLE_MEMORY "memory: {free: 600MiB, swap: 2GiB}"
#define EXAMPLE_DISK   "disk: {size: 1GiB, rate: 50MiB/s}"

#define BITS      8
#define MIB       (UINT64_C(1) << 20)
#define GIB       (UINT64_C(1) << 30)
#define FREE_MIN  (256 * MIB) /* the fixture's floor (fixture/memory.h) */
#define FREE_MAX  (1024 * 1024 * GIB)
#define SWAP_MAX  (16 * 1024 * GIB)
#define CACHE_MAX (16 * 1024 * GIB)
/* The smallest part that a tenant can do something with, and the table of partitions. */
#define DISK_MIN         (64 * MIB)
#define DISK_MAX         (16 * 1024 * GIB)
#define DISK_PART_MIN    (16 * MIB)
#define DISK_RATE_MIN    (64 * UINT64_C(1024))
#define DISK_RATE_MAX    (100 * GIB)
#define DISK_LATENCY_MAX UINT64_C(10000000000)

bool scenario_is_on_scarce(const struct scenario *scenario, size_t tenant)
{
	cpu_set_t both;

	CPU_AND(&both, &scenario->tenants[tenant].cpus, &scenario->scarce_cpus);
	return scenario->has_scarce_cpu && CPU_COUNT(&both);
}

enum resource scenario_scarce(const struct scenario *scenario)
{
	if (scenario->has_scarce_cpu)
		return RESOURCE_CPU;
	if (scenario->link.declared)
		return RESOURCE_NET;
	if (scenario->memory.declared)
		return RESOURCE_MEMORY;
	return scenario->disk.declared ? RESOURCE_DISK : RESOURCE_COUNT;
}

bool is_scarce(const struct scenario *scenario, enum resource resource)
{
	return scenario_scarce(scenario) == resource;
}

const char *scarce_example(enum resource resource)
{
	static const char *const examples[RESOURCE_COUNT] = {
		[RESOURCE_CPU] = "scarce: {" EXAMPLE_CPU "}",
		[RESOURCE_NET] = "scarce: {" EXAMPLE_LINK "}",
		[RESOURCE_MEMORY] = "scarce: {" EXAMPLE_MEMORY "}",
		[RESOURCE_DISK] = "scarce: {" EXAMPLE_DISK "}",
	};

	return examples[resource];
}

static int read_scarce_cpus(void *context, const struct doc_key *key, const struct yaml_node_s *node,
	void *object, struct err *err)
{
	struct scenario *scenario = object;

	(void)key;
	return read_cpus(context, node, &scenario->scarce_cpus, err);
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

static int read_link_rate(void *context, const struct doc_key *key, const struct yaml_node_s *node,
	void *object, struct err *err)
{
	/* As the fixture's (link.h): the range of one class. */
	const struct limit_spec *spec = limit_spec(LIMIT_NET_CEIL);
	struct reader *reader = context;
	struct scenario *scenario = object;

	(void)key;
	if (doc_quantity(reader->doc, node, QUANTITY_BITS_PER_S, spec->min, spec->max, "the rate of a link",
		    &scenario->link.rate_bits_per_s, err) < 0)
		return -1;
	return check_whole_bytes(
		reader, doc_mark(node), "the rate of a link", scenario->link.rate_bits_per_s, err);
}

int read_net_apply(const struct reader *reader, const struct yaml_node_s *node, enum net_apply *ret_apply,
	struct err *err)
{
	const char *names[NET_APPLY_COUNT];
	size_t index;

	for (int i = 0; i < NET_APPLY_COUNT; i++)
		names[i] = net_apply_name((enum net_apply)i);
	if (doc_choice(reader->doc, node, "a way to change a priority", names, NET_APPLY_COUNT, &index, err) <
		0)
		return -1;
	*ret_apply = (enum net_apply)index;
	return 0;
}

static int read_link_apply(void *context, const struct doc_key *key, const struct yaml_node_s *node,
	void *object, struct err *err)
{
	struct scenario *scenario = object;

	(void)key;
	return read_net_apply(context, node, &scenario->link.apply, err);
}

static int read_free(void *context, const struct doc_key *key, const struct yaml_node_s *node, void *object,
	struct err *err)
{
	struct reader *reader = context;
	struct scenario *scenario = object;

	(void)key;
	return doc_quantity(reader->doc, node, QUANTITY_BYTES, FREE_MIN, FREE_MAX,
		"the memory that is left free", &scenario->memory.free_bytes, err);
}

static int read_swap(void *context, const struct doc_key *key, const struct yaml_node_s *node, void *object,
	struct err *err)
{
	struct reader *reader = context;
	struct scenario *scenario = object;
	uint64_t bytes;

	(void)key;
	if (doc_quantity(reader->doc, node, QUANTITY_BYTES, 0, SWAP_MAX, "swap", &bytes, err) < 0)
		return -1;
	if (bytes > 0 && bytes < MIB)
		return doc_error(reader->doc, doc_mark(node), err,
			"a swap file of less than 1MiB is of no use; take more, or 0B for none");
	scenario->memory.swap_bytes = bytes;
	return 0;
}

static int read_cache(void *context, const struct doc_key *key, const struct yaml_node_s *node, void *object,
	struct err *err)
{
	struct reader *reader = context;
	struct scenario *scenario = object;

	(void)key;
	reader->cache_mark = doc_mark(node);
	return doc_quantity(reader->doc, node, QUANTITY_BYTES, MIB, CACHE_MAX,
		"the file that fills the page cache", &scenario->memory.cache_bytes, err);
}

static int read_thp(void *context, const struct doc_key *key, const struct yaml_node_s *node, void *object,
	struct err *err)
{
	struct reader *reader = context;
	struct scenario *scenario = object;
	bool thp;

	(void)key;
	if (doc_bool(reader->doc, node, "a value of 'thp'", &thp, err) < 0)
		return -1;
	scenario->memory.no_thp = !thp;
	return 0;
}

static int read_size(void *context, const struct doc_key *key, const struct yaml_node_s *node, void *object,
	struct err *err)
{
	struct reader *reader = context;
	struct scenario *scenario = object;

	(void)key;
	reader->disk_mark = doc_mark(node);
	return doc_quantity(reader->doc, node, QUANTITY_BYTES, DISK_MIN, DISK_MAX, "the size of a disk",
		&scenario->disk.size_bytes, err);
}

static int read_disk_rate(void *context, const struct doc_key *key, const struct yaml_node_s *node,
	void *object, struct err *err)
{
	struct reader *reader = context;
	struct scenario *scenario = object;

	(void)key;
	return doc_quantity(reader->doc, node, QUANTITY_BYTES_PER_S, DISK_RATE_MIN, DISK_RATE_MAX,
		"the rate of a disk", &scenario->disk.rate_bytes_per_s, err);
}

static int read_latency(void *context, const struct doc_key *key, const struct yaml_node_s *node,
	void *object, struct err *err)
{
	struct reader *reader = context;
	struct scenario *scenario = object;

	(void)key;
	return doc_quantity(reader->doc, node, QUANTITY_DURATION_NS, 0, DISK_LATENCY_MAX, "the added latency",
		&scenario->disk.latency_ns, err);
}

static int read_scheduler(void *context, const struct doc_key *key, const struct yaml_node_s *node,
	void *object, struct err *err)
{
	const char *names[DISK_SCHEDULER_COUNT];
	struct reader *reader = context;
	struct scenario *scenario = object;
	size_t index;

	(void)key;
	for (int i = 0; i < DISK_SCHEDULER_COUNT; i++)
		names[i] = disk_scheduler_name((enum disk_scheduler)i);
	if (doc_choice(reader->doc, node, "a scheduler", names, DISK_SCHEDULER_COUNT, &index, err) < 0)
		return -1;
	scenario->disk.scheduler = (enum disk_scheduler)index;
	return 0;
}

/* After the scheduler, of which it is a part. */
static int read_low_latency(void *context, const struct doc_key *key, const struct yaml_node_s *node,
	void *object, struct err *err)
{
	struct reader *reader = context;
	struct scenario *scenario = object;

	if (doc_bool(reader->doc, node, "a value of 'low_latency'", &scenario->disk.low_latency, err) < 0)
		return -1;
	if (scenario->disk.low_latency && scenario->disk.scheduler != DISK_SCHEDULER_BFQ)
		return doc_error(reader->doc, doc_mark(node), err,
			"'%s' is a heuristic of bfq, and the scheduler is %s; leave it out, or take scheduler: bfq",
			key->name, disk_scheduler_name(scenario->disk.scheduler));
	return 0;
}

/* Last: it excludes the keys of a made disk. */
static int read_device(void *context, const struct doc_key *key, const struct yaml_node_s *node, void *object,
	struct err *err)
{
	struct reader *reader = context;
	struct scenario *scenario = object;
	const struct scarce_disk *disk = &scenario->disk;
	const char *text;

	(void)key;
	if (doc_word(reader->doc, node, "the path of a device", &text, err) < 0)
		return -1;
	if (strncmp(text, "/dev/", 5) != 0 || !text[5] || strstr(text, "/../"))
		return doc_error(reader->doc, doc_mark(node), err,
			"'%.80s' is no path of a device; write it as in device: /dev/sdx", text);
	const char *given = disk->size_bytes ? "size" : disk->rate_bytes_per_s ? "rate" : "latency";
	if (disk->size_bytes || disk->rate_bytes_per_s || disk->latency_ns)
		return doc_error(reader->doc, doc_mark(node), err,
			"a real device has its own size and speed; leave out %s, or device", given);
	scenario->disk.device = xstrdup(text);
	return 0;
}

static int read_cpu(void *context, const struct doc_key *key, const struct yaml_node_s *node, void *object,
	struct err *err)
{
	static const struct doc_key keys[] = {
		{"cpus", true, read_scarce_cpus, 0},
		{"emulators", false, read_emulators, 0},
	};
	struct reader *reader = context;
	struct scenario *scenario = object;

	(void)key;
	scenario->has_scarce_cpu = true;
	return doc_mapping(reader->doc, node, "the scarce CPUs", EXAMPLE_CPU, keys, ARRAY_SIZE(keys), reader,
		object, err);
}

static int read_link(void *context, const struct doc_key *key, const struct yaml_node_s *node, void *object,
	struct err *err)
{
	static const struct doc_key keys[] = {
		{"rate", true, read_link_rate, 0},
		{"apply", false, read_link_apply, 0},
	};
	struct reader *reader = context;
	struct scenario *scenario = object;

	(void)key;
	scenario->link.declared = true;
	return doc_mapping(reader->doc, node, "the scarce link", EXAMPLE_LINK, keys, ARRAY_SIZE(keys), reader,
		object, err);
}

static int read_memory(void *context, const struct doc_key *key, const struct yaml_node_s *node, void *object,
	struct err *err)
{
	static const struct doc_key keys[] = {
		{"free", false, read_free, 0},
		{"swap", false, read_swap, 0},
		{"cache", false, read_cache, 0},
		{"thp", false, read_thp, 0},
	};
	struct reader *reader = context;
	struct scenario *scenario = object;
	const struct scarce_memory *memory = &scenario->memory;

	(void)key;
	scenario->memory.declared = true;
	if (doc_mapping(reader->doc, node, "the scarce memory", EXAMPLE_MEMORY, keys, ARRAY_SIZE(keys),
		    reader, object, err) < 0)
		return -1;
	scenario->memory.from_start = memory->free_bytes > 0; /* unless an event begins it */
	/* One that fits into what is left free stays there: nothing has to go for it. */
	if (memory->cache_bytes && memory->cache_bytes <= memory->free_bytes)
		return doc_error(reader->doc, reader->cache_mark, err,
			"the file that is read fits into the memory that is left free, and presses nobody; take a larger "
			"'cache' than 'free'");
	if (memory->cache_bytes && !memory->free_bytes)
		return doc_error(reader->doc, reader->cache_mark, err,
			"'cache' presses on the memory that is left free, and 'free' does not say how much; write it as "
			"in memory: {free: 600MiB, cache: 1GiB}");
	if (memory->free_bytes || memory->swap_bytes)
		return 0;
	return doc_error(reader->doc, doc_mark(node), err,
		"'free' is missing in the scarce memory, or 'swap', which alone takes no memory from the host; write it as "
		"in " EXAMPLE_MEMORY);
}

static int read_disk(void *context, const struct doc_key *key, const struct yaml_node_s *node, void *object,
	struct err *err)
{
	static const struct doc_key keys[] = {
		{"size", false, read_size, 0},
		{"rate", false, read_disk_rate, 0},
		{"latency", false, read_latency, 0},
		{"scheduler", false, read_scheduler, 0},
		{"low_latency", false, read_low_latency, 0},
		{"device", false, read_device, 0},
	};
	struct reader *reader = context;
	struct scenario *scenario = object;
	struct scarce_disk *disk = &scenario->disk;

	(void)key;
	disk->declared = true;
	if (doc_mapping(reader->doc, node, "the scarce disk", EXAMPLE_DISK, keys, ARRAY_SIZE(keys), reader,
		    object, err) < 0)
		return -1;
	if (!disk->device && (!disk->size_bytes || !disk->rate_bytes_per_s))
		return doc_error(reader->doc, doc_mark(node), err,
			"'%s' is missing in the scarce disk; write it as in " EXAMPLE_DISK,
			disk->size_bytes ? "rate" : "size");
	return 0;
}

static int read_resource(void *context, const struct doc_key *key, const struct yaml_node_s *node,
	void *object, struct err *err)
{
	static doc_read *const readers[RESOURCE_COUNT] = {
		[RESOURCE_CPU] = read_cpu,
		[RESOURCE_NET] = read_link,
		[RESOURCE_MEMORY] = read_memory,
		[RESOURCE_DISK] = read_disk,
	};
	struct reader *reader = context;
	enum resource other = scenario_scarce(reader->scenario);

	if (other < RESOURCE_COUNT)
		return doc_error(reader->doc, doc_mark(node), err,
			"'%s' beside '%s'; a scenario makes one resource scarce, so that what is seen has one cause: write "
			"two scenarios",
			key->name, other == RESOURCE_NET ? "link" : resource_name(other));
	return readers[key->id](context, key, node, object, err);
}

int read_scarce(void *context, const struct doc_key *key, const struct yaml_node_s *node, void *object,
	struct err *err)
{
	static const struct doc_key keys[] = {
		{"cpu", false, read_resource, RESOURCE_CPU},
		{"link", false, read_resource, RESOURCE_NET},
		{"memory", false, read_resource, RESOURCE_MEMORY},
		{"disk", false, read_resource, RESOURCE_DISK},
	};
	struct reader *reader = context;

	(void)key;
	return doc_mapping(reader->doc, node, "scarce", "scarce: {" EXAMPLE_CPU "}", keys, ARRAY_SIZE(keys),
		reader, object, err);
}

/* Needs the tenants: each gets a part. */
int check_disk(const struct reader *reader, struct err *err)
{
	const struct scenario *scenario = reader->scenario;
	uint64_t least = DISK_PART_MIN * scenario->tenant_count;

	if (!scenario->disk.declared || scenario->disk.device || scenario->disk.size_bytes >= least)
		return 0;
	AUTO(free_ptr) char *size = units_format(scenario->disk.size_bytes, QUANTITY_BYTES);
	AUTO(free_ptr) char *needed = units_format(least, QUANTITY_BYTES);
	return doc_error(reader->doc, reader->disk_mark, err,
		"a disk of %s is too small for %zu tenants, each gets an equal part; take size: %s or more",
		size, scenario->tenant_count, needed);
}
