/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "workload/iperf3_args.h"

#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/buf.h"

enum value { NO_VALUE, WORD, COUNT, SIZE, RATE, SECONDS, REFUSED };

#define OURS      "is set by limitlab, leave it out"
#define FAR_SENDS "lets the far end send, and no limit of the tenant acts on that; leave it out"
#define ENDS      "ends the load by itself; leave it out, the timeline stops it"

/* Options of iperf3 3.12's client (iperf3(1)).  What is not here is not known, or makes no sense in a guest. */
static const struct option {
	const char *name;
	char letter; /* 0: none */
	enum value value;
	double min, max;
	const char *why; /* REFUSED */
} options[] = {
	{"udp", 'u', NO_VALUE, 0, 0, NULL},
	{"bitrate", 'b', RATE, 0, 0, NULL},
	{"bandwidth", 0, RATE, 0, 0, NULL},
	{"parallel", 'P', COUNT, 1, 128, NULL},
	{"length", 'l', SIZE, 0, 0, NULL},
	{"window", 'w', SIZE, 0, 0, NULL},
	{"set-mss", 'M', COUNT, 88, 9000, NULL},
	{"no-delay", 'N', NO_VALUE, 0, 0, NULL},
	{"congestion", 'C', WORD, 0, 0, NULL},
	{"zerocopy", 'Z', NO_VALUE, 0, 0, NULL},
	{"tos", 'S', WORD, 0, 0, NULL},
	{"dscp", 0, WORD, 0, 0, NULL},
	{"interval", 'i', SECONDS, 0.1, 10, NULL},
	{"version4", '4', NO_VALUE, 0, 0, NULL},
	{"fq-rate", 0, RATE, 0, 0, NULL},
	{"pacing-timer", 0, COUNT, 1, 1e6, NULL},
	{"connect-timeout", 0, COUNT, 1, 3.6e6, NULL},
	{"snd-timeout", 0, COUNT, 0, 8.64e7, NULL},
	{"udp-counters-64bit", 0, NO_VALUE, 0, 0, NULL},
	{"repeating-payload", 0, NO_VALUE, 0, 0, NULL},
	{"dont-fragment", 0, NO_VALUE, 0, 0, NULL},
	{"client", 'c', REFUSED, 0, 0, OURS},
	{"server", 's', REFUSED, 0, 0, OURS},
	{"port", 'p', REFUSED, 0, 0, OURS},
	{"cport", 0, REFUSED, 0, 0, OURS},
	{"bind", 'B', REFUSED, 0, 0, OURS},
	{"bind-dev", 0, REFUSED, 0, 0, OURS},
	{"time", 't', REFUSED, 0, 0, OURS},
	{"format", 'f', REFUSED, 0, 0, OURS},
	{"forceflush", 0, REFUSED, 0, 0, OURS},
	{"json", 'J', REFUSED, 0, 0, OURS},
	{"logfile", 0, REFUSED, 0, 0, OURS},
	{"title", 'T', REFUSED, 0, 0, OURS},
	{"timestamps", 0, REFUSED, 0, 0, OURS},
	{"verbose", 'V', REFUSED, 0, 0, OURS},
	{"debug", 'd', REFUSED, 0, 0, OURS},
	{"daemon", 'D', REFUSED, 0, 0, OURS},
	{"pidfile", 'I', REFUSED, 0, 0, OURS},
	{"one-off", '1', REFUSED, 0, 0, OURS},
	{"rcv-timeout", 0, REFUSED, 0, 0, OURS},
	{"get-server-output", 0, REFUSED, 0, 0,
		"is not needed: the far end's own lines are kept, leave it out"},
	{"reverse", 'R', REFUSED, 0, 0, FAR_SENDS},
	{"bidir", 0, REFUSED, 0, 0, FAR_SENDS},
	{"bytes", 'n', REFUSED, 0, 0, ENDS},
	{"blockcount", 'k', REFUSED, 0, 0, ENDS},
	{"file", 'F', REFUSED, 0, 0, ENDS},
	{"omit", 'O', REFUSED, 0, 0,
		"hides the first seconds; leave it out, the windows of the expectations say what counts"},
	{"version6", '6', REFUSED, 0, 0, "is not possible: the shared link has IPv4 addresses"},
	{"flowlabel", 'L', REFUSED, 0, 0, "is not possible: the shared link has IPv4 addresses"},
	{"affinity", 'A', REFUSED, 0, 0, "is the scenario's: 'cpus' of the tenant says where its vCPUs run"},
};

static const struct option *find(const char *name, size_t length)
{
	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		if (strlen(options[i].name) == length && strncmp(options[i].name, name, length) == 0)
			return &options[i];
	return NULL;
}

static const struct option *find_letter(char letter)
{
	for (size_t i = 0; letter && i < ARRAY_SIZE(options); i++)
		if (options[i].letter == letter)
			return &options[i];
	return NULL;
}

/* "10", "1.5M" with one of the suffixes; ret_rest is what follows. */
static bool read_number(const char *text, const char *suffixes, double *ret_number, const char **ret_rest)
{
	char *end;

	if (*text < '0' || *text > '9')
		return false;
	*ret_number = strtod(text, &end);
	/* strtod(3) takes "0x10" and "1e5" too, iperf3 as well. */
	if (*end && strchr(suffixes, *end))
		end++;
	*ret_rest = end;
	return true;
}

static int check_value(
	const char *path, int line, const struct option *option, const char *value, struct err *err)
{
	static const char *const examples[] = {
		[WORD] = "a word", [COUNT] = "4", [SIZE] = "128K", [RATE] = "50M", [SECONDS] = "0.5"};
	const char *rest = "";
	double number = 0;
	bool right = *value != '\0';

	switch (option->value) {
	case COUNT:
		right = value[strspn(value, "0123456789")] == '\0' && read_number(value, "", &number, &rest);
		break;
	case SIZE:
		right = read_number(value, "kKmMgG", &number, &rest) && number > 0;
		break;
	case RATE:
		/* "/N": a burst of N packets. */
		right = read_number(value, "kKmMgGtT", &number, &rest);
		if (*rest == '/' && rest[1])
			rest += 1 + strspn(rest + 1, "0123456789");
		break;
	case SECONDS:
		right = read_number(value, "", &number, &rest);
		break;
	default:
		break;
	}
	if (!right || *rest)
		return err_input(err, "%s:%d: '%s' is not a value of --%s (as in: %s)", path, line, value,
			option->name, examples[option->value]);
	if (option->max > 0 && (number < option->min || number > option->max))
		return err_input(err, "%s:%d: --%s is %g to %g, not %s", path, line, option->name,
			option->min, option->max, value);
	return 0;
}

static int add(struct iperf3_args *args, const char *path, int line, const char *word, struct err *err)
{
	if (args->count == IPERF3_ARGS_MAX)
		return err_input(
			err, "%s:%d: '%s': more than %d arguments", path, line, word, IPERF3_ARGS_MAX);
	args->words[args->count++] = xstrdup(word);
	return 0;
}

/* One option with its value, which may be part of the word ("-P4", "--parallel=4") or the next one. */
static int take(
	struct iperf3_args *args, const char *path, int line, char *word, char **save, struct err *err)
{
	bool is_long = strncmp(word, "--", 2) == 0;
	const char *name = is_long ? word + 2 : word + 1;
	size_t length = is_long ? strcspn(name, "=") : 1;
	const struct option *option = is_long ? find(name, length) : find_letter(*name);
	const char *value = name + length;

	if (*word != '-' || !word[1])
		return err_input(
			err, "%s:%d: '%s' is not an option of iperf3 (as in: -u -b 50M)", path, line, word);
	if (!option)
		return err_input(
			err, "%s:%d: '%s' is not an option that an iperf3 job may have", path, line, word);
	if (option->value == REFUSED)
		return err_input(err, "%s:%d: '%s' %s", path, line, word, option->why);
	if (option->value == NO_VALUE) {
		if (*value)
			return err_input(
				err, "%s:%d: '%s': --%s has no value", path, line, word, option->name);
		return add(args, path, line, word, err);
	}
	/* Always as two words: simpler to look at, and the value is there for us. */
	AUTO(free_ptr)
	char *bare = is_long ? xasprintf("--%.*s", (int)length, name) : xasprintf("-%c", option->letter);
	if (is_long && *value == '=')
		value++;
	if (!*value)
		value = strtok_r(NULL, " \t\r", save);
	if (!value)
		return err_input(err, "%s:%d: '%s' lacks its value", path, line, word);
	if (check_value(path, line, option, value, err) || add(args, path, line, bare, err) ||
		add(args, path, line, value, err))
		return -1;
	if (option->value == SECONDS) {
		args->interval = args->words[args->count - 1];
		args->has_interval = true;
	}
	args->has_connect_timeout = args->has_connect_timeout || strcmp(option->name, "connect-timeout") == 0;
	return 0;
}

int iperf3_args_read(struct iperf3_args *ret_args, const char *path, const char *text, struct err *err)
{
	AUTO(iperf3_args) struct iperf3_args args = {.interval = IPERF3_INTERVAL};
	AUTO(free_ptr) char *copy = xstrdup(text);
	char *rest = copy, *line;

	for (int number = 1; (line = strsep(&rest, "\n")); number++) {
		line[strcspn(line, "#")] = '\0';
		char *save = NULL, *word = strtok_r(line, " \t\r", &save);
		for (; word; word = strtok_r(NULL, " \t\r", &save))
			if (take(&args, path, number, word, &save, err))
				return -1;
	}
	*ret_args = args;
	args = (struct iperf3_args){0};
	return 0;
}

void iperf3_args_release(struct iperf3_args *args)
{
	for (size_t i = 0; i < args->count; i++)
		free(args->words[i]);
	*args = (struct iperf3_args){0};
}
