/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a lab host's kernel must have been built with. */
#include "labhost/internal.h"

#include <stdio.h>
#include <string.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/fsio.h"
#include "scenario/scenario.h"

#define IN_V2 (1u << LABHOST_CGROUP_V2)
#define IN_V1 (1u << LABHOST_CGROUP_V1 | 1u << LABHOST_CGROUP_HYBRID)

/* An option is only there to be switched off since some version: before, the kernel always had it. */
enum since { ALWAYS_AN_OPTION, LATER_AN_OPTION };

static const struct {
	const char *option, *module; /* module: its file, where it may be one */
	const char *why;             /* what it is for */
	unsigned needs;              /* any of these; 0: always */
	unsigned modes;              /* 0: in all */
	enum since since;
} needed[] = {
	{"BLK_DEV_INITRD", NULL, "starting", 0, 0, ALWAYS_AN_OPTION},
	{"RD_ZSTD", NULL, "starting", 0, 0, ALWAYS_AN_OPTION},
	{"BINFMT_SCRIPT", NULL, "starting", 0, 0, ALWAYS_AN_OPTION},
	{"DEVTMPFS", NULL, "starting", 0, 0, ALWAYS_AN_OPTION},
	{"SERIAL_8250_CONSOLE", NULL, "the console", 0, 0, ALWAYS_AN_OPTION},
	{"VIRTIO_PCI", "virtio_pci.ko", "its disks", 0, 0, ALWAYS_AN_OPTION},
	{"VIRTIO_BLK", "virtio_blk.ko", "its disks", 0, 0, ALWAYS_AN_OPTION},
	{"VIRTIO_CONSOLE", "virtio_console.ko", "results", 0, 0, ALWAYS_AN_OPTION},
	{"SQUASHFS", "squashfs.ko", "its root", 0, 0, ALWAYS_AN_OPTION},
	{"SQUASHFS_LZ4", NULL, "its root", 0, 0, ALWAYS_AN_OPTION},
	{"OVERLAY_FS", "overlay.ko", "its root", 0, 0, ALWAYS_AN_OPTION},
	{"EXT4_FS", "ext4.ko", "its scratch disk", 0, 0, ALWAYS_AN_OPTION},
	{"TMPFS", NULL, "systemd", 0, 0, ALWAYS_AN_OPTION},
	{"UNIX", NULL, "systemd", 0, 0, ALWAYS_AN_OPTION},
	{"FHANDLE", NULL, "systemd", 0, 0, ALWAYS_AN_OPTION},
	{"INOTIFY_USER", NULL, "systemd", 0, 0, ALWAYS_AN_OPTION},
	{"SIGNALFD", NULL, "systemd", 0, 0, ALWAYS_AN_OPTION},
	{"TIMERFD", NULL, "systemd", 0, 0, ALWAYS_AN_OPTION},
	{"EPOLL", NULL, "systemd", 0, 0, ALWAYS_AN_OPTION},
	{"PID_NS", NULL, "runs", 0, 0, ALWAYS_AN_OPTION},
	{"NET_NS", NULL, "runs", 0, 0, ALWAYS_AN_OPTION},
	{"KVM", "kvm.ko", "nested tenants", 0, 0, ALWAYS_AN_OPTION},
	{"CGROUPS", NULL, "limits", 0, 0, ALWAYS_AN_OPTION},
	{"CPUSETS", NULL, "pinning", 0, 0, ALWAYS_AN_OPTION},
	{"CPUSETS_V1", NULL, "pinning with cgroup v1", 0, IN_V1, LATER_AN_OPTION},
	{"CGROUP_SCHED", NULL, "cpu.shares", 0, 0, ALWAYS_AN_OPTION},
	{"FAIR_GROUP_SCHED", NULL, "cpu.shares", 0, 0, ALWAYS_AN_OPTION},
	{"CGROUP_CPUACCT", NULL, "accounting with cgroup v1", 0, IN_V1, ALWAYS_AN_OPTION},
	{"CFS_BANDWIDTH", NULL, "cpu.quota", LABHOST_NEEDS_CPU, 0, ALWAYS_AN_OPTION},
	{"SCHED_INFO", NULL, "run delay", LABHOST_NEEDS_CPU, 0, ALWAYS_AN_OPTION},
	{"MEMCG", NULL, "memory limits", LABHOST_NEEDS_MEMORY, 0, ALWAYS_AN_OPTION},
	{"MEMCG_V1", NULL, "memory limits with cgroup v1", LABHOST_NEEDS_MEMORY, IN_V1, LATER_AN_OPTION},
	{"SWAP", NULL, "scarce memory", LABHOST_NEEDS_MEMORY, 0, ALWAYS_AN_OPTION},
	{"HUGETLBFS", NULL, "scarce memory", LABHOST_NEEDS_MEMORY, 0, ALWAYS_AN_OPTION},
	{"BLK_CGROUP", NULL, "disk limits", LABHOST_NEEDS_DISK, 0, ALWAYS_AN_OPTION},
	{"BLK_DEV_THROTTLING", NULL, "disk limits", LABHOST_NEEDS_DISK, 0, ALWAYS_AN_OPTION},
	{"IOSCHED_BFQ", "bfq.ko", "disk.weight", LABHOST_NEEDS_DISK, 0, ALWAYS_AN_OPTION},
	{"BFQ_GROUP_IOSCHED", NULL, "disk.weight", LABHOST_NEEDS_DISK, 0, ALWAYS_AN_OPTION},
	{"BLK_DEV_LOOP", "loop.ko", "a scarce disk", LABHOST_NEEDS_DISK, 0, ALWAYS_AN_OPTION},
	{"FUSE_FS", "fuse.ko", "a scarce disk", LABHOST_NEEDS_DISK, 0, ALWAYS_AN_OPTION},
	{"TUN", "tun.ko", "the tenants' network", LABHOST_NEEDS_LINK, 0, ALWAYS_AN_OPTION},
	{"BRIDGE", "bridge.ko", "a scarce link", LABHOST_NEEDS_LINK, 0, ALWAYS_AN_OPTION},
	{"VETH", "veth.ko", "a scarce link", LABHOST_NEEDS_LINK, 0, ALWAYS_AN_OPTION},
	{"NET_SCH_HTB", "sch_htb.ko", "network limits", LABHOST_NEEDS_LINK, 0, ALWAYS_AN_OPTION},
	{"NET_CLS_U32", "cls_u32.ko", "network limits", LABHOST_NEEDS_LINK, 0, ALWAYS_AN_OPTION},
};

/* Whether `text` has this line, or one that begins with it. */
static bool has_line(const char *text, const char *line)
{
	size_t length = strlen(line);

	for (const char *at = text; (at = strstr(at, line)); at += length)
		if ((at == text || at[-1] == '\n') &&
			(!at[length] || at[length] == '\n' || line[length - 1] == '='))
			return true;
	return false;
}

static bool configured(const char *config, const char *option, enum since since)
{
	char line[96];

	(void)snprintf(line, sizeof(line), "# CONFIG_%s is not set", option);
	if (since == LATER_AN_OPTION)
		return !has_line(config, line);
	(void)snprintf(line, sizeof(line), "CONFIG_%s=", option);
	return has_line(config, line);
}

/* modules.dep: "kernel/fs/ext4/ext4.ko.xz: ..."; modules.builtin: "kernel/fs/ext4/ext4.ko". */
static bool is_module(const char *modules, const char *file)
{
	AUTO(free_ptr) char *name = xasprintf("/%s", file);

	return strstr(modules, name) != NULL;
}

char *options_missing(const char *config, const char *modules, enum labhost_cgroup mode, unsigned needs)
{
	AUTO(buf) struct buf missing = BUF_INIT;

	for (size_t i = 0; i < ARRAY_SIZE(needed); i++) {
		if ((needed[i].needs && !(needed[i].needs & needs)) ||
			(needed[i].modes && !(needed[i].modes & 1u << mode)))
			continue;
		bool has = true;
		if (config)
			has = configured(config, needed[i].option, needed[i].since);
		else if (needed[i].module)
			has = is_module(modules, needed[i].module);
		if (!has)
			buf_addf(&missing, "%sCONFIG_%s (%s)", missing.length ? ", " : "", needed[i].option,
				needed[i].why);
	}
	return missing.length ? buf_steal(&missing) : NULL;
}

static bool limits_memory(const struct limit_setting *settings, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (limit_resource(limit_spec(settings[i].limit)) == RESOURCE_MEMORY)
			return true;
	return false;
}

/* Limits of memory act, and are looked at, where it is not scarce, too. */
static bool needs_memory(const struct scenario *scenario)
{
	for (size_t i = 0; i < scenario->tenant_count; i++)
		if (limits_memory(scenario->tenants[i].limits, scenario->tenants[i].limit_count))
			return true;
	for (size_t i = 0; i < scenario->event_count; i++)
		if (limits_memory(scenario->events[i].settings, scenario->events[i].setting_count))
			return true;
	for (size_t i = 0; i < scenario->expect_count; i++)
		if (scenario->expects[i].resource == RESOURCE_MEMORY)
			return true;
	return scenario->memory.declared;
}

unsigned labhost_needs_of(const struct scenario *scenario)
{
	unsigned needs = LABHOST_NEEDS_CPU;

	if (needs_memory(scenario))
		needs |= LABHOST_NEEDS_MEMORY;
	if (scenario->disk.declared)
		needs |= LABHOST_NEEDS_DISK;
	if (scenario->link.declared)
		needs |= LABHOST_NEEDS_LINK;
	return needs;
}

static const char *const cgroup_names[LABHOST_CGROUP_COUNT] = {
	[LABHOST_CGROUP_V2] = "v2",
	[LABHOST_CGROUP_V1] = "v1",
	[LABHOST_CGROUP_HYBRID] = "hybrid",
};

const char *labhost_cgroup_name(enum labhost_cgroup mode)
{
	return cgroup_names[mode];
}

int labhost_cgroup_parse(const char *text, enum labhost_cgroup *ret_mode, struct err *err)
{
	for (enum labhost_cgroup mode = 0; mode < LABHOST_CGROUP_COUNT; mode++)
		if (strcmp(text, cgroup_names[mode]) == 0) {
			*ret_mode = mode;
			return 0;
		}
	return err_input(err, "'%s' is no cgroup mode; right are v2, v1 and hybrid", text);
}

int labhost_kernel_check(
	const struct labhost_kernel *kernel, enum labhost_cgroup mode, unsigned needs, struct err *err)
{
	AUTO(free_ptr) char *list = xasprintf("%s/modules.list", kernel->folder);
	AUTO(buf) struct buf config = BUF_INIT;
	AUTO(buf) struct buf modules = BUF_INIT;

	if ((kernel->config && fsio_read_file(kernel->config, 16 << 20, &config, err)) ||
		fsio_read_file(list, 64 << 20, &modules, err))
		return -1;
	AUTO(free_ptr)
	char *missing = options_missing(kernel->config ? config.data ? config.data : "" : NULL,
		modules.data ? modules.data : "", mode, needs);
	if (!missing)
		return 0;
	(void)err_host(err, "the kernel %s (%s) cannot be a lab host's with cgroup %s: it lacks %s",
		kernel->release, kernel->origin, labhost_cgroup_name(mode), missing);
	return err_remedy(err, mode == LABHOST_CGROUP_V2
				       ? "another kernel, or one built with these"
				       : "another kernel, one built with these, or --cgroup v2");
}
