/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/clock.h"
#include "base/fsio.h"
#include "base/paths.h"
#include "guest/runner.h"
#include "run/fixture.h"
#include "run/inner.h"
#include "run/state.h"
#include "run/undo.h"
#include "run/wake.h"
#include "run/wire.h"

/* Each VM has its own deadline; this is for all of it: a state that cannot be woken, and a boot. */
#define BOOT_DEADLINE_S    400
#define BARRIER_DEADLINE_S 120

/* A tenant's groups go with it, those above them do not. */
static int journal_change(void *context, const char *path, uint64_t before, uint64_t after, struct err *err)
{
	const struct inner *inner = context;
	AUTO(free_ptr) char *group = fsio_dirname(path);
	AUTO(free_ptr) char *values = xasprintf("%" PRIu64 " %" PRIu64, before, after);

	if (undo_is_our_group(fsio_basename(group), "limitlab-"))
		return 0;
	return journal_push(inner->plan->journal, UNDO_MEMORY_LOW, path, values, err);
}

static int work_boot(struct job *job, struct err *err)
{
	struct member *member = job->context;
	const struct run_plan *plan = member->inner->plan;
	pid_t pid;

	struct vm_spec spec = {
		.name = member->spec->name,
		.vcpus = member->spec->vcpus,
		.memory_bytes = member->spec->memory_bytes,
		/* Free while booting: on one scarce CPU three boots take three times as long.  Pinned at the barrier. */
		.vcpu_cpus = plan->allowed_cpus,
		.emulator_cpus = plan->allowed_cpus,
		.kvm = member->inner->accel.kvm,
		.kernel_path = plan->image->kernel_path,
		.initrd_path = plan->image->initrd_path,
		.root_path = plan->image->root_path,
		.console_path = member->console_path,
		.stream_path = member->stream_path,
		.keep_owners = !plan->embed,
	};
	struct workload_place place = {
		.job_path = RUNNER_JOB_PATH,
		.job_name = member->spec->workload_path,
		.memory_bytes = member->spec->memory_bytes,
	};
	const struct run_fixture *fixture = member->inner->fixture;
	if (fixture && fixture->shape && fixture->shape(member, &spec, &place, err))
		return -1;
	uint64_t begin_ns = clock_now_ns();
	if (wake_start(member, &spec, place.disk_bytes, err))
		return -1;
	member->ready_s = (double)(clock_now_ns() - begin_ns) / 1e9;
	if (vm_pid(member->vm, &pid, err) || target_open(vm_domain(member->vm), pid, &member->target, err))
		return -1;
	target_set_hook(
		member->target, &(struct limit_hook){.changing = journal_change, .context = member->inner});
	if (vm_open_stream(member->vm, &member->stream_fd, err))
		return -1;
	if (!member->ops)
		return 0;

	char **tool = NULL;
	bool repeat = false;
	if (member->ops->command(&place, member->job_text, &tool, &repeat, err))
		return -1;
	const char *argv[64] = {RUNNER_PATH};
	size_t count = 1;
	if (repeat)
		argv[count++] = "--repeat";
	size_t word = 0;
	/* The runner's own options stand first. */
	while (tool[word] && tool[word][0] == '-' && count + 2 < ARRAY_SIZE(argv))
		argv[count++] = tool[word++];
	argv[count++] = "--";
	for (; tool[word] && count + 1 < ARRAY_SIZE(argv); word++)
		argv[count++] = tool[word];
	int result = vm_exec(member->vm, argv, member->job_text, &(int64_t){0}, err);
	for (size_t i = 0; tool[i]; i++)
		free(tool[i]);
	free(tool);
	return result;
}

/* Pins the vCPUs, and binds the tenant to what is scarce. */
static int work_attach(struct job *job, struct err *err)
{
	struct member *member = job->context;
	const struct run_plan *plan = member->inner->plan;
	const struct run_fixture *fixture = member->inner->fixture;
	const cpu_set_t *cpus = CPU_COUNT(&member->spec->cpus) ? &member->spec->cpus : &plan->allowed_cpus;

	if (vm_pin(member->vm, cpus, err) || vm_pin_emulator(member->vm, &plan->harness_cpus, err))
		return -1;
	return fixture && fixture->attach ? fixture->attach(member, err) : 0;
}

/* Sets what the scenario declares before the timeline. */
static int work_initial_limits(struct job *job, struct err *err)
{
	struct member *member = job->context;
	struct limit_step steps[LIMIT_COUNT] = {0};

	for (size_t i = 0; i < member->spec->limit_count; i++) {
		steps[i].limit = member->spec->limits[i].limit;
		steps[i].value = member->spec->limits[i].value;
	}
	if (member_set_limits(member, steps, member->spec->limit_count, err))
		return -1;
	for (unsigned limit = 0; limit < LIMIT_COUNT; limit++)
		member->initial_known[limit] =
			limit_get(member->target, limit, &member->initial[limit], NULL, NULL) == 0;
	/* From here on this worker carries out events, beside whatever else runs on our CPUs. */
	loop_thread_punctual(true);
	return 0;
}

static int work_destroy(struct job *job, struct err *err)
{
	struct member *member = job->context;

	(void)err;
	target_close(member->target);
	member->target = NULL;
	vm_destroy(member->vm);
	member->vm = NULL;
	return 0;
}

static void finished_quietly(struct job *job)
{
	(void)job;
}

static void finished_boot(struct job *job)
{
	struct member *member = job->context;

	if (job->result == 0) {
		AUTO(free_ptr)
		char *text = xasprintf("%s is ready%s", member->spec->name, member->woken ? " (woken)" : "");
		wire_event(member->inner->plan->wire_fd, inner_seconds(member->inner, clock_now_ns()), text);
	}
}

static void post(struct member *member, struct job *job, int (*work)(struct job *, struct err *),
	void (*finished)(struct job *))
{
	*job = (struct job){.work = work, .finished = finished, .context = member};
	worker_post(member->worker, job);
}

/* Posts the same work for every member and waits for all; the first failure in tenant order is the error. */
static int all_members(struct inner *inner, int (*work)(struct job *, struct err *),
	void (*finished)(struct job *), uint64_t deadline_s, struct err *err)
{
	for (size_t i = 0; i < inner->member_count; i++)
		post(&inner->members[i], &inner->members[i].job, work, finished);
	int late = loop_run_jobs(inner->loop, clock_now_ns() + deadline_s * NS_PER_S, err);
	if (late < 0)
		return -1;
	if (late)
		return err_run(
			err, "the tenants did not answer within %llu s", (unsigned long long)deadline_s);
	for (size_t i = 0; i < inner->member_count; i++) {
		struct member *member = &inner->members[i];
		if (!member->job.result)
			continue;
		*err = member->job.err;
		return err_wrap(err, "tenant '%s'", member->spec->name);
	}
	return 0;
}

static int prepare_member(struct inner *inner, size_t index, struct err *err)
{
	const struct run_plan *plan = inner->plan;
	struct member *member = &inner->members[index];
	const char *name = plan->scenario->tenants[index].name;

	member->inner = inner;
	member->spec = &plan->scenario->tenants[index];
	member->stream_fd = -1;
	member->ready_s = NAN;
	member->console_path = xasprintf("%s/" RUNDIR_LOG "/%s.console", plan->run_dir, name);
	if (plan->embed)
		member->stream_path = xasprintf("%s/embed/run/stream-%zu.sock", paths_state_dir(), index);
	if (member->spec->workload_path) {
		if (workload_load(member->spec->workload_path, &member->ops, &member->job_text, err))
			return -1;
		workload_stream_init(&member->stream, member->ops);
	}
	if (!plan->embed) {
		AUTO(free_ptr) char *domain = xasprintf("limitlab-%s", name);
		bool taken;
		/* Nobody else's domain may get into the journal. */
		if (vm_host_has(inner->host, name, &taken, err))
			return -1;
		if (taken) {
			(void)err_host(err, "there is a domain '%s' already in '%s'", domain, plan->uri);
			return err_remedy(err,
				"virsh -c %s destroy %s (and undefine it), or rename the tenant", plan->uri,
				domain);
		}
		if (journal_push(plan->journal, UNDO_DOMAIN, plan->uri, domain, err))
			return -1;
	}
	return worker_new(inner->loop, name, &member->worker, err);
}

int inner_boot(struct inner *inner, struct err *err)
{
	const struct run_plan *plan = inner->plan;
	char detail[128];

	inner->zero_ns = clock_now_ns();
	wire_phase(
		plan->wire_fd, "acceleration", plan->accel == ACCEL_AUTO ? "KVM, if it boots a guest" : "");
	AUTO(free_ptr) char *cache = state_path("");
	if (accel_decide(plan->accel, cache, plan->image->kernel_path, plan->image->initrd_path,
		    &inner->accel, err))
		return -1;
	if (!inner->accel.kvm && !inner->accel.cached && plan->accel == ACCEL_AUTO)
		wire_warn(plan->wire_fd, "tenants run under TCG (emulation): %s", inner->accel.reason);
	inner->fixture = run_fixture_of(plan->scenario);
	if (inner->fixture && inner->fixture->make) {
		wire_phase(plan->wire_fd, "scarcity", resource_name(inner->fixture->resource));
		if (inner->fixture->make(inner, err))
			return -1;
	}
	if (inner->fixture && inner->fixture->hold &&
		worker_new(inner->loop, "fixture", &inner->fixture_worker, err))
		return -1;
	wire_phase(plan->wire_fd, "libvirt", plan->uri);
	if (vm_host_open(plan->uri, &inner->host, err))
		return -1;
	inner->member_count = plan->scenario->tenant_count;
	(void)snprintf(detail, sizeof(detail), "%zu tenants, %s", inner->member_count,
		inner->accel.kvm ? "KVM" : "TCG");
	wire_phase(plan->wire_fd, "boot", detail);
	for (size_t i = 0; i < inner->member_count; i++)
		if (prepare_member(inner, i, err))
			return -1;
	uint64_t begin_ns = inner->zero_ns = clock_now_ns();
	if (all_members(inner, work_boot, finished_boot, BOOT_DEADLINE_S, err))
		return -1;
	inner->manifest.boot_s = (double)(clock_now_ns() - begin_ns) / 1e9;
	for (size_t i = 0; i < inner->member_count; i++)
		if (inner->members[i].ops && member_watch(&inner->members[i], err))
			return -1;
	return 0;
}

static bool all_ready(const struct inner *inner)
{
	for (size_t i = 0; i < inner->member_count; i++)
		if (inner->members[i].ops && !inner->members[i].stream.ready &&
			!inner->members[i].stream.failed)
			return false;
	return true;
}

int inner_barrier(struct inner *inner, struct err *err)
{
	uint64_t deadline_ns = clock_now_ns() + BARRIER_DEADLINE_S * NS_PER_S;

	wire_phase(inner->plan->wire_fd, "barrier", "");
	/* The runners say so themselves; each line comes through the loop. */
	while (!all_ready(inner)) {
		int late = loop_run(inner->loop, NULL, clock_now_ns() + 10 * NS_PER_MS, err);
		if (late < 0)
			return -1;
		for (size_t i = 0; i < inner->member_count; i++)
			if (inner->members[i].gone)
				return err_run(err, "tenant '%s' died before the start",
					inner->members[i].spec->name);
		if (clock_now_ns() >= deadline_ns)
			return err_run(
				err, "the tenants' runners were not ready within %d s", BARRIER_DEADLINE_S);
	}
	for (size_t i = 0; i < inner->member_count; i++)
		if (inner->members[i].stream.failed)
			return err_run(err, "tenant '%s': %s", inner->members[i].spec->name,
				inner->members[i].stream.trouble ? inner->members[i].stream.trouble
								 : "its runner failed");
	if (all_members(inner, work_attach, finished_quietly, BARRIER_DEADLINE_S, err) ||
		(inner->fixture && inner->fixture->start && inner->fixture->start(inner, err)))
		return -1;
	return all_members(inner, work_initial_limits, finished_quietly, BARRIER_DEADLINE_S, err);
}

void inner_shutdown(struct inner *inner)
{
	struct err ignored = ERR_INIT;

	for (size_t i = 0; i < inner->member_count; i++) {
		struct member *member = &inner->members[i];
		if (member->vm && member->worker)
			post(member, &member->end_job, work_destroy, finished_quietly);
	}
	/* What is under way may end after a signal too; boots would not in that time. */
	if (!isnan(inner->manifest.boot_s))
		loop_forget_signal(inner->loop);
	/* A VM that cannot be destroyed in time goes with the PID namespace, or through the journal. */
	(void)loop_run_jobs(inner->loop, clock_now_ns() + 10 * NS_PER_S, &ignored);
	if (inner->fixture && inner->fixture->unmake)
		inner->fixture->unmake(inner);
}
