/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A figure that is drawn beside something else, from a kept run. */
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
#include "config.h"
#include "run/drawing.h"

#define KEPT LIMITLAB_SOURCE_DIR "/results/reference/smoke-cpu"

static char dir[] = "/tmp/limitlab-drawing-XXXXXX";

static void load(struct results *results)
{
	struct err err = ERR_INIT;

	AUTO(buf) struct buf series = BUF_INIT;
	AUTO(free_ptr) char *path = rundir_path(dir, RUNDIR_SERIES);
	if (results_load(KEPT, results, &err) ||
		fsio_read_file(KEPT "/" RUNDIR_SERIES, 1U << 20, &series, &err) ||
		fsio_write_atomic(path, series.data, series.length, &err))
		fail_msg("%s", err.text);
	free(results->run);
	results->run = xstrdup(dir);
}

static void test_drawn_beside(void **state)
{
	struct results results;
	struct drawing drawing = {0};

	(void)state;
	load(&results);
	drawing_begin(&drawing, &results, NULL);
	/* It has its own copy. */
	results_release(&results);
	AUTO(free_ptr) char *reason = drawing_end(&drawing);
	if (reason)
		fail_msg("%s", reason);
	AUTO(free_ptr) char *figure = rundir_path(dir, RUNDIR_SVG);
	assert_true(fsio_exists(figure));
	assert_null(drawing_end(&drawing));
}

static void test_why_not_drawn(void **state)
{
	struct results results;
	struct drawing drawing = {0};

	(void)state;
	AUTO(free_ptr) char *path = xstrdup(getenv("PATH"));
	load(&results);
	assert_int_equal(setenv("PATH", "/nonexistent", 1), 0);
	drawing_begin(&drawing, &results, NULL);
	assert_int_equal(setenv("PATH", path, 1), 0);
	results_release(&results);
	AUTO(free_ptr) char *reason = drawing_end(&drawing);
	assert_non_null(reason);
	if (!strstr(reason, "gnuplot"))
		fail_msg("'%s'", reason);
}

static int setup(void **state)
{
	(void)state;
	return mkdtemp(dir) ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	return fsio_remove_tree(dir, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_drawn_beside),
		cmocka_unit_test(test_why_not_drawn),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
