/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Hard limits of disk IO that the VM's own QEMU enforces (libvirt: virDomainSetBlockIoTune).  The read-back comes from QEMU
 * itself: for a running VM libvirt asks it each time (query-block).  0 is "no limit" there.
 */
#include <stdio.h>
#include <stdlib.h>

#include "applier/disk_internal.h"
#include "base/auto.h"
#include "glue/libvirt.h"

/* Reads and writes of one kind are set together: libvirt takes what is not given for "no limit". */
struct tune {
	const char *parameter, *other;
};

static int tune_probe(struct target *target, const struct applier_ops *ops, struct err *err)
{
	(void)ops;
	return disk_need_binding(target, err) || target_need_domain(target, err) ? -1 : 0;
}

/* 0 for no limit, as libvirt says it. */
static int ask(struct target *target, const char *parameter, unsigned long long *ret_value, struct err *err)
{
	const char *disk = target->disk->guest_target;
	int count = 0;

	if (virDomainGetBlockIoTune(target->domain, disk, NULL, &count, VIR_DOMAIN_AFFECT_LIVE) < 0)
		return err_libvirt(err, "libvirt counts no limits of the disk '%s'", disk);
	AUTO(vir_params) struct vir_params list = {.items = calloc((size_t)count, sizeof(virTypedParameter))};
	if (!list.items ||
		virDomainGetBlockIoTune(target->domain, disk, list.items, &count, VIR_DOMAIN_AFFECT_LIVE) < 0)
		return err_libvirt(err, "libvirt does not tell the limits of the disk '%s'", disk);
	list.count = count;
	if (virTypedParamsGetULLong(list.items, count, parameter, ret_value) != 1)
		return err_run(err, "libvirt has no %s", parameter);
	return 0;
}

static int tune_get(
	struct target *target, const struct applier_ops *ops, uint64_t *ret_value, struct err *err)
{
	const struct tune *tune = ops->row;
	unsigned long long value = 0;

	if (tune_probe(target, ops, err) || ask(target, tune->parameter, &value, err))
		return -1;
	(void)snprintf(
		target->where, sizeof(target->where), "QEMU's throttle of '%s'", target->disk->guest_target);
	*ret_value = value ? value : LIMIT_UNLIMITED;
	return 0;
}

static int tune_set(struct target *target, const struct applier_ops *ops, uint64_t value, struct err *err)
{
	const struct tune *tune = ops->row;
	AUTO(vir_params) struct vir_params list = {0};
	unsigned long long other = 0;

	if (tune_probe(target, ops, err) || ask(target, tune->other, &other, err))
		return -1;
	if (virTypedParamsAddULLong(&list.items, &list.count, &list.capacity, tune->parameter,
		    value == LIMIT_UNLIMITED ? 0 : value) < 0 ||
		virTypedParamsAddULLong(&list.items, &list.count, &list.capacity, tune->other, other) < 0)
		return err_libvirt(err, "libvirt does not take %s", tune->parameter);
	if (virDomainSetBlockIoTune(target->domain, target->disk->guest_target, list.items, list.count,
		    VIR_DOMAIN_AFFECT_LIVE) < 0)
		return err_libvirt(err, "libvirt refused %s", tune->parameter);
	return 0;
}

#define TUNE(name, id, libvirt_parameter, libvirt_other)                                                     \
	static const struct tune name = {libvirt_parameter, libvirt_other};                                  \
	const struct applier_ops applier_disk_##name = {                                                     \
		.limit = id,                                                                                 \
		.controller = CGROUP_CONTROLLER_COUNT,                                                       \
		.row = &name,                                                                                \
		.set = tune_set,                                                                             \
		.get = tune_get,                                                                             \
		.probe = tune_probe,                                                                         \
	}

TUNE(qemu_read_bytes, LIMIT_DISK_QEMU_READ_BYTES, VIR_DOMAIN_BLOCK_IOTUNE_READ_BYTES_SEC,
	VIR_DOMAIN_BLOCK_IOTUNE_WRITE_BYTES_SEC);
TUNE(qemu_write_bytes, LIMIT_DISK_QEMU_WRITE_BYTES, VIR_DOMAIN_BLOCK_IOTUNE_WRITE_BYTES_SEC,
	VIR_DOMAIN_BLOCK_IOTUNE_READ_BYTES_SEC);
TUNE(qemu_read_iops, LIMIT_DISK_QEMU_READ_IOPS, VIR_DOMAIN_BLOCK_IOTUNE_READ_IOPS_SEC,
	VIR_DOMAIN_BLOCK_IOTUNE_WRITE_IOPS_SEC);
TUNE(qemu_write_iops, LIMIT_DISK_QEMU_WRITE_IOPS, VIR_DOMAIN_BLOCK_IOTUNE_WRITE_IOPS_SEC,
	VIR_DOMAIN_BLOCK_IOTUNE_READ_IOPS_SEC);
