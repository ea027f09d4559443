/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/fsio.h"
#include "cmd/batch_text.h"
#include "run/batch.h"

static char path_a[] = "a.yaml", path_b[] = "b.yaml", path_c[] = "c.yaml";
static char name_a[] = "a", name_b[] = "b", name_c[] = "c", source[] = "name: x\n", other[] = "name: y\n";
static struct scenario a = {.path = path_a, .name = name_a, .source = source, .source_length = 8};
static struct scenario b = {.path = path_b, .name = name_b, .source = source, .source_length = 8};
static struct scenario c = {.path = path_c, .name = name_c, .source = source, .source_length = 8};
static struct scenario *const three[] = {&a, &b, &c};

static int setup(void **state)
{
	char *dir = xstrdup("/tmp/limitlab-test-batch-XXXXXX");

	*state = mkdtemp(dir);
	return *state ? 0 : -1;
}

static int teardown(void **state)
{
	int result = fsio_remove_tree(*state, NULL);

	free(*state);
	return result;
}

static char expect_name[] = "share cpu red";
static struct expect_spec expect = {.name = expect_name};

static void record(
	struct batch *batch, size_t scenario, unsigned round, enum verdict verdict, double measured)
{
	static const int codes[] = {[VERDICT_PASS] = 0, [VERDICT_FAIL] = 1, [VERDICT_INCONCLUSIVE] = 3};
	static char reason[] = "too much";
	struct finding finding = {
		.expect = &expect, .verdict = verdict, .measured = measured, .reason = reason};
	const struct judgement judgement = {.verdict = verdict, .findings = &finding, .count = 1};
	struct err err = ERR_INIT;

	if (batch_record(batch, scenario, round, "results/x", codes[verdict], 1.5, &judgement, NULL, &err))
		fail_msg("%s", err.text);
}

static struct batch *begin(const char *dir, size_t count, unsigned rounds, bool until_decided)
{
	const struct batch_options options = {
		.out_dir = dir, .rounds = rounds, .until_decided = until_decided, .seed = 7};
	struct batch *batch = NULL;
	struct err err = ERR_INIT;

	if (batch_new(three, count, &options, &batch, &err))
		fail_msg("%s", err.text);
	return batch;
}

/* Appends the scenario of every run that is still to come, all of which pass. */
static void run_all(struct batch *batch, struct buf *order)
{
	size_t scenario;
	unsigned round;

	while (batch_next(batch, &scenario, &round)) {
		buf_addf(order, "%s%u ", batch->scenarios[scenario].name, round);
		record(batch, scenario, round, VERDICT_PASS, 0.5);
	}
}

static void test_one_round_keeps_the_order(void **state)
{
	AUTO(buf) struct buf order = BUF_INIT;
	AUTO(batch) struct batch *batch = begin(*state, 3, 1, false);

	run_all(batch, &order);
	assert_string_equal(order.data, "a0 b0 c0 ");
	assert_true(batch->done);
	assert_int_equal(batch_exit_code(batch), 0);
}

static void test_rounds_are_shuffled(void **state)
{
	AUTO(buf) struct buf order = BUF_INIT;
	AUTO(buf) struct buf again = BUF_INIT;
	AUTO(batch) struct batch *batch = begin(*state, 3, 20, false);
	AUTO(batch) struct batch *second = begin(*state, 3, 20, false);
	size_t in_order = 0;

	run_all(batch, &order);
	run_all(second, &again);
	/* The same seed, the same order; every round has each scenario once. */
	assert_string_equal(order.data, again.data);
	assert_int_equal(batch->run_count, 60);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(batch->scenarios[i].counts[BATCH_PASS], 20);
	for (size_t i = 0; i < 60; i += 3) {
		assert_int_equal(batch->runs[i].round, i / 3);
		in_order += batch->runs[i].scenario == 0 && batch->runs[i + 1].scenario == 1;
	}
	/* 20/6 on average. */
	assert_true(in_order < 12);
	assert_string_not_equal(batch->path, second->path);
}

static void test_resume(void **state)
{
	AUTO(buf) struct buf whole = BUF_INIT;
	AUTO(buf) struct buf parts = BUF_INIT;
	AUTO(batch) struct batch *uninterrupted = begin(*state, 3, 3, false);
	AUTO(batch) struct batch *batch = begin(*state, 3, 3, false);
	AUTO(batch) struct batch *resumed = NULL;
	struct err err = ERR_INIT;
	size_t scenario;
	unsigned round;

	run_all(uninterrupted, &whole);
	for (int i = 0; i < 4; i++) {
		assert_true(batch_next(batch, &scenario, &round));
		buf_addf(&parts, "%s%u ", batch->scenarios[scenario].name, round);
		record(batch, scenario, round, i == 2 ? VERDICT_FAIL : VERDICT_PASS,
			i == 2 ? (double)NAN : 0.25);
	}
	/* The fifth is interrupted: a resume runs it again. */
	assert_true(batch_next(batch, &scenario, &round));
	assert_int_equal(batch_record(batch, scenario, round, NULL, 130, 1, NULL, NULL, &err), 0);
	assert_false(batch->done);
	if (batch_open(batch->path, &resumed, &err))
		fail_msg("%s", err.text);
	assert_int_equal(resumed->run_count, 4);
	assert_int_equal(resumed->runs[2].outcome, BATCH_FAIL);
	assert_true(isnan(resumed->runs[2].findings[0].measured));
	assert_float_equal(resumed->runs[3].findings[0].measured, 0.25, 1e-12);
	assert_string_equal(resumed->runs[0].run_dir, "results/x");
	assert_int_equal(batch_check_scenario(resumed, 0, &a, &err), 0);
	run_all(resumed, &parts);
	assert_string_equal(parts.data, whole.data);
	assert_true(resumed->done);
	assert_int_equal(batch_exit_code(resumed), 1);

	struct scenario changed = a;
	changed.source = other;
	assert_int_equal(batch_check_scenario(resumed, 0, &changed, &err), -1);
	assert_int_equal(err.domain, ERR_INPUT);
}

static void test_until_decided(void **state)
{
	AUTO(batch) struct batch *batch = begin(*state, 3, 20, true);
	size_t scenario;
	unsigned round;

	/* a always passes, b always fails, c never proves anything. */
	while (batch_next(batch, &scenario, &round))
		record(batch, scenario, round,
			scenario == 0   ? VERDICT_PASS
			: scenario == 1 ? VERDICT_FAIL
					: VERDICT_INCONCLUSIVE,
			0.5);
	assert_int_equal(batch->scenarios[0].counts[BATCH_PASS], 5);
	assert_int_equal(batch->scenarios[0].decision, DECISION_HOLDS);
	assert_int_equal(batch->scenarios[1].counts[BATCH_FAIL], 2);
	assert_int_equal(batch->scenarios[1].decision, DECISION_BROKEN);
	assert_int_equal(batch->scenarios[2].counts[BATCH_INCONCLUSIVE], 20);
	assert_int_equal(batch->scenarios[2].decision, DECISION_OPEN);
	assert_int_equal(batch_exit_code(batch), 1);

	AUTO(batch) struct batch *lucky = begin(*state, 1, 20, true);
	static const enum verdict verdicts[] = {VERDICT_FAIL, VERDICT_PASS, VERDICT_PASS, VERDICT_PASS,
		VERDICT_PASS, VERDICT_PASS, VERDICT_PASS, VERDICT_PASS, VERDICT_PASS, VERDICT_PASS};
	for (size_t i = 0; batch_next(lucky, &scenario, &round); i++)
		record(lucky, scenario, round, verdicts[i], 0.5);
	/* One failing run among ten is what the rule allows for. */
	assert_int_equal(lucky->run_count, 10);
	assert_int_equal(batch_exit_code(lucky), 0);
}

static void test_pools(void **state)
{
	AUTO(batch) struct batch *batch = begin(*state, 1, 3, false);
	AUTO(free_ptr) struct batch_pool *pools = NULL;
	AUTO(buf) struct buf table = BUF_INIT;
	AUTO(buf) struct buf line = BUF_INIT;

	record(batch, 0, 0, VERDICT_PASS, 0.3);
	record(batch, 0, 1, VERDICT_FAIL, 0.6);
	record(batch, 0, 2, VERDICT_PASS, 0.4);
	assert_int_equal(batch_pools(batch, 0, &pools), 1);
	assert_float_equal(pools[0].median, 0.4, 1e-12);
	assert_float_equal(pools[0].low, 0.3, 1e-12);
	assert_float_equal(pools[0].high, 0.6, 1e-12);
	batch_table(batch, &table);
	assert_non_null(strstr(table.data,
		"  scenario  pass  fail  inconclusive  broken\n"
		"  a            2     1             0       0\n"
		"      share cpu red: 2 of 3 runs passed, 1 failed; measured 30.00 % to 60.00 %\n"
		"      round 2, fail: results/x\n"
		"          share cpu red: fail: too much\n"
		"  3 runs in 4 s: 2 pass, 1 fail; order from seed 7\n"));
	batch_json_line(batch, &line);
	assert_non_null(strstr(line.data, "\"type\":\"batch\""));
	assert_non_null(strstr(line.data, "\"exit_code\":1"));
}

/* With one run of each scenario a row says all; the file that is read again says the same. */
static void test_single_round_table(void **state)
{
	static const char wanted[] = "  scenario  verdict         time  run\n"
				     "  a         pass             2 s  results/x\n"
				     "  b         fail             2 s  results/x\n"
				     "      share cpu red: fail: too much\n"
				     "  c         not run          1 s  -\n"
				     "      no such CPU\n"
				     "  3 runs in 4 s: 1 pass, 1 fail, 1 broken\n";
	AUTO(batch) struct batch *batch = begin(*state, 3, 1, false);
	AUTO(batch) struct batch *again = NULL;
	AUTO(buf) struct buf table = BUF_INIT;
	AUTO(buf) struct buf table_again = BUF_INIT;
	struct err err = ERR_INIT;

	record(batch, 0, 0, VERDICT_PASS, 0.3);
	record(batch, 1, 0, VERDICT_FAIL, 0.6);
	assert_int_equal(batch_record(batch, 2, 0, NULL, 4, 1, NULL, "no such CPU", &err), 0);
	batch_table(batch, &table);
	if (!strstr(table.data, wanted))
		fail_msg("%s", table.data);
	assert_int_equal(batch_open(batch->path, &again, &err), 0);
	batch_table(again, &table_again);
	assert_string_equal(table.data, table_again.data);
}

#define PLACE "{\"kernel\":\"6.1\",\"release\":\"6.1.0\",\"cgroup\":\"v1\"}"
#define PLACES(list)                                                                                                        \
	"{\"format\":1,\"seed\":1,\"rounds\":1,\"runs\":[],\"scenarios\":[{\"path\":\"a\",\"name\":\"a\",\"source\":\"\"}]" \
	",\"places\":[" list "]"

/* A batch goes on as it began; one of before there was a choice booted for every run. */
static void test_how_often_tenants_boot(void **state)
{
	static const char old[] =
		"{\"format\":1,\"seed\":1,\"rounds\":1,\"runs\":[],\"scenarios\":[{\"path\":\"a\","
		"\"name\":\"a\",\"source\":\"\"}]}";
	AUTO(free_ptr) char *path = xasprintf("%s/old.json", (char *)*state);
	struct err err = ERR_INIT;
	enum batch_tenants found;

	for (int i = 0; i < BATCH_TENANTS_COUNT; i++) {
		const struct batch_options options = {
			.out_dir = *state, .rounds = 1, .seed = 7, .tenants_boot = (enum batch_tenants)i};
		AUTO(batch) struct batch *batch = NULL;
		AUTO(batch) struct batch *again = NULL;
		if (batch_new(three, 1, &options, &batch, &err) || batch_open(batch->path, &again, &err))
			fail_msg("%s", err.text);
		assert_int_equal(again->tenants_boot, i);
		assert_int_equal(batch_tenants_find(batch_tenants_name((enum batch_tenants)i), &found), 0);
		assert_int_equal(found, i);
	}
	assert_int_equal(batch_tenants_find("never", &found), -1);
	assert_int_equal(fsio_write_atomic(path, old, strlen(old), NULL), 0);
	AUTO(batch) struct batch *batch = NULL;
	if (batch_open(path, &batch, &err))
		fail_msg("%s", err.text);
	assert_int_equal(batch->tenants_boot, BATCH_TENANTS_RUN);
}

static void test_damaged_files(void **state)
{
	static const struct {
		const char *text, *error;
	} cases[] = {
		{"", ":1:"},
		{"{\"format\":1", ":1:"},
		{"[]", "format"},
		{"{\"format\":2}", "format"},
		{"{\"format\":1,\"seed\":-1,\"rounds\":1,\"runs\":[]}", "seed"},
		{"{\"format\":1,\"seed\":1,\"rounds\":0,\"runs\":[]}", "rounds"},
		{"{\"format\":1,\"seed\":1,\"rounds\":99999999,\"runs\":[]}", "rounds"},
		{"{\"format\":1,\"seed\":1,\"rounds\":1,\"runs\":[]}", "no scenarios"},
		{"{\"format\":1,\"seed\":1,\"rounds\":1,\"runs\":[],\"tenants_boot\":\"never\"}",
			"tenants_boot"},
		{"{\"format\":1,\"seed\":1,\"rounds\":1,\"runs\":[],\"tenants_boot\":1}", "tenants_boot"},
		{"{\"format\":1,\"seed\":1,\"rounds\":1,\"runs\":[],\"scenarios\":[{\"path\":1}]}",
			"lacks path"},
		{"{\"format\":1,\"seed\":1,\"rounds\":1,\"runs\":[{\"scenario\":1}],\"scenarios\":[{\"path\":\"a\",\"name\":"
		 "\"a\",\"source\":\"\"}]}",
			"a run lacks"},
		{"{\"format\":1,\"seed\":1,\"rounds\":1,\"runs\":[{\"scenario\":0,\"round\":0,\"outcome\":\"pass\",\"exit_code\":0"
		 ",\"findings\":[{\"name\":\"x\",\"verdict\":\"maybe\"}]}],\"scenarios\":[{\"path\":\"a\",\"name\":\"a\","
		 "\"source\":\"\"}]}",
			"a finding lacks"},
		{PLACES("{}") "}", "a place lacks kernel"},
		{PLACES(PLACE) "}", "it lacks attempts"},
		{PLACES(PLACE) ",\"attempts\":0}", "it lacks attempts"},
		{PLACES(PLACE "," PLACE) ",\"attempts\":1}", "not every place has every scenario"},
		{PLACES(PLACE) ",\"attempts\":1,\"boots\":[{}]}", "a boot lacks"},
		{PLACES(PLACE) ",\"attempts\":1,\"boots\":[{\"place\":1,\"round\":0,\"scenario\":0,\"how\":\"\",\"text\":\"\",\"console\":\"\"}]}",
			"a boot lacks"},
		{PLACES(PLACE) ",\"attempts\":1,\"boots\":[{\"place\":0,\"round\":0,\"scenario\":1,\"how\":\"\",\"text\":\"\",\"console\":\"\"}]}",
			"a boot died at a scenario that there is not"},
		{"{\"format\":1,\"seed\":1,\"rounds\":1,\"runs\":[],\"scenarios\":[{\"path\":\"a\",\"name\":\"a\",\"source\":\"\",\"place\":1}]}",
			"a scenario has a place that there is not"},
	};
	AUTO(free_ptr) char *path = xasprintf("%s/batch.json", (char *)*state);

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct batch *batch = NULL;
		struct err err = ERR_INIT;
		assert_int_equal(fsio_write_atomic(path, cases[i].text, strlen(cases[i].text), NULL), 0);
		if (!batch_open(path, &batch, &err))
			fail_msg("taken: %s", cases[i].text);
		if (err.domain != ERR_INPUT || !strstr(err.text, cases[i].error) ||
			!strstr(err.text, "batch.json"))
			fail_msg("'%s', wanted '%s'", err.text, cases[i].error);
	}
	struct batch *batch = NULL;
	struct err err = ERR_INIT;
	assert_int_equal(batch_open("/nowhere/batch.json", &batch, &err), -1);
	assert_int_equal(err.domain, ERR_INPUT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_one_round_keeps_the_order, setup, teardown),
		cmocka_unit_test_setup_teardown(test_rounds_are_shuffled, setup, teardown),
		cmocka_unit_test_setup_teardown(test_resume, setup, teardown),
		cmocka_unit_test_setup_teardown(test_until_decided, setup, teardown),
		cmocka_unit_test_setup_teardown(test_pools, setup, teardown),
		cmocka_unit_test_setup_teardown(test_single_round_table, setup, teardown),
		cmocka_unit_test_setup_teardown(test_how_often_tenants_boot, setup, teardown),
		cmocka_unit_test_setup_teardown(test_damaged_files, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
