/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which run is drawn beside another one. */
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
#include "run/beside.h"
#include "series/rundir.h"

static void add_run(
	const char *tree, const char *path, const char *scenario, const char *started, enum run_state state)
{
	AUTO(free_ptr) char *run = xasprintf("%s/%s", tree, path);
	AUTO(free_ptr) char *file = rundir_path(run, RUNDIR_MANIFEST);
	struct manifest manifest;
	struct err err = ERR_INIT;

	manifest_init(&manifest);
	free(manifest.scenario_name);
	free(manifest.started_utc);
	manifest.scenario_name = xstrdup(scenario);
	manifest.started_utc = xstrdup(started);
	manifest.state = state;
	if (fsio_make_dirs(run, &err) || manifest_write(&manifest, file, &err))
		fail_msg("%s", err.text);
	manifest_release(&manifest);
}

static void check(const char *tree, const char *run, const char *scenario, const char *expected)
{
	AUTO(free_ptr) char *path = xasprintf("%s/%s", tree, run);
	AUTO(free_ptr) char *wanted = expected ? xasprintf("%s/%s", tree, expected) : NULL;
	AUTO(free_ptr) char *found = beside_find(path, scenario);

	if (!wanted)
		assert_null(found);
	else if (!found)
		fail_msg("nothing of '%s' beside '%s'", scenario, run);
	else
		assert_string_equal(found, wanted);
}

static void newest_complete(void **state)
{
	(void)state;
	char tree[] = "/tmp/limitlab-test-XXXXXX";
	struct err err = ERR_INIT;

	assert_non_null(mkdtemp(tree));
	add_run(tree, "raw/20261101T000000Z", "raw", "2026-11-01T00:00:00Z", RUN_COMPLETE);
	add_run(tree, "raw/20261102T000000Z", "raw", "2026-11-02T00:00:00Z", RUN_COMPLETE);
	add_run(tree, "raw/20261102T000000Z-2", "raw", "2026-11-02T00:00:00Z", RUN_COMPLETE);
	add_run(tree, "raw/20261103T000000Z", "raw", "2026-11-03T00:00:00Z", RUN_BROKEN);
	add_run(tree, "raw/20261104T000000Z", "raw", "2026-11-04T00:00:00Z", RUN_RUNNING);
	add_run(tree, "raw/20261105T000000Z", "another", "2026-11-05T00:00:00Z", RUN_COMPLETE);
	add_run(tree, "reliable/20261101T000000Z", "reliable", "2026-11-01T00:00:00Z", RUN_COMPLETE);
	check(tree, "reliable/20261101T000000Z", "raw", "raw/20261102T000000Z-2");
	check(tree, "raw/20261102T000000Z", "reliable", "reliable/20261101T000000Z");
	check(tree, "reliable/20261101T000000Z", "reliable", NULL);
	check(tree, "reliable/20261101T000000Z", "nobody", NULL);
	check(tree, "nowhere/20261101T000000Z", "raw", NULL);

	/* A manifest that cannot be read is passed over. */
	AUTO(free_ptr) char *damaged = xasprintf("%s/raw/20261101T000000Z/" RUNDIR_MANIFEST, tree);
	assert_int_equal(fsio_write_atomic(damaged, "{", 1, &err), 0);
	check(tree, "reliable/20261101T000000Z", "raw", "raw/20261102T000000Z-2");
	assert_int_equal(fsio_remove_tree(tree, &err), 0);
}

/* Kept runs lie side by side, without a folder of their time. */
static void kept(void **state)
{
	(void)state;
	char tree[] = "/tmp/limitlab-test-XXXXXX";
	struct err err = ERR_INIT;

	assert_non_null(mkdtemp(tree));
	add_run(tree, "reference/raw", "raw", "2026-11-01T00:00:00Z", RUN_COMPLETE);
	add_run(tree, "reference/reliable", "reliable", "2026-11-01T00:00:00Z", RUN_COMPLETE);
	check(tree, "reference/raw", "reliable", "reference/reliable");
	check(tree, "reference/raw/", "reliable", "reference/reliable");
	assert_int_equal(fsio_remove_tree(tree, &err), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(newest_complete),
		cmocka_unit_test(kept),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
