/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Draws a made-up run with the gnuplot of this machine: both files are whole and well-formed, whatever the names are.
 * LIMITLAB_KEEP_FIGURES=DIR keeps them there for eyes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <libxml/parser.h>

#include "config.h"

#include "base/auto.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/fsio.h"
#include "base/spawn.h"
#include "plot/parts.h"
#include "plot/plot.h"
#include "series/table.h"

struct made {
	char run[64];
	struct scenario scenario;
	struct manifest manifest;
	struct tenant_spec tenants[SCENARIO_MAX_TENANTS];
	struct event_spec events[12];
	struct expect_spec expects[8];
	struct model_step steps[4];
	struct model model;
	struct finding findings[8];
	struct judgement judgement;
	bool has_work;
};

static double noise(double width)
{
	double sum = 0;
	for (int i = 0; i < 6; i++)
		sum += (double)random() / (double)RAND_MAX - 0.5;
	return sum * width;
}

static void skip_without_gnuplot(void)
{
	AUTO(free_ptr) char *gnuplot = spawn_find("gnuplot");
	if (gnuplot)
		return;
	if (getenv("LIMITLAB_MUST_WORK"))
		fail_msg("there is no gnuplot");
	print_message("skipped: there is no gnuplot\n");
	skip();
}

/* 80 s; the last tenant has weight 1, 2, 4, 1 for 20 s each. */
static void make(struct made *made, const char *const *names, size_t count)
{
	static const char *const labels[] = {
		"start all", "last shares 2048", "last shares 4096", "reset last shares", "stop all"};
	static const double weights[] = {1, 2, 4, 1};

	srandom(1);
	*made = (struct made){.run = "/tmp/limitlab-test-XXXXXX", .has_work = true};
	assert_non_null(mkdtemp(made->run));
	made->manifest = (struct manifest){.state = RUN_COMPLETE,
		.started_utc = (char *)"2026-11-23T00:05:12Z",
		.host_kernel = (char *)"6.18.5",
		.cgroup_mode = (char *)"v1",
		.acceleration = (char *)"tcg"};
	made->scenario = (struct scenario){.name = (char *)"made-up",
		.title = (char *)"CPU shares move a contended core between tenants",
		.figure = (char *)"cpu-shares",
		.sample_ns = 200 * NS_PER_MS,
		.has_scarce_cpu = true,
		.tenants = made->tenants,
		.tenant_count = count,
		.events = made->events,
		.event_count = ARRAY_SIZE(labels),
		.expects = made->expects,
		.expect_count = 4,
		.duration_ns = 80 * NS_PER_S};
	CPU_SET(0, &made->scenario.scarce_cpus);
	for (size_t i = 0; i < count; i++)
		made->tenants[i] =
			(struct tenant_spec){.name = (char *)names[i], .workload = (char *)"cpu-matrix"};
	for (size_t i = 0; i < ARRAY_SIZE(labels); i++)
		made->events[i] = (struct event_spec){.name = (char *)labels[i], .at_ns = 20 * i * NS_PER_S};
	for (size_t i = 0; i < 4; i++) {
		struct model_step *step = &made->steps[i];
		*step = (struct model_step){.from_s = 20.0 * (double)i, .to_s = 20.0 * (double)(i + 1)};
		double sum = (double)count - 1 + weights[i];
		for (size_t t = 0; t < count; t++) {
			step->share[t] = (t == count - 1 ? weights[i] : 1) / sum;
			step->active[t] = true;
		}
		made->expects[i] = (struct expect_spec){.tenant = (unsigned)count - 1,
			.value = step->share[count - 1],
			.within = 0.02,
			.from_ns = (20 * i + 2) * NS_PER_S,
			.to_ns = 20 * (i + 1) * NS_PER_S};
	}
	made->model = (struct model){.steps = made->steps, .step_count = 4};
	made->judgement = (struct judgement){VERDICT_PASS, made->findings, 4};
}

static void write_series(const struct made *made)
{
	static const char *const columns[] = {"vcpu_pct", "cpu_share_pct", "work_per_s"};
	struct table table;
	struct err err = ERR_INIT;

	table_init(&table, columns, ARRAY_SIZE(columns));
	for (int tick = -10; tick <= 400; tick++) {
		double t_s = tick * 0.2 + 0.0003;
		int step = tick <= 0 ? -1 : (tick - 1) / 100;
		for (size_t i = 0; i < made->scenario.tenant_count; i++) {
			double *cells = table_add_row(&table, t_s, made->tenants[i].name);
			if (tick == 150)
				continue; /* a tick without values */
			double share = step < 0 ? 0 : made->steps[step].share[i];
			cells[0] = cells[1] = step < 0 ? 0 : fmax(0, 100 * share + noise(2.5));
			if (made->has_work && tick > 0 && tick % 5 == (int)i % 5)
				cells[2] = (900 + 300 * (double)i) * share + noise(20);
		}
		(void)table_add_row(&table, t_s, "host");
	}
	AUTO(free_ptr) char *path = rundir_path(made->run, RUNDIR_SERIES);
	if (table_write_csv(&table, path, &err))
		fail_msg("%s", err.text);
	table_release(&table);
}

static int draw(struct made *made, struct err *err)
{
	AUTO(free_ptr) char *plots = xasprintf("%s/plots", LIMITLAB_SOURCE_DIR);
	AUTO(free_ptr) char *scenario = rundir_path(made->run, RUNDIR_SCENARIO);
	const struct plot_input input = {.run = made->run,
		.plots_dir = plots,
		.scenario = &made->scenario,
		.manifest = &made->manifest,
		.model = &made->model,
		.judgement = &made->judgement};
	made->scenario.path = scenario;
	return plot_draw(&input, err);
}

static uint32_t big_endian(const char *data)
{
	const unsigned char *d = (const unsigned char *)data;
	return (uint32_t)d[0] << 24 | (uint32_t)d[1] << 16 | (uint32_t)d[2] << 8 | d[3];
}

static size_t count_of(const char *text, const char *part)
{
	size_t count = 0;
	for (const char *at = text; (at = strstr(at, part)); at += strlen(part))
		count++;
	return count;
}

/* Each tenant is drawn: its colour is there in more places than the legend. */
static void check_lines(const struct made *made)
{
	AUTO(free_ptr) char *svg = rundir_path(made->run, RUNDIR_SVG);
	AUTO(buf) struct buf text = BUF_INIT;
	struct err err = ERR_INIT;
	const char *names[SCENARIO_MAX_TENANTS];
	uint32_t colors[SCENARIO_MAX_TENANTS];

	assert_int_equal(fsio_read_file(svg, 1 << 24, &text, &err), 0);
	for (size_t i = 0; i < made->scenario.tenant_count; i++)
		names[i] = made->tenants[i].name;
	plot_colors(names, made->scenario.tenant_count, colors);
	for (size_t i = 0; i < made->scenario.tenant_count; i++) {
		uint32_t light = plot_mix(colors[i], 0xffffff, 0.62);
		AUTO(free_ptr)
		char *color = xasprintf("rgb(%3u, %3u, %3u)", light >> 16, light >> 8 & 0xff, light & 0xff);
		if (count_of(text.data, color) == 0)
			fail_msg("no line of tenant '%s' (%s)", names[i], color);
	}
}

/* ret_text: all text of the SVG. */
static void check_files(const struct made *made, const char *keep_as, char **ret_text)
{
	AUTO(free_ptr) char *svg = rundir_path(made->run, RUNDIR_SVG);
	AUTO(free_ptr) char *png = rundir_path(made->run, RUNDIR_PNG);
	AUTO(buf) struct buf picture = BUF_INIT;
	struct err err = ERR_INIT;

	xmlDoc *doc = xmlReadFile(svg, NULL, XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_HUGE);
	if (!doc)
		fail_msg("%s is not well-formed", svg);
	assert_string_equal((const char *)xmlDocGetRootElement(doc)->name, "svg");
	xmlChar *text = xmlNodeGetContent(xmlDocGetRootElement(doc));
	*ret_text = xstrdup((const char *)text);
	xmlFree(text);
	xmlFreeDoc(doc);

	if (fsio_read_file(png, 1 << 24, &picture, &err))
		fail_msg("%s", err.text);
	assert_true(picture.length > 10000);
	assert_memory_equal(picture.data, "\x89PNG\r\n\x1a\n", 8);
	assert_int_equal(big_endian(picture.data + 16), 1680);
	assert_in_range(big_endian(picture.data + 20), 800, 1800);
	assert_memory_equal(picture.data + picture.length - 8, "IEND", 4);

	const char *keep = getenv("LIMITLAB_KEEP_FIGURES");
	if (keep) {
		AUTO(free_ptr) char *to = xasprintf("%s/%s.png", keep, keep_as);
		assert_int_equal(fsio_write_atomic(to, picture.data, picture.length, &err), 0);
		AUTO(buf) struct buf vector = BUF_INIT;
		AUTO(free_ptr) char *svg_to = xasprintf("%s/%s.svg", keep, keep_as);
		assert_int_equal(fsio_read_file(svg, 1 << 24, &vector, &err), 0);
		assert_int_equal(fsio_write_atomic(svg_to, vector.data, vector.length, &err), 0);
	}
}

static void drawn_in_time(struct made *made, const char *name, char **ret_text)
{
	struct err err = ERR_INIT;
	uint64_t before = clock_now_ns();

	write_series(made);
	if (draw(made, &err))
		fail_msg("%s", err.text);
	print_message(
		"# %s: drawn in %.0f ms\n", name, (double)(clock_now_ns() - before) / (double)NS_PER_MS);
	check_files(made, name, ret_text);
	check_lines(made);
}

static void done(struct made *made)
{
	struct err err = ERR_INIT;
	assert_int_equal(fsio_remove_tree(made->run, &err), 0);
}

static void ordinary(void **state)
{
	(void)state;
	static const char *const names[] = {"blue", "green", "red"};
	struct made made;
	AUTO(free_ptr) char *text = NULL;

	skip_without_gnuplot();
	make(&made, names, 3);
	drawn_in_time(&made, "ordinary", &text);
	static const char *const seen[] = {"CPU shares move",
		"kernel 6.18.5, cgroup v1, TCG, 3 tenants, 2026-11-23", "red (cpu-matrix)",
		"last shares 4096", "verdict: pass (4 of 4)", "CPU share of core 0 [%]", "time [s]",
		"work in guest", "expected (model)"};
	for (size_t i = 0; i < ARRAY_SIZE(seen); i++) {
		if (!strstr(text, seen[i]))
			fail_msg("the figure does not say '%s'", seen[i]);
	}
	done(&made);
}

static void hostile_names(void **state)
{
	(void)state;
	static const char *const names[] = {
		"'o'neil' <&>", "@b `id` {_^}", "say \"x\"", "gr\xc3\xbcn \xe7\xba\xa2"};
	struct made made;
	AUTO(free_ptr) char *text = NULL;

	skip_without_gnuplot();
	make(&made, names, 4);
	made.scenario.title =
		(char *)"a < b & 'c' \"d\" @e `touch x` {/Symbol f} \\n %s ]]>"; /* the last becomes ]] > */
	made.events[1].name = (char *)"<&>'`@ \"quoted\"";
	drawn_in_time(&made, "hostile", &text);
	/* The red of the last one is not in the font. */
	for (size_t i = 0; i < 3; i++) {
		if (!strstr(text, names[i]))
			fail_msg("the figure does not say '%s'", names[i]);
	}
	assert_non_null(strstr(text, "a < b & 'c' \"d\" @e `touch x` {/Symbol f} \\n %s ]] >"));
	assert_non_null(strstr(text, made.events[1].name));
	assert_non_null(strstr(text, "gr\xc3\xbcn \xef\xbf\xbd"));
	done(&made);
}

static void crowded(void **state)
{
	(void)state;
	static const char *const names[] = {"tenant-1", "tenant-2", "tenant-3", "tenant-4", "tenant-5",
		"tenant-6", "tenant-7", "tenant-8", "tenant-9", "tenant-10", "tenant-11", "tenant-12",
		"tenant-13", "tenant-14", "tenant-15", "a-tenant-with-the-longest-name-x"};
	struct made made;
	AUTO(free_ptr) char *text = NULL;

	skip_without_gnuplot();
	make(&made, names, SCENARIO_MAX_TENANTS);
	made.scenario.event_count = 12;
	for (size_t i = 0; i < 12; i++)
		made.events[i] =
			(struct event_spec){.name = (char *)"a-tenant-with-the-longest-name-x shares 4096",
				.at_ns = (i < 6 ? 4 * i : 7 * i + 3) * NS_PER_S};
	drawn_in_time(&made, "crowded", &text);
	done(&made);
}

static void little_data(void **state)
{
	(void)state;
	static const char *const names[] = {"blue", "green", "red"};
	struct made made;
	AUTO(free_ptr) char *text = NULL;
	AUTO(free_ptr) char *less = NULL;

	skip_without_gnuplot();
	make(&made, names, 3);
	made.has_work = false;
	drawn_in_time(&made, "no-work", &text);
	assert_null(strstr(text, "work in guest"));
	/* No values at all, no model, no events: still a figure. */
	AUTO(free_ptr) char *path = rundir_path(made.run, RUNDIR_SERIES);
	static const char header[] = "\"t_s\",\"tenant\",\"vcpu_pct\",\"cpu_share_pct\",\"work_per_s\"\n";
	struct err err = ERR_INIT;
	assert_int_equal(fsio_write_atomic(path, header, sizeof(header) - 1, &err), 0);
	made.model.step_count = 0;
	made.scenario.event_count = made.scenario.expect_count = 0;
	if (draw(&made, &err))
		fail_msg("%s", err.text);
	check_files(&made, "empty", &less);
	done(&made);
}

/* Where a script says that the axis ends is no reason to cut off what went above. */
static void more_than_there_is(void **state)
{
	(void)state;
	static const char *const names[] = {"blue"};
	struct made made;
	AUTO(free_ptr) char *text = NULL;

	skip_without_gnuplot();
	make(&made, names, 1);
	made.steps[1].share[0] = 1.6;
	drawn_in_time(&made, "above", &text);
	assert_non_null(strstr(text, "150"));
	done(&made);
}

/* A user's own script wins; its mistake is told in gnuplot's words and leaves the figure that was there. */
static void broken_script(void **state)
{
	(void)state;
	static const char *const names[] = {"blue", "green", "red"};
	struct made made;
	struct err err = ERR_INIT;
	AUTO(free_ptr) char *text = NULL;

	skip_without_gnuplot();
	make(&made, names, 3);
	drawn_in_time(&made, "before", &text);
	AUTO(free_ptr) char *script = rundir_path(made.run, "mine.gp");
	/* Fails with the panel drawn: what is there by then must not pass for a figure. */
	static const char wrong[] = "plot [0:1] x\nset label no_such_variable\nset label 'on'\n";
	assert_int_equal(fsio_write_atomic(script, wrong, sizeof(wrong) - 1, &err), 0);
	made.scenario.figure = (char *)"mine";
	assert_int_equal(draw(&made, &err), -1);
	assert_int_equal(err.domain, ERR_RUN);
	if (!strstr(err.text, "no_such_variable"))
		fail_msg("the error does not say why: %s", err.text);
	assert_null(strstr(err.text, "multiplot"));
	assert_true(strlen(err.text) < 250);
	AUTO(free_ptr) char *tmp = rundir_path(made.run, RUNDIR_SVG ".tmp");
	assert_false(fsio_exists(tmp));
	AUTO(free_ptr) char *again = NULL;
	check_files(&made, "after", &again);

	static const char *const figures[] = {"no-such-figure", "../x", ".hidden"};
	for (size_t i = 0; i < ARRAY_SIZE(figures); i++) {
		err_clear(&err);
		made.scenario.figure = (char *)figures[i];
		assert_int_equal(draw(&made, &err), -1);
		assert_int_equal(err.domain, ERR_INPUT);
		assert_non_null(strstr(err.text, figures[i]));
	}
	done(&made);
}

/* A script beside the scenario is found before the run and drawn after it, wherever one calls from. */
static void own_script(void **state)
{
	(void)state;
	static const char *const names[] = {"blue"};
	static const char right[] = "plot [0:1] x\n";
	struct made made;
	struct err err = ERR_INIT;

	skip_without_gnuplot();
	make(&made, names, 1);
	write_series(&made);
	AUTO(free_ptr) char *plots = xasprintf("%s/plots", LIMITLAB_SOURCE_DIR);
	AUTO(free_ptr) char *folder = rundir_path(made.run, "elsewhere");
	AUTO(free_ptr) char *scenario = xasprintf("%s/own.yaml", folder);
	AUTO(free_ptr) char *script = xasprintf("%s/own.gp", folder);
	assert_int_equal(fsio_make_dirs(folder, &err), 0);
	made.scenario.path = scenario;
	made.scenario.figure = (char *)"own";
	assert_int_equal(plot_check(&made.scenario, plots, &err), -1);
	assert_int_equal(err.domain, ERR_INPUT);
	assert_non_null(strstr(err.text, "'own.gp'"));
	assert_int_equal(fsio_write_atomic(script, right, sizeof(right) - 1, &err), 0);
	err_clear(&err);
	assert_int_equal(plot_check(&made.scenario, plots, &err), 0);

	struct plot_input input = {.run = made.run,
		.plots_dir = plots,
		.scenario = &made.scenario,
		.manifest = &made.manifest,
		.model = &made.model,
		.judgement = &made.judgement};
	assert_int_equal(plot_draw(&input, &err), -1);
	err_clear(&err);
	input.scenario_dir = folder;
	if (plot_draw(&input, &err))
		fail_msg("%s", err.text);
	done(&made);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ordinary),
		cmocka_unit_test(hostile_names),
		cmocka_unit_test(crowded),
		cmocka_unit_test(little_data),
		cmocka_unit_test(more_than_there_is),
		cmocka_unit_test(broken_script),
		cmocka_unit_test(own_script),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
