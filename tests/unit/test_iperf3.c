/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * iperf3's job files and both ends' lines.  tests/data/iperf3-*: kept from iperf3 3.12 through a link of 50 Mbit/s (TCP,
 * three streams, stopped and started again) and one of 10 Mbit/s (UDP, two streams of 8 Mbit/s), under the guest's runner.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/auto.h"
#include "base/buf.h"
#include "config.h"
#include "workload/tool_clock.h"
#include "workload/workload.h"

static void assert_near(double got, double expected, double tolerance)
{
	if (!(fabs(got - expected) <= tolerance))
		fail_msg("%.9g is not %.9g +- %g", got, expected, tolerance);
}

static const struct workload_ops *iperf3(void)
{
	return workload_find("x.iperf3");
}

/* Sum of one of the values (or, with WORK_VALUES_MAX, of the work) over the intervals that report it; NAN: none does. */
static double total(const struct workload_stream *stream, size_t value)
{
	double sum = (double)NAN;

	for (size_t i = 0; i < stream->interval_count; i++) {
		const struct work_interval *interval = &stream->intervals[i];
		double amount = value == WORK_VALUES_MAX ? interval->work : interval->values[value];
		if (!isnan(amount))
			sum = isnan(sum) ? amount : sum + amount;
	}
	return sum;
}

static size_t value_of(const struct workload_ops *ops, const char *column)
{
	for (size_t i = 0; i < ops->value_count; i++)
		if (strcmp(ops->values[i].column, column) == 0)
			return i;
	fail_msg("%s has no %s", ops->name, column);
	return 0;
}

#define MBYTES (8.0 * 1024 * 1024)

/*
 * Expected sums: those that iperf3 itself printed at its end (of both tests, where there are two), for the servers of
 * its [SUM] lines: its total has what came after the last of them.
 */
static const struct {
	const char *file;
	bool is_server;
	size_t intervals;
	double bits;
	const char *column;
	double sum, from_s, to_s; /* to_s of the last interval */
} captures[] = {
	{"iperf3-tcp.stream", false, 16, (14.5 + 7.28) * MBYTES, "retransmits_per_s", 1280 + 1895, 0.00,
		3.50},
	{"iperf3-tcp.server", true, 14, 133.561e6, "payload_lost_per_s", NAN, 0.00, 3.41},
	{"iperf3-udp-loss.stream", false, 8, 2.84 * MBYTES, "retransmits_per_s", NAN, 0.00, 1.50},
	{"iperf3-udp-loss.server", true, 7, 13.853e6, "payload_lost_per_s", 705, 0.00, 1.41},
};

static void kept_lines_give_what_iperf3_summed_up(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(captures); i++) {
		const struct workload_ops *ops = captures[i].is_server ? iperf3()->server : iperf3();
		AUTO(free_ptr)
		char *path = xasprintf("%s/tests/data/%s", LIMITLAB_SOURCE_DIR, captures[i].file);
		struct workload_stream stream;
		struct err err = ERR_INIT;

		print_message("case: %s\n", captures[i].file);
		workload_stream_init(&stream, ops);
		if (workload_stream_read(&stream, path, &err))
			fail_msg("%s", err.text);
		print_message("%zu intervals, %.0f bits, %s %.1f\n", stream.interval_count,
			total(&stream, WORK_VALUES_MAX), captures[i].column,
			total(&stream, value_of(ops, captures[i].column)));
		assert_int_equal(stream.interval_count, captures[i].intervals);
		/* Printed with three digits. */
		if (captures[i].bits > 0)
			assert_near(total(&stream, WORK_VALUES_MAX) / captures[i].bits, 1, 0.02);
		double sum = total(&stream, value_of(ops, captures[i].column));
		if (isnan(captures[i].sum))
			assert_true(isnan(sum));
		else
			assert_near(sum, captures[i].sum, 0.5);
		assert_near(stream.intervals[0].from_s, captures[i].from_s, 0.03);
		assert_near(stream.intervals[stream.interval_count - 1].to_s, captures[i].to_s, 0.03);
		for (size_t k = 0; k < stream.interval_count; k++) {
			assert_true(stream.intervals[k].from_s < stream.intervals[k].to_s);
			if (k)
				assert_true(
					stream.intervals[k].from_s >= stream.intervals[k - 1].to_s - 1e-9);
		}
		assert_true(stream.ready);
		assert_null(stream.trouble);
		workload_stream_release(&stream);
	}
}

/* 10 Mbit/s of Ethernet frames of 1490 bytes with 1448 of payload each. */
static void rate_at_the_far_end_is_that_of_the_link(void **state)
{
	const struct workload_ops *ops = iperf3()->server;
	AUTO(free_ptr)
	char *path = xasprintf("%s/tests/data/iperf3-udp-loss.server", LIMITLAB_SOURCE_DIR);
	struct workload_stream stream;

	(void)state;
	workload_stream_init(&stream, ops);
	assert_int_equal(workload_stream_read(&stream, path, NULL), 0);
	double rate = workload_stream_value(&stream, value_of(ops, "payload_rx_mbit_per_s"), 0.6, 1.4);
	assert_near(rate, 10 * 1448.0 / 1490, 0.05);
	assert_near(workload_stream_rate(&stream, 0.6, 1.4), rate * 1e6, 1);
	double jitter_ms = workload_stream_value(&stream, value_of(ops, "payload_jitter_ms"), 0.6, 1.4);
	assert_true(jitter_ms > 0.1 && jitter_ms < 2);
	workload_stream_release(&stream);
}

#define CONNECTED(id) "[  " id "] local 10.0.0.1 port 43222 connected to 10.0.0.2 port 5201"
#define TCP(id, from, to, kbits)                                                                             \
	"[  " id "]   " from "-" to "  sec  1.64 MBytes  " kbits " Kbits/sec    3    218 KBytes       "

/* Every line is stamped 0.1 s after the one before, the first at 10 s. */
static const struct {
	const char *name, *lines;
	size_t intervals;
	double from_s, to_s, bits; /* of the last interval */
	const char *trouble;
} streams[] = {
	{"one stream",
		"@start 1\nConnecting to host 10.0.0.2, port 5201\n" CONNECTED("5") "\n" TCP(
			"5", "0.00", "0.20", "1000") "\n@stopped\n",
		1, 10.1, 10.3, 200e3, NULL},
	{"the sum's own line is not counted twice",
		"@start 1\n" CONNECTED("5") "\n" CONNECTED("7") "\n" TCP(
			"5", "0.00", "0.20", "1000") "\n" TCP("7", "0.00", "0.20",
			"500") "\n[SUM]   0.00-0.20  sec  1.64 MBytes  1500 Kbits/sec  6\n",
		1, 10.2, 10.4, 300e3, NULL},
	{"an interval with a lost line is left out",
		"@start 1\n" CONNECTED("5") "\n" CONNECTED("7") "\n" TCP("7", "0.00", "0.20", "500") "\n" TCP(
			"5", "0.20", "0.40", "1000") "\n" TCP("5", "0.40", "0.60", "1000") "\n" TCP("7",
			"0.40", "0.60", "1500") "\n",
		1, 10.0, 10.6, 2500e3 * 0.6, NULL},
	{"nothing is known of lines without a connection",
		"@start 1\n" TCP("5", "0.00", "0.20", "1000") "\n@stopped\n", 0, 0, 0, 0, NULL},
	{"garbled",
		"@start 1\n" CONNECTED(
			"5") "\n[  5]   0.00-0.20   sec  1.64 MBytes  68594 Kbi\n[  5]   0.00-\n"
			     "[  5]\n[\n[  5]   0.00-0.20   sec  1.64 MBytes  nan Kbits/sec  1\n"
			     "[  5]   0.20-0.20   sec  1.64 MBytes  68594 Kbits/sec    3    218 KBytes\n"
			     "[  5]   0.20-0.40   sec  1.64 MBytes  68594 Kbits/sec    x    218 KBytes\n",
		0, 0, 0, 0, NULL},
	{"the summary at the end is no interval",
		"@start 1\n" CONNECTED("5") "\n" TCP("5", "0.00", "0.20",
			"1000") "\n"
				"[  5]   0.00-9.00   sec  3.47 MBytes  32604 Kbits/sec   87             sender\n"
				"[  5]   0.00-9.00   sec  0.00 Bytes  0.00 Kbits/sec                  receiver\n",
		1, 10.0, 10.2, 200e3, NULL},
	{"a repeated line is no interval",
		"@start 1\n" CONNECTED("5") "\n" TCP("5", "0.00", "0.20", "1000") "\n" TCP(
			"5", "0.00", "0.20", "1000") "\n",
		1, 10.0, 10.2, 200e3, NULL},
	{"lines that waited are placed where they belong",
		"@start 1\n" CONNECTED("5") "\n" TCP("5", "0.00", "0.10", "1000") "\n1\n2\n3\n" TCP(
			"5", "0.10", "0.20", "1000") "\n" TCP("5", "0.20", "0.30", "2000") "\n",
		3, 10.3, 10.4, 200e3, NULL},
	{"after a restart time begins anew",
		"@start 1\nConnecting to host 10.0.0.2, port 5201\n" CONNECTED("5") "\n" TCP("5", "0.00",
			"9.00", "1000") "\n@stopped\n@start 2\nConnecting to host 10.0.0.2, port "
					"5201\n" CONNECTED("5") "\n" TCP("5", "0.00", "0.20", "3000") "\n",
		2, 10.6, 10.8, 600e3, NULL},
	{"cannot connect",
		"@start 1\niperf3: error - unable to connect to server: Connection refused\n@exit 1 30\n"
		"@failed the workload ended with status 1\n",
		0, 0, 0, 0,
		"status 1 (its last line: iperf3: error - unable to connect to server: Connection"},
	{"busy",
		"@start 1\niperf3: error - the server is busy running a test. try again later\n@exit 1 30\n"
		"@failed the workload ended with status 1\n",
		0, 0, 0, 0, "the server is busy"},
};

static void lines_are_understood(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(streams); i++) {
		struct workload_stream stream;
		AUTO(free_ptr) char *copy = xstrdup(streams[i].lines);
		char *rest = copy, *line;
		double t_s = 10;

		print_message("case: %s\n", streams[i].name);
		workload_stream_init(&stream, iperf3());
		while ((line = strsep(&rest, "\n")) && rest) {
			workload_stream_line(&stream, t_s, line);
			t_s += 0.1;
		}
		assert_int_equal(stream.interval_count, streams[i].intervals);
		if (streams[i].intervals) {
			const struct work_interval *last = &stream.intervals[stream.interval_count - 1];
			assert_near(last->from_s, streams[i].from_s, 1e-3);
			assert_near(last->to_s, streams[i].to_s, 1e-3);
			assert_near(last->work, streams[i].bits, 1e3);
		}
		if (streams[i].trouble) {
			assert_non_null(stream.trouble);
			if (!strstr(stream.trouble, streams[i].trouble))
				fail_msg("'%s' has no '%s'", stream.trouble, streams[i].trouble);
		} else if (stream.trouble) {
			fail_msg("unexpected: '%s'", stream.trouble);
		}
		workload_stream_release(&stream);
	}
}

static void the_clock_follows_the_least_delay(void **state)
{
	static const struct {
		const char *name;
		double arrival_s, end_s;
		bool news;
		double from_s, to_s;
	} steps[] = {
		{"first", 101.2, 1, true, 100.2, 101.2},
		{"on time", 102.2, 2, true, 101.2, 102.2},
		{"late", 103.9, 3, true, 102.2, 103.201},
		{"again", 103.9, 3, false, 0, 0},
		{"backwards", 103.9, 2, false, 0, 0},
		{"earlier than ever", 104.1, 4, true, 103.201, 104.1},
		{"by more than its length", 104.11, 4.5, true, 104.1, 104.11},
		{"and less", 103.9, 4.6, true, 104.01, 104.11},
	};
	struct tool_clock clock = {0};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		double from_s = 0, to_s = 0;

		print_message("case: %s\n", steps[i].name);
		bool news = tool_clock_interval(&clock, steps[i].arrival_s, steps[i].end_s, &from_s, &to_s);
		assert_int_equal(news, steps[i].news);
		assert_near(from_s, steps[i].from_s, 1e-6);
		assert_near(to_s, steps[i].to_s, 1e-6);
	}
}

static const struct {
	const char *name, *text, *error; /* error NULL: right */
	const char *words;               /* what the client gets behind limitlab's own arguments */
	const char *interval;            /* what both ends report at */
} jobs[] = {
	{"only comments", "# one TCP stream\n", NULL, "", "0.2"},
	{"udp", "-u -b 50M -P 4 # four\n", NULL, "-u -b 50M -P 4", "0.2"},
	{"several lines", "--udp\n\t--bitrate=10M/16\n", NULL, "--udp --bitrate 10M/16", "0.2"},
	{"values in the word", "-P4 -l128K -i.5\n", ":1: '.5' is not a value of --interval", NULL, NULL},
	{"interval", "-P4 -i0.5\n", NULL, "-P 4 -i 0.5", "0.5"},
	{"connect-timeout", "--connect-timeout 500", NULL, "--connect-timeout 500", "0.2"},
	{"not an option", "-u\nfast\n", ":2: 'fast' is not an option of iperf3", NULL, NULL},
	{"unknown", "--fast\n", ":1: '--fast' is not an option that an iperf3 job may have", NULL, NULL},
	{"unknown letter", "-Q\n", ":1: '-Q' is not an option", NULL, NULL},
	{"an abbreviation", "--par 3\n", ":1: '--par' is not an option", NULL, NULL},
	{"only a dash", "-\n", ":1: '-' is not an option of iperf3", NULL, NULL},
	{"two dashes", "--\n", ":1: '--' is not an option", NULL, NULL},
	{"our own", "-u\n\n-p 5202\n", ":3: '-p' is set by limitlab", NULL, NULL},
	{"our own, long", "--json\n", ":1: '--json' is set by limitlab", NULL, NULL},
	{"our own, with a value", "--time=5\n", ":1: '--time=5' is set by limitlab", NULL, NULL},
	{"reverse", "-R\n", ":1: '-R' lets the far end send", NULL, NULL},
	{"both ways", "--bidir\n", ":1: '--bidir' lets the far end send", NULL, NULL},
	{"ends", "-n 10M\n", ":1: '-n' ends the load by itself", NULL, NULL},
	{"omit", "-O 2\n", ":1: '-O' hides the first seconds", NULL, NULL},
	{"no value", "-P\n-u\n", ":1: '-P' lacks its value", NULL, NULL},
	{"value of a flag", "--udp=1\n", ":1: '--udp=1': --udp has no value", NULL, NULL},
	{"no number", "-P many\n", ":1: 'many' is not a value of --parallel (as in: 4)", NULL, NULL},
	{"no rate", "-b 50Q\n", ":1: '50Q' is not a value of --bitrate (as in: 50M)", NULL, NULL},
	{"no burst", "-b 50M/\n", ":1: '50M/' is not a value of --bitrate", NULL, NULL},
	{"zero length", "-l 0\n", ":1: '0' is not a value of --length", NULL, NULL},
	{"too many streams", "-P 129\n", ":1: --parallel is 1 to 128, not 129", NULL, NULL},
	{"too often", "-i 0.05\n", ":1: --interval is 0.1 to 10, not 0.05", NULL, NULL},
	{"too many words",
		"-u -u -u -u -u -u -u -u -u -u -u -u -u -u -u -u -u -u -u -u -u -u -u -u -u -u -u -u -u -u -u -u -u",
		":1: '-u': more than 32 arguments", NULL, NULL},
};

static void free_argv(char **argv)
{
	for (size_t i = 0; argv[i]; i++)
		free(argv[i]);
	free(argv);
}

static char *join(char **argv)
{
	struct buf text = BUF_INIT;

	for (size_t i = 0; argv[i]; i++)
		buf_addf(&text, "%s%s", i ? " " : "", argv[i]);
	return buf_steal(&text);
}

static void jobs_are_checked(void **state)
{
	const struct workload_place place = {
		.job_path = "/run/limitlab/job", .server_address = "10.77.0.1", .server_port = 5203};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(jobs); i++) {
		struct err err = ERR_INIT;
		char **argv = NULL;
		bool repeat = true;

		print_message("case: %s\n", jobs[i].name);
		int result = iperf3()->check("job.iperf3", jobs[i].text, &err);
		if (jobs[i].error) {
			assert_int_equal(result, -1);
			assert_int_equal(err.domain, ERR_INPUT);
			if (!strstr(err.text, jobs[i].error))
				fail_msg("'%s' has no '%s'", err.text, jobs[i].error);
			continue;
		}
		if (result)
			fail_msg("unexpected: %s", err.text);
		assert_int_equal(iperf3()->command(&place, jobs[i].text, &argv, &repeat, &err), 0);
		assert_false(repeat);
		AUTO(free_ptr) char *client = join(argv);
		free_argv(argv);
		AUTO(free_ptr)
		char *expected = xasprintf(
			"iperf3 --client 10.77.0.1 --port 5203 --time 0 --format k --forceflush%s%s%s%s",
			strstr(jobs[i].words, "-i") ? "" : " --interval 0.2",
			strstr(jobs[i].words, "timeout") ? "" : " --connect-timeout 10000",
			*jobs[i].words ? " " : "", jobs[i].words);
		assert_string_equal(client, expected);
		assert_int_equal(iperf3()->server->command(&place, jobs[i].text, &argv, &repeat, &err), 0);
		assert_false(repeat);
		AUTO(free_ptr) char *server = join(argv);
		free_argv(argv);
		AUTO(free_ptr)
		char *expected_server = xasprintf("iperf3 --server --port 5203 --format k --forceflush "
						  "--interval %s --rcv-timeout 86400000",
			jobs[i].interval);
		assert_string_equal(server, expected_server);
	}
}

static void without_a_link_there_is_no_command(void **state)
{
	struct err err = ERR_INIT;
	char **argv = NULL;
	bool repeat;

	(void)state;
	assert_int_equal(
		iperf3()->command(&(struct workload_place){.job_path = "j"}, "-u\n", &argv, &repeat, &err),
		-1);
	assert_int_equal(err.domain, ERR_INPUT);
	assert_non_null(strstr(err.text, "needs a shared link"));
	assert_non_null(strstr(err.remedy, "link: {rate:"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kept_lines_give_what_iperf3_summed_up),
		cmocka_unit_test(rate_at_the_far_end_is_that_of_the_link),
		cmocka_unit_test(lines_are_understood),
		cmocka_unit_test(the_clock_follows_the_least_delay),
		cmocka_unit_test(jobs_are_checked),
		cmocka_unit_test(without_a_link_there_is_no_command),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
