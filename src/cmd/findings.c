/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cmd/findings.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"

/* Columns on the terminal, near enough: UTF-8 bytes that do not continue a character. */
static size_t width(const char *text)
{
	size_t columns = 0;

	for (; *text; text++)
		columns += ((unsigned char)*text & 0xc0) != 0x80;
	return columns;
}

static void widen(int *columns, const char *text)
{
	*columns = (int)width(text) > *columns ? (int)width(text) : *columns;
}

/* One line of the table, as text. */
struct line {
	char *expected, *measured, *tolerance;
};

static void auto_lines(struct line **lines)
{
	for (struct line *line = *lines; line && line->expected; line++) {
		free(line->expected);
		free(line->measured);
		free(line->tolerance);
	}
	free(*lines);
}

static char *expected_text(const struct finding *finding)
{
	const struct expect_spec *expect = finding->expect;
	const char *sign = "";

	if (expect->kind == EXPECT_SETTLES || expect->kind == EXPECT_NEVER_STARVES)
		sign = "< ";
	else if (expect->kind == EXPECT_STARVES)
		sign = "> ";
	else if (judge_is_bounded(expect))
		sign = isnan(expect->at_least) ? "< " : "> ";
	AUTO(free_ptr) char *value = judge_value_text(expect, finding->expected);
	return xasprintf("%s%s", isnan(finding->expected) ? "" : sign, value);
}

static char *tolerance_text(const struct finding *finding)
{
	const struct expect_spec *expect = finding->expect;
	double tolerance = finding->tolerance;

	if (finding->verdict == VERDICT_NOT_APPLICABLE)
		return xstrdup("");
	if (expect->kind == EXPECT_STARVES || expect->kind == EXPECT_NEVER_STARVES)
		return xasprintf("below %.2f %%", 100 * expect->below);
	if (judge_is_bounded(expect)) {
		AUTO(free_ptr) char *most = judge_value_text(expect, expect->at_most);
		return isnan(expect->at_least) || isnan(expect->at_most) ? xstrdup("")
									 : xasprintf("< %s", most);
	}
	if (isnan(tolerance) && expect->within_model)
		return xstrdup("by the model");
	if (isnan(tolerance)) {
		bool points = expect->kind == EXPECT_SHARE || expect->kind == EXPECT_SETTLES;
		if (!points && !expect->within_absolute)
			return xasprintf("+-%.2f %%", 100 * expect->within);
		tolerance = expect->within;
	}
	AUTO(free_ptr) char *text = judge_tolerance_text(expect, tolerance);
	return xasprintf("+-%s", text);
}

void findings_table(const struct judgement *judgement, struct buf *text)
{
	AUTO(lines) struct line *lines = xcalloc(judgement->count + 1, sizeof(*lines));
	int name_width = (int)strlen("expectation"), expected_width = 9, measured_width = 9,
	    verdict_width = (int)strlen(verdict_name(VERDICT_INCONCLUSIVE));

	if (!judgement->count) {
		buf_adds(text, "  no expectations\n");
		return;
	}
	for (size_t i = 0; i < judgement->count; i++) {
		const struct finding *finding = &judgement->findings[i];
		lines[i] = (struct line){
			.expected = expected_text(finding),
			.measured = judge_value_text(finding->expect, finding->measured),
			.tolerance = tolerance_text(finding),
		};
		widen(&verdict_width, verdict_name(finding->verdict));
		widen(&name_width, finding->expect->name);
		widen(&expected_width, lines[i].expected);
		widen(&measured_width, lines[i].measured);
	}
	buf_addf(text, "  %-*s  %-*s  %*s  %*s  %s\n", verdict_width, "verdict", name_width, "expectation",
		expected_width, "expected", measured_width, "measured", "tolerance");
	for (size_t i = 0; i < judgement->count; i++) {
		const struct finding *finding = &judgement->findings[i];
		int pad = name_width - (int)width(finding->expect->name);
		buf_addf(text, "  %-*s  %s%*s  %*s  %*s%s%s\n", verdict_width, verdict_name(finding->verdict),
			finding->expect->name, pad, "", expected_width, lines[i].expected, measured_width,
			lines[i].measured, *lines[i].tolerance ? "  " : "", lines[i].tolerance);
		if (finding->verdict == VERDICT_PASS)
			continue;
		/* What spoils a whole run would stand there fifteen times. */
		bool again = i && judgement->findings[i - 1].verdict != VERDICT_PASS &&
			     strcmp(judgement->findings[i - 1].reason, finding->reason) == 0;
		buf_addf(text, "      %s\n", again ? "for the same reason" : finding->reason);
	}
}
