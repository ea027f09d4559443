/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Inside src/scenario only: what the readers of the sections share.
 */
#ifndef LIMITLAB_SCENARIO_READER_H
#define LIMITLAB_SCENARIO_READER_H

#include "scenario/scenario.h"
#include "scenario/doc.h"

#define TIMELINE_MAX_NS UINT64_C(86400000000000) /* a day */

/* The context of every doc_read function of this module. */
struct reader {
	const struct doc *doc;
	const struct scenario_options *options;
	struct scenario *scenario;
	struct mark disk_mark;  /* of the scarce disk's size */
	struct mark cache_mark; /* of the file that fills the page cache */
};

/* Sections of the root mapping, in the order in which they need each other. */
int read_tenants(void *context, const struct doc_key *key, const struct yaml_node_s *node, void *object,
	struct err *err);
int read_timeline(void *context, const struct doc_key *key, const struct yaml_node_s *node, void *object,
	struct err *err);
int read_expect(void *context, const struct doc_key *key, const struct yaml_node_s *node, void *object,
	struct err *err);
int read_scarce(void *context, const struct doc_key *key, const struct yaml_node_s *node, void *object,
	struct err *err);

/* Whether it is this resource that the scenario makes scarce. */
bool is_scarce(const struct scenario *scenario, enum resource resource);
/* "scarce: {link: {rate: 300Mbit/s}}", for messages. */
const char *scarce_example(enum resource resource);
/* Checks that need several sections. */
int check_disk(const struct reader *reader, struct err *err);
/* Limits that must be said from the beginning. */
int check_initial(const struct reader *reader, struct err *err);
/*
 * net.rate is at most net.ceil at every moment; orders the settings of every event so that this holds between two of
 * them, too, where one order suits all its tenants (the applier sets one after the other, and refuses a rate above the
 * ceil).
 */
int check_net_rates(const struct reader *reader, struct err *err);
/* The sorted timeline: what starts is stopped, nothing happens twice at once, scarcity begins before it ends. */
int check_timeline(const struct reader *reader, struct mark mark, struct err *err);

/* Refuses a limit whose resource the scenario does not have. */
int check_resource(
	const struct reader *reader, const struct limit_spec *spec, struct mark mark, struct err *err);

/* Parts of several sections. */
int read_when(
	const struct reader *reader, const struct yaml_node_s *node, struct when *ret_when, struct err *err);
int read_cpus(
	const struct reader *reader, const struct yaml_node_s *node, cpu_set_t *ret_cpus, struct err *err);
/* Adds one limit with its value; refuses a value that cgroup v2 cannot hold unless the scenario is for v1 only. */
int read_setting(const struct reader *reader, enum limit_id limit, const struct yaml_node_s *node,
	struct limit_setting **settings, size_t *count, struct err *err);
/* "reliable", "raw", ... */
int read_net_apply(const struct reader *reader, const struct yaml_node_s *node, enum net_apply *ret_apply,
	struct err *err);
/* The kernel counts bytes: a rate in bits must be a multiple of 8. */
int check_whole_bytes(const struct reader *reader, struct mark mark, const char *what, uint64_t bits_per_s,
	struct err *err);
/* One tenant's name -> its index; unknown names are errors with a suggestion. */
int read_tenant_name(
	const struct reader *reader, const struct yaml_node_s *node, unsigned *ret_tenant, struct err *err);

/* Finds tenant->workload, or fails saying where it was looked for. */
int workload_resolve(
	const struct reader *reader, struct tenant_spec *tenant, struct mark mark, struct err *err);

/* Every tenant as a bit. */
uint32_t all_tenants(const struct scenario *scenario);
/* Every tenant that has a workload. */
uint32_t loaded_tenants(const struct scenario *scenario);

#endif
