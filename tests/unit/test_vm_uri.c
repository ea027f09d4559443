/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/auto.h"
#include "vm/internal.h"

#define FORTY_BYTES "/0123456789012345678901234567890123456789"

static void test_uris(void **state)
{
	static const struct {
		const char *uri;
		const char *root;  /* NULL: a daemon */
		const char *error; /* NULL: taken */
	} cases[] = {
		{"qemu:///embed?root=/var/lib/limitlab/embed", "/var/lib/limitlab/embed", NULL},
		{"qemu:///embed?root=%2Fa%20%26b", "/a &b", NULL},
		{"qemu:///embed?x=1&root=/a", "/a", NULL},
		{"qemu:///system", NULL, NULL},
		{"qemu+unix:///system", NULL, NULL},
		{"qemu+unix:///system?socket=/tmp/x/libvirt-sock", NULL, NULL},
		{"qemu:///embed", NULL, "absolute root"},
		{"qemu:///embed?root=", NULL, "absolute root"},
		{"qemu:///embed?root=relative", NULL, "absolute root"},
		{"qemu:///embed?xroot=/a", NULL, "absolute root"},
		{"qemu:///embed?root=" FORTY_BYTES, NULL, "leaves no room"},
		{"qemu+unix:///embed?root=/a", NULL, "not a URI of the local system"},
		{"qemu:///session", NULL, "session URI"},
		{"qemu+unix:///session", NULL, "session URI"},
		{"qemu+ssh:///system", NULL, "remote URI"},
		{"qemu+ssh://host/system", NULL, "remote URI"},
		{"qemu+ssh://user@host:22/session", NULL, "remote URI"},
		{"qemu+tcp://host/system", NULL, "remote URI"},
		{"qemu+tls://host/system", NULL, "remote URI"},
		{"qemu+libssh2://host/system", NULL, "remote URI"},
		{"qemu+ext:///system?command=/bin/x", NULL, "remote URI"},
		{"qemu://host/system", NULL, "remote URI"},
		{"qemu://127.0.0.1/system", NULL, "remote URI"},
		{"qemu+pigeon:///system", NULL, "unknown transport"},
		{"qemu:///", NULL, "not a URI of the local system"},
		{"qemu:///systems", NULL, "not a URI of the local system"},
		{"qemux:///system", NULL, "QEMU driver"},
		{"xen:///system", NULL, "QEMU driver"},
		{"lxc:///system", NULL, "QEMU driver"},
		{"test:///default", NULL, "QEMU driver"},
		{"", NULL, "not a libvirt URI"},
		{"system", NULL, "not a libvirt URI"},
		{"qemu:///sys tem<", NULL, "not a libvirt URI"},
		{NULL, NULL, "not a libvirt URI"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *uri = cases[i].uri ? cases[i].uri : "(null)";
		AUTO(vm_uri) struct vm_uri parsed = {0};
		struct err err = ERR_INIT;
		int result = vm_uri_parse(cases[i].uri, &parsed, &err);

		if (cases[i].error) {
			if (result == 0 || err.domain != ERR_INPUT || !strstr(err.text, cases[i].error))
				fail_msg("%s: got '%s', wanted '%s'", uri, result ? err.text : "no error",
					cases[i].error);
			continue;
		}
		if (result < 0)
			fail_msg("%s: %s", uri, err.text);
		assert_int_equal(parsed.embed, cases[i].root != NULL);
		if (cases[i].root)
			assert_string_equal(parsed.root, cases[i].root);
		else
			assert_null(parsed.root);
	}
}

/* libvirt keeps 20 characters of a name, whatever their bytes. */
static void test_socket_room(void **state)
{
	static const struct {
		const char *root, *domain;
		int result;
	} cases[] = {
		{"/var/lib/limitlab/embed", "limitlab-red", 0},
		{"/var/lib/limitlab/embed", "limitlab-a-very-long-name-of-a-tenant", 0},
		{"/var/lib/limitlab/embed",
			"limitlab-\xf0\x9f\x98\x80\xf0\x9f\x98\x80\xf0\x9f\x98\x80\xf0\x9f\x98\x80\xf0\x9f\x98\x80",
			-1},
		{FORTY_BYTES, "limitlab-red", -1},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (vm_embed_check_sockets(cases[i].root, cases[i].domain, NULL) != cases[i].result)
			fail_msg("%s %s: wanted %d", cases[i].root, cases[i].domain, cases[i].result);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_uris),
		cmocka_unit_test(test_socket_room),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
