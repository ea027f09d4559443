/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "judge/explain.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"

static double seconds(uint64_t ns)
{
	return (double)ns / 1e9;
}

static const char *name_of(const struct judge_input *input, unsigned tenant)
{
	return input->scenario->tenants[tenant].name;
}

/* ---- what was expected ---- */

/* Memory is had, everything else is got. */
static const char *verb(const struct expect_spec *expect)
{
	return expect->resource == RESOURCE_MEMORY ? "have" : "get";
}

/* "66.67 % of the capacity, give or take 2.00 points"; "at least 300.0 MiB". */
static char *target_text(const struct finding *finding)
{
	const struct expect_spec *expect = finding->expect;
	const char *of = expect->kind != EXPECT_SHARE           ? ""
			 : expect->measure == MEASURE_DISK_IOPS ? " of all requests"
								: " of the capacity";

	if (judge_is_bounded(expect)) {
		AUTO(free_ptr) char *low = judge_value_text(expect, expect->at_least);
		AUTO(free_ptr) char *high = judge_value_text(expect, expect->at_most);
		if (isnan(expect->at_most))
			return xasprintf("at least %s", low);
		return isnan(expect->at_least) ? xasprintf("at most %s", high)
					       : xasprintf("between %s and %s", low, high);
	}
	double is = isnan(finding->expected) && !expect->is_model ? expect->value : finding->expected;
	if (isnan(is))
		return xstrdup(expect->is_model ? "what the model says" : "what it had before");
	AUTO(free_ptr) char *value = judge_value_text(expect, is);
	if (isnan(finding->tolerance))
		return xasprintf("%s%s", value, of);
	AUTO(free_ptr) char *within = judge_tolerance_text(expect, finding->tolerance);
	return xasprintf("%s%s, give or take %s", value, of, within);
}

/* "20 s", or "20 s (red gains + 2s)" */
static char *moment_text(uint64_t ns, const char *said)
{
	return said ? xasprintf("%.6g s (%s)", seconds(ns), said) : xasprintf("%.6g s", seconds(ns));
}

static char *settles_text(const struct judge_input *input, const struct expect_spec *expect)
{
	AUTO(free_ptr) char *band = judge_tolerance_text(expect, expect->within);
	AUTO(free_ptr)
	char *level = judge_settles_to_level(expect) ? judge_level_text(expect->measure, expect->value)
						     : xstrdup("its share by the model");

	AUTO(free_ptr) char *after = moment_text(expect->after_ns, expect->after_said);
	return xasprintf(
		"within %.3g s after the event at %s '%s' should come to %s and stay there, give or take %s",
		seconds(expect->within_ns), after, name_of(input, expect->tenant), level, band);
}

static char *expected_text(const struct judge_input *input, const struct finding *finding)
{
	const struct expect_spec *expect = finding->expect;
	const char *name = name_of(input, expect->tenant);
	AUTO(free_ptr) char *from = moment_text(expect->from_ns, expect->from_said);
	AUTO(free_ptr) char *to = moment_text(expect->to_ns, expect->to_said);
	AUTO(free_ptr) char *after = moment_text(expect->after_ns, expect->after_said);
	AUTO(free_ptr) char *target = target_text(finding);

	switch (expect->kind) {
	case EXPECT_SHARE:
	case EXPECT_LEVEL:
		return xasprintf("'%s' should %s %s from %s to %s", name, verb(expect), target, from, to);
	case EXPECT_RATIO:
		return xasprintf("'%s' should %s %s times what '%s' %s from %s to %s", name, verb(expect),
			target, name_of(input, expect->other),
			expect->resource == RESOURCE_MEMORY ? "has" : "gets", from, to);
	case EXPECT_SETTLES:
		return settles_text(input, expect);
	case EXPECT_STARVES:
		return xasprintf("between %s and %s '%s' should get less than %.3g %% of the capacity for at "
				 "least %.3g s at a stretch",
			from, to, name, 100 * expect->below, seconds(expect->longest_ns));
	case EXPECT_NEVER_STARVES:
		return xasprintf("between %s and %s '%s' should never get less than %.3g %% of the capacity "
				 "for longer than %.3g s",
			from, to, name, 100 * expect->below, seconds(expect->longest_ns));
	case EXPECT_CONSERVES:
		return expect->every_ns
			       ? xasprintf("all tenants together should %s %s in every %.3g s from %s to "
					   "%s",
					 verb(expect), target, seconds(expect->every_ns), from, to)
			       : xasprintf("all tenants together should %s %s from %s to %s", verb(expect),
					 target, from, to);
	case EXPECT_UNCHANGED:
		return xasprintf("the event at %s should not change what '%s' %s: %s", after, name,
			expect->resource == RESOURCE_MEMORY ? "has" : "gets", target);
	case EXPECT_KIND_COUNT:
		break;
	}
	BUG("expectation kind %d", (int)expect->kind);
}

/* ---- by which rule ---- */

/* Limits that the rule of a resource looks at; what nobody ever said is left out. */
static const enum limit_id limits_of[RESOURCE_COUNT][6] = {
	[RESOURCE_CPU] = {LIMIT_CPU_SHARES, LIMIT_CPU_QUOTA, LIMIT_COUNT},
	[RESOURCE_NET] = {LIMIT_NET_PRIORITY, LIMIT_NET_RATE, LIMIT_NET_CEIL, LIMIT_NET_QUANTUM, LIMIT_COUNT},
	[RESOURCE_MEMORY] = {LIMIT_MEMORY_SOFT, LIMIT_MEMORY_HARD, LIMIT_MEMORY_PROTECT, LIMIT_MEMORY_SWAP,
		LIMIT_COUNT},
	[RESOURCE_DISK] = {LIMIT_DISK_WEIGHT, LIMIT_DISK_READ_BYTES, LIMIT_DISK_WRITE_BYTES,
		LIMIT_DISK_READ_IOPS, LIMIT_DISK_WRITE_IOPS, LIMIT_COUNT},
};

static bool is_said(const struct judge_input *input, enum limit_id limit)
{
	const struct scenario *scenario = input->scenario;

	for (size_t i = 0; i < scenario->tenant_count; i++)
		if (scenario_setting(scenario->tenants[i].limits, scenario->tenants[i].limit_count, limit))
			return true;
	for (size_t i = 0; i < scenario->event_count; i++)
		if (scenario_setting(scenario->events[i].settings, scenario->events[i].setting_count, limit))
			return true;
	return false;
}

/* "; cpu.shares: blue 1024, green 1024, red 4096": what the log says was in force at that time. */
static void add_limits(const struct judge_input *input, enum resource resource, double at_s, struct buf *text)
{
	if (resource >= RESOURCE_COUNT)
		return;
	for (size_t k = 0; limits_of[resource][k] != LIMIT_COUNT; k++) {
		enum limit_id limit = limits_of[resource][k];
		const struct limit_spec *spec = limit_spec(limit);
		if (!is_said(input, limit))
			continue;
		buf_addf(text, "; %s: ", spec->name);
		for (unsigned i = 0; i < input->scenario->tenant_count; i++) {
			AUTO(free_ptr)
			char *value = limit_format_value(spec, clues_value(input, i, limit, at_s));
			buf_addf(text, "%s%s %s", i ? ", " : "", name_of(input, i), value);
		}
	}
}

static void add_model(const struct judge_input *input, enum resource resource, struct buf *text)
{
	const struct scenario *scenario = input->scenario;

	switch (resource) {
	case RESOURCE_CPU:
		buf_addf(text,
			"the weighted max-min share of %d scarce CPU%s (Bertsekas and Gallager, Data Networks, 6.5.2; "
			"Documentation/scheduler/sched-design-CFS.rst)",
			CPU_COUNT(&scenario->scarce_cpus), CPU_COUNT(&scenario->scarce_cpus) > 1 ? "s" : "");
		return;
	case RESOURCE_NET:
		buf_addf(text,
			"HTB's rules on a link of %.6g Mbit/s: first everybody's own rate, the rest to the best "
			"priority, inside one priority by quantum, nobody above its ceil (tc-htb(8), net/sched/sch_htb.c)",
			(double)scenario->link.rate_bits_per_s / 1e6);
		return;
	case RESOURCE_DISK:
		buf_addf(text,
			"the weighted max-min share of the disk by %s's weights, under throttles "
			"(Documentation/block/bfq-iosched.rst)",
			disk_scheduler_name(scenario->disk.scheduler));
		return;
	case RESOURCE_MEMORY:
	case RESOURCE_COUNT:
		break;
	}
	buf_adds(text, "a model, which there is none of");
}

static char *rule_text(const struct judge_input *input, const struct finding *finding, double at_s)
{
	const struct expect_spec *expect = finding->expect;
	AUTO(buf) struct buf text = BUF_INIT;

	if (expect->is_model)
		add_model(input, expect->resource, &text);
	else if (expect->kind == EXPECT_UNCHANGED)
		buf_addf(&text, "what it was in the %.3g s before",
			seconds(expect->after_ns) - seconds(expect->before_ns));
	else if (expect->kind == EXPECT_CONSERVES)
		buf_adds(&text, "the capacity that the scenario declares");
	else
		buf_addf(&text, "the scenario itself, line %u", expect->mark.line);
	add_limits(input, expect->resource, at_s, &text);
	if (expect->need != NEED_NOTHING)
		buf_addf(&text, "; it counts only where the window proves %s", need_name(expect->need));
	return buf_steal(&text);
}

/* ---- what was seen ---- */

/* The reason has what was measured in words. */
static char *seen_text(const struct finding *finding)
{
	const struct expect_spec *expect = finding->expect;
	AUTO(buf) struct buf text = BUF_INIT;

	buf_adds(&text, finding->reason);
	if (!isnan(finding->measured) && finding->samples)
		buf_addf(&text, "; %zu samples", finding->samples);
	if (isfinite(finding->interval_low) && isfinite(finding->interval_high)) {
		AUTO(free_ptr) char *low = judge_value_text(expect, finding->interval_low);
		AUTO(free_ptr) char *high = judge_value_text(expect, finding->interval_high);
		buf_addf(&text,
			judge_is_time(expect) ? ", which tell it to %s to %s"
					      : ", 95 %% interval of the mean %s to %s",
			low, high);
	}
	return buf_steal(&text);
}

/* ---- why, and what next ---- */

static bool is_plain(const char *text)
{
	return *text &&
	       text[strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./:+-")] ==
		       0;
}

static void add_quoted(struct buf *command, const char *text)
{
	if (is_plain(text)) {
		buf_adds(command, text);
		return;
	}
	buf_adds(command, "'");
	for (; *text; text++) {
		if (*text == '\'')
			buf_adds(command, "'\\''");
		else
			buf_add(command, text, 1);
	}
	buf_adds(command, "'");
}

static char *command_text(const char *template, const char *run, const char *tenant)
{
	AUTO(buf) struct buf command = BUF_INIT;
	AUTO(free_ptr) char *scenario = rundir_path(run, RUNDIR_SCENARIO);
	const struct {
		const char *mark, *value;
	} marks[] = {{"{run}", run}, {"{tenant}", tenant}, {"{scenario}", scenario}};

	while (*template) {
		size_t found = ARRAY_SIZE(marks);
		for (size_t i = 0; i < ARRAY_SIZE(marks); i++)
			if (strncmp(template, marks[i].mark, strlen(marks[i].mark)) == 0)
				found = i;
		if (found == ARRAY_SIZE(marks)) {
			buf_add(&command, template ++, 1);
			continue;
		}
		add_quoted(&command, marks[found].value);
		template += strlen(marks[found].mark);
	}
	return buf_steal(&command);
}

static void add_check(struct explanation *item, const char *template, const char *run, const char *tenant)
{
	AUTO(free_ptr) char *command = command_text(template, run, tenant);

	for (size_t i = 0; i < item->check_count; i++)
		if (strcmp(item->checks[i], command) == 0)
			return;
	if (item->check_count < EXPLAIN_CHECKS_MAX)
		item->checks[item->check_count++] = STEAL(command);
}

static void find_causes(struct clues clues, const char *run, struct explanation *item)
{
	for (const struct hint *hint = hint_table; hint->id && item->cause_count < EXPLAIN_HINTS_MAX;
		hint++) {
		AUTO(buf) struct buf clue = BUF_INIT;
		clues.subject = clues.finding->expect->tenant;
		if (!hint_matches(hint, &clues, &clue))
			continue;
		item->causes[item->cause_count++] =
			(struct explain_cause){.hint = hint, .clue = buf_steal(&clue)};
		for (size_t i = 0; i < HINT_CHECKS_MAX && hint->checks[i]; i++)
			add_check(item, hint->checks[i], run, name_of(clues.input, clues.subject));
		if (hint->alone)
			break;
	}
	if (item->cause_count)
		return;
	add_check(item, "limitlab plot {run}", run, "");
	add_check(item, "cat {run}/events.csv", run, "");
	add_check(item, "grep -h -i -e error -e warn {run}/log/* | tail -n 20", run, "");
}

static void explain_one(const struct judge_input *input, const struct finding *finding, const char *run,
	struct explanation *item)
{
	const struct expect_spec *expect = finding->expect;
	struct clues clues = {
		.input = input,
		.finding = finding,
		.from_s = seconds(expect->kind == EXPECT_SETTLES ? expect->after_ns : expect->from_ns),
		.to_s = seconds(expect->to_ns),
	};

	*item = (struct explanation){
		.finding = finding,
		.expected = expected_text(input, finding),
		/* A change at the very end is not in force in the window. */
		.rule = rule_text(input, finding, clues.to_s - 1e-3),
		.seen = seen_text(finding),
	};
	if (finding->verdict != VERDICT_PASS && finding->verdict != VERDICT_NOT_APPLICABLE)
		find_causes(clues, run, item);
}

void explain_make(const struct judge_input *input, const struct judgement *judgement, const char *run,
	bool all, struct explain *ret_explain)
{
	struct explain explain = {.items = xcalloc(judgement->count + 1, sizeof(*explain.items))};

	for (size_t i = 0; i < judgement->count; i++)
		if (all || judgement->findings[i].verdict != VERDICT_PASS)
			explain_one(input, &judgement->findings[i], run, &explain.items[explain.count++]);
	*ret_explain = explain;
}

void explain_release(struct explain *explain)
{
	for (size_t i = 0; i < explain->count; i++) {
		struct explanation *item = &explain->items[i];
		free(item->expected);
		free(item->rule);
		free(item->seen);
		for (size_t k = 0; k < item->cause_count; k++)
			free(item->causes[k].clue);
		for (size_t k = 0; k < item->check_count; k++)
			free(item->checks[k]);
	}
	free(explain->items);
	*explain = (struct explain){0};
}
