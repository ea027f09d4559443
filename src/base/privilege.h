/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef LIMITLAB_BASE_PRIVILEGE_H
#define LIMITLAB_BASE_PRIVILEGE_H

#include "base/err.h"

/* ERR_HOST "WHAT needs root[: why]", with `sudo limitlab COMMAND` as the remedy, for everybody but root. */
int need_root(const char *what, const char *why, const char *command, struct err *err);

#endif
