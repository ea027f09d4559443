/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Load generators: how to start each in a guest, and how to read each one's stream.  One const ops struct per tool in
 * one file, one line in an explicit array.  Job files are the tool's own (workloads/NAME.stress is a stress-ng job file).
 */
#ifndef LIMITLAB_WORKLOAD_WORKLOAD_H
#define LIMITLAB_WORKLOAD_WORKLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* A column of series.csv that a tool fills beside work_per_s. */
enum work_kind {
	WORK_PER_SECOND, /* an interval's value is a count; the series is count per second */
	WORK_LEVEL,      /* it holds for the whole interval; the series is its mean over time */
};
struct work_value {
	const char *column; /* "retransmits_per_s" */
	enum work_kind kind;
	double scale; /* from the interval's unit to the column's */
};
#define WORK_VALUES_MAX 8

/* How much work was done between two times on the run's clock (t_s). */
struct work_interval {
	double from_s, to_s;
	double work;                    /* in the workload's work unit; NAN: not known */
	double values[WORK_VALUES_MAX]; /* as the ops' values say; NAN: not reported */
};

struct workload_parser; /* per tenant, opaque; made by the ops */

/* Where a job runs: what its file leaves open. */
struct workload_place {
	const char *job_path;       /* of the job file, in the guest */
	const char *server_address; /* the far end of the shared link; NULL: there is no link */
	unsigned server_port;       /* of this tenant's own server there */
	const char *
		disk; /* the tenant's part of the scarce disk, as the guest sees it: "/dev/vdb"; NULL: none */
	uint64_t disk_bytes;
	uint64_t memory_bytes; /* of the guest; 0: not known */
	const char *job_name;  /* the job file as the user knows it, for messages; NULL: job_path */
};

struct workload_ops {
	/* Mandatory. */
	const char *name;        /* "stress-ng" */
	const char *suffix;      /* ".stress" */
	const char *work_unit;   /* "bogo-ops" */
	const char *work_source; /* in words, for the manifest: what the rate is and how it is measured */
	/* Checks a job file's text as far as the host can tell (ERR_INPUT, "FILE:LINE: ..."). */
	int (*check)(const char *path, const char *text, struct err *err);
	/*
	 * The argv (heap array of heap strings, NULL terminated) and whether the runner repeats it.  Words with a dash in
	 * front of the tool's name are options of the runner (guest/runner.h): {"--memory", "stress-ng", ...}.
	 */
	int (*command)(const struct workload_place *place, const char *job_text, char ***ret_argv,
		bool *ret_repeat, struct err *err);
	struct workload_parser *(*parser_new)(void);
	void (*parser_free)(struct workload_parser *parser);
	/*
	 * One line of the stream, stamped on arrival.  Returns true and fills *ret_interval when it completes an
	 * interval (its values are NAN before the call).  Runner lines ('@...') are passed too.
	 */
	bool (*parser_line)(struct workload_parser *parser, double t_s, const char *line,
		struct work_interval *ret_interval);
	/* Optional. */
	const struct work_value *values; /* what an interval tells beside its work; at most WORK_VALUES_MAX */
	size_t value_count;
	/*
	 * The other end, which runs on the host side of the link and is never repeated; its lines are kept in
	 * log/TENANT.server.  It has no work of its own (no work_per_s), only values.  A line of it that starts with
	 * ready_line says that it can be connected to (workload_stream.ready): the runner's "@ready" is the client's.
	 */
	const struct workload_ops *server;
	const char *ready_line;
	/* Whether it has done what it is for since its last start, where no interval's work tells that. */
	bool (*parser_worked)(const struct workload_parser *parser);
	/* A line that is part of a report: no words for people, so never what trouble quotes. */
	bool (*is_report)(const char *line);
	/* What a job that was checked does with the tenant's disk; neither: it leaves it alone. */
	void (*directions)(const char *path, const char *text, bool *ret_reads, bool *ret_writes);
};

/* By the suffix of the job file's name; NULL: unknown. */
const struct workload_ops *workload_find(const char *path);
/* All of them; NULL terminated. */
extern const struct workload_ops *const workload_all[];

/* Reads and checks a job file; *ret_text is the caller's to free. */
int workload_load(const char *path, const struct workload_ops **ret_ops, char **ret_text, struct err *err);

/*
 * The option by which a job wants less than it could get ("-b 30M", "rate 1m", "cpu-load 50"): a scenario must then say how
 * much that is, because the model takes it from there.  The caller frees; NULL: none.
 */
char *workload_self_limit(const char *path, const char *job_text);

/*
 * How many stressors a job of stress-ng starts, which is how many CPUs it can want; 0: as many as there are CPUs, not
 * known, or another tool's job.
 */
unsigned workload_stressors(const char *path, const char *job_text);

/*
 * A tenant's stream as a state machine over its lines: what the runner said, and what work was done.  Used live by the
 * run and again, from log/TENANT.stream, by everything that works from files.
 */
struct workload_stream {
	const struct workload_ops *ops;
	struct workload_parser *parser;
	bool ready, started, stopped, failed;
	bool worked;            /* has done some work, or whatever it is for */
	bool start_worked;      /* since the last start */
	size_t start_intervals; /* how many intervals there were then */
	unsigned starts;        /* how many "@start" lines */
	double *start_times_s;  /* t_s of each */
	size_t start_capacity;
	double *stop_times_s; /* t_s of each "@stopped" */
	unsigned stops;
	size_t stop_capacity;
	char *trouble;         /* NULL, or the first thing that went wrong, in words */
	char *last_line;       /* the workload's own last line of output; for trouble */
	bool round_worked;     /* the round in hand has completed an interval */
	unsigned empty_rounds; /* in a row, up to now */
	bool repeats;          /* "@round" was seen since the last start */
	unsigned long dropped; /* lines that the runner had to drop */
	struct work_interval *intervals;
	size_t interval_count, interval_capacity;
	double longest_s; /* of the intervals */
};

void workload_stream_init(struct workload_stream *stream, const struct workload_ops *ops);
void workload_stream_release(struct workload_stream *stream);
void workload_stream_line(struct workload_stream *stream, double t_s, const char *line);
/* Reads a kept log/TENANT.stream. */
int workload_stream_read(struct workload_stream *stream, const char *path, struct err *err);
/*
 * Mean work per second over those parts of (from_s, to_s] that intervals cover, so that the pause between two rounds
 * (the tool's own start-up) does not count as idleness; NAN when none does.
 */
double workload_stream_rate(const struct workload_stream *stream, double from_s, double to_s);
/* The same for one of the ops' values, in the unit of its column; intervals that do not report it cover nothing. */
double workload_stream_value(const struct workload_stream *stream, size_t value, double from_s, double to_s);

#endif
