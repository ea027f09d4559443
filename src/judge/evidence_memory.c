/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "judge/internal.h"

#include <math.h>

/* Pages; 1 MiB where a page has 4 KiB.  A host with memory to spare looks at none at all. */
#define SCANNED_MIN 256
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

static bool memory_contention(
	const struct judge_context *context, double from_s, double to_s, struct finding *finding)
{
	double from = from_s, to = to_s;

	if (!window_covered(context, &context->scanned, "vm_pgscan", &from, &to, finding) ||
		!nobody_killed(context, from, to, finding))
		return false;
	double scanned = counter_growth(&context->scanned, from, to);
	if (scanned < SCANNED_MIN)
		return finding_set(finding, VERDICT_INCONCLUSIVE,
			"no contention: the kernel looked at %.0f pages for something to reclaim; at least %d are needed",
			scanned, SCANNED_MIN);
	return true;
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
			least / 1048576, mark / 1048576);
	return true;
}

const struct evidence_ops evidence_memory = {.contention = memory_contention, .plenty = memory_plenty};
