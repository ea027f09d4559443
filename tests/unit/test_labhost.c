/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Lab hosts, without one: what a kernel is called and must have, what a console says, QEMU's command line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/fsio.h"
#include "guest/archive.h"
#include "labhost/internal.h"
#include "scenario/scenario.h"

static char folder[] = "/tmp/limitlab-test-labhost-XXXXXX";

static void touch(const char *name)
{
	AUTO(free_ptr) char *path = xasprintf("%s/%s", folder, name);
	AUTO(free_ptr) char *parent = fsio_dirname(path);

	assert_int_equal(fsio_make_dirs(parent, NULL), 0);
	assert_int_equal(fsio_write_atomic(path, "x", 1, NULL), 0);
}

static void a_wish_is_a_version_a_package_or_a_path(void **state)
{
	static const struct {
		const char *name, *text; /* %s: the folder */
		int kind;                /* -1: ERR_INPUT */
		const char *found, *modules;
		const char *says;
	} cases[] = {
		{"the suite's", NULL, WISH_ARCHIVE, NULL, NULL, NULL},
		{"a version", "6.1", WISH_ARCHIVE, "6.1", NULL, NULL},
		{"a package", "linux-image-6.1.0-50-amd64", WISH_ARCHIVE, "linux-image-6.1.0-50-amd64", NULL,
			NULL},
		{"a package's version", "6.12.117-1~deb12u1", WISH_ARCHIVE, "6.12.117-1~deb12u1", NULL, NULL},
		{"a package file", "%s/k.deb", WISH_DEB, "%s/k.deb", NULL, NULL},
		{"image and modules", "%s/bzImage:%s/mods", WISH_FILES, "%s/bzImage", "%s/mods", NULL},
		{"a folder", "%s/tree", WISH_FOLDER, "%s/tree", NULL, NULL},
		{"a folder, the long way round", "%s/tree/../tree/", WISH_FOLDER, "%s/tree", NULL, NULL},
		{"nothing", "", -1, NULL, NULL, "'' is no kernel"},
		{"no such file", "%s/nope.deb", -1, NULL, NULL, "No such file"},
		{"an image alone", "%s/bzImage", -1, NULL, NULL, "without modules"},
		{"no such image", "%s/nope:%s/mods", -1, NULL, NULL, "No such file"},
		{"no such modules", "%s/bzImage:%s/nope", -1, NULL, NULL, "No such file"},
		{"modules that are a file", "%s/bzImage:%s/k.deb", -1, NULL, NULL, "are no folder"},
	};

	(void)state;
	touch("k.deb");
	touch("bzImage");
	touch("mods/x");
	touch("tree/vmlinuz");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		print_message("case: %s\n", cases[i].name);
		struct err err = ERR_INIT;
		struct wish wish = {0};
		const char *const texts[] = {cases[i].text, cases[i].found, cases[i].modules};
		char *filled[ARRAY_SIZE(texts)] = {NULL};
		for (size_t j = 0; j < ARRAY_SIZE(texts); j++) {
			AUTO(buf) struct buf text = BUF_INIT;
			for (const char *at = texts[j]; at && *at; at++)
				if (strncmp(at, "%s", 2) == 0) {
					buf_adds(&text, folder);
					at++;
				} else {
					buf_add(&text, at, 1);
				}
			if (texts[j])
				filled[j] = buf_steal(&text);
		}
		int result = wish_parse(filled[0], &wish, &err);
		if (cases[i].kind < 0) {
			assert_int_equal(result, -1);
			assert_int_equal(err.domain, ERR_INPUT);
			if (!strstr(err.text, cases[i].says))
				fail_msg("'%s' is not in '%s'", cases[i].says, err.text);
		} else {
			if (result)
				fail_msg("%s", err.text);
			assert_int_equal(wish.kind, cases[i].kind);
			for (size_t j = 1; j < ARRAY_SIZE(texts); j++) {
				const char *got = j == 1 ? wish.text : wish.modules;
				if (filled[j])
					assert_string_equal(got, filled[j]);
				else
					assert_null(got);
			}
		}
		wish_release(&wish);
		for (size_t j = 0; j < ARRAY_SIZE(filled); j++)
			free(filled[j]);
	}
}

static void the_newest_that_fits_is_chosen(void **state)
{
	static const char list[] = "linux-image-6.1.0-47-cloud-amd64 6.1.170-3\n"
				   "linux-image-6.12.101+deb12-cloud-amd64 6.12.101-1~deb12u1\n"
				   "linux-image-6.1.0-56-amd64 6.1.192-2\n"
				   "linux-image-6.1.0-56-cloud-amd64 6.1.192-2\n"
				   "linux-image-6.1.0-9-cloud-amd64 6.1.27-1\n"
				   "linux-image-6.1.0-56-rt-amd64 6.1.192-2\n";
	static const struct {
		const char *wish, *package;
	} cases[] = {
		{"6.1", "linux-image-6.1.0-56-cloud-amd64"},
		{"6.12", "linux-image-6.12.101+deb12-cloud-amd64"},
		{"6.1.0-47", "linux-image-6.1.0-47-cloud-amd64"},
		{"6.1.170-3", "linux-image-6.1.0-47-cloud-amd64"},
		{"linux-image-6.1.0-56-amd64", "linux-image-6.1.0-56-amd64"},
		{"6.1.0-56-rt-amd64", "linux-image-6.1.0-56-rt-amd64"},
		{"6", "linux-image-6.12.101+deb12-cloud-amd64"},
		{"6.13", NULL},
		{"linux-image-6.1.0-48-amd64", NULL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		print_message("case: %s\n", cases[i].wish);
		AUTO(free_ptr) char *package = wish_choose(list, cases[i].wish);
		if (cases[i].package)
			assert_string_equal(package ? package : "none", cases[i].package);
		else
			assert_null(package);
	}
}

static void kernels_on_offer_are_listed_without_what_holds_none(void **state)
{
	AUTO(free_ptr)
	char *list = archive_kernels_of(
		" linux-image-6.1.0-56-cloud-amd64 | 6.1.192-2 | http://m bookworm/main amd64 Packages\n"
		"linux-image-6.1.0-56-cloud-amd64-dbg | 6.1.192-2 | http://m\n"
		"linux-image-6.1.0-56-amd64-unsigned | 6.1.192-2 | http://m\n"
		"linux-image-6.12-cloud-amd64 | 6.12.9 | http://m\nlinux-image-amd64 | 6.1.192-2 | http://m\n"
		"linux-image-6.12.9+deb12-amd64 |  6.12.9-1 | http://m\nN: garbage\n");

	(void)state;
	assert_string_equal(list,
		"linux-image-6.1.0-56-cloud-amd64 6.1.192-2\nlinux-image-6.12.9+deb12-amd64 6.12.9-1\n");
}

/* An archive and its security updates may both have one and the same package. */
static void a_list_of_kernels_has_each_once(void **state)
{
	static const char *const wanted[] = {"linux-image-6.1.0-9-cloud-amd64 6.1.27-1",
		"linux-image-6.1.0-50-cloud-amd64 6.1.176-1",
		"linux-image-6.12.9+deb12-cloud-amd64 6.12.9-2"};
	size_t count;
	char **lines = wish_each("linux-image-6.12.9+deb12-cloud-amd64 6.12.9-2\n"
				 "linux-image-6.1.0-50-cloud-amd64 6.1.176-1\n"
				 "linux-image-6.1.0-50-amd64 6.1.176-1\n"
				 "linux-image-6.1.0-9-cloud-amd64 6.1.27-1\n"
				 "linux-image-6.1.0-50-cloud-amd64 6.1.176-1\n"
				 "linux-image-6.12.9+deb12-cloud-amd64 6.12.9-1\n",
		&count);

	(void)state;
	assert_int_equal(count, ARRAY_SIZE(wanted));
	for (size_t i = 0; i < count; i++) {
		assert_string_equal(lines[i], wanted[i]);
		free(lines[i]);
	}
	assert_null(lines[count]);
	free(lines);
	lines = wish_each("", &count);
	assert_int_equal(count, 0);
	free(lines);
}

static void keep_kernel(const char *release, const char *version)
{
	AUTO(free_ptr) char *dir = xasprintf("%s/kept/kernel-%s", folder, release);
	AUTO(free_ptr) char *path = xasprintf("%s/manifest.json", dir);
	AUTO(free_ptr)
	char *text = xasprintf("{\"recipe\":\"" KERNEL_RECIPE
			       "\",\"package\":\"linux-image-%s\",\"version\":\"%s\"}",
		release, version);

	assert_int_equal(fsio_make_dirs(dir, NULL), 0);
	assert_int_equal(fsio_write_atomic(path, text, strlen(text), NULL), 0);
}

/* What of them is taken for a wish; "": none, so that the archive is asked. */
static void expect_kept(const char *text, const char *release)
{
	AUTO(free_ptr) char *dir = xasprintf("%s/kept", folder);
	AUTO(free_ptr) char *copy = text ? xstrdup(text) : NULL;
	const struct wish wish = {.kind = WISH_ARCHIVE, .text = copy};
	AUTO(free_ptr) char *found = kernel_find_kept(dir, &wish, NULL);

	assert_string_equal(found ? fsio_basename(found) + strlen(KERNEL_PART) : "", release);
}

/* A kept kernel is not the newest that matches because it is the only one that is kept. */
static void a_short_wish_is_what_the_archive_said(void **state)
{
	AUTO(free_ptr) char *dir = xasprintf("%s/kept", folder);
	struct err err = ERR_INIT;

	(void)state;
	keep_kernel("6.1.0-50-cloud-amd64", "6.1.176-1");
	keep_kernel("6.1.0-56-cloud-amd64", "6.1.192-2");
	keep_kernel("6.1.0-56-amd64", "6.1.192-2");
	expect_kept("6.1", "");
	expect_kept(NULL, "");
	expect_kept("6.1.0-50-cloud-amd64", "6.1.0-50-cloud-amd64");
	expect_kept("linux-image-6.1.0-56-amd64", "6.1.0-56-amd64");
	expect_kept("6.1.176-1", "6.1.0-50-cloud-amd64");
	expect_kept("6.1.192-2", "6.1.0-56-cloud-amd64");
	AUTO(free_ptr) char *older = kernel_kept(dir, "linux-image-6.1.0-50-cloud-amd64");
	assert_non_null(older);
	assert_null(kernel_kept(dir, "linux-image-6.1.0-51-cloud-amd64"));
	assert_int_equal(kernel_remember(older, "6.1", false, &err), 0);
	assert_int_equal(kernel_remember(older, "6.1.0-50", true, &err), 0);
	expect_kept("6.1", "6.1.0-50-cloud-amd64");
	expect_kept("6.1.0-50", "6.1.0-50-cloud-amd64");
	expect_kept(NULL, "6.1.0-50-cloud-amd64");
	expect_kept("6.1.0", "");
}

static void a_kernel_of_files_is_known_by_its_modules_too(void **state)
{
	static const char *const changes[] = {"built/bzImage", "built/lib/modules/6.9/modules.order",
		"built/lib/modules/6.9/modules.dep", "built/lib/modules/6.10/modules.dep"};

	(void)state;
	touch("built/bzImage");
	touch("built/lib/modules/6.9/modules.dep");
	AUTO(free_ptr) char *image = xasprintf("%s/built/bzImage", folder);
	AUTO(free_ptr) char *built = xasprintf("%s/built", folder);
	const struct wish files = {.kind = WISH_FILES, .text = image, .modules = built},
			  whole = {.kind = WISH_FOLDER, .text = built};
	for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
		AUTO(free_ptr) char *path = xasprintf("%s/%s", folder, changes[i]);
		AUTO(free_ptr) char *before = kernel_source(&files);
		AUTO(free_ptr) char *before_whole = kernel_source(&whole);
		AUTO(free_ptr) char *again = kernel_source(&files);
		assert_string_equal(before, again);
		touch(changes[i]);
		/* Whatever the clock's steps are. */
		assert_int_equal(
			utimensat(AT_FDCWD, path, (const struct timespec[]){{1, 0}, {(time_t)i, 0}}, 0), 0);
		AUTO(free_ptr) char *after = kernel_source(&files);
		AUTO(free_ptr) char *after_whole = kernel_source(&whole);
		assert_string_not_equal(before, after);
		assert_string_not_equal(before_whole, after_whole);
	}
}

static bool has(char *const *paths, const char *name)
{
	AUTO(free_ptr) char *path = xasprintf("%s/%s", folder, name);

	for (; *paths; paths++)
		if (!strcmp(*paths, path))
			return true;
	return false;
}

/* As src/plot/draw.c and src/scenario/resolve.c would find them there. */
static void everything_that_a_scenario_may_name_comes_along(void **state)
{
	static const char *const names[] = {
		"exp/s/a.yaml", "exp/s/own.gp", "exp/plots/other.gp", "exp/w/job.stress"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		touch(names[i]);
	touch("exp/s/secret");
	AUTO(free_ptr) char *path = xasprintf("%s/exp/s/a.yaml", folder);
	AUTO(free_ptr) char *workload = xasprintf("%s/exp/w/job.stress", folder);
	struct tenant_spec tenants[] = {{.workload_path = workload}, {.workload_path = NULL}};
	const struct scenario scenario = {.path = path, .tenants = tenants, .tenant_count = 2};
	char **paths = labhost_files_of((const struct scenario *const[]){&scenario}, 1);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (!has(paths, names[i]))
			fail_msg("%s is missing", names[i]);
	assert_false(has(paths, "exp/s/secret"));
	for (size_t i = 0; paths[i]; i++)
		free(paths[i]);
	free(paths);
}

static void the_release_stands_in_the_head_of_an_image(void **state)
{
	unsigned char head[0x800] = {0};

	(void)state;
	memcpy(head + 0x202, "HdrS", 4);
	head[0x20f] = 0x04;
	memcpy(head + 0x600, "6.9.0-rc1+ (me@there) #3 SMP", 28);
	AUTO(free_ptr) char *release = wish_release_of_image(head, sizeof(head));
	assert_string_equal(release, "6.9.0-rc1+");
	assert_null(wish_release_of_image(head, 0x20f));
	/* The text lies behind the end, is not there, never ends. */
	assert_null(wish_release_of_image(head, 0x600));
	head[0x20f] = 0xff;
	assert_null(wish_release_of_image(head, sizeof(head)));
	head[0x20f] = 0;
	assert_null(wish_release_of_image(head, sizeof(head)));
	head[0x20f] = 0x04;
	memset(head + 0x600, 'x', sizeof(head) - 0x600);
	assert_null(wish_release_of_image(head, sizeof(head)));
	head[0x202] = 'X';
	assert_null(wish_release_of_image(head, sizeof(head)));
}

/* A configuration with everything, but for the lines in `without`; the caller frees. */
static char *configuration(const char *without, const char *more)
{
	static const char *const all[] = {"BLK_DEV_INITRD=y", "RD_ZSTD=y", "BINFMT_SCRIPT=y", "DEVTMPFS=y",
		"SERIAL_8250_CONSOLE=y", "VIRTIO_PCI=m", "VIRTIO_BLK=m", "VIRTIO_CONSOLE=m", "SQUASHFS=m",
		"SQUASHFS_LZ4=y", "OVERLAY_FS=m", "EXT4_FS=y", "TMPFS=y", "UNIX=y", "FHANDLE=y",
		"INOTIFY_USER=y", "SIGNALFD=y", "TIMERFD=y", "EPOLL=y", "PID_NS=y", "NET_NS=y", "KVM=m",
		"CGROUPS=y", "CPUSETS=y", "CGROUP_SCHED=y", "FAIR_GROUP_SCHED=y", "CGROUP_CPUACCT=y",
		"CFS_BANDWIDTH=y", "SCHED_INFO=y", "MEMCG=y", "SWAP=y", "HUGETLBFS=y", "BLK_CGROUP=y",
		"BLK_DEV_THROTTLING=y", "IOSCHED_BFQ=m", "BFQ_GROUP_IOSCHED=y", "BLK_DEV_LOOP=m", "FUSE_FS=m",
		"TUN=m", "BRIDGE=m", "VETH=m", "NET_SCH_HTB=m", "NET_CLS_U32=m"};
	AUTO(buf) struct buf text = BUF_INIT;

	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		if (!without || strcmp(all[i], without) != 0)
			buf_addf(&text, "CONFIG_%s\n", all[i]);
	buf_adds(&text, more ? more : "");
	return buf_steal(&text);
}

#define V1     LABHOST_CGROUP_V1
#define V2     LABHOST_CGROUP_V2
#define CPU    LABHOST_NEEDS_CPU
#define MEMORY LABHOST_NEEDS_MEMORY
#define DISK   LABHOST_NEEDS_DISK
#define LINK   LABHOST_NEEDS_LINK

static void every_option_that_is_missing_is_named(void **state)
{
	static const struct {
		const char *name, *without, *more;
		enum labhost_cgroup mode;
		unsigned needs;
		const char *missing; /* NULL: nothing */
	} cases[] = {
		{"all there", NULL, NULL, V2, CPU | MEMORY | DISK | LINK, NULL},
		{"6.1 has no option for v1 and has it", NULL, NULL, V1, CPU | MEMORY | DISK | LINK, NULL},
		{"v1 memory switched off", NULL, "# CONFIG_MEMCG_V1 is not set\n", V1, CPU | MEMORY,
			"CONFIG_MEMCG_V1 (memory limits with cgroup v1)"},
		{"v1 memory switched off, and not asked for", NULL, "# CONFIG_MEMCG_V1 is not set\n", V1, CPU,
			NULL},
		{"v1 memory switched off, on v2", NULL, "# CONFIG_MEMCG_V1 is not set\n", V2, CPU | MEMORY,
			NULL},
		{"v1 memory on", NULL, "CONFIG_MEMCG_V1=y\n", V1, CPU | MEMORY, NULL},
		{"v1 cpusets switched off", NULL, "# CONFIG_CPUSETS_V1 is not set\n", V1, CPU,
			"CONFIG_CPUSETS_V1 (pinning with cgroup v1)"},
		{"no KVM", "KVM=m", "# CONFIG_KVM is not set\n", V2, CPU, "CONFIG_KVM (nested tenants)"},
		{"no bfq", "IOSCHED_BFQ=m", NULL, V2, CPU | DISK, "CONFIG_IOSCHED_BFQ (disk.weight)"},
		{"no bfq, and no disk", "IOSCHED_BFQ=m", NULL, V2, CPU | LINK, NULL},
		{"a longer name is another one", "BRIDGE=m", "CONFIG_BRIDGE_NETFILTER=m\n", V2, CPU | LINK,
			"CONFIG_BRIDGE (a scarce link)"},
		{"a line that only ends like one", "TUN=m", "X_CONFIG_TUN=m\n", V2, CPU | LINK,
			"CONFIG_TUN (the tenants' network)"},
		{"no overlay", "OVERLAY_FS=m", NULL, V2, CPU, "CONFIG_OVERLAY_FS (its root)"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		print_message("case: %s\n", cases[i].name);
		AUTO(free_ptr) char *config = configuration(cases[i].without, cases[i].more);
		AUTO(free_ptr) char *missing = options_missing(config, "", cases[i].mode, cases[i].needs);
		assert_string_equal(
			missing ? missing : "nothing", cases[i].missing ? cases[i].missing : "nothing");
	}
	/* Several. */
	AUTO(free_ptr) char *none = options_missing("", "", V1, CPU);
	assert_non_null(strstr(
		none, "CONFIG_SQUASHFS (its root), CONFIG_SQUASHFS_LZ4 (its root), CONFIG_OVERLAY_FS"));
	assert_null(strstr(none, "BFQ"));
	/* Without a configuration, modules tell. */
	static const char modules[] =
		"kernel/drivers/virtio/virtio_pci.ko.xz: kernel/x.ko.xz\nkernel/drivers/block/virtio_blk.ko:\n"
		"kernel/drivers/char/virtio_console.ko:\nkernel/fs/squashfs/squashfs.ko:\nkernel/fs/overlayfs/overlay.ko:\n"
		"kernel/fs/ext4/ext4.ko\nkernel/arch/x86/kvm/kvm.ko.zst:\n";
	assert_null(options_missing(NULL, modules, V2, CPU));
	AUTO(free_ptr) char *disk = options_missing(NULL, modules, V2, CPU | DISK);
	assert_string_equal(disk, "CONFIG_IOSCHED_BFQ (disk.weight), CONFIG_BLK_DEV_LOOP (a scarce disk), "
				  "CONFIG_FUSE_FS (a scarce disk)");
}

static void modes_and_needs_have_names(void **state)
{
	struct scenario scenario = {0};
	enum labhost_cgroup mode;
	struct err err = ERR_INIT;

	(void)state;
	for (enum labhost_cgroup each = 0; each < LABHOST_CGROUP_COUNT; each++) {
		assert_int_equal(labhost_cgroup_parse(labhost_cgroup_name(each), &mode, NULL), 0);
		assert_int_equal(mode, each);
	}
	assert_int_equal(labhost_cgroup_parse("v3", &mode, &err), -1);
	assert_int_equal(err.domain, ERR_INPUT);
	assert_int_equal(labhost_needs_of(&scenario), LABHOST_NEEDS_CPU);
	scenario.disk.declared = scenario.memory.declared = true;
	assert_int_equal(
		labhost_needs_of(&scenario), LABHOST_NEEDS_CPU | LABHOST_NEEDS_DISK | LABHOST_NEEDS_MEMORY);
	scenario.link.declared = true;
	assert_true(labhost_needs_of(&scenario) & LABHOST_NEEDS_LINK);

	/* Memory that is limited, changed or looked at where nothing makes it scarce. */
	struct limit_setting setting = {.limit = LIMIT_CPU_SHARES};
	struct tenant_spec tenant = {.limits = &setting, .limit_count = 1};
	struct event_spec event = {.settings = &setting, .setting_count = 1};
	struct expect_spec expect = {.resource = RESOURCE_MEMORY};
	struct scenario limits = {.tenants = &tenant, .tenant_count = 1};
	struct scenario changes = {.events = &event, .event_count = 1};
	struct scenario looks = {.expects = &expect, .expect_count = 1};
	assert_int_equal(labhost_needs_of(&limits), LABHOST_NEEDS_CPU);
	setting.limit = LIMIT_MEMORY_HARD;
	assert_int_equal(labhost_needs_of(&limits), LABHOST_NEEDS_CPU | LABHOST_NEEDS_MEMORY);
	assert_int_equal(labhost_needs_of(&changes), LABHOST_NEEDS_CPU | LABHOST_NEEDS_MEMORY);
	assert_int_equal(labhost_needs_of(&looks), LABHOST_NEEDS_CPU | LABHOST_NEEDS_MEMORY);
}

static void libraries_have_packages(void **state)
{
	static const struct {
		const char *name, *libraries[3], *said, *packages, *error;
	} cases[] = {
		{"none", {NULL}, "", "", NULL},
		{"each spelling", {"/usr/lib/a/libm.so.6", "/lib/a/libx.so.1"},
			"libc6:amd64: /lib/a/libm.so.6\nlibx1:amd64: /usr/lib/a/libx.so.1\n", ",libc6,libx1",
			NULL},
		{"two of one package", {"/lib/a/libm.so.6", "/lib/a/libc.so.6"},
			"libc6:amd64: /lib/a/libm.so.6\nlibc6:amd64: /lib/a/libc.so.6\n", ",libc6", NULL},
		{"one of two packages", {"/lib/a/libx.so.1"}, "liby:amd64, libx: /lib/a/libx.so.1\n",
			",libx,liby", NULL},
		{"errors and diversions between", {"/lib/a/libx.so.1"},
			"dpkg-query: no path found matching pattern /usr/lib/a/libx.so.1\n"
			"diversion by other from: /lib/a/libx.so.1\nlibx:amd64: /lib/a/libx.so.1\n",
			",libx", NULL},
		{"a stranger", {"/lib/a/libx.so.1", "/usr/local/lib/liby.so.1"}, "libx: /lib/a/libx.so.1\n",
			NULL, "no Debian package: /usr/local/lib/liby.so.1"},
		{"a diversion alone", {"/lib/a/libx.so.1"}, "diversion by other from: /lib/a/libx.so.1\n",
			NULL, "no Debian package: /lib/a/libx.so.1"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		print_message("case: %s\n", cases[i].name);
		struct err err = ERR_INIT;
		size_t count = 0;
		while (cases[i].libraries[count])
			count++;
		AUTO(free_ptr)
		char *packages = libraries_packages(
			(char *const *)(uintptr_t)cases[i].libraries, count, cases[i].said, &err);
		if (cases[i].packages)
			assert_string_equal(packages, cases[i].packages);
		else
			assert_non_null(strstr(err.text, cases[i].error));
		assert_int_equal(!packages, !cases[i].packages);
	}
	char *spellings[2];
	libraries_spell("/usr/lib64/ld.so.2", spellings);
	assert_string_equal(spellings[0], "/lib64/ld.so.2");
	assert_string_equal(spellings[1], "/usr/lib64/ld.so.2");
	free(spellings[0]);
	free(spellings[1]);
}

static void memory_is_enough_for_the_largest(void **state)
{
	struct scenario small = {0}, large = {0};
	const struct scenario *const both[] = {&small, &large};
	struct tenant_spec tenants[] = {
		{.memory_bytes = UINT64_C(768) << 20}, {.memory_bytes = UINT64_C(2) << 30}};

	(void)state;
	assert_int_equal(labhost_memory_of(both, 0), LABHOST_MEMORY_MIB);
	large.tenants = tenants;
	large.tenant_count = 2;
	large.memory.cache_bytes = UINT64_C(1) << 30;
	/* 1024 + 768 + 2048 + 2 * 96 + 1024, rounded up. */
	assert_int_equal(labhost_memory_of(both, 2), 5120);
	assert_int_equal(labhost_memory_of(both, 1), LABHOST_MEMORY_MIB);
}

static void a_console_tells_a_death_from_noise(void **state)
{
	static const struct {
		const char *name, *text, *panic;
	} cases[] = {
		{"a boot", "[    0.1] Linux version 6.1\r\n[    2.1] systemd[1]: hello\r\n", NULL},
		{"nothing", "", NULL},
		{"a user's fault", "[   9.1] traps: qemu-system-x86[77] general protection fault ip:1 sp:2\n",
			NULL},
		{"a stall that it lives through",
			"[  40.1] watchdog: BUG: soft lockup - CPU#1 stuck for 26s! [qemu:7]\n"
			"[  41.1] rcu: INFO: rcu_preempt self-detected stall on CPU\n",
			NULL},
		{"a warning", "[   3.0] WARNING: CPU: 0 PID: 1 at kernel/x.c:1 f+0x1/0x2\n", NULL},
		{"a panic",
			"x\n[   12.3] Kernel panic - not syncing: Attempted to kill init!\r\n[ 12.4] CPU: 0\n",
			"Kernel panic - not syncing: Attempted to kill init!"},
		{"an oops that panics",
			"[    9.0] BUG: kernel NULL pointer dereference, address: 0000000000000008\n"
			"[    9.1] #PF: supervisor read access\n[    9.2] Kernel panic - not syncing: Fatal exception\n",
			"BUG: kernel NULL pointer dereference, address: 0000000000000008; "
			"Kernel panic - not syncing: Fatal exception"},
		{"an oops whose panic did not come",
			"[   9.0] BUG: unable to handle page fault for address: ffff\n[ 9.1] #PF",
			"BUG: unable to handle page fault for address: ffff"},
		{"what emulated SVM does",
			"[   50.8] Kernel panic - not syncing: corrupted stack end detected inside scheduler\n",
			"Kernel panic - not syncing: corrupted stack end detected inside scheduler"},
		{"a fault of the kernel itself",
			"[  7.0] general protection fault, probably for non-canonical address 0xdead: 0000 [#1]\n"
			"[  7.1] Kernel panic - not syncing: Fatal exception in interrupt\n",
			"general protection fault, probably for non-canonical address 0xdead: 0000 [#1]; "
			"Kernel panic - not syncing: Fatal exception in interrupt"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		print_message("case: %s\n", cases[i].name);
		AUTO(free_ptr) char *panic = console_panic(cases[i].text);
		assert_string_equal(panic ? panic : "none", cases[i].panic ? cases[i].panic : "none");
	}
}

static bool has_word(char *const *argv, const char *text)
{
	for (; *argv; argv++)
		if (strstr(*argv, text))
			return true;
	return false;
}

static void qemu_is_told_what_was_asked_for(void **state)
{
	struct machine machine = {.kernel = "/k",
		.initrd = "/i",
		.root = "/r",
		.modules = "/m",
		.tenants = "/t",
		.payload = "/proc/self/fd/7",
		.scratch = "/proc/self/fd/8",
		.port_fd = 9,
		.console = "/a,b/c",
		.cgroup = LABHOST_CGROUP_V1,
		.append = "quiet2",
		.memory_mib = 3072,
		.cpus = 3};

	(void)state;
	char **argv = machine_argv(&machine);
	assert_true(has_word(argv, "max,+svm"));
	assert_true(has_word(argv, "kvm_amd.npt=0 kvm.halt_poll_ns=0 mitigations=off quiet2"));
	assert_true(has_word(
		argv, "systemd.unified_cgroup_hierarchy=0 systemd.legacy_systemd_cgroup_controller=1"));
	assert_true(has_word(argv, "file,id=console,path=/a,,b/c"));
	assert_true(has_word(argv, "socket,id=port,fd=9"));
	assert_true(has_word(argv, "3072"));
	machine_free_argv(argv);
	machine.kvm = true;
	machine.cgroup = LABHOST_CGROUP_V2;
	machine.append = NULL;
	argv = machine_argv(&machine);
	assert_true(has_word(argv, "systemd.unified_cgroup_hierarchy=1"));
	assert_false(has_word(argv, "npt"));
	assert_false(has_word(argv, "svm"));
	machine_free_argv(argv);
}

static int set_up(void **state)
{
	(void)state;
	return mkdtemp(folder) ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	return fsio_remove_tree(folder, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_wish_is_a_version_a_package_or_a_path),
		cmocka_unit_test(the_newest_that_fits_is_chosen),
		cmocka_unit_test(kernels_on_offer_are_listed_without_what_holds_none),
		cmocka_unit_test(a_list_of_kernels_has_each_once),
		cmocka_unit_test(a_short_wish_is_what_the_archive_said),
		cmocka_unit_test(a_kernel_of_files_is_known_by_its_modules_too),
		cmocka_unit_test(everything_that_a_scenario_may_name_comes_along),
		cmocka_unit_test(the_release_stands_in_the_head_of_an_image),
		cmocka_unit_test(every_option_that_is_missing_is_named),
		cmocka_unit_test(modes_and_needs_have_names),
		cmocka_unit_test(libraries_have_packages),
		cmocka_unit_test(memory_is_enough_for_the_largest),
		cmocka_unit_test(a_console_tells_a_death_from_noise),
		cmocka_unit_test(qemu_is_told_what_was_asked_for),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
