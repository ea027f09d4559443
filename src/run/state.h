/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * limitlab's state on this host: STATE/lock, STATE/journal/, STATE/embed/ (the embedded driver's root), STATE/image/,
 * STATE/acceleration.json.  STATE is paths_state_dir(); keep it short, UNIX socket paths end at 107 bytes.
 */
#ifndef LIMITLAB_RUN_STATE_H
#define LIMITLAB_RUN_STATE_H

#include "base/err.h"

/* STATE/name; the caller frees. */
char *state_path(const char *name);
/* Makes STATE and what is below it. */
int state_prepare(struct err *err);

/*
 * Two runs at once are refused, and a dead run is recognised by its lock, never by its pid.  The lock is held as long
 * as any process that inherited the descriptor lives; it is close-on-exec, so that QEMU never holds it.  A run whose supervisor is
 * dead is waited for, up to a minute: some of its processes may wait for a slow disk before they can end.
 * ERR_HOST when somebody else holds it.
 */
int state_lock(int *ret_fd, struct err *err);

#endif
