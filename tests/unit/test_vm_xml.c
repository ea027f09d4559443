/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <libxml/parser.h>
#include <libxml/relaxng.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/fsio.h"
#include "config.h"
#include "vm/internal.h"

#define RNG_PATH "/usr/share/libvirt/schemas/domain.rng"
#define MIB      (UINT64_C(1024) * 1024)

static cpu_set_t cpu_mask(unsigned bits)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	for (unsigned i = 0; i < 32; i++)
		if (bits >> i & 1)
			CPU_SET(i, &set);
	return set;
}

static struct vm_spec plain_spec(void)
{
	return (struct vm_spec){
		.name = "red",
		.vcpus = 1,
		.memory_bytes = 192 * MIB,
		.vcpu_cpus = cpu_mask(1),
		.emulator_cpus = cpu_mask(2),
		.kernel_path = "/images/kernel-6.1/vmlinuz",
		.initrd_path = "/images/kernel-6.1/initrd",
		.root_path = "/images/root.squashfs",
		.console_path = "/runs/log/red.console",
		.stream_path = "/run/red.stream",
	};
}

static struct vm_spec kvm_spec(void)
{
	struct vm_spec spec = plain_spec();

	spec.kvm = true;
	spec.vcpus = 2;
	spec.vcpu_cpus = cpu_mask(0x2d);
	spec.emulator_cpus = cpu_mask(0);
	spec.cmdline_extra = "limitlab.tenant=red";
	return spec;
}

static struct vm_spec escaped_spec(void)
{
	struct vm_spec spec = plain_spec();

	spec.name = "a & b <c> \"d\" 'e' gr\xc3\xbcn";
	spec.vcpu_cpus = cpu_mask(0);
	spec.emulator_cpus = cpu_mask(0);
	spec.root_path = "/images/R&D <new> \"x\" 'y'/root.squashfs";
	spec.console_path = "/runs/R&D/a]]>b.console";
	spec.stream_path = "/run/R&D <1>.stream";
	spec.cmdline_extra = "x=\"a&b\"";
	return spec;
}

static struct vm_spec daemon_spec(void)
{
	struct vm_spec spec = plain_spec();

	spec.stream_path = NULL;
	spec.keep_owners = true;
	return spec;
}

static struct vm_spec disk_spec(void)
{
	struct vm_spec spec = plain_spec();

	spec.disk_path = "/dev/loop64p1";
	return spec;
}

static struct vm_spec nic_spec(void)
{
	static const struct vm_nic nic = {
		.bridge = "ll-bridge",
		.tap = "ll-red",
		.mac = {0x52, 0x54, 0x00, 0x6c, 0x6c, 0x0a},
	};
	struct vm_spec spec = plain_spec();

	spec.nic = &nic;
	spec.cmdline_extra = "limitlab.address=10.77.0.10/24";
	return spec;
}

/* What only other scenarios of a batch need. */
static struct vm_spec spare_spec(void)
{
	static const struct vm_nic nic = {.tap = "ll-red", .mac = {0x52, 0x54, 0x00, 0x6c, 0x6c, 0x0a}};
	struct vm_spec spec = plain_spec();

	spec.nic = &nic;
	spec.disk_path = "/var/lib/limitlab/kept/red.blank";
	spec.disk_is_file = true;
	spec.fixed_uuid = true;
	return spec;
}

static const struct {
	const char *name;
	struct vm_spec (*make)(void);
} golden[] = {
	{"tcg", plain_spec},
	{"kvm", kvm_spec},
	{"escaped", escaped_spec},
	{"daemon", daemon_spec},
	{"nic", nic_spec},
	{"disk", disk_spec},
	{"spare", spare_spec},
};

static void test_golden(void **state)
{
	const char *again = getenv("LIMITLAB_REGENERATE");

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(golden); i++) {
		struct vm_spec spec = golden[i].make();
		struct err err = ERR_INIT;
		AUTO(free_ptr) char *xml = NULL;
		AUTO(buf) struct buf wanted = BUF_INIT;
		AUTO(free_ptr)
		char *path = xasprintf("%s/tests/golden/vm-%s.xml", LIMITLAB_SOURCE_DIR, golden[i].name);

		assert_int_equal(vm_spec_to_xml(&spec, &xml, &err), 0);
		if (again && strcmp(again, "1") == 0)
			assert_int_equal(fsio_write_atomic(path, xml, strlen(xml), &err), 0);
		if (fsio_read_file(path, MIB, &wanted, &err) < 0)
			fail_msg("%s", err.text);
		assert_string_equal(xml, wanted.data);
	}
}

static void ignore_error(void *data, xmlErrorPtr error)
{
	(void)data;
	(void)error;
}

/* libvirt's own schema.  A schema that takes everything would prove nothing: it must refuse a broken copy. */
static void test_schema(void **state)
{
	(void)state;
	if (!fsio_exists(RNG_PATH)) {
		if (getenv("LIMITLAB_MUST_WORK"))
			fail_msg("%s is missing (package libvirt0 or libvirt-daemon)", RNG_PATH);
		print_message("skipped: %s is not there\n", RNG_PATH);
		skip();
	}
	xmlRelaxNGParserCtxtPtr parser = xmlRelaxNGNewParserCtxt(RNG_PATH);
	xmlRelaxNGPtr schema = xmlRelaxNGParse(parser);
	assert_non_null(schema);
	for (size_t i = 0; i < ARRAY_SIZE(golden); i++) {
		struct vm_spec spec = golden[i].make();
		AUTO(free_ptr) char *xml = NULL;
		xmlRelaxNGValidCtxtPtr valid = xmlRelaxNGNewValidCtxt(schema);

		assert_int_equal(vm_spec_to_xml(&spec, &xml, NULL), 0);
		xmlDocPtr document = xmlReadMemory(xml, (int)strlen(xml), "domain.xml", NULL, 0);
		assert_non_null(document);
		if (xmlRelaxNGValidateDoc(valid, document) != 0)
			fail_msg("%s: libvirt's schema refuses it", golden[i].name);
		(void)xmlNewChild(xmlDocGetRootElement(document), NULL, BAD_CAST "nonsense", NULL);
		xmlRelaxNGSetValidStructuredErrors(valid, ignore_error, NULL);
		assert_int_not_equal(xmlRelaxNGValidateDoc(valid, document), 0);
		xmlFreeDoc(document);
		xmlRelaxNGFreeValidCtxt(valid);
	}
	xmlRelaxNGFree(schema);
	xmlRelaxNGFreeParserCtxt(parser);
}

static void test_bad_specs(void **state)
{
	static const struct {
		const char *name, *tenant, *root, *cmdline, *wanted;
		uint64_t memory_bytes;
		unsigned vcpus;
	} cases[] = {
		{"empty name", "", "/r", NULL, "no name", MIB, 1},
		{"slash", "a/b", "/r", NULL, "'/'", MIB, 1},
		{"newline", "a\nb", "/r", NULL, "control character (0x0a)", MIB, 1},
		{"escape in path", "a", "/r\033", NULL, "control character (0x1b)", MIB, 1},
		{"not UTF-8", "a\xff", "/r", NULL, "not valid UTF-8", MIB, 1},
		{"relative path", "a", "r", NULL, "not an absolute path", MIB, 1},
		{"no path", "a", NULL, NULL, "no root path", MIB, 1},
		{"newline in cmdline", "a", "/r", "x\ny", "control character", MIB, 1},
		{"no vCPU", "a", "/r", NULL, "no vCPU", MIB, 0},
		{"half a MiB", "a", "/r", NULL, "whole number of MiB", MIB / 2, 1},
		{"no memory", "a", "/r", NULL, "whole number of MiB", 0, 1},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct vm_spec spec = plain_spec();
		struct err err = ERR_INIT;
		char *xml = NULL;

		spec.name = cases[i].tenant;
		spec.root_path = cases[i].root;
		spec.cmdline_extra = cases[i].cmdline;
		spec.memory_bytes = cases[i].memory_bytes;
		spec.vcpus = cases[i].vcpus;
		if (vm_spec_to_xml(&spec, &xml, &err) == 0)
			fail_msg("%s: taken", cases[i].name);
		if (err.domain != ERR_INPUT || !strstr(err.text, cases[i].wanted))
			fail_msg("%s: got '%s', wanted '%s'", cases[i].name, err.text, cases[i].wanted);
		assert_null(xml);
	}
}

static void test_stream_path(void **state)
{
#define CHANNEL(port, source)                                                                                \
	"<channel type='unix'>" source "<target type='virtio' name='" port "'/></channel>"
#define DOMAIN(channels) "<domain><devices>" channels "</devices></domain>"
#define AGENT            CHANNEL("org.qemu.guest_agent.0", "<source mode='bind' path='/agent'/>")
	static const struct {
		const char *name, *xml, *path, *error;
	} cases[] = {
		{"the port's",
			DOMAIN(AGENT CHANNEL(
				"org.limitlab.stream.0", "<source mode='bind' path='/a &amp; b'/>")),
			"/a & b", NULL},
		{"only the agent's", DOMAIN(AGENT), NULL, "tells no socket"},
		{"no source", DOMAIN(CHANNEL("org.limitlab.stream.0", "")), NULL, "tells no socket"},
		{"no XML", "<domain>", NULL, "is no XML"},
		{"empty", "", NULL, "is no XML"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct err err = ERR_INIT;
		AUTO(free_ptr) char *path = NULL;
		int result = vm_xml_stream_path(cases[i].xml, &path, &err);

		if (result != (cases[i].path ? 0 : -1))
			fail_msg("%s: %d, %s", cases[i].name, result, err.text);
		if (cases[i].path)
			assert_string_equal(path, cases[i].path);
		else if (!strstr(err.text, cases[i].error))
			fail_msg("%s: got '%s', wanted '%s'", cases[i].name, err.text, cases[i].error);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_golden),
		cmocka_unit_test(test_schema),
		cmocka_unit_test(test_bad_specs),
		cmocka_unit_test(test_stream_path),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	xmlRelaxNGCleanupTypes();
	xmlCleanupParser();
	return failed;
}
