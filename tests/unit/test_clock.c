/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>

#include "base/clock.h"

static void never_goes_back(void **state)
{
	uint64_t last_ns = clock_now_ns();

	(void)state;
	for (int i = 0; i < 10000; i++) {
		uint64_t now_ns = clock_now_ns();
		assert_true(now_ns >= last_ns);
		last_ns = now_ns;
	}
}

static void sleeps_to_the_time(void **state)
{
	uint64_t deadline_ns = clock_now_ns() + 30 * NS_PER_MS;

	(void)state;
	clock_sleep_until_ns(deadline_ns);
	assert_true(clock_now_ns() >= deadline_ns);
}

static void the_past_is_no_wait(void **state)
{
	uint64_t begin_ns = clock_now_ns();

	(void)state;
	clock_sleep_until_ns(0);
	clock_sleep_until_ns(begin_ns - 1);
	assert_true(clock_now_ns() - begin_ns < NS_PER_S);
}

static volatile sig_atomic_t alarms;

static void on_alarm(int signal_number)
{
	(void)signal_number;
	alarms++;
}

static void signals_do_not_wake_it_early(void **state)
{
	struct sigaction action = {.sa_handler = on_alarm}, before;
	const struct itimerval often = {{0, 5000}, {0, 5000}}, off = {0};

	(void)state;
	assert_int_equal(sigaction(SIGALRM, &action, &before), 0);
	assert_int_equal(setitimer(ITIMER_REAL, &often, NULL), 0);
	uint64_t deadline_ns = clock_now_ns() + 50 * NS_PER_MS;
	clock_sleep_until_ns(deadline_ns);
	assert_true(clock_now_ns() >= deadline_ns);
	assert_int_equal(setitimer(ITIMER_REAL, &off, NULL), 0);
	assert_int_equal(sigaction(SIGALRM, &before, NULL), 0);
	assert_true(alarms > 0);
}

static void times_as_text(void **state)
{
	int year, month, day, hour, minute, second, end = 0;
	char iso[21], compact[17];

	(void)state;
	clock_utc_iso(iso, sizeof(iso));
	print_message("# %s\n", iso);
	assert_int_equal(
		sscanf(iso, "%4d-%2d-%2dT%2d:%2d:%2dZ%n", &year, &month, &day, &hour, &minute, &second, &end),
		6);
	assert_int_equal(end, 20);
	assert_int_equal(strlen(iso), 20);
	clock_utc_compact(compact, sizeof(compact));
	print_message("# %s\n", compact);
	assert_int_equal(strlen(compact), 16);
	assert_int_equal(compact[8], 'T');
	assert_int_equal(compact[15], 'Z');
}

static void cpu_time_counts_work(void **state)
{
	uint64_t begin_ns = clock_process_cpu_ns(), deadline_ns = clock_now_ns() + 5 * NS_PER_S;
	volatile unsigned work = 0;

	(void)state;
	while (clock_process_cpu_ns() - begin_ns < 5 * NS_PER_MS && clock_now_ns() < deadline_ns)
		work++;
	uint64_t used_ns = clock_process_cpu_ns() - begin_ns;
	assert_true(used_ns >= 5 * NS_PER_MS);
	begin_ns = clock_process_cpu_ns();
	clock_sleep_until_ns(clock_now_ns() + 30 * NS_PER_MS);
	assert_true(clock_process_cpu_ns() - begin_ns < 15 * NS_PER_MS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(never_goes_back),
		cmocka_unit_test(sleeps_to_the_time),
		cmocka_unit_test(the_past_is_no_wait),
		cmocka_unit_test(signals_do_not_wake_it_early),
		cmocka_unit_test(times_as_text),
		cmocka_unit_test(cpu_time_counts_work),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
