/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is written in a lab host appears on the host: frames there, files here. */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/auto.h"
#include "base/fsio.h"
#include "labhost/internal.h"
#include "series/rundir.h"

static char folder[] = "/tmp/limitlab-test-mirror-XXXXXX";
static char *there, *here; /* the lab host's folder, the copy */
static struct tree tree;
static struct mirror mirror;

/* All frames of buf; how many.  -1: one was refused. */
static int apply_all(struct buf *buf, struct err *err)
{
	struct frame frame;
	size_t size;
	int count = 0, found;

	while ((found = frame_take(buf, &frame, &size, err)) == 1) {
		if (mirror_apply(&mirror, &frame, err))
			return -1;
		buf_consume(buf, size);
		count++;
	}
	return found < 0 ? -1 : count;
}

/* One look, and what became of it here. */
static int look(void)
{
	AUTO(buf) struct buf frames = BUF_INIT;
	struct err err = ERR_INIT;

	tree_look(&tree, &frames);
	int count = apply_all(&frames, &err);
	if (count < 0)
		fail_msg("%s", err.text);
	assert_int_equal(frames.length, 0);
	return count;
}

static void put(const char *name, const char *mode, const char *text)
{
	AUTO(free_ptr) char *path = xasprintf("%s/%s", there, name);
	AUTO(free_ptr) char *parent = fsio_dirname(path);

	assert_int_equal(fsio_make_dirs(parent, NULL), 0);
	FILE *file = fopen(path, mode);
	assert_non_null(file);
	(void)fputs(text, file);
	assert_int_equal(fclose(file), 0);
}

static void move(const char *from, const char *to)
{
	AUTO(free_ptr) char *a = xasprintf("%s/%s", there, from);
	AUTO(free_ptr) char *b = xasprintf("%s/%s", there, to);

	assert_int_equal(rename(a, b), 0);
}

static void is_here(const char *name, const char *text)
{
	AUTO(free_ptr) char *path = xasprintf("%s/%s", here, name);
	AUTO(buf) struct buf data = BUF_INIT;
	struct err err = ERR_INIT;

	if (!text) {
		if (fsio_exists(path))
			fail_msg("%s is here", name);
		return;
	}
	if (fsio_read_file(path, 1 << 20, &data, &err))
		fail_msg("%s", err.text);
	assert_string_equal(data.data ? data.data : "", text);
}

static void all_is_checked(void)
{
	AUTO(buf) struct buf frames = BUF_INIT;
	struct err err = ERR_INIT;

	tree_check(&tree, &frames);
	int count = apply_all(&frames, &err);
	if (count < 0)
		fail_msg("%s", err.text);
	assert_true((size_t)count >= tree.count);
}

static void a_run_directory_comes_over_as_it_grows(void **state)
{
	(void)state;
	assert_int_equal(look(), 0);
	put("s/1/samples.csv.tmp", "w", "a,b\n");
	put("s/1/empty", "w", "");
	put("s/1/.reserve", "w", "zeros");
	put("s/1/manifest.json", "w", "{\"state\": \"running\"}");
	assert_int_equal(look(), 3);
	is_here("s/1/samples.csv.tmp", "a,b\n");
	is_here("s/1/empty", "");
	is_here("s/1/.reserve", NULL);
	assert_int_equal(mirror.manifest_count, 1);
	assert_int_equal(look(), 0);

	put("s/1/samples.csv.tmp", "a", "1,2\n");
	put("s/1/empty", "a", "x");
	assert_int_equal(look(), 2);
	is_here("s/1/samples.csv.tmp", "a,b\n1,2\n");
	is_here("s/1/empty", "x");

	/* It gets its name, and more, between two looks. */
	put("s/1/samples.csv.tmp", "a", "3,4\n");
	move("s/1/samples.csv.tmp", "s/1/samples.csv");
	assert_int_equal(look(), 2);
	is_here("s/1/samples.csv.tmp", NULL);
	is_here("s/1/samples.csv", "a,b\n1,2\n3,4\n");

	/* Replaced by another file, as limitlab does: once seen under its other name before, once not. */
	put("s/1/manifest.json.tmp", "w", "{\"state\": \"complete\"}");
	move("s/1/manifest.json.tmp", "s/1/manifest.json");
	assert_int_equal(look(), 1);
	is_here("s/1/manifest.json", "{\"state\": \"complete\"}");
	put("s/1/manifest.json.tmp", "w", "{\"state\": \"broken\"}");
	assert_int_equal(look(), 1);
	move("s/1/manifest.json.tmp", "s/1/manifest.json");
	assert_true(look() >= 1);
	is_here("s/1/manifest.json", "{\"state\": \"broken\"}");
	is_here("s/1/manifest.json.tmp", NULL);
	all_is_checked();

	/* Written anew: shorter, and of the same length. */
	put("s/1/empty", "w", "");
	look();
	is_here("s/1/empty", "");
	put("s/1/empty", "w", "1");
	look();
	usleep(20000);
	put("s/1/empty", "w", "2");
	look();
	is_here("s/1/empty", "2");

	AUTO(free_ptr) char *gone = xasprintf("%s/s/1/empty", there);
	assert_int_equal(unlink(gone), 0);
	assert_int_equal(look(), 1);
	is_here("s/1/empty", NULL);
	all_is_checked();
	assert_int_equal(mirror.manifest_count, 1);
}

/* Replaced files' inode numbers come back at once on ext4: the new owner is not the old file under another name. */
static void a_number_that_is_used_again_is_another_file(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 20; i++) {
		AUTO(free_ptr) char *old = xasprintf("%s/again/a%u", there, i);
		AUTO(free_ptr) char *name = xasprintf("again/a%u", i);
		AUTO(free_ptr) char *next = xasprintf("again/b%u", i);
		put(name, "w", "short");
		look();
		assert_int_equal(unlink(old), 0);
		put(next, "w", "another and longer");
		look();
		is_here(next, "another and longer");
		is_here(name, NULL);
	}
	all_is_checked();
}

/* A file that was written anew and is longer looks as if it had grown; in the end it is found. */
static void what_did_not_only_grow_is_sent_again(void **state)
{
	(void)state;
	put("anew", "w", "one");
	look();
	put("anew", "w", "another");
	look();
	all_is_checked();
	is_here("anew", "another");
}

static void a_large_file_comes_in_pieces(void **state)
{
	AUTO(free_ptr) char *text = xcalloc(1, (3 << 20) + 12345);
	AUTO(free_ptr) char *path = xasprintf("%s/large", here);
	struct stat status;

	(void)state;
	memset(text, 'y', (3 << 20) + 12344);
	put("large", "w", text);
	assert_int_equal(look(), 4);
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_size, (3 << 20) + 12344);
	all_is_checked();
}

static void a_copy_that_differs_is_found(void **state)
{
	AUTO(buf) struct buf frames = BUF_INIT;
	AUTO(free_ptr) char *path = xasprintf("%s/large", here);
	struct err err = ERR_INIT;

	(void)state;
	FILE *file = fopen(path, "r+");
	assert_non_null(file);
	assert_int_equal(fputc('z', file), 'z');
	assert_int_equal(fclose(file), 0);
	tree_check(&tree, &frames);
	assert_int_equal(apply_all(&frames, &err), -1);
	assert_non_null(strstr(err.text, "is not as it was in the lab host"));
}

/* A kernel that is being tested may send anything. */
static void what_is_no_frame_is_refused(void **state)
{
	static const char *const bad[] = {"rx/../../etc/x", "r/etc/passwd", "r", "r.", "r..", "rx//y", "rx/",
		"xa", "r./a", "ra/./b", ""};
	struct frame frame;
	struct err err = ERR_INIT;
	size_t size;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		print_message("case: '%s'\n", bad[i]);
		AUTO(buf) struct buf buf = BUF_INIT;
		frame_add(&buf, FRAME_PUT, bad[i], NULL, 0, "x", 1);
		err_clear(&err);
		assert_int_equal(frame_take(&buf, &frame, &size, &err), -1);
		assert_int_equal(err.domain, ERR_RUN);
	}
	static const struct {
		const char *name, *bytes;
		size_t length;
	} garbage[] = {
		{"unknown kind", "?\0\0\0\0", 5},
		{"far too long", "o\xff\xff\xff\xff", 5},
		{"a path without an end", "p\3\0\0\0rab", 8},
		{"an offset that is cut", "a\5\0\0\0rab\0x", 10},
		{"a move to nowhere", "m\4\0\0\0rab\0", 9},
		{"a move to another tree", "m\10\0\0\0rab\0lab\0", 13},
	};
	for (size_t i = 0; i < ARRAY_SIZE(garbage); i++) {
		print_message("case: %s\n", garbage[i].name);
		AUTO(buf) struct buf buf = BUF_INIT;
		buf_add(&buf, garbage[i].bytes, garbage[i].length);
		assert_int_equal(frame_take(&buf, &frame, &size, NULL), -1);
	}
	/* Cut anywhere, it is no frame yet. */
	AUTO(buf) struct buf whole = BUF_INIT;
	frame_add(&whole, FRAME_OUT, NULL, NULL, 0, "hello", 5);
	for (size_t length = 0; length < whole.length; length++) {
		AUTO(buf) struct buf part = BUF_INIT;
		if (length)
			buf_add(&part, whole.data, length);
		assert_int_equal(frame_take(&part, &frame, &size, NULL), 0);
	}
	assert_int_equal(frame_take(&whole, &frame, &size, NULL), 1);
	assert_int_equal(size, whole.length);
	assert_int_equal(frame.length, 5);
}

static int set_up(void **state)
{
	(void)state;
	if (!mkdtemp(folder))
		return -1;
	there = xasprintf("%s/there", folder);
	here = xasprintf("%s/here", folder);
	tree = (struct tree){.folder = there, .letter = TREE_RESULTS};
	mirror = (struct mirror){.results = here, .learned = here};
	return fsio_make_dirs(there, NULL) || fsio_make_dirs(here, NULL) ? -1 : 0;
}

static int tear_down(void **state)
{
	(void)state;
	tree_release(&tree);
	mirror_release(&mirror);
	free(there);
	free(here);
	return fsio_remove_tree(folder, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_run_directory_comes_over_as_it_grows),
		cmocka_unit_test(a_number_that_is_used_again_is_another_file),
		cmocka_unit_test(what_did_not_only_grow_is_sent_again),
		cmocka_unit_test(a_large_file_comes_in_pieces),
		cmocka_unit_test(a_copy_that_differs_is_found),
		cmocka_unit_test(what_is_no_frame_is_refused),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
