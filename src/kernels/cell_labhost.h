/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Cells that are lab hosts (labhost/labhost.h). */
#ifndef LIMITLAB_KERNELS_CELL_LABHOST_H
#define LIMITLAB_KERNELS_CELL_LABHOST_H

#include "kernels/cell.h"

struct cell_labhost_options {
	/* Lines of long preparations; NULL: silent. */
	void (*progress)(const char *line, void *context);
	void *context;
};

/* The context of these operations is a struct cell_labhost_options. */
extern const struct cell_ops cell_labhost;

#endif
