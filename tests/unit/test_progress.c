/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The three ways to show a progress, and that a terminal that does not drain blocks nobody. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <locale.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/clock.h"
#include "cmd/progress.h"
#include "cmd/text.h"

static uint64_t fake_now_ns;

static uint64_t fake_clock(void)
{
	return fake_now_ns;
}

static void fake_utc(char *ret_text, size_t size)
{
	(void)snprintf(ret_text, size, "NOW");
}

static const char *const names[] = {"blue", "red", "a-tenant-with-a-long-name"};

static struct run_tick tick_at(double t_s, const double *values, size_t count)
{
	return (struct run_tick){
		.t_s = t_s,
		.duration_s = 60,
		.series = "vcpu_pct",
		.unit = "%",
		.full = 100,
		.names = names,
		.values = values,
		.count = count,
	};
}

/* A whole run, shown; the caller frees. */
static char *show(enum progress_mode mode, size_t width, size_t height)
{
	const double values[] = {33.25, NAN, 150};
	struct run_tick tick;
	struct progress_look look = {
		.width = width,
		.height = height,
		.now_ns = fake_clock,
		.utc = fake_utc,
	};
	char *text = NULL;
	size_t size;
	FILE *stream = open_memstream(&text, &size);

	assert_non_null(stream);
	fake_now_ns = 5 * NS_PER_S;
	struct progress *progress = progress_new(mode, stream);
	progress_set_look(progress, &look);
	const struct run_observer *observer = progress_observer(progress);
	run_observe_phase(observer, "boot", "3 tenants");
	fake_now_ns += 8200 * NS_PER_MS;
	run_observe_warn(observer, "KVM does not work\033[2J");
	run_observe_phase(observer, "timeline", "");
	tick = tick_at(15, values, ARRAY_SIZE(names));
	run_observe_tick(observer, &tick);
	tick = tick_at(16, values, ARRAY_SIZE(names));
	run_observe_tick(observer, &tick);
	run_observe_event(observer, 20.001, "red cpu.shares 4096");
	tick = tick_at(21, values, ARRAY_SIZE(names));
	run_observe_tick(observer, &tick);
	progress_note(progress, "a note");
	progress_done(progress,
		&(struct progress_outcome){"pass", "2 of 2", "results/r\303\251sum\303\251 \"1\"",
			"{\"verdict\":\"pass\",\"expectations\":[{\"name\":\"one\",\"measured\":0.25}]}", 0});
	progress_free(progress);
	(void)fclose(stream);
	return text;
}

static void plain_lines(void **state)
{
	AUTO(free_ptr) char *text = show(PROGRESS_LINES, 0, 0);

	(void)state;
	assert_string_equal(text,
		"NOW boot: 3 tenants\n"
		"NOW warning: KVM does not work?[2J\n"
		"NOW timeline\n"
		"NOW t=15 s of 60 s: blue 33.2 %, red -, a-tenant-with-a-long-name 150.0 %\n"
		"NOW event at 20.001 s: red cpu.shares 4096\n"
		"NOW t=21 s of 60 s: blue 33.2 %, red -, a-tenant-with-a-long-name 150.0 %\n"
		"NOW note: a note\n"
		"NOW result: pass: 2 of 2\n");
}

static void json_lines(void **state)
{
	AUTO(free_ptr) char *text = show(PROGRESS_JSON, 0, 0);

	(void)state;
	assert_non_null(strstr(
		text, "{\"type\":\"phase\",\"phase\":\"boot\",\"detail\":\"3 tenants\",\"time\":\"NOW\"}\n"));
	assert_non_null(strstr(text, "{\"type\":\"phase-end\",\"phase\":\"boot\",\"seconds\":8.2"));
	assert_non_null(strstr(text,
		"\"vcpu_pct\":{\"blue\":33.25,\"red\":null,\"a-tenant-with-a-long-name\":150.0},\"time\""));
	assert_non_null(strstr(text, "\\u001B[2J"));
	const char *last = strstr(text, "{\"type\":\"result\"");
	assert_non_null(last);
	assert_string_equal(last,
		"{\"type\":\"result\",\"verdict\":\"pass\",\"exit_code\":0,\"detail\":\"2 of 2\","
		"\"run\":\"results/r\303\251sum\303\251 \\\"1\\\"\","
		"\"findings\":[{\"name\":\"one\",\"measured\":0.25}],\"time\":\"NOW\"}\n");
}

/* A run that did not come far has neither a directory nor findings; machines still get their last line. */
static void json_without_a_run(void **state)
{
	char *text = NULL;
	size_t size;
	FILE *stream = open_memstream(&text, &size);
	struct progress_look look = {.now_ns = fake_clock, .utc = fake_utc};

	(void)state;
	struct progress *progress = progress_new(PROGRESS_JSON, stream);
	progress_set_look(progress, &look);
	progress_done(progress, &(struct progress_outcome){"not run", "no KVM", NULL, NULL, 4});
	progress_free(progress);
	(void)fclose(stream);
	assert_string_equal(text,
		"{\"type\":\"result\",\"verdict\":\"not run\",\"exit_code\":4,\"detail\":\"no KVM\","
		"\"run\":null,\"findings\":[],\"time\":\"NOW\"}\n");
	free(text);
}

static void quiet_says_nothing(void **state)
{
	AUTO(free_ptr) char *text = show(PROGRESS_QUIET, 0, 0);

	(void)state;
	assert_string_equal(text, "");
	/* NULL shows nothing too. */
	progress_phase(NULL, "boot", "");
	progress_tick(NULL, NULL);
	progress_done(NULL, NULL);
	progress_free(NULL);
}

/* Lines of the picture as the terminal holds them at the end: CUU and ED are carried out. */
static void terminal_at(size_t width, size_t height)
{
	AUTO(free_ptr) char *text = show(PROGRESS_TERMINAL, width, height);
	size_t line = 0;

	for (const char *at = text; *at;) {
		if (*at == '\033') {
			unsigned up = 0;
			char what = 0;
			assert_true(sscanf(at, "\033[%u%c", &up, &what) == 2 ||
				    sscanf(at, "\033[%c", &what) == 1);
			if (what == 'A') {
				assert_true(up <= line);
				assert_true(up < height);
				line -= up;
			} else {
				assert_int_equal(what, 'J');
			}
			at += strcspn(at, "AJ") + 1;
			continue;
		}
		size_t length = strcspn(at, "\n\033");
		if (at[length] == '\n') {
			/* Redrawn lines start with two spaces and a name; those of events may be long. */
			if (strncmp(at, "  time ", 7) == 0 || strncmp(at, "  blue", 6) == 0 ||
				strncmp(at, "  red ", 6) == 0)
				if (length >= width)
					fail_msg("%zu columns of %zu: %.*s", length, width, (int)length, at);
			line++;
			length++;
		}
		at += length ? length : 1;
	}
	assert_non_null(strstr(text, "pass  2 of 2\n"));
	assert_null(strstr(text, "work\033[2J"));
}

static void terminal_fits(void **state)
{
	static const size_t widths[] = {1, 10, 24, 25, 34, 80, 200};
	static const size_t heights[] = {1, 4, 5, 24};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(widths); i++)
		for (size_t j = 0; j < ARRAY_SIZE(heights); j++)
			terminal_at(widths[i], heights[j]);
}

/* The lines that the terminal broke into rows when its window shrank are erased with the rest. */
static void terminal_shrinks(void **state)
{
	static const struct {
		const char *name;
		size_t from, to;
		const char *erased;
	} cases[] = {
		{"same width", 80, 80, "\r\033[4A\033[J"},
		{"wider", 60, 100, "\r\033[4A\033[J"},
		{"half as wide", 60, 30, "\r\033[8A\033[J"},
		{"a third", 60, 20, "\r\033[12A\033[J"},
	};
	const double values[] = {33.25, NAN, 150};
	struct run_tick tick;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct progress_look look = {
			.width = cases[i].from,
			.height = 24,
			.colour = true,
			.now_ns = fake_clock,
			.utc = fake_utc,
		};
		char *text = NULL;
		size_t size;
		FILE *stream = open_memstream(&text, &size);
		struct progress *progress = progress_new(PROGRESS_TERMINAL, stream);
		progress_set_look(progress, &look);
		progress_phase(progress, "timeline", "");
		progress_total(progress, 60);
		tick = tick_at(15, values, ARRAY_SIZE(names));
		progress_tick(progress, &tick);
		(void)fflush(stream);
		size_t before = size;
		look.width = cases[i].to;
		progress_set_look(progress, &look);
		tick = tick_at(16, values, ARRAY_SIZE(names));
		progress_tick(progress, &tick);
		(void)fflush(stream);
		print_message("# %s\n", cases[i].name);
		assert_memory_equal(text + before, cases[i].erased, strlen(cases[i].erased));
		progress_free(progress);
		(void)fclose(stream);
		free(text);
	}
}

static void terminal_shows_values(void **state)
{
	AUTO(free_ptr) char *text = show(PROGRESS_TERMINAL, 60, 24);

	(void)state;
	assert_non_null(strstr(text, "  blue             "));
	assert_non_null(strstr(text, "  33.2 %"));
	assert_non_null(strstr(text, " 150.0 %"));
	assert_non_null(strstr(text, "   15 / 60 s"));
	assert_non_null(strstr(text, "a-tenant-with-a~"));
	assert_non_null(strstr(text, "  boot         3 tenants"));
	assert_non_null(strstr(text, "8.2 s\n"));
}

static void other_units(void **state)
{
	static const struct {
		enum progress_mode mode;
		const char *shown;
	} cases[] = {
		{PROGRESS_TERMINAL, "  270.5 Mbit/s"},
		{PROGRESS_LINES, "t=15 s of 60 s: blue 270.5 Mbit/s, red -"},
		{PROGRESS_JSON, "\"net_class_mbit_per_s\":{\"blue\":270.5,\"red\":null}"},
	};
	const double values[] = {270.5, NAN};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct progress_look look = {
			.width = 60, .height = 24, .now_ns = fake_clock, .utc = fake_utc};
		struct run_tick tick = tick_at(15, values, 2);
		char *text = NULL;
		size_t size;
		FILE *stream = open_memstream(&text, &size);
		struct progress *progress = progress_new(cases[i].mode, stream);
		tick.series = "net_class_mbit_per_s";
		tick.unit = "Mbit/s";
		tick.full = 300;
		progress_set_look(progress, &look);
		run_observe_phase(progress_observer(progress), "timeline", "");
		run_observe_tick(progress_observer(progress), &tick);
		(void)fflush(stream);
		if (!strstr(text, cases[i].shown))
			fail_msg("'%s' is not in '%s'", cases[i].shown, text);
		progress_free(progress);
		(void)fclose(stream);
		free(text);
	}
}

static void full_pipe_blocks_nobody(void **state)
{
	const double values[] = {1, 2, 3};
	struct run_tick tick;
	int ends[2];
	char sink[65536];

	(void)state;
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	FILE *stream = fdopen(ends[1], "w");
	struct progress *progress = progress_new(PROGRESS_LINES, stream);
	uint64_t begin_ns = clock_now_ns();
	for (int i = 0; i < 20000; i++)
		progress_event(
			progress, i, "an event that nobody reads, again and again and again and again");
	tick = tick_at(1, values, 2);
	progress_tick(progress, &tick);
	assert_true(clock_now_ns() - begin_ns < 20 * NS_PER_S);
	/* A reader that is gone is no signal and no wait either. */
	assert_true(read(ends[0], sink, sizeof(sink)) > 0);
	(void)close(ends[0]);
	progress_done(progress, &(struct progress_outcome){"pass", "", NULL, NULL, 0});
	progress_free(progress);
	(void)fclose(stream);
}

static const struct {
	const char *name, *text;
	size_t columns;
	const char *shown;
	size_t used;
} text_cases[] = {
	{"fits", "red", 5, "red", 3},
	{"exactly", "green", 5, "green", 5},
	{"cut", "magenta", 5, "mage~", 5},
	{"one column", "magenta", 1, "~", 1},
	{"no column", "magenta", 0, "", 0},
	{"empty", "", 5, "", 0},
	{"escape sequence", "a\033[31mb", TEXT_ALL, "a?[31mb", 7},
	{"newline", "a\nb", TEXT_ALL, "a?b", 3},
	{"not UTF-8", "a\xff", TEXT_ALL, "a?", 2},
	{"two bytes, one column", "t\xc3\xa4", TEXT_ALL, "t\xc3\xa4", 2},
	{"two columns", "\xe4\xb8\xad", TEXT_ALL, "\xe4\xb8\xad", 2},
	{"a wide one is not cut in half", "\xe4\xb8\xad\xe4\xb8\xad", 3, "\xe4\xb8\xad~", 3},
	{"C1 control",
		"a\xc2\x9b"
		"b",
		TEXT_ALL, "a?b", 3},
};

static void texts_are_measured(void **state)
{
	(void)state;
	if (!setlocale(LC_CTYPE, "C.UTF-8")) {
		print_message("there is no locale C.UTF-8\n");
		skip();
	}
	for (size_t i = 0; i < ARRAY_SIZE(text_cases); i++) {
		AUTO(buf) struct buf shown = BUF_INIT;

		print_message("# %s\n", text_cases[i].name);
		size_t used = text_add(&shown, text_cases[i].text, text_cases[i].columns);
		assert_string_equal(shown.data ? shown.data : "", text_cases[i].shown);
		assert_int_equal(used, text_cases[i].used);
		if (text_cases[i].columns == TEXT_ALL)
			assert_int_equal(text_width(text_cases[i].text), used);
	}
	(void)setlocale(LC_CTYPE, "C");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_lines),
		cmocka_unit_test(json_lines),
		cmocka_unit_test(json_without_a_run),
		cmocka_unit_test(quiet_says_nothing),
		cmocka_unit_test(terminal_fits),
		cmocka_unit_test(terminal_shrinks),
		cmocka_unit_test(terminal_shows_values),
		cmocka_unit_test(other_units),
		cmocka_unit_test(full_pipe_blocks_nobody),
		cmocka_unit_test(texts_are_measured),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
