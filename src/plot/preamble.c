/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "plot/plot.h"

#include <ctype.h>
#include <math.h>
#include <string.h>

#include "base/auto.h"
#include "base/cpulist.h"
#include "plot/figure.h"
#include "plot/parts.h"

#define TITLE_PX       19.0
#define SUBTITLE_PX    13.0
#define LEAST_PX       14.0 /* of a title */
#define VERDICT_GAP_PX 16.0

static int set_up(const struct plot_input *input, struct plot_figure *figure, struct err *err)
{
	const struct plot_input *inputs[PLOT_MAX_SIDES] = {input, input->beside};
	unsigned line = 0;

	figure->side_count = input->beside ? 2 : 1;
	if (input->beside && input->is_second) {
		inputs[0] = input->beside;
		inputs[1] = input;
	}
	figure->resource = plot_resource(input->scenario);
	if (input->beside && plot_resource(input->beside->scenario) != figure->resource)
		return err_input(err, "'%s' is about the %s and '%s' about the %s: they share no figure",
			input->scenario->name, resource_name(figure->resource), input->beside->scenario->name,
			resource_name(plot_resource(input->beside->scenario)));
	figure->width_px = input->beside ? PLOT_WIDE_PX : PLOT_WIDTH_PX;
	for (size_t s = 0; s < figure->side_count; s++) {
		const struct scenario *scenario = inputs[s]->scenario;
		double duration_s = plot_seconds(scenario->duration_ns);
		if (duration_s <= 0 || scenario->tenant_count == 0 ||
			scenario->tenant_count > SCENARIO_MAX_TENANTS)
			return err_input(err, "scenario '%s' has nothing to draw: %zu tenants, %g s",
				scenario->name, scenario->tenant_count, duration_s);
		double width = (figure->width_px - PLOT_LEFT_PX - PLOT_MARGIN_PX + PLOT_BETWEEN_PX) /
			       (double)figure->side_count;
		double left = PLOT_LEFT_PX + (double)s * width;
		figure->sides[s] = (struct plot_side){.input = inputs[s],
			.scenario = scenario,
			.left_px = left,
			.right_px = left + width - PLOT_BETWEEN_PX,
			.first = line + 1,
			.last = line + (unsigned)scenario->tenant_count,
			.capacity = plot_capacity(scenario, figure->resource)};
		line = figure->sides[s].last;
		figure->end_s = fmax(figure->end_s, duration_s);
	}
	return 0;
}

static char *upper(const char *text)
{
	char *copy = xstrdup(text ? text : "");
	for (char *c = copy; *c; c++)
		*c = (char)toupper((unsigned char)*c);
	return copy;
}

/* Without cgroup mode and number of tenants where two of them share the width. */
static char *subtitle(const struct plot_input *input, bool is_short, double width_px)
{
	const struct manifest *manifest = input->manifest;
	AUTO(free_ptr) char *acceleration = upper(manifest->acceleration);
	AUTO(buf) struct buf out = BUF_INIT;

	buf_addf(&out, "kernel %s, ", manifest->host_kernel ? manifest->host_kernel : "?");
	if (!is_short)
		buf_addf(&out, "cgroup %s, ", manifest->cgroup_mode ? manifest->cgroup_mode : "?");
	buf_addf(&out, "%s, ", acceleration);
	if (!is_short)
		buf_addf(&out, "%zu tenant%s, ", input->scenario->tenant_count,
			input->scenario->tenant_count == 1 ? "" : "s");
	buf_addf(&out, "%.10s", manifest->started_utc ? manifest->started_utc : "?");
	if (manifest->state != RUN_COMPLETE)
		buf_addf(&out, ", run %s", run_state_name(manifest->state));
	return plot_shorten(out.data, SUBTITLE_PX, width_px);
}

static char *verdict_text(const struct judgement *judgement)
{
	size_t passed = 0, applicable = 0;

	if (!judgement)
		return xstrdup("");
	if (!judgement->count)
		return xstrdup("nothing to judge");
	for (size_t i = 0; i < judgement->count; i++) {
		passed += judgement->findings[i].verdict == VERDICT_PASS;
		applicable += judgement->findings[i].verdict != VERDICT_NOT_APPLICABLE;
	}
	return xasprintf("verdict: %s (%zu of %zu)", verdict_name(judgement->verdict), passed, applicable);
}

static const char *title_of(const struct scenario *scenario)
{
	return scenario->title && *scenario->title ? scenario->title : scenario->name;
}

static double verdict_width(const struct plot_side *side)
{
	AUTO(free_ptr) char *verdict = verdict_text(side->input->judgement);
	return *verdict ? plot_text_px(verdict, PLOT_FONT_PX) + VERDICT_GAP_PX : 0;
}

/* The title shares its line with the verdict where there is room; else the verdict stands below, beside the subtitle. */
static bool is_verdict_below(const struct plot_figure *figure)
{
	const struct plot_side *side = &figure->sides[0];
	return figure->side_count > 1 || plot_text_px(title_of(side->scenario), LEAST_PX) >
						 side->right_px - side->left_px - verdict_width(side);
}

static double title_width(const struct plot_figure *figure, const struct plot_side *side)
{
	return side->right_px - side->left_px - (is_verdict_below(figure) ? 0 : verdict_width(side));
}

/* Smaller letters first, on all sides alike, then fewer. */
static double title_font(const struct plot_figure *figure)
{
	double font_px = TITLE_PX;

	for (size_t s = 0; s < figure->side_count; s++) {
		const struct plot_side *side = &figure->sides[s];
		while (font_px > LEAST_PX &&
			plot_text_px(title_of(side->scenario), font_px) > title_width(figure, side))
			font_px -= 0.5;
	}
	return font_px;
}

static void add_head(struct buf *out, const struct plot_figure *figure, size_t s)
{
	static const uint32_t colors[] = {
		[VERDICT_PASS] = 0x20702f, [VERDICT_FAIL] = 0xb3201a, [VERDICT_INCONCLUSIVE] = 0x8a5a00};
	const struct plot_side *side = &figure->sides[s];
	const struct judgement *judgement = side->input->judgement;
	AUTO(free_ptr) char *verdict = verdict_text(judgement);
	double width_px = side->right_px - side->left_px, font_px = title_font(figure);
	AUTO(free_ptr)
	char *text = plot_shorten(title_of(side->scenario), font_px, title_width(figure, side));
	AUTO(free_ptr)
	char *under = subtitle(side->input, figure->side_count > 1,
		width_px - (is_verdict_below(figure) ? verdict_width(side) : 0));
	buf_addf(out, "ll_left_px[%zu] = %.0f; ll_right_px[%zu] = %.0f; ll_title_px[%zu] = %.1f\n", s + 1,
		side->left_px, s + 1, side->right_px, s + 1, font_px);
	plot_element(out, "ll_title", s + 1, text);
	plot_element(out, "ll_subtitle", s + 1, under);
	plot_element(out, "ll_verdict", s + 1, verdict);
	buf_addf(out, "ll_verdict_color[%zu] = 0x%06x\n", s + 1,
		judgement && judgement->count ? colors[judgement->verdict] : 0x505050);
}

static void add_sides(struct buf *out, const struct plot_figure *figure, const struct plot_input *own)
{
	static const char *const arrays[] = {"ll_left_px", "ll_right_px", "ll_title", "ll_title_px",
		"ll_subtitle", "ll_verdict", "ll_verdict_color", "ll_series", "ll_first", "ll_last",
		"ll_sample_s", "ll_side_capacity"};

	buf_addf(out, "# the sides: one run each\nll_sides = %zu\nll_is_verdict_below = %d\n",
		figure->side_count, is_verdict_below(figure));
	for (size_t a = 0; a < ARRAY_SIZE(arrays); a++)
		buf_addf(out, "array %s[%zu]\n", arrays[a], figure->side_count);
	for (size_t s = 0; s < figure->side_count; s++) {
		const struct plot_side *side = &figure->sides[s];
		add_head(out, figure, s);
		/* gnuplot works in the directory of the run that is drawn. */
		AUTO(free_ptr)
		char *series = side->input == own ? xstrdup(RUNDIR_SERIES)
						  : rundir_path(side->input->run, RUNDIR_SERIES);
		plot_element(out, "ll_series", s + 1, series);
		/* A sample speaks of the interval that ends with it. */
		buf_addf(out, "ll_first[%zu] = %u; ll_last[%zu] = %u; ll_sample_s[%zu] = ", s + 1,
			side->first, s + 1, side->last, s + 1);
		plot_number(out, plot_seconds(side->scenario->sample_ns));
		buf_addf(out, "; ll_side_capacity[%zu] = ", s + 1);
		plot_number(out, side->capacity);
		buf_adds(out, "\n");
	}
}

static void add_resource(struct buf *out, const struct plot_figure *figure)
{
	const struct scenario *scenario = figure->sides[0].scenario;
	double capacity = 0;

	for (size_t s = 0; s < figure->side_count; s++)
		capacity = fmax(capacity, figure->sides[s].capacity);
	plot_text(out, "ll_resource", resource_name(figure->resource));
	plot_text(out, "ll_main_column", plot_main_column(figure, &figure->sides[0]));
	buf_adds(out,
		"# what the tenants share, in the unit of the main column; 0: none is declared\nll_capacity = ");
	plot_number(out, capacity);
	buf_adds(out, "\n");
	if (!scenario->has_scarce_cpu) {
		plot_text(out, "ll_cpu_column", "vcpu_pct");
		plot_text(out, "ll_cpu_label", "CPU time [% of one core]");
		return;
	}
	AUTO(free_ptr) char *cpus = cpulist_format(&scenario->scarce_cpus);
	AUTO(free_ptr)
	char *label = xasprintf(
		"CPU share of core%s %s [%%]", CPU_COUNT(&scenario->scarce_cpus) == 1 ? "" : "s", cpus);
	AUTO(free_ptr) char *text = plot_shorten(label, PLOT_FONT_PX + 1, 300);
	plot_text(out, "ll_cpu_column", "cpu_share_pct");
	plot_text(out, "ll_cpu_label", text);
}

static void add_soft_limits(struct buf *out)
{
	buf_adds(out, "ll_soft_limits = '");
	for (int i = 0; i < LIMIT_COUNT; i++)
		if (limit_spec((enum limit_id)i)->soft)
			buf_addf(out, " %s", limit_spec((enum limit_id)i)->name);
	buf_adds(out, " '\n");
}

int plot_preamble(const struct plot_input *input, char **ret_text, struct err *err)
{
	AUTO(buf) struct buf out = BUF_INIT;
	struct plot_figure figure = {0};

	if (set_up(input, &figure, err))
		return -1;
	buf_addf(&out, "# Made by limitlab: what plots/*.gp draw besides series.csv.\nll_width = %.0f\n",
		figure.width_px);
	plot_text(&out, "ll_note", input->note ? input->note : "");
	buf_adds(&out, "ll_end_s = ");
	plot_number(&out, figure.end_s);
	buf_adds(&out, "\n");
	add_resource(&out, &figure);
	add_sides(&out, &figure, input);
	if (plot_add_lines(&out, &figure, err))
		return -1;
	bool has_expected = plot_add_expected(&out, &figure);
	add_soft_limits(&out);
	plot_add_limits(&out, &figure);
	plot_add_spans(&out, &figure);
	plot_add_legend(&out, &figure, has_expected);
	plot_add_events(&out, &figure);
	plot_add_callouts(&out, &figure);
	plot_add_points(&out, &figure);
	*ret_text = buf_steal(&out);
	return 0;
}
