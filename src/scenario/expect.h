/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Inside src/scenario only: expectations while they are read.  expect.c has the table of kinds and the loop,
 * expect_keys.c and expect_values.c the readers of single keys, expect_finish.c what needs all keys of one: defaults and contradictions.
 */
#ifndef LIMITLAB_SCENARIO_EXPECT_H
#define LIMITLAB_SCENARIO_EXPECT_H

#include "scenario/reader.h"

#define EXAMPLE_SHARE "{share: cpu, tenant: red, window: [2s, 20s], is: model, within: 2%}"

/* Beside the kind itself, which is a key too: "share: cpu". */
enum expect_key {
	KEY_MEASURE,
	KEY_TENANT,
	KEY_TENANTS,
	KEY_WINDOW,
	KEY_AFTER,
	KEY_BEFORE,
	KEY_IS,
	KEY_AT_LEAST,
	KEY_AT_MOST,
	KEY_TO,
	KEY_WITHIN,
	KEY_BAND,
	KEY_BELOW,
	KEY_FOR,
	KEY_LONGEST,
	KEY_EVERY,
	KEY_CONTROL,
	KEY_NEEDS,
	KEY_NAME,
	KEY_WHEN,
	KEY_COUNT
};
#define KEY_BIT(key) (UINT32_C(1) << (key))

struct expect_entry {
	struct expect_spec expect;
	bool has_kind;
	uint32_t given;      /* KEY_BIT() of every key that was there */
	uint64_t before_ns;  /* KEY_BEFORE: how long before the event */
	bool hard_only;      /* KEY_AFTER: the event changes only hard limits */
	const char *control; /* KEY_CONTROL: a name, the document's; resolved when all are read */
	struct mark control_mark;
};

struct expect_kind_spec {
	const char *example;
	uint32_t requires, takes; /* KEY_BIT()s; what is required is taken, too */
	bool of_capacity;         /* counts in parts of the fixture's capacity */
};
const struct expect_kind_spec *expect_kind_spec(enum expect_kind kind);

/*
 * "20s", or an event's name, "red gains + 2s" (moment.c).  ret_said: how it was written where it was relative to an event, the
 * caller's to free; else untouched.
 */
int read_moment(const struct reader *reader, const struct yaml_node_s *node, const char *what,
	uint64_t *ret_ns, char **ret_said, struct err *err);

/* Every reader of a key calls it first: notes that the key is there, refuses one that does not belong to the kind. */
int take_key(const struct reader *reader, const struct doc_key *key, const struct yaml_node_s *node,
	struct expect_entry *entry, struct err *err);

/* Whether the measure is one that the capacity of its resource is counted in. */
bool measures_capacity(enum measure measure);
/* Whether memory is scarce in all of this time, in none of it, or in some. */
enum scarcity { SCARCITY_NONE, SCARCITY_SOME, SCARCITY_ALL };
enum scarcity scarcity_within(const struct scenario *scenario, uint64_t from_ns, uint64_t to_ns);

/* Readers of the keys above: doc_key.id is the kind, or the enum expect_key. */
doc_read read_expect_kind, read_expect_measure, read_expect_tenant, read_expect_tenants, read_expect_window,
	read_expect_after, read_expect_duration, read_expect_is, read_expect_bound, read_expect_to,
	read_expect_within, read_expect_band, read_expect_below, read_expect_control, read_expect_needs,
	read_expect_name, read_expect_when;

/*
 * "settles: cpu, within: model": fills within_ns and derivation.  Two samples, since one may just have been taken when it settles, and
 * what the kernel may take: cpu, the rest of the period of a quota and a turn of all vCPUs at a tick each; disk, a slice of a throttle
 * and a round of budgets; net, a full queue that drains at the link's rate.
 */
void settling_derive(const struct scenario *scenario, struct expect_spec *expect);

/* Contradictions, defaults and the name; all keys of this expectation are read. */
int finish_expect(const struct reader *reader, struct expect_entry *entry, struct err *err);

#endif
