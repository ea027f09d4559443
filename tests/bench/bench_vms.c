/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The references of make bench, on real VMs, in private namespaces:
 *
 *	bench_vms tick	boots three tenants and prints what one tick of the sampler and one virDomainListGetStats() call cost
 *			on the same VMs: "tick_us X" and "stats_us X", medians of 51 of each, in turn
 *	bench_vms hand	starts the same three QEMU command lines that libvirt would (virConnectDomainXMLToNative) with no
 *			libvirt, all at once, and prints "ready_s X": until the last guest agent answered guest-ping
 *
 * Both hold the lock of runs.  Needs root and the image.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "applier/applier.h"
#include "base/auto.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/cpulist.h"
#include "base/fsio.h"
#include "base/paths.h"
#include "base/spawn.h"
#include "glue/libvirt.h"
#include "guest/image.h"
#include "run/sandbox.h"
#include "run/state.h"
#include "sample/sampler.h"
#include "vm/accel.h"
#include "vm/internal.h"
#include "vm/vm.h"

#define TENANTS       3
#define ROUNDS        51
#define READY_LIMIT_S 120
#define PING          "{\"execute\":\"guest-ping\"}\n"

struct bench {
	bool hand;
	char *embed_root, *dir;
	struct image image;
	struct accel accel;
	struct vm_host *host;
	struct vm_spec specs[TENANTS];
	struct vm *vms[TENANTS];
	struct err errs[TENANTS];
};

static const char *const names[TENANTS] = {"blue", "green", "red"};

DEFINE_AUTO(sampler, struct sampler *, sampler_free);

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

static int fill_specs(struct bench *bench, struct err *err)
{
	cpu_set_t allowed;

	if (cpulist_allowed(&allowed, err))
		return -1;
	for (size_t i = 0; i < TENANTS; i++)
		bench->specs[i] = (struct vm_spec){
			.name = names[i],
			.vcpus = 1,
			.memory_bytes = 192 * UINT64_C(1048576),
			.vcpu_cpus = allowed,
			.emulator_cpus = allowed,
			.kvm = bench->accel.kvm,
			.kernel_path = bench->image.kernel_path,
			.initrd_path = bench->image.initrd_path,
			.root_path = bench->image.root_path,
			.console_path = xasprintf("%s/%s.console", bench->dir, names[i]),
			.stream_path = xasprintf("%s/%s.stream", bench->dir, names[i]),
		};
	return 0;
}

/* ---- tick ---- */

struct boot {
	struct bench *bench;
	size_t index;
	pthread_t thread;
	int result;
};

static void *boot_one(void *data)
{
	struct boot *boot = data;
	struct bench *bench = boot->bench;
	struct vm **vm = &bench->vms[boot->index];
	struct err *err = &bench->errs[boot->index];

	boot->result = vm_start(bench->host, &bench->specs[boot->index], vm, err) ||
				       vm_wait_ready(*vm, clock_now_ns() + READY_LIMIT_S * NS_PER_S, err)
			       ? -1
			       : 0;
	return NULL;
}

static int boot_all(struct bench *bench, struct err *err)
{
	struct boot boots[TENANTS];
	int result = 0;

	for (size_t i = 0; i < TENANTS; i++) {
		boots[i] = (struct boot){.bench = bench, .index = i};
		if (pthread_create(&boots[i].thread, NULL, boot_one, &boots[i]))
			BUG("no thread");
	}
	for (size_t i = 0; i < TENANTS; i++) {
		(void)pthread_join(boots[i].thread, NULL);
		if (boots[i].result && result == 0) {
			*err = bench->errs[i];
			result = -1;
		}
	}
	return result;
}

static int one_stats_call(virDomainPtr *domains, double *ret_us, struct err *err)
{
	virDomainStatsRecordPtr *records = NULL;
	uint64_t begin_ns = clock_now_ns();
	int count = virDomainListGetStats(domains, 0, &records, 0);

	if (count < 0)
		return err_libvirt(err, "virDomainListGetStats failed");
	*ret_us = (double)(clock_now_ns() - begin_ns) / 1e3;
	virDomainStatsRecordListFree(records);
	return count == TENANTS ? 0 : err_run(err, "libvirt knows %d of %d domains", count, TENANTS);
}

static double one_tick(struct sampler *sampler)
{
	struct table table;
	size_t column_count;
	const char *const *columns = sampler_columns(&column_count);

	table_init(&table, columns, column_count);
	uint64_t begin_ns = clock_now_ns();
	sampler_tick(sampler, begin_ns, &table);
	double us = (double)(clock_now_ns() - begin_ns) / 1e3;
	table_release(&table);
	return us;
}

static int measure_tick(struct bench *bench, struct err *err)
{
	struct sampler_tenant tenants[TENANTS];
	struct target *targets[TENANTS] = {0};
	virDomainPtr domains[TENANTS + 1] = {0};
	double ticks_us[ROUNDS], stats_us[ROUNDS];
	AUTO(sampler) struct sampler *sampler = NULL;
	int result = 0;

	for (size_t i = 0; i < TENANTS && result == 0; i++) {
		pid_t pid;
		domains[i] = vm_domain(bench->vms[i]);
		result = vm_pid(bench->vms[i], &pid, err) || target_open(domains[i], pid, &targets[i], err)
				 ? -1
				 : 0;
		if (result == 0)
			tenants[i] = (struct sampler_tenant){
				.name = names[i], .pid = pid, .cgroup = target_cgroup(targets[i])};
	}
	if (result == 0)
		result = sampler_new(&(struct sampler_options){.root = "",
					     .tenants = tenants,
					     .tenant_count = TENANTS,
					     .scarce_cpus = &bench->specs[0].vcpu_cpus},
			&sampler, err);
	for (size_t i = 0; i < ROUNDS && result == 0; i++) {
		result = one_stats_call(domains, &stats_us[i], err);
		if (result == 0)
			ticks_us[i] = one_tick(sampler);
	}
	for (size_t i = 0; i < TENANTS; i++)
		target_close(targets[i]);
	if (result)
		return -1;
	printf("tick_us %.2f\nstats_us %.2f\n", median(ticks_us, ROUNDS), median(stats_us, ROUNDS));
	return 0;
}

/* ---- by hand ---- */

/* Makes what libvirt would have made for this argument: the folder of a socket, the master key. */
static int furnish_path(const char *path, bool key, struct err *err)
{
	static const char zeros[32];
	AUTO(free_ptr) char *folder = fsio_dirname(path);

	if (fsio_make_dirs(folder, err))
		return -1;
	return key ? fsio_write_atomic(path, zeros, sizeof(zeros), err) : 0;
}

/* The value behind KEY in a command line, up to a comma, blank or quote.  The caller frees; NULL: none. */
static char *value_behind(const char **at, const char *key)
{
	const char *found = strstr(*at, key);

	if (!found)
		return NULL;
	found += strlen(key);
	size_t length = strcspn(found, ",\"' \n");
	*at = found + length;
	return xstrndup(found, length);
}

/* libvirt's command line for one tenant, in shell syntax; -S would start it halted. */
static int native_line(struct bench *bench, size_t index, char **ret_line, char **ret_agent, struct err *err)
{
	AUTO(free_ptr) char *xml = NULL;
	char *path;

	if (vm_spec_to_xml(&bench->specs[index], &xml, err))
		return -1;
	AUTO(free_ptr) char *line = virConnectDomainXMLToNative(bench->host->connection, "qemu-argv", xml, 0);
	if (!line)
		return err_libvirt(err, "no command line for '%s'", names[index]);
	char *halted = strstr(line, " -S ");
	if (!halted)
		return err_run(err, "a command line without -S: %s", line);
	halted[1] = halted[2] = ' ';
	char *agent = strstr(line, "path=");
	for (const char *at = line; (path = value_behind(&at, "path="));) {
		AUTO(free_ptr) char *owned = path;
		if (furnish_path(owned, false, err))
			return -1;
		if (strstr(owned, "org.qemu.guest_agent.0")) {
			free(*ret_agent);
			*ret_agent = STEAL(owned);
		}
	}
	for (const char *at = line; (path = value_behind(&at, "\"format\":\"raw\",\"file\":\""));) {
		AUTO(free_ptr) char *owned = path;
		if (furnish_path(owned, true, err))
			return -1;
	}
	if (!agent || !*ret_agent)
		return err_run(err, "a command line without an agent's socket: %s", line);
	*ret_line = xasprintf("exec env %s", line);
	return 0;
}

/* True when the agent has answered on this connection. */
static bool answered(int fd)
{
	char text[256];
	ssize_t count = recv(fd, text, sizeof(text) - 1, MSG_DONTWAIT);

	if (count <= 0)
		return false;
	text[count] = '\0';
	return strstr(text, "\"return\"") != NULL;
}

static int connect_to(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	auto_close_fd(&fd);
	return -1;
}

/* One ping each, waiting in the port until the guest opens it: the answer comes at the first possible moment. */
static int wait_for_agents(char *const *agents, uint64_t begin_ns, struct err *err)
{
	struct pollfd fds[TENANTS];
	uint64_t deadline_ns = begin_ns + READY_LIMIT_S * NS_PER_S;
	size_t ready = 0;

	for (size_t i = 0; i < TENANTS; i++)
		fds[i] = (struct pollfd){.fd = -1, .events = POLLIN};
	bool done[TENANTS] = {0};
	while (ready < TENANTS) {
		if (clock_now_ns() > deadline_ns)
			return err_run(
				err, "%zu of %d agents answered within %d s", ready, TENANTS, READY_LIMIT_S);
		for (size_t i = 0; i < TENANTS; i++) {
			if (fds[i].fd >= 0 || done[i])
				continue;
			fds[i].fd = connect_to(agents[i]);
			if (fds[i].fd >= 0 && send(fds[i].fd, PING, strlen(PING), MSG_NOSIGNAL) < 0)
				return err_sys(err, errno, "cannot ping '%s'", names[i]);
		}
		(void)poll(fds, TENANTS, 10);
		for (size_t i = 0; i < TENANTS; i++) {
			if (fds[i].fd < 0 || !fds[i].revents || !answered(fds[i].fd))
				continue;
			auto_close_fd(&fds[i].fd);
			done[i] = true;
			ready++;
		}
	}
	printf("ready_s %.3f\n", (double)(clock_now_ns() - begin_ns) / 1e9);
	return 0;
}

static int measure_hand(struct bench *bench, struct err *err)
{
	char *lines[TENANTS] = {0}, *agents[TENANTS] = {0};
	pid_t pids[TENANTS] = {0};
	int result = 0;

	for (size_t i = 0; i < TENANTS; i++)
		if (native_line(bench, i, &lines[i], &agents[i], err))
			return -1;
	if (getenv("BENCH_SHOW"))
		for (size_t i = 0; i < TENANTS; i++)
			(void)fprintf(stderr, "%s\n", lines[i]);
	vm_host_close(STEAL(bench->host));
	AUTO(free_ptr) char *log = xasprintf("%s/qemu.log", bench->dir);
	AUTO(close_fd) int log_fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	uint64_t begin_ns = clock_now_ns();
	for (size_t i = 0; i < TENANTS && result == 0; i++) {
		const char *const argv[] = {"/bin/sh", "-c", lines[i], NULL};
		result = spawn_start(argv, &(struct spawn_options){.output_fd = log_fd}, &pids[i], err);
	}
	if (result == 0)
		result = wait_for_agents(agents, begin_ns, err);
	AUTO(buf) struct buf output = BUF_INIT;
	if (result && fsio_read_file(log, 65536, &output, NULL) == 0 && output.data)
		(void)fprintf(stderr, "%s\n", output.data);
	for (size_t i = 0; i < TENANTS; i++)
		if (pids[i] > 0)
			spawn_stop(pids[i], 2000);
	return result;
}

/* ---- both ---- */

static int inside(void *data)
{
	struct bench *bench = data;
	struct err err = ERR_INIT;
	AUTO(free_ptr) char *uri = xasprintf("qemu:///embed?root=%s", bench->embed_root);
	AUTO(free_ptr) char *cache = state_path("");

	int result = accel_decide(ACCEL_AUTO, cache, bench->image.kernel_path, bench->image.initrd_path,
			     &bench->accel, &err) ||
		     fill_specs(bench, &err) || vm_host_open(uri, &bench->host, &err);
	if (result == 0)
		result = bench->hand ? measure_hand(bench, &err)
				     : boot_all(bench, &err) || measure_tick(bench, &err);
	for (size_t i = 0; i < TENANTS; i++)
		vm_destroy(bench->vms[i]);
	vm_host_close(bench->host);
	(void)fflush(stdout);
	if (result)
		(void)fprintf(stderr, "bench_vms: %s\n", err.text);
	return result ? 1 : 0;
}

int main(int argc, char **argv)
{
	static struct bench bench;
	struct err err = ERR_INIT;
	struct sandbox sandbox;
	char dir[] = "/tmp/ll-bench-XXXXXX";
	sigset_t set;
	int lock, status = 1;

	bench.hand = argc == 2 && !strcmp(argv[1], "hand");
	if (argc != 2 || (!bench.hand && strcmp(argv[1], "tick") != 0)) {
		(void)fprintf(stderr, "usage: bench_vms tick|hand\n");
		return 2;
	}
	bench.dir = mkdtemp(dir);
	bench.embed_root = state_path("embed");
	AUTO(free_ptr) char *runner = paths_libexec("runner");
	AUTO(free_ptr) char *init = paths_libexec("init");
	struct image_options image = {.dir = paths_image_dir(), .runner_path = runner, .init_path = init};
	struct sandbox_options options = {.private_namespaces = true, .embed_root = bench.embed_root};
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	if (!bench.dir || image_open(&image, &bench.image, &err) || state_prepare(&err) ||
		state_lock(&lock, &err) || sandbox_start(&options, inside, &bench, &sandbox, &err)) {
		(void)fprintf(stderr, "bench_vms: %s\n", err.text);
		return 1;
	}
	(void)waitpid(sandbox.pid, &status, 0);
	const char *const remove[] = {"rm", "-rf", dir, NULL};
	(void)spawn_check(remove, &(struct spawn_options){0}, NULL);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
