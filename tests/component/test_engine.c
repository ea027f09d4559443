/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The timeline against scripted guests: each tenant's stream port is a socket pair with a thread behind it that speaks
 * the runner's protocol, its limits are a fake backend of the applier, its counters a folder.  What comes out is read
 * back from the files of the run directory.
 */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "applier/ops.h"
#include "base/auto.h"
#include "base/clock.h"
#include "base/fsio.h"
#include "guest/runner.h"
#include "run/inner.h"
#include "run/wire.h"

/* This machine may be busy: only what is far too late is an error. */
#define SLACK_S 0.25
#define TENANTS 3
#define BLUE    0
#define RED     1
#define IDLE    2

static const char *const names[TENANTS] = {"blue", "red", "idle"};

/* ---- the limits' backend ---- */

static struct fake {
	uint64_t value, sticks; /* sticks: not 0: what the kernel keeps, whatever is set */
	int set_errno;
	unsigned sleep_ms; /* how long libvirt takes */
	unsigned sets;
	const struct fake *needs; /* refused until that one was set */
} fakes[TENANTS][LIMIT_COUNT];

static struct fake *fake_of(const struct target *target, enum limit_id limit)
{
	for (size_t i = 0; i < TENANTS; i++)
		if (!strcmp(target_name(target), names[i]))
			return &fakes[i][limit];
	abort();
}

static int fake_set(struct target *target, const struct applier_ops *ops, uint64_t value, struct err *err)
{
	struct fake *fake = fake_of(target, ops->limit);

	fake->sets++;
	clock_sleep_until_ns(clock_now_ns() + fake->sleep_ms * NS_PER_MS);
	if (fake->needs && !fake->needs->sets)
		return err_sys(err, EINVAL, "fake order");
	if (fake->set_errno)
		return err_sys(err, fake->set_errno, "fake write");
	fake->value = fake->sticks ? fake->sticks : value;
	return 0;
}

static int fake_get(
	struct target *target, const struct applier_ops *ops, uint64_t *ret_value, struct err *err)
{
	(void)err;
	*ret_value = fake_of(target, ops->limit)->value;
	(void)target_where(target, "/fake", limit_spec(ops->limit)->name);
	return 0;
}

/* Every other limit: this host does not have it. */
static int absent_set(struct target *target, const struct applier_ops *ops, uint64_t value, struct err *err)
{
	(void)ops;
	(void)value;
	return err_host(err, "'%s' has no such limit here", target_name(target));
}

static int absent_get(
	struct target *target, const struct applier_ops *ops, uint64_t *ret_value, struct err *err)
{
	(void)ops;
	(void)ret_value;
	return err_host(err, "'%s' has no such limit here", target_name(target));
}

static struct applier_ops fake_ops[LIMIT_COUNT];
static const struct applier_ops *fake_table[LIMIT_COUNT];

static void fill_table(void)
{
	for (unsigned i = 0; i < LIMIT_COUNT; i++) {
		bool there = i == LIMIT_CPU_SHARES || i == LIMIT_CPU_QUOTA || i == LIMIT_CPU_PERIOD;
		fake_ops[i] = (struct applier_ops){
			.limit = (enum limit_id)i,
			.controller = CGROUP_CPU,
			.set = there ? fake_set : absent_set,
			.get = there ? fake_get : absent_get,
		};
		fake_table[i] = &fake_ops[i];
	}
}

/* ---- the guests ---- */

struct script {
	bool deaf;         /* does not answer 's' */
	bool dies;         /* ends its VM when it is started */
	bool fails;        /* the workload cannot be executed */
	bool idles;        /* reports no work */
	bool interrupts;   /* somebody presses Ctrl-C when it is started */
	bool stutters;     /* lines come in pieces, and one is far too long */
	unsigned delay_ms; /* before it answers 'g' */
};

static struct guest {
	struct script script;
	pthread_t thread;
	int fd;
	unsigned starts;
} guests[TENANTS];

static void say(const struct guest *guest, const char *text)
{
	size_t length = strlen(text);

	while (length) {
		ssize_t count = send(guest->fd, text, length, MSG_NOSIGNAL);
		if (count <= 0)
			return;
		text += count;
		length -= (size_t)count;
	}
}

static void sleep_ms(unsigned ms)
{
	clock_sleep_until_ns(clock_now_ns() + ms * NS_PER_MS);
}

static void stutter(const struct guest *guest)
{
	AUTO(free_ptr) char *flood = xcalloc(1, 20001);

	say(guest, "@sta");
	sleep_ms(20);
	say(guest, "rt 1\r\n@rou");
	sleep_ms(20);
	say(guest, "nd 1\n\nlast ");
	memset(flood, 'x', 20000);
	say(guest, flood);
	say(guest, "\n");
}

static void answer_start(struct guest *guest)
{
	sleep_ms(guest->script.delay_ms);
	if (guest->script.interrupts)
		(void)kill(getpid(), SIGTERM);
	if (guest->script.stutters) {
		stutter(guest);
	} else {
		AUTO(free_ptr) char *text = xasprintf("@start %u\n@round 1\n", ++guest->starts);
		say(guest, text);
	}
	if (guest->script.fails)
		say(guest, "stress-ng: error: no such stressor\n@exit 2 5\n@failed exited with status 2\n");
	else if (!guest->script.idles)
		say(guest, "stress-ng: metrc: [1] matrix 320 1.00 0.99 0.01 319.27 319.58\n"
			   "stress-ng: info:  [1] successful run completed in 1.00s\n");
}

static void *be_guest(void *argument)
{
	struct guest *guest = argument;
	char byte;

	say(guest, "@ready\n");
	while (recv(guest->fd, &byte, 1, 0) == 1) {
		if (byte == RUNNER_BYTE_START && guest->script.dies) {
			sleep_ms(guest->script.delay_ms);
			(void)shutdown(guest->fd, SHUT_RDWR);
			return NULL;
		}
		if (byte == RUNNER_BYTE_START)
			answer_start(guest);
		if (byte == RUNNER_BYTE_STOP && !guest->script.deaf)
			say(guest, "@stopped\n");
	}
	return NULL;
}

/* ---- the world around them ---- */

static struct world {
	char root[64];
	char *run_dir;
	struct scenario *scenario;
	struct run_plan plan;
	struct inner inner;
	int wire_fd;
	struct buf told; /* what the supervisor was told */
	/* What is read back. */
	struct event_log events;
	struct table samples;
	struct manifest manifest;
} world;

static void put(const char *path, const char *text)
{
	struct err err = ERR_INIT;
	AUTO(free_ptr) char *full = xasprintf("%s%s", world.root, path);
	AUTO(free_ptr) char *directory = fsio_dirname(full);

	if (fsio_make_dirs(directory, &err) || fsio_write_atomic(full, text, strlen(text), &err))
		fail_msg("%s", err.text);
}

static void make_tree(void)
{
	put("/proc/stat", "cpu  100 10 50 1000 20 5 5 30 7 0\ncpu0 60 10 30 400 10 5 5 20 7 0\n");
	put("/proc/meminfo", "MemAvailable:    2048 kB\n");
	put("/proc/self/mountinfo", "1 0 0:1 / /c/cpu rw - cgroup cgroup rw,cpu\n");
	for (int i = 0; i < TENANTS; i++) {
		char path[64], text[64];
		(void)snprintf(path, sizeof(path), "/c/cpu/machine/%s/cpu.stat", names[i]);
		put(path, "nr_periods 1\nnr_throttled 0\nthrottled_time 0\n");
		(void)snprintf(path, sizeof(path), "/proc/%d/cgroup", 80 + i);
		(void)snprintf(text, sizeof(text), "1:cpu:/machine/%s\n", names[i]);
		put(path, text);
		(void)snprintf(path, sizeof(path), "/proc/%d/task/%d/comm", 80 + i, 80 + i);
		put(path, "CPU 0/TCG\n");
		(void)snprintf(path, sizeof(path), "/proc/%d/task/%d/schedstat", 80 + i, 80 + i);
		(void)snprintf(text, sizeof(text), "%d 7 1\n", 1000 * (i + 1));
		put(path, text);
	}
}

static void load_scenario(const char *timeline)
{
	const struct scenario_options options = {.data_dir = world.root, .need_workloads = true};
	struct err err = ERR_INIT;
	AUTO(free_ptr) char *path = xasprintf("%s/engine.yaml", world.root);
	AUTO(free_ptr)
	char *text = xasprintf("name: engine\n"
			       "title: The engine\n"
			       "sample: 20ms\n"
			       "tenants:\n"
			       "  - {name: blue, workload: w, limits: {cpu.shares: 1024}}\n"
			       "  - {name: red, workload: w, limits: {cpu.shares: 1024}}\n"
			       "  - {name: idle, limits: {cpu.shares: 1024}}\n"
			       "timeline:\n%s",
		timeline);

	put("/w.stress", "matrix 1\n");
	put("/engine.yaml", text);
	if (scenario_load(path, &options, &world.scenario, &err))
		fail_msg("%s", err.text);
}

static void make_member(size_t index, const struct script *script)
{
	struct inner *inner = &world.inner;
	struct member *member = &inner->members[index];
	struct guest *guest = &guests[index];
	struct err err = ERR_INIT;
	int fds[2];

	member->inner = inner;
	member->spec = &world.scenario->tenants[index];
	member->stream_fd = -1;
	member->ready_s = 1.5;
	if (worker_new(inner->loop, names[index], &member->worker, &err) ||
		target_open_with(
			world.root, names[index], 80 + (pid_t)index, fake_table, &member->target, &err))
		fail_msg("%s", err.text);
	fakes[index][LIMIT_CPU_SHARES].value = 1024;
	fakes[index][LIMIT_CPU_QUOTA].value = LIMIT_UNLIMITED;
	fakes[index][LIMIT_CPU_PERIOD].value = 100000;
	for (unsigned limit = 0; limit < LIMIT_COUNT; limit++)
		member->initial_known[limit] =
			!limit_get(member->target, limit, &member->initial[limit], NULL, NULL);
	if (!member->spec->workload_path)
		return;
	assert_int_equal(
		workload_load(member->spec->workload_path, &member->ops, &member->job_text, &err), 0);
	workload_stream_init(&member->stream, member->ops);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	member->stream_fd = fds[0];
	assert_int_equal(fcntl(fds[0], F_SETFL, O_NONBLOCK), 0);
	assert_int_equal(member_watch(member, &err), 0);
	*guest = (struct guest){.script = *script, .fd = fds[1]};
	assert_int_equal(pthread_create(&guest->thread, NULL, be_guest, guest), 0);
}

static void open_world(const char *timeline, const struct script *blue, const struct script *red)
{
	static const struct script none;
	struct err err = ERR_INIT;

	memset(&world, 0, sizeof(world));
	memset(fakes, 0, sizeof(fakes));
	(void)snprintf(world.root, sizeof(world.root), "/tmp/limitlab-test-engine-XXXXXX");
	assert_non_null(mkdtemp(world.root));
	make_tree();
	load_scenario(timeline);
	world.run_dir = xasprintf("%s/run", world.root);
	AUTO(free_ptr) char *log = rundir_path(world.run_dir, RUNDIR_LOG);
	assert_int_equal(fsio_make_dirs(log, NULL), 0);
	assert_int_equal(wire_pair(&world.wire_fd, &world.plan.wire_fd, NULL), 0);
	world.plan.scenario = world.scenario;
	world.plan.run_dir = world.run_dir;
	world.plan.sample_root = world.root;
	world.plan.stop_patience_s = 0.3;
	world.inner.plan = &world.plan;
	world.inner.member_count = TENANTS;
	manifest_init(&world.inner.manifest);
	if (loop_new(&world.inner.loop, &err))
		fail_msg("%s", err.text);
	make_member(BLUE, blue ? blue : &none);
	make_member(RED, red ? red : &none);
	make_member(IDLE, NULL);
}

static void on_phase(void *context, const char *name, const char *detail)
{
	buf_addf(context, "phase %s %s\n", name, detail);
}

static void on_event(void *context, double t_s, const char *text)
{
	(void)t_s;
	buf_addf(context, "event %s\n", text);
}

static void on_warn(void *context, const char *text)
{
	buf_addf(context, "warn %s\n", text);
}

/* Runs the timeline and records it, as inner.c does, and reads the files. */
static int run_world(struct err *err)
{
	const struct run_observer observer = {
		.phase = on_phase, .event = on_event, .warn = on_warn, .context = &world.told};
	struct wire_message message;
	struct err write_err = ERR_INIT;
	AUTO(free_ptr) char *events = rundir_path(world.run_dir, RUNDIR_EVENTS);
	AUTO(free_ptr) char *samples = rundir_path(world.run_dir, RUNDIR_SAMPLES);
	AUTO(free_ptr) char *manifest = rundir_path(world.run_dir, RUNDIR_MANIFEST);

	int result = inner_timeline(&world.inner, err);
	if (inner_write(&world.inner, &write_err))
		fail_msg("%s", write_err.text);
	while (wire_receive(world.wire_fd, &message) == 1)
		wire_dispatch(&message, names, &observer);
	if (event_log_read_csv(&world.events, events, &write_err) ||
		table_read_csv(&world.samples, samples, &write_err) ||
		manifest_read(&world.manifest, manifest, &write_err))
		fail_msg("%s", write_err.text);
	return result;
}

static void close_world(void)
{
	struct inner *inner = &world.inner;

	for (size_t i = 0; i < TENANTS; i++) {
		struct member *member = &inner->members[i];
		worker_free(member->worker);
		target_close(member->target);
		if (member->ops) {
			assert_int_equal(close(member->stream_fd), 0);
			assert_int_equal(pthread_join(guests[i].thread, NULL), 0);
			assert_int_equal(close(guests[i].fd), 0);
			workload_stream_release(&member->stream);
		}
		free(member->job_text);
		lines_release(&member->lines);
	}
	loop_free(inner->loop);
	event_log_release(&inner->log);
	table_release(&inner->samples);
	manifest_release(&inner->manifest);
	event_log_release(&world.events);
	table_release(&world.samples);
	manifest_release(&world.manifest);
	buf_release(&world.told);
	scenario_free(world.scenario);
	(void)close(world.wire_fd);
	(void)close(world.plan.wire_fd);
	assert_int_equal(fsio_remove_tree(world.root, NULL), 0);
	free(world.run_dir);
}

static void assert_told(const char *text)
{
	if (!strstr(world.told.data ? world.told.data : "", text))
		fail_msg("'%s' was not told in:\n%s", text, world.told.data);
}

static void assert_has(const struct err *err, const char *word)
{
	if (!strstr(err->text, word))
		fail_msg("'%s' is not in '%s'", word, err->text);
}

static const struct event_record *find_event(const char *event, const char *tenant, enum limit_id limit)
{
	for (size_t i = 0; i < world.events.count; i++) {
		const struct event_record *record = &world.events.records[i];
		if (!strcmp(record->event, event) && !strcmp(record->tenant, tenant) &&
			record->limit == limit)
			return record;
	}
	fail_msg("no '%s' of '%s' in events.csv", event, tenant);
	return NULL;
}

static void assert_punctual(const struct event_record *record)
{
	if (record->start_s < record->asked_s - 1e-6 || record->start_s > record->asked_s + SLACK_S ||
		record->end_s < record->start_s)
		fail_msg("%s %s: asked %.6f, start %.6f, end %.6f", record->event, record->tenant,
			record->asked_s, record->start_s, record->end_s);
}

static const char plain[] = "  - {at: 0s, start: all}\n"
			    "  - {at: 200ms, name: more for red, set: {tenant: red, cpu.shares: 4096}}\n"
			    "  - {at: 200ms, set: {tenant: blue, cpu.quota: 50ms}}\n"
			    "  - {at: 400ms, reset: {tenant: red, limit: cpu.shares}}\n"
			    "  - {at: 600ms, stop: all}\n";

/* ---- tests ---- */

static void test_timeline(void **state)
{
	static const struct {
		const char *event, *tenant;
		enum limit_id limit;
		double asked_s;
		uint64_t value;
		const char *name;
	} expected[] = {
		{"start", "blue", LIMIT_COUNT, 0.0, 0, ""},
		{"start", "red", LIMIT_COUNT, 0.0, 0, ""},
		{"set", "red", LIMIT_CPU_SHARES, 0.2, 4096, "more for red"},
		{"set", "blue", LIMIT_CPU_QUOTA, 0.2, 50000, ""},
		{"reset", "red", LIMIT_CPU_SHARES, 0.4, 1024, ""},
		{"stop", "blue", LIMIT_COUNT, 0.6, 0, ""},
		{"stop", "red", LIMIT_COUNT, 0.6, 0, ""},
	};
	struct err err = ERR_INIT;

	(void)state;
	open_world(plain, NULL, NULL);
	if (run_world(&err))
		fail_msg("%s", err.text);
	/* The idle tenant is neither started nor stopped; rows are in order of the declared time. */
	assert_int_equal(world.events.count, ARRAY_SIZE(expected));
	double asked_s = -1;
	for (size_t i = 0; i < world.events.count; i++) {
		assert_true(world.events.records[i].asked_s >= asked_s);
		asked_s = world.events.records[i].asked_s;
	}
	for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
		const struct event_record *record =
			find_event(expected[i].event, expected[i].tenant, expected[i].limit);
		assert_true(fabs(record->asked_s - expected[i].asked_s) < 1e-6);
		assert_string_equal(record->name, expected[i].name);
		assert_string_equal(record->error, "");
		assert_punctual(record);
		if (record->limit == LIMIT_COUNT)
			continue;
		assert_int_equal(record->asked, expected[i].value);
		assert_true(record->has_read_back);
		assert_int_equal(record->read_back, expected[i].value);
	}
	/* What reset goes back to is what was there at the barrier; nobody else was touched. */
	assert_int_equal(fakes[RED][LIMIT_CPU_SHARES].value, 1024);
	assert_int_equal(fakes[BLUE][LIMIT_CPU_QUOTA].value, 50000);
	for (size_t i = 0; i < TENANTS; i++)
		for (size_t k = 0; k < LIMIT_COUNT; k++)
			assert_int_equal(fakes[i][k].sets, i == RED && k == LIMIT_CPU_SHARES   ? 2
							   : i == BLUE && k == LIMIT_CPU_QUOTA ? 1
											       : 0);
	/* One tick every 20 ms from -1 s to one after the end; each has a row per tenant and one for the host. */
	const struct manifest *manifest = &world.manifest;
	assert_int_equal(manifest->ticks + manifest->ticks_missed, 50 + 1 + 31);
	assert_int_equal(world.samples.row_count, manifest->ticks * (TENANTS + 1));
	assert_true(world.samples.t_s[0] >= -1.0 - 1e-6 && world.samples.t_s[0] < -1.0 + SLACK_S);
	double last_s = world.samples.t_s[world.samples.row_count - 1];
	assert_true(last_s >= 0.62 - 1e-6 && last_s < 0.62 + SLACK_S);
	print_message("  ticks late by %.3f ms (p99), events by %.3f ms, %d missed\n",
		manifest->tick_lateness_p99_ms, manifest->event_lateness_p99_ms, (int)manifest->ticks_missed);
	assert_true(manifest->event_lateness_p99_ms >= 0 && manifest->event_lateness_p99_ms < SLACK_S * 1000);
	int column = table_column(&world.samples, "vcpu_usage_ns");
	for (size_t i = 0; i < TENANTS; i++) {
		double usage_ns = world.samples.cells[i * world.samples.column_count + (size_t)column];
		assert_true(fabs(usage_ns - 1000.0 * (double)(i + 1)) < 0.5);
		const struct manifest_tenant *tenant = &manifest->tenants[i];
		assert_string_equal(tenant->name, names[i]);
		assert_string_equal(tenant->trouble, "");
		assert_int_equal(tenant->worked, i != IDLE);
		assert_true(i == IDLE ? isnan(tenant->start_latency_ms)
				      : tenant->start_latency_ms > 0 &&
						tenant->start_latency_ms < SLACK_S * 1000);
	}
	assert_true(manifest->start_skew_ms >= 0 && manifest->start_skew_ms < SLACK_S * 1000);
	assert_told("phase timeline The engine\n");
	assert_told("event start all\n");
	assert_told("event red cpu.shares set, read back 4096 after ");
	assert_told("event red cpu.shares reset, read back 1024 after ");
	assert_told("phase stop");
	assert_null(strstr(world.told.data, "warn"));
	close_world();
}

/* The kernel holds something else than was asked for: the run ends there and says the whole chain. */
static void test_mismatch(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	open_world(plain, NULL, NULL);
	fakes[RED][LIMIT_CPU_SHARES].sticks = 1024;
	assert_int_equal(run_world(&err), -1);
	assert_int_equal(err.domain, ERR_READBACK);
	assert_has(&err, "at 0.200 s, tenant 'red'");
	assert_has(&err, "asked 4096");
	assert_has(&err, "holds 1024");
	const struct event_record *record = find_event("set", "red", LIMIT_CPU_SHARES);
	assert_true(record->has_read_back);
	assert_int_equal(record->asked, 4096);
	assert_int_equal(record->read_back, 1024);
	assert_true(record->error[0]);
	/* Nothing of what was to come was done; what was measured is kept. */
	for (size_t i = 0; i < world.events.count; i++)
		assert_string_not_equal(world.events.records[i].event, "stop");
	assert_true(world.samples.row_count >= 50 * (TENANTS + 1));
	close_world();
}

static void test_set_fails(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	open_world(plain, NULL, NULL);
	fakes[BLUE][LIMIT_CPU_QUOTA].set_errno = EBUSY;
	assert_int_equal(run_world(&err), -1);
	assert_int_equal(err.code, EBUSY);
	assert_has(&err, "tenant 'blue'");
	const struct event_record *record = find_event("set", "blue", LIMIT_CPU_QUOTA);
	assert_false(record->has_read_back);
	assert_true(record->error[0]);
	close_world();
}

/* libvirt takes half a second: ticks and the stop are on time all the same, and the stop waits for nothing. */
static void test_slow_libvirt(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	open_world(plain, NULL, NULL);
	fakes[RED][LIMIT_CPU_SHARES].sleep_ms = 500;
	if (run_world(&err))
		fail_msg("%s", err.text);
	const struct event_record *set = find_event("set", "red", LIMIT_CPU_SHARES);
	assert_punctual(set);
	assert_true(set->end_s - set->start_s >= 0.5 - 1e-3);
	assert_punctual(find_event("stop", "red", LIMIT_COUNT));
	/* One worker per tenant: blue's is not held up.  Red's own order is kept, and its lateness is not hidden. */
	assert_punctual(find_event("set", "blue", LIMIT_CPU_QUOTA));
	const struct event_record *reset = find_event("reset", "red", LIMIT_CPU_SHARES);
	assert_true(reset->start_s >= set->end_s - 1e-6);
	assert_int_equal(reset->read_back, 1024);
	assert_true(world.manifest.event_lateness_p99_ms > 250);
	assert_true(world.manifest.ticks_missed < 20);
	close_world();
}

static void test_guest_dies(void **state)
{
	static const struct script dies = {.dies = true, .delay_ms = 50};
	struct err err = ERR_INIT;

	(void)state;
	open_world(plain, NULL, &dies);
	assert_int_equal(run_world(&err), -1);
	assert_int_equal(err.domain, ERR_RUN);
	assert_has(&err, "tenant 'red' died at 0.");
	/* At once, not at the next event. */
	assert_true(world.samples.t_s[world.samples.row_count - 1] < 0.05 + SLACK_S);
	close_world();
}

static void test_guest_may_die(void **state)
{
	static const struct script dies = {.dies = true, .delay_ms = 50};
	struct err err = ERR_INIT;

	(void)state;
	open_world(plain, NULL, &dies);
	world.scenario->tenants[RED].may_die = true;
	if (run_world(&err))
		fail_msg("%s", err.text);
	const struct event_record *died = find_event("died", "red", LIMIT_COUNT);
	assert_true(died->start_s >= 0.04 && died->start_s < 0.05 + SLACK_S);
	/* The others went on, and nothing was done to the dead. */
	(void)find_event("set", "blue", LIMIT_CPU_QUOTA);
	(void)find_event("stop", "blue", LIMIT_COUNT);
	assert_int_equal(fakes[RED][LIMIT_CPU_SHARES].sets, 0);
	for (size_t i = 0; i < world.events.count; i++)
		if (!strcmp(world.events.records[i].event, "stop"))
			assert_string_equal(world.events.records[i].tenant, "blue");
	assert_told("red died; the scenario allows it");
	close_world();
}

/* One of two limits cannot be set before the other: then it comes second, and both are set. */
static void test_order_of_limits(void **state)
{
	static const char timeline[] =
		"  - {at: 0s, start: all}\n"
		"  - {at: 100ms, set: {tenant: red, cpu.shares: 4096, cpu.quota: 50ms, cpu.period: 200ms}}\n"
		"  - {at: 300ms, stop: all}\n";
	struct err err = ERR_INIT;

	(void)state;
	open_world(timeline, NULL, NULL);
	fakes[RED][LIMIT_CPU_SHARES].needs = &fakes[RED][LIMIT_CPU_QUOTA];
	fakes[RED][LIMIT_CPU_QUOTA].needs = &fakes[RED][LIMIT_CPU_PERIOD];
	if (run_world(&err))
		fail_msg("%s", err.text);
	assert_int_equal(find_event("set", "red", LIMIT_CPU_SHARES)->read_back, 4096);
	assert_int_equal(find_event("set", "red", LIMIT_CPU_QUOTA)->read_back, 50000);
	assert_string_equal(find_event("set", "red", LIMIT_CPU_SHARES)->error, "");
	close_world();

	/* One that never can is an error, tried once more than the others. */
	open_world(timeline, NULL, NULL);
	fakes[RED][LIMIT_CPU_SHARES].needs = &fakes[BLUE][LIMIT_CPU_QUOTA];
	assert_int_equal(run_world(&err), -1);
	assert_has(&err, "fake order");
	assert_int_equal(fakes[RED][LIMIT_CPU_SHARES].sets, 2);
	assert_int_equal(fakes[RED][LIMIT_CPU_QUOTA].sets, 1);
	close_world();
}

/* What libvirt was still busy with when a guest died has an end in events.csv, too. */
static void test_guest_dies_during_set(void **state)
{
	static const struct script dies = {.dies = true, .delay_ms = 300};
	struct err err = ERR_INIT;

	(void)state;
	open_world(plain, &dies, NULL);
	fakes[RED][LIMIT_CPU_SHARES].sleep_ms = 400;
	assert_int_equal(run_world(&err), -1);
	assert_has(&err, "tenant 'blue' died");
	const struct event_record *set = find_event("set", "red", LIMIT_CPU_SHARES);
	assert_int_equal(set->read_back, 4096);
	assert_int_equal(loop_pending(world.inner.loop), 0);
	close_world();
}

/* QEMU went away a moment before it is told something: an error, not a SIGPIPE. */
static void test_command_to_the_dead(void **state)
{
	static const struct script dies = {.dies = true};
	struct err err = ERR_INIT;

	(void)state;
	open_world(plain, &dies, NULL);
	struct member *member = &world.inner.members[BLUE];
	assert_int_equal(member_command(member, RUNNER_BYTE_START, &err), 0);
	assert_int_equal(pthread_join(guests[BLUE].thread, NULL), 0);
	assert_int_equal(member_command(member, RUNNER_BYTE_STOP, &err), -1);
	assert_int_equal(err.code, EPIPE);
	assert_has(&err, "cannot tell tenant 'blue' to stop");
	/* close_world() joins a thread per guest. */
	assert_int_equal(pthread_create(&guests[BLUE].thread, NULL, be_guest, &guests[BLUE]), 0);
	close_world();
}

/* A starved guest may not get to say that it stopped: that is told, and no error. */
static void test_deaf_guest(void **state)
{
	static const struct script deaf = {.deaf = true};
	struct err err = ERR_INIT;

	(void)state;
	open_world(plain, NULL, &deaf);
	uint64_t begin_ns = clock_now_ns();
	if (run_world(&err))
		fail_msg("%s", err.text);
	assert_told("warn tenant 'red' did not acknowledge its stop");
	assert_null(strstr(world.told.data, "'blue' did not"));
	double took_s = (double)(clock_now_ns() - begin_ns) / 1e9;
	assert_true(took_s > 1.6 + 0.3 && took_s < 1.6 + 0.3 + 1.0);
	close_world();
}

static void test_trouble(void **state)
{
	static const struct script fails = {.fails = true}, idles = {.idles = true};
	struct err err = ERR_INIT;

	(void)state;
	open_world(plain, &fails, &idles);
	if (run_world(&err))
		fail_msg("%s", err.text);
	assert_false(world.manifest.tenants[BLUE].worked);
	assert_non_null(strstr(world.manifest.tenants[BLUE].trouble, "status 2"));
	assert_non_null(strstr(world.manifest.tenants[BLUE].trouble, "no such stressor"));
	assert_false(world.manifest.tenants[RED].worked);
	assert_non_null(strstr(world.manifest.tenants[RED].trouble, "no work"));
	close_world();
}

static void test_interrupted(void **state)
{
	static const struct script interrupts = {.interrupts = true};
	struct err err = ERR_INIT;

	(void)state;
	open_world(plain, NULL, &interrupts);
	assert_int_equal(run_world(&err), -1);
	assert_int_equal(err.domain, ERR_INTERRUPTED);
	assert_int_equal(err.code, SIGTERM);
	assert_true(world.samples.row_count >= 50 * (TENANTS + 1));
	(void)find_event("start", "red", LIMIT_COUNT);
	close_world();
}

static void test_twice(void **state)
{
	static const char timeline[] =
		"  - {at: 0s, start: all}\n"
		"  - {at: 100ms, stop: red}\n"
		"  - {at: 200ms, set: {tenant: red, cpu.shares: 2048, cpu.period: 50ms}}\n"
		"  - {at: 300ms, start: red}\n"
		"  - {at: 400ms, reset: {tenant: red, limit: all}}\n"
		"  - {at: 500ms, stop: all}\n";
	struct err err = ERR_INIT;

	(void)state;
	open_world(timeline, NULL, NULL);
	if (run_world(&err))
		fail_msg("%s", err.text);
	assert_int_equal(world.inner.members[RED].stream.starts, 2);
	assert_int_equal(world.inner.members[RED].stream.stops, 2);
	assert_int_equal(world.inner.members[BLUE].stream.starts, 1);
	/* A reset without a limit resets all that could be read at the barrier. */
	for (enum limit_id limit = 0; limit <= LIMIT_CPU_PERIOD; limit++)
		assert_int_equal(find_event("reset", "red", limit)->read_back,
			limit == LIMIT_CPU_SHARES  ? 1024
			: limit == LIMIT_CPU_QUOTA ? LIMIT_UNLIMITED
						   : 100000);
	assert_int_equal(fakes[RED][LIMIT_CPU_PERIOD].value, 100000);
	close_world();
}

/* Lines are put together again, one that never ends is cut, and each keeps the time of its arrival. */
static void test_stream(void **state)
{
	static const struct script stutters = {.stutters = true};
	struct err err = ERR_INIT;
	AUTO(buf) struct buf kept = BUF_INIT;

	(void)state;
	open_world(plain, &stutters, NULL);
	if (run_world(&err))
		fail_msg("%s", err.text);
	const struct member *member = &world.inner.members[BLUE];
	static const char *const first[] = {"@ready", "@start 1", "@round 1", ""};
	for (size_t i = 0; i < ARRAY_SIZE(first); i++)
		assert_string_equal(member->lines.items[i].text, first[i]);
	size_t flood = 0, longest = 0;
	uint64_t at_ns = 0;
	for (size_t i = 0; i < member->lines.count; i++) {
		size_t length = strlen(member->lines.items[i].text);
		longest = length > longest ? length : longest;
		if (strchr("xl", member->lines.items[i].text[0]))
			flood += length;
		assert_true(member->lines.items[i].at_ns >= at_ns);
		at_ns = member->lines.items[i].at_ns;
	}
	assert_int_equal(flood, strlen("last ") + 20000);
	assert_true(longest <= 8193);
	assert_true(member->stream.started && member->stream.stopped);
	assert_true(world.manifest.tenants[BLUE].worked);
	/* log/blue.stream gives the same again. */
	struct workload_stream again;
	AUTO(free_ptr) char *path = rundir_path(world.run_dir, RUNDIR_LOG "/blue.stream");
	workload_stream_init(&again, member->ops);
	assert_int_equal(workload_stream_read(&again, path, &err), 0);
	assert_int_equal(again.starts, 1);
	assert_true(again.start_times_s[0] > 0.0 && again.start_times_s[0] < SLACK_S);
	assert_int_equal(again.interval_count, member->stream.interval_count);
	workload_stream_release(&again);
	close_world();
}

/* In a lab host, whose kernel may end at any time: what was recorded is there before the end, in files that can be read. */
static void test_spill(void **state)
{
	struct err err = ERR_INIT;
	struct table samples;
	struct event_log log;

	(void)state;
	open_world(plain, NULL, NULL);
	(void)setenv(RUNDIR_SPILL_VARIABLE, "1", 1);
	int result = inner_timeline(&world.inner, &err);
	(void)unsetenv(RUNDIR_SPILL_VARIABLE);
	if (result)
		fail_msg("%s", err.text);
	AUTO(free_ptr) char *samples_path = rundir_path(world.run_dir, RUNDIR_SAMPLES);
	AUTO(free_ptr) char *events_path = rundir_path(world.run_dir, RUNDIR_EVENTS);
	if (table_read_csv(&samples, samples_path, &err) || event_log_read_csv(&log, events_path, &err))
		fail_msg("%s", err.text);
	/* Once a second: the timeline lasts less, and sampling begins a second before it. */
	assert_in_range(samples.row_count, 1, world.inner.samples.row_count);
	assert_float_equal(samples.t_s[0], world.inner.samples.t_s[0], 1e-6);
	assert_int_equal(samples.column_count, world.inner.samples.column_count);
	table_release(&samples);
	event_log_release(&log);
	close_world();
}

/* A disk that is full while the results are written breaks the run; nothing half-written has a final name. */
static void test_full_disk(void **state)
{
	static const char *const files[] = {
		RUNDIR_SAMPLES, RUNDIR_EVENTS, RUNDIR_MANIFEST, RUNDIR_LOG "/red.stream"};
	struct err err = ERR_INIT;

	(void)state;
	open_world(plain, NULL, NULL);
	if (inner_timeline(&world.inner, &err))
		fail_msg("%s", err.text);
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		AUTO(free_ptr) char *path = rundir_path(world.run_dir, files[i]);
		AUTO(free_ptr) char *tmp = xasprintf("%s.tmp", path);
		(void)unlink(path);
		assert_int_equal(symlink("/dev/full", tmp), 0);
		err_clear(&err);
		manifest_release(&world.inner.manifest);
		manifest_init(&world.inner.manifest);
		assert_int_equal(inner_write(&world.inner, &err), -1);
		assert_has(&err, tmp);
		assert_has(&err, "No space left on device");
		assert_false(fsio_exists(path));
		assert_false(fsio_exists(tmp));
		/* The others are there. */
		for (size_t k = 0; k < ARRAY_SIZE(files); k++) {
			AUTO(free_ptr) char *other = rundir_path(world.run_dir, files[k]);
			assert_int_equal(fsio_exists(other), k != i);
		}
		for (size_t k = 0; k < world.inner.manifest.tenant_count; k++)
			assert_string_equal(world.inner.manifest.tenants[k].name, names[k]);
	}
	close_world();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_timeline),
		cmocka_unit_test(test_mismatch),
		cmocka_unit_test(test_set_fails),
		cmocka_unit_test(test_slow_libvirt),
		cmocka_unit_test(test_guest_dies),
		cmocka_unit_test(test_guest_dies_during_set),
		cmocka_unit_test(test_guest_may_die),
		cmocka_unit_test(test_order_of_limits),
		cmocka_unit_test(test_command_to_the_dead),
		cmocka_unit_test(test_deaf_guest),
		cmocka_unit_test(test_trouble),
		cmocka_unit_test(test_interrupted),
		cmocka_unit_test(test_twice),
		cmocka_unit_test(test_stream),
		cmocka_unit_test(test_spill),
		cmocka_unit_test(test_full_disk),
	};
	sigset_t set;

	fill_table();
	/* As in the sandbox: signals come through the loop. */
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	if (sigprocmask(SIG_BLOCK, &set, NULL))
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
