/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "plot/figure.h"

#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/fsio.h"
#include "plot/parts.h"

static const char *line_name(const struct plot_figure *figure, unsigned line)
{
	for (size_t s = 0; s < figure->side_count; s++) {
		const struct plot_side *side = &figure->sides[s];
		if (line >= side->first && line <= side->last)
			return side->scenario->tenants[line - side->first].name;
	}
	BUG("the figure has no line %u", line);
}

/* gnuplot reads a quoted CSV field up to its first quote, doubled or not: so much of a name tells its rows apart. */
static int check_names(const struct scenario *scenario, struct err *err)
{
	for (size_t i = 0; i < scenario->tenant_count; i++) {
		const char *name = scenario->tenants[i].name;
		size_t length = strcspn(name, "\"");
		for (size_t j = 0; j < i; j++) {
			const char *other = scenario->tenants[j].name;
			if (strcspn(other, "\"") == length && memcmp(name, other, length) == 0)
				return err_input(err, "gnuplot cannot tell the tenants '%s' and '%s' apart",
					other, name);
		}
	}
	return 0;
}

/* A tenant that stands on both sides has one colour. */
static void choose_colors(const struct plot_figure *figure, unsigned count, uint32_t *ret_colors)
{
	const char *names[PLOT_MAX_LINES] = {NULL};
	uint32_t colors[PLOT_MAX_LINES];
	size_t name_of[PLOT_MAX_LINES], name_count = 0;

	for (unsigned i = 0; i < count; i++) {
		const char *name = line_name(figure, i + 1);
		name_of[i] = 0;
		while (name_of[i] < name_count && strcmp(names[name_of[i]], name) != 0)
			name_of[i]++;
		if (name_of[i] == name_count)
			names[name_count++] = name;
	}
	plot_colors(names, name_count, colors);
	for (unsigned i = 0; i < count; i++)
		ret_colors[i] = colors[name_of[i]];
}

int plot_add_lines(struct buf *out, const struct plot_figure *figure, struct err *err)
{
	unsigned count = figure->sides[figure->side_count - 1].last;
	uint32_t colors[PLOT_MAX_LINES];

	for (size_t s = 0; s < figure->side_count; s++) {
		if (check_names(figure->sides[s].scenario, err))
			return -1;
	}
	choose_colors(figure, count, colors);
	buf_addf(out, "# the lines: tenants of all sides, then the hosts\nll_lines = %u\n", count);
	static const char *const arrays[] = {"ll_key", "ll_color", "ll_light", "ll_dark"};
	for (size_t a = 0; a < ARRAY_SIZE(arrays); a++)
		buf_addf(out, "array %s[%zu]\n", arrays[a], count + figure->side_count);
	for (unsigned i = 0; i < count + figure->side_count; i++) {
		const char *name = i < count ? line_name(figure, i + 1) : "host";
		uint32_t color = i < count ? colors[i] : 0x606060;
		AUTO(free_ptr) char *key = xstrndup(name, strcspn(name, "\""));
		buf_addf(out,
			"ll_color[%u] = 0x%06x; ll_light[%u] = 0x%06x; ll_dark[%u] = 0x%06x; ll_key[%u] = ",
			i + 1, color, i + 1, plot_mix(color, 0xffffff, 0.62), i + 1, plot_mix(color, 0, 0.45),
			i + 1);
		plot_quote_raw(out, key);
		buf_adds(out, "\n");
	}
	return 0;
}

/* ---- legend ------------------------------------------------------------------------------------------------------ */

/* The workload without folder and ending. */
static char *tenant_text(const struct tenant_spec *tenant)
{
	if (!tenant->workload)
		return xasprintf("%s (idle)", tenant->name);
	const char *base = fsio_basename(tenant->workload);
	const char *dot = strrchr(base, '.');
	return xasprintf(
		"%s (%.*s)", tenant->name, (int)(dot && dot != base ? dot - base : (long)strlen(base)), base);
}

struct legend {
	struct buf *out;
	double widest_px;
	char *texts[PLOT_MAX_LINES + LIMIT_COUNT + 2];
	size_t count;
};

static void auto_legend(struct legend *legend)
{
	for (size_t i = 0; i < legend->count; i++)
		free(legend->texts[i]);
}

static void add_entry(struct legend *legend, const char *kind, unsigned line, const char *full)
{
	AUTO(free_ptr) char *text = plot_shorten(full, PLOT_FONT_PX, legend->widest_px);

	for (size_t i = 0; i < legend->count; i++) {
		if (strcmp(legend->texts[i], full) == 0)
			return;
	}
	legend->texts[legend->count++] = xstrdup(full);
	size_t n = legend->count;
	buf_addf(legend->out, "ll_entry_kind[%zu] = '%s'; ll_entry_line[%zu] = %u; ll_entry_px[%zu] = %.0f; ",
		n, kind, n, line, n, plot_text_px(text, PLOT_FONT_PX));
	plot_element(legend->out, "ll_entry_text", n, text);
}

static const char *limit_text(const struct limit_spec *spec)
{
	static const struct {
		const char *limit, *text;
	} known[] = {{"memory.soft", "soft limit"}, {"memory.hard", "hard limit"},
		{"memory.swap", "limit of memory and swap"}, {"memory.protect", "protected memory"},
		{"net.rate", "guaranteed rate"}, {"net.ceil", "hard limit (ceil)"},
		{"disk.read_bytes_per_s", "hard limit of reading"},
		{"disk.write_bytes_per_s", "hard limit of writing"},
		{"disk.qemu_read_bytes_per_s", "QEMU's limit of reading"},
		{"disk.qemu_write_bytes_per_s", "QEMU's limit of writing"}};

	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		if (strcmp(known[i].limit, spec->name) == 0)
			return known[i].text;
	}
	return spec->name;
}

void plot_add_legend(struct buf *out, const struct plot_figure *figure, bool has_expected)
{
	AUTO(buf) struct buf entries = BUF_INIT;
	AUTO(legend)
	struct legend legend = {.out = &entries, .widest_px = figure->width_px - PLOT_LEFT_PX - 60};

	for (size_t s = 0; s < figure->side_count; s++) {
		const struct plot_side *side = &figure->sides[s];
		for (unsigned line = side->first; line <= side->last; line++) {
			AUTO(free_ptr)
			char *text = tenant_text(&side->scenario->tenants[line - side->first]);
			add_entry(&legend, "line", line, text);
		}
	}
	if (has_expected)
		add_entry(&legend, "model", 0, "expected (model)");
	for (int limit = 0; limit < LIMIT_COUNT; limit++) {
		if (plot_has_limit(figure, (enum limit_id)limit))
			add_entry(&legend, limit_spec((enum limit_id)limit)->name, 0,
				limit_text(limit_spec((enum limit_id)limit)));
	}
	if (plot_has_span(figure)) {
		AUTO(free_ptr) char *text = xasprintf("%s is scarce", resource_name(figure->resource));
		add_entry(&legend, "spans", 0, text);
	}
	buf_addf(out,
		"# legend; which kinds are shown depends on what the script draws.  Widths in pixels.\nll_entries = %zu\n",
		legend.count);
	static const char *const arrays[] = {
		"ll_entry_kind", "ll_entry_line", "ll_entry_px", "ll_entry_text"};
	for (size_t a = 0; a < ARRAY_SIZE(arrays); a++)
		buf_addf(out, "array %s[%zu]\n", arrays[a], legend.count);
	buf_adds(out, entries.data ? entries.data : "");
}
