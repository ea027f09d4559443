/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Hard limits of disk IO that the host's kernel enforces, per whole device (cgroup-v1/blkio-controller.rst; io.max in
 * cgroup-v2.rst).  libvirt writes 0 for "no limit".
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "applier/disk_internal.h"
#include "base/auto.h"
#include "base/buf.h"
#include "base/fsio.h"
#include "glue/libvirt.h"

#define FILE_LIMIT_BYTES (64U * 1024)

struct throttle {
	const char *parameter; /* libvirt's */
	const char *v1_file, *v2_key;
};

/* The rest of the line "MAJOR:MINOR ..." ; NULL: no such line. */
static const char *line_of(const char *text, unsigned major, unsigned minor)
{
	AUTO(free_ptr) char *wanted = xasprintf("%u:%u ", major, minor);

	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (!strncmp(line, wanted, strlen(wanted)))
			return line + strlen(wanted);
	}
	return NULL;
}

static uint64_t number_or_max(const char *text)
{
	return !strncmp(text, "max", 3) ? LIMIT_UNLIMITED : strtoull(text, NULL, 10);
}

uint64_t disk_find_v1(const char *text, unsigned major, unsigned minor)
{
	const char *value = line_of(text, major, minor);

	return value ? number_or_max(value) : LIMIT_UNLIMITED;
}

uint64_t disk_find_v2(const char *text, unsigned major, unsigned minor, const char *key)
{
	const char *line = line_of(text, major, minor);
	size_t length = strlen(key);

	while (line && *line && *line != '\n') {
		if (!strncmp(line, key, length) && line[length] == '=')
			return number_or_max(line + length + 1);
		line += strcspn(line, " \n");
		line += *line == ' ';
	}
	return LIMIT_UNLIMITED;
}

static const char *throttle_path(struct target *target, const struct throttle *throttle)
{
	return target_where(target, target->cgroup.at[CGROUP_BLKIO].inner_path,
		target->cgroup.at[CGROUP_BLKIO].v2 ? "io.max" : throttle->v1_file);
}

static int throttle_probe(struct target *target, const struct applier_ops *ops, struct err *err)
{
	if (disk_need_binding(target, err))
		return -1;
	if (fsio_exists(throttle_path(target, ops->row)))
		return 0;
	(void)err_host(err,
		"'%s' does not exist: the host's kernel was built without CONFIG_BLK_DEV_THROTTLING",
		target->where);
	return err_remedy(err,
		"boot a kernel with CONFIG_BLK_DEV_THROTTLING=y, or use the limits of QEMU (disk.qemu_...)");
}

static int throttle_get(
	struct target *target, const struct applier_ops *ops, uint64_t *ret_value, struct err *err)
{
	const struct throttle *throttle = ops->row;
	AUTO(buf) struct buf text = BUF_INIT;
	const struct target_disk *disk = target->disk;

	if (throttle_probe(target, ops, err) ||
		fsio_read_file(throttle_path(target, throttle), FILE_LIMIT_BYTES, &text, err))
		return -1;
	const char *all = text.data ? text.data : "";
	*ret_value = target->cgroup.at[CGROUP_BLKIO].v2
			     ? disk_find_v2(all, disk->major, disk->minor, throttle->v2_key)
			     : disk_find_v1(all, disk->major, disk->minor);
	return 0;
}

static int throttle_set(struct target *target, const struct applier_ops *ops, uint64_t value, struct err *err)
{
	const struct throttle *throttle = ops->row;
	AUTO(vir_params) struct vir_params list = {0};

	if (throttle_probe(target, ops, err) || target_need_domain(target, err))
		return -1;
	if (strchr(target->disk->device, ','))
		return err_input(err, "libvirt cannot be told of the device '%s': its name has a comma",
			target->disk->device);
	AUTO(free_ptr)
	char *text = xasprintf("%s,%" PRIu64, target->disk->device, value == LIMIT_UNLIMITED ? 0 : value);
	if (virTypedParamsAddString(&list.items, &list.count, &list.capacity, throttle->parameter, text) < 0)
		return err_libvirt(err, "libvirt does not take %s", throttle->parameter);
	if (virDomainSetBlkioParameters(target->domain, list.items, list.count, VIR_DOMAIN_AFFECT_LIVE) < 0)
		return err_libvirt(err, "libvirt refused %s '%s'", throttle->parameter, text);
	return 0;
}

/* libvirt's "DEVICE,VALUE,DEVICE,VALUE". */
static int throttle_told(
	struct target *target, const struct applier_ops *ops, uint64_t *ret_value, struct err *err)
{
	const struct throttle *throttle = ops->row;
	AUTO(vir_params) struct vir_params list = {0};
	const char *all = NULL;

	if (disk_need_binding(target, err) || disk_ask_libvirt(target, &list, err))
		return -1;
	if (virTypedParamsGetString(list.items, list.count, throttle->parameter, &all) != 1)
		return err_run(err, "libvirt has no %s", throttle->parameter);
	size_t length = strlen(target->disk->device);
	*ret_value = LIMIT_UNLIMITED;
	for (const char *at = all; at && *at;) {
		const char *comma = strchr(at, ',');
		if (!comma)
			break;
		uint64_t value = strtoull(comma + 1, NULL, 10);
		if ((size_t)(comma - at) == length && !strncmp(at, target->disk->device, length) && value)
			*ret_value = value;
		at = strchr(comma + 1, ',');
		at = at ? at + 1 : NULL;
	}
	return 0;
}

#define THROTTLE(name, id, libvirt_parameter, file, key)                                                     \
	static const struct throttle name = {libvirt_parameter, file, key};                                  \
	const struct applier_ops applier_disk_##name = {                                                     \
		.limit = id,                                                                                 \
		.controller = CGROUP_BLKIO,                                                                  \
		.row = &name,                                                                                \
		.set = throttle_set,                                                                         \
		.get = throttle_get,                                                                         \
		.probe = throttle_probe,                                                                     \
		.told = throttle_told,                                                                       \
	}

THROTTLE(read_bytes, LIMIT_DISK_READ_BYTES, VIR_DOMAIN_BLKIO_DEVICE_READ_BPS,
	"blkio.throttle.read_bps_device", "rbps");
THROTTLE(write_bytes, LIMIT_DISK_WRITE_BYTES, VIR_DOMAIN_BLKIO_DEVICE_WRITE_BPS,
	"blkio.throttle.write_bps_device", "wbps");
THROTTLE(read_iops, LIMIT_DISK_READ_IOPS, VIR_DOMAIN_BLKIO_DEVICE_READ_IOPS,
	"blkio.throttle.read_iops_device", "riops");
THROTTLE(write_iops, LIMIT_DISK_WRITE_IOPS, VIR_DOMAIN_BLKIO_DEVICE_WRITE_IOPS,
	"blkio.throttle.write_iops_device", "wiops");
