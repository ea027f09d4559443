/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "run/prepare.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "applier/mounts.h"
#include "base/auto.h"
#include "base/clock.h"
#include "base/cpulist.h"
#include "base/fsio.h"
#include "base/privilege.h"
#include "config.h"
#include "run/fixture.h"

/* Two manifests of SCENARIO_MAX_TENANTS tenants: the old one stays until the new one is whole. */
#define RESERVE_BYTES (64 * 1024)

static int check_controllers(struct err *err)
{
	static const enum cgroup_controller needed[] = {CGROUP_CPU, CGROUP_CPUSET};
	AUTO(cgroup_mounts) struct cgroup_mounts mounts = {0};

	if (cgroup_mounts_read("", &mounts, err))
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(needed); i++) {
		if (cgroup_mounts_offer(&mounts, needed[i]))
			continue;
		err_host(err, "this host offers no '%s' control groups",
			cgroup_controller_name(needed[i], false));
		return err_remedy(err,
			"boot without cgroup_disable=, with the controller mounted (limitlab doctor says more)");
	}
	return 0;
}

static bool sets(const struct scenario *scenario, enum limit_id limit)
{
	for (size_t i = 0; i < scenario->tenant_count; i++)
		if (scenario_setting(scenario->tenants[i].limits, scenario->tenants[i].limit_count, limit))
			return true;
	for (size_t i = 0; i < scenario->event_count; i++)
		if (scenario_setting(scenario->events[i].settings, scenario->events[i].setting_count, limit))
			return true;
	return false;
}

int prepare_check_when(
	const struct scenario *scenario, const char *mode, const char *release, struct err *err)
{
	AUTO(free_ptr) char *reason = NULL;

	if (when_ask(&scenario->when, mode, release, &reason) == WHEN_HOLDS)
		return 0;
	AUTO(free_ptr) char *needs = when_text(&scenario->when);
	bool v2 = !strcmp(mode, "v2");
	bool other = scenario->when.cgroup && (!strcmp(scenario->when.cgroup, "v2")) != v2;
	bool soft = other && v2 && sets(scenario, LIMIT_MEMORY_SOFT);
	err_host(err, "scenario '%s' needs %s and this host runs cgroup %s on %s%s", scenario->name, needs,
		mode, release,
		soft ? ", where memory.soft is memory.high: that throttles always, not only while memory is scarce, so it "
		       "is no soft limit"
		     : "");
	if (soft)
		return err_remedy(err,
			"boot with systemd.unified_cgroup_hierarchy=0 and a kernel whose v1 soft limit acts (6.1's does), or "
			"have limitlab boot one: limitlab run --in-lab-host --kernel 6.1 --cgroup v1 %s; what v2 has instead is "
			"memory.protect, see the scenario memory-protect",
			scenario->path);
	if (other)
		return err_remedy(err,
			"boot with systemd.unified_cgroup_hierarchy=%d, or run it on another host: limitlab kernels",
			!v2);
	return err_remedy(err, "run it on another kernel: limitlab kernels --kernel K %s", scenario->path);
}

static int check_cgroups(const struct scenario *scenario, struct err *err)
{
	struct utsname host;
	const char *mode;

	if (cgroup_host_mode("", &mode, err) || check_controllers(err))
		return -1;
	if (uname(&host))
		return err_sys(err, errno, "cannot ask for the kernel's release");
	return prepare_check_when(scenario, mode, host.release, err);
}

int prepare_root(const struct scenario *scenario, struct err *err)
{
	AUTO(free_ptr) char *command = xasprintf("run %s", scenario->path);

	return need_root("limitlab run", "it makes namespaces, VMs and control groups", command, err);
}

static int check_cpus(const struct scenario *scenario, const cpu_set_t *allowed, struct err *err)
{
	for (size_t i = 0; i < scenario->tenant_count; i++) {
		const struct tenant_spec *tenant = &scenario->tenants[i];
		cpu_set_t there;
		CPU_AND(&there, &tenant->cpus, allowed);
		if (CPU_EQUAL(&there, &tenant->cpus))
			continue;
		AUTO(free_ptr) char *wanted = cpulist_format(&tenant->cpus);
		AUTO(free_ptr) char *have = cpulist_format(allowed);
		(void)err_host(err,
			"tenant '%s' of scenario '%s' runs on CPU %s and this process may use CPU %s",
			tenant->name, scenario->name, wanted, have);
		return err_remedy(err, "name other CPUs in its 'cpus', or allow them with taskset(1)");
	}
	return 0;
}

int prepare_host(const struct scenario *scenario, const struct run_options *options, struct run_plan *plan,
	struct err *err)
{
	const struct run_fixture *fixture = run_fixture_of(scenario);

	if (check_cgroups(scenario, err) || cpulist_allowed(&plan->allowed_cpus, err) ||
		check_cpus(scenario, &plan->allowed_cpus, err))
		return -1;
	plan->harness_cpus = plan->allowed_cpus;
	return fixture && fixture->check ? fixture->check(scenario, options, plan, err) : 0;
}

static char *cpu_model(void)
{
	AUTO(buf) struct buf text = BUF_INIT;

	if (fsio_read_file("/proc/cpuinfo", 1024 * 1024, &text, NULL))
		return xstrdup("");
	const char *line = strstr(text.data, "model name");
	const char *colon = line ? strchr(line, ':') : NULL;
	if (!colon)
		return xstrdup("");
	colon += strspn(colon, ": \t");
	return xstrndup(colon, strcspn(colon, "\n"));
}

static int first_manifest(
	const struct scenario *scenario, const struct run_plan *plan, const char *run_dir, struct err *err)
{
	struct manifest manifest;
	struct utsname system;
	const char *mode = "";
	char now[32];

	manifest_init(&manifest);
	clock_utc_iso(now, sizeof(now));
	(void)uname(&system);
	(void)cgroup_host_mode("", &mode, NULL);
	manifest.state = RUN_RUNNING;
	struct {
		char **slot;
		char *text;
	} texts[] = {
		{&manifest.scenario_name, xstrdup(scenario->name)},
		{&manifest.started_utc, xstrdup(now)},
		{&manifest.limitlab_version, xstrdup(LIMITLAB_VERSION)},
		{&manifest.host_kernel, xstrdup(system.release)},
		{&manifest.guest_kernel, xstrdup(plan->image->kernel_release)},
		{&manifest.cgroup_mode, xstrdup(mode)},
		{&manifest.cpu_model, cpu_model()},
		{&manifest.connection, xstrdup(plan->uri)},
		{&manifest.scarce_cpus,
			scenario->has_scarce_cpu ? cpulist_format(&scenario->scarce_cpus) : xstrdup("")},
		{&manifest.harness_cpus, cpulist_format(&plan->harness_cpus)},
	};
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		free(*texts[i].slot);
		*texts[i].slot = texts[i].text;
	}
	manifest.cpu_count = (unsigned)sysconf(_SC_NPROCESSORS_ONLN);
	manifest.sample_interval_s = (double)scenario->sample_ns / 1e9;
	AUTO(free_ptr) char *path = rundir_path(run_dir, RUNDIR_MANIFEST);
	int result = manifest_write(&manifest, path, err);
	manifest_release(&manifest);
	return result;
}

static bool number_from_env(const char *name, unsigned *ret_number)
{
	const char *text = getenv(name);
	char *end;

	if (!text || !*text)
		return false;
	unsigned long number = strtoul(text, &end, 10);
	*ret_number = (unsigned)number;
	return !*end && number <= UINT32_MAX;
}

/* Files made as root belong to the user behind sudo. */
static bool user_behind_sudo(unsigned *ret_uid, unsigned *ret_gid)
{
	return geteuid() == 0 && number_from_env("SUDO_UID", ret_uid) && number_from_env("SUDO_GID", ret_gid);
}

/* As mkdir -p, and what was not there before is given away; somebody else's folder keeps its owner. */
static int make_parents(const char *path, struct err *err)
{
	unsigned uid, gid;

	if (fsio_exists(path))
		return 0;
	AUTO(free_ptr) char *parent = fsio_dirname(path);
	if (make_parents(parent, err))
		return -1;
	if (mkdir(path, 0755) && errno != EEXIST)
		return err_sys(err, errno, "cannot make the folder '%s'", path);
	if (user_behind_sudo(&uid, &gid))
		(void)!lchown(path, uid, gid);
	return 0;
}

static int make_fresh_folder(const char *parent, char **ret_path, struct err *err)
{
	char now[32];

	if (make_parents(parent, err))
		return -1;
	clock_utc_compact(now, sizeof(now));
	for (unsigned attempt = 1; attempt < 1000; attempt++) {
		AUTO(free_ptr)
		char *path = attempt == 1 ? xasprintf("%s/%s", parent, now)
					  : xasprintf("%s/%s-%u", parent, now, attempt);
		if (mkdir(path, 0755) == 0) {
			*ret_path = STEAL(path);
			return 0;
		}
		if (errno != EEXIST)
			return err_sys(err, errno, "cannot make the run directory '%s'", path);
	}
	return err_run(err, "too many runs in '%s' within one second", parent);
}

static int make_reserve(const char *run_dir, struct err *err)
{
	AUTO(free_ptr) char *path = rundir_path(run_dir, RUNDIR_RESERVE);
	AUTO(close_fd) int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

	if (fd < 0)
		return err_sys(err, errno, "cannot write '%s'", path);
	int why = posix_fallocate(fd, 0, RESERVE_BYTES);
	return why ? err_sys(err, why, "cannot put %d bytes aside in '%s'", RESERVE_BYTES, path) : 0;
}

void prepare_free_reserve(const char *run_dir)
{
	AUTO(free_ptr) char *path = rundir_path(run_dir, RUNDIR_RESERVE);

	(void)unlink(path);
}

int prepare_rundir(const struct scenario *scenario, const struct run_options *options,
	const struct run_plan *plan, char **ret_run_dir, struct err *err)
{
	AUTO(free_ptr) char *parent = xasprintf("%s/%s", options->out_dir, scenario->name);
	AUTO(free_ptr) char *relative = NULL;

	if (make_fresh_folder(parent, &relative, err))
		return -1;
	/* QEMU opens its console log by an absolute path. */
	AUTO(free_ptr) char *run_dir = realpath(relative, NULL);
	if (!run_dir)
		return err_sys(err, errno, "cannot resolve '%s'", relative);
	AUTO(free_ptr) char *log = rundir_path(run_dir, RUNDIR_LOG);
	AUTO(free_ptr) char *copy = rundir_path(run_dir, RUNDIR_SCENARIO);
	if (fsio_make_dirs(log, err) ||
		fsio_write_atomic(copy, scenario->source, scenario->source_length, err) ||
		make_reserve(run_dir, err) || first_manifest(scenario, plan, run_dir, err)) {
		/* Nothing has happened that it could tell. */
		(void)fsio_remove_tree(run_dir, NULL);
		return -1;
	}
	*ret_run_dir = STEAL(run_dir);
	return 0;
}

void prepare_give_away(const char *run_dir)
{
	char *roots[] = {(char *)(uintptr_t)run_dir, NULL};
	unsigned uid, gid;

	if (!user_behind_sudo(&uid, &gid))
		return;
	FTS *tree = fts_open(roots, FTS_PHYSICAL | FTS_XDEV | FTS_NOCHDIR, NULL);
	for (FTSENT *entry; tree && (entry = fts_read(tree)) != NULL;)
		if (entry->fts_info != FTS_DP)
			(void)!lchown(entry->fts_accpath, uid, gid);
	if (tree)
		(void)fts_close(tree);
}
