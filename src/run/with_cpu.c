/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Scarce CPUs: the harness and the emulators keep off them, and the tenants' vCPUs share them.
 */
#include "base/auto.h"
#include "base/cpulist.h"
#include "fixture/cpu.h"
#include "run/fixture.h"

static bool declared(const struct scenario *scenario)
{
	return scenario->has_scarce_cpu;
}

static int check(const struct scenario *scenario, const struct run_options *options, struct run_plan *plan,
	struct err *err)
{
	cpu_set_t missing;

	(void)options;
	CPU_AND(&missing, &scenario->scarce_cpus, &plan->allowed_cpus);
	if (!CPU_EQUAL(&missing, &scenario->scarce_cpus)) {
		AUTO(free_ptr) char *wanted = cpulist_format(&scenario->scarce_cpus);
		AUTO(free_ptr) char *there = cpulist_format(&plan->allowed_cpus);
		err_host(err, "scenario '%s' makes CPU %s scarce and this process may use CPU %s",
			scenario->name, wanted, there);
		return err_remedy(err,
			"name other CPUs in 'scarce: {cpu: {cpus: [...]}}', or allow them with taskset(1)");
	}
	CPU_XOR(&plan->harness_cpus, &plan->allowed_cpus, &scenario->scarce_cpus);
	if (!CPU_COUNT(&plan->harness_cpus)) {
		err_host(err,
			"scenario '%s' makes every CPU scarce and leaves none for limitlab and QEMU's emulators",
			scenario->name);
		return err_remedy(err, "leave at least one CPU out of 'scarce: {cpu: {cpus: [...]}}'");
	}
	return 0;
}

static int attach(struct member *member, struct err *err)
{
	if (member->inner->plan->scenario->emulators_default)
		return 0;
	return cpu_fixture_lighten_emulator(target_cgroup(member->target), err);
}

static void sample(struct inner *inner, struct sampler_options *options, struct sampler_tenant *tenants)
{
	(void)tenants;
	options->scarce_cpus = &inner->plan->scenario->scarce_cpus;
}

const struct run_fixture run_fixture_cpu = {
	.resource = RESOURCE_CPU,
	.declared = declared,
	.check = check,
	.attach = attach,
	.sample = sample,
};
