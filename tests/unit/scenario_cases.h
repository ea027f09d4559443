/* SPDX-License-Identifier: GPL-3.0-or-later */
/* For the tests of scenario files: a table of bad ones, and a good one read.  Include after cmocka.h. */
#ifndef LIMITLAB_TESTS_SCENARIO_CASES_H
#define LIMITLAB_TESTS_SCENARIO_CASES_H

#include <string.h>

#include "base/auto.h"
#include "base/buf.h"
#include "scenario/scenario.h"

struct bad_case {
	const char *name, *text, *position, *what; /* position: "LINE:COLUMN"; what: a part of the message */
};

static const struct scenario_options options = {.need_workloads = false};

/* Every message has a position and a second half: what would be right. */
static inline void check_bad(const struct bad_case *cases, size_t count)
{
	unsigned failures = 0;

	for (size_t i = 0; i < count; i++) {
		struct err err = ERR_INIT;
		struct scenario *scenario = NULL;
		AUTO(free_ptr) char *prefix = xasprintf("t.yaml:%s: ", cases[i].position);
		int result = scenario_parse(
			"t.yaml", cases[i].text, strlen(cases[i].text), &options, &scenario, &err);
		if (result == -1 && !scenario && err.domain == ERR_INPUT && strstr(err.text, cases[i].what) &&
			strncmp(err.text, prefix, strlen(prefix)) == 0 && strchr(err.text, ';'))
			continue;
		failures++;
		print_error("%s: '%s' is not '%s...%s'\n", cases[i].name, err.text, prefix, cases[i].what);
		scenario_free(scenario);
	}
	assert_int_equal(failures, 0);
}

/* The scenario; fails the test when it is none. */
static inline struct scenario *read_good(const char *text)
{
	struct err err = ERR_INIT;
	struct scenario *scenario = NULL;

	if (scenario_parse("t.yaml", text, strlen(text), &options, &scenario, &err) < 0)
		fail_msg("%s", err.text);
	return scenario;
}

#endif
