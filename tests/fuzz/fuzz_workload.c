/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Job files and the lines of what they start, of every tool and its other end: first byte: which, and what. */
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "workload/workload.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_job(const struct workload_ops *ops, const char *text)
{
	const struct workload_place place = {.job_path = "job",
		.server_address = "10.0.0.1",
		.server_port = 5201,
		.disk = "/dev/vdb",
		.disk_bytes = 256 << 20,
		.memory_bytes = 192 << 20};
	struct err err = ERR_INIT;
	char **argv = NULL;
	bool repeat;

	/* Failing without a reason, or having one without failing, is a bug. */
	int result = ops->check("job", text, &err);
	if ((result != 0) != err_is_set(&err))
		abort();
	if (result || ops->command(&place, text, &argv, &repeat, &err))
		return;
	if (err_is_set(&err) || !argv[0])
		abort();
	for (size_t i = 0; argv[i]; i++)
		free(argv[i]);
	free(argv);
}

static void read_lines(const struct workload_ops *ops, char *text)
{
	struct workload_stream stream;
	char *line;
	double t_s = 0;

	workload_stream_init(&stream, ops);
	while ((line = strsep(&text, "\n"))) {
		workload_stream_line(&stream, t_s, line);
		t_s += 0.1;
	}
	for (size_t i = 0; i < stream.interval_count; i++) {
		const struct work_interval *interval = &stream.intervals[i];
		if (!(interval->from_s < interval->to_s) || interval->work < 0)
			abort();
	}
	(void)workload_stream_rate(&stream, 0, t_s);
	for (size_t i = 0; i < ops->value_count; i++)
		(void)workload_stream_value(&stream, i, 0, t_s);
	workload_stream_release(&stream);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct workload_ops *ops;
	size_t tools = 0;

	while (workload_all[tools])
		tools++;
	if (!size)
		return 0;
	ops = workload_all[(data[0] >> 2) % tools];
	if ((data[0] & 2) && ops->server)
		ops = ops->server;
	char *text = xstrndup((const char *)data + 1, size - 1);
	if (data[0] & 1)
		read_job(ops, text);
	else
		read_lines(ops, text);
	free(text);
	return 0;
}
