/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the files of src/vm share, and the pure parts that unit tests reach.  Not for other modules.
 */
#ifndef LIMITLAB_VM_INTERNAL_H
#define LIMITLAB_VM_INTERNAL_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <libvirt/libvirt.h>

#include "vm/vm.h"

/* ---- pure ---- */

/* A connection URI that `run` may use. */
struct vm_uri {
	bool embed;
	char *root; /* the embedded driver's directory; NULL for a daemon */
};

/* Remote URIs, session URIs and other hypervisors are ERR_INPUT, and so is an embed root that leaves no room for
 * libvirt's socket names in the 108 bytes of a sockaddr_un. */
int vm_uri_parse(const char *uri, struct vm_uri *ret_uri, struct err *err);
void vm_uri_release(struct vm_uri *uri);
static inline void auto_vm_uri(struct vm_uri *uri)
{
	vm_uri_release(uri);
}

/* The longest socket path that the embedded driver makes for this domain name: libvirt keeps 20 characters of it. */
int vm_embed_check_sockets(const char *root, const char *domain_name, struct err *err);

/* Where QEMU listens for the stream port, from the XML of a running domain.  The caller frees. */
int vm_xml_stream_path(const char *xml, char **ret_path, struct err *err);

/* RFC 4648, section 4.  The caller frees. */
char *vm_base64(const void *data, size_t length);
/* The JSON of guest-exec; text that is not UTF-8 is ERR_INPUT.  The caller frees. */
int vm_agent_exec_request(const char *const *argv, const char *input, char **ret_json, struct err *err);
int vm_agent_exec_reply(const char *json, int64_t *ret_pid, struct err *err);
/* The last line with anything printable on it, without control characters and terminal escapes; "" if none.
 * When the kernel panicked: the line that says why. */
void vm_console_last_line(const char *text, size_t length, char *ret_line, size_t size);

/* ---- shared ---- */

struct vm_host {
	virConnectPtr connection;
	struct vm_uri uri;
	int cpu_count;              /* of the host, for CPU maps */
	int lifecycle_id, agent_id; /* event registrations; -1: none */
	pthread_t loop_thread;
	bool has_loop;
	int wake_timer;
	bool stop; /* under mutex */
	char libvirt_version[32], qemu_version[32];
	pthread_mutex_t mutex; /* guards stop, the list, and the events' fields of every VM on it */
	pthread_cond_t changed;
	struct vm *vms;
};

struct vm {
	struct vm_host *host;
	struct vm *next;
	virDomainPtr domain;
	char *name, *domain_name;
	char *console_path, *stream_path;
	unsigned vcpus;
	/* Under host->mutex, written by the event loop. */
	bool ended;
	bool agent_connected;
};

/* Sends one command; timeout_s is libvirt's, in seconds.  ERR_AGENT with the reason; says so when the VM has died. */
int vm_agent_command(struct vm *vm, const char *json, int timeout_s, char **ret_reply, struct err *err);
/* Adds the console's last line to a filled err.  Returns -1. */
int vm_err_console(const struct vm *vm, struct err *err);
/* Fills err with ERR_AGENT, "the VM of tenant 'x' ended while DOING; the last line ...".  Returns -1. */
int vm_err_died(const struct vm *vm, const char *doing, struct err *err);

#endif
