/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "vm/accel.h"

#include <cpuid.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <jansson.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/fsio.h"
#include "base/spawn.h"

#define QEMU         "qemu-system-x86_64"
#define PROOF_MARKER "limitlab-proof"

enum { PROOF_DEADLINE_MS = 30000 };
enum { CPUID_FEATURES = 1, CPUID_HYPERVISOR_BIT = 31, CPUID_HYPERVISOR = 0x40000000 };

DEFINE_AUTO(json, json_t *, json_decref);

/* Everything that may change the answer, as one text.  The caller frees. */
static int proof_key(const char *kernel_path, char **ret_key, struct err *err)
{
	char boot_id[64];
	struct stat kernel, program;

	if (stat(kernel_path, &kernel))
		return err_sys(err, errno, "cannot read the guest kernel '%s'", kernel_path);
	AUTO(free_ptr) char *qemu = spawn_find(QEMU);
	if (!qemu) {
		(void)err_host(err, "the program '%s' is not installed", QEMU);
		return err_remedy(err, "apt install qemu-system-x86");
	}
	if (stat(qemu, &program))
		return err_sys(err, errno, "cannot read '%s'", qemu);
	if (fsio_read_small(AT_FDCWD, "/proc/sys/kernel/random/boot_id", boot_id, sizeof(boot_id), err))
		return -1;
	/* Not `qemu --version`: starting it takes 80 ms of every run. */
	*ret_key = xasprintf("boot %s, kernel %s (%lld bytes of %lld.%09ld), %s (%lld bytes of %lld.%09ld)",
		boot_id, kernel_path, (long long)kernel.st_size, (long long)kernel.st_mtim.tv_sec,
		kernel.st_mtim.tv_nsec, qemu, (long long)program.st_size, (long long)program.st_ctim.tv_sec,
		program.st_ctim.tv_nsec);
	return 0;
}

static bool read_cache(const char *path, const char *key, struct accel *ret_accel)
{
	AUTO(json) json_t *cache = json_load_file(path, 0, NULL);
	const char *kept_key = json_string_value(json_object_get(cache, "key"));
	const char *reason = json_string_value(json_object_get(cache, "reason"));
	json_t *kvm = json_object_get(cache, "kvm");

	if (!kept_key || !reason || !json_is_boolean(kvm) || strcmp(kept_key, key) != 0)
		return false;
	*ret_accel = (struct accel){.kvm = json_is_true(kvm), .cached = true};
	(void)snprintf(ret_accel->reason, sizeof(ret_accel->reason), "%s", reason);
	return true;
}

static int write_cache(
	const char *dir, const char *path, const char *key, const struct accel *accel, struct err *err)
{
	AUTO(json)
	json_t *cache =
		json_pack("{s:s, s:b, s:s}", "key", key, "kvm", accel->kvm ? 1 : 0, "reason", accel->reason);
	AUTO(free_ptr) char *text = cache ? json_dumps(cache, JSON_INDENT(2)) : NULL;

	if (!text)
		return err_run(err, "cannot write '%s' as JSON", path);
	return fsio_make_dirs(dir, err) || fsio_write_atomic(path, text, strlen(text), err) ? -1 : 0;
}

/* False: nothing to prove, *ret_accel says why. */
static bool kvm_opens(struct accel *ret_accel)
{
	AUTO(close_fd) int fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);

	if (fd >= 0)
		return true;
	*ret_accel = (struct accel){0};
	(void)snprintf(ret_accel->reason, sizeof(ret_accel->reason),
		errno == ENOENT ? "there is no /dev/kvm" : "/dev/kvm cannot be opened: %s", strerror(errno));
	return false;
}

static void prove(const char *kernel_path, const char *initrd_path, struct accel *ret_accel)
{
	const char *const argv[] = {QEMU, "-machine", "q35", "-accel", "kvm", "-cpu", "host", "-m", "192",
		"-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-serial", "stdio",
		"-kernel", kernel_path, "-initrd", initrd_path, "-append",
		"console=ttyS0 quiet panic=-1 limitlab.proof", NULL};
	AUTO(buf) struct buf output = BUF_INIT;
	struct err why = ERR_INIT;
	uint64_t start_ns = clock_now_ns();
	int status = 0;

	*ret_accel = (struct accel){0};
	int result = spawn_run(argv,
		&(struct spawn_options){.output = &output, .timeout_ms = PROOF_DEADLINE_MS}, &status, &why);
	double took_s = (double)(clock_now_ns() - start_ns) / 1e9;
	bool marked = output.data && strstr(output.data, PROOF_MARKER);
	char *reason = ret_accel->reason;
	size_t size = sizeof(ret_accel->reason);

	if (result) {
		(void)snprintf(reason, size, "/dev/kvm is there, but %s in %.0f s",
			marked ? "the guest kernel did not power off" : "did not boot the guest kernel",
			took_s);
	} else if (!marked || !WIFEXITED(status) || WEXITSTATUS(status)) {
		const char *line = output.data ? output.data : "";
		(void)snprintf(reason, size, "/dev/kvm is there, but QEMU could not use it: %.*s",
			(int)strcspn(line, "\n"), line);
	} else {
		ret_accel->kvm = true;
		(void)snprintf(reason, size, "KVM booted the guest kernel in %.1f s", took_s);
	}
}

int accel_decide(enum accel_wish wish, const char *cache_dir, const char *kernel_path,
	const char *initrd_path, struct accel *ret_accel, struct err *err)
{
	AUTO(free_ptr) char *cache_path = xasprintf("%s/accel.json", cache_dir);
	AUTO(free_ptr) char *key = NULL;
	struct accel accel = {0};

	if (wish == ACCEL_TCG) {
		(void)snprintf(accel.reason, sizeof(accel.reason), "TCG was asked for");
	} else if (kvm_opens(&accel)) {
		if (proof_key(kernel_path, &key, err))
			return -1;
		/* Who insists on KVM may have mended it: a kept "no" is proven again. */
		if (!read_cache(cache_path, key, &accel) || (wish == ACCEL_KVM && !accel.kvm)) {
			prove(kernel_path, initrd_path, &accel);
			if (write_cache(cache_dir, cache_path, key, &accel, err))
				return -1;
		}
	}
	if (wish == ACCEL_KVM && !accel.kvm) {
		(void)err_host(err, "KVM does not work here: %s", accel.reason);
		return err_remedy(err, "--accel tcg (slower), or a machine with KVM");
	}
	*ret_accel = accel;
	return 0;
}

int accel_peek(const char *cache_dir, const char *kernel_path, struct accel *ret_accel, struct err *err)
{
	AUTO(free_ptr) char *cache_path = xasprintf("%s/accel.json", cache_dir);
	AUTO(free_ptr) char *key = NULL;
	struct accel accel = {0};

	if (kvm_opens(&accel)) {
		if (proof_key(kernel_path, &key, err))
			return -1;
		(void)read_cache(cache_path, key, &accel);
	}
	*ret_accel = accel;
	return 0;
}

bool accel_host_is_emulated(void)
{
	unsigned eax, ebx, ecx, edx;

	if (!__get_cpuid(CPUID_FEATURES, &eax, &ebx, &ecx, &edx) || !(ecx >> CPUID_HYPERVISOR_BIT))
		return false;
	unsigned name[3] = {0};
	__cpuid(CPUID_HYPERVISOR, eax, name[0], name[1], name[2]);
	return !memcmp(name, "TCGTCGTCGTCG", sizeof(name));
}
