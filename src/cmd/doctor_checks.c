/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cmd/doctor.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "applier/cgroup.h"
#include "applier/mounts.h"
#include "base/auto.h"
#include "base/buf.h"
#include "base/cpulist.h"
#include "base/fsio.h"
#include "base/paths.h"
#include "base/spawn.h"
#include "cmd/doctor_probes.h"
#include "fixture/disk.h"
#include "fixture/link.h"
#include "glue/libvirt.h"
#include "guest/image.h"
#include "vm/accel.h"

/* Three tenants of 192 MiB, what TCG adds to each, and ourselves. */
#define MEMORY_MIN_MIB 1024
#define SPACE_MIN_MIB  1024

void doctor_found(struct doctor_finding *finding, enum doctor_state state, const char *format, ...)
{
	va_list args;

	finding->state = state;
	va_start(args, format);
	(void)vsnprintf(finding->detail, sizeof(finding->detail), format, args);
	va_end(args);
}

void doctor_found_err(struct doctor_finding *finding, const struct err *err)
{
	doctor_found(finding, DOCTOR_NOTE, "%s", err->text);
	(void)snprintf(finding->remedy, sizeof(finding->remedy), "%s", err->remedy);
}

/* "PROGRAM is there: first line of PROGRAM --version". */
static void probe_program(struct doctor_finding *finding, const char *program, enum doctor_state without)
{
	AUTO(free_ptr) char *path = spawn_find(program);
	AUTO(buf) struct buf output = BUF_INIT;

	if (!path) {
		doctor_found(finding, without, "there is no program '%s'", program);
		return;
	}
	const char *argv[] = {path, "--version", NULL};
	struct spawn_options options = {.output = &output, .timeout_ms = 10000};
	if (spawn_check(argv, &options, NULL) || !output.length) {
		doctor_found(finding, without, "'%s' does not run", path);
		return;
	}
	output.data[strcspn(output.data, "\n")] = '\0';
	doctor_found(finding, DOCTOR_OK, "%s", output.data);
}

static void probe_root(struct doctor_finding *finding)
{
	if (geteuid() == 0)
		doctor_found(finding, DOCTOR_OK, "running as root");
	else
		doctor_found(finding, DOCTOR_MISSING,
			"running as user %u; some of the lines below may read better as root",
			(unsigned)geteuid());
}

static void probe_qemu(struct doctor_finding *finding)
{
	probe_program(finding, "qemu-system-x86_64", DOCTOR_MISSING);
}

static void probe_libvirt(struct doctor_finding *finding)
{
	unsigned long number = 0;
	Dl_info where;

	(void)virGetVersion(&number, NULL, NULL);
	/* The drivers lie beside the library: LIBDIR/libvirt/connection-driver/. */
	if (!dladdr((void *)(uintptr_t)virGetVersion, &where) || !where.dli_fname) {
		doctor_found(finding, DOCTOR_NOTE, "libvirt %lu.%lu.%lu, of an unknown folder",
			number / 1000000, number / 1000 % 1000, number % 1000);
		return;
	}
	AUTO(free_ptr) char *folder = fsio_dirname(where.dli_fname);
	AUTO(free_ptr)
	char *driver = xasprintf("%s/libvirt/connection-driver/libvirt_driver_qemu.so", folder);
	if (!fsio_exists(driver))
		doctor_found(finding, DOCTOR_MISSING,
			"libvirt %lu.%lu.%lu without its QEMU driver: there is no '%s'", number / 1000000,
			number / 1000 % 1000, number % 1000, driver);
	else if (!getpwnam("libvirt-qemu") && !getpwnam("qemu"))
		doctor_found(finding, DOCTOR_MISSING,
			"libvirt %lu.%lu.%lu, but no user 'libvirt-qemu' or 'qemu'", number / 1000000,
			number / 1000 % 1000, number % 1000);
	else
		doctor_found(finding, DOCTOR_OK, "libvirt %lu.%lu.%lu with its QEMU driver", number / 1000000,
			number / 1000 % 1000, number % 1000);
}

static void probe_cgroup(struct doctor_finding *finding)
{
	static const enum cgroup_controller needed[] = {CGROUP_CPU, CGROUP_CPUACCT, CGROUP_CPUSET};
	static const enum cgroup_controller wanted[] = {CGROUP_MEMORY, CGROUP_BLKIO};
	AUTO(cgroup_mounts) struct cgroup_mounts mounts = {0};
	AUTO(buf) struct buf lacking = BUF_INIT;
	struct err err = ERR_INIT;
	const char *mode;

	if (cgroup_host_mode("", &mode, &err) || cgroup_mounts_read("", &mounts, &err)) {
		doctor_found(finding, DOCTOR_MISSING, "%s", err.text);
		(void)snprintf(finding->remedy, sizeof(finding->remedy), "%s", err.remedy);
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(needed); i++)
		if (!cgroup_mounts_offer(&mounts, needed[i]))
			buf_addf(&lacking, " %s", cgroup_controller_name(needed[i], false));
	if (lacking.length) {
		doctor_found(finding, DOCTOR_MISSING, "control groups %s, without the controllers:%s", mode,
			lacking.data);
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++)
		if (!cgroup_mounts_offer(&mounts, wanted[i]))
			buf_addf(&lacking, " %s", cgroup_controller_name(wanted[i], false));
	if (lacking.length)
		doctor_found(finding, DOCTOR_NOTE,
			"control groups %s, without the controllers:%s (no figures of those)", mode,
			lacking.data);
	else
		doctor_found(finding, DOCTOR_OK, "control groups %s with every controller", mode);
}

static void probe_namespaces(struct doctor_finding *finding)
{
	pid_t pid = fork();

	if (pid == 0) {
		int flags = CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWNS;
		_exit(unshare(flags) ? errno : 0);
	}
	int status = 0;
	if (pid < 0 || waitpid(pid, &status, 0) != pid) {
		doctor_found(finding, DOCTOR_MISSING, "cannot fork: %s", strerror(errno));
		return;
	}
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		doctor_found(finding, DOCTOR_OK, "PID, network and mount namespaces");
	else
		doctor_found(finding, DOCTOR_MISSING, "cannot make PID, network and mount namespaces: %s",
			WIFEXITED(status) ? strerror(WEXITSTATUS(status)) : "the test process died");
}

static void probe_device(struct doctor_finding *finding, const char *path)
{
	AUTO(close_fd) int fd = open(path, O_RDWR | O_CLOEXEC);

	if (fd < 0)
		doctor_found(finding, DOCTOR_NOTE, "cannot open '%s': %s", path, strerror(errno));
	else
		doctor_found(finding, DOCTOR_OK, "'%s' opens", path);
}

static void probe_loop(struct doctor_finding *finding)
{
	probe_device(finding, "/dev/loop-control");
}

static void probe_fuse(struct doctor_finding *finding)
{
	probe_device(finding, "/dev/fuse");
}

static void probe_link(struct doctor_finding *finding)
{
	struct err err = ERR_INIT;

	if (!link_fixture_probe(&err)) {
		doctor_found(finding, DOCTOR_OK, "bridge, veth, tap, HTB and u32, in a private namespace");
		return;
	}
	doctor_found_err(finding, &err);
}

static void probe_iperf3(struct doctor_finding *finding)
{
	probe_program(finding, "iperf3", DOCTOR_NOTE);
}

static void probe_gnuplot(struct doctor_finding *finding)
{
	probe_program(finding, "gnuplot", DOCTOR_MISSING);
}

static void probe_mmdebstrap(struct doctor_finding *finding)
{
	probe_program(finding, "mmdebstrap", DOCTOR_NOTE);
}

static void probe_squashfs(struct doctor_finding *finding)
{
	AUTO(free_ptr) char *path = spawn_find("mksquashfs");

	/* It has no --version that ends with status 0. */
	if (path)
		doctor_found(finding, DOCTOR_OK, "'%s'", path);
	else
		doctor_found(finding, DOCTOR_NOTE, "there is no program 'mksquashfs'");
}

static void probe_cpus(struct doctor_finding *finding)
{
	struct err err = ERR_INIT;
	double load = 0;
	cpu_set_t allowed;

	if (cpulist_allowed(&allowed, &err)) {
		doctor_found(finding, DOCTOR_MISSING, "%s", err.text);
		return;
	}
	AUTO(free_ptr) char *list = cpulist_format(&allowed);
	int count = CPU_COUNT(&allowed);
	if (count < 2) {
		doctor_found(finding, DOCTOR_MISSING, "only CPU %s may be used", list);
		return;
	}
	if (getloadavg(&load, 1) == 1 && load > 0.5) {
		doctor_found(finding, DOCTOR_NOTE,
			"CPUs %s, but others use them (load %.1f): windows may end inconclusive", list, load);
		(void)snprintf(finding->remedy, sizeof(finding->remedy), "wait until the other load is gone");
		return;
	}
	doctor_found(finding, DOCTOR_OK,
		"CPUs %s, idle: some can be scarce, the others carry limitlab and the emulators", list);
}

static void probe_disk(struct doctor_finding *finding)
{
	static const struct disk_options options = {
		.size_bytes = UINT64_C(64) << 20,
		.rate_bytes_per_s = UINT64_C(1) << 20,
		.scheduler = "bfq",
		.partitions = 1,
	};
	struct err err = ERR_INIT;

	if (!disk_check(&options, &err)) {
		doctor_found(finding, DOCTOR_OK, "nbdkit, nbdfuse, loop devices and the scheduler bfq");
		return;
	}
	doctor_found_err(finding, &err);
}

static void probe_memory(struct doctor_finding *finding)
{
	AUTO(close_file) FILE *file = fopen("/proc/meminfo", "re");
	unsigned long kib = 0;
	char line[128];

	while (file && fgets(line, sizeof(line), file))
		if (strncmp(line, "MemAvailable:", 13) == 0)
			kib = strtoul(line + 13, NULL, 10);
	if (!kib)
		doctor_found(finding, DOCTOR_NOTE, "cannot read MemAvailable of '/proc/meminfo'");
	else
		doctor_found(finding, kib / 1024 < MEMORY_MIN_MIB ? DOCTOR_MISSING : DOCTOR_OK,
			"%lu MiB available, %d MiB are needed for three tenants", kib / 1024, MEMORY_MIN_MIB);
}

static void probe_systemd(struct doctor_finding *finding)
{
	bool systemd = fsio_exists("/run/systemd/system");
	bool bus = fsio_exists("/run/dbus/system_bus_socket");

	doctor_found(finding, DOCTOR_OK, "systemd %s; %s", systemd ? "runs" : "does not run",
		bus ? "a run hides the system bus, so that machined does not register its VMs"
		    : "no system bus");
}

static void probe_state(struct doctor_finding *finding)
{
	/* It is made by the first run: until then its first existing parent counts. */
	AUTO(free_ptr) char *path = fsio_existing(paths_state_dir());
	struct statvfs space;

	if (access(path, W_OK)) {
		doctor_found(finding, DOCTOR_MISSING, "cannot write to '%s': %s", path, strerror(errno));
		return;
	}
	if (statvfs(path, &space)) {
		doctor_found(finding, DOCTOR_MISSING, "cannot see the free space of '%s': %s", path,
			strerror(errno));
		return;
	}
	unsigned long long mib = (unsigned long long)space.f_bavail * space.f_frsize / (1024 * 1024);
	doctor_found(finding, mib < SPACE_MIN_MIB ? DOCTOR_NOTE : DOCTOR_OK,
		"'%s' is writable, %llu MiB free", paths_state_dir(), mib);
}

static int open_image(struct image *ret_image, struct err *err)
{
	AUTO(free_ptr) char *runner = paths_libexec("runner");
	AUTO(free_ptr) char *init = paths_libexec("init");
	const struct image_options options = {
		.dir = paths_image_dir(),
		.runner_path = runner,
		.init_path = init,
	};

	return image_open(&options, ret_image, err);
}

static void probe_image(struct doctor_finding *finding)
{
	struct image image;
	struct err err = ERR_INIT;

	if (open_image(&image, &err)) {
		doctor_found(finding, DOCTOR_MISSING, "%s", err.text);
		return;
	}
	doctor_found(finding, DOCTOR_OK, "Debian %s, kernel %s, built %s in '%s'", image.suite,
		image.kernel_release, image.built_utc, image.dir);
	image_release(&image);
}

static void probe_kvm(struct doctor_finding *finding)
{
	struct image image;
	struct accel accel;
	struct err err = ERR_INIT;

	if (open_image(&image, &err)) {
		doctor_found(finding, DOCTOR_NOTE, "not known before there is a guest image to boot");
		return;
	}
	if (accel_peek(paths_state_dir(), image.kernel_path, &accel, &err))
		doctor_found(finding, DOCTOR_NOTE, "%s", err.text);
	else if (accel.reason[0])
		doctor_found(finding, accel.kvm ? DOCTOR_OK : DOCTOR_NOTE, "%s%s", accel.reason,
			accel.kvm ? "" : "; tenants are emulated (TCG), which is slower");
	else
		doctor_found(finding, DOCTOR_NOTE,
			"/dev/kvm opens; the first run proves whether it boots a guest");
	image_release(&image);
}

const struct doctor_check doctor_checks[] = {
	{"root", "namespaces, control groups, libvirt's system driver", probe_root, NULL, NULL,
		"run it as root: sudo limitlab ..."},
	{"qemu", "the tenants", probe_qemu, "qemu-system-x86", "qemu-system-x86-core", NULL},
	{"libvirt", "starting the tenants and setting their limits", probe_libvirt,
		"libvirt-daemon libvirt-daemon-system", "libvirt-daemon-driver-qemu", NULL},
	{"cgroup", "limits and accounting", probe_cgroup, NULL, NULL,
		"boot with a kernel and command line that enable these controllers (no cgroup_disable=)"},
	{"namespaces", "leaving nothing behind", probe_namespaces, NULL, NULL,
		"run it as root, outside of an unprivileged container"},
	{"cpus", "one CPU that is scarce and another for limitlab itself", probe_cpus, NULL, NULL,
		"give this machine at least two CPUs"},
	{"memory", "the tenants' memory", probe_memory, NULL, NULL, "end other programs, or add memory"},
	{"state", "the guest image and what must survive a crash", probe_state, NULL, NULL,
		"make room there, and run it as root"},
	{"image", "the tenants' system", probe_image, NULL, NULL, "limitlab image build"},
	{"kvm", "speed, and limits as on a real host", probe_kvm, NULL, NULL,
		"a machine whose KVM boots guests; nothing else needs it"},
	{"gnuplot", "figures", probe_gnuplot, "gnuplot-nox", "gnuplot-minimal", NULL},
	{"mmdebstrap", "building the guest image", probe_mmdebstrap, "mmdebstrap", "mmdebstrap", NULL},
	{"squashfs", "building the guest image", probe_squashfs, "squashfs-tools", "squashfs-tools", NULL},
	{"loop", "scenarios with a scarce disk", probe_loop, NULL, NULL, "modprobe loop"},
	{"fuse", "scenarios with a scarce disk", probe_fuse, NULL, NULL, "modprobe fuse"},
	{"scarce disk", "scenarios with a scarce disk", probe_disk, NULL, NULL,
		"install nbdkit and libnbd-bin"},
	{"memory limits", "scenarios with scarce memory", doctor_probe_memory_limits, NULL, NULL,
		"boot without cgroup_disable=memory, on a kernel with CONFIG_MEMCG=y; swap: swapaccount=1"},
	{"scarce memory", "scenarios with scarce memory, with --allow-host-scarcity", doctor_probe_scarcity,
		NULL, NULL, NULL},
	{"link", "scenarios with a scarce link", probe_link, NULL, NULL, "run it as root"},
	{"iperf3", "the far end of a scarce link", probe_iperf3, "iperf3", "iperf3", NULL},
	{"lab host", "run --in-lab-host, kernels, bisect", doctor_probe_lab_host, NULL, NULL, NULL},
	{"systemd", "nothing: shown for bug reports", probe_systemd, NULL, NULL, NULL},
	{0},
};
