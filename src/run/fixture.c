/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "run/fixture.h"

#include "base/auto.h"

static const struct run_fixture *const fixtures[] = {
	&run_fixture_cpu,
	&run_fixture_link,
	&run_fixture_memory,
	&run_fixture_disk,
};

const struct run_fixture *run_fixture_of(const struct scenario *scenario)
{
	for (size_t i = 0; i < ARRAY_SIZE(fixtures); i++)
		if (fixtures[i]->declared(scenario))
			return fixtures[i];
	return NULL;
}
