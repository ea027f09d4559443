/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "run/undo.h"

#include <errno.h>
#include <fts.h>
#include <inttypes.h>
#include <mntent.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/fsio.h"
#include "base/paths.h"
#include "fixture/link.h"
#include "glue/libvirt.h"
#include "fixture/memory.h"
#include "run/journal.h"
#include "run/prepare.h"
#include "run/state.h"
#include "series/rundir.h"

/* How deep below a hierarchy's mount libvirt makes its groups: machine.slice/NAME.scope/libvirt/vcpu0 is four. */
#define CGROUP_DEPTH 6
/* After a SIGKILL a group stays busy until the kernel has reaped its last task. */
#define CGROUP_BUSY_MS 3000

DEFINE_AUTO(mntent, FILE *, endmntent);
DEFINE_AUTO(fts, FTS *, fts_close);

static int undo_run(const char *run, const char *unused, struct err *err)
{
	struct manifest manifest = {0};
	int result = 0;

	(void)unused;
	AUTO(free_ptr) char *path = rundir_path(run, RUNDIR_MANIFEST);
	prepare_free_reserve(run);
	if (!fsio_exists(path))
		return 0;
	if (manifest_read(&manifest, path, err))
		return -1;
	if (manifest.state == RUN_RUNNING) {
		manifest.state = RUN_BROKEN;
		free(manifest.reason);
		manifest.reason = xstrdup("limitlab was killed while the run went on");
		result = manifest_write(&manifest, path, err);
	}
	manifest_release(&manifest);
	return result;
}

static int remove_group(const char *path, struct err *err)
{
	uint64_t deadline = clock_now_ns() + CGROUP_BUSY_MS * NS_PER_MS;

	while (rmdir(path)) {
		if (errno == ENOENT)
			return 0;
		if (errno != EBUSY || clock_now_ns() >= deadline)
			return err_sys(err, errno, "cannot remove the control group '%s'", path);
		clock_sleep_until_ns(clock_now_ns() + 10 * NS_PER_MS);
	}
	return 0;
}

static const char *after(const char *text, const char *word)
{
	size_t length = strlen(word);

	return strncmp(text, word, length) ? NULL : text + length;
}

bool undo_is_our_group(const char *name, const char *prefix)
{
	AUTO(buf) struct buf plain = BUF_INIT;

	for (const char *at = name; *at;) {
		bool dash = !strncmp(at, "\\x2d", 4);
		buf_add(&plain, dash ? "-" : at, 1);
		at += dash ? 4 : 1;
	}
	const char *at = plain.data ? plain.data : "", *rest;
	if ((rest = after(at, "machine-")))
		at = rest;
	if (!(at = after(at, "qemu-")))
		return false;
	if ((rest = after(at, "embed-"))) {
		size_t hash = strspn(rest, "0123456789abcdef");
		if (!hash || rest[hash] != '-')
			return false;
		at = rest + hash + 1;
	}
	size_t digits = strspn(at, "0123456789");
	return digits && at[digits] == '-' && after(at + digits + 1, prefix);
}

int undo_remove_groups(const char *mount, const char *prefix, struct err *err)
{
	char *roots[] = {(char *)(uintptr_t)mount, NULL};
	int result = 0, ours_level = -1;

	AUTO(fts) FTS *tree = fts_open(roots, FTS_PHYSICAL | FTS_XDEV | FTS_NOCHDIR | FTS_NOSTAT, NULL);
	if (!tree)
		return err_sys(err, errno, "cannot walk '%s'", mount);
	for (FTSENT *entry; (entry = fts_read(tree)) != NULL;) {
		if (entry->fts_info == FTS_D && ours_level < 0 && undo_is_our_group(entry->fts_name, prefix))
			ours_level = entry->fts_level;
		if (entry->fts_info == FTS_D && ours_level < 0 && entry->fts_level >= CGROUP_DEPTH)
			(void)fts_set(tree, entry, FTS_SKIP);
		if (entry->fts_info != FTS_DP || ours_level < 0)
			continue;
		if (remove_group(entry->fts_path, err))
			result = -1;
		if (entry->fts_level == ours_level)
			ours_level = -1;
	}
	return result;
}

/* Calls visit() for the mount point of every cgroup hierarchy. */
static int each_hierarchy(
	int (*visit)(const char *mount, void *context, struct err *err), void *context, struct err *err)
{
	char line[4096];
	struct mntent entry;
	int result = 0;

	AUTO(mntent) FILE *mounts = setmntent("/proc/self/mounts", "re");
	if (!mounts)
		return err_sys(err, errno, "cannot read '/proc/self/mounts'");
	while (getmntent_r(mounts, &entry, line, sizeof(line)))
		if (!strcmp(entry.mnt_type, "cgroup") || !strcmp(entry.mnt_type, "cgroup2"))
			if (visit(entry.mnt_dir, context, err))
				result = -1;
	return result;
}

static int visit_remove(const char *mount, void *context, struct err *err)
{
	return undo_remove_groups(mount, context, err);
}

static int undo_cgroups(const char *prefix, const char *unused, struct err *err)
{
	(void)unused;
	return each_hierarchy(visit_remove, (void *)(uintptr_t)prefix, err);
}

static int undo_cgroup_parent(const char *path, const char *unused, struct err *err)
{
	(void)unused;
	/* Somebody else may have put a machine of theirs there by now: then it stays. */
	if (rmdir(path) && errno != ENOENT && errno != EBUSY && errno != ENOTEMPTY)
		return err_sys(err, errno, "cannot remove the control group '%s'", path);
	return 0;
}

static bool has_word(const char *words, const char *word, size_t length)
{
	for (const char *at = words; (at = strstr(at, word)) != NULL; at++)
		if ((at == words || at[-1] == ' ') && (!at[length] || at[length] == ' '))
			return true;
	return false;
}

/* v2: libvirt enables the controllers it needs in the root's subtree_control; those that were off go off again. */
static int push_controllers(struct journal *journal, const char *mount, struct err *err)
{
	static const char *const wanted[] = {"cpuset", "cpu", "io", "memory"};
	AUTO(free_ptr) char *path = xasprintf("%s/cgroup.subtree_control", mount);
	AUTO(free_ptr) char *available = xasprintf("%s/cgroup.controllers", mount);
	AUTO(buf) struct buf off = BUF_INIT;
	char enabled[256], there[256];

	if (!fsio_exists(path))
		return 0;
	if (fsio_read_small(-1, path, enabled, sizeof(enabled), err) ||
		fsio_read_small(-1, available, there, sizeof(there), err))
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++)
		if (has_word(there, wanted[i], strlen(wanted[i])) &&
			!has_word(enabled, wanted[i], strlen(wanted[i])))
			buf_addf(&off, "%s-%s", off.length ? " " : "", wanted[i]);
	return off.length ? journal_push(journal, UNDO_CGROUP_CONTROLLERS, path, off.data, err) : 0;
}

static int undo_cgroup_controllers(const char *path, const char *controllers, struct err *err)
{
	AUTO(free_ptr) char *words = xstrdup(controllers ? controllers : "");
	char *rest = NULL;
	int result = 0;

	/* One by one: the kernel takes all of a line or nothing. */
	for (char *word = strtok_r(words, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
		struct err why = ERR_INIT;
		/* Busy: somebody else's groups use it by now, so it stays. */
		if (!fsio_write_small(-1, path, word, &why) || why.code == EBUSY || why.code == ENOENT)
			continue;
		if (!result)
			*err = why;
		result = -1;
	}
	return result;
}

static int visit_parent(const char *mount, void *context, struct err *err)
{
	struct journal *journal = context;
	/* Never machine.slice: systemd remembers it, and would not set it up again. */
	AUTO(free_ptr) char *path = xasprintf("%s/machine", mount);

	if (push_controllers(journal, mount, err))
		return -1;
	return fsio_exists(path) ? 0 : journal_push(journal, UNDO_CGROUP_PARENT, path, NULL, err);
}

int undo_push_cgroups(struct journal *journal, bool by_systemd, struct err *err)
{
	if (!by_systemd && each_hierarchy(visit_parent, journal, err))
		return -1;
	return journal_push(journal, UNDO_CGROUPS, "limitlab-", NULL, err);
}

static int undo_domain(const char *uri, const char *name, struct err *err)
{
	if (!name || strncmp(name, "limitlab-", strlen("limitlab-")))
		return err_run(err, "'%s' is no domain of limitlab", name ? name : "");
	glue_libvirt_quiet();
	AUTO(vir_connect) virConnectPtr connection = virConnectOpen(uri);
	if (!connection)
		return err_libvirt(err, "cannot connect to '%s'", uri);
	AUTO(vir_domain) virDomainPtr domain = virDomainLookupByName(connection, name);
	if (!domain)
		return 0;
	if (virDomainDestroy(domain) && virDomainIsActive(domain) == 1)
		return err_libvirt(err, "cannot destroy the domain '%s'", name);
	return 0;
}

/* A component "." or ".." leads out of, or back to, the folder it stands in. */
static bool has_dots(const char *path)
{
	for (const char *at = path; (at = strstr(at, "/.")) != NULL; at++) {
		const char *rest = at + 2 + (at[2] == '.');
		if (!*rest || *rest == '/')
			return true;
	}
	return false;
}

static int undo_tree(const char *path, const char *unused, struct err *err)
{
	size_t length = strlen(paths_state_dir());

	(void)unused;
	if (strncmp(path, paths_state_dir(), length) || path[length] != '/' || !path[length + 1] ||
		has_dots(path))
		return err_run(err, "'%s' is not below '%s'", path, paths_state_dir());
	return fsio_remove_tree(path, err);
}

static int undo_hugepages(const char *path, const char *values, struct err *err)
{
	const char *rest = after(path, "/sys/kernel/mm/hugepages/hugepages-");
	uint64_t value_before, value_after;

	if (!rest || has_dots(path) || strcmp(fsio_basename(path), "nr_overcommit_hugepages") || !values ||
		sscanf(values, "%" SCNu64 " %" SCNu64, &value_before, &value_after) != 2)
		return err_run(err, "'%s' is no setting of huge pages", path);
	return memory_huge_restore(path, value_before, value_after, err);
}

static int undo_memory_low(const char *path, const char *values, struct err *err)
{
	uint64_t value_before, value_after;

	if (path[0] != '/' || has_dots(path) || strcmp(fsio_basename(path), "memory.low") || !values ||
		sscanf(values, "%" SCNu64 " %" SCNu64, &value_before, &value_after) != 2)
		return err_run(err, "'%s' is no protection of a control group", path);
	return memory_huge_restore(path, value_before, value_after, err);
}

static int undo_swap(const char *path, const char *unused, struct err *err)
{
	AUTO(free_ptr) char *ours = state_path(MEMORY_SWAP_NAME);

	(void)unused;
	if (strcmp(path, ours))
		return err_run(err, "'%s' is not '%s'", path, ours);
	return memory_swap_remove(path, err);
}

static int undo_link(const char *unused, const char *unused2, struct err *err)
{
	(void)unused;
	(void)unused2;
	return link_fixture_undo(NULL, err);
}

const struct undo_kind undo_kinds[] = {
	{UNDO_RUN, "the run's manifest", undo_run},
	{UNDO_CGROUPS, "control groups of the tenants", undo_cgroups},
	{UNDO_CGROUP_PARENT, "the machines' control group", undo_cgroup_parent},
	{UNDO_CGROUP_CONTROLLERS, "controllers of the root group", undo_cgroup_controllers},
	{UNDO_DOMAIN, "the domain", undo_domain},
	{UNDO_TREE, "the folder", undo_tree},
	{UNDO_HUGEPAGES, "the allowance of huge pages", undo_hugepages},
	{UNDO_MEMORY_LOW, "the protection of the group above the tenants", undo_memory_low},
	{UNDO_SWAP, "the swap file", undo_swap},
	{UNDO_LINK, "interfaces of the shared link", undo_link},
	{UNDO_DISK_LOOP, "the scarce disk's loop device", undo_disk_loop},
	{UNDO_DISK_DIR, "the scarce disk's folder", undo_disk_dir},
	{UNDO_DISK_DEVICE, "scheduler and partitions of the disk", undo_disk_device},
};
const size_t undo_kind_count = ARRAY_SIZE(undo_kinds);

const struct undo_kind *undo_find(const char *name)
{
	for (size_t i = 0; i < undo_kind_count; i++)
		if (!strcmp(undo_kinds[i].name, name))
			return &undo_kinds[i];
	return NULL;
}
