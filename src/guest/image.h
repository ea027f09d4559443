/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The guest image: a root file system (mmdebstrap, squashfs), a kernel of Debian's cloud flavour, and an initrd with
 * busybox, the modules it needs and our init.  One image, read-only, is shared by all tenants; writes go to a tmpfs.
 *
 *	DIR/root.squashfs  DIR/kernel-RELEASE/{vmlinuz,initrd}  DIR/image.json (inputs' hash, versions of every tool)
 *
 * It is rebuilt only when its inputs change: the package list, the init, the runner, the apt sources' suite.
 */
#ifndef LIMITLAB_GUEST_IMAGE_H
#define LIMITLAB_GUEST_IMAGE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct image_package {
	char *name, *version;
};

struct image {
	char *dir;
	char *kernel_path, *initrd_path, *root_path;
	char *kernel_release;  /* "6.1.0-32-cloud-amd64" */
	char *kernel_package;  /* "linux-image-6.1.0-32-cloud-amd64" */
	char *kernel_version;  /* the package's version */
	char *built_utc;
	struct image_package *packages; /* stress-ng, fio, iperf3, qemu-guest-agent, ... */
	size_t package_count;
};

struct image_options {
	const char *dir;     /* where images are kept */
	const char *kernel;  /* "6.1", "6.12", a package name; NULL: the suite's default */
	const char *runner_path; /* the static guest runner (built with limitlab) */
	const char *init_path;	 /* src/guest/init as installed */
	bool force;
	void (*progress)(const char *line, void *context); /* NULL: silent */
	void *context;
};

/* Builds what is missing or out of date; quick when nothing is.  Needs root and the archive. */
int image_build(const struct image_options *options, struct image *ret_image, struct err *err);
/* Opens what is there: ERR_HOST with the remedy "limitlab image build" when there is none, or it is out of date. */
int image_open(const struct image_options *options, struct image *ret_image, struct err *err);
void image_release(struct image *image);

#endif
