/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The disk's part of make bench:
 *
 *	bench_disk fixture	makes and removes the scarce disk, and lets a shell do the same by hand with the same helpers, in
 *				turn: "made_ms X" and "hand_ms X", medians of 9 of each; then what fio gets of 50 MiB/s, in three
 *				ways: "off_pct X", the largest deviation
 *	bench_disk weight	with a libvirtd of the caller's (qemu:///system): one domain that has nothing to boot from; setting its
 *				weight with the read-back, and virsh doing both: "weight_us X" and "virsh_us X", medians of 25
 *
 * Needs root.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "applier/applier.h"
#include "base/auto.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/fsio.h"
#include "base/spawn.h"
#include "fixture/disk.h"
#include "glue/libvirt.h"

#define MIB           (UINT64_C(1) << 20)
#define RATE_MIB      50
#define ROUNDS        9
#define WEIGHT_ROUNDS 25
#define NAME          "limitlab-bench"
#define URI           "qemu:///system"

DEFINE_AUTO(target, struct target *, target_close);

static const struct disk_options options = {
	.size_bytes = 256 * MIB,
	.rate_bytes_per_s = RATE_MIB * MIB,
	.scheduler = "bfq",
	.partitions = 3,
};

/* What somebody types who makes such a disk by hand, with as little waiting as a shell can do. */
static const char by_hand[] =
	"set -e; cd \"$0\"; mkdir mnt\n"
	"nbdkit -f -U $PWD/s -P $PWD/kit.pid --filter=rate memory 256M rate=419430400 burstiness=0.05 & kit=$!\n"
	"until [ -s kit.pid ]; do sleep 0.005; done\n"
	"nbdfuse -P $PWD/fuse.pid mnt/disk --unix $PWD/s & fuse=$!\n"
	"until [ -s fuse.pid ]; do sleep 0.005; done\n"
	"dev=$(losetup -f --show --direct-io=on mnt/disk); sys=/sys/block/${dev#/dev/}/queue\n"
	"echo bfq >$sys/scheduler; echo 0 >$sys/iosched/low_latency; echo 1024 >$sys/iosched/max_budget\n"
	"for i in 1 2 3; do addpart $dev $i $((2048 + (i - 1) * 172032)) 172032; done\n"
	"for i in 1 2 3; do delpart $dev $i; done\n"
	"echo none >$sys/scheduler; losetup -d $dev\n"
	"kill $fuse; wait $fuse || true; kill $kit; wait $kit || true; rm -r mnt *.pid; rm -f s\n";

static int compare(const void *a, const void *b)
{
	double left = *(const double *)a, right = *(const double *)b;

	return left < right ? -1 : left > right;
}

static double median(double *values, size_t count)
{
	qsort(values, count, sizeof(*values), compare);
	return values[count / 2];
}

static double since_ms(uint64_t begin_ns)
{
	return (double)(clock_now_ns() - begin_ns) / 1e6;
}

static int once(const char *dir, double *ret_ms, struct err *err)
{
	struct disk_fixture *fixture = NULL;
	uint64_t begin_ns = clock_now_ns();

	if (disk_fixture_new(&options, dir, disk_loop_free_number(), &fixture, err) ||
		disk_fixture_remove(fixture, err))
		return -1;
	*ret_ms = since_ms(begin_ns);
	return 0;
}

static int once_by_hand(const char *dir, double *ret_ms, struct err *err)
{
	uint64_t begin_ns = clock_now_ns();
	const char *const argv[] = {"sh", "-c", by_hand, dir, NULL};

	if (spawn_check(argv, &(struct spawn_options){.timeout_ms = 20000}, err))
		return -1;
	*ret_ms = since_ms(begin_ns);
	return 0;
}

/* fio's terse output, version 3: fields 7 and 48 are KiB/s read and written (fio(1)). */
static int fio_off(const char *device, const char *how, double *worst_pct, struct err *err)
{
	AUTO(buf) struct buf output = BUF_INIT;
	AUTO(free_ptr)
	char *line = xasprintf(
		"fio --name=a --filename=%s --direct=1 --ioengine=libaio --time_based --ramp_time=1 "
		"--runtime=5 --minimal %s",
		device, how);
	const char *const argv[] = {"sh", "-c", line, NULL};
	struct spawn_options spawn = {.output = &output, .timeout_ms = 60000};

	if (spawn_check(argv, &spawn, err))
		return -1;
	double field[128] = {0};
	size_t count = 0;
	char *rest = output.data;
	for (char *word; count + 1 < ARRAY_SIZE(field) && (word = strsep(&rest, ";")) != NULL;)
		field[++count] = strtod(word, NULL);
	if (count < 48)
		return err_run(err, "fio printed '%s'", output.data);
	double off_pct = fabs((field[7] + field[48]) / 1024 / RATE_MIB - 1) * 100;
	*worst_pct = fmax(*worst_pct, off_pct);
	return 0;
}

static int bench_fixture(struct err *err)
{
	static const char *const ways[] = {"--rw=randread --bs=64k --iodepth=16",
		"--rw=randwrite --bs=64k --iodepth=16", "--rw=read --bs=1M --iodepth=4"};
	char dir[] = "/tmp/ll-bd-XXXXXX";
	double ours[ROUNDS], hand[ROUNDS], worst_pct = 0;
	struct disk_fixture *fixture = NULL;

	if (!mkdtemp(dir))
		return err_run(err, "cannot make a folder");
	for (size_t i = 0; i < ROUNDS; i++)
		if (once(dir, &ours[i], err) || once_by_hand(dir, &hand[i], err))
			return -1;
	(void)printf("made_ms %.1f\nhand_ms %.1f\n", median(ours, ROUNDS), median(hand, ROUNDS));
	if (disk_fixture_new(&options, dir, disk_loop_free_number(), &fixture, err))
		return -1;
	int result = 0;
	for (size_t i = 0; i < ARRAY_SIZE(ways) && !result; i++)
		result = fio_off(disk_fixture_path(fixture), ways[i], &worst_pct, err);
	if (disk_fixture_remove(fixture, err))
		result = -1;
	(void)rmdir(dir);
	if (!result)
		(void)printf("off_pct %.2f\n", worst_pct);
	return result;
}

static int measure_weight(virDomainPtr domain, struct err *err)
{
	AUTO(target) struct target *target = NULL;
	double ours[WEIGHT_ROUNDS], virsh[WEIGHT_ROUNDS];

	if (target_open(domain, 0, &target, err))
		return -1;
	for (unsigned i = 0; i < WEIGHT_ROUNDS; i++) {
		uint64_t got, begin_ns = clock_now_ns();
		if (limit_set(target, LIMIT_DISK_WEIGHT, 100 + 2 * i, &got, err))
			return -1;
		ours[i] = since_ms(begin_ns) * 1e3;
		AUTO(free_ptr) char *weight = xasprintf("%u", 101 + 2 * i);
		const char *const set[] = {
			"virsh", "-c", URI, "blkiotune", NAME, "--weight", weight, "--live", NULL};
		const char *const get[] = {"virsh", "-c", URI, "blkiotune", NAME, NULL};
		begin_ns = clock_now_ns();
		if (spawn_check(set, NULL, err) || spawn_check(get, NULL, err))
			return -1;
		virsh[i] = since_ms(begin_ns) * 1e3;
	}
	(void)printf(
		"weight_us %.0f\nvirsh_us %.0f\n", median(ours, WEIGHT_ROUNDS), median(virsh, WEIGHT_ROUNDS));
	return 0;
}

static int bench_weight(struct err *err)
{
	static const char xml[] =
		"<domain type='qemu'><name>" NAME "</name><memory unit='MiB'>32</memory><vcpu>1</vcpu>"
		"<os><type arch='x86_64' machine='q35'>hvm</type></os>"
		"<devices><controller type='usb' model='none'/><memballoon model='none'/></devices></domain>";

	glue_libvirt_quiet();
	AUTO(vir_connect) virConnectPtr connection = virConnectOpen(URI);
	if (!connection)
		return err_libvirt(err, "cannot connect to " URI);
	AUTO(vir_domain) virDomainPtr domain = virDomainCreateXML(connection, xml, 0);
	if (!domain)
		return err_libvirt(err, "cannot start a domain");
	int result = measure_weight(domain, err);
	(void)virDomainDestroy(domain);
	return result;
}

int main(int argc, char **argv)
{
	const char *what = argc == 2 ? argv[1] : "";
	struct err err = ERR_INIT;
	int result = !strcmp(what, "fixture")  ? bench_fixture(&err)
		     : !strcmp(what, "weight") ? bench_weight(&err)
					       : err_input(&err, "bench_disk fixture|weight");

	if (result)
		(void)fprintf(stderr, "bench_disk: %s\n", err.text);
	return result ? 1 : 0;
}
