/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "vm/internal.h"

#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <libvirt/libvirt-qemu.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/fsio.h"
#include "glue/libvirt.h"

/* virtio-serial moves about 1 MiB/s under TCG; a job file is a few hundred bytes. */
#define INPUT_LIMIT_BYTES (256 * 1024)
/* guest-exec is sent before the timeline, to guests that are not starved. */
#define EXEC_TIMEOUT_S 20
/* A quiet boot prints nothing; this is room for a kernel that complains without end. */
#define CONSOLE_LIMIT_BYTES (16 * 1024 * 1024)

#define PANIC "Kernel panic - not syncing"

DEFINE_AUTO(agent_json, json_t *, json_decref);

char *vm_base64(const void *data, size_t length)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const unsigned char *in = data;
	char *out = xcalloc((length + 2) / 3 * 4 + 1, 1);
	char *p = out;

	for (size_t i = 0; i < length; i += 3) {
		size_t left = length - i;
		unsigned bits = (unsigned)in[i] << 16 | (left > 1 ? (unsigned)in[i + 1] << 8 : 0) |
				(left > 2 ? (unsigned)in[i + 2] : 0);
		*p++ = digits[bits >> 18];
		*p++ = digits[bits >> 12 & 63];
		*p++ = left > 1 ? digits[bits >> 6 & 63] : '=';
		*p++ = left > 2 ? digits[bits & 63] : '=';
	}
	return out;
}

int vm_agent_exec_request(const char *const *argv, const char *input, char **ret_json, struct err *err)
{
	if (!argv[0])
		BUG("guest-exec without a program");
	if (input && strlen(input) > INPUT_LIMIT_BYTES)
		return err_input(err, "the input of '%s' has %zu bytes, the guest agent is given at most %d",
			argv[0], strlen(input), INPUT_LIMIT_BYTES);
	AUTO(agent_json) json_t *args = json_array();
	for (size_t i = 0; argv[i]; i++) {
		/* NULL for text that is not UTF-8. */
		json_t *arg = json_string(argv[i]);
		if (!arg)
			return err_input(err, "argument %zu of '%s' is not valid UTF-8", i, argv[0]);
		if (i == 0)
			json_decref(arg);
		else if (json_array_append_new(args, arg) < 0)
			BUG("out of memory for a guest-exec request");
	}
	AUTO(free_ptr) char *input_base64 = input ? vm_base64(input, strlen(input)) : NULL;
	AUTO(agent_json)
	json_t *request = json_pack("{s:s, s:{s:s, s:O, s:b, s:s*}}", "execute", "guest-exec", "arguments",
		"path", argv[0], "arg", args, "capture-output", 0, "input-data", input_base64);
	char *json = request ? json_dumps(request, JSON_COMPACT) : NULL;
	if (!json)
		BUG("out of memory for a guest-exec request");
	*ret_json = json;
	return 0;
}

int vm_agent_exec_reply(const char *json, int64_t *ret_pid, struct err *err)
{
	json_error_t why;
	AUTO(agent_json) json_t *reply = json_loads(json, 0, &why);

	if (!reply)
		return err_set(
			err, ERR_AGENT, 0, "the guest agent's answer is no JSON: %s: %.200s", why.text, json);
	const json_t *pid = json_object_get(json_object_get(reply, "return"), "pid");
	if (!json_is_integer(pid) || json_integer_value(pid) <= 0)
		return err_set(
			err, ERR_AGENT, 0, "the guest agent's answer to guest-exec has no pid: %.200s", json);
	*ret_pid = json_integer_value(pid);
	return 0;
}

void vm_console_last_line(const char *text, size_t length, char *ret_line, size_t size)
{
	size_t used = 0;
	bool fresh = true;

	ret_line[0] = '\0';
	/* After a panic the kernel goes on to print offsets and "end Kernel panic"; the first line has the reason. */
	const char *panic = memmem(text, length, PANIC, strlen(PANIC));
	if (panic) {
		const char *end = memchr(panic, '\n', length - (size_t)(panic - text));
		length = end ? (size_t)(end - panic) : length - (size_t)(panic - text);
		text = panic;
	}
	for (size_t i = 0; i < length; i++) {
		unsigned char c = (unsigned char)text[i];
		if (c == '\n' || c == '\r') {
			fresh = true;
		} else if (c == 0x1b) {
			/* A terminal escape ends with a letter (ECMA-48, CSI). */
			while (i + 1 < length && !((text[i] | 0x20) >= 'a' && (text[i] | 0x20) <= 'z'))
				i++;
		} else if (c > 0x20 && c != 0x7f) {
			if (fresh)
				used = 0;
			fresh = false;
			if (used + 1 < size)
				ret_line[used++] = (char)c;
			ret_line[used] = '\0';
		} else if (!fresh && used + 1 < size) {
			ret_line[used++] = ' ';
			ret_line[used] = '\0';
		}
	}
	while (used > 0 && ret_line[used - 1] == ' ')
		ret_line[--used] = '\0';
}

int vm_err_console(const struct vm *vm, struct err *err)
{
	AUTO(buf) struct buf console = BUF_INIT;
	char line[256] = "";

	if (!err)
		return -1;
	if (fsio_read_file(vm->console_path, CONSOLE_LIMIT_BYTES, &console, NULL) == 0 && console.length)
		vm_console_last_line(console.data, console.length, line, sizeof(line));
	size_t used = strlen(err->text);
	(void)snprintf(err->text + used, sizeof(err->text) - used, "; the last line of its console: %s",
		line[0] ? line : "(nothing)");
	return -1;
}

int vm_err_died(const struct vm *vm, const char *doing, struct err *err)
{
	(void)err_set(err, ERR_AGENT, 0, "the VM of tenant '%s' ended while %s", vm->name, doing);
	return vm_err_console(vm, err);
}

int vm_agent_command(struct vm *vm, const char *json, int timeout_s, char **ret_reply, struct err *err)
{
	char *reply = virDomainQemuAgentCommand(vm->domain, json, timeout_s, 0);

	if (!reply) {
		int code = virGetLastErrorCode();
		(void)err_set(err, ERR_AGENT, code, "the guest agent of tenant '%s' failed: %s", vm->name,
			virGetLastErrorMessage());
		return -1;
	}
	*ret_reply = reply;
	return 0;
}

int vm_exec(struct vm *vm, const char *const *argv, const char *input, int64_t *ret_pid, struct err *err)
{
	AUTO(free_ptr) char *request = NULL;
	AUTO(free_ptr) char *reply = NULL;

	if (vm_agent_exec_request(argv, input, &request, err) < 0)
		return -1;
	struct err failure = ERR_INIT;
	if (vm_agent_command(vm, request, EXEC_TIMEOUT_S, &reply, &failure) < 0) {
		if (!vm_is_running(vm))
			return vm_err_died(vm, "a program was being started in it", err);
		(void)err_set(err, failure.domain, failure.code, "%s", failure.text);
		return err_wrap(err, "cannot start '%s' in tenant '%s'", argv[0], vm->name);
	}
	if (vm_agent_exec_reply(reply, ret_pid, err) < 0)
		return err_wrap(err, "cannot start '%s' in tenant '%s'", argv[0], vm->name);
	return 0;
}
