/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "vm/vm.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/fsio.h"
#include "glue/libvirt.h"
#include "vm/internal.h"

#define PING "{\"execute\":\"guest-ping\"}"
/* libvirt counts in seconds; the sync before a command takes as long again. */
#define PING_TIMEOUT_S 1
/* libvirt tells us when the agent opens its port; between that and its answer, and should the event not come: */
#define RETRY_CONNECTED_NS (20 * NS_PER_MS)
#define RETRY_SILENT_NS    (500 * NS_PER_MS)
/* Until libvirt has told of an end.  It looks every 0.2 s whether what was killed is gone, and then its handler works. */
#define STOPPED_NS (2 * NS_PER_S)

static void vm_free(struct vm *vm)
{
	if (vm->domain)
		(void)virDomainFree(vm->domain);
	free(vm->name);
	free(vm->domain_name);
	free(vm->console_path);
	free(vm->stream_path);
	free(vm);
}

DEFINE_AUTO(vm_unlisted, struct vm *, vm_free);

static void list_add(struct vm *vm)
{
	(void)pthread_mutex_lock(&vm->host->mutex);
	vm->next = vm->host->vms;
	vm->host->vms = vm;
	(void)pthread_mutex_unlock(&vm->host->mutex);
}

static void list_remove(struct vm *vm)
{
	(void)pthread_mutex_lock(&vm->host->mutex);
	for (struct vm **slot = &vm->host->vms; *slot; slot = &(*slot)->next) {
		if (*slot != vm)
			continue;
		*slot = vm->next;
		break;
	}
	(void)pthread_mutex_unlock(&vm->host->mutex);
}

/* libvirt may have chosen it. */
static int learn_stream_path(struct vm *vm, struct err *err)
{
	if (vm->stream_path)
		return 0;
	AUTO(free_ptr) char *xml = virDomainGetXMLDesc(vm->domain, 0);
	if (!xml)
		return err_libvirt(err, "cannot read the description of tenant '%s'", vm->name);
	if (vm_xml_stream_path(xml, &vm->stream_path, err) < 0)
		return err_wrap(err, "tenant '%s'", vm->name);
	return 0;
}

/* Starts the domain, or has it go on from a file.  Sets vm->domain, also when it is over already. */
static int create(struct vm *vm, const char *xml, const char *saved, struct err *err)
{
	virConnectPtr connection = vm->host->connection;

	if (!saved) {
		/* The embedded driver refuses AUTODESTROY; there the PID namespace does the same. */
		vm->domain = virDomainCreateXML(
			connection, xml, vm->host->uri.embed ? 0 : VIR_DOMAIN_START_AUTODESTROY);
		return vm->domain ? 0 : err_libvirt(err, "cannot start the VM of tenant '%s'", vm->name);
	}
	if (virDomainRestoreFlags(connection, saved, xml, VIR_DOMAIN_SAVE_RUNNING) < 0)
		return err_libvirt(err, "cannot wake the VM of tenant '%s' from '%s'", vm->name, saved);
	vm->domain = virDomainLookupByName(connection, vm->domain_name);
	return vm->domain ? 0 : err_libvirt(err, "the VM of tenant '%s' woke and is gone", vm->name);
}

static int start(struct vm_host *host, const struct vm_spec *spec, const char *saved, struct vm **ret_vm,
	struct err *err)
{
	AUTO(free_ptr) char *xml = NULL;

	if (vm_spec_to_xml(spec, &xml, err) < 0)
		return -1;
	AUTO(vm_unlisted) struct vm *vm = xcalloc(1, sizeof(*vm));
	vm->host = host;
	vm->name = xstrdup(spec->name);
	vm->domain_name = xasprintf("limitlab-%s", spec->name);
	vm->console_path = xstrdup(spec->console_path);
	vm->stream_path = spec->stream_path ? xstrdup(spec->stream_path) : NULL;
	vm->vcpus = spec->vcpus;
	if (host->uri.embed && vm_embed_check_sockets(host->uri.root, vm->domain_name, err) < 0)
		return -1;
	/* Listed first: the VM may end before virDomainCreateXML() returns. */
	list_add(vm);
	if (create(vm, xml, saved, err) < 0) {
		list_remove(vm);
		return -1;
	}
	/* Also the time for libvirt's own handshake with the agent (5 s) that comes before every command. */
	int result = 0;
	if (virDomainAgentSetResponseTimeout(vm->domain, PING_TIMEOUT_S, 0) < 0)
		result = err_libvirt(err, "cannot set the agent's timeout of tenant '%s'", spec->name);
	if (result < 0 || learn_stream_path(vm, err) < 0) {
		vm_destroy(STEAL(vm));
		return -1;
	}
	*ret_vm = STEAL(vm);
	return 0;
}

int vm_start(struct vm_host *host, const struct vm_spec *spec, struct vm **ret_vm, struct err *err)
{
	return start(host, spec, NULL, ret_vm, err);
}

int vm_wake(struct vm_host *host, const struct vm_spec *spec, const char *path, struct vm **ret_vm,
	struct err *err)
{
	if (start(host, spec, path, ret_vm, err) < 0)
		return -1;
	/* The agent is there and answers; that its port is open is told later, or never. */
	(void)pthread_mutex_lock(&host->mutex);
	(*ret_vm)->agent_connected = true;
	(void)pthread_mutex_unlock(&host->mutex);
	return 0;
}

/* Waits for an event or until next_ns.  Returns true when the VM has ended. */
static bool wait_event(struct vm *vm, uint64_t connected_next_ns, uint64_t silent_next_ns)
{
	bool ended;

	(void)pthread_mutex_lock(&vm->host->mutex);
	for (;;) {
		uint64_t next_ns = vm->agent_connected ? connected_next_ns : silent_next_ns;
		if (vm->ended || clock_now_ns() >= next_ns)
			break;
		struct timespec until = {
			.tv_sec = (time_t)(next_ns / NS_PER_S),
			.tv_nsec = (long)(next_ns % NS_PER_S),
		};
		(void)pthread_cond_timedwait(&vm->host->changed, &vm->host->mutex, &until);
	}
	ended = vm->ended;
	(void)pthread_mutex_unlock(&vm->host->mutex);
	return ended;
}

/*
 * An end is told by name: should that come late, the next one of this name would be taken for dead.  And libvirt's handler of
 * an end and a virDomainDestroy() at the same time get into each other's way: a VM started next was never ready (2 of 18 times).
 */
static bool wait_stopped(struct vm *vm)
{
	uint64_t deadline_ns = clock_now_ns() + STOPPED_NS;

	return wait_event(vm, deadline_ns, deadline_ns);
}

int vm_save(struct vm *vm, const char *path, struct err *err)
{
	/* Running again afterwards, whatever it is now. */
	if (virDomainSaveFlags(vm->domain, path, NULL, VIR_DOMAIN_SAVE_RUNNING) < 0)
		return err_libvirt(err, "cannot save the VM of tenant '%s' in '%s'", vm->name, path);
	(void)wait_stopped(vm);
	return 0;
}

int vm_wait_ready(struct vm *vm, uint64_t deadline_ns, struct err *err)
{
	/* The agent may be there already, but a first ping into the void costs a second of waiting. */
	uint64_t connected_next_ns = 0;
	uint64_t silent_next_ns = clock_now_ns() + RETRY_SILENT_NS;

	for (;;) {
		AUTO(free_ptr) char *reply = NULL;
		struct err failure = ERR_INIT;

		if (wait_event(vm, connected_next_ns < deadline_ns ? connected_next_ns : deadline_ns,
			    silent_next_ns < deadline_ns ? silent_next_ns : deadline_ns))
			return vm_err_died(vm, "it was booting", err);
		if (vm_agent_command(vm, PING, PING_TIMEOUT_S, &reply, &failure) == 0)
			return 0;
		uint64_t now_ns = clock_now_ns();
		if (now_ns >= deadline_ns) {
			(void)err_set(err, ERR_AGENT, failure.code, "tenant '%s' was not ready in time: %s",
				vm->name, failure.text);
			return vm_err_console(vm, err);
		}
		connected_next_ns = now_ns + RETRY_CONNECTED_NS;
		silent_next_ns = now_ns + RETRY_SILENT_NS;
	}
}

bool vm_is_running(const struct vm *vm)
{
	(void)pthread_mutex_lock(&vm->host->mutex);
	bool ended = vm->ended;
	(void)pthread_mutex_unlock(&vm->host->mutex);
	return !ended;
}

/* Sets the bits of a CPU map as libvirt wants it; returns its length. */
static int fill_map(const struct vm *vm, const cpu_set_t *cpus, unsigned char *ret_map, size_t size)
{
	int length = VIR_CPU_MAPLEN(vm->host->cpu_count);

	for (unsigned cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, cpus))
			ret_map[cpu / 8] = (unsigned char)(ret_map[cpu / 8] | 1U << cpu % 8);
	return length > (int)size ? (int)size : length;
}

int vm_pin(struct vm *vm, const cpu_set_t *vcpus, struct err *err)
{
	unsigned char map[CPU_SETSIZE / 8] = {0};
	int length = fill_map(vm, vcpus, map, sizeof(map));

	for (unsigned i = 0; i < vm->vcpus; i++)
		if (virDomainPinVcpuFlags(vm->domain, i, map, length, VIR_DOMAIN_AFFECT_LIVE) < 0)
			return err_libvirt(err, "cannot pin vCPU %u of tenant '%s'", i, vm->name);
	return 0;
}

int vm_pin_emulator(struct vm *vm, const cpu_set_t *cpus, struct err *err)
{
	unsigned char map[CPU_SETSIZE / 8] = {0};
	int length = fill_map(vm, cpus, map, sizeof(map));

	if (virDomainPinEmulator(vm->domain, map, length, VIR_DOMAIN_AFFECT_LIVE) < 0)
		return err_libvirt(err, "cannot pin the emulator of tenant '%s'", vm->name);
	return 0;
}

struct _virDomain *vm_domain(struct vm *vm)
{
	return vm->domain;
}

const char *vm_name(const struct vm *vm)
{
	return vm->name;
}

void vm_destroy(struct vm *vm)
{
	if (!vm)
		return;
	/*
	 * The guest is not asked, and there is nothing in it to save.  libvirt sends SIGTERM, looks again after 0.2 s, and
	 * kills a QEMU that does not react after 10 s; with a SIGKILL of ours it finds it gone, and says so within 10 to 220 ms.
	 */
	bool ended = !vm_is_running(vm);
	pid_t pid;
	if (!ended && vm->host->uri.embed && vm_pid(vm, &pid, NULL) == 0 && kill(pid, SIGKILL) == 0)
		ended = wait_stopped(vm);
	if (!ended && virDomainDestroyFlags(vm->domain, 0) == 0)
		(void)wait_stopped(vm);
	list_remove(vm);
	vm_free(vm);
}
