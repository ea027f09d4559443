/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/paths.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/buf.h"
#include "config.h"

bool paths_from_build_tree(void)
{
	AUTO(free_ptr) char *build = realpath(LIMITLAB_BUILD_DIR, NULL);
	char exe[PATH_MAX];
	ssize_t length = readlink("/proc/self/exe", exe, sizeof(exe) - 1);

	if (!build || length < 0)
		return false;
	exe[length] = '\0';
	size_t build_length = strlen(build);
	return strncmp(exe, build, build_length) == 0 && exe[build_length] == '/';
}

const char *paths_data_dir(void)
{
	return paths_from_build_tree() ? LIMITLAB_SOURCE_DIR : LIMITLAB_DATADIR;
}

char *paths_data(const char *relative)
{
	return xasprintf("%s/%s", paths_data_dir(), relative);
}

char *paths_libexec(const char *name)
{
	if (!paths_from_build_tree())
		return xasprintf("%s/%s", LIMITLAB_LIBEXECDIR, name);
	if (strcmp(name, "init") == 0)
		return xstrdup(LIMITLAB_SOURCE_DIR "/src/guest/init");
	if (strncmp(name, "labhost-", 8) == 0)
		return xasprintf("%s/src/labhost/%s", LIMITLAB_SOURCE_DIR, name + 8);
	return xasprintf("%s/%s", LIMITLAB_BUILD_DIR, name);
}

const char *paths_state_dir(void)
{
	const char *dir = getenv("LIMITLAB_STATE_DIR");

	return dir && dir[0] == '/' ? dir : LIMITLAB_STATEDIR;
}

const char *paths_image_dir(void)
{
	const char *dir = getenv("LIMITLAB_IMAGE_DIR");

	return dir && dir[0] == '/' ? dir : LIMITLAB_STATEDIR "/image";
}
