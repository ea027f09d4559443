/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Permutation tests of many rows at once: which rows differ between two groups of runs?
 *
 * A run is permuted as a whole: all its rows move to the other group together.  So the correction for many comparisons
 * can use how the rows hang together (shares add up to 1, so they change together): Westfall and Young's step-down maxT
 * (Resampling-Based Multiple Testing, 1993, algorithm 4.1) compares the largest statistic of all rows in each
 * permutation.  It keeps the probability of a single false alarm in the whole family below the level, as Holm does, but
 * the smallest p that it can give does not grow with the number of rows: with Holm, five against five could not find
 * anything among more than six rows.
 */
#ifndef LIMITLAB_SERIES_PERMUTE_H
#define LIMITLAB_SERIES_PERMUTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The runs of one scenario: they are permuted among themselves. */
struct permute_block {
	const double *values; /* row by row, `runs` values each; NAN: this run has none */
	/*
	 * Per row, > 0, in the row's unit: added to the standard error of the difference, so that a row whose noise is
	 * far below what matters does not stand out for that alone.
	 */
	const double *soft;
	size_t rows, runs;
	size_t first; /* the first so many runs are the first group, the others the second */
	/* Filled, `rows` long; NAN where a group has no value or there are fewer than three in all. */
	double *ret_p, *ret_p_adjusted;
};

struct permute_report {
	bool exact; /* all permutations, not a random choice of them */
	size_t permutations;
};

/*
 * All blocks are one family.  One block with up to PERMUTE_EXACT_MAX permutations is tested exactly; otherwise
 * PERMUTE_RANDOM random ones are drawn (Mersenne twister, seed), each of which divides every block anew.
 */
#define PERMUTE_EXACT_MAX 20000
#define PERMUTE_RANDOM    9999

void permute_test(
	const struct permute_block *blocks, size_t count, uint64_t seed, struct permute_report *ret_report);

#endif
