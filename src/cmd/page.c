/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cmd/page.h"

#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/fsio.h"
#include "plot/plot.h"
#include "run/results.h"

#define FIGURE_MAX_BYTES (64u * 1024 * 1024)

static void add_escaped(struct buf *out, const char *text)
{
	for (; text && *text; text++) {
		if (*text == '&')
			buf_adds(out, "&amp;");
		else if (*text == '<')
			buf_adds(out, "&lt;");
		else if (*text == '>')
			buf_adds(out, "&gt;");
		else if (*text == '"')
			buf_adds(out, "&quot;");
		else
			buf_add(out, text, 1);
	}
}

/* "cpu-shares"; "cpu-shares-2" where that is taken. */
static const char *add_name(struct page *page, const char *scenario)
{
	AUTO(free_ptr) char *name = xstrdup(scenario);

	for (unsigned n = 1;; n++) {
		size_t i = 0;
		if (n > 1) {
			free(name);
			name = xasprintf("%s-%u", scenario, n);
		}
		while (i < page->count && strcmp(page->names[i], name) != 0)
			i++;
		if (i == page->count)
			break;
	}
	page->names = xgrow(page->names, page->count, &page->capacity, sizeof(*page->names));
	page->names[page->count] = STEAL(name);
	return page->names[page->count++];
}

static int copy(const char *from, const char *to, struct err *err)
{
	AUTO(buf) struct buf data = BUF_INIT;

	if (fsio_read_file(from, FIGURE_MAX_BYTES, &data, err))
		return -1;
	return fsio_write_atomic(to, data.data, data.length, err);
}

static void add_section(struct page *page, const struct results *results, const char *name)
{
	const struct scenario *scenario = results->scenario;
	const struct manifest *manifest = &results->manifest;
	struct buf *out = &page->body;
	/* The first format that is there and that browsers show. */
	const char *shown = page->formats & 1u << PLOT_SVG   ? "svg"
			    : page->formats & 1u << PLOT_PNG ? "png"
							     : NULL;

	buf_addf(out, "<section id=\"%s\">\n<h2>", name);
	add_escaped(out, scenario->title ? scenario->title : scenario->name);
	buf_adds(out, "</h2>\n");
	if (shown) {
		buf_addf(out, "<img src=\"%s.%s\" alt=\"", name, shown);
		add_escaped(out, scenario->title ? scenario->title : scenario->name);
		buf_adds(out, "\">\n");
	}
	if (scenario->about) {
		buf_adds(out, "<p>");
		add_escaped(out, scenario->about);
		buf_adds(out, "</p>\n");
	}
	buf_adds(out, "<p class=\"small\">");
	if (results->judged && results->judgement.count)
		buf_addf(out, "<span class=\"%s\">%s</span>, ", verdict_name(results->judgement.verdict),
			verdict_name(results->judgement.verdict));
	add_escaped(out, scenario->name);
	buf_adds(out, ", ");
	add_escaped(out, manifest->started_utc);
	buf_adds(out, ", kernel ");
	add_escaped(out, manifest->host_kernel);
	for (int format = 0; format < PLOT_FORMAT_COUNT; format++) {
		const char *suffix = plot_format_name((enum plot_format)format);
		if (page->formats & 1u << format)
			buf_addf(out, ", <a href=\"%s.%s\">%s</a>", name, suffix, suffix);
	}
	buf_adds(out, "</p>\n</section>\n");
}

int page_add(struct page *page, const struct results *results, struct err *err)
{
	if (fsio_make_dirs(page->folder, err))
		return -1;
	const char *name = add_name(page, results->scenario->name);
	for (int format = 0; format < PLOT_FORMAT_COUNT; format++) {
		const char *suffix = plot_format_name((enum plot_format)format);
		AUTO(free_ptr) char *from = xasprintf("%s/figure.%s", results->run, suffix);
		AUTO(free_ptr) char *to = xasprintf("%s/%s.%s", page->folder, name, suffix);
		if (page->formats & 1u << format && copy(from, to, err))
			return -1;
	}
	add_section(page, results, name);
	return 0;
}

int page_write(const struct page *page, struct err *err)
{
	AUTO(buf) struct buf out = BUF_INIT;
	AUTO(free_ptr) char *path = xasprintf("%s/index.html", page->folder);

	buf_adds(&out,
		"<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>limitlab: figures</title>\n"
		"<style>\n"
		"body { font-family: sans-serif; max-width: 1240px; margin: 2em auto; padding: 0 1em; color: #202020; }\n"
		"section { margin-bottom: 3em; }\nimg { max-width: 100%; }\np { max-width: 50em; line-height: 1.4; }\n"
		".small { color: #505050; font-size: 0.9em; }\n"
		".pass { color: #20702f; } .fail { color: #b3201a; } .inconclusive { color: #8a5a00; }\n"
		"</style>\n</head>\n<body>\n<h1>Figures</h1>\n");
	buf_adds(&out, page->body.data ? page->body.data : "");
	buf_adds(&out, "</body>\n</html>\n");
	return fsio_write_atomic(path, out.data, out.length, err);
}

void page_release(struct page *page)
{
	for (size_t i = 0; i < page->count; i++)
		free(page->names[i]);
	free(page->names);
	buf_release(&page->body);
}
