/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cmd/command.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/auto.h"
#include "base/buf.h"
#include "cmd/commands.h"
#include "cmd/help.h"
#include "cmd/options.h"

int command_bisect_code(int code)
{
	return code == 0 || code == 1 || code > 128 ? code : 125;
}

const struct command *command_find(const char *name)
{
	for (const struct command *command = command_table; command->name; command++)
		if (strcmp(command->name, name) == 0)
			return command;
	return NULL;
}

#define LONGEST_NAME 32

/* Letters to insert, drop or change (Levenshtein) to get from one name to the other. */
static size_t distance(const char *from, const char *to)
{
	size_t row[LONGEST_NAME + 1];
	size_t from_length = strlen(from), to_length = strlen(to);

	if (from_length > LONGEST_NAME || to_length > LONGEST_NAME)
		return LONGEST_NAME;
	for (size_t j = 0; j <= to_length; j++)
		row[j] = j;
	for (size_t i = 1; i <= from_length; i++) {
		size_t diagonal = row[0];
		row[0] = i;
		for (size_t j = 1; j <= to_length; j++) {
			size_t best = diagonal + (from[i - 1] != to[j - 1]);
			diagonal = row[j];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
		}
	}
	return row[to_length];
}

const struct command *command_guess(const char *name)
{
	const struct command *best = NULL;
	size_t length = strlen(name), best_distance = 3;

	for (const struct command *command = command_table; command->name; command++) {
		if (command->hidden)
			continue;
		size_t d = length >= 2 && strncmp(command->name, name, length) == 0
				   ? 0
				   : distance(name, command->name);
		/* Two letters of three are no likeness. */
		if (d < best_distance && d < strlen(command->name) - 1) {
			best = command;
			best_distance = d;
		}
	}
	return best;
}

int command_fail(const struct err *err)
{
	(void)fflush(stdout);
	(void)fprintf(stderr, "limitlab: %s\n", err->text);
	if (err->remedy[0])
		(void)fprintf(stderr, "  remedy: %s\n", err->remedy);
	return err_exit_code(err);
}

static int unknown(const char *name)
{
	struct err err = ERR_INIT;
	const struct command *guess = command_guess(name);

	(void)err_input(&err, "there is no %s '%s'", name[0] == '-' ? "option" : "command", name);
	if (guess)
		(void)err_remedy(&err, "did you mean 'limitlab %s'?", guess->name);
	else
		(void)err_remedy(&err, "limitlab help");
	return command_fail(&err);
}

/* A full disk or a closed pipe must not look like success. */
static int flushed(int code)
{
	struct err err = ERR_INIT;

	errno = 0;
	if (fflush(stdout) == 0 && !ferror(stdout))
		return code;
	(void)err_sys(&err, errno ? errno : EIO, "cannot write to standard output");
	int failure = command_fail(&err);
	return code == 0 ? failure : code;
}

int command_main(int argc, char **argv)
{
	struct err err = ERR_INIT;
	struct options options;

	if (argc < 2) {
		(void)fputs("usage: limitlab COMMAND [ARGUMENT...]\n"
			    "  remedy: limitlab help\n",
			stderr);
		return 2;
	}
	const char *name = argv[1];
	if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
		name = "help";
	else if (strcmp(name, "--version") == 0)
		name = "version";
	const struct command *command = command_find(name);
	if (!command)
		return unknown(name);
	/* The command's own getopt_long() sees its name first. */
	argv[1] = (char *)command->name;
	/* A copy, because argv is permuted: the command would not see any more what stood before a "--". */
	AUTO(free_ptr) char **words = xcalloc((size_t)argc, sizeof(*words));
	memcpy(words, argv + 1, (size_t)(argc - 1) * sizeof(*words));
	if (options_parse(argc - 1, words, &options, &err)) {
		/* A mistyped call is no bad commit. */
		bool bisects = false;
		for (int i = 2; i < argc && (command->options & OPTION(BISECT_CODES)); i++)
			bisects = bisects || !strcmp(argv[i], "--bisect-codes");
		int code = command_fail(&err);
		return bisects ? command_bisect_code(code) : code;
	}
	if (options.help) {
		help_print_command(command);
		return flushed(0);
	}
	int code = flushed(command->run(argc - 1, argv + 1));
	return options.bisect_codes ? command_bisect_code(code) : code;
}
