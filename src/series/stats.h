/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Statistics over plain arrays, from GSL.  Fewer values than a figure needs give NAN.
 */
#ifndef LIMITLAB_SERIES_STATS_H
#define LIMITLAB_SERIES_STATS_H

#include <stddef.h>

double stats_mean(const double *values, size_t count);
/* Of the sample (n - 1). */
double stats_standard_deviation(const double *values, size_t count);
/* Half the width of the 95 % confidence interval of the mean: Student's t with count - 1 degrees of freedom. */
double stats_half_interval_95(const double *values, size_t count);
/* fraction 0.99: the 99th percentile, interpolated.  Does not need sorted values. */
double stats_quantile(const double *values, size_t count, double fraction);
double stats_median(const double *values, size_t count);

/*
 * By how much the second sample lies above the first: the Hodges-Lehmann estimate, which is the median of all pairwise
 * differences, and the 95 % interval that goes with it, from the exact distribution of the Mann-Whitney statistic (normal
 * from 400 pairs on).  Assumes nothing about the shape of the noise, and its coverage is at least 95 % also for four
 * against four, where a percentile bootstrap is far too narrow; with fewer there is no such interval: low and high are NAN.
 * Lehmann, Nonparametrics: Statistical Methods Based on Ranks, 2.5.
 */
struct stats_shift {
	double estimate, low, high;
};
void stats_shift_95(const double *first, size_t first_count, const double *second, size_t second_count,
	struct stats_shift *ret_shift);

/*
 * The smallest p that a two-sided permutation test of two groups can give: one over the number of ways to divide the
 * runs, two over it for groups of one size, whose mirror image is just as far apart.  1 when a group is empty.
 */
double stats_smallest_p(size_t first_count, size_t second_count);
/* The smallest size of two equal groups that can reach this p. */
size_t stats_group_size_for_p(double p);
/*
 * The size of two equal groups whose difference is told from a bound that is `distance` away by a 95 % interval, four
 * times out of five (a power of 80 %); 0: more than 1000.
 */
size_t stats_group_size_for_distance(double standard_deviation, double distance);

#endif
