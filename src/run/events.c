/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the timeline asks for.  Start and stop are one byte each, written here; limits are set by the tenants' worker threads and
 * scarcity by the fixture's, which may wait for libvirt and the kernel as long as they like.
 */
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/clock.h"
#include "guest/runner.h"
#include "run/fixture.h"
#include "run/inner.h"
#include "run/wire.h"

struct events {
	struct inner *inner;
	struct err failure;
	double *lateness_ms;
	size_t lateness_count, lateness_capacity;
};

/* The limits of one tenant that one event sets, or what the fixture is asked for. */
struct event_job {
	struct job job;
	struct events *events;
	struct member *member;
	const struct event_spec *event;
	struct limit_step steps[LIMIT_COUNT];
	char notes[LIMIT_COUNT][160];
	size_t count;
	uint64_t start_ns, end_ns;
};

struct events *events_new(struct inner *inner)
{
	struct events *events = xcalloc(1, sizeof(*events));

	events->inner = inner;
	return events;
}

void events_free(struct events *events)
{
	if (!events)
		return;
	free(events->lateness_ms);
	free(events);
}

const struct err *events_failure(const struct events *events)
{
	return &events->failure;
}

const double *events_lateness_ms(const struct events *events, size_t *ret_count)
{
	*ret_count = events->lateness_count;
	return events->lateness_ms;
}

static uint64_t asked_ns(const struct events *events, const struct event_spec *event)
{
	return events->inner->zero_ns + event->at_ns;
}

static void add_lateness(struct events *events, const struct event_spec *event, uint64_t start_ns)
{
	uint64_t due_ns = asked_ns(events, event);

	events->lateness_ms = xgrow(events->lateness_ms, events->lateness_count, &events->lateness_capacity,
		sizeof(*events->lateness_ms));
	events->lateness_ms[events->lateness_count++] =
		start_ns > due_ns ? (double)(start_ns - due_ns) / 1e6 : 0.0;
}

/* member: NULL for the fixture. */
static struct event_record *add_record(struct events *events, const struct member *member,
	const struct event_spec *event, uint64_t start_ns, uint64_t end_ns)
{
	struct inner *inner = events->inner;
	struct event_record *record = event_log_add(&inner->log);

	record->asked_s = inner_seconds(inner, asked_ns(events, event));
	record->start_s = inner_seconds(inner, start_ns);
	record->end_s = inner_seconds(inner, end_ns);
	record->event = xstrdup(event_kind_name(event->kind));
	record->tenant = xstrdup(member ? member->spec->name : "host");
	record->name = xstrdup(event->name ? event->name : "");
	record->error = xstrdup("");
	record->note = xstrdup("");
	return record;
}

/* The first failure is the one that ends the run. */
static void fail(struct events *events, const struct member *member, struct event_record *record,
	const struct err *why)
{
	free(record->error);
	record->error = xstrdup(why->text);
	if (err_is_set(&events->failure))
		return;
	events->failure = *why;
	err_wrap(&events->failure, "at %.3f s, %s '%s'", record->asked_s,
		member ? "tenant" : "the fixture of", record->tenant);
}

void events_note_death(struct events *events, struct member *member)
{
	struct inner *inner = events->inner;
	uint64_t now_ns = clock_now_ns();
	struct event_record *record = event_log_add(&inner->log);

	member->dead = true;
	record->asked_s = record->start_s = record->end_s = inner_seconds(inner, now_ns);
	record->event = xstrdup("died");
	record->tenant = xstrdup(member->spec->name);
	record->name = xstrdup("");
	record->error = xstrdup("");
	record->note = xstrdup("");
	AUTO(free_ptr) char *text = xasprintf("%s died; the scenario allows it", member->spec->name);
	wire_event(inner->plan->wire_fd, record->start_s, text);
}

static bool set_one(struct member *member, struct limit_step *step, char *note, size_t note_size)
{
	step->start_ns = clock_now_ns();
	step->err = (struct err)ERR_INIT;
	step->result = limit_set(member->target, step->limit, step->value, &step->read_back, &step->err);
	step->has_read_back = step->result == 0 || step->err.domain == ERR_READBACK;
	step->end_ns = clock_now_ns();
	if (note)
		(void)snprintf(note, note_size, "%s", target_note(member->target));
	return step->result == 0;
}

static int set_limits(
	struct member *member, struct limit_step *steps, size_t count, char (*notes)[160], struct err *err)
{
	size_t left = count, before = count + 1;

	for (size_t i = 0; i < count; i++)
		steps[i].result = 1;
	while (left && left < before) {
		before = left;
		for (size_t i = 0; i < count; i++)
			if (steps[i].result && set_one(member, &steps[i], notes ? notes[i] : NULL, 160))
				left--;
	}
	for (size_t i = 0; i < count; i++)
		if (steps[i].result) {
			*err = steps[i].err;
			return -1;
		}
	return 0;
}

int member_set_limits(struct member *member, struct limit_step *steps, size_t count, struct err *err)
{
	return set_limits(member, steps, count, NULL, err);
}

static int work_limits(struct job *job, struct err *err)
{
	struct event_job *self = job->context;
	const struct scenario *scenario = self->member->inner->plan->scenario;

	if (scenario->link.declared)
		target_set_net_apply(self->member->target,
			self->event->kind == EVENT_SET && self->event->apply < NET_APPLY_COUNT
				? self->event->apply
				: scenario->link.apply);
	return set_limits(self->member, self->steps, self->count, self->notes, err);
}

static void record_limit(struct event_job *self, size_t index)
{
	const struct limit_step *step = &self->steps[index];
	const struct limit_spec *spec = limit_spec(step->limit);
	struct events *events = self->events;
	struct event_record *record =
		add_record(events, self->member, self->event, step->start_ns, step->end_ns);

	record->limit = step->limit;
	record->asked = step->value;
	record->read_back = step->read_back;
	record->has_read_back = step->has_read_back;
	free(record->note);
	record->note = xstrdup(self->notes[index]);
	/* A VM that goes away while its limit is set fails; its death is noticed by itself. */
	if (step->result && !(self->member->spec->may_die && !vm_is_running(self->member->vm)))
		fail(events, self->member, record, &step->err);
	AUTO(free_ptr) char *value = limit_format_value(spec, step->read_back);
	AUTO(free_ptr)
	char *text = xasprintf("%s %s %s, read back %s after %.1f ms%s%s", self->member->spec->name,
		spec->name, self->event->kind == EVENT_RESET ? "reset" : "set",
		step->has_read_back ? value : "nothing", (double)(step->end_ns - step->start_ns) / 1e6,
		*record->note ? "; " : "", record->note);
	wire_event(events->inner->plan->wire_fd, record->start_s, text);
}

static void finished_limits(struct job *job)
{
	struct event_job *self = job->context;
	uint64_t first_ns = UINT64_MAX;

	for (size_t i = 0; i < self->count; i++) {
		record_limit(self, i);
		if (self->steps[i].start_ns < first_ns)
			first_ns = self->steps[i].start_ns;
	}
	add_lateness(self->events, self->event, first_ns);
	free(self);
}

static struct event_job *new_job(struct events *events, struct member *member, const struct event_spec *event)
{
	struct event_job *self = xcalloc(1, sizeof(*self));

	self->events = events;
	self->member = member;
	self->event = event;
	self->job.context = self;
	return self;
}

static void add_step(struct event_job *self, enum limit_id limit, uint64_t value)
{
	self->steps[self->count++] =
		(struct limit_step){.limit = limit, .value = value, .read_back = UINT64_MAX};
}

static void post_limits(struct events *events, struct member *member, const struct event_spec *event)
{
	struct event_job *self = new_job(events, member, event);

	if (event->kind == EVENT_SET)
		for (size_t i = 0; i < event->setting_count; i++)
			add_step(self, event->settings[i].limit, event->settings[i].value);
	/* What reset goes back to: the values at the barrier. */
	if (event->kind == EVENT_RESET)
		for (unsigned limit = 0; limit < LIMIT_COUNT; limit++)
			if ((event->limit == LIMIT_COUNT || event->limit == limit) &&
				member->initial_known[limit])
				add_step(self, limit, member->initial[limit]);
	if (!self->count) {
		free(self);
		return;
	}
	self->job.work = work_limits;
	self->job.finished = finished_limits;
	worker_post(member->worker, &self->job);
}

static int work_hold(struct job *job, struct err *err)
{
	struct event_job *self = job->context;
	struct inner *inner = self->events->inner;

	self->start_ns = clock_now_ns();
	inner->fixture_note[0] = '\0';
	int result = self->event->kind == EVENT_ADD
			     ? inner->fixture->add(inner, err)
			     : inner->fixture->hold(inner, self->event->kind == EVENT_SCARCE, err);
	self->end_ns = clock_now_ns();
	(void)snprintf(self->notes[0], sizeof(self->notes[0]), "%s", inner->fixture_note);
	return result;
}

static void finished_hold(struct job *job)
{
	struct event_job *self = job->context;
	struct events *events = self->events;
	struct event_record *record = add_record(events, NULL, self->event, self->start_ns, self->end_ns);

	if (job->result)
		fail(events, NULL, record, &job->err);
	add_lateness(events, self->event, self->start_ns);
	AUTO(free_ptr) char *label = scenario_event_label(events->inner->plan->scenario, self->event);
	AUTO(free_ptr)
	char *text = xasprintf("%s after %.1f ms%s%s", label, (double)(self->end_ns - self->start_ns) / 1e6,
		self->notes[0][0] ? "; " : "", self->notes[0]);
	free(record->note);
	record->note = xstrdup(self->notes[0]);
	wire_event(events->inner->plan->wire_fd, record->start_s, text);
	free(self);
}

static void post_hold(struct events *events, const struct event_spec *event)
{
	struct inner *inner = events->inner;
	struct event_job *self = new_job(events, NULL, event);

	if (!inner->fixture_worker)
		BUG("an event for a fixture that takes none");
	self->job.work = work_hold;
	self->job.finished = finished_hold;
	worker_post(inner->fixture_worker, &self->job);
}

static void signal_member(struct events *events, struct member *member, const struct event_spec *event)
{
	struct err why = ERR_INIT;
	bool start = event->kind == EVENT_START;

	if (!member->ops)
		return;
	uint64_t begin_ns = clock_now_ns();
	if (start && !member->start_ns)
		member->start_ns = begin_ns;
	bool failed = member_command(member, start ? RUNNER_BYTE_START : RUNNER_BYTE_STOP, &why) != 0;
	struct event_record *record = add_record(events, member, event, begin_ns, clock_now_ns());
	/* One that may die may have done so since it was last looked at; that is noticed by itself. */
	if (failed && !(member->spec->may_die && (member->gone || !vm_is_running(member->vm))))
		fail(events, member, record, &why);
	add_lateness(events, event, begin_ns);
}

void events_post(struct events *events, const struct event_spec *event)
{
	struct inner *inner = events->inner;

	if (event->kind == EVENT_SCARCE || event->kind == EVENT_PLENTY || event->kind == EVENT_ADD) {
		post_hold(events, event);
		return;
	}
	bool signals = event->kind == EVENT_START || event->kind == EVENT_STOP;
	for (size_t i = 0; i < inner->member_count; i++) {
		/* One that died has nothing to set any more; its end is in the log. */
		if (!(event->tenants & (UINT32_C(1) << i)) || inner->members[i].dead)
			continue;
		if (signals)
			signal_member(events, &inner->members[i], event);
		else
			post_limits(events, &inner->members[i], event);
	}
	if (signals) {
		AUTO(free_ptr) char *label = scenario_event_label(inner->plan->scenario, event);
		wire_event(inner->plan->wire_fd, inner_seconds(inner, clock_now_ns()), label);
	}
}
