/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "applier/limit.h"

#include <string.h>

#include "base/auto.h"
#include "base/buf.h"

static const struct limit_spec catalogue[] = {
	{
		.id = LIMIT_CPU_SHARES,
		.name = "cpu.shares",
		.unit = "",
		.quantity = QUANTITY_COUNT,
		.min = 2,
		.max = 262144,
		.soft = true,
		.resource = "cpu",
		.summary = "weight of the VM while CPUs are scarce",
		.example = "1024",
	},
	{
		.id = LIMIT_CPU_QUOTA,
		.name = "cpu.quota",
		.unit = "us",
		.quantity = QUANTITY_DURATION_US,
		.min = 1000,
		.max = 17592186044415,
		.may_be_unlimited = true,
		.resource = "cpu",
		.summary = "CPU time of the whole VM in each period, scarce or not",
		.example = "50ms",
	},
	{
		.id = LIMIT_CPU_PERIOD,
		.name = "cpu.period",
		.unit = "us",
		.quantity = QUANTITY_DURATION_US,
		.min = 1000,
		.max = 1000000,
		.resource = "cpu",
		.summary = "length of the period that cpu.quota refers to",
		.example = "100ms",
	},
};

_Static_assert(ARRAY_SIZE(catalogue) == LIMIT_COUNT, "one row per limit, in the order of enum limit_id");

const struct limit_spec *limit_spec(enum limit_id id)
{
	if ((unsigned)id >= LIMIT_COUNT)
		BUG("limit %d is not in the catalogue", (int)id);
	return &catalogue[id];
}

const struct limit_spec *limit_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(catalogue); i++) {
		if (strcmp(catalogue[i].name, name) == 0)
			return &catalogue[i];
	}
	return NULL;
}

int limit_parse_value(const struct limit_spec *spec, const char *text, uint64_t *ret_value, struct err *err)
{
	struct err cause = ERR_INIT;
	uint64_t value = 0;

	if (spec->may_be_unlimited && strcmp(text, "max") == 0) {
		*ret_value = LIMIT_UNLIMITED;
		return 0;
	}
	AUTO(free_ptr) char *min = units_format(spec->min, spec->quantity);
	AUTO(free_ptr) char *max = units_format(spec->max, spec->quantity);
	const char *or_max = spec->may_be_unlimited ? ", or max for no limit" : "";
	if (units_parse(text, spec->quantity, &value, &cause) < 0)
		return err_input(err, "bad value for %s: %s; it takes %s to %s%s", spec->name, cause.text,
			min, max, or_max);
	if (value < spec->min || value > spec->max)
		return err_input(err, "%s '%s' is out of range; it takes %s to %s%s, for example %s",
			spec->name, text, min, max, or_max, spec->example);
	*ret_value = value;
	return 0;
}

char *limit_format_value(const struct limit_spec *spec, uint64_t value)
{
	if (spec->may_be_unlimited && value == LIMIT_UNLIMITED)
		return xstrdup("max");
	return units_format(value, spec->quantity);
}
