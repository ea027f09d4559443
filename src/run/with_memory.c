/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Scarce memory: a holder that takes memory from the whole host (fixture/memory.h) while the timeline says so, perhaps a reader that
 * keeps the kernel reclaiming meanwhile, and a swap file for the length of the run or from an event on.  No CPU is reserved.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "applier/mounts.h"
#include "base/auto.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/fsio.h"
#include "fixture/memory.h"
#include "fixture/memory_reader.h"
#include "run/fixture.h"
#include "run/state.h"
#include "run/undo.h"
#include "run/wire.h"

/* So little left of the swap file counts as full: the kernel's own clusters are a megabyte. */
#define SWAP_FULL_BYTES (UINT64_C(8) << 20)
#define VMSTAT_LIMIT    (64U * 1024)
/* Without swap the run ends before so little is available: half of what is the host's own. */
#define DANGER_BYTES (MEMORY_FLOOR_BYTES / 2)
#define CACHE_NAME   "limitlab.cache"

struct memory_state {
	struct memory_holder *holder;
	struct memory_reader *reader; /* NULL: nothing is read */
	char *swap_path;              /* NULL: no swap file */
	/* Turned over by the fixture's worker, looked at by the loop. */
	atomic_bool swap_is_on, holds;
	uint64_t oom_kills;
	bool may_kill; /* some tenant may die: then the OOM killer is part of the experiment */
};

static struct memory_state *state_of(const struct inner *inner)
{
	return inner->fixture_state;
}

static bool declared(const struct scenario *scenario)
{
	return scenario->memory.declared;
}

static struct memory_wish wish_of(const struct scenario *scenario)
{
	struct memory_wish wish = {
		.free_bytes = scenario->memory.free_bytes,
		.swap_bytes = scenario->memory.swap_bytes,
		.swap_later = scenario->memory.swap_later,
		.cache_bytes = scenario->memory.cache_bytes,
		.guest_count = scenario->tenant_count,
	};

	for (size_t i = 0; i < scenario->tenant_count; i++)
		wish.guests_bytes += scenario->tenants[i].memory_bytes;
	return wish;
}

static int check_controller(struct err *err)
{
	AUTO(cgroup_mounts) struct cgroup_mounts mounts = {0};

	if (cgroup_mounts_read("", &mounts, err))
		return -1;
	if (cgroup_mounts_offer(&mounts, CGROUP_MEMORY))
		return 0;
	(void)err_host(
		err, "this host offers no 'memory' control groups: no VM's memory can be limited or counted");
	return err_remedy(err, "boot without cgroup_disable=memory, on a kernel with CONFIG_MEMCG=y");
}

static int check(const struct scenario *scenario, const struct run_options *options, struct run_plan *plan,
	struct err *err)
{
	AUTO(free_ptr) char *path = state_path(MEMORY_SWAP_NAME);
	AUTO(free_ptr) char *cache = state_path(CACHE_NAME);
	struct memory_wish wish = wish_of(scenario);
	struct memory_host host;

	(void)plan;
	if (wish.free_bytes && !options->allow_host_scarcity) {
		(void)err_host(err,
			"scenario '%s' makes this whole host short of memory, down to %" PRIu64
			" MiB: other programs may be swapped out or become slow",
			scenario->name, wish.free_bytes >> 20);
		return err_remedy(err, "where that is all right: limitlab run --allow-host-scarcity, or "
				       "LIMITLAB_ALLOW_HOST_SCARCITY=1");
	}
	if (check_controller(err) || memory_host_read("", &host, err) || memory_check(&host, &wish, err) ||
		(wish.swap_bytes && memory_swap_check(path, wish.swap_bytes, err)) ||
		(wish.cache_bytes && memory_reader_check(cache, err)))
		return err_wrap(err, "scenario '%s'", scenario->name);
	return 0;
}

static int journal_swap(const struct run_plan *plan, struct journal *journal, struct err *err)
{
	AUTO(free_ptr) char *path = state_path(MEMORY_SWAP_NAME);

	return plan->scenario->memory.swap_bytes ? journal_push(journal, UNDO_SWAP, path, NULL, err) : 0;
}

/* Of the whole host since it booted. */
static int read_oom_kills(uint64_t *ret_count, struct err *err)
{
	AUTO(buf) struct buf text = BUF_INIT;

	if (fsio_read_file("/proc/vmstat", VMSTAT_LIMIT, &text, err))
		return -1;
	const char *line = strstr(text.data, "\noom_kill ");
	/* Kernels before 4.13 do not count them. */
	*ret_count = line ? strtoull(line + strlen("\noom_kill "), NULL, 10) : 0;
	return 0;
}

static int make(struct inner *inner, struct err *err)
{
	const struct scenario *scenario = inner->plan->scenario;
	struct memory_state *state = xcalloc(1, sizeof(*state));

	inner->fixture_state = state;
	for (size_t i = 0; i < scenario->tenant_count; i++)
		state->may_kill = state->may_kill || scenario->tenants[i].may_die;
	if (read_oom_kills(&state->oom_kills, err))
		return -1;
	if (scenario->memory.swap_bytes) {
		state->swap_path = state_path(MEMORY_SWAP_NAME);
		/* What comes later is tried now: in the middle of the run it would be too late to say that it cannot be. */
		if (memory_swap_make(state->swap_path, scenario->memory.swap_bytes, err) ||
			(scenario->memory.swap_later && memory_swap_remove(state->swap_path, err)))
			return -1;
		state->swap_is_on = !scenario->memory.swap_later;
	}
	/* From the loop's thread, which lives as long as the run. */
	if (scenario->memory.free_bytes && memory_holder_new(&state->holder, err))
		return -1;
	AUTO(free_ptr) char *path = state_path(CACHE_NAME);
	return scenario->memory.cache_bytes
		       ? memory_reader_new(path, scenario->memory.cache_bytes, &state->reader, err)
		       : 0;
}

/* When memory runs out all the same, a tenant goes, and nothing of the host's. */
static int attach(struct member *member, struct err *err)
{
	AUTO(free_ptr) char *path = xasprintf("/proc/%d/oom_score_adj", (int)target_pid(member->target));

	return fsio_write_small(AT_FDCWD, path, "1000", err);
}

static int journal_change(void *context, const char *path, uint64_t before, uint64_t after, struct err *err)
{
	const struct inner *inner = context;
	AUTO(free_ptr) char *values = xasprintf("%" PRIu64 " %" PRIu64, before, after);

	return journal_push(inner->plan->journal, UNDO_HUGEPAGES, path, values, err);
}

static void tell_progress(void *context, uint64_t done_bytes, uint64_t all_bytes)
{
	const struct inner *inner = context;
	AUTO(free_ptr)
	char *text = xasprintf(
		"%" PRIu64 " of %" PRIu64 " MiB of memory locked", done_bytes >> 20, all_bytes >> 20);

	wire_event(inner->plan->wire_fd, inner_seconds(inner, clock_now_ns()), text);
}

/* Without swap nobody may come near the OOM killer: the tenants have what they will ever want, or it does not begin. */
static int check_grown(const struct inner *inner, struct err *err)
{
	struct memory_wish wish = wish_of(inner->plan->scenario);
	uint64_t used = 0;

	if (!memory_wants_grown(&wish) || state_of(inner)->swap_is_on)
		return 0;
	for (size_t i = 0; i < inner->member_count; i++) {
		uint64_t bytes;
		if (inner->members[i].dead)
			continue;
		if (memory_of_process("", (int)target_pid(inner->members[i].target), &bytes, err))
			return -1;
		used += bytes;
	}
	return memory_check_grown(&wish, used, err);
}

static int read_on(struct memory_state *state, bool on, struct err *err)
{
	return state->reader ? memory_reader_run(state->reader, on, err) : 0;
}

static int hold(struct inner *inner, bool on, struct err *err)
{
	struct memory_hold wanted = {
		.free_bytes = inner->plan->scenario->memory.free_bytes,
		.changing = journal_change,
		.progress = tell_progress,
		.context = inner,
	};
	struct memory_state *state = state_of(inner);
	struct memory_host host;
	struct memory_held held;

	loop_thread_punctual(true);
	state->holds = on;
	if (!on) {
		if (read_on(state, false, err) || memory_holder_give(state->holder, err) ||
			memory_host_read("", &host, err))
			return -1;
		(void)snprintf(inner->fixture_note, sizeof(inner->fixture_note),
			"all given back, %" PRIu64 " MiB available", host.available_bytes >> 20);
		return 0;
	}
	if (check_grown(inner, err) || memory_holder_take(state->holder, &wanted, &held, err) ||
		read_on(state, true, err))
		return -1;
	(void)snprintf(inner->fixture_note, sizeof(inner->fixture_note),
		"%" PRIu64 " MiB taken as huge pages, %" PRIu64 " MiB locked, %" PRIu64
		" MiB left available%s",
		held.huge_bytes >> 20, held.locked_bytes >> 20, held.available_bytes >> 20,
		state->reader ? "; a file is read over and over" : "");
	return 0;
}

static int add_swap(struct inner *inner, struct err *err)
{
	struct memory_state *state = state_of(inner);
	uint64_t bytes = inner->plan->scenario->memory.swap_bytes;

	if (memory_swap_make(state->swap_path, bytes, err))
		return -1;
	state->swap_is_on = true;
	(void)snprintf(inner->fixture_note, sizeof(inner->fixture_note), "%" PRIu64 " MiB of swap turned on",
		bytes >> 20);
	return 0;
}

static int start(struct inner *inner, struct err *err)
{
	if (!inner->plan->scenario->memory.from_start)
		return 0;
	wire_phase(inner->plan->wire_fd, "scarcity", "taking memory from the host");
	if (hold(inner, true, err))
		return -1;
	wire_event(inner->plan->wire_fd, inner_seconds(inner, clock_now_ns()), inner->fixture_note);
	return 0;
}

static int watch_swap(const struct inner *inner, struct err *err)
{
	const struct memory_state *state = state_of(inner);
	uint64_t used, size = inner->plan->scenario->memory.swap_bytes;

	if (!state->swap_is_on)
		return 0;
	if (memory_swap_used("", state->swap_path, &used, err))
		return err_wrap(err, "somebody turned our swap off");
	if (used + SWAP_FULL_BYTES < size)
		return 0;
	(void)err_run(err,
		"the swap file is full at %.1f s (%" PRIu64 " of %" PRIu64
		" MiB): from here on nothing more can be reclaimed",
		inner_seconds(inner, clock_now_ns()), used >> 20, size >> 20);
	return err_remedy(err, "a larger 'swap' in the scenario, or tenants that take less");
}

/* Scarce, and without swap: what programs want now they get from what is available, or by the OOM killer. */
static int watch_available(const struct inner *inner, struct err *err)
{
	const struct memory_state *state = state_of(inner);
	struct memory_host host;

	if (!state->reader || !state->holds || state->swap_is_on)
		return 0;
	if (memory_host_read("", &host, err))
		return -1;
	if (host.available_bytes >= DANGER_BYTES)
		return 0;
	(void)err_run(err,
		"only %" PRIu64
		" MiB of memory were available at %.1f s, without swap: the run ends before the OOM killer would strike",
		host.available_bytes >> 20, inner_seconds(inner, clock_now_ns()));
	return err_remedy(err, "more 'free' in the scenario, or fewer other programs on this host");
}

static int watch(struct inner *inner, struct err *err)
{
	const struct memory_state *state = state_of(inner);
	uint64_t kills;

	if (read_oom_kills(&kills, err) || watch_available(inner, err))
		return -1;
	if (kills <= state->oom_kills || state->may_kill)
		return watch_swap(inner, err);
	(void)err_run(err, "the kernel's OOM killer struck before %.1f s (%" PRIu64 " time%s)",
		inner_seconds(inner, clock_now_ns()), kills - state->oom_kills,
		kills - state->oom_kills > 1 ? "s" : "");
	return err_remedy(err,
		"more 'free' or more 'swap' in the scenario, higher hard limits, or 'may_die' for a tenant that is meant to");
}

static void unmake(struct inner *inner)
{
	struct memory_state *state = state_of(inner);
	struct err err = ERR_INIT;

	if (!state)
		return;
	/* A worker that did not end in time still uses all of it: the process ends next, and the journal has the rest. */
	if (loop_pending(inner->loop)) {
		if (state->reader)
			(void)kill(memory_reader_pid(state->reader), SIGKILL);
		if (state->holder)
			(void)kill(memory_holder_pid(state->holder), SIGKILL);
		return;
	}
	memory_reader_free(state->reader);
	memory_holder_free(state->holder);
	/* What fails here is tried again by the journal. */
	if (state->swap_path && memory_swap_remove(state->swap_path, &err))
		wire_warn(inner->plan->wire_fd, "%s", err.text);
	free(state->swap_path);
	free(state);
	inner->fixture_state = NULL;
}

const struct run_fixture run_fixture_memory = {
	.resource = RESOURCE_MEMORY,
	.declared = declared,
	.check = check,
	.journal = journal_swap,
	.make = make,
	.attach = attach,
	.start = start,
	.hold = hold,
	.add = add_swap,
	.watch = watch,
	.unmake = unmake,
};
