/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cmd/kernels_watch.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/buf.h"
#include "glue/json.h"

char *kernels_watch_duration_text(double seconds)
{
	if (seconds < 100)
		return xasprintf("about %.0f s", ceil(seconds / 10) * 10);
	if (seconds < 7200)
		return xasprintf("about %.0f min", ceil(seconds / 60));
	return xasprintf("about %.1f h", seconds / 3600);
}

static bool is_json(const struct kernels_watch *watch)
{
	return watch->mode == PROGRESS_JSON;
}

static void print_json(json_t *object)
{
	AUTO(json) json_t *owned = object;
	AUTO(free_ptr) char *line = json_line(owned);

	(void)puts(line);
	(void)fflush(stdout);
}

static struct progress *progress_of(struct kernels_watch *watch)
{
	if (!watch->progress && !is_json(watch))
		watch->progress = progress_new(watch->mode, stdout);
	return watch->progress;
}

static void end_progress(struct kernels_watch *watch)
{
	progress_free(watch->progress);
	watch->progress = NULL;
}

static void on_boot(void *context, size_t place, const struct drive_run *runs, size_t count)
{
	struct kernels_watch *watch = context;
	const struct batch *batch = watch->batch;
	AUTO(buf) struct buf names = BUF_INIT;
	AUTO(free_ptr) char *where = batch_place_name(&batch->places[place]);
	double left_s = watch->expected_s ? batch_seconds_left(batch, watch->expected_s) : (double)NAN;

	for (size_t i = 0; i < count && (!i || runs[i].scenario != runs[0].scenario); i++)
		buf_addf(&names, "%s%s", i ? ", " : "", batch->scenarios[runs[i].scenario].name);
	if (is_json(watch)) {
		print_json(json_pack("{s:s, s:o, s:o, s:I, s:o, s:o}", "type", "boot", "kernel",
			json_text(batch->places[place].release), "cgroup",
			json_text(batch->places[place].cgroup), "round", (json_int_t)runs[0].round,
			"scenarios", json_text(names.data), "seconds_left", json_number_or_null(left_s)));
		return;
	}
	if (watch->mode == PROGRESS_QUIET)
		return;
	(void)printf("\n%s: %s", where, names.data);
	if (batch->rounds > 1 && !batch->until_decided)
		(void)printf("; round %u of %u", runs[0].round + 1, batch->rounds);
	if (!isnan(left_s)) {
		AUTO(free_ptr) char *left = kernels_watch_duration_text(left_s);
		(void)printf("; %s left", left);
	}
	(void)printf("\n");
	(void)fflush(stdout);
}

static void on_stage(void *context, const char *text)
{
	struct kernels_watch *watch = context;

	if (is_json(watch))
		print_json(json_pack("{s:s, s:o}", "type", "stage", "text", json_text(text)));
	else
		progress_phase(progress_of(watch), "lab host", text);
}

/* {"type":"tick","t_s":..,"duration_s":..,"vcpu_pct":{"blue":33.1}} */
static void relay_tick(struct kernels_watch *watch, json_t *line)
{
	const char *names[SCENARIO_MAX_TENANTS], *series, *name;
	double values[SCENARIO_MAX_TENANTS];
	json_t *member, *value;

	json_object_foreach(line, series, member)
	{
		struct run_tick tick = {.t_s = json_number_value(json_object_get(line, "t_s")),
			.duration_s = json_number_value(json_object_get(line, "duration_s")),
			.series = series,
			.unit = strstr(series, "mbit")        ? "Mbit/s"
				: strstr(series, "mib_per_s") ? "MiB/s"
				: strstr(series, "mib")       ? "MiB"
							      : "%",
			.names = names,
			.values = values};
		if (!json_is_object(member))
			continue;
		json_object_foreach(member, name, value)
		{
			if (tick.count == SCENARIO_MAX_TENANTS)
				break;
			names[tick.count] = name;
			values[tick.count++] = json_is_number(value) ? json_number_value(value) : (double)NAN;
		}
		progress_total(progress_of(watch), tick.duration_s);
		progress_tick(progress_of(watch), &tick);
		return;
	}
}

static void relay_result(struct kernels_watch *watch, const json_t *line)
{
	const char *verdict = json_string_value(json_object_get(line, "verdict"));
	const char *detail = json_string_value(json_object_get(line, "detail"));
	const char *run = json_string_value(json_object_get(line, "run"));
	AUTO(free_ptr) char *place = run ? xstrdup(run) : NULL;
	char *last = place ? strrchr(place, '/') : NULL;

	/* OUT/SCENARIO/TIME: the name stands before the time. */
	if (last)
		*last = '\0';
	char *name = place ? strrchr(place, '/') : NULL;
	AUTO(free_ptr)
	char *words = xasprintf(
		"%s%s%s", name ? name + 1 : "", detail && *detail && name ? ": " : "", detail ? detail : "");
	const struct progress_outcome outcome = {.verdict = verdict ? verdict : "?", .detail = words};
	progress_done(progress_of(watch), &outcome);
	end_progress(watch);
}

static void on_line(void *context, const char *text, bool from_stderr)
{
	struct kernels_watch *watch = context;

	if (from_stderr) {
		if (is_json(watch))
			print_json(json_pack("{s:s, s:o}", "type", "warning", "text", json_text(text)));
		else
			progress_warn(progress_of(watch), text);
		return;
	}
	AUTO(json) json_t *line = json_loads(text, 0, NULL);
	const char *type = json_string_value(json_object_get(line, "type"));
	const char *said = json_string_value(json_object_get(line, "text"));
	if (!type)
		return;
	if (is_json(watch)) {
		/* What was judged is told from the files that came out. */
		if (strcmp(type, "result") != 0 && strcmp(type, "batch") != 0)
			print_json(json_incref(line));
		return;
	}
	if (!strcmp(type, "phase")) {
		const char *phase = json_string_value(json_object_get(line, "phase"));
		const char *detail = json_string_value(json_object_get(line, "detail"));
		progress_phase(progress_of(watch), phase ? phase : "", detail ? detail : "");
	} else if (!strcmp(type, "tick")) {
		relay_tick(watch, line);
	} else if (!strcmp(type, "event")) {
		progress_event(progress_of(watch), json_number_value(json_object_get(line, "t_s")),
			said ? said : "");
	} else if (!strcmp(type, "warning")) {
		progress_warn(progress_of(watch), said ? said : "");
	} else if (!strcmp(type, "result")) {
		relay_result(watch, line);
	}
}

static void on_recorded(void *context, size_t index)
{
	struct kernels_watch *watch = context;
	const struct batch_run *run = &watch->batch->runs[index];
	const struct batch_scenario *about = &watch->batch->scenarios[run->scenario];
	const struct batch_place *place = &watch->batch->places[about->place];

	end_progress(watch);
	if (is_json(watch)) {
		print_json(json_pack("{s:s, s:o, s:o, s:o, s:I, s:s, s:i, s:o, s:o, s:o}", "type", "run",
			"scenario", json_text(about->name), "kernel", json_text(place->release), "cgroup",
			json_text(place->cgroup), "round", (json_int_t)run->round, "outcome",
			batch_outcome_name(run->outcome), "exit_code", run->exit_code, "run",
			run->run_dir ? json_text(run->run_dir) : json_null(), "seconds",
			json_number_or_null(run->seconds), "trouble",
			run->trouble ? json_text(run->trouble) : json_null()));
		return;
	}
	if (run->trouble)
		(void)fprintf(stderr, "limitlab: %s on %s with cgroup %s: %s\n", about->name, place->release,
			place->cgroup, run->trouble);
	if (run->run_dir && watch->mode != PROGRESS_QUIET)
		(void)printf("%s\n", run->run_dir);
	(void)fflush(stdout);
}

static void on_booted(void *context, size_t index)
{
	struct kernels_watch *watch = context;
	const struct batch_boot *boot = &watch->batch->boots[index];

	end_progress(watch);
	if (is_json(watch))
		print_json(json_pack("{s:s, s:s, s:b, s:o, s:o, s:f, s:f}", "type", "lab host", "how",
			boot->how, "died", boot->died, "text", json_text(boot->text), "console",
			json_text(boot->console), "up_s", boot->up_s, "seconds", boot->seconds));
	else if (boot->died)
		(void)fprintf(stderr, "limitlab: the lab host died (%s): %s; console: %s\n", boot->how,
			boot->text, boot->console);
}

void kernels_watch_init(struct kernels_watch *watch, enum progress_mode mode, const struct batch *batch,
	const double *expected_s)
{
	*watch = (struct kernels_watch){
		.mode = mode,
		.batch = batch,
		.expected_s = expected_s,
		.observer = {.boot = on_boot,
			.stage = on_stage,
			.line = on_line,
			.recorded = on_recorded,
			.booted = on_booted,
			.context = watch},
	};
}

void kernels_watch_release(struct kernels_watch *watch)
{
	end_progress(watch);
}
