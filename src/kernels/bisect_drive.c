/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "kernels/bisect_drive.h"

#include <stdlib.h>

#include "base/auto.h"
#include "base/buf.h"

/* More of them in a row will not tell either. */
#define INCONCLUSIVE_MAX 3
/* Runs of one boot: five passes decide, and one may be inconclusive. */
#define ROUNDS_PER_BOOT 6

enum bisect_state bisect_state_of(const struct batch *batch, char *const *lacks, size_t kernel)
{
	const struct batch_scenario *about = &batch->scenarios[kernel];
	size_t done = 0;

	for (int i = 0; i < BATCH_OUTCOME_COUNT; i++)
		done += about->counts[i];
	if (about->skipped || lacks[kernel])
		return BISECT_SKIPPED;
	if (about->decision != DECISION_OPEN)
		return about->decision == DECISION_HOLDS ? BISECT_GOOD : BISECT_BAD;
	/* It died as often as it may, nothing of it can be judged, or it is now so and now so. */
	if (about->counts[BATCH_BROKEN] || done >= batch->rounds ||
		(about->counts[BATCH_INCONCLUSIVE] >= INCONCLUSIVE_MAX &&
			about->counts[BATCH_INCONCLUSIVE] == done))
		return BISECT_SKIPPED;
	return BISECT_UNTESTED;
}

char *bisect_why(const struct batch *batch, char *const *lacks, size_t kernel)
{
	const struct batch_scenario *about = &batch->scenarios[kernel];

	if (about->skipped || lacks[kernel])
		return xstrdup(about->skipped ? about->skipped : lacks[kernel]);
	for (size_t i = 0; i < batch->run_count; i++)
		if (batch->runs[i].scenario == kernel && batch->runs[i].outcome == BATCH_BROKEN)
			return xstrdup(batch->runs[i].trouble ? batch->runs[i].trouble : "a run broke");
	return xasprintf("%zu passed, %zu failed, %zu inconclusive", about->counts[BATCH_PASS],
		about->counts[BATCH_FAIL], about->counts[BATCH_INCONCLUSIVE]);
}

/* Boots until it is decided, or clear that it cannot be. */
static int test(struct drive *drive, char *const *lacks, size_t kernel, struct err *err)
{
	const struct batch *batch = drive->batch;

	while (bisect_state_of(batch, lacks, kernel) == BISECT_UNTESTED) {
		struct drive_run runs[ROUNDS_PER_BOOT];
		size_t count = 0;
		for (unsigned round = 0; round < batch->rounds && count < ROUNDS_PER_BOOT; round++) {
			bool has = false;
			for (size_t i = 0; i < batch->run_count && !has; i++)
				has = batch->runs[i].scenario == kernel && batch->runs[i].round == round;
			if (!has)
				runs[count++] = (struct drive_run){kernel, round};
		}
		if (!count)
			return err_run(err, "no round of %s is left, and none decided",
				batch->places[batch->scenarios[kernel].place].release);
		if (drive_boot(drive, runs, count, true, err))
			return -1;
	}
	return 0;
}

int bisect_drive(struct drive *drive, char *const *lacks, size_t good, size_t bad,
	const struct bisect_observer *observer, struct bisect_answer *ret_answer, struct err *err)
{
	size_t count = drive->batch->place_count;
	AUTO(free_ptr) enum bisect_state *states = xcalloc(count, sizeof(*states));

	for (;;) {
		for (size_t i = 0; i < count; i++)
			states[i] = bisect_state_of(drive->batch, lacks, i);
		*ret_answer = bisect_next(states, good, bad);
		if (ret_answer->kind != BISECT_TEST)
			return 0;
		if (observer)
			observer->testing(observer->context, ret_answer->test, ret_answer->steps);
		if (test(drive, lacks, ret_answer->test, err))
			return -1;
		if (observer)
			observer->tested(observer->context, ret_answer->test, ret_answer->steps - 1);
	}
}
