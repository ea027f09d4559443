/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sample/source.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/buf.h"

int counter_open(const char *directory, const char *file)
{
	AUTO(free_ptr) char *path = xasprintf("%s/%s", directory, file);

	return open(path, O_RDONLY | O_CLOEXEC);
}

bool counter_read(int fd, char *ret_text, size_t size)
{
	if (fd < 0)
		return false;
	ssize_t count = pread(fd, ret_text, size - 1, 0);
	if (count < 0)
		return false;
	ret_text[count] = '\0';
	return true;
}

bool counter_read_u64(int fd, uint64_t *ret_value)
{
	char text[32];
	char *end;

	if (!counter_read(fd, text, sizeof(text)))
		return false;
	errno = 0;
	uint64_t value = strtoull(text, &end, 10);
	if (errno || end == text)
		return false;
	*ret_value = value;
	return true;
}

bool counter_find(const char *text, const char *key, uint64_t *ret_value)
{
	size_t length = strlen(key);

	for (const char *line = text; line; line = strchr(line, '\n')) {
		char *end;
		line += *line == '\n';
		if (strncmp(line, key, length) != 0 || line[length] != ' ')
			continue;
		errno = 0;
		uint64_t value = strtoull(line + length, &end, 10);
		if (errno || end == line + length)
			return false;
		*ret_value = value;
		return true;
	}
	return false;
}

double counter_cell(const char *text, const char *key)
{
	uint64_t value;

	return counter_find(text, key, &value) ? (double)value : (double)NAN;
}

/* "some avg10=0.00 avg60=0.00 avg300=0.00 total=1234" */
static double stall_us(const char *text, const char *kind)
{
	const char *line = strstr(text, kind);
	const char *total = line ? strstr(line, "total=") : NULL;
	char *end;

	if (!total)
		return (double)NAN;
	total += strlen("total=");
	uint64_t value = strtoull(total, &end, 10);
	return end == total ? (double)NAN : (double)value;
}

void counter_read_pressure(int fd, double *cells)
{
	char text[256];

	if (!counter_read(fd, text, sizeof(text)))
		return;
	cells[SAMPLE_PSI_MEM_SOME_US] = stall_us(text, "some ");
	cells[SAMPLE_PSI_MEM_FULL_US] = stall_us(text, "full ");
}
