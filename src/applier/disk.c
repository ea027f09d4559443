/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "applier/disk.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "applier/disk_internal.h"
#include "applier/scope.h"
#include "base/auto.h"
#include "base/buf.h"
#include "base/fsio.h"
#include "glue/libvirt.h"

int target_bind_disk(struct target *target, const struct disk_binding *binding, struct err *err)
{
	const char *root = binding->root ? binding->root : "";
	unsigned major_number = major(binding->number), minor_number = minor(binding->number);
	AUTO(free_ptr) char *sys = xasprintf("%s/sys/dev/block/%u:%u", root, major_number, minor_number);
	AUTO(free_ptr) char *partition = xasprintf("%s/partition", sys);

	if (!fsio_exists(sys))
		return err_input(err, "'%s' (%u:%u) is not a block device of this host", binding->device,
			major_number, minor_number);
	if (fsio_exists(partition)) {
		(void)err_input(err, "'%s' is a partition, and the kernel limits whole devices only",
			binding->device);
		return err_remedy(err, "name the device that it is a part of");
	}
	struct target_disk *disk = xcalloc(1, sizeof(*disk));
	disk->device = xstrdup(binding->device);
	disk->guest_target = xstrdup(binding->guest_target);
	disk->root = xstrdup(root);
	disk->major = major_number;
	disk->minor = minor_number;
	disk->ignores_weights = binding->ignores_weights;
	target_disk_free(target->disk);
	target->disk = disk;
	return 0;
}

void target_disk_free(struct target_disk *disk)
{
	if (!disk)
		return;
	free(disk->device);
	free(disk->guest_target);
	free(disk->root);
	free(disk);
}

int disk_need_binding(const struct target *target, struct err *err)
{
	if (target->disk)
		return 0;
	(void)err_host(err, "'%s' is bound to no disk, and this limit is one of a device", target->name);
	return err_remedy(err, "give it a scarce disk: 'scarce: {disk: {...}}'");
}

char *disk_active_scheduler(const char *text)
{
	const char *begin = strchr(text, '[');
	const char *end = begin ? strchr(begin, ']') : NULL;

	return end ? xstrndup(begin + 1, (size_t)(end - begin - 1)) : xstrdup(text);
}

/* ---- disk.weight ---- */

enum weight_file { WEIGHT_BFQ, WEIGHT_PLAIN, WEIGHT_FILE_COUNT };

static const char *const weight_files[2][WEIGHT_FILE_COUNT] = {
	{"blkio.bfq.weight", "blkio.weight"},
	{"io.bfq.weight", "io.weight"},
};

/* libvirt's own choice (src/util/vircgroupv1.c, vircgroupv2.c): BFQ's file where there is one. */
static const char *weight_path(struct target *target, enum weight_file *ret_file)
{
	const char *const *names = weight_files[target->cgroup.at[CGROUP_BLKIO].v2];
	const char *directory = target->cgroup.at[CGROUP_BLKIO].path;

	*ret_file = WEIGHT_BFQ;
	if (fsio_exists(target_where(target, directory, names[WEIGHT_BFQ])))
		return target->where;
	*ret_file = WEIGHT_PLAIN;
	return target_where(target, directory, names[WEIGHT_PLAIN]);
}

static int weight_probe(struct target *target, const struct applier_ops *ops, struct err *err)
{
	enum weight_file file;

	(void)ops;
	if (fsio_exists(weight_path(target, &file)))
		return 0;
	(void)err_host(
		err, "'%s' does not exist: the host's kernel knows no weights of disk IO", target->where);
	return err_remedy(
		err, "boot a kernel with CONFIG_IOSCHED_BFQ and CONFIG_BFQ_GROUP_IOSCHED; modprobe bfq");
}

/* v2's io.weight counts for a device with "MAJOR:MINOR enable=1" in the root group's io.cost.qos. */
static bool has_iocost(const struct target_disk *disk)
{
	AUTO(free_ptr) char *path = xasprintf("%s/sys/fs/cgroup/io.cost.qos", disk->root);
	AUTO(free_ptr) char *wanted = xasprintf("%u:%u enable=1", disk->major, disk->minor);
	AUTO(buf) struct buf text = BUF_INIT;

	return !fsio_read_file(path, 64U * 1024, &text, NULL) && text.data && strstr(text.data, wanted);
}

/* Weight accepted, nothing honours it: what every user of such a system finds out late. */
static int check_honoured(struct target *target, struct err *err)
{
	const struct target_disk *disk = target->disk;
	enum weight_file file;
	char text[256] = "";

	if (!disk)
		return 0;
	AUTO(free_ptr)
	char *path =
		xasprintf("%s/sys/dev/block/%u:%u/queue/scheduler", disk->root, disk->major, disk->minor);
	if (fsio_read_small(AT_FDCWD, path, text, sizeof(text), err))
		return -1;
	AUTO(free_ptr) char *scheduler = disk_active_scheduler(text);
	(void)weight_path(target, &file);
	bool bfq = !strcmp(scheduler, "bfq");
	if (file == WEIGHT_BFQ ? bfq : bfq || has_iocost(disk))
		return 0;
	if (disk->ignores_weights) {
		(void)snprintf(target->note, sizeof(target->note),
			"no effect: the scheduler of '%s' is %s, which ignores weights", disk->device,
			scheduler);
		return 0;
	}
	(void)err_host(err, "it would do nothing: the scheduler of '%s' is '%s', which ignores weights",
		disk->device, scheduler);
	return err_remedy(err, "echo bfq >%s", path);
}

static int tell_weight(struct target *target, uint64_t value, struct err *err)
{
	AUTO(vir_params) struct vir_params list = {0};

	if (target_need_domain(target, err))
		return -1;
	if (virTypedParamsAddUInt(
		    &list.items, &list.count, &list.capacity, VIR_DOMAIN_BLKIO_WEIGHT, (unsigned)value) < 0)
		return err_libvirt(err, "libvirt does not take a weight");
	if (virDomainSetBlkioParameters(target->domain, list.items, list.count, VIR_DOMAIN_AFFECT_LIVE) < 0)
		return err_libvirt(err, "libvirt refused the weight");
	return 0;
}

/* "100" on v1, "default 100" and lines of devices on v2. */
static int weight_get(
	struct target *target, const struct applier_ops *ops, uint64_t *ret_value, struct err *err)
{
	enum weight_file file;
	char text[1024];
	char *end;

	if (weight_probe(target, ops, err) ||
		fsio_read_small(AT_FDCWD, weight_path(target, &file), text, sizeof(text), err))
		return -1;
	const char *number = !strncmp(text, "default ", 8) ? text + 8 : text;
	unsigned long long value = strtoull(number, &end, 10);
	if (end == number || (*end && *end != '\n'))
		return err_run(err, "'%s' holds '%s', not a weight", target->where, text);
	*ret_value = value;
	return 0;
}

int disk_weight_settle(struct target *target, uint64_t value, struct err *err)
{
	enum weight_file file;
	uint64_t got;

	if (weight_get(target, &applier_disk_weight, &got, err))
		return -1;
	(void)weight_path(target, &file);
	if (got == value || file != WEIGHT_BFQ)
		return 0;
	/* systemd made its own of it. */
	AUTO(free_ptr) char *text = xasprintf("%" PRIu64, value);
	if (fsio_write_small(AT_FDCWD, target->where, text, err))
		return -1;
	(void)snprintf(target->note, sizeof(target->note),
		"systemd made %" PRIu64 " of it; the file was written again", got);
	return 0;
}

static int weight_set(struct target *target, const struct applier_ops *ops, uint64_t value, struct err *err)
{
	struct scope_kept kept;

	if (weight_probe(target, ops, err) || check_honoured(target, err))
		return -1;
	scope_keep(target, CGROUP_BLKIO, &kept);
	return tell_weight(target, value, err) || disk_weight_settle(target, value, err) ||
			       scope_put_back(target, &kept, err)
		       ? -1
		       : 0;
}

int disk_ask_libvirt(struct target *target, struct vir_params *ret_list, struct err *err)
{
	int count = 0;

	if (target_need_domain(target, err))
		return -1;
	if (virDomainGetBlkioParameters(target->domain, NULL, &count, VIR_DOMAIN_AFFECT_LIVE) < 0)
		return err_libvirt(err, "libvirt counts no blkio parameters");
	AUTO(vir_params) struct vir_params list = {.items = calloc((size_t)count, sizeof(virTypedParameter))};
	if (!list.items || virDomainGetBlkioParameters(target->domain, list.items, &count,
				   VIR_DOMAIN_AFFECT_LIVE | VIR_TYPED_PARAM_STRING_OKAY) < 0)
		return err_libvirt(err, "libvirt does not tell its blkio parameters");
	list.count = count;
	*ret_list = list;
	list = (struct vir_params){0};
	return 0;
}

static int weight_told(
	struct target *target, const struct applier_ops *ops, uint64_t *ret_value, struct err *err)
{
	AUTO(vir_params) struct vir_params list = {0};
	unsigned value;

	(void)ops;
	if (disk_ask_libvirt(target, &list, err))
		return -1;
	if (virTypedParamsGetUInt(list.items, list.count, VIR_DOMAIN_BLKIO_WEIGHT, &value) != 1)
		return err_run(err, "libvirt has no blkio weight");
	*ret_value = value;
	return 0;
}

const struct applier_ops applier_disk_weight = {
	.limit = LIMIT_DISK_WEIGHT,
	.controller = CGROUP_BLKIO,
	.set = weight_set,
	.get = weight_get,
	.probe = weight_probe,
	.told = weight_told,
};
