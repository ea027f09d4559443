/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * stress-ng reports totals at its end only, so it runs as a chain of one-second runs; every run gives one interval.
 * That suits CPU stressors; vm stressors free their memory at every end.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/buf.h"
#include "workload/tools.h"

struct workload_parser {
	bool open; /* this round has reported what it did */
	bool idle; /* it reported only that it did nothing */
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
	if (strcmp(name, "run") == 0 && strcmp(value, "sequential") != 0 && strcmp(value, "parallel") != 0)
		return err_input(
			err, "%s:%d: 'run' is 'parallel' or 'sequential', not '%s'", path, line, value);
	if (strcmp(name, "run") == 0 && strcmp(value, "sequential") == 0)
		return err_input(err,
			"%s:%d: 'run sequential' has one second per stressor; use 'run parallel'", path,
			line);
	return 0;
}

static int check(const char *path, const char *text, struct err *err)
{
	AUTO(free_ptr) char *copy = xstrdup(text);
	char *rest = copy, *line;
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
	}
	if (!starts)
		return err_input(err, "%s:1: the job starts no stressor (a line such as: cpu 1)", path);
	return 0;
}

static int command(const struct workload_place *place, const char *job_text, char ***ret_argv,
	bool *ret_repeat, struct err *err)
{
	const char *const argv[] = {
		"stress-ng", "--job", place->job_path, "--timeout", "1s", "--metrics-brief"};
	char **copy = xcalloc(ARRAY_SIZE(argv) + 1, sizeof(*copy));

	(void)job_text;
	(void)err;
	for (size_t i = 0; i < ARRAY_SIZE(argv); i++)
		copy[i] = xstrdup(argv[i]);
	*ret_argv = copy;
	*ret_repeat = true;
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
	double values[6];
	const char *at = strncmp(line, "stress-ng: ", 11) == 0 ? strstr(line, "] ") : NULL;

	if (!at)
		return false;
	at += 2;
	at += strspn(at, " ");
	if (!isalpha((unsigned char)*at))
		return false;
	at += strcspn(at, " ");
	for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
		char *end;
		values[i] = strtod(at, &end);
		if (end == at || (*end && *end != ' '))
			return false;
		at = end;
	}
	if (at[strspn(at, whitespace)] || !(values[0] >= 0) || !(values[1] > 0))
		return false;
	*ret_work = values[0];
	*ret_real_s = values[1];
	return true;
}

static bool parser_line(
	struct workload_parser *parser, double t_s, const char *line, struct work_interval *ret_interval)
{
	double work, real_s;

	if (parse_metrics(line, &work, &real_s)) {
		/* The stressors of a job run side by side: one interval for all of them. */
		if (!parser->open)
			*parser = (struct workload_parser){.open = true, .arrival_s = t_s};
		parser->work += work;
		if (real_s > parser->real_s)
			parser->real_s = real_s;
		return false;
	}
	if (strncmp(line, "@start", 6) == 0 || strncmp(line, "@round", 6) == 0)
		*parser = (struct workload_parser){0};
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
	return true;
}

const struct workload_ops workload_stress_ng = {
	.name = "stress-ng",
	.suffix = ".stress",
	.work_unit = "bogo-ops",
	.work_source =
		"bogo-ops and real time that stress-ng --metrics-brief reports for each of a chain of one-second "
		"runs; an interval ends when its report arrives and is as long as the reported real time "
		"(the guest's clock); the tool's start-up between two runs is no part of it",
	.check = check,
	.command = command,
	.parser_new = parser_new,
	.parser_free = parser_free,
	.parser_line = parser_line,
};
