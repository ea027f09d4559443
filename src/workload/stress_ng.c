/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * stress-ng reports totals at its end only (0.15: metrics are printed once, and no signal asks for them), so it runs as a
 * chain of one-second runs; every run gives one interval.  That suits CPU stressors.
 *
 * A vm stressor frees its memory at every end, so a job with one runs on until it is stopped, and has no work rate while
 * it runs: what its total says at the end would be a mean over all that happened.  What is told every second is what the
 * guest itself thinks of its memory (the runner's "@guest" lines), and that it has taken some is its work.  Growth in
 * stages is several tenants with such a job, started one after the other on the timeline.
 */
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/buf.h"
#include "workload/tools.h"

/* Memory that a guest may lack beside a stressor, or have taken for it; below that it is noise. */
#define TAKEN_KIB (8 << 10)
/* Of a guest: its kernel, the agent, the runner, stress-ng itself (measured: a guest of 192 MiB has 127 MiB available). */
#define GUEST_OWN_BYTES (UINT64_C(72) << 20)

enum { AVAILABLE, VALUES };
static const struct work_value values[VALUES] = {
	[AVAILABLE] = {"guest_available_mib", WORK_LEVEL, 1.0 / 1024},
};

struct workload_parser {
	bool holds; /* the runner tells the guest's memory: a job with vm stressors */
	double told_s, available_kib;
	double before_kib, least_kib; /* available right before the start, and at worst since */
	bool open;                    /* this round has reported what it did */
	bool idle;                    /* it reported only that it did nothing */
	double arrival_s, real_s, work;
};

static const char whitespace[] = " \t\r";

/* Given by us; in a job file they would break the chain or hide the metrics. */
static const char *const reserved[] = {
	"timeout", "metrics", "metrics-brief", "job", "yaml", "log-file", "quiet", "dry-run", "log-brief"};

static bool is_count(const char *text)
{
	return *text && text[strspn(text, "0123456789")] == '\0';
}

/* One option of a job file, which is the command line's without the dashes: "cpu 1", "cpu-method int64". */
static int check_option(const char *path, int line, const char *name, const char *value, struct err *err)
{
	if (*name == '-')
		return err_input(err, "%s:%d: '%s': a stress-ng job file has options without dashes", path,
			line, name);
	if (name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-")])
		return err_input(
			err, "%s:%d: '%s' is not an option of stress-ng (as in: cpu 1)", path, line, name);
	for (size_t i = 0; i < ARRAY_SIZE(reserved); i++)
		if (strcmp(name, reserved[i]) == 0)
			return err_input(
				err, "%s:%d: '%s' is set by limitlab, leave it out", path, line, name);
	if (strcmp(name, "bigheap") == 0)
		return err_input(err,
			"%s:%d: 'bigheap' takes all memory of the guest; use 'vm 1' with a size in vm-bytes",
			path, line);
	if (strcmp(name, "run") == 0 && strcmp(value, "sequential") != 0 && strcmp(value, "parallel") != 0)
		return err_input(
			err, "%s:%d: 'run' is 'parallel' or 'sequential', not '%s'", path, line, value);
	if (strcmp(name, "run") == 0 && strcmp(value, "sequential") == 0)
		return err_input(err,
			"%s:%d: 'run sequential' has one second per stressor; use 'run parallel'", path,
			line);
	return 0;
}

/* "64M", "1g", "4096": powers of 1024 (stress-ng(1)); 0: a percentage, or nothing that we know. */
static uint64_t read_bytes(const char *text)
{
	static const char suffixes[] = "bkmgtp";
	char *end;
	unsigned long long number = strtoull(text, &end, 10);
	const char *suffix = *end ? strchr(suffixes, tolower((unsigned char)*end)) : suffixes;

	if (end == text || !suffix || (*end && end[1]) || number > UINT64_C(1) << 40)
		return 0;
	return (uint64_t)number << (10 * (suffix - suffixes));
}

/* What of a job decides how it is run. */
struct job {
	bool holds; /* it has a vm stressor */
	uint64_t bytes;
	int bytes_line;
};

static int read_job(struct job *ret_job, const char *path, const char *text, struct err *err)
{
	AUTO(free_ptr) char *copy = xstrdup(text);
	char *rest = copy, *line;
	/* The default of vm-bytes. */
	struct job job = {.bytes = UINT64_C(256) << 20, .bytes_line = 1};
	bool starts = false;

	for (int number = 1; (line = strsep(&rest, "\n")); number++) {
		line[strcspn(line, "#")] = '\0';
		char *save = NULL, *name = strtok_r(line, whitespace, &save);
		if (!name)
			continue;
		char *value = strtok_r(NULL, whitespace, &save);
		if (check_option(path, number, name, value ? value : "", err))
			return -1;
		starts = starts || (value && is_count(value));
		job.holds = job.holds || strcmp(name, "vm") == 0;
		if (strcmp(name, "vm-bytes") == 0) {
			job.bytes = value ? read_bytes(value) : 0;
			job.bytes_line = number;
		}
	}
	if (!starts)
		return err_input(err, "%s:1: the job starts no stressor (a line such as: cpu 1)", path);
	*ret_job = job;
	return 0;
}

static int check(const char *path, const char *text, struct err *err)
{
	return read_job(&(struct job){0}, path, text, err);
}

static int command(const struct workload_place *place, const char *job_text, char ***ret_argv,
	bool *ret_repeat, struct err *err)
{
	const char *const chain[] = {
		"stress-ng", "--job", place->job_path, "--timeout", "1s", "--metrics-brief", NULL};
	/* 0: until it is stopped. */
	const char *const endless[] = {
		"--memory", "stress-ng", "--job", place->job_path, "--timeout", "0", "--metrics-brief", NULL};
	const char *path = place->job_name ? place->job_name : place->job_path;
	struct job job;
	size_t count = 0;

	if (read_job(&job, path, job_text, err))
		return -1;
	if (job.holds && place->memory_bytes && job.bytes + GUEST_OWN_BYTES > place->memory_bytes) {
		(void)err_input(err,
			"%s:%d: vm stressors of %llu MiB do not fit a guest of %llu MiB, which needs %llu MiB itself",
			path, job.bytes_line, (unsigned long long)(job.bytes >> 20),
			(unsigned long long)(place->memory_bytes >> 20),
			(unsigned long long)(GUEST_OWN_BYTES >> 20));
		return err_remedy(err, "write a smaller vm-bytes, or more 'memory' for the tenant");
	}
	const char *const *argv = job.holds ? endless : chain;
	char **copy = xcalloc(ARRAY_SIZE(endless), sizeof(*copy));
	for (; argv[count]; count++)
		copy[count] = xstrdup(argv[count]);
	*ret_argv = copy;
	*ret_repeat = !job.holds;
	return 0;
}

static struct workload_parser *parser_new(void)
{
	return xcalloc(1, sizeof(struct workload_parser));
}

static void parser_free(struct workload_parser *parser)
{
	free(parser);
}

/*
 * "stress-ng: metrc: [117] matrix   320   1.00   0.99   0.01   319.27   319.58": name, bogo-ops, real, user and system
 * time in seconds, two rates.  Older versions say "info:" for "metrc:".  Other metrics have words behind the number.
 */
static bool parse_metrics(const char *line, double *ret_work, double *ret_real_s)
{
	double fields[6];
	const char *at = strncmp(line, "stress-ng: ", 11) == 0 ? strstr(line, "] ") : NULL;

	if (!at)
		return false;
	at += 2;
	at += strspn(at, " ");
	if (!isalpha((unsigned char)*at))
		return false;
	at += strcspn(at, " ");
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		char *end;
		fields[i] = strtod(at, &end);
		if (end == at || (*end && *end != ' '))
			return false;
		at = end;
	}
	if (at[strspn(at, whitespace)] || !(fields[0] >= 0) || !(fields[1] > 0))
		return false;
	*ret_work = fields[0];
	*ret_real_s = fields[1];
	return true;
}

/* The second that ends with this line, at what the guest had at its end. */
static bool memory_line(
	struct workload_parser *parser, double t_s, double available_kib, struct work_interval *interval)
{
	bool first = !parser->holds;

	interval->from_s = fmax(parser->told_s, t_s - WORK_GUEST_S);
	interval->to_s = t_s;
	interval->work = (double)NAN;
	interval->values[AVAILABLE] = available_kib;
	parser->holds = true;
	parser->told_s = t_s;
	parser->available_kib = available_kib;
	if (available_kib < parser->least_kib)
		parser->least_kib = available_kib;
	return !first && t_s > interval->from_s;
}

/* One round of the chain, or the one run of a job that holds memory. */
static bool round_line(
	struct workload_parser *parser, double t_s, const char *line, struct work_interval *ret_interval)
{
	double work, real_s;

	if (parse_metrics(line, &work, &real_s)) {
		/* The stressors of a job run side by side: one interval for all of them. */
		if (!parser->open) {
			parser->open = true;
			parser->arrival_s = t_s;
			parser->real_s = parser->work = 0;
		}
		parser->work += work;
		if (real_s > parser->real_s)
			parser->real_s = real_s;
		return false;
	}
	/* A starved stressor may not finish one bogo-op in its second; its own line is missing then. */
	parser->idle = parser->idle || strstr(line, "all bogo-op counters are zero");
	const char *completed = strstr(line, "run completed in ");
	if (completed && !parser->open && parser->idle) {
		parser->real_s = strtod(completed + strlen("run completed in "), NULL);
		parser->arrival_s = t_s;
		parser->work = 0;
		parser->open = parser->real_s > 0;
	}
	if (!parser->open ||
		(!completed && strncmp(line, "@exit", 5) != 0 && strncmp(line, "@stopped", 8) != 0))
		return false;
	parser->open = parser->idle = false;
	*ret_interval = (struct work_interval){
		.from_s = parser->arrival_s - parser->real_s,
		.to_s = parser->arrival_s,
		.work = parser->work,
	};
	ret_interval->values[AVAILABLE] = (double)NAN;
	return true;
}

static bool parser_line(
	struct workload_parser *parser, double t_s, const char *line, struct work_interval *ret_interval)
{
	static const char guest[] = "@guest available_kib ";

	if (strncmp(line, guest, strlen(guest)) == 0)
		return memory_line(parser, t_s, strtod(line + strlen(guest), NULL), ret_interval);
	if (strncmp(line, "@start", 6) == 0)
		parser->before_kib = parser->least_kib = parser->available_kib;
	if (strncmp(line, "@start", 6) == 0 || strncmp(line, "@round", 6) == 0)
		parser->open = parser->idle = false;
	return !parser->holds && round_line(parser, t_s, line, ret_interval);
}

static bool parser_worked(const struct workload_parser *parser)
{
	return parser->holds && parser->before_kib - parser->least_kib >= TAKEN_KIB;
}

const struct workload_ops workload_stress_ng = {
	.name = "stress-ng",
	.suffix = ".stress",
	.work_unit = "bogo-ops",
	.work_source =
		"bogo-ops and real time that stress-ng --metrics-brief reports for each of a chain of one-second "
		"runs; an interval ends when its report arrives and is as long as the reported real time "
		"(the guest's clock); the tool's start-up between two runs is no part of it; none while a vm stressor "
		"holds memory: guest_available_mib is MemAvailable in the guest every second",
	.check = check,
	.command = command,
	.parser_new = parser_new,
	.parser_free = parser_free,
	.parser_line = parser_line,
	.values = values,
	.value_count = VALUES,
	.parser_worked = parser_worked,
};
