/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * For compare.sh: makes runs, and measures a command.
 *	bench_compare make DIR RUNS TICKS	RUNS run directories in DIR/a and DIR/b in turn, TICKS ticks of four rows each
 *	bench_compare time OUTPUT COMMAND...	wall time in seconds and the largest memory of the command in MiB
 * The samples of every eighth run are the same file under another name; the others differ.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/clock.h"
#include "base/fsio.h"
#include "series/rundir.h"

#define DISTINCT   8
#define INTERVAL_S 0.01

static const char *const tenants[] = {"blue", "green", "red"};

static void fail(const struct err *err)
{
	(void)fprintf(stderr, "bench_compare: %s\n", err->text);
	exit(1);
}

static void write_text(const char *run, const char *file, const char *text)
{
	AUTO(free_ptr) char *path = rundir_path(run, file);
	struct err err = ERR_INIT;

	if (fsio_write_atomic(path, text, strlen(text), &err))
		fail(&err);
}

static void write_scenario(const char *run, double length_s)
{
	AUTO(free_ptr)
	char *text = xasprintf(
		"name: bench-compare\ntitle: made up\nscarce: {cpu: {cpus: [0]}}\nsample: 10ms\ntenants:\n"
		"  - {name: blue, workload: w.stress, limits: {cpu.shares: 1024}}\n"
		"  - {name: green, workload: w.stress, limits: {cpu.shares: 1024}}\n"
		"  - {name: red, workload: w.stress, limits: {cpu.shares: 1024}}\n"
		"timeline:\n"
		"  - {at: 0s, start: all}\n"
		"  - {at: %.0fs, set: {tenant: red, cpu.shares: 4096}}\n"
		"  - {at: %.0fs, reset: {tenant: red, limit: cpu.shares}}\n"
		"  - {at: %.0fs, stop: all}\n"
		"expect:\n"
		"  - {share: cpu, tenant: red, window: [1s, %.0fs], is: model, within: 4%%}\n"
		"  - {share: cpu, tenant: red, window: [%.0fs, %.0fs], is: model, within: 4%%}\n"
		"  - {share: cpu, tenant: blue, window: [%.0fs, %.0fs], is: model, within: 4%%}\n"
		"  - {settles: cpu, tenant: red, after: %.0fs, within: 1s, band: 10%%}\n",
		length_s, 2 * length_s, 3 * length_s, length_s, length_s + 1, 2 * length_s, length_s + 1,
		2 * length_s, length_s);

	write_text(run, RUNDIR_SCENARIO, text);
}

static void write_events(const char *run, double length_s)
{
	AUTO(buf) struct buf text = BUF_INIT;

	buf_adds(&text, "asked_s,start_s,end_s,event,tenant,limit,asked,read_back,name,error\n");
	for (size_t i = 0; i < ARRAY_SIZE(tenants); i++)
		buf_addf(&text, "0.000000,0.000300,0.000400,start,%s,,,,,\n", tenants[i]);
	buf_addf(&text, "%.6f,%.6f,%.6f,set,red,cpu.shares,4096,4096,,\n", length_s, length_s + 0.0003,
		length_s + 0.002);
	buf_addf(&text, "%.6f,%.6f,%.6f,reset,red,cpu.shares,1024,1024,,\n", 2 * length_s,
		2 * length_s + 0.0003, 2 * length_s + 0.002);
	for (size_t i = 0; i < ARRAY_SIZE(tenants); i++)
		buf_addf(&text, "%.6f,%.6f,%.6f,stop,%s,,,,,\n", 3 * length_s, 3 * length_s + 0.0003,
			3 * length_s + 0.0004, tenants[i]);
	write_text(run, RUNDIR_EVENTS, text.data);
}

static void write_manifest(const char *run, unsigned number, unsigned ticks)
{
	AUTO(free_ptr)
	char *text = xasprintf(
		"{\"format_version\": 1, \"state\": \"complete\", \"scenario_name\": \"bench-compare\",\n"
		" \"started_utc\": \"2026-01-01T%02u:%02u:00Z\", \"sample_interval_s\": %g, \"ticks\": %u,\n"
		" \"tenants\": [{\"name\": \"blue\", \"worked\": true}, {\"name\": \"green\", \"worked\": true},\n"
		"  {\"name\": \"red\", \"worked\": true}]}\n",
		number / 60, number % 60, INTERVAL_S, ticks);

	write_text(run, RUNDIR_MANIFEST, text);
}

static double random_part(uint64_t *state)
{
	*state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (double)(*state >> 11) * 0x1p-53;
}

/* What a sampler writes on cgroup v1, but for the columns that are empty without a scarce link. */
static void write_samples(const char *run, unsigned seed, unsigned ticks, double length_s)
{
	AUTO(free_ptr) char *path = rundir_path(run, RUNDIR_SAMPLES);
	struct outfile out = {0};
	struct err err = ERR_INIT;
	double used[3] = {0}, waited[3] = {0}, before_s = 0;
	uint64_t state = seed;

	if (outfile_open(&out, path, &err))
		fail(&err);
	(void)fputs(
		"t_s,tenant,cpu_usage_ns,vcpu_usage_ns,emulator_usage_ns,run_delay_ns,cpu_periods,cpu_throttled,"
		"cpu_throttled_ns,mem_usage_bytes,mem_anon_bytes,mem_swap_bytes,mem_major_faults,blk_read_bytes,"
		"blk_write_bytes,tap_rx_bytes,tap_tx_bytes,set_busy_ns,set_idle_ns,set_steal_ns,mem_available_bytes\n",
		out.stream);
	for (unsigned tick = 0; tick < ticks; tick++) {
		double t_s = (tick + 0.01 * random_part(&state)) * INTERVAL_S;
		bool raised = t_s > length_s && t_s <= 2 * length_s;
		double red = (raised ? 4 / 6. : 1 / 3.) * (0.97 + 0.06 * random_part(&state));
		const double share[] = {(1 - red) / 2, (1 - red) / 2, red};
		for (size_t i = 0; i < ARRAY_SIZE(tenants); i++) {
			used[i] += share[i] * (t_s - before_s);
			waited[i] += (1 - share[i]) * (t_s - before_s);
			(void)fprintf(out.stream,
				"%.6f,%s,%.0f,%.0f,%.0f,%.0f,0,0,0,%.0f,%.0f,0,%u,0,0,,,,,,\n", t_s,
				tenants[i], 1.02e9 * used[i] + 3e9, 1e9 * used[i] + 3e9, 2e7 * used[i],
				1e9 * waited[i], 4096 * floor(65000 + 20 * random_part(&state)),
				4096 * floor(64000 + 20 * random_part(&state)), tick / 1000);
		}
		(void)fprintf(out.stream, "%.6f,host,,,,,,,,,,,,,,,,%.0f,0,0,%.0f\n", t_s, 1e9 * t_s,
			4096 * floor(5e6 + 200 * random_part(&state)));
		before_s = t_s;
	}
	if (outfile_commit(&out, &err))
		fail(&err);
}

static void make(const char *folder, unsigned runs, unsigned ticks)
{
	double length_s = floor((ticks - 1) * INTERVAL_S / 3);

	for (unsigned i = 0; i < runs; i++) {
		AUTO(free_ptr) char *run = xasprintf("%s/%c/run-%03u", folder, "ab"[i % 2], i);
		AUTO(free_ptr) char *samples = rundir_path(run, RUNDIR_SAMPLES);
		AUTO(free_ptr)
		char *first = xasprintf("%s/%c/run-%03u/" RUNDIR_SAMPLES, folder, "ab"[i % 2], i % DISTINCT);
		struct err err = ERR_INIT;
		if (fsio_make_dirs(run, &err))
			fail(&err);
		write_scenario(run, length_s);
		write_events(run, length_s);
		write_manifest(run, i, ticks);
		if (i < DISTINCT)
			write_samples(run, i + 1, ticks, length_s);
		else if (link(first, samples)) {
			(void)err_sys(&err, errno, "cannot link '%s'", samples);
			fail(&err);
		}
	}
}

static int measure(const char *output, char **command)
{
	struct rusage usage;
	uint64_t begin = clock_now_ns();
	int status;
	pid_t child = fork();

	if (child < 0)
		return 1;
	if (!child) {
		int fd = open(output, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
		if (fd < 0 || dup2(fd, STDOUT_FILENO) < 0)
			_exit(126);
		(void)execvp(command[0], command);
		_exit(127);
	}
	if (wait4(child, &status, 0, &usage) != child)
		return 1;
	(void)printf("seconds %.3f\nrss_mib %.1f\nstatus %d\n", (double)(clock_now_ns() - begin) / 1e9,
		(double)usage.ru_maxrss / 1024, WIFEXITED(status) ? WEXITSTATUS(status) : 255);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 5 && !strcmp(argv[1], "make")) {
		make(argv[2], (unsigned)atoi(argv[3]), (unsigned)atoi(argv[4]));
		return 0;
	}
	if (argc > 3 && !strcmp(argv[1], "time"))
		return measure(argv[2], argv + 3);
	(void)fputs("usage: bench_compare make DIR RUNS TICKS | time OUTPUT COMMAND...\n", stderr);
	return 2;
}
