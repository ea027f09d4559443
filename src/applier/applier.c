/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "applier/applier.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "applier/ops.h"
#include "base/auto.h"
#include "base/buf.h"

const struct applier_ops *const applier_table[LIMIT_COUNT] = {
	[LIMIT_CPU_SHARES] = &applier_cpu_shares,
	[LIMIT_CPU_QUOTA] = &applier_cpu_quota,
	[LIMIT_CPU_PERIOD] = &applier_cpu_period,
	[LIMIT_NET_PRIORITY] = &applier_net_priority,
	[LIMIT_NET_RATE] = &applier_net_rate,
	[LIMIT_NET_CEIL] = &applier_net_ceil,
	[LIMIT_NET_QUANTUM] = &applier_net_quantum,
	[LIMIT_MEMORY_SOFT] = &applier_memory_soft,
	[LIMIT_MEMORY_HARD] = &applier_memory_hard,
	[LIMIT_MEMORY_SWAP] = &applier_memory_swap,
	[LIMIT_MEMORY_PROTECT] = &applier_memory_protect,
	[LIMIT_DISK_WEIGHT] = &applier_disk_weight,
	[LIMIT_DISK_READ_BYTES] = &applier_disk_read_bytes,
	[LIMIT_DISK_WRITE_BYTES] = &applier_disk_write_bytes,
	[LIMIT_DISK_READ_IOPS] = &applier_disk_read_iops,
	[LIMIT_DISK_WRITE_IOPS] = &applier_disk_write_iops,
	[LIMIT_DISK_QEMU_READ_BYTES] = &applier_disk_qemu_read_bytes,
	[LIMIT_DISK_QEMU_WRITE_BYTES] = &applier_disk_qemu_write_bytes,
	[LIMIT_DISK_QEMU_READ_IOPS] = &applier_disk_qemu_read_iops,
	[LIMIT_DISK_QEMU_WRITE_IOPS] = &applier_disk_qemu_write_iops,
};

static const struct applier_ops *ops_of(const struct target *target, enum limit_id limit)
{
	if ((unsigned)limit >= LIMIT_COUNT)
		BUG("limit %d is not in the catalogue", (int)limit);
	return target->table[limit];
}

/* Only ERR_HOST here: what is missing on this host, and how to get it. */
static int need_controller(const struct target *target, const struct applier_ops *ops, struct err *err)
{
	if (ops->controller == CGROUP_CONTROLLER_COUNT || target->cgroup.at[ops->controller].present)
		return 0;
	const char *v1 = cgroup_controller_name(ops->controller, false);
	const char *v2 = cgroup_controller_name(ops->controller, true);
	(void)err_host(err,
		"%s of '%s' needs the cgroup controller %s (v2: %s), and its QEMU (process %d) has no group there",
		limit_spec(ops->limit)->name, target->name, v1, v2, (int)target->pid);
	return err_remedy(err,
		"v1: mount -t cgroup -o %s none /sys/fs/cgroup/%s; v2: echo +%s >>/sys/fs/cgroup/cgroup.subtree_control; "
		"then start the VM anew",
		v1, v1, v2);
}

static int read_back(
	struct target *target, const struct applier_ops *ops, uint64_t *ret_value, struct err *err)
{
	target->where[0] = '\0';
	if (need_controller(target, ops, err))
		return -1;
	if (ops->get(target, ops, ret_value, err))
		return err_wrap(err, "cannot read %s of '%s'", limit_spec(ops->limit)->name, target->name);
	return 0;
}

int limit_get(struct target *target, enum limit_id limit, uint64_t *ret_value, const char **ret_where,
	struct err *err)
{
	uint64_t value;

	if (read_back(target, ops_of(target, limit), &value, err))
		return -1;
	*ret_value = value;
	if (ret_where)
		*ret_where = target->where;
	return 0;
}

static int mismatch(
	struct target *target, const struct applier_ops *ops, uint64_t asked, uint64_t got, struct err *err)
{
	const struct limit_spec *spec = limit_spec(ops->limit);
	AUTO(free_ptr) char *asked_text = limit_format_value(spec, asked);
	AUTO(free_ptr) char *got_text = limit_format_value(spec, got);
	AUTO(free_ptr) char *told_text = NULL;
	uint64_t told;

	if (!ops->told)
		return err_set(err, ERR_READBACK, 0,
			"%s of '%s' did not take: asked %s, the kernel accepted, %s holds %s", spec->name,
			target->name, asked_text, target->where, got_text);
	if (ops->told && !ops->told(target, ops, &told, NULL))
		told_text = limit_format_value(spec, told);
	return err_set(err, ERR_READBACK, 0,
		"%s of '%s' did not take: asked %s, libvirt accepted and says %s, %s holds %s", spec->name,
		target->name, asked_text, told_text ? told_text : "nothing", target->where, got_text);
}

static int check_range(const struct limit_spec *spec, uint64_t value, struct err *err)
{
	if (value == LIMIT_UNLIMITED && spec->may_be_unlimited)
		return 0;
	if (value >= spec->min && value <= spec->max)
		return 0;
	AUTO(free_ptr) char *min = limit_format_value(spec, spec->min);
	AUTO(free_ptr) char *max = limit_format_value(spec, spec->max);
	return err_input(err, "%s takes %s to %s%s, not %" PRIu64, spec->name, min, max,
		spec->may_be_unlimited ? " or max" : "", value);
}

const char *target_note(const struct target *target)
{
	return target->note;
}

int limit_set(
	struct target *target, enum limit_id limit, uint64_t value, uint64_t *ret_read_back, struct err *err)
{
	const struct applier_ops *ops = ops_of(target, limit);
	const struct limit_spec *spec = limit_spec(limit);
	uint64_t got;

	target->note[0] = '\0';
	if (check_range(spec, value, err) || need_controller(target, ops, err))
		return -1;
	if (ops->set(target, ops, value, err)) {
		AUTO(free_ptr) char *text = limit_format_value(spec, value);
		return err_wrap(err, "cannot set %s of '%s' to %s", spec->name, target->name, text);
	}
	if (read_back(target, ops, &got, err))
		return -1;
	if (ret_read_back)
		*ret_read_back = got;
	if (got == value || (ops->rounded && got == ops->rounded(value)))
		return 0;
	(void)mismatch(target, ops, value, got, err);
	if (ops->explain)
		ops->explain(target, value, got, err);
	return -1;
}

int limit_probe(struct target *target, enum limit_id limit, struct err *err)
{
	const struct applier_ops *ops = ops_of(target, limit);

	if (need_controller(target, ops, err))
		return -1;
	return ops->probe ? ops->probe(target, ops, err) : 0;
}

int limit_snapshot_take(struct target *target, struct limit_snapshot *ret_snapshot, struct err *err)
{
	struct limit_snapshot snapshot = {0};

	for (enum limit_id i = 0; i < LIMIT_COUNT; i++) {
		struct err why = ERR_INIT;
		if (limit_probe(target, i, &why)) {
			/* A limit that this host does not have cannot change either. */
			if (why.domain == ERR_HOST)
				continue;
			return limit_probe(target, i, err);
		}
		if (read_back(target, ops_of(target, i), &snapshot.value[i], err))
			return -1;
		snapshot.known[i] = true;
	}
	*ret_snapshot = snapshot;
	return 0;
}

static int restore_once(struct target *target, const struct limit_snapshot *snapshot, struct err *err)
{
	int result = 0;

	for (enum limit_id i = 0; i < LIMIT_COUNT; i++) {
		uint64_t now;
		if (!snapshot->known[i])
			continue;
		/* The first error stays in err; a value that cannot be read is set all the same. */
		if (!read_back(target, ops_of(target, i), &now, NULL) && now == snapshot->value[i])
			continue;
		if (limit_set(target, i, snapshot->value[i], NULL, err))
			result = -1;
	}
	return result;
}

int limit_snapshot_restore(struct target *target, const struct limit_snapshot *snapshot, struct err *err)
{
	if (!restore_once(target, snapshot, NULL))
		return 0;
	/* Again: one limit may bound another (net.rate is at most net.ceil), and the second may have stood in the way. */
	return restore_once(target, snapshot, err);
}
