/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cmd/commands.h"

#include <stdio.h>
#include <string.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/fsio.h"
#include "cmd/command.h"
#include "cmd/findings.h"
#include "cmd/options.h"
#include "cmd/page.h"
#include "plot/plot.h"
#include "run/results.h"

/* "svg,pdf" -> bits. */
static int parse_formats(const char *list, unsigned *ret_formats, struct err *err)
{
	unsigned formats = 0;

	for (const char *at = list; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL) {
		size_t length = strcspn(at, ",");
		int format = 0;
		while (format < PLOT_FORMAT_COUNT &&
			(strlen(plot_format_name((enum plot_format)format)) != length ||
				memcmp(plot_format_name((enum plot_format)format), at, length) != 0))
			format++;
		if (format == PLOT_FORMAT_COUNT) {
			(void)err_input(
				err, "there is no format '%.*s' of figures in '%s'", (int)length, at, list);
			return err_remedy(err, "--format takes svg, png and pdf, as in --format svg,pdf");
		}
		formats |= 1u << format;
	}
	*ret_formats = formats;
	return 0;
}

static int plot_directory(const char *run, const struct results_figure *figure, const struct options *options,
	struct page *page, struct err *err)
{
	AUTO(results) struct results results = {0};
	const struct results_options finish = {.write = false};

	if (results_load(run, &results, err))
		return -1;
	AUTO(free_ptr) char *series = rundir_path(run, RUNDIR_SERIES);
	if (!fsio_exists(series) && table_write_csv(&results.series, series, err))
		return -1;
	if (results_finish(&results, &finish, err) || results_draw_as(&results, figure, err))
		return -1;
	if (options->into && page_add(page, &results, err))
		return -1;
	for (int format = 0; !options->quiet && format < PLOT_FORMAT_COUNT; format++) {
		if (figure->formats & 1u << format)
			(void)printf("%s/figure.%s\n", run, plot_format_name((enum plot_format)format));
	}
	return 0;
}

int cmd_plot(int argc, char **argv)
{
	struct err err = ERR_INIT;
	struct options options;
	struct results_figure figure = {.formats = PLOT_DEFAULT_FORMATS};
	AUTO(page) struct page page = {0};
	int code = 0;

	if (options_parse(argc, argv, &options, &err))
		return command_fail(&err);
	if (options.format && parse_formats(options.format, &figure.formats, &err))
		return command_fail(&err);
	figure.beside = options.beside;
	page.folder = options.into;
	page.formats = figure.formats;
	for (int i = 0; i < options.arg_count; i++) {
		if (plot_directory(options.args[i], &figure, &options, &page, &err) == 0)
			continue;
		code = err_worse_exit_code(code, command_fail(&err));
		err_clear(&err);
	}
	if (page.count && page_write(&page, &err))
		return err_worse_exit_code(code, command_fail(&err));
	if (page.count && !options.quiet)
		(void)printf("%s/index.html\n", options.into);
	return code;
}
