/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "judge/compare_files.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/auto.h"
#include "base/fsio.h"
#include "glue/json.h"
#include "series/csvfile.h"
#include "series/permute.h"

#define COMPARE_FORMAT_VERSION 1

static void add(json_t *array, json_t *value)
{
	if (json_array_append_new(array, value))
		BUG("cannot add to a list");
}

static json_t *two(double first, double second)
{
	json_t *array = json_array();

	add(array, json_number_or_null(first));
	add(array, json_number_or_null(second));
	return array;
}

static json_t *two_counts(const size_t counts[2])
{
	return json_pack("[I, I]", (json_int_t)counts[0], (json_int_t)counts[1]);
}

static json_t *row_json(const struct compare_row *row)
{
	json_t *json = json_object(), *values = json_array();

	json_put(json, "kind", json_text(compare_kind_name(row->about->kind)));
	json_put(json, "name", json_text(row->about->key));
	json_put(json, "tenant", json_text(row->about->tenant));
	json_put(json, "metric", json_text(row->about->metric));
	json_put(json, "from_s", json_real(row->about->from_s));
	json_put(json, "to_s", json_real(row->about->to_s));
	json_put(json, "unit", json_text(row->about->unit));
	json_put(json, "verdict", json_text(compare_verdict_name(row->verdict)));
	json_put(json, "median", two(row->median[0], row->median[1]));
	json_put(json, "base", json_number_or_null(row->base));
	json_put(json, "change", json_number_or_null(row->change));
	json_put(json, "interval_95", isnan(row->low) ? json_null() : two(row->low, row->high));
	json_put(json, "floor", json_real(row->floor));
	json_put(json, "p", json_number_or_null(row->p));
	json_put(json, "p_corrected", json_number_or_null(row->p_corrected));
	if (row->verdict == COMPARE_UNDECIDED)
		json_put(json, "runs_needed",
			row->needed ? json_integer((json_int_t)row->needed) : json_null());
	json_put(json, "missing", two_counts(row->missing));
	for (size_t g = 0; g < 2; g++) {
		json_t *list = json_array();
		for (size_t i = 0; i < row->count[g]; i++)
			add(list, json_number_or_null(row->values[g][i]));
		add(values, list);
	}
	json_put(json, "values", values);
	return json;
}

static json_t *part_json(const struct compare_part *part)
{
	json_t *json = json_object(), *rows = json_array();

	json_put(json, "scenario", json_text(part->scenario));
	json_put(json, "runs", two_counts(part->runs));
	json_put(json, "excluded", two_counts(part->excluded));
	json_put(json, "smallest_p", json_real(part->smallest_p));
	json_put(json, "one_sided_expectations", json_integer((json_int_t)part->one_sided));
	json_put(json, "too_few_runs", json_boolean(part->too_few));
	for (size_t i = 0; i < part->count; i++)
		add(rows, row_json(&part->rows[i]));
	json_put(json, "rows", rows);
	return json;
}

static json_t *pair_json(const struct compare_pair *pair)
{
	static const char *const names[] = {"expectations", "metrics"};
	json_t *json = json_object(), *parts = json_array(), *tests = json_object();

	json_put(json, "groups", json_pack("[o, o]", json_text(pair->group[0]), json_text(pair->group[1])));
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		json_put(tests, names[i],
			json_pack("{s:f, s:I, s:b}", "level", pair->family[i].level, "permutations",
				(json_int_t)pair->family[i].permutations, "exact",
				(int)pair->family[i].exact));
	json_put(json, "tests", tests);
	for (size_t i = 0; i < pair->count; i++)
		add(parts, part_json(&pair->parts[i]));
	json_put(json, "scenarios", parts);
	return json;
}

static json_t *groups_json(const struct compare_group *groups, size_t count)
{
	json_t *json = json_array();

	for (size_t g = 0; g < count; g++) {
		json_t *group = json_object(), *runs = json_array();
		for (size_t i = 0; i < groups[g].count; i++) {
			const struct compare_run *run = groups[g].runs[i];
			json_t *item = json_object();
			json_put(item, "run", json_text(run->path));
			json_put(item, "scenario", json_text(run->scenario));
			json_put(item, "started_utc", json_text(run->started_utc));
			json_put(item, "excluded", run->excluded ? json_text(run->excluded) : json_null());
			add(runs, item);
		}
		json_put(group, "name", json_text(groups[g].name));
		json_put(group, "runs", runs);
		add(json, group);
	}
	return json;
}

char *compare_json(
	const struct comparison *comparison, const struct compare_group *groups, size_t group_count)
{
	AUTO(json) json_t *json = json_object();
	AUTO(free_ptr) char *summary = compare_summary(comparison);
	json_t *pairs = json_array();

	json_put(json, "format_version", json_integer(COMPARE_FORMAT_VERSION));
	json_put(json, "verdict", json_text(compare_verdict_name(comparison->verdict)));
	json_put(json, "summary", json_text(summary));
	json_put(json, "runs_needed",
		comparison->needed ? json_integer((json_int_t)comparison->needed) : json_null());
	json_put(json, "floor", json_real(comparison->options.floor));
	json_put(json, "seed", json_integer((json_int_t)comparison->options.seed));
	json_put(json, "differs", comparison->differs ? json_text(comparison->differs) : json_null());
	json_put(json, "groups", groups_json(groups, group_count));
	for (size_t i = 0; i < comparison->count; i++)
		add(pairs, pair_json(&comparison->pairs[i]));
	json_put(json, "comparisons", pairs);
	char *text = json_dumps(json, JSON_INDENT(1) | JSON_REAL_PRECISION(10));
	if (!text)
		BUG("a comparison that is no JSON");
	return text;
}

static void csv_row(FILE *stream, const struct compare_pair *pair, const struct compare_part *part,
	const struct compare_row *row)
{
	const char *const texts[] = {part->scenario, pair->group[0], pair->group[1],
		compare_kind_name(row->about->kind), row->about->key, row->about->tenant, row->about->metric};
	const double numbers[] = {row->about->from_s, row->about->to_s};
	const double results[] = {(double)row->count[0], (double)row->count[1], row->median[0],
		row->median[1], row->change, row->low, row->high, row->floor, row->p, row->p_corrected};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		csvfile_put_text(stream, texts[i]);
		(void)fputc(',', stream);
	}
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		csvfile_put_number(stream, numbers[i]);
		(void)fputc(',', stream);
	}
	csvfile_put_text(stream, row->about->unit);
	(void)fputc(',', stream);
	for (size_t i = 0; i < ARRAY_SIZE(results); i++) {
		csvfile_put_number(stream, results[i]);
		(void)fputc(',', stream);
	}
	(void)fputs(compare_verdict_name(row->verdict), stream);
	(void)fputc(',', stream);
	if (row->verdict == COMPARE_UNDECIDED && row->needed)
		(void)fprintf(stream, "%zu", row->needed);
	(void)fputc('\n', stream);
}

int compare_write_csv(const struct comparison *comparison, const char *path, struct err *err)
{
	struct outfile out = {0};

	if (outfile_open(&out, path, err))
		return -1;
	(void)fputs(
		"scenario,group_a,group_b,kind,name,tenant,metric,from_s,to_s,unit,runs_a,runs_b,median_a,median_b,"
		"change,change_low,change_high,floor,p,p_corrected,verdict,runs_needed\n",
		out.stream);
	for (size_t i = 0; i < comparison->count; i++)
		for (size_t j = 0; j < comparison->pairs[i].count; j++)
			for (size_t row = 0; row < comparison->pairs[i].parts[j].count; row++)
				csv_row(out.stream, &comparison->pairs[i], &comparison->pairs[i].parts[j],
					&comparison->pairs[i].parts[j].rows[row]);
	int result = outfile_commit(&out, err);
	outfile_abort(&out);
	return result;
}

/* Names may hold what Markdown takes for its own. */
static void add_cell(struct buf *text, const char *words)
{
	for (; *words; words++) {
		if (strchr("|\\`*_<>[]", *words))
			buf_adds(text, "\\");
		buf_add(text, (unsigned char)*words < ' ' ? " " : words, 1);
	}
}

static void markdown_row(struct buf *text, const struct compare_row *row)
{
	AUTO(free_ptr) char *a = compare_value_text(row->about->unit, row->median[0]);
	AUTO(free_ptr) char *b = compare_value_text(row->about->unit, row->median[1]);
	const bool bold = row->verdict == COMPARE_CHANGED;

	buf_adds(text, "| ");
	add_cell(text, row->about->key);
	buf_addf(text, " | %s | %s | ", a, b);
	if (isnan(row->change))
		buf_adds(text, "-");
	else
		buf_addf(text, "%+.1f %%", 100 * row->change);
	if (isnan(row->low))
		buf_adds(text, " | - |");
	else
		buf_addf(text, " | %+.1f .. %+.1f %% |", 100 * row->low, 100 * row->high);
	if (isnan(row->p_corrected))
		buf_adds(text, " - |");
	else
		buf_addf(text, " %.4f |", row->p_corrected);
	buf_addf(text, " %s%s%s |\n", bold ? "**" : "", compare_verdict_name(row->verdict), bold ? "**" : "");
}

static void markdown_part(struct buf *text, const struct compare_pair *pair, const struct compare_part *part)
{
	size_t hidden = 0;

	buf_adds(text, "\n### ");
	add_cell(text, part->scenario);
	buf_addf(text, ": %zu runs of ", part->runs[0]);
	add_cell(text, pair->group[0]);
	buf_addf(text, " (A), %zu of ", part->runs[1]);
	add_cell(text, pair->group[1]);
	buf_adds(text, " (B)\n\n| | A | B | change | 95 % interval | p | |\n|---|--:|--:|--:|:-:|--:|---|\n");
	for (size_t i = 0; i < part->count; i++) {
		if (part->rows[i].about->kind == COMPARE_METRIC && part->rows[i].verdict != COMPARE_CHANGED)
			hidden++;
		else
			markdown_row(text, &part->rows[i]);
	}
	buf_addf(text, "\n%zu rows of metrics without a change are not shown.\n", hidden);
}

void compare_markdown(const struct comparison *comparison, const struct compare_group *groups,
	size_t group_count, struct buf *text)
{
	AUTO(free_ptr) char *summary = compare_summary(comparison);
	AUTO(free_ptr) char *method = compare_method(comparison);

	buf_addf(text, "## Comparison: %s\n", summary);
	for (size_t i = 0; i < comparison->count; i++)
		for (size_t j = 0; j < comparison->pairs[i].count; j++)
			markdown_part(text, &comparison->pairs[i], &comparison->pairs[i].parts[j]);
	for (size_t g = 0, listed = 0; g < group_count; g++) {
		for (size_t i = 0; i < groups[g].count; i++) {
			const struct compare_run *run = groups[g].runs[i];
			if (!run->excluded)
				continue;
			buf_adds(text, listed++ ? "" : "\nExcluded:\n\n");
			buf_adds(text, "- ");
			add_cell(text, run->path);
			buf_adds(text, ": ");
			add_cell(text, run->excluded);
			buf_adds(text, "\n");
		}
	}
	buf_addf(text, "\n%s\n", method);
}

static void count_changed(const struct comparison *comparison, size_t *ret_expectations, size_t *ret_metrics)
{
	*ret_expectations = *ret_metrics = 0;
	for (size_t i = 0; i < comparison->count; i++)
		for (size_t j = 0; j < comparison->pairs[i].count; j++)
			for (size_t k = 0; k < comparison->pairs[i].parts[j].count; k++) {
				const struct compare_row *row = &comparison->pairs[i].parts[j].rows[k];
				if (row->verdict != COMPARE_CHANGED)
					continue;
				*(row->about->kind == COMPARE_METRIC ? ret_metrics : ret_expectations) += 1;
			}
}

/* "3 against 3 runs of smoke-cpu can give p = 0.1 at best"; NULL: there are enough of all. */
static char *too_few(const struct comparison *comparison)
{
	for (size_t i = 0; i < comparison->count; i++)
		for (size_t j = 0; j < comparison->pairs[i].count; j++) {
			const struct compare_part *part = &comparison->pairs[i].parts[j];
			if (part->too_few)
				return xasprintf("%zu against %zu runs of %s can give p = %.2g at best",
					part->runs[0], part->runs[1], part->scenario, part->smallest_p);
		}
	return NULL;
}

char *compare_summary(const struct comparison *comparison)
{
	AUTO(free_ptr) char *few = too_few(comparison);
	size_t expectations, metrics;

	count_changed(comparison, &expectations, &metrics);
	if (comparison->verdict == COMPARE_CHANGED)
		return xasprintf("changed: %zu expectation%s and %zu metric%s", expectations,
			expectations == 1 ? "" : "s", metrics, metrics == 1 ? "" : "s");
	if (comparison->verdict == COMPARE_SAME)
		return xasprintf(
			"no change of %.3g %% or more in what is expected", 100 * comparison->options.floor);
	const char *why = few ? few : "an expectation varies too much from run to run";
	if (comparison->needed)
		return xasprintf("undecided: %s; it takes %s %zu runs in each group", why,
			few ? "at least" : "about", comparison->needed);
	return xasprintf("undecided: %s; it would take more than 1000 runs in each group", why);
}

char *compare_method(const struct comparison *comparison)
{
	const struct compare_pair *pair = &comparison->pairs[0];
	AUTO(buf) struct buf text = BUF_INIT;

	buf_addf(&text,
		"Changed: the whole interval is beyond %.3g %%; same: within. p: permutations of whole runs, corrected for all rows (Westfall-Young "
		"maxT), significant from %.3g down for expectations and %.3g for metrics",
		100 * comparison->options.floor, pair->family[0].level, pair->family[1].level);
	if (pair->family[0].exact)
		buf_addf(&text, "; all %zu permutations.", pair->family[0].permutations);
	else
		buf_addf(&text, "; %zu random permutations, seed %" PRIu64 ".", pair->family[0].permutations,
			comparison->options.seed);
	buf_adds(&text, " Change: Hodges-Lehmann estimate with its 95 % interval.");
	if (comparison->differs)
		buf_addf(&text, " The scenarios are not the same: %s. Rows are matched by name.",
			comparison->differs);
	return buf_steal(&text);
}
