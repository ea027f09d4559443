/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A scarce link: bridge, HTB uplink and far namespace (fixture/link.h) in the network namespace in which QEMU runs, a card and an
 * address for every tenant, an HTB class bound to its MAC, and the servers of the workloads at the far end.
 *
 * No CPU is reserved: with a link the tenants, QEMU's threads and the servers share all that there are.
 */
#include <stdlib.h>
#include <string.h>

#include "applier/net.h"
#include "base/auto.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/spawn.h"
#include "fixture/link.h"
#include "run/fixture.h"
#include "run/server.h"
#include "run/undo.h"
#include "run/wake.h"
#include "run/wire.h"

/* Tenant i: class 1:(11+i) in hexadecimal, server's port 5201+i. */
#define FIRST_MINOR 0x11U
#define FIRST_PORT  5201U
/*
 * A tenant's queue holds what the link carries in a 32nd of a second.  On a fast link the applier's own default is soon empty when
 * an emulated guest has to wait for a CPU: at 1 Gbit/s for three, one MiB is 25 ms.
 */
#define QUEUES_PER_S     32
#define SPEAK_DEADLINE_S 10

struct link_member {
	struct wake_card card;
	struct server *server;
};

struct link_state {
	struct link_fixture *fixture;
	struct link_member members[SCENARIO_MAX_TENANTS];
};

static void argv_free(char **argv)
{
	for (size_t i = 0; argv && argv[i]; i++)
		free(argv[i]);
	free(argv);
}
DEFINE_AUTO(argv, char **, argv_free);

static struct link_state *state_of(const struct inner *inner)
{
	return inner->fixture_state;
}

static size_t index_of(const struct member *member)
{
	return (size_t)(member - member->inner->members);
}

static struct link_options options_for(const struct scenario *scenario, const char **names)
{
	for (size_t i = 0; i < scenario->tenant_count; i++)
		names[i] = scenario->tenants[i].name;
	return (struct link_options){
		.rate_bits_per_s = scenario->link.rate_bits_per_s,
		.tenants = names,
		.tenant_count = scenario->tenant_count,
		.taps = LINK_TAPS_NONE,
	};
}

static bool declared(const struct scenario *scenario)
{
	return scenario->link.declared;
}

/* The argv of the tenant's server; NULL: its workload has none. */
static int server_argv(const struct workload_ops *ops, const char *job_path, const char *job_text,
	size_t index, char ***ret_argv, struct err *err)
{
	struct workload_place place = {
		.job_path = job_path,
		.server_address = LINK_FAR_ADDRESS,
		.server_port = FIRST_PORT + (unsigned)index,
	};
	bool repeat;

	if (!ops || !ops->server) {
		*ret_argv = NULL;
		return 0;
	}
	return ops->server->command(&place, job_text, ret_argv, &repeat, err);
}

/* The tools of the far end run on this host. */
static int check_tools(const struct scenario *scenario, struct err *err)
{
	for (size_t i = 0; i < scenario->tenant_count; i++) {
		const char *path = scenario->tenants[i].workload_path;
		const struct workload_ops *ops = NULL;
		AUTO(free_ptr) char *job_text = NULL;
		AUTO(argv) char **argv = NULL;
		if (!path)
			continue;
		if (workload_load(path, &ops, &job_text, err) ||
			server_argv(ops, path, job_text, i, &argv, err))
			return -1;
		AUTO(free_ptr) char *program = argv ? spawn_find(argv[0]) : NULL;
		if (!argv || program)
			continue;
		err_host(err,
			"there is no program '%s' on this host: it is the far end of the link for tenant '%s'",
			argv[0], scenario->tenants[i].name);
		return err_remedy(err, "apt install %s", argv[0]);
	}
	return 0;
}

static int check(const struct scenario *scenario, const struct run_options *options, struct run_plan *plan,
	struct err *err)
{
	const char *names[SCENARIO_MAX_TENANTS];

	(void)plan;
	struct link_options link = options_for(scenario, names);
	/* The host's own interfaces matter only where the link is made among them. */
	if (check_tools(scenario, err) || link_fixture_probe(err) ||
		(options->uri && link_fixture_check(&link, true, err)))
		return err_wrap(err, "scenario '%s' makes a link scarce", scenario->name);
	return 0;
}

static int journal_link(const struct run_plan *plan, struct journal *journal, struct err *err)
{
	const char *names[SCENARIO_MAX_TENANTS];

	if (plan->embed)
		return 0;
	/* What dead runs left has been undone by now: what is there is somebody's, and must not be undone with ours. */
	struct link_options link = options_for(plan->scenario, names);
	if (link_fixture_check(&link, false, err))
		return -1;
	return journal_push(journal, UNDO_LINK, LINK_BRIDGE, NULL, err);
}

static int make(struct inner *inner, struct err *err)
{
	const char *names[SCENARIO_MAX_TENANTS];
	struct link_options link = options_for(inner->plan->scenario, names);
	struct link_state *state = xcalloc(1, sizeof(*state));

	inner->fixture_state = state;
	return link_fixture_new(&link, &state->fixture, err);
}

static int shape(struct member *member, struct vm_spec *spec, struct workload_place *place, struct err *err)
{
	size_t index = index_of(member);
	struct link_member *self = &state_of(member->inner)->members[index];

	if (wake_add_card(member, LINK_BRIDGE, &self->card, spec, err))
		return -1;
	place->server_address = LINK_FAR_ADDRESS;
	place->server_port = FIRST_PORT + (unsigned)index;
	return 0;
}

/* What the tenant declares is in its class from the first packet on; the limits are set and read back afterwards. */
static void declared_limits(const struct tenant_spec *spec, struct link_binding *binding)
{
	for (size_t i = 0; i < spec->limit_count; i++) {
		const struct limit_setting *setting = &spec->limits[i];
		if (setting->limit == LIMIT_NET_RATE)
			binding->rate_bits_per_s = setting->value;
		else if (setting->limit == LIMIT_NET_CEIL)
			binding->ceil_bits_per_s = setting->value;
		else if (setting->limit == LIMIT_NET_QUANTUM)
			binding->quantum_bytes = setting->value;
		else if (setting->limit == LIMIT_NET_PRIORITY)
			binding->priority = (uint32_t)setting->value;
	}
}

static int attach(struct member *member, struct err *err)
{
	size_t index = index_of(member);
	const struct link_member *self = &state_of(member->inner)->members[index];
	struct link_binding binding = {
		.device = LINK_UPLINK,
		.parent = LINK_PARENT,
		.minor = FIRST_MINOR + (uint32_t)index,
		.apply = member->inner->plan->scenario->link.apply,
		.priority = NET_PRIORITY_UNSAID,
	};

	uint64_t queue_bytes = member->inner->plan->scenario->link.rate_bits_per_s / 8 / QUEUES_PER_S;
	if (queue_bytes > NET_QUEUE_BYTES)
		binding.queue_bytes = queue_bytes;
	memcpy(binding.mac, self->card.nic.mac, sizeof(binding.mac));
	declared_limits(member->spec, &binding);
	return target_bind_link(member->target, &binding, err);
}

static int wait_for_server(
	struct inner *inner, const struct server *server, const struct member *member, struct err *err)
{
	const char *ready = member->ops->server->ready_line;
	uint64_t deadline_ns = clock_now_ns() + SPEAK_DEADLINE_S * NS_PER_S;

	while (!server_has_said(server, ready ? ready : "")) {
		if (server_check(server, err) ||
			loop_run(inner->loop, NULL, clock_now_ns() + 10 * NS_PER_MS, err) < 0)
			return -1;
		if (clock_now_ns() >= deadline_ns)
			return err_run(err, "the server of tenant '%s' does not listen after %d s",
				member->spec->name, SPEAK_DEADLINE_S);
	}
	return 0;
}

static int start(struct inner *inner, struct err *err)
{
	struct link_state *state = state_of(inner);

	for (size_t i = 0; i < inner->member_count; i++) {
		const struct member *member = &inner->members[i];
		AUTO(argv) char **argv = NULL;
		if (server_argv(member->ops, member->spec->workload_path, member->job_text, i, &argv, err))
			return -1;
		if (!argv)
			continue;
		AUTO(free_ptr)
		char *name =
			xasprintf("the %s of tenant '%s'", member->ops->server->name, member->spec->name);
		if (server_start(inner->loop, name, (const char *const *)argv,
			    link_fixture_far(state->fixture), &state->members[i].server, err))
			return -1;
	}
	for (size_t i = 0; i < inner->member_count; i++)
		if (state->members[i].server &&
			wait_for_server(inner, state->members[i].server, &inner->members[i], err))
			return -1;
	return 0;
}

static void sample(struct inner *inner, struct sampler_options *options, struct sampler_tenant *tenants)
{
	static const struct sampler_link link = {.uplink = LINK_UPLINK, .shared_class = LINK_PARENT};

	options->link = &link;
	for (size_t i = 0; i < inner->member_count; i++) {
		tenants[i].net_class = LINK_ROOT | (FIRST_MINOR + (uint32_t)i);
		tenants[i].net_tap = state_of(inner)->members[i].card.tap;
	}
}

static int watch(struct inner *inner, struct err *err)
{
	for (size_t i = 0; i < inner->member_count; i++) {
		const struct server *server = state_of(inner)->members[i].server;
		if (server && server_check(server, err))
			return err_wrap(err, "at %.1f s", inner_seconds(inner, clock_now_ns()));
	}
	return 0;
}

static int record(struct inner *inner, struct err *err)
{
	int result = 0;

	for (size_t i = 0; i < inner->member_count; i++) {
		const struct server *server = state_of(inner)->members[i].server;
		AUTO(free_ptr)
		char *path = xasprintf(
			"%s/" RUNDIR_LOG "/%s.server", inner->plan->run_dir, inner->members[i].spec->name);
		if (server && server_write_log(server, inner->zero_ns, path, err))
			result = -1;
	}
	return result;
}

static void unmake(struct inner *inner)
{
	struct link_state *state = state_of(inner);

	if (!state)
		return;
	inner->fixture_state = NULL;
	for (size_t i = 0; i < ARRAY_SIZE(state->members); i++)
		server_stop(state->members[i].server);
	link_fixture_free(state->fixture);
	/* The members' texts stay: a VM that could not be destroyed in time may still be looked at by its worker. */
}

const struct run_fixture run_fixture_link = {
	.resource = RESOURCE_NET,
	.declared = declared,
	.check = check,
	.journal = journal_link,
	.make = make,
	.shape = shape,
	.attach = attach,
	.start = start,
	.sample = sample,
	.watch = watch,
	.record = record,
	.unmake = unmake,
};
