/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a user may call one of several kernels. */
#ifndef LIMITLAB_KERNELS_NAMES_H
#define LIMITLAB_KERNELS_NAMES_H

#include <stddef.h>

#include "base/err.h"

struct kernel_name {
	const char *wish;    /* a word of the list, or a package's name */
	const char *release; /* uname -r */
	const char *version; /* of the package; NULL: of none */
};

/*
 * The one that `word` means: its wish, its package's name or version or its release to the letter, else the beginning of its release up
 * to a '.', '-' or '+'.  ERR_INPUT: none, or several.  option: "--good", for the error.
 */
int kernel_name_find(const struct kernel_name *names, size_t count, const char *option, const char *word,
	size_t *ret_index, struct err *err);

#endif
