/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "run/wake.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/fsio.h"
#include "fixture/link.h"
#include "run/keep.h"
#include "run/wire.h"

/* A TCG guest is ready in 4 s alone and 8 s beside two others (measured); a nested one takes a minute. */
#define BOOT_DEADLINE_S 300
/* Nothing but memory to be read, and an agent that was there before. */
#define WAKE_DEADLINE_S 60
#define FIRST_HOST      10

static const struct keep_tenant *kept(const struct member *member)
{
	return &member->inner->plan->keep.tenants[member - member->inner->members];
}

int wake_add_card(const struct member *member, const char *bridge, struct wake_card *ret_card,
	struct vm_spec *spec, struct err *err)
{
	unsigned host = FIRST_HOST + kept(member)->seat;

	if (link_tap_name(member->spec->name, &ret_card->tap, err))
		return -1;
	ret_card->cmdline = xasprintf("%s%slimitlab.address=10.77.0.%u/%d",
		spec->cmdline_extra ? spec->cmdline_extra : "", spec->cmdline_extra ? " " : "", host,
		LINK_PREFIX_LENGTH);
	ret_card->nic = (struct vm_nic){
		.bridge = bridge,
		.tap = ret_card->tap,
		.mac = {0x52, 0x54, 0x00, 0x6c, 0x6c, (uint8_t)host},
	};
	spec->nic = &ret_card->nic;
	spec->cmdline_extra = ret_card->cmdline;
	return 0;
}

static int boot(struct member *member, const struct vm_spec *spec, struct err *err)
{
	uint64_t deadline_ns = clock_now_ns() + BOOT_DEADLINE_S * NS_PER_S;

	return vm_start(member->inner->host, spec, &member->vm, err) ||
			       vm_wait_ready(member->vm, deadline_ns, err)
		       ? -1
		       : 0;
}

static void end(struct member *member)
{
	vm_destroy(member->vm);
	member->vm = NULL;
}

static int wake(struct member *member, const struct vm_spec *spec, const char *path, struct err *err)
{
	AUTO(free_ptr) char *file = xasprintf("%s.state", path);

	if (vm_wake(member->inner->host, spec, file, &member->vm, err))
		return -1;
	if (vm_wait_ready(member->vm, clock_now_ns() + WAKE_DEADLINE_S * NS_PER_S, err)) {
		end(member);
		return -1;
	}
	member->woken = true;
	member->boot = keep_read_boot(path);
	return 0;
}

/* Saving ends the VM. */
static int save(struct member *member, const char *path, struct err *err)
{
	AUTO(free_ptr) char *half = xasprintf("%s.half", path);
	AUTO(free_ptr) char *file = xasprintf("%s.state", path);

	if (vm_save(member->vm, half, err)) {
		(void)unlink(half);
		return -1;
	}
	end(member);
	if (keep_write_boot(path, member->inner->plan->run_dir, err))
		return -1;
	if (rename(half, file))
		return err_sys(err, errno, "cannot name '%s'", file);
	return 0;
}

static void forget(const struct member *member, const char *path, const struct err *why)
{
	AUTO(free_ptr) char *file = xasprintf("%s.state", path);

	(void)unlink(file);
	wire_warn(member->inner->plan->wire_fd, "tenant '%s' boots: %s", member->spec->name, why->text);
}

int wake_start(struct member *member, struct vm_spec *spec, uint64_t disk_bytes, struct err *err)
{
	const struct keep_plan *keep = &member->inner->plan->keep;
	struct wake_card card = {0};
	AUTO(free_ptr) char *blank = NULL;
	struct err why = ERR_INIT;

	if (!keep->dir)
		return boot(member, spec, err);
	/* What only other scenarios of the batch need. */
	if (!spec->nic && kept(member)->nic && wake_add_card(member, NULL, &card, spec, err))
		return -1;
	if (!spec->disk_path && kept(member)->disk_bytes) {
		disk_bytes = kept(member)->disk_bytes;
		if (keep_blank(keep->dir, spec->name, disk_bytes, &blank, err))
			return -1;
		spec->disk_path = blank;
		spec->disk_is_file = true;
	}
	spec->fixed_uuid = true;
	AUTO(free_ptr) char *path = keep_path(keep->dir, spec, disk_bytes, member->inner->plan->image);
	AUTO(free_ptr) char *file = path ? xasprintf("%s.state", path) : NULL;
	if (path && fsio_exists(file)) {
		if (wake(member, spec, path, &why) == 0)
			return 0;
		forget(member, path, &why);
		return boot(member, spec, err);
	}
	if (boot(member, spec, err))
		return -1;
	if (!path || !keep->save)
		return 0;
	/* This run wakes from it like the others. */
	if (save(member, path, &why) == 0 && wake(member, spec, path, &why) == 0)
		return 0;
	forget(member, path, &why);
	/* One that could not be saved goes on as if nothing had been. */
	if (member->vm && vm_is_running(member->vm))
		return 0;
	end(member);
	return boot(member, spec, err);
}
