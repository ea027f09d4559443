/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One lab host from power-on to its end. */
#include "labhost/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/clock.h"
#include "base/fsio.h"
#include "base/signals.h"
#include "base/spawn.h"
#include "labhost/prepare.h"
#include "labhost/watch.h"

/* ---- starting it ---- */

/* QEMU gets these by their numbers; nobody else is started meanwhile. */
static void inherit(const int *fds, size_t count, bool yes)
{
	for (size_t i = 0; i < count; i++)
		(void)fcntl(fds[i], F_SETFD, yes ? 0 : FD_CLOEXEC);
}

static int start(struct watch *self, const struct labhost_parts *parts, int inner_port, struct err *err)
{
	const struct labhost_config *config = self->config;
	AUTO(free_ptr) char *payload = xasprintf("/proc/self/fd/%d", parts->payload_fd);
	AUTO(free_ptr) char *scratch = xasprintf("/proc/self/fd/%d", parts->scratch_fd);
	const int passed[] = {inner_port, parts->payload_fd, parts->scratch_fd};
	const struct machine machine = {
		.kernel = config->kernel->vmlinuz,
		.initrd = config->kernel->initrd,
		.root = parts->root,
		.modules = config->kernel->modules,
		.tenants = parts->tenants,
		.payload = payload,
		.scratch = scratch,
		.port_fd = inner_port,
		.console = config->console,
		.kvm = parts->accel.kvm,
		.cgroup = config->cgroup,
		.append = config->append,
		.memory_mib = config->memory_mib ? config->memory_mib : LABHOST_MEMORY_MIB,
		.cpus = config->cpus ? config->cpus : LABHOST_CPUS,
	};
	char **argv = machine_argv(&machine);

	inherit(passed, ARRAY_SIZE(passed), true);
	int result = spawn_start((const char *const *)argv,
		&(struct spawn_options){.output_fd = self->said_fd}, &self->qemu, err);
	inherit(passed, ARRAY_SIZE(passed), false);
	machine_free_argv(argv);
	return result;
}

static int run_watched(struct watch *self, const struct labhost_parts *parts, struct err *err)
{
	const struct labhost_config *config = self->config;
	AUTO(free_ptr) char *parent = fsio_dirname(config->console);
	int ports[2];

	if (fsio_make_dirs(parent, err) || fsio_make_dirs(config->results, err))
		return -1;
	AUTO(close_fd) int console = open(config->console, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	AUTO(close_fd) int said = memfd_create("limitlab-qemu", MFD_CLOEXEC);
	if (console < 0 || said < 0)
		return err_sys(err, errno, "cannot open '%s'", config->console);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ports))
		return err_sys(err, errno, "cannot make a socket pair");
	AUTO(close_fd) int port = ports[0];
	AUTO(close_fd) int inner_port = ports[1];
	self->console_fd = console;
	self->said_fd = said;
	self->port_fd = port;
	self->start_ns = self->sign_ns = self->word_ns = clock_now_ns();
	labwatch_stage(config, "lab host: kernel %s, cgroup %s, %s", config->kernel->release,
		labhost_cgroup_name(config->cgroup),
		parts->accel.kvm ? "KVM" : "TCG (slow: no nested KVM here)");
	if (start(self, parts, inner_port, err))
		return -1;
	(void)close(STEAL_FD(inner_port));
	int result = labwatch_over(self, err);
	(void)labwatch_take_frames(self, NULL);
	spawn_stop(self->qemu, 0);
	labwatch_finish(self);
	return result;
}

/* What was learned belongs to its key only when it is whole and the inner limitlab did its work. */
static void keep_learned(const struct labhost_parts *parts, const struct labhost_end *end)
{
	static const int worked[] = {0, 1, 3};
	AUTO(free_ptr) char *cache = xasprintf("%s/embed/cache", parts->learning);

	for (size_t i = 0; i < ARRAY_SIZE(worked); i++)
		if (end->how == LABHOST_DONE && end->status == worked[i] && fsio_exists(cache) &&
			!fsio_remove_tree(parts->learned, NULL))
			(void)rename(parts->learning, parts->learned);
	(void)fsio_remove_tree(parts->learning, NULL);
}

int labhost_run(const struct labhost_config *config, const struct labhost_job *job,
	struct labhost_end *ret_end, struct err *err)
{
	struct labhost_parts parts = {.payload_fd = -1, .scratch_fd = -1};
	struct watch watch = {.config = config};
	struct signals signals;

	if (config->results[0] != '/')
		BUG("'%s' is not absolute", config->results);
	AUTO(free_ptr) char *lock_path = xasprintf("%s/running", config->place->dir);
	if (fsio_make_dirs(config->place->dir, err))
		return -1;
	AUTO(close_fd) int lock = open(lock_path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (lock < 0)
		return err_sys(err, errno, "cannot open '%s'", lock_path);
	if (flock(lock, LOCK_EX | LOCK_NB)) {
		(void)err_host(err, "another lab host runs (it holds '%s')", lock_path);
		return err_remedy(err, "wait until it ends: two at once would measure each other");
	}
	if (labhost_parts_make(config, job, &parts, err)) {
		labhost_parts_release(&parts);
		return -1;
	}
	watch.mirror = (struct mirror){.results = config->results, .learned = parts.learning};
	watch.end.kvm = parts.accel.kvm;
	(void)snprintf(watch.end.accel_reason, sizeof(watch.end.accel_reason), "%s", parts.accel.reason);
	int result = signals_take(&signals, 0, err);
	if (!result) {
		watch.signal_fd = signals.fd;
		result = run_watched(&watch, &parts, err);
		signals_give_back(&signals);
	}
	keep_learned(&parts, &watch.end);
	if (result || watch.end.how != LABHOST_DONE) {
		AUTO(free_ptr)
		char *why = result ? xstrdup(err->text)
				   : xasprintf("the lab host ended (%s): %s", labhost_how_name(watch.end.how),
					     watch.end.text);
		mirror_close_runs(&watch.mirror, why);
	}
	for (size_t i = 0; i < watch.mirror.manifest_count && config->ran; i++) {
		AUTO(free_ptr) char *run_dir = fsio_dirname(watch.mirror.manifests[i]);
		config->ran(run_dir, config->context);
	}
	labwatch_release(&watch);
	labhost_parts_release(&parts);
	if (!result)
		*ret_end = watch.end;
	return result;
}

const char *labhost_how_name(enum labhost_how how)
{
	static const char *const names[] = {
		[LABHOST_DONE] = "done",
		[LABHOST_PANIC] = "panic",
		[LABHOST_HANG] = "hang",
		[LABHOST_DEADLINE] = "deadline",
		[LABHOST_DIED] = "died",
	};

	return names[how];
}
