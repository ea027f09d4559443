/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From the bytes of samples.csv to the numbers that are compared: whatever table can be read can be derived, judged and
 * compared, and what is missing stays missing.
 */
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "judge/compare.h"
#include "sample/derive.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char yaml[] =
	"name: fuzz\ntitle: t\nscarce: {cpu: {cpus: [0]}}\n"
	"tenants:\n"
	"  - {name: blue, workload: w.stress, limits: {cpu.shares: 1024}}\n"
	"  - {name: red, workload: w.stress, limits: {cpu.shares: 1024}}\n"
	"timeline:\n  - {at: 0s, start: all}\n  - {at: 4s, stop: all}\n"
	"expect:\n"
	"  - {share: cpu, tenant: red, window: [1s, 4s], is: 50%, within: 9%}\n"
	"  - {level: cpu, tenant: red, window: [1s, 4s], is: model, within: 9%, needs: nothing}\n";

static void check(const struct compare_run *run)
{
	for (size_t i = 0; i < run->count; i++)
		if (!run->values[i].key || !*run->values[i].key || isinf(run->values[i].least) ||
			!(run->values[i].to_s > run->values[i].from_s))
			abort();
}

static void digest(const struct scenario *scenario, const struct table *samples)
{
	struct manifest_tenant tenants[] = {{.name = (char *)(uintptr_t) "blue", .worked = true},
		{.name = (char *)(uintptr_t) "red", .worked = true}};
	const struct manifest manifest = {.state = RUN_COMPLETE,
		.reason = (char *)(uintptr_t) "",
		.started_utc = (char *)(uintptr_t) "",
		.scarce_cpus = (char *)(uintptr_t) "",
		.sample_interval_s = 0.2,
		.ticks = 20,
		.tenants = tenants,
		.tenant_count = 2};
	const struct event_log events = {0};
	struct table series;
	struct judgement judgement;
	struct compare_run runs[2];
	struct comparison comparison;
	struct err err = ERR_INIT;

	derive_series(samples, 1, NULL, NULL, 0, &series);
	const struct judge_input input = {.scenario = scenario,
		.manifest = &manifest,
		.events = &events,
		.samples = samples,
		.series = &series};
	if (judge_run(&input, &judgement, &err))
		abort();
	compare_run_init(&runs[0], "a", &input, &judgement);
	compare_run_init(&runs[1], "b", &input, &judgement);
	check(&runs[0]);
	const struct compare_run *pointers[] = {&runs[0], &runs[1]};
	const struct compare_group groups[] = {{"a", pointers, 1}, {"b", pointers + 1, 1}};
	const struct compare_options options = {.floor = 0.05, .seed = 1};
	if (compare_groups(groups, 2, &options, &comparison, &err) || comparison_exit_code(&comparison) != 3)
		abort();
	comparison_release(&comparison);
	compare_run_release(&runs[0]);
	compare_run_release(&runs[1]);
	judgement_release(&judgement);
	table_release(&series);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct scenario *scenario;
	const struct scenario_options options = {.need_workloads = false};
	struct err err = ERR_INIT;
	struct table samples = {0};

	if (!scenario && scenario_parse("fuzz.yaml", yaml, strlen(yaml), &options, &scenario, &err))
		abort();
	if (table_parse_csv(&samples, "samples.csv", (const char *)data, size, &err))
		return 0;
	digest(scenario, &samples);
	table_release(&samples);
	return 0;
}
