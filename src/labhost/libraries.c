/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "labhost/internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/auto.h"

/* The loader and dpkg may each say /lib or /usr/lib for one and the same folder. */
static const char *without_usr(const char *path)
{
	static const char usr[] = "/usr";

	return strncmp(path, usr, strlen(usr)) == 0 && path[strlen(usr)] == '/' ? path + strlen(usr) : path;
}

void libraries_spell(const char *path, char *ret_spellings[2])
{
	ret_spellings[0] = xstrdup(without_usr(path));
	ret_spellings[1] = xasprintf("/usr%s", without_usr(path));
}

static int compare_texts(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The line's path, with its ": " overwritten; NULL: the line names no package's file. */
static const char *cut_path(char *line)
{
	char *at = strstr(line, ": /");

	if (!at || strncmp(line, "diversion by ", strlen("diversion by ")) == 0)
		return NULL;
	*at = '\0';
	return at + 2;
}

char *libraries_packages(char *const *libraries, size_t count, const char *said, struct err *err)
{
	AUTO(buf) struct buf packages = BUF_INIT;
	AUTO(buf) struct buf strangers = BUF_INIT;
	AUTO(free_ptr) char *text = xstrdup(said);
	AUTO(free_ptr) bool *known = xcalloc(count + 1, sizeof(*known));
	AUTO(free_ptr) char **names = NULL;
	size_t name_count = 0, capacity = 0;

	/* "libgsl27:amd64, other:amd64: /usr/lib/x86_64-linux-gnu/libgsl.so.27" */
	for (char *rest = text, *line; (line = strsep(&rest, "\n"));) {
		const char *path = cut_path(line);
		for (size_t i = 0; path && i < count; i++)
			known[i] |= strcmp(without_usr(path), without_usr(libraries[i])) == 0;
		for (char *name; path && (name = strsep(&line, ","));) {
			name += strspn(name, " ");
			name[strcspn(name, ":")] = '\0';
			names = xgrow(names, name_count, &capacity, sizeof(*names));
			names[name_count++] = name;
		}
	}
	for (size_t i = 0; i < count; i++)
		if (!known[i])
			buf_addf(&strangers, "%s%s", strangers.length ? ", " : "", libraries[i]);
	if (strangers.length) {
		(void)err_host(
			err, "libraries of this program come from no Debian package: %s", strangers.data);
		(void)err_remedy(err, "build limitlab with the libraries of Debian (make deps)");
		return NULL;
	}
	if (name_count)
		qsort(names, name_count, sizeof(*names), compare_texts);
	for (size_t i = 0; i < name_count; i++)
		if (!i || strcmp(names[i], names[i - 1]) != 0)
			buf_addf(&packages, ",%s", names[i]);
	return buf_steal(&packages);
}
