/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "guest/archive.h"

#include "base/auto.h"
#include "base/buf.h"
#include "base/fsio.h"
#include "base/spawn.h"

int archive_install(const struct archive *archive, const char *packages, const char *tree, const char *log,
	struct err *err)
{
	AUTO(free_ptr) char *options = xasprintf("--aptopt=%s", archive->apt_options);
	AUTO(free_ptr) char *include = xasprintf("--include=%s", packages);
	/* In namespaces of its own, so that whatever ends it also ends its children and undoes its mounts. */
	const char *const argv[] = {"unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc",
		"mmdebstrap", "--mode=root", "--variant=essential", "--architectures=" ARCHIVE_ARCH, include,
		"--dpkgopt=path-exclude=/usr/share/doc/*", "--dpkgopt=path-exclude=/usr/share/man/*",
		"--dpkgopt=path-exclude=/usr/share/info/*", "--dpkgopt=path-exclude=/usr/share/locale/*",
		"--aptopt=APT::Install-Recommends \"false\"", "--aptopt=Acquire::Languages \"none\"", options,
		archive->suite, tree, archive->sources, NULL};
	const char *const env[] = {"LC_ALL=C.UTF-8", "DEBIAN_FRONTEND=noninteractive", NULL};
	AUTO(buf) struct buf output = BUF_INIT;
	int result = spawn_check(
		argv, &(struct spawn_options){.env = env, .output = &output, .timeout_ms = 1800000}, err);

	/* Its last line seldom says why: keep all of it. */
	if (result && output.data && !fsio_write_atomic(log, output.data, output.length, NULL))
		(void)err_remedy(err, "see '%s'", log);
	return result;
}
