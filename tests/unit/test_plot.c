/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Quoting, colours, placement of labels, and the text that gnuplot reads (tests/golden/plot-*.gp). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "config.h"

#include "base/auto.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/fsio.h"
#include "plot/parts.h"
#include "plot/plot.h"
#include "series/table.h"

static void quoting(void **state)
{
	(void)state;
	static const struct {
		const char *name, *text, *expected;
	} cases[] = {
		{"empty", "", "''"},
		{"plain", "blue", "'blue'"},
		{"quotes at the beginning", "''a'", "\"'\".\"'\".'a'''"},
		{"nothing but a quote", "'", "\"'\".''"},
		{"single quote doubled", "o'neil''s", "'o''neil''''s'"},
		{"nothing else means anything in single quotes", "a\\n`id`@b$c\"d_e^f{g}<&>%",
			"'a\\n`id`@b$c\"d_e^f{g}<&>%'"},
		{"newline and other control characters",
			"a\nb\x01"
			"c\x7f"
			"d\xc2\x85"
			"e",
			"'a b c d e'"},
		{"utf-8 stays", "gr\xc3\xbcn \xd0\xb6 \xe2\x86\x92", "'gr\xc3\xbcn \xd0\xb6 \xe2\x86\x92'"},
		{"not in the font", "\xe7\xba\xa2 \xf0\x9f\x98\x80", "'\xef\xbf\xbd \xef\xbf\xbd'"},
		{"latin-1 byte", "gr\xfcn", "'gr?n'"},
		{"cut-off character", "a\xe7\xba",
			"'a?"
			"?'"},
		{"overlong form of a quote", "\xc0\xa7",
			"'?"
			"?'"},
		{"end of a CDATA section", "a]]>b]>", "'a]] >b]>'"},
		{"surrogate", "\xed\xa0\x80",
			"'?"
			"?"
			"?'"},
		{"U+FFFF is no character of XML", "\xef\xbf\xbf", "'\xef\xbf\xbd'"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(buf) struct buf out = BUF_INIT;
		plot_quote(&out, cases[i].text);
		if (strcmp(out.data, cases[i].expected) != 0)
			fail_msg("%s: got %s, expected %s", cases[i].name, out.data, cases[i].expected);
	}
}

static void shortening(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		double width_px;
		const char *expected;
	} cases[] = {
		{"start all", 1000, "start all"}, {"start all", 0, ""}, {"", 0, ""},
		{"mmmmmmmmmm", 60, "mmmm\xe2\x80\xa6"},
		{"a bcdefghij", 22, "a\xe2\x80\xa6"}, /* no blank before the ellipsis */
		{"\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc", 30,
			"\xc3\xbc\xc3\xbc\xe2\x80\xa6"}, /* not inside a character */
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(free_ptr) char *text = plot_shorten(cases[i].text, 10, cases[i].width_px);
		assert_string_equal(text, cases[i].expected);
		assert_true(plot_text_px(text, 10) <= cases[i].width_px || !*text);
	}
}

static void colors(void **state)
{
	(void)state;
	const char *const thesis[] = {"blue", "green", "red"};
	const char *const mixed[] = {"web-1", "red", "db"};
	uint32_t got[40];

	plot_colors(thesis, 3, got);
	assert_int_equal(got[0], 0x1f5fc4);
	assert_int_equal(got[1], 0x2b8a3e);
	assert_int_equal(got[2], 0xd0302a);
	plot_colors(mixed, 3, got);
	assert_int_equal(got[0], 0x0072b2);
	assert_int_equal(got[1], 0xd0302a);
	assert_int_equal(got[2], 0xe69f00);
	/* The vermilion of the cycle would be taken for red. */
	const char *many[SCENARIO_MAX_TENANTS] = {"red"};
	for (size_t i = 1; i < ARRAY_SIZE(many); i++)
		many[i] = "x";
	plot_colors(many, ARRAY_SIZE(many), got);
	for (size_t i = 1; i < ARRAY_SIZE(many); i++)
		assert_int_not_equal(got[i], 0xd55e00);
	assert_int_equal(plot_mix(0x204060, 0xffffff, 0), 0x204060);
	assert_int_equal(plot_mix(0x204060, 0xffffff, 1), 0xffffff);
	assert_int_equal(plot_mix(0x000000, 0xffffff, 0.5), 0x808080);
}

static void label_cases(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		size_t count;
		double x[6], width[6];
		bool fits;
		unsigned level[6];
		bool to_left[6];
	} cases[] = {
		{"none", 0, {0}, {0}, true, {0}, {0}},
		{"far apart", 2, {0, 500}, {100, 100}, true, {0, 0}, {0}},
		{"the earlier one is higher", 2, {0, 50}, {100, 100}, true, {1, 0}, {0}},
		{"stairs", 3, {0, 50, 100}, {100, 100, 100}, true, {2, 1, 0}, {0}},
		{"at the right border", 1, {800}, {100}, true, {0}, {true}},
		{"hanging left beside one that meets it", 2, {600, 800}, {120, 120}, true, {1, 0},
			{false, true}},
		{"two at the border", 2, {780, 800}, {100, 100}, true, {0, 1}, {true, true}},
		{"no room on either side", 1, {400}, {500}, false, {0}, {0}},
		{"no text, no room needed", 2, {400, 401}, {0, 300}, true, {0, 0}, {0}},
		{"too many levels need shorter texts", 4, {0, 10, 20, 30}, {100, 100, 100, 100}, true,
			{3, 2, 1, 0}, {0}},
		{"a crowd hangs to both sides", 6, {0, 168, 202, 219, 236, 269},
			{105, 125, 128, 100, 145, 150}, true, {1, 0, 3, 2, 1, 0}, {false, true}},
		{"a crowd that nothing helps", 6, {0, 10, 20, 30, 40, 50}, {100, 100, 100, 100, 100, 100},
			false, {0}, {0}},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct plot_label labels[6];
		for (size_t j = 0; j < cases[i].count; j++)
			labels[j] = (struct plot_label){.x_px = cases[i].x[j], .width_px = cases[i].width[j]};
		if (plot_place_labels(labels, cases[i].count, 0, 800) != cases[i].fits)
			fail_msg("%s: fits is not %d", cases[i].name, cases[i].fits);
		for (size_t j = 0; cases[i].fits && j < cases[i].count; j++) {
			if (labels[j].level != cases[i].level[j] || labels[j].to_left != cases[i].to_left[j])
				fail_msg("%s: label %zu is on level %u %s", cases[i].name, j, labels[j].level,
					labels[j].to_left ? "left" : "right");
		}
	}
}

/* Whatever is placed: no two texts touch, and no line runs through a text. */
static void labels_never_overlap(void **state)
{
	(void)state;
	unsigned placed = 0, refused = 0;

	srandom(7);
	for (unsigned round = 0; round < 20000; round++) {
		struct plot_label labels[9];
		size_t count = 1 + (size_t)(random() % 9);
		double x = 0;
		for (size_t i = 0; i < count; i++) {
			x += (double)(random() % 160);
			labels[i] = (struct plot_label){
				.x_px = x > 800 ? 800 : x, .width_px = (double)(random() % 150)};
		}
		if (!plot_place_labels(labels, count, 0, 800)) {
			refused++;
			continue;
		}
		placed++;
		for (size_t i = 0; i < count; i++) {
			double from = labels[i].to_left
					      ? labels[i].x_px - PLOT_LABEL_GAP_PX - labels[i].width_px
					      : labels[i].x_px + PLOT_LABEL_GAP_PX;
			double to = from + labels[i].width_px;
			for (size_t j = 0; j < count && labels[i].width_px > 0; j++) {
				if (j == i)
					continue;
				bool line = labels[j].x_px >= from && labels[j].x_px <= to;
				if (line && labels[j].level >= labels[i].level && labels[j].width_px > 0)
					fail_msg("round %u: line %zu runs through label %zu", round, j, i);
				double other = labels[j].to_left ? labels[j].x_px - PLOT_LABEL_GAP_PX -
									   labels[j].width_px
								 : labels[j].x_px + PLOT_LABEL_GAP_PX;
				if (labels[j].width_px > 0 && labels[i].level == labels[j].level &&
					from < other + labels[j].width_px && other < to)
					fail_msg("round %u: labels %zu and %zu touch", round, i, j);
			}
		}
	}
	assert_true(placed > 1000);
	assert_true(refused > 0);
}

/* ---- the preamble ------------------------------------------------------------------------------------------------ */

static struct tenant_spec tenants[] = {
	{.name = (char *)"blue", .workload = (char *)"cpu-matrix"},
	{.name = (char *)"green", .workload = (char *)"jobs/cpu-int.stress"},
	{.name = (char *)"red", .workload = NULL},
};
static struct tenant_spec odd_tenants[] = {
	{.name = (char *)"o'neil <&> \"x\"", .workload = (char *)"a"},
	{.name = (char *)"@b `id` {_^} \xe7\xba\xa2", .workload = (char *)"b"},
};
static struct event_spec events[] = {
	{.kind = EVENT_START, .at_ns = 0, .name = (char *)"start all"},
	{.kind = EVENT_SET, .at_ns = 20 * NS_PER_S, .name = (char *)"red x4"},
	{.kind = EVENT_SET, .at_ns = 20 * NS_PER_S, .name = (char *)"blue x2"},
	{.kind = EVENT_RESET, .at_ns = 58 * NS_PER_S, .name = (char *)"reset"},
	{.kind = EVENT_STOP, .at_ns = 60 * NS_PER_S, .name = (char *)"stop all"},
};
static struct expect_spec expects[] = {
	{.kind = EXPECT_SHARE,
		.tenant = 2,
		.from_ns = 2 * NS_PER_S,
		.to_ns = 20 * NS_PER_S,
		.value = 0.3333,
		.within = 0.02},
	{.kind = EXPECT_SHARE,
		.tenant = 2,
		.from_ns = 22 * NS_PER_S,
		.to_ns = 58 * NS_PER_S,
		.is_model = true,
		.within = 0.02},
	{.kind = EXPECT_SETTLES, .tenant = 2, .after_ns = 20 * NS_PER_S},
};
static struct model_step steps[] = {
	{.from_s = 0, .to_s = 20.004, .share = {1 / 3.0, 1 / 3.0, 1 / 3.0}, .active = {true, true, true}},
	{.from_s = 20.004, .to_s = 60, .share = {2 / 7.0, 1 / 7.0, 4 / 7.0}, .active = {true, false, true}},
};

static struct scenario make_scenario(void)
{
	struct scenario scenario = {
		.path = (char *)"x.yaml",
		.name = (char *)"cpu-shares",
		.title = (char *)"CPU shares move a contended core between tenants",
		.sample_ns = 200 * NS_PER_MS,
		.has_scarce_cpu = true,
		.tenants = tenants,
		.tenant_count = ARRAY_SIZE(tenants),
		.events = events,
		.event_count = ARRAY_SIZE(events),
		.expects = expects,
		.expect_count = ARRAY_SIZE(expects),
		.duration_ns = 60 * NS_PER_S,
	};
	CPU_ZERO(&scenario.scarce_cpus);
	CPU_SET(0, &scenario.scarce_cpus);
	return scenario;
}

static struct manifest make_manifest(void)
{
	return (struct manifest){
		.state = RUN_COMPLETE,
		.started_utc = (char *)"2026-11-23T00:05:12Z",
		.host_kernel = (char *)"6.18.5",
		.cgroup_mode = (char *)"v1",
		.acceleration = (char *)"tcg",
	};
}

static void compare_golden(const char *name, const char *text)
{
	AUTO(free_ptr) char *path = xasprintf("%s/tests/golden/%s", LIMITLAB_SOURCE_DIR, name);
	struct err err = ERR_INIT;

	if (getenv("LIMITLAB_REGENERATE"))
		assert_int_equal(fsio_write_atomic(path, text, strlen(text), &err), 0);
	AUTO(buf) struct buf expected = BUF_INIT;
	if (fsio_read_file(path, 1 << 20, &expected, &err))
		fail_msg("%s", err.text);
	assert_string_equal(text, expected.data);
}

static void preamble_full(void **state)
{
	(void)state;
	struct scenario scenario = make_scenario();
	struct manifest manifest = make_manifest();
	struct model model = {.steps = steps, .step_count = ARRAY_SIZE(steps)};
	struct finding findings[] = {
		{.verdict = VERDICT_PASS}, {.verdict = VERDICT_PASS}, {.verdict = VERDICT_FAIL}};
	struct judgement judgement = {VERDICT_FAIL, findings, ARRAY_SIZE(findings)};
	struct plot_input input = {
		.scenario = &scenario, .manifest = &manifest, .model = &model, .judgement = &judgement};
	struct err err = ERR_INIT;
	AUTO(free_ptr) char *text = NULL;

	if (plot_preamble(&input, &text, &err))
		fail_msg("%s", err.text);
	compare_golden("plot-full.gp", text);
}

static void preamble_odd(void **state)
{
	(void)state;
	struct scenario scenario = make_scenario();
	struct manifest manifest = make_manifest();
	struct event_record record = {.asked_s = 20};
	struct event_log log = {.records = &record, .count = 1};
	struct plot_input input = {.scenario = &scenario, .manifest = &manifest, .events = &log};
	struct err err = ERR_INIT;
	AUTO(free_ptr) char *text = NULL;

	scenario.tenants = odd_tenants;
	scenario.tenant_count = ARRAY_SIZE(odd_tenants);
	scenario.title =
		(char *)"it's a title @x that goes on for so long that no canvas of any width whatsoever could hold it in one line";
	scenario.has_scarce_cpu = false;
	manifest.state = RUN_INTERRUPTED;
	if (plot_preamble(&input, &text, &err))
		fail_msg("%s", err.text);
	compare_golden("plot-odd.gp", text);
}

/* Two runs of a link: one with limits in force, a model, callouts and times of adaption; one with nothing. */
static void preamble_two_sides(void **state)
{
	(void)state;
	struct scenario raw = make_scenario(), other = make_scenario();
	struct manifest manifest = make_manifest();
	struct limit_setting rate = {.limit = LIMIT_NET_RATE, .value = 10000000};
	struct tenant_spec limited[] = {{.name = (char *)"blue", .workload = (char *)"net-tcp.iperf3"},
		{.name = (char *)"red",
			.workload = (char *)"net-tcp.iperf3",
			.limits = &rate,
			.limit_count = 1}};
	struct event_record records[] = {
		{.event = (char *)"set",
			.tenant = (char *)"red",
			.asked_s = 20,
			.end_s = 20.004,
			.limit = LIMIT_NET_RATE,
			.asked = 50000000,
			.read_back = 50000000,
			.has_read_back = true},
		{.event = (char *)"reset",
			.tenant = (char *)"red",
			.asked_s = 58,
			.end_s = 58.002,
			.limit = LIMIT_NET_RATE,
			.asked = 10000000,
			.read_back = 10000000,
			.has_read_back = true},
	};
	struct event_log log = {.records = records, .count = 2};
	struct expect_spec seen[] = {
		{.kind = EXPECT_STARVES,
			.resource = RESOURCE_NET,
			.tenant = 0,
			.from_ns = 22 * NS_PER_S,
			.to_ns = 58 * NS_PER_S},
		{.kind = EXPECT_SETTLES,
			.resource = RESOURCE_NET,
			.measure = MEASURE_NET_CLASS,
			.tenant = 1,
			.after_ns = 20 * NS_PER_S},
		{.kind = EXPECT_LEVEL,
			.resource = RESOURCE_NET,
			.measure = MEASURE_NET_PAYLOAD,
			.tenant = 1,
			.from_ns = 22 * NS_PER_S,
			.to_ns = 58 * NS_PER_S,
			.value = 280e6,
			.within = 0.05},
		{.kind = EXPECT_LEVEL,
			.resource = RESOURCE_NET,
			.measure = MEASURE_NET_CLASS,
			.tenant = 0,
			.from_ns = 22 * NS_PER_S,
			.to_ns = 58 * NS_PER_S,
			.value = (double)NAN,
			.at_least = (double)NAN,
			.at_most = 20e6},
	};
	struct finding findings[] = {{.expect = &seen[0]},
		{.expect = &seen[1], .time_50_s = 0.2, .time_90_s = (double)NAN}, {.expect = &seen[2]},
		{.expect = &seen[3]}};
	struct judgement judgement = {VERDICT_PASS, findings, ARRAY_SIZE(findings)};
	struct model model = {.steps = steps, .step_count = 1};
	static const char *const columns[] = {"net_class_mbit_per_s"};
	struct table series;
	struct err err = ERR_INIT;
	AUTO(free_ptr) char *text = NULL;

	table_init(&series, columns, 1);
	for (int t = 0; t < 60; t++) {
		*table_add_row(&series, t + 0.5, "blue") = t < 20 ? 150 : 10;
		*table_add_row(&series, t + 0.5, "red") = t < 20 ? 150 : 290;
	}
	raw.name = (char *)"raw";
	raw.title = (char *)"As tc does it";
	raw.has_scarce_cpu = other.has_scarce_cpu = false;
	raw.link = other.link = (struct scarce_link){.declared = true, .rate_bits_per_s = 300000000};
	raw.tenants = limited;
	raw.tenant_count = 2;
	raw.expects = seen;
	raw.expect_count = ARRAY_SIZE(seen);
	other.expect_count = 0;
	other.duration_ns = 50 * NS_PER_S;
	struct plot_input beside = {.run = "/results/other/x", .scenario = &other, .manifest = &manifest};
	struct plot_input input = {.run = "/results/raw/x",
		.scenario = &raw,
		.manifest = &manifest,
		.events = &log,
		.model = &model,
		.judgement = &judgement,
		.series = &series,
		.beside = &beside,
		.note = "a note"};
	if (plot_preamble(&input, &text, &err))
		fail_msg("%s", err.text);
	compare_golden("plot-beside.gp", text);
	/* The other way round, the run that is drawn still finds its series beside it. */
	AUTO(free_ptr) char *second = NULL;
	input.is_second = true;
	if (plot_preamble(&input, &second, &err))
		fail_msg("%s", err.text);
	assert_non_null(strstr(second, "ll_series[1] = '/results/other/x/series.csv'"));
	assert_non_null(strstr(second, "ll_series[2] = 'series.csv'"));
	table_release(&series);
}

/* Scarcity that begins and ends, once by the record and once as declared. */
static void preamble_spans(void **state)
{
	(void)state;
	struct scenario scenario = make_scenario();
	struct manifest manifest = make_manifest();
	struct event_spec spans[] = {
		{.kind = EVENT_SCARCE, .resource = RESOURCE_MEMORY, .at_ns = 10 * NS_PER_S},
		{.kind = EVENT_PLENTY, .resource = RESOURCE_MEMORY, .at_ns = 30 * NS_PER_S},
		{.kind = EVENT_SCARCE, .resource = RESOURCE_MEMORY, .at_ns = 50 * NS_PER_S},
	};
	struct event_record records[] = {
		{.event = (char *)"scarce", .asked_s = 10, .end_s = 10.3, .limit = LIMIT_COUNT},
		{.event = (char *)"plenty", .asked_s = 30, .end_s = 30.1, .limit = LIMIT_COUNT},
		{.event = (char *)"scarce", .asked_s = 50, .end_s = (double)NAN, .limit = LIMIT_COUNT},
	};
	struct event_log log = {.records = records, .count = 3};
	struct plot_input input = {.scenario = &scenario, .manifest = &manifest};
	struct err err = ERR_INIT;
	AUTO(free_ptr) char *declared = NULL, *recorded = NULL;

	scenario.has_scarce_cpu = false;
	scenario.memory.declared = true;
	scenario.events = spans;
	scenario.event_count = 3;
	if (plot_preamble(&input, &declared, &err))
		fail_msg("%s", err.text);
	assert_non_null(strstr(declared, "$spans << EOD\n1 10 30\n1 50 60\nEOD\n"));
	assert_non_null(strstr(declared, "'memory gets scarce'"));
	input.events = &log;
	if (plot_preamble(&input, &recorded, &err))
		fail_msg("%s", err.text);
	assert_non_null(strstr(recorded, "$spans << EOD\n1 10.3 30.1\n1 50 60\nEOD\n"));
}

static void preamble_errors(void **state)
{
	(void)state;
	struct scenario scenario = make_scenario();
	struct manifest manifest = make_manifest();
	struct plot_input input = {.scenario = &scenario, .manifest = &manifest};
	struct tenant_spec twins[] = {{.name = (char *)"a\"b"}, {.name = (char *)"a\"c"}};
	struct err err = ERR_INIT;
	char *text = NULL;

	scenario.tenants = twins;
	scenario.tenant_count = 2;
	assert_int_equal(plot_preamble(&input, &text, &err), -1);
	assert_int_equal(err.domain, ERR_INPUT);
	assert_non_null(strstr(err.text, "a\"c"));
	scenario.tenant_count = 0;
	err_clear(&err);
	assert_int_equal(plot_preamble(&input, &text, &err), -1);
	assert_int_equal(err.domain, ERR_INPUT);
	assert_null(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(quoting),
		cmocka_unit_test(shortening),
		cmocka_unit_test(colors),
		cmocka_unit_test(label_cases),
		cmocka_unit_test(labels_never_overlap),
		cmocka_unit_test(preamble_full),
		cmocka_unit_test(preamble_odd),
		cmocka_unit_test(preamble_two_sides),
		cmocka_unit_test(preamble_spans),
		cmocka_unit_test(preamble_errors),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
