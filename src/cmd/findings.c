/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cmd/findings.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "base/auto.h"

static char *number(const struct expect_spec *expect, double value)
{
	if (isnan(value))
		return xstrdup("-");
	return expect->kind == EXPECT_SETTLES ? xasprintf("%.3f s", value)
					      : xasprintf("%.2f %%", 100 * value);
}

/* Columns on the terminal, near enough: UTF-8 bytes that do not continue a character. */
static size_t width(const char *text)
{
	size_t columns = 0;

	for (; *text; text++)
		columns += ((unsigned char)*text & 0xc0) != 0x80;
	return columns;
}

void findings_table(const struct judgement *judgement, struct buf *text)
{
	size_t name_width = strlen("expectation");

	if (!judgement->count) {
		buf_adds(text, "  no expectations\n");
		return;
	}
	for (size_t i = 0; i < judgement->count; i++) {
		size_t columns = width(judgement->findings[i].expect->name);
		name_width = columns > name_width ? columns : name_width;
	}
	buf_addf(text, "  %-12s  %-*s  %9s  %9s  %s\n", "verdict", (int)name_width, "expectation", "expected",
		"measured", "tolerance");
	for (size_t i = 0; i < judgement->count; i++) {
		const struct finding *finding = &judgement->findings[i];
		const struct expect_spec *expect = finding->expect;
		AUTO(free_ptr) char *expected = number(expect, finding->expected);
		AUTO(free_ptr) char *measured = number(expect, finding->measured);
		size_t pad = name_width - width(expect->name);
		buf_addf(text, "  %-12s  %s%*s  %s%8s  %9s  ", verdict_name(finding->verdict), expect->name,
			(int)pad, "", expect->kind == EXPECT_SETTLES && !isnan(finding->expected) ? "<" : " ",
			expected, measured);
		buf_addf(text, "+-%.2f points\n",
			100 * (isnan(finding->tolerance) ? expect->within : finding->tolerance));
		if (finding->verdict == VERDICT_PASS)
			continue;
		/* What spoils a whole run would stand there fifteen times. */
		bool again = i && judgement->findings[i - 1].verdict != VERDICT_PASS &&
			     strcmp(judgement->findings[i - 1].reason, finding->reason) == 0;
		buf_addf(text, "      %s\n", again ? "for the same reason" : finding->reason);
	}
}

int findings_worse_exit(int a, int b)
{
	static const int order[] = {5, 4, 2, 1, 3, 0};

	/* A signal's code ends everything. */
	if (a > 5 || b > 5)
		return a > b ? a : b;
	for (size_t i = 0; i < ARRAY_SIZE(order); i++)
		if (a == order[i] || b == order[i])
			return order[i];
	return a;
}
