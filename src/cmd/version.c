/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>

#include <libvirt/libvirt.h>

#include "config.h"

#include "base/auto.h"
#include "base/buf.h"
#include "base/err.h"
#include "cmd/command.h"
#include "cmd/commands.h"
#include "cmd/options.h"
#include "series/rundir.h"

int cmd_version(int argc, char **argv)
{
	struct err err = ERR_INIT;
	struct options options;
	unsigned long number = 0;

	if (options_parse(argc, argv, &options, &err))
		return command_fail(&err);
	/* virGetVersion(): major * 1000000 + minor * 1000 + release, of the library that is loaded. */
	if (virGetVersion(&number, NULL, NULL))
		number = 0;
	AUTO(free_ptr)
	char *libvirt = xasprintf("%lu.%lu.%lu", number / 1000000, number / 1000 % 1000, number % 1000);
	if (options.json)
		printf("{\"limitlab\": \"%s\", \"libvirt\": \"%s\", \"format_version\": %d}\n",
			LIMITLAB_VERSION, libvirt, RUNDIR_FORMAT_VERSION);
	else
		printf("limitlab %s\nlibvirt %s\nrun format %d\n", LIMITLAB_VERSION, libvirt,
			RUNDIR_FORMAT_VERSION);
	return 0;
}
