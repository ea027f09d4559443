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
#include "judge/internal.h"

#define TICKS_LATE_MAX 0.05

const char *verdict_name(enum verdict verdict)
{
	switch (verdict) {
	case VERDICT_PASS:
		return "pass";
	case VERDICT_FAIL:
		return "fail";
	case VERDICT_INCONCLUSIVE:
		return "inconclusive";
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

static void auto_context(struct judge_context *context)
{
	for (size_t i = 0; i < SCENARIO_MAX_TENANTS; i++) {
		counter_release(&context->vcpu[i]);
		counter_release(&context->run_delay[i]);
	}
	counter_release(&context->busy);
	counter_release(&context->idle);
	counter_release(&context->steal);
	model_release(&context->model);
}

static void load(struct judge_context *context)
{
	const struct judge_input *input = context->input;
	const struct scenario *scenario = input->scenario;

	context->cpu_count = CPU_COUNT(&scenario->scarce_cpus);
	context->interval_s = input->manifest->sample_interval_s > 0 ? input->manifest->sample_interval_s
								     : (double)scenario->sample_ns / 1e9;
	for (size_t i = 0; i < scenario->tenant_count; i++) {
		counter_load(&context->vcpu[i], input->samples, scenario->tenants[i].name, "vcpu_usage_ns");
		counter_load(
			&context->run_delay[i], input->samples, scenario->tenants[i].name, "run_delay_ns");
	}
	counter_load(&context->busy, input->samples, "host", "set_busy_ns");
	counter_load(&context->idle, input->samples, "host", "set_idle_ns");
	counter_load(&context->steal, input->samples, "host", "set_steal_ns");
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
static char *tenant_trouble(const struct scenario *scenario, const struct manifest *manifest)
{
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
		if (found->trouble && *found->trouble)
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
	return tenant_trouble(input->scenario, manifest);
}

static void judge_one(const struct judge_context *context, struct finding *finding)
{
	switch (finding->expect->kind) {
	case EXPECT_SHARE:
		judge_share(context, finding);
		return;
	case EXPECT_SETTLES:
		judge_settles(context, finding);
		return;
	default:
		break;
	}
	BUG("expectation kind %d", (int)finding->expect->kind);
}

static enum verdict worst(const struct judgement *judgement)
{
	enum verdict verdict = VERDICT_PASS;

	for (size_t i = 0; i < judgement->count; i++) {
		if (judgement->findings[i].verdict == VERDICT_FAIL)
			return VERDICT_FAIL;
		if (judgement->findings[i].verdict == VERDICT_INCONCLUSIVE)
			verdict = VERDICT_INCONCLUSIVE;
	}
	return verdict;
}

int judge_run(const struct judge_input *input, struct judgement *ret_judgement, struct err *err)
{
	AUTO(context) struct judge_context context = {.input = input};
	const struct scenario *scenario = input->scenario;
	struct judgement judgement = {0};
	AUTO(free_ptr) char *trouble = run_trouble(input);
	struct err model_err = ERR_INIT;

	if (scenario->expect_count && model_cpu(scenario, input->events, &context.model, &model_err)) {
		/* Wrong words are the user's; a limit that did not take is something found out about this run. */
		if (model_err.domain == ERR_INPUT)
			return err_set(err, ERR_INPUT, 0, "%s", model_err.text);
		if (!trouble)
			trouble = xstrdup(model_err.text);
	}
	load(&context);
	judgement.count = scenario->expect_count;
	judgement.findings = xcalloc(judgement.count, sizeof(*judgement.findings));
	for (size_t i = 0; i < judgement.count; i++) {
		judgement.findings[i] = (struct finding){
			.expect = &scenario->expects[i],
			.verdict = VERDICT_INCONCLUSIVE,
			.expected = (double)NAN,
			.measured = (double)NAN,
			.tolerance = (double)NAN,
			.interval_low = (double)NAN,
			.interval_high = (double)NAN,
			.dead_time_s = (double)NAN,
			.settling_time_s = (double)NAN,
			.overshoot = (double)NAN,
		};
		if (trouble)
			(void)finding_set(&judgement.findings[i], VERDICT_INCONCLUSIVE, "%s", trouble);
		else
			judge_one(&context, &judgement.findings[i]);
	}
	judgement.verdict = worst(&judgement);
	/* Without expectations there is nothing to fail, but a broken run is no pass. */
	if (!judgement.count && trouble)
		judgement.verdict = VERDICT_INCONCLUSIVE;
	*ret_judgement = judgement;
	return 0;
}

void judgement_release(struct judgement *judgement)
{
	for (size_t i = 0; i < judgement->count; i++)
		free(judgement->findings[i].reason);
	free(judgement->findings);
	*judgement = (struct judgement){0};
}

int judgement_exit_code(const struct judgement *judgement)
{
	static const int codes[] = {[VERDICT_PASS] = 0, [VERDICT_FAIL] = 1, [VERDICT_INCONCLUSIVE] = 3};

	return codes[judgement->verdict];
}
