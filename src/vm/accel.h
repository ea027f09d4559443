/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Acceleration is proven, not assumed: /dev/kvm may open, create vCPUs and still never boot a stock kernel.  The proof
 * boots the guest kernel once under KVM within a deadline; the answer is cached until the host reboots
 * (/proc/sys/kernel/random/boot_id), or the kernel image or QEMU changes.
 */
#ifndef LIMITLAB_VM_ACCEL_H
#define LIMITLAB_VM_ACCEL_H

#include <stdbool.h>

#include "base/err.h"

enum accel_wish { ACCEL_AUTO, ACCEL_KVM, ACCEL_TCG };

struct accel {
	bool kvm;
	bool cached; /* the answer comes from an earlier proof */
	char reason
		[256]; /* "KVM booted the guest kernel in 1.2 s", "/dev/kvm is there, but did not boot ... in 20 s" */
};

/*
 * cache_dir: where the answer is kept.  kernel_path and initrd_path: the tenants' (the initrd prints
 * "limitlab-proof" on the console and powers off when the command line has limitlab.proof).
 * ACCEL_KVM without a working KVM is ERR_HOST.  ACCEL_TCG proves nothing.
 */
int accel_decide(enum accel_wish wish, const char *cache_dir, const char *kernel_path,
	const char *initrd_path, struct accel *ret_accel, struct err *err);

/* What ACCEL_AUTO would find, but nothing is booted: ret_accel->cached says whether there is a proof already. */
int accel_peek(const char *cache_dir, const char *kernel_path, struct accel *ret_accel, struct err *err);

/* Whether QEMU emulates the CPUs that this program runs on, as in a lab host without nested virtualisation: CPUID says so (QEMU,
 * target/i386/cpu.c: leaf 0x40000000 is "TCGTCGTCGTCG").  Nothing is fast there, KVM neither. */
bool accel_host_is_emulated(void);

#endif
