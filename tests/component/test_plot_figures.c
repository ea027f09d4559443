/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Every shipped figure of the link, memory and disk, drawn from made-up runs: what it says, and that missing columns, missing
 * values and a second side do it no harm.  LIMITLAB_KEEP_FIGURES=DIR keeps them there for eyes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <libxml/parser.h>

#include "config.h"

#include "base/auto.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/fsio.h"
#include "base/spawn.h"
#include "plot/plot.h"
#include "series/table.h"

#define MIB  (1024.0 * 1024.0)
#define MBIT 1000000

/* Red changes at 20 s and is as before from 40 s on; 60 s in all. */
static double value_of(const char *column, unsigned t, double t_s)
{
	bool changed = t_s >= 20 && t_s < 40;
	static const struct {
		const char *name;
		double before, red, others;
	} columns[] = {{"net_class_mbit_per_s", 100, 280, 10}, {"net_backlog_bytes", 600000, 150000, 600000},
		{"retransmits_per_s", 3, 40, 5}, {"disk_read_mib_per_s", 15, 34, 7},
		{"disk_write_mib_per_s", 1, 2, 0}, {"disk_p99_ms", 90, 40, 210}, {"mem_mib", 1040, 0, 1040},
		{"mem_swap_mib", 0, 700, 0}};

	if (strcmp(column, "mem_mib") == 0 && changed && t == 2)
		return 320 + 720 * exp(-(t_s - 20) / 3.5);
	for (size_t i = 0; i < ARRAY_SIZE(columns); i++) {
		if (strcmp(columns[i].name, column) == 0)
			return !changed ? columns[i].before : t == 2 ? columns[i].red : columns[i].others;
	}
	fail_msg("no such column: %s", column);
	return 0;
}

struct made {
	char run[64];
	struct scenario scenario;
	struct manifest manifest;
	struct event_log events;
	struct event_record records[8];
	struct tenant_spec tenants[3];
	struct event_spec specs[5];
	struct expect_spec expects[3];
	struct model_step steps[3];
	struct model model;
	struct finding findings[3];
	struct judgement judgement;
	struct table series;
};

static void make(struct made *made, const char *const *columns, size_t column_count)
{
	static const char *const names[] = {"blue", "green", "red"};

	*made = (struct made){.run = "/tmp/limitlab-test-XXXXXX"};
	assert_non_null(mkdtemp(made->run));
	made->manifest = (struct manifest){.state = RUN_COMPLETE,
		.started_utc = (char *)"2026-11-23T00:05:12Z",
		.host_kernel = (char *)"6.18.5",
		.cgroup_mode = (char *)"v1",
		.acceleration = (char *)"tcg"};
	made->scenario = (struct scenario){.name = (char *)"made-up",
		.title = (char *)"A made-up run",
		.sample_ns = 200 * NS_PER_MS,
		.tenants = made->tenants,
		.tenant_count = 3,
		.events = made->specs,
		.event_count = 4,
		.expects = made->expects,
		.duration_ns = 60 * NS_PER_S};
	for (size_t i = 0; i < 3; i++)
		made->tenants[i] = (struct tenant_spec){.name = (char *)names[i], .workload = (char *)"work"};
	for (size_t i = 0; i < 4; i++)
		made->specs[i] = (struct event_spec){.kind = i == 0   ? EVENT_START
							     : i == 3 ? EVENT_STOP
								      : EVENT_SET,
			.tenants = i == 0 || i == 3 ? 7 : 4,
			.name = (char *)(i == 0   ? "start all"
					 : i == 3 ? "stop all"
					 : i == 1 ? "red changes"
						  : "red resets"),
			.at_ns = 20 * i * NS_PER_S};
	table_init(&made->series, columns, column_count);
	for (int tick = -5; tick <= 302; tick++) {
		double t_s = tick * 0.2 + 0.0003;
		for (unsigned t = 0; t < 3; t++) {
			double *cells = table_add_row(&made->series, t_s, names[t]);
			for (size_t c = 0; c < column_count; c++) {
				if (strcmp(columns[c], "mem_available_mib") == 0)
					continue;
				/* fio speaks once a second. */
				if (strcmp(columns[c], "disk_p99_ms") == 0 && tick % 5 != 2)
					continue;
				cells[c] = t_s > 0 && t_s < 60 ? value_of(columns[c], t, t_s - 0.1) : 0;
			}
		}
		double *host = table_add_row(&made->series, t_s, "host");
		for (size_t c = 0; c < column_count; c++) {
			if (strcmp(columns[c], "mem_available_mib") == 0)
				host[c] = t_s >= 20 && t_s < 40 ? 600 : 18000;
		}
	}
	AUTO(free_ptr) char *path = rundir_path(made->run, RUNDIR_SERIES);
	struct err err = ERR_INIT;
	if (table_write_csv(&made->series, path, &err))
		fail_msg("%s", err.text);
}

static void done(struct made *made)
{
	struct err err = ERR_INIT;
	table_release(&made->series);
	assert_int_equal(fsio_remove_tree(made->run, &err), 0);
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

static struct plot_input input_of(struct made *made, const char *plots)
{
	return (struct plot_input){.run = made->run,
		.plots_dir = plots,
		.scenario = &made->scenario,
		.manifest = &made->manifest,
		.events = made->events.count ? &made->events : NULL,
		.model = made->model.step_count ? &made->model : NULL,
		.judgement = &made->judgement,
		.series = &made->series,
		.formats = 1u << PLOT_SVG | 1u << PLOT_PNG | 1u << PLOT_PDF};
}

static void keep(const struct made *made, const char *figure, const char *suffix)
{
	const char *folder = getenv("LIMITLAB_KEEP_FIGURES");
	AUTO(buf) struct buf data = BUF_INIT;
	struct err err = ERR_INIT;
	AUTO(free_ptr) char *file = xasprintf("%s/figure.%s", made->run, suffix);

	if (fsio_read_file(file, 1 << 24, &data, &err))
		fail_msg("%s", err.text);
	assert_true(data.length > 5000);
	if (strcmp(suffix, "pdf") == 0)
		assert_memory_equal(data.data, "%PDF-", 5);
	if (!folder)
		return;
	AUTO(free_ptr) char *to = xasprintf("%s/%s.%s", folder, figure, suffix);
	assert_int_equal(fsio_write_atomic(to, data.data, data.length, &err), 0);
}

/* Draws; ret_text: all text of the SVG. */
static void draw(
	struct made *made, const struct made *beside, const char *figure, const char *note, char **ret_text)
{
	AUTO(free_ptr) char *plots = xasprintf("%s/plots", LIMITLAB_SOURCE_DIR);
	AUTO(free_ptr) char *path = rundir_path(made->run, RUNDIR_SCENARIO);
	struct plot_input input = input_of(made, plots), other;
	struct err err = ERR_INIT;

	made->scenario.path = path;
	made->scenario.figure = (char *)figure;
	input.note = note;
	if (beside) {
		other = input_of((struct made *)beside, plots);
		input.beside = &other;
	}
	if (plot_draw(&input, &err))
		fail_msg("%s: %s", figure, err.text);
	AUTO(free_ptr) char *svg = rundir_path(made->run, RUNDIR_SVG);
	xmlDoc *doc = xmlReadFile(svg, NULL, XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_HUGE);
	if (!doc)
		fail_msg("%s is not well-formed", svg);
	xmlChar *text = xmlNodeGetContent(xmlDocGetRootElement(doc));
	*ret_text = xstrdup((const char *)text);
	xmlFree(text);
	xmlFreeDoc(doc);
	const char *name = beside ? "beside" : note ? note : figure;
	keep(made, name, "svg");
	keep(made, name, "png");
	keep(made, name, "pdf");
}

/* Whether the SVG has a line in the legend's grey with such dashes. */
static bool has_dashes(const struct made *made, const char *dashes)
{
	AUTO(free_ptr) char *path = rundir_path(made->run, RUNDIR_SVG);
	AUTO(free_ptr)
	char *pattern = xasprintf("stroke='rgb\\( 48,  48,  4[89]\\)' +stroke-dasharray='%s", dashes);
	AUTO(buf) struct buf svg = BUF_INIT;
	regex_t regex;

	assert_int_equal(fsio_read_file(path, 64 << 20, &svg, NULL), 0);
	assert_int_equal(regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB), 0);
	bool found = regexec(&regex, svg.data, 0, NULL, 0) == 0;
	regfree(&regex);
	return found;
}

static void says(const char *figure, const char *text, const char *const *words)
{
	for (; *words; words++) {
		if (!strstr(text, *words))
			fail_msg("%s does not say '%s': %s", figure, *words, text);
	}
}

static void add_shares(struct made *made, double before, double red, double others)
{
	for (size_t i = 0; i < 3; i++) {
		struct model_step *step = &made->steps[i];
		*step = (struct model_step){.from_s = 20.0 * (double)i, .to_s = 20.0 * (double)(i + 1)};
		for (unsigned t = 0; t < 3; t++) {
			step->active[t] = true;
			step->share[t] = i != 1 ? before : t == 2 ? red : others;
		}
	}
	made->model = (struct model){.steps = made->steps, .step_count = 3};
}

static void expect_share(struct made *made, enum resource resource, enum measure measure)
{
	for (size_t i = 0; i < 3; i++) {
		made->expects[i] = (struct expect_spec){.kind = EXPECT_SHARE,
			.resource = resource,
			.measure = measure,
			.tenant = 2,
			.from_ns = (20 * i + 2) * NS_PER_S,
			.to_ns = 20 * (i + 1) * NS_PER_S,
			.is_model = true,
			.value = (double)NAN,
			.within = 0.04};
		made->findings[i] = (struct finding){.expect = &made->expects[i], .verdict = VERDICT_PASS};
	}
	made->scenario.expect_count = 3;
	made->judgement = (struct judgement){VERDICT_PASS, made->findings, 3};
}

static const char *const net_columns[] = {"net_class_mbit_per_s", "net_backlog_bytes", "retransmits_per_s"};

static void make_net(struct made *made, const char *const *columns, size_t count)
{
	make(made, columns, count);
	made->scenario.link = (struct scarce_link){.declared = true, .rate_bits_per_s = 300 * MBIT};
	add_shares(made, 1 / 3.0, 280 / 300.0, 10 / 300.0);
	expect_share(made, RESOURCE_NET, MEASURE_NET_CLASS);
}

static void net(void **state)
{
	(void)state;
	static const char *const rates[] = {"rate on the link layer [Mbit/s]", "link: 300 Mbit/s", "[KiB]",
		"expected (model)", "red changes", "verdict: pass (3 of 3)", NULL};
	struct made made;

	skip_without_gnuplot();
	make_net(&made, net_columns, ARRAY_SIZE(net_columns));
	AUTO(free_ptr) char *text = NULL;
	draw(&made, NULL, "net-rates", NULL, &text);
	says("net-rates", text, rates);

	/* What the judge has seen is called out, what it denies is not. */
	made.expects[1].kind = EXPECT_STARVES;
	made.expects[1].tenant = 0;
	made.expects[2].kind = EXPECT_UNCHANGED;
	AUTO(free_ptr) char *both = NULL;
	draw(&made, NULL, "net-starvation", NULL, &both);
	says("net-starvation", both,
		(const char *const[]){"starvation of", "low priorities", "unexpected", "retransmits", NULL});
	made.findings[2].verdict = VERDICT_FAIL;
	AUTO(free_ptr) char *one = NULL;
	draw(&made, NULL, "net-starvation", NULL, &one);
	says("net-starvation", one, (const char *const[]){"low priorities", NULL});
	assert_null(strstr(one, "unexpected"));

	/* Named events serve where no expectation does. */
	made.scenario.expect_count = 0;
	made.judgement.count = 0;
	made.specs[2].name = (char *)"unreliable";
	AUTO(free_ptr) char *named = NULL;
	draw(&made, NULL, "net-starvation", NULL, &named);
	says("net-starvation", named, (const char *const[]){"unexpected", NULL});
	assert_null(strstr(named, "low priorities"));

	struct limit_setting rate = {.limit = LIMIT_NET_RATE, .value = 10 * MBIT};
	for (size_t i = 0; i < 3; i++) {
		made.tenants[i].limits = &rate;
		made.tenants[i].limit_count = 1;
	}
	AUTO(free_ptr) char *shares = NULL;
	draw(&made, NULL, "net-shares", NULL, &shares);
	says("net-shares", shares, (const char *const[]){"guaranteed rate", NULL});
	done(&made);
}

/* Two runs in one figure: both titles, each with its verdict, and one legend. */
static void two_sides(void **state)
{
	(void)state;
	struct made raw, reliable;
	AUTO(free_ptr) char *text = NULL, *note = NULL;

	skip_without_gnuplot();
	make_net(&raw, net_columns, ARRAY_SIZE(net_columns));
	make_net(&reliable, net_columns, ARRAY_SIZE(net_columns));
	raw.scenario.title = (char *)"As tc does it";
	reliable.scenario.title = (char *)"Made reliable";
	reliable.judgement.verdict = VERDICT_FAIL;
	reliable.findings[0].verdict = VERDICT_FAIL;
	draw(&raw, &reliable, "net-rates", NULL, &text);
	says("beside", text,
		(const char *const[]){"As tc does it", "Made reliable", "verdict: pass (3 of 3)",
			"verdict: fail (2 of 3)", NULL});
	const char *first = strstr(text, "green (work)");
	assert_non_null(first);
	assert_null(strstr(first + 1, "green (work)"));
	assert_true(strstr(text, "As tc does it") < strstr(text, "Made reliable"));
	draw(&raw, NULL, "net-rates", "'other' belongs beside", &note);
	says("note", note, (const char *const[]){"'other' belongs beside", NULL});

	/* A CPU and a link have no axis in common. */
	AUTO(free_ptr) char *plots = xasprintf("%s/plots", LIMITLAB_SOURCE_DIR);
	struct plot_input other = input_of(&reliable, plots), input = input_of(&raw, plots);
	struct err err = ERR_INIT;
	reliable.scenario.link.declared = false;
	reliable.scenario.expect_count = 0;
	reliable.scenario.has_scarce_cpu = true;
	input.beside = &other;
	assert_int_equal(plot_draw(&input, &err), -1);
	assert_int_equal(err.domain, ERR_INPUT);
	assert_non_null(strstr(err.text, "share no figure"));
	done(&raw);
	done(&reliable);
}

static void memory(void **state)
{
	(void)state;
	static const char *const columns[] = {"mem_mib", "mem_swap_mib", "mem_available_mib"};
	static const char *const figures[] = {"memory", "memory-soft", "memory-hard"};
	struct made made;

	skip_without_gnuplot();
	make(&made, columns, ARRAY_SIZE(columns));
	made.scenario.memory = (struct scarce_memory){.declared = true};
	made.specs[1] = (struct event_spec){
		.kind = EVENT_SCARCE, .resource = RESOURCE_MEMORY, .at_ns = 20 * NS_PER_S};
	made.specs[2] = (struct event_spec){
		.kind = EVENT_PLENTY, .resource = RESOURCE_MEMORY, .at_ns = 40 * NS_PER_S};
	struct limit_setting limits[] = {{.limit = LIMIT_MEMORY_SOFT, .value = 300 << 20},
		{.limit = LIMIT_MEMORY_HARD, .value = 1200 << 20}};
	made.tenants[2].limits = limits;
	made.tenants[2].limit_count = 2;
	made.expects[0] = (struct expect_spec){.kind = EXPECT_SETTLES,
		.resource = RESOURCE_MEMORY,
		.measure = MEASURE_MEM_USAGE,
		.tenant = 2,
		.after_ns = 20 * NS_PER_S};
	made.expects[1] = (struct expect_spec){.kind = EXPECT_LEVEL,
		.resource = RESOURCE_MEMORY,
		.measure = MEASURE_MEM_USAGE,
		.tenant = 0,
		.from_ns = 25 * NS_PER_S,
		.to_ns = 40 * NS_PER_S,
		.value = (double)NAN,
		.at_least = 1000 * MIB,
		.at_most = (double)NAN};
	made.scenario.expect_count = 2;
	made.findings[0] = (struct finding){.expect = &made.expects[0], .time_50_s = 2.4, .time_90_s = 8.1};
	made.findings[1] = (struct finding){.expect = &made.expects[1]};
	made.judgement = (struct judgement){VERDICT_PASS, made.findings, 2};
	for (size_t i = 0; i < ARRAY_SIZE(figures); i++) {
		AUTO(free_ptr) char *text = NULL;
		draw(&made, NULL, figures[i], NULL, &text);
		says(figures[i], text,
			(const char *const[]){"memory of the VM [MiB]", "memory is scarce",
				"memory gets scarce", "red: 50 % in 2.4 s, 90 % in 8.1 s", "soft limit",
				NULL});
		/* Only what is drawn stands in the legend. */
		assert_true((strstr(text, "hard limit") != NULL) == (i != 1));
		assert_true(has_dashes(&made, "7"));
		assert_true(has_dashes(&made, "2") == (i != 1));
	}
	done(&made);
}

static void disk(void **state)
{
	(void)state;
	static const char *const columns[] = {"disk_read_mib_per_s", "disk_write_mib_per_s", "disk_p99_ms"};
	static const char *const figures[] = {"disk", "disk-weight", "disk-latency"};
	struct made made;

	skip_without_gnuplot();
	make(&made, columns, ARRAY_SIZE(columns));
	made.scenario.disk = (struct scarce_disk){.declared = true, .rate_bytes_per_s = 50 << 20};
	add_shares(&made, 1 / 3.0, 5 / 7.0, 1 / 7.0);
	expect_share(&made, RESOURCE_DISK, MEASURE_DISK_BANDWIDTH);
	for (size_t i = 0; i < ARRAY_SIZE(figures); i++) {
		AUTO(free_ptr) char *text = NULL;
		draw(&made, NULL, figures[i], NULL, &text);
		says(figures[i], text,
			(const char *const[]){"[MiB/s]", "disk: 50 MiB/s", "expected (model)", NULL});
		assert_true((strstr(text, "[ms]") != NULL) == (i != 1));
	}
	done(&made);
}

/* A column that is not there, or has no values: the figure says so, and an optional panel is left out. */
static void nothing_to_draw(void **state)
{
	(void)state;
	static const char *const others[] = {"retransmits_per_s"};
	static const char *const figures[] = {"cpu-shares", "net-rates", "net-starvation", "net-shares",
		"memory", "memory-soft", "memory-hard", "disk", "disk-weight", "disk-latency"};
	struct made made;

	skip_without_gnuplot();
	make_net(&made, others, 1);
	for (size_t i = 0; i < ARRAY_SIZE(figures); i++) {
		AUTO(free_ptr) char *text = NULL;
		made.scenario.link.declared = i > 0 && i < 4;
		made.scenario.has_scarce_cpu = i == 0;
		CPU_SET(0, &made.scenario.scarce_cpus);
		made.expects[0].resource = made.expects[1].resource = made.expects[2].resource =
			i == 0  ? RESOURCE_CPU
			: i < 4 ? RESOURCE_NET
			: i < 7 ? RESOURCE_MEMORY
				: RESOURCE_DISK;
		made.expects[0].measure = made.expects[1].measure = made.expects[2].measure =
			i == 0  ? MEASURE_CPU_TIME
			: i < 4 ? MEASURE_NET_CLASS
			: i < 7 ? MEASURE_MEM_USAGE
				: MEASURE_DISK_BANDWIDTH;
		draw(&made, NULL, figures[i], "empty", &text);
		says(figures[i], text, (const char *const[]){"no values of '", "in series.csv", NULL});
		assert_null(strstr(text, "[KiB]"));
	}
	done(&made);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(net),
		cmocka_unit_test(two_sides),
		cmocka_unit_test(memory),
		cmocka_unit_test(disk),
		cmocka_unit_test(nothing_to_draw),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
