/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Symptoms that are more than words of a reason: each looks at scenario, manifest, events and samples, and says with numbers
 * what it found.  Only for the table of hints.
 */
#ifndef LIMITLAB_JUDGE_SYMPTOMS_H
#define LIMITLAB_JUDGE_SYMPTOMS_H

#include "judge/hints.h"

/* Of the whole run. */
bool symptom_unfinished(struct clues *clues, struct buf *clue);
bool symptom_ticks_late(struct clues *clues, struct buf *clue);
bool symptom_trouble(struct clues *clues, struct buf *clue);
bool symptom_no_work(struct clues *clues, struct buf *clue);
bool symptom_hard_busy(struct clues *clues, struct buf *clue);
bool symptom_set_failed(struct clues *clues, struct buf *clue);
bool symptom_soft_inert(struct clues *clues, struct buf *clue);
bool symptom_other_value(struct clues *clues, struct buf *clue);
bool symptom_died(struct clues *clues, struct buf *clue);
bool symptom_held_up(
	struct clues *clues, struct buf *clue); /* always; whom the reason names, and how busy the host was */
bool symptom_slow_change(struct clues *clues, struct buf *clue);

bool symptom_emulators_default(struct clues *clues, struct buf *clue);
bool symptom_emulators_light(struct clues *clues, struct buf *clue);
bool symptom_quota_emulator(struct clues *clues, struct buf *clue);
bool symptom_several_cpus(struct clues *clues, struct buf *clue);
bool symptom_shares_ignored(struct clues *clues, struct buf *clue);

bool symptom_raw_priority(struct clues *clues, struct buf *clue); /* its queue was never empty since */
bool symptom_raw_emptied(struct clues *clues, struct buf *clue);  /* it was */
bool symptom_equal_quanta(struct clues *clues, struct buf *clue);
bool symptom_rates_exceed(struct clues *clues, struct buf *clue);
bool symptom_payload(struct clues *clues, struct buf *clue);

bool symptom_scheduler(struct clues *clues, struct buf *clue);
bool symptom_low_latency(struct clues *clues, struct buf *clue);
bool symptom_weight_weak(struct clues *clues, struct buf *clue);

bool symptom_oom(struct clues *clues, struct buf *clue);
bool symptom_memory_high(struct clues *clues, struct buf *clue);
bool symptom_soft_above_hard(struct clues *clues, struct buf *clue);
bool symptom_no_swap(struct clues *clues, struct buf *clue);
bool symptom_in_swap(struct clues *clues, struct buf *clue);
bool symptom_swap_full(struct clues *clues, struct buf *clue);
bool symptom_tcg_memory(struct clues *clues, struct buf *clue);
bool symptom_soft_slow(struct clues *clues, struct buf *clue);
bool symptom_soft_weak(struct clues *clues, struct buf *clue);

#endif
