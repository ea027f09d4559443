/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Whole run directories, made up: two tenants on one CPU, of which one gets twice the weight after four seconds.  Runs
 * differ from each other, and rows from each other, by noise; a change can be put in.
 */
#ifndef LIMITLAB_TESTS_UNIT_MADE_SHARES_H
#define LIMITLAB_TESTS_UNIT_MADE_SHARES_H

#include <sys/stat.h>

#include "base/fsio.h"
#include "made_run.h"

static const char made_shares_yaml[] =
	"name: made-shares\n"
	"title: made up\n"
	"scarce: {cpu: {cpus: [0]}}\n"
	"tenants:\n"
	"  - {name: blue, workload: w.stress, limits: {cpu.shares: 1024}}\n"
	"  - {name: red, workload: w.stress, limits: {cpu.shares: 1024}}\n"
	"timeline:\n"
	"  - {at: 0s, start: all}\n"
	"  - {at: 4s, set: {tenant: red, cpu.shares: 2048}}\n"
	"  - {at: 8s, stop: all}\n"
	"expect:\n"
	"  - {share: cpu, tenant: red, window: [1s, 4s], is: 50%, within: 9%, name: red before}\n"
	"  - {share: cpu, tenant: red, window: [5s, 8s], is: 66.7%, within: 9%, name: red after}\n"
	"  - {share: cpu, tenant: blue, window: [5s, 8s], is: 33.3%, within: 9%, name: blue after}\n"
	"  - {settles: cpu, tenant: red, after: 4s, within: 1s, band: 13%, name: red settles}\n";

struct made_shares {
	uint64_t seed;
	double run_noise; /* standard deviation of a run's share, relative */
	double row_noise; /* of one interval's share, relative */
	double red_times; /* red's share after the event times this; 0: as it should be */
	const char *yaml; /* NULL: made_shares_yaml */
	const char *kernel;
	enum run_state state; /* 0 is RUN_RUNNING: see `unfinished` */
	bool unfinished, dead, idle;
};

/* About normal: the sum of twelve uniform numbers. */
static inline double made_noise(uint64_t *state)
{
	double sum = -6;

	for (int i = 0; i < 12; i++) {
		*state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
		sum += (double)(*state >> 11) * 0x1p-53;
	}
	return sum;
}

static inline void made_shares_samples(struct made_run *run, const struct made_shares *shares)
{
	static const char *const columns[] = {"cpu_usage_ns", "vcpu_usage_ns", "run_delay_ns",
		"mem_usage_bytes", "set_busy_ns", "set_idle_ns", "set_steal_ns"};
	uint64_t noise = shares->seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
	double used[2] = {0}, waited[2] = {0}, busy = 0, before_s = -1;
	double of_run = 1 + shares->run_noise * made_noise(&noise);
	double memory[2] = {280 + made_noise(&noise), 281 + made_noise(&noise)};

	table_init(&run->samples, columns, ARRAY_SIZE(columns));
	for (int tick = -5; tick <= 41; tick++) {
		double t_s = tick * MADE_INTERVAL_S + 0.0001, middle_s = (t_s + before_s) / 2;
		double red = middle_s < 4 ? 0.5 : 2. / 3 * (shares->red_times > 0 ? shares->red_times : 1);
		red *= of_run * (1 + shares->row_noise * made_noise(&noise));
		const double share[] = {1 - red, red};
		double length = tick == -5 ? 0 : t_s - before_s;
		double idle = shares->idle ? 0.3 : 0;
		busy += (1 - idle) * length;
		for (size_t i = 0; i < 2; i++) {
			used[i] += share[i] * (1 - idle) * length;
			waited[i] += (1 - share[i]) * (1 - idle) * length;
			double *cells = table_add_row(&run->samples, t_s, run->scenario->tenants[i].name);
			cells[0] = rint(1e9 * used[i] * 1.02);
			cells[1] = rint(1e9 * used[i]);
			cells[2] = rint(1e9 * waited[i]);
			cells[3] = rint(memory[i] * 1048576);
		}
		double *cells = table_add_row(&run->samples, t_s, "host");
		cells[4] = rint(1e9 * busy);
		cells[5] = rint(1e9 * (t_s + 1.0001 - busy));
		cells[6] = 0;
		before_s = t_s;
	}
}

/* Writes the files of a run into `folder`, which it makes. */
static inline void made_shares_write(const char *folder, const struct made_shares *shares)
{
	AUTO(made_run) struct made_run run = {0};
	const struct made_faults none = {0};
	const char *yaml = shares->yaml ? shares->yaml : made_shares_yaml;
	AUTO(free_ptr) char *manifest = rundir_path(folder, RUNDIR_MANIFEST);
	AUTO(free_ptr) char *scenario = rundir_path(folder, RUNDIR_SCENARIO);
	AUTO(free_ptr) char *events = rundir_path(folder, RUNDIR_EVENTS);
	AUTO(free_ptr) char *samples = rundir_path(folder, RUNDIR_SAMPLES);
	struct err err = ERR_INIT;

	made_begin(&run, folder, yaml, &none);
	made_shares_samples(&run, shares);
	if (shares->unfinished)
		run.manifest.state = shares->state;
	run.manifest.tenants[0].worked = !shares->dead;
	free(run.manifest.host_kernel);
	run.manifest.host_kernel = xstrdup(shares->kernel ? shares->kernel : "6.1");
	free(run.manifest.scenario_name);
	run.manifest.scenario_name = xstrdup(run.scenario->name);
	free(run.manifest.started_utc);
	run.manifest.started_utc =
		xasprintf("2026-01-01T%02u:%02u:%02uZ", (unsigned)(shares->seed / 3600 % 24),
			(unsigned)(shares->seed / 60 % 60), (unsigned)(shares->seed % 60));
	if (fsio_make_dirs(folder, &err) || manifest_write(&run.manifest, manifest, &err) ||
		fsio_write_atomic(scenario, yaml, strlen(yaml), &err) ||
		event_log_write_csv(&run.events, events, &err) ||
		table_write_csv(&run.samples, samples, &err))
		fail_msg("%s: %s", folder, err.text);
}

#endif
