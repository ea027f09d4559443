/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the guest's runner does before it is ready.  Both: -1 and errno.  Part of the runner, which is linked statically
 * and alone.
 */
#ifndef LIMITLAB_GUEST_SETUP_H
#define LIMITLAB_GUEST_SETUP_H

/* Keeps what stands on the standard input in a file. */
int setup_store_job(const char *path);
/* A name of a virtio port, a path, or for tests "fd:N"; the descriptor does not block. */
int setup_open_port(const char *port);

#endif
