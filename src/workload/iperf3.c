/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * iperf3: the client sends from the guest until it is stopped (-t 0), the server receives on the far end of the shared
 * link.  Both report what the interval's payload was: what TCP or UDP carried, without their headers and those below.
 *
 * Read of a report: the lines of the single streams.  The [SUM] line of several streams stands behind iperf3's flush
 * and comes one interval late (3.12).  After a signal the client adds a shorter last interval; the server repeats its
 * last line.
 */
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/buf.h"
#include "workload/iperf3_args.h"
#include "workload/tool_clock.h"
#include "workload/tools.h"

/* A tenant that HTB starves sends nothing for as long as it is starved: that is no reason to give it up. */
#define FOREVER_MS "86400000"
/* The first connection of a guest that has just begun to share its link. */
#define CONNECT_TIMEOUT_MS "10000"

enum { CLIENT_PAYLOAD, CLIENT_RETRANSMITS, CLIENT_VALUES };
static const struct work_value client_values[CLIENT_VALUES] = {
	[CLIENT_PAYLOAD] = {"payload_mbit_per_s", WORK_PER_SECOND, 1e-6},
	[CLIENT_RETRANSMITS] = {"retransmits_per_s", WORK_PER_SECOND, 1},
};

enum { SERVER_PAYLOAD, SERVER_LOST, SERVER_JITTER, SERVER_VALUES };
static const struct work_value server_values[SERVER_VALUES] = {
	[SERVER_PAYLOAD] = {"payload_rx_mbit_per_s", WORK_PER_SECOND, 1e-6},
	[SERVER_LOST] = {"payload_lost_per_s", WORK_PER_SECOND, 1},
	[SERVER_JITTER] = {"payload_jitter_ms", WORK_LEVEL, 1},
};

/* What one stream reports for one interval; NAN: it does not. */
struct report {
	int id;
	double end_s;
	double bits_per_s, retransmits, lost, jitter_ms;
};

struct workload_parser {
	unsigned streams; /* how many this test has */
	int first_id;     /* of the stream that is printed first */
	unsigned seen;    /* how many of them have reported the interval in hand */
	struct report sum;
	struct tool_clock clock;
};

static int check(const char *path, const char *text, struct err *err)
{
	AUTO(iperf3_args) struct iperf3_args args = {0};

	return iperf3_args_read(&args, path, text, err);
}

static void add(char **argv, size_t *count, const char *word)
{
	argv[(*count)++] = xstrdup(word);
}

static int client_command(const struct workload_place *place, const char *job_text, char ***ret_argv,
	bool *ret_repeat, struct err *err)
{
	AUTO(iperf3_args) struct iperf3_args args = {0};
	size_t count = 0;

	if (!place->server_address) {
		(void)err_input(err, "an iperf3 workload needs a shared link to send through");
		return err_remedy(err, "add 'link: {rate: 300Mbit/s}' to 'scarce' of the scenario");
	}
	if (iperf3_args_read(&args, place->job_path, job_text, err))
		return -1;
	AUTO(free_ptr) char *port = xasprintf("%u", place->server_port);
	const char *const ours[] = {"iperf3", "--client", place->server_address, "--port", port, "--time",
		"0", "--format", "k", "--forceflush"};
	char **argv = xcalloc(ARRAY_SIZE(ours) + args.count + 5, sizeof(*argv));
	for (size_t i = 0; i < ARRAY_SIZE(ours); i++)
		add(argv, &count, ours[i]);
	if (!args.has_interval) {
		add(argv, &count, "--interval");
		add(argv, &count, args.interval);
	}
	if (!args.has_connect_timeout) {
		add(argv, &count, "--connect-timeout");
		add(argv, &count, CONNECT_TIMEOUT_MS);
	}
	for (size_t i = 0; i < args.count; i++)
		add(argv, &count, args.words[i]);
	*ret_argv = argv;
	*ret_repeat = false;
	return 0;
}

static int server_command(const struct workload_place *place, const char *job_text, char ***ret_argv,
	bool *ret_repeat, struct err *err)
{
	AUTO(iperf3_args) struct iperf3_args args = {0};
	size_t count = 0;

	if (iperf3_args_read(&args, place->job_path, job_text, err))
		return -1;
	AUTO(free_ptr) char *port = xasprintf("%u", place->server_port);
	const char *const ours[] = {"iperf3", "--server", "--port", port, "--format", "k", "--forceflush",
		"--interval", args.interval, "--rcv-timeout", FOREVER_MS};
	char **argv = xcalloc(ARRAY_SIZE(ours) + 1, sizeof(*argv));
	for (size_t i = 0; i < ARRAY_SIZE(ours); i++)
		add(argv, &count, ours[i]);
	*ret_argv = argv;
	*ret_repeat = false;
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

static bool number(const char *text, double *ret_number)
{
	char *end;

	if (!isdigit((unsigned char)*text))
		return false;
	*ret_number = strtod(text, &end);
	return !*end && *ret_number >= 0;
}

/*
 * What stands behind the rate: nothing (TCP received), "1226" (UDP datagrams sent), "3  1.12 MBytes" (TCP
 * retransmits and congestion window), "0.032 ms  0/76 (0%)" (UDP jitter, lost/all).  Totals at the end have a word more
 * ("sender").
 */
static bool parse_tail(char **words, size_t count, struct report *report)
{
	double ignored;

	report->retransmits = report->lost = report->jitter_ms = (double)NAN;
	if (count == 3)
		return number(words[0], &report->retransmits) && number(words[1], &ignored) &&
		       strstr(words[2], "Bytes");
	if (count == 4) {
		char *slash = strchr(words[2], '/');
		if (!slash || strcmp(words[1], "ms") != 0)
			return false;
		*slash = '\0';
		return number(words[0], &report->jitter_ms) && number(words[2], &report->lost) &&
		       number(slash + 1, &ignored) && words[3][0] == '(';
	}
	return count == 0 || (count == 1 && number(words[0], &ignored));
}

/* "[  5]   0.20-0.40   sec   369 MBytes  15500053 Kbits/sec" and a tail.  --format k makes the rate's unit a fixed one. */
static bool parse_report(const char *line, struct report *ret_report)
{
	AUTO(free_ptr) char *copy = xstrdup(line);
	char *words[12], *save = NULL, *end;
	struct report report;
	double from_s, kbits_per_s, ignored;
	size_t count = 0;

	if (*copy != '[')
		return false;
	report.id = (int)strtol(copy + 1, &end, 10);
	if (end == copy + 1 || *end != ']')
		return false;
	for (char *word = strtok_r(end + 1, " ", &save); word && count < ARRAY_SIZE(words);
		word = strtok_r(NULL, " ", &save))
		words[count++] = word;
	if (count < 6 || strcmp(words[1], "sec") != 0 || !strstr(words[3], "Bytes") ||
		strcmp(words[5], "Kbits/sec") != 0)
		return false;
	char *dash = strchr(words[0], '-');
	if (!dash)
		return false;
	*dash = '\0';
	if (!number(words[0], &from_s) || !number(dash + 1, &report.end_s) || !(report.end_s > from_s) ||
		!number(words[2], &ignored) || !number(words[4], &kbits_per_s) ||
		!parse_tail(words + 6, count - 6, &report))
		return false;
	report.bits_per_s = kbits_per_s * 1000;
	*ret_report = report;
	return true;
}

/* Adds a stream's report to those of its interval; true: that was the last one. */
static bool gather(struct workload_parser *parser, const struct report *report)
{
	/* Streams always report in the same order: what lacks its first one is the rest of lines that were lost. */
	if (report->id == parser->first_id) {
		parser->sum = *report;
		parser->seen = 1;
	} else if (parser->seen) {
		parser->sum.bits_per_s += report->bits_per_s;
		parser->sum.retransmits += report->retransmits;
		parser->sum.lost += report->lost;
		parser->sum.jitter_ms += report->jitter_ms;
		parser->seen++;
	}
	if (!parser->seen || parser->seen < parser->streams)
		return false;
	parser->seen = 0;
	return true;
}

/* Lines that say what the next reports belong to; true: it was one. */
static bool parse_header(struct workload_parser *parser, const char *line)
{
	char *end;

	if (strncmp(line, "Connecting to host ", 19) == 0 || strncmp(line, "Accepted connection ", 20) == 0 ||
		strncmp(line, "@start", 6) == 0) {
		*parser = (struct workload_parser){0};
		return true;
	}
	/* "[  5] local 10.0.0.1 port 34150 connected to 10.0.0.2 port 5201" */
	if (*line != '[' || !strstr(line, " connected to "))
		return false;
	int id = (int)strtol(line + 1, &end, 10);
	if (end == line + 1 || strncmp(end, "] local ", 8) != 0)
		return false;
	if (!parser->streams++)
		parser->first_id = id;
	return true;
}

static bool next_interval(
	struct workload_parser *parser, double t_s, const char *line, struct work_interval *interval)
{
	struct report report;

	if (parse_header(parser, line) || !parser->streams || !parse_report(line, &report) ||
		!gather(parser, &report) ||
		!tool_clock_interval(
			&parser->clock, t_s, parser->sum.end_s, &interval->from_s, &interval->to_s))
		return false;
	/* The rate is exact, the printed times are rounded to 10 ms. */
	interval->work = parser->sum.bits_per_s * (interval->to_s - interval->from_s);
	return true;
}

static bool client_line(
	struct workload_parser *parser, double t_s, const char *line, struct work_interval *ret_interval)
{
	if (!next_interval(parser, t_s, line, ret_interval))
		return false;
	ret_interval->values[CLIENT_PAYLOAD] = ret_interval->work;
	ret_interval->values[CLIENT_RETRANSMITS] = parser->sum.retransmits;
	return true;
}

static bool server_line(
	struct workload_parser *parser, double t_s, const char *line, struct work_interval *ret_interval)
{
	if (!next_interval(parser, t_s, line, ret_interval))
		return false;
	ret_interval->values[SERVER_PAYLOAD] = ret_interval->work;
	ret_interval->values[SERVER_LOST] = parser->sum.lost;
	ret_interval->values[SERVER_JITTER] = parser->sum.jitter_ms / parser->streams;
	return true;
}

#define PLACED                                                                                                \
	"rate and interval are iperf3's own; an interval is placed on the run's clock by the smallest delay " \
	"of its report"

static const struct workload_ops server = {
	.name = "iperf3 server",
	.suffix = ".iperf3",
	.work_unit = "bits",
	.work_source = "payload that the server reports as received, all streams together; " PLACED,
	.check = check,
	.command = server_command,
	.parser_new = parser_new,
	.parser_free = parser_free,
	.parser_line = server_line,
	.values = server_values,
	.value_count = SERVER_VALUES,
	.ready_line = "Server listening on ",
};

const struct workload_ops workload_iperf3 = {
	.name = "iperf3",
	.suffix = ".iperf3",
	.work_unit = "bits",
	.work_source =
		"payload that the client reports as handed to the guest's kernel, all streams together, without "
		"the headers of TCP or UDP and below; " PLACED,
	.check = check,
	.command = client_command,
	.parser_new = parser_new,
	.parser_free = parser_free,
	.parser_line = client_line,
	.values = client_values,
	.value_count = CLIENT_VALUES,
	.server = &server,
};
