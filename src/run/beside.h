/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The other run of a figure that shows two.
 */
#ifndef LIMITLAB_RUN_BESIDE_H
#define LIMITLAB_RUN_BESIDE_H

/*
 * The newest complete run of a scenario in the results tree of `run`: RESULTS/SCENARIO/TIME beside RESULTS/x/TIME, or, where
 * each scenario's only run is kept, RESULTS/SCENARIO beside RESULTS/x.  An absolute path, which the caller frees; NULL: none.
 */
char *beside_find(const char *run, const char *scenario);

#endif
