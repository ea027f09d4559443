/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "vm/internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/cpulist.h"
#include "base/hash.h"
#include "glue/xml.h"

/*
 * quiet: under TCG every console line costs about a millisecond of boot.  panic=-1: reset at once, and on_reboot ends
 * the domain, so that a panic is noticed as a death.  no_timer_check: the check of the PIT's interrupts is a busy wait
 * that a descheduled vCPU fails.  random.trust_cpu: no wait for entropy.
 * cryptomgr.notests: the self-tests of ciphers that nobody uses took a tenth of a boot under TCG.
 */
#define CMDLINE_COMMON "console=ttyS0 quiet panic=-1 no_timer_check random.trust_cpu=on cryptomgr.notests"

#define TCG_TB_CACHE_MIB "64"
#define STREAM_PORT      "org.limitlab.stream.0"

/* libxml2 reports every failure (there is only one: no memory) by a negative number; the first one sticks. */
struct writer {
	xmlTextWriterPtr xml;
	bool failed;
};

static void open_element(struct writer *out, const char *name)
{
	out->failed |= xmlTextWriterStartElement(out->xml, BAD_CAST name) < 0;
}

static void close_element(struct writer *out)
{
	out->failed |= xmlTextWriterEndElement(out->xml) < 0;
}

static void attribute(struct writer *out, const char *name, const char *value)
{
	out->failed |= xmlTextWriterWriteAttribute(out->xml, BAD_CAST name, BAD_CAST value) < 0;
}

static void text(struct writer *out, const char *value)
{
	out->failed |= xmlTextWriterWriteString(out->xml, BAD_CAST value) < 0;
}

static void text_element(struct writer *out, const char *name, const char *value)
{
	open_element(out, name);
	text(out, value);
	close_element(out);
}

/* An element that has only attributes: name, value, ..., NULL. */
__attribute__((sentinel)) static void empty_element(struct writer *out, const char *name, ...)
{
	va_list args;

	open_element(out, name);
	va_start(args, name);
	for (const char *key = va_arg(args, const char *); key; key = va_arg(args, const char *))
		attribute(out, key, va_arg(args, const char *));
	va_end(args);
	close_element(out);
}

static void number_element(struct writer *out, const char *name, const char *unit, uint64_t value)
{
	AUTO(free_ptr) char *digits = xasprintf("%llu", (unsigned long long)value);

	open_element(out, name);
	if (unit)
		attribute(out, "unit", unit);
	text(out, digits);
	close_element(out);
}

static void write_cputune(struct writer *out, const struct vm_spec *spec)
{
	AUTO(free_ptr) char *vcpu_cpus = cpulist_format(&spec->vcpu_cpus);
	AUTO(free_ptr) char *emulator_cpus = cpulist_format(&spec->emulator_cpus);

	if (!vcpu_cpus[0] && !emulator_cpus[0])
		return;
	open_element(out, "cputune");
	for (unsigned i = 0; vcpu_cpus[0] && i < spec->vcpus; i++) {
		AUTO(free_ptr) char *index = xasprintf("%u", i);
		empty_element(out, "vcpupin", "vcpu", index, "cpuset", vcpu_cpus, NULL);
	}
	if (emulator_cpus[0])
		empty_element(out, "emulatorpin", "cpuset", emulator_cpus, NULL);
	close_element(out);
}

static void write_boot(struct writer *out, const struct vm_spec *spec)
{
	AUTO(free_ptr)
	char *cmdline = xasprintf(CMDLINE_COMMON "%s%s", spec->cmdline_extra ? " " : "",
		spec->cmdline_extra ? spec->cmdline_extra : "");

	open_element(out, "os");
	open_element(out, "type");
	attribute(out, "arch", "x86_64");
	attribute(out, "machine", "q35");
	text(out, "hvm");
	close_element(out);
	text_element(out, "kernel", spec->kernel_path);
	text_element(out, "initrd", spec->initrd_path);
	text_element(out, "cmdline", cmdline);
	close_element(out);
}

static void write_machine(struct writer *out, const struct vm_spec *spec)
{
	open_element(out, "features");
	empty_element(out, "acpi", NULL);
	if (!spec->kvm) {
		open_element(out, "tcg");
		open_element(out, "tb-cache");
		attribute(out, "unit", "MiB");
		text(out, TCG_TB_CACHE_MIB);
		close_element(out);
		close_element(out);
	}
	close_element(out);

	/*
	 * Under TCG: qemu64 has all that Debian's amd64 needs, boots a tenth faster than `maximum` (which makes glibc
	 * choose AVX code that TCG emulates slowly), and is the same in every QEMU.  RDRAND: no wait for entropy.
	 */
	open_element(out, "cpu");
	if (spec->kvm) {
		attribute(out, "mode", "host-passthrough");
		attribute(out, "check", "none");
	} else {
		attribute(out, "mode", "custom");
		attribute(out, "match", "exact");
		attribute(out, "check", "none");
		open_element(out, "model");
		attribute(out, "fallback", "forbid");
		text(out, "qemu64");
		close_element(out);
		empty_element(out, "feature", "policy", "require", "name", "rdrand", NULL);
	}
	close_element(out);

	text_element(out, "on_poweroff", "destroy");
	text_element(out, "on_reboot", "destroy");
	text_element(out, "on_crash", "destroy");
}

static void write_disk(struct writer *out, const struct vm_spec *spec)
{
	open_element(out, "disk");
	attribute(out, "type", "file");
	attribute(out, "device", "disk");
	empty_element(out, "driver", "name", "qemu", "type", "raw", NULL);
	empty_element(out, "source", "file", spec->root_path, NULL);
	empty_element(out, "target", "dev", "vda", "bus", "virtio", NULL);
	/* What lets all tenants share one file: QEMU then takes a shared lock only. */
	empty_element(out, "readonly", NULL);
	close_element(out);
}

/*
 * native: Linux AIO hands every request of the guest to the device at once, so that the host's scheduler sees the tenant's whole
 * queue, and in one process, which BFQ takes for one queue.
 */
static void write_second_disk(struct writer *out, const struct vm_spec *spec)
{
	open_element(out, "disk");
	attribute(out, "type", spec->disk_is_file ? "file" : "block");
	attribute(out, "device", "disk");
	if (spec->disk_is_file)
		empty_element(out, "driver", "name", "qemu", "type", "raw", NULL);
	else
		empty_element(
			out, "driver", "name", "qemu", "type", "raw", "cache", "none", "io", "native", NULL);
	empty_element(out, "source", spec->disk_is_file ? "file" : "dev", spec->disk_path, NULL);
	empty_element(out, "target", "dev", "vdb", "bus", "virtio", NULL);
	close_element(out);
}

static void write_channel(struct writer *out, const char *port, const char *path)
{
	open_element(out, "channel");
	attribute(out, "type", "unix");
	if (path)
		empty_element(out, "source", "mode", "bind", "path", path, NULL);
	empty_element(out, "target", "type", "virtio", "name", port, NULL);
	close_element(out);
}

static void write_nic(struct writer *out, const struct vm_nic *nic)
{
	char mac[18];

	(void)snprintf(mac, sizeof(mac), "%02x:%02x:%02x:%02x:%02x:%02x", nic->mac[0], nic->mac[1],
		nic->mac[2], nic->mac[3], nic->mac[4], nic->mac[5]);
	open_element(out, "interface");
	attribute(out, "type", nic->bridge ? "bridge" : "ethernet");
	empty_element(out, "mac", "address", mac, NULL);
	if (nic->bridge)
		empty_element(out, "source", "bridge", nic->bridge, NULL);
	empty_element(out, "target", "dev", nic->tap, NULL);
	empty_element(out, "model", "type", "virtio", NULL);
	empty_element(out, "driver", "name", "qemu", NULL);
	/* Nobody boots from it; without its ROM file QEMU would not start. */
	empty_element(out, "rom", "enabled", "no", NULL);
	close_element(out);
}

static void write_devices(struct writer *out, const struct vm_spec *spec)
{
	open_element(out, "devices");
	write_disk(out, spec);
	if (spec->disk_path)
		write_second_disk(out, spec);
	empty_element(out, "controller", "type", "usb", "model", "none", NULL);
	write_channel(out, "org.qemu.guest_agent.0", NULL);
	write_channel(out, STREAM_PORT, spec->stream_path);
	if (spec->nic)
		write_nic(out, spec->nic);
	open_element(out, "serial");
	attribute(out, "type", "file");
	/* The QEMU that a VM wakes in would begin the file anew, and what the one that booted it had to say would be lost. */
	if (spec->fixed_uuid)
		empty_element(out, "source", "path", spec->console_path, "append", "on", NULL);
	else
		empty_element(out, "source", "path", spec->console_path, NULL);
	close_element(out);
	empty_element(out, "memballoon", "model", "none", NULL);
	close_element(out);
}

/* libvirt would give the shared image to the user that its QEMU runs as, and leave it with that user. */
static void write_labels(struct writer *out, const struct vm_spec *spec)
{
	if (spec->keep_owners)
		empty_element(out, "seclabel", "type", "none", "model", "dac", NULL);
}

/* Of version 8 (RFC 9562): custom, here the hash of the name. */
static void write_uuid(struct writer *out, const char *name)
{
	uint64_t hash = hash_text(name);

	AUTO(free_ptr)
	char *uuid = xasprintf("6c696d69-746c-8162-%04x-%012llx", (unsigned)(0x8000 | hash >> 50),
		(unsigned long long)(hash & UINT64_C(0xffffffffffff)));
	text_element(out, "uuid", uuid);
}

static void write_domain(struct writer *out, const struct vm_spec *spec)
{
	AUTO(free_ptr) char *domain_name = xasprintf("limitlab-%s", spec->name);

	open_element(out, "domain");
	attribute(out, "type", spec->kvm ? "kvm" : "qemu");
	text_element(out, "name", domain_name);
	if (spec->fixed_uuid)
		write_uuid(out, spec->name);
	number_element(out, "memory", "KiB", spec->memory_bytes / 1024);
	number_element(out, "vcpu", NULL, spec->vcpus);
	write_cputune(out, spec);
	write_boot(out, spec);
	write_machine(out, spec);
	write_devices(out, spec);
	write_labels(out, spec);
	close_element(out);
}

/* libxml2 writes bytes that XML 1.0 cannot hold as they are, and libvirt then cannot parse its own input. */
static int check_text(const char *what, const char *value, bool absolute, struct err *err)
{
	if (!value || !value[0])
		return err_input(err, "a tenant has no %s", what);
	if (!xmlCheckUTF8(BAD_CAST value))
		return err_input(err, "%s is not valid UTF-8", what);
	for (const unsigned char *p = (const unsigned char *)value; *p; p++)
		if (*p < 0x20 || *p == 0x7f)
			return err_input(err, "%s '%s' has a control character (0x%02x)", what, value, *p);
	if (absolute && value[0] != '/')
		return err_input(err, "%s '%s' is not an absolute path", what, value);
	return 0;
}

static int check_spec(const struct vm_spec *spec, struct err *err)
{
	if (check_text("name", spec->name, false, err) < 0)
		return -1;
	if (strchr(spec->name, '/'))
		return err_input(err, "tenant name '%s' has a '/'", spec->name);
	if (spec->vcpus == 0)
		return err_input(err, "tenant '%s' has no vCPU", spec->name);
	if (spec->memory_bytes == 0 || spec->memory_bytes % (1024 * 1024) != 0)
		return err_input(err, "memory of tenant '%s' is %llu bytes, not a whole number of MiB",
			spec->name, (unsigned long long)spec->memory_bytes);
	const struct {
		const char *what, *value;
	} paths[] = {
		{"kernel path", spec->kernel_path},
		{"initrd path", spec->initrd_path},
		{"root path", spec->root_path},
		{"console path", spec->console_path},
		{"stream path", spec->stream_path},
	};
	if (spec->nic &&
		((spec->nic->bridge && check_text("name of a bridge", spec->nic->bridge, false, err)) ||
			check_text("name of a tap", spec->nic->tap, false, err)))
		return err_wrap(err, "tenant '%s'", spec->name);
	if (spec->disk_path && check_text("path of a disk", spec->disk_path, true, err))
		return err_wrap(err, "tenant '%s'", spec->name);
	size_t count = spec->stream_path ? ARRAY_SIZE(paths) : ARRAY_SIZE(paths) - 1;
	for (size_t i = 0; i < count; i++)
		if (check_text(paths[i].what, paths[i].value, true, err) < 0)
			return err_wrap(err, "tenant '%s'", spec->name);
	if (spec->cmdline_extra && spec->cmdline_extra[0])
		return check_text("kernel command line", spec->cmdline_extra, false, err);
	return 0;
}

int vm_spec_to_xml(const struct vm_spec *spec, char **ret_xml, struct err *err)
{
	if (check_spec(spec, err) < 0)
		return -1;
	AUTO(xml_buffer) xmlBufferPtr buffer = xmlBufferCreate();
	if (!buffer)
		BUG("out of memory for the domain XML");
	AUTO(xml_writer) xmlTextWriterPtr xml = xmlNewTextWriterMemory(buffer, 0);
	if (!xml)
		BUG("out of memory for the domain XML");
	struct writer out = {.xml = xml};
	out.failed |= xmlTextWriterSetIndent(xml, 1) < 0;
	out.failed |= xmlTextWriterSetIndentString(xml, BAD_CAST "  ") < 0;
	write_domain(&out, spec);
	out.failed |= xmlTextWriterEndDocument(xml) < 0;
	out.failed |= xmlTextWriterFlush(xml) < 0;
	if (out.failed)
		BUG("out of memory for the domain XML");
	*ret_xml = xstrdup((const char *)xmlBufferContent(buffer));
	return 0;
}

int vm_xml_stream_path(const char *xml, char **ret_path, struct err *err)
{
	static const char where[] =
		"string(/domain/devices/channel[target/@name='" STREAM_PORT "']/source[@mode='bind']/@path)";
	AUTO(xml_doc)
	xmlDocPtr document = xmlReadMemory(
		xml, (int)strlen(xml), NULL, NULL, XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
	if (!document)
		return err_run(err, "libvirt's description of a domain is no XML");
	AUTO(xml_context) xmlXPathContextPtr context = xmlXPathNewContext(document);
	if (!context)
		BUG("out of memory for an XPath");
	AUTO(xml_found) xmlXPathObjectPtr found = xmlXPathEvalExpression(BAD_CAST where, context);
	if (!found || !found->stringval || !found->stringval[0])
		return err_run(err, "libvirt tells no socket of the port " STREAM_PORT);
	*ret_path = xstrdup((const char *)found->stringval);
	return 0;
}
