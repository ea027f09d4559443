/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "plot/plot.h"

#include <ctype.h>
#include <math.h>
#include <string.h>

#include "base/auto.h"
#include "base/clock.h"
#include "base/cpulist.h"
#include "base/fsio.h"
#include "plot/parts.h"

#define TITLE_PX    19.0
#define SUBTITLE_PX 13.5
#define SWATCH_PX   26.0 /* line sample of the legend, with the gap to its text */

struct mark_text {
	double at_s;
	char *text;
};

struct mark_list {
	struct mark_text *items;
	size_t count, capacity;
};

static void release_marks(struct mark_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->items[i].text);
	free(list->items);
}

static double seconds(uint64_t ns)
{
	return (double)ns / (double)NS_PER_S;
}

/* -0.0 would make golden files differ between machines. */
static void add_number(struct buf *out, double value)
{
	buf_addf(out, "%.6g", value == 0 ? 0.0 : value);
}

static void add_text(struct buf *out, const char *name, const char *text)
{
	buf_addf(out, "%s = ", name);
	plot_quote(out, text);
	buf_adds(out, "\n");
}

/* "red cpu.shares 4096" in a figure about the CPU says "red shares 4096". */
static char *event_text(const struct scenario *scenario, const struct event_spec *event)
{
	if (event->name)
		return xstrdup(event->name);
	char *label = scenario_event_label(scenario, event);
	for (char *at; (at = strstr(label, " cpu."));)
		memmove(at + 1, at + 5, strlen(at + 5) + 1);
	return label;
}

/* A run that was cut short has no record of what it did not reach. */
static bool happened(const struct event_spec *event, const struct event_log *log)
{
	if (!log || log->count == 0)
		return true;
	for (size_t i = 0; i < log->count; i++) {
		if (fabs(log->records[i].asked_s - seconds(event->at_ns)) < 1e-3)
			return true;
	}
	return false;
}

/* One mark per moment. */
static void collect_marks(const struct plot_input *input, struct mark_list *ret_list)
{
	const struct scenario *scenario = input->scenario;

	for (size_t i = 0; i < scenario->event_count; i++) {
		const struct event_spec *event = &scenario->events[i];
		if (!happened(event, input->events))
			continue;
		AUTO(free_ptr) char *text = event_text(scenario, event);
		double at_s = seconds(event->at_ns);
		struct mark_text *last = ret_list->count ? &ret_list->items[ret_list->count - 1] : NULL;
		if (last && fabs(last->at_s - at_s) < 1e-6) {
			char *both = xasprintf("%s; %s", last->text, text);
			free(last->text);
			last->text = both;
			continue;
		}
		ret_list->items = xgrow(
			ret_list->items, ret_list->count, &ret_list->capacity, sizeof(*ret_list->items));
		ret_list->items[ret_list->count++] = (struct mark_text){.at_s = at_s, .text = STEAL(text)};
	}
}

/* How far the label may reach: up to `lines` of its neighbours' lines, or of those before it when there are fewer. */
static double room_px(const struct plot_label *labels, size_t count, size_t i, size_t lines)
{
	double right = i + lines < count ? labels[i + lines].x_px : PLOT_RIGHT_PX;
	double left = i >= lines ? labels[i - lines].x_px : PLOT_LEFT_PX;
	double room = right - labels[i].x_px;
	if (i + 1 == count)
		room = labels[i].x_px - left;
	return room - 3 * PLOT_LABEL_GAP_PX;
}

/* Shortens the labels step by step until they can be placed: all alike at first, then where they are crowded. */
static void add_events(struct buf *out, const struct mark_list *marks, double duration_s)
{
	static const struct {
		double widest_px;
		size_t lines; /* 0: across any number */
	} steps[] = {{420, 0}, {300, 0}, {220, 0}, {220, 4}, {220, 3}, {220, 2}, {160, 2}, {110, 0}, {160, 1},
		{60, 0}, {0, 0}};
	size_t count = marks->count;
	AUTO(free_ptr) struct plot_label *labels = xcalloc(count + 1, sizeof(*labels));
	AUTO(free_ptr) char **texts = xcalloc(count + 1, sizeof(*texts));

	for (size_t i = 0; i < count; i++)
		labels[i].x_px =
			PLOT_LEFT_PX + (PLOT_RIGHT_PX - PLOT_LEFT_PX) * marks->items[i].at_s / duration_s;
	for (size_t step = 0; step < ARRAY_SIZE(steps); step++) {
		for (size_t i = 0; i < count; i++) {
			double widest = steps[step].widest_px;
			if (steps[step].lines)
				widest = fmin(widest, room_px(labels, count, i, steps[step].lines));
			free(texts[i]);
			texts[i] = plot_shorten(marks->items[i].text, PLOT_LABEL_PX, widest);
			labels[i].width_px = plot_text_px(texts[i], PLOT_LABEL_PX);
		}
		if (plot_place_labels(labels, count, PLOT_LEFT_PX, PLOT_RIGHT_PX + 12))
			break;
	}
	unsigned levels = 0;
	for (size_t i = 0; i < count; i++) {
		if (labels[i].width_px > 0 && labels[i].level + 1 > levels)
			levels = labels[i].level + 1;
	}
	buf_addf(out, "ll_events = %zu\nll_event_levels = %u\n", count, levels);
	buf_addf(out, "array ll_event_s[%zu]\narray ll_event_text[%zu]\n", count + 1, count + 1);
	for (size_t i = 0; i < count; i++) {
		buf_addf(out, "ll_event_s[%zu] = ", i + 1);
		add_number(out, marks->items[i].at_s);
		buf_addf(out, "; ll_event_text[%zu] = ", i + 1);
		plot_quote(out, texts[i]);
		buf_adds(out, "\n");
	}
	buf_adds(out,
		"# time, number, level above the panel, label to the left of its line\n$events << EOD\n");
	for (size_t i = 0; i < count; i++) {
		add_number(out, marks->items[i].at_s);
		buf_addf(out, " %zu %u %d\n", i + 1, labels[i].level, labels[i].to_left);
		free(texts[i]);
	}
	buf_adds(out, "EOD\n");
}

/* The workload without folder and ending; all tenants the same: "". */
static char *tenant_text(const struct scenario *scenario, size_t i)
{
	const struct tenant_spec *tenant = &scenario->tenants[i];
	if (!tenant->workload)
		return xasprintf("%s (idle)", tenant->name);
	const char *base = fsio_basename(tenant->workload);
	const char *dot = strrchr(base, '.');
	return xasprintf(
		"%s (%.*s)", tenant->name, (int)(dot && dot != base ? dot - base : (long)strlen(base)), base);
}

/* Legend entries in rows, from the left: x of the sample in pixels, row, kind (0: tenant, 1: expected), number. */
static void add_legend(struct buf *out, const struct scenario *scenario, bool has_expected)
{
	AUTO(buf) struct buf rows = BUF_INIT;
	double x = PLOT_LEFT_PX;
	unsigned row = 0;

	for (size_t i = 0; i < scenario->tenant_count + has_expected; i++) {
		bool is_tenant = i < scenario->tenant_count;
		AUTO(free_ptr)
		char *full = is_tenant ? tenant_text(scenario, i) : xstrdup("expected (model)");
		AUTO(free_ptr)
		char *text = plot_shorten(full, PLOT_FONT_PX, PLOT_RIGHT_PX - PLOT_LEFT_PX - SWATCH_PX);
		double width = SWATCH_PX + plot_text_px(text, PLOT_FONT_PX);
		if (x > PLOT_LEFT_PX && x + width > PLOT_RIGHT_PX) {
			x = PLOT_LEFT_PX;
			row++;
		}
		buf_addf(out, "ll_legend_text[%zu] = ", i + 1);
		plot_quote(out, text);
		buf_adds(out, "\n");
		buf_addf(&rows, "%.0f %u %d %zu\n", x, row, !is_tenant, i + 1);
		x += width + 14;
	}
	buf_addf(out, "ll_legend_rows = %u\n", row + 1);
	buf_adds(out, "# x in pixels, row, 0 for a tenant and 1 for the model, number\n$legend << EOD\n");
	buf_addf(out, "%sEOD\n", rows.data ? rows.data : "");
}

/* gnuplot reads a quoted CSV field up to its first quote, doubled or not: so much of a name tells its rows apart. */
static int add_tenants(struct buf *out, const struct scenario *scenario, struct err *err)
{
	size_t count = scenario->tenant_count;
	const char *names[SCENARIO_MAX_TENANTS];
	uint32_t colors[SCENARIO_MAX_TENANTS];

	char *keys[SCENARIO_MAX_TENANTS];

	for (size_t i = 0; i < count; i++)
		names[i] = scenario->tenants[i].name;
	for (size_t i = 0; i < count; i++) {
		size_t length = strcspn(names[i], "\"");
		for (size_t j = 0; j < i; j++) {
			if (strcspn(names[j], "\"") == length && memcmp(names[i], names[j], length) == 0)
				return err_input(err, "gnuplot cannot tell the tenants '%s' and '%s' apart",
					names[j], names[i]);
		}
	}
	for (size_t i = 0; i < count; i++)
		keys[i] = xstrndup(names[i], strcspn(names[i], "\""));
	plot_colors(names, count, colors);
	buf_addf(out, "ll_tenants = %zu\n", count);
	static const char *const arrays[] = {"ll_key", "ll_color", "ll_light", "ll_dark", "ll_legend_text"};
	for (size_t a = 0; a < ARRAY_SIZE(arrays); a++)
		buf_addf(out, "array %s[%zu]\n", arrays[a], count + 1);
	for (size_t i = 0; i < count; i++) {
		buf_addf(out,
			"ll_color[%zu] = 0x%06x; ll_light[%zu] = 0x%06x; ll_dark[%zu] = 0x%06x; ll_key[%zu] = ",
			i + 1, colors[i], i + 1, plot_mix(colors[i], 0xffffff, 0.62), i + 1,
			plot_mix(colors[i], 0, 0.45), i + 1);
		plot_quote_raw(out, keys[i]);
		buf_adds(out, "\n");
	}
	for (size_t i = 0; i < count; i++)
		free(keys[i]);
	return 0;
}

/* $expected: one block of from, to, percent per tenant; $bands: tenant, from, to, low, high where it is judged. */
static bool add_expected(struct buf *out, const struct plot_input *input)
{
	const struct scenario *scenario = input->scenario;
	const struct model *model = input->model;
	bool any = false;

	buf_adds(out, "# per tenant: from, to, expected share in percent\n$expected << EOD\n");
	for (unsigned t = 0; t < scenario->tenant_count; t++) {
		for (size_t i = 0; model && i < model->step_count; i++) {
			const struct model_step *step = &model->steps[i];
			if (!step->active[t] || step->to_s <= step->from_s)
				continue;
			any = true;
			add_number(out, step->from_s);
			buf_adds(out, " ");
			add_number(out, step->to_s);
			buf_adds(out, " ");
			add_number(out, 100 * step->share[t]);
			buf_adds(out, "\n");
		}
		/* A block must not be empty: gnuplot would count the next tenant's as this one's. */
		buf_adds(out, "-1 -1 -1\n\n\n");
	}
	buf_adds(out,
		"EOD\n# tenant, from, to, lowest and highest share in percent that passes\n$bands << EOD\n");
	for (size_t i = 0; i < scenario->expect_count; i++) {
		const struct expect_spec *expect = &scenario->expects[i];
		if (expect->kind != EXPECT_SHARE || (expect->is_model && !model))
			continue;
		double from_s = seconds(expect->from_ns), to_s = seconds(expect->to_ns);
		double center =
			expect->is_model ? model_mean(model, expect->tenant, from_s, to_s) : expect->value;
		if (!isfinite(center))
			continue;
		buf_addf(out, "%u ", expect->tenant + 1);
		add_number(out, from_s);
		buf_adds(out, " ");
		add_number(out, to_s);
		buf_adds(out, " ");
		add_number(out, 100 * (center - expect->within));
		buf_adds(out, " ");
		add_number(out, 100 * (center + expect->within));
		buf_adds(out, "\n");
	}
	buf_adds(out, "EOD\n");
	return any;
}

static char *upper(const char *text)
{
	char *copy = xstrdup(text ? text : "");
	for (char *c = copy; *c; c++)
		*c = (char)toupper((unsigned char)*c);
	return copy;
}

static char *subtitle(const struct plot_input *input)
{
	const struct manifest *manifest = input->manifest;
	AUTO(free_ptr) char *acceleration = upper(manifest->acceleration);
	AUTO(buf) struct buf out = BUF_INIT;

	buf_addf(&out, "kernel %s, cgroup %s, %s, %zu tenant%s, %.10s",
		manifest->host_kernel ? manifest->host_kernel : "?",
		manifest->cgroup_mode ? manifest->cgroup_mode : "?", acceleration,
		input->scenario->tenant_count, input->scenario->tenant_count == 1 ? "" : "s",
		manifest->started_utc ? manifest->started_utc : "?");
	if (manifest->state != RUN_COMPLETE)
		buf_addf(&out, ", run %s", run_state_name(manifest->state));
	return plot_shorten(out.data, SUBTITLE_PX, PLOT_RIGHT_PX - PLOT_LEFT_PX);
}

static void add_verdict(struct buf *out, const struct judgement *judgement, double *ret_width_px)
{
	static const uint32_t colors[] = {
		[VERDICT_PASS] = 0x20702f, [VERDICT_FAIL] = 0xb3201a, [VERDICT_INCONCLUSIVE] = 0x8a5a00};
	AUTO(free_ptr) char *text = NULL;

	*ret_width_px = 0;
	if (judgement) {
		size_t passed = 0;
		for (size_t i = 0; i < judgement->count; i++)
			passed += judgement->findings[i].verdict == VERDICT_PASS;
		text = judgement->count ? xasprintf("verdict: %s (%zu of %zu)",
						  verdict_name(judgement->verdict), passed, judgement->count)
					: xstrdup("nothing to judge");
		*ret_width_px = plot_text_px(text, PLOT_FONT_PX) + 16;
	}
	add_text(out, "ll_verdict", text ? text : "");
	buf_addf(out, "ll_verdict_color = 0x%06x\n", judgement ? colors[judgement->verdict] : 0);
}

/* The title shares its line with the verdict: smaller letters first, then fewer. */
static void add_title(struct buf *out, const struct scenario *scenario, double verdict_px)
{
	const char *title = scenario->title && *scenario->title ? scenario->title : scenario->name;
	double width_px = PLOT_RIGHT_PX - PLOT_LEFT_PX - verdict_px, font_px = TITLE_PX;

	/* Bold letters are a sixth wider. */
	while (font_px > 14 && plot_text_px(title, font_px * 7 / 6) > width_px)
		font_px -= 0.5;
	AUTO(free_ptr) char *text = plot_shorten(title, font_px * 7 / 6, width_px);
	add_text(out, "ll_title", text);
	buf_addf(out, "ll_title_px = %.1f\n", font_px);
}

static void add_axes(struct buf *out, const struct scenario *scenario)
{
	if (!scenario->has_scarce_cpu) {
		add_text(out, "ll_y_column", "vcpu_pct");
		add_text(out, "ll_y_label", "CPU time [% of one core]");
		return;
	}
	AUTO(free_ptr) char *cpus = cpulist_format(&scenario->scarce_cpus);
	AUTO(free_ptr)
	char *label = xasprintf(
		"CPU share of core%s %s [%%]", CPU_COUNT(&scenario->scarce_cpus) == 1 ? "" : "s", cpus);
	AUTO(free_ptr) char *text = plot_shorten(label, PLOT_FONT_PX + 1, 300);
	add_text(out, "ll_y_column", "cpu_share_pct");
	add_text(out, "ll_y_label", text);
}

int plot_preamble(const struct plot_input *input, char **ret_text, struct err *err)
{
	const struct scenario *scenario = input->scenario;
	AUTO(buf) struct buf out = BUF_INIT;
	__attribute__((cleanup(release_marks))) struct mark_list marks = {0};
	double duration_s = seconds(scenario->duration_ns), verdict_px;

	if (duration_s <= 0 || scenario->tenant_count == 0 || scenario->tenant_count > SCENARIO_MAX_TENANTS)
		return err_input(err, "scenario '%s' has nothing to draw: %zu tenants, %g s", scenario->name,
			scenario->tenant_count, duration_s);
	buf_adds(&out, "# Made by limitlab: what plots/*.gp draw besides series.csv.\n");
	add_text(&out, "ll_series", RUNDIR_SERIES);
	buf_addf(&out, "ll_width = %d\nll_left_px = %d\nll_right_px = %d\n", PLOT_WIDTH_PX, PLOT_LEFT_PX,
		PLOT_RIGHT_PX);
	add_verdict(&out, input->judgement, &verdict_px);
	add_title(&out, scenario, verdict_px);
	AUTO(free_ptr) char *under = subtitle(input);
	add_text(&out, "ll_subtitle", under);
	add_axes(&out, scenario);
	buf_adds(&out, "ll_duration_s = ");
	add_number(&out, duration_s);
	/* A sample speaks of the interval that ends with it. */
	buf_adds(&out, "\nll_sample_s = ");
	add_number(&out, seconds(scenario->sample_ns));
	buf_adds(&out, "\n");
	if (add_tenants(&out, scenario, err))
		return -1;
	bool has_expected = add_expected(&out, input);
	buf_addf(&out, "ll_has_expected = %d\n", has_expected);
	add_legend(&out, scenario, has_expected);
	collect_marks(input, &marks);
	add_events(&out, &marks, duration_s);
	*ret_text = buf_steal(&out);
	return 0;
}
