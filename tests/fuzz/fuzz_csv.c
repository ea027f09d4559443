/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The readers of a run directory's files: whatever is in them, an error or a value, and nothing else. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "series/rundir.h"
#include "series/table.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err err = ERR_INIT;
	struct table table = {0};
	struct event_log log = {0};
	struct manifest manifest = {0};

	if (!size)
		return 0;
	const char *text = (const char *)data + 1;
	int result = 0;
	switch (data[0] % 3) {
	case 0:
		result = table_parse_csv(&table, "table", text, size - 1, &err);
		break;
	case 1:
		result = event_log_parse_csv(&log, "events", text, size - 1, &err);
		break;
	default:
		result = manifest_parse(&manifest, "manifest", text, size - 1, &err);
	}
	/* Failing without a reason, or having one without failing, is a bug. */
	if ((result != 0) != err_is_set(&err))
		abort();
	table_release(&table);
	event_log_release(&log);
	manifest_release(&manifest);
	return 0;
}
