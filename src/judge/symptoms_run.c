/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "judge/symptoms.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/auto.h"
#include "judge/changes.h"

/* A limit that takes longer than this to be set and read back moves the moment from which anything can change. */
#define SLOW_CHANGE_S 0.2

uint64_t clues_value(const struct judge_input *input, unsigned tenant, enum limit_id limit, double t_s)
{
	return changes_value(input->scenario, input->events, tenant, limit, t_s);
}

bool hint_matches(const struct hint *hint, struct clues *clues, struct buf *clue)
{
	bool says = !hint->says[0];

	for (size_t i = 0; i < HINT_SAYS_MAX && hint->says[i]; i++)
		says = says || strstr(clues->finding->reason, hint->says[i]);
	return says && (!hint->seen || hint->seen(clues, clue));
}

/* Makes the commands be about this tenant. */
static void choose(struct clues *clues, const char *name)
{
	int tenant = scenario_tenant(clues->input->scenario, name);

	if (tenant >= 0)
		clues->subject = (unsigned)tenant;
}

bool symptom_unfinished(struct clues *clues, struct buf *clue)
{
	const struct manifest *manifest = clues->input->manifest;

	if (manifest->state == RUN_COMPLETE)
		return false;
	buf_addf(clue, "the manifest's state is '%s'%s%s", run_state_name(manifest->state),
		*manifest->reason ? ": " : "", manifest->reason);
	return true;
}

bool symptom_ticks_late(struct clues *clues, struct buf *clue)
{
	const struct manifest *manifest = clues->input->manifest;

	if (!strstr(clues->finding->reason, "sampling ticks"))
		return false;
	buf_addf(clue,
		"99 %% of the ticks came within %.1f ms of their time; one tick costs %.2f ms of CPU time every %.0f ms",
		manifest->tick_lateness_p99_ms, manifest->tick_cost_us / 1e3,
		1e3 * manifest->sample_interval_s);
	return true;
}

bool symptom_trouble(struct clues *clues, struct buf *clue)
{
	const struct manifest *manifest = clues->input->manifest;

	for (size_t i = 0; i < manifest->tenant_count; i++) {
		const struct manifest_tenant *tenant = &manifest->tenants[i];
		if (!tenant->trouble || !*tenant->trouble)
			continue;
		buf_addf(clue, "%s of '%s' said: %s",
			tenant->workload && *tenant->workload ? tenant->workload : "the workload",
			tenant->name, tenant->trouble);
		choose(clues, tenant->name);
		return true;
	}
	return false;
}

bool symptom_no_work(struct clues *clues, struct buf *clue)
{
	const struct manifest *manifest = clues->input->manifest;

	if (!strstr(clues->finding->reason, "did no work"))
		return false;
	for (size_t i = 0; i < manifest->tenant_count; i++) {
		if (manifest->tenants[i].worked)
			continue;
		buf_addf(clue, "not one interval of '%s' has a work rate above 0", manifest->tenants[i].name);
		choose(clues, manifest->tenants[i].name);
		return true;
	}
	return false;
}

/* The first event that says so; "" matches any that failed. */
static const struct event_record *failed(const struct clues *clues, const char *limits, const char *says)
{
	const struct event_log *log = clues->input->events;

	for (size_t i = 0; i < log->count; i++) {
		const struct event_record *record = &log->records[i];
		const char *limit = record->limit < LIMIT_COUNT ? limit_spec(record->limit)->name : "";
		if (record->error && *record->error && strncmp(limit, limits, strlen(limits)) == 0 &&
			strcasestr(record->error, says))
			return record;
	}
	return NULL;
}

static bool tell_failed(struct clues *clues, const struct event_record *record, struct buf *clue)
{
	if (!record)
		return false;
	buf_addf(clue, "at %.6g s %s of '%s': %s", record->asked_s,
		record->limit < LIMIT_COUNT ? limit_spec(record->limit)->name : record->event, record->tenant,
		record->error);
	choose(clues, record->tenant);
	return true;
}

bool symptom_hard_busy(struct clues *clues, struct buf *clue)
{
	const struct manifest *manifest = clues->input->manifest;

	if (tell_failed(clues, failed(clues, "memory.", "resource busy"), clue))
		return true;
	/* What is set before the timeline begins is not in the log. */
	if (manifest->state != RUN_BROKEN || !strstr(manifest->reason, "memory.") ||
		!strcasestr(manifest->reason, "resource busy"))
		return false;
	buf_adds(clue, manifest->reason);
	return true;
}

bool symptom_set_failed(struct clues *clues, struct buf *clue)
{
	return tell_failed(clues, failed(clues, "", ""), clue);
}

static const struct event_record *other_value(const struct clues *clues)
{
	const struct event_log *log = clues->input->events;

	for (size_t i = 0; i < log->count; i++)
		if (log->records[i].limit < LIMIT_COUNT && log->records[i].has_read_back &&
			log->records[i].read_back != log->records[i].asked)
			return &log->records[i];
	return NULL;
}

bool symptom_soft_inert(struct clues *clues, struct buf *clue)
{
	const struct event_record *record = other_value(clues);

	if (!record || record->limit != LIMIT_MEMORY_SOFT || record->read_back != LIMIT_UNLIMITED)
		return tell_failed(clues, failed(clues, "memory.soft", "inert"), clue);
	AUTO(free_ptr) char *asked = limit_format_value(limit_spec(record->limit), record->asked);
	buf_addf(clue, "memory.soft of '%s' was set to %s at %.6g s and read back as max", record->tenant,
		asked, record->asked_s);
	choose(clues, record->tenant);
	return true;
}

bool symptom_other_value(struct clues *clues, struct buf *clue)
{
	const struct event_record *record = other_value(clues);

	if (!record)
		return false;
	const struct limit_spec *spec = limit_spec(record->limit);
	AUTO(free_ptr) char *asked = limit_format_value(spec, record->asked);
	AUTO(free_ptr) char *got = limit_format_value(spec, record->read_back);
	buf_addf(clue, "%s of '%s': asked for %s at %.6g s, read back as %s", spec->name, record->tenant,
		asked, record->asked_s, got);
	choose(clues, record->tenant);
	return true;
}

bool symptom_died(struct clues *clues, struct buf *clue)
{
	const struct scenario *scenario = clues->input->scenario;

	for (unsigned i = 0; i < scenario->tenant_count; i++) {
		double at_s = changes_death_s(scenario, clues->input->events, i);
		if (!(at_s <= clues->to_s))
			continue;
		buf_addf(clue, "'%s' died at %.1f s", scenario->tenants[i].name, at_s);
		clues->subject = i;
		return true;
	}
	return false;
}

/* The event that it settles from was itself slow. */
bool symptom_slow_change(struct clues *clues, struct buf *clue)
{
	const struct expect_spec *expect = clues->finding->expect;
	const struct event_log *log = clues->input->events;

	for (size_t i = 0; i < log->count && expect->kind == EXPECT_SETTLES; i++) {
		const struct event_record *record = &log->records[i];
		if (!changes_is_at(record, expect->after_ns) || record->limit >= LIMIT_COUNT ||
			!(record->end_s - record->asked_s > SLOW_CHANGE_S))
			continue;
		buf_addf(clue,
			"%s of '%s' was asked for at %.3f s, begun at %.3f s and read back at %.3f s%s%s",
			limit_spec(record->limit)->name, record->tenant, record->asked_s, record->start_s,
			record->end_s, record->note && *record->note ? ": " : "",
			record->note ? record->note : "");
		choose(clues, record->tenant);
		return true;
	}
	return false;
}
