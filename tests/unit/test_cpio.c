/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The archive is the same whether its stream can tell its position or not: the kernel unpacks nothing that is not padded. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include <cmocka.h>

#include "base/auto.h"
#include "base/buf.h"
#include "guest/cpio.h"

static void write_archive(FILE *stream)
{
	struct cpio cpio = {.stream = stream};

	cpio_add_dir(&cpio, "bin", 0755);
	cpio_add_file(&cpio, "init", 0755, "#!/bin/sh\nexit\n", 15);
	cpio_add_file(&cpio, "empty", 0644, NULL, 0);
	cpio_finish(&cpio);
	assert_int_equal(fclose(stream), 0);
}

static ssize_t keep(void *cookie, const char *data, size_t length)
{
	buf_add(cookie, data, length);
	return (ssize_t)length;
}

static void test_layout(void **state)
{
	AUTO(buf) struct buf plain = BUF_INIT;
	char *seekable = NULL;
	size_t length = 0;

	(void)state;
	write_archive(open_memstream(&seekable, &length));
	write_archive(fopencookie(&plain, "w", (cookie_io_functions_t){.write = keep}));
	assert_int_equal(length % 512, 0);
	assert_int_equal(plain.length, length);
	assert_memory_equal(plain.data, seekable, length);
	/* newc: a header of 110 bytes and the name with its NUL, padded to 4; the data likewise. */
	size_t second = (110 + sizeof("bin") + 3) / 4 * 4;
	size_t data = second + (110 + sizeof("init") + 3) / 4 * 4;
	assert_memory_equal(plain.data + second, "070701", 6);
	assert_memory_equal(plain.data + data,
		"#!/bin/sh\nexit\n\0"
		"070701",
		22);
	free(seekable);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {cmocka_unit_test(test_layout)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
