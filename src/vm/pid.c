/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "vm/internal.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/fsio.h"
#include "glue/libvirt.h"

/* True when the process's command line has the argument `-uuid UUID`, which libvirt gives to every QEMU. */
static bool is_our_qemu(const char *pid, const char *uuid)
{
	AUTO(free_ptr) char *path = xasprintf("/proc/%s/cmdline", pid);
	AUTO(buf) struct buf cmdline = BUF_INIT;

	if (fsio_read_file(path, 1024 * 1024, &cmdline, NULL) < 0 || cmdline.length == 0)
		return false;
	const char *end = cmdline.data + cmdline.length;
	bool after_uuid = false;
	for (const char *arg = cmdline.data; arg < end; arg += strlen(arg) + 1) {
		if (after_uuid && strcmp(arg, uuid) == 0)
			return true;
		after_uuid = strcmp(arg, "-uuid") == 0;
	}
	return false;
}

/* libvirt's pid file is a hint: a daemon in another PID namespace writes other numbers there. */
int vm_pid(struct vm *vm, pid_t *ret_pid, struct err *err)
{
	char uuid[VIR_UUID_STRING_BUFLEN];
	char text[32];
	AUTO(free_ptr)
	char *path = vm->host->uri.embed
			     ? xasprintf("%s/run/qemu/%s.pid", vm->host->uri.root, vm->domain_name)
			     : xasprintf("/run/libvirt/qemu/%s.pid", vm->domain_name);

	if (virDomainGetUUIDString(vm->domain, uuid) < 0)
		return err_libvirt(err, "cannot read the UUID of tenant '%s'", vm->name);
	if (fsio_read_small(AT_FDCWD, path, text, sizeof(text), NULL) == 0 && is_our_qemu(text, uuid)) {
		*ret_pid = (pid_t)strtol(text, NULL, 10);
		return 0;
	}
	AUTO(close_dir) DIR *proc = opendir("/proc");
	for (struct dirent *entry = proc ? readdir(proc) : NULL; entry; entry = readdir(proc)) {
		if (!isdigit((unsigned char)entry->d_name[0]) || !is_our_qemu(entry->d_name, uuid))
			continue;
		*ret_pid = (pid_t)strtol(entry->d_name, NULL, 10);
		return 0;
	}
	if (!vm_is_running(vm))
		return vm_err_died(vm, "its process was looked for", err);
	return err_run(err, "no QEMU process with UUID %s (tenant '%s') in /proc", uuid, vm->name);
}
