/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "plot/plot.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/fsio.h"
#include "base/spawn.h"
#include "plot/figure.h"
#include "plot/parts.h"

#define DRAW_TIMEOUT_MS 60000
#define PLACES          5

static const struct {
	const char *name, *file;
} formats[PLOT_FORMAT_COUNT] = {
	[PLOT_SVG] = {"svg", RUNDIR_SVG},
	[PLOT_PNG] = {"png", RUNDIR_PNG},
	[PLOT_PDF] = {"pdf", RUNDIR_PDF},
};

const char *plot_format_name(enum plot_format format)
{
	return formats[format].name;
}

/* Where a script may lie, the first one first.  NULL: there is no such place.  The caller frees. */
static char *place(const struct plot_input *input, size_t i)
{
	const char *const places[PLACES][2] = {{input->run, ""}, {input->scenario_dir, ""},
		{input->scenario_dir, "/../plots"}, {".", "/plots"}, {input->plots_dir, ""}};

	return places[i][0] ? xasprintf("%s%s", places[i][0], places[i][1]) : NULL;
}

/* As an absolute path: gnuplot works in the run directory. */
static char *find_script(const struct plot_input *input, const char *file, struct err *err)
{
	for (size_t i = 0; i < PLACES; i++) {
		AUTO(free_ptr) char *folder = place(input, i);
		AUTO(free_ptr) char *path = folder ? xasprintf("%s/%s", folder, file) : NULL;
		char *absolute = path ? realpath(path, NULL) : NULL;
		if (absolute)
			return absolute;
	}
	(void)err_input(err, "there is no plot script '%s' beside the scenario, in ./plots or in '%s'", file,
		input->plots_dir ? input->plots_dir : "(no folder)");
	return NULL;
}

static void add_load(struct buf *out, const char *path)
{
	buf_adds(out, "load ");
	plot_quote(out, path);
	buf_adds(out, "\n");
}

static int find_scripts(const struct plot_input *input, char **ret_script, char **ret_common, struct err *err)
{
	const char *figure = input->scenario->figure;

	if (strchr(figure, '/') || *figure == '.')
		return err_input(err, "figure '%s' is not a plain name", figure);
	AUTO(free_ptr) char *file = xasprintf("%s.gp", figure);
	AUTO(free_ptr) char *script = find_script(input, file, err);
	AUTO(free_ptr) char *common = script ? find_script(input, "common.gp", err) : NULL;
	if (!common)
		return -1;
	*ret_script = STEAL(script);
	*ret_common = STEAL(common);
	return 0;
}

int plot_check(const struct scenario *scenario, const char *plots_dir, struct err *err)
{
	AUTO(free_ptr) char *folder = fsio_dirname(scenario->path);
	AUTO(free_ptr) char *script = NULL, *common = NULL;
	const struct plot_input input = {
		.plots_dir = plots_dir, .scenario_dir = folder, .scenario = scenario};

	if (find_scripts(&input, &script, &common, err)) {
		const struct mark *mark = &scenario->figure_mark;
		if (mark->line)
			(void)err_wrap(err, "%s:%u:%u: figure", scenario->path, mark->line, mark->column);
		else
			(void)err_wrap(err, "%s: figure", scenario->path);
		return err_remedy(err, "name a script that is there, as in figure: cpu-shares, or write it");
	}
	return 0;
}

static void add_format(struct buf *out, enum plot_format format, const char *script)
{
	buf_addf(out,
		"ll_format = '%s'\nll_output = '%s.tmp'\n"
		"eval ll_terminal(ll_format, ll_width, 500)\nset output ll_output\n",
		formats[format].name, formats[format].file);
	add_load(out, script);
	buf_adds(out, "unset output\nreset\n");
}

static unsigned wanted(const struct plot_input *input)
{
	return input->formats ? input->formats : PLOT_DEFAULT_FORMATS;
}

static int add_program(const struct plot_input *input, struct buf *out, struct err *err)
{
	AUTO(free_ptr) char *script = NULL, *common = NULL;

	if (find_scripts(input, &script, &common, err))
		return -1;
	AUTO(free_ptr) char *preamble = NULL;
	if (plot_preamble(input, &preamble, err))
		return -1;
	buf_adds(out, preamble);
	buf_adds(out, "set loadpath");
	for (size_t i = 0; i < PLACES; i++) {
		AUTO(free_ptr) char *folder = place(input, i);
		AUTO(free_ptr) char *absolute = folder ? realpath(folder, NULL) : NULL;
		if (!absolute)
			continue;
		buf_adds(out, " ");
		plot_quote(out, absolute);
	}
	buf_adds(out, "\n");
	add_load(out, common);
	/* The script draws once per format. */
	for (int format = 0; format < PLOT_FORMAT_COUNT; format++) {
		if (wanted(input) & 1u << format)
			add_format(out, (enum plot_format)format, script);
	}
	return 0;
}

/* gnuplot's complaint in one line: what is not blank, and neither the echoed command nor the mark under it. */
static char *complaint(const struct buf *output)
{
	AUTO(buf) struct buf text = BUF_INIT;
	char *save = NULL;

	for (char *line = strtok_r(output->data, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		line += strspn(line, " \t");
		if (*line == '\0' || *line == '^' || strncmp(line, "gnuplot>", 8) == 0)
			continue;
		buf_addf(&text, "%s%s", text.length ? "; " : "", line);
		if (text.length > 600)
			break;
	}
	return buf_steal(&text);
}

static int take(const char *run, const char *name, struct err *err)
{
	AUTO(free_ptr) char *to = rundir_path(run, name);
	AUTO(free_ptr) char *from = xasprintf("%s.tmp", to);
	struct stat status;

	if (stat(from, &status) || status.st_size == 0)
		return err_run(err, "gnuplot drew nothing into '%s'", to);
	if (rename(from, to))
		return err_sys(err, errno, "cannot rename '%s' to '%s'", from, to);
	return 0;
}

static int run_gnuplot(const struct plot_input *input, const char *program, struct err *err)
{
	AUTO(free_ptr) char *gnuplot = spawn_find("gnuplot");
	if (!gnuplot) {
		(void)err_host(err, "there is no gnuplot to draw the figure");
		return err_remedy(err, "apt-get install gnuplot-nox fonts-dejavu-core");
	}
	/* -d: no ~/.gnuplot, so that a figure is the same for everybody. */
	/* As a file, not as "-": there it would go on after an error and exit 0. */
	const char *const argv[] = {gnuplot, "-d", "/dev/stdin", NULL};
	const char *const env[] = {"LC_ALL=C.UTF-8", NULL};
	AUTO(buf) struct buf output = BUF_INIT;
	int status = 0;
	const struct spawn_options options = {.input = program,
		.cwd = input->run,
		.env = env,
		.output = &output,
		.timeout_ms = DRAW_TIMEOUT_MS};
	if (spawn_run(argv, &options, &status, err))
		return err_wrap(err, "figure");
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
		AUTO(free_ptr) char *text = output.data ? complaint(&output) : xstrdup("it said nothing");
		return err_run(err, "gnuplot cannot draw the figure of '%s': %s", input->run, text);
	}
	for (int format = 0; format < PLOT_FORMAT_COUNT; format++) {
		if (wanted(input) & 1u << format && take(input->run, formats[format].file, err))
			return -1;
	}
	return 0;
}

int plot_draw(const struct plot_input *input, struct err *err)
{
	AUTO(buf) struct buf program = BUF_INIT;
	AUTO(free_ptr) char *series = rundir_path(input->run, RUNDIR_SERIES);

	if (access(series, R_OK))
		return err_sys(err, errno, "cannot read '%s'", series);
	if (add_program(input, &program, err))
		return -1;
	int result = run_gnuplot(input, program.data, err);
	for (int format = 0; result && format < PLOT_FORMAT_COUNT; format++) {
		AUTO(free_ptr) char *tmp = xasprintf("%s/%s.tmp", input->run, formats[format].file);
		(void)unlink(tmp);
	}
	return result;
}
