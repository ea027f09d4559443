/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Tenants as libvirt domains: XML, life cycle, guest agent, stream port.  Domain names start with "limitlab-".
 * Every call here may block for seconds (libvirt, a starved guest): none of them belongs into the tick loop.
 */
#ifndef LIMITLAB_VM_VM_H
#define LIMITLAB_VM_VM_H

#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

struct _virDomain;
struct vm_host;
struct vm;

/*
 * A network card: virtio, on a bridge in QEMU's namespace, through a tap that libvirt makes.  The frames go through QEMU itself,
 * never through vhost-net: libvirt would take that for KVM guests, where /dev/vhost-net is there, and never under TCG.  So all
 * accelerations and hosts have the same path, and the work it makes is in threads of QEMU's, which are pinned and counted.
 */
struct vm_nic {
	const char *bridge; /* NULL: on none */
	const char *tap;    /* the name of the tap */
	uint8_t mac[6];
};

/* Everything that shapes one domain. */
struct vm_spec {
	const char *name; /* the tenant's name; the domain is "limitlab-NAME" */
	unsigned vcpus;
	uint64_t memory_bytes;
	cpu_set_t vcpu_cpus;     /* <vcpupin> of every vCPU */
	cpu_set_t emulator_cpus; /* <emulatorpin>; empty: not pinned */
	bool kvm; /* else TCG, with its translation cache capped at 64 MiB (FACTS: it may grow to 1 GiB) */
	const char *kernel_path, *initrd_path, *root_path;
	const struct vm_nic *nic; /* NULL: none */
	/* A block device that becomes the guest's second disk, /dev/vdb, with nothing of the host's page cache; NULL: none. */
	const char *disk_path;
	bool disk_is_file; /* an ordinary file instead, through the page cache: one that nobody uses */
	const char *cmdline_extra; /* appended to the kernel command line; NULL: nothing */
	const char *console_path;  /* log file of the serial console */
	/* UNIX socket of the port org.limitlab.stream.0; QEMU listens.  NULL: libvirt chooses one that its QEMU may use. */
	const char *stream_path;
	/* A daemon's QEMU runs as another user, to whom the image and the logs are not given: all may read the image. */
	bool keep_owners;
	/* As vm_wake() needs it: the domain's UUID follows from its name (else libvirt draws one), and its console's log goes on. */
	bool fixed_uuid;
};

/* Pure: the domain XML, written by libxml2.  The caller frees. */
int vm_spec_to_xml(const struct vm_spec *spec, char **ret_xml, struct err *err);

/* Remote and session URIs are ERR_INPUT.  Pure: connects to nothing. */
int vm_uri_check(const char *uri, struct err *err);
/* Whether a daemon listens there, before anything is begun; nothing to ask for the embedded driver.  ERR_HOST: none does. */
int vm_uri_probe(const char *uri, struct err *err);

/*
 * Connects and runs libvirt's event loop in a thread of its own.  One at a time in a process.
 * For qemu:///embed?root=DIR this writes DIR/etc/qemu.conf first when it is missing.  Remote and session URIs are
 * ERR_INPUT.  Must be called after fork and unshare, before other threads that fork.
 */
int vm_host_open(const char *uri, struct vm_host **ret_host, struct err *err);
void vm_host_close(struct vm_host *host);
/* "9.0.0" and "7.2.17"; owned by the host object. */
const char *vm_host_libvirt_version(const struct vm_host *host);
const char *vm_host_qemu_version(const struct vm_host *host);

/* Whether a domain of this tenant's name is there already, whoever made it. */
int vm_host_has(struct vm_host *host, const char *name, bool *ret_has, struct err *err);

/* Starts a transient domain.  The spec is not kept. */
int vm_start(struct vm_host *host, const struct vm_spec *spec, struct vm **ret_vm, struct err *err);
/*
 * Saves the whole state of a VM, memory and devices, in a file and ends it; only vm_destroy() may follow.  When it fails and
 * vm_is_running(), the VM goes on as before.  Its agent answers, and nothing else has been begun in it.
 */
int vm_save(struct vm *vm, const char *path, struct err *err);
/*
 * As vm_start(), but goes on from such a file.  The spec is the one of vm_start(), with `fixed_uuid`, except for CPUs and the
 * paths of console, stream and disk (of the same size).  The file stays.
 */
int vm_wake(struct vm_host *host, const struct vm_spec *spec, const char *path, struct vm **ret_vm,
	struct err *err);
/* Waits until the guest agent answers, or the VM dies (ERR_AGENT with the console's last line), or the deadline
 * (CLOCK_MONOTONIC) passes. */
int vm_wait_ready(struct vm *vm, uint64_t deadline_ns, struct err *err);
/* Connects to the stream port; the descriptor is non-blocking and belongs to the caller. */
int vm_open_stream(struct vm *vm, int *ret_fd, struct err *err);
/* guest-exec: starts argv in the guest with `input` on its stdin, does not wait.  ret_pid is the guest's pid. */
int vm_exec(struct vm *vm, const char *const *argv, const char *input, int64_t *ret_pid, struct err *err);
/*
 * Moves every vCPU to these CPUs, while the VM runs.  A scarce CPU that is shared by three booting VMs makes all three
 * slow: boot them on all CPUs and pin just before the barrier.  libvirt sets both the vcpuN group's cpuset (where
 * there is one) and the threads' affinity.
 */
int vm_pin(struct vm *vm, const cpu_set_t *vcpus, struct err *err);
/* The same for QEMU's other threads. */
int vm_pin_emulator(struct vm *vm, const cpu_set_t *cpus, struct err *err);
/* False once libvirt has seen the domain end (by itself or by vm_destroy). */
bool vm_is_running(const struct vm *vm);
/* QEMU's main process as seen in our /proc. */
int vm_pid(struct vm *vm, pid_t *ret_pid, struct err *err);
struct _virDomain *vm_domain(struct vm *vm);
const char *vm_name(const struct vm *vm);
/* Destroys the domain if it runs, and frees.  Takes NULL. */
void vm_destroy(struct vm *vm);

#endif
