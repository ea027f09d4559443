/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cmd/compare_table.h"

#include <math.h>
#include <string.h>

#include "base/auto.h"
#include "cmd/text.h"
#include "judge/compare_files.h"

#define WIDTH_MIN    80
#define WIDTH_FOR_P  92
#define OTHERS       59 /* columns of a row but for the name and p */
#define P_COLUMNS    8
#define NAME_MAX_ROW 44

struct layout {
	size_t width, name;
	bool p, colour;
};

static void paint(struct buf *text, const struct layout *layout, const char *code)
{
	if (layout->colour)
		buf_adds(text, code);
}

/* At most seven columns. */
static void number(char out[16], double value)
{
	double size = fabs(value);

	if (isnan(value))
		(void)snprintf(out, 16, "-");
	else if (size >= 1e6)
		(void)snprintf(out, 16, "%.2g", value);
	else
		(void)snprintf(out, 16, "%.*f",
			size >= 1000             ? 0
			: size >= 100            ? 1
			: size >= 1 || size == 0 ? 2
						 : 3,
			value);
}

/* At most seven columns, in percent. */
static void percent(char out[16], double part)
{
	double value = 100 * part;

	if (isnan(value))
		(void)snprintf(out, 16, "-");
	else if (fabs(value) >= 9999)
		(void)snprintf(out, 16, "%s", value > 0 ? ">9999" : "<-9999");
	else
		(void)snprintf(out, 16, "%+.*f", fabs(value) >= 999.5 ? 0 : 1, value);
}

static void add_name(struct buf *text, const struct layout *layout, const char *name)
{
	if (text_width(name) <= layout->name) {
		text_pad(text, name, layout->name);
		return;
	}
	(void)text_add(text, name, layout->width - 12);
	buf_addf(text, "\n%*s", (int)layout->name + 11, "");
}

static void add_row(struct buf *text, const struct layout *layout, const struct compare_row *row)
{
	static const char *const codes[] = {[COMPARE_SAME] = "\033[32m",
		[COMPARE_CHANGED] = "\033[1;31m",
		[COMPARE_UNDECIDED] = "\033[33m"};
	const bool share = row->about->kind == COMPARE_PASSED;
	const char *unit = share ? "%" : row->about->unit;
	char a[16], b[16], change[16], low[16], high[16], interval[40];

	number(a, share ? 100 * row->median[0] : row->median[0]);
	number(b, share ? 100 * row->median[1] : row->median[1]);
	percent(change, row->change);
	percent(low, row->low);
	percent(high, row->high);
	(void)snprintf(interval, sizeof(interval), isnan(row->low) ? "-" : "%s .. %s", low, high);
	paint(text, layout, codes[row->verdict]);
	buf_addf(text, "%-9s", compare_verdict_name(row->verdict));
	paint(text, layout, "\033[0m");
	buf_adds(text, "  ");
	add_name(text, layout, row->about->key);
	buf_addf(text, " %7s %7s %-6s %6s%s  %15s", a, b, unit, change, isnan(row->change) ? " " : "%",
		interval);
	if (layout->p && isnan(row->p_corrected))
		buf_addf(text, "  %6s", "-");
	else if (layout->p)
		buf_addf(text, "  %6.4f", row->p_corrected);
	buf_adds(text, "\n");
}

static void add_head(struct buf *text, const struct layout *layout, const char *name)
{
	paint(text, layout, "\033[2m");
	buf_adds(text, "verdict    ");
	text_pad(text, name, layout->name);
	buf_addf(text, " %7s %7s %-6s %7s  %15s%s", "A", "B", "", "change", "interval [%]",
		layout->p ? "       p" : "");
	paint(text, layout, "\033[0m");
	buf_adds(text, "\n");
}

static void add_expectations(struct buf *text, const struct layout *layout, const struct compare_part *part)
{
	bool head = false;

	for (size_t i = 0; i < part->count; i++) {
		const struct compare_row *row = &part->rows[i];
		if (row->about->kind == COMPARE_METRIC)
			continue;
		if (!head)
			add_head(text, layout, "expectation");
		head = true;
		add_row(text, layout, row);
		if (row->missing[0] || row->missing[1])
			buf_addf(text,
				"           no value from %zu of A and %zu of B: inconclusive, or never reached\n",
				row->missing[0], row->missing[1]);
		if (row->verdict == COMPARE_UNDECIDED && !part->too_few && row->needed)
			buf_addf(text, "           about %zu runs in each group would decide\n", row->needed);
	}
	if (!head)
		buf_adds(text, "no expectations\n");
}

static void add_metrics(struct buf *text, const struct layout *layout, const struct compare_part *part)
{
	size_t counts[3] = {0};

	for (size_t i = 0; i < part->count; i++) {
		const struct compare_row *row = &part->rows[i];
		if (row->about->kind != COMPARE_METRIC)
			continue;
		if (row->verdict == COMPARE_CHANGED && !counts[COMPARE_CHANGED])
			add_head(text, layout, "metric");
		if (row->verdict == COMPARE_CHANGED)
			add_row(text, layout, row);
		counts[row->verdict]++;
	}
	buf_addf(text, "metrics: %zu changed, %zu the same, %zu undecided\n", counts[COMPARE_CHANGED],
		counts[COMPARE_SAME], counts[COMPARE_UNDECIDED]);
}

/* Words into lines of at most `width` columns. */
static void add_wrapped(struct buf *text, const char *words, size_t width)
{
	size_t used = 0;

	while (*words) {
		size_t length = strcspn(words, " ");
		AUTO(free_ptr) char *word = xstrndup(words, length);
		size_t columns = text_width(word);
		if (used && used + 1 + columns > width) {
			buf_adds(text, "\n");
			used = 0;
		}
		buf_adds(text, used ? " " : "");
		used += (used ? 1 : 0) + text_add(text, word, TEXT_ALL);
		words += length + strspn(words + length, " ");
	}
	buf_adds(text, "\n");
}

static void add_part(struct buf *text, const struct layout *layout, const struct compare_pair *pair,
	const struct compare_part *part)
{
	paint(text, layout, "\033[1m");
	(void)text_add(text, part->scenario, TEXT_ALL);
	paint(text, layout, "\033[0m");
	for (size_t g = 0; g < 2; g++) {
		buf_addf(text, "%s %c = ", g ? "," : ":", "AB"[g]);
		(void)text_add(text, pair->group[g], TEXT_ALL);
		buf_addf(text, " (%zu run%s", part->runs[g], part->runs[g] == 1 ? "" : "s");
		if (part->excluded[g])
			buf_addf(text, ", %zu excluded", part->excluded[g]);
		buf_adds(text, ")");
	}
	buf_adds(text, "\n");
	add_expectations(text, layout, part);
	if (part->one_sided)
		buf_addf(text, "%zu expectation%s applicable to one of the two only (when:), and left out\n",
			part->one_sided, part->one_sided == 1 ? " is" : "s are");
	add_metrics(text, layout, part);
	buf_adds(text, "\n");
}

void compare_table(const struct comparison *comparison, const struct compare_group *groups,
	size_t group_count, size_t width, bool colour, struct buf *text)
{
	static const char *const codes[] = {[COMPARE_SAME] = "\033[1;32m",
		[COMPARE_CHANGED] = "\033[1;31m",
		[COMPARE_UNDECIDED] = "\033[1;33m"};
	struct layout layout = {.width = width < WIDTH_MIN ? WIDTH_MIN : width, .colour = colour};
	AUTO(free_ptr) char *summary = compare_summary(comparison);
	AUTO(free_ptr) char *method = compare_method(comparison);

	layout.p = layout.width >= WIDTH_FOR_P;
	layout.name = layout.width - OTHERS - (layout.p ? P_COLUMNS : 0);
	if (layout.name > NAME_MAX_ROW)
		layout.name = NAME_MAX_ROW;
	for (size_t i = 0; i < comparison->count; i++)
		for (size_t j = 0; j < comparison->pairs[i].count; j++)
			add_part(text, &layout, &comparison->pairs[i], &comparison->pairs[i].parts[j]);
	for (size_t g = 0; g < group_count; g++) {
		for (size_t i = 0; i < groups[g].count; i++) {
			const struct compare_run *run = groups[g].runs[i];
			if (!run->excluded)
				continue;
			AUTO(free_ptr) char *line = xasprintf("excluded: %s: %s", run->path, run->excluded);
			add_wrapped(text, line, layout.width);
		}
	}
	paint(text, &layout, "\033[2m");
	add_wrapped(text, method, layout.width);
	paint(text, &layout, "\033[0m");
	paint(text, &layout, codes[comparison->verdict]);
	add_wrapped(text, summary, layout.width);
	paint(text, &layout, "\033[0m");
}
