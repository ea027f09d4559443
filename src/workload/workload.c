/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "workload/workload.h"

#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/fsio.h"
#include "workload/tools.h"

/* A job goes through the guest agent in one message. */
enum { JOB_LIMIT_BYTES = 64 << 10 };

const struct workload_ops *const workload_all[] = {
	&workload_stress_ng, &workload_iperf3, &workload_fio, NULL};

const struct workload_ops *workload_find(const char *path)
{
	size_t length = strlen(path);

	for (size_t i = 0; workload_all[i]; i++) {
		size_t suffix = strlen(workload_all[i]->suffix);
		if (length > suffix && strcmp(path + length - suffix, workload_all[i]->suffix) == 0)
			return workload_all[i];
	}
	return NULL;
}

int workload_load(const char *path, const struct workload_ops **ret_ops, char **ret_text, struct err *err)
{
	const struct workload_ops *ops = workload_find(path);
	AUTO(buf) struct buf text = BUF_INIT;

	if (!ops) {
		AUTO(buf) struct buf known = BUF_INIT;
		for (size_t i = 0; workload_all[i]; i++)
			buf_addf(&known, "%s*%s for %s", i ? ", " : "", workload_all[i]->suffix,
				workload_all[i]->name);
		return err_input(
			err, "no tool is known for the workload '%s' (job files: %s)", path, known.data);
	}
	if (!fsio_exists(path))
		return err_input(err, "the workload file '%s' does not exist", path);
	if (fsio_read_file(path, JOB_LIMIT_BYTES, &text, err))
		return -1;
	if (!text.length)
		return err_input(err, "%s:1: the workload file is empty", path);
	if (strlen(text.data) != text.length)
		return err_input(err, "%s:1: the workload file is not a text", path);
	if (ops->check(path, text.data, err))
		return -1;
	*ret_ops = ops;
	*ret_text = buf_steal(&text);
	return 0;
}
