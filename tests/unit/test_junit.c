/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <libxml/parser.h>
#include <libxml/xmlschemas.h>
#include <libxml/xpath.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/fsio.h"
#include "config.h"
#include "judge/judge.h"

static int setup(void **state)
{
	char template[] = "/tmp/limitlab-junit-XXXXXX";

	if (!mkdtemp(template))
		return -1;
	*state = xstrdup(template);
	return 0;
}

static int teardown(void **state)
{
	int result = fsio_remove_tree(*state, NULL);

	free(*state);
	return result;
}

static char name_scenario[] = "cpu-shares", name_tenant[] = "a<b>&\"c\"";
static char name_pass[] = "passes", name_fail[] = "fails <&>", name_open[] = "open",
	    name_other[] = "of another host";
static char reason_pass[] = "fine", reason_fail[] = "got \"1\" & not <2>", reason_other[] = "cgroup v2",
	    reason_open[] = "control \x01 and \xff no UTF-8\nsecond line";

static void make(struct scenario *scenario, struct tenant_spec *tenant, struct expect_spec *expects,
	struct finding *findings, struct judgement *judgement)
{
	char *const names[] = {name_pass, name_fail, name_open, name_other};
	char *const reasons[] = {reason_pass, reason_fail, reason_open, reason_other};

	*tenant = (struct tenant_spec){.name = name_tenant};
	for (size_t i = 0; i < 4; i++) {
		expects[i] = (struct expect_spec){.kind = i == 2 ? EXPECT_SETTLES : EXPECT_SHARE,
			.name = names[i],
			.from_ns = UINT64_C(2000000000),
			.to_ns = UINT64_C(4500000000)};
		findings[i] = (struct finding){.expect = &expects[i],
			.verdict = (enum verdict)i,
			.expected = 0.5,
			.measured = i == 2 ? (double)NAN : 0.25,
			.interval_low = (double)NAN,
			.interval_high = (double)NAN,
			.settling_time_s = (double)NAN,
			.reason = reasons[i]};
	}
	*scenario = (struct scenario){.name = name_scenario,
		.tenants = tenant,
		.tenant_count = 1,
		.expects = expects,
		.expect_count = 4};
	*judgement = (struct judgement){.verdict = VERDICT_FAIL, .findings = findings, .count = 4};
}

static void check(xmlXPathContextPtr context, const char *path, const char *wanted)
{
	xmlXPathObjectPtr object = xmlXPathEvalExpression((const unsigned char *)path, context);

	assert_non_null(object);
	unsigned char *text = xmlXPathCastToString(object);
	if (strcmp((const char *)text, wanted))
		fail_msg("%s is '%s', wanted '%s'", path, (const char *)text, wanted);
	xmlFree(text);
	xmlXPathFreeObject(object);
}

/* By tests/data/junit.xsd, which says what it stands for. */
static void validate(xmlDocPtr document, bool wanted)
{
	static const char schema_path[] = LIMITLAB_SOURCE_DIR "/tests/data/junit.xsd";
	xmlSchemaParserCtxtPtr parser = xmlSchemaNewParserCtxt(schema_path);
	xmlSchemaPtr schema = xmlSchemaParse(parser);

	assert_non_null(schema);
	xmlSchemaValidCtxtPtr context = xmlSchemaNewValidCtxt(schema);
	if (!wanted)
		xmlSchemaSetValidErrors(context, NULL, NULL, NULL);
	assert_int_equal(xmlSchemaValidateDoc(context, document) == 0, wanted);
	xmlSchemaFreeValidCtxt(context);
	xmlSchemaFree(schema);
	xmlSchemaFreeParserCtxt(parser);
}

/* The schema finds what the readers would stumble over. */
static void test_schema(void **state)
{
#define SUITES(tally, inside)                                                                                \
	"<testsuites name='limitlab' tests='1' failures='0' errors='0' time='1.000'>"                        \
	"<testsuite name='a' tests='1' failures='0' errors='0' " tally ">" inside                            \
	"</testsuite></testsuites>"
#define GOOD_TALLY "skipped='0' time='1.000'"
#define GOOD_CASE  "<testcase classname='c' name='n' time='1.000'/>"
	static const struct {
		const char *name, *text;
		bool valid;
	} cases[] = {
		{"the least", SUITES(GOOD_TALLY, GOOD_CASE), true},
		{"no number of skipped tests", SUITES("time='1.000'", GOOD_CASE), false},
		{"a comma in a time", SUITES("skipped='0' time='1,000'", GOOD_CASE), false},
		{"a zone", SUITES(GOOD_TALLY " timestamp='2026-11-23T06:55:00Z'", GOOD_CASE), false},
		{"no test", SUITES(GOOD_TALLY, ""), false},
		{"an attribute that Jenkins does not know", SUITES(GOOD_TALLY " verdict='pass'", GOOD_CASE),
			false},
		{"no class", SUITES(GOOD_TALLY, "<testcase name='n' time='1.000'/>"), false},
		{"properties at the end",
			SUITES(GOOD_TALLY,
				GOOD_CASE "<properties><property name='a' value='b'/></properties>"),
			false},
		{"a failure without a type",
			SUITES(GOOD_TALLY,
				"<testcase classname='c' name='n' time='1.000'><failure message='m'/></testcase>"),
			false},
		{"two outcomes",
			SUITES(GOOD_TALLY,
				"<testcase classname='c' name='n' time='1.000'><failure type='t' message='m'/>"
				"<error type='t' message='m'/></testcase>"),
			false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		print_message("# %s\n", cases[i].name);
		xmlDocPtr document =
			xmlReadMemory(cases[i].text, (int)strlen(cases[i].text), NULL, NULL, XML_PARSE_NONET);
		assert_non_null(document);
		validate(document, cases[i].valid);
		xmlFreeDoc(document);
	}
	xmlCleanupParser();
}

static void test_junit(void **state)
{
	static const struct {
		const char *path, *wanted;
	} cases[] = {
		{"string(/testsuites/@tests)", "6"},
		{"string(/testsuites/@failures)", "1"},
		{"string(/testsuites/@errors)", "3"},
		{"string(/testsuites/@time)", "80.500"},
		{"count(/testsuites/testsuite)", "3"},
		{"string(/testsuites/testsuite[1]/@name)", "cpu-shares"},
		{"string(/testsuites/testsuite[1]/@tests)", "4"},
		{"string(/testsuites/testsuite[1]/@skipped)", "1"},
		{"string(/testsuites/testsuite[2]/@skipped)", "0"},
		{"count(//testsuite[1]/testcase[4]/*)", "1"},
		{"string(//testsuite[1]/testcase[4]/skipped/@message)", "cgroup v2"},
		{"string(/testsuites/testsuite[1]/@errors)", "1"},
		{"string(/testsuites/testsuite[1]/properties/property[@name='run']/@value)", "results/a&b"},
		{"string(//testsuite[1]/properties/property[@name='figure']/@value)",
			"results/a&b/figure.svg"},
		{"string(//testsuite[1]/@timestamp)", "2026-11-23T06:55:00"},
		{"string(//testsuite[1]/testcase[2]/system-out)",
			"limitlab explain results/a&b\n[[ATTACHMENT|results/a&b/figure.png]]\n"},
		{"string(//testsuite[3]/testcase/system-out)", "results/c/log\n"},
		{"count(//testsuite[3]/properties/property)", "1"},
		{"string(//testcase[1]/@classname)", "limitlab.cpu-shares"},
		{"string(//testcase[1]/@time)", "2.500"},
		{"count(//testsuite[1]/testcase[1]/*)", "0"},
		{"string(//testsuite[1]/testcase[2]/@name)", "fails <&>"},
		{"string(//testsuite[1]/testcase[2]/failure/@message)", "got \"1\" & not <2>"},
		{"string(//testsuite[1]/testcase[3]/error/@type)", "inconclusive"},
		{"string(//testsuite[1]/testcase[3]/error/@message)",
			"control ? and ? no UTF-8\nsecond line"},
		{"count(//testsuite[2]/testcase)", "1"},
		{"string(//testsuite[2]/testcase/error/@message)", "no \"space\""},
	};
	AUTO(free_ptr) char *path = xasprintf("%s/junit.xml", (char *)*state);
	struct scenario scenario;
	struct tenant_spec tenant;
	struct expect_spec expects[4];
	struct finding findings[4];
	struct judgement judgement;
	struct err err = ERR_INIT;

	make(&scenario, &tenant, expects, findings, &judgement);
	const struct junit_suite suites[] = {
		{.scenario = &scenario,
			.judgement = &judgement,
			.seconds = 80.5,
			.run = "results/a&b",
			.started_utc = "2026-11-23T06:55:00Z"},
		{.scenario = &scenario, .trouble = "no \"space\"", .seconds = (double)NAN},
		{.scenario = &scenario, .trouble = "died", .seconds = (double)NAN, .run = "results/c"},
	};
	if (junit_write(suites, 3, path, &err))
		fail_msg("%s", err.text);
	xmlDocPtr document = xmlReadFile(path, NULL, XML_PARSE_NONET);
	assert_non_null(document);
	validate(document, true);
	xmlXPathContextPtr context = xmlXPathNewContext(document);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		check(context, cases[i].path, cases[i].wanted);
	xmlXPathFreeContext(context);
	xmlFreeDoc(document);
	xmlCleanupParser();
}

static void test_verdict_json(void **state)
{
	static const char *const wanted[] = {
		"\"verdict\": \"fail\"",
		"\"tenant\": \"a<b>&\\\"c\\\"\"",
		"\"interval_95\": null",
		"\"measured\": null",
		"\"settling_time_s\": null",
		"\"reason\": \"control \\u0001 and ? no UTF-8\\nsecond line\"",
	};
	AUTO(free_ptr) char *path = xasprintf("%s/verdict.json", (char *)*state);
	AUTO(buf) struct buf text = BUF_INIT;
	struct scenario scenario;
	struct tenant_spec tenant;
	struct expect_spec expects[4];
	struct finding findings[4];
	struct judgement judgement;
	struct err err = ERR_INIT;

	make(&scenario, &tenant, expects, findings, &judgement);
	if (judgement_write_json(&judgement, &scenario, path, &err) ||
		fsio_read_file(path, 65536, &text, &err))
		fail_msg("%s", err.text);
	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++)
		if (!strstr(text.data, wanted[i]))
			fail_msg("'%s' is not in %s", wanted[i], text.data);
	AUTO(free_ptr) char *line = judgement_json_line(&judgement, &scenario, "a/run");
	assert_null(strchr(line, '\n'));
	assert_non_null(strstr(line, "\"run\":\"a/run\""));
}

static void find_all(const char *text, const char *const *wanted, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (!strstr(text, wanted[i]))
			fail_msg("%s: '%s' is not in %s", name, wanted[i], text);
}

/* What only some kinds have, and at which layer it is measured. */
static void test_verdict_json_of_kinds(void **state)
{
	static struct tenant_spec tenants[] = {{.name = name_tenant}, {.name = name_pass}};
	static const struct {
		const char *name;
		struct expect_spec expect;
		const char *wanted[6];
	} cases[] = {
		{"level",
			{.kind = EXPECT_LEVEL,
				.resource = RESOURCE_NET,
				.measure = MEASURE_NET_PAYLOAD,
				.value = 1,
				.at_least = (double)NAN,
				.at_most = (double)NAN},
			{"\"measure\":\"payload\"", "\"layer\":\"payload, as iperf3 reports it\"",
				"\"unit\":\"bit/s\"", "\"expected_from\":\"value\"", "\"at_least\":null"}},
		{"bound",
			{.kind = EXPECT_LEVEL,
				.resource = RESOURCE_DISK,
				.measure = MEASURE_DISK_P99,
				.value = (double)NAN,
				.at_least = (double)NAN,
				.at_most = 0.25},
			{"\"unit\":\"s\"", "\"expected_from\":\"bound\"", "\"at_most\":0.25"}},
		{"ratio",
			{.kind = EXPECT_RATIO,
				.resource = RESOURCE_DISK,
				.measure = MEASURE_DISK_IOPS,
				.other = 1,
				.is_model = true,
				.value = (double)NAN},
			{"\"unit\":\"ratio\"", "\"over\":\"passes\"", "\"expected_from\":\"model\""}},
		{"starves",
			{.kind = EXPECT_STARVES,
				.resource = RESOURCE_NET,
				.measure = MEASURE_NET_CLASS,
				.below = 0.125},
			{"\"unit\":\"s\"", "\"below\":0.125", "\"stretch_from_s\":2.5",
				"\"stretch_to_s\":4.5"}},
		{"conserves",
			{.kind = EXPECT_CONSERVES,
				.resource = RESOURCE_NET,
				.measure = MEASURE_NET_CLASS,
				.every_ns = UINT64_C(5000000000)},
			{"\"tenant\":null", "\"every_s\":5.0", "\"piece_from_s\":2.5",
				"\"expected_from\":\"capacity\""}},
		{"settles",
			{.kind = EXPECT_SETTLES,
				.resource = RESOURCE_MEMORY,
				.measure = MEASURE_MEM_USAGE,
				.value = 1e6},
			{"\"time_50_s\":0.5", "\"time_90_s\":1.5", "\"residue\":1024.0",
				"\"level_unit\":\"B\"", "\"layer\":\"memory charged to the VM\""}},
		{"unchanged",
			{.kind = EXPECT_UNCHANGED,
				.resource = RESOURCE_NET,
				.measure = MEASURE_NET_CLASS,
				.after_ns = UINT64_C(20000000000),
				.before_ns = UINT64_C(10000000000)},
			{"\"expected_from\":\"before\"", "\"after_s\":20.0", "\"before_from_s\":10.0",
				"\"unit\":\"bit/s\""}},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct expect_spec expect = cases[i].expect;
		struct finding finding = {.expect = &expect,
			.time_50_s = 0.5,
			.time_90_s = 1.5,
			.residue = 1024,
			.at_from_s = 2.5,
			.at_to_s = 4.5,
			.reason = reason_pass};
		struct scenario scenario = {.name = name_scenario,
			.tenants = tenants,
			.tenant_count = 2,
			.expects = &expect,
			.expect_count = 1};
		struct judgement judgement = {.findings = &finding, .count = 1};
		size_t count = 0;
		expect.name = name_pass;
		AUTO(free_ptr) char *line = judgement_json_line(&judgement, &scenario, "run");
		while (count < 6 && cases[i].wanted[count])
			count++;
		find_all(line, cases[i].wanted, count, cases[i].name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_junit, setup, teardown),
		cmocka_unit_test(test_schema),
		cmocka_unit_test_setup_teardown(test_verdict_json, setup, teardown),
		cmocka_unit_test(test_verdict_json_of_kinds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
