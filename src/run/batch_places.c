/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/buf.h"
#include "glue/json.h"
#include "run/batch_file.h"

/* Before anything is known: power-on to the first run, and what follows the last one. */
#define BOOT_DEFAULT_S 40.0
#define END_S          5.0
#define PLACES_MAX     1000

char *batch_place_name(const struct batch_place *place)
{
	return xasprintf("%s %s", place->release, place->cgroup);
}

void batch_places_copy(struct batch *batch, const struct batch_options *options)
{
	batch->attempts = options->attempts;
	batch->append = options->append ? xstrdup(options->append) : NULL;
	batch->places = xcalloc(options->place_count + 1, sizeof(*batch->places));
	batch->place_count = options->place_count;
	for (size_t i = 0; i < options->place_count; i++)
		batch->places[i] = (struct batch_place){
			.kernel = xstrdup(options->places[i].kernel),
			.release = xstrdup(options->places[i].release),
			.cgroup = xstrdup(options->places[i].cgroup),
		};
}

void batch_places_free(struct batch *batch)
{
	for (size_t i = 0; i < batch->place_count; i++) {
		free(batch->places[i].kernel);
		free(batch->places[i].release);
		free(batch->places[i].cgroup);
	}
	for (size_t i = 0; i < batch->boot_count; i++) {
		free(batch->boots[i].how);
		free(batch->boots[i].text);
		free(batch->boots[i].console);
	}
	free(batch->places);
	free(batch->boots);
	free(batch->append);
}

static void add_boot(struct batch *batch, const struct batch_boot *boot)
{
	batch->boots = xgrow(batch->boots, batch->boot_count, &batch->boot_capacity, sizeof(*batch->boots));
	struct batch_boot *copy = &batch->boots[batch->boot_count++];
	*copy = *boot;
	copy->how = xstrdup(boot->how);
	copy->text = xstrdup(boot->text);
	copy->console = xstrdup(boot->console);
}

int batch_record_boot(struct batch *batch, const struct batch_boot *boot, struct err *err)
{
	add_boot(batch, boot);
	return batch->path ? batch_file_write(batch, err) : 0;
}

size_t batch_deaths(const struct batch *batch, size_t scenario, unsigned round)
{
	size_t deaths = 0;

	for (size_t i = 0; i < batch->boot_count; i++) {
		const struct batch_boot *boot = &batch->boots[i];
		deaths += boot->died && boot->round == round &&
			  boot->place == batch->scenarios[scenario].place &&
			  (boot->scenario < 0 || boot->scenario == (long)scenario);
	}
	return deaths;
}

/* ---- how long it takes ------------------------------------------------------------------------------------------- */

/* Mean of what runs took: in the same place, else anywhere; NAN: none was judged. */
static double mean_seconds(const struct batch *batch, size_t scenario, bool anywhere)
{
	double sum = 0, count = 0;

	for (size_t i = 0; i < batch->run_count; i++) {
		const struct batch_run *run = &batch->runs[i];
		bool same = run->scenario == scenario ||
			    (anywhere && !strcmp(batch->scenarios[run->scenario].path,
						 batch->scenarios[scenario].path));
		if (!same || run->outcome == BATCH_BROKEN || !(run->seconds > 0))
			continue;
		sum += run->seconds;
		count++;
	}
	return count > 0 ? sum / count : (double)NAN;
}

static double mean_boot(const struct batch *batch)
{
	double sum = 0, count = 0;

	for (size_t i = 0; i < batch->boot_count; i++) {
		if (!(batch->boots[i].up_s > 0))
			continue;
		sum += batch->boots[i].up_s;
		count++;
	}
	return (count > 0 ? sum / count : BOOT_DEFAULT_S) + END_S;
}

/* Rounds in which it is still to be run; of one that ends when it is decided the least. */
static unsigned rounds_left(const struct batch *batch, size_t scenario)
{
	unsigned done = 0, least = (unsigned)sequential_least_passes();
	const struct batch_scenario *about = &batch->scenarios[scenario];

	if (about->skipped || about->decision != DECISION_OPEN)
		return 0;
	for (size_t i = 0; i < batch->run_count; i++)
		done += batch->runs[i].scenario == scenario && batch->runs[i].exit_code < 128;
	unsigned left = batch->rounds > done ? batch->rounds - done : 0;
	if (!batch->until_decided || !left)
		return left;
	unsigned wanted = least > about->counts[BATCH_PASS] ? least - (unsigned)about->counts[BATCH_PASS] : 1;
	return wanted < left ? wanted : left;
}

double batch_seconds_left(const struct batch *batch, const double *expected_s)
{
	double left_s = 0, boot_s = mean_boot(batch);

	for (size_t place = 0; place < (batch->place_count ? batch->place_count : 1); place++) {
		unsigned boots = 0;
		for (size_t i = 0; i < batch->scenario_count; i++) {
			if (batch->scenarios[i].place != place)
				continue;
			unsigned rounds = rounds_left(batch, i);
			double each_s = mean_seconds(batch, i, false);
			if (isnan(each_s))
				each_s = mean_seconds(batch, i, true);
			left_s += rounds * (isnan(each_s) ? expected_s[i] : each_s);
			boots = rounds > boots ? rounds : boots;
		}
		left_s += batch->place_count ? boots * boot_s : 0;
	}
	return left_s;
}

/* ---- the file ---------------------------------------------------------------------------------------------------- */

void batch_places_pack(const struct batch *batch, json_t *file)
{
	json_t *places = json_array(), *boots = json_array();

	for (size_t i = 0; i < batch->place_count; i++)
		(void)json_array_append_new(
			places, json_pack("{s:o, s:o, s:o}", "kernel", json_text(batch->places[i].kernel),
					"release", json_text(batch->places[i].release), "cgroup",
					json_text(batch->places[i].cgroup)));
	for (size_t i = 0; i < batch->boot_count; i++) {
		const struct batch_boot *boot = &batch->boots[i];
		(void)json_array_append_new(boots,
			json_pack("{s:I, s:I, s:b, s:I, s:o, s:o, s:o, s:f, s:f}", "place",
				(json_int_t)boot->place, "round", (json_int_t)boot->round, "died", boot->died,
				"scenario", (json_int_t)boot->scenario, "how", json_text(boot->how), "text",
				json_text(boot->text), "console", json_text(boot->console), "up_s",
				boot->up_s, "seconds", boot->seconds));
	}
	json_put(file, "places", places);
	json_put(file, "boots", boots);
	json_put(file, "attempts", json_integer(batch->attempts));
	if (batch->append)
		json_put(file, "append", json_text(batch->append));
}

static int read_places(struct batch *batch, const json_t *list, struct err *err)
{
	size_t count = json_array_size(list);

	if (count > PLACES_MAX)
		return err_input(err, "it has more than %d places", PLACES_MAX);
	batch->places = xcalloc(count + 1, sizeof(*batch->places));
	for (size_t i = 0; i < count; i++) {
		const json_t *item = json_array_get(list, i);
		const char *kernel = json_string_value(json_object_get(item, "kernel"));
		const char *release = json_string_value(json_object_get(item, "release"));
		const char *cgroup = json_string_value(json_object_get(item, "cgroup"));
		if (!kernel || !release || !cgroup)
			return err_input(err, "a place lacks kernel, release or cgroup");
		batch->places[batch->place_count++] = (struct batch_place){
			.kernel = xstrdup(kernel), .release = xstrdup(release), .cgroup = xstrdup(cgroup)};
	}
	return 0;
}

static int read_boot(struct batch *batch, const json_t *item, struct err *err)
{
	const json_t *place = json_object_get(item, "place"), *round = json_object_get(item, "round");
	const json_t *scenario = json_object_get(item, "scenario");
	const char *how = json_string_value(json_object_get(item, "how"));
	const char *text = json_string_value(json_object_get(item, "text"));
	const char *console = json_string_value(json_object_get(item, "console"));

	if (!how || !text || !console || !json_is_integer(place) || json_integer_value(place) < 0 ||
		(size_t)json_integer_value(place) >= batch->place_count || !json_is_integer(round) ||
		json_integer_value(round) < 0 || !json_is_integer(scenario) ||
		json_integer_value(scenario) < -1)
		return err_input(err, "a boot lacks place, round, scenario, how, text or console");
	const struct batch_boot boot = {
		.place = (size_t)json_integer_value(place),
		.round = (unsigned)json_integer_value(round),
		.died = json_is_true(json_object_get(item, "died")),
		.scenario = (long)json_integer_value(scenario),
		.how = (char *)how,
		.text = (char *)text,
		.console = (char *)console,
		.up_s = json_number_value(json_object_get(item, "up_s")),
		.seconds = json_number_value(json_object_get(item, "seconds")),
	};
	add_boot(batch, &boot);
	return 0;
}

int batch_places_read(struct batch *batch, const json_t *file, struct err *err)
{
	const json_t *boots = json_object_get(file, "boots"), *attempts = json_object_get(file, "attempts");
	const char *append = json_string_value(json_object_get(file, "append"));

	if (read_places(batch, json_object_get(file, "places"), err))
		return -1;
	if (batch->place_count && (!json_is_integer(attempts) || json_integer_value(attempts) < 1 ||
					  json_integer_value(attempts) > PLACES_MAX))
		return err_input(err, "it lacks attempts");
	batch->attempts = batch->place_count ? (unsigned)json_integer_value(attempts) : 0;
	batch->append = append ? xstrdup(append) : NULL;
	for (size_t i = 0; i < json_array_size(boots); i++)
		if (read_boot(batch, json_array_get(boots, i), err))
			return -1;
	return 0;
}
