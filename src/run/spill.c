/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "run/spill.h"

#include <stdlib.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/clock.h"

/* More than a second has: the lines go out in one write(2). */
#define BUFFER_BYTES (1U << 20)

static FILE *open_file(const char *run_dir, const char *name)
{
	AUTO(free_ptr) char *path = rundir_path(run_dir, name);
	FILE *stream = fopen(path, "we");

	if (stream)
		(void)setvbuf(stream, NULL, _IOFBF, BUFFER_BYTES);
	return stream;
}

void spill_open(struct spill *spill, const char *run_dir, const struct table *samples)
{
	if (!getenv(RUNDIR_SPILL_VARIABLE))
		return;
	spill->samples = open_file(run_dir, RUNDIR_SAMPLES);
	spill->events = open_file(run_dir, RUNDIR_EVENTS);
	if (!spill->samples || !spill->events) {
		spill_close(spill);
		return;
	}
	table_put_header(samples, spill->samples);
	event_log_put_header(spill->events);
}

void spill_more(
	struct spill *spill, const struct table *samples, const struct event_log *log, uint64_t now_ns)
{
	if (!spill->samples || now_ns < spill->due_ns)
		return;
	spill->due_ns = now_ns + NS_PER_S;
	table_put_rows(samples, spill->rows, spill->samples);
	event_log_put_records(log, spill->records, spill->events);
	spill->rows = samples->row_count;
	spill->records = log->count;
	(void)fflush(spill->samples);
	(void)fflush(spill->events);
}

void spill_close(struct spill *spill)
{
	if (spill->samples)
		(void)fclose(spill->samples);
	if (spill->events)
		(void)fclose(spill->events);
	*spill = (struct spill){0};
}
