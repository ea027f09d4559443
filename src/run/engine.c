/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The timeline: ticks and events on absolute deadlines of one clock.  Start and stop are one byte each, written here;
 * limits are set by the tenants' worker threads, which may wait for libvirt as long as they like.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/auto.h"
#include "base/clock.h"
#include "base/fsio.h"
#include "run/fixture.h"
#include "run/inner.h"
#include "run/live.h"
#include "run/spill.h"
#include "run/wire.h"
#include "sample/sampler.h"
#include "series/stats.h"

/* Sampling begins this long before t = 0, so that the first window has a value at its left end. */
#define LEAD_NS (1 * NS_PER_S)
/* After the last event: how long a starved guest may take to acknowledge its stop. */
#define STOP_DEADLINE_S  10
#define JOBS_DEADLINE_S  30
#define FIXTURE_WATCH_NS (100 * NS_PER_MS)

struct lateness {
	double *ms;
	size_t count, capacity;
};

struct engine {
	struct inner *inner;
	struct sampler *sampler;
	uint64_t interval_ns, end_ns;
	int64_t tick; /* the next one; 0 is at t = 0 */
	size_t next_event;
	uint64_t fixture_due_ns; /* when to look at the fixture next */
	struct lateness tick_lateness;
	struct events *events;
	uint64_t tick_cpu_ns, ticks_done, ticks_late, ticks_missed;
	struct live live;
	struct spill spill;
};

static void lateness_add(struct lateness *lateness, uint64_t asked_ns, uint64_t actual_ns)
{
	lateness->ms = xgrow(lateness->ms, lateness->count, &lateness->capacity, sizeof(*lateness->ms));
	lateness->ms[lateness->count++] = actual_ns > asked_ns ? (double)(actual_ns - asked_ns) / 1e6 : 0.0;
}

static uint64_t tick_ns(const struct engine *engine, int64_t tick)
{
	return (uint64_t)((int64_t)engine->inner->zero_ns + tick * (int64_t)engine->interval_ns);
}

static uint64_t thread_cpu_ns(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

static void do_tick(struct engine *engine)
{
	uint64_t due_ns = tick_ns(engine, engine->tick), now_ns = clock_now_ns();

	/* A whole interval late: that tick is lost, and counted, not made up for. */
	while (now_ns >= due_ns + engine->interval_ns) {
		engine->ticks_missed++;
		due_ns = tick_ns(engine, ++engine->tick);
	}
	uint64_t cpu_ns = thread_cpu_ns();
	sampler_tick(engine->sampler, engine->inner->zero_ns, &engine->inner->samples);
	engine->tick_cpu_ns += thread_cpu_ns() - cpu_ns;
	lateness_add(&engine->tick_lateness, due_ns, now_ns);
	if (now_ns > due_ns + engine->interval_ns / 10)
		engine->ticks_late++;
	engine->ticks_done++;
	engine->tick++;
	live_show(&engine->live, engine->inner);
	spill_more(&engine->spill, &engine->inner->samples, &engine->inner->log, now_ns);
}

/* What is scarce may be why. */
static int explain_death(struct inner *inner, const struct member *member, struct err *err)
{
	double at_s = inner_seconds(inner, clock_now_ns());

	if (inner->fixture && inner->fixture->watch && inner->fixture->watch(inner, err))
		return err_wrap(err, "tenant '%s' died at %.1f s", member->spec->name, at_s);
	return err_run(err, "tenant '%s' died at %.1f s", member->spec->name, at_s);
}

static int check_members(struct engine *engine, struct err *err)
{
	struct inner *inner = engine->inner;

	for (size_t i = 0; i < inner->member_count; i++) {
		struct member *member = &inner->members[i];
		/* A tenant that idles has no stream that could end. */
		if (member->dead || !(member->gone || (member->vm && !vm_is_running(member->vm))))
			continue;
		if (!member->spec->may_die)
			return explain_death(inner, member, err);
		events_note_death(engine->events, member);
	}
	return 0;
}

static int check_fixture(struct engine *engine, struct err *err)
{
	const struct run_fixture *fixture = engine->inner->fixture;
	uint64_t now_ns = clock_now_ns();

	if (!fixture || !fixture->watch || now_ns < engine->fixture_due_ns)
		return 0;
	engine->fixture_due_ns = now_ns + FIXTURE_WATCH_NS;
	return fixture->watch(engine->inner, err);
}

static int follow_timeline(struct engine *engine, struct err *err)
{
	const struct scenario *scenario = engine->inner->plan->scenario;

	/* One tick after the end, so that a window may end with the timeline. */
	while (engine->next_event < scenario->event_count ||
		tick_ns(engine, engine->tick) <= engine->end_ns + engine->interval_ns) {
		uint64_t tick_at = tick_ns(engine, engine->tick), event_at = UINT64_MAX;
		if (engine->next_event < scenario->event_count)
			event_at = engine->inner->zero_ns + scenario->events[engine->next_event].at_ns;
		if (loop_run(engine->inner->loop, NULL, tick_at < event_at ? tick_at : event_at, err) < 0)
			return -1;
		/* A tick that is due with an event goes first: it belongs to what was before. */
		uint64_t now_ns = clock_now_ns();
		if (now_ns >= tick_at)
			do_tick(engine);
		if (now_ns >= event_at)
			events_post(engine->events, &scenario->events[engine->next_event++]);
		if (check_members(engine, err) || check_fixture(engine, err))
			return -1;
		if (err_is_set(events_failure(engine->events))) {
			*err = *events_failure(engine->events);
			return -1;
		}
	}
	return 0;
}

/* Waits for what was asked for late: limits still being set, runners still to say that they stopped. */
static int wait_for_ends(struct engine *engine, struct err *err)
{
	struct inner *inner = engine->inner;
	double patience_s = inner->plan->stop_patience_s > 0 ? inner->plan->stop_patience_s : STOP_DEADLINE_S;
	uint64_t deadline_ns = clock_now_ns() + (uint64_t)(patience_s * 1e9);

	int late = loop_run_jobs(inner->loop, clock_now_ns() + JOBS_DEADLINE_S * NS_PER_S, err);
	if (late)
		return late < 0 ? -1 : err_run(err, "libvirt did not answer within %d s", JOBS_DEADLINE_S);
	if (err_is_set(events_failure(engine->events))) {
		*err = *events_failure(engine->events);
		return -1;
	}
	for (size_t i = 0; i < inner->member_count; i++) {
		struct member *member = &inner->members[i];
		while (member->start_ns && !member->stream.stopped && !member->stream.failed &&
			!member->gone && clock_now_ns() < deadline_ns)
			if (loop_run(inner->loop, NULL, clock_now_ns() + 20 * NS_PER_MS, err) < 0)
				return -1;
		if (!member->start_ns || member->stream.stopped || member->stream.failed || member->dead)
			continue;
		if (member->gone)
			wire_warn(inner->plan->wire_fd, "tenant '%s' died after the last event",
				member->spec->name);
		else
			wire_warn(inner->plan->wire_fd,
				"tenant '%s' did not acknowledge its stop within %.0f s", member->spec->name,
				patience_s);
	}
	return 0;
}

static double resident_mib(void)
{
	char text[128];
	unsigned long size = 0, resident = 0;

	if (fsio_read_small(-1, "/proc/self/statm", text, sizeof(text), NULL) ||
		sscanf(text, "%lu %lu", &size, &resident) != 2)
		return NAN;
	return (double)resident * 4096.0 / 1048576.0;
}

static void measure(struct engine *engine, uint64_t cpu_ns, uint64_t wall_ns)
{
	struct manifest *manifest = &engine->inner->manifest;

	manifest->ticks = engine->ticks_done;
	manifest->ticks_late = engine->ticks_late;
	manifest->ticks_missed = engine->ticks_missed;
	manifest->tick_lateness_p99_ms =
		stats_quantile(engine->tick_lateness.ms, engine->tick_lateness.count, 0.99);
	manifest->tick_cost_us =
		engine->ticks_done ? (double)engine->tick_cpu_ns / 1e3 / (double)engine->ticks_done : NAN;
	manifest->overhead_cpu_pct = wall_ns ? (double)cpu_ns / (double)wall_ns * 100.0 : NAN;
	manifest->overhead_rss_mib = resident_mib();
}

static int open_sampler(struct engine *engine, struct err *err)
{
	struct inner *inner = engine->inner;
	struct sampler_tenant tenants[SCENARIO_MAX_TENANTS];
	const char *root = inner->plan->sample_root ? inner->plan->sample_root : "";
	size_t column_count;

	for (size_t i = 0; i < inner->member_count; i++)
		tenants[i] = (struct sampler_tenant){
			.name = inner->members[i].spec->name,
			.pid = target_pid(inner->members[i].target),
			.cgroup = target_cgroup(inner->members[i].target),
		};
	struct sampler_options options = {
		.root = root, .tenants = tenants, .tenant_count = inner->member_count};
	if (inner->fixture && inner->fixture->sample)
		inner->fixture->sample(inner, &options, tenants);
	if (sampler_new(&options, &engine->sampler, err))
		return -1;
	const char *const *columns = sampler_columns(&column_count);
	table_init(&inner->samples, columns, column_count);
	spill_open(&engine->spill, inner->plan->run_dir, &inner->samples);
	return 0;
}

static int run_timeline(struct engine *engine, struct err *err)
{
	struct inner *inner = engine->inner;
	const struct scenario *scenario = inner->plan->scenario;

	wire_phase(inner->plan->wire_fd, "timeline", scenario->title ? scenario->title : scenario->name);
	inner->zero_ns = clock_now_ns() + LEAD_NS;
	engine->tick = -(int64_t)(LEAD_NS / engine->interval_ns);
	engine->end_ns = inner->zero_ns + scenario->duration_ns;
	uint64_t cpu_ns = clock_process_cpu_ns(), begin_ns = clock_now_ns();
	loop_thread_punctual(true);
	int result = follow_timeline(engine, err);
	loop_thread_punctual(false);
	measure(engine, clock_process_cpu_ns() - cpu_ns, clock_now_ns() - begin_ns);
	inner->manifest.duration_s = inner_seconds(inner, clock_now_ns());
	if (result == 0) {
		wire_phase(inner->plan->wire_fd, "stop", "");
		result = wait_for_ends(engine, err);
	} else {
		/* What libvirt was asked to do is done all the same: events.csv says how it ended. */
		(void)loop_run_jobs(inner->loop, clock_now_ns() + JOBS_DEADLINE_S * NS_PER_S, NULL);
	}
	size_t events;
	const double *lateness_ms = events_lateness_ms(engine->events, &events);
	inner->manifest.event_lateness_p99_ms = stats_quantile(lateness_ms, events, 0.99);
	if (inner->fixture && inner->fixture->record && inner->fixture->record(inner, result ? NULL : err))
		result = -1;
	return result;
}

static void engine_free(struct engine *engine)
{
	sampler_free(engine->sampler);
	free(engine->tick_lateness.ms);
	events_free(engine->events);
	free(engine);
}

int inner_timeline(struct inner *inner, struct err *err)
{
	struct engine *engine = xcalloc(1, sizeof(*engine));

	engine->inner = inner;
	engine->events = events_new(inner);
	engine->interval_ns = inner->plan->scenario->sample_ns;
	live_init(&engine->live, inner);
	int result = open_sampler(engine, err);
	if (result == 0)
		result = run_timeline(engine, err);
	spill_close(&engine->spill);
	/* A job that hangs in libvirt may still finish while the run is taken down, and reports here: it keeps the engine. */
	if (!loop_pending(inner->loop))
		engine_free(engine);
	return result;
}
