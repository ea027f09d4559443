/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Shared by the files of this directory alone.  What is pure is here so that it can be tested.
 */
#ifndef LIMITLAB_LABHOST_INTERNAL_H
#define LIMITLAB_LABHOST_INTERNAL_H

#include "labhost/labhost.h"

#include <sys/types.h>

/* ---- wishes (wish.c) ---- */

enum wish_kind { WISH_ARCHIVE, WISH_DEB, WISH_FILES, WISH_FOLDER };

struct wish {
	enum wish_kind kind;
	char *text; /* WISH_ARCHIVE: the wish itself (NULL: the suite's); else the path, of the image for WISH_FILES */
	char *modules; /* WISH_FILES */
};

/* ERR_INPUT: a path that leads nowhere. */
int wish_parse(const char *text, struct wish *ret_wish, struct err *err);
void wish_release(struct wish *wish);
/* Of lines "PACKAGE VERSION" the newest that satisfies the wish (for a short one: of the cloud flavour); NULL: none.  Caller frees. */
char *wish_choose(const char *list, const char *wish);
/* The release in the head of a bzImage (Documentation/arch/x86/boot.rst: kernel_version); NULL: that is none.  The caller frees. */
char *wish_release_of_image(const void *head, size_t length);

/* ---- options of kernels (options.c) ---- */

/*
 * What the configuration lacks, "CONFIG_X, CONFIG_Y (why)": NULL when it lacks nothing; the caller frees.  config NULL: not known;
 * then `modules` (text of modules.dep and modules.builtin) tells what can be a module.
 */
char *options_missing(const char *config, const char *modules, enum labhost_cgroup mode, unsigned needs);

/* ---- what a console says (console.c) ---- */

/* The line that tells why the kernel died, without its time stamp; NULL: it did not.  The caller frees. */
char *console_panic(const char *text);

#endif
