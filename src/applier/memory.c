/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * memory.soft, memory.hard and memory.swap of a whole VM (libvirt: soft_limit, hard_limit, swap_hard_limit, all in KiB), and
 * memory.protect, for which libvirt has no call.
 *
 * Kernel files, v1: memory.soft_limit_in_bytes, memory.limit_in_bytes, memory.memsw.limit_in_bytes (memory and swap
 * together, never below memory.limit_in_bytes; cgroup-v1/memory.rst).  v2: memory.high, memory.max, memory.swap.max (swap alone),
 * memory.low (cgroup-v2.rst).  The kernel counts in pages and rounds down.
 */
#include "applier/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "applier/ops.h"
#include "base/auto.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/fsio.h"
#include "glue/libvirt.h"

/* v1 does not wait: a limit that cannot be reached at once is refused with EBUSY, and more may be swapped out by then. */
#define PATIENCE_MS 10000
#define PAUSE_MS    50

struct row {
	const char *parameter; /* libvirt's; NULL: none */
	const char *v1, *v2;   /* NULL: that mode has none */
	const char *v1_lacks, *v1_remedy;
	const char *v2_lacks, *v2_remedy;
};

static const struct row soft = {
	.parameter = VIR_DOMAIN_MEMORY_SOFT_LIMIT,
	.v1 = "memory.soft_limit_in_bytes",
	.v2 = "memory.high",
	.v1_lacks = "the host's kernel has no v1 soft limit",
	.v1_remedy = "boot a kernel with CONFIG_MEMCG_V1=y that still has it (6.1 does)",
	.v2_lacks = "the memory controller is not enabled there",
	.v2_remedy = "echo +memory >>/sys/fs/cgroup/cgroup.subtree_control; then start the VM anew",
};
static const struct row hard = {
	.parameter = VIR_DOMAIN_MEMORY_HARD_LIMIT,
	.v1 = "memory.limit_in_bytes",
	.v2 = "memory.max",
	.v1_lacks = "the host's kernel has no v1 memory controller",
	.v1_remedy = "boot a kernel with CONFIG_MEMCG_V1=y",
	.v2_lacks = "the memory controller is not enabled there",
	.v2_remedy = "echo +memory >>/sys/fs/cgroup/cgroup.subtree_control; then start the VM anew",
};
static const struct row swap = {
	.parameter = VIR_DOMAIN_MEMORY_SWAP_HARD_LIMIT,
	.v1 = "memory.memsw.limit_in_bytes",
	.v2 = "memory.swap.max",
	.v1_lacks = "the host's kernel does not account swap",
	.v1_remedy = "boot with swapaccount=1, on a kernel with CONFIG_SWAP=y",
	.v2_lacks = "the host's kernel does not account swap",
	.v2_remedy = "boot a kernel with CONFIG_SWAP=y, without swapaccount=0",
};
static const struct row protect = {
	.v2 = "memory.low",
	.v1_lacks = "cgroup v1 has no protection of memory",
	.v1_remedy = "boot with systemd.unified_cgroup_hierarchy=1, or use memory.soft, which only v1 has",
	.v2_lacks = "the memory controller is not enabled there",
	.v2_remedy = "echo +memory >>/sys/fs/cgroup/cgroup.subtree_control; then start the VM anew",
};

static bool on_v2(const struct target *target)
{
	return target->cgroup.at[CGROUP_MEMORY].v2;
}

uint64_t memory_round_to_pages(uint64_t bytes)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);

	return bytes == LIMIT_UNLIMITED ? bytes : bytes / page * page;
}

/* The kernel's own "unlimited" on v1 is the largest whole page below 2^63 (PAGE_COUNTER_MAX). */
static uint64_t from_kernel(uint64_t bytes)
{
	return bytes >= memory_round_to_pages(INT64_MAX) ? LIMIT_UNLIMITED : bytes;
}

int memory_write(const char *path, uint64_t bytes, struct err *err)
{
	AUTO(free_ptr) char *text = bytes == LIMIT_UNLIMITED ? xstrdup("max") : xasprintf("%" PRIu64, bytes);

	return fsio_write_small(AT_FDCWD, path, text, err);
}

static const char *file_of(struct target *target, const struct row *row)
{
	return target_where(
		target, target->cgroup.at[CGROUP_MEMORY].inner_path, on_v2(target) ? row->v2 : row->v1);
}

static int memory_probe(struct target *target, const struct applier_ops *ops, struct err *err)
{
	const struct row *row = ops->row;
	bool v2 = on_v2(target), offered = v2 ? row->v2 : row->v1;

	if (offered && fsio_exists(file_of(target, row)))
		return 0;
	if (offered)
		(void)err_host(
			err, "'%s' does not exist: %s", target->where, v2 ? row->v2_lacks : row->v1_lacks);
	else
		(void)err_host(err, "%s", v2 ? row->v2_lacks : row->v1_lacks);
	return err_remedy(err, "%s", v2 ? row->v2_remedy : row->v1_remedy);
}

static int memory_get(
	struct target *target, const struct applier_ops *ops, uint64_t *ret_value, struct err *err)
{
	uint64_t bytes;

	if (memory_probe(target, ops, err) || fsio_read_u64(AT_FDCWD, file_of(target, ops->row), &bytes, err))
		return -1;
	*ret_value = from_kernel(bytes);
	return 0;
}

static int memory_told(
	struct target *target, const struct applier_ops *ops, uint64_t *ret_value, struct err *err)
{
	const struct row *row = ops->row;
	int count = 0;

	if (target_need_domain(target, err))
		return -1;
	if (virDomainGetMemoryParameters(target->domain, NULL, &count, 0) < 0)
		return err_libvirt(err, "libvirt names no memory parameters");
	AUTO(vir_params) struct vir_params list = {.items = calloc((size_t)count, sizeof(virTypedParameter))};
	if (!list.items ||
		virDomainGetMemoryParameters(target->domain, list.items, &count, VIR_DOMAIN_AFFECT_LIVE) < 0)
		return err_libvirt(err, "libvirt does not tell its memory parameters");
	list.count = count;
	for (int i = 0; i < count; i++) {
		uint64_t kib = list.items[i].value.ul;
		if (strcmp(list.items[i].field, row->parameter) != 0)
			continue;
		*ret_value = kib >= VIR_DOMAIN_MEMORY_PARAM_UNLIMITED ? LIMIT_UNLIMITED : kib * 1024;
		return 0;
	}
	return err_run(err, "libvirt has no parameter %s", row->parameter);
}

/* One attempt.  err->code is EBUSY, in domain ERR_SYS, where another may work. */
struct attempt {
	struct target *target;
	const struct row *row;
	uint64_t value;
};

static int tell_libvirt(void *context, struct err *err)
{
	const struct attempt *attempt = context;
	AUTO(vir_params) struct vir_params list = {0};
	uint64_t kib = attempt->value == LIMIT_UNLIMITED ? (uint64_t)VIR_DOMAIN_MEMORY_PARAM_UNLIMITED
							 : attempt->value / 1024;

	if (target_need_domain(attempt->target, err))
		return -1;
	if (virTypedParamsAddULLong(&list.items, &list.count, &list.capacity, attempt->row->parameter, kib) <
		0)
		return err_libvirt(err, "libvirt does not take %s", attempt->row->parameter);
	if (!virDomainSetMemoryParameters(
		    attempt->target->domain, list.items, list.count, VIR_DOMAIN_AFFECT_LIVE))
		return 0;
	const virError *last = virGetLastError();
	/* virReportSystemError() leaves the errno in int1. */
	if (last && last->code == VIR_ERR_SYSTEM_ERROR && last->int1 == EBUSY)
		return err_sys(
			err, EBUSY, "libvirt could not write %s", file_of(attempt->target, attempt->row));
	return err_libvirt(err, "libvirt refused %s", attempt->row->parameter);
}

int memory_try_until(int (*attempt)(void *context, struct err *err), void *context, uint64_t patience_ms,
	unsigned *ret_attempts, struct err *err)
{
	uint64_t deadline_ns = clock_now_ns() + patience_ms * NS_PER_MS;

	for (unsigned count = 1;; count++) {
		struct err why = ERR_INIT;
		*ret_attempts = count;
		if (!attempt(context, &why))
			return 0;
		if (why.domain != ERR_SYS || why.code != EBUSY || clock_now_ns() >= deadline_ns) {
			if (err && !err_is_set(err))
				*err = why;
			return -1;
		}
		clock_sleep_until_ns(clock_now_ns() + PAUSE_MS * NS_PER_MS);
	}
}

/* Whoever lowers a limit below what is used wants to know how far it came. */
static void say_how_far(
	struct target *target, unsigned attempts, uint64_t began_ns, bool reached, struct err *err)
{
	AUTO(free_ptr)
	char *path = xasprintf("%s/%s", target->cgroup.at[CGROUP_MEMORY].inner_path,
		on_v2(target) ? "memory.current" : "memory.usage_in_bytes");
	double seconds = (double)(clock_now_ns() - began_ns) / 1e9;
	uint64_t used = 0;

	if (fsio_read_u64(AT_FDCWD, path, &used, NULL))
		used = 0;
	(void)snprintf(target->note, sizeof(target->note), "%u attempts in %.1f s, %" PRIu64 " MiB used then",
		attempts, seconds, used >> 20);
	if (reached)
		return;
	err_wrap(err, "%s", target->note);
	(void)err_remedy(err,
		"guest memory leaves a group only to swap: give the host some (a scenario: 'scarce: {memory: "
		"{swap: 2GiB}}'), or stop what uses it");
}

static int memory_set(struct target *target, const struct applier_ops *ops, uint64_t value, struct err *err)
{
	const struct row *row = ops->row;
	struct attempt attempt = {.target = target, .row = row, .value = value};
	uint64_t began_ns = clock_now_ns();
	unsigned attempts = 0;
	struct err why = ERR_INIT;

	if (memory_probe(target, ops, err))
		return -1;
	int result = memory_try_until(tell_libvirt, &attempt, PATIENCE_MS, &attempts, &why);
	if (attempts > 1)
		say_how_far(target, attempts, began_ns, result == 0, &why);
	if (result && on_v2(target) && why.domain == ERR_LIBVIRT &&
		(why.code == VIR_ERR_INVALID_ARG || why.code == VIR_ERR_CONFIG_UNSUPPORTED)) {
		/* libvirt wants swap_hard_limit above hard_limit, which is v1's rule: v2's swap limit counts swap alone. */
		if (memory_write(file_of(target, row), value, err))
			return -1;
		(void)snprintf(target->note, sizeof(target->note),
			"written to %s: libvirt applies v1's order of limits", row->v2);
		return 0;
	}
	if (result && !on_v2(target) && row != &soft && why.domain == ERR_LIBVIRT)
		(void)err_remedy(&why,
			"on cgroup v1 memory.swap counts memory and swap together and is never below memory.hard: "
			"lower memory.hard first, or raise memory.swap first");
	if (result && err && !err_is_set(err))
		*err = why;
	return result;
}

static int soft_set(struct target *target, const struct applier_ops *ops, uint64_t value, struct err *err)
{
	if (memory_set(target, ops, value, err))
		return -1;
	if (on_v2(target) && !target->note[0])
		(void)snprintf(target->note, sizeof(target->note),
			"cgroup v2: memory.high, which throttles always, not only when memory is scarce");
	return 0;
}

static void soft_explain(struct target *target, uint64_t asked, uint64_t got, struct err *err)
{
	if (on_v2(target) || got != LIMIT_UNLIMITED || asked == LIMIT_UNLIMITED)
		return;
	err_wrap(err, "this kernel's v1 soft limit is inert: it takes a value and keeps none");
	(void)err_remedy(err,
		"boot an older kernel (6.1 has a soft limit that acts), or use memory.protect on cgroup v2");
}

static int protect_set(struct target *target, const struct applier_ops *ops, uint64_t value, struct err *err)
{
	if (memory_probe(target, ops, err))
		return -1;
	return memory_protect_write(target->cgroup.at[CGROUP_MEMORY].inner_path, value, &target->hook, err);
}

const struct applier_ops applier_memory_soft = {
	.limit = LIMIT_MEMORY_SOFT,
	.controller = CGROUP_MEMORY,
	.row = &soft,
	.set = soft_set,
	.get = memory_get,
	.probe = memory_probe,
	.told = memory_told,
	.rounded = memory_round_to_pages,
	.explain = soft_explain,
};

const struct applier_ops applier_memory_hard = {
	.limit = LIMIT_MEMORY_HARD,
	.controller = CGROUP_MEMORY,
	.row = &hard,
	.set = memory_set,
	.get = memory_get,
	.probe = memory_probe,
	.told = memory_told,
	.rounded = memory_round_to_pages,
};

const struct applier_ops applier_memory_swap = {
	.limit = LIMIT_MEMORY_SWAP,
	.controller = CGROUP_MEMORY,
	.row = &swap,
	.set = memory_set,
	.get = memory_get,
	.probe = memory_probe,
	.told = memory_told,
	.rounded = memory_round_to_pages,
};

const struct applier_ops applier_memory_protect = {
	.limit = LIMIT_MEMORY_PROTECT,
	.controller = CGROUP_MEMORY,
	.row = &protect,
	.set = protect_set,
	.get = memory_get,
	.probe = memory_probe,
	.rounded = memory_round_to_pages,
};
