/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "judge/internal.h"

#include <math.h>
#include <stdlib.h>

void counter_load(struct counter *counter, const struct table *table, const char *tenant, const char *column)
{
	counter->count = table_extract(table, table_tenant(table, tenant), table_column(table, column),
		&counter->t_s, &counter->value);
}

void counter_release(struct counter *counter)
{
	free(counter->t_s);
	free(counter->value);
	*counter = (struct counter){0};
}

size_t counter_first(const struct counter *counter, double t_s)
{
	size_t low = 0, high = counter->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (counter->t_s[middle] < t_s)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

double counter_at(const struct counter *counter, double t_s)
{
	size_t next = counter_first(counter, t_s);

	if (!counter->count)
		return (double)NAN;
	if (next == 0)
		return counter->value[0];
	if (next == counter->count)
		return counter->value[counter->count - 1];
	double t0 = counter->t_s[next - 1], t1 = counter->t_s[next];
	double v0 = counter->value[next - 1], v1 = counter->value[next];
	return v0 + (v1 - v0) * (t_s - t0) / (t1 - t0);
}

double counter_growth(const struct counter *counter, double from_s, double to_s)
{
	return counter_at(counter, to_s) - counter_at(counter, from_s);
}

static double distance(const struct counter *counter, double t_s)
{
	size_t next = counter_first(counter, t_s);
	double nearest = HUGE_VAL;

	if (next < counter->count)
		nearest = counter->t_s[next] - t_s;
	if (next > 0)
		nearest = fmin(nearest, t_s - counter->t_s[next - 1]);
	return nearest;
}

bool window_covered(const struct judge_context *context, const struct counter *counter, const char *what,
	double *from_s, double *to_s, struct finding *finding)
{
	double reach = 1.5 * context->interval_s, ends[] = {*from_s, *to_s};

	if (counter->count < 2)
		return finding_set(finding, VERDICT_INCONCLUSIVE, "%zu samples of %s in the whole run",
			counter->count, what);
	for (size_t i = 0; i < 2; i++) {
		double away = distance(counter, ends[i]);
		if (away > reach)
			return finding_set(finding, VERDICT_INCONCLUSIVE,
				"no sample of %s within %.3g s (1.5 sample intervals) of the window's end at %.6g s: the "
				"nearest is %.3g s away",
				what, reach, ends[i], away);
	}
	double from = fmax(*from_s, counter->t_s[0]), to = fmin(*to_s, counter->t_s[counter->count - 1]);
	size_t first = counter_first(counter, from), last = counter_first(counter, to);
	double expected = (to - from) / context->interval_s;
	/* How many samples fall into a window depends on its place by one. */
	double missing = floor(expected) - (double)(last - first);
	if (!(to > from))
		return finding_set(finding, VERDICT_INCONCLUSIVE,
			"the window from %.6g s to %.6g s has no samples of %s", *from_s, *to_s, what);
	if (missing > 1 && missing > 0.05 * expected)
		return finding_set(finding, VERDICT_INCONCLUSIVE,
			"%.0f of %.0f samples of %s (%.1f %%) are missing between %.6g s and %.6g s; 5 %% may be",
			missing, floor(expected), what, 100 * missing / expected, from, to);
	for (size_t i = first; i <= last && !counter->is_level; i++)
		if (i > 0 && counter->value[i] < counter->value[i - 1])
			return finding_set(finding, VERDICT_INCONCLUSIVE,
				"%s fell from %.0f to %.0f at %.6g s; it is a counter", what,
				counter->value[i - 1], counter->value[i], counter->t_s[i]);
	*from_s = from;
	*to_s = to;
	return true;
}

bool metric_covered(const struct judge_context *context, enum measure measure, unsigned tenant,
	double *from_s, double *to_s, struct finding *finding)
{
	const struct metric *metric = &context->metric[measure][tenant];
	double death_s = context->death_s[tenant], alive_from_s = *from_s;

	if (death_s >= *to_s)
		return window_covered(context, &metric->total, metric->what, from_s, to_s, finding);
	return death_s - *from_s <= context->interval_s ||
	       window_covered(context, &metric->total, metric->what, &alive_from_s, &death_s, finding);
}
