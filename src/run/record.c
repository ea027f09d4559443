/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "applier/cgroup.h"
#include "base/auto.h"
#include "base/cpulist.h"
#include "base/fsio.h"
#include "run/inner.h"
#include "run/state.h"

#define LOG_MAX_BYTES (1024 * 1024)

static void set_text(char **slot, char *text)
{
	free(*slot);
	*slot = text;
}

static int write_stream(const struct inner *inner, const struct member *member, struct err *err)
{
	AUTO(free_ptr)
	char *path = xasprintf("%s/" RUNDIR_LOG "/%s.stream", inner->plan->run_dir, member->spec->name);

	return lines_write(&member->lines, inner->zero_ns, path, err);
}

/* Live, times were relative to a provisional zero; this reads the kept lines again with the real one. */
static void reread_stream(struct inner *inner, struct member *member)
{
	workload_stream_release(&member->stream);
	workload_stream_init(&member->stream, member->ops);
	for (size_t i = 0; i < member->lines.count; i++)
		workload_stream_line(&member->stream, inner_seconds(inner, member->lines.items[i].at_ns),
			member->lines.items[i].text);
}

/* The largest difference between the tenants' first "@start" lines, of those that the first start event started. */
static double start_skew_ms(const struct inner *inner)
{
	double first = INFINITY, last = -INFINITY;
	uint64_t earliest_ns = UINT64_MAX;

	for (size_t i = 0; i < inner->member_count; i++)
		if (inner->members[i].start_ns && inner->members[i].start_ns < earliest_ns)
			earliest_ns = inner->members[i].start_ns;
	for (size_t i = 0; i < inner->member_count; i++) {
		const struct member *member = &inner->members[i];
		/* One start event writes to all of its tenants within a millisecond. */
		if (!member->start_ns || member->start_ns > earliest_ns + 10000000 || !member->stream.starts)
			continue;
		double at = member->stream.start_times_s[0];
		first = at < first ? at : first;
		last = at > last ? at : last;
	}
	return last >= first ? (last - first) * 1000.0 : NAN;
}

static void describe_member(struct inner *inner, struct member *member, struct manifest_tenant *tenant)
{
	tenant->name = xstrdup(member->spec->name);
	tenant->ready_s = member->ready_s;
	tenant->woken = member->woken;
	tenant->boot = member->boot ? xstrdup(member->boot) : keep_run_name(inner->plan->run_dir);
	tenant->start_latency_ms = NAN;
	if (!member->ops) {
		tenant->workload = xstrdup("");
		tenant->work_unit = xstrdup("");
		tenant->work_source = xstrdup("");
		tenant->trouble = xstrdup("");
		return;
	}
	reread_stream(inner, member);
	const struct workload_stream *stream = &member->stream;
	tenant->workload = xstrdup(fsio_basename(member->spec->workload_path));
	tenant->work_unit = xstrdup(member->ops->work_unit);
	tenant->work_source = xstrdup(member->ops->work_source);
	if (member->start_ns && stream->starts)
		tenant->start_latency_ms =
			(stream->start_times_s[0] - inner_seconds(inner, member->start_ns)) * 1000.0;
	tenant->worked = stream->worked;
	if (stream->trouble)
		tenant->trouble = xstrdup(stream->trouble);
	else if (member->start_ns && !stream->starts)
		tenant->trouble = xstrdup("the workload was asked to start and never said that it did");
	else if (member->start_ns && !tenant->worked)
		tenant->trouble = xstrdup("the workload reported no work at all");
	else
		tenant->trouble = xstrdup("");
}

static int describe(struct inner *inner, struct err *err)
{
	struct manifest *manifest = &inner->manifest;

	set_text(&manifest->acceleration, xstrdup(inner->accel.kvm ? "kvm" : "tcg"));
	set_text(&manifest->acceleration_reason, xstrdup(inner->accel.reason));
	if (inner->host) {
		set_text(&manifest->libvirt_version, xstrdup(vm_host_libvirt_version(inner->host)));
		set_text(&manifest->qemu_version, xstrdup(vm_host_qemu_version(inner->host)));
	}
	manifest->tenant_count = inner->member_count;
	manifest->tenants = xcalloc(inner->member_count, sizeof(*manifest->tenants));
	for (size_t i = 0; i < inner->member_count; i++)
		describe_member(inner, &inner->members[i], &manifest->tenants[i]);
	manifest->start_skew_ms = start_skew_ms(inner);
	AUTO(free_ptr) char *path = rundir_path(inner->plan->run_dir, RUNDIR_MANIFEST);
	return manifest_write(manifest, path, err);
}

/* By declared time, then as they were carried out: jobs of different workers finish in any order. */
static int by_time(const void *a, const void *b)
{
	const struct event_record *left = a, *right = b;

	if (left->asked_s != right->asked_s)
		return left->asked_s < right->asked_s ? -1 : 1;
	return left->start_s < right->start_s ? -1 : left->start_s > right->start_s;
}

int inner_write(struct inner *inner, struct err *err)
{
	AUTO(free_ptr) char *samples = rundir_path(inner->plan->run_dir, RUNDIR_SAMPLES);
	AUTO(free_ptr) char *events = rundir_path(inner->plan->run_dir, RUNDIR_EVENTS);
	int result = 0;

	for (size_t i = 0; i < inner->member_count; i++)
		if (inner->members[i].ops && write_stream(inner, &inner->members[i], err))
			result = -1;
	if (inner->log.count)
		qsort(inner->log.records, inner->log.count, sizeof(*inner->log.records), by_time);
	if (event_log_write_csv(&inner->log, events, err))
		result = -1;
	if (inner->samples.columns && table_write_csv(&inner->samples, samples, err))
		result = -1;
	if (describe(inner, err))
		result = -1;
	return result;
}

static void keep_log(const char *from, const char *run_dir, const char *name, const char *suffix)
{
	AUTO(free_ptr) char *to = xasprintf("%s/" RUNDIR_LOG "/%s%s", run_dir, name, suffix);
	AUTO(buf) struct buf text = BUF_INIT;

	/* They help to find out why a run broke; without them it is not more broken. */
	if (!fsio_exists(from) || fsio_read_file(from, LOG_MAX_BYTES, &text, NULL) || !text.length)
		return;
	(void)fsio_write_atomic(to, text.data, text.length, NULL);
}

void inner_keep_logs(const struct inner *inner)
{
	const struct run_plan *plan = inner->plan;
	AUTO(free_ptr) char *root = state_path("embed/log");
	AUTO(free_ptr) char *libvirt = xasprintf("%s/libvirt.log", root);

	if (!plan->embed)
		return;
	keep_log(libvirt, plan->run_dir, "libvirt", ".log");
	for (size_t i = 0; i < plan->scenario->tenant_count; i++) {
		const char *name = plan->scenario->tenants[i].name;
		AUTO(free_ptr) char *qemu = xasprintf("%s/qemu/limitlab-%s.log", root, name);
		keep_log(qemu, plan->run_dir, name, ".qemu");
	}
}
