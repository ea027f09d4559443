/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A folder of figures with its page. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <libxml/HTMLparser.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/fsio.h"
#include "cmd/page.h"
#include "plot/plot.h"
#include "run/results.h"

static void figures_and_page(void **state)
{
	(void)state;
	char run[] = "/tmp/limitlab-test-XXXXXX";
	struct err err = ERR_INIT;

	assert_non_null(mkdtemp(run));
	AUTO(free_ptr) char *folder = xasprintf("%s/a/figures", run);
	AUTO(free_ptr) char *svg = rundir_path(run, RUNDIR_SVG);
	AUTO(free_ptr) char *png = rundir_path(run, RUNDIR_PNG);
	assert_int_equal(fsio_write_atomic(svg, "<svg/>", 6, &err), 0);
	assert_int_equal(fsio_write_atomic(png, "png", 3, &err), 0);
	struct scenario scenario = {
		.name = (char *)"net-x", .title = (char *)"<b>\"A\" & B", .about = (char *)"a < b"};
	struct results results = {.run = run,
		.scenario = &scenario,
		.manifest = {.started_utc = (char *)"2026-11-23T00:00:00Z", .host_kernel = (char *)"6.18"},
		.judged = true,
		.judgement = {.verdict = VERDICT_FAIL, .count = 2}};
	AUTO(page) struct page page = {.folder = folder, .formats = PLOT_DEFAULT_FORMATS};
	for (int i = 0; i < 2; i++) {
		if (page_add(&page, &results, &err))
			fail_msg("%s", err.text);
	}
	if (page_write(&page, &err))
		fail_msg("%s", err.text);

	static const char *const files[] = {
		"net-x.svg", "net-x.png", "net-x-2.svg", "net-x-2.png", "index.html"};
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		AUTO(free_ptr) char *path = xasprintf("%s/%s", folder, files[i]);
		assert_true(fsio_exists(path));
	}
	AUTO(free_ptr) char *index = xasprintf("%s/index.html", folder);
	htmlDocPtr html =
		htmlReadFile(index, "utf-8", HTML_PARSE_NONET | HTML_PARSE_NOERROR | HTML_PARSE_NOWARNING);
	assert_non_null(html);
	xmlChar *text = xmlNodeGetContent(xmlDocGetRootElement(html));
	static const char *const words[] = {"<b>\"A\" & B", "a < b", "fail", "6.18"};
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (!strstr((const char *)text, words[i]))
			fail_msg("the page does not say '%s': %s", words[i], (const char *)text);
	}
	xmlFree(text);
	xmlFreeDoc(html);

	/* A format that was not drawn. */
	page.formats = 1u << PLOT_PDF;
	assert_int_equal(page_add(&page, &results, &err), -1);
	assert_non_null(strstr(err.text, "figure.pdf"));
	assert_int_equal(fsio_remove_tree(run, &err), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(figures_and_page)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
