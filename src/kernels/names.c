/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "kernels/names.h"

#include <stdbool.h>
#include <string.h>

#include "base/auto.h"
#include "base/buf.h"

#define PACKAGE_PREFIX "linux-image-"

static bool is_called(const struct kernel_name *name, const char *word)
{
	return !strcmp(name->wish, word) || !strcmp(name->release, word) ||
	       (name->version && !strcmp(name->version, word)) ||
	       (!strncmp(word, PACKAGE_PREFIX, strlen(PACKAGE_PREFIX)) &&
		       !strcmp(word + strlen(PACKAGE_PREFIX), name->release));
}

static bool begins_with(const struct kernel_name *name, const char *word)
{
	size_t length = strlen(word);

	return length && !strncmp(name->release, word, length) && strchr(".-+", name->release[length]);
}

int kernel_name_find(const struct kernel_name *names, size_t count, const char *option, const char *word,
	size_t *ret_index, struct err *err)
{
	AUTO(buf) struct buf list = BUF_INIT;
	size_t found = 0, beginnings = 0;

	for (size_t i = 0; i < count; i++) {
		buf_addf(&list, "%s%s", i ? ", " : "", names[i].release);
		if (is_called(&names[i], word)) {
			*ret_index = i;
			return 0;
		}
		if (begins_with(&names[i], word)) {
			found = i;
			beginnings++;
		}
	}
	*ret_index = found;
	if (beginnings == 1)
		return 0;
	(void)err_input(err, "%s '%s' is %s of the kernels: %s", option, word,
		beginnings ? "more than one" : "none", list.data ? list.data : "there are none");
	return err_remedy(err, "name one of them as it stands there, or another list: --kernels");
}
