/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/clock.h"

#include <errno.h>
#include <time.h>

#include "base/err.h"

static uint64_t read_ns(clockid_t id)
{
	struct timespec now;

	(void)clock_gettime(id, &now);
	return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

uint64_t clock_now_ns(void)
{
	return read_ns(CLOCK_MONOTONIC);
}

uint64_t clock_process_cpu_ns(void)
{
	return read_ns(CLOCK_PROCESS_CPUTIME_ID);
}

void clock_sleep_until_ns(uint64_t deadline_ns)
{
	struct timespec at = {
		.tv_sec = (time_t)(deadline_ns / NS_PER_S),
		.tv_nsec = (long)(deadline_ns % NS_PER_S),
	};

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL) == EINTR)
		;
}

static struct tm utc_now(void)
{
	time_t now = time(NULL);
	struct tm parts = {0};

	(void)gmtime_r(&now, &parts);
	return parts;
}

void clock_utc_iso(char *ret_text, size_t size)
{
	struct tm parts = utc_now();

	if (strftime(ret_text, size, "%Y-%m-%dT%H:%M:%SZ", &parts) == 0)
		BUG("%zu bytes are too few for a time", size);
}

void clock_utc_compact(char *ret_text, size_t size)
{
	struct tm parts = utc_now();

	if (strftime(ret_text, size, "%Y%m%dT%H%M%SZ", &parts) == 0)
		BUG("%zu bytes are too few for a time", size);
}
