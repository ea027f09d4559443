/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Of which hosts something holds: ranges of kernels, cgroup modes, and what the judge makes of them. */
#include "made_shares.h"

#include "cmd/gather.h"
#include "judge/compare.h"
#include "judge/explain.h"
#include "scenario/plan.h"
#include "scenario/when.h"

static void test_kernels(void **state)
{
	static const struct {
		const char *range, *release;
		enum when_answer answer;
	} cases[] = {
		{"6.1", "6.1.0-49-cloud-amd64", WHEN_HOLDS},
		{"6.1", "6.12.94", WHEN_NOT},
		{"6.12", "6.1.2", WHEN_NOT},
		{"= 6.1.7", "6.1.7", WHEN_HOLDS},
		{"= 6.1.7", "6.1.0-49-amd64", WHEN_NOT},
		{">= 6.12", "6.12.94+deb12-cloud-amd64", WHEN_HOLDS},
		{">= 6.12", "6.2.0", WHEN_NOT},
		{">= 6.12", "10.0", WHEN_HOLDS},
		{">=6.1.100", "6.1.99", WHEN_NOT},
		{"> 6.1", "6.1.999", WHEN_NOT},
		{"> 6.1", "6.2-rc1", WHEN_HOLDS},
		{"<= 6.1", "6.1.999", WHEN_HOLDS},
		{"<= 6.1", "6.2.0", WHEN_NOT},
		{"< 6.12", "6.11.9", WHEN_HOLDS},
		{"< 6.12", "6.12.0", WHEN_NOT},
		{"< 6", "5.19.17", WHEN_HOLDS},
		{">= 6.1, < 6.12", "6.6.30", WHEN_HOLDS},
		{">= 6.1, < 6.12", "6.12", WHEN_NOT},
		{">= 6.1, < 6.12", "5.10.0", WHEN_NOT},
		{"> 6.1, <= 6.12", "6.12.94", WHEN_HOLDS},
		{">= 6.12", "", WHEN_UNKNOWN},
		{">= 6.12", "next-20260101", WHEN_UNKNOWN},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(when) struct when when = {0};
		AUTO(free_ptr) char *reason = NULL;
		struct err err = ERR_INIT;
		if (when_parse_kernel(&when, cases[i].range, &err))
			fail_msg("%s: %s", cases[i].range, err.text);
		enum when_answer answer = when_ask(&when, "v2", cases[i].release, &reason);
		if (answer != cases[i].answer || !reason != (answer == WHEN_HOLDS))
			fail_msg("'%s' of '%s' is %d (%s), wanted %d", cases[i].range, cases[i].release,
				(int)answer, reason ? reason : "no reason", (int)cases[i].answer);
	}
}

static void test_modes(void **state)
{
	static const struct {
		const char *cgroup, *mode;
		enum when_answer answer;
		const char *reason;
	} cases[] = {
		{"v1", "v1", WHEN_HOLDS, NULL},
		{"v1", "hybrid", WHEN_HOLDS, NULL},
		{"v1", "v2", WHEN_NOT, "it holds for cgroup v1 only, and this host has cgroup v2"},
		{"v2", "v2", WHEN_HOLDS, NULL},
		{"v2", "hybrid", WHEN_NOT, "it holds for cgroup v2 only, and this host has cgroup hybrid"},
		{"v2", "", WHEN_UNKNOWN,
			"it holds for cgroup v2 only, and which control groups this host has is not known"},
		{NULL, "", WHEN_HOLDS, NULL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct when when = {.cgroup = cases[i].cgroup};
		AUTO(free_ptr) char *reason = NULL;
		assert_int_equal(when_ask(&when, cases[i].mode, "6.1", &reason), cases[i].answer);
		if (cases[i].reason)
			assert_string_equal(reason, cases[i].reason);
		else
			assert_null(reason);
	}
}

static void test_relations(void **state)
{
	static const struct {
		const char *a_cgroup, *a_kernel, *b_cgroup, *b_kernel;
		bool exclude, implies; /* a implies b */
	} cases[] = {
		{NULL, NULL, NULL, NULL, false, true},
		{"v1", NULL, NULL, NULL, false, true},
		{NULL, NULL, "v1", NULL, false, false},
		{"v1", NULL, "v2", NULL, true, false},
		{NULL, ">= 6.12", NULL, ">= 6.1", false, true},
		{NULL, ">= 6.1", NULL, ">= 6.12", false, false},
		{NULL, "< 6.12", NULL, ">= 6.12", true, false},
		{NULL, "<= 6.12", NULL, ">= 6.12", false, false},
		{"v1", "6.1", "v1", ">= 6.1, < 6.12", false, true},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(when) struct when a = {.cgroup = cases[i].a_cgroup}, b = {.cgroup = cases[i].b_cgroup};
		if (cases[i].a_kernel)
			assert_int_equal(when_parse_kernel(&a, cases[i].a_kernel, NULL), 0);
		if (cases[i].b_kernel)
			assert_int_equal(when_parse_kernel(&b, cases[i].b_kernel, NULL), 0);
		if (when_exclude(&a, &b) != cases[i].exclude || when_exclude(&b, &a) != cases[i].exclude ||
			when_implies(&a, &b) != cases[i].implies)
			fail_msg("case %zu", i);
	}
}

#define BEGIN                                                                                                \
	"name: made-shares\ntitle: made up\nscarce: {cpu: {cpus: [0]}}\n"                                    \
	"tenants:\n"                                                                                         \
	"  - {name: blue, workload: w.stress, limits: {cpu.shares: 1024}}\n"                                 \
	"  - {name: red, workload: w.stress, limits: {cpu.shares: 1024}}\n"                                  \
	"timeline:\n"                                                                                        \
	"  - {at: 0s, start: all}\n"                                                                         \
	"  - {at: 4s, set: {tenant: red, cpu.shares: 2048}}\n"                                               \
	"  - {at: 8s, stop: all}\n"                                                                          \
	"expect:\n"
#define RIGHT(name, more)                                                                                    \
	"  - {share: cpu, tenant: red, window: [5s, 8s], is: 66.7%, within: 9%, name: " name more "}\n"
#define WRONG(name, more)                                                                                    \
	"  - {share: cpu, tenant: red, window: [5s, 8s], is: 10%, within: 1%, name: " name more "}\n"

static void make(struct made_run *run, const char *yaml, const char *mode, const char *kernel)
{
	static const struct made_faults none = {0};
	const struct made_shares shares = {.seed = 1};

	made_begin(run, yaml, yaml, &none);
	free(run->manifest.cgroup_mode);
	free(run->manifest.host_kernel);
	run->manifest.cgroup_mode = xstrdup(mode);
	run->manifest.host_kernel = xstrdup(kernel);
	made_shares_samples(run, &shares);
}

static void test_verdicts(void **state)
{
	static const struct {
		const char *name, *yaml, *mode, *kernel;
		const char *verdicts; /* first letters; n: not applicable */
		enum verdict verdict;
		const char *reason; /* of the last */
	} cases[] = {
		{"all hold", BEGIN RIGHT("A", "") RIGHT("B", ", when: {cgroup: v1}"), "v1", "6.1.0", "pp",
			VERDICT_PASS, ""},
		{"what does not apply does not fail", BEGIN RIGHT("A", "") WRONG("B", ", when: {cgroup: v1}"),
			"v2", "6.1.0", "pn", VERDICT_PASS,
			"it holds for cgroup v1 only, and this host has cgroup v2"},
		{"where it applies it fails", BEGIN RIGHT("A", "") WRONG("B", ", when: {cgroup: v1}"),
			"hybrid", "6.1.0", "pf", VERDICT_FAIL, ""},
		{"by kernel", BEGIN RIGHT("A", "") WRONG("B", ", when: {kernel: '>= 6.12'}"), "v2",
			"6.1.0-49-cloud-amd64", "pn", VERDICT_PASS,
			"it holds for kernels >= 6.12 only, and this host has 6.1.0-49-cloud-amd64"},
		{"nothing applies: no pass", BEGIN RIGHT("A", ", when: {cgroup: v1}"), "v2", "6.1.0", "n",
			VERDICT_INCONCLUSIVE, ""},
		{"a host that is not known", BEGIN RIGHT("A", ", when: {cgroup: v1}"), "", "6.1.0", "i",
			VERDICT_INCONCLUSIVE, "is not known"},
		{"one for each", BEGIN RIGHT("A", ", when: {cgroup: v1}") RIGHT("B", ", when: {cgroup: v2}"),
			"v2", "6.1.0", "np", VERDICT_PASS, ""},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(made_run) struct made_run run = {0};
		AUTO(judgement) struct judgement judgement = {0};
		make(&run, cases[i].yaml, cases[i].mode, cases[i].kernel);
		made_judge(cases[i].name, &run, &judgement);
		assert_int_equal(judgement.count, strlen(cases[i].verdicts));
		for (size_t k = 0; k < judgement.count; k++)
			if (verdict_name(judgement.findings[k].verdict)[0] != cases[i].verdicts[k])
				fail_msg("%s: %s is %s: %s", cases[i].name,
					judgement.findings[k].expect->name,
					verdict_name(judgement.findings[k].verdict),
					judgement.findings[k].reason);
		if (judgement.verdict != cases[i].verdict ||
			!strstr(judgement.findings[judgement.count - 1].reason, cases[i].reason))
			fail_msg("%s: %s, '%s'", cases[i].name, verdict_name(judgement.verdict),
				judgement.findings[judgement.count - 1].reason);
	}
}

/* Also of a run that broke: what does not apply is not among what is missing. */
static void test_broken_run(void **state)
{
	AUTO(made_run) struct made_run run = {0};
	AUTO(judgement) struct judgement judgement = {0};

	(void)state;
	make(&run, BEGIN RIGHT("A", "") RIGHT("B", ", when: {cgroup: v1}"), "v2", "6.1");
	run.manifest.state = RUN_BROKEN;
	made_judge("broken", &run, &judgement);
	assert_int_equal(judgement.findings[0].verdict, VERDICT_INCONCLUSIVE);
	assert_int_equal(judgement.findings[1].verdict, VERDICT_NOT_APPLICABLE);
	assert_int_equal(judgement.verdict, VERDICT_INCONCLUSIVE);
}

static void test_told(void **state)
{
	AUTO(made_run) struct made_run run = {0};
	AUTO(judgement) struct judgement judgement = {0};
	AUTO(buf) struct buf text = BUF_INIT;
	struct explain explain;

	(void)state;
	make(&run, BEGIN RIGHT("A", "") WRONG("B", ", when: {cgroup: v1, kernel: '< 6.12'}"), "v2", "6.1");
	made_judge("told", &run, &judgement);
	AUTO(free_ptr) char *plan = plan_format(run.scenario);
	assert_non_null(strstr(plan, "; needs contention; only with cgroup v1 and kernels < 6.12\n"));
	AUTO(free_ptr) char *json = judgement_json_line(&judgement, run.scenario, "r");
	assert_non_null(strstr(json, "\"verdict\":\"not applicable\""));
	assert_non_null(strstr(json, "\"when\":\"cgroup v1 and kernels < 6.12\""));
	const struct judge_input input = made_input(&run);
	explain_make(&input, &judgement, "r", false, &explain);
	explain_text(&explain, &input, &judgement, "r", &text);
	explain_release(&explain);
	assert_non_null(strstr(text.data, "1 passed, 0 failed, 0 inconclusive, 1 not applicable\n"));
	assert_non_null(strstr(text.data, "B: not applicable\n"));
	assert_null(strstr(text.data, "likely"));
}

/* Runs on v1 against runs on v2: what holds on one of them only is no change and nothing undecided. */
static void test_compared(void **state)
{
	enum { RUNS = 6 };
	static const struct made_faults none = {0};
	struct compare_run runs[2][RUNS];
	const struct compare_run *pointers[2][RUNS];
	AUTO(comparison) struct comparison comparison = {0};
	const struct compare_options options = {.floor = COMPARE_FLOOR_DEFAULT, .seed = COMPARE_SEED_DEFAULT};
	struct err err = ERR_INIT;

	(void)state;
	for (size_t g = 0; g < 2; g++) {
		for (size_t i = 0; i < RUNS; i++) {
			AUTO(made_run) struct made_run run = {0};
			AUTO(judgement) struct judgement judgement = {0};
			const struct made_shares shares = {
				.seed = 1 + g * 100 + i, .run_noise = 0.004, .row_noise = 0.01};
			AUTO(free_ptr) char *path = xasprintf("run-%zu-%zu", g, i);
			made_begin(
				&run, path, BEGIN RIGHT("A", "") RIGHT("B", ", when: {cgroup: v1}"), &none);
			free(run.manifest.cgroup_mode);
			run.manifest.cgroup_mode = xstrdup(g ? "v2" : "v1");
			made_shares_samples(&run, &shares);
			made_judge(path, &run, &judgement);
			const struct judge_input input = made_input(&run);
			compare_run_init(&runs[g][i], path, &input, &judgement);
			pointers[g][i] = &runs[g][i];
		}
	}
	const struct compare_group groups[] = {{"v1", pointers[0], RUNS}, {"v2", pointers[1], RUNS}};
	if (compare_groups(groups, 2, &options, &comparison, &err))
		fail_msg("%s", err.text);
	const struct compare_part *part = &comparison.pairs[0].parts[0];
	assert_int_equal(part->one_sided, 1);
	for (size_t i = 0; i < part->count; i++)
		assert_string_not_equal(part->rows[i].about->key, "B");
	assert_int_equal(comparison.verdict, COMPARE_SAME);
	for (size_t i = 0; i < 2 * RUNS; i++)
		compare_run_release(&runs[i / RUNS][i % RUNS]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kernels),
		cmocka_unit_test(test_modes),
		cmocka_unit_test(test_relations),
		cmocka_unit_test(test_verdicts),
		cmocka_unit_test(test_broken_run),
		cmocka_unit_test(test_told),
		cmocka_unit_test(test_compared),
	};

	return cmocka_run_group_tests_name("when", tests, NULL, NULL);
}
