/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "plot/compare.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/fsio.h"
#include "base/spawn.h"
#include "plot/figure.h"
#include "plot/parts.h"
#include "series/stats.h"

#define DRAW_TIMEOUT_MS 60000
#define METRICS_MAX     12   /* more of them are not legible; the table has all */
#define LABEL_PX        270  /* room for the names beside the lower panel */
#define CHANGE_MAX      10.0 /* of the axis: a tenfold change; the number beside it says what is beyond */

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

/* Time, lower quartile, median, upper quartile of one tenant in one group; nothing where no run has a value. */
static void add_curve(struct buf *text, const struct plot_compare_input *input, size_t g, size_t tenant)
{
	const struct compare_group *group = &input->groups[input->pair->group_index[g]];
	AUTO(free_ptr) double *values = xcalloc(group->count + 1, sizeof(*values));

	buf_addf(text, "$curve_%zu_%zu << EOD\n", g + 1, tenant + 1);
	for (size_t point = 0; point < COMPARE_CURVE_POINTS; point++) {
		double t_s = 0;
		size_t n = 0;
		for (size_t i = 0; i < group->count; i++) {
			const struct compare_run *run = group->runs[i];
			if (run->excluded || strcmp(run->scenario, input->part->scenario) != 0)
				continue;
			double value = run->curves[tenant * COMPARE_CURVE_POINTS + point];
			t_s = ((double)point + 0.5) * run->duration_s / COMPARE_CURVE_POINTS;
			if (!isnan(value))
				values[n++] = value;
		}
		if (n)
			buf_addf(text, "%.6g %.6g %.6g %.6g\n", t_s, stats_quantile(values, n, 0.25),
				stats_median(values, n), stats_quantile(values, n, 0.75));
	}
	buf_adds(text, "EOD\n");
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
	plot_text(text, "cmp_y_label", run ? run->curve_metric : "");
	buf_addf(text,
		"cmp_duration_s = %.6g\ncmp_tenants = %zu\narray cmp_color[%zu]\narray cmp_tenant[%zu]\n",
		run ? run->duration_s : 1, tenants, tenants + 1, tenants + 1);
	if (tenants)
		plot_colors((const char *const *)run->tenants, tenants, colors);
	for (size_t i = 0; i < tenants; i++) {
		AUTO(free_ptr) char *name = plot_shorten(run->tenants[i], PLOT_FONT_PX, 120);
		buf_addf(text, "cmp_color[%zu] = %u\n", i + 1, (unsigned)colors[i]);
		plot_element(text, "cmp_tenant", i + 1, name);
		for (size_t g = 0; g < 2; g++)
			add_curve(text, input, g, i);
	}
	buf_addf(text, "cmp_label_px = %d\n", LABEL_PX);
	add_rows(text, input);
}

static const char *terminal_of(const char *path)
{
	static const char *const known[][2] = {
		{".svg",
			"set terminal svg size cmp_width,cmp_height font 'DejaVu Sans,14' background rgb 'white' noenhanced rounded"},
		{".png",
			"set terminal pngcairo size 2*cmp_width,2*cmp_height font 'DejaVu Sans,14' fontscale 1.5 linewidth 2 background rgb 'white' noenhanced rounded"},
		/* 96 pixels to the inch, as in SVG. */
		{".pdf",
			"set terminal pdfcairo size cmp_width/96.0,cmp_height/96.0 font 'DejaVu Sans,10.5' background rgb 'white' noenhanced rounded"},
	};
	size_t length = strlen(path);

	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (length > 4 && !strcmp(path + length - 4, known[i][0]))
			return known[i][1];
	return NULL;
}

static char *find_script(const char *plots_dir)
{
	AUTO(free_ptr) char *installed = xasprintf("%s/compare.gp", plots_dir);
	char *script = realpath("plots/compare.gp", NULL);

	return script ? script : realpath(installed, NULL);
}

static int run_gnuplot(const char *program, const char *tmp, const char *path, struct err *err)
{
	AUTO(free_ptr) char *gnuplot = spawn_find("gnuplot");
	struct stat status;

	if (!gnuplot) {
		(void)err_host(err, "there is no gnuplot to draw the figure");
		return err_remedy(err, "apt-get install gnuplot-nox fonts-dejavu-core");
	}
	const char *const argv[] = {gnuplot, "-d", "/dev/stdin", NULL};
	const char *const env[] = {"LC_ALL=C.UTF-8", NULL};
	const struct spawn_options options = {.input = program, .env = env, .timeout_ms = DRAW_TIMEOUT_MS};
	if (spawn_check(argv, &options, err))
		return err_wrap(err, "figure '%s'", path);
	if (stat(tmp, &status) || status.st_size == 0)
		return err_run(err, "gnuplot drew nothing into '%s'", path);
	if (rename(tmp, path))
		return err_sys(err, errno, "cannot rename '%s' to '%s'", tmp, path);
	return 0;
}

int plot_compare_draw(const struct plot_compare_input *input, struct err *err)
{
	AUTO(buf) struct buf program = BUF_INIT;
	AUTO(free_ptr) char *script = find_script(input->plots_dir);
	AUTO(free_ptr) char *tmp = xasprintf("%s.tmp", input->path);
	const char *terminal = terminal_of(input->path);

	if (!terminal)
		return err_input(err, "'%s': a figure ends in .svg, .png or .pdf", input->path);
	if (!script)
		return err_input(
			err, "there is no plot script 'compare.gp' in ./plots or in '%s'", input->plots_dir);
	plot_compare_preamble(input, &program);
	/* The script begins with the sizes, so it is read twice: see there. */
	buf_adds(&program, "cmp_pass = 1\nload ");
	plot_quote(&program, script);
	buf_addf(&program, "\n%s\nset output ", terminal);
	plot_quote_raw(&program, tmp);
	buf_adds(&program, "\ncmp_pass = 2\nload ");
	plot_quote(&program, script);
	buf_adds(&program, "\nunset output\n");
	int result = run_gnuplot(program.data, tmp, input->path, err);
	if (result)
		(void)unlink(tmp);
	return result;
}
