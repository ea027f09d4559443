/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/auto.h"
#include "base/buf.h"
#include "guest/archive.h"
#include "base/fsio.h"
#include "guest/cpio.h"
#include "guest/image_parts.h"

#define DEB "deb [signed-by=" ARCHIVE_KEYRING "] "

static void suite_is_the_hosts_when_it_can_be(void **state)
{
	static const struct {
		const char *name, *os_release, *suite;
	} cases[] = {
		{"bookworm", "ID=debian\nVERSION_ID=\"12\"\nVERSION_CODENAME=bookworm\n", "bookworm"},
		{"trixie", "PRETTY_NAME=\"x\"\nVERSION_CODENAME=trixie\nVERSION_ID=\"13\"\nID=debian",
			"trixie"},
		{"testing has no number", "ID=debian\nVERSION_CODENAME=forky\n", "forky"},
		{"too old", "ID=debian\nVERSION_ID=\"11\"\nVERSION_CODENAME=bullseye\n", "bookworm"},
		{"another distribution",
			"ID=ubuntu\nID_LIKE=debian\nVERSION_ID=\"24.04\"\nVERSION_CODENAME=noble\n",
			"bookworm"},
		{"empty", "", "bookworm"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		print_message("case: %s\n", cases[i].name);
		AUTO(free_ptr) char *suite = archive_suite_of(cases[i].os_release);
		assert_string_equal(suite, cases[i].suite);
	}
}

#define STANDARD                                                                                             \
	DEB "http://deb.debian.org/debian bookworm main\n" DEB                                               \
	    "http://deb.debian.org/debian bookworm-updates main\n" DEB                                       \
	    "http://deb.debian.org/debian-security bookworm-security main\n"

static void only_debians_own_sources_are_taken(void **state)
{
	static const struct {
		const char *name, *targets, *sources;
	} cases[] = {
		{"a mirror and strangers",
			"http://m/debian/\tbookworm\tbookworm\tmain\tDebian\tamd64\n"
			"http://m/debian/\tbookworm\tbookworm\tcontrib\tDebian\tamd64\n"
			"http://m/debian/\tbookworm-updates\tbookworm-updates\tmain\tDebian\tamd64\n"
			"http://m/debian/\tbookworm-backports\tbookworm-backports\tmain\tDebian Backports\tamd64\n"
			"http://s/sec/\tbookworm-security\tbookworm-security\tmain\tDebian\tamd64\n"
			"http://p/pg\tbookworm-pgdg\tbookworm-pgdg\tmain\tpgdg\tamd64\n"
			"http://x/node\tnodistro\tnodistro\tmain\tNode\tamd64\n"
			"http://y/\tbookworm\tbookworm\tmain\tStranger\tamd64\n"
			"http://m/debian/\tbookworm\tbookworm\tmain\tDebian\ti386\n",
			DEB "http://m/debian/ bookworm main\n" DEB
			    "http://m/debian/ bookworm-updates main\n" DEB
			    "http://s/sec/ bookworm-security main\n"},
		{"before the first update",
			"http://m/debian/\tbookworm\t$(CODENAME)\tmain\t$(ORIGIN)\tamd64\n",
			DEB "http://m/debian/ bookworm main\n"},
		{"strangers before the first update",
			"http://download.stranger.example/linux/debian-stranger\tbookworm\t$(CODENAME)\tmain\t$(ORIGIN)\tamd64\n"
			"http://stranger.example/debian/apt\tbookworm\t$(CODENAME)\tmain\t$(ORIGIN)\tamd64\n"
			"http://debian\tbookworm\t$(CODENAME)\tmain\t$(ORIGIN)\tamd64\n"
			"http://m/debian\tbookworm\t$(CODENAME)\tmain\t$(ORIGIN)\tamd64\n"
			"http://m/debian-security//\tbookworm-security\t$(CODENAME)\tmain\t$(ORIGIN)\tamd64\n",
			DEB "http://m/debian bookworm main\n" DEB
			    "http://m/debian-security// bookworm-security main\n"},
		{"only strangers before the first update",
			"http://y/apt\tbookworm\t$(CODENAME)\tmain\t$(ORIGIN)\tamd64\n", STANDARD},
		{"mirrors on this host",
			"file:/srv/debian/\tbookworm\tbookworm\tmain\tDebian\tamd64\n"
			"file:///srv/debian\tbookworm-updates\t$(CODENAME)\tmain\t$(ORIGIN)\tamd64\n"
			"mirror+file:/etc/apt/mirrors/debian.list\tbookworm-security\tbookworm-security\tmain\tDebian\tamd64\n",
			DEB "copy:/srv/debian/ bookworm main\n" DEB
			    "copy:///srv/debian bookworm-updates main\n" DEB
			    "mirror+file:/etc/apt/mirrors/debian.list bookworm-security main\n"},
		{"by the suite's name", "http://m/debian/\tstable\tbookworm\tmain\tDebian\tamd64\n",
			DEB "http://m/debian/ stable main\n"},
		{"the same twice",
			"http://m/\tbookworm\tbookworm\tmain\tDebian\tamd64\nhttp://m/\tbookworm\tbookworm\tmain\tDebian\tamd64\n",
			DEB "http://m/ bookworm main\n"},
		{"another distribution", "http://u/\tnoble\tnoble\tmain\tUbuntu\tamd64\n", STANDARD},
		{"updates without the suite",
			"http://m/\tbookworm-updates\tbookworm-updates\tmain\tDebian\tamd64\n", STANDARD},
		{"nothing", "", STANDARD},
		{"a disc", "cdrom:[x]/\tbookworm\tbookworm\tmain\tDebian\tamd64\n", STANDARD},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		print_message("case: %s\n", cases[i].name);
		AUTO(free_ptr) char *sources = archive_sources_of(cases[i].targets, "bookworm");
		assert_string_equal(sources, cases[i].sources);
	}
}

static void network_settings_are_taken(void **state)
{
	AUTO(free_ptr)
	char *options = archive_options_of("Acquire \"\";\n"
					   "Acquire::http \"\";\n"
					   "Acquire::http::Proxy \"http://proxy:3128\";\n"
					   "Acquire::http::Proxy::localhost \"DIRECT\";\n"
					   "Acquire::https::Verify-Peer \"true\";\n"
					   "Acquire::AllowInsecureRepositories \"1\";\n"
					   "Acquire::Languages:: \"none\";\n"
					   "Acquire::Check-Valid-Until \"false\";\n"
					   "APT::Get::AllowUnauthenticated \"1\";\n");

	(void)state;
	assert_string_equal(options, "Acquire::http::Proxy \"http://proxy:3128\";\n"
				     "Acquire::http::Proxy::localhost \"DIRECT\";\n"
				     "Acquire::https::Verify-Peer \"true\";\n"
				     "Acquire::Check-Valid-Until \"false\";\n");
}

static void newest_kernel_is_chosen(void **state)
{
	static const char list[] = "linux-image-6.1.0-9-cloud-amd64 - Linux 6.1 for x86-64 cloud (signed)\n"
				   "linux-image-6.1.0-56-cloud-amd64 - Linux 6.1 for x86-64 cloud (signed)\n"
				   "linux-image-6.1.0-57-cloud-amd64-dbg - Debug symbols\n"
				   "linux-image-6.1.0-58-cloud-amd64-unsigned - Linux 6.1\n"
				   "linux-image-6.12-cloud-amd64 - Linux for x86-64 cloud (meta-package)\n"
				   "linux-image-6.12.95+deb12-cloud-amd64 - Linux 6.12\n"
				   "linux-image-6.12.117+deb12-cloud-amd64 - Linux 6.12\n"
				   "linux-image-cloud-amd64 - meta\n";
	static const struct {
		const char *wish, *package; /* NULL: none */
	} cases[] = {
		{"6.1", "linux-image-6.1.0-56-cloud-amd64"},
		{"6.12", "linux-image-6.12.117+deb12-cloud-amd64"},
		{"6.12.95", "linux-image-6.12.95+deb12-cloud-amd64"},
		{"6.1.0-9", "linux-image-6.1.0-9-cloud-amd64"},
		{"6.1.0-9-cloud-amd64", "linux-image-6.1.0-9-cloud-amd64"},
		{"linux-image-6.1.0-9-cloud-amd64", "linux-image-6.1.0-9-cloud-amd64"},
		{"6", "linux-image-6.12.117+deb12-cloud-amd64"},
		{"6.11", NULL},
		{"5.10", NULL},
		{"", NULL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		print_message("case: '%s'\n", cases[i].wish);
		AUTO(free_ptr) char *package = archive_choose_kernel(list, cases[i].wish);
		if (cases[i].package)
			assert_string_equal(package ? package : "none", cases[i].package);
		else
			assert_null(package);
	}
}

static void cpio_is_what_the_kernel_reads(void **state)
{
	static const char head[] = "070701"
				   "00000001"
				   "000081ED" /* a regular file, 0755 */
				   "00000000"
				   "00000000"
				   "00000001"
				   "00000000"
				   "00000005";
	AUTO(free_ptr) char *data = NULL;
	size_t length = 0;
	FILE *stream = open_memstream(&data, &length);
	struct cpio cpio = {.stream = stream};

	(void)state;
	assert_non_null(stream);
	cpio_add_file(&cpio, "init", 0755, "hello", 5);
	cpio_add_dir(&cpio, "bin", 0755);
	cpio_finish(&cpio);
	assert_int_equal(fclose(stream), 0);
	assert_int_equal(length % 512, 0);
	assert_memory_equal(data, head, sizeof(head) - 1);
	/* The name begins at 110, the data at the next multiple of 4 after it, the next entry likewise. */
	assert_string_equal(data + 110, "init");
	assert_memory_equal(data + 116,
		"hello\0\0\0"
		"070701",
		14);
	assert_memory_equal(data + 124 + 110, "bin", 4);
	assert_non_null(memmem(data, length, "TRAILER!!!", 11));
}

/* The image is written through an outfile, whose stream has no position (ftell() fails). */
static void cpio_is_the_same_through_an_outfile(void **state)
{
	AUTO(free_ptr) char *data = NULL;
	AUTO(buf) struct buf kept = BUF_INIT;
	char path[] = "/tmp/limitlab-test-cpio-XXXXXX";
	struct err err = ERR_INIT;
	struct outfile out;
	size_t length = 0;
	FILE *stream = open_memstream(&data, &length);
	int fd = mkstemp(path);

	(void)state;
	assert_non_null(stream);
	assert_true(fd >= 0);
	(void)close(fd);
	assert_int_equal(outfile_open(&out, path, &err), 0);
	struct cpio archives[] = {{.stream = stream}, {.stream = out.stream}};
	for (size_t i = 0; i < ARRAY_SIZE(archives); i++) {
		cpio_add_file(&archives[i], "init", 0755, "hello", 5);
		cpio_add_file(&archives[i], "runner", 0755, "x", 1);
		cpio_finish(&archives[i]);
	}
	assert_int_equal(fclose(stream), 0);
	assert_int_equal(outfile_commit(&out, &err), 0);
	assert_int_equal(fsio_read_file(path, 1 << 20, &kept, &err), 0);
	(void)unlink(path);
	assert_int_equal(kept.length, length);
	assert_memory_equal(kept.data, data, length);
}

static void hashes_follow_their_inputs(void **state)
{
	AUTO(free_ptr) char *a = image_root_hash("bookworm");
	AUTO(free_ptr) char *b = image_root_hash("trixie");
	AUTO(free_ptr) char *again = image_root_hash("bookworm");

	(void)state;
	assert_string_equal(a, again);
	assert_string_not_equal(a, b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(suite_is_the_hosts_when_it_can_be),
		cmocka_unit_test(only_debians_own_sources_are_taken),
		cmocka_unit_test(network_settings_are_taken),
		cmocka_unit_test(newest_kernel_is_chosen),
		cmocka_unit_test(cpio_is_what_the_kernel_reads),
		cmocka_unit_test(cpio_is_the_same_through_an_outfile),
		cmocka_unit_test(hashes_follow_their_inputs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
