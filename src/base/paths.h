/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where limitlab's own files are.  A program that lies below the build folder finds them in the source tree, so that a
 * fresh build works without installing; every other one uses the folders it was configured with.
 */
#ifndef LIMITLAB_BASE_PATHS_H
#define LIMITLAB_BASE_PATHS_H

#include <stdbool.h>

/* True when /proc/self/exe is below the build folder. */
bool paths_from_build_tree(void);
/* The folder that holds scenarios/, workloads/ and plots/; static. */
const char *paths_data_dir(void);
/* "plots/common.gp" -> its absolute path; it need not exist.  The caller frees. */
char *paths_data(const char *relative);
/* A helper file: "runner", "init", "labhost-init".  The caller frees. */
char *paths_libexec(const char *name);
/* What limitlab keeps between runs: $LIMITLAB_STATE_DIR (absolute), else /var/lib/limitlab. */
const char *paths_state_dir(void);
/* Where guest images are kept: $LIMITLAB_IMAGE_DIR (absolute), else /var/lib/limitlab/image. */
const char *paths_image_dir(void);

#endif
