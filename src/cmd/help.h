/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Texts made from the command table: help, man page, shell completion.  Pure: they append to a buffer.
 */
#ifndef LIMITLAB_CMD_HELP_H
#define LIMITLAB_CMD_HELP_H

#include "base/buf.h"
#include "cmd/command.h"

/* "limitlab help" */
void help_overview(struct buf *text);
/* "limitlab COMMAND --help" */
void help_command(const struct command *command, struct buf *text);
void help_print_command(const struct command *command);
/* roff, man(7) macros */
void help_manpage(struct buf *text);
/* A script for bash. */
void help_completion_bash(struct buf *text);

#endif
