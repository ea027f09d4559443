/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cpu.shares, cpu.quota and cpu.period of a whole VM (libvirt: cpu_shares, global_quota, global_period).
 *
 * Kernel files, v1: cpu.shares, cpu.cfs_quota_us (-1: unlimited), cpu.cfs_period_us (scheduler/sched-bwc.rst).
 * v2: cpu.weight and cpu.max "QUOTA|max PERIOD" (cgroup-v2.rst).  libvirt writes cpu_shares unchanged into cpu.weight.
 */
#include "applier/ops.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>

#include "applier/scope.h"
#include "base/auto.h"
#include "base/fsio.h"
#include "glue/libvirt.h"

/* Of cpu.weight: 1..10000 (cgroup-v2.rst); libvirt before 9.1 refuses 1 (its own range is 2..262144 in every mode). */
#define WEIGHT_MIN 2
#define WEIGHT_MAX 10000

struct row {
	const char *parameter; /* libvirt's */
	int type;              /* the sign and width that its documentation gives it */
	const char *v1_file;   /* quota and period are one file on v2 */
};

static const struct row shares = {VIR_DOMAIN_SCHEDULER_CPU_SHARES, VIR_TYPED_PARAM_ULLONG, "cpu.shares"};
static const struct row quota = {
	VIR_DOMAIN_SCHEDULER_GLOBAL_QUOTA, VIR_TYPED_PARAM_LLONG, "cpu.cfs_quota_us"};
static const struct row period = {
	VIR_DOMAIN_SCHEDULER_GLOBAL_PERIOD, VIR_TYPED_PARAM_ULLONG, "cpu.cfs_period_us"};

static bool on_v2(const struct target *target)
{
	return target->cgroup.at[CGROUP_CPU].v2;
}

static int tell_libvirt(struct target *target, const struct row *row, uint64_t value, struct err *err)
{
	const char *name = row->parameter;
	AUTO(vir_params) struct vir_params list = {0};
	int failed;

	if (target_need_domain(target, err))
		return -1;
	if (row->type == VIR_TYPED_PARAM_LLONG) {
		long long number = value == LIMIT_UNLIMITED ? -1 : (long long)value;
		failed = virTypedParamsAddLLong(&list.items, &list.count, &list.capacity, name, number);
	} else {
		failed = virTypedParamsAddULLong(&list.items, &list.count, &list.capacity, name, value);
	}
	if (failed < 0)
		return err_libvirt(err, "libvirt does not take %s", name);
	if (virDomainSetSchedulerParametersFlags(
		    target->domain, list.items, list.count, VIR_DOMAIN_AFFECT_LIVE) < 0)
		return err_libvirt(err, "libvirt refused %s", name);
	return 0;
}

static int cpu_told(
	struct target *target, const struct applier_ops *ops, uint64_t *ret_value, struct err *err)
{
	const struct row *row = ops->row;
	const char *name = row->parameter;
	int count = 0;

	if (target_need_domain(target, err))
		return -1;
	AUTO(free_ptr) char *kind = virDomainGetSchedulerType(target->domain, &count);
	if (!kind)
		return err_libvirt(err, "libvirt names no scheduler parameters");
	AUTO(vir_params) struct vir_params list = {.items = calloc((size_t)count, sizeof(virTypedParameter))};
	if (!list.items || virDomainGetSchedulerParametersFlags(
				   target->domain, list.items, &count, VIR_DOMAIN_AFFECT_LIVE) < 0)
		return err_libvirt(err, "libvirt does not tell its scheduler parameters");
	list.count = count;
	for (int i = 0; i < count; i++) {
		const virTypedParameter *item = &list.items[i];
		if (strcmp(item->field, name) != 0)
			continue;
		if (item->type == VIR_TYPED_PARAM_LLONG)
			*ret_value = item->value.l < 0 ? LIMIT_UNLIMITED : (uint64_t)item->value.l;
		else
			*ret_value = item->value.ul;
		return 0;
	}
	return err_run(err, "libvirt has no parameter %s", name);
}

/* A file that is missing beside a present controller: the kernel was built without it. */
static int probe_file(const char *path, const char *option, struct err *err)
{
	if (fsio_exists(path))
		return 0;
	(void)err_host(err, "'%s' does not exist: the host's kernel was built without %s", path, option);
	return err_remedy(err, "boot a kernel with %s=y", option);
}

static const char *shares_path(struct target *target)
{
	return target_where(
		target, target->cgroup.at[CGROUP_CPU].path, on_v2(target) ? "cpu.weight" : shares.v1_file);
}

static int shares_probe(struct target *target, const struct applier_ops *ops, struct err *err)
{
	(void)ops;
	return probe_file(shares_path(target), "CONFIG_FAIR_GROUP_SCHED", err);
}

static int shares_set(struct target *target, const struct applier_ops *ops, uint64_t value, struct err *err)
{
	if (on_v2(target) && (value < WEIGHT_MIN || value > WEIGHT_MAX)) {
		(void)err_input(err,
			"this host has cgroup v2, where libvirt writes cpu.shares unchanged into cpu.weight, whose "
			"range is %d to %d",
			WEIGHT_MIN, WEIGHT_MAX);
		return err_remedy(err, "only the ratio between VMs counts: scale the shares of all of them");
	}
	struct scope_kept kept;
	scope_keep(target, CGROUP_CPU, &kept);
	return tell_libvirt(target, ops->row, value, err) || scope_put_back(target, &kept, err) ? -1 : 0;
}

static int shares_get(
	struct target *target, const struct applier_ops *ops, uint64_t *ret_value, struct err *err)
{
	(void)ops;
	return fsio_read_u64(AT_FDCWD, shares_path(target), ret_value, err);
}

static const char *bandwidth_path(struct target *target, const struct row *row)
{
	return target_where(
		target, target->cgroup.at[CGROUP_CPU].inner_path, on_v2(target) ? "cpu.max" : row->v1_file);
}

static int read_cpu_max(const char *path, uint64_t *ret_quota_us, uint64_t *ret_period_us, struct err *err)
{
	char text[64];
	char first[24];
	uint64_t period_us;
	char *end;

	if (fsio_read_small(AT_FDCWD, path, text, sizeof(text), err))
		return -1;
	if (sscanf(text, "%23s %" SCNu64, first, &period_us) != 2)
		return err_run(err, "'%s' holds '%s', not a quota and a period", path, text);
	uint64_t quota_us = LIMIT_UNLIMITED;
	if (strcmp(first, "max") != 0) {
		errno = 0;
		quota_us = strtoull(first, &end, 10);
		if (errno || end == first || *end)
			return err_run(err, "'%s' holds '%s', not a quota and a period", path, text);
	}
	*ret_quota_us = quota_us;
	*ret_period_us = period_us;
	return 0;
}

/* The kernel's reason hides behind "Invalid argument". */
static int explain_bandwidth(struct target *target, struct err *err)
{
	if (on_v2(target) || !err || err->domain != ERR_LIBVIRT || !strstr(err->text, strerror(EINVAL)))
		return -1;
	return err_remedy(err,
		"cgroup v1 refuses a quota/period above that of the group around the VM, or below that of one of its "
		"vcpu groups: look at cpu.cfs_quota_us and cpu.cfs_period_us above and below '%s'",
		target->cgroup.at[CGROUP_CPU].inner_path);
}

static int bandwidth_probe(struct target *target, const struct applier_ops *ops, struct err *err)
{
	return probe_file(bandwidth_path(target, ops->row), "CONFIG_CFS_BANDWIDTH", err);
}

static int bandwidth_set(
	struct target *target, const struct applier_ops *ops, uint64_t value, struct err *err)
{
	return tell_libvirt(target, ops->row, value, err) ? explain_bandwidth(target, err) : 0;
}

static int bandwidth_get(
	struct target *target, const struct applier_ops *ops, uint64_t *ret_value, struct err *err)
{
	const char *path = bandwidth_path(target, ops->row);
	uint64_t quota_us, period_us;

	if (!on_v2(target))
		return fsio_read_u64(AT_FDCWD, path, ret_value, err);
	if (read_cpu_max(path, &quota_us, &period_us, err))
		return -1;
	*ret_value = ops->row == &quota ? quota_us : period_us;
	return 0;
}

const struct applier_ops applier_cpu_shares = {
	.limit = LIMIT_CPU_SHARES,
	.controller = CGROUP_CPU,
	.row = &shares,
	.set = shares_set,
	.get = shares_get,
	.probe = shares_probe,
	.told = cpu_told,
};

const struct applier_ops applier_cpu_quota = {
	.limit = LIMIT_CPU_QUOTA,
	.controller = CGROUP_CPU,
	.row = &quota,
	.set = bandwidth_set,
	.get = bandwidth_get,
	.probe = bandwidth_probe,
	.told = cpu_told,
};

const struct applier_ops applier_cpu_period = {
	.limit = LIMIT_CPU_PERIOD,
	.controller = CGROUP_CPU,
	.row = &period,
	.set = bandwidth_set,
	.get = bandwidth_get,
	.probe = bandwidth_probe,
	.told = cpu_told,
};
