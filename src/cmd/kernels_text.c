/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/fsio.h"
#include "cmd/kernels_report.h"
#include "cmd/text.h"
#include "glue/json.h"
#include "judge/compare_files.h"
#include "series/csvfile.h"

static char *change_text(const struct report *report, const struct report_cell *cell, size_t place)
{
	if (place == report->reference && !isnan(cell->measured))
		return xstrdup("reference");
	if (!cell->row || isnan(cell->row->change))
		return xstrdup("");
	return xasprintf("%+.1f %%", 100 * cell->row->change);
}

static char *interval_text(const struct report_cell *cell)
{
	if (!cell->row || isnan(cell->row->low))
		return xstrdup("");
	return xasprintf("%+.1f .. %+.1f %%", 100 * cell->row->low, 100 * cell->row->high);
}

static const char *difference(const struct report_cell *cell)
{
	return cell->row ? compare_verdict_name(cell->row->verdict) : "";
}

/* What stands in the columns of a table. */
struct words {
	char *verdict, *measured, *change, *interval;
};

static struct words words_of(const struct report *report, const struct report_row *row, size_t place)
{
	const struct report_cell *cell = &row->cells[place];

	return (struct words){
		.verdict = report_verdict(cell),
		.measured = row->expectation ? compare_value_text(cell->unit, cell->measured) : xstrdup(""),
		.change = change_text(report, cell, place),
		.interval = interval_text(cell),
	};
}

static void auto_words(struct words *words)
{
	free(words->verdict);
	free(words->measured);
	free(words->change);
	free(words->interval);
}

static double seconds_of(const struct batch *batch)
{
	double seconds = 0;

	for (size_t i = 0; i < batch->boot_count; i++)
		seconds += batch->boots[i].seconds;
	return seconds;
}

/* "12 runs in 6 lab hosts, 14 min; 1 lab host died; order from seed 7". */
static char *summary(const struct report *report)
{
	const struct batch *batch = report->batch;
	AUTO(buf) struct buf text = BUF_INIT;
	size_t died = 0, skipped = 0;

	for (size_t i = 0; i < batch->boot_count; i++)
		died += batch->boots[i].died;
	for (size_t i = 0; i < batch->scenario_count; i++)
		skipped += batch->scenarios[i].skipped != NULL;
	buf_addf(&text, "%zu run%s in %zu boot%s of lab hosts, %.0f s", batch->run_count,
		batch->run_count == 1 ? "" : "s", batch->boot_count, batch->boot_count == 1 ? "" : "s",
		seconds_of(batch));
	if (died)
		buf_addf(&text, "; %zu of them died", died);
	if (skipped)
		buf_addf(&text, "; %zu combination%s skipped", skipped, skipped == 1 ? "" : "s");
	buf_addf(&text, "; order from seed %llu", (unsigned long long)batch->seed);
	if (!batch->done)
		buf_addf(&text, "; not over: limitlab kernels --resume %s", batch->path);
	return buf_steal(&text);
}

/* ---- the terminal ------------------------------------------------------------------------------------------------ */

static void add_note(struct buf *text, const char *note, size_t width)
{
	size_t used = 0;

	for (const char *at = note; *at; at += strspn(at, " ")) {
		AUTO(free_ptr) char *word = xstrndup(at, strcspn(at, " "));
		if (!used || used + 1 + text_width(word) > width) {
			buf_addf(text, "%s          ", used ? "\n" : "");
			used = 10;
		} else {
			buf_adds(text, " ");
			used++;
		}
		used += text_add(text, word, TEXT_ALL);
		at += strlen(word);
	}
	buf_adds(text, "\n");
}

void report_table(const struct report *report, size_t width, struct buf *text)
{
	const struct batch *batch = report->batch;
	size_t place_width = 0;

	for (size_t p = 0; p < batch->place_count; p++)
		if (text_width(report->names[p]) > place_width)
			place_width = text_width(report->names[p]);
	for (size_t i = 0; i < report->count; i++) {
		const struct report_row *row = &report->rows[i];
		if (row->expectation) {
			buf_adds(text, "  ");
			(void)text_add(text, row->expectation, TEXT_ALL);
			buf_adds(text, "\n");
		} else {
			buf_addf(text, "\n%s\n", batch->scenarios[row->scenario].name);
		}
		for (size_t p = 0; p < batch->place_count; p++) {
			const struct report_cell *cell = &row->cells[p];
			AUTO(words) struct words words = words_of(report, row, p);
			size_t begin = text->length;
			buf_adds(text, "      ");
			text_pad(text, report->names[p], place_width);
			buf_addf(text, "  %-16s %12s  %9s  %17s  %s", words.verdict, words.measured,
				words.change, words.interval, difference(cell));
			while (text->length > begin && text->data[text->length - 1] == ' ')
				text->data[--text->length] = 0;
			buf_adds(text, "\n");
			/* What spoils a whole run would stand there with every expectation. */
			bool again = cell->note && row->expectation && i && row[-1].expectation &&
				     row[-1].cells[p].note && !strcmp(row[-1].cells[p].note, cell->note);
			if (cell->note)
				add_note(text, again ? "for the same reason" : cell->note, width);
		}
	}
	buf_adds(text, "\n");
	if (report->has_comparison) {
		AUTO(free_ptr) char *compared = compare_summary(&report->comparison);
		buf_addf(text, "against %s: %s\n", report->names[report->reference], compared);
	}
	AUTO(free_ptr) char *all = summary(report);
	buf_addf(text, "%s\n", all);
}

/* ---- files ------------------------------------------------------------------------------------------------------- */

/* Of a Markdown table: no bar ends the cell. */
static void add_cell(struct buf *text, const char *words)
{
	for (; *words; words++) {
		if (*words == '|')
			buf_adds(text, "\\");
		buf_add(text, *words == '\n' ? " " : words, 1);
	}
}

void report_markdown(const struct report *report, struct buf *text)
{
	const struct batch *batch = report->batch;
	AUTO(free_ptr) char *all = summary(report);

	buf_adds(text,
		"| scenario | expectation | kernel | cgroup | verdict | measured | change | 95 % interval | |\n"
		"|---|---|---|---|---|--:|--:|:-:|---|\n");
	for (size_t i = 0; i < report->count; i++) {
		const struct report_row *row = &report->rows[i];
		for (size_t p = 0; p < batch->place_count; p++) {
			const struct report_cell *cell = &row->cells[p];
			AUTO(words) struct words words = words_of(report, row, p);
			buf_adds(text, "| ");
			add_cell(text, p || row->expectation ? "" : batch->scenarios[row->scenario].name);
			buf_adds(text, " | ");
			add_cell(text, p ? "" : row->expectation ? row->expectation : "*as a whole*");
			buf_addf(text, " | %s | %s | ", batch->places[p].release, batch->places[p].cgroup);
			add_cell(text, words.verdict);
			if (cell->note) {
				buf_adds(text, ": ");
				add_cell(text, cell->note);
			}
			buf_addf(text, " | %s | %s | %s | %s |\n", words.measured, words.change,
				words.interval, difference(cell));
		}
	}
	if (report->has_comparison) {
		AUTO(free_ptr) char *compared = compare_summary(&report->comparison);
		AUTO(free_ptr) char *method = compare_method(&report->comparison);
		buf_addf(text, "\nAgainst %s: %s. %s\n", report->names[report->reference], compared, method);
	}
	buf_addf(text, "\n%s\n", all);
}

static void csv_row(FILE *stream, const struct report *report, const struct report_row *row, size_t place)
{
	const struct batch *batch = report->batch;
	const struct report_cell *cell = &row->cells[place];
	const struct compare_row *compared = cell->row;
	const char *const names[] = {batch->scenarios[row->scenario].name,
		row->expectation ? row->expectation : "", batch->places[place].release,
		batch->places[place].cgroup};
	const double changes[] = {compared ? compared->change : (double)NAN,
		compared ? compared->low : (double)NAN, compared ? compared->high : (double)NAN};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		csvfile_put_text(stream, names[i]);
		(void)fputc(',', stream);
	}
	for (size_t i = 0; i < VERDICT_COUNT; i++)
		(void)fprintf(stream, "%zu,", cell->counts[i]);
	(void)fprintf(stream, "%zu,", cell->broken);
	csvfile_put_number(stream, cell->measured);
	(void)fputc(',', stream);
	csvfile_put_text(stream, cell->unit);
	for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
		(void)fputc(',', stream);
		csvfile_put_number(stream, changes[i]);
	}
	(void)fprintf(stream, ",%s,", difference(cell));
	csvfile_put_text(stream, cell->note ? cell->note : "");
	(void)fputc('\n', stream);
}

int report_write_csv(const struct report *report, const char *path, struct err *err)
{
	struct outfile out = {0};

	if (outfile_open(&out, path, err))
		return -1;
	(void)fputs(
		"scenario,expectation,kernel,cgroup,passed,failed,inconclusive,not_applicable,broken,measured,unit,change,"
		"change_low,change_high,difference,note\n",
		out.stream);
	for (size_t i = 0; i < report->count; i++)
		for (size_t place = 0; place < report->batch->place_count; place++)
			csv_row(out.stream, report, &report->rows[i], place);
	int result = outfile_commit(&out, err);
	outfile_abort(&out);
	return result;
}

static json_t *cell_json(const struct report *report, const struct report_cell *cell, size_t place)
{
	AUTO(free_ptr) char *verdict = report_verdict(cell);
	json_t *json = json_object(), *counts = json_object();

	for (size_t k = 0; k < VERDICT_COUNT; k++)
		json_put(counts, verdict_name((enum verdict)k), json_integer((json_int_t)cell->counts[k]));
	json_put(counts, "broken", json_integer((json_int_t)cell->broken));
	json_put(json, "kernel", json_text(report->batch->places[place].release));
	json_put(json, "cgroup", json_text(report->batch->places[place].cgroup));
	json_put(json, "verdict", json_text(verdict));
	json_put(json, "runs", counts);
	json_put(json, "measured", json_number_or_null(cell->measured));
	json_put(json, "unit", json_text(cell->unit));
	if (cell->row) {
		json_put(json, "change", json_number_or_null(cell->row->change));
		json_put(json, "change_low", json_number_or_null(cell->row->low));
		json_put(json, "change_high", json_number_or_null(cell->row->high));
		json_put(json, "difference", json_text(difference(cell)));
	}
	json_put(json, "note", cell->note ? json_text(cell->note) : json_null());
	return json;
}

char *report_json(const struct report *report)
{
	const struct batch *batch = report->batch;
	AUTO(json) json_t *json = json_object();
	json_t *rows = json_array(), *boots = json_array();

	for (size_t i = 0; i < report->count; i++) {
		const struct report_row *row = &report->rows[i];
		json_t *item = json_object(), *cells = json_array();
		for (size_t p = 0; p < batch->place_count; p++)
			(void)json_array_append_new(cells, cell_json(report, &row->cells[p], p));
		json_put(item, "scenario", json_text(batch->scenarios[row->scenario].name));
		json_put(item, "expectation", row->expectation ? json_text(row->expectation) : json_null());
		json_put(item, "cells", cells);
		(void)json_array_append_new(rows, item);
	}
	for (size_t i = 0; i < batch->boot_count; i++) {
		const struct batch_boot *boot = &batch->boots[i];
		(void)json_array_append_new(boots,
			json_pack("{s:o, s:s, s:b, s:o, s:o, s:f, s:f}", "place",
				json_text(report->names[boot->place]), "how", boot->how, "died", boot->died,
				"text", json_text(boot->text), "console", json_text(boot->console), "up_s",
				boot->up_s, "seconds", boot->seconds));
	}
	json_put(json, "type", json_text("kernels"));
	json_put(json, "file", json_text(batch->path));
	json_put(json, "seed", json_integer((json_int_t)batch->seed));
	json_put(json, "done", json_boolean(batch->done));
	json_put(json, "exit_code", json_integer(report_exit_code(report)));
	json_put(json, "reference", json_text(report->names[report->reference]));
	if (report->has_comparison) {
		AUTO(free_ptr) char *compared = compare_summary(&report->comparison);
		json_put(json, "comparison", json_text(compared));
	}
	json_put(json, "rows", rows);
	json_put(json, "boots", boots);
	return json_line(json);
}
