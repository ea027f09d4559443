/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "labhost/internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/auto.h"

struct words {
	char **argv;
	size_t count, capacity;
};

static void add(struct words *words, char *word)
{
	words->argv = xgrow(words->argv, words->count, &words->capacity, sizeof(*words->argv));
	words->argv[words->count++] = word;
}

__attribute__((format(printf, 3, 4))) static void add_option(
	struct words *words, const char *option, const char *format, ...)
{
	va_list args;
	char *word;

	va_start(args, format);
	if (vasprintf(&word, format, args) < 0)
		BUG("out of memory");
	va_end(args);
	add(words, xstrdup(option));
	add(words, word);
}

/* A comma ends a value, two are one.  The caller frees. */
static char *escaped(const char *path)
{
	AUTO(buf) struct buf text = BUF_INIT;

	for (; *path; path++)
		buf_adds(&text, *path == ',' ? ",," : (const char[]){*path, '\0'});
	return buf_steal(&text);
}

static void add_disk(struct words *words, const char *plain, bool read_only)
{
	AUTO(free_ptr) char *path = escaped(plain);

	add_option(words, "-drive", "file=%s,format=raw,if=virtio,cache=unsafe,file.locking=off,readonly=%s",
		path, read_only ? "on" : "off");
}

/* systemd(1), kernel command line; 256 and later want to be forced to v1. */
static const char *const hierarchies[LABHOST_CGROUP_COUNT] = {
	[LABHOST_CGROUP_V2] = "systemd.unified_cgroup_hierarchy=1",
	[LABHOST_CGROUP_V1] = "systemd.unified_cgroup_hierarchy=0 systemd.legacy_systemd_cgroup_controller=1 "
			      "SYSTEMD_CGROUP_ENABLE_LEGACY_FORCE=1",
	[LABHOST_CGROUP_HYBRID] =
		"systemd.unified_cgroup_hierarchy=0 systemd.legacy_systemd_cgroup_controller=0 "
		"SYSTEMD_CGROUP_ENABLE_LEGACY_FORCE=1",
};

char **machine_argv(const struct machine *machine)
{
	AUTO(free_ptr) char *console = escaped(machine->console);
	struct words words = {0};

	add(&words, xstrdup("qemu-system-x86_64"));
	add_option(&words, "-machine", "q35");
	add_option(&words, "-accel", machine->kvm ? "kvm" : "tcg,thread=multi");
	add_option(&words, "-cpu", machine->kvm ? "host" : "max,+svm");
	add_option(&words, "-smp", "%u", machine->cpus);
	add_option(&words, "-m", "%u", machine->memory_mib);
	add(&words, xstrdup("-nodefaults"));
	add(&words, xstrdup("-no-user-config"));
	add(&words, xstrdup("-no-reboot"));
	add_option(&words, "-display", "none");
	add_option(&words, "-chardev", "file,id=console,path=%s", console);
	add_option(&words, "-serial", "chardev:console");
	add_option(&words, "-kernel", "%s", machine->kernel);
	add_option(&words, "-initrd", "%s", machine->initrd);
	/*
	 * The kernel dies on its first oops and QEMU ends then.  kvm_amd.npt=0: QEMU emulates AMD's SVM, but its nested paging breaks
	 * with several guests, so the nested KVM uses shadow paging.  An emulated CPU has no time to wait for guests by polling, nor for
	 * retpolines.
	 */
	add_option(&words, "-append",
		"console=ttyS0 quiet panic=-1 oops=panic systemd.show_status=0 systemd.log_level=warning %s%s%s%s",
		hierarchies[machine->cgroup],
		machine->kvm ? "" : " kvm_amd.npt=0 kvm.halt_poll_ns=0 mitigations=off",
		machine->append ? " " : "", machine->append ? machine->append : "");
	add_disk(&words, machine->root, true);
	add_disk(&words, machine->modules, true);
	add_disk(&words, machine->tenants, true);
	add_disk(&words, machine->payload, true);
	add_disk(&words, machine->scratch, false);
	add_option(&words, "-device", "virtio-serial-pci");
	add_option(&words, "-chardev", "socket,id=port,fd=%d", machine->port_fd);
	add_option(&words, "-device", "virtserialport,chardev=port,name=" AGENT_PORT);
	add(&words, NULL);
	return words.argv;
}

void machine_free_argv(char **argv)
{
	for (size_t i = 0; argv && argv[i]; i++)
		free(argv[i]);
	free(argv);
}
