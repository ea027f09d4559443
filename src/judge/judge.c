/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "judge/judge.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/cpulist.h"
#include "judge/changes.h"
#include "judge/internal.h"

#define TICKS_LATE_MAX 0.05
/* A change may reach this far into a window: sample intervals, part of the window. */
#define LATE_SAMPLES_MAX 1.5
#define LATE_PART_MAX    0.05

const char *verdict_name(enum verdict verdict)
{
	switch (verdict) {
	case VERDICT_PASS:
		return "pass";
	case VERDICT_FAIL:
		return "fail";
	case VERDICT_INCONCLUSIVE:
		return "inconclusive";
	case VERDICT_NOT_APPLICABLE:
		return "not applicable";
	case VERDICT_COUNT:
		break;
	}
	BUG("verdict %d", (int)verdict);
}

bool finding_set(struct finding *finding, enum verdict verdict, const char *format, ...)
{
	char *reason = NULL;
	va_list args;

	va_start(args, format);
	if (vasprintf(&reason, format, args) < 0)
		BUG("out of memory");
	va_end(args);
	free(finding->reason);
	finding->reason = reason;
	finding->verdict = verdict;
	return false;
}

static bool is_started(const struct scenario *scenario, size_t tenant)
{
	for (size_t i = 0; i < scenario->event_count; i++)
		if (scenario->events[i].kind == EVENT_START &&
			(scenario->events[i].tenants & (UINT32_C(1) << tenant)))
			return true;
	return false;
}

/* One tenant that does not work changes what the others get, so it spoils every expectation. */
static char *tenant_trouble(const struct judge_input *input)
{
	const struct scenario *scenario = input->scenario;
	const struct manifest *manifest = input->manifest;

	for (size_t i = 0; i < scenario->tenant_count; i++) {
		const struct manifest_tenant *found = NULL;
		const char *name = scenario->tenants[i].name;
		if (!scenario->tenants[i].workload || !is_started(scenario, i))
			continue;
		for (size_t j = 0; j < manifest->tenant_count && !found; j++)
			if (!strcmp(manifest->tenants[j].name, name))
				found = &manifest->tenants[j];
		if (!found)
			return xasprintf("the manifest does not know tenant '%s'", name);
		bool died = isfinite(changes_death_s(scenario, input->events, (unsigned)i));
		if (found->trouble && *found->trouble && !died)
			return xasprintf("the workload of '%s' was in trouble: %s", name, found->trouble);
		if (!found->worked)
			return xasprintf("the workload of '%s' did no work", name);
	}
	return NULL;
}

/* NULL, or why nothing in this run can be judged. */
static char *run_trouble(const struct judge_input *input)
{
	const struct manifest *manifest = input->manifest;
	double bad = (double)manifest->ticks_late + (double)manifest->ticks_missed;
	double all = (double)manifest->ticks + (double)manifest->ticks_missed;
	cpu_set_t used;

	if (manifest->state == RUN_RUNNING)
		return xstrdup("the run still goes on, or was killed");
	if (manifest->state != RUN_COMPLETE)
		return xasprintf("the run is %s%s%s", run_state_name(manifest->state),
			*manifest->reason ? ": " : "", manifest->reason);
	if (!manifest->ticks)
		return xstrdup("the run has no sampling ticks");
	if (bad > TICKS_LATE_MAX * all)
		return xasprintf("%" PRIu64 " of %.0f sampling ticks were late and %" PRIu64
				 " missed (%.1f %%); 5 %% may be",
			manifest->ticks_late, all, manifest->ticks_missed, 100 * bad / all);
	if (*manifest->scarce_cpus && (cpulist_parse(manifest->scarce_cpus, &used, NULL) ||
					      !CPU_EQUAL(&used, &input->scenario->scarce_cpus)))
		return xasprintf("the run made the CPUs %s scarce, not those that the scenario names",
			manifest->scarce_cpus);
	return tenant_trouble(input);
}

static void judge_kind(const struct judge_context *context, struct finding *finding)
{
	switch (finding->expect->kind) {
	case EXPECT_SHARE:
	case EXPECT_LEVEL:
	case EXPECT_RATIO:
		judge_mean(context, finding);
		return;
	case EXPECT_SETTLES:
		judge_settles(context, finding);
		return;
	case EXPECT_STARVES:
	case EXPECT_NEVER_STARVES:
		judge_starves(context, finding);
		return;
	case EXPECT_CONSERVES:
		judge_conserves(context, finding);
		return;
	case EXPECT_UNCHANGED:
		judge_unchanged(context, finding);
		return;
	case EXPECT_KIND_COUNT:
		break;
	}
	BUG("expectation kind %d", (int)finding->expect->kind);
}

/*
 * What the scenario expects of a window holds for the limits that it says are in force there.  The model knows when they really
 * were; a value does not.  false: a change that was due before the window came well inside it.
 */
static bool changes_in_time(const struct judge_context *context, struct finding *finding)
{
	const struct expect_spec *expect = finding->expect;
	const struct event_log *log = context->input->events;
	double from_s = (double)expect->from_ns / 1e9, to_s = (double)expect->to_ns / 1e9;
	double slack_s = fmax(LATE_SAMPLES_MAX * context->interval_s, LATE_PART_MAX * (to_s - from_s));
	bool of_value = expect->kind == EXPECT_SHARE || expect->kind == EXPECT_LEVEL ||
			expect->kind == EXPECT_RATIO || expect->kind == EXPECT_STARVES ||
			expect->kind == EXPECT_NEVER_STARVES;

	for (size_t i = 0; i < log->count && of_value && !expect->is_model; i++) {
		const struct event_record *record = &log->records[i];
		if (record->limit >= LIMIT_COUNT || record->asked_s > from_s ||
			!(record->end_s > from_s + slack_s))
			continue;
		return finding_set(finding, VERDICT_INCONCLUSIVE,
			"%s of '%s' was due at %.6g s and in force only at %.3f s, inside the window",
			limit_spec(record->limit)->name, record->tenant, record->asked_s, record->end_s);
	}
	return true;
}

static void judge_one(const struct judge_context *context, struct finding *finding)
{
	const struct expect_spec *expect = finding->expect;
	bool scarce = expect->resource == RESOURCE_MEMORY || expect->resource == context->model.resource;

	if (expect->need != NEED_NOTHING && !scarce) {
		(void)finding_set(finding, VERDICT_INCONCLUSIVE,
			"the scenario does not make '%s' scarce, so neither contention nor plenty of it can be proven",
			resource_name(expect->resource));
		return;
	}
	if (!changes_in_time(context, finding))
		return;
	judge_kind(context, finding);
	if (finding->derivation) {
		AUTO(free_ptr) char *reason = STEAL(finding->reason);
		(void)finding_set(
			finding, finding->verdict, "%s; what is allowed is %s", reason, finding->derivation);
	}
	/* A rate is a rate of a layer, and memory of a VM is more than one number: say which, with every verdict. */
	if (expect->resource != RESOURCE_CPU) {
		AUTO(free_ptr) char *reason = STEAL(finding->reason);
		(void)finding_set(finding, finding->verdict, "%s; measured: %s", reason,
			measure_spec(expect->measure)->summary);
	}
}

static enum verdict worst(const struct judgement *judgement)
{
	enum verdict verdict = VERDICT_PASS;
	size_t applicable = 0;

	for (size_t i = 0; i < judgement->count; i++) {
		applicable += judgement->findings[i].verdict != VERDICT_NOT_APPLICABLE;
		if (judgement->findings[i].verdict == VERDICT_FAIL)
			return VERDICT_FAIL;
		if (judgement->findings[i].verdict == VERDICT_INCONCLUSIVE)
			verdict = VERDICT_INCONCLUSIVE;
	}
	return judgement->count && !applicable ? VERDICT_INCONCLUSIVE : verdict;
}

static void finding_clear(struct finding *finding)
{
	double *const numbers[] = {&finding->expected, &finding->measured, &finding->tolerance,
		&finding->interval_low, &finding->interval_high, &finding->dead_time_s,
		&finding->settling_time_s, &finding->time_50_s, &finding->time_90_s, &finding->overshoot,
		&finding->residue, &finding->at_from_s, &finding->at_to_s, &finding->lowest};

	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		*numbers[i] = (double)NAN;
}

/* Whether it holds of the host of this run at all. */
static bool is_applicable(const struct judge_input *input, struct finding *finding)
{
	AUTO(free_ptr) char *reason = NULL;

	switch (when_ask(&finding->expect->when, input->manifest->cgroup_mode, input->manifest->host_kernel,
		&reason)) {
	case WHEN_HOLDS:
		return true;
	case WHEN_NOT:
		return finding_set(finding, VERDICT_NOT_APPLICABLE, "%s", reason);
	case WHEN_UNKNOWN:
		break;
	}
	return finding_set(finding, VERDICT_INCONCLUSIVE, "%s", reason);
}

int judge_run(const struct judge_input *input, struct judgement *ret_judgement, struct err *err)
{
	AUTO(context) struct judge_context context = {.input = input};
	const struct scenario *scenario = input->scenario;
	struct judgement judgement = {0};
	AUTO(free_ptr) char *trouble = run_trouble(input);
	struct err model_err = ERR_INIT;

	if (scenario->expect_count && model_make(scenario, input->events, &context.model, &model_err)) {
		/* Wrong words are the user's; a limit that did not take is something found out about this run. */
		if (model_err.domain == ERR_INPUT)
			return err_set(err, ERR_INPUT, 0, "%s", model_err.text);
		if (!trouble)
			trouble = xstrdup(model_err.text);
	}
	context_load(&context);
	judgement.count = scenario->expect_count;
	judgement.findings = xcalloc(judgement.count, sizeof(*judgement.findings));
	context.findings = judgement.findings;
	for (size_t i = 0; i < judgement.count; i++) {
		struct finding *finding = &judgement.findings[i];
		*finding = (struct finding){.expect = &scenario->expects[i], .verdict = VERDICT_INCONCLUSIVE};
		finding_clear(finding);
		if (!is_applicable(input, finding))
			continue;
		if (trouble)
			(void)finding_set(finding, VERDICT_INCONCLUSIVE, "%s", trouble);
		else if (finding->expect->kind != EXPECT_UNCHANGED)
			judge_one(&context, finding);
	}
	/* These look at what was found out about others. */
	for (size_t i = 0; i < judgement.count && !trouble; i++)
		if (scenario->expects[i].kind == EXPECT_UNCHANGED && !judgement.findings[i].reason)
			judge_one(&context, &judgement.findings[i]);
	judgement.verdict = worst(&judgement);
	/* Without expectations there is nothing to fail, but a broken run is no pass. */
	if (!judgement.count && trouble)
		judgement.verdict = VERDICT_INCONCLUSIVE;
	*ret_judgement = judgement;
	return 0;
}

void judgement_release(struct judgement *judgement)
{
	for (size_t i = 0; i < judgement->count; i++) {
		free(judgement->findings[i].reason);
		free(judgement->findings[i].derivation);
	}
	free(judgement->findings);
	*judgement = (struct judgement){0};
}

int judgement_exit_code(const struct judgement *judgement)
{
	static const int codes[VERDICT_COUNT] = {
		[VERDICT_PASS] = 0, [VERDICT_FAIL] = 1, [VERDICT_INCONCLUSIVE] = 3};

	return codes[judgement->verdict];
}
