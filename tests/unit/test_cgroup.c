/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "applier/cgroup.h"
#include "applier/mounts.h"
#include "applier/ops.h"
#include "base/auto.h"
#include "base/buf.h"
#include "base/fsio.h"

#define PID 4321

static char *make_root(void)
{
	char template[] = "/tmp/limitlab-test-cgroup-XXXXXX";

	assert_non_null(mkdtemp(template));
	return xstrdup(template);
}

static void put(const char *root, const char *path, const char *text, size_t length)
{
	struct err err = ERR_INIT;
	AUTO(free_ptr) char *full = xasprintf("%s%s", root, path);
	AUTO(free_ptr) char *directory = fsio_dirname(full);

	if (fsio_make_dirs(directory, &err) || fsio_write_atomic(full, text, length, &err))
		fail_msg("%s", err.text);
}

static void puts_file(const char *root, const char *path, const char *text)
{
	put(root, path, text, strlen(text));
}

static void make_dir(const char *root, const char *path)
{
	AUTO(free_ptr) char *full = xasprintf("%s%s", root, path);

	assert_int_equal(fsio_make_dirs(full, NULL), 0);
}

struct expected {
	enum cgroup_controller controller;
	bool v2;
	const char *path, *inner_path; /* below the root; NULL: not present */
};

struct tree {
	const char *name;
	const char *cgroup, *mountinfo;
	const char *directories[8];
	/* A v2 directory and what its cgroup.controllers holds. */
	const char *controllers[6][2];
	struct expected expected[CGROUP_CONTROLLER_COUNT];
	const char *mode; /* NULL: ERR_HOST */
};

#define V1_MOUNT(id, point, options)                                                                         \
	id " 31 0:" id " / " point " rw,relatime - cgroup cgroup rw," options "\n"
#define V2_MOUNT(root, point)                                                                                \
	"41 31 0:38 " root " " point " rw,relatime shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
#define EMBED "/machine/qemu-embed-1a2b-1-limitlab-red.libvirt-qemu"
#define SCOPE "/machine.slice/machine-qemu\\x2d1\\x2dred.scope"

static const struct tree trees[] = {
	{
		.name = "v1, no systemd",
		.cgroup = "4:memory:" EMBED "\n3:cpuset:" EMBED "/emulator\n2:cpuacct:" EMBED
			  "/emulator\n1:cpu:" EMBED "/emulator\n",
		.mountinfo = V1_MOUNT("32", "/sys/fs/cgroup/cpu", "cpu") V1_MOUNT("33",
			"/sys/fs/cgroup/cpuacct", "cpuacct") V1_MOUNT("34", "/sys/fs/cgroup/cpuset", "cpuset")
			V1_MOUNT("35", "/sys/fs/cgroup/memory", "memory"),
		.directories = {"/sys/fs/cgroup/cpu" EMBED "/emulator",
			"/sys/fs/cgroup/cpuacct" EMBED "/emulator", "/sys/fs/cgroup/cpuset" EMBED "/emulator",
			"/sys/fs/cgroup/memory" EMBED},
		.expected = {{CGROUP_CPU, false, "/sys/fs/cgroup/cpu" EMBED, "/sys/fs/cgroup/cpu" EMBED},
			{CGROUP_CPUACCT, false, "/sys/fs/cgroup/cpuacct" EMBED,
				"/sys/fs/cgroup/cpuacct" EMBED},
			{CGROUP_CPUSET, false, "/sys/fs/cgroup/cpuset" EMBED, "/sys/fs/cgroup/cpuset" EMBED},
			{CGROUP_MEMORY, false, "/sys/fs/cgroup/memory" EMBED, "/sys/fs/cgroup/memory" EMBED},
			{CGROUP_BLKIO, false, NULL, NULL}},
		.mode = "v1",
	},
	{
		.name = "v1 with systemd, controllers mounted together",
		.cgroup = "2:cpu,cpuacct:" SCOPE "/libvirt/emulator\n1:name=systemd:" SCOPE
			  "\n4:memory:" SCOPE "/libvirt\n",
		.mountinfo = V1_MOUNT("32", "/sys/fs/cgroup/cpu,cpuacct", "cpu,cpuacct")
			V1_MOUNT("35", "/sys/fs/cgroup/memory", "memory"),
		.directories = {"/sys/fs/cgroup/cpu,cpuacct" SCOPE "/libvirt/emulator",
			"/sys/fs/cgroup/memory" SCOPE "/libvirt"},
		.expected = {{CGROUP_CPU, false, "/sys/fs/cgroup/cpu,cpuacct" SCOPE,
				     "/sys/fs/cgroup/cpu,cpuacct" SCOPE "/libvirt"},
			{CGROUP_CPUACCT, false, "/sys/fs/cgroup/cpu,cpuacct" SCOPE,
				"/sys/fs/cgroup/cpu,cpuacct" SCOPE "/libvirt"},
			{CGROUP_CPUSET, false, NULL, NULL},
			{CGROUP_MEMORY, false, "/sys/fs/cgroup/memory" SCOPE,
				"/sys/fs/cgroup/memory" SCOPE "/libvirt"},
			{CGROUP_BLKIO, false, NULL, NULL}},
		.mode = "v1",
	},
	{
		.name = "v2 with systemd",
		.cgroup = "0::" SCOPE "/libvirt/emulator\n",
		.mountinfo = V2_MOUNT("/", "/sys/fs/cgroup"),
		.directories = {"/sys/fs/cgroup" SCOPE "/libvirt/emulator"},
		.controllers = {{"/sys/fs/cgroup", "cpuset cpu io memory pids"},
			{"/sys/fs/cgroup" SCOPE, "cpu io memory"}},
		.expected = {{CGROUP_CPU, true, "/sys/fs/cgroup" SCOPE, "/sys/fs/cgroup" SCOPE "/libvirt"},
			{CGROUP_CPUACCT, true, "/sys/fs/cgroup" SCOPE, "/sys/fs/cgroup" SCOPE "/libvirt"},
			{CGROUP_CPUSET, false, NULL, NULL},
			{CGROUP_MEMORY, true, "/sys/fs/cgroup" SCOPE, "/sys/fs/cgroup" SCOPE "/libvirt"},
			{CGROUP_BLKIO, true, "/sys/fs/cgroup" SCOPE, "/sys/fs/cgroup" SCOPE "/libvirt"}},
		.mode = "v2",
	},
	{
		.name = "v2 without systemd",
		.cgroup = "0::" EMBED "/emulator\n",
		.mountinfo = V2_MOUNT("/", "/sys/fs/cgroup"),
		.directories = {"/sys/fs/cgroup" EMBED "/emulator"},
		.controllers = {{"/sys/fs/cgroup", "cpu memory"}, {"/sys/fs/cgroup" EMBED, "cpu memory"}},
		.expected = {{CGROUP_CPU, true, "/sys/fs/cgroup" EMBED, "/sys/fs/cgroup" EMBED},
			{CGROUP_CPUACCT, true, "/sys/fs/cgroup" EMBED, "/sys/fs/cgroup" EMBED},
			{CGROUP_CPUSET, false, NULL, NULL},
			{CGROUP_MEMORY, true, "/sys/fs/cgroup" EMBED, "/sys/fs/cgroup" EMBED},
			{CGROUP_BLKIO, false, NULL, NULL}},
		.mode = "v2",
	},
	{
		.name = "v1 controllers beside an empty v2",
		/* libvirt makes no group under cpuacct then: it counts in v2's cpu.stat. */
		.cgroup = "1:cpu:" EMBED "/emulator\n2:cpuacct:/\n7:blkio:/\n0::" EMBED "/emulator\n",
		.mountinfo = V1_MOUNT("32", "/sys/fs/cgroup/cpu", "cpu") V1_MOUNT(
			"38", "/sys/fs/cgroup/blkio", "blkio") V2_MOUNT("/", "/sys/fs/cgroup/unified"),
		.directories = {"/sys/fs/cgroup/cpu" EMBED "/emulator", "/sys/fs/cgroup/blkio",
			"/sys/fs/cgroup/cpuacct", "/sys/fs/cgroup/unified" EMBED "/emulator"},
		.controllers = {{"/sys/fs/cgroup/unified", ""}, {"/sys/fs/cgroup/unified" EMBED, ""}},
		/* blkio: QEMU is in the root group, which is the whole machine's. */
		.expected = {{CGROUP_CPU, false, "/sys/fs/cgroup/cpu" EMBED, "/sys/fs/cgroup/cpu" EMBED},
			{CGROUP_CPUACCT, true, "/sys/fs/cgroup/unified" EMBED,
				"/sys/fs/cgroup/unified" EMBED},
			{CGROUP_CPUSET, false, NULL, NULL}, {CGROUP_MEMORY, false, NULL, NULL},
			{CGROUP_BLKIO, false, NULL, NULL}},
		.mode = "v1",
	},
	{
		.name = "hybrid: cpu on v1, memory on v2",
		.cgroup = "1:cpu:" EMBED "/emulator\n0::" EMBED "/emulator\n",
		.mountinfo =
			V2_MOUNT("/", "/sys/fs/cgroup/unified") V1_MOUNT("32", "/sys/fs/cgroup/cpu", "cpu"),
		.directories = {"/sys/fs/cgroup/cpu" EMBED "/emulator",
			"/sys/fs/cgroup/unified" EMBED "/emulator"},
		.controllers = {{"/sys/fs/cgroup/unified", "memory"},
			{"/sys/fs/cgroup/unified" EMBED, "memory"}},
		.expected = {{CGROUP_CPU, false, "/sys/fs/cgroup/cpu" EMBED, "/sys/fs/cgroup/cpu" EMBED},
			{CGROUP_CPUACCT, true, "/sys/fs/cgroup/unified" EMBED,
				"/sys/fs/cgroup/unified" EMBED},
			{CGROUP_CPUSET, false, NULL, NULL},
			{CGROUP_MEMORY, true, "/sys/fs/cgroup/unified" EMBED, "/sys/fs/cgroup/unified" EMBED},
			{CGROUP_BLKIO, false, NULL, NULL}},
		.mode = "hybrid",
	},
	{
		.name = "cgroup namespace: our root is two groups below the mount's",
		.cgroup = "0::/../../machine/vm.libvirt-qemu/emulator\n",
		.mountinfo = V2_MOUNT("/../..", "/sys/fs/cgroup"),
		.directories = {"/sys/fs/cgroup/machine/vm.libvirt-qemu/emulator"},
		.controllers = {{"/sys/fs/cgroup/machine/vm.libvirt-qemu", "cpu"}},
		.expected = {{CGROUP_CPU, true, "/sys/fs/cgroup/machine/vm.libvirt-qemu",
				     "/sys/fs/cgroup/machine/vm.libvirt-qemu"},
			{CGROUP_CPUACCT, true, "/sys/fs/cgroup/machine/vm.libvirt-qemu",
				"/sys/fs/cgroup/machine/vm.libvirt-qemu"},
			{CGROUP_CPUSET, false, NULL, NULL}, {CGROUP_MEMORY, false, NULL, NULL},
			{CGROUP_BLKIO, false, NULL, NULL}},
		.mode = "v2",
	},
	{
		.name = "container: only a sub-group is mounted, at a path with a space",
		.cgroup = "1:cpu:/docker/ab/machine/vm/emulator\n",
		.mountinfo = "32 31 0:32 /docker/ab /sys/fs/cgroup/my\\040cpu rw - cgroup cgroup rw,cpu\n",
		.directories = {"/sys/fs/cgroup/my cpu/machine/vm/emulator"},
		.expected = {{CGROUP_CPU, false, "/sys/fs/cgroup/my cpu/machine/vm",
				     "/sys/fs/cgroup/my cpu/machine/vm"},
			{CGROUP_CPUACCT, false, NULL, NULL}, {CGROUP_CPUSET, false, NULL, NULL},
			{CGROUP_MEMORY, false, NULL, NULL}, {CGROUP_BLKIO, false, NULL, NULL}},
		.mode = "v1",
	},
	{
		.name = "a VM that is named like one of libvirt's thread groups keeps its group",
		.cgroup = "1:cpu:/machine/vcpux/vcpu12\n",
		.mountinfo = V1_MOUNT("32", "/sys/fs/cgroup/cpu", "cpu"),
		.directories = {"/sys/fs/cgroup/cpu/machine/vcpux/vcpu12"},
		.expected = {{CGROUP_CPU, false, "/sys/fs/cgroup/cpu/machine/vcpux",
				     "/sys/fs/cgroup/cpu/machine/vcpux"},
			{CGROUP_CPUACCT, false, NULL, NULL}, {CGROUP_CPUSET, false, NULL, NULL},
			{CGROUP_MEMORY, false, NULL, NULL}, {CGROUP_BLKIO, false, NULL, NULL}},
		.mode = "v1",
	},
	{
		.name = "nothing mounted",
		.cgroup = "1:cpu:/a\n",
		.mountinfo = "22 1 0:20 / /proc rw - proc proc rw\n",
		.expected = {{CGROUP_CPU, false, NULL, NULL}, {CGROUP_CPUACCT, false, NULL, NULL},
			{CGROUP_CPUSET, false, NULL, NULL}, {CGROUP_MEMORY, false, NULL, NULL},
			{CGROUP_BLKIO, false, NULL, NULL}},
		.mode = NULL,
	},
};

static void check_path(const char *root, const char *expected, const char *path)
{
	AUTO(free_ptr) char *full = xasprintf("%s%s", root, expected);

	assert_non_null(path);
	assert_string_equal(path, full);
}

static void check_tree(const struct tree *tree, const char *root)
{
	struct err err = ERR_INIT;
	struct cgroup_vm vm;
	const char *mode;

	print_message("  %s\n", tree->name);
	puts_file(root, "/proc/4321/cgroup", tree->cgroup);
	puts_file(root, "/proc/self/mountinfo", tree->mountinfo);
	for (size_t i = 0; i < ARRAY_SIZE(tree->directories) && tree->directories[i]; i++)
		make_dir(root, tree->directories[i]);
	for (size_t i = 0; i < ARRAY_SIZE(tree->controllers) && tree->controllers[i][0]; i++) {
		AUTO(free_ptr) char *path = xasprintf("%s/cgroup.controllers", tree->controllers[i][0]);
		AUTO(free_ptr) char *stat_path = xasprintf("%s/cpu.stat", tree->controllers[i][0]);
		puts_file(root, path, tree->controllers[i][1]);
		puts_file(root, stat_path, "usage_usec 1\n");
	}
	if (cgroup_vm_find(root, PID, &vm, &err))
		fail_msg("%s", err.text);
	for (size_t i = 0; i < CGROUP_CONTROLLER_COUNT; i++) {
		const struct expected *expected = &tree->expected[i];
		assert_int_equal(expected->controller, i);
		assert_int_equal(vm.at[i].present, expected->path != NULL);
		if (!expected->path)
			continue;
		assert_int_equal(vm.at[i].v2, expected->v2);
		check_path(root, expected->path, vm.at[i].path);
		check_path(root, expected->inner_path, vm.at[i].inner_path);
	}
	cgroup_vm_release(&vm);
	if (!tree->mode) {
		assert_int_equal(cgroup_host_mode(root, &mode, &err), -1);
		assert_int_equal(err.domain, ERR_HOST);
		assert_true(err.remedy[0] != '\0');
		return;
	}
	if (cgroup_host_mode(root, &mode, &err))
		fail_msg("%s", err.text);
	assert_string_equal(mode, tree->mode);
}

static void test_trees(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(trees); i++) {
		AUTO(free_ptr) char *root = make_root();
		check_tree(&trees[i], root);
		assert_int_equal(fsio_remove_tree(root, NULL), 0);
	}
}

static void test_process_gone(void **state)
{
	struct err err = ERR_INIT;
	struct cgroup_vm vm;
	AUTO(free_ptr) char *root = make_root();

	(void)state;
	assert_int_equal(cgroup_vm_find(root, PID, &vm, &err), -1);
	assert_int_equal(err.domain, ERR_SYS);
	assert_non_null(strstr(err.text, "4321"));
	assert_int_equal(fsio_remove_tree(root, NULL), 0);
}

static void test_below_mount(void **state)
{
	static const struct {
		const char *name, *mount_root, *group, *below;
	} cases[] = {
		{"whole hierarchy", "/", "/a/b", "/a/b"},
		{"its root", "/", "/", ""},
		{"sub-group", "/a", "/a/b", "/b"},
		{"the sub-group itself", "/a", "/a", ""},
		{"same beginning, another group", "/a", "/ab", NULL},
		{"outside", "/a", "/b", NULL},
		{"above our namespace", "/../..", "/../../m/x", "/m/x"},
		{"above, a sub-group", "/../../m", "/../../m/x", "/x"},
		{"the names in between are unknown", "/..", "/x", NULL},
		{"further up than the mount", "/", "/../x", NULL},
		{"a name that begins with dots", "/", "/..x/y", "/..x/y"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(free_ptr) char *below = cgroup_below_mount(cases[i].mount_root, cases[i].group);
		print_message("  %s\n", cases[i].name);
		if (!cases[i].below) {
			assert_null(below);
			continue;
		}
		assert_non_null(below);
		assert_string_equal(below, cases[i].below);
	}
}

static void test_pid_file(void **state)
{
	static const struct {
		const char *uri, *path;
	} cases[] = {
		{"qemu:///embed?root=/var/lib/limitlab/embed", "/var/lib/limitlab/embed/run/qemu/vm.pid"},
		{"qemu:///embed?root=%2Fvar%2Flib%2f x", "/var/lib/ x/run/qemu/vm.pid"},
		{"qemu:///embed?log=1&root=/r&x=y", "/r/run/qemu/vm.pid"},
		{"qemu:///embed?root=relative", NULL},
		{"qemu:///embed?rooted=/a", NULL},
		{"qemu:///system", "/run/libvirt/qemu/vm.pid"},
		{"qemu:///system?socket=/run/x", "/run/libvirt/qemu/vm.pid"},
		{"qemu+unix:///system", "/run/libvirt/qemu/vm.pid"},
		{"qemu+ssh://host/system", NULL},
		{"qemu:///session", NULL},
		{"qemu:///systemx", NULL},
		{"test:///default", NULL},
		{"", NULL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct err err = ERR_INIT;
		char *path = NULL;
		print_message("  '%s'\n", cases[i].uri);
		int result = target_pid_file(cases[i].uri, "vm", &path, &err);
		assert_int_equal(result, cases[i].path ? 0 : -1);
		if (cases[i].path)
			assert_string_equal(path, cases[i].path);
		else
			assert_int_equal(err.domain, ERR_INPUT);
		free(path);
	}
}

#define CMDLINE(text) text, sizeof(text)

static void test_verify_pid(void **state)
{
	static const struct {
		const char *name, *cmdline;
		size_t length;
		const char *domain;
		bool ok;
	} cases[] = {
		{"as libvirt starts it", CMDLINE("qemu\0-name\0guest=red,debug-threads=on\0-S"), "red", true},
		{"nothing behind the name", CMDLINE("qemu\0-name\0guest=red"), "red", true},
		{"longer name", CMDLINE("qemu\0-name\0guest=redder,x=y"), "red", false},
		{"comma in the name", CMDLINE("qemu\0-name\0guest=a,,b,debug-threads=on"), "a,b", true},
		{"the part before its comma", CMDLINE("qemu\0-name\0guest=a,,b,debug-threads=on"), "a",
			false},
		{"not behind -name", CMDLINE("sh\0-c\0guest=red"), "red", false},
		{"kernel thread", "", 0, "red", false},
	};
	AUTO(free_ptr) char *root = make_root();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct err err = ERR_INIT;
		print_message("  %s\n", cases[i].name);
		put(root, "/proc/4321/cmdline", cases[i].cmdline, cases[i].length);
		assert_int_equal(target_verify_pid(root, PID, cases[i].domain, &err), cases[i].ok ? 0 : -1);
		assert_int_equal(err.domain, cases[i].ok ? ERR_NONE : ERR_RUN);
	}
	assert_int_equal(fsio_remove_tree(root, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_trees),
		cmocka_unit_test(test_process_gone),
		cmocka_unit_test(test_below_mount),
		cmocka_unit_test(test_pid_file),
		cmocka_unit_test(test_verify_pid),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
