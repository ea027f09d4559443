/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "series/stats.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <gsl/gsl_cdf.h>
#include <gsl/gsl_sf_gamma.h>
#include <gsl/gsl_sort.h>
#include <gsl/gsl_statistics_double.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/err.h"

#define GROUP_SIZE_MAX 1000

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

double stats_median(const double *values, size_t count)
{
	return stats_quantile(values, count, 0.5);
}

/*
 * How many ways the two samples can be ranked so that the Mann-Whitney statistic is 0, 1, ..., limit: the lowest
 * coefficients of the Gaussian binomial, the product of (1 - q^(n + i)) / (1 - q^i) for i = 1..m.
 */
static void count_rankings(size_t m, size_t n, double *ways, size_t limit)
{
	memset(ways, 0, (limit + 1) * sizeof(*ways));
	ways[0] = 1;
	for (size_t i = 1; i <= m; i++) {
		for (size_t u = limit; u >= n + i && u <= limit; u--)
			ways[u] -= ways[u - n - i];
		for (size_t u = i; u <= limit; u++)
			ways[u] += ways[u - i];
	}
}

/* How many of the ordered differences lie outside of the interval at each end; -1: there is no 95 % interval. */
static ptrdiff_t outside(size_t m, size_t n)
{
	size_t pairs = m * n;

	if (pairs >= 400) {
		double deviation = sqrt((double)pairs * (double)(m + n + 1) / 12);
		return (ptrdiff_t)floor((double)pairs / 2 + gsl_cdf_ugaussian_Pinv(0.025) * deviation);
	}
	AUTO(free_ptr) double *ways = xcalloc(pairs + 1, sizeof(*ways));
	double all = gsl_sf_choose((unsigned)(m + n), (unsigned)m), sum = 0;
	count_rankings(m, n, ways, pairs);
	for (size_t u = 0; u <= pairs; u++) {
		sum += ways[u];
		if (sum > 0.025 * all)
			return (ptrdiff_t)u - 1;
	}
	BUG("the rankings of %zu and %zu values do not add up", m, n);
}

void stats_shift_95(const double *first, size_t first_count, const double *second, size_t second_count,
	struct stats_shift *ret_shift)
{
	size_t pairs = first_count * second_count;

	*ret_shift = (struct stats_shift){(double)NAN, (double)NAN, (double)NAN};
	if (!pairs)
		return;
	AUTO(free_ptr) double *differences = xcalloc(pairs, sizeof(*differences));
	for (size_t i = 0; i < first_count; i++)
		for (size_t j = 0; j < second_count; j++)
			differences[i * second_count + j] = second[j] - first[i];
	gsl_sort(differences, 1, pairs);
	ret_shift->estimate = gsl_stats_median_from_sorted_data(differences, 1, pairs);
	ptrdiff_t cut = outside(first_count, second_count);
	if (cut < 0)
		return;
	ret_shift->low = differences[cut];
	ret_shift->high = differences[pairs - 1 - (size_t)cut];
}

double stats_smallest_p(size_t first_count, size_t second_count)
{
	if (!first_count || !second_count)
		return 1;
	double mirror = first_count == second_count ? 2 : 1;
	double ways = gsl_sf_lnchoose((unsigned)(first_count + second_count), (unsigned)first_count);
	return fmin(1, mirror * exp(-ways));
}

size_t stats_group_size_for_p(double p)
{
	size_t size = 1;

	while (size < GROUP_SIZE_MAX && stats_smallest_p(size, size) > p)
		size++;
	return size;
}

size_t stats_group_size_for_distance(double standard_deviation, double distance)
{
	for (size_t size = 2; size <= GROUP_SIZE_MAX; size++) {
		double freedom = 2 * (double)size - 2;
		double t = gsl_cdf_tdist_Pinv(0.975, freedom) + gsl_cdf_tdist_Pinv(0.8, freedom);
		if (t * standard_deviation * sqrt(2 / (double)size) <= distance)
			return size;
	}
	return 0;
}
