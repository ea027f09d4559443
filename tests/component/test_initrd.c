/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The guest's modules are those of its kernel, whatever the host's modprobe is told. */
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/fsio.h"
#include "base/spawn.h"
#include "guest/initrd.h"

#define RELEASE "6.1.0-1-cloud-amd64"
#define HOSTS   "/etc/modprobe.d"

static char folder[] = "/tmp/limitlab-initrd-XXXXXX";

/* A module is any ELF file to depmod. */
static void put_module(const char *name)
{
	AUTO(free_ptr) char *path = xasprintf("%s/lib/modules/" RELEASE "/kernel/%s.ko", folder, name);
	AUTO(free_ptr) char *parent = fsio_dirname(path);
	struct err err = ERR_INIT;

	if (fsio_make_dirs(parent, &err) ||
		spawn_check((const char *const[]){"cp", "/bin/true", path, NULL}, NULL, &err))
		fail_msg("%s", err.text);
}

/* In a mount namespace of its own, so that no host's file is touched. */
static int build_on_such_a_host(const char *base, const char *configuration)
{
	struct err err = ERR_INIT;

	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
		mount("tmpfs", HOSTS, "tmpfs", 0, NULL)) {
		perror("no " HOSTS " of its own");
		return 2;
	}
	if (fsio_write_atomic(HOSTS "/cis.conf", configuration, strlen(configuration), &err) ||
		initrd_build_base("/bin/true", folder, RELEASE, "squashfs ext4", folder, base, &err)) {
		(void)fprintf(stderr, "%s\n", err.text);
		return 1;
	}
	return 0;
}

static void test_hosts_configuration(void **state)
{
	AUTO(free_ptr) char *base = xasprintf("%s/base", folder);
	AUTO(buf) struct buf archive = BUF_INIT;
	struct err err = ERR_INIT;
	int status = 0;

	(void)state;
	if (geteuid() != 0 || !fsio_exists(HOSTS)) {
		print_message("skipped: needs root and " HOSTS "\n");
		if (getenv("LIMITLAB_MUST_WORK"))
			fail();
		skip();
	}
	put_module("squashfs");
	put_module("ext4");
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(build_on_such_a_host(base, "install squashfs /bin/false\noptions ext4 a=b\n"));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	if (spawn_check((const char *const[]){"zstd", "-dc", base, NULL},
		    &(struct spawn_options){.output = &archive}, &err))
		fail_msg("%s", err.text);
	static const char order[] = "squashfs.ko\next4.ko\n";
	assert_non_null(memmem(archive.data, archive.length, order, sizeof(order) - 1));
	static const char module[] = "modules/squashfs.ko";
	assert_non_null(memmem(archive.data, archive.length, module, sizeof(module)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_hosts_configuration)};

	if (!mkdtemp(folder))
		return 1;
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	return fsio_remove_tree(folder, NULL) || failed;
}
