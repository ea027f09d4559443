/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * fio's job files and its status.  tests/data/fio-status.json: what fio 3.33 printed in 3.1 s of 120 reads and 60 writes
 * a second; fio-status.thin: what the guest's runner makes of it (tests/component/test_runner.c).
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
#include "base/fsio.h"
#include "config.h"
#include "workload/workload.h"

#define MISSING ((double)NAN)

static const struct workload_ops *fio(void)
{
	return workload_find("x.fio");
}

static void assert_near(double got, double expected, double tolerance)
{
	if (isnan(expected) ? !isnan(got) : !(fabs(got - expected) <= tolerance))
		fail_msg("%.9g is not %.9g +- %g", got, expected, tolerance);
}

static double value(const struct workload_stream *stream, const char *column, double from_s, double to_s)
{
	for (size_t i = 0; i < fio()->value_count; i++)
		if (strcmp(fio()->values[i].column, column) == 0)
			return workload_stream_value(stream, i, from_s, to_s);
	fail_msg("fio has no %s", column);
	return 0;
}

/* Feeds lines; every "fio begin" after the first comes step_s later. */
static void feed(struct workload_stream *stream, const char *text, double t_s, double step_s)
{
	AUTO(free_ptr) char *copy = xstrdup(text);
	char *rest = copy, *line;
	bool first = true;

	while ((line = strsep(&rest, "\n")) && rest) {
		if (strcmp(line, "fio begin") == 0) {
			t_s += first ? 0 : step_s;
			first = false;
		}
		workload_stream_line(stream, t_s, line);
	}
}

/*
 * Expected: computed from the raw log of every single latency that fio wrote in the same run (write_lat_log), cut where
 * the status was printed.
 */
static const struct {
	double runtime_s, requests, iops, mean_ms, p50_ms, p99_ms, depth, bytes;
} expected[] = {
	{0.886, 162, 182.8442, 0.480650, 0.178754, 5.102149, 0.095640, 2637824},
	{1.886, 180, 180.0000, 0.341862, 0.129384, 4.954232, 0.069665, 5586944},
	{2.887, 177, 176.8232, 0.534914, 0.143091, 6.419896, 0.103395, 8503296},
	{3.096, 38, 181.8182, 0.478520, 0.164585, 3.891711, 0.112538, 9125888},
};

static void intervals_agree_with_the_raw_latencies(void **state)
{
	AUTO(free_ptr) char *path = xasprintf("%s/tests/data/fio-status.thin", LIMITLAB_SOURCE_DIR);
	AUTO(buf) struct buf text = BUF_INIT;
	struct workload_stream stream;
	double before_s = 0, before_bytes = 0;

	(void)state;
	assert_int_equal(fsio_read_file(path, 1 << 20, &text, NULL), 0);
	workload_stream_init(&stream, fio());
	workload_stream_line(&stream, 0, "@start 1");
	feed(&stream, text.data, 0.886, 1);
	workload_stream_line(&stream, 3.9, "@stopped");
	assert_null(stream.trouble);
	assert_string_equal(stream.last_line, "fio: terminating on signal 15");
	assert_int_equal(stream.interval_count, ARRAY_SIZE(expected));
	for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
		const struct work_interval *interval = &stream.intervals[i];
		double length_s = expected[i].runtime_s - before_s;
		double from_s = interval->from_s, to_s = interval->to_s;

		assert_near(to_s - from_s, length_s, 0.005);
		assert_near(
			interval->work / (to_s - from_s), (expected[i].bytes - before_bytes) / length_s, 1);
		assert_near(value(&stream, "disk_iops", from_s, to_s), expected[i].iops, 0.01);
		assert_near(value(&stream, "disk_lat_ms", from_s, to_s), expected[i].mean_ms, 1e-4);
		/* A bin is 1/64 of its octave wide; fio tells its middle. */
		assert_near(value(&stream, "disk_p50_ms", from_s, to_s) / expected[i].p50_ms, 1, 0.016);
		assert_near(value(&stream, "disk_p99_ms", from_s, to_s) / expected[i].p99_ms, 1, 0.016);
		assert_near(value(&stream, "disk_queue_depth", from_s, to_s), expected[i].depth, 1e-4);
		before_s = expected[i].runtime_s;
		before_bytes = expected[i].bytes;
	}
	workload_stream_release(&stream);
}

#define DOC(ms, bytes, ios, bins)                                                                            \
	"fio begin\nfio read-bins" bins "\nfio read " ms " " bytes " 9 1000000 " ios " 2000000 " ios         \
	"\nfio end 2\n"

/* Documents come a second apart, the first at 1 s. */
static const struct {
	const char *name, *lines;
	size_t intervals;
	double from_s, to_s, bytes, requests, p99_ms; /* of the last interval */
	const char *trouble;
} streams[] = {
	{"two documents",
		"@start 1\n" DOC("1000", "65536", "10", " 1000000:10")
			DOC("2000", "196608", "30", " 1000000:10 2000000:20"),
		2, 1, 2, 131072, 20, 2, NULL},
	{"nothing was done in between",
		"@start 1\n" DOC("1000", "65536", "10", " 1000000:10")
			DOC("2000", "65536", "10", " 1000000:10"),
		2, 1, 2, 0, 0, MISSING, NULL},
	{"both directions",
		"@start 1\nfio begin\nfio read-bins 1000000:99\nfio read 1000 1000 0 1000000 99 1000000 99\n"
		"fio write-bins 1000000:99 5000000:2\nfio write 1000 2000 0 1000000 101 1000000 101\nfio end 4\n",
		1, 0, 1, 3000, 200, 1, NULL},
	{"a document that lost a line is left out",
		"@start 1\n" DOC("1000", "1000", "10",
			" 1000000:10") "fio begin\nfio read 2000 2000 9 1 20 1 20\n"
				       "fio end 2\n" DOC("3000", "5000", "30", " 1000000:20 3000000:10"),
		2, 1, 3, 4000, 20, 3, NULL},
	{"a document that was cut off",
		"@start 1\n" DOC(
			"1000", "1000", "10", " 1000000:10") "fio begin\nfio read-bins 5000000:3\n@stopped\n",
		1, 0, 1, 1000, 10, 1, NULL},
	{"garbled",
		"@start 1\nfio begin\nfio read-bins 1:x\nfio end 1\nfio begin\nfio read 1000 x\nfio end 1\n"
		"fio begin\nfio read 1000 5 5 nan 1 1 1\nfio end 1\nfio end 0\nfio read 1 1 1 1 1 1 1\n",
		0, 0, 0, 0, 0, 0, NULL},
	{"nothing at all was done", "@start 1\nfio begin\nfio end 0\nfio begin\nfio end 0\n@stopped\n", 0, 0,
		0, 0, 0, 0, NULL},
	{"started again",
		"@start 1\n" DOC("1000", "65536", "10", " 1000000:10") "@stopped\n@start 2\n" DOC(
			"900", "9000", "9", " 4000000:9"),
		2, 1.1, 2, 10000 * 0.9, 9, 4, NULL},
	{"fails, and says why",
		"@start 1\n" DOC("1000", "65536", "10",
			" 1000000:10") "fio: io_u error on file /dev/vdb: Input/output "
				       "error\n" DOC("1500", "65536", "10",
					       " 1000000:10") "@exit 1 1500\n@failed the workload ended with status 1\n",
		2, 1, 1.5005, 0, 0, MISSING,
		"status 1 (its last line: fio: io_u error on file /dev/vdb: Input/output error)"},
};

static void documents_are_subtracted(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(streams); i++) {
		struct workload_stream stream;

		print_message("case: %s\n", streams[i].name);
		workload_stream_init(&stream, fio());
		feed(&stream, streams[i].lines, 1, 1);
		assert_int_equal(stream.interval_count, streams[i].intervals);
		if (streams[i].intervals) {
			const struct work_interval *last = &stream.intervals[stream.interval_count - 1];
			assert_near(last->from_s, streams[i].from_s, 1e-9);
			assert_near(last->to_s, streams[i].to_s, 1e-9);
			assert_near(last->work, streams[i].bytes, 1e-6);
			assert_near(last->values[0], streams[i].requests, 1e-6);
			assert_near(value(&stream, "disk_p99_ms", last->from_s, last->to_s),
				streams[i].p99_ms, 1e-9);
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

#define RIGHT "[a]\nioengine=libaio\nrw=randread\niodepth=16\n"

static const struct {
	const char *name, *text, *error; /* error NULL: right */
} jobs[] = {
	{"right", "; words\n# words\n\n" RIGHT, NULL},
	{"global", "[global]\nioengine = libaio  ; deep\nbs=4k\n[a]\nrw=read\niodepth=4\n[b]\nrw=write\n",
		NULL},
	{"direct is right", RIGHT "direct=1\n", NULL},
	{"within the disk", RIGHT "offset=64m\nsize=64MiB\nnumjobs=2\noffset_increment=64m\n", NULL},
	{"part of the disk", RIGHT "offset=50%\nsize=50%\n", NULL},
	{"no engine, one request", "[a]\nrw=read\nbs=1m\n", NULL},
	{"no job", "[global]\nrw=read\n", ":1: the file has no job"},
	{"nothing", "# no\n", ":1: the file has no job"},
	{"no section", "rw=read\n[a]\n", ":1: 'rw' stands before the first section"},
	{"broken section", "[a\nrw=read\n", ":1: '[a' is not a section"},
	{"file", RIGHT "filename=/dev/vda\n", ":5: 'filename' is set by limitlab"},
	{"folder", RIGHT "directory = /tmp\n", ":5: 'directory' would leave"},
	{"ends", "[global]\nruntime=5\n" RIGHT, ":2: 'runtime' is set by limitlab"},
	{"ends by bytes", RIGHT "io_size=5m\n", ":5: 'io_size' ends the load by itself"},
	{"in turn", RIGHT "stonewall\n", ":5: 'stonewall' makes jobs run one after the other"},
	{"buffered", RIGHT "direct=0\n", ":5: direct=0 goes through the guest's page cache"},
	{"buffered, too", RIGHT "buffered=1\n", ":5: 'buffered' goes through"},
	{"report", RIGHT "gtod_reduce=1\n", ":5: 'gtod_reduce' changes what fio reports"},
	{"log", RIGHT "write_lat_log=x\n", ":5: 'write_lat_log' changes"},
	{"verify", RIGHT "verify=crc32c\n", ":5: 'verify' reads back"},
	{"trim", "[a]\nrw=randtrim\n", ":2: rw 'randtrim' is none of"},
	{"engine", "[a]\nioengine=splice\n",
		":2: ioengine 'splice' loads neither the guest's disk nor its memory (use one of: libaio"},
	{"depth without an engine", "[a]\nrw=read\niodepth=8\n",
		":3: job 'a' has iodepth=8 and no ioengine, so psync"},
	{"depth of one at a time", "[global]\niodepth=8\n[a]\nrw=read\nioengine=pvsync2\n",
		":2: job 'a' has iodepth=8 and pvsync2, which has one request"},
	{"no depth", RIGHT "iodepth=0\n", ":5: iodepth is 1 to 4096, not '0'"},
	{"too many jobs", RIGHT "numjobs=65\n", ":5: numjobs is 1 to 64, not '65'"},
	{"no size", RIGHT "size=all\n", ":5: 'all' is not a value of size"},
	{"beyond the disk", RIGHT "size=257m\n",
		":5: job 'a' reaches byte 269484032 of the tenant's disk, which ends at 268435456"},
	{"offset beyond the disk", RIGHT "size=200m\noffset=100m\n", ":6: job 'a' reaches byte"},
	{"memory without a size", "[a]\nioengine=mmap\nrw=write\n", ":1: job 'a' must say how much"},
	{"memory, directly", "[global]\ndirect=1\n[a]\nioengine=mmap\nsize=9m\n",
		":2: job 'a' is in the guest's memory"},
	{"memory and disk", "[a]\nioengine=mmap\nsize=9m\n" RIGHT, ":1: one job is in the guest's memory"},
	{"too much memory", "[a]\nioengine=mmap\nrw=write\nsize=128m\n",
		":4: job 'a' of 128 MiB does not fit the memory of a guest of 192 MiB, which needs 80 MiB itself"},
	{"deep memory", "[a]\nioengine=mmap\nsize=9m\niodepth=2\n", ":4: job 'a' has iodepth=2 and mmap"},
	{"the last job beyond the disk", RIGHT "size=100m\noffset_increment=100m\nnumjobs=3\n",
		":6: job 'a' reaches byte"},
};

static void jobs_are_checked(void **state)
{
	const struct workload_place place = {.job_path = "/run/limitlab/job",
		.job_name = "job.fio",
		.disk = "/dev/vdb",
		.disk_bytes = 256 << 20,
		.memory_bytes = 192 << 20};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(jobs); i++) {
		struct err err = ERR_INIT;
		char **argv = NULL;
		bool repeat = true;

		print_message("case: %s\n", jobs[i].name);
		int result = fio()->check("job.fio", jobs[i].text, &err);
		/* How large the disk is, is known to command() alone. */
		if (result == 0)
			result = fio()->command(&place, jobs[i].text, &argv, &repeat, &err);
		if (jobs[i].error) {
			assert_int_equal(result, -1);
			assert_int_equal(err.domain, ERR_INPUT);
			if (!strstr(err.text, jobs[i].error) || strncmp(err.text, "job.fio:", 8) != 0)
				fail_msg("'%s' is not 'job.fio%s'", err.text, jobs[i].error);
			continue;
		}
		if (result)
			fail_msg("unexpected: %s", err.text);
		assert_false(repeat);
		assert_string_equal(argv[0], "--thin-fio");
		assert_string_equal(argv[1], "fio");
		assert_string_equal(argv[2], "--filename=/dev/vdb");
		for (size_t k = 0; argv[k]; k++)
			free(argv[k]);
		free(argv);
	}
}

/* A job in the guest's memory needs no disk, and tells other things. */
static void memory_is_loaded_without_a_disk(void **state)
{
	const struct workload_place place = {.job_path = "J", .memory_bytes = UINT64_C(192) << 20};
	static const char expected_argv[] =
		"--thin-fio --memory fio --filename=/dev/shm/limitlab --time_based=1 --runtime=86400 "
		"--group_reporting=1 --eta=never --output-format=json+ --status-interval=1 J";
	struct workload_stream stream;
	AUTO(buf) struct buf line = BUF_INIT;
	char **argv = NULL;
	bool repeat = true;

	(void)state;
	assert_int_equal(
		fio()->command(&place, "[a]\nioengine=mmap\nrw=write\nsize=64m\n", &argv, &repeat, NULL), 0);
	for (size_t k = 0; argv[k]; k++) {
		buf_addf(&line, "%s%s", k ? " " : "", argv[k]);
		free(argv[k]);
	}
	free(argv);
	assert_string_equal(line.data, expected_argv);

	workload_stream_init(&stream, fio());
	workload_stream_line(&stream, -0.1, "@guest available_kib 131072");
	workload_stream_line(&stream, 0, "@start 1");
	feed(&stream, DOC("1000", "65536", "10", " 20000:9 3000000:1"), 1, 1);
	workload_stream_line(&stream, 0.9, "@guest available_kib 65536");
	feed(&stream, DOC("2000", "196608", "30", " 20000:29 3000000:1"), 2, 1);
	workload_stream_line(&stream, 1.9, "@guest available_kib 61440");
	workload_stream_line(&stream, 2.1, "@stopped");
	assert_null(stream.trouble);
	assert_true(stream.worked);
	assert_near(workload_stream_rate(&stream, 0, 1), 65536, 1e-6);
	assert_near(workload_stream_rate(&stream, 1.2, 1.4), 131072, 1e-6);
	assert_near(value(&stream, "guest_available_mib", 0, 0.9), 64, 1e-9);
	assert_near(value(&stream, "guest_available_mib", 1, 1.9), 60, 1e-9);
	assert_near(value(&stream, "mem_p50_us", 0, 1), 20, 1e-9);
	assert_near(value(&stream, "mem_p99_us", 0, 1), 3000, 1e-9);
	assert_near(value(&stream, "mem_p99_us", 1, 2), 20, 1e-9);
	assert_near(value(&stream, "disk_p99_ms", 0, 2), MISSING, 0);
	assert_near(value(&stream, "disk_iops", 0, 2), MISSING, 0);
	workload_stream_release(&stream);
}

static void without_a_disk_there_is_no_command(void **state)
{
	struct err err = ERR_INIT;
	char **argv = NULL;
	bool repeat;

	(void)state;
	assert_int_equal(
		fio()->command(&(struct workload_place){.job_path = "j"}, RIGHT, &argv, &repeat, &err), -1);
	assert_int_equal(err.domain, ERR_INPUT);
	assert_non_null(strstr(err.text, "needs a scarce disk"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(intervals_agree_with_the_raw_latencies),
		cmocka_unit_test(documents_are_subtracted),
		cmocka_unit_test(jobs_are_checked),
		cmocka_unit_test(memory_is_loaded_without_a_disk),
		cmocka_unit_test(without_a_disk_there_is_no_command),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
