/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "plot/figure.h"

#include <math.h>
#include <string.h>

#include "base/auto.h"
#include "plot/parts.h"

/* ---- expected shares and the bands that pass --------------------------------------------------------------------- */

static bool add_model(struct buf *out, const struct plot_side *side, unsigned tenant)
{
	const struct model *model = side->input->model;
	bool any = false;

	for (size_t i = 0; model && side->capacity > 0 && i < model->step_count; i++) {
		const struct model_step *step = &model->steps[i];
		if (!step->active[tenant] || step->to_s <= step->from_s || !isfinite(step->share[tenant]))
			continue;
		any = true;
		plot_number(out, step->from_s);
		buf_adds(out, " ");
		plot_number(out, step->to_s);
		buf_adds(out, " ");
		plot_number(out, side->capacity * step->share[tenant]);
		buf_adds(out, "\n");
	}
	return any;
}

/* A tolerance that the judge has derived; NAN: it has not judged. */
static double derived(const struct plot_side *side, const struct expect_spec *expect)
{
	const struct judgement *judgement = side->input->judgement;
	size_t index = (size_t)(expect - side->scenario->expects);

	return judgement && index < judgement->count ? judgement->findings[index].tolerance : (double)NAN;
}

/* Lowest and highest value that passes, in the unit of the column; NAN: no bound on this side. */
static bool passing(const struct plot_side *side, const struct expect_spec *expect, const char **ret_column,
	double *ret_low, double *ret_high)
{
	const struct model *model = side->input->model;
	double from_s = plot_seconds(expect->from_ns), to_s = plot_seconds(expect->to_ns), factor;
	bool is_share = expect->kind == EXPECT_SHARE;

	if ((!is_share && expect->kind != EXPECT_LEVEL) || (expect->is_model && !model))
		return false;
	*ret_column = plot_column(side, expect->measure, &factor);
	if (is_share)
		factor = side->capacity;
	if (factor <= 0)
		return false;
	/* The model is a fraction of the capacity, whatever the kind. */
	double center = expect->is_model ? model_mean(model, expect->tenant, from_s, to_s) : expect->value;
	double scale = expect->is_model ? side->capacity : factor;
	if (isfinite(center)) {
		double within = expect->within_model                  ? derived(side, expect) * factor
				: is_share || expect->within_absolute ? expect->within * factor
								      : fabs(center) * scale * expect->within;
		if (isnan(within))
			return false;
		*ret_low = center * scale - within;
		*ret_high = center * scale + within;
		return true;
	}
	*ret_low = is_share ? (double)NAN : expect->at_least * factor;
	*ret_high = is_share ? (double)NAN : expect->at_most * factor;
	return !isnan(*ret_low) || !isnan(*ret_high);
}

static void add_bound(struct buf *out, double value)
{
	if (isnan(value))
		buf_adds(out, " none");
	else {
		buf_adds(out, " ");
		plot_number(out, value);
	}
}

static void add_bands(struct buf *out, const struct plot_side *side)
{
	for (size_t i = 0; i < side->scenario->expect_count; i++) {
		const struct expect_spec *expect = &side->scenario->expects[i];
		const char *column;
		double low, high;
		const struct judgement *judgement = side->input->judgement;
		if (judgement && i < judgement->count &&
			judgement->findings[i].verdict == VERDICT_NOT_APPLICABLE)
			continue;
		if (expect->to_ns <= expect->from_ns || !passing(side, expect, &column, &low, &high))
			continue;
		buf_addf(out, "%u ", side->first + expect->tenant);
		plot_number(out, plot_seconds(expect->from_ns));
		buf_adds(out, " ");
		plot_number(out, plot_seconds(expect->to_ns));
		add_bound(out, low);
		add_bound(out, high);
		buf_addf(out, " %s\n", column);
	}
}

bool plot_add_expected(struct buf *out, const struct plot_figure *figure)
{
	bool any = false;

	buf_adds(out, "# per line: from, to, what the model expects\n$expected << EOD\n");
	for (size_t s = 0; s < figure->side_count; s++) {
		const struct plot_side *side = &figure->sides[s];
		for (unsigned t = 0; t < side->scenario->tenant_count; t++) {
			any |= add_model(out, side, t);
			/* A block must not be empty: gnuplot would count the next line's as this one's. */
			buf_adds(out, "-1 -1 -1\n\n\n");
		}
	}
	buf_adds(out,
		"EOD\n# line, from, to, lowest and highest value that passes (none: no such bound), column\n$bands << EOD\n");
	for (size_t s = 0; s < figure->side_count; s++)
		add_bands(out, &figure->sides[s]);
	buf_adds(out, "EOD\n");
	return any;
}

/* ---- limits over time -------------------------------------------------------------------------------------------- */

/* One limit of one tenant, from its first value to the end of the run. */
struct steps {
	struct buf *out;
	unsigned line;
	enum limit_id limit;
	double since_s;
	uint64_t value;
	bool known;
};

static void close_step(struct steps *steps, double to_s)
{
	if (!steps->known || steps->value == LIMIT_UNLIMITED || to_s <= steps->since_s)
		return;
	buf_addf(steps->out, "%u ", steps->line);
	plot_number(steps->out, steps->since_s);
	buf_adds(steps->out, " ");
	plot_number(steps->out, to_s);
	buf_adds(steps->out, " ");
	plot_number(steps->out, (double)steps->value * plot_limit_factor(steps->limit));
	buf_addf(steps->out, " %s\n", limit_spec(steps->limit)->name);
}

static void change(struct steps *steps, double at_s, uint64_t value)
{
	if (steps->known && steps->value == value)
		return;
	close_step(steps, at_s);
	steps->since_s = at_s;
	steps->value = value;
	steps->known = true;
}

static bool initial(const struct tenant_spec *tenant, enum limit_id limit, uint64_t *ret_value)
{
	const struct limit_setting *said = scenario_setting(tenant->limits, tenant->limit_count, limit);

	if (said)
		*ret_value = said->value;
	return said;
}

/* The kernel's own word, at the time when it was read. */
static void add_recorded(struct steps *steps, const struct plot_side *side, const struct tenant_spec *tenant)
{
	for (size_t i = 0; i < side->input->events->count; i++) {
		const struct event_record *record = &side->input->events->records[i];
		if (record->limit != steps->limit || !record->has_read_back || !record->tenant ||
			strcmp(record->tenant, tenant->name) != 0)
			continue;
		change(steps, fmax(0, isnan(record->end_s) ? record->asked_s : record->end_s),
			record->read_back);
	}
}

static void add_declared(struct steps *steps, const struct plot_side *side, unsigned t)
{
	const struct scenario *scenario = side->scenario;

	for (size_t i = 0; i < scenario->event_count; i++) {
		const struct event_spec *event = &scenario->events[i];
		if (!(event->tenants & UINT32_C(1) << t))
			continue;
		const struct limit_setting *set =
			scenario_setting(event->settings, event->setting_count, steps->limit);
		if (set)
			change(steps, plot_seconds(event->at_ns), set->value);
		uint64_t value = LIMIT_UNLIMITED;
		if (event->kind == EVENT_RESET &&
			(event->limit == steps->limit || event->limit == LIMIT_COUNT)) {
			(void)initial(&scenario->tenants[t], steps->limit, &value);
			change(steps, plot_seconds(event->at_ns), value);
		}
	}
}

static void add_limit(struct buf *out, const struct plot_side *side, unsigned t, enum limit_id limit)
{
	const struct tenant_spec *tenant = &side->scenario->tenants[t];
	struct steps steps = {.out = out, .line = side->first + t, .limit = limit};

	steps.known = initial(tenant, limit, &steps.value);
	if (side->input->events && side->input->events->count)
		add_recorded(&steps, side, tenant);
	else
		add_declared(&steps, side, t);
	close_step(&steps, plot_seconds(side->scenario->duration_ns));
}

void plot_add_limits(struct buf *out, const struct plot_figure *figure)
{
	buf_adds(out, "# limits as they were read back: line, from, to, value, limit\n$limits << EOD\n");
	for (size_t s = 0; s < figure->side_count; s++) {
		for (unsigned t = 0; t < figure->sides[s].scenario->tenant_count; t++) {
			for (int limit = 0; limit < LIMIT_COUNT; limit++)
				add_limit(out, &figure->sides[s], t, (enum limit_id)limit);
		}
	}
	buf_adds(out, "EOD\n");
}

bool plot_has_limit(const struct plot_figure *figure, enum limit_id limit)
{
	AUTO(buf) struct buf text = BUF_INIT;

	for (size_t s = 0; s < figure->side_count; s++) {
		for (unsigned t = 0; t < figure->sides[s].scenario->tenant_count; t++)
			add_limit(&text, &figure->sides[s], t, limit);
	}
	return text.length > 0;
}

/* ---- when it was scarce ------------------------------------------------------------------------------------------ */

/* When an event took effect: as recorded, else as declared. */
static double effect_s(const struct plot_side *side, const struct event_spec *event)
{
	double at_s = plot_seconds(event->at_ns);
	const struct event_log *log = side->input->events;

	for (size_t i = 0; log && i < log->count; i++) {
		const struct event_record *record = &log->records[i];
		if (record->event && strcmp(record->event, event_kind_name(event->kind)) == 0 &&
			fabs(record->asked_s - at_s) < 1e-3 && isfinite(record->end_s))
			return record->end_s;
	}
	return at_s;
}

static void add_span(struct buf *out, size_t side, double from_s, double to_s)
{
	if (to_s <= from_s)
		return;
	buf_addf(out, "%zu ", side);
	plot_number(out, from_s);
	buf_adds(out, " ");
	plot_number(out, to_s);
	buf_adds(out, "\n");
}

static void add_side_spans(struct buf *out, const struct plot_figure *figure, size_t s)
{
	const struct plot_side *side = &figure->sides[s];
	const struct scenario *scenario = side->scenario;
	bool scarce = scenario->memory.declared && scenario->memory.from_start;
	double since_s = 0;

	for (size_t i = 0; i < scenario->event_count; i++) {
		const struct event_spec *event = &scenario->events[i];
		bool begins = event->kind == EVENT_SCARCE;
		if ((!begins && event->kind != EVENT_PLENTY) || event->resource != figure->resource ||
			begins == scarce || !plot_event_happened(event, side->input->events))
			continue;
		if (scarce)
			add_span(out, s + 1, since_s, effect_s(side, event));
		since_s = effect_s(side, event);
		scarce = begins;
	}
	if (scarce)
		add_span(out, s + 1, since_s, plot_seconds(scenario->duration_ns));
}

void plot_add_spans(struct buf *out, const struct plot_figure *figure)
{
	buf_adds(out, "# while it is scarce: side, from, to\n$spans << EOD\n");
	for (size_t s = 0; s < figure->side_count; s++)
		add_side_spans(out, figure, s);
	buf_adds(out, "EOD\n");
}

bool plot_has_span(const struct plot_figure *figure)
{
	AUTO(buf) struct buf text = BUF_INIT;

	for (size_t s = 0; s < figure->side_count; s++)
		add_side_spans(&text, figure, s);
	return text.length > 0;
}
