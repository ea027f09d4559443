/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The undo journal over real files: its entries here are manifests ("run") and folders below a private state directory
 * ("tree"), so that what was undone can be seen.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/fsio.h"
#include "run/journal.h"
#include "run/undo.h"

static char state_dir[] = "/tmp/limitlab-test-journal-XXXXXX";
static char *journals;

static char *in_state(const char *name)
{
	return xasprintf("%s/%s", state_dir, name);
}

static int make_journals(void **state)
{
	(void)state;
	journals = in_state("journal");
	return fsio_make_dirs(journals, NULL);
}

static int remove_journals(void **state)
{
	(void)state;
	int result = fsio_remove_tree(journals, NULL);
	free(journals);
	return result;
}

static char *make_tree(const char *name)
{
	char *path = in_state(name);

	assert_int_equal(fsio_make_dirs(path, NULL), 0);
	return path;
}

static char *journal_file(const char *id)
{
	return xasprintf("%s/%s.jsonl", journals, id);
}

static void append(const char *path, const char *text)
{
	AUTO(close_fd) int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
}

/* The texts that a replay reports, one per line. */
static void take_report(void *context, const char *text)
{
	buf_addf(context, "%s\n", text);
}

static void assert_has(const struct err *err, const char *word)
{
	if (!strstr(err->text, word))
		fail_msg("'%s' is not in '%s'", word, err->text);
}

static void test_undo(void **state)
{
	struct err err = ERR_INIT;
	struct journal *journal = NULL, *second = NULL;
	AUTO(free_ptr) char *tree = make_tree("a");
	AUTO(free_ptr) char *odd = make_tree("b \"c\"\n\\ \xc3\xa9");
	AUTO(free_ptr) char *file = journal_file("run-1");

	(void)state;
	assert_int_equal(journal_create(journals, "run-1", &journal, &err), 0);
	/* One journal per run: a second one of that name is somebody else's. */
	assert_int_equal(journal_create(journals, "run-1", &second, &err), -1);
	assert_has(&err, file);
	err_clear(&err);
	assert_int_equal(journal_push(journal, UNDO_TREE, tree, NULL, &err), 0);
	/* Names that need escaping are one line all the same. */
	assert_int_equal(journal_push(journal, UNDO_TREE, odd, "unused", &err), 0);
	assert_true(fsio_exists(tree) && fsio_exists(odd));
	if (journal_undo(journal, &err))
		fail_msg("%s", err.text);
	assert_false(fsio_exists(tree));
	assert_false(fsio_exists(odd));
	assert_false(fsio_exists(file));
	journal_close(journal);
	journal_close(NULL);
}

/* What is not in UTF-8 cannot be journalled, so that it must not be done. */
static void test_push_fails(void **state)
{
	struct err err = ERR_INIT;
	struct journal *journal = NULL;

	(void)state;
	assert_int_equal(journal_create(journals, "run-1", &journal, &err), 0);
	assert_int_equal(journal_push(journal, UNDO_TREE, "/x\xff", NULL, &err), -1);
	assert_has(&err, "UTF-8");
	journal_close(journal);
	err_clear(&err);
	AUTO(free_ptr) char *nowhere = in_state("nowhere");
	assert_int_equal(journal_create(nowhere, "run-1", &journal, &err), -1);
	assert_has(&err, nowhere);
}

/* Newest first. */
static void test_order(void **state)
{
	AUTO(buf) struct buf report = BUF_INIT;
	struct err err = ERR_INIT;
	struct journal *journal = NULL;
	AUTO(buf) struct buf expected = BUF_INIT;
	size_t count;

	(void)state;
	assert_int_equal(journal_create(journals, "run-1", &journal, &err), 0);
	for (int i = 0; i < 3; i++) {
		AUTO(free_ptr) char *name = xasprintf("tree-%d", i);
		AUTO(free_ptr) char *tree = make_tree(name);
		assert_int_equal(journal_push(journal, UNDO_TREE, tree, i == 1 ? "more" : NULL, &err), 0);
	}
	journal_close(journal);
	assert_int_equal(journal_replay_all(journals, take_report, &report, &count, &err), 0);
	assert_int_equal(count, 1);
	buf_addf(&expected, "the folder: %s/tree-2\nthe folder: %s/tree-1 more\nthe folder: %s/tree-0\n",
		state_dir, state_dir, state_dir);
	assert_string_equal(report.data, expected.data);
	/* Nothing is left to replay. */
	assert_int_equal(journal_replay_all(journals, take_report, &report, &count, &err), 0);
	assert_int_equal(count, 0);
}

/* Whatever stands behind the last newline was never acted upon. */
static void test_cut_off(void **state)
{
	static const char *const tails[] = {
		"",
		"[",
		"[\"tree\",\"/etc",
		"[\"tree\",\"/etc\"]", /* whole, but not synced: its newline is missing */
		"[\"nonsense\"]",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(tails); i++) {
		struct err err = ERR_INIT;
		struct journal *journal = NULL;
		size_t count;
		AUTO(free_ptr) char *tree = make_tree("a");
		AUTO(free_ptr) char *file = journal_file("run-1");
		assert_int_equal(journal_create(journals, "run-1", &journal, &err), 0);
		assert_int_equal(journal_push(journal, UNDO_TREE, tree, NULL, &err), 0);
		append(file, tails[i]);
		journal_close(journal);
		if (journal_replay_all(journals, NULL, NULL, &count, &err))
			fail_msg("'%s': %s", tails[i], err.text);
		assert_false(fsio_exists(tree));
		assert_false(fsio_exists(file));
	}
	assert_true(fsio_exists("/etc"));
}

/* One entry that fails, or cannot be understood, keeps the journal; the others are undone. */
static void test_failures(void **state)
{
	static const struct {
		const char *name, *line, *says;
	} cases[] = {
		{"unknown kind", "[\"teleport\",\"x\"]\n", "teleport"},
		{"no JSON", "garbage\n", "garbage"},
		{"no array", "{\"kind\":\"tree\"}\n", "cannot be read"},
		{"no argument", "[\"tree\"]\n", "cannot be read"},
		{"no text", "[\"tree\",7]\n", "cannot be read"},
		{"an empty line", "\n", "cannot be read"},
		{"an undo that fails", "[\"tree\",\"/etc\"]\n",
			"cannot undo the folder: '/etc' is not below"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(buf) struct buf report = BUF_INIT;
		struct err err = ERR_INIT;
		size_t count;
		AUTO(free_ptr) char *before = make_tree("before");
		AUTO(free_ptr) char *after = make_tree("after");
		AUTO(free_ptr) char *file = journal_file("run-1");
		AUTO(free_ptr)
		char *text =
			xasprintf("[\"tree\",\"%s\"]\n%s[\"tree\",\"%s\"]\n", before, cases[i].line, after);
		append(file, text);
		print_message("  %s\n", cases[i].name);
		assert_int_equal(journal_replay_all(journals, take_report, &report, &count, &err), -1);
		assert_int_equal(count, 1);
		assert_has(&err, cases[i].says);
		assert_has(&err, file);
		assert_false(fsio_exists(before));
		assert_false(fsio_exists(after));
		assert_true(fsio_exists(file));
		assert_int_equal(unlink(file), 0);
	}
}

static void test_reports_failure(void **state)
{
	AUTO(buf) struct buf report = BUF_INIT;
	struct err err = ERR_INIT;
	size_t count;
	AUTO(free_ptr) char *file = journal_file("run-1");

	(void)state;
	append(file, "[\"tree\",\"/etc\"]\n");
	assert_int_equal(journal_replay_all(journals, take_report, &report, &count, &err), -1);
	assert_non_null(strstr(report.data, "the folder: /etc: FAILED: '/etc' is not below"));
}

/* Every journal is replayed; the first failure is reported, with the journal it stands in and no other. */
static void test_several(void **state)
{
	struct err err = ERR_INIT;
	size_t count;
	AUTO(free_ptr) char *tree = make_tree("a");
	AUTO(free_ptr) char *bad1 = journal_file("bad-1");
	AUTO(free_ptr) char *bad2 = journal_file("bad-2");
	AUTO(free_ptr) char *good = journal_file("good");
	AUTO(free_ptr) char *other = xasprintf("%s/notes.txt", journals);
	AUTO(free_ptr) char *line = xasprintf("[\"tree\",\"%s\"]\n", tree);

	(void)state;
	append(bad1, "[\"tree\",\"/etc\"]\n");
	append(bad2, "[\"tree\",\"/etc\"]\n");
	append(good, line);
	append(other, "not a journal\n");
	assert_int_equal(journal_replay_all(journals, NULL, NULL, &count, &err), -1);
	assert_int_equal(count, 3);
	assert_false(fsio_exists(good));
	assert_false(fsio_exists(tree));
	assert_true(fsio_exists(bad1) && fsio_exists(bad2) && fsio_exists(other));
	const char *named = strstr(err.text, "undo journal");
	assert_non_null(named);
	assert_null(strstr(named + 1, "undo journal"));
	/* A folder that was never made holds no journals. */
	err_clear(&err);
	AUTO(free_ptr) char *nowhere = in_state("nowhere");
	assert_int_equal(journal_replay_all(nowhere, NULL, NULL, &count, &err), 0);
	assert_int_equal(count, 0);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, make_journals, remove_journals)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_undo),
		CASE(test_push_fails),
		CASE(test_order),
		CASE(test_cut_off),
		CASE(test_failures),
		CASE(test_reports_failure),
		CASE(test_several),
	};

	/* paths_state_dir() asks once. */
	if (!mkdtemp(state_dir) || setenv("LIMITLAB_STATE_DIR", state_dir, 1))
		return 1;
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	return fsio_remove_tree(state_dir, NULL) || failed;
}
