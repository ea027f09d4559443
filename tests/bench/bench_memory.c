/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What it costs to make memory scarce and plentiful again:
 *	bench_memory SIZE_MIB LOCKED_MIB
 * takes and gives back SIZE_MIB through huge pages, and LOCKED_MIB as locked memory, which is the reference: what had to be done
 * without huge pages.  Prints "take_ms X", "give_ms X" (median of 5), "locked_ms X" (of LOCKED_MIB, once) and "left_off_mib X",
 * the largest difference between what was to be left and what was.
 */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/auto.h"
#include "base/clock.h"
#include "fixture/memory.h"

#define ROUNDS 5

DEFINE_AUTO(memory_holder, struct memory_holder *, memory_holder_free);

static int by_value(const void *a, const void *b)
{
	double left = *(const double *)a, right = *(const double *)b;

	return left < right ? -1 : left > right;
}

static double median(double *values, size_t count)
{
	qsort(values, count, sizeof(*values), by_value);
	return values[count / 2];
}

static int one(struct memory_holder *holder, uint64_t bytes, bool locked, double *ret_take_ms,
	double *ret_give_ms, double *ret_off_mib, struct err *err)
{
	struct memory_host host;
	struct memory_held held;

	if (memory_host_read("", &host, err))
		return -1;
	if (host.available_bytes < bytes + MEMORY_FLOOR_BYTES)
		return err_host(err, "%" PRIu64 " MiB are available, too little to take %" PRIu64 " of them",
			host.available_bytes >> 20, bytes >> 20);
	struct memory_hold hold = {.free_bytes = host.available_bytes - bytes, .locked_only = locked};
	uint64_t begin_ns = clock_now_ns();
	if (memory_holder_take(holder, &hold, &held, err))
		return -1;
	uint64_t taken_ns = clock_now_ns();
	if (memory_holder_give(holder, err))
		return -1;
	*ret_take_ms = (double)(taken_ns - begin_ns) / 1e6;
	*ret_give_ms = (double)(clock_now_ns() - taken_ns) / 1e6;
	*ret_off_mib = fabs((double)held.available_bytes - (double)hold.free_bytes) / 1048576.0;
	/* Free pages on the lists of the CPUs make no huge page: of 20 GiB a few MiB are locked. */
	if (!locked && held.locked_bytes > 16 * 1048576)
		return err_run(err, "%" PRIu64 " MiB had to be locked: no huge pages for them",
			held.locked_bytes >> 20);
	return 0;
}

static int measure(uint64_t bytes, uint64_t locked_bytes, struct err *err)
{
	AUTO(memory_holder) struct memory_holder *holder = NULL;
	double take_ms[ROUNDS], give_ms[ROUNDS], off_mib, largest_mib = 0, locked_ms, unused;

	if (memory_holder_new(&holder, err))
		return -1;
	for (int i = 0; i < ROUNDS; i++) {
		if (one(holder, bytes, false, &take_ms[i], &give_ms[i], &off_mib, err))
			return -1;
		largest_mib = fmax(largest_mib, off_mib);
		/* The pages come back a moment after the counters. */
		clock_sleep_until_ns(clock_now_ns() + 300 * NS_PER_MS);
	}
	if (one(holder, locked_bytes, true, &locked_ms, &unused, &unused, err))
		return -1;
	printf("take_ms %.2f\ngive_ms %.2f\nlocked_ms %.2f\nleft_off_mib %.1f\n", median(take_ms, ROUNDS),
		median(give_ms, ROUNDS), locked_ms, largest_mib);
	return 0;
}

int main(int argc, char **argv)
{
	struct err err = ERR_INIT;

	if (argc != 3) {
		(void)fprintf(stderr, "usage: bench_memory SIZE_MIB LOCKED_MIB\n");
		return 2;
	}
	if (!measure(strtoull(argv[1], NULL, 10) << 20, strtoull(argv[2], NULL, 10) << 20, &err))
		return 0;
	(void)fprintf(stderr, "bench_memory: %s\n", err.text);
	return err_exit_code(&err);
}
