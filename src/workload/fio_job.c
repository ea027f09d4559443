/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "workload/fio_job.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/buf.h"

#define OURS       "is set by limitlab, leave it out"
#define ENDS       "ends the load by itself; leave it out, the timeline stops it"
#define OTHER_FILE "would leave the tenant's part of the scarce disk, leave it out"
#define REPORT     "changes what fio reports, and the series are made from that; leave it out"
#define IN_TURN    "makes jobs run one after the other; all jobs of a tenant run side by side, leave it out"

/* fio's options are many; these would break what limitlab promises. */
static const struct {
	const char *name, *why;
} refused[] = {
	{"filename", OURS},
	{"runtime", OURS},
	{"timeout", OURS},
	{"time_based", OURS},
	{"group_reporting", OURS},
	{"directory", OTHER_FILE},
	{"filename_format", OTHER_FILE},
	{"filesize", OTHER_FILE},
	{"nrfiles", OTHER_FILE},
	{"opendir", OTHER_FILE},
	{"unlink", OTHER_FILE},
	{"unlink_each_loop", OTHER_FILE},
	{"include", OTHER_FILE},
	{"exec_prerun", OTHER_FILE},
	{"exec_postrun", OTHER_FILE},
	{"read_iolog", OTHER_FILE},
	{"write_iolog", OTHER_FILE},
	{"buffered", "goes through the guest's page cache, where no limit of the disk acts; leave it out"},
	{"loops", ENDS},
	{"number_ios", ENDS},
	{"io_size", ENDS},
	{"io_limit", ENDS},
	{"max_latency", ENDS},
	{"steadystate", ENDS},
	{"ss", ENDS},
	{"stonewall", IN_TURN},
	{"wait_for_previous", IN_TURN},
	{"wait_for", IN_TURN},
	{"ramp_time",
		"hides the first seconds; leave it out, the windows of the expectations say what counts"},
	{"unified_rw_reporting", REPORT},
	{"mixed", REPORT},
	{"disable_lat", REPORT},
	{"disable_clat", REPORT},
	{"disable_slat", REPORT},
	{"gtod_reduce", REPORT},
	{"clat_percentiles", REPORT},
	{"lat_percentiles", REPORT},
	{"slat_percentiles", REPORT},
	{"percentile_list", REPORT},
	{"write_bw_log", REPORT},
	{"write_lat_log", REPORT},
	{"write_iops_log", REPORT},
	{"write_hist_log", REPORT},
};

/* What a guest needs beside a job in its memory, the job's own process and the page tables included. */
#define GUEST_OWN_BYTES (UINT64_C(80) << 20)

/* Of those that the guest's fio has (fio --enghelp), the ones that read and write a block device as it is, and one for memory. */
static const struct {
	const char *name;
	bool deep; /* keeps more than one request under way */
	bool memory;
} engines[] = {
	{"libaio", true, false},
	{"io_uring", true, false},
	{"posixaio", true, false},
	{"psync", false, false},
	{"sync", false, false},
	{"vsync", false, false},
	{"pvsync", false, false},
	{"pvsync2", false, false},
	{"mmap", false, true},
};

/* What a job says, or takes from [global]. */
struct job {
	const char *name;
	int line;
	int engine; /* index; -1: none given, fio takes psync */
	uint64_t depth, size, offset, count, increment;
	int depth_line, extent_line, direct_line;
	bool reads, writes; /* neither: no rw given, fio reads */
};

struct check {
	const char *path;
	const struct fio_bounds *bounds;
	unsigned on_disk, in_memory; /* how many jobs */
	bool reads, writes;          /* some job on the disk */
	struct job global, job;
	bool in_job, in_global, any;
	struct err *err;
};

static bool true_word(const char *value)
{
	return !*value || strcmp(value, "1") == 0;
}

/*
 * "64m", "1GiB", "4096": fio takes 1024 for all of these (kb_base); "50%" of the disk.  False: something else, which fio
 * may know what to do with.
 */
static bool read_bytes(const char *value, uint64_t disk_bytes, uint64_t *ret_bytes)
{
	static const char prefixes[] = "kmgtp";
	char *end;

	if (!isdigit((unsigned char)*value))
		return false;
	double number = strtod(value, &end);
	if (*end == '%') {
		*ret_bytes = (uint64_t)((double)disk_bytes * number / 100);
		return end[1] == '\0';
	}
	const char *prefix = *end ? strchr(prefixes, tolower((unsigned char)*end)) : NULL;
	for (ptrdiff_t power = prefix ? prefix - prefixes + 1 : 0; power > 0; power--)
		number *= 1024;
	if (prefix)
		end++;
	if (number > 1e18)
		return false;
	*ret_bytes = (uint64_t)number;
	return !*end || strcasecmp(end, "b") == 0 || strcasecmp(end, "ib") == 0;
}

static int check_engine(const struct check *check, int line, const char *value, struct job *job)
{
	AUTO(buf) struct buf known = BUF_INIT;

	for (size_t i = 0; i < ARRAY_SIZE(engines); i++) {
		buf_addf(&known, "%s%s", i ? ", " : "", engines[i].name);
		if (strcmp(value, engines[i].name) != 0)
			continue;
		job->engine = (int)i;
		return 0;
	}
	return err_input(check->err,
		"%s:%d: ioengine '%s' loads neither the guest's disk nor its memory (use one of: %s)",
		check->path, line, value, known.data);
}

static int check_direction(const struct check *check, int line, const char *value, struct job *job)
{
	static const struct {
		const char *name;
		bool reads, writes;
	} known[] = {
		{"read", true, false},
		{"write", false, true},
		{"rw", true, true},
		{"readwrite", true, true},
		{"randread", true, false},
		{"randwrite", false, true},
		{"randrw", true, true},
	};
	size_t length = strcspn(value, ":");

	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		if (strlen(known[i].name) != length || strncmp(value, known[i].name, length) != 0)
			continue;
		job->reads = known[i].reads;
		job->writes = known[i].writes;
		return 0;
	}
	return err_input(check->err, "%s:%d: rw '%s' is none of read, write, rw, randread, randwrite, randrw",
		check->path, line, value);
}

static int check_number(
	const struct check *check, int line, const char *name, const char *value, uint64_t max, uint64_t *ret)
{
	char *end;
	unsigned long long number = strtoull(value, &end, 10);

	if (!isdigit((unsigned char)*value) || *end || number < 1 || number > max)
		return err_input(check->err, "%s:%d: %s is 1 to %llu, not '%s'", check->path, line, name,
			(unsigned long long)max, value);
	*ret = number;
	return 0;
}

static int check_extent(
	const struct check *check, int line, const char *name, const char *value, struct job *job)
{
	uint64_t bytes;

	if (!read_bytes(value, check->bounds->disk_bytes, &bytes))
		return err_input(check->err, "%s:%d: '%s' is not a value of %s (as in: 64m)", check->path,
			line, value, name);
	if (strcmp(name, "size") == 0)
		job->size = bytes;
	else if (strcmp(name, "offset") == 0)
		job->offset = bytes;
	else
		job->increment = bytes;
	job->extent_line = line;
	return 0;
}

static int check_option(
	const struct check *check, int line, const char *name, const char *value, struct job *job)
{
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++)
		if (strcmp(name, refused[i].name) == 0)
			return err_input(
				check->err, "%s:%d: '%s' %s", check->path, line, name, refused[i].why);
	if (strncmp(name, "verify", 6) == 0 || strcmp(name, "do_verify") == 0)
		return err_input(check->err,
			"%s:%d: '%s' reads back what was written, beside the load; leave it out", check->path,
			line, name);
	if (strcmp(name, "direct") == 0 && !true_word(value))
		return err_input(check->err,
			"%s:%d: direct=%s goes through the guest's page cache, where no limit of the disk acts",
			check->path, line, value);
	if (strcmp(name, "direct") == 0)
		job->direct_line = line;
	if (strcmp(name, "ioengine") == 0)
		return check_engine(check, line, value, job);
	if (strcmp(name, "rw") == 0 || strcmp(name, "readwrite") == 0)
		return check_direction(check, line, value, job);
	if (strcmp(name, "iodepth") == 0) {
		job->depth_line = line;
		return check_number(check, line, name, value, 4096, &job->depth);
	}
	if (strcmp(name, "numjobs") == 0)
		return check_number(check, line, name, value, 64, &job->count);
	if (strcmp(name, "size") == 0 || strcmp(name, "offset") == 0 || strcmp(name, "offset_increment") == 0)
		return check_extent(check, line, name, value, job);
	return 0;
}

static int end_memory_job(struct check *check, uint64_t end)
{
	const struct job *job = &check->job;
	uint64_t memory = check->bounds->memory_bytes;

	check->in_memory++;
	if (job->direct_line)
		return err_input(check->err,
			"%s:%d: job '%s' is in the guest's memory: there is no direct IO", check->path,
			job->direct_line, job->name);
	if (!job->size)
		return err_input(check->err,
			"%s:%d: job '%s' must say how much of the guest's memory it takes (as in: size=64m)",
			check->path, job->line, job->name);
	if (!memory || end + GUEST_OWN_BYTES <= memory)
		return 0;
	(void)err_input(check->err,
		"%s:%d: job '%s' of %llu MiB does not fit the memory of a guest of %llu MiB, which needs %llu MiB "
		"itself",
		check->path, job->extent_line, job->name, (unsigned long long)(end >> 20),
		(unsigned long long)(memory >> 20), (unsigned long long)(GUEST_OWN_BYTES >> 20));
	return err_remedy(check->err, "write a smaller size, or more 'memory' for the tenant");
}

static int end_job(struct check *check)
{
	const struct job *job = &check->job;

	if (!check->in_job)
		return 0;
	check->in_job = false;
	if (job->depth > 1 && (job->engine < 0 || !engines[job->engine].deep))
		return err_input(check->err,
			"%s:%d: job '%s' has iodepth=%llu and %s, which has one request under way at a time (use "
			"ioengine=libaio)",
			check->path, job->depth_line, job->name, (unsigned long long)job->depth,
			job->engine < 0 ? "no ioengine, so psync" : engines[job->engine].name);
	/* The last of numjobs is the one that reaches furthest. */
	uint64_t end = job->offset + job->increment * (job->count - 1) + job->size;
	if (job->engine >= 0 && engines[job->engine].memory)
		return end_memory_job(check, end);
	check->on_disk++;
	check->reads = check->reads || job->reads || !job->writes;
	check->writes = check->writes || job->writes;
	if (check->bounds->disk_bytes && end > check->bounds->disk_bytes)
		return err_input(check->err,
			"%s:%d: job '%s' reaches byte %llu of the tenant's disk, which ends at %llu",
			check->path, job->extent_line, job->name, (unsigned long long)end,
			(unsigned long long)check->bounds->disk_bytes);
	return 0;
}

static int begin_section(struct check *check, int line, char *text)
{
	size_t length = strlen(text);

	if (end_job(check))
		return -1;
	if (length < 3 || text[length - 1] != ']')
		return err_input(
			check->err, "%s:%d: '%s' is not a section (as in: [job])", check->path, line, text);
	text[length - 1] = '\0';
	check->in_global = strcmp(text + 1, "global") == 0;
	check->in_job = !check->in_global;
	check->any = check->any || check->in_job;
	check->job = check->global;
	check->job.name = text + 1;
	check->job.line = line;
	return 0;
}

static char *trim(char *text)
{
	text += strspn(text, " \t\r");
	for (size_t length = strlen(text); length && strchr(" \t\r", text[length - 1]);)
		text[--length] = '\0';
	return text;
}

static int check_line(struct check *check, int line, char *text)
{
	text = trim(text);
	if (!*text || *text == '#' || *text == ';')
		return 0;
	if (*text == '[')
		return begin_section(check, line, text);
	char *equals = strchr(text, '='), *value = text + strlen(text);
	if (equals) {
		*equals = '\0';
		value = trim(equals + 1);
		/* A comment may follow behind a blank. */
		value[strcspn(value, "#;")] = '\0';
		value = trim(value);
	}
	char *name = trim(text);
	if (!check->in_job && !check->in_global)
		return err_input(check->err, "%s:%d: '%s' stands before the first section (as in: [job])",
			check->path, line, name);
	return check_option(check, line, name, value, check->in_global ? &check->global : &check->job);
}

int fio_job_check(const char *path, const char *text, const struct fio_bounds *bounds,
	struct fio_use *ret_use, struct err *err)
{
	AUTO(free_ptr) char *copy = xstrdup(text);
	char *rest = copy, *line;
	struct check check = {
		.path = path,
		.bounds = bounds,
		.global = {.engine = -1, .depth = 1, .count = 1},
		.err = err,
	};

	for (int number = 1; (line = strsep(&rest, "\n")); number++)
		if (check_line(&check, number, line))
			return -1;
	if (end_job(&check))
		return -1;
	if (!check.any)
		return err_input(err, "%s:1: the file has no job (a section such as: [job])", path);
	if (check.in_memory && check.on_disk)
		return err_input(err,
			"%s:1: one job is in the guest's memory (ioengine=mmap) and another on its disk",
			path);
	*ret_use = (struct fio_use){check.in_memory > 0, check.reads, check.writes};
	return 0;
}
