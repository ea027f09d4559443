/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One function per sub-command, each in src/cmd/NAME.c.  argv[0] is the command's name.  They return the exit code.
 * Arguments and options have been checked against the command table before; options_parse() (cmd/options.h) hands
 * them out, command_fail() (cmd/command.h) prints an error and returns its exit code.
 */
#ifndef LIMITLAB_CMD_COMMANDS_H
#define LIMITLAB_CMD_COMMANDS_H

int cmd_run(int argc, char **argv);
int cmd_kernels(int argc, char **argv);
int cmd_bisect(int argc, char **argv);
int cmd_check(int argc, char **argv);
int cmd_judge(int argc, char **argv);
int cmd_explain(int argc, char **argv);
int cmd_plot(int argc, char **argv);
int cmd_compare(int argc, char **argv);
int cmd_list(int argc, char **argv);
int cmd_doctor(int argc, char **argv);
int cmd_clean(int argc, char **argv);
int cmd_image(int argc, char **argv);
int cmd_version(int argc, char **argv);
int cmd_lab_agent(int argc, char **argv);
int cmd_lab_exec(int argc, char **argv); /* in in_lab_host.c */
/* In help.c: the texts made from the command table. */
int cmd_help(int argc, char **argv);
int cmd_completion(int argc, char **argv);
int cmd_manpage(int argc, char **argv);

#endif
