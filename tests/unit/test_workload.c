/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <dirent.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/fsio.h"
#include "base/paths.h"
#include "workload/workload.h"

#define HEADINGS                                                                                                    \
	"stress-ng: metrc: [9] stressor       bogo ops real time  usr time  sys time   bogo ops/s     bogo ops/s\n" \
	"stress-ng: metrc: [9]                           (secs)    (secs)    (secs)   (real time) (usr+sys time)\n"
#define MATRIX                                                                                               \
	"stress-ng: metrc: [9] matrix              320      0.80      0.79      0.01       319.27         319.58\n"
#define CPU                                                                                                  \
	"stress-ng: metrc: [9] cpu                  80      1.00      0.50      0.01        80.00         160.00\n"
#define OTHER                                                                                                \
	"stress-ng: metrc: [9] matrix             8417.15 add matrix ops per sec (geometic mean of 1 instances)\n"
#define COMPLETED  "stress-ng: info:  [9] successful run completed in 1.01s\n"
#define ZERO       "stress-ng: warn:  [9] metrics-check: all bogo-op counters are zero, data may be incorrect\n"
#define GUEST(kib) "@guest available_kib " kib "\n"
/* What stress-ng says in the end of a stressor that slept: no work, and not what it is for. */
#define HANG                                                                                                 \
	"stress-ng: metrc: [9] vm                    0      3.03      0.01      0.06         0.00           0.00\n" COMPLETED

static const struct workload_ops *stress_ng(void)
{
	return workload_find("x.stress");
}

/* Every line is stamped 0.5 s after the one before, the first at 10 s. */
static const struct {
	const char *name, *lines;
	size_t intervals;
	double from_s, to_s, work; /* of the first interval */
	const char *trouble;       /* a part of it; NULL: none */
} streams[] = {
	{"one round",
		"@ready\n@start 1\n@round 1\n" HEADINGS MATRIX OTHER COMPLETED
		"@exit 0 1100\n@round 2\n@stopped\n",
		1, 11.7, 12.5, 320, NULL},
	{"stressors side by side are one interval",
		"@start 1\n@round 1\n" MATRIX CPU COMPLETED "@exit 0 1100\n", 1, 10, 11, 400, NULL},
	{"stopped in a round", "@start 1\n@round 1\n" MATRIX "@stopped\n", 1, 10.2, 11, 320, NULL},
	{"no stressor started",
		"@start 1\n@round 1\nstress-ng: error: [9] No stress workers invoked\n@exit 0 9\n", 0, 0, 0,
		0, "had done no work (its last line: stress-ng: error: [9] No stress workers invoked"},
	{"a starved round without a report is a rate of 0",
		"@start 1\n@round 1\n" COMPLETED "@exit 0 1000\n@round 2\n" MATRIX COMPLETED
		"@exit 0 1100\n@stopped\n",
		2, 10.5, 11.5, 0, NULL},
	{"starved without end",
		"@start 1\n@round 1\n@exit 0 1000\n@round 2\n@exit 0 1000\n@round 3\n@exit 0 1000\n"
		"@round 4\n@exit 0 1000\n@round 5\n@exit 0 1000\n",
		5, 10, 11, 0, "did no work in 5 rounds in a row"},
	{"a starved round is no trouble",
		"@start 1\n@round 1\n" ZERO COMPLETED "@exit 0 1100\n@round 2\n" MATRIX COMPLETED
		"@stopped\n",
		2, 10.49, 11.5, 0, NULL},
	{"no work in all rounds", "@start 1\n@round 1\n" ZERO COMPLETED "@exit 0 1100\n@round 2\n@stopped\n",
		1, 10.49, 11.5, 0, "did no work"},
	{"dies",
		"@start 1\n@round 1\nerror in line 1: 'nonsense 1'\n@exit 1 30\n@failed the workload ended with status 1\n",
		0, 0, 0, 0, "ended with status 1 (its last line: error in line 1: 'nonsense 1')"},
	{"cannot be executed",
		"@ready\n@start 1\n@failed cannot execute 'stress-ng': No such file or directory\n", 0, 0, 0,
		0, "cannot execute"},
	{"ends by itself", "@start 1\nbye\n@exit 0 30\n", 0, 0, 0, 0, "ended by itself"},
	{"silent for long",
		"@start 1\n@round 1\n1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12\n13\n14\n15\n16\n17\n18\n19\n20\n@stopped\n",
		0, 0, 0, 0, "reported no work"},
	{"stopped soon, nothing reported", "@start 1\n@round 1\n1\n@stopped\n", 0, 0, 0, 0, NULL},
	{"holds memory", GUEST("130000") "@start 1\n1\n" GUEST("60000") HANG "@stopped\n" GUEST("129000"), 2,
		10, 11.5, NAN, NULL},
	{"holds memory, ended early", GUEST("130000") "@start 1\n" GUEST("129990") "@stopped\n", 1, 10, 11,
		NAN, NULL},
	{"took no memory",
		GUEST("130000") "@start 1\n1\n2\n3\n4\n5\n6\n7\n" GUEST("129990") "8\n9\n10\n" HANG
										  "@stopped\n",
		1, 13, 14.5, NAN, "ran for 7 s and took nothing"},
	{"took memory at the first start alone",
		GUEST("130000") "@start 1\n" GUEST("60000") "@stopped\n" GUEST(
			"129000") "@start 2\n1\n2\n3\n4\n5\n6\n"
				  "7\n8\n" GUEST("128000") "9\n10\n@stopped\n",
		3, 10, 11, NAN, "took nothing"},
	{"a holder that ends by itself",
		GUEST("130000") "@start 1\nstress-ng: vm: gave up trying to mmap, no available memory\n@exit 0 300\n",
		0, 0, 0, 0, "ended by itself before it was stopped (its last line: stress-ng: vm: gave up"},
};

static void streams_are_understood(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(streams); i++) {
		struct workload_stream stream;
		AUTO(free_ptr) char *copy = xstrdup(streams[i].lines);
		char *rest = copy, *line;
		double t_s = 10;

		print_message("case: %s\n", streams[i].name);
		workload_stream_init(&stream, stress_ng());
		while ((line = strsep(&rest, "\n")) && rest) {
			workload_stream_line(&stream, t_s, line);
			t_s += 0.5;
		}
		assert_int_equal(stream.interval_count, streams[i].intervals);
		if (streams[i].intervals) {
			assert_float_equal(stream.intervals[0].from_s, streams[i].from_s, 1e-9);
			assert_float_equal(stream.intervals[0].to_s, streams[i].to_s, 1e-9);
			if (isnan(streams[i].work))
				assert_true(isnan(stream.intervals[0].work));
			else
				assert_float_equal(stream.intervals[0].work, streams[i].work, 1e-9);
		}
		if (streams[i].trouble) {
			assert_non_null(stream.trouble);
			if (!strstr(stream.trouble, streams[i].trouble))
				fail_msg("'%s' has no '%s'", stream.trouble, streams[i].trouble);
		} else if (stream.trouble) {
			fail_msg("unexpected: '%s'", stream.trouble);
		}
		assert_true(stream.started);
		assert_int_equal(
			stream.worked, strstr(streams[i].lines, GUEST("60000")) ||
					       (streams[i].intervals && strstr(streams[i].lines, MATRIX)));
		workload_stream_release(&stream);
	}
}

static void rate_is_the_mean_of_what_is_covered(void **state)
{
	static const struct {
		const char *name;
		double from_s, to_s, rate; /* NAN: none */
	} cases[] = {
		{"inside the first", 0.2, 0.4, 100},
		{"over the gap", 0.5, 1.5, (50 + 60) / 0.8},
		{"all", -5, 9, (100.0 + 200.0) / 2},
		{"in the gap", 1.05, 1.15, NAN},
		{"before", -2, 0, NAN},
		{"after", 2.2, 3, NAN},
	};
	struct workload_stream stream;
	struct work_interval intervals[] = {
		{.from_s = 0, .to_s = 1, .work = 100}, {.from_s = 1.2, .to_s = 2.2, .work = 200}};

	(void)state;
	workload_stream_init(&stream, stress_ng());
	stream.intervals = intervals;
	stream.interval_count = ARRAY_SIZE(intervals);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		double rate = workload_stream_rate(&stream, cases[i].from_s, cases[i].to_s);
		double expected = cases[i].rate;

		print_message("case: %s\n", cases[i].name);
		if (isnan(expected))
			assert_true(isnan(rate));
		else
			assert_float_equal(rate, expected, 1e-9);
	}
	stream.intervals = NULL;
	workload_stream_release(&stream);
}

static void kept_streams_are_read(void **state)
{
	static const struct {
		const char *name, *text, *error;
		size_t intervals;
	} cases[] = {
		{"whole", "-1.5\t@ready\n0.000000\t@start 1\n0.1\t@round 1\n1.1\t" MATRIX "1.2\t" COMPLETED,
			NULL, 1},
		{"last line cut off", "0.1\t@start 1\n0.5", NULL, 0},
		{"empty", "", NULL, 0},
		{"no stamp", "0.1\t@start 1\nhello\n", ":2: not a line", 0},
		{"no finite stamp", "nan\t@start 1\n", ":1: not a line", 0},
	};
	char folder[] = "/tmp/limitlab-test-XXXXXX";

	(void)state;
	assert_non_null(mkdtemp(folder));
	AUTO(free_ptr) char *path = xasprintf("%s/blue.stream", folder);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct workload_stream stream;
		struct err err = ERR_INIT;

		print_message("case: %s\n", cases[i].name);
		assert_int_equal(fsio_write_atomic(path, cases[i].text, strlen(cases[i].text), NULL), 0);
		workload_stream_init(&stream, stress_ng());
		int result = workload_stream_read(&stream, path, &err);
		assert_int_equal(result, cases[i].error ? -1 : 0);
		if (cases[i].error)
			assert_non_null(strstr(err.text, cases[i].error));
		assert_int_equal(stream.interval_count, cases[i].intervals);
		workload_stream_release(&stream);
	}
	assert_int_equal(fsio_remove_tree(folder, NULL), 0);
}

static const struct {
	const char *name, *file, *text, *error; /* error NULL: right */
} jobs[] = {
	{"right", "a.stress", "# words\n\ncpu 1  # one\ncpu-method int64\n", NULL},
	{"parallel", "a.stress", "run parallel\ncpu 1\nmatrix 1\n", NULL},
	{"no newline at the end", "a.stress", "cpu 1", NULL},
	{"unknown tool", "a.job", "cpu 1\n", "no tool is known"},
	{"empty", "a.stress", "", ":1: the workload file is empty"},
	{"only comments", "a.stress", "# cpu 1\n", ":1: the job starts no stressor"},
	{"only a method", "a.stress", "cpu-method int64\n", ":1: the job starts no stressor"},
	{"dashes", "a.stress", "cpu 1\n--cpu 1\n",
		":2: '--cpu': a stress-ng job file has options without dashes"},
	{"our own option", "a.stress", "cpu 1\n\ntimeout 5s\n", ":3: 'timeout' is set by limitlab"},
	{"sequential", "a.stress", "run sequential\ncpu 1\n", ":1: 'run sequential'"},
	{"run what", "a.stress", "run fast\ncpu 1\n", ":1: 'run' is 'parallel'"},
	{"no option", "a.stress", "cpu 1\nCPU 2\n", ":2: 'CPU' is not an option"},
	{"memory", "a.stress", "vm 1\nvm-bytes 96M\nvm-hang 0\n", NULL},
	{"memory without bounds", "a.stress", "vm 1\nbigheap 1\n",
		":2: 'bigheap' takes all memory of the guest"},
};

/* Jobs with a vm stressor run on until they are stopped, and must fit the guest. */
static const struct {
	const char *name, *text, *argv, *error;
	bool repeat;
} stress_commands[] = {
	{"a chain", "cpu 1\n", "stress-ng --job J --timeout 1s --metrics-brief", NULL, true},
	{"vm-rw takes no memory", "vm-rw 1\n", "stress-ng --job J --timeout 1s --metrics-brief", NULL, true},
	{"endless", "vm 1\nvm-bytes 96M\n", "--memory stress-ng --job J --timeout 0 --metrics-brief", NULL,
		false},
	{"a part", "vm 1\nvm-bytes 90%\n", "--memory stress-ng --job J --timeout 0 --metrics-brief", NULL,
		false},
	{"it just fits", "vm 1\nvm-bytes 122880k\n", "--memory stress-ng --job J --timeout 0 --metrics-brief",
		NULL, false},
	{"too much", "vm 1\n\nvm-bytes 160m\n", NULL,
		"x.stress:3: vm stressors of 160 MiB do not fit a guest of 192 MiB, which needs 72 MiB itself",
		false},
	{"the default is too much", "vm 1\n", NULL, "x.stress:1: vm stressors of 256 MiB do not fit", false},
	{"gigabytes", "vm 1\nvm-bytes 1G\n", NULL, "x.stress:2: vm stressors of 1024 MiB", false},
};

static void stress_jobs_run_as_they_must(void **state)
{
	const struct workload_place place = {
		.job_path = "J", .job_name = "x.stress", .memory_bytes = UINT64_C(192) << 20};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(stress_commands); i++) {
		struct err err = ERR_INIT;
		char **argv = NULL;
		bool repeat = !stress_commands[i].repeat;

		print_message("case: %s\n", stress_commands[i].name);
		int result = stress_ng()->command(&place, stress_commands[i].text, &argv, &repeat, &err);
		if (stress_commands[i].error) {
			assert_int_equal(result, -1);
			assert_int_equal(err.domain, ERR_INPUT);
			if (!strstr(err.text, stress_commands[i].error))
				fail_msg("'%s' has no '%s'", err.text, stress_commands[i].error);
			continue;
		}
		assert_int_equal(result, 0);
		assert_int_equal(repeat, stress_commands[i].repeat);
		AUTO(buf) struct buf line = BUF_INIT;
		for (size_t k = 0; argv[k]; k++) {
			buf_addf(&line, "%s%s", k ? " " : "", argv[k]);
			free(argv[k]);
		}
		free(argv);
		assert_string_equal(line.data, stress_commands[i].argv);
	}
}

static void jobs_are_checked(void **state)
{
	char folder[] = "/tmp/limitlab-test-XXXXXX";

	(void)state;
	assert_non_null(mkdtemp(folder));
	for (size_t i = 0; i < ARRAY_SIZE(jobs); i++) {
		AUTO(free_ptr) char *path = xasprintf("%s/%s", folder, jobs[i].file);
		AUTO(free_ptr) char *text = NULL;
		const struct workload_ops *ops = NULL;
		struct err err = ERR_INIT;

		print_message("case: %s\n", jobs[i].name);
		assert_int_equal(fsio_write_atomic(path, jobs[i].text, strlen(jobs[i].text), NULL), 0);
		int result = workload_load(path, &ops, &text, &err);
		if (!jobs[i].error) {
			if (result)
				fail_msg("unexpected: %s", err.text);
			assert_string_equal(text, jobs[i].text);
			continue;
		}
		assert_int_equal(result, -1);
		assert_int_equal(err.domain, ERR_INPUT);
		if (!strstr(err.text, jobs[i].error))
			fail_msg("'%s' has no '%s'", err.text, jobs[i].error);
	}

	AUTO(free_ptr) char *binary = xasprintf("%s/b.stress", folder);
	AUTO(free_ptr) char *absent = xasprintf("%s/c.stress", folder);
	AUTO(free_ptr) char *text = NULL;
	const struct workload_ops *ops = NULL;
	struct err err = ERR_INIT;
	assert_int_equal(fsio_write_atomic(binary, "cpu 1\n\0x", 8, NULL), 0);
	assert_int_equal(workload_load(binary, &ops, &text, &err), -1);
	assert_non_null(strstr(err.text, "not a text"));
	err_clear(&err);
	assert_int_equal(workload_load(absent, &ops, &text, &err), -1);
	assert_int_equal(err.domain, ERR_INPUT);
	assert_non_null(strstr(err.text, "does not exist"));
	assert_int_equal(fsio_remove_tree(folder, NULL), 0);
}

static void tools_are_complete(void **state)
{
	(void)state;
	for (size_t i = 0; workload_all[i]; i++) {
		const struct workload_ops *ops = workload_all[i];
		assert_true(ops->name && ops->suffix && ops->work_unit && ops->work_source);
		assert_true(ops->check && ops->command && ops->parser_new && ops->parser_free &&
			    ops->parser_line);
		assert_int_equal(ops->suffix[0], '.');
		assert_true(ops->value_count <= WORK_VALUES_MAX);
		if (ops->server)
			assert_true(ops->server->name && ops->server->work_source && ops->server->check &&
				    ops->server->command && ops->server->parser_new &&
				    ops->server->parser_free && ops->server->parser_line &&
				    ops->server->value_count <= WORK_VALUES_MAX && !ops->server->server);
	}
}

static void shipped_jobs_are_right(void **state)
{
	static const struct {
		const char *file, *tool;
		bool repeat;
	} shipped[] = {
		{"cpu-matrix.stress", "stress-ng", true},
		{"cpu-int.stress", "stress-ng", true},
		{"cpu-fp.stress", "stress-ng", true},
		{"memory-write.stress", "stress-ng", false},
		{"memory-hold.stress", "stress-ng", false},
		{"memory-hold-200.stress", "stress-ng", false},
		{"memory-hold-500.stress", "stress-ng", false},
		{"memory-hold-600.stress", "stress-ng", false},
		{"memory-write-500.stress", "stress-ng", false},
		{"memory-rate.fio", "fio", false},
		{"net-tcp.iperf3", "iperf3", false},
		{"net-udp.iperf3", "iperf3", false},
		{"disk-randread.fio", "fio", false},
		{"disk-randwrite.fio", "fio", false},
		{"disk-seqread.fio", "fio", false},
		{"disk-latency.fio", "fio", false},
	};
	const struct workload_place place = {.job_path = "/run/limitlab/job",
		.server_address = "10.0.0.1",
		.server_port = 5201,
		.disk = "/dev/vdb",
		.disk_bytes = 256 << 20,
		.memory_bytes = 768 << 20};
	AUTO(free_ptr) char *folder = paths_data("workloads");
	unsigned files = 0;

	(void)state;
	DIR *stream = opendir(folder);
	assert_non_null(stream);
	for (struct dirent *entry; (entry = readdir(stream));)
		files += entry->d_name[0] != '.';
	(void)closedir(stream);
	assert_int_equal(files, ARRAY_SIZE(shipped));
	for (size_t i = 0; i < ARRAY_SIZE(shipped); i++) {
		AUTO(free_ptr) char *path = xasprintf("%s/%s", folder, shipped[i].file);
		AUTO(free_ptr) char *text = NULL;
		const struct workload_ops *ops = NULL;
		struct err err = ERR_INIT;
		char **argv = NULL;
		bool repeat = false;

		print_message("case: %s\n", shipped[i].file);
		if (workload_load(path, &ops, &text, &err) ||
			ops->command(&place, text, &argv, &repeat, &err))
			fail_msg("%s", err.text);
		size_t word = 0;
		while (argv[word][0] == '-')
			word++;
		assert_string_equal(argv[word], shipped[i].tool);
		assert_int_equal(repeat, shipped[i].repeat);
		for (size_t j = 0; argv[j]; j++)
			free(argv[j]);
		free(argv);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(streams_are_understood),
		cmocka_unit_test(rate_is_the_mean_of_what_is_covered),
		cmocka_unit_test(kept_streams_are_read),
		cmocka_unit_test(jobs_are_checked),
		cmocka_unit_test(stress_jobs_run_as_they_must),
		cmocka_unit_test(tools_are_complete),
		cmocka_unit_test(shipped_jobs_are_right),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
