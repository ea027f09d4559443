/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cmd/options.h"

#include <errno.h>
#include <getopt.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/buf.h"
#include "cmd/command.h"

/* getopt_long() returns this plus the option's id. */
#define LONG_BASE 256

static const struct option_spec specs[OPTION_COUNT] = {
	[OPTION_HELP] = {"help", 'h', OPTION_TYPE_FLAG, NULL, "print this help",
		offsetof(struct options, help), 0, 0},
	[OPTION_JSON] = {"json", 0, OPTION_TYPE_FLAG, NULL, "print JSON for machines",
		offsetof(struct options, json), 0, 0},
	[OPTION_QUIET] = {"quiet", 'q', OPTION_TYPE_FLAG, NULL, "print errors only",
		offsetof(struct options, quiet), 0, 0},
	[OPTION_OUT] = {"out", 'o', OPTION_TYPE_TEXT, "DIR",
		"where run directories are made (default: results)", offsetof(struct options, out), 0, 0},
	[OPTION_ACCEL] = {"accel", 0, OPTION_TYPE_CHOICE, "auto|kvm|tcg",
		"acceleration of the tenants; auto (the default) proves KVM by booting, else TCG",
		offsetof(struct options, accel), 0, 0},
	[OPTION_CONNECT] = {"connect", 'c', OPTION_TYPE_TEXT, "URI",
		"local libvirt system URI (default: an embedded driver of our own)",
		offsetof(struct options, connect), 0, 0},
	[OPTION_REPEAT] = {"repeat", 0, OPTION_TYPE_NUMBER, "N", "run each scenario N times (default: 1)",
		offsetof(struct options, repeat), 1, 1000},
	[OPTION_UNTIL_DECIDED] = {"until-decided", 0, OPTION_TYPE_NUMBER, "MAX",
		"repeat each scenario until it is decided whether it holds, at most MAX times",
		offsetof(struct options, until_decided), 2, 1000},
	[OPTION_SEED] = {"seed", 0, OPTION_TYPE_NUMBER, "N",
		"seed of the order in which scenarios are repeated (default: drawn, and recorded)",
		offsetof(struct options, seed), 1, UINT32_MAX},
	[OPTION_RESUME] = {"resume", 0, OPTION_TYPE_TEXT, "BATCH",
		"go on with an interrupted batch: the file that its last line names",
		offsetof(struct options, resume), 0, 0},
	[OPTION_BOOT] = {"boot", 0, OPTION_TYPE_CHOICE, "run|round|batch",
		"tenants of a batch boot for every run, or once a round (the default), or once",
		offsetof(struct options, boot), 0, 0},
	[OPTION_JUNIT] = {"junit", 0, OPTION_TYPE_TEXT, "FILE", "write the verdicts as JUnit XML too",
		offsetof(struct options, junit), 0, 0},
	[OPTION_FORCE] = {"force", 'f', OPTION_TYPE_FLAG, NULL, "do it again although nothing has changed",
		offsetof(struct options, force), 0, 0},
	[OPTION_KERNEL] = {"kernel", 0, OPTION_TYPE_LIST, "KERNEL",
		"kernel of the guests (of the lab host): 6.1, 6.12, a package's name (default: the suite's)",
		offsetof(struct options, kernel), 0, 0},
	[OPTION_IN_LAB_HOST] = {"in-lab-host", 0, OPTION_TYPE_FLAG, NULL,
		"run in an outer VM, whose kernel --kernel then names", offsetof(struct options, in_lab_host),
		0, 0},
	[OPTION_CGROUP] = {"cgroup", 0, OPTION_TYPE_TEXT, "MODE",
		"control groups of the lab host: v2, v1 or hybrid; of 'kernels' several, as in v1,v2 (default: v2)",
		offsetof(struct options, cgroup), 0, 0},
	[OPTION_ALLOW_HOST_SCARCITY] = {"allow-host-scarcity", 0, OPTION_TYPE_FLAG, NULL,
		"run scenarios that make this whole host short of memory",
		offsetof(struct options, allow_host_scarcity), 0, 0},
	[OPTION_USE_DEVICE] = {"use-device", 0, OPTION_TYPE_TEXT, "DEV",
		"the real device that a scenario names as its scarce disk: all that is on it is lost",
		offsetof(struct options, use_device), 0, 0},
	[OPTION_BESIDE] = {"beside", 0, OPTION_TYPE_TEXT, "RUN",
		"draw this run at the right, in the same figure", offsetof(struct options, beside), 0, 0},
	[OPTION_FORMAT] = {"format", 0, OPTION_TYPE_TEXT, "LIST",
		"formats of the figure: svg, png, pdf (default: svg,png)", offsetof(struct options, format),
		0, 0},
	[OPTION_INTO] = {"into", 0, OPTION_TYPE_TEXT, "DIR",
		"copy the figures into this folder too, with a page that shows them",
		offsetof(struct options, into), 0, 0},
	[OPTION_BY] = {"by", 0, OPTION_TYPE_TEXT, "FIELD",
		"group the runs by this field of their manifests: host_kernel, cgroup_mode, ...",
		offsetof(struct options, by), 0, 0},
	[OPTION_FLOOR] = {"floor", 0, OPTION_TYPE_TEXT, "PERCENT",
		"a smaller change is of no interest (default: 5%)", offsetof(struct options, floor), 0, 0},
	[OPTION_SELF] = {"self", 0, OPTION_TYPE_FLAG, NULL,
		"divide runs of one kind in two, again and again: false alarms, smallest change",
		offsetof(struct options, self), 0, 0},
	[OPTION_UNLIKE] = {"unlike", 0, OPTION_TYPE_FLAG, NULL,
		"also compare runs whose scenarios differ, in a limit, say", offsetof(struct options, unlike),
		0, 0},
	[OPTION_CSV] = {"csv", 0, OPTION_TYPE_TEXT, "FILE", "write every row as CSV too",
		offsetof(struct options, csv), 0, 0},
	[OPTION_MARKDOWN] = {"markdown", 0, OPTION_TYPE_TEXT, "FILE", "write the tables as Markdown too",
		offsetof(struct options, markdown), 0, 0},
	[OPTION_FIGURE] = {"figure", 0, OPTION_TYPE_TEXT, "FILE",
		"draw both groups into FILE (.svg, .png or .pdf)", offsetof(struct options, figure), 0, 0},
	[OPTION_ALL] = {"all", 0, OPTION_TYPE_FLAG, NULL, "tell of what passed, too",
		offsetof(struct options, all), 0, 0},
	[OPTION_BISECT_CODES] = {"bisect-codes", 0, OPTION_TYPE_FLAG, NULL,
		"exit codes for 'git bisect run': 0, 1, and 125 for everything else",
		offsetof(struct options, bisect_codes), 0, 0},
	[OPTION_ATTEMPTS] = {"attempts", 0, OPTION_TYPE_NUMBER, "N",
		"boot so often for a run at which the lab host dies (default: 3)",
		offsetof(struct options, attempts), 1, 100},
	[OPTION_APPEND] = {"append", 0, OPTION_TYPE_TEXT, "WORDS",
		"more for the command line of the lab hosts' kernels", offsetof(struct options, append), 0,
		0},
	[OPTION_GOOD] = {"good", 0, OPTION_TYPE_TEXT, "KERNEL", "the end on which the scenario passes",
		offsetof(struct options, good), 0, 0},
	[OPTION_BAD] = {"bad", 0, OPTION_TYPE_TEXT, "KERNEL", "the end on which it fails",
		offsetof(struct options, bad), 0, 0},
	[OPTION_KERNELS] = {"kernels", 0, OPTION_TYPE_LIST, "LIST",
		"the kernels in order, as in 6.1.140-1,6.1.147-1 (default: all that the archive offers)",
		offsetof(struct options, kernels), 0, 0},
};

const struct option_spec *option_spec(enum option_id id)
{
	return id < OPTION_COUNT ? &specs[id] : NULL;
}

const char *option_last(const struct option_list *list)
{
	return list->count ? list->words[list->count - 1] : NULL;
}

static int wrong(struct err *err, const struct command *command)
{
	return err_remedy(err, "limitlab %s --help", command->name);
}

static bool is_choice(const char *choices, char separator, const char *text)
{
	size_t length = strlen(text);

	while (*choices) {
		const char *end = strchrnul(choices, separator);
		if (length && (size_t)(end - choices) == length && memcmp(choices, text, length) == 0)
			return true;
		choices = *end ? end + 1 : end;
	}
	return false;
}

static int store(const struct option_spec *spec, const char *text, struct options *options, struct err *err)
{
	void *slot = (char *)options + spec->offset;

	switch (spec->type) {
	case OPTION_TYPE_FLAG:
		*(bool *)slot = true;
		return 0;
	case OPTION_TYPE_CHOICE:
		if (!is_choice(spec->value, '|', text))
			return err_input(
				err, "--%s takes one of %s, not '%s'", spec->name, spec->value, text);
		*(const char **)slot = text;
		return 0;
	case OPTION_TYPE_TEXT:
		if (!*text)
			return err_input(
				err, "--%s needs a value (%s), not an empty one", spec->name, spec->value);
		*(const char **)slot = text;
		return 0;
	case OPTION_TYPE_LIST: {
		struct option_list *list = slot;
		if (!*text)
			return err_input(
				err, "--%s needs a value (%s), not an empty one", spec->name, spec->value);
		if (list->count == OPTION_LIST_MAX)
			return err_input(err, "--%s more than %d times", spec->name, OPTION_LIST_MAX);
		list->words[list->count++] = text;
		return 0;
	}
	case OPTION_TYPE_NUMBER: {
		char *end;

		errno = 0;
		unsigned long number = strtoul(text, &end, 10);
		if (errno || end == text || *end || *text == '-' || *text == '+' || number < spec->min ||
			number > spec->max)
			return err_input(err, "--%s takes a number from %u to %u, not '%s'", spec->name,
				spec->min, spec->max, text);
		*(unsigned *)slot = (unsigned)number;
		return 0;
	}
	}
	BUG("option '%s' has no type", spec->name);
}

static int check_args(const struct command *command, const struct options *options, struct err *err)
{
	if (options->arg_count < command->min_args) {
		(void)err_input(err, "'%s' needs %s", command->name, command->synopsis);
		return wrong(err, command);
	}
	if (command->max_args != COMMAND_ANY_COUNT && options->arg_count > command->max_args) {
		(void)err_input(err, "'%s' takes %s%s; '%s' is too much", command->name,
			command->max_args ? "only " : "",
			command->max_args ? command->synopsis : "no arguments",
			options->args[command->max_args]);
		return wrong(err, command);
	}
	if (command->args == COMMAND_ARGS_WORDS && options->arg_count &&
		!is_choice(command->words, ' ', options->args[0])) {
		(void)err_input(err, "'%s' takes one of: %s; not '%s'", command->name, command->words,
			options->args[0]);
		return wrong(err, command);
	}
	return 0;
}

/* "--accel=kvm" -> its option; NULL: there is none of this name. */
static const struct option_spec *known(const char *text)
{
	if (strncmp(text, "--", 2) != 0)
		return NULL;
	size_t length = strcspn(text + 2, "=");
	for (size_t i = 0; i < OPTION_COUNT; i++)
		if (strlen(specs[i].name) == length && memcmp(specs[i].name, text + 2, length) == 0)
			return &specs[i];
	return NULL;
}

static int refuse(const struct command *command, const char *text, struct err *err)
{
	const struct option_spec *spec = known(text);

	if (!spec)
		(void)err_input(err, "there is no option '%s'", text);
	else if (spec == &specs[OPTION_HELP] || (command->options & OPTION_BIT(spec - specs)))
		(void)err_input(err, "the option '--%s' takes no value", spec->name);
	else
		(void)err_input(err, "'%s' does not take the option '%s'", command->name, text);
	return wrong(err, command);
}

/*
 * getopt_long() moves the arguments that stand before "--" behind it.  Returns how many they are; -1: there was no "--".
 * It was at `words`[i] before argv was permuted; what follows it are arguments.
 */
static int count_first(const char *const *words, int argc, char **argv, const char *last_value)
{
	const char *mark = optind > 1 ? argv[optind - 1] : NULL;

	if (!mark || strcmp(mark, "--") != 0 || mark == last_value)
		return -1;
	for (int i = 1; i < argc; i++)
		if (words[i] == mark)
			return argc - optind - (argc - 1 - i);
	BUG("getopt_long() made up a word");
}

int options_parse(int argc, char **argv, struct options *ret_options, struct err *err)
{
	const struct command *command = argc > 0 ? command_find(argv[0]) : NULL;
	struct options options = {.out = "results", .accel = "auto", .repeat = 1, .floor = "5%"};
	struct option long_options[OPTION_COUNT + 1] = {0};
	AUTO(buf) struct buf shorts = BUF_INIT;
	AUTO(free_ptr) const char **words = xcalloc((size_t)argc + 1, sizeof(*words));
	const char *last_value = NULL;
	size_t count = 0;

	if (!command)
		return err_input(err, "there is no command '%s'", argc > 0 ? argv[0] : "");
	buf_adds(&shorts, ":");
	for (size_t id = 0; id < OPTION_COUNT; id++) {
		if (id != OPTION_HELP && !(command->options & OPTION_BIT(id)))
			continue;
		bool has_value = specs[id].type != OPTION_TYPE_FLAG;
		long_options[count++] = (struct option){specs[id].name,
			has_value ? required_argument : no_argument, NULL, LONG_BASE + (int)id};
		if (specs[id].short_name)
			buf_addf(&shorts, "%c%s", specs[id].short_name, has_value ? ":" : "");
	}

	memcpy(words, argv, (size_t)argc * sizeof(*words));
	opterr = 0;
	optind = 0; /* glibc: start anew */
	int found;
	while ((found = getopt_long(argc, argv, shorts.data, long_options, NULL)) != -1) {
		/* getopt_long() has moved past the word, except inside a group of short options. */
		char short_text[] = {'-', (char)optopt, '\0'};
		const char *text = optopt > 0 && optopt < LONG_BASE ? short_text : argv[optind - 1];

		if (found == '?')
			return refuse(command, text, err);
		if (found == ':') {
			(void)err_input(err, "the option '%s' needs a value", text);
			return wrong(err, command);
		}
		size_t id = 0;
		while (id < OPTION_COUNT && found != LONG_BASE + (int)id && found != specs[id].short_name)
			id++;
		if (id == OPTION_COUNT)
			BUG("getopt_long() returned %d", found);
		if (store(&specs[id], optarg, &options, err))
			return wrong(err, command);
		last_value = optarg;
	}
	options.first_count = count_first(words, argc, argv, last_value);
	options.args = argv + optind;
	options.arg_count = argc - optind;
	if (!options.help && check_args(command, &options, err))
		return -1;
	*ret_options = options;
	return 0;
}
