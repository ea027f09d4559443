/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a user calls a kernel. */
#include "labhost/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/auto.h"
#include "base/buf.h"
#include "guest/archive.h"

#define RIGHT                                                                                                        \
	"right are a version (6.1), a Debian package's name or version, a .deb file, BZIMAGE:MODULES, and a folder " \
	"with vmlinuz or bzImage and lib/modules"

#define CLOUD_SUFFIX "-cloud-" ARCHIVE_ARCH

void wish_release(struct wish *wish)
{
	free(wish->text);
	free(wish->modules);
	*wish = (struct wish){0};
}

static bool is_folder(const char *path)
{
	struct stat status;

	return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

static bool ends_with(const char *text, const char *suffix)
{
	size_t length = strlen(text), suffix_length = strlen(suffix);

	return length > suffix_length && strcmp(text + length - suffix_length, suffix) == 0;
}

/* Absolute, because a lab host's kernel is known by where it came from. */
static char *resolved(const char *path, struct err *err)
{
	char *found = realpath(path, NULL);

	if (!found)
		(void)err_input(err, "there is no kernel '%s': %s; " RIGHT, path, strerror(errno));
	return found;
}

int wish_parse(const char *text, struct wish *ret_wish, struct err *err)
{
	const char *colon = text ? strrchr(text, ':') : NULL;
	struct wish wish = {.kind = WISH_ARCHIVE};

	if (!text) {
		*ret_wish = wish;
		return 0;
	}
	if (!*text)
		return err_input(err, "'' is no kernel; " RIGHT);
	if (colon && (strchr(text, '/') || !is_folder(text))) {
		AUTO(free_ptr) char *image = xstrndup(text, (size_t)(colon - text));
		wish.kind = WISH_FILES;
		wish.text = resolved(image, err);
		wish.modules = wish.text ? resolved(colon + 1, err) : NULL;
		if (wish.modules && !is_folder(wish.modules)) {
			(void)err_input(err, "the modules '%s' of '%s' are no folder", colon + 1, image);
			wish_release(&wish);
			return -1;
		}
	} else if (is_folder(text) &&
		   (strchr(text, '/') || strcmp(text, ".") == 0 || strcmp(text, "..") == 0)) {
		wish.kind = WISH_FOLDER;
		wish.text = resolved(text, err);
	} else if (ends_with(text, ".deb")) {
		wish.kind = WISH_DEB;
		wish.text = resolved(text, err);
	} else if (strchr(text, '/')) {
		AUTO(free_ptr) char *there = resolved(text, err);
		if (!there)
			return -1;
		(void)err_input(err, "the kernel image '%s' comes without modules", text);
		return err_remedy(err, "BZIMAGE:MODULES, with what 'make modules_install' made");
	} else {
		wish.text = xstrdup(text);
	}
	if (!wish.text || (wish.kind == WISH_FILES && !wish.modules)) {
		wish_release(&wish);
		return -1;
	}
	*ret_wish = wish;
	return 0;
}

bool wish_is_exact(const char *package, const char *version, const char *wish)
{
	return strcmp(package, wish) == 0 || strcmp(package + strlen("linux-image-"), wish) == 0 ||
	       (ends_with(package, CLOUD_SUFFIX) && strcmp(version, wish) == 0);
}

char *wish_choose(const char *list, const char *wish)
{
	AUTO(free_ptr) char *text = xstrdup(list);
	char *rest = text, *line, *best = NULL;

	while ((line = strsep(&rest, "\n"))) {
		char *version = strchr(line, ' ');
		if (!version)
			continue;
		*version++ = '\0';
		if (!wish_is_exact(line, version, wish) &&
			!(ends_with(line, CLOUD_SUFFIX) && archive_kernel_matches(line, wish)))
			continue;
		if (!best || strverscmp(line, best) > 0)
			best = line;
	}
	return best ? xstrdup(best) : NULL;
}

static int compare_lines(const void *a, const void *b)
{
	return strverscmp(*(const char *const *)a, *(const char *const *)b);
}

static bool is_same_package(const char *a, const char *b)
{
	size_t length = strcspn(a, " ");

	return length == strcspn(b, " ") && strncmp(a, b, length) == 0;
}

char **wish_each(const char *list, size_t *ret_count)
{
	AUTO(free_ptr) char *text = xstrdup(list);
	size_t count = 0, capacity = 0, kept = 0;
	char **lines = NULL;

	for (char *rest = text, *line; (line = strsep(&rest, "\n"));) {
		AUTO(free_ptr) char *package = xstrndup(line, strcspn(line, " "));
		if (!ends_with(package, CLOUD_SUFFIX))
			continue;
		lines = xgrow(lines, count, &capacity, sizeof(*lines));
		lines[count++] = xstrdup(line);
	}
	if (count)
		qsort(lines, count, sizeof(*lines), compare_lines);
	for (size_t i = 0; i < count; i++) {
		if (kept && is_same_package(lines[i], lines[kept - 1]))
			free(lines[--kept]);
		lines[kept++] = lines[i];
	}
	lines = xgrow(lines, kept, &capacity, sizeof(*lines));
	lines[kept] = NULL;
	*ret_count = kept;
	return lines;
}

char *wish_release_of_image(const void *head, size_t length)
{
	const unsigned char *bytes = head;

	if (length < 0x210 || memcmp(bytes + 0x202, "HdrS", 4) != 0)
		return NULL;
	size_t offset = (size_t)bytes[0x20e] + ((size_t)bytes[0x20f] << 8);
	if (!offset || offset + 0x200 >= length)
		return NULL;
	const char *version = (const char *)bytes + offset + 0x200;
	size_t size = strnlen(version, length - offset - 0x200);
	size_t release = 0;
	while (release < size && version[release] != ' ')
		release++;
	return release && release < size ? xstrndup(version, release) : NULL;
}
