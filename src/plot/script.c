/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "plot/script.h"

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

/* Time, lower quartile, median, upper quartile of one tenant in one group; nothing where no run has a value. */
void plot_add_curve(struct buf *text, const char *name, const struct compare_group *group,
	const char *scenario, size_t tenant)
{
	AUTO(free_ptr) double *values = xcalloc(group->count + 1, sizeof(*values));

	buf_addf(text, "$%s << EOD\n", name);
	for (size_t point = 0; point < COMPARE_CURVE_POINTS; point++) {
		double t_s = 0;
		size_t n = 0;
		for (size_t i = 0; i < group->count; i++) {
			const struct compare_run *run = group->runs[i];
			if (run->excluded || strcmp(run->scenario, scenario) != 0)
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

static char *find_script(const char *name, const char *plots_dir)
{
	AUTO(free_ptr) char *installed = xasprintf("%s/%s", plots_dir, name);
	AUTO(free_ptr) char *own = xasprintf("plots/%s", name);
	char *script = realpath(own, NULL);

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

int plot_script_draw(
	const char *name, const char *plots_dir, const char *preamble, const char *path, struct err *err)
{
	AUTO(buf) struct buf program = BUF_INIT;
	AUTO(free_ptr) char *script = find_script(name, plots_dir);
	AUTO(free_ptr) char *tmp = xasprintf("%s.tmp", path);
	const char *terminal = terminal_of(path);

	if (!terminal)
		return err_input(err, "'%s': a figure ends in .svg, .png or .pdf", path);
	if (!script)
		return err_input(err, "there is no plot script '%s' in ./plots or in '%s'", name, plots_dir);
	buf_adds(&program, preamble);
	/* The script begins with the sizes, so it is read twice: see there. */
	buf_adds(&program, "cmp_pass = 1\nload ");
	plot_quote(&program, script);
	buf_addf(&program, "\n%s\nset output ", terminal);
	plot_quote_raw(&program, tmp);
	buf_adds(&program, "\ncmp_pass = 2\nload ");
	plot_quote(&program, script);
	buf_adds(&program, "\nunset output\n");
	int result = run_gnuplot(program.data, tmp, path, err);
	if (result)
		(void)unlink(tmp);
	return result;
}
