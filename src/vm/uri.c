/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "vm/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/buf.h"
#include "glue/xml.h"

#define RIGHT "right are qemu:///embed?root=DIR, qemu:///system and qemu+unix:///system"

void vm_uri_release(struct vm_uri *uri)
{
	free(uri->root);
	*uri = (struct vm_uri){0};
}

/* The value of `root` (key "root=") in "a=b&root=%2Fvar"; NULL: not there.  The caller frees. */
static char *query_value(const char *query, const char *key)
{
	size_t length = strlen(key);

	for (const char *p = query; p && *p; p += strcspn(p, "&;"), p += *p ? 1 : 0) {
		if (strncmp(p, key, length) != 0)
			continue;
		return xmlURIUnescapeString(p + length, (int)strcspn(p + length, "&;"), NULL);
	}
	return NULL;
}

/* Transports that leave this machine, or may: `ext` runs a program of the user's choice. */
static bool is_remote_transport(const char *transport)
{
	static const char *const names[] = {"ssh", "tcp", "tls", "libssh", "libssh2", "ext"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strcmp(transport, names[i]) == 0)
			return true;
	return false;
}

int vm_uri_parse(const char *uri, struct vm_uri *ret_uri, struct err *err)
{
	AUTO(xml_uri) xmlURIPtr parsed = uri && uri[0] ? xmlParseURI(uri) : NULL;

	if (!parsed || !parsed->scheme)
		return err_input(err, "'%s' is not a libvirt URI; " RIGHT, uri ? uri : "");
	const char *transport = strchr(parsed->scheme, '+');
	size_t driver_length = transport ? (size_t)(transport - parsed->scheme) : strlen(parsed->scheme);
	if (driver_length != 4 || strncmp(parsed->scheme, "qemu", 4) != 0)
		return err_input(err, "'%s' is not a URI of libvirt's QEMU driver; " RIGHT, uri);
	const char *path = parsed->path ? parsed->path : "";
	if ((transport && is_remote_transport(transport + 1)) || (parsed->server && parsed->server[0]))
		return err_input(err,
			"'%s' is a remote URI: the kernel that is sampled must be the one that enforces the limits; " RIGHT,
			uri);
	if (transport && strcmp(transport + 1, "unix") != 0)
		return err_input(err, "'%s' has an unknown transport '%s'; " RIGHT, uri, transport + 1);
	if (strcmp(path, "/session") == 0)
		return err_input(
			err, "'%s' is a session URI: limits need the system's control groups; " RIGHT, uri);
	if (strcmp(path, "/system") == 0) {
		*ret_uri = (struct vm_uri){.embed = false};
		return 0;
	}
	if (strcmp(path, "/embed") != 0 || transport)
		return err_input(err, "'%s' is not a URI of the local system; " RIGHT, uri);

	AUTO(free_ptr) char *root = query_value(parsed->query_raw, "root=");
	if (!root || root[0] != '/')
		return err_input(
			err, "'%s' does not name an absolute root; right is qemu:///embed?root=DIR", uri);
	if (vm_embed_check_sockets(root, "limitlab-x", err) < 0)
		return -1;
	*ret_uri = (struct vm_uri){.embed = true, .root = xstrdup(root)};
	return 0;
}

int vm_embed_check_sockets(const char *root, const char *domain_name, struct err *err)
{
	size_t name_bytes = 0;
	size_t characters = 0;

	/* UTF-8: a character begins at every byte that is no continuation byte. */
	for (const char *p = domain_name; *p; p++, name_bytes++)
		if (((unsigned char)*p & 0xc0) != 0x80 && ++characters > 20)
			break;
	/* Domain ids grow with every start in one run; three digits are plenty. */
	size_t fixed = strlen("/lib/qemu/channel/target/domain-999-/org.qemu.guest_agent.0");
	size_t limit = sizeof(((struct sockaddr_un *)0)->sun_path) - 1;
	if (strlen(root) + fixed + name_bytes <= limit)
		return 0;
	return err_input(err,
		"the state directory '%s' is %zu bytes long, which leaves no room for the agent's socket of '%s' (at most "
		"%zu bytes in all): at most %zu bytes",
		root, strlen(root), domain_name, limit, limit - fixed - name_bytes);
}

int vm_uri_check(const char *uri, struct err *err)
{
	AUTO(vm_uri) struct vm_uri parsed = {0};

	return vm_uri_parse(uri, &parsed, err);
}

/* 0: somebody listens; else why not. */
static int knock(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	AUTO(close_fd) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (strlen(path) >= sizeof(address.sun_path))
		return ENAMETOOLONG;
	memcpy(address.sun_path, path, strlen(path) + 1);
	return fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof(address)) ? errno : 0;
}

int vm_uri_probe(const char *uri, struct err *err)
{
	/* Where libvirt's client looks, in this order (libvirt.org/daemons.html). */
	static const char *const usual[] = {"/run/libvirt/virtqemud-sock", "/run/libvirt/libvirt-sock"};
	AUTO(vm_uri) struct vm_uri parsed = {0};

	if (vm_uri_parse(uri, &parsed, err))
		return -1;
	if (parsed.embed)
		return 0;
	AUTO(xml_uri) xmlURIPtr whole = xmlParseURI(uri);
	AUTO(free_ptr) char *given = whole ? query_value(whole->query_raw, "socket=") : NULL;
	const char *path = given ? given : usual[0];
	int why = knock(path);
	if (why && !given) {
		path = usual[1];
		why = knock(path);
	}
	if (!why)
		return 0;
	(void)err_host(err, "nobody answers at '%s', where the daemon of '%s' should be: %s", path, uri,
		strerror(why));
	return err_remedy(err, "start the daemon (libvirtd or virtqemud), or leave --connect out");
}
