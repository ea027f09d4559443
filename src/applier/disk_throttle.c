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

static const struct throttle {
	enum limit_id limit;
	const char *parameter; /* libvirt's */
	bool wide;             /* libvirt takes an unsigned long long, else an unsigned int */
	const char *v1_file, *v2_key;
} throttles[] = {
	{LIMIT_DISK_READ_BYTES, VIR_DOMAIN_BLKIO_DEVICE_READ_BPS, true, "blkio.throttle.read_bps_device",
		"rbps"},
	{LIMIT_DISK_WRITE_BYTES, VIR_DOMAIN_BLKIO_DEVICE_WRITE_BPS, true, "blkio.throttle.write_bps_device",
		"wbps"},
	{LIMIT_DISK_READ_IOPS, VIR_DOMAIN_BLKIO_DEVICE_READ_IOPS, false, "blkio.throttle.read_iops_device",
		"riops"},
	{LIMIT_DISK_WRITE_IOPS, VIR_DOMAIN_BLKIO_DEVICE_WRITE_IOPS, false, "blkio.throttle.write_iops_device",
		"wiops"},
};

static const struct throttle *throttle_of(enum limit_id limit)
{
	for (size_t i = 0; i < ARRAY_SIZE(throttles); i++)
		if (throttles[i].limit == limit)
			return &throttles[i];
	BUG("limit %d is no throttle", (int)limit);
}

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

static int throttle_probe(struct target *target, const struct throttle *throttle, struct err *err)
{
	if (disk_need_binding(target, err))
		return -1;
	if (fsio_exists(throttle_path(target, throttle)))
		return 0;
	(void)err_host(err,
		"'%s' does not exist: the host's kernel was built without CONFIG_BLK_DEV_THROTTLING",
		target->where);
	return err_remedy(err,
		"boot a kernel with CONFIG_BLK_DEV_THROTTLING=y, or use the limits of QEMU (disk.qemu_...)");
}

static int throttle_get(
	struct target *target, const struct throttle *throttle, uint64_t *ret_value, struct err *err)
{
	AUTO(buf) struct buf text = BUF_INIT;
	const struct target_disk *disk = target->disk;

	if (throttle_probe(target, throttle, err) ||
		fsio_read_file(throttle_path(target, throttle), FILE_LIMIT_BYTES, &text, err))
		return -1;
	const char *all = text.data ? text.data : "";
	*ret_value = target->cgroup.at[CGROUP_BLKIO].v2
			     ? disk_find_v2(all, disk->major, disk->minor, throttle->v2_key)
			     : disk_find_v1(all, disk->major, disk->minor);
	return 0;
}

static int throttle_set(
	struct target *target, const struct throttle *throttle, uint64_t value, struct err *err)
{
	AUTO(vir_params) struct vir_params list = {0};

	if (throttle_probe(target, throttle, err))
		return -1;
	if (!target->domain)
		return err_run(err, "'%s' was opened without its libvirt domain", target->name);
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
	struct target *target, const struct throttle *throttle, uint64_t *ret_value, struct err *err)
{
	const char *all = NULL;
	int count = 0;

	if (disk_need_binding(target, err))
		return -1;
	if (!target->domain)
		return err_run(err, "'%s' was opened without its libvirt domain", target->name);
	if (virDomainGetBlkioParameters(target->domain, NULL, &count, VIR_DOMAIN_AFFECT_LIVE) < 0)
		return err_libvirt(err, "libvirt counts no blkio parameters");
	AUTO(vir_params) struct vir_params list = {.items = calloc((size_t)count, sizeof(virTypedParameter))};
	if (!list.items || virDomainGetBlkioParameters(target->domain, list.items, &count,
				   VIR_DOMAIN_AFFECT_LIVE | VIR_TYPED_PARAM_STRING_OKAY) < 0)
		return err_libvirt(err, "libvirt does not tell its blkio parameters");
	list.count = count;
	if (virTypedParamsGetString(list.items, count, throttle->parameter, &all) != 1)
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

/* clang-format off */
#define THROTTLE(name, id)                                                                                   \
	static int name##_set(struct target *target, uint64_t value, struct err *err)                        \
	{                                                                                                    \
		return throttle_set(target, throttle_of(id), value, err);                                    \
	}                                                                                                    \
	static int name##_get(struct target *target, uint64_t *ret_value, struct err *err)                   \
	{                                                                                                    \
		return throttle_get(target, throttle_of(id), ret_value, err);                                \
	}                                                                                                    \
	static int name##_probe(struct target *target, struct err *err)                                      \
	{                                                                                                    \
		return throttle_probe(target, throttle_of(id), err);                                         \
	}                                                                                                    \
	static int name##_told(struct target *target, uint64_t *ret_value, struct err *err)                  \
	{                                                                                                    \
		return throttle_told(target, throttle_of(id), ret_value, err);                               \
	}                                                                                                    \
	const struct applier_ops applier_disk_##name = {                                                     \
		.limit = id,                                                                                 \
		.controller = CGROUP_BLKIO,                                                                  \
		.set = name##_set,                                                                           \
		.get = name##_get,                                                                           \
		.probe = name##_probe,                                                                       \
		.told = name##_told,                                                                         \
	}
/* clang-format on */

THROTTLE(read_bytes, LIMIT_DISK_READ_BYTES);
THROTTLE(write_bytes, LIMIT_DISK_WRITE_BYTES);
THROTTLE(read_iops, LIMIT_DISK_READ_IOPS);
THROTTLE(write_iops, LIMIT_DISK_WRITE_IOPS);
