/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "plot/kernels.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "plot/figure.h"
#include "plot/parts.h"
#include "plot/script.h"

#define COLUMNS_MAX 3
#define LABEL_PX    250  /* names of expectations, left of the lower panel */
#define WORDS_PX    250  /* what was measured, right of it */
#define CHANGE_MAX  10.0 /* of the axis: a tenfold change */
#define BETWEEN_PX  26   /* panels */

/* None of them is that of a tenant. */
static const uint32_t place_colors[] = {
	0x6a3fb5, 0x00838f, 0x8a6d00, 0xad1457, 0x37474f, 0x5d8a00, 0xb26a00, 0x808080};

static const struct compare_run *a_run(const struct plot_kernels_input *input, size_t place)
{
	const struct compare_group *group = &input->places[place].group;

	for (size_t i = 0; i < group->count; i++)
		if (!group->runs[i]->excluded && !strcmp(group->runs[i]->scenario, input->scenario))
			return group->runs[i];
	return NULL;
}

static const struct compare_run *any_run(const struct plot_kernels_input *input)
{
	for (size_t p = 0; p < input->place_count; p++)
		if (a_run(input, p))
			return a_run(input, p);
	return NULL;
}

/* The highest point of all curves, so that all panels have one scale. */
static double top_of(const struct plot_kernels_input *input)
{
	double top = 0;

	for (size_t p = 0; p < input->place_count; p++) {
		const struct compare_group *group = &input->places[p].group;
		for (size_t i = 0; i < group->count; i++) {
			const struct compare_run *run = group->runs[i];
			if (run->excluded || strcmp(run->scenario, input->scenario) != 0 ||
				!*run->curve_metric)
				continue;
			for (size_t k = 0; k < run->tenant_count * COMPARE_CURVE_POINTS; k++)
				if (run->curves[k] > top)
					top = run->curves[k];
		}
	}
	return top > 0 ? top * 1.05 : 1;
}

static double clamp(double part)
{
	return 100 * fmin(fmax(part, -CHANGE_MAX), CHANGE_MAX);
}

static void add_rows(struct buf *text, const struct plot_kernels_input *input)
{
	AUTO(buf) struct buf marks = BUF_INIT;
	double widest = 0;

	buf_addf(text, "krn_rows = %zu\narray krn_row[%zu]\narray krn_words[%zu]\n", input->row_count,
		input->row_count + 1, input->row_count + 1);
	for (size_t i = 0; i < input->row_count; i++) {
		const struct plot_kernels_row *row = &input->rows[i];
		AUTO(free_ptr) char *name = plot_shorten(row->name, PLOT_LABEL_PX, LABEL_PX - 20);
		AUTO(free_ptr) char *words = plot_shorten(row->words, PLOT_LABEL_PX, WORDS_PX);
		plot_element(text, "krn_row", i + 1, name);
		plot_element(text, "krn_words", i + 1, words);
		for (size_t p = 0; p < input->place_count; p++) {
			const struct plot_kernels_mark *mark = &row->marks[p];
			if (isnan(mark->change))
				continue;
			double low = isnan(mark->low) ? mark->change : mark->low;
			double high = isnan(mark->high) ? mark->change : mark->high;
			widest = fmax(widest,
				fmax(fabs(clamp(mark->change)), fmax(fabs(clamp(low)), fabs(clamp(high)))));
			buf_addf(&marks, "%zu %zu ", i + 1, p + 1);
			plot_number(&marks, clamp(mark->change));
			buf_adds(&marks, " ");
			plot_number(&marks, clamp(low));
			buf_adds(&marks, " ");
			plot_number(&marks, clamp(high));
			buf_adds(&marks, "\n");
		}
	}
	buf_addf(text,
		"# row, place, change and its interval in percent\n$marks << EOD\n%sEOD\nkrn_widest = %.6g\n",
		marks.data ? marks.data : "", widest);
}

static void add_place(struct buf *text, const struct plot_kernels_input *input, size_t p, size_t tenants)
{
	const struct plot_kernels_place *place = &input->places[p];
	size_t columns = input->place_count < COLUMNS_MAX ? input->place_count : COLUMNS_MAX;
	double width_px =
		(double)(PLOT_WIDTH_PX - PLOT_LEFT_PX - PLOT_MARGIN_PX) / (double)columns - BETWEEN_PX;
	AUTO(free_ptr) char *name = plot_shorten(place->kernel, PLOT_LABEL_PX, width_px);
	AUTO(free_ptr) char *verdict = plot_shorten(place->verdict, PLOT_LABEL_PX, width_px);

	plot_element(text, "krn_place", p + 1, name);
	plot_element(text, "krn_verdict", p + 1, verdict);
	buf_addf(text, "krn_place_color[%zu] = %u\nkrn_drawn[%zu] = %d\n", p + 1,
		(unsigned)place_colors[p % ARRAY_SIZE(place_colors)], p + 1, a_run(input, p) != NULL);
	for (size_t i = 0; a_run(input, p) && i < tenants; i++) {
		AUTO(free_ptr) char *curve = xasprintf("curve_%zu_%zu", p + 1, i + 1);
		plot_add_curve(text, curve, &place->group, input->scenario, i);
	}
}

void plot_kernels_preamble(const struct plot_kernels_input *input, struct buf *text)
{
	const struct compare_run *run = any_run(input);
	size_t tenants = run && *run->curve_metric ? run->tenant_count : 0;
	AUTO(free_ptr) uint32_t *colors = xcalloc(tenants + 1, sizeof(*colors));
	AUTO(free_ptr)
	char *title = plot_shorten(input->title, 17, PLOT_WIDTH_PX - PLOT_LEFT_PX - PLOT_MARGIN_PX);

	plot_text(text, "krn_title", title);
	plot_text(text, "krn_reference", input->places[input->reference].name);
	plot_text(text, "krn_y_label", run ? plot_axis_label(run->curve_metric) : "");
	buf_addf(text,
		"krn_columns = %zu\nkrn_duration_s = %.6g\nkrn_top = %.6g\nkrn_tenants = %zu\narray krn_color[%zu]\narray krn_tenant[%zu]\n",
		input->place_count < COLUMNS_MAX ? input->place_count : (size_t)COLUMNS_MAX,
		run ? run->duration_s : 1, top_of(input), tenants, tenants + 1, tenants + 1);
	if (tenants)
		plot_colors((const char *const *)run->tenants, tenants, colors);
	for (size_t i = 0; i < tenants; i++) {
		AUTO(free_ptr) char *name = plot_shorten(run->tenants[i], PLOT_FONT_PX, 120);
		buf_addf(text, "krn_color[%zu] = %u\n", i + 1, (unsigned)colors[i]);
		plot_element(text, "krn_tenant", i + 1, name);
	}
	buf_addf(text,
		"krn_places = %zu\narray krn_place[%zu]\narray krn_verdict[%zu]\narray krn_place_color[%zu]\narray krn_drawn[%zu]\n",
		input->place_count, input->place_count + 1, input->place_count + 1, input->place_count + 1,
		input->place_count + 1);
	for (size_t p = 0; p < input->place_count; p++)
		add_place(text, input, p, tenants);
	buf_addf(text, "krn_label_px = %d\nkrn_words_px = %d\n", LABEL_PX, WORDS_PX);
	add_rows(text, input);
}

int plot_kernels_draw(const struct plot_kernels_input *input, struct err *err)
{
	AUTO(buf) struct buf preamble = BUF_INIT;

	plot_kernels_preamble(input, &preamble);
	return plot_script_draw("kernels.gp", input->plots_dir, preamble.data, input->path, err);
}
