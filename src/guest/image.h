/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The guest image: a root file system (mmdebstrap, squashfs), a kernel of Debian's cloud flavour, and an initrd with
 * busybox, the modules it needs, our init and the runner.  One image, read-only, is shared by all tenants; writes go to
 * a tmpfs.
 *
 *	DIR/root/{root.squashfs,busybox,manifest.json}
 *	DIR/kernel-RELEASE/{vmlinuz,base.cpio.zst,initrd,manifest.json}	one folder per kernel
 *
 * Each part is rebuilt only when its inputs change.  Root: recipe, package list, suite of the apt sources.  Kernel: the
 * module list, the suite.  initrd = a small archive of init and runner in front of base.cpio.zst, so that a new runner
 * costs milliseconds and no network.  A manifest holds the inputs' hash and the versions of everything inside.
 */
#ifndef LIMITLAB_GUEST_IMAGE_H
#define LIMITLAB_GUEST_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct image_package {
	char *name, *version;
};

struct image {
	char *dir;
	char *kernel_path, *initrd_path, *root_path;
	char *kernel_release; /* "6.1.0-32-cloud-amd64" */
	char *kernel_package; /* "linux-image-6.1.0-32-cloud-amd64" */
	char *kernel_version; /* the package's version */
	char *suite;          /* "bookworm" */
	char *built_utc;      /* the root's build time */
	char *kernel_built_utc;
	uint64_t root_bytes, initrd_bytes;
	struct image_package *packages; /* the load generators and the agent: stress-ng, fio, iperf3, ... */
	size_t package_count;
	struct image_package *build_tools; /* mmdebstrap, mksquashfs, zstd: as they named themselves */
	size_t build_tool_count;
};

struct image_options {
	const char *dir;         /* where images are kept */
	const char *kernel;      /* "6.1", "6.12", a package or release name; NULL: the suite's default */
	const char *runner_path; /* the static guest runner (built with limitlab) */
	const char *init_path;   /* src/guest/init as installed */
	bool force;              /* build all of it anew, with the newest packages */
	void (*progress)(const char *line, void *context); /* NULL: silent */
	void *context;
};

/* Builds what is missing or out of date; quick when nothing is.  Needs root and the archive. */
int image_build(const struct image_options *options, struct image *ret_image, struct err *err);
/*
 * Opens what is there: ERR_HOST with the remedy "limitlab image build" when there is none, or it was made from other inputs
 * of limitlab's (recipe, package list, init, runner).  Of which suite it is does not matter here.
 */
int image_open(const struct image_options *options, struct image *ret_image, struct err *err);
void image_release(struct image *image);
/* Releases of the kernels that are there, oldest first; free with image_free_releases(). */
char **image_releases(const char *dir, size_t *ret_count);
void image_free_releases(char **releases, size_t count);

#endif
