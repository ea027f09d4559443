/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "scenario/plan_parts.h"

#include <math.h>

#include "base/auto.h"
#include "base/units.h"

/* A value of the measure as users write it. */
static void add_value(struct buf *out, const struct expect_spec *expect, double value)
{
	const struct measure_spec *spec = measure_spec(expect->measure);
	bool is_count = spec->quantity == QUANTITY_COUNT;

	if (expect->kind == EXPECT_RATIO || is_count) {
		buf_addf(out, "%.10g%s", value,
			expect->kind == EXPECT_RATIO           ? ""
			: expect->measure == MEASURE_DISK_IOPS ? "/s"
							       : " CPU");
		return;
	}
	AUTO(free_ptr)
	char *text = units_format_decimal((uint64_t)llround(value / spec->per_unit), spec->quantity);
	buf_adds(out, text);
}

static void add_tolerance(struct buf *out, const struct expect_spec *expect)
{
	buf_adds(out, " +- ");
	if (expect->within_model)
		buf_adds(out, "what the window resolves");
	else if (expect->within_absolute)
		add_value(out, expect, expect->within);
	else
		buf_addf(out, "%.10g %%", expect->within * 100);
}

/* "22s", or "22s (red gains + 2s)" */
static void add_moment(struct buf *out, uint64_t ns, const char *said)
{
	plan_add_seconds(out, ns);
	if (said)
		buf_addf(out, " (%s)", said);
}

static void add_window(struct buf *out, const struct expect_spec *expect)
{
	buf_adds(out, " from ");
	add_moment(out, expect->from_ns, expect->from_said);
	buf_adds(out, " to ");
	add_moment(out, expect->to_ns, expect->to_said);
}

static void add_share(struct buf *out, const struct expect_spec *expect)
{
	buf_adds(out, " is ");
	if (expect->is_model)
		buf_adds(out, "the model's share");
	else
		buf_addf(out, "%.10g %%", expect->value * 100);
	if (expect->within_model)
		add_tolerance(out, expect);
	else
		buf_addf(out, " +- %.10g points", expect->within * 100);
	add_window(out, expect);
}

static void add_settles(struct buf *out, const struct expect_spec *expect)
{
	buf_adds(out, " reaches ");
	if (expect->is_model) {
		buf_addf(out, "the model's share +- %.10g points", expect->within * 100);
	} else {
		add_value(out, expect, expect->value);
		add_tolerance(out, expect); /* never derived: of memory there is no model */
	}
	buf_adds(out, " within ");
	plan_add_seconds(out, expect->within_ns);
	if (expect->derivation)
		buf_addf(out, " (%s)", expect->derivation);
	buf_adds(out, " of ");
	add_moment(out, expect->after_ns, expect->after_said);
}

/* level and ratio */
static void add_level(struct buf *out, const struct expect_spec *expect)
{
	buf_adds(out, " is ");
	if (expect->is_model)
		buf_addf(out, "the model's %s", expect_kind_name(expect->kind));
	else if (!isnan(expect->value))
		add_value(out, expect, expect->value);
	if (!isnan(expect->at_least)) {
		buf_adds(out, "at least ");
		add_value(out, expect, expect->at_least);
	}
	if (!isnan(expect->at_most)) {
		buf_adds(out, isnan(expect->at_least) ? "at most " : " and at most ");
		add_value(out, expect, expect->at_most);
	}
	if (expect->is_model || !isnan(expect->value))
		add_tolerance(out, expect);
	add_window(out, expect);
}

static void add_starves(struct buf *out, const struct expect_spec *expect)
{
	bool never = expect->kind == EXPECT_NEVER_STARVES;

	buf_addf(out, " %s below %.10g %% of the capacity for %s", never ? "is never" : "stays",
		expect->below * 100, never ? "longer than " : "");
	plan_add_seconds(out, expect->longest_ns);
	buf_addf(out, "%s between ", never ? "" : " or longer");
	add_moment(out, expect->from_ns, expect->from_said);
	buf_adds(out, " and ");
	add_moment(out, expect->to_ns, expect->to_said);
}

static void add_conserves(struct buf *out, const struct expect_spec *expect)
{
	buf_adds(out, " adds up to the capacity");
	add_tolerance(out, expect);
	if (expect->every_ns) {
		buf_adds(out, " in every ");
		plan_add_seconds(out, expect->every_ns);
	}
	add_window(out, expect);
}

static void add_unchanged(struct buf *out, const struct scenario *scenario, const struct expect_spec *expect)
{
	add_window(out, expect);
	buf_adds(out, " is what it was from ");
	plan_add_seconds(out, expect->before_ns);
	buf_adds(out, " to ");
	add_moment(out, expect->after_ns, expect->after_said);
	add_tolerance(out, expect);
	if (expect->control >= 0)
		buf_addf(out, ", while '%s' passes", scenario->expects[expect->control].name);
}

static void add_subject(struct buf *out, const struct scenario *scenario, const struct expect_spec *expect)
{
	const struct measure_spec *measure = measure_spec(expect->measure);
	bool is_first = !expect->measure || measure_spec(expect->measure - 1)->resource != measure->resource;

	buf_addf(out, "%s%s%s of ", resource_name(expect->resource), is_first ? "" : " ",
		is_first ? "" : measure->name);
	buf_adds(out, expect->kind == EXPECT_CONSERVES ? "all" : scenario->tenants[expect->tenant].name);
	if (expect->kind == EXPECT_RATIO)
		buf_addf(out, " over %s", scenario->tenants[expect->other].name);
}

static void add_expectation(
	struct buf *out, const struct scenario *scenario, const struct expect_spec *expect)
{
	buf_addf(out, "  %s: ", expect->name);
	add_subject(out, scenario, expect);
	switch (expect->kind) {
	case EXPECT_SHARE:
		add_share(out, expect);
		break;
	case EXPECT_SETTLES:
		add_settles(out, expect);
		break;
	case EXPECT_LEVEL:
	case EXPECT_RATIO:
		add_level(out, expect);
		break;
	case EXPECT_STARVES:
	case EXPECT_NEVER_STARVES:
		add_starves(out, expect);
		break;
	case EXPECT_CONSERVES:
		add_conserves(out, expect);
		break;
	default:
		add_unchanged(out, scenario, expect);
	}
	buf_addf(out, "; needs %s", need_name(expect->need));
	if (when_is_given(&expect->when)) {
		AUTO(free_ptr) char *hosts = when_text(&expect->when);
		buf_addf(out, "; only with %s", hosts);
	}
	buf_adds(out, "\n");
}

void plan_add_expectations(struct buf *out, const struct scenario *scenario, bool as_said)
{
	buf_addf(out, "\nexpectations (%zu)\n", scenario->expect_count);
	for (size_t i = 0; i < scenario->expect_count; i++) {
		struct expect_spec expect = scenario->expects[i];
		if (!as_said)
			expect.from_said = expect.to_said = expect.after_said = NULL;
		add_expectation(out, scenario, &expect);
	}
}
