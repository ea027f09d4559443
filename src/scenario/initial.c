/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What must be said from the beginning, and what must hold at every moment. */
#include <string.h>

#include "applier/net.h"
#include "base/auto.h"
#include "scenario/reader.h"

static bool event_names(const struct event_spec *event, enum limit_id limit)
{
	if (event->kind == EVENT_RESET)
		return event->limit == limit;
	return scenario_setting(event->settings, event->setting_count, limit);
}

static bool tenant_declares(const struct tenant_spec *tenant, enum limit_id limit)
{
	return scenario_setting(tenant->limits, tenant->limit_count, limit);
}

/* Where these matter, nobody may rely on the kernel's default, because there are two. */
static const struct {
	const char *name, *defaults, *example;
} no_default[] = {
	{"cpu.shares", "1024 on cgroup v1, 100 on v2", "1024"},
	{"disk.weight", "100 with bfq, 500 with the kernel's former CFQ", "100"},
};

static int check_declared(const struct reader *reader, const struct limit_spec *limit, const char *defaults,
	const char *example, struct err *err)
{
	const struct scenario *scenario = reader->scenario;
	bool matters = false;

	for (size_t i = 0; i < scenario->event_count; i++)
		matters = matters || event_names(&scenario->events[i], limit->id);
	for (size_t i = 0; i < scenario->tenant_count; i++)
		matters = matters || tenant_declares(&scenario->tenants[i], limit->id);
	for (size_t i = 0; i < scenario->tenant_count && matters && scenario->tenant_count > 1; i++) {
		const struct tenant_spec *tenant = &scenario->tenants[i];
		if (!tenant_declares(tenant, limit->id))
			return doc_error(reader->doc, tenant->mark, err,
				"tenant '%s' has no %s to begin with, and the kernel's default differs (%s) while others "
				"compete; add limits: {%s: %s}",
				tenant->name, limit->name, defaults, limit->name, example);
	}
	return 0;
}

int check_initial(const struct reader *reader, struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(no_default); i++) {
		const struct limit_spec *limit = limit_find(no_default[i].name);
		if (limit &&
			check_declared(reader, limit, no_default[i].defaults, no_default[i].example, err) < 0)
			return -1;
	}
	return 0;
}

/* One tenant's class. */
struct rates {
	uint64_t rate, ceil; /* bit/s */
};

static void apply_setting(struct rates *rates, const struct limit_setting *setting)
{
	if (setting->limit == LIMIT_NET_RATE)
		rates->rate = setting->value;
	else if (setting->limit == LIMIT_NET_CEIL)
		rates->ceil = setting->value;
}

static struct rates after_settings(struct rates rates, const struct limit_setting *settings, size_t count)
{
	for (size_t i = 0; i < count; i++)
		apply_setting(&rates, &settings[i]);
	return rates;
}

static int check_order(const struct reader *reader, struct rates rates, const struct tenant_spec *tenant,
	struct mark mark, struct err *err)
{
	if (rates.rate <= rates.ceil)
		return 0;
	AUTO(free_ptr) char *rate = units_format(rates.rate, QUANTITY_BITS_PER_S);
	AUTO(free_ptr) char *ceil = units_format(rates.ceil, QUANTITY_BITS_PER_S);
	return doc_error(reader->doc, mark, err,
		"tenant '%s' would be guaranteed a net.rate of %s above its net.ceil of %s; raise net.ceil, or lower "
		"net.rate",
		tenant->name, rate, ceil);
}

/* The ceil stands before the rate, or behind it. */
static void order_settings(struct limit_setting *settings, size_t count, bool ceil_first)
{
	struct limit_setting *rate = NULL, *ceil = NULL;

	for (size_t i = 0; i < count; i++) {
		if (settings[i].limit == LIMIT_NET_RATE)
			rate = &settings[i];
		else if (settings[i].limit == LIMIT_NET_CEIL)
			ceil = &settings[i];
	}
	if (!rate || !ceil || (ceil < rate) == ceil_first)
		return;
	struct limit_setting kept = *rate;
	*rate = *ceil;
	*ceil = kept;
}

/* As target_bind_link() fills in what is not said: the whole link, and a part of the ceil. */
static int begin_rates(
	const struct reader *reader, struct tenant_spec *tenant, struct rates *ret_rates, struct err *err)
{
	const struct scenario *scenario = reader->scenario;
	struct rates rates = {.ceil = scenario->link.rate_bits_per_s};

	rates = after_settings(rates, tenant->limits, tenant->limit_count);
	if (!tenant_declares(tenant, LIMIT_NET_RATE))
		rates.rate = net_default_rate(rates.ceil);
	if (check_order(reader, rates, tenant, tenant->mark, err) < 0)
		return -1;
	*ret_rates = rates;
	return 0;
}

/* What one event does to the class of every tenant that it concerns. */
static int change_rates(const struct reader *reader, struct event_spec *event, struct rates *now,
	const struct rates *initial, struct err *err)
{
	const struct scenario *scenario = reader->scenario;
	bool ceil_first = true;

	for (size_t i = 0; i < scenario->tenant_count; i++) {
		if (!(event->tenants & UINT32_C(1) << i))
			continue;
		struct rates next = after_settings(now[i], event->settings, event->setting_count);
		if (event->kind == EVENT_RESET &&
			(event->limit == LIMIT_NET_RATE || event->limit == LIMIT_COUNT))
			next.rate = initial[i].rate;
		if (event->kind == EVENT_RESET &&
			(event->limit == LIMIT_NET_CEIL || event->limit == LIMIT_COUNT))
			next.ceil = initial[i].ceil;
		if (check_order(reader, next, &scenario->tenants[i], event->mark, err) < 0)
			return -1;
		ceil_first = ceil_first && next.ceil >= now[i].rate;
		now[i] = next;
	}
	/* Where one tenant needs the one order and one the other, the run tries again what was refused. */
	order_settings(event->settings, event->setting_count, ceil_first);
	return 0;
}

int check_net_rates(const struct reader *reader, struct err *err)
{
	struct rates initial[SCENARIO_MAX_TENANTS], now[SCENARIO_MAX_TENANTS];
	struct scenario *scenario = reader->scenario;

	if (!scenario->link.declared)
		return 0;
	for (size_t i = 0; i < scenario->tenant_count; i++) {
		struct tenant_spec *tenant = &scenario->tenants[i];
		if (begin_rates(reader, tenant, &initial[i], err) < 0)
			return -1;
		now[i] = initial[i];
		/* Before them the class has the whole link as its ceil. */
		order_settings(tenant->limits, tenant->limit_count,
			initial[i].rate > scenario->link.rate_bits_per_s);
	}
	for (size_t i = 0; i < scenario->event_count; i++) {
		struct event_spec *event = &scenario->events[i];
		bool is_change = event->kind == EVENT_SET || event->kind == EVENT_RESET;
		if (is_change && change_rates(reader, event, now, initial, err) < 0)
			return -1;
	}
	return 0;
}
