/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * fio: native job files on the tenant's part of the scarce disk.  Every second fio prints its whole state, cumulative
 * since the job's start, histogram of completion latencies included; the runner thins that out (guest/fio_thin.h) and
 * here successive ones are subtracted.  A percentile is the histogram's bin that holds it, as fio itself does it: bins
 * are 1.6 % wide.
 *
 * Jobs with ioengine=mmap copy blocks into a mapped file in the guest's memory: a load of the memory that does report,
 * every second, how much it got done and how long a block took, which stress-ng's vm stressors do not.  A page that the
 * host has swapped out shows in both.
 *
 * Why once a second: the document costs an emulated guest about 5 % of its CPU then, and 15 % twice a second (measured;
 * without the thinning); 800 requests a second, as 50 MiB/s in 64 KiB are, give a p99 that is eight requests deep.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/buf.h"
#include "workload/fio_job.h"
#include "workload/tool_clock.h"
#include "workload/tools.h"

/* In the guest's /dev/shm, a tmpfs that may take most of its memory (guest/init). */
#define MEMORY_FILE "/dev/shm/limitlab"

enum { IOPS, LATENCY, P50, P99, DEPTH, MEMORY_P50, MEMORY_P99, AVAILABLE, VALUES };
static const struct work_value values[VALUES] = {
	[IOPS] = {"disk_iops", WORK_PER_SECOND, 1},
	[LATENCY] = {"disk_lat_ms", WORK_LEVEL, 1e-6},
	[P50] = {"disk_p50_ms", WORK_LEVEL, 1e-6},
	[P99] = {"disk_p99_ms", WORK_LEVEL, 1e-6},
	[DEPTH] = {"disk_queue_depth", WORK_LEVEL, 1},
	[MEMORY_P50] = {"mem_p50_us", WORK_LEVEL, 1e-3},
	[MEMORY_P99] = {"mem_p99_us", WORK_LEVEL, 1e-3},
	[AVAILABLE] = {"guest_available_mib", WORK_LEVEL, 1.0 / 1024},
};
_Static_assert(VALUES <= WORK_VALUES_MAX, "an interval holds them all");

struct bin {
	unsigned long long ns, count;
};

/* One document: both directions and all groups of jobs together. */
struct status {
	double runtime_s;
	double bytes, requests;
	double completion_ns,
		total_ns; /* sums over requests; total: with the time until they were submitted */
	struct bin *bins; /* in order of time, no two of the same */
	size_t bin_count, bin_capacity;
};

struct workload_parser {
	struct status before, now;
	double arrival_s;
	bool open;
	unsigned lines; /* since "fio begin" */
	/* The runner tells the guest's memory: a job in it. */
	bool in_memory;
	double told_s;
	struct tool_clock clock;
};

static int check(const char *path, const char *text, struct err *err)
{
	return fio_job_check(path, text, &(struct fio_bounds){0}, &(struct fio_use){0}, err);
}

static void directions(const char *path, const char *text, bool *ret_reads, bool *ret_writes)
{
	struct fio_use use = {0};

	(void)fio_job_check(path, text, &(struct fio_bounds){0}, &use, NULL);
	*ret_reads = use.reads;
	*ret_writes = use.writes;
}

static int command(const struct workload_place *place, const char *job_text, char ***ret_argv,
	bool *ret_repeat, struct err *err)
{
	const struct fio_bounds bounds = {place->disk_bytes, place->memory_bytes};
	const char *path = place->job_name ? place->job_name : place->job_path;
	struct fio_use use;
	size_t count = 0;

	if (fio_job_check(path, job_text, &bounds, &use, err))
		return -1;
	bool in_memory = use.in_memory;
	if (!in_memory && !place->disk) {
		(void)err_input(err, "a fio workload needs a scarce disk to work on");
		return err_remedy(err, "add 'disk: {size: 1GiB, rate: 50MiB/s}' to 'scarce' of the scenario");
	}
	AUTO(free_ptr)
	char *filename = xasprintf("--filename=%s", in_memory ? MEMORY_FILE : place->disk);
	const char *const argv[] = {"--thin-fio", in_memory ? "--memory" : NULL, "fio", filename,
		in_memory ? NULL : "--direct=1", "--time_based=1", "--runtime=86400", "--group_reporting=1",
		"--eta=never", "--output-format=json+", "--status-interval=1", place->job_path};
	char **copy = xcalloc(ARRAY_SIZE(argv) + 1, sizeof(*copy));
	for (size_t i = 0; i < ARRAY_SIZE(argv); i++)
		if (argv[i])
			copy[count++] = xstrdup(argv[i]);
	*ret_argv = copy;
	*ret_repeat = false;
	return 0;
}

static struct workload_parser *parser_new(void)
{
	return xcalloc(1, sizeof(struct workload_parser));
}

static void status_release(struct status *status)
{
	free(status->bins);
	*status = (struct status){0};
}

static void parser_free(struct workload_parser *parser)
{
	status_release(&parser->before);
	status_release(&parser->now);
	free(parser);
}

static void add_bin(struct status *status, unsigned long long ns, unsigned long long count)
{
	size_t at = status->bin_count;

	/* They come in order, but for a second direction. */
	while (at > 0 && status->bins[at - 1].ns >= ns)
		at--;
	if (at < status->bin_count && status->bins[at].ns == ns) {
		status->bins[at].count += count;
		return;
	}
	status->bins = xgrow(status->bins, status->bin_count, &status->bin_capacity, sizeof(*status->bins));
	memmove(status->bins + at + 1, status->bins + at, (status->bin_count - at) * sizeof(*status->bins));
	status->bins[at] = (struct bin){ns, count};
	status->bin_count++;
}

/* "90624:1 440320:8 ..." */
static bool parse_bins(struct status *status, const char *text)
{
	while (*text) {
		unsigned long long ns, count;
		int length = 0;
		if (sscanf(text, " %llu:%llu%n", &ns, &count, &length) != 2)
			return false;
		add_bin(status, ns, count);
		text += length;
	}
	return true;
}

/* "RUNTIME_MS IO_BYTES TOTAL_IOS CLAT_MEAN_NS CLAT_N LAT_MEAN_NS LAT_N" */
static bool parse_direction(struct status *status, const char *text)
{
	double fields[7];

	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		char *end;
		fields[i] = strtod(text, &end);
		if (end == text || !(fields[i] >= 0) || !isfinite(fields[i]))
			return false;
		text = end;
	}
	status->runtime_s = fmax(status->runtime_s, fields[0] / 1000);
	status->bytes += fields[1];
	/* TOTAL_IOS has those that are still under way, too. */
	status->requests += fields[4];
	status->completion_ns += fields[3] * fields[4];
	status->total_ns += fields[5] * fields[6];
	return *text == '\0';
}

/* The bin in which this part of the interval's requests have ended; NAN: there were none. */
static double quantile(const struct status *before, const struct status *now, double part)
{
	unsigned long long all = 0, seen = 0;

	for (int pass = 0; pass < 2; pass++) {
		for (size_t i = 0, k = 0; i < now->bin_count; i++) {
			unsigned long long count = now->bins[i].count;
			while (k < before->bin_count && before->bins[k].ns < now->bins[i].ns)
				k++;
			if (k < before->bin_count && before->bins[k].ns == now->bins[i].ns)
				count -= before->bins[k].count < count ? before->bins[k].count : count;
			if (pass == 0)
				all += count;
			else
				seen += count;
			if (pass == 1 && count && (double)seen >= part * (double)all)
				return (double)now->bins[i].ns;
		}
	}
	return (double)NAN;
}

static bool end_document(struct workload_parser *parser, struct work_interval *interval)
{
	const struct status *before = &parser->before, *now = &parser->now;
	double length_s = now->runtime_s - parser->clock.end_s;
	double requests = now->requests - before->requests;

	/* Nothing at all has been done up to now: fio leaves out directions, and with them the time. */
	if (!(length_s > 0) || requests < 0 || now->bytes < before->bytes ||
		!tool_clock_interval(&parser->clock, parser->arrival_s, now->runtime_s, &interval->from_s,
			&interval->to_s))
		return false;
	/* Rates are exact; where an interval lies is known less well. */
	double stretch = (interval->to_s - interval->from_s) / length_s;
	interval->work = (now->bytes - before->bytes) * stretch;
	if (!parser->in_memory)
		interval->values[IOPS] = requests * stretch;
	if (requests > 0 && parser->in_memory) {
		interval->values[MEMORY_P50] = quantile(before, now, 0.5);
		interval->values[MEMORY_P99] = quantile(before, now, 0.99);
	} else if (requests > 0) {
		interval->values[LATENCY] = (now->completion_ns - before->completion_ns) / requests;
		interval->values[P50] = quantile(before, now, 0.5);
		interval->values[P99] = quantile(before, now, 0.99);
		/* Little's law: requests under way = requests per second x how long each takes. */
		interval->values[DEPTH] = (now->total_ns - before->total_ns) / 1e9 / length_s;
	}
	status_release(&parser->before);
	parser->before = parser->now;
	parser->now = (struct status){0};
	return true;
}

/* The second that ends with this line, at what the guest had at its end. */
static bool memory_line(
	struct workload_parser *parser, double t_s, double available_kib, struct work_interval *interval)
{
	bool first = !parser->in_memory;

	interval->from_s = fmax(parser->told_s, t_s - WORK_GUEST_S);
	interval->to_s = t_s;
	interval->work = (double)NAN;
	interval->values[AVAILABLE] = available_kib;
	parser->in_memory = true;
	parser->told_s = t_s;
	return !first && t_s > interval->from_s;
}

/* Returns what follows "fio WORD", or NULL. */
static const char *behind(const char *line, const char *word)
{
	size_t length = strlen(word);

	if (strncmp(line, word, length) != 0 || (line[length] && line[length] != ' '))
		return NULL;
	return line + length;
}

static bool parser_line(
	struct workload_parser *parser, double t_s, const char *line, struct work_interval *ret_interval)
{
	const char *rest;

	if (behind(line, "@start")) {
		status_release(&parser->before);
		status_release(&parser->now);
		*parser = (struct workload_parser){.in_memory = parser->in_memory, .told_s = parser->told_s};
	}
	if ((rest = behind(line, "@guest available_kib")))
		return memory_line(parser, t_s, strtod(rest, NULL), ret_interval);
	if (behind(line, "fio begin")) {
		status_release(&parser->now);
		parser->open = true;
		parser->arrival_s = t_s;
		parser->lines = 0;
		return false;
	}
	if (!parser->open || strncmp(line, "fio ", 4) != 0)
		return false;
	if ((rest = behind(line, "fio end"))) {
		/* One with a lost line is left out: the next interval covers its time, too. */
		parser->open = false;
		return strtoul(rest, NULL, 10) == parser->lines && end_document(parser, ret_interval);
	}
	parser->lines++;
	if ((rest = behind(line, "fio read-bins")) || (rest = behind(line, "fio write-bins")))
		parser->open = parse_bins(&parser->now, rest);
	else if ((rest = behind(line, "fio read")) || (rest = behind(line, "fio write")))
		parser->open = parse_direction(&parser->now, rest);
	return false;
}

static bool is_report(const char *line)
{
	/* Its words for people begin with "fio: ". */
	return strncmp(line, "fio ", 4) == 0;
}

const struct workload_ops workload_fio = {
	.name = "fio",
	.suffix = ".fio",
	.work_unit = "bytes",
	.work_source =
		"bytes that fio has read and written by its own count, all jobs together: the difference of its "
		"cumulative status of every second, placed on the run's clock by the smallest delay of a report; "
		"latencies are completion latencies in the guest.  With ioengine=mmap: of a file in the guest's "
		"memory, and the time that one copy into it takes",
	.check = check,
	.command = command,
	.parser_new = parser_new,
	.parser_free = parser_free,
	.parser_line = parser_line,
	.values = values,
	.value_count = VALUES,
	.is_report = is_report,
	.directions = directions,
};
