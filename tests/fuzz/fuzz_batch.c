/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The file of a batch, also of one with places: whatever it says, it is read or refused, and what is read can be gone on with. */
#include <stdint.h>
#include <stdlib.h>

#include "base/auto.h"
#include "base/buf.h"
#include "run/batch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(batch) struct batch *batch = NULL;
	struct err err = ERR_INIT;
	size_t scenario;
	unsigned round;

	if (batch_parse("batch.json", (const char *)data, size, &batch, &err)) {
		if (err.domain != ERR_INPUT)
			abort();
		return 0;
	}
	/* Rounds may be many. */
	if (batch->rounds > 50 || batch->scenario_count > 50)
		return 0;
	AUTO(free_ptr) double *expected_s = xcalloc(batch->scenario_count, sizeof(*expected_s));
	AUTO(free_ptr) size_t *group = xcalloc(batch->scenario_count, sizeof(*group));
	for (size_t i = 0; i < batch->scenario_count; i++) {
		AUTO(free_ptr) struct batch_pool *pools = NULL;
		(void)batch_pools(batch, i, &pools);
		(void)batch_deaths(batch, i, 0);
	}
	(void)batch_seconds_left(batch, expected_s);
	(void)batch_exit_code(batch);
	if (batch_next(batch, &scenario, &round) != (batch_next_group(batch, group, &round) > 0))
		abort();
	return 0;
}
