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

#endif
