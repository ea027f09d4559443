/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/auto.h"
#include "base/fsio.h"

static char folder[64];

static int make_folder(void **state)
{
	(void)state;
	(void)snprintf(folder, sizeof(folder), "/tmp/limitlab-test-fsio-XXXXXX");
	return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
	(void)state;
	return fsio_remove_tree(folder, NULL);
}

static char *in_folder(const char *name)
{
	return xasprintf("%s/%s", folder, name);
}

static void put(const char *path, const char *text)
{
	struct err err = ERR_INIT;

	if (fsio_write_atomic(path, text, strlen(text), &err))
		fail_msg("%s", err.text);
}

static void assert_holds(const char *path, const char *expected)
{
	AUTO(buf) struct buf text = BUF_INIT;

	assert_int_equal(fsio_read_file(path, 1 << 20, &text, NULL), 0);
	assert_string_equal(text.data, expected);
}

static void assert_has(const struct err *err, const char *word)
{
	if (!strstr(err->text, word))
		fail_msg("'%s' is not in '%s'", word, err->text);
}

static void test_read_file(void **state)
{
	AUTO(buf) struct buf text = BUF_INIT;
	struct err err = ERR_INIT;
	AUTO(free_ptr) char *path = in_folder("a");

	(void)state;
	put(path, "12345678");
	assert_int_equal(fsio_read_file(path, 8, &text, &err), 0);
	/* Appended, not replaced. */
	assert_int_equal(fsio_read_file(path, 8, &text, &err), 0);
	assert_string_equal(text.data, "1234567812345678");
	assert_int_equal(fsio_read_file(path, 7, &text, &err), -1);
	assert_int_equal(err.domain, ERR_INPUT);
	assert_has(&err, path);

	err_clear(&err);
	AUTO(free_ptr) char *missing = in_folder("missing");
	assert_int_equal(fsio_read_file(missing, 8, &text, &err), -1);
	assert_int_equal(err.code, ENOENT);
	assert_has(&err, missing);
	err_clear(&err);
	assert_int_equal(fsio_read_file(folder, 8, &text, &err), -1);
	assert_int_equal(err.code, EISDIR);

	/* An empty file is an empty text, not NULL. */
	AUTO(buf) struct buf empty = BUF_INIT;
	put(path, "");
	assert_int_equal(fsio_read_file(path, 8, &empty, &err), 0);
	assert_string_equal(empty.data, "");
}

static void test_read_small(void **state)
{
	char text[8];
	struct err err = ERR_INIT;
	AUTO(free_ptr) char *path = in_folder("a");

	(void)state;
	put(path, "abc\n\n");
	assert_int_equal(fsio_read_small(AT_FDCWD, path, text, sizeof(text), &err), 0);
	assert_string_equal(text, "abc");
	put(path, "0123456789");
	assert_int_equal(fsio_read_small(AT_FDCWD, path, text, sizeof(text), &err), 0);
	assert_string_equal(text, "0123456");
	/* Relative to a folder. */
	AUTO(close_fd) int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(fsio_read_small(fd, "a", text, sizeof(text), &err), 0);
	assert_int_equal(fsio_read_small(fd, "b", text, sizeof(text), &err), -1);
	assert_int_equal(err.code, ENOENT);
}

static void test_read_u64(void **state)
{
	static const struct {
		const char *name, *text;
		int result;
		uint64_t value;
	} cases[] = {
		{"plain", "42\n", 0, 42},
		{"no newline", "42", 0, 42},
		{"zero", "0\n", 0, 0},
		{"v2: unlimited", "max\n", 0, UINT64_MAX},
		{"v1: unlimited", "-1\n", 0, UINT64_MAX},
		{"largest", "18446744073709551615\n", 0, UINT64_MAX},
		{"too large", "18446744073709551616\n", -1, 0},
		{"negative", "-2\n", -1, 0},
		{"minus zero", "-0\n", -1, 0},
		{"empty", "", -1, 0},
		{"newline", "\n", -1, 0},
		{"word", "yes\n", -1, 0},
		{"begins like max", "maximum\n", -1, 0},
		{"two numbers", "1 2\n", -1, 0},
		{"unit", "1kB\n", -1, 0},
		{"fraction", "1.5\n", -1, 0},
		{"blank in front", " 7\n", -1, 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct err err = ERR_INIT;
		uint64_t value = 77;
		AUTO(free_ptr) char *path = in_folder("number");
		put(path, cases[i].text);
		int result = fsio_read_u64(AT_FDCWD, path, &value, &err);
		if (result != cases[i].result || value != (result ? 77 : cases[i].value))
			fail_msg("%s: result %d, value %" PRIu64, cases[i].name, result, value);
		if (result)
			assert_has(&err, path);
	}
}

static void test_write_small(void **state)
{
	struct err err = ERR_INIT;
	AUTO(free_ptr) char *path = in_folder("a");

	(void)state;
	/* A kernel file is never made, only written. */
	assert_int_equal(fsio_write_small(AT_FDCWD, path, "1", &err), -1);
	assert_int_equal(err.code, ENOENT);
	assert_false(fsio_exists(path));
	put(path, "");
	assert_int_equal(fsio_write_small(AT_FDCWD, path, "max 100000", NULL), 0);
	assert_holds(path, "max 100000");
	err_clear(&err);
	assert_int_equal(fsio_write_small(AT_FDCWD, "/dev/full", "77", &err), -1);
	assert_int_equal(err.code, ENOSPC);
	assert_has(&err, "'77'");
	assert_has(&err, "/dev/full");
}

static void test_make_dirs(void **state)
{
	struct err err = ERR_INIT;
	struct stat info;
	AUTO(free_ptr) char *path = in_folder("a/b//c");
	AUTO(free_ptr) char *file = in_folder("file");
	AUTO(free_ptr) char *below = in_folder("file/x");

	(void)state;
	assert_int_equal(fsio_make_dirs(path, &err), 0);
	assert_int_equal(fsio_make_dirs(path, &err), 0);
	assert_int_equal(stat(path, &info), 0);
	assert_int_equal(fsio_make_dirs("/", &err), 0);
	put(file, "");
	assert_int_equal(fsio_make_dirs(file, &err), -1);
	assert_int_equal(err.code, ENOTDIR);
	err_clear(&err);
	assert_int_equal(fsio_make_dirs(below, &err), -1);
	assert_has(&err, file);
	err_clear(&err);
	assert_int_equal(fsio_make_dirs("", &err), -1);
	assert_int_equal(err.code, ENOENT);
}

static void test_remove_tree(void **state)
{
	struct err err = ERR_INIT;
	AUTO(free_ptr) char *tree = in_folder("tree");
	AUTO(free_ptr) char *deep = in_folder("tree/a/b/c");
	AUTO(free_ptr) char *file = in_folder("tree/a/file");
	AUTO(free_ptr) char *link = in_folder("tree/link");
	AUTO(free_ptr) char *loose = in_folder("tree/loose");
	AUTO(free_ptr) char *other = in_folder("other");
	AUTO(free_ptr) char *kept = in_folder("other/kept");

	(void)state;
	assert_int_equal(fsio_make_dirs(deep, NULL), 0);
	assert_int_equal(fsio_make_dirs(other, NULL), 0);
	put(file, "x");
	put(kept, "y");
	assert_int_equal(symlink(other, link), 0);
	assert_int_equal(symlink("/nonexistent", loose), 0);
	assert_int_equal(fsio_remove_tree(tree, &err), 0);
	assert_false(fsio_exists(tree));
	/* A symbolic link is removed, not followed. */
	assert_holds(kept, "y");
	/* A second time there is nothing to do; a file goes too. */
	assert_int_equal(fsio_remove_tree(tree, &err), 0);
	assert_int_equal(fsio_remove_tree(kept, &err), 0);
	assert_false(fsio_exists(kept));
}

static void test_names(void **state)
{
	static const struct {
		const char *path, *dirname, *basename;
	} cases[] = {
		{"a/b.yaml", "a", "b.yaml"},
		{"b.yaml", ".", "b.yaml"},
		{"/b", "/", "b"},
		{"/a/b", "/a", "b"},
		{"a/b/", "a/b", ""},
		{"", ".", ""},
		{"/", "/", ""},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(free_ptr) char *dirname = fsio_dirname(cases[i].path);
		assert_string_equal(dirname, cases[i].dirname);
		assert_string_equal(fsio_basename(cases[i].path), cases[i].basename);
	}
}

static void test_exists(void **state)
{
	AUTO(free_ptr) char *loose = in_folder("loose");

	(void)state;
	assert_true(fsio_exists(folder));
	assert_false(fsio_exists(loose));
	/* A name that leads nowhere is there all the same: something to remove. */
	assert_int_equal(symlink("/nonexistent", loose), 0);
	assert_true(fsio_exists(loose));
}

/* Under its own name a file is old or new, never in between. */
static void test_outfile(void **state)
{
	struct err err = ERR_INIT;
	struct outfile out = {0};
	AUTO(free_ptr) char *path = in_folder("a");
	AUTO(free_ptr) char *tmp = in_folder("a.tmp");

	(void)state;
	outfile_abort(&out);
	put(path, "old");
	assert_int_equal(outfile_open(&out, path, &err), 0);
	assert_true(fputs("new", out.stream) >= 0);
	assert_int_equal(fflush(out.stream), 0);
	assert_holds(path, "old");
	assert_holds(tmp, "new");
	assert_int_equal(outfile_commit(&out, &err), 0);
	assert_holds(path, "new");
	assert_false(fsio_exists(tmp));

	assert_int_equal(outfile_open(&out, path, &err), 0);
	assert_true(fputs("never", out.stream) >= 0);
	outfile_abort(&out);
	outfile_abort(&out);
	assert_holds(path, "new");
	assert_false(fsio_exists(tmp));

	AUTO(free_ptr) char *nowhere = in_folder("no/folder");
	assert_int_equal(outfile_open(&out, nowhere, &err), -1);
	assert_int_equal(err.code, ENOENT);
	outfile_abort(&out);
	/* The place is taken by a folder. */
	AUTO(free_ptr) char *taken = in_folder("taken/full");
	assert_int_equal(fsio_make_dirs(taken, NULL), 0);
	*strrchr(taken, '/') = '\0';
	AUTO(free_ptr) char *taken_tmp = in_folder("taken.tmp");
	err_clear(&err);
	assert_int_equal(fsio_write_atomic(taken, "x", 1, &err), -1);
	assert_has(&err, taken);
	assert_false(fsio_exists(taken_tmp));
}

/* PATH.tmp leads to /dev/full: few bytes fail when they are flushed, many while they are written. */
static void test_full_disk(void **state)
{
	static const size_t sizes[] = {1, 100, 1 << 20};
	AUTO(free_ptr) char *data = xcalloc(1, 1 << 20);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct err err = ERR_INIT;
		AUTO(free_ptr) char *path = in_folder("a");
		AUTO(free_ptr) char *tmp = in_folder("a.tmp");
		put(path, "old");
		assert_int_equal(symlink("/dev/full", tmp), 0);
		assert_int_equal(fsio_write_atomic(path, data, sizes[i], &err), -1);
		assert_int_equal(err.domain, ERR_SYS);
		if (err.code != ENOSPC)
			fail_msg("%zu bytes: %s", sizes[i], err.text);
		assert_has(&err, "No space left on device");
		assert_has(&err, "a.tmp");
		assert_holds(path, "old");
		assert_false(fsio_exists(tmp));
	}
}

/* A disk that takes the first 64 KiB and then no more. */
static void test_disk_fills_up(void **state)
{

	struct rlimit before;
	struct err err = ERR_INIT;
	AUTO(free_ptr) char *data = xcalloc(1, 1 << 20);
	AUTO(free_ptr) char *path = in_folder("a");
	AUTO(free_ptr) char *tmp = in_folder("a.tmp");

	(void)state;
	put(path, "old");
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	(void)signal(SIGXFSZ, SIG_IGN);
	struct rlimit limit = {.rlim_cur = 64 << 10, .rlim_max = before.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	int result = fsio_write_atomic(path, data, 1 << 20, &err);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	(void)signal(SIGXFSZ, SIG_DFL);
	assert_int_equal(result, -1);
	assert_int_equal(err.domain, ERR_SYS);
	assert_int_equal(err.code, EFBIG);
	assert_holds(path, "old");
	assert_false(fsio_exists(tmp));
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_read_file),
		CASE(test_read_small),
		CASE(test_read_u64),
		CASE(test_write_small),
		CASE(test_make_dirs),
		CASE(test_remove_tree),
		cmocka_unit_test(test_names),
		CASE(test_exists),
		CASE(test_outfile),
		CASE(test_full_disk),
		CASE(test_disk_fills_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
