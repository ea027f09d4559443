/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Inside the applier: what a limit's backend is, and what a target is made of.  A backend is one const struct in one
 * file and one line in applier_table.
 */
#ifndef LIMITLAB_APPLIER_OPS_H
#define LIMITLAB_APPLIER_OPS_H

#include <limits.h>
#include <stdint.h>
#include <sys/types.h>

#include "applier/cgroup.h"
#include "applier/limit.h"
#include "base/err.h"

struct target;
struct target_disk;
struct target_link;

/* Every hook gets its own ops, so that limits that differ only in a name or a file share one function. */
struct applier_ops {
	/* Mandatory. */
	enum limit_id limit;
	/* Without it in the VM's groups the limit is ERR_HOST; CGROUP_CONTROLLER_COUNT: it lives in no cgroup. */
	enum cgroup_controller controller;
	/* Asks libvirt, or the kernel itself.  The value is inside the spec's range; what only this host's mode refuses is for set to say. */
	int (*set)(struct target *target, const struct applier_ops *ops, uint64_t value, struct err *err);
	/* Reads the kernel's own file and names it with target_where(). */
	int (*get)(
		struct target *target, const struct applier_ops *ops, uint64_t *ret_value, struct err *err);
	/* Optional. */
	const void *row; /* what the hooks of one file need to know of this limit; its type is that file's */
	/* NULL: the controller is enough. */
	int (*probe)(struct target *target, const struct applier_ops *ops, struct err *err);
	/* What libvirt believes. */
	int (*told)(
		struct target *target, const struct applier_ops *ops, uint64_t *ret_value, struct err *err);
	uint64_t (*rounded)(
		uint64_t value); /* what the kernel makes of a value; NULL: it keeps it as it is */
	/* Puts a known cause in front of a failed comparison. */
	void (*explain)(struct target *target, uint64_t asked, uint64_t got, struct err *err);
};

/* LIMIT_COUNT entries, in the order of enum limit_id. */
extern const struct applier_ops *const applier_table[LIMIT_COUNT];
extern const struct applier_ops applier_cpu_shares, applier_cpu_quota, applier_cpu_period;
extern const struct applier_ops applier_net_priority, applier_net_rate, applier_net_ceil, applier_net_quantum;
extern const struct applier_ops applier_disk_weight, applier_disk_read_bytes, applier_disk_write_bytes,
	applier_disk_read_iops, applier_disk_write_iops, applier_disk_qemu_read_bytes,
	applier_disk_qemu_write_bytes, applier_disk_qemu_read_iops, applier_disk_qemu_write_iops;
extern const struct applier_ops applier_memory_soft, applier_memory_hard, applier_memory_swap,
	applier_memory_protect;

struct target {
	char *name;
	pid_t pid;
	struct _virDomain *domain; /* a reference of ours; NULL in tests */
	struct cgroup_vm cgroup;
	struct target_link *link;               /* target_bind_link(); NULL: bound to no link */
	struct target_disk *disk;               /* target_bind_disk(); NULL: bound to no disk */
	const struct applier_ops *const *table; /* applier_table, or a test's own */
	struct limit_hook hook;                 /* target_set_hook() */
	char where[PATH_MAX];
	char note[160]; /* target_note(); cleared by limit_set(), written by the backends */
};

/* As target_open(), for tests: the cgroup root, the table and no domain.  name is copied. */
int target_open_with(const char *root, const char *name, pid_t pid, const struct applier_ops *const *table,
	struct target **ret_target, struct err *err);
/* Only a target of a test has no domain. */
int target_need_domain(const struct target *target, struct err *err);
/* Records and returns the path that a value is read from. */
const char *target_where(struct target *target, const char *directory, const char *file);

/* Frees what target_bind_link() attached; the kernel keeps it.  NULL is allowed. */
void target_link_free(struct target_link *link);
void target_disk_free(struct target_disk *disk);

/*
 * Pure: libvirt's pid file of a domain of this connection; the caller frees.  ERR_INPUT where the URI is no local QEMU
 * system URI.
 */
int target_pid_file(const char *uri, const char *domain, char **ret_path, struct err *err);
/* Whether process PID was started with "-name guest=DOMAIN". */
int target_verify_pid(const char *root, pid_t pid, const char *domain, struct err *err);

#endif
