/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The lab host: an outer VM with a chosen kernel, in which this limitlab runs again with nested tenants.  A VM's limits are
 * enforced by its HOST's kernel, so that is the one to exchange.
 *
 *	STATE/labhost/root/{root.squashfs,busybox,manifest.json}	Debian with systemd, libvirt, QEMU; of the host's suite
 *	STATE/labhost/kernel-RELEASE/{vmlinuz,modules.squashfs,initrd,config,manifest.json}	of the archive
 *	STATE/labhost/kernel-file-HASH/				the same of a file of the user's
 *	STATE/labhost/tenants/{tenants.squashfs,manifest.json}	the guest image, packed for a disk
 *	KERNEL/accel.json		whether KVM boots this kernel with nested virtualisation
 *	KERNEL/learned-KEY/		what libvirt found out about QEMU under it, and the proof of nested KVM
 *
 * The root does not know the kernel: its modules are a disk of their own, put over the root.  A running lab host has no files on this
 * host but the console's log and the results: what else it needs is in unlinked files, and its QEMU dies with us.
 *
 *	labhost_host_check()  ->  labhost_kernel_find()  ->  labhost_kernel_check()  ->  labhost_prepare()  ->  labhost_run()
 */
#ifndef LIMITLAB_LABHOST_LABHOST_H
#define LIMITLAB_LABHOST_LABHOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "vm/accel.h"

struct scenario;

/* ---- where things are kept, and who is told what goes on ---- */

struct labhost_place {
	const char *dir;                                   /* labhost_dir() */
	void (*progress)(const char *line, void *context); /* of long preparations; NULL: silent */
	void *context;
};

/* STATE/labhost; the caller frees. */
char *labhost_dir(void);

/*
 * Whether this host can carry a lab host at all: QEMU, memory (MiB; 0: LABHOST_MEMORY_MIB) and disk, and with ACCEL_KVM that
 * nested virtualisation is not refused.  ERR_HOST with the remedy.  Quick: before anything else.
 */
int labhost_host_check(
	const struct labhost_place *place, unsigned memory_mib, enum accel_wish accel, struct err *err);

/* ---- kernels ---- */

struct labhost_kernel {
	char *release; /* "6.1.0-56-cloud-amd64" */
	char *folder;  /* where it is kept */
	char *vmlinuz; /* paths in it */
	char *modules; /* squashfs with usr/lib/modules/RELEASE */
	char *initrd;
	char *config; /* its configuration; NULL: not known */
	char *origin; /* "Debian package linux-image-6.1.0-56-cloud-amd64 6.1.192-2", or the path that it came from */
	char *version; /* of the package; NULL: of none */
};

/*
 * wish: "6.1", "6.12.111", a Debian package's name ("linux-image-6.1.0-50-amd64") or version ("6.1.176-1"), a path of a .deb,
 * "BZIMAGE:MODULES" (MODULES holds lib/modules/RELEASE, or is such a folder), or a folder with vmlinuz or bzImage and
 * lib/modules; NULL: what the suite's cloud kernel is.  A short one means the newest that matched when the archive was first asked for
 * it, which is kept; a file is taken anew when it or its modules have changed.
 * ERR_INPUT: no such kernel, not a kernel, no modules for it.  Needs root where something is to be made.
 */
int labhost_kernel_find(const struct labhost_place *place, const char *wish,
	struct labhost_kernel *ret_kernel, struct err *err);
void labhost_kernel_release(struct labhost_kernel *kernel);

/* Every cloud kernel that the archive offers, oldest first: "linux-image-6.1.0-47-cloud-amd64 6.1.170-1".  NULL terminated; the
 * caller frees each and the array. */
int labhost_kernel_list(
	const struct labhost_place *place, char ***ret_lines, size_t *ret_count, struct err *err);

enum labhost_cgroup { LABHOST_CGROUP_V2, LABHOST_CGROUP_V1, LABHOST_CGROUP_HYBRID, LABHOST_CGROUP_COUNT };
const char *labhost_cgroup_name(enum labhost_cgroup mode); /* "v2", "v1", "hybrid" */
int labhost_cgroup_parse(const char *text, enum labhost_cgroup *ret_mode, struct err *err);

/* ERR_HOST for everybody but root; `sudo limitlab COMMAND` is the remedy. */
int labhost_need_root(const char *command, struct err *err);

/* What the scenarios make scarce, as a set. */
enum labhost_needs {
	LABHOST_NEEDS_CPU = 1 << 0,
	LABHOST_NEEDS_MEMORY = 1 << 1,
	LABHOST_NEEDS_DISK = 1 << 2,
	LABHOST_NEEDS_LINK = 1 << 3,
};
unsigned labhost_needs_of(const struct scenario *scenario);

/*
 * Whether this kernel can be a lab host's, in that mode and for that.  ERR_HOST names every option that is missing.  Without a
 * configuration only what may be a module is looked for.
 */
int labhost_kernel_check(
	const struct labhost_kernel *kernel, enum labhost_cgroup mode, unsigned needs, struct err *err);

/* ---- the image ---- */

/* Makes root and tenants' disk, if they are missing or out of date; quick otherwise.  The guest image must be there. */
int labhost_prepare(const struct labhost_place *place, struct err *err);

/* ---- one lab host ---- */

struct labhost_config {
	const struct labhost_place *place;
	const struct labhost_kernel *kernel;
	enum labhost_cgroup cgroup;
	const char *append;    /* more for its kernel's command line; NULL: nothing */
	unsigned memory_mib;   /* 0: LABHOST_MEMORY_MIB */
	unsigned cpus;         /* 0: LABHOST_CPUS */
	enum accel_wish accel; /* ACCEL_KVM needs nested virtualisation */
	unsigned deadline_s;   /* of the whole, from power-on; 0: none */
	unsigned silence_s;    /* without a sign of life; 0: LABHOST_SILENCE_S */
	unsigned still_s;      /* without a line or a change among the results; 0: that is no matter */
	/* Absolute.  What is written below inner_out in the lab host (NULL: a folder of the same name) appears here at once. */
	const char *results;
	const char *inner_out;
	const char *console; /* path of the console's log; kept */
	/* A line that the inner limitlab printed (without its end); from_stderr: on standard error. */
	void (*line)(const char *line, bool from_stderr, void *context);
	/* What the lab host itself is doing: "boots under KVM ...", "is up after 7.2 s". */
	void (*stage)(const char *text, void *context);
	/* At the end, of every run directory that has appeared; NULL: nobody asks. */
	void (*ran)(const char *run_dir, void *context);
	void *context;
};

enum { LABHOST_MEMORY_MIB = 4096, LABHOST_CPUS = 2, LABHOST_SILENCE_S = 60 };
/* For a job that tells how it goes on every few seconds, as runs do; the longest silence is that of tenants that boot. */
enum { LABHOST_STILL_S = 180 };

struct labhost_job {
	/*
	 * Of the inner limitlab, its own name not included, NULL terminated: {"run", "--json", "--out", RESULTS, "/home/u/a.yaml"}.
	 * It runs in `cwd`.  Names mean the same there as here.
	 */
	const char *const *argv;
	const char
		*program; /* another one than limitlab: an absolute path; it must be there.  NULL: limitlab */
	/* Files that it needs, absolute, besides limitlab's own; NULL terminated. */
	const char *const *files;
	const char *cwd;                /* NULL: / */
	const char *const *environment; /* "NAME=value", NULL terminated; NULL: none */
};

/* For those who want the same one everywhere: config->inner_out. */
#define LABHOST_OUT "/var/lib/limitlab/out"

/* The files that a scenario names (itself, its workloads, the plots beside the project), for struct labhost_job.  The caller
 * frees each and the array. */
char **labhost_files_of(const struct scenario *const *scenarios, size_t count);

/* The memory that a lab host should have for each of these: at least LABHOST_MEMORY_MIB. */
unsigned labhost_memory_of(const struct scenario *const *scenarios, size_t count);

enum labhost_how {
	LABHOST_DONE,     /* the inner limitlab ended, with .status */
	LABHOST_PANIC,    /* the kernel said so; .text is what */
	LABHOST_HANG,     /* no sign of life for silence_s, or no progress for still_s */
	LABHOST_DEADLINE, /* deadline_s passed */
	LABHOST_DIED,     /* QEMU ended, or the lab host never came up; .text says how */
};
const char *labhost_how_name(enum labhost_how how); /* "done", "panic", "hang", "deadline", "died" */

struct labhost_end {
	enum labhost_how how;
	int status;     /* LABHOST_DONE: exit code of the inner limitlab (128 + signal) */
	char text[512]; /* one line for people, of every end */
	bool kvm;       /* how the lab host itself was accelerated */
	char accel_reason[256];
	double up_s,
		total_s; /* from power-on to the inner limitlab's start; to the end.  up_s is 0 when it did not come so far */
};

/*
 * 0: there was a lab host, *ret_end says how it ended.  What was recorded up to about half a second before a crash is in
 * config->results.  -1: none was started (ERR_HOST: not enough memory or disk, no QEMU, no nested KVM; the remedy says more), or
 * ERR_INTERRUPTED: SIGINT or SIGTERM came, the inner limitlab was told and everything is gone.
 */
int labhost_run(const struct labhost_config *config, const struct labhost_job *job,
	struct labhost_end *ret_end, struct err *err);

#endif
