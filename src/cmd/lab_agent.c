/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cmd/command.h"
#include "cmd/commands.h"
#include "labhost/agent.h"

int cmd_lab_agent(int argc, char **argv)
{
	struct err err = ERR_INIT;

	(void)argc;
	(void)argv;
	return labhost_agent(&err) ? command_fail(&err) : 0;
}
