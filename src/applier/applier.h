/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The applier core: set, read back and restore one limit of one VM.  This header, limit.h and base/err.h are the
 * public interface of liblimitlab.  It knows nothing of the harness above it.
 *
 * Setting a limit always ends with a read-back from the kernel (the cgroup file or the HTB class), never from libvirt's
 * memory; a difference is ERR_READBACK with the whole chain in the text: asked, libvirt, kernel file, its value.
 *
 * Threads: one target may be used by one thread at a time; different targets by different threads at once.
 */
#ifndef LIMITLAB_APPLIER_APPLIER_H
#define LIMITLAB_APPLIER_APPLIER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "applier/cgroup.h"
#include "applier/limit.h"
#include "base/err.h"

struct _virDomain;
struct target;

/*
 * Opens a running VM.  The domain is referenced until target_close(); NULL is allowed in tests with fake ops.
 * pid: QEMU's main process as seen in our own PID namespace and /proc; 0: found through libvirt's pid file.
 */
int target_open(struct _virDomain *domain, pid_t pid, struct target **ret_target, struct err *err);
void target_close(struct target *target);
const char *target_name(const struct target *target);
pid_t target_pid(const struct target *target);
const struct cgroup_vm *target_cgroup(const struct target *target);
struct _virDomain *target_domain(const struct target *target);

/* From now on; without one the caller has nothing to undo with. */
void target_set_hook(struct target *target, const struct limit_hook *hook);

/* What the kernel holds now, in the unit of the limit's spec.  *ret_where (may be NULL): "PATH" it was read from;
 * owned by the target, valid until the next call. */
int limit_get(struct target *target, enum limit_id limit, uint64_t *ret_value, const char **ret_where,
	struct err *err);
/* Sets, reads back, compares.  *ret_read_back is filled also when the comparison fails (and only then without success). */
int limit_set(
	struct target *target, enum limit_id limit, uint64_t value, uint64_t *ret_read_back, struct err *err);
/* What the last limit_set() of this target has to say beside its result: "9 queued frames dropped"; "": nothing.  The target's. */
const char *target_note(const struct target *target);
/* 0: this limit can be set on this target; -1 with ERR_HOST: the host lacks what it needs (and the remedy). */
int limit_probe(struct target *target, enum limit_id limit, struct err *err);

/* A snapshot holds every limit that can be read; restoring sets those that differ, goes on past errors, reports the first. */
struct limit_snapshot {
	bool known[LIMIT_COUNT];
	uint64_t value[LIMIT_COUNT];
};
int limit_snapshot_take(struct target *target, struct limit_snapshot *ret_snapshot, struct err *err);
int limit_snapshot_restore(struct target *target, const struct limit_snapshot *snapshot, struct err *err);

#endif
