/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "judge/internal.h"

#include <math.h>
#include <string.h>

#include "base/auto.h"
#include "base/buf.h"
#include "scenario/expect.h"

/* Pages; 1 MiB where a page has 4 KiB.  A host with memory to spare looks at none at all. */
#define SCANNED_MIN 256
/* kswapd's rounds, and allocations that had to reclaim: where memory is scarce, some a second. */
#define RUNS_MIN   8
#define PAGE_BYTES 4096.0 /* of x86, where limitlab's tenants run */
#define MIB        1048576.0
/*
 * Of others on the host, while memory is scarce.  On a quiet one it is 4 MiB; up to 60 are let go when the tenants grow (page cache).
 * Beside two compilers it was 120 to 420 MiB, and tenants paid for them.
 */
#define RISE_MAX (64 * MIB)
#define FALL_MAX (128 * MIB)
/* Of what the fixture leaves: with so much available nobody is near reclaim. */
#define AVAILABLE_MIN_PLENTY 1.5

/* false: the OOM killer struck; what the others have then says nothing about limits. */
static bool nobody_killed(
	const struct judge_context *context, double from_s, double to_s, struct finding *finding)
{
	double killed = context->killed.count < 2 ? 0 : counter_growth(&context->killed, from_s, to_s);

	if (killed > 0)
		return finding_set(finding, VERDICT_INCONCLUSIVE,
			"the kernel's OOM killer struck %.0f time%s in the window", killed,
			killed > 1 ? "s" : "");
	return true;
}

/*
 * Guest memory is anonymous.  Where page cache lies about, the kernel may take that alone and never come near a VM; where there is no
 * swap it can take nothing else, and whether a VM's memory stays then is what is to be seen.
 */
static bool anon_was_looked_at(
	const struct judge_context *context, double from_s, double to_s, struct finding *finding)
{
	double swap = fmax(counter_at(&context->swap_free, from_s), counter_at(&context->swap_free, to_s));

	/* Kernels before 5.8, and older runs, do not tell. */
	if (!context->scanned_anon.count || !(swap > 0))
		return true;
	double looked = counter_growth(&context->scanned_anon, from_s, to_s);
	if (!(looked >= SCANNED_MIN))
		return finding_set(finding, VERDICT_INCONCLUSIVE,
			"no contention for the memory of VMs: the kernel looked at %.0f pages of anonymous memory, the others were "
			"page cache; at least %d are needed",
			looked, SCANNED_MIN);
	return true;
}

/*
 * What has not changed could have: more was taken from somebody than the tenant may have lost unnoticed.  What a v1 soft limit
 * costs is in no counter of global reclaim, but it goes to swap.
 */
static bool enough_was_taken(
	const struct judge_context *context, double from_s, double to_s, struct finding *finding)
{
	double taken = PAGE_BYTES * fmax(counter_growth(&context->reclaimed, from_s, to_s),
					    counter_growth(&context->swapped_out, from_s, to_s));

	if (finding->expect->kind != EXPECT_UNCHANGED || taken > finding->tolerance)
		return true;
	return finding_set(finding, VERDICT_INCONCLUSIVE,
		"little contention: the kernel took %.1f MiB from the whole host, less than the %.1f MiB that the tenant may "
		"lose and count as unchanged",
		taken / MIB, finding->tolerance / MIB);
}

/* A v1 soft limit may give all that is asked for; what that costs is in no counter of global reclaim, but it is what began it. */
static bool soft_limits_gave(const struct judge_context *context, double from_s, double to_s)
{
	return context->reclaim_runs.count >= 2 &&
	       counter_growth(&context->reclaim_runs, from_s, to_s) >= RUNS_MIN &&
	       counter_growth(&context->swapped_out, from_s, to_s) >= SCANNED_MIN;
}

static bool memory_contention(
	const struct judge_context *context, double from_s, double to_s, struct finding *finding)
{
	double from = from_s, to = to_s;

	if (!window_covered(context, &context->scanned, "vm_pgscan", &from, &to, finding) ||
		!nobody_killed(context, from, to, finding))
		return false;
	double scanned = counter_growth(&context->scanned, from, to);
	if (scanned < SCANNED_MIN && !soft_limits_gave(context, from, to))
		return finding_set(finding, VERDICT_INCONCLUSIVE,
			"no contention: the kernel looked at %.0f pages for something to reclaim; at least %d are needed",
			scanned, SCANNED_MIN);
	return anon_was_looked_at(context, from, to, finding) && enough_was_taken(context, from, to, finding);
}

/* When the scarcity of this time was complete: to take memory may take its time, and is not somebody else's doing.  Without an event it
 * holds from the start. */
static double scarce_since(const struct judge_context *context, double t_s)
{
	const struct event_log *log = context->input->events;
	double since_s = 0;

	for (size_t i = 0; i < log->count; i++)
		if (!strcmp(log->records[i].event, event_kind_name(EVENT_SCARCE)) &&
			log->records[i].start_s <= t_s)
			since_s = fmax(since_s, log->records[i].end_s);
	return since_s;
}

/*
 * What everybody but the tenants and the fixture has, but for a constant: the tenants have to give what somebody else takes while
 * memory is scarce, and need not give what somebody lets go.
 */
static double others_at(const struct judge_context *context, double t_s)
{
	double rest = counter_at(&context->available, t_s);

	/* Older runs do not tell; pages that move there look as if somebody had taken them. */
	if (context->free_of_cpus.count)
		rest += counter_at(&context->free_of_cpus, t_s);
	for (size_t i = 0; i < context->input->scenario->tenant_count; i++)
		rest += counter_at(&context->metric[MEASURE_MEM_USAGE][i].level, t_s);
	return -rest;
}

/* What fails: only where nobody else on the host came or went. */
static bool memory_calm(
	const struct judge_context *context, double from_s, double to_s, struct finding *finding)
{
	const struct counter *available = &context->available;
	double since_s = scarce_since(context, from_s), least = HUGE_VAL, most = -HUGE_VAL;
	/* What somebody lets go the tenant may keep: no more of it than is within its tolerance.  Bounds have none (NAN). */
	double fall_max = finding->tolerance < FALL_MAX ? fmax(finding->tolerance, RISE_MAX) : FALL_MAX;

	for (size_t i = 0; i < context->input->scenario->tenant_count; i++)
		if (context->death_s[i] <= to_s)
			return true;
	for (size_t i = counter_first(available, since_s); i < available->count && available->t_s[i] <= to_s;
		i++) {
		double others = others_at(context, available->t_s[i]);
		least = fmin(least, others);
		most = fmax(most, others);
		if (others - least > RISE_MAX || most - others > fall_max)
			return finding_set(finding, VERDICT_INCONCLUSIVE,
				"somebody else on this host %s %.0f MiB of memory until %.1f s, while it was scarce; %.0f MiB may be, or "
				"what the tenants have says little about their limits",
				others - least > RISE_MAX ? "took" : "let go",
				fmax(others - least, most - others) / MIB, available->t_s[i],
				(others - least > RISE_MAX ? RISE_MAX : fall_max) / MIB);
	}
	return true;
}

/*
 * Whatever the limit is, somebody's memory is short where the scenario does not make it so: the kernel takes from everybody, and what a
 * hard limit sends to swap comes after that.
 */
static char *memory_disturbance(const struct judge_context *context, double from_s, double to_s)
{
	const uint64_t from_ns = (uint64_t)(fmax(from_s, 0) * 1e9), to_ns = (uint64_t)(fmax(to_s, 0) * 1e9);
	double killed = context->killed.count < 2 ? 0 : counter_growth(&context->killed, from_s, to_s);

	if (killed > 0)
		return xasprintf("the kernel's OOM killer struck %.0f time%s in the window", killed,
			killed > 1 ? "s" : "");
	if (context->scanned.count < 2 ||
		scarcity_within(context->input->scenario, from_ns, to_ns) != SCARCITY_NONE)
		return NULL;
	double scanned = counter_growth(&context->scanned, from_s, to_s);
	if (scanned < SCANNED_MIN)
		return NULL;
	return xasprintf(
		"the host was short of memory, which the scenario does not ask for: global reclaim looked at "
		"%.0f pages; less than %d may be",
		scanned, SCANNED_MIN);
}

static bool memory_plenty(
	const struct judge_context *context, double from_s, double to_s, struct finding *finding)
{
	const struct scenario *scenario = context->input->scenario;
	const struct {
		const struct counter *counter;
		const char *name;
		double most;
	} none[] = {
		{&context->scanned, "vm_pgscan", 0},
		{&context->reclaimed, "vm_pgsteal", 0},
		/* A group's own limit makes it swap too, some other program's even in the middle of plenty. */
		{&context->swapped_out, "vm_pswpout", SCANNED_MIN},
	};

	for (size_t i = 0; i < 3; i++) {
		double from = from_s, to = to_s;
		if (!window_covered(context, none[i].counter, none[i].name, &from, &to, finding))
			return false;
		double grown = counter_growth(none[i].counter, from, to);
		if (grown > none[i].most)
			return finding_set(finding, VERDICT_INCONCLUSIVE,
				"no plenty: the kernel reclaimed memory (%s grew by %.0f pages); at most %.0f may be",
				none[i].name, grown, none[i].most);
	}
	const struct counter *available = &context->available;
	double from = from_s, to = to_s, least = HUGE_VAL;
	if (!window_covered(context, available, "mem_available_bytes", &from, &to, finding))
		return false;
	for (size_t i = counter_first(available, from); i < available->count && available->t_s[i] <= to; i++)
		least = fmin(least, available->value[i]);
	double mark = AVAILABLE_MIN_PLENTY * (double)scenario->memory.free_bytes;
	if (scenario->memory.declared && least < mark)
		return finding_set(finding, VERDICT_INCONCLUSIVE,
			"no plenty: %.0f MiB of memory were available; at least %.0f MiB is needed, half as much again "
			"as while it is scarce",
			least / MIB, mark / MIB);
	return true;
}

const struct evidence_ops evidence_memory = {.contention = memory_contention,
	.plenty = memory_plenty,
	.calm = memory_calm,
	.disturbance = memory_disturbance,
	.tells_s = (double)INFINITY};
