/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "series/stats.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <gsl/gsl_cdf.h>
#include <gsl/gsl_sort.h>
#include <gsl/gsl_statistics_double.h>

#include "base/auto.h"
#include "base/buf.h"

double stats_mean(const double *values, size_t count)
{
	return count ? gsl_stats_mean(values, 1, count) : (double)NAN;
}

double stats_standard_deviation(const double *values, size_t count)
{
	return count > 1 ? gsl_stats_sd(values, 1, count) : (double)NAN;
}

double stats_half_interval_95(const double *values, size_t count)
{
	if (count < 2)
		return (double)NAN;
	return gsl_cdf_tdist_Pinv(0.975, (double)(count - 1)) * gsl_stats_sd(values, 1, count) /
	       sqrt((double)count);
}

double stats_quantile(const double *values, size_t count, double fraction)
{
	if (!count)
		return (double)NAN;
	AUTO(free_ptr) double *sorted = xcalloc(count, sizeof(*sorted));
	memcpy(sorted, values, count * sizeof(*sorted));
	gsl_sort(sorted, 1, count);
	return gsl_stats_quantile_from_sorted_data(sorted, 1, count, fraction);
}
