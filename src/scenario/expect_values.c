/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Keys that are numbers: what is expected, and how closely. */
#include "scenario/expect.h"

#include <string.h>

#include "base/auto.h"
#include "scenario/text.h"

#define PPM 1000000

/* The model counts what the kernel divides: CPU time, link layer, bytes. */
static bool has_model(const struct expect_spec *expect)
{
	if (expect->resource == RESOURCE_MEMORY || expect->measure == MEASURE_DISK_P99)
		return false;
	if (expect->kind == EXPECT_RATIO ||
		(expect->kind == EXPECT_SHARE && expect->measure == MEASURE_DISK_IOPS))
		return true;
	return measures_capacity(expect->measure) && expect->measure != MEASURE_NET_PAYLOAD;
}

static int read_fraction(const struct reader *reader, const struct yaml_node_s *node, uint64_t min_ppm,
	const char *what, double *ret_value, struct err *err)
{
	uint64_t ppm;

	if (doc_quantity(reader->doc, node, QUANTITY_PARTS_PER_MILLION, min_ppm, PPM, what, &ppm, err) < 0)
		return -1;
	*ret_value = (double)ppm / PPM;
	return 0;
}

/* "1.5": a ratio, CPUs, requests per second. */
static int read_number(const struct reader *reader, const struct yaml_node_s *node, const char *what,
	double *ret_value, struct err *err)
{
	const char *text;

	if (doc_word(reader->doc, node, what, &text, err) < 0)
		return -1;
	if (!strchr(text, '%') && text_decimal(text, ret_value) == 0)
		return 0;
	return doc_error(
		reader->doc, doc_mark(node), err, "'%.40s' is not %s; write a number, as in 2.5", text, what);
}

/* A value in the measure's unit, written in its quantity. */
static int read_level(const struct reader *reader, const struct yaml_node_s *node,
	const struct expect_spec *expect, const char *what, double *ret_value, struct err *err)
{
	const struct measure_spec *spec = measure_spec(expect->measure);
	uint64_t value, most = UINT64_C(1) << 50;

	if (expect->kind == EXPECT_RATIO || spec->quantity == QUANTITY_COUNT)
		return read_number(reader, node, what, ret_value, err);
	if (spec->quantity == QUANTITY_BITS_PER_S)
		most = limit_spec(LIMIT_NET_CEIL)->max;
	else if (spec->quantity == QUANTITY_DURATION_NS)
		most = TIMELINE_MAX_NS;
	if (doc_quantity(reader->doc, node, spec->quantity, 0, most, what, &value, err) < 0)
		return -1;
	*ret_value = (double)value * spec->per_unit;
	return 0;
}

static int no_model(const struct reader *reader, const struct yaml_node_s *node,
	const struct expect_spec *expect, struct err *err)
{
	const struct measure_spec *spec = measure_spec(expect->measure);

	if (expect->measure == MEASURE_NET_PAYLOAD)
		return doc_error(reader->doc, doc_mark(node), err,
			"the model counts bytes of the link layer, and payload is less; write a value, or leave out "
			"measure: payload");
	const char *example = expect->kind == EXPECT_RATIO ? "2.5" : units_example(spec->quantity);
	if (expect->kind != EXPECT_RATIO && expect->measure == MEASURE_DISK_P99)
		example = "20ms";
	return doc_error(reader->doc, doc_mark(node), err,
		"there is no model of %s; write a value, as in is: %s", spec->summary, example);
}

int read_expect_is(void *context, const struct doc_key *key, const struct yaml_node_s *node, void *object,
	struct err *err)
{
	struct reader *reader = context;
	struct expect_entry *entry = object;
	struct expect_spec *expect = &entry->expect;
	const char *text;

	if (take_key(reader, key, node, entry, err) < 0 ||
		doc_word(reader->doc, node, "model, or a value", &text, err) < 0)
		return -1;
	expect->is_model = strcmp(text, "model") == 0;
	if (expect->is_model)
		return has_model(expect) ? 0 : no_model(reader, node, expect, err);
	if (text[0] < '0' || text[0] > '9')
		return doc_error(reader->doc, doc_mark(node), err, "'%.40s' is no %s; write is: model, or %s",
			text, expect_kind_name(expect->kind),
			expect->kind == EXPECT_SHARE   ? "a percentage, as in is: 66.7%"
			: expect->kind == EXPECT_RATIO ? "a number, as in is: 5"
						       : "a value with its unit");
	if (expect->kind == EXPECT_SHARE)
		return read_fraction(reader, node, 0, "a share", &expect->value, err);
	return read_level(reader, node, expect, expect->kind == EXPECT_RATIO ? "a ratio" : "a level",
		&expect->value, err);
}

int read_expect_bound(void *context, const struct doc_key *key, const struct yaml_node_s *node, void *object,
	struct err *err)
{
	struct reader *reader = context;
	struct expect_entry *entry = object;
	struct expect_spec *expect = &entry->expect;
	double value;

	if (take_key(reader, key, node, entry, err) < 0 ||
		read_level(reader, node, expect, "a bound", &value, err) < 0)
		return -1;
	if (key->id == KEY_AT_LEAST && value <= 0)
		return doc_error(reader->doc, doc_mark(node), err,
			"it is always at least 0; write a higher bound, or leave out at least");
	*(key->id == KEY_AT_LEAST ? &expect->at_least : &expect->at_most) = value;
	return 0;
}

int read_expect_to(void *context, const struct doc_key *key, const struct yaml_node_s *node, void *object,
	struct err *err)
{
	struct reader *reader = context;
	struct expect_entry *entry = object;

	if (take_key(reader, key, node, entry, err) < 0)
		return -1;
	if (entry->expect.resource != RESOURCE_MEMORY)
		return doc_error(reader->doc, doc_mark(node), err,
			"%s settles at what the model says; leave out to",
			resource_name(entry->expect.resource));
	return read_level(reader, node, &entry->expect, "a level", &entry->expect.value, err);
}

/* A tolerance: a part of what is expected, or a distance from it. */
static int read_tolerance(const struct reader *reader, const struct yaml_node_s *node,
	struct expect_spec *expect, const char *what, struct err *err)
{
	const char *text;

	if (doc_word(reader->doc, node, what, &text, err) < 0)
		return -1;
	expect->within_absolute = strchr(text, '%') == NULL;
	if (!expect->within_absolute)
		return read_fraction(reader, node, 1, what, &expect->within, err);
	if (read_level(reader, node, expect, what, &expect->within, err) < 0)
		return -1;
	if (expect->within <= 0)
		return doc_error(reader->doc, doc_mark(node), err,
			"%s of 0: nothing that is measured is ever exact; write more, as in 5%%", what);
	return 0;
}

/* What is derived knows how the kernel divides, not how exactly tools report or fixtures keep their rates. */
static int check_within_model(const struct reader *reader, const struct yaml_node_s *node,
	const struct expect_spec *expect, struct err *err)
{
	const struct measure_spec *spec = measure_spec(expect->measure);
	bool is_memory = expect->resource == RESOURCE_MEMORY;

	if (expect->kind == EXPECT_CONSERVES)
		return doc_error(reader->doc, doc_mark(node), err,
			"'conserves' judges the fixture, and no model says how exactly that keeps its rate; write a percentage, "
			"as in 3%%");
	if (expect->kind == EXPECT_SETTLES && is_memory)
		return doc_error(reader->doc, doc_mark(node), err,
			"no model says how fast memory is reclaimed; write a time, as in within: 5s");
	if (!is_memory && (!measures_capacity(expect->measure) || expect->measure == MEASURE_NET_PAYLOAD))
		return doc_error(reader->doc, doc_mark(node), err,
			"how exactly %s can be told is not known; write a percentage, as in 5%%",
			spec->summary);
	if (expect->resource == RESOURCE_DISK && reader->scenario->disk.device)
		return doc_error(reader->doc, doc_mark(node), err,
			"the rate of a real disk is not known, so nothing can be derived from it; write a percentage, as in 5%%");
	return 0;
}

int read_expect_within(void *context, const struct doc_key *key, const struct yaml_node_s *node, void *object,
	struct err *err)
{
	struct reader *reader = context;
	struct expect_entry *entry = object;
	struct expect_spec *expect = &entry->expect;

	const char *text;

	if (take_key(reader, key, node, entry, err) < 0 ||
		doc_word(reader->doc, node, "a tolerance, or model", &text, err) < 0)
		return -1;
	expect->within_model = strcmp(text, "model") == 0;
	if (expect->within_model)
		return check_within_model(reader, node, expect, err);
	if (expect->kind == EXPECT_SETTLES)
		return doc_quantity(reader->doc, node, QUANTITY_DURATION_NS, 1, TIMELINE_MAX_NS,
			"the longest settling time", &expect->within_ns, err);
	if (expect->kind == EXPECT_SHARE)
		return read_fraction(reader, node, 1, "a tolerance", &expect->within, err);
	return read_tolerance(reader, node, expect, "a tolerance", err);
}

int read_expect_band(void *context, const struct doc_key *key, const struct yaml_node_s *node, void *object,
	struct err *err)
{
	struct reader *reader = context;
	struct expect_entry *entry = object;
	struct expect_spec *expect = &entry->expect;

	if (take_key(reader, key, node, entry, err) < 0)
		return -1;
	if (expect->resource == RESOURCE_MEMORY)
		return read_tolerance(reader, node, expect, "a band", err);
	return read_fraction(reader, node, 1, "a band", &expect->within, err);
}

int read_expect_below(void *context, const struct doc_key *key, const struct yaml_node_s *node, void *object,
	struct err *err)
{
	struct reader *reader = context;
	struct expect_entry *entry = object;

	if (take_key(reader, key, node, entry, err) < 0)
		return -1;
	return read_fraction(reader, node, 1, "a part of the capacity", &entry->expect.below, err);
}

int read_expect_duration(void *context, const struct doc_key *key, const struct yaml_node_s *node,
	void *object, struct err *err)
{
	struct reader *reader = context;
	struct expect_entry *entry = object;
	uint64_t *value = key->id == KEY_BEFORE  ? &entry->before_ns
			  : key->id == KEY_EVERY ? &entry->expect.every_ns
						 : &entry->expect.longest_ns;

	if (take_key(reader, key, node, entry, err) < 0)
		return -1;
	return doc_quantity(
		reader->doc, node, QUANTITY_DURATION_NS, 1, TIMELINE_MAX_NS, key->name, value, err);
}
