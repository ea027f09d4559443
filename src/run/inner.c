/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "run/inner.h"

#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#include "base/auto.h"
#include "run/wire.h"

/* The harness must not run where it measures, and must not wait for its own memory. */
static int settle_down(const struct run_plan *plan, struct err *err)
{
	if (sched_setaffinity(0, sizeof(plan->harness_cpus), &plan->harness_cpus))
		return err_sys(err, errno, "cannot pin limitlab to its CPUs");
	/* ONFAULT: only what is used is held.  Where it is refused, a tick may be late, and the manifest says so. */
	(void)mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT);
	return 0;
}

/* Inherited by every process that is started here, through execve(2), too: the VMs (prctl(2)). */
static int forbid_thp(const struct run_plan *plan, struct err *err)
{
	if (!plan->scenario->memory.no_thp)
		return 0;
	if (!plan->embed)
		wire_warn(plan->wire_fd,
			"'thp: false' does not reach tenants that a daemon starts: they get huge pages as the "
			"host gives them");
	else if (prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0))
		return err_sys(err, errno, "cannot keep transparent huge pages from the tenants");
	return 0;
}

static int go_through(struct inner *inner, struct err *err)
{
	if (settle_down(inner->plan, err) || forbid_thp(inner->plan, err) || loop_new(&inner->loop, err) ||
		inner_boot(inner, err) || inner_barrier(inner, err))
		return -1;
	int result = inner_timeline(inner, err);
	/* What was measured until then is worth keeping, also of a run that broke. */
	wire_phase(inner->plan->wire_fd, "record", "");
	struct err write_err = ERR_INIT;
	if (inner_write(inner, &write_err) && result == 0) {
		*err = write_err;
		result = -1;
	}
	return result;
}

int inner_main(void *context)
{
	static struct inner inner; /* large, and needed until _exit() */
	struct err err = ERR_INIT;

	inner.plan = context;
	manifest_init(&inner.manifest);
	AUTO(free_ptr) char *path = rundir_path(inner.plan->run_dir, RUNDIR_MANIFEST);
	int result = manifest_read(&inner.manifest, path, &err);
	if (result == 0)
		result = go_through(&inner, &err);
	inner_keep_logs(&inner);
	wire_phase(inner.plan->wire_fd, "end", "");
	if (inner.loop)
		inner_shutdown(&inner);
	wire_result(inner.plan->wire_fd, &err);
	return result ? 1 : 0;
}
