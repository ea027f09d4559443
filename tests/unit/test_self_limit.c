/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Jobs that want less than they could get. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/auto.h"
#include "workload/workload.h"

static void limits_are_found(void **state)
{
	static const struct {
		const char *path, *text, *limit;
	} cases[] = {
		{"a.iperf3", "", NULL},
		{"a.iperf3", "-P 4 -i 0.2\n", NULL},
		{"a.iperf3", "-P 4 -b 30M\n", "-b 30M"},
		{"a.iperf3", "-b30M", "-b30M"},
		{"a.iperf3", "-Rb 30M", "-Rb 30M"},
		{"a.iperf3", "--bitrate=1G -P 2", "--bitrate=1G"},
		{"a.iperf3", "--bitrate 1G", "--bitrate 1G"},
		{"a.iperf3", "--bandwidth 1G", "--bandwidth 1G"},
		{"a.iperf3", "--fq-rate 1G", "--fq-rate 1G"},
		{"a.iperf3", "-b 0", NULL},
		{"a.iperf3", "-u", "UDP without -b is 1 Mbit/s"},
		{"a.iperf3", "-l 1400 --udp", "UDP without -b is 1 Mbit/s"},
		{"a.iperf3", "-u -b 0", NULL},
		{"a.iperf3", "-ub0", NULL},
		{"a.iperf3", "-ub 50M", "-ub 50M"},
		{"a.iperf3", "# -b 30M\n-P 1 # -u", NULL},
		{"a.iperf3", "--bidir", NULL},
		{"a.iperf3", "-Bb", NULL},
		{"a.iperf3", "-b", "-b"},
		{"a.fio", "[job]\nrw=randread\nbs=64k\n", NULL},
		{"a.fio", "[job]\n  rate=10m\n", "rate 10m"},
		{"a.fio", "[job]\nrate_iops = 100\n", "rate_iops 100"},
		{"a.fio", "[job]\nthinktime=5ms", "thinktime 5ms"},
		{"a.fio", "[job]\nrate=0\n; rate=1m\n# rate=1m\n", NULL},
		{"a.fio", "[job]\nrate_process=poisson\n", NULL},
		{"a.fio", "[rate]\nrate", NULL},
		{"a.stress", "cpu 1\ncpu-method matrixprod\n", NULL},
		{"a.stress", "cpu 1\ncpu-load 50\n", "cpu-load 50"},
		{"a.stress", "cpu-load 100\n", NULL},
		{"a.stress", "cpu-load-slice 5\n", NULL},
		{"a", "-b 30M", NULL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(free_ptr) char *limit = workload_self_limit(cases[i].path, cases[i].text);
		if (limit != cases[i].limit &&
			(!limit || !cases[i].limit || strcmp(limit, cases[i].limit) != 0))
			fail_msg("%s '%s': '%s', not '%s'", cases[i].path, cases[i].text,
				limit ? limit : "none", cases[i].limit ? cases[i].limit : "none");
	}
}

static void stressors_are_counted(void **state)
{
	static const struct {
		const char *path, *text;
		unsigned count;
	} cases[] = {
		{"a.stress", "cpu 1\ncpu-method matrixprod\n", 1},
		{"a.stress", "# cpu 3\n  matrix 1 # of 4\nmatrix-size 64\n", 1},
		{"a.stress", "matrix-size 64\nmatrix 2", 2},
		{"a.stress", "matrix-3d 2\ncpu 1\r\n", 3},
		{"a.stress", "cpu 0\n", 0},
		{"a.stress", "cpu 1\nmatrix 0\n", 0},
		{"a.stress", "all 1\n", 0},
		{"a.stress", "seed 7\ntaskset 0\ncpu 1\ncpu-load 50\n", 1},
		{"a.stress", "random 3\n", 3},
		{"a.stress", "verify\n\ncpu\n", 0},
		{"a.fio", "cpu 1\n", 0},
		{"a", "cpu 1\n", 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		unsigned count = workload_stressors(cases[i].path, cases[i].text);
		if (count != cases[i].count)
			fail_msg("%s '%s': %u, not %u", cases[i].path, cases[i].text, count, cases[i].count);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(limits_are_found),
		cmocka_unit_test(stressors_are_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
