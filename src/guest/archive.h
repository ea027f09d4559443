/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Debian's archive as the host sees it: the host's own mirrors, apt's proxy and network settings, and nothing else of
 * the host's apt (no other repositories, no pins, no hooks).
 */
#ifndef LIMITLAB_GUEST_ARCHIVE_H
#define LIMITLAB_GUEST_ARCHIVE_H

#include <stdbool.h>

#include "base/err.h"

#define ARCHIVE_ARCH         "amd64"
#define ARCHIVE_SUITE        "bookworm" /* where the host is not Debian 12 or later */
#define ARCHIVE_KEYRING      "/usr/share/keyrings/debian-archive-keyring.gpg"
#define ARCHIVE_META_PACKAGE "linux-image-cloud-" ARCHIVE_ARCH

struct archive {
	char *suite;       /* "bookworm" */
	char *dir;         /* work folder of ours */
	char *sources;     /* path of the sources.list */
	char *apt_options; /* path of the options to hand to another apt */
	char *apt_config;  /* path of the private configuration, for APT_CONFIG */
};

/* The host's own suite when it is Debian 12 or later, else ARCHIVE_SUITE.  The caller frees. */
char *archive_suite(void);
/* Writes sources and configuration into `dir`, which must exist; no network. */
int archive_open(const char *dir, struct archive *ret_archive, struct err *err);
void archive_release(struct archive *archive);
/* Fetches the package lists of the private apt. */
int archive_update(struct archive *archive, struct err *err);
/*
 * The newest cloud kernel package for a wish as in struct image_options; NULL: what the suite's meta package depends on.
 * *ret_is_default: it is that one.  After archive_update().
 */
int archive_find_kernel(
	struct archive *archive, const char *wish, char **ret_package, bool *ret_is_default, struct err *err);
/* Lines "PACKAGE VERSION" of every kernel image on offer, other flavours too, in no order; the caller frees.  After archive_update(). */
int archive_kernels(struct archive *archive, char **ret_list, struct err *err);
/* Downloads a package and unpacks its files into `into`; *ret_version is the package's version. */
int archive_unpack(
	struct archive *archive, const char *package, const char *into, char **ret_version, struct err *err);
/* Installs packages (commas between) into the new root `tree`, with mmdebstrap(1); when that fails, what it said is in `log`. */
int archive_install(const struct archive *archive, const char *packages, const char *tree, const char *log,
	struct err *err);

/* Pure parts, for tests. */

/* ID, VERSION_ID and VERSION_CODENAME of an os-release(5) text -> suite.  The caller frees. */
char *archive_suite_of(const char *os_release);
/* Lines "URI RELEASE CODENAME COMPONENT ORIGIN ARCHITECTURE" (tabs) -> sources.list of the suite.  The caller frees. */
char *archive_sources_of(const char *targets, const char *suite);
/* `apt-config dump Acquire` -> the lines about how to reach a mirror.  The caller frees. */
char *archive_options_of(const char *dump);
/* Does the kernel of a package (or a release) satisfy a wish: "6.1", "6.1.0-56", a package's or a release's name? */
bool archive_kernel_matches(const char *package, const char *wish);
/* The newest match among the lines "PACKAGE - description"; NULL: none.  The caller frees. */
char *archive_choose_kernel(const char *list, const char *wish);

/* `apt-cache madison` of kernels -> what archive_kernels() gives: meta packages, debug symbols and unsigned ones left out. */
char *archive_kernels_of(const char *madison);

#endif
