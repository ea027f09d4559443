/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "judge/symptoms.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/auto.h"
#include "base/buf.h"
#include "judge/internal.h"

#define MIB            1048576.0
#define SWAP_FULL_LEFT (8 * MIB) /* the kernel keeps clusters of pages; the last of them are never all used */
/* The most that the translation cache and QEMU itself add to a guest's RAM under TCG (1 GiB unless <tb-cache> caps it). */
#define TCG_EXTRA_MAX (1200 * MIB)

static bool is_of(const struct clues *clues, enum resource resource)
{
	return clues->finding->expect->resource == resource;
}

static bool is_failed(const struct clues *clues, enum resource resource)
{
	return is_of(clues, resource) && clues->finding->verdict == VERDICT_FAIL;
}

/* ---- disk ---- */

/* Somebody has another weight than somebody else at the end of the window. */
static bool weights_differ(const struct clues *clues)
{
	uint64_t first = clues_value(clues->input, 0, LIMIT_DISK_WEIGHT, clues->to_s - 1e-3);

	for (unsigned i = 1; i < clues->input->scenario->tenant_count; i++)
		if (clues_value(clues->input, i, LIMIT_DISK_WEIGHT, clues->to_s - 1e-3) != first)
			return true;
	return false;
}

bool symptom_scheduler(struct clues *clues, struct buf *clue)
{
	const struct scarce_disk *disk = &clues->input->scenario->disk;

	if (!is_of(clues, RESOURCE_DISK) || !disk->declared || disk->scheduler == DISK_SCHEDULER_BFQ ||
		!weights_differ(clues))
		return false;
	buf_addf(clue, "the disk's scheduler is '%s'", disk_scheduler_name(disk->scheduler));
	return true;
}

bool symptom_low_latency(struct clues *clues, struct buf *clue)
{
	const struct scarce_disk *disk = &clues->input->scenario->disk;

	if (!is_failed(clues, RESOURCE_DISK) || !disk->low_latency || disk->scheduler != DISK_SCHEDULER_BFQ ||
		!weights_differ(clues))
		return false;
	buf_adds(clue, "the scenario says 'low_latency: true'");
	return true;
}

bool symptom_weight_weak(struct clues *clues, struct buf *clue)
{
	const struct scarce_disk *disk = &clues->input->scenario->disk;

	(void)clue;
	return is_failed(clues, RESOURCE_DISK) && disk->scheduler == DISK_SCHEDULER_BFQ &&
	       !disk->low_latency && weights_differ(clues);
}

/* ---- memory ---- */

struct range {
	double first, least, most, grown;
};

/* The host's column in the window, or up to its end; false: not sampled. */
static bool host_range(const struct clues *clues, const char *column, double from_s, struct range *ret_range)
{
	struct counter counter = {0};
	struct range range = {.least = HUGE_VAL, .most = -HUGE_VAL};

	counter_load(&counter, clues->input->samples, "host", column);
	for (size_t i = counter_first(&counter, from_s); i < counter.count && counter.t_s[i] <= clues->to_s;
		i++) {
		range.least = fmin(range.least, counter.value[i]);
		range.most = fmax(range.most, counter.value[i]);
	}
	range.first = counter.count ? counter.value[0] : (double)NAN;
	range.grown = counter_growth(&counter, from_s, clues->to_s);
	counter_release(&counter);
	*ret_range = range;
	return range.most >= range.least;
}

bool symptom_oom(struct clues *clues, struct buf *clue)
{
	struct range kills;

	if (!is_of(clues, RESOURCE_MEMORY) || !host_range(clues, "vm_oom_kills", -HUGE_VAL, &kills) ||
		!(kills.most > kills.first))
		return false;
	buf_addf(clue, "vm_oom_kills grew by %.0f up to %.6g s", kills.most - kills.first, clues->to_s);
	return true;
}

static uint64_t soft_of(const struct clues *clues)
{
	return clues_value(clues->input, clues->finding->expect->tenant, LIMIT_MEMORY_SOFT, clues->to_s);
}

static bool has_soft(const struct clues *clues)
{
	return is_of(clues, RESOURCE_MEMORY) && soft_of(clues) != LIMIT_UNLIMITED;
}

/* Settling has a time, not a level. */
static bool has_too_little(const struct clues *clues)
{
	const struct finding *finding = clues->finding;

	return finding->expect->kind != EXPECT_SETTLES && finding->measured < finding->expected;
}

static bool is_v2(const struct clues *clues)
{
	const char *mode = clues->input->manifest->cgroup_mode;

	return mode && !strcmp(mode, "v2");
}

bool symptom_memory_high(struct clues *clues, struct buf *clue)
{
	if (!has_soft(clues) || !is_v2(clues))
		return false;
	buf_adds(clue, "the run was on cgroup v2, where memory.soft is the file memory.high");
	return true;
}

bool symptom_soft_above_hard(struct clues *clues, struct buf *clue)
{
	unsigned tenant = clues->finding->expect->tenant;
	uint64_t hard = clues_value(clues->input, tenant, LIMIT_MEMORY_HARD, clues->to_s);
	uint64_t soft = soft_of(clues);

	if (!has_soft(clues) || has_too_little(clues) || hard == LIMIT_UNLIMITED || soft < hard)
		return false;
	buf_addf(clue, "memory.soft of '%s' is %" PRIu64 " MiB and memory.hard %" PRIu64 " MiB",
		clues->input->scenario->tenants[tenant].name, soft >> 20, hard >> 20);
	return true;
}

bool symptom_no_swap(struct clues *clues, struct buf *clue)
{
	struct range swap;

	if (!is_of(clues, RESOURCE_MEMORY) || !host_range(clues, "swap_free_bytes", -HUGE_VAL, &swap) ||
		swap.most > 0)
		return false;
	buf_adds(clue, "swap_free_bytes is 0 in every sample of the host");
	return true;
}

/* It has less than it should, and the rest is in swap. */
bool symptom_in_swap(struct clues *clues, struct buf *clue)
{
	const struct finding *finding = clues->finding;
	const char *name = clues->input->scenario->tenants[finding->expect->tenant].name;
	struct counter swap = {0};
	double there = 0;

	if (!is_failed(clues, RESOURCE_MEMORY) || finding->expect->measure == MEASURE_MEM_SWAP ||
		finding->expect->kind == EXPECT_CONSERVES || !(finding->measured < finding->expected))
		return false;
	counter_load(&swap, clues->input->samples, name, "mem_swap_bytes");
	if (swap.count)
		there = counter_at(&swap, clues->to_s);
	counter_release(&swap);
	if (!(there > MIB))
		return false;
	buf_addf(clue, "%.0f MiB of '%s' were in swap at %.6g s", there / MIB, name, clues->to_s);
	return true;
}

bool symptom_swap_full(struct clues *clues, struct buf *clue)
{
	struct range swap;

	if (!is_of(clues, RESOURCE_MEMORY) || !host_range(clues, "swap_free_bytes", -HUGE_VAL, &swap) ||
		!(swap.most > SWAP_FULL_LEFT) || swap.least > SWAP_FULL_LEFT)
		return false;
	buf_addf(clue, "%.0f MiB of swap were free at most, %.1f MiB at least", swap.most / MIB,
		swap.least / MIB);
	return true;
}

/* Too much, by more than the guest's RAM can hold. */
bool symptom_tcg_memory(struct clues *clues, struct buf *clue)
{
	const struct finding *finding = clues->finding;
	const struct tenant_spec *tenant = &clues->input->scenario->tenants[finding->expect->tenant];
	const char *acceleration = clues->input->manifest->acceleration;
	double extra = finding->measured - (double)tenant->memory_bytes;

	if (!is_failed(clues, RESOURCE_MEMORY) || finding->expect->kind != EXPECT_LEVEL || !acceleration ||
		strcmp(acceleration, "tcg") || finding->expect->measure == MEASURE_MEM_SWAP ||
		!(finding->measured > finding->expected) || !(extra > 0) || extra > TCG_EXTRA_MAX)
		return false;
	buf_addf(clue, "'%s' is a guest of %" PRIu64 " MiB and its group had %.0f MiB; the run was under TCG",
		tenant->name, tenant->memory_bytes >> 20, finding->measured / MIB);
	return true;
}

/* It falls, but not as fast as asked. */
bool symptom_soft_slow(struct clues *clues, struct buf *clue)
{
	const struct finding *finding = clues->finding;
	struct range taken;

	if (!is_failed(clues, RESOURCE_MEMORY) || finding->expect->kind != EXPECT_SETTLES ||
		!has_soft(clues) || isnan(finding->settling_time_s) ||
		!host_range(clues, "vm_pgsteal", clues->from_s, &taken))
		return false;
	buf_addf(clue, "the kernel reclaimed %.0f MiB on the whole host between %.6g s and %.6g s",
		taken.grown * 4096 / MIB, clues->from_s, clues->to_s);
	return true;
}

bool symptom_soft_weak(struct clues *clues, struct buf *clue)
{
	struct range taken;

	if (!is_failed(clues, RESOURCE_MEMORY) || !has_soft(clues) || has_too_little(clues) || is_v2(clues))
		return false;
	if (host_range(clues, "vm_pgsteal", clues->from_s, &taken))
		buf_addf(clue,
			"the kernel reclaimed %.0f MiB on the whole host between %.6g s and %.6g s; "
			"memory.soft of '%s' is %" PRIu64 " MiB",
			taken.grown * 4096 / MIB, clues->from_s, clues->to_s,
			clues->input->scenario->tenants[clues->finding->expect->tenant].name,
			soft_of(clues) >> 20);
	return true;
}
