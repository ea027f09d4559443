/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/fsio.h"
#include "fixture/disk.h"
#include "run/journal.h"
#include "run/state.h"
#include "run/undo.h"

/* Numbers and names of devices mean something only until the next boot, and what was changed does not outlive it. */
static int boot_id(char ret_text[64], struct err *err)
{
	return fsio_read_small(AT_FDCWD, "/proc/sys/kernel/random/boot_id", ret_text, 64, err);
}

static int is_this_boot(const char *boot, size_t length, bool *ret_same, struct err *err)
{
	char now[64];

	if (boot_id(now, err))
		return -1;
	*ret_same = strlen(now) == length && !strncmp(now, boot, length);
	return 0;
}

int undo_disk_loop(const char *number, const char *boot, struct err *err)
{
	bool same;
	char *end;

	unsigned long parsed = strtoul(number, &end, 10);
	if (!boot || end == number || *end || parsed > UINT_MAX)
		return err_run(err, "'%s' is no number of a loop device", number);
	if (is_this_boot(boot, strlen(boot), &same, err))
		return -1;
	return same ? disk_loop_remove((unsigned)parsed, err) : 0;
}

/* The mount itself goes with a private mount namespace, or with its server: what is left then is a dead mount point. */
int undo_disk_dir(const char *path, const char *unused, struct err *err)
{
	AUTO(free_ptr) char *ours = state_path(DISK_DIR_NAME);

	(void)unused;
	if (strcmp(path, ours) != 0)
		return err_run(err, "'%s' is not '%s'", path, ours);
	return disk_dir_remove(path, err);
}

int undo_disk_device(const char *device, const char *boot_and_state, struct err *err)
{
	const char *state = boot_and_state ? strchr(boot_and_state, ' ') : NULL;
	bool same;

	if (!state)
		return err_run(err, "'%s' is no state of '%s'", boot_and_state ? boot_and_state : "", device);
	if (is_this_boot(boot_and_state, (size_t)(state - boot_and_state), &same, err))
		return -1;
	return same ? disk_device_restore(device, state + 1, err) : 0;
}

int undo_push_disk_made(struct journal *journal, const char *dir, unsigned number, struct err *err)
{
	AUTO(free_ptr) char *text = xasprintf("%u", number);
	char boot[64];

	/* Undone backwards: first the device lets go of the file, then its mount goes. */
	return boot_id(boot, err) || journal_push(journal, UNDO_DISK_DIR, dir, NULL, err) ||
			       journal_push(journal, UNDO_DISK_LOOP, text, boot, err)
		       ? -1
		       : 0;
}

int undo_push_disk_device(struct journal *journal, const char *device, struct err *err)
{
	AUTO(free_ptr) char *state = NULL;
	char boot[64];

	if (boot_id(boot, err) || disk_device_state(device, &state, err))
		return -1;
	AUTO(free_ptr) char *text = xasprintf("%s %s", boot, state);
	return journal_push(journal, UNDO_DISK_DEVICE, device, text, err);
}
