/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "vm/internal.h"

#include <dirent.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/fsio.h"
#include "glue/libvirt.h"

/* The first line tells ours from a file that the user wrote; that one is left alone. */
#define CONF_MARK "# Made by limitlab; remove this line to keep your own changes.\n"

static const char qemu_conf[] = CONF_MARK
	/* The kernel, the image and the sockets are root's; nothing of them changes hands. */
	"user = \"root\"\n"
	"group = \"root\"\n"
	"dynamic_ownership = 0\n"
	"remember_owner = 0\n"
	"security_driver = \"none\"\n"
	/* There is no virtlogd in an embedded driver. */
	"stdio_handler = \"file\"\n"
	"namespaces = [ ]\n";

static int write_conf(const char *root, struct err *err)
{
	AUTO(free_ptr) char *directory = xasprintf("%s/etc", root);
	AUTO(free_ptr) char *path = xasprintf("%s/qemu.conf", directory);
	AUTO(buf) struct buf old = BUF_INIT;

	if (fsio_make_dirs(directory, err) < 0)
		return -1;
	if (fsio_exists(path)) {
		if (fsio_read_file(path, 1024 * 1024, &old, err) < 0)
			return -1;
		if (strcmp(old.data ? old.data : "", qemu_conf) == 0 ||
			strncmp(old.data ? old.data : "", CONF_MARK, strlen(CONF_MARK)) != 0)
			return 0;
	}
	return fsio_write_atomic(path, qemu_conf, strlen(qemu_conf), err);
}

/* libvirt warns about every domain with host CPU features ("is tainted"): into a file beside its own logs. */
static int set_log_output(const char *root, struct err *err)
{
	/* libvirt splits the value at blanks. */
	if (strpbrk(root, " \t\n"))
		return 0;
	AUTO(free_ptr) char *directory = xasprintf("%s/log", root);
	AUTO(free_ptr) char *path = xasprintf("%s/libvirt.log", directory);
	AUTO(free_ptr) char *outputs = xasprintf("3:file:%s", path);
	if (fsio_make_dirs(directory, err) < 0)
		return -1;
	(void)unlink(path);
	(void)setenv("LIBVIRT_LOG_OUTPUTS", outputs, 0);
	return 0;
}

/*
 * libvirt keeps what it learned about QEMU together with the CPUID data of the CPU it ran on, which hold that CPU's own
 * number (APIC ID): opened on another CPU later, it probes every QEMU again for seconds.  So always open on the same one.
 */
static bool settle_on_first_cpu(cpu_set_t *ret_before, cpu_set_t *ret_there)
{
	if (sched_getaffinity(0, sizeof(*ret_before), ret_before))
		return false;
	for (unsigned cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		CPU_ZERO(ret_there);
		CPU_SET(cpu, ret_there);
		if (sched_setaffinity(0, sizeof(*ret_there), ret_there) == 0)
			return true;
	}
	return false;
}

/* libvirt's own threads were born meanwhile, with the affinity of ours. */
static void unsettle(const cpu_set_t *before, const cpu_set_t *there)
{
	AUTO(close_dir) DIR *tasks = opendir("/proc/self/task");

	(void)sched_setaffinity(0, sizeof(*before), before);
	for (const struct dirent *entry; tasks && (entry = readdir(tasks));) {
		pid_t tid = (pid_t)strtol(entry->d_name, NULL, 10);
		cpu_set_t set;
		if (tid > 0 && sched_getaffinity(tid, sizeof(set), &set) == 0 && CPU_EQUAL(&set, there))
			(void)sched_setaffinity(tid, sizeof(*before), before);
	}
}

static virConnectPtr open_connection(const char *uri, bool embed)
{
	cpu_set_t before, there;
	bool settled = embed && settle_on_first_cpu(&before, &there);
	virConnectPtr connection = virConnectOpen(uri);

	if (settled)
		unsettle(&before, &there);
	return connection;
}

static void ignore_timer(int timer, void *data)
{
	(void)timer;
	(void)data;
}

static void *run_loop(void *data)
{
	struct vm_host *host = data;
	bool stop = false;

	while (!stop) {
		if (virEventRunDefaultImpl() < 0)
			break;
		(void)pthread_mutex_lock(&host->mutex);
		stop = host->stop;
		(void)pthread_mutex_unlock(&host->mutex);
	}
	return NULL;
}

static int start_loop(struct vm_host *host, struct err *err)
{
	static bool registered;
	sigset_t all, old;

	if (!registered && virEventRegisterDefaultImpl() < 0)
		return err_libvirt(err, "cannot set up libvirt's event loop");
	registered = true;
	host->wake_timer = virEventAddTimeout(-1, ignore_timer, NULL, NULL);
	if (host->wake_timer < 0)
		return err_libvirt(err, "cannot set up libvirt's event loop");
	/* Signals belong to the thread that called us. */
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &old);
	int failed = pthread_create(&host->loop_thread, NULL, run_loop, host);
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (failed)
		return err_sys(err, failed, "cannot start the thread of libvirt's event loop");
	host->has_loop = true;
	return 0;
}

/* Called with the mutex held. */
static struct vm *find_vm(struct vm_host *host, virDomainPtr domain)
{
	const char *name = virDomainGetName(domain);

	for (struct vm *vm = host->vms; name && vm; vm = vm->next)
		if (strcmp(vm->domain_name, name) == 0)
			return vm;
	return NULL;
}

static int on_lifecycle(virConnectPtr connection, virDomainPtr domain, int event, int detail, void *data)
{
	struct vm_host *host = data;

	(void)connection;
	(void)detail;
	if (event != VIR_DOMAIN_EVENT_STOPPED && event != VIR_DOMAIN_EVENT_CRASHED)
		return 0;
	(void)pthread_mutex_lock(&host->mutex);
	struct vm *vm = find_vm(host, domain);
	if (vm)
		vm->ended = true;
	(void)pthread_cond_broadcast(&host->changed);
	(void)pthread_mutex_unlock(&host->mutex);
	return 0;
}

static void on_agent(virConnectPtr connection, virDomainPtr domain, int state, int reason, void *data)
{
	struct vm_host *host = data;

	(void)connection;
	(void)reason;
	(void)pthread_mutex_lock(&host->mutex);
	struct vm *vm = find_vm(host, domain);
	if (vm)
		vm->agent_connected = state == VIR_CONNECT_DOMAIN_EVENT_AGENT_LIFECYCLE_STATE_CONNECTED;
	(void)pthread_cond_broadcast(&host->changed);
	(void)pthread_mutex_unlock(&host->mutex);
}

static int register_events(struct vm_host *host, struct err *err)
{
	host->lifecycle_id = virConnectDomainEventRegisterAny(host->connection, NULL,
		VIR_DOMAIN_EVENT_ID_LIFECYCLE, VIR_DOMAIN_EVENT_CALLBACK(on_lifecycle), host, NULL);
	if (host->lifecycle_id < 0)
		return err_libvirt(err, "cannot watch the life of the VMs");
	host->agent_id = virConnectDomainEventRegisterAny(host->connection, NULL,
		VIR_DOMAIN_EVENT_ID_AGENT_LIFECYCLE, VIR_DOMAIN_EVENT_CALLBACK(on_agent), host, NULL);
	if (host->agent_id < 0)
		return err_libvirt(err, "cannot watch the guest agents");
	return 0;
}

static void format_version(unsigned long version, char *ret_text, size_t size)
{
	(void)snprintf(
		ret_text, size, "%lu.%lu.%lu", version / 1000000, version / 1000 % 1000, version % 1000);
}

static int read_versions(struct vm_host *host, struct err *err)
{
	unsigned long version;

	if (virConnectGetLibVersion(host->connection, &version) < 0)
		return err_libvirt(err, "cannot read libvirt's version");
	format_version(version, host->libvirt_version, sizeof(host->libvirt_version));
	if (virConnectGetVersion(host->connection, &version) < 0) {
		(void)err_libvirt(err, "libvirt found no QEMU that it can use");
		return err_remedy(err, "install qemu-system-x86_64 (Debian: qemu-system-x86)");
	}
	format_version(version, host->qemu_version, sizeof(host->qemu_version));
	host->cpu_count = virNodeGetCPUMap(host->connection, NULL, NULL, 0);
	if (host->cpu_count < 0)
		return err_libvirt(err, "cannot read the number of CPUs");
	return 0;
}

DEFINE_AUTO(vm_host, struct vm_host *, vm_host_close);

int vm_host_open(const char *uri, struct vm_host **ret_host, struct err *err)
{
	AUTO(vm_uri) struct vm_uri parsed = {0};
	pthread_condattr_t attributes;

	if (vm_uri_parse(uri, &parsed, err) < 0)
		return -1;
	if (parsed.embed) {
		if (write_conf(parsed.root, err) < 0 || set_log_output(parsed.root, err) < 0)
			return err_wrap(err, "cannot prepare libvirt's embedded driver in '%s'", parsed.root);
	}
	glue_libvirt_quiet();
	if (virInitialize() < 0)
		return err_libvirt(err, "cannot initialise libvirt");
	AUTO(vm_host) struct vm_host *host = xcalloc(1, sizeof(*host));
	host->lifecycle_id = host->agent_id = host->wake_timer = -1;
	host->uri = parsed;
	parsed = (struct vm_uri){0};
	(void)pthread_mutex_init(&host->mutex, NULL);
	(void)pthread_condattr_init(&attributes);
	(void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&host->changed, &attributes);
	(void)pthread_condattr_destroy(&attributes);
	if (start_loop(host, err) < 0)
		return -1;
	host->connection = open_connection(uri, host->uri.embed);
	if (!host->connection) {
		(void)err_libvirt(err, "cannot connect to '%s'", uri);
		if (!host->uri.embed)
			(void)err_remedy(
				err, "start the daemon (libvirtd or virtqemud), or leave --connect out");
		else
			(void)err_remedy(err,
				"install libvirt-daemon-system (its QEMU driver and the user libvirt-qemu) and run as root");
		return -1;
	}
	if (register_events(host, err) < 0 || read_versions(host, err) < 0)
		return -1;
	*ret_host = STEAL(host);
	return 0;
}

void vm_host_close(struct vm_host *host)
{
	if (!host)
		return;
	if (host->vms)
		BUG("the connection is closed while tenant '%s' is open", host->vms->name);
	if (host->lifecycle_id >= 0)
		(void)virConnectDomainEventDeregisterAny(host->connection, host->lifecycle_id);
	if (host->agent_id >= 0)
		(void)virConnectDomainEventDeregisterAny(host->connection, host->agent_id);
	/* The loop still runs here: closing a daemon's connection needs it. */
	if (host->connection)
		(void)virConnectClose(host->connection);
	if (host->has_loop) {
		(void)pthread_mutex_lock(&host->mutex);
		host->stop = true;
		(void)pthread_mutex_unlock(&host->mutex);
		virEventUpdateTimeout(host->wake_timer, 0);
		(void)pthread_join(host->loop_thread, NULL);
	}
	if (host->wake_timer >= 0)
		(void)virEventRemoveTimeout(host->wake_timer);
	(void)pthread_cond_destroy(&host->changed);
	(void)pthread_mutex_destroy(&host->mutex);
	vm_uri_release(&host->uri);
	free(host);
}

int vm_host_has(struct vm_host *host, const char *name, bool *ret_has, struct err *err)
{
	AUTO(free_ptr) char *domain_name = xasprintf("limitlab-%s", name);
	AUTO(vir_domain) virDomainPtr domain = virDomainLookupByName(host->connection, domain_name);

	if (!domain && virGetLastErrorCode() != VIR_ERR_NO_DOMAIN)
		return err_libvirt(err, "cannot look for a domain '%s'", domain_name);
	*ret_has = domain != NULL;
	return 0;
}

const char *vm_host_libvirt_version(const struct vm_host *host)
{
	return host->libvirt_version;
}

const char *vm_host_qemu_version(const struct vm_host *host)
{
	return host->qemu_version;
}
