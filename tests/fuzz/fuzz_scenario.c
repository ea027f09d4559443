/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Any bytes are either a scenario or an error with a position; a scenario can be planned.  Link with the harness:
 *	clang -fsanitize=fuzzer,address,undefined ...; seeds: scenarios/ and tests/fuzz/corpus/scenario/
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "scenario/plan.h"
#include "scenario/scenario.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct scenario_options options = {.need_workloads = false};
	struct err err = ERR_INIT;
	struct scenario *scenario = NULL;
	unsigned line, column;

	if (scenario_parse("f.yaml", (const char *)data, size, &options, &scenario, &err) < 0) {
		if (err.domain != ERR_INPUT || sscanf(err.text, "f.yaml:%u:%u: ", &line, &column) != 2 ||
			!line || !column)
			abort();
		if (scenario || (!strchr(err.text, ';') && strlen(err.text) < sizeof(err.text) - 1))
			abort();
		return 0;
	}
	AUTO(free_ptr) char *plan = plan_format(scenario);
	if (!scenario->duration_ns || !scenario->tenant_count || !plan[0])
		abort();
	scenario_free(scenario);
	return 0;
}
