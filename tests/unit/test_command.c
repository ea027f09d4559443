/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The command table and the texts made from it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/auto.h"
#include "base/buf.h"
#include "cmd/command.h"
#include "cmd/help.h"
#include "cmd/options.h"

#define MAX_WORDS 8

static void rows_are_whole(void **state)
{
	(void)state;
	for (const struct command *c = command_table; c->name; c++) {
		print_message("# %s\n", c->name);
		assert_non_null(c->run);
		assert_non_null(c->synopsis);
		assert_non_null(c->summary);
		assert_non_null(c->about);
		assert_true(strlen(c->name) <= 11);
		assert_true(strlen(c->summary) <= 66);
		assert_true(c->min_args >= 0);
		assert_true(c->max_args == COMMAND_ANY_COUNT || c->max_args >= c->min_args);
		assert_true(c->max_args == 0 ? c->synopsis[0] == '\0' : c->synopsis[0] != '\0');
		assert_true((c->args == COMMAND_ARGS_WORDS) == (c->words != NULL));
		assert_ptr_equal(command_find(c->name), c);
		for (const char *at = c->about; *at; at += strcspn(at, "\n"), at += *at ? 1 : 0)
			if (strcspn(at, "\n") > 78)
				fail_msg("'%s': a line of its text has %zu columns", c->name,
					strcspn(at, "\n"));
	}
}

static void options_are_distinct(void **state)
{
	(void)state;
	for (int i = 0; i < OPTION_COUNT; i++) {
		const struct option_spec *spec = option_spec((enum option_id)i);
		assert_non_null(spec->name);
		assert_non_null(spec->summary);
		assert_true((spec->type == OPTION_TYPE_FLAG) == (spec->value == NULL));
		for (int j = 0; j < i; j++) {
			const struct option_spec *other = option_spec((enum option_id)j);
			assert_string_not_equal(spec->name, other->name);
			assert_true(!spec->short_name || spec->short_name != other->short_name);
			assert_true(spec->offset != other->offset);
		}
	}
}

static void texts_name_every_command(void **state)
{
	AUTO(buf) struct buf overview = BUF_INIT, page = BUF_INIT, completion = BUF_INIT;

	(void)state;
	help_overview(&overview);
	help_manpage(&page);
	help_completion_bash(&completion);
	for (const struct command *c = command_table; c->name; c++) {
		AUTO(free_ptr) char *line = xasprintf("\n  %-11s %s\n", c->name, c->summary);
		AUTO(free_ptr) char *section = xasprintf("\n.SS limitlab %s", c->name);
		AUTO(free_ptr) char *branch = xasprintf("\n\t%s) options='", c->name);

		print_message("# %s\n", c->name);
		assert_true(c->hidden == !strstr(overview.data, line));
		assert_true(c->hidden == !strstr(page.data, section));
		assert_true(c->hidden == !strstr(completion.data, branch));
	}
	for (const struct exit_code *row = exit_code_table; row->meaning; row++) {
		AUTO(free_ptr) char *tag = xasprintf("\n.B %s\n", row->code);
		assert_non_null(strstr(page.data, tag));
		assert_non_null(strstr(overview.data, row->meaning));
	}
}

/* As a whole: --all is no part of --allow-host-scarcity. */
static bool names(const char *text, const char *option)
{
	while ((text = strstr(text, option))) {
		text += strlen(option);
		if (*text != '-' && !(*text >= 'a' && *text <= 'z'))
			return true;
	}
	return false;
}

static void help_names_every_option(void **state)
{
	(void)state;
	for (const struct command *c = command_table; c->name; c++) {
		AUTO(buf) struct buf text = BUF_INIT;

		help_command(c, &text);
		for (int id = 0; id < OPTION_COUNT; id++) {
			AUTO(free_ptr) char *name = xasprintf("--%s", option_spec((enum option_id)id)->name);
			bool takes = id == OPTION_HELP || (c->options & OPTION_BIT(id));
			if (takes != names(text.data, name))
				fail_msg("help of '%s' and '%s'", c->name, name);
		}
	}
}

static const struct {
	const char *words;
	const char *error; /* part of it; NULL: right */
} parse_cases[] = {
	{"version", NULL},
	{"version --json", NULL},
	{"version --json --json", NULL},
	{"version --help", NULL},
	{"version -h too many words", NULL},
	{"version extra", "'extra' is too much"},
	{"version --nonsense", "there is no option '--nonsense'"},
	{"version -x", "there is no option '-x'"},
	{"version --accel=kvm", "does not take the option '--accel=kvm'"},
	{"version --json=yes", "'--json' takes no value"},
	{"version -- --json", "'--json' is too much"},
	{"completion", "'completion' needs bash"},
	{"completion bash", NULL},
	{"completion zsh", "takes one of: bash; not 'zsh'"},
	{"completion ba", "takes one of: bash; not 'ba'"},
	{"check", "'check' needs SCENARIO..."},
	{"check a b c d", NULL},
	{"check a --quiet b", NULL},
	{"check -q -- --json", NULL},
	{"help", NULL},
	{"help version", NULL},
	{"help version help", "'help' is too much"},
};

static void arguments_are_checked(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(parse_cases); i++) {
		AUTO(free_ptr) char *line = xstrdup(parse_cases[i].words);
		char *words[MAX_WORDS] = {0}, *rest = line;
		struct options options;
		struct err err = ERR_INIT;
		int count = 0;

		for (char *word; (word = strsep(&rest, " ")) && count < MAX_WORDS - 1;)
			words[count++] = word;
		int result = options_parse(count, words, &options, &err);
		print_message("# %s: %s\n", parse_cases[i].words, err.text);
		assert_int_equal(result, parse_cases[i].error ? -1 : 0);
		if (!parse_cases[i].error)
			continue;
		assert_non_null(strstr(err.text, parse_cases[i].error));
		assert_int_equal(err_exit_code(&err), 2);
		assert_true(err.remedy[0] != '\0');
	}
}

static void flags_arrive(void **state)
{
	char command[] = "version", flag[] = "--json";
	char *words[] = {command, flag, NULL};
	struct options options;

	(void)state;
	assert_int_equal(options_parse(2, words, &options, NULL), 0);
	assert_true(options.json);
	assert_false(options.quiet);
	assert_int_equal(options.arg_count, 0);
	assert_string_equal(options.out, "results");
	assert_string_equal(options.accel, "auto");
	assert_int_equal(options.repeat, 1);
}

static void lists_collect(void **state)
{
	char command[] = "run", first[] = "--kernel=6.1", second[] = "--kernel", third[] = "6.12,6.6",
	     scenario[] = "x.yaml";
	char *words[] = {command, first, scenario, second, third, NULL};
	struct options options;

	(void)state;
	assert_int_equal(options_parse(5, words, &options, NULL), 0);
	assert_int_equal(options.kernel.count, 2);
	assert_string_equal(options.kernel.words[0], "6.1");
	assert_string_equal(option_last(&options.kernel), "6.12,6.6");
	assert_int_equal(options.arg_count, 1);
}

static void bisection_understands_the_codes(void **state)
{
	static const int cases[][2] = {
		{0, 0}, {1, 1}, {2, 125}, {3, 125}, {4, 125}, {5, 125}, {130, 130}, {143, 143}};
	char program[] = "limitlab", command[] = "run", flag[] = "--bisect-codes", bad[] = "--no-such-option";
	char *right[] = {program, command, flag, NULL}, *wrong[] = {program, command, flag, bad, NULL};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(command_bisect_code(cases[i][0]), cases[i][1]);
	/* No scenario, a mistyped option: no bad commit. */
	assert_int_equal(command_main(3, right), 125);
	assert_int_equal(command_main(4, wrong), 125);
	wrong[2] = bad;
	assert_int_equal(command_main(3, wrong), 2);
}

static const struct {
	const char *word, *guess;
} guess_cases[] = {
	{"verson", "version"},
	{"vresion", "version"},
	{"ver", "version"},
	{"hlep", "help"},
	{"completon", "completion"},
	{"xyzzy", NULL},
	{"", NULL},
	{"v", NULL},
	{"manpag", NULL}, /* hidden */
	{"a-word-that-is-longer-than-any-command-could-ever-be", NULL},
};

static void unknown_commands_are_guessed(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(guess_cases); i++) {
		const struct command *guess = command_guess(guess_cases[i].word);
		print_message("# %s -> %s\n", guess_cases[i].word, guess ? guess->name : "nothing");
		if (guess_cases[i].guess)
			assert_string_equal(guess ? guess->name : "nothing", guess_cases[i].guess);
		else
			assert_null(guess);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_are_whole),
		cmocka_unit_test(options_are_distinct),
		cmocka_unit_test(texts_name_every_command),
		cmocka_unit_test(help_names_every_option),
		cmocka_unit_test(arguments_are_checked),
		cmocka_unit_test(flags_arrive),
		cmocka_unit_test(lists_collect),
		cmocka_unit_test(bisection_understands_the_codes),
		cmocka_unit_test(unknown_commands_are_guessed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
