/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the user asks of `kernels`, as kernels, modes and places; what is skipped, what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/fsio.h"
#include "cmd/kernels_session.h"
#include "kernels/names.h"

/* "6.1" is 6.1.0-49; "old" is the same; "none" is not there.  6.12 has no memory limits with v1. */
static int find(void *context, const char *wish, struct cell_kernel *ret_kernel, struct err *err)
{
	const char *release = wish && strcmp(wish, "old") != 0 ? wish : "6.1";

	(void)context;
	if (wish && !strcmp(wish, "none"))
		return err_input(err, "there is no kernel 'none'");
	*ret_kernel = (struct cell_kernel){.wish = xstrdup(wish ? wish : ""),
		.release = xasprintf("%s.0-49", release),
		.origin = xstrdup("")};
	return 0;
}

static int check(void *context, const struct cell_kernel *kernel, const char *cgroup,
	const struct scenario *scenario, struct err *err)
{
	(void)context;
	if (!strncmp(kernel->release, "6.12", 4) && !strcmp(cgroup, "v1") && scenario->memory.declared)
		return err_host(err, "it lacks CONFIG_MEMCG_V1");
	return 0;
}

static void release(void *context, struct cell_kernel *kernel)
{
	(void)context;
	free(kernel->wish);
	free(kernel->release);
	free(kernel->origin);
}

static const struct cell_ops ops = {.find = find, .check = check, .release = release};

static void test_places(void **state)
{
	static const struct {
		const char *kernels[3];
		const char *cgroup;
		const char *places; /* or the error */
	} cases[] = {
		{{NULL}, NULL, "6.1.0-49 v2;"},
		{{"6.1"}, "v1,v2", "6.1.0-49 v1;6.1.0-49 v2;"},
		{{"6.1,6.12"}, "hybrid", "6.1.0-49 hybrid;6.12.0-49 hybrid;"},
		{{"6.12", "6.1"}, "v2,v1", "6.12.0-49 v2;6.12.0-49 v1;6.1.0-49 v2;6.1.0-49 v1;"},
		{{"6.1@v1+v2", "6.12@v2"}, NULL, "6.1.0-49 v1;6.1.0-49 v2;6.12.0-49 v2;"},
		{{"6.1@v1", "6.12"}, "v2,hybrid", "6.1.0-49 v1;6.12.0-49 v2;6.12.0-49 hybrid;"},
		/* A path. */
		{{"/x@y/z"}, "v2", "/x@y/z.0-49 v2;"},
		{{"/x@y/z@v1"}, "v2", "/x@y/z.0-49 v1;"},
		{{"6.1@v3"}, NULL, "6.1@v3.0-49 v2;"},
		{{"6.1", "old"}, NULL, "the kernels '6.1' and 'old' are both 6.1.0-49; name it once"},
		{{"6.1,none"}, NULL, "there is no kernel 'none'"},
		{{"6.1"}, "v1,v3", "--cgroup takes v1, v2, hybrid or several, as in v1,v2; not 'v3'"},
		{{"6.1"}, "v1,v1", "--cgroup has v1 twice"},
		{{"6.1"}, "", "not ''"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(kernels_session) struct kernels_session session = {.ops = &ops};
		AUTO(buf) struct buf places = BUF_INIT;
		struct option_list list = {0};
		struct session_modes modes;
		struct err err = ERR_INIT;
		size_t count;
		static const char *const suite[] = {NULL};
		while (list.count < 3 && cases[i].kernels[list.count]) {
			list.words[list.count] = cases[i].kernels[list.count];
			list.count++;
		}
		char **words = session_words(&list, &count);
		int failed = session_modes_parse(cases[i].cgroup, ',', &modes, &err) ||
			     session_find(&session, count ? (const char *const *)words : suite,
				     count ? count : 1, &modes, &err);
		if (!failed)
			session_places(&session);
		for (size_t p = 0; p < session.place_count; p++)
			buf_addf(&places, "%s %s;", session.places[p].release, session.places[p].cgroup);
		if (!strstr(failed ? err.text : places.data, cases[i].places))
			fail_msg("case %zu: '%s', wanted '%s'", i, failed ? err.text : places.data,
				cases[i].places);
		for (size_t k = 0; k < count; k++)
			free(words[k]);
		free(words);
	}
}

#define HEAD "name: x\ntitle: t\nscarce: {memory: {swap: 64MiB}}\n"
#define REST                                                                                                 \
	"tenants: [{name: red, workload: w.stress, limits: {memory.hard: max}}]\n"                           \
	"timeline: [{at: 0s, start: red}, {at: 9s, stop: red}]\n"

static void test_checked(void **state)
{
	static const struct {
		const char *yaml;
		const char
			*skipped; /* one letter per place: 6.1 v1, 6.1 v2, 6.12 v1, 6.12 v2; NULL: refused */
		const char *words;
	} cases[] = {
		{HEAD REST, NULL,
			"scenario 'x' cannot be run on 6.12.0-49 with cgroup v1: it lacks CONFIG_MEMCG_V1"},
		{HEAD "when: {cgroup: v2}\n" REST, "s-s-", "it holds for cgroup v2 only"},
		{HEAD "when: {kernel: '< 6.12'}\n" REST, "--ss", "it holds for kernels < 6.12 only"},
		{HEAD REST
			"expect: [{level: memory, tenant: red, window: [1s, 9s], at least: 1MiB, when: {kernel: 6.1}}]\n",
			"--ss", "none of its expectations is applicable there"},
		{HEAD "when: {cgroup: v1, kernel: 5.10}\n" REST, NULL,
			"there is nothing to run: 'x' on 6.1.0-49"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		static const char *const wishes[] = {"6.1", "6.12"};
		static const struct session_modes modes = {{"v1", "v2"}, 2};
		static const struct scenario_options loose = {.need_workloads = false};
		AUTO(kernels_session) struct kernels_session session = {.ops = &ops};
		struct err err = ERR_INIT;
		char **skipped = NULL;
		session.scenarios = xcalloc(1, sizeof(*session.scenarios));
		if (scenario_parse("x.yaml", cases[i].yaml, strlen(cases[i].yaml), &loose,
			    &session.scenarios[0], &err))
			fail_msg("%s", err.text);
		session.scenario_count = 1;
		assert_int_equal(session_find(&session, wishes, 2, &modes, &err), 0);
		session_places(&session);
		int failed = session_check(&session, &skipped, NULL, &err);
		if (failed != (cases[i].skipped ? 0 : -1) || (failed && !strstr(err.text, cases[i].words)))
			fail_msg("case %zu: '%s'", i, err.text);
		for (size_t p = 0; p < 4; p++) {
			if (!failed && (!skipped[p] != (cases[i].skipped[p] == '-') ||
					       (skipped[p] && !strstr(skipped[p], cases[i].words))))
				fail_msg("case %zu, place %zu: '%s'", i, p, skipped[p] ? skipped[p] : "run");
			free(skipped[p]);
		}
		free(skipped);
	}
}

/* bisect: a kernel that lacks something is left out, not refused. */
static void test_lacking(void **state)
{
	static const char *const wishes[] = {"6.1", "6.12"};
	static const struct session_modes modes = {{"v1"}, 1};
	static const struct scenario_options loose = {.need_workloads = false};
	AUTO(kernels_session) struct kernels_session session = {.ops = &ops};
	char *lacks[2] = {NULL}, **skipped = NULL;
	struct err err = ERR_INIT;

	(void)state;
	session.scenarios = xcalloc(1, sizeof(*session.scenarios));
	assert_int_equal(
		scenario_parse("x.yaml", HEAD REST, strlen(HEAD REST), &loose, &session.scenarios[0], &err),
		0);
	session.scenario_count = 1;
	assert_int_equal(session_find(&session, wishes, 2, &modes, &err), 0);
	session_places(&session);
	assert_int_equal(session_check(&session, &skipped, lacks, &err), 0);
	assert_null(lacks[0]);
	assert_string_equal(lacks[1], "it lacks CONFIG_MEMCG_V1");
	free(lacks[1]);
	free(skipped);
}

static void test_resumed(void **state)
{
	static const char open_batch[] =
		"{\"format\":1,\"seed\":1,\"rounds\":1,\"runs\":[],\"done\":false,\"scenarios\":[{\"path\":\"a\",\"name\":\"a\",\"source\":\"\"}]}";
	char template[] = "/tmp/limitlab-session-XXXXXX";
	struct err err = ERR_INIT;

	(void)state;
	assert_non_null(mkdtemp(template));
	AUTO(free_ptr) char *older = xasprintf("%s/kernels-20260101T000000Z.json", template);
	AUTO(free_ptr) char *newer = xasprintf("%s/kernels-20260102T000000Z.json", template);
	AUTO(free_ptr) char *broken = xasprintf("%s/kernels-20260103T000000Z.json", template);
	AUTO(free_ptr) char *bisection = xasprintf("%s/kernels-20260104T000000Z.json", template);
	assert_null(session_resume_path(template, &err));
	assert_non_null(strstr(err.text, "no unfinished batch kernels-TIME.json"));
	AUTO(buf) struct buf done = BUF_INIT;
	buf_adds(&done, open_batch);
	memcpy(strstr(done.data, "false"), "true ", 5);
	assert_int_equal(fsio_write_atomic(older, open_batch, strlen(open_batch), &err), 0);
	assert_int_equal(fsio_write_atomic(newer, done.data, done.length, &err), 0);
	assert_int_equal(fsio_write_atomic(broken, "{", 1, &err), 0);
	/* What a bisection leaves open nobody wants tested. */
	AUTO(free_ptr)
	char *decided = xasprintf("{\"until_decided\":true,%s", open_batch + 1);
	assert_int_equal(fsio_write_atomic(bisection, decided, strlen(decided), &err), 0);
	AUTO(free_ptr) char *found = session_resume_path(template, &err);
	assert_string_equal(found, older);
	AUTO(free_ptr) char *named = session_resume_path(newer, &err);
	assert_string_equal(named, newer);
	assert_int_equal(fsio_remove_tree(template, NULL), 0);
}

static void test_ends(void **state)
{
	static const struct kernel_name names[] = {
		{"linux-image-6.1.0-47-cloud-amd64", "6.1.0-47-cloud-amd64", "6.1.170-1"},
		{"linux-image-6.1.0-50-cloud-amd64", "6.1.0-50-cloud-amd64", "6.1.176-1"},
		{"6.12", "6.12.117+deb12-cloud-amd64", "6.12.117-1~deb12u1"},
		{"/k/bzImage:/k/mods", "6.9.0-rc1+", NULL},
	};
	static const struct {
		const char *word;
		int index; /* -1: the error */
		const char *says;
	} cases[] = {
		{"linux-image-6.1.0-47-cloud-amd64", 0, NULL},
		{"6.1.0-50-cloud-amd64", 1, NULL},
		{"6.1.176-1", 1, NULL},
		{"6.1.0-50", 1, NULL},
		{"6.12", 2, NULL},
		{"6.12.117", 2, NULL},
		{"linux-image-6.12.117+deb12-cloud-amd64", 2, NULL},
		{"/k/bzImage:/k/mods", 3, NULL},
		{"6.9.0", 3, NULL},
		{"6.1", -1, "--good '6.1' is more than one of the kernels: 6.1.0-47-cloud-amd64, 6.1.0-50"},
		{"6.1.0-5", -1, "is none of the kernels"},
		{"", -1, "is none of the kernels"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct err err = ERR_INIT;
		size_t index = 99;
		int failed =
			kernel_name_find(names, ARRAY_SIZE(names), "--good", cases[i].word, &index, &err);
		if (cases[i].index >= 0 ? failed || index != (size_t)cases[i].index
					: !failed || !strstr(err.text, cases[i].says))
			fail_msg("'%s': %zu, %s", cases[i].word, index, err.text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_checked),
		cmocka_unit_test(test_lacking),
		cmocka_unit_test(test_resumed),
		cmocka_unit_test(test_ends),
	};

	return cmocka_run_group_tests_name("kernels_session", tests, NULL, NULL);
}
