/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/privilege.h"

#include <unistd.h>

int need_root(const char *what, const char *why, const char *command, struct err *err)
{
	if (geteuid() == 0)
		return 0;
	(void)err_host(err, "%s needs root%s%s", what, why ? ": " : "", why ? why : "");
	return err_remedy(err, "sudo limitlab %s", command);
}
