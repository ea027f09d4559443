/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "judge/model.h"

#include <math.h>
#include <stdlib.h>

#include "base/auto.h"
#include "base/buf.h"

void model_max_min(double capacity, const struct model_claim *claims, size_t count, double *ret_share)
{
	AUTO(free_ptr) bool *done = xcalloc(count, sizeof(*done));
	double left = capacity;
	bool changed = true;

	/* Whoever wants less than its part at the present level gets what it wants, which raises the level for the rest. */
	while (changed) {
		double weights = 0;
		changed = false;
		for (size_t i = 0; i < count; i++)
			if (!done[i])
				weights += claims[i].weight;
		double level = weights > 0 && left > 0 ? left / weights : 0;
		for (size_t i = 0; i < count; i++) {
			double wanted = fmin(claims[i].demand, claims[i].cap);
			if (done[i])
				continue;
			if (wanted > level * claims[i].weight) {
				ret_share[i] = level * claims[i].weight;
				continue;
			}
			ret_share[i] = wanted;
			done[i] = true;
			changed = true;
		}
		left = capacity;
		for (size_t i = 0; i < count; i++)
			if (done[i])
				left -= ret_share[i];
	}
}

void model_release(struct model *model)
{
	free(model->steps);
	*model = (struct model){0};
}

double model_mean(const struct model *model, unsigned tenant, double from_s, double to_s)
{
	double sum = 0, time = 0;

	for (size_t i = 0; i < model->step_count; i++) {
		const struct model_step *step = &model->steps[i];
		double overlap = fmin(to_s, step->to_s) - fmax(from_s, step->from_s);
		if (overlap <= 0)
			continue;
		sum += overlap * step->share[tenant];
		time += overlap;
	}
	return time > 0 ? sum / time : (double)NAN;
}
