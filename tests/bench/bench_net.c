/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A reference of make bench, in a private network namespace: what a change of one HTB class with its read-back costs through the
 * applier, and through "tc class change" and "tc class show"; and what the network adds to a tick of three tenants.  Prints
 * "net_set_us X", "net_priority_us X" (the reliable one, of an idle class), "tc_us X" and "net_tick_us X", medians of
 * interleaved rounds.  Needs root.
 */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "applier/applier.h"
#include "applier/net.h"
#include "base/auto.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/spawn.h"
#include "fixture/link.h"
#include "sample/net.h"

#define ROUNDS  51
#define TENANTS 3
#define MBIT    UINT64_C(1000000)

static int compare(const void *a, const void *b)
{
	double left = *(const double *)a, right = *(const double *)b;

	return left < right ? -1 : left > right;
}

static void print_median(const char *name, double *values)
{
	qsort(values, ROUNDS, sizeof(*values), compare);
	printf("%s %.1f\n", name, values[ROUNDS / 2]);
}

static double since_us(uint64_t start_ns)
{
	return (double)(clock_now_ns() - start_ns) / (double)NS_PER_US;
}

static int with_tc(unsigned round, struct err *err)
{
	const char *rate = round % 2 ? "20mbit" : "10mbit";
	const char *change[] = {"tc", "class", "change", "dev", LINK_UPLINK, "parent", "1:1", "classid",
		"1:12", "htb", "rate", rate, "ceil", "300mbit", "prio", "3", "quantum", "60000", NULL};
	const char *show[] = {"tc", "class", "show", "dev", LINK_UPLINK, "classid", "1:12", NULL};
	AUTO(buf) struct buf output = BUF_INIT;
	struct spawn_options options = {.output = &output};

	return spawn_check(change, &options, err) || spawn_check(show, &options, err) ? -1 : 0;
}

static int measure(struct target *target, struct net_view *view, struct err *err)
{
	double set[ROUNDS], priority[ROUNDS], tc[ROUNDS], tick[ROUNDS];

	for (unsigned i = 0; i < ROUNDS; i++) {
		uint64_t got, start_ns = clock_now_ns();
		if (limit_set(target, LIMIT_NET_RATE, (i % 2 ? 20 : 10) * MBIT, &got, err))
			return -1;
		set[i] = since_us(start_ns);
		start_ns = clock_now_ns();
		if (limit_set(target, LIMIT_NET_PRIORITY, i % 2, &got, err))
			return -1;
		priority[i] = since_us(start_ns);
		start_ns = clock_now_ns();
		net_view_refresh(view);
		tick[i] = since_us(start_ns);
		start_ns = clock_now_ns();
		if (with_tc(i, err))
			return -1;
		tc[i] = since_us(start_ns);
	}
	print_median("net_set_us", set);
	print_median("net_priority_us", priority);
	print_median("tc_us", tc);
	print_median("net_tick_us", tick);
	return 0;
}

static int prepare_and_measure(struct err *err)
{
	struct link_options options = {.rate_bits_per_s = 300 * MBIT};
	struct target *targets[TENANTS] = {NULL};
	struct link_fixture *fixture = NULL;
	struct net_view *view = NULL;
	int result = link_fixture_new(&options, &fixture, err);

	for (unsigned i = 0; i < TENANTS && !result; i++) {
		struct link_binding binding = {
			.device = LINK_UPLINK,
			.parent = LINK_PARENT,
			.minor = 0x11 + i,
			.mac = {0x52, 0x54, 0, 0, 0, (uint8_t)i},
			.rate_bits_per_s = 10 * MBIT,
		};
		if (target_open(NULL, getpid(), &targets[i], err) ||
			target_bind_link(targets[i], &binding, err))
			result = -1;
	}
	if (!result)
		result = net_view_new(LINK_UPLINK, LINK_PARENT, &view, err);
	if (!result)
		result = measure(targets[0], view, err);
	net_view_free(view);
	for (unsigned i = 0; i < TENANTS; i++)
		target_close(targets[i]);
	link_fixture_free(fixture);
	return result;
}

int main(void)
{
	struct err err = ERR_INIT;

	if (unshare(CLONE_NEWNET)) {
		perror("bench_net: unshare");
		return 1;
	}
	if (!prepare_and_measure(&err))
		return 0;
	(void)fprintf(stderr, "bench_net: %s\n", err.text);
	return 1;
}
