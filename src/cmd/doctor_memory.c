/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "applier/cgroup.h"
#include "applier/mounts.h"
#include "base/auto.h"
#include "base/buf.h"
#include "base/fsio.h"
#include "cmd/doctor_probes.h"
#include "fixture/memory.h"
#include "run/state.h"

/* What the shipped scenarios ask for. */
#define USUAL_SWAP_BYTES (UINT64_C(2) << 30)
#define USUAL_FREE_BYTES (UINT64_C(600) << 20)

/* Where the v1 memory hierarchy is; NULL: nowhere.  The caller frees. */
static char *v1_memory_root(void)
{
	AUTO(cgroup_mounts) struct cgroup_mounts mounts = {0};

	if (cgroup_mounts_read("", &mounts, NULL))
		return NULL;
	for (size_t i = 0; i < mounts.count; i++)
		if (!mounts.items[i].v2 && cgroup_list_has(mounts.items[i].options, ",", "memory"))
			return xstrdup(mounts.items[i].point);
	return NULL;
}

/* What keeps a v1 soft limit from acting (README, "What we found"); NULL: nothing that is known. */
static const char *soft_spoiler(void)
{
	char huge[64], generations[32];

	if (!fsio_read_small(-1, "/sys/kernel/mm/transparent_hugepage/enabled", huge, sizeof(huge), NULL) &&
		strstr(huge, "[always]"))
		return "/sys/kernel/mm/transparent_hugepage/enabled is 'always', and reclaim that is asked for huge pages "
		       "leaves soft limits out";
	if (!fsio_read_small(-1, "/sys/kernel/mm/lru_gen/enabled", generations, sizeof(generations), NULL) &&
		strtoul(generations, NULL, 16) != 0)
		return "/sys/kernel/mm/lru_gen/enabled is on, and the multi-generational LRU takes nothing in proportion";
	return NULL;
}

void doctor_probe_memory_limits(struct doctor_finding *finding)
{
	AUTO(cgroup_mounts) struct cgroup_mounts mounts = {0};
	struct err err = ERR_INIT;

	if (cgroup_mounts_read("", &mounts, &err)) {
		doctor_found_err(finding, &err);
		return;
	}
	if (!cgroup_mounts_offer(&mounts, CGROUP_MEMORY)) {
		doctor_found(finding, DOCTOR_NOTE,
			"no 'memory' control groups: memory can be neither limited nor counted");
		return;
	}
	AUTO(free_ptr) char *root = v1_memory_root();
	if (!root) {
		doctor_found(finding, DOCTOR_OK,
			"cgroup v2: memory.soft is memory.high, which throttles always and so is no soft limit; what acts only "
			"while memory is scarce is memory.protect; memory.swap counts swap alone");
		return;
	}
	AUTO(free_ptr) char *soft = xasprintf("%s/memory.soft_limit_in_bytes", root);
	AUTO(free_ptr) char *swap = xasprintf("%s/memory.memsw.limit_in_bytes", root);
	if (!fsio_exists(soft))
		doctor_found(finding, DOCTOR_NOTE,
			"cgroup v1, of a kernel without memory.soft_limit_in_bytes: no memory.soft");
	else if (!fsio_exists(swap))
		doctor_found(finding, DOCTOR_NOTE,
			"cgroup v1, of a kernel that does not account swap: memory.soft and memory.hard, no memory.swap");
	else if (soft_spoiler())
		doctor_found(finding, DOCTOR_NOTE, "cgroup v1, but memory.soft will hardly act: %s",
			soft_spoiler());
	else
		doctor_found(finding, DOCTOR_OK,
			"cgroup v1: memory.soft acts while the whole host is short of memory; memory.swap counts memory and "
			"swap together; no memory.protect, which is v2's");
}

void doctor_probe_scarcity(struct doctor_finding *finding)
{
	/* Of no tenants: whether they fit is for the scenario to say. */
	const struct memory_wish wish = {.free_bytes = USUAL_FREE_BYTES, .swap_bytes = USUAL_SWAP_BYTES};
	AUTO(free_ptr) char *path = state_path(MEMORY_SWAP_NAME);
	struct err err = ERR_INIT;
	struct memory_host host;

	if (memory_host_read("", &host, &err) || memory_check(&host, &wish, &err) ||
		memory_swap_check(path, wish.swap_bytes, &err)) {
		doctor_found_err(finding, &err);
		return;
	}
	AUTO(buf) struct buf text = BUF_INIT;
	if (host.huge.page_bytes)
		buf_addf(&text, "through huge pages of %" PRIu64 " KiB", host.huge.page_bytes / 1024);
	else
		buf_adds(&text, "through locked memory, which is slow: the kernel has no huge pages");
	buf_addf(&text, "; at least %" PRIu64 " MiB must stay free; room for a swap file",
		MEMORY_FLOOR_BYTES >> 20);
	if (host.swap_total_bytes)
		buf_addf(&text, ", used before the host's own %" PRIu64 " MiB (%s)",
			host.swap_total_bytes >> 20, host.swap_names);
	doctor_found(finding, DOCTOR_OK, "%s", text.data);
}
