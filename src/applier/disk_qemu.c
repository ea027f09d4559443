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
static const struct tune {
	enum limit_id limit;
	const char *parameter, *other;
} tunes[] = {
	{LIMIT_DISK_QEMU_READ_BYTES, VIR_DOMAIN_BLOCK_IOTUNE_READ_BYTES_SEC,
		VIR_DOMAIN_BLOCK_IOTUNE_WRITE_BYTES_SEC},
	{LIMIT_DISK_QEMU_WRITE_BYTES, VIR_DOMAIN_BLOCK_IOTUNE_WRITE_BYTES_SEC,
		VIR_DOMAIN_BLOCK_IOTUNE_READ_BYTES_SEC},
	{LIMIT_DISK_QEMU_READ_IOPS, VIR_DOMAIN_BLOCK_IOTUNE_READ_IOPS_SEC,
		VIR_DOMAIN_BLOCK_IOTUNE_WRITE_IOPS_SEC},
	{LIMIT_DISK_QEMU_WRITE_IOPS, VIR_DOMAIN_BLOCK_IOTUNE_WRITE_IOPS_SEC,
		VIR_DOMAIN_BLOCK_IOTUNE_READ_IOPS_SEC},
};

static const struct tune *tune_of(enum limit_id limit)
{
	for (size_t i = 0; i < ARRAY_SIZE(tunes); i++)
		if (tunes[i].limit == limit)
			return &tunes[i];
	BUG("limit %d is no limit of QEMU's", (int)limit);
}

static int tune_probe(struct target *target, struct err *err)
{
	if (disk_need_binding(target, err))
		return -1;
	return target->domain ? 0 : err_run(err, "'%s' was opened without its libvirt domain", target->name);
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

static int tune_get(struct target *target, const struct tune *tune, uint64_t *ret_value, struct err *err)
{
	unsigned long long value = 0;

	if (tune_probe(target, err) || ask(target, tune->parameter, &value, err))
		return -1;
	(void)snprintf(
		target->where, sizeof(target->where), "QEMU's throttle of '%s'", target->disk->guest_target);
	*ret_value = value ? value : LIMIT_UNLIMITED;
	return 0;
}

static int tune_set(struct target *target, const struct tune *tune, uint64_t value, struct err *err)
{
	AUTO(vir_params) struct vir_params list = {0};
	unsigned long long other = 0;

	if (tune_probe(target, err) || ask(target, tune->other, &other, err))
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

/* clang-format off */
#define TUNE(name, id)                                                                                       \
	static int name##_set(struct target *target, uint64_t value, struct err *err)                        \
	{                                                                                                    \
		return tune_set(target, tune_of(id), value, err);                                            \
	}                                                                                                    \
	static int name##_get(struct target *target, uint64_t *ret_value, struct err *err)                   \
	{                                                                                                    \
		return tune_get(target, tune_of(id), ret_value, err);                                        \
	}                                                                                                    \
	const struct applier_ops applier_disk_##name = {                                                     \
		.limit = id,                                                                                 \
		.controller = CGROUP_CONTROLLER_COUNT,                                                       \
		.set = name##_set,                                                                           \
		.get = name##_get,                                                                           \
		.probe = tune_probe,                                                                         \
	}
/* clang-format on */

TUNE(qemu_read_bytes, LIMIT_DISK_QEMU_READ_BYTES);
TUNE(qemu_write_bytes, LIMIT_DISK_QEMU_WRITE_BYTES);
TUNE(qemu_read_iops, LIMIT_DISK_QEMU_READ_IOPS);
TUNE(qemu_write_iops, LIMIT_DISK_QEMU_WRITE_IOPS);
