/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cmd/help.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/auto.h"
#include "cmd/commands.h"
#include "cmd/options.h"

static bool takes(const struct command *command, size_t id)
{
	return id == OPTION_HELP || (command->options & OPTION_BIT(id));
}

/* "-q, --quiet" or "    --out DIR" */
static void add_option_name(const struct option_spec *spec, struct buf *text)
{
	if (spec->short_name)
		buf_addf(text, "-%c, --%s", spec->short_name, spec->name);
	else
		buf_addf(text, "    --%s", spec->name);
	if (spec->value)
		buf_addf(text, " %s", spec->value);
}

static void add_usage(const struct command *command, struct buf *text)
{
	buf_addf(text, "limitlab %s", command->name);
	if (command->options)
		buf_adds(text, " [OPTION...]");
	if (command->synopsis[0])
		buf_addf(text, " %s", command->synopsis);
}

static void add_exit_codes(struct buf *text)
{
	for (const struct exit_code *row = exit_code_table; row->meaning; row++)
		buf_addf(text, "  %-9s %s\n", row->code, row->meaning);
}

void help_overview(struct buf *text)
{
	buf_adds(text, "usage: limitlab COMMAND [OPTION...] [ARGUMENT...]\n\n"
		       "limitlab shows what really happens when VMs compete for a scarce resource and a\n"
		       "limit is changed while they run: how fast, and whether it is what was promised.\n\n"
		       "Commands:\n");
	for (const struct command *command = command_table; command->name; command++)
		if (!command->hidden)
			buf_addf(text, "  %-11s %s\n", command->name, command->summary);
	buf_adds(text, "\nlimitlab COMMAND --help says more about one of them.\n\nExit codes:\n");
	add_exit_codes(text);
}

void help_command(const struct command *command, struct buf *text)
{
	buf_adds(text, "usage: ");
	add_usage(command, text);
	buf_addf(text, "\n\n%s\n\nOptions:\n", command->about);
	for (size_t id = 0; id < OPTION_COUNT; id++) {
		AUTO(buf) struct buf name = BUF_INIT;

		if (!takes(command, id))
			continue;
		add_option_name(option_spec((enum option_id)id), &name);
		buf_addf(text, "  %-26s %s\n", name.data, option_spec((enum option_id)id)->summary);
	}
}

static void print(struct buf *text)
{
	(void)fwrite(text->data, 1, text->length, stdout);
}

void help_print_command(const struct command *command)
{
	AUTO(buf) struct buf text = BUF_INIT;

	help_command(command, &text);
	print(&text);
}

/* Backslashes and hyphens are roff's own; a leading '.' or '\'' would be a request. */
static void add_roff(const char *words, struct buf *text)
{
	bool line_start = true;

	for (const char *at = words; *at; at++) {
		if (line_start && (*at == '.' || *at == '\''))
			buf_adds(text, "\\&");
		if (*at == '\\')
			buf_adds(text, "\\e");
		else if (*at == '-')
			buf_adds(text, "\\-");
		else
			buf_add(text, at, 1);
		line_start = *at == '\n';
	}
}

static void add_roff_command(const struct command *command, struct buf *text)
{
	AUTO(buf) struct buf usage = BUF_INIT;

	add_usage(command, &usage);
	buf_adds(text, ".SS ");
	add_roff(usage.data, text);
	buf_adds(text, "\n");
	/* An empty line of the text is a new paragraph. */
	for (const char *at = command->about; *at;) {
		const char *end = strstr(at, "\n\n");
		AUTO(free_ptr) char *paragraph = end ? xstrndup(at, (size_t)(end - at)) : xstrdup(at);

		if (at != command->about)
			buf_adds(text, ".PP\n");
		add_roff(paragraph, text);
		buf_adds(text, "\n");
		at = end ? end + 2 : at + strlen(at);
	}
	for (size_t id = 0; id < OPTION_COUNT; id++) {
		if (id == OPTION_HELP || !takes(command, id))
			continue;
		AUTO(buf) struct buf name = BUF_INIT;
		add_option_name(option_spec((enum option_id)id), &name);
		buf_adds(text, ".TP\n.B ");
		add_roff(name.data + strspn(name.data, " "), text);
		buf_adds(text, "\n");
		add_roff(option_spec((enum option_id)id)->summary, text);
		buf_adds(text, "\n");
	}
}

void help_manpage(struct buf *text)
{
	buf_adds(text,
		".\\\" Made by \"limitlab manpage\" from the command table.\n"
		".TH LIMITLAB 1 \"\" limitlab \"User Commands\"\n"
		".SH NAME\n"
		"limitlab \\- what limits on virtual machines really do, measured and judged\n"
		".SH SYNOPSIS\n"
		".B limitlab\n"
		".I COMMAND\n"
		"[\\fIOPTION\\fR...] [\\fIARGUMENT\\fR...]\n"
		".SH DESCRIPTION\n"
		"limitlab boots small test VMs (tenants), makes one resource scarce, changes limits while the\n"
		"tenants compete for it, records everything on one clock, draws the figure and judges the outcome.\n"
		".SH COMMANDS\n");
	for (const struct command *command = command_table; command->name; command++)
		if (!command->hidden)
			add_roff_command(command, text);
	buf_adds(text, ".PP\nEvery command takes \\fB\\-\\-help\\fR.\n.SH EXIT STATUS\n");
	for (const struct exit_code *row = exit_code_table; row->meaning; row++) {
		buf_addf(text, ".TP\n.B %s\n", row->code);
		add_roff(row->meaning, text);
		buf_adds(text, "\n");
	}
	buf_adds(text,
		".PP\nOver several scenarios or runs the worst wins, in the order 5, 4, 2, 1, 3, 0.\n"
		".SH ENVIRONMENT\n.TP\n.B NO_COLOR\n"
		"When it is set to anything but the empty string, no colours are used.\n"
		".TP\n.B LIMITLAB_STATE_DIR\n"
		"An absolute path instead of /var/lib/limitlab.\n"
		".TP\n.B LIMITLAB_IMAGE_DIR\n"
		"An absolute path instead of /var/lib/limitlab/image.\n"
		".TP\n.B LIMITLAB_ALLOW_HOST_SCARCITY\n"
		"1 means --allow-host-scarcity.\n"
		".SH FILES\n.TP\n.B results/\\fISCENARIO\\fB/\\fITIME\\fB/\n"
		"What a run leaves: manifest.json, scenario.yaml, samples.csv, series.csv, events.csv, verdict.json,\n"
		"junit.xml, figure.svg, figure.png and log/.\n"
		".TP\n.B /var/lib/limitlab/\n"
		"The guest image, the undo journal, the lock, the answer whether KVM works, libvirt's own files, and,\n"
		"while a batch runs, the state of tenants after their boot.\n"
		".SH SEE ALSO\n.BR virsh (1),\n.BR stress\\-ng (1),\n.BR cgroups (7)\n");
}

static void add_completion_words(const struct command *command, struct buf *text)
{
	for (size_t id = 0; id < OPTION_COUNT; id++)
		if (takes(command, id))
			buf_addf(text, " --%s", option_spec((enum option_id)id)->name);
}

static void add_completion_values(struct buf *text)
{
	buf_adds(text, "\tcase $previous in\n");
	for (size_t id = 0; id < OPTION_COUNT; id++) {
		const struct option_spec *spec = option_spec((enum option_id)id);

		if (spec->type == OPTION_TYPE_CHOICE)
			buf_addf(text,
				"\t--%s) COMPREPLY=($(compgen -W \"$(tr '|' ' ' <<<'%s')\" -- \"$current\")); return ;;\n",
				spec->name, spec->value);
		else if (spec->type == OPTION_TYPE_TEXT && strcmp(spec->value, "DIR") == 0)
			buf_addf(text, "\t--%s) COMPREPLY=($(compgen -d -- \"$current\")); return ;;\n",
				spec->name);
		else if (spec->type == OPTION_TYPE_TEXT && strcmp(spec->value, "FILE") == 0)
			buf_addf(text, "\t--%s) COMPREPLY=($(compgen -f -- \"$current\")); return ;;\n",
				spec->name);
		else if (spec->type != OPTION_TYPE_FLAG)
			buf_addf(text, "\t--%s) return ;;\n", spec->name);
	}
	buf_adds(text, "\tesac\n");
}

static void add_completion_args(const struct command *command, struct buf *text)
{
	switch (command->args) {
	case COMMAND_ARGS_NONE:
		break;
	case COMMAND_ARGS_SCENARIOS:
		buf_adds(text,
			" COMPREPLY+=($(compgen -f -X '!*.yaml' -- \"$current\") $(compgen -d -S / -- \"$current\"));");
		break;
	case COMMAND_ARGS_RUNS:
		buf_adds(text, " COMPREPLY+=($(compgen -d -S / -- \"$current\"));");
		break;
	case COMMAND_ARGS_WORDS:
		buf_addf(text, " words='%s';", command->words);
		break;
	case COMMAND_ARGS_COMMANDS:
		buf_adds(text, " words=$commands;");
		break;
	}
}

void help_completion_bash(struct buf *text)
{
	buf_adds(text,
		"# bash completion for limitlab; made by \"limitlab completion bash\" from the command table\n"
		"_limitlab()\n{\n"
		"\tlocal current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]}\n"
		"\tlocal options='' words='' commands='");
	bool first = true;
	for (const struct command *command = command_table; command->name; command++) {
		if (command->hidden)
			continue;
		buf_addf(text, "%s%s", first ? "" : " ", command->name);
		first = false;
	}
	buf_adds(text, "'\n\tCOMPREPLY=()\n"
		       "\tcompopt -o filenames 2>/dev/null\n"
		       "\tif ((COMP_CWORD == 1)); then\n"
		       "\t\tCOMPREPLY=($(compgen -W \"$commands --help --version\" -- \"$current\"))\n"
		       "\t\treturn\n\tfi\n");
	add_completion_values(text);
	buf_adds(text, "\tcase ${COMP_WORDS[1]} in\n");
	for (const struct command *command = command_table; command->name; command++) {
		if (command->hidden)
			continue;
		buf_addf(text, "\t%s) options='", command->name);
		add_completion_words(command, text);
		buf_adds(text, "';");
		add_completion_args(command, text);
		buf_adds(text, " ;;\n");
	}
	buf_adds(text, "\tesac\n"
		       "\t[[ $current == -* ]] && words=$options COMPREPLY=()\n"
		       "\tCOMPREPLY+=($(compgen -W \"$words\" -- \"$current\"))\n"
		       "}\n"
		       "complete -F _limitlab limitlab\n");
}

int cmd_help(int argc, char **argv)
{
	AUTO(buf) struct buf text = BUF_INIT;
	struct err err = ERR_INIT;
	struct options options;

	if (options_parse(argc, argv, &options, &err))
		return command_fail(&err);
	if (options.arg_count == 0) {
		help_overview(&text);
	} else {
		const struct command *command = command_find(options.args[0]);
		if (!command) {
			const struct command *guess = command_guess(options.args[0]);
			(void)err_input(&err, "there is no command '%s'", options.args[0]);
			if (guess)
				(void)err_remedy(&err, "did you mean 'limitlab help %s'?", guess->name);
			return command_fail(&err);
		}
		help_command(command, &text);
	}
	print(&text);
	return 0;
}

int cmd_completion(int argc, char **argv)
{
	AUTO(buf) struct buf text = BUF_INIT;

	(void)argc;
	(void)argv;
	help_completion_bash(&text);
	print(&text);
	return 0;
}

int cmd_manpage(int argc, char **argv)
{
	AUTO(buf) struct buf text = BUF_INIT;

	(void)argc;
	(void)argv;
	help_manpage(&text);
	print(&text);
	return 0;
}
