/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "series/rundir.h"

#include <string.h>

#include "base/buf.h"

char *rundir_path(const char *run, const char *file)
{
	size_t length = strlen(run);

	while (length > 1 && run[length - 1] == '/')
		length--;
	return xasprintf("%.*s%s%s", (int)length, run, run[length - 1] == '/' ? "" : "/", file);
}

const char *run_state_name(enum run_state state)
{
	switch (state) {
	case RUN_RUNNING:
		return "running";
	case RUN_COMPLETE:
		return "complete";
	case RUN_BROKEN:
		return "broken";
	case RUN_INTERRUPTED:
		return "interrupted";
	}
	BUG("run state %d", (int)state);
}
