/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One JSON object per line. */
#include "cmd/progress_private.h"

#include <stdlib.h>

#include "glue/json.h"

/* Takes the object over. */
static void add(struct progress *progress, json_t *taken)
{
	AUTO(json) json_t *object = taken;
	char utc[32];

	progress->look.utc(utc, sizeof(utc));
	(void)json_object_set_new(object, "time", json_string(utc));
	AUTO(free_ptr) char *line = json_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(9));
	if (!line)
		BUG("jansson cannot write a progress line");
	buf_adds(&progress->pending, line);
	buf_adds(&progress->pending, "\n");
}

static void phase_begin(struct progress *progress)
{
	add(progress, json_pack("{s:s, s:o, s:o}", "type", "phase", "phase", json_text(progress->phase),
			      "detail", json_text(progress->detail)));
}

static void phase_end(struct progress *progress)
{
	add(progress, json_pack("{s:s, s:o, s:f}", "type", "phase-end", "phase", json_text(progress->phase),
			      "seconds", progress_phase_seconds(progress)));
}

static void tick(struct progress *progress)
{
	json_t *values = json_object();

	for (size_t i = 0; i < progress->value_count; i++) {
		AUTO(json) json_t *name = json_text(progress->values[i].name);
		(void)json_object_set_new(
			values, json_string_value(name), json_number_or_null(progress->values[i].value));
	}
	add(progress,
		json_pack("{s:s, s:o, s:o, s:o}", "type", "tick", "t_s", json_number_or_null(progress->t_s),
			"duration_s", json_number_or_null(progress->duration_s), progress->series, values));
}

static void event(struct progress *progress, double t_s, const char *text)
{
	add(progress, json_pack("{s:s, s:o, s:o}", "type", "event", "t_s", json_number_or_null(t_s), "text",
			      json_text(text)));
}

static void say(struct progress *progress, const char *kind, const char *text)
{
	add(progress, json_pack("{s:s, s:o}", "type", kind, "text", json_text(text)));
}

/* Each object is as in verdict.json. */
static json_t *findings(const char *judgement)
{
	if (!judgement)
		return json_array();
	AUTO(json) json_t *judged = json_loads(judgement, 0, NULL);
	json_t *list = json_object_get(judged, "expectations");
	if (!list)
		BUG("a judgement that is no JSON: %s", judgement);
	return json_incref(list);
}

static void done(struct progress *progress, const struct progress_outcome *outcome)
{
	add(progress,
		json_pack("{s:s, s:s, s:i, s:o, s:o, s:o}", "type", "result", "verdict", outcome->verdict,
			"exit_code", outcome->exit_code, "detail", json_text(outcome->detail), "run",
			outcome->run ? json_text(outcome->run) : json_null(), "findings",
			findings(outcome->judgement)));
}

const struct progress_ops progress_json = {
	.phase_begin = phase_begin,
	.phase_end = phase_end,
	.tick = tick,
	.event = event,
	.say = say,
	.done = done,
};
