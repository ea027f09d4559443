/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Options: one table for all commands, so that each means the same everywhere.  A command names those that it takes in
 * the command table.
 *
 *	struct options options;
 *	if (options_parse(argc, argv, &options, &err))
 *		return command_fail(&err);
 *	for (int i = 0; i < options.arg_count; i++) ... options.args[i] ...
 */
#ifndef LIMITLAB_CMD_OPTIONS_H
#define LIMITLAB_CMD_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum option_id {
	OPTION_HELP, /* every command */
	OPTION_JSON,
	OPTION_QUIET,
	OPTION_OUT,
	OPTION_ACCEL,
	OPTION_CONNECT,
	OPTION_REPEAT,
	OPTION_UNTIL_DECIDED,
	OPTION_SEED,
	OPTION_RESUME,
	OPTION_BOOT,
	OPTION_JUNIT,
	OPTION_FORCE,
	OPTION_KERNEL,
	OPTION_IN_LAB_HOST,
	OPTION_CGROUP,
	OPTION_ALLOW_HOST_SCARCITY,
	OPTION_USE_DEVICE,
	OPTION_BESIDE,
	OPTION_FORMAT,
	OPTION_INTO,
	OPTION_BY,
	OPTION_FLOOR,
	OPTION_SELF,
	OPTION_UNLIKE,
	OPTION_CSV,
	OPTION_MARKDOWN,
	OPTION_FIGURE,
	OPTION_ALL,
	OPTION_BISECT_CODES,
	OPTION_ATTEMPTS,
	OPTION_APPEND,
	OPTION_GOOD,
	OPTION_BAD,
	OPTION_KERNELS,
	OPTION_COUNT
};

#define OPTION_BIT(id) (UINT64_C(1) << (id))
#define OPTION(name)   OPTION_BIT(OPTION_##name)

/* What an option was given, in order; points into argv. */
#define OPTION_LIST_MAX 64
struct option_list {
	const char *words[OPTION_LIST_MAX];
	size_t count;
};
/* The last one; NULL: it was not given. */
const char *option_last(const struct option_list *list);

/* What the user said; texts point into argv.  Defaults are filled in. */
struct options {
	bool help, json, quiet, force, allow_host_scarcity;
	const char *use_device;
	const char *out;           /* default "results" */
	const char *accel;         /* "auto" (default), "kvm" or "tcg" */
	const char *connect;       /* NULL: the command's own default */
	unsigned repeat;           /* default 1 */
	unsigned until_decided;    /* 0: not asked for */
	unsigned seed;             /* 0: one is drawn */
	const char *resume;        /* a batch file; NULL: none */
	const char *boot;          /* "run", "round" or "batch"; NULL: not said */
	const char *junit;         /* NULL: none */
	struct option_list kernel; /* none: the suite's default */
	const char *beside;        /* NULL: as the scenario says */
	const char *format;        /* NULL: svg,png */
	const char *into;          /* NULL: nowhere */
	const char *by;            /* NULL: none */
	const char *floor;         /* "5%" (default) */
	bool in_lab_host;
	const char *cgroup; /* NULL: v2 */
	bool self, unlike, all, bisect_codes;
	const char *csv, *markdown, *figure; /* NULL: none */
	unsigned attempts;                   /* 0: the default */
	const char *append, *good, *bad;     /* NULL: none */
	struct option_list kernels;
	char **args; /* the arguments that are no options, NULL terminated */
	int arg_count;
	int first_count; /* how many of them stand before a "--"; -1: there is none */
};

enum option_type {
	OPTION_TYPE_FLAG,
	OPTION_TYPE_TEXT,
	OPTION_TYPE_CHOICE,
	OPTION_TYPE_NUMBER,
	OPTION_TYPE_LIST, /* may be given several times */
};

struct option_spec {
	const char *name;
	char short_name; /* 0: none */
	enum option_type type;
	const char *value; /* "DIR" in help; for a choice "auto|kvm|tcg"; NULL for a flag */
	const char *summary;
	size_t offset;     /* in struct options */
	unsigned min, max; /* OPTION_TYPE_NUMBER */
};

const struct option_spec *option_spec(enum option_id id);

/*
 * argv[0] is the command's name; its row in the command table says which options and how many arguments are right.
 * Errors are ERR_INPUT with "limitlab CMD --help" as the remedy.  argv is permuted: options first.
 */
int options_parse(int argc, char **argv, struct options *ret_options, struct err *err);

#endif
