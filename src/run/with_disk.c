/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A scarce disk: the device of declared speed (fixture/disk.h), or a real one, and a partition of it for every tenant, /dev/vdb in
 * the guest.  No CPU is reserved.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "applier/disk.h"
#include "base/auto.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/fsio.h"
#include "fixture/disk.h"
#include "run/fixture.h"
#include "run/state.h"
#include "run/undo.h"
#include "run/wire.h"

#define GUEST_TARGET "vdb"
#define GUEST_DEVICE "/dev/" GUEST_TARGET
/* QEMU's own, beside the guest's memory (TCG: 265 MiB of RSS for a guest of 192 MiB). */
#define QEMU_BYTES (UINT64_C(100) << 20)
/* What is in force, for log/disk. */
#define SETTING_SIZE 4096

struct disk_state {
	char *dir;
	struct disk_fixture *fixture;
	char *partitions[SCENARIO_MAX_TENANTS]; /* names below /sys/class/block */
	char *nodes[SCENARIO_MAX_TENANTS];
};

static struct disk_state *state_of(const struct inner *inner)
{
	return inner->fixture_state;
}

static size_t index_of(const struct member *member)
{
	return (size_t)(member - member->inner->members);
}

static bool declared(const struct scenario *scenario)
{
	return scenario->disk.declared;
}

static struct disk_options options_for(const struct scenario *scenario)
{
	struct disk_options disk = {
		.size_bytes = scenario->disk.size_bytes,
		.rate_bytes_per_s = scenario->disk.rate_bytes_per_s,
		.latency_ns = scenario->disk.latency_ns,
		.device = scenario->disk.device,
		.scheduler = disk_scheduler_name(scenario->disk.scheduler),
		.low_latency = scenario->disk.low_latency,
		.partitions = (unsigned)scenario->tenant_count,
	};

	for (size_t i = 0; i < scenario->tenant_count; i++)
		disk.memory_bytes += scenario->tenants[i].memory_bytes + QEMU_BYTES;
	return disk;
}

/* Overwriting somebody's device takes two hands: the scenario's and the command's. */
static int check_consent(const struct scenario *scenario, const struct run_options *options, struct err *err)
{
	const char *device = scenario->disk.device;

	if (!device || (options->use_device && !strcmp(options->use_device, device)))
		return 0;
	if (options->use_device)
		return err_input(err, "the scenario's disk is '%s', and --use-device says '%s'", device,
			options->use_device);
	(void)err_host(
		err, "the scarce disk is the real device '%s', and everything on it would be lost", device);
	return err_remedy(err, "where that is all right: limitlab run --use-device %s", device);
}

static int check(const struct scenario *scenario, const struct run_options *options, struct run_plan *plan,
	struct err *err)
{
	struct disk_options disk = options_for(scenario);

	if (check_consent(scenario, options, err) || disk_check(&disk, err))
		return err_wrap(err, "scenario '%s'", scenario->name);
	plan->disk_loop = disk_loop_free_number();
	return 0;
}

static int journal_disk(const struct run_plan *plan, struct journal *journal, struct err *err)
{
	const char *device = plan->scenario->disk.device;
	AUTO(free_ptr) char *dir = state_path(DISK_DIR_NAME);

	if (!device)
		return undo_push_disk_made(journal, dir, plan->disk_loop, err);
	/* Nodes that anybody may open must not outlive the partitions. */
	return journal_push(journal, UNDO_DISK_DIR, dir, NULL, err) ||
			       undo_push_disk_device(journal, device, err)
		       ? -1
		       : 0;
}

static int make(struct inner *inner, struct err *err)
{
	struct disk_options disk = options_for(inner->plan->scenario);
	struct disk_state *state = xcalloc(1, sizeof(*state));

	/* A daemon's QEMU is another user, and is given no files of ours (vm_spec.keep_owners). */
	disk.own_nodes = !inner->plan->embed;
	inner->fixture_state = state;
	state->dir = state_path(DISK_DIR_NAME);
	wire_phase(inner->plan->wire_fd, "disk", disk.device ? disk.device : "nbdkit, nbdfuse, loop device");
	/* From the loop's thread, which lives as long as the run. */
	if (disk_dir_remove(state->dir, err) || fsio_make_dirs(state->dir, err) ||
		disk_fixture_new(&disk, state->dir, inner->plan->disk_loop, &state->fixture, err))
		return -1;
	for (unsigned i = 0; i < disk.partitions; i++) {
		uint64_t bytes;
		const char *node = disk_fixture_partition(state->fixture, i, &bytes);
		state->partitions[i] = xstrdup(fsio_basename(node));
		state->nodes[i] = xstrdup(node);
		if (disk.own_nodes && chmod(node, 0666))
			return err_sys(err, errno, "cannot let the daemon's QEMU have '%s'", node);
	}
	if (inner->plan->scenario->disk.scheduler != DISK_SCHEDULER_BFQ)
		wire_warn(inner->plan->wire_fd,
			"the scheduler of the scarce disk is %s, as the scenario wants it: weights have no effect",
			disk.scheduler);
	return 0;
}

static int shape(struct member *member, struct vm_spec *spec, struct workload_place *place, struct err *err)
{
	const struct disk_state *state = state_of(member->inner);

	(void)err;
	(void)disk_fixture_partition(state->fixture, (unsigned)index_of(member), &place->disk_bytes);
	spec->disk_path = state->nodes[index_of(member)];
	place->disk = GUEST_DEVICE;
	return 0;
}

static int attach(struct member *member, struct err *err)
{
	const struct disk_fixture *fixture = state_of(member->inner)->fixture;
	const struct disk_binding binding = {
		.device = disk_fixture_path(fixture),
		.number = disk_fixture_number(fixture),
		.guest_target = GUEST_TARGET,
		.ignores_weights = member->inner->plan->scenario->disk.scheduler != DISK_SCHEDULER_BFQ,
	};

	return target_bind_disk(member->target, &binding, err);
}

static void sample(struct inner *inner, struct sampler_options *options, struct sampler_tenant *tenants)
{
	const struct disk_state *state = state_of(inner);

	options->disk_block = disk_fixture_block(state->fixture);
	for (size_t i = 0; i < inner->member_count; i++)
		tenants[i].disk_block = state->partitions[i];
}

static int watch(struct inner *inner, struct err *err)
{
	if (disk_fixture_alive(state_of(inner)->fixture, err))
		return err_wrap(err, "at %.1f s", inner_seconds(inner, clock_now_ns()));
	return 0;
}

/* The scheduler's settings as they were in force: what else could explain the run. */
static int record(struct inner *inner, struct err *err)
{
	static const char *const names[] = {"scheduler", "iosched/low_latency", "iosched/max_budget",
		"iosched/slice_idle_us", "iosched/strict_guarantees", "iosched/timeout_sync", "nr_requests",
		"rotational"};
	const char *block = disk_fixture_block(state_of(inner)->fixture);
	AUTO(free_ptr) char *path = xasprintf("%s/" RUNDIR_LOG "/disk", inner->plan->run_dir);
	AUTO(buf) struct buf text = BUF_INIT;

	buf_addf(&text, "%s\n", disk_fixture_path(state_of(inner)->fixture));
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		AUTO(free_ptr) char *file = xasprintf("/sys/block/%s/queue/%s", block, names[i]);
		char value[SETTING_SIZE];
		if (!fsio_read_small(-1, file, value, sizeof(value), NULL))
			buf_addf(&text, "%s: %s\n", names[i], value);
	}
	return fsio_write_atomic(path, text.data, text.length, err);
}

static void unmake(struct inner *inner)
{
	struct disk_state *state = state_of(inner);
	struct err err = ERR_INIT;

	if (!state)
		return;
	inner->fixture_state = NULL;
	/* What fails here is tried again by the journal. */
	if (disk_fixture_remove(state->fixture, &err) || disk_dir_remove(state->dir, &err))
		wire_warn(inner->plan->wire_fd, "%s", err.text);
	/* The texts stay: a VM that could not be destroyed in time may still be looked at by its worker. */
}

const struct run_fixture run_fixture_disk = {
	.resource = RESOURCE_DISK,
	.declared = declared,
	.check = check,
	.journal = journal_disk,
	.make = make,
	.shape = shape,
	.attach = attach,
	.sample = sample,
	.watch = watch,
	.record = record,
	.unmake = unmake,
};
