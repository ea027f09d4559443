/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Three tenants that always have something to send share a link of 60 Mbit/s, all in network namespaces of this test's own.  A plain
 * change of priority does nothing to a class that never runs empty; the reliable one acts within a second, drops nothing and
 * hardly disturbs the order.  Rates are taken from the sampler, and compared with the model and with tc.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "applier/applier.h"
#include "applier/net.h"
#include "base/auto.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/spawn.h"
#include "fixture/link.h"
#include "fixture/netns.h"
#include "judge/model_htb.h"
#include "sample/sampler.h"
#include "sample/source.h"

#define MBIT       UINT64_C(1000000)
#define TENANTS    3
#define LINK_RATE  (60 * MBIT)
#define OWN_RATE   (2 * MBIT)
#define SENT_RATE  (70 * MBIT)
#define DATAGRAM   1400
#define FRAME      (DATAGRAM + 8 + 20 + 14)
#define FIRST_PORT 9000
#define PERIOD_NS  (4 * NS_PER_MS)

DEFINE_AUTO(link_fixture, struct link_fixture *, link_fixture_free);

static struct tenant {
	int index, netns, sender, receiver;
	struct target *target;
	uint32_t next; /* number of the next datagram */
	_Atomic uint32_t last,
		back; /* number of the last datagram that came; steps back from one to the next */
} tenants[TENANTS];
static atomic_bool stopping;
static struct table samples;
static struct sampler *sampler;

static void must(int result, const struct err *err)
{
	if (result)
		fail_msg("%s", err->text);
}

static int run(struct err *err, const char *words)
{
	AUTO(free_ptr) char *line = xstrdup(words);
	struct spawn_options options = {0};
	const char *argv[20] = {NULL};
	char *rest = NULL;
	size_t count = 0;

	for (char *word = strtok_r(line, " ", &rest); word; word = strtok_r(NULL, " ", &rest))
		argv[count++] = word;
	return spawn_check(argv, &options, err);
}

/* Inside the tenant's namespace: an interface whose other end is a port of the bridge, and a socket. */
static int furnish_tenant(void *context, struct err *err)
{
	struct tenant *tenant = context;
	AUTO(free_ptr)
	char *link =
		xasprintf("ip link add eth0 address 52:54:00:00:00:%02x type veth peer name ve%d netns %d",
			tenant->index + 1, tenant->index, (int)getpid());
	AUTO(free_ptr) char *address = xasprintf("ip addr add 10.77.0.%d/24 dev eth0", tenant->index + 11);

	if (run(err, link) || run(err, address) || run(err, "ip link set eth0 up"))
		return -1;
	tenant->sender = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	return tenant->sender < 0 ? err_sys(err, errno, "cannot make a socket") : 0;
}

static int furnish_receiver(void *context, struct err *err)
{
	struct tenant *tenant = context;
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_port = htons((uint16_t)(FIRST_PORT + tenant->index))};
	int size = 8 << 20;

	tenant->receiver = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (tenant->receiver < 0 ||
		setsockopt(tenant->receiver, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) ||
		bind(tenant->receiver, (struct sockaddr *)&address, sizeof(address)))
		return err_sys(err, errno, "cannot make a receiver");
	return 0;
}

static void send_some(struct tenant *tenant, const struct sockaddr_in *to, uint64_t count)
{
	uint32_t words[DATAGRAM / sizeof(uint32_t)] = {0};

	for (uint64_t i = 0; i < count; i++) {
		words[0] = tenant->next++;
		(void)sendto(
			tenant->sender, words, sizeof(words), 0, (const struct sockaddr *)to, sizeof(*to));
	}
}

static void receive_all(struct tenant *tenant)
{
	uint32_t words[DATAGRAM / sizeof(uint32_t)];

	while (recv(tenant->receiver, words, sizeof(words), 0) > 0) {
		if (words[0] < tenant->last)
			tenant->back++;
		tenant->last = words[0];
	}
}

static void *be_traffic(void *unused)
{
	uint64_t last_ns = clock_now_ns(), owed = 0;

	(void)unused;
	while (!stopping) {
		uint64_t now_ns = clock_now_ns();
		owed += (now_ns - last_ns) * SENT_RATE / NS_PER_S;
		last_ns = now_ns;
		/* After a long pause of the machine, the queue is what is needed full, not more. */
		uint64_t count = owed / (UINT64_C(8) * FRAME);
		owed -= count * 8 * FRAME;
		for (int i = 0; i < TENANTS; i++) {
			struct sockaddr_in to = {.sin_family = AF_INET,
				.sin_port = htons((uint16_t)(FIRST_PORT + i)),
				.sin_addr.s_addr = inet_addr(LINK_FAR_ADDRESS)};
			send_some(&tenants[i], &to, count < 400 ? count : 400);
			receive_all(&tenants[i]);
		}
		clock_sleep_until_ns(now_ns + PERIOD_NS);
	}
	return NULL;
}

static const double *sample(void)
{
	sampler_tick(sampler, 0, &samples);
	return samples.cells + (samples.row_count - TENANTS - 1) * samples.column_count;
}

struct rates {
	double of[TENANTS], sum; /* Mbit/s of link layer */
	double least_backlog;    /* bytes */
};

/* Over that time, from the sampler's counters. */
static struct rates measure(uint64_t ms)
{
	struct rates rates = {.least_backlog = 1e9};
	uint64_t start_ns = clock_now_ns();
	double before[TENANTS], before_t[TENANTS];

	const double *cells = sample();
	for (size_t i = 0; i < TENANTS; i++) {
		before[i] = cells[i * samples.column_count + SAMPLE_NET_CLASS_BYTES];
		before_t[i] = samples.t_s[samples.row_count - TENANTS - 1 + i];
	}
	for (uint64_t step = 1; step <= ms / 50; step++) {
		clock_sleep_until_ns(start_ns + step * 50 * NS_PER_MS);
		cells = sample();
		for (size_t i = 0; i < TENANTS; i++) {
			double backlog = cells[i * samples.column_count + SAMPLE_NET_CLASS_BACKLOG_BYTES];
			rates.least_backlog = backlog < rates.least_backlog ? backlog : rates.least_backlog;
		}
	}
	for (size_t i = 0; i < TENANTS; i++) {
		double bytes = cells[i * samples.column_count + SAMPLE_NET_CLASS_BYTES] - before[i];
		double dt_s = samples.t_s[samples.row_count - TENANTS - 1 + i] - before_t[i];
		rates.of[i] = bytes * 8 / dt_s / 1e6;
		rates.sum += rates.of[i];
	}
	print_message("# %5.1f %5.1f %5.1f Mbit/s, sum %5.1f, least backlog %.0f\n", rates.of[0], rates.of[1],
		rates.of[2], rates.sum, rates.least_backlog);
	return rates;
}

static void assert_near(const char *what, double got, double expected, double within)
{
	if (!(got >= expected - within && got <= expected + within))
		fail_msg("%s: %.2f is not %.2f +- %.2f", what, got, expected, within);
}

/* What HTB should give when tenant 0 has this priority and the others 3. */
static void assert_as_model(const char *what, const struct rates *rates, unsigned prio)
{
	struct htb_claim claims[TENANTS];
	double share[TENANTS];

	for (size_t i = 0; i < TENANTS; i++)
		claims[i] = (struct htb_claim){
			.rate = 2, .ceil = 60, .demand = 70, .quantum = 1, .prio = i ? 3 : prio};
	assert_int_equal(model_htb(60, (double)INFINITY, claims, TENANTS, share), 0);
	for (size_t i = 0; i < TENANTS; i++)
		assert_near(what, rates->of[i], share[i], 3);
	assert_near("sum", rates->sum, 60, 60 * 0.03);
}

static void set_priority(struct target *target, enum net_apply apply, uint64_t priority)
{
	struct err err = ERR_INIT;
	uint64_t got = 9;

	target_set_net_apply(target, apply);
	uint64_t start_ns = clock_now_ns();
	must(limit_set(target, LIMIT_NET_PRIORITY, priority, &got, &err), &err);
	print_message("# %s to %" PRIu64 ": %.1f ms\n", net_apply_name(apply), priority,
		(double)(clock_now_ns() - start_ns) / 1e6);
	assert_int_equal(got, priority);
}

static void make_tenants(struct link_fixture *fixture)
{
	struct sampler_tenant sampled[TENANTS];
	static const char *const names[TENANTS] = {"red", "blue", "green"};
	static const char *const taps[TENANTS] = {"ve0", "ve1", "ve2"};
	struct sampler_link link = {.uplink = LINK_UPLINK, .shared_class = LINK_PARENT};
	struct err err = ERR_INIT;

	for (int i = 0; i < TENANTS; i++) {
		struct tenant *tenant = &tenants[i];
		struct link_binding binding = {
			.device = LINK_UPLINK,
			.parent = LINK_PARENT,
			.minor = (uint32_t)i + 1 + 0x10,
			.mac = {0x52, 0x54, 0, 0, 0, (uint8_t)(i + 1)},
			.rate_bits_per_s = OWN_RATE,
			.priority = 3,
			.queue_bytes = 512U * 1024,
		};
		AUTO(free_ptr) char *up = xasprintf("ip link set ve%d up master " LINK_BRIDGE, i);
		tenant->index = i;
		must(netns_new(&tenant->netns, &err), &err);
		must(netns_run(tenant->netns, furnish_tenant, tenant, &err), &err);
		must(netns_run(link_fixture_far(fixture), furnish_receiver, tenant, &err), &err);
		must(run(&err, up), &err);
		must(target_open(NULL, getpid(), &tenant->target, &err), &err);
		must(target_bind_link(tenant->target, &binding, &err), &err);
		sampled[i] = (struct sampler_tenant){.name = names[i],
			.pid = getpid(),
			.net_class = LINK_ROOT | binding.minor,
			.net_tap = taps[i]};
	}
	const struct sampler_options options = {
		.root = "", .tenants = sampled, .tenant_count = TENANTS, .link = &link};
	must(sampler_new(&options, &sampler, &err), &err);
}

/* tc's sum of bytes over both classes of a tenant. */
static double tc_bytes(const char *first, const char *second)
{
	const char *argv[] = {"tc", "-s", "class", "show", "dev", LINK_UPLINK, NULL};
	AUTO(buf) struct buf output = BUF_INIT;
	struct spawn_options options = {.output = &output};
	struct err err = ERR_INIT;
	const char *const ids[] = {first, second};
	double sum = 0;

	must(spawn_check(argv, &options, &err), &err);
	for (size_t i = 0; i < 2; i++) {
		AUTO(free_ptr) char *head = xasprintf("class htb %s parent", ids[i]);
		const char *at = strstr(output.data, head);
		if (!at && i)
			continue;
		assert_non_null(at);
		sum += strtod(strstr(at, "Sent ") + 5, NULL);
	}
	return sum;
}

static void test_priority_changes(void **state)
{
	struct link_options options = {.rate_bits_per_s = LINK_RATE, .default_rate_bits_per_s = 8000};
	AUTO(link_fixture) struct link_fixture *fixture = NULL;
	struct err err = ERR_INIT;
	pthread_t thread;
	size_t columns;

	(void)state;
	const char *const *names = sampler_columns(&columns);
	table_init(&samples, names, columns);
	must(link_fixture_new(&options, &fixture, &err), &err);
	make_tenants(fixture);
	assert_int_equal(pthread_create(&thread, NULL, be_traffic, NULL), 0);
	clock_sleep_until_ns(clock_now_ns() + 700 * NS_PER_MS);
	struct rates before = measure(1000);
	set_priority(tenants[0].target, NET_APPLY_RAW, 0);
	clock_sleep_until_ns(clock_now_ns() + 300 * NS_PER_MS);
	struct rates raw = measure(1000);
	uint32_t back_before = tenants[0].back;
	uint64_t start_ns = clock_now_ns();
	set_priority(tenants[0].target, NET_APPLY_RELIABLE, 0);
	uint64_t took_ns = clock_now_ns() - start_ns;
	/* Effective within a second: the next one is all new. */
	clock_sleep_until_ns(start_ns + NS_PER_S);
	struct rates first = measure(700);
	set_priority(tenants[0].target, NET_APPLY_RELIABLE, 5);
	clock_sleep_until_ns(clock_now_ns() + 700 * NS_PER_MS);
	struct rates last = measure(700);
	uint32_t back = tenants[0].back - back_before;
	stopping = true;
	(void)pthread_join(thread, NULL);
	uint64_t dropped = target_link_dropped(tenants[0].target);
	print_message("# %u steps back in %u datagrams, %" PRIu64 " dropped by the changes\n", back,
		tenants[0].last, dropped);

	if (before.least_backlog <= 0 || raw.least_backlog <= 0) {
		/* The machine stood still for longer than the queues last: then even a raw change acts. */
		print_message("# a queue ran empty: this machine is too busy for this test\n");
		if (!getenv("LIMITLAB_MUST_WORK"))
			skip();
	}
	assert_as_model("before", &before, 3);
	assert_as_model("raw", &raw, 3);
	assert_true(took_ns < NS_PER_S);
	assert_as_model("first", &first, 0);
	assert_as_model("last", &last, 5);
	assert_int_equal(dropped, 0);
	/* The new class sends a few by its own rate while the old one drains; switching at once takes some 350 steps back. */
	assert_true(back < 60);
	/* The shared class, on the host's row, has the tenants' bytes and the little of the default class. */
	clock_sleep_until_ns(clock_now_ns() + 800 * NS_PER_MS);
	const double *cells = sample();
	double sum = 0;
	for (size_t i = 0; i < TENANTS; i++)
		sum += cells[i * columns + SAMPLE_NET_CLASS_BYTES];
	double shared = cells[TENANTS * columns + SAMPLE_NET_CLASS_BYTES];
	assert_near("shared bytes", shared, sum, 100000);
	assert_true(cells[SAMPLE_NET_LENDS] > 0 && cells[SAMPLE_NET_BORROWS] > 0);
	assert_true(cells[SAMPLE_NET_CLASS_DROPS] > 0 && cells[SAMPLE_NET_CLASS_PACKETS] > 0);
	assert_true(cells[SAMPLE_TAP_RX_BYTES] > cells[SAMPLE_NET_CLASS_BYTES] / 2);
	double red = sample()[SAMPLE_NET_CLASS_BYTES];
	assert_near("tc's bytes", tc_bytes("1:11", "1:8011"), red, 20000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_priority_changes),
	};

	if (unshare(CLONE_NEWNET)) {
		bool must_work = getenv("LIMITLAB_MUST_WORK") != NULL;
		printf(must_work ? "1..1\nnot ok 1 - cannot make a network namespace\n"
				 : "1..0 # SKIP cannot make a network namespace\n");
		return must_work;
	}
	int result = cmocka_run_group_tests(tests, NULL, NULL);
	for (size_t i = 0; i < TENANTS; i++)
		target_close(tenants[i].target);
	sampler_free(sampler);
	table_release(&samples);
	return result;
}
