/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The command table.  It feeds dispatch, argument counts, help, shell completion and the man page.
 */
#ifndef LIMITLAB_CMD_COMMAND_H
#define LIMITLAB_CMD_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define COMMAND_ANY_COUNT (-1)

/* What the arguments are; for completion. */
enum command_args {
	COMMAND_ARGS_NONE,
	COMMAND_ARGS_SCENARIOS,
	COMMAND_ARGS_RUNS,
	COMMAND_ARGS_WORDS,    /* one of `words` */
	COMMAND_ARGS_COMMANDS, /* a command's name */
};

struct command {
	const char *name;
	const char *synopsis;   /* arguments as in help: "SCENARIO..."; "" for none */
	const char *summary;    /* one line */
	const char *about;      /* paragraphs for --help and the man page; lines of at most 78 columns */
	int min_args, max_args; /* max_args may be COMMAND_ANY_COUNT */
	enum command_args args;
	const char *words; /* COMMAND_ARGS_WORDS: "build info"; checked */
	uint64_t options;  /* OPTION(JSON) | ...; --help goes without saying */
	bool hidden;       /* not in help, completion and man page */
	int (*run)(int argc, char **argv);
};

/* Ends with a row whose name is NULL. */
extern const struct command command_table[];

/* NULL: no such command. */
const struct command *command_find(const char *name);
/* The command that was probably meant; NULL: none is near. */
const struct command *command_guess(const char *name);

/* The whole program: finds the command in argv[1], checks, runs.  Returns the exit code. */
int command_main(int argc, char **argv);
/* Prints "limitlab: TEXT" and the remedy to stderr and returns the exit code of the error. */
int command_fail(const struct err *err);

/* The exit codes, in one table for help and the man page; ends with a NULL meaning. */
struct exit_code {
	const char *code;
	const char *meaning;
};
extern const struct exit_code exit_code_table[];

/* --bisect-codes: what `git bisect run` understands: 0 good, 1 bad, 125 skip; a signal still ends it. */
int command_bisect_code(int code);

#endif
