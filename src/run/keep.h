/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The state of tenants after their boot, kept so that later runs of a batch wake from it instead of booting.
 *
 * They are not left running, because then everything that a run did to them would have to be undone and looked for: limits,
 * weights of sub-groups, bindings, devices, workloads, the guest's own memory and files.  A VM that wakes is a new process
 * with new control groups, and its guest is what it was when its agent first answered.  Sandbox, fixtures and journal are those of
 * a single run.  A tenant that misbehaved is not there any more.
 *
 * Tenants of one name, vCPUs and memory share a state whatever their scenarios make scarce: all get the network card and the
 * second disk that one of the scenarios needs; where a scenario does not, the card is on no bridge and the disk is an empty file.
 * Where memory is scarce nothing is shared: a VM that wakes has less of its memory touched than one that booted.
 *
 * Below STATE/kept/XXXXXX/, which the batch holds a lock of: NAME-HASH.state as libvirt wrote it, NAME-HASH.boot with the run that
 * it booted in, NAME.blank.  The hash is of everything that shapes the VM and its image.
 */
#ifndef LIMITLAB_RUN_KEEP_H
#define LIMITLAB_RUN_KEEP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "guest/image.h"
#include "scenario/scenario.h"
#include "vm/vm.h"

struct keep;

/* For a batch of these scenarios, which must outlive it.  Makes nothing yet. */
struct keep *keep_new(struct scenario *const *scenarios, size_t count);
/* Removes the states, so that the next run boots. */
void keep_forget(struct keep *keep);
void keep_free(struct keep *keep);

/* Whether runs of these two have a tenant in common. */
bool keep_shares(const struct keep *keep, const struct scenario *a, const struct scenario *b);

/* One tenant of one run. */
struct keep_tenant {
	unsigned seat;       /* number of its name among all names of the batch: its address */
	bool nic;            /* some scenario of the batch gives it a card */
	uint64_t disk_bytes; /* the size of its second disk; 0: none */
};
struct keep_tenant keep_tenant(const struct keep *keep, const struct scenario *scenario, size_t index);

/* What a run is told; filled by keep_prepare(). */
struct keep_plan {
	const char *dir; /* NULL: this run neither wakes nor saves */
	bool save;       /* what is not there yet is saved */
	struct keep_tenant tenants[SCENARIO_MAX_TENANTS];
};
/*
 * Before a run, with the lock of runs held.  save: a later run has use for it.  ret_note: NULL, or why nothing is kept although it
 * could be (no room); the caller frees.
 */
int keep_prepare(struct keep *keep, const struct scenario *scenario, bool save, struct keep_plan *ret_plan,
	char **ret_note, struct err *err);
/* DIR/NAME-HASH, for a spec that is complete.  The caller frees. */
char *keep_path(const char *dir, const struct vm_spec *spec, uint64_t disk_bytes, const struct image *image);
/* An empty file of this size for a tenant whose scenario has no scarce disk.  The caller frees. */
int keep_blank(const char *dir, const char *name, uint64_t bytes, char **ret_path, struct err *err);
/* Writes, and reads, in which run the state at this path booted.  NULL: not known.  The caller frees. */
int keep_write_boot(const char *path, const char *run_dir, struct err *err);
char *keep_read_boot(const char *path);
/* "smoke-cpu/20261123T065500Z" of a run directory.  The caller frees. */
char *keep_run_name(const char *run_dir);

/* Removes what batches left that are gone, and adds their number to *count.  report may be NULL. */
int keep_sweep(
	void (*report)(void *context, const char *text), void *context, size_t *count, struct err *err);

#endif
