/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Opening a guest image: a folder made by hand, as the builder would leave it.
 */
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
#include "guest/image.h"
#include "guest/image_parts.h"

#define RELEASE "6.1.0-1-cloud-amd64"

static char folder[] = "/tmp/limitlab-image-XXXXXX";

static void put(const char *name, const char *text)
{
	AUTO(free_ptr) char *path = xasprintf("%s/%s", folder, name);
	AUTO(free_ptr) char *parent = fsio_dirname(path);
	struct err err = ERR_INIT;

	if (fsio_make_dirs(parent, &err) || fsio_write_atomic(path, text, strlen(text), &err))
		fail_msg("%s", err.text);
}

/* Hashes of another suite than the manifest's stand for any other input that has changed. */
static void make_image(const struct image_options *options, const char *suite, const char *root_of,
	const char *kernel_of, bool same_front)
{
	AUTO(free_ptr) char *root_hash = image_root_hash(root_of);
	AUTO(free_ptr) char *base_hash = image_base_hash(kernel_of);
	AUTO(free_ptr) char *front_hash = NULL;
	AUTO(free_ptr) char *root = NULL;
	AUTO(free_ptr) char *kernel = NULL;

	assert_int_equal(image_front_hash(options, &front_hash, NULL), 0);
	root = xasprintf("{\"hash\": \"%s\", \"suite\": \"%s\"}", root_hash, suite);
	kernel = xasprintf("{\"base_hash\": \"%s\", \"front_hash\": \"%s\", \"default\": true, "
			   "\"package\": \"linux-image-" RELEASE "\"}",
		base_hash, same_front ? front_hash : "0");
	put("root/manifest.json", root);
	put("root/root.squashfs", "root");
	put("kernel-" RELEASE "/manifest.json", kernel);
	put("kernel-" RELEASE "/vmlinuz", "kernel");
	put("kernel-" RELEASE "/initrd", "initrd");
}

static void test_open(void **state)
{
	static const struct {
		const char *name, *suite, *root_of, *kernel_of, *lost, *error;
		bool same_front;
	} cases[] = {
		/* Whatever the host that runs this test is. */
		{"of Debian 12", "bookworm", "bookworm", "bookworm", NULL, NULL, true},
		{"of Debian 13", "trixie", "trixie", "trixie", NULL, NULL, true},
		{"old root", "trixie", "sid", "trixie", NULL, "root is out of date", true},
		{"old kernel", "trixie", "trixie", "sid", NULL, "no default guest kernel", true},
		{"old runner", "trixie", "trixie", "trixie", NULL, "init or runner is out of date", false},
		{"no root", "trixie", "trixie", "trixie", "root/manifest.json", "there is no guest image",
			true},
		{"lost file", "trixie", "trixie", "trixie", "kernel-" RELEASE "/initrd", "has lost a file",
			true},
	};
	AUTO(free_ptr) char *runner = xasprintf("%s/runner", folder);
	AUTO(free_ptr) char *init = xasprintf("%s/init", folder);
	const struct image_options options = {.dir = folder, .runner_path = runner, .init_path = init};

	(void)state;
	put("runner", "runner");
	put("init", "init");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct err err = ERR_INIT;
		struct image image = {0};

		make_image(
			&options, cases[i].suite, cases[i].root_of, cases[i].kernel_of, cases[i].same_front);
		if (cases[i].lost) {
			AUTO(free_ptr) char *path = xasprintf("%s/%s", folder, cases[i].lost);
			assert_int_equal(unlink(path), 0);
		}
		int result = image_open(&options, &image, &err);
		if (result != (cases[i].error ? -1 : 0))
			fail_msg("%s: %d, '%s'", cases[i].name, result, err.text);
		if (cases[i].error) {
			assert_int_equal(err.domain, ERR_HOST);
			if (!strstr(err.text, cases[i].error))
				fail_msg(
					"%s: got '%s', wanted '%s'", cases[i].name, err.text, cases[i].error);
			assert_string_equal(err.remedy, "limitlab image build");
		} else {
			assert_string_equal(image.suite, cases[i].suite);
			assert_string_equal(image.kernel_release, RELEASE);
			image_release(&image);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_open),
	};

	if (!mkdtemp(folder))
		return 1;
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	(void)fsio_remove_tree(folder, NULL);
	return failed;
}
