/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/auto.h"
#include "base/fsio.h"
#include "base/paths.h"

/* This program lies in the build folder, so everything must be found in the source tree. */
static void build_tree_is_found(void **state)
{
	(void)state;
	assert_true(paths_from_build_tree());

	AUTO(free_ptr) char *header = paths_data("src/base/paths.h");
	assert_int_equal(access(header, R_OK), 0);
	AUTO(free_ptr) char *init = paths_libexec("init");
	assert_string_equal(fsio_basename(init), "init");
	assert_non_null(strstr(init, "/src/guest/"));
	AUTO(free_ptr) char *runner = paths_libexec("runner");
	assert_string_equal(fsio_basename(runner), "runner");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(build_tree_is_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
