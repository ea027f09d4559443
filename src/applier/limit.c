/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "applier/limit.h"

#include <string.h>

#include "base/auto.h"
#include "base/buf.h"

/* A QEMU with less than that of its own does not live; the kernel takes it all the same. */
#define MEMORY_MIN_BYTES (UINT64_C(1) << 20)
#define MEMORY_MAX_BYTES (UINT64_C(1) << 50)

/* QEMU refuses more than 1e15 (QEMU_BLOCK_IOTUNE_MAX in libvirt); one page per second is the least that means anything. */
#define DISK_MIN_BYTES_PER_S UINT64_C(4096)
#define DISK_MAX_BYTES_PER_S UINT64_C(1000000000000000)
#define DISK_MAX_IOPS        UINT64_C(1000000000)

static const struct limit_spec catalogue[] = {
	{
		.id = LIMIT_CPU_SHARES,
		.name = "cpu.shares",
		.unit = "",
		.quantity = QUANTITY_COUNT,
		.min = 2,
		.max = 262144,
		.soft = true,
		.resource = "cpu",
		.summary = "weight of the VM while CPUs are scarce",
		.example = "1024",
	},
	{
		.id = LIMIT_CPU_QUOTA,
		.name = "cpu.quota",
		.unit = "us",
		.quantity = QUANTITY_DURATION_US,
		.min = 1000,
		.max = 17592186044415,
		.may_be_unlimited = true,
		.resource = "cpu",
		.summary = "CPU time of the whole VM in each period, scarce or not",
		.example = "50ms",
	},
	{
		.id = LIMIT_CPU_PERIOD,
		.name = "cpu.period",
		.unit = "us",
		.quantity = QUANTITY_DURATION_US,
		.min = 1000,
		.max = 1000000,
		.resource = "cpu",
		.summary = "length of the period that cpu.quota refers to",
		.example = "100ms",
	},
	{
		.id = LIMIT_NET_PRIORITY,
		.name = "net.priority",
		.unit = "",
		.quantity = QUANTITY_COUNT,
		.min = 0,
		.max = 7,
		.soft = true,
		.resource = "net",
		.summary = "who borrows spare bandwidth first while the link is scarce; 0 before 7",
		.example = "1",
	},
	{
		.id = LIMIT_NET_RATE,
		.name = "net.rate",
		.unit = "bits_per_s",
		.quantity = QUANTITY_BITS_PER_S,
		.min = 8000,
		.max = UINT64_C(100000000000000),
		.soft = true,
		.resource = "net",
		.summary = "bandwidth guaranteed to the VM while the link is scarce",
		.example = "10Mbit/s",
	},
	{
		.id = LIMIT_NET_CEIL,
		.name = "net.ceil",
		.unit = "bits_per_s",
		.quantity = QUANTITY_BITS_PER_S,
		.min = 8000,
		.max = UINT64_C(100000000000000),
		.resource = "net",
		.summary = "bandwidth the VM never exceeds, scarce or not",
		.example = "300Mbit/s",
	},
	{
		.id = LIMIT_NET_QUANTUM,
		.name = "net.quantum",
		.unit = "bytes",
		.quantity = QUANTITY_BYTES,
		.min = 1000,
		.max = 100000000,
		.soft = true,
		.resource = "net",
		.summary = "the VM's part of spare bandwidth among those of one priority",
		.example = "60kB",
	},
	{
		.id = LIMIT_MEMORY_SOFT,
		.name = "memory.soft",
		.unit = "bytes",
		.quantity = QUANTITY_BYTES,
		.min = MEMORY_MIN_BYTES,
		.max = MEMORY_MAX_BYTES,
		.may_be_unlimited = true,
		.soft = true,
		.resource = "memory",
		.summary =
			"memory above which the VM pays first when the host runs short (v2: memory.high, which always throttles)",
		.example = "300MiB",
	},
	{
		.id = LIMIT_MEMORY_HARD,
		.name = "memory.hard",
		.unit = "bytes",
		.quantity = QUANTITY_BYTES,
		.min = MEMORY_MIN_BYTES,
		.max = MEMORY_MAX_BYTES,
		.may_be_unlimited = true,
		.resource = "memory",
		.summary = "memory the VM never exceeds, scarce or not",
		.example = "512MiB",
	},
	{
		.id = LIMIT_MEMORY_SWAP,
		.name = "memory.swap",
		.unit = "bytes",
		.quantity = QUANTITY_BYTES,
		.min = 0,
		.max = MEMORY_MAX_BYTES,
		.may_be_unlimited = true,
		.resource = "memory",
		.summary = "memory and swap together that the VM never exceeds (v2: swap alone)",
		.example = "1GiB",
	},
	{
		.id = LIMIT_MEMORY_PROTECT,
		.name = "memory.protect",
		.unit = "bytes",
		.quantity = QUANTITY_BYTES,
		.min = 0,
		.max = MEMORY_MAX_BYTES,
		.may_be_unlimited = true,
		.soft = true,
		.resource = "memory",
		.summary =
			"memory that is not taken from the VM while others have more than theirs (memory.low; v2 only)",
		.example = "300MiB",
	},
	{
		.id = LIMIT_DISK_WEIGHT,
		.name = "disk.weight",
		.unit = "",
		.quantity = QUANTITY_COUNT,
		.min = 1,
		.max = 1000,
		.soft = true,
		.resource = "disk",
		.summary = "weight of the VM while a disk with the scheduler bfq is scarce",
		.example = "500",
	},
	{
		.id = LIMIT_DISK_READ_BYTES,
		.name = "disk.read_bytes_per_s",
		.unit = "bytes_per_s",
		.quantity = QUANTITY_BYTES_PER_S,
		.min = DISK_MIN_BYTES_PER_S,
		.max = DISK_MAX_BYTES_PER_S,
		.may_be_unlimited = true,
		.resource = "disk",
		.summary = "bytes per second that the host's kernel lets the VM read, scarce or not",
		.example = "10MiB/s",
	},
	{
		.id = LIMIT_DISK_WRITE_BYTES,
		.name = "disk.write_bytes_per_s",
		.unit = "bytes_per_s",
		.quantity = QUANTITY_BYTES_PER_S,
		.min = DISK_MIN_BYTES_PER_S,
		.max = DISK_MAX_BYTES_PER_S,
		.may_be_unlimited = true,
		.resource = "disk",
		.summary = "bytes per second that the host's kernel lets the VM write, scarce or not",
		.example = "10MiB/s",
	},
	{
		.id = LIMIT_DISK_READ_IOPS,
		.name = "disk.read_iops",
		.unit = "per_s",
		.quantity = QUANTITY_COUNT,
		.min = 1,
		.max = DISK_MAX_IOPS,
		.may_be_unlimited = true,
		.resource = "disk",
		.summary = "reads per second that the host's kernel lets the VM make, scarce or not",
		.example = "500",
	},
	{
		.id = LIMIT_DISK_WRITE_IOPS,
		.name = "disk.write_iops",
		.unit = "per_s",
		.quantity = QUANTITY_COUNT,
		.min = 1,
		.max = DISK_MAX_IOPS,
		.may_be_unlimited = true,
		.resource = "disk",
		.summary = "writes per second that the host's kernel lets the VM make, scarce or not",
		.example = "500",
	},
	{
		.id = LIMIT_DISK_QEMU_READ_BYTES,
		.name = "disk.qemu_read_bytes_per_s",
		.unit = "bytes_per_s",
		.quantity = QUANTITY_BYTES_PER_S,
		.min = DISK_MIN_BYTES_PER_S,
		.max = DISK_MAX_BYTES_PER_S,
		.may_be_unlimited = true,
		.resource = "disk",
		.summary = "bytes per second that the VM's own QEMU lets the VM read, scarce or not",
		.example = "10MiB/s",
	},
	{
		.id = LIMIT_DISK_QEMU_WRITE_BYTES,
		.name = "disk.qemu_write_bytes_per_s",
		.unit = "bytes_per_s",
		.quantity = QUANTITY_BYTES_PER_S,
		.min = DISK_MIN_BYTES_PER_S,
		.max = DISK_MAX_BYTES_PER_S,
		.may_be_unlimited = true,
		.resource = "disk",
		.summary = "bytes per second that the VM's own QEMU lets the VM write, scarce or not",
		.example = "10MiB/s",
	},
	{
		.id = LIMIT_DISK_QEMU_READ_IOPS,
		.name = "disk.qemu_read_iops",
		.unit = "per_s",
		.quantity = QUANTITY_COUNT,
		.min = 1,
		.max = DISK_MAX_IOPS,
		.may_be_unlimited = true,
		.resource = "disk",
		.summary = "reads per second that the VM's own QEMU lets the VM make, scarce or not",
		.example = "500",
	},
	{
		.id = LIMIT_DISK_QEMU_WRITE_IOPS,
		.name = "disk.qemu_write_iops",
		.unit = "per_s",
		.quantity = QUANTITY_COUNT,
		.min = 1,
		.max = DISK_MAX_IOPS,
		.may_be_unlimited = true,
		.resource = "disk",
		.summary = "writes per second that the VM's own QEMU lets the VM make, scarce or not",
		.example = "500",
	},
};

_Static_assert(ARRAY_SIZE(catalogue) == LIMIT_COUNT, "one row per limit, in the order of enum limit_id");

const struct limit_spec *limit_spec(enum limit_id id)
{
	if ((unsigned)id >= LIMIT_COUNT)
		BUG("limit %d is not in the catalogue", (int)id);
	return &catalogue[id];
}

const struct limit_spec *limit_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(catalogue); i++) {
		if (strcmp(catalogue[i].name, name) == 0)
			return &catalogue[i];
	}
	return NULL;
}

int limit_parse_value(const struct limit_spec *spec, const char *text, uint64_t *ret_value, struct err *err)
{
	struct err cause = ERR_INIT;
	uint64_t value = 0;

	if (spec->may_be_unlimited && strcmp(text, "max") == 0) {
		*ret_value = LIMIT_UNLIMITED;
		return 0;
	}
	AUTO(free_ptr) char *min = units_format(spec->min, spec->quantity);
	AUTO(free_ptr) char *max = units_format(spec->max, spec->quantity);
	const char *or_max = spec->may_be_unlimited ? ", or max for no limit" : "";
	if (units_parse(text, spec->quantity, &value, &cause) < 0)
		return err_input(err, "bad value for %s: %s; it takes %s to %s%s", spec->name, cause.text,
			min, max, or_max);
	if (value < spec->min || value > spec->max)
		return err_input(err, "%s '%s' is out of range; it takes %s to %s%s, for example %s",
			spec->name, text, min, max, or_max, spec->example);
	*ret_value = value;
	return 0;
}

char *limit_format_value(const struct limit_spec *spec, uint64_t value)
{
	if (spec->may_be_unlimited && value == LIMIT_UNLIMITED)
		return xstrdup("max");
	return units_format(value, spec->quantity);
}
