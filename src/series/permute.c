/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "series/permute.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <gsl/gsl_combination.h>
#include <gsl/gsl_randist.h>
#include <gsl/gsl_rng.h>
#include <gsl/gsl_sf_gamma.h>
#include <gsl/gsl_sort.h>

#include "base/auto.h"
#include "base/buf.h"

/* Equal but for rounding is equal: the sums of a mirror image are added up in another order. */
#define NEARLY (1 - 1e-9)

DEFINE_AUTO(rng, gsl_rng *, gsl_rng_free);
DEFINE_AUTO(combination, gsl_combination *, gsl_combination_free);

/* A block, run by run, so that the inner loop walks over neighbours; values are less their row's mean. */
struct block {
	size_t rows, runs, first;
	const double *soft;
	double *value;                 /* 0 where there is none */
	double *present;               /* 1 or 0 */
	double *sum, *squares, *count; /* per row, of all runs */
	double *first_sum, *first_count;
	double *statistic; /* into the family's array */
	size_t *chosen, *all;
};

struct family {
	struct block *blocks;
	size_t count, rows;
	double *observed, *statistic; /* below 0: no test */
	size_t *order;                /* of the observed, ascending */
	size_t *reached, *reached_adjusted;
	size_t permutations;
};

static void block_init(struct block *block, const struct permute_block *from)
{
	size_t rows = from->rows, runs = from->runs;

	*block = (struct block){.rows = rows, .runs = runs, .first = from->first, .soft = from->soft};
	block->value = xcalloc(rows * runs, sizeof(double));
	block->present = xcalloc(rows * runs, sizeof(double));
	block->sum = xcalloc(rows, sizeof(double));
	block->squares = xcalloc(rows, sizeof(double));
	block->count = xcalloc(rows, sizeof(double));
	block->first_sum = xcalloc(rows, sizeof(double));
	block->first_count = xcalloc(rows, sizeof(double));
	block->chosen = xcalloc(runs, sizeof(size_t));
	block->all = xcalloc(runs, sizeof(size_t));
	for (size_t run = 0; run < runs; run++)
		block->all[run] = block->chosen[run] = run;
	for (size_t row = 0; row < rows; row++) {
		double mean = 0;
		for (size_t run = 0; run < runs; run++) {
			double value = from->values[row * runs + run];
			if (isnan(value))
				continue;
			block->count[row]++;
			mean += (value - mean) / block->count[row];
		}
		for (size_t run = 0; run < runs; run++) {
			double value = from->values[row * runs + run];
			if (isnan(value))
				continue;
			block->present[run * rows + row] = 1;
			block->value[run * rows + row] = value - mean;
			block->sum[row] += value - mean;
			block->squares[row] += (value - mean) * (value - mean);
		}
	}
}

static void block_release(struct block *block)
{
	free(block->value);
	free(block->present);
	free(block->sum);
	free(block->squares);
	free(block->count);
	free(block->first_sum);
	free(block->first_count);
	free(block->chosen);
	free(block->all);
}

static void auto_family(struct family *family)
{
	for (size_t i = 0; i < family->count; i++)
		block_release(&family->blocks[i]);
	free(family->blocks);
	free(family->observed);
	free(family->statistic);
	free(family->order);
	free(family->reached);
	free(family->reached_adjusted);
}

/* |difference of the means| / (its standard error + soft), with the first group in block->chosen. */
static void measure(const struct block *block)
{
	size_t rows = block->rows;
	double *sum = block->first_sum, *count = block->first_count;

	memset(sum, 0, rows * sizeof(*sum));
	memset(count, 0, rows * sizeof(*count));
	for (size_t i = 0; i < block->first; i++) {
		const double *value = block->value + block->chosen[i] * rows;
		const double *present = block->present + block->chosen[i] * rows;
		for (size_t row = 0; row < rows; row++) {
			sum[row] += value[row];
			count[row] += present[row];
		}
	}
	for (size_t row = 0; row < rows; row++) {
		double n1 = count[row], n2 = block->count[row] - n1, other = block->sum[row] - sum[row];
		block->statistic[row] = 0;
		if (n1 < 1 || n2 < 1 || n1 + n2 < 3)
			continue;
		double inside = block->squares[row] - sum[row] * sum[row] / n1 - other * other / n2;
		double error = sqrt(fmax(inside, 0) / (n1 + n2 - 2) * (1 / n1 + 1 / n2));
		block->statistic[row] = fabs(sum[row] / n1 - other / n2) / (error + block->soft[row]);
	}
}

static void tally(struct family *family)
{
	double largest = 0;

	family->permutations++;
	for (size_t i = 0; i < family->rows; i++) {
		size_t row = family->order[i];
		if (family->observed[row] < 0)
			continue;
		largest = fmax(largest, family->statistic[row]);
		family->reached[row] += family->statistic[row] >= family->observed[row] * NEARLY;
		family->reached_adjusted[row] += largest >= family->observed[row] * NEARLY;
	}
}

static void family_init(struct family *family, const struct permute_block *blocks, size_t count)
{
	family->blocks = xcalloc(count, sizeof(*family->blocks));
	family->count = count;
	for (size_t i = 0; i < count; i++) {
		block_init(&family->blocks[i], &blocks[i]);
		family->rows += blocks[i].rows;
	}
	family->observed = xcalloc(family->rows, sizeof(*family->observed));
	family->statistic = xcalloc(family->rows, sizeof(*family->statistic));
	family->order = xcalloc(family->rows, sizeof(*family->order));
	family->reached = xcalloc(family->rows, sizeof(*family->reached));
	family->reached_adjusted = xcalloc(family->rows, sizeof(*family->reached_adjusted));
	double *statistic = family->statistic;
	for (size_t i = 0; i < count; i++) {
		struct block *block = &family->blocks[i];
		block->statistic = statistic;
		statistic += block->rows;
		measure(block);
		for (size_t row = 0; row < block->rows; row++) {
			double n1 = block->first_count[row], n2 = block->count[row] - n1;
			if (n1 < 1 || n2 < 1 || n1 + n2 < 3)
				block->statistic[row] = -1;
		}
	}
	memcpy(family->observed, family->statistic, family->rows * sizeof(*family->observed));
	if (family->rows)
		gsl_sort_index(family->order, family->observed, 1, family->rows);
}

static void all_permutations(struct family *family)
{
	struct block *block = &family->blocks[0];

	/* gsl_combination_calloc(3gsl) aborts the program when there is nothing to choose from. */
	if (!block->runs) {
		tally(family);
		return;
	}
	AUTO(combination) gsl_combination *choice = gsl_combination_calloc(block->runs, block->first);
	do {
		for (size_t i = 0; i < block->first; i++)
			block->chosen[i] = gsl_combination_get(choice, i);
		measure(block);
		tally(family);
	} while (gsl_combination_next(choice) == GSL_SUCCESS);
}

static void random_permutations(struct family *family, uint64_t seed)
{
	AUTO(rng) gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);

	gsl_rng_set(rng, (unsigned long)seed);
	/* What was observed is one of them: Phipson and Smyth, "Permutation p-values should never be zero" (2010). */
	memcpy(family->statistic, family->observed, family->rows * sizeof(*family->statistic));
	tally(family);
	for (size_t done = 0; done < PERMUTE_RANDOM; done++) {
		for (size_t i = 0; i < family->count; i++) {
			struct block *block = &family->blocks[i];
			if (block->first)
				(void)gsl_ran_choose(rng, block->chosen, block->first, block->all,
					block->runs, sizeof(*block->all));
			measure(block);
		}
		tally(family);
	}
}

static void give(struct family *family, const struct permute_block *blocks)
{
	double all = (double)family->permutations, before = 0;
	AUTO(free_ptr) double *adjusted = xcalloc(family->rows, sizeof(*adjusted));

	/* From the clearest row down, none may be clearer than the one before. */
	for (size_t i = family->rows; i-- > 0;) {
		size_t row = family->order[i];
		before = fmax(before, (double)family->reached_adjusted[row] / all);
		adjusted[row] = before;
	}
	for (size_t i = 0, row = 0; i < family->count; i++) {
		for (size_t j = 0; j < blocks[i].rows; j++, row++) {
			bool tested = family->observed[row] >= 0;
			blocks[i].ret_p[j] = tested ? (double)family->reached[row] / all : (double)NAN;
			blocks[i].ret_p_adjusted[j] = tested ? adjusted[row] : (double)NAN;
		}
	}
}

void permute_test(
	const struct permute_block *blocks, size_t count, uint64_t seed, struct permute_report *ret_report)
{
	AUTO(family) struct family family = {0};
	double ways = count == 1 ? exp(gsl_sf_lnchoose((unsigned)blocks[0].runs, (unsigned)blocks[0].first))
				 : INFINITY;

	family_init(&family, blocks, count);
	ret_report->exact = ways <= PERMUTE_EXACT_MAX + 0.5;
	if (ret_report->exact)
		all_permutations(&family);
	else
		random_permutations(&family, seed);
	ret_report->permutations = family.permutations;
	give(&family, blocks);
}
