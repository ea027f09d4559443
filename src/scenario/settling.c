/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>

#include "base/auto.h"
#include "base/buf.h"
#include "scenario/expect.h"

#define KERNEL_TICK_S    0.01 /* CONFIG_HZ is at least 100 */
#define BFQ_BUDGET_S     0.01
#define THROTTLE_SLICE_S 0.1 /* block/blk-throttle.c */
#define PERIOD_DEFAULT_S 0.1
#define QUEUE_PART_S     (1.0 / 32) /* of the link's rate, run/with_link.c */

/* The largest value of a limit anywhere in the scenario; 0: nobody has it. */
static uint64_t largest(const struct scenario *scenario, enum limit_id limit)
{
	uint64_t most = 0;

	for (size_t i = 0; i < scenario->tenant_count + scenario->event_count; i++) {
		bool of_tenant = i < scenario->tenant_count;
		const struct tenant_spec *tenant = &scenario->tenants[of_tenant ? i : 0];
		const struct event_spec *event =
			of_tenant ? NULL : &scenario->events[i - scenario->tenant_count];
		const struct limit_setting *said =
			of_tenant ? scenario_setting(tenant->limits, tenant->limit_count, limit)
				  : scenario_setting(event->settings, event->setting_count, limit);
		if (said && said->value > most)
			most = said->value;
	}
	return most;
}

static void add(struct buf *words, double *sum_s, double term_s, const char *why)
{
	*sum_s += term_s;
	buf_addf(words, "%s%.3g s for %s", words->length ? ", " : "", term_s, why);
}

static void add_cpu(const struct scenario *scenario, struct buf *words, double *sum_s)
{
	double vcpus = 0, period_s = (double)largest(scenario, LIMIT_CPU_PERIOD) / 1e6;

	for (size_t i = 0; i < scenario->tenant_count; i++)
		vcpus += scenario->tenants[i].vcpus;
	add(words, sum_s, vcpus * KERNEL_TICK_S, "a turn of all vCPUs, a tick of 10 ms each");
	if (largest(scenario, LIMIT_CPU_QUOTA))
		add(words, sum_s, fmax(period_s, PERIOD_DEFAULT_S), "the rest of a quota's period");
}

static void add_disk(const struct scenario *scenario, struct buf *words, double *sum_s)
{
	add(words, sum_s, (double)scenario->tenant_count * BFQ_BUDGET_S,
		"a round of BFQ's budgets, 10 ms each");
	if (largest(scenario, LIMIT_DISK_READ_BYTES) || largest(scenario, LIMIT_DISK_WRITE_BYTES) ||
		largest(scenario, LIMIT_DISK_READ_IOPS) || largest(scenario, LIMIT_DISK_WRITE_IOPS))
		add(words, sum_s, THROTTLE_SLICE_S, "a slice of a throttle");
}

void settling_derive(const struct scenario *scenario, struct expect_spec *expect)
{
	AUTO(buf) struct buf words = BUF_INIT;
	double sum_s = 0, rate = (double)scenario->link.rate_bits_per_s;

	add(&words, &sum_s, 2 * (double)scenario->sample_ns / 1e9, "two samples");
	if (expect->resource == RESOURCE_CPU)
		add_cpu(scenario, &words, &sum_s);
	else if (expect->resource == RESOURCE_DISK)
		add_disk(scenario, &words, &sum_s);
	else
		add(&words, &sum_s, fmax(QUEUE_PART_S, 8. * NET_QUEUE_BYTES / rate),
			"a full queue that drains at the link's rate");
	expect->within_ns = (uint64_t)llround(1e9 * sum_s);
	expect->derivation = xasprintf("derived: %s", words.data);
}
