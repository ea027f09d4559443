/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "judge/explain.h"

#include <ctype.h>
#include <math.h>
#include <string.h>

#include "glue/json.h"

#define COLUMNS 80

/* Columns of the first `length` bytes, near enough: UTF-8 bytes that do not continue a character. */
static size_t width(const char *text, size_t length)
{
	size_t columns = 0;

	for (size_t i = 0; i < length; i++)
		columns += ((unsigned char)text[i] & 0xc0) != 0x80;
	return columns;
}

/* Control characters of a guest's output must not reach a terminal. */
static void add_clean(struct buf *text, const char *word, size_t length)
{
	for (size_t i = 0; i < length; i++)
		buf_add(text, iscntrl((unsigned char)word[i]) ? "?" : &word[i], 1);
}

/* "label" and then the words, every line from column `indent` on; a long word stands alone. */
static void add_wrapped(struct buf *text, const char *label, size_t indent, const char *words)
{
	size_t column = width(label, strlen(label));

	buf_adds(text, label);
	for (; column < indent; column++)
		buf_adds(text, " ");
	for (bool first = true; *words; first = false) {
		size_t length = strcspn(words, " \n\t");
		/* "50.00 %" is one word. */
		if (strncmp(words + length, " %", 2) == 0)
			length += 1 + strcspn(words + length + 1, " \n\t");
		size_t wide = width(words, length);
		if (!first && column + 1 + wide > COLUMNS) {
			buf_addf(text, "\n%*s", (int)indent, "");
			column = indent;
		} else if (!first) {
			buf_adds(text, " ");
			column++;
		}
		add_clean(text, words, length);
		column += wide;
		words += length;
		words += strspn(words, " \n\t");
	}
	buf_adds(text, "\n");
}

#define INDENT 12

/* The same explanation for the third time helps nobody. */
static const struct explanation *told_before(const struct explain *explain, size_t index, size_t cause)
{
	const struct explain_cause *own = &explain->items[index].causes[cause];

	for (size_t i = 0; i < index; i++)
		for (size_t k = 0; k < explain->items[i].cause_count; k++)
			if (explain->items[i].causes[k].hint == own->hint)
				return &explain->items[i];
	return NULL;
}

static void add_cause(struct buf *text, const struct explain *explain, size_t index, size_t cause)
{
	const struct explain_cause *own = &explain->items[index].causes[cause];
	const struct explanation *before = told_before(explain, index, cause);
	AUTO(buf) struct buf words = BUF_INIT;

	buf_addf(&words, "%s: ", own->hint->symptom);
	if (before)
		buf_addf(&words, "as told under '%s'", before->finding->expect->name);
	else
		buf_addf(&words, "%s.", own->hint->cause);
	add_wrapped(text, cause ? "  or" : "  likely", INDENT, words.data);
	if (*own->clue)
		add_wrapped(text, "  clue", INDENT, own->clue);
	if (before)
		return;
	add_wrapped(text, "  remedy", INDENT, own->hint->remedy);
	add_wrapped(text, "  source", INDENT, own->hint->source);
}

/* Everything that one of them was told to look at, as the one before. */
static bool same_checks(const struct explanation *item, const struct explanation *before)
{
	if (!before || item->check_count != before->check_count)
		return false;
	for (size_t i = 0; i < item->check_count; i++)
		if (strcmp(item->checks[i], before->checks[i]) != 0)
			return false;
	return true;
}

static void add_checks(struct buf *text, const struct explanation *item)
{
	for (size_t i = 0; i < item->check_count; i++) {
		buf_addf(text, "%-*s", INDENT, i ? "" : "  check");
		add_clean(text, item->checks[i], strlen(item->checks[i]));
		buf_adds(text, "\n");
	}
}

static void add_item(struct buf *text, const struct explain *explain, size_t index)
{
	const struct explanation *item = &explain->items[index], *before = index ? item - 1 : NULL;
	const struct finding *finding = item->finding;

	buf_adds(text, "\n");
	add_clean(text, finding->expect->name, strlen(finding->expect->name));
	buf_addf(text, ": %s\n", verdict_name(finding->verdict));
	add_wrapped(text, "  expected", INDENT, item->expected);
	add_wrapped(
		text, "  by", INDENT, before && !strcmp(before->rule, item->rule) ? "the same" : item->rule);
	add_wrapped(text, "  seen", INDENT, item->seen);
	if (finding->verdict == VERDICT_PASS || finding->verdict == VERDICT_NOT_APPLICABLE)
		return;
	for (size_t i = 0; i < item->cause_count; i++)
		add_cause(text, explain, index, i);
	if (!item->cause_count)
		add_wrapped(text, "  likely", INDENT,
			"no known symptom fits; what was seen stands above, and the figure and the logs may say more");
	if (same_checks(item, before))
		add_wrapped(text, "  check", INDENT, "the same");
	else
		add_checks(text, item);
}

/* One and the same thing spoils every expectation. */
static bool is_spoilt(const struct explain *explain)
{
	for (size_t i = 0; i < explain->count; i++)
		if (!explain->items[i].cause_count || !explain->items[i].causes[0].hint->alone ||
			strcmp(explain->items[i].finding->reason, explain->items[0].finding->reason) != 0)
			return false;
	return explain->count > 1;
}

static void add_spoilt(struct buf *text, const struct explain *explain)
{
	buf_adds(text, "\nNothing in this run can be judged.\n");
	add_wrapped(text, "  seen", INDENT, explain->items[0].finding->reason);
	add_cause(text, explain, 0, 0);
	add_checks(text, &explain->items[0]);
}

static void add_counts(const struct judgement *judgement, struct buf *text)
{
	size_t counts[VERDICT_COUNT] = {0};

	for (size_t i = 0; i < judgement->count; i++)
		counts[judgement->findings[i].verdict]++;
	buf_addf(text, "%zu passed, %zu failed, %zu inconclusive", counts[VERDICT_PASS], counts[VERDICT_FAIL],
		counts[VERDICT_INCONCLUSIVE]);
	if (counts[VERDICT_NOT_APPLICABLE])
		buf_addf(text, ", %zu not applicable", counts[VERDICT_NOT_APPLICABLE]);
	buf_adds(text, "\n");
}

void explain_text(const struct explain *explain, const struct judge_input *input,
	const struct judgement *judgement, const char *run, struct buf *text)
{
	const struct scenario *scenario = input->scenario;

	buf_addf(text, "%s: %s: %s\n", run, scenario->name, verdict_name(judgement->verdict));
	add_wrapped(text, "", 0, scenario->title);
	if (judgement->count)
		add_counts(judgement, text);
	else
		buf_adds(text, "no expectations\n");
	if (is_spoilt(explain)) {
		add_spoilt(text, explain);
		return;
	}
	for (size_t i = 0; i < explain->count; i++)
		add_item(text, explain, i);
}

static json_t *causes_json(const struct explanation *item)
{
	json_t *causes = json_array();

	for (size_t i = 0; i < item->cause_count; i++) {
		const struct hint *hint = item->causes[i].hint;
		json_t *cause = json_object();
		json_put(cause, "id", json_text(hint->id));
		json_put(cause, "symptom", json_text(hint->symptom));
		json_put(cause, "clue", json_text(item->causes[i].clue));
		json_put(cause, "cause", json_text(hint->cause));
		json_put(cause, "remedy", json_text(hint->remedy));
		json_put(cause, "source", json_text(hint->source));
		(void)json_array_append_new(causes, cause);
	}
	return causes;
}

static json_t *item_json(const struct explanation *item)
{
	const struct finding *finding = item->finding;
	json_t *json = json_object(), *checks = json_array(), *interval = json_null();

	json_put(json, "name", json_text(finding->expect->name));
	json_put(json, "verdict", json_text(verdict_name(finding->verdict)));
	json_put(json, "expected", json_text(item->expected));
	json_put(json, "rule", json_text(item->rule));
	json_put(json, "seen", json_text(item->seen));
	json_put(json, "unit", json_text(judge_unit(finding->expect)));
	json_put(json, "expected_value", json_number_or_null(finding->expected));
	json_put(json, "measured", json_number_or_null(finding->measured));
	json_put(json, "tolerance", json_number_or_null(finding->tolerance));
	if (isfinite(finding->interval_low) && isfinite(finding->interval_high))
		interval = json_pack("[f, f]", finding->interval_low, finding->interval_high);
	json_put(json, "interval_95", interval);
	json_put(json, "samples", json_integer((json_int_t)finding->samples));
	json_put(json, "causes", causes_json(item));
	for (size_t i = 0; i < item->check_count; i++)
		(void)json_array_append_new(checks, json_text(item->checks[i]));
	json_put(json, "check", checks);
	return json;
}

char *explain_json_line(const struct explain *explain, const struct judge_input *input,
	const struct judgement *judgement, const char *run)
{
	AUTO(json) json_t *json = json_object();
	json_t *items = json_array();

	json_put(json, "run", json_text(run));
	json_put(json, "scenario", json_text(input->scenario->name));
	json_put(json, "verdict", json_text(verdict_name(judgement->verdict)));
	for (size_t i = 0; i < explain->count; i++)
		(void)json_array_append_new(items, item_json(&explain->items[i]));
	json_put(json, "explanations", items);
	return json_line(json);
}
