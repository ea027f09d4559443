/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "applier/applier.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "applier/ops.h"
#include "base/auto.h"
#include "base/buf.h"
#include "base/fsio.h"
#include "glue/libvirt.h"

/* QEMU command lines of libvirt have some kilobytes. */
#define CMDLINE_LIMIT_BYTES (1024U * 1024)
#define EMBED_PREFIX        "qemu:///embed?"

DEFINE_AUTO(target, struct target *, target_close);

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* "%2F" -> "/", in place (RFC 3986 section 2.1). */
static void percent_decode(char *text)
{
	char *to = text;

	for (const char *from = text; *from; from++) {
		int high = from[0] == '%' ? hex_digit(from[1]) : -1;
		int low = high >= 0 ? hex_digit(from[2]) : -1;
		if (low >= 0) {
			*to++ = (char)(high * 16 + low);
			from += 2;
		} else {
			*to++ = *from;
		}
	}
	*to = '\0';
}

/* The value of root= in "root=DIR&other=x"; NULL: there is none. */
static char *embed_root(const char *query)
{
	while (*query) {
		size_t span = strcspn(query, "&");
		if (!strncmp(query, "root=", 5)) {
			char *value = xstrndup(query + 5, span - 5);
			percent_decode(value);
			return value;
		}
		query += span;
		query += *query == '&';
	}
	return NULL;
}

int target_pid_file(const char *uri, const char *domain, char **ret_path, struct err *err)
{
	if (!strncmp(uri, EMBED_PREFIX, strlen(EMBED_PREFIX))) {
		AUTO(free_ptr) char *root = embed_root(uri + strlen(EMBED_PREFIX));
		if (!root || root[0] != '/')
			return err_input(err, "the libvirt URI '%s' names no absolute root=", uri);
		*ret_path = xasprintf("%s/run/qemu/%s.pid", root, domain);
		return 0;
	}
	size_t length = strcspn(uri, "?");
	if ((length == strlen("qemu:///system") && !strncmp(uri, "qemu:///system", length)) ||
		(length > strlen("qemu+unix:///system") - 1 &&
			!strncmp(uri, "qemu+unix:///system", length))) {
		*ret_path = xasprintf("/run/libvirt/qemu/%s.pid", domain);
		return 0;
	}
	return err_input(err,
		"limits need a local system QEMU connection (qemu:///system or qemu:///embed?root=DIR), "
		"not '%s'",
		uri);
}

int target_verify_pid(const char *root, pid_t pid, const char *domain, struct err *err)
{
	AUTO(buf) struct buf text = BUF_INIT;
	AUTO(buf) struct buf wanted = BUF_INIT;
	AUTO(free_ptr) char *path = xasprintf("%s/proc/%d/cmdline", root, (int)pid);

	if (fsio_read_file(path, CMDLINE_LIMIT_BYTES, &text, err))
		return err_wrap(err, "the QEMU process of '%s' is gone", domain);
	/* QEMU's option syntax doubles a comma inside a value. */
	buf_adds(&wanted, "guest=");
	for (const char *at = domain; *at; at++)
		buf_addf(&wanted, *at == ',' ? ",%c" : "%c", *at);
	bool after_name = false;
	for (const char *word = text.data; word < text.data + text.length; word += strlen(word) + 1) {
		if (after_name && !strncmp(word, wanted.data, wanted.length)) {
			const char *rest = word + wanted.length;
			if (!*rest || (*rest == ',' && rest[1] != ','))
				return 0;
		}
		after_name = !strcmp(word, "-name");
	}
	return err_run(err, "process %d is not the QEMU of '%s': its command line has no '-name %s'",
		(int)pid, domain, wanted.data);
}

static int find_pid(virDomainPtr domain, const char *name, pid_t *ret_pid, struct err *err)
{
	AUTO(free_ptr) char *uri = virConnectGetURI(virDomainGetConnect(domain));
	if (!uri)
		return err_libvirt(err, "cannot ask libvirt for its URI");
	AUTO(free_ptr) char *path = NULL;
	uint64_t pid;

	if (target_pid_file(uri, name, &path, err))
		return -1;
	if (fsio_read_u64(AT_FDCWD, path, &pid, err))
		return err_wrap(err, "'%s' is not running", name);
	if (pid == 0 || pid > INT_MAX)
		return err_run(err, "'%s' holds %ju, which is no process", path, (uintmax_t)pid);
	*ret_pid = (pid_t)pid;
	return 0;
}

int target_open_with(const char *root, const char *name, pid_t pid, const struct applier_ops *const *table,
	struct target **ret_target, struct err *err)
{
	AUTO(target) struct target *target = xcalloc(1, sizeof(*target));

	target->name = xstrdup(name);
	target->pid = pid;
	target->table = table;
	if (cgroup_vm_find(root, pid, &target->cgroup, err))
		return err_wrap(err, "cannot open '%s'", name);
	*ret_target = STEAL(target);
	return 0;
}

int target_open(struct _virDomain *domain, pid_t pid, struct target **ret_target, struct err *err)
{
	if (!domain) {
		char name[32];
		(void)snprintf(name, sizeof(name), "process %d", (int)pid);
		return target_open_with("", name, pid, applier_table, ret_target, err);
	}
	const char *name = virDomainGetName(domain);
	if (!name)
		return err_libvirt(err, "cannot ask libvirt for the name of a domain");
	if (!pid && find_pid(domain, name, &pid, err))
		return -1;
	if (target_verify_pid("", pid, name, err))
		return -1;
	AUTO(target) struct target *target = NULL;
	if (target_open_with("", name, pid, applier_table, &target, err))
		return -1;
	if (virDomainRef(domain) < 0)
		return err_libvirt(err, "cannot keep the domain '%s'", name);
	target->domain = domain;
	*ret_target = STEAL(target);
	return 0;
}

void target_close(struct target *target)
{
	if (!target)
		return;
	if (target->domain)
		(void)virDomainFree(target->domain);
	target_link_free(target->link);
	target_disk_free(target->disk);
	cgroup_vm_release(&target->cgroup);
	free(target->name);
	free(target);
}

void target_set_hook(struct target *target, const struct limit_hook *hook)
{
	target->hook = *hook;
}

const char *target_name(const struct target *target)
{
	return target->name;
}

pid_t target_pid(const struct target *target)
{
	return target->pid;
}

const struct cgroup_vm *target_cgroup(const struct target *target)
{
	return &target->cgroup;
}

struct _virDomain *target_domain(const struct target *target)
{
	return target->domain;
}

int target_need_domain(const struct target *target, struct err *err)
{
	return target->domain ? 0 : err_run(err, "'%s' was opened without its libvirt domain", target->name);
}

const char *target_where(struct target *target, const char *directory, const char *file)
{
	(void)snprintf(target->where, sizeof(target->where), "%s/%s", directory, file);
	return target->where;
}
