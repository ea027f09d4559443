/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "plot/compare.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "plot/figure.h"
#include "plot/parts.h"
#include "plot/script.h"

#define METRICS_MAX 12   /* more of them are not legible; the table has all */
#define LABEL_PX    270  /* room for the names beside the lower panel */
#define CHANGE_MAX  10.0 /* of the axis: a tenfold change; the number beside it says what is beyond */

static const struct compare_run *a_run(const struct plot_compare_input *input)
{
	for (size_t g = 0; g < 2; g++) {
		const struct compare_group *group = &input->groups[input->pair->group_index[g]];
		for (size_t i = 0; i < group->count; i++)
			if (!group->runs[i]->excluded &&
				!strcmp(group->runs[i]->scenario, input->part->scenario))
				return group->runs[i];
	}
	return NULL;
}

static bool is_drawn(const struct compare_row *row, size_t *metrics)
{
	if (isnan(row->change))
		return false;
	if (row->about->kind != COMPARE_METRIC)
		return true;
	return row->verdict == COMPARE_CHANGED && (*metrics)++ < METRICS_MAX;
}

static double clamp(double part)
{
	return 100 * fmin(fmax(part, -CHANGE_MAX), CHANGE_MAX);
}

/* Change, interval, the row's floor (all in percent), color; the names and the numbers as texts. */
static void add_rows(struct buf *text, const struct plot_compare_input *input)
{
	static const unsigned colors[] = {
		[COMPARE_SAME] = 0x2e7d32, [COMPARE_CHANGED] = 0xc62828, [COMPARE_UNDECIDED] = 0x8a6d00};
	AUTO(buf) struct buf names = BUF_INIT, rows = BUF_INIT;
	size_t count = 0, metrics = 0;
	double widest = 0;

	for (size_t i = 0; i < input->part->count; i++) {
		const struct compare_row *row = &input->part->rows[i];
		if (!is_drawn(row, &metrics))
			continue;
		count++;
		double low = isnan(row->low) ? row->change : row->low;
		double high = isnan(row->high) ? row->change : row->high;
		/* A row that can only tell large changes does not set the scale. */
		widest = fmax(
			widest, fmax(fabs(clamp(row->change)), fmax(fabs(clamp(low)), fabs(clamp(high)))));
		buf_addf(&rows, "%.6g %.6g %.6g %.6g %u\n", clamp(row->change), clamp(low), clamp(high),
			fmin(100 * row->floor, 1000), colors[row->verdict]);
		AUTO(free_ptr) char *name = plot_shorten(row->about->key, PLOT_LABEL_PX, LABEL_PX - 12);
		AUTO(free_ptr)
		char *words =
			xasprintf("%+.1f %%  %s", 100 * row->change, compare_verdict_name(row->verdict));
		plot_element(&names, "cmp_name", count, name);
		plot_element(&names, "cmp_words", count, words);
	}
	buf_addf(text, "cmp_rows = %zu\narray cmp_name[%zu]\narray cmp_words[%zu]\n", count, count + 1,
		count + 1);
	buf_addf(text, "%s$rows << EOD\n%sEOD\ncmp_widest = %.6g\n", names.data ? names.data : "",
		rows.data ? rows.data : "", widest);
}

void plot_compare_preamble(const struct plot_compare_input *input, struct buf *text)
{
	const struct compare_run *run = a_run(input);
	size_t tenants = run && *run->curve_metric ? run->tenant_count : 0;
	AUTO(free_ptr) uint32_t *colors = xcalloc(tenants + 1, sizeof(*colors));

	plot_text(text, "cmp_title", input->part->scenario);
	for (size_t g = 0; g < 2; g++) {
		AUTO(free_ptr) char *name = plot_shorten(input->pair->group[g], PLOT_FONT_PX, 220);
		AUTO(free_ptr)
		char *words = xasprintf(
			"%s (%zu run%s)", name, input->part->runs[g], input->part->runs[g] == 1 ? "" : "s");
		plot_text(text, g ? "cmp_group_b" : "cmp_group_a", words);
	}
	plot_text(text, "cmp_y_label", run ? plot_axis_label(run->curve_metric) : "");
	buf_addf(text,
		"cmp_duration_s = %.6g\ncmp_tenants = %zu\narray cmp_color[%zu]\narray cmp_tenant[%zu]\n",
		run ? run->duration_s : 1, tenants, tenants + 1, tenants + 1);
	if (tenants)
		plot_colors((const char *const *)run->tenants, tenants, colors);
	for (size_t i = 0; i < tenants; i++) {
		AUTO(free_ptr) char *tenant = plot_shorten(run->tenants[i], PLOT_FONT_PX, 120);
		buf_addf(text, "cmp_color[%zu] = %u\n", i + 1, (unsigned)colors[i]);
		plot_element(text, "cmp_tenant", i + 1, tenant);
		for (size_t g = 0; g < 2; g++) {
			const struct compare_group *group = &input->groups[input->pair->group_index[g]];
			AUTO(free_ptr) char *name = xasprintf("curve_%zu_%zu", g + 1, i + 1);
			plot_add_curve(text, name, group, input->part->scenario, i);
		}
	}
	buf_addf(text, "cmp_label_px = %d\n", LABEL_PX);
	add_rows(text, input);
}

int plot_compare_draw(const struct plot_compare_input *input, struct err *err)
{
	AUTO(buf) struct buf preamble = BUF_INIT;

	plot_compare_preamble(input, &preamble);
	return plot_script_draw("compare.gp", input->plots_dir, preamble.data, input->path, err);
}
