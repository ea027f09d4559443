/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Made-up runs for the tests of the judge: a scenario from YAML, a manifest of a run without trouble, a log in which every event
 * was carried out and read back.  The samples are the test's own.
 */
#ifndef LIMITLAB_TESTS_UNIT_MADE_RUN_H
#define LIMITLAB_TESTS_UNIT_MADE_RUN_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/auto.h"
#include "base/buf.h"
#include "judge/changes.h"
#include "judge/judge.h"
#include "judge/model.h"

#define MADE_INTERVAL_S 0.2
#define MADE_STEP_S     0.01

struct made_run {
	struct scenario *scenario;
	struct manifest manifest;
	struct event_log events;
	struct table samples, series;
};

/* What the log says wrong; the first record with a limit. */
struct made_faults {
	bool not_read_back, other_value, same_value, failed;
	double late_s;        /* limits were read back so much later */
	double scarce_took_s; /* until memory was scarce */
};

static inline void auto_made_run(struct made_run *run)
{
	scenario_free(run->scenario);
	manifest_release(&run->manifest);
	event_log_release(&run->events);
	table_release(&run->samples);
	table_release(&run->series);
}

static inline void auto_judgement(struct judgement *judgement)
{
	judgement_release(judgement);
}

static inline void made_record(struct made_run *run, const struct event_spec *event, const char *tenant,
	enum limit_id limit, uint64_t value, double late_s)
{
	struct event_record *record = event_log_add(&run->events);
	double at_s = (double)event->at_ns / 1e9;

	*record = (struct event_record){
		.asked_s = at_s,
		.start_s = at_s + 0.0003,
		.end_s = at_s + 0.002 + late_s,
		.event = xstrdup(event_kind_name(event->kind)),
		.tenant = xstrdup(tenant),
		.limit = limit,
		.asked = value,
		.read_back = value,
		.has_read_back = limit < LIMIT_COUNT,
		.name = xstrdup(""),
		.error = xstrdup(""),
		.note = xstrdup(""),
	};
}

static inline void made_log_event(
	struct made_run *run, const struct event_spec *event, unsigned tenant, double late_s)
{
	const char *name = run->scenario->tenants[tenant].name;

	if (event->kind == EVENT_START || event->kind == EVENT_STOP)
		made_record(run, event, name, LIMIT_COUNT, 0, 0);
	for (size_t i = 0; event->kind == EVENT_SET && i < event->setting_count; i++)
		made_record(run, event, name, event->settings[i].limit, event->settings[i].value, late_s);
	for (int limit = 0; event->kind == EVENT_RESET && limit < LIMIT_COUNT; limit++) {
		const char *resource = limit_spec((enum limit_id)limit)->resource;
		bool of_run = !strcmp(resource, resource_name(scenario_scarce(run->scenario)));
		if (event->limit == (enum limit_id)limit || (event->limit == LIMIT_COUNT && of_run))
			made_record(run, event, name, (enum limit_id)limit,
				changes_initial(run->scenario, tenant, (enum limit_id)limit), late_s);
	}
}

static inline void made_log(struct made_run *run, const struct made_faults *faults)
{
	const struct scenario *scenario = run->scenario;

	for (size_t i = 0; i < scenario->event_count; i++) {
		const struct event_spec *event = &scenario->events[i];
		if (event->kind == EVENT_SCARCE || event->kind == EVENT_PLENTY)
			made_record(run, event, "host", LIMIT_COUNT, 0,
				event->kind == EVENT_SCARCE ? faults->scarce_took_s : 0);
		for (unsigned t = 0; t < scenario->tenant_count; t++)
			if (event->tenants & (1u << t))
				made_log_event(run, event, t, faults->late_s);
	}
	for (size_t i = 0; i < run->events.count; i++) {
		struct event_record *record = &run->events.records[i];
		if (record->limit == LIMIT_COUNT)
			continue;
		record->has_read_back = !faults->not_read_back;
		record->read_back += faults->other_value;
		if (faults->failed) {
			free(record->error);
			record->error = xstrdup("device or resource busy");
		}
		break;
	}
}

static inline void made_begin(
	struct made_run *run, const char *name, const char *yaml, const struct made_faults *faults)
{
	const struct scenario_options options = {.need_workloads = false};
	struct manifest *manifest = &run->manifest;
	struct err err = ERR_INIT;

	if (scenario_parse("made.yaml", yaml, strlen(yaml), &options, &run->scenario, &err))
		fail_msg("%s: %s", name, err.text);
	manifest_init(manifest);
	manifest->state = RUN_COMPLETE;
	manifest->sample_interval_s = MADE_INTERVAL_S;
	manifest->cpu_count = 2;
	manifest->ticks = 150;
	manifest->tenant_count = run->scenario->tenant_count;
	manifest->tenants = xcalloc(manifest->tenant_count, sizeof(*manifest->tenants));
	for (size_t i = 0; i < manifest->tenant_count; i++) {
		manifest->tenants[i].name = xstrdup(run->scenario->tenants[i].name);
		manifest->tenants[i].worked = true;
		manifest->tenants[i].trouble = xstrdup("");
	}
	made_log(run, faults);
}

/* The log says that a tenant died. */
static inline void made_death(struct event_log *log, const char *tenant, double t_s)
{
	*event_log_add(log) = (struct event_record){
		.asked_s = t_s,
		.start_s = t_s,
		.end_s = t_s,
		.event = xstrdup("died"),
		.tenant = xstrdup(tenant),
		.limit = LIMIT_COUNT,
		.name = xstrdup(""),
		.error = xstrdup(""),
		.note = xstrdup(""),
	};
}

static inline double made_duration_s(const struct made_run *run)
{
	return (double)run->scenario->duration_ns / 1e9;
}

static inline struct judge_input made_input(const struct made_run *run)
{
	return (struct judge_input){.scenario = run->scenario,
		.manifest = &run->manifest,
		.events = &run->events,
		.samples = &run->samples,
		.series = &run->series};
}

static inline void made_judge(const char *name, const struct made_run *run, struct judgement *judgement)
{
	const struct judge_input input = made_input(run);
	struct err err = ERR_INIT;

	if (judge_run(&input, judgement, &err))
		fail_msg("%s: %s", name, err.text);
}

/*
 * verdicts: one letter per expectation, p, f or i.  reason: part of the reason of the first that did not pass; NULL: whatever.
 * false: not judged as it should have been, and printed.
 */
static inline bool made_check(
	const char *name, const struct made_run *run, const char *verdicts, const char *reason)
{
	static const int codes[] = {[VERDICT_PASS] = 0, [VERDICT_FAIL] = 1, [VERDICT_INCONCLUSIVE] = 3};
	AUTO(judgement) struct judgement judgement = {0};
	const char *first = "";
	/* One that fails decides, else one that is inconclusive. */
	enum verdict all = strchr(verdicts, 'f')   ? VERDICT_FAIL
			   : strchr(verdicts, 'i') ? VERDICT_INCONCLUSIVE
						   : VERDICT_PASS;

	made_judge(name, run, &judgement);
	bool same = strlen(verdicts) == judgement.count;
	for (size_t i = 0; same && i < judgement.count; i++) {
		char letter = verdict_name(judgement.findings[i].verdict)[0];
		same = letter == verdicts[i];
		if (letter != 'p' && !*first)
			first = judgement.findings[i].reason;
	}
	bool right = same && (!reason || strstr(first, reason)) && judgement.verdict == all &&
		     judgement_exit_code(&judgement) == codes[all];
	if (!right || getenv("VERBOSE"))
		print_message("%s: %s in all, exit code %d, wanted %s, '%s'\n", name,
			verdict_name(judgement.verdict), judgement_exit_code(&judgement), verdicts,
			reason ? reason : "");
	/* One by one: cmocka cuts a message off. */
	for (size_t i = 0; i < judgement.count && (!right || getenv("VERBOSE")); i++)
		print_message("  %s %c: %s\n", judgement.findings[i].expect->name,
			verdict_name(judgement.findings[i].verdict)[0], judgement.findings[i].reason);
	return right;
}

#endif
